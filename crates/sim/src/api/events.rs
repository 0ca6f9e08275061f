//! Events (`events.k8s.io/v1`) of the simulation: create, and the merge patch by which a series goes on, as kube-apiserver serves them.
//! They do not count as versions of the store: nothing that is replicated depends on them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{JSON, Refusal, Reply, Request};
use super::object::{Id, Resource};
use super::server::refused;
use super::store::State;
use super::write::is_open;

/// kube-apiserver forgets an Event so long after it was last written (`--event-ttl`).
const LAST: Duration = Duration::from_secs(3_600);
/// Lengths that `ValidateEventCreate` allows, in bytes.
const LONGEST_NOTE: usize = 1_024;
const LONGEST_WORD: usize = 128;

/// See the [module](self).
#[derive(Debug, Default, Clone)]
pub struct Events {
    /// By namespace and name, with the time of the last write, and the uid of the namespace.
    events: BTreeMap<(String, String), (Duration, String, Value)>,
}

impl Events {
    /// Whether a request is about Events.
    #[must_use]
    pub fn is_about(request: &Request) -> bool {
        request.uri.starts_with("/apis/events.k8s.io/v1/")
    }

    /// The Event as it would be after this request; `None`: it is none that is known here.
    #[must_use]
    pub fn after(&self, request: &Request) -> Option<Value> {
        let sent: Value = serde_json::from_slice(&request.body).ok()?;
        let Some(key) = named(request) else { return Some(sent) };
        let (.., event) = self.events.get(&key)?;
        Some(merged(event, &sent))
    }

    /// Answers a request. `live`: what is stored now.
    pub fn answer(&mut self, live: &State, request: &Request, at: Duration) -> Reply {
        self.answered(live, request, at).unwrap_or_else(|refusal| refused(request, &refusal))
    }

