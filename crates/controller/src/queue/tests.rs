use k8s_replicator_core::names::Key;

use super::*;

fn target(name: &str) -> TargetKey {
    Key::new("ns", name).unwrap().into()
}

const NOW: Moment = Duration::ZERO;

fn next(queue: &mut Queue, now: Moment) -> Option<Turn> {
    queue.next(now, false, |_| true)
}

fn next_name(queue: &mut Queue, now: Moment) -> Option<String> {
    let turn = next(queue, now)?;
    let name = turn.name().to_owned();
    queue.end(turn, End::Settled);
    Some(name)
}

fn drain(queue: &mut Queue) -> Vec<String> {
    std::iter::from_fn(|| next_name(queue, NOW)).collect()
}

#[test]
fn each_waits_once_and_urgent_ones_come_first() {
    let mut queue = Queue::default();
    for (name, priority) in [
        ("v1", Priority::Verify),
        ("v2", Priority::Verify),
        ("u1", Priority::Urgent),
        ("u1", Priority::Urgent),
        ("u1", Priority::Verify),
        ("v2", Priority::Urgent),
        ("v1", Priority::Verify),
    ] {
        queue.add(target(name), priority, None);
    }
    assert_eq!(drain(&mut queue), ["u1", "v2", "v1"]);
    assert!(queue.is_idle());
}

/// Issue 9, 1: nobody waits for somebody else: neither for those whose sources were read, nor for ever behind urgent ones.
#[test]
fn those_that_wait_for_different_things_take_turns() {
    let mut queue = Queue::default();
    for n in 0..100 {
        queue.add(target(&format!("r{n}")), Priority::Ready, None);
        queue.add(target(&format!("u{n}")), Priority::Urgent, None);
    }
    queue.add(target("v"), Priority::Verify, None);
    let order = drain(&mut queue);
    assert_eq!(order[..6], ["r0", "u0", "r1", "u1", "r2", "u2"]);
    assert!(order.iter().position(|name| name == "v") < Some(40));
    // With little room for contents, those come first that use one up.
    for n in 0..100 {
        queue.add(target(&format!("r{n}")), Priority::Ready, None);
        queue.add(target(&format!("u{n}")), Priority::Urgent, None);
    }
    let mut ready = 0;
    for _ in 0..80 {
        let turn = queue.next(NOW, true, |_| true).unwrap();
        ready += usize::from(turn.name().starts_with('r'));
        queue.end(turn, End::Settled);
    }
    assert!((68..=72).contains(&ready), "{ready}");
}

#[test]
fn one_that_is_added_while_it_is_handed_out_comes_back_after_it() {
    let mut queue = Queue::default();
    let a = target("a");
    queue.add(a.clone(), Priority::Urgent, None);
    for end in [End::Settled, End::At(Duration::from_secs(9)), End::Parked("ns".into()), End::Now] {
        let turn = next(&mut queue, NOW).unwrap();
        queue.add(a.clone(), Priority::Urgent, None);
        assert!(next(&mut queue, NOW).is_none(), "it is handed out");
        queue.end(turn, end);
    }
    assert_eq!(next_name(&mut queue, NOW).as_deref(), Some("a"));
    assert!(queue.is_idle() && next(&mut queue, Duration::from_secs(9)).is_none());
}

/// Issue 9, 1: every target that is not as wanted has a time when it is looked at again.
#[test]
fn one_that_waits_is_woken_by_its_time_or_by_what_happens_and_not_by_verification() {
    let mut queue = Queue::default();
    let (a, second) = (target("a"), Duration::from_secs(1));
    let wait = |queue: &mut Queue| {
        let turn = next(queue, NOW).unwrap();
        queue.end(turn, End::At(second));
    };
    queue.add(a.clone(), Priority::Urgent, None);
    wait(&mut queue);
    queue.add(a.clone(), Priority::Verify, None);
    assert!(next(&mut queue, NOW).is_none() && !queue.is_idle());
    assert_eq!(queue.wake_at(), Some(second));
    queue.add(a.clone(), Priority::Urgent, None);
    assert_eq!(queue.wake_at(), None, "an event has woken it");
    wait(&mut queue);
    assert_eq!(next_name(&mut queue, second).as_deref(), Some("a"));
    assert!(queue.is_idle());
    queue.add(a, Priority::Urgent, None);
    let turn = next(&mut queue, NOW).unwrap();
    queue.end(turn, End::At(Moment::MAX));
    assert!(queue.is_idle(), "held without end: only something that happens wakes it");
}

/// Issue 9, 1: 200 writes that hang in one namespace hold up no other; and what waits there is not forgotten.
#[test]
fn targets_without_room_in_their_namespace_are_parked_until_there_is() {
    let mut queue = Queue::default();
    for name in ["a", "b", "c"] {
        queue.add(target(name), Priority::Urgent, None);
        let turn = next(&mut queue, NOW).unwrap();
        queue.end(turn, End::Parked("ns".into()));
    }
    assert!(next(&mut queue, NOW).is_none() && !queue.has_next() && !queue.is_idle());
    queue.reopen("other");
    assert!(!queue.has_next());
    queue.reopen("ns");
    assert!(queue.has_next() && queue.next(NOW, false, |_| false).is_none());
    assert!(!queue.has_next(), "no busy waiting while there is no room");
    queue.add(target("b"), Priority::Urgent, None);
    assert_eq!(drain(&mut queue), ["b"], "something happened to it");
    queue.reopen("ns");
    assert_eq!(drain(&mut queue), ["a", "c"]);
    assert!(queue.is_idle() && queue.parked.is_empty());
}

