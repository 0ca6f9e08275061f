//! What people say about a target by other means than its source: the labels and annotations of its Namespace, what it asks for itself, what
//! a chain of pulls says further up. It is done at once, whoever fights over the target, and is no fight (SPEC 11.1, 11.3, 9.14).

use k8s_replicator_core::annotations::Value as Text;
use k8s_replicator_core::names::SourceKey;

use super::store::Store;
use super::*;
use crate::replicator::work::work;

/// The object as somebody changes it back.
pub(super) fn reverted(object: &Value) -> Value {
    let mut object = object.clone();
    object["data"] = json!({ "k": "reverted" });
    object
}

/// A controller, and somebody who changes `b/t` back each time it was written.
pub(super) struct Fight {
    it: Loop,
    store: Store,
    /// The lines of the last second, but for "nothing" and advice.
    pub(super) lines: Vec<String>,
}

impl Fight {
    pub(super) fn over(it: Loop, store: Store) -> Self {
        Self { it, store, lines: Vec::new() }
    }

    /// The controller waits for minutes now before it writes again.
    pub(super) fn lasts_until_the_pause_is_long(&mut self) {
        let Self { it, store, .. } = self;
        let mut written = 0;
        it.serve(10 * MINUTE, |it, request| {
            let answer = store.serve(it, &request);
            if matches!(request, Request::Write(_)) && request.key_is("b/t") {
                written += 1;
                let theirs = reverted(store.get("b/t").unwrap());
                store.put(it, theirs);
            }
            answer
        });
        assert!((10..=12).contains(&written), "{written} writes in ten minutes");
        let again_at = it.replicator.next_at(&key("b/t").into()).unwrap();
        assert!(again_at > it.moment + MINUTE, "{again_at:?}");
        it.reports();
    }

    pub(super) fn put(&mut self, object: Value) {
        let Self { it, store, .. } = self;
        store.put(it, object);
    }

    /// The writes of the next second, while nobody else writes.
    pub(super) fn then_writes(&mut self) -> Vec<String> {
        let Self { it, store, lines } = self;
        let mut written = Vec::new();
        let run = it.serve(Duration::from_secs(1), |it, request| {
            if let Request::Write(_) = request {
                let words = words(&request);
                written.push(words.split(" at ").next().unwrap().to_owned());
            }
            store.serve(it, &request)
        });
        *lines = run.lines.into_iter().filter(|line| !line.contains(" advice ")).collect();
        written
    }

    fn namespace(&mut self, labels: &[(&str, &str)], annotations: &[(&str, &str)]) {
        self.it.says("b", labels, annotations);
    }
}

impl Loop {
    /// A Namespace with these labels, and these annotations of the program.
    fn says(&mut self, namespace: &str, labels: &[(&str, &str)], annotations: &[(&str, &str)]) {
        let annotations = annotations.iter().map(|(name, value)| (*name, Text::Text(value)));
        let facts = NamespaceFacts::read(false, labels.iter().copied(), annotations);
        self.namespace(NamespaceEvent::Seen { name: namespace.into(), facts });
    }
}

impl Request {
    fn key_is(&self, name: &str) -> bool {
        words(self).split(' ').nth(1) == Some(name)
    }
}

const PROD: &[(&str, &str)] = &[("env", "prod")];

fn pushes_to_prod() -> Value {
    object("a/t", 5, "replicate-to-namespace-selector=env=prod", json!({ "k": "v" }))
}

fn lets_prod_pull() -> [Value; 2] {
    [
        object("a/src", 5, "replication-allowed-namespace-selector=env=prod", json!({ "k": "v" })),
        object("b/t", 7, "replicate-from=a/src", json!({})),
    ]
}

fn fight(objects: &[Value]) -> Fight {
    let mut it = Loop::with(objects);
    it.says("b", PROD, &[]);
    let mut fight = Fight::over(it, Store::of(&Secret, objects));
    fight.lasts_until_the_pause_is_long();
    fight
}

