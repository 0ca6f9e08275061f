//! SPEC 5: pulls from what was pulled: permission all along the chain, broken chains, loops and rings.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};

/// A link of a chain: it pulls from `from`, and everyone may pull from it.
fn link(kind: fn(&str) -> Object, key: &str, from: &str) -> Object {
    kind(key).note("replicate-from", from).note("replication-allowed", "true")
}

/// SPEC 5, 8: data and changes go down the chain; each link names the version of the one above, and the first of all.
#[test]
fn a_chain_hands_data_down() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    for kind in [secret, config_map] {
        let root = |value| kind("a/root").data("k", value).note("replication-allowed", "true");
        let links = [("b/one", "{a}/root"), ("a/two", "{b}/one"), ("b/three", "{a}/two"), ("b/four", "three")];
        let links = links.map(|(key, from)| link(kind, key, from));
        // The last first: nothing is there to pull from yet.
        links.iter().rev().for_each(|link| drop(scene.create(link)));
        for value in ["1", "2"] {
            let root = scene.put(&root(value));
            let mut above = root.clone();
            for link in &links {
                let expected = link.clone().data("k", value).holding(&above).origin(&root);
                above = scene.becomes(&expected.note("replicated-from-allowed", ".*"));
            }
        }
    }
}

/// SPEC 5, 3 and 8: who is not within what the whole chain allows gets nothing; the permission follows at once.
#[test]
fn the_whole_chain_has_to_allow_a_namespace() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    scene.create(&secret("a/root").data("k", "v").note("replication-allowed-namespaces", "{b}"));
    scene.create(&link(secret, "b/middle", "{a}/root"));
    let leaf = secret("c/leaf").note("replicate-from", "{b}/middle");
    scene.create(&leaf);
    for (list, allowed) in [("{b}", false), ("{b},{c}", true), ("{b}", false), ("{b}|{c}", true)] {
        scene.note("a/root", "replication-allowed-namespaces", Some(list));
        let middle = scene.has_note("b/middle", "replicated-from-allowed", Some(list));
        if allowed {
            let root = scene.get("a/root").expect("it was not deleted");
            scene.becomes(
                &leaf.clone().data("k", "v").holding(&middle).origin(&root).note("replicated-from-allowed", list),
            );
        } else {
            scene.until("the leaf is empty", || scene.get("c/leaf").filter(|leaf| leaf.get("data").is_none()));
            scene.barrier();
        }
        scene.has_data("b/middle", &[("k", "v")]);
    }
    scene.note("b/middle", "replication-allowed-namespaces", Some("{a}"));
    scene.becomes(&leaf.written());
}

/// SPEC 5, 8: what the chain still allows, after two lists.
#[test]
fn the_permission_is_narrowed_down_the_chain() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    // The lists of the root (in `a`) and of the link (in `b`), and what is left for the leaf (in `c`) to hand on.
    let table = [
        (None, None, ".*"),
        (Some(".*"), None, ".*"),
        (None, Some(".*"), ".*"),
        // A list that needs no narrowing is copied word for word.
        (Some("{b},,{c},"), None, "{b},,{c},"),
        (Some("{b},,{c},"), Some(".*"), "{b},,{c},"),
        (None, Some("x,,{c}|y"), "x,,{c}|y"),
        (Some(".*"), Some("x,,{c}|y"), "x,,{c}|y"),
        // Items in both, literals of one that match a pattern of the other.
        (Some("{b},{c},x"), Some("y,{c}"), "{c}"),
        (Some("{b},{c}.*"), Some("y,{c}.*"), "{c}.*"),
        (Some("{b},{c},x"), Some("{c}.*,y"), "{c}"),
        (Some("{b},{c}.*"), Some("{c}-1,x,{c}"), "{c}-1,{c}"),
        // Nothing left: two patterns of which neither is the other, though both match.
        (Some("{b},{c}.*"), Some("{c}[a-z]*"), "-"),
    ];
    for (number, (root, middle, _)) in table.iter().enumerate() {
        let listed = |object: Object, list: &Option<&str>| {
            let object = object.note("replication-allowed", "true");
            list.iter().fold(object, |object, list| object.note("replication-allowed-namespaces", list))
        };
        scene.create(&listed(secret(&format!("a/r{number}")).data("k", "v"), root));
        let from = |above| format!("{{{above}}}/{}{number}", if above == "a" { "r" } else { "m" });
        scene.create(&listed(secret(&format!("b/m{number}")), middle).note("replicate-from", &from("a")));
        scene.create(
            &secret(&format!("c/l{number}")).note("replicate-from", &from("b")).note("replication-allowed", "true"),
        );
        scene.create(&secret(&format!("c/end{number}")).note("replicate-from", &format!("l{number}")));
    }
    scene.start(&[]);
    for (number, (root, _, left)) in table.iter().enumerate() {
        scene.has_note(&format!("b/m{number}"), "replicated-from-allowed", Some(root.unwrap_or(".*")));
        let leaf = scene.has_data(&format!("c/l{number}"), &[("k", "v")]);
        let allowed = scene.note_of(&leaf, "replicated-from-allowed").unwrap_or_default();
        assert_eq!(allowed, scene.full(left), "{table:?} {number}");
        if *left != "-" {
            scene.has_data(&format!("c/end{number}"), &[("k", "v")]);
        }
    }
    scene.barrier();
    let end = scene.get(&format!("c/end{}", table.len() - 1));
    assert_eq!(end.map(|end| end.get("data").is_some()), Some(false), "nobody may pull from it");
}

