//! Trails of decisions. That a recorded decision is the same as another, that its questions come in order and each once, and that
//! the last one is the decision's, is asserted for every decision of every test (`decide_twice`).

use std::collections::BTreeSet;

use super::super::*;
use super::fixture::target;
use super::world::World;

fn trail(world: &mut World, at: &str) -> Vec<String> {
    let at = target(at);
    world.look(&at);
    let (_, trail) = decide_recording(&world.graph, world.kind, &world.rules, &at);
    trail.steps().iter().map(ToString::to_string).collect()
}

#[test]
fn a_push_step_by_step() {
    let mut world = World::new("a/src #8 to=b/t once=false :new; b/t by=a/src version=7 :old known");
    assert_eq!(
        trail(&mut world, "b/t"),
        [
            "SPEC 8 FirstLists: they are complete → passed",
            "SPEC 3.0 WellFormed: all its annotations are well-formed → passed",
            "SPEC 3.0, 3.2 IsTarget: no replicate-from, replicated-by: \"a/src\" → passed",
            "SPEC 3.1 Creator: a/src: replicate-to: \"b/t\", no replicate-to-namespaces → passed",
            "SPEC 6 Once: a/src: replicate-once: \"false\", no replicate-once-version → passed",
            "SPEC 4, 5.7, 9.3 SameData: replicated-from-version: \"7\"; a/src is at 8, the data is another → SourceChanged",
            "SPEC 4, 5.8, 7 AsWanted: the data differs → SourceChanged",
        ]
    );
}

#[test]
fn a_pull_that_is_forbidden_step_by_step() {
    let mut world = World::new("a/src allowed=false :secret; b/t from=a/src version=7 :secret known");
    assert_eq!(
        trail(&mut world, "b/t")[2..],
        [
            "SPEC 3.0, 3.2 IsTarget: replicate-from: \"a/src\", no replicated-by → passed",
            "SPEC 3.3 SourceExists: a/src → passed",
            "SPEC 5.1 SourceWellFormed: all its annotations are well-formed → passed",
            "SPEC 5.2 Consent: a/src: replication-allowed: \"false\", no replication-allowed-namespaces → ConsentRefused",
            "SPEC 4, 5.8, 7 AsWanted: the target holds data that it may not keep → ConsentRefused",
        ]
    );
}

/// What a trail says of a question that leaves the target as it is.
#[test]
fn facts_name_what_was_found() {
    let another = "a/src #7 to=b/t type:x/y known; b/t by=a/src version=7 known";
    let immutable = "a/src #8 to=b/t :new known; b/t by=a/src version=7 immutable :old known";
    for (world, step) in [
        ("b/t by=a/src version=7", "SPEC 3.1 Creator: a/src does not exist → SourceMissing"),
        ("ns b accept=c; a/src to=b/t", "Accepted: b: accept-replicas-from: \"c\" → NotAccepted"),
        ("require-acceptance; a/src to=b/t", "Accepted: b: no accept-replicas-from → NotAccepted"),
        (another, "SameType: it has another type → TypeChanged"),
        (immutable, "Changeable: it is immutable → ReplicaImmutable"),
    ] {
        let steps = trail(&mut World::new(world), "b/t");
        assert!(steps.iter().any(|found| found.ends_with(step)), "{step}: {steps:#?}");
    }
}

