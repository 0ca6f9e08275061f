//! Watches on virtual time, against a scripted API server: no sockets, no waiting.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use k8s_replicator_core::annotations::Dialect;
use serde_json::{Value, json};

use super::stream::SHORTEST_WATCH;
use super::*;
use crate::health::Health;
use crate::wire::Response;

/// What the consumer was given, in order.
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

/// Issue 1: nothing destructive follows from an answer that was not understood; it is logged, tried again with backoff, and the
/// consumer gets no end of a list.
#[test]
fn what_is_no_list_is_tried_again_and_ends_nothing() {
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

/// A verification that fails must not keep it from seeing what happens.
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

/// Issue 1: after etcd was restored the watch from a future version is silent. It is listed again, which shows that the versions
/// went back, and that ends the program.
#[test]
fn two_silent_watches_lead_to_a_list_and_versions_that_went_back_to_the_end() {
    let mut it = Scene::watching(NEVER, "1000");
    assert!(it.request().ends_with("&resourceVersion=1000"));
    assert_eq!(
        it.warnings(),
        ["no answer from the API server at https://server: neither an event nor a bookmark came for 150 s"]
    );
    it.deliver(opened());
    assert!(it.request().contains("limit="), "the second silent watch");
    it.deliver(list_of(&["a"], "17", ""));
    let end = loop {
        match it.watch.poll(it.now, &mut it.given) {
            Next::End(why) => break why,
            Next::WaitUntil(_) => panic!("it goes on"),
            _ => {}
        }
    };
    assert!(end.contains("went back from 1000 to 17"), "{end}");
    assert!(!it.given.0.iter().any(|given| given.starts_with("ends")), "nothing follows from that list");
}

/// Issue 9, 1: a missed event heals, without a resync period too. Etcd was restored to before a write of the controller, and others had
/// newer versions before the watch was there again: nothing goes back, and still the write is gone.
#[test]
fn a_watch_that_passes_what_a_response_showed_leads_to_a_list() {
    let shown = |it: &mut Scene, version: u64| {
        let version = ResourceVersion::new(&version.to_string());
        it.watch.note_version(&version);
        it.watch.expect(&version);
    };
    let mut it = Scene::watching(NEVER, "10");
    [5, 10, 11, 13].into_iter().for_each(|version| shown(&mut it, version));
    it.deliver(event("MODIFIED", "a", 11));
    // A read showed it that was sent before.
    shown(&mut it, 11);
    it.deliver(event("MODIFIED", "b", 12));
    it.deliver(event("MODIFIED", "a", 13));
    it.deliver(event("BOOKMARK", "", 20));
    it.settle();
    assert_eq!(it.cancelled, 0, "all was shown");
    shown(&mut it, 21);
    it.deliver(event("MODIFIED", "b", 30));
    assert!(it.request().contains("limit="));
    assert_eq!(it.cancelled, 1);
    // What is newer than the list is shown by the watch after it.
    [35, 45].into_iter().for_each(|version| shown(&mut it, version));
    it.deliver(list_of(&["b"], "40", ""));
    assert!(it.request().ends_with("&resourceVersion=40"));
    it.deliver(opened());
    it.deliver(event("MODIFIED", "b", 45));
    it.deliver(event("BOOKMARK", "", 50));
    it.settle();
    assert_eq!((it.cancelled, it.warnings().len()), (1, 0));
}

/// A proxy that cuts idle connections each half minute: quiet, but not a reason to list each time.
#[test]
fn silence_is_counted_over_watches_that_are_cut_off() {
    let mut it = Scene::watching(NEVER, "10");
    let mut lists = 0;
    while it.now < Duration::from_secs(3_600) {
        it.waits(Duration::from_secs(30));
        it.deliver(Received::Closed);
        match it.request() {
            request if request.contains("limit=") => {
                lists += 1;
                it.deliver(list_of(&[], "10", ""));
                it.request();
                it.deliver(opened());
            }
            _ => it.deliver(opened()),
        }
    }
    assert!((10..=12).contains(&lists), "{lists} lists in an hour");
}

/// SPEC 8: a missed event changes nothing in the end. The server cannot give what follows a version, and says so by an error that
/// is no 410: as since Kubernetes 1.32 when an object that cannot be decrypted is deleted (KEP-3926).
#[test]
fn when_no_watch_from_a_version_succeeds_it_is_listed_again() {
    let mut it = Scene::watching(NEVER, "9");
    let failing = || {
        let event = json!({ "type": "ERROR", "object": status(500, "StorageReadError") });
        Received::Data(Bytes::from(format!("{event}\n")))
    };
    it.deliver(failing());
    for _ in 0..2 {
        assert!(it.request().ends_with("&resourceVersion=9"));
        it.deliver(opened());
        it.deliver(failing());
    }
    assert!(it.request().contains("limit="));
    assert_eq!(it.cancelled, 3, "connections of watches that went wrong are closed");
}

#[test]
fn a_version_that_is_too_old_is_listed_again() {
    let expired = json!({ "type": "ERROR", "object": status(410, "Expired") });
    let mut it = Scene::watching(NEVER, "9");
    it.deliver(Received::Data(Bytes::from(format!("{expired}\n"))));
    assert!(it.request().contains("limit="), "by an event");
    let mut it = Scene::new(NEVER);
    it.request();
    it.deliver(list_of(&[], "9", ""));
    it.request();
    it.deliver(Received::Head(StatusCode::GONE, HeaderMap::new()));
    it.deliver(Received::Closed);
    assert!(it.request().contains("limit="), "by a status");
    assert!(it.warnings().is_empty());
}

/// Issue 3: expired continue tokens are told, and a list that restarts again and again backs off.
#[test]
fn a_list_that_always_expires_in_the_middle_backs_off_and_says_so() {
    let mut it = Scene::new(NEVER);
    let mut waits = Vec::new();
    for _ in 0..10 {
        let before = it.now;
        assert!(!it.request().contains("continue"), "from the beginning");
        waits.push((it.now - before).as_millis());
        it.deliver(list_of(&["a"], "9", "next"));
        assert!(it.request().contains("continue=next"));
        it.deliver(whole(410, &status(410, "Expired")));
    }
    assert_eq!(waits, [0, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
    assert_eq!(it.warnings(), ["the server answered 410 Expired: no"; 2], "at once, and after a minute");
    assert_eq!(it.given.0.iter().filter(|given| *given == "begins").count(), 10);
}

#[test]
fn a_page_that_was_too_much_for_the_server_is_asked_for_in_smaller_pieces() {
    for code in [500, 504] {
        let mut it = Scene::new(NEVER);
        it.request();
        it.deliver(list_of(&["a"], "9", "next"));
        assert!(it.request().contains("limit=2000&continue=next"));
        it.deliver(whole(code, &status(code, "Timeout")));
        let failed_at = it.now;
        assert!(it.request().contains("limit=250&continue=next"));
        assert!(it.now > failed_at, "not at once");
        it.deliver(list_of(&["b"], "9", "further"));
        assert!(it.request().contains("limit=500&continue=further"), "and they do not grow to what was too much");
        assert_eq!(it.warnings().len(), 1);
    }
}

/// Issue 9, 3: 500 and 504 shrink the pages, also those of a verification: it failed for ever where the first list had succeeded.
#[test]
fn a_verification_that_was_too_much_for_the_server_asks_for_smaller_pages_the_next_time() {
    let mut it = Scene::watching(Duration::from_secs(100), "7");
    it.deliver(opened());
    let mut lists = Vec::new();
    while lists.len() < 3 {
        let path = it.request();
        let Some((_, rest)) = path.split_once("limit=") else {
            it.deliver(opened());
            continue;
        };
        let limit: usize = rest.split('&').next().unwrap().parse().unwrap();
        lists.push(limit);
        let page = list_of(&["a"], "9", if path.contains("continue=") { "" } else { "more" });
        it.deliver(if limit > 100 { whole(504, &status(504, "Timeout")) } else { page });
    }
    assert_eq!(lists, [500, 62, 62]);
}

/// Issue 4: memory does not grow with what is none of its business: a page that is too long is not taken.
#[test]
fn a_page_that_is_too_long_is_asked_for_in_smaller_pieces_at_once() {
    let mut it = Scene::new(NEVER);
    let mut limits = Vec::new();
    loop {
        let request = it.request();
        limits.push(request.rsplit('=').next().unwrap().parse::<usize>().unwrap());
        if limits.len() == 4 {
            break;
        }
        it.deliver(Received::TooLong);
    }
    assert_eq!(limits, [500, 62, 16, 16]);
    assert_eq!(it.now, Duration::from_millis(400), "only the smallest page that is too long is a failure");
}

/// Issue 3: attempts are never made in a hot loop. A server that breaks off has not said that a page is too long: it is asked
/// again after a pause, for as much as before.
#[test]
fn whoever_breaks_off_is_asked_again_after_a_pause_for_the_same() {
    let mut it = Scene::new(NEVER);
    for wait in [0, 400, 800] {
        let before = it.now;
        assert_eq!(it.request(), format!("/api/v1/secrets?limit={FIRST_PAGE}"));
        assert_eq!((it.now - before).as_millis(), wait);
        it.deliver(Received::Failed(Failure::new(FailureKind::Unreachable, "broken")));
    }
    assert_eq!(it.warnings(), ["no answer from the API server at https://server: broken"]);
}

#[test]
fn every_wait_has_an_end() {
    let mut it = Scene::new(NEVER);
    it.request();
    assert_eq!(it.settle(), PAGE_TIMEOUT, "a list without a response");
    it.request();
    assert_eq!(it.cancelled, 1);
    it.deliver(list_of(&[], "9", ""));
    it.request();
    let asked_at = it.now;
    assert_eq!(it.settle(), asked_at + LONGEST_IDLE, "a watch without a response");
    it.waits(Duration::from_secs(100));
    it.deliver(opened());
    assert_eq!(it.settle(), it.now + LONGEST_IDLE, "a watch without an event");
    let health = Health::default();
    it.watch.settings.progress = health.watch("secrets");
    let end = it.now + 2 * crate::health::LONGEST_SILENCE;
    while it.now < end {
        it.request();
    }
    assert_eq!(health.stuck(it.now), [], "to wait for a server is no illness");
}

/// Issue 9, 1: a watch is alive by what it says, not by bytes. What stood between (a proxy that sends spaces to keep a connection open)
/// kept a dead watch for ever.
#[test]
fn bytes_that_are_no_event_do_not_keep_a_watch_open() {
    let refused = || Received::Head(StatusCode::FORBIDDEN, HeaderMap::new());
    for (head, byte) in [(opened(), "\n"), (opened(), "x"), (refused(), " ")] {
        let mut it = Scene::new(NEVER);
        it.request();
        it.deliver(list_of(&[], "9", ""));
        it.request();
        it.deliver(head);
        let (opened_at, asked) = (it.now, it.asked.len());
        while it.asked.len() == asked {
            assert!(it.now < opened_at + 2 * LONGEST_IDLE, "a dripping {byte:?} keeps it open");
            it.waits(Duration::from_secs(10));
            it.deliver(Received::Data(Bytes::from_static(byte.as_bytes())));
            it.settle();
        }
        assert_eq!(it.cancelled, 1);
    }
    // However old it is, while it says something it stays.
    let mut it = Scene::watching(NEVER, "9");
    let asked = it.asked.len();
    for version in 10..100 {
        it.waits(LONGEST_IDLE - Duration::from_secs(1));
        it.deliver(event("BOOKMARK", "", version));
        it.settle();
    }
    assert_eq!((it.asked.len(), it.cancelled), (asked, 0));
}

#[test]
fn the_server_is_left_alone_for_as_long_as_it_says() {
    let headers = HeaderMap::from_iter([(header::RETRY_AFTER, "7".parse().unwrap())]);
    let mut it = Scene::new(NEVER);
    it.request();
    let (status, body) = (StatusCode::TOO_MANY_REQUESTS, Bytes::new());
    it.deliver(Received::Response(Response { status, headers, body }));
    it.request();
    assert_eq!(it.now, Duration::from_secs(7));
}

#[test]
fn a_watch_that_ends_at_once_again_and_again_is_not_opened_in_a_hot_loop() {
    let mut it = Scene::watching(NEVER, "9");
    let mut waits = Vec::new();
    for _ in 0..4 {
        it.deliver(Received::Closed);
        let before = it.now;
        it.request();
        waits.push((it.now - before).as_millis());
        it.deliver(opened());
    }
    assert_eq!(waits, [400, 800, 1_600, 3_200]);
    it.deliver(event("BOOKMARK", "", 9));
    it.waits(SHORTEST_WATCH);
    it.deliver(Received::Closed);
    let before = it.now;
    it.request();
    assert_eq!(it.now, before, "this one worked");
}

/// SPEC 2: an object whose name can be read is never taken for missing, and one whose name cannot be read is not passed over.
#[test]
fn an_event_that_cannot_be_read_ends_the_watch_and_the_version_stays() {
    let mut it = Scene::watching(NEVER, "9");
    it.deliver(event("MODIFIED", "a", 10));
    let nameless = json!({ "type": "MODIFIED", "object": { "metadata": { "resourceVersion": "11" } } });
    it.deliver(Received::Data(Bytes::from(format!("{nameless}\n"))));
    assert!(it.request().ends_with("&resourceVersion=10"));
    assert_eq!(it.cancelled, 1);
    assert!(it.warnings()[0].starts_with("the response cannot be read: "));
    // Nor what ends in the middle, or is no stream of events at all.
    for wrong in ["{\"type\":\"ADDED\",", "<html>sorry</html>", &status(200, "").to_string()] {
        it.deliver(opened());
        it.deliver(Received::Data(Bytes::copy_from_slice(wrong.as_bytes())));
        it.deliver(Received::Closed);
        it.request();
        assert_eq!(it.warnings().len(), 1, "{wrong}");
        it.watch.log.works();
        it.watch.failed_watches = 0;
    }
}

#[test]
fn a_watch_that_is_refused_says_why() {
    let mut it = Scene::new(NEVER);
    it.request();
    it.deliver(list_of(&[], "9", ""));
    it.request();
    it.deliver(Received::Head(StatusCode::FORBIDDEN, HeaderMap::new()));
    let body = status(403, "Forbidden").to_string();
    let (one, two) = body.split_at(9);
    for part in [one, two] {
        it.deliver(Received::Data(Bytes::copy_from_slice(part.as_bytes())));
    }
    it.deliver(Received::Closed);
    let needed = "the controller's account needs the verb \"watch\" on \"secrets\" in all namespaces";
    assert_eq!(it.warnings(), [format!("the server answered 403 Forbidden: no; {needed}")]);
}

/// A large list is given on in small turns, and what was asked for meanwhile can be sent.
#[test]
fn a_large_page_is_given_on_in_turns() {
    let names: Vec<String> = (0..1_000).map(|n| format!("x{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut it = Scene::new(NEVER);
    it.request();
    it.deliver(list_of(&names, "9", "next"));
    assert!(matches!(it.watch.poll(it.now, &mut it.given), Next::Request(_)), "the next page first");
    let mut turns = 0;
    while matches!(it.watch.poll(it.now, &mut it.given), Next::Yield) {
        turns += 1;
    }
    assert_eq!((turns, it.given.0.len()), (4, 1_001));
}

/// What a server may do to a request.
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
