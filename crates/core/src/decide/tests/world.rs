//! A small model of the API server for one kind of objects, with a watch that feeds a graph.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::super::*;
use super::fixture::{ALIASES, is_valid, key, lines};
use crate::action::{Action, AnnotationChange, MapChange, MetadataChange, Precondition};
use crate::annotations::{Annotation, Dialect, Value};
use crate::carried::{Carried, Map};
use crate::graph::Touched;
use crate::kind::{ConfigMap, Secret};
use crate::managers::{Managers, Owners};
use crate::namespace::NamespaceFacts;
use crate::observed::{Observed, ResourceVersion, Uid};
use crate::payload::{Content, Payload};
use crate::scope::Scope;

pub(super) const NOW: &str = "2026-01-02T03:04:05Z";

/// An annotation's value that is no text: it stands for bytes that are no UTF-8.
pub(super) const NOT_TEXT: &str = "\u{fffd}";

/// One object of the model.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) uid: u64,
    pub(super) version: u64,
    pub(super) created: i64,
    pub(super) deleting: bool,
    pub(super) immutable: bool,
    pub(super) type_: Option<Arc<str>>,
    /// Names without prefix.
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) labels: BTreeMap<String, String>,
    /// Annotations of others.
    pub(super) others: BTreeMap<String, String>,
    pub(super) payload: Payload,
    pub(super) managers: Managers,
}

/// The labels and annotations of a namespace.
#[derive(Debug, Clone, Default)]
pub(super) struct Namespace {
    pub(super) labels: BTreeMap<String, String>,
    /// Names without prefix.
    pub(super) annotations: BTreeMap<String, String>,
}

fn texts(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

impl Object {
    /// What the graph keeps of its labels and of others' annotations.
    fn carried(&self, key: &Key) -> Option<Box<Carried>> {
        let annotated = self.annotated(key);
        let dialect = Dialect::new("k8s-replicator/", false);
        Carried::read(annotated.marks()?, &dialect, texts(&self.labels), texts(&self.others))
    }

    pub(super) fn annotation(&self, alias: &str) -> Option<&str> {
        let (_, name) = ALIASES.iter().find(|(short, _)| *short == alias).unwrap();
        self.annotations.get(*name).map(String::as_str)
    }

    pub(super) fn annotate(&mut self, alias: &str, value: Option<&str>) {
        let name = ALIASES.iter().find(|(short, _)| *short == alias).map_or(alias, |(_, name)| *name);
        match value {
            Some(value) => drop(self.annotations.insert(name.to_owned(), value.to_owned())),
            None => drop(self.annotations.remove(name)),
        }
    }

    pub(super) fn annotated(&self, key: &Key) -> Annotated {
        let annotations = self.annotations.iter().map(|(name, value)| match value.as_str() {
            NOT_TEXT => (name.as_str(), Value::NotText),
            text => (name.as_str(), Value::Text(text)),
        });
        match Marks::read(key, annotations, &mut Vec::new()) {
            Ok(None) => Annotated::Not,
            Ok(Some(marks)) => Annotated::Well(Arc::new(marks)),
            Err(error) => Annotated::Ill(Box::new(error)),
        }
    }

    pub(super) fn observed(&self, key: &Key) -> Observed {
        Observed {
            key: key.clone(),
            uid: self.uid(),
            resource_version: self.resource_version(),
            created: self.created,
            deleting: self.deleting,
            annotated: self.annotated(key),
            managers: self.managers.clone(),
            carried: self.carried(key),
            has_labels: !self.labels.is_empty(),
            advice: Vec::new(),
        }
    }

    pub(super) fn uid(&self) -> Uid {
        Uid::new(&format!("uid-{}", self.uid))
    }

    pub(super) fn resource_version(&self) -> ResourceVersion {
        ResourceVersion::new(&self.version.to_string())
    }
}

/// The result of deciding about a target.
#[derive(Debug)]
pub(super) enum End {
    Nothing(Verdict),
    Refuse(Verdict),
    Wait(Verdict, Moment),
    Act(Verb, Verdict, Action),
}

/// An event of the watch.
#[derive(Debug)]
pub(super) enum WatchEvent {
    Seen(Observed),
    Deleted(Key, Uid),
}

/// Why the API server did not carry out a write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Conflict,
    Exists,
    Invalid,
}

