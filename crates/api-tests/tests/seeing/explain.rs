//! For each reason: `explain` on the real API server names it, the annotation (or the fact) behind it and what to do; and that,
//! carried out, works.
//!
//! What `explain` gives to paste is pasted. Where the change is a choice, which only a person can make, the test makes it.

use k8s_replicator_api_tests::{Object, Scene, secret};
use serde_json::{Value, json};

/// One reason, and how it comes about and goes.
struct Case {
    reason: &'static str,
    /// The target that is explained.
    target: &'static str,
    /// What is there. Those of the kind Secret.
    objects: Vec<Object>,
    flags: &'static [&'static str],
    /// What happens then, when the controller has done what it is to do with them.
    then: fn(&Scene),
    /// What stands in the answer: an annotation with its value, or a fact.
    says: &'static str,
    remedy: Remedy,
}

enum Remedy {
    /// What is given to paste.
    Paste,
    /// A choice, and that something is given to begin with.
    Choice(fn(&Scene)),
    /// A choice for which there is no command.
    Alone(fn(&Scene)),
    /// Other flags of the controller.
    Flags(&'static [&'static str]),
}

use Remedy::{Alone, Choice, Flags, Paste};

fn source(key: &str) -> Object {
    secret(key).data("k", "v")
}

fn pulls(from: &str) -> Object {
    secret("b/t").note("replicate-from", from)
}

fn case(reason: &'static str, objects: Vec<Object>, says: &'static str, remedy: Remedy) -> Case {
    Case { reason, target: "{b}/t", objects, flags: &[], then: |_| {}, says, remedy }
}

