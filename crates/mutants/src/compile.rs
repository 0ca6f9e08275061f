//! Which mutants compile: the copy is checked, those at which the compiler finds errors are written otherwise or left out, until it finds
//! none.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::list::{Mutant, PACKAGES};
use crate::rewrite::{Form, Learnt, Rewritten};
use crate::tree::Tree;

/// More rounds would show a mistake of this program.
const ROUNDS: usize = 40;

#[derive(Deserialize)]
struct Line {
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    level: String,
    rendered: Option<String>,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    byte_start: usize,
    byte_end: usize,
    is_primary: bool,
}

/// cargo, at work in the copy.
pub(crate) fn cargo(tree: &Tree, target: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(tree.folder()).env("CARGO_TARGET_DIR", target);
    command
}

/// Writes the copy so that it compiles, and says what was left out for that.
pub(crate) fn compile(tree: &Tree, target: &Path, mutants: &[Mutant]) -> Result<Learnt> {
    let notes = target.join("learnt.json");
    let mut learnt = read(&notes, mutants);
    for package in PACKAGES {
        let package = format!("k8s-replicator-{package}");
        for round in 0.. {
            let rewritten = tree.rewrite(&learnt)?;
            let arguments = ["check", "--quiet", "--lib", "--package", &package, "--message-format=json"];
            let output = cargo(tree, target, &arguments).output().context("cargo check")?;
            if output.status.success() {
                break;
            }
            let before = (learnt.dropped.len(), learnt.forms.len());
            let errors = errors(&output.stdout);
            let unknown: Vec<&Message> = errors
                .iter()
                .filter(|error| !error.spans.is_empty() && !learn(error, &rewritten, &mut learnt))
                .collect();
            eprintln!("{package}: {} errors, {} mutants do not compile", errors.len(), learnt.dropped.len());
            if before == (learnt.dropped.len(), learnt.forms.len()) || round > ROUNDS {
                let shown = unknown.iter().filter_map(|error| error.rendered.as_deref()).collect::<Vec<_>>().join("\n");
                bail!("the copy does not compile:\n{shown}{}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }
    write(&notes, mutants, &learnt)?;
    Ok(learnt)
}

/// What the last run learnt: the first rounds are spared.
fn read(notes: &Path, mutants: &[Mutant]) -> Learnt {
    let known: HashMap<String, bool> =
        fs::read(notes).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let mut learnt = Learnt::default();
    for mutant in mutants {
        match known.get(&mutant.name) {
            Some(true) => _ = learnt.dropped.insert(mutant.number),
            Some(false) => _ = learnt.forms.insert(mutant.number, Form::Twice),
            None => {}
        }
    }
    learnt
}

fn write(notes: &Path, mutants: &[Mutant], learnt: &Learnt) -> Result<()> {
    let of = |mutant: &Mutant| match learnt.dropped.contains(&mutant.number) {
        true => Some(true),
        false => learnt.forms.contains_key(&mutant.number).then_some(false),
    };
    let known: HashMap<&str, bool> =
        mutants.iter().filter_map(|mutant| Some((mutant.name.as_str(), of(mutant)?))).collect();
    fs::write(notes, serde_json::to_vec(&known)?).with_context(|| notes.display().to_string())
}

fn errors(stdout: &[u8]) -> Vec<Message> {
    let lines = stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    lines.filter_map(|line| line.message).filter(|message| message.level == "error").collect()
}

/// Leaves out what an error is about; `false`: it is at no mutant.
fn learn(error: &Message, rewritten: &HashMap<String, Rewritten>, learnt: &mut Learnt) -> bool {
    let (primary, others): (Vec<&Span>, Vec<&Span>) = error.spans.iter().partition(|span| span.is_primary);
    // The mutant itself; else the site that it is in, which is tried in its other form first.
    for (spans, is_own) in [(&primary, true), (&others, true), (&primary, false), (&others, false)] {
        let mut found = vec![];
        for span in spans {
            let shares = rewritten.get(&span.file_name).map_or(&[][..], |rewritten| &rewritten.shares);
            let around = shares.iter().filter(|share| {
                share.is_own == is_own && share.range.start <= span.byte_start && span.byte_end <= share.range.end
            });
            // The innermost.
            let Some(size) = around.clone().map(|share| share.range.len()).min() else { continue };
            found.extend(around.filter(|share| share.range.len() == size).map(|share| share.mutant));
        }
        found.retain(|mutant| !learnt.dropped.contains(mutant));
        if found.is_empty() {
            continue;
        }
        for mutant in found {
            let is_tried = learnt.forms.insert(mutant, Form::Twice).is_some();
            if is_own || is_tried {
                learnt.dropped.insert(mutant);
            }
        }
        return true;
    }
    false
}
