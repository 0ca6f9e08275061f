//! How much memory a replica takes, and how much others' annotations take. In a program of its own: nothing else allocates here.

#[path = "../benches/texts/forms.rs"]
mod forms;
#[path = "../benches/texts/mod.rs"]
#[allow(dead_code, reason = "shared with a bench")]
mod texts;
#[path = "../benches/world/mod.rs"]
mod world;

use std::alloc::System;

use std::sync::Mutex;

use cap::Cap;
use forms::{FORMS, LONG};
use k8s_replicator_core::annotations::Annotation;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Annotated, Observed};
use k8s_replicator_core::pattern::MAX_ITEMS;
use k8s_replicator_core::push::MAX_TARGETS;
use world::World;
use world::hostile::{graph, items, object};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Half a KiB is promised, with what an allocator adds; what is there must not grow towards it unseen.
const MOST: usize = 300;

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

/// What the patterns of an object, and of its selections, may take together in compiled form (`docs/annotations.md`), with the texts and
/// heads of 32 of them.
const COMPILED: usize = (64 << 10) + 32 * 512;

/// The long ones of the texts of `forms` (short ones cost what any object does, and are read in the test `hostile`), and what their
/// patterns may take besides.
fn long_texts() -> impl Iterator<Item = (&'static str, String, usize)> {
    let lists = FORMS.iter().flat_map(|(what, form)| forms::texts(*form).into_iter().map(move |text| (*what, text)));
    let all = lists.chain(LONG.iter().map(|(what, text)| (*what, text())));
    all.filter(|(_, text)| text.len() > 4_096).map(|(what, text)| {
        let patterns = if forms::has_patterns(&text) { COMPILED } else { 0 };
        (what, text, patterns)
    })
}

/// Of an object, or a Namespace, whose annotation is this text, the graph keeps at most four times the text, also when it is updated.
/// `patterns`: what its patterns may take beside.
fn keeps_four_times(
    annotation: &str,
    what: &str,
    text: &str,
    patterns: usize,
    mut update: impl FnMut(&mut Graph, usize),
) {
    const OBJECT: usize = 3 << 10;
    let mut graph = graph(10, std::iter::empty());
    let before = ALLOCATOR.allocated();
    for n in 0..2 {
        update(&mut graph, n);
        let (taken, most) = (ALLOCATOR.allocated() - before, OBJECT + 4 * text.len() + patterns);
        assert!(taken <= most, "{annotation}, {what}: {taken} bytes for {} after {n} updates: {text:.80}", text.len());
    }
}

/// The same of every annotation, with every kind of text: what is read, what the graph keeps, and what several updates leave.
#[test]
fn whatever_annotation_is_hostile_the_graph_keeps_at_most_four_times_its_text() {
    let _alone = ALONE.lock();
    let dialect = World::dialect();
    let known = Annotation::ALL.iter().map(|annotation| annotation.name());
    for annotation in known.chain(["unknown"]) {
        for (what, text, patterns) in long_texts() {
            let observed = |n: usize| {
                // Each update is of another list.
                let annotations =
                    serde_json::json!({ dialect.prefix().to_owned() + annotation: format!("{text},v{n}") });
                let metadata = serde_json::json!({ "namespace": "central", "name": "s", "uid": "u", "resourceVersion": (n + 1).to_string(), "annotations": annotations });
                Observed::from_json(&serde_json::json!({ "metadata": metadata }).to_string(), &dialect).unwrap()
            };
            keeps_four_times(annotation, what, &text, patterns, |graph, n| drop(graph.observe(observed(n))));
        }
    }
}

/// And of a Namespace.
#[test]
fn whatever_a_namespace_says_the_graph_keeps_at_most_four_times_its_text() {
    let _alone = ALONE.lock();
    let dialect = World::dialect();
    for annotation in [Annotation::AcceptReplicasFrom, Annotation::Paused, Annotation::ReplicateTo] {
        for (what, text, patterns) in long_texts() {
            let facts = |n: usize| {
                let annotations = serde_json::json!({ dialect.key(annotation): format!("{text},v{n}") });
                let metadata = serde_json::json!({ "name": "team-00001", "annotations": annotations });
                let json = serde_json::json!({ "metadata": metadata }).to_string();
                NamespaceFacts::from_json(json.as_bytes(), &dialect).unwrap().1
            };
            let update = |graph: &mut Graph, n| drop(graph.observe_namespace("team-00001", facts(n)));
            keeps_four_times(annotation.name(), what, &text, patterns, update);
        }
    }
}

/// Annotations of others are kept where a source's are copied to its replicas (SPEC 11.6), and not else.
#[test]
fn what_a_source_hands_on_takes_at_most_four_times_its_text() {
    const OBJECT: usize = 4 << 10;
    let _alone = ALONE.lock();
    let dialect = World::dialect();
    for (copied, count) in [(0, 1), (1, 1), (1, 128), (1, 129), (1, 3_000)] {
        let value = "v".repeat(texts::LARGEST / count - 20);
        let mut annotations: serde_json::Map<_, _> =
            (0..count).map(|n| (format!("example.com/a{n}"), value.clone().into())).collect();
        annotations.insert(dialect.key(Annotation::ReplicateToNamespaces), "team-00001".into());
        if copied == 1 {
            annotations.insert(dialect.key(Annotation::ReplicateAnnotations), "example.com/*".into());
        }
        let observed = |n: usize| {
            let metadata = serde_json::json!({ "namespace": "central", "name": "s", "uid": "u", "resourceVersion": (n + 1).to_string(), "annotations": annotations });
            Observed::from_json(&serde_json::json!({ "metadata": metadata }).to_string(), &dialect).unwrap()
        };
        let mut graph = graph(10, std::iter::empty());
        let before = ALLOCATOR.allocated();
        (0..4).for_each(|n| drop(graph.observe(observed(n))));
        let taken = ALLOCATOR.allocated() - before;
        let most = if copied == 1 { OBJECT + 4 * count * value.len() } else { OBJECT };
        assert!(taken <= most, "{count} annotations, copied {copied}: {taken} bytes");
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
