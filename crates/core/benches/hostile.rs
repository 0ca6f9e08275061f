//! The cost of hostile annotations: `cargo bench -p k8s-replicator-core --bench hostile`.
//!
//! "Nobody pays for somebody else's annotations": with 5,000 namespaces, whose names are as long as can be, every event is to take
//! 5 ms at most, that of the object as well as any other one. (What it takes in memory is the tests' `memory` and `hostile`.)
//!
//! Each figure is the shortest of some runs. `calibration` is a fixed piece of work: machines, and hours, are compared by it.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "speaks to the person who runs it")]

#[path = "clock/mod.rs"]
mod clock;

use std::hint::black_box;
use std::time::Duration;

use clock::{calibration, now, shortest};
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
/// As much as the API server takes for all annotations together, less a little for the others.
const LARGEST: usize = 246 << 10;
/// What no event may take.
const MOST: Duration = Duration::from_millis(5);

/// Items until the annotation is as large as can be, or there are so many.
fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for n in 0..count {
        let item = item(n);
        if text.len() + item.len() + 1 > LARGEST {
            break;
        }
        text.push_str(&item);
        text.push(',');
    }
    text.pop();
    text
}

/// The n-th name of so many letters.
fn name(n: usize, letters: u32) -> String {
    (0..letters).rev().map(|place| char::from_digit((n / 36_usize.pow(place) % 36) as u32, 36).unwrap_or('a')).collect()
}

/// The name of the n-th namespace: no two have a beginning in common that is worth to speak of.
fn namespace(n: usize) -> String {
    let mut state = n as u64 + 1;
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_digit((state >> 33) as u32 % 36, 36).unwrap_or('a')
    };
    (0..63).map(letter).collect()
}

