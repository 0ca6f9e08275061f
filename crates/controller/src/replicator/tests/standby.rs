//! A controller that writes nothing: one that only looks, and a standby.

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
    this.replicator.stand_by(true);
    this.seen(&source(2, "new"));
    for namespace in ["b", "c"] {
        this.seen(&replica(namespace, 7, 2));
    }
    let mut edited = replica("d", 8, 2);
    let somebody = json!({ "manager": "kubectl-edit", "operation": "Update", "fieldsV1": { "f:data": { "f:k": {} } } });
    edited["metadata"]["managedFields"].as_array_mut().unwrap().push(somebody);
    this.seen(&edited);
    this.replicator.stand_by(false);
    // The source was changed by somebody as well.
    let read = this.asks_for("read a/src");
    this.answer(read, content(&source(2, "v1")));
    this.asks_for("read d/src");
}
