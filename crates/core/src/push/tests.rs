//! Which targets a push names, and the bounds that no text may exceed.

use super::*;
use crate::namespace::NamespaceFacts;

impl Push {
    /// Whether the push names this object, item by item: what the graph has an index for.
    pub(crate) fn names(&self, target: &Key, facts: &NamespaceFacts) -> bool {
        let (namespace, name) = (target.namespace(), target.name());
        let in_part = |part: &Part| part.names().any(|own| own == name) && part.namespaces().names(namespace, facts);
        self.literal_targets().any(|literal| literal == (namespace, name)) || self.parts().iter().any(in_part)
    }
}

const NAMESPACES: [&str; 6] = ["own", "a", "ab", "b", "jx-1", "jx-2"];

/// Every target in the namespaces above, as text.
fn targets(to: Option<&str>, to_namespaces: Option<&str>) -> Result<Option<Vec<String>>, String> {
    let push = Push::parse(&Key::new("own", "src").unwrap(), to, to_namespaces).map_err(|e| e.to_string())?;
    Ok(push.map(|push| {
        let mut found = Vec::new();
        for namespace in NAMESPACES {
            let literal = push.literal_names_in(namespace);
            let parts =
                push.parts().iter().filter(|part| part.namespaces().names(namespace, &NamespaceFacts::default()));
            found.extend(literal.chain(parts.flat_map(Part::names)).map(|name| format!("{namespace}/{name}")));
        }
        found.sort();
        found.dedup();
        for (namespace, name) in push.literal_targets() {
            assert!(push.literal_names_in(namespace).any(|other| other == name), "{namespace}/{name}");
        }
        found
    }))
}

#[test]
fn the_two_annotations_combine() {
    type Case = (Option<&'static str>, Option<&'static str>, Option<&'static [&'static str]>);
    let cases: &[Case] = &[
        (None, None, None),
        // An empty push is still a push, of nothing.
        (Some(""), None, Some(&[])),
        (None, Some(""), Some(&[])),
        (Some(""), Some("a"), Some(&[])),
        (Some("x"), Some(""), Some(&[])),
        (Some(",x,,x"), None, Some(&["own/x"])),
        (Some("x,y"), None, Some(&["own/x", "own/y"])),
        (Some("a/x"), None, Some(&["a/x"])),
        (Some("x,y"), Some("a,b"), Some(&["a/x", "a/y", "b/x", "b/y"])),
        (Some("x,b/y"), Some("a"), Some(&["a/x", "b/y"])),
        (Some("b/y"), Some("a"), Some(&["b/y"])),
        (None, Some("a,jx-.*"), Some(&["a/src", "jx-1/src", "jx-2/src"])),
        (Some("jx-.*/x"), None, Some(&["jx-1/x", "jx-2/x"])),
        (Some("a.*/x,a/x"), Some("a,a"), Some(&["a/x", "ab/x"])),
        // A dot alone is no pattern; an illegal literal names nothing; the whole namespace has to match.
        (None, Some("jx-.,b"), Some(&["b/src"])),
        (None, Some("(a)"), Some(&["a/src"])),
        (None, Some("a?"), Some(&["a/src"])),
        // Trimmed, and lines separate as commas do.
        (None, Some("a, b"), Some(&["a/src", "b/src"])),
        (None, Some("a\nb\n"), Some(&["a/src", "b/src"])),
        (Some(" x ,\n y"), None, Some(&["own/x", "own/y"])),
        (Some("a/x ,\nb/y , a / y"), None, Some(&["a/x", "a/y", "b/y"])),
        (Some("x"), Some(" .* , !jx-.*\n!own"), Some(&["a/x", "ab/x", "b/x"])),
        (None, Some("!a"), Some(&[])),
        (Some("a.b/x,-/y"), None, Some(&[])),
        (Some("/x"), None, Some(&[])),
        (Some("own/src"), None, Some(&["own/src"])),
    ];
    for (to, to_namespaces, expected) in cases {
        let expected = expected.map(|list| list.iter().map(ToString::to_string).collect());
        assert_eq!(targets(*to, *to_namespaces), Ok(expected), "{to:?} {to_namespaces:?}");
    }
}

#[test]
fn what_is_ill_formed_is_named() {
    let cases = [
        (Some("a/b/c"), None, "replicate-to: \"a/b/c\" has more than one"),
        (Some("X"), None, "replicate-to: \"X\" is not a legal object name"),
        (Some("x x"), None, "replicate-to: \"x x\" is not a legal object name"),
        (Some("a/"), None, "replicate-to: \"\" is not a legal object name"),
        (Some("x,a/Y"), None, "replicate-to: \"Y\" is not a legal object name"),
        (Some("x"), Some("a/b"), "replicate-to-namespaces: \"a/b\" has a \"/\""),
        (None, Some("a,("), "replicate-to-namespaces: "),
        (Some("(/x,a/x"), None, "replicate-to: "),
        (Some("x,!a/x"), None, "replicate-to: \"!a/x\" begins with \"!\", which takes away a namespace; "),
        (Some("x, !y"), None, "replicate-to: \"!y\" begins with \"!\", which takes away a namespace; "),
    ];
    for (to, to_namespaces, message) in cases {
        let error = targets(to, to_namespaces).unwrap_err();
        assert!(error.starts_with(message), "{to:?} {to_namespaces:?}: {error}");
    }
}

