//! The targets that are to be decided about, and the one budget for requests about them.
//!
//! Each target has at most one entry: queued, handed out, or waiting for a time or for room. There is no other state: what [`Queue::next`]
//! hands out comes back by [`Queue::end`], which says when it is decided about again, or that it is settled until something changes.
//! One that is handed out is not handed out again before that, and comes back if it was added in the meantime. The queue is not
//! bounded: it delays, and never drops.
//!
//! Where a change concerns very many targets at once, they are queued in one piece ([`Wide`]) and are taken out of it as their turn comes.
//!
//! Targets of one cause take turns with those of others (`turns`, `lanes`). Every request about a target, or about its source, passes
//! [`Queue::may_read`] or [`Queue::may_write`] (`budget`), which know how many there were recently (`pace`); without their [`Pass`] none is made.

mod budget;
mod entry;
mod lanes;
mod pace;
mod pieces;
#[cfg(test)]
mod tests;
mod turns;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_replicator_core::graph::{Graph, Wide};
use k8s_replicator_core::names::{Key, TargetKey};

use crate::cluster::Access;
use crate::event::Moment;

use entry::{Entry, Failures, State};
use lanes::Lanes;
use pace::Paces;
use pieces::Pieces;
use turns::Parked;

pub use entry::{Depth, End, Priority, Turn};
pub use pace::{Because, Hold, Pass, Why, Work};
pub(crate) use pieces::MOST_PIECES;

/// So many targets of one cause are queued one by one before more are taken out of what is wide,
const AHEAD: usize = 1_000;
/// and so many are taken out at once: about a millisecond's work.
const AT_ONCE: usize = 1_000;
/// While so many targets of one cause are queued one by one, and more than twice as many as its next change touches, that change adds none:
/// an object that changes faster than what it names can be decided about would fill the memory. Instead all targets are verified.
pub(crate) const MOST_OF_ONE: usize = 20_000;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Queue {
    pieces: Pieces,
    entries: HashMap<TargetKey, Entry>,
    ready: Lanes,
    urgent: Lanes,
    verify: Lanes,
    waiting: BTreeSet<(Moment, TargetKey)>,
    /// Targets that wait for room in a namespace, by [`Access`].
    parked: [BTreeMap<Box<str>, Parked>; 2],
    /// Namespaces of `parked` that may have room.
    reopened: BTreeSet<(Box<str>, Access)>,
    /// How many targets are queued or handed out because of a change of this object.
    because_of: HashMap<Key, usize>,
    paces: Paces,
    turns: u64,
    /// See [`Queue::set_time`].
    time: Moment,
}

impl Queue {
    /// It has no clock: the caller says what time it is before anything is added.
    pub fn set_time(&mut self, now: Moment) {
        self.time = now;
    }

    /// How many targets are to be decided about. It goes through all of them.
    #[must_use]
    pub fn depth(&self) -> Depth {
        let (mut urgent, mut ready, mut verify, mut handed_out, mut waiting, mut parked) = (0, 0, 0, 0, 0, 0);
        for entry in self.entries.values() {
            *match entry.state {
                State::Queued(Priority::Urgent) => &mut urgent,
                State::Queued(Priority::Ready) => &mut ready,
                State::Queued(Priority::Verify) => &mut verify,
                State::HandedOut => &mut handed_out,
                State::Waiting(_) => &mut waiting,
                State::Parked => &mut parked,
            } += 1;
        }
        urgent += self.pieces.iter().map(|piece| piece.wide.len()).sum::<usize>();
        let due = self.entries.values().filter_map(|entry| entry.due).chain(self.pieces.iter().map(|piece| piece.due));
        Depth {
            classes: [
                ("urgent", urgent),
                ("ready", ready),
                ("verify", verify),
                ("handed_out", handed_out),
                ("waiting", waiting),
                ("parked", parked),
            ],
            oldest_urgent: due.min(),
        }
    }

    /// Adds a target. `cause`: the object that changed; `None`: no particular one. A target that waits is decided about now, since
    /// something may have changed, unless it is only to be verified.
    pub fn add(&mut self, target: TargetKey, priority: Priority, cause: Option<&Key>) {
        self.add_due(target, priority, cause, self.time);
    }

    /// Adds the targets that one change touches. They are urgent.
    pub fn add_touched(&mut self, targets: Vec<TargetKey>, cause: Option<&Key>) {
        let of_one = cause.and_then(|cause| self.because_of.get(cause)).copied().unwrap_or_default();
        if of_one > MOST_OF_ONE.max(2 * targets.len()) {
            return self.pieces.verify_all();
        }
        targets.into_iter().for_each(|target| self.add(target, Priority::Urgent, cause));
    }

    /// Adds targets in one piece. They are urgent.
    pub fn add_wide(&mut self, wide: Wide, cause: Option<&Key>) {
        if self.pieces.push(wide, cause, self.time) {
            self.count_because_of(cause);
        }
    }

    /// Takes some targets out of what is queued in one piece: not those of a cause of which many wait one by one. `tell` is called
    /// with each of them. `all`: every target that may have to be decided about, where some found no room.
    pub fn take_out(
        &mut self,
        graph: &mut Graph,
        all: impl FnOnce(&Graph) -> Vec<TargetKey>,
        mut tell: impl FnMut(&TargetKey),
    ) {
        if self.pieces.take_verify_all(self.time) {
            graph.let_go_of_plain();
            all(graph).into_iter().for_each(|target| self.add(target, Priority::Verify, None));
        }
        // Those that were handed out may wait for a read of their source: then nobody has a turn before more are taken out.
        let others_wait = self.has_one_by_one();
        let because_of = &self.because_of;
        let standing = |cause: Option<&Key>| cause.and_then(|cause| because_of.get(cause)).copied().unwrap_or_default();
        let next = self.pieces.next(|cause| !others_wait || standing(cause) <= AHEAD);
        let Some(mut piece) = next else { return };
        for target in graph.take_targets(&mut piece.wide, AT_ONCE) {
            tell(&target);
            self.add_due(target, Priority::Urgent, piece.cause.as_ref(), piece.due);
        }
        let ended = self.pieces.put_back(piece);
        self.no_longer_because_of(ended);
    }

