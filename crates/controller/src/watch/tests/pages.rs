//! The pages of a list: expired tokens, pages that are too large, and pauses.

use super::*;

/// How many objects the list at this path may have.
fn limit(path: &str) -> usize {
    let (_, rest) = path.split_once("limit=").unwrap();
    rest.split('&').next().unwrap().parse().unwrap()
}

/// Issue 3: expired continue tokens are logged, and a list that restarts again and again backs off. Issue 9, 3: its pages shrink, down to
/// the size of a first page: smaller ones would make the list take longer, and so expire sooner.
#[test]
fn a_list_that_always_expires_in_the_middle_backs_off_and_says_so() {
    let mut it = Scene::new(NEVER);
    let (mut waits, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let before = it.now;
        let first = it.request();
        assert!(!first.contains("continue"), "from the beginning");
        waits.push((it.now - before).as_millis());
        // Pages grow, since all are small: the third one is as large as it may be.
        let mut pages = vec![limit(&first)];
        for _ in 0..3 {
            it.deliver(list_of(&["a"], "9", "next"));
            let next = it.request();
            assert!(next.contains("continue=next"));
            pages.push(limit(&next));
        }
        limits.push(pages);
        it.deliver(whole(410, &status(410, "Expired")));
    }
    assert_eq!(limits[0], [500, 2_000, 8_000, 20_000]);
    assert_eq!(limits[1], [500, 2_000, 8_000, 10_000]);
    assert_eq!(limits[2], [500, 2_000, 5_000, 5_000]);
    assert_eq!(limits[5], [500, 625, 625, 625]);
    assert!(limits[6..].iter().all(|pages| *pages == [500; 4]), "{limits:?}");
    assert_eq!(waits, [0, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
    assert_eq!(it.warnings(), ["the server answered 410 Expired: no"; 2], "at once, and after a minute");
    assert_eq!(it.given.0.iter().filter(|given| *given == "begins").count(), 10);
}

#[test]
fn a_page_that_was_too_much_for_the_server_is_requested_in_smaller_pages() {
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
        if !path.contains("limit=") {
            it.deliver(opened());
            continue;
        }
        lists.push(limit(&path));
        let page = list_of(&["a"], "9", if path.contains("continue=") { "" } else { "more" });
        it.deliver(if limit(&path) > 100 { whole(504, &status(504, "Timeout")) } else { page });
    }
    assert_eq!(lists, [500, 62, 62]);
}

/// Each list that succeeds doubles what a page may have, up to the usual size: what was too much once need not be too much for ever.
#[test]
fn pages_grow_again_with_each_list_that_succeeds() {
    let mut it = Scene::watching(Duration::from_secs(100), "7");
    let mut limits = Vec::new();
    while limits.len() < 6 {
        let path = it.request();
        if !path.contains("limit=") {
            it.deliver(opened());
            continue;
        }
        limits.push(limit(&path));
        it.deliver(if limits.len() == 1 { whole(504, &status(504, "Timeout")) } else { list_of(&["a"], "9", "") });
    }
    assert_eq!(limits, [500, 62, 124, 248, 496, 500]);
}

/// A refusal of the first page is no reason to begin anew, nor is one of a later page that does not concern the list itself: the consumer
/// would get all objects again.
#[test]
fn a_list_begins_anew_only_where_its_next_page_cannot_be_had() {
    let refused = |code, reason| whole(code, &status(code, reason));
    let broken = || Received::Failed(Failure::new(FailureKind::Unreachable, "broken"));
    for (case, page, answer, next, begun) in [
        ("the first one expired", 1, refused(410, "Expired"), "limit=500", 1),
        ("the first one is invalid", 1, refused(400, "BadRequest"), "limit=500", 1),
        ("the first one is not there", 1, refused(404, "NotFound"), "limit=500", 1),
        ("not allowed", 1, refused(403, "Forbidden"), "limit=500", 1),
        ("the token expired", 2, refused(410, "Expired"), "limit=500", 2),
        ("the token is unknown", 2, refused(400, "BadRequest"), "limit=500", 2),
        ("nothing is there any more", 2, refused(404, "NotFound"), "limit=500", 2),
        ("not allowed any more", 2, refused(403, "Forbidden"), "limit=2000&continue=next", 1),
        ("too busy", 2, refused(429, "TooManyRequests"), "limit=2000&continue=next", 1),
        ("the connection broke, perhaps because of the size", 2, broken(), "limit=500&continue=next", 1),
    ] {
        let mut it = Scene::new(NEVER);
        it.request();
        if page == 2 {
            it.deliver(list_of(&["a"], "9", "next"));
            assert!(it.request().ends_with("?limit=2000&continue=next"));
        }
        it.deliver(answer);
        let request = it.request();
        assert!(request.ends_with(&format!("?{next}")), "{case}: {request}");
        assert_eq!(it.given.0.iter().filter(|given| *given == "begins").count(), begun, "{case}");
    }
}

/// Issue 4: memory does not grow with other objects: a page that is too long is not taken.
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

/// Issue 3: attempts are never made in a hot loop. A connection that breaks does not mean that the page is too long: it is
/// requested again after a pause, with the same size.
#[test]
fn after_a_broken_connection_the_same_page_is_requested_after_a_pause() {
    let mut it = Scene::new(NEVER);
    for wait in [0, 400, 800] {
        let before = it.now;
        assert_eq!(it.request(), format!("/api/v1/secrets?limit={FIRST_PAGE}"));
        assert_eq!((it.now - before).as_millis(), wait);
        it.deliver(Received::Failed(Failure::new(FailureKind::Unreachable, "broken")));
    }
    assert_eq!(it.warnings(), ["no answer from the API server at https://server: broken"]);
}

/// A large page is delivered in small turns, and the next page's request is sent meanwhile.
#[test]
fn a_large_page_is_delivered_in_turns() {
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
