//! What was tried and failed: each kind of failure is brought about, `explain` tells it from the controller's Events with the server's
//! words, the annotation behind it and what to do; that is done, and the replica is there.

use std::cell::Cell;

use k8s_replicator_api_tests::{Object, Obstacle, Scene, config_map, secret};
use k8s_replicator_testenv::{Fault, Proxy, Ran, Rights};
use serde_json::{Value, json};

use crate::rights::{ALL, WATCH, grant};

/// Other tests go without Events.
const FLAGS: [&str; 1] = ["--events"];
/// As much as all annotations of an object may be long together.
const MOST_NOTES: usize = 256 << 10;

/// A target, as it is explained.
const SECRET: &str = "secret {b}/s";
const CONFIG_MAP: &str = "configmap {b}/s";

fn source(kind: fn(&str) -> Object) -> Object {
    kind("a/s").data("k", "v").note("replicate-to-namespaces", "{b}")
}

/// A scene whose controller has no other rights than these, and those that all need.
fn with_rights(verbs: &[&str]) -> Scene {
    let scene = Scene::for_user(Rights::Nothing);
    scene.namespaces(&["a", "b"]);
    let events: (&[&str], &[&str]) = (&["events"], &["create", "patch"]);
    grant(&scene, "all", &[(&["namespaces"], WATCH), (&["secrets", "configmaps"], verbs), events]);
    scene
}

/// Asks as somebody who may see everything, which the controller's own account may not.
fn explain(scene: &Scene, target: &str, output: &str) -> Ran {
    let shell = scene.shell_of(scene.plane().kubeconfig());
    scene.says_to(&shell, &format!("explain {target} -o {output}"), &FLAGS)
}

fn explains(scene: &Scene, target: &str) -> Value {
    let ran = explain(scene, target, "json");
    serde_json::from_str(&ran.output).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// Waits until `explain` says why the attempts fail, in these words of the server's among others.
#[track_caller]
fn fails(scene: &Scene, target: &str, reason: &str, words: &str) {
    let _ = fails_while(scene, target, reason, words, || ());
}

/// The same, while somebody does this again and again.
#[track_caller]
fn fails_while(scene: &Scene, target: &str, reason: &str, words: &str, mut meanwhile: impl FnMut()) -> Value {
    let answer = scene.until(&format!("explain says {reason}"), || {
        meanwhile();
        Some(explains(scene, target)).filter(|answer| answer["reason"] == reason)
    });
    let attempt = &answer["attempts"][0];
    assert_eq!((&answer["state"], &attempt["reason"]), (&json!("failing"), &json!(reason)), "{answer:#}");
    assert!(attempt["message"].as_str().is_some_and(|message| message.contains(words)), "{words:?}: {attempt:#}");
    assert!(answer["chain"].to_string().contains("/replicate-"), "the annotation behind it: {answer:#}");
    assert!(answer["remedy"].as_str().is_some_and(|remedy| remedy.len() > 10), "{answer:#}");
    let (said, failed) = (format!(": {reason}\n"), format!("Attempts that failed\n  {reason}, "));
    scene.until(&format!("the text says {reason}"), || {
        meanwhile();
        let text = explain(scene, target, "text");
        let says = |part: &str| text.output.contains(part);
        (text.code == 1 && says(&said) && says(&failed) && says("What to do\n")).then_some(())
    });
    answer
}

/// What was to be done is done: the replica is there, and `explain` has nothing to say.
#[track_caller]
fn is_well(scene: &Scene, target: &str, replica: &Object) {
    scene.has_data_of(replica);
    scene.until("explain finds nothing", || (explain(scene, target, "text").code == 0).then_some(()));
}

/// The way to the API server breaks the replica's creation: `explain` names this reason, and the words. Put right, it is there.
fn while_its_creation_breaks(fault: Fault, reason: &str, words: &str) {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let proxy = scene.proxy();
    scene.create(&source(secret));
    break_creation(&scene, &proxy, fault);
    scene.start_behind(&proxy, &FLAGS);
    fails(&scene, SECRET, reason, words);
    proxy.set_rule(|_| Fault::Pass);
    is_well(&scene, SECRET, &secret("b/s").data("k", "v"));
}

/// Requests to create Secrets in the target's namespace.
fn break_creation(scene: &Scene, proxy: &Proxy, fault: Fault) {
    let path = format!("/namespaces/{}/secrets", scene.namespace_name("b"));
    proxy.set_rule(move |request| match request.method == "POST" && request.path.ends_with(&path) {
        true => fault.clone(),
        false => Fault::Pass,
    });
}

/// `Forbidden`: a right is missing, and is granted.
#[test]
pub(super) fn a_right_that_is_missing() {
    let without: Vec<&str> = ALL.iter().copied().filter(|verb| *verb != "create").collect();
    let mut scene = with_rights(&without);
    scene.create(&source(secret));
    scene.start(&FLAGS);
    fails(&scene, SECRET, "Forbidden", r#"cannot create resource "secrets""#);
    grant(&scene, "more", &[(&["secrets"], &["create"])]);
    is_well(&scene, SECRET, &secret("b/s").data("k", "v"));
}

/// `Forbidden`: a quota of the namespace is used up, and is taken away.
#[test]
pub(super) fn a_quota_that_is_used_up() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let hard = json!({ "count/secrets": "0" });
    let path = format!("/api/v1/namespaces/{}/resourcequotas", scene.namespace_name("b"));
    let quota = json!({ "metadata": { "name": "few" }, "spec": { "hard": hard } });
    assert_eq!(scene.call("POST", &path, "application/json", &quota).0, 201);
    // As the controller of Kubernetes says it, which need not run.
    let status = json!({ "status": { "hard": hard, "used": hard } });
    let own = format!("{path}/few");
    assert_eq!(scene.call("PATCH", &format!("{own}/status"), "application/merge-patch+json", &status).0, 200);
    scene.create(&source(secret));
    scene.start(&FLAGS);
    fails(&scene, SECRET, "Forbidden", "exceeded quota: few");
    assert_eq!(scene.call("DELETE", &own, "application/json", &Value::Null).0, 200);
    is_well(&scene, SECRET, &secret("b/s").data("k", "v"));
}

/// `Invalid`: a policy of the cluster wants a key, which the source is given.
#[test]
pub(super) fn a_policy_that_the_source_does_not_meet() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let wants = "has(object.data) && 'owner' in object.data";
    let policy = Obstacle::policy(&scene, "b", wants, "every ConfigMap here names its owner");
    scene.create(&source(config_map));
    scene.start(&FLAGS);
    fails(&scene, CONFIG_MAP, "Invalid", "every ConfigMap here names its owner");
    let named = source(config_map).data("owner", "team-a");
    scene.replace(&named);
    is_well(&scene, CONFIG_MAP, &config_map("b/s").data("k", "v").data("owner", "team-a"));
    drop(policy);
}

