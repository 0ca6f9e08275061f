//! SPEC 11.1, 11.2: a source of many replicas is deleted by mistake, and brought back within the `--removal-delay`.

use std::thread::sleep;
use std::time::Duration;

use k8s_replicator_api_tests::{Change, Object, Scene, config_map, secret};
use serde_json::{Value, json};

/// Twice the default: on a busy machine it can take a second until the source is back, and seen.
const DELAY: &str = "--removal-delay=10s";
/// When somebody brings the source back.
const SOON: Duration = Duration::from_secs(3);
const MANY: usize = 500;

fn source(value: &str, many: usize) -> Object {
    let names: Vec<String> = (0..many).map(|n| format!("t{n}")).collect();
    let source = secret("a/s").data("k", value).note("replicate-to-namespaces", "{b}");
    source.note("replicate-to", &names.join(","))
}

/// The Secrets of the targets' namespace, but for those that are not replicas.
fn replicas(scene: &Scene) -> Vec<Value> {
    let path = format!("/api/v1/namespaces/{}/secrets", scene.namespace_name("b"));
    let (status, list) = scene.call("GET", &path, "application/json", &Value::Null);
    assert_eq!(status, 200, "{list}");
    list["items"].as_array().cloned().unwrap_or_default()
}

/// Waits until there are so many replicas, and all of them hold this.
#[track_caller]
fn all_hold(scene: &Scene, value: &str, many: usize) {
    let data = scene.manifest(&secret("b/any").data("k", value))["data"].clone();
    scene.until(&format!("{many} replicas hold {value}"), || {
        let replicas = replicas(scene);
        (replicas.len() == many && replicas.iter().all(|replica| replica["data"] == data)).then_some(())
    });
}

/// A cluster in which one source has so many replicas, and nothing is left to do.
fn with_replicas(flags: &[&str], many: usize) -> Scene {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(flags);
    scene.create(&source("1", many));
    all_hold(&scene, "1", many);
    scene.barrier();
    scene
}

/// At no moment was a replica away.
#[track_caller]
fn none_was_missed(changes: &[Change]) {
    let missed: Vec<_> = changes.iter().filter(|change| change.kind != "MODIFIED").collect();
    assert!(missed.is_empty(), "{missed:?}");
}

/// `kubectl delete`, and after 3 s `kubectl apply` of the same manifest: nothing is written at all. With other data each replica
/// is written once.
#[test]
fn no_replica_is_missed_when_a_deleted_source_comes_back_in_time() {
    let scene = with_replicas(&[DELAY], MANY);
    let history = scene.history_of("b");
    let before = scene.changes().len();
    for value in ["1", "2"] {
        scene.delete("a/s");
        sleep(SOON);
        scene.create(&source(value, MANY));
        all_hold(&scene, value, MANY);
        scene.barrier();
    }
    let changes = history.end(&scene);
    none_was_missed(&changes);
    let writes = scene.changes().split_off(before);
    assert!(writes.len() <= MANY && writes.iter().all(|write| write.verb == "patch"), "{} writes", writes.len());
    assert_eq!(changes.len(), writes.len(), "all by the controller");
    // It waited, and logged one line for all replicas of the source.
    let delayed = scene.controller().log_lines().iter().filter(|line| line["reason"] == "RemovalDelayed").count();
    assert!((1..=20).contains(&delayed), "{delayed} lines");
}

/// Argo CD's prune and next sync: the source waits for a finalizer, is gone, and is applied again by another field manager.
#[test]
fn no_replica_is_missed_when_a_source_is_pruned_and_applied_again() {
    const SOME: usize = 100;
    let scene = with_replicas(&[DELAY], SOME);
    let history = scene.history_of("b");
    let namespace = scene.namespace_name("a");
    let path = format!("/api/v1/namespaces/{namespace}/secrets/s");
    let foreground = json!({ "propagationPolicy": "Foreground" });
    let (status, answer) = scene.call("DELETE", &path, "application/json", &foreground);
    assert!(answer["metadata"]["deletionTimestamp"].is_string() || answer["details"].is_object(), "{status} {answer}");
    // What Kubernetes' garbage collector does, where it does not run.
    let done = json!({ "metadata": { "finalizers": null } });
    let _ = scene.call("PATCH", &path, "application/merge-patch+json", &done);
    scene.is_gone("a/s");
    sleep(SOON);
    let apply = format!("{path}?fieldManager=argocd-controller&force=true");
    let (status, answer) =
        scene.call("PATCH", &apply, "application/apply-patch+yaml", &scene.manifest(&source("2", SOME)));
    assert_eq!(status, 201, "{answer}");
    all_hold(&scene, "2", SOME);
    scene.barrier();
    none_was_missed(&history.end(&scene));
}

/// The controller is killed and started again while the source is away: the delay begins anew, and nothing is removed.
#[test]
fn no_replica_is_missed_when_the_controller_restarts_while_the_source_is_away() {
    const SOME: usize = 100;
    // Together longer than the delay.
    const MOST_OF_IT: Duration = Duration::from_secs(6);
    let mut scene = with_replicas(&[DELAY], SOME);
    let history = scene.history_of("b");
    let before = scene.changes().len();
    scene.delete("a/s");
    // One line for all replicas: it names whichever was decided about first.
    let is_delayed = |scene: &Scene| scene.logs("that removals wait", |line| line["reason"] == "RemovalDelayed");
    is_delayed(&scene);
    sleep(MOST_OF_IT);
    scene.restart(&[DELAY]);
    is_delayed(&scene);
    sleep(MOST_OF_IT);
    scene.create(&source("1", SOME));
    scene.barrier();
    all_hold(&scene, "1", SOME);
    none_was_missed(&history.end(&scene));
    assert_eq!(scene.changes().split_off(before), []);
    // Away for longer it is gone.
    scene.delete("a/s");
    scene.until("all replicas are deleted", || replicas(&scene).is_empty().then_some(()));
}

