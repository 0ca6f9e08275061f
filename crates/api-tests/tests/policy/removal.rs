//! SPEC 11.1: `removal-delay`, on a source, on its replicas, and on a target that pulls.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};

const KINDS: [fn(&str) -> Object; 2] = [secret, config_map];

/// The annotation comes before the flag, in both directions; `never` keeps replicas, which are followed again when the source
/// returns.
#[test]
fn the_sources_own_delay_counts() {
    for (flag, value, is_kept) in
        [("--removal-delay=0", "never", true), ("--removal-delay=0", "1h", true), ("--removal-delay=1h", "0", false)]
    {
        let mut scene = Scene::new();
        scene.namespaces(&["a", "b"]);
        scene.start(&[flag]);
        for kind in KINDS {
            let source = |data: &str| {
                let source = kind("a/s").data("k", data).note("replicate-to-namespaces", "{b}");
                source.note("removal-delay", value)
            };
            scene.create(&source("1"));
            let replica = scene.has_data_of(&kind("b/s").data("k", "1"));
            assert_eq!(scene.note_of(&replica, "removal-delay").as_deref(), Some(value));
            scene.barrier();
            scene.remove(&source("1"));
            if !is_kept {
                scene.is_deleted(&kind("b/s"));
                continue;
            }
            scene.stays(&replica);
            // Also after a restart, which knows the delay from the replica alone.
            scene.restart(&[flag]);
            scene.stays(&replica);
            scene.create(&source("2"));
            let followed = scene.has_data_of(&kind("b/s").data("k", "2"));
            assert_eq!(followed["metadata"]["uid"], replica["metadata"]["uid"]);
            // What is said outright is done at once.
            scene.replace(&kind("a/s").data("k", "2").note("replicate-to", "").note("removal-delay", value));
            scene.is_deleted(&kind("b/s"));
        }
    }
}

/// A pulling target has a delay of its own.
#[test]
fn a_pulling_targets_own_delay_counts() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--removal-delay=1h"]);
    for kind in KINDS {
        let source = kind("a/s").data("k", "v").note("replication-allowed", "true");
        scene.create(&source);
        scene.create(&kind("b/at-once").note("replicate-from", "{a}/s").note("removal-delay", "0"));
        scene.create(&kind("b/keeps").note("replicate-from", "{a}/s"));
        let kept = ["b/at-once", "b/keeps"].map(|key| scene.has_data_of(&kind(key).data("k", "v")))[1].clone();
        scene.barrier();
        scene.remove(&source);
        scene.has_data_of(&kind("b/at-once"));
        scene.stays(&kept);
    }
}
