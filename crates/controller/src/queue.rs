//! The targets that are to be looked at, and the one budget for requests about them.
//!
//! Each target stands here at most once: queued, handed out, or waiting for a time. There is no fourth state: what [`Queue::next`]
//! hands out comes back by [`Queue::end`], which says when it is looked at again, or that it is settled until something changes.
//! One that is handed out is not handed out again before that, and comes back if it was added in the meantime. The queue is not
//! bounded: it delays, and never drops.
//!
//! Where a change concerns very many targets at once, they stand here in one piece ([`Wide`]) and are taken out of it as their turn comes.
//!
//! Targets of one cause take turns with those of others (`lanes`). Every request about a target, or about its source, passes
//! [`Queue::may_read`] or [`Queue::may_write`], which know how many there were of late (`pace`); without their [`Pass`] none is made.

mod lanes;
mod pace;
mod pieces;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::Deref;
use std::time::Duration;

use k8s_replicator_core::bug;
use k8s_replicator_core::graph::{Graph, Wide};
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::observed::ResourceVersion;
use k8s_replicator_core::reason::Reason;

use crate::event::Moment;

use lanes::Lanes;
use pace::Paces;
use pieces::Pieces;

pub use pace::{Because, Hold, Pass, Why, Work};

/// With room for so many, an empty queue gives its memory back.
const MANY: usize = 10_000;
/// So many targets of one cause stand here one by one before more are taken out of what is wide,
const AHEAD: usize = 1_000;
/// and so many are taken out at once: about a millisecond's work.
const AT_ONCE: usize = 1_000;
/// Every so many turns the targets that are only verified come first, so that they are not kept from it for ever.
const VERIFY_EVERY: u64 = 32;
/// Every so many turns the urgent ones come before those whose sources were read, when there is little room for more contents.
const URGENT_EVERY: u64 = 8;
/// Every so many turns the targets come first whose namespace has room again.
const PARKED_EVERY: u64 = 3;

/// How soon a target has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// To be verified: a list was complete.
    Verify,
    /// Something happened to it.
    Urgent,
    /// It waited for an answer that is there now.
    Ready,
}

/// When a target that was handed out is looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// When something changes that it depends on, or a list is complete: it is as wanted, or nothing can be done about it.
    Settled,
    /// Now.
    Now,
    /// Then; sooner if something changes. [`Moment::MAX`]: as [`End::Settled`].
    At(Moment),
    /// When there is room for requests in this namespace ([`Queue::reopen`]).
    Parked(Box<str>),
}

/// A target whose turn it is. It goes back to the queue by [`Queue::end`].
#[derive(Debug)]
#[must_use = "a target that is not given back is never looked at again"]
pub struct Turn(TargetKey);

impl Deref for Turn {
    type Target = TargetKey;
    fn deref(&self) -> &TargetKey {
        &self.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Queued(Priority),
    HandedOut,
    Waiting(Moment),
    Parked,
}

#[derive(Debug)]
struct Entry {
    state: State,
    /// The change because of which it is looked at, while it is queued or handed out.
    cause: Option<Key>,
    /// Added while it was handed out.
    again: Option<(Priority, Option<Key>)>,
    failures: Failures,
    /// Since when it has been due because something changed; `None`: it is only to be verified, or waits for a time.
    due: Option<Moment>,
}

/// Failures in a row of requests for one target. `Paces` counts them too, but forgets where more targets fail than it remembers:
/// without this each of them would be tried again as after its first failure.
#[derive(Debug, Default, Clone, Copy)]
struct Failures {
    /// Of what it had to wait for: of a look at it, of a read of it, or of its source.
    reads: u32,
    writes: u32,
}

/// Targets that wait for room in a namespace, each once, however often it was woken and had to wait again meanwhile.
#[derive(Debug, Default)]
struct Parked {
    order: VecDeque<TargetKey>,
    names: HashSet<TargetKey>,
}

impl Parked {
    fn push(&mut self, target: &TargetKey) {
        if self.names.insert(target.clone()) {
            self.order.push_back(target.clone());
        }
    }

