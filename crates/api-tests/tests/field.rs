//! Issue 9, section 4: situations that users of this program's peers reported in public, one test each.

use std::thread::sleep;
use std::time::{Duration, Instant};

use k8s_replicator_api_tests::{Object, Obstacle, Scene, config_map, secret};
use serde_json::{Value, json};

/// The default removal delay, which these cases are about.
const DELAY: &str = "--removal-delay=5s";
/// After this time the deleted object, or the stripped annotations, are put back.
const SOON: Duration = Duration::from_secs(2);

fn uid(object: &Value) -> Value {
    object["metadata"]["uid"].clone()
}

/// As `kubectl replace --force` does, and as hooks with `before-hook-creation`: deleted, and made anew.
fn replace_by_force(scene: &Scene, object: &Object) -> Value {
    scene.remove(object);
    scene.create(object)
}

/// Waits until the log has a line with this reason about an object, as its target or its source.
#[track_caller]
fn is_advised(scene: &Scene, key: &str, reason: &str) {
    let about = scene.full(key);
    scene.logs(&format!("{reason} about {about}"), |line| {
        line["reason"] == reason && (line["target"] == json!(about) || line["source"] == json!(about))
    });
}

fn lines_about_namespaces(scene: &Scene, short: &str) -> usize {
    let start = scene.namespace_name(short);
    let is_about = |line: &Value| line["level"] == "WARN" && line.to_string().contains(&start);
    scene.controller().log_lines().iter().filter(|line| is_about(line)).count()
}

/// A backup tool restores replicas and sources in any order: what a once-replica held before is what it holds after.
#[test]
fn a_once_replica_that_is_restored_before_its_source_keeps_what_was_restored() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[DELAY]);
    let replica = secret("b/s").data("password", "of the backup").note("replicated-by", "{a}/s");
    let replica = replica.note("replicate-once", "true").note("replicated-from-version", "1");
    let restored = scene.create_as("velero-server", &replica.note("replicated-at", "2026-01-01T00:00:00Z"));
    sleep(SOON);
    let source = secret("a/s").data("password", "of a new installation").note("replicate-to-namespaces", "{b}");
    scene.create_as("velero-server", &source.note("replicate-once", "true"));
    scene.barrier();
    let now = scene.has_data("b/s", &[("password", "of the backup")]);
    assert_eq!(uid(&now), uid(&restored));
    // Also when its source never comes back: somebody else made it.
    let alone = secret("b/alone").data("k", "v").note("replicated-by", "{a}/never");
    let alone = scene.create_as("velero-server", &alone);
    scene.is_logged("b/alone", "refuse", "NotMadeByController");
    sleep(Duration::from_secs(6));
    scene.stays(&alone);
}

/// A source that is deleted and made anew in one go is a source that changed: its replicas are never away.
#[test]
fn replacing_a_source_by_force_changes_its_replicas_in_place() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[DELAY]);
    for kind in [secret, config_map] {
        let source = |value: &str| {
            kind("a/s").data("k", value).note("replicate-to-namespaces", "{b}").note("replication-allowed", "true")
        };
        scene.create(&source("1"));
        scene.create(&kind("b/pulls").note("replicate-from", "{a}/s"));
        let before = ["b/s", "b/pulls"].map(|key| scene.has_data_of(&kind(key).data("k", "1")));
        replace_by_force(&scene, &source("2"));
        let after = ["b/s", "b/pulls"].map(|key| scene.has_data_of(&kind(key).data("k", "2")));
        assert_eq!(before.each_ref().map(uid), after.each_ref().map(uid));
    }
    let changes = scene.changes();
    assert!(changes.iter().all(|change| change.verb != "delete"), "{changes:#?}");
}