#[test]
fn a_label_that_is_taken_off_and_set_again_during_a_fight_takes_effect_at_once() {
    let mut fight = fight(&[pushes_to_prod()]);
    for _ in 0..3 {
        fight.namespace(&[], &[]);
        assert_eq!(fight.then_writes(), ["delete b/t"]);
        assert_eq!(fight.lines, ["b/t delete SourceStoppedPushing"]);
        fight.namespace(PROD, &[]);
        assert_eq!(fight.then_writes(), ["create b/t"]);
        assert_eq!(fight.lines, ["b/t create NewTarget"]);
    }
}

#[test]
fn a_namespace_that_refuses_during_a_fight_is_obeyed_at_once() {
    let mut fight = fight(&[pushes_to_prod()]);
    fight.namespace(PROD, &[("accept-replicas-from", "c")]);
    assert_eq!(fight.then_writes(), ["delete b/t"]);
    fight.namespace(PROD, &[("accept-replicas-from", "a, c")]);
    assert_eq!(fight.then_writes(), ["create b/t"]);
    assert_eq!(fight.lines, ["b/t create NewTarget"]);
}

#[test]
fn consent_that_ends_and_returns_with_a_label_during_a_fight_is_followed_at_once() {
    let mut fight = fight(&lets_prod_pull());
    fight.namespace(&[], &[]);
    assert_eq!(fight.then_writes(), ["update b/t"]);
    assert_eq!(fight.lines, ["b/t clear NamespaceNotAllowed"]);
    fight.namespace(PROD, &[]);
    assert_eq!(fight.then_writes(), ["update b/t"]);
    assert_eq!(fight.lines, ["b/t update FirstCopy"]);
}

/// Also where an object far above decides, and what lies between does not change: it allows more than that object does.
#[test]
fn consent_that_an_object_far_above_withdraws_and_gives_during_a_fight_is_followed_at_once() {
    let top = |says: &str| object("a/top", 5, &format!("replication-allowed=true {says}"), json!({ "k": "v" }));
    let pulls = |name: &str, from: &str, version| {
        object(name, version, &format!("replicate-from={from} replication-allowed=true"), json!({}))
    };
    let mut fight = fight(&[top(""), pulls("c/one", "a/top", 6), pulls("c/two", "c/one", 7), pulls("b/t", "c/two", 8)]);
    let of_target =
        |written: Vec<String>| written.into_iter().filter(|words| words.ends_with("b/t")).collect::<Vec<_>>();
    fight.put(top("replication-allowed-namespaces=c"));
    assert_eq!(of_target(fight.then_writes()).first().map(String::as_str), Some("update b/t"));
    assert!(fight.lines.contains(&"b/t clear ChainNotAllowed".to_owned()), "{:?}", fight.lines);
    fight.put(top(""));
    assert!(!of_target(fight.then_writes()).is_empty());
    assert!(!fight.lines.iter().any(|line| line.contains("failed")), "{:?}", fight.lines);
}

/// Users who change their minds are not told that somebody fights with the controller.
#[test]
fn labels_that_are_set_and_taken_off_are_no_fight() {
    let objects = [pushes_to_prod()];
    let mut it = Fight::over(Loop::with(&objects), Store::of(&Secret, &objects));
    for _ in 0..20 {
        it.namespace(PROD, &[]);
        assert_eq!(it.then_writes(), ["create b/t"]);
        assert_eq!(it.lines, ["b/t create NewTarget"]);
        it.it.moment += Duration::from_secs(10);
        it.namespace(&[], &[]);
        assert_eq!(it.then_writes(), ["delete b/t"]);
        assert_eq!(it.lines, ["b/t delete SourceStoppedPushing"]);
        it.it.moment += Duration::from_secs(10);
    }
}

