//! What is known of contents, and when it is forgotten.

use super::*;
use crate::key_names::KeyNames;
use crate::kind::Secret;
use crate::payload::Payload;

fn content(text: &str) -> Content {
    let json = format!("{{\"v\":{text:?}}}");
    Content { type_: Some("Opaque".into()), immutable: false, payload: Payload::new([Some(json.into())]) }
}

fn facts(content: &Content) -> Facts {
    Facts::of(&Secret, content.type_.as_deref(), &content.payload)
}

fn known(text: &str) -> (Knowledge, Option<Arc<str>>) {
    (Knowledge::Known(facts(&content(text))), Some("x/y".into()))
}

fn learn(graph: &mut Graph, name: &str, version: &str, text: &str) {
    let content = content(text);
    graph.learn(&key(name), &ResourceVersion::new(version), facts(&content), &content);
}

/// What is known of an object's content, and its type.
fn knowledge(graph: &Graph, name: &str) -> (Knowledge, Option<String>) {
    let node = graph.node(&key(name)).unwrap();
    (node.knowledge, node.type_.as_ref().map(ToString::to_string))
}

fn opaque() -> Option<String> {
    Some("Opaque".to_owned())
}

#[test]
fn what_the_first_list_shows_is_trusted_and_later_changes_are_not() {
    let mut graph = graph(&["b/t #5 from=a/x"]);
    assert_eq!(knowledge(&graph, "b/t"), (Knowledge::Trusted, None));
    graph.observe(object("b/t #5 from=a/x"));
    assert_eq!(knowledge(&graph, "b/t"), (Knowledge::Trusted, None), "no news");
    graph.observe(object("b/t #6 from=a/x"));
    assert_eq!(knowledge(&graph, "b/t"), (Knowledge::Suspect, None));
    graph.observe(object("b/u #7 from=a/x"));
    assert_eq!(knowledge(&graph, "b/u"), (Knowledge::Suspect, None), "it came later");

    // Also with a relist: what did not change is as well known as before.
    let mut graph = self::graph(&["b/t #5 from=a/x", "b/u #5 from=a/x"]);
    graph.begin_list();
    graph.observe(object("b/t #5 from=a/x"));
    graph.observe(object("b/u #6 from=a/x"));
    graph.end_list(&ResourceVersion::new("999999"));
    assert_eq!(knowledge(&graph, "b/t").0, Knowledge::Trusted);
    assert_eq!(knowledge(&graph, "b/u").0, Knowledge::Suspect);
}

/// A program that only looks, or stands by, believes what the controller alone wrote whenever it is shown.
#[test]
fn who_only_looks_believes_the_controller() {
    let mut graph = graph(&["b/t #5 from=a/x"]);
    graph.believe_the_controller(true);
    graph.observe(object("b/t #6 from=a/x"));
    graph.observe(object("b/new #6 from=a/x"));
    graph.observe(object("b/other #6 from=a/x data=others"));
    assert_eq!(
        ["b/t", "b/new", "b/other"].map(|name| knowledge(&graph, name).0),
        [Knowledge::Trusted, Knowledge::Trusted, Knowledge::Suspect]
    );
    graph.observe(object("b/t #7 from=a/x data=others"));
    assert_eq!(knowledge(&graph, "b/t").0, Knowledge::Suspect);
    graph.believe_the_controller(false);
    graph.observe(object("b/t #8 from=a/x"));
    graph.observe(object("b/later #8 from=a/x"));
    assert_eq!(["b/t", "b/later"].map(|name| knowledge(&graph, name).0), [Knowledge::Suspect, Knowledge::Suspect]);
}

#[test]
fn a_read_is_of_one_version() {
    let mut graph = graph(&["b/t #5 from=a/x"]);
    learn(&mut graph, "b/t", "4", "old");
    learn(&mut graph, "b/none", "5", "x");
    assert_eq!(knowledge(&graph, "b/t"), (Knowledge::Trusted, None), "old news");
    learn(&mut graph, "b/t", "5", "one");
    assert_eq!(knowledge(&graph, "b/t"), (known("one").0, opaque()));
    graph.observe(object("b/t #6 from=a/x"));
    assert_eq!(knowledge(&graph, "b/t"), (Knowledge::Suspect, opaque()), "the type stays as long as the uid");
    learn(&mut graph, "b/t", "5", "one");
    assert_eq!(knowledge(&graph, "b/t").0, Knowledge::Suspect, "old news");
    learn(&mut graph, "b/t", "6", "two");
    graph.observe(object("b/t #7 u=2 from=a/x"));
    assert_eq!(knowledge(&graph, "b/t"), (Knowledge::Suspect, None), "another object");
}

