//! SPEC 2, 8: lists as people write them, advice on them, and their bounds.

use super::*;

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

/// Lists of keys, labels and annotations.
#[test]
fn what_names_no_key() {
    for annotation in ["replicate-keys", "replication-allowed-keys", "replicate-labels", "replicate-annotations"] {
        let nothing = vec![(Reason::ListNamesNothing, format!("{annotation}: the list names nothing"))];
        for (text, expected) in [("", &nothing), (" , ", &nothing), ("!a", &nothing), ("a", &vec![]), ("a*", &vec![])] {
            assert_eq!(read(&[(annotation, text), ("replicate-to", "x")]).1, *expected, "{annotation} {text:?}");
        }
    }
    assert_eq!(read(&[("replicate-keys", "a:b")]).1, []);
}

/// An empty list beside a selector that names namespaces is no mistake.
#[test]
fn lists_beside_selectors() {
    let both = [
        ("replicate-to-namespaces", "replicate-to-namespace-selector"),
        ("replication-allowed-namespaces", "replication-allowed-namespace-selector"),
    ];
    for (list, selector) in both {
        assert_eq!(read(&[(list, ""), (selector, "env=prod")]).1, [], "{list}");
        let reasons: Vec<Reason> =
            read(&[(list, ""), (selector, "")]).1.into_iter().map(|(reason, _)| reason).collect();
        assert_eq!(reasons, [Reason::ListNamesNothing, Reason::ListNamesNothing], "{list}");
    }
}

/// A namespace has at most 63 characters.
#[test]
fn the_longest_prefixes() {
    for (length, dash, is_odd) in [(62, true, false), (63, true, true), (63, false, false), (64, false, true)] {
        let prefix = "x".repeat(length - usize::from(dash)) + if dash { "-" } else { "" };
        let (_, advice) = read(&[("replicate-to-namespaces", &format!("a,{prefix}.*"))]);
        assert_eq!(advice.iter().any(|(reason, _)| *reason == Reason::ItemNamesNothing), is_odd, "{length} {dash}");
    }
}

#[test]
fn advice_is_bounded() {
    let many = (0..1000).map(|n| format!("n.{n}{}", "x".repeat(200))).collect::<Vec<_>>().join(",");
    let (_, advice) = read(&[
        ("replicate-to-namespaces", &many),
        ("replication-allowed-namespaces", &many),
        ("replicate-keys", ""),
        ("replicate-labels", ""),
    ]);
    assert_eq!(advice.len(), MAX_ADVICE);
    assert!(advice.iter().all(|(_, detail)| detail.chars().count() < 600), "{advice:?}");
    let mut notes: Vec<(String, &str)> = (0..1000).map(|n| (format!("note-{n}{}", "x".repeat(200)), "")).collect();
    notes.extend(
        [("replicated-by", "a/b"), ("replicate-once", "so"), ("removal-delay", "5")]
            .map(|(name, value)| (name.to_owned(), value)),
    );
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
