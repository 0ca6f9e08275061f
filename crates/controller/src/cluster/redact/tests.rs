use proptest::prelude::*;

use super::*;

fn payload(values: &[&[u8]]) -> Payload {
    let map: HashMap<String, String> =
        values.iter().enumerate().map(|(n, value)| (format!("k{n}"), STANDARD.encode(value))).collect();
    Payload::new([Some(serde_json::to_string(&map).unwrap().into())])
}

/// What is shown of a webhook's message about a Secret that was to be created with this value.
fn passed_on(value: &[u8], words: &str) -> String {
    let message = format!("admission webhook \"guard.example\" denied the request: {words}");
    secrets_words(&message, Shown::Written(&payload(&[value])))
}

#[test]
fn a_denial_names_the_webhook_and_its_reason() {
    let said = passed_on(b"hunter22", "secrets in team-a need the label cost-center");
    assert_eq!(
        said,
        "admission webhook \"guard.example\" denied the request: secrets in team-a need the label cost-center"
    );
    let quota = "secrets \"x\" is forbidden: exceeded quota: q, requested: count/secrets=1, used: 3, limited: 3";
    for shown in [Shown::Old { written: None }, Shown::Written(&payload(&[b"hunter22"])), Shown::Nothing] {
        assert_eq!(secrets_words(quota, shown), quota, "the API server's own words");
    }
}

/// SPEC 8: Secret data never appears in an error, however it is written there.
#[test]
fn a_written_value_does_not_come_back_in_any_encoding() {
    let value = b"Hunter-22\n<pass&word>\"7";
    let text = std::str::from_utf8(value).unwrap();
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    let spaced: Vec<_> = value.iter().map(|byte| format!("{byte:02X}")).collect();
    let json = serde_json::to_string(text).unwrap();
    let ways = [
        text.to_owned(),
        text.to_uppercase(),
        STANDARD.encode(value),
        STANDARD.encode(&value[1..]),
        URL_SAFE.encode(value),
        hex.to_uppercase(),
        hex,
        spaced.join(" "),
        format!("{value:?}"),
        value.iter().map(u8::to_string).collect::<Vec<_>>().join(","),
        value.iter().map(u8::to_string).collect::<Vec<_>>().join(" "),
        format!("{text:?}"),
        json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
        json,
        "Hunter-22%0A%3Cpass%26word%3E%227".to_owned(),
        "Hunter-22\n&lt;pass&amp;word&gt;&#34;7".to_owned(),
        "the line <pass&word>\" of it".to_owned(),
        "cut off: Hunter-…".to_owned(),
    ];
    for way in ways {
        let said = passed_on(value, &format!("value {way} is weak"));
        let said = said.strip_prefix("admission webhook \"guard.example\" denied the request: ").unwrap();
        assert!(said.contains(REDACTED), "{way} → {said}");
        let lower = said.to_lowercase();
        for piece in
            ["hunter", "pass&w", "word>", "48756e", "SHVudG".to_lowercase().as_str(), "72 117", "72, 117", "72,117"]
        {
            assert!(!lower.contains(piece), "{way} → {said}");
        }
    }
}

#[test]
fn a_short_value_does_not_come_back_as_a_word() {
    assert_eq!(passed_on(b"4711", "the PIN 4711 is weak").split(": ").nth(1).unwrap(), "the PIN [redacted] is weak");
    assert!(
        passed_on(b"ab", "'ab' is no value, about is a word").ends_with("'[redacted]' is no value, about is a word")
    );
}

/// SPEC 8: what this program did not write cannot be recognised: an admission webhook is shown the old object too.
#[test]
fn messages_about_an_existing_secret_are_not_shown() {
    let words = "admission webhook \"guard.example\" denied the request: k=hunter2 is protected";
    let policy = "secrets \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: hunter2";
    let new = payload(&[b"another value"]);
    for shown in [Shown::Old { written: None }, Shown::Old { written: Some(&new) }] {
        let said = secrets_words(words, shown);
        assert!(
            said.starts_with("admission webhook \"guard.example\" denied the request") && !said.contains("hunter2")
        );
        let said = secrets_words(policy, shown);
        assert!(said.contains("ValidatingAdmissionPolicy 'p' with binding 'b'") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_long_message_is_cut_where_no_character_is() {
    let said = passed_on("pässword".as_bytes(), &"ü".repeat(LONGEST));
    assert!(said.len() <= LONGEST);
}

proptest! {
    /// No six characters of a value come back, wherever they stand.
    #[test]
    fn no_piece_of_a_value_comes_back(value in "[a-zA-Z0-9 äß€]{6,40}", before in ".{0,20}", after in ".{0,20}", cut in 0usize..20) {
        let part: String = value.chars().skip(cut.min(value.chars().count() - 6)).collect();
        let said = secrets_words(&format!("{before}{part}{after}"), Shown::Written(&payload(&[value.as_bytes()])));
        let lower = said.replace(REDACTED, "\u{0}").to_ascii_lowercase();
        let folded = value.to_ascii_lowercase();
        let characters: Vec<char> = folded.chars().collect();
        for piece in characters.windows(PIECE) {
            let piece: String = piece.iter().collect();
            prop_assert!(!lower.contains(&piece), "{said}");
        }
    }
}
