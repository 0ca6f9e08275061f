//! The cost of hostile annotations: `cargo bench -p k8s-replicator-core --bench hostile`.
//!
//! "Nobody pays for somebody else's annotations": with 5,000 namespaces, whose names are as long as can be, every event is to take
//! 5 ms at most, that of the object as well as any other one, and so is every decision about a target. (What it takes in memory is the
//! tests' `memory` and `hostile`.) What takes longer, also at a second look, makes the bench fail.
//!
//! `-- search 60 7` looks for worse ones than those of the table for 60 seconds, from the random number 7 on.
//!
//! Each figure is the shortest of some runs. `calibration` is a fixed piece of work: machines, and hours, are compared by it.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "speaks to the person who runs it")]

#[path = "clock/mod.rs"]
mod clock;
#[path = "decisions/mod.rs"]
mod decisions;
#[path = "search/mod.rs"]
mod search;
#[path = "texts/mod.rs"]
mod texts;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use clock::{calibration, now, shortest};
use texts::{Annotations, LARGEST, cases, list, name, namespace};
use tikv_jemallocator::Jemalloc;

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Annotated, Observed, ResourceVersion};
use k8s_replicator_core::pattern::{Allowed, NamespaceList, narrow};

/// The controller's.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const NAMESPACES: usize = 5_000;
/// Objects of others.
const OTHERS: usize = 100_000;
/// The annotation of a Namespace: what a table says of it is written on the namespace of the targets.
const OF_NAMESPACES: &str = "accept-replicas-from";
/// What no event may take, and no turn of a target.
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
    (0..NAMESPACES).map(namespace).chain(["a", "c"].map(str::to_owned)).for_each(|name| {
        graph.observe_namespace(&name, NamespaceFacts::default());
    });
    graph.end_namespaces();
    graph.begin_list();
    let source = [("replicated-by", "central/source".to_owned())];
    (0..OTHERS)
        .for_each(|n| drop(graph.observe(object(&format!("{}/replica-{n}", namespace(n % NAMESPACES)), 1, &source))));
    drop(graph.observe(object("central/source", 1, &[])));
    // What the hostile object pulls from, and what made it.
    let gives = [("replication-allowed", "true"), ("replicate-to", "a/s"), ("replica-labels", "x=y")];
    drop(graph.observe(object("c/d", 1, &gives.map(|(name, text)| (name, text.to_owned())))));
    graph.end_list(&ResourceVersion::new("1"));
    graph
}

/// What the events of one object take, the time to read it among it; and what they leave for others.
struct Times {
    reading: Duration,
    /// New, the same again, replaced by others, gone; then any other object, and namespaces; and a decision about a target.
    events: [Duration; 7],
    targets: usize,
    /// Why it is ill-formed, if it is.
    ill_formed: String,
}

impl Times {
    fn worst(&self) -> Duration {
        self.events.into_iter().max().unwrap_or_default()
    }
}

/// The annotations of the object, and those of the namespace.
fn split(annotations: Annotations) -> (Annotations, Annotations) {
    annotations.into_iter().partition(|(annotation, _)| *annotation != OF_NAMESPACES)
}

/// What it takes to see a namespace with these annotations, the time to read it among it.
fn namespace_seen(graph: &mut Graph, name: &str, annotations: &Annotations) -> Duration {
    let texts: serde_json::Map<_, _> =
        annotations.iter().map(|(name, text)| (format!("p/{name}"), text.clone().into())).collect();
    let json = serde_json::json!({ "metadata": { "name": name, "annotations": texts } }).to_string();
    let begun = now();
    if let Ok((_, facts)) = NamespaceFacts::from_json(json.as_bytes(), &Dialect::new("p/", false)) {
        drop(black_box(graph.observe_namespace(name, facts)));
    }
    now() - begun
}

