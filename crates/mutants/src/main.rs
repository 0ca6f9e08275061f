//! Mutants of `core` and of the controller: which changes of the code do its tests not see?
//!
//! `cargo mutants` lists the changes. It would compile each alone, which takes most of a day. This program writes a copy of the workspace in
//! which all of them are, each behind a switch that is set at run time ([`rewrite`]), and compiles that once ([`compile`]). One run without
//! any shows which test comes by which mutant ([`programs`]), and each is run against those tests, then against the simulator ([`run`]).
//!
//! It fails if one is missed that `survivors.txt` has no reason for.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "speaks to the person who runs it")]

mod alone;
mod child;
mod compile;
mod list;
mod programs;
mod rewrite;
mod run;
mod sites;
mod survivors;
mod table;
mod tree;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use crate::list::Mutant;
use crate::programs::Programs;
use crate::run::Fate;
use crate::tree::Tree;

/// Changes the code in thousands of small ways, each of which a test or the simulation has to see.
#[derive(Parser)]
#[command(bin_name = "cargo xtask mutants")]
struct Arguments {
    /// Only this package: core or controller.
    #[arg(long)]
    package: Option<String>,
    /// Only files whose path contains this.
    #[arg(long, default_value = "", hide_default_value = true)]
    file: String,
    /// Only what was missed the last time, and what is new since.
    #[arg(long)]
    again: bool,
    /// Only those that no switch can stand at, such as constants: each is compiled alone, a minute or two for each.
    #[arg(long)]
    alone: bool,
    /// So many seeds of the simulation for each mutant that no unit test sees; 0: only the tests beside the code.
    #[arg(long, default_value_t = 200)]
    seeds: u32,
}

fn main() -> Result<()> {
    let begin = Instant::now();
    let arguments = Arguments::parse();
    let package = arguments.package.as_ref().map(|package| format!("crates/{package}/")).unwrap_or_default();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let folder = workspace.join("target/mutants");
    let (target, results) = (folder.join("target"), folder.join("results.json"));
    let mutants = list::list(&workspace)?;
    let tree = Tree::copy(&workspace, folder.join("src"), &mutants)?;
    let before = before(&results);
    let is_asked = |mutant: &&Mutant| mutant.file.starts_with(&package) && mutant.file.contains(&arguments.file);
    let is_known =
        |mutant: &Mutant| before.get(&mutant.name).is_some_and(|fate| ![Fate::Missed, Fate::NoSwitch].contains(fate));
    if arguments.alone {
        let has_no_switch = |mutant: &&Mutant| tree.not_switchable.contains(&mutant.number);
        let meant: Vec<&Mutant> = mutants
            .iter()
            .filter(is_asked)
            .filter(has_no_switch)
            .filter(|mutant| !arguments.again || !is_known(mutant))
            .collect();
        let plain = Tree::copy(&workspace, folder.join("alone"), &[])?;
        let so_far = |judged: &[(&Mutant, Fate)]| keep(&results, before.clone(), judged.iter().copied());
        let judged = alone::run((&workspace, &plain, &target), &meant, arguments.seeds, so_far)?;
        let new: HashMap<u32, Fate> = judged.into_iter().map(|(mutant, fate)| (mutant.number, fate)).collect();
        let mut all = vec![];
        for mutant in mutants.iter().filter(is_asked) {
            let fate = new.get(&mutant.number).or_else(|| before.get(&mutant.name));
            all.extend(fate.map(|fate| (mutant, *fate)));
        }
        return report(&all, &folder, begin);
    }
    let learnt = compile::compile(&tree, &target, &mutants)?;
    let mut fates: BTreeMap<u32, Fate> = BTreeMap::new();
    let has_no_switch = mutants.iter().filter(|mutant| tree.not_switchable.contains(&mutant.number));
    let of_alone = |mutant: &Mutant| before.get(&mutant.name).copied().unwrap_or(Fate::NoSwitch);
    fates.extend(has_no_switch.map(|mutant| (mutant.number, of_alone(mutant))));
    fates.extend(tree.not_compiling.iter().chain(&learnt.dropped).map(|number| (*number, Fate::DoesNotCompile)));
    println!(
        "{} mutants, {} of them can be chosen, after {} s",
        mutants.len(),
        mutants.len() - fates.len(),
        seconds(begin)
    );

    let mut left: Vec<&Mutant> = mutants
        .iter()
        .filter(is_asked)
        .filter(|mutant| !fates.contains_key(&mutant.number))
        .filter(|mutant| !arguments.again || !is_known(mutant))
        .collect();
    let (built, simulator) = programs::build(&tree, &target)?;
    println!("The tests are built after {} s", seconds(begin));
    // The tests beside the code first: most mutants need no others.
    let is_own = |package: &&str| left.iter().any(|mutant| mutant.file.starts_with(&format!("crates/{package}/")));
    let (own, others): (Vec<&str>, Vec<&str>) = list::PACKAGES.iter().copied().partition(is_own);
    for packages in [own, [others, programs::OTHERS.to_vec()].concat()] {
        if left.is_empty() || packages.is_empty() || (arguments.seeds == 0 && packages.contains(&"sim")) {
            continue;
        }
        let programs = Programs::of(&packages, &built, simulator.as_ref(), &target)?;
        println!("{}: the tests ran without a mutant, after {} s", packages.join(", "), seconds(begin));
        fates.extend(run::run(&left, &programs, arguments.seeds)?);
        left.retain(|mutant| fates.get(&mutant.number) == Some(&Fate::Missed));
        println!("{} mutants are missed, after {} s", left.len(), seconds(begin));
        keep(
            &results,
            before.clone(),
            mutants.iter().filter_map(|mutant| Some((mutant, *fates.get(&mutant.number)?))),
        )?;
    }
    let asked = mutants.iter().filter(is_asked);
    let judged: Vec<(&Mutant, Fate)> = asked
        .filter_map(|mutant| Some((mutant, *fates.get(&mutant.number).or_else(|| before.get(&mutant.name))?)))
        .collect();
    report(&judged, &folder, begin)
}

