//! How often the state of one object may be logged.
//!
//! Guarantees: an object whose state changes all the time has a few lines at once, and then one in ten minutes, with its last state.
//! An object that is refused, and stays so, takes nothing here: its allowance begins when a state that was reported is over.
//! [`MOST_OBJECTS`] have one, whoever makes how many names flap. Where there is no place, the object that used the least of its
//! allowance loses it: what is held of it is logged at once, and its next state is a first one again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_replicator_core::names::TargetKey;

use super::{MOST_OBJECTS, Report};
use crate::event::Moment;

/// An object may have so many lines about its state at once,
const STATES_AT_ONCE: u32 = 8;
/// and then one in this time.
const STATE_IN: Duration = Duration::from_secs(600);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Allowances {
    /// The moment up to which the allowance of an object is used, if each line costs [`STATE_IN`].
    until: BTreeMap<TargetKey, Moment>,
    /// The same in the order of these moments, in which they are forgotten.
    order: BTreeSet<(Moment, TargetKey)>,
    /// The last state of an object, and when its allowance permits to log it.
    held: BTreeMap<(Moment, TargetKey), Report>,
}

impl Allowances {
    /// A state of an object that was reported is over: from now on that line counts.
    pub(super) fn ended(&mut self, now: Moment, target: &TargetKey) {
        if self.used(now, target).is_none() {
            self.use_until(target.clone(), now + STATE_IN);
        }
    }

    /// Answers the report if it may be logged now. Else it is held, in place of the one that was held of the object.
    pub(super) fn admit(&mut self, now: Moment, report: Report) -> Option<Report> {
        let Some(until) = self.used(now, &report.target) else { return Some(report) };
        let place = (room_at(until), report.target.clone());
        if place.0 > now {
            self.held.insert(place, report);
            return None;
        }
        self.held.remove(&place);
        self.use_until(place.1, until + STATE_IN);
        Some(report)
    }

    fn used(&self, now: Moment, target: &TargetKey) -> Option<Moment> {
        self.until.get(target).copied().filter(|until| *until > now)
    }

    fn use_until(&mut self, target: TargetKey, until: Moment) {
        if let Some(before) = self.until.insert(target.clone(), until) {
            self.order.remove(&(before, target.clone()));
        }
        self.order.insert((until, target));
    }

    /// The state that is held of an object is over: it is not logged any more.
    pub(super) fn drop_held(&mut self, target: &TargetKey) {
        if let Some(until) = self.until.get(target) {
            self.held.remove(&(room_at(*until), target.clone()));
        }
    }

    /// When the first report that is held may be logged.
    pub(super) fn wake_at(&self) -> Option<Moment> {
        self.held.first_key_value().map(|((at, _), _)| *at)
    }

    /// A report that was held and may be logged now, which has to be [admitted](Self::admit).
    pub(super) fn due(&mut self, now: Moment) -> Option<Report> {
        self.wake_at().filter(|at| *at <= now)?;
        self.held.pop_first().map(|(_, report)| report)
    }

    /// Forgets what is not needed any more, and what there is no place for. Answers what was held of these objects.
    pub(super) fn forget(&mut self, now: Moment) -> Vec<Report> {
        let mut held = Vec::new();
        while self.order.first().is_some_and(|(until, _)| *until <= now || self.order.len() > MOST_OBJECTS) {
            let Some((until, target)) = self.order.pop_first() else { break };
            self.until.remove(&target);
            held.extend(self.held.remove(&(room_at(until), target)));
        }
        held
    }

    /// The objects that have an allowance, and of how many something is held.
    #[cfg(test)]
    pub(super) fn kept(&self) -> (impl Iterator<Item = &TargetKey>, usize) {
        assert_eq!(self.until.len(), self.order.len());
        (self.until.keys(), self.held.len())
    }
}

/// When the next line may be logged of an object whose allowance is used up to this moment.
fn room_at(until: Moment) -> Moment {
    until.saturating_sub(STATE_IN * (STATES_AT_ONCE - 1))
}
