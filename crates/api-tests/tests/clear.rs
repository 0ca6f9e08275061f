//! SPEC 7: what is left of a pulling target whose source is gone or refuses, and which types are never touched.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use serde_json::{Value, json};

/// A source's data, and what its target is cleared to.
struct Type {
    name: &'static str,
    full: &'static [(&'static str, &'static str)],
    minimal: &'static [(&'static str, &'static str)],
}

const TYPES: [Type; 6] = [
    Type { name: "Opaque", full: &[("k", "v")], minimal: &[] },
    Type { name: "example.com/own", full: &[("k", "v")], minimal: &[] },
    Type {
        name: "kubernetes.io/ssh-auth",
        full: &[("ssh-privatekey", "key"), ("more", "x")],
        minimal: &[("ssh-privatekey", "empty")],
    },
    Type {
        name: "kubernetes.io/tls",
        full: &[("tls.crt", "c"), ("tls.key", "k"), ("ca.crt", "a")],
        minimal: &[("tls.crt", ""), ("tls.key", "")],
    },
    Type {
        name: "kubernetes.io/dockercfg",
        full: &[(".dockercfg", r#"{"r.example.com":{}}"#)],
        minimal: &[(".dockercfg", "{}")],
    },
    Type {
        name: "kubernetes.io/dockerconfigjson",
        full: &[(".dockerconfigjson", r#"{"auths":{"r.example.com":{}}}"#)],
        minimal: &[(".dockerconfigjson", "{}")],
    },
];

const PROTECTED: [&str; 2] = ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"];

fn with_data(object: Object, data: &[(&str, &str)]) -> Object {
    data.iter().fold(object, |object, (key, value)| object.data(key, value))
}

/// A Secret of a type that a token controller owns. (No such controller runs here.)
fn protected(key: &str, type_: &str) -> Object {
    secret(key).of_type(type_).data("token", "t").other_note("kubernetes.io/service-account.name", "someone")
}

fn value_of(secret: &Value, key: &str) -> String {
    let bytes = BASE64.decode(secret["data"][key].as_str().unwrap_or_default()).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// SPEC 7: each type keeps the keys that it requires, with minimal values, and nothing else.
#[test]
fn each_type_is_cleared_to_its_minimal_values() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let source = |n: usize| secret(&format!("a/s{n}")).of_type(TYPES[n].name);
    let target =
        |n: usize| secret(&format!("b/t{n}")).of_type(TYPES[n].name).note("replicate-from", &format!("{{a}}/s{n}"));
    for (n, type_) in TYPES.iter().enumerate() {
        let made = scene.create(&with_data(source(n), type_.full).note("replication-allowed", "true"));
        // A target of a type with required keys has to have them from the start.
        scene.create(&with_data(target(n), type_.minimal));
        scene.becomes(&with_data(target(n), type_.full).pulled(&made, ".*"));
    }
    for n in 0..TYPES.len() {
        scene.remove(&source(n));
    }
    for (n, type_) in TYPES.iter().enumerate() {
        scene.becomes(&with_data(target(n), type_.minimal).written());
    }
}

/// SPEC 7: `password` is 128 random characters of `A-Za-z0-9`; once cleared, it stays as it is.
#[test]
fn basic_auth_is_cleared_to_a_random_password() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let login = |key: &str| secret(key).of_type("kubernetes.io/basic-auth").data("username", "u").data("password", "p");
    scene.create(&login("a/s").note("replication-allowed", "true"));
    let keys = ["b/t0", "b/t1"];
    for key in keys {
        scene.create(&login(key).note("replicate-from", "{a}/s"));
        scene.has_note(key, "replicated-from-allowed", Some(".*"));
    }
    scene.delete("a/s");
    let cleared = keys.map(|key| scene.has_note(key, "replicated-from-version", None));
    let passwords = cleared.each_ref().map(|secret| value_of(secret, "password"));
    for (secret, password) in cleared.iter().zip(&passwords) {
        assert_eq!(value_of(secret, "username"), "");
        assert_eq!(secret["data"].as_object().map(serde_json::Map::len), Some(2), "{secret}");
        assert!(password.len() == 128 && password.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{password}");
    }
    assert_ne!(passwords[0], passwords[1]);
    scene.restart(&["--resync-period=1s"]);
    scene.all_stay(&cleared);
}

/// SPEC 7: a ConfigMap loses both.
#[test]
fn a_cleared_config_map_has_neither_data_nor_binary_data() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let full = config_map("a/s").data("k", "v").binary("b", &[1, 2]);
    let source = scene.create(&full.clone().note("replication-allowed", "true"));
    let target = config_map("b/t").note("replicate-from", "{a}/s");
    scene.create(&target);
    scene.becomes(&target.clone().data("k", "v").binary("b", &[1, 2]).pulled(&source, ".*"));
    scene.put(&full);
    scene.becomes(&target.written());
}

/// SPEC 7: the marks of the copy go, the time is set; what the target's user wrote stays.
#[test]
fn clearing_takes_the_marks_of_the_copy_and_nothing_else() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    let source = secret("a/s").data("k", "v").note("replicate-once-version", "1");
    let made = scene.create(&source.clone().note("replication-allowed-namespaces", "{b}"));
    let target = secret("b/t")
        .note("replicate-from", "{a}/s")
        .note("replication-allowed", "true")
        .note("replication-allowed-namespaces", "{c}")
        .other_note("own", "note")
        .label("own", "label")
        .field("immutable", json!(false));
    scene.create(&target);
    let filled = target.clone().data("k", "v").note("replicate-once-version", "1").pulled(&made, "{b}");
    let filled = scene.becomes(&filled);
    scene.next_second_after(&scene.create(&secret("b/clock")));
    scene.replace(&source);
    let cleared = scene.becomes(&target.written());
    assert_ne!(scene.note_of(&cleared, "replicated-at"), scene.note_of(&filled, "replicated-at"));
    assert_eq!(cleared["immutable"], json!(false));
}

/// SPEC 7: whose source is missing or refuses from the start keeps its own data, and every byte of itself.
#[test]
fn a_target_that_never_received_anything_is_not_touched() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let mut targets = Vec::new();
    for kind in [secret, config_map] {
        scene.create(&kind("a/silent").data("k", "v"));
        scene.create(&kind("a/refuses").data("k", "v").note("replication-allowed", "false"));
        scene.create(&kind("a/elsewhere").data("k", "v").note("replication-allowed-namespaces", "{a}"));
        let (missing, silent, refuses, elsewhere) = ("{a}/missing", "{a}/silent", "{a}/refuses", "{a}/elsewhere");
        for (n, from) in [missing, silent, refuses, elsewhere, "{b}/t0"].into_iter().enumerate() {
            // One in which there is already the time of a clear.
            let target = kind(&format!("b/t{n}")).data("own", "data").note("replicate-from", from);
            targets.push(target.clone());
            targets.push(target.at(&format!("b/cleared{n}")).note("replicated-at", "2020-02-02T02:02:02Z"));
        }
    }
    let made: Vec<Value> = targets.iter().map(|target| scene.create(target)).collect();
    scene.start(&["--resync-period=1s"]);
    scene.all_stay(&made);
    // What happens to the sources does not change that.
    for kind in [secret, config_map] {
        scene.remove(&kind("a/refuses"));
        scene.put(&kind("a/elsewhere").note("replication-allowed", "false"));
        scene.put(&kind("a/silent").data("k", "w"));
    }
    scene.all_stay(&made);
}

/// SPEC 5, 7: any of the written annotations means that the target holds a copy: it is cleared, also when only that annotation is
/// left.
#[test]
fn what_once_received_something_is_cleared() {
    let mut scene = Scene::new();
    scene.namespaces(&["b"]);
    let marks =
        ["replicated-from-version", "replicate-once-version", "replicated-from-allowed", "replicated-from-origin"];
    let target = |n: usize| secret(&format!("b/t{n}")).note("replicate-from", "missing");
    for (n, mark) in marks.iter().enumerate() {
        scene.create(&target(n).data("k", "v").note(mark, "x"));
    }
    scene.start(&[]);
    for n in 0..marks.len() {
        scene.becomes(&target(n).written());
    }
}

/// SPEC 5, 7: a cleared target is filled again as soon as there is something to fill it with.
#[test]
fn a_cleared_target_is_filled_again() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    for kind in [secret, config_map] {
        let source = |value: &str| kind("a/s").data("k", value).note("replication-allowed", "true");
        let target = kind("b/t").note("replicate-from", "{a}/s");
        scene.create(&target);
        for value in ["1", "2"] {
            let made = scene.create(&source(value));
            scene.becomes(&target.clone().data("k", value).pulled(&made, ".*"));
            scene.remove(&source(value));
            scene.becomes(&target.clone().written());
        }
    }
}

