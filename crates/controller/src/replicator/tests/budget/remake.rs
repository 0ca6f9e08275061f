//! A replica that cannot be changed is deleted and made again (SPEC 9.5): the two are one write, and the pause after a correction stands
//! before both of them, never between them.

use super::said::{Fight, reverted};
use super::store::Store;
use super::*;

/// Whoever fought over the replica before, one that gets another type is missing for a moment only.
#[test]
fn a_pause_that_an_earlier_fight_left_does_not_keep_a_replica_away_that_is_made_again() {
    let source = |marks: &str| object("a/src", 5, &format!("replicate-to=b/t {marks}"), json!({ "k": "v" }));
    let mut fight = Fight::over(Loop::with(&[source("")]), Store::of(&Secret, &[source("")]));
    fight.lasts_until_the_pause_is_long();
    fight.put(source("replicate-type=example.com/other"));
    assert_eq!(fight.then_writes(), ["delete b/t", "create b/t"]);
    assert_eq!(fight.lines, ["b/t recreate TypeChanged", "b/t create NewTarget"]);
}

/// The delete is the correction; its own create has not to wait for the end of the pause that begins with it.
#[test]
fn a_replica_that_somebody_made_immutable_is_missing_for_a_moment_only() {
    let objects = [object("a/src", 5, "replicate-to=b/t", json!({ "k": "v" }))];
    let (mut it, mut store) = (Loop::with(&objects), Store::of(&Secret, &objects));
    let (mut deleted, mut created) = (Vec::new(), Vec::new());
    let minute = it.serve(MINUTE, |it, request| {
        let (at, asked) = (it.moment, words(&request));
        let answer = store.serve(it, &request);
        if asked.starts_with("delete b/t") {
            deleted.push(at);
        }
        if asked == "create b/t" {
            created.push(at);
            let mut changed = reverted(store.get("b/t").unwrap());
            changed["immutable"] = json!(true);
            store.put(it, changed);
        }
        answer
    });
    let seconds: Vec<_> = deleted.iter().map(Moment::as_secs).collect();
    assert_eq!(seconds, [0, 1, 3, 7, 15, 31], "at once the first time, and then after pauses of 1, 2, 4, 8, 16 s");
    let missing: Vec<_> = deleted.iter().zip(&created[1..]).map(|(from, to)| *to - *from).collect();
    assert!(missing.iter().all(|time| *time < Duration::from_millis(100)), "{missing:?}");
    let first = ["b/t create NewTarget", "b/t recreate ReplicaImmutable", "b/t create NewTarget"];
    assert_eq!(minute.lines[..3], first);
    assert!(minute.lines[3..].iter().all(|line| line == "b/t failed Contested"), "{:?}", minute.lines);
}

/// Where the create never comes, since somebody else always takes the name first, the deletes are a fight like any other.
#[test]
fn a_replica_that_somebody_puts_back_before_it_is_made_again_is_deleted_less_and_less() {
    let objects = [object("a/src", 5, "replicate-to=b/t", json!({ "k": "v" }))];
    let (mut it, mut store) = (Loop::with(&objects), Store::of(&Secret, &objects));
    let mut deleted = Vec::new();
    let mut theirs = object("b/t", 7, "replicated-by=a/src replicated-from-version=5", json!({ "k": "theirs" }));
    theirs["immutable"] = json!(true);
    store.put(&mut it, theirs.clone());
    it.serve(MINUTE, |it, request| {
        let (at, asked) = (it.moment, words(&request));
        let answer = store.serve(it, &request);
        if asked.starts_with("delete b/t") {
            deleted.push(at.as_secs());
            theirs["metadata"]["uid"] = json!(format!("uid-{}", deleted.len()));
            store.put(it, theirs.clone());
        }
        answer
    });
    assert_eq!(deleted, [0, 0, 1, 3, 7, 15, 31]);
}
