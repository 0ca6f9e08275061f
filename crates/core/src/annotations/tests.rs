//! SPEC 2: every annotation's good and bad values, each with the exact message.

use proptest::prelude::*;

use super::*;
use crate::advice::MAX_ADVICE;
use crate::pattern::{MAX_ITEMS, MAX_PATTERNS};
use crate::reason::Reason;

/// Reads annotations of the object `own/it`.
fn parse(annotations: &[(&str, &str)]) -> Result<Option<Marks>, String> {
    Marks::parse(&Key::new("own", "it").unwrap(), annotations.iter().copied()).map_err(|error| error.to_string())
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
            (reference, "", "\"\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
            (reference, "a/", "\"\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
            (reference, "/a", "\"\" is not a legal namespace name; expected lower-case letters, digits and dashes, at most 63, with a letter or digit at either end".to_owned()),
            (reference, "A", "\"A\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
            (reference, "a/B", "\"B\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
            (reference, "a.b/c", "\"a.b\" is not a legal namespace name; expected lower-case letters, digits and dashes, at most 63, with a letter or digit at either end".to_owned()),
            (reference, "a /b", "\"a \" is not a legal namespace name; expected lower-case letters, digits and dashes, at most 63, with a letter or digit at either end".to_owned()),
            (reference, "a/ b", "\" b\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
            (reference, "a,b", "\"a,b\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
            (reference, ".*/b", "\".*\" is not a legal namespace name; expected lower-case letters, digits and dashes, at most 63, with a letter or digit at either end".to_owned()),
            (reference, "../b", "\"..\" is not a legal namespace name; expected lower-case letters, digits and dashes, at most 63, with a letter or digit at either end".to_owned()),
            (
                reference,
                "a/b/c",
                "\"a/b/c\" has more than one \"/\"; expected \"namespace/name\" or \"name\"".to_owned(),
            ),
        ]);
    }
    for boolean in ["replicate-once", "replication-allowed"] {
        for value in ["", "yes", "no", "on", "2", "-1", "tRUE", "TRue", "fALSE", "t rue", "true,", "\"true\""] {
            cases.push((boolean, value, not_boolean(value)));
        }
    }
    for namespaces in ["replicate-to-namespaces", "replication-allowed-namespaces", "replicated-from-allowed"] {
        cases.push((namespaces, "(", list("(", "missing closing )")));
        cases.push((namespaces, "a,b,x[", list("x[", "missing closing ]")));
        cases.push((
            namespaces,
            "*,a",
            list("*", "missing argument to repetition operator; for any text write \".*\", not \"*\""),
        ));
    }
    cases.extend([
        ("replicate-to-namespaces", "a,b/c", "\"b/c\" has a \"/\"; expected a namespace or a pattern".to_owned()),
        ("replicate-to", "x,Y", "\"Y\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
        ("replicate-to", "a/Y", "\"Y\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
        ("replicate-to", "x y", "\"x y\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
        ("replicated-by", "b", "\"b\" has no namespace; expected \"namespace/name\"".to_owned()),
        ("removal-delay", "5", "\"5\" is not a duration; expected one such as \"90s\" or \"1h30m\", or \"never\"".to_owned()),
        (
            "replicate-to",
            "x, !b/y",
            "\"!b/y\" begins with \"!\", which takes away a namespace; expected \"namespace/name\" or \"name\" here, and \
             the exception in replicate-to-namespaces"
                .to_owned(),
        ),
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
        let others = [("replication-allowed", "true"), ("replicate-from", "a/b"), ("replicate-once-version", "1")];
        let mut all: Vec<_> = others.into_iter().filter(|(other, _)| *other != name).collect();
        all.push((name, value));
        assert_eq!(parse(&all), Err(message.clone()), "{all:?}");
        // A replica is the controller's: there it is advice, and the annotation is as if it were not there.
        if name != "replicated-by" {
            all.push(("replicated-by", "a/c"));
            let (marks, advice) = read(&all);
            let without: Vec<_> = all.iter().copied().filter(|(other, _)| *other != name).collect();
            let without = well(&without);
            assert_eq!(marks.replicate_from, without.replicate_from, "{all:?}");
            assert_eq!(
                (marks.once, marks.allowed, marks.removal_delay),
                (without.once, without.allowed, None),
                "{all:?}"
            );
            assert!(marks.push.is_none() && marks.allowed_namespaces.is_none() && marks.from_allowed.is_none());
            let detail = format!("{message}; it is passed over, since the controller manages this replica");
            assert_eq!(advice, [(Reason::UnknownAnnotation, detail)], "{all:?}");
            assert_eq!(
                marks.text(Annotation::from_name(name).unwrap()).map(|text| &**text),
                Some(value),
                "to be put right"
            );
        }
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
        (
            "replicate-from",
            long.clone(),
            format!(
                "replicate-from: {cut:?} is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end"
            ),
        ),
        (
            "replicate-from",
            format!("{long}/x"),
            format!(
                "replicate-from: {cut:?} is not a legal namespace name; expected lower-case letters, digits and dashes, at most 63, with a letter or digit at either end"
            ),
        ),
        (
            "replicate-to",
            long.clone(),
            format!(
                "replicate-to: {cut:?} is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end"
            ),
        ),
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
            for value in [value, &format!(" {value}\n")] {
                let marks = well(&[("replicate-once", value), ("replication-allowed", value)]);
                assert_eq!((marks.once, marks.allowed), (meaning, Some(meaning)), "{value:?}");
            }
        }
    }
    let marks = well(&[("replicate-once-version", "")]);
    assert_eq!((marks.once, marks.allowed), (false, None), "absent");
}

#[test]
fn removal_delays() {
    let delay = |value| well(&[("removal-delay", value)]).removal_delay;
    assert_eq!(delay("1h30m"), Some(RemovalDelay::After(Duration::from_secs(5400))));
    assert_eq!(delay(" 0 "), Some(RemovalDelay::After(Duration::ZERO)));
    assert_eq!(delay("never\n"), Some(RemovalDelay::Never));
    assert_eq!(well(&[("replicate-once", "true")]).removal_delay, None);
}

#[test]
fn references() {
    for (value, key) in [("a/x", "a/x"), ("a/x.y", "a/x.y"), ("0/0", "0/0"), (" a/x\n", "a/x")] {
        let marks = well(&[("replicate-from", value), ("replicated-by", value)]);
        assert_eq!(marks.replicate_from.as_ref().map(|key| key.as_str()), Some(key), "{value}");
        assert_eq!(marks.replicated_by.as_ref().map(|key| key.as_str()), Some(key), "{value}");
    }
    for (value, key) in [("x", "own/x"), ("it", "own/it"), ("x ", "own/x")] {
        let marks = well(&[("replicate-from", value)]);
        assert_eq!(marks.replicate_from.as_ref().map(|key| key.as_str()), Some(key), "{value}");
    }
}

#[test]
fn a_combined_object_does_not_name_itself() {
    let itself = |name: &str| Err(format!("{name}: a source that pushes cannot name itself"));
    for push in [("replicate-to", "x"), ("replicate-to", ""), ("replicate-to-namespaces", "a")] {
        for own in ["it", "own/it"] {
            assert_eq!(parse(&[("replicate-from", own), push]), itself("replicate-from"), "{own} {push:?}");
        }
        let by = [("replicate-from", "a/x"), ("replicated-by", "own/it"), push];
        assert_eq!(parse(&by), itself("replicated-by"), "{push:?}");
        assert!(parse(&[("replicated-by", "own/it"), push]).is_ok(), "it pushes, but does not pull");
    }
    assert!(parse(&[("replicate-from", "it")]).is_ok(), "it does not push");
    assert!(parse(&[("replicate-from", "other/it"), ("replicate-to", "x")]).is_ok());
}

#[test]
fn a_value_that_is_no_text() {
    let read = |annotations: &[(&str, Value<'_>)]| {
        let mut advice = Vec::new();
        let read = Marks::read(&Key::new("own", "it").unwrap(), annotations.iter().copied(), &mut advice);
        (read.map_err(|error| error.to_string()), advice.len())
    };
    for annotation in Annotation::ALL {
        let not_text = (annotation.name(), Value::NotText);
        let message = format!("{}: the value is not a text in UTF-8", annotation.name());
        assert_eq!(read(&[("replicate-from", Value::Text("a/x")), not_text]), (Err(message), 0));
        let by = ("replicated-by", Value::Text("a/b"));
        let (marks, advice) = read(&[not_text, by]);
        assert_eq!(
            (marks.unwrap().unwrap().replicated_by.is_some(), advice),
            (true, usize::from(*annotation != Annotation::ReplicatedBy))
        );
    }
}

/// SPEC 2: whom a replica's consent leaves out is not known where it is no text; it is not as if there were none.
#[test]
fn a_consent_that_is_no_text_is_not_taken_for_absent() {
    let says_who = [
        "replicate-from",
        "replication-allowed",
        "replication-allowed-namespaces",
        "replication-allowed-namespace-selector",
        "replication-allowed-keys",
        "replicated-from-allowed",
        "replicated-keys",
    ];
    let read = |annotations: &[(&str, Value<'_>)]| {
        let read = Marks::read(&Key::new("own", "it").unwrap(), annotations.iter().copied(), &mut Vec::new());
        read.unwrap().unwrap()
    };
    let by = ("replicated-by", Value::Text("a/b"));
    for annotation in Annotation::ALL.iter().filter(|annotation| **annotation != Annotation::ReplicatedBy) {
        let name = annotation.name();
        let marks = read(&[by, (name, Value::NotText)]);
        assert_eq!(marks.unsure, says_who.contains(&name), "{name}");
        // What pauses a replica is not known where it is no text: it is paused.
        assert_eq!(marks.paused, name == "paused", "{name}");
        // Each is to be put right, but for the time that each write sets.
        let is_put_right = *annotation != Annotation::ReplicatedAt;
        assert_eq!((marks.has(*annotation), marks != read(&[by])), (is_put_right, is_put_right), "{name}");
    }
}

#[test]
fn of_an_annotation_that_comes_twice_the_last_counts() {
    let marks =
        well(&[("replicated-by", "x"), ("replicate-once", "x"), ("replicated-by", "a/b"), ("replicate-once", "1")]);
    assert_eq!((marks.replicated_by.unwrap().as_str(), marks.once), ("a/b", true));
}

/// Issue 9, section 4: what people write in lists is served or advised.
#[test]
fn what_people_write_in_lists() {
    const NAMESPACES: [&str; 8] = ["a", "b", "team", "team-", "team-x", "kube-system", "prod", "it"];
    // A list; the namespaces above that it names; the advice on it.
    type Case<'a> = (&'a str, &'a [&'a str], &'a [(Reason, &'a str)]);
    let nothing = Reason::ItemNamesNothing;
    let cases: &[Case<'_>] = &[
        ("a, b", &["a", "b"], &[]),
        // Block scalars: `|` keeps line feeds, `>-` makes spaces of them, so that commas are needed.
        ("a\nb\n", &["a", "b"], &[]),
        ("a,\nb,\n", &["a", "b"], &[]),
        ("a, b", &["a", "b"], &[]),
        (
            "a b",
            &[],
            &[
                (
                    nothing,
                    "no namespace has a name that \"a b\" matches: it has a space; separate items with commas: \"a,b\"",
                ),
                (Reason::ListNamesNothing, "none of the items can name a namespace"),
            ],
        ),
        (
            "\u{201c}a\u{201d},b",
            &["b"],
            &[(nothing, "no namespace has a name that \"\u{201c}a\u{201d}\" matches: it has a quote; write \"a\"")],
        ),
        ("'a',b", &["b"], &[(nothing, "no namespace has a name that \"'a'\" matches: it has a quote; write \"a\"")]),
        (
            "team-*",
            &["team", "team-"],
            &[(
                Reason::LooksLikeGlob,
                "\"team-*\" is a regular expression, in which \"*\" repeats what is before it; for any text write \"team-.*\"",
            )],
        ),
        (
            "b,!team*",
            &["b"],
            &[(
                Reason::LooksLikeGlob,
                "\"!team*\" is a regular expression, in which \"*\" repeats what is before it; for any text write \"team.*\"",
            )],
        ),
        (
            "{a,b}",
            &[],
            &[
                (
                    nothing,
                    "no namespace has a name that \"{a\" matches: a comma ends an item within braces too; write each namespace in full, not in braces, as \"a\"",
                ),
                (
                    nothing,
                    "no namespace has a name that \"b}\" matches: a comma ends an item within braces too; write each namespace in full, not in braces, as \"b\"",
                ),
                (Reason::ListNamesNothing, "none of the items can name a namespace"),
            ],
        ),
        (
            "a,B",
            &["a"],
            &[(
                nothing,
                "no namespace has a name that \"B\" matches: names of namespaces have no upper-case letters; write \"b\"",
            )],
        ),
        (
            "Team-.*,a",
            &["a"],
            &[(
                nothing,
                "no namespace has a name that \"Team-.*\" matches: names of namespaces have no upper-case letters; write \"team-.*\"",
            )],
        ),
        (
            "a,${NAMESPACE}",
            &["a"],
            &[(
                nothing,
                "no namespace has a name that \"${NAMESPACE}\" matches: it has a variable that was not replaced; write its value",
            )],
        ),
        (
            "a,team-.",
            &["a"],
            &[(
                nothing,
                "no namespace has a name that \"team-.\" matches: a dot alone makes no pattern; write \"team-.*\"",
            )],
        ),
        (
            "a,-.*",
            &["a"],
            &[(
                nothing,
                "no namespace has a name that \"-.*\" matches: a name has lower-case letters, digits and dashes, begins and ends with a letter or digit, and has at most 63 characters",
            )],
        ),
        ("", &[], &[(Reason::ListNamesNothing, "the list is empty, so that it names no namespace")]),
        (" ,\n", &[], &[(Reason::ListNamesNothing, "the list is empty, so that it names no namespace")]),
        (
            "!a",
            &[],
            &[(
                Reason::ListNamesNothing,
                "all items begin with \"!\", which only takes away; add what they are taken from, such as \".*\"",
            )],
        ),
        (".*,!kube-system", &["a", "b", "team", "team-x", "prod", "it"], &[]),
        // Upper case, stars and spaces that mean something.
        (r"(?i)A|\D+|[A-Z]*p.*|it", &["a", "b", "team", "team-x", "kube-system", "prod", "it"], &[]),
        ("[a-z]*-x", &["team-x"], &[]),
    ];
    for (text, named, expected) in cases {
        for annotation in ["replicate-to-namespaces", "replication-allowed-namespaces"] {
            let (marks, advice) = read(&[(annotation, text)]);
            let matches = |namespace: &str| match &marks.push {
                Some(push) => {
                    push.names(&Key::new(namespace, "it").unwrap(), crate::namespace::NamespaceFacts::UNKNOWN)
                }
                None => marks
                    .allowed_namespaces
                    .as_ref()
                    .unwrap()
                    .names(namespace, crate::namespace::NamespaceFacts::UNKNOWN),
            };
            let legal = NAMESPACES.into_iter().filter(|namespace| !namespace.ends_with('-'));
            let expected_names: Vec<_> = named.iter().copied().filter(|namespace| !namespace.ends_with('-')).collect();
            assert_eq!(
                legal.filter(|namespace| matches(namespace)).collect::<Vec<_>>(),
                expected_names,
                "{annotation} {text:?}"
            );
            let expected: Vec<_> =
                expected.iter().map(|(reason, detail)| (*reason, format!("{annotation}: {detail}"))).collect();
            assert_eq!(advice, expected, "{text:?}");
            // On a replica it is its source's business.
            assert_eq!(read(&[(annotation, text), ("replicated-by", "a/b")]).1, [], "{text:?}");
        }
    }
    // The namespaces of `replicate-to`.
    for (text, expected) in [
        ("", Some((Reason::ListNamesNothing, "replicate-to: the list is empty, so that nothing is pushed"))),
        ("x", None),
        ("a/x, team-.*/y", None),
        (
            "team-*/x",
            Some((
                Reason::LooksLikeGlob,
                "replicate-to: \"team-*/x\" is a regular expression, in which \"*\" repeats what is before it; for any text write \"team-.*\"",
            )),
        ),
        (
            "A/x",
            Some((
                nothing,
                "replicate-to: no namespace has a name that \"A/x\" matches: names of namespaces have no upper-case letters; write \"a\"",
            )),
        ),
        (
            "/x",
            Some((
                nothing,
                "replicate-to: no namespace has a name that \"/x\" matches: a name has lower-case letters, digits and dashes, begins and ends with a letter or digit, and has at most 63 characters",
            )),
        ),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|(reason, detail)| (reason, detail.to_owned())).collect();
        assert_eq!(read(&[("replicate-to", text)]).1, expected, "{text:?}");
    }
    assert_eq!(
        read(&[("replicated-from-allowed", "{a}"), ("replicate-from", "a/b")]).1,
        [],
        "written by the controller"
    );
}

#[test]
fn advice_is_bounded() {
    let many = (0..1000).map(|n| format!("n.{n}{}", "x".repeat(200))).collect::<Vec<_>>().join(",");
    let (_, advice) = read(&[("replicate-to-namespaces", &many), ("replication-allowed-namespaces", &many)]);
    assert_eq!(advice.len(), MAX_ADVICE);
    assert!(advice.iter().all(|(_, detail)| detail.chars().count() < 600), "{advice:?}");
    let mut notes: Vec<(String, &str)> = (0..1000).map(|n| (format!("note-{n}{}", "x".repeat(200)), "")).collect();
    notes.push(("replicated-by".to_owned(), "a/b"));
    let notes: Vec<_> = notes.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(read(&notes).1.len(), MAX_ADVICE);
    let (_, advice) = read(&[("replicate-to-namespaces", "B,B,B,a")]);
    assert_eq!(advice.len(), 1, "each item once");
}

#[test]
fn the_lists_of_one_object_share_their_bounds() {
    let patterns = |c: char, count: usize| (0..count).map(|n| format!("{c}{n}-[a-z]")).collect::<Vec<_>>().join(",");
    let half = MAX_PATTERNS / 2;
    let with = |to: usize, allowed: usize, above: usize| {
        let (to, allowed, above) = (patterns('a', to), patterns('b', allowed), patterns('c', above));
        parse(&[
            ("replicate-to-namespaces", &to),
            ("replication-allowed-namespaces", &allowed),
            ("replicated-from-allowed", &above),
        ])
    };
    assert!(with(half, half, MAX_PATTERNS).is_ok(), "what the chain above allows is not the user's doing");
    let message = with(half, half + 1, 0).unwrap_err();
    assert!(
        message.starts_with("replication-allowed-namespaces: the object has more than 32 different patterns; "),
        "{message}"
    );
    assert!(with(0, 0, MAX_PATTERNS + 1).is_err());
    let qualified = (0..=MAX_PATTERNS).map(|n| format!("a{n}.*/x")).collect::<Vec<_>>().join(",");
    let message = parse(&[("replicate-to", &qualified)]).unwrap_err();
    assert!(message.starts_with("replicate-to: the object has more than 32 different patterns; "), "{message}");
    let many = "a,".repeat(MAX_ITEMS + 1);
    let message = parse(&[("replicate-to", &many)]).unwrap_err();
    assert!(message.starts_with("replicate-to: more than 16384 items; "), "{message}");
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
    assert_eq!(
        ["a", "b", "bc", "c"].map(|namespace| list.names(namespace, crate::namespace::NamespaceFacts::UNKNOWN)),
        [true, true, true, false]
    );
    let text = |annotation| marks.text(annotation).map(|text| &**text);
    assert_eq!(text(Annotation::ReplicateOnceVersion), Some(" any, \"text\" "), "word for word");
    assert_eq!(text(Annotation::ReplicatedFromOrigin), Some("not/a/key"));
    assert_eq!(text(Annotation::ReplicatedAt), None, "nothing is decided on it");
    assert_eq!(text(Annotation::ReplicationAllowedNamespaces), Some("a,,b.*"));
    assert_eq!(text(Annotation::ReplicateTo), None);

    let all = well(&[("replicated-from-allowed", ".*"), ("replication-allowed-namespaces", "")]);
    assert!(all.from_allowed.unwrap().matches("any"));
    assert!(
        !all.allowed_namespaces.unwrap().names("any", crate::namespace::NamespaceFacts::UNKNOWN),
        "an empty list names nothing"
    );
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
