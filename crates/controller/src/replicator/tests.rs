//! The control loop, driven by hand: what it asks for, and what it makes of each answer.

mod sim;

use k8s_replicator_core::action::Action;
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::kind::Secret;
use k8s_replicator_core::names::Key;
use k8s_replicator_core::observed::{Observed, ResourceVersion, content_from_json};
use k8s_replicator_core::payload::Content;
use k8s_replicator_core::scope::{Part, Scope};
use serde_json::{Value, json};

use super::*;
use crate::cluster::{Answer, Failure, FailureKind};

/// A replicator with a clock that stands still until it is moved.
struct Loop {
    replicator: Replicator,
    moment: Moment,
}

fn key(text: &str) -> Key {
    Key::resolve(text, "none").unwrap()
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
            "resourceVersion": version.to_string(), "annotations": annotations,
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

fn failure(kind: FailureKind) -> Failure {
    Failure { kind, message: "the server's words".into(), retry_after: None }
}

/// A request in few words; writes with their data and the version that they require.
fn words(request: &Request) -> String {
    match request {
        Request::Look(key) => format!("look {key}"),
        Request::Read(key) => format!("read {key}"),
        Request::Write(Action::Create(create)) => format!("create {}", create.target),
        Request::Write(Action::Update(update)) => {
            format!("update {} at {}", update.target, update.precondition.resource_version)
        }
        Request::Write(Action::Delete(delete)) => {
            format!("delete {} at {}", delete.target, delete.precondition.resource_version)
        }
    }
}

impl Loop {
    /// Namespaces `a` to `d`, and these objects in the first list.
    fn with(objects: &[Value]) -> Self {
        Self::with_resync(objects, Duration::ZERO)
    }

    fn with_resync(objects: &[Value], resync_period: Duration) -> Self {
        let (rules, scope) = (Rules::default(), Scope::default());
        let settings = Settings { rules, scope, resync_period, entropy: Box::new(|| 0), tells_all: true };
        let mut this = Self { replicator: Replicator::new(&Secret, settings), moment: Moment::ZERO };
        this.replicator.namespace(NamespaceEvent::ListBegins);
        for name in ["a", "b", "c", "d"] {
            this.replicator.namespace(NamespaceEvent::Seen { name: name.into(), terminating: false });
        }
        this.replicator.namespace(NamespaceEvent::ListEnds);
        this.object(ObjectEvent::ListBegins(Part::Cluster));
        objects.iter().for_each(|object| this.seen(object));
        assert!(this.requests().is_empty(), "nothing is done before the first list is complete");
        this.object(ObjectEvent::ListEnds(Part::Cluster, ResourceVersion::new("9")));
        this
    }

    fn now(&self) -> Now {
        Now { moment: self.moment, time: jiff::Timestamp::from_second(1_700_000_000).unwrap() }
    }

    fn object(&mut self, event: ObjectEvent) {
        self.replicator.object(self.now(), event);
    }

    fn seen(&mut self, object: &Value) {
        self.object(ObjectEvent::Seen(observed(object)));
    }

    fn requests(&mut self) -> Vec<(Ticket, Request)> {
        let now = self.now();
        std::iter::from_fn(|| self.replicator.next_request(now)).collect()
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
        let told = reports.iter().filter_map(|report| {
            let (target, reason) = (&report.target, report.verdict.reason);
            match &report.outcome {
                Outcome::Nothing => None,
                Outcome::Done { verb, .. } => Some(format!("{target} {} {reason}", verb.word())),
                Outcome::Refused => Some(format!("{target} refused {reason}")),
                Outcome::Failed { reason, .. } => Some(format!("{target} failed {reason}")),
            }
        });
        told.collect()
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

#[test]
fn a_restart_with_nothing_to_do_asks_for_nothing() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1), replica("d", 4, 1)]);
    it.asks_nothing();
    assert!(it.reports().is_empty() && it.replicator.is_idle());
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
    // It is not told again for the same state, and the name is taken at once when it is free.
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
    // It was carried out all the same; the watch tells before the next attempt.
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
    it.replicator.namespace(NamespaceEvent::Deleted { name: "c".into() });
    it.replicator.namespace(NamespaceEvent::Seen { name: "c".into(), terminating: false });
    it.asks_for("create c/src");
}

