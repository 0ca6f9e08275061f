//! A set of small numbers, as small as it can be: a list of the few, or one bit for each possible one.

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IdSet {
    /// The numbers, sorted.
    List(Vec<u32>),
    /// A bit for each number up to the largest that was ever in the set.
    Bits(Vec<u64>),
}

impl Default for IdSet {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl IdSet {
    pub(crate) fn contains(&self, id: u32) -> bool {
        match self {
            Self::List(ids) => ids.binary_search(&id).is_ok(),
            Self::Bits(words) => words.get(word(id)).is_some_and(|word| word & bit(id) != 0),
        }
    }

    pub(crate) fn insert(&mut self, id: u32) {
        match self {
            Self::List(ids) => {
                if let Err(at) = ids.binary_search(&id) {
                    ids.insert(at, id);
                }
                // A number is as long as 32 bits of a bit set.
                let largest = ids.last().copied().unwrap_or(0);
                if ids.len() > word(largest) * 2 + 2 {
                    let mut words = vec![0; word(largest) + 1];
                    ids.iter().for_each(|id| set(&mut words, *id));
                    *self = Self::Bits(words);
                }
            }
            Self::Bits(words) => {
                if words.len() <= word(id) {
                    words.resize(word(id) + 1, 0);
                }
                set(words, id);
            }
        }
    }

    pub(crate) fn remove(&mut self, id: u32) {
        match self {
            Self::List(ids) => {
                if let Ok(at) = ids.binary_search(&id) {
                    ids.remove(at);
                }
            }
            Self::Bits(words) => {
                if let Some(word) = words.get_mut(word(id)) {
                    *word &= !bit(id);
                }
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::List(ids) => ids.len(),
            Self::Bits(words) => words.iter().map(|word| word.count_ones() as usize).sum(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::List(ids) => ids.is_empty(),
            Self::Bits(words) => words.iter().all(|word| *word == 0),
        }
    }

    /// Takes the smallest numbers out, so many at most.
    pub(crate) fn take_first(&mut self, most: usize) -> Vec<u32> {
        let first: Vec<u32> = self.iter().take(most).collect();
        match self {
            Self::List(ids) => drop(ids.drain(..first.len())),
            Self::Bits(_) => first.iter().for_each(|id| self.remove(*id)),
        }
        first
    }

    /// The numbers, the smallest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        let (ids, words): (&[u32], &[u64]) = match self {
            Self::List(ids) => (ids, &[]),
            Self::Bits(words) => (&[], words),
        };
        let of_word = |(number, word): (u32, &u64)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let lowest = rest.trailing_zeros();
                (rest != 0).then(|| {
                    rest &= rest - 1;
                    number * u64::BITS + lowest
                })
            })
        };
        ids.iter().copied().chain((0..).zip(words).flat_map(of_word))
    }
}

fn word(id: u32) -> usize {
    (id / u64::BITS) as usize
}

fn bit(id: u32) -> u64 {
    1 << (id % u64::BITS)
}

fn set(words: &mut [u64], id: u32) {
    if let Some(word) = words.get_mut(word(id)) {
        *word |= bit(id);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Bytes on the heap.
    fn size(set: &IdSet) -> usize {
        match set {
            IdSet::List(ids) => ids.len() * 4,
            IdSet::Bits(words) => words.len() * 8,
        }
    }

    #[test]
    fn it_takes_no_more_than_a_bit_for_each_possible_number_or_four_bytes_for_each_that_is_in_it() {
        let mut few = IdSet::default();
        [9_999, 3, 77].into_iter().for_each(|id| few.insert(id));
        assert_eq!((few.iter().collect::<Vec<_>>(), size(&few)), (vec![3, 77, 9_999], 12));
        let mut many = IdSet::default();
        (0..10_000).for_each(|id| many.insert(id));
        assert_eq!((many.iter().count(), size(&many)), (10_000, 10_000_usize.div_ceil(64) * 8));
    }

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((0..300u32, prop::bool::weighted(0.7)), 0..200), most in 0..100usize) {
            let (mut set, mut expected) = (IdSet::default(), BTreeSet::new());
            for (id, insert) in steps {
                if insert {
                    set.insert(id);
                    expected.insert(id);
                } else {
                    set.remove(id);
                    expected.remove(&id);
                }
                prop_assert_eq!(set.contains(id), insert);
                prop_assert!(size(&set) <= (300_usize.div_ceil(64) + 1) * 8);
            }
            prop_assert_eq!((set.len(), set.is_empty()), (expected.len(), expected.is_empty()));
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), expected.iter().copied().collect::<Vec<_>>());
            let first: Vec<u32> = expected.iter().copied().take(most).collect();
            prop_assert_eq!(set.take_first(most), first);
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), expected.into_iter().skip(most).collect::<Vec<_>>());
        }
    }
}
