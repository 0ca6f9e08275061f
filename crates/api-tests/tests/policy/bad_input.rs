//! SPEC 11: what cannot be read is left alone, with all that depends on it, and the log says which annotation it is and what is
//! expected.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use serde_json::Value;

/// An annotation, a bad value of it, and words of the log that help.
const BAD: &[(&str, &str, &str)] = &[
    ("replicate-to-namespace-selector", "env in prod", "expected one such as \"env=prod\""),
    ("replicate-to-namespace-selector", "Env Name=x", "expected one such as \"env=prod\""),
    ("replicate-to-namespace-selector", "cores>many", "is not a whole number"),
    ("replicate-to-namespace-selector", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "more than 16 requirements"),
    ("replication-allowed-namespace-selector", "env=a/b", "is not a legal value of a label"),
    ("replicate-keys", "a:x,b:x", "two items give the name \"x\""),
    ("replicate-keys", "*.json:x", "expected \"key:new-name\""),
    ("replicate-keys", "a/b", "is not a legal key"),
    ("replication-allowed-keys", "ca crt", "has a character that no key has"),
    ("replicate-type", "not a type", "expected one such as \"Opaque\""),
    ("replicate-labels", "team=red", "has a character that no key has"),
    ("replicate-annotations", "{*}", "has a character that no key has"),
    ("replica-labels", "team", "expected legal labels as \"key=value\""),
    ("replica-labels", "argocd.argoproj.io/instance=x", "is a mark by which other tools own objects"),
    ("accept-replicas-from", "{b}", "it belongs on a Namespace"),
    ("paused", "yes", "is not a boolean"),
    ("removal-delay", "5", "expected one such as \"90s\" or \"1h30m\", or \"never\""),
    ("removal-approved", "yes", "is not a boolean"),
];

/// Whether a ConfigMap says it too: it has no type.
fn is_for_both(name: &str) -> bool {
    name != "replicate-type"
}

fn leave_everything_alone(kind: fn(&str) -> Object) {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let mut left: Vec<Value> = Vec::new();
    let is_config_map = kind("").resource() == "configmaps";
    let cases: Vec<_> = BAD.iter().filter(|(name, ..)| !is_config_map || is_for_both(name)).enumerate().collect();
    for (number, (name, value, _)) in &cases {
        let stale = |key: &str| kind(key).data("k", "old").note("replicated-from-version", "1");
        let source = kind(&format!("a/s{number}")).data("k", "new").note("replication-allowed", "true");
        let source = source.note("replicate-to", &format!("{{b}}/r{number},{{b}}/new{number}"));
        left.push(scene.create(&source.note(name, value)));
        left.push(scene.create(&stale(&format!("b/r{number}")).note("replicated-by", &format!("{{a}}/s{number}"))));
        left.push(scene.create(&stale(&format!("b/p{number}")).note("replicate-from", &format!("{{a}}/s{number}"))));
        let itself = stale(&format!("b/i{number}")).note("replicate-from", "{a}/good");
        left.push(scene.create(&itself.note(name, value)));
    }
    scene.create(&kind("a/good").data("k", "new").note("replication-allowed", "true"));
    scene.start(&[]);
    for (number, (name, _, words)) in &cases {
        for target in [format!("a/s{number}"), format!("b/i{number}")] {
            let line = scene.is_logged(&target, "refuse", "IllFormed");
            let error = line["error"].as_str().unwrap_or_default();
            assert!(error.starts_with(&format!("{name}: ")) && error.contains(words), "{name}: {line}");
        }
        scene.is_logged(&format!("b/r{number}"), "refuse", "SourceIllFormed");
        scene.is_logged(&format!("b/p{number}"), "refuse", "SourceIllFormed");
    }
    scene.all_stay(&left);
    for (number, _) in &cases {
        assert_eq!(scene.get_of(kind("").resource(), &format!("b/new{number}")), None);
    }
    // Put right, all of it is done.
    let (number, _) = cases[0];
    scene.replace(&kind(&format!("a/s{number}")).data("k", "new").note("replicate-to", &format!("{{b}}/r{number}")));
    scene.has_data_of(&kind(&format!("b/r{number}")).data("k", "new"));
}

#[test]
fn secrets_with_bad_annotations_are_left_alone() {
    leave_everything_alone(secret);
}

#[test]
fn config_maps_with_bad_annotations_are_left_alone() {
    leave_everything_alone(config_map);
}
