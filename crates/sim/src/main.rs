//! `sim --seed N [--seeds K] [--whole]`: runs seeds, and prints the first that fails, as short as it can be made.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "speaks to the person who runs it")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use k8s_replicator_core::bugs::Bug;
use k8s_replicator_sim::parallel::in_parallel;
use k8s_replicator_sim::run::{report, run_safely, script, shrink};

/// For each mistake that is made on purpose: after how many seeds it is found, and by which property. The table of
/// `docs/reliability.md`.
fn table(seed: u64, most: u64) {
    let rows = in_parallel(Bug::ALL, |(bug, name, what)| {
        let found = (seed..seed + most).find_map(|seed_now| {
            let mut script = script(seed_now);
            script.setting.bug = Some(*bug);
            Some((seed_now - seed + 1, run_safely(&script, false).violation?.property))
        });
        let row = match found {
            // Each change of the simulation changes the number.
            Some((seeds, property)) => {
                let within = (4 * seeds).next_multiple_of(100);
                format!("| {name} |{what} | {seeds} | {within} | {property} |")
            }
            None => format!("| {name} |{what} | not within {most} | | |"),
        };
        eprintln!("{row}");
        row
    });
    println!("| mistake | what it is | seeds until found | found within | by |\n|---|---|---|---|---|");
    rows.iter().for_each(|row| println!("{row}"));
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| -> Option<u64> {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse().ok()
    };
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let Some(seed) = value("--seed") else {
        println!(
            "usage: sim --seed N [--seeds K] [--whole (do not shrink)] [--all (do not stop at the first)] [--bug NAME|all]"
        );
        return ExitCode::from(2);
    };
    std::panic::set_hook(Box::new(|_| {}));
    let bug = arguments.iter().position(|argument| argument == "--bug").and_then(|at| arguments.get(at + 1)).cloned();
    if bug.as_deref() == Some("all") {
        table(seed, value("--seeds").unwrap_or(2_000));
        return ExitCode::SUCCESS;
    }
    let bug = Bug::ALL.iter().find(|(_, name, _)| bug.as_deref() == Some(name)).map(|(bug, ..)| *bug);
    let script = |seed| {
        let mut script = script(seed);
        script.setting.bug = bug;
        script
    };
    let count = value("--seeds").unwrap_or(1);
    let started = Instant::now();
    let (next, writes, requests) = (AtomicU64::new(seed), AtomicUsize::new(0), AtomicUsize::new(0));
    let failed: Mutex<BTreeMap<u64, String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed_now = next.fetch_add(1, Ordering::Relaxed);
                    let none_failed = failed.lock().is_ok_and(|failed| failed.is_empty());
                    if seed_now >= seed + count || !(none_failed || has("--all")) {
                        return;
                    }
                    let ran = run_safely(&script(seed_now), false);
                    writes.fetch_add(ran.writes, Ordering::Relaxed);
                    requests.fetch_add(ran.requests, Ordering::Relaxed);
                    if let (Some(violation), Ok(mut failed)) = (ran.violation, failed.lock()) {
                        failed.insert(seed_now, format!("{}: {}", violation.property, violation.what));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    println!(
        "{count} seeds from {seed} in {:.1} s: {} requests, {} writes, {} failed",
        started.elapsed().as_secs_f64(),
        requests.into_inner(),
        writes.into_inner(),
        failed.len()
    );
    if has("--all") {
        failed.iter().for_each(|(seed, what)| println!("seed {seed}: {}", what.replace('\n', "\n    ")));
    }
    let Some(first) = failed.keys().next().copied() else {
        if count == 1 && has("--whole") {
            println!("{}", report(seed, &script(seed)));
        }
        return ExitCode::SUCCESS;
    };
    let mut shortest = script(first);
    if !has("--whole")
        && let Some(violation) = run_safely(&shortest, false).violation
    {
        shortest = shrink(&shortest, &violation);
    }
    println!("{}", report(first, &shortest));
    ExitCode::FAILURE
}
