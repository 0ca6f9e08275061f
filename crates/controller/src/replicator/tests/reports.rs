//! What is reported and advised, and when an Event is left out.

use super::*;

/// A control loop that keeps what happens for Events, and knows nothing yet.
fn told() -> Loop {
    let settings =
        Settings { rules: Rules::default(), scope: Scope::default(), entropy: Box::new(|| 0), tells_all: true };
    let mut it = Loop { replicator: Replicator::new(&Secret, settings), moment: Moment::ZERO };
    it.replicator.tell_events();
    it
}

/// The reasons of the Events since this was last called.
fn events(it: &mut Loop) -> Vec<String> {
    let (occurrences, _) = it.replicator.take_occurrences(true);
    occurrences.iter().map(|occurrence| occurrence.reason.to_string()).collect()
}

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
    let mut it = told();
    it.fill(&[docker(), filled("b/t", 2)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&docker()));
    let read = it.asks_for("read b/t");
    assert_eq!(it.reports(), [""; 0], "its type is not known");
    it.answer(read, content(&filled("b/t", 2)));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t advice StubWillConflict"]);
    assert_eq!(events(&mut it), [""; 0], "it was so before the start");
    it.seen(&filled("b/t", 3));
    assert_eq!(it.reports(), [""; 0], "its type is known from then on");
    let read = it.asks_for("read b/t");
    it.answer(read, content(&filled("b/t", 3)));
    it.seen(&filled("c/t", 12));
    let read = it.asks_for("read c/t");
    it.answer(read, content(&filled("c/t", 12)));
    it.asks_nothing();
    assert_eq!(it.reports(), ["c/t advice StubWillConflict"]);
    assert_eq!(events(&mut it), ["StubWillConflict"], "this one is new");
}

fn docker() -> Value {
    object("a/src", 1, "replication-allowed=true", json!({ ".dockerconfigjson": "eA==" }))
}

/// A copy of [`docker`] that helm owns too.
fn filled(name: &str, version: u64) -> Value {
    let notes =
        "replicate-from=a/src replicated-from-version=1 replicated-from-origin=a/src replicated-from-allowed=.*";
    let mut filled = object(name, version, notes, json!({ ".dockerconfigjson": "eA==" }));
    filled["type"] = json!("kubernetes.io/dockerconfigjson");
    let helm = json!({ "manager": "helm", "operation": "Update", "fieldsV1": { "f:data": {} } });
    filled["metadata"]["managedFields"].as_array_mut().unwrap().push(helm);
    filled
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

/// What was so before the start is logged, and is no Event: after each start there would be one for each target that is refused. What a
/// later list shows is new, as is what a watch shows.
#[test]
fn what_was_so_before_the_start_is_no_event() {
    let refusing = object("a/src", 1, "replication-allowed=false", json!({}));
    let pulling = |name: &str, version| object(name, version, "replicate-from=a/src", json!({}));
    let mut it = told();
    it.fill(&[refusing, pulling("b/t", 2)]);
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t refused ConsentRefused"]);
    assert_eq!(events(&mut it), [""; 0]);
    // It is not said of the source that it was deleted: the list does not show it.
    it.object(ObjectEvent::ListBegins(Part::Cluster));
    it.seen(&pulling("b/t", 2));
    it.object(ObjectEvent::ListEnds(Part::Cluster, ResourceVersion::new("9")));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t refused SourceMissing"]);
    assert_eq!(events(&mut it), ["SourceMissing"]);
    it.seen(&pulling("c/t", 12));
    it.asks_nothing();
    assert_eq!(events(&mut it), ["SourceMissing"]);
}

/// What changes before it was decided about for the first time is new.
#[test]
fn what_changes_right_after_the_start_is_an_event() {
    let source = |version, allowed| object("a/src", version, &format!("replication-allowed={allowed}"), json!({}));
    let pulling = |name: &str| object(name, 2, "replicate-from=a/src", json!({}));
    let mut it = told();
    it.fill(&[source(1, true), pulling("b/t"), object("b/l", 3, "replicate-from=b/l", json!({}))]);
    it.seen(&source(10, false));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/l refused ConsentMissing", "b/t refused ConsentRefused"]);
    assert_eq!(events(&mut it), ["ConsentRefused"], "the other one was so before");
}

/// The same where something has to be read before that is known.
#[test]
fn what_is_read_after_the_start_may_have_been_so_before() {
    let source = || object("a/src", 1, "replication-allowed=true", json!({ "y": "1" }));
    let pulling = |version, asked: &str| {
        object("b/t", version, &format!("replicate-from=a/src replicate-keys={asked}"), json!({}))
    };
    let mut it = told();
    it.fill(&[source(), pulling(2, "x")]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source()));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t refused KeyMissing"]);
    assert_eq!(events(&mut it), [""; 0]);
    it.seen(&pulling(3, "z"));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t refused KeyMissing"], "another key");
    assert_eq!(events(&mut it), ["KeyMissing"]);
}