fn seconds(since: Instant) -> u64 {
    since.elapsed().as_secs()
}

/// What the last run found.
fn before(results: &Path) -> HashMap<String, Fate> {
    fs::read(results).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn keep<'a>(
    results: &Path,
    mut all: HashMap<String, Fate>,
    judged: impl Iterator<Item = (&'a Mutant, Fate)>,
) -> Result<()> {
    all.extend(judged.map(|(mutant, fate)| (mutant.name.clone(), fate)));
    fs::write(results, serde_json::to_vec(&all)?).with_context(|| results.display().to_string())
}

/// Prints the table and what is missed.
fn report(judged: &[(&Mutant, Fate)], folder: &Path, begin: Instant) -> Result<()> {
    let survivors = survivors::survivors();
    let reason_of =
        |mutant: &Mutant| survivors.iter().find(|survivor| survivor.is(&mutant.name)).map(|survivor| survivor.reason);
    let rows: Vec<(&Mutant, Fate, Option<&str>)> =
        judged.iter().map(|(mutant, fate)| (*mutant, *fate, reason_of(mutant))).collect();
    let table = table::table(&rows);
    fs::write(folder.join("table.md"), &table)?;
    println!("{table}\n{} s", seconds(begin));
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in rows.iter().filter(|(_, fate, _)| *fate == Fate::Missed).filter_map(|(.., reason)| *reason) {
        *reasons.entry(reason).or_default() += 1;
    }
    reasons.iter().for_each(|(reason, count)| println!("{count}: {reason}"));
    for survivor in &survivors {
        let mut named = rows.iter().filter(|(mutant, ..)| survivor.is(&mutant.name)).peekable();
        if named.peek().is_some() && named.all(|(_, fate, _)| *fate != Fate::Missed) {
            println!("need no reason any more: {}", survivor.pattern);
        }
    }
    let missed: Vec<&Mutant> = rows
        .iter()
        .filter(|(_, fate, reason)| *fate == Fate::Missed && reason.is_none())
        .map(|(mutant, ..)| *mutant)
        .collect();
    let shown: Vec<String> = missed.iter().map(|mutant| format!("{}: {}", mutant.start.line, mutant.name)).collect();
    let list: PathBuf = folder.join("missed.txt");
    fs::write(&list, shown.join("\n"))?;
    match missed.len() {
        0 => Ok(()),
        missed => bail!("{missed} mutants are missed, and have no reason: {}", list.display()),
    }
}
