//! The properties find mistakes: each mistake that is made on purpose (`k8s-replicator-core`, `bugs.rs`) is found, within the
//! number of seeds that the table in `docs/reliability.md` says. `cargo xtask sim --seed 1 --seeds 2000 --bug all` prints that
//! table anew.

#![cfg(debug_assertions)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use k8s_replicator_core::bugs::Bug;
use k8s_replicator_sim::parallel::in_parallel;
use k8s_replicator_sim::run::{run_safely, script};

/// A row of the table.
struct Row {
    mistake: String,
    what: String,
    /// The number of seeds within which it has to be found.
    within: u64,
    /// By which property.
    by: String,
}

fn table() -> Vec<Row> {
    let page = include_str!("../../../docs/reliability.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| mistake |")).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let text = |cell: usize| cells[cell].to_owned();
            Row { mistake: text(1), what: text(2), within: text(4).parse().unwrap(), by: text(5) }
        })
        .collect()
}

/// The first seed that is tried: a little before the one that finds the mistake, where many would be run in vain.
fn first_seed(mistake: &str) -> u64 {
    match mistake {
        "FirstListsNotAwaited" => 1051,
        "VersionsBackUnnoticed" => 351,
        "SilentWatchTrusted" => 251,
        "OlderInListIgnored" => 651,
        "ChainNotTouched" => 1851,
        "RestartBelievesAll" => 701,
        "RefusalForgotten" => 401,
        "ExceptionsForgotten" => 301,
        "ChainLabelsForgotten" => 1301,
        "OtherTypeForgotten" => 251,
        "LabelsStay" => 251,
        "LabelDoesNotReturn" => 701,
        "LimitForgetsTheRemoved" => 951,
        "ApprovalForgotten" => 251,
        "ParkedForever" => 301,
        "OneTroubleIsAll" => 251,
        "FairnessOff" => 351,
        "RedactionOff" => 301,
        "DeadlineForgotten" => 401,
        "EventsUnlimited" => 701,
        _ => 1,
    }
}

#[test]
fn the_table_lists_each_deliberate_mistake() {
    let listed: Vec<(String, String)> = table().into_iter().map(|row| (row.mistake, row.what)).collect();
    let made: Vec<(String, String)> =
        Bug::ALL.iter().map(|(_, name, what)| ((*name).to_owned(), what.trim().to_owned())).collect();
    assert_eq!(listed, made);
}

/// By the property in the table, and by a script that breaks none without the mistake.
#[test]
fn each_deliberate_mistake_is_found() {
    let table = table();
    let rows: Vec<_> = Bug::ALL.iter().zip(&table).collect();
    let missed = in_parallel(&rows, |((bug, name, _), row)| {
        let first = first_seed(name);
        let is_found = (first..=row.within).any(|seed| {
            let mut script = script(seed);
            script.setting.bug = Some(*bug);
            let found = run_safely(&script, false).violation.is_some_and(|violation| violation.property == row.by);
            script.setting.bug = None;
            found && run_safely(&script, false).violation.is_none()
        });
        (!is_found).then(|| format!("{name} within {} by {}", row.within, row.by))
    });
    assert_eq!(missed.into_iter().flatten().collect::<Vec<_>>(), Vec::<String>::new());
}
