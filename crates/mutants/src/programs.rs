//! The test programs of the copy: built, and run once without a mutant, to see which of their tests comes by which mutants.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::child::{Child, Ended};
use crate::compile::cargo;
use crate::list::PACKAGES;
use crate::tree::Tree;

/// The packages whose tests are run besides those of the packages with mutants.
pub(crate) const OTHERS: [&str; 2] = ["plan", "sim"];
/// Test programs that are not run: thousands of seeds each, or measurements. (Those of memory would count what notes of reached mutants take.)
const LEFT_OUT: [&str; 6] = ["seeds", "bites", "overload", "exhaustive", "memory", "hostile"];
/// The simulator.
const SIMULATOR: &str = "k8s-replicator-sim";
/// A base run that takes longer hangs.
const BASE: Duration = Duration::from_secs(900);

/// A test, of one of the programs.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    pub(crate) program: usize,
    pub(crate) name: String,
    pub(crate) took: Duration,
    /// It panics on purpose, and catches it.
    pub(crate) panics: bool,
}

/// A test program.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    path: PathBuf,
    /// Where its tests expect to be.
    folder: PathBuf,
}

/// All programs and their tests.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) programs: Vec<Program>,
    pub(crate) tests: Vec<Test>,
    /// Which tests come by a mutant.
    pub(crate) reaching: HashMap<u32, Vec<usize>>,
    /// If it was built.
    pub(crate) simulator: Option<Program>,
}

#[derive(Deserialize)]
struct Artifact {
    target: Option<Target>,
    manifest_path: Option<PathBuf>,
    executable: Option<PathBuf>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

#[derive(Deserialize)]
struct Event {
    event: String,
    name: Option<String>,
    exec_time: Option<f64>,
}

impl Program {
    pub(crate) fn child(&self) -> Child {
        Child::new(&self.path, &self.folder)
    }
}

/// Test programs, and the simulator.
pub(crate) type Built = (Vec<Program>, Option<Program>);

/// Builds the tests of all packages.
pub(crate) fn build(tree: &Tree, target: &Path) -> Result<Built> {
    let packages: Vec<&str> = PACKAGES.iter().chain(&OTHERS).copied().collect();
    build_some(tree, target, &packages, &["--lib", "--tests"])?.context("the tests do not compile")
}

/// Builds such tests of these packages; `None`: they do not compile.
pub(crate) fn build_some(tree: &Tree, target: &Path, packages: &[&str], such: &[&str]) -> Result<Option<Built>> {
    let mut command = cargo(tree, target, &["test", "--quiet", "--no-run", "--message-format=json-render-diagnostics"]);
    command.args(such);
    command.args(packages.iter().flat_map(|package| ["--package".to_owned(), format!("k8s-replicator-{package}")]));
    let output = command.stderr(std::process::Stdio::inherit()).output().context("cargo test")?;
    if !output.status.success() {
        return Ok(None);
    }
    let (mut programs, mut simulator) = (vec![], None);
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let Ok(Artifact {
            target: Some(target),
            manifest_path: Some(manifest),
            executable: Some(path),
            profile: Some(profile),
        }) = serde_json::from_slice(line)
        else {
            continue;
        };
        let program = Program { path, folder: manifest.parent().unwrap_or(&manifest).to_owned() };
        match profile.test {
            true if !LEFT_OUT.contains(&target.name.as_str()) => programs.push(program),
            false if target.name == SIMULATOR => simulator = Some(program),
            _ => {}
        }
    }
    Ok(Some((programs, simulator)))
}

impl Programs {
    /// Runs the test programs of these packages once.
    pub(crate) fn of(packages: &[&str], all: &[Program], simulator: Option<&Program>, target: &Path) -> Result<Self> {
        let programs = all.iter().filter(|program| packages.iter().any(|package| program.folder.ends_with(package)));
        let mut programs = Self {
            programs: programs.cloned().collect(),
            tests: vec![],
            reaching: HashMap::new(),
            simulator: simulator
                .filter(|program| packages.iter().any(|package| program.folder.ends_with(package)))
                .cloned(),
        };
        for number in 0..programs.programs.len() {
            programs.base(number, &target.join("reached.txt"))?;
        }
        Ok(programs)
    }

    /// Runs a program without any mutant, and notes what its tests come by.
    fn base(&mut self, number: usize, notes: &Path) -> Result<()> {
        _ = fs::remove_file(notes);
        let program = &self.programs[number];
        let mut child = program.child();
        child.arguments(["--test-threads=2", "-Zunstable-options", "--format=json", "--report-time"]);
        // libtest's own formats and times count as unstable.
        child.env("RUSTC_BOOTSTRAP", "1").env("MUTANTS_REACHED", notes);
        let Ended::Code(0, output) = child.run(BASE)? else {
            bail!("{} fails without any mutant", program.path.display())
        };
        let mut by_name = HashMap::new();
        for event in output.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()) {
            let ("ok", Some(name)) = (event.event.as_str(), event.name) else { continue };
            by_name.insert(name.clone(), self.tests.len());
            let took = Duration::from_secs_f64(event.exec_time.unwrap_or_default());
            self.tests.push(Test { program: number, name, took, panics: false });
        }
        let mut of_none: HashSet<u32> = HashSet::new();
        // A program whose tests come by no mutant writes nothing.
        for line in fs::read_to_string(notes).unwrap_or_default().lines() {
            let Some((thread, mutants)) = line.split_once('\t') else { continue };
            let test = by_name.get(thread).copied();
            if mutants == "panicked" {
                test.into_iter().for_each(|test| self.tests[test].panics = true);
                continue;
            }
            for mutant in mutants.split(',').filter_map(|mutant| mutant.parse().ok()) {
                match test {
                    Some(test) => self.reaching.entry(mutant).or_default().push(test),
                    None => _ = of_none.insert(mutant),
                }
            }
        }
        // A thread of a test, and it is not known which: each may be it.
        for mutant in of_none {
            self.reaching.entry(mutant).or_default().extend(by_name.values());
        }
        self.reaching.values_mut().for_each(|tests| {
            tests.sort_unstable();
            tests.dedup();
        });
        println!("{}: {} tests", program.path.display(), by_name.len());
        Ok(())
    }
}
