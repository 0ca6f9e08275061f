//! Somebody else has another will: webhooks, rivals, other controllers, other sources.

use std::time::Duration;

use k8s_replicator_sim::api::admission::{Effect, Policy};
use k8s_replicator_sim::api::object::{Id, Resource};
use k8s_replicator_sim::spec::Flags;
use k8s_replicator_sim::world::step::{Rivalry, Step};
use k8s_replicator_sim::world::users::Act;

use crate::{flags, holds, put, setting};

/// Seed 1220. A mutating webhook adds a key to what the controller writes: nothing was reported, and when the webhook was gone the
/// key stayed for ever, since the controller believes what it wrote itself, also in verification.
#[test]
fn a_webhook_that_changes_data_is_noticed() {
    let webhook = Policy { namespace: "b".to_owned(), effect: Effect::ChangeData };
    holds(
        setting(vec![flags()]),
        vec![put("a/y", 4, &[("replicate-to-namespaces", "b,team-1")]), Step::Forbid(webhook)],
    );
}

/// Seed 307, with the graph as it was before it knew since when a source is silent: the delay was counted from the start of the
/// program. Two controllers of different flags; one fills the replica, the other clears it, and not before the delay is over.
#[test]
fn the_delay_is_counted_from_when_the_source_fell_silent() {
    let generous = Flags { allow_all: true, ..flags() };
    let steps = vec![
        put("a/y", 3, &[("replicate-to-namespaces", "b,team-1")]),
        Step::Calm(60),
        put("team-1/x", 5, &[("replicate-to-namespaces", "b"), ("replicate-from", "b/y")]),
    ];
    holds(setting(vec![flags(), generous]), steps);
}

/// Seed 418: a page of a list that begins exactly where etcd was compacted can be read; a webhook hangs; the target that
/// waits was reported.
#[test]
fn a_webhook_that_hangs_is_reported() {
    let webhook = Policy { namespace: "team-1".to_owned(), effect: Effect::Hang };
    let mut setting = setting(vec![flags()]);
    setting.page = 2;
    let source = put("b/x", 1, &[("replicate-to-namespaces", "team-.*")]);
    holds(setting, vec![source, Step::Compact, Step::Forbid(webhook)]);
}

/// Seeds 113609, 311921. Somebody undoes each clear at once: the controller cleared again at once, five times and more within 30 ms
/// (SPEC 9.14: at once the first time, then after pauses that grow from 1 s).
#[test]
fn a_rival_that_undoes_a_clear_is_answered_after_pauses() {
    let replica = Id::new(Resource::Secret, "b", "x");
    let source = put("a/x", 4, &[("replicate-from", "b/x"), ("replicate-to-namespaces", "b")]);
    holds(
        setting(vec![flags()]),
        vec![
            Step::Rival(replica, Rivalry::Writes),
            Step::Calm(30),
            Step::Wait(Duration::from_secs(4)),
            source,
            Step::Calm(200),
        ],
    );
}

/// Seed 2764 of 28 November. A replica is made immutable while an admission webhook denies: when the webhook is gone, the update is
/// refused as invalid. That was looked into only among the first failures in a row; after others it was sent again for ever.
#[test]
fn a_refusal_as_invalid_is_looked_into_also_after_other_failures() {
    let denies = Policy { namespace: "b".to_owned(), effect: Effect::Deny(403, None) };
    let replica = Id::new(Resource::Secret, "b", "y");
    let steps = vec![
        put("a/y", 4, &[("replicate-to-namespaces", "b"), ("replicate-from", "a/x")]),
        Step::Calm(60),
        Step::Forbid(denies),
        put("a/y", 3, &[("replicate-to-namespaces", "b")]),
        Step::Act(Act::Freeze(replica)),
    ];
    holds(setting(vec![flags()]), steps);
}

/// Two controllers elect one of them; it is killed, cut off and stopped, and the wall clock jumps.
#[test]
fn one_of_two_that_elect_each_other_writes() {
    let mut setting = setting(vec![flags(), flags()]);
    setting.leader_elect = true;
    for slot in 0..2 {
        for fault in [Step::Crash(slot), Step::CutOff(slot), Step::Terminate(slot), Step::Jump(86_400)] {
            let steps = vec![
                put("a/x", 1, &[("replicate-to-namespaces", "b,team-1")]),
                Step::Calm(60),
                put("a/x", 2, &[("replicate-to-namespaces", "b,team-1")]),
                Step::Calm(3),
                fault.clone(),
                put("a/x", 3, &[("replicate-to-namespaces", "b,team-1")]),
                Step::Wait(Duration::from_secs(30)),
                fault,
                Step::Calm(30),
            ];
            holds(setting.clone(), steps);
        }
    }
}

