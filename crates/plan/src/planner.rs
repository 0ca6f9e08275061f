//! The controller's work, done in memory: decide, write, look again, until nothing is left to do.
//!
//! One planner is for one kind. It begins with what there is ([`Planner::new`]), takes what users do ([`Planner::put`],
//! [`Planner::remove`], [`Planner::namespace`]) and says what follows ([`Planner::changes`]). It knows all that happens at
//! once, as a controller does that runs and keeps up.
//!
//! Where `decide` waits, time passes here without anybody waiting: [`Planner::run`] ends when nothing is left that time would
//! change.

mod contents;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::{Decision, Need, Rules, Verb, Verdict, decide};
use k8s_replicator_core::graph::{Graph, Touched};
use k8s_replicator_core::identity::{ResourceVersion, Uid};
use k8s_replicator_core::keys::Projection;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::{Key, SourceKey, TargetKey};
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::scope::Scope;
use k8s_replicator_core::time::Moment;

use crate::object::{Known, Object};

/// So often one target is written, and so often one turn asks for something: more would be a mistake of this program's.
const MOST_WRITES: usize = 64;
const MOST_NEEDS: usize = 64;
/// So often in a row time passes for targets that are held by the removal limit, without anything being written.
const MOST_HELD: usize = 3;

/// The flags of a controller, as far as they say what it does.
#[derive(Debug, Clone)]
pub struct Flags {
    /// How annotations are read.
    pub dialect: Dialect,
    /// What is decided by.
    pub rules: Rules,
    /// Which namespaces it looks at.
    pub scope: Scope,
    /// Which kinds it replicates.
    pub kinds: Vec<&'static dyn Kind>,
}

/// What became of one target.
#[derive(Debug, Clone)]
pub struct Change {
    /// As it was before the first write.
    pub before: Option<Object>,
    /// Each write: what was done, why, and how long after the beginning.
    pub writes: Vec<(Verb, Verdict, Moment)>,
    /// Whether something had to be assumed of a content that the controller would read.
    pub is_assumed: bool,
}

/// What is left of a target's writes in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// It is removed.
    Delete,
    /// It is emptied.
    Clear,
    /// It is removed and made again.
    Recreate,
    /// It is changed.
    Update,
    /// It is made.
    Create,
}

impl Effect {
    /// Every effect, the worst first.
    pub const ALL: [Self; 5] = [Self::Delete, Self::Clear, Self::Recreate, Self::Update, Self::Create];

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Clear => "clear",
            Self::Recreate => "recreate",
            Self::Update => "update",
            Self::Create => "create",
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub struct Planner {
    kind: &'static dyn Kind,
    flags: Flags,
    graph: Graph,
    objects: BTreeMap<Key, Object>,
    /// What objects held at versions before their current one.
    held: HashMap<(Key, ResourceVersion), Known>,
    queue: VecDeque<TargetKey>,
    queued: HashSet<TargetKey>,
    waiting: BTreeSet<(Moment, TargetKey)>,
    now: Moment,
    began: Moment,
    held_in_vain: usize,
    next_version: u64,
    changes: BTreeMap<TargetKey, Change>,
    /// Targets of which a write would be refused, and why.
    failed: BTreeMap<TargetKey, Verdict>,
}

/// What one turn of a target comes to.
enum Step {
    Rest,
    Wait(Reason, Moment),
    Need(Need),
    Write(Box<(k8s_replicator_core::action::Action, Verb, Verdict, Option<Key>)>),
}

impl Planner {
    /// A controller that has been started, and has its first lists.
    #[must_use]
    pub fn new(
        kind: &'static dyn Kind,
        flags: &Flags,
        namespaces: &BTreeMap<String, NamespaceFacts>,
        objects: impl IntoIterator<Item = Object>,
    ) -> Self {
        let objects: BTreeMap<Key, Object> = objects.into_iter().map(|object| (object.key.clone(), object)).collect();
        let version = |object: &Object| match object.resource_version {
            ResourceVersion::Number(number) => number,
            ResourceVersion::Text(_) => 0,
        };
        let mut planner = Self {
            kind,
            flags: flags.clone(),
            graph: Graph::new(&flags.scope),
            next_version: objects.values().map(version).max().unwrap_or_default() + 1,
            objects,
            held: HashMap::new(),
            queue: VecDeque::new(),
            queued: HashSet::new(),
            waiting: BTreeSet::new(),
            now: Moment::ZERO,
            began: Moment::ZERO,
            held_in_vain: 0,
            changes: BTreeMap::new(),
            failed: BTreeMap::new(),
        };
        planner.make_up();
        planner.first_lists(namespaces);
        planner
    }

