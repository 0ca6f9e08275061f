//! SPEC 9.3, 9.4, 9.12: which changes are written to replicas, and which are not.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use k8s_replicator_testenv::Request;
use serde_json::{Value, json};

/// One source of each kind with two pushed and two pulling replicas; answers the replicas.
fn sources_with_replicas(scene: &mut Scene) -> Vec<Value> {
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&["--resync-period=0"]);
    let mut replicas = Vec::new();
    for kind in [secret, config_map] {
        let source = kind("a/s").data("k", "v").note("replication-allowed", "true");
        scene.create(&source.note("replicate-to-namespaces", "{b},{c}"));
        for key in ["b/t", "c/t"] {
            scene.create(&kind(key).note("replicate-from", "{a}/s"));
        }
        replicas.extend(["b/s", "c/s", "b/t", "c/t"].map(|key| scene.has_data_of(&kind(key).data("k", "v"))));
    }
    replicas
}

/// A change of the sources that no replica takes.
fn change_metadata_only(scene: &Scene) {
    for resource in ["secrets", "configmaps"] {
        let metadata = json!({ "labels": { "l": "1" }, "annotations": { "own": "note" } });
        scene.patch(resource, "a/s", &json!({ "metadata": metadata }));
    }
}

fn reads_of<'a>(requests: &'a [Request], resource: &str, name: &str) -> Vec<&'a Request> {
    let is_it = |request: &&Request| request.verb == "get" && request.resource == resource && request.name == name;
    requests.iter().filter(is_it).collect()
}

/// SPEC 9.3: a change that replicas do not take writes nothing; the source is read once, not once for each replica.
#[test]
fn a_change_that_no_replica_takes_writes_nothing() {
    let mut scene = Scene::new();
    let replicas = sources_with_replicas(&mut scene);
    scene.barrier();
    let before = scene.requests_for_objects().len();
    change_metadata_only(&scene);
    scene.all_stay(&replicas);
    let requests = scene.requests_for_objects().split_off(before);
    for resource in ["secrets", "configmaps"] {
        assert_eq!(reads_of(&requests, resource, "s").len(), 1, "{requests:#?}");
    }
    assert_eq!(requests.len(), 2, "{requests:#?}");
}

/// SPEC 9.3: nor does it after a restart: such replicas are compared by content, once.
#[test]
fn nor_does_it_after_a_restart() {
    let mut scene = Scene::new();
    let replicas = sources_with_replicas(&mut scene);
    change_metadata_only(&scene);
    scene.all_stay(&replicas);
    scene.kill();
    change_metadata_only(&scene);
    for _ in 0..2 {
        scene.change_user();
        scene.start(&["--resync-period=0"]);
        scene.all_stay(&replicas);
        let requests = scene.requests_for_objects();
        assert!(requests.iter().all(|request| request.verb == "get"), "{requests:#?}");
        assert_eq!(requests.len(), 10, "each of the 2 sources and 8 replicas once: {requests:#?}");
        scene.kill();
    }
}

/// SPEC 9.3: data that is the same again after it was another for a moment is the data of an older version.
#[test]
fn a_replica_names_the_version_whose_data_was_taken() {
    let mut scene = Scene::new();
    let replicas = sources_with_replicas(&mut scene);
    scene.kill();
    for (resource, other, same) in [("secrets", "eA==", "dg=="), ("configmaps", "x", "v")] {
        for value in [other, same] {
            scene.patch(resource, "a/s", &json!({ "data": { "k": value } }));
        }
    }
    scene.start(&["--resync-period=0"]);
    scene.all_stay(&replicas);
}

