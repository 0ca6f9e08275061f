//! The ways in which programs write a value, one by one: each is hidden from its first to its last character.

use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::*;

fn listed(value: &[u8], separator: &str, written: impl Fn(&u8) -> String) -> String {
    value.iter().map(written).collect::<Vec<_>>().join(separator)
}

/// As Go's `%q` writes it.
fn as_go_quotes(value: &[u8]) -> String {
    let character = |c: char| match c {
        '\x07' => "\\a".to_owned(),
        '\x08' => "\\b".to_owned(),
        '\x0b' => "\\v".to_owned(),
        '\x0c' => "\\f".to_owned(),
        '\t' | '\n' | '\r' | '"' | '\\' => c.escape_default().to_string(),
        c if c.is_ascii_control() => format!("\\x{:02x}", u32::from(c)),
        c => c.to_string(),
    };
    let chunks = value.utf8_chunks().map(|chunk| {
        let invalid: String = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")).collect();
        chunk.valid().chars().map(character).collect::<String>() + &invalid
    });
    chunks.collect()
}

/// The value in each of the ways that are looked for.
fn ways(value: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(value);
    let json = serde_json::to_string(&text).unwrap();
    let json = &json[1..json.len() - 1];
    let html = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;");
    let hex = |byte: &u8| format!("{byte:02x}");
    let mut ways = vec![
        text.to_string(),
        text.to_ascii_uppercase(),
        text.escape_default().to_string(),
        json.to_owned(),
        json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
        html.replace('\'', "&#39;"),
        html,
        listed(value, "", |byte| match byte.is_ascii_alphanumeric() {
            true => char::from(*byte).to_string(),
            false => format!("%{byte:02X}"),
        }),
        STANDARD.encode(value),
        URL_SAFE.encode(value),
    ];
    // As Go's `%q` and Rust's `{:?}` write it. What stands for a byte that is no UTF-8 is written as it is.
    let parts = text.split(char::REPLACEMENT_CHARACTER).map(|part| part.escape_debug().to_string());
    ways.push(parts.collect::<Vec<_>>().join("\u{fffd}"));
    ways.push(as_go_quotes(value));
    ways.push(listed(value, ", ", |byte| format!("{byte:#x}")));
    ways.extend((1..3).map(|skip| STANDARD_NO_PAD.encode(&value[skip..])));
    ways.extend([" ", ", ", ","].map(|separator| listed(value, separator, u8::to_string)));
    ways.extend([" ", "", ":"].map(|separator| listed(value, separator, hex)));
    ways.extend([" ", "", ":"].map(|separator| listed(value, separator, hex).to_uppercase()));
    ways
}

/// SPEC 8: also where only the beginning or the end of a value would be left. (The first byte of each stands there once, so that no piece
/// of a list begins before it.)
#[test]
fn a_value_is_hidden_from_its_first_to_its_last_character() {
    let all_bytes: Vec<u8> = (0..=255).collect();
    for value in [
        &all_bytes[..],
        "Pässwört-1: <\"7&\\\n'tab\t>?/+=~".as_bytes(),
        b"Plain words, and 1234",
        b"<&>\"\\'>&\\\"'",
        b"ab\xffcd\0",
        b"\xff\xfea\xfdb\xfc\n\"",
        // What only Go writes so stands between what others write so too.
        b"q\x07\x08\x07\x08\x07",
        b"q\x07\t\x07\t\x07",
    ] {
        for way in ways(value) {
            assert_eq!(passed_on(value, &way), format!("{DENIED}{REDACTED}"), "{way:?} of {value:?}");
        }
    }
}

/// A value that is shorter than a piece is hidden where it stands as a word, in the ways in which it is as short.
#[test]
fn a_short_value_is_hidden_as_a_word_in_every_way() {
    for (value, words, shown) in [
        (&b"4711"[..], "4711 is weak", "[redacted] is weak"),
        (b"4711", "weak: 4711", "weak: [redacted]"),
        (b"4711", "not 47112", "not 47112"),
        (b"4711\nsecond line", "PIN 4711 is weak", "PIN [redacted] is weak"),
        (b"a\0", r"it is a\0 now", "it is [redacted] now"),
        (b"\x01\x02", "bytes 1 2 are", "bytes [redacted] are"),
        (b"\x01\x02", "bytes 1, 2 are", "bytes [redacted] are"),
        (b"\x01\x02", "bytes 1,2 are", "bytes [redacted] are"),
        (b"\x01\x02", "bytes 01 02 are", "bytes [redacted] are"),
        (b"\x01\x02", "bytes 0102 are", "bytes [redacted] are"),
        (b"\x01\x02", "bytes 01:02 are", "bytes [redacted] are"),
        (b"\x01\x02", "byte 1 and byte 2", "byte 1 and byte 2"),
        (b",", "no , - or space", "no [redacted] - or space"),
    ] {
        assert_eq!(secrets_words(words, Shown::Written(&payload(&[value]))), shown, "{value:?}");
    }
}

/// Of a message that is cut the end is not shown: it could be the rest of a short value. One that fits is shown to its end.
#[test]
fn a_message_is_shown_as_far_as_it_was_examined() {
    let payload = payload(&[b"hunter22"]);
    for (length, shown) in [(LONGEST - 1, LONGEST - 1), (LONGEST, LONGEST), (LONGEST + 1, LONGEST - PIECE)] {
        let said = secrets_words(&".".repeat(length), Shown::Written(&payload));
        assert_eq!(said, ".".repeat(shown), "of {length} bytes");
    }
}

/// What a webhook says after its denial is its own, also where it looks like the API server's words.
#[test]
fn a_webhook_does_not_speak_for_the_api_server() {
    let denial = "admission webhook \"guard.example\" denied the request";
    let words =
        format!("{denial}: hunter2, failed calling webhook \"other\": hunter2 denied request: hunter2 not found");
    let new = payload(&[b"another value"]);
    for shown in [Shown::Nothing, Shown::Old { written: None }, Shown::Old { written: Some(&new) }] {
        assert_eq!(secrets_words(&words, shown), format!("{denial} ({MAY_QUOTE})"));
    }
}

#[test]
fn the_largest_secret_that_is_examined() {
    let of = |size: usize| Payload::new([Some(format!("{{\"k\":\"{}\"}}", "A".repeat(size - 8)).into())]);
    for (size, is_examined) in [(LARGEST, true), (LARGEST + 1, false)] {
        let payload = of(size);
        assert_eq!((payload.size(), examined("hunter2", &payload).is_ok()), (size, is_examined));
    }
}
