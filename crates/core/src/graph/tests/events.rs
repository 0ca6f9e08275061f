//! Whom each event touches, what is kept of it, and what is gone when.

use std::collections::BTreeSet;

use super::*;
use crate::facts::Facts;
use crate::graph::events::{MOST_PORTIONS, MOST_TEXT};
use crate::keys::Projection;
use crate::kind::Secret;
use crate::payload::Payload;

#[test]
fn before_the_full_view_nothing_is_touched_and_with_it_everything() {
    let lines = ["a/s to=b/x,gone/x,c/y", "b/t from=a/f", "b/x by=a/s", "c/ill replicate-once=x", "a/plain"];
    let everything = "a/s b/t b/x c/ill c/y";
    for namespaces_first in [true, false] {
        let mut graph = Graph::default();
        let objects = |graph: &mut Graph| {
            graph.begin_list();
            for line in lines {
                assert_eq!(graph.observe(object(line)), []);
            }
            assert_eq!(graph.forget(&key("a/none"), &uid("1")), []);
            graph.end_list(&ResourceVersion::new("999999"))
        };
        let namespaces = |graph: &mut Graph| {
            graph.begin_namespaces();
            for name in ["a", "b", "c"] {
                assert_eq!(graph.observe_namespace(name, NamespaceFacts::new(false)), []);
            }
            graph.end_namespaces()
        };
        assert!(graph.full_view().is_none());
        let (first, second) = if namespaces_first {
            let first = namespaces(&mut graph);
            assert!(graph.full_view().is_none());
            (first, objects(&mut graph))
        } else {
            let first = objects(&mut graph);
            assert!(graph.full_view().is_none());
            assert_eq!(graph.observe(object("b/t #2 from=a/g")), [], "news before the namespaces are there");
            graph.observe(object("b/t #3 from=a/f"));
            (first, namespaces(&mut graph))
        };
        assert!(graph.full_view().is_some());
        assert_eq!(
            (first.is_empty(), touched(&mut graph, |_| second).as_str()),
            (true, everything),
            "namespaces first: {namespaces_first}"
        );
        assert_eq!(touched(&mut graph, |graph| graph.all_targets().into()), everything);
        assert_eq!((graph.len(), graph.is_empty()), (4, false));
    }
    assert!(Graph::default().is_empty());
}

