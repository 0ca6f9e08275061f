//! The whole controller without its IO: all watches, and the control loop of each kind.
//!
//! Flow: [`poll`](Controller::poll) returns requests to be sent or cancelled, and the time when it has to be polled again.
//! [`deliver`](Controller::deliver) takes the response to a request, or its failure. Between these calls nothing happens. The
//! controller reads no clock, makes no randomness of its own, and no order depends on hashing: the same calls lead to the same
//! results.
//!
//! Guarantees: every request ends: one without a response is cancelled after its time limit. A page of a list, or a piece of a
//! watch, is not taken before there is time for it: the code that drives the controller holds back what it has not delivered, and
//! so the server has to wait.
//!
//! Assumes: the pieces of one response are delivered in their order, as [`Expects`](crate::wire::Expects) says. After `Cancel`
//! nothing more of it needs to be delivered (later pieces are dropped).
//!
//! In production [`edge::run`](crate::edge::run) drives it, on the one thread of the program; a simulator drives it on
//! virtual time:
//!
//! ```
//! # use std::time::Duration;
//! # use k8s_replicator_controller::controller::{Controller, Options, Want};
//! # use k8s_replicator_controller::event::Now;
//! # use k8s_replicator_controller::health::Health;
//! # use k8s_replicator_core::{annotations::Dialect, decide::Rules, kind, scope::Scope};
//! # let options = Options { kinds: kind::ALL.to_vec(), scope: Scope::Cluster, dialect: Dialect::new("k8s-replicator/", false),
//! #     rules: Rules::default(), resync_period: Duration::ZERO };
//! let mut controller = Controller::new(options, "https://server".into(), &Health::default(), &mut || Box::new(|| 0));
//! let now = Now { moment: Duration::ZERO, time: jiff::Timestamp::UNIX_EPOCH };
//! for want in controller.poll(now) {
//!     match want {
//!         Want::Request(id, request) => println!("{id:?}: {} {}", request.method, request.path),
//!         Want::Cancel(_) | Want::WaitUntil(_) => {}
//!     }
//! }
//! // Later: controller.deliver(now, id, Received::Response(…)), and poll again.
//! ```

mod calls;
mod consumers;
mod election;
mod recorder;
#[cfg(test)]
mod tests;
mod watches;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::Rules;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::scope::{Part, Scope};
use tracing::info;

use crate::cluster::{self, Answer, Failure, kube};
use crate::event::{Moment, Now};
use crate::health::Health;
use crate::metrics::{Metric, Samples};
use crate::notice::Notice;
use crate::poll::Poll;
use crate::replicator::{self, Replicator, TURNS_AT_ONCE, Ticket};
use crate::report::Report;
use crate::watch::{self, Entropy, Watch};
use crate::wire::{HttpRequest, Received};

use calls::Calls;
use consumers::{Namespaces, Objects};
use election::Election;
use recorder::Recorder;
use watches::{NamespaceSource, NamespaceWatch, ObjectWatch};

/// What the controller replicates, and by which rules.
#[derive(Debug, Clone)]
pub struct Options {
    /// The kinds that it replicates.
    pub kinds: Vec<&'static dyn Kind>,
    /// The namespaces that it works in. Nothing outside of them is read or written.
    pub scope: Scope,
    /// The annotations' prefix.
    pub dialect: Dialect,
    /// The flags on which decisions depend.
    pub rules: Rules,
    /// All replicas are verified within this time; zero: never.
    pub resync_period: Duration,
}

/// Names a request until it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

#[cfg(test)]
impl RequestId {
    pub(crate) fn first() -> Self {
        Self(1)
    }
}

/// What the controller asks of the code that drives it (`edge/run.rs`, or a simulator).
#[derive(Debug)]
pub enum Want {
    /// Send this request, and deliver its response, or its failure, under this id.
    Request(RequestId, HttpRequest),
    /// The response to this request is not needed any more: its connection may be closed.
    Cancel(RequestId),
    /// Poll the controller at this time, or when something was delivered. A time that has passed: at once, after others had a turn.
    WaitUntil(Moment),
}