/// `Invalid`: the target has no room for the controller's annotations, and is given some.
#[test]
pub(super) fn a_target_that_is_too_large() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/s").data("k", "v").note("replication-allowed", "true"));
    let target = secret("b/s").note("replicate-from", "{a}/s");
    scene.create(&target.other_note("long", &"n".repeat(MOST_NOTES - 60)));
    scene.start(&FLAGS);
    fails(&scene, SECRET, "Invalid", "may not be more than 262144 bytes");
    scene.patch("secrets", "b/s", &json!({ "metadata": { "annotations": { "long": null } } }));
    is_well(&scene, SECRET, &secret("b/s").data("k", "v"));
}

/// `Contested`: somebody undoes what is written, and stops.
#[test]
pub(super) fn somebody_who_undoes_it() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&source(secret));
    scene.start(&FLAGS);
    scene.has_data("b/s", &[("k", "v")]);
    let times = Cell::new(0);
    let undo = || {
        if scene.get("b/s").is_some_and(|replica| replica["data"]["k"] == "dg==") {
            times.update(|times| times + 1);
            scene.patch_as("other-tool", "secrets", "b/s", &json!({ "data": { "k": "bWluZQ==" } }));
        }
    };
    let answer = fails_while(&scene, SECRET, "Contested", r#"the field manager "other-tool""#, undo);
    assert!(times.get() > 1);
    let command = answer["commands"][0].as_str().expect("something to paste");
    scene.until("what is pasted names who undoes it", || {
        undo();
        scene.pastes(command).contains("other-tool").then_some(())
    });
    is_well(&scene, SECRET, &secret("b/s").data("k", "v"));
}

/// `Conflict`: it goes on for a while, and then passes.
#[test]
pub(super) fn conflicts_that_go_on() {
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409, "reason": "AlreadyExists",
        "message": "made up by the test: it exists already" });
    let fault = Fault::Status { code: 409, headers, body: status.to_string() };
    while_its_creation_breaks(fault, "Conflict", "it exists already");
}

/// `Throttled`: the API server, or a proxy before it, asks for fewer requests for a while.
#[test]
pub(super) fn a_server_that_asks_for_fewer_requests() {
    let headers = vec![("Retry-After".to_owned(), "1".to_owned())];
    let fault = Fault::Status { code: 429, headers, body: String::new() };
    while_its_creation_breaks(fault, "Throttled", "429 Too Many Requests");
}

/// `ServerError`: a webhook that is away, and that the message names, is taken away.
#[test]
pub(super) fn a_webhook_that_is_away() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let webhook = Obstacle::dead_webhook(&scene, "b");
    scene.create(&source(config_map));
    scene.start(&FLAGS);
    fails(&scene, CONFIG_MAP, "ServerError", webhook.name());
    drop(webhook);
    is_well(&scene, CONFIG_MAP, &config_map("b/s").data("k", "v"));
}

/// `Unreachable`: the way to the API server breaks these requests, and is put right.
#[test]
pub(super) fn a_way_that_breaks() {
    while_its_creation_breaks(Fault::Disconnect, "Unreachable", "connection closed");
}
