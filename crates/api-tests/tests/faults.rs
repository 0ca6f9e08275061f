//! Issue 3, "bad input": an API server that is away, refuses, or answers nonsense. In every case the failure is logged, requests
//! are not made in a hot loop, nothing is lost, cleared or deleted, and the controller goes on by itself when the server works
//! again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use k8s_replicator_api_tests::{Scene, config_map, secret};
use k8s_replicator_testenv::{Fault, Proxy, RequestView};
use serde_json::{Value, json};

/// The answer of a proxy that pretends to be the server.
fn answer(code: u16, body: &Value) -> Fault {
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    Fault::Status { code, headers, body: body.to_string() }
}

/// A refusal as the API server words it.
fn refusal(code: u16, reason: &str) -> Fault {
    let message = format!("made up by the test: {reason}");
    answer(
        code,
        &json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": message }),
    )
}

/// Two replicas of each kind, one pushed and one pulling. Their sources are called `a/s`.
fn replicas(scene: &Scene) {
    for kind in [secret, config_map] {
        let source = kind("a/s").data("k", "1").note("replication-allowed", "true");
        scene.create(&source.note("replicate-to-namespaces", "{b}"));
        scene.create(&kind("b/t").note("replicate-from", "{a}/s"));
    }
    replicas_have(scene, "1");
}

/// Changes the data of the sources, which the replicas have to follow.
fn sources_change(scene: &Scene, value: &str) {
    for kind in [secret, config_map] {
        let data = scene.manifest(&kind("a/s").data("k", value))["data"].clone();
        scene.patch(kind("a/s").resource(), "a/s", &json!({ "data": data }));
    }
}

fn replicas_have(scene: &Scene, value: &str) {
    for kind in [secret, config_map] {
        for key in ["b/s", "b/t"] {
            scene.has_data_of(&kind(key).data("k", value));
        }
    }
}

/// Lets everything fail like this for a while, for a controller that runs and for one that starts, and checks the consequences.
/// `error`: what the log line's error contains.
fn everything_fails(fault: &Fault, error: &str) {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let mut proxy = scene.proxy();
    scene.start_behind(&proxy, &["--resync-period=1s"]);
    replicas(&scene);
    for (restart, old, new) in [(false, "1", "2"), (true, "2", "3")] {
        let all = fault.clone();
        proxy.set_rule(move |_| all.clone());
        if restart {
            scene.kill();
            scene.start_at(proxy.kubeconfig(), &["--resync-period=1s"]);
        } else {
            // Open watches end, and new ones fail.
            proxy.break_connections();
        }
        let (asked, begun) = (proxy.seen().len(), Instant::now());
        sources_change(&scene, new);
        scene.until("it tried again and again", || (proxy.seen().len() >= asked + 12).then_some(()));
        scene.logs(error, |line| line["error"].as_str().is_some_and(|logged| logged.contains(error)));
        // There are three watches, and a handful of objects, each of which is to be verified.
        let rate = (proxy.seen().len() - asked) as f64 / begun.elapsed().as_secs_f64().max(0.5);
        assert!(rate < 60.0, "{rate} requests a second");
        if restart {
            scene.is_not_ready(&["secret", "configMap"]);
        }
        replicas_have(&scene, old);
        proxy.set_rule(|_| Fault::Pass);
        scene.wait_ready();
        replicas_have(&scene, new);
    }
}

/// Issue 3: 401, as the server answers a token that it does not know any more.
#[test]
fn a_server_that_answers_401() {
    everything_fails(&refusal(401, "Unauthorized"), "401 Unauthorized");
}

/// Issue 3: 403 on everything.
#[test]
fn a_server_that_answers_403() {
    everything_fails(&refusal(403, "Forbidden"), "the controller's account needs the verb");
}

/// Issue 3: 429 without `Retry-After`.
#[test]
fn a_server_that_answers_429() {
    everything_fails(&refusal(429, "TooManyRequests"), "429 TooManyRequests");
}

/// Issue 3: 500, from the server or from something before it that does not speak JSON.
#[test]
fn a_server_that_answers_500() {
    let page = "<html><body>Bad gateway, sorry</body></html>".to_owned();
    everything_fails(&Fault::Status { code: 500, headers: Vec::new(), body: page }, "500 Internal Server Error");
}

/// Issue 3: connections that break before an answer.
#[test]
fn a_server_that_breaks_every_connection() {
    everything_fails(&Fault::Disconnect, "no answer from the API server at http://127.0.0.1:");
}

/// Issue 3: answers that are no JSON, or JSON of another shape.
#[test]
fn a_server_that_answers_broken_json() {
    for body in ["{\"metadata\":{\"resourceVersion\":", "[1, 2, 3]"] {
        everything_fails(&Fault::Status { code: 200, headers: Vec::new(), body: body.into() }, "cannot be read");
    }
}

