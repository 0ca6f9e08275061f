//! Objects as the API server shows them.

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::Rules;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::kind::{ConfigMap, Kind, Secret};
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Annotated, Observed, ResourceVersion, content_from_json};
use k8s_replicator_core::protobuf::{self, Event, List, Metadata};
use k8s_replicator_core::survey;
use k8s_replicator_sim::api::object::{Id, Object, Resource};
use k8s_replicator_sim::api::{json as as_json, protobuf as as_protobuf};

use crate::meaning;

/// The annotations' prefix.
const PREFIX: &str = "k8s-replicator/";
const NAMESPACES: [&str; 4] = ["a", "b", "team-1", "prod"];

fn observed(object: &Object, dialect: &Dialect) -> Observed {
    Observed::from_json(&as_json::partial(object).to_string(), dialect)
        .expect("a name that can be read is never unreadable")
}

/// The annotations of one object: `name=value`, separated by NUL. As JSON and as protobuf they mean the same, which is what a naive reading
/// says; with them in the graph every target has a decision, and a graph that lets them go again is as before.
pub(crate) fn annotations(data: &[u8]) {
    let mut object = Object::new(Id::new(Resource::Secret, "a", "x"));
    (object.uid, object.version) = ("uid".to_owned(), 7);
    for pair in data.split(|byte| *byte == 0).take(32) {
        let Some(at) = pair.iter().position(|byte| *byte == b'=') else { continue };
        let Ok(name) = std::str::from_utf8(&pair[..at]) else { continue };
        object.annotations.insert(format!("{PREFIX}{name}"), pair[at + 1..].to_vec());
    }
    let dialect = Dialect::new(PREFIX, false);
    let from_json = observed(&object, &dialect);
    let answer = as_protobuf::partial(&object);
    let from_protobuf =
        Observed::from_protobuf(protobuf::content(&answer).expect("protobuf"), &dialect).expect("an object");
    if object.annotations.values().all(|value| std::str::from_utf8(value).is_ok()) {
        assert_eq!(from_json, from_protobuf);
    }
    meaning::is_the_same(&object, &from_protobuf.annotated);
    let mut graph = Graph::default();
    graph.begin_namespaces();
    for name in NAMESPACES {
        graph.observe_namespace(name, NamespaceFacts::default());
    }
    graph.end_namespaces();
    graph.begin_list();
    let mut other = Object::new(Id::new(Resource::Secret, "b", "x"));
    (other.uid, other.version) = ("other".to_owned(), 3);
    for (name, value) in [("replicate-from", "a/x"), ("replicate-to-namespaces", ".*")] {
        other.annotations.insert(format!("{PREFIX}{name}"), value.as_bytes().to_vec());
    }
    graph.observe(observed(&other, &dialect));
    graph.end_list(&ResourceVersion::new("5"));
    let before: Vec<_> = survey::rows(&graph, &Secret, &Rules::default()).collect();
    let is_ill_formed = matches!(from_json.annotated, Annotated::Ill(_));
    let (key, uid) = (from_json.key.clone(), from_json.uid.clone());
    graph.observe(from_json);
    let rules = Rules::default();
    let rows = survey::rows(&graph, &Secret, &rules).take(2_000);
    let of_itself = rows.filter(|row| *row.target == key).count();
    assert!(!is_ill_formed || of_itself == 1, "an ill-formed object is shown");
    graph.forget(&key, &uid);
    let after: Vec<_> = survey::rows(&graph, &Secret, &Rules::default()).collect();
    assert_eq!(before, after, "nothing is left of it");
}

/// Bytes that are no object: whatever they are, they are read without a panic, and nothing is read where there is none.
pub(crate) fn objects(data: &[u8]) {
    let dialect = Dialect::new(PREFIX, false);
    let kinds: [&dyn Kind; 2] = [&Secret, &ConfigMap];
    for observed in [Observed::from_json(data, &dialect), Observed::from_protobuf(data, &dialect)].into_iter().flatten()
    {
        assert!(!observed.key.name().is_empty() && !observed.key.namespace().is_empty());
    }
    for kind in kinds {
        drop(content_from_json(data, kind));
    }
    let _ = (protobuf::content(data), protobuf::kind(data));
    drop((List::read(data), Event::read(data), protobuf::Status::read(data)));
    if let Ok(metadata) = Metadata::read(data) {
        metadata.annotations().for_each(drop);
        metadata.labels().for_each(drop);
    }
}
