//! How long something takes on a busy machine.
#![allow(unreachable_pub, reason = "shared by two benches")]

use std::time::Duration;

use divan::black_box;

/// The processor's time for this thread until now: the wall clock would count what others do.
pub fn now() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

/// The shortest of some runs, each with something of its own to work on; and what the last one returned.
pub fn shortest<I, T>(runs: usize, mut input: impl FnMut() -> I, mut run: impl FnMut(I) -> T) -> (Duration, T) {
    let mut once = || {
        let input = input();
        let begun = now();
        let result = black_box(run(input));
        (now() - begun, result)
    };
    let mut best = once();
    for _ in 1..runs {
        let next = once();
        best = (best.0.min(next.0), next.1);
    }
    best
}

/// A fixed piece of work that nobody changes, by which machines, and hours, are compared: it reads and writes 256 KiB over and over,
/// each place found through the one before.
pub fn calibration() -> Duration {
    let work = |mut cells: Vec<u32>| {
        let mut at = 1_u32;
        for _ in 0..1_000_000 {
            let cell = &mut cells[(at >> 16) as usize];
            *cell = cell.wrapping_add(at);
            at = at.wrapping_mul(1_664_525).wrapping_add(*cell | 1);
        }
        at
    };
    shortest(9, || vec![0_u32; 1 << 16], work).0
}
