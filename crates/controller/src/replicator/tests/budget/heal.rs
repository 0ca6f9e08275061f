//! What a watch missed, and responses that are late, heal without a hot loop.

use super::*;

/// Issue 9, 1 (a): a refusal "the namespace is terminating" that comes late lost a replica until the namespace's next event.
#[test]
fn a_late_refusal_for_a_terminating_namespace_costs_no_replica() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1)]);
    let mut refusals = 5;
    let minute = it.serve(Duration::from_secs(10), |_, request| match request {
        Request::Write(action) if refusals == 0 => {
            Ok(Answer::Seen(observed(&replica(action.target().namespace(), 9, 1))))
        }
        Request::Write(_) => {
            refusals -= 1;
            Err(failure(FailureKind::NamespaceTerminating))
        }
        _ => Ok(content(&source(1, "v1"))),
    });
    assert_eq!(minute.lines.last().map(String::as_str), Some("d/src create NewTarget"), "{:?}", minute.lines);
    assert_eq!(
        it.replicator.graph().namespace("d").map(|facts| facts.terminating),
        Some(false),
        "only the watch says so"
    );
}

/// Issue 9, 1 (b): a replica whose DELETED was missed is made again when the watches list again, and so is one whose name is
/// only pushed to; a source whose MODIFIED was missed is followed.
#[test]
fn a_list_heals_what_a_watch_missed() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1), replica("d", 4, 1)]);
    it.asks_nothing();
    it.object(ObjectEvent::ListBegins(Part::Cluster));
    for object in [source(7, "v2"), replica("b", 2, 1), replica("d", 4, 1)] {
        it.seen(&object);
    }
    it.object(ObjectEvent::ListEnds(Part::Cluster, ResourceVersion::new("20")));
    let mut version = 30;
    let minute = it.serve(Duration::from_secs(1), |_, request| match request {
        Request::Write(action) => {
            version += 1;
            Ok(Answer::Seen(observed(&replica(action.target().namespace(), version, 7))))
        }
        Request::Read(key) if *key.namespace() == *"a" => Ok(content(&source(7, "v2"))),
        Request::Read(key) | Request::Look(key) => {
            Ok(content(&replica(key.namespace(), if *key.namespace() == *"b" { 2 } else { 4 }, 1)))
        }
    });
    let mut lines = minute.lines;
    lines.sort();
    assert_eq!(lines, ["b/src update SourceChanged", "c/src create NewTarget", "d/src update SourceChanged"]);
}

/// SPEC 9.15: with 10,000 replicas and nothing changed, a start and a round of verification cost lists and no reads.
#[test]
fn a_list_that_shows_nothing_new_costs_no_request() {
    // One source pushes to 8,192 names at most.
    let mut objects = Vec::new();
    for source in ["a/one", "a/two"] {
        let marks = format!("replicated-by={source} replicated-from-version=1");
        let to: Vec<String> = (0..5_000).map(|n| format!("b/{}{n}", &source[2..])).collect();
        let replicas = to.iter().zip(2..).map(|(name, version)| object(name, version, &marks, json!({ "k": "v1" })));
        objects.extend(replicas);
        objects.push(object(source, 1, &format!("replicate-to={}", to.join(",")), json!({ "k": "v1" })));
    }
    let mut it = Loop::with(&objects);
    it.asks_nothing();
    it.object(ObjectEvent::ListBegins(Part::Cluster));
    objects.iter().for_each(|object| it.seen(object));
    it.object(ObjectEvent::ListEnds(Part::Cluster, ResourceVersion::new("20000")));
    // So many targets are looked at in several turns.
    (0..50).for_each(|_| it.asks_nothing());
    assert!(it.replicator.is_idle() && it.reports().is_empty());
}

/// Issue 9, 1 (c): a 404 that no event overtook is believed.
#[test]
fn a_404_that_no_event_overtook_is_believed() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1), replica("d", 4, 1)]);
    it.asks_nothing();
    // c/src is gone, and no watch has shown that; the next write finds out.
    it.seen(&source(5, "v2"));
    let mut made = false;
    let mut version = 50;
    it.serve(Duration::from_secs(3), |_, request| match request {
        Request::Read(key) if *key.namespace() == *"a" => Ok(content(&source(5, "v2"))),
        Request::Read(key) | Request::Look(key) if *key.namespace() == *"c" => Ok(Answer::Missing),
        Request::Read(key) | Request::Look(key) => {
            Ok(content(&replica(key.namespace(), if *key.namespace() == *"b" { 2 } else { 4 }, 1)))
        }
        Request::Write(action) => {
            version += 1;
            made |= words(&Request::Write(action.clone())) == "create c/src";
            Ok(Answer::Seen(observed(&replica(action.target().namespace(), version, 5))))
        }
    });
    assert!(made, "c/src was not made again");
}
