//! The content of a whole object: what [`content_from_json`](crate::observed::content_from_json) reads from JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{Fields, Malformed, Value};
use crate::kind::{Kind, Message, Values};
use crate::payload::{Content, Payload};

/// Reads the content of a whole object of this kind, the [`content`](super::content) of an answer: the data as the JSON that the API server would
/// have written, so that a [digest](Payload::digest) does not depend on how it came.
///
/// # Errors
/// When it is none, or a key or a text is no UTF-8.
pub fn object_content(object: &[u8], kind: &dyn Kind) -> Result<Content, Malformed> {
    let Message { data, type_: type_field, immutable: immutable_field } = *kind.message();
    let mut maps = vec![BTreeMap::new(); data.len()];
    let (mut type_, mut immutable) = ("", false);
    for field in Fields::of(object) {
        let (number, value) = field?;
        if let Some(at) = data.iter().position(|(field, _)| *field == number) {
            let (mut key, mut bytes) = ("", &[][..]);
            for field in Fields::of(value.bytes()) {
                match field? {
                    (1, text) => key = text.text().ok_or(Malformed(0))?,
                    (2, value) => bytes = value.bytes(),
                    _ => {}
                }
            }
            // The API server writes maps in key order; of a key that comes twice the last counts.
            maps[at].insert(key, bytes);
        } else if type_field == Some(number) {
            type_ = value.text().ok_or(Malformed(0))?;
        } else if number == immutable_field {
            immutable = value == Value::Number(1);
        }
    }
    let fields = data.iter().zip(&maps).map(|((_, values), map)| json(map, *values).map(|json| Some(Arc::from(json))));
    let payload = Payload::new(fields.collect::<Result<Vec<_>, _>>()?);
    Ok(Content { type_: type_field.is_some().then(|| type_.into()), immutable, payload })
}

fn json(map: &BTreeMap<&str, &[u8]>, values: Values) -> Result<String, Malformed> {
    let mut json = String::with_capacity(map.iter().map(|(key, value)| key.len() + value.len() * 4 / 3 + 10).sum());
    for (key, value) in map {
        json.push(if json.is_empty() { '{' } else { ',' });
        push_text(&mut json, key)?;
        json.push(':');
        match values {
            Values::Text => push_text(&mut json, std::str::from_utf8(value).map_err(|_| Malformed(0))?)?,
            Values::Base64 => {
                json.push('"');
                BASE64_STANDARD.encode_string(value, &mut json);
                json.push('"');
            }
        }
    }
    json.push_str(if json.is_empty() { "{}" } else { "}" });
    Ok(json)
}

fn push_text(json: &mut String, text: &str) -> Result<(), Malformed> {
    json.push_str(&serde_json::to_string(text).map_err(|_| Malformed(0))?);
    Ok(())
}
