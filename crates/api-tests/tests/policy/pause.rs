//! SPEC 11.7: nothing is written because of, to, or in what is paused; and what was missed is done when it is not paused any more.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use serde_json::{Value, json};

const KINDS: [fn(&str) -> Object; 2] = [secret, config_map];

/// Sets or takes off `paused` on an object.
fn pause(scene: &Scene, object: &Object, value: Option<&str>) -> Value {
    let patch = json!({ "metadata": { "annotations": { scene.prefix() + "paused": value } } });
    scene.patch(object.resource(), object.key(), &patch)
}

/// A source: for the replicas of its push, and for those who pull from it.
#[test]
fn because_of_a_paused_source_nothing_is_written() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    for kind in KINDS {
        let source = |value: &str| {
            kind("a/s").data("k", value).note("replicate-to-namespaces", "{b}").note("replication-allowed", "true")
        };
        scene.create(&source("1"));
        scene.create(&kind("b/pulls").note("replicate-from", "{a}/s"));
        let before = ["b/s", "b/pulls"].map(|key| scene.has_data_of(&kind(key).data("k", "1")));
        // Everything at once: other data, another list, no consent, drift.
        let changed = kind("a/s").data("k", "2").note("replicate-to-namespaces", "{c}").note("paused", "true");
        scene.replace(&changed.note("replication-allowed", "false"));
        for key in ["b/s", "b/pulls", "c/s"] {
            scene.is_logged(key, "refuse", "Paused");
        }
        scene.all_stay(&before);
        assert_eq!(scene.get_of(kind("").resource(), "c/s"), None);
        scene.replace(&source("2").note("paused", "true"));
        scene.all_stay(&before);
        scene.replace(&source("2"));
        for key in ["b/s", "b/pulls"] {
            scene.has_data_of(&kind(key).data("k", "2"));
        }
        // One that is deleted is gone as any other.
        let source = pause(&scene, &kind("a/s"), Some("true"));
        assert_eq!(scene.note_of(&source, "paused").as_deref(), Some("true"));
        scene.barrier();
        scene.remove(&kind("a/s"));
        scene.is_deleted(&kind("b/s"));
        scene.has_data_of(&kind("b/pulls"));
        scene.remove(&kind("b/pulls"));
    }
}

/// A replica of a push, and a target that pulls. On a replica a value that is no boolean pauses too.
#[test]
fn to_a_paused_target_nothing_is_written() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    for value in ["true", "for the restore"] {
        scene.create(&secret("a/s").data("k", "1").note("replicate-to-namespaces", "{b}"));
        scene.create(&secret("a/allows").data("k", "1").note("replication-allowed", "true"));
        scene.create(&secret("b/pulls").note("replicate-from", "{a}/allows"));
        let keys = ["b/s", "b/pulls"];
        keys.iter().for_each(|key| drop(scene.has_data(key, &[("k", "1")])));
        scene.note("b/s", "paused", Some(value));
        scene.note("b/pulls", "paused", Some("1"));
        ["a/s", "a/allows"].iter().for_each(|key| drop(scene.set_data(key, "k", "2")));
        keys.iter().for_each(|key| drop(scene.is_logged(key, "refuse", "Paused")));
        // Users may still write a paused target.
        let edited = keys.map(|key| scene.set_data(key, "k", "by hand"));
        scene.all_stay(&edited);
        ["a/s", "a/allows"].iter().for_each(|key| scene.delete(key));
        scene.all_stay(&edited);
        keys.iter().for_each(|key| drop(scene.note(key, "paused", None)));
        scene.is_gone("b/s");
        scene.has_data("b/pulls", &[]);
        scene.delete("b/pulls");
        // The next round looks for lines of its own.
        scene.restart(&[]);
    }
}

/// A namespace: for all that is in it, and all that should be. Its sources go on serving others.
#[test]
fn in_a_paused_namespace_nothing_is_written() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    let source = |value: &str| secret("a/s").data("k", value).note("replicate-to-namespaces", "{b},{c}");
    let source = |value: &str| source(value).note("replication-allowed", "true");
    scene.create(&source("1"));
    scene.create(&secret("b/pulls").note("replicate-from", "{a}/s"));
    scene.create(&secret("b/serves").data("k", "own").note("replicate-to", "{c}/served"));
    scene.start(&[]);
    let before = ["b/s", "b/pulls"].map(|key| scene.has_data(key, &[("k", "1")]));
    scene.note_namespace("b", "paused", Some("true"));
    scene.is_logged("b/s", "refuse", "Paused");
    scene.replace(&source("2"));
    scene.create(&secret("a/new").data("k", "new").note("replicate-to-namespaces", "{b},{c}"));
    scene.set_data("b/serves", "k", "owned");
    scene.has_data("c/s", &[("k", "2")]);
    scene.has_data("c/new", &[("k", "new")]);
    scene.has_data("c/served", &[("k", "owned")]);
    ["b/s", "b/pulls", "b/new"].iter().for_each(|key| drop(scene.is_logged(key, "refuse", "Paused")));
    scene.all_stay(&before);
    // A replica that somebody deletes stays away.
    scene.delete("b/s");
    scene.barrier();
    assert_eq!((scene.get("b/s"), scene.get("b/new")), (None, None));
    scene.note_namespace("b", "paused", Some("false"));
    ["b/s", "b/pulls"].iter().for_each(|key| drop(scene.has_data(key, &[("k", "2")])));
    scene.has_data("b/new", &[("k", "new")]);
}
