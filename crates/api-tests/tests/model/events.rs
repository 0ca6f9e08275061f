//! Events as the controller writes them, and as it must not, on the model and on the real server.

use std::time::Duration;

use k8s_replicator_api_tests::Scene;
use k8s_replicator_sim::api::events::Events;
use k8s_replicator_sim::dice::Dice;
use serde_json::{Value, json};

use super::answer::Answer;
use super::pair::{JSON, Pair, request};

const HISTORIES: u64 = 10;
const REQUESTS: usize = 40;
const MERGE: &str = "application/merge-patch+json";

/// An Event as `events/body.rs` of the controller writes it.
fn event(namespace: &str, name: &str) -> Value {
    let party =
        |kind: &str| json!({ "apiVersion": "v1", "kind": kind, "namespace": namespace, "name": "x", "uid": "u-1" });
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "name": name, "namespace": namespace, "annotations": { "p/source-version": "17" } },
        "eventTime": "2026-11-30T10:00:00.123456Z",
        "reportingController": "k8s-replicator",
        "reportingInstance": "k8s-replicator-1",
        "action": "Create",
        "reason": "NewTarget",
        "regarding": party("Secret"),
        "related": party("Secret"),
        "note": "Replica created",
        "type": "Normal",
    })
}

/// What of an Event has to be the same: what was sent. The API server adds its own, and what older clients read.
fn kept(answer: &mut Answer) {
    let mut event = answer.json();
    if event["kind"] == "Event" {
        let added = ["deprecatedSource", "deprecatedFirstTimestamp", "deprecatedLastTimestamp"];
        event.as_object_mut().expect("an Event").retain(|name, _| !added.contains(&&**name));
        let added = ["uid", "resourceVersion", "creationTimestamp", "managedFields"];
        event["metadata"].as_object_mut().expect("metadata").retain(|name, _| !added.contains(&&**name));
        // Go leaves out what is empty.
        if event["metadata"]["annotations"] == json!({}) {
            event["metadata"].as_object_mut().expect("metadata").remove("annotations");
        }
        answer.body = event.to_string().into_bytes();
    }
}

struct Both {
    pair: Pair,
    model: Events,
}

impl Both {
    fn ask(&mut self, method: &str, namespace: &str, rest: &str, body: &Value) {
        let path = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events{rest}?fieldManager=k8s-replicator");
        let types = [JSON, if method == "POST" { JSON } else { MERGE }];
        let mut real = self.pair.real(method, &path, types, body);
        let asked = request(method, &path, types, body);
        let mut model = Answer::of_model(self.model.answer(&self.pair.store.live, &asked, Duration::from_secs(1)));
        self.pair.history.push(format!("{method} {path} {body}\n  → {} {}", real.status, real.json()));
        kept(&mut real);
        kept(&mut model);
        self.pair.alike(&real, &model);
    }
}

#[test]
fn events_are_written_alike() {
    let scene = Scene::new();
    scene.namespaces(&["m"]);
    for seed in 0..HISTORIES {
        let mut both = Both { pair: Pair::new(&scene), model: Events::default() };
        let namespace = both.pair.namespace.clone();
        let mut dice = Dice::new(seed);
        for _ in 0..REQUESTS {
            let name = format!("h{seed}-{}", dice.pick(&["a", "b", "c"]));
            if dice.once_in(2) {
                let mut event = event(&namespace, &name);
                let (mut place, long) = (namespace.clone(), "x".repeat(1_025));
                match dice.roll(24) {
                    0 => event["action"] = json!(""),
                    1 => event["reason"] = json!(long[..129]),
                    2 => event["reportingInstance"] = json!(""),
                    3 => event["reportingInstance"] = json!(long[..129]),
                    4 => event["note"] = json!(long),
                    5 => event["type"] = json!("Odd"),
                    6 => event["eventTime"] = Value::Null,
                    7 => event["regarding"]["namespace"] = json!("elsewhere"),
                    8 => event["metadata"]["name"] = json!("Upper"),
                    9 => event["series"] = json!({ "count": 1, "lastObservedTime": "2026-11-30T10:00:01.000000Z" }),
                    10 => event["series"] = json!({ "count": 2, "lastObservedTime": "2026-11-30T10:00:01.000000Z" }),
                    11 => event["series"] = json!({ "count": 2 }),
                    12 => event["metadata"]["namespace"] = json!("elsewhere"),
                    13 => {
                        place = "nowhere".to_owned();
                        event["metadata"]["namespace"] = json!(place);
                        event["regarding"]["namespace"] = json!(place);
                    }
                    14 => event["note"] = json!(long[..1_024]),
                    15 => event["reason"] = json!(long[..128]),
                    16 => {
                        event.as_object_mut().expect("an Event").remove("related");
                        event["metadata"]["annotations"] = json!({});
                        event["type"] = json!("Warning");
                    }
                    _ => {}
                }
                both.ask("POST", &place, "", &event);
                continue;
            }
            let time = "2026-11-30T10:00:02.000000Z";
            let count = dice.pick(&[2, 2, 3, 4]);
            let patch = match dice.roll(12) {
                0 => json!({ "series": { "count": 1, "lastObservedTime": time } }),
                1 => json!({ "series": { "count": count } }),
                2 => json!({ "note": "another" }),
                3 => json!({ "type": "Warning", "series": { "count": count, "lastObservedTime": time } }),
                4 => json!({ "metadata": { "annotations": { "p/source-version": "18" } } }),
                _ => json!({ "metadata": { "annotations": { "p/source-version": "19" } },
                    "series": { "count": count, "lastObservedTime": time } }),
            };
            both.ask("PATCH", &namespace, &format!("/{name}"), &patch);
        }
    }
}

#[test]
fn in_a_terminating_namespace_events_are_refused_alike() {
    let scene = Scene::new();
    scene.namespaces(&["m"]);
    let mut both = Both { pair: Pair::new(&scene), model: Events::default() };
    let namespace = both.pair.namespace.clone();
    both.ask("POST", &namespace, "", &event(&namespace, "early"));
    let path = format!("/api/v1/namespaces/{namespace}");
    let answers = [
        both.pair.real("DELETE", &path, [JSON, JSON], &json!({})).status,
        both.pair.model("DELETE", &path, [JSON, JSON], &json!({})).status,
    ];
    assert_eq!(answers, [200, 200]);
    both.ask("POST", &namespace, "", &event(&namespace, "late"));
    let series = json!({ "series": { "count": 2, "lastObservedTime": "2026-11-30T10:00:01.000000Z" } });
    both.ask("PATCH", &namespace, "/early", &series);
}