#[test]
fn whom_an_object_touches() {
    let base = [
        "a/f #5 allowed=true",
        "a/s #5 to=x to-ns=[ab]",
        "b/x #5 by=a/s",
        "c/s #5 from=a/f to=b/y,c/z",
        "b/y #5 by=c/s from=a/f",
        "b/p #5 from=a/f",
        "c/q #5 from=b/p",
        "c/r #5 from=c/q",
        "c/old #5 by=c/s",
        "a/plain #5",
    ];
    // What happens, and whom it touches.
    let cases = [
        // What the chain below asks about it: all that hangs on it, however far down (SPEC 11).
        ("a/f #6 allowed=true", "a/f b/p b/y c/s c/z"),
        ("a/f #6 allowed=false", "a/f b/p b/y c/q c/r c/s c/z"),
        ("a/f #6", "a/f b/p b/y c/q c/r c/s c/z"),
        ("a/f #6 replicate-once=x", "a/f b/p b/y c/q c/r c/s c/z"),
        // What nobody asks about from below.
        ("a/f #6 allowed=true removal-delay=5s", "a/f b/p b/y c/s c/z"),
        // A pause stops also what was made by a combined object that pulls from it, whether that still names it or not.
        ("a/f #6 allowed=true paused=true", "a/f b/p b/y c/old c/s c/z"),
        // A ring may close or open: all that hangs on it, however far down.
        ("a/f #6 allowed=true from=c/r", "a/f b/p b/y c/q c/r c/s c/z"),
        ("b/p #6 from=a/f allowed=true", "b/p c/q c/r"),
        ("b/p #6 from=a/s", "b/p c/q c/r"),
        ("b/p #6", "b/p c/q c/r"),
        // A push: old and new targets, but not the source as its own target.
        ("a/s #6 to=x to-ns=[ab]", "a/s a/x b/x"),
        ("a/s #6 to=x to-ns=c", "a/s a/x b/x c/x"),
        ("a/s #6 to=s,y", "a/s a/x a/y b/x"),
        ("a/s #6 to=gone/x", "a/s a/x b/x"),
        ("a/s #6 to=x to-ns=[ab] by=c/n", "a/s a/x b/x"),
        ("a/s #6", "a/s a/x b/x"),
        ("b/x #6", "b/x"),
        ("b/x #6 by=a/s to-ns=.*", "b/x"),
        ("c/s #6 to=b/y,c/z", "b/y c/old c/s c/z"),
        // New objects.
        ("a/new #6", ""),
        ("a/x #6", "a/x"),
        ("c/z #6 allowed=true", "c/z"),
        ("a/new #6 allowed=true", "a/new"),
        ("a/new #6 to-ns=.*", "a/new b/new c/new"),
        ("a/new #6 from=b/p", "a/new"),
        ("a/plain #6 from=b/p", "a/plain"),
        // No news.
        ("a/f #5 allowed=true", ""),
        ("a/f #4 allowed=false", ""),
        ("a/f #4 u=2 allowed=false", ""),
        ("a/plain #6", ""),
        // Another one of the same name.
        ("a/f #6 u=2 allowed=true", "a/f b/p b/y c/s c/z"),
    ];
    let mut wrong = Vec::new();
    for (event, expected) in cases {
        let mut graph = graph(&base);
        wrong.extend(
            Some((event, touched(&mut graph, |graph| graph.observe(object(event))), expected))
                .filter(|(_, found, expected)| found != expected),
        );
        assert_eq!(graph.observe(object(event)), [], "{event}, a second time");
    }
    assert_eq!(wrong, [], "what happens, whom it touches, and whom it should");
    // Deletions.
    let cases = [
        ("a/f", "a/f b/p b/y c/q c/r c/s c/z"),
        ("a/s", "a/s a/x b/x"),
        ("b/x", "b/x"),
        ("b/p", "b/p c/q c/r"),
        ("c/s", "b/y c/old c/s c/z"),
        ("a/plain", ""),
        ("c/none", ""),
        // Nothing to us so far, but a source waits for the name.
        ("a/x", "a/x"),
        ("c/z", "c/z"),
    ];
    for (name, expected) in cases {
        let mut graph = graph(&base);
        assert_eq!(touched(&mut graph, |graph| graph.forget(&key(name), &uid("1"))), expected, "{name}");
        if base.iter().any(|line| line.starts_with(&format!("{name} "))) && name != "a/plain" {
            let mut graph = self::graph(&base);
            assert_eq!(graph.forget(&key(name), &uid("2")), [], "{name}: another one was deleted");
            assert_eq!(presence(&graph, name), "present");
        }
    }
}