#[test]
fn a_server_that_is_throttling_is_left_alone_for_as_long_as_it_says() {
    let mut it = Loop::with(&[source(1, "v1")]);
    let read = it.asks_for("read a/src");
    let throttled = Failure { retry_after: Some(Duration::from_secs(7)), ..failure(FailureKind::Throttled) };
    it.replicator.answer(it.now(), read, Err(throttled));
    it.asks_nothing();
    it.replicator.namespace(NamespaceEvent::Seen { name: "e".into(), terminating: false });
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
    // The read is newer than what the watch has told.
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

#[test]
fn why_nothing_comes_is_told_once() {
    let pulling = |version, notes: &str| object("b/t", version, &format!("replicate-from=a/src {notes}"), json!({}));
    let consenting = object("a/src", 1, "replication-allowed=true", json!({ "k": "v" }));
    let mut it = Loop::with(&[consenting.clone(), pulling(2, "replicated-from-version=1"), pulling(3, "")]);
    it.object(ObjectEvent::Deleted(key("a/src"), observed(&consenting).uid));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t refused SourceMissing"]);
    // Emptying a target tells it, too: no second line.
    let mut it = Loop::with(&[consenting.clone(), pulling(2, "replicated-from-version=1")]);
    it.object(ObjectEvent::Deleted(key("a/src"), observed(&consenting).uid));
    let read = it.asks_for("read b/t");
    it.answer(read, content(&pulling(2, "replicated-from-version=1")));
    let clear = it.asks_for("update b/t at 2");
    it.answer(clear, Answer::Seen(observed(&pulling(4, ""))));
    it.asks_nothing();
    assert_eq!(it.reports(), ["b/t clear SourceMissing"]);
}

#[test]
fn a_terminating_namespace_is_left_alone_until_it_is_another_one() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let create = it.asks_for("create d/src");
    it.fails(create, FailureKind::NamespaceTerminating);
    it.asks_nothing();
    assert!(it.reports().is_empty());
    it.replicator.namespace(NamespaceEvent::Deleted { name: "d".into() });
    it.asks_nothing();
    it.replicator.namespace(NamespaceEvent::Seen { name: "d".into(), terminating: false });
    it.asks_for("create d/src");
}

#[test]
fn verification_reads_each_replica_once_in_a_period_and_writes_only_what_differs() {
    let emptied = object("c/src", 3, "replicated-by=a/src replicated-from-version=1", json!({}));
    let objects = [source(1, "v1"), replica("b", 2, 1), emptied.clone(), replica("d", 4, 1)];
    let mut it = Loop::with_resync(&objects, Duration::from_secs(60));
    let mut all = Vec::new();
    it.asks_nothing();
    loop {
        it.wait();
        loop {
            let (asked, tickets) = it.asks();
            for (asked, ticket) in asked.iter().zip(tickets) {
                all.push(format!("{} s: {asked}", it.moment.as_secs()));
                match asked.as_str() {
                    "read a/src" => it.answer(ticket, content(&source(1, "v1"))),
                    "read b/src" => it.answer(ticket, content(&replica("b", 2, 1))),
                    "read c/src" => it.answer(ticket, content(&emptied)),
                    "read d/src" => it.answer(ticket, content(&replica("d", 4, 1))),
                    _ => it.answer(ticket, Answer::Seen(observed(&replica("c", 9, 1)))),
                }
            }
            if asked.is_empty() {
                break;
            }
        }
        if it.moment >= Duration::from_secs(60) {
            break;
        }
    }
    let expected = [
        "20 s: read a/src",
        "20 s: read b/src",
        "40 s: read c/src",
        // Its bytes are not kept from one verification to the next; its fingerprint is.
        "40 s: read a/src",
        "40 s: update c/src at 3",
        "60 s: read d/src",
    ];
    assert_eq!(all, expected);
    assert_eq!(it.reports(), ["c/src update Drift"]);
}

