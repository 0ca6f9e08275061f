//! `--namespaces`: with no rights but Roles in the named namespaces, and nothing outside of them.

use k8s_replicator_api_tests::{Scene, config_map, secret};
use k8s_replicator_testenv::Rights;
use serde_json::json;

const VERBS: [&str; 6] = ["get", "list", "watch", "create", "patch", "delete"];

/// A Role in one namespace, as the chart makes it, and its binding to the controller's account.
fn grant_in(scene: &Scene, short: &str) {
    let namespace = scene.namespace_name(short);
    let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
    let role = json!({ "metadata": { "name": "replicator" }, "rules": [
        { "apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": VERBS },
        { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] },
    ] });
    let binding = json!({
        "metadata": { "name": "replicator" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "replicator" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": scene.user().name }],
    });
    for (resource, object) in [("roles", role), ("rolebindings", binding)] {
        let (status, answer) = scene.call("POST", &format!("{path}/{resource}"), "application/json", &object);
        assert_eq!(status, 201, "{answer}");
    }
}

fn flag(scene: &Scene, namespaces: &str) -> String {
    format!("--namespaces={}", scene.full(namespaces))
}

/// Roles are enough, and no request goes anywhere else: neither for a push that names a namespace outside, nor for one that
/// matches all, nor for a source outside. What such a source gave is left as it is.
#[test]
fn nothing_outside_is_asked_for() {
    let mut scene = Scene::for_user(Rights::Nothing);
    scene.namespaces(&["a", "b", "out"]);
    ["a", "b"].iter().for_each(|namespace| grant_in(&scene, namespace));
    scene.create(&secret("out/s").data("k", "new").note("replication-allowed", "true"));
    let pulled = secret("b/pulled").data("k", "old").note("replicate-from", "{out}/s");
    let pulled = scene.create(&pulled.note("replicated-from-version", "1").note("replicated-from-allowed", ".*"));
    let pushed = secret("b/pushed").data("k", "old").note("replicated-by", "{out}/gone");
    let pushed = scene.create(&pushed.note("replicated-from-version", "1"));
    scene.create(&secret("a/s").data("k", "v").note("replicate-to-namespaces", "{a}.*,{b}.*,{out},t[0-9]+-out"));
    scene.create(&config_map("a/m").data("k", "v").note("replicate-to", "{b}/m,{out}/m"));

    let namespaces = flag(&scene, "{a},{b}");
    scene.start(&[&namespaces]);
    scene.has_data("b/s", &[("k", "v")]);
    scene.has_data_of(&config_map("b/m").data("k", "v"));
    for (target, reason) in [
        ("out/s", "NamespaceNotWatched"),
        ("out/m", "NamespaceNotWatched"),
        ("b/pulled", "SourceNotWatched"),
        ("b/pushed", "SourceNotWatched"),
    ] {
        scene.is_logged(target, "refuse", reason);
    }
    // What comes later is replicated too, and what goes is followed.
    scene.set_data("a/s", "k", "w");
    scene.has_data("b/s", &[("k", "w")]);
    scene.delete("b/s");
    scene.has_data("b/s", &[("k", "w")]);
    scene.create(&secret("b/t").note("replicate-from", "{a}/allowed"));
    scene.create(&secret("a/allowed").data("k", "v").note("replication-allowed", "true"));
    scene.has_data("b/t", &[("k", "v")]);
    scene.delete("a/s");
    scene.is_gone("b/s");

    assert_eq!((scene.get("b/pulled"), scene.get("b/pushed")), (Some(pulled), Some(pushed)));
    assert!(scene.get("out/m").is_none() && scene.get_of("configmaps", "out/m").is_none());
    let own = ["a", "b"].map(|short| scene.namespace_name(short));
    for request in scene.requests() {
        assert!(own.contains(&request.namespace), "outside: {request:?}");
        assert!(request.code != 403, "not granted: {request:?}");
    }
}

/// A namespace that may not be read is not an empty one: nothing is removed while one is missing, and the log says which
/// right is missing where. With the Role the rest comes by itself.
#[test]
fn a_namespace_without_a_role_is_not_empty() {
    let mut scene = Scene::for_user(Rights::Nothing);
    scene.namespaces(&["a", "b"]);
    grant_in(&scene, "a");
    scene.create(&secret("b/s").data("k", "v").note("replicate-to", "{a}/kept"));
    let kept = scene.create(&secret("a/kept").data("k", "old").note("replicated-by", "{b}/s"));
    let orphan = scene.create(&secret("a/orphan").note("replicated-by", "{b}/gone"));
    let namespaces = flag(&scene, "{a},{b}");
    scene.start_without_waiting(&[&namespaces, "--run-replicators=secret"]);
    let b = scene.namespace_name("b");
    for (verb, resource) in [("list", "secrets"), ("get", "namespaces")] {
        let line = scene.logs("what is missing", |line| {
            line["reason"] == "Forbidden" && line["verb"] == json!(verb) && line["resource"] == json!(resource)
        });
        let needs = format!(r#"needs the verb "{verb}" on "{resource}" in the namespace "{b}""#);
        assert!(line["error"].as_str().is_some_and(|error| error.contains(&needs)), "{line}");
    }
    scene.is_not_ready(&["secret"]);
    assert_eq!((scene.get("a/kept"), scene.get("a/orphan")), (Some(kept), Some(orphan)));
    grant_in(&scene, "b");
    scene.wait_ready();
    scene.has_data("a/kept", &[("k", "v")]);
    scene.is_gone("a/orphan");
}

/// A named namespace that does not exist, for an account that may know it: it is no obstacle, and gets its replicas when it
/// comes; while it terminates nothing is tried in it, and when it comes back it gets them again.
#[test]
fn a_named_namespace_comes_goes_and_comes_back() {
    let mut scene = Scene::new();
    // The chart's account has no right to look at a single namespace, unless it has a Role there.
    scene.use_user(scene.plane().user(Rights::Admin));
    scene.namespaces(&["a"]);
    let namespaces = flag(&scene, "{a},{late}");
    scene.create(&secret("a/s").data("k", "v").note("replicate-to", "{late}/s"));
    scene.start(&[&namespaces, "--run-replicators=secret"]);
    scene.namespace("late");
    scene.has_data("late/s", &[("k", "v")]);
    scene.hold_terminating("late");
    scene.delete("late/s");
    // Either the poll of the namespace or a refused write shows that it terminates; from then on the target waits.
    scene.is_logged("late/s", "nothing", "NamespaceTerminating");
    scene.let_go("late");
    scene.namespace("late");
    scene.has_data("late/s", &[("k", "v")]);
}
