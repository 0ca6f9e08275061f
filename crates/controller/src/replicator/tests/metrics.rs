//! What the metrics of a control loop count, and what its journal shows.

use k8s_replicator_core::decide::Verb;
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;

use super::*;
use crate::metrics::{Metric, Samples};

fn samples(it: &Loop) -> Samples {
    let mut samples = Samples::default();
    it.replicator.metrics(it.moment, true, &mut samples);
    samples
}

#[test]
fn what_was_decided_and_done_is_counted() {
    let mut it = Loop::with(&[source(1, "v1")]);
    it.moment = Duration::from_secs(5);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let (_, tickets) = it.asks();
    it.moment = Duration::from_secs(7);
    let count = |it: &Loop, metric, labels: &[&str]| samples(it).get(metric, labels);
    assert_eq!(count(&it, Metric::InFlight, &["Secret"]), Some(3.0));
    assert_eq!(count(&it, Metric::OldestPending, &["Secret"]), Some(7.0), "since the first list");
    it.answer(tickets[0], content(&replica("b", 2, 1)));
    it.fails(tickets[1], FailureKind::Forbidden);
    it.fails(tickets[2], FailureKind::Throttled);
    it.asks_nothing();
    for (metric, labels, expected) in [
        (Metric::Writes, ["Secret", "create", "Done"].as_slice(), 1.0),
        (Metric::Writes, &["Secret", "create", "Forbidden"], 1.0),
        (Metric::Writes, &["Secret", "create", "Throttled"], 1.0),
        (Metric::Writes, &["Secret", "create", "Invalid"], 0.0),
        (Metric::Writes, &["Secret", "update", "Done"], 0.0),
        (Metric::Writes, &["Secret", "update", "Forbidden"], 0.0),
        (Metric::Retries, &["Secret", "Forbidden"], 1.0),
        (Metric::Retries, &["Secret", "Throttled"], 1.0),
        (Metric::Retries, &["Secret", "Conflict"], 0.0),
        (Metric::NotCurrent, &["Secret", "Forbidden"], 1.0),
        (Metric::NotCurrent, &["Secret", "Throttled"], 1.0),
        (Metric::NotCurrent, &["Secret", "NewTarget"], 0.0),
        (Metric::Targets, &["Secret", "current"], 1.0),
        (Metric::Targets, &["Secret", "failing"], 2.0),
        // When a change that the first list shows was made is not known.
        (Metric::Propagation, &["Secret"], 0.0),
        (Metric::EndToEnd, &["Secret"], 0.0),
        (Metric::InFlight, &["Secret"], 0.0),
        (Metric::Ready, &["Secret"], 1.0),
    ] {
        assert_eq!(count(&it, metric, labels), Some(expected), "{metric:?} {labels:?}");
    }
    it.seen(&replica("c", 3, 1));
    it.seen(&replica("d", 4, 1));
    let read = it.asks_for("read c/src");
    it.answer(read, content(&replica("c", 3, 1)));
    // The server asked to be left alone for a while.
    it.moment = Duration::from_secs(60);
    let read = it.asks_for("read d/src");
    it.answer(read, content(&replica("d", 4, 1)));
    it.asks_nothing();
    assert_eq!(count(&it, Metric::Decisions, &["Secret", "UpToDate"]), Some(3.0));
    assert_eq!(count(&it, Metric::Targets, &["Secret", "current"]), Some(3.0));
    assert_eq!(count(&it, Metric::OldestPending, &["Secret"]), Some(0.0));
}

