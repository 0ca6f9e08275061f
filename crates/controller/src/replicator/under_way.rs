//! The requests under way: which they are, what the watch showed since they were sent, and whether there is room for more.
//!
//! A request without a response after a while is *slow* (a webhook that does not answer keeps one for up to 30 s). Slow requests do
//! not count for the number of requests that may be under way, up to a bound for each namespace and for all. So requests that hang
//! in one namespace leave room for the others; and writes that hang there leave room for reads, which no webhook sees.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use k8s_replicator_core::bug;
use k8s_replicator_core::decide::{Need, Verb, Verdict};
use k8s_replicator_core::graph::Held;
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::payload::Payload;

use super::Written;
use crate::cluster::Access;
use crate::event::Moment;
use crate::queue::{Because, Pass, Turn, Work};

/// A request without a response after this time is slow.
const SLOW: Duration = Duration::from_secs(1);
/// At most so many slow requests do not count: if there are more, the server itself is slow.
const MOST_SLOW: usize = 128;
/// While so many reads, or writes, of objects of one namespace are slow, no further ones are made there.
const MOST_SLOW_IN_ONE: usize = 4;
/// One in so many places is kept for namespaces other than the one with the most requests under way; of these half may be taken by reads in
/// that one.
const KEPT_FOR_OTHERS: usize = 8;

/// The id of a request until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// A request under way.
#[derive(Debug)]
pub(super) enum UnderWay {
    /// `held`: the object that the graph held when it was asked for.
    Read {
        need: Need,
        held: Option<Held>,
    },
    Write(Writing),
}

/// A write, with the target that it is for.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) turn: Turn,
    pub(super) verb: Verb,
    pub(super) verdict: Verdict,
    pub(super) because: Because,
    pub(super) work: Work,
    pub(super) written: Written,
    /// The data that was sent, if any.
    pub(super) sent: Option<Payload>,
}

impl UnderWay {
    /// Whether it is a read or a write.
    fn access(&self) -> Access {
        match self {
            Self::Read { .. } => Access::Read,
            Self::Write(_) => Access::Write,
        }
    }

    /// The object that is read or written.
    pub(super) fn key(&self) -> &Key {
        match self {
            Self::Read { need, .. } => need.key(),
            Self::Write(Writing { turn, .. }) => turn,
        }
    }
}

/// What the watch showed of an object while a request about it was under way: the response may be older than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Overtaken {
    /// Nothing of it.
    Not,
    /// That it exists, or a change of its namespace.
    BySight,
    /// That it was deleted, or that the graph has no reason to keep anything of it any more.
    ByDeletion,
}

/// A request, and what the watch showed of its object since it was sent.
#[derive(Debug)]
pub(super) struct Sent {
    /// When it was sent.
    pub(super) at: Moment,
    pub(super) request: UnderWay,
    pub(super) overtaken: Overtaken,
    slow: bool,
}

/// The requests about objects of one namespace.
#[derive(Debug, Default, Clone, Copy)]
struct Load {
    in_time: usize,
    /// By [`Access`].
    slow: [usize; 2],
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct InFlight {
    sent: BTreeMap<Ticket, Sent>,
    last: u64,
    /// Those that are not slow yet, the oldest first; some may be answered.
    in_time: VecDeque<(Moment, Ticket)>,
    slow: usize,
    namespaces: HashMap<Box<str>, Load>,
    by_object: HashMap<Key, Vec<Ticket>>,
}

impl InFlight {
    /// A request is sent. `_pass`: proof that the budget allows it.
    pub(super) fn begin(&mut self, now: Moment, _pass: Pass, request: UnderWay) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        let key = request.key();
        self.by_object.entry(key.clone()).or_default().push(ticket);
        self.namespaces.entry(key.namespace().into()).or_default().in_time += 1;
        self.in_time.push_back((now, ticket));
        self.sent.insert(ticket, Sent { at: now, request, overtaken: Overtaken::Not, slow: false });
        ticket
    }

