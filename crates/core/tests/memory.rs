//! How much memory a replica takes, and how much others' annotations take. In a program of its own: nothing else allocates here.

#[path = "../benches/world/mod.rs"]
mod world;

use std::alloc::System;

use std::sync::Mutex;

use cap::Cap;
use k8s_replicator_core::observed::Annotated;
use k8s_replicator_core::pattern::MAX_ITEMS;
use k8s_replicator_core::push::MAX_TARGETS;
use world::World;
use world::hostile::{graph, items, object};

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

/// Issue 9: an object takes four times its annotations at most, what is read from them and what the graph keeps of it together; and
/// many updates of it take no more than one.
#[test]
fn an_object_takes_at_most_four_times_its_annotations_in_the_graph() {
    /// What the first object of a graph takes whatever its annotations say.
    const OBJECT: usize = 3 << 10;
    type Item = fn(&str) -> String;
    let forms: [(&str, usize, Item); 6] = [
        ("replicate-to", MAX_TARGETS, |text| format!("{text}/b")),
        ("replicate-to", MAX_TARGETS, |text| format!("{}/{}", &text[..2], &text[2..])),
        ("replicate-to", MAX_TARGETS, |text| format!("b/{text}")),
        ("replicate-to", MAX_TARGETS, str::to_owned),
        ("replicate-to-namespaces", MAX_ITEMS, str::to_owned),
        ("replicate-to-namespaces", MAX_ITEMS, |text| format!("{text}.*")),
    ];
    let _alone = ALONE.lock();
    drop(object("central/s", 1, &[("replicate-to", "b.c/x")]));
    for (annotation, most, item) in forms {
        // Tables are largest for what is in them when they have just grown.
        for count in [1, 100, 1_000, 1_537, 3_073, 6_145, most] {
            let list = items(count - 1, item);
            let observed = |n: usize| object("central/s", n + 1, &[(annotation, &format!("{list},v{n}"))]);
            let mut graph = graph(10, std::iter::empty());
            let before = ALLOCATOR.allocated();
            let first = observed(0);
            assert!(matches!(first.annotated, Annotated::Well(_)), "{annotation}: {:?}", first.annotated);
            drop(graph.observe(first));
            let once = ALLOCATOR.allocated() - before;
            let allowed = OBJECT + 4 * list.len();
            assert!(once <= allowed, "{annotation}: {once} bytes for {} of {list:.40}", list.len());
            (1..12).for_each(|n| drop(graph.observe(observed(n))));
            let often = ALLOCATOR.allocated() - before;
            assert!(often <= allowed, "{annotation}: {often} bytes after 12 updates, {once} after one");
        }
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