/// One thing to be logged.
#[derive(Debug)]
pub enum Message {
    /// From a watch, a poll, the lease or the Events.
    Notice(Notice),
    /// From the control loop of this kind.
    Report(&'static dyn Kind, Report),
    /// Every first list of this kind is complete.
    Ready {
        /// The kind.
        kind: &'static dyn Kind,
        /// How many objects the graph holds.
        objects: usize,
    },
}

impl Message {
    /// Writes the log line.
    pub fn log(&self) {
        match self {
            Self::Notice(notice) => notice.log(),
            Self::Report(kind, report) => report.log(*kind),
            Self::Ready { kind, objects } => {
                info!(kind = kind.name(), objects, "ready: every first list is complete");
            }
        }
    }
}

/// See the [module](self).
pub struct Controller {
    dialect: Dialect,
    watches: Vec<ObjectWatch>,
    namespaces: NamespaceWatch,
    loops: Vec<Loop>,
    /// `None`: it writes without being elected.
    election: Option<Election>,
    /// `None`: no Events are written.
    recorder: Option<Recorder>,
    requests: BTreeMap<RequestId, Owner>,
    calls: Calls,
    /// When each of the replicators' requests times out, in the order in which they were sent.
    deadlines: VecDeque<(Moment, RequestId)>,
    last_id: u64,
    is_stopping: bool,
    end: Option<String>,
    messages: Vec<Message>,
}

/// The control loop of one kind.
struct Loop {
    replicator: Replicator,
    ready: Arc<AtomicBool>,
}

/// The part of the controller that made a request.
enum Owner {
    /// The watch with this number.
    Watch(usize),
    Namespaces,
    Election,
    Events,
    /// The control loop with this number.
    Loop {
        loop_: usize,
        ticket: Ticket,
        request: cluster::Request,
    },
}

impl Controller {
    /// A controller that has listed nothing yet. `url`: the server's address, for messages; `entropy` makes sources of
    /// cryptographic random bytes. Its replicators and watches are registered with `health`.
    #[must_use]
    pub fn new(options: Options, url: String, health: &Health, entropy: &mut dyn FnMut() -> Entropy) -> Self {
        let Options { kinds, scope, dialect, rules, resync_period } = options;
        let (mut watches, mut loops) = (Vec::new(), Vec::new());
        for (loop_, kind) in kinds.into_iter().enumerate() {
            for part in scope.parts() {
                let progress = health.watch(match &part {
                    Part::Cluster => kind.plural().to_owned(),
                    Part::Namespace(namespace) => format!("{} in {namespace}", kind.plural()),
                });
                let watch = Watch::new(watch::Settings {
                    resource: kind.plural(),
                    part: part.clone(),
                    url: url.clone(),
                    resync_period,
                    progress,
                    entropy: entropy(),
                });
                watches.push(ObjectWatch { watch, part, loop_, request: None });
            }
            let settings = replicator::Settings {
                rules: rules.clone(),
                scope: scope.clone(),
                entropy: entropy(),
                tells_all: tracing::enabled!(tracing::Level::DEBUG),
            };
            loops.push(Loop {
                replicator: Replicator::new(kind, settings),
                ready: health.replicator(kind.replicator()),
            });
        }
        let progress = health.watch("namespaces");
        let source = match scope {
            Scope::Cluster => NamespaceSource::Watch(Box::new(Watch::new(watch::Settings {
                resource: "namespaces",
                part: Part::Cluster,
                url,
                resync_period,
                progress,
                entropy: entropy(),
            }))),
            Scope::Namespaces(named) => NamespaceSource::Poll(Box::new(Poll::new(url, named, progress, entropy()))),
        };
        Self {
            dialect,
            watches,
            namespaces: NamespaceWatch { source, request: None },
            loops,
            election: None,
            recorder: None,
            requests: BTreeMap::new(),
            calls: Calls::default(),
            deadlines: VecDeque::new(),
            last_id: 0,
            is_stopping: false,
            end: None,
            messages: Vec::new(),
        }
    }

    /// The same, but it writes nothing and reads no content: see [`Replicator::only_look`].
    #[must_use]
    pub fn only_looking(mut self) -> Self {
        self.loops.iter_mut().for_each(|each| each.replicator.only_look());
        self
    }