#[test]
fn whom_a_namespace_touches() {
    let mut graph =
        graph(&["a/s to=x,y to-ns=b,d", "b/s to-ns=.*", "c/s to=d/x,e/z", "d/x", "a/ill to-ns=.* replicate-once=x"]);
    assert_eq!(touched(&mut graph, |graph| graph.observe_namespace("d", NamespaceFacts::new(false))), "d/s d/x d/y");
    assert_eq!(graph.observe_namespace("d", NamespaceFacts::new(false)), []);
    assert_eq!(touched(&mut graph, |graph| graph.observe_namespace("d", NamespaceFacts::new(true))), "d/s d/x d/y");
    assert_eq!(graph.observe_namespace("d", NamespaceFacts::new(true)), []);
    assert_eq!(graph.namespace("d").map(|facts| facts.terminating), Some(true));
    graph.forget_namespace("d");
    assert_eq!(graph.namespace("d").map(|facts| facts.terminating), None);
    assert_eq!(touched(&mut graph, |graph| graph.observe_namespace("d", NamespaceFacts::new(false))), "d/s d/x d/y");
    assert_eq!(graph.namespace("d").map(|facts| facts.terminating), Some(false));
    assert_eq!(touched(&mut graph, |graph| graph.observe_namespace("e", NamespaceFacts::new(false))), "e/s e/z");
    // Not its own target; and only its own name by a pattern.
    assert_eq!(touched(&mut graph, |graph| graph.observe_namespace("b", NamespaceFacts::new(true))), "b/x b/y");

    // A list of the namespaces: those that it does not name are gone when it ends.
    graph.begin_namespaces();
    assert_eq!(touched(&mut graph, |graph| graph.observe_namespace("b", NamespaceFacts::new(false))), "b/x b/y");
    assert_eq!(graph.namespace("e").map(|facts| facts.terminating), Some(false), "not before");
    assert_eq!(
        touched(&mut graph, |graph| graph.end_namespaces()),
        "a/s c/s d/s d/x d/y e/s e/z",
        "what is pushed into those that are gone"
    );
    assert_eq!(graph.namespace("b").map(|facts| facts.terminating), Some(false));
    assert_eq!(["a", "c", "d", "e"].map(|name| graph.namespace(name).map(|facts| facts.terminating)), [None; 4]);
    assert!(graph.full_view().is_some());
}

#[test]
fn what_a_list_does_not_name_is_gone_when_it_ends() {
    let mut graph = graph(&["a/s #1 to=b/x", "b/x #2 by=a/s", "c/t #3 from=b/x", "c/u #14 from=a/none"]);
    graph.confirm_absent(&key("a/none"));
    graph.begin_list();
    assert_eq!(graph.observe(object("a/s #1 to=b/x")), []);
    assert_eq!(touched(&mut graph, |graph| graph.observe(object("c/t #9 from=b/x allowed=true"))), "c/t");
    assert_eq!(
        touched(&mut graph, |graph| graph.observe(object("a/none #8"))),
        "a/none c/u",
        "it came while the watch was broken"
    );
    // One that changed after the list's version, and the controller's own write in the middle of it.
    assert_eq!(graph.observe(object("c/u #3 from=b/x")), []);
    assert_eq!(touched(&mut graph, |graph| graph.wrote(object("b/y #10 by=a/s"), None)), "b/y");
    // The answer to one that came before it, and what it made is gone again.
    assert_eq!(touched(&mut graph, |graph| graph.wrote(object("b/z #5 by=a/s"), None)), "b/z");
    assert_eq!((presence(&graph, "b/x"), graph.len()), ("present", 7), "not before it ends");
    assert!(graph.full_view().is_some(), "the view stays full");
    assert_eq!(touched(&mut graph, |graph| graph.end_list(&ResourceVersion::new("9"))), "b/x b/z c/t");
    assert_eq!(graph.node(&key("c/u")).unwrap().resource_version, ResourceVersion::new("14"));
    assert_eq!(
        ["b/x", "b/y", "b/z", "c/u", "a/none"].map(|name| presence(&graph, name)),
        ["absent", "present", "unknown", "present", "present"]
    );
    graph.begin_list();
    assert_eq!(
        touched(&mut graph, |graph| graph.end_list(&ResourceVersion::new("999999"))),
        "a/none a/s b/x b/y c/t c/u"
    );
    assert!(graph.is_empty());
}

#[test]
fn an_aborted_list_takes_nothing_away() {
    let mut graph = graph(&["a/s to=b/x", "b/x by=a/s"]);
    graph.begin_list();
    graph.observe(object("a/s to=b/x"));
    // The watch breaks again; the next list is complete.
    graph.begin_list();
    for line in ["a/s to=b/x", "b/x by=a/s"] {
        assert_eq!(graph.observe(object(line)), []);
    }
    assert_eq!(graph.end_list(&ResourceVersion::new("999999")), []);
    assert_eq!(graph.len(), 2);
}