#[test]
fn a_target_whose_user_asks_for_other_keys_again_and_again_is_no_fight() {
    let objects = [
        object("a/src", 5, "replication-allowed=true", json!({ "x": "1", "y": "2" })),
        object("b/t", 7, "replicate-from=a/src replicate-keys=x", json!({})),
    ];
    let mut it = Fight::over(Loop::with(&objects), Store::of(&Secret, &objects));
    assert_eq!(it.then_writes(), ["update b/t"]);
    for keys in ["y", "x", "x:z", "x", "y", "x"] {
        let mut target = it.store.get("b/t").unwrap().clone();
        target["metadata"]["annotations"]["p/replicate-keys"] = json!(keys);
        it.put(target);
        assert_eq!(it.then_writes(), ["update b/t"], "{keys}");
        assert_eq!(it.lines, ["b/t update InheritedChanged"], "{keys}");
        it.it.moment += Duration::from_secs(10);
    }
}

/// The hot loop that this could be: somebody takes a label off when the replica is there, and sets it when it is not. Each write is what the
/// label asks for; the budget holds all the same, and it is told.
#[test]
fn a_label_that_changes_with_each_write_makes_no_hot_loop() {
    let objects = [pushes_to_prod()];
    let (mut it, mut store) = (Loop::with(&objects), Store::of(&Secret, &objects));
    it.says("b", PROD, &[]);
    for minute in 0..10 {
        let run = it.serve(MINUTE, |it, request| {
            let answer = store.serve(it, &request);
            if let Request::Write(_) = request {
                it.says("b", if store.get("b/t").is_some() { &[] } else { PROD }, &[]);
            }
            answer
        });
        assert!((20..=40).contains(&run.requests), "{} requests in minute {minute}", run.requests);
        // Then it is told less and less often.
        let is_told = run.lines.iter().any(|line| line == "b/t failed Contested");
        assert!(is_told || minute > 0, "{:?}", run.lines);
    }
}

/// A label that decides nothing hides no fight.
#[test]
fn a_fight_is_noticed_whatever_else_changes_on_the_namespace() {
    let objects = [pushes_to_prod()];
    let (mut it, mut store) = (Loop::with(&objects), Store::of(&Secret, &objects));
    it.says("b", PROD, &[]);
    let mut at = Vec::new();
    let run = it.serve(MINUTE, |it, request| {
        let answer = store.serve(it, &request);
        if let Request::Write(_) = request {
            at.push(it.moment.as_secs());
            let count = at.len().to_string();
            it.says("b", &[("env", "prod"), ("seen", &count)], &[]);
            let theirs = reverted(store.get("b/t").unwrap());
            store.put(it, theirs);
        }
        answer
    });
    assert_eq!(at, [0, 0, 1, 3, 7, 15, 31]);
    assert_eq!(run.lines.last().map(String::as_str), Some("b/t failed Contested"));
}

/// Nor does an annotation of the target that does not say what it gets.
#[test]
fn a_fight_is_noticed_whatever_else_changes_on_the_target() {
    for (asks, annotation) in [
        // It says who may pull from the target.
        (object("b/t", 7, "replicate-from=a/src", json!({})), "p/replication-allowed-namespaces"),
        // What a replica gets is said by the object that pushes it, also where that one pulls.
        (object("c/t", 7, "replicate-from=a/src replicate-to-namespaces=b", json!({})), "p/removal-delay"),
    ] {
        let objects = [object("a/src", 5, "replication-allowed=true", json!({ "k": "v" })), asks];
        let (mut it, mut store) = (Loop::with(&objects), Store::of(&Secret, &objects));
        let mut at = Vec::new();
        it.serve(MINUTE, |it, request| {
            let answer = store.serve(it, &request);
            if matches!(request, Request::Write(_)) && request.key_is("b/t") {
                at.push(it.moment.as_secs());
                let mut theirs = reverted(store.get("b/t").unwrap());
                theirs["metadata"]["annotations"][annotation] = json!(format!("{}h", at.len()));
                store.put(it, theirs);
            }
            answer
        });
        assert_eq!(at, [0, 0, 1, 3, 7, 15, 31], "{annotation}");
    }
}