    /// Goes on as far as it can without IO, for a few milliseconds: of each kind at most 1,000 targets are decided about. If
    /// there is more to do, it asks to be polled again at once.
    pub fn poll(&mut self, now: Now) -> Vec<Want> {
        let mut wants = Vec::new();
        let mut wait_until = self.time_out(now, &mut wants);
        if self.is_stopping {
            self.cancel_watches(&mut wants);
            wait_until = wait_until.min(self.poll_election(now, &mut wants));
        } else {
            wait_until = wait_until.min(self.poll_watches(now, &mut wants));
            wait_until = wait_until.min(self.poll_namespaces(now, &mut wants));
            wait_until = wait_until.min(self.poll_election(now, &mut wants));
            let may_write = self.may_write(now);
            self.loops.iter_mut().for_each(|each| each.replicator.stand_by(now, !may_write));
            if may_write {
                wait_until = wait_until.min(self.poll_loops(now, &mut wants));
            }
            wait_until =
                wait_until.min(if may_write { self.poll_events(now, &mut wants) } else { self.pass_over_events() });
        }
        self.take_messages_of_all();
        if wait_until < Moment::MAX {
            wants.push(Want::WaitUntil(wait_until));
        }
        wants
    }

    /// Takes the response to a request, or its failure. After that, or after several of them, call [`poll`](Self::poll).
    pub fn deliver(&mut self, now: Now, id: RequestId, received: Received) {
        let is_last = received.is_last();
        self.calls.received(now.moment, id, &received);
        match self.requests.get(&id) {
            None => return,
            Some(Owner::Watch(number)) => {
                let Some(ObjectWatch { watch, part, loop_, request }) = self.watches.get_mut(*number) else { return };
                let Some(Loop { replicator, .. }) = self.loops.get_mut(*loop_) else { return };
                if is_last {
                    *request = None;
                }
                watch.deliver(now.moment, received, &mut Objects { dialect: &self.dialect, part, replicator, now });
            }
            Some(Owner::Namespaces) => {
                if is_last {
                    self.namespaces.request = None;
                }
                let loops = &mut self.loops;
                self.namespaces.source.deliver(
                    now.moment,
                    received,
                    &mut Namespaces { dialect: &self.dialect, loops, now },
                );
            }
            Some(Owner::Election) => {
                if let Some(Election { lease, request, .. }) = &mut self.election {
                    if is_last {
                        *request = None;
                    }
                    lease.deliver(now.moment, received);
                }
            }
            Some(Owner::Events) => self.events_came(now, received),
            Some(Owner::Loop { .. }) => {
                let Some(Owner::Loop { loop_, ticket, request }) = self.requests.remove(&id) else { return };
                let Some(Loop { replicator, .. }) = self.loops.get_mut(loop_) else { return };
                let answer = kube::answer(&request, replicator.kind(), &self.dialect, received);
                if let Ok(Answer::Seen(observed) | Answer::Content(observed, _)) = &answer {
                    // A list that is older than this comes from an etcd that went back.
                    for each in self.watches.iter_mut().filter(|watch| watch.loop_ == loop_) {
                        each.watch.note_version(&observed.resource_version);
                        if each.part.covers(observed.key.namespace()) {
                            each.watch.expect(&observed.resource_version);
                        }
                    }
                }
                replicator.answer(now, ticket, answer);
                return;
            }
        }
        if is_last {
            self.requests.remove(&id);
        }
        self.note_ready();
    }

    /// Begins no new request; those of the replicators that are under way may end.
    pub fn stop(&mut self) {
        self.is_stopping = true;
    }

    /// How many requests of the replicators are under way. (Watches do not count.)
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.loops.iter().map(|each| each.replicator.under_way()).sum()
    }