/// SPEC 7: a token is never a source, neither of a pull nor of a push.
#[test]
fn a_protected_type_is_never_a_source() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    for (n, type_) in PROTECTED.into_iter().enumerate() {
        let source = protected(&format!("a/s{n}"), type_).note("replication-allowed", "true");
        scene.create(&source.note("replicate-to", &format!("{{b}}/pushed{n}")));
        let target = secret(&format!("b/pulls{n}")).data("own", "data").note("replicate-from", &format!("{{a}}/s{n}"));
        let target = scene.create(&target);
        scene.is_logged(&format!("b/pulls{n}"), "refuse", "ProtectedType");
        scene.is_logged(&format!("b/pushed{n}"), "refuse", "ProtectedType");
        scene.stays(&target);
        assert_eq!(scene.get(&format!("b/pushed{n}")), None);
    }
    assert_eq!(scene.changes(), []);
}

/// SPEC 7: a token is never a target, neither to be filled nor to be cleared.
#[test]
fn a_protected_type_is_never_a_pulling_target() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/s").data("token", "other").note("replication-allowed", "true"));
    let mut targets = Vec::new();
    for (n, type_) in PROTECTED.into_iter().enumerate() {
        targets.push(scene.create(&protected(&format!("b/fill{n}"), type_).note("replicate-from", "{a}/s")));
        let clear = protected(&format!("b/clear{n}"), type_).note("replicate-from", "{a}/missing");
        targets.push(scene.create(&clear.note("replicated-from-version", "1")));
    }
    scene.start(&["--resync-period=1s"]);
    for n in 0..PROTECTED.len() {
        scene.is_logged(&format!("b/fill{n}"), "refuse", "ProtectedType");
        scene.is_logged(&format!("b/clear{n}"), "refuse", "ProtectedType");
    }
    scene.set_data("a/s", "token", "newer");
    scene.all_stay(&targets);
    assert_eq!(scene.changes(), []);
}

