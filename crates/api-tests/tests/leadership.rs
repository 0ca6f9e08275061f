//! SPEC 13, issue 13: of several controllers with `--leader-elect` one writes, and another goes on where it ends.

use std::path::Path;
use std::time::{Duration, Instant};

use k8s_replicator_api_tests::{Scene, WAIT, secret};
use k8s_replicator_testenv::{Controller, Fault};
use serde_json::{Value, json};

/// Others wait for that long when the leader does not say that it ends.
const LEASE_DURATION: Duration = Duration::from_secs(15);
/// A standby leads so soon after the leader has got SIGTERM, on a machine that answers at once.
const TAKE_OVER: Duration = Duration::from_secs(1);
/// So often it is tried, and so often it has to be so: on a busy machine a process may get no processor for a while.
const ROUNDS: usize = 6;
const QUICK: usize = 3;

fn scene() -> Scene {
    let scene = Scene::new();
    scene.namespaces(&["a", "b", "system"]);
    scene
}

/// Another controller of the scene, whose Lease is in the scene's namespace `system`.
fn start(scene: &Scene, kubeconfig: &Path) -> Controller {
    let flags = [
        format!("--annotations-prefix={}", scene.prefix()),
        format!("--leader-elect-namespace={}", scene.namespace_name("system")),
        "--leader-elect".to_owned(),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut controller = Controller::start(kubeconfig, &flags).expect("it starts");
    controller.wait_ready(WAIT).expect("it gets ready");
    controller
}

/// Two controllers, of which the first leads.
fn two(scene: &Scene) -> (Controller, Controller) {
    let mut first = start(scene, scene.plane().kubeconfig());
    becomes_leader(scene, &mut first);
    let mut second = start(scene, scene.plane().kubeconfig());
    assert_eq!(readyz(&mut second), (200, json!({ "notReady": [], "stopping": false, "standby": true })));
    assert_eq!(second.healthz(), (200, r#"{"notReady":[]}"#.to_owned()));
    (first, second)
}

fn readyz(controller: &mut Controller) -> (u16, Value) {
    let (code, answer) = controller.get("/readyz").expect("an answer");
    (code, serde_json::from_str(&answer).expect("JSON"))
}

fn becomes_leader(scene: &Scene, controller: &mut Controller) {
    let leads = json!({ "notReady": [], "stopping": false, "standby": false });
    scene.until("it leads, and says so", || (readyz(controller) == (200, leads.clone())).then_some(()));
}

fn lease_path(scene: &Scene) -> String {
    let namespace = scene.namespace_name("system");
    format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/k8s-replicator")
}

/// A new source is copied.
fn copies(scene: &Scene, name: &str) {
    scene.create(&secret(&format!("a/{name}")).data("k", name).note("replicate-to-namespaces", "{b}"));
    scene.has_data(&format!("b/{name}"), &[("k", name)]);
}

fn writes_of(controller: &Controller) -> usize {
    controller.log_lines().iter().filter(|line| line["action"] == "create").count()
}

/// The Lease is released when the last write has ended, so that nobody waits for it to run out.
#[test]
fn a_standby_goes_on_at_once_when_the_leader_stops() {
    let scene = scene();
    let (mut first, mut second) = two(&scene);
    copies(&scene, "one");
    // The replica is there before its line is logged.
    scene.until("the leader's log has the write", || (writes_of(&first) == 1).then_some(()));
    assert_eq!(writes_of(&second), 0, "a standby writes nothing");
    let begun = Instant::now();
    assert_eq!(first.terminate(WAIT).code(), Some(0));
    becomes_leader(&scene, &mut second);
    let took = begun.elapsed();
    assert!(took < LEASE_DURATION * 2 / 3, "{took:?}: the lease was not released");
    copies(&scene, "two");
    scene.until("the new leader's log has the write", || (writes_of(&second) == 1).then_some(()));
}

#[test]
fn a_standby_leads_within_a_second_when_the_leader_stops() {
    let scene = scene();
    let (mut leader, mut standby) = two(&scene);
    let (mut rounds, mut quick) = (Vec::new(), 0);
    for round in 1..=ROUNDS {
        let asked = Instant::now();
        (0..10).for_each(|_| drop(readyz(&mut standby)));
        // What the machine takes for two answers of this kind is not the controller's.
        let answers = asked.elapsed() / 5;
        let begun = Instant::now();
        assert_eq!(leader.terminate(WAIT).code(), Some(0));
        becomes_leader(&scene, &mut standby);
        let took = begun.elapsed();
        println!("take-over after SIGTERM: {took:?}");
        rounds.push((took, answers));
        quick += usize::from(took <= TAKE_OVER + answers);
        if quick == QUICK {
            return;
        }
        if round < ROUNDS {
            leader = std::mem::replace(&mut standby, start(&scene, scene.plane().kubeconfig()));
        }
    }
    panic!("take-overs, and what two answers took: {rounds:?}");
}

#[test]
fn a_standby_goes_on_when_the_lease_of_a_killed_leader_has_run_out() {
    let scene = scene();
    let (mut first, mut second) = two(&scene);
    first.kill();
    let begun = Instant::now();
    scene.create(&secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
    becomes_leader(&scene, &mut second);
    let took = begun.elapsed();
    println!("take-over after a crash: {took:?}");
    assert!(took >= LEASE_DURATION - Duration::from_secs(5), "{took:?}: the first one could still have led");
    scene.has_data("b/s", &[("k", "v")]);
}

/// A leader that cannot renew writes nothing after its deadline, and ends with an error; also one that sees that another holds its
/// Lease.
#[test]
fn a_leader_that_loses_its_lease_ends() {
    let scene = scene();
    let proxy = scene.proxy();
    let mut cut_off = start(&scene, proxy.kubeconfig());
    becomes_leader(&scene, &mut cut_off);
    copies(&scene, "one");
    proxy.set_rule(|request| if request.path.contains("/leases") { Fault::Hang } else { Fault::Pass });
    let begun = Instant::now();
    let status = cut_off.wait(WAIT).expect("it ends");
    assert_eq!(status.code(), Some(1));
    assert!(begun.elapsed() < LEASE_DURATION + WAIT / 12, "{:?}", begun.elapsed());
    assert!(cut_off.log().contains("could not be renewed for 10 s"), "{}", cut_off.log());

    let mut robbed = start(&scene, scene.plane().kubeconfig());
    becomes_leader(&scene, &mut robbed);
    let thief = json!({ "spec": { "holderIdentity": "thief" } });
    let (status, answer) = scene.call("PATCH", &lease_path(&scene), "application/merge-patch+json", &thief);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(robbed.wait(WAIT).and_then(|status| status.code()), Some(1));
    assert!(robbed.log().contains("is held by \\\"thief\\\" now"), "{}", robbed.log());
    assert_eq!(
        scene.call("GET", &lease_path(&scene), "application/json", &Value::Null).1["spec"]["holderIdentity"],
        "thief"
    );
}

/// Without `--leader-elect`, two controllers with equal flags do no harm: every change reaches each replica, none is deleted and made
/// again, none is written more often than each of the two could have to for each change, and then nothing is written any more.
#[test]
fn two_controllers_that_elect_nobody_do_no_harm() {
    const SOURCES: usize = 8;
    const CHANGES: usize = 5;
    const REMOVED: usize = 3;
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    let flags = scene.arguments(&[]);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut other = Controller::start(&scene.user().kubeconfig, &flags).expect("it starts");
    other.wait_ready(WAIT).expect("it gets ready");
    let histories = ["b", "c"].map(|namespace| scene.history_of(namespace));
    let source = |n: usize| format!("a/s{n}");
    for n in 0..SOURCES {
        scene.create(&secret(&source(n)).data("k", "0").note("replicate-to-namespaces", "{b},{c}"));
    }
    for change in 1..=CHANGES {
        (0..SOURCES).for_each(|n| drop(scene.set_data(&source(n), "k", &change.to_string())));
    }
    let last = CHANGES.to_string();
    let replicas = |from: usize, to: usize| (from..to).flat_map(|n| ["b", "c"].map(|into| format!("{into}/s{n}")));
    replicas(0, SOURCES).for_each(|replica| drop(scene.has_data(&replica, &[("k", &last)])));
    (0..REMOVED).for_each(|n| scene.delete(&source(n)));
    replicas(0, REMOVED).for_each(|replica| scene.is_gone(&replica));
    let left: Vec<Value> = replicas(REMOVED, SOURCES).filter_map(|replica| scene.get(&replica)).collect();
    scene.all_stay(&left);
    for history in histories {
        let changes = history.end(&scene);
        for n in 0..SOURCES {
            let times = |kind: &str| changes.iter().filter(|it| it.kind == kind && it.name == format!("s{n}")).count();
            assert_eq!((times("ADDED"), times("DELETED")), (1, usize::from(n < REMOVED)), "s{n}: {changes:?}");
            assert!(times("MODIFIED") <= 2 * CHANGES, "s{n}: {changes:?}");
        }
    }
    let takes_it_for_a_rival = |controller: &Controller| controller.log().contains("Contested");
    assert!(!takes_it_for_a_rival(&other) && !takes_it_for_a_rival(scene.controller()));
    // Each of them works alone.
    scene.kill();
    scene.set_data(&source(REMOVED), "k", "alone");
    scene.has_data(&format!("b/s{REMOVED}"), &[("k", "alone")]);
}
