//! The control loop's requests as the API server takes them, and what its responses mean. No IO.
//!
//! The response to a write of data is the whole object, so that a change by an admission webhook or policy is noticed; other
//! responses are metadata only. A response that is not about the requested object is a failure, and nothing follows from it.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use k8s_replicator_core::action::Action;
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::bug;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::Key;
use k8s_replicator_core::observed::{Observed, ReadError};
use k8s_replicator_core::protobuf;

use super::object::Object;
use super::redact::{self, Shown};
use super::status::{refusal, says_not_found};
use super::{Answer, Failure, FailureKind, Request, body};
use crate::wire::{Expects, HttpRequest, JSON, Received, Response};

/// `Accept` for an object's metadata alone, which all API servers since Kubernetes 1.15 can send: as protobuf, which costs both
/// sides least, or as JSON from servers that cannot.
pub const METADATA_ONLY: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,\
                                 application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/// `Accept` for a whole object: protobuf spares the API server most of the work of encoding it, above all its data.
const WHOLE: &str = "application/vnd.kubernetes.protobuf,application/json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";
const JSON_PATCH: &str = "application/json-patch+json";

/// The field manager of all writes, as `metadata.managedFields` shows it.
const FIELD_MANAGER: &str = "k8s-replicator";
/// The API server gives up after 60 s itself; a healthy one answers these requests in milliseconds. After this time a request is
/// given up. The server may have carried it out.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// No object is larger than 3 MiB, etcd's limit with room to spare.
const LONGEST_RESPONSE: usize = 16 << 20;
/// The longest part of a server's message that is shown.
const LONGEST_MESSAGE: usize = 1_000;

/// The HTTP request for a request of a replicator of this kind. `dialect`: the annotations' prefix.
#[must_use]
pub fn http_request(request: &Request, kind: &dyn Kind, dialect: &Dialect) -> HttpRequest {
    let (method, accept, content_type, content) = match request {
        Request::Look(_) => (Method::GET, METADATA_ONLY, None, String::new()),
        Request::Read(_) => (Method::GET, JSON, None, String::new()),
        Request::Write(Action::Create(create)) => {
            (Method::POST, WHOLE, Some(JSON), body::create(create, kind, dialect))
        }
        Request::Write(Action::Adopt(adopt)) => {
            (Method::PATCH, METADATA_ONLY, Some(APPLY_PATCH), body::adopt(adopt, kind, dialect))
        }
        Request::Write(Action::Update(update)) => {
            // The response has the data as the server stored it: an admission webhook or policy may have changed it.
            let accept = if update.data().is_some() { WHOLE } else { METADATA_ONLY };
            (Method::PATCH, accept, Some(JSON_PATCH), body::update(update, kind, dialect))
        }
        Request::Write(Action::Delete(delete)) => (Method::DELETE, METADATA_ONLY, Some(JSON), body::delete(delete)),
    };
    HttpRequest {
        method,
        path: path(kind, request),
        accept,
        content_type,
        body: Bytes::from(content),
        expects: Expects::Whole(LONGEST_RESPONSE),
    }
}

/// The meaning of the response to a request.
///
/// # Errors
/// When the request was refused, its response cannot be read, or there is none. No value of a Secret is in the message.
pub fn answer(request: &Request, kind: &dyn Kind, dialect: &Dialect, received: Received) -> Result<Answer, Failure> {
    let answer = match received {
        Received::Response(response) => understood(request, kind, dialect, &response),
        Received::TooLong => Err(Failure::unreadable(format_args!("it is longer than {LONGEST_RESPONSE} bytes"))),
        Received::Failed(failure) => Err(failure),
        Received::Head(..) | Received::Data(_) | Received::Closed => Err(Failure::unreadable("it came in pieces")),
    };
    answer.map_err(|failure| explained(request, kind, failure))
}

/// The failure of a request without a response in time.
#[must_use]
pub fn timed_out(request: &Request, kind: &dyn Kind) -> Failure {
    let message = format!("no answer within {} s", TIMEOUT.as_secs());
    explained(request, kind, Failure::new(FailureKind::Unreachable, message))
}

