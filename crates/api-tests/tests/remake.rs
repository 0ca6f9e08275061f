//! SPEC 9.5, 9.6, 9.7: replicas that cannot be updated, combined ones that lose what they hold, namespaces that go.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use k8s_replicator_testenv::Fault;
use serde_json::{Value, json};

const TLS: &str = "kubernetes.io/tls";

fn tls(key: &str, value: &str) -> Object {
    secret(key).of_type(TLS).data("tls.crt", value).data("tls.key", value)
}

fn uid(object: &Value) -> Value {
    object["metadata"]["uid"].clone()
}

/// SPEC 9.5: a source that was recreated with another type: its replicas are recreated, whether the controller saw the deletion or
/// not.
#[test]
fn a_replica_is_made_again_when_the_type_changed_at_the_source() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&["--resync-period=0"]);
    let sources =
        [secret("a/s").data("k", "v"), tls("a/s", "1"), secret("a/s").of_type("example.com/x"), tls("a/s", "2")];
    let is_there = |scene: &Scene, source: &Object, made: &Value| {
        for key in ["b/s", "c/s"] {
            scene.becomes(&scene.created(source.clone().at(key).made_by(made).holding(made)));
        }
    };
    let pushing = |source: &Object| source.clone().note("replicate-to-namespaces", "{b},{c}");
    let mut made = scene.create(&pushing(&sources[0]));
    is_there(&scene, &sources[0], &made);
    for (n, source) in sources.iter().enumerate().skip(1) {
        let watched = n == 1;
        if !watched {
            scene.kill();
        }
        scene.delete("a/s");
        made = scene.create(&pushing(source));
        if !watched {
            scene.start(&["--resync-period=0"]);
        }
        is_there(&scene, source, &made);
    }
    scene.is_logged("b/s", "recreate", "TypeChanged");
}

/// SPEC 9.5: so are the replicas of a combined object, which take its type; their data is F's.
#[test]
fn a_combined_replica_is_made_again_when_the_type_changed_at_its_creator() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    let from = scene.create(&tls("a/f", "f").note("replication-allowed", "true"));
    let combined = |object: Object| object.note("replicate-from", "f").note("replicate-to-namespaces", "{b}");
    let replica = |type_: &str, made: &Value| {
        let replica = tls("b/s", "f").of_type(type_).note("replicate-from", "{a}/f").made_by(made);
        scene.created(replica.pulled(&from, ".*"))
    };
    let opaque = scene.create(&combined(secret("a/s")));
    scene.becomes(&replica("Opaque", &opaque));
    scene.kill();
    scene.delete("a/s");
    let typed = scene.create(&combined(tls("a/s", "own")));
    let expected = {
        let replica = tls("b/s", "f").note("replicate-from", "{a}/f").made_by(&typed);
        scene.created(replica.pulled(&from, ".*"))
    };
    scene.start(&["--resync-period=0"]);
    scene.becomes(&expected);
}

/// SPEC 9.5: a pushed replica that somebody made immutable is made again when there is newer data; and emptied so, too.
#[test]
fn an_immutable_pushed_replica_is_made_again() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    for kind in [secret, config_map] {
        let source = |value| kind("a/s").data("k", value).note("replicate-to-namespaces", "{b}");
        scene.create(&source("1"));
        let replica = kind("b/s").data("k", "1");
        scene.has_data_of(&replica);
        let frozen = scene.patch(replica.resource(), "b/s", &json!({ "immutable": true }));
        scene.stays(&frozen);
        let newer = scene.put(&source("2"));
        let remade = scene.becomes(&scene.created(kind("b/s").data("k", "2").made_by(&newer).holding(&newer)));
        assert_ne!(uid(&remade), uid(&frozen));
        assert_eq!(remade.get("immutable"), None);
        scene.remove(&source("2"));
        scene.is_deleted(&replica);
    }
    scene.is_logged("b/s", "recreate", "ReplicaImmutable");
}

