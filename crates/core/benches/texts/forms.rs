//! Every kind of item that somebody may write in any annotation, whether it makes sense there or not.

use super::texts::{list, name};

/// An item of a list, made of its number.
pub(crate) type Form = (&'static str, fn(usize) -> String);

/// A whole text.
pub(crate) type Long = (&'static str, fn() -> String);

/// Items of every kind.
pub(crate) const FORMS: [Form; 25] = [
    ("short names", |n| name(n, 3)),
    ("names", |n| name(n, 12)),
    ("names as long as can be", |n| "z".repeat(55) + &name(n, 8)),
    ("the same again and again", |_| "a".to_owned()),
    ("nothing", |_| String::new()),
    ("exceptions", |n| format!("!{}", name(n, 3))),
    ("short keys", |n| format!("b/{}", name(n, 3))),
    ("keys", |n| format!("{}/{}", name(n, 3), "z".repeat(50) + &name(n, 3))),
    ("prefixes", |n| format!("{}.*", name(n, 3))),
    ("new names of keys", |n| format!("{}:{}", name(n, 3), name(n + 20_000, 3))),
    ("two names of one key", |n| format!("a:{}", name(n, 3))),
    ("labels", |n| format!("{}=v{n}", name(n, 3))),
    ("labels of others", |n| format!("example.com/{}=v{n}", name(n, 3))),
    ("annotations of others", |n| format!("example.com/{}", name(n, 3))),
    ("requirements", |n| format!("!{}", name(n, 3))),
    ("requirements with values", |n| {
        let values: Vec<String> = (0..160).map(|value| name(n * 160 + value, 3)).collect();
        format!("l{n} notin ({})", values.join(","))
    }),
    ("upper case", |n| name(n, 3).to_uppercase()),
    ("no ASCII", |n| format!("é\"{}", name(n, 2))),
    ("globs", |n| format!("{}*{}*", name(n, 2), name(n / 7, 2))),
    ("globs that are excepted", |n| format!("!*{}*z*", name(n, 3))),
    ("patterns to the end", |n| format!(".*[0-9a-m].[n-z0-4]{}-[a-z]", name(n, 2))),
    ("patterns that grow", |n| format!(".*a.{{5}}{}", name(n, 1))),
    ("patterns with two endings", |n| format!("{}-(a|b)", name(n, 3))),
    ("patterns with names", |n| format!("{}-(a|b)/x", name(n, 3))),
    ("a large repetition", |n| format!("(?:[a-z0-9-?]){{1000}}_{}", name(n, 1))),
];

/// How many of them: what the bounds are, and as many as there is room for.
pub(crate) const COUNTS: [usize; 6] = [8, 32, 128, 1_024, 8_192, usize::MAX];

/// All texts of a form, but for those that are as long as one before.
pub(crate) fn texts(form: fn(usize) -> String) -> Vec<String> {
    let mut texts: Vec<String> = COUNTS.into_iter().map(|count| list(count.min(300_000), form)).collect();
    texts.dedup();
    texts
}

/// Whether a list of namespaces with this text has patterns.
pub(crate) fn has_patterns(text: &str) -> bool {
    text.bytes().any(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b',' | b'!' | b'-'))
}

/// One item that is as long as can be.
pub(crate) const LONG: [Long; 4] = [
    ("a name", || "a".repeat(super::texts::LARGEST)),
    ("an open group", || "(".repeat(super::texts::LARGEST)),
    ("a class", || format!("[{}]", "a".repeat(super::texts::LARGEST))),
    ("values of a selector", || format!("k in ({})", list(60_000, |n| name(n, 3)))),
];
