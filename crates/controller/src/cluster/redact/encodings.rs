//! The ways in which programs write a value.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::hidden::{Hidden, PIECE};

fn hex(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)])
}

/// Memory for a value's encodings, one after the other.
#[derive(Default)]
pub(super) struct Encodings {
    bytes: Vec<u8>,
    text: String,
}

impl Encodings {
    /// Hides a value of a Secret, which comes in Base64, in all the ways in which it may be written.
    pub(super) fn hide(&mut self, hidden: &mut Hidden<'_>, base64: &str) {
        hidden.hide(base64.as_bytes());
        if let Ok(bytes) = STANDARD.decode(base64) {
            hidden.hide(&bytes);
            self.hide_base64(hidden, &bytes);
            self.hide_lists(hidden, &bytes);
            self.hide_text(hidden, &bytes);
        }
    }

    /// Where a message quotes a part of a Base64 text, the part can be of the text of any alignment. (Its other alphabet, for URLs,
    /// is the same to [`Hidden`].)
    fn hide_base64(&mut self, hidden: &mut Hidden<'_>, bytes: &[u8]) {
        for skip in 0..3 {
            self.text.clear();
            STANDARD_NO_PAD.encode_string(bytes.get(skip..).unwrap_or_default(), &mut self.text);
            hidden.hide(self.text.as_bytes());
        }
    }

    /// As Go prints bytes by `%v`, `%x`, `% x` and `%#v`, and as others list numbers.
    fn hide_lists(&mut self, hidden: &mut Hidden<'_>, bytes: &[u8]) {
        for separator in [" ", ", ", ","] {
            self.list(hidden, bytes, separator, |byte, list| {
                let digits = [byte / 100, byte / 10 % 10, byte % 10].map(|digit| b'0' + digit);
                let zeros = usize::from(byte < 100) + usize::from(byte < 10);
                list.extend_from_slice(&digits[zeros..]);
            });
        }
        for separator in [" ", "", ":"] {
            self.list(hidden, bytes, separator, |byte, list| {
                list.extend(hex(byte));
            });
        }
        self.list(hidden, bytes, ", ", |byte, list| {
            let [high, low] = hex(byte);
            list.extend_from_slice(b"0x");
            list.extend((high != b'0').then_some(high));
            list.push(low);
        });
    }

    fn list(&mut self, hidden: &mut Hidden<'_>, bytes: &[u8], separator: &str, write: impl Fn(u8, &mut Vec<u8>)) {
        // In pieces, these separators are the same to `Hidden` as a space.
        if matches!(separator, "," | ":") && bytes.len() >= PIECE {
            return;
        }
        self.bytes.clear();
        for (at, byte) in bytes.iter().enumerate() {
            if at > 0 {
                self.bytes.extend_from_slice(separator.as_bytes());
            }
            write(*byte, &mut self.bytes);
        }
        hidden.hide(&self.bytes);
    }

    fn hide_text(&mut self, hidden: &mut Hidden<'_>, bytes: &[u8]) {
        if bytes.iter().all(u8::is_ascii_alphanumeric) {
            // All that follows is the same as the value.
            return;
        }
        // In a URL.
        self.written(hidden, percent_encoding::percent_encode(bytes, percent_encoding::NON_ALPHANUMERIC));
        let text = String::from_utf8_lossy(bytes);
        // Pieces of a line are pieces of the text.
        for line in text.lines().map(str::trim).filter(|line| line.len() < PIECE) {
            hidden.hide(line.as_bytes());
        }
        let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !br#""'\<>&"#.contains(byte);
        if bytes.iter().all(is_plain) {
            return;
        }
        if text.as_bytes() != bytes {
            hidden.hide(text.as_bytes());
        }
        self.hide_quoted(hidden, &text);
        self.hide_go_quoted(hidden, bytes);
    }

    /// As Go quotes a text by `%q`, where that differs from the other ways: control characters, and bytes that are no UTF-8.
    fn hide_go_quoted(&mut self, hidden: &mut Hidden<'_>, bytes: &[u8]) {
        let differs = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r');
        if !bytes.iter().any(differs) && std::str::from_utf8(bytes).is_ok() {
            return;
        }
        self.bytes.clear();
        for chunk in bytes.utf8_chunks() {
            for byte in chunk.valid().bytes() {
                let short = match byte {
                    0x07 => b'a',
                    0x08 => b'b',
                    0x0b => b'v',
                    0x0c => b'f',
                    b'\t' => b't',
                    b'\n' => b'n',
                    b'\r' => b'r',
                    b'"' | b'\\' => byte,
                    _ if byte.is_ascii_control() => {
                        self.bytes.extend_from_slice(b"\\x");
                        self.bytes.extend(hex(byte));
                        continue;
                    }
                    _ => {
                        self.bytes.push(byte);
                        continue;
                    }
                };
                self.bytes.extend([b'\\', short]);
            }
            for byte in chunk.invalid() {
                self.bytes.extend_from_slice(b"\\x");
                self.bytes.extend(hex(*byte));
            }
        }
        hidden.hide(&self.bytes);
    }

    /// As Go (`%q`) and JSON quote a text, and as JSON is written for HTML.
    fn hide_quoted(&mut self, hidden: &mut Hidden<'_>, text: &str) {
        self.text.clear();
        // What stands for a byte that is no UTF-8 is not escaped, but for the library it is expensive to find that out.
        for (at, part) in text.split(char::REPLACEMENT_CHARACTER).enumerate() {
            self.text.extend((at > 0).then_some(char::REPLACEMENT_CHARACTER));
            self.text.extend(part.escape_debug());
        }
        hidden.hide(self.text.as_bytes());
        self.written(hidden, text.escape_default());
        let json = serde_json::Value::from(text).to_string();
        let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(&json);
        hidden.hide(json.as_bytes());
        if text.contains(['<', '>', '&', '"']) {
            self.replaced(hidden, json, |byte| match byte {
                b'<' => Some("\\u003c"),
                b'>' => Some("\\u003e"),
                b'&' => Some("\\u0026"),
                _ => None,
            });
            self.hide_html(hidden, text, None);
        }
        if text.contains('\'') {
            self.hide_html(hidden, text, Some("&#39;"));
        }
    }

    /// As HTML has a text. Not everybody replaces apostrophes there: `apostrophe` is what stands for one, if they do.
    fn hide_html(&mut self, hidden: &mut Hidden<'_>, text: &str, apostrophe: Option<&'static str>) {
        self.replaced(hidden, text, |byte| match byte {
            b'<' => Some("&lt;"),
            b'>' => Some("&gt;"),
            b'&' => Some("&amp;"),
            b'"' => Some("&#34;"),
            b'\'' => apostrophe,
            _ => None,
        });
    }

    fn written(&mut self, hidden: &mut Hidden<'_>, encoded: impl std::fmt::Display) {
        use std::fmt::Write as _;
        self.text.clear();
        // Writing to a string does not fail.
        let _ = write!(self.text, "{encoded}");
        hidden.hide(self.text.as_bytes());
    }

    fn replaced(&mut self, hidden: &mut Hidden<'_>, text: &str, instead: impl Fn(u8) -> Option<&'static str>) {
        self.bytes.clear();
        for byte in text.bytes() {
            match instead(byte) {
                Some(instead) => self.bytes.extend_from_slice(instead.as_bytes()),
                None => self.bytes.push(byte),
            }
        }
        hidden.hide(&self.bytes);
    }
}
