//! The bodies of writes.
//!
//! Updates are JSON Patches: they replace all data without reading the target, and leave everything else on it alone. The
//! precondition is a `replace` of the resourceVersion, which the server answers by 409 if it is not the current one (a
//! `test` would give 422). Data is spliced in as raw JSON, in its short form.

mod short;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_replicator_core::action::{Adopt, Create, Delete, MetadataChange, Precondition, Update};
use k8s_replicator_core::annotations::{Annotation, Dialect};
use k8s_replicator_core::bug;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::payload::Payload;
use serde_json::{Value, json};

use short::short;

/// Bytes that all of a body but its data takes, as a rule.
const ROOM: usize = 1_024;

/// The body of a create: the whole object.
#[must_use]
pub fn create(create: &Create, kind: &dyn Kind, dialect: &Dialect) -> String {
    let own: Vec<(String, &str)> =
        create.annotations().iter().map(|(annotation, text)| (dialect.key(*annotation), &**text)).collect();
    let own = own.iter().map(|(key, text)| (&**key, *text));
    let annotations: BTreeMap<&str, &str> = own.chain(texts(&create.carried().annotations)).collect();
    let created_with = create.labels().iter().filter(|_| !bug!(CreatedWithoutLabels));
    let labels = created_with.map(|(key, value)| (&**key, &**value));
    let labels: BTreeMap<&str, &str> = labels.chain(texts(&create.carried().labels)).collect();
    let mut body = String::with_capacity(ROOM + create.payload().size());
    push(&mut body, &[r#"{"apiVersion":"v1","kind":""#, kind.name(), r#"","metadata":{"namespace":"#]);
    push_text(&mut body, create.target().namespace());
    push(&mut body, &[r#","name":"#]);
    push_text(&mut body, create.target().name());
    push(&mut body, &[r#","annotations":"#]);
    push_map(&mut body, &annotations);
    push(&mut body, &[r#","labels":"#]);
    push_map(&mut body, &labels);
    body.push('}');
    if let Some(type_) = create.type_() {
        push(&mut body, &[r#","type":"#]);
        push_text(&mut body, type_);
    }
    for (field, raw) in fields(kind, create.payload()).filter_map(|(field, raw)| Some((field, raw?))) {
        push(&mut body, &[",\"", field, "\":", &raw]);
    }
    body.push('}');
    body
}

/// The server-side apply of an adoption: of `replicated-by` alone, with its current value. Nothing changes but that the controller
/// becomes an owner of it. The other manager stays an owner, so that nothing has to be forced.
#[must_use]
pub fn adopt(adopt: &Adopt, kind: &dyn Kind, dialect: &Dialect) -> String {
    let Precondition { uid, resource_version } = adopt.precondition();
    let by = dialect.key(Annotation::ReplicatedBy);
    json!({
        "apiVersion": "v1",
        "kind": kind.name(),
        "metadata": {
            "namespace": adopt.target().namespace(),
            "name": adopt.target().name(),
            "uid": uid.to_string(),
            "resourceVersion": resource_version.to_string(),
            "annotations": BTreeMap::from([(by, adopt.creator().as_str())]),
        },
    })
    .to_string()
}

/// The JSON Patch of an update.
#[must_use]
pub fn update(update: &Update, kind: &dyn Kind, dialect: &Dialect) -> String {
    let mut body = String::with_capacity(ROOM + update.data().map_or(0, |data| data.payload.size()));
    body.push('[');
    if let Some(type_) = update.data().and_then(|data| data.expected_type.as_deref()) {
        push_operation(&mut body, "test", "/type", Some(type_));
    }
    let Precondition { uid, resource_version } = update.precondition();
    push_operation(&mut body, "replace", "/metadata/uid", Some(&uid.to_string()));
    if !bug!(UpdateWithoutVersion) {
        push_operation(&mut body, "replace", "/metadata/resourceVersion", Some(&resource_version.to_string()));
    }
    for (annotation, text) in &update.annotations().set {
        push_operation(&mut body, "add", &pointer("annotations", &dialect.key(*annotation)), Some(text));
    }
    for annotation in &update.annotations().remove {
        push_operation(&mut body, "remove", &pointer("annotations", &dialect.key(*annotation)), None);
    }
    let MetadataChange { labels, annotations, has_labels } = update.metadata();
    if !has_labels && !labels.set.is_empty() {
        // A member cannot be added to a map that is not there. The precondition holds for that too.
        push(&mut body, &[r#",{"op":"add","path":"/metadata/labels","value":{}}"#]);
    }
    for (map, change) in [("labels", labels), ("annotations", annotations)] {
        for (key, value) in &change.set {
            push_operation(&mut body, "add", &pointer(map, key), Some(value));
        }
        for key in &change.remove {
            push_operation(&mut body, "remove", &pointer(map, key), None);
        }
    }
    for (field, raw) in update.data().into_iter().flat_map(|data| fields(kind, &data.payload)) {
        // "add" replaces a field that exists; the value null removes it, and is no error where the field is missing.
        push(&mut body, &[r#",{"op":"add","path":"/"#, field, r#"","value":"#, raw.as_deref().unwrap_or("null"), "}"]);
    }
    body.push(']');
    body
}

/// The options of a delete.
#[must_use]
pub fn delete(delete: &Delete) -> String {
    let Precondition { uid, resource_version } = delete.precondition();
    if bug!(DeleteWithoutPreconditions) {
        return "{}".to_owned();
    }
    json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {
            "uid": uid.to_string(),
            "resourceVersion": resource_version.to_string(),
        },
    })
    .to_string()
}

fn push(body: &mut String, pieces: &[&str]) {
    body.reserve(pieces.iter().map(|piece| piece.len()).sum());
    pieces.iter().for_each(|piece| body.push_str(piece));
}

/// A text as JSON. (What a cluster holds of names, labels and annotations needs an escape hardly ever.)
fn push_text(body: &mut String, text: &str) {
    match text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        false => push(body, &["\"", text, "\""]),
        true => body.push_str(&Value::from(text).to_string()),
    }
}

fn push_map(body: &mut String, map: &BTreeMap<&str, &str>) {
    body.push('{');
    for (at, (key, value)) in map.iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        push_text(body, key);
        body.push(':');
        push_text(body, value);
    }
    body.push('}');
}

/// One operation of a JSON Patch (RFC 6902).
fn push_operation(body: &mut String, op: &str, path: &str, value: Option<&str>) {
    let comma = if body.len() > 1 { "," } else { "" };
    push(body, &[comma, r#"{"op":""#, op, r#"","path":"#]);
    push_text(body, path);
    if let Some(value) = value {
        push(body, &[r#","value":"#]);
        push_text(body, value);
    }
    body.push('}');
}

fn texts(map: &BTreeMap<Arc<str>, Arc<str>>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(key, value)| (&**key, &**value))
}

/// Each data field with its raw JSON; `None`: it holds nothing.
fn fields<'a>(kind: &'a dyn Kind, payload: &'a Payload) -> impl Iterator<Item = (&'static str, Option<Cow<'a, str>>)> {
    kind.data_fields().iter().copied().zip(payload.fields().map(|raw| raw.map(short)))
}

/// JSON Pointer (RFC 6901) of a label or an annotation.
fn pointer(map: &str, key: &str) -> String {
    format!("/metadata/{map}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use k8s_replicator_core::action::Action;
    use k8s_replicator_core::kind::{ConfigMap, Secret};

    use super::super::sample;
    use super::*;

    fn dialect() -> Dialect {
        Dialect::new("k8s-replicator/", false)
    }

    fn created(kind: &'static dyn Kind, type_: Option<&str>, payload: &Payload) -> String {
        let Action::Create(action) = sample::create(kind, type_, payload) else { panic!("no create") };
        create(&action, kind, &dialect())
    }

    fn updated(kind: &dyn Kind, action: &Action) -> Value {
        let Action::Update(action) = action else { panic!("no update") };
        serde_json::from_str(&update(action, kind, &dialect())).unwrap()
    }

    #[test]
    fn a_create_has_everything_at_once() {
        let metadata = concat!(
            r#""metadata":{"namespace":"ns","name":"a","annotations":{"k8s-replicator/replicated-at":"now","#,
            r#""k8s-replicator/replicated-by":"x/src","k8s-replicator/replicated-from-version":"5"},"labels":{"l":"v"}}"#
        );
        let payload = Payload::new([Some(r#"{"k":"dg=="}"#.into())]);
        let expected =
            format!(r#"{{"apiVersion":"v1","kind":"Secret",{metadata},"type":"Opaque","data":{{"k":"dg=="}}}}"#);
        assert_eq!(created(&Secret, Some("Opaque"), &payload), expected);
        let expected = format!(r#"{{"apiVersion":"v1","kind":"ConfigMap",{metadata}}}"#);
        assert_eq!(created(&ConfigMap, None, &Payload::new([None, None])), expected);
    }

    #[test]
    fn every_text_is_json() {
        for text in ["", "plain", "a\"b", "back\\slash", "line\nfeed", "\n", "\u{0}\u{1f}\u{7f}", "é語😀\u{2028}"] {
            let (mut alone, mut map, mut patch) = (String::new(), String::new(), String::from("["));
            push_text(&mut alone, text);
            assert_eq!(serde_json::from_str::<Value>(&alone).unwrap(), json!(text), "{alone}");
            push_map(&mut map, &BTreeMap::from([(text, text), ("second", "x")]));
            assert_eq!(serde_json::from_str::<Value>(&map).unwrap(), json!({ text: text, "second": "x" }), "{map}");
            push_operation(&mut patch, "add", text, Some(text));
            push_operation(&mut patch, "remove", text, None);
            let expected = json!([{ "op": "add", "path": text, "value": text }, { "op": "remove", "path": text }]);
            assert_eq!(serde_json::from_str::<Value>(&(patch + "]")).unwrap(), expected);
        }
    }

    /// SPEC 9.16: data whose JSON the API server made longer is written in the short form.
    #[test]
    fn data_is_written_in_the_short_form() {
        let payload = Payload::new([Some(r#"{"k":"\u003ca\u003e"}"#.into()), None]);
        let Action::Update(update) = sample::update(&ConfigMap, None, &payload) else { panic!("no update") };
        assert!(super::update(&update, &ConfigMap, &dialect()).contains(r#""value":{"k":"<a>"}"#));
    }

    #[test]
    fn an_update_names_what_it_was_decided_on_and_replaces_all_data() {
        let annotations = [
            json!({ "op": "replace", "path": "/metadata/uid", "value": "u-1" }),
            json!({ "op": "replace", "path": "/metadata/resourceVersion", "value": "17" }),
            json!({ "op": "add", "path": "/metadata/annotations/k8s-replicator~1replicated-at", "value": "now" }),
        ];
        let version = json!({ "op": "add", "path": "/metadata/annotations/k8s-replicator~1replicated-from-version", "value": "5" });
        let remove = json!({ "op": "remove", "path": "/metadata/annotations/k8s-replicator~1replicate-to" });
        let data = json!({ "op": "add", "path": "/data", "value": { "k": "dg==" } });
        let type_ = json!({ "op": "test", "path": "/type", "value": "Opaque" });
        let binary = json!({ "op": "add", "path": "/binaryData", "value": null });
        let payload = || Payload::new([Some(r#"{"k":"dg=="}"#.into()), None]);
        let with_data = [&annotations[..], &[version, remove.clone(), data]].concat();
        let found = updated(&ConfigMap, &sample::update(&ConfigMap, None, &payload()));
        assert_eq!(found, json!([&with_data[..], &[binary]].concat()));
        let payload = Payload::new(payload().fields().take(1).map(|field| field.map(Into::into)));
        let found = updated(&Secret, &sample::update(&Secret, Some("Opaque"), &payload));
        assert_eq!(found, json!([&[type_], &with_data[..]].concat()));
        let found = updated(&Secret, &sample::update_annotations(&Secret, Some("Opaque")));
        assert_eq!(found, json!([&annotations[..], &[remove]].concat()), "only annotations");
    }

    /// SPEC 11.6: labels that others set stay; a missing map is created before something is added to it.
    #[test]
    fn labels_are_set_and_taken_off_one_by_one() {
        let of_labels = |noted: Option<&str>, labels: &[(&str, &str)]| -> Vec<Value> {
            let operations = updated(&ConfigMap, &sample::update_labels(&ConfigMap, noted, labels));
            let is_label = |operation: &Value| operation["path"].as_str().unwrap().starts_with("/metadata/labels");
            operations.as_array().unwrap().iter().filter(|operation| is_label(operation)).cloned().collect()
        };
        let team = json!({ "op": "add", "path": "/metadata/labels/team", "value": "red" });
        let none = json!({ "op": "add", "path": "/metadata/labels", "value": {} });
        assert_eq!(of_labels(None, &[]), [none.clone(), team.clone()]);
        assert_eq!(of_labels(None, &[("own", "x")]), std::slice::from_ref(&team));
        let gone = json!({ "op": "remove", "path": "/metadata/labels/a~1b" });
        assert_eq!(of_labels(Some("a/b,c"), &[("a/b", "x"), ("own", "x")]), [team, gone]);
    }

    /// SPEC 11.6: a new replica has the labels that are copied too, besides those that all replicas have.
    #[test]
    fn a_create_has_the_labels_that_are_copied() {
        let Action::Create(action) = sample::create_labelled(&ConfigMap) else { panic!("no create") };
        let body: Value = serde_json::from_str(&create(&action, &ConfigMap, &dialect())).unwrap();
        assert_eq!(body["metadata"]["labels"], json!({ "l": "v", "team": "red" }));
    }

    #[test]
    fn an_adoption_applies_replicated_by_alone() {
        let Action::Adopt(action) = sample::adopt(&Secret, Some("Opaque")) else { panic!("no adoption") };
        let body: Value = serde_json::from_str(&adopt(&action, &Secret, &dialect())).unwrap();
        let metadata = json!({
            "namespace": "ns", "name": "a", "uid": "u-1", "resourceVersion": "17",
            "annotations": { "k8s-replicator/replicated-by": "x/src" },
        });
        assert_eq!(body, json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata }));
    }

    #[test]
    fn a_delete_names_what_it_was_decided_on() {
        let Action::Delete(action) = sample::delete(&Secret, Some("Opaque")) else { panic!("no delete") };
        let options: Value = serde_json::from_str(&delete(&action)).unwrap();
        assert_eq!(options["preconditions"], json!({ "uid": "u-1", "resourceVersion": "17" }));
    }
}
