//! `explain` of what is held, of what the controller is about to write, and of what is due for removal. The controller is stopped
//! in between, so that what it is about to do stays so.

use k8s_replicator_api_tests::{Object, Scene, secret};
use serde_json::{Value, json};

use crate::certificates::{FIRST, NEXT, tls};

fn source() -> Object {
    secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b}")
}

/// What somebody does while the controller is away, and what it is about to do then.
struct Case {
    reason: &'static str,
    next: &'static str,
    before: Vec<Object>,
    change: fn(&Scene),
}

fn case(reason: &'static str, next: &'static str, before: Object, change: fn(&Scene)) -> Case {
    Case { reason, next, before: vec![before], change }
}

fn cases() -> Vec<Case> {
    vec![
        case("NewTarget", "create", source(), |scene| scene.delete("b/s")),
        case("SourceChanged", "update", source(), |scene| drop(scene.set_data("a/s", "k", "w"))),
        case("Drift", "update", source(), |scene| drop(scene.set_data("b/s", "k", "mine"))),
        case("InheritedChanged", "update", source(), |scene| {
            drop(scene.note("a/s", "replication-allowed", Some("true")))
        }),
        case("OnceVersionChanged", "update", source().note("replicate-once", "true"), |scene| {
            scene.set_data("a/s", "k", "w");
            scene.note("a/s", "replicate-once-version", Some("2"));
        }),
        case("Emptied", "update", source().note("replicate-once", "true"), |scene| {
            scene.patch("secrets", "b/s", &json!({ "data": null }));
        }),
        case("TypeChanged", "recreate", source(), |scene| {
            scene.delete("a/s");
            scene.create(&source().of_type("example.com/other"));
        }),
        case("ReplicaImmutable", "recreate", source(), |scene| {
            scene.patch("secrets", "b/s", &json!({ "immutable": true }));
            scene.set_data("a/s", "k", "w");
        }),
        case("Adopted", "adopt", source(), |scene| {
            // As a backup tool restores it.
            let replica = scene.get("b/s").expect("the replica");
            scene.delete("b/s");
            let metadata = &replica["metadata"];
            let restored = json!({
                "metadata": {"name": "s", "annotations": metadata["annotations"], "labels": metadata["labels"]},
                "data": replica["data"], "type": replica["type"],
            });
            let path = format!("/api/v1/namespaces/{}/secrets?fieldManager=velero", scene.namespace_name("b"));
            assert_eq!(scene.call("POST", &path, "application/json", &restored).0, 201);
        }),
        case(
            "KeysTrimmed",
            "update",
            source().data("other", "x").note("replication-allowed", "true").note("replicate-once", "true"),
            |scene| {
                // With a copy of both keys, held by once, of which one may be had.
                let source = scene.note("a/s", "replication-allowed-keys", Some("k"));
                let version = source["metadata"]["resourceVersion"].as_str().expect("a version");
                let target = secret("b/t").data("k", "v").data("other", "x").note("replicate-from", "{a}/s");
                scene.create_as("k8s-replicator", &target.note("replicated-from-version", version));
            },
        ),
        Case {
            reason: "FirstCopy",
            next: "update",
            before: vec![source().note("replication-allowed", "true")],
            change: |scene| drop(scene.create(&secret("b/t").note("replicate-from", "{a}/s"))),
        },
    ]
}

pub(super) fn reasons() -> Vec<&'static str> {
    cases().iter().map(|case| case.reason).collect()
}

