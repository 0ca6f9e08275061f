//! SPEC 11.3, 11.4: namespaces by their labels, and the annotations of Namespaces.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};

const KINDS: [fn(&str) -> Object; 2] = [secret, config_map];
/// What is said outright is done at once, whatever the removal delay.
const LONG: &str = "--removal-delay=1h";

/// 11.3: a list and a selector add up, `!` items take away from both, and labels that change take effect at once.
#[test]
fn a_namespace_gets_the_replica_with_its_label_and_loses_it_with_it() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "listed", "old", "out"]);
    let (env, legacy) = (scene.label_key("env"), scene.label_key("legacy"));
    ["old", "out"].iter().for_each(|namespace| drop(scene.label_namespace(namespace, "env", Some("prod"))));
    scene.label_namespace("old", "legacy", Some("yes"));
    for kind in KINDS {
        let source = kind("a/s").data("k", "v").note("replicate-to-namespaces", "{listed},!{out}");
        scene.create(&source.note("replicate-to-namespace-selector", &format!("{env} in (prod,stage),!{legacy}")));
        let named = kind("a/named").data("k", "v").note("replicate-to", "other-name");
        scene.create(&named.note("replicate-to-namespace-selector", &format!("{env}=stage")));
    }
    scene.start(&[LONG]);
    let has = |scene: &Scene, key: &str| {
        KINDS.iter().for_each(|kind| drop(scene.has_data_of(&kind(key).data("k", "v"))));
    };
    let is_gone = |scene: &Scene, key: &str| KINDS.iter().for_each(|kind| scene.is_deleted(&kind(key)));
    has(&scene, "listed/s");
    scene.has_replicas(&["listed/s"]);
    scene.label_namespace("b", "env", Some("prod"));
    has(&scene, "b/s");
    scene.label_namespace("b", "env", Some("stage"));
    has(&scene, "b/other-name");
    has(&scene, "b/s");
    scene.label_namespace("b", "env", Some("dev"));
    is_gone(&scene, "b/s");
    is_gone(&scene, "b/other-name");
    scene.label_namespace("old", "legacy", None);
    has(&scene, "old/s");
    scene.has_replicas(&["listed/s", "old/s"]);
}

/// 11.3: consent by label, also down a chain of pulls; it is withdrawn with the label.
#[test]
fn consent_by_label_follows_the_labels_down_a_chain() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    let env = scene.label_key("env");
    let root = secret("a/root").data("k", "v");
    scene.create(&root.note("replication-allowed-namespace-selector", &format!("{env}=prod")));
    let middle = secret("b/middle").note("replicate-from", "{a}/root").note("replication-allowed", "true");
    scene.create(&middle);
    scene.create(&secret("c/leaf").note("replicate-from", "{b}/middle"));
    scene.start(&[LONG]);
    scene.is_logged("b/middle", "refuse", "NamespaceNotAllowed");
    scene.label_namespace("b", "env", Some("prod"));
    let middle = scene.has_data("b/middle", &[("k", "v")]);
    assert_eq!(scene.note_of(&middle, "replicated-from-allowed").as_deref(), Some("selector."));
    scene.is_logged("c/leaf", "refuse", "ChainNotAllowed");
    scene.label_namespace("c", "env", Some("prod"));
    scene.has_data("c/leaf", &[("k", "v")]);
    scene.label_namespace("c", "env", None);
    scene.has_data("c/leaf", &[]);
    scene.has_data("b/middle", &[("k", "v")]);
    scene.label_namespace("b", "env", None);
    scene.has_data("b/middle", &[]);
}

/// 11.4: `accept-replicas-from`. Sources in the namespace itself are always accepted, pulls need no acceptance, and replicas that a
/// narrowed list does not accept any more are deleted.
#[test]
fn a_namespace_says_whose_replicas_it_accepts() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "closed"]);
    scene.note_namespace("b", "accept-replicas-from", Some("{a}"));
    scene.note_namespace("closed", "accept-replicas-from", Some("-"));
    let source = secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b},{closed}");
    scene.create(&source.note("replication-allowed", "true"));
    scene.create(&secret("closed/own").data("k", "own").note("replicate-to", "made"));
    scene.create(&secret("closed/pulls").note("replicate-from", "{a}/s"));
    scene.start(&[LONG]);
    scene.has_data("closed/made", &[("k", "own")]);
    scene.has_data("closed/pulls", &[("k", "v")]);
    scene.has_data("b/s", &[("k", "v")]);
    scene.is_logged("closed/s", "refuse", "NotAccepted");
    scene.has_replicas(&["b/s", "closed/made"]);
    scene.note_namespace("b", "accept-replicas-from", Some("{closed}"));
    scene.is_gone("b/s");
    scene.note_namespace("closed", "accept-replicas-from", None);
    scene.has_data("closed/s", &[("k", "v")]);
}