/// Answers requests one by one, the oldest first, as an API server does; `per_request`: how long each takes.
fn serve_sources(count: u64, payload: &Payload, per_request: Duration) -> (usize, usize) {
    let source = |n: u64| object(&format!("a/s{n}"), n + 1, "replicate-to-namespaces=b", json!({}));
    let mut it = Loop::with(&(0..count).map(source).collect::<Vec<_>>());
    let mut open: VecDeque<(Ticket, Request)> = it.requests().into();
    let (mut created, mut reads) = (0, 0);
    while let Some((ticket, request)) = open.pop_front() {
        it.moment += per_request;
        let answer = match request {
            Request::Read(key) => {
                reads += 1;
                let n = key.name()[1..].parse().unwrap();
                let content = Content { type_: Some("Opaque".into()), immutable: false, payload: payload.clone() };
                Answer::Content(observed(&source(n)), content)
            }
            Request::Write(action) => {
                created += 1;
                let name = action.target().as_str().to_owned();
                let of = name[3..].parse::<u64>().unwrap() + 1;
                let marks = format!("replicated-by=a/{} replicated-from-version={of}", action.target().name());
                Answer::Seen(observed(&object(&name, 1_000_000 + of, &marks, json!({}))))
            }
            Request::Look(_) => Answer::Missing,
        };
        it.answer(ticket, answer);
        open.extend(it.requests());
        if reads > 3 * usize::try_from(count).unwrap() {
            break;
        }
    }
    (created, reads)
}

/// SPEC 4, 9.9: every new target is made; DESIGN rule 5: a source is read once per version. What was read for a target is
/// dropped again (after 10 s, or beyond 32 MiB) before the target's turn comes, since it goes to the end of the queue.
#[test]
fn many_sources_at_once_are_all_copied_and_none_is_read_for_ever() {
    let small = Payload::new([Some(r#"{"k":"dg=="}"#.into())]);
    let (created, reads) = serve_sources(400, &small, Duration::from_millis(50));
    assert_eq!(created, 400, "400 small sources, 50 ms a request: {created} were copied in {reads} reads");
}

#[test]
fn many_large_sources_at_once_are_all_copied_and_none_is_read_for_ever() {
    let large = Payload::new([Some("x".repeat(512 << 10).into())]);
    let (created, reads) = serve_sources(200, &large, Duration::from_millis(1));
    assert_eq!(created, 200, "200 sources of 512 KiB, 1 ms a request: {created} were copied in {reads} reads");
}

/// SPEC 9.1: one target's failure holds up no other; 9.9: without waiting on one slow one. In one namespace a broken
/// webhook answers 500 after its 10 s: the window for everybody shrinks to one request, and that one is the slow one.
#[test]
fn one_target_that_fails_slowly_holds_up_no_other() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    for _ in 0..4 {
        let create = it.asks_for("create d/src");
        it.fails(create, FailureKind::Server);
        it.wait();
    }
    let _under_way_for_long = it.asks_for("create d/src");
    it.seen(&source(5, "v2"));
    let (asked, _) = it.asks();
    assert_eq!(asked, ["read a/src"], "b/src and c/src have nothing to do with the trouble of d/src");
}

/// SPEC 9.1, 9.5, and 5.8 (never T's type): a target whose type or immutability is not known is read when a write of it is
/// refused as invalid; also when the attempt before that failed for another reason.
#[test]
fn an_invalid_update_leads_to_a_read_also_after_another_failure() {
    let source = object("a/src", 1, "replication-allowed=true", json!({ "k": "v" }));
    let mut other_type = object("b/t", 2, "replicate-from=a/src", json!({}));
    other_type["type"] = json!("example.com/other");
    for first in [FailureKind::Server, FailureKind::Throttled, FailureKind::Unreachable] {
        let mut it = Loop::with(&[source.clone(), other_type.clone()]);
        let read = it.asks_for("read a/src");
        it.answer(read, content(&source));
        let update = it.asks_for("update b/t at 2");
        it.fails(update, first);
        it.asks_nothing();
        let mut asked = Vec::new();
        // The API server refuses every write on a wrong guess of the type, however often it is tried.
        for _ in 0..20 {
            it.wait();
            for (ticket, request) in it.requests() {
                asked.push(words(&request));
                match request {
                    Request::Read(key) if *key.name() == *"src" => it.answer(ticket, content(&source)),
                    Request::Read(_) => it.answer(ticket, content(&other_type)),
                    _ => it.fails(ticket, FailureKind::Invalid),
                }
            }
        }
        let was_read = asked.iter().any(|asked| asked == "read b/t");
        assert!(was_read, "after {first:?}: in {} s only {asked:?}", it.moment.as_secs());
    }
}

/// No hot loop: who has used up its window waits for an answer, or for requests to be given up as slow. SPEC 9.9: these hold
/// up nobody then.
#[test]
fn a_full_window_opens_when_what_fills_it_is_slow() {
    let to: Vec<String> = (10..30).map(|n| format!("b/x{n}")).collect();
    let source = object("a/src", 1, &format!("replicate-to={}", to.join(",")), json!({ "k": "v" }));
    let mut it = Loop::with(std::slice::from_ref(&source));
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source));
    assert_eq!(it.asks().0.len(), 16);
    it.asks_nothing();
    it.moment += Duration::from_millis(900);
    it.asks_nothing();
    assert_eq!(it.wait(), Duration::from_millis(100));
    assert_eq!(it.asks().0, ["create b/x26", "create b/x27", "create b/x28", "create b/x29"]);
    it.asks_nothing();
    assert!(it.replicator.wake_at(it.now()).is_none_or(|at| at > it.moment));
}

