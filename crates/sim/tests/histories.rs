//! Regression tests: histories that a failing seed once found, as the steps of its shrunken script.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use k8s_replicator_sim::api::admission::{Effect, Policy};
use k8s_replicator_sim::api::object::{Id, Resource};
use k8s_replicator_sim::run::{Script, run};
use k8s_replicator_sim::spec::Flags;
use k8s_replicator_sim::world::Setting;
use k8s_replicator_sim::world::step::{Flow, Rivalry, Step};
use k8s_replicator_sim::world::users::Act;

fn flags() -> Flags {
    Flags::default()
}

fn setting(controllers: Vec<Flags>) -> Setting {
    Setting::quiet(1, controllers)
}

fn put(key: &str, data: u8, annotations: &[(&str, &str)]) -> Step {
    put_of_type("Opaque", key, data, annotations)
}

fn put_of_type(type_: &'static str, key: &str, data: u8, annotations: &[(&str, &str)]) -> Step {
    let (namespace, name) = key.split_once('/').unwrap();
    Step::Act(Act::Put {
        id: Id::new(Resource::Secret, namespace, name),
        type_,
        data,
        annotations: annotations
            .iter()
            .map(|(name, value)| (format!("k8s-replicator/{name}"), (*value).to_owned()))
            .collect(),
        immutable: false,
        finalizer: false,
        manager: "kubectl-client-side-apply",
    })
}

/// The same as somebody else's write.
fn put_by(manager: &'static str, key: &str, data: u8, annotations: &[(&str, &str)]) -> Step {
    let Step::Act(Act::Put { id, type_, data, annotations, immutable, finalizer, .. }) = put(key, data, annotations)
    else {
        panic!("it puts");
    };
    Step::Act(Act::Put { id, type_, data, annotations, immutable, finalizer, manager })
}

fn holds(setting: Setting, steps: Vec<Step>) {
    let ran = run(&Script { setting, steps }, true);
    if let Some(violation) = ran.violation {
        panic!("{}\n{}: {}", ran.story.join("\n"), violation.property, violation.what);
    }
}

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

/// Seed 7: an annotation of somebody else that is no UTF-8 made every later list unreadable.
#[test]
fn an_annotation_that_is_no_utf_8_stops_nothing() {
    let source = Id::new(Resource::Secret, "a", "x");
    let mut setting = setting(vec![flags()]);
    setting.page = 2;
    let steps = vec![
        put("a/x", 1, &[("replicate-to-namespaces", "b")]),
        Step::Calm(30),
        Step::Act(Act::Scribble(source.clone())),
        Step::Act(Act::Fill(source, 2)),
        Step::Crash(0),
    ];
    holds(setting, steps);
}

