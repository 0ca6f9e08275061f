//! What the controller did and why, as Kubernetes Events (`events.k8s.io/v1`) on the object whose owner can act. It does no IO and
//! has no clock.
//!
//! Guarantees: Events never hold anything up. What waits to be written is bounded, and what comes from one object, and from all, is
//! limited; what is too much is dropped, and counted: ordinary Events before warnings. While much is being replicated only warnings are
//! written. A failure to write one is not repeated, and
//! one that has to do with rights is said once. The same again is a *series* of one Event. No value of a Secret is in an Event:
//! its words are those of the log.
//!
//! It is driven as a [`Poll`](crate::poll::Poll) is.

mod body;
mod occurrence;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

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

/// So many Events wait to be written.
const MOST_WAITING: usize = 1_000;
/// One object has so many Events at once,
const AT_ONCE: u32 = 25;
/// and then one in this time.
const ONE_IN: Duration = Duration::from_secs(300);
/// All objects together have so many at once,
const ALL_AT_ONCE: u32 = 50;
/// and then one in this time.
const ALL_ONE_IN: Duration = Duration::from_millis(100);
/// With more requests for targets under way than this, ordinary Events wait,
const BUSY: usize = 8;
/// and are tried again so soon, if nothing else happens before.
const BUSY_FOR: Duration = Duration::from_millis(500);
/// So many Events are remembered, to be repeated as series.
const MOST_REMEMBERED: usize = 512;
/// What is not repeated for so long begins a new Event. (The API server forgets Events after an hour.)
const SERIES: Duration = Duration::from_secs(600);
/// Fewer allowances than this are not swept.
const FEW: usize = 64;
/// A write without an answer after this time has none.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Without the right to write Events it is tried again so seldom.
const FORBIDDEN_FOR: Duration = Duration::from_secs(300);
/// The longest pause after another failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What it is given.
pub struct Settings {
    /// Which of several programs it is: the pod's name.
    pub instance: String,
    /// The key of the annotation that has the source's version.
    pub version_key: String,
    /// Names Events, and spreads attempts.
    pub entropy: Entropy,
}

/// Which Event it is: that of the occurrence with this number.
type Number = u64;

/// An occurrence, and what was told of it.
#[derive(Debug)]
struct Told {
    what: Arc<Occurrence>,
    /// Its Event's name, once the API server has it.
    name: Option<String>,
    /// How often it happened.
    count: u32,
    last: Now,
    /// The source's version the last time.
    version: Option<ResourceVersion>,
    is_waiting: bool,
}

/// See the [module](self).
pub struct Events {
    settings: Settings,
    told: BTreeMap<Number, Told>,
    by_occurrence: BTreeMap<Arc<Occurrence>, Number>,
    next: Number,
    /// What is to be written.
    warnings: VecDeque<Number>,
    others: VecDeque<Number>,
    /// What was written of late, the first ones first.
    idle: VecDeque<Number>,
    /// Of objects that had Events of late: the moment at which these would have come if each had come [`ONE_IN`] after the one before.
    allowed: BTreeMap<Party, Moment>,
    sweep_at: usize,
    /// The same of all.
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

/// What is being written.
struct Asked {
    at: Moment,
    number: Number,
    /// The name of the Event, if it is made; `None`: it is a series that goes on.
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
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            told: BTreeMap::new(),
            by_occurrence: BTreeMap::new(),
            next: 0,
            warnings: VecDeque::new(),
            others: VecDeque::new(),
            idle: VecDeque::new(),
            allowed: BTreeMap::new(),
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

    /// This happened.
    pub fn tell(&mut self, now: Now, what: Occurrence) {
        let number = self.by_occurrence.get(&what).copied();
        let again = number.and_then(|number| Some((number, self.told.get_mut(&number)?)));
        let number = match again.filter(|(_, told)| told.last.moment + SERIES > now.moment) {
            Some((number, told)) => {
                told.count = told.count.saturating_add(1);
                (told.last, told.version) = (now, what.version);
                if told.is_waiting {
                    return;
                }
                number
            }
            None => self.remember(now, what),
        };
        let Some(told) = self.told.get(&number) else { return };
        let regarding = told.what.regarding.clone();
        if !self.allow(now.moment, &regarding) {
            // How often it happened is told with the next one of the series.
            return self.drop(Dropped::TooMany, 1);
        }
        self.wait(number);
    }

    fn remember(&mut self, now: Now, what: Occurrence) -> Number {
        while self.idle.len() >= MOST_REMEMBERED
            && let Some(number) = self.idle.pop_front()
        {
            if self.told.get(&number).is_some_and(|told| !told.is_waiting) {
                self.forget(number);
            }
        }
        self.next += 1;
        let (version, what) = (what.version.clone(), Arc::new(what));
        if let Some(before) = self.by_occurrence.insert(what.clone(), self.next) {
            self.told.remove(&before);
        }
        let told = Told { what, name: None, count: 1, last: now, version, is_waiting: false };
        self.told.insert(self.next, told);
        self.next
    }

