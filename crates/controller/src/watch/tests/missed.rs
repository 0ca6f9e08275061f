//! Events that the watch misses: silence, versions that went back or are too old.

use super::*;

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
    let end = ends(&mut it);
    assert!(end.contains("went back from 1000 to 17"), "{end}");
    assert!(!it.given.0.iter().any(|given| given.starts_with("ends")), "nothing follows from that list");
}

/// Why the watch ends by itself.
fn ends(it: &mut Scene) -> String {
    loop {
        match it.watch.poll(it.now, &mut it.given) {
            Next::End(why) => return why,
            Next::WaitUntil(_) => panic!("it goes on"),
            _ => {}
        }
    }
}

/// The same where no list has shown the newest version, but the watch itself.
#[test]
fn a_list_that_is_older_than_an_event_ends_the_watch() {
    let mut it = Scene::watching(NEVER, "10");
    it.deliver(event("MODIFIED", "a", 1_000));
    let expired = json!({ "type": "ERROR", "object": status(410, "Expired") });
    it.deliver(Received::Data(Bytes::from(format!("{expired}\n"))));
    assert!(it.request().contains("limit="));
    it.deliver(list_of(&["a"], "500", ""));
    let end = ends(&mut it);
    assert!(end.contains("went back from 1000 to 500"), "{end}");
}

/// SPEC 8: the same where the watch goes on after etcd was restored: it was open for long enough for a bookmark, and has not come to a
/// version that had been shown before it was opened. One that is cut off sooner may still come there.
#[test]
fn a_watch_that_does_not_come_to_what_was_shown_before_leads_to_a_list() {
    for (came_to, open_for, lists) in [(12, 30, false), (12, 119, false), (12, 120, true), (50, 120, false)] {
        let mut it = Scene::watching(NEVER, "10");
        it.watch.note_version(&ResourceVersion::new("50"));
        it.waits(SHORTEST_WATCH);
        it.deliver(Received::Closed);
        assert!(it.request().ends_with("&resourceVersion=10"));
        it.deliver(opened());
        it.deliver(event("BOOKMARK", "", came_to));
        it.waits(Duration::from_secs(open_for));
        it.deliver(Received::Closed);
        assert_eq!(it.request().contains("limit="), lists, "at {came_to}, open for {open_for} s");
    }
}

/// What responses show is remembered up to a bound; beyond that the oldest versions are not waited for any more.
#[test]
fn versions_that_are_waited_for_have_a_bound() {
    for (shown, oldest) in [(10_000, 101), (10_001, 102), (20_000, 10_101)] {
        let (mut expected, position) = (Expected::default(), ResourceVersion::new("100"));
        for version in 1..=shown {
            expected.add(&ResourceVersion::new(&(100 + version).to_string()), &position);
        }
        assert_eq!(expected.came_to("30000"), Some(oldest), "of {shown}");
    }
}

/// Issue 9, 1: a missed event heals, without a resync period too. Etcd was restored to before a write of the controller, and other
/// writes had newer versions before the watch was open again: no version goes back, and still the write is gone.
#[test]
fn a_watch_that_passes_a_version_that_a_response_showed_leads_to_a_list() {
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

/// A proxy cuts idle connections each half minute: that alone is no reason to list each time.
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

/// SPEC 8: a missed event changes nothing in the end. The server cannot serve the events after a version, and answers with an error
/// that is not 410: as since Kubernetes 1.32 when an object that cannot be decrypted is deleted (KEP-3926).
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