    fn answered(&mut self, live: &State, request: &Request, at: Duration) -> Result<Reply, Refusal> {
        let uid = |namespace: &str| live.get(&Id::of_namespace(namespace)).map(|namespace| namespace.uid.clone());
        // They go with their namespace.
        self.events
            .retain(|(namespace, _), (written, of, _)| at < *written + LAST && uid(namespace).as_ref() == Some(of));
        let sent: Value = serde_json::from_slice(&request.body)
            .map_err(|_| Refusal::new(400, "BadRequest", "the body of the request was in an unknown format"))?;
        let unknown = || Refusal::new(404, "NotFound", "the server could not find the requested resource");
        match (&*request.method, &*request.content_type, named(request)) {
            ("POST", JSON, None) => {
                let namespace = namespace_of(request).ok_or_else(unknown)?;
                let name = sent["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                let id = Id::of_namespace(namespace);
                is_open(&id, live.get(&id), ("events.events.k8s.io", &name))?;
                if sent["metadata"]["namespace"] != namespace {
                    let message =
                        "the namespace of the provided object does not match the namespace sent on the request";
                    return Err(Refusal::new(400, "BadRequest", message));
                }
                validate(&sent)?;
                let key = (namespace.to_owned(), name);
                if self.events.contains_key(&key) {
                    let message = format!("events.events.k8s.io \"{}\" already exists", key.1);
                    return Err(Refusal::new(409, "AlreadyExists", message));
                }
                let uid = uid(namespace).unwrap_or_default();
                self.events.insert(key, (at, uid, sent.clone()));
                Ok(reply(201, &sent))
            }
            ("PATCH", "application/merge-patch+json", Some(key)) => {
                let missing = || Refusal::new(404, "NotFound", format!("events.events.k8s.io \"{}\" not found", key.1));
                let (_, uid, event) = self.events.get(&key).ok_or_else(missing)?;
                let new = merged(event, &sent);
                // All but the series and the annotations is immutable (`ValidateEventUpdate`).
                let rest = |event: &Value| {
                    let mut event = event.clone();
                    (event["series"], event["metadata"]["annotations"]) = (Value::Null, Value::Null);
                    event
                };
                if rest(event) != rest(&new) {
                    return Err(invalid(&new, "field is immutable"));
                }
                validate(&new)?;
                let uid = uid.clone();
                self.events.insert(key, (at, uid, new.clone()));
                Ok(reply(200, &new))
            }
            _ => Err(unknown()),
        }
    }
}

/// The object that an Event is about, and its uid if the Event says it.
#[must_use]
pub fn regarding(event: &Value) -> Option<(Id, Option<&str>)> {
    party(&event["regarding"])
}

/// The object at the other end, if the Event names one.
#[must_use]
pub fn related(event: &Value) -> Option<(Id, Option<&str>)> {
    party(&event["related"])
}

fn party(reference: &Value) -> Option<(Id, Option<&str>)> {
    let resource = match reference["kind"].as_str()? {
        "Secret" => Resource::Secret,
        "ConfigMap" => Resource::ConfigMap,
        _ => return None,
    };
    let id = Id::new(resource, reference["namespace"].as_str()?, reference["name"].as_str()?);
    Some((id, reference["uid"].as_str()))
}

fn namespace_of(request: &Request) -> Option<&str> {
    request.path().strip_prefix("/apis/events.k8s.io/v1/namespaces/")?.split('/').next()
}

/// The namespace and name in the path, of a request that is about one Event.
fn named(request: &Request) -> Option<(String, String)> {
    let namespace = namespace_of(request)?;
    let parts: Vec<&str> = request.path().split('/').skip(6).collect();
    let ["events", name] = *parts.as_slice() else { return None };
    Some((namespace.to_owned(), name.to_owned()))
}

fn invalid(event: &Value, why: &str) -> Refusal {
    Refusal::new(422, "Invalid", format!("Event.events.k8s.io {} is invalid: {why}", event["metadata"]["name"]))
}

/// `ValidateEventCreate` in `k8s.io/kubernetes/pkg/apis/core/validation/events.go`.
fn validate(event: &Value) -> Result<(), Refusal> {
    let text = |field: &str| event[field].as_str().unwrap_or_default();
    let is_word = |field: &str| (1..=LONGEST_WORD).contains(&text(field).len());
    for field in ["action", "reason", "reportingController", "reportingInstance"] {
        if !is_word(field) {
            return Err(invalid(event, &format!("{field}: Required value")));
        }
    }
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    let name = event["metadata"]["name"].as_str().unwrap_or_default();
    let edges =
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    let series = &event["series"];
    for (is_fine, why) in [
        (edges && name.len() <= 253 && name.chars().all(is_name), "metadata.name: Invalid value"),
        (text("note").len() <= LONGEST_NOTE, "note: can have at most 1024 characters"),
        (matches!(text("type"), "Normal" | "Warning"), "type: Unsupported value"),
        (!text("eventTime").is_empty(), "eventTime: Required value"),
        (
            event["regarding"]["namespace"] == event["metadata"]["namespace"],
            "regarding.namespace: does not match event.namespace",
        ),
        (
            series.is_null() || series["count"].as_u64().is_some_and(|count| count > 1),
            "series.count: should be at least 2",
        ),
        (series.is_null() || series["lastObservedTime"].is_string(), "series.lastObservedTime: Required value"),
    ] {
        if !is_fine {
            return Err(invalid(event, why));
        }
    }
    Ok(())
}

/// A JSON Merge Patch (RFC 7396).
fn merged(now: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut merged = now.as_object().cloned().unwrap_or_default();
    for (key, value) in patch {
        match value {
            Value::Null => drop(merged.remove(key)),
            value => {
                let value = self::merged(merged.get(key).unwrap_or(&Value::Null), value);
                merged.insert(key.clone(), value);
            }
        }
    }
    Value::Object(merged)
}

fn reply(status: u16, event: &Value) -> Reply {
    let body = json!(event).to_string().into_bytes();
    Reply { status, content_type: JSON, retry_after: None, body }
}
