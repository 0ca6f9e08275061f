//! Sources that change again and again: what waits for the end of a storm, and what does not.

use super::*;

/// Issue 9, 3: back-to-back updates that each wait for the replica of the one before are no storm; ordinary work is not slowed.
#[test]
fn quick_updates_that_wait_for_their_replica_are_followed_at_once() {
    let objects = [source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1), replica("d", 4, 1)];
    let mut it = Loop::with(&objects);
    let mut versions = 1_000;
    for update in 0..50 {
        versions += 10;
        let (began, of) = (it.moment, versions);
        it.seen(&source(of, &format!("v{of}")));
        let mut written = 0;
        while written < 3 {
            it.moment += Duration::from_millis(2);
            assert!(it.moment < began + Duration::from_millis(10), "update {update}");
            for (ticket, request) in it.requests() {
                match request {
                    Request::Write(action) => {
                        written += 1;
                        let now = replica(action.target().namespace(), versions + written, of);
                        // The watch may be quicker than the response.
                        it.seen(&now);
                        it.answer(ticket, Answer::Seen(observed(&now)));
                    }
                    Request::Read(key) if *key.namespace() == *"a" => {
                        it.answer(ticket, content(&source(of, &format!("v{of}"))))
                    }
                    Request::Read(key) | Request::Look(key) => {
                        let version = match key.namespace() {
                            "b" => 2,
                            "c" => 3,
                            _ => 4,
                        };
                        it.answer(ticket, content(&replica(key.namespace(), version, 1)));
                    }
                }
            }
        }
    }
}

/// Issue 9, 3: clears and deletes are never delayed by a storm.
#[test]
fn clears_and_deletes_are_not_held_up_by_a_storm() {
    let consenting = |version, allowed: &str| {
        object("a/src", version, &format!("replication-allowed={allowed} replicate-to=c/x"), json!({ "k": "v" }))
    };
    let pulling = object(
        "b/t",
        2,
        "replicate-from=a/src replicated-from-version=1 replicated-from-origin=a/src replicated-from-allowed=.*",
        json!({}),
    );
    let pushed = object("c/x", 3, "replicated-by=a/src replicated-from-version=1 replication-allowed=true", json!({}));
    let mut it = Loop::with(&[consenting(1, "true"), pulling.clone(), pushed.clone()]);
    it.asks_nothing();
    for version in 100..200 {
        it.seen(&consenting(version, "true"));
    }
    assert!(!it.replicator.storms.is_calm());
    it.seen(&object("a/src", 200, "replication-allowed=false", json!({})));
    let mut asked = Vec::new();
    for _ in 0..4 {
        for (ticket, request) in it.requests() {
            asked.push(words(&request));
            match request {
                Request::Read(key) if *key.namespace() == *"b" => it.answer(ticket, content(&pulling)),
                Request::Read(key) if *key.namespace() == *"c" => it.answer(ticket, content(&pushed)),
                Request::Read(_) | Request::Look(_) => {
                    it.answer(ticket, content(&object("a/src", 200, "replication-allowed=false", json!({}))))
                }
                Request::Write(Action::Delete(_)) => it.answer(ticket, Answer::Deleted),
                Request::Write(_) => {
                    it.answer(ticket, Answer::Seen(observed(&object("b/t", 300, "replicate-from=a/src", json!({})))))
                }
            }
        }
    }
    assert!(
        asked.contains(&"update b/t at 2".to_owned()) && asked.contains(&"delete c/x at 3".to_owned()),
        "{asked:?}"
    );
}

fn pushing(version: u64, to: &str, value: &str) -> Value {
    object("a/src", version, &format!("replicate-to-namespaces={to}"), json!({ "k": value }))
}

/// SPEC 7: only copies wait for the end of a storm. What the source's annotations say may take data away, and is followed at once.
#[test]
fn in_a_storm_other_data_waits_and_other_annotations_do_not() {
    let mut it = Loop::with(&[pushing(1, "b", "v1"), replica("b", 2, 1)]);
    it.asks_nothing();
    it.seen(&pushing(10, "b", "v1"));
    let read = it.asks_for("read a/src");
    // It changes before that was followed; in the end it is as it was.
    it.seen(&pushing(11, "b", "v1"));
    it.answer(read, content(&pushing(11, "b", "v1")));
    let read = it.asks_for("read b/src");
    it.answer(read, content(&replica("b", 2, 1)));
    it.asks_nothing();
    it.seen(&pushing(12, "b", "v2"));
    it.asks_nothing();
    it.seen(&pushing(13, "c", "v2"));
    assert_eq!(it.asks().0, ["delete b/src at 2", "read a/src"]);
}

/// What was written in a storm is written once more when it is over. Until then its source is not read for it, whatever happens to it.
#[test]
fn a_source_is_not_read_for_what_waits_for_the_end_of_its_storm() {
    let mut it = Loop::with(&[pushing(1, "b", "v1"), replica("b", 2, 1)]);
    it.asks_nothing();
    it.seen(&pushing(10, "b", "v2"));
    let read = it.asks_for("read a/src");
    it.seen(&pushing(11, "b", "v3"));
    it.answer(read, content(&pushing(11, "b", "v3")));
    let read = it.asks_for("read b/src");
    it.answer(read, content(&replica("b", 2, 1)));
    let update = it.asks_for("update b/src at 2");
    it.answer(update, Answer::Seen(observed(&replica("b", 20, 11))));
    it.seen(&pushing(30, "b", "v4"));
    it.asks_nothing();
    it.seen(&replica("b", 31, 11));
    it.asks_nothing();
    assert!(it.wait() < Duration::from_secs(1));
    it.asks_for("read a/src");
}

/// The targets that a source names in one piece are decided about when its storm is over, as others are. (Those that exist come one by one.)
#[test]
fn what_is_named_in_one_piece_waits_for_the_end_of_a_storm_too() {
    let pushing = |version, data: Value| {
        object("a/s", version, "replicate-to=x,y,z replicate-to-namespaces=b,c,d replicate-keys=k", data)
    };
    let (without, with) = (json!({ "other": "v" }), json!({ "k": "v" }));
    let mut it = Loop::with(&[pushing(1, without.clone())]);
    let read = it.asks_for("read a/s");
    it.answer(read, content(&pushing(1, without.clone())));
    it.asks_nothing();
    it.seen(&pushing(10, without.clone()));
    it.seen(&pushing(11, without.clone()));
    let read = it.asks_for("read a/s");
    it.answer(read, content(&pushing(11, without)));
    it.asks_nothing();
    it.seen(&pushing(12, with.clone()));
    it.asks_nothing();
    it.moment += Duration::from_secs(1);
    let read = it.asks_for("read a/s");
    it.answer(read, content(&pushing(12, with)));
    let (asked, _) = it.asks();
    assert!(asked.len() == 9 && asked.iter().all(|asked| asked.starts_with("create ")), "{asked:?}");
}
