//! The control loop, driven by hand: the requests that it makes, and how it handles each response.

mod budget;
mod copies;
mod events;
mod failures;
mod in_flight;
mod lists;
mod metrics;
mod policy;
mod reports;
mod sim;
mod standby;
mod trouble;

use k8s_replicator_core::action::Action;
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::facts::Facts;
use k8s_replicator_core::kind::{ConfigMap, Secret};
use k8s_replicator_core::names::Key;
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Observed, ResourceVersion, content_from_json};
use k8s_replicator_core::scope::{Part, Scope};
use serde_json::{Value, json};

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use k8s_replicator_core::payload::Payload;

use super::*;
use crate::backoff::RetryAfter;
use crate::cluster::{Answer, Failure, FailureKind};
use crate::report::Outcome;

/// A replicator with a clock that stands still until it is moved.
struct Loop {
    replicator: Replicator,
    moment: Moment,
}

fn key(text: &str) -> Key {
    Key::resolve(text, "none").unwrap()
}

/// What `managedFields` say of an object whose data and annotations the controller alone wrote.
fn written_by_the_controller() -> Value {
    let fields = json!({ "f:metadata": { "f:annotations": { "f:p/replicated-by": {} } }, "f:data": { ".": {} } });
    json!([{ "manager": "k8s-replicator", "operation": "Update", "apiVersion": "v1", "time": "2026-01-02T03:04:05Z",
        "fieldsType": "FieldsV1", "fieldsV1": fields }])
}

/// An object as the server gives it. `annotations`: `name=value`, separated by spaces.
fn object(name: &str, version: u64, annotations: &str, data: Value) -> Value {
    let key = key(name);
    let annotations: serde_json::Map<String, Value> = annotations
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (format!("p/{name}"), json!(value)))
        .collect();
    json!({
        "metadata": {
            "namespace": key.namespace(), "name": key.name(), "uid": format!("uid-of-{name}"),
            "resourceVersion": version.to_string(), "annotations": annotations, "managedFields": written_by_the_controller(),
        },
        "type": "Opaque",
        "data": data,
    })
}

fn observed(object: &Value) -> Observed {
    Observed::from_json(&object.to_string(), &Dialect::new("p/", false)).unwrap()
}

fn content(object: &Value) -> Answer {
    Answer::Content(observed(object), content_from_json(&object.to_string(), &Secret).unwrap())
}

fn content_of(object: &Value, kind: &dyn Kind) -> Answer {
    Answer::Content(observed(object), content_from_json(&object.to_string(), kind).unwrap())
}

fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, "the server's words")
}

/// A request in few words; writes with their data and the version that they require.
fn words(request: &Request) -> String {
    match request {
        Request::Look(key) => format!("look {key}"),
        Request::Read(key) => format!("read {key}"),
        Request::Write(Action::Create(create)) => format!("create {}", create.target()),
        Request::Write(Action::Adopt(adopt)) => {
            format!("adopt {} at {}", adopt.target(), adopt.precondition().resource_version)
        }
        Request::Write(Action::Update(update)) => {
            format!("update {} at {}", update.target(), update.precondition().resource_version)
        }
        Request::Write(Action::Delete(delete)) => {
            format!("delete {} at {}", delete.target(), delete.precondition().resource_version)
        }
    }
}

impl Loop {
    /// Namespaces `a` to `d`, and these objects in the first list.
    fn with(objects: &[Value]) -> Self {
        Self::of(&Secret, objects)
    }

    fn of(kind: &'static dyn Kind, objects: &[Value]) -> Self {
        Self::under(kind, Rules::default(), objects)
    }

    fn under(kind: &'static dyn Kind, rules: Rules, objects: &[Value]) -> Self {
        let settings = Settings { rules, scope: Scope::default(), entropy: Box::new(|| 0), tells_all: true };
        let mut this = Self { replicator: Replicator::new(kind, settings), moment: Moment::ZERO };
        this.fill(objects);
        this
    }

    /// The first lists.
    fn fill(&mut self, objects: &[Value]) {
        self.namespace(NamespaceEvent::ListBegins);
        for name in ["a", "b", "c", "d"] {
            self.namespace(NamespaceEvent::Seen { name: name.into(), facts: NamespaceFacts::new(false) });
        }
        self.namespace(NamespaceEvent::ListEnds);
        self.object(ObjectEvent::ListBegins(Part::Cluster));
        objects.iter().for_each(|object| self.seen(object));
        assert!(self.requests().is_empty(), "nothing is done before the first list is complete");
        self.object(ObjectEvent::ListEnds(Part::Cluster, ResourceVersion::new("9")));
    }

