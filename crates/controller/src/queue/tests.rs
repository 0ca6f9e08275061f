mod budget;
mod entries;

use std::time::Duration;

use k8s_replicator_core::names::Key;
use k8s_replicator_core::observed::ResourceVersion;
use k8s_replicator_core::reason::Reason;

use super::*;

fn target(name: &str) -> TargetKey {
    Key::new("ns", name).unwrap().into()
}

const NOW: Moment = Duration::ZERO;

fn next(queue: &mut Queue, now: Moment) -> Option<Turn> {
    queue.next(now, false, |_, _| true)
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
        let turn = queue.next(NOW, true, |_, _| true).unwrap();
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
    for end in [End::Settled, End::At(Duration::from_secs(9)), End::Parked("ns".into(), Access::Write), End::Now] {
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
        queue.end(turn, End::Parked("ns".into(), Access::Write));
    }
    assert!(next(&mut queue, NOW).is_none() && !queue.has_next() && !queue.is_idle());
    queue.reopen("other");
    assert!(!queue.has_next());
    queue.reopen("ns");
    assert!(queue.has_next() && queue.next(NOW, false, |_, _| false).is_none());
    assert!(!queue.has_next(), "no busy waiting while there is no room");
    queue.add(target("b"), Priority::Urgent, None);
    assert_eq!(drain(&mut queue), ["b"], "something happened to it");
    queue.reopen("ns");
    assert_eq!(drain(&mut queue), ["a", "c"]);
    assert!(queue.is_idle() && queue.parked.iter().all(BTreeMap::is_empty));
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
            queue.end(turn, End::Parked("ns".into(), Access::Write));
        }
    }
    assert_eq!(queue.parked[Access::Write as usize]["ns"].order.len(), 2);
    queue.reopen("ns");
    assert_eq!(drain(&mut queue), ["a", "b"]);
    assert!(queue.is_idle() && queue.parked.iter().all(BTreeMap::is_empty));
}

/// Issue 9, 1: a failing target is tried less and less, also where more fail than the budget remembers.
#[test]
fn however_many_targets_fail_each_is_tried_less_and_less() {
    const MANY: usize = 20_500;
    let mut queue = Queue::default();
    let targets: Vec<_> = (0..MANY).map(|n| target(&format!("t{n}"))).collect();
    let work = Work::new([], None, 0);
    targets.iter().for_each(|target| queue.add(target.clone(), Priority::Urgent, None));
    for round in 0..3 {
        let now = Duration::from_secs(10) * round;
        let mut failed = 0;
        while let Some(turn) = next(&mut queue, now) {
            assert!(queue.may_write(now, &turn, work, Because::OfWork).is_ok());
            assert_eq!(queue.write_failed(now, &turn), round, "{}", turn.name());
            queue.end(turn, End::At(now + Duration::from_secs(10)));
            failed += 1;
        }
        assert_eq!(failed, MANY);
    }
    let now = Duration::from_secs(30);
    let turn = next(&mut queue, now).unwrap();
    assert!(queue.may_write(now, &turn, work, Because::OfWork).is_ok());
    queue.was_written(now, &turn, work, Because::OfWork);
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
            assert_eq!(queue.read_for_target_failed(&turn, of_object), round, "{}", turn.name());
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
    assert_eq!(queue.read_for_target_failed(&turn, of_object), 0, "one that succeeded starts afresh");
}

/// A graph with namespaces, and what a source pushes there under two names.
fn wide(graph: &mut Graph, source: &str, namespaces: usize) -> Wide {
    let dialect = k8s_replicator_core::annotations::Dialect::new("p/", false);
    for n in 0..namespaces {
        drop(graph.observe_namespace(&format!("ns{n}"), k8s_replicator_core::namespace::NamespaceFacts::default()));
    }
    drop(graph.end_namespaces());
    drop(graph.end_list(&ResourceVersion::new("1")));
    let annotations =
        serde_json::json!({"p/replicate-to": format!("{source}-1,{source}-2"), "p/replicate-to-namespaces": ".*"});
    let metadata = serde_json::json!({"namespace": "own", "name": source, "uid": "1", "resourceVersion": "2", "annotations": annotations});
    let json = serde_json::json!({"metadata": metadata}).to_string();
    let observed = k8s_replicator_core::observed::Observed::from_json(&json, &dialect).unwrap();
    graph.observe(observed).wide.remove(0)
}

/// Issue 9: what asks for very many targets takes turns with what asks for few, and is not written down all at once.
#[test]
fn targets_in_one_piece_are_taken_out_as_their_turn_comes() {
    let mut graph = Graph::default();
    let (a, b) = (wide(&mut graph, "a", 5_000), wide(&mut graph, "b", 5_000));
    let [cause_a, cause_b, small] = ["a", "b", "small"].map(|name| Key::new("own", name).unwrap());
    let mut queue = Queue::default();
    queue.set_time(Duration::from_secs(1));
    queue.add_wide(a, Some(&cause_a));
    queue.add_wide(b, Some(&cause_b));
    queue.set_time(Duration::from_secs(2));
    assert!(!queue.is_idle() && queue.has_next() && queue.is_following(&cause_a));
    assert_eq!(
        (queue.depth().classes[0], queue.depth().oldest_urgent),
        (("urgent", 20_000), Some(Duration::from_secs(1)))
    );
    let (mut turns, mut most, mut small_at) = (Vec::new(), 0, None);
    queue.add(target("small"), Priority::Urgent, Some(&small));
    while !queue.is_idle() {
        queue.take_out(&mut graph, Graph::all_targets, |_| ());
        most = most.max(queue.entries.len());
        for _ in 0..100 {
            let Some(turn) = next(&mut queue, Duration::from_secs(2)) else { break };
            if turn.name() == "small" {
                small_at = Some(turns.len());
            }
            turns.push(turn.name().to_owned());
            queue.end(turn, End::Settled);
        }
    }
    assert_eq!(turns.len(), 20_001);
    assert!(most <= 2 * (AHEAD + AT_ONCE) + 2, "{most}");
    assert!(small_at < Some(10), "{small_at:?}");
    let of_a = turns[..4_000].iter().filter(|name| name.starts_with('a')).count();
    assert!((1_500..2_500).contains(&of_a), "by turns: {of_a}");
    assert!(!queue.is_following(&cause_a) && !queue.is_following(&cause_b));
}

