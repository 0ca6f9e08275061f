//! Which namespaces lists name, what two lists have in common, and the bounds that no text may exceed. (The meaning of patterns is
//! tested in `go_table.rs`.)

use proptest::prelude::*;

use crate::advice::MAX_ADVICE;

use super::budget::{
    LETTERS_BESIDE_MANY, MANY_BYTES, MANY_ITEMS, MAX_BYTES as OBJECT_BYTES, MAX_LETTERS as OBJECT_LETTERS,
    MAX_STEPS as OBJECT_STEPS, PATTERN_WITH_NAMES,
};
use super::compiled::{MAX_BYTES as PATTERN_BYTES, MAX_STEPS as PATTERN_STEPS};
use super::{
    Allowed, Budget, ItemKind, ListError, MAX_ITEMS, MAX_PATTERN, MAX_PATTERNS, NamespaceList, NamespacePattern,
    SyntaxError, narrow,
};
use crate::annotation::Annotation;
use crate::names::Key;
use crate::push::{MAX_TARGETS, PATTERN_NAMESPACES, Push, PushError};
use crate::selector::{HALVED, REQUIREMENT};

fn list(text: &str) -> NamespaceList {
    NamespaceList::parse(text).unwrap()
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
    type Case = (&'static str, &'static [&'static str], &'static [&'static str], bool);
    let cases: &[Case] = &[
        // text, items, legal literals, whether there are patterns
        ("", &[], &[], false),
        (",,", &[], &[], false),
        ("a", &["a"], &["a"], false),
        (",a,,b-2,", &["a", "b-2"], &["a", "b-2"], false),
        ("b,a,b", &["b", "a", "b"], &["b", "a"], false),
        // A dot alone does not make a pattern; nor is it legal in a namespace.
        ("ns-.,b", &["ns-.", "b"], &["b"], false),
        ("-,-a,a-,.,a.b", &["-", "-a", "a-", ".", "a.b"], &[], false),
        ("jx-.*,a", &["jx-.*", "a"], &["a"], true),
        // Trimmed; and upper case is none of a literal's characters.
        ("a, b ,A,a_b", &["a", "b", "A", "a_b"], &["a", "b"], true),
        // Block scalars: `|`, `>-`, and with commas as well.
        ("a\nb\n", &["a", "b"], &["a", "b"], false),
        ("a, b,\r\nc", &["a", "b", "c"], &["a", "b", "c"], false),
        ("é", &["é"], &[], true),
        // The comma ends an item before the braces do.
        ("a{1,2}", &["a{1", "2}"], &[], true),
        // What is taken away.
        ("a,!b", &["a", "!b"], &["a"], false),
        ("!a.*,! b,!", &["!a.*", "! b", "!"], &[], false),
    ];
    for (text, items, literals, has_patterns) in cases {
        let list = list(text);
        assert_eq!(list.as_str(), *text);
        assert_eq!(list.items().collect::<Vec<_>>(), *items, "{text:?}");
        assert_eq!(list.literals().collect::<Vec<_>>(), *literals, "{text:?}");
        assert_eq!(list.has_patterns(), *has_patterns, "{text:?}");
    }
    let longest = "a".repeat(63);
    let long = list(&format!("{longest},{longest}a"));
    assert_eq!(long.literals().collect::<Vec<_>>(), [longest]);
}

#[test]
fn what_an_item_is() {
    use ItemKind::{Literal, Pattern, Prefix};
    for (text, expected) in [
        ("a", Literal("a")),
        ("a.b-", Literal("a.b-")),
        (".*", Prefix("")),
        ("a-.*", Prefix("a-")),
        ("a.b.*", Pattern("a.b.*")),
        ("A.*", Pattern("A.*")),
        ("a*", Pattern("a*")),
        ("", Pattern("")),
    ] {
        assert_eq!(ItemKind::of(text), expected, "{text:?}");
    }
}

#[test]
fn lists_name_whole_namespaces_that_are_legal() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        // text, named, not named
        ("", &[], &["", "a"]),
        ("a,b", &["a", "b"], &["", "ab", "a,b", "c"]),
        ("jx-.*", &["jx-1", "jx-a-b"], &["jx-", "ajx-1", "jx"]),
        ("jx-.*,j.*,k.*x", &["j", "jx-1", "k1x", "kx"], &["k", "x", "ajx"]),
        ("a|b.", &["a", "bc"], &["b", "ab", "bcd", "ac"]),
        ("ns-.,b", &["b"], &["ns-.", "ns-1", "ns-"]),
        (".*", &["a", "0"], &["", "A", "a.b", "a_b", "é", "-a"]),
        ("a, b", &["a", "b"], &["c", " b"]),
        ("a\n  b\n", &["a", "b"], &["ab"]),
        ("-", &[], &["-", "a"]),
        // What is taken away, by a name, a prefix or a pattern, wherever it stands (SPEC 2).
        (".*,!kube-system", &["a", "kube-system-2", "kube"], &["kube-system"]),
        ("!kube-.*,.*", &["a", "kube"], &["kube-system", "kube-public"]),
        ("a,b,!b,c,!(c|d)", &["a"], &["b", "c", "d"]),
        (".*, ! a", &["b"], &["a"]),
        ("a,!.*", &[], &["a", "b"]),
        // Nothing is taken away from nothing.
        ("!a", &[], &["a", "b"]),
        ("a,!", &["a"], &["b"]),
    ];
    for (text, named, not_named) in cases {
        let list = list(text);
        for namespace in *named {
            assert!(list.matches(namespace), "{text:?} {namespace:?}");
        }
        for namespace in *not_named {
            assert!(!list.matches(namespace), "{text:?} {namespace:?}");
        }
    }
    let longest = "a".repeat(63);
    assert!(list("a*").matches(&longest) && !list("a*").matches(&format!("{longest}a")));
    assert!(list(&format!("{longest}.*")).matches(&longest));
    let beyond = list(&format!("{longest}a.*"));
    assert!(!beyond.matches(&longest) && !beyond.has_patterns() && beyond.names_nothing());
}

#[test]
fn a_list_has_bounds_and_says_which() {
    let names = |count: usize| (0..count).map(|n| format!("n{n}")).collect::<Vec<_>>().join(",");
    let most = list(&names(MAX_ITEMS));
    assert!(
        most.matches("n0") && most.matches(&format!("n{}", MAX_ITEMS - 1)) && !most.matches(&format!("n{MAX_ITEMS}"))
    );
    let error = NamespaceList::parse(&names(MAX_ITEMS + 1)).unwrap_err();
    assert_eq!(error, ListError::TooManyItems);
    assert!(error.to_string().starts_with("more than 16384 items; expected "), "{error}");

    let patterns = |count: usize| (0..count).map(|n| format!("n{n}-[a-z]")).collect::<Vec<_>>().join(",");
    let most = list(&format!("{},{},n0-[a-z]", patterns(MAX_PATTERNS), names(100).replace(',', ".*,")));
    assert!(most.matches("n31-a") && !most.matches("m32-a"), "equal ones and prefixes do not count");
    let error = NamespaceList::parse(&patterns(MAX_PATTERNS + 1)).unwrap_err();
    assert_eq!(error, ListError::TooManyPatterns);
    assert!(error.to_string().starts_with("the object has more than 32 different patterns; "), "{error}");
    let both_sides = format!("{},!{}", patterns(MAX_PATTERNS / 2), patterns(MAX_PATTERNS / 2 + 1).replace(",n", ",!m"));
    assert_eq!(NamespaceList::parse(&both_sides).unwrap_err(), ListError::TooManyPatterns);

    // `n-[a-z]` looks at four letters, and `.*n-[a-z]` at all 63.
    let to_the_end = |count: usize| patterns(count).replace('n', ".*n");
    assert!(list(&format!("{},{}", to_the_end(16), patterns(3))).matches("xn15-a"));
    let error = NamespaceList::parse(&format!("{},{}", to_the_end(16), patterns(4))).unwrap_err();
    assert_eq!(error, ListError::TooManyLetters);
    assert!(
        error.to_string().starts_with("the object's patterns look at more than 1024 letters of a name "),
        "{error}"
    );

    // Beside long lists, the object's other ones among them, two such patterns.
    let beside = |count: usize, items: &str| NamespaceList::parse(&format!("{},{items}", to_the_end(count)));
    let prefixes = |count: usize| names(count).replace(',', ".*,");
    assert!(beside(16, &prefixes(1_000)).is_ok() && beside(2, &prefixes(MAX_ITEMS - 2)).is_ok());
    let error = beside(16, &prefixes(4_080)).unwrap_err();
    assert_eq!(error, ListError::TooManyLettersBesideItems);
    assert_eq!(beside(5, &names(1_020)).unwrap_err(), error);
    let long_names = |count: usize| (0..count).map(|n| format!("{n:063}")).collect::<Vec<_>>().join(",");
    assert!(beside(5, &long_names(500)).is_ok(), "32,000 bytes");
    assert_eq!(beside(5, &long_names(512)).unwrap_err(), error, "32,767 bytes, and the patterns");
    let expected =
        "the object's lists have more than 1024 items or 32768 bytes, and its patterns look at more than 128 letters ";
    assert!(error.to_string().starts_with(expected), "{error}");
    for lists in [[to_the_end(5), names(1_020)], [names(1_020), to_the_end(5)]] {
        let mut budget = Budget::default();
        let [first, second] = lists.map(|text| NamespaceList::parse_within(&text.as_str().into(), &mut budget));
        assert!(first.is_ok() && second.is_err());
    }
    // A pattern with names of its own takes more than one in a list.
    let with_names = |count: usize| {
        let to = to_the_end(count).split(',').map(|item| format!("{item}/x")).collect::<Vec<_>>().join(",");
        Push::parse(&Key::new("a", "s").unwrap(), Some(&to), None).map(drop)
    };
    assert_eq!(with_names(10), Ok(()));
    let annotation = Annotation::ReplicateTo;
    assert_eq!(with_names(11), Err(PushError::List { annotation, error: ListError::TooManyLetters }));

    let mut budget = Budget::default();
    let mut parse = |count: usize| NamespaceList::parse_within(&names(count).as_str().into(), &mut budget).map(drop);
    assert_eq!(
        [MAX_ITEMS / 2; 3].map(&mut parse),
        [Ok(()), Ok(()), Err(ListError::TooManyItems)],
        "in all lists together"
    );

    let large = (0..16).map(|n| format!("x{n}.*a.{{6}}[c-g]")).collect::<Vec<_>>().join(",");
    let error = NamespaceList::parse(&large).unwrap_err();
    assert_eq!(error, ListError::TooLargePatterns);
    assert!(error.to_string().contains("65536 bytes"), "{error}");
}

#[test]
fn one_ill_formed_item_makes_the_list_ill_formed() {
    let cases = [
        ("a,(b,c", "(b", SyntaxError::MissingParen, r#""(b" is not a pattern: missing closing )"#),
        ("a**", "a**", SyntaxError::InvalidRepeatOp, r#""a**" is not a pattern: invalid nested repetition operator"#),
        ("[é", "[é", SyntaxError::MissingBracket, r#""[é" is not a pattern: missing closing ]"#),
        (r"a,\", r"\", SyntaxError::MissingParen, r#""\\" is not a pattern: missing closing )"#),
        (
            "+a",
            "+a",
            SyntaxError::MissingRepeatArgument,
            r#""+a" is not a pattern: missing argument to repetition operator"#,
        ),
        (
            ".*a.{20}",
            ".*a.{20}",
            SyntaxError::TooLarge,
            r#"".*a.{20}" is not a pattern: expression too large; compiled it may take 4096 bytes and 40000 steps, and 80 and 150 more for each byte of its text"#,
        ),
    ];
    for (text, item, reason, message) in cases {
        let ListError::Pattern(error) = NamespaceList::parse(text).unwrap_err() else { panic!("{text:?}") };
        assert_eq!((&*error.item, error.reason, &*error.to_string()), (item, reason, message), "{text:?}");
    }
    // A long item is not repeated in full.
    let error = NamespacePattern::parse(&"(".repeat(1000)).unwrap_err();
    assert_eq!(error.item.chars().count(), 101);
    let globs = NamespaceList::parse("*-dev").unwrap_err().to_string();
    assert!(
        globs.ends_with("missing argument to repetition operator; for any text write \".*\", not \"*\""),
        "{globs}"
    );
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
    // `a*` are two levels, and each star is one more.
    let stacked = |levels: usize| format!("a*{}", repeated("(?i)*", levels - 2));
    let name =
        |n: usize| [n, n / 7, n * 5, n * 3, n * 11, n * 17].map(|n| char::from_digit(n as u32 % 36, 36).unwrap());
    let names = (0..140).map(|n| String::from_iter(name(n))).collect::<Vec<_>>();
    let cases = [
        ("(a{1000}){1000}".to_owned(), Err(SyntaxError::InvalidRepeatSize)),
        (repeated("(", 100_000), Err(SyntaxError::TooLong)),
        (repeated("a?", 513), Err(SyntaxError::TooLong)),
        (repeated("(", 1000), Err(SyntaxError::MissingParen)),
        (repeated("a?", 512), Err(SyntaxError::TooLarge)),
        (repeated("x{1000}", 140), Ok(())),
        (repeated("[a-z]{0,1000}", 70), Ok(())),
        (format!("{}a{}", repeated("(", 500), repeated(")", 500)), Ok(())),
        (nested(45), Ok(())),
        (nested(60), Err(SyntaxError::NestingDepth)),
        (stacked(100), Ok(())),
        (stacked(101), Err(SyntaxError::NestingDepth)),
        (repeated("|", 1000), Ok(())),
        (repeated("a|", 500), Ok(())),
        // A plain list of names: it takes some of the steps that are given for each byte.
        (format!("(?:{})", names.join("|")), Ok(())),
        // What Go's own limit of repetitions lets through.
        ("[^x]{1000}".to_owned(), Ok(())),
        (r"(?:[a-z]|\d|-){0,500}".to_owned(), Ok(())),
        (r"(?:\w+-){1,500}".to_owned(), Ok(())),
        ("(?:[a-z0-9-?]){1000}_".to_owned(), Ok(())),
        ("(?:[a-z0-9-]?){1000}_".to_owned(), Ok(())),
        (r"(?:\b|a){1000}".to_owned(), Err(SyntaxError::TooLarge)),
        // Whose automaton has a state for every set of the last characters.
        (".*a.{20}".to_owned(), Err(SyntaxError::TooLarge)),
        ("(a|b)*a(a|b){14}".to_owned(), Err(SyntaxError::TooLarge)),
    ];
    for (text, expected) in cases {
        let pattern = NamespacePattern::parse(&text);
        assert_eq!(pattern.as_ref().map(|_| ()).map_err(|error| error.reason), expected, "{text:.40}");
        if let Ok(pattern) = pattern {
            // It answers, whatever it says, and quickly enough for a test.
            let _ = pattern.matches(&"a-".repeat(31));
            let cost = pattern.cost();
            assert!(
                cost.bytes <= 4096 + 80 * text.len() && cost.steps <= 40_000 + 150 * text.len(),
                "{cost:?}: {text:.40}"
            );
        }
    }
}

#[test]
fn what_is_too_large_for_one_list_allows_nothing() {
    let patterns = |first: usize| (first..first + 20).map(|n| format!("!n{n}-[a-z]")).collect::<Vec<_>>().join(",");
    let (own, inherited) = (format!(".*,{}", patterns(0)), format!(".*,{}", patterns(100)));
    assert_eq!(narrow(Some(&list(&own)), Some(&Allowed::parse(&inherited).unwrap())), Allowed::None);
    let names = |c: char| (0..10_000).map(|n| format!("{c}{n}")).collect::<Vec<_>>().join(",");
    let (own, inherited) = (format!("{},.*", names('a')), format!("{},.*", names('b')));
    assert_eq!(narrow(Some(&list(&own)), Some(&Allowed::parse(&inherited).unwrap())), Allowed::None);
}

#[test]
fn whether_a_pattern_can_match_a_namespace_at_all() {
    for (text, can) in [
        ("a", true),
        ("a*", true),
        ("[^a]", true),
        (".", true),
        (".{63}", true),
        ("-.*a", false),
        ("a.*-", false),
        ("", false),
        ("-", false),
        ("-*", false),
        ("_", false),
        ("A", false),
        ("(?i)A", true),
        ("a b", false),
        (".{64}", false),
        ("${NS}", false),
        ("{a", false),
        ("\u{201c}a\u{201d}", false),
        ("a$", true),
        ("^a", true),
        ("a^b", false),
        (r"a\bb", false),
        (r"a\b-b", true),
        ("[A-Z]+|x", true),
    ] {
        assert_eq!(NamespacePattern::parse(text).unwrap().matches_any_namespace(), can, "{text:?}");
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

/// Lists of names and patterns that often have something in common.
fn some_list() -> impl Strategy<Value = String> {
    let item = prop::sample::select(vec![
        "a", "b", "ab", "jx-1", "jx-2", "jx-.*", ".*", "a.?", "[ab]", "-", "ns-.", "", " a", "(?i)JX-1", "jx-1|a",
        "[^a]*", "!a", "!jx-.*", "!", "! jx-1", "!.*",
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

    /// However many items there are, by whatever index they are found: the list names what its items name one by one.
    #[test]
    fn a_list_names_what_its_items_name(text in some_list(), more in some_list()) {
        let (text, namespaces) = (format!("{text}\n{more}"), ["a", "b", "ab", "aa", "abc", "jx-1", "jx-2", "jx", "ns-1", "x"]);
        let list = list(&text);
        for namespace in namespaces {
            let names = |item: &str| match ItemKind::of(item) {
                ItemKind::Literal(literal) => literal == namespace,
                ItemKind::Prefix(_) | ItemKind::Pattern(_) => NamespacePattern::parse(item).unwrap().matches(namespace),
            };
            let trimmed = || text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty());
            let named = trimmed().any(|item| !item.starts_with('!') && names(item));
            let excepted = trimmed().any(|item| item.strip_prefix('!').is_some_and(|item| names(item.trim())));
            prop_assert_eq!(list.matches(namespace), named && !excepted, "{:?} {}", text, namespace);
            let four = [namespace, "", "jx-1", "-a"];
            prop_assert_eq!(list.matches_four(four, [false; 4]), four.map(|namespace| list.matches(namespace)), "{:?} {}", text, namespace);
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

#[test]
fn the_bounds_are_documented() {
    let docs = include_str!("../../../../docs/annotations.md");
    for (what, bound) in [
        ("items of all lists of one object, where `namespace/name` counts twice", format!("{MAX_ITEMS}")),
        (
            &format!(
                "targets that `replicate-to` names: its items `namespace/name`, and its names times the namespaces that they are \
                 combined with, where a list with a pattern counts as {PATTERN_NAMESPACES} at least"
            ),
            format!("{MAX_TARGETS}"),
        ),
        ("different patterns in all lists of one object, not counting `prefix.*`", format!("{MAX_PATTERNS}")),
        ("the length of one pattern", format!("{MAX_PATTERN} bytes")),
        (
            "one pattern in compiled form",
            format!("{} bytes, and {} more for each byte of its text", PATTERN_BYTES.0, PATTERN_BYTES.1),
        ),
        (
            &format!(
                "letters of one namespace's name that all patterns of one object look at, each at one more than the longest name that it \
                 matches, or at 63; a requirement of a label selector counts as {REQUIREMENT}, and as {HALVED} more for each time that \
                 its values can be halved; each pattern of `replicate-to` counts as {PATTERN_WITH_NAMES} more"
            ),
            format!("{OBJECT_LETTERS}"),
        ),
        (
            &format!("the same beside more than {MANY_ITEMS} items or {MANY_BYTES} bytes in all lists of the object"),
            LETTERS_BESIDE_MANY.to_string(),
        ),
        ("all patterns of one object in compiled form", format!("{OBJECT_BYTES} bytes")),
        (
            "steps in which one pattern is compiled",
            format!("{}, and {} more for each byte of its text", PATTERN_STEPS.0, PATTERN_STEPS.1),
        ),
        ("steps in which all patterns of one object are compiled", format!("{OBJECT_STEPS}")),
    ] {
        assert!(docs.contains(&format!("| {what} | {bound} |")), "{what}: {bound}");
    }
    assert!(docs.contains(&format!("at most {MAX_ADVICE} pieces")));
}
