//! Issue 3, "bad input": an account that lacks rights, with the API server's own RBAC, and one that nobody knows.

use http::Method;
use k8s_replicator_api_tests::{Scene, config_map, secret};
use k8s_replicator_testenv::Rights;
use serde_json::{Value, json};

/// Gives the controller's account these rights, in the place of those that it had by the same `name`.
pub(crate) fn grant(scene: &Scene, name: &str, rules: &[(&[&str], &[&str])]) {
    let client = scene.plane().client();
    let name = format!("{}-{name}", scene.user().name);
    let rules: Vec<Value> = rules
        .iter()
        .map(|(resources, verbs)| json!({ "apiGroups": ["", "events.k8s.io"], "resources": resources, "verbs": verbs }))
        .collect();
    let role = json!({ "metadata": { "name": name }, "rules": rules });
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    match client.get(&format!("{path}/{name}")) {
        Ok(_) => client.request(&Method::PUT, &format!("{path}/{name}"), Some(&role)).expect("a changed role"),
        Err(_) => client.request(&Method::POST, path, Some(&role)).expect("a role"),
    };
    let binding = json!({
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": scene.user().name }],
    });
    let (status, _) =
        scene.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "application/json", &binding);
    assert!(matches!(status, 201 | 409), "{status}");
}

pub(crate) const WATCH: &[&str] = &["list", "watch"];
pub(crate) const ALL: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// Issue 3: 403 on one kind: the log says which verb on which resource is missing, the other kind is replicated. With the
/// right the rest comes by itself.
#[test]
pub(crate) fn without_rights_on_one_kind_the_other_is_replicated() {
    let mut scene = Scene::for_user(Rights::Nothing);
    scene.namespaces(&["a", "b"]);
    grant(&scene, "some", &[(&["configmaps"], ALL), (&["namespaces"], WATCH)]);
    let gone = scene.create(&secret("b/orphan").data("k", "v").note("replicated-by", "{a}/gone"));
    for kind in [secret, config_map] {
        scene.create(&kind("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
    }
    scene.start_without_waiting(&[]);
    scene.has_data_of(&config_map("b/s").data("k", "v"));
    let line = scene.logs("what is missing", |line| line["reason"] == "Forbidden");
    let error = line["error"].as_str().unwrap_or_default();
    assert!(error.contains(r#"needs the verb "list" on "secrets" in all namespaces"#), "{error}");
    scene.is_not_ready(&["secret"]);
    assert_eq!(scene.get("b/s"), None);
    assert_eq!(scene.get("b/orphan"), Some(gone));
    grant(&scene, "more", &[(&["secrets"], ALL)]);
    scene.wait_ready();
    scene.has_data("b/s", &[("k", "v")]);
    scene.is_gone("b/orphan");
}

/// Issue 3: the same for the namespaces, without which nothing is done.
#[test]
fn without_the_namespaces_nothing_is_done() {
    let mut scene = Scene::for_user(Rights::Nothing);
    scene.namespaces(&["a", "b"]);
    grant(&scene, "some", &[(&["configmaps", "secrets"], ALL)]);
    let orphan = scene.create(&secret("b/orphan").note("replicated-by", "{a}/gone"));
    scene.start_without_waiting(&[]);
    let line = scene.logs("what is missing", |line| line["reason"] == "Forbidden");
    let error = line["error"].as_str().unwrap_or_default();
    assert!(error.contains(r#"needs the verb "list" on "namespaces""#), "{error}");
    scene.is_not_ready(&["secret", "configMap"]);
    assert_eq!(scene.get("b/orphan"), Some(orphan));
    grant(&scene, "more", &[(&["namespaces"], WATCH)]);
    scene.is_gone("b/orphan");
}

/// Issue 3: the log names each verb that is missing, and the object of the request that was refused; everything else goes on, and
/// the request is made again.
#[test]
fn each_missing_verb_is_named() {
    let mut scene = Scene::for_user(Rights::Nothing);
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/s").data("k", "1").note("replicate-to-namespaces", "{b}"));
    let mut verbs = vec!["list", "watch"];
    grant(&scene, "secrets", &[(&["secrets"], &verbs), (&["namespaces"], WATCH)]);
    scene.start(&["--run-replicators=secret"]);
    let is_missing = |scene: &Scene, verb: &str, name: &str| {
        let said = format!("cannot {verb} resource \"secrets\"");
        let line = scene.logs(&format!("that {verb} is missing"), |line| {
            line["reason"] == "Forbidden" && line["error"].as_str().is_some_and(|error| error.contains(&said))
        });
        assert!(
            line["error"].as_str().is_some_and(|error| error.starts_with(&format!("{verb} Secret {name}"))),
            "{line}"
        );
        assert_eq!(line["target"], json!(scene.full("{b}/s")));
    };
    let (source, replica) = (scene.full("{a}/s"), scene.full("{b}/s"));
    for (verb, name) in [("get", &source), ("create", &replica)] {
        is_missing(&scene, verb, name);
        verbs.push(verb);
        grant(&scene, "secrets", &[(&["secrets"], &verbs), (&["namespaces"], WATCH)]);
    }
    scene.has_data("b/s", &[("k", "1")]);
    scene.set_data("a/s", "k", "2");
    is_missing(&scene, "patch", &replica);
    scene.has_data("b/s", &[("k", "1")]);
    verbs.push("patch");
    grant(&scene, "secrets", &[(&["secrets"], &verbs), (&["namespaces"], WATCH)]);
    scene.has_data("b/s", &[("k", "2")]);
    scene.delete("a/s");
    is_missing(&scene, "delete", &replica);
    scene.has_data("b/s", &[("k", "2")]);
    verbs.push("delete");
    grant(&scene, "secrets", &[(&["secrets"], &verbs), (&["namespaces"], WATCH)]);
    scene.is_gone("b/s");
    // The controller needs no further rights.
    let asked: Vec<String> = scene.requests().into_iter().map(|request| request.verb).collect();
    assert!(asked.iter().all(|verb| ALL.contains(&verb.as_str())), "{asked:?}");
}

/// Issue 3: 401, from the API server itself: a token that it does not know.
#[test]
fn an_unknown_token_is_logged() {
    let mut scene = Scene::new();
    scene.namespaces(&["b"]);
    let orphan = scene.create(&secret("b/orphan").note("replicated-by", "{b}/gone"));
    let config = std::fs::read_to_string(&scene.user().kubeconfig).expect("the user's kubeconfig");
    let path = scene.user().kubeconfig.with_extension("unknown");
    std::fs::write(&path, config.replace(&scene.user().token, "a-token-that-nobody-knows"))
        .expect("another kubeconfig");
    scene.start_at(&path, &[]);
    let line = scene.logs("that nobody knows it", |line| line["level"] == "WARN" && line["verb"] == "list");
    assert_eq!(line["reason"], json!("Forbidden"));
    let error = line["error"].as_str().unwrap_or_default();
    assert!(error.contains("401 Unauthorized") && error.contains("credentials"), "{line}");
    assert!(!error.contains("needs the verb"), "no right is what is missing: {line}");
    scene.is_not_ready(&["secret", "configMap"]);
    assert!(!scene.controller().log().contains("a-token-that-nobody-knows"));
    assert_eq!(scene.get("b/orphan"), Some(orphan));
}
