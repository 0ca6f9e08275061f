//! What the controller did and why, as Kubernetes Events (`events.k8s.io/v1`) on the object whose owner can act. It does no IO and
//! has no clock.
//!
//! Guarantees: Events never hold anything up. What waits to be written is bounded, and what comes from one object, and from all, is
//! limited; Events beyond that are dropped, and counted: ordinary ones before warnings. While much is being replicated only
//! warnings are written. A write that fails is not retried, and a failure because of missing rights is logged once. When the same
//! occurs again, it becomes a *series* of one Event. No value of a Secret is in an Event: its text is that of the log line.
//!
//! It is driven as a [`Poll`](crate::poll::Poll) is.

mod body;
mod occurrence;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use k8s_replicator_core::bug;
use k8s_replicator_core::observed::ResourceVersion;
use tracing::Level;

use crate::backoff::backoff;
use crate::cluster::status::refusal;
use crate::cluster::{Failure, FailureKind};
use crate::event::{Moment, Now};
use crate::metrics::{Metric, Samples};
use crate::notice::Notice;
use crate::watch::Entropy;
use crate::wire::{Next, Received};

pub use occurrence::{Occurrence, Party};

/// At most so many Events wait to be written.
const MOST_WAITING: usize = 1_000;
/// One object has so many Events at once,
const AT_ONCE: u32 = 25;
/// and then one in this time.
const ONE_IN: Duration = Duration::from_secs(300);
/// All objects together have so many at once,
const ALL_AT_ONCE: u32 = 50;
/// and then one in this time.
const ALL_ONE_IN: Duration = Duration::from_millis(100);
/// While more requests for targets than this are under way, ordinary Events wait,
const BUSY: usize = 8;
/// and are tried again after this time, if nothing else happens before.
const BUSY_FOR: Duration = Duration::from_millis(500);
/// So many Events are remembered, so that the same again becomes a series.
const MOST_REMEMBERED: usize = 512;
/// The same again after a longer time than this is a new Event. (The API server forgets Events after an hour.)
const SERIES: Duration = Duration::from_secs(600);
/// With fewer entries than this, expired allowances are not removed.
const FEW: usize = 64;
/// The allowances of so many objects are counted; others have no Events meanwhile. More than all Events that can be written in the time in
/// which an allowance counts.
const MOST_COUNTED: usize = 10_000;
/// A write without a response after this time is given up.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after a refusal for missing rights.
const FORBIDDEN_FOR: Duration = Duration::from_secs(300);
/// The longest pause after another failure.
const LONGEST_EVENT_PAUSE: Duration = Duration::from_secs(30);

/// What [`Events`] needs.
pub struct Settings {
    /// The name of this instance: the pod's.
    pub instance: String,
    /// The key of the annotation that has the source's version.
    pub version_key: String,
    /// Random bytes: for the names of Events, and to spread retries.
    pub entropy: Entropy,
}

/// The number of an occurrence.
type Number = u64;

/// An occurrence, and its Event so far.
#[derive(Debug)]
struct Record {
    what: Arc<Occurrence>,
    /// Its Event's name, once the API server has it.
    name: Option<String>,
    /// How often it happened.
    count: u32,
    last: Now,
    /// The source's version when it last happened.
    version: Option<ResourceVersion>,
    is_waiting: bool,
}

/// See the [module](self).
pub struct Events {
    settings: Settings,
    records: HashMap<Number, Record>,
    by_occurrence: HashMap<Arc<Occurrence>, Number>,
    next: Number,
    /// The Events to be written: warnings, and ordinary ones.
    warnings: VecDeque<Number>,
    others: VecDeque<Number>,
    /// The occurrences that do not wait to be written, the longest unused first: they are forgotten in this order ([`Events::rest`]).
    idle: VecDeque<Number>,
    /// The allowance of each object that had Events lately: the moment up to which it is used up, if each Event costs [`ONE_IN`].
    allowed: HashMap<Party, Moment>,
    sweep_at: usize,
    /// The same for all objects together.
    all_until: Moment,
    asked: Option<Asked>,
    cancel: bool,
    not_before: Moment,
    failures: u32,
    said_forbidden: bool,
    written: u64,
    dropped: [u64; Dropped::ALL.len()],
    notices: Vec<Notice>,
}

/// The Event that is being written.
struct Asked {
    at: Moment,
    number: Number,
    /// The name of the new Event; `None`: a series goes on.
    name: Option<String>,
}

/// Why an Event was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dropped {
    TooMany,
    Full,
    Forbidden,
    Failed,
}

