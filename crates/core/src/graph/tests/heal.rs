//! Missed watch events heal: by the next list, and by responses (issue 9, 1).

use super::*;
use crate::names::Namespace;

fn version(graph: &Graph, name: &str) -> String {
    graph.node(&key(name)).map_or("none".to_owned(), |node| node.resource_version.to_string())
}

fn knowledge(graph: &Graph, name: &str) -> Knowledge {
    graph.node(&key(name)).unwrap().knowledge
}

fn read(graph: &mut Graph, name: &str) {
    let version = graph.node(&key(name)).unwrap().resource_version.clone();
    let payload = crate::payload::Payload::new([Some("{}".to_owned().into())]);
    let facts = Facts::of(&crate::kind::ConfigMap, None, &payload);
    graph.learn(&key(name), &version, facts, &Content { type_: None, immutable: false, payload });
}

#[test]
fn a_list_again_keeps_what_is_known_of_what_did_not_change_and_finds_what_was_missed() {
    let mut graph =
        graph(&["a/s #5 to=b/x,b/y", "b/x #5 by=a/s", "b/y #5 by=a/s", "b/t #5 from=a/s", "c/t #5 from=b/t"]);
    ["a/s", "b/x"].iter().for_each(|name| read(&mut graph, name));
    // Changed, made, and deleted, without an event.
    graph.begin_list();
    assert_eq!(touched(&mut graph, |graph| graph.observe(object("a/s #20 to=b/x,b/y"))), "a/s b/t b/x b/y");
    assert_eq!(knowledge(&graph, "a/s"), Knowledge::Suspect, "the fingerprint of another version is not kept");
    assert_eq!(graph.observe(object("b/x #5 by=a/s")), []);
    assert!(matches!(knowledge(&graph, "b/x"), Knowledge::Known(_)));
    assert_eq!(graph.observe(object("b/t #5 from=a/s")), []);
    assert_eq!(knowledge(&graph, "b/t"), Knowledge::Trusted);
    assert_eq!(touched(&mut graph, |graph| graph.observe(object("c/new #21 from=b/t"))), "c/new");
    assert_eq!(knowledge(&graph, "c/new"), Knowledge::Suspect, "not in the first list");
    assert_eq!(touched(&mut graph, |graph| graph.end_list(&ResourceVersion::new("30"))), "b/y c/t");
    assert_eq!((presence(&graph, "b/y"), presence(&graph, "c/t")), ("unknown", "unknown"));
    assert_eq!(all(&graph), "a/s b/t b/x b/y c/new", "one that is missing is due as well as those that are there");
}

#[test]
fn what_a_list_shows_at_an_older_version_went_back_if_the_list_is_newer() {
    let base = ["a/s #50 to=c/x", "b/t #50 from=a/s"];
    for (list, expected) in [("49", ["50", "50"]), ("50", ["40", "40"]), ("60", ["40", "40"])] {
        let mut graph = graph(&base);
        graph.begin_list();
        assert_eq!(graph.observe(object("a/s #40 to=c/y")), [], "it may be that the graph is newer than the list");
        assert_eq!(graph.observe(object("b/t #40 from=a/s")), []);
        let all = touched(&mut graph, |graph| graph.end_list(&ResourceVersion::new(list)));
        assert_eq!(["a/s", "b/t"].map(|name| version(&graph, name)), expected, "{list}");
        assert_eq!(all, if list == "49" { "" } else { "a/s b/t c/x c/y" }, "{list}");
        assert_eq!(knowledge(&graph, "b/t") == Knowledge::Suspect, list != "49", "{list}");
    }
    // A newer event of the same object before the list ends, and a list that broke off.
    let mut graph = graph(&base);
    graph.begin_list();
    graph.observe(object("a/s #40 to=c/y"));
    graph.observe(object("b/t #40 from=a/s"));
    graph.observe(object("a/s #70 to=c/z"));
    assert_eq!(touched(&mut graph, |graph| graph.end_list(&ResourceVersion::new("60"))), "b/t");
    assert_eq!(version(&graph, "a/s"), "70");
    let mut graph = self::graph(&base);
    graph.begin_list();
    graph.observe(object("a/s #40 to=c/y"));
    graph.begin_list();
    base.iter().for_each(|line| assert_eq!(graph.observe(object(line)), []));
    assert_eq!(graph.end_list(&ResourceVersion::new("60")), []);
    // An event, or a response, that is late.
    assert_eq!(graph.observe(object("a/s #40 to=c/y")), []);
    assert_eq!(graph.found(object("a/s #40 to=c/y")), []);
    assert_eq!(graph.end_list(&ResourceVersion::new("60")), []);
    assert_eq!(version(&graph, "a/s"), "50");
}

