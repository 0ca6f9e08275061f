//! SPEC 11: who gets what, which keys, with which labels, and when it is taken away.

mod chains;
mod keys;
mod labels;
mod limit;
mod pause;

use super::fixture::target;
use super::table::{Row, act, check, drain, settle, step};
use super::world::World;

/// SPEC 11.3.
#[test]
fn namespaces_by_label() {
    let rows: &[Row<'_>] = &[
        (
            "the label is there",
            "ns b +env=prod; a/src to-sel=env=prod :one",
            "b/src",
            "create NewTarget a/src {by=a/src version=101} Opaque one ← a/src",
        ),
        ("it is not", "ns b +env=dev; a/src to-sel=env=prod :one", "b/src", "nothing NotWanted"),
        ("an empty selector names nothing", "ns b +env=prod; a/src to-sel= :one", "b/src", "nothing NotWanted"),
        (
            "besides the list",
            "ns b +env=prod; a/src to-sel=env=prod to-ns=c :one",
            "c/src",
            "create NewTarget a/src {by=a/src version=101} Opaque one ← a/src",
        ),
        ("less the exceptions", "ns b +env=prod; a/src to-sel=env=prod to-ns=!b :one", "b/src", "nothing NotWanted"),
        (
            "with other names",
            "ns b +env=prod; a/src to-sel=env=prod to=x :one",
            "b/x",
            "create NewTarget a/src {by=a/src version=101} Opaque one ← a/src",
        ),
        (
            "a label that goes takes the replica with it",
            "ns b +env=dev; a/src to-sel=env=prod; b/src by=a/src",
            "b/src",
            "delete SourceStoppedPushing a/src ← b/src",
        ),
        (
            "a namespace that is not known yet says nothing",
            "no-ns b; a/src to-sel=env=prod; b/src by=a/src; no-ns b",
            "b/src",
            "nothing NamespaceMissing a/src",
        ),
        (
            "consent",
            "ns b +env=prod; a/src allowed-sel=env=prod :one; b/t from=a/src",
            "b/t",
            "update FirstCopy a/src +version=101 +origin=a/src +chain=selector. data=one as Opaque ← a/src",
        ),
        (
            "no consent",
            "ns b +env=dev; a/src allowed-sel=env=prod :one; b/t from=a/src",
            "b/t",
            "refuse NamespaceNotAllowed a/src",
        ),
        (
            "consent by list beside a selector",
            "a/src allowed-sel=env=prod allowed-ns=b :one; b/t from=a/src",
            "b/t",
            "update FirstCopy a/src +version=101 +origin=a/src +chain=b,selector. data=one as Opaque ← a/src",
        ),
        (
            "consent less exceptions",
            "ns b +env=prod; a/src allowed-sel=env=prod allowed-ns=!b :one; b/t from=a/src",
            "b/t",
            "refuse NamespaceNotAllowed a/src",
        ),
    ];
    check(rows);
}

/// A namespace's new labels touch only the targets whose selection changes.
#[test]
fn labels_that_change_take_effect_at_once() {
    let mut world = World::new(
        "ns b +env=dev; a/src to-sel=env=prod :one; a/two to-sel=env=dev :two; a/o allowed-sel=env=prod :own; \
         b/t from=a/o; b/own from=c/x",
    );
    settle(&mut world);
    world.queue.clear();
    world.edit_namespace("b +env=prod");
    let touched: Vec<String> = world.queue.iter().map(ToString::to_string).collect();
    assert_eq!(touched, ["b/src", "b/t", "b/two"]);
    let steps = drain(&mut world);
    let words: Vec<&str> = steps.iter().map(|step| step.split(" a/").next().unwrap()).collect();
    assert_eq!(words, ["b/src: create NewTarget", "b/t: update FirstCopy", "b/two: delete SourceStoppedPushing"]);
    world.edit_namespace("b +env=prod +other=x");
    assert!(world.queue.is_empty());
}