    fn stand_by(&mut self, stands_by: bool) {
        self.replicator.stand_by(self.now(), stands_by);
    }

    fn now(&self) -> Now {
        Now { moment: self.moment, time: jiff::Timestamp::from_second(1_700_000_000).unwrap() }
    }

    fn object(&mut self, event: ObjectEvent) {
        self.replicator.object(self.now(), event);
    }

    fn namespace(&mut self, event: NamespaceEvent) {
        self.replicator.namespace(self.now(), event);
    }

    fn seen(&mut self, object: &Value) {
        self.object(ObjectEvent::Seen(observed(object)));
    }

    fn requests(&mut self) -> Vec<(Ticket, Request)> {
        let now = self.now();
        std::iter::from_fn(|| self.replicator.next_request(now, &mut TURNS_AT_ONCE.clone())).collect()
    }

    /// What is asked for now, in words, sorted.
    fn asks(&mut self) -> (Vec<String>, Vec<Ticket>) {
        let mut requests: Vec<_> = self.requests().iter().map(|(ticket, r)| (words(r), *ticket)).collect();
        requests.sort();
        requests.into_iter().unzip()
    }

    /// The one request that is asked for now.
    fn asks_for(&mut self, expected: &str) -> Ticket {
        let (asked, tickets) = self.asks();
        assert_eq!(asked, [expected]);
        tickets[0]
    }

    #[track_caller]
    fn asks_nothing(&mut self) {
        assert_eq!(self.asks().0, [""; 0]);
    }

    fn answer(&mut self, ticket: Ticket, answer: Answer) {
        self.replicator.answer(self.now(), ticket, Ok(answer));
    }

    fn fails(&mut self, ticket: Ticket, kind: FailureKind) {
        self.replicator.answer(self.now(), ticket, Err(failure(kind)));
    }

    /// Reports as `target outcome reason`, without "nothing".
    fn reports(&mut self) -> Vec<String> {
        let reports = self.replicator.take_reports();
        let shown = reports.iter().filter_map(|report| {
            let (target, reason) = (&report.target, report.verdict.reason);
            match &report.outcome {
                Outcome::Nothing => None,
                Outcome::Done { verb, .. } => Some(format!("{target} {} {reason}", verb.word())),
                Outcome::Refused => Some(format!("{target} refused {reason}")),
                Outcome::Waits(_) => Some(format!("{target} waits {reason}")),
                Outcome::Advice => Some(format!("{target} advice {reason}")),
                Outcome::Failed { reason, .. } => Some(format!("{target} failed {reason}")),
            }
        });
        shown.collect()
    }

    /// Moves the clock to when the replicator wants to be asked again.
    fn wait(&mut self) -> Duration {
        let at = self.replicator.wake_at(self.now()).unwrap();
        let waited = at.saturating_sub(self.moment);
        self.moment = at;
        waited
    }
}

fn source(version: u64, value: &str) -> Value {
    object("a/src", version, "replicate-to-namespaces=b,c,d", json!({ "k": value }))
}

fn replica(namespace: &str, version: u64, of: u64) -> Value {
    let annotations = format!("replicated-by=a/src replicated-from-version={of}");
    object(&format!("{namespace}/src"), version, &annotations, json!({ "k": "v1" }))
}