/// What was taken away is taken away at once, once: whoever puts it back fights.
#[test]
fn a_replica_that_somebody_puts_back_is_deleted_less_and_less() {
    let objects = [pushes_to_prod()];
    let (mut it, mut store) = (Loop::with(&objects), Store::of(&Secret, &objects));
    it.says("b", PROD, &[]);
    it.serve(MINUTE, |it, request| store.serve(it, &request));
    let mut theirs = store.get("b/t").unwrap().clone();
    it.says("b", &[], &[]);
    let (began, mut at) = (it.moment, Vec::new());
    it.serve(MINUTE, |it, request| {
        let answer = store.serve(it, &request);
        if let Request::Write(_) = request {
            at.push((it.moment - began).as_secs());
            theirs["metadata"]["uid"] = json!(format!("uid-{}", at.len()));
            store.put(it, theirs.clone());
        }
        answer
    });
    assert_eq!(at, [0, 0, 1, 3, 7, 15, 31]);
}

/// The same of keys that are not allowed.
#[test]
fn keys_that_somebody_puts_back_are_taken_away_less_and_less() {
    let objects = [
        object("a/src", 5, "replication-allowed=true replication-allowed-keys=x", json!({ "x": "1", "y": "2" })),
        object("b/t", 7, "replicate-from=a/src replicate-once=true", json!({})),
    ];
    let (mut it, mut store) = (Loop::with(&objects), Store::of(&Secret, &objects));
    let mut at = Vec::new();
    let run = it.serve(MINUTE, |it, request| {
        let answer = store.serve(it, &request);
        if let Request::Write(_) = request {
            at.push(it.moment.as_secs());
            let mut theirs = store.get("b/t").unwrap().clone();
            theirs["data"]["y"] = json!("2");
            store.put(it, theirs);
        }
        answer
    });
    // Its content is read each time too, so that later the budget holds as well.
    assert!(at[..4] == [0, 0, 0, 1] && at.len() <= 8, "{at:?}");
    assert_eq!(run.lines[..2], ["b/t update FirstCopy", "b/t update KeysTrimmed"]);
}

/// In a ring of pulls the target's own writes make new versions of its sources: these are no new work (seeds 10646139, 10888117).
#[test]
fn what_follows_from_the_targets_own_writes_in_a_ring_is_no_new_work() {
    let at = |version, name: &str, annotations: &str| object(name, version, annotations, json!({ "k": "v" }));
    let ring = [
        at(1, "a/s", "replicate-from=c/x replicate-to=b/t"),
        at(2, "c/x", "replicate-from=b/t"),
        // Somebody took its replicate-from off.
        at(3, "b/t", "replicated-by=a/s"),
        at(4, "d/y", "replicate-from=c/x"),
    ];
    let two_are_open = [
        at(1, "a/s", "replicate-from=b/u replicate-to=b/t"),
        at(2, "a/r", "replicate-from=b/t replicate-to=b/u"),
        at(3, "b/t", "replicated-by=a/s"),
        at(4, "b/u", "replicated-by=a/r"),
    ];
    let rewritten_x = at(9, "c/x", "replicate-from=b/t replicated-from-version=3 replicated-from-origin=b/t");
    let rewritten_t = at(9, "b/t", "replicated-by=a/s replicate-from=c/x");
    let cases = [
        ("of a replica", &ring[..], "b/t", "a/s", rewritten_x.clone(), true),
        ("of who pulls from it", &ring[..], "c/x", "b/t", rewritten_t, true),
        ("two are open", &two_are_open[..], "b/t", "a/s", at(9, "b/u", "replicated-by=a/r replicate-from=b/t"), true),
        ("it hangs on a ring", &ring[..], "d/y", "c/x", rewritten_x, false),
        ("the creator in a ring", &ring[..], "b/t", "a/s", at(9, "a/s", "replicate-from=c/x replicate-to=b/t"), false),
        ("no ring any more", &ring[..], "b/t", "a/s", at(9, "c/x", ""), false),
    ];
    for (name, objects, target, source, changed, is_same) in cases {
        let mut it = Loop::with(objects);
        let (target, source) = (TargetKey::from(key(target)), SourceKey::from(key(source)));
        let before = work(&it.replicator.graph, &target, Some(&source));
        it.seen(&changed);
        assert_eq!(work(&it.replicator.graph, &target, Some(&source)) == before, is_same, "{name}");
    }
}
