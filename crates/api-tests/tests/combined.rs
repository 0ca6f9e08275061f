//! SPEC 4, for sources that carry `replicate-from`: what they push is another object's data.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use serde_json::Value;

/// An object that may be pulled by everyone.
fn open(object: Object) -> Object {
    object.note("replication-allowed", "true")
}

/// SPEC 4, 5: the source's type and permissions, and the other object's data; the source's own data is never used.
#[test]
fn a_combined_push_gives_the_data_of_another_object() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    let from = secret("b/from").data("user", "u").data("k", "given").label("own", "label");
    let from = scene.create(&from.note("replication-allowed-namespaces", "{c},x").note("replicate-once-version", "f"));
    let combined = secret("b/combined")
        .of_type("example.com/custom")
        .data("k", "own")
        .data("other", "own")
        .note("replicate-from", "from")
        .note("replicate-to-namespaces", "{c}")
        .note("replicate-once", "false")
        .note("replicate-once-version", "not inherited")
        .note("replication-allowed", "true")
        .note("replication-allowed-namespaces", "y,{a}");
    let combined = scene.create(&combined);
    scene.start(&[]);
    let expected = secret("c/combined")
        .of_type("example.com/custom")
        .data("user", "u")
        .data("k", "given")
        .note("replicate-from", "{b}/from")
        .note("replicate-once", "false")
        .note("replicate-once-version", "f")
        .note("replication-allowed", "true")
        .note("replication-allowed-namespaces", "y,{a}");
    scene.becomes(&scene.created(expected.made_by(&combined).pulled(&from, "{c},x")));
    scene.stays(&combined);
}

/// A combined source of either kind, started; and what its replica is while it is empty.
fn setting(scene: &Scene, kind: fn(&str) -> Object) -> Object {
    let combined = kind("a/combined").data("own", "never used").note("replicate-from", "{b}/from");
    let combined = combined.note("replicate-to", "{c}/x").note("replicate-once-version", "not inherited");
    let combined = scene.put(&combined);
    scene.created(kind("c/x").made_by(&combined).note("replicate-from", "{b}/from"))
}

/// SPEC 4: the replica is created empty while the source's source is missing, and filled when that exists.
#[test]
fn a_combined_replica_is_made_empty_when_from_is_missing() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    for kind in [secret, config_map] {
        let empty = setting(&scene, kind);
        let found = scene.becomes(&empty);
        scene.stays(&found);
        let from = scene.create(&open(kind("b/from").data("k", "v")));
        scene.becomes(&empty.clone().data("k", "v").pulled(&from, ".*"));
        let from = scene.put(&open(kind("b/from").data("k", "w")));
        scene.becomes(&empty.clone().data("k", "w").pulled(&from, ".*"));
        scene.remove(&kind("b/from"));
        scene.becomes(&empty);
        // The name is asked for by the second kind too.
        scene.remove(&kind("a/combined"));
        scene.is_deleted(&kind("c/x"));
    }
}

/// SPEC 4, 5: the same where consent is missing: it is the replica's namespace that has to be allowed.
#[test]
fn a_combined_replica_is_made_empty_when_from_forbids_it() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.create(&secret("b/from").data("k", "v"));
    scene.start(&[]);
    let empty = setting(&scene, secret);
    scene.becomes(&empty);
    scene.note("b/from", "replication-allowed-namespaces", Some("{a}"));
    let found = scene.becomes(&empty);
    scene.stays(&found);
    let from = scene.note("b/from", "replication-allowed-namespaces", Some("{c}"));
    scene.becomes(&empty.clone().data("k", "v").pulled(&from, "{c}"));
    scene.note("b/from", "replication-allowed", Some("false"));
    scene.becomes(&empty);
}

/// SPEC 4, 5: made empty also when the other object is ill-formed; but what is filled already is left alone.
#[test]
fn a_combined_replica_is_made_empty_when_from_is_ill_formed() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.create(&open(secret("b/from").data("k", "v").note("unknown", "")));
    scene.start(&[]);
    let empty = setting(&scene, secret);
    let found = scene.becomes(&empty);
    scene.stays(&found);
    let from = scene.note("b/from", "unknown", None);
    let filled = scene.becomes(&empty.clone().data("k", "v").pulled(&from, ".*"));
    scene.note("b/from", "unknown", Some(""));
    scene.set_data("b/from", "k", "w");
    scene.stays(&filled);
}