/// Each series that can come exists from the beginning, and no other: a first increase is seen, and the number of series stays.
#[test]
fn which_series_exist_from_the_beginning() {
    let mut it = Loop::with(&[]);
    let has = |it: &Loop, metric, labels: &[&str]| samples(it).get(metric, &[&["Secret"], labels].concat()).is_some();
    for (reason, decided, not_current, fails) in [
        (Reason::UpToDate, true, false, false),
        (Reason::NotATarget, true, false, false),
        (Reason::NotWanted, true, false, false),
        (Reason::Paused, true, true, false),
        (Reason::RemovalHeld, true, true, false),
        (Reason::NamespaceTerminating, true, true, true),
        (Reason::Forbidden, false, true, true),
        (Reason::Conflict, false, true, true),
    ] {
        let code = reason.code();
        assert_eq!(has(&it, Metric::Decisions, &[code]), decided, "{reason}");
        assert_eq!(has(&it, Metric::NotCurrent, &[code]), not_current, "{reason}");
        assert_eq!(has(&it, Metric::Retries, &[code]), fails, "{reason}");
        assert_eq!(has(&it, Metric::Writes, &["create", code]), fails, "{reason}");
    }
    // A fight is no refusal by the server: the writes that are undone were carried out.
    assert_eq!(
        [has(&it, Metric::Retries, &["Contested"]), has(&it, Metric::Writes, &["update", "Contested"])],
        [true, false]
    );
    // What is counted all the same is shown.
    let before = samples(&it).series();
    it.replicator.counters.decided(Reason::Forbidden);
    it.replicator.counters.retried(Reason::UpToDate);
    it.replicator.counters.write_failed(Verb::Update, Reason::Contested);
    let shown = [
        (Metric::Decisions, &["Secret", "Forbidden"][..]),
        (Metric::Retries, &["Secret", "UpToDate"]),
        (Metric::Writes, &["Secret", "update", "Contested"]),
    ];
    assert_eq!(shown.map(|(metric, labels)| samples(&it).get(metric, labels)), [Some(1.0); 3]);
    assert_eq!(samples(&it).series(), before + 3);
}

/// How long a change took to reach a replica is counted from when the watch showed it, and from when the source's data was written, by
/// its `managedFields`.
#[test]
fn how_long_a_change_took_is_counted() {
    let mut written = source(5, "v2");
    let fields = json!({ "f:data": { "f:k": {} } });
    written["metadata"]["managedFields"] = json!([{ "manager": "kubectl", "operation": "Update", "apiVersion": "v1",
        "time": "2023-11-14T22:13:17Z", "fieldsType": "FieldsV1", "fieldsV1": fields }]);
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1), replica("d", 4, 1)]);
    it.asks_nothing();
    it.seen(&written);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&written));
    let (_, tickets) = it.asks();
    for (ticket, (namespace, version)) in tickets.into_iter().zip([("b", 2), ("c", 3), ("d", 4)]) {
        it.answer(ticket, content(&replica(namespace, version, 1)));
    }
    let (_, tickets) = it.asks();
    for (ticket, (namespace, version)) in tickets.into_iter().zip([("b", 9), ("c", 10), ("d", 11)]) {
        it.answer(ticket, content(&replica(namespace, version, 5)));
    }
    let counts = [Metric::EndToEnd, Metric::Propagation].map(|metric| samples(&it).get(metric, &["Secret"]));
    assert_eq!(counts, [Some(3.0); 2]);
}

fn pushing(version: u64, value: &str) -> Value {
    object("a/src", version, "replicate-to-namespaces=b,e", json!({ "k": value }))
}

/// `a/src` at version 1, and its replica in `b` at version 2.
fn copied() -> Loop {
    let mut it = Loop::with(&[pushing(1, "v1")]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&pushing(1, "v1")));
    let create = it.asks_for("create b/src");
    it.answer(create, Answer::Seen(observed(&replica("b", 2, 1))));
    it.asks_nothing();
    it
}