pub(super) struct World {
    pub(super) kind: &'static dyn Kind,
    pub(super) rules: Rules,
    pub(super) scope: Scope,
    pub(super) objects: BTreeMap<Key, Object>,
    /// All namespaces; true: it is terminating.
    pub(super) namespaces: BTreeMap<String, bool>,
    /// The namespaces that have labels or annotations.
    pub(super) says: BTreeMap<String, Namespace>,
    pub(super) graph: Graph,
    /// Targets to decide about.
    pub(super) queue: BTreeSet<TargetKey>,
    /// Events that the watch has not delivered yet, where it is slow.
    pub(super) pending: VecDeque<WatchEvent>,
    pub(super) is_slow: bool,
    /// What time it is.
    pub(super) now: Moment,
    /// Writes that were carried out.
    pub(super) writes: usize,
    pub(super) counter: u64,
    entropy: u8,
}

impl World {
    /// These targets are decided about later.
    pub(super) fn look_at(&mut self, touched: Touched) {
        self.queue.extend(self.graph.each_of(touched));
    }

    /// A world as the controller finds it when its first lists are complete.
    pub(super) fn new(text: &str) -> Self {
        let mut world = Self::unseen(text);
        world.restart();
        for line in lines(text) {
            let (name, words) = line.split_once(' ').unwrap_or((line, ""));
            for word in words.split(' ') {
                match word {
                    "known" => world.answer(&Need::Content(key(name))),
                    "suspect" => world.graph.suspect(&key(name)),
                    "refused" => world.graph.doubt(&key(name)),
                    _ => {}
                }
            }
        }
        world
    }

