//! The targets that are to be looked at.
//!
//! Each waits at most once. Urgent ones come before those that are only verified. A target that is being written is not
//! handed out again before that write has ended, and comes back if it was added in the meantime. One target's failures
//! delay nobody else. The queue is not bounded: it delays, and never drops.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use k8s_replicator_core::names::TargetKey;
use k8s_replicator_core::observed::ResourceVersion;

use crate::event::Moment;

pub use crate::backoff::backoff;

/// With room for so many, an empty queue gives its memory back.
const MANY: usize = 10_000;

/// How soon a target has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// To be verified, in its turn.
    Verify,
    /// Something happened to it.
    Urgent,
    /// It waited for something that is there now, and may not be there for long.
    Ready,
}

#[derive(Debug, Default)]
struct Entry {
    queued: Option<Priority>,
    /// Handed out, and not yet ended.
    busy: bool,
    /// Added while it was busy.
    again: Option<Priority>,
    /// Failures in a row.
    failures: u32,
    /// Writes in a row after which it was still not as it should be, though its source stayed at this version.
    writes: u32,
    source: Option<ResourceVersion>,
    /// Set while it waits for this moment.
    waits_until: Option<Moment>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Queue {
    entries: HashMap<TargetKey, Entry>,
    ready: VecDeque<TargetKey>,
    urgent: VecDeque<TargetKey>,
    verify: VecDeque<TargetKey>,
    waiting: BinaryHeap<Reverse<(Moment, TargetKey)>>,
}

impl Queue {
    /// Adds a target. One that waits after a failure is looked at now: something may have changed.
    pub fn add(&mut self, target: TargetKey, priority: Priority) {
        let entry = self.entries.entry(target.clone()).or_default();
        if entry.busy {
            entry.again = entry.again.max(Some(priority));
            return;
        }
        if entry.queued >= Some(priority) {
            return;
        }
        entry.waits_until = None;
        entry.queued = Some(priority);
        match priority {
            Priority::Ready => self.ready.push_back(target),
            Priority::Urgent => self.urgent.push_back(target),
            Priority::Verify => self.verify.push_back(target),
        }
    }

    /// Hands out the next target; [`done`](Self::done), [`release`](Self::release) or [`retry`](Self::retry) takes it back.
    pub fn next(&mut self, now: Moment) -> Option<TargetKey> {
        self.wake(now);
        for (list, priority) in [
            (&mut self.ready, Priority::Ready),
            (&mut self.urgent, Priority::Urgent),
            (&mut self.verify, Priority::Verify),
        ] {
            while let Some(target) = list.pop_front() {
                // One that was moved up stands in the lower list still.
                if let Some(entry) = self.entries.get_mut(&target).filter(|entry| entry.queued == Some(priority)) {
                    entry.queued = None;
                    entry.busy = true;
                    return Some(target);
                }
            }
        }
        None
    }

    fn wake(&mut self, now: Moment) {
        while let Some(Reverse((at, _))) = self.waiting.peek()
            && *at <= now
        {
            let Some(Reverse((at, target))) = self.waiting.pop() else { return };
            // One that was added since its failure does not wait any more.
            if self.entries.get(&target).is_some_and(|entry| entry.waits_until == Some(at)) {
                self.add(target, Priority::Urgent);
            }
        }
    }

    /// The target is as it should be, or was given up until something changes.
    pub fn done(&mut self, target: &TargetKey) {
        if let Some(entry) = self.entries.get_mut(target) {
            (entry.failures, entry.writes) = (0, 0);
        }
        self.release(target);
    }

    /// Counts a write that was carried out; what failed before it is forgotten. Returns how many there were in a row before
    /// it because of this version of the source, since the target was last [`done`](Self::done).
    pub fn written(&mut self, target: &TargetKey, source: Option<ResourceVersion>) -> u32 {
        let entry = self.entries.entry(target.clone()).or_default();
        entry.failures = 0;
        if entry.source != source {
            (entry.writes, entry.source) = (0, source);
        }
        entry.writes = entry.writes.saturating_add(1);
        entry.writes - 1
    }

    /// The target waits for something else, which will add it: its failures are not forgotten.
    pub fn release(&mut self, target: &TargetKey) {
        let Some(entry) = self.entries.get_mut(target) else { return };
        entry.busy = false;
        match entry.again.take() {
            Some(priority) => self.add(target.clone(), priority),
            None if entry.failures == 0 && entry.writes == 0 && entry.queued.is_none() => {
                self.entries.remove(target);
                self.give_back();
            }
            None => {}
        }
    }

    /// After the first lists every target stood here once: that takes memory which is not needed again soon.
    fn give_back(&mut self) {
        if self.entries.is_empty() && self.entries.capacity() > MANY {
            *self = Self::default();
        }
    }

    /// Failures in a row.
    #[must_use]
    pub fn failures(&self, target: &TargetKey) -> u32 {
        self.entries.get(target).map_or(0, |entry| entry.failures)
    }

    /// Counts a failure. Returns how many there were in a row before it.
    pub fn failed(&mut self, target: &TargetKey) -> u32 {
        let entry = self.entries.entry(target.clone()).or_default();
        entry.failures = entry.failures.saturating_add(1);
        entry.failures - 1
    }