/// Seeds 101, 140, 576: etcd goes back to before what the controller wrote, and then nothing else happens.
#[test]
fn a_restore_to_before_the_controllers_writes_is_noticed() {
    let steps =
        vec![put("a/x", 2, &[("replicate-to", "b/x,team-1/x")]), Step::BackUp, Step::Calm(30), Step::Restore(false)];
    holds(setting(vec![flags()]), steps);
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

/// Seeds 111480, 112474. The restored version is one that the watch has seen already, but older than the controller's own writes,
/// which are gone: the watch goes on as if nothing had been, and lists never show what is missing, since what a write answered
/// counts as newer than they are.
#[test]
fn a_restore_to_between_the_watch_and_the_writes_is_noticed() {
    let mut setting = setting(vec![flags()]);
    setting.resync_period = Duration::ZERO;
    // At each point of what follows on the source.
    for arrivals in 0..12 {
        let source = put("b/x", 4, &[("replicate-to", "team-1/x")]);
        let steps = vec![Step::Calm(30), source, Step::BackUp, Step::Calm(arrivals), Step::Restore(false)];
        holds(setting.clone(), steps);
    }
}

/// Seed 305930. A consent that is ill-formed on a replica is passed over, and with `--allow-all` everybody may pull then: what was
/// meant as a limit has become none.
#[test]
fn an_ill_formed_consent_on_a_replica_allows_nobody() {
    let replica = [("replicated-by", "team-1/x"), ("replication-allowed-namespaces", "(")];
    let steps = vec![put("a/z", 4, &replica), put("a/y", 1, &[("replicate-from", "a/z")])];
    holds(setting(vec![Flags { allow_all: true, ..flags() }]), steps);
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

/// Seed 2877 of 28 November. etcd is restored between two pages of the first list, which is begun again: what the first page had
/// shown was newer than all that is there now, and was not known as gone back. Reads were refused as older for ever.
#[test]
fn a_restore_between_two_pages_of_a_list_is_noticed() {
    let mut setting = setting(vec![flags()]);
    (setting.page, setting.resync_period) = (2, Duration::ZERO);
    let steps = vec![
        put("b/y", 1, &[]),
        put("a/x", 4, &[("replication-allowed", "true")]),
        put("b/x", 4, &[("replicate-from", "a/x")]),
        Step::BackUp,
        Step::Calm(30),
        Step::Crash(0),
        Step::Calm(2),
        Step::Restore(false),
    ];
    holds(setting.clone(), steps.clone());
    // At each moment of the list.
    for arrivals in 0..8 {
        let mut steps = steps.clone();
        steps[6] = Step::Calm(arrivals);
        holds(setting.clone(), steps);
    }
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

/// Seed 411367. A backup directly after a restore: the versions of the model overtook those from before while the watches were away,
/// so that without a resync period nothing could show what was gone. Where a response has shown it, the watch now finds that out;
/// where only the watch has, the model was wrong.
#[test]
fn a_restore_is_noticed_when_a_backup_follows_it() {
    for resync_period in [Duration::ZERO, Duration::from_secs(120)] {
        let setting = Setting { resync_period, ..setting(vec![flags()]) };
        // At each point of what follows on the source.
        for arrivals in 0..16 {
            let source = put("a/x", 2, &[("replicate-to-namespaces", "b,team-1")]);
            let late = put("a/y", 1, &[("replicate-to-namespaces", "b")]);
            let to_the_restore = [Step::Calm(30), source, Step::BackUp, Step::Calm(arrivals), Step::Restore(false)];
            holds(setting.clone(), [&to_the_restore[..], &[Step::BackUp, late]].concat());
        }
    }
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

/// Seed 117260. The name was refused to a push a few times; then its user makes an object of another type there, which pulls. That its
/// type was not known led to a read only after the first refusals: it was written on a wrong guess of its type for ever.
#[test]
fn a_type_that_is_not_known_is_read_however_many_writes_were_refused() {
    let guard = Policy { namespace: "b".to_owned(), effect: Effect::Deny(422, None) };
    let mut steps = vec![
        put("a/y", 5, &[("replication-allowed", "true")]),
        put("a/x", 1, &[("replicate-to-namespaces", "b")]),
        Step::Forbid(guard),
    ];
    for _ in 0..5 {
        steps.extend([Step::Calm(30), Step::Wait(Duration::from_millis(500))]);
    }
    steps.extend([
        put_of_type("example.com/own", "b/x", 0, &[("replicate-from", "a/y")]),
        Step::Calm(30),
        Step::Permit,
    ]);
    holds(setting(vec![flags()]), steps);
}

/// Seed 623812. A replica that others made, and whose creator is not there, is left alone with all its annotations: nobody puts right what is
/// ill-formed among them, and nobody pulls from it meanwhile. The model passed over such a consent.
#[test]
fn what_nobody_puts_right_gives_nothing() {
    let copied = [("replicated-by", "a/x"), ("replication-allowed", "maybe")];
    let steps = vec![put("b/y", 2, &[("replicate-from", "a/y")]), put("a/y", 1, &copied)];
    holds(setting(vec![Flags { allow_all: true, ..flags() }]), steps);
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

/// Seed 5001793. The controller makes a replica, reads it for who pulls from it, and a cache that lags says that it is missing: that was
/// believed, though it is older than what the write was answered. It was made anew, refused as existing, and looked up, within
/// milliseconds and without end.
#[test]
fn a_cache_that_lags_behind_a_write_is_not_believed_that_the_object_is_missing() {
    let mut setting = setting(vec![Flags { removal_delay: Duration::from_secs(30), ..flags() }]);
    setting.stale_reads = true;
    let steps = vec![
        put("b/y", 2, &[("replicate-to-namespaces", "team-.*"), ("replication-allowed", "true")]),
        put("a/y", 3, &[("replicate-to-namespaces", ".*")]),
        Step::Calm(60),
        Step::Act(Act::StripAll(Id::new(Resource::Secret, "a", "y"))),
        put_of_type("kubernetes.io/tls", "a/z", 5, &[("replicate-from", "team-1/y")]),
    ];
    holds(setting, steps);
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

/// Seed 9010083. A list ends while a replica is being made, and does not show it: it is looked up. A cache that lags says it is missing, and
/// the API server that it exists, in turns.
#[test]
fn what_exists_and_is_missing_in_turns_is_not_asked_for_in_a_hot_loop() {
    let mut setting = setting(vec![flags()]);
    (setting.stale_reads, setting.balanced, setting.page) = (true, true, 2);
    for arrivals in 0..24 {
        let steps = vec![
            put("team-1/x", 4, &[("replicate-to", "b/z")]),
            put("team-1/y", 4, &[]),
            Step::Calm(30),
            Step::Flow(0, Flow::Expired),
            Step::Flow(0, Flow::All),
            put("a/y", 1, &[("replicate-to-namespaces", "a,b,team-1")]),
            Step::Calm(arrivals),
        ];
        holds(setting.clone(), steps);
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

/// etcd is restored without `--bump-revision`, and the controller is restarted after it: versions that come again confuse nothing.
#[test]
fn versions_that_are_given_again() {
    for arrivals in 0..12 {
        let steps = vec![
            put("a/x", 1, &[("replicate-to", "b/x,team-1/x")]),
            Step::Calm(60),
            Step::BackUp,
            Step::Act(Act::Fill(Id::new(Resource::Secret, "a", "x"), 2)),
            Step::Calm(arrivals),
            Step::Restore(true),
            Step::Act(Act::Fill(Id::new(Resource::Secret, "a", "x"), 3)),
        ];
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
