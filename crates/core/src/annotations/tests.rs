//! SPEC 2: every annotation's good and bad values, each with the exact message.

use proptest::prelude::*;

use super::*;

/// Reads annotations of the object `own/it`.
fn parse(annotations: &[(&str, &str)]) -> Result<Option<Marks>, String> {
    Marks::parse(&Key::new("own", "it").unwrap(), annotations.iter().copied()).map_err(|error| error.to_string())
}

fn well(annotations: &[(&str, &str)]) -> Marks {
    parse(annotations).unwrap().unwrap()
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
        "removal-delay",
        "replicated-at",
        "replicated-by",
        "replicated-from-version",
        "replicated-from-origin",
        "replicated-from-allowed",
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
fn whose_an_annotation_is() {
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
    let key = |prefix| Dialect::new(prefix, false).key(Annotation::ReplicatedFromVersion);
    assert_eq!(key("k8s-replicator/"), "k8s-replicator/replicated-from-version");
    assert_eq!(key(""), "replicated-from-version");
}

#[test]
fn no_annotation_is_no_mark() {
    assert_eq!(parse(&[]), Ok(None));
}

#[test]
fn what_is_ill_formed_and_why() {
    let not_boolean = |value: &str| format!("{value:?} is not a boolean; expected \"true\" or \"false\"");
    let list = |item: &str, reason: &str| format!("{item:?} is not a pattern: {reason}");
    let mut cases: Vec<(&str, &str, String)> = Vec::new();
    for reference in ["replicate-from", "replicated-by"] {
        cases.extend([
            (reference, "", "\"\" is not a legal object name".to_owned()),
            (reference, "a/", "\"\" is not a legal object name".to_owned()),
            (reference, "/a", "\"\" is not a legal namespace name".to_owned()),
            (reference, "A", "\"A\" is not a legal object name".to_owned()),
            (reference, "a/B", "\"B\" is not a legal object name".to_owned()),
            (reference, "a.b/c", "\"a.b\" is not a legal namespace name".to_owned()),
            (reference, " a/b", "\" a\" is not a legal namespace name".to_owned()),
            (reference, "a/b ", "\"b \" is not a legal object name".to_owned()),
            (reference, "a,b", "\"a,b\" is not a legal object name".to_owned()),
            (reference, ".*/b", "\".*\" is not a legal namespace name".to_owned()),
            (reference, "../b", "\"..\" is not a legal namespace name".to_owned()),
            (
                reference,
                "a/b/c",
                "\"a/b/c\" has more than one \"/\"; expected \"namespace/name\" or \"name\"".to_owned(),
            ),
        ]);
    }
    for boolean in ["replicate-once", "replication-allowed"] {
        for value in ["", "yes", "no", "on", "2", "-1", "tRUE", "TRue", "fALSE", " true", "true ", "true,", "\"true\""]
        {
            cases.push((boolean, value, not_boolean(value)));
        }
    }
    for namespaces in ["replicate-to-namespaces", "replication-allowed-namespaces", "replicated-from-allowed"] {
        cases.push((namespaces, "(", list("(", "missing closing )")));
        cases.push((namespaces, "a,b,x[", list("x[", "missing closing ]")));
        cases.push((namespaces, "*,a", list("*", "missing argument to repetition operator")));
    }
    cases.extend([
        ("replicate-to-namespaces", "a,b/c", "\"b/c\" has a \"/\"; expected a namespace or a pattern".to_owned()),
        ("replicate-to", "x,Y", "\"Y\" is not a legal object name".to_owned()),
        ("replicate-to", "a/Y", "\"Y\" is not a legal object name".to_owned()),
        ("replicate-to", "x, y", "\" y\" is not a legal object name".to_owned()),
        ("replicate-to", "(/y", list("(", "missing closing )")),
        (
            "replicate-to",
            "x,a/b/c",
            "\"a/b/c\" has more than one \"/\"; expected \"namespace/name\" or \"name\"".to_owned(),
        ),
    ]);
    for (name, value, message) in cases {
        let message = format!("{name}: {message}");
        assert_eq!(parse(&[(name, value)]), Err(message.clone()), "{name}={value:?}");
        // It does not matter what else is there, and that it plays no part.
        let others = [("replication-allowed", "true"), ("replicated-by", "a/b"), ("replicate-once-version", "1")];
        let mut all: Vec<_> = others.into_iter().filter(|(other, _)| *other != name).collect();
        all.push((name, value));
        assert_eq!(parse(&all), Err(message), "{all:?}");
    }
    for name in ["", "replicate", "replicate-from-x", "replicated-to"] {
        let message = format!("unknown annotation {name:?}; --ignore-unknown lets such annotations pass");
        assert_eq!(parse(&[("replicate-from", "a/b"), (name, "")]), Err(message));
    }
}

#[test]
fn long_values_are_cut_in_messages() {
    let long = "Ä".repeat(150);
    let cut = format!("{}…", "Ä".repeat(100));
    let cases = [
        (
            "replicate-once",
            long.clone(),
            format!("replicate-once: {cut:?} is not a boolean; expected \"true\" or \"false\""),
        ),
        ("replicate-from", long.clone(), format!("replicate-from: {cut:?} is not a legal object name")),
        ("replicate-from", format!("{long}/x"), format!("replicate-from: {cut:?} is not a legal namespace name")),
        ("replicate-to", long.clone(), format!("replicate-to: {cut:?} is not a legal object name")),
        (
            "replicate-to-namespaces",
            format!("{long}/"),
            format!("replicate-to-namespaces: {cut:?} has a \"/\"; expected a namespace or a pattern"),
        ),
        (
            "replication-allowed-namespaces",
            format!("{long}("),
            format!("replication-allowed-namespaces: {cut:?} is not a pattern: missing closing )"),
        ),
    ];
    for (name, value, message) in cases {
        assert_eq!(parse(&[(name, &value)]), Err(message));
    }
    let message = format!("unknown annotation {cut:?}; --ignore-unknown lets such annotations pass");
    assert_eq!(parse(&[(&long, "")]), Err(message));
    let longest = "a".repeat(253);
    assert_eq!(well(&[("replicate-from", &longest)]).replicate_from.unwrap().name(), longest);
    assert!(parse(&[("replicate-from", &"a".repeat(254))]).is_err());
}

#[test]
fn booleans() {
    for (values, meaning) in
        [(["1", "t", "T", "TRUE", "true", "True"], true), (["0", "f", "F", "FALSE", "false", "False"], false)]
    {
        for value in values {
            let marks = well(&[("replicate-once", value), ("replication-allowed", value)]);
            assert_eq!((marks.once, marks.allowed), (meaning, Some(meaning)), "{value}");
        }
    }
    let marks = well(&[("replicate-once-version", "")]);
    assert_eq!((marks.once, marks.allowed), (false, None), "absent");
}

#[test]
fn references() {
    for (value, key) in [("x", "own/x"), ("a/x", "a/x"), ("a/x.y", "a/x.y"), ("it", "own/it"), ("0/0", "0/0")] {
        let marks = well(&[("replicate-from", value), ("replicated-by", value)]);
        assert_eq!(marks.replicate_from.as_ref().map(|key| key.as_str()), Some(key), "{value}");
        assert_eq!(marks.replicated_by.as_ref().map(|key| key.as_str()), Some(key), "{value}");
    }
}

#[test]
fn a_combined_object_does_not_name_itself() {
    let itself = |name: &str| Err(format!("{name}: a source that pushes cannot name itself"));
    for own in ["it", "own/it"] {
        for push in [("replicate-to", "x"), ("replicate-to", ""), ("replicate-to-namespaces", "a")] {
            assert_eq!(parse(&[("replicate-from", own), push]), itself("replicate-from"), "{own} {push:?}");
            let by = [("replicate-from", "a/x"), ("replicated-by", own), push];
            assert_eq!(parse(&by), itself("replicated-by"), "{own} {push:?}");
            assert!(parse(&[("replicated-by", own), push]).is_ok(), "it pushes, but does not pull");
        }
        assert!(parse(&[("replicate-from", own)]).is_ok(), "it does not push");
    }
    assert!(parse(&[("replicate-from", "other/it"), ("replicate-to", "x")]).is_ok());
}

#[test]
fn lists_and_texts() {
    let marks = well(&[
        ("replicated-from-version", "007"),
        ("replicated-from-allowed", "-"),
        ("replication-allowed-namespaces", "a,,b.*"),
        ("replicate-once-version", " any, \"text\" "),
        ("replicated-at", "not a time"),
        ("replicated-from-origin", "not/a/key"),
    ]);
    assert_eq!(marks.from_version, Some(ResourceVersion::new("007")));
    assert_ne!(marks.from_version, Some(ResourceVersion::new("7")));
    let allowed = marks.from_allowed.as_deref().unwrap();
    assert!(!allowed.matches("a") && !allowed.matches("-"));
    let list = marks.allowed_namespaces.as_deref().unwrap();
    assert_eq!(["a", "b", "bc", "c"].map(|namespace| list.matches(namespace)), [true, true, true, false]);
    let text = |annotation| marks.text(annotation).map(|text| &**text);
    assert_eq!(text(Annotation::ReplicateOnceVersion), Some(" any, \"text\" "), "word for word");
    assert_eq!(text(Annotation::ReplicatedFromOrigin), Some("not/a/key"));
    assert_eq!(text(Annotation::ReplicatedAt), None, "nothing is decided on it");
    assert_eq!(text(Annotation::ReplicationAllowedNamespaces), Some("a,,b.*"));
    assert_eq!(text(Annotation::ReplicateTo), None);

    let all = well(&[("replicated-from-allowed", ".*"), ("replication-allowed-namespaces", "")]);
    assert!(all.from_allowed.unwrap().matches("any"));
    assert!(!all.allowed_namespaces.unwrap().matches("any"), "an empty list names nothing");
    assert!(well(&[("replicated-from-allowed", "ns-.,b")]).from_allowed.unwrap().matches("b"));
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
                for (name, value) in pairs {
                    let annotation = Annotation::from_name(name).unwrap();
                    let kept = Some(value).filter(|_| annotation != Annotation::ReplicatedAt);
                    prop_assert_eq!(marks.text(annotation).map(|text| &**text), kept);
                    prop_assert!(parse(&[(name, value)]).is_ok());
                }
            }
            Err(message) => prop_assert!(message.chars().count() < 500, "{}", message),
        }
    }
}