/// One world for each question, in which it decides (or has to be answered by a read).
#[test]
fn every_question_can_decide() {
    let deleted = "a/src allowed=false :x; b/t from=a/src deleting";
    let cases = [
        ("WellFormed", "b/t from=X :own", "IllFormed"),
        ("Excluded", "exclude b; a/src to=b/t", "NamespaceExcluded"),
        ("NamespaceSays", "ns b accept=(; a/src to=b/t", "NamespaceIllFormed"),
        ("Paused", "a/src to=b/t paused", "Paused"),
        ("IsTarget", "b/t allowed", "NotATarget"),
        ("Terminating", deleted, "BeingDeleted"),
        ("Creator", "a/src to=b/t once=x; b/t by=a/src", "SourceIllFormed"),
        ("Accepted", "ns b accept=c; a/src to=b/t", "NotAccepted"),
        ("MadeByController", "b/t by=a/src by-others", "NotMadeByController"),
        ("Adoption", "configmaps; a/src to=b/t; b/t by=a/src by-others", "Adopted"),
        ("Pushed", "a/src to=b/t; b/t allowed", "NotCreatedBySource"),
        ("Watched", "only a; a/src to=b/t", "NamespaceNotWatched"),
        ("Namespace", "a/src to=b/t; no-ns b", "NamespaceMissing"),
        ("SourceExists", "b/t from=a/src", "SourceMissing"),
        ("SourceWellFormed", "a/src once=x; b/t from=a/src", "SourceIllFormed"),
        ("Consent", "a/src once; b/t from=a/src", "ConsentMissing"),
        ("ChainAllows", "a/m from=a/o allowed version=1 chain=c; b/t from=a/m", "ChainNotAllowed"),
        ("NoLoop", "a/m allowed origin=b/t; b/t from=a/m", "Loop"),
        ("ChainFilled", "a/m from=a/o allowed chain=.*; b/t from=a/m", "ChainBroken"),
        ("NoRing", "a/m from=b/t allowed version=1 chain=.*; b/t from=a/m", "Ring"),
        ("RemovalDelay", "removal-delay 5s; b/t by=a/src", "RemovalDelayed"),
        ("RemovalLimit", "removal-limit 0; b/t by=a/src", "RemovalHeld"),
        ("Keys", "a/src to=b/t keys=x :one", "KeyMissing"),
        ("KeysKept", "a/src #8 allowed allowed-keys=x once :v; b/t from=a/src version=7 :x~1,y~2", "KeysTrimmed"),
        ("Once", "a/src #8 to=b/t once; b/t by=a/src version=7 once", "HeldByOnce"),
        ("SameData", "a/src #8 to=b/t :new; b/t by=a/src version=7 :old", "SourceChanged"),
        ("SourceRead", "a/src to=b/t; b/t by=a/src", "a/src has to be read"),
        ("Complete", "a/src to=b/t type:tls :mixed", "SourceIncomplete"),
        ("SameType", "a/src #7 to=b/t type:x/y known; b/t by=a/src version=7 known", "TypeChanged"),
        ("Changeable", "a/src #8 to=b/t :new known; b/t by=a/src version=7 immutable :old known", "ReplicaImmutable"),
        ("NotProtected", "a/src to=b/t type:token known", "ProtectedType"),
        ("AsWanted", "a/src #7 to=b/t; b/t by=a/src version=7", "UpToDate"),
    ];
    let mut shown = BTreeSet::from(["FirstLists"]);
    for (question, world, outcome) in cases {
        let mut world = World::new(world);
        let mut steps = Vec::new();
        if question != "SourceRead" {
            steps = trail(&mut world, "b/t");
        } else {
            let at = target("b/t");
            let (_, trail) = decide_recording(&world.graph, world.kind, &world.rules, &at);
            steps.extend(trail.steps().iter().map(ToString::to_string));
        }
        let found = steps
            .iter()
            .any(|step| step.contains(&format!(" {question}: ")) && step.ends_with(&format!("→ {outcome}")));
        assert!(found, "{question} → {outcome}: {steps:#?}");
        shown.insert(question);
    }
    let all: BTreeSet<&str> = Question::ALL.iter().map(|question| question.name()).collect();
    assert_eq!(shown, all);
    let world = World::unseen("a/src to=b/t");
    let at = target("b/t");
    let (_, trail) = decide_recording(&world.graph, world.kind, &world.rules, &at);
    assert_eq!(trail.steps()[0].to_string(), "SPEC 8 FirstLists: they are not complete → NotReady");
}

#[test]
fn a_trail_shows_no_data() {
    let mut world =
        World::new("a/src #8 to=b/t allowed :hunter2; b/t by=a/src version=7 :hunter3; c/t from=a/src :hunter4");
    for at in ["b/t", "c/t"] {
        let steps = trail(&mut world, at).join("\n");
        assert!(!steps.contains("hunter"), "{steps}");
    }
}
