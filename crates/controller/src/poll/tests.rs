//! The poll on virtual time, against a scripted API server.

use bytes::Bytes;
use http::{HeaderMap, header};
use k8s_replicator_core::observed::ReadError;

use super::*;
use crate::health::Health;

#[derive(Default)]
struct Recorder(Vec<String>);

impl Consumer for Recorder {
    fn take(&mut self, change: Change<'_>) -> Result<(), ReadError> {
        let named = |object: Object<'_>| {
            SeenNamespace::read(object, &Dialect::new("", true)).map(|SeenNamespace { name, facts }| {
                match facts.terminating {
                    true => format!("{name}, terminating"),
                    false => name,
                }
            })
        };
        self.0.push(match change {
            Change::Begins => "begins".to_owned(),
            Change::Ends(_) => "ends".to_owned(),
            Change::Seen(object) => format!("seen {}", named(object)?),
            Change::Deleted(object) => format!("deleted {}", named(object)?),
        });
        Ok(())
    }
}

struct Scene {
    poll: Poll,
    given: Recorder,
    now: Moment,
}

impl Scene {
    fn new(namespaces: &[&str]) -> Self {
        let namespaces = namespaces.iter().map(|name| Namespace::parse(name).unwrap()).collect();
        let progress = Health::default().watch("namespaces");
        let poll = Poll::new("https://server".to_owned(), namespaces, progress, Box::new(|| 0));
        Self { poll, given: Recorder::default(), now: Moment::ZERO }
    }

    /// Lets time pass until the next look; returns its namespace, and how long that took.
    fn look(&mut self) -> (String, Duration) {
        let before = self.now;
        for _ in 0..10 {
            match self.poll.poll(self.now, &mut self.given) {
                Next::Request(request) => {
                    return (request.path.rsplit('/').next().unwrap().to_owned(), self.now - before);
                }
                Next::WaitUntil(at) => self.now = at,
                Next::Cancel | Next::Yield => {}
                Next::End(why) => panic!("{why}"),
            }
        }
        panic!("no look comes");
    }

    fn answer(&mut self, status: u16, body: &str) {
        self.deliver(status, HeaderMap::new(), body);
    }

    fn deliver(&mut self, status: u16, headers: HeaderMap, body: &str) {
        let (status, body) = (StatusCode::from_u16(status).unwrap(), Bytes::copy_from_slice(body.as_bytes()));
        let received = Received::Response(Response { status, headers, body });
        self.poll.deliver(self.now, received, &mut self.given);
    }

    fn warnings(&mut self) -> Vec<String> {
        self.poll.take_notices().into_iter().filter_map(|notice| notice.error).collect()
    }
}

fn namespace(name: &str) -> String {
    json!({ "kind": "PartialObjectMetadata", "metadata": { "name": name } }).to_string()
}

const NOT_FOUND: &str = r#"{"kind":"Status","reason":"NotFound","code":404,"message":"namespaces \"b\" not found"}"#;

#[test]
fn each_is_looked_at_often_while_one_is_missing_and_else_seldom() {
    let mut it = Scene::new(&["a", "b"]);
    assert_eq!(it.look(), ("a".to_owned(), Duration::ZERO));
    it.answer(200, &namespace("a"));
    assert_eq!(it.look().0, "b");
    it.answer(404, NOT_FOUND);
    assert_eq!(it.look(), ("a".to_owned(), WAITING));
    assert_eq!(it.given.0, ["begins", "seen a", "deleted b", "ends"]);
    it.answer(200, &namespace("a"));
    it.look();
    it.answer(200, &json!({ "metadata": { "name": "b", "deletionTimestamp": "2026-01-01T00:00:00Z" } }).to_string());
    assert_eq!(it.look(), ("a".to_owned(), WAITING), "one that terminates is waited for too");
    it.answer(200, &namespace("a"));
    it.look();
    it.answer(200, &namespace("b"));
    assert_eq!(it.look(), ("a".to_owned(), CALM));
    assert_eq!(it.given.0[4..], ["seen a", "seen b, terminating", "seen a", "seen b"]);
    assert!(it.warnings().is_empty());
}

/// Issue 1: a 404 means missing only if a `Status` says so; and nothing follows from an answer that is about something else.
#[test]
fn what_is_not_understood_says_nothing_of_a_namespace() {
    for (status, body) in [
        (404, "404 page not found".to_owned()),
        (404, json!({ "kind": "Status", "code": 404 }).to_string()),
        (200, namespace("another")),
        (200, NOT_FOUND.to_owned()),
        (200, "<html></html>".to_owned()),
        (403, json!({ "kind": "Status", "code": 403, "reason": "Forbidden" }).to_string()),
    ] {
        let mut it = Scene::new(&["b"]);
        it.look();
        it.answer(status, &body);
        let mut waits = Vec::new();
        for _ in 0..4 {
            waits.push(it.look().1.as_millis());
            it.answer(status, &body);
        }
        assert_eq!(waits, [200, 400, 800, 1_600], "{body}");
        assert_eq!(it.given.0, ["begins"], "{body}");
        assert_eq!(it.warnings().len(), 1, "{body}");
    }
}