/// Issue 9, 3: only changes that come before the one before was followed are a storm.
#[test]
fn it_is_known_whether_a_change_was_followed() {
    let mut queue = Queue::default();
    let (source, other) = (Key::new("a", "s").unwrap(), Key::new("a", "o").unwrap());
    queue.add(target("a"), Priority::Urgent, Some(&source));
    queue.add(target("b"), Priority::Urgent, Some(&source));
    assert!(queue.is_following(&source) && !queue.is_following(&other));
    let (a, b) = (next(&mut queue, NOW).unwrap(), next(&mut queue, NOW).unwrap());
    queue.end(a, End::Now);
    assert!(queue.is_following(&source), "it has its turn again, for the same change");
    assert_eq!(next_name(&mut queue, NOW).as_deref(), Some("a"));
    assert!(queue.is_following(&source), "b is handed out");
    queue.was_followed(&b);
    assert!(!queue.is_following(&source), "the watch has shown it");
    queue.end(b, End::At(Duration::from_secs(1)));
    assert!(queue.because_of.is_empty());
}

/// Issue 9, 1: whatever waits takes no more memory the longer it waits: its name stood there once more each time that something
/// happened to it while its namespace had no room.
#[test]
fn a_parked_target_stands_there_once_however_often_it_is_woken() {
    let mut queue = Queue::default();
    for _ in 0..100 {
        for name in ["a", "b"] {
            queue.add(target(name), Priority::Urgent, None);
            let turn = next(&mut queue, NOW).unwrap();
            queue.end(turn, End::Parked("ns".into()));
        }
    }
    assert_eq!(queue.parked["ns"].order.len(), 2);
    queue.reopen("ns");
    assert_eq!(drain(&mut queue), ["a", "b"]);
    assert!(queue.is_idle() && queue.parked.is_empty());
}

/// Issue 9, 1: a failing target is tried less and less, also where more fail than the budget remembers.
#[test]
fn however_many_targets_fail_each_is_tried_less_and_less() {
    const MANY: usize = 20_500;
    let mut queue = Queue::default();
    let targets: Vec<_> = (0..MANY).map(|n| target(&format!("t{n}"))).collect();
    let work = Work { sources: Vec::new(), target: None };
    targets.iter().for_each(|target| queue.add(target.clone(), Priority::Urgent, None));
    for round in 0..3 {
        let now = Duration::from_secs(10) * round;
        let mut failed = 0;
        while let Some(turn) = next(&mut queue, now) {
            assert!(queue.may_write(now, &turn, &work).is_ok());
            assert_eq!(queue.write_failed(now, &turn), round, "{}", turn.name());
            queue.end(turn, End::At(now + Duration::from_secs(10)));
            failed += 1;
        }
        assert_eq!(failed, MANY);
    }
    let now = Duration::from_secs(30);
    let turn = next(&mut queue, now).unwrap();
    assert!(queue.may_write(now, &turn, &work).is_ok());
    queue.was_written(now, &turn, work.clone(), Because::OfWork);
    assert_eq!(queue.write_failed(now, &turn), 0, "one that succeeded starts afresh");
}

/// The same of reads: of sources as of the targets themselves.
#[test]
fn however_many_reads_fail_each_is_tried_less_and_less() {
    const MANY: usize = 20_500;
    let mut queue = Queue::default();
    (0..MANY).for_each(|n| queue.add(target(&format!("t{n}")), Priority::Urgent, None));
    for round in 0..4 {
        let now = Duration::from_secs(10) * round;
        let mut failed = 0;
        while let Some(turn) = next(&mut queue, now) {
            let read: Key = (*turn).clone().into();
            assert!(queue.may_read(now, &read, None).is_ok());
            let of_object = queue.read_failed(now, &read, |_| Duration::from_secs(1), (Reason::ServerError, "no"));
            assert_eq!(queue.waited_in_vain(&turn, of_object), round, "{}", turn.name());
            queue.end(turn, End::At(now + Duration::from_secs(10)));
            failed += 1;
        }
        assert_eq!(failed, MANY);
    }
    let now = Duration::from_secs(40);
    let turn = next(&mut queue, now).unwrap();
    let read: Key = (*turn).clone().into();
    assert!(queue.may_read(now, &read, None).is_ok());
    queue.was_read(&read, std::slice::from_ref(&turn));
    let of_object = queue.read_failed(now, &read, |_| Duration::ZERO, (Reason::ServerError, "no"));
    assert_eq!(queue.waited_in_vain(&turn, of_object), 0, "one that succeeded starts afresh");
}
