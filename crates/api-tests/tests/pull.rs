//! SPEC 5: what a target gets from the source that it names.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use serde_json::json;

/// SPEC 5, 8: the data comes whole, and nothing else does: type, labels and other annotations are the target's own.
#[test]
fn a_pull_copies_the_data_and_nothing_else() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let allowing = |object: Object| object.note("replication-allowed-namespaces", "{b},.*x").label("own", "sources");
    let (crt, key) = ("tls.crt", "tls.key");
    let source = allowing(secret("a/src").of_type("kubernetes.io/tls").data(crt, "c").data(key, "k"));
    let source = scene.create(&source.other_note("own", "sources"));
    let targets = [("b/opaque", "Opaque"), ("b/tls", "kubernetes.io/tls"), ("b/custom", "example.com/custom")].map(
        |(name, type_)| {
            let target = secret(name).of_type(type_).label("own", "targets").other_note("own", "targets");
            let target = target.note("replicate-from", "{a}/src").note("replication-allowed", "false");
            scene.create(&target.clone().data(crt, "old").data(key, "old").data("dropped", "old"));
            target.data(crt, "c").data(key, "k").pulled(&source, "{b},.*x")
        },
    );
    let both = config_map("a/src").data("text", "ä").binary("bytes", &[0, 255]);
    let both = scene.create(&allowing(both));
    let target = config_map("b/dst").note("replicate-from", "{a}/src").label("own", "targets");
    scene.create(&target.clone().data("old", "x").binary("dropped", &[1]));
    scene.start(&[]);
    scene.all_become(&targets);
    scene.becomes(&target.data("text", "ä").binary("bytes", &[0, 255]).pulled(&both, "{b},.*x"));
}

/// SPEC 5, 8: every change of the source's data is copied; what is gone there is gone here.
#[test]
fn a_change_of_the_data_reaches_every_target() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    let allowing = |object: &Object| object.clone().note("replication-allowed", "true");
    for kind in [secret, config_map] {
        let targets = ["b/dst", "c/dst"].map(|key| kind(key).note("replicate-from", "{a}/src"));
        targets.iter().for_each(|target| drop(scene.create(target)));
        let steps: [&[(&str, &str)]; 4] = [&[("k", "1"), ("x", "1")], &[("k", "2"), ("y", "2")], &[], &[("k", "3")]];
        for step in steps {
            let with =
                |object: &Object| step.iter().fold(object.clone(), |object, (key, value)| object.data(key, value));
            let source = scene.put(&allowing(&with(&kind("a/src"))));
            for target in &targets {
                scene.becomes(&with(target).pulled(&source, ".*"));
            }
        }
    }
    let target = config_map("b/bin").note("replicate-from", "{a}/bin");
    scene.create(&target);
    let steps = [
        [config_map("a/bin").binary("b", &[1]).data("k", "v"), target.clone().binary("b", &[1]).data("k", "v")],
        [config_map("a/bin").binary("k", &[2]), target.clone().binary("k", &[2])],
        [config_map("a/bin").data("k", "v"), target.data("k", "v")],
    ];
    for [source, expected] in steps {
        let source = scene.put(&allowing(&source));
        scene.becomes(&expected.pulled(&source, ".*"));
    }
}

/// Sources with each of these consents, and for each a target in `b` that holds an old copy: who is given the new one? The
/// others are cleared.
fn consent(flags: &[&str], table: &[(Option<&str>, Option<&str>, bool)]) {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let mut expected = Vec::new();
    for (number, (allowed, namespaces, given)) in table.iter().enumerate() {
        let mut source = secret(&format!("a/s{number}")).data("k", "new");
        let notes = [("replication-allowed", allowed), ("replication-allowed-namespaces", namespaces)];
        for (name, value) in notes {
            source = value.iter().fold(source, |source, value| source.note(name, value));
        }
        let source = scene.create(&source);
        let target = secret(&format!("b/t{number}")).note("replicate-from", &format!("{{a}}/s{number}"));
        scene.create(&target.clone().data("k", "old").note("replicated-from-version", "1"));
        expected.push(match given {
            true => target.data("k", "new").pulled(&source, namespaces.unwrap_or(".*")),
            false => target.written(),
        });
    }
    scene.start(flags);
    scene.all_become(&expected);
}

/// SPEC 5, 2: one of the two consent annotations is needed; both have to agree where both are there.
#[test]
fn a_source_needs_a_consent_annotation() {
    consent(
        &[],
        &[(None, None, false), (Some("true"), None, true), (None, Some("{b}"), true), (None, Some(".*"), true)],
    );
}

