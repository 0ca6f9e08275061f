//! A graph of some namespaces only, each with a list of its own.

use super::*;
use crate::names::Namespace;

fn part(name: &str) -> Part {
    Part::Namespace(Namespace::parse(name).unwrap())
}

fn list(graph: &mut Graph, namespace: &str, objects: &[&str]) -> Touched {
    graph.begin_part(&part(namespace));
    objects.iter().for_each(|line| drop(graph.observe(object(line))));
    graph.end_part(&part(namespace), &ResourceVersion::new("999999"))
}

fn graph_of(namespaces: &[&str]) -> Graph {
    let names = namespaces.iter().map(|name| Namespace::parse(name).unwrap());
    let mut graph = Graph::new(&Scope::Namespaces(names.collect()));
    graph.begin_namespaces();
    for namespace in namespaces {
        graph.observe_namespace(namespace, NamespaceFacts::new(false));
    }
    graph.end_namespaces();
    graph
}

#[test]
fn the_view_is_full_when_every_namespace_was_listed() {
    let mut graph = graph_of(&["a", "b"]);
    assert_eq!(list(&mut graph, "a", &["a/s to=b/t"]), []);
    assert!(graph.full_view().is_none(), "b may not be read, or is slow: that is not the same as empty");
    assert_eq!(list(&mut graph, "a", &["a/s to=b/t"]), []);
    assert!(graph.full_view().is_none(), "one list twice is not two lists");
    graph.begin_list();
    assert_eq!(graph.end_list(&ResourceVersion::new("999999")), []);
    assert!(graph.full_view().is_none(), "a list of the whole cluster is none of these");
    assert_eq!(touched(&mut graph, |graph| list(graph, "b", &[])), "a/s b/t");
    assert!(graph.full_view().is_some());
}

#[test]
fn a_list_says_nothing_of_other_namespaces() {
    let mut graph = graph_of(&["a", "b", "b-2"]);
    list(&mut graph, "a", &["a/s"]);
    list(&mut graph, "b", &["b/t from=a/s", "b/u from=a/s"]);
    list(&mut graph, "b-2", &["b-2/t from=a/s"]);
    assert_eq!(touched(&mut graph, |graph| list(graph, "b", &["b/u from=a/s"])), "b/t");
    assert_eq!(existing_targets(&graph), "b-2/t b/u");
    assert_eq!(touched(&mut graph, |graph| list(graph, "b", &[])), "b/u");
    assert_eq!(existing_targets(&graph), "b-2/t");
}

#[test]
fn what_is_first_seen_in_a_late_list_is_trusted_like_the_rest() {
    let mut graph = graph_of(&["a", "b"]);
    list(&mut graph, "a", &["a/t from=b/s"]);
    graph.begin_part(&part("b"));
    graph.observe(object("b/t from=a/s"));
    graph.observe(object("a/u from=b/s"));
    let knowledge = |name| graph.node(&key(name)).unwrap().knowledge;
    assert_eq!(["a/t", "b/t", "a/u"].map(knowledge), [Knowledge::Trusted, Knowledge::Trusted, Knowledge::Suspect]);
}

#[test]
fn nothing_is_known_of_what_is_outside() {
    let mut graph = graph_of(&["a"]);
    list(&mut graph, "a", &["a/t from=b/s"]);
    assert_eq!((presence(&graph, "b/s"), presence(&graph, "a/s")), ("outside", "unknown"));
    graph.confirm_absent(&key("b/s"));
    assert_eq!(presence(&graph, "b/s"), "outside");
    assert_eq!((graph.covers("a"), graph.covers("b")), (true, false));
    assert_eq!(graph.observe(object("b/s to=a/x")), []);
    assert_eq!((graph.len(), presence(&graph, "b/s")), (1, "outside"));
}
