//! SPEC 2, 9.10: an ill-formed object is left alone, and so is everything that depends on it.

use k8s_replicator_api_tests::{Scene, config_map, secret};

/// Each of the annotations, on a source that pushes and may be pulled from, and on a pulling target: nothing is copied, cleared,
/// created or deleted because of them. Everything is stale, so that any wrong answer to the annotation is a write.
fn leave_everything_alone(annotations: &[(&str, &str)]) {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let mut left = Vec::new();
    for (number, (name, value)) in annotations.iter().enumerate() {
        let stale = |key: &str| secret(key).data("k", "old").note("replicated-from-version", "1");
        let source = secret(&format!("a/s{number}")).data("k", "new").note("replication-allowed", "true");
        let source = source.note("replicate-to", &format!("{{b}}/r{number},{{b}}/new{number}")).note(name, value);
        left.push(scene.create(&source));
        let pushed = stale(&format!("b/r{number}")).note("replicated-by", &format!("{{a}}/s{number}"));
        left.push(scene.create(&pushed));
        let pulling = stale(&format!("b/p{number}")).note("replicate-from", &format!("{{a}}/s{number}"));
        left.push(scene.create(&pulling));
        let itself = stale(&format!("b/i{number}")).note("replicate-from", "{a}/good").note(name, value);
        left.push(scene.create(&itself));
    }
    scene.create(&secret("a/good").data("k", "new").note("replication-allowed", "true"));
    scene.start(&[]);
    for number in 0..annotations.len() {
        scene.is_logged(&format!("a/s{number}"), "refuse", "IllFormed");
        scene.is_logged(&format!("b/r{number}"), "refuse", "SourceIllFormed");
        scene.is_logged(&format!("b/p{number}"), "refuse", "SourceIllFormed");
        scene.is_logged(&format!("b/i{number}"), "refuse", "IllFormed");
    }
    scene.all_stay(&left);
    scene.has_replicas(&[]);
}

/// SPEC 2: more than one slash, or a name that is no legal object name.
#[test]
fn an_illegal_name_makes_replicate_to_ill_formed() {
    let values = ["a/b/c", "X", "x y", "a/", "x,{b}/Y", "x_y", "-x", "x..y", "x.*", "{b}/x, y z", "x,!{b}/x", "!x"];
    let to = values.map(|value| ("replicate-to", value));
    leave_everything_alone(&to);
}

/// SPEC 2: an item with a slash in `replicate-to-namespaces`.
#[test]
fn a_slash_makes_replicate_to_namespaces_ill_formed() {
    let values = ["{b}/x", "/", "{b},{c}/", "{b},.*/.*"];
    leave_everything_alone(&values.map(|value| ("replicate-to-namespaces", value)));
}

/// SPEC 2: a pattern that does not compile makes the whole list ill-formed, also when another item matches.
#[test]
fn a_bad_pattern_makes_the_whole_list_ill_formed() {
    leave_everything_alone(&[
        ("replicate-to-namespaces", "{b},("),
        ("replicate-to-namespaces", "[,{b}"),
        ("replicate-to", "{b}/x,(/x"),
        ("replication-allowed-namespaces", "{b},.*,*"),
        ("replicated-from-allowed", "{b},a)"),
        // What Go does not compile.
        ("replicate-to-namespaces", r"(?=t).*"),
        ("replicate-to-namespaces", r"(.)\1.*"),
        ("replicate-to-namespaces", r".**"),
        ("replicate-to-namespaces", r"t.{0}{1001}"),
        ("replicate-to-namespaces", r"\Q{b}"),
    ]);
}

/// SPEC 2, 9.10: an illegal `replicate-from`, or one with more than one slash. (v1.3.0 clears.)
#[test]
fn an_illegal_replicate_from_leaves_the_object_alone() {
    let values = ["", "/", "a/b/c", "{a}/", "/x", "{a}/X", "A/x", "x y", "{a}.x/x", "{a}/x,y"];
    leave_everything_alone(&values.map(|value| ("replicate-from", value)));
}

/// SPEC 2, 9.10: an illegal `replicated-by`, one without a namespace, or with more than one slash. (v1.3.0 deletes.)
#[test]
fn an_illegal_replicated_by_leaves_the_object_alone() {
    let values = ["", "/", "a/b/c", "{a}/", "/x", "{a}/X", "A/x", "x y", "good"];
    leave_everything_alone(&values.map(|value| ("replicated-by", value)));
}

/// SPEC 2: a boolean that is none, wherever it stands.
#[test]
fn a_boolean_that_is_none_leaves_the_object_alone() {
    let names = ["replicate-once", "replication-allowed"];
    leave_everything_alone(&names.map(|name| ["", "yes"].map(|value| (name, value))).concat());
}

/// SPEC 2: an annotation under the prefix that is not known.
#[test]
fn an_unknown_annotation_leaves_the_object_alone() {
    leave_everything_alone(&["replicate-too", "Replicate-To", "replicate-from-version", "x"].map(|name| (name, "x")));
}

