//! The index: what each event changes in it, and exactly whom it touches.

mod chain;
mod events;
mod heal;
mod knowledge;
mod properties;
mod scope;
mod wide;
mod withdrawn;

use std::collections::BTreeSet;

use std::sync::Arc;

use super::*;
use crate::annotations::Marks;
use crate::managers::{Managers, Owners};
use crate::namespace::NamespaceFacts;
use crate::observed::Annotated;
use crate::payload::Content;
use crate::scope::Part;

/// One object: its name, its version `#7`, its uid `u=2` (1 if not said), who owns its data `data=others` (the controller if not
/// said), and annotations: `from=`, `by=`, `to=`, `to-ns=`, `allowed=`, or others by their names.
fn object(line: &str) -> Observed {
    let mut words = line.split(' ');
    let key = key(words.next().unwrap());
    let (mut version, mut uid, mut data, mut annotations) = ("1", "1", Owners::Controller, Vec::new());
    for word in words {
        if let Some(text) = word.strip_prefix('#') {
            version = text;
            continue;
        }
        let (name, value) = word.split_once('=').unwrap();
        let name = match name {
            "u" => {
                uid = value;
                continue;
            }
            "data" => {
                data = match value {
                    "nobody" => Owners::Nobody,
                    "shared" => Owners::Shared,
                    "others" => Owners::Others,
                    _ => panic!("{value}"),
                };
                continue;
            }
            "from" => "replicate-from",
            "by" => "replicated-by",
            "to" => "replicate-to",
            "to-ns" => "replicate-to-namespaces",
            "allowed" => "replication-allowed",
            other => other,
        };
        annotations.push((name, value));
    }
    let annotated = match Marks::parse(&key, annotations) {
        Ok(None) => Annotated::Not,
        Ok(Some(marks)) => Annotated::Well(Arc::new(marks)),
        Err(error) => Annotated::Ill(Box::new(error)),
    };
    let (uid, resource_version) = (Uid::new(uid), ResourceVersion::new(version));
    Observed {
        key,
        uid,
        resource_version,
        created: 0,
        deleting: false,
        annotated,
        managers: Managers { data, ..Managers::default() },
        carried: None,
        has_labels: false,
        advice: Vec::new(),
    }
}

fn key(text: &str) -> Key {
    Key::resolve(text, "").unwrap()
}

fn uid(text: &str) -> Uid {
    Uid::new(text)
}

/// A graph with a full view: the namespaces a, b and c, and these objects, listed in this order.
fn graph(objects: &[&str]) -> Graph {
    let mut graph = Graph::default();
    graph.begin_namespaces();
    for namespace in ["a", "b", "c"] {
        assert_eq!(graph.observe_namespace(namespace, NamespaceFacts::new(false)), []);
    }
    assert_eq!(graph.end_namespaces(), []);
    graph.begin_list();
    for line in objects {
        assert_eq!(graph.observe(object(line)), []);
    }
    graph.end_list(&ResourceVersion::new("999999"));
    graph
}

/// The targets that an event touches, each once, as text.
fn touched(graph: &mut Graph, event: impl FnOnce(&mut Graph) -> Touched) -> String {
    let touched = event(graph);
    let touched: BTreeSet<String> = graph.take_all_targets(touched).iter().map(ToString::to_string).collect();
    touched.into_iter().collect::<Vec<_>>().join(" ")
}

fn presence(graph: &Graph, name: &str) -> &'static str {
    match graph.presence(&key(name)) {
        Presence::Present(_) => "present",
        Presence::Absent => "absent",
        Presence::Unknown => "unknown",
        Presence::Outside => "outside",
    }
}

impl Graph {
    /// The object counts as changed by others, as if a list had shown so.
    pub(crate) fn suspect(&mut self, key: &Key) {
        if let Some(node) = self.nodes.get_mut(key) {
            node.knowledge = Knowledge::Suspect;
        }
    }
}

/// The targets that exist.
fn existing_targets(graph: &Graph) -> String {
    let is_target = |key: &&Key| graph.node(key).and_then(Node::marks).is_some_and(Marks::is_target);
    let found: Vec<_> = graph.keys().filter(is_target).map(ToString::to_string).collect();
    assert_eq!(found.len(), graph.target_count(), "{found:?}");
    found.join(" ")
}

/// All targets, in their order.
fn all(graph: &Graph) -> String {
    let all = graph.all_targets();
    assert!(all.is_sorted() && all.windows(2).all(|two| two[0] != two[1]), "in order, each once: {all:?}");
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
