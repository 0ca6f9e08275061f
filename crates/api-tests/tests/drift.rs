//! SPEC 9.2: replicas that were changed by somebody else, at once and in the course of `--resync-period`; names that become
//! free.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use serde_json::{Value, json};

/// What somebody does to a replica's data, by hand or by a tool.
const HARM: [&str; 4] = ["changes a value", "adds a value", "empties it", "deletes it"];

fn harm(scene: &Scene, harm: &str, object: &Object) {
    let (resource, key) = (object.resource(), object.key());
    match harm {
        "changes a value" => drop(scene.patch(resource, key, &json!({ "data": { "k": "aGFybQ==" } }))),
        "adds a value" => drop(scene.patch(resource, key, &json!({ "data": { "more": "aGFybQ==" } }))),
        "empties it" => drop(scene.patch(resource, key, &json!({ "data": null }))),
        _ => scene.remove(object),
    }
}

/// SPEC 9.2: a pushed replica that was edited, emptied or deleted is put right at once.
#[test]
fn a_pushed_replica_is_put_right_at_once() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    for kind in [secret, config_map] {
        let source = scene.create(&kind("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
        let replica = scene.created(kind("b/s").data("k", "v").made_by(&source).holding(&source));
        let mut right = scene.becomes(&replica);
        for by_hand in HARM {
            harm(&scene, by_hand, &replica);
            scene.until(&format!("the replica is written after somebody {by_hand}"), || {
                let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
                scene.get_of(replica.resource(), replica.key()).filter(|now| version(now) != version(&right)).map(drop)
            });
            right = scene.becomes(&replica);
        }
        scene.stays(&right);
    }
}

/// SPEC 9.2: so is a ConfigMap's binary data.
#[test]
fn binary_data_is_put_right_too() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    let source = config_map("a/s").data("k", "v").binary("b", &[1]).note("replicate-to-namespaces", "{b}");
    let source = scene.create(&source);
    let replica = scene.created(config_map("b/s").data("k", "v").binary("b", &[1]).made_by(&source).holding(&source));
    scene.becomes(&replica);
    for patch in [
        json!({ "binaryData": { "b": "Ag==" } }),
        json!({ "binaryData": null }),
        json!({ "binaryData": { "c": "Aw==" } }),
    ] {
        scene.patch("configmaps", "b/s", &patch);
        scene.becomes(&replica);
    }
}

/// SPEC 9.2: a pulling target that was edited or emptied is put right at once. (A deleted one is its user's affair.)
#[test]
fn a_pulling_target_is_put_right_at_once() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    for kind in [secret, config_map] {
        let source = scene.create(&kind("a/s").data("k", "v").note("replication-allowed", "true"));
        let target = kind("b/t").note("replicate-from", "{a}/s");
        scene.create(&target);
        let filled = target.clone().data("k", "v").pulled(&source, ".*");
        scene.becomes(&filled);
        for by_hand in &HARM[..3] {
            harm(&scene, by_hand, &target);
            scene.becomes(&filled);
        }
        scene.remove(&target);
        scene.barrier();
        assert_eq!(scene.get_of(target.resource(), target.key()), None);
    }
}

/// SPEC 9.2: a stub that is applied once more, as GitOps tools do, is filled once more, whether it takes the marks away (an
/// update) or leaves them there (an apply that empties the data).
#[test]
fn a_stub_that_is_applied_again_is_filled_again() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    for kind in [secret, config_map] {
        let source = scene.create(&kind("a/s").data("k", "v").note("replication-allowed", "true"));
        let stub = kind("b/t").note("replicate-from", "{a}/s");
        let filled = stub.clone().data("k", "v").pulled(&source, ".*");
        scene.create(&stub);
        scene.becomes(&filled);
        for _ in 0..2 {
            scene.replace(&stub);
            scene.becomes(&filled);
            scene.replace(&filled.clone().empty());
            scene.becomes(&filled);
        }
    }
}