/// SPEC 9.3: those who pull take over the once-version and what the chain allows, without a copy of the same data.
#[test]
fn what_a_pull_inherits_follows_without_a_copy() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&["--resync-period=0"]);
    for kind in [secret, config_map] {
        let source = kind("a/s").data("k", "v").note("replication-allowed", "true");
        let target = kind("b/t").note("replicate-from", "{a}/s").note("replication-allowed", "true");
        let below = kind("c/t").note("replicate-from", "{b}/t");
        let first = scene.create(&source);
        scene.create(&target);
        scene.create(&below);
        // The version of the data stays the first one throughout.
        let target = target.data("k", "v").holding(&first).origin(&first);
        scene.becomes(&target.clone().note("replicated-from-allowed", ".*"));
        for (version, allowed) in [("1", "{b},{c}"), ("2", ".*"), ("", "{b},{c},x.*")] {
            let inherits = |object: Object| {
                let object = object.note("replicated-from-allowed", allowed);
                if version.is_empty() { object } else { object.note("replicate-once-version", version) }
            };
            let changed = source.clone().note("replication-allowed-namespaces", allowed);
            scene.put(&if version.is_empty() { changed } else { changed.note("replicate-once-version", version) });
            scene.becomes(&inherits(target.clone()));
            scene.until("what hangs on it follows too", || {
                let now = scene.get_of(below.resource(), below.key())?;
                let note = |name| scene.note_of(&now, name);
                let follows = note("replicated-from-allowed") == Some(scene.full(allowed))
                    && note("replicated-from-origin") == Some(scene.full("{a}/s"));
                follows.then_some(())
            });
        }
    }
}

/// SPEC 9.4: a pushed replica keeps what others put on it; those of section 2's table are the controller's.
#[test]
fn a_pushed_replica_keeps_labels_and_annotations_of_others() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    for kind in [secret, config_map] {
        let source = kind("a/s").note("replicate-to-namespaces", "{b}").label("source", "1").other_note("source", "1");
        let first = scene.put(&source.clone().data("k", "1"));
        let replica = |value| kind("b/s").data("k", value);
        scene.becomes(&scene.created(replica("1").made_by(&first).holding(&first)));
        // They may take the controller's label, too, and even use its prefix for labels.
        let label = scene.prefix() + "label";
        let metadata = json!({
            "labels": { "own": "label", "app.kubernetes.io/managed-by": "me", (label.clone()): "x" },
            "annotations": { "own": "note", (scene.prefix() + "replicate-to"): "more" },
        });
        scene.patch(source.resource(), "b/s", &json!({ "metadata": metadata }));
        let kept = |value, source: &Value| {
            let kept =
                replica(value).label("own", "label").label("app.kubernetes.io/managed-by", "me").label(&label, "x");
            kept.other_note("own", "note").made_by(source).holding(source)
        };
        scene.becomes(&kept("1", &first));
        let second = scene.put(&source.clone().data("k", "2"));
        scene.becomes(&kept("2", &second));
        scene.patch(source.resource(), "b/s", &json!({ "metadata": { "labels": null } }));
        let third = scene.put(&source.data("k", "3"));
        scene.becomes(&replica("3").other_note("own", "note").made_by(&third).holding(&third));
    }
}

/// SPEC 9.12: a ring of pulls copies nothing, endlessly or otherwise, whatever its members change.
#[test]
fn a_ring_does_not_copy() {
    let mut scene = Scene::new();
    scene.namespaces(&["a"]);
    let members = ["a/x", "a/y", "a/z"];
    for (n, key) in members.iter().enumerate() {
        let from = members[(n + 1) % 3].trim_start_matches("a/");
        // Each holds something, so that there would be something to be passed on.
        let member = secret(key).data("from", key).note("replicate-from", from).note("replication-allowed", "true");
        let member = member.note("replicated-from-version", "1").note("replicated-from-allowed", ".*");
        scene.create(&member.note("replicated-from-origin", "{a}/elsewhere"));
    }
    scene.start(&["--resync-period=1s"]);
    members.iter().for_each(|key| drop(scene.is_logged(key, "refuse", "Ring")));
    let changed = members.map(|key| scene.set_data(key, "from", "somebody"));
    scene.all_stay(&changed);
    assert_eq!(scene.changes(), []);
}