/// Issue 9: nobody fills the memory by changing what is named faster than it can be followed.
#[test]
fn a_source_that_names_others_again_and_again_has_few_pieces_and_everything_is_verified_instead() {
    let mut graph = Graph::default();
    let (a, cause) = (wide(&mut graph, "a", 5_000), Key::new("own", "a").unwrap());
    let mut queue = Queue::default();
    queue.set_time(Duration::from_secs(100));
    for _ in 0..1_000 {
        queue.add_wide(a.clone(), Some(&cause));
    }
    assert_eq!(queue.pieces.iter().count(), pieces::MOST_PIECES);
    let mut verified = BTreeSet::new();
    for second in 100..115 {
        let now = Duration::from_secs(second);
        queue.set_time(now);
        for _ in 0..20 {
            queue.take_out(&mut graph, Graph::all_targets, |_| ());
            while let Some(turn) = next(&mut queue, now) {
                verified.insert(turn.clone());
                queue.end(turn, End::Settled);
            }
        }
        if second < 105 {
            queue.add_wide(a.clone(), Some(&cause));
            (0..100).for_each(|_| queue.add_wide(a.clone(), Some(&cause)));
            assert!(queue.pieces.verify_all_at().is_some() && !queue.is_idle());
            assert_eq!(queue.wake_at(), Some(Duration::from_secs(110)), "not again at once");
        }
    }
    // Those of the push, which the source still has, and the source.
    assert_eq!(verified.len(), 10_001);
    assert!(queue.is_idle() && !queue.pieces.has_next() && !queue.is_following(&cause));
}

/// Those that were handed out may all wait for one read: nothing may be asked for again and again until it is answered.
#[test]
fn more_are_taken_out_while_all_that_were_wait_for_their_source() {
    let mut graph = Graph::default();
    let (wide, cause) = (wide(&mut graph, "a", 5_000), Key::new("own", "a").unwrap());
    let mut queue = Queue::default();
    queue.add_wide(wide, Some(&cause));
    let mut turns = Vec::new();
    let mut rounds = 0;
    while queue.has_next() {
        rounds += 1;
        assert!(rounds <= 20, "{} of 10,000 were handed out", turns.len());
        queue.take_out(&mut graph, Graph::all_targets, |_| ());
        turns.extend(std::iter::from_fn(|| next(&mut queue, NOW)));
    }
    assert_eq!(turns.len(), 10_000);
    turns.into_iter().for_each(|turn| queue.end(turn, End::Settled));
    assert!(queue.is_idle() && !queue.is_following(&cause));
}

/// Issue 9, 1: an object whose annotations name others all the time, faster than these can be decided about, fills no memory.
#[test]
fn one_cause_that_touches_others_all_the_time_is_bounded() {
    let mut queue = Queue::default();
    let (cause, other) = (Key::new("a", "s").unwrap(), Key::new("a", "o").unwrap());
    let touched = |round: usize, count: usize| (0..count).map(|n| target(&format!("r{round}-{n}"))).collect::<Vec<_>>();
    for round in 0..20 {
        queue.add_touched(touched(round, 8_192), Some(&cause));
    }
    assert!(queue.entries.len() <= MOST_OF_ONE + 8_192, "{}", queue.entries.len());
    assert_eq!(queue.wake_at(), Some(NOW), "all targets are verified in their place");
    let before = queue.entries.len();
    queue.add_touched(touched(100, 3), Some(&other));
    assert_eq!(queue.entries.len(), before + 3, "others are queued");
    // One change that touches many is queued whole, and so is the same again.
    let mut queue = Queue::default();
    for _ in 0..3 {
        queue.add_touched(touched(0, 65_536), Some(&cause));
        assert_eq!((queue.entries.len(), queue.wake_at()), (65_536, None));
    }
}

/// What a change touches is queued whole, unless more than twice as many wait because of the changes before it.
#[test]
fn a_change_that_touches_half_as_many_as_wait_is_queued() {
    let cause = Key::new("a", "s").unwrap();
    let named = |by: &str, count: usize| (0..count).map(|n| target(&format!("{by}-{n}"))).collect::<Vec<_>>();
    for (waiting, is_queued) in [(2 * MOST_OF_ONE, true), (2 * MOST_OF_ONE + 1, false)] {
        let mut queue = Queue::default();
        queue.add_touched(named("first", waiting), Some(&cause));
        queue.add_touched(named("then", MOST_OF_ONE), Some(&cause));
        let added = queue.entries.len() - waiting;
        let expected = if is_queued { (MOST_OF_ONE, None) } else { (0, Some(NOW)) };
        assert_eq!((added, queue.wake_at()), expected, "{waiting} wait");
    }
}
