//! The real API server, by way of `kube`'s client.
//!
//! Only the transport is `kube`'s (addresses, TLS, authentication). Its typed calls log whole answers when they cannot be
//! read, which would print Secrets; here bodies are read by this program alone. Answers to writes are asked for as
//! metadata only, so that they carry no data.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use k8s_replicator_core::action::Action;
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::Key;
use k8s_replicator_core::observed::{Observed, content_from_json};
use k8s_replicator_core::payload::Payload;
use kube::Client;
use kube::client::Body;

use super::object::Object;
use super::status::refusal;
use super::{Answer, Cluster, Failure, FailureKind, Request, body};
use crate::causes::with_causes;

/// Asks for an object's metadata alone, as all API servers since Kubernetes 1.15 can give it: as protobuf, which costs both sides
/// least, or as JSON from whoever cannot.
pub const METADATA_ONLY: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,\
                                 application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const JSON: &str = "application/json";
const JSON_PATCH: &str = "application/json-patch+json";
/// Server-side apply. JSON is YAML.
const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// Who writes, as `metadata.managedFields` tells it to others.
const FIELD_MANAGER: &str = "k8s-replicator";
/// The API server gives up after 60 s itself; a healthy one answers these requests in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(30);
/// No object is larger than 3 MiB, etcd's limit with room to spare.
const LONGEST_ANSWER: usize = 16 << 20;
/// What is shown of a server's message.
const LONGEST_MESSAGE: usize = 1_000;

/// See the [module](self).
#[derive(Clone)]
pub struct KubeCluster {
    client: Client,
    dialect: Dialect,
}

impl KubeCluster {
    /// `dialect`: how annotations are named.
    #[must_use]
    pub fn new(client: Client, dialect: Dialect) -> Self {
        Self { client, dialect }
    }

    async fn carry_out(&self, kind: &dyn Kind, request: &Request) -> Result<Answer, Failure> {
        let (method, accept, content_type, content) = match request {
            Request::Look(_) => (Method::GET, METADATA_ONLY, None, String::new()),
            Request::Read(_) => (Method::GET, JSON, None, String::new()),
            Request::Write(Action::Create(create)) => {
                (Method::POST, METADATA_ONLY, Some(JSON), body::create(create, kind, &self.dialect))
            }
            Request::Write(Action::Adopt(adopt)) => {
                (Method::PATCH, METADATA_ONLY, Some(APPLY_PATCH), body::adopt(adopt, kind, &self.dialect))
            }
            Request::Write(Action::Update(update)) => {
                (Method::PATCH, METADATA_ONLY, Some(JSON_PATCH), body::update(update, kind, &self.dialect))
            }
            Request::Write(Action::Delete(delete)) => (Method::DELETE, METADATA_ONLY, Some(JSON), body::delete(delete)),
        };
        let mut http = http::Request::builder().method(method).uri(path(kind, request)).header(header::ACCEPT, accept);
        if let Some(content_type) = content_type {
            http = http.header(header::CONTENT_TYPE, content_type);
        }
        let http = http.body(Body::from(content.into_bytes())).map_err(|error| unreachable(&error))?;
        let (status, headers, answer) = exchange(&self.client, http, LONGEST_ANSWER).await?;
        if status == StatusCode::NOT_FOUND && matches!(request, Request::Look(_) | Request::Read(_)) {
            return Ok(Answer::Missing);
        }
        if !status.is_success() {
            return Err(refusal(status, &headers, &answer));
        }
        Ok(match request {
            Request::Write(Action::Delete(_)) => Answer::Deleted,
            Request::Read(_) => {
                let content = content_from_json(&answer, kind).map_err(|error| unreadable(&error))?;
                Answer::Content(self.observed(&answer)?, content)
            }
            Request::Look(_) | Request::Write(_) => Answer::Seen(self.observed(&answer)?),
        })
    }

    fn observed(&self, answer: &[u8]) -> Result<Observed, Failure> {
        Object::of(answer).observed(&self.dialect).map_err(|error| unreadable(&error))
    }
}

impl Cluster for KubeCluster {
    async fn send(&self, kind: &'static dyn Kind, request: Request) -> Result<Answer, Failure> {
        self.carry_out(kind, &request).await.map_err(|failure| {
            let said = if kind.is_secret() { told(&failure.message, written(&request)) } else { failure.message };
            // Only now: the beginning of a value would not be recognised.
            let said: String = said.chars().take(LONGEST_MESSAGE).collect();
            Failure { message: format!("{} {}: {said}", verb(&request), named(kind, key(&request))), ..failure }
        })
    }
}

/// Sends a request and takes its whole answer, of `longest` bytes at most, within a time limit.
///
/// # Errors
/// When there is no answer; of the kind [`FailureKind::Server`] when there is one that is too long.
pub async fn exchange(
    client: &Client,
    request: http::Request<Body>,
    longest: usize,
) -> Result<(StatusCode, http::HeaderMap, Bytes), Failure> {
    let exchange = async {
        let response = client.send(request).await.map_err(|error| unreachable(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, longest);
        let body = body.collect().await.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => unusable(&format!("it is longer than {longest} bytes")),
            None => unreachable(&*error),
        })?;
        Ok((parts.status, parts.headers, body.to_bytes()))
    };
    match tokio::time::timeout(TIMEOUT, exchange).await {
        Ok(result) => result,
        Err(_) => Err(Failure::new(FailureKind::Unreachable, format!("no answer within {} s", TIMEOUT.as_secs()))),
    }
}