/// 64 KiB of names and `.*` named 16,384 times as many targets as there are namespaces.
#[test]
fn a_push_names_so_many_targets_at_most() {
    let own = Key::new("own", "src").unwrap();
    let list = |count: usize, item: &str| (0..count).map(|n| format!("{item}{n}")).collect::<Vec<_>>().join(",");
    let qualified = |count: usize| list(count, "b/x");
    let cases = [
        (Some(qualified(MAX_TARGETS)), None, true),
        (Some(qualified(MAX_TARGETS + 1)), None, false),
        (Some(list(MAX_TARGETS, "x")), None, true),
        (Some(list(MAX_TARGETS + 1, "x")), None, false),
        (Some(list(64, "x")), Some(list(128, "n")), true),
        (Some(list(64, "x")), Some(list(129, "n")), false),
        (Some(list(16, "x")), Some(".*".to_owned()), true),
        (Some(list(17, "x")), Some("b,.*".to_owned()), false),
        (Some(list(16, ".*/x")), None, true),
        (Some(format!("b/x,{}", list(16, "a.*/x"))), None, false),
        // Exceptions name nothing; and an object's own name alone is never too much.
        (Some(list(64, "x")), Some(format!("{},{}", list(128, "n"), list(3, "!m.*"))), true),
        (None, Some(list(MAX_ITEMS, "n")), true),
    ];
    for (to, namespaces, is_well_formed) in cases {
        let error = Push::parse(&own, to.as_deref(), namespaces.as_deref()).err();
        assert_eq!(error, (!is_well_formed).then_some(PushError::TooManyTargets), "{to:.60?} {namespaces:.60?}");
    }
    let message = PushError::TooManyTargets.to_string();
    assert!(
        message.starts_with("replicate-to: more than 8192 targets; a name counts once for each namespace "),
        "{message}"
    );
}

#[test]
fn what_the_index_registers() {
    let own = Key::new("own", "src").unwrap();
    let push = Push::parse(&own, Some("x,b/y,j.*/z,a.b/u,-/v,/w"), Some("a,ab*")).unwrap().unwrap();
    assert_eq!(push.literal_targets().collect::<Vec<_>>(), [("b", "y")]);
    assert_eq!([0, 1].map(|number| push.literal_target(number)), [Some(("b", "y")), None]);
    let parts = push.parts().iter().map(|part| (part.names().collect(), part.namespaces().list().as_str()));
    let parts: Vec<(Vec<_>, _)> = parts.collect();
    assert_eq!(parts, [(vec!["z"], "j.*"), (vec!["x"], "a,ab*")], "and nothing of what no namespace can be called");
    for part in push.parts() {
        let by_number = (0..).map_while(|number| part.name(number));
        assert!(by_number.eq(part.names()) && part.name_count() == 1);
    }
}

/// The items of all lists of one object count together; `namespace/name` counts twice.
#[test]
fn a_push_has_so_many_items_at_most() {
    let own = Key::new("own", "src").unwrap();
    let namespaces = |count: usize| (0..count).map(|n| format!("n{n}")).collect::<Vec<_>>().join(",");
    for (to, more, is_well_formed) in [
        ("", MAX_ITEMS, true),
        ("b/x", MAX_ITEMS - 2, true),
        ("b/x", MAX_ITEMS - 1, false),
        ("b/x,b/x,b/y", MAX_ITEMS - 5, true),
        ("b/x,b/x,b/y", MAX_ITEMS - 4, false),
    ] {
        let error = Push::parse(&own, Some(to), Some(&namespaces(more))).err();
        let too_many = PushError::List { annotation: Annotation::ReplicateTo, error: ListError::TooManyItems };
        assert_eq!(error, (!is_well_formed).then_some(too_many), "{to} and {more} namespaces");
    }
}

/// A namespace with white space around it is looked up as patterns are, and counts as one.
#[test]
fn so_many_namespaces_may_stand_beside_white_space() {
    let own = Key::new("own", "src").unwrap();
    let parse = |count: usize| {
        let to = (0..count).map(|n| format!("n{n} /x")).collect::<Vec<_>>().join(",");
        Push::parse(&own, Some(&to), None).map(|push| push.map(|push| push.parts().len()))
    };
    assert_eq!(parse(MAX_PATTERNS), Ok(Some(MAX_PATTERNS + 1)), "and one for the names without a namespace");
    let error = ListError::TooManyPatterns;
    assert_eq!(parse(MAX_PATTERNS + 1), Err(PushError::List { annotation: Annotation::ReplicateTo, error }));
}

#[test]
fn pushes_are_equal_where_the_same_items_mean_the_same() {
    let push = |own: &str, to: Option<&str>, namespaces: Option<&str>| {
        Push::parse(&Key::resolve(own, "").unwrap(), to, namespaces).unwrap()
    };
    let (b, x) = (Some("b"), Some("x"));
    for (one, other, are_equal) in [
        (push("a/x", None, b), push("c/x", None, b), true),
        (push("a/x", None, b), push("a/y", None, b), false),
        (push("a/x", None, b), push("a/x", None, Some("c")), false),
        (push("a/x", x, None), push("a/y", x, None), true),
        (push("a/x", x, None), push("c/x", x, None), false),
        (push("a/x", x, b), push("c/y", x, b), true),
        (push("a/x", x, b), push("a/x", Some("x,y"), b), false),
        (push("a/x", Some("b/x"), None), push("a/x", Some("b/y"), None), false),
        (push("a/x", Some("b.*/x"), b), push("a/x", Some("c.*/x"), b), false),
    ] {
        assert_eq!(one == other, are_equal, "{one:?} {other:?}");
    }
}