#[test]
fn objects_without_annotations_are_kept_only_as_long_as_something_names_them() {
    let mut graph =
        graph(&["a/early", "c/t from=a/early", "c/u from=a/late", "a/late", "c/s to=b/x,b/y", "b/x", "b/no"]);
    assert_eq!(presence(&graph, "a/early"), "unknown", "it came by before it was named");
    assert_eq!(["a/late", "b/x", "b/no"].map(|name| presence(&graph, name)), ["present", "present", "unknown"]);
    assert_eq!(touched(&mut graph, |graph| graph.observe(object("a/early"))), "a/early c/t", "looked up");
    assert_eq!(graph.len(), 6);
    // The references go, one by one.
    graph.observe(object("c/t #2 from=a/late"));
    assert_eq!(presence(&graph, "a/early"), "unknown");
    graph.observe(object("c/u #2 allowed=true"));
    assert_eq!(presence(&graph, "a/late"), "present", "the other still names it");
    graph.forget(&key("c/t"), &uid("1"));
    assert_eq!(presence(&graph, "a/late"), "unknown");
    graph.observe(object("b/y #3"));
    graph.observe(object("c/s #2 to=b/y"));
    assert_eq!((presence(&graph, "b/x"), presence(&graph, "b/y")), ("unknown", "present"));
    graph.observe(object("c/s #3 to=b/y replicate-once=x"));
    assert_eq!(presence(&graph, "b/y"), "unknown", "an ill-formed push names nothing");
    assert_eq!(graph.len(), 2);
    // An object that loses its annotations.
    assert_eq!(touched(&mut graph, |graph| graph.observe(object("c/u #3"))), "c/u");
    assert_eq!(presence(&graph, "c/u"), "unknown");
    // One that named itself.
    graph.observe(object("c/u #4 from=c/u"));
    assert_eq!(touched(&mut graph, |graph| graph.observe(object("c/u #5"))), "c/u");
    assert_eq!((presence(&graph, "c/u"), graph.len()), ("unknown", 1));
}

#[test]
fn absent_is_known_only_of_what_is_named() {
    let mut graph = graph(&["b/t from=a/x", "b/u by=a/y", "c/s to=b/w"]);
    assert_eq!(["a/x", "a/y", "b/w", "a/z"].map(|name| presence(&graph, name)), ["unknown"; 4]);
    for name in ["a/x", "a/y", "b/w", "a/z", "b/t"] {
        graph.confirm_absent(&key(name));
    }
    assert_eq!(
        ["a/x", "a/y", "b/w", "a/z"].map(|name| presence(&graph, name)),
        ["absent", "absent", "unknown", "unknown"]
    );
    assert_eq!(presence(&graph, "b/t"), "present", "it came by in the meantime");
    // It comes, and goes.
    assert_eq!(touched(&mut graph, |graph| graph.observe(object("a/x"))), "a/x b/t");
    assert_eq!(presence(&graph, "a/x"), "present");
    assert_eq!(touched(&mut graph, |graph| graph.forget(&key("a/x"), &uid("1"))), "a/x b/t");
    assert_eq!(presence(&graph, "a/x"), "absent");
    // Nothing names it any more.
    graph.observe(object("b/t #2 from=a/y"));
    assert_eq!(presence(&graph, "a/x"), "unknown");
    graph.forget(&key("b/t"), &uid("1"));
    assert_eq!(presence(&graph, "a/y"), "absent", "b/u still names it");
    graph.forget(&key("b/u"), &uid("1"));
    assert_eq!(presence(&graph, "a/y"), "unknown");
}