/// SPEC 2: with `--ignore-unknown` unknown annotations do nothing, and stay.
#[test]
fn unknown_annotations_pass_with_ignore_unknown() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source = secret("a/src").data("k", "v").note("replicate-to", "{b}/dst").note("replicate-too", "x");
    let source = scene.create(&source.note("replication-allowed", "true"));
    let pulling = secret("b/p").note("replicate-from", "{a}/src").note("x", "y");
    scene.create(&pulling);
    scene.start(&["--ignore-unknown"]);
    scene.becomes(
        &scene.created(
            secret("b/dst").data("k", "v").made_by(&source).holding(&source).note("replication-allowed", "true"),
        ),
    );
    scene.becomes(&pulling.data("k", "v").pulled(&source, ".*"));
}

/// SPEC 2: `replicate-from` or `replicated-by` that names the object itself, if it pushes and pulls.
#[test]
fn a_combined_object_that_names_itself_is_ill_formed() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let combined = |key| secret(key).data("k", "v").note("replicate-to-namespaces", "{b}");
    scene.create(&secret("a/src").data("k", "v").note("replication-allowed", "true"));
    let left = [
        combined("a/bare").note("replicate-from", "bare"),
        combined("a/full").note("replicate-from", "{a}/full"),
        combined("a/by").note("replicate-from", "src").note("replicated-by", "{a}/by"),
    ];
    let left = left.map(|object| scene.create(&object));
    scene.start(&[]);
    for key in ["a/bare", "a/full", "a/by"] {
        scene.is_logged(key, "refuse", "IllFormed");
    }
    scene.has_replicas(&[]);
    scene.all_stay(&left);
}

/// SPEC 2: nothing is copied, cleared, created or deleted because of an ill-formed object, until it is well-formed again.
#[test]
fn everything_waits_until_the_object_is_well_formed_again() {
    for kind in [secret, config_map] {
        let mut scene = Scene::new();
        scene.namespaces(&["a", "b"]);
        scene.start(&[]);
        let source =
            |value| kind("a/src").data("k", value).note("replication-allowed", "1").note("replicate-to", "{b}/x,{b}/y");
        let first = scene.create(&source("v"));
        let pulling = kind("b/p").note("replicate-from", "{a}/src");
        scene.create(&pulling);
        let combined = scene.create(&kind("a/c").note("replicate-from", "src").note("replicate-to", "{b}/c"));
        let filled = |value, source| {
            let pushed =
                |key| kind(key).data("k", value).made_by(source).holding(source).note("replication-allowed", "1");
            let by_combined = kind("b/c").made_by(&combined).note("replicate-from", "{a}/src");
            [
                pulling.clone().data("k", value).pulled(source, ".*"),
                scene.created(pushed("b/x")),
                scene.created(pushed("b/y")),
                scene.created(by_combined.data("k", value).pulled(source, ".*")),
            ]
        };
        let mut before: Vec<_> = filled("v", &first).iter().map(|expected| scene.becomes(expected)).collect();

        scene.replace(&source("w").note("replicate-once", "perhaps").note("replicate-to", "{b}/x,{b}/z"));
        scene.remove(&kind("b/x"));
        before.remove(1);
        before.push(scene.create(&kind("b/q").note("replicate-from", "{a}/src")));
        scene.all_stay(&before);
        let missing = ["b/x", "b/z"].map(|key| scene.get_of(kind("a/x").resource(), key));
        assert_eq!(missing, [None, None]);

        let second = scene.replace(&source("w"));
        scene.all_become(&filled("w", &second));
        scene.becomes(&kind("b/q").note("replicate-from", "{a}/src").data("k", "w").pulled(&second, ".*"));
        assert_eq!(scene.get_of(kind("a/x").resource(), "b/z"), None);
    }
}

/// SPEC 2: an ill-formed object that is deleted is simply missing.
#[test]
fn an_ill_formed_object_that_is_deleted_is_simply_missing() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    scene.create(&secret("a/src").data("k", "v").note("replication-allowed", "1").note("replicate-to", "{b}/x"));
    let pulling = secret("b/p").note("replicate-from", "{a}/src");
    scene.create(&pulling);
    let combined = scene.create(&secret("a/c").note("replicate-from", "src").note("replicate-to", "{b}/c"));
    for key in ["b/x", "b/p", "b/c"] {
        scene.has_data(key, &[("k", "v")]);
    }
    scene.note("a/src", "unknown", Some(""));
    for key in ["b/x", "b/p", "b/c"] {
        scene.is_logged(key, "refuse", "SourceIllFormed");
    }
    scene.delete("a/src");
    scene.is_gone("b/x");
    scene.becomes(&pulling.written());
    scene.becomes(&scene.created(secret("b/c").made_by(&combined).note("replicate-from", "{a}/src")));
}
