//! The cost of hostile annotations: `cargo bench -p k8s-replicator-core --bench hostile`.
//!
//! "Nobody pays for somebody else's annotations": with 5,000 namespaces, whose names are as long as can be, every event is to take
//! 5 ms at most, that of the object as well as any other one. (What it takes in memory is the tests' `memory` and `hostile`.)
//!
//! `-- search 60 7` looks for worse ones than those of the table for 60 seconds, from the random number 7 on.
//!
//! Each figure is the shortest of some runs. `calibration` is a fixed piece of work: machines, and hours, are compared by it.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "speaks to the person who runs it")]

#[path = "clock/mod.rs"]
mod clock;
#[path = "search/mod.rs"]
mod search;
#[path = "texts/mod.rs"]
mod texts;

use std::hint::black_box;
use std::time::Duration;

use clock::{calibration, now, shortest};
use texts::{Annotations, LARGEST, cases, list, name, namespace};
use tikv_jemallocator::Jemalloc;

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Annotated, Observed, ResourceVersion};
use k8s_replicator_core::pattern::{Allowed, NamespaceList, narrow};

/// The controller's.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const NAMESPACES: usize = 5_000;
/// Objects of others.
const OTHERS: usize = 100_000;
/// What no event may take.
const MOST: Duration = Duration::from_millis(5);

fn read(json: String) -> Observed {
    Observed::from_json(&json, &Dialect::new("p/", false)).expect("an object")
}

fn object(key: &str, version: usize, annotations: &[(&str, String)]) -> Observed {
    read(json(key, version, annotations))
}

fn json(key: &str, version: usize, annotations: &[(&str, String)]) -> String {
    let (namespace, name) = key.split_once('/').expect("a key");
    let texts: serde_json::Map<_, _> =
        annotations.iter().map(|(name, text)| (format!("p/{name}"), text.clone().into())).collect();
    let metadata = serde_json::json!({"name": name, "namespace": namespace, "uid": key, "resourceVersion": version.to_string(), "annotations": texts});
    serde_json::json!({ "metadata": metadata }).to_string()
}

/// A graph of the namespaces, and of many other objects.
fn graph() -> Graph {
    let mut graph = Graph::default();
    graph.begin_namespaces();
    (0..NAMESPACES).map(namespace).chain(["a".to_owned()]).for_each(|name| {
        graph.observe_namespace(&name, NamespaceFacts::default());
    });
    graph.end_namespaces();
    graph.begin_list();
    let source = [("replicated-by", "central/source".to_owned())];
    (0..OTHERS)
        .for_each(|n| drop(graph.observe(object(&format!("{}/replica-{n}", namespace(n % NAMESPACES)), 1, &source))));
    drop(graph.observe(object("central/source", 1, &[])));
    graph.end_list(&ResourceVersion::new("1"));
    graph
}

/// What the events of one object take, the time to read it among it; and what they leave for others.
struct Times {
    reading: Duration,
    /// New, the same again, replaced by others, gone; then any other object, and namespaces.
    events: [Duration; 6],
    targets: usize,
    /// Why it is ill-formed, if it is.
    ill_formed: String,
}

impl Times {
    fn worst(&self) -> Duration {
        self.events.into_iter().max().unwrap_or_default()
    }
}

