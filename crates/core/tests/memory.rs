//! How much memory a replica takes. In a program of its own: nothing else allocates here.

#[path = "../benches/world/mod.rs"]
mod world;

use std::alloc::System;

use cap::Cap;
use world::World;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Half a KiB is promised, with what an allocator adds; what is there must not grow towards it unseen.
const MOST: usize = 320;

#[test]
fn a_replica_takes_less_than_half_a_kibibyte() {
    const REPLICAS: usize = 100_000;
    let world = World::of(REPLICAS);
    let before = ALLOCATOR.allocated();
    let graph = world.build(world.observed());
    let each = (ALLOCATOR.allocated() - before) / REPLICAS;
    assert_eq!(graph.target_count(), REPLICAS);
    assert!(each <= MOST, "{each} bytes a replica");
}
