//! A controller that writes nothing: one that only looks, and a standby.

use k8s_replicator_core::reason::Reason;

use super::*;

/// Issue 12: who only looks asks at most whether an object exists. What the controller in the cluster wrote is believed, also after the
/// first lists.
#[test]
fn a_controller_that_only_looks_writes_nothing_and_reads_no_content() {
    let target = "replicated-by=a/s replicated-from-version=1";
    let objects = [
        object("a/s", 2, "replicate-to-namespaces=b,c", json!({ "k": "bmV3" })),
        object("b/s", 5, target, json!({ "k": "b2xk" })),
        object("c/x", 6, "replicate-from=a/gone", json!({})),
        object("c/drifted", 6, "replicated-by=a/other replicated-from-version=1", json!({})),
    ];
    let settings =
        Settings { rules: Rules::default(), scope: Scope::default(), entropy: Box::new(|| 0), tells_all: true };
    let mut this = Loop { replicator: Replicator::new(&Secret, settings), moment: Moment::ZERO };
    this.replicator.only_look();
    this.fill(&objects);
    this.moment += Duration::from_secs(3_600);
    let (asked, _) = this.asks();
    assert!(asked.iter().all(|request| request.starts_with("look ")), "{asked:?}");
    assert!(asked.contains(&"look a/gone".to_owned()), "{asked:?}");
    let state = |this: &Loop| this.replicator.look(&key("b/s").into()).0.unwrap().state;
    assert_eq!(state(&this), k8s_replicator_core::state::State::Waiting);
    // The controller in the cluster copied it.
    this.seen(&object("b/s", 7, "replicated-by=a/s replicated-from-version=2", json!({ "k": "bmV3" })));
    assert_eq!(this.asks().0, [""; 0]);
    assert_eq!(state(&this), k8s_replicator_core::state::State::Current);
}

/// SPEC 13: a standby takes over at once. What the leader wrote meanwhile is not read; what somebody else changed is.
#[test]
fn a_standby_reads_nothing_of_what_the_leader_wrote() {
    let mut this = Loop::of(&Secret, &[]);
    this.stand_by(true);
    this.seen(&source(2, "new"));
    for namespace in ["b", "c"] {
        this.seen(&replica(namespace, 7, 2));
    }
    let mut edited = replica("d", 8, 2);
    let somebody = json!({ "manager": "kubectl-edit", "operation": "Update", "fieldsV1": { "f:data": { "f:k": {} } } });
    edited["metadata"]["managedFields"].as_array_mut().unwrap().push(somebody);
    this.seen(&edited);
    this.stand_by(false);
    // The source was changed by somebody as well.
    let read = this.asks_for("read a/src");
    this.answer(read, content(&source(2, "v1")));
    this.asks_for("read d/src");
}

/// Of what is named in one piece too: what nothing names any more is not kept until it takes over.
#[test]
fn a_standby_lets_go_of_what_nothing_names_any_more() {
    let says = |version, says: &str| object("a/all", version, says, json!({}));
    let mut this = Loop::of(&Secret, &[]);
    this.stand_by(true);
    this.seen(&says(2, "replicate-to=x,y,z replicate-to-namespaces=b,c,d"));
    this.seen(&object("b/x", 3, "", json!({})));
    let is_kept = |this: &Loop| this.replicator.graph().node(&key("b/x")).is_some();
    assert!(is_kept(&this), "it has a name that is pushed to");
    this.seen(&says(4, "replication-allowed=true"));
    assert!(!is_kept(&this));
}

/// What was refused while it led, and is not named any more when it leads again, does not count as refused for ever.
#[test]
fn what_nothing_names_any_more_when_it_takes_over_again_is_forgotten() {
    let of =
        |this: &Loop, name: &str| this.replicator.standing().of(&key(name).into()).map(|(stands, _)| stands.reason);
    let push = |version, to: &str| object("a/two", version, &format!("paused=true replicate-to={to}"), json!({}));
    let mut this = Loop::of(&Secret, &[]);
    this.seen(&push(50, "b/one"));
    this.asks_nothing();
    assert_eq!(of(&this, "b/one"), Some(Some(Reason::Paused)));
    this.stand_by(true);
    this.seen(&push(60, "b/two"));
    this.stand_by(false);
    this.asks_nothing();
    assert_eq!(["b/one", "b/two"].map(|name| of(&this, name)), [None, Some(Some(Reason::Paused))]);
}

/// Issue 9, 1: nothing grows on a standby, however long another one leads: what it saw waited in its queue, in storms, and in the metric of
/// how long changes take. When it takes over it decides about all targets, once.
#[test]
fn a_standby_queues_nothing_and_decides_about_all_when_it_takes_over() {
    let mut this = Loop::of(&Secret, &[]);
    this.replicator.tell_events();
    this.stand_by(true);
    for version in 2..600_u64 {
        this.moment += Duration::from_millis(10);
        this.seen(&source(version * 10, "new"));
        let name = format!("pr-{version}");
        let facts = NamespaceFacts::new(false);
        this.namespace(NamespaceEvent::Seen { name: name.clone(), facts });
        let push = object(
            "a/all",
            version * 10 + 1,
            &format!("replicate-to-namespaces=.* replicate-once-version={version}"),
            json!({}),
        );
        this.seen(&push);
        this.namespace(NamespaceEvent::Deleted { name });
        this.stand_by(true);
        assert!(this.replicator.queue.is_idle() && this.replicator.storms.is_calm());
    }
    this.object(ObjectEvent::ListBegins(Part::Cluster));
    this.seen(&source(6_000, "new"));
    this.seen(&replica("b", 6_001, 6_000));
    this.object(ObjectEvent::ListEnds(Part::Cluster, ResourceVersion::new("6001")));
    assert!(this.replicator.queue.is_idle(), "a relist");
    this.moment += Duration::from_secs(86_400);
    this.stand_by(false);
    let read = this.asks_for("read a/src");
    this.answer(read, content(&source(6_000, "v1")));
    let (asked, tickets) = this.asks();
    assert_eq!(asked, ["create c/src", "create d/src"], "the replica in b is believed");
    for (ticket, (namespace, version)) in tickets.into_iter().zip([("c", 6_002), ("d", 6_003)]) {
        this.answer(ticket, content(&replica(namespace, version, 6_000)));
    }
    let mut samples = crate::metrics::Samples::default();
    this.replicator.metrics(this.moment, true, &mut samples);
    assert_eq!(
        samples.get(crate::metrics::Metric::Propagation, &["Secret"]),
        Some(0.0),
        "nobody knows since when they were due"
    );
}
