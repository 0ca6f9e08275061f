//! Hostile annotations: each form that is bounded, as large as it may be. The bench `hostile` measures their cost, and `cargo xtask pods`
//! gives them to a controller in a real pod.

/// As much as the API server takes for all annotations together, less a little for the others.
pub(crate) const LARGEST: usize = 246 << 10;

/// Items until the annotation is as large as can be, or there are so many.
pub(crate) fn list(count: usize, item: impl Fn(usize) -> String) -> String {
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
pub(crate) fn name(n: usize, letters: u32) -> String {
    (0..letters)
        .rev()
        .map(|place| char::from_digit((n / 36_usize.wrapping_pow(place).max(1) % 36) as u32, 36).unwrap_or('a'))
        .collect()
}

/// The name of the n-th namespace: no two have a beginning in common that is worth to speak of.
pub(crate) fn namespace(n: usize) -> String {
    let mut state = n as u64 + 1;
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_digit((state >> 33) as u32 % 36, 36).unwrap_or('a')
    };
    (0..63).map(letter).collect()
}

/// The annotations of one object: their names without the prefix, and their values.
pub(crate) type Annotations = Vec<(&'static str, String)>;

/// Annotations by what they are, and how they are made: two numbers make two of one form that have no item in common.
pub(crate) type Case = (&'static str, Box<dyn Fn(usize) -> Annotations>);

pub(crate) fn cases() -> Vec<Case> {
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
    /// 16 patterns that look at every letter.
    fn patterns(shift: usize) -> String {
        list(16, |n| format!(".*[0-9a-m].[n-z0-4]{}-[a-z]", name(n + 36 * shift, 2)))
    }
    /// A list with something beside it.
    fn beside(
        what: &'static str,
        text: fn(usize) -> String,
        annotation: &'static str,
        other: fn(usize) -> String,
    ) -> Case {
        (what, Box::new(move |shift| vec![("replicate-to-namespaces", text(shift)), (annotation, other(shift))]))
    }
    /// As many requirements as a selector may have, each with as many values as there is room for.
    fn selector(shift: usize) -> String {
        let values = |n: usize| list(320, |m| name(m + n * 320 + shift, 2));
        list(16, |n| format!("kubernetes.io/metadata.name notin ({})", values(n)))
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
        one("10 patterns to the end, each for itself", to, |s| {
            list(10, |n| format!(".*[0-9a-m].[n-z0-4]{}-[a-z]/{n}", name(n + 36 * s, 2)))
        }),
        one("16 patterns to the end", namespaces, patterns),
        beside("16 patterns beside a selector", patterns, "replicate-to-namespace-selector", |s| format!("l{s}")),
        beside(
            "16 patterns that take away from a selector",
            |s| patterns(s).replace(".*[", "!.*["),
            "replicate-to-namespace-selector",
            |s| format!("!l{s}"),
        ),
        beside("a selector as large as can be", |s| name(s, 3), "replicate-to-namespace-selector", selector),
        beside("16 patterns beside namespaces and names", patterns, to, |s| {
            list(3_800, |n| format!("{}/{s}", namespace(n)))
        }),
        beside(
            "16 patterns beside 4,000 existing namespaces that may pull",
            patterns,
            "replication-allowed-namespaces",
            |_| list(3_800, namespace),
        ),
        one("16 patterns and 1,000 prefixes", namespaces, |s| {
            let prefixes = list(1_000, |n| format!("{}.*", "n".repeat(n % 26) + &name(n / 26 + s * 80, 2)));
            [patterns(s), prefixes].join(",")
        }),
        one("10 parts that name most namespaces", to, |s| {
            list(10, |n| format!("[0-9a-{}].*(?:{}.?)?/{n}", name(n % 4 + 24, 1), name(n + 16 * s, 2)))
        }),
        one("16,384 patterns with names", to, |s| list(16_384, |n| format!("{}-(a|b)/{s}", name(n, 3)))),
        one("the same pattern 16,384 times", namespaces, |s| list(16_384, |_| format!("n{s}-[a-z]"))),
        one("32 patterns of all classes", namespaces, |s| {
            list(32, |n| format!(".*(?:{}.a|[b-d]..|e)-{s}", name(n, 1)))
        }),
        one("16 patterns, prefixes and names", namespaces, |s| {
            let patterns = list(16, |n| format!(".*[0-9a-m].[n-z0-4]{}-[a-z]", name(n + 36 * s, 2)));
            let prefixes = list(4_000, |n| format!("{}.*", "n".repeat(n % 64) + &name(n / 64 + s * 80, 2)));
            let names = list(10_000, |n| format!("tenant{s}-{}", name(n, 3)));
            [patterns, prefixes, names].join(",").chars().take(LARGEST).collect()
        }),
        one("16 patterns and as many prefixes as go beside them", namespaces, |s| {
            let patterns = list(16, |n| format!(".*[0-9a-m].[n-z0-4]{}-[a-z]", name(n + 36 * s, 2)));
            let prefixes = list(4_080, |n| format!("{}.*", "n".repeat(n % 58) + &name(n / 58 + s * 80, 2)));
            [patterns, prefixes].join(",")
        }),
        one("2 patterns, prefixes and names", namespaces, |s| {
            let patterns = list(2, |n| format!(".*[0-9a-m].[n-z0-4]{}-[a-z]", name(n + 36 * s, 2)));
            let prefixes = list(4_000, |n| format!("{}.*", "n".repeat(n % 40) + &name(n / 40 + s * 100, 2)));
            let names = list(12_000, |n| format!("t{s}-{}", name(n, 4)));
            [patterns, prefixes, names].join(",")
        }),
        one("32 beginnings, two endings", namespaces, |s| {
            list(32, |n| format!("app{}-(dev|prod)", name(n + 36 * s, 2)))
        }),
        one("patterns that grow", namespaces, |s| list(20, |n| format!(".*a.{{6}}{}", name(n + 36 * s, 1)))),
        one("patterns beyond the bound", namespaces, |_| list(usize::MAX, |n| format!(".*a.{{20}}{}", name(n, 2)))),
        one("lists of names in patterns", namespaces, |s| {
            list(3, |m| format!("({})", list(60, |n| format!("{}{s}", name(n * 977 + m, 6))).replace(',', "|")))
        }),
        beside(
            "1,024 keys with new names",
            |_| namespace(0),
            "replicate-keys",
            |s| list(1_024, |n| format!("{}:{}", name(n, 60), name(n + s * 1_024, 120))),
        ),
        beside(
            "8 globs of keys that may be had, and 1,000 names",
            |_| namespace(0),
            "replication-allowed-keys",
            |s| {
                let names = list(1_000, |n| format!("{}-{s}", name(n, 200)));
                [list(8, |n| format!("*{}*{}*", name(n, 2), name(s, 50))), names].join(",")
            },
        ),
        beside(
            "128 labels",
            |_| namespace(0),
            "replica-labels",
            |s| list(128, |n| format!("{}={}", name(n, 60), name(n + s, 60))),
        ),
        beside(
            "1,024 labels to copy",
            |_| namespace(0),
            "replicate-labels",
            |s| list(1_024, |n| name(n + s * 1_024, 60)),
        ),
        beside(
            "1,024 annotations to copy",
            |_| namespace(0),
            "replicate-annotations",
            |s| list(1_024, |n| format!("example.com/{}", name(n + s * 1_024, 60))),
        ),
        one("what 16 patterns of a namespace accept", "accept-replicas-from", patterns),
        one("what 16,384 items of a namespace accept", "accept-replicas-from", |s| {
            list(16_384, |n| name(n + s * 16_384, 3))
        }),
        one("a name of 246 KiB", namespaces, |s| "a".repeat(LARGEST) + &name(s, 1)),
        one("an open group of 246 KiB", namespaces, |_| "(".repeat(LARGEST)),
    ]
}
