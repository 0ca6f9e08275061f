//! What lists name, what they have in common, and what no text may do. (What patterns mean is in `go_table.rs`.)

use proptest::prelude::*;

use super::{Allowed, NamespaceItem, NamespaceList, NamespacePattern, SyntaxError, narrow};

fn list(text: &str) -> NamespaceList {
    NamespaceList::parse(text).unwrap()
}

fn texts(list: &NamespaceList) -> Vec<&str> {
    list.items().iter().map(NamespaceItem::as_str).collect()
}

#[test]
fn what_follows_a_literal_beginning_is_anything_but_a_line() {
    let pattern = NamespacePattern::parse("jx-.*").unwrap();
    for (namespace, matches) in
        [("jx-", true), ("jx-a", true), ("jx", false), ("a-jx-", false), ("jx-a\nb", false), ("jx-é", false)]
    {
        assert_eq!(pattern.matches(namespace), matches, "{namespace:?}");
    }
}

#[test]
fn lists_are_read_item_by_item() {
    type Case = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);
    let cases: &[Case] = &[
        // text, items, legal literals, patterns
        ("", &[], &[], &[]),
        (",,", &[], &[], &[]),
        ("a", &["a"], &["a"], &[]),
        (",a,,b-2,", &["a", "b-2"], &["a", "b-2"], &[]),
        ("b,a,b", &["b", "a", "b"], &["b", "a", "b"], &[]),
        // A dot alone does not make a pattern; nor is it legal in a namespace.
        ("ns-.,b", &["ns-.", "b"], &["b"], &[]),
        ("-,-a,a-,.,a.b", &["-", "-a", "a-", ".", "a.b"], &[], &[]),
        ("jx-.*,a", &["jx-.*", "a"], &["a"], &["jx-.*"]),
        // Not trimmed, and upper case is none of a literal's characters.
        ("a, b ,A,a_b", &["a", " b ", "A", "a_b"], &["a"], &[" b ", "A", "a_b"]),
        ("é", &["é"], &[], &["é"]),
        // The comma ends an item before the braces do.
        ("a{1,2}", &["a{1", "2}"], &[], &["a{1", "2}"]),
    ];
    for (text, items, literals, patterns) in cases {
        let list = list(text);
        assert_eq!(list.as_str(), *text);
        assert_eq!(texts(&list), *items, "{text:?}");
        assert_eq!(list.literals().collect::<Vec<_>>(), *literals, "{text:?}");
        assert_eq!(list.patterns().map(NamespacePattern::as_str).collect::<Vec<_>>(), *patterns, "{text:?}");
        assert_eq!((list.is_empty(), list.has_patterns()), (items.is_empty(), !patterns.is_empty()), "{text:?}");
    }
    let longest = "a".repeat(63);
    let long = list(&format!("{longest},{longest}a"));
    assert_eq!(long.literals().collect::<Vec<_>>(), [longest]);
}

#[test]
fn lists_name_whole_namespaces_that_are_legal() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        // text, named, not named
        ("", &[], &["", "a"]),
        ("a,b", &["a", "b"], &["", "ab", "a,b", "c"]),
        ("jx-.*", &["jx-1", "jx-a-b"], &["jx-", "ajx-1", "jx"]),
        ("a|b.", &["a", "bc"], &["b", "ab", "bcd", "ac"]),
        ("ns-.,b", &["b"], &["ns-.", "ns-1", "ns-"]),
        (".*", &["a", "0"], &["", "A", "a.b", "a_b", "é", "-a"]),
        ("a, b", &["a"], &["b", " b"]),
        ("-", &[], &["-", "a"]),
    ];
    for (text, named, not_named) in cases {
        let list = list(text);
        assert!(named.iter().all(|namespace| list.matches(namespace)), "{text:?}");
        assert!(!not_named.iter().any(|namespace| list.matches(namespace)), "{text:?}");
    }
    let longest = "a".repeat(63);
    assert!(list("a*").matches(&longest) && !list("a*").matches(&format!("{longest}a")));
}

