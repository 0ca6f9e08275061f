//! The result, file by file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::list::Mutant;
use crate::run::Fate;

/// In which order the columns stand.
const COLUMNS: [(Fate, &str); 6] = [
    (Fate::Tests, "tests"),
    (Fate::Simulation, "simulation"),
    (Fate::Time, "time"),
    (Fate::Missed, "missed"),
    (Fate::DoesNotCompile, "do not compile"),
    (Fate::NoSwitch, "no switch"),
];

/// A table in Markdown; the missed ones that have a reason are in a column of their own.
pub(crate) fn table(mutants: &[(&Mutant, Fate, Option<&str>)]) -> String {
    let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut total = vec![0; COLUMNS.len() + 1];
    for (mutant, fate, reason) in mutants {
        let column = COLUMNS.iter().position(|(column, _)| column == fate).unwrap_or_default();
        let column = if *fate == Fate::Missed && reason.is_some() { COLUMNS.len() } else { column };
        rows.entry(&mutant.file).or_insert_with(|| vec![0; COLUMNS.len() + 1])[column] += 1;
        total[column] += 1;
    }
    let names: Vec<&str> = COLUMNS.iter().map(|(_, name)| *name).collect();
    let mut text = format!("| file | mutants | {} | equal, with a reason |\n", names.join(" | "));
    text.push_str(&format!("|---|{}\n", "---|".repeat(COLUMNS.len() + 2)));
    for (name, row) in rows.iter().map(|(name, row)| (*name, row)).chain([("all", &total)]) {
        let numbers: Vec<String> = row.iter().map(ToString::to_string).collect();
        _ = writeln!(text, "| {name} | {} | {} |", row.iter().sum::<usize>(), numbers.join(" | "));
    }
    text
}
