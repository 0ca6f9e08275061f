//! Issue 5: the upgrade from v1.3.0. Its objects are adopted as they are, without one needless write.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use serde_json::Value;

/// The time at which v1.3.0 wrote.
const THEN: &str = "2023-04-05T06:07:08Z";

fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().expect("a version")
}

/// What v1.3.0 left on a replica that holds the data of `source`.
fn holding(object: Object, source: &Value) -> Object {
    object.note("replicated-at", THEN).note("replicated-from-version", version(source))
}

/// Pushed replicas, pulled ones, a chain of pulls, one that was copied once, a combined push, cleared targets of several types,
/// both kinds: all as v1.3.0 leaves them when it has nothing to do any more.
fn v1_3_0(scene: &Scene) -> Vec<Value> {
    let mut left = Vec::new();
    for make in [secret, config_map] {
        let source = scene.create(&make("a/pushed").data("k", "v").note("replicate-to-namespaces", "{b},{c}"));
        for target in ["b/pushed", "c/pushed"] {
            let replica = make(target).data("k", "v").note("replicated-by", "{a}/pushed");
            left.push(scene.create(&scene.created(holding(replica, &source))));
        }
        left.push(source);

        // A chain: c/chain pulls from b/chain, which pulls from a/root.
        let root = scene.create(&make("a/root").data("k", "v").note("replication-allowed-namespaces", "{b},{c}"));
        let middle =
            make("b/chain").data("k", "v").note("replicate-from", "{a}/root").note("replication-allowed", "true");
        let middle = holding(middle, &root).note("replicated-from-origin", "{a}/root");
        let middle = scene.create(&middle.note("replicated-from-allowed", "{b},{c}"));
        let end = make("c/chain").data("k", "v").note("replicate-from", "{b}/chain");
        let end = holding(end, &middle).note("replicated-from-origin", "{a}/root");
        left.push(scene.create(&end.note("replicated-from-allowed", "{b},{c}")));
        left.extend([root, middle]);

        // Copied once, from a source that changed since.
        let once = make("a/once").data("k", "1").note("replication-allowed", "true");
        let first = scene.create(&once.clone().note("replicate-once-version", "1"));
        let copy = make("b/once").data("k", "1").note("replicate-from", "{a}/once").note("replicate-once", "true");
        let copy = holding(copy, &first).note("replicate-once-version", "1").note("replicated-from-allowed", ".*");
        left.push(scene.create(&copy));
        left.push(scene.replace(&once.data("k", "2").note("replicate-once-version", "1")));

        // A push of what another object gives.
        let given = scene.create(&make("a/given").data("k", "v").note("replication-allowed", "true"));
        let combined = make("b/combined").note("replicate-from", "{a}/given").note("replicate-to", "made");
        left.push(scene.create(&combined));
        let made =
            make("b/made").data("k", "v").note("replicate-from", "{a}/given").note("replicated-by", "{b}/combined");
        let made = holding(made, &given).note("replicated-from-origin", "{a}/given");
        left.push(scene.create(&scene.created(made.note("replicated-from-allowed", ".*"))));
        left.push(given);

        // Cleared, since its source is gone; and one that never received anything.
        let gone = make("b/cleared").note("replicate-from", "{a}/gone").note("replicated-at", THEN);
        left.push(scene.create(&gone));
        left.push(scene.create(&make("b/waiting").data("own", "data").note("replicate-from", "{a}/gone")));
    }
    let cleared = |key: &str, type_: &str| {
        let cleared = secret(key).of_type(type_).note("replicate-from", "{a}/gone");
        cleared.note("replicated-at", THEN)
    };
    let tls = cleared("b/tls", "kubernetes.io/tls").data("tls.crt", "").data("tls.key", "");
    let basic = cleared("b/basic", "kubernetes.io/basic-auth").data("username", "").data("password", &"x".repeat(128));
    let docker = cleared("b/docker", "kubernetes.io/dockerconfigjson").data(".dockerconfigjson", "{}");
    left.extend([tls, basic, docker].iter().map(|object| scene.create(object)));
    left
}

/// Nothing is written when the new program starts, nor when it has verified every replica by its content.
#[test]
fn what_v1_3_0_left_is_adopted_without_a_write() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    let left = v1_3_0(&scene);
    scene.start(&["--resync-period=1s"]);
    scene.all_stay(&left);
    // Rounds of verification have listed everything anew; that what they compared was right shows in that nothing was written.
    scene.is_verified(2);
    scene.all_stay(&left);
    assert_eq!(scene.changes(), []);
}

/// And they are alive: a change of each source reaches its replica, in the same marks.
#[test]
fn what_v1_3_0_left_goes_on() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    let left = v1_3_0(&scene);
    scene.start(&[]);
    scene.all_stay(&left);
    for (source, replicas) in [("pushed", ["b/pushed", "c/pushed"]), ("root", ["b/chain", "c/chain"])] {
        scene.set_data(&format!("a/{source}"), "k", "new");
        replicas.iter().for_each(|replica| drop(scene.has_data(replica, &[("k", "new")])));
    }
    scene.set_data("a/given", "k", "new");
    scene.has_data("b/made", &[("k", "new")]);
    scene.has_data("b/once", &[("k", "1")]);
    scene.note("a/once", "replicate-once-version", Some("2"));
    scene.has_data("b/once", &[("k", "2")]);
    scene.create(&secret("a/gone").data("k", "back").note("replication-allowed", "true"));
    scene.has_data("b/cleared", &[("k", "back")]);
    scene.has_data("b/waiting", &[("k", "back")]);
    scene.delete("a/pushed");
    scene.is_gone("b/pushed");
    scene.is_gone("c/pushed");
}