    fn first_lists(&mut self, namespaces: &BTreeMap<String, NamespaceFacts>) {
        self.graph.begin_namespaces();
        for (name, facts) in namespaces {
            self.graph.observe_namespace(name, facts.clone());
        }
        let mut touched = self.graph.end_namespaces();
        for part in self.flags.scope.parts() {
            self.graph.begin_part(&part);
            for object in self.objects.values().filter(|object| part.covers(object.key.namespace())) {
                self.graph.observe(object.observed(&self.flags.dialect));
            }
            touched.append(self.graph.end_part(&part, &ResourceVersion::new(&self.next_version.to_string())));
        }
        self.look_at(touched);
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> &'static dyn Kind {
        self.kind
    }

    /// What the controller would know.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What is decided by.
    #[must_use]
    pub fn flags(&self) -> &Flags {
        &self.flags
    }

    /// An object as it is now.
    #[must_use]
    pub fn object(&self, key: &Key) -> Option<&Object> {
        self.objects.get(key)
    }

    /// All objects as they are now.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// The targets of which a write would be refused, and why.
    #[must_use]
    pub fn failed(&self) -> &BTreeMap<TargetKey, Verdict> {
        &self.failed
    }

    /// What was written since the beginning, or since [`Planner::begin`].
    #[must_use]
    pub fn changes(&self) -> &BTreeMap<TargetKey, Change> {
        &self.changes
    }

    /// What happened up to now does not count any more.
    pub fn begin(&mut self) {
        self.changes.clear();
        self.began = self.now;
    }

    /// What is left of a target's writes; `None`: it is as it was.
    #[must_use]
    pub fn effect(&self, target: &TargetKey) -> Option<Effect> {
        let change = self.changes.get(target)?;
        match (&change.before, self.objects.get(&**target)) {
            (None, None) => None,
            (None, Some(_)) => Some(Effect::Create),
            (Some(before), now) if now.is_none_or(|now| now.deleting && !before.deleting) => Some(Effect::Delete),
            (Some(before), Some(now)) if before.uid != now.uid => Some(Effect::Recreate),
            (Some(before), Some(now)) if self.is_alike(before, now) => None,
            (Some(_), _) => {
                let is_data = |(verb, _, _): &&(Verb, Verdict, Moment)| matches!(verb, Verb::Clear | Verb::Update);
                match change.writes.iter().rev().find(is_data) {
                    Some((Verb::Clear, ..)) => Some(Effect::Clear),
                    _ => Some(Effect::Update),
                }
            }
        }
    }

    /// Whether two states of an object say and hold the same.
    fn is_alike(&self, one: &Object, other: &Object) -> bool {
        let dialect = &self.flags.dialect;
        let says = |object: &Object| {
            let mut annotations = object.annotations.clone();
            annotations
                .retain(|key, _| !matches!(dialect.name(key), Some("replicated-at" | "replicated-from-version")));
            annotations
        };
        one.content == other.content
            && one.labels == other.labels
            && says(one) == says(other)
            && one.managers.replicated_by == other.managers.replicated_by
    }

    // --- What users do ---

    /// An object is made, or put in the place of one. Its uid, version and time of creation are given here.
    pub fn put(&mut self, mut object: Object) {
        let old = self.objects.get(&object.key);
        (object.uid, object.created) = match old {
            Some(old) => (old.uid.clone(), old.created),
            None => (self.new_uid(), self.new_time()),
        };
        if let Some(change) = self.changes.get_mut(&TargetKey::from(object.key.clone())) {
            change.before = Some(object.clone());
        }
        let touched = self.store(object, |graph, observed| graph.observe(observed));
        self.look_at(touched);
    }

    /// An object's content becomes known to the controller, as it does when it is asked for.
    pub fn read(&mut self, key: &Key) {
        let mut part = None;
        self.fill(&Need::Content(key.clone()), &key.clone().into(), &mut part);
    }

    /// An object is removed; one with finalizers is not gone by that.
    pub fn remove(&mut self, key: &Key) {
        self.changes.remove(&TargetKey::from(key.clone()));
        let touched = match self.objects.get(key) {
            Some(object) if object.has_finalizers => {
                let object = Object { deleting: true, ..object.clone() };
                self.store(object, Graph::observe)
            }
            _ => self.take_away(key),
        };
        self.look_at(touched);
    }

    /// A namespace is made or changed.
    pub fn namespace(&mut self, name: &str, facts: NamespaceFacts) {
        let touched = self.graph.observe_namespace(name, facts);
        self.look_at(touched);
    }

    /// A namespace is removed, with all that is in it.
    pub fn remove_namespace(&mut self, name: &str) {
        let within: Vec<Key> = self.objects.keys().filter(|key| key.namespace() == name).cloned().collect();
        within.iter().for_each(|key| self.remove(key));
        let is_held = within.iter().any(|key| self.objects.contains_key(key));
        let touched = match is_held {
            true => self.graph.observe_namespace(name, NamespaceFacts::new(true)),
            false => self.graph.forget_namespace(name),
        };
        self.look_at(touched);
    }

