//! The whole controller on virtual time, against a small API server that answers in HTTP bodies.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use k8s_replicator_core::kind;
use serde_json::{Value, json};

use super::*;
use crate::cluster::FailureKind;
use crate::lease;
use crate::wire::Response;

/// The controller, the time, and a server with these objects, by path.
struct World {
    controller: Controller,
    health: Health,
    now: Moment,
    objects: BTreeMap<String, Value>,
    version: u64,
    /// All requests but those of watches, in order.
    asked: Vec<String>,
    watches: BTreeMap<RequestId, String>,
    cancelled: Vec<RequestId>,
    /// Writes of ConfigMaps are not answered; these were sent.
    hangs: bool,
    hanging: Vec<RequestId>,
}

impl World {
    fn new(scope: Scope, resync_period: Duration) -> Self {
        let health = Health::default();
        let options = Options {
            kinds: vec![&kind::ConfigMap],
            scope,
            dialect: Dialect::new("k8s-replicator/", false),
            rules: Rules::default(),
            resync_period,
        };
        let controller = Controller::new(options, "https://server".into(), &health, &mut || Box::new(|| 0));
        Self {
            controller,
            health,
            now: Moment::ZERO,
            objects: BTreeMap::new(),
            version: 1,
            asked: Vec::new(),
            watches: BTreeMap::new(),
            cancelled: Vec::new(),
            hangs: false,
            hanging: Vec::new(),
        }
    }

    /// The same world, with another controller made of its own.
    fn with(self, change: impl FnOnce(Controller, &Health) -> Controller) -> Self {
        let controller = change(self.controller, &self.health);
        Self { controller, ..self }
    }

    fn now(&self) -> Now {
        Now { moment: self.now, time: jiff::Timestamp::UNIX_EPOCH }
    }

    fn count(&self, metric: Metric, labels: &[&str]) -> Option<f64> {
        self.controller.metrics(self.now()).get(metric, labels)
    }