/// Issue 3: an API server that is down at the start is waited for; the log has its address, `/healthz` says who waits.
#[test]
fn a_server_that_is_down_at_the_start_is_waited_for() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let mut proxy = scene.proxy();
    proxy.stop();
    scene.start_at(proxy.kubeconfig(), &[]);
    let line = scene.logs("whom it waits for", |line| line["level"] == "WARN" && line["verb"] == "list");
    let config = std::fs::read_to_string(proxy.kubeconfig()).expect("the proxy's kubeconfig");
    let address = config.split("server: ").nth(1).and_then(|rest| rest.lines().next()).expect("an address");
    let error = line["error"].as_str().unwrap_or_default();
    assert!(error.contains(address) && error.contains("refused"), "{line}");
    scene.is_not_ready(&["secret", "configMap"]);
    assert_eq!(scene.controller_mut().get("/livez").map(|(code, _)| code).unwrap_or(0), 200, "waiting is no illness");
    assert_eq!(scene.controller_mut().get("/readyz").map(|(code, _)| code).unwrap_or(0), 503);
    proxy.start_again();
    scene.wait_ready();
    replicas(&scene);
}

/// Issue 3: an API server that goes down while the controller runs, and comes back.
#[test]
fn a_server_that_goes_away_for_a_while_is_waited_for() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let mut proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    replicas(&scene);
    proxy.stop();
    sources_change(&scene, "2");
    scene.delete("b/s");
    scene.create(&secret("b/u").note("replicate-from", "{a}/s"));
    scene.logs("that it is away", |line| line["level"] == "WARN" && line["verb"] == "watch");
    proxy.start_again();
    replicas_have(&scene, "2");
    scene.has_data("b/u", &[("k", "2")]);
    // The watches went on from where they were, and nothing was listed again.
    let lists = proxy.seen().iter().filter(|request| is_list(request)).count();
    assert_eq!(lists, 3);
}

/// Whether a list begins. (There may be more objects than fit into one page: other tests make some, too.)
fn is_list(request: &RequestView) -> bool {
    request.query.starts_with("limit=") && !request.query.contains("continue=")
}

/// Lets all watches fail, and nothing else.
fn watches(proxy: &Proxy, fault: Fault) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    proxy.set_rule(move |request: &RequestView| {
        if !request.is_watch() {
            return Fault::Pass;
        }
        counter.fetch_add(1, Ordering::Relaxed);
        fault.clone()
    });
    count
}

/// How many requests come in a while in which each of the three watches may try a few times.
fn no_hot_loop(count: &AtomicUsize) {
    // A sleep on purpose: the number of requests in a given time is measured.
    let before = count.load(Ordering::Relaxed);
    std::thread::sleep(Duration::from_secs(2));
    let asked = count.load(Ordering::Relaxed) - before;
    assert!(asked <= 3 * 6, "{asked} watches in two seconds");
}

/// Issue 3: watches that are closed at once are not opened again at once; what was missed is caught up with.
#[test]
fn watches_that_are_closed_at_once_make_no_hot_loop() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let mut proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    replicas(&scene);
    let count = watches(&proxy, Fault::CloseAtOnce);
    proxy.break_connections();
    no_hot_loop(&count);
    sources_change(&scene, "2");
    proxy.set_rule(|_| Fault::Pass);
    replicas_have(&scene, "2");
    assert_eq!(scene.controller_mut().healthz().0, 200);
}

/// Issue 3: 410 whenever a watch begins: the controller lists again each time, in no hot loop; so changes are seen all the same.
#[test]
fn watches_that_are_too_old_again_and_again_make_no_hot_loop() {
    let gone = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410, "reason": "Expired",
        "message": "too old resource version" });
    let line = json!({ "type": "ERROR", "object": gone });
    // As an answer, and as the first event of a watch, which is how the API server mostly does it.
    for fault in [answer(410, &gone), Fault::Status { code: 200, headers: Vec::new(), body: format!("{line}\n") }] {
        let mut scene = Scene::new();
        scene.namespaces(&["a", "b"]);
        let mut proxy = scene.proxy();
        scene.start_behind(&proxy, &[]);
        replicas(&scene);
        let count = watches(&proxy, fault);
        proxy.break_connections();
        sources_change(&scene, "2");
        scene.delete("b/s");
        replicas_have(&scene, "2");
        no_hot_loop(&count);
        proxy.set_rule(|_| Fault::Pass);
        sources_change(&scene, "3");
        replicas_have(&scene, "3");
    }
}

/// Issue 3: a watch whose events cannot be read is opened again, and no event of the time between is lost.
#[test]
fn watches_that_tell_nonsense_are_begun_again() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let mut proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    replicas(&scene);
    for (value, body) in
        [("2", "{\"type\":\"MODIFIED\",\"object\":{\n"), ("3", "{\"type\":\"MODIFIED\",\"object\":[]}\n")]
    {
        let count = watches(&proxy, Fault::Status { code: 200, headers: Vec::new(), body: body.into() });
        proxy.break_connections();
        sources_change(&scene, value);
        no_hot_loop(&count);
        proxy.set_rule(|_| Fault::Pass);
        replicas_have(&scene, value);
    }
}