    /// `since`: since when it has been due, unless it has been for longer.
    fn add_due(&mut self, target: TargetKey, priority: Priority, cause: Option<&Key>, since: Moment) {
        match self.entries.get_mut(&target).map(|entry| (entry.state, entry)) {
            Some((State::HandedOut, entry)) => {
                if entry.again.as_ref().is_none_or(|(before, _)| *before < priority) {
                    entry.again = Some((priority, cause.cloned()));
                }
                return;
            }
            Some((State::Queued(before), _)) if before >= priority => return,
            Some((State::Waiting(_) | State::Parked, _)) if priority == Priority::Verify => return,
            _ => {}
        }
        let (failures, due) = self.leave(&target);
        let due = due.or_else(|| (priority != Priority::Verify).then_some(since));
        self.enter(target, priority, cause.cloned(), failures, due);
    }

    fn enter(
        &mut self,
        target: TargetKey,
        priority: Priority,
        cause: Option<Key>,
        failures: Failures,
        due: Option<Moment>,
    ) {
        self.count_because_of(cause.as_ref());
        let due = due.or_else(|| (priority != Priority::Verify).then_some(self.time));
        let entry = Entry { state: State::Queued(priority), cause: cause.clone(), again: None, failures, due };
        self.entries.insert(target.clone(), entry);
        match priority {
            Priority::Ready => self.ready.push(target, cause),
            Priority::Urgent => self.urgent.push(target, cause),
            Priority::Verify => self.verify.push(target, cause),
        }
    }

    /// Takes a target out of where it stands. Answers what failed for it, and since when it has been due.
    fn leave(&mut self, target: &TargetKey) -> (Failures, Option<Moment>) {
        let Some(entry) = self.entries.remove(target) else { return (Failures::default(), None) };
        if let State::Waiting(at) = entry.state {
            self.waiting.remove(&(at, target.clone()));
        }
        // In the lanes, and among the parked ones, its name stays until its turn comes, and is passed over then.
        self.no_longer_because_of(entry.cause);
        (entry.failures, entry.due)
    }

    fn count_because_of(&mut self, cause: Option<&Key>) {
        if let Some(cause) = cause {
            *self.because_of.entry(cause.clone()).or_default() += 1;
        }
    }

    fn no_longer_because_of(&mut self, cause: Option<Key>) {
        let Some(cause) = cause else { return };
        if let Some(count) = self.because_of.get_mut(&cause) {
            *count -= 1;
            if *count == 0 {
                self.because_of.remove(&cause);
            }
        }
    }

    /// Whether targets are still queued or handed out because of a change of this object: it was not followed yet.
    #[must_use]
    pub fn is_following(&self, object: &Key) -> bool {
        self.because_of.contains_key(object)
    }

    /// The change because of which a target is decided about, while it is queued or handed out.
    #[must_use]
    pub fn cause(&self, target: &TargetKey) -> Option<&Key> {
        self.entries.get(target)?.cause.as_ref()
    }

    /// The watch showed a target while a write of it was under way: the change that led to it was followed.
    pub fn was_followed(&mut self, target: &TargetKey) {
        let cause = self.entries.get_mut(target).and_then(|entry| entry.cause.take());
        self.no_longer_because_of(cause);
    }

    /// Whether a target could be handed out now. (One that was moved up stands in the lower lane still, and may be counted.)
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.has_one_by_one() || self.pieces.has_next()
    }

    fn has_one_by_one(&self) -> bool {
        [&self.ready, &self.urgent, &self.verify].iter().any(|lanes| !lanes.is_empty()) || !self.reopened.is_empty()
    }

    /// When the next waiting target is due.
    #[must_use]
    pub fn wake_at(&self) -> Option<Moment> {
        self.waiting.first().map(|(at, _)| *at).into_iter().chain(self.pieces.verify_all_at()).min()
    }

    /// When a target is decided about again, at the latest: [`Moment::ZERO`] if it is queued, handed out, or waits for room. `None`: when
    /// something changes that it depends on, or a list is complete.
    #[must_use]
    pub fn next_at(&self, target: &TargetKey) -> Option<Moment> {
        match self.entries.get(target)?.state {
            State::Waiting(at) => Some(at),
            State::Queued(_) | State::HandedOut | State::Parked => Some(Moment::ZERO),
        }
    }

    /// Whether no target is queued, handed out or waiting.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.entries.is_empty() && self.pieces.is_idle()
    }

    /// Every target is queued, handed out, parked, or waits for a time that comes.
    #[cfg(test)]
    pub(crate) fn check(&self, now: Moment) {
        for (target, entry) in &self.entries {
            if let State::Waiting(at) = entry.state {
                assert!(self.waiting.contains(&(at, target.clone())), "{target} waits for nothing");
                assert!(at <= now + std::time::Duration::from_secs(400), "{target} waits for {:?}", at - now);
            }
        }
        assert!(self.waiting.iter().all(|(at, target)| self.entries[target].state == State::Waiting(*at)));
    }
}
