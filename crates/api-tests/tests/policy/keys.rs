//! SPEC 11.5, 11.8: which keys are copied, under which names, and which a source allows.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};

const TLS: &str = "kubernetes.io/tls";

/// The log line of the refusal contains `words`.
#[track_caller]
fn is_refused(scene: &Scene, target: &str, reason: &str, words: &str) {
    let target = scene.full(target);
    scene.logs(&format!("{target} {reason} {words}"), |line| {
        let has_words = line["error"].as_str().is_some_and(|error| error.contains(words));
        line["target"] == target.as_str() && line["action"] == "refuse" && line["reason"] == reason && has_words
    });
}

/// 11.5, the example of `docs/annotations.md`: the authority of a TLS Secret, shared as `Opaque`. The pair may be anything, and its
/// renewal is no change.
#[test]
fn the_authority_of_a_tls_secret_is_shared_without_its_key() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let pair = |pair: &str, authority: &str| {
        let source = secret("a/s").of_type(TLS).data("tls.crt", pair).data("tls.key", "").data("ca.crt", authority);
        let source = source.note("replicate-to-namespaces", "{b}").note("replicate-keys", "ca.crt");
        source.note("replicate-type", "Opaque")
    };
    let source = scene.create(&pair("1", "authority"));
    scene.start(&[]);
    let replica = |authority: &str| secret("b/s").of_type("Opaque").data("ca.crt", authority);
    let expected = replica("authority").made_by(&source).holding(&source).note("replicated-keys", "ca.crt");
    let made = scene.becomes(&scene.created(expected));
    scene.replace(&pair("2", "authority"));
    scene.stays(&made);
    scene.replace(&pair("2", "another"));
    scene.has_data_of(&replica("another"));
    // Without the type a TLS Secret cannot be made of it, and nothing is written.
    scene.note("a/s", "replicate-type", None);
    is_refused(&scene, "{b}/s", "KeyRequired", "for another type by replicate-type");
    let kept = scene.has_data_of(&replica("another"));
    scene.set_data("a/s", "ca.crt", "third");
    scene.stays(&kept);
    // With another type the replica is made again.
    scene.note("a/s", "replicate-type", Some("example.com/authority"));
    scene.has_data_of(&replica("third").of_type("example.com/authority"));
    scene.until("it has the other type", || {
        scene.get("b/s").filter(|replica| replica["type"] == "example.com/authority")
    });
}

/// 11.5: globs, exceptions, new names; drift within the part; a wish that changes, and one that is taken back.
#[test]
fn a_push_gives_the_keys_that_are_asked_for() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let data = |object: Object, keys: &[&str]| keys.iter().fold(object, |object, key| object.data(key, "v"));
    let source = data(secret("a/s"), &["a.json", "b.json", "secret.json", "ca.crt", "other"]);
    let source = source.note("replicate-to-namespaces", "{b}");
    scene.create(&source.clone().note("replicate-keys", "ca.crt:ca.pem, *.json, !secret.json"));
    scene.start(&[]);
    let part = data(secret("b/s"), &["a.json", "b.json", "ca.pem"]);
    scene.has_data_of(&part);
    // Drift: what others add, and what they take away.
    scene.set_data("b/s", "other", "by hand");
    scene.has_data_of(&part);
    scene.set_data("b/s", "ca.pem", "by hand");
    let before = scene.has_data_of(&part);
    scene.set_data("a/s", "other", "changed");
    scene.set_data("a/s", "secret.json", "changed");
    scene.stays(&before);
    // A key that the source lacks: that is logged, and the replica keeps what it has until the source has the key.
    scene.note("a/s", "replicate-keys", Some("late"));
    is_refused(&scene, "{b}/s", "KeyMissing", "replicate-keys: the source has no key \"late\"");
    scene.has_data_of(&part);
    scene.set_data("a/s", "late", "v");
    scene.has_data_of(&data(secret("b/s"), &["late"]));
    scene.has_note("b/s", "replicated-keys", Some("late"));
    // All again.
    scene.replace(&source);
    scene.has_data_of(&data(secret("b/s"), &["a.json", "b.json", "secret.json", "ca.crt", "other"]));
    scene.has_note("b/s", "replicated-keys", None);
    // Two keys that would get one name.
    scene.note("a/s", "replicate-keys", Some("a.json:b.json,*"));
    is_refused(&scene, "{b}/s", "KeyMissing", "would get the name \"b.json\"");
}

