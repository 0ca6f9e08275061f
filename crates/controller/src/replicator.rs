//! The control loop of one kind, without its IO.
//!
//! Flow: [`object`](Replicator::object) and [`namespace`](Replicator::namespace) bring news;
//! [`next_request`](Replicator::next_request) hands out requests for as long as the window lets it;
//! [`answer`](Replicator::answer) takes their answers, in any order; [`wake_at`](Replicator::wake_at) says when to ask
//! again if nothing comes. Between these calls nothing happens.
//!
//! Guarantees: at most one write is under way for a target; a source is read once per version for all targets that wait
//! for it; what a write answered is known before anything else is decided about its target.
//!
//! Assumes: every request that was handed out is answered, by an answer or a failure.

mod answers;
mod storm;
#[cfg(test)]
mod tests;
mod under_way;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use k8s_replicator_core::decide::{Decision, Need, Rules, Verb, Verdict, decide};
use k8s_replicator_core::graph::{Facts, Graph, Touched};
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::payload::Payload;
use k8s_replicator_core::scope::Scope;

use crate::cluster::Request;
use crate::contents::Contents;
use crate::event::{Moment, NamespaceEvent, Now, ObjectEvent};
use crate::queue::{Priority, Queue};
use crate::report::{Outcome, Report};
use crate::verification::Verification;
use crate::window::Window;

pub use under_way::Ticket;

use storm::Storms;
use under_way::{InFlight, UnderWay};

/// So many decisions are made before the caller has a turn: after the first lists every target is decided about.
const DECISIONS_AT_ONCE: usize = 10_000;

/// What a replicator is given.
pub struct Settings {
    /// The rules of deciding.
    pub rules: Rules,
    /// The namespaces that it looks at.
    pub scope: Scope,
    /// All targets are verified within this time; zero: never.
    pub resync_period: Duration,
    /// Cryptographic random bytes.
    pub entropy: Box<dyn FnMut() -> u8 + Send + Sync>,
    /// Whether targets that need nothing are reported too.
    pub tells_all: bool,
}

/// See the [module](self).
pub struct Replicator {
    kind: &'static dyn Kind,
    rules: Rules,
    entropy: Box<dyn FnMut() -> u8 + Send + Sync>,
    graph: Graph,
    queue: Queue,
    window: Window,
    contents: Contents,
    verification: Verification,
    under_way: InFlight,
    /// Who waits for what is being read.
    waiting: HashMap<Need, BTreeSet<TargetKey>>,
    /// What could not be read: it is tried again after a pause, once for all who want it.
    unreadable: HashMap<Need, Unreadable>,
    /// Changes that come too fast to follow each of them.
    storms: Storms,
    /// Targets that a write found changed, to be looked up.
    looks: VecDeque<TargetKey>,
    /// Refusals that were told, until the state changes.
    refused: HashMap<TargetKey, Verdict>,
    tells_all: bool,
    reports: Vec<Report>,
}

/// What could not be read.
#[derive(Debug)]
struct Unreadable {
    /// Failures in a row.
    failures: u32,
    again_at: Moment,
}

/// What will be known of the target's content once the write is carried out; `None`: what is known now.
type Written = Option<(Facts, Option<Arc<str>>)>;

impl Replicator {
    /// A replicator that knows nothing yet.
    #[must_use]
    pub fn new(kind: &'static dyn Kind, settings: Settings) -> Self {
        Self {
            kind,
            rules: settings.rules,
            entropy: settings.entropy,
            graph: Graph::new(&settings.scope),
            queue: Queue::default(),
            window: Window::default(),
            contents: Contents::default(),
            verification: Verification::new(settings.resync_period),
            under_way: InFlight::default(),
            waiting: HashMap::new(),
            unreadable: HashMap::new(),
            storms: Storms::default(),
            looks: VecDeque::new(),
            refused: HashMap::new(),
            tells_all: settings.tells_all,
            reports: Vec::new(),
        }
    }

