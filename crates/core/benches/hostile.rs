//! What annotations cost that mean harm: `cargo bench -p k8s-replicator-core --bench hostile`.
//!
//! "Nobody pays for somebody else's annotations": the limits are 5 ms for an event of the object with 5,000 namespaces (to read
//! it, and to match every namespace), and 4 times the annotations in memory.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "speaks to the person who runs it")]

use std::alloc::System;
use std::hint::black_box;
use std::time::{Duration, Instant};

use cap::Cap;
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::observed::{Annotated, Observed};
use k8s_replicator_core::pattern::{Allowed, NamespaceList, narrow};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const NAMESPACES: usize = 5_000;
/// As much as the API server takes for all annotations together, less a little for the others.
const LARGEST: usize = 246 << 10;

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

fn annotations() -> Vec<(&'static str, &'static str, String)> {
    let (to, namespaces) = ("replicate-to", "replicate-to-namespaces");
    let many = usize::MAX;
    vec![
        ("as people write them", namespaces, "team-.*,shared,!team-x".to_owned()),
        ("246 KiB of aaa/b", to, list(many, |n| format!("{}/b", name(n, 3)))),
        ("16,384 of aaa/b", to, list(16_384, |n| format!("{}/b", name(n, 3)))),
        ("16,384 of b/aaa", to, list(16_384, |n| format!("b/{}", name(n, 3)))),
        ("16,384 of aa/b, short", to, list(16_384, |n| format!("{}/{}", name(n / 13, 2), name(n % 13, 1)))),
        ("246 KiB of names", namespaces, list(16_384, |n| format!("tenant-{}", name(n, 8)))),
        ("16,384 of aaa", namespaces, list(16_384, |n| name(n, 3))),
        ("16,384 of aaa.*", namespaces, list(16_384, |n| format!("{}.*", name(n, 3)))),
        ("prefixes of all lengths", namespaces, list(many, |n| format!("{}.*", "n".repeat(n % 64) + &name(n / 64, 2)))),
        ("246 KiB of commas", namespaces, ",".repeat(LARGEST)),
        ("32 prefixes with names", to, list(32, |n| format!("{}.*/b", name(n, 3)))),
        ("a large repetition, 3 times", namespaces, list(3, |n| format!("(?:[a-z0-9-?]){{1000}}_{}", name(n, 1)))),
        ("32 patterns to the end", namespaces, list(32, |n| format!(".*[0-9a-m].[n-z0-4]{}_", name(n, 1)))),
        ("32 patterns of all classes", namespaces, list(32, |n| format!(".*(?:{}.a|[b-d]..|e)_", name(n, 1)))),
        ("patterns that grow", namespaces, list(20, |n| format!(".*a.{{7}}{}", name(n, 1)))),
        ("patterns beyond the bound", namespaces, list(many, |n| format!(".*a.{{20}}{}", name(n, 2)))),
        (
            "one list of names in a pattern",
            namespaces,
            format!("({})", list(60, |n| format!("tenant-{}", name(n * 977, 6))).replace(',', "|")),
        ),
        ("a name of 246 KiB", namespaces, "a".repeat(LARGEST)),
        ("an open group of 246 KiB", namespaces, "(".repeat(LARGEST)),
    ]
}

/// The processor's time for one run, in the mean of many: on a busy machine the wall clock would count what others do, and
/// the processor's time is counted in ticks of some milliseconds.
fn mean(mut run: impl FnMut()) -> Duration {
    const ENOUGH: Duration = Duration::from_millis(80);
    let clock = Instant::now();
    let now = || on_processor().unwrap_or_else(|| clock.elapsed());
    let start = now();
    for runs in 1.. {
        run();
        let taken = now() - start;
        if taken >= ENOUGH || clock.elapsed() > 20 * ENOUGH {
            return taken / runs;
        }
    }
    Duration::ZERO
}

/// How long this process has run, where Linux says so.
fn on_processor() -> Option<Duration> {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    schedstat.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn main() {
    let dialect = Dialect::new("p/", false);
    let namespaces = |length: usize| -> Vec<String> {
        (0..NAMESPACES).map(|n| format!("{}{}", "n".repeat(length - 4), name(n, 4))).collect()
    };
    let (usual, longest) = (namespaces(12), namespaces(63));
    println!(
        "{:32}{:>9}{:>10}{:>11}{:>12}{:>12}{:>8}  ",
        "annotation", "KiB", "read", "12 letters", "63 letters", "memory", "times"
    );
    for (what, annotation, text) in annotations() {
        let json = serde_json::json!({"metadata": {"name": "x", "namespace": "a", "annotations": {format!("p/{annotation}"): text}}}).to_string();
        let read = || Observed::from_json(&json, &dialect).expect("an object");
        let reading = mean(|| drop(black_box(read())));
        let before = ALLOCATOR.allocated();
        let observed = read();
        let memory = ALLOCATOR.allocated() - before;
        let push = match &observed.annotated {
            Annotated::Well(marks) => marks.effective_push(),
            _ => None,
        };
        let matching = |namespaces: &[String]| {
            mean(|| {
                let facts = k8s_replicator_core::namespace::NamespaceFacts::default();
                let named =
                    namespaces.iter().filter(|ns| push.is_some_and(|push| push.names_in(ns, &facts).next().is_some()));
                black_box(named.count());
            })
        };
        println!(
            "{what:32}{:>9.1}{:>10.2?}{:>11.2?}{:>12.2?}{:>12}{:>8.1}  {}",
            text.len() as f64 / 1024.0,
            reading,
            matching(&usual),
            matching(&longest),
            memory,
            memory as f64 / text.len() as f64,
            match &observed.annotated {
                Annotated::Ill(error) => error.to_string().chars().take(70).collect(),
                _ => String::new(),
            }
        );
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
            list(32, |n| format!(".*[0-9a-m].[n-z0-4]{}", name(n, 1))),
        ),
    ] {
        let (Ok(own), Ok(inherited)) = (NamespaceList::parse(&own), Allowed::parse(&inherited)) else { continue };
        let narrowing = mean(|| drop(black_box(narrow(Some(&own), Some(&inherited)))));
        println!("narrow {what}: {narrowing:.2?}");
    }
}
