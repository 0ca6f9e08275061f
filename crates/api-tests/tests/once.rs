//! SPEC 6, 9.2, 9.11, 9.12: what is copied once, what asks for one more copy, and what once does not hold back.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use serde_json::{Value, json};

/// Who says once, and the source's `replicate-once-version` before and after its data changes.
#[derive(Clone, Copy)]
struct Case {
    number: usize,
    source_once: bool,
    target_once: bool,
    before: Option<&'static str>,
    after: Option<&'static str>,
}

impl Case {
    fn all() -> Vec<Self> {
        let versions =
            [(None, None), (Some("1"), Some("1")), (None, Some("1")), (Some("1"), Some("2")), (Some("1"), None)];
        let once = [(false, false), (true, false), (false, true), (true, true)];
        let all = once.into_iter().flat_map(|once| versions.map(|versions| (once, versions)));
        let case = |(number, ((source_once, target_once), (before, after)))| Self {
            number,
            source_once,
            target_once,
            before,
            after,
        };
        all.enumerate().map(case).collect()
    }

    /// An absent version differs from any; a source without one never triggers.
    fn copies_again(self) -> bool {
        let once_more = self.after.is_some() && self.after != self.before;
        once_more || !(self.source_once || self.target_once)
    }
}

fn once(object: Object, once: bool) -> Object {
    if once { object.note("replicate-once", "true") } else { object }
}

fn versioned(object: Object, version: Option<&str>) -> Object {
    match version {
        Some(version) => object.note("replicate-once-version", version),
        None => object,
    }
}

/// What a pull writes; a target that is copied once names no origin.
fn pulled(target: Object, source: &Value, target_once: bool) -> Object {
    let held = target.holding(source).note("replicated-from-allowed", ".*");
    if target_once { held } else { held.origin(source) }
}

/// Makes every source, waits for the first copies, changes every source, and sees who is copied again.
/// `expected(case, source, holds, version)`: what the target is when it holds `holds`, the source at a version that answered
/// `source`, which had this once-version.
fn change_all(
    scene: &mut Scene,
    source: impl Fn(Case, Option<&str>, &str) -> Object,
    expected: impl Fn(Case, &Value, &str, Option<&str>) -> Object,
) {
    let first: Vec<Value> = Case::all().iter().map(|case| scene.put(&source(*case, case.before, "old"))).collect();
    for (case, first) in Case::all().into_iter().zip(&first) {
        scene.becomes(&expected(case, first, "old", case.before));
    }
    let second: Vec<Value> = Case::all().iter().map(|case| scene.put(&source(*case, case.after, "new"))).collect();
    scene.barrier();
    for (case, (first, second)) in Case::all().into_iter().zip(first.iter().zip(&second)) {
        scene.becomes(&match case.copies_again() {
            true => expected(case, second, "new", case.after),
            false => expected(case, first, "old", case.before),
        });
    }
}

/// SPEC 6: once on the source or on the target; the once-version is that of the copy.
#[test]
fn once_in_all_combinations_of_a_pull() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let target = |case: Case| {
        let target = secret(&format!("b/t{}", case.number)).note("replicate-from", &format!("{{a}}/s{}", case.number));
        once(target, case.target_once)
    };
    Case::all().into_iter().for_each(|case| drop(scene.create(&target(case))));
    change_all(
        &mut scene,
        |case, version, value| {
            let source = secret(&format!("a/s{}", case.number)).data("k", value).note("replication-allowed", "true");
            once(versioned(source, version), case.source_once)
        },
        |case, source, value, version| {
            versioned(pulled(target(case).data("k", value), source, case.target_once), version)
        },
    );
}

