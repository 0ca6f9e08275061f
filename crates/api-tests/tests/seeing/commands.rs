//! `list`, `wait`, `diff`, `graph`, and all of them with few rights.

use k8s_replicator_api_tests::{Scene, config_map, secret};
use k8s_replicator_testenv::Rights;
use serde_json::{Value, json};

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Both kinds, by every filter; and no content is asked for.
#[test]
fn list_shows_what_is_asked_for_and_reads_no_content() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    for kind in [secret, config_map] {
        scene.create(&kind("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
        scene.create(&kind("c/t").note("replicate-from", "{a}/s"));
    }
    scene.start(&[]);
    scene.has_data("b/s", &[("k", "v")]);
    scene.is_logged("c/t", "refuse", "ConsentMissing");
    scene.barrier();
    let user = scene.plane().user(Rights::Admin);
    let shell = scene.shell_of(&user.kubeconfig);
    let targets = |line: &str| -> Vec<String> {
        let ran = scene.says_to(&shell, &format!("{line} -o json"), &[]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let list = json_of(&ran.output)["targets"].as_array().cloned().unwrap_or_default();
        let own = |entry: &&Value| !entry["target"].as_str().is_some_and(|target| target.contains("sentinel"));
        list.iter()
            .filter(own)
            .map(|entry| format!("{} {} {}", entry["kind"], entry["target"], entry["reason"]).replace('"', ""))
            .collect()
    };
    let (secret_b, map_b) = (scene.full("Secret {b}/s UpToDate"), scene.full("ConfigMap {b}/s UpToDate"));
    let (secret_c, map_c) = (scene.full("Secret {c}/t ConsentMissing"), scene.full("ConfigMap {c}/t ConsentMissing"));
    scene.until("all four are there", || {
        let mut all = targets("list -A");
        all.sort();
        let mut expected = vec![secret_b.clone(), map_b.clone(), secret_c.clone(), map_c.clone()];
        expected.sort();
        (all == expected).then_some(())
    });
    assert_eq!(targets("list -n {b} --kind secret"), [&*secret_b]);
    assert_eq!(targets("list -A --kind secret --state refused"), [&*secret_c]);
    assert_eq!(targets("list -A --kind configmap --reason uptodate"), [map_b]);
    assert_eq!(targets("list -A --source {a}/s --kind secret"), [secret_c, secret_b]);
    let sources = scene.says_to(&shell, "list -A --sources --kind secret -o json --source {a}/s", &[]);
    let source = &json_of(&sources.output)["sources"][0];
    assert_eq!(
        (&source["targets"], &source["current"], &source["worst"]),
        (&json!(2), &json!(1), &json!("refused")),
        "{source:#}"
    );
    let text = scene.says_to(&shell, "list -A", &[]);
    assert!(text.output.starts_with("STATE ") && text.errors.contains("Why: kubectl replicator explain"), "{text:?}");
    let graph = scene.says_to(&shell, "graph -A -o mermaid", &[]);
    assert!(graph.output.starts_with("flowchart LR\n") && graph.output.contains("-.->|ConsentMissing|"), "{graph:?}");
    // Metadata alone, of lists alone.
    scene.barrier();
    let asked = scene.plane().requests(&user);
    assert!(!asked.is_empty() && asked.iter().all(|request| request.verb == "list"), "{asked:#?}");
}

/// Exit codes, and what is missing is explained.
#[test]
fn wait_waits_until_a_namespace_has_all() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
    scene.create(&config_map("b/t").note("replicate-from", "{a}/c"));
    scene.start(&[]);
    scene.has_data("b/s", &[("k", "v")]);
    let late = scene.says("wait --namespace {b} --timeout 1s", &[]);
    assert!(late.code == 1 && late.output.contains("ConfigMap") && late.output.contains("What to do"), "{late:?}");
    assert!(
        late.output.starts_with(
            &scene.full("Time is up.\n{b}: 1 of 2 objects there, 1 waiting (configmap t: SourceMissing)\n")
        ),
        "{late:?}"
    );
    scene.create(&config_map("a/c").data("k", "v").note("replication-allowed", "true"));
    let ready = scene.says("wait --namespace {b} --timeout 30s", &[]);
    assert_eq!(
        (ready.code, &*ready.output),
        (0, &*scene.full("{b} has all that is meant for it: 2 objects\n")),
        "{ready:?}"
    );
    let json = scene.says("wait -n {b} -o json", &[]);
    assert_eq!(json_of(&json.output)["ready"], json!(true));
    // A name with a mistake in it has not all that is meant for it.
    let mistaken = scene.says("wait -n {b}-x --timeout 1s", &[]);
    assert_eq!(
        (mistaken.code, &*mistaken.output),
        (1, &*scene.full("{b}-x: no namespace of this name exists\n")),
        "{mistaken:?}"
    );
    let json = scene.says("wait -n {b}-x --timeout 0s -o json", &[]);
    assert_eq!((json.code, &json_of(&json.output)["ready"]), (1, &json!(false)));
}

/// Keys, and never values.
#[test]
fn diff_names_keys_and_no_values() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source = secret("a/s").data("same", "1").data("password", "hunter2").data("k", "old");
    scene.create(&source.clone().note("replicate-to-namespaces", "{b}").note("replicate-keys", "same,k:renamed"));
    scene.start(&[]);
    scene.has_data("b/s", &[("renamed", "old"), ("same", "1")]);
    scene.barrier();
    let same = scene.says("diff secret {b}/s", &[]);
    assert_eq!(same.code, 0, "{same:?}");
    scene.kill();
    scene.set_data("b/s", "renamed", "hunter3");
    scene.set_data("b/s", "extra", "hunter4");
    let differs = scene.says("diff secret {b}/s", &[]);
    assert_eq!(differs.code, 1, "{differs:?}");
    assert!(differs.output.ends_with("  + extra     extra\n  ~ renamed   changed\n"), "{differs:?}");
    assert!(!differs.output.contains("hunter") && !differs.output.contains("aHVudGVy"), "{differs:?}");
}

