mod limits;

use std::time::Duration;

use http::StatusCode;
use k8s_replicator_core::names::Key;
use k8s_replicator_core::reason::Reason;
use serde_json::Value;

use super::*;
use crate::wire::{HttpRequest, Response};

fn events() -> Events {
    let mut byte = 0_u8;
    let entropy: Entropy = Box::new(move || {
        byte = byte.wrapping_add(1);
        byte
    });
    let version_key = "k8s-replicator/source-version".to_owned();
    Events::new(Settings { instance: "pod-1".to_owned(), version_key, entropy })
}

fn party(name: &str) -> Party {
    Party { kind: "Secret", key: Key::new("ns", name).unwrap(), uid: Some(format!("uid-{name}")) }
}

fn occurrence(name: &str, note: &str, is_warning: bool) -> Occurrence {
    Occurrence {
        regarding: party(name),
        related: Some(party("source")),
        is_warning,
        reason: Reason::SourceChanged,
        action: "Update",
        note: note.to_owned(),
        version: Some(ResourceVersion::new("7")),
    }
}

fn at(millis: u64) -> Now {
    let moment = Duration::from_millis(millis);
    Now { moment, time: jiff::Timestamp::from_millisecond(1_700_000_000_000 + i64::try_from(millis).unwrap()).unwrap() }
}

fn asks(events: &mut Events, now: Now) -> Option<HttpRequest> {
    match events.poll(now, 0) {
        Next::Request(request) => Some(request),
        _ => None,
    }
}

fn answers(events: &mut Events, now: Now, status: u16) {
    let body = match status {
        200..300 => "{}".to_owned(),
        _ => format!(r#"{{"kind":"Status","code":{status},"message":"no","reason":"Forbidden"}}"#),
    };
    let status = StatusCode::from_u16(status).unwrap();
    events.deliver(now, Received::Response(Response { status, headers: Default::default(), body: body.into() }));
}

fn body(request: &HttpRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn counted(events: &Events) -> [u64; 5] {
    let mut samples = Samples::default();
    events.metrics(&mut samples);
    let dropped = Dropped::ALL.map(|(_, word)| samples.get(Metric::EventsDropped, &[word]).unwrap() as u64);
    let written = samples.get(Metric::EventsWritten, &[]).unwrap() as u64;
    [written, dropped[0], dropped[1], dropped[2], dropped[3]]
}

#[test]
fn the_first_is_made_and_the_same_again_is_a_series() {
    let mut events = events();
    events.record(at(0), occurrence("t", "said", false));
    let request = asks(&mut events, at(0)).unwrap();
    assert_eq!((request.method.as_str(), request.content_type), ("POST", Some("application/json")));
    let takes_a_whole_event = |most| most > 16 * request.body.len();
    assert!(matches!(request.expects, crate::wire::Expects::Whole(most) if takes_a_whole_event(most)));
    assert_eq!(request.path, "/apis/events.k8s.io/v1/namespaces/ns/events?fieldManager=k8s-replicator");
    let expected: Value = serde_json::json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": { "name": "t.0102030405060708", "namespace": "ns", "annotations": { "k8s-replicator/source-version": "7" } },
        "eventTime": "2023-11-14T22:13:20.000000Z",
        "reportingController": "k8s-replicator", "reportingInstance": "pod-1",
        "action": "Update", "reason": "SourceChanged", "note": "said", "type": "Normal",
        "regarding": { "apiVersion": "v1", "kind": "Secret", "namespace": "ns", "name": "t", "uid": "uid-t" },
        "related": { "apiVersion": "v1", "kind": "Secret", "namespace": "ns", "name": "source", "uid": "uid-source" },
    });
    assert_eq!(body(&request), expected);
    assert!(asks(&mut events, at(0)).is_none(), "one at a time");
    answers(&mut events, at(1), 201);
    // It happens three times more before the next Event is written.
    for (millis, version) in [(1_500, "8"), (1_600, "9"), (1_700, "10")] {
        let again = Occurrence { version: Some(ResourceVersion::new(version)), ..occurrence("t", "said", false) };
        events.record(at(millis), again);
    }
    let request = asks(&mut events, at(1_700)).unwrap();
    assert_eq!((request.method.as_str(), request.content_type), ("PATCH", Some("application/merge-patch+json")));
    assert!(request.path.ends_with("/events/t.0102030405060708?fieldManager=k8s-replicator"), "{}", request.path);
    let expected = serde_json::json!({
        "metadata": { "annotations": { "k8s-replicator/source-version": "10" } },
        "series": { "count": 4, "lastObservedTime": "2023-11-14T22:13:21.700000Z" },
    });
    assert_eq!(body(&request), expected);
    answers(&mut events, at(1_701), 200);
    // The API server forgot it: a new one.
    events.record(at(2_000), occurrence("t", "said", false));
    asks(&mut events, at(2_000)).unwrap();
    let gone = r#"{"kind":"Status","code":404,"message":"not found","reason":"NotFound"}"#.into();
    let response = Response { status: StatusCode::NOT_FOUND, headers: Default::default(), body: gone };
    events.deliver(at(2_000), Received::Response(response));
    let request = asks(&mut events, at(2_000)).unwrap();
    assert_eq!((request.method.as_str(), body(&request)["series"]["count"].as_u64()), ("POST", Some(5)));
    answers(&mut events, at(2_000), 201);
    // The same after a long time is a new Event.
    events.record(at(2_000 + 601_000), occurrence("t", "said", false));
    let request = asks(&mut events, at(603_000)).unwrap();
    assert_eq!((request.method.as_str(), &body(&request)["series"]), ("POST", &Value::Null));
    assert_eq!(counted(&events), [3, 0, 0, 0, 0]);
}

