//! The data of a Secret or ConfigMap, on its way from one object to others.
//!
//! They are kept as the raw JSON that the API server sent and are spliced into writes as they are. Nothing here prints
//! them: `Debug` shows lengths only, and there is no `Display`.

mod spelling;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// The data fields of one object, as raw JSON, in the order of its kind's [`data_fields`](crate::kind::Kind::data_fields).
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    fields: Box<[Option<Arc<str>>]>,
}

impl Payload {
    /// Raw JSON of each data field; `None`, `null` and `{}` all mean that the field holds nothing.
    #[must_use]
    pub fn new(fields: impl IntoIterator<Item = Option<Arc<str>>>) -> Self {
        let holds_something = |json: &Arc<str>| !matches!(json.as_ref(), "null" | "{}");
        Self { fields: fields.into_iter().map(|field| field.filter(holds_something)).collect() }
    }

    /// Raw JSON of each field, or `None` where it holds nothing.
    pub fn fields(&self) -> impl Iterator<Item = Option<&str>> {
        self.fields.iter().map(Option::as_deref)
    }

    /// Whether no field holds anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.iter().all(Option::is_none)
    }

    /// Length of the raw JSON in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.fields().flatten().map(str::len).sum()
    }

    /// Whether some key has a value that is not empty.
    #[must_use]
    pub fn has_value(&self) -> bool {
        self.fields().flatten().any(|json| {
            let map = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(json);
            // A field that cannot be read is not taken for empty.
            map.map_or(true, |map| map.values().any(|value| !matches!(value.get(), "\"\"" | "null")))
        })
    }

    /// A fingerprint that is the same for the same data, however its JSON spells it (`\u003c` or `<`). The API server writes
    /// maps in key order, so that the keys' order is part of no spelling.
    #[must_use]
    pub fn digest(&self) -> Digest {
        /// Data that consists of escapes arrives in pieces of one byte; they are collected, and hashed together.
        const BLOCK: usize = 4096;
        let mut hash = Sha256::new();
        let mut block = Vec::with_capacity(BLOCK);
        let mut take = |bytes: &[u8]| {
            if block.len() + bytes.len() > BLOCK {
                hash.update(&block);
                block.clear();
            }
            match bytes.len() {
                BLOCK.. => hash.update(bytes),
                _ => block.extend_from_slice(bytes),
            }
        };
        for field in self.fields() {
            spelling::normal(field.unwrap_or(""), &mut take);
            // No UTF-8 has this byte, so no data reads on into the next field.
            take(&[0xff]);
        }
        hash.update(&block);
        Digest(hash.finalize().into())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.size())
    }
}

/// SHA-256 of a [`Payload`]. Its `Debug` is empty on purpose: a fingerprint of a short Secret can be guessed back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// One object's content as it was read at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// A Secret's `type`; `None` for kinds without one.
    pub type_: Option<Arc<str>>,
    /// Whether the API server refuses changes of the data.
    pub immutable: bool,
    /// The data.
    pub payload: Payload,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_nothing_however_it_is_written() {
        let of =
            |data: Option<&str>, binary: Option<&str>| Payload::new([data.map(Into::into), binary.map(Into::into)]);
        let empty = of(None, None);
        for (data, binary) in [(Some("null"), None), (Some("{}"), Some("{}")), (None, Some("null"))] {
            assert_eq!(of(data, binary), empty);
            assert_eq!(of(data, binary).digest(), empty.digest());
            assert!(of(data, binary).is_empty());
        }
        let data = of(Some(r#"{"a":"YQ=="}"#), None);
        let binary = of(None, Some(r#"{"a":"YQ=="}"#));
        assert!(!data.is_empty() && data.size() == 12);
        assert_ne!(data.digest(), binary.digest(), "the field that holds a value is part of the data");
        assert_ne!(data.digest(), empty.digest());
    }

    /// Issue 9: a digest must not depend on JSON's spelling: Go writes `<` as `\u003c`, the controller writes it in the short form.
    #[test]
    fn the_fingerprint_is_of_the_data_and_not_of_its_spelling() {
        let of = |json: &str| Payload::new([Some(json.into())]).digest();
        let same = [
            (r#"{"a":"\u003cb\u003e \u0026"}"#, r#"{"a":"<b> &"}"#),
            (r#"{"a":"\u003C"}"#, r#"{"a":"<"}"#),
            (r#"{"a":"\n\t\"\\"}"#, r#"{"a":"\u000a\u0009\u0022\u005c"}"#),
            (r#"{ "a" : "b c" }"#, r#"{"a":"b c"}"#),
        ];
        for (one, other) in same {
            assert_eq!(of(one), of(other), "{one} {other}");
        }
        for length in [4_000, 4_095, 4_096, 4_097, 10_000] {
            let (text, escaped) = ("<".repeat(length), "\\u003c".repeat(length));
            assert_eq!(of(&format!(r#"{{"a":"{text}"}}"#)), of(&format!(r#"{{"a":"{escaped}"}}"#)), "{length}");
        }
        assert_ne!(of(r#"{"a":"\\u003c"}"#), of(r#"{"a":"<"}"#), "a backslash of the data");
        assert_ne!(of(r#"{"a":"b  c"}"#), of(r#"{"a":"b c"}"#), "spaces of the data");
        assert_ne!(of(r#"{"a":"\",\"b\":\""}"#), of(r#"{"a":"","b":""}"#), "quotes of the data");
    }

    #[test]
    fn debug_shows_lengths_only() {
        let payload = Payload::new([Some(r#"{"password":"aHVudGVyMg=="}"#.into())]);
        let content = Content { type_: Some("Opaque".into()), immutable: false, payload };
        let shown = format!("{content:?} {:?}", content.payload.digest());
        assert_eq!(
            shown,
            "Content { type_: Some(\"Opaque\"), immutable: false, payload: Payload(27 bytes) } Digest(…)"
        );
    }
}