/// SPEC 4, 6, 9. "Nothing" is to be done about these: when the controller runs again, all is well.
#[test]
pub(super) fn what_is_about_to_be_written_is_said_and_is_written() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    for case in cases() {
        let reason = case.reason;
        case.before.iter().for_each(|object| drop(scene.create(object)));
        scene.start(&[]);
        scene.until("the replica is there", || scene.get("b/s").filter(|replica| replica["data"]["k"] == "dg=="));
        scene.barrier();
        scene.kill();
        (case.change)(&scene);
        let is_pulled = matches!(reason, "FirstCopy" | "KeysTrimmed");
        let target = if is_pulled { "{b}/t" } else { "{b}/s" };
        let answer = scene.explains(&format!("secret {target}"), &[]);
        assert_eq!((&answer["reason"], &answer["next"]), (&json!(reason), &json!(case.next)), "{answer:#}");
        let text = scene.says(&format!("explain secret {target}"), &[]);
        // Another test may have a Deployment of the program in the cluster: then it is said whether its pods are ready.
        let comes = ["is about to", "would"].map(|when| format!("The controller {when} {} it", case.next));
        let is_said = comes.iter().any(|comes| text.output.contains(comes));
        assert!(text.code == 1 && is_said, "{reason}: {text:?}");
        scene.start(&[]);
        scene.until(&format!("{reason} is done"), || {
            (scene.says(&format!("explain secret {target}"), &[]).code == 0).then_some(())
        });
        scene.delete("a/s");
        scene.is_gone("b/s");
        if is_pulled {
            scene.delete("b/t");
        }
        scene.kill();
    }
}

/// SPEC 6, 9.2: what was undone is had by changing the source, or by leaving the replica to its user; and what was filled again is not
/// emptied by a manifest that leaves the data out.
#[test]
pub(super) fn what_is_undone_is_had_in_another_way() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&source());
    scene.start(&[]);
    scene.has_data("b/s", &[("k", "v")]);
    scene.set_data("b/s", "k", "mine");
    scene.is_logged("b/s", "update", "Drift");
    scene.set_data("a/s", "k", "mine");
    scene.has_data("b/s", &[("k", "mine")]);
    scene.note("a/s", "replicate-once", Some("true"));
    scene.barrier();
    let own = scene.set_data("b/s", "k", "its user's");
    scene.stays(&own);
    let is_fine = || (scene.says("explain secret {b}/s", &[]).code == 0).then_some(());
    scene.until("explain finds nothing", is_fine);
    scene.patch("secrets", "b/s", &json!({ "data": null }));
    scene.has_data("b/s", &[("k", "mine")]);
    let applied = scene.patch_as("gitops", "secrets", "b/s", &json!({ "metadata": { "labels": { "team": "b" } } }));
    scene.stays(&applied);
    scene.until("explain finds nothing", is_fine);
}

/// SPEC 6: held by once is what was asked for; newer data comes by what is given to paste.
#[test]
pub(super) fn what_once_holds_is_well_and_newer_data_can_be_had() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&source().note("replicate-once", "true"));
    scene.start(&[]);
    scene.has_data("b/s", &[("k", "v")]);
    scene.set_data("a/s", "k", "w");
    let answer = scene.until("it is held", || {
        Some(scene.explains("secret {b}/s", &[])).filter(|answer| answer["reason"] == "HeldByOnce")
    });
    assert_eq!(answer["state"], "held");
    assert_eq!(scene.says("explain secret {b}/s", &[]).code, 0);
    scene.pastes(answer["commands"][0].as_str().expect("something to paste"));
    scene.has_data("b/s", &[("k", "w")]);
}

/// SPEC 3.1: the source pushes to it again, by what is given to paste, before the controller removes it.
#[test]
pub(super) fn what_its_source_does_not_push_to_any_more_can_be_kept() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.create(&source());
    scene.start(&[]);
    let replica = scene.has_data("b/s", &[("k", "v")]);
    scene.barrier();
    scene.kill();
    scene.note("a/s", "replicate-to-namespaces", Some(&scene.full("{c}")));
    let answer = scene.explains("secret {b}/s", &[]);
    assert_eq!((&answer["reason"], &answer["next"]), (&json!("SourceStoppedPushing"), &json!("delete")), "{answer:#}");
    scene.pastes(answer["commands"][0].as_str().expect("something to paste"));
    scene.start(&[]);
    scene.has_data("c/s", &[("k", "v")]);
    scene.stays(&replica);
    assert_eq!(scene.explains("secret {b}/s", &[])["state"], "current");
}