    /// A world whose objects the controller has not listed yet.
    pub(super) fn unseen(text: &str) -> Self {
        let labels = BTreeMap::from([("made".to_owned(), "here".to_owned())]);
        let mut world = Self {
            kind: &Secret,
            rules: Rules { create_with_labels: Arc::new(labels), ..Rules::default() },
            scope: Scope::default(),
            objects: BTreeMap::new(),
            namespaces: ["a", "b", "c"].map(|name| (name.to_owned(), false)).into(),
            says: BTreeMap::new(),
            graph: Graph::default(),
            queue: BTreeSet::new(),
            pending: VecDeque::new(),
            is_slow: false,
            now: Moment::ZERO,
            writes: 0,
            counter: 100,
            entropy: 0,
        };
        for line in lines(text) {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("allow-all", _) => world.rules.allow_all = true,
                ("removal-delay", delay) => world.rules.removal_delay = crate::duration::parse(delay).unwrap(),
                ("removal-limit", limit) => world.rules.removal_limit = Some(limit.parse().unwrap()),
                ("exclude", list) => world.rules.exclude_namespaces = NamespaceList::parse(list).unwrap(),
                ("require-acceptance", _) => world.rules.require_acceptance = true,
                ("ns", line) => world.put_namespace(line),
                ("copy-incomplete", _) => world.rules.hold_incomplete_tls = false,
                ("configmaps", _) => world.kind = &ConfigMap,
                ("only", names) => {
                    let names = names.split(',').map(|name| crate::names::Namespace::parse(name).unwrap());
                    world.scope = Scope::Namespaces(names.collect());
                }
                ("no-ns", name) => drop(world.namespaces.remove(name)),
                ("terminating", name) => drop(world.namespaces.insert(name.to_owned(), true)),
                _ => world.put(line),
            }
        }
        world
    }

    /// Writes an object; the watch has an event for it.
    pub(super) fn edit(&mut self, line: &str) {
        self.put(line);
        let (name, _) = line.split_once(' ').unwrap_or((line, ""));
        self.see(&key(name));
    }

    /// Changes a namespace's labels and annotations, and the watch delivers it.
    pub(super) fn edit_namespace(&mut self, line: &str) {
        self.put_namespace(line);
        let name = line.split(' ').next().unwrap();
        let facts = self.facts_of_namespace(name);
        let touched = self.graph.observe_namespace(name, facts);
        self.look_at(touched);
    }

    pub(super) fn facts_of_namespace(&self, name: &str) -> NamespaceFacts {
        let none = Namespace::default();
        let says = self.says.get(name).unwrap_or(&none);
        let annotations = texts(&says.annotations).map(|(name, value)| (name, Value::Text(value)));
        NamespaceFacts::read(self.namespaces[name], texts(&says.labels), annotations)
    }

    /// Deletes an object; the watch has an event for it.
    pub(super) fn delete(&mut self, name: &str) {
        let key = key(name);
        let uid = self.objects.remove(&key).unwrap().uid();
        self.emit(WatchEvent::Deleted(key, uid));
    }

    /// The watch has an event for an object as it is now.
    pub(super) fn see(&mut self, key: &Key) {
        self.emit(WatchEvent::Seen(self.objects[key].observed(key)));
    }

    fn emit(&mut self, event: WatchEvent) {
        self.pending.push_back(event);
        if !self.is_slow {
            self.deliver_next();
        }
    }

    /// The watch delivers the oldest of its pending events.
    pub(super) fn deliver_next(&mut self) {
        let touched = match self.pending.pop_front() {
            None => return,
            Some(WatchEvent::Seen(observed)) => self.graph.observe(observed),
            Some(WatchEvent::Deleted(key, uid)) => self.graph.forget(&key, &uid),
        };
        self.look_at(touched);
    }

    /// The controller starts with nothing but what the first lists show.
    pub(super) fn restart(&mut self) {
        self.graph = Graph::new(&self.scope);
        self.graph.set_time(self.now);
        self.queue.clear();
        self.pending.clear();
        self.graph.begin_namespaces();
        for name in self.namespaces.keys().filter(|name| self.scope.covers(name)) {
            let facts = self.facts_of_namespace(name);
            assert_eq!(self.graph.observe_namespace(name, facts), []);
        }
        assert_eq!(self.graph.end_namespaces(), []);
        for part in self.scope.parts() {
            assert!(self.graph.full_view().is_none());
            self.graph.begin_part(&part);
            for (key, object) in self.objects.iter().filter(|(key, _)| part.covers(key.namespace())) {
                assert_eq!(self.graph.observe(object.observed(key)), []);
            }
            let touched = self.graph.end_part(&part, &ResourceVersion::new("999999"));
            self.look_at(touched);
        }
    }

    /// Time goes by.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.graph.set_time(self.now);
    }

    /// Reads what a decision needs, as the controller does.
    pub(super) fn answer(&mut self, need: &Need) {
        let (Need::Presence(key) | Need::Content(key) | Need::Portion(key, _)) = need;
        let Some(object) = self.objects.get(key).cloned() else {
            match self.graph.node(key).map(|node| node.uid.clone()) {
                Some(uid) => {
                    let touched = self.graph.forget(key, &uid);
                    self.look_at(touched);
                }
                None => self.graph.confirm_absent(key),
            }
            return;
        };
        let touched = self.graph.observe(object.observed(key));
        self.look_at(touched);
        let content =
            Content { type_: object.type_.clone(), immutable: object.immutable, payload: object.payload.clone() };
        match need {
            Need::Presence(_) => {}
            Need::Content(_) => self.graph.learn(key, &object.resource_version(), self.facts(&object), &content),
            Need::Portion(_, projection) => {
                let type_ = object.type_.as_deref();
                let portion = Facts::of_portion(self.kind, type_, &content.payload, projection);
                self.graph.learn_portion(key, &object.resource_version(), projection.clone(), portion);
            }
        }
    }

    fn facts(&self, object: &Object) -> Facts {
        Facts::of(self.kind, object.type_.as_deref(), &object.payload)
    }

    /// Decides about a target, and reads what that needs. Also returns what was read.
    pub(super) fn look(&mut self, target: &TargetKey) -> (End, Vec<Need>) {
        let mut reads = Vec::new();
        loop {
            let need = match decide_twice(&self.graph, self.kind, &self.rules, target) {
                Decision::Wait(verdict, until) => return (End::Wait(verdict, until), reads),
                Decision::Nothing(verdict) => return (End::Nothing(verdict), reads),
                Decision::Refuse(verdict) => return (End::Refuse(verdict), reads),
                Decision::Need(need) => need,
                Decision::Act(plan) => {
                    let (verb, verdict) = (plan.verb, plan.verdict.clone());
                    let needs = plan.needs();
                    let source = needs.as_ref().map(Need::key);
                    let held = source.map(|source| self.graph.node(source).unwrap().resource_version.clone());
                    let content = source.and_then(|source| self.objects.get(source));
                    let content = content.filter(|content| Some(content.resource_version()) == held);
                    match (source, content) {
                        (Some(source), None) => Need::Content(source.clone()),
                        _ => {
                            let entropy = &mut self.entropy;
                            let mut random = || {
                                *entropy = entropy.wrapping_add(1);
                                *entropy
                            };
                            let action =
                                plan.action(content.map(|content| &content.payload), NOW, &mut random).unwrap();
                            return (End::Act(verb, verdict, action), reads);
                        }
                    }
                }
            };
            // The same read twice is in order where the first response showed that the source was recreated.
            assert!(reads.len() < 8, "{target} asks and asks: {reads:?}");
            self.answer(&need);
            reads.push(need);
        }
    }

    /// Carries out a write as an API server does, and gives its response to the graph.
    pub(super) fn apply(&mut self, action: &Action) -> Result<(), Failure> {
        let key: Key = action.target().clone().into();
        let written = self.write(&key, action);
        match &written {
            Ok(content) => {
                self.writes += 1;
                let touched = match (self.objects.get(&key), action) {
                    (Some(object), _) => {
                        let content = content.then(|| (Knowledge::Known(self.facts(object)), object.type_.clone()));
                        let observed = object.observed(&key);
                        let touched = self.graph.wrote(observed.clone(), content);
                        self.emit(WatchEvent::Seen(observed));
                        touched
                    }
                    (None, Action::Delete(delete)) => {
                        let uid = delete.precondition().uid.clone();
                        let touched = self.graph.forget(&key, &uid);
                        self.emit(WatchEvent::Deleted(key, uid));
                        touched
                    }
                    (None, _) => unreachable!(),
                };
                self.look_at(touched);
            }
            Err(Failure::Conflict | Failure::Exists) => self.answer(&Need::Presence(key)),
            Err(Failure::Invalid) => self.graph.doubt(&key),
        }
        written.map(drop)
    }

    /// Carries out a write. True: data was written.
    fn write(&mut self, key: &Key, action: &Action) -> Result<bool, Failure> {
        let version = self.counter + 1;
        match action {
            Action::Create(create) => {
                if self.objects.contains_key(key) || self.namespaces.get(key.namespace()) != Some(&false) {
                    return Err(Failure::Exists);
                }
                let type_ = create.type_().map(|type_| &**type_);
                is_valid(self.kind, type_, create.payload()).then_some(()).ok_or(Failure::Invalid)?;
                let annotations = create.annotations().iter().map(|(a, text)| (a.name().to_owned(), text.to_string()));
                self.counter = version;
                let object = Object {
                    uid: version,
                    version,
                    created: i64::try_from(version).unwrap(),
                    deleting: false,
                    immutable: false,
                    type_: create.type_().cloned(),
                    annotations: annotations.collect(),
                    labels: (**create.labels())
                        .clone()
                        .into_iter()
                        .chain(owned_texts(&create.carried().labels))
                        .collect(),
                    others: owned_texts(&create.carried().annotations).collect(),
                    payload: create.payload().clone(),
                    managers: Managers {
                        data: Owners::Controller,
                        replicated_by: Owners::Controller,
                        ..Managers::default()
                    },
                };
                self.objects.insert(key.clone(), object);
                Ok(true)
            }
            Action::Adopt(adopt) => {
                let object = existing(&mut self.objects, key, adopt.precondition())?;
                assert_eq!(object.annotation("by"), Some(adopt.creator().as_str()), "only who owns it changes");
                assert_eq!(object.managers.replicated_by, Owners::Others);
                object.managers.replicated_by = Owners::Shared;
                object.version = version;
                self.counter = version;
                Ok(false)
            }
            Action::Update(update) => {
                let kind = self.kind;
                let object = existing(&mut self.objects, key, update.precondition())?;
                if let Some(data) = update.data() {
                    object.managers.data = Owners::Controller;
                    let type_ = data.expected_type.as_ref();
                    let frozen = object.immutable && object.payload != data.payload;
                    if frozen || type_ != object.type_.as_ref() || !is_valid(kind, type_.map(|t| &**t), &data.payload) {
                        return Err(Failure::Invalid);
                    }
                    object.payload = data.payload.clone();
                }
                change(&mut object.annotations, update.annotations());
                let MetadataChange { labels, annotations, has_labels } = update.metadata();
                assert!(*has_labels != object.labels.is_empty() || update.metadata().is_empty());
                change_map(&mut object.labels, labels);
                change_map(&mut object.others, annotations);
                object.version = version;
                self.counter = version;
                Ok(update.data().is_some())
            }
            Action::Delete(delete) => {
                existing(&mut self.objects, key, delete.precondition())?;
                self.objects.remove(key);
                Ok(false)
            }
        }
    }
}

