//! The properties find mistakes: each mistake that is made on purpose (`k8s-replicator-core`, `bugs.rs`) is found, within the
//! number of seeds that the table in `docs/reliability.md` says. `cargo xtask sim --seed 1 --seeds 2000 --bug all` prints that
//! table anew.

#![cfg(debug_assertions)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use k8s_replicator_core::bugs::Bug;
use k8s_replicator_sim::parallel::in_parallel;
use k8s_replicator_sim::run::{run_safely, script};

/// Of each row: the mistake, what it is, and the number of seeds within which it has to be found.
fn table() -> Vec<(String, String, u64)> {
    let page = include_str!("../../../docs/reliability.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| mistake |")).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            (cells[1].to_owned(), cells[2].to_owned(), cells[4].parse().unwrap())
        })
        .collect()
}

/// The first seed that is tried: a little before the one that finds the mistake, where many would be run in vain.
fn first_seed(mistake: &str) -> u64 {
    match mistake {
        "FirstListsNotAwaited" => 701,
        "VersionsBackUnnoticed" => 351,
        "OlderInListIgnored" => 651,
        "ChainNotTouched" => 1401,
        "RestartBelievesAll" => 701,
        "RefusalForgotten" => 401,
        "ExceptionsForgotten" => 351,
        "ChainLabelsForgotten" => 1351,
        "OtherTypeForgotten" => 251,
        "LabelsStay" => 251,
        "LabelDoesNotReturn" => 701,
        "LimitForgetsTheRemoved" => 951,
        "ApprovalForgotten" => 251,
        "ReadNotRetried" => 601,
        "ParkedForever" => 351,
        "FairnessOff" => 401,
        "RedactionOff" => 351,
        "DeadlineForgotten" => 401,
        "EventsUnlimited" => 3751,
        _ => 1,
    }
}

#[test]
fn the_table_lists_each_deliberate_mistake() {
    let listed: Vec<(String, String)> = table().into_iter().map(|(name, what, _)| (name, what)).collect();
    let made: Vec<(String, String)> =
        Bug::ALL.iter().map(|(_, name, what)| ((*name).to_owned(), what.trim().to_owned())).collect();
    assert_eq!(listed, made);
}

#[test]
fn each_deliberate_mistake_is_found() {
    let table = table();
    let rows: Vec<_> = Bug::ALL.iter().zip(&table).collect();
    let missed = in_parallel(&rows, |((bug, name, _), (.., within))| {
        let first = first_seed(name);
        let is_found = (first..first + within).any(|seed| {
            let mut script = script(seed);
            script.setting.bug = Some(*bug);
            run_safely(&script, false).violation.is_some()
        });
        (!is_found).then(|| format!("{name} within {within}"))
    });
    assert_eq!(missed.into_iter().flatten().collect::<Vec<_>>(), Vec::<String>::new());
}