#[test]
fn a_source_is_read_once_for_all_its_targets_and_they_are_written_side_by_side() {
    let mut it = Loop::with(&[source(1, "v1")]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let (asked, tickets) = it.asks();
    assert_eq!(asked, ["create b/src", "create c/src", "create d/src"]);
    for (ticket, (namespace, version)) in tickets.into_iter().zip([("b", 2), ("c", 3), ("d", 4)]) {
        it.answer(ticket, Answer::Seen(observed(&replica(namespace, version, 1))));
    }
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/src create NewTarget", "c/src create NewTarget", "d/src create NewTarget"]);
    // The echo of its own writes says nothing new.
    for (namespace, version) in [("b", 2), ("c", 3), ("d", 4)] {
        it.seen(&replica(namespace, version, 1));
    }
    it.asks_nothing();
    assert!(it.replicator.is_idle());
}

/// What is known of a replica is what the response shows: the source's data, if the server stored what was sent, and its own if a
/// webhook changed the data.
#[test]
fn what_is_known_of_a_replica_is_what_the_server_stored() {
    let mut it = Loop::with(&[source(1, "v1")]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let (_, tickets) = it.asks();
    let changed = object("c/src", 3, "replicated-by=a/src replicated-from-version=1", json!({ "k": "other" }));
    let stored = [replica("b", 2, 1), changed.clone(), replica("d", 4, 1)];
    for (ticket, object) in tickets.into_iter().zip(&stored) {
        it.answer(ticket, content(object));
    }
    for object in &stored {
        let Answer::Content(observed, content) = content(object) else { panic!("no content") };
        let facts = Facts::of(&Secret, content.type_.as_deref(), &content.payload);
        let node = it.replicator.graph.node(&observed.key).unwrap();
        assert_eq!(node.knowledge, Knowledge::Known(facts), "{}", observed.key);
        assert_eq!(node.type_.as_deref(), Some("Opaque"));
    }
    assert_eq!(it.asks().0, ["update c/src at 3"], "what the webhook changed is put right");
}

/// Its own write of annotations or labels leaves the data as it is known, also where the watch shows it before the response does.
#[test]
fn a_target_that_keeps_its_data_is_not_read() {
    let mut it = Loop::with(&[source(1, "v1")]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let (_, tickets) = it.asks();
    for (ticket, (namespace, version)) in tickets.into_iter().zip([("b", 2), ("c", 3), ("d", 4)]) {
        it.answer(ticket, Answer::Seen(observed(&replica(namespace, version, 1))));
    }
    let with = |name: &str, version: u64, annotations: &str| {
        object(name, version, &format!("{annotations} replication-allowed=true"), json!({ "k": "v1" }))
    };
    let source = with("a/src", 5, "replicate-to-namespaces=b,c,d");
    it.seen(&source);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source));
    let (asked, tickets) = it.asks();
    assert!(asked.len() == 3 && asked.iter().all(|asked| asked.starts_with("update ")), "{asked:?}");
    for (ticket, (name, version)) in tickets.into_iter().zip([("b/src", 6), ("c/src", 7), ("d/src", 8)]) {
        let replica = with(name, version, "replicated-by=a/src replicated-from-version=1");
        it.seen(&replica);
        it.answer(ticket, Answer::Seen(observed(&replica)));
    }
    it.asks_nothing();
    assert!(it.replicator.is_idle());
}

#[test]
fn a_restart_with_nothing_to_do_asks_for_nothing() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1), replica("d", 4, 1)]);
    it.asks_nothing();
    assert!(it.reports().is_empty() && it.replicator.is_idle());
}

#[test]
fn a_bounded_number_of_targets_is_decided_about_before_the_thread_does_anything_else() {
    let sources = (0..2 * TURNS_AT_ONCE + 10).map(|n| object(&format!("a/s{n}"), 7, "replicate-to=b/r", json!({})));
    let mut this = Loop::with(&sources.collect::<Vec<_>>());
    let (now, mut turns) = (this.now(), TURNS_AT_ONCE);
    // One of them gets the name; each of the others is a target that is looked at, and needs nothing.
    let many = (0..2 * TURNS_AT_ONCE + 10).map(|n| object(&format!("c/t{n}"), 8, "replicate-from=d/none", json!({})));
    many.for_each(|object| this.seen(&object));
    let requests = std::iter::from_fn(|| this.replicator.next_request(now, &mut turns)).count();
    assert!(turns == 0 && requests < 10, "{turns} turns are left, after {requests} requests");
    assert_eq!(this.replicator.wake_at(now), Some(now.moment), "the rest is decided about in the next poll");
    this.requests();
    while this.replicator.wake_at(now) == Some(now.moment) {
        this.requests();
    }
    assert!(this.replicator.next_request(now, &mut TURNS_AT_ONCE.clone()).is_none(), "all were decided about");
}

#[test]
fn a_conflict_means_look_again_and_decide_again() {
    let mut it = Loop::with(&[source(5, "v2"), replica("b", 2, 5), replica("c", 3, 5)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(5, "v2")));
    let create = it.asks_for("create d/src");
    it.fails(create, FailureKind::Conflict);
    let look = it.asks_for("look d/src");
    // Somebody else's object has the name.
    it.answer(look, Answer::Seen(observed(&object("d/src", 9, "", json!({})))));
    it.asks_nothing();
    assert_eq!(it.reports(), ["d/src refused NotCreatedBySource"]);
    // It is not reported again for the same state, and the name is taken as soon as it is free.
    it.seen(&source(6, "v2"));
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(6, "v2")));
    let (asked, _) = it.asks();
    assert_eq!(asked, ["read b/src", "read c/src"], "their content is not known, and their version is an older one");
    assert!(it.reports().is_empty());
    it.object(ObjectEvent::Deleted(key("d/src"), observed(&object("d/src", 9, "", json!({}))).uid));
    it.asks_for("create d/src");
}

