//! How much memory hostile annotations take. In a program of its own: nothing else allocates here.

#[path = "../benches/texts/forms.rs"]
mod forms;
#[path = "../benches/texts/mod.rs"]
#[allow(dead_code, reason = "shared with a bench")]
mod texts;

use std::alloc::System;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use cap::Cap;
use forms::{FORMS, LONG};
use k8s_replicator_core::annotations::{Annotation, Dialect};
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Annotated, Observed};
use texts::{list, name};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What an object takes besides what its annotations make it take: its key, its marks, the heads of its lists.
const OBJECT: usize = 2 << 10;
/// What its patterns may take together in compiled form (`docs/annotations.md`), with the texts and heads of 32 of them.
const PATTERNS: usize = (64 << 10) + 32 * 512;

/// One test at a time: they count the same memory.
static ALONE: Mutex<()> = Mutex::new(());

/// Issue 9: memory per annotated object at most 4 times its annotations. (246 KiB of `aaa/b,…` took 14 MiB.)
#[test]
fn an_object_takes_at_most_four_times_its_annotations() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (to, namespaces) = ("replicate-to", "replicate-to-namespaces");
    // What it is, where, the annotation, whether it is well-formed, and what its patterns may take besides.
    let cases = [
        ("more items than a list may have", to, list(40_000, |n| format!("{}/b", name(n, 3))), false, 0),
        ("targets", to, list(8_192, |n| format!("{}/b", name(n, 3))), true, 0),
        (
            "targets as short as can be",
            to,
            list(8_192, |n| format!("{}/{}", name(n / 13, 2), name(n % 13, 1))),
            true,
            0,
        ),
        ("targets in one namespace", to, list(8_192, |n| format!("b/{}", name(n, 3))), true, 0),
        ("more targets than an object may name", to, list(8_193, |n| name(n, 3)), false, 0),
        ("names", to, list(8_192, |n| name(n, 3)), true, 0),
        ("namespaces", namespaces, list(16_384, |n| name(n, 3)), true, 0),
        ("exceptions", namespaces, list(16_384, |n| format!("!{}", name(n, 3))), true, 0),
        ("prefixes", namespaces, list(16_384, |n| format!("{}.*", name(n, 3))), true, 0),
        ("the same again and again", namespaces, list(16_384, |_| "a".to_owned()), true, 0),
        ("nothing", namespaces, ",".repeat(200_000), true, 0),
        ("items that name nothing", namespaces, list(16_384, |n| format!("{}-", name(n, 3))), true, 0),
        ("patterns", namespaces, list(16, |n| format!(".*a.{{3}}{}", name(n, 1))), true, PATTERNS),
        ("as large patterns as can be", namespaces, list(10, |n| format!(".*a.{{5}}{}", name(n, 1))), true, PATTERNS),
        (
            "a large repetition",
            namespaces,
            list(3, |n| format!("(?:[a-z0-9-?]){{1000}}_{}", name(n, 1))),
            true,
            PATTERNS,
        ),
        ("too large a pattern", namespaces, ".*a.{20}".to_owned(), false, 0),
        ("too long a pattern", namespaces, "(".repeat(200_000), false, 0),
    ];
    let dialect = Dialect::new("p/", false);
    // What is made once for the whole process.
    let of = |annotation: &str, text: &str| {
        let annotations = serde_json::json!({ format!("p/{annotation}"): text });
        serde_json::json!({"metadata": {"name": "x", "namespace": "a", "annotations": annotations}}).to_string()
    };
    drop(Observed::from_json(&of(namespaces, "a.b,c"), &dialect).unwrap());
    for (what, annotation, text, is_well_formed, patterns) in cases {
        let json = of(annotation, &text);
        let before = ALLOCATOR.allocated();
        let observed = Observed::from_json(&json, &dialect).unwrap();
        let taken = ALLOCATOR.allocated() - before;
        assert_eq!(
            matches!(observed.annotated, Annotated::Well(_)),
            is_well_formed,
            "{what}: {:.200}",
            format!("{:?}", observed.annotated)
        );
        let most = OBJECT + 4 * text.len() + patterns;
        assert!(taken <= most, "{what}: {taken} bytes for {} of annotations", text.len());
    }
}

