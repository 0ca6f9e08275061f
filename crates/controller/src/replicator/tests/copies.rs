//! What a copy holds and says, and what is known of it.

use k8s_replicator_core::annotations::Annotation;

use super::*;

fn pushing(version: u64, value: &str) -> Value {
    object("a/src", version, "replicate-to-namespaces=b", json!({ "k": value }))
}

/// As v1.3.0 wrote it: whole seconds, in UTC.
#[test]
fn a_copy_says_when_it_was_made() {
    let mut it = Loop::with(&[pushing(1, "v1")]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&pushing(1, "v1")));
    let (ticket, create) = it.requests().remove(0);
    let Request::Write(Action::Create(create)) = create else { panic!("no create") };
    assert_eq!(&*create.annotations()[&Annotation::ReplicatedAt], "2023-11-14T22:13:20Z");
    it.answer(ticket, Answer::Seen(observed(&replica("b", 2, 1))));
    it.seen(&pushing(5, "v2"));
    let read = it.asks_for("read a/src");
    it.answer(read, content(&pushing(5, "v2")));
    let (_, update) = it.requests().remove(0);
    let Request::Write(Action::Update(update)) = update else { panic!("no update") };
    assert_eq!(&*update.annotations().set[&Annotation::ReplicatedAt], "2023-11-14T22:13:20Z");
}

/// `replicate-type`: whether a certificate and its key belong together is no question for a replica that is no certificate.
#[test]
fn what_is_known_of_a_replica_of_another_type_is_by_its_own_type() {
    let mut source = object("a/src", 1, "replicate-to=b/src replicate-type=Opaque", json!({}));
    source["data"] = json!({ "tls.crt": "eA==", "tls.key": "eA==" });
    source["type"] = json!("kubernetes.io/tls");
    let Answer::Content(_, read) = content(&source) else { panic!("no content") };
    let facts = |type_| Facts::of(&Secret, Some(type_), &read.payload);
    assert_ne!(facts("Opaque"), facts("kubernetes.io/tls"));
    let mut it = Loop::with(std::slice::from_ref(&source));
    let ticket = it.asks_for("read a/src");
    it.answer(ticket, content(&source));
    let create = it.asks_for("create b/src");
    it.answer(create, Answer::Seen(observed(&replica("b", 2, 1))));
    let node = it.replicator.graph.node(&key("b/src")).unwrap();
    assert_eq!((node.knowledge, node.type_.as_deref()), (Knowledge::Known(facts("Opaque")), Some("Opaque")));
}

/// SPEC 9.14: to delete a replica and to create it again is one write, and puts nothing right. What somebody changes after that is put
/// right at once, as it is the first time.
#[test]
fn a_replica_that_is_made_again_is_no_fight() {
    let typed = |mut object: Value| {
        object["type"] = json!("example.com/other");
        object["metadata"]["uid"] = json!("made again");
        object
    };
    let made = |version, value: &str| {
        let marks = "replicated-by=a/src replicated-from-version=10";
        typed(object("b/src", version, marks, json!({ "k": value })))
    };
    let mut it = Loop::with(&[pushing(1, "v1"), replica("b", 2, 1)]);
    it.asks_nothing();
    let source = typed(pushing(10, "v1"));
    it.seen(&source);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source));
    let read = it.asks_for("read b/src");
    it.answer(read, content(&replica("b", 2, 1)));
    let delete = it.asks_for("delete b/src at 2");
    it.answer(delete, Answer::Deleted);
    it.object(ObjectEvent::Deleted(key("b/src"), observed(&replica("b", 2, 1)).uid));
    let create = it.asks_for("create b/src");
    it.answer(create, content(&made(20, "v1")));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/src recreate TypeChanged", "b/src create NewTarget"]);
    it.seen(&made(30, "edited"));
    let read = it.asks_for("read b/src");
    it.answer(read, content(&made(30, "edited")));
    let update = it.asks_for("update b/src at 30");
    it.answer(update, content(&made(31, "v1")));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/src update Drift"]);
}