#[test]
fn a_lost_reply_is_no_second_write() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let create = it.asks_for("create d/src");
    it.fails(create, FailureKind::Unreachable);
    assert_eq!(it.reports(), ["d/src failed Unreachable"]);
    // The write was carried out all the same; the watch delivers it before the next attempt.
    it.seen(&replica("d", 7, 1));
    let read = it.asks_for("read d/src");
    it.answer(read, content(&replica("d", 7, 1)));
    it.asks_nothing();
    it.wait();
    it.asks_nothing();
    assert!(it.reports().is_empty());
}

#[test]
fn one_failing_target_delays_no_other_and_comes_back_after_growing_pauses() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let (asked, tickets) = it.asks();
    assert_eq!(asked, ["create c/src", "create d/src"]);
    it.fails(tickets[0], FailureKind::Forbidden);
    it.answer(tickets[1], Answer::Seen(observed(&replica("d", 4, 1))));
    assert_eq!(it.reports(), ["c/src failed Forbidden", "d/src create NewTarget"]);
    let mut waits = Vec::new();
    for _ in 0..3 {
        it.asks_nothing();
        waits.push(it.wait().as_millis());
        let create = it.asks_for("create c/src");
        it.fails(create, FailureKind::Forbidden);
    }
    assert_eq!(waits, [100, 200, 400]);
    // When something happens to it, it is tried at once.
    it.namespace(NamespaceEvent::Deleted { name: "c".into() });
    it.namespace(NamespaceEvent::Seen { name: "c".into(), facts: NamespaceFacts::new(false) });
    it.asks_for("create c/src");
}

#[test]
fn a_server_that_is_throttling_is_left_alone_for_as_long_as_it_says() {
    let mut it = Loop::with(&[source(1, "v1")]);
    let read = it.asks_for("read a/src");
    let throttled =
        Failure { retry_after: Some(RetryAfter::new(Duration::from_secs(7))), ..failure(FailureKind::Throttled) };
    it.replicator.answer(it.now(), read, Err(throttled));
    it.asks_nothing();
    it.namespace(NamespaceEvent::Seen { name: "e".into(), facts: NamespaceFacts::new(false) });
    it.seen(&source(2, "v2"));
    it.asks_nothing();
    assert_eq!(it.wait(), Duration::from_secs(7));
    it.asks_for("read a/src");
}

#[test]
fn a_replica_whose_update_is_invalid_is_read_and_made_again_if_its_type_is_another_one() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1), replica("d", 4, 1)]);
    it.asks_nothing();
    // The source was made again with another type; nobody knows the type of the replicas yet.
    let mut again = source(10, "v1");
    again["metadata"]["uid"] = json!("another");
    again["type"] = json!("example.com/other");
    it.seen(&again);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&again));
    let (asked, tickets) = it.asks();
    assert_eq!(asked, ["read b/src", "read c/src", "read d/src"]);
    it.answer(tickets[0], content(&replica("b", 2, 1)));
    let delete = it.asks_for("delete b/src at 2");
    it.answer(delete, Answer::Deleted);
    it.object(ObjectEvent::Deleted(key("b/src"), observed(&replica("b", 2, 1)).uid));
    it.asks_for("create b/src");
    assert_eq!(it.reports(), ["b/src recreate TypeChanged"]);
}

#[test]
fn an_invalid_update_is_repeated_only_after_the_target_was_read() {
    let pulling = |version| object("b/t", version, "replicate-from=a/src", json!({}));
    let source = object("a/src", 1, "replication-allowed=true", json!({ "k": "v" }));
    let mut it = Loop::with(&[source.clone(), pulling(2)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source));
    let update = it.asks_for("update b/t at 2");
    it.fails(update, FailureKind::Invalid);
    let read = it.asks_for("read b/t");
    let mut immutable = pulling(2);
    immutable["immutable"] = json!(true);
    it.answer(read, content(&immutable));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t refused TargetImmutable"]);
}