/// SPEC 6, 9.11: on a push the source's once counts alone; the replica's once-version follows the source's at once (9.3).
#[test]
fn once_in_all_combinations_of_a_push() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let source = |case: Case, version: Option<&str>, value: &str| {
        let source = secret(&format!("a/s{}", case.number)).data("k", value);
        once(versioned(source, version), case.source_once).note("replicate-to-namespaces", "{b}")
    };
    let cases: Vec<Case> = Case::all().into_iter().filter(|case| !case.target_once).collect();
    let first: Vec<Value> = cases.iter().map(|case| scene.put(&source(*case, case.before, "old"))).collect();
    let replica = |case: Case, source: &Value, value: &str, version| {
        let replica = secret(&format!("b/s{}", case.number)).data("k", value).made_by(source).holding(source);
        scene.created(once(versioned(replica, version), case.source_once))
    };
    for (case, first) in cases.iter().zip(&first) {
        scene.becomes(&replica(*case, first, "old", case.before));
    }
    let expected: Vec<Object> = cases
        .into_iter()
        .zip(&first)
        .map(|(case, first)| {
            let second = scene.put(&source(case, case.after, "new"));
            match case.copies_again() {
                true => replica(case, &second, "new", case.after),
                false => replica(case, first, "old", case.after),
            }
        })
        .collect();
    scene.barrier();
    scene.all_become(&expected);
}

/// SPEC 4, 6: a combined object's replicas pull; `replicate-once` is the combined object's, the once-version F's.
#[test]
fn once_in_all_combinations_of_a_combined_push() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    let from = |case: Case| format!("{{a}}/f{}", case.number);
    let combined: Vec<Value> = Case::all()
        .into_iter()
        .map(|case| {
            let combined =
                secret(&format!("c/s{}", case.number)).data("own", "data").note("replicate-from", &from(case));
            scene.create(&once(combined, case.target_once).note("replicate-to-namespaces", "{b}"))
        })
        .collect();
    let manager = scene.prefix().trim_end_matches('/').to_owned();
    change_all(
        &mut scene,
        |case, version, value| {
            let source = secret(&format!("a/f{}", case.number)).data("k", value).note("replication-allowed", "true");
            once(versioned(source, version), case.source_once)
        },
        |case, source, value, version| {
            let replica = secret(&format!("b/s{}", case.number)).made_by(&combined[case.number]).data("k", value);
            let replica = once(replica.note("replicate-from", &from(case)), case.target_once);
            let replica = replica.label("app.kubernetes.io/managed-by", &manager);
            versioned(pulled(replica, source, case.target_once), version)
        },
    );
}

/// SPEC 6: what holds no copy, not yet or not any more, is filled also under once.
#[test]
fn once_does_not_keep_the_first_copy_away() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    for kind in [secret, config_map] {
        let target = kind("b/t").note("replicate-from", "{a}/s").note("replicate-once", "true");
        let source = kind("a/s").note("replication-allowed", "true");
        scene.create(&target);
        let first = scene.create(&source.clone().data("k", "1"));
        scene.becomes(&pulled(target.clone().data("k", "1"), &first, true));
        scene.replace(&source.clone().data("k", "1").note("replication-allowed", "false"));
        scene.becomes(&target.clone().written());
        let second = scene.replace(&source.data("k", "2"));
        scene.becomes(&pulled(target.data("k", "2"), &second, true));
    }
}

/// SPEC 6: once shields from newer data only: never from clear, delete or withdrawn consent.
#[test]
fn once_does_not_shield_from_clear_delete_or_withdrawn_consent() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    for kind in [secret, config_map] {
        let source = |name: &str| kind(&format!("a/{name}")).data("k", "v").note("replicate-once", "true");
        let target = |name: &str| {
            kind(&format!("b/{name}")).note("replicate-from", &format!("{{a}}/{name}")).note("replicate-once", "true")
        };
        for name in ["gone", "refuses", "narrows"] {
            let made = scene.create(&source(name).note("replication-allowed", "true"));
            scene.create(&target(name));
            scene.becomes(&pulled(target(name).data("k", "v"), &made, true));
        }
        for name in ["deleted", "stops"] {
            let made = scene.create(&source(name).note("replicate-to-namespaces", "{b}"));
            let replica = source(name).at(&format!("b/{name}"));
            scene.becomes(&scene.created(replica.made_by(&made).holding(&made)));
        }
        scene.remove(&source("gone"));
        scene.put(&source("refuses").note("replication-allowed", "false"));
        scene.put(&source("narrows").note("replication-allowed-namespaces", "{a}"));
        scene.remove(&source("deleted"));
        scene.put(&source("stops"));
        for name in ["gone", "refuses", "narrows"] {
            scene.becomes(&target(name).written());
        }
        for name in ["deleted", "stops"] {
            scene.is_deleted(&source(name).at(&format!("b/{name}")));
        }
    }
}

