//! Issue 3, "bad input": the largest objects that the API server takes.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};

/// As much data as a Secret or ConfigMap can hold.
const MOST_DATA: usize = 1 << 20;
/// As much as all annotations of an object may be long together is 256 KiB.
const LONG_NOTE: usize = 200 << 10;

/// Issue 3: Secrets and ConfigMaps of 1 MiB, pushed, pulled, changed and cleared.
#[test]
fn objects_of_one_mebibyte() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    let kinds: [fn(&str) -> Object; 2] = [secret, config_map];
    for kind in kinds {
        let source = |byte: &str, size| {
            // A ConfigMap's limit counts its keys as well.
            kind("a/s").data("k", &byte.repeat(size - 1)).note("replication-allowed", "true")
        };
        let pushing = |byte: &str, size| source(byte, size).note("replicate-to-namespaces", "{b},{c}");
        let target = kind("b/t").note("replicate-from", "{a}/s");
        scene.create(&target);
        for (byte, size) in [("x", MOST_DATA), ("y", MOST_DATA), ("z", MOST_DATA / 2)] {
            scene.put(&pushing(byte, size));
            for key in ["b/s", "c/s", "b/t"] {
                scene.has_data_of(&source(byte, size).at(key));
            }
        }
        scene.remove(&pushing("z", 1));
        scene.is_deleted(&kind("b/s"));
        scene.becomes(&target.written());
    }
}

/// Issue 3: objects whose annotations are 200 KiB: others' on a source, on a replica and on a target, which stay there and
/// are nowhere else; and a list of the controller's own that is as long.
#[test]
fn objects_whose_annotations_are_200_kibibytes() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let long = "n".repeat(LONG_NOTE);
    let kinds: [fn(&str) -> Object; 2] = [secret, config_map];
    for kind in kinds {
        let source = |value: &str| {
            let source = kind("a/s").data("k", value).other_note("long", &long).note("replication-allowed", "true");
            source.note("replicate-to-namespaces", "{b}")
        };
        let target = kind("b/t").note("replicate-from", "{a}/s").other_note("long", &long);
        scene.create(&target);
        let replica = |value: &str| kind("b/s").data("k", value).note("replication-allowed", "true");
        let first = scene.create(&source("1"));
        scene.becomes(&scene.created(replica("1").made_by(&first).holding(&first)));
        scene.becomes(&target.clone().data("k", "1").pulled(&first, ".*"));
        let note = serde_json::json!({ "metadata": { "annotations": { "long": long } } });
        scene.patch(target.resource(), "b/s", &note);
        let second = scene.put(&source("2"));
        scene.becomes(&scene.created(replica("2").other_note("long", &long).made_by(&second).holding(&second)));
        scene.becomes(&target.data("k", "2").pulled(&second, ".*"));
    }
    // 200 KiB of namespaces, of which the last one counts, and as many patterns that look at every letter of a name as one object may
    // have beside so many names.
    let mut list: String = (0..10_500).map(|n| format!("nowhere-{n}-at-all,")).collect();
    list.extend((0..2).map(|n| format!("(no|where)-{n}[x-z]+,")));
    assert!(list.len() > 190_000 && list.len() < 240_000, "{}", list.len());
    let lists = |list: &str| secret("a/lists").data("k", "v").note("replicate-to-namespaces", list);
    scene.create(&lists(&format!("{list}{{b}}")));
    scene.has_data("b/lists", &[("k", "v")]);
    scene.put(&lists(&list));
    scene.is_gone("b/lists");
}
