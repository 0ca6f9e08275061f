//! The requests that create and update Events.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::{Occurrence, Party, Record, Settings};
use crate::watch::Entropy;
use crate::wire::{Expects, HttpRequest, JSON};

const MERGE_PATCH: &str = "application/merge-patch+json";
/// `reportingController`, which `kubectl describe` shows as the source.
const CONTROLLER: &str = "k8s-replicator";
/// The longest response that is taken. An Event is far smaller.
const LONGEST_RESPONSE: usize = 64 << 10;
/// The longest name that an object may have.
const LONGEST_NAME: usize = 253;
const LONGEST_INSTANCE: usize = 128;

/// A unique name for an Event: the object's, and eight random bytes.
pub(super) fn name(what: &Occurrence, entropy: &mut Entropy) -> String {
    let unique: String = (0..8).map(|_| format!("{:02x}", entropy())).collect();
    // Names are ASCII, and end in a letter or a digit, also where they are cut.
    let longest = LONGEST_NAME - unique.len() - 1;
    let object: String = what.regarding.key.name().chars().take(longest).collect();
    format!("{}.{unique}", object.trim_end_matches(['.', '-']))
}

/// The request that creates an Event.
pub(super) fn create(record: &Record, name: &str, settings: &Settings) -> HttpRequest {
    let what = &record.what;
    let instance: String = settings.instance.chars().take(LONGEST_INSTANCE).collect();
    let mut event = json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "name": name, "namespace": what.regarding.key.namespace(), "annotations": annotations(record, settings) },
        "eventTime": micro(record.last.time),
        "reportingController": CONTROLLER,
        "reportingInstance": instance,
        "action": what.action,
        "reason": what.reason.code(),
        "regarding": reference(&what.regarding),
        "note": what.note,
        "type": if what.is_warning { "Warning" } else { "Normal" },
    });
    if let Some(related) = &what.related {
        event["related"] = reference(related);
    }
    if record.count > 1 {
        event["series"] = series_of(record);
    }
    request(Method::POST, path(what, ""), JSON, &event)
}

/// The request that updates an Event's series, since the same happened again.
pub(super) fn series(record: &Record, name: &str, settings: &Settings) -> HttpRequest {
    let patch = json!({ "metadata": { "annotations": annotations(record, settings) }, "series": series_of(record) });
    request(Method::PATCH, path(&record.what, &format!("/{name}")), MERGE_PATCH, &patch)
}

fn path(what: &Occurrence, name: &str) -> String {
    let namespace = what.regarding.key.namespace();
    format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events{name}?fieldManager={CONTROLLER}")
}

fn request(method: Method, path: String, content_type: &'static str, body: &Value) -> HttpRequest {
    HttpRequest {
        method,
        path,
        accept: JSON,
        content_type: Some(content_type),
        body: Bytes::from(body.to_string()),
        expects: Expects::Whole(LONGEST_RESPONSE),
    }
}

/// The source's version is an annotation, and not part of the note, so that Events that differ in it alone are one series.
fn annotations(record: &Record, settings: &Settings) -> Value {
    record.version.as_ref().map_or(json!({}), |version| json!({ settings.version_key.as_str(): version.to_string() }))
}

fn reference(Party { kind, key, uid }: &Party) -> Value {
    let mut reference = json!({ "apiVersion": "v1", "kind": kind, "namespace": key.namespace(), "name": key.name() });
    if let Some(uid) = uid {
        reference["uid"] = json!(uid);
    }
    reference
}

fn series_of(record: &Record) -> Value {
    json!({ "count": record.count, "lastObservedTime": micro(record.last.time) })
}

/// As a `MicroTime`.
fn micro(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
