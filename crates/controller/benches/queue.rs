//! What the queue costs when all targets stand in it at once: `cargo bench -p k8s-replicator-controller`.
//!
//! A million is what the first lists of a large cluster lead to. Ten times as many must take about ten times as long.

use std::time::Duration;

use divan::{Bencher, black_box};
use k8s_replicator_controller::queue::{Because, End, Priority, Queue, Turn, Work};
use k8s_replicator_core::names::{Key, TargetKey};

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

fn main() {
    divan::main();
}

#[allow(clippy::expect_used, reason = "the names are legal")]
fn targets(count: usize) -> Vec<TargetKey> {
    (0..count).map(|n| Key::new(&format!("team-{:05}", n % 1_000), &format!("s{n}")).expect("legal").into()).collect()
}

fn next(queue: &mut Queue, now: Duration) -> Option<Turn> {
    queue.next(now, false, |_, _| true)
}

/// Each target is added, handed out and settled.
#[divan::bench(args = SIZES, max_time = 5)]
fn add_and_drain(bencher: Bencher<'_, '_>, count: usize) {
    let targets = targets(count);
    bencher.bench_local(|| {
        let mut queue = Queue::default();
        for target in &targets {
            queue.add(target.clone(), Priority::Urgent, None);
        }
        while let Some(turn) = next(&mut queue, Duration::ZERO) {
            queue.end(turn, End::Settled);
        }
        assert!(queue.is_idle());
    });
}

/// The same where each was changed, and is a cause of its own.
#[divan::bench(args = SIZES, max_time = 5)]
fn add_by_cause_and_drain(bencher: Bencher<'_, '_>, count: usize) {
    let targets = targets(count);
    bencher.bench_local(|| {
        let mut queue = Queue::default();
        for target in &targets {
            queue.add(target.clone(), Priority::Urgent, Some(target));
        }
        while let Some(turn) = next(&mut queue, Duration::ZERO) {
            queue.end(turn, End::Settled);
        }
        assert!(queue.is_idle());
    });
}

/// Each is written once, which the budget remembers.
#[divan::bench(args = SIZES, max_time = 5)]
fn add_and_write(bencher: Bencher<'_, '_>, count: usize) {
    let targets = targets(count);
    let work = Work::new([], None, 0);
    bencher.bench_local(|| {
        let mut queue = Queue::default();
        for target in &targets {
            queue.add(target.clone(), Priority::Urgent, None);
        }
        while let Some(turn) = next(&mut queue, Duration::ZERO) {
            assert!(queue.may_write(Duration::ZERO, &turn, work, Because::OfWork).is_ok());
            queue.was_written(Duration::ZERO, &turn, work, Because::OfWork);
            queue.end(turn, End::Settled);
        }
        assert!(queue.is_idle());
    });
}

/// Each fails once, and waits for a moment of its own.
#[divan::bench(args = SIZES, max_time = 5)]
fn fail_and_retry(bencher: Bencher<'_, '_>, count: usize) {
    let targets = targets(count);
    bencher.bench_local(|| {
        let mut queue = Queue::default();
        for target in &targets {
            queue.add(target.clone(), Priority::Urgent, None);
        }
        let mut moment = Duration::ZERO;
        while let Some(turn) = next(&mut queue, moment) {
            queue.write_failed(moment, &turn);
            moment += Duration::from_nanos(1);
            queue.end(turn, End::At(Duration::from_secs(1) + moment));
        }
        while let Some(turn) = next(&mut queue, Duration::from_secs(3_600)) {
            queue.end(turn, End::Settled);
        }
        assert!(black_box(&queue).is_idle());
    });
}
