//! One spelling of JSON for all: the same text always becomes the same bytes.
//!
//! Strings can be spelled in many ways (`<`, `\u003c`, `\u003C`), and white space between tokens means nothing. Here every
//! character stands for itself, but for those that JSON demands to be escaped (`"`, `\` and control characters), which are
//! `\u` and four small hexadecimal digits. What is no JSON passes as it is.

use memchr::{memchr, memchr2};

/// Hands `json` on, bit by bit, in the one spelling. Nothing is copied but escapes.
pub(super) fn normal(json: &str, mut take: impl FnMut(&[u8])) {
    let mut rest = json.as_bytes();
    while let Some(quote) = memchr(b'"', rest) {
        outside(&rest[..quote], &mut take);
        take(b"\"");
        rest = string(&rest[quote + 1..], &mut take);
    }
    outside(rest, &mut take);
}

/// Between strings.
fn outside(bytes: &[u8], take: &mut impl FnMut(&[u8])) {
    bytes.split(|byte| byte.is_ascii_whitespace()).filter(|part| !part.is_empty()).for_each(take);
}

/// The rest of a string, with its closing quote; what follows it.
fn string<'a>(mut rest: &'a [u8], take: &mut impl FnMut(&[u8])) -> &'a [u8] {
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        take(&rest[..at]);
        if rest[at] == b'"' {
            take(b"\"");
            return &rest[at + 1..];
        }
        rest = &rest[at..];
        let (length, character) = escape(rest);
        match character {
            Some(character) if !matches!(character, '"' | '\\' | '\0'..='\x1f') => {
                take(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Some(character) => take(format!("\\u{:04x}", u32::from(character)).as_bytes()),
            // Half of a surrogate pair, or no JSON.
            None => take(rest[..length].to_ascii_lowercase().as_slice()),
        }
        rest = &rest[length..];
    }
    take(rest);
    &[]
}

/// The escape at the beginning: its length, and the character that it stands for, if any.
fn escape(bytes: &[u8]) -> (usize, Option<char>) {
    let character = match bytes.get(1) {
        Some(b'b') => '\x08',
        Some(b'f') => '\x0c',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(bytes),
        Some(&other @ (b'"' | b'\\' | b'/')) => char::from(other),
        _ => return (1, None),
    };
    (2, Some(character))
}

fn unicode(bytes: &[u8]) -> (usize, Option<char>) {
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let Some(first) = unit(0) else { return (1, None) };
    let both = [first, unit(6).unwrap_or_default()];
    match char::decode_utf16(both).next() {
        Some(Ok(character)) => (6 * character.len_utf16(), Some(character)),
        _ => (6, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spelled(json: &str) -> String {
        let mut bytes = Vec::new();
        normal(json, |part| bytes.extend_from_slice(part));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_escape_has_one_spelling() {
        for (json, expected) in [
            (r#""\u003c\u003C<""#, r#""<<<""#),
            (r#""\/\u002f/""#, r#""///""#),
            (r#""\"\u0022""#, r#""\u0022\u0022""#),
            (r#""\\\u005c""#, r#""\u005c\u005c""#),
            (r#""\b\f\n\r\t\u000A""#, r#""\u0008\u000c\u000a\u000d\u0009\u000a""#),
            (r#""\u00e9\u2028é""#, "\"é\u{2028}é\""),
            (r#""\uD83D\uDE00\ud83d\ude00😀""#, r#""😀😀😀""#),
            (r#""\uD83D x \uDE00\uD83D""#, r#""\ud83d x \ude00\ud83d""#),
            (" { \"a\" :\n\t[ 1 , true ] } ", r#"{"a":[1,true]}"#),
            (r#""unclosed \"#, r#""unclosed \"#),
            (r#""\u12"#, r#""\u12"#),
            ("", ""),
        ] {
            assert_eq!(spelled(json), expected, "{json}");
        }
    }

    /// JSON of a string with each character spelled by chance.
    fn spell(text: &str, mut dice: u64) -> String {
        let mut json = String::from("\"");
        for character in text.chars() {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let must = matches!(character, '"' | '\\' | '\0'..='\x1f');
            match (dice >> 33) % 3 {
                0 => character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| json += &format!("\\u{unit:04x}")),
                1 => character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| json += &format!("\\u{unit:04X}")),
                _ if must => {
                    let quoted = serde_json::to_string(&character).unwrap();
                    json += &quoted[1..quoted.len() - 1];
                }
                _ => json.push(character),
            }
        }
        json + "\""
    }

    proptest! {
        #[test]
        fn equal_texts_are_spelled_alike_and_others_are_not(text in "[\\PC<&\"\\\\\n\u{1}😀]{0,12}", other in "[a<&\"\\\\u03c]{0,4}", dice: u64) {
            let json = spell(&text, dice);
            let read: String = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&read, &text, "the test spells well");
            let normal = spelled(&json);
            prop_assert_eq!(&normal, &spelled(&serde_json::to_string(&text).unwrap()));
            prop_assert_eq!(serde_json::from_str::<String>(&normal).unwrap(), text.clone());
            prop_assert_eq!(spelled(&spell(&other, dice)) == normal, other == text);
        }
    }
}
