//! Annotations that many objects have alike, kept once.
//!
//! The replicas of one source differ in name and version, not in what their annotations say; so a graph of a million
//! replicas needs to hold what they say only as often as there are sources.

use std::collections::HashSet;
use std::sync::Arc;

use crate::annotations::Marks;
use crate::observed::Annotated;

/// Below this many, nothing is swept: it would not be worth a walk.
const FEW: usize = 64;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Shared {
    known: HashSet<Arc<Marks>>,
    /// When so many are known, those that nobody has any more are let go.
    sweep_at: usize,
}

impl Default for Shared {
    fn default() -> Self {
        Self { known: HashSet::new(), sweep_at: FEW }
    }
}

impl Shared {
    /// The same annotations, shared with the objects that have them already.
    pub(super) fn share(&mut self, annotated: Annotated) -> Annotated {
        let Annotated::Well(marks) = annotated else { return annotated };
        if let Some(known) = self.known.get(&marks) {
            return Annotated::Well(known.clone());
        }
        if self.known.len() >= self.sweep_at {
            self.known.retain(|marks| Arc::strong_count(marks) > 1);
            // So that the next walk comes only after as many new ones as there are old ones.
            self.sweep_at = (self.known.len() * 2).max(FEW);
            self.known.shrink_to(self.sweep_at);
        }
        self.known.insert(marks.clone());
        Annotated::Well(marks)
    }
}

#[cfg(test)]
mod tests {
    use crate::names::Key;

    use super::*;

    fn marks(version: u32) -> Annotated {
        let version = version.to_string();
        let annotations =
            [("replicated-by", "a/s"), ("replicated-from-version", &version), ("replicated-at", &version)];
        Annotated::Well(Arc::new(Marks::parse(&Key::new("b", "t").unwrap(), annotations).unwrap().unwrap()))
    }

    #[test]
    fn equal_annotations_are_kept_once_and_let_go_when_nobody_has_them() {
        let mut shared = Shared::default();
        let held: Vec<Annotated> = (0..1_000).map(|_| shared.share(marks(1))).collect();
        assert_eq!(shared.known.len(), 1);
        assert!(held.iter().all(|one| *one == marks(1)));
        for version in 0..10_000 {
            drop(shared.share(marks(version)));
            assert!(shared.known.len() <= FEW, "{}", shared.known.len());
        }
        let Annotated::Well(first) = &held[0] else { panic!() };
        assert_eq!(Arc::strong_count(first), held.len() + 1, "those in use stay");
    }
}
