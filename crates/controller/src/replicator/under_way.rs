//! The requests under way.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_replicator_core::decide::{Need, Verb, Verdict};
use k8s_replicator_core::names::{Key, TargetKey};

use super::Written;
use crate::event::Moment;

/// A request without an answer after this time is slow: it does not count any more among those that hold up others. (A
/// webhook that does not answer keeps a request for up to 30 s.)
const SLOW: Duration = Duration::from_secs(1);
/// Not more than so many are slow without counting: then the server itself is.
const MOST_SLOW: usize = 64;

/// Names a request until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// What was asked for.
#[derive(Debug)]
pub(super) enum UnderWay {
    Read(Need),
    Write { target: TargetKey, verb: Verb, verdict: Verdict, written: Written },
}

impl UnderWay {
    /// The object that is read or written.
    fn key(&self) -> &Key {
        match self {
            Self::Read(need) => need.key(),
            Self::Write { target, .. } => target,
        }
    }
}

/// What the watch has told of an object while a request about it was under way: the answer may be older than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Overtaken {
    /// Nothing.
    Not,
    /// That it exists, or something of its namespace.
    BySight,
    /// That it was deleted.
    ByDeletion,
}

/// A request, and what became of it meanwhile.
#[derive(Debug)]
pub(super) struct Sent {
    /// When it was sent.
    pub(super) at: Moment,
    pub(super) request: UnderWay,
    pub(super) overtaken: Overtaken,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// Tickets are numbered, so that the oldest come first.
    sent: BTreeMap<Ticket, Sent>,
    last: u64,
}

impl InFlight {
    /// A request is sent.
    pub(super) fn begin(&mut self, now: Moment, request: UnderWay) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        self.sent.insert(ticket, Sent { at: now, request, overtaken: Overtaken::Not });
        ticket
    }

    /// It is answered.
    pub(super) fn end(&mut self, ticket: Ticket) -> Option<Sent> {
        self.sent.remove(&ticket)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }

    /// How many there are but for the slow ones.
    pub(super) fn in_time(&self, now: Moment) -> usize {
        let slow = self.sent.values().take(MOST_SLOW).take_while(|sent| sent.at + SLOW <= now).count();
        self.sent.len() - slow
    }

    /// When the next one will be slow.
    pub(super) fn slow_at(&self, now: Moment) -> Option<Moment> {
        self.sent.values().take(MOST_SLOW).map(|sent| sent.at + SLOW).find(|at| *at > now)
    }

    /// The watch has told that these objects exist, or something of their namespace.
    pub(super) fn was_seen(&mut self, which: impl Fn(&Key) -> bool) {
        self.overtake(Overtaken::BySight, which);
    }

    /// The watch has told that these objects do not exist.
    pub(super) fn were_deleted(&mut self, which: impl Fn(&Key) -> bool) {
        self.overtake(Overtaken::ByDeletion, which);
    }

    fn overtake(&mut self, by: Overtaken, which: impl Fn(&Key) -> bool) {
        for sent in self.sent.values_mut().filter(|sent| which(sent.request.key())) {
            sent.overtaken = sent.overtaken.max(by);
        }
    }
}
