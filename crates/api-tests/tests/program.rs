//! SPEC 10, issue 3: the running program: its status pages, how it ends, which kinds it takes care of.

use std::process::Command;
use std::time::{Duration, Instant};

use k8s_replicator_api_tests::{Scene, WAIT, config_map, secret};
use k8s_replicator_testenv::{Fault, Proxy, RequestView};

/// What is under way may take that long after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);

/// SPEC 10: `/healthz` is `{"notReady":[…]}`, 503 as long as a replicator waits for its first list, and 200 then.
#[test]
fn healthz_names_who_waits_for_a_first_list() {
    let mut scene = Scene::new();
    let proxy = scene.proxy();
    let only = |let_through: &'static [&'static str]| {
        move |request: &RequestView| {
            let listed = let_through.iter().any(|resource| request.path.ends_with(resource));
            if listed { Fault::Pass } else { Fault::status(503) }
        }
    };
    proxy.set_rule(only(&[]));
    scene.start_at(proxy.kubeconfig(), &[]);
    let answers = |scene: &mut Scene, resources, code: u16, body: &str| {
        proxy.set_rule(only(resources));
        let expected = (code, body.to_owned());
        let end = Instant::now() + WAIT;
        while scene.controller_mut().healthz() != expected {
            assert!(Instant::now() < end, "{:?}, not {expected:?}", scene.controller_mut().healthz());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    answers(&mut scene, &[], 503, r#"{"notReady":["secret","configMap"]}"#);
    answers(&mut scene, &["/namespaces", "/configmaps"], 503, r#"{"notReady":["secret"]}"#);
    answers(&mut scene, &["/namespaces", "/configmaps", "/secrets"], 200, r#"{"notReady":[]}"#);
    // Once ready, a server that goes away does not change that.
    proxy.set_rule(only(&[]));
    answers(&mut scene, &[], 200, r#"{"notReady":[]}"#);
}

/// SPEC 10: `--run-replicators` takes one kind, in any case; of the other nothing is asked, and nobody waits for it.
#[test]
fn one_kind_only() {
    for (flag, runs, rests) in [
        ("--run-replicators=Secret", secret as fn(&str) -> _, config_map as fn(&str) -> _),
        ("--run-replicators= configmap ,", config_map, secret),
    ] {
        let mut scene = Scene::new();
        scene.namespaces(&["a", "b"]);
        scene.start(&[flag]);
        scene.is_not_ready(&[]);
        for kind in [rests, runs] {
            scene.create(&kind("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
        }
        scene.has_data_of(&runs("b/s").data("k", "v"));
        let resource = rests("b/s").resource();
        assert_eq!(scene.get_of(resource, "b/s"), None);
        let asked: Vec<String> = scene.requests().into_iter().map(|request| request.resource).collect();
        assert!(!asked.iter().any(|asked| asked == resource), "{asked:?}");
    }
}

/// SPEC 10: without labels in `--create-with-labels`, there are none.
#[test]
fn an_empty_list_of_labels_means_none() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--create-with-labels= , "]);
    for kind in [secret, config_map] {
        let source = scene.create(&kind("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
        scene.becomes(&kind("b/s").data("k", "v").made_by(&source).holding(&source));
    }
}

/// Issue 3: SIGTERM ends the program with code 0, at once if there is nothing to wait for; also one that was not ready yet.
#[test]
fn sigterm_ends_the_program_with_code_0() {
    let mut scene = Scene::new();
    let proxy = scene.proxy();
    for rule in [Fault::Pass, Fault::Hang, Fault::status(500)] {
        let waits = !matches!(rule, Fault::Pass);
        proxy.set_rule(move |_| rule.clone());
        scene.start_at(proxy.kubeconfig(), &[]);
        if waits {
            assert_eq!(scene.controller_mut().healthz().0, 503);
        } else {
            scene.wait_ready();
        }
        let begun = Instant::now();
        assert_eq!(scene.controller_mut().terminate(WAIT).code(), Some(0));
        assert!(begun.elapsed() < GRACE / 2, "{:?}", begun.elapsed());
        assert!(scene.controller().log_lines().iter().any(|line| line["signal"] == "SIGTERM"));
    }
}

/// Writes of this test wait at the proxy.
fn hold_writes(proxy: &Proxy, fault: Fault) {
    proxy.set_rule(move |request| if request.method == "GET" { Fault::Pass } else { fault.clone() });
}

fn writes(proxy: &Proxy) -> usize {
    proxy.seen().iter().filter(|request| request.method != "GET").count()
}

/// 60 creations, of which the first ones are under way.
fn begin_to_write(scene: &Scene, proxy: &Proxy) {
    let names: Vec<String> = (0..60).map(|n| format!("{{b}}/t{n}")).collect();
    scene.create(&secret("a/s").data("k", "v").note("replicate-to", &names.join(",")));
    scene.until("writes are under way", || (writes(proxy) > 0).then_some(()));
}

/// Issue 3: after SIGTERM no new work is taken, and what is in flight is finished.
#[test]
fn sigterm_lets_what_is_in_flight_finish_and_takes_no_new_work() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    hold_writes(&proxy, Fault::Delay(Duration::from_secs(2)));
    begin_to_write(&scene, &proxy);
    assert_eq!(scene.controller_mut().terminate(WAIT).code(), Some(0));
    let done = scene.replicas().len();
    assert!(done > 0 && done < 60, "{done} of 60");
    assert_eq!(done, writes(&proxy), "each write that was begun was finished");
    let logged = scene.controller().log_lines().into_iter().filter(|line| line["action"] == "create").count();
    assert_eq!(logged, done, "and was logged");
}

/// Issue 3: a request that hangs holds the end up for 10 s and no longer. Meanwhile `/readyz` says that it ends, and
/// `/healthz` and `/livez` that it is well.
#[test]
fn sigterm_waits_ten_seconds_for_a_request_that_hangs() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    let readyz = scene.controller_mut().get("/readyz").expect("an answer");
    assert_eq!(readyz.0, 200, "{readyz:?}");
    hold_writes(&proxy, Fault::Hang);
    begin_to_write(&scene, &proxy);
    let begun = Instant::now();
    let signalled = Command::new("kill").args(["-TERM", &scene.controller().id().to_string()]).status();
    assert!(signalled.is_ok_and(|status| status.success()));
    scene.logs("that it stops", |line| line["signal"] == "SIGTERM");
    let readyz = scene.controller_mut().get("/readyz").expect("an answer");
    assert_eq!(readyz, (503, r#"{"notReady":[],"stopping":true}"#.to_owned()));
    assert_eq!(scene.controller_mut().get("/livez").map(|(code, _)| code).unwrap_or(0), 200);
    assert_eq!(scene.controller_mut().healthz().0, 200);
    let status = scene.controller_mut().wait(WAIT);
    assert_eq!(status.and_then(|status| status.code()), Some(0));
    let waited = begun.elapsed();
    assert!(waited > GRACE - Duration::from_secs(1) && waited < GRACE + Duration::from_secs(5), "{waited:?}");
}

/// SPEC 10: what is not a status page is not there.
#[test]
fn the_status_address_serves_its_four_pages_and_no_more() {
    let mut scene = Scene::new();
    scene.start(&[]);
    for (path, code) in
        [("/healthz", 200), ("/readyz", 200), ("/livez", 200), ("/metrics", 200), ("/", 404), ("/debug/pprof", 404)]
    {
        assert_eq!(scene.controller_mut().get(path).map(|(code, _)| code).unwrap_or(0), code, "{path}");
    }
}