/// SPEC 3: the replica is created as soon as the namespace is; 9.1: any failed write is tried again. A late answer about
/// the old namespace does not outlive what the watch has told of the new one.
#[test]
fn a_late_answer_about_a_terminating_namespace_says_nothing_of_the_next_one() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let create = it.asks_for("create d/src");
    // The server has refused; before its answer is taken, the watch tells that the namespace went and was made again.
    it.replicator.namespace(NamespaceEvent::Seen { name: "d".into(), terminating: true });
    it.replicator.namespace(NamespaceEvent::Deleted { name: "d".into() });
    it.replicator.namespace(NamespaceEvent::Seen { name: "d".into(), terminating: false });
    it.fails(create, FailureKind::NamespaceTerminating);
    let mut asked = it.asks().0;
    it.moment += Duration::from_secs(3_600);
    asked.extend(it.asks().0);
    asked.retain(|asked| asked != "read a/src");
    assert_eq!(
        (asked, it.replicator.graph().namespace_terminating("d")),
        (vec!["create d/src".to_owned()], Some(false)),
        "the namespace d exists, and is never served"
    );
}

/// SPEC 8: a missed event changes nothing in the end. An answer "not there" that is older than the news that it is there.
#[test]
fn a_late_missing_hides_no_object_that_was_made_since() {
    let pulling = |name: &str, version| object(name, version, "replicate-from=a/src", json!({}));
    let mut it = Loop::with_resync(&[pulling("b/t", 2)], Duration::from_secs(60));
    it.replicator.rules.allow_all = true;
    let look = it.asks_for("look a/src");
    // While that is under way: its target goes, the source is made, and another target asks for it.
    it.object(ObjectEvent::Deleted(key("b/t"), observed(&pulling("b/t", 2)).uid));
    it.seen(&object("a/src", 5, "", json!({ "k": "v" })));
    it.seen(&pulling("c/u", 6));
    it.asks_nothing();
    it.answer(look, Answer::Missing);
    let mut asked = Vec::new();
    for _ in 0..10 {
        asked.extend(it.asks().0);
        it.moment += Duration::from_secs(60);
    }
    assert!(!asked.is_empty(), "a/src exists, and after 10 verifications still: {:?}", it.reports());
}

/// SPEC 8: a missed event changes nothing in the end; 9.2: a replica that is deleted is put right. The list is longer than
/// a page, and an answer from before the list comes in the middle of it.
#[test]
fn an_answer_older_than_the_list_that_it_comes_into_brings_nothing_back() {
    let mut it = Loop::with_resync(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1)], Duration::from_secs(60));
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let create = it.asks_for("create d/src");
    // Made at version 7, deleted at 8 while no watch was running; the list is of version 9.
    it.object(ObjectEvent::ListBegins(Part::Cluster));
    it.seen(&source(1, "v1"));
    it.answer(create, Answer::Seen(observed(&replica("d", 7, 1))));
    it.seen(&replica("b", 2, 1));
    it.seen(&replica("c", 3, 1));
    it.object(ObjectEvent::ListEnds(Part::Cluster, ResourceVersion::new("9")));
    let mut asked = Vec::new();
    for _ in 0..120 {
        for (ticket, request) in it.requests() {
            asked.push(format!("{} s: {}", it.moment.as_secs(), words(&request)));
            let answer = match &request {
                Request::Read(key) | Request::Look(key) => match key.namespace() {
                    "a" => content(&source(1, "v1")),
                    "b" => content(&replica("b", 2, 1)),
                    "c" => content(&replica("c", 3, 1)),
                    _ => Answer::Missing,
                },
                Request::Write(_) => Answer::Seen(observed(&replica("d", 10, 1))),
            };
            it.answer(ticket, answer);
        }
        it.moment += Duration::from_secs(5);
    }
    let again = asked.iter().any(|asked| asked.ends_with("create d/src"));
    assert!(again, "d/src does not exist; in 10 minutes with a resync each: {asked:#?}");
}

