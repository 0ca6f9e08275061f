//! SPEC 2: every annotation's good and bad values, each with the exact message.

mod lists;
mod values;

use proptest::prelude::*;

use super::*;
use crate::advice::MAX_ADVICE;
use crate::pattern::{MAX_ITEMS, MAX_PATTERNS};
use crate::reason::Reason;

/// Reads annotations of the object `own/it`.
fn parse(annotations: &[(&str, &str)]) -> Result<Option<Marks>, String> {
    Marks::parse(&Key::new("own", "it").unwrap(), annotations.iter().copied()).map_err(|error| error.to_string())
}

fn ill(annotations: &[(&str, &str)]) -> IllFormed {
    Marks::parse(&Key::new("own", "it").unwrap(), annotations.iter().copied()).unwrap_err()
}

fn well(annotations: &[(&str, &str)]) -> Marks {
    parse(annotations).unwrap().unwrap()
}

/// Well-formed annotations, with the advice on them.
fn read(annotations: &[(&str, &str)]) -> (Marks, Vec<(Reason, String)>) {
    let mut advice = Vec::new();
    let annotations = annotations.iter().map(|(name, value)| (*name, Value::Text(value)));
    let marks = Marks::read(&Key::new("own", "it").unwrap(), annotations, &mut advice).unwrap().unwrap();
    advise(&marks, &mut advice);
    (marks, advice.into_iter().map(|advice| (advice.reason, advice.detail)).collect())
}

#[test]
fn the_names_are_those_of_the_contract() {
    let names: Vec<&str> = Annotation::ALL.iter().map(|annotation| annotation.name()).collect();
    let expected = [
        "replicate-from",
        "replicate-to",
        "replicate-to-namespaces",
        "replicate-once",
        "replicate-once-version",
        "replication-allowed",
        "replication-allowed-namespaces",
        "replicate-to-namespace-selector",
        "replication-allowed-namespace-selector",
        "replicate-keys",
        "replication-allowed-keys",
        "replicate-type",
        "replicate-labels",
        "replicate-annotations",
        "replica-labels",
        "paused",
        "accept-replicas-from",
        "removal-approved",
        "removal-delay",
        "replicated-at",
        "replicated-by",
        "replicated-from-version",
        "replicated-from-origin",
        "replicated-from-allowed",
        "replicated-keys",
        "replicated-labels",
        "replicated-annotations",
    ];
    assert_eq!(names, expected);
    for annotation in Annotation::ALL {
        assert_eq!(Annotation::from_name(annotation.name()), Some(*annotation));
    }
    for other in ["", "replicate", "Replicate-From", "replicate-from ", "k8s-replicator/replicate-from"] {
        assert_eq!(Annotation::from_name(other), None, "{other:?}");
    }
}

#[test]
fn which_annotations_are_this_programs() {
    // The prefix, --ignore-unknown, the key in the metadata, the name after the prefix.
    let cases = [
        ("k8s-replicator/", false, "k8s-replicator/replicate-to", Some("replicate-to")),
        ("k8s-replicator/", true, "k8s-replicator/replicate-to", Some("replicate-to")),
        ("k8s-replicator/", false, "k8s-replicator/replicate-too", Some("replicate-too")),
        ("k8s-replicator/", true, "k8s-replicator/replicate-too", None),
        ("k8s-replicator/", false, "k8s-replicator/", Some("")),
        ("k8s-replicator/", true, "k8s-replicator/", None),
        ("k8s-replicator/", false, "k8s-replicator", None),
        ("k8s-replicator/", false, "replicate-to", None),
        ("k8s-replicator/", false, "k8s-replicator-x/replicate-to", None),
        ("k8s-replicator/", false, "x.k8s-replicator/replicate-to", None),
        ("k8s-replicator/", false, "kubectl.kubernetes.io/last-applied-configuration", None),
        ("", false, "replicate-to", Some("replicate-to")),
        ("", false, "replicate-too", None),
        ("", false, "k8s-replicator/replicate-to", None),
        ("", true, "replicate-too", None),
    ];
    for (prefix, ignore_unknown, key, name) in cases {
        assert_eq!(Dialect::new(prefix, ignore_unknown).name(key), name, "{prefix:?} {ignore_unknown} {key:?}");
    }
    for (prefix, key) in
        [("k8s-replicator/", "k8s-replicator/replicated-from-version"), ("", "replicated-from-version")]
    {
        let dialect = Dialect::new(prefix, false);
        assert_eq!((dialect.prefix(), &*dialect.key(Annotation::ReplicatedFromVersion)), (prefix, key));
    }
}

#[test]
fn no_annotation_is_no_mark() {
    assert_eq!(parse(&[]), Ok(None));
}

#[test]
fn of_an_annotation_that_comes_twice_the_last_counts() {
    let marks =
        well(&[("replicated-by", "x"), ("replicate-once", "x"), ("replicated-by", "a/b"), ("replicate-once", "1")]);
    assert_eq!((marks.replicated_by.unwrap().as_str(), marks.once), ("a/b", true));
}