/// The shortest of so many runs. Two numbers make two objects of one form that have no item in common.
fn measure(graph: &mut Graph, make: &dyn Fn(usize) -> Annotations, runs: usize) -> Times {
    let (one, other) = (make(0), make(1));
    let mut version = 1;
    let mut next = |annotations: &Annotations| {
        version += 1;
        json("a/s", version, annotations)
    };
    let (reading, observed) = shortest(runs, || next(&one), read);
    let ill_formed = match &observed.annotated {
        Annotated::Ill(error) => error.to_string(),
        _ => String::new(),
    };
    let (key, uid) = (observed.key.clone(), observed.uid.clone());
    drop(observed);

    let targets = graph.observe(read(next(&one))).len();
    let mut of_itself = [Duration::MAX; 4];
    let mut keep = |which: usize, begun: Duration| of_itself[which] = of_itself[which].min(now() - begun);
    for _ in 0..runs {
        let begun = now();
        drop(black_box(graph.forget(&key, &uid)));
        keep(0, begun);
        for (which, annotations) in [(1, &one), (2, &one), (3, &other), (3, &one)] {
            let json = next(annotations);
            let begun = now();
            drop(black_box(graph.observe(read(json))));
            keep(which, begun);
        }
    }
    let [gone, new, again, replaced] = of_itself;

    let mut version = 1;
    let anything = || {
        version += 1;
        object("a/any", version, &[("replicate-from", "c/d".to_owned())])
    };
    let (beside, _) = shortest(runs, anything, |observed| drop(graph.observe(observed)));
    // The worst of some namespaces: one that many items name, one that exists, and two of the kinds that there are in lists.
    let of_namespaces = ["a".to_owned(), namespace(0), name(5, 3), "00".to_owned()].map(|name| {
        let mut least = [Duration::MAX; 3];
        for _ in 0..runs.div_ceil(2) {
            let mut keep = |which: usize, begun: Duration| least[which] = least[which].min(now() - begun);
            let begun = now();
            drop(black_box(graph.forget_namespace(&name)));
            keep(0, begun);
            for (which, terminating) in [(1, false), (2, true)] {
                let begun = now();
                drop(black_box(graph.observe_namespace(&name, NamespaceFacts::new(terminating))));
                keep(which, begun);
            }
        }
        least.into_iter().max().unwrap_or_default()
    });
    let namespaces = of_namespaces.into_iter().max().unwrap_or_default();
    drop(graph.forget(&key, &uid));
    Times { reading, events: [new, again, replaced, gone, beside, namespaces], targets, ill_formed }
}

/// A line of the table.
fn show(what: &str, make: &dyn Fn(usize) -> Annotations, times: &Times) {
    let size: usize = make(0).iter().map(|(_, text)| text.len()).sum();
    print!("| {what} | {:.1} | {} | {:.3} |", size as f64 / 1024.0, times.targets, ms(times.reading));
    times.events.iter().for_each(|time| print!(" {:.3} |", ms(*time)));
    let too_long = if times.worst() > MOST { "**too long** " } else { "" };
    println!(" {too_long}{:.60} |", times.ill_formed);
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn main() {
    println!("calibration: {:.2?}\n", calibration());
    println!("| annotation | KiB | targets | read | new | again | replaced | gone | beside it | namespaces | |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut graph = graph();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let [command, numbers @ ..] = &arguments[..]
        && command == "search"
    {
        let number = |at: usize, default| numbers.get(at).and_then(|number| number.parse().ok()).unwrap_or(default);
        search::run(&mut graph, Duration::from_secs(number(0, 60)), number(1, 1));
        return;
    }
    let filter = arguments.first();
    for case in cases() {
        if filter.as_ref().is_none_or(|filter| case.0.contains(filter.as_str())) {
            show(case.0, &case.1, &measure(&mut graph, &case.1, 9));
        }
    }
    for (what, own, inherited) in [
        (
            "two lists of 16,000 names",
            list(16_000, |n| format!("t-{}", name(n, 7))),
            list(16_000, |n| format!("t-{}", name(n + 8_000, 7))),
        ),
        (
            "names against patterns",
            list(16_000, |n| format!("t-{}", name(n, 7))),
            list(16, |n| format!(".*[0-9a-m].[n-z0-4]{}", name(n, 1))),
        ),
    ] {
        let (Ok(own), Ok(inherited)) = (NamespaceList::parse(&own), Allowed::parse(&inherited)) else { continue };
        let (narrowing, _) = shortest(9, || (), |()| narrow(Some(&own), Some(&inherited)));
        println!("narrow {what}: {narrowing:.2?}");
    }
    // As many as the annotations of one object can be: others' are passed over, and one of this program's that is unknown is enough.
    for (what, prefix) in [("of others", ""), ("unknown", "p/")] {
        let one = |n: usize| (format!("{prefix}{}", name(n, 4)), String::new().into());
        let count = LARGEST / (4 + prefix.len());
        let annotations: serde_json::Map<_, _> = (0..count).map(one).collect();
        let metadata = serde_json::json!({"name": "s", "namespace": "a", "uid": "u", "annotations": annotations});
        let json = || serde_json::json!({ "metadata": metadata }).to_string();
        let (reading, _) = shortest(9, json, read);
        println!("read {count} annotations, {what}: {reading:.2?}");
    }
    println!("\ncalibration: {:.2?}", calibration());
}