/// Decides, with and without recording: it must be the same, and the trail must be in order and end in the decision.
pub(super) fn decide_twice<'w>(
    graph: &'w Graph,
    kind: &'w dyn Kind,
    rules: &'w Rules,
    target: &'w TargetKey,
) -> Decision<'w> {
    let decision = decide(graph, kind, rules, target);
    let (recorded, trail) = decide_recording(graph, kind, rules, target);
    assert_eq!(format!("{decision:?}"), format!("{recorded:?}"));
    let steps: Vec<String> = trail.steps().iter().map(ToString::to_string).collect();
    let asked: Vec<Question> = trail.steps().iter().map(|step| step.question).collect();
    assert!(asked.is_sorted_by(|one, next| one < next), "each once, in order: {steps:#?}");
    assert_eq!(trail.steps().last().map(|step| step.outcome.clone()), Some(decision.outcome()), "{steps:#?}");
    for step in trail.steps() {
        assert!(!step.question.is_guard() || step.outcome != Outcome::Passed, "{step}");
    }
    decision
}

fn existing<'o>(
    objects: &'o mut BTreeMap<Key, Object>,
    key: &Key,
    precondition: &Precondition,
) -> Result<&'o mut Object, Failure> {
    let object = objects.get_mut(key).ok_or(Failure::Conflict)?;
    let same = object.uid() == precondition.uid && object.resource_version() == precondition.resource_version;
    same.then_some(object).ok_or(Failure::Conflict)
}

fn owned_texts(map: &Map) -> impl Iterator<Item = (String, String)> {
    map.iter().map(|(key, value)| (key.to_string(), value.to_string()))
}

fn change_map(map: &mut BTreeMap<String, String>, change: &MapChange) {
    for key in &change.remove {
        assert!(map.remove(&**key).is_some(), "{key} is removed, and was not there");
    }
    for (key, value) in owned_texts(&change.set) {
        assert_ne!(map.insert(key.clone(), value.clone()), Some(value), "{key} is set to what it was");
    }
}

fn change(annotations: &mut BTreeMap<String, String>, change: &AnnotationChange) {
    for annotation in &change.remove {
        assert!(annotations.remove(annotation.name()).is_some(), "{annotation:?} is removed, and was not there");
    }
    for (annotation, text) in &change.set {
        let before = annotations.insert(annotation.name().to_owned(), text.to_string());
        let changed = before.as_deref() != Some(text) || *annotation == Annotation::ReplicatedAt;
        assert!(changed, "{annotation:?} is set to what it was");
    }
}