/// SPEC 11.1.
#[test]
pub(super) fn what_waits_for_the_removal_delay_is_saved_by_its_source() {
    let flags = ["--removal-delay=1h"];
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&source());
    scene.start(&flags);
    scene.has_data("b/s", &[("k", "v")]);
    scene.barrier();
    scene.delete("a/s");
    let answer = scene.explains("secret {b}/s", &flags);
    assert_eq!((&answer["reason"], &answer["state"]), (&json!("RemovalDelayed"), &json!("waiting")), "{answer:#}");
    assert_eq!(answer["chain"][1]["there"], "missing");
    scene.create(&source());
    scene.until("it is well again", || (scene.explains("secret {b}/s", &flags)["state"] == "current").then_some(()));
}

/// SPEC 11.2: what is held because of many is approved by what is given to paste; by each, or all of a source.
#[test]
pub(super) fn what_the_removal_limit_holds_is_approved() {
    let flags = ["--removal-limit=1"];
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c", "d"]);
    let three = source().note("replicate-to-namespaces", "{b},{c},{d}");
    scene.create(&three);
    scene.start(&flags);
    let keys = ["b/s", "c/s", "d/s"];
    keys.iter().for_each(|key| drop(scene.has_data(key, &[("k", "v")])));
    scene.barrier();
    let early = scene.says("approve secret {b}/s", &flags);
    assert!(early.code == 1 && early.output.contains("is not held (UpToDate)"), "{early:?}");
    scene.delete("a/s");
    let answer = scene.until("it is held", || {
        Some(scene.explains("secret {b}/s", &flags)).filter(|answer| answer["reason"] == "RemovalHeld")
    });
    assert_eq!(answer["state"], "held");
    let command = answer["commands"][0].as_str().expect("something to paste").to_owned();
    scene.pastes(&format!("{command} --controller-flags '--annotations-prefix={} {}'", scene.prefix(), flags[0]));
    scene.is_gone("b/s");
    let rest = scene.says("approve secret --source {a}/s -o json", &flags);
    let said: Value = serde_json::from_str(&rest.output).unwrap_or_else(|error| panic!("{error}: {rest:?}"));
    assert_eq!((rest.code, said["replicas"].as_array().map(Vec::len)), (0, Some(2)), "{said:#}");
    keys.iter().for_each(|key| scene.is_gone(key));
}

/// SPEC 9.16: finalizers hold it.
#[test]
pub(super) fn what_is_being_deleted_says_what_holds_it() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&source());
    scene.start(&[]);
    scene.has_data("b/s", &[("k", "v")]);
    scene.patch("secrets", "b/s", &json!({ "metadata": { "finalizers": ["example.com/held"] } }));
    scene.delete("b/s");
    let answer = scene.until("it is being deleted", || {
        Some(scene.explains("secret {b}/s", &[])).filter(|answer| answer["reason"] == "BeingDeleted")
    });
    let held = scene.pastes(answer["commands"][0].as_str().expect("something to paste"));
    assert!(held.contains("example.com/held"), "{held}");
    scene.patch("secrets", "b/s", &json!({ "metadata": { "finalizers": null } }));
    scene.has_data("b/s", &[("k", "v")]);
}

/// SPEC 9.7: a namespace that goes, and one that is there again.
#[test]
pub(super) fn what_a_terminating_namespace_keeps_away_comes_when_it_is_there_again() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.hold_terminating("b");
    scene.create(&source());
    scene.start(&[]);
    let answer = scene.explains("secret {b}/s", &[]);
    assert_eq!(
        (&answer["reason"], &answer["state"]),
        (&json!("NamespaceTerminating"), &json!("waiting")),
        "{answer:#}"
    );
    assert!(answer["remedy"].as_str().is_some_and(|remedy| remedy.starts_with("Wait")));
    scene.let_go("b");
    scene.namespaces(&["b"]);
    scene.has_data("b/s", &[("k", "v")]);
    assert_eq!(scene.says("explain secret {b}/s", &[]).code, 0);
}

