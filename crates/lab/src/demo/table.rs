//! The table of Secrets: which exist, with which data, from which version, and why.

use std::collections::{BTreeMap, BTreeSet};

use k8s_replicator_core::reason::Reason;

use super::acts::Act;
use super::stage::{Outcome, Secret, Snapshot};
use super::style::Style;

const HEAD: [&str; 5] = ["SECRET", "DATA", "VERSION", "BECAUSE OF", "WHY"];

/// The column with the digests.
const DATA: usize = 1;

/// The annotations that explain what a Secret is, in the order in which they are shown. The others are the controller's
/// bookkeeping.
const CAUSES: [&str; 12] = [
    "replicated-by",
    "replicate-from",
    "replicate-to",
    "replicate-to-namespaces",
    "replicate-to-namespace-selector",
    "replicate-keys",
    "replicate-type",
    "removal-delay",
    "replicate-once",
    "replicate-once-version",
    "replication-allowed",
    "replication-allowed-namespaces",
];

/// One Secret; a cell may have several lines.
struct Row {
    changed: bool,
    cells: [Vec<String>; 5],
}

/// The Secrets of the act's namespaces, those that are gone included, and what the reasons mean.
pub(super) fn table(act: &Act, before: &Snapshot, outcome: &Outcome<'_>, style: Style) -> String {
    let now = &outcome.snapshot;
    // In the order of the act, and what others made after those who made it.
    let place = |key: &String| {
        let namespace = key.split('/').next()?;
        let place = act.namespaces.iter().position(|shown| *shown == namespace)?;
        let made_by_another = now.get(key).is_some_and(|secret| secret.annotations.contains_key("replicated-by"));
        Some((place, made_by_another, key.clone()))
    };
    let keys: BTreeSet<_> = before.keys().chain(now.keys()).filter_map(place).collect();
    let rows: Vec<Row> =
        keys.iter().map(|(_, _, key)| row(key, before.get(key), now.get(key), &outcome.reasons)).collect();
    let mut text = layout(&rows, style);
    for reason in Reason::ALL {
        if rows.iter().any(|row| row.cells[4].iter().any(|code| code == reason.code())) {
            text += &style.dim(&format!("  {}: {}", reason.code(), reason.sentence()));
            text += "\n";
        }
    }
    text
}

fn row(key: &str, before: Option<&Secret>, now: Option<&Secret>, reasons: &BTreeMap<String, String>) -> Row {
    let (data, version, causes) = match now {
        None => ("(gone)".to_owned(), String::new(), Vec::new()),
        Some(secret) => {
            let data = secret.digest.clone().unwrap_or_else(|| "(empty)".to_owned());
            (data, version(secret), causes(secret))
        }
    };
    let reason = reasons.get(key).cloned().unwrap_or_default();
    let cells = [vec![key.to_owned()], vec![data], vec![version], causes, vec![reason]];
    Row { changed: before != now, cells }
}

fn is_replica(secret: &Secret) -> bool {
    ["replicate-from", "replicated-by"].iter().any(|mark| secret.annotations.contains_key(*mark))
}

/// For a source its own, for a replica that of the source whose data it holds: the same number means the same version.
fn version(secret: &Secret) -> String {
    match secret.annotations.get("replicated-from-version") {
        Some(version) => format!("from {version}"),
        None if is_replica(secret) => String::new(),
        None => secret.resource_version.clone(),
    }
}

fn causes(secret: &Secret) -> Vec<String> {
    CAUSES.iter().filter_map(|name| Some(format!("{name}: {}", secret.annotations.get(*name)?))).collect()
}

/// Columns as wide as their widest cell. Colours have no width, so they come after the padding.
fn layout(rows: &[Row], style: Style) -> String {
    let cell_width = |row: &Row, column: usize| row.cells[column].iter().map(|line| line.chars().count()).max();
    let widths: [usize; 5] = std::array::from_fn(|column| {
        rows.iter().filter_map(|row| cell_width(row, column)).chain([HEAD[column].len()]).max().unwrap_or(0)
    });
    let pad = |text: &str, column: usize| format!("{text:<width$}", width = widths[column]);
    let head: Vec<String> = HEAD.iter().enumerate().map(|(column, title)| pad(title, column)).collect();
    let mut text = format!("{}\n", style.bold(format!("  {}", head.join("  ")).trim_end()));
    for row in rows {
        let height = row.cells.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let mark = if row.changed && line == 0 { "*" } else { " " };
            let cells = row.cells.iter().enumerate().map(|(column, cell)| {
                let padded = pad(cell.get(line).map_or("", String::as_str), column);
                match column {
                    DATA if padded.starts_with('(') => style.dim(&padded),
                    DATA => style.by_content(&padded),
                    _ => padded,
                }
            });
            text += format!("{mark} {}", cells.collect::<Vec<_>>().join("  ")).trim_end();
            text += "\n";
        }
    }
    text
}