    fn put(&mut self, path: &str, annotations: Value, data: Value) -> Value {
        self.version += 1;
        let mut parts = path.split('/').skip(4);
        let (namespace, name) = match (parts.next(), parts.nth(1)) {
            (Some(namespace), Some(name)) => (namespace, name),
            (name, _) => ("", name.unwrap_or_default()),
        };
        let metadata = json!({
            "namespace": namespace, "name": name, "uid": format!("u-{path}"),
            "resourceVersion": self.version.to_string(), "annotations": annotations,
        });
        let object = json!({ "kind": "ConfigMap", "metadata": metadata, "data": data });
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    fn respond(&mut self, request: &HttpRequest) -> Received {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let respond = |status: StatusCode, body: Value| {
            Received::Response(Response { status, headers: HeaderMap::new(), body: Bytes::from(body.to_string()) })
        };
        if query.starts_with("limit=") {
            let resource = path.rsplit('/').next().unwrap();
            let is_one = |at: &str| at.rsplit('/').nth(1) == Some(resource);
            let items: Vec<_> = self.objects.iter().filter(|(at, _)| is_one(at)).map(|(_, object)| object).collect();
            let metadata = json!({ "resourceVersion": self.version.to_string() });
            return respond(StatusCode::OK, json!({ "kind": "List", "metadata": metadata, "items": items }));
        }
        if request.method == Method::POST {
            let mut object: Value = serde_json::from_slice(&request.body).unwrap();
            self.version += 1;
            object["metadata"]["uid"] = json!(format!("u-{}", self.version));
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            let name = object["metadata"]["name"].as_str().unwrap();
            self.objects.insert(format!("{path}/{name}"), object.clone());
            return respond(StatusCode::CREATED, object);
        }
        match self.objects.get(path) {
            Some(object) => respond(StatusCode::OK, object.clone()),
            None => respond(StatusCode::NOT_FOUND, json!({ "kind": "Status", "reason": "NotFound" })),
        }
    }

    /// Polls the controller and answers its requests until it waits; returns until when.
    fn settle(&mut self) -> Moment {
        loop {
            let (mut wait_until, mut delivered) = (Moment::MAX, false);
            let now = Now { moment: self.now, time: jiff::Timestamp::UNIX_EPOCH };
            for want in self.controller.poll(now) {
                match want {
                    Want::WaitUntil(at) => wait_until = at,
                    Want::Cancel(id) => {
                        self.watches.remove(&id);
                        self.cancelled.push(id);
                    }
                    Want::Request(id, request) if request.path.contains("watch=true") => {
                        self.watches.insert(id, request.path);
                        let head = Received::Head(StatusCode::OK, HeaderMap::new());
                        self.controller.deliver(now, id, head);
                        delivered = true;
                    }
                    Want::Request(id, request) => {
                        self.asked.push(format!("{} {}", request.method, request.path));
                        if self.hangs && request.method != Method::GET && request.path.contains("/configmaps") {
                            self.hanging.push(id);
                            continue;
                        }
                        let received = self.respond(&request);
                        self.controller.deliver(now, id, received);
                        delivered = true;
                    }
                }
            }
            if !delivered && wait_until > self.now {
                return wait_until;
            }
        }
    }

    /// Lets time pass until this moment.
    fn until(&mut self, moment: Moment) {
        loop {
            let at = self.settle();
            if at > moment {
                self.now = moment;
                return;
            }
            self.now = at;
        }
    }

    /// Sends an event by every watch of the resource.
    fn event(&mut self, resource: &str, type_: &str, object: &Value) {
        let line = format!("{}\n", json!({ "type": type_, "object": object }));
        let now = Now { moment: self.now, time: jiff::Timestamp::UNIX_EPOCH };
        let of = format!("/{resource}?");
        let ids: Vec<_> = self.watches.iter().filter(|(_, path)| path.contains(&of)).map(|(id, _)| *id).collect();
        assert!(!ids.is_empty(), "no watch of {resource}");
        for id in ids {
            self.controller.deliver(now, id, Received::Data(Bytes::from(line.clone())));
        }
    }

    /// Until this moment, every watch receives a bookmark each minute.
    fn quiet_until(&mut self, moment: Moment) {
        while self.now < moment {
            let next = (self.now + Duration::from_secs(60)).min(moment);
            self.until(next);
            let bookmark = json!({ "metadata": { "resourceVersion": self.version.to_string() } });
            self.event("configmaps", "BOOKMARK", &bookmark);
            self.event("namespaces", "BOOKMARK", &bookmark);
        }
    }
}

fn with_a_source(resync_period: Duration) -> World {
    let mut it = World::new(Scope::Cluster, resync_period);
    for namespace in ["a", "b"] {
        it.put(&format!("/api/v1/namespaces/{namespace}"), json!({}), json!({}));
    }
    let push = json!({ "k8s-replicator/replicate-to": "b/x" });
    it.put("/api/v1/namespaces/a/configmaps/x", push, json!({ "k": "v" }));
    it
}

const REPLICA: &str = "/api/v1/namespaces/b/configmaps/x";

#[test]
fn a_replica_is_made_by_bytes_alone() {
    let mut it = with_a_source(Duration::ZERO);
    assert_eq!(it.health.not_ready(), ["configMap"], "before anything runs it is known whom to wait for");
    it.settle();
    assert!(it.health.not_ready().is_empty());
    assert_eq!(it.objects[REPLICA]["data"], json!({ "k": "v" }));
    assert_eq!(it.controller.under_way(), 0);
    let messages = it.controller.take_messages();
    assert!(
        messages.iter().any(|message| matches!(message, Message::Report(_, report) if report.target.as_str() == "b/x"))
    );
}

/// The same calls lead to the same answers: nothing seen depends on hashing, a clock or chance.
#[test]
fn equal_runs_make_equal_requests_in_equal_order() {
    let run = || {
        let mut it = with_a_source(Duration::from_secs(600));
        for n in 0..20 {
            it.put(&format!("/api/v1/namespaces/n{n}"), json!({}), json!({}));
            let push = json!({ "k8s-replicator/replicate-to-namespaces": "n.*" });
            it.put(&format!("/api/v1/namespaces/a/configmaps/s{n}"), push, json!({ "k": "v" }));
        }
        it.settle();
        it.quiet_until(Duration::from_secs(1_200));
        it.asked
    };
    let first = run();
    assert!(first.len() > 400);
    for _ in 0..3 {
        assert_eq!(run(), first);
    }
}

/// SPEC 9.15, issue "what must be shown": an idle controller asks for nothing, with verification.
#[test]
fn idle_minutes_cost_no_request() {
    let mut it = with_a_source(Duration::from_secs(1_800));
    it.settle();
    it.quiet_until(Duration::from_secs(60));
    it.asked.clear();
    it.quiet_until(Duration::from_secs(1_700));
    let of_lists = it.asked.iter().filter(|request| request.contains("limit=")).count();
    assert_eq!(of_lists, 0, "{:?}", it.asked);
    it.quiet_until(Duration::from_secs(1_860));
    let of_lists = it.asked.iter().filter(|request| request.contains("limit=")).count();
    assert_eq!(of_lists, 2, "one of each watch: {:?}", it.asked);
}

/// Every request ends, also one without a response.
#[test]
fn a_write_without_an_answer_is_given_up_and_made_again() {
    let mut it = with_a_source(Duration::ZERO);
    it.hangs = true;
    it.settle();
    assert_eq!(it.controller.under_way(), 1);
    it.until(kube::TIMEOUT);
    it.settle();
    assert_eq!(it.controller.under_way(), 0);
    assert_eq!(it.cancelled.len(), 1);
    let is_failure = |message: &Message| match message {
        Message::Report(_, report) => format!("{report:?}").contains("no answer within 30 s"),
        _ => false,
    };
    assert!(it.controller.take_messages().iter().any(is_failure));
    it.hangs = false;
    it.until(kube::TIMEOUT + Duration::from_secs(60));
    assert!(it.objects.contains_key(REPLICA));
}

#[test]
fn when_it_stops_watches_are_cancelled_and_writes_may_end() {
    let mut it = with_a_source(Duration::ZERO);
    it.hangs = true;
    it.settle();
    it.controller.stop();
    let now = Now { moment: it.now, time: jiff::Timestamp::UNIX_EPOCH };
    let wants = it.controller.poll(now);
    let cancelled = wants.iter().filter(|want| matches!(want, Want::Cancel(_))).count();
    assert_eq!((cancelled, it.controller.under_way()), (2, 1));
    assert!(!wants.iter().any(|want| matches!(want, Want::Request(..))));
    // Later pieces of a watch that was cancelled are dropped.
    let watches: Vec<_> = it.watches.keys().copied().collect();
    for id in watches {
        it.controller.deliver(now, id, Received::Closed);
    }
    let write = RequestId(it.controller.last_id);
    let failure = Failure::new(FailureKind::Unreachable, "broken");
    it.controller.deliver(now, write, Received::Failed(failure));
    assert_eq!(it.controller.under_way(), 0);
    assert!(it.controller.poll(now).iter().all(|want| matches!(want, Want::WaitUntil(_))), "nothing new is begun");
}

/// There is nothing to wait for: it does not ask to be polled at a time that never comes.
#[test]
fn one_that_has_stopped_wants_nothing() {
    let mut it = with_a_source(Duration::ZERO);
    it.settle();
    it.controller.stop();
    let wants = it.controller.poll(it.now());
    assert!(matches!(wants[..], [Want::Cancel(_), Want::Cancel(_)]), "{wants:?}");
    let wants = it.controller.poll(it.now());
    assert!(wants.is_empty() && it.controller.has_stopped(), "{wants:?}");
}

/// After etcd was restored the whole program ends, with a message.
#[test]
fn a_watch_that_cannot_go_on_ends_the_controller() {
    let mut it = with_a_source(Duration::from_secs(600));
    it.version = 5_000;
    it.settle();
    it.version = 20;
    it.until(Duration::from_secs(600));
    it.settle();
    let end = it.controller.end().expect("it goes on");
    assert!(end.contains("went back from 5001 to 20"), "{end}");
}

/// With `--namespaces`, each namespace has its own lists and watches, and is polled.
#[test]
fn named_namespaces_are_listed_one_by_one() {
    let named = ["a", "b"].iter().map(|name| k8s_replicator_core::names::Namespace::parse(name).unwrap());
    let mut it = World::new(Scope::Namespaces(named.collect()), Duration::ZERO);
    it.put("/api/v1/namespaces/a", json!({}), json!({}));
    it.settle();
    let expected = [
        "GET /api/v1/namespaces/a/configmaps?limit=500",
        "GET /api/v1/namespaces/b/configmaps?limit=500",
        "GET /api/v1/namespaces/a",
        "GET /api/v1/namespaces/b",
    ];
    assert_eq!(it.asked, expected);
    assert!(it.health.not_ready().is_empty());
}

/// A controller that takes part in an election, and holds the lease as soon as it is polled.
fn elected() -> World {
    with_a_source(Duration::ZERO).with(|controller, health| {
        let settings = lease::Settings {
            namespace: "ns".into(),
            name: "k8s-replicator".into(),
            identity: "pod-1".into(),
            url: "https://server".into(),
            progress: health.watch("leases"),
            entropy: Box::new(|| 0),
        };
        controller.elected_by(settings, health)
    })
}

/// SPEC 13: a standby only watches. The leader holds its lease until its last write has ended, and has stopped when it is released.
#[test]
fn the_lease_is_held_until_the_last_write_has_ended() {
    const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/ns/leases";
    let mut it = elected();
    it.hangs = true;
    assert_eq!((it.health.is_standby(), it.health.is_stopping()), (Some(true), false));
    it.settle();
    assert_eq!((it.health.is_standby(), it.controller.under_way()), (Some(false), 1));
    assert!(!it.controller.has_stopped());
    it.controller.stop();
    it.settle();
    let releases = |it: &World| it.asked.iter().filter(|asked| asked.starts_with(&format!("PUT {LEASES}/"))).count();
    assert_eq!((it.controller.has_stopped(), releases(&it)), (false, 0), "a write is under way");
    let failure = Failure::new(FailureKind::Unreachable, "broken");
    it.controller.deliver(it.now(), it.hanging[0], Received::Failed(failure));
    assert!(!it.controller.has_stopped(), "the lease is not released");
    it.settle();
    assert_eq!((it.controller.has_stopped(), releases(&it)), (true, 1));
    assert_eq!(it.health.is_standby(), Some(true));
    it.health.stop();
    assert!(it.health.is_stopping());
    assert_eq!(Health::default().is_standby(), None, "without an election");
}

/// While another process leads, the control loops ask for nothing; the watches go on.
#[test]
fn a_standby_watches_and_asks_for_nothing_else() {
    let mut it = elected();
    let spec = json!({ "holderIdentity": "pod-2", "leaseDurationSeconds": 15 });
    let lease =
        json!({ "kind": "Lease", "metadata": { "name": "k8s-replicator", "resourceVersion": "1" }, "spec": spec });
    it.objects.insert("/apis/coordination.k8s.io/v1/namespaces/ns/leases/k8s-replicator".into(), lease);
    it.until(Duration::from_secs(10));
    let others: Vec<_> =
        it.asked.iter().filter(|asked| !asked.contains("/leases/") && !asked.contains("limit=")).collect();
    assert_eq!(others, [""; 0]);
    assert_eq!((it.health.is_standby(), it.health.not_ready()), (Some(true), vec![]));
    assert!(!it.objects.contains_key(REPLICA));
    // No target waits for a standby.
    assert_eq!(it.count(Metric::OldestPending, &["ConfigMap"]), Some(0.0));
}

#[test]
fn what_it_does_is_an_event_where_events_are_on() {
    let settings = || crate::events::Settings {
        instance: "pod-1".into(),
        version_key: "k8s-replicator/source-version".into(),
        entropy: Box::new(|| 0),
    };
    let mut it = with_a_source(Duration::ZERO).with(|controller, _| controller.with_events(settings()));
    it.until(Duration::from_secs(30));
    let events: Vec<_> = it.asked.iter().filter(|asked| asked.contains("events.k8s.io")).collect();
    assert_eq!(events, ["POST /apis/events.k8s.io/v1/namespaces/b/events?fieldManager=k8s-replicator"]);
    assert_eq!((it.count(Metric::EventsWritten, &[]), it.cancelled.len()), (Some(1.0), 0));
}

/// The metrics are those of all parts; a series for the ordinary end of a watch exists before the first one.
#[test]
fn the_metrics_are_of_all_parts() {
    let mut it = with_a_source(Duration::ZERO);
    it.settle();
    assert_eq!(it.count(Metric::Targets, &["ConfigMap", "current"]), Some(1.0));
    assert_eq!(it.count(Metric::ApiRequests, &["create", "201"]), Some(1.0));
    assert_eq!(it.count(Metric::EventsWritten, &[]), None);
    let restarts = |it: &World| {
        let of = |resource| it.count(Metric::WatchRestarts, &[resource, "Closed"]);
        [of("configmaps"), of("namespaces")]
    };
    assert_eq!(restarts(&it), [Some(0.0); 2]);
    let replica = it.objects[REPLICA].clone();
    it.event("configmaps", "ADDED", &replica);
    for closed in 1..=2 {
        it.until(it.now + Duration::from_secs(60));
        let ids: Vec<_> =
            it.watches.iter().filter(|(_, path)| path.contains("configmaps")).map(|(id, _)| *id).collect();
        for id in ids {
            it.watches.remove(&id);
            let bookmark = json!({ "type": "BOOKMARK", "object": { "metadata": { "resourceVersion": "9" } } });
            it.controller.deliver(it.now(), id, Received::Data(Bytes::from(format!("{bookmark}\n"))));
            it.controller.deliver(it.now(), id, Received::Closed);
        }
        it.until(it.now + Duration::from_secs(10));
        assert_eq!(restarts(&it), [Some(f64::from(closed)), Some(0.0)]);
    }
}

/// A kind is ready once, with what its graph holds; each message is a log line.
#[test]
fn what_is_to_be_logged_is_logged() {
    let mut it = with_a_source(Duration::ZERO);
    it.settle();
    let messages = it.controller.take_messages();
    let lines = crate::logged::lines(|| messages.iter().for_each(Message::log));
    assert_eq!(lines.len(), messages.len());
    let ready: Vec<_> = lines.iter().filter(|line| line["message"] == "ready: every first list is complete").collect();
    assert_eq!(
        ready,
        [&json!({ "level": "INFO", "message": "ready: every first list is complete", "kind": "ConfigMap",
        "objects": 1 })]
    );
    let listed = lines.iter().filter(|line| line["message"] == "listed").count();
    assert_eq!(listed, 2, "{lines:?}");
    assert!(lines.iter().any(|line| line["message"] == "replica created" && line["target"] == "b/x"), "{lines:?}");
    assert!(it.controller.take_messages().is_empty());
}
