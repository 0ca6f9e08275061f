//! SPEC 13, issue 13: of several controllers with `--leader-elect` one writes, and another goes on where it ends.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_replicator_api_tests::{Scene, WAIT, secret};
use k8s_replicator_testenv::{Controller, Fault, Proxy, Request, Rights, User};
use serde_json::{Value, json};

/// Others wait for that long when the leader does not say that it ends.
const LEASE_DURATION: Duration = Duration::from_secs(15);
/// So often it looks at the Lease.
const LOOK_PERIOD: Duration = Duration::from_millis(500);
/// A leader that could not renew for that long begins no write any more.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
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

/// What the machine takes for two answers of a standby, which is not the controller's.
fn two_answers(standby: &mut Controller) -> Duration {
    let asked = Instant::now();
    (0..10).for_each(|_| drop(readyz(standby)));
    asked.elapsed() / 5
}

/// Makes a source; how long it takes since `begun` until the standby leads, and until its first write is there.
fn takes_over(scene: &Scene, standby: &mut Controller, begun: Instant, name: &str) -> [Duration; 2] {
    scene.create(&secret(&format!("a/{name}")).data("k", name).note("replicate-to-namespaces", "{b}"));
    let leads = json!({ "notReady": [], "stopping": false, "standby": false });
    let (mut led, key) = (None, format!("b/{name}"));
    let written = scene.until("the new leader leads, and writes", || {
        if led.is_none() && readyz(standby) == (200, leads.clone()) {
            led = Some(begun.elapsed());
        }
        scene.get(&key).map(|_| begun.elapsed())
    });
    // It says so at once; the write may have been seen before that was asked.
    becomes_leader(scene, standby);
    [led.unwrap_or(written), written]
}

#[test]
fn a_standby_leads_within_a_second_when_the_leader_stops() {
    let scene = scene();
    let (mut leader, mut standby) = two(&scene);
    let (mut rounds, mut quick) = (Vec::new(), 0);
    for round in 1..=ROUNDS {
        let answers = two_answers(&mut standby);
        let begun = Instant::now();
        assert_eq!(leader.terminate(WAIT).code(), Some(0));
        let [led, written] = takes_over(&scene, &mut standby, begun, &format!("s{round}"));
        println!("take-over after SIGTERM: leads after {led:?}, first write after {written:?}");
        rounds.push((led, written, answers));
        // The source was made meanwhile, and its replica is looked for: an answer for each.
        quick += usize::from(led <= TAKE_OVER + answers && written <= TAKE_OVER + 2 * answers);
        if quick == QUICK {
            return;
        }
        if round < ROUNDS {
            leader = std::mem::replace(&mut standby, start(&scene, scene.plane().kubeconfig()));
        }
    }
    panic!("take-overs, first writes, and what two answers took: {rounds:?}");
}

/// Not before the killed leader's lease has run out, and not later than a standby needs to see that.
#[test]
fn a_standby_goes_on_when_the_lease_of_a_killed_leader_has_run_out() {
    let scene = scene();
    let (mut leader, mut standby) = two(&scene);
    let mut rounds = Vec::new();
    for round in 1..=QUICK {
        let answers = two_answers(&mut standby);
        leader.kill();
        let begun = Instant::now();
        let [led, written] = takes_over(&scene, &mut standby, begun, &format!("s{round}"));
        println!("take-over after kill -9: leads after {led:?}, first write after {written:?}");
        let earliest = LEASE_DURATION - Duration::from_secs(5);
        assert!(led.min(written) >= earliest, "{led:?}, {written:?}: the first one could still have led");
        // The killed one may have renewed just before; the standby sees that at its next look, and the end at one more.
        let latest = LEASE_DURATION + 2 * LOOK_PERIOD + 2 * answers;
        if led <= latest && written <= latest {
            return;
        }
        rounds.push((led, written, answers));
        if round < QUICK {
            leader = std::mem::replace(&mut standby, start(&scene, scene.plane().kubeconfig()));
        }
    }
    panic!("take-overs, first writes, and what two answers took: {rounds:?}");
}

/// The writes of Secrets and ConfigMaps that a user asked for, and when the API server received them.
fn writes_by(scene: &Scene, user: &User) -> Vec<Request> {
    // The scene's own request is logged after all that were answered before it.
    drop(scene.requests());
    let mut requests = scene.plane().requests(user);
    requests.retain(|it| !matches!(it.verb.as_str(), "get" | "list" | "watch"));
    requests
}