/// Pulls.
fn of_pulls() -> Vec<Case> {
    let allowed = |key: &str| source(key).note("replication-allowed", "true");
    vec![
        case("ConsentMissing", vec![source("a/s"), pulls("{a}/s")], "no replication-allowed", Paste),
        case(
            "ConsentRefused",
            vec![source("a/s").note("replication-allowed", "false"), pulls("{a}/s")],
            "replication-allowed: \\\"false\\\"",
            Paste,
        ),
        case(
            "NamespaceNotAllowed",
            vec![source("a/s").note("replication-allowed-namespaces", "{c},team-.*"), pulls("{a}/s")],
            "team-.*",
            Paste,
        ),
        case(
            "ChainNotAllowed",
            vec![
                source("a/s").note("replication-allowed-namespaces", "{c}"),
                allowed("c/mid").empty().note("replicate-from", "{a}/s"),
                pulls("{c}/mid"),
            ],
            "replicated-from-allowed",
            Paste,
        ),
        case(
            "SourceMissing",
            vec![pulls("{a}/s")],
            "replicate-from",
            Choice(|scene| {
                scene.create(&source("a/s").note("replication-allowed", "true"));
            }),
        ),
        case(
            "ChainBroken",
            vec![allowed("c/mid").empty().note("replicate-from", "{a}/s"), pulls("{c}/mid")],
            "replicate-from",
            Choice(|scene| drop(scene.create(&source("a/s").note("replication-allowed", "true")))),
        ),
        case(
            "SourceIllFormed",
            vec![allowed("a/s").note("replicate-once", "maybe"), pulls("{a}/s")],
            "maybe",
            Choice(|scene| drop(scene.note("a/s", "replicate-once", None))),
        ),
        case(
            "IllFormed",
            vec![allowed("a/s"), pulls("{a}/s").note("replicate-onse", "1")],
            "replicate-onse",
            Choice(|scene| {
                scene.note("b/t", "replicate-onse", None);
            }),
        ),
        case("Paused", vec![allowed("a/s").note("paused", "true"), pulls("{a}/s")], "paused", Paste),
        Case {
            then: |scene| {
                scene.has_data("b/t", &[("k", "v")]);
                scene.note("c/u", "replicate-from", Some(&scene.full("{b}/t")));
            },
            ..case(
                "Ring",
                vec![
                    allowed("a/s"),
                    secret("c/u").note("replicate-from", "{a}/s").note("replication-allowed", "true"),
                    pulls("{c}/u").note("replication-allowed", "true"),
                ],
                "\"again\":true",
                Choice(|scene| drop(scene.note("b/t", "replicate-from", Some(&scene.full("{a}/s"))))),
            )
        },
        Case {
            then: |scene| {
                scene.has_data("b/t", &[("k", "v")]);
                scene.note("c/mid", "replicate-once", Some("maybe"));
            },
            ..case(
                "ChainNotVisible",
                vec![
                    source("a/s")
                        .note("replication-allowed-namespace-selector", "kubernetes.io/metadata.name in ({b},{c})"),
                    allowed("c/mid").empty().note("replicate-from", "{a}/s"),
                    allowed("c/u").empty().note("replicate-from", "{c}/mid"),
                    pulls("{c}/u"),
                ],
                "{c}/mid is missing or ill-formed",
                Alone(|scene| drop(scene.note("c/mid", "replicate-once", None))),
            )
        },
        case(
            "PushesItself",
            vec![allowed("a/s"), pulls("{a}/s").note("replicate-to-namespaces", "{c}")],
            "replicate-to-namespaces",
            Paste,
        ),
        case(
            "NotATarget",
            vec![allowed("a/s"), secret("b/t")],
            "replicate-from",
            Alone(|scene| {
                scene.note("b/t", "replicate-from", Some(&scene.full("{a}/s")));
            }),
        ),
        case(
            "Loop",
            vec![allowed("a/s").note("replicated-from-origin", "{b}/t"), allowed("a/other"), pulls("{a}/s")],
            "replicated-from-origin",
            Choice(|scene| drop(scene.note("b/t", "replicate-from", Some(&scene.full("{a}/other"))))),
        ),
        case(
            "ProtectedType",
            vec![
                secret("a/s").of_type("bootstrap.kubernetes.io/token").note("replication-allowed", "true"),
                pulls("{a}/s"),
            ],
            "bootstrap.kubernetes.io/token",
            Alone(|scene| {
                scene.delete("a/s");
                scene.create(&source("a/s").note("replication-allowed", "true"));
            }),
        ),
        case(
            "TargetImmutable",
            vec![allowed("a/s"), pulls("{a}/s").data("k", "own").field("immutable", json!(true))],
            "immutable",
            Alone(|scene| {
                scene.delete("b/t");
                scene.create(&pulls("{a}/s"));
            }),
        ),
        case(
            "KeyMissing",
            vec![allowed("a/s"), pulls("{a}/s").note("replicate-keys", "nothing")],
            "nothing",
            Choice(|scene| drop(scene.note("b/t", "replicate-keys", Some("k")))),
        ),
        case(
            "KeyNotAllowed",
            vec![
                allowed("a/s").data("other", "x").note("replication-allowed-keys", "other"),
                pulls("{a}/s").note("replicate-keys", "k"),
            ],
            "replication-allowed-keys",
            Choice(|scene| drop(scene.note("a/s", "replication-allowed-keys", Some("other,k")))),
        ),
    ]
}