    /// The kind that it replicates.
    #[must_use]
    pub fn kind(&self) -> &'static dyn Kind {
        self.kind
    }

    /// What it knows.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Whether every first list is complete.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.graph.full_view().is_some()
    }

    /// Whether there is nothing to do, and nothing under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.is_idle() && self.under_way.len() == 0 && self.storms.is_calm()
    }

    /// How many requests are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// What is to be told since it was last asked.
    pub fn take_reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    /// News of an object.
    pub fn object(&mut self, now: Now, event: ObjectEvent) {
        self.graph.set_time(now.moment);
        match event {
            ObjectEvent::ListBegins(part) => self.graph.begin_part(&part),
            ObjectEvent::Seen(observed) => {
                let key = observed.key.clone();
                self.under_way.was_seen(|at| *at == key);
                self.is_news(&key);
                let touched = self.graph.observe(observed);
                self.changed(now, key, touched);
            }
            ObjectEvent::ListEnds(part, version) => {
                let touched = self.graph.end_part(&part, &version);
                let graph = &self.graph;
                self.under_way.were_deleted(|key| part.covers(key.namespace()) && graph.node(key).is_none());
                self.look_at(touched);
            }
            ObjectEvent::Deleted(key, uid) => {
                self.under_way.were_deleted(|at| *at == key);
                self.is_news(&key);
                let touched = self.graph.forget(&key, &uid);
                self.look_at(touched);
            }
        }
    }

    /// An object changed, which touches these targets: they are looked at, unless it changes too fast.
    fn changed(&mut self, now: Now, key: Key, touched: Touched) {
        if let Some(touched) = self.storms.change(now.moment, key, touched) {
            self.look_at(touched);
        }
    }

    /// Whatever could not be read of this object may be readable now.
    fn is_news(&mut self, key: &Key) {
        if !self.unreadable.is_empty() {
            self.unreadable.retain(|need, _| need.key() != key);
        }
    }

    /// News of a namespace.
    pub fn namespace(&mut self, now: Now, event: NamespaceEvent) {
        self.graph.set_time(now.moment);
        let touched = match event {
            NamespaceEvent::ListBegins => {
                self.graph.begin_namespaces();
                return;
            }
            NamespaceEvent::Seen { name, facts } => {
                self.under_way.was_seen(|key| key.namespace() == name);
                self.graph.observe_namespace(&name, facts)
            }
            NamespaceEvent::ListEnds => self.graph.end_namespaces(),
            NamespaceEvent::Deleted { name } => {
                self.under_way.was_seen(|key| key.namespace() == name);
                self.graph.forget_namespace(&name)
            }
        };
        self.look_at(touched);
    }

    fn look_at(&mut self, targets: Touched) {
        for target in targets {
            self.queue.add(target, Priority::Urgent);
        }
    }

    /// The next request to send. To be asked until it answers `None`.
    pub fn next_request(&mut self, now: Now) -> Option<(Ticket, Request)> {
        self.graph.set_time(now.moment);
        self.contents.expire(now.moment);
        while let Some(touched) = self.storms.ended(now.moment) {
            self.look_at(touched);
        }
        while let Some(target) = self.verification.next(now.moment, &self.graph) {
            self.graph.suspect(&target);
            self.queue.add(target, Priority::Verify);
        }
        for _ in 0..DECISIONS_AT_ONCE {
            if !self.window.is_open(now.moment, self.under_way.in_time(now.moment)) {
                return None;
            }
            if let Some(target) = self.looks.pop_front() {
                let look = Need::Presence(target.clone().into());
                if let Some(request) = self.read(now, look, target) {
                    return Some(request);
                }
                continue;
            }
            let target = self.queue.next(now.moment)?;
            if let Some(request) = self.step(now, target) {
                return Some(request);
            }
        }
        None
    }

    /// When to ask for requests again, if nothing else happens before.
    #[must_use]
    pub fn wake_at(&self, now: Now) -> Option<Moment> {
        let under_way = self.under_way.in_time(now.moment);
        let room = match self.window.wake_at(now.moment) {
            Some(closed) => closed,
            None if self.window.is_open(now.moment, under_way) => Moment::ZERO,
            // Until an answer comes, or one of these is given up as slow.
            None => self.under_way.slow_at(now.moment).unwrap_or(Moment::MAX),
        };
        let queue = match self.queue.has_next() || !self.looks.is_empty() {
            true => Some(now.moment),
            false => self.queue.wake_at(),
        };
        let queue = queue.map(|at| at.max(room)).filter(|at| *at < Moment::MAX);
        let verification = self.verification.wake_at(&self.graph);
        [queue, self.contents.wake_at(), self.storms.wake_at(), verification].into_iter().flatten().min()
    }

    /// Decides about one target. `None`: no request is needed for it now.
    fn step(&mut self, now: Now, target: TargetKey) -> Option<(Ticket, Request)> {
        let need = match decide(&self.graph, self.kind, &self.rules, &target) {
            Decision::Nothing(verdict) => {
                self.refused.remove(&target);
                self.queue.done(&target);
                if self.tells_all {
                    self.reports.push(Report { target, verdict, outcome: Outcome::Nothing });
                }
                return None;
            }
            Decision::Refuse(verdict) => {
                self.queue.done(&target);
                if self.refused.get(&target) != Some(&verdict) {
                    self.refused.insert(target.clone(), verdict.clone());
                    self.reports.push(Report { target, verdict, outcome: Outcome::Refused });
                }
                return None;
            }
            Decision::Wait(verdict, until) => {
                if self.refused.get(&target) != Some(&verdict) {
                    self.refused.insert(target.clone(), verdict.clone());
                    self.reports.push(Report { target: target.clone(), verdict, outcome: Outcome::Refused });
                }
                self.queue.retry(&target, until);
                return None;
            }
            Decision::Need(need) => need,
            // One that is there keeps what it holds until the storm is over. What takes data away is never held up.
            Decision::Act(plan)
                if plan.verb == Verb::Update
                    && plan.copies().is_some_and(|source| self.storms.holds(source, &target)) =>
            {
                self.queue.done(&target);
                return None;
            }
            Decision::Act(plan) => {
                let copied = match plan.copies() {
                    None => Ok(None),
                    Some(source) => {
                        let version = self.graph.node(source).map(|node| &node.resource_version);
                        let content = version.and_then(|version| self.contents.get(now.moment, source, version));
                        content.map(Some).ok_or_else(|| Need::Content(source.clone().into()))
                    }
                };
                match copied {
                    // Its bytes were dropped, or are of another version than the graph's.
                    Err(need) => need,
                    Ok(copied) => {
                        let (verb, verdict) = (plan.verb, plan.verdict.clone());
                        let action = plan.action(copied.as_ref(), &rfc3339(now), &mut *self.entropy)?;
                        let written = self.written_by(&action);
                        let write = UnderWay::Write { target, verb, verdict, written };
                        return Some((self.under_way.begin(now.moment, write), Request::Write(action)));
                    }
                }
            }
        };
        // It would be read for the copy that is held up.
        if *need.key() != *target && self.storms.holds(need.key(), &target) {
            self.queue.done(&target);
            return None;
        }
        self.read(now, need, target)
    }

    /// Reads something for a target, unless it is being read already, or could not be read a moment ago. The target stays
    /// handed out meanwhile.
    fn read(&mut self, now: Now, need: Need, target: TargetKey) -> Option<(Ticket, Request)> {
        if let Some(waiting) = self.waiting.get_mut(&need) {
            waiting.insert(target);
            return None;
        }
        if let Some(unreadable) = self.unreadable.get(&need).filter(|unreadable| unreadable.again_at > now.moment) {
            self.queue.pause(&target, unreadable.again_at);
            return None;
        }
        self.waiting.insert(need.clone(), [target].into());
        let request = match &need {
            Need::Presence(key) => Request::Look(key.clone()),
            Need::Content(key) => Request::Read(key.clone()),
        };
        Some((self.under_way.begin(now.moment, UnderWay::Read(need)), request))
    }

    fn facts(&self, type_: Option<&str>, payload: &Payload) -> Facts {
        Facts::of(self.kind, type_, payload)
    }
}

/// As v1.3.0 wrote `replicated-at`: whole seconds.
fn rfc3339(now: Now) -> String {
    now.time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
