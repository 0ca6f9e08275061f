//! Spaces log lines about one thing: less and less often.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_replicator_core::names::TargetKey;

use super::MOST_OBJECTS;
use crate::event::Moment;

/// The time between the first line and the next one. Each further time is so many times as long,
const FIRST: Duration = Duration::from_secs(1);
const GROWS: u32 = 4;
/// up to this: about ten lines in an hour.
const LONGEST: Duration = Duration::from_secs(900);

/// When something that goes on may be logged again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spacing {
    said: u32,
    again_at: Moment,
}

impl Spacing {
    /// It is logged now, and not again for long: a fight is reported once while it goes on (SPEC 9.14).
    pub(super) fn say_once(&mut self, now: Moment) {
        self.said = self.said.saturating_add(1);
        self.again_at = now + LONGEST;
    }

    /// When it may be logged again.
    pub(super) fn again_at(&self) -> Moment {
        self.again_at
    }

    /// It is logged now.
    pub(super) fn say(&mut self, now: Moment) {
        let wait = FIRST.saturating_mul(GROWS.saturating_pow(self.said)).min(LONGEST);
        self.said = self.said.saturating_add(1);
        self.again_at = now + wait;
    }

    /// Whether it was quiet for so long that the next occurrence counts as new.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        now >= self.again_at + LONGEST
    }
}

/// The spacing of what goes on with each object. Of objects that are no targets any more so many are remembered at most, whoever
/// makes how many names come and go: those that may be logged again last.
#[derive(Debug, Default)]
pub(super) struct Spacings {
    each: BTreeMap<TargetKey, Spacing>,
    /// The objects that are no targets any more, by when they may be logged again.
    former: BTreeSet<(Moment, TargetKey)>,
    sweep_at: Moment,
}

impl Spacings {
    /// The spacing of an object, if it may be logged again now: one that was quiet for long begins anew.
    pub(super) fn may_say(&mut self, now: Moment, target: &TargetKey) -> Option<&mut Spacing> {
        let spacing = self.each.entry(target.clone()).or_default();
        self.former.remove(&(spacing.again_at, target.clone()));
        if spacing.is_over(now) {
            *spacing = Spacing::default();
        }
        (spacing.again_at <= now).then_some(spacing)
    }

    /// An object is no target any more.
    pub(super) fn is_no_target(&mut self, target: &TargetKey) {
        if let Some(spacing) = self.each.get(target) {
            self.former.insert((spacing.again_at, target.clone()));
        }
        while self.former.len() > MOST_OBJECTS
            && let Some((_, first)) = self.former.pop_first()
        {
            self.each.remove(&first);
        }
    }

    /// Forgets, now and then, those that were quiet for long.
    pub(super) fn sweep(&mut self, now: Moment) {
        if self.sweep_at <= now {
            self.each.retain(|_, spacing| !spacing.is_over(now));
            self.former.retain(|(_, target)| self.each.contains_key(target));
            self.sweep_at = now + LONGEST;
        }
    }

    /// The objects that have one.
    #[cfg(test)]
    pub(super) fn targets(&self) -> impl Iterator<Item = &TargetKey> {
        self.each.keys()
    }
}
