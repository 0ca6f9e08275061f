//! Events (`events.k8s.io/v1`) of the simulation: create, and the merge patch by which a series goes on, as kube-apiserver serves them.
//! They do not count as versions of the store: nothing that is replicated depends on them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{JSON, Refusal, Reply, Request};
use super::object::{Id, Resource};
use super::refusal::Cause;
use super::server::refused;
use super::store::State;
use super::write::is_open;

const GROUP: &str = "events.k8s.io";

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
                is_open(&id, live.get(&id), (GROUP, "events", &name))?;
                if sent["metadata"]["namespace"] != namespace {
                    let message =
                        "the namespace of the provided object does not match the namespace sent on the request";
                    return Err(Refusal::new(400, "BadRequest", message));
                }
                validate(&sent)?;
                let key = (namespace.to_owned(), name);
                if self.events.contains_key(&key) {
                    return Err(Refusal::already_exists(GROUP, "events", &key.1));
                }
                let uid = uid(namespace).unwrap_or_default();
                self.events.insert(key, (at, uid, sent.clone()));
                Ok(reply(201, &sent))
            }
            ("PATCH", "application/merge-patch+json", Some(key)) => {
                let missing = || Refusal::not_found(GROUP, "events", &key.1);
                let (_, uid, event) = self.events.get(&key).ok_or_else(missing)?;
                let new = merged(event, &sent);
                // All but the series and the annotations is immutable (`ValidateEventUpdate`).
                let rest = |event: &Value| {
                    let mut event = event.clone();
                    (event["series"], event["metadata"]["annotations"]) = (Value::Null, Value::Null);
                    event
                };
                let (was, is) = (rest(event), rest(&new));
                if was != is {
                    let mut names = is.as_object().into_iter().flat_map(serde_json::Map::keys);
                    let field = names.find(|name| was[name] != is[name]).cloned().unwrap_or_default();
                    // By the name that it has in the core group.
                    let name = if field == "note" { "message" } else { &field };
                    let cause = Cause::immutable(name, &is[&field].to_string());
                    return Err(invalid(&new, cause));
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

/// It names the kind of the core group, in which Events are stored.
fn invalid(event: &Value, cause: Cause) -> Refusal {
    Refusal::invalid("", "Event", event["metadata"]["name"].as_str().unwrap_or_default(), vec![cause])
}

/// `ValidateEventCreate` in `k8s.io/kubernetes/pkg/apis/core/validation/events.go`. The first mistake is told; the API server tells all.
fn validate(event: &Value) -> Result<(), Refusal> {
    let text = |field: &str| event[field].as_str().unwrap_or_default();
    let required = |field: &str| Err(invalid(event, Cause::required(field, "")));
    let wrong = |field: &str, why: &str| {
        Err(invalid(event, Cause::new("FieldValueInvalid", field, format!("Invalid value: \"\": {why}"))))
    };
    if text("eventTime").is_empty() {
        return required("eventTime");
    }
    let series = &event["series"];
    if !series.is_null() {
        let count = series["count"].as_u64().unwrap_or_default();
        if count < 2 {
            return wrong("series.count", "should be at least 2");
        }
        if !series["lastObservedTime"].is_string() {
            return required("series.lastObservedTime");
        }
    }
    for field in ["reportingController", "reportingInstance", "action", "reason"] {
        if text(field).is_empty() {
            return required(field);
        }
        if text(field).len() > LONGEST_WORD {
            return wrong(field, &format!("can have at most {LONGEST_WORD} characters"));
        }
    }
    if !matches!(text("type"), "Normal" | "Warning") {
        return wrong("type", &format!("has invalid value: {}", text("type")));
    }
    if text("note").len() > LONGEST_NOTE {
        return wrong("message", &format!("can have at most {LONGEST_NOTE} characters"));
    }
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    let name = event["metadata"]["name"].as_str().unwrap_or_default();
    let edges =
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    if !edges || name.len() > 253 || !name.chars().all(is_name) {
        let why = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and \
                   end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                   '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
        let cause = Cause::new("FieldValueInvalid", "metadata.name", format!("Invalid value: {name:?}: {why}"));
        return Err(invalid(event, cause));
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