/// 11.4: `--require-acceptance`.
#[test]
fn acceptance_can_be_required() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "silent"]);
    scene.note_namespace("b", "accept-replicas-from", Some("{a}"));
    scene.create(&secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b},{silent}"));
    scene.create(&secret("silent/own").data("k", "own").note("replicate-to", "made"));
    scene.start(&[LONG, "--require-acceptance"]);
    scene.has_data("b/s", &[("k", "v")]);
    scene.has_data("silent/made", &[("k", "own")]);
    scene.is_logged("silent/s", "refuse", "NotAccepted");
    scene.has_replicas(&["b/s", "silent/made"]);
    scene.note_namespace("b", "accept-replicas-from", None);
    scene.is_gone("b/s");
    // Without the flag silence is consent.
    scene.restart(&[LONG]);
    scene.has_data("b/s", &[("k", "v")]);
    scene.has_data("silent/s", &[("k", "v")]);
}

/// 11.4: `--exclude-namespaces`: never a target, what is there is left alone; its sources serve others.
#[test]
fn nothing_is_written_in_excluded_namespaces() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "kube-x", "kube-y"]);
    scene.create(
        &secret("a/s").data("k", "v").note("replicate-to", "{b}/s,{kube-x}/s").note("replication-allowed", "1"),
    );
    scene.create(&secret("kube-y/serves").data("k", "own").note("replicate-to", "{b}/served"));
    let copied = |object: Object| object.data("k", "old").note("replicated-from-version", "1");
    let left = [
        copied(secret("kube-x/orphan").note("replicated-by", "{a}/gone")),
        copied(secret("kube-y/stale").note("replicate-from", "{a}/s")),
        copied(secret("kube-y/cleared").note("replicate-from", "{a}/gone")),
    ];
    let left = left.map(|object| scene.create(&object));
    let exclude = scene.full("--exclude-namespaces={kube-}.*");
    scene.start(&[&exclude]);
    scene.has_data("b/s", &[("k", "v")]);
    scene.has_data("b/served", &[("k", "own")]);
    for target in ["kube-x/s", "kube-x/orphan", "kube-y/stale", "kube-y/cleared"] {
        scene.is_logged(target, "refuse", "NamespaceExcluded");
    }
    scene.all_stay(&left);
    scene.has_replicas(&["b/s", "b/served"]);
}

/// 11.4: while what a namespace says cannot be read nothing changes in it; the log names the annotation and what is wrong.
#[test]
fn nothing_changes_in_a_namespace_with_an_ill_formed_annotation() {
    for (name, value, words) in [
        ("accept-replicas-from", "{a},(", "is not a pattern"),
        ("accept-replicas-from", "{a}/s", "has a \"/\"; expected a namespace or a pattern"),
        ("paused", "yes", "is not a boolean"),
    ] {
        let mut scene = Scene::new();
        scene.namespaces(&["a", "b", "c"]);
        scene.note_namespace("b", name, Some(value));
        scene.create(&secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b},{c}"));
        let orphan = scene.create(&secret("b/orphan").data("k", "old").note("replicated-by", "{a}/gone"));
        scene.start(&[]);
        scene.has_data("c/s", &[("k", "v")]);
        for target in ["b/s", "b/orphan"] {
            let line = scene.is_logged(target, "refuse", "NamespaceIllFormed");
            let error = line["error"].as_str().unwrap_or_default();
            let start = format!("{}: {name}: ", scene.namespace_name("b"));
            assert!(error.starts_with(&start) && error.contains(words), "{line}");
        }
        scene.stays(&orphan);
        assert_eq!(scene.replicas(), ["c/s"]);
        scene.note_namespace("b", name, None);
        scene.has_data("b/s", &[("k", "v")]);
        scene.is_gone("b/orphan");
    }
}
