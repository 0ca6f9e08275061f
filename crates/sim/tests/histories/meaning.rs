//! What annotations mean in odd situations.

use std::time::Duration;

use k8s_replicator_sim::api::object::{Id, Resource};
use k8s_replicator_sim::spec::Flags;
use k8s_replicator_sim::world::step::Step;
use k8s_replicator_sim::world::users::Act;

use crate::{flags, holds, put, put_of_type, setting};

/// Seed 69790: a once-replica that got no key holds what its type requires, which is no value: it is filled when its source lets keys go.
#[test]
fn a_once_replica_that_holds_a_minimal_value_is_filled() {
    let generous = Flags { allow_all: true, ..flags() };
    let asks = [("replicate-from", "a/x"), ("replicate-once", "1")];
    let steps = vec![
        put("a/x", 4, &[("replication-allowed-keys", "")]),
        put_of_type("kubernetes.io/ssh-auth", "b/x", 5, &asks),
        Step::Calm(30),
        put("a/x", 4, &[("replication-allowed-keys", "*,!k")]),
    ];
    holds(setting(vec![generous]), steps);
}

/// Seed 305930. A consent that is ill-formed on a replica is passed over, and with `--allow-all` everybody may pull then: what was
/// meant as a limit has become none.
#[test]
fn an_ill_formed_consent_on_a_replica_allows_nobody() {
    let replica = [("replicated-by", "team-1/x"), ("replication-allowed-namespaces", "(")];
    let steps = vec![put("a/z", 4, &replica), put("a/y", 1, &[("replicate-from", "a/z")])];
    holds(setting(vec![Flags { allow_all: true, ..flags() }]), steps);
}

/// Seeds 102269, 102814, 103205. A replica that pulls from itself (its source is combined, and names the replica) is in a ring and
/// gives nothing. A note of a push on it made its `replicate-from` pass for ill-formed ("a source that pushes cannot name
/// itself"), though a replica's push is ignored (SPEC 3.1): the ring was not seen any more, and its data was copied.
#[test]
fn a_push_on_a_replica_does_not_make_its_pull_ill_formed() {
    let replica = Id::new(Resource::Secret, "team-1", "x");
    let note = ("k8s-replicator/replicate-to-namespaces".to_owned(), "b".to_owned());
    let steps = vec![
        put("b/x", 2, &[("replicate-from", "team-1/x"), ("replication-allowed", "true"), ("replicate-to", ".*/x")]),
        Step::Calm(60),
        Step::Act(Act::Annotate(replica, note.0, note.1)),
    ];
    holds(setting(vec![flags()]), steps);
}

/// Seed 407377. A target whose source is in a ring with others, and that is not part of it, is served: the model took a ring of others
/// for a chain that is too long.
#[test]
fn what_hangs_on_a_ring_of_others_is_served() {
    let steps = vec![
        put("a/x", 1, &[("replication-allowed-namespaces", "b,team-1")]),
        put("b/x", 0, &[("replicate-from", "a/x"), ("replication-allowed", "true")]),
        Step::Calm(60),
        put("a/x", 0, &[("replicate-to-namespaces", "team-.*"), ("replicate-from", "b/x")]),
    ];
    holds(setting(vec![flags()]), steps);
}

/// Seed 419479. What a once-replica was copied from had no value yet, and has one later: nobody emptied the replica. The controller said so
/// after a restart, and filled it when there was none.
#[test]
fn a_once_replica_of_an_empty_source_is_the_same_with_and_without_a_restart() {
    let source = Id::new(Resource::Secret, "a", "y");
    for restarts in [false, true] {
        let mut steps =
            vec![put("a/y", 5, &[("replicate-to-namespaces", "team-.*"), ("replicate-once", "1")]), Step::Calm(60)];
        steps.extend(restarts.then_some(Step::Crash(0)));
        steps.push(Step::Act(Act::Fill(source.clone(), 1)));
        holds(setting(vec![flags()]), steps);
    }
}

/// Seed 629652. While a source's certificate is half-issued, what asks for one more copy goes on asking: its replicas do not take its
/// `replicate-once-version`. The model wanted them to.
#[test]
fn a_half_issued_certificate_goes_on_asking_for_one_more_copy() {
    let steps = vec![
        put("b/x", 4, &[("replication-allowed", "true"), ("replicate-to-namespaces", ".*")]),
        Step::Calm(60),
        Step::Act(Act::Delete(Id::new(Resource::Secret, "b", "x"))),
        put_of_type(
            "kubernetes.io/tls",
            "b/x",
            3,
            &[("replicate-to-namespaces", ".*"), ("replicate-once-version", "2")],
        ),
    ];
    holds(setting(vec![flags()]), steps);
}

/// Seed 800395. A silent source gets another removal delay, and stays silent: it has been so since it fell silent. The model counted from the
/// change of the delay.
#[test]
fn a_change_of_a_silent_source_does_not_begin_the_delay_anew() {
    let source = Id::new(Resource::Secret, "a", "x");
    let steps = vec![
        put("a/x", 1, &[("replicate-to-namespaces", "late,b")]),
        Step::Calm(60),
        Step::Act(Act::StripAll(source)),
        Step::Calm(60),
        Step::Wait(Duration::from_secs(3)),
        put("a/x", 1, &[("removal-delay", "4s")]),
    ];
    holds(setting(vec![Flags { removal_delay: Duration::from_secs(30), ..flags() }]), steps);
}

