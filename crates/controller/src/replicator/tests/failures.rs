//! What follows from a write that failed: whether its target is read before the next attempt, and when that is.

use super::*;

fn consenting() -> Value {
    object("a/src", 1, "replication-allowed=true", json!({ "k": "v" }))
}

fn pulling(version: u64) -> Value {
    object("b/t", version, "replicate-from=a/src", json!({}))
}

/// `b/t` is about to get its first copy.
fn filling() -> Loop {
    let mut it = Loop::with(&[consenting(), pulling(2)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&consenting()));
    it
}

/// SPEC 8: a conflict means: look again, decide again. At once while that is ordinary: where the server goes on contradicting itself, after
/// pauses.
#[test]
fn a_conflict_is_looked_into_at_once_a_few_times_only() {
    let mut it = filling();
    for _ in 0..3 {
        let update = it.asks_for("update b/t at 2");
        it.fails(update, FailureKind::Conflict);
        let look = it.asks_for("look b/t");
        it.answer(look, Answer::Seen(observed(&pulling(2))));
    }
    let update = it.asks_for("update b/t at 2");
    it.fails(update, FailureKind::Conflict);
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t failed Conflict"]);
    assert_eq!(it.wait(), Duration::from_millis(800));
    it.asks_for("look b/t");
    // One that says that it exists, and then that it is missing, is a cache that lags.
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let create = it.asks_for("create d/src");
    it.fails(create, FailureKind::Conflict);
    let look = it.asks_for("look d/src");
    it.answer(look, Answer::Missing);
    let create = it.asks_for("create d/src");
    it.fails(create, FailureKind::Conflict);
    it.asks_nothing();
    assert_eq!(it.reports(), ["d/src failed Conflict"]);
}

/// What is refused as invalid is read, unless it was read as it is: to read it again would show nothing new. That its type is known does not
/// mean that it was.
#[test]
fn a_target_whose_update_is_invalid_is_read_once_for_each_of_its_versions() {
    let mut it = filling();
    let update = it.asks_for("update b/t at 2");
    it.fails(update, FailureKind::Invalid);
    let read = it.asks_for("read b/t");
    it.answer(read, content(&pulling(2)));
    let update = it.asks_for("update b/t at 2");
    it.fails(update, FailureKind::Invalid);
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t failed Invalid"]);
    it.seen(&pulling(5));
    let update = it.asks_for("update b/t at 5");
    it.fails(update, FailureKind::Invalid);
    it.asks_for("read b/t");
}

/// A webhook made the replica immutable, or somebody did before an update that repeats its data. If the response to that write shows its content, it
/// is known; else the next write of data is refused, and then the target is read all the same (seed 10930642: it was patched for ever).
#[test]
fn a_replica_that_was_made_immutable_before_its_last_write_is_made_anew() {
    let pushing = |version, value: &str| object("a/src", version, "replicate-to-namespaces=b", json!({ "k": value }));
    let mut frozen = replica("b", 5, 1);
    frozen["immutable"] = json!(true);
    for shows_content in [true, false] {
        let mut it = Loop::with(&[pushing(1, "v1")]);
        let read = it.asks_for("read a/src");
        it.answer(read, content(&pushing(1, "v1")));
        let create = it.asks_for("create b/src");
        it.answer(create, if shows_content { content(&frozen) } else { Answer::Seen(observed(&frozen)) });
        it.asks_nothing();
        it.seen(&pushing(6, "v2"));
        let read = it.asks_for("read a/src");
        it.answer(read, content(&pushing(6, "v2")));
        if !shows_content {
            let update = it.asks_for("update b/src at 5");
            it.fails(update, FailureKind::Invalid);
            let read = it.asks_for("read b/src");
            it.answer(read, content(&frozen));
        }
        it.asks_for("delete b/src at 5");
    }
}

/// A replica whose source does not push any more.
fn deleting() -> Loop {
    let source = object("a/src", 5, "replication-allowed=true", json!({ "k": "v" }));
    Loop::of(&ConfigMap, &[source, object("b/t", 7, "replicated-by=a/src replicated-from-version=5", json!({}))])
}

/// To delete a replica nothing of it has to be known, so that there is nothing to read: one that is refused is tried again after pauses.
#[test]
fn a_delete_that_is_invalid_is_repeated_after_pauses() {
    let mut it = deleting();
    for _ in 0..2 {
        let delete = it.asks_for("delete b/t at 7");
        it.fails(delete, FailureKind::Invalid);
    }
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t failed Invalid"]);
    it.wait();
    it.asks_for("delete b/t at 7");
}

/// The watch shows the deletion. If that event is lost, the next attempt finds out.
#[test]
fn a_target_that_was_deleted_is_decided_about_again_after_a_while() {
    let mut it = deleting();
    let delete = it.asks_for("delete b/t at 7");
    it.answer(delete, Answer::Deleted);
    it.asks_nothing();
    assert_eq!(it.wait(), Duration::from_secs(10));
    let delete = it.asks_for("delete b/t at 7");
    it.fails(delete, FailureKind::Gone);
    let look = it.asks_for("look b/t");
    it.answer(look, Answer::Missing);
    it.asks_nothing();
    assert!(it.replicator.is_idle());
}

/// SPEC 9.9: pauses double, up to a bound that is lower where the server itself is in trouble: that may end any moment.
#[test]
fn pauses_double_up_to_a_bound() {
    for (kind, longest) in [
        (FailureKind::Forbidden, 90_000),
        (FailureKind::Invalid, 90_000),
        (FailureKind::Server, 30_000),
        (FailureKind::NamespaceTerminating, 30_000),
    ] {
        let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1)]);
        let mut failed_at = Vec::new();
        while failed_at.len() < 13 {
            for (ticket, request) in it.requests() {
                match request {
                    Request::Write(_) => {
                        failed_at.push(it.moment.as_millis());
                        it.fails(ticket, kind);
                    }
                    // The content is not kept for so long.
                    _ => it.answer(ticket, content(&source(1, "v1"))),
                }
            }
            it.wait();
        }
        let pauses: Vec<_> = failed_at.windows(2).map(|two| two[1] - two[0]).collect();
        let expected: Vec<_> = (0..12).map(|doubled| (100_u128 << doubled).min(longest)).collect();
        assert_eq!(pauses, expected, "{kind:?}");
    }
}
