//! What an API server says that is not so any more, or cannot be read: restores of etcd, caches, strange answers.

use std::time::Duration;

use k8s_replicator_sim::api::admission::{Effect, Policy};
use k8s_replicator_sim::api::object::{Id, Resource};
use k8s_replicator_sim::spec::Flags;
use k8s_replicator_sim::world::Setting;
use k8s_replicator_sim::world::step::{Flow, Step};
use k8s_replicator_sim::world::users::Act;

use crate::{flags, holds, put, put_of_type, setting};

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
