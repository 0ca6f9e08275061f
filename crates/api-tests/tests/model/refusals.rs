//! Refusals that do not come of what is stored: RBAC's, a quota's, a policy's, a webhook's.

use http::Method;
use k8s_replicator_api_tests::{Obstacle, Scene};
use k8s_replicator_sim::api::admission::{Effect, Policy};
use k8s_replicator_sim::api::object::Resource;
use k8s_replicator_sim::api::rbac::{ACCOUNT, Roles};
use k8s_replicator_sim::api::server::refused;
use k8s_replicator_testenv::{Client, Rights};
use serde_json::{Value, json};

use super::answer::Answer;
use super::pair::{JSON, JSON_METADATA, METADATA, Pair, WHOLE, request};

/// The chart's Role, as the model's [`Roles`] grant it.
fn role(scene: &Scene, short: &str, user: &str) {
    let namespace = scene.namespace_name(short);
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    let rules = [
        rule("", &["namespaces"], &["get"]),
        rule("", &["secrets", "configmaps"], &["get", "list", "watch", "create", "patch", "delete"]),
        rule("events.k8s.io", &["events"], &["create", "patch"]),
    ];
    let base = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
    let subject = json!({ "kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io" });
    let reference = json!({ "kind": "Role", "name": "replicator", "apiGroup": "rbac.authorization.k8s.io" });
    let binding = json!({ "metadata": { "name": "replicator" }, "subjects": [subject], "roleRef": reference });
    for (path, object) in
        [("roles", json!({ "metadata": { "name": "replicator" }, "rules": rules })), ("rolebindings", binding)]
    {
        scene.plane().client().request(&Method::POST, &format!("{base}/{path}"), Some(&object)).expect("a Role");
    }
}

/// What has to be the same of an answer, with other names in it.
fn compared(answer: &Answer, names: &[(&str, &str)]) -> String {
    names.iter().fold(answer.comparable(), |text, (from, to)| text.replace(from, to))
}

#[test]
fn what_no_role_grants_is_refused_alike() {
    let scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let user = scene.plane().user(Rights::Nothing);
    role(&scene, "a", &user.name);
    let client = Client::new(&user.kubeconfig).expect("a client");
    let [a, b] = ["a", "b"].map(|short| scene.namespace_name(short));
    scene.until("the Role holds", || {
        let path = format!("/api/v1/namespaces/{a}/secrets?limit=1");
        client.send(&Method::GET, &path, None).ok().filter(|(code, _)| *code == 200)
    });
    let pair = Pair::of(client, &a);
    let roles = Roles(vec![a.clone().leak()]);
    let names = [(ACCOUNT, &*user.name)];
    let (mut granted, mut denied) = (0, 0);
    let mut asked: Vec<(&str, String)> = Vec::new();
    for resource in ["namespaces", "secrets", "configmaps"] {
        for query in ["limit=500", "watch=true&timeoutSeconds=1&resourceVersion=0"] {
            asked.push(("GET", format!("/api/v1/{resource}?{query}")));
        }
    }
    for namespace in [&*a, &*b, "nowhere"] {
        for method in ["GET", "PATCH", "DELETE"] {
            // Nobody deletes the scene's own, whatever is granted.
            if method == "GET" || namespace != a {
                asked.push((method, format!("/api/v1/namespaces/{namespace}")));
            }
            for resource in ["secrets", "configmaps"] {
                asked.push((method, format!("/api/v1/namespaces/{namespace}/{resource}/x")));
            }
        }
        for resource in ["secrets", "configmaps"] {
            for query in ["limit=500", "watch=true&timeoutSeconds=1&resourceVersion=0"] {
                asked.push(("GET", format!("/api/v1/namespaces/{namespace}/{resource}?{query}")));
            }
            asked.push(("POST", format!("/api/v1/namespaces/{namespace}/{resource}?fieldManager=m")));
        }
        asked.push(("POST", format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events?fieldManager=m")));
        asked.push(("PATCH", format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events/x?fieldManager=m")));
    }
    for (method, path) in &asked {
        for accept in [JSON, WHOLE, METADATA, JSON_METADATA] {
            // The body does not matter to authorization; what is granted is refused for it.
            let types = [accept, if *method == "PATCH" { "application/json-patch+json" } else { JSON }];
            let body = if *method == "GET" { Value::Null } else { json!([]) };
            let real = pair.real(method, path, types, &body);
            let asked = request(method, path, types, &body);
            match roles.refuse(&asked) {
                None => {
                    granted += 1;
                    assert_ne!(real.status, 403, "{method} {path}: {}", String::from_utf8_lossy(&real.body));
                }
                Some(refusal) => {
                    denied += 1;
                    let model = Answer::of_model(refused(&asked, &refusal));
                    assert_eq!(compared(&real, &[]), compared(&model, &names), "{method} {path} ({accept})");
                }
            }
        }
    }
    assert!(granted >= 40 && denied >= 100, "{granted} {denied}");
}

#[test]
fn admission_refuses_alike() {
    let scene = Scene::new();
    scene.namespaces(&["m"]);
    let namespace = scene.namespace_name("m");
    let why = format!("not in {namespace}");
    let webhook = |code: u16, reason: &str, retry_after: Option<u64>| {
        let mut status = json!({ "code": code, "reason": reason, "message": why });
        if let Some(seconds) = retry_after {
            status["details"]["retryAfterSeconds"] = json!(seconds);
        }
        Obstacle::denying_webhook(&scene, "m", status)
    };
    type Make<'a> = Box<dyn Fn() -> Obstacle + 'a>;
    let table: [(Effect, &str, Make<'_>); 6] = [
        (Effect::Quota, "objects", Box::new(|| Obstacle::quota(&scene, "m"))),
        (Effect::Deny(422, None), "guard.example.com", Box::new(|| Obstacle::policy(&scene, "m", "false", &why))),
        (Effect::Deny(403, None), "guard.example.com", Box::new(|| webhook(403, "Forbidden", None))),
        (Effect::Deny(429, Some(7)), "guard.example.com", Box::new(|| webhook(429, "TooManyRequests", Some(7)))),
        (Effect::Deny(429, None), "guard.example.com", Box::new(|| webhook(429, "TooManyRequests", None))),
        (Effect::Deny(503, None), "guard.example.com", Box::new(|| webhook(503, "ServiceUnavailable", None))),
    ];
    for (effect, name, make) in table {
        let obstacle = make();
        let mut pair = Pair::new(&scene);
        pair.policies = vec![Policy { namespace: namespace.clone(), effect }];
        let names = [(name, obstacle.name())];
        let path = format!("{}?fieldManager=k8s-replicator", pair.collection(Resource::ConfigMap));
        let manifest =
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x" }, "data": { "k": "v" } });
        for accept in [JSON, WHOLE, METADATA, JSON_METADATA] {
            let (real, model) = (
                pair.real("POST", &path, [accept, JSON], &manifest),
                pair.model("POST", &path, [accept, JSON], &manifest),
            );
            assert!(real.status >= 400, "{effect:?}");
            assert_eq!(compared(&real, &[]), compared(&model, &names), "{effect:?} ({accept})");
        }
        drop(obstacle);
        // It is over when the API server has noticed.
        let probe = json!({ "metadata": { "name": "probe" } });
        scene.until("nothing is in the way", || {
            let path = format!("/api/v1/namespaces/{namespace}/configmaps?dryRun=All");
            let (code, _) = scene.plane().client().send(&Method::POST, &path, Some(&probe)).ok()?;
            (code == 201).then_some(())
        });
    }
}