/// SPEC 6, 9.2: a replica that holds a copy under once belongs to its user as far as data goes, also when it is verified.
#[test]
fn a_once_replica_is_left_to_its_user() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=1s"]);
    for kind in [secret, config_map] {
        let source = kind("a/s").data("k", "v").note("replication-allowed", "true").note("replicate-once", "true");
        scene.create(&source.note("replicate-to-namespaces", "{b}"));
        scene.create(&kind("a/free").data("k", "v").note("replication-allowed", "true"));
        let pulls = kind("b/pulls").note("replicate-from", "{a}/s");
        let pulls_once = kind("b/pulls-once").note("replicate-from", "{a}/free").note("replicate-once", "true");
        scene.create(&pulls);
        scene.create(&pulls_once);
        let replicas = ["b/s", "b/pulls", "b/pulls-once"].map(|key| kind(key).data("k", "v"));
        for by_hand in &HARM[..2] {
            let held = replicas.each_ref().map(|replica| {
                scene.has_data_of(replica);
                harm(&scene, by_hand, replica);
                scene.get_of(replica.resource(), replica.key()).unwrap_or_default()
            });
            scene.all_stay(&held);
            for replica in &replicas {
                // In one step: one that is empty in between would be filled.
                let mut data = scene.manifest(replica)["data"].clone();
                data["more"] = Value::Null;
                scene.patch(replica.resource(), replica.key(), &json!({ "data": data }));
            }
        }
        // SPEC 6: one that was emptied, as by a manifest that is applied again, is filled again.
        for replica in &replicas {
            harm(&scene, "empties it", replica);
            scene.has_data_of(replica);
            scene.is_logged(replica.key(), "update", "Emptied");
        }
        // One that is deleted holds no copy: its source pushes, so it is there again.
        let pushed = &replicas[0];
        scene.remove(pushed);
        scene.has_data_of(pushed);
    }
}

/// SPEC 9.2: a source that waits for a name gets it as soon as the controller itself has freed it.
#[test]
fn a_name_that_the_controller_frees_is_taken_at_once() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    for kind in [secret, config_map] {
        let older = kind("a/older").data("from", "older").note("replicate-to", "{b}/t");
        let made = scene.create(&older);
        scene.has_data_of(&kind("b/t").data("from", "older"));
        scene.next_second_after(&made);
        let younger = scene.create(&kind("a/younger").data("from", "younger").note("replicate-to", "{b}/t"));
        scene.put(&kind("a/older").data("from", "older"));
        let replica = kind("b/t").data("from", "younger");
        scene.becomes(&scene.created(replica.made_by(&younger).holding(&younger)));
    }
}

/// SPEC 3.5, 9.2: and as soon as somebody else has.
#[test]
fn a_name_that_somebody_frees_is_taken_at_once() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    for kind in [secret, config_map] {
        let own = kind("b/t").data("own", "data");
        scene.create(&own);
        let source = scene.create(&kind("a/s").data("k", "v").note("replicate-to", "{b}/t"));
        scene.is_logged("b/t", "refuse", "NotCreatedBySource");
        scene.remove(&own);
        scene.becomes(&scene.created(kind("b/t").data("k", "v").made_by(&source).holding(&source)));
    }
}

/// SPEC 9.2: what hangs on a replica that the controller deletes is cleared at once.
#[test]
fn what_hangs_on_a_deleted_replica_is_cleared_at_once() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&["--resync-period=0"]);
    for kind in [secret, config_map] {
        let source = kind("a/s").data("k", "v").note("replication-allowed", "true");
        scene.create(&source.clone().note("replicate-to-namespaces", "{b}"));
        let below = kind("c/t").note("replicate-from", "{b}/s");
        scene.create(&below);
        scene.has_data_of(&below.clone().data("k", "v"));
        scene.put(&source);
        scene.is_deleted(&kind("b/s"));
        scene.becomes(&below.written());
    }
}

