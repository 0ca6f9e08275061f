//! A set of targets that remembers in which order they came, in little memory: a source may have a million replicas.
//!
//! As `indexmap::IndexSet` it has an order that two equal runs have alike, and finds and removes a member at once. It takes
//! half the memory: hashes are kept short, and a small set has none.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use crate::names::TargetKey;

/// So many are compared one by one.
const FEW: usize = 8;

/// See the [module](self). All calls on one set are made with the same hasher.
#[derive(Debug)]
pub(super) enum OrderedSet {
    Few(Vec<TargetKey>),
    Many(Box<Many>),
}

#[derive(Debug, Default)]
pub(super) struct Many {
    members: Vec<TargetKey>,
    /// A part of each member's hash: to make the table larger, no member has to be fetched from memory.
    hashes: Vec<u32>,
    /// Where each member is.
    places: HashTable<u32>,
}

impl Default for OrderedSet {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl OrderedSet {
    pub(super) fn iter(&self) -> std::slice::Iter<'_, TargetKey> {
        match self {
            Self::Few(members) => members.iter(),
            Self::Many(many) => many.members.iter(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.iter().len() == 0
    }

    pub(super) fn insert(&mut self, hasher: &impl BuildHasher, target: TargetKey) {
        match self {
            Self::Few(members) if members.contains(&target) => {}
            Self::Few(members) if members.len() < FEW => {
                // Most sources have one or two.
                members.reserve_exact(1);
                members.push(target);
            }
            Self::Few(members) => {
                let mut many = Many::default();
                members.drain(..).chain([target]).for_each(|member| many.insert(hasher, member));
                *self = Self::Many(Box::new(many));
            }
            Self::Many(many) => many.insert(hasher, target),
        }
    }

    /// The last member takes the place of the removed one.
    pub(super) fn remove(&mut self, hasher: &impl BuildHasher, target: &TargetKey) {
        match self {
            Self::Few(members) => {
                if let Some(place) = members.iter().position(|member| member == target) {
                    members.swap_remove(place);
                }
            }
            Self::Many(many) => many.remove(hasher, target),
        }
    }
}

impl Many {
    fn insert(&mut self, hasher: &impl BuildHasher, target: TargetKey) {
        let Self { members, hashes, places } = self;
        let hash = short(hasher, &target);
        if places.find(long(hash), |place| is_at(members, hashes, *place, hash, &target)).is_some() {
            return;
        }
        let place = members.len() as u32;
        places.insert_unique(long(hash), place, |place| hashes.get(*place as usize).map_or(0, |hash| long(*hash)));
        members.push(target);
        hashes.push(hash);
    }

    fn remove(&mut self, hasher: &impl BuildHasher, target: &TargetKey) {
        let Self { members, hashes, places } = self;
        let hash = short(hasher, target);
        let Ok(found) = places.find_entry(long(hash), |place| is_at(members, hashes, *place, hash, target)) else {
            return;
        };
        let (place, _) = found.remove();
        members.swap_remove(place as usize);
        hashes.swap_remove(place as usize);
        let moved = members.len() as u32;
        if let Some(hash) = hashes.get(place as usize)
            && let Some(at) = places.find_mut(long(*hash), |other| *other == moved)
        {
            *at = place;
        }
    }
}

fn is_at(members: &[TargetKey], hashes: &[u32], place: u32, hash: u32, target: &TargetKey) -> bool {
    hashes.get(place as usize) == Some(&hash) && members.get(place as usize) == Some(target)
}

fn short(hasher: &impl BuildHasher, target: &TargetKey) -> u32 {
    hasher.hash_one(target) as u32
}

/// The table looks at the upper bits and at the lower ones.
fn long(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasherDefault, Hasher, RandomState};

    use indexmap::IndexSet;
    use proptest::prelude::*;

    use super::*;
    use crate::names::Key;

    /// Of a million members some have the same short hash; with this one all have.
    #[derive(Default)]
    struct Colliding;

    impl Hasher for Colliding {
        fn finish(&self) -> u64 {
            0
        }

        fn write(&mut self, _: &[u8]) {}
    }

    fn is_an_index_set(hasher: &impl BuildHasher, steps: &[(u32, bool)]) -> Result<(), TestCaseError> {
        let (mut set, mut expected) = (OrderedSet::default(), IndexSet::new());
        for (number, insert) in steps {
            let target = TargetKey::from(Key::new("a", &format!("t{number}")).unwrap());
            if *insert {
                set.insert(hasher, target.clone());
                expected.insert(target);
            } else {
                set.remove(hasher, &target);
                expected.swap_remove(&target);
            }
            prop_assert!(set.iter().eq(&expected));
            prop_assert_eq!(set.is_empty(), expected.is_empty());
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn it_is_an_index_set(steps in prop::collection::vec((0..40u32, prop::bool::weighted(0.6)), 0..300)) {
            is_an_index_set(&RandomState::new(), &steps)?;
            is_an_index_set(&BuildHasherDefault::<Colliding>::default(), &steps)?;
        }
    }
}