/// SPEC 3.1: what somebody else made is left alone when its source does not push to it, and is deleted by what is given to paste.
#[test]
pub(super) fn what_somebody_else_made_is_deleted_by_a_person() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create_as(
        "velero",
        &secret("b/s").data("k", "v").note("replicated-by", "{a}/gone").note("replicated-from-version", "1"),
    );
    scene.start(&[]);
    let answer = scene.until("it is left alone", || {
        Some(scene.explains("secret {b}/s", &[])).filter(|answer| answer["reason"] == "NotMadeByController")
    });
    assert!(answer["owners"].to_string().contains("velero"), "{answer:#}");
    scene.pastes(answer["commands"][0].as_str().expect("something to paste"));
    assert_eq!(scene.explains("secret {b}/s", &[])["reason"], "NotWanted");
}

/// SPEC 11.9: a first copy waits until the certificate is issued, and a replica keeps its pair until the next one is.
#[test]
pub(super) fn half_a_certificate_is_held_until_it_is_whole() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source = |pair| tls("a/s", pair).note("replicate-to-namespaces", "{b}");
    scene.start(&[]);
    for (half, whole, is_there) in [(("", FIRST.1), FIRST, false), ((FIRST.0, NEXT.1), NEXT, true)] {
        scene.put(&source(half));
        let answer = scene.until("it is held", || {
            Some(scene.explains("secret {b}/s", &[])).filter(|answer| answer["reason"] == "SourceIncomplete")
        });
        assert_eq!(answer["state"], "held", "{answer:#}");
        assert!(answer["chain"].to_string().contains("replicate-to-namespaces"), "{answer:#}");
        let edit = scene.full("kubectl -n {a} edit secret s");
        assert_eq!(answer["commands"], json!([edit]), "something to begin with");
        // What list shows without reading it is not more than it can know.
        let list = scene.says("list -n {b} --kind secret -o json", &[]);
        let list: Value = serde_json::from_str(&list.output).expect("JSON");
        assert_eq!(list["targets"][0]["state"], "unread", "{list:#}");
        scene.barrier();
        assert_eq!(scene.get("b/s").is_some(), is_there);
        // As an issuer does it, a while later.
        scene.put(&source(whole));
        scene.has_data_of(&tls("b/s", whole));
        let text = scene.says("explain secret {b}/s", &[]);
        assert!(text.code == 0 && text.output.contains(" is current: UpToDate\n"), "{text:?}");
    }
    // The flag copies whatever is there.
    let flags = ["--hold-incomplete-tls=false"];
    scene.restart(&flags);
    scene.put(&source(("", FIRST.1)));
    scene.has_data_of(&tls("b/s", ("", FIRST.1)));
    assert_eq!(scene.says("explain secret {b}/s", &flags).code, 0);
}

/// SPEC 9.12: at most 100 pulls.
#[test]
pub(super) fn a_chain_that_is_too_long_is_cut_short() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/s0").data("k", "v").note("replication-allowed", "true"));
    for number in 1..=100 {
        let above = format!("s{}", number - 1);
        let link = secret(&format!("a/s{number}"))
            .data("k", "v")
            .note("replicate-from", &above)
            .note("replication-allowed", "true");
        scene.create(&link.note("replicated-from-version", "1").note("replicated-from-allowed", ".*"));
    }
    scene.create(&secret("b/t").note("replicate-from", "{a}/s100"));
    scene.start(&[]);
    let answer = scene.until("it is too long", || {
        Some(scene.explains("secret {b}/t", &[])).filter(|answer| answer["reason"] == "ChainTooLong")
    });
    assert!(answer["chain"].as_array().is_some_and(|chain| chain.len() > 100), "{answer:#}");
    scene.note("b/t", "replicate-from", Some(&scene.full("{a}/s1")));
    scene.until("it is well", || (scene.says("explain secret {b}/t", &[]).code == 0).then_some(()));
}
