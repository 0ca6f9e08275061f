//! Issue 3, SPEC 8: the log has one line for each action and each refusal, with its reason, and no line twice.

use std::collections::BTreeSet;

use k8s_replicator_api_tests::{Scene, config_map, secret};
use serde_json::{Value, json};

/// The lines about one object of the scene.
fn lines_about(scene: &Scene, key: &str) -> Vec<Value> {
    let target = scene.full(key);
    let mut lines = scene.controller().log_lines();
    lines.retain(|line| line["target"] == json!(target));
    lines
}

/// SPEC 8, DESIGN rule 8: each action is one line with the kind, the source, the target, the action, its reason, and the
/// version that the target has since.
#[test]
fn each_action_is_one_line_with_its_fields() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--log-level=info"]);
    for (kind, name) in [(secret as fn(&str) -> _, "Secret"), (config_map, "ConfigMap")] {
        let source = |value: &str| kind("a/s").data("k", value).note("replication-allowed", "true");
        let (mut versions, resource) = (Vec::new(), kind("a/s").resource());
        let mut now = |scene: &Scene, key: &str, data: Option<&str>| {
            let object = match data {
                Some(value) => scene.has_data_of(&kind(key).data("k", value)),
                None => scene.has_data_of(&kind(key)),
            };
            versions.push(object["metadata"]["resourceVersion"].clone());
        };
        scene.create(&source("1").note("replicate-to-namespaces", "{b}"));
        scene.create(&kind("b/t").note("replicate-from", "{a}/s"));
        now(&scene, "b/s", Some("1"));
        now(&scene, "b/t", Some("1"));
        scene.put(&source("2").note("replicate-to-namespaces", "{b}"));
        now(&scene, "b/s", Some("2"));
        now(&scene, "b/t", Some("2"));
        scene.remove(&source("2"));
        scene.is_deleted(&kind("b/s"));
        scene.until("it is cleared", || scene.get_of(resource, "b/t").filter(|now| now.get("data").is_none()));
        now(&scene, "b/t", None);
        // A line comes after the answer, which may be later than what the answer is about.
        for (key, lines) in [("{b}/s", 3), ("{b}/t", 3)] {
            scene.until("the lines are there", || {
                (lines_about(&scene, key).iter().filter(|line| line["kind"] == json!(name)).count() >= lines)
                    .then_some(())
            });
        }
        scene.barrier();

        let expected = [
            ("{b}/s", "create", "NewTarget", versions[0].clone()),
            ("{b}/s", "update", "SourceChanged", versions[2].clone()),
            ("{b}/s", "delete", "SourceMissing", Value::Null),
            ("{b}/t", "update", "FirstCopy", versions[1].clone()),
            ("{b}/t", "update", "SourceChanged", versions[3].clone()),
            ("{b}/t", "clear", "SourceMissing", versions[4].clone()),
        ];
        for key in ["{b}/s", "{b}/t"] {
            let mut logged = lines_about(&scene, key);
            logged.retain(|line| line["kind"] == json!(name));
            for line in &mut logged {
                let fields = line.as_object_mut().expect("a line is an object");
                for always in ["timestamp", "message"] {
                    assert!(fields.remove(always).is_some_and(|value| value.is_string()));
                }
            }
            let expected = expected.iter().filter(|(about, ..)| *about == key).map(|(_, action, reason, version)| {
                let mut line = json!({
                    "level": "INFO", "kind": name, "source": scene.full("{a}/s"), "target": scene.full(key),
                    "action": action, "reason": reason,
                });
                if !version.is_null() {
                    line["resource_version"] = version.clone();
                }
                line
            });
            assert_eq!(logged, expected.collect::<Vec<_>>());
        }
    }
}

/// SPEC 8: a refusal is one warning with its reason and what is wrong.
#[test]
fn a_refusal_says_what_is_wrong() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    scene.create(&secret("b/wrong").note("replicate-from", "{a}/s").note("replicate-once", "maybe"));
    scene.create(&secret("a/wrong").note("replication-allowed", "perhaps"));
    scene.create(&secret("b/waits").note("replicate-from", "{a}/wrong"));
    for (key, reason, source, word) in
        [("b/wrong", "IllFormed", None, "maybe"), ("b/waits", "SourceIllFormed", Some("{a}/wrong"), "perhaps")]
    {
        let line = scene.is_logged(key, "refuse", reason);
        assert_eq!((&line["level"], &line["kind"]), (&json!("WARN"), &json!("Secret")));
        assert_eq!(line.get("source").cloned(), source.map(|source| json!(scene.full(source))));
        assert!(line["error"].as_str().is_some_and(|error| error.contains(word)), "{line}");
    }
}