/// The annotations of one object: their names without the prefix, and their values.
type Annotations = Vec<(&'static str, String)>;

/// Annotations by what they are, and how they are made: two numbers make two of one form that have no item in common.
type Case = (&'static str, Box<dyn Fn(usize) -> Annotations>);

fn cases() -> Vec<Case> {
    fn one(what: &'static str, annotation: &'static str, text: impl Fn(usize) -> String + 'static) -> Case {
        (what, Box::new(move |shift| vec![(annotation, text(shift))]))
    }
    fn names(what: &'static str, count: usize, namespaces: &'static str) -> Case {
        let to = move |shift| list(count, |n| name(n + shift * count, 3));
        (
            what,
            Box::new(move |shift| {
                vec![("replicate-to", to(shift)), ("replicate-to-namespaces", namespaces.to_owned())]
            }),
        )
    }
    let (to, namespaces) = ("replicate-to", "replicate-to-namespaces");
    vec![
        one("as people write them", namespaces, |n| format!("team-.*,shared{n},!team-x")),
        one("everywhere", namespaces, |n| format!(".*,!x{n}")),
        names("2 names everywhere", 2, ".*"),
        names("8 names everywhere", 8, ".*"),
        names("16 names everywhere", 16, ".*"),
        names("17 names everywhere", 17, ".*"),
        one("246 KiB of aaa/b", to, |s| list(usize::MAX, |n| format!("{}/b{s}", name(n, 3)))),
        one("8,192 of aaa/b", to, |s| list(8_192, |n| format!("{}/{s}", name(n, 3)))),
        one("8,192 of b/aaa", to, |s| list(8_192, |n| format!("a/{}", name(n + s * 16_384, 3)))),
        one("8,192 of aaa", to, |s| list(8_192, |n| name(n + s * 8_192, 3))),
        one("246 KiB of names of objects", to, |s| list(8_192, |n| format!("{}-{s}", name(n, 27)))),
        one("8,192 of aa/b, short", to, |s| {
            list(8_192, |n| format!("{}/{}", name(n / 13, 2), name(n % 13 + 13 * s, 1)))
        }),
        one("namespaces that exist, and names", to, |s| list(usize::MAX, |n| format!("{}/{s}", namespace(n)))),
        one("namespaces that exist", namespaces, |s| list(usize::MAX, |n| namespace(n + s * 1_000))),
        one("246 KiB of names", namespaces, |s| list(16_384, |n| format!("tenant{s}-{}", name(n, 7)))),
        one("16,384 of aaa", namespaces, |s| list(16_384, |n| name(n + s * 16_384, 3))),
        one("16,384 of aaa.*", namespaces, |s| list(16_384, |n| format!("{}.*", name(n + s * 16_384, 3)))),
        one("prefixes of all lengths", namespaces, |s| {
            list(usize::MAX, |n| format!("{}.*", "n".repeat(n % 64) + &name(n / 64 + s * 80, 2)))
        }),
        one("246 KiB of commas", namespaces, |s| ",".repeat(LARGEST) + &name(s, 1)),
        one("32 prefixes with names", to, |s| list(32, |n| format!("{}.*/b", name(n + s * 32, 3)))),
        one("a large repetition, 3 times", namespaces, |s| {
            list(3, |n| format!("(?:[a-z0-9-?]){{1000}}_{}", name(n + s * 3, 1)))
        }),
        one("32 patterns to the end", namespaces, |s| {
            list(32, |n| format!(".*[0-9a-m].[n-z0-4]{}-[a-z]", name(n + 36 * s, 2)))
        }),
        one("16 patterns to the end, each for itself", to, |s| {
            list(16, |n| format!(".*[0-9a-m].[n-z0-4]{}-[a-z]/{n}", name(n + 36 * s, 2)))
        }),
        one("16 patterns to the end", namespaces, |s| {
            list(16, |n| format!(".*[0-9a-m].[n-z0-4]{}-[a-z]", name(n + 36 * s, 2)))
        }),
        one("32 patterns of all classes", namespaces, |s| {
            list(32, |n| format!(".*(?:{}.a|[b-d]..|e)-{s}", name(n, 1)))
        }),
        one("16 patterns, prefixes and names", namespaces, |s| {
            let patterns = list(16, |n| format!(".*[0-9a-m].[n-z0-4]{}-[a-z]", name(n + 36 * s, 2)));
            let prefixes = list(4_000, |n| format!("{}.*", "n".repeat(n % 64) + &name(n / 64 + s * 80, 2)));
            let names = list(10_000, |n| format!("tenant{s}-{}", name(n, 3)));
            [patterns, prefixes, names].join(",").chars().take(LARGEST).collect()
        }),
        one("32 beginnings, two endings", namespaces, |s| {
            list(32, |n| format!("app{}-(dev|prod)", name(n + 36 * s, 2)))
        }),
        one("patterns that grow", namespaces, |s| list(20, |n| format!(".*a.{{6}}{}", name(n + 36 * s, 1)))),
        one("patterns beyond the bound", namespaces, |_| list(usize::MAX, |n| format!(".*a.{{20}}{}", name(n, 2)))),
        one("lists of names in patterns", namespaces, |s| {
            list(3, |m| format!("({})", list(60, |n| format!("{}{s}", name(n * 977 + m, 6))).replace(',', "|")))
        }),
        one("a name of 246 KiB", namespaces, |s| "a".repeat(LARGEST) + &name(s, 1)),
        one("an open group of 246 KiB", namespaces, |_| "(".repeat(LARGEST)),
    ]
}

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

/// What one object's events take, the time to read it among it; and what they leave for others.
fn events(graph: &mut Graph, (what, make): &Case) {
    let (one, other) = (make(0), make(1));
    let mut version = 1;
    let mut next = |annotations: &[(&str, String)]| {
        version += 1;
        json("a/s", version, annotations)
    };
    let (reading, observed) = shortest(9, || next(&one), read);
    let ill_formed = match &observed.annotated {
        Annotated::Ill(error) => error.to_string().chars().take(60).collect(),
        _ => String::new(),
    };
    let (key, uid) = (observed.key.clone(), observed.uid.clone());
    drop(observed);

    let targets = graph.observe(read(next(&one))).len();
    let mut of_itself = [Duration::MAX; 4];
    let mut keep = |which: usize, begun: Duration| of_itself[which] = of_itself[which].min(now() - begun);
    for _ in 0..9 {
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
    let (beside, _) = shortest(9, anything, |observed| drop(graph.observe(observed)));
    // The worst of some namespaces: one that many items name, one that exists, and two of the kinds that there are in lists.
    let of_namespaces = ["a".to_owned(), namespace(0), name(5, 3), "00".to_owned()].map(|name| {
        let mut least = [Duration::MAX; 3];
        for _ in 0..5 {
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
    let all = [new, again, replaced, gone, beside, namespaces];
    let size: usize = one.iter().map(|(_, text)| text.len()).sum();
    print!("| {what} | {:.1} | {targets} | {:.3} |", size as f64 / 1024.0, ms(reading));
    all.iter().for_each(|time| print!(" {:.3} |", ms(*time)));
    let too_long = if all.iter().any(|time| *time > MOST) { "**too long** " } else { "" };
    println!(" {too_long}{ill_formed} |");
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn main() {
    println!("calibration: {:.2?}\n", calibration());
    println!("| annotation | KiB | targets | read | new | again | replaced | gone | beside it | namespaces | |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let mut graph = graph();
    for case in cases() {
        if filter.as_ref().is_none_or(|filter| case.0.contains(filter.as_str())) {
            events(&mut graph, &case);
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
    println!("\ncalibration: {:.2?}", calibration());
}
