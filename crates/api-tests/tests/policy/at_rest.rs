//! SPEC 8, 11: objects that use all of section 11 reach a state in which nothing more is written, through restarts and
//! verification.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};

const KINDS: [fn(&str) -> Object; 2] = [secret, config_map];

#[test]
fn a_restart_and_verification_write_nothing_where_every_policy_is_in_use() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    let env = scene.label_key("env");
    ["b", "c"].iter().for_each(|namespace| drop(scene.label_namespace(namespace, "env", Some("prod"))));
    scene.note_namespace("b", "accept-replicas-from", Some("{a}"));
    let selector = format!("{env}=prod");
    for kind in KINDS {
        let data = |object: Object| object.data("x", "1").data("y", "2").data("z", "3").label("team", "red");
        let pushing = data(kind("a/push")).note("replicate-to-namespace-selector", &selector);
        let pushing = pushing.note("replicate-to-namespaces", "!{c}").note("replicate-keys", "x:new,z");
        let pushing = pushing.note("replicate-labels", "*").note("replicate-annotations", "example.com/*");
        let pushing =
            pushing.note("replica-labels", "a=b").note("removal-delay", "1h").other_note("example.com/n", "1");
        let pushing = if kind("").resource() == "secrets" { pushing.note("replicate-type", "a/b") } else { pushing };
        scene.create(&pushing.note("replication-allowed", "true").note("replication-allowed-keys", "!z,*"));
        let root = data(kind("a/root")).note("replication-allowed-namespace-selector", &selector);
        scene.create(&root.note("replication-allowed-keys", "x,y"));
        let middle = kind("b/middle").note("replicate-from", "{a}/root").note("replicate-keys", "x:renamed,*");
        scene.create(&middle.note("replication-allowed", "true").note("replication-allowed-keys", "renamed"));
        scene.create(&kind("c/leaf").note("replicate-from", "{b}/middle"));
        scene.create(&kind("c/once").note("replicate-from", "{b}/middle").note("replicate-once", "true"));
        let combined = kind("b/combined").note("replicate-from", "{a}/root").note("replicate-keys", "y");
        scene.create(&combined.note("replicate-to", "made").note("replica-labels", "c=d"));
        scene.create(&kind("c/of-push").note("replicate-from", "{b}/push"));
    }
    let flags = ["--removal-limit=1", "--require-acceptance"];
    scene.start(&flags);
    let settled = |scene: &Scene| {
        for kind in KINDS {
            scene.has_data_of(&kind("b/push").data("new", "1").data("z", "3"));
            scene.has_data_of(&kind("b/middle").data("renamed", "1").data("y", "2"));
            ["c/leaf", "c/once"].iter().for_each(|key| drop(scene.has_data_of(&kind(key).data("renamed", "1"))));
            scene.has_data_of(&kind("b/made").data("y", "2"));
            scene.has_data_of(&kind("c/of-push").data("new", "1"));
        }
        scene.barrier();
    };
    settled(&scene);
    let written = scene.changes();
    scene.restart(&[&flags[..], &["--resync-period=2s"]].concat());
    settled(&scene);
    scene.is_verified(2);
    settled(&scene);
    assert_eq!(scene.changes()[written.len()..], []);
}