#[test]
fn a_list_of_one_namespace_takes_nothing_back_in_another() {
    let part = |name: &str| Part::Namespace(Namespace::parse(name).unwrap());
    let mut graph = Graph::new(&Scope::Namespaces(["a", "b"].map(|name| Namespace::parse(name).unwrap()).into()));
    for (name, line) in [("a", "a/t #50 from=x"), ("b", "b/t #50 from=x")] {
        graph.begin_part(&part(name));
        graph.observe(object(line));
        graph.end_part(&part(name), &ResourceVersion::new("50"));
    }
    for name in ["a", "b"] {
        graph.begin_part(&part(name));
        graph.observe(object(&format!("{name}/t #40 from=x")));
    }
    graph.end_part(&part("a"), &ResourceVersion::new("60"));
    assert_eq!(["a/t", "b/t"].map(|name| version(&graph, name)), ["40", "50"]);
    graph.end_part(&part("b"), &ResourceVersion::new("60"));
    assert_eq!(version(&graph, "b/t"), "40");
}

#[test]
fn an_object_that_a_read_did_not_find_is_gone_unless_it_came_or_changed_since() {
    let base = ["a/s #5 to=b/x", "b/x #5 by=a/s", "c/t #5 from=b/x"];
    // Whom it touches that the read, sent at version 5 of `b/x`, found nothing.
    let cases: [(&[&str], &str, &str); 5] = [
        (&[], "b/x c/t", "absent"),
        (&["b/x #6 by=a/s"], "", "present"),
        (&["b/x #6 u=2"], "", "present"),
        (&["-"], "b/x", "absent"),
        (&["-", "b/x #7 u=2 by=a/s"], "", "present"),
    ];
    for (meanwhile, expected, then) in cases {
        let mut graph = graph(&base);
        let held = graph.held(&key("b/x"));
        assert_eq!(
            held,
            Some(Held { uid: uid("1"), resource_version: ResourceVersion::new("5"), only_answered: false })
        );
        for event in meanwhile {
            match *event {
                "-" => drop(graph.forget(&key("b/x"), &uid("1"))),
                line => drop(graph.observe(object(line))),
            }
        }
        assert_eq!(touched(&mut graph, |graph| graph.not_found(&key("b/x"), held.as_ref())), expected, "{meanwhile:?}");
        assert_eq!(presence(&graph, "b/x"), then, "{meanwhile:?}");
    }
    let mut graph = graph(&base);
    assert_eq!(graph.held(&key("b/none")), None);
    assert_eq!(graph.not_found(&key("b/x"), None), [], "it came after the read was sent");
    assert_eq!(presence(&graph, "b/x"), "present");
    // The watch event of the deletion comes later, and says nothing new.
    let held = graph.held(&key("c/t"));
    assert_eq!(touched(&mut graph, |graph| graph.not_found(&key("c/t"), held.as_ref())), "c/t");
    assert_eq!(graph.forget(&key("c/t"), &uid("1")), []);
}

#[test]
fn what_only_a_response_has_shown_is_told_from_what_the_watch_has() {
    let mut graph = graph(&["a/s #5 to=b/x"]);
    let only_answered = |graph: &Graph| graph.held(&key("b/x")).unwrap().only_answered;
    graph.wrote(object("b/x #6 by=a/s"), None);
    assert!(only_answered(&graph), "the controller made it");
    graph.found(object("b/x #6 by=a/s"));
    assert!(only_answered(&graph), "and read it");
    graph.observe(object("b/x #6 by=a/s"));
    assert!(!only_answered(&graph), "the watch shows it");
    graph.found(object("b/x #6 by=a/s"));
    assert!(!only_answered(&graph), "and has shown it before it is read again");
    graph.found(object("b/x #7 by=a/s"));
    graph.observe(object("b/x #6 by=a/s"));
    assert!(only_answered(&graph), "the watch is behind");
    graph.observe(object("b/x #8 by=a/s"));
    assert!(!only_answered(&graph), "and past it");
}

#[test]
fn a_namespace_that_a_list_does_not_show_touches_what_is_pushed_there_and_what_lives_there() {
    let mut graph = graph(&["a/s to=x to-ns=[bc]", "a/q to=c/y,c/z", "c/t from=a/s", "b/t from=a/s", "c/plain"]);
    graph.begin_namespaces();
    for name in ["a", "b"] {
        assert_eq!(graph.observe_namespace(name, NamespaceFacts::new(false)), []);
    }
    assert_eq!(touched(&mut graph, |graph| graph.end_namespaces()), "c/t c/x c/y c/z");
    assert_eq!(all(&graph), "a/q a/s b/t b/x c/t", "nothing is made in it");
    assert_eq!(
        touched(&mut graph, |graph| graph.observe_namespace("c", NamespaceFacts::new(false))),
        "c/t c/x c/y c/z"
    );
    assert_eq!(touched(&mut graph, |graph| graph.forget_namespace("c")), "c/t c/x c/y c/z");
    assert_eq!(
        touched(&mut graph, |graph| graph.forget_namespace("c")),
        "c/t c/y c/z",
        "it is no existing one that the pattern names"
    );
    // A list without one that was never complete before.
    let mut graph = Graph::default();
    graph.observe_namespace("a", NamespaceFacts::new(false));
    graph.begin_namespaces();
    assert_eq!(graph.end_namespaces(), []);
    assert_eq!(graph.namespace("a").map(|facts| facts.terminating), None);
}