/// Pushes: the target has the source's name.
fn of_pushes() -> Vec<Case> {
    let pushes = |to: &str| source("a/t").note("replicate-to-namespaces", to);
    vec![
        case(
            "NotCreatedBySource",
            vec![pushes("{b}"), secret("b/t").data("k", "own")],
            "its data was written by",
            Paste,
        ),
        Case {
            flags: &["--require-acceptance"],
            ..case("NotAccepted", vec![pushes("{b}")], "accept-replicas-from", Paste)
        },
        case("NotWanted", vec![pushes("{c}")], "does not name", Paste),
        Case { target: "{late}/t", ..case("NamespaceMissing", vec![pushes("{b},{late}")], "late", Paste) },
        Case {
            then: |scene| drop(scene.note_namespace("b", "paused", Some("true"))),
            ..case("Paused", vec![pushes("{b}").note("paused", "true")], "paused", Paste)
        },
        Case {
            then: |scene| drop(scene.note_namespace("b", "accept-replicas-from", Some("["))),
            ..case(
                "NamespaceIllFormed",
                vec![pushes("{b}").note("paused", "false")],
                "accept-replicas-from",
                Choice(|scene| {
                    scene.note_namespace("b", "accept-replicas-from", None);
                }),
            )
        },
        Case {
            flags: &["--exclude-namespaces={b}"],
            ..case("NamespaceExcluded", vec![pushes("{b}")], "exclude", Flags(&[]))
        },
        Case {
            flags: &["--namespaces={b}"],
            ..case(
                "SourceNotWatched",
                vec![source("a/s").note("replication-allowed", "true"), pulls("{a}/s")],
                "--namespaces",
                Flags(&[]),
            )
        },
        Case {
            flags: &["--namespaces={a}"],
            ..case("NamespaceNotWatched", vec![pushes("{b}")], "--namespaces", Flags(&[]))
        },
        case(
            "KeyRequired",
            vec![
                secret("a/t")
                    .of_type("kubernetes.io/basic-auth")
                    .data("username", "u")
                    .data("password", "p")
                    .data("k", "v")
                    .note("replicate-to-namespaces", "{b}")
                    .note("replicate-keys", "k"),
            ],
            "replicate-keys",
            Choice(|scene| drop(scene.note("a/t", "replicate-type", Some("Opaque")))),
        ),
    ]
}

pub(super) fn reasons_of_pulls() -> Vec<&'static str> {
    of_pulls().iter().map(|case| case.reason).collect()
}

pub(super) fn reasons_of_pushes() -> Vec<&'static str> {
    of_pushes().iter().map(|case| case.reason).collect()
}

fn run(cases: &[Case]) {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    for case in cases {
        // All of it is there when the controller sees the first of it.
        case.objects.iter().for_each(|object| drop(scene.create(object)));
        start(&mut scene, case.flags);
        (case.then)(&scene);
        check(&mut scene, case);
        let _ = scene.note_namespace("b", "paused", None);
        let _ = scene.note_namespace("b", "accept-replicas-from", None);
        scene.kill();
        for object in ["b/t", "c/t", "a/t", "a/s", "a/other", "c/mid", "c/u", "c/s"] {
            if scene.get(object).is_some() {
                scene.delete(object);
            }
        }
    }
}

