//! SPEC 11.1: while a source is missing or without its annotations, replicas are kept for the removal delay.

use super::super::*;
use super::fixture::key;
use super::table::{act, check, drain, settle, step};
use super::world::World;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn which_removals_wait_and_which_are_immediate() {
    check(&[
        (
            "the creator is missing",
            "removal-delay 5s; b/t by=a/src version=7 :old",
            "b/t",
            "wait RemovalDelayed a/src (SourceMissing, removal-delay: 5s) until 5s ← ?a/src",
        ),
        (
            "the creator lost both annotations of its push",
            "removal-delay 5s; a/src allowed :one; b/t by=a/src version=7 :old",
            "b/t",
            "wait RemovalDelayed a/src (SourceStoppedPushing, removal-delay: 5s) until 5s",
        ),
        (
            "the creator lost all of its annotations",
            "removal-delay 5s; c/src :one; b/t by=c/src version=7 :old",
            "b/t",
            "wait RemovalDelayed c/src (SourceStoppedPushing, removal-delay: 5s) until 5s",
        ),
        (
            "a changed list is said outright",
            "removal-delay 5s; a/src to=c/t :one; b/t by=a/src version=7 :old",
            "b/t",
            "delete SourceStoppedPushing a/src ← b/t",
        ),
        (
            "so is an empty one",
            "removal-delay 5s; a/src to= :one; b/t by=a/src version=7 :old",
            "b/t",
            "delete SourceStoppedPushing a/src ← b/t",
        ),
        (
            "a source that became a replica does not push, whatever its annotations say",
            "removal-delay 5s; a/src by=c/y to=( :one; b/t by=a/src version=7 :old",
            "b/t",
            "delete SourceStoppedPushing a/src ← b/t",
        ),
        (
            "a pull's source is missing",
            "removal-delay 5s; b/t from=a/src version=7 :old",
            "b/t",
            "wait RemovalDelayed a/src (SourceMissing, removal-delay: 5s) until 5s ← ?a/src",
        ),
        (
            "it lost both annotations of its consent",
            "removal-delay 5s; a/src to=c/x :new; b/t from=a/src version=7 :old",
            "b/t",
            "wait RemovalDelayed a/src (ConsentMissing, removal-delay: 5s) until 5s",
        ),
        (
            "it says no",
            "removal-delay 5s; a/src allowed=false :new; b/t from=a/src version=7 :old",
            "b/t",
            "clear ConsentRefused a/src -version data=- as Opaque ← b/t",
        ),
        (
            "it does not allow the namespace",
            "removal-delay 5s; a/src allowed-ns=c :new; b/t from=a/src version=7 :old",
            "b/t",
            "clear NamespaceNotAllowed a/src -version data=- as Opaque ← b/t",
        ),
        (
            "a broken chain: the link above has waited already",
            "removal-delay 5s; a/m from=a/o allowed chain=.* ; b/t from=a/m version=7 :old; a/o allowed",
            "b/t",
            "clear ChainBroken a/m -version data=- as Opaque ← b/t",
        ),
        (
            "never received anything: there is nothing to wait for",
            "removal-delay 5s; b/t from=a/src :own",
            "b/t",
            "refuse SourceMissing a/src ← ?a/src",
        ),
        (
            "what others made is not deleted, and so not waited for",
            "removal-delay 5s; b/t by=a/src version=7 by-others :old",
            "b/t",
            "refuse NotMadeByController a/src ← ?a/src",
        ),
        (
            "combined: what it pulls is missing, and what it inherits follows all the same",
            "removal-delay 5s; a/s to=b/t from=c/f allowed; b/t by=a/s from=c/f version=7 chain=.* :old",
            "b/t",
            "update InheritedChanged c/f +allowed=true ← a/s ?c/f b/t",
        ),
        (
            "combined: what it pulls is missing",
            "removal-delay 5s; a/s to=b/t from=c/f; b/t by=a/s from=c/f version=7 chain=.* :old",
            "b/t",
            "wait RemovalDelayed c/f (SourceMissing, removal-delay: 5s) until 5s ← a/s ?c/f",
        ),
        (
            "combined: its creator is missing",
            "removal-delay 5s; b/t by=a/s from=c/f version=7 chain=.* :old",
            "b/t",
            "wait RemovalDelayed a/s (SourceMissing, removal-delay: 5s) until 5s ← ?a/s",
        ),
        (
            "combined: another source is asked for, which is missing; nobody wants what it holds",
            "removal-delay 5s; a/s to=b/t from=c/g; b/t by=a/s from=c/f version=7 chain=.* :old known",
            "b/t",
            "clear SourceMissing c/g +from=c/g -version -chain data=- as Opaque ← a/s ?c/g",
        ),
        (
            "combined: the delay is the creator's, also when it is another one by now",
            "removal-delay 5s; a/s to=b/t from=c/f delay=0s; b/t by=a/s from=c/f version=7 chain=.* delay=1h :old",
            "b/t",
            "clear SourceMissing c/f +delay=0s -version -chain data=- as Opaque ← a/s ?c/f",
        ),
        (
            "combined: what holds no copy has nothing to wait for",
            "removal-delay 5s; a/s to=b/t from=c/f; b/t by=a/s from=c/f chain=.* :old",
            "b/t",
            "clear SourceMissing c/f -chain data=- as Opaque ← a/s ?c/f b/t",
        ),
        (
            "combined, not made yet: made empty at once",
            "removal-delay 5s; a/s to=b/t from=c/f",
            "b/t",
            "create NewTarget a/s {from=c/f by=a/s} Opaque - ← a/s ?c/f",
        ),
    ]);
}

