//! An answer of one of the two servers, and what of it has to be the same.

use k8s_replicator_sim::api::http::Reply;
use serde_json::{Map, Value, json};

use super::protobuf;

/// A whole answer.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) retry_after: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn of_model(reply: Reply) -> Self {
        Self {
            status: reply.status,
            content_type: reply.content_type.to_owned(),
            retry_after: reply.retry_after.map(|seconds| seconds.to_string()),
            body: reply.body,
        }
    }

    pub(super) fn of_real(response: http::Response<Vec<u8>>) -> Self {
        let header = |name| response.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
        Self {
            status: response.status().as_u16(),
            content_type: header(http::header::CONTENT_TYPE).unwrap_or_default(),
            retry_after: header(http::header::RETRY_AFTER),
            body: response.into_body(),
        }
    }

    pub(super) fn is_protobuf(&self) -> bool {
        self.body.starts_with(b"k8s\0")
    }

    /// The answer as JSON, and where it is protobuf the order of its fields.
    pub(super) fn read(&self) -> (Value, Vec<String>) {
        if self.is_protobuf() {
            let read = protobuf::read(&self.body);
            return (read.value, read.layout);
        }
        let text = || String::from_utf8_lossy(&self.body);
        (serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}: {}", self.status, text())), Vec::new())
    }

    pub(super) fn json(&self) -> Value {
        self.read().0
    }

    /// What has to be the same in it: all, with what differs by nature replaced by what it is.
    pub(super) fn comparable(&self) -> String {
        let (value, layout) = self.read();
        let head = format!("{} {} {:?}", self.status, self.content_type, self.retry_after);
        format!("{head} {} {:#?}", comparable(&value), comparable_layout(&layout))
    }
}

/// The fields in the order in which each is there for the first time: items of a list, entries of `managedFields` too, have equal fields, and
/// some entries are left out. `time` is left out as in [`managers`].
fn comparable_layout(layout: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for path in layout {
        if !shown.contains(path) && path != ".metadata.managedFields.time" {
            shown.push(path.clone());
        }
    }
    shown
}

/// The same for an object, or a part of it.
pub(super) fn comparable(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let shown = object.iter().map(|(name, value)| {
                let value = match (&**name, value) {
                    ("uid", Value::String(text)) if !text.is_empty() => json!("a uid"),
                    ("resourceVersion", Value::String(text)) if !text.is_empty() => json!("a version"),
                    ("continue", Value::String(text)) if !text.is_empty() => json!("a token"),
                    ("creationTimestamp" | "deletionTimestamp" | "time", Value::String(text)) => json!(time(text)),
                    ("managedFields", Value::Array(entries)) => managers(entries),
                    ("message", Value::String(text)) => json!(message(text)),
                    ("causes", Value::Array(causes)) if causes.iter().all(is_conflict) => {
                        let mut causes: Vec<String> =
                            causes.iter().map(|cause| comparable(cause).to_string()).collect();
                        causes.sort();
                        json!(causes)
                    }
                    _ => comparable(value),
                };
                (name.clone(), value)
            });
            Value::Object(shown.collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.iter().map(comparable).collect()),
        other => other.clone(),
    }
}

/// With several managers the API server names the conflicts of an apply in the order of a Go map, which is none. Of all other causes of a
/// refusal the order counts.
fn is_conflict(cause: &Value) -> bool {
    cause["reason"] == "FieldManagerConflict"
}

/// A time that is there, as JSON shows it, or as protobuf does.
fn time(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect::<String>()
        .replace("00", "0")
        .replace("00", "0")
}

/// A message without uids and numbers.
fn message(text: &str) -> String {
    let is_uid = |word: &str| word.len() == 36 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let (mut shown, mut word) = (String::new(), String::new());
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() || c == '-' {
            word.push(c);
            continue;
        }
        let is_number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
        shown.push_str(if is_uid(&word) {
            "UID"
        } else if is_number {
            "N"
        } else {
            &word
        });
        word.clear();
        shown.extend(Some(c).filter(|c| *c != '\0'));
    }
    shown
}

/// Who owns what. Owners of `finalizers`, and of labels and annotations without any entry, are left out: see the [model](super).
fn managers(entries: &[Value]) -> Value {
    let shown = entries.iter().filter_map(|entry| {
        let mut entry = comparable(entry);
        // An API server drops it where an apply changes nothing but owners.
        entry.as_object_mut()?.remove("time");
        let fields = entry.as_object_mut()?.get_mut("fieldsV1")?;
        // Protobuf has the JSON as a text within.
        let fields = if fields.get("raw").is_some() { &mut fields["raw"] } else { fields };
        if let Some(of_metadata) = fields["f:metadata"].as_object_mut() {
            of_metadata.remove("f:finalizers");
            of_metadata.retain(|_, map| *map != json!({}));
        }
        if fields["f:metadata"] == json!({}) || fields["f:metadata"].is_null() {
            fields.as_object_mut()?.remove("f:metadata");
        }
        let has_fields = *fields != json!({});
        has_fields.then(|| entry.to_string())
    });
    let mut shown: Vec<String> = shown.collect();
    shown.sort();
    json!(shown)
}