/// 11.5: a ConfigMap's `data` and `binaryData` are one set of keys; each stays in its field.
#[test]
fn a_config_maps_fields_are_one_set_of_keys() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source = config_map("a/s").data("text", "t").data("other", "t").binary("bytes", b"\xFF\x00");
    let source = source.binary("rest", b"\xFE").note("replication-allowed", "true");
    scene.create(&source.note("replicate-to-namespaces", "{b}").note("replicate-keys", "text,bytes:logo.png"));
    let pulls = config_map("b/pulls").note("replicate-from", "{a}/s").note("replicate-keys", "*,!text,!bytes");
    scene.create(&pulls);
    scene.start(&[]);
    let replica = config_map("b/s").data("text", "t");
    scene.has_data_of(&replica.clone().binary("logo.png", b"\xFF\x00"));
    scene.has_data_of(&config_map("b/pulls").data("other", "t").binary("rest", b"\xFE"));
    // A key that goes from one field into the other is another value.
    let moved = config_map("a/s").data("text", "t").data("bytes", "\u{1}").note("replicate-to-namespaces", "{b}");
    scene.replace(&moved.note("replicate-keys", "text,bytes:logo.png").note("replication-allowed", "true"));
    scene.has_data_of(&replica.data("logo.png", "\u{1}"));
    scene.has_data_of(&config_map("b/pulls"));
}

/// 11.5: who pulls asks for a part, and gets no more than is allowed: by name that is refused, by a glob or for all it is what is
/// allowed.
#[test]
fn who_pulls_gets_the_keys_that_are_asked_for_and_allowed() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    let source = secret("a/s").data("user", "u").data("password", "p").data("host", "h");
    scene.create(&source.note("replication-allowed", "true").note("replication-allowed-keys", "*,!password"));
    let pulls = |key: &str| secret(key).note("replicate-from", "{a}/s");
    scene.create(&pulls("b/all"));
    scene.create(&pulls("b/globs").note("replicate-keys", "*o*,!host"));
    scene.create(&pulls("b/part").note("replicate-keys", "user:login").note("replication-allowed", "true"));
    scene.create(&pulls("b/names").note("replicate-keys", "user,password"));
    scene.create(&secret("c/chained").note("replicate-from", "{b}/part"));
    scene.start(&[]);
    scene.has_data("b/all", &[("user", "u"), ("host", "h")]);
    scene.has_data("b/part", &[("login", "u")]);
    scene.has_data("c/chained", &[("login", "u")]);
    is_refused(&scene, "{b}/names", "KeyNotAllowed", "\"password\" is not among the replication-allowed-keys");
    scene.has_note("b/globs", "replicated-keys", Some("*o*,!host"));
    scene.has_data("b/globs", &[]);
    // Allowed more: those who asked get it.
    scene.note("a/s", "replication-allowed-keys", Some("*"));
    scene.has_data("b/names", &[("user", "u"), ("password", "p")]);
    scene.has_data("b/globs", &[("password", "p")]);
    // Allowed less: also what came down a chain under another name.
    scene.note("a/s", "replication-allowed-keys", Some("host"));
    scene.has_data("b/all", &[("host", "h")]);
    scene.has_data("b/names", &[]);
    scene.has_data("b/part", &[]);
    scene.has_data("c/chained", &[]);
}

/// 11.8: a consent that is narrowed takes away at once, also under once, and gives nothing newer.
#[test]
fn consent_to_keys_that_is_narrowed_trims_also_what_was_copied_once() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    for kind in [secret, config_map] {
        let source =
            |value: &str| kind("a/s").data("kept", value).data("taken", value).note("replication-allowed", "true");
        scene.create(&source("1"));
        scene.create(&kind("b/once").note("replicate-from", "{a}/s").note("replicate-once", "true"));
    }
    scene.start(&[]);
    for kind in [secret, config_map] {
        let source =
            |value: &str| kind("a/s").data("kept", value).data("taken", value).note("replication-allowed", "true");
        scene.has_data_of(&kind("b/once").data("kept", "1").data("taken", "1"));
        scene.replace(&source("2").note("replication-allowed-keys", "kept"));
        let trimmed = scene.has_data_of(&kind("b/once").data("kept", "1"));
        scene.stays(&trimmed);
        // Allowed again: once keeps newer data away.
        scene.replace(&source("3"));
        scene.barrier();
        scene.has_data_of(&kind("b/once").data("kept", "1"));
        scene.replace(&source("4").note("replicate-once-version", "2"));
        scene.has_data_of(&kind("b/once").data("kept", "4").data("taken", "4"));
    }
}

/// 11.5: of a combined object the keys are about what it pulls, within what is allowed there.
#[test]
fn a_combined_object_pushes_a_part_of_what_it_pulls() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/from").data("x", "1").data("y", "2").note("replication-allowed", "true"));
    let combined = secret("a/s").note("replicate-from", "from").note("replicate-to-namespaces", "{b}");
    scene.create(&combined.note("replicate-keys", "x:z"));
    scene.start(&[]);
    let replica = scene.has_data("b/s", &[("z", "1")]);
    assert_eq!(scene.note_of(&replica, "replicated-keys").as_deref(), Some("x:z"));
    scene.set_data("a/from", "y", "3");
    scene.stays(&replica);
    scene.note("a/from", "replication-allowed-keys", Some("y"));
    scene.has_data("b/s", &[]);
    is_refused(&scene, "{b}/s", "KeyNotAllowed", "\"x\" is not among the replication-allowed-keys");
    scene.note("a/s", "replicate-keys", Some("*"));
    scene.has_data("b/s", &[("y", "3")]);
}