    fn forget(&mut self, number: Number) {
        if let Some(told) = self.told.remove(&number)
            && self.by_occurrence.get(&told.what) == Some(&number)
        {
            self.by_occurrence.remove(&told.what);
        }
    }

    fn wait(&mut self, number: Number) {
        if self.warnings.len() + self.others.len() >= MOST_WAITING
            && let Some(oldest) = self.others.pop_front().or_else(|| self.warnings.pop_front())
        {
            self.forget(oldest);
            self.drop(Dropped::Full, 1);
        }
        let Some(told) = self.told.get_mut(&number) else { return };
        told.is_waiting = true;
        match told.what.is_warning {
            true => self.warnings.push_back(number),
            false => self.others.push_back(number),
        }
    }

    /// Whether an object has not yet used up its allowance.
    fn allow(&mut self, now: Moment, object: &Party) -> bool {
        if self.allowed.len() >= self.sweep_at {
            self.allowed.retain(|_, until| *until > now);
            self.sweep_at = (self.allowed.len() * 2).max(FEW);
        }
        let until = self.allowed.entry(object.clone()).or_insert(now);
        let next = (*until).max(now) + ONE_IN;
        if next > now + ONE_IN * AT_ONCE {
            return false;
        }
        *until = next;
        true
    }

    fn drop(&mut self, why: Dropped, count: usize) {
        self.dropped[why as usize] += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// Goes on as far as it can without IO. To be called until it answers [`Next::WaitUntil`]. `under_way`: how many requests for
    /// targets are.
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
        let Some(told) = self.told.get_mut(&number) else { return Next::Yield };
        told.is_waiting = false;
        self.idle.push_back(number);
        self.all_until = self.all_until.max(now.moment) + ALL_ONE_IN;
        let (name, request) = match &told.name {
            Some(name) => (None, body::series(told, name, &self.settings)),
            None => {
                let name = body::name(&told.what, &mut self.settings.entropy);
                let request = body::create(told, &name, &self.settings);
                (Some(name), request)
            }
        };
        self.asked = Some(Asked { at: now.moment, number, name });
        Next::Request(request)
    }

    /// Takes what came of the request under way.
    pub fn deliver(&mut self, now: Now, received: Received) {
        match received {
            Received::Response(response) if response.status.is_success() => {
                if let Some(Asked { number, name: Some(name), .. }) = self.asked.take()
                    && let Some(told) = self.told.get_mut(&number)
                {
                    told.name = Some(name);
                }
                self.asked = None;
                (self.failures, self.said_forbidden) = (0, false);
                self.written += 1;
            }
            Received::Response(response) => {
                self.failed(now, &refusal(response.status, &response.headers, &response.body));
            }
            Received::TooLong => {
                // It was carried out.
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
        if went && let Some(told) = self.told.get_mut(&number) {
            // The Event of the series is gone: it is made anew.
            told.name = None;
            return self.wait(number);
        }
        self.forget(number);
        match failure.kind {
            FailureKind::Forbidden => {
                let waiting = std::mem::take(&mut self.warnings).into_iter().chain(std::mem::take(&mut self.others));
                let waiting: Vec<Number> = waiting.collect();
                self.drop(Dropped::Forbidden, waiting.len() + 1);
                waiting.into_iter().for_each(|number| self.forget(number));
                self.not_before = now.moment + FORBIDDEN_FOR;
                if !std::mem::replace(&mut self.said_forbidden, true) {
                    self.say(failure);
                }
            }
            // It is about this one alone.
            FailureKind::Gone | FailureKind::NamespaceTerminating | FailureKind::Invalid | FailureKind::Conflict => {
                self.drop(Dropped::Failed, 1);
            }
            FailureKind::Throttled | FailureKind::Server | FailureKind::Unreachable => {
                self.drop(Dropped::Failed, 1);
                let pause = backoff(self.failures.saturating_add(3), LONGEST_PAUSE, (self.settings.entropy)());
                self.failures = self.failures.saturating_add(1);
                self.not_before = now.moment + failure.retry_after.unwrap_or_default().min(FORBIDDEN_FOR).max(pause);
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
            error: Some(format!(
                "{}; the controller's account needs the verbs \"create\" and \"patch\" on \"events\" in the group \
                 \"events.k8s.io\", or the flag --events=false",
                failure.message
            )),
            message: "Events cannot be written; replication goes on without them".to_owned(),
        });
    }

    /// What there is to log since this was last called.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// What was counted.
    pub fn metrics(&self, samples: &mut Samples) {
        samples.count(Metric::EventsWritten, &[], self.written);
        for (why, word) in Dropped::ALL {
            samples.count(Metric::EventsDropped, &[word], self.dropped[why as usize]);
        }
    }
}
