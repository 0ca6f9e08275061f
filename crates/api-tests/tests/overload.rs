//! Issue 13, 8: trouble in one namespace holds up no other. On virtual time, and with very many targets: `crates/sim/tests/overload.rs`.

use std::time::{Duration, Instant};

use k8s_replicator_api_tests::{Obstacle, Scene, config_map};

/// Many replicas are wanted where none can be made.
const MANY: usize = 60;
/// Another namespace's replica is there within this time; on a busy machine most of it is the machine's.
const SOON: Duration = Duration::from_secs(5);

/// `says`: what the log says of it.
fn holds_up_no_other(obstacle: impl Fn(&Scene) -> Obstacle, says: &str) {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "full", "free"]);
    let obstacle = obstacle(&scene);
    scene.start(&["--log-level=info"]);
    // Whatever else this machine does, others do not wait much longer than they did before.
    let replicated = |name: &str| {
        let begun = Instant::now();
        scene.create(&config_map(&format!("a/{name}")).data("k", "v").note("replicate-to-namespaces", "{free}"));
        scene.has_data_of(&config_map(&format!("free/{name}")).data("k", "v"));
        begun.elapsed()
    };
    let soon = SOON.max(10 * replicated("before"));
    let to: Vec<String> = (0..MANY).map(|n| format!("{{full}}/t{n}")).collect();
    scene.create(&config_map("a/many").data("k", "v").note("replicate-to", &to.join(",")));
    let line = scene.logs("what is wrong", |line| line["error"].as_str().is_some_and(|error| error.contains(says)));
    assert!(line.to_string().contains(&scene.namespace_name("full")), "{line}");
    for n in 0..5 {
        let waited = replicated(&format!("s{n}"));
        assert!(waited < soon, "{waited:?}, where {soon:?} is soon");
    }
    drop(obstacle);
    let ended = Instant::now();
    while (0..MANY).any(|n| scene.get_of("configmaps", &format!("full/t{n}")).is_none()) {
        assert!(ended.elapsed() < Duration::from_secs(120), "not all are made 2 minutes after it ended");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_quota_that_refuses_holds_up_no_other_namespace() {
    holds_up_no_other(|scene| Obstacle::quota(scene, "full"), "exceeded quota");
}

#[test]
fn a_webhook_that_hangs_holds_up_no_other_namespace() {
    holds_up_no_other(|scene| Obstacle::hanging_webhook(scene, "full", 5), "failed calling webhook");
}