/// SPEC 7: an existing replica of such a type is neither written nor deleted, whatever its creator does.
#[test]
fn a_replica_of_a_protected_type_is_neither_written_nor_deleted() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let pushing = |value: &str| secret("a/pushes").data("token", value).note("replicate-to-namespaces", "{b}");
    scene.create(&pushing("1").note("replicate-to", "update0,update1"));
    scene.create(&secret("a/stopped").data("token", "1"));
    let mut replicas = Vec::new();
    for (n, type_) in PROTECTED.into_iter().enumerate() {
        for (name, creator) in [("update", "pushes"), ("orphan", "missing"), ("stopped", "stopped")] {
            let replica = protected(&format!("b/{name}{n}"), type_).note("replicated-by", &format!("{{a}}/{creator}"));
            replicas.push(scene.create(&replica));
        }
    }
    scene.start(&["--resync-period=1s"]);
    for n in 0..PROTECTED.len() {
        for name in ["update", "orphan", "stopped"] {
            scene.is_logged(&format!("b/{name}{n}"), "refuse", "ProtectedType");
        }
    }
    scene.put(&pushing("2").note("replicate-to", "update0,update1").note("replication-allowed", "true"));
    scene.all_stay(&replicas);
    scene.delete("a/pushes");
    scene.all_stay(&replicas);
    assert_eq!(scene.changes(), []);
}
