//! What `plan --against-cluster` says is what the controller then does, on the real API server.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use k8s_replicator_sim::dice::Dice;
use k8s_replicator_testenv::Shell;
use serde_json::{Value, json};

/// So many histories,
const HISTORIES: u64 = 4;
/// of so many edits each.
const EDITS: usize = 10;
const KEYS: [&str; 6] = ["a/x", "a/y", "b/x", "b/y", "c/x", "c/y"];

/// Annotations as users write them. `{b}` stands for a namespace's full name.
fn notes(dice: &mut Dice) -> Vec<(&'static str, String)> {
    let other = |dice: &mut Dice| {
        let (namespace, name) = dice.pick(&KEYS).split_once('/').expect("a key");
        format!("{{{namespace}}}/{name}")
    };
    let mut notes = match dice.roll(8) {
        0 | 1 => vec![("replicate-to-namespaces", dice.pick(&["{b}", "{b},{c}", "{c},{late}"]).to_owned())],
        2 => vec![("replicate-to", dice.pick(&["{b}/x", "{b}/x,{c}/y", "y"]).to_owned())],
        3 | 4 => vec![("replicate-from", other(dice)), ("replication-allowed", "true".to_owned())],
        5 => vec![("replicate-from", other(dice)), ("replicate-to-namespaces", "{c}".to_owned())],
        6 => vec![("replication-allowed-namespaces", dice.pick(&["{b}", "{b},{c}", "{a}"]).to_owned())],
        _ => vec![("replication-allowed", "true".to_owned())],
    };
    match dice.roll(8) {
        0 => notes.push(("replicate-once", "true".to_owned())),
        1 => notes.push(("replicate-keys", dice.pick(&["k", "k:other", "*,!k"]).to_owned())),
        2 => notes.push(("replication-allowed", dice.pick(&["false", "perhaps"]).to_owned())),
        _ => {}
    }
    notes.sort();
    notes.dedup_by_key(|(name, _)| *name);
    notes
}

fn object(dice: &mut Dice) -> Object {
    let key = dice.pick(&KEYS);
    let mut object = if dice.once_in(4) { config_map(key) } else { secret(key) };
    for (name, value) in notes(dice) {
        object = object.note(name, &value);
    }
    match dice.roll(4) {
        0 => object,
        one => object.data("k", &format!("value-{one}")).data("l", "always"),
    }
}

/// The objects of the scene that are no sentinels, without what differs from write to write.
fn look(scene: &Scene) -> BTreeMap<String, Value> {
    let mut seen = BTreeMap::new();
    for (resource, kind) in [("secrets", "Secret"), ("configmaps", "ConfigMap")] {
        for namespace in ["a", "b", "c"] {
            let path = format!("/api/v1/namespaces/{}/{resource}", scene.namespace_name(namespace));
            let (_, list) = scene.call("GET", &path, "application/json", &Value::Null);
            for item in list["items"].as_array().into_iter().flatten() {
                let name = format!(
                    "{kind} {}/{}",
                    scene.namespace_name(namespace),
                    item["metadata"]["name"].as_str().unwrap_or_default()
                );
                seen.insert(name, said(scene, item));
            }
        }
    }
    seen
}

fn said(scene: &Scene, item: &Value) -> Value {
    let mut annotations = item["metadata"]["annotations"].clone();
    for name in ["replicated-at", "replicated-from-version"] {
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.remove(&(scene.prefix() + name));
        }
    }
    json!({ "uid": item["metadata"]["uid"], "labels": item["metadata"]["labels"], "annotations": annotations,
        "type": item["type"], "data": item["data"], "binaryData": item["binaryData"] })
}

/// What became of each object, in the plan's words; clearing is an update here.
fn happened(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> BTreeMap<String, &'static str> {
    let mut happened = BTreeMap::new();
    for name in before.keys().chain(after.keys()) {
        let effect = match (before.get(name), after.get(name)) {
            (None, _) => "create",
            (_, None) => "delete",
            (Some(before), Some(after)) if before["uid"] != after["uid"] => "recreate",
            (Some(before), Some(after)) if before != after => "update",
            _ => continue,
        };
        happened.insert(name.clone(), effect);
    }
    happened
}

fn planned(answer: &Value) -> BTreeMap<String, &'static str> {
    let changes = answer["changes"].as_array().expect("changes").iter().map(|change| {
        let text = |field: &str| change[field].as_str().unwrap_or_default();
        let effect = match text("action") {
            "create" => "create",
            "delete" => "delete",
            "recreate" => "recreate",
            _ => "update",
        };
        (format!("{} {}", text("kind"), text("target")), effect)
    });
    changes.collect()
}