impl Dropped {
    const ALL: [(Self, &'static str); 4] =
        [(Self::TooMany, "TooMany"), (Self::Full, "Full"), (Self::Forbidden, "Forbidden"), (Self::Failed, "Failed")];
}

impl Events {
    /// Without any Event yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            records: HashMap::new(),
            by_occurrence: HashMap::new(),
            next: 0,
            warnings: VecDeque::new(),
            others: VecDeque::new(),
            idle: VecDeque::new(),
            allowed: HashMap::new(),
            sweep_at: FEW,
            all_until: Moment::ZERO,
            asked: None,
            cancel: false,
            not_before: Moment::ZERO,
            failures: 0,
            said_forbidden: false,
            written: 0,
            dropped: [0; Dropped::ALL.len()],
            notices: Vec::new(),
        }
    }

    /// Whether fewer Events wait than may. If not, each further one takes the place of another: then those of ordinary writes, which
    /// come by the thousand, need not even be made.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.warnings.len() + self.others.len() < MOST_WAITING
    }

    /// So many Events were not made, since there was no [room](Self::has_room).
    pub fn left_out(&mut self, count: usize) {
        self.drop(Dropped::Full, count);
    }

    /// Records an occurrence, for an Event or a series.
    pub fn record(&mut self, now: Now, what: Occurrence) {
        let number = self.by_occurrence.get(&what).copied();
        let again = number.and_then(|number| Some((number, self.records.get_mut(&number)?)));
        let number = match again.filter(|(_, record)| record.last.moment + SERIES > now.moment) {
            Some((number, record)) => {
                record.count = record.count.saturating_add(1);
                (record.last, record.version) = (now, what.version);
                if record.is_waiting {
                    return;
                }
                number
            }
            None => self.remember(now, what),
        };
        let Some(what) = self.records.get(&number).map(|record| record.what.clone()) else { return };
        if !self.allow(now.moment, &what.regarding) && !bug!(EventsUnlimited) {
            // The next Event of the series has the whole count.
            self.rest(number);
            return self.drop(Dropped::TooMany, 1);
        }
        self.wait(number);
    }

    /// What is remembered of an occurrence that does not wait to be written any more, or does not wait at all: until [`MOST_REMEMBERED`]
    /// others came to rest after it.
    fn rest(&mut self, number: Number) {
        self.idle.push_back(number);
        while self.idle.len() > MOST_REMEMBERED
            && let Some(oldest) = self.idle.pop_front()
        {
            let waits = self.records.get(&oldest).is_some_and(|record| record.is_waiting);
            if !waits && !self.idle.contains(&oldest) {
                self.forget(oldest);
            }
        }
    }

    fn remember(&mut self, now: Now, what: Occurrence) -> Number {
        self.next += 1;
        let (version, what) = (what.version.clone(), Arc::new(what));
        if let Some(before) = self.by_occurrence.insert(what.clone(), self.next) {
            self.records.remove(&before);
        }
        let record = Record { what, name: None, count: 1, last: now, version, is_waiting: false };
        self.records.insert(self.next, record);
        self.next
    }

    fn forget(&mut self, number: Number) {
        if let Some(record) = self.records.remove(&number)
            && self.by_occurrence.get(&record.what) == Some(&number)
        {
            self.by_occurrence.remove(&record.what);
        }
    }

    fn wait(&mut self, number: Number) {
        if !self.has_room()
            && let Some(oldest) = self.others.pop_front().or_else(|| self.warnings.pop_front())
        {
            self.forget(oldest);
            self.drop(Dropped::Full, 1);
        }
        let Some(record) = self.records.get_mut(&number) else { return };
        record.is_waiting = true;
        match record.what.is_warning {
            true => self.warnings.push_back(number),
            false => self.others.push_back(number),
        }
    }

    /// Whether an object has not yet used up its allowance.
    fn allow(&mut self, now: Moment, object: &Party) -> bool {
        if self.allowed.len() >= self.sweep_at {
            self.allowed.retain(|_, until| *until > now);
            self.sweep_at = (self.allowed.len() * 2).clamp(FEW, MOST_COUNTED);
        }
        let Some(until) = self.allowed.get_mut(object) else {
            if self.allowed.len() >= MOST_COUNTED {
                return false;
            }
            self.allowed.insert(object.clone(), now + ONE_IN);
            return true;
        };
        let next = (*until).max(now) + ONE_IN;
        let is_allowed = next <= now + ONE_IN * AT_ONCE;
        if is_allowed {
            *until = next;
        }
        is_allowed
    }

    fn drop(&mut self, why: Dropped, count: usize) {
        self.dropped[why as usize] += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// Goes on as far as it can without IO. To be called until it answers [`Next::WaitUntil`]. `under_way`: how many requests for
    /// targets are under way.
    pub fn poll(&mut self, now: Now, under_way: usize) -> Next {
        if let Some(at) = self.asked.as_ref().map(|asked| asked.at + TIMEOUT) {
            if at > now.moment {
                return Next::WaitUntil(at);
            }
            self.cancel = true;
            self.failed(now, &Failure::new(FailureKind::Unreachable, "no answer"));
        }
        if std::mem::take(&mut self.cancel) {
            return Next::Cancel;
        }
        if self.warnings.is_empty() && self.others.is_empty() {
            return Next::WaitUntil(Moment::MAX);
        }
        let room_at = self.all_until.saturating_sub(ALL_ONE_IN * (ALL_AT_ONCE - 1)).max(self.not_before);
        if room_at > now.moment {
            return Next::WaitUntil(room_at);
        }
        let is_busy = under_way > BUSY;
        let ordinary = |others: &mut VecDeque<Number>| if is_busy { None } else { others.pop_front() };
        let Some(number) = self.warnings.pop_front().or_else(|| ordinary(&mut self.others)) else {
            return Next::WaitUntil(now.moment + BUSY_FOR);
        };
        let Some(record) = self.records.get_mut(&number) else { return Next::Yield };
        record.is_waiting = false;
        self.all_until = self.all_until.max(now.moment) + ALL_ONE_IN;
        let (name, request) = match &record.name {
            Some(name) => (None, body::series(record, name, &self.settings)),
            None => {
                let name = body::name(&record.what, &mut self.settings.entropy);
                let request = body::create(record, &name, &self.settings);
                (Some(name), request)
            }
        };
        self.asked = Some(Asked { at: now.moment, number, name });
        self.rest(number);
        Next::Request(request)
    }

    /// Takes the response to the request under way, or its failure.
    pub fn deliver(&mut self, now: Now, received: Received) {
        match received {
            Received::Response(response) if response.status.is_success() => {
                if let Some(Asked { number, name: Some(name), .. }) = self.asked.take()
                    && let Some(record) = self.records.get_mut(&number)
                {
                    record.name = Some(name);
                }
                self.asked = None;
                (self.failures, self.said_forbidden) = (0, false);
                self.written += 1;
            }
            Received::Response(response) => {
                self.failed(now, &refusal(response.status, &response.headers, &response.body));
            }
            Received::TooLong => {
                // The response is too long, but the server has carried the request out.
                self.asked = None;
                self.written += 1;
            }
            Received::Failed(failure) => self.failed(now, &failure),
            Received::Head(..) | Received::Data(_) | Received::Closed => {
                self.failed(now, &Failure::unreadable("it came in pieces"));
            }
        }
    }

    /// An Event could not be written. It is not tried again.
    fn failed(&mut self, now: Now, failure: &Failure) {
        let Some(Asked { number, name, .. }) = self.asked.take() else { return };
        let went = failure.kind == FailureKind::Gone && name.is_none();
        if went && let Some(record) = self.records.get_mut(&number) {
            // The API server has dropped the Event of the series: a new one is created.
            record.name = None;
            return self.wait(number);
        }
        self.forget(number);
        match failure.kind {
            FailureKind::Forbidden | FailureKind::Unauthorized => {
                let waiting = std::mem::take(&mut self.warnings).into_iter().chain(std::mem::take(&mut self.others));
                let waiting: Vec<Number> = waiting.collect();
                self.drop(Dropped::Forbidden, waiting.len() + 1);
                waiting.into_iter().for_each(|number| self.forget(number));
                self.not_before = now.moment + FORBIDDEN_FOR;
                if !std::mem::replace(&mut self.said_forbidden, true) {
                    self.say(failure);
                }
            }
            // The failure concerns this Event alone.
            FailureKind::Gone | FailureKind::NamespaceTerminating | FailureKind::Invalid | FailureKind::Conflict => {
                self.drop(Dropped::Failed, 1);
            }
            FailureKind::Throttled | FailureKind::Server | FailureKind::Unreachable => {
                self.drop(Dropped::Failed, 1);
                let random = (self.settings.entropy)();
                let pause = backoff(self.failures.saturating_add(3), LONGEST_EVENT_PAUSE, random);
                self.failures = self.failures.saturating_add(1);
                self.not_before = now.moment + failure.asked_wait(FORBIDDEN_FOR, random).max(pause);
            }
        }
    }

    fn say(&mut self, failure: &Failure) {
        self.notices.push(Notice {
            level: Level::WARN,
            resource: "events",
            namespace: None,
            verb: Some("create"),
            reason: Some(failure.kind.reason().code()),
            error: Some(failure.explained(None, || {
                "the controller's account needs the verbs \"create\" and \"patch\" on \"events\" in the group \
                 \"events.k8s.io\", or the flag --events=false"
                    .to_owned()
            })),
            message: "Events cannot be written; replication goes on without them".to_owned(),
        });
    }

    /// What has to be logged since this was last called.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Its metrics.
    pub fn metrics(&self, samples: &mut Samples) {
        samples.count(Metric::EventsWritten, &[], self.written);
        for (why, word) in Dropped::ALL {
            samples.count(Metric::EventsDropped, &[word], self.dropped[why as usize]);
        }
    }
}