/// The shortest of so many runs. Two numbers make two objects of one form that have no item in common.
fn measure(graph: &mut Graph, make: &dyn Fn(usize) -> Annotations, runs: usize) -> Times {
    let ((one, says), (other, says_otherwise)) = (split(make(0)), split(make(1)));
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

    // The namespaces of the first targets, and of one that pulls.
    let mut some = graph.observe(read(next(&one)));
    let targets = some.len();
    let mut looked_at: Vec<TargetKey> = some.targets.iter().take(1).chain(some.targets.last()).cloned().collect();
    if let Some(wide) = some.wide.first_mut() {
        looked_at.extend(graph.take_targets(wide, 1).into_iter().take(1));
    }
    let pulls = |n: usize| Key::new(&namespace(n), "pulls").map(TargetKey::from);
    looked_at.extend([pulls(0), pulls(1)].into_iter().flatten());
    looked_at.extend(Key::new("a", "s").map(TargetKey::from));
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
    let mut namespaces = of_namespaces.into_iter().max().unwrap_or_default();
    let own = namespace(0);
    if !says.is_empty() {
        let mut least = Duration::MAX;
        for _ in 0..runs {
            namespace_seen(graph, &own, &says_otherwise);
            least = least.min(namespace_seen(graph, &own, &says));
        }
        namespaces = namespaces.max(least);
    }
    let mut version = 10_000;
    let source = || {
        version += 1;
        object("a/s", version, &one)
    };
    let replica = |target: &Key| match target.name() {
        "pulls" => {
            object(target.as_str(), 1, &[("replicate-from", "a/s".to_owned()), ("replicate-keys", "*".to_owned())])
        }
        _ => {
            let notes = [
                ("replicated-by", "a/s"),
                ("replicated-from-version", "1"),
                ("replicated-keys", "a"),
                ("replicated-labels", "b"),
            ];
            object(target.as_str(), 1, &notes.map(|(name, text)| (name, text.to_owned())))
        }
    };
    let deciding = decisions::measure(graph, source, &looked_at, replica, runs.div_ceil(2));
    drop(graph.observe_namespace(&own, NamespaceFacts::default()));
    drop(graph.forget(&key, &uid));
    Times { reading, events: [new, again, replaced, gone, beside, namespaces, deciding], targets, ill_formed }
}

/// What was measured, or, if that is too long, what a longer look shows: a machine that does other things has bad moments.
fn looked_at_twice(graph: &mut Graph, make: &dyn Fn(usize) -> Annotations, times: Times) -> Times {
    if times.worst() > MOST { measure(graph, make, 60) } else { times }
}

/// A line of the table. Answers whether no event takes too long.
fn show(what: &str, make: &dyn Fn(usize) -> Annotations, times: &Times) -> bool {
    let size: usize = make(0).iter().map(|(_, text)| text.len()).sum();
    print!("| {what} | {:.1} | {} | {:.3} |", size as f64 / 1024.0, times.targets, ms(times.reading));
    times.events.iter().for_each(|time| print!(" {:.3} |", ms(*time)));
    let too_long = if times.worst() > MOST { "**too long** " } else { "" };
    println!(" {too_long}{:.60} |", times.ill_formed);
    times.worst() <= MOST
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn main() -> ExitCode {
    println!("calibration: {:.2?}\n", calibration());
    println!(
        "| annotation | KiB | targets | read | new | again | replaced | gone | beside it | namespaces | decision | |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let mut graph = graph();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let [command, numbers @ ..] = &arguments[..]
        && command == "search"
    {
        let number = |at: usize, default| numbers.get(at).and_then(|number| number.parse().ok()).unwrap_or(default);
        return ended(search::run(&mut graph, Duration::from_secs(number(0, 60)), number(1, 1)));
    }
    let (filter, mut all_in_time) = (arguments.first(), true);
    for case in cases() {
        if filter.as_ref().is_none_or(|filter| case.0.contains(filter.as_str())) {
            let times = measure(&mut graph, &case.1, 9);
            let times = looked_at_twice(&mut graph, &case.1, times);
            all_in_time &= show(case.0, &case.1, &times);
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
        let (narrowing, _) = shortest(30, || (), |()| narrow(Some(&own), Some(&inherited)));
        all_in_time &= narrowing <= MOST;
        println!("narrow {what}: {narrowing:.2?}");
    }
    // As many as the annotations of one object can be: others' are passed over, and one of this program's that is unknown is enough.
    for (what, prefix) in [("of others", ""), ("unknown", "p/")] {
        let one = |n: usize| (format!("{prefix}{}", name(n, 4)), String::new().into());
        let count = LARGEST / (4 + prefix.len());
        let annotations: serde_json::Map<_, _> = (0..count).map(one).collect();
        let metadata = serde_json::json!({"name": "s", "namespace": "a", "uid": "u", "annotations": annotations});
        let json = || serde_json::json!({ "metadata": metadata }).to_string();
        let (reading, _) = shortest(30, json, read);
        all_in_time &= reading <= MOST;
        println!("read {count} annotations, {what}: {reading:.2?}");
    }
    println!("\ncalibration: {:.2?}", calibration());
    ended(all_in_time)
}

fn ended(all_in_time: bool) -> ExitCode {
    if all_in_time {
        return ExitCode::SUCCESS;
    }
    println!("an event, or a decision, takes longer than {MOST:?}");
    ExitCode::FAILURE
}
