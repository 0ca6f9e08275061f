//! SPEC 3, 1: replicas that others copied by hand or restored. They are never deleted, and adopted where their source pushes to
//! them.

use super::super::*;
use super::fixture::key;
use super::table::{act, check, drain, settle};
use super::world::World;
use crate::managers::Owners;

#[test]
fn who_may_be_deleted() {
    let cases = [
        ("nobody is known to have made it", "", "delete SourceMissing a/src ← ?a/src b/t"),
        ("the controller made it", "by-us", "delete SourceMissing a/src ← ?a/src b/t"),
        ("others own it, too", "by-shared", "delete SourceMissing a/src ← ?a/src b/t"),
        ("others made it", "by-others", "refuse NotMadeByController a/src ← ?a/src"),
        ("others own its data alone", "by-us data-others", "delete SourceMissing a/src ← ?a/src b/t"),
        ("others made it, once", "by-others once", "refuse NotMadeByController a/src ← ?a/src"),
        ("others made it, and it pulls as well", "by-others from=c/f", "refuse NotMadeByController a/src ← ?a/src"),
    ];
    for (name, owners, expected) in cases {
        check(&[(name, &format!("b/t by=a/src version=7 {owners} :old"), "b/t", expected)]);
        let stopped =
            expected.replace("SourceMissing", "SourceStoppedPushing").replace("?a/src", "").replace("←  ", "← ");
        let stopped = stopped.trim_end_matches([' ', '←']);
        let world = format!("a/src to=c/t :one; b/t by=a/src version=7 {owners} :old");
        check(&[(name, &world, "b/t", stopped)]);
    }
}

#[test]
fn what_is_adopted() {
    check(&[
        (
            "up to date: nothing else is to be written",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 by-others :one",
            "b/t",
            "adopt Adopted a/src by=a/src ← a/src b/t",
        ),
        (
            "before its data is put right",
            "a/src #8 to=b/t :one; b/t by=a/src version=7 by-others :old",
            "b/t",
            "adopt Adopted a/src by=a/src ← a/src b/t",
        ),
        (
            "not where its source asks for a protected type",
            "a/src #8 to=b/t type=bootstrap.kubernetes.io/token :one; b/t by=a/src version=7 by-others :old",
            "b/t",
            "refuse ProtectedType a/src (replicate-type: bootstrap.kubernetes.io/token) ← a/src",
        ),
        (
            "a ConfigMap needs no read",
            "configmaps; a/src #7 to=b/t :one; b/t by=a/src version=7 by-others :one",
            "b/t",
            "adopt Adopted a/src by=a/src",
        ),
        (
            "the replica of a combined object",
            "a/s to=b/t from=c/f; c/f #8 allowed :one; b/t by=a/s from=c/f version=8 chain=.* origin=c/f by-others :one",
            "b/t",
            "adopt Adopted a/s by=a/s ← a/s b/t",
        ),
        (
            "the controller owns it already",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 by-shared :one",
            "b/t",
            "nothing UpToDate a/src",
        ),
        (
            "not while its creator is ill-formed",
            "a/src #7 to=b/t once=x :one; b/t by=a/src version=7 by-others :one",
            "b/t",
            "refuse SourceIllFormed a/src (replicate-once: \"x\" is not a boolean; expected \"true\" or \"false\")",
        ),
        (
            "not of a protected type",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 type:token by-others :one",
            "b/t",
            "refuse ProtectedType a/src (b/t is a bootstrap.kubernetes.io/token) ← a/src b/t",
        ),
        (
            "not for a source of one",
            "a/src #7 to=b/t type:token :one; b/t by=a/src version=7 by-others :one",
            "b/t",
            "refuse ProtectedType a/src (a/src is a bootstrap.kubernetes.io/token) ← a/src",
        ),
        (
            "a pulling target belongs to its user",
            "a/src #7 allowed :one; b/t from=a/src version=7 origin=a/src chain=.* data-others :one",
            "b/t",
            "nothing UpToDate a/src ← a/src b/t",
        ),
    ]);
}

#[test]
fn after_adoption_it_is_a_replica_like_any_other() {
    let mut world = World::new("a/src #8 to=b/t :new; b/t by=a/src version=7 by-others data-others :old");
    let adopted = "b/t: adopt Adopted a/src by=a/src ← a/src b/t".to_owned();
    assert_eq!(settle(&mut world), [adopted, "b/t: update Drift a/src +version=8 data=new as Opaque".to_owned()]);
    assert_eq!(world.objects[&key("b/t")].managers.replicated_by, Owners::Shared);
    world.delete("a/src");
    assert_eq!(drain(&mut world), ["b/t: delete SourceMissing a/src"], "now it is the controller's to delete");
}

/// Issue 9, section 4: a replica copied by hand to another namespace stays.
#[test]
fn a_replica_that_was_copied_by_hand_to_another_namespace_stays() {
    let mut world = World::new("a/src #7 to=b/t :one");
    settle(&mut world);
    world.edit("c/t by=a/src version=7 by-others data-others :one");
    assert_eq!(act(&mut world, "c/t"), "refuse NotMadeByController a/src");
    world.edit("a/src #8 to=b/t,c/t :two");
    let steps = drain(&mut world);
    assert_eq!(steps.len(), 3, "{steps:?}");
    assert!(steps.contains(&"c/t: adopt Adopted a/src by=a/src ← c/t".to_owned()), "{steps:?}");
    assert_eq!(world.objects[&key("c/t")].payload, world.objects[&key("a/src")].payload);
}

/// Issue 9, section 4: restore of a once-replica before its source keeps the restored value.
#[test]
fn a_once_replica_that_is_restored_before_its_source_keeps_its_value() {
    for delay in ["0", "5s"] {
        let mut world = World::new(&format!("removal-delay {delay}; c/other :x"));
        world.edit("b/t by=a/src version=7 once by-others data-others :restored");
        assert_eq!(act(&mut world, "b/t"), "refuse NotMadeByController a/src ← ?a/src");
        world.pass(Duration::from_secs(2));
        world.edit("a/src to=b/t once :fresh");
        assert_eq!(drain(&mut world), ["b/t: adopt Adopted a/src by=a/src ← a/src b/t"], "{delay}");
        assert_eq!(act(&mut world, "b/t"), "nothing HeldByOnce a/src");
        assert_eq!(world.objects[&key("b/t")].payload, world.payload(None, "restored"));
    }
}
