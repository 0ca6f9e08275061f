//! SPEC 9.3, 9.8: how many requests the controller makes for what it does, and that memory does not grow with other objects.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::Method;
use k8s_replicator_api_tests::{Scene, config_map, secret};
use k8s_replicator_testenv::Request;
use serde_json::json;

fn count(requests: &[Request]) -> BTreeMap<(&str, &str), usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry((request.verb.as_str(), request.resource.as_str())).or_default() += 1;
    }
    counts
}

/// What the controller asked since `before` of its requests, lists and watches too, but for the barrier's.
fn since(scene: &Scene, before: usize) -> Vec<Request> {
    let sentinels = scene.namespace_name("sentinel");
    let requests = scene.requests().split_off(before);
    requests.into_iter().filter(|request| !request.namespace.starts_with(&sentinels)).collect()
}

/// How long the controller keeps what it read of a source: what takes longer on a busy machine costs another read.
const KEPT: Duration = Duration::from_secs(10);

/// Asserts that a source was read once (or once more for each time that what was read was dropped), and its targets written once each.
#[track_caller]
fn reads_and_writes(requests: &[Request], resource: &str, (verb, writes): (&str, usize), took: Duration) {
    let mut counts = count(requests);
    let reads = counts.remove(&("get", resource)).unwrap_or_default();
    let most = 1 + usize::try_from(took.as_secs() / KEPT.as_secs()).unwrap_or_default();
    assert!((1..=most).contains(&reads), "{reads} reads in {took:?}");
    assert_eq!(counts, [((verb, resource), writes)].into());
}

/// Issue 3: one update of a source with 100 replicas costs 1 read and 100 writes, and nothing else.
#[test]
fn one_update_with_100_replicas_costs_one_read_and_100_writes() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let names: Vec<String> = (0..100).map(|n| format!("t{n}")).collect();
    let source = |value| secret("a/s").data("k", value).note("replicate-to-namespaces", "{b}");
    let source = |value| source(value).note("replicate-to", &names.join(","));
    for (value, verb) in [("1", "create"), ("2", "patch")] {
        scene.barrier();
        let before = scene.requests().len();
        let begun = Instant::now();
        let made = scene.put(&source(value));
        for name in &names {
            let replica = secret(&format!("b/{name}")).data("k", value);
            scene.becomes(&scene.created(replica.made_by(&made).holding(&made)));
        }
        scene.barrier();
        let requests = since(&scene, before);
        reads_and_writes(&requests, "secrets", (verb, 100), begun.elapsed());
    }
}

/// The same for 50 that pull.
#[test]
fn one_update_with_50_that_pull_costs_one_read_and_50_writes() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let source = |value| config_map("a/s").data("k", value).note("replication-allowed", "true");
    let targets: Vec<_> = (0..50).map(|n| config_map(&format!("b/t{n}")).note("replicate-from", "{a}/s")).collect();
    targets.iter().for_each(|target| drop(scene.create(target)));
    scene.put(&source("1"));
    targets.iter().for_each(|target| drop(scene.has_data_of(&target.clone().data("k", "1"))));
    scene.barrier();
    let before = scene.requests().len();
    let begun = Instant::now();
    scene.put(&source("2"));
    targets.iter().for_each(|target| drop(scene.has_data_of(&target.clone().data("k", "2"))));
    scene.barrier();
    let requests = since(&scene, before);
    reads_and_writes(&requests, "configmaps", ("patch", 50), begun.elapsed());
}

/// SPEC 9.8: objects without this program's annotations cost no request.
#[test]
fn what_is_nobodys_source_or_target_costs_no_request() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    scene.create(&secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
    scene.has_data("b/s", &[("k", "v")]);
    scene.barrier();
    let before = scene.requests().len();
    for kind in [secret, config_map] {
        for n in 0..5 {
            let object = kind(&format!("a/other{n}")).data("k", "v").label("l", "1").other_note("own", "note");
            scene.create(&object);
            scene.put(&object.clone().data("k", "w"));
            scene.remove(&object);
        }
    }
    // Namespaces that come and go cost none either.
    scene.namespace("c");
    scene.barrier();
    assert_eq!(since(&scene, before), []);
}

/// Resident memory of a process in KiB. (Linux only; elsewhere there is nothing to compare.)
fn resident(process: u32) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().trim_end_matches(" kB").parse().ok()
}

/// SPEC 9.8: memory does not grow with the cluster's Secrets: 1,500 of 4 KiB without annotations, made while it runs, and listed
/// when it starts. (`UNRELATED_SECRETS` in the environment takes another number; the figures are printed.)
#[test]
fn memory_does_not_grow_with_unrelated_secrets() {
    let secrets: usize = std::env::var("UNRELATED_SECRETS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_500);
    // Half of what they hold, in base64, if they are as many as usual.
    let most_growth = 4_000;
    let mut scene = Scene::new();
    scene.namespaces(&["a"]);
    scene.start(&[]);
    scene.barrier();
    let Some(before) = resident(scene.controller().id()) else { return };

    let path = format!("/api/v1/namespaces/{}/secrets", scene.namespace_name("a"));
    let value = "x".repeat(4 << 10);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (client, path, value) = (scene.plane().client().clone(), &path, &value);
            scope.spawn(move || {
                for n in (thread..secrets).step_by(4) {
                    let secret =
                        json!({ "metadata": { "name": format!("unrelated-{n}") }, "stringData": { "k": value } });
                    client.request(&Method::POST, path, Some(&secret)).expect("an unrelated Secret");
                }
            });
        }
    });
    scene.barrier();
    let after = resident(scene.controller().id()).unwrap_or(usize::MAX);
    scene.restart(&[]);
    scene.barrier();
    let restarted = resident(scene.controller().id()).unwrap_or(usize::MAX);
    eprintln!(
        "resident memory in KiB: {before} before, {after} with {secrets} unrelated Secrets, {restarted} after a restart"
    );
    // Only so that others have room: on a busy machine it can take longer than a request may.
    drop(scene.plane().client().send(&Method::DELETE, &path, None));
    assert!(after < before + most_growth, "{before} KiB before, {after} with {secrets} unrelated Secrets");
    assert!(restarted < before + most_growth, "{before} KiB before, {restarted} after a restart");
}
