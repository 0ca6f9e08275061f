//! SPEC 1 and 3: which source decides about an object, and which objects are never touched.

use k8s_replicator_api_tests::{Scene, config_map, secret};

/// SPEC 3, 0: an object that is ill-formed in whichever annotation is not written. SPEC 2: on a replica with a well-formed
/// `replicated-by` the other annotations are the controller's: what is ill-formed among them is put right, with advice.
#[test]
fn an_object_ill_formed_in_whichever_annotation_is_not_written() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/src").data("k", "new").note("replicate-to", "{b}/pushed").note("replication-allowed", "1"));
    let ill = [
        ("replicate-from", "a/b/c"),
        ("replicate-to", "a/b/c"),
        ("replicate-to-namespaces", "a/b"),
        ("replicate-once", "maybe"),
        ("replication-allowed", ""),
        ("replication-allowed-namespaces", "("),
        ("replicated-by", "a/b/c"),
        ("replicated-from-allowed", "("),
        ("unknown", ""),
    ];
    let mut left = Vec::new();
    let mut replicas = Vec::new();
    for (number, (name, value)) in ill.iter().enumerate() {
        for mark in ["replicate-from", "replicated-by"] {
            let key = format!("b/{mark}-{number}");
            let stale = secret(&key).data("k", "old").note("replicated-from-version", "1").note(mark, "{a}/src");
            let object = scene.create(&stale.note(name, value));
            match (mark, *name) {
                ("replicated-by", name) if name != "replicated-by" => replicas.push(key),
                _ => left.push((key, object)),
            }
        }
    }
    scene.start(&[]);
    left.iter().for_each(|(key, _)| drop(scene.is_logged(key, "refuse", "IllFormed")));
    // The source does not push to these.
    for key in replicas {
        scene.is_logged(&key, "advise", "UnknownAnnotation");
        scene.is_gone(&key);
    }
    let left: Vec<_> = left.into_iter().map(|(_, object)| object).collect();
    scene.all_stay(&left);
}

/// SPEC 3, 0: without `replicate-from` and `replicated-by` an object is never written, whatever else it carries.
#[test]
fn what_neither_pulls_nor_was_made_is_never_written() {
    let mut scene = Scene::new();
    scene.namespaces(&["a"]);
    let mut left = Vec::new();
    for kind in [secret, config_map] {
        let leftover = kind("a/leftover")
            .data("k", "v")
            .note("replicated-at", "2020-01-01T00:00:00Z")
            .note("replicated-from-version", "1")
            .note("replicated-from-origin", "{a}/nothing")
            .note("replicated-from-allowed", "-")
            .note("replicate-once", "true")
            .note("replicate-once-version", "1");
        left.push(scene.create(&leftover));
        left.push(
            scene.create(
                &kind("a/source").data("k", "v").note("replicate-to", "x").note("replicated-from-version", "1"),
            ),
        );
        left.push(scene.create(&kind("a/allows").data("k", "v").note("replication-allowed", "true")));
        left.push(scene.create(&kind("a/plain").data("k", "v")));
    }
    scene.start(&["--allow-all"]);
    scene.all_stay(&left);
    // A source that goes away takes nothing with it but what it made.
    scene.delete("a/source");
    left.remove(1);
    scene.is_gone("a/x");
    scene.all_stay(&left);
}

/// SPEC 3, 1: the source of a replica does not exist.
#[test]
fn a_replica_without_a_source_is_deleted() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    for kind in [secret, config_map] {
        scene.create(&kind("b/orphan").data("k", "v").note("replicated-by", "{a}/nothing").label("own", "label"));
        scene.create(&kind("a/src").data("k", "v").note("replicate-to-namespaces", "{b}"));
    }
    scene.start(&[]);
    for kind in [secret, config_map] {
        scene.is_deleted(&kind("b/orphan"));
        scene.until("the replica is there", || scene.get_of(kind("b/src").resource(), "b/src"));
        scene.remove(&kind("a/src"));
        scene.is_deleted(&kind("b/src"));
        scene.create(&kind("b/late").data("k", "v").note("replicated-by", "{a}/src"));
        scene.is_deleted(&kind("b/late"));
    }
}

