//! How much memory a replica takes, and how much others' annotations take. In a program of its own: nothing else allocates here.

#[path = "../benches/world/mod.rs"]
mod world;

use std::alloc::System;

use std::sync::Mutex;

use cap::Cap;
use world::World;
use world::hostile::{graph, longest, object};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Half a KiB is promised, with what an allocator adds; what is there must not grow towards it unseen.
const MOST: usize = 292;

/// One test at a time: they count the same memory.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_replica_takes_less_than_half_a_kibibyte() {
    let _alone = ALONE.lock();
    const REPLICAS: usize = 100_000;
    let world = World::of(REPLICAS);
    let before = ALLOCATOR.allocated();
    let graph = world.build(world.observed());
    let each = (ALLOCATOR.allocated() - before) / REPLICAS;
    assert_eq!(graph.target_count(), REPLICAS);
    assert!(each <= MOST, "{each} bytes a replica");
}

/// Issue 9: a long annotation costs the index less than twice its size, beside what is read from it; and many updates of it cost
/// no more than one.
#[test]
fn a_long_annotation_takes_memory_in_proportion_to_its_size() {
    let _alone = ALONE.lock();
    for item in ["/b", ""] {
        let long = longest(|text| format!("{text}{item}"));
        let observed = |n: usize| object("central/s", n + 1, &[("replicate-to", &format!("{long},v{n}"))]);
        let before = ALLOCATOR.allocated();
        let read = observed(0);
        let of_reading = ALLOCATOR.allocated() - before;
        let mut graph = graph(10, std::iter::empty());
        graph.observe(read);
        let once = ALLOCATOR.allocated() - before;
        assert!(once - of_reading <= 2 * long.len(), "{} bytes for {}", once - of_reading, long.len());
        (1..12).for_each(|n| drop(graph.observe(observed(n))));
        let often = ALLOCATOR.allocated() - before;
        assert!(often <= 2 * once, "{often} bytes after 12, {once} after one");
    }
}

/// Issue 9: each distinct list takes a bit for each namespace, and little more.
#[test]
fn a_list_takes_a_bit_for_each_namespace() {
    const NAMESPACES: usize = 2_000;
    const LISTS: usize = 200;
    let _alone = ALONE.lock();
    let with = |namespaces: usize| {
        let lists = (0..LISTS)
            .map(|n| object(&format!("central/s-{n}"), 1, &[("replicate-to-namespaces", &format!("team-.*,x{n}"))]));
        let before = ALLOCATOR.allocated();
        let graph = graph(namespaces, lists);
        assert_eq!(graph.len(), LISTS);
        ALLOCATOR.allocated() - before
    };
    let (few, many) = (with(1), with(NAMESPACES));
    // The namespaces themselves take some memory too, once.
    let most = LISTS * NAMESPACES / 8 * 5 / 4 + NAMESPACES * 256;
    assert!(many - few <= most, "{} bytes, and {most} at most", many - few);
}
