//! Issue 11, 2: what is done, and why something is not, as Kubernetes Events: on the object whose owner can act, as `kubectl` shows them.

use std::process::Command;

use k8s_replicator_api_tests::{Scene, config_map, secret};
use serde_json::Value;

/// What is in no Event.
const VALUE: &str = "correct-horse-battery";

fn kubectl(scene: &Scene, arguments: &[&str]) -> String {
    let program = k8s_replicator_testenv::assets::find_or_build().expect("kubectl").join("kubectl");
    let arguments: Vec<String> = arguments.iter().map(|argument| scene.full(argument)).collect();
    let output = Command::new(program).args(&arguments).env("KUBECONFIG", scene.plane().kubeconfig()).output();
    let output = output.expect("kubectl runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The Events in a namespace.
fn events(scene: &Scene, namespace: &str) -> Vec<Value> {
    let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events", scene.namespace_name(namespace));
    let list = scene.plane().client().request(&http::Method::GET, &path, None).expect("a list");
    list["items"].as_array().cloned().unwrap_or_default()
}

/// Waits for an Event about this object with this reason.
fn event(scene: &Scene, key: &str, reason: &str) -> Value {
    let (namespace, name) = key.split_once('/').expect("namespace/name");
    scene.until(&format!("{reason} of {key}"), || {
        let is = |event: &Value| event["regarding"]["name"] == name && event["reason"] == reason;
        events(scene, namespace).into_iter().find(is)
    })
}

/// What the controller writes is an Event on the replica, with the source as `related` and its version in an annotation; the same
/// again is a series of that Event. `kubectl describe` and `kubectl events` show it.
#[test]
fn what_is_done_is_an_event_on_the_replica() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--events"]);
    for kind in [secret, config_map] {
        let source = kind("a/s").data("k", VALUE).note("replicate-to-namespaces", "{b}");
        let source = scene.create(&source);
        scene.has_data_of(&kind("b/s").data("k", VALUE));
        let kind_name = source["kind"].as_str().unwrap_or_default().to_owned();
        let of_kind = |reason: &str| {
            scene.until(&format!("{reason} of {kind_name}"), || {
                let is = |event: &Value| event["regarding"]["kind"] == kind_name.as_str() && event["reason"] == reason;
                events(&scene, "b").into_iter().find(is)
            })
        };
        let made = of_kind("NewTarget");
        let replica = scene.get_of(kind("b/s").resource(), "b/s").expect("the replica");
        assert_eq!(made["regarding"]["uid"], replica["metadata"]["uid"], "{made}");
        assert_eq!(made["related"]["uid"], source["metadata"]["uid"], "{made}");
        assert_eq!((&made["type"], &made["action"]), (&"Normal".into(), &"Create".into()));
        assert_eq!(made["reportingController"], "k8s-replicator");
        let version =
            |event: &Value| event["metadata"]["annotations"][format!("{}source-version", scene.prefix())].clone();
        assert_eq!(version(&made), source["metadata"]["resourceVersion"]);
        // Three changes more: the first is another Event, those after it are its series.
        let mut last = Value::Null;
        for n in 0..3 {
            let value = format!("{VALUE}-{n}");
            last = scene.replace(&kind("a/s").data("k", &value).note("replicate-to-namespaces", "{b}"));
            scene.has_data_of(&kind("b/s").data("k", &value));
        }
        let updated =
            scene.until("the series", || Some(of_kind("SourceChanged")).filter(|event| event["series"]["count"] == 3));
        assert_eq!(version(&updated), last["metadata"]["resourceVersion"], "of the last one");
        let resource = kind("b/s").resource();
        // Of a Secret `kubectl describe` shows no Events at all.
        if resource == "configmaps" {
            let described = kubectl(&scene, &["describe", resource, "s", "--namespace", "{b}"]);
            for words in ["NewTarget", "Replica created", "SourceChanged", "(x3 over", "k8s-replicator"] {
                assert!(described.contains(words), "{words}: {described}");
            }
        }
        let listed = kubectl(&scene, &["events", "--for", &format!("{resource}/s"), "--namespace", "{b}"]);
        assert!(listed.contains("NewTarget") && listed.contains("Replica updated"), "{listed}");
        assert!(listed.contains(&scene.full("Source: {a}/s.")), "{listed}");
    }
    // Nothing of the data is in any.
    for namespace in ["a", "b"] {
        let all = serde_json::to_string(&events(&scene, namespace)).unwrap();
        assert!(!all.contains(VALUE) && !all.contains("Y29ycmVjdC"), "{all}");
    }
}

/// What is refused is a warning on the object whose owner can act.
#[test]
fn what_is_refused_is_a_warning_for_whose_owner_can_act() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--events=true"]);
    // A push to a name that somebody has: the pushing source's owner can choose another.
    scene.create(&secret("b/taken").data("k", "own"));
    scene.create(&secret("a/pushing").data("k", VALUE).note("replicate-to", "{b}/taken"));
    let refused = event(&scene, "a/pushing", "NotCreatedBySource");
    assert_eq!((&refused["type"], &refused["action"]), (&"Warning".into(), &"Refuse".into()));
    assert_eq!(
        (&refused["related"]["name"], &refused["regarding"]["namespace"]),
        (&"taken".into(), &scene.namespace_name("a").into())
    );
    // A pull without consent: the pulling target's owner asked.
    scene.create(&secret("a/closed").data("k", VALUE));
    scene.create(&secret("b/pulling").note("replicate-from", "{a}/closed"));
    let refused = event(&scene, "b/pulling", "ConsentMissing");
    assert_eq!(refused["related"]["name"], "closed", "{refused}");
    // Ill-formed annotations: on the object itself.
    scene.create(&secret("a/ill").data("k", VALUE).note("replicate-to", "a/b/c"));
    let refused = event(&scene, "a/ill", "IllFormed");
    assert_eq!(refused["type"], "Warning");
    let listed = kubectl(&scene, &["events", "--namespace", "{a}", "--types=Warning"]);
    assert!(listed.contains("IllFormed") && listed.contains("Secret/ill"), "{listed}");
}

/// At the start there are no Events about what has not changed. With `--events=false` there are none at all.
#[test]
fn a_restart_tells_nothing_that_is_not_new() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("b/taken").data("k", "own"));
    scene.create(&secret("a/ill").data("k", "v").note("replicate-to", "a/b/c"));
    scene.create(&secret("a/glob").data("k", "v").note("replicate-to-namespaces", "team-*"));
    scene.create(&secret("a/pushing").data("k", "v").note("replicate-to", "{b}/taken,{b}/made"));
    for flags in [&["--events=false"][..], &["--events"]] {
        scene.start(flags);
        scene.has_data_of(&secret("b/made").data("k", "v"));
        scene.logs("what is refused", |line| line["reason"] == "NotCreatedBySource");
        scene.barrier();
        if flags == ["--events"] {
            // A new replica has an Event. Events are written in order, so those of the start would come before it.
            scene.create(&secret("a/new").data("k", "v").note("replicate-to-namespaces", "{b}"));
            event(&scene, "b/new", "NewTarget");
            let about: Vec<Value> = ["a", "b"].iter().flat_map(|namespace| events(&scene, namespace)).collect();
            let names: Vec<&str> = about
                .iter()
                .filter_map(|event| event["regarding"]["name"].as_str())
                .filter(|name| *name != "new")
                .collect();
            assert!(names.is_empty(), "{names:?}");
        } else {
            assert!(["a", "b"].iter().all(|namespace| events(&scene, namespace).is_empty()));
        }
        scene.kill();
    }
}