    /// Whether it was stopped, no request of a replicator is under way, and its lease, if it held one, is released.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        let is_released = self.election.as_ref().is_none_or(|election| election.lease.is_released());
        self.is_stopping && self.under_way() == 0 && is_released
    }

    /// Why it cannot go on: a watch ended, or it lost its lease. Then the program has to be restarted.
    #[must_use]
    pub fn end(&self) -> Option<&str> {
        self.end.as_deref()
    }

    /// The control loops.
    pub fn replicators(&self) -> impl Iterator<Item = &Replicator> {
        self.loops.iter().map(|each| &each.replicator)
    }

    /// The annotations' prefix.
    #[must_use]
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// What has to be logged since this was last called.
    pub fn take_messages(&mut self) -> Vec<Message> {
        self.take_messages_of_all();
        std::mem::take(&mut self.messages)
    }

    /// All metrics: the counters since the start, and the current gauges.
    #[must_use]
    pub fn metrics(&self, now: Now) -> Samples {
        let mut samples = Samples::default();
        for Loop { replicator, .. } in &self.loops {
            replicator.metrics(now.moment, self.may_write(now), &mut samples);
        }
        self.calls.metrics(&mut samples);
        self.recorder.iter().for_each(|recorder| recorder.events.metrics(&mut samples));
        let mut restarts = BTreeMap::new();
        let watches = self.watches.iter().map(|slot| &slot.watch).chain(self.namespaces.source.watch());
        for watch in watches {
            // The series exists from the beginning, so that its first increase is visible.
            restarts.entry((watch.resource(), "Closed")).or_insert(0);
            watch
                .restarts()
                .for_each(|(cause, count)| *restarts.entry((watch.resource(), cause)).or_insert(0) += count);
        }
        for ((resource, cause), count) in restarts {
            samples.count(Metric::WatchRestarts, &[resource, cause], count);
        }
        samples
    }

    fn next_id(&mut self) -> RequestId {
        self.last_id += 1;
        RequestId(self.last_id)
    }

    /// Fails the requests that had no response in time. Answers when the next one times out.
    fn time_out(&mut self, now: Now, wants: &mut Vec<Want>) -> Moment {
        while let Some((at, id)) = self.deadlines.front().copied() {
            if self.requests.contains_key(&id) {
                if at > now.moment {
                    return at;
                }
                wants.push(Want::Cancel(id));
                self.calls.cancelled(now.moment, id);
                if let Some(Owner::Loop { loop_, ticket, request }) = self.requests.remove(&id)
                    && let Some(Loop { replicator, .. }) = self.loops.get_mut(loop_)
                {
                    let failure: Failure = kube::timed_out(&request, replicator.kind());
                    replicator.answer(now, ticket, Err(failure));
                }
            }
            self.deadlines.pop_front();
        }
        Moment::MAX
    }

    fn poll_loops(&mut self, now: Now, wants: &mut Vec<Want>) -> Moment {
        let mut wait_until = Moment::MAX;
        for loop_ in 0..self.loops.len() {
            let mut turns = TURNS_AT_ONCE;
            while let Some(Loop { replicator, .. }) = self.loops.get_mut(loop_)
                && let Some((ticket, request)) = replicator.next_request(now, &mut turns)
            {
                let http = kube::http_request(&request, replicator.kind(), &self.dialect);
                let id = self.next_id();
                self.deadlines.push_back((now.moment + kube::TIMEOUT, id));
                self.requests.insert(id, Owner::Loop { loop_, ticket, request });
                self.calls.sent(now.moment, id, &http);
                wants.push(Want::Request(id, http));
            }
            if let Some(Loop { replicator, .. }) = self.loops.get(loop_) {
                wait_until = wait_until.min(replicator.wake_at(now).unwrap_or(Moment::MAX));
            }
        }
        match self.deadlines.front() {
            Some((at, _)) => wait_until.min(*at),
            None => wait_until,
        }
    }

    fn note_ready(&mut self) {
        for Loop { replicator, ready } in &self.loops {
            if replicator.is_ready() && !ready.swap(true, Ordering::Relaxed) {
                self.messages.push(Message::Ready { kind: replicator.kind(), objects: replicator.graph().len() });
            }
        }
    }

    fn take_messages_of_all(&mut self) {
        let Self { watches, namespaces, loops, election, recorder, messages, .. } = self;
        let of_events = recorder.iter_mut().flat_map(|recorder| recorder.events.take_notices());
        messages.extend(of_events.map(Message::Notice));
        let of_lease = election.iter_mut().flat_map(|election| election.lease.take_notices());
        messages.extend(of_lease.map(Message::Notice));
        for slot in watches {
            messages.extend(slot.watch.take_notices().into_iter().map(Message::Notice));
        }
        messages.extend(namespaces.source.take_notices().into_iter().map(Message::Notice));
        for Loop { replicator, .. } in loops {
            let kind = replicator.kind();
            messages.extend(replicator.take_reports().into_iter().map(|report| Message::Report(kind, report)));
        }
    }
}