/// SPEC 3, 1: the source does not name the replica any more; those that it still names stay.
#[test]
fn a_replica_that_its_source_does_not_name_is_deleted() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    scene.create(&secret("a/src").data("k", "v").note("replicate-to", "{b}/x,{b}/y,{c}/x"));
    scene.has_replicas(&["b/x", "b/y", "c/x"]);
    let stays = scene.get("b/x");
    let steps: [(&str, Option<&str>, &[&str]); 3] = [
        ("replicate-to", Some("{b}/x,{c}/x,{c}/y"), &["b/x", "c/x", "c/y"]),
        ("replicate-to", Some("{b}/x,{b}/y"), &["b/x", "b/y"]),
        ("replicate-to-namespaces", Some("{c}"), &["b/x", "b/y"]),
    ];
    for (name, value, expected) in steps {
        scene.note("a/src", name, value);
        scene.until("what is not named is gone", || (scene.replicas() == expected).then_some(()));
        scene.has_replicas(expected);
        assert_eq!(scene.get("b/x"), stays);
    }
    // No push any more, nor any other annotation.
    scene.replace(&secret("a/src").data("k", "v"));
    scene.until("all are gone", || scene.replicas().is_empty().then_some(()));
}

/// SPEC 3, 1: a replica that is ill-formed at the source's end is left alone, even if the source would not name it.
#[test]
fn a_replica_of_an_ill_formed_source_is_left_alone() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/src").data("k", "v").note("replicate-to", "{b}/other").note("replicate-once", "x"));
    let replica = secret("b/x").data("k", "old").note("replicated-by", "{a}/src").note("replicated-from-version", "1");
    let replica = scene.create(&replica);
    scene.start(&[]);
    scene.is_logged("b/x", "refuse", "SourceIllFormed");
    scene.stays(&replica);
    scene.note("a/src", "replicate-once", None);
    scene.is_gone("b/x");
}

/// SPEC 3, 1: a replica's own push is ignored: it makes nothing, and what it made is deleted.
#[test]
fn a_replicas_own_push_is_ignored() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    // Both are ill-formed at the root, so that nothing takes their annotations away.
    scene.create(&secret("a/ill").note("replicate-to-namespaces", "(").data("k", "v"));
    let middle =
        secret("b/middle").data("k", "v").note("replicated-by", "{a}/ill").note("replicate-to-namespaces", "{c}");
    let middle = scene.create(&middle);
    scene.create(&secret("c/other").data("k", "v").note("replicated-by", "{b}/middle"));
    scene.create(&secret("b/free").data("k", "v").note("replicate-to", "{c}/free"));
    scene.start(&[]);
    scene.is_gone("c/other");
    scene.has_replicas(&["c/free"]);
    scene.stays(&middle);
    scene.note("b/free", "replicated-by", Some("{a}/ill"));
    scene.is_gone("c/free");
}

/// SPEC 3, 1: what a push made is installed, whatever it asks for itself.
#[test]
fn a_push_goes_before_the_replicas_own_wish_to_pull() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source = scene.create(&secret("a/src").data("pushed", "v").note("replicate-to-namespaces", "{b}"));
    scene.create(&secret("a/other").data("pulled", "v").note("replication-allowed", "true"));
    scene.create(&secret("b/src").note("replicated-by", "{a}/src").note("replicate-from", "{a}/other"));
    scene.start(&[]);
    let replica = secret("b/src").data("pushed", "v").note("replicated-by", "{a}/src").holding(&source);
    let replica = scene.becomes(&replica);
    scene.stays(&replica);
}

/// SPEC 3, 2: an object that pushes is no target; its `replicate-from` is meant for its targets.
#[test]
fn an_object_that_pushes_is_not_filled_itself() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/src").data("k", "v").note("replication-allowed", "true"));
    let stale = |key| secret(key).data("own", "data").note("replicated-from-version", "1");
    let combined = [
        stale("a/x").note("replicate-from", "src").note("replicate-to", "{b}/x"),
        stale("a/y").note("replicate-from", "nothing").note("replicate-to-namespaces", "{b}"),
    ];
    let combined = combined.map(|object| scene.create(&object));
    scene.start(&[]);
    scene.has_data("b/x", &[("k", "v")]);
    scene.has_replicas(&["b/x", "b/y"]);
    scene.all_stay(&combined);
    // Without its push it is a target like any other.
    scene.note("a/x", "replicate-to", None);
    scene.has_data("a/x", &[("k", "v")]);
    scene.is_gone("b/x");
}

/// SPEC 3, 3: a target whose source is missing is cleared, and filled when there is one.
#[test]
fn a_target_whose_source_is_missing_is_cleared() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    for kind in [secret, config_map] {
        let source = kind("a/src").data("k", "v").note("replication-allowed", "true");
        let target = kind("b/dst").note("replicate-from", "{a}/src").label("own", "label");
        scene.create(&target);
        for _ in 0..2 {
            let made = scene.create(&source);
            scene.becomes(&target.clone().data("k", "v").pulled(&made, ".*"));
            scene.remove(&source);
            scene.becomes(&target.clone().written());
        }
    }
}

