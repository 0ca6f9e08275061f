//! How much memory hostile annotations take. In a program of its own: nothing else allocates here.

use std::alloc::System;

use cap::Cap;
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::observed::{Annotated, Observed};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What an object takes besides what its annotations make it take: its key, its marks, the heads of its lists.
const OBJECT: usize = 2 << 10;
/// What its patterns may take together in compiled form (`docs/annotations.md`), with the texts and heads of 32 of them.
const PATTERNS: usize = (64 << 10) + 32 * 512;

/// The n-th name of so many letters.
fn name(n: usize, letters: u32) -> String {
    (0..letters).rev().map(|place| char::from_digit((n / 36_usize.pow(place) % 36) as u32, 36).unwrap_or('a')).collect()
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

/// Issue 9: memory per annotated object at most 4 times its annotations. (246 KiB of `aaa/b,…` took 14 MiB.)
#[test]
fn an_object_takes_at_most_four_times_its_annotations() {
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
