//! The stream of watch events: time limits, refusals, events that cannot be read, and backoff.

use super::*;

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

/// Issue 9, 1: only events and bookmarks show that a watch is alive, not bytes. A proxy that sends spaces to keep a connection open
/// kept a dead watch open for ever.
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

/// A watch worked if an event or a bookmark came by it, however short it was, or if it was open for a while, though nothing came.
#[test]
fn pauses_begin_anew_after_a_watch_that_worked() {
    let mut it = Scene::watching(NEVER, "9");
    for (number, (is_heard, open_for, pause)) in [
        (false, 0, 400),
        (false, 0, 800),
        (false, 5, 0),
        (false, 0, 400),
        (false, 4, 800),
        (true, 0, 400),
        (true, 1, 400),
        (false, 0, 800),
        (true, 5, 0),
        (false, 0, 400),
    ]
    .into_iter()
    .enumerate()
    {
        if is_heard {
            it.deliver(event("BOOKMARK", "", 9));
        }
        it.waits(Duration::from_secs(open_for));
        it.deliver(Received::Closed);
        let before = it.now;
        it.request();
        assert_eq!((it.now - before).as_millis(), pause, "watch {number}");
        it.deliver(opened());
    }
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
    // It does not know who asks: then no right is what is missing.
    let mut it = Scene::new(NEVER);
    it.request();
    it.deliver(whole(401, &status(401, "Unauthorized")));
    it.request();
    assert_eq!(
        it.warnings(),
        [
            "the server answered 401 Unauthorized: no; the API server does not accept the controller's credentials: check that its \
          token or client certificate is valid and of this cluster, and that its ServiceAccount exists"
        ]
    );
}
