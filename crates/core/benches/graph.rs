//! What one step of the core costs: `cargo bench -p k8s-replicator-core`.
//!
//! The last table is of whole graphs: built from what the first lists would tell, and what they take in memory.
#![allow(clippy::print_stdout, reason = "speaks to the person who runs it")]

#[path = "world/mod.rs"]
mod world;

use std::time::Instant;

use cap::Cap;
use divan::{Bencher, black_box};
use k8s_replicator_core::decide::{Rules, decide};
use k8s_replicator_core::kind::Secret;
use k8s_replicator_core::observed::Observed;
use tikv_jemallocator::Jemalloc;
use world::World;

/// The controller's allocator, and a count of what it gave.
#[global_allocator]
static ALLOCATOR: Cap<Jemalloc> = Cap::new(Jemalloc, usize::MAX);

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

fn main() {
    divan::main();
    whole_graphs();
}

/// Reading one replica's metadata, as a watch brings it.
#[divan::bench]
fn read_one_replica(bencher: Bencher<'_, '_>) {
    let (dialect, json) = (World::dialect(), World::of(1_000).json(17, 2));
    bencher.bench(|| Observed::from_json(black_box(&json), &dialect));
}

/// A new version of one replica, in a graph of so many.
#[divan::bench(args = SIZES)]
fn index_one_event(bencher: Bencher<'_, '_>, replicas: usize) {
    let world = World::of(replicas);
    let mut version = 1_000_000_000;
    let mut graph = world.build(world.observed());
    bencher
        .with_inputs(|| {
            version += 1;
            world.replica(version % replicas, version)
        })
        .bench_local_values(|observed| graph.observe(observed));
}

/// A decision about one replica that is up to date, in a graph of so many.
#[divan::bench(args = SIZES)]
fn decide_one_target(bencher: Bencher<'_, '_>, replicas: usize) {
    let world = World::of(replicas);
    let (graph, rules) = (world.build(world.observed()), Rules::default());
    let targets: Vec<_> = (0..replicas).map(|n| world.replica(n, 1).key.into()).collect();
    let mut next = 0;
    bencher.bench_local(|| {
        next = (next + 7_919) % replicas;
        black_box(decide(&graph, &Secret, &rules, black_box(&targets[next])));
    });
}

fn whole_graphs() {
    println!("\n| replicas | rebuilt in | heap | a replica |\n|---|---|---|---|");
    for replicas in [1_000, 10_000, 100_000, 1_000_000] {
        let world = World::of(replicas);
        let observed: Vec<Observed> = world.observed().collect();
        let begun = Instant::now();
        let graph = world.build(observed.into_iter());
        let took = begun.elapsed();
        drop(graph);

        // Once more without a list of what is to come, which would be counted too.
        let before = ALLOCATOR.allocated();
        let graph = world.build(world.observed());
        let heap = ALLOCATOR.allocated() - before;
        println!(
            "| {replicas} | {:.3} s | {:.1} MB | {:.0} bytes |",
            took.as_secs_f64(),
            heap as f64 / 1e6,
            heap as f64 / replicas as f64
        );
        drop(graph);
    }
}