fn understood(
    request: &Request,
    kind: &dyn Kind,
    dialect: &Dialect,
    Response { status, headers, body }: &Response,
) -> Result<Answer, Failure> {
    let is_read = matches!(request, Request::Look(_) | Request::Read(_));
    let is_missing = *status == StatusCode::NOT_FOUND && (says_not_found(body) || bug!(Any404Believed));
    if is_read && (is_missing || bug!(FailedReadIsMissing) && !status.is_success()) {
        return Ok(Answer::Missing);
    }
    if !status.is_success() {
        return Err(refusal(*status, headers, body));
    }
    let object = Object::of(body);
    let observed = || -> Result<Observed, Failure> {
        let observed = object.observed(dialect).map_err(unreadable)?;
        if observed.key == *key(request) {
            Ok(observed)
        } else {
            Err(Failure::unreadable("it is about another object"))
        }
    };
    let content = || object.content(kind).map_err(unreadable);
    Ok(match request {
        // The body is a `Status`, or the object, if finalizers hold it.
        Request::Write(Action::Delete(_)) if is_an_api_object(body) => Answer::Deleted,
        Request::Write(Action::Delete(_)) => return Err(Failure::unreadable("it is nothing of the API server's")),
        Request::Read(_) => Answer::Content(observed()?, content()?),
        Request::Write(action) if action.payload().is_some() && is_whole(body, kind) => {
            Answer::Content(observed()?, content()?)
        }
        Request::Look(_) | Request::Write(_) => Answer::Seen(observed()?),
    })
}

/// An object that cannot be read. Nothing of it is quoted, also not the name.
fn unreadable(error: ReadError) -> Failure {
    match error {
        ReadError::Name(_) => Failure::unreadable("no object can have the name in it"),
        ReadError::Json { .. } | ReadError::Protobuf(_) => Failure::unreadable(error),
    }
}

/// Whether the body is an API object, with a kind.
fn is_an_api_object(body: &[u8]) -> bool {
    protobuf::kind(body).is_some() || kind_of(body).is_some_and(|kind| !kind.is_empty())
}

/// Whether the body is a whole object of this kind, and not its metadata alone.
fn is_whole(body: &[u8], kind: &dyn Kind) -> bool {
    kind_of(body).is_some_and(|found| found == kind.name())
}

fn kind_of(body: &[u8]) -> Option<Cow<'_, str>> {
    #[derive(serde::Deserialize)]
    struct Typed {
        kind: String,
    }
    let in_json = || serde_json::from_slice::<Typed>(body).ok().map(|typed| typed.kind.into());
    protobuf::kind(body).map(Cow::from).or_else(in_json)
}

/// Adds the verb and the object to the message, and removes everything from the server's words that may be a value of the Secret.
fn explained(request: &Request, kind: &dyn Kind, failure: Failure) -> Failure {
    let (own, servers) = failure.words();
    let servers = match kind.is_secret() {
        true => Cow::from(redact::secrets_words(servers, shown(request))),
        false => Cow::from(servers),
    };
    // Cut only after redaction: a value that is cut off would not be recognised.
    let said: String = own.chars().chain(servers.chars()).take(LONGEST_MESSAGE).collect();
    let message = format!("{} {}: {said}", verb(request), named(kind, key(request)));
    Failure { message, uncleaned: 0, ..failure }
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

/// The verb as RBAC calls it.
fn verb(request: &Request) -> &'static str {
    match request {
        Request::Look(_) | Request::Read(_) => "get",
        Request::Write(Action::Create(_)) => "create",
        Request::Write(Action::Adopt(_) | Action::Update(_)) => "patch",
        Request::Write(Action::Delete(_)) => "delete",
    }
}

/// What an admission webhook sees because of this request.
fn shown(request: &Request) -> Shown<'_> {
    match request {
        Request::Look(_) | Request::Read(_) => Shown::Nothing,
        Request::Write(Action::Create(create)) => Shown::Written(create.payload()),
        // The webhook sees the existing object too, with data that this program may never have read.
        Request::Write(action) => Shown::Old { written: action.payload() },
    }
}

fn path(kind: &dyn Kind, request: &Request) -> String {
    let (key, plural) = (key(request), kind.plural());
    let collection = format!("/api/v1/namespaces/{}/{plural}", key.namespace());
    let manager = if bug!(OtherManager) { "other" } else { FIELD_MANAGER };
    match request {
        Request::Write(Action::Create(_)) => format!("{collection}?fieldManager={manager}"),
        Request::Write(Action::Adopt(_) | Action::Update(_)) => {
            format!("{collection}/{}?fieldManager={manager}", key.name())
        }
        _ => format!("{collection}/{}", key.name()),
    }
}

#[cfg(test)]
mod tests;
