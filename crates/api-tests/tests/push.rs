//! SPEC 4, for sources that give their own data: what a push installs into a replica.

use k8s_replicator_api_tests::{Scene, config_map, secret};

/// SPEC 4: data, type, mark, version and time, and everything that is inherited; the default label.
#[test]
fn a_created_replica_has_the_sources_data_and_type_and_what_it_inherits() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let given = secret("b/dst")
        .of_type("kubernetes.io/tls")
        .data("tls.crt", "certificate")
        .data("tls.key", "key")
        .note("replicate-once", "t")
        .note("replicate-once-version", "version 1")
        .note("replication-allowed", "True")
        .note("replication-allowed-namespaces", "{c},x.*");
    let source = given.clone().at("a/src").note("replicate-to", "{b}/dst");
    let source = scene.create(&source.label("own", "label").other_note("own", "annotation"));
    scene.becomes(&scene.created(given.made_by(&source).holding(&source)));
}

/// SPEC 4: the same for a ConfigMap, with its binary data.
#[test]
fn a_created_config_map_has_data_and_binary_data() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let given = config_map("b/dst").data("text", "ä").binary("bytes", &[0, 255, 7]).note("replication-allowed", "0");
    let source = scene.create(&given.clone().at("a/src").note("replicate-to", "{b}/dst"));
    scene.becomes(&scene.created(given.made_by(&source).holding(&source)));
}

/// SPEC 4: a change of the data reaches every replica; what is gone at the source is gone at the replica.
#[test]
fn a_change_of_the_data_reaches_every_replica() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    for kind in [secret, config_map] {
        let steps = [
            kind("a/src").data("k", "v").data("dropped", "x"),
            kind("a/src").data("k", "w").data("added", "y"),
            kind("a/src"),
            kind("a/src").data("k", "again"),
        ];
        for step in steps {
            let source = scene.put(&step.clone().note("replicate-to-namespaces", "{b},{c}"));
            for key in ["b/src", "c/src"] {
                scene.becomes(&scene.created(step.clone().at(key).made_by(&source).holding(&source)));
            }
        }
    }
}

/// SPEC 4: binary data comes, changes and goes as data does.
#[test]
fn a_change_of_binary_data_reaches_the_replica() {
    let mut scene = Scene::new();
    scene.namespaces(&["a"]);
    scene.start(&[]);
    let steps = [
        config_map("a/src").data("k", "v"),
        config_map("a/src").data("k", "v").binary("b", &[1]),
        config_map("a/src").binary("b", &[2]).binary("c", &[3]),
        config_map("a/src").data("b", "now text"),
    ];
    for step in steps {
        let source = scene.put(&step.clone().note("replicate-to", "dst"));
        scene.becomes(&scene.created(step.at("a/dst").made_by(&source).holding(&source)));
    }
}

/// SPEC 4, 9.3: inherited annotations follow the source, also when it loses them; the data is not copied again for that.
#[test]
fn inherited_annotations_follow_the_source() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let source = scene.create(&secret("a/src").data("k", "v").note("replicate-to", "{b}/dst"));
    let replica = scene.created(secret("b/dst").data("k", "v").made_by(&source).holding(&source));
    scene.becomes(&replica);
    let inherited = [
        ("replicate-once", ["true", "false"]),
        ("replicate-once-version", ["1", "2"]),
        ("replication-allowed", ["true", "false"]),
        ("replication-allowed-namespaces", ["{a}", "{a},.*x"]),
    ];
    for (name, values) in inherited {
        for value in values {
            scene.note("a/src", name, Some(value));
            scene.becomes(&replica.clone().note(name, value));
        }
        scene.note("a/src", name, None);
        scene.becomes(&replica);
    }
}

