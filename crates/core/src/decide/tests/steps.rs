//! Several steps in a row: what one write leaves for the next decision.

use super::super::*;
use super::fixture::{key, target};
use super::table::{act, drain, settle, step};
use super::world::World;
use crate::namespace::NamespaceFacts;
use crate::observed::ResourceVersion;

const NONE: [&str; 0] = [];

#[test]
fn nothing_is_done_before_every_first_list_is_complete() {
    let text = "b/t from=a/src version=7 :old; c/t by=a/src version=7 :old; a/s to-ns=b :one";
    let mut world = World::unseen(text);
    let all = |world: &mut World| ["b/t", "c/t", "b/s"].map(|at| step(world, at).0);
    let not_ready = ["nothing NotReady"; 3];
    assert_eq!(all(&mut world), not_ready);
    world.graph.begin_list();
    for name in ["a/s", "b/t", "c/t"] {
        world.see(&key(name));
    }
    assert_eq!(all(&mut world), not_ready, "in the middle of the list");
    assert_eq!(world.graph.end_list(&ResourceVersion::new("999999")), []);
    assert_eq!(all(&mut world), not_ready, "the namespaces are missing");
    world.graph.begin_namespaces();
    for name in ["a", "b", "c"] {
        assert_eq!(world.graph.observe_namespace(name, NamespaceFacts::new(false)), []);
    }
    assert_eq!(all(&mut world), not_ready, "in the middle of the namespaces");
    assert!(world.queue.is_empty());
    let mut touched = world.graph.end_namespaces().targets;
    touched.sort();
    assert_eq!(touched, ["a/s", "b/s", "b/t", "c/t"].map(target));
    let ready = all(&mut world);
    assert_eq!(
        ready,
        [
            "clear SourceMissing a/src -version data=- as Opaque ← ?a/src b/t",
            "delete SourceMissing a/src ← c/t",
            "create NewTarget a/s {by=a/s version=103} Opaque one ← a/s",
        ]
    );

    // A relist after that takes nothing back.
    world.graph.begin_list();
    assert!(step(&mut world, "c/t").0.starts_with("delete"));
}