/// Advice that depends on other objects is given when all are known, whichever list is the last one; then with each change. Once.
#[test]
fn advice_is_given_when_all_is_known() {
    let nowhere = |name: &str, version| object(name, version, "replicate-to-namespaces=nowhere", json!({}));
    for objects_come_first in [true, false] {
        let mut it = told();
        for is_of_objects in [objects_come_first, !objects_come_first] {
            assert_eq!(it.reports(), [""; 0]);
            if is_of_objects {
                it.object(ObjectEvent::ListBegins(Part::Cluster));
                it.seen(&nowhere("a/p", 1));
                it.object(ObjectEvent::ListEnds(Part::Cluster, ResourceVersion::new("9")));
            } else {
                it.namespace(NamespaceEvent::ListBegins);
                it.namespace(NamespaceEvent::Seen { name: "a".into(), facts: NamespaceFacts::new(false) });
                it.namespace(NamespaceEvent::ListEnds);
            }
        }
        assert_eq!(it.reports(), ["a/p advice NoNamespaceReached"], "objects come first: {objects_come_first}");
        it.asks_nothing();
        assert_eq!(events(&mut it), [""; 0], "it was so before the start");
        it.seen(&nowhere("a/q", 12));
        it.seen(&nowhere("a/p", 13));
        it.asks_nothing();
        assert_eq!(it.reports(), ["a/q advice NoNamespaceReached"]);
        assert_eq!(events(&mut it), ["NoNamespaceReached"]);
    }
}

/// The failures that were reported: of which target, because of which other object, and why.
fn failures(it: &mut Loop) -> Vec<(String, Option<String>, String)> {
    let reports = it.replicator.take_reports().into_iter();
    let failed = reports.filter_map(|report| match report.outcome {
        Outcome::Failed { error, .. } => {
            Some((report.target.to_string(), report.verdict.source.map(|source| source.to_string()), error))
        }
        _ => None,
    });
    failed.collect()
}

/// Whoever waits for an object that could not be read says which, and what the server said; also who comes later.
#[test]
fn who_waits_for_a_read_that_failed_says_why() {
    let pulling = |name: &str, version| object(name, version, "replicate-from=a/src", json!({}));
    let consenting = object("a/src", 1, "replication-allowed=true", json!({ "k": "v" }));
    let mut it = Loop::with(&[consenting, pulling("b/t", 2)]);
    let read = it.asks_for("read a/src");
    it.fails(read, FailureKind::Forbidden);
    it.seen(&pulling("c/u", 3));
    it.asks_nothing();
    let expected =
        ["b/t", "c/u"].map(|target| (target.to_owned(), Some("a/src".to_owned()), "the server's words".to_owned()));
    assert_eq!(failures(&mut it), expected);
    assert_eq!(it.replicator.next_at(&key("c/u").into()), Some(Duration::from_millis(100)));
}

/// SPEC 9.14: who waits since there were too many requests about an object says so, and who changes it all the time.
#[test]
fn who_waits_for_the_budget_says_why() {
    let source = object("a/src", 1, "replicate-to-namespaces=b", json!({ "k": "v1" }));
    let mut it = Loop::with(&[source.clone(), replica("b", 2, 1)]);
    for version in 10..25 {
        let mut touched = observed(&replica("b", version, 1));
        touched.managers.other = Some("kubectl-edit".into());
        it.object(ObjectEvent::Seen(touched));
        while let Some((ticket, request)) = it.requests().pop() {
            match request {
                Request::Read(key) if key.namespace() == "a" => it.answer(ticket, content(&source)),
                _ => it.answer(ticket, content(&replica("b", version, 1))),
            }
        }
    }
    let said = "the controller sent many requests about b/src within seconds, and sends fewer now; the last to change it was the \
                field manager \"kubectl-edit\"";
    assert_eq!(failures(&mut it), [("b/src".to_owned(), None, said.to_owned())]);
}

/// How long a removal waits is said, and it is decided about again then.
#[test]
fn how_long_a_removal_waits_is_reported() {
    let rules = Rules { removal_delay: Duration::from_secs(60), ..Rules::default() };
    let source = |version, annotations: &str| object("a/src", version, annotations, json!({ "k": "v1" }));
    let objects = [source(1, "replicate-to-namespaces=b"), replica("b", 2, 1)];
    let mut it = Loop::under(&ConfigMap, rules, &objects);
    it.asks_nothing();
    it.moment = Duration::from_secs(10);
    it.seen(&source(5, "replication-allowed=true"));
    it.asks_nothing();
    let reports = it.replicator.take_reports();
    let waits: Vec<_> = reports
        .iter()
        .filter_map(|report| match report.outcome {
            Outcome::Waits(time) => Some((report.target.as_str(), report.verdict.reason.code(), time)),
            _ => None,
        })
        .collect();
    assert_eq!(waits, [("b/src", "RemovalDelayed", Some(Duration::from_secs(60)))]);
    assert_eq!(it.wait(), Duration::from_secs(60));
    it.asks_for("delete b/src at 2");
}