/// `--removal-limit 100`: none of 500 is removed until somebody approves it.
#[test]
fn many_replicas_are_removed_only_when_each_is_approved() {
    let mut scene = with_replicas(&["--removal-delay=1s", "--removal-limit=100"], MANY);
    let before = scene.changes().len();
    scene.delete("a/s");
    let held = |scene: &Scene| {
        let is_held = |line: &Value| line["action"] == "wait" && line["reason"] == "RemovalHeld";
        let line = scene.logs("that the removals are held", is_held);
        let detail = line["error"].as_str().unwrap_or_default();
        assert!(detail.contains("500 replicas are due") && detail.contains("--removal-limit: 100"), "{line}");
        assert!(line["message"].as_str().unwrap_or_default().contains("approved"), "{line}");
    };
    held(&scene);
    scene.barrier();
    // Neither a restart nor another source that goes makes a difference.
    scene.restart(&["--removal-delay=1s", "--removal-limit=100"]);
    held(&scene);
    scene.create(&secret("a/few").data("k", "v").note("replicate-to", "few1,few2"));
    scene.has_data("a/few1", &[("k", "v")]);
    scene.delete("a/few");
    ["a/few1", "a/few2"].iter().for_each(|key| scene.is_gone(key));
    all_hold(&scene, "1", MANY);
    let lines = scene.controller().log_lines().iter().filter(|line| line["reason"] == "RemovalHeld").count();
    assert!(lines <= 20, "{lines} lines about 500 replicas");
    // The one that is approved goes, and no other.
    scene.note("b/t7", "removal-approved", Some("true"));
    scene.is_gone("b/t7");
    scene.barrier();
    all_hold(&scene, "1", MANY - 1);
    let deleted = scene.changes().split_off(before);
    let deleted: Vec<_> = deleted.iter().filter(|change| change.namespace == scene.namespace_name("b")).collect();
    assert!(deleted.len() == 1 && deleted[0].verb == "delete", "{deleted:#?}");
    // The source comes back: they are followed again, and an approval that was given meanwhile is taken off.
    scene.kill();
    scene.note("b/t8", "removal-approved", Some("true"));
    scene.create(&source("2", MANY));
    scene.start(&["--removal-delay=1s", "--removal-limit=100"]);
    all_hold(&scene, "2", MANY);
    scene.has_note("b/t8", "removal-approved", None);
    // A list that is made shorter is no accident, and is many all the same. Approved, all of them go.
    scene.note("a/s", "replicate-to", Some(""));
    scene.logs("that it is held because of the list", |line| {
        line["reason"] == "RemovalHeld"
            && line["error"].as_str().is_some_and(|error| error.starts_with("SourceStopped"))
    });
    // Who approves some does not let the others go, however few are left.
    const LEFT: usize = 50;
    let approve = |numbers: std::ops::Range<usize>| {
        numbers.for_each(|n| drop(scene.note(&format!("b/t{n}"), "removal-approved", Some("true"))));
    };
    approve(LEFT..MANY);
    scene.until("those that are approved are deleted", || (replicas(&scene).len() <= LEFT).then_some(()));
    scene.barrier();
    all_hold(&scene, "2", LEFT);
    approve(0..LEFT);
    scene.until("all replicas are deleted", || replicas(&scene).is_empty().then_some(()));
}

/// Targets that pull count too: they are emptied only when that is approved.
#[test]
fn many_pulling_targets_are_emptied_only_when_each_is_approved() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--removal-limit=2"]);
    let source = config_map("a/s").data("k", "v").note("replication-allowed", "true");
    scene.create(&source);
    let targets: Vec<Object> = (0..4).map(|n| config_map(&format!("b/t{n}")).note("replicate-from", "{a}/s")).collect();
    targets.iter().for_each(|target| drop(scene.create(target)));
    let full: Vec<Value> = targets.iter().map(|target| scene.has_data_of(&target.clone().data("k", "v"))).collect();
    // Consent that is withdrawn outright is held as well.
    scene.replace(&config_map("a/s").data("k", "v").note("replication-allowed", "false"));
    scene.logs("that they are held", |line| line["reason"] == "RemovalHeld");
    scene.all_stay(&full);
    let approve = json!({ "metadata": { "annotations": { scene.prefix() + "removal-approved": "true" } } });
    for target in &targets[..2] {
        scene.patch("configmaps", target.key(), &approve);
        let cleared = scene.has_data_of(target);
        assert_eq!(scene.note_of(&cleared, "removal-approved"), None);
    }
    scene.barrier();
    for target in &targets[2..] {
        scene.has_data_of(&target.clone().data("k", "v"));
    }
    scene.replace(&source);
    targets.iter().for_each(|target| drop(scene.has_data_of(&target.clone().data("k", "v"))));
}