#[test]
fn whose_delay_it_is() {
    let missing =
        |target: &str, expected: &'static str| (format!("removal-delay 5s; b/t {target} version=7 :old"), expected);
    let rows = [
        missing("by=a/src delay=7s", "wait RemovalDelayed a/src (SourceMissing, removal-delay: 7s) until 7s ← ?a/src"),
        missing("by=a/src delay=never", "refuse RemovalDelayed a/src (SourceMissing, removal-delay: never) ← ?a/src"),
        missing("by=a/src delay=0", "delete SourceMissing a/src -delay ← ?a/src b/t"),
        missing(
            "from=a/src delay=7s",
            "wait RemovalDelayed a/src (SourceMissing, removal-delay: 7s) until 7s ← ?a/src",
        ),
        missing("from=a/src delay=never", "refuse RemovalDelayed a/src (SourceMissing, removal-delay: never) ← ?a/src"),
        missing("from=a/src delay=0", "clear SourceMissing a/src -version data=- as Opaque ← ?a/src b/t"),
    ];
    for (world, expected) in rows {
        check(&[("missing", &world, "b/t", &expected.replace(" -delay", ""))]);
    }
    check(&[
        (
            "what the source says now comes before what its replica inherited",
            "removal-delay 5s; a/src delay=9s :one; b/t by=a/src version=7 delay=never :old",
            "b/t",
            "wait RemovalDelayed a/src (SourceStoppedPushing, removal-delay: 9s) until 9s",
        ),
        (
            "what a pulling target says comes before what its source says",
            "removal-delay 5s; a/src delay=never :one; b/t from=a/src version=7 delay=9s :old",
            "b/t",
            "wait RemovalDelayed a/src (ConsentMissing, removal-delay: 9s) until 9s",
        ),
        (
            "else the source's counts",
            "removal-delay 5s; a/src delay=never :one; b/t from=a/src version=7 :old",
            "b/t",
            "refuse RemovalDelayed a/src (ConsentMissing, removal-delay: never)",
        ),
        (
            "combined: what its creator says now",
            "a/s to=b/t from=c/f delay=9s; b/t by=a/s from=c/f version=7 chain=.* delay=9s :old",
            "b/t",
            "wait RemovalDelayed c/f (SourceMissing, removal-delay: 9s) until 9s ← a/s ?c/f",
        ),
        (
            "a pushed replica inherits it",
            "a/src #7 to=b/t delay=1m :one; b/t by=a/src version=7 :one",
            "b/t",
            "update InheritedChanged a/src +delay=1m ← a/src b/t",
        ),
        (
            "and loses it again",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 delay=1m :one",
            "b/t",
            "update InheritedChanged a/src -delay ← a/src b/t",
        ),
        (
            "a new one has it from the beginning, word for word",
            "a/src #7 to=b/t delay=0h1m :one",
            "b/t",
            "create NewTarget a/src {delay=0h1m by=a/src version=7} Opaque one ← a/src",
        ),
        (
            "a pulling target's is its own",
            "a/src #7 allowed delay=1m :one; b/t from=a/src",
            "b/t",
            "update FirstCopy a/src +version=7 +origin=a/src +chain=.* data=one as Opaque ← a/src",
        ),
    ]);
}

