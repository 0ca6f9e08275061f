//! Redaction: the API server's messages about a Secret are shown without any value of it (SPEC 8).
//!
//! The API server itself never quotes a Secret's values. An admission webhook or policy can: it sees the object, and its message is
//! free text.
//! - A *create* shows them what this program writes. So the message is shown, with every value that was written removed.
//! - Any other write shows them the existing object too, with data that this program may never have read and cannot recognise. So
//!   only the name of the webhook or policy that denied is shown.

use std::collections::HashMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use k8s_replicator_core::payload::Payload;

/// The words between the name of a webhook or policy and its message: `admission webhook "x" denied the request: …`,
/// `ValidatingAdmissionPolicy 'x' with binding 'y' denied request: …`.
const DENIALS: [&str; 2] = ["denied the request", "denied request"];
/// A shorter piece of a value may occur in a message by chance; a piece of this length is never shown.
const PIECE: usize = 6;
/// No more of a message than this is examined, or shown.
const LONGEST: usize = 16 << 10;
const REDACTED: &str = "[redacted]";

/// What an admission webhook or policy saw because of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown<'a> {
    /// Nothing: the request was a read.
    Nothing,
    /// The object that was to be created.
    Written(&'a Payload),
    /// The existing object, which the request was to change or delete; and the data that was to be written.
    Old { written: Option<&'a Payload> },
}

/// The API server's message, without anything that may be a value of the Secret that it is about.
pub(super) fn secrets_words(message: &str, shown: Shown<'_>) -> String {
    if k8s_replicator_core::bug!(RedactionOff) {
        return message.to_owned();
    }
    let denial = DENIALS.iter().filter_map(|words| message.find(words).map(|at| at + words.len())).min();
    let (message, written) = match (shown, denial) {
        (Shown::Nothing, None) => return message.to_owned(),
        (Shown::Written(payload), _) => (message.to_owned(), Some(payload)),
        (Shown::Old { written }, None) => (message.to_owned(), written),
        // Admission does not see reads: the message comes from a proxy in between.
        (Shown::Nothing, Some(end)) => (without_words(message, end), None),
        (Shown::Old { written }, Some(end)) => (without_words(message, end), written),
    };
    written.map_or_else(|| message.clone(), |payload| without_values(&message, payload))
}

fn without_words(message: &str, end: usize) -> String {
    format!("{} (its words are not shown, since they may quote the Secret)", &message[..end])
}

/// The message without any piece of a value of the payload, in any of the ways in which programs write values.
fn without_values(message: &str, payload: &Payload) -> String {
    let message = &message[..message.floor_char_boundary(LONGEST)];
    let mut hidden = Hidden::of(message);
    for raw in payload.fields().flatten() {
        // All that this program writes is a map of texts: of a Secret, in Base64.
        let map: HashMap<String, String> = serde_json::from_str(raw).unwrap_or_default();
        for value in map.values() {
            hidden.hide(value.as_bytes());
            if let Ok(bytes) = STANDARD.decode(value) {
                hide_bytes(&mut hidden, &bytes);
            }
        }
    }
    hidden.shown()
}

/// Hides a value in all the ways in which it may be written.
fn hide_bytes(hidden: &mut Hidden<'_>, bytes: &[u8]) {
    hidden.hide(bytes);
    // Where a message quotes a part of a Base64 text, the part can be of the text of any alignment.
    for skip in 0..3 {
        let rest = bytes.get(skip..).unwrap_or_default();
        hidden.hide(STANDARD.encode(rest).trim_end_matches('=').as_bytes());
        hidden.hide(URL_SAFE.encode(rest).trim_end_matches('=').as_bytes());
    }
    // As Go prints bytes by `%v`, `%x` and `% x`, and as others list numbers. Case is ignored.
    let [mut numbers, mut hex] = [String::new(), String::new()];
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(numbers, "{byte} ");
        let _ = write!(hex, "{byte:02x} ");
    }
    for (listed, separators) in [(numbers, &[" ", ",", ", "][..]), (hex, &[" ", "", ":"][..])] {
        for separator in separators {
            hidden.hide(listed.trim_end().replace(' ', separator).as_bytes());
        }
    }
    // In a URL.
    let encoded = percent_encoding::percent_encode(bytes, percent_encoding::NON_ALPHANUMERIC).to_string();
    hidden.hide(encoded.as_bytes());
    let text = String::from_utf8_lossy(bytes);
    // As Go (`%q`) and JSON quote it, and as JSON is written for HTML.
    let json = serde_json::Value::from(&*text).to_string();
    let html = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let quotes: &[char] = &['"'];
    for quoted in [text.escape_debug().to_string(), text.escape_default().to_string(), json, html] {
        hidden.hide(quoted.trim_matches(quotes).as_bytes());
    }
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;");
    hidden.hide(escaped.as_bytes());
    for line in text.lines() {
        hidden.hide(line.trim().as_bytes());
    }
}

/// A message, and what of it is hidden.
struct Hidden<'a> {
    message: &'a str,
    /// The message's bytes, without the difference between upper and lower case.
    folded: Vec<u8>,
    is_hidden: Vec<bool>,
    /// Where each piece of the message stands.
    pieces: HashMap<[u8; PIECE], Vec<usize>>,
}

impl<'a> Hidden<'a> {
    fn of(message: &'a str) -> Self {
        let folded = message.to_ascii_lowercase().into_bytes();
        let mut pieces: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, piece) in folded.windows(PIECE).enumerate() {
            if let Ok(piece) = <[u8; PIECE]>::try_from(piece) {
                pieces.entry(piece).or_default().push(at);
            }
        }
        Self { message, is_hidden: vec![false; folded.len()], folded, pieces }
    }

    /// Hides every piece of this text; and all of it where it is shorter than a piece and stands there as a word.
    fn hide(&mut self, text: &[u8]) {
        let text = text.to_ascii_lowercase();
        if text.len() < PIECE {
            self.hide_word(&text);
            return;
        }
        for piece in text.windows(PIECE) {
            for at in self.pieces.get(piece).into_iter().flatten() {
                self.is_hidden[*at..*at + PIECE].fill(true);
            }
        }
    }

    fn hide_word(&mut self, word: &[u8]) {
        if word.trim_ascii().is_empty() {
            return;
        }
        let is_inner = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        for at in 0..self.folded.len() {
            let end = at + word.len();
            let before = at.checked_sub(1).and_then(|before| self.folded.get(before));
            if self.folded[at..].starts_with(word) && !is_inner(before) && !is_inner(self.folded.get(end)) {
                self.is_hidden[at..end].fill(true);
            }
        }
    }

    fn shown(&self) -> String {
        let mut shown = String::new();
        let mut was_hidden = false;
        for (at, character) in self.message.char_indices() {
            // One of several bytes is hidden if one of them is.
            let is_hidden = self.is_hidden[at..at + character.len_utf8()].contains(&true);
            match (is_hidden, was_hidden) {
                (false, _) => shown.push(character),
                (true, false) => shown.push_str(REDACTED),
                (true, true) => {}
            }
            was_hidden = is_hidden;
        }
        shown
    }
}

#[cfg(test)]
mod tests;
