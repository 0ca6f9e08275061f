//! Mutants that no switch can stand at, such as those of constants and of `const fn`: each is written into a copy of the workspace that has
//! no other, and compiled.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::child::Ended;
use crate::list::{Mutant, PACKAGES};
use crate::programs::{self, OTHERS, Program};
use crate::run::{Fate, LEAST, simulation};
use crate::sites::changed;
use crate::tree::Tree;

/// The unit tests of one package take less than this, on any machine.
const LONGEST: Duration = Duration::from_secs(300);

/// Runs these, one after the other, and keeps what became of each. `tree`: a copy of the workspace without mutants.
pub(crate) fn run<'a>(
    (workspace, tree, target): (&Path, &Tree, &Path),
    mutants: &[&'a Mutant],
    seeds: u32,
    keep: impl Fn(&[(&'a Mutant, Fate)]) -> Result<()>,
) -> Result<Vec<(&'a Mutant, Fate)>> {
    let (begin, mut judged) = (Instant::now(), vec![]);
    for package in PACKAGES {
        let file = format!("crates/{package}/");
        ensure!(fate(tree, target, &file, 0)? == Fate::Missed, "the tests of {package} fail without any mutant");
    }
    for (number, mutant) in mutants.iter().enumerate() {
        let path = workspace.join(&mutant.file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        tree.write(&mutant.file, changed(&text, mutant).as_bytes())?;
        let fate = fate(tree, target, &mutant.file, seeds);
        tree.write(&mutant.file, text.as_bytes())?;
        let fate = fate?;
        println!(
            "{} of {}, after {} s: {fate:?}: {}",
            number + 1,
            mutants.len(),
            begin.elapsed().as_secs(),
            mutant.name
        );
        judged.push((*mutant, fate));
        keep(&judged)?;
    }
    Ok(judged)
}

/// What the tests say of a copy in which this file is changed.
fn fate(tree: &Tree, target: &Path, file: &str, seeds: u32) -> Result<Fate> {
    let is_own = |package: &&str| file.starts_with(&format!("crates/{package}/"));
    let (own, others): (Vec<&str>, Vec<&str>) = PACKAGES.iter().copied().partition(is_own);
    // The tests beside the code first: most mutants need no others, which take longer to compile.
    let all = [PACKAGES.to_vec(), OTHERS.to_vec()].concat();
    let stages = [(own, &["--lib"][..]), (others, &["--lib"]), (all, &["--lib", "--tests"])];
    for (packages, such) in stages.into_iter().take(if seeds == 0 { 2 } else { 3 }) {
        let Some((programs, simulator)) = programs::build_some(tree, target, &packages, such)? else {
            return Ok(Fate::DoesNotCompile);
        };
        for program in &programs {
            match tests(program)? {
                Fate::Missed => {}
                fate => return Ok(fate),
            }
        }
        if let Some(simulator) = simulator.filter(|_| such.len() > 1) {
            return Ok(simulation(&simulator, 0, seeds, LEAST + LONGEST)?.0);
        }
    }
    Ok(Fate::Missed)
}

fn tests(program: &Program) -> Result<Fate> {
    Ok(match program.child().arguments(["--test-threads=2"]).run(LONGEST)? {
        Ended::Code(0, _) => Fate::Missed,
        Ended::Code(..) => Fate::Tests,
        Ended::Late => Fate::Time,
    })
}