/// SPEC 6, 9.12: consent and `replicated-from-allowed` follow at once, the data does not.
#[test]
fn consent_and_what_the_chain_allows_follow_at_once_under_once() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.start(&[]);
    let pushing = secret("a/push").note("replicate-once", "true").note("replicate-to-namespaces", "{b}");
    let root = secret("a/root").data("k", "old");
    let first = scene.create(&pushing.clone().data("k", "old").note("replication-allowed", "false"));
    let root_first = scene.create(&root.clone().note("replication-allowed-namespaces", ".*"));
    let held = secret("b/held").note("replicate-from", "{a}/root").note("replicate-once", "true");
    let held = held.note("replication-allowed", "true");
    scene.create(&held);
    let below = secret("c/below").note("replicate-from", "{b}/held");
    scene.create(&below);
    scene.has_data("c/below", &[("k", "old")]);
    let replica = secret("b/push").data("k", "old").note("replicate-once", "true").made_by(&first).holding(&first);
    scene.becomes(&scene.created(replica.clone().note("replication-allowed", "false")));

    scene.put(&pushing.data("k", "new").note("replication-allowed-namespaces", "{c}"));
    scene.put(&root.data("k", "new").note("replication-allowed-namespaces", "{b},{c}"));
    scene.becomes(&scene.created(replica.note("replication-allowed-namespaces", "{c}")));
    let held = held.data("k", "old").holding(&root_first);
    scene.becomes(&held.clone().note("replicated-from-allowed", "{b},{c}"));
    // Withdrawn from whom it was passed on to: that one is emptied, though the one between still holds its copy.
    scene.note("a/root", "replication-allowed-namespaces", Some("{b}"));
    scene.becomes(&held.note("replicated-from-allowed", "{b}"));
    scene.becomes(&below.written());
}

/// SPEC 6, 9.11: when nobody says once any more, newer data comes through; a pushed replica's own copy of it goes too.
#[test]
fn taking_once_off_lets_newer_data_through() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let source = secret("a/s").note("replication-allowed", "true").note("replicate-to", "{b}/pushed");
    let on_source = secret("b/on-source").note("replicate-from", "{a}/s");
    let on_target = secret("b/on-target").note("replicate-from", "{a}/free");
    let free = |value: &str| secret("a/free").data("k", value).note("replication-allowed", "true");
    scene.create(&source.clone().data("k", "old").note("replicate-once", "true"));
    scene.create(&on_source);
    scene.create(&free("old"));
    scene.create(&on_target.clone().note("replicate-once", "1"));
    for key in ["b/pushed", "b/on-source", "b/on-target"] {
        scene.has_data(key, &[("k", "old")]);
    }
    scene.put(&source.clone().data("k", "new").note("replicate-once", "true"));
    let free = scene.put(&free("new"));
    scene.barrier();
    let held = ["b/pushed", "b/on-source", "b/on-target"].map(|key| scene.has_data(key, &[("k", "old")]));
    scene.all_stay(&held);

    let source = scene.put(&source.data("k", "new").note("replicate-once", "false"));
    scene.note("b/on-target", "replicate-once", None);
    let pushed =
        secret("b/pushed").data("k", "new").note("replicate-once", "false").note("replication-allowed", "true");
    scene.becomes(&scene.created(pushed.made_by(&source).holding(&source)));
    scene.becomes(&on_source.data("k", "new").pulled(&source, ".*"));
    scene.becomes(&on_target.data("k", "new").pulled(&free, ".*"));
}

/// SPEC 9.11: only the source's once counts on a pushed replica; one that somebody puts there is taken off.
#[test]
fn once_that_was_put_on_a_pushed_replica_does_not_count() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let source = |value: &str| secret("a/s").data("k", value).note("replicate-to-namespaces", "{b}");
    scene.create(&source("old"));
    scene.has_data("b/s", &[("k", "old")]);
    // Both at once: with once on it, and its source changed.
    scene.patch(
        "secrets",
        "b/s",
        &json!({ "metadata": { "annotations": { scene.prefix() + "replicate-once": "true" } } }),
    );
    let newer = scene.put(&source("new"));
    scene.becomes(&scene.created(secret("b/s").data("k", "new").made_by(&newer).holding(&newer)));
}