    fn pop(&mut self) -> Option<TargetKey> {
        let target = self.order.pop_front()?;
        self.names.remove(&target);
        Some(target)
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Queue {
    pieces: Pieces,
    entries: HashMap<TargetKey, Entry>,
    ready: Lanes,
    urgent: Lanes,
    verify: Lanes,
    waiting: BTreeSet<(Moment, TargetKey)>,
    /// Targets that wait for room in a namespace.
    parked: BTreeMap<Box<str>, Parked>,
    /// Namespaces of `parked` that may have room.
    reopened: BTreeSet<Box<str>>,
    /// How many targets are queued or handed out because of a change of this object.
    because_of: HashMap<Key, usize>,
    paces: Paces,
    turns: u64,
    /// See [`Queue::set_time`].
    time: Moment,
}

/// How many targets are to be looked at.
#[derive(Debug)]
pub struct Depth {
    /// By what they wait for.
    pub classes: [(&'static str, usize); 6],
    /// Since when the one that is due for longest, because something changed, has been so.
    pub oldest_urgent: Option<Moment>,
}

impl Queue {
    /// It has no clock: the caller says what time it is before anything is added.
    pub fn set_time(&mut self, now: Moment) {
        self.time = now;
    }

    /// How many targets are to be looked at. It goes through all of them.
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

    /// Adds a target. `cause`: the object that changed; `None`: no particular one. A target that waits is looked at now, since
    /// something may have changed, unless it is only to be verified.
    pub fn add(&mut self, target: TargetKey, priority: Priority, cause: Option<&Key>) {
        self.add_due(target, priority, cause, self.time);
    }

    /// Adds targets in one piece. They are urgent.
    pub fn add_wide(&mut self, wide: Wide, cause: Option<&Key>) {
        if self.pieces.push(wide, cause, self.time) {
            self.count_because_of(cause);
        }
    }

    /// Takes some targets out of what stands here in one piece: not those of a cause of which many wait one by one. `tell` is called
    /// with each of them.
    pub fn take_out(&mut self, graph: &mut Graph, mut tell: impl FnMut(&TargetKey)) {
        if self.pieces.take_verify_all(self.time) {
            graph.let_go_of_plain();
            graph.all_targets().into_iter().for_each(|target| self.add(target, Priority::Verify, None));
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

    /// The change because of which a target is looked at, while it is queued or handed out.
    #[must_use]
    pub fn cause(&self, target: &TargetKey) -> Option<&Key> {
        self.entries.get(target)?.cause.as_ref()
    }

    /// The watch showed a target while a write of it was under way: the change that led to it was followed.
    pub fn was_followed(&mut self, target: &TargetKey) {
        let cause = self.entries.get_mut(target).and_then(|entry| entry.cause.take());
        self.no_longer_because_of(cause);
    }

    /// Hands out the next target. `pressed`: there is little room for more contents of sources, so that those that were read
    /// come first, source by source. `has_room`: whether a request may be made in a namespace.
    pub fn next(&mut self, now: Moment, pressed: bool, has_room: impl Fn(&str) -> bool) -> Option<Turn> {
        self.set_time(now);
        self.wake(now);
        let turn = self.turns + 1;
        let parked_first = turn.is_multiple_of(PARKED_EVERY);
        let urgent_first = turn.is_multiple_of(if pressed { URGENT_EVERY } else { 2 });
        let stay = pressed && !urgent_first;
        let order = if turn.is_multiple_of(VERIFY_EVERY) {
            [Priority::Verify, Priority::Ready, Priority::Urgent]
        } else if urgent_first {
            [Priority::Urgent, Priority::Ready, Priority::Verify]
        } else {
            [Priority::Ready, Priority::Urgent, Priority::Verify]
        };
        let parked = if parked_first { self.next_parked(&has_room) } else { None };
        let target = parked
            .or_else(|| order.into_iter().find_map(|priority| self.next_of(priority, stay)))
            .or_else(|| self.next_parked(&has_room))?;
        self.turns = turn;
        if let Some(entry) = self.entries.get_mut(&target) {
            entry.state = State::HandedOut;
        }
        Some(Turn(target))
    }

    fn next_of(&mut self, priority: Priority, stay: bool) -> Option<TargetKey> {
        loop {
            let target = match priority {
                Priority::Ready => self.ready.pop(stay),
                Priority::Urgent => self.urgent.pop(false),
                Priority::Verify => self.verify.pop(false),
            }?;
            if self.entries.get(&target).is_some_and(|entry| entry.state == State::Queued(priority)) {
                return Some(target);
            }
        }
    }

    fn next_parked(&mut self, has_room: impl Fn(&str) -> bool) -> Option<TargetKey> {
        while let Some(namespace) = self.reopened.first() {
            let parked = self.parked.get_mut(namespace).filter(|_| has_room(namespace));
            let Some(target) = parked.and_then(Parked::pop) else {
                if let Some(namespace) = self.reopened.pop_first()
                    && self.parked.get(&namespace).is_some_and(|parked| parked.order.is_empty())
                {
                    self.parked.remove(&namespace);
                }
                continue;
            };
            if self.entries.get(&target).is_some_and(|entry| entry.state == State::Parked) {
                return Some(target);
            }
        }
        None
    }

    fn wake(&mut self, now: Moment) {
        while let Some((at, _)) = self.waiting.first()
            && *at <= now
        {
            let Some((_, target)) = self.waiting.pop_first() else { return };
            self.add(target, Priority::Urgent, None);
        }
    }

    /// Takes back a target that was handed out.
    pub fn end(&mut self, turn: Turn, end: End) {
        let Turn(target) = turn;
        let Some(entry) = self.entries.get_mut(&target) else { return };
        if let End::Now = end {
            let cause = match (entry.again.take(), entry.cause.clone()) {
                (_, Some(cause)) | (Some((_, Some(cause))), None) => Some(cause),
                _ => None,
            };
            let (failures, due) = self.leave(&target);
            return self.enter(target, Priority::Ready, cause, failures, due);
        }
        if let Some((priority, cause)) = entry.again.take() {
            let (failures, _) = self.leave(&target);
            return self.enter(target, priority, cause, failures, None);
        }
        let (failures, due) = self.leave(&target);
        let (state, due) = match end {
            End::Settled | End::Now | End::At(Moment::MAX) => return self.give_back(),
            End::At(at) => {
                self.waiting.insert((at, target.clone()));
                (State::Waiting(at), None)
            }
            End::Parked(namespace) => {
                self.parked.entry(namespace).or_default().push(&target);
                (State::Parked, due)
            }
        };
        self.entries.insert(target, Entry { state, cause: None, again: None, failures, due });
    }

    /// There may be room for requests in this namespace again.
    pub fn reopen(&mut self, namespace: &str) {
        if self.parked.contains_key(namespace) && !bug!(ParkedForever) {
            self.reopened.insert(namespace.into());
        }
    }

    /// After the first lists every target stood here once: that takes memory which is not needed again soon.
    fn give_back(&mut self) {
        if self.is_idle() && self.entries.capacity() > MANY {
            let (paces, pieces) = (std::mem::take(&mut self.paces), std::mem::take(&mut self.pieces));
            *self = Self { paces, pieces, turns: self.turns, time: self.time, ..Self::default() };
        }
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
                assert!(at <= now + Duration::from_secs(400), "{target} waits for {:?}", at - now);
            }
        }
        assert!(self.waiting.iter().all(|(at, target)| self.entries[target].state == State::Waiting(*at)));
    }

    // --- The budget ---

    /// Lets a read of an object through, or says when it may be made. `as_source`: its version in the graph, if it is read for
    /// the targets that depend on it.
    ///
    /// # Errors
    /// When it has to wait.
    pub fn may_read(&mut self, now: Moment, object: &Key, as_source: Option<&ResourceVersion>) -> Result<Pass, Hold> {
        self.paces.read(now, object, as_source)
    }

    /// Lets a write of a target through, or says when it may be made.
    ///
    /// # Errors
    /// When it has to wait.
    pub fn may_write(&mut self, now: Moment, target: &TargetKey, work: &Work) -> Result<Pass, Hold> {
        let failures = self.entries.get(target).map(|entry| entry.failures).unwrap_or_default();
        self.paces.write(now, target, work, failures.writes)
    }

    /// A read succeeded that these targets waited for.
    pub fn was_read(&mut self, object: &Key, waiting: &[Turn]) {
        self.paces.was_read(object);
        for turn in waiting {
            self.failed(turn, |failures| failures.reads = 0);
        }
    }

    /// A read failed, and is not made again before a while; sooner when the object changes. `backoff`: how long after so many failures
    /// in a row before this one. `said`: why. Answers the failures in a row of reads of this object before this one.
    pub fn read_failed(
        &mut self,
        now: Moment,
        object: &Key,
        backoff: impl FnOnce(u32) -> Duration,
        said: (Reason, &str),
    ) -> u32 {
        self.paces.read_failed(now, object, backoff, said)
    }

    /// A target waited for a read that failed. `of_object`: as [`Queue::read_failed`] answered. Answers after how many failures in a
    /// row the target waits again.
    pub fn waited_in_vain(&mut self, turn: &Turn, of_object: u32) -> u32 {
        let mut before = of_object;
        self.failed(turn, |failures| {
            before = before.max(failures.reads);
            failures.reads = before.saturating_add(1);
        });
        before
    }

    /// How many reads of an object failed in a row.
    #[must_use]
    pub fn read_failures(&self, object: &Key) -> u32 {
        self.paces.read_failures(object)
    }

    /// Why an object could not be read the last time.
    #[must_use]
    pub fn read_failure(&self, object: &Key) -> Option<(Reason, &str)> {
        self.paces.read_failure(object)
    }

    /// The watch showed a change of an object: what could not be read may be readable now.
    pub fn changed(&mut self, object: &Key) {
        self.paces.changed(object);
    }

    /// A write was carried out. Returns how many there were of late, with it, that only put right what somebody else changed.
    pub fn was_written(&mut self, now: Moment, target: &TargetKey, work: Work, because: Because) -> u32 {
        self.failed(target, |failures| failures.writes = 0);
        self.paces.was_written(now, target, work, because)
    }

    /// How long a target is not put right again, if somebody else changes it.
    #[must_use]
    pub fn correction_in(&self, now: Moment, target: &TargetKey) -> Duration {
        self.paces.correction_in(now, target)
    }

    /// A write failed. Returns how many did in a row before it.
    pub fn write_failed(&mut self, now: Moment, target: &TargetKey) -> u32 {
        let failures = self.paces.write_failed(now, target);
        self.failed(target, |of_target| of_target.writes = failures.saturating_add(1));
        failures
    }

    fn failed(&mut self, target: &TargetKey, change: impl FnOnce(&mut Failures)) {
        if let Some(entry) = self.entries.get_mut(target) {
            change(&mut entry.failures);
        }
    }

    /// A namespace is gone: how often something failed in it, or was put right, is forgotten.
    pub fn namespace_gone(&mut self, namespace: &str) {
        self.paces.namespace_gone(namespace);
    }
}
