//! SPEC 11 in the control loop: what a part of a content, a label, and a namespace's labels cost in requests.

use k8s_replicator_core::annotations::Value as Text;

use super::*;

/// The keys and values that a write has.
fn data(request: &Request) -> String {
    let Request::Write(action) = request else { panic!("{request:?} writes nothing") };
    action.payload().unwrap().fields().flatten().collect()
}

fn pulls(namespace: &str, version: u64, keys: &str) -> Value {
    object(&format!("{namespace}/t"), version, &format!("replicate-from=a/src replicate-keys={keys}"), json!({}))
}

fn allows(version: u64, annotations: &str, data: Value) -> Value {
    object("a/src", version, &format!("replication-allowed=true {annotations}"), data)
}

#[test]
fn a_source_is_read_once_whatever_parts_of_it_are_asked_for() {
    let source = || allows(1, "", json!({ "x": "1", "y": "2" }));
    let mut it = Loop::with(&[source(), pulls("b", 2, "x"), pulls("c", 3, "y:z"), pulls("d", 4, "*")]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source()));
    let writes: Vec<_> = it.requests().into_iter().map(|(_, write)| (words(&write), data(&write))).collect();
    let expected = [
        ("update b/t at 2", r#"{"x":"1"}"#),
        ("update c/t at 3", r#"{"z":"2"}"#),
        ("update d/t at 4", r#"{"x":"1","y":"2"}"#),
    ];
    assert_eq!(writes, expected.map(|(words, data)| (words.to_owned(), data.to_owned())));
}

#[test]
fn a_change_of_another_key_writes_nothing() {
    let source =
        |version, y: &str| object("a/src", version, "replicate-to=b/t replicate-keys=x", json!({ "x": "1", "y": y }));
    let mut it = Loop::with(&[source(1, "2")]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "2")));
    let create = it.asks_for("create b/t");
    let made = "replicated-by=a/src replicated-from-version=1 replicated-keys=x";
    it.answer(create, Answer::Seen(observed(&object("b/t", 2, made, json!({})))));
    it.seen(&source(3, "3"));
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(3, "3")));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t create NewTarget"]);
}

/// SPEC 11.8: what a once-replica holds beyond what is allowed is taken away, and the rest is its user's.
#[test]
fn what_is_trimmed_is_read_once_from_the_target_itself() {
    let source = allows(5, "replication-allowed-keys=x", json!({ "x": "9", "y": "9" }));
    let held = "replicate-from=a/src replicate-once=true replicated-from-version=1 replicated-from-origin=a/src \
                replicated-from-allowed=.*";
    let target = || object("b/t", 2, held, json!({ "x": "own", "y": "2" }));
    let mut it = Loop::with(&[source.clone(), target()]);
    let read = it.asks_for("read b/t");
    it.answer(read, content(&target()));
    // It is read again where its content was not kept: at first nobody knew that a part of it would be asked for.
    let read = it.asks_for("read b/t");
    it.answer(read, content(&target()));
    // And the source for its type: one of a protected type takes nothing away.
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source));
    let (_, write) = it.requests().remove(0);
    assert_eq!((words(&write), data(&write)), ("update b/t at 2".to_owned(), r#"{"x":"own"}"#.to_owned()));
}

/// Issue 10: one patch for each replica, and no replica is read.
#[test]
fn labels_alone_are_patched_without_a_read_of_a_replica() {
    let labelled = |mut object: Value, team: &str| {
        object["metadata"]["labels"] = json!({ "team": team, "other": "x" });
        object
    };
    let source = |version, team| {
        labelled(
            object("a/src", version, "replicate-to-namespaces=b,c replicate-labels=team", json!({ "k": "v" })),
            team,
        )
    };
    let mut it = Loop::with(&[source(1, "red")]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "red")));
    let (asked, tickets) = it.asks();
    assert_eq!(asked, ["create b/src", "create c/src"]);
    for (ticket, (namespace, version)) in tickets.into_iter().zip([("b", 2), ("c", 3)]) {
        let made = "replicated-by=a/src replicated-from-version=1 replicated-labels=team";
        let made = labelled(object(&format!("{namespace}/src"), version, made, json!({})), "red");
        it.answer(ticket, Answer::Seen(observed(&made)));
    }
    it.seen(&source(4, "blue"));
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(4, "blue")));
    let mut writes = it.requests();
    writes.sort_by_key(|(_, write)| words(write));
    assert_eq!(
        writes.iter().map(|(_, write)| words(write)).collect::<Vec<_>>(),
        ["update b/src at 2", "update c/src at 3"]
    );
    for (_, write) in writes {
        let Request::Write(Action::Update(update)) = write else { panic!() };
        assert!(update.data().is_none());
        let set: Vec<String> =
            update.metadata().labels.set.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(set, ["team=blue"]);
    }
}

#[test]
fn a_namespace_that_gets_a_label_gets_its_replica() {
    let source = || object("a/src", 1, "replicate-to-namespace-selector=env=prod", json!({ "k": "v" }));
    let mut it = Loop::with(&[source()]);
    it.asks_nothing();
    let facts = |env| {
        let paused = [("paused", Text::Text("false"))];
        NamespaceFacts::read(false, [("env", env)].into_iter(), paused.into_iter())
    };
    let seen = |env| NamespaceEvent::Seen { name: "b".into(), facts: facts(env) };
    it.namespace(seen("dev"));
    it.asks_nothing();
    it.namespace(seen("prod"));
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source()));
    it.asks_for("create b/src");
}
