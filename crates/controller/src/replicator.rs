//! The control loop of one kind, without its IO.
//!
//! Flow: [`object`](Replicator::object) and [`namespace`](Replicator::namespace) take what the watches show;
//! [`next_request`](Replicator::next_request) hands out requests for as long as the window lets it;
//! [`answer`](Replicator::answer) takes their responses, in any order; [`wake_at`](Replicator::wake_at) says when to ask
//! again if nothing comes. Between these calls nothing happens.
//!
//! Guarantees: at most one write is under way for a target; a source is read once per version for all targets that wait
//! for it; what a write answered is known before anything else is decided about its target. Every target that is not as wanted
//! has a time at which it is decided about again, and a reason that was reported: a target that was handed out by the queue goes back to
//! it in one place (`steps`), by a type that has no other ending.
//!
//! Assumes: every request that was handed out is answered, by a response or a failure. The watches list again every
//! `--resync-period`: each complete list has all targets verified.

mod answers;
mod changes;
mod counters;
pub mod standing;
mod steps;
mod storm;
#[cfg(test)]
mod tests;
mod under_way;
mod work;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use k8s_replicator_core::advice::Advice;
use k8s_replicator_core::decide::{Need, Rules, advise};
use k8s_replicator_core::graph::{Graph, Knowledge, Touched};
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::observed::{Observed, ResourceVersion, Uid};
use k8s_replicator_core::scope::{Part, Scope};
use k8s_replicator_core::survey::{Row, look};
use k8s_replicator_core::trail::Trail;

use crate::cluster::{Access, Request};
use crate::contents::Contents;
use crate::event::{Moment, NamespaceEvent, Now, ObjectEvent};
use crate::events::Occurrence;
use crate::queue::{Priority, Queue, Turn};
use crate::report::{Outcome, Report, Reports};
use crate::window::Window;

pub use under_way::Ticket;

use changes::Changes;
use counters::Counters;
use standing::Standing;
use storm::Storms;
use under_way::InFlight;

/// So many targets are decided about before the thread serves anything else: that takes a few milliseconds. After the first lists all
/// targets are decided about.
pub(crate) const TURNS_AT_ONCE: usize = 1_000;

/// What a replicator is given.
pub struct Settings {
    /// The rules of deciding.
    pub rules: Rules,
    /// The namespaces that it looks at.
    pub scope: Scope,
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
    under_way: InFlight,
    /// The targets that wait for what is being read.
    waiting: HashMap<Need, Vec<Turn>>,
    /// The objects of which a part is asked for, while they are read.
    looked_at_in_part: HashSet<Key>,
    /// Changes that come faster than they can be followed.
    storms: Storms,
    /// When the changes were seen that are being followed.
    changes: Changes,
    standing: Standing,
    counters: Counters,
    /// Targets that a write found other than the graph shows them: they are looked up before they are decided about.
    look_up: BTreeSet<TargetKey>,
    tells_all: bool,
    /// Whether it only looks: see [`Replicator::only_look`].
    only_looks: bool,
    /// Whether another controller writes: see [`Replicator::stand_by`].
    stands_by: bool,
    reports: Reports,
    /// Targets that are decided about because of the first lists alone: their state is from before the start, so that no Event is
    /// written about it. Kept only for Events.
    old: HashSet<TargetKey>,
}

