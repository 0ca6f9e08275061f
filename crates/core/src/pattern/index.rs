//! An index of the items of one text, which takes a few bytes for each.
//!
//! An annotation has room for tens of thousands of items, and is asked about every namespace. So an item is kept as the
//! position where it begins in the annotation's text, and found by its hash. Hashes have a random seed, so that nobody can
//! write items that collide; and nothing that is seen from outside follows their order.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// The most items that one list may have. A longer one is ill-formed.
pub const MAX_ITEMS: usize = 1 << 14;

/// The hash of a text.
#[derive(Clone, Copy)]
pub(crate) struct Hash(u64);

impl Hash {
    pub(crate) fn of(text: &str) -> Self {
        let (start, factor) = seeds();
        let bytes = text.as_bytes();
        let mut hash = Self(start ^ bytes.len() as u64);
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| hash.fold(u64::from_le_bytes(*word), factor));
        if !rest.is_empty() {
            hash.fold(end(bytes), factor);
        }
        hash
    }

    /// The hash of some numbers.
    pub(crate) fn of_numbers(numbers: impl IntoIterator<Item = u64>) -> u64 {
        let (start, factor) = seeds();
        let mut hash = Self(start);
        numbers.into_iter().for_each(|number| hash.fold(number, factor));
        hash.0
    }

    fn fold(&mut self, part: u64, factor: u64) {
        let product = u128::from(self.0 ^ part) * u128::from(factor);
        self.0 = (product as u64) ^ ((product >> u64::BITS) as u64);
    }

    /// One of `buckets`.
    fn bucket(self, buckets: usize) -> usize {
        ((u128::from(self.0) * buckets as u128) >> u64::BITS) as usize
    }
}

/// The last eight bytes of a text, or all that it has: texts of one length have another number for each other end.
fn end(bytes: &[u8]) -> u64 {
    let four = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    match (bytes.last_chunk(), bytes.first_chunk(), bytes.last_chunk()) {
        (Some(eight), ..) => u64::from_le_bytes(*eight),
        (None, Some(first), Some(last)) => four(first) | four(last) << 32,
        _ => bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
    }
}

/// Which items were seen, by hashes that are made already.
#[derive(Default)]
pub(crate) struct Seen<'t>(HashTable<(Hash, &'t str)>);

impl<'t> Seen<'t> {
    /// An empty set with room for all items of this text.
    pub(crate) fn of(text: &str) -> Self {
        Self(HashTable::with_capacity(most_items(text)))
    }

    /// Adds an item with its hash, and says whether it is a new one.
    pub(crate) fn insert(&mut self, hash: Hash, item: &'t str) -> bool {
        let is_this = |(_, other): &(Hash, &str)| *other == item;
        match self.0.entry(hash.0, is_this, |(hash, _)| hash.0) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert((hash, item));
                true
            }
        }
    }
}

/// How many items a text has at most, as far as they count.
pub(crate) fn most_items(text: &str) -> usize {
    let separators = memchr::memchr2_iter(b',', b'\n', text.as_bytes());
    (separators.take(MAX_ITEMS).count() + 1).min(MAX_ITEMS)
}

/// Where a hash begins, and an odd factor: random, and the same as long as the process runs.
fn seeds() -> (u64, u64) {
    static SEEDS: OnceLock<(u64, u64)> = OnceLock::new();
    *SEEDS.get_or_init(|| (RandomState::new().hash_one(1_u8), RandomState::new().hash_one(2_u8) | 1))
}

/// Finds the numbers of items, which are below [`MAX_ITEMS`], by their hashes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    /// For each bucket, where in `order` it begins; and where the last one ends.
    starts: Box<[u16]>,
    /// The items' numbers, bucket by bucket.
    order: Box<[u16]>,
}

impl Index {
    /// The index of items with these hashes, in this order; so many of them are in one bucket on average.
    pub(crate) fn new(hashes: &[Hash], in_bucket: usize) -> Self {
        let buckets = hashes.len().div_ceil(in_bucket);
        let mut starts = vec![0_u16; buckets + 1];
        for hash in hashes {
            starts[hash.bucket(buckets)] += 1;
        }
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let mut order = vec![0_u16; hashes.len()];
        for (number, hash) in hashes.iter().enumerate().rev() {
            let start = &mut starts[hash.bucket(buckets)];
            *start -= 1;
            order[usize::from(*start)] = u16::try_from(number).unwrap_or(u16::MAX);
        }
        Self { starts: starts.into(), order: order.into() }
    }

