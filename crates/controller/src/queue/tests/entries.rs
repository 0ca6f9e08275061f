//! What is known of a target while it is in the queue: where it stands, because of what, and since when.

use super::*;

fn key(name: &str) -> Key {
    Key::new("own", name).unwrap()
}

const SECOND: Duration = Duration::from_secs(1);

/// Each stands in one place, which the metrics count, and each has a time at which it is decided about again, at the latest.
#[test]
fn where_a_target_stands_is_known() {
    let mut queue = Queue::default();
    for (name, end) in
        [("waits", End::At(9 * SECOND)), ("parked", End::Parked("ns".into(), Access::Read)), ("settled", End::Settled)]
    {
        queue.add(target(name), Priority::Urgent, None);
        let turn = next(&mut queue, SECOND).unwrap();
        queue.end(turn, end);
    }
    queue.add(target("out"), Priority::Urgent, None);
    let _out = next(&mut queue, SECOND).unwrap();
    for (name, priority) in [
        ("urgent", Priority::Urgent),
        ("ready", Priority::Ready),
        ("verify", Priority::Verify),
        ("v2", Priority::Verify),
    ] {
        queue.add(target(name), priority, None);
    }
    let classes = [("urgent", 1), ("ready", 1), ("verify", 2), ("handed_out", 1), ("waiting", 1), ("parked", 1)];
    assert_eq!(queue.depth().classes, classes);
    for (name, at) in [
        ("waits", Some(9 * SECOND)),
        ("parked", Some(Moment::ZERO)),
        ("out", Some(Moment::ZERO)),
        ("urgent", Some(Moment::ZERO)),
        ("ready", Some(Moment::ZERO)),
        ("verify", Some(Moment::ZERO)),
        ("settled", None),
        ("unknown", None),
    ] {
        assert_eq!(queue.next_at(&target(name)), at, "{name}");
    }
}

/// The metric of the oldest target counts from the change because of which it is due. A verification is not due: nothing changed.
#[test]
fn since_when_a_target_is_due_is_known() {
    let (mut queue, mut graph) = (Queue::default(), Graph::default());
    let wide = wide(&mut graph, "a", 5_000);
    let add = |queue: &mut Queue, seconds: u32, name: &str, priority| {
        queue.set_time(SECOND * seconds);
        queue.add(target(name), priority, None);
        queue.depth().oldest_urgent
    };
    assert_eq!(add(&mut queue, 1, "a", Priority::Verify), None);
    assert_eq!(add(&mut queue, 2, "a", Priority::Urgent), Some(2 * SECOND));
    assert_eq!(add(&mut queue, 3, "a", Priority::Urgent), Some(2 * SECOND));
    let turn = next(&mut queue, 4 * SECOND).unwrap();
    assert_eq!(add(&mut queue, 5, "a", Priority::Urgent), Some(2 * SECOND), "while it is handed out");
    queue.set_time(6 * SECOND);
    queue.end(turn, End::Settled);
    assert_eq!(queue.depth().oldest_urgent, Some(6 * SECOND), "it was decided about, and is due again");
    assert_eq!(drain_at(&mut queue, 7 * SECOND), 1);
    // What is taken out of a piece has been due since the piece was queued.
    queue.set_time(8 * SECOND);
    queue.add_wide(wide, None);
    queue.set_time(9 * SECOND);
    queue.take_out(&mut graph, Graph::all_targets, |_| ());
    let turn = next(&mut queue, 9 * SECOND).unwrap();
    let due = queue.entries[&*turn].due;
    assert_eq!(due, Some(8 * SECOND));
}

fn drain_at(queue: &mut Queue, now: Moment) -> usize {
    std::iter::from_fn(|| next_name(queue, now)).count()
}

/// What is added while a target is handed out counts when it comes back: the most urgent, and of these the first change.
#[test]
fn what_happens_to_a_target_that_is_handed_out_is_remembered() {
    let (first, second) = (key("first"), key("second"));
    let (verify, of_first, of_second) =
        ((Priority::Verify, None), (Priority::Urgent, Some(&first)), (Priority::Urgent, Some(&second)));
    for (added, class, cause) in [
        (vec![verify], "verify", None),
        (vec![verify, verify], "verify", None),
        (vec![verify, of_first], "urgent", Some(&first)),
        (vec![of_first, verify], "urgent", Some(&first)),
        (vec![of_first, of_second], "urgent", Some(&first)),
    ] {
        let (mut queue, a) = (Queue::default(), target("a"));
        queue.add(a.clone(), Priority::Urgent, None);
        let turn = next(&mut queue, NOW).unwrap();
        for (priority, cause) in &added {
            queue.add(a.clone(), *priority, *cause);
        }
        assert_eq!(queue.cause(&a), None, "{added:?}");
        queue.end(turn, End::Settled);
        let stands: Vec<_> = queue.depth().classes.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!((stands, queue.cause(&a)), (vec![(class, 1)], cause), "{added:?}");
        assert_eq!([&first, &second].map(|key| queue.is_following(key)), [cause == Some(&first), false], "{added:?}");
    }
}