/// What will be known of the target's content once the write is carried out; `None`: what is known now.
type Written = Option<(Knowledge, Option<Arc<str>>)>;

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
            under_way: InFlight::default(),
            waiting: HashMap::new(),
            looked_at_in_part: HashSet::new(),
            storms: Storms::default(),
            changes: Changes::default(),
            standing: Standing::default(),
            counters: Counters::default(),
            look_up: BTreeSet::new(),
            tells_all: settings.tells_all,
            only_looks: false,
            stands_by: false,
            reports: Reports::default(),
            old: HashSet::new(),
        }
    }

    /// From now on it writes nothing, and reads no content: it shows what the controller in the cluster does. What only that one wrote
    /// is believed to be as its annotations say.
    pub fn only_look(&mut self) {
        self.only_looks = true;
        self.graph.believe_the_controller(true);
    }

    /// Whether another controller writes (SPEC 13). What that one alone wrote is believed, as it would be at a start (SPEC 9.15): else
    /// whoever takes over reads every replica that was written since it began to stand by, before its first write.
    ///
    /// A standby follows all objects, and queues nothing: what waited for it would grow for as long as another one leads. When it takes over
    /// it decides about all targets, as after the first lists.
    pub fn stand_by(&mut self, now: Now, stands_by: bool) {
        self.graph.believe_the_controller(stands_by || self.only_looks);
        if stands_by {
            self.reports.flush(now.moment);
        }
        if std::mem::replace(&mut self.stands_by, stands_by) && !stands_by {
            self.take_over(now);
        }
    }

    fn take_over(&mut self, now: Now) {
        self.set_time(now);
        self.graph.let_go_of_plain();
        let targets = self.standing.all_targets(&self.graph);
        if self.reports.wants_occurred() {
            self.old.extend(targets.iter().cloned());
        }
        targets.into_iter().for_each(|target| self.queue.add(target, Priority::Urgent, None));
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

    /// How its targets stand.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// How a target stands by what is known now, and the questions that led to it; no row if it is no target.
    #[must_use]
    pub fn look(&self, target: &TargetKey) -> (Option<Row>, Trail) {
        look(&self.graph, self.kind, &self.rules, target)
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

    /// What is to be logged since it was last asked.
    pub fn take_reports(&mut self) -> Vec<Report> {
        self.reports.take()
    }

    /// Neither the graph nor the queue has a clock.
    fn set_time(&mut self, now: Now) {
        self.graph.set_time(now.moment);
        self.queue.set_time(now.moment);
    }

    /// From now on what happens is kept for [`take_occurrences`](Self::take_occurrences).
    pub fn tell_events(&mut self) {
        self.reports.want_occurred();
    }

    /// What happened since this was last called, for Events; and how many writes that were carried out are left out, since there is
    /// no `room` for them.
    pub fn take_occurrences(&mut self, room: bool) -> (Vec<Occurrence>, usize) {
        let mut reports = self.reports.take_occurred();
        let all = reports.len();
        reports.retain(|report| room || !matches!(report.outcome, Outcome::Done { .. }));
        let left_out = all - reports.len();
        (reports.iter().filter_map(|report| Occurrence::of(&self.graph, self.kind, report)).collect(), left_out)
    }

    /// A watch of objects, or a list, showed something.
    pub fn object(&mut self, now: Now, event: ObjectEvent) {
        self.set_time(now);
        match event {
            ObjectEvent::ListBegins(part) => self.graph.begin_part(&part),
            ObjectEvent::Seen(observed) => self.was_seen(now, observed),
            ObjectEvent::ListEnds(part, version) => self.list_ends(now, &part, &version),
            ObjectEvent::Deleted(key, uid) => self.was_deleted(now, &key, &uid),
        }
    }

    fn was_seen(&mut self, now: Now, mut observed: Observed) {
        let (key, advice) = (observed.key.clone(), std::mem::take(&mut observed.advice));
        if let Some(target) = self.under_way.written(&key) {
            // The watch is quicker than the response to the write.
            self.queue.was_followed(target);
        }
        self.under_way.was_seen(&key);
        self.queue.changed(&key);
        let says = |graph: &Graph| graph.node(&key).map(|node| (node.uid.clone(), node.annotated.clone()));
        let before = says(&self.graph);
        let touched = self.graph.observe(observed);
        let after = says(&self.graph);
        if before.is_some() && after.is_none() {
            // It is nothing to this program any more, so that no version of it is kept to compare a late response with.
            self.under_way.was_deleted(&key);
        }
        let says_something_else = before != after;
        self.advise(now, &key, advice);
        self.changed(now, &key, touched, says_something_else);
    }

    /// An object changed, which touches these targets: they are decided about, unless it changes too fast. What its annotations say can
    /// take data away, which never waits.
    fn changed(&mut self, now: Now, key: &Key, touched: Touched, says_something_else: bool) {
        if self.stands_by {
            return self.look_at(touched, Some(key));
        }
        let is_followed = !self.queue.is_following(key);
        self.note_change(now, key, &touched);
        let may_take_away = says_something_else.then(|| touched.clone());
        let at_once = self.storms.change(now.moment, key, touched, is_followed).or(may_take_away);
        self.look_at(at_once.unwrap_or_default(), Some(key));
    }

    /// An object is seen to be another one, which touches these targets. (A standby notes deletions too, and queues nothing for them.)
    fn note_change(&mut self, now: Now, key: &Key, touched: &Touched) {
        if !touched.is_empty() {
            let Self { changes, queue, storms, .. } = self;
            changes.seen(now.moment, key, |key| queue.is_following(key) || storms.has_storm(key));
        }
    }

    fn was_deleted(&mut self, now: Now, key: &Key, uid: &Uid) {
        self.under_way.was_deleted(key);
        self.queue.changed(key);
        self.reports.gone(now.moment, key);
        let touched = self.graph.forget(key, uid);
        self.note_change(now, key, &touched);
        self.look_at(touched, Some(key));
    }

    fn list_ends(&mut self, now: Now, part: &Part, version: &ResourceVersion) {
        let is_first = !self.is_ready();
        let touched = self.graph.end_part(part, version);
        let graph = &self.graph;
        self.under_way.were_deleted(|key| part.covers(key.namespace()) && graph.node(key).is_none());
        self.note_old(is_first, &touched);
        self.look_at(touched, None);
        self.list_ended(now, is_first);
    }

    /// With the last of the first lists these targets are decided about for the first time.
    fn note_old(&mut self, is_first: bool, touched: &Touched) {
        if is_first && self.is_ready() && self.reports.wants_occurred() && !self.stands_by {
            self.old.extend(touched.targets.iter().cloned());
        }
    }

    /// A list is complete. With the last of the first ones all is known that advice may depend on; after that, all targets are
    /// verified.
    fn list_ended(&mut self, now: Now, is_first: bool) {
        if !is_first {
            return self.verify();
        }
        if self.is_ready() {
            self.reports.are_old(true);
            let advised: Vec<_> = self.graph.keys().filter_map(|key| self.advice_on(key)).collect();
            for (key, advice) in advised {
                self.reports.advise_also(now.moment, &key, advice);
            }
        }
    }

    /// What was read of an object, or written, may show more to advise about it than what the watch showed.
    fn advise_on_content(&mut self, now: Now, key: &Key) {
        if self.is_ready()
            && let Some((key, advice)) = self.advice_on(key)
        {
            // Contents that the first lists do not have are read after them; what was so before the start is no Event.
            self.reports.are_old(!self.old.is_empty());
            self.reports.advise_also(now.moment, &key, advice);
        }
    }

    /// What is advised about an object because of what else there is.
    fn advice_on(&self, key: &Key) -> Option<(Key, Vec<Advice>)> {
        let advice = advise(&self.graph, self.kind, key);
        (!advice.is_empty()).then(|| (key.clone(), advice))
    }

    /// A list is complete again. Whatever a watch missed, it has shown now: so all targets are decided about (SPEC 9.15).
    fn verify(&mut self) {
        if self.stands_by {
            return;
        }
        for target in self.standing.all_targets(&self.graph) {
            self.queue.add(target, Priority::Verify, None);
        }
    }

    /// What is advised about an object, as it is now: `advice`, by its annotations alone, and what else there is.
    fn advise(&mut self, now: Now, key: &Key, mut advice: Vec<Advice>) {
        self.reports.are_old(!self.is_ready());
        if self.is_ready() {
            advice.extend(advise(&self.graph, self.kind, key));
        }
        self.reports.advise(now.moment, key, advice);
    }

    /// The watch of namespaces, or a list of them, showed something. Only this says that a namespace is terminating.
    pub fn namespace(&mut self, now: Now, event: NamespaceEvent) {
        self.set_time(now);
        let touched = match event {
            NamespaceEvent::ListBegins => {
                self.graph.begin_namespaces();
                return;
            }
            NamespaceEvent::Seen { name, facts } => {
                self.under_way.were_seen(|key| key.namespace() == name);
                self.graph.observe_namespace(&name, facts)
            }
            NamespaceEvent::ListEnds => {
                let is_first = !self.is_ready();
                let touched = self.graph.end_namespaces();
                self.note_old(is_first, &touched);
                self.list_ended(now, is_first);
                touched
            }
            NamespaceEvent::Deleted { name } => {
                self.under_way.were_seen(|key| key.namespace() == name);
                self.queue.namespace_gone(&name);
                self.graph.forget_namespace(&name)
            }
        };
        self.look_at(touched, None);
    }

    /// These targets are decided about soon. `cause`: the object that changed.
    fn look_at(&mut self, targets: Touched, cause: Option<&Key>) {
        if self.stands_by {
            if !targets.wide.is_empty() {
                // Taking targets out of a piece lets go of the objects that are nothing to the program any more.
                self.graph.let_go_of_plain();
            }
            return;
        }
        if cause.is_some() && !self.old.is_empty() {
            for target in &targets.targets {
                self.old.remove(target);
            }
        }
        self.queue.add_touched(targets.targets, cause);
        targets.wide.into_iter().for_each(|wide| self.queue.add_wide(wide, cause));
    }

    /// The next request to send. To be asked until it answers `None`. Each target that is decided about takes one of `turns`.
    pub fn next_request(&mut self, now: Now, turns: &mut usize) -> Option<(Ticket, Request)> {
        self.time_passed(now);
        while *turns > 0 {
            if !self.window.is_open(now.moment, self.under_way.in_time()) {
                return None;
            }
            let (window, under_way) = (&self.window, &self.under_way);
            let has_room = |namespace: &str, access| has_room(window, under_way, now.moment, namespace, access);
            let turn = self.queue.next(now.moment, self.contents.is_pressed(), has_room)?;
            *turns -= 1;
            if let Some(request) = self.step(now, turn) {
                return Some(request);
            }
        }
        None
    }

    /// What happens by itself.
    fn time_passed(&mut self, now: Now) {
        self.set_time(now);
        self.contents.expire(now.moment);
        self.reports.flush(now.moment);
        self.under_way.notice_slow(now.moment);
        while let Some(namespace) = self.window.reopened(now.moment) {
            self.queue.reopen(&namespace);
        }
        while let Some((object, touched)) = self.storms.ended(now.moment) {
            self.look_at(touched, Some(&object));
        }
        let Self { queue, graph, standing, old, .. } = self;
        queue.take_out(
            graph,
            |graph| standing.all_targets(graph),
            |target| {
                old.remove(target);
            },
        );
    }

    /// When a target is decided about again, at the latest: see [`Queue::next_at`].
    #[must_use]
    pub fn next_at(&self, target: &TargetKey) -> Option<Moment> {
        self.queue.next_at(target)
    }

    /// When to ask for requests again, if nothing else happens before.
    #[must_use]
    pub fn wake_at(&self, now: Now) -> Option<Moment> {
        let room = match self.window.wake_at(now.moment) {
            Some(closed) => closed,
            None if self.window.is_open(now.moment, self.under_way.in_time()) => Moment::ZERO,
            // Until a response comes, or one of these is given up as slow.
            None => self.under_way.slow_at().unwrap_or(Moment::MAX),
        };
        let queue = if self.queue.has_next() { Some(now.moment) } else { self.queue.wake_at() };
        let queue = queue.map(|at| at.max(room)).filter(|at| *at < Moment::MAX);
        let others = [self.contents.wake_at(), self.storms.wake_at(), self.reports.wake_at(), self.window.reopens_at()];
        others.into_iter().chain([queue]).flatten().min()
    }
}

/// Whether one more request of this kind may be made about an object of this namespace: whatever is slow or fails in one leaves room for
/// others, and a webhook's trouble with writes there room for reads.
fn has_room(window: &Window, under_way: &InFlight, now: Moment, namespace: &str, access: Access) -> bool {
    window.is_open_for(now, namespace, access) && under_way.leaves_room(namespace, access, window.size())
}