/// SPEC 9.5: after a restart, too, where the controller does not know yet that the replica is immutable; and the delete carries the
/// preconditions of the read that showed it.
#[test]
fn an_immutable_pushed_replica_is_made_again_after_a_restart() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    for kind in [secret, config_map] {
        let source = scene.create(&kind("a/s").data("k", "2").note("replicate-to-namespaces", "{b}"));
        let replica = kind("b/s").data("k", "1").field("immutable", json!(true)).made_by(&source);
        scene.create(&replica.note("replicated-from-version", "1"));
    }
    scene.start(&["--resync-period=0"]);
    for kind in [secret, config_map] {
        let made = scene.has_data_of(&kind("b/s").data("k", "2"));
        assert_eq!(made.get("immutable"), None);
    }
}

/// SPEC 9.5: `immutable` is not copied.
#[test]
fn immutable_is_not_copied() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    for kind in [secret, config_map] {
        let source = kind("a/s").data("k", "v").field("immutable", json!(true)).note("replication-allowed", "true");
        scene.create(&source.note("replicate-to-namespaces", "{b}"));
        scene.create(&kind("b/t").note("replicate-from", "{a}/s"));
        for key in ["b/s", "b/t"] {
            let replica = scene.has_data_of(&kind(key).data("k", "v"));
            assert_eq!(replica.get("immutable"), None, "{replica}");
        }
    }
}

/// SPEC 9.5: an immutable pulling target belongs to its user: neither filled nor cleared nor made again; with a reason, once.
#[test]
fn an_immutable_pulling_target_is_refused() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let mut targets = Vec::new();
    for kind in [secret, config_map] {
        scene.create(&kind("a/s").data("k", "v").note("replication-allowed", "true"));
        let frozen = |key| kind(key).data("own", "data").field("immutable", json!(true));
        targets.push(scene.create(&frozen("b/fill").note("replicate-from", "{a}/s")));
        let clear = frozen("b/clear").note("replicate-from", "{a}/missing").note("replicated-from-version", "1");
        targets.push(scene.create(&clear));
    }
    scene.start(&["--resync-period=0"]);
    for key in ["b/fill", "b/clear"] {
        scene.is_logged(key, "refuse", "TargetImmutable");
    }
    for resource in ["secrets", "configmaps"] {
        scene.patch(resource, "a/s", &json!({ "data": { "k": "bmV3" } }));
    }
    scene.all_stay(&targets);
    assert_eq!(scene.changes(), []);
}

/// SPEC 9.5: so does one whose type does not accept the source's data; the server's message is logged, and other targets get
/// theirs.
#[test]
fn a_pulling_target_of_an_unfit_type_is_refused() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    scene.create(&secret("a/s").data("k", "v").note("replication-allowed", "true"));
    let unfit = scene.create(&tls("b/unfit", "own").note("replicate-from", "{a}/s"));
    scene.create(&secret("b/fit").note("replicate-from", "{a}/s"));
    scene.has_data("b/fit", &[("k", "v")]);
    let line = scene.is_logged("b/unfit", "update", "Invalid");
    assert!(line["error"].as_str().is_some_and(|error| error.contains("tls.crt")), "{line}");
    scene.stays(&unfit);
}

/// SPEC 9.6: a pushed replica whose F is missing or forbids it is empty, or minimal, whatever it held before.
#[test]
fn a_combined_replica_is_emptied_when_its_source_gives_nothing() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    let combined = |from: &str| {
        let combined = tls(&format!("a/from-{from}"), "own").note("replicate-from", from);
        scene.create(&combined.note("replicate-to-namespaces", "{b}"))
    };
    let replica = |from: &str, made: &Value, value: &str| {
        let replica = tls(&format!("b/from-{from}"), value).note("replicate-from", &format!("{{a}}/{from}"));
        scene.created(replica.made_by(made))
    };
    let allowed = |key: &str| tls(key, "f").note("replication-allowed", "true");
    for (from, then) in [("gone", None), ("forbids", Some("false"))] {
        let made = combined(from);
        scene.becomes(&replica(from, &made, ""));
        let given = scene.create(&allowed(&format!("a/{from}")));
        scene.becomes(&replica(from, &made, "f").pulled(&given, ".*"));
        match then {
            None => scene.delete(&format!("a/{from}")),
            Some(word) => drop(scene.note(&format!("a/{from}"), "replication-allowed", Some(word))),
        }
        scene.becomes(&replica(from, &made, ""));
        // What somebody fills in instead is taken out again.
        scene.set_data(&format!("b/from-{from}"), "more", "x");
        scene.becomes(&replica(from, &made, ""));
    }
}

