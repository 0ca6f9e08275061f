//! SPEC 8: the controller keeps no state of its own: killed in the middle of anything, away while things change, started again
//! with nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use k8s_replicator_testenv::{Fault, Proxy};
use serde_json::Value;

/// How many writes meet the fault `then`: enough that some are under way, and few enough that the next controller has something
/// left to do.
const FATED: usize = 5;

/// That many writes pass from now on; the few after them meet the fault `then`, and no later one reaches the server. Answers how
/// many came.
fn after_writes(proxy: &Proxy, passing: usize, then: Fault) -> Arc<AtomicUsize> {
    let came = Arc::new(AtomicUsize::new(0));
    let counter = came.clone();
    proxy.set_rule(move |request| {
        if request.method == "GET" {
            return Fault::Pass;
        }
        match counter.fetch_add(1, Ordering::Relaxed) {
            before if before < passing => Fault::Pass,
            before if before < passing + FATED => then.clone(),
            _ => Fault::Hang,
        }
    });
    came
}

/// Runs the controller until it has made so many writes, and what it wrote then is under way; then it is killed (SIGKILL).
fn kill_in_the_middle(scene: &mut Scene, writes: usize, then: Fault) {
    let proxy = scene.proxy();
    let came = after_writes(&proxy, writes, then);
    scene.start_behind(&proxy, &["--run-replicators=secret"]);
    scene.until("it is in the middle of its writes", || (came.load(Ordering::Relaxed) > writes).then_some(()));
    scene.kill();
}

const MANY: usize = 60;

/// SPEC 8: killed in the middle of 60 creations, 60 updates, 60 deletions, each at several moments, with requests under way that
/// never reach the server, or whose response never reaches the controller. The next controller finishes.
#[test]
fn killed_in_the_middle_of_60_targets() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let names: Vec<String> = (0..MANY).map(|n| format!("t{n}")).collect();
    let source = |value: &str| secret("a/s").data("k", value).note("replicate-to-namespaces", "{b}");
    let pushing = |value: &str| source(value).note("replicate-to", &names.join(","));
    // Together they carry out at most 23 + 5 + 20 + 1 + 5 of the 60 writes: each of them has its moment to come to.
    let moments = || [(0, Fault::Hang), (23, Fault::LoseReply), (20, Fault::Hang), (1, Fault::LoseReply)];

    for value in ["created", "updated"] {
        let made = scene.put(&pushing(value));
        for (writes, then) in moments() {
            kill_in_the_middle(&mut scene, writes, then);
        }
        scene.start(&[]);
        for name in &names {
            let replica = secret(&format!("b/{name}")).data("k", value).made_by(&made).holding(&made);
            scene.becomes(&scene.created(replica));
        }
        scene.kill();
    }
    scene.put(&secret("a/s").data("k", "gone"));
    for (writes, then) in moments() {
        kill_in_the_middle(&mut scene, writes, then);
    }
    scene.start(&[]);
    for name in &names {
        scene.is_gone(&format!("b/{name}"));
    }
}

/// SPEC 8, 9.5: killed between the deletion of a replica and its new creation: the next one creates it.
#[test]
fn killed_between_deleting_and_creating_again() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let source = |type_: &str| secret("a/s").data("k", type_).of_type(type_).note("replicate-to-namespaces", "{b}");
    scene.create(&source("example.com/one"));
    scene.has_data("b/s", &[("k", "example.com/one")]);
    scene.kill();
    scene.delete("a/s");
    let made = scene.create(&source("example.com/two"));
    let proxy = scene.proxy();
    proxy.set_rule(|request| if request.method == "POST" { Fault::Hang } else { Fault::Pass });
    scene.start_behind(&proxy, &[]);
    scene.is_gone("b/s");
    scene.until("it is about to create", || proxy.seen().iter().any(|request| request.method == "POST").then_some(()));
    scene.kill();
    scene.start(&[]);
    let replica = secret("b/s").of_type("example.com/two").data("k", "example.com/two");
    scene.becomes(&scene.created(replica.made_by(&made).holding(&made)));
}

