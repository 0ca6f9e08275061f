//! The items `prefix.*` of a list: one look-up for each namespace, however many and however long they are.
//!
//! They are sorted, and of items that begin with another one only that is kept, since it names all that they do. Then the only item
//! that a name can begin with is the last one that does not come after the name: any item between the two would begin with it.

/// Where a prefix stands in the list's text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prefix {
    start: u32,
    length: u32,
}

impl Prefix {
    /// One that stands at a position of the text.
    pub(super) fn new(start: u32, prefix: &str) -> Self {
        Self { start, length: u32::try_from(prefix.len()).unwrap_or(u32::MAX) }
    }

    fn of(self, text: &str) -> &[u8] {
        let start = self.start as usize;
        text.as_bytes().get(start..start + self.length as usize).unwrap_or_default()
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Prefixes(Box<[Prefix]>);

impl Prefixes {
    pub(super) fn new(text: &str, prefixes: Vec<Prefix>) -> Self {
        let mut keyed: Vec<Keyed> = prefixes.into_iter().map(|prefix| (0, prefix)).collect();
        sort(text, &mut keyed, 0);
        let mut kept: Vec<Prefix> = Vec::with_capacity(keyed.len());
        for (_, prefix) in keyed {
            if kept.last().is_none_or(|last| !prefix.of(text).starts_with(last.of(text))) {
                kept.push(prefix);
            }
        }
        Self(kept.into())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a name begins with one of them.
    pub(super) fn begin(&self, text: &str, name: &str) -> bool {
        let name = name.as_bytes();
        let after = self.0.partition_point(|prefix| prefix.of(text) <= name);
        after.checked_sub(1).and_then(|last| self.0.get(last)).is_some_and(|last| name.starts_with(last.of(text)))
    }

    /// Whether one of them is empty, so that every name begins with it.
    pub(super) fn begin_all(&self) -> bool {
        self.0.first().is_some_and(|first| first.length == 0)
    }
}

/// A prefix and eight of its bytes, as a number.
type Keyed = (u64, Prefix);
const KEY: usize = size_of::<u64>();

/// Sorts prefixes whose first bytes, so many, are the same: by their next eight bytes at once, which takes a tenth of the time of
/// comparing texts, and whoever writes them cannot make them take longer than their length.
fn sort(text: &str, prefixes: &mut [Keyed], same: usize) {
    for (key, prefix) in &mut *prefixes {
        *key = next_bytes(prefix.of(text), same);
    }
    prefixes.sort_unstable_by_key(|(key, _)| *key);
    for equal in prefixes.chunk_by_mut(|(key, _), (other, _)| key == other) {
        // A prefix has no NUL: where the last byte is one, they have ended.
        if let [(key, _), _, ..] = equal
            && *key & 0xff != 0
        {
            sort(text, equal, same + KEY);
        }
    }
}

/// The eight bytes from a place on, in an order in which numbers compare as texts do; NUL after the end.
fn next_bytes(prefix: &[u8], from: usize) -> u64 {
    let rest = prefix.get(from..).unwrap_or_default();
    match rest.first_chunk() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => rest.iter().rev().fold(0, |key, byte| key >> 8 | u64::from(*byte) << 56),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefixes(texts: &[String]) -> (String, Prefixes) {
        let mut whole = String::new();
        let mut all = Vec::new();
        for text in texts {
            all.push(Prefix::new(whole.len() as u32, text));
            whole.push_str(text);
            whole.push_str(".*,");
        }
        let prefixes = Prefixes::new(&whole, all);
        (whole, prefixes)
    }

    #[test]
    fn one_that_begins_with_another_is_left_out() {
        for (texts, kept) in [
            (&["b", "a", "b"][..], &["a", "b"][..]),
            (&["abc", "ab", "abcd", "ac"], &["ab", "ac"]),
            (&["a-b", "a", "a0"], &["a"]),
            (&["x", "", "y"], &[""]),
            // Of the length of a key, and one more.
            (&["abcdefghi", "abcdefgh", "abcdefg0"], &["abcdefg0", "abcdefgh"]),
            (
                &["abcdefghijklmnopq", "abcdefghijklmnopr", "abcdefghijklmnop0"],
                &["abcdefghijklmnop0", "abcdefghijklmnopq", "abcdefghijklmnopr"],
            ),
            (&[], &[]),
        ] {
            let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
            let (text, prefixes) = prefixes(&texts);
            let found: Vec<&[u8]> = prefixes.0.iter().map(|prefix| prefix.of(&text)).collect();
            assert_eq!(found, kept.iter().map(|text| text.as_bytes()).collect::<Vec<_>>(), "{texts:?}");
            assert_eq!((prefixes.is_empty(), prefixes.begin_all()), (kept.is_empty(), kept.contains(&"")));
        }
    }

    proptest! {
        #[test]
        fn a_name_is_found_by_its_beginning(texts in prop::collection::vec("[ab-]{0,3}|a{6,10}[b-]?", 0..20), names in prop::collection::vec("[ab-]{0,5}|a{5,12}b?", 0..20)) {
            let (text, prefixes) = prefixes(&texts);
            for name in names {
                prop_assert_eq!(prefixes.begin(&text, &name), texts.iter().any(|prefix| name.starts_with(prefix)), "{} in {}", name, text);
            }
        }
    }
}