/// SPEC 5, 2: `replication-allowed: false` refuses, whatever the list says, and also under `--allow-all`.
#[test]
fn replication_allowed_false_refuses_also_under_allow_all() {
    let table = [(Some("false"), None, false), (Some("false"), Some("{b}"), false), (Some("0"), Some(".*"), false)];
    consent(&[], &table);
    consent(&["--allow-all"], &table);
}

/// SPEC 5, 2: if the list is there, the target's namespace must match an item, also with `replication-allowed: true` and
/// under `--allow-all`.
#[test]
fn the_targets_namespace_must_match_an_item_of_the_list() {
    let lists = [
        ("{b}", true),
        ("{a},{b}", true),
        ("{b}.*", true),
        ("{a}|{b}", true),
        ("{a}", false),
        ("b", false),
        ("-", false),
        ("", false),
        ("{b}.+", false),
    ];
    let table: Vec<_> = lists
        .iter()
        .flat_map(|(list, given)| [None, Some("true")].map(|allowed| (allowed, Some(*list), *given)))
        .collect();
    consent(&[], &table);
    consent(&["--allow-all"], &table);
}

/// SPEC 5, 2: with `--allow-all` a source without any annotation may be pulled.
#[test]
fn allow_all_lets_a_source_without_consent_be_pulled() {
    consent(&["--allow-all"], &[(None, None, true)]);
}

/// SPEC 5, 2: consent that is withdrawn clears, consent that is given fills, each at once.
#[test]
fn targets_follow_the_sources_consent_at_once() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    let targets = ["b/t", "c/t"].map(|key| secret(key).note("replicate-from", "{a}/src"));
    targets.iter().for_each(|target| drop(scene.create(target)));
    scene.create(&secret("a/src").data("k", "v"));
    let steps: [(&str, Option<&str>, [bool; 2]); 7] = [
        ("replication-allowed", Some("true"), [true, true]),
        ("replication-allowed", Some("false"), [false, false]),
        ("replication-allowed", None, [false, false]),
        ("replication-allowed-namespaces", Some("{b}"), [true, false]),
        ("replication-allowed-namespaces", Some("{c}"), [false, true]),
        ("replication-allowed", Some("false"), [false, false]),
        ("replication-allowed", Some("true"), [false, true]),
    ];
    let mut list = ".*";
    for (name, value, given) in steps {
        let source = scene.note("a/src", name, value);
        if name == "replication-allowed-namespaces" {
            list = value.unwrap_or(".*");
        }
        for (target, given) in targets.iter().zip(given) {
            scene.becomes(&match given {
                true => target.clone().data("k", "v").pulled(&source, list),
                false => target.clone().written(),
            });
        }
    }
}

/// SPEC 5: the first that applies decides. Each row is one in which a later rule would do something else.
#[test]
fn the_first_rule_that_applies_decides() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    // What pulls from this is left as it is.
    scene.create(&secret("a/ill").note("unknown", ""));
    let plain = |name: &str| secret(&format!("a/{name}")).data("k", "new");
    let pulling = |name: &str| plain(name).note("replicate-from", "ill").note("replication-allowed", "true");
    let holding = |name: &str| pulling(name).note("replicated-from-version", "1");
    let all = |object: Object| object.note("replicated-from-allowed", ".*");
    let origin = |object: Object, name: &str| object.note("replicated-from-origin", &format!("{{b}}/{name}"));
    let (stays, cleared) = (true, false);
    let table = [
        // 1 before 2: ill-formed, and no consent.
        ("ill-first", plain("ill-first").note("replicate-once", "x"), Some("SourceIllFormed"), stays),
        // 2 before 4: no consent, and a loop.
        ("no-consent", origin(plain("no-consent"), "no-consent"), None, cleared),
        // 3 before 4: not within what the chain allows, and a loop.
        ("not-within", origin(holding("not-within").note("replicated-from-allowed", "-"), "not-within"), None, cleared),
        // 3: absent means none, though the source holds a copy.
        ("absent", holding("absent"), None, cleared),
        // 4 before 5: a loop, and a source that is cleared.
        ("loop", all(origin(pulling("loop"), "loop")), Some("Loop"), stays),
        // 4 before 8: a loop.
        ("loop-copy", all(origin(holding("loop-copy"), "loop-copy")), Some("Loop"), stays),
        // 5 before 8: a source that is cleared has data of its own.
        ("empty", all(pulling("empty")), None, cleared),
        // 8. What the chain allows does not count where there is none.
        ("copied", all(holding("copied")), None, cleared),
        (
            "leftover",
            plain("leftover").note("replication-allowed", "1").note("replicated-from-allowed", "-"),
            None,
            cleared,
        ),
    ];
    let mut targets = Vec::new();
    for (name, source, reason, stays) in &table {
        let source = scene.create(source);
        let target = secret(&format!("b/{name}")).note("replicate-from", &format!("{{a}}/{name}"));
        let before = target.clone().data("k", "old").note("replicated-from-version", "1");
        targets.push((name, source, target, scene.create(&before), reason, stays));
    }
    scene.start(&[]);
    let mut left = Vec::new();
    for (name, source, target, before, reason, stays) in targets {
        if let Some(reason) = reason {
            scene.is_logged(&format!("b/{name}"), "refuse", reason);
        }
        match (*stays, *name) {
            (true, _) => left.push(before),
            (false, "copied" | "leftover") => drop(scene.becomes(&target.data("k", "new").pulled(&source, ".*"))),
            (false, _) => drop(scene.becomes(&target.written())),
        }
    }
    scene.all_stay(&left);
}

