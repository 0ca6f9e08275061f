//! The properties bite: each mistake that is made on purpose is found within a bounded number of seeds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use k8s_replicator_core::bugs::Bug;
use k8s_replicator_sim::run::{run_safely, script};

#[test]
fn each_deliberate_mistake_is_found() {
    const MOST: u64 = 1_500;
    let missed: Vec<&str> = Bug::ALL
        .iter()
        .filter(|(bug, ..)| {
            !(1..=MOST).any(|seed| {
                let mut script = script(seed);
                script.setting.bug = Some(*bug);
                run_safely(&script, false).violation.is_some()
            })
        })
        .map(|(_, name, _)| *name)
        .collect();
    assert_eq!(missed, Vec::<&str>::new(), "not found within {MOST} seeds");
}