/// A target that waited for a response has its turn because of the change for which it was handed out, until the watch has shown that it
/// was followed.
#[test]
fn a_target_that_has_its_turn_again_keeps_its_cause() {
    let (first, second) = (key("first"), key("second"));
    for (cause, was_followed, meanwhile, then) in [
        (None, false, None, None),
        (Some(&first), false, None, Some(&first)),
        (Some(&first), false, Some(&second), Some(&first)),
        (Some(&first), true, None, None),
        (Some(&first), true, Some(&second), Some(&second)),
        (None, false, Some(&second), Some(&second)),
    ] {
        let (mut queue, a) = (Queue::default(), target("a"));
        queue.add(a.clone(), Priority::Urgent, cause);
        let turn = next(&mut queue, NOW).unwrap();
        assert_eq!(queue.cause(&a), cause);
        if was_followed {
            queue.was_followed(&a);
        }
        if meanwhile.is_some() {
            queue.add(a.clone(), Priority::Urgent, meanwhile);
        }
        queue.end(turn, End::Now);
        let case = format!("{cause:?}, followed: {was_followed}, {meanwhile:?}");
        assert_eq!((queue.depth().classes[1], queue.cause(&a)), (("ready", 1), then), "{case}");
        assert!(then.is_none_or(|cause| queue.is_following(cause)), "{case}");
        assert_eq!(drain(&mut queue), ["a"], "{case}");
        assert!(queue.is_idle() && queue.because_of.is_empty(), "{case}");
    }
}

/// With little room for contents one that was read is used up before the next one is; else those that were read take turns.
#[test]
fn with_little_room_for_contents_one_source_follows_the_other() {
    for (pressed, expected) in [(false, "abababab"), (true, "aaaaaaa")] {
        let mut queue = Queue::default();
        for n in 0..10 {
            for source in ["a", "b"] {
                let cause = Key::new(source, "s").unwrap();
                queue.add(target(&format!("{source}{n}")), Priority::Ready, Some(&cause));
            }
        }
        let order = std::iter::from_fn(|| {
            let turn = queue.next(NOW, pressed, |_, _| true)?;
            let source = turn.name().chars().next();
            queue.end(turn, End::Settled);
            source
        });
        assert_eq!(order.take(expected.len()).collect::<String>(), expected);
    }
}

/// After the first lists all targets were there once. What was asked for lately, and whose turn it is, is as it was.
#[test]
fn an_empty_queue_gives_its_memory_back_and_forgets_nothing_else() {
    // An odd number, so that the urgent ones come first in the next turn.
    const MANY: usize = 20_001;
    let (mut queue, mut graph, now) = (Queue::default(), Graph::default(), 5 * SECOND);
    let busy = Key::new("ns", "busy").unwrap();
    queue.set_time(now);
    while queue.may_read(now, &busy, None).is_ok() {}
    queue.pieces.verify_all();
    queue.take_out(&mut graph, Graph::all_targets, |_| ());
    (0..MANY).for_each(|n| queue.add(target(&format!("t{n}")), Priority::Urgent, None));
    assert!(queue.entries.capacity() > MANY);
    for _ in 0..MANY {
        let turn = next(&mut queue, now).unwrap();
        queue.end(turn, End::Settled);
    }
    assert!(queue.is_idle() && queue.entries.capacity() < MANY / 2, "{}", queue.entries.capacity());
    assert!(queue.may_read(now, &busy, None).is_err(), "it had many requests a moment ago");
    queue.pieces.verify_all();
    assert_eq!(queue.wake_at(), Some(15 * SECOND), "all targets were verified a moment ago");
    queue.add(target("ready"), Priority::Ready, None);
    queue.add(target("urgent"), Priority::Urgent, None);
    assert_eq!(queue.depth().oldest_urgent, Some(now));
    assert_eq!(next_name(&mut queue, now).as_deref(), Some("urgent"));
}

/// Of one object so many pieces are queued at most; as many as were taken out whole may come after them.
#[test]
fn the_pieces_of_one_cause_are_counted() {
    let mut graph = Graph::default();
    let (wide, cause) = (wide(&mut graph, "a", 5_000), key("a"));
    let mut pieces = Pieces::default();
    let push = |pieces: &mut Pieces| pieces.push(wide.clone(), Some(&cause), NOW);
    assert_eq!((0..20).filter(|_| push(&mut pieces)).count(), MOST_PIECES);
    let take = |pieces: &mut Pieces, graph: &mut Graph, most| {
        let mut piece = pieces.next(|_| true).unwrap();
        let taken = graph.take_targets(&mut piece.wide, most).len();
        (taken, pieces.put_back(piece))
    };
    assert_eq!(take(&mut pieces, &mut graph, 10), (10, None), "a part of it");
    assert!(!push(&mut pieces));
    for _ in 0..3 {
        assert_eq!(take(&mut pieces, &mut graph, usize::MAX), (10_000, Some(cause.clone())));
        assert_eq!([push(&mut pieces), push(&mut pieces)], [true, false]);
    }
}