/// A chart's hook that makes its random password anew at each upgrade: the application keeps the first one.
#[test]
fn a_hook_that_remakes_a_once_source_keeps_the_first_password() {
    let mut scene = Scene::new();
    scene.namespaces(&["a"]);
    scene.start(&[DELAY]);
    let source = |value: &str| {
        secret("a/generated").data("password", value).note("replicate-to", "used").note("replicate-once", "true")
    };
    scene.create(&source("first"));
    let used = scene.has_data("a/used", &[("password", "first")]);
    for value in ["second", "third"] {
        scene.delete("a/generated");
        sleep(SOON);
        scene.create(&source(value));
        scene.barrier();
        assert_eq!(uid(&scene.has_data("a/used", &[("password", "first")])), uid(&used));
    }
}

/// Lists as people write them. Items that name namespaces are served; the others are logged as advice, and do no harm to the rest
/// of the list.
#[test]
fn lists_as_people_write_them_are_served_or_advised() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[DELAY]);
    // The blocks `|` and `>-` of YAML arrive so.
    let served = [
        ("spaces", " {b} , {c} "),
        ("block", "{b}\n{c}\n"),
        ("folded", "{b}, {c}"),
        ("commas-and-lines", "{b},\n{c},\n"),
        ("carriage-returns", "{b}\r\n{c}\r\n"),
    ];
    for (name, list) in served {
        scene.create(&secret(&format!("a/{name}")).data("k", "v").note("replicate-to-namespaces", list));
    }
    for (name, _) in served {
        for namespace in ["b", "c"] {
            scene.has_data(&format!("{namespace}/{name}"), &[("k", "v")]);
        }
    }
    let advised = [
        ("quotes", "\u{201c}{b}\u{201d},{c}", "ItemNamesNothing"),
        ("folded-without-commas", "{b} {b},{c}", "ItemNamesNothing"),
        ("upper-case", "Team-B,{c}", "ItemNamesNothing"),
        ("not-expanded", "${NAMESPACE},{c}", "ItemNamesNothing"),
        ("glob", "team-*,{c}", "LooksLikeGlob"),
    ];
    for (name, list, reason) in advised {
        scene.create(&secret(&format!("a/{name}")).data("k", "v").note("replicate-to-namespaces", list));
        is_advised(&scene, &format!("{{a}}/{name}"), reason);
        scene.has_data(&format!("c/{name}"), &[("k", "v")]);
    }
    for (name, list, reason) in [
        ("empty", "", "ListNamesNothing"),
        ("only-exclusions", "!{b}", "ListNamesNothing"),
        ("nowhere", "no-such-namespace-of-anybody", "NoNamespaceReached"),
    ] {
        scene.create(&secret(&format!("a/{name}")).data("k", "v").note("replicate-to-namespaces", list));
        is_advised(&scene, &format!("{{a}}/{name}"), reason);
    }
    // A comma within braces is one between items, of which none can match. (`note` would put the name of a namespace in their place.)
    scene.create(&secret("a/braces").data("k", "v"));
    let braces = json!({ "metadata": { "annotations": { scene.prefix() + "replicate-to-namespaces": "{a,b}" } } });
    scene.patch("secrets", "a/braces", &braces);
    is_advised(&scene, "{a}/braces", "ItemNamesNothing");
    scene.barrier();
    assert!(scene.replicas().iter().all(|key| !key.contains("braces") && !key.contains("only-exclusions")));
}

/// `.*,!kube-system`, for a push and for consent.
#[test]
fn an_exclusion_takes_away_what_a_pattern_names() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "b-system", "b-too"]);
    scene.start(&[DELAY]);
    for kind in [secret, config_map] {
        for (name, list) in
            [("after", "{b}.*,!{b-system}"), ("before", "!{b-system},{b}.*"), ("pattern", "{b}.*,!.*-system")]
        {
            scene.create(&kind(&format!("a/{name}")).data("k", "v").note("replicate-to-namespaces", list));
            for namespace in ["b", "b-too"] {
                scene.has_data_of(&kind(&format!("{namespace}/{name}")).data("k", "v"));
            }
        }
        scene.create(&kind("a/allows").data("k", "v").note("replication-allowed-namespaces", ".*,!{b-system}"));
        let pulls = |namespace: &str| kind(&format!("{namespace}/pulls")).note("replicate-from", "{a}/allows");
        scene.create(&pulls("b"));
        scene.has_data_of(&pulls("b").data("k", "v"));
        let refused = scene.create(&pulls("b-system"));
        scene.stays(&refused);
    }
    assert!(scene.replicas().iter().all(|key| !key.starts_with("b-system/")), "{:?}", scene.replicas());
}