/// Seed 3000471. The first of a chain allows the last one's namespace no more: that counts at once, whatever the object between them has
/// handed down. The model went by what was handed down alone.
#[test]
fn each_object_of_a_chain_has_the_last_word() {
    for arrivals in 0..16 {
        let steps = vec![
            put("b/x", 1, &[("replication-allowed", "true")]),
            put("team-1/x", 0, &[("replicate-from", "b/x"), ("replication-allowed", "true")]),
            put("a/x", 0, &[("replicate-from", "team-1/x")]),
            Step::Calm(60),
            Step::Crash(0),
            put("b/x", 1, &[("replication-allowed-namespaces", "b,team-1")]),
            Step::Calm(arrivals),
        ];
        holds(setting(vec![flags()]), steps);
    }
}

/// Seed 7002443. A replica is immutable, and its user puts a `replicate-from` on it: what it holds counts as no copy of its source's data then.
/// It is the same data, so only the annotation goes. The model wanted it made anew; the controller did that where it knew that
/// it is immutable, though nothing was in the way of an update.
#[test]
fn an_immutable_replica_of_the_same_data_is_not_made_anew() {
    let replica = Id::new(Resource::Secret, "a", "y");
    for restarts in [false, true] {
        let source = put("team-1/y", 3, &[("replicate-to-namespaces", "a,b,team-1")]);
        let mut steps = vec![source, Step::Calm(60), Step::Act(Act::Freeze(replica.clone()))];
        steps.extend(restarts.then_some(Step::Crash(0)));
        let (name, value) = ("k8s-replicator/replicate-from".to_owned(), "team-1/x".to_owned());
        steps.push(Step::Act(Act::Annotate(replica.clone(), name, value)));
        holds(setting(vec![flags()]), steps);
    }
}

/// Seed 9013314. A source loses its push, and is paused while it does: its removal delay counts from then. The model counted from the end of the
/// pause.
#[test]
fn a_paused_source_that_pushes_no_more_is_silent() {
    let source = Id::new(Resource::Secret, "a", "y");
    let steps = vec![
        put("a/y", 1, &[("replicate-to-namespaces", "b")]),
        Step::Calm(60),
        put("a/y", 1, &[("paused", "true")]),
        Step::Calm(10),
        Step::Wait(Duration::from_secs(2)),
        Step::Act(Act::StripAll(source)),
    ];
    holds(setting(vec![flags()]), steps);
}

/// Seed 9023668. The older of two sources is paused, and of a protected type: it was decided by whether its type was known. It keeps the
/// name while it is paused.
#[test]
fn a_paused_source_of_a_protected_type_keeps_the_name_whether_its_type_is_known_or_not() {
    let notes = [("replicate-to", "b/z"), ("paused", "true")];
    let older = |notes| put_of_type("bootstrap.kubernetes.io/token", "a/x", 1, notes);
    for is_known in [false, true] {
        let mut steps = vec![older(&notes[..if is_known { 1 } else { 2 }]), Step::Calm(30), older(&notes)];
        steps.push(put("team-1/x", 2, &[("replicate-to", "b/z")]));
        holds(setting(vec![flags()]), steps);
    }
}

/// Seed 328794: a source became a replica, with an ill-formed selector among its annotations. What it says of a push counts for nothing then,
/// and is no silence either: the naive reading took an ill-formed push for none.
#[test]
fn a_source_that_becomes_a_replica_is_not_silent() {
    for ill_formed in [("replicate-to-namespace-selector", "env in prod"), ("replicate-to-namespaces", "(")] {
        let becomes = [("replicated-by", "b/y"), ("replicate-to", "b/x"), ill_formed];
        let steps = vec![put("a/x", 1, &[("replicate-to", "b/x")]), Step::Calm(60), put("a/x", 1, &becomes)];
        holds(setting(vec![flags()]), steps);
    }
}

/// Seed 2207930: a source was made again as one of a protected type, with fewer keys allowed: those were taken from a once-replica, without
/// a look at the type.
#[test]
fn nothing_is_trimmed_because_of_a_source_of_a_protected_type() {
    let source = Id::new(Resource::Secret, "a", "x");
    let steps = vec![
        put("a/x", 4, &[("replication-allowed", "true")]),
        put("b/x", 4, &[("replicate-from", "a/x"), ("replicate-once", "true")]),
        Step::Calm(60),
        Step::Act(Act::Delete(source)),
        put_of_type(
            "bootstrap.kubernetes.io/token",
            "a/x",
            2,
            &[("replication-allowed", "true"), ("replication-allowed-keys", "")],
        ),
    ];
    holds(setting(vec![flags()]), steps);
}

/// Seed 10514652: the source of a protected type came after the others, if its type was known, though it pulls from a paused one.
#[test]
fn a_source_of_a_protected_type_that_pulls_from_a_paused_one_keeps_the_name() {
    let token = |data, notes: &[(&str, &str)]| put_of_type("bootstrap.kubernetes.io/token", "a/x", data, notes);
    let steps = vec![
        token(3, &[("replicate-to", "y")]),
        Step::Calm(60),
        put("b/z", 0, &[("paused", "1")]),
        put("a/y", 4, &[("replicate-to-namespaces", ".*")]),
        token(1, &[("replicate-from", "b/z"), ("replicate-to", "b/x, team-1/y")]),
    ];
    holds(setting(vec![flags()]), steps);
}
