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
}

use Remedy::{Alone, Choice, Paste};

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
        case("NamespaceMissing", vec![pushes("{b},{late}")], "late", Paste),
    ]
}

fn run(mut cases: Vec<Case>) {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    let mut is_running_with: Option<&[&str]> = None;
    for case in &mut cases {
        if case.reason == "NamespaceMissing" {
            case.target = "{late}/t";
        }
        case.objects.iter().for_each(|object| drop(scene.create(object)));
        if is_running_with != Some(case.flags) {
            if is_running_with.is_some() {
                scene.kill();
            }
            scene.start(case.flags);
            is_running_with = Some(case.flags);
        }
        (case.then)(&scene);
        check(&scene, case);
        for object in ["b/t", "a/t", "a/s", "c/mid", "c/u", "c/t"] {
            if scene.get(object).is_some() {
                scene.delete(object);
                // The controller may make a replica again before it sees that its source is gone.
            }
        }
        scene.is_gone("b/t");
        scene.is_gone("c/t");
    }
}

#[track_caller]
fn check(scene: &Scene, case: &Case) {
    let reason = case.reason;
    let ask = || match reason {
        // Nobody pushes to it: which object should?
        "NotWanted" => scene.explains("secret --from {a}/t --to {b}/t", case.flags),
        _ => scene.explains(&format!("secret {}", case.target), case.flags),
    };
    // The controller may be about to do what comes before it.
    let answer =
        scene.until(&format!("explain says {reason}"), || Some(ask()).filter(|answer| answer["reason"] == reason));
    assert!(answer.to_string().contains(&scene.full(case.says)), "{reason}: {:?} is not in {answer:#}", case.says);
    assert!(answer["remedy"].as_str().is_some_and(|remedy| remedy.len() > 10), "{reason}: {answer:#}");
    let text = scene.says(&format!("explain secret {}", case.target), case.flags);
    assert_eq!(text.code, 1, "{reason}: {text:?}");
    assert!(text.output.contains(reason), "{reason}: {text:?}");
    let commands: Vec<&str> = answer["commands"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
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
    }
    scene.until(&format!("the remedy of {reason} works"), || {
        let answer = scene.explains(&format!("secret {}", case.target), case.flags);
        (answer["state"] == "current").then_some(())
    });
    let target = case.target.replace(['{', '}'], "");
    assert_eq!(scene.get(&target).map(|object| object["data"]["k"].clone()), Some(json!("dg==")), "{reason}");
    assert_eq!(scene.says(&format!("explain secret {}", case.target), case.flags).code, 0, "{reason}");
}

/// SPEC 3.0, 5 to 7, 11.5, 11.7.
#[test]
fn the_remedy_of_what_keeps_a_pull_from_its_data_works() {
    run(of_pulls());
}

/// SPEC 3, 4, 11.4.
#[test]
fn the_remedy_of_what_keeps_a_push_from_its_target_works() {
    run(of_pushes());
}