/// An operator writes its object without the annotations that others put on it, and something puts them back 2 s later.
#[test]
fn annotations_that_are_stripped_and_put_back_cost_no_replica() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[DELAY]);
    let bare = secret("a/s").data("k", "v");
    let source = bare.clone().note("replicate-to-namespaces", "{b}").note("replication-allowed", "true");
    scene.create(&source);
    scene.create(&secret("b/pulls").note("replicate-from", "{a}/s"));
    let before = ["b/s", "b/pulls"].map(|key| scene.has_data(key, &[("k", "v")]));
    for _ in 0..2 {
        scene.replace(&bare);
        sleep(SOON);
        scene.replace(&source);
    }
    scene.barrier();
    let after = ["b/s", "b/pulls"].map(|key| scene.has_data(key, &[("k", "v")]));
    assert_eq!(before.each_ref().map(uid), after.each_ref().map(uid));
    let changes = scene.changes();
    assert!(changes.iter().all(|change| change.verb != "delete"), "{changes:#?}");
    // What stays stripped is believed when the delay is over.
    scene.replace(&bare);
    scene.is_gone("b/s");
    scene.has_data("b/pulls", &[]);
}

/// `kubectl get --output yaml | sed | kubectl apply` of a replica: a copy that a user made by hand stays.
#[test]
fn a_replica_that_was_copied_by_hand_stays() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&["--removal-delay=0"]);
    let source = secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b}");
    scene.create(&source);
    let replica = scene.has_data("b/s", &[("k", "v")]);
    let mut copy = secret("c/s").data("k", "v");
    for name in ["replicated-by", "replicated-at", "replicated-from-version"] {
        copy = copy.note(name, &scene.note_of(&replica, name).unwrap_or_default());
    }
    let copied = scene.create_as("kubectl-client-side-apply", &copy);
    scene.is_logged("c/s", "refuse", "NotMadeByController");
    scene.stays(&copied);
    // Also when the source goes, which takes the controller's own replica away.
    scene.remove(&source);
    scene.is_gone("b/s");
    scene.stays(&copied);
}

/// A source with a pattern that was copied, annotations and all, to namespaces that the pattern names: all of them push to each other,
/// and none of them is anybody's replica.
#[test]
fn a_source_that_was_copied_with_its_pattern_does_not_flap() {
    let mut scene = Scene::new();
    scene.namespaces(&["b1", "b2", "b3"]);
    // Before the controller starts: the first of them would be copied to the others' names before they are there.
    let copies: Vec<Value> = ["b1", "b2", "b3"]
        .map(|namespace| {
            let copy = secret(&format!("{namespace}/s")).data("k", namespace);
            scene.create(&copy.note("replicate-to-namespaces", &scene.namespace_name("b[0-9]")))
        })
        .into();
    scene.start(&["--removal-delay=0"]);
    for namespace in ["b1", "b2", "b3"] {
        scene.is_logged(&format!("{namespace}/s"), "refuse", "NotCreatedBySource");
    }
    scene.all_stay(&copies);
    sleep(Duration::from_secs(3));
    scene.all_stay(&copies);
    assert_eq!(scene.changes(), []);
}

