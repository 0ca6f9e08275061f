//! Whose turn it is, and when a target that had its turn is decided about again.

use std::collections::{HashSet, VecDeque};

use k8s_replicator_core::bug;
use k8s_replicator_core::names::TargetKey;

use super::Queue;
use super::entry::{End, Entry, Priority, State, Turn};
use crate::cluster::Access;
use crate::event::Moment;

/// Every so many turns the targets that are only verified come first, so that they are not kept from it for ever.
const VERIFY_EVERY: u64 = 32;
/// Every so many turns the urgent ones come before those whose sources were read, when there is little room for more contents.
const URGENT_EVERY: u64 = 8;
/// Every so many turns the targets come first whose namespace has room again.
const PARKED_EVERY: u64 = 3;
/// With room for so many, an empty queue gives its memory back.
const MANY: usize = 10_000;

/// Targets that wait for room in a namespace, each once, however often it was woken and had to wait again meanwhile.
#[derive(Debug, Default)]
pub(super) struct Parked {
    pub(super) order: VecDeque<TargetKey>,
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

impl Queue {
    /// Hands out the next target. `pressed`: there is little room for more contents of sources, so that those that were read
    /// come first, source by source. `has_room`: whether a request of this kind may be made in a namespace.
    pub fn next(&mut self, now: Moment, pressed: bool, has_room: impl Fn(&str, Access) -> bool) -> Option<Turn> {
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

    fn next_parked(&mut self, has_room: impl Fn(&str, Access) -> bool) -> Option<TargetKey> {
        while let Some((namespace, access)) = self.reopened.first() {
            let parked = self.parked[*access as usize].get_mut(namespace).filter(|_| has_room(namespace, *access));
            let Some(target) = parked.and_then(Parked::pop) else {
                if let Some((namespace, access)) = self.reopened.pop_first()
                    && self.parked[access as usize].get(&namespace).is_some_and(|parked| parked.order.is_empty())
                {
                    self.parked[access as usize].remove(&namespace);
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
            End::Parked(namespace, access) => {
                self.parked[access as usize].entry(namespace).or_default().push(&target);
                (State::Parked, due)
            }
        };
        self.entries.insert(target, Entry { state, cause: None, again: None, failures, due });
    }

    /// There may be room for requests in this namespace again.
    pub fn reopen(&mut self, namespace: &str) {
        for access in [Access::Read, Access::Write] {
            if self.parked[access as usize].contains_key(namespace) && !bug!(ParkedForever) {
                self.reopened.insert((namespace.into(), access));
            }
        }
    }

    /// After the first lists every target stood here once: that takes memory which is not needed again soon.
    fn give_back(&mut self) {
        if self.is_idle() && self.entries.capacity() > MANY {
            let (paces, pieces) = (std::mem::take(&mut self.paces), std::mem::take(&mut self.pieces));
            *self = Self { paces, pieces, turns: self.turns, time: self.time, ..Self::default() };
        }
    }
}