/// The server's word is obeyed (SPEC 9.9), and is not the end of the program, whatever it is.
#[test]
fn a_retry_after_of_any_length_is_survived() {
    let mut it = Loop::with(&[source(1, "v1")]);
    it.moment = Duration::from_secs(5);
    let read = it.asks_for("read a/src");
    // `Retry-After: 18446744073709551615`, as it is read from the header.
    let throttled = Failure { retry_after: Some(Duration::from_secs(u64::MAX)), ..failure(FailureKind::Throttled) };
    it.replicator.answer(it.now(), read, Err(throttled));
    it.asks_nothing();
    let wake_at = it.replicator.wake_at(it.now()).unwrap();
    assert!(std::time::Instant::now().checked_add(wake_at).is_some(), "the driver cannot reckon with {wake_at:?}");
}

/// No hot loop: something that takes an annotation off every write (an admission policy) is not fought at full speed.
#[test]
fn a_write_that_never_sticks_is_repeated_after_growing_pauses() {
    let mut it = Loop::with(&[source(1, "v1"), replica("c", 3, 1), replica("d", 4, 1)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let (mut version, mut writes) = (10, 0);
    for _ in 0..1_000 {
        let Some((ticket, request)) = it.requests().pop() else { break };
        assert!(matches!(request, Request::Write(_)), "{}", words(&request));
        version += 1;
        writes += 1;
        it.answer(ticket, Answer::Seen(observed(&object("b/src", version, "replicated-by=a/src", json!({})))));
    }
    assert!(writes < 100, "{writes} writes of b/src while the clock stood still");
}

/// The same refusal is not repeated for the same state (SPEC 8 and issue 3, 5), and what is known to be refused is not tried
/// again in every period: nothing has happened to the source, nor to the target.
#[test]
fn a_verification_does_not_repeat_a_refusal_nor_the_write_that_led_to_it() {
    let source = object("a/src", 1, "replication-allowed=true", json!({ "k": "v" }));
    let mut immutable = object("b/t", 2, "replicate-from=a/src", json!({ "k": "own" }));
    immutable["immutable"] = json!(true);
    let mut it = Loop::with_resync(&[source.clone(), immutable.clone()], Duration::from_secs(60));
    let (mut updates, mut told) = (0, Vec::new());
    while it.moment < Duration::from_secs(300) {
        for (ticket, request) in it.requests() {
            match request {
                Request::Write(_) => {
                    updates += 1;
                    it.fails(ticket, FailureKind::Invalid);
                }
                Request::Read(key) if *key.name() == *"src" => it.answer(ticket, content(&source)),
                Request::Read(_) | Request::Look(_) => it.answer(ticket, content(&immutable)),
            }
        }
        told.extend(it.reports());
        it.moment += Duration::from_millis(500);
    }
    assert_eq!((told, updates), (vec!["b/t refused TargetImmutable".to_owned()], 1));
}

/// No hot loop: a source that pushes to an object and is then told to pull from that very object. The replica is its own
/// source for a moment, and what is read of it is not kept for it.
#[test]
fn a_replica_that_is_its_own_source_is_not_read_for_ever() {
    let pushing = object("a/s", 1, "replicate-to=b/x replicate-from=b/x replication-allowed=true", json!({ "k": "v" }));
    let marks = "replicated-by=a/s replicated-from-version=1 replication-allowed=true";
    let replica = object("b/x", 2, marks, json!({ "k": "v" }));
    let mut it = Loop::with(&[pushing.clone(), replica.clone()]);
    let mut asked = Vec::new();
    for _ in 0..1_000 {
        let Some((ticket, request)) = it.requests().pop() else { break };
        asked.push(words(&request));
        match request {
            Request::Read(key) if *key.name() == *"s" => it.answer(ticket, content(&pushing)),
            Request::Read(_) => it.answer(ticket, content(&replica)),
            _ => break,
        }
    }
    let reads = asked.iter().filter(|asked| *asked == "read b/x").count();
    assert!(reads < 10, "b/x was read {reads} times while the clock stood still");
}

/// Source data is fetched once per source version, not per target (issue 3, 3; DESIGN rule 5): also when that fails. One
/// request that failed is one failure, and not one for each of the targets that waited for it.
#[test]
fn a_source_that_cannot_be_read_is_not_tried_once_for_each_target() {
    const TARGETS: usize = 100;
    let to: Vec<String> = (0..TARGETS).map(|n| format!("b/x{n}")).collect();
    let source = object("a/src", 1, &format!("replicate-to={}", to.join(",")), json!({}));
    let mut it = Loop::with(&[source]);
    let mut random = 1u32;
    it.replicator.entropy = Box::new(move || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 24) as u8
    });
    let (mut reads, mut lines) = (0, 0);
    while it.moment < Duration::from_secs(60) {
        // Each is answered within 2 ms.
        for (ticket, _) in it.requests() {
            reads += 1;
            it.fails(ticket, FailureKind::Forbidden);
        }
        lines += it.reports().len();
        it.moment += Duration::from_millis(2);
    }
    assert!(
        reads <= 20,
        "in one minute of growing pauses {reads} requests for one source, and {lines} lines in the log"
    );
}

