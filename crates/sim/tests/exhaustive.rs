//! All orders of a few steps. `SIM_DEPTH` chooses how many, `SIM_EDITS` how many of them may be edits; `docs/reliability.md` has the figures of deeper searches.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use k8s_replicator_sim::exhaustive::search;
use k8s_replicator_sim::run::{report, shrink};

#[test]
fn every_order_of_a_few_steps_comes_to_rest() {
    let number = |name, otherwise| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let depth = number("SIM_DEPTH", 6);
    let searched = search(depth, number("SIM_EDITS", 2));
    println!("worlds on each level: {:?}, by {} ways", searched.worlds, searched.ways);
    if let Some((script, violation)) = searched.violation {
        panic!("{}", report(0, &shrink(&script, &violation)));
    }
    assert_eq!(searched.worlds.len(), depth);
    assert!(searched.worlds.iter().is_sorted() && searched.worlds[0] >= 10, "{:?}", searched.worlds);
}