#[test]
fn what_the_controller_wrote_is_known() {
    let written = (known("one").0, Some("x/y".to_owned()));
    // The answer comes first, and the watch tells the same.
    let mut graph = graph(&["b/t #5 from=a/x"]);
    assert_eq!(touched(&mut graph, |graph| graph.wrote(object("b/t #6 from=a/x"), Some(known("one")))), "b/t");
    assert_eq!(graph.observe(object("b/t #6 from=a/x")), []);
    assert_eq!(knowledge(&graph, "b/t"), written);
    // Only annotations were written: the content is as known as it was.
    graph.wrote(object("b/t #7 from=a/x allowed=true"), None);
    assert_eq!(knowledge(&graph, "b/t"), written);
    // The watch comes first.
    graph.observe(object("b/t #8 from=a/x"));
    assert_eq!(graph.wrote(object("b/t #8 from=a/x"), Some(known("two"))), []);
    assert_eq!(knowledge(&graph, "b/t").0, known("two").0);
    // So it does where only annotations were written, on what was known when that was sent.
    graph.observe(object("b/t #9 from=a/x allowed=true"));
    assert_eq!(graph.wrote(object("b/t #9 from=a/x allowed=true"), Some(known("two"))), []);
    assert_eq!(knowledge(&graph, "b/t").0, known("two").0);
    // Somebody wrote since: the answer is old news.
    graph.observe(object("b/t #11 from=a/x"));
    assert_eq!(graph.wrote(object("b/t #10 from=a/x"), Some(known("one"))), []);
    assert_eq!(knowledge(&graph, "b/t"), (Knowledge::Suspect, Some("x/y".to_owned())));
    // A new one, and another one of the same name.
    assert_eq!(touched(&mut graph, |graph| graph.wrote(object("b/new #12 by=a/x"), Some(known("one")))), "b/new");
    assert_eq!(knowledge(&graph, "b/new"), written);
    graph.wrote(object("b/t #13 u=2 from=a/x"), None);
    assert_eq!(knowledge(&graph, "b/t"), (Knowledge::Suspect, None));
}

/// Whether somebody took a key away is seen by the names of the keys since the data was last copied.
#[test]
fn the_names_of_keys_as_they_were_when_the_data_was_copied() {
    const COPY: &str = "b/t #5 by=a/x replicated-from-version=1";
    let shown = |line: &str, names: &[&str]| {
        let mut object = object(line);
        object.managers.names = KeyNames::of(names);
        object.managers.names_as_copied = object.managers.names;
        object
    };
    let is_edited = |graph: &Graph| {
        let managers = &graph.node(&key("b/t")).unwrap().managers;
        managers.names != managers.names_as_copied
    };
    let new = || {
        let mut graph = graph(&[]);
        graph.observe(shown(COPY, &["k", "l"]));
        graph
    };
    // What shows it next, whether that is the response to a write of its data, and whether somebody else changed its keys.
    for (line, names, is_answer, expected) in [
        ("b/t #6 by=a/x replicated-from-version=1", &["l", "k"][..], false, false),
        ("b/t #6 by=a/x replicated-from-version=1", &["k"], false, true),
        ("b/t #6 by=a/x replicated-from-version=1 replicate-once=true", &["k"], false, true),
        ("b/t #6 by=a/x replicated-from-version=1", &["k"], true, false),
        // The controller's copies, as the watch shows them before the response comes, or where none does.
        ("b/t #6 by=a/x replicated-from-version=2", &["k"], false, false),
        ("b/t #6 by=a/x replicated-from-version=1 replicated-keys=k", &["k"], false, false),
        // Another object.
        ("b/t #6 u=2 by=a/x replicated-from-version=1", &["k"], false, false),
    ] {
        let mut graph = new();
        match is_answer {
            true => drop(graph.wrote(shown(line, names), Some(known("one")))),
            false => drop(graph.observe(shown(line, names))),
        }
        assert_eq!(is_edited(&graph), expected, "{line} {names:?}");
    }
    // It stays so until the data is copied again; and the watch may show that first.
    let mut graph = new();
    graph.observe(shown("b/t #6 by=a/x replicated-from-version=1", &["k"]));
    graph.observe(shown("b/t #7 by=a/x replicated-from-version=1 replicate-once=true", &["k"]));
    assert!(is_edited(&graph));
    graph.observe(shown("b/t #8 by=a/x replicated-from-version=1", &["k", "m"]));
    assert!(is_edited(&graph));
    graph.wrote(shown("b/t #8 by=a/x replicated-from-version=1", &["k", "m"]), Some(known("one")));
    assert!(!is_edited(&graph));
}

#[test]
fn a_refused_write_is_not_tried_again_before_a_read() {
    let mut graph = graph(&["b/t #5 from=a/x"]);
    graph.doubt(&key("b/t"));
    graph.doubt(&key("b/none"));
    assert_eq!(knowledge(&graph, "b/t").0, Knowledge::Refused);
    graph.observe(object("b/t #6 from=a/x"));
    assert_eq!(knowledge(&graph, "b/t").0, Knowledge::Refused, "a change by others does not help");
    learn(&mut graph, "b/t", "6", "one");
    assert_eq!(knowledge(&graph, "b/t").0, known("one").0);
    graph.doubt(&key("b/t"));
    assert_eq!(knowledge(&graph, "b/t"), (Knowledge::Refused, opaque()), "also what was known");
}

#[test]
fn a_source_that_was_made_again_makes_its_replicas_suspect() {
    let mut graph = graph(&["a/x #5 to=b/r", "b/r #5 by=a/x", "b/t #5 from=a/x", "c/t #5 from=b/t"]);
    graph.observe(object("a/x #6 to=b/r"));
    let all = |graph: &Graph| ["b/r", "b/t", "c/t"].map(|name| knowledge(graph, name).0);
    assert_eq!(all(&graph), [Knowledge::Trusted; 3]);
    graph.observe(object("a/x #7 u=2 to=b/r"));
    assert_eq!(all(&graph), [Knowledge::Suspect, Knowledge::Suspect, Knowledge::Trusted]);
}