/// Superseded work is dropped: a source that is changed again and again is followed at once, and when it is over.
#[test]
fn a_storm_of_changes_is_not_followed_change_by_change() {
    let mut it = Loop::with(&[source(1, "v1")]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let mut versions = 10_000;
    let mut writes = 0;
    let mut held = 1;
    for change in 2..=60 {
        let until = it.moment + Duration::from_millis(if change <= 51 { 20 } else { 200 });
        // A server that answers everything within 5 ms.
        while it.moment < until {
            for (ticket, request) in it.requests() {
                match request {
                    Request::Write(action) => {
                        writes += 1;
                        versions += 1;
                        let namespace = action.target().namespace().to_owned();
                        it.answer(ticket, Answer::Seen(observed(&replica(&namespace, versions, held))));
                    }
                    _ => it.answer(ticket, content(&source(held, &format!("v{held}")))),
                }
            }
            it.moment += Duration::from_millis(5);
        }
        if change <= 51 {
            held = change;
            it.seen(&source(held, &format!("v{held}")));
        }
    }
    assert_eq!(writes, 3 + 3 + 3, "the creations, the first change, the last one");
    it.asks_nothing();
    assert!(it.replicator.is_idle());
}

/// A source that is changed after each write is no write that does not stick: its replica does not fall behind for that.
#[test]
fn a_source_that_changes_all_the_time_is_followed_without_growing_pauses() {
    let mut it = Loop::with(&[source(1, "v1"), replica("c", 3, 1), replica("d", 4, 1)]);
    for version in 2..40 {
        // The source has changed again before the answer to the write comes.
        for _ in 0..100 {
            let Some((ticket, request)) = it.requests().pop() else { break };
            match request {
                Request::Read(key) if *key.namespace() == *"a" => it.answer(ticket, content(&source(version - 1, "v"))),
                Request::Read(key) => it.answer(ticket, content(&replica(key.namespace(), 1, 1))),
                Request::Look(_) => it.answer(ticket, Answer::Missing),
                Request::Write(action) => {
                    let namespace = action.target().namespace().to_owned();
                    it.seen(&source(version, &format!("v{version}")));
                    it.answer(ticket, Answer::Seen(observed(&replica(&namespace, 100 + version, version - 1))));
                }
            }
        }
        it.moment += Duration::from_secs(3);
        assert!(it.replicator.wake_at(it.now()).is_none_or(|at| at < it.moment + Duration::from_secs(3)), "{version}");
    }
}
