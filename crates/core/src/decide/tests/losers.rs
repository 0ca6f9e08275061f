//! SPEC 3, 4: several sources want one name.

use super::super::*;
use super::fixture::target;
use super::table::{act, settle, step};
use super::world::World;

fn reported(world: &World, at: &str) -> Vec<String> {
    let at = target(at);
    let mut reported: Vec<String> = losers(&world.graph, world.kind, &world.rules, &at)
        .map(|verdict| format!("{} {} ({})", verdict.reason, verdict.source.unwrap(), verdict.detail.unwrap()))
        .collect();
    reported.sort();
    reported
}

#[test]
fn who_loses_a_name() {
    let cases: [(&str, &str, &[&str]); 8] = [
        ("nobody pushes", "a/src allowed", &[]),
        ("one alone", "a/src to=c/t", &[]),
        ("the oldest wins", "a/src @5 to=c/t; b/src @4 to=c/t", &["a/src b/src"]),
        (
            "of the same age the first key wins",
            "a/src @4 to=c/t; b/src @4 to=c/t; a/t @4 to-ns=c",
            &["a/t a/src", "b/src a/src"],
        ),
        ("who made it keeps it", "a/src @1 to=c/t; b/src @4 to=c/t; c/t by=b/src version=1", &["a/src b/src"]),
        ("also one that is missing, until it is deleted", "a/src to=c/t; c/t by=b/gone version=1", &["a/src b/gone"]),
        (
            "of a name that nobody's push made, the oldest is refused by the decision",
            "a/src @1 to=c/t; b/src @4 to=c/t; c/t :own",
            &["b/src a/src"],
        ),
        ("an ill-formed one does not count", "a/src @1 to=c/t once=x; b/src @4 to=c/t", &[]),
    ];
    for (name, world, expected) in cases {
        let expected: Vec<String> = expected
            .iter()
            .map(|pair| pair.split_once(' ').unwrap())
            .map(|(loser, winner)| format!("AnotherSourceWins {loser} ({winner} has it)"))
            .collect();
        assert_eq!(reported(&World::new(world), "c/t"), expected, "{name}");
    }
}

/// SPEC 3, 5: nobody's push made the object, and the decision speaks of the object that it pulls from.
#[test]
fn who_pushes_to_a_name_that_pulls_is_refused() {
    let sources = "a/src @1 to=c/t; b/src @4 to=c/t; d/f allowed";
    for target in ["c/t from=d/f", "c/t from=d/f deleting", "c/t from=d/gone", "c/t from=d/f version=1"] {
        let world = World::new(&format!("{sources}; {target}"));
        let from = target.split(['=', ' ']).nth(2).unwrap();
        let expected = ["a/src", "b/src"].map(|source| format!("NotCreatedBySource {source} (it pulls from {from})"));
        assert_eq!(reported(&world, "c/t"), expected, "{target}");
    }
}

/// One that the object pulls from, and that pushes to it as well, is what the decision speaks of.
#[test]
fn a_source_that_the_object_also_pulls_from_is_not_refused() {
    let world = World::new("a/src @1 to=c/t allowed; b/src @4 to=c/t; c/t from=a/src");
    assert_eq!(reported(&world, "c/t"), ["NotCreatedBySource b/src (it pulls from a/src)"]);
}

/// Issue 9, section 4: a source copied to three namespaces, with all of its annotations and a pattern, does not flap.
#[test]
fn a_source_that_was_copied_to_three_namespaces_does_not_flap() {
    let mut world = World::new("a/s @3 to-ns=.* :a; b/s @2 to-ns=.* :b; c/s @4 to-ns=.* :c; no-ns d");
    assert!(settle(&mut world).is_empty(), "each is itself, and no replica");
    for at in ["a/s", "b/s", "c/s"] {
        assert!(step(&mut world, at).0.starts_with("refuse NotCreatedBySource"), "{at}");
    }
    world.namespaces.insert("d".to_owned(), false);
    world.restart();
    let steps = settle(&mut world);
    assert_eq!(steps.len(), 1);
    assert!(steps[0].starts_with("d/s: create NewTarget b/s"), "the oldest: {steps:?}");
    assert_eq!(reported(&world, "d/s"), ["AnotherSourceWins a/s (b/s has it)", "AnotherSourceWins c/s (b/s has it)"]);
    for round in 0..3 {
        world.edit(&format!("a/s @3 to-ns=.* :a{round}"));
        world.edit(&format!("c/s @4 to-ns=.* :c{round}"));
        assert_eq!(act(&mut world, "d/s"), "nothing UpToDate b/s");
        assert!(settle(&mut world).is_empty(), "{round}");
    }
}
