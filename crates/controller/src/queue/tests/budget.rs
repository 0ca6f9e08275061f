//! What the queue knows of the requests about an object, and lets through.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A read that failed is made again when its time has come, or when the object has changed; who waits for it can say why.
#[test]
fn a_read_that_failed_waits_for_its_time_or_for_a_change() {
    let (mut queue, object) = (Queue::default(), Key::new("ns", "s").unwrap());
    let fails = |queue: &mut Queue, now| queue.read_failed(now, &object, |_| SECOND, (Reason::Forbidden, "no"));
    assert_eq!((queue.read_failures(&object), queue.read_failure(&object)), (0, None));
    assert!(queue.may_read(NOW, &object, None).is_ok());
    assert_eq!(fails(&mut queue, NOW), 0);
    assert_eq!((queue.read_failures(&object), queue.read_failure(&object)), (1, Some((Reason::Forbidden, "no"))));
    let hold = queue.may_read(NOW, &object, None).unwrap_err();
    assert_eq!(hold, Hold { until: SECOND, why: Why::ReadFailed });
    queue.changed(&Key::new("ns", "other").unwrap());
    assert!(queue.may_read(NOW, &object, None).is_err());
    queue.changed(&object);
    assert!(queue.may_read(NOW, &object, None).is_ok(), "it may be readable now");
    assert_eq!(fails(&mut queue, NOW), 1);
    assert!(queue.may_read(NOW, &object, None).is_err());
    assert!(queue.may_read(SECOND, &object, None).is_ok(), "its time has come");
    assert_eq!(fails(&mut queue, SECOND), 2);
    queue.was_read(&object, &[]);
    assert_eq!((queue.read_failures(&object), queue.read_failure(&object)), (0, None));
    assert!(queue.may_read(SECOND, &object, None).is_ok(), "one that succeeded starts afresh");
}

/// SPEC 9.14: how long the next correction waits is known, and it does wait; until the namespace is another one.
#[test]
fn how_long_a_correction_waits_is_known() {
    let (mut queue, a) = (Queue::default(), target("a"));
    let work = Work::new([], None, 0);
    assert!(queue.may_write(NOW, &a, work, Because::OfWork).is_ok());
    for (corrections, pause) in [(0, 0), (1, 1), (2, 2), (3, 4)] {
        assert_eq!(queue.was_written(NOW, &a, work, Because::OfWork), corrections);
        assert_eq!(queue.correction_in(NOW, &a), pause * SECOND);
    }
    assert_eq!(queue.correction_in(3 * SECOND, &a), SECOND);
    assert_eq!((queue.correction_in(5 * SECOND, &a), queue.correction_in(NOW, &target("b"))), (NOW, NOW));
    queue.namespace_gone("other");
    let hold = queue.may_write(NOW, &a, work, Because::OfWork).unwrap_err();
    assert_eq!(hold, Hold { until: 4 * SECOND, why: Why::Contested(3) });
    queue.namespace_gone("ns");
    assert_eq!(queue.correction_in(NOW, &a), NOW);
    assert!(queue.may_write(NOW, &a, work, Because::OfWork).is_ok());
}