    /// The target is to be looked at again after a while; sooner if it is added again.
    pub fn retry(&mut self, target: &TargetKey, at: Moment) {
        let entry = self.entries.entry(target.clone()).or_default();
        entry.busy = false;
        if let Some(priority) = entry.again.take() {
            self.add(target.clone(), priority);
        } else if entry.queued.is_none() {
            entry.waits_until = Some(at);
            self.waiting.push(Reverse((at, target.clone())));
        }
    }

    /// The target is to be looked at again after a while, and not sooner unless something new happens to it: what happened to it
    /// until now is what its last look led to.
    pub fn pause(&mut self, target: &TargetKey, at: Moment) {
        if let Some(entry) = self.entries.get_mut(target) {
            entry.again = None;
        }
        self.retry(target, at);
    }

    /// Whether a target could be handed out now. (One that was moved up stands in the lower list still, and may be counted.)
    #[must_use]
    pub fn has_next(&self) -> bool {
        [&self.ready, &self.urgent, &self.verify].iter().any(|list| !list.is_empty())
    }

    /// When the next waiting target is due.
    #[must_use]
    pub fn wake_at(&self) -> Option<Moment> {
        self.waiting.peek().map(|Reverse((at, _))| *at)
    }

    /// Whether no target is queued, handed out or waiting.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_replicator_core::names::Key;

    use super::*;

    fn target(name: &str) -> TargetKey {
        Key::new("ns", name).unwrap().into()
    }

    const NOW: Moment = Duration::ZERO;

    fn drain(queue: &mut Queue) -> Vec<String> {
        let mut order = Vec::new();
        while let Some(target) = queue.next(NOW) {
            order.push(target.name().to_owned());
            queue.done(&target);
        }
        order
    }

    #[test]
    fn each_waits_once_and_urgent_ones_come_first() {
        let mut queue = Queue::default();
        for (name, priority) in [
            ("v1", Priority::Verify),
            ("v2", Priority::Verify),
            ("u1", Priority::Urgent),
            ("u1", Priority::Urgent),
            ("u1", Priority::Verify),
            ("v2", Priority::Urgent),
            ("v1", Priority::Verify),
        ] {
            queue.add(target(name), priority);
        }
        assert_eq!(drain(&mut queue), ["u1", "v2", "v1"]);
        assert!(queue.is_idle());
    }

    #[test]
    fn what_was_waited_for_comes_before_all_else() {
        let mut queue = Queue::default();
        for (name, priority) in [("v", Priority::Verify), ("u", Priority::Urgent), ("r", Priority::Ready)] {
            queue.add(target(name), priority);
        }
        queue.add(target("v"), Priority::Ready);
        assert_eq!(drain(&mut queue), ["r", "v", "u"]);
    }

    #[test]
    fn a_pause_ends_by_what_happens_after_it_only() {
        let mut queue = Queue::default();
        let a = target("a");
        queue.add(a.clone(), Priority::Urgent);
        assert_eq!(queue.next(NOW), Some(a.clone()));
        assert_eq!(queue.written(&a, None), 0);
        queue.add(a.clone(), Priority::Urgent);
        queue.pause(&a, Duration::from_secs(1));
        assert_eq!(queue.next(NOW), None);
        assert_eq!(queue.next(Duration::from_secs(1)), Some(a.clone()));
        assert_eq!(queue.written(&a, None), 1, "in a row");
        assert_eq!(queue.written(&a, Some(ResourceVersion::new("7"))), 0, "the source is another one");
        queue.pause(&a, Duration::from_secs(9));
        queue.add(a.clone(), Priority::Urgent);
        assert_eq!(queue.next(NOW), Some(a.clone()));
        queue.done(&a);
        assert!(queue.is_idle());
        assert_eq!(queue.written(&a, Some(ResourceVersion::new("7"))), 0, "it was done");
    }

    #[test]
    fn one_that_is_added_while_busy_comes_back_after_it() {
        let mut queue = Queue::default();
        let a = target("a");
        queue.add(a.clone(), Priority::Urgent);
        assert_eq!(queue.next(NOW), Some(a.clone()));
        queue.add(a.clone(), Priority::Urgent);
        assert_eq!(queue.next(NOW), None, "busy");
        queue.done(&a);
        assert_eq!(queue.next(NOW), Some(a.clone()));
        queue.done(&a);
        assert!(queue.is_idle());
    }

    #[test]
    fn a_failure_delays_only_its_own_target_and_an_event_ends_the_wait() {
        let mut queue = Queue::default();
        let (a, b) = (target("a"), target("b"));
        queue.add(a.clone(), Priority::Urgent);
        queue.add(b.clone(), Priority::Urgent);
        assert_eq!(queue.next(NOW), Some(a.clone()));
        assert_eq!(queue.failed(&a), 0);
        queue.retry(&a, Duration::from_secs(1));
        assert_eq!(queue.wake_at(), Some(Duration::from_secs(1)));
        assert_eq!(queue.next(NOW), Some(b.clone()));
        queue.done(&b);
        assert_eq!(queue.next(NOW), None);
        assert_eq!(queue.next(Duration::from_secs(1)), Some(a.clone()));
        assert_eq!(queue.failed(&a), 1, "counted in a row");
        queue.retry(&a, Duration::from_secs(9));
        queue.add(a.clone(), Priority::Urgent);
        assert_eq!(queue.next(NOW), Some(a.clone()), "something happened");
        queue.done(&a);
        assert!(queue.is_idle());
        assert_eq!(queue.next(Duration::from_secs(9)), None, "the old wait is forgotten");
        assert_eq!(queue.failed(&a), 0, "success forgets failures");
    }
}
