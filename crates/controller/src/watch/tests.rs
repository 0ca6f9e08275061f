//! Watches on virtual time, against a scripted API server: no sockets, no waiting.

mod missed;
mod pages;
mod streams;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use k8s_replicator_core::annotations::Dialect;
use serde_json::{Value, json};

use super::stream::SHORTEST_WATCH;
use super::*;
use crate::health::Health;
use crate::wire::Response;

/// The changes that were delivered to the consumer, in order.
#[derive(Default)]
struct Recorder(Vec<String>);

impl Consumer for Recorder {
    fn take(&mut self, change: Change<'_>) -> Result<(), ReadError> {
        let named = |object: Object<'_>| object.observed(&Dialect::new("p/", false)).map(|read| read.key.to_string());
        self.0.push(match change {
            Change::Begins => "begins".to_owned(),
            Change::Ends(version) => format!("ends at {version}"),
            Change::Seen(object) => format!("seen {}", named(object)?),
            Change::Deleted(object) => format!("deleted {}", named(object)?),
        });
        Ok(())
    }
}

/// A watch, its consumer, and the time.
struct Scene {
    watch: Watch,
    given: Recorder,
    now: Moment,
    /// The paths of all requests.
    asked: Vec<String>,
    cancelled: usize,
}

fn list_of(names: &[&str], version: &str, continue_: &str) -> Received {
    let items: Vec<Value> = names
        .iter()
        .map(|name| json!({ "metadata": { "namespace": "ns", "name": name, "resourceVersion": "1" } }))
        .collect();
    let metadata = json!({ "resourceVersion": version, "continue": continue_ });
    whole(200, &json!({ "kind": "PartialObjectMetadataList", "metadata": metadata, "items": items }))
}

fn whole(status: u16, body: &Value) -> Received {
    response(status, body.to_string())
}

fn response(status: u16, body: String) -> Received {
    let status = StatusCode::from_u16(status).unwrap();
    Received::Response(Response { status, headers: HeaderMap::new(), body: Bytes::from(body) })
}

fn status(code: u16, reason: &str) -> Value {
    json!({ "kind": "Status", "code": code, "reason": reason, "message": "no" })
}

fn event(type_: &str, name: &str, version: u64) -> Received {
    let metadata = json!({ "namespace": "ns", "name": name, "resourceVersion": version.to_string() });
    let event = json!({ "type": type_, "object": { "metadata": metadata } });
    Received::Data(Bytes::from(format!("{event}\n")))
}

fn opened() -> Received {
    Received::Head(StatusCode::OK, HeaderMap::from_iter([(header::CONTENT_TYPE, "application/json".parse().unwrap())]))
}

impl Scene {
    fn new(resync_period: Duration) -> Self {
        let settings = Settings {
            resource: "secrets",
            part: Part::Cluster,
            url: "https://server".to_owned(),
            resync_period,
            progress: Health::default().watch("secrets"),
            entropy: Box::new(|| 0),
        };
        let (watch, given) = (Watch::new(settings), Recorder::default());
        Self { watch, given, now: Moment::ZERO, asked: Vec::new(), cancelled: 0 }
    }

    /// Polls until it waits, and answers until when.
    fn settle(&mut self) -> Moment {
        for _ in 0..10_000 {
            match self.watch.poll(self.now, &mut self.given) {
                Next::Request(request) => self.asked.push(request.path),
                Next::Cancel => self.cancelled += 1,
                Next::Yield => {}
                Next::WaitUntil(at) => return at,
                Next::End(why) => panic!("{why}"),
            }
        }
        panic!("it never waits");
    }

    /// Time passes until the next request, which is answered for. It is the one that came last.
    fn request(&mut self) -> String {
        let before = self.asked.len();
        for _ in 0..100 {
            let at = self.settle();
            if self.asked.len() > before {
                assert_eq!(self.asked.len(), before + 1, "one at a time");
                return self.asked.last().unwrap().clone();
            }
            assert!(at > self.now, "a hot loop");
            self.now = at;
        }
        panic!("no request comes");
    }

    fn deliver(&mut self, received: Received) {
        self.watch.deliver(self.now, received, &mut self.given);
    }

    /// Listed, and watching from `version`.
    fn watching(resync_period: Duration, version: &str) -> Self {
        let mut it = Self::new(resync_period);
        it.request();
        it.deliver(list_of(&["a"], version, ""));
        assert!(it.request().ends_with(&format!("&resourceVersion={version}")));
        it.deliver(opened());
        it.settle();
        it.given.0.clear();
        it
    }

    fn warnings(&mut self) -> Vec<String> {
        let notices = self.watch.take_notices().into_iter().filter(|notice| notice.level == Level::WARN);
        notices.map(|notice| notice.error.unwrap_or_default()).collect()
    }

    fn waits(&mut self, more: Duration) {
        self.now += more;
    }
}

const NEVER: Duration = Duration::ZERO;