#[test]
fn who_pushes_to_a_name() {
    let graph = graph(&[
        "a/s to=x to-ns=b,c",
        "b/s to=x to-ns=[bc]",
        "c/s to=b/x,b/x,.*/x",
        "b/x to-ns=.*",
        "a/by to=b/x by=c/s",
        "a/ill to=b/x replicate-once=x",
        "a/no to=b/y",
    ]);
    let pushing = |name: &str| {
        let target = key(name);
        let sources: BTreeSet<String> = graph.pushing_to(&target).map(|(source, _)| source.to_string()).collect();
        sources.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(pushing("b/x"), "a/s b/s c/s", "and not from itself");
    assert_eq!(pushing("c/x"), "a/s b/s b/x c/s");
    assert_eq!(pushing("a/x"), "b/x c/s");
    assert_eq!(pushing("none/x"), "b/x c/s", "whether the namespace exists is not asked here");
    assert_eq!((pushing("b/y").as_str(), pushing("b/z").as_str()), ("a/no", ""));
}

#[test]
fn targets_that_exist_are_counted() {
    let mut graph = graph(&[
        "b/t from=a/x",
        "a/s to=b/w",
        "b/w by=a/s",
        "a/c from=b/t to=q",
        "a/plain",
        "c/ill from=A",
        "c/z from=b/t",
    ]);
    assert_eq!(existing_targets(&graph), "b/t b/w c/z");
    graph.observe(object("b/t #2"));
    graph.observe(object("a/c #2 from=b/t"));
    graph.observe(object("c/ill #2 from=a/a"));
    assert_eq!(existing_targets(&graph), "a/c b/w c/ill c/z");
    for name in ["a/c", "b/w", "c/ill", "c/z"] {
        graph.forget(&key(name), &uid("1"));
    }
    assert_eq!(existing_targets(&graph), "");
}

/// Where nobody does so, the new labels of a namespace concern no pull, and none in it is looked at.
#[test]
fn who_lets_namespaces_pull_by_a_selector_is_counted() {
    let by = |selector: &str| format!("replication-allowed-namespace-selector={selector}");
    let mut graph = graph(&[&format!("a/s {}", by("env")), &format!("a/t {}", by("env=prod")), "a/u allowed=true"]);
    assert_eq!(graph.selecting, 2);
    graph.observe(object(&format!("a/s #2 {}", by("team"))));
    assert_eq!(graph.selecting, 2, "by another one");
    graph.observe(object("a/s #3 replication-allowed-namespaces=b"));
    assert_eq!(graph.selecting, 1, "by names alone");
    graph.observe(object(&format!("a/t #2 {} replicate-once=x", by("env=prod"))));
    assert_eq!(graph.selecting, 0, "an ill-formed one lets nobody pull");
    graph.observe(object(&format!("a/u #2 {}", by("env"))));
    graph.forget(&key("a/u"), &uid("1"));
    assert_eq!(graph.selecting, 0);
}

#[test]
fn the_existing_namespaces_are_listed_in_the_order_of_their_names() {
    let mut graph = graph(&[]);
    for name in ["b-2", "aa"] {
        graph.observe_namespace(name, NamespaceFacts::new(false));
    }
    graph.forget_namespace("b");
    assert_eq!(graph.namespaces().collect::<Vec<_>>(), ["a", "aa", "b-2", "c"]);
}

/// SPEC 2: duplicates count once. An annotation of a few KiB must not cost more memory and time than it names targets: one of
/// 256 KiB would touch a thousand million names here, and anybody who may write a Secret can write it.
#[test]
fn a_push_of_many_names_into_one_namespace_touches_each_once() {
    const COUNT: usize = 1_000;
    let to: Vec<String> = (0..COUNT).map(|n| format!("b/x{n}")).collect();
    let mut graph = graph(&[]);
    let touched = graph.observe(object(&format!("a/s to={}", to.join(","))));
    assert!(touched.len() <= 2 * COUNT, "{COUNT} targets are named, and {} are touched", touched.len());
}

/// Whoever keeps something that follows from the graph goes by its revision.
#[test]
fn each_change_has_another_revision() {
    type Event = fn(&mut Graph);
    let events: [(&str, bool, Event); 8] = [
        ("a new source", false, |graph| drop(graph.observe(object("a/s #5 to=b/x")))),
        ("a changed object", false, |graph| drop(graph.observe(object("a/s #6 to=b/y")))),
        ("its content", false, |graph| {
            let content = Content { type_: None, immutable: false, payload: Payload::new([None]) };
            graph.learn(&key("a/s"), &ResourceVersion::new("6"), facts(&content), &content);
        }),
        ("a part of it", false, |graph| learn_part(graph, "x")),
        ("a deleted object", false, |graph| drop(graph.forget(&key("a/s"), &uid("1")))),
        ("a new namespace", true, |graph| drop(graph.observe_namespace("new", NamespaceFacts::new(false)))),
        ("a changed namespace", true, |graph| drop(graph.observe_namespace("new", NamespaceFacts::new(true)))),
        ("a deleted namespace", true, |graph| drop(graph.forget_namespace("new"))),
    ];
    let mut graph = graph(&[]);
    for (what, is_of_namespaces, event) in events {
        let before = (graph.revision(), graph.namespaces_revision());
        event(&mut graph);
        assert!(graph.revision() > before.0, "{what}");
        assert_eq!(graph.namespaces_revision() > before.1, is_of_namespaces, "{what}");
    }
}

fn facts(content: &Content) -> Facts {
    Facts::of(&Secret, None, &content.payload)
}

/// A part of the content of `a/s` is looked at.
fn learn_part(graph: &mut Graph, asked: &str) {
    let facts = facts(&Content { type_: None, immutable: false, payload: Payload::new([None]) });
    graph.learn_portion(&key("a/s"), &ResourceVersion::new("6"), part(asked), Ok(facts));
}

fn part(asked: &str) -> Arc<Projection> {
    Arc::new(Projection { asked: Some(asked.into()), ..Projection::default() })
}

/// Which parts are kept: what targets ask for can change without end.
#[test]
fn the_oldest_parts_of_a_content_are_forgotten() {
    let mut graph = graph(&["a/s #6 to=b/x"]);
    let names: Vec<String> = (0..=MOST_PORTIONS).map(|n| format!("key-{n}")).collect();
    let kept = |graph: &Graph, names: &[String]| -> Vec<bool> {
        let node = graph.node(&key("a/s")).unwrap();
        names.iter().map(|name| node.portion(&part(name)).is_some()).collect()
    };
    names[..MOST_PORTIONS].iter().for_each(|name| learn_part(&mut graph, name));
    // One that is looked at again does not count twice.
    learn_part(&mut graph, &names[1]);
    assert!(kept(&graph, &names[..MOST_PORTIONS]).iter().all(|kept| *kept));
    learn_part(&mut graph, &names[MOST_PORTIONS]);
    assert_eq!(kept(&graph, &names).iter().position(|kept| *kept), Some(1));
    assert_eq!(kept(&graph, &names).iter().filter(|kept| **kept).count(), MOST_PORTIONS);

    // Their texts are bounded too; one is kept, however long it is.
    let mut graph = self::graph(&["a/s #6 to=b/x"]);
    let of = |c: &str, length: usize| c.repeat(length);
    let texts = [of("a", MOST_TEXT / 2), of("b", MOST_TEXT / 2), of("c", 1), of("d", MOST_TEXT + 1)];
    for (text, expected) in texts.iter().zip([
        [true, false, false, false],
        [true, true, false, false],
        [false, true, true, false],
        [false, false, false, true],
    ]) {
        learn_part(&mut graph, text);
        assert_eq!(kept(&graph, &texts), expected);
    }
}