/// The source is read, and its replica written, which is at version `at`, and then at `then`. The response to the write takes so long.
fn copies(it: &mut Loop, source: &Value, (at, then): (u64, u64), takes: Duration) {
    let read = it.asks_for("read a/src");
    it.answer(read, content(source));
    let update = it.asks_for(&format!("update b/src at {at}"));
    it.moment += takes;
    let of = source["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
    it.answer(update, Answer::Seen(observed(&replica("b", then, of))));
    it.asks_nothing();
}

/// How many changes were followed, and how many seconds that took in all.
fn propagation(it: &Loop) -> (u64, f64) {
    let samples = samples(it);
    let crate::metrics::Value::Histogram(histogram) = &samples.of(Metric::Propagation)[0].value else {
        panic!("no histogram")
    };
    (histogram.count(), histogram.sum())
}

/// A change is followed from when it was seen; in a storm, from the change with which it began.
#[test]
fn the_time_that_a_change_takes_begins_with_the_first_that_was_not_followed() {
    let (millis, mut it) = (Duration::from_millis, copied());
    it.moment = millis(10_000);
    it.seen(&pushing(10, "v2"));
    copies(&mut it, &pushing(10, "v2"), (2, 11), millis(1_000));
    it.moment = millis(100_000);
    it.seen(&pushing(30, "v3"));
    copies(&mut it, &pushing(30, "v3"), (11, 31), millis(2_000));
    assert_eq!(propagation(&it), (2, 3.0), "each by itself");
    it.moment = millis(200_000);
    it.seen(&pushing(40, "v3"));
    let read = it.asks_for("read a/src");
    it.moment = millis(200_050);
    it.seen(&pushing(41, "v3"));
    it.answer(read, content(&pushing(41, "v3")));
    it.asks_nothing();
    it.moment = millis(200_100);
    it.seen(&pushing(50, "v4"));
    it.asks_nothing();
    it.moment = millis(200_500);
    copies(&mut it, &pushing(50, "v4"), (31, 51), millis(500));
    assert_eq!(propagation(&it), (3, 4.0));
}

/// Also of a change that a read shows before the watch does.
#[test]
fn the_time_that_a_change_takes_begins_with_the_read_that_shows_it() {
    let replica = Answer::Seen(observed(&replica("b", 31, 30)));
    for (shows, asked, answer) in [
        (content(&pushing(30, "v3")), &["create e/src", "update b/src at 11"][..], replica),
        (Answer::Missing, &["delete b/src at 11"], Answer::Deleted),
    ] {
        let mut it = copied();
        it.moment = Duration::from_secs(10);
        it.seen(&pushing(10, "v2"));
        copies(&mut it, &pushing(10, "v2"), (2, 11), Duration::from_secs(1));
        it.moment = Duration::from_secs(1_000);
        it.namespace(NamespaceEvent::Seen { name: "e".into(), facts: NamespaceFacts::new(false) });
        let read = it.asks_for("read a/src");
        it.answer(read, shows);
        let (asks, writes) = it.asks();
        assert_eq!(asks, asked);
        it.moment += Duration::from_secs(2);
        it.answer(*writes.last().unwrap(), answer);
        assert_eq!(propagation(&it), (2, 3.0), "{asked:?}");
    }
}

/// When the source's data was written is not known without `managedFields`; when its change was seen is.
#[test]
fn a_time_that_is_not_known_is_not_counted() {
    let mut changed = pushing(10, "v2");
    changed["metadata"]["managedFields"] = json!([]);
    let mut it = copied();
    it.seen(&changed);
    copies(&mut it, &changed, (2, 11), Duration::ZERO);
    let counts = [Metric::EndToEnd, Metric::Propagation].map(|metric| samples(&it).get(metric, &["Secret"]));
    assert_eq!(counts, [Some(0.0), Some(1.0)]);
}

/// A further attempt does not make a target better: it is failing until one succeeds.
#[test]
fn a_target_that_fails_stands_so_while_it_is_tried_again() {
    let mut it = Loop::with(&[pushing(1, "v1")]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&pushing(1, "v1")));
    let create = it.asks_for("create b/src");
    let stands = |it: &Loop| {
        let of = it.replicator.standing().of(&key("b/src").into());
        of.map(|(stands, since)| (stands.state, stands.reason, since))
    };
    assert_eq!(stands(&it), Some((State::Waiting, Some(Reason::NewTarget), Moment::ZERO)));
    it.fails(create, FailureKind::Forbidden);
    let failing = Some((State::Failing, Some(Reason::Forbidden), Moment::ZERO));
    it.asks_nothing();
    assert_eq!(stands(&it), failing);
    it.wait();
    let create = it.asks_for("create b/src");
    assert_eq!(stands(&it), failing);
    it.answer(create, Answer::Seen(observed(&replica("b", 2, 1))));
    it.asks_nothing();
    assert_eq!(stands(&it), None, "it is current");
}

/// The page shows the source of a target: that it has another one is a change, though it is refused as before.
#[test]
fn another_source_is_a_change_for_the_journal() {
    let pulling = |name: &str, version, from: &str| object(name, version, &format!("replicate-from={from}"), json!({}));
    let mut it = Loop::with(&[pulling("b/t", 2, "a/x"), pulling("c/u", 3, "a/y")]);
    let (asked, looks) = it.asks();
    assert_eq!(asked, ["look a/x", "look a/y"]);
    looks.into_iter().for_each(|look| it.answer(look, Answer::Missing));
    it.asks_nothing();
    let before = it.replicator.standing().last_change();
    let changed = |it: &Loop| -> Vec<String> {
        it.replicator.standing().changes_since(before).unwrap().map(|change| change.target.to_string()).collect()
    };
    for (version, from, changes) in [(4, "a/x", 0), (5, "a/y", 1), (6, "a/y", 1)] {
        it.seen(&pulling("b/t", version, from));
        it.asks_nothing();
        assert_eq!(changed(&it), vec!["b/t"; changes], "{version}");
    }
}