/// While a source changes again and again what it gives waits, and nothing else: what is to be gone is gone at once.
#[test]
fn what_takes_something_away_does_not_wait_for_its_source() {
    let cases = [
        ("a/src to=b/t :one", Verb::Create, true),
        ("a/src #8 to=b/t :new; b/t by=a/src version=7 :old", Verb::Update, true),
        ("a/src #7 to=b/t allowed; b/t by=a/src version=7", Verb::Update, true),
        ("a/src #8 allowed allowed-keys=x once :v; b/t from=a/src version=7 :x~1,y~2", Verb::Update, false),
        ("b/t from=a/src version=7 :old", Verb::Clear, false),
        ("b/t by=a/src version=7 :old", Verb::Delete, false),
        ("a/src #7 to=b/t type:x/y known; b/t by=a/src version=7 known", Verb::Recreate, false),
        ("configmaps; a/src to=b/t; b/t by=a/src by-others", Verb::Adopt, false),
    ];
    for (text, verb, may_wait) in cases {
        let mut world = World::new(text);
        let at = target("b/t");
        let _read = world.look(&at);
        match decide(&world.graph, world.kind, &world.rules, &at) {
            Decision::Act(plan) => assert_eq!((plan.verb, plan.may_wait_for_source()), (verb, may_wait), "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_replica_follows_its_source_from_beginning_to_end() {
    let mut world = World::new("a/src #7 to-ns=b :one");
    world.queue.clear();
    assert_eq!(settle(&mut world), ["b/src: create NewTarget a/src {by=a/src version=7} Opaque one ← a/src"]);
    assert_eq!(world.objects[&key("b/src")].labels, *world.rules.create_with_labels);

    world.edit("a/src #200 to-ns=b :two");
    assert_eq!(drain(&mut world), ["b/src: update SourceChanged a/src +version=200 data=two as Opaque ← a/src"]);
    // 9.3: only metadata; one read of the source for all of its replicas.
    world.edit("a/src #210 to-ns=b,c :two");
    let created = "c/src: create NewTarget a/src {by=a/src version=210} Opaque two";
    let steps = drain(&mut world);
    assert_eq!(steps, [created]);
    // 9.2: drift, and a deleted replica.
    world.edit("c/src by=a/src version=210 :edited");
    assert_eq!(drain(&mut world), ["c/src: update Drift a/src data=two as Opaque ← c/src"]);
    world.delete("c/src");
    assert_eq!(drain(&mut world), [created]);
    // The source stops pushing, and is deleted.
    world.edit("a/src #220 to-ns=b :two");
    assert_eq!(drain(&mut world), ["c/src: delete SourceStoppedPushing a/src"]);
    world.delete("a/src");
    assert_eq!(drain(&mut world), ["b/src: delete SourceMissing a/src"]);
    assert_eq!(settle(&mut world), NONE);
    assert!(world.objects.is_empty());
}

#[test]
fn after_a_restart_versions_differ_and_nothing_is_written() {
    let mut world = World::new(
        "a/src to-ns=[bc] :one; a/p allowed :two; b/q from=a/p; a/s from=a/p to-ns=c; b/gone from=a/none version=1 :x",
    );
    settle(&mut world);
    world.edit("a/src @0 to-ns=[bc] allowed-ns=x :one");
    world.edit("a/p allowed :two");
    settle(&mut world);
    for round in 0..2 {
        world.restart();
        assert_eq!(settle(&mut world), NONE, "{round}");
        for at in world.graph.all_targets() {
            world.graph.suspect(&at);
        }
        assert_eq!(settle(&mut world), NONE, "verified by content");
        // Only the sources' versions change while the controller is stopped.
        world.put("a/src to-ns=[bc] allowed-ns=x :one");
        world.put("a/p allowed :two");
    }
}

#[test]
fn a_name_that_is_taken_is_looked_at_and_left_alone() {
    let mut world = World::new("a/t :own; b/src #7 to=a/t :one");
    let failed = "create NewTarget b/src {by=b/src version=7} Opaque one ← b/src ✗ Exists";
    assert_eq!(act(&mut world, "a/t"), failed);
    assert_eq!(act(&mut world, "a/t"), "refuse NotCreatedBySource b/src");
    world.queue.clear();
    // 9.2: as soon as the name is free.
    world.delete("a/t");
    assert_eq!(drain(&mut world), ["a/t: create NewTarget b/src {by=b/src version=7} Opaque one"]);
}

#[test]
fn the_next_source_gets_the_name_that_the_controller_itself_freed() {
    let mut world = World::new("a/src #7 @1 to=c/t :one; b/src #8 @2 to=c/t :two; c/x from=c/t");
    settle(&mut world);
    world.edit("a/src @1 to= :one");
    assert_eq!(
        drain(&mut world),
        [
            "c/t: delete SourceStoppedPushing a/src",
            "c/t: create NewTarget b/src {by=b/src version=8} Opaque two ← b/src",
        ]
    );
    world.edit("a/src @1 to=c/t :one");
    assert_eq!(drain(&mut world), NONE, "what is made stays, however old the other source");
}

#[test]
fn what_hangs_on_a_deleted_replica_is_cleared_at_once() {
    let mut world = World::new("a/src #7 to-ns=b allowed :one; c/t from=b/src; c/u from=c/t");
    settle(&mut world);
    assert_eq!(world.objects[&key("c/t")].annotation("origin"), Some("b/src"));
    world.delete("a/src");
    assert_eq!(
        drain(&mut world),
        [
            "b/src: delete SourceMissing a/src",
            "c/t: clear SourceMissing b/src -version -origin -chain data=- as Opaque",
        ],
        "c/u has no consent, and received nothing"
    );
}

#[test]
fn a_broken_chain_empties_all_that_hangs_on_it() {
    let mut world = World::new(
        "a/o #7 allowed :one; b/m from=a/o allowed; b/n from=b/m allowed; c/t from=b/n; a/s from=b/n to-ns=c",
    );
    settle(&mut world);
    world.delete("a/o");
    let mut steps = drain(&mut world);
    steps.sort();
    assert_eq!(
        steps,
        [
            "b/m: clear SourceMissing a/o -version -origin -chain data=- as Opaque",
            "b/n: clear ChainNotAllowed b/m -version -origin -chain data=- as Opaque",
            "c/s: clear ChainNotAllowed b/n -version -origin -chain data=- as Opaque",
            "c/t: clear ChainNotAllowed b/n -version -origin -chain data=- as Opaque",
        ]
        .map(|step| step.replace("ChainNotAllowed", "ChainBroken"))
    );
    world.edit("a/o allowed :two");
    let mut filled: Vec<String> = drain(&mut world).iter().map(|step| step[..3].to_owned()).collect();
    filled.sort();
    assert_eq!(filled, ["b/m", "b/n", "c/s", "c/t"]);
}

#[test]
fn a_root_that_pulls_from_its_own_leaf_keeps_its_data() {
    let mut world = World::new("a/a #7 allowed :one; b/b from=a/a allowed");
    settle(&mut world);
    world.edit("a/a allowed from=b/b :one");
    assert_eq!(drain(&mut world), ["b/b: clear ChainBroken a/a -version -origin -chain data=- as Opaque"]);
    assert_eq!(settle(&mut world), NONE);
    assert_eq!(step(&mut world, "a/a").0, "refuse ChainBroken b/b");
}

#[test]
fn a_pulling_target_of_another_type_is_asked_for_it_when_a_guess_fails() {
    let mut world = World::new("a/src #7 allowed :one; b/t from=a/src type:x/y");
    let copy = "update FirstCopy a/src +version=7 +origin=a/src +chain=.* data=one as";
    assert_eq!(act(&mut world, "b/t"), format!("{copy} Opaque ← a/src ✗ Invalid"));
    assert_eq!(act(&mut world, "b/t"), format!("{copy} x/y ← b/t"));
    assert_eq!(settle(&mut world), NONE);

    let mut world = World::new("a/src #7 allowed :one; b/t from=a/src type:token :own");
    assert_eq!(act(&mut world, "b/t"), format!("{copy} Opaque ← a/src ✗ Invalid"));
    assert_eq!(act(&mut world, "b/t"), "refuse ProtectedType a/src (b/t is a bootstrap.kubernetes.io/token) ← b/t");

    let mut world = World::new("a/src #7 allowed :one; b/t from=a/src type:tls :own");
    assert_eq!(act(&mut world, "b/t"), format!("{copy} Opaque ← a/src ✗ Invalid"));
    let invalid = format!("{copy} kubernetes.io/tls");
    assert_eq!(
        act(&mut world, "b/t"),
        format!("{invalid} ← b/t ✗ Invalid"),
        "it lacks the keys that its type requires"
    );
    assert_eq!(act(&mut world, "b/t"), format!("{invalid} ← b/t ✗ Invalid"), "as long as it does");
}

#[test]
fn an_immutable_target_is_found_out_when_a_write_fails() {
    let mut world = World::new("a/src #7 allowed :one; b/t from=a/src immutable :own");
    let copy = "update FirstCopy a/src +version=7 +origin=a/src +chain=.* data=one as Opaque";
    assert_eq!(act(&mut world, "b/t"), format!("{copy} ← a/src ✗ Invalid"));
    assert_eq!(act(&mut world, "b/t"), "refuse TargetImmutable a/src ← b/t");

    let mut world = World::new("configmaps; b/t from=a/src version=7 immutable :own");
    assert_eq!(act(&mut world, "b/t"), "clear SourceMissing a/src -version data=- ← ?a/src ✗ Invalid");
    assert_eq!(act(&mut world, "b/t"), "refuse TargetImmutable a/src ← b/t");

    let mut world = World::new("a/src #7 to=b/t :one; b/t by=a/src immutable :own");
    let copy = "update FirstCopy a/src +version=7 data=one as Opaque";
    assert_eq!(act(&mut world, "b/t"), format!("{copy} ← a/src ✗ Invalid"));
    assert_eq!(act(&mut world, "b/t"), "recreate ReplicaImmutable a/src ← b/t");
    assert_eq!(act(&mut world, "b/t"), "create NewTarget a/src {by=a/src version=7} Opaque one");
    assert_eq!(act(&mut world, "b/t"), "nothing UpToDate a/src");
    assert!(!world.objects[&key("b/t")].immutable);
}

#[test]
fn a_source_of_another_type_is_noticed_by_all_of_its_replicas() {
    for once in ["", "once"] {
        let mut world = World::new(&format!("a/s from=c/f to-ns=b {once}; c/f #7 allowed :one"));
        settle(&mut world);
        world.restart();
        // It is recreated, and the watch delivers only the new object.
        world.edit(&format!("a/s new @500 from=c/f to-ns=b {once} type:x/y"));
        let steps = drain(&mut world);
        assert_eq!(steps[0], "b/s: recreate TypeChanged a/s ← a/s b/s", "{once}");
        assert!(steps[1].starts_with("b/s: create NewTarget") && steps.len() == 2, "{steps:?}");
        assert_eq!(world.objects[&key("b/s")].type_.as_deref(), Some("x/y"));
    }
    let mut world = World::new("a/src #7 to-ns=b :one");
    settle(&mut world);
    world.restart();
    world.edit("a/src new @500 #300 to-ns=b type:x/y :one");
    let create = "b/src: create NewTarget a/src {by=a/src version=300} x/y one";
    assert_eq!(drain(&mut world), ["b/src: recreate TypeChanged a/src ← a/src b/src", create]);
}

#[test]
fn a_source_that_stops_being_protected_fills_the_replicas_that_wait_for_it() {
    let mut world = World::new("a/s from=c/f to-ns=b; c/f allowed type:token :one");
    assert_eq!(settle(&mut world), NONE);
    world.delete("c/f");
    world.put("c/f new #300 @500 allowed :two");
    world.see(&key("c/f"));
    let mut poor = World::new("allow-all; a/s from=c/f to-ns=b; c/f type:token :one");
    assert_eq!(settle(&mut poor), NONE);
    poor.edit("c/f type:token allowed=false :one");
    assert_eq!(
        drain(&mut poor),
        ["b/s: create NewTarget a/s {from=c/f by=a/s} Opaque -"],
        "it forbids: 5, 2 comes first"
    );

    let create = "b/s: create NewTarget a/s {from=c/f by=a/s version=300 origin=c/f chain=.*} Opaque two ← c/f";
    assert_eq!(drain(&mut world), [create]);
}

#[test]
fn a_copy_that_was_given_up_is_emptied_after_a_restart_too() {
    for restart in [false, true] {
        let mut world = World::new("a/s from=c/f to-ns=b; c/f allowed :secret; c/g allowed=maybe");
        settle(&mut world);
        world.edit("a/s from=c/g to-ns=b");
        assert_eq!(
            drain(&mut world),
            ["b/s: update InheritedChanged c/g +from=c/g -version -origin -chain"],
            "an ill-formed source: its data stays as long as that lasts"
        );
        if restart {
            world.restart();
        }
        world.delete("c/g");
        let emptied = drain(&mut world);
        assert_eq!(emptied.len(), 1, "{restart}");
        assert!(emptied[0].starts_with("b/s: clear SourceMissing c/g data=- as Opaque"), "{emptied:?}");
    }
}

#[test]
fn namespaces_come_and_go() {
    let mut world = World::new("a/src #7 to-ns=.* :one; no-ns b; terminating c");
    assert_eq!(settle(&mut world), NONE);
    let create = |at: &str| format!("{at}: create NewTarget a/src {{by=a/src version=7}} Opaque one");
    let arrives = |world: &mut World, name: &str, terminating: bool| {
        world.namespaces.insert(name.to_owned(), terminating);
        let touched = world.graph.observe_namespace(name, NamespaceFacts::new(terminating));
        world.look_at(touched);
        drain(world)
    };
    assert_eq!(arrives(&mut world, "b", false), [create("b/src") + " ← a/src"]);
    assert_eq!(arrives(&mut world, "b", false), NONE);
    assert_eq!(arrives(&mut world, "b", true), NONE, "it is still kept up to date");
    world.delete("b/src");
    assert_eq!(drain(&mut world), NONE, "no create is tried");
    world.graph.forget_namespace("b");
    assert_eq!(step(&mut world, "b/src").0, "nothing NamespaceMissing a/src");
    assert_eq!(arrives(&mut world, "b", false), [create("b/src")]);
    assert_eq!(arrives(&mut world, "c", false), [create("c/src")], "terminating, and made again");
    assert_eq!(arrives(&mut world, "d", false), [create("d/src")]);
}

#[test]
fn a_write_on_old_knowledge_fails_and_is_decided_again() {
    let mut world = World::new("a/src #7 allowed :one; b/t from=a/src :own; b/u by=a/gone version=1 :own known");
    // Somebody else writes, and the watch has not delivered it yet.
    world.put("b/t from=a/src :edited");
    assert_eq!(
        act(&mut world, "b/t"),
        "update FirstCopy a/src +version=7 +origin=a/src +chain=.* data=one as Opaque ← a/src ✗ Conflict"
    );
    world.put("b/u :mine-now");
    assert!(act(&mut world, "b/u").contains("SourceMissing"));
    assert!(world.objects.contains_key(&key("b/u")), "not deleted: it was another version");
    assert_eq!(step(&mut world, "b/u").0, "nothing NotWanted");
    assert_eq!(act(&mut world, "b/t").split(' ').next(), Some("update"));
    assert_eq!(world.writes, 1);
    assert_eq!(world.objects[&key("b/t")].annotation("version"), Some("7"));
}

#[test]
fn deciding_twice_gives_the_same() {
    let world = World::new(
        "a/src to-ns=.* :one; a/s from=c/f to=b/x,c/x; c/f allowed once=x; b/t from=a/src version=1; c/t by=a/gone",
    );
    for at in world.graph.all_targets() {
        let once = format!("{:?}", decide(&world.graph, world.kind, &world.rules, &at));
        assert_eq!(once, format!("{:?}", decide(&world.graph, world.kind, &world.rules, &at)));
    }
}

#[test]
fn what_is_decided_shows_no_data() {
    let text = "a/src to=b/x,b/t :hunter2 known; b/t by=a/src version=1 :hunter3 known; c/t from=a/src version=1 :hunter4 known";
    let mut world = World::new(text);
    for at in world.graph.all_targets() {
        let decision = format!("{:?}", decide(&world.graph, world.kind, &world.rules, &at));
        let (line, action) = step(&mut world, at.as_str());
        let shown = format!("{decision} {action:?} {:?}", world.graph);
        assert!(!shown.contains("hunter"), "{line}: {shown}");
    }
}