/// SPEC 5, 5: a chain that breaks empties all that hangs on it, whatever the reason; mended, it is filled again.
#[test]
fn a_broken_chain_empties_all_that_hangs_on_it() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    for kind in [secret, config_map] {
        let root = kind("a/root").data("k", "v");
        let links = [("b/one", "{a}/root"), ("a/two", "{b}/one"), ("b/three", "{a}/two")];
        let links = links.map(|(key, from)| link(kind, key, from));
        links.iter().for_each(|link| drop(scene.create(link)));
        let filled = |value| {
            scene.until("all are filled", || {
                let last = scene.get_of(links[2].resource(), "b/three")?;
                let expected = scene.manifest(&links[2].clone().data("k", value));
                (last["data"] == expected["data"]).then_some(())
            });
        };
        scene.put(&root.clone().note("replication-allowed", "true"));
        filled("v");
        // Consent withdrawn at the root.
        scene.put(&root);
        links.iter().for_each(|link| drop(scene.becomes(&link.clone().written())));
        scene.put(&root.clone().data("k", "w").note("replication-allowed", "true"));
        filled("w");
        // The root gone.
        scene.remove(&root);
        links.iter().for_each(|link| drop(scene.becomes(&link.clone().written())));
        scene.put(&root.note("replication-allowed", "true"));
        filled("v");
        // A link gone: those above stay.
        scene.remove(&links[1]);
        scene.becomes(&links[2].clone().written());
        let one = scene.get_of(links[0].resource(), "b/one");
        assert!(one.is_some_and(|one| one.get("data").is_some()));
    }
}

/// SPEC 5, 5: a combined object is never filled itself, so it gives nothing, not even its own data; its replica does.
#[test]
fn a_combined_object_gives_nothing_but_its_replica_does() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    let from = scene.create(&secret("a/from").data("k", "v").note("replication-allowed", "true"));
    scene.create(&link(secret, "a/combined", "from").data("own", "data").note("replicate-to", "{b}/x"));
    let nothing = secret("c/nothing").note("replicate-from", "{a}/combined");
    scene.create(&nothing.clone().data("k", "old").note("replicated-from-version", "1"));
    let target = secret("c/dst").note("replicate-from", "{b}/x");
    scene.create(&target);
    scene.start(&[]);
    scene.becomes(&nothing.written());
    let replica = scene.has_data("b/x", &[("k", "v")]);
    let target = target.data("k", "v").holding(&replica).origin(&from).note("replicated-from-allowed", ".*");
    scene.becomes(&target);
    // Also when it allows its own namespace only.
    scene.note("a/combined", "replication-allowed-namespaces", Some("{a}"));
    scene.becomes(&secret("c/dst").note("replicate-from", "{b}/x").written());
}

/// SPEC 5, 4 and 5: the root of a chain whose `replicate-from` then names the chain's own leaf keeps its data, and the leaf is
/// cleared.
#[test]
fn a_root_told_to_pull_from_its_leaf_keeps_its_data() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    for kind in [secret, config_map] {
        let root = kind("a/root").data("k", "v").note("replication-allowed", "true");
        scene.create(&root);
        let leaf = link(kind, "b/leaf", "{a}/root");
        scene.create(&leaf);
        scene.until("the leaf is filled", || scene.get_of(leaf.resource(), "b/leaf")?.get("data").map(|_| ()));
        let root = scene.put(&root.note("replicate-from", "{b}/leaf"));
        let leaf = scene.becomes(&leaf.written());
        scene.all_stay(&[root, leaf]);
    }
}

/// SPEC 5, 6: a ring, however long, is refused: nothing changes, and there is no endless copying.
#[test]
fn a_ring_is_refused() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let mut left = Vec::new();
    // Without an origin, as under once: nothing but the ring itself shows that it is one.
    let rings: [&[(&str, &str)]; 3] = [
        &[("a/self", "self")],
        &[("a/x", "{b}/y"), ("b/y", "{a}/x")],
        &[("a/1", "2"), ("a/2", "{b}/3"), ("b/3", "{a}/1")],
    ];
    for (key, from) in rings.iter().copied().flatten() {
        let ring = link(secret, key, from).data("own", key).note("replicated-from-version", "1");
        left.push(scene.create(&ring.note("replicated-from-allowed", ".*")));
    }
    // One that hangs on a ring is no part of it.
    let outside = secret("b/outside").note("replicate-from", "{a}/x");
    scene.create(&outside);
    scene.start(&[]);
    for (key, _) in rings.iter().copied().flatten() {
        scene.is_logged(key, "refuse", "Ring");
    }
    scene.becomes(&outside.data("own", "a/x").pulled(&left[1], ".*"));
    scene.all_stay(&left);
}

/// SPEC 5, 6: a ring that comes about in a living chain stops the copying there, and opens again.
#[test]
fn a_chain_that_becomes_a_ring_keeps_what_it_holds() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let root = scene.create(&secret("a/root").data("k", "v").note("replication-allowed", "true"));
    let links = [("b/one", "{a}/root"), ("a/two", "{b}/one"), ("b/three", "{a}/two")];
    let mut above = root.clone();
    let [_, two, three] = links.map(|(key, from)| {
        let link = link(secret, key, from);
        scene.create(&link);
        let expected = link.data("k", "v").holding(&above).origin(&root);
        above = scene.becomes(&expected.note("replicated-from-allowed", ".*"));
        above.clone()
    });
    let one = scene.note("b/one", "replicate-from", Some("{b}/three"));
    for (key, _) in links {
        scene.is_logged(key, "refuse", "Ring");
    }
    scene.set_data("a/root", "k", "w");
    scene.all_stay(&[one, two, three]);
    scene.note("b/one", "replicate-from", Some("{a}/root"));
    for (key, _) in links {
        scene.has_data(key, &[("k", "w")]);
    }
}
