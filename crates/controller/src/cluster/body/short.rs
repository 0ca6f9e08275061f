//! JSON in its short form.
//!
//! The API server writes JSON as Go does by default: `<`, `>`, `&` and the line separators U+2028 and U+2029 as six characters each
//! (`\u003c`). A ConfigMap of 700 KiB of `<` comes back as 4 MiB, which the server would refuse as too long in a write. Here such
//! escapes are written as what they stand for.

use std::borrow::Cow;

/// The escapes, and what they stand for. None of them has a meaning of its own within a JSON string.
const ESCAPES: [(&str, &str); 5] =
    [("003c", "<"), ("003e", ">"), ("0026", "&"), ("2028", "\u{2028}"), ("2029", "\u{2029}")];

/// The same JSON, with these escapes written as what they stand for. (A backslash stands in strings only.)
pub(super) fn short(json: &str) -> Cow<'_, str> {
    if !ESCAPES.iter().any(|(escape, _)| {
        json.contains(&format!("\\u{escape}")) || json.contains(&format!("\\u{}", escape.to_uppercase()))
    }) {
        return Cow::Borrowed(json);
    }
    let mut short = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        short.push_str(&rest[..at]);
        rest = &rest[at..];
        // `\\u003c` is a backslash and five characters: each backslash is taken together with what it escapes.
        let long = rest.strip_prefix("\\u").and_then(|code| code.get(..4));
        let plain = long.and_then(|code| ESCAPES.iter().find(|(escape, _)| escape.eq_ignore_ascii_case(code)));
        let taken = match plain {
            Some((_, plain)) => {
                short.push_str(plain);
                "\\u0000".len()
            }
            None => {
                let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
                short.push_str(&rest[..1 + escaped]);
                1 + escaped
            }
        };
        rest = &rest[taken..];
    }
    short.push_str(rest);
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Map = BTreeMap<String, String>;

    #[test]
    fn go_escapes_are_written_as_what_they_stand_for() {
        for (long, expected) in [
            (r#"{"k":"a\u003cb\u003E\u0026"}"#, r#"{"k":"a<b>&"}"#),
            (r#"{"\u003c":"\u2028\u2029"}"#, "{\"<\":\"\u{2028}\u{2029}\"}"),
            (r#"{"k":"\\u003c\\\u003c\\\\u003c"}"#, r#"{"k":"\\u003c\\<\\\\u003c"}"#),
            (r#"{"k":"\"\n\u0022\u005c\u000a\ud83d\ude00\u003c"}"#, r#"{"k":"\"\n\u0022\u005c\u000a\ud83d\ude00<"}"#),
        ] {
            assert_eq!(short(long), expected);
            assert_eq!(serde_json::from_str::<Map>(long).unwrap(), serde_json::from_str::<Map>(expected).unwrap());
        }
        assert!(matches!(short(r#"{"k":"\n\u0022 plain"}"#), Cow::Borrowed(_)));
    }

    /// SPEC 9.16: 700 KiB of `<` are written as 700 KiB.
    #[test]
    fn a_long_value_stays_within_the_limit() {
        let long = format!(r#"{{"k":"{}"}}"#, r"\u003c".repeat(700 << 10));
        assert_eq!(short(&long).len(), (700 << 10) + 8);
    }

    /// At random: what is read is the same, and nothing that Go would escape is left escaped.
    #[test]
    fn what_is_read_stays_the_same() {
        let pieces = [
            r"\u003c",
            r"\u003E",
            r"\u0026",
            r"\u2028",
            r"\u2029",
            r"\\",
            r#"\""#,
            r"\n",
            r"\u005c",
            r"\u0000",
            r"\ud83d\ude00",
            "u003c",
            "<",
            "é",
            "😀",
            "\u{2028}",
            "0",
            r"\/",
        ];
        let mut random = 7u64;
        let mut roll = |sides: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(random >> 33).unwrap() % sides
        };
        for _ in 0..20_000 {
            let mut text = |length: usize| (0..length).map(|_| pieces[roll(pieces.len())]).collect::<String>();
            let long = format!(r#"{{"{}":"{}","{}":"{}"}}"#, text(3), text(12), text(4), text(12));
            let plain = short(&long);
            assert!(plain.len() <= long.len());
            let (was, is): (Map, Map) = (serde_json::from_str(&long).unwrap(), serde_json::from_str(&plain).unwrap());
            assert_eq!(was, is, "{long}");
            assert_eq!(short(&plain), plain, "twice is as once");
        }
    }
}
