//! What one step of the core costs: `cargo bench -p k8s-replicator-core`.
//!
//! The last table is of whole graphs: built from what the first lists would show (the shortest of three times, on the processor),
//! and what they take in memory.
#![allow(clippy::print_stdout, reason = "speaks to the person who runs it")]

#[path = "clock/mod.rs"]
mod clock;
#[path = "world/mod.rs"]
mod world;

use std::time::{Duration, Instant};

use cap::Cap;
use clock::{calibration, shortest};
use divan::{Bencher, black_box};
use k8s_replicator_core::decide::{Rules, decide};
use k8s_replicator_core::kind::Secret;
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::Observed;
use tikv_jemallocator::Jemalloc;
use world::World;
use world::hostile::{graph, items, object, team};

/// The controller's allocator, which counts what it allocates.
#[global_allocator]
static ALLOCATOR: Cap<Jemalloc> = Cap::new(Jemalloc, usize::MAX);

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

fn main() {
    divan::main();
    // As in divan: without a filter all benches run, with one those that it names.
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    for (name, table) in [("single_events", single_events as fn()), ("alike", alike), ("whole_graphs", whole_graphs)] {
        if filter.as_ref().is_none_or(|filter| name.contains(filter.as_str())) {
            table();
        }
    }
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

/// The shortest and the longest of some calls.
fn times(mut call: impl FnMut(usize)) -> (Duration, Duration) {
    let all = (0..20).map(|n| {
        let begun = Instant::now();
        call(n);
        begun.elapsed()
    });
    all.fold((Duration::MAX, Duration::ZERO), |(least, most), one| (least.min(one), most.max(one)))
}

fn row(what: &str, (least, most): (Duration, Duration)) {
    println!("| {what} | {:.3} ms | {:.3} ms |", least.as_secs_f64() * 1e3, most.as_secs_f64() * 1e3);
}

/// The push of the n-th source: its names, and its list of namespaces.
type Form = fn(usize) -> (String, String);

/// The n-th list.
type List = fn(usize) -> String;

/// The cost of one event in a cluster with many objects that it does not concern.
fn single_events() {
    println!("\n| one event | at best | at worst |\n|---|---|---|");
    let into_one = |form: Form| {
        (0..10_000).map(move |n| {
            let (to, namespaces) = form(n);
            object(&format!("central/s-{n}"), 1, &[("replicate-to", &to), ("replicate-to-namespaces", &namespaces)])
        })
    };
    let forms: [(&str, Form); 3] = [
        ("a list of one", |n| (format!("x-{n}"), team(1))),
        ("qualified items", |n| (format!("{}/x-{n}", team(1)), team(2))),
        ("a pattern", |n| (format!("x-{n}"), "team-0000.*".to_owned())),
    ];
    for (what, form) in forms {
        let mut graph = graph(10, into_one(form));
        let key = format!("{}/any", team(1));
        let of_object = times(|n| drop(graph.observe(object(&key, n + 2, &[]))));
        row(&format!("an object, where 10,000 sources push into its namespace by {what}"), of_object);
    }

    let same_name = (0..10_000)
        .map(|n| object(&format!("central/s-{n}"), 1, &[("replicate-to", "x"), ("replicate-to-namespaces", &team(n))]));
    let mut same_name = graph(5_000, same_name);
    let of_object = times(|n| drop(same_name.observe(object("team-00001/x", n + 2, &[]))));
    row("an object, where 10,000 sources push its name, each into another namespace", of_object);

    let lists: [(&str, usize, usize, List); 3] = [
        ("20,000 lists of literals", 5_000, 20_000, |n| format!("{},{},other-{n}", team(n), team(n + 1))),
        ("20,000 lists of patterns", 1_000, 20_000, |n| format!("team-{n:04}.*,other-{n}")),
        ("200 lists of ten patterns", 10_000, 200, |n| {
            let patterns = (0..10).map(|m| format!("team-{m}{n:03}.+"));
            patterns.collect::<Vec<_>>().join(",")
        }),
    ];
    // SPEC 11.3: each selector asks about another label; a namespace has eight of them, and one changes.
    let selectors = (0..200).map(|n| {
        let selector = format!("label-{n} in (a,b),tier!=legacy,!exempt");
        object(&format!("central/s-{n}"), 1, &[("replicate-to-namespace-selector", &selector)])
    });
    let mut labelled = graph(10_000, selectors);
    let labels = |n: usize| {
        let keys: Vec<String> = (0..8).map(|label| format!("label-{}", label * 20)).collect();
        let value = |label: usize| if label == 0 && n.is_multiple_of(2) { "a" } else { "z" };
        let labels = keys.iter().enumerate().map(|(label, key)| (key.as_str(), value(label)));
        NamespaceFacts::read(false, labels, std::iter::empty())
    };
    let changed = times(|n| drop(labelled.observe_namespace(&team(7), labels(n))));
    row("a namespace's label, beside 10,000, 200 selectors", changed);

    for (what, namespaces, count, list) in lists {
        let sources =
            (0..count).map(|n| object(&format!("central/s-{n}"), 1, &[("replicate-to-namespaces", &list(n))]));
        let mut graph = graph(namespaces, sources);
        let seen = times(|n| drop(graph.observe_namespace(&team(90_000 + n), NamespaceFacts::default())));
        row(&format!("a new namespace beside {namespaces}, {what}"), seen);
        let changed = times(|n| drop(graph.observe_namespace(&team(7), NamespaceFacts::new(n % 2 == 0))));
        row("the same, one terminates", changed);
        let gone = times(|n| drop(graph.forget_namespace(&team(90_000 + n))));
        row("the same, one is gone", gone);
    }

    let long = items(8_000, |item| format!("{item}/b"));
    let mut hostile = graph(5_000, [object("team-00000/s", 1, &[("replicate-to", &long)])].into_iter());
    let mut updates: Vec<_> = (2..22).map(|n| object("team-00000/s", n, &[("replicate-to", &long)])).collect();
    row("a source of 8,000 targets, its own", times(|_| drop(updates.pop().map(|observed| hostile.observe(observed)))));
    let long = items(8_000, |item| format!("{item}/c"));
    let mut updates: Vec<_> = (52..72)
        .map(|n| {
            object(
                "team-00000/s",
                n,
                &[("replicate-to", &format!("{long}{}", "/c/b".repeat(n % 2).get(2..).unwrap_or("")))],
            )
        })
        .collect();
    updates.reverse();
    row("the same, other names", times(|_| drop(updates.pop().map(|observed| hostile.observe(observed)))));
    row("an object beside it", times(|n| drop(hostile.observe(object("aab/b", n + 2, &[("replicate-from", "c/d")])))));
    let seen = times(|n| drop(hostile.observe_namespace(&format!("zz{n}"), NamespaceFacts::default())));
    row("a namespace beside it", seen);

    let chain =
        (0..5_000).map(|n| object(&format!("team-00000/c-{n}"), 1, &[("replicate-from", &format!("c-{}", n + 1))]));
    let mut chain = graph(10, chain);
    let rewired = times(|n| {
        let from = if n % 2 == 0 { "c-0" } else { "none" };
        drop(chain.observe(object("team-00000/c-5000", n + 2, &[("replicate-from", from)])));
    });
    row("the top of a chain of 5,000 closes a ring, or opens it", rewired);
}

/// 20,000 sources whose annotations say the same words, and 400 updates of one long annotation.
fn alike() {
    let sources = |n| object(&format!("central/s-{n}"), 1, &[("replicate-to-namespaces", "b")]);
    let sources: Vec<_> = (0..20_000).map(sources).collect();
    let begun = Instant::now();
    drop(graph(10, sources.into_iter()));
    println!("\n20,000 sources that say the same: {:.3} s", begun.elapsed().as_secs_f64());

    for (what, form) in [("aaa/b,…", "/b"), ("names", ""), ("-/b,… and itself", "/b-c")] {
        let long = items(8_000, |item| format!("{item}{form}"));
        let updates = |count: usize| {
            let before = ALLOCATOR.allocated();
            let mut graph = graph(10, std::iter::empty());
            for n in 0..count {
                let text = format!("{long},v{n}");
                graph.observe(object("central/s", n + 1, &[("replicate-to", &text)]));
            }
            (ALLOCATOR.allocated() - before, graph)
        };
        let (one, _) = updates(1);
        let (many, _) = updates(400);
        println!(
            "{} KiB of {what}: {} KiB once read ({:.1} times its size), {} KiB after 400 updates",
            long.len() >> 10,
            one >> 10,
            one as f64 / long.len() as f64,
            many >> 10
        );
    }
}

fn whole_graphs() {
    println!("\ncalibration: {:.2?}", calibration());
    println!("\n| replicas | rebuilt in | heap | a replica |\n|---|---|---|---|");
    for replicas in [1_000, 10_000, 100_000, 1_000_000] {
        let world = World::of(replicas);
        let all = || world.observed().collect::<Vec<Observed>>();
        let (took, graph) = shortest(3, all, |observed| world.build(observed.into_iter()));
        let begun = Instant::now();
        let all = graph.all_targets().len();
        if replicas == 1_000_000 {
            println!("(all {all} targets in {:.3} s)", begun.elapsed().as_secs_f64());
        }
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
