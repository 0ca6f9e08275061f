//! SPEC 8: nothing is written over what changed meanwhile, and nothing is removed on half a view.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use k8s_replicator_testenv::{Fault, Proxy, Request, RequestView};
use serde_json::{Value, json};

/// Long enough for a test to do something meanwhile, also when the machine is busy.
const MEANWHILE: Duration = Duration::from_secs(2);

/// A request that waits at the proxy.
struct Delayed(Arc<AtomicBool>);

impl Delayed {
    /// From now on, the first such request waits for a while; all others pass.
    fn first(proxy: &Proxy, method: &'static str, path_end: String) -> Self {
        let waits = Arc::new(AtomicBool::new(false));
        let came = waits.clone();
        proxy.set_rule(move |request| {
            let is_it = request.method == method && request.path.ends_with(&path_end);
            if is_it && !came.swap(true, Ordering::Relaxed) { Fault::Delay(MEANWHILE) } else { Fault::Pass }
        });
        Self(waits)
    }

    /// Waits until it is there.
    fn has_come(self, scene: &Scene) {
        scene.until("the request is at the proxy", || self.0.load(Ordering::Relaxed).then_some(()));
    }
}

/// Waits until the server has refused one such request of the controller.
fn wait_refused(scene: &Scene, verb: &str, resource: &str) {
    scene.until(&format!("a {verb} of {resource} was refused"), || {
        let requests = scene.requests_for_objects();
        // 422: the patch does not fit what is there, which is found out before the version is compared.
        let refused = |request: &&Request| {
            request.verb == verb && request.resource == resource && matches!(request.code, 409 | 422)
        };
        requests.iter().find(refused).map(drop)
    });
}

/// SPEC 8: an update carries the version that was decided on: who leaves while it is on its way is not overwritten.
#[test]
fn an_update_does_not_overwrite_who_left_meanwhile() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/s").data("k", "1").note("replication-allowed", "true"));
    scene.create(&secret("b/t").note("replicate-from", "{a}/s"));
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    scene.has_data("b/t", &[("k", "1")]);
    let delayed = Delayed::first(&proxy, "PATCH", "/secrets/t".to_owned());
    scene.set_data("a/s", "k", "2");
    delayed.has_come(&scene);
    let left = scene.replace(&secret("b/t").data("own", "data"));
    wait_refused(&scene, "patch", "secrets");
    scene.stays(&left);
    // Of a sentinel the controller may know before it knows of the namespace that this pushes to.
    let sentinels = scene.namespace_name("sentinel");
    let is_own = |line: &Value| !line["target"].as_str().is_some_and(|target| target.starts_with(&sentinels));
    let lines = scene.controller().log_lines().into_iter();
    let failures = lines.filter(|line| line["level"] == "WARN" && is_own(line));
    assert_eq!(failures.collect::<Vec<_>>(), [json!(null); 0], "that is no failure");
}

/// SPEC 8: a conflict means: look again, decide again. What others wrote meanwhile is kept.
#[test]
fn a_conflict_is_looked_at_again() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source = secret("a/s").note("replicate-to", "{b}/t");
    scene.create(&source.clone().data("k", "1"));
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    scene.has_data("b/t", &[("k", "1")]);
    let delayed = Delayed::first(&proxy, "PATCH", "/secrets/t".to_owned());
    let source = scene.put(&source.data("k", "2"));
    delayed.has_come(&scene);
    scene.patch("secrets", "b/t", &json!({ "metadata": { "labels": { "own": "label" } }, "data": { "own": "eA==" } }));
    wait_refused(&scene, "patch", "secrets");
    scene.becomes(&scene.created(secret("b/t").data("k", "2").label("own", "label").made_by(&source).holding(&source)));
}

/// SPEC 8: a clear carries the version: the user who points the target elsewhere meanwhile does not find it empty.
#[test]
fn a_clear_does_not_empty_what_changed_meanwhile() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source = |name: &str| secret(&format!("a/{name}")).data("from", name).note("replication-allowed", "true");
    scene.create(&source("one"));
    scene.create(&secret("b/t").note("replicate-from", "{a}/one"));
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    scene.has_data("b/t", &[("from", "one")]);
    let delayed = Delayed::first(&proxy, "PATCH", "/secrets/t".to_owned());
    scene.delete("a/one");
    delayed.has_come(&scene);
    let kept = scene.note("b/t", "replicate-from", None);
    wait_refused(&scene, "patch", "secrets");
    scene.stays(&kept);
    assert_eq!(kept["data"]["from"], json!("b25l"));
}

/// SPEC 8: a delete carries the version: a replica that somebody makes his own meanwhile is not deleted.
#[test]
fn a_delete_does_not_hit_what_changed_meanwhile() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    for kind in [secret, config_map] {
        scene.create(&kind("a/s").data("k", "v").note("replicate-to", "{b}/t"));
        scene.has_data_of(&kind("b/t").data("k", "v"));
        let resource = kind("a/s").resource();
        let delayed = Delayed::first(&proxy, "DELETE", format!("/{resource}/t"));
        scene.remove(&kind("a/s"));
        delayed.has_come(&scene);
        let own = scene.replace(&kind("b/t").data("k", "v"));
        wait_refused(&scene, "delete", resource);
        scene.stays(&own);
    }
}

/// SPEC 8: a delete carries the uid too: another object that took the name meanwhile is not deleted.
#[test]
fn a_delete_does_not_hit_another_object_of_the_name() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/s").data("k", "v").note("replicate-to", "{b}/t"));
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    scene.has_data("b/t", &[("k", "v")]);
    let delayed = Delayed::first(&proxy, "DELETE", "/secrets/t".to_owned());
    scene.delete("a/s");
    delayed.has_come(&scene);
    scene.delete("b/t");
    let own = scene.create(&secret("b/t").data("own", "data"));
    wait_refused(&scene, "delete", "secrets");
    scene.stays(&own);
}