/// Issue 3: the same refusal is not repeated for the same state, whatever else happens; another one is logged.
#[test]
fn the_same_refusal_is_logged_once() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=1s"]);
    scene.create(&secret("b/theirs").data("own", "data"));
    let source = secret("a/s").data("k", "v").note("replicate-to", "{b}/theirs");
    scene.create(&source.note("replication-allowed", "true"));
    scene.create(&secret("b/wrong").note("replicate-from", "{a}/s").note("replicate-once", "maybe"));
    scene.is_logged("b/theirs", "refuse", "NotCreatedBySource");
    scene.is_logged("b/wrong", "refuse", "IllFormed");
    for n in 0..3 {
        scene.set_data("a/s", "k", &format!("v{n}"));
        scene.set_data("b/theirs", "own", &format!("data{n}"));
        scene.set_data("b/wrong", "k", &format!("v{n}"));
        scene.barrier();
    }
    scene.is_logged_times("b/theirs", "refuse", 1);
    scene.is_logged_times("b/wrong", "refuse", 1);
    // Another mistake is another state; so is the same one after it had been mended.
    for (mistake, times) in [(Some("never"), 2), (None, 2), (Some("never"), 3)] {
        scene.note("b/wrong", "replicate-once", mistake);
        if mistake.is_none() {
            scene.has_data("b/wrong", &[("k", "v2")]);
        }
        scene.is_logged_times("b/wrong", "refuse", times);
    }
}

/// SPEC 8: a failure that lasts is logged for each object that it keeps from being written, with the next attempt; a watch that is
/// refused is logged once.
#[test]
fn what_cannot_be_watched_is_logged_once() {
    let mut scene = Scene::new();
    let proxy = scene.proxy();
    proxy.set_rule(|_| k8s_replicator_testenv::Fault::status(500));
    scene.start_at(proxy.kubeconfig(), &["--log-level=info"]);
    scene.until("it has tried many times", || (proxy.seen().len() >= 12).then_some(()));
    let logged: Vec<Value> =
        scene.controller().log_lines().into_iter().filter(|line| line["level"] == "WARN").collect();
    assert_eq!(logged.len(), 3, "{logged:#?}");
    let resources: BTreeSet<&str> = logged.iter().filter_map(|line| line["resource"].as_str()).collect();
    assert_eq!(resources, ["configmaps", "namespaces", "secrets"].into());
}

/// SPEC 8: every reason is one of the closed list that `docs/reasons.md` explains.
#[test]
fn every_reason_is_documented() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=1s"]);
    for kind in [secret, config_map] {
        // Before the push: else the controller may have made it by then.
        scene.create(&kind("b/theirs"));
        scene.create(
            &kind("a/s").data("k", "v").note("replicate-to", "{b}/t,{b}/theirs").note("replication-allowed", "true"),
        );
        scene.create(&kind("b/ring").note("replicate-from", "ring"));
        scene.create(&kind("b/wrong").note("replicate-from", "a/b/c"));
        scene.create(&kind("b/pulls").note("replicate-from", "{a}/s").note("replicate-once", "true"));
        scene.has_data_of(&kind("b/t").data("k", "v"));
        scene.put(&kind("a/s").data("k", "w"));
        scene.is_deleted(&kind("b/t"));
    }
    let logged = || -> BTreeSet<String> {
        let lines = scene.controller().log_lines();
        lines.iter().filter_map(|line| line["reason"].as_str().map(str::to_owned)).collect()
    };
    scene.until("many reasons were logged", || (logged().len() >= 8).then_some(()));
    scene.barrier();
    let docs =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reasons.md")).expect("the docs");
    let documented: BTreeSet<&str> =
        docs.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(code, _)| code).collect();
    let logged = logged();
    assert!(logged.iter().all(|reason| documented.contains(reason.as_str())), "{logged:?}");
}

/// Issue 3: `--log-format text` is for people; `--log-level` says how much.
#[test]
fn log_format_and_log_level() {
    let logs = |flags: &[&str]| {
        let mut scene = Scene::new();
        scene.namespaces(&["a", "b"]);
        scene.start_without_waiting(flags);
        scene.create(&secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
        scene.create(&secret("b/wrong").note("replicate-from", "a/b/c"));
        scene.has_data("b/s", &[("k", "v")]);
        // Lines are written in order, so that all earlier ones are there with this one. At level `off` there is none.
        if !flags.iter().any(|flag| flag.ends_with("=off")) {
            scene.until("the refusal is logged", || scene.controller().log().contains("IllFormed").then_some(()));
        }
        if flags.iter().any(|flag| flag.ends_with("=info") || flag.ends_with("=debug")) {
            scene.until("the replica is logged", || scene.controller().log().contains("NewTarget").then_some(()));
        }
        scene.barrier();
        (scene.full("{b}/s"), scene.controller().log())
    };
    let (target, log) = logs(&["--log-format=text", "--log-level=info"]);
    let line = log.lines().find(|line| line.contains("replica created") && line.contains(&target)).expect("a line");
    for part in ["INFO", r#"kind="Secret""#, r#"action="create""#, r#"reason="NewTarget""#] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(!log.contains('\u{1b}') && !log.contains("DEBUG"), "{log}");
    let (_, log) = logs(&["--log-level=debug"]);
    assert!(log.contains("\"DEBUG\"") && log.contains("\"INFO\"") && log.contains("\"WARN\""), "{log}");
    let (_, log) = logs(&["--log-level=warn"]);
    assert!(!log.contains("\"INFO\"") && log.contains("\"WARN\""), "{log}");
    assert_eq!(logs(&["--log-level=off"]).1, "");
}