/// A policy in 20 of 22 namespaces: nobody else waits for them, they do not fill the log, and they are served when it ends.
#[test]
fn namespaces_that_deny_hold_up_nobody_and_are_told_in_few_lines() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "free0", "free1"]);
    let denied: Vec<String> = (0..20).map(|n| format!("denied{n}")).collect();
    denied.iter().for_each(|short| drop(scene.namespace(short)));
    let deny = Obstacle::policy(&scene, "denied", "false", "not on a Friday");
    scene.start(&["--log-level=info"]);
    let begun = Instant::now();
    scene.create(&config_map("a/s").data("k", "v").note("replicate-to-namespaces", &scene.full("{free}.*,{denied}.*")));
    for short in ["free0", "free1"] {
        scene.has_data_of(&config_map(&format!("{short}/s")).data("k", "v"));
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let line = scene.logs("who denies", |line| line["error"].as_str().is_some_and(|error| error.contains(deny.name())));
    assert!(line["error"].as_str().is_some_and(|error| error.contains("not on a Friday")), "{line}");
    sleep(Duration::from_secs(60).saturating_sub(begun.elapsed()));
    let lines = lines_about_namespaces(&scene, "denied");
    assert!(lines <= 30, "{lines} lines in a minute");
    let tried = scene.requests().iter().filter(|request| request.verb == "create" && request.code >= 400).count();
    assert!(tried <= 20 * 60, "{tried} attempts in a minute: more than one a second for each");
    drop(deny);
    let ended = Instant::now();
    while denied.iter().any(|short| scene.get_of("configmaps", &format!("{short}/s")).is_none()) {
        assert!(ended.elapsed() < Duration::from_secs(120), "not all are served 2 minutes after the denial's end");
        sleep(Duration::from_millis(200));
    }
}

/// A mutating policy changes what the controller writes, so that the replica never equals its source. That is logged once, and the
/// write is tried less and less often.
#[test]
fn what_a_webhook_changes_is_logged_once_and_tried_less_and_less() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "mutated"]);
    let _policy = Obstacle::mutating_policy(&scene, "mutated");
    scene.start(&["--log-level=info"]);
    scene.create(&config_map("a/s").data("k", "v").note("replicate-to-namespaces", "{mutated}"));
    let target = scene.full("{mutated}/s");
    scene.logs("that it is contested", |line| line["target"] == json!(target) && line["reason"] == "Contested");
    sleep(Duration::from_secs(30));
    let lines = scene.controller().log_lines();
    let contested =
        lines.iter().filter(|line| line["target"] == json!(target) && line["reason"] == "Contested").count();
    assert_eq!(contested, 1);
    let writes = scene.changes().iter().filter(|change| change.name == "s" && change.verb == "patch").count();
    assert!(writes <= 10, "{writes} writes in 30 s are not less and less");
}

/// `<` takes six bytes in the API server's JSON (`\u003c`), and one in what is sent to it: 700 KiB of it are accepted, and copied.
#[test]
fn what_json_makes_longer_is_written_in_its_short_form() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let data = "<".repeat(700 << 10);
    scene.create(&config_map("a/s").data("k", &data).note("replicate-to-namespaces", "{b}"));
    scene.has_data_of(&config_map("b/s").data("k", &data));
}

/// mittwald's `replicate-to` names namespaces, where this program's names objects.
#[test]
fn names_of_namespaces_where_names_of_objects_belong_are_advised() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "ns1", "ns2"]);
    scene.start(&[DELAY]);
    let source = scene.create(&secret("a/s").data("k", "v").note("replicate-to", "{ns1},{ns2}"));
    is_advised(&scene, "{a}/s", "NamesAreNamespaces");
    // It is obeyed all the same: advice blocks nothing.
    let (one, two) = (scene.full("a/{ns1}"), scene.full("a/{ns2}"));
    for key in [&one, &two] {
        scene.has_data(key, &[("k", "v")]);
    }
    scene.stays(&source);
    // A name of no namespace among them is meant as it is written.
    scene.create(&secret("a/other").data("k", "v").note("replicate-to", "{ns1}-x,{ns2}"));
    scene.has_data(&scene.full("a/{ns1}-x"), &[("k", "v")]);
    scene.barrier();
    let other = scene.full("{a}/other");
    let lines = scene.controller().log_lines();
    assert!(lines.iter().all(|line| line["reason"] != "NamesAreNamespaces" || !line.to_string().contains(&other)));
}