/// Seed 623812. A replica that others made, and whose creator is not there, is left alone with all its annotations: nobody puts right what is
/// ill-formed among them, and nobody pulls from it meanwhile. The model passed over such a consent.
#[test]
fn what_nobody_puts_right_gives_nothing() {
    let copied = [("replicated-by", "a/x"), ("replication-allowed", "maybe")];
    let steps = vec![put("b/y", 2, &[("replicate-from", "a/y")]), put("a/y", 1, &copied)];
    holds(setting(vec![Flags { allow_all: true, ..flags() }]), steps);
}

/// Seed 9011730. Two controllers of which one does not know yet what the namespace accepts now: each deletes what the other made of
/// another source, without a pause, since each time it was for another source than the last time.
#[test]
fn two_sources_that_take_turns_are_slowed_down() {
    let (a, b) = ("k8s-replicator/accept-replicas-from".to_owned(), Id::of_namespace("b"));
    let accepts = |list: &str| Step::Act(Act::Annotate(b.clone(), a.clone(), list.to_owned()));
    let steps = vec![
        put("a/y", 4, &[("replicate-to-namespaces", "b,team-1")]),
        put("team-1/y", 4, &[("replicate-to-namespaces", "b")]),
        Step::Calm(10),
        accepts("a"),
        Step::Calm(60),
        accepts("team-.*"),
    ];
    let strict = Flags { require_acceptance: true, ..flags() };
    for controllers in [vec![flags(), flags()], vec![flags(), strict]] {
        holds(setting(controllers), steps.clone());
    }
}

/// Seed 9024336. A namespace gets its label, which one of two controllers sees before the other: what it makes the other deletes, until that
/// sees the label too. The simulation let its watch of namespaces wait for what went on meanwhile.
#[test]
fn two_controllers_of_which_one_sees_a_label_first_come_to_rest() {
    let source = put("a/x", 4, &[("replicate-to-namespace-selector", "env in (prod,stage)")]);
    let at_once = Flags { removal_delay: Duration::ZERO, ..flags() };
    for arrivals in 0..16 {
        let label = Step::Act(Act::Label(Id::of_namespace("team-1"), "env", Some("prod")));
        let steps = vec![source.clone(), Step::Calm(40), label, Step::Calm(arrivals)];
        holds(setting(vec![at_once.clone(), at_once.clone()]), steps);
    }
}

/// Seeds 10646139, 10888117. What a push created pulls, since its source became a combined one, from an object that pulls from it: a ring. A
/// rival opens the ring at once, each time that the controller closes it. Each write made a new version of a source, and the first write for a
/// new version was free: 115 requests for one object within a second.
#[test]
fn a_rival_that_opens_a_ring_again_and_again_is_answered_in_turns_of_seconds() {
    let replica = Id::new(Resource::Secret, "b", "x");
    let steps = vec![
        put("a/x", 1, &[("replicate-from", "b/x")]),
        put("a/z", 2, &[("replicate-to", "b/x,team-1/y"), ("replication-allowed", "true")]),
        Step::Calm(60),
        put("a/z", 3, &[("replicate-from", "a/x")]),
        Step::Rival(replica, Rivalry::Changes),
    ];
    holds(setting(vec![flags()]), steps);
}

/// The same where two replicas of combined sources pull from each other, and both are opened: each sees the other one open.
#[test]
fn two_rivals_that_open_a_ring_in_two_places_are_answered_in_turns_of_seconds() {
    let steps = vec![
        put("a/x", 1, &[("replicate-to", "b/x,b/y"), ("replication-allowed", "true")]),
        Step::Calm(60),
        put("a/x", 1, &[]),
        put("a/y", 2, &[("replicate-to", "b/x"), ("replicate-from", "b/y"), ("replication-allowed", "true")]),
        put("a/z", 3, &[("replicate-to", "b/y"), ("replicate-from", "b/x"), ("replication-allowed", "true")]),
        Step::Rival(Id::new(Resource::Secret, "b", "x"), Rivalry::Changes),
        Step::Rival(Id::new(Resource::Secret, "b", "y"), Rivalry::Changes),
        Step::Calm(200),
    ];
    holds(setting(vec![flags()]), steps);
}

/// Seed 10930642. A replica is made immutable, and then written once more with the data that it has: of that write the controller knew its data,
/// but not that it is immutable. It patched the replica for ever.
#[test]
fn a_replica_that_was_made_immutable_before_the_last_write_of_it_is_made_anew() {
    let replica = Id::new(Resource::Secret, "b", "x");
    let once_version = |version| [("replicate-to-namespaces", "b"), ("replicate-once-version", version)];
    let steps = vec![
        put("a/x", 3, &once_version("1")),
        Step::Calm(60),
        Step::Act(Act::Freeze(replica)),
        Step::Calm(60),
        put("a/x", 3, &once_version("2")),
        Step::Calm(60),
        put("a/x", 2, &once_version("2")),
    ];
    holds(setting(vec![flags()]), steps);
}
