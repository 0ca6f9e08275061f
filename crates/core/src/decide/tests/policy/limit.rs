//! SPEC 11.2: `--removal-limit` and approvals.

use super::*;

/// SPEC 11.2.
#[test]
fn many_are_removed_only_when_that_is_approved() {
    let mut world =
        World::new("removal-limit 2; b/t by=a/src; b/u by=a/src; b/v from=a/src version=1 :one; c/own from=a/src");
    let held =
        "wait RemovalHeld a/src (SourceMissing, 3 replicas are due because of a/src, --removal-limit: 2) until 60s";
    assert_eq!(step(&mut world, "b/t").0, format!("{held} ← ?a/src"));
    for at in ["b/t", "b/u", "b/v"] {
        assert_eq!(step(&mut world, at).0, held);
    }
    world.edit("b/u by=a/src approved");
    assert_eq!(act(&mut world, "b/u"), "delete SourceMissing a/src ← b/u");
    assert_eq!(settle(&mut world).len(), 0, "the others are no more than two, and were not approved");
    // Each replica is removed when it is approved.
    world.edit("b/t by=a/src approved");
    assert_eq!(settle(&mut world).len(), 1);
    world.edit("b/v from=a/src version=1 :one approved");
    assert_eq!(settle(&mut world).len(), 1);
}

/// Replicas that were removed a moment ago count too: a cause can arrive event by event.
#[test]
fn many_are_many_also_one_by_one() {
    let mut world = World::new(
        "removal-limit 2; ns b +env=prod; ns c +env=prod; ns d +env=prod; ns e +env=prod; a/src to-sel=env=prod :one",
    );
    settle(&mut world);
    let mut steps = Vec::new();
    for namespace in ["b", "c", "d"] {
        world.edit_namespace(namespace);
        steps.extend(drain(&mut world));
    }
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert!(step(&mut world, "d/src").0.starts_with("wait RemovalHeld"));
    // They are held as long as the cause lasts; a later cause is judged anew.
    world.edit_namespace("d +env=prod");
    assert_eq!(drain(&mut world).len(), 0);
    world.pass(std::time::Duration::from_secs(60));
    world.edit_namespace("e");
    assert_eq!(drain(&mut world).len(), 1);
}

#[test]
fn only_replicas_that_are_due_count() {
    for others in [
        "b/u by=a/src delay=never; b/v by=a/src delay=never",
        "exclude c; c/u by=a/src; c/v by=a/src",
        "c/u by=a/src paused; c/v by=a/src paused",
        "c/u by=a/src approved; c/v by=a/src approved",
        "c/u by=a/src deleting; c/v by=a/src deleting",
        // Their creator is another one, and what is missing gave them nothing.
        "c/u by=a/x from=a/src; c/v by=a/x from=a/src",
        "c/u by=a/src by-others; c/v by=a/src by-others",
        // It is one, though it names its source twice (seed 1076828 of the simulation).
        "b/t by=a/src from=a/src version=7",
    ] {
        let mut world = World::new(&format!("removal-limit 1; b/t by=a/src; {others}"));
        assert_eq!(act(&mut world, "b/t"), "delete SourceMissing a/src ← ?a/src b/t", "{others}");
    }
}

/// What is being deleted goes anyway, also where its content has to be read before it is emptied (seed 2476 of the plan's tests).
#[test]
fn what_is_being_deleted_is_not_held() {
    for others in ["", "; b/u by=a/src; b/v by=a/src"] {
        let mut world = World::new(&format!("removal-limit 0; b/t from=a/src version=7 deleting :one{others}"));
        let cleared = "clear SourceMissing a/src -version data=- as Opaque ← ?a/src b/t";
        assert_eq!(act(&mut world, "b/t"), cleared, "{others}");
    }
}

#[test]
fn an_approval_is_taken_off_when_the_replica_is_followed_again() {
    let rows: &[Row<'_>] = &[
        (
            "a replica that is followed again",
            "removal-limit 0; a/src #7 to=b/t; b/t by=a/src version=7 approved",
            "b/t",
            "update InheritedChanged a/src -approved ← a/src b/t",
        ),
        (
            "a target that is followed again",
            "removal-limit 0; a/src #7 allowed; b/t from=a/src version=7 origin=a/src chain=.* approved",
            "b/t",
            "update InheritedChanged a/src -approved ← a/src b/t",
        ),
        (
            "a target that is emptied",
            "removal-limit 0; b/t from=a/src version=7 approved :one",
            "b/t",
            "clear SourceMissing a/src -approved -version data=- as Opaque ← ?a/src b/t",
        ),
        (
            "one that is not followed again yet keeps it",
            "removal-delay 5s; removal-limit 0; a/src from=a/o to=b/t; b/t by=a/src from=a/o version=1 approved :one",
            "b/t",
            "wait RemovalDelayed a/o (SourceMissing, removal-delay: 5s) until 5s ← a/src ?a/o",
        ),
        (
            "a list that was changed is no accident, and is many all the same",
            "removal-limit 0; a/src to=c/t; b/t by=a/src",
            "b/t",
            "wait RemovalHeld a/src (SourceStoppedPushing, 1 replicas are due because of a/src, --removal-limit: 0) until 60s",
        ),
    ];
    check(rows);
}