/// Issue 1: `Retry-After` is obeyed, up to a bound.
#[test]
fn the_server_is_left_alone_for_as_long_as_it_says_up_to_a_bound() {
    for (asked, left_alone) in [(7, Duration::from_secs(7)), (86_400, crate::backoff::LONGEST_RETRY_AFTER)] {
        let mut it = Scene::new(&["a"]);
        it.look();
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, asked.into())]);
        it.deliver(429, headers, "");
        assert_eq!(it.look().1, left_alone);
    }
}

/// 401: the server does not know who asks, so that no right is what is missing.
#[test]
fn what_a_refused_look_says_to_do() {
    for (code, reason, says) in [(403, "Forbidden", "needs the verb \"get\""), (401, "Unauthorized", "credentials")] {
        let mut it = Scene::new(&["a"]);
        it.look();
        it.answer(code, &json!({ "kind": "Status", "code": code, "reason": reason, "message": "no" }).to_string());
        it.look();
        let warnings = it.warnings();
        assert!(warnings.len() == 1 && warnings[0].contains(says), "{code}: {warnings:?}");
        assert_eq!(warnings[0].contains("needs"), code == 403, "{warnings:?}");
    }
}

#[test]
fn a_look_without_a_response_has_an_end() {
    let mut it = Scene::new(&["a", "b"]);
    let health = Health::default();
    it.poll.progress = health.watch("namespaces");
    it.look();
    assert_eq!(it.look(), ("b".to_owned(), TIMEOUT), "one does not hold up the others");
    assert_eq!(it.warnings(), ["no answer from the API server at https://server: nothing came for 30 s"]);
    while it.now < 2 * crate::health::LONGEST_SILENCE {
        it.look();
        assert_eq!(health.stuck(it.now), [], "to wait for a server is no illness");
    }
}

/// Issue 9, 1: one namespace's failure does not delay the others. One namespace without a Role held up the replicas of others for
/// half a minute.
#[test]
fn one_that_may_not_be_looked_at_is_looked_at_less_and_less_and_holds_up_no_other() {
    let mut it = Scene::new(&["a", "b"]);
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    while it.now < Duration::from_secs(300) {
        if it.look().0 == "a" {
            of_a.push(it.now);
            it.answer(403, &json!({ "kind": "Status", "code": 403, "reason": "Forbidden" }).to_string());
        } else {
            of_b.push(it.now);
            it.answer(404, NOT_FOUND);
        }
    }
    let longest = |times: &[Moment]| times.windows(2).map(|two| two[1] - two[0]).max().unwrap();
    assert!(longest(&of_b) <= WAITING, "{of_b:?}");
    assert!(of_b.len() <= 102, "nor is it looked at whenever the other is: {}", of_b.len());
    assert!((15..=25).contains(&of_a.len()) && longest(&of_a) >= LONGEST_FAILURE_PAUSE, "{of_a:?}");
}

/// Many programs that were started together do not ask together: a pause is up to a quarter longer, at random.
#[test]
fn the_pause_between_two_rounds_is_spread() {
    for (random, pause) in [(0, CALM), (128, CALM + CALM / 8)] {
        let mut it = Scene::new(&["a"]);
        it.poll.entropy = Box::new(move || random);
        it.look();
        for _ in 0..2 {
            it.answer(200, &namespace("a"));
            assert_eq!(it.look(), ("a".to_owned(), pause));
        }
    }
}

/// An idle program sleeps: nothing is due between the looks at namespaces of which each failed.
#[test]
fn where_none_may_be_looked_at_each_wait_ends_with_a_look() {
    let mut it = Scene::new(&["a"]);
    it.look();
    for _ in 0..15 {
        it.answer(403, &json!({ "kind": "Status", "code": 403, "reason": "Forbidden" }).to_string());
        let Next::WaitUntil(at) = it.poll.poll(it.now, &mut it.given) else { panic!("it does not wait") };
        it.now = at;
        let next = it.poll.poll(it.now, &mut it.given);
        assert!(matches!(next, Next::Request(_)), "{next:?} at {at:?}");
    }
}

#[test]
fn who_may_not_look_is_told_what_to_grant() {
    let mut it = Scene::new(&["b"]);
    it.look();
    it.answer(403, &json!({ "kind": "Status", "code": 403, "reason": "Forbidden", "message": "no" }).to_string());
    let needed = "the controller's account needs the verb \"get\" on \"namespaces\" in the namespace \"b\", by a Role there, \
                  for which the namespace has to exist; or take it off --namespaces";
    assert_eq!(it.warnings(), [format!("the server answered 403 Forbidden: no; {needed}")]);
}
