//! What the API server's refusals mean.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use k8s_replicator_core::protobuf;
use serde::Deserialize;

use super::{Failure, FailureKind};

/// The part of a `Status` that says what went wrong.
#[derive(Deserialize, Default, Debug, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct Status {
    /// The HTTP status; 0: it does not say.
    pub(crate) code: u16,
    message: String,
    reason: String,
    details: Details,
}

#[derive(Deserialize, Default, Debug, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    causes: Vec<Cause>,
    retry_after_seconds: u64,
}

#[derive(Deserialize, Default, Debug, PartialEq, Eq)]
#[serde(default)]
struct Cause {
    reason: String,
}

impl Status {
    /// Reads one, as protobuf or JSON. A proxy's page is none: then it is empty, and the HTTP status has to do.
    pub(crate) fn read(answer: &[u8]) -> Self {
        match protobuf::Status::read(answer) {
            Ok(status) => Self {
                code: u16::try_from(status.code).unwrap_or_default(),
                message: status.message.to_owned(),
                reason: status.reason.to_owned(),
                details: Details {
                    causes: status.causes.iter().map(|reason| Cause { reason: (*reason).to_owned() }).collect(),
                    retry_after_seconds: status.retry_after_seconds,
                },
            },
            Err(_) => serde_json::from_slice(answer).unwrap_or_default(),
        }
    }

    /// What it means.
    pub(crate) fn failure(self, status: StatusCode, headers: &HeaderMap) -> Failure {
        let terminating = self.details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating");
        let kind = match status.as_u16() {
            409 => FailureKind::Conflict,
            404 => FailureKind::Gone,
            403 if terminating => FailureKind::NamespaceTerminating,
            401 | 403 => FailureKind::Forbidden,
            400 | 413 | 422 => FailureKind::Invalid,
            429 => FailureKind::Throttled,
            _ => FailureKind::Server,
        };
        let header = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = header.or(Some(self.details.retry_after_seconds).filter(|seconds| *seconds > 0));
        let said = self.message;
        let message = match (said.is_empty(), self.reason.is_empty()) {
            (true, _) => format!("the server answered {status}"),
            (false, true) => format!("the server answered {status}: {said}"),
            (false, false) => format!("the server answered {} {}: {said}", status.as_u16(), self.reason),
        };
        Failure { retry_after: retry_after.map(Duration::from_secs), ..Failure::new(kind, message) }
    }
}

/// What a refusal with this body means.
#[must_use]
pub fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    Status::read(body).failure(status, headers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_server_says_what_kind_of_refusal_it_is() {
        let (terminating, none) = (json!([{ "reason": "NamespaceTerminating" }]), json!([]));
        for (code, causes, kind) in [
            (403, &terminating, FailureKind::NamespaceTerminating),
            (403, &none, FailureKind::Forbidden),
            (401, &none, FailureKind::Forbidden),
            (404, &none, FailureKind::Gone),
            (409, &none, FailureKind::Conflict),
            (413, &none, FailureKind::Invalid),
            (422, &none, FailureKind::Invalid),
            (429, &none, FailureKind::Throttled),
            (500, &none, FailureKind::Server),
        ] {
            let details = json!({ "causes": causes, "retryAfterSeconds": 3 });
            let body = json!({ "kind": "Status", "message": "no", "reason": "Why", "details": details }).to_string();
            let failure = refusal(StatusCode::from_u16(code).unwrap(), &HeaderMap::new(), body.as_bytes());
            assert_eq!((failure.kind, failure.retry_after), (kind, Some(Duration::from_secs(3))));
            assert_eq!(failure.message, format!("the server answered {code} Why: no"));
        }
    }

    #[test]
    fn a_page_of_a_proxy_says_nothing_but_its_status() {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, "9".parse().unwrap())]);
        let failure = refusal(StatusCode::BAD_GATEWAY, &headers, b"<html>bad gateway</html>");
        assert_eq!((failure.kind, failure.retry_after), (FailureKind::Server, Some(Duration::from_secs(9))));
        assert_eq!(failure.message, "the server answered 502 Bad Gateway");
    }
}
