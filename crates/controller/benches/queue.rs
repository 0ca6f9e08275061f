//! What the queue costs when all targets stand in it at once: `cargo bench -p k8s-replicator-controller`.
//!
//! A million is what the first lists of a large cluster lead to. Ten times as many must take about ten times as long.

use std::time::Duration;

use divan::{Bencher, black_box};
use k8s_replicator_controller::queue::{Priority, Queue};
use k8s_replicator_core::names::{Key, TargetKey};

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

fn main() {
    divan::main();
}

#[allow(clippy::expect_used, reason = "the names are legal")]
fn targets(count: usize) -> Vec<TargetKey> {
    (0..count).map(|n| Key::new(&format!("team-{:05}", n % 1_000), &format!("s{n}")).expect("legal").into()).collect()
}

/// Each target is added, handed out and done.
#[divan::bench(args = SIZES, max_time = 5)]
fn add_and_drain(bencher: Bencher<'_, '_>, count: usize) {
    let targets = targets(count);
    bencher.bench_local(|| {
        let mut queue = Queue::default();
        for target in &targets {
            queue.add(target.clone(), Priority::Urgent);
        }
        while let Some(target) = queue.next(Duration::ZERO) {
            queue.done(&target);
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
            queue.add(target.clone(), Priority::Urgent);
        }
        let mut moment = Duration::ZERO;
        while let Some(target) = queue.next(moment) {
            queue.failed(&target);
            moment += Duration::from_nanos(1);
            queue.retry(&target, Duration::from_secs(1) + moment);
        }
        while let Some(target) = queue.next(Duration::from_secs(3_600)) {
            queue.done(&target);
        }
        assert!(black_box(&queue).is_idle());
    });
}