/// 20,000 sources that all said `replicate-to-namespaces: b` had one hash, and took 17 s to be put into a table.
#[test]
fn marks_are_alike_only_where_they_mean_the_same() {
    let of = |own: &str, annotations: &[(&str, &str)]| {
        Marks::parse(&Key::resolve(own, "").unwrap(), annotations.iter().copied()).unwrap().unwrap()
    };
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, bool);
    let cases: &[Case<'_>] = &[
        (&[("replicate-to-namespaces", "b")], "a/x", "a/y", false),
        (&[("replicate-to-namespaces", "b")], "a/x", "c/x", true),
        (&[("replicate-to", "x")], "a/x", "c/x", false),
        (&[("replicate-to", "x")], "a/x", "a/y", true),
        (&[("replicate-to", "x"), ("replicate-to-namespaces", "b")], "a/x", "c/y", true),
        (&[("replicate-to", "x"), ("replicate-to-namespace-selector", "env=prod")], "a/x", "c/y", true),
        (&[("replicate-to-namespace-selector", "env=prod")], "a/x", "c/x", true),
        (&[("replicate-to-namespace-selector", "env=prod")], "a/x", "a/y", false),
        (&[("replicate-from", "x")], "a/s", "b/s", false),
        (&[("replicate-from", "x")], "a/s", "a/t", true),
        (&[("replicate-from", "c/x")], "a/s", "b/t", true),
        (&[("replicated-by", "c/x"), ("replicated-from-version", "1")], "a/s", "b/t", true),
    ];
    for (annotations, one, other, alike) in cases {
        let (one, other) = (of(one, annotations), of(other, annotations));
        assert_eq!((one == other, one.hash == other.hash), (*alike, *alike), "{annotations:?}");
        assert_eq!(one, one.clone());
    }
    let sources: Vec<Marks> = (0..1000).map(|n| of(&format!("a/x{n}"), &[("replicate-to-namespaces", "b")])).collect();
    let mut hashes: Vec<u64> = sources.iter().map(|marks| marks.hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), sources.len());
}

#[test]
fn who_pushes_and_who_is_a_target() {
    let (from, by, to) = (("replicate-from", "a/x"), ("replicated-by", "a/y"), ("replicate-to", "b/z"));
    // Whether it pushes, and whether it is a target.
    type Case<'a> = (&'a [(&'a str, &'a str)], bool, bool);
    let cases: [Case<'_>; 11] = [
        (&[from], false, true),
        (&[by], false, true),
        (&[to], true, false),
        (&[from, by], false, true),
        (&[from, to], true, false),
        (&[by, to], false, true),
        (&[from, by, to], false, true),
        (&[("replicate-to", "")], true, false),
        (&[("replicate-to-namespaces", ""), from], true, false),
        (&[("replication-allowed", "true")], false, false),
        (&[("replicated-from-version", "1"), ("replicated-at", "")], false, false),
    ];
    for (annotations, pushes, is_target) in cases {
        let marks = well(annotations);
        assert_eq!((marks.effective_push().is_some(), marks.is_target()), (pushes, is_target), "{annotations:?}");
    }
}

#[test]
fn the_order_of_the_annotations_does_not_matter() {
    let all = [
        ("replicate-from", "a/x"),
        ("replicate-to", "x"),
        ("replicate-once", "true"),
        ("replicated-from-version", "1"),
        ("replication-allowed", "false"),
    ];
    let mut reversed = all;
    reversed.reverse();
    assert_eq!(well(&all), well(&reversed));
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c/.,*()\\[\\]{}|\\\\-]{0,12}",
        "\\PC{0,8}",
        any::<String>(),
        proptest::sample::select(
            &["true", "a/b", "x,y", ".*", "-", "", "a{1000}{1000}", "\\Q(\\E", "(?i)a", "[[:alpha:]]"][..]
        )
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn reading_never_panics_and_is_all_or_nothing(
        annotations in proptest::collection::vec((proptest::option::of(0..Annotation::ALL.len()), any_text(), any_text()), 0..6),
    ) {
        let name = |(known, other, _): &(Option<usize>, String, String)| match known {
            Some(index) => Annotation::ALL[*index].name().to_owned(),
            None => other.clone(),
        };
        let all: std::collections::BTreeMap<String, String> =
            annotations.iter().map(|annotation| (name(annotation), annotation.2.clone())).collect();
        let pairs: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let whole = parse(&pairs);
        prop_assert_eq!(&whole, &parse(&pairs));
        match whole {
            Ok(None) => prop_assert!(pairs.is_empty()),
            Ok(Some(marks)) => {
                let is_replica = marks.replicated_by.is_some();
                for (name, value) in pairs {
                    if is_replica && Annotation::from_name(name).is_none() {
                        continue;
                    }
                    let annotation = Annotation::from_name(name).unwrap();
                    let kept = Some(value).filter(|_| annotation != Annotation::ReplicatedAt);
                    prop_assert_eq!(marks.text(annotation).map(|text| &**text), kept);
                    prop_assert!(is_replica || parse(&[(name, value)]).is_ok());
                }
            }
            Err(message) => prop_assert!(message.chars().count() < 600, "{}", message),
        }
    }
}

#[test]
fn what_is_handed_down_is_narrowed_once() {
    let pulls = [("replicate-from", "a/x"), ("replicated-from-version", "1")];
    for (own, above, handed_down) in [
        (None, None, ".*"),
        (Some("b,c"), None, "b,c"),
        (None, Some("b,d"), "b,d"),
        (Some("b,c"), Some("b,d"), "b"),
        (Some("b,c"), Some("-"), "-"),
    ] {
        let own = own.map(|list| ("replication-allowed-namespaces", list));
        let above = above.map(|list| ("replicated-from-allowed", list));
        let marks = well(&pulls.into_iter().chain(own).chain(above).collect::<Vec<_>>());
        let first = marks.handed_down();
        assert_eq!(*first, *handed_down);
        assert!(std::sync::Arc::ptr_eq(&first, &marks.handed_down()), "it is the text that was computed before");
    }
    // Of an object that does not pull, what a chain once handed down to it does not count.
    let marks = well(&[("replication-allowed-namespaces", "b,c"), ("replicated-from-allowed", "b")]);
    assert_eq!(*marks.handed_down(), *"b,c");
}