/// SPEC 4: install owns every annotation of section 2's table; what the source does not give is removed.
#[test]
fn install_owns_every_annotation_of_the_table() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source = scene.create(&secret("a/src").data("k", "v").note("replicate-to-namespaces", "{b}"));
    let marked = secret("b/src").note("replicated-by", "{a}/src").other_note("own", "annotation").label("own", "label");
    let overgrown = marked
        .clone()
        .data("old", "data")
        .note("replicate-from", "{a}/nothing")
        .note("replicate-to", "x")
        .note("replicate-to-namespaces", "{a}")
        .note("replicate-once", "true")
        .note("replicate-once-version", "1")
        .note("replication-allowed", "true")
        .note("replication-allowed-namespaces", ".*")
        .note("replicated-at", "never")
        .note("replicated-from-version", "1")
        .note("replicated-from-origin", "{a}/origin")
        .note("replicated-from-allowed", ".*");
    scene.create(&overgrown);
    scene.start(&[]);
    let installed = marked.data("k", "v").holding(&source);
    let found = scene.becomes(&installed);
    assert_ne!(scene.note_of(&found, "replicated-at").as_deref(), Some("never"));
    // Also those that come later.
    let later = [("replicated-from-origin", "{a}/origin"), ("replicate-to", "x"), ("replicate-from", "{a}/nothing")];
    for (name, value) in later {
        scene.note("b/src", name, Some(value));
        scene.becomes(&installed);
    }
    scene.has_replicas(&[]);
}

/// SPEC 4: the labels of `--create-with-labels`, on what is created; what is there already keeps its own.
#[test]
fn a_created_replica_has_the_labels_of_the_flag() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source =
        scene.create(&secret("a/src").data("k", "v").note("replicate-to", "{b}/new,{b}/old").label("own", "1"));
    scene.create(&secret("b/old").note("replicated-by", "{a}/src"));
    scene.start(&["--create-with-labels=team=x, example.com/by = y"]);
    let replica = |key| secret(key).data("k", "v").made_by(&source).holding(&source);
    scene.becomes(&replica("b/new").label("team", "x").label("example.com/by", "y"));
    scene.becomes(&replica("b/old"));
}

/// SPEC 4: what agrees in data, type and inherited annotations is not written. The version that a replica names may be
/// older than the source's.
#[test]
fn a_replica_that_agrees_with_its_source_is_not_written() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let (mut agree, mut differ) = (Vec::new(), Vec::new());
    for kind in [secret, config_map] {
        let source = kind("a/src").data("k", "v").note("replicate-to", "w,x,y,z").note("replication-allowed", "true");
        let source = scene.create(&source.note("replicate-to-namespaces", "{b}"));
        let marked = |name: &str| kind(&format!("b/{name}")).made_by(&source);
        let allowed = |name: &str| marked(name).note("replication-allowed", "true");
        agree.push(scene.create(&allowed("w").data("k", "v").holding(&source)));
        agree.push(scene.create(&allowed("x").data("k", "v").note("replicated-from-version", "1")));
        scene.create(&allowed("y").data("k", "old").note("replicated-from-version", "1"));
        scene.create(&marked("z").data("k", "v").holding(&source).note("replication-allowed", "false"));
        differ.extend(["y", "z"].map(|name| allowed(name).data("k", "v").holding(&source)));
    }
    scene.start(&[]);
    scene.all_become(&differ);
    scene.all_stay(&agree);
}

/// SPEC 2, 4: `replicated-at` is the RFC 3339 time of the last write.
#[test]
fn replicated_at_is_the_time_of_the_last_write() {
    let mut scene = Scene::new();
    scene.namespaces(&["a"]);
    scene.start(&[]);
    let source = scene.create(&secret("a/src").data("k", "1").note("replicate-to", "dst"));
    let first = scene.has_data("a/dst", &[("k", "1")]);
    let at = |object| scene.note_of(object, "replicated-at").unwrap_or_default();
    // The server writes its own times in the same form, and the text of such times is in their order.
    let created =
        |object: &serde_json::Value| object["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
    assert_eq!(at(&first).len(), "2026-01-01T00:00:00Z".len(), "{}", at(&first));
    assert!(created(&source) <= at(&first) && at(&first) <= created(&first), "{source} {first}");
    scene.next_second_after(&first);
    let probe = scene.create(&secret("a/probe"));
    scene.set_data("a/src", "k", "2");
    let second = scene.has_data("a/dst", &[("k", "2")]);
    assert!(created(&probe) <= at(&second), "{probe} {second}");
}