/// SPEC 4, 7: a type with required keys is made with minimal values.
#[test]
fn an_empty_combined_replica_has_the_minimal_values_of_its_type() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let types = [
        ("tls", "kubernetes.io/tls", vec![("tls.crt", ""), ("tls.key", "")]),
        ("ssh", "kubernetes.io/ssh-auth", vec![("ssh-privatekey", "empty")]),
        ("cfg", "kubernetes.io/dockercfg", vec![(".dockercfg", "{}")]),
        ("json", "kubernetes.io/dockerconfigjson", vec![(".dockerconfigjson", "{}")]),
    ];
    scene.start(&[]);
    for (name, type_, minimal) in types {
        let own =
            minimal.iter().fold(secret(&format!("a/{name}")), |object, (key, _)| object.data(key, r#"{"auths":{}}"#));
        let combined = own.of_type(type_).note("replicate-from", "nothing").note("replicate-to-namespaces", "{b}");
        let combined = scene.create(&combined);
        let empty =
            secret(&format!("b/{name}")).of_type(type_).note("replicate-from", "{a}/nothing").made_by(&combined);
        let found =
            scene.becomes(&scene.created(minimal.iter().fold(empty, |object, (key, value)| object.data(key, value))));
        scene.stays(&found);
    }
}

/// A combined source with these annotations, its replica, and the replica when it holds the data of `from`.
fn held(scene: &Scene, combined: &Value, once: Option<&str>, from: &Value, value: &str) -> Object {
    let name = from["metadata"]["name"].as_str().unwrap_or_default();
    let held = secret("b/x").data("k", value).made_by(combined).note("replicate-from", &format!("{{a}}/{name}"));
    let held = scene.created(held.holding(from).note("replicated-from-allowed", ".*"));
    match once {
        Some(once) => held.note("replicate-once", once),
        None => held.origin(from),
    }
}

/// SPEC 4: another `replicate-from` is another source: its data is copied, also under once; and if it has none to give, the
/// replica is empty.
#[test]
fn another_from_is_copied_also_under_once() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let sources =
        ["one", "two"].map(|name| secret(&format!("a/{name}")).data("k", name).note("replicate-once-version", name));
    let [one, two] = sources.map(|source| scene.create(&open(source)));
    scene.create(&secret("a/ill").note("unknown", ""));
    let combined = secret("a/combined").note("replicate-from", "one").note("replicate-once", "true");
    let combined = scene.create(&combined.note("replicate-to", "{b}/x"));
    let held =
        |from, name: &str| held(&scene, &combined, Some("true"), from, name).note("replicate-once-version", name);
    scene.becomes(&held(&one, "one"));
    scene.note("a/combined", "replicate-from", Some("two"));
    scene.becomes(&held(&two, "two"));
    let without = secret("b/x").made_by(&combined).note("replicate-once", "true");
    let without = scene.created(without);
    scene.note("a/combined", "replicate-from", Some("nothing"));
    scene.becomes(&without.clone().note("replicate-from", "{a}/nothing"));
    scene.note("a/combined", "replicate-from", Some("one"));
    scene.becomes(&held(&one, "one"));
    // Of an ill-formed one nothing is taken, and nothing cleared because of it; but the copy is none of its.
    scene.note("a/combined", "replicate-from", Some("ill"));
    scene.becomes(&without.data("k", "one").note("replicate-from", "{a}/ill"));
    scene.note("a/combined", "replicate-from", Some("two"));
    scene.becomes(&held(&two, "two"));
}

/// SPEC 4: when the source's `replicate-once` changes, the data is copied anew.
#[test]
fn another_once_is_a_new_copy() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let from = scene.create(&open(secret("a/from").data("k", "1")));
    let combined = secret("a/combined").note("replicate-from", "from").note("replicate-once", "true");
    let combined = scene.create(&combined.note("replicate-to", "{b}/x"));
    let held = |once, from, value| held(&scene, &combined, once, from, value);
    let found = scene.becomes(&held(Some("true"), &from, "1"));
    let from = scene.set_data("a/from", "k", "2");
    scene.stays(&found);
    scene.note("a/combined", "replicate-once", None);
    scene.becomes(&held(None, &from, "2"));
    scene.note("a/combined", "replicate-once", Some("t"));
    let found = scene.becomes(&held(Some("t"), &from, "2"));
    scene.set_data("a/from", "k", "3");
    scene.stays(&found);
}

/// SPEC 4: a source that drops its `replicate-from` gives its own data, one that takes one on the other's; also under once.
#[test]
fn a_source_may_become_combined_and_stop_to_be() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    for (kind, once) in [(secret as fn(&str) -> Object, None), (config_map, None), (secret, Some("true"))] {
        let noted = |object: Object| once.iter().fold(object, |object, once| object.note("replicate-once", once));
        let source = noted(kind("a/src").data("own", "1").note("replicate-to", "{c}/x"));
        let from = scene.put(&open(kind("b/from").data("k", "v")));
        for _ in 0..2 {
            let made = scene.put(&source);
            let replica = scene.created(noted(kind("c/x").made_by(&made)));
            scene.becomes(&replica.clone().data("own", "1").holding(&made));
            scene.put(&source.clone().note("replicate-from", "{b}/from"));
            let held = replica.note("replicate-from", "{b}/from").data("k", "v").holding(&from);
            let held = held.note("replicated-from-allowed", ".*");
            scene.becomes(&if once.is_some() { held } else { held.origin(&from) });
        }
        scene.remove(&source);
        scene.is_deleted(&kind("c/x"));
    }
}

/// SPEC 4: what a combined source's replica inherits follows it; its own `replicate-once-version` and data are nothing to
/// the replica.
#[test]
fn the_permissions_of_a_combined_source_follow_it() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    let from = scene.create(&open(secret("b/from").data("k", "v")));
    let filled = setting(&scene, secret).data("k", "v").pulled(&from, ".*");
    scene.becomes(&filled);
    for (name, value) in [("replication-allowed", "false"), ("replication-allowed-namespaces", "{a}")] {
        scene.note("a/combined", name, Some(value));
        scene.becomes(&filled.clone().note(name, value));
        scene.note("a/combined", name, None);
        scene.becomes(&filled);
    }
    let before = scene.becomes(&filled);
    scene.note("a/combined", "replicate-once-version", Some("1"));
    scene.set_data("a/combined", "own", "other");
    scene.stays(&before);
    // The replica's own annotations are the controller's here too.
    for (name, value) in [("replicate-to", "elsewhere"), ("replicate-once", "true"), ("replicate-from", "{a}/combined")]
    {
        scene.note("c/x", name, Some(value));
        scene.becomes(&filled);
    }
    scene.has_replicas(&["c/x"]);
}