/// What was changed while no controller was there to see it, with all marks as they were.
fn changed_while_nobody_looked(scene: &mut Scene, flags: &[&str]) -> Vec<(Object, Value)> {
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    let mut replicas = Vec::new();
    for kind in [secret, config_map] {
        let source = kind("a/s").data("k", "v").note("replication-allowed", "true");
        scene.create(&source.note("replicate-to-namespaces", "{b}"));
        scene.create(&kind("b/t").note("replicate-from", "{a}/s"));
        replicas.extend(["b/s", "b/t"].map(|key| kind(key).data("k", "v")));
    }
    replicas.iter().for_each(|replica| drop(scene.has_data_of(replica)));
    scene.kill();
    for (replica, by_hand) in replicas.iter().zip(HARM.iter().cycle()) {
        harm(scene, if *by_hand == "deletes it" { "empties it" } else { by_hand }, replica);
    }
    scene.change_user();
    let now: Vec<Value> =
        replicas.iter().map(|replica| scene.get_of(replica.resource(), replica.key()).unwrap_or_default()).collect();
    scene.start(flags);
    replicas.into_iter().zip(now).collect()
}

/// SPEC 9.2: every `--resync-period` all replicas are compared by content: what nobody saw is found.
#[test]
fn all_replicas_are_verified_by_content_every_resync_period() {
    let mut scene = Scene::new();
    for (replica, _) in changed_while_nobody_looked(&mut scene, &["--resync-period=1s"]) {
        scene.has_data_of(&replica);
    }
    for target in ["b/s", "b/t"] {
        scene.is_logged(target, "update", "Drift");
    }
}

/// SPEC 9.15: what others did while the controller was stopped is found at the start, by the owners in `managedFields`.
#[test]
fn what_was_changed_while_the_controller_was_stopped_is_found_at_the_start() {
    let mut scene = Scene::new();
    for (replica, _) in changed_while_nobody_looked(&mut scene, &["--resync-period=0"]) {
        scene.has_data_of(&replica);
    }
}

/// SPEC 9.2, 9.15: what only the controller wrote, by its `managedFields`, is believed: nothing is read at the start; and with
/// `--resync-period 0` nothing is read in order to verify it.
#[test]
fn what_the_controller_alone_wrote_is_believed() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    for kind in [secret, config_map] {
        scene.create(&kind("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
        scene.has_data_of(&kind("b/s").data("k", "v"));
    }
    scene.kill();
    let changed = ["secrets", "configmaps"]
        .map(|resource| scene.patch_as("k8s-replicator", resource, "b/s", &json!({ "data": { "k": "aGFybQ==" } })));
    scene.change_user();
    scene.start(&["--resync-period=0"]);
    scene.all_stay(&changed);
    assert_eq!(scene.requests_for_objects(), []);
}

/// SPEC 9.2, 9.15: verification lists, and where nothing is wrong it reads nothing and writes nothing, whatever there is to verify.
#[test]
fn verification_reads_and_writes_nothing_where_nothing_is_wrong() {
    const REPLICAS: usize = 300;
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&["--resync-period=2s"]);
    let mut replicas = Vec::new();
    for kind in [secret, config_map] {
        let source = kind("a/s").data("k", "v").note("replication-allowed", "true");
        scene.create(&source.note("replicate-to-namespaces", "{b}"));
        scene.create(&kind("b/t").note("replicate-from", "{a}/s"));
        scene.create(&kind("b/cleared").note("replicate-from", "{a}/missing"));
        scene.create(&kind("a/combined").note("replicate-from", "{a}/missing").note("replicate-to-namespaces", "{b}"));
        replicas.extend(["b/s", "b/t"].map(|key| scene.has_data_of(&kind(key).data("k", "v"))));
        replicas.push(scene.has_data_of(&kind("b/combined")));
    }
    let names: Vec<String> = (0..REPLICAS).map(|n| format!("{{c}}/r{n}")).collect();
    scene.create(&secret("a/many").data("k", "v").note("replicate-to", &names.join(",")));
    scene.until("all replicas are there", || (scene.replicas().len() >= REPLICAS + 2).then_some(()));
    scene.barrier();
    let before = scene.requests().len();
    scene.is_verified(2);
    let requests = scene.requests().split_off(before);
    let lists = requests.iter().filter(|request| request.verb == "list").count();
    let others: Vec<_> = requests.iter().filter(|request| !matches!(&*request.verb, "list" | "watch")).collect();
    println!("{} replicas verified: {lists} lists, {} other requests", REPLICAS + 6, others.len());
    assert!(others.is_empty(), "{others:#?}");
    scene.all_stay(&replicas);
}