/// Plans an edit, makes it, and waits for what was planned; then nothing more comes.
fn edit(scene: &Scene, shell: &Shell, dice: &mut Dice, story: &mut String, file: &std::path::Path) {
    let object = object(dice);
    let (namespace, name) = object.key().split_once('/').expect("a key");
    let path = format!("/api/v1/namespaces/{}/{}/{name}", scene.namespace_name(namespace), object.resource());
    let deletes = scene.get_of(object.resource(), object.key()).is_some() && dice.once_in(3);
    let manifest = scene.manifest(&object);
    std::fs::write(file, manifest.to_string()).expect("a manifest");
    let _ = writeln!(story, "{} {manifest}", if deletes { "delete" } else { "apply" });

    let delete = if deletes { "--delete" } else { "" };
    let line = format!("plan -f {} {delete} --against-cluster --read-contents -o json", file.display());
    let (answer, text) = scene.plans(shell, &line);
    let planned = planned(&answer);
    assert_eq!(answer["pending"], json!(0), "{story}{text}");

    let mut before = look(scene);
    let id = format!("{} {}/{name}", manifest["kind"].as_str().unwrap_or_default(), scene.namespace_name(namespace));
    if deletes {
        let (status, said) = scene.call("DELETE", &path, "application/json", &Value::Null);
        assert_eq!(status, 200, "{story}{said}");
        before.remove(&id);
    } else {
        let apply = format!("{path}?fieldManager=edit&force=true");
        let (status, answer) = scene.call("PATCH", &apply, "application/apply-patch+yaml", &manifest);
        assert!(status < 300, "{story}{status} {answer}");
        before.insert(id, said(scene, &answer));
    }
    scene.until(&format!("{story}it is as planned: {planned:?}\n{text}"), || {
        (happened(&before, &look(scene)) == planned).then_some(())
    });
    scene.barrier();
    assert_eq!(happened(&before, &look(scene)), planned, "{story}{text}");
}

#[test]
fn a_plan_against_the_cluster_is_what_the_controller_then_does() {
    let only = std::env::var("K8S_REPLICATOR_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in only.map_or(0..HISTORIES, |seed: u64| seed..seed + 1) {
        let mut scene = Scene::new();
        scene.namespaces(&["a", "b", "c"]);
        scene.start(&[]);
        let (shell, mut dice) = (scene.shell(), Dice::new(seed));
        let file = scene.plane().dir().join(format!("plan-{seed}.json"));
        let mut story = format!("history {seed} (K8S_REPLICATOR_SEED={seed} repeats it alone)\n");
        for _ in 0..EDITS {
            edit(&scene, &shell, &mut dice, &mut story, &file);
        }
    }
}

/// With metadata alone: the blast radius of an edit, and nothing is written.
#[test]
fn the_blast_radius_is_told_before_the_edit() {
    let mut scene = Scene::new();
    let late: Vec<String> = (0..30).map(|n| format!("n{n}")).collect();
    let names: Vec<&str> = late.iter().map(String::as_str).collect();
    scene.namespaces(&names);
    scene.namespaces(&["a"]);
    let all = format!("{}.*", scene.namespace_name("n"));
    scene.start(&[]);
    scene.create(&secret("a/s").data("k", "v").note("replicate-to-namespaces", &all));
    for name in &names {
        scene.has_data(&format!("{name}/s"), &[("k", "v")]);
    }
    scene.barrier();
    let file = scene.plane().dir().join("plan-blast.json");
    let less = scene.manifest(&secret("a/s").data("k", "v").note("replicate-to-namespaces", "{n1},{late}"));
    std::fs::write(&file, less.to_string()).expect("a manifest");
    let shell = scene.shell();
    let (answer, text) = scene.plans(&shell, &format!("plan -f {} --against-cluster -o json", file.display()));
    assert_eq!(
        answer["summary"],
        json!({ "create": 0, "update": 0, "clear": 0, "recreate": 0, "delete": 29 }),
        "{text}"
    );
    assert!(
        answer["changes"].as_array().expect("changes").iter().all(|change| change["wouldRead"] == json!(false)),
        "{text}"
    );
    assert_eq!(answer["waits"][0]["object"], json!(scene.full("{late}/s")), "{text}");
    // Other flags: no namespace says that it accepts anything.
    let strict = scene.plans_flags(&shell, "plan --against-cluster -o json", &["--require-acceptance"]);
    assert_eq!(strict["summary"]["delete"], json!(30), "{strict}");
    scene.barrier();
    for name in &names {
        scene.has_data(&format!("{name}/s"), &[("k", "v")]);
    }
    assert_eq!(shell.run("kubectl replicator plan", 80).expect("a shell").code, 2);
}

/// A content that only the cluster has is not read unless that is asked for, and the plan says what depends on it.
#[test]
fn what_would_be_read_is_said() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    scene.create(&secret("a/s").data("k", "v").note("replication-allowed", "true"));
    let file = scene.plane().dir().join("plan-unread.json");
    let pull = scene.manifest(&secret("b/t").note("replicate-from", "{a}/s"));
    std::fs::write(&file, pull.to_string()).expect("a manifest");
    let shell = scene.shell();
    for (more, would_read) in [("", true), ("--read-contents", false)] {
        let (answer, text) =
            scene.plans(&shell, &format!("plan -f {} {more} --against-cluster -o json", file.display()));
        assert_eq!(answer["changes"][0]["reason"], json!("FirstCopy"), "{text}");
        assert_eq!(answer["changes"][0]["wouldRead"], json!(would_read), "{text}");
        assert_eq!(answer["changes"][0]["at"]["line"], json!(1), "{text}");
    }
    // Names of namespaces are asked for where they are not said.
    assert_eq!(scene.get("b/t"), None, "nothing is written");
}
