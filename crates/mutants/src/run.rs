//! Each mutant is run against the tests that come by it, until one fails; those that none sees, against the simulator.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::child::Ended;
use crate::list::Mutant;
use crate::programs::{Program, Programs, Test};

/// So long may tests take that take no time without the mutant.
pub(crate) const LEAST: Duration = Duration::from_secs(10);
/// The first tests of a mutant are those that take so long together, the quickest first; then four times as long, and so on.
const FIRST: Duration = Duration::from_millis(100);
/// Without a mutant the seeds take less than this, on any machine.
const LONGEST_BASE: Duration = Duration::from_secs(600);
const WORKERS: usize = 2;

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Fate {
    /// No compiler takes it.
    DoesNotCompile,
    /// It cannot be chosen at run time, such as a constant: `--alone` runs it.
    NoSwitch,
    /// A unit test fails.
    Tests,
    /// A seed of the simulation fails.
    Simulation,
    /// The tests take ten times as long.
    Time,
    /// Nothing fails.
    Missed,
}

/// Runs mutants; what became of each, by its number.
pub(crate) fn run(mutants: &[&Mutant], programs: &Programs, seeds: u32) -> Result<BTreeMap<u32, Fate>> {
    let base = match &programs.simulator {
        Some(simulator) => simulation(simulator, 0, seeds, LONGEST_BASE)?.1,
        None => Duration::ZERO,
    };
    let (next, fates) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let begin = Instant::now();
    let worker = || -> Result<()> {
        while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut fate = tests(programs, mutant.number)?;
            if let (Fate::Missed, Some(simulator)) = (fate, &programs.simulator) {
                fate = simulation(simulator, mutant.number, seeds, LEAST + 10 * base)?.0;
            }
            let Ok(mut fates) = fates.lock() else { break };
            fates.insert(mutant.number, fate);
            if fates.len() % 250 == 0 {
                println!("{} of {} mutants: {} s", fates.len(), mutants.len(), begin.elapsed().as_secs());
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
    })?;
    Ok(fates.into_inner().unwrap_or_default())
}

/// Runs the tests that come by a mutant, program by program.
fn tests(programs: &Programs, mutant: u32) -> Result<Fate> {
    let reaching = programs.reaching.get(&mutant).map_or(&[][..], Vec::as_slice);
    for program in 0..programs.programs.len() {
        let tests = reaching.iter().map(|test| &programs.tests[*test]).filter(|test| test.program == program);
        let (panic, mut others): (Vec<&Test>, Vec<&Test>) = tests.partition(|test| test.panics);
        others.sort_by_key(|test| test.took);
        let (mut batch, mut together, mut budget) = (vec![], Duration::ZERO, FIRST);
        for test in others {
            batch.push(test);
            together += test.took;
            if together > budget {
                let fate = some(programs, mutant, &batch, false)?;
                if fate != Fate::Missed {
                    return Ok(fate);
                }
                (batch, together, budget) = (vec![], Duration::ZERO, 4 * budget);
            }
        }
        for (batch, may_panic) in [(batch, false), (panic, true)] {
            let fate = some(programs, mutant, &batch, may_panic)?;
            if fate != Fate::Missed {
                return Ok(fate);
            }
        }
    }
    Ok(Fate::Missed)
}

/// Runs some tests of one program.
fn some(programs: &Programs, mutant: u32, tests: &[&Test], may_panic: bool) -> Result<Fate> {
    let Some(first) = tests.first() else { return Ok(Fate::Missed) };
    let mut child = programs.programs[first.program].child();
    child.arguments(["--test-threads=1", "--exact"]).arguments(tests.iter().map(|test| &test.name));
    child.env("MUTANT", mutant.to_string());
    if may_panic {
        child.env("MUTANTS_MAY_PANIC", "1");
    }
    let together: Duration = tests.iter().map(|test| test.took).sum();
    Ok(match child.run(LEAST + 10 * together)? {
        Ended::Code(0, _) => Fate::Missed,
        Ended::Code(..) => Fate::Tests,
        Ended::Late => Fate::Time,
    })
}

/// Runs seeds with a mutant, and says how long it took; 0: none.
pub(crate) fn simulation(simulator: &Program, mutant: u32, seeds: u32, limit: Duration) -> Result<(Fate, Duration)> {
    let mut child = simulator.child();
    child.arguments(["--seed", "1", "--whole", "--seeds", &seeds.to_string()]).env("MUTANT", mutant.to_string());
    let begin = Instant::now();
    let fate = match child.run(limit)? {
        Ended::Code(0, _) => Fate::Missed,
        Ended::Code(..) => Fate::Simulation,
        Ended::Late => Fate::Time,
    };
    Ok((fate, begin.elapsed()))
}