/// SPEC 11.4.
#[test]
fn a_namespace_accepts_or_refuses_sources() {
    let rows: &[Row<'_>] = &[
        (
            "it accepts",
            "ns b accept=a; a/src to=b/t :one",
            "b/t",
            "create NewTarget a/src {by=a/src version=101} Opaque one ← a/src",
        ),
        ("it does not", "ns b accept=c; a/src to=b/t :one", "b/t", "refuse NotAccepted a/src"),
        ("it accepts none", "ns b accept=-; a/src to=b/t :one", "b/t", "refuse NotAccepted a/src"),
        (
            "its own always may",
            "ns a accept=-; a/src to=a/t :one",
            "a/t",
            "create NewTarget a/src {by=a/src version=101} Opaque one ← a/src",
        ),
        (
            "withdrawn",
            "ns b accept=c; removal-delay 5s; a/src to=b/t; b/t by=a/src",
            "b/t",
            "delete NotAccepted a/src ← b/t",
        ),
        (
            "an item that is probably not meant as it is written",
            "ns b accept=c-*; a/src to=b/t",
            "b/t",
            "refuse NotAccepted a/src (accept-replicas-from: \"c-*\" is a regular expression, in which \"*\" repeats what is before it; \
             for any text write \"c-.*\")",
        ),
        ("nothing said, and it is required", "require-acceptance; a/src to=b/t", "b/t", "refuse NotAccepted a/src"),
        (
            "pulls need none",
            "ns b accept=-; a/src allowed :one; b/t from=a/src",
            "b/t",
            "update FirstCopy a/src +version=101 +origin=a/src +chain=.* data=one as Opaque ← a/src",
        ),
        (
            "an accepted source comes before an older one",
            "ns b accept=c; a/src to=b/t @1; c/src to=b/t @2 :two",
            "b/t",
            "create NewTarget c/src {by=c/src version=102} Opaque two ← c/src",
        ),
        (
            "ill-formed",
            "ns b accept=(; a/src; b/t by=a/src",
            "b/t",
            "refuse NamespaceIllFormed a/src (b: accept-replicas-from: \"(\" is not a pattern: missing closing ))",
        ),
        (
            "the name of an object is no namespace, and narrows nothing",
            "ns b accept=a/src; a/src to=b/t; b/t by=a/src; b/u by=a/gone",
            "b/t",
            "refuse NamespaceIllFormed a/src (b: accept-replicas-from: \"a/src\" has a \"/\"; expected a namespace or a pattern)",
        ),
        ("excluded", "exclude b,x.*; a/src to=b/t", "b/t", "refuse NamespaceExcluded a/src"),
        ("what is there is left alone", "exclude b; b/t by=a/src", "b/t", "refuse NamespaceExcluded a/src"),
        ("nobody asks for it", "exclude b; b/t allowed :own", "b/t", "nothing NotATarget"),
    ];
    check(rows);
}

/// Labels and annotations of a namespace that change in one update: what only the labels had named is decided about too, or it would count as
/// refused for ever.
#[test]
fn a_namespace_whose_labels_and_annotations_change_at_once() {
    let mut world = World::new("ns b +env=prod accept=-; a/src to-sel=env=prod :one");
    assert_eq!(step(&mut world, "b/src").0, "refuse NotAccepted a/src");
    world.queue.clear();
    world.edit_namespace("b accept=c");
    assert!(world.queue.contains(&target("b/src")), "{:?}", world.queue);
    assert_eq!(step(&mut world, "b/src").0, "nothing NotWanted");
}

/// Lists that no annotation has any more are not kept.
#[test]
fn a_list_that_no_annotation_has_any_more_is_not_kept() {
    let mut world = World::new("a/src allowed :x~1,y~2; b/t from=a/src keys=x");
    settle(&mut world);
    for n in 0..200 {
        world.edit(&format!("b/t from=a/src keys=x,q{n}* version=101 origin=a/src chain=.* had-keys=x :x~1"));
        drain(&mut world);
    }
    let source = world.graph.node(&target("a/src")).unwrap();
    assert!(source.portions() <= 64, "{}", source.portions());
}