/// SPEC 8: everything that happened while it was stopped is caught up with.
#[test]
fn what_changed_while_it_was_stopped_is_caught_up_with() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let push = |kind: fn(&str) -> Object, name: &str| {
        kind(&format!("a/{name}")).data("k", "1").note("replicate-to-namespaces", "{b},{late}")
    };
    let allow = |kind: fn(&str) -> Object, name: &str| {
        kind(&format!("a/{name}")).data("k", "1").note("replication-allowed", "true")
    };
    let pull = |kind: fn(&str) -> Object, name: &str| {
        kind(&format!("b/{name}")).note("replicate-from", &format!("{{a}}/{name}"))
    };
    for kind in [secret, config_map] {
        for name in ["pushed", "push-gone", "push-stops", "replica-gone"] {
            scene.create(&push(kind, name));
            scene.has_data_of(&kind(&format!("b/{name}")).data("k", "1"));
        }
        for name in ["pulled", "pull-gone", "withdrawn"] {
            scene.create(&allow(kind, name));
            scene.create(&pull(kind, name));
            scene.has_data_of(&pull(kind, name).data("k", "1"));
        }
    }
    scene.kill();
    let mut made = Vec::new();
    for kind in [secret, config_map] {
        scene.put(&push(kind, "pushed").data("k", "2"));
        scene.remove(&push(kind, "push-gone"));
        scene.put(&kind("a/push-stops"));
        scene.remove(&kind("b/replica-gone"));
        let pulled = scene.put(&allow(kind, "pulled").data("k", "2"));
        scene.remove(&allow(kind, "pull-gone"));
        scene.put(&allow(kind, "withdrawn").note("replication-allowed", "false"));
        let new = scene.create(&push(kind, "new"));
        scene.create(&pull(kind, "new"));
        made.push((kind, pulled, new));
    }
    scene.namespace("late");
    scene.start(&[]);
    for (kind, pulled, new) in made {
        scene.has_data_of(&kind("b/pushed").data("k", "2"));
        scene.is_deleted(&kind("b/push-gone"));
        scene.is_deleted(&kind("b/push-stops"));
        scene.has_data_of(&kind("b/replica-gone").data("k", "1"));
        scene.becomes(&pull(kind, "pulled").data("k", "2").pulled(&pulled, ".*"));
        scene.becomes(&pull(kind, "pull-gone").written());
        scene.becomes(&pull(kind, "withdrawn").written());
        // It asks for itself, and was not made by the source that pushes to its name, which does not allow to be pulled.
        scene.becomes(&pull(kind, "new"));
        for (name, value) in [("pushed", "2"), ("replica-gone", "1"), ("new", "1")] {
            scene.has_data_of(&kind(&format!("late/{name}")).data("k", value));
        }
        let late = kind("late/new").data("k", "1");
        scene.becomes(&scene.created(late.made_by(&new).holding(&new)));
    }
    assert_eq!(scene.get("late/push-gone"), None);
}

/// Replicas of every sort, 200 in all, in a namespace that is made for them; answers them.
fn two_hundred_replicas(scene: &Scene) -> Vec<Object> {
    let mut replicas = Vec::new();
    let mut push = |kind: fn(&str) -> Object, from: &str, count: usize, source: Object| {
        let names: Vec<String> = (0..count).map(|n| format!("{from}-{n}")).collect();
        replicas.extend(names.iter().map(|name| kind(&format!("b/{name}")).data("k", "v")));
        scene.create(&source.note("replicate-to-namespaces", "{b}").note("replicate-to", &names.join(",")))
    };
    let combined = push(secret, "combined", 20, secret("a/combined").note("replicate-from", "plain"));
    // One that is younger than its replica may have come in the place of another, of another type: that would be looked at.
    scene.next_second_after(&combined);
    scene.namespace("b");
    push(secret, "plain", 60, secret("a/plain").data("k", "v").note("replication-allowed", "true"));
    push(secret, "once", 20, secret("a/once").data("k", "v").note("replicate-once", "true"));
    push(config_map, "plain", 40, config_map("a/plain").data("k", "v").note("replication-allowed", "true"));
    for n in 0..40 {
        let target = secret(&format!("b/pulls-{n}")).note("replicate-from", "{a}/plain");
        // Some pull from others, which allow it.
        let target = if n % 2 == 0 { target.note("replication-allowed", "true") } else { target };
        scene.create(&target);
        replicas.push(secret(&format!("b/pulls-{n}")).data("k", "v"));
    }
    for n in 0..10 {
        let from = format!("{{b}}/pulls-{}", n * 2);
        scene.create(&secret(&format!("b/below-{n}")).note("replicate-from", &from));
        replicas.push(secret(&format!("b/below-{n}")).data("k", "v"));
    }
    for n in 0..5 {
        for (kind, from) in [(secret as fn(&str) -> Object, "{a}/missing"), (config_map, "{a}/none")] {
            scene.create(&kind(&format!("b/waits-{n}")).note("replicate-from", from));
            replicas.push(kind(&format!("b/waits-{n}")));
        }
    }
    replicas
}

/// SPEC 8: a restart with nothing to do writes nothing; what it reads does not grow with the replicas.
#[test]
fn a_restart_with_200_replicas_and_nothing_to_do_writes_nothing() {
    let mut scene = Scene::new();
    scene.namespaces(&["a"]);
    scene.start(&[]);
    let replicas = two_hundred_replicas(&scene);
    assert_eq!(replicas.len(), 200);
    let made: Vec<Value> = replicas.iter().map(|replica| scene.has_data_of(replica)).collect();
    scene.all_stay(&made);
    scene.kill();
    scene.change_user();
    scene.start(&[]);
    scene.all_stay(&made);
    assert_eq!(scene.changes(), []);
    let reads = scene.requests_for_objects();
    // The combined source, whose type is not known yet, and the two names that nobody has.
    assert!(reads.len() <= 3, "{} reads: {reads:#?}", reads.len());
}