fn key(request: &Request) -> &Key {
    match request {
        Request::Look(key) | Request::Read(key) => key,
        Request::Write(action) => action.target(),
    }
}

fn named(kind: &dyn Kind, key: &Key) -> String {
    format!("{} {key}", kind.name())
}

/// What is told of the server's words about a Secret. They never hold a value that the request carried; and what an admission
/// webhook or policy says is not passed on, since it is shown the object as it is, and may quote it.
fn told(message: &str, written: Option<&Payload>) -> String {
    /// "admission webhook "x" denied the request: …", "ValidatingAdmissionPolicy 'x' with binding 'y' denied request: …".
    const DENIALS: [&str; 2] = ["denied the request", "denied request"];
    let denial = DENIALS.iter().filter_map(|words| message.find(words).map(|at| at + words.len())).min();
    let message = match denial {
        None => message.to_owned(),
        Some(end) => format!("{} (its words are not told here, since they may quote the Secret)", &message[..end]),
    };
    match written {
        Some(payload) => body::redact(&message, payload),
        None => message,
    }
}

/// As roles call it.
fn verb(request: &Request) -> &'static str {
    match request {
        Request::Look(_) | Request::Read(_) => "get",
        Request::Write(Action::Create(_)) => "create",
        Request::Write(Action::Adopt(_) | Action::Update(_)) => "patch",
        Request::Write(Action::Delete(_)) => "delete",
    }
}

fn written(request: &Request) -> Option<&Payload> {
    match request {
        Request::Write(action) => action.payload(),
        Request::Look(_) | Request::Read(_) => None,
    }
}

fn path(kind: &dyn Kind, request: &Request) -> String {
    let (key, plural) = (key(request), kind.plural());
    let collection = format!("/api/v1/namespaces/{}/{plural}", key.namespace());
    match request {
        Request::Write(Action::Create(_)) => format!("{collection}?fieldManager={FIELD_MANAGER}"),
        Request::Write(Action::Adopt(_) | Action::Update(_)) => {
            format!("{collection}/{}?fieldManager={FIELD_MANAGER}", key.name())
        }
        _ => format!("{collection}/{}", key.name()),
    }
}

/// The request did not reach the server, or its answer did not come back.
pub fn unreachable(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::new(FailureKind::Unreachable, with_causes(error))
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> Failure {
    unusable(&with_causes(error))
}

fn unusable(why: &str) -> Failure {
    let message = format!("the answer cannot be read: {why}");
    Failure::new(FailureKind::Server, message)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode as Code;
    use axum::{Json, Router};
    use base64::Engine as _;
    use k8s_replicator_core::kind::Secret;
    use serde_json::json;

    use super::super::sample;
    use super::*;

    /// What is told of a request that an admission webhook refuses in these words.
    async fn refused(request: Request, message: String) -> String {
        let refuses = move || async move {
            (Code::FORBIDDEN, Json(json!({ "kind": "Status", "message": message, "reason": "Forbidden", "code": 403 })))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(refuses)).await });
        let client = Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap();
        let cluster = KubeCluster::new(client, Dialect::new("p/", false));
        cluster.send(&Secret, request).await.unwrap_err().message
    }

    /// What is told of a create of a Secret with this value.
    async fn told(value: &str, message: String) -> String {
        let encoded = base64::engine::general_purpose::STANDARD.encode(value);
        let payload = Payload::new([Some(format!(r#"{{"k":"{encoded}"}}"#).into())]);
        refused(Request::Write(sample::create(&Secret, Some("Opaque"), &payload)), message).await
    }

    /// SPEC 8: Secret data never appears in an error; also not when the request carries none: a webhook is shown the object
    /// as it is, and may quote what an annotation, or the whole object, would be taken from.
    #[tokio::test]
    async fn a_value_that_was_not_written_does_not_come_back() {
        let message = "admission webhook \"guard\" denied the request: k=hunter2 is protected".to_owned();
        let told = refused(Request::Write(sample::delete(&Secret, Some("Opaque"))), message).await;
        assert!(!told.contains("hunter2"), "{told}");
    }

    /// SPEC 8: Secret data never appears in an error; also not the beginning of a value that is cut off.
    #[tokio::test]
    async fn a_value_that_a_long_message_cuts_off_does_not_come_back() {
        let value = "hunter2-".repeat(20);
        let before = "x".repeat(LONGEST_MESSAGE - 100);
        let told = told(&value, format!("{before} {value} is weak")).await;
        assert!(!told.contains("hunter2"), "{told}");
    }

    /// SPEC 8: Secret data never appears in an error; also not as Go quotes it (`%q`) when it has more than one line.
    #[tokio::test]
    async fn a_value_that_is_quoted_does_not_come_back() {
        let value = "-----BEGIN KEY-----\nhunter2hunter2hunter2\n-----END KEY-----\n";
        let told = told(value, format!("data.k: Invalid value: {value:?}: no key")).await;
        assert!(!told.contains("hunter2"), "{told}");
    }
}