#[test]
fn one_object_has_25_and_then_one_in_five_minutes() {
    let mut events = events();
    let mut written = Vec::new();
    for second in 0..3_600_u64 {
        let now = at(second * 1_000);
        events.record(now, occurrence("t", &format!("attempt {second}"), true));
        if asks(&mut events, now).is_some() {
            written.push(second);
            answers(&mut events, now, 201);
        }
    }
    assert_eq!(written.len(), 25 + 3_300 / 300, "{written:?}");
    assert_eq!(counted(&events)[..2], [36, 3_600 - 36]);
    // What was not written is forgotten too.
    assert!(events.records.len() <= MOST_REMEMBERED && events.by_occurrence.len() <= MOST_REMEMBERED);
    // Other objects have their own allowance.
    events.record(at(3_600_000), occurrence("other", "said", false));
    assert!(asks(&mut events, at(3_600_000)).is_some());
}

#[test]
fn all_have_a_rate_and_what_waits_is_bounded() {
    let mut events = events();
    for n in 0..3_000 {
        events.record(at(0), occurrence(&format!("t-{n}"), "said", false));
    }
    for n in 0..10 {
        events.record(at(0), occurrence(&format!("w-{n}"), "said", true));
    }
    assert_eq!(events.warnings.len() + events.others.len(), MOST_WAITING);
    assert!(!events.has_room());
    assert!(
        events.records.len() <= MOST_WAITING + MOST_REMEMBERED && events.by_occurrence.len() == events.records.len()
    );
    let mut written = Vec::new();
    for millis in 0..10_000 {
        while let Some(request) = asks(&mut events, at(millis)) {
            written.push(body(&request)["regarding"]["name"].as_str().unwrap().to_owned());
            answers(&mut events, at(millis), 201);
        }
    }
    assert!(written[..10].iter().all(|name| name.starts_with("w-")), "warnings come first: {:?}", &written[..11]);
    assert_eq!(written[10], "t-2010", "the oldest ones were dropped");
    assert!((145..=151).contains(&written.len()), "50 at once, and then ten in a second: {}", written.len());
    assert_eq!(counted(&events)[2], 2_010);
    assert!(events.has_room());
    events.left_out(5);
    assert_eq!(counted(&events)[2], 2_015);
    assert!(events.allowed.len() <= 3_010);
}

/// Events must not take the server's time from replication.
#[test]
fn while_much_is_under_way_only_warnings_are_written() {
    let mut events = events();
    events.record(at(0), occurrence("t", "said", false));
    events.record(at(0), occurrence("w", "said", true));
    let Next::Request(request) = events.poll(at(0), BUSY + 1) else { panic!("a warning is written") };
    assert_eq!(body(&request)["type"], "Warning");
    answers(&mut events, at(1), 201);
    assert!(matches!(events.poll(at(1), BUSY + 1), Next::WaitUntil(until) if until == at(1).moment + BUSY_FOR));
    let Next::Request(request) = events.poll(at(2), BUSY) else { panic!("then the other one") };
    assert_eq!(body(&request)["type"], "Normal");
}