/// Only `get` and `list`, and only in some namespaces: it is said what could not be seen, and it goes on.
#[test]
fn few_rights_are_enough_for_what_they_show() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.create(&secret("a/s").data("k", "v").note("replication-allowed", "true"));
    scene.create(&secret("b/t").note("replicate-from", "{a}/s"));
    scene.create(&secret("b/u").note("replicate-from", "{c}/hidden"));
    scene.create(&secret("c/hidden").data("k", "v"));
    scene.start(&[]);
    scene.has_data("b/t", &[("k", "v")]);
    let nobody = scene.plane().user(Rights::Nothing);
    let shell = scene.shell_of(&nobody.kubeconfig);
    let refused = scene.says_to(&shell, "explain secret {b}/t", &[]);
    assert!(
        refused.code == 2 && refused.errors.starts_with("error: ") && refused.errors.contains("forbidden"),
        "{refused:?}"
    );
    for namespace in ["a", "b"] {
        let namespace = scene.namespace_name(namespace);
        let role = json!({"metadata": {"name": "sees"}, "rules": [
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]},
        ]});
        let binding = json!({
            "metadata": {"name": "sees"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "sees"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": nobody.name}],
        });
        for (resource, object) in [("roles", role), ("rolebindings", binding)] {
            let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/{resource}");
            assert_eq!(scene.call("POST", &path, "application/json", &object).0, 201);
        }
    }
    let seen = scene.until("the roles are known", || {
        Some(scene.says_to(&shell, "explain secret {b}/t", &[])).filter(|ran| ran.code == 0)
    });
    assert!(seen.output.contains("is current: UpToDate"), "{seen:?}");
    assert!(seen.output.contains("You may not list namespaces"), "{seen:?}");
    // The source is where nothing may be seen.
    let unseen = scene.says_to(&shell, "explain secret {b}/u", &[]);
    assert!(unseen.code == 1 && unseen.output.contains("is unseen"), "{unseen:?}");
    assert!(unseen.output.contains("you may not see it"), "{unseen:?}");
    for what in ["You may not list Events in", "You may not list Pods in", "You may not list ServiceAccounts in"] {
        assert!(unseen.output.contains(what), "{what}: {unseen:?}");
    }
    let list = scene.says_to(&shell, "list -n {b} --kind secret -o json", &[]);
    let list = json_of(&list.output);
    let states: Vec<_> = list["targets"].as_array().into_iter().flatten().map(|entry| entry["state"].clone()).collect();
    assert_eq!(states, [json!("unseen"), json!("current")], "{list:#}");
    assert!(list["notes"].to_string().contains("You may not see secrets but in"), "{list:#}");
}

/// In bash, and by kubectl itself: names of namespaces and objects are those of the cluster.
#[test]
fn completions_know_what_the_cluster_has() {
    let scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/database").data("k", "v"));
    let shell = scene.shell();
    let run = |line: &str| -> Vec<String> {
        let ran = shell.run(&scene.full(line), 100).expect("a shell");
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.output.lines().map(str::to_owned).collect()
    };
    let bash = |words: &str| {
        let complete = "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _k8s-replicator; printf \"%s\\n\" \"${COMPREPLY[@]}\"";
        let script =
            format!("source <(k8s-replicator completions bash); COMP_WORDS=(k8s-replicator {words}); {complete}");
        run(&format!("bash -c '{script}'"))
    };
    let full = |text: &str| scene.full(text);
    let both = [full("{a}"), full("{b}")];
    let start = scene.namespace_name("");
    assert_eq!(bash(&format!("wait --namespace {start}")), both);
    assert_eq!(bash(&format!("explain secret {start}")), both.each_ref().map(|name| format!("{name}/")));
    assert_eq!(bash("explain secret {a}/data"), [full("{a}/database")]);
    assert_eq!(bash("diff secret -n {a} data"), ["database"]);
    assert_eq!(bash("explain configmap {a}/data"), [""]);
    let kubectl = "folder=$(mktemp -d); shim=$folder/kubectl_complete-replicator
        kubectl replicator completions kubectl > $shim; chmod +x $shim
        PATH=$folder:$PATH kubectl __complete replicator explain secret {a}/; rm -r $folder";
    assert_eq!(run(kubectl), [full("{a}/database"), ":4".to_owned()]);
}
