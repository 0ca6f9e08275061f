//! The bodies of writes.
//!
//! Updates are JSON Patches: they replace all data without reading the target, and leave everything else on it alone. The
//! precondition is a `replace` of the resourceVersion, which the server answers by 409 if it is not the current one (a
//! `test` would give 422). Data is spliced in as raw JSON.

use std::collections::BTreeMap;

use k8s_replicator_core::action::{Create, Delete, Update};
use k8s_replicator_core::annotations::{Annotation, Dialect};
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::payload::Payload;
use serde_json::{Value, json};

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
        body.push_str(&format!(",\"{field}\":{raw}"));
    }
    body.push('}');
    body
}

/// The JSON Patch of an update.
#[must_use]
pub fn update(update: &Update, kind: &dyn Kind, dialect: &Dialect) -> String {
    let mut operations = Vec::new();
    let mut operation = |op: &str, path: &str, value: Value| {
        operations.push(json!({ "op": op, "path": path, "value": value }).to_string());
    };
    if let Some(type_) = update.data.as_ref().and_then(|data| data.expected_type.as_deref()) {
        operation("test", "/type", json!(type_));
    }
    operation("replace", "/metadata/uid", json!(update.precondition.uid.to_string()));
    operation("replace", "/metadata/resourceVersion", json!(update.precondition.resource_version.to_string()));
    for (annotation, text) in &update.annotations.set {
        operation("add", &pointer(*annotation, dialect), json!(**text));
    }
    for annotation in &update.annotations.remove {
        operations.push(json!({ "op": "remove", "path": pointer(*annotation, dialect) }).to_string());
    }
    for (field, raw) in update.data.iter().flat_map(|data| fields(kind, &data.payload)) {
        // "add" replaces what is there; null takes it away, also where nothing is there.
        operations.push(format!(r#"{{"op":"add","path":"/{field}","value":{}}}"#, raw.unwrap_or("null")));
    }
    format!("[{}]", operations.join(","))
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

fn fields<'a>(kind: &'a dyn Kind, payload: &'a Payload) -> impl Iterator<Item = (&'static str, Option<&'a str>)> {
    kind.data_fields().iter().copied().zip(payload.fields())
}

/// JSON Pointer (RFC 6901) of an annotation.
fn pointer(annotation: Annotation, dialect: &Dialect) -> String {
    format!("/metadata/annotations/{}", dialect.key(annotation).replace('~', "~0").replace('/', "~1"))
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
}
