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
/// What the API server answers meanwhile: the Lease is released and looked at, it is taken, and the first write is asked for.
const ANSWERS: u32 = 4;
/// So often it is tried until it is as quick as that: on a busy machine a process may get no processor for a while.
const ROUNDS: usize = 4;
/// So many writes of a leader that cannot renew say when it stops.
const ENOUGH: usize = 10;
/// The wall clock, by which the audit log is written, need not be as quick as the controllers' monotonic one: in seconds.
const CLOCK: f64 = 0.1;

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

fn leads(controller: &mut Controller) -> bool {
    readyz(controller) == (200, json!({ "notReady": [], "stopping": false, "standby": false }))
}

fn becomes_leader(scene: &Scene, controller: &mut Controller) {
    scene.until("it leads, and says so", || leads(controller).then_some(()));
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

/// A controller with an account of its own, by which the API server's audit log distinguishes its requests from the other one's.
struct Candidate {
    user: User,
    controller: Controller,
}

impl Candidate {
    fn start(scene: &Scene) -> Self {
        let user = scene.plane().user(Rights::Admin);
        let controller = start(scene, &user.kubeconfig);
        Self { user, controller }
    }
}

/// What users asked for of what a controller writes, and when the API server received it. What was answered before this call is there.
fn written(scene: &Scene, user: &User, is_meant: impl Fn(&Request) -> bool) -> Vec<Timestamp> {
    // The scene's own request is logged after all that were answered before it.
    drop(scene.requests());
    let requests = scene.plane().requests(user);
    let is_write = |it: &&Request| !matches!(it.verb.as_str(), "get" | "list" | "watch");
    requests.iter().filter(is_write).filter(|it| is_meant(it)).map(|it| it.received).collect()
}

/// The writes of Secrets and ConfigMaps that this user asked for.
fn writes_by(scene: &Scene, user: &User) -> Vec<Timestamp> {
    written(scene, user, |it| matches!(it.resource.as_str(), "secrets" | "configmaps"))
}

/// When this user took the Lease or renewed it. A renewal is sent a moment before it is received.
fn renewals_by(scene: &Scene, user: &User) -> Vec<Timestamp> {
    written(scene, user, |it| it.resource == "leases" && (200..300).contains(&it.code))
}

/// What this machine takes at this moment for a create, a get and a delete: what the controllers ask for may take as long.
fn answer(scene: &Scene) -> Duration {
    const TIMES: u32 = 5;
    let asked = Instant::now();
    for _ in 0..TIMES {
        scene.create(&secret("a/answer"));
        assert!(scene.get("a/answer").is_some());
        scene.delete("a/answer");
    }
    asked.elapsed() / TIMES
}

/// Makes a source. When the standby took the Lease, and when it first wrote: by the audit log, in seconds after `start`.
fn takes_over(scene: &Scene, standby: &mut Candidate, start: Timestamp, name: &str) -> [f64; 2] {
    copies(scene, name);
    becomes_leader(scene, &mut standby.controller);
    let first = |of: Vec<Timestamp>| of.into_iter().min().map(|time| time.duration_since(start).as_secs_f64());
    // The replica is there before its request is logged.
    scene.until("the audit log has the first write of the new leader", || {
        let writes = first(writes_by(scene, &standby.user))?;
        Some([first(renewals_by(scene, &standby.user))?, writes])
    })
}

/// In one of a few rounds, in which the leader ends, another one takes the Lease and writes no later than `longest` and some answers of this
/// machine; in none of them earlier than `shortest`. `end` ends the leader, and answers from when on time counts.
#[allow(clippy::print_stdout, reason = "the figures of a test")]
fn is_followed_in_time(
    what: &str,
    end: impl Fn(&Scene, &mut Candidate) -> Timestamp,
    shortest: Duration,
    longest: Duration,
) {
    let scene = scene();
    let mut leader = Candidate::start(&scene);
    becomes_leader(&scene, &mut leader.controller);
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        let mut standby = Candidate::start(&scene);
        let before = answer(&scene);
        let start = end(&scene, &mut leader);
        let [leads, writes] = takes_over(&scene, &mut standby, start, &format!("s{round}"));
        let answer = answer(&scene).max(before);
        println!(
            "{what} the other one takes the Lease at {leads:.2} s, and writes at {writes:.2} s (an answer: {answer:.2?})"
        );
        let earliest = shortest.as_secs_f64() - CLOCK;
        assert!(leads.min(writes) >= earliest, "{leads} s, {writes} s: the first one could still have led");
        if leads.max(writes) <= (longest + ANSWERS * answer).as_secs_f64() {
            return;
        }
        rounds.push((leads, writes, answer));
        leader = standby;
    }
    panic!("seconds until the other one took the Lease and until it wrote, and what an answer took: {rounds:?}");
}