/// Issue 9, section 4: `kubectl replace --force` of a source changes replicas in place; a hook that deletes and remakes a
/// once-source keeps the first password.
#[test]
fn a_source_that_returns_in_time_costs_no_replica() {
    for (once, expected) in [("", "update SourceChanged a/src +version=300 data=two as Opaque ← a/src"), ("once", "")]
    {
        let mut world = World::new(&format!("removal-delay 5s; a/src #7 to=b/t {once} :one"));
        settle(&mut world);
        let uid = world.objects[&key("b/t")].uid;
        world.pass(60 * SECOND);
        world.delete("a/src");
        let waits = "wait RemovalDelayed a/src (SourceMissing, removal-delay: 5s) until 65s";
        assert_eq!(act(&mut world, "b/t"), waits);
        world.pass(2 * SECOND);
        assert_eq!(act(&mut world, "b/t"), waits, "the delay does not begin anew");
        world.edit(&format!("a/src new #300 to=b/t {once} :two"));
        let steps = drain(&mut world);
        let expected: Vec<String> =
            Some(expected).filter(|step| !step.is_empty()).map(|step| format!("b/t: {step}")).into_iter().collect();
        assert_eq!(steps, expected, "{once}");
        assert_eq!(world.objects[&key("b/t")].uid, uid, "it is the same object");
    }
}

/// Issue 9, section 4: an operator that strips annotations and has them put back 2 s later costs no replica.
#[test]
fn annotations_that_return_in_time_cost_no_replica() {
    let mut world = World::new("removal-delay 5s; a/src #7 to=b/t allowed :one; c/t from=a/src");
    settle(&mut world);
    world.edit("a/src :one");
    assert!(drain(&mut world).is_empty());
    world.pass(2 * SECOND);
    world.edit("a/src to=b/t allowed :one");
    assert!(drain(&mut world).is_empty());
    world.pass(60 * SECOND);
    assert!(settle(&mut world).is_empty());
}

#[test]
fn a_replica_is_removed_when_its_source_stays_away_for_the_delay() {
    let mut world = World::new("removal-delay 5s; a/src #7 to=b/t allowed :one; c/t from=a/src");
    settle(&mut world);
    world.delete("a/src");
    world.pass(5 * SECOND - Duration::from_nanos(1));
    assert!(settle(&mut world).is_empty());
    world.pass(Duration::from_nanos(1));
    assert_eq!(
        settle(&mut world),
        ["b/t: delete SourceMissing a/src", "c/t: clear SourceMissing a/src -version -origin -chain data=- as Opaque",]
    );
}

/// The controller has no memory: after a restart the delay begins anew.
#[test]
fn after_a_restart_the_delay_begins_anew() {
    let mut world = World::new("removal-delay 5s; b/t by=a/src version=7 :old");
    world.pass(60 * SECOND);
    world.restart();
    let (line, _) = step(&mut world, "b/t");
    assert_eq!(line, "wait RemovalDelayed a/src (SourceMissing, removal-delay: 5s) until 65s ← ?a/src");
}

/// What a source says is ill-formed, and nothing follows from it, since it is a replica. The delay begins when it says nothing any more.
#[test]
fn an_ill_formed_annotation_of_a_replica_is_no_silence() {
    for (says, replica, waits) in [
        ("allowed=maybe", "from=a/src", "ConsentMissing"),
        ("allowed-ns=(", "from=a/src", "ConsentMissing"),
        ("to=(", "by=a/src", "SourceStoppedPushing"),
    ] {
        let mut world =
            World::new(&format!("removal-delay 5s; a/src by=c/y {says} :one; b/t {replica} version=7 :old"));
        world.pass(SECOND * 60);
        world.edit("a/src by=c/y :one");
        let expected = format!("wait RemovalDelayed a/src ({waits}, removal-delay: 5s) until 65s");
        assert_eq!(step(&mut world, "b/t").0, expected, "{says}");
    }
}
