//! SPEC 11.1: since when a source has been without itself, its push, or its consent.

use std::time::Duration;

use super::*;

const ALL: [Withdrawal; 3] = [Withdrawal::Object, Withdrawal::Push, Withdrawal::Consent];

fn at(graph: &mut Graph, seconds: u64) {
    graph.set_time(Duration::from_secs(seconds));
    assert_eq!(graph.time(), Duration::from_secs(seconds));
}

/// Since when, in seconds: the object, its push, its consent.
fn since(graph: &Graph, name: &str) -> [Option<u64>; 3] {
    ALL.map(|what| graph.withdrawn(&key(name).into(), what).map(|since| since.as_secs()))
}

#[test]
fn the_time_begins_when_it_is_known_and_ends_when_it_is_otherwise() {
    let mut graph = graph(&["b/t from=a/s", "b/u by=a/s", "a/s allowed=true to=b/u"]);
    assert_eq!(since(&graph, "a/s"), [None, None, None]);
    // What happens at which second, and since when it is without what.
    let steps = [
        (10, "a/s #2 allowed=true", [None, Some(10), None]),
        (11, "a/s #3", [None, Some(10), Some(11)]),
        (12, "a/s #4 allowed=false", [None, Some(10), None]),
        (13, "a/s #5 replication-allowed-namespaces=x", [None, Some(10), None]),
        (14, "a/s #6 to-ns=b", [None, None, Some(14)]),
        (15, "a/s #7 to=", [None, None, Some(14)]),
        // A push that does not count is one that was not taken away.
        (16, "a/s #8 to=b/u by=c/s", [None, None, Some(14)]),
        (17, "a/s #9", [None, Some(17), Some(14)]),
        (18, "a/s #10 u=2", [None, Some(17), Some(14)]),
        // Ill-formed: it cannot be said.
        (19, "a/s #11 u=2 replicate-once=x", [None, None, None]),
        (20, "a/s #12 u=2", [None, Some(20), Some(20)]),
    ];
    for (second, event, expected) in steps {
        at(&mut graph, second);
        graph.observe(object(event));
        assert_eq!(since(&graph, "a/s"), expected, "{event}");
    }
    at(&mut graph, 30);
    graph.forget(&key("a/s"), &uid("2"));
    assert_eq!(since(&graph, "a/s"), [Some(30), None, None]);
    at(&mut graph, 31);
    graph.confirm_absent(&key("a/s"));
    graph.forget(&key("a/s"), &uid("2"));
    assert_eq!(since(&graph, "a/s"), [Some(30), None, None], "without a break");
    at(&mut graph, 32);
    graph.observe(object("b/t #2 from=a/s allowed=true"));
    graph.observe(object("b/u #2 from=a/s"));
    assert_eq!(since(&graph, "a/s"), [Some(30), None, None], "those that name it change, and name it still");
    at(&mut graph, 33);
    graph.observe(object("a/s #13 u=3 allowed=true"));
    assert_eq!(since(&graph, "a/s"), [None, Some(33), None]);
}

#[test]
fn it_is_kept_only_of_sources_that_others_name_and_begins_anew_with_each_time() {
    let mut graph = graph(&["a/s allowed=true"]);
    at(&mut graph, 10);
    graph.forget(&key("a/s"), &uid("1"));
    assert_eq!(since(&graph, "a/s"), [None, None, None], "nobody names it");
    at(&mut graph, 11);
    graph.observe(object("b/t from=a/s"));
    assert_eq!(since(&graph, "a/s"), [None, None, None], "it has to be looked up");
    at(&mut graph, 12);
    assert_eq!(touched(&mut graph, |graph| graph.not_found(&key("a/s"), None)), "b/t");
    assert_eq!(graph.not_found(&key("a/s"), None), [], "known already");
    assert_eq!(since(&graph, "a/s"), [Some(12), None, None]);
    graph.observe(object("b/t #2"));
    at(&mut graph, 13);
    graph.observe(object("b/t #3 from=a/s"));
    graph.not_found(&key("a/s"), None);
    assert_eq!(since(&graph, "a/s"), [Some(13), None, None]);
    // One that is there when it is first named.
    graph.observe(object("c/s to=b/x"));
    at(&mut graph, 14);
    graph.observe(object("b/u from=c/s"));
    assert_eq!(since(&graph, "c/s"), [None, None, Some(14)]);
}

#[test]
fn nothing_is_said_of_what_is_outside_of_the_scope() {
    let scope = Scope::Namespaces([crate::names::Namespace::parse("b").unwrap()].into());
    let mut graph = Graph::new(&scope);
    graph.begin_part(&Part::Namespace(crate::names::Namespace::parse("b").unwrap()));
    graph.observe(object("b/t from=a/s"));
    graph.not_found(&key("a/s"), None);
    assert_eq!((since(&graph, "a/s"), presence(&graph, "a/s")), ([None, None, None], "outside"));
}

#[test]
fn a_list_and_a_response_count_as_well_as_a_watch_event() {
    let mut graph = graph(&["b/t from=a/s", "a/s allowed=true to=b/x", "b/u from=a/f", "a/f to=c/f"]);
    at(&mut graph, 10);
    graph.begin_list();
    graph.observe(object("b/t from=a/s"));
    graph.observe(object("b/u from=a/f"));
    graph.observe(object("a/f #7"));
    at(&mut graph, 11);
    graph.end_list(&ResourceVersion::new("999999"));
    assert_eq!(since(&graph, "a/s"), [Some(11), None, None]);
    // The first list came at the second 0.
    assert_eq!(since(&graph, "a/f"), [None, Some(10), Some(0)]);
}