#[test]
fn it_lists_and_then_watches_from_the_version_of_the_first_page() {
    let mut it = Scene::new(NEVER);
    assert_eq!(it.request(), format!("/api/v1/secrets?limit={FIRST_PAGE}"));
    it.deliver(list_of(&["a", "b"], "10", "to/ken="));
    assert!(it.request().ends_with("&continue=to%2Fken%3D"));
    it.settle();
    assert_eq!(it.given.0, ["begins", "seen ns/a", "seen ns/b"], "while the server works on the next page");
    // The page is of a later version, as where the token had expired: what happened between is in the watch.
    it.deliver(list_of(&["c"], "20", ""));
    assert!(it.request().ends_with("&resourceVersion=10"));
    assert_eq!(it.given.0[3..], ["seen ns/c", "ends at 10"]);
    it.deliver(opened());
    it.deliver(event("MODIFIED", "a", 11));
    it.deliver(event("DELETED", "b", 12));
    it.deliver(event("BOOKMARK", "", 30));
    assert_eq!(it.given.0[5..], ["seen ns/a", "deleted ns/b"]);
    it.waits(Duration::from_secs(290));
    it.deliver(Received::Closed);
    assert!(it.request().ends_with("&resourceVersion=30"), "and goes on from there");
    assert!(it.warnings().is_empty());
}

/// Issue 1: a response that is no list deletes nothing: the failure is logged, the list is retried with backoff, and the consumer
/// gets no `Ends`.
#[test]
fn a_response_that_is_no_list_is_retried_and_ends_no_list() {
    let no_name = json!({ "kind": "List", "metadata": { "resourceVersion": "9" }, "items": [{ "metadata": {} }] });
    let no_version = json!({ "kind": "SecretList", "metadata": {}, "items": [] });
    for wrong in [status(200, "Success"), no_version, no_name, json!("<html>"), json!(null)] {
        let mut it = Scene::new(NEVER);
        let mut waits = Vec::new();
        for _ in 0..5 {
            let before = it.now;
            it.request();
            waits.push((it.now - before).as_millis());
            it.deliver(whole(200, &wrong));
        }
        assert_eq!(waits, [0, 400, 800, 1_600, 3_200], "{wrong}");
        it.settle();
        let ends = it.given.0.iter().filter(|given| given.starts_with("ends")).count();
        assert_eq!(ends, 0, "{wrong}");
        assert_eq!(it.warnings().len(), 1, "{wrong}");
        it.request();
        it.deliver(list_of(&["a"], "10", ""));
        it.settle();
        assert_eq!(it.given.0.last().unwrap(), "ends at 10");
    }
}

/// SPEC 9.15: each watch lists anew every resync period, and nothing else is asked for in between.
#[test]
fn it_verifies_by_a_list_and_goes_on_from_it() {
    let mut it = Scene::watching(Duration::from_secs(1_800), "10");
    let asked = it.asked.len();
    while it.now < Duration::from_secs(1_790) {
        it.deliver(event("BOOKMARK", "", 10));
        assert!(it.settle() > it.now);
        it.waits(Duration::from_secs(60));
    }
    assert_eq!(it.asked.len(), asked, "an idle hour costs no request");
    it.now = Duration::from_secs(1_800);
    assert!(it.request().starts_with("/api/v1/secrets?limit="));
    assert_eq!((it.cancelled, it.now), (1, Duration::from_secs(1_800)));
    it.deliver(list_of(&["a"], "17", ""));
    assert!(it.request().ends_with("&resourceVersion=17"));
    assert_eq!(it.given.0, ["begins", "seen ns/a", "ends at 17"]);
    assert!(it.warnings().is_empty());
}

/// Issue 1: `--resync-period=1ms` made 437 requests a second.
#[test]
fn a_tiny_resync_period_costs_one_list_a_second() {
    let mut it = Scene::watching(Duration::from_millis(1), "10");
    while it.now < Duration::from_secs(60) {
        let request = it.request();
        it.deliver(if request.contains("limit") { list_of(&["a"], "10", "") } else { opened() });
    }
    assert!(it.asked.len() <= 2 * 61 + 2, "{}", it.asked.len());
}

/// While a verification fails, the watch goes on.
#[test]
fn a_verification_that_fails_is_tried_again_while_the_watch_goes_on() {
    let mut it = Scene::watching(Duration::from_secs(600), "10");
    it.deliver(event("BOOKMARK", "", 12));
    it.settle();
    it.now = Duration::from_secs(600) - Duration::from_secs(1);
    it.deliver(event("BOOKMARK", "", 13));
    assert!(it.request().contains("limit="));
    it.deliver(whole(500, &status(500, "InternalError")));
    assert!(it.request().ends_with("&resourceVersion=13"), "it watches again at once");
    assert_eq!(it.warnings(), ["the server answered 500 InternalError: no"]);
    it.deliver(opened());
    it.deliver(event("ADDED", "b", 14));
    assert_eq!(it.given.0.last().unwrap(), "seen ns/b");
    assert!(it.request().contains("limit="), "and then verifies");
}

