//! A canonical spelling of JSON: equal values become equal bytes.
//!
//! Strings can be spelled in many ways (`<`, `\u003c`, `\u003C`), and white space between tokens means nothing. Here every
//! character stands for itself, but for those that JSON demands to be escaped (`"`, `\` and control characters), which are `\u` and
//! four small hexadecimal digits. A text that is no JSON is passed on unchanged.

use memchr::{memchr, memchr2};

/// Passes `json` to `take`, piece by piece, in the canonical spelling. Only escapes are copied.
pub(super) fn normal(json: &str, mut take: impl FnMut(&[u8])) {
    let mut rest = json.as_bytes();
    while let Some(quote) = memchr(b'"', rest) {
        outside(&rest[..quote], &mut take);
        take(b"\"");
        rest = string(&rest[quote + 1..], &mut take);
    }
    outside(rest, &mut take);
}

/// Handles the text between strings.
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
    let Some(first) = unit(bytes) else { return (1, None) };
    if let Some(character) = char::from_u32(first) {
        return (6, Some(character));
    }
    let Some(second @ 0xdc00..=0xdfff) = bytes.get(6..).and_then(unit) else { return (6, None) };
    // No character is a half of a pair, and two second halves are none: their number is too large.
    match char::from_u32(0x10000 + ((first - 0xd800) << 10) + second - 0xdc00) {
        Some(character) => (12, Some(character)),
        None => (6, None),
    }
}

/// The UTF-16 unit of the escape at the beginning.
fn unit(bytes: &[u8]) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = bytes.get(..6)? else { return None };
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
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
            (r#""\uDC00\uDC00\uDFFF\uDFFF""#, r#""\udc00\udc00\udfff\udfff""#),
            (r#""\uD800\uDC00\uDBFF\uDFFF""#, "\"\u{10000}\u{10ffff}\""),
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
