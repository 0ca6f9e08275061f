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
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
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
}

/// Names a request until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

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
    /// Requests under way.
    under_way: BTreeMap<Ticket, UnderWay>,
    /// Those of them whose object was deleted since they were sent: their answers may be older than that.
    overtaken: BTreeSet<Ticket>,
    /// Who waits for what is being read.
    waiting: HashMap<Need, BTreeSet<TargetKey>>,
    /// Targets that a write found changed, to be looked up.
    looks: VecDeque<TargetKey>,
    /// Refusals that were told, until the state changes.
    refused: HashMap<TargetKey, Verdict>,
    reports: Vec<Report>,
    last_ticket: Ticket,
}

#[derive(Debug)]
enum UnderWay {
    Read(Need),
    Write { target: TargetKey, verb: Verb, verdict: Verdict, written: Written },
}

impl UnderWay {
    /// The object that is read or written.
    fn key(&self) -> &Key {
        match self {
            Self::Read(Need::Presence(key) | Need::Content(key)) => key,
            Self::Write { target, .. } => target,
        }
    }
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
            under_way: BTreeMap::new(),
            overtaken: BTreeSet::new(),
            waiting: HashMap::new(),
            looks: VecDeque::new(),
            refused: HashMap::new(),
            reports: Vec::new(),
            last_ticket: Ticket(0),
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
        self.queue.is_idle() && self.under_way.is_empty()
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
    pub fn object(&mut self, event: ObjectEvent) {
        let touched = match event {
            ObjectEvent::ListBegins(part) => {
                self.graph.begin_part(&part);
                return;
            }
            ObjectEvent::Seen(observed) => self.graph.observe(observed),
            ObjectEvent::ListEnds(part) => {
                let touched = self.graph.end_part(&part);
                let is_gone = |key: &Key| part.covers(key.namespace()) && self.graph.node(key).is_none();
                let gone = self.under_way.iter().filter(|(_, request)| is_gone(request.key()));
                self.overtaken.extend(gone.map(|(ticket, _)| ticket));
                touched
            }
            ObjectEvent::Deleted(key, uid) => {
                let about = self.under_way.iter().filter(|(_, request)| *request.key() == key);
                self.overtaken.extend(about.map(|(ticket, _)| ticket));
                self.graph.forget(&key, &uid)
            }
        };
        self.look_at(touched);
    }

    /// News of a namespace.
    pub fn namespace(&mut self, event: NamespaceEvent) {
        let touched = match event {
            NamespaceEvent::ListBegins => {
                self.graph.begin_namespaces();
                return;
            }
            NamespaceEvent::Seen { name, terminating } => self.graph.observe_namespace(&name, terminating),
            NamespaceEvent::ListEnds => self.graph.end_namespaces(),
            NamespaceEvent::Deleted { name } => {
                self.graph.forget_namespace(&name);
                return;
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
        self.contents.expire(now.moment);
        while let Some(target) = self.verification.next(now.moment, &self.graph) {
            self.graph.suspect(&target);
            self.queue.add(target, Priority::Verify);
        }
        while self.window.is_open(now.moment, self.under_way.len()) {
            if let Some(target) = self.looks.pop_front() {
                let look = Need::Presence(target.clone().into());
                if let Some(request) = self.read(look, target) {
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
        let closed = self.window.wake_at(now.moment);
        let queue = self.queue.wake_at().map(|at| at.max(closed.unwrap_or(at)));
        let verification = self.verification.wake_at(&self.graph);
        [queue, closed, self.contents.wake_at(), verification].into_iter().flatten().min()
    }

    /// Decides about one target. `None`: no request is needed for it now.
    fn step(&mut self, now: Now, target: TargetKey) -> Option<(Ticket, Request)> {
        let need = match decide(&self.graph, self.kind, &self.rules, &target) {
            Decision::Nothing(verdict) => {
                self.refused.remove(&target);
                self.queue.done(&target);
                self.reports.push(Report { target, verdict, outcome: Outcome::Nothing });
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
            Decision::Need(need) => need,
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
                        self.refused.remove(&target);
                        let (verb, verdict) = (plan.verb, plan.verdict.clone());
                        let action = plan.action(copied.as_ref(), &rfc3339(now), &mut *self.entropy)?;
                        let written = self.written_by(&action);
                        let under_way = UnderWay::Write { target, verb, verdict, written };
                        return Some((self.ticket(under_way), Request::Write(action)));
                    }
                }
            }
        };
        self.read(need, target)
    }

    /// Reads something for a target, unless it is being read already. The target stays handed out meanwhile.
    fn read(&mut self, need: Need, target: TargetKey) -> Option<(Ticket, Request)> {
        if let Some(waiting) = self.waiting.get_mut(&need) {
            waiting.insert(target);
            return None;
        }
        self.waiting.insert(need.clone(), [target].into());
        let request = match &need {
            Need::Presence(key) => Request::Look(key.clone()),
            Need::Content(key) => Request::Read(key.clone()),
        };
        Some((self.ticket(UnderWay::Read(need)), request))
    }

    fn ticket(&mut self, request: UnderWay) -> Ticket {
        self.last_ticket.0 += 1;
        self.under_way.insert(self.last_ticket, request);
        self.last_ticket
    }

    fn facts(&self, type_: Option<&str>, immutable: bool, payload: &Payload) -> Facts {
        Facts { digest: payload.digest(), immutable, cleared: self.kind.is_cleared(type_, payload) }
    }
}

/// As v1.3.0 wrote `replicated-at`: whole seconds.
fn rfc3339(now: Now) -> String {
    now.time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