/// While the Lease hangs and sources change all the time, the leader stops before another can begin: by the API server's audit log it
/// writes nothing after its deadline, and nothing after the other one's first write; then it ends.
#[test]
fn a_leader_that_cannot_renew_stops_before_another_begins() {
    let scene = scene();
    let mut late = Vec::new();
    for round in 1..=QUICK {
        let [first_user, second_user] = [(); 2].map(|()| scene.plane().user(Rights::Admin));
        let proxy = Proxy::start(&first_user);
        let mut first = start(&scene, proxy.kubeconfig());
        becomes_leader(&scene, &mut first);
        let mut second = start(&scene, &second_user.kubeconfig);
        assert!(readyz(&mut second).1["standby"] == json!(true));
        copies(&scene, &format!("r{round}"));

        proxy.set_rule(|request| if request.path.contains("/leases") { Fault::Hang } else { Fault::Pass });
        let begun = Instant::now();
        let make = |n: usize| {
            let name = format!("r{round}-{n}");
            scene.create(&secret(&format!("a/{name}")).data("k", &name).note("replicate-to-namespaces", "{b}"));
            format!("b/{name}")
        };
        // People do not rest: a source every 20 ms or so, until the other one leads.
        let (mut sources, mut ended) = (0, None);
        let leads = json!({ "notReady": [], "stopping": false, "standby": false });
        let until = scene.until("the second one leads", || {
            make(sources);
            sources += 1;
            if ended.is_none() && first.ended().is_some() {
                ended = Some(begun.elapsed());
            }
            (readyz(&mut second) == (200, leads.clone())).then(|| begun.elapsed())
        });
        for n in 0..sources {
            scene.has_data(&format!("b/r{round}-{n}"), &[("k", &format!("r{round}-{n}"))]);
        }
        let status = first.wait(WAIT).expect("it ends");
        assert_eq!(status.code(), Some(1));
        assert!(first.log().contains("could not be renewed for 10 s"), "{}", first.log());

        let [of_first, of_second] = [&first_user, &second_user].map(|user| writes_by(&scene, user));
        let is_lease = |request: &&Request| request.resource == "leases";
        // Renewals are counted from when they were sent, which is before they were received.
        let renewed = of_first.iter().filter(is_lease).filter(|it| it.code < 300).map(|it| it.received).max();
        let renewed = renewed.expect("a renewal");
        let writes =
            |of: &[Request]| -> Vec<Timestamp> { of.iter().filter(|it| !is_lease(it)).map(|it| it.received).collect() };
        let (of_first, of_second) = (writes(&of_first), writes(&of_second));
        let (last, begins) = (of_first.iter().max().expect("writes"), of_second.iter().min().expect("writes"));
        let since = |time: &Timestamp| time.duration_since(renewed).as_secs_f64();
        let during = of_first.iter().filter(|time| since(time) > 3.0).count();
        println!(
            "the Lease hangs: {sources} sources; after its last renewal the leader's last write of {} came at {:.2} s, and the next \
             one's first at {:.2} s, which led {until:.2?} after the Lease began to hang; the first one ended by {ended:.2?}",
            of_first.len(),
            since(last),
            since(begins),
        );
        assert!(
            during >= 20,
            "the first one wrote {during} times while it could not renew: too little to show anything"
        );
        assert!(last < begins, "the first one's last write came at {last}, and the second one's first at {begins}");
        assert!(since(begins) >= LEASE_DURATION.as_secs_f64() - 0.1, "the second one began at {}", since(begins));
        // What was sent before the deadline is received a moment later.
        if since(last) <= RENEW_DEADLINE.as_secs_f64() + 0.25 {
            return;
        }
        late.push(since(last));
        second.terminate(WAIT);
    }
    panic!("the last writes came after the deadline: {late:?} s after the last renewal");
}

/// A leader that cannot renew ends with an error; also one that sees that another holds its
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
    // Each of them works alone.
    scene.kill();
    scene.set_data(&source(REMOVED), "k", "alone");
    scene.has_data(&format!("b/s{REMOVED}"), &[("k", "alone")]);
}
