//! Annotations that many objects have alike, kept once.
//!
//! The replicas of one source differ in name and version, not in what their annotations say; so a graph of a million
//! replicas holds what they say only as often as there are sources. What only one object can say (a push, a consent) is not
//! looked for here: to search for its like would cost time, and to keep it after its object left would cost memory.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use crate::annotations::Marks;
use crate::observed::Annotated;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Shared {
    hasher: RandomState,
    known: HashTable<Known>,
}

/// Annotations, and how many nodes have them.
#[derive(Debug)]
struct Known {
    marks: Arc<Marks>,
    users: u32,
}

impl Shared {
    /// The same annotations, shared with the objects that have them already. Each call is answered by one of
    /// [`Shared::release`], when the object does not have them any more.
    pub(super) fn share(&mut self, annotated: Annotated) -> Annotated {
        let Some(marks) = shareable(&annotated) else { return annotated };
        let hash = hash(&self.hasher, marks);
        if let Some(known) = self.known.find_mut(hash, |known| known.marks == *marks) {
            known.users = known.users.saturating_add(1);
            return Annotated::Well(known.marks.clone());
        }
        let known = Known { marks: marks.clone(), users: 1 };
        self.known.insert_unique(hash, known, |known| self::hash(&self.hasher, &known.marks));
        annotated
    }

    /// An object does not have these annotations any more. With the last one they are dropped.
    pub(super) fn release(&mut self, annotated: &Annotated) {
        let Some(marks) = shareable(annotated) else { return };
        let hash = hash(&self.hasher, marks);
        let Ok(mut known) = self.known.find_entry(hash, |known| Arc::ptr_eq(&known.marks, marks)) else { return };
        known.get_mut().users -= 1;
        if known.get().users == 0 {
            known.remove();
        }
    }
}

/// The annotations, if others are likely to have the same: those of an object that receives and does not push.
fn shareable(annotated: &Annotated) -> Option<&Arc<Marks>> {
    match annotated {
        Annotated::Well(marks) => (marks.push.is_none() && marks.is_target()).then_some(marks),
        Annotated::Not | Annotated::Ill(_) => None,
    }
}

/// Of the texts, and of what they are resolved to: `replicate-from: x` means another object in each namespace.
fn hash(hasher: &RandomState, marks: &Marks) -> u64 {
    let mut state = hasher.build_hasher();
    marks.hash(&mut state);
    marks.replicate_from.hash(&mut state);
    marks.replicated_by.hash(&mut state);
    state.finish()
}

#[cfg(test)]
mod tests {
    use crate::names::Key;

    use super::*;

    fn marks(own: &str, annotations: &[(&str, &str)]) -> Annotated {
        let own = Key::resolve(own, "").unwrap();
        Annotated::Well(Arc::new(Marks::parse(&own, annotations.iter().copied()).unwrap().unwrap()))
    }

    fn copy(version: u32) -> Annotated {
        let version = version.to_string();
        marks("b/t", &[("replicated-by", "a/s"), ("replicated-from-version", &version), ("replicated-at", &version)])
    }

    #[test]
    fn equal_annotations_are_kept_once_and_let_go_with_the_last_who_has_them() {
        let mut shared = Shared::default();
        let mut held: Vec<Annotated> = (0..1_000).map(|_| shared.share(copy(1))).collect();
        assert_eq!(shared.known.len(), 1);
        let Annotated::Well(first) = held[0].clone() else { panic!() };
        assert_eq!(Arc::strong_count(&first), held.len() + 2, "one for each object, the table and this test");
        for version in 2..1_000 {
            let one = shared.share(copy(version));
            assert_eq!(shared.known.len(), 2);
            shared.release(&one);
            assert_eq!(shared.known.len(), 1, "at once, though {one:?} is still held here");
        }
        while let Some(one) = held.pop() {
            assert_eq!(shared.known.len(), 1);
            shared.release(&one);
        }
        assert_eq!(shared.known.len(), 0);
    }

    /// Issue 9: 400 updates of one ConfigMap kept 400 lists of 246 KiB; and 20,000 sources that say the same words, each of
    /// its own name, were compared one by one.
    #[test]
    fn what_only_one_object_can_say_is_not_kept_here() {
        let mut shared = Shared::default();
        for own in ["a/x", "a/y"] {
            for annotations in [
                &[("replicate-to-namespaces", "b")][..],
                &[("replication-allowed-namespaces", "b")],
                &[("replicate-from", "a/z"), ("replicate-to", "b/z")],
                &[("replicated-by", "a/z"), ("replicate-to", "b/z")],
            ] {
                let one = shared.share(marks(own, annotations));
                assert_eq!(shared.known.len(), 0, "{annotations:?}");
                shared.release(&one);
            }
        }
        for not in [Annotated::Not, Annotated::Ill(Box::new(crate::annotations::IllFormed::Unknown(String::new())))] {
            assert_eq!(shared.share(not.clone()), not);
            shared.release(&not);
        }
    }

    #[test]
    fn equal_texts_that_mean_different_objects_do_not_collide() {
        let mut shared = Shared::default();
        let in_namespaces = |n: u32| marks(&format!("n{n}/t"), &[("replicate-from", "x")]);
        let mut hashes = std::collections::HashSet::new();
        for n in 0..100 {
            let Annotated::Well(one) = shared.share(in_namespaces(n)) else { panic!() };
            hashes.insert(hash(&shared.hasher, &one));
        }
        assert_eq!((shared.known.len(), hashes.len()), (100, 100));
    }
}
