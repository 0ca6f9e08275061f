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
