//! No target waits because of others: webhooks, writes that hang, large sources, denials.

use super::*;

/// SPEC 9.1, issue 9: a webhook that denies with 429 and Retry-After in one namespace held up all others for 58 s.
#[test]
fn a_webhook_that_asks_to_wait_holds_up_its_namespace_alone() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1)]);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    let create = it.asks_for("create d/src");
    let blame = crate::cluster::Blame::Admission;
    let denial = Failure { blame, retry_after: Some(RetryAfter::new(MINUTE)), ..failure(FailureKind::Throttled) };
    it.replicator.answer(it.now(), create, Err(denial));
    it.seen(&object("a/other", 50, "replicate-to-namespaces=c,d", json!({})));
    let read = it.asks_for("read a/other");
    it.answer(read, content(&object("a/other", 50, "replicate-to-namespaces=c,d", json!({}))));
    it.asks_for("create c/other");
    it.moment += Duration::from_secs(10);
    let read = it.asks_for("read a/other");
    it.answer(read, content(&object("a/other", 50, "replicate-to-namespaces=c,d", json!({}))));
    it.asks_for("create d/other");
    it.moment += Duration::from_secs(49);
    it.asks_nothing();
    it.moment += Duration::from_secs(1);
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(1, "v1")));
    it.asks_for("create d/src");
}

/// Issue 9, 1: 200 writes that hang in one namespace held a healthy target for 64 s.
#[test]
fn writes_that_hang_in_one_namespace_leave_room_for_others() {
    let to: Vec<String> = (0..200).map(|n| format!("b/x{n}")).collect();
    let source = object("a/src", 1, &format!("replicate-to={}", to.join(",")), json!({ "k": "v" }));
    let mut it = Loop::with(std::slice::from_ref(&source));
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source));
    let mut hanging = it.requests();
    assert_eq!(hanging.len(), 28);
    for n in 0..60 {
        let small = object(&format!("a/s{n}"), 1_000 + n, "replicate-to-namespaces=c", json!({}));
        it.seen(&small);
        let mut made = false;
        for _ in 0..3 {
            for (ticket, request) in it.requests() {
                match words(&request).as_str() {
                    "read a/src" => it.answer(ticket, content(&source)),
                    read if read.starts_with("read a/s") => it.answer(ticket, content(&small)),
                    write if *write == format!("create c/s{n}") => {
                        made = true;
                        let marks = format!("replicated-by=a/s{n} replicated-from-version={}", 1_000 + n);
                        let small = object(&format!("c/s{n}"), 2_000 + n, &marks, json!({}));
                        it.answer(ticket, Answer::Seen(observed(&small)));
                    }
                    write => {
                        assert!(write.starts_with("create b/"), "{write}");
                        hanging.push((ticket, request));
                    }
                }
            }
        }
        assert!(made, "{n} s: c/s{n} waits for what hangs in b");
        it.moment += Duration::from_secs(1);
        // The 30 s after which a request is given up.
        if n == 30 {
            hanging.drain(..).for_each(|(ticket, _)| it.fails(ticket, FailureKind::Unreachable));
        }
        assert!(hanging.len() <= 32, "{n} s: {} hang", hanging.len());
    }
}

/// Issue 9, 3: behind a source with 5,000 replicas a small target waited for all of them.
#[test]
fn a_small_target_beside_5000_is_among_the_next_few_requests() {
    let to: Vec<String> = (0..5_000).map(|n| format!("b/x{n}")).collect();
    let large = object("a/large", 1, &format!("replicate-to={}", to.join(",")), json!({ "k": "v" }));
    let mut it = Loop::with(std::slice::from_ref(&large));
    let mut open: VecDeque<(Ticket, Request)> = it.requests().into();
    let (mut version, mut writes) = (100, 0);
    let mut asked_at = None;
    let small = object("c/small", 50, "replicate-to=d/small", json!({}));
    while let Some((ticket, request)) = open.pop_front() {
        if writes == 500 && asked_at.is_none() {
            it.seen(&small);
            asked_at = Some(writes);
        }
        let answer = match &request {
            Request::Read(key) if *key.namespace() == *"c" => content(&small),
            Request::Read(_) | Request::Look(_) => content(&large),
            Request::Write(action) => {
                (version, writes) = (version + 1, writes + 1);
                let target = action.target().as_str();
                if target == "d/small" {
                    break;
                }
                Answer::Seen(observed(&object(
                    target,
                    version,
                    "replicated-by=a/large replicated-from-version=1",
                    json!({}),
                )))
            }
        };
        it.answer(ticket, answer);
        open.extend(it.requests());
    }
    let waited = writes - asked_at.unwrap();
    // Two rounds of a window of 64.
    assert!(waited <= 140, "it waited for {waited} others");
}

/// Issue 9, 3: 20 namespaces that deny made 198 lines in a minute; the others are served at once, and when the denial ends, all are.
#[test]
fn twenty_namespaces_that_deny_make_few_lines_and_hold_up_no_other() {
    let names: Vec<String> = (0..22).map(|n| format!("team-{n}")).collect();
    let all = object("a/all", 20, "replicate-to-namespaces=team-.*", json!({ "k": "v" }));
    let mut it = Loop::with(&[]);
    for name in &names {
        it.namespace(NamespaceEvent::Seen { name: name.clone(), facts: NamespaceFacts::new(false) });
    }
    it.seen(&all);
    let (mut version, denies) = (100, std::cell::Cell::new(true));
    let mut server = |it: &mut Loop, request: Request| match request {
        Request::Write(action) if denies.get() && !matches!(action.target().namespace(), "team-3" | "team-21") => {
            let namespace = action.target().namespace();
            let message = format!(
                "create Secret {}: admission policy \"quota\" denied request in {namespace:?}",
                action.target()
            );
            Err(Failure { blame: crate::cluster::Blame::Admission, ..Failure::new(FailureKind::Forbidden, message) })
        }
        Request::Write(action) => {
            version += 1;
            let _ = it;
            let marks = "replicated-by=a/all replicated-from-version=20";
            Ok(Answer::Seen(observed(&object(action.target().as_str(), version, marks, json!({ "k": "v" })))))
        }
        _ => Ok(content(&all)),
    };
    let first = it.serve(Duration::from_millis(100), &mut server);
    let served = first.lines.iter().filter(|line| line.contains(" create ")).count();
    assert_eq!(served, 2, "{:?}", first.lines);
    let minute = it.serve(MINUTE, &mut server);
    let lines = first.lines.len() - served + minute.lines.len();
    println!("20 namespaces deny: {lines} lines in a minute, {} requests for one of them", minute.requests);
    assert!(lines <= 10, "{:?} {:?}", first.lines, minute.lines);
    denies.set(false);
    let then = it.serve(Duration::from_secs(120), &mut server);
    let served = then.lines.iter().filter(|line| line.contains(" create ")).count();
    assert_eq!(served, 20, "within 2 minutes of the denial's end: {:?}", then.lines);
}