    /// The numbers of the items that may have this hash, in their order.
    pub(crate) fn find(&self, hash: Hash) -> impl Iterator<Item = usize> + '_ {
        let bucket = hash.bucket(self.starts.len().saturating_sub(1));
        let start = self.starts.get(bucket).copied().unwrap_or_default();
        let end = self.starts.get(bucket + 1).copied().unwrap_or_default();
        self.order[usize::from(start)..usize::from(end)].iter().map(|number| usize::from(*number))
    }
}

/// The items of a list with their positions in its text: separated by commas or line feeds, trimmed, without the empty ones (SPEC
/// 2).
pub(crate) fn items(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let mut next = 0;
    text.split([',', '\n']).filter_map(move |piece| {
        let start = next;
        next += piece.len() + 1;
        // Most items are plain, and are not looked through for white space.
        if let ([first, ..], [.., last]) = (piece.as_bytes(), piece.as_bytes())
            && first.is_ascii_graphic()
            && last.is_ascii_graphic()
        {
            return Some((position(start), piece));
        }
        let item = piece.trim();
        (!item.is_empty()).then(|| (position(start + piece.len() - piece.trim_start().len()), item))
    })
}

/// The position as 32 bits: a text from an API server is never longer.
fn position(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// The rest of `text` from a position that [`items`] returned.
pub(crate) fn rest(text: &str, position: u32) -> &str {
    text.get(position as usize..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn items_are_separated_by_commas_or_line_feeds_and_trimmed() {
        // The text, and its items with where they begin.
        type Case<'a> = (&'a str, &'a [(u32, &'a str)]);
        let cases: [Case<'_>; 8] = [
            ("", &[]),
            (" ,\n,\t", &[]),
            ("a", &[(0, "a")]),
            ("a, b", &[(0, "a"), (3, "b")]),
            ("a\nb\n", &[(0, "a"), (2, "b")]),
            ("a\r\n b \r\n", &[(0, "a"), (4, "b")]),
            ("\u{a0}ä\u{2003}, é", &[(2, "ä"), (9, "é")]),
            ("a b,c", &[(0, "a b"), (4, "c")]),
        ];
        for (text, expected) in cases {
            assert_eq!(items(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn positions_are_where_the_items_stand(text in "[ab ,\n\u{a0}é]{0,20}") {
            for (position, item) in items(&text) {
                prop_assert!(rest(&text, position).starts_with(item));
            }
        }

        #[test]
        fn an_index_finds_every_item(texts in proptest::collection::vec("[a-c]{0,3}", 0..200)) {
            let hashes: Vec<Hash> = texts.iter().map(|text| Hash::of(text)).collect();
            let index = Index::new(&hashes, 1);
            for (number, text) in texts.iter().enumerate() {
                prop_assert!(index.find(Hash::of(text)).any(|found| found == number));
            }
        }
    }

    proptest! {
        #[test]
        fn texts_that_differ_in_one_place_have_other_hashes(text in "[a-z]{1,70}", place in any::<prop::sample::Index>()) {
            let mut other = text.clone().into_bytes();
            other[place.index(text.len())] ^= 1;
            let other = String::from_utf8(other).unwrap();
            for other in [&*other, &text[1..], &format!("{text}\0")] {
                prop_assert_ne!(Hash::of(&text).0, Hash::of(other).0, "{} {:?}", text, other);
            }
        }
    }

    #[test]
    fn buckets_are_short() {
        for texts in [
            (0..MAX_ITEMS).map(|n| format!("tenant-{n}")).collect::<Vec<_>>(),
            (0..MAX_ITEMS).map(|n| format!("{:b}", n)).collect(),
            // Thue-Morse words, with which polynomial hashes collide whatever the factor is.
            (0..MAX_ITEMS).map(|n| (0..14).map(|bit| if n >> bit & 1 == 1 { "ab" } else { "ba" }).collect()).collect(),
        ] {
            let hashes: Vec<Hash> = texts.iter().map(|text| Hash::of(text)).collect();
            let index = Index::new(&hashes, 1);
            let longest = hashes.iter().map(|hash| index.find(*hash).count()).max();
            assert!(longest < Some(24), "{longest:?} items in one bucket");
        }
    }
}