#[test]
fn a_missing_right_is_logged_once_and_retried_seldom() {
    let mut events = events();
    let mut asked = 0;
    for minute in 0..60_u64 {
        events.record(at(minute * 60_000), occurrence(&format!("t-{minute}"), "said", false));
        if asks(&mut events, at(minute * 60_000)).is_some() {
            asked += 1;
            answers(&mut events, at(minute * 60_000), 403);
        }
    }
    let notices = events.take_notices();
    assert_eq!((asked, notices.len()), (12, 1), "{notices:?}");
    let error = notices[0].error.as_deref().unwrap_or_default();
    assert!(error.contains("events.k8s.io") && error.contains("--events=false"), "{error}");
    let [written, _, _, forbidden, failed] = counted(&events);
    assert_eq!((written, forbidden >= 50, failed), (0, true, 0));
}

/// 401: the server does not know who asks. It is left alone as long, and no right is named.
#[test]
fn credentials_that_are_not_accepted_are_no_missing_right() {
    let mut events = events();
    events.record(at(0), occurrence("t", "said", false));
    assert!(asks(&mut events, at(0)).is_some());
    answers(&mut events, at(0), 401);
    let error = events.take_notices().remove(0).error.unwrap_or_default();
    assert!(error.contains("credentials") && !error.contains("needs"), "{error}");
    events.record(at(1_000), occurrence("other", "said", false));
    assert!(asks(&mut events, at(1_000)).is_none());
    assert_eq!(counted(&events)[3], 1);
}

#[test]
fn a_server_in_trouble_is_left_alone_and_no_event_is_tried_twice() {
    let mut events = events();
    for n in 0..40 {
        events.record(at(0), occurrence(&format!("t-{n}"), "said", false));
    }
    let mut asked = 0;
    for millis in (0..60_000).step_by(10) {
        if asks(&mut events, at(millis)).is_some() {
            asked += 1;
            let status = if asked % 2 == 0 { 500 } else { 429 };
            let body = "{}".into();
            let response =
                Response { status: StatusCode::from_u16(status).unwrap(), headers: Default::default(), body };
            events.deliver(at(millis), Received::Response(response));
        }
    }
    assert!((4..12).contains(&asked), "{asked}");
    assert_eq!(counted(&events), [0, 0, 0, 0, asked]);
    assert_eq!(events.take_notices(), []);
    // A write without a response is given up.
    let mut now = 100_000;
    while asks(&mut events, at(now)).is_none() {
        now += 1_000;
    }
    assert!(matches!(events.poll(at(now + 1), 0), Next::WaitUntil(_)));
    assert!(matches!(events.poll(at(now + 10_000), 0), Next::Cancel));
    assert_eq!(counted(&events)[4], asked + 1);
}

#[test]
fn an_event_has_a_legal_name() {
    let mut settings = events().settings;
    let long = "a".repeat(230) + "." + &"b".repeat(22);
    for name in [long.as_str(), "t"] {
        let name = body::name(&occurrence(name, "", false), &mut settings.entropy);
        assert!(k8s_replicator_core::names::is_subdomain(&name), "{name}");
    }
}

/// Issue 9, 1: nothing grows by what others write. One source that is refused for 16,000 targets was as many occurrences of one object, of
/// which those beyond its allowance were kept for ever; and so were the allowances of names that change.
#[test]
fn what_is_remembered_is_bounded_whatever_happens() {
    let mut events = events();
    for round in 0..3_u64 {
        for n in 0..16_000_u64 {
            let now = at(round * 1_000 + n / 100);
            let related = Some(party(&format!("t-{n}")));
            events.record(now, Occurrence { related, ..occurrence("s", &format!("round {round}"), true) });
            events.record(now, occurrence(&format!("name-{round}-{n}"), "said", false));
        }
        assert!(events.records.len() <= MOST_WAITING + MOST_REMEMBERED + 1, "{}", events.records.len());
        assert_eq!(events.records.len(), events.by_occurrence.len());
        assert!(events.idle.len() <= MOST_REMEMBERED && events.allowed.len() <= MOST_COUNTED);
    }
    // A series that goes on is no further occurrence.
    let mut events = self::events();
    for n in 0..5_000 {
        let now = at(n * 300_000);
        events.record(now, occurrence("t", "said", false));
        if asks(&mut events, now).is_some() {
            answers(&mut events, now, 201);
        }
    }
    assert_eq!((events.records.len(), events.idle.len() <= MOST_REMEMBERED), (1, true));
    // When the allowances are over, others have theirs.
    events.record(at(5_000 * 300_000), occurrence("other", "said", false));
    assert!(asks(&mut events, at(5_000 * 300_000)).is_some());
}
