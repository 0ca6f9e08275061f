//! The bodies of writes.
//!
//! Updates are JSON Patches: they replace all data without reading the target, and leave everything else on it alone. The
//! precondition is a `replace` of the resourceVersion, which the server answers by 409 if it is not the current one (a
//! `test` would give 422). Data is spliced in as raw JSON, in its short form.

mod short;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use k8s_replicator_core::action::{Create, Delete, Update};
use k8s_replicator_core::annotations::{Annotation, Dialect};
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::payload::Payload;
use serde_json::{Value, json};

use short::short;

/// The object to be made.
#[must_use]
pub fn create(create: &Create, kind: &dyn Kind, dialect: &Dialect) -> String {
    let annotations: BTreeMap<String, &str> =
        create.annotations.iter().map(|(annotation, text)| (dialect.key(*annotation), &**text)).collect();
    let mut object = json!({
        "apiVersion": "v1",
        "kind": kind.name(),
        "metadata": {
            "namespace": create.target.namespace(),
            "name": create.target.name(),
            "annotations": annotations,
            "labels": &*create.labels,
        },
    });
    if let Some(type_) = &create.type_ {
        object["type"] = json!(**type_);
    }
    let mut body = object.to_string();
    body.pop();
    for (field, raw) in fields(kind, &create.payload).filter_map(|(field, raw)| Some((field, raw?))) {
        push(&mut body, &[",\"", field, "\":", &raw]);
    }
    body.push('}');
    body
}

/// The JSON Patch of an update.
#[must_use]
pub fn update(update: &Update, kind: &dyn Kind, dialect: &Dialect) -> String {
    let mut body = String::from("[");
    let mut operation = |operation: Value| {
        let comma = if body.len() > 1 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(body, "{comma}{operation}");
    };
    if let Some(type_) = update.data.as_ref().and_then(|data| data.expected_type.as_deref()) {
        operation(json!({ "op": "test", "path": "/type", "value": type_ }));
    }
    let uid = update.precondition.uid.to_string();
    let version = update.precondition.resource_version.to_string();
    operation(json!({ "op": "replace", "path": "/metadata/uid", "value": uid }));
    operation(json!({ "op": "replace", "path": "/metadata/resourceVersion", "value": version }));
    for (annotation, text) in &update.annotations.set {
        operation(json!({ "op": "add", "path": pointer(*annotation, dialect), "value": **text }));
    }
    for annotation in &update.annotations.remove {
        operation(json!({ "op": "remove", "path": pointer(*annotation, dialect) }));
    }
    for (field, raw) in update.data.iter().flat_map(|data| fields(kind, &data.payload)) {
        // "add" replaces what is there; null takes it away, also where nothing is there.
        push(&mut body, &[r#",{"op":"add","path":"/"#, field, r#"","value":"#, raw.as_deref().unwrap_or("null"), "}"]);
    }
    body.push(']');
    body
}

/// The options of a delete.
#[must_use]
pub fn delete(delete: &Delete) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {
            "uid": delete.precondition.uid.to_string(),
            "resourceVersion": delete.precondition.resource_version.to_string(),
        },
    })
    .to_string()
}

fn push(body: &mut String, pieces: &[&str]) {
    body.reserve(pieces.iter().map(|piece| piece.len()).sum());
    pieces.iter().for_each(|piece| body.push_str(piece));
}

/// Each data field with its raw JSON; `None`: it holds nothing.
fn fields<'a>(kind: &'a dyn Kind, payload: &'a Payload) -> impl Iterator<Item = (&'static str, Option<Cow<'a, str>>)> {
    kind.data_fields().iter().copied().zip(payload.fields().map(|raw| raw.map(short)))
}

/// JSON Pointer (RFC 6901) of an annotation.
fn pointer(annotation: Annotation, dialect: &Dialect) -> String {
    format!("/metadata/annotations/{}", dialect.key(annotation).replace('~', "~0").replace('/', "~1"))
}

