use serde_json::json;

use super::*;
use crate::annotations::Dialect;
use crate::namespace::NamespaceFacts;
use crate::observed::{Observed, ResourceVersion};

/// A graph of objects with these annotations.
fn graph(objects: &[(&str, &[(&str, &str)])]) -> Graph {
    let mut graph = Graph::default();
    graph.begin_namespaces();
    graph.observe_namespace("a", NamespaceFacts::default());
    graph.end_namespaces();
    graph.begin_list();
    for (key, annotations) in objects {
        let (namespace, name) = key.split_once('/').unwrap();
        let annotations: serde_json::Map<String, serde_json::Value> =
            annotations.iter().map(|(name, value)| (format!("p/{name}"), json!(value))).collect();
        let metadata = json!({
            "namespace": namespace, "name": name, "uid": key, "resourceVersion": "7", "annotations": annotations,
        });
        let object = json!({ "metadata": metadata }).to_string();
        graph.observe(Observed::from_json(&object, &Dialect::new("p/", false)).unwrap());
    }
    graph.end_list(&ResourceVersion::new("9"));
    graph
}

fn shown(graph: &Graph, target: &str, source: Option<&str>) -> Vec<String> {
    let key = |text: &str| Key::resolve(text, "").unwrap();
    let links = chain(graph, &key(target), source.map(|source| key(source).into()).as_ref());
    links
        .iter()
        .map(|link| {
            let by = link.by.map_or(String::new(), |by| format!("{} ", by.word()));
            let there = if link.again { "again".to_owned() } else { format!("{:?}", link.there) };
            format!("{by}{} {there}", link.key)
        })
        .collect()
}

#[test]
fn the_chain_ends_with_the_missing_object() {
    let mut graph = graph(&[
        ("a/t", &[("replicated-by", "b/combined")]),
        ("b/combined", &[("replicate-to-namespaces", "a"), ("replicate-from", "c/puller")]),
        ("c/puller", &[("replicate-from", "d/gone")]),
    ]);
    graph.confirm_absent(&Key::resolve("d/gone", "").unwrap());
    assert_eq!(
        shown(&graph, "a/t", None),
        [
            "a/t Present",
            "made by the push of b/combined Present",
            "pulls from c/puller Present",
            "pulls from d/gone Missing"
        ]
    );
}

#[test]
fn a_target_that_is_not_there_hangs_on_who_pushes_to_it() {
    let graph = graph(&[("b/s", &[("replicate-to-namespaces", "a")])]);
    assert_eq!(shown(&graph, "a/s", Some("b/s")), ["a/s Unknown", "named by the push of b/s Present"]);
    assert_eq!(shown(&graph, "a/s", None), ["a/s Unknown"]);
}

/// One object more than a chain may have is shown, and no more.
#[test]
fn a_chain_that_is_too_long_is_cut() {
    let keys: Vec<String> = (0..2 * LONGEST_CHAIN).map(|n| format!("a/n{n}")).collect();
    let pulls: Vec<[(&str, &str); 1]> = keys[1..].iter().map(|above| [("replicate-from", above.as_str())]).collect();
    let objects: Vec<(&str, &[(&str, &str)])> =
        keys.iter().zip(&pulls).map(|(key, pull)| (key.as_str(), &pull[..])).collect();
    assert_eq!(shown(&graph(&objects), "a/n0", None).len(), LONGEST_CHAIN + 3);
}

#[test]
fn a_ring_ends_where_it_closes() {
    let graph = graph(&[("a/x", &[("replicate-from", "a/y")]), ("a/y", &[("replicate-from", "a/x")])]);
    assert_eq!(shown(&graph, "a/x", None), ["a/x Present", "pulls from a/y Present", "pulls from a/x again"]);
}
