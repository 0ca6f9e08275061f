//! What is reported and advised, and when an Event is left out.

use super::*;

/// Where no Event has room, those of writes that were carried out are not even made, and counted. What somebody has to act upon is.
#[test]
fn events_of_ordinary_writes_are_left_out_where_there_is_no_room() {
    for (room, made, left_out) in [(true, 4, 0), (false, 1, 3)] {
        let looping = object("b/l", 2, "replicate-from=b/l", json!({}));
        let mut it = Loop::with(&[source(1, "v1"), looping.clone()]);
        it.replicator.tell_events();
        it.seen(&object("b/l", 3, "replicate-from=b/l other=x", json!({})));
        let read = it.asks_for("read a/src");
        it.answer(read, content(&source(1, "v1")));
        let (_, tickets) = it.asks();
        for (ticket, (namespace, version)) in tickets.into_iter().zip([("b", 4), ("c", 5), ("d", 6)]) {
            it.answer(ticket, content(&replica(namespace, version, 1)));
        }
        it.asks_nothing();
        let (occurrences, count) = it.replicator.take_occurrences(room);
        assert_eq!((occurrences.len(), count), (made, left_out), "{occurrences:?}");
        assert!(room || occurrences[0].is_warning);
    }
}

#[test]
fn why_a_target_is_not_filled_is_reported_once() {
    let pulling = |version, notes: &str| object("b/t", version, &format!("replicate-from=a/src {notes}"), json!({}));
    let consenting = object("a/src", 1, "replication-allowed=true", json!({ "k": "v" }));
    let mut it = Loop::with(&[consenting.clone(), pulling(2, "replicated-from-version=1"), pulling(3, "")]);
    it.object(ObjectEvent::Deleted(key("a/src"), observed(&consenting).uid));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t refused SourceMissing"]);
    // The log line of the clear says why, too: there is no second line.
    let mut it = Loop::with(&[consenting.clone(), pulling(2, "replicated-from-version=1")]);
    it.object(ObjectEvent::Deleted(key("a/src"), observed(&consenting).uid));
    let read = it.asks_for("read b/t");
    it.answer(read, content(&pulling(2, "replicated-from-version=1")));
    let clear = it.asks_for("update b/t at 2");
    it.answer(clear, Answer::Seen(observed(&pulling(4, ""))));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t clear SourceMissing"]);
}

/// Advice that depends on what an object holds, or on its type, comes with the read that shows it; no event need follow. Once.
#[test]
fn what_is_read_is_advised_on() {
    let consenting = object("a/src", 1, "replication-allowed=true", json!({ ".dockerconfigjson": "eA==" }));
    let filled = |version| {
        let notes =
            "replicate-from=a/src replicated-from-version=1 replicated-from-origin=a/src replicated-from-allowed=.*";
        let mut filled = object("b/t", version, notes, json!({ ".dockerconfigjson": "eA==" }));
        filled["type"] = json!("kubernetes.io/dockerconfigjson");
        let helm = json!({ "manager": "helm", "operation": "Update", "fieldsV1": { "f:data": {} } });
        filled["metadata"]["managedFields"].as_array_mut().unwrap().push(helm);
        filled
    };
    let mut it = Loop::with(&[consenting.clone(), filled(2)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&consenting));
    let read = it.asks_for("read b/t");
    assert_eq!(it.reports(), [""; 0], "its type is not known");
    it.answer(read, content(&filled(2)));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t advice StubWillConflict"]);
    it.seen(&filled(3));
    assert_eq!(it.reports(), [""; 0], "its type is known from then on");
}

/// And with the answer to a write, also where the watch was quicker, and did not show the type.
#[test]
fn what_is_written_is_advised_on() {
    let data = json!({ ".dockerconfigjson": "eA==" });
    let consenting = object("a/src", 1, "replication-allowed=true", data.clone());
    let stub = |version, notes: &str, data: Value| {
        let mut stub = object("b/t", version, &format!("replicate-from=a/src {notes}"), data);
        stub["type"] = json!("kubernetes.io/dockerconfigjson");
        let helm = json!({ "manager": "helm", "operation": "Update", "fieldsV1": { "f:data": {} } });
        stub["metadata"]["managedFields"].as_array_mut().unwrap().push(helm);
        stub
    };
    let mut it = Loop::with(std::slice::from_ref(&consenting));
    it.seen(&stub(2, "", json!({ ".dockerconfigjson": "" })));
    let read = it.asks_for("read a/src");
    it.answer(read, content(&consenting));
    let write = it.asks_for("update b/t at 2");
    let filled = stub(3, "replicated-from-version=1 replicated-from-origin=a/src replicated-from-allowed=.*", data);
    it.seen(&filled);
    assert_eq!(it.reports(), [""; 0], "its type is not known");
    it.answer(write, content(&filled));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t advice StubWillConflict", "b/t update FirstCopy"]);
}