#[test]
fn one_ill_formed_item_makes_the_list_ill_formed() {
    let cases = [
        ("a,(b,c", "(b", SyntaxError::MissingParen, r#""(b" is not a pattern: missing closing )"#),
        ("a**", "a**", SyntaxError::InvalidRepeatOp, r#""a**" is not a pattern: invalid nested repetition operator"#),
        ("[é", "[é", SyntaxError::MissingBracket, r#""[é" is not a pattern: missing closing ]"#),
        (r"a,\", r"\", SyntaxError::MissingParen, r#""\\" is not a pattern: missing closing )"#),
    ];
    for (text, item, reason, message) in cases {
        let error = NamespaceList::parse(text).unwrap_err();
        assert_eq!((&*error.item, error.reason, &*error.to_string()), (item, reason, message), "{text:?}");
    }
    // A long item is not repeated in full.
    let error = NamespaceList::parse(&"(".repeat(5000)).unwrap_err();
    assert_eq!(error.item.chars().count(), 101);
}

#[test]
fn scripts_that_go_lost_are_known() {
    // v1.3.0's Go knew them; Go 1.26 refuses its own names with an underscore.
    for name in ["Old_Italic", "Linear_B", "SignWriting", "Nyiakeng_Puachue_Hmong"] {
        let pattern = NamespacePattern::parse(&format!(r"\P{{{name}}}")).unwrap();
        assert!(pattern.matches("a"), "{name}");
    }
}

#[test]
fn no_pattern_takes_much() {
    let repeated = |text: &str, times| text.repeat(times);
    let nested = |levels| format!("{}a{}", repeated("(?:b|", levels), repeated(")*", levels));
    let stacked = |levels| format!("a*{}", repeated("(?i)*", levels));
    let cases = [
        ("(a{1000}){1000}".to_owned(), Err(SyntaxError::InvalidRepeatSize)),
        (repeated("(", 100_000), Err(SyntaxError::TooLarge)),
        (repeated("a?", 9000), Err(SyntaxError::TooLarge)),
        (repeated("(", 16_000), Err(SyntaxError::MissingParen)),
        (repeated("x{1000}", 2000), Err(SyntaxError::TooLarge)),
        (repeated("[a-z]{0,1000}", 100), Err(SyntaxError::TooLarge)),
        (format!("{}a{}", repeated("(", 8000), repeated(")", 8000)), Ok(())),
        (nested(45), Ok(())),
        (nested(60), Err(SyntaxError::NestingDepth)),
        (stacked(90), Ok(())),
        (stacked(3000), Err(SyntaxError::NestingDepth)),
        (repeated("|", 1000), Ok(())),
        (repeated("a|", 2000), Ok(())),
        // What Go's own limit of repetitions lets through.
        ("[^x]{1000}".to_owned(), Ok(())),
        (r"(?:[a-z]|\d|-){0,500}".to_owned(), Ok(())),
        (r"(?:\w+-){1,500}".to_owned(), Ok(())),
    ];
    for (text, expected) in cases {
        let pattern = NamespacePattern::parse(&text);
        assert_eq!(pattern.as_ref().map(|_| ()).map_err(|error| error.reason), expected, "{text:.40}");
        if let Ok(pattern) = pattern {
            // It answers, whatever it says, and quickly enough for a test.
            let _ = pattern.matches(&"a-".repeat(31));
        }
    }
}

#[test]
fn equal_patterns_are_one_as_long_as_one_is_in_use() {
    let (one, other) = (NamespacePattern::parse("shared-.*").unwrap(), NamespacePattern::parse("shared-.*").unwrap());
    assert!(one.is_same_as(&other));
    assert_eq!((&one, format!("{one:?}")), (&other, r#"NamespacePattern("shared-.*")"#.to_owned()));
    assert_ne!(one, NamespacePattern::parse("shared-.+").unwrap());
    drop(one);
    assert!(NamespacePattern::in_use("shared-.*"));
    drop(other);
    assert!(!NamespacePattern::in_use("shared-.*"));
}

#[test]
fn the_permission_of_a_chain_is_read() {
    let cases = [
        // text, allows a, allows jx-1
        (".*", true, true),
        ("-", false, false),
        ("", false, false),
        ("a,-", true, false),
        ("jx-.*", false, true),
        (".*,", true, true),
    ];
    for (text, a, jx) in cases {
        let allowed = Allowed::parse(text).unwrap();
        assert_eq!((allowed.matches("a"), allowed.matches("jx-1")), (a, jx), "{text:?}");
        assert_eq!((allowed.as_str(), &*allowed.to_string()), (text, text));
    }
    assert_eq!(Allowed::parse(".*"), Ok(Allowed::All));
    assert_eq!(Allowed::parse("-"), Ok(Allowed::None));
    assert!(Allowed::parse("a,(").is_err());
}

#[test]
fn lists_are_narrowed_by_what_they_have_in_common() {
    let cases = [
        // own, inherited, what is left
        (None, None, ".*"),
        (Some(".*"), None, ".*"),
        (None, Some(".*"), ".*"),
        (Some(".*"), Some(".*"), ".*"),
        // No limit on one side: the other, word for word.
        (Some("b,,a,b, c"), None, "b,,a,b, c"),
        (Some("b,,a,b, c"), Some(".*"), "b,,a,b, c"),
        (None, Some(",b,a,b,"), ",b,a,b,"),
        (Some(".*"), Some(",b,a,b,"), ",b,a,b,"),
        (Some(""), None, ""),
        (None, Some(""), ""),
        (Some("-"), None, "-"),
        (Some("ns-."), Some(".*"), "ns-."),
        // Nothing is left.
        (None, Some("-"), "-"),
        (Some(".*"), Some("-"), "-"),
        (Some("a"), Some("-"), "-"),
        (Some("-"), Some("a"), "-"),
        (Some(""), Some("a"), "-"),
        (Some("a"), Some(""), "-"),
        (Some("a"), Some("b"), "-"),
        (Some("jx-.*"), Some("jx-.+"), "-"),
        (Some("a"), Some("jx-.*"), "-"),
        // Items of both; each once, in the order of the source's own list.
        (Some("a,b"), Some("b,c"), "b"),
        (Some("b,a,b"), Some("a,b,a"), "b,a"),
        (Some("jx-.*,a"), Some("a,jx-.*"), "jx-.*,a"),
        // Literals of one that match a pattern of the other: the own ones first.
        (Some("jx-1,jx-2,a"), Some("jx-.*"), "jx-1,jx-2"),
        (Some("jx-.*"), Some("jx-2,a,jx-1,jx-2"), "jx-2,jx-1"),
        (Some("jx-.*,ab"), Some("jx-1,a.?"), "ab,jx-1"),
        (Some("jx-.*,jx-1"), Some("jx-1,jx-.*,jx-2"), "jx-.*,jx-1,jx-2"),
        // A pattern that is not the whole list is no more than a pattern.
        (Some(".*,"), Some("a,jx-.*"), "a"),
        (Some(".*,"), Some("a,.*"), ".*,a"),
        (Some(".*,"), Some("x.,.*"), ".*"),
        // Literals that are no namespaces are items; no pattern matches them.
        (Some("ns-.,a"), Some("a,ns-."), "ns-.,a"),
        (Some("ns-."), Some("ns-[.]"), "-"),
        (Some("-,a"), Some("-,b"), "-"),
        (Some("a, b"), Some(" b"), " b"),
    ];
    for (own, inherited, expected) in cases {
        let narrowed = narrow(own.map(list).as_ref(), inherited.map(|text| Allowed::parse(text).unwrap()).as_ref());
        assert_eq!(narrowed.as_str(), expected, "{own:?} {inherited:?}");
        assert_eq!(Ok(narrowed), Allowed::parse(expected), "{own:?} {inherited:?}");
    }
}

/// Lists of names and patterns that often have something in common.
fn some_list() -> impl Strategy<Value = String> {
    let item = prop::sample::select(vec![
        "a", "b", "ab", "jx-1", "jx-2", "jx-.*", ".*", "a.?", "[ab]", "-", "ns-.", "", " a", "(?i)JX-1", "jx-1|a",
        "[^a]*",
    ]);
    prop::collection::vec(item, 0..6).prop_map(|items| items.join(","))
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), namespace in "[a-z0-9-]{0,70}") {
        if let Ok(list) = NamespaceList::parse(&text) {
            let _ = list.matches(&namespace);
            prop_assert_eq!(list.as_str(), text);
        }
    }

    #[test]
    fn no_expression_makes_the_parser_panic(text in r"([\[\](){}|*+?^$.,:\\<>&~-]|[a-zA-Z0-9]|\\[pPQExbBdDwWsSzAC0-9]){0,24}") {
        if let Ok(pattern) = NamespacePattern::parse(&text) {
            let _ = pattern.matches("a");
        }
    }

    #[test]
    fn narrowing_allows_nothing_that_either_side_forbids(own in some_list(), inherited in some_list()) {
        let (own, inherited) = (list(&own), Allowed::parse(&inherited).unwrap());
        let narrowed = narrow(Some(&own), Some(&inherited));
        for namespace in ["a", "b", "ab", "aa", "abc", "jx-1", "jx-2", "jx-3", "ns-1", "x"] {
            if narrowed.matches(namespace) {
                prop_assert!(own.matches(namespace) && inherited.matches(namespace), "{} {}", namespace, narrowed);
            }
        }
        prop_assert_eq!(Allowed::parse(narrowed.as_str()), Ok(narrowed.clone()));
        // Narrowing by the same once more changes nothing.
        prop_assert_eq!(narrow(Some(&own), Some(&narrowed)).matches("a"), narrowed.matches("a"));
    }

    #[test]
    fn narrowing_by_no_limit_changes_nothing(text in some_list()) {
        let allowed = Allowed::parse(&text).unwrap();
        let everything = list(".*");
        prop_assert_eq!(narrow(None, Some(&allowed)), allowed.clone());
        prop_assert_eq!(narrow(Some(&everything), Some(&allowed)), allowed.clone());
        prop_assert_eq!(narrow(Some(&list(&text)), None), allowed.clone());
        prop_assert_eq!(narrow(Some(&list(&text)), Some(&Allowed::All)), allowed);
    }
}

/// "No text takes more than a bounded amount of memory": also not one of many patterns. An annotation has room for 16,000
/// such items, and every object of the cluster for such annotations.
#[test]
fn a_list_of_patterns_takes_a_bounded_amount_of_memory() {
    let resident = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    let before = resident();
    let text = (0..300).map(|n| format!("[acegik]{{999}}{n}")).collect::<Vec<_>>().join(",");
    let list = NamespaceList::parse(&text);
    let grown = resident().saturating_sub(before) >> 20;
    assert!(list.is_err() || grown < 8, "a list of {} bytes takes {grown} MiB", text.len());
}