/// SPEC 8: a create fails if something is there: the controller logs that the object was not made by the source, and leaves it
/// alone.
#[test]
fn a_create_does_not_replace_what_came_meanwhile() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    let delayed = Delayed::first(&proxy, "POST", format!("/{}/secrets", scene.namespace_name("b")));
    scene.create(&secret("a/s").data("k", "v").note("replicate-to", "{b}/t"));
    delayed.has_come(&scene);
    let own = scene.create(&secret("b/t").data("own", "data"));
    scene.is_logged("b/t", "refuse", "NotCreatedBySource");
    scene.stays(&own);
    wait_refused(&scene, "create", "secrets");
}

/// What is to be deleted and what is to be cleared since its source vanished while no controller ran, of one kind.
fn orphans(kind: fn(&str) -> Object) -> [Object; 2] {
    [kind("b/deleted").note("replicated-by", "{a}/gone"), kind("b/cleared").note("replicate-from", "{a}/gone")]
}

/// SPEC 8: nothing is deleted, cleared or made before the namespaces are listed, though all objects are.
#[test]
fn nothing_is_done_before_the_namespaces_are_listed() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    for orphan in [orphans(secret), orphans(config_map)].into_iter().flatten() {
        scene.create(&orphan.data("k", "v").note("replicated-from-version", "1"));
    }
    scene.create(&secret("a/s").data("k", "v").note("replicate-to", "{b}/new"));
    let proxy = scene.proxy();
    let of_namespaces = |request: &RequestView| request.path == "/api/v1/namespaces";
    proxy.set_rule(move |request| if of_namespaces(request) { Fault::Delay(MEANWHILE) } else { Fault::Pass });
    scene.start_at(proxy.kubeconfig(), &[]);
    for resource in ["secrets", "configmaps"] {
        scene.until("everything else is listed, and watched", || {
            let watches = |request: &RequestView| request.is_watch() && request.path.ends_with(resource);
            proxy.seen().iter().any(watches).then_some(())
        });
    }
    scene.is_not_ready(&["secret", "configMap"]);
    for [deleted, cleared] in [orphans(secret), orphans(config_map)] {
        scene.is_deleted(&deleted);
        scene.becomes(&cleared.written());
    }
    scene.has_data("b/new", &[("k", "v")]);
    // In the order in which the server received them.
    let requests = scene.requests();
    let listed = requests.iter().position(|request| request.verb == "list" && request.resource == "namespaces");
    let begun = requests.iter().position(|request| !matches!(request.verb.as_str(), "list" | "watch"));
    assert!(listed.is_some() && listed < begun, "{requests:#?}");
}

/// From now on lists of Secrets have a first page, on which this object stands alone, and break off then; watches fail. Waits until
/// that has happened a few times.
fn lists_break_off_behind(scene: &Scene, proxy: &mut Proxy, object: &Value) {
    let page = json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
        "metadata": { "resourceVersion": object["metadata"]["resourceVersion"], "continue": "more" },
        "items": [{ "metadata": object["metadata"] }],
    });
    let answer = move |request: &RequestView| match request.path.as_str() {
        "/api/v1/secrets" if request.is_watch() => Fault::status(410),
        "/api/v1/secrets" if request.query.contains("continue=") => Fault::status(500),
        "/api/v1/secrets" => Fault::Status { code: 200, headers: Vec::new(), body: page.to_string() },
        _ => Fault::Pass,
    };
    proxy.set_rule(answer);
    proxy.break_connections();
    scene.until("the second page was asked for again and again", || {
        let asked = |request: &&RequestView| request.query.contains("continue=more");
        (proxy.seen().iter().filter(asked).count() >= 2).then_some(())
    });
}

/// SPEC 8: a list that breaks off in the middle is no list: what its first page lacks is not taken to be gone.
#[test]
fn nothing_is_done_on_half_a_list() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source = scene.create(&secret("a/s").data("k", "v").note("replication-allowed", "true"));
    let target = secret("b/t").note("replicate-from", "{a}/s").data("k", "v").pulled(&source, ".*");
    let target = scene.create(&target.note("replicated-at", "2020-02-02T02:02:02Z"));
    let mut proxy = scene.proxy();
    proxy.set_rule(|_| Fault::Hang);
    scene.start_at(proxy.kubeconfig(), &[]);
    lists_break_off_behind(&scene, &mut proxy, &target);
    scene.is_not_ready(&["secret"]);
    proxy.set_rule(|_| Fault::Pass);
    scene.wait_ready();
    scene.stays(&target);
    assert_eq!(scene.changes(), []);
}

/// SPEC 8: the same for a list that is made later, when a watch cannot go on.
#[test]
fn nothing_is_removed_on_half_of_a_later_list() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let mut proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    scene.create(
        &secret("a/s").data("k", "v").note("replication-allowed", "true").note("replicate-to-namespaces", "{b}"),
    );
    scene.create(&secret("b/t").note("replicate-from", "{a}/s"));
    let replicas = ["b/s", "b/t"].map(|key| scene.has_data(key, &[("k", "v")]));
    lists_break_off_behind(&scene, &mut proxy, &replicas[1]);
    proxy.set_rule(|_| Fault::Pass);
    scene.all_stay(&replicas);
    // Only a complete list shows what is gone.
    scene.delete("a/s");
    scene.is_gone("b/s");
}
