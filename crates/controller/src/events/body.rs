//! Events as the API server takes them.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::{Occurrence, Party, Settings, Told};
use crate::watch::Entropy;
use crate::wire::{Expects, HttpRequest, JSON};

const MERGE_PATCH: &str = "application/merge-patch+json";
/// Who reports, as `kubectl describe` shows it.
const CONTROLLER: &str = "k8s-replicator";
/// An Event is far smaller. Of a longer answer nothing is needed.
const LONGEST_RESPONSE: usize = 64 << 10;
/// The longest name that an object may have.
const LONGEST_NAME: usize = 253;
const LONGEST_INSTANCE: usize = 128;

/// A name that no other Event has: the object's, and eight random bytes.
pub(super) fn name(what: &Occurrence, entropy: &mut Entropy) -> String {
    let unique: String = (0..8).map(|_| format!("{:02x}", entropy())).collect();
    // Names are ASCII, and end in a letter or a digit, also where they are cut.
    let longest = LONGEST_NAME - unique.len() - 1;
    let object: String = what.regarding.key.name().chars().take(longest).collect();
    format!("{}.{unique}", object.trim_end_matches(['.', '-']))
}

/// Makes an Event of what happened.
pub(super) fn create(told: &Told, name: &str, settings: &Settings) -> HttpRequest {
    let what = &told.what;
    let instance: String = settings.instance.chars().take(LONGEST_INSTANCE).collect();
    let mut event = json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "name": name, "namespace": what.regarding.key.namespace(), "annotations": annotations(told, settings) },
        "eventTime": micro(told.last.time),
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
    if told.count > 1 {
        event["series"] = series_of(told);
    }
    request(Method::POST, path(what, ""), JSON, &event)
}

/// The same happened again.
pub(super) fn series(told: &Told, name: &str, settings: &Settings) -> HttpRequest {
    let patch = json!({ "metadata": { "annotations": annotations(told, settings) }, "series": series_of(told) });
    request(Method::PATCH, path(&told.what, &format!("/{name}")), MERGE_PATCH, &patch)
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

/// Not in the note: so Events that differ in it alone are one.
fn annotations(told: &Told, settings: &Settings) -> Value {
    told.version.as_ref().map_or(json!({}), |version| json!({ settings.version_key.as_str(): version.to_string() }))
}

fn reference(Party { kind, key, uid }: &Party) -> Value {
    let mut reference = json!({ "apiVersion": "v1", "kind": kind, "namespace": key.namespace(), "name": key.name() });
    if let Some(uid) = uid {
        reference["uid"] = json!(uid);
    }
    reference
}

fn series_of(told: &Told) -> Value {
    json!({ "count": told.count, "lastObservedTime": micro(told.last.time) })
}

/// As a `MicroTime`.
fn micro(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
