//! A small model of the API server for one kind of objects, with a watch that feeds a graph.
//!
//! `object` is what it keeps, `looks` decides about targets, and `server` carries out what was decided.

mod looks;
mod object;
mod server;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::super::*;
use super::fixture::{key, lines};
use crate::annotations::Value;
use crate::graph::Touched;
use crate::kind::{ConfigMap, Secret};
use crate::namespace::NamespaceFacts;
use crate::observed::{Observed, ResourceVersion, Uid};
use crate::scope::Scope;

pub(super) use looks::{End, NOW};
use object::texts;
pub(super) use object::{NOT_TEXT, Namespace, Object};
pub(super) use server::Failure;

/// An event of the watch.
#[derive(Debug)]
pub(super) enum WatchEvent {
    Seen(Observed),
    Deleted(Key, Uid),
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
        self.queue.extend(self.graph.take_all_targets(touched));
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
}