/// Before it watches again the server is left alone for as long as it says; without that, verifications are tried again after growing
/// pauses, while the watch goes on.
#[test]
fn a_verification_that_is_refused_obeys_the_server_and_backs_off() {
    let verifying = || {
        let mut it = Scene::watching(Duration::from_secs(600), "10");
        it.now = Duration::from_secs(599);
        it.deliver(event("BOOKMARK", "", 10));
        assert!(it.request().contains("limit="));
        it
    };
    let mut it = verifying();
    let headers = HeaderMap::from_iter([(header::RETRY_AFTER, "7".parse().unwrap())]);
    let (status_code, body) = (StatusCode::TOO_MANY_REQUESTS, Bytes::new());
    it.deliver(Received::Response(Response { status: status_code, headers, body }));
    it.request();
    assert_eq!(it.now, Duration::from_secs(607));
    let mut it = verifying();
    let mut tried_at = vec![it.now];
    it.deliver(whole(403, &status(403, "Forbidden")));
    while tried_at.len() < 5 {
        if it.request().contains("limit=") {
            tried_at.push(it.now);
            it.deliver(whole(403, &status(403, "Forbidden")));
        } else {
            it.deliver(opened());
        }
    }
    let pauses: Vec<_> = tried_at.windows(2).map(|two| (two[1] - two[0]).as_millis()).collect();
    assert_eq!(pauses, [800, 1_600, 3_200, 6_400]);
}

/// Not all watches list at once: each verifies within the last quarter of the period, at random.
#[test]
fn verifications_are_spread() {
    for (random, after) in [(0, 1_024), (128, 896), (255, 769)] {
        let mut it = Scene::new(Duration::from_secs(1_024));
        it.watch.settings.entropy = Box::new(move || random);
        it.request();
        it.deliver(list_of(&["a"], "9", ""));
        it.request();
        it.deliver(opened());
        let (asked, mut until) = (it.asked.len(), it.settle());
        while it.asked.len() == asked {
            it.now = until;
            it.deliver(event("BOOKMARK", "", 9));
            until = it.settle();
        }
        assert_eq!(it.now, Duration::from_secs(after), "{random}");
    }
}

/// Responses and failures, at random.
fn chaos(choice: u8, is_list: bool) -> Vec<Received> {
    let broken = || Received::Failed(Failure::new(FailureKind::Unreachable, "broken"));
    let refused = |code: u16| {
        let body = status(code, "Some").to_string();
        match is_list {
            true => vec![whole(code, &status(code, "Some"))],
            false => {
                let head = Received::Head(StatusCode::from_u16(code).unwrap(), HeaderMap::new());
                vec![head, Received::Data(Bytes::from(body)), Received::Closed]
            }
        }
    };
    match (choice % 16, is_list) {
        (0, _) => vec![],
        (1, _) => vec![broken()],
        (2, _) => refused(410),
        (3, _) => refused(500),
        (4, _) => refused(429),
        (5, _) => refused(404),
        (6, true) => vec![whole(200, &status(200, "Some"))],
        (7, true) => vec![Received::TooLong],
        (8, true) => vec![response(200, "<html>".to_owned())],
        (9, true) => vec![opened()],
        (10 | 11, true) => vec![list_of(&["a"], "10", "next")],
        (_, true) => vec![list_of(&["b"], "10", "")],
        (6, false) => vec![opened(), Received::Closed],
        (7, false) => vec![opened(), event("ADDED", "a", 10)],
        (8, false) => vec![opened(), event("BOOKMARK", "", 10), Received::Closed],
        (9, false) => vec![opened(), broken()],
        (10, false) => vec![Received::Closed],
        (11, false) => vec![whole(200, &json!({}))],
        (12, false) => vec![opened(), Received::Data(Bytes::from_static(b"<html>\n"))],
        (13, false) => vec![Received::Data(Bytes::from_static(b"x"))],
        (_, false) => vec![opened()],
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever the server does: attempts are not made in a hot loop, there is always a next one, and a list ends only after its
    /// last page was read.
    #[test]
    fn whatever_the_server_does_it_goes_on_calmly(choices in proptest::collection::vec(0u8..16, 200), resync in 0u64..100) {
        let mut it = Scene::new(Duration::from_secs(resync));
        let mut whole_lists = 0;
        for choice in choices {
            let request = it.request();
            let is_list = request.contains("limit=");
            for received in chaos(choice, is_list) {
                it.deliver(received);
            }
            whole_lists += usize::from(is_list && choice >= 12);
            it.settle();
        }
        let ends = it.given.0.iter().filter(|given| given.starts_with("ends")).count();
        proptest::prop_assert!(ends <= whole_lists);
        // The log is bounded, too.
        let lines = it.watch.take_notices().into_iter().filter(|notice| notice.level == Level::WARN).count();
        let hours = it.now.as_secs() / 3_600 + 1;
        proptest::prop_assert!(lines as u64 <= 10 * hours, "{lines} lines in {hours} hours");
        // A page that is too long is asked for again at once, a few times; a list and the watch after it are no failures.
        let calm = it.now.as_millis() / 100;
        proptest::prop_assert!(calm >= 200 / 4, "200 requests within {:?}", it.now);
    }
}
