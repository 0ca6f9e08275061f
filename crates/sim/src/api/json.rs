//! Objects and refusals as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use super::http::Refusal;
use super::object::{Data, Id, Object, Resource};

fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// `metadata`. What is no UTF-8 is written as U+FFFD, as Go does.
#[must_use]
pub fn metadata(object: &Object) -> Value {
    let mut metadata = json!({ "name": object.id.name, "uid": object.uid,
        "resourceVersion": object.version.to_string(), "creationTimestamp": time(object.created) });
    if !object.id.namespace.is_empty() {
        metadata["namespace"] = json!(object.id.namespace);
    }
    if let Some(deleted) = object.deleted {
        metadata["deletionTimestamp"] = json!(time(deleted));
        // A Namespace goes when it is empty.
        if object.id.resource != Resource::Namespace {
            metadata["deletionGracePeriodSeconds"] = json!(0);
        }
    }
    if !object.finalizers.is_empty() {
        metadata["finalizers"] = json!(object.finalizers);
    }
    if !object.labels.is_empty() {
        metadata["labels"] = json!(object.labels);
    }
    if !object.annotations.is_empty() {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let annotations: Map<String, Value> =
            object.annotations.iter().map(|(key, value)| (key.clone(), json!(text(value)))).collect();
        metadata["annotations"] = Value::Object(annotations);
    }
    if !object.managers.is_empty() {
        let entries: Vec<Value> = object
            .managers
            .iter()
            .map(|entry| {
                let fields: Value = serde_json::from_str(&entry.fields_v1()).unwrap_or_default();
                json!({ "manager": entry.name, "operation": entry.operation, "apiVersion": "v1",
                    "time": time(entry.time), "fieldsType": "FieldsV1", "fieldsV1": fields })
            })
            .collect();
        metadata["managedFields"] = Value::Array(entries);
    }
    metadata
}

/// Metadata alone.
#[must_use]
pub fn partial(object: &Object) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata(object) })
}

/// The object of a bookmark: nothing but a version.
#[must_use]
pub fn bookmark(version: u64) -> Value {
    let metadata = json!({ "resourceVersion": version.to_string() });
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })
}

/// All of it.
#[must_use]
pub fn whole(object: &Object) -> Value {
    let mut json = json!({ "kind": object.id.resource.kind(), "apiVersion": "v1", "metadata": metadata(object) });
    if let Some(type_) = &object.type_ {
        json["type"] = json!(type_);
    }
    if object.immutable {
        json["immutable"] = json!(true);
    }
    if !object.data.is_empty() {
        json["data"] = json!(object.data);
    }
    if !object.binary_data.is_empty() {
        json["binaryData"] = json!(object.binary_data);
    }
    json
}

/// A `Status`.
#[must_use]
pub fn status(refusal: &Refusal) -> Value {
    let mut status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": refusal.message,
        "reason": refusal.reason, "code": refusal.code });
    if refusal.reason.is_empty() {
        status.as_object_mut().map(|status| status.remove("reason"));
    }
    if !refusal.continue_.is_empty() {
        status["metadata"]["continue"] = json!(&*refusal.continue_);
    }
    if refusal.about.is_some() {
        status["details"] = json!({});
    }
    // What is empty is left out.
    let mut say = |name: &str, value: Value| status["details"][name] = value;
    for (name, value) in refusal
        .about
        .iter()
        .flat_map(|about| [("name", about.name.as_str()), ("group", about.group), ("kind", about.kind.as_str())])
    {
        if !value.is_empty() {
            say(name, json!(value));
        }
    }
    if !refusal.causes.is_empty() {
        let causes = refusal.causes.iter().map(|cause| {
            let all = [("reason", cause.reason), ("message", &*cause.message), ("field", &*cause.field)];
            let said = all.into_iter().filter(|(_, value)| !value.is_empty());
            Value::Object(said.map(|(name, value)| (name.to_owned(), json!(value))).collect())
        });
        say("causes", causes.collect());
    }
    if let Some(seconds) = refusal.retry_after {
        say("retryAfterSeconds", json!(seconds));
    }
    status
}

/// The `Status` of a deletion that left nothing.
#[must_use]
pub fn deleted(object: &Object) -> Value {
    let details = json!({ "name": object.id.name, "kind": object.id.resource.plural(), "uid": object.uid });
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}

/// Reads a whole object that somebody sends, onto what is stored (what only the server writes stays).
///
/// # Errors
/// When it cannot be decoded.
pub fn read(json: &Value, stored: Option<&Object>, id: &Id) -> Result<Object, Refusal> {
    let bad = |what: &str| Refusal::new(400, "BadRequest", format!("cannot be handled as a {what}"));
    let kind = id.resource.kind();
    let texts = |value: &Value| -> Result<Data, Refusal> {
        match value {
            Value::Null => Ok(Data::new()),
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| match value {
                    Value::String(text) => Ok((key.clone(), text.clone())),
                    Value::Null => Ok((key.clone(), String::new())),
                    _ => Err(bad(kind)),
                })
                .collect(),
            _ => Err(bad(kind)),
        }
    };
    let mut object = stored.cloned().unwrap_or_else(|| Object::new(id.clone()));
    let metadata = &json["metadata"];
    object.labels = texts(&metadata["labels"])?;
    let annotations = texts(&metadata["annotations"])?;
    let kept = std::mem::take(&mut object.annotations);
    object.annotations = annotations
        .into_iter()
        .map(|(key, value)| match kept.get(&key) {
            // It went to JSON and back inside the server, which does not change its bytes.
            Some(bytes) if String::from_utf8_lossy(bytes) == *value => (key, bytes.clone()),
            _ => (key, value.into_bytes()),
        })
        .collect();
    object.data = texts(&json["data"])?;
    object.binary_data = texts(&json["binaryData"])?;
    object.immutable = json["immutable"].as_bool().unwrap_or(false);
    object.finalizers = match &metadata["finalizers"] {
        Value::Array(list) => list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    if id.resource == Resource::Secret {
        object.type_ = Some(json["type"].as_str().filter(|type_| !type_.is_empty()).unwrap_or("Opaque").to_owned());
        if object.data.values().any(|value| BASE64.decode(value).is_err()) {
            return Err(bad(kind));
        }
    }
    Ok(object)
}
