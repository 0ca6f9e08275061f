//! The API server's audit log: the requests of each user.

use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::Value;

use crate::users::ADMIN;

/// One request, as the API server saw it. What does not apply is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// As RBAC calls it: get, list, watch, create, update, patch, delete, deletecollection.
    pub verb: String,
    /// `secrets`, `configmaps`, …; empty for paths that are no resource, such as `/version`.
    pub resource: String,
    /// `status`, `finalize`, …
    pub subresource: String,
    /// Empty for cluster-wide requests.
    pub namespace: String,
    /// Empty for lists, watches and creations.
    pub name: String,
    /// Status code of the answer; 0 when none was given.
    pub code: u16,
    /// Path and query.
    pub uri: String,
    /// When the server received it, by its wall clock.
    pub received: Timestamp,
    /// Whether the account had the right. (Code 403 alone can also mean that the namespace is being deleted.)
    pub authorized: bool,
}

/// The audit policy: one line for each request, when it is answered, for a watch when it begins to be. Requests of the administrator (a
/// test's own) and of the server itself are not logged: they would only make the log long.
///
/// With a history, all writes of Secrets, ConfigMaps and Namespaces are logged with their bodies, and before they are carried out too: of
/// what a server did that was killed a moment later, the log then says at least that it was asked for.
pub(crate) fn policy(with_history: bool) -> String {
    let writes = "- level: RequestResponse
  verbs: [create, update, patch, delete, deletecollection]
  resources: [{group: \"\", resources: [secrets, configmaps, namespaces]}]
";
    let writes = if with_history { writes } else { "" };
    format!(
        "apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
rules:
- level: None
  users: [system:apiserver, system:anonymous]
{writes}- level: None
  users: [{ADMIN}]
- level: Metadata
  verbs: [watch]
  omitStages: [RequestReceived, ResponseComplete]
- level: Metadata
  omitStages: [RequestReceived, ResponseStarted]
"
    )
}

/// A text that only the audit log's lines about a user of this name contain.
pub(crate) fn mark_of_name(name: &str) -> String {
    format!("\"username\":\"{name}\"")
}

/// The requests whose lines contain `mark`, in the order in which they came in.
pub(crate) fn requests(log: &Path, mark: &str) -> Result<Vec<Request>> {
    let text = std::fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    // Parsing is slow and the log is everybody's: look for the name first.
    let mut events: Vec<Value> = complete
        .lines()
        .filter(|line| line.contains(mark))
        .map(|line| {
            serde_json::from_str(line).with_context(|| format!("{} holds a line that is no JSON", log.display()))
        })
        .collect::<Result<_>>()?;
    // The log's order is that of the answers. The stamps have a fixed width, so they sort as text.
    events.sort_by(|a, b| text_at(a, "/requestReceivedTimestamp").cmp(text_at(b, "/requestReceivedTimestamp")));
    Ok(events.iter().map(Request::from_event).collect())
}

impl Request {
    fn from_event(event: &Value) -> Self {
        let text = |pointer| text_at(event, pointer).to_owned();
        let code = event.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or(0);
        Self {
            verb: text("/verb"),
            resource: text("/objectRef/resource"),
            subresource: text("/objectRef/subresource"),
            namespace: text("/objectRef/namespace"),
            name: text("/objectRef/name"),
            code: u16::try_from(code).unwrap_or(0),
            uri: text("/requestURI"),
            received: text_at(event, "/requestReceivedTimestamp").parse().unwrap_or_default(),
            authorized: text_at(event, "/annotations/authorization.k8s.io~1decision") != "forbid",
        }
    }
}

fn text_at<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}
