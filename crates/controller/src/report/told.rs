//! What was reported of objects, so that it is not reported again while it goes on.
//!
//! Only fingerprints are kept: a hundred thousand targets may be refused for one reason, and two verdicts of one object whose
//! fingerprints are alike, one pair in 10¹⁹, cost one log line.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use k8s_replicator_core::decide::Verdict;
use k8s_replicator_core::names::TargetKey;

/// The fingerprint of a verdict, the same in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print(u64);

impl Print {
    pub(super) fn of(Verdict { reason, source, detail }: &Verdict) -> Self {
        let mut hasher = DefaultHasher::new();
        (reason, source, detail).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// What was reported of each object, where that may be several verdicts at once.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<TargetKey, Box<[Print]>>);

impl Told {
    /// What was reported of an object.
    pub(super) fn of(&self, target: &TargetKey) -> &[Print] {
        self.0.get(target).map_or(&[], |prints| prints)
    }

    /// From now on this is what was reported. Answers what it was before; `None`: the same.
    pub(super) fn replace(&mut self, target: &TargetKey, prints: Box<[Print]>) -> Option<Box<[Print]>> {
        if *self.of(target) == *prints {
            return None;
        }
        let before = match prints.is_empty() {
            true => self.0.remove(target),
            false => self.0.insert(target.clone(), prints),
        };
        Some(before.unwrap_or_default())
    }

    /// The objects of which something was reported.
    #[cfg(test)]
    pub(super) fn targets(&self) -> impl Iterator<Item = &TargetKey> {
        self.0.keys()
    }
}