/// SPEC 9.6: a valid minimal value is not written again: not after a restart, not by verification.
#[test]
fn a_random_password_is_not_written_again() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let combined = secret("a/s").of_type("kubernetes.io/basic-auth").data("username", "u").data("password", "p");
    scene.create(&combined.note("replicate-from", "missing").note("replicate-to-namespaces", "{b}"));
    let replica = scene.has_note("b/s", "replicate-from", Some("{a}/missing"));
    let password = replica["data"]["password"].as_str().unwrap_or_default();
    assert_eq!((password.len(), &replica["data"]["username"]), (172, &json!("")), "128 characters in base64");
    scene.stays(&replica);
    scene.change_user();
    scene.restart(&["--resync-period=1s"]);
    scene.is_verified(2);
    scene.stays(&replica);
}

/// SPEC 9.7: in a terminating namespace no create is tried; other targets get theirs. A new namespace of the name counts again.
#[test]
fn nothing_is_created_in_a_terminating_namespace() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "going", "there"]);
    scene.start(&[]);
    let going = scene.namespace_name("going");
    scene.hold_terminating("going");
    // The controller watches namespaces apart from objects: it has to have seen that this one goes.
    scene.barrier();
    for kind in [secret, config_map] {
        scene.create(&kind("a/s").data("k", "v").note("replicate-to-namespaces", "{going},{there}"));
        scene.has_data_of(&kind("there/s").data("k", "v"));
    }
    scene.barrier();
    let tried = scene.requests_for_objects().into_iter().filter(|request| request.namespace == going);
    assert_eq!(tried.collect::<Vec<_>>(), []);
    scene.let_go("going");
    scene.namespace("going");
    for kind in [secret, config_map] {
        scene.has_data_of(&kind("going/s").data("k", "v"));
    }
}

/// Issue 9, section 1: only the watch says that a namespace terminates. A refusal with that reason may be a late server's, so it is a
/// failure like others: tried again with growing pauses, and others are served meanwhile.
#[test]
fn a_refusal_that_calls_a_namespace_terminating_is_tried_less_and_less() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "going", "there"]);
    let proxy = scene.proxy();
    proxy.set_rule(|request| match request.is_watch() && request.path == "/api/v1/namespaces" {
        true => Fault::Hang,
        false => Fault::Pass,
    });
    scene.start_behind(&proxy, &[]);
    let going = scene.namespace_name("going");
    scene.plane().terminate_namespace(&going).expect("the namespace is terminated");
    for name in ["s", "t"] {
        scene.create(&secret(&format!("a/{name}")).data("k", "v").note("replicate-to-namespaces", "{going},{there}"));
        scene.has_data(&format!("there/{name}"), &[("k", "v")]);
        scene.set_data(&format!("a/{name}"), "k", "w");
        scene.has_data(&format!("there/{name}"), &[("k", "w")]);
    }
    let tried = || scene.requests_for_objects().into_iter().filter(|request| request.namespace == going);
    let tried: Vec<u16> = tried().map(|request| request.code).collect();
    assert!(!tried.is_empty() && tried.iter().all(|code| *code == 403), "{tried:?}");
    // Two targets, whose sources changed twice each.
    assert!(tried.len() <= 12, "{} attempts are no backoff", tried.len());
    let target = scene.full("{going}/s");
    scene.logs("that it was tried", |line| line["target"] == json!(target) && line["action"] == "create");
}
