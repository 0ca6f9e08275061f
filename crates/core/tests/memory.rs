//! How much memory a replica takes, as the allocator rounds it. In a program of its own: nothing else allocates here.
#![allow(clippy::expect_used)]

#[path = "../benches/world/mod.rs"]
mod world;

use tikv_jemalloc_ctl::{epoch, stats};
use world::World;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Half a KiB is promised; what is there must not grow towards it unseen.
const MOST: usize = 320;

#[test]
fn a_replica_takes_less_than_half_a_kibibyte() {
    const REPLICAS: usize = 100_000;
    let world = World::of(REPLICAS);
    let before = allocated();
    let graph = world.build(world.observed());
    let each = (allocated() - before) / REPLICAS;
    assert_eq!(graph.target_count(), REPLICAS);
    assert!(each <= MOST, "{each} bytes a replica");
}

fn allocated() -> usize {
    epoch::advance().expect("jemalloc counts");
    stats::allocated::read().expect("jemalloc counts")
}