/// SPEC 3, 4: among several sources the oldest wins; of the same age, the first by its key.
#[test]
fn among_several_sources_the_oldest_wins() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c", "d"]);
    let source = |key| secret(key).data("from", key).note("replicate-to", "{d}/x");
    let oldest = scene.create(&source("c/oldest"));
    scene.next_second_after(&oldest);
    let born = |object: &serde_json::Value| object["metadata"]["creationTimestamp"].clone();
    scene.until("two are made in the same second", || {
        let twins = ["b/twin", "a/twin"].map(|key| scene.create(&source(key)));
        let [second, first] = &twins;
        let same = born(second) == born(first);
        if !same {
            ["b/twin", "a/twin"].iter().for_each(|key| scene.delete(key));
        }
        same.then_some(())
    });
    scene.start(&[]);
    for winner in ["c/oldest", "a/twin", "b/twin"] {
        scene.has_data("d/x", &[("from", winner)]);
        scene.has_replicas(&["d/x"]);
        // The next in line gets the name as soon as it is free.
        scene.delete(winner);
    }
    scene.is_gone("d/x");
}

/// SPEC 3, 5: what the source did not make is not touched; when it is gone, the replica is made at once.
#[test]
fn what_the_source_did_not_make_is_refused() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let creator = scene.create(&secret("a/creator").data("k", "creator").note("replicate-to", "{b}/made"));
    let made = secret("b/made").data("k", "creator").note("replicated-by", "{a}/creator");
    let left = [
        secret("b/plain").data("k", "own"),
        secret("b/source").data("k", "own").note("replicate-to", "elsewhere"),
        secret("b/leftover")
            .data("k", "own")
            .note("replicated-from-version", "1")
            .note("replicated-from-origin", "{a}/src"),
        secret("b/pulls").data("k", "own").note("replicate-from", "{a}/nothing"),
    ];
    let mut left = left.map(|object| scene.create(&object)).to_vec();
    scene.create(&made);
    scene.start(&[]);
    left.push(scene.becomes(&made.holding(&creator)));
    for kind in [secret, config_map] {
        let names = ["plain", "source", "leftover", "pulls", "made"];
        let all = names.map(|name| format!("{{b}}/{name}")).join(",");
        scene.create(&kind("a/src").data("k", "v").note("replicate-to", &all));
    }
    for key in ["b/plain", "b/source", "b/leftover"] {
        scene.is_logged(key, "refuse", "NotCreatedBySource");
    }
    scene.all_stay(&left);
    for key in ["b/plain", "b/source", "b/leftover", "b/pulls"] {
        scene.delete(key);
        scene.has_data(key, &[("k", "v")]);
    }
    scene.delete("b/made");
    scene.has_data("b/made", &[("k", "creator")]);
}

/// SPEC 3: a namespace that does not exist yet is no error: its replicas come with it.
#[test]
fn the_replicas_of_a_late_namespace_come_with_it() {
    let mut scene = Scene::new();
    scene.namespaces(&["a"]);
    for kind in [secret, config_map] {
        scene.create(&kind("a/src").data("k", "v").note("replicate-to-namespaces", "{b}"));
        scene.create(
            &kind("a/pattern").data("k", "v").note("replicate-to", "x").note("replicate-to-namespaces", "{b}.*"),
        );
        scene.create(&kind("a/qualified").data("k", "v").note("replicate-to", "{b}.?/y"));
    }
    scene.start(&[]);
    scene.has_replicas(&[]);
    scene.namespaces(&["b", "b2"]);
    for key in ["b/src", "b/x", "b/y", "b2/x", "b2/y"] {
        scene.has_data(key, &[("k", "v")]);
        scene.until(key, || scene.get_of("configmaps", key));
    }
    scene.has_replicas(&["b/src", "b/x", "b/y", "b2/x", "b2/y"]);
}

/// SPEC 1: kinds never mix: neither in what is made, nor in what is pulled, nor in who is the creator.
#[test]
fn kinds_never_mix() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let plain = scene.create(&config_map("b/dst").data("k", "own"));
    scene.create(&config_map("a/src").data("k", "text").note("replication-allowed", "true"));
    let pulling = scene.create(&secret("b/pull").note("replicate-from", "{a}/src"));
    scene.create(&config_map("a/creator").note("replicate-to", "{b}/orphan").data("k", "text"));
    scene.create(&secret("b/orphan").note("replicated-by", "{a}/creator"));
    let source = scene.create(&secret("a/src").data("k", "secret").note("replicate-to", "{b}/dst,{b}/new"));
    scene.start(&[]);
    let replica = |key| scene.created(secret(key).data("k", "secret").made_by(&source).holding(&source));
    scene.becomes(&replica("b/dst"));
    scene.becomes(&replica("b/new"));
    scene.is_gone("b/orphan");
    scene.all_stay(&[plain, pulling]);
    assert_eq!(scene.get_of("configmaps", "b/new"), None);
    assert!(scene.get_of("configmaps", "b/orphan").is_some());
}
