//! Issue 3, SPEC 8: responses that are lost: a write that the server carried out counts, and is not made twice.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use k8s_replicator_testenv::{Fault, Proxy};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The answers to the first `count` requests of this method are lost, after the server has done what was asked.
fn lose(proxy: &Proxy, method: &'static str, count: usize) {
    let lost = AtomicUsize::new(0);
    proxy.set_rule(move |request| {
        let is_it = request.method == method && lost.fetch_add(1, Ordering::Relaxed) < count;
        if is_it { Fault::LoseReply } else { Fault::Pass }
    });
}

/// How often the server did this.
fn done(scene: &Scene, verb: &str) -> usize {
    scene.changes().iter().filter(|request| request.verb == verb).count()
}

fn kinds() -> [fn(&str) -> Object; 2] {
    [secret, config_map]
}

/// The answers to creations: the replicas are found, and left as they are.
#[test]
fn a_lost_answer_to_a_create_is_no_double_write() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    lose(&proxy, "POST", 4);
    for kind in kinds() {
        let source = kind("a/s").data("k", "v").note("replicate-to-namespaces", "{b}");
        let source = scene.create(&source.note("replicate-to", "x,y"));
        for key in ["b/x", "b/y"] {
            scene.becomes(&scene.created(kind(key).data("k", "v").made_by(&source).holding(&source)));
        }
    }
    scene.barrier();
    assert_eq!((done(&scene, "create"), scene.changes().len()), (4, 4));
    scene.is_logged("b/x", "create", "Unreachable");
}

/// The answers to updates, of data and to clear it.
#[test]
fn a_lost_answer_to_an_update_is_no_double_write() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    for kind in kinds() {
        let source = |value| kind("a/s").data("k", value).note("replication-allowed", "true");
        let target = kind("b/t").note("replicate-from", "{a}/s");
        scene.create(&source("1").note("replicate-to-namespaces", "{b}"));
        scene.create(&target);
        scene.has_data_of(&kind("b/s").data("k", "1"));
        scene.has_data_of(&target.clone().data("k", "1"));
        scene.barrier();
        let before = done(&scene, "patch");
        lose(&proxy, "PATCH", 2);
        let made = scene.put(&source("2").note("replicate-to-namespaces", "{b}"));
        let pushed = kind("b/s").data("k", "2").note("replication-allowed", "true").made_by(&made).holding(&made);
        scene.becomes(&scene.created(pushed));
        scene.becomes(&target.clone().data("k", "2").pulled(&made, ".*"));
        scene.barrier();
        assert_eq!(done(&scene, "patch") - before, 2);
        lose(&proxy, "PATCH", 1);
        scene.put(&kind("a/s").data("k", "2").note("replicate-to-namespaces", "{b}"));
        scene.becomes(&target.written());
        scene.barrier();
        assert_eq!(done(&scene, "patch") - before, 4, "and the pushed one lost its consent");
    }
}

/// The answers to deletions: also where another object takes the name at once.
#[test]
fn a_lost_answer_to_a_delete_deletes_once() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    for kind in kinds() {
        scene.create(&kind("a/s").data("k", "v").note("replicate-to", "{b}/x,{b}/y"));
        let [x, y] = ["b/x", "b/y"].map(|key| kind(key).data("k", "v"));
        scene.has_data_of(&x);
        scene.has_data_of(&y);
        let before = done(&scene, "delete");
        lose(&proxy, "DELETE", 2);
        scene.remove(&kind("a/s"));
        scene.is_deleted(&x);
        let own = scene.create(&kind("b/x").data("own", "data"));
        scene.is_deleted(&y);
        scene.stays(&own);
        assert_eq!(done(&scene, "delete") - before, 2);
    }
}