#[test]
fn a_standby_leads_within_a_second_when_the_leader_stops() {
    let stops = |_: &Scene, leader: &mut Candidate| {
        let asked = Timestamp::now();
        assert_eq!(leader.controller.terminate(WAIT).code(), Some(0));
        asked
    };
    is_followed_in_time("after SIGTERM", stops, Duration::ZERO, TAKE_OVER);
}

/// Not before the killed leader's lease has run out, and not later than a standby needs to see that: it sees the last renewal at its next look,
/// and that the lease has run out at the one after its end.
#[test]
fn a_standby_goes_on_when_the_lease_of_a_killed_leader_has_run_out() {
    let is_killed = |scene: &Scene, leader: &mut Candidate| {
        leader.controller.kill();
        renewals_by(scene, &leader.user).into_iter().max().expect("it has led")
    };
    let longest = LEASE_DURATION + 2 * LOOK_PERIOD;
    is_followed_in_time("after the last renewal of a killed leader", is_killed, LEASE_DURATION, longest);
}

/// While the Lease hangs and sources change all the time, the leader stops before another can begin: by the API server's audit log it
/// writes nothing after its deadline, and nothing after the other one's first write; then it ends.
#[test]
fn a_leader_that_cannot_renew_stops_before_another_begins() {
    let scene = scene();
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        let [first_user, second_user] = [(); 2].map(|()| scene.plane().user(Rights::Admin));
        let proxy = Proxy::start(&first_user);
        let mut first = start(&scene, proxy.kubeconfig());
        becomes_leader(&scene, &mut first);
        let mut second = start(&scene, &second_user.kubeconfig);
        assert!(readyz(&mut second).1["standby"] == json!(true));
        copies(&scene, &format!("r{round}"));

        proxy.set_rule(|request| if request.path.contains("/leases") { Fault::Hang } else { Fault::Pass });
        let begun = Instant::now();
        // People do not rest: a source every 20 ms or so, until the other one leads.
        let mut sources = 0;
        let until = scene.until("the second one leads", || {
            let name = format!("r{round}-{sources}");
            scene.create(&secret(&format!("a/{name}")).data("k", &name).note("replicate-to-namespaces", "{b}"));
            sources += 1;
            leads(&mut second).then(|| begun.elapsed())
        });
        for n in 0..sources {
            scene.has_data(&format!("b/r{round}-{n}"), &[("k", &format!("r{round}-{n}"))]);
        }
        let status = first.wait(WAIT).expect("it ends");
        assert_eq!(status.code(), Some(1));
        assert!(first.log().contains("could not be renewed for 10 s"), "{}", first.log());

        let renewed = renewals_by(&scene, &first_user).into_iter().max().expect("a renewal");
        let since = |time: Timestamp| time.duration_since(renewed).as_secs_f64();
        let of_first = writes_by(&scene, &first_user);
        let last = of_first.iter().copied().max().expect("writes");
        // The replica is there before its request is logged.
        let begins = scene.until("the second one writes", || writes_by(&scene, &second_user).into_iter().min());
        let during = of_first.iter().filter(|time| since(**time) > 3.0).count();
        println!(
            "the Lease hangs: {sources} sources; after its last renewal the leader's last write of {} came at {:.2} s ({during} after \
             3 s), and the next one's first at {:.2} s, which led {until:.2?} after the Lease began to hang",
            of_first.len(),
            since(last),
            since(begins),
        );
        assert!(last < begins, "the first one's last write came at {last}, and the second one's first at {begins}");
        assert!(since(begins) >= LEASE_DURATION.as_secs_f64() - CLOCK, "the second one began at {}", since(begins));
        // What was sent before the deadline is received a moment later. Few writes say nothing about when it stops.
        if during >= ENOUGH && since(last) <= RENEW_DEADLINE.as_secs_f64() + 0.25 {
            return;
        }
        rounds.push((during, since(last)));
        second.terminate(WAIT);
    }
    panic!("writes while the leader could not renew, and seconds from its last renewal to its last write: {rounds:?}");
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
