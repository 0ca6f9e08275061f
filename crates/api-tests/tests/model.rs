//! The simulator's model of the API server (`crates/sim/src/api`) against the real one: the same requests have the same answers, leave
//! the same objects, and make the same watch events, in JSON and in protobuf. What the simulation proves is worth as much as that.
//!
//! What differs by nature is made alike before it is compared: of uids, versions, times and tokens counts that they are there, and of
//! versions their order. What the model leaves out on purpose is named in `docs/reliability.md`, *That the model is like the server*:
//! owners of `finalizers`, and of labels and annotations without any entry, are left out here.

mod answer;
mod events;
mod lease;
mod pair;
mod protobuf;
mod random;
mod reads;
mod refusals;

use k8s_replicator_api_tests::Scene;
use k8s_replicator_sim::api::object::{Id, Resource};
use k8s_replicator_sim::dice::Dice;
use serde_json::{Value, json};

use pair::{Ask, JSON, JSON_METADATA, LASTS, METADATA, Pair, Seen};
use random::request;

/// So many histories,
const HISTORIES: u64 = 60;
/// of so many requests each.
const REQUESTS: usize = 60;

/// A history of its own for the watches, since each real one takes some seconds.
#[test]
fn watches_show_the_same_events() {
    let scene = Scene::new();
    scene.namespaces(&["m"]);
    let (mut pair, mut dice) = (Pair::new(&scene), Dice::new(HISTORIES));
    let kinds = [(Resource::Secret, METADATA), (Resource::ConfigMap, METADATA), (Resource::Secret, JSON_METADATA)];
    let watches = kinds.map(|(resource, accept)| (pair.watch(&pair.collection(resource), accept, LASTS), accept));
    for _ in 0..3 * REQUESTS {
        request(&mut pair, &mut dice, "w");
    }
    pair.events_are_alike(watches.into());
}

/// In a namespace that is being deleted nothing is made, what is there can be changed and deleted, and it says so alike.
#[test]
fn in_a_terminating_namespace_the_answers_are_the_same() {
    let scene = Scene::new();
    scene.namespaces(&["m"]);
    let mut pair = Pair::new(&scene);
    let namespace = scene.namespace_name("m");
    let held = Id::new(Resource::ConfigMap, &namespace, "held");
    let manifest = |id: &Id| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": id.name, "finalizers": ["example.com/wait"] }, "data": { "k": "v" } });
    let post = |id: &Id| -> Ask {
        let object = manifest(id);
        ("POST", JSON, "?fieldManager=kubectl-create", Box::new(move |_| object.clone()))
    };
    pair.ask(&held, &<[Seen; 2]>::default(), METADATA, &post(&held));
    let path = format!("/api/v1/namespaces/{namespace}");
    let (real, model) =
        (pair.real("DELETE", &path, [JSON, JSON], &json!({})), pair.model("DELETE", &path, [JSON, JSON], &json!({})));
    assert_eq!((real.status, model.status), (200, 200), "{} {}", real.json(), model.json());
    // No namespace controller runs: it would delete what is there, and so does a user.
    let seen = pair.seen[&held.to_string()][0].clone();
    pair.ask(&held, &seen, METADATA, &("DELETE", JSON, "", Box::new(|_| json!({}))));
    let late = Id::new(Resource::ConfigMap, &namespace, "late");
    pair.ask(&late, &<[Seen; 2]>::default(), METADATA, &post(&late));
    let seen = pair.seen[&held.to_string()].last().cloned().unwrap_or_default();
    let patch = |operation: Value| -> Ask {
        let body = move |seen: &Seen| json!([{ "op": "add", "path": "/metadata/resourceVersion", "value": seen.version }, operation]);
        ("PATCH", "application/json-patch+json", "?fieldManager=k8s-replicator", Box::new(body))
    };
    pair.ask(&held, &seen, METADATA, &patch(json!({ "op": "remove", "path": "/data" })));
    pair.ask(&held, &seen, METADATA, &patch(json!({ "op": "remove", "path": "/metadata/finalizers" })));
    let seen = pair.seen[&held.to_string()].last().cloned().unwrap_or_default();
    pair.ask(&held, &seen, METADATA, &patch(json!({ "op": "remove", "path": "/metadata/finalizers" })));
}

#[test]
fn requests_in_random_order_have_the_same_answers() {
    let scene = Scene::new();
    scene.namespaces(&["m"]);
    let only = std::env::var("K8S_REPLICATOR_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in only.map_or(0..HISTORIES, |seed: u64| seed..seed + 1) {
        let (mut pair, mut dice) = (Pair::new(&scene), Dice::new(seed));
        pair.history.push(format!("history {seed} (K8S_REPLICATOR_SEED={seed} repeats it alone)"));
        for _ in 0..REQUESTS {
            request(&mut pair, &mut dice, &format!("h{seed}"));
        }
    }
}
