//! The mutants, as `cargo mutants --list` names them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// The packages whose code is changed.
pub(crate) const PACKAGES: [&str; 2] = ["core", "controller"];
/// What is not: code with IO, whose tests need sockets, and what is compiled for tests only.
const LEFT_OUT: [&str; 3] =
    ["crates/core/src/bugs.rs", "crates/controller/src/edge", "crates/controller/src/metrics/docs.rs"];

/// A place in a file: both numbers begin at 1, and the column counts characters.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// From where to where.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Extent {
    pub(crate) start: Place,
    pub(crate) end: Place,
}

/// What a mutant changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub(crate) enum Genre {
    /// The function returns this at once.
    FnValue,
    /// Another operator between two operands.
    BinaryOperator,
    /// No operator before an operand.
    UnaryOperator,
    /// The guard of a match arm is always this.
    MatchArmGuard,
    /// The match arm is not there.
    MatchArm,
    /// The field of a struct expression is its base's.
    StructField,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    file: String,
    genre: Genre,
    replacement: String,
    span: Extent,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    return_type: String,
}

/// One change of the code.
#[derive(Debug, Clone)]
pub(crate) struct Mutant {
    /// Its number, from 1, in the order of the list.
    pub(crate) number: u32,
    /// What it is called when the lines around it move: its file, what it does, the text of its line, and which one of several it is.
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) start: Place,
    pub(crate) end: Place,
    pub(crate) genre: Genre,
    pub(crate) replacement: String,
    /// The type that its function returns.
    pub(crate) returns: String,
}

/// All mutants of the packages, in order.
pub(crate) fn list(workspace: &Path) -> Result<Vec<Mutant>> {
    let mut mutants = vec![];
    for package in PACKAGES {
        let listed = of_package(workspace, &format!("k8s-replicator-{package}"))?;
        for mutant in listed {
            if LEFT_OUT.iter().any(|left_out| mutant.file.starts_with(left_out)) {
                continue;
            }
            let number = u32::try_from(mutants.len() + 1)?;
            mutants.push(Mutant {
                number,
                name: mutant.name,
                file: mutant.file,
                start: mutant.span.start,
                end: mutant.span.end,
                genre: mutant.genre,
                replacement: mutant.replacement,
                returns: mutant.function.map(|function| function.return_type).unwrap_or_default(),
            });
        }
    }
    rename(workspace, &mut mutants)?;
    Ok(mutants)
}

fn of_package(workspace: &Path, package: &str) -> Result<Vec<Listed>> {
    let mut command = Command::new("cargo");
    command.args(["mutants", "--list", "--json", "-p", package]).current_dir(workspace);
    let output = command.output().context("cargo mutants")?;
    ensure!(
        output.status.success(),
        "cargo mutants --list failed (`cargo install cargo-mutants` installs it): {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("what cargo mutants --list printed")
}

/// Gives each its name: lines move, the text of a line seldom changes.
fn rename(workspace: &Path, mutants: &mut [Mutant]) -> Result<()> {
    let mut texts: HashMap<String, Vec<String>> = HashMap::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for mutant in mutants {
        if !texts.contains_key(&mutant.file) {
            let text = fs::read_to_string(workspace.join(&mutant.file)).with_context(|| mutant.file.clone())?;
            texts.insert(mutant.file.clone(), text.lines().map(|line| line.trim().to_owned()).collect());
        }
        let what = mutant.name.split_once(": ").map_or(mutant.name.as_str(), |(_, what)| what);
        let line =
            texts.get(&mutant.file).and_then(|lines| lines.get(mutant.start.line - 1)).map_or("", String::as_str);
        let mut name = match mutant.genre {
            Genre::FnValue => format!("{}: {what}", mutant.file),
            _ => format!("{}: {what} | {line}", mutant.file),
        };
        let seen = seen.entry(name.clone()).or_default();
        *seen += 1;
        if *seen > 1 {
            name = format!("{name} #{seen}");
        }
        mutant.name = name;
    }
    Ok(())
}