/// Takes every value of the payload out of a message of the server's. The API server itself does not repeat values of
/// Secrets, but an admission webhook may.
#[must_use]
pub fn redact(message: &str, payload: &Payload) -> String {
    use base64::Engine as _;
    /// Shorter values say nothing, and stand in many words.
    const SHORTEST: usize = 4;
    let mut values: Vec<String> = Vec::new();
    for raw in payload.fields().flatten() {
        let map: BTreeMap<String, String> = serde_json::from_str(raw).unwrap_or_default();
        for value in map.into_values() {
            let decoded = base64::engine::general_purpose::STANDARD.decode(&value).ok();
            if let Some(text) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
                // As Go and JSON quote it, in one piece or line by line.
                values.push(text.escape_debug().to_string());
                values.push(serde_json::Value::from(text.as_str()).to_string().trim_matches('"').to_owned());
                values.extend(text.lines().map(str::to_owned));
                values.push(text);
            }
            values.push(value);
        }
    }
    values.retain(|value| value.len() >= SHORTEST);
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.iter().fold(message.to_owned(), |message, value| message.replace(value.as_str(), "[redacted]"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use k8s_replicator_core::action::{AnnotationChange, NewData, Precondition};
    use k8s_replicator_core::kind::{ConfigMap, Secret};
    use k8s_replicator_core::names::Key;
    use k8s_replicator_core::observed::{ResourceVersion, Uid};

    use super::*;

    fn dialect() -> Dialect {
        Dialect::new("k8s-replicator/", false)
    }

    fn precondition() -> Precondition {
        Precondition { uid: Uid::new("u-1"), resource_version: ResourceVersion::new("17") }
    }

    #[test]
    fn a_create_has_everything_at_once() {
        let action = Create {
            target: Key::new("ns", "a").unwrap().into(),
            annotations: [(Annotation::ReplicatedBy, "x/\"y".into())].into(),
            labels: Arc::new([("l".to_owned(), "v".to_owned())].into()),
            type_: Some("Opaque".into()),
            payload: Payload::new([Some(r#"{"k":"dg=="}"#.into())]),
        };
        assert_eq!(
            create(&action, &Secret, &dialect()),
            concat!(
                r#"{"apiVersion":"v1","kind":"Secret","metadata":{"annotations":{"k8s-replicator/replicated-by":"x/\"y"},"#,
                r#""labels":{"l":"v"},"name":"a","namespace":"ns"},"type":"Opaque","data":{"k":"dg=="}}"#
            )
        );
        let empty = Create { type_: None, payload: Payload::new([None, None]), annotations: [].into(), ..action };
        assert_eq!(
            create(&empty, &ConfigMap, &dialect()),
            concat!(
                r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"annotations":{},"labels":{"l":"v"},"#,
                r#""name":"a","namespace":"ns"}}"#
            )
        );
    }

    /// SPEC 9.16: what the API server made longer is written in the short form.
    #[test]
    fn data_is_written_in_the_short_form() {
        let data =
            NewData { payload: Payload::new([Some(r#"{"k":"\u003ca\u003e"}"#.into()), None]), expected_type: None };
        let (target, annotations) = (Key::new("ns", "a").unwrap().into(), AnnotationChange::default());
        let action = Update { target, precondition: precondition(), annotations, data: Some(data) };
        assert!(update(&action, &ConfigMap, &dialect()).contains(r#""value":{"k":"<a>"}"#));
    }

    #[test]
    fn an_update_names_what_it_was_decided_on_and_replaces_all_data() {
        let data = NewData {
            payload: Payload::new([Some(r#"{"k":"v"}"#.into()), None]),
            expected_type: Some("kubernetes.io/tls".into()),
        };
        let action = Update {
            target: Key::new("ns", "a").unwrap().into(),
            precondition: precondition(),
            annotations: AnnotationChange {
                set: [(Annotation::ReplicatedAt, "now".into())].into(),
                remove: vec![Annotation::ReplicateTo],
            },
            data: Some(data),
        };
        let operations: Value = serde_json::from_str(&update(&action, &ConfigMap, &dialect())).unwrap();
        assert_eq!(
            operations,
            json!([
                { "op": "test", "path": "/type", "value": "kubernetes.io/tls" },
                { "op": "replace", "path": "/metadata/uid", "value": "u-1" },
                { "op": "replace", "path": "/metadata/resourceVersion", "value": "17" },
                { "op": "add", "path": "/metadata/annotations/k8s-replicator~1replicated-at", "value": "now" },
                { "op": "remove", "path": "/metadata/annotations/k8s-replicator~1replicate-to" },
                { "op": "add", "path": "/data", "value": { "k": "v" } },
                { "op": "add", "path": "/binaryData", "value": null },
            ])
        );
        let annotations_only = Update { data: None, annotations: AnnotationChange::default(), ..action };
        let operations: Value = serde_json::from_str(&update(&annotations_only, &Secret, &dialect())).unwrap();
        assert_eq!(operations.as_array().map(Vec::len), Some(2), "only the precondition");
    }

    #[test]
    fn a_delete_names_what_it_was_decided_on() {
        let action = Delete { target: Key::new("ns", "a").unwrap().into(), precondition: precondition() };
        let options: Value = serde_json::from_str(&delete(&action)).unwrap();
        assert_eq!(options["preconditions"], json!({ "uid": "u-1", "resourceVersion": "17" }));
    }

    #[test]
    fn values_never_come_back_in_a_message() {
        // "hunter22" and "ab"
        let payload = Payload::new([Some(r#"{"k":"aHVudGVyMjI=","short":"YWI="}"#.into())]);
        let message = "denied: hunter22 (aHVudGVyMjI=) of k; ab is fine";
        assert_eq!(redact(message, &payload), "denied: [redacted] ([redacted]) of k; ab is fine");
    }
}
