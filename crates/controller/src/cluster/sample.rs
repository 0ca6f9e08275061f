//! Actions for tests. Only a decision can make one, so each function builds a small graph and decides on it: the object `ns/a` (uid
//! `u-1`, version 17), and the source `x/src` (version 5), whose push names it.

use std::sync::Arc;

use k8s_replicator_core::action::Action;
use k8s_replicator_core::annotations::{Dialect, Marks};
use k8s_replicator_core::decide::{Decision, Rules, decide};
use k8s_replicator_core::facts::Facts;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::managers::{Managers, Owners};
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Annotated, Observed, ResourceVersion, Uid};
use k8s_replicator_core::payload::{Content, Payload};
use serde_json::json;

const SOURCE: (&str, &str) = ("x", "src");
const TARGET: (&str, &str) = ("ns", "a");

struct Sample {
    kind: &'static dyn Kind,
    type_: Option<Arc<str>>,
    graph: Graph,
}

impl Sample {
    fn new(kind: &'static dyn Kind, type_: Option<&str>) -> Self {
        let mut graph = Graph::default();
        graph.begin_namespaces();
        graph.observe_namespace(TARGET.0, NamespaceFacts::default());
        graph.end_namespaces();
        graph.begin_list();
        Self { kind, type_: type_.map(Into::into), graph }
    }

    /// Shows an object again, with labels of its own.
    fn label(&mut self, name: (&str, &str), version: &str, annotations: &[(&str, &str)], labels: &[(&str, &str)]) {
        let map = |texts: &[(&str, &str)], prefix: &str| -> serde_json::Map<String, serde_json::Value> {
            texts.iter().map(|(key, value)| (format!("{prefix}{key}"), json!(value))).collect()
        };
        let (annotations, labels) = (map(annotations, "k8s-replicator/"), map(labels, ""));
        let metadata = json!({
            "namespace": name.0, "name": name.1, "uid": if name == SOURCE { "u-0" } else { "u-1" },
            "resourceVersion": version, "annotations": annotations, "labels": labels,
        });
        let object = json!({ "metadata": metadata }).to_string();
        let dialect = Dialect::new("k8s-replicator/", false);
        self.graph.observe(Observed::from_json(&object, &dialect).unwrap());
    }

    fn put(&mut self, name: (&str, &str), uid: &str, version: &str, annotations: &[(&str, &str)], owners: Owners) {
        let key = Key::new(name.0, name.1).unwrap();
        let marks = Marks::parse(&key, annotations.iter().copied()).unwrap();
        self.graph.observe(Observed {
            key,
            uid: Uid::new(uid),
            resource_version: ResourceVersion::new(version),
            created: 0,
            deleting: false,
            annotated: marks.map_or(Annotated::Not, |marks| Annotated::Well(Arc::new(marks))),
            managers: Managers { replicated_by: owners, ..Managers::default() },
            carried: None,
            has_labels: false,
            advice: Vec::new(),
        });
    }

    fn source(&mut self, payload: &Payload) {
        self.put(SOURCE, "u-0", "5", &[("replicate-to", "ns/a")], Owners::Nobody);
        self.holds(SOURCE, "5", payload);
    }

    fn replica(&mut self, annotations: &[(&str, &str)], owners: Owners, payload: &Payload) {
        let by = [("replicated-by", "x/src"), ("replicated-from-version", "4")];
        self.put(TARGET, "u-1", "17", &[&by, annotations].concat(), owners);
        self.holds(TARGET, "17", payload);
    }

    fn holds(&mut self, name: (&str, &str), version: &str, payload: &Payload) {
        let key = Key::new(name.0, name.1).unwrap();
        let facts = Facts::of(self.kind, self.type_.as_deref(), payload);
        let content = Content { type_: self.type_.clone(), immutable: false, payload: payload.clone() };
        self.graph.learn(&key, &ResourceVersion::new(version), facts, &content);
    }

    fn action(mut self, copied: &Payload, labels: &[(&str, &str)]) -> Action {
        self.graph.end_list(&ResourceVersion::new("99"));
        self.graph.confirm_absent(&Key::new(SOURCE.0, SOURCE.1).unwrap());
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let rules = Rules { create_with_labels: Arc::new(labels), ..Rules::default() };
        let target = TargetKey::from(Key::new(TARGET.0, TARGET.1).unwrap());
        let Decision::Act(plan) = decide(&self.graph, self.kind, &rules, &target) else { panic!("nothing to do") };
        plan.action(Some(copied), "now", &mut || 0).unwrap()
    }
}

/// Creates the replica, with the label `l: v`.
pub(super) fn create(kind: &'static dyn Kind, type_: Option<&str>, payload: &Payload) -> Action {
    let mut sample = Sample::new(kind, type_);
    sample.source(payload);
    sample.action(payload, &[("l", "v")])
}

/// Creates the replica, with the label `l: v` and the source's label `team: red`.
pub(super) fn create_labelled(kind: &'static dyn Kind) -> Action {
    let data = Payload::new([None, None]);
    let mut sample = Sample::new(kind, None);
    sample.label(SOURCE, "5", &[("replicate-to", "ns/a"), ("replicate-labels", "team")], &[("team", "red")]);
    sample.holds(SOURCE, "5", &data);
    sample.action(&data, &[("l", "v")])
}

/// Updates the replica, which holds other data; its own `replicate-to` is removed.
pub(super) fn update(kind: &'static dyn Kind, type_: Option<&str>, payload: &Payload) -> Action {
    let mut sample = Sample::new(kind, type_);
    sample.source(payload);
    sample.replica(&[("replicate-to", "")], Owners::Controller, &Payload::new([Some(r#"{"old":"eA=="}"#.into())]));
    sample.action(payload, &[])
}

/// Sets the source's label `team: red` on the replica, which has `labels`, and `noted` as its `replicated-labels`.
pub(super) fn update_labels(kind: &'static dyn Kind, noted: Option<&str>, labels: &[(&str, &str)]) -> Action {
    let same = Payload::new([None, None]);
    let mut sample = Sample::new(kind, None);
    sample.label(SOURCE, "5", &[("replicate-to", "ns/a"), ("replicate-labels", "team")], &[("team", "red")]);
    let by = [("replicated-by", "x/src"), ("replicated-from-version", "4")];
    let noted = noted.map(|noted| ("replicated-labels", noted));
    let annotations: Vec<_> = by.into_iter().chain(noted).collect();
    sample.label(TARGET, "17", &annotations, labels);
    sample.holds(SOURCE, "5", &same);
    sample.holds(TARGET, "17", &same);
    sample.action(&same, &[])
}

/// Removes only the replica's `replicate-to`.
pub(super) fn update_annotations(kind: &'static dyn Kind, type_: Option<&str>) -> Action {
    let same = Payload::new([None]);
    let mut sample = Sample::new(kind, type_);
    sample.source(&same);
    sample.replica(&[("replicate-to", "")], Owners::Controller, &same);
    sample.action(&same, &[])
}

/// Adopts the replica, which others made.
pub(super) fn adopt(kind: &'static dyn Kind, type_: Option<&str>) -> Action {
    let same = Payload::new([None]);
    let mut sample = Sample::new(kind, type_);
    sample.source(&same);
    sample.replica(&[], Owners::Others, &same);
    sample.action(&same, &[])
}

/// Deletes the replica, whose source is gone.
pub(super) fn delete(kind: &'static dyn Kind, type_: Option<&str>) -> Action {
    let data = Payload::new([None]);
    let mut sample = Sample::new(kind, type_);
    sample.replica(&[], Owners::Controller, &data);
    sample.action(&data, &[])
}