/// SPEC 5, 8: `replicate-once-version` is the source's; where the source has none the target has none.
#[test]
fn the_once_version_is_copied_with_the_data() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source = secret("a/src").data("k", "v").note("replication-allowed", "true");
    let target = secret("b/dst").note("replicate-from", "{a}/src");
    scene.create(&target.clone().note("replicate-once-version", "own"));
    scene.start(&[]);
    for version in [None, Some("1"), Some("2"), None] {
        let noted = |object: Object| match version {
            Some(version) => object.note("replicate-once-version", version),
            None => object,
        };
        let made = scene.put(&noted(source.clone().data("version", version.unwrap_or("none"))));
        let expected = target.clone().data("k", "v").data("version", version.unwrap_or("none"));
        scene.becomes(&noted(expected.pulled(&made, ".*")));
    }
}

/// SPEC 5, 8: the origin is the source's if it pulls and has one, else the source; a target that is copied once has none.
#[test]
fn the_origin_is_the_first_object_of_the_chain() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let plain = |key| secret(key).data("k", "v").note("replication-allowed", "true");
    let sources = [
        (plain("a/plain"), "{a}/plain"),
        // A leftover does not count where nothing is pulled.
        (plain("a/leftover").note("replicated-from-origin", "{a}/gone"), "{a}/leftover"),
        (plain("a/pulling").note("replicate-from", "plain"), "{a}/plain"),
        // A link that is copied once has no origin, and becomes one.
        (plain("a/once").note("replicate-from", "plain").note("replicate-once", "true"), "{a}/once"),
    ];
    for (source, _) in &sources {
        scene.create(source);
    }
    for (number, (source, _)) in sources.iter().enumerate() {
        let from = source.key().replace("a/", "{a}/");
        scene.create(&secret(&format!("b/t{number}")).note("replicate-from", &from));
        let once = secret(&format!("b/once{number}")).note("replicate-from", &from).note("replicate-once", "true");
        scene.create(&once.note("replicated-from-origin", "{a}/gone"));
    }
    scene.start(&[]);
    for (number, (_, origin)) in sources.iter().enumerate() {
        let target = scene.has_data(&format!("b/t{number}"), &[("k", "v")]);
        assert_eq!(scene.note_of(&target, "replicated-from-origin"), Some(scene.full(origin)), "{target}");
        let once = scene.has_data(&format!("b/once{number}"), &[("k", "v")]);
        assert_eq!(scene.note_of(&once, "replicated-from-origin"), None, "{once}");
    }
}

/// SPEC 5, 7: of a target that is up to date only `replicated-from-allowed` is written, when it changes.
#[test]
fn only_the_permission_is_written_to_a_target_that_is_up_to_date() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let source = scene.create(&secret("a/src").data("k", "v").note("replication-allowed", "true"));
    let target = secret("b/dst").note("replicate-from", "{a}/src");
    scene.create(&target);
    let filled = scene.becomes(&target.clone().data("k", "v").pulled(&source, ".*"));
    // Neither data nor what is inherited: not even the version.
    scene.patch("secrets", "a/src", &json!({ "metadata": { "labels": { "new": "label" } } }));
    scene.note("a/src", "replication-allowed", Some("1"));
    scene.stays(&filled);
    for list in ["{b}", "{b},,{c}", ".*"] {
        scene.note("a/src", "replication-allowed-namespaces", Some(list));
        // The version is the one whose data was taken.
        scene.becomes(&target.clone().data("k", "v").pulled(&source, list));
    }
}