#[test]
fn a_source_that_changes_while_it_is_copied_is_copied_as_it_is_in_the_end() {
    let mut it = Loop::with(&[source(1, "v1")]);
    let read = it.asks_for("read a/src");
    it.seen(&source(2, "v2"));
    it.answer(read, content(&source(1, "v1")));
    let read = it.asks_for("read a/src");
    // The response is newer than what the watch has delivered.
    it.answer(read, content(&source(3, "v3")));
    let (asked, _) = it.asks();
    assert_eq!(asked, ["create b/src", "create c/src", "create d/src"]);
    it.seen(&source(2, "v2"));
    it.asks_nothing();
}

#[test]
fn an_answer_that_was_overtaken_by_a_deletion_brings_nothing_back() {
    let consenting = |version| object("a/src", version, "replication-allowed=true", json!({ "k": "v" }));
    let pulling = |version, notes: &str| object("b/t", version, &format!("replicate-from=a/src {notes}"), json!({}));
    let mut it = Loop::with(&[consenting(1), pulling(2, "")]);
    // A read of the source is under way when the source is deleted.
    let read = it.asks_for("read a/src");
    it.object(ObjectEvent::Deleted(key("a/src"), observed(&consenting(1)).uid));
    it.answer(read, content(&consenting(1)));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t refused SourceMissing"], "nothing is copied from what is gone");
    // A write of the target is under way when the target is deleted, and a list finds neither.
    it.seen(&consenting(5));
    let read = it.asks_for("read a/src");
    it.answer(read, content(&consenting(5)));
    let update = it.asks_for("update b/t at 2");
    it.object(ObjectEvent::ListBegins(Part::Cluster));
    it.object(ObjectEvent::ListEnds(Part::Cluster, ResourceVersion::new("9")));
    it.answer(update, Answer::Seen(observed(&pulling(6, "replicated-from-version=5"))));
    assert_eq!(it.reports(), ["b/t update FirstCopy"]);
    let look = it.asks_for("look b/t");
    it.answer(look, Answer::Missing);
    it.asks_nothing();
    assert!(it.replicator.is_idle());
    assert_eq!(it.replicator.graph().len(), 0);
}

/// A 404 has no version: of a cache that lags it is older than the response that showed the object.
#[test]
fn what_a_response_showed_is_missing_only_when_the_watch_or_the_server_goes_on_saying_so() {
    let source = object("a/src", 1, "replicate-to=b/src replication-allowed=true", json!({ "k": "v" }));
    let pulling = object("c/t", 2, "replicate-from=b/src", json!({}));
    let made = object("b/src", 5, "replicated-by=a/src replicated-from-version=1 replication-allowed=true", json!({}));
    let begin = || {
        let mut it = Loop::with(&[source.clone(), pulling.clone()]);
        // What `c/t` pulls from is looked up, and the controller makes it.
        let (asked, tickets) = it.asks();
        assert_eq!(asked, ["look b/src", "read a/src"]);
        it.answer(tickets[0], Answer::Missing);
        it.answer(tickets[1], content(&source));
        let create = it.asks_for("create b/src");
        it.answer(create, Answer::Seen(observed(&made)));
        let read = it.asks_for("read b/src");
        it.answer(read, Answer::Missing);
        it.asks_nothing();
        it
    };
    // The watch shows it after all: now a 404 is newer.
    let mut it = begin();
    it.seen(&made);
    it.wait();
    let read = it.asks_for("read b/src");
    it.answer(read, Answer::Missing);
    it.asks_for("create b/src");
    // The watch says nothing, as its events got lost: the server is believed after a few times.
    let mut it = begin();
    for _ in 0..3 {
        it.wait();
        let read = it.asks_for("read b/src");
        it.answer(read, Answer::Missing);
    }
    it.asks_for("create b/src");
}

#[test]
fn a_terminating_namespace_is_left_alone_until_it_is_another_one() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let create = it.asks_for("create d/src");
    it.namespace(NamespaceEvent::Seen { name: "d".into(), facts: NamespaceFacts::new(true) });
    it.fails(create, FailureKind::NamespaceTerminating);
    it.asks_nothing();
    assert_eq!(it.reports(), ["d/src failed NamespaceTerminating"]);
    assert!(it.replicator.is_idle(), "the watch says so, too");
    it.namespace(NamespaceEvent::Deleted { name: "d".into() });
    it.asks_nothing();
    it.namespace(NamespaceEvent::Seen { name: "d".into(), facts: NamespaceFacts::new(false) });
    it.asks_for("create d/src");
}
