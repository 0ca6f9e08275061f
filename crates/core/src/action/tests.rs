//! Proofs, and what is made of them.

use super::*;
use crate::carried::Carried;
use crate::graph::Graph;
use crate::managers::Managers;
use crate::names::Key;
use crate::observed::{Annotated, Observed};

fn target() -> TargetKey {
    Key::new("b", "t").unwrap().into()
}

/// A graph that holds one object with these annotations, at version 7.
fn graph(annotations: &[(&str, &str)]) -> Graph {
    let key = Key::new("b", "t").unwrap();
    let marks = Marks::parse(&key, annotations.iter().copied()).unwrap();
    let annotated = marks.map_or(Annotated::Not, |marks| Annotated::Well(Arc::new(marks)));
    let (uid, resource_version) = (Uid::new("u"), ResourceVersion::new("7"));
    let mut graph = Graph::default();
    graph.begin_list();
    graph.observe(Observed {
        key,
        uid,
        resource_version,
        created: 0,
        deleting: false,
        annotated,
        managers: Managers::default(),
        carried: None,
        has_labels: false,
        advice: Vec::new(),
    });
    graph.end_list(&ResourceVersion::new("999999"));
    graph.begin_namespaces();
    graph.end_namespaces();
    graph
}

#[test]
fn only_the_marks_prove_that_an_object_may_be_written() {
    let (from, by, to) = (("replicate-from", "a/x"), ("replicated-by", "a/y"), ("replicate-to", "b/z"));
    let cases: [(&[(&str, &str)], bool); 7] = [
        (&[from], true),
        (&[by], true),
        (&[by, to], true),
        (&[from, by, to], true),
        (&[from, to], false),
        (&[to], false),
        (&[("replicated-from-version", "1"), ("replicated-at", "then")], false),
    ];
    for (annotations, owned) in cases {
        let (graph, target) = (graph(annotations), target());
        assert_eq!(Owned::prove(&graph, &target).is_some(), owned, "{annotations:?}");
    }
    let (graph, other) = (graph(&[by]), TargetKey::from(Key::new("b", "other").unwrap()));
    assert!(Owned::prove(&graph, &other).is_none(), "the proof of one object is none of another");
}

#[test]
fn writes_carry_the_version_that_was_proved() {
    let graph = graph(&[("replicated-by", "a/y")]);
    let target = target();
    let owned = Owned::prove(&graph, &target).unwrap();
    assert_eq!(owned.node().uid, Uid::new("u"));
    let precondition = Precondition { uid: Uid::new("u"), resource_version: ResourceVersion::new("7") };
    let change = AnnotationChange { set: BTreeMap::new(), remove: vec![Annotation::ReplicateTo] };
    assert!(!change.is_empty() && AnnotationChange::default().is_empty());
    let minimal = || NewData { payload: Payload::new([None]), expected_type: None };
    let view = graph.full_view().unwrap();

    let update = Update::new(owned, change.clone(), MetadataChange::default(), None);
    assert_eq!((update.annotations(), update.data()), (&change, None));
    let clear = Update::clearing(owned, view, change.clone(), MetadataChange::default(), minimal());
    assert_eq!((clear.annotations(), clear.data()), (&change, Some(&minimal())));
    let creator = SourceKey::from(Key::new("a", "y").unwrap());
    let adopt = Adopt::new(owned, &creator);
    assert_eq!(*adopt.creator(), creator);
    let delete = Delete::new(owned, view);
    for (target_of, precondition_of) in [
        (update.target(), update.precondition()),
        (clear.target(), clear.precondition()),
        (adopt.target(), adopt.precondition()),
        (delete.target(), delete.precondition()),
    ] {
        assert_eq!((target_of, precondition_of), (&target, &precondition));
    }
    let with_data = Some(minimal().payload);
    let actions = [
        (Action::Update(update), None),
        (Action::Update(clear), with_data),
        (Action::Adopt(adopt), None),
        (Action::Delete(delete), None),
    ];
    for (action, payload) in actions {
        assert_eq!((action.target(), action.precondition()), (&target, Some(&precondition)));
        assert_eq!(action.payload(), payload.as_ref());
    }
    let create = Create::new(&target, [].into(), Arc::default(), Carried::default(), None, minimal().payload);
    let create = Action::Create(create);
    assert_eq!((create.target(), create.precondition()), (&target, None));
    assert_eq!(create.payload(), Some(&minimal().payload));
}