fn start(scene: &mut Scene, flags: &[&str]) {
    let flags: Vec<String> = flags.iter().map(|flag| scene.full(flag)).collect();
    scene.start(&flags.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Asks, with the controller's flags.
fn ask(scene: &Scene, case: &Case, flags: &[&str]) -> Value {
    let flags: Vec<String> = flags.iter().map(|flag| scene.full(flag)).collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    match case.reason {
        // Nobody pushes to it: which object should?
        "NotWanted" => scene.explains("secret --from {a}/t --to {b}/t", &flags),
        _ => scene.explains(&format!("secret {}", case.target), &flags),
    }
}

#[track_caller]
fn check(scene: &mut Scene, case: &Case) {
    let reason = case.reason;
    // The controller may be about to do what comes before it.
    let answer = scene.until(&format!("explain says {reason}"), || {
        Some(ask(scene, case, case.flags)).filter(|answer| answer["reason"] == reason)
    });
    assert!(answer.to_string().contains(&scene.full(case.says)), "{reason}: {:?} is not in {answer:#}", case.says);
    assert!(answer["remedy"].as_str().is_some_and(|remedy| remedy.len() > 10), "{reason}: {answer:#}");
    let commands: Vec<String> = answer["commands"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|line| Some(line.as_str()?.to_owned()))
        .collect();
    let mut flags = case.flags;
    match case.remedy {
        Paste => {
            assert!(!commands.is_empty(), "{reason}: nothing to paste: {answer:#}");
            commands.iter().for_each(|command| drop(scene.pastes(command)));
        }
        Choice(choose) => {
            assert!(!commands.is_empty(), "{reason}: nothing to begin with: {answer:#}");
            choose(scene);
        }
        Alone(choose) => choose(scene),
        Flags(others) => {
            flags = others;
            scene.kill();
            start(scene, flags);
        }
    }
    scene.until(&format!("the remedy of {reason} works"), || {
        let answer = ask(scene, case, flags);
        (answer["state"] == "current").then_some(())
    });
    let target = case.target.replace(['{', '}'], "");
    assert_eq!(scene.get(&target).map(|object| object["data"]["k"].clone()), Some(json!("dg==")), "{reason}");
}

/// SPEC 3.4: who has the name is said to those who ask about it, and to those who do not get it.
#[test]
pub(super) fn a_source_that_does_not_get_the_name_is_told_who_has_it() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    let pushes = |key: &str| source(key).note("replicate-to-namespaces", "{b}");
    scene.create(&pushes("a/t"));
    scene.create(&pushes("c/t"));
    scene.start(&[]);
    scene.has_data("b/t", &[("k", "v")]);
    let answer = scene.explains("secret {b}/t", &[]);
    let has_it = answer["source"].as_str().expect("a source").to_owned();
    let loser = if has_it == scene.full("{a}/t") { "{c}/t" } else { "{a}/t" };
    assert_eq!(answer["rivals"][0]["reason"], "AnotherSourceWins", "{answer:#}");
    assert_eq!(answer["rivals"][0]["source"].as_str(), Some(&*scene.full(loser)));
    let pair = scene.says(&format!("explain secret --from {loser} --to {{b}}/t"), &[]);
    assert!(pair.code == 1 && pair.output.contains("and does not get it"), "{pair:?}");
    let short = if loser == "{c}/t" { "a/t" } else { "c/t" };
    scene.note(short, "replicate-to-namespaces", Some("-"));
    scene.until("the other one has the name", || {
        let answer = scene.explains("secret {b}/t", &[]);
        (answer["state"] == "current" && answer["source"].as_str() == Some(&*scene.full(loser))).then_some(())
    });
}

/// The text names the reason first, and its exit code says that something is the matter; and that nothing is, when that is so.
#[test]
pub(super) fn its_exit_code_says_whether_something_is_the_matter() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&source("a/s"));
    scene.create(&pulls("{a}/s"));
    scene.start(&[]);
    scene.is_logged("b/t", "refuse", "ConsentMissing");
    let refused = scene.says("explain secret {b}/t", &[]);
    let first = format!("Secret {} is refused: ConsentMissing\n", scene.full("{b}/t"));
    assert!(refused.code == 1 && refused.output.starts_with(&first), "{refused:?}");
    scene.note("a/s", "replication-allowed", Some("true"));
    scene.has_data("b/t", &[("k", "v")]);
    let current = scene.says("explain secret {b}/t", &[]);
    assert!(current.code == 0 && current.output.contains(" is current: UpToDate\n"), "{current:?}");
    let source = scene.says("explain secret {a}/s", &[]);
    assert!(source.code == 0 && source.output.contains(" is the source of 1 target: 1 current\n"), "{source:?}");
    for wrong in ["explain pod {b}/t", "explain secret B/t", "explain secret", "explain secret {b}/t --context nothing"]
    {
        let ran = scene.says(wrong, &[]);
        assert!(ran.code == 2 && ran.output.is_empty() && ran.errors.starts_with("error: "), "{wrong}: {ran:?}");
    }
}

/// SPEC 3.0, 5 to 7, 11.5, 11.7.
#[test]
pub(super) fn the_remedy_of_what_keeps_a_pull_from_its_data_works() {
    run(&of_pulls());
}

/// SPEC 3, 4, 11.4.
#[test]
pub(super) fn the_remedy_of_what_keeps_a_push_from_its_target_works() {
    run(&of_pushes());
}