    /// A request was answered.
    pub(super) fn end(&mut self, ticket: Ticket) -> Option<Sent> {
        let sent = self.sent.remove(&ticket)?;
        let key = sent.request.key();
        if let Some(tickets) = self.by_object.get_mut(key) {
            tickets.retain(|other| *other != ticket);
            if tickets.is_empty() {
                self.by_object.remove(key);
            }
        }
        if let Some(load) = self.namespaces.get_mut(key.namespace()) {
            if sent.slow {
                load.slow[sent.request.access() as usize] -= 1;
                self.slow -= 1;
            } else {
                load.in_time -= 1;
            }
            if load.in_time == 0 && load.slow == [0; 2] {
                self.namespaces.remove(key.namespace());
            }
        }
        Some(sent)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }

    /// Marks the requests that have become slow. To be called before the methods below.
    pub(super) fn notice_slow(&mut self, now: Moment) {
        while let Some((at, ticket)) = self.in_time.front().copied() {
            let Some(sent) = self.sent.get_mut(&ticket) else {
                self.in_time.pop_front();
                continue;
            };
            if at + SLOW > now {
                return;
            }
            self.in_time.pop_front();
            sent.slow = true;
            self.slow += 1;
            if let Some(load) = self.namespaces.get_mut(sent.request.key().namespace()) {
                load.in_time -= 1;
                load.slow[sent.request.access() as usize] += 1;
            }
        }
    }

    /// How many requests are under way, without the slow ones.
    pub(super) fn in_time(&self) -> usize {
        if bug!(NoRoomKept) {
            return self.sent.len();
        }
        self.sent.len() - self.slow.min(MOST_SLOW)
    }

    /// When the next one will be slow, if it is not answered before.
    pub(super) fn slow_at(&self) -> Option<Moment> {
        let next = self.in_time.iter().find(|(_, ticket)| self.sent.contains_key(ticket));
        next.filter(|_| self.slow < MOST_SLOW).map(|(at, _)| *at + SLOW)
    }

    /// Whether one more request of this kind about an object of this namespace leaves room for others, where so many may be under way.
    pub(super) fn leaves_room(&self, namespace: &str, access: Access, most: usize) -> bool {
        let load = self.namespaces.get(namespace).copied().unwrap_or_default();
        if bug!(NoRoomKept) {
            return true;
        }
        let kept = match access {
            Access::Read => most / KEPT_FOR_OTHERS / 2,
            Access::Write => most / KEPT_FOR_OTHERS,
        };
        load.slow[access as usize] < MOST_SLOW_IN_ONE && load.in_time < most - kept.max(1)
    }

    /// The target of a write that is under way.
    pub(super) fn written(&self, key: &Key) -> Option<&TargetKey> {
        let tickets = self.by_object.get(key)?;
        tickets.iter().find_map(|ticket| match &self.sent.get(ticket)?.request {
            UnderWay::Write(Writing { turn, .. }) => Some(&**turn),
            UnderWay::Read { .. } => None,
        })
    }

    /// The watch showed that an object exists.
    pub(super) fn was_seen(&mut self, key: &Key) {
        self.overtake_one(Overtaken::BySight, key);
    }

    /// The watch showed that an object was deleted, or is nothing to this program any more.
    pub(super) fn was_deleted(&mut self, key: &Key) {
        self.overtake_one(Overtaken::ByDeletion, key);
    }

    fn overtake_one(&mut self, by: Overtaken, key: &Key) {
        for ticket in self.by_object.get(key).into_iter().flatten() {
            if let Some(sent) = self.sent.get_mut(ticket) {
                sent.overtaken = sent.overtaken.max(by);
            }
        }
    }

    /// The watch showed a change of the namespace of these objects.
    pub(super) fn were_seen(&mut self, which: impl Fn(&Key) -> bool) {
        self.overtake(Overtaken::BySight, which);
    }

    /// A list showed that these objects do not exist.
    pub(super) fn were_deleted(&mut self, which: impl Fn(&Key) -> bool) {
        self.overtake(Overtaken::ByDeletion, which);
    }

    fn overtake(&mut self, by: Overtaken, which: impl Fn(&Key) -> bool) {
        for sent in self.sent.values_mut().filter(|sent| which(sent.request.key())) {
            sent.overtaken = sent.overtaken.max(by);
        }
    }
}