/// What an object's annotations say besides the one that is hostile: nothing, or that it is a replica, on which nothing is ill-formed.
const ROLES: [&str; 2] = ["", r#""p/replicated-by":"c/d","p/replicated-from-version":"7","#];

/// The most that was taken for a long text, in multiples of it; of which kind that was; and the longest text that is well-formed.
#[derive(Debug, Default)]
struct Worst {
    times: f64,
    what: &'static str,
    well_formed: usize,
}

impl Worst {
    /// Checks what was taken for a text.
    #[track_caller]
    fn take(&mut self, annotation: &str, (what, text, patterns): &(&'static str, String, usize), taken: usize) {
        let most = OBJECT + 4 * text.len() + patterns;
        assert!(taken <= most, "{annotation}, {what}: {taken} bytes for {}: {text:.80}", text.len());
        let times = taken as f64 / text.len() as f64;
        if text.len() > 100 * OBJECT && times > self.times {
            (self.times, self.what) = (times, what);
        }
    }
}

/// Every annotation with every kind of text, in every role; and one that is unknown.
#[test]
fn whatever_annotation_is_hostile_an_object_takes_at_most_four_times_its_text() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dialect = Dialect::new("p/", false);
    let names: Vec<_> = Annotation::ALL.iter().map(|annotation| annotation.name()).chain(["unknown"]).collect();
    let mut all: BTreeMap<&str, Worst> = names.iter().map(|name| (*name, Worst::default())).collect();
    for case in every_text() {
        let text = serde_json::Value::from(&*case.1).to_string();
        for (name, worst) in &mut all {
            for role in ROLES.iter().filter(|role| !role.contains(&format!("/{name}\""))) {
                let annotations = format!(r#"{{{role}"p/{name}":{text}}}"#);
                let json = format!(r#"{{"metadata":{{"name":"x","namespace":"a","annotations":{annotations}}}}}"#);
                let before = ALLOCATOR.allocated();
                let observed = Observed::from_json(&json, &dialect).unwrap();
                worst.take(name, &case, ALLOCATOR.allocated() - before);
                if role.is_empty() && matches!(observed.annotated, Annotated::Well(_)) {
                    worst.well_formed = worst.well_formed.max(case.1.len());
                }
            }
        }
    }
    for (name, Worst { times, what, well_formed }) in &all {
        println!("{name}: {times:.1} times its text at most ({what}); well-formed up to {well_formed} bytes");
    }
    for name in ["replicate-to", "replication-allowed-namespaces", "replicate-keys", "replica-labels"] {
        assert!(all[name].well_formed > 1_000, "{name}: {:?}", all[name]);
    }
}

/// A Namespace too, whose annotations anybody may write who owns it.
#[test]
fn whatever_annotation_of_a_namespace_is_hostile_it_takes_at_most_four_times_its_text() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dialect = Dialect::new("p/", false);
    for name in ["accept-replicas-from", "paused", "replicate-to", "unknown"] {
        let mut worst = Worst::default();
        for case in every_text() {
            let text = serde_json::Value::from(&*case.1).to_string();
            let json = format!(r#"{{"metadata":{{"name":"x","annotations":{{"p/{name}":{text}}}}}}}"#);
            let before = ALLOCATOR.allocated();
            let facts = NamespaceFacts::from_json(json.as_bytes(), &dialect).unwrap();
            worst.take(name, &case, ALLOCATOR.allocated() - before);
            drop(facts);
        }
        println!("{name} of a Namespace: {:.1} times its text at most ({})", worst.times, worst.what);
    }
}

/// Each text, and what its patterns may take besides.
fn every_text() -> impl Iterator<Item = (&'static str, String, usize)> {
    let lists = FORMS.into_iter().flat_map(|(what, form)| forms::texts(form).into_iter().map(move |text| (what, text)));
    let all = lists.chain(LONG.into_iter().map(|(what, text)| (what, text())));
    all.map(|(what, text)| {
        let patterns = if forms::has_patterns(&text) { PATTERNS } else { 0 };
        (what, text, patterns)
    })
}