    // --- What the controller does ---

    /// All that can be done now, without time passing.
    pub fn settle(&mut self) {
        while let Some(target) = self.queue.pop_front() {
            self.queued.remove(&target);
            self.turn(&target);
        }
    }

    /// All that there is to do, with all the time that it takes.
    pub fn run(&mut self) {
        loop {
            self.settle();
            let Some((at, target)) = self.waiting.pop_first() else { return };
            self.now = self.now.max(at);
            self.graph.set_time(self.now);
            self.look_at(vec![target].into());
        }
    }

    fn look_at(&mut self, targets: Touched) {
        for target in self.graph.take_all_targets(targets) {
            if self.queued.insert(target.clone()) {
                self.queue.push_back(target);
            }
        }
    }

    fn turn(&mut self, target: &TargetKey) {
        let mut is_assumed = false;
        let mut part = None;
        self.failed.remove(target);
        for _ in 0..MOST_NEEDS {
            match self.decide(target) {
                Step::Rest => return,
                Step::Wait(reason, until) => {
                    let is_held = reason == Reason::RemovalHeld;
                    let is_in_vain = is_held && self.held_in_vain >= MOST_HELD;
                    self.held_in_vain += usize::from(is_held);
                    if until < Moment::MAX && !is_in_vain {
                        self.waiting.insert((until, target.clone()));
                    }
                    return;
                }
                Step::Need(need) => is_assumed |= self.fill(&need, target, &mut part),
                Step::Write(write) => {
                    let (action, verb, verdict, copied) = *write;
                    if verb == Verb::Create && self.objects.contains_key(&**target) {
                        // As after the answer that the name is taken.
                        self.fill(&Need::Presence(target.clone().into()), target, &mut part);
                        continue;
                    }
                    let is_made_up = copied.is_some_and(|key| self.is_assumed(&key));
                    is_assumed |= is_made_up;
                    if self.is_restless(target) {
                        self.fail(
                            target,
                            Reason::Contested,
                            verdict.source,
                            "it would be written again and again".to_owned(),
                        );
                        return;
                    }
                    let before = self.objects.get(&**target).cloned();
                    match self.carry_out(action, is_made_up) {
                        Ok(touched) => {
                            self.held_in_vain = 0;
                            let change = self.changes.entry(target.clone());
                            let change =
                                change.or_insert_with(|| Change { before, writes: Vec::new(), is_assumed: false });
                            change.writes.push((verb, verdict, self.now.saturating_sub(self.began)));
                            change.is_assumed |= is_assumed;
                            self.look_at(touched);
                            self.look_at(vec![target.clone()].into());
                            return;
                        }
                        // As the controller does: it is read, if it was not, and decided about again.
                        Err(_) if !self.is_read(target) => self.graph.doubt(target),
                        Err(why) => {
                            self.fail(target, Reason::Invalid, verdict.source, why);
                            return;
                        }
                    }
                }
            }
        }
        self.fail(target, Reason::Contested, None, "it cannot be decided about".to_owned());
    }

    fn is_restless(&self, target: &TargetKey) -> bool {
        self.changes.get(target).is_some_and(|change| change.writes.len() >= MOST_WRITES)
    }

    fn fail(&mut self, target: &TargetKey, reason: Reason, source: Option<SourceKey>, why: String) {
        self.failed.insert(target.clone(), Verdict { reason, source, detail: Some(why) });
    }

    fn decide(&self, target: &TargetKey) -> Step {
        match decide(&self.graph, self.kind, &self.flags.rules, target) {
            Decision::Nothing(_) | Decision::Refuse(_) => Step::Rest,
            Decision::Wait(verdict, until) => Step::Wait(verdict.reason, until),
            Decision::Need(need) => Step::Need(need),
            Decision::Act(plan) => {
                let from = plan.needs().map(|need| need.key().clone());
                let copied = from.as_ref().and_then(|key| self.objects.get(key)?.content.content());
                let copied = copied.map(|content| content.payload.clone());
                let (verb, verdict) = (plan.verb, plan.verdict.clone());
                // Nobody is given a password that is made up here.
                match plan.action(copied.as_ref(), "1970-01-01T00:00:00Z", &mut || 0) {
                    Some(action) => Step::Write(Box::new((action, verb, verdict, from))),
                    None => Step::Rest,
                }
            }
        }
    }

    fn new_uid(&mut self) -> Uid {
        Uid::new(&format!("00000000-0000-4000-8000-{:012x}", self.new_number()))
    }

    /// All that is made in a plan is made at one time, later than all that was there.
    fn new_time(&self) -> i64 {
        i64::from(u32::MAX)
    }

    fn new_number(&mut self) -> u64 {
        self.next_version += 1;
        self.next_version
    }
}

/// What of a source's content a target gets.
type Part = Option<Arc<Projection>>;
