//! Controllers with `--namespaces`.

use std::time::Duration;

use k8s_replicator_sim::api::object::{Id, Resource};
use k8s_replicator_sim::spec::Flags;
use k8s_replicator_sim::world::Setting;
use k8s_replicator_sim::world::step::Step;
use k8s_replicator_sim::world::users::Act;

use crate::{flags, holds, put, put_by, setting};

fn scoped(namespaces: &'static [&'static str]) -> Setting {
    setting(vec![Flags { namespaces, removal_delay: Duration::ZERO, ..flags() }])
}

/// What a controller that saw everything gave, stays when the source comes to lie outside of `--namespaces`, whatever becomes of it.
#[test]
fn a_source_outside_of_the_scope_takes_nothing_away() {
    let given = [("replicated-from-version", "17"), ("replicated-from-allowed", ".*")];
    for becomes in [Act::Delete as fn(Id) -> Act, Act::StripAll] {
        for by in ["replicated-by", "replicate-from"] {
            let steps = vec![
                put("team-1/x", 1, &[("replication-allowed", "true"), ("replicate-to", "b/x")]),
                put_by("k8s-replicator", "b/x", 2, &[&[(by, "team-1/x")][..], &given].concat()),
                Step::Calm(60),
                Step::Act(becomes(Id::new(Resource::Secret, "team-1", "x"))),
                Step::Calm(60),
                Step::Crash(0),
            ];
            holds(scoped(&["a", "b"]), steps);
        }
    }
}

/// A Namespace of `--namespaces` that does not exist yet gets its replicas when it comes; it goes, and comes back.
#[test]
fn a_namespace_of_the_scope_comes_goes_and_comes_back() {
    let mut steps = vec![put("a/x", 1, &[("replicate-to", "late/x,b/x")]), Step::Calm(60)];
    for _ in 0..2 {
        steps.extend([
            Step::Act(Act::MakeNamespace("late")),
            Step::Wait(Duration::from_secs(4)),
            Step::Calm(60),
            Step::Act(Act::DeleteNamespace("late")),
            Step::Act(Act::Finalize),
            Step::Act(Act::Finalize),
            Step::Wait(Duration::from_secs(40)),
            Step::Calm(60),
        ]);
    }
    steps.push(Step::Act(Act::MakeNamespace("late")));
    holds(scoped(&["a", "late"]), steps);
}

/// A new controller has no Role in the namespace of the sources: they are not taken to be missing, and when the Role is there again
/// all goes on.
#[test]
fn a_namespace_without_a_role_is_not_an_empty_one() {
    let steps = vec![
        put("a/x", 1, &[("replicate-to-namespaces", "b")]),
        put("a/y", 1, &[("replication-allowed", "true")]),
        put("b/y", 0, &[("replicate-from", "a/y")]),
        Step::Calm(90),
        Step::Revoke("a"),
        Step::Crash(0),
        Step::Calm(90),
        Step::Wait(Duration::from_secs(40)),
        Step::Act(Act::Fill(Id::new(Resource::Secret, "a", "y"), 2)),
        Step::Grant,
        Step::Wait(Duration::from_secs(40)),
        Step::Calm(90),
    ];
    holds(scoped(&["a", "b"]), steps);
}
