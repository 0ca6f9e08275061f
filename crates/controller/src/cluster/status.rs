//! The API server's refusals: which kind of failure each is, and who caused it.

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use k8s_replicator_core::protobuf;
use serde::Deserialize;

use super::{Blame, Failure, FailureKind};
use crate::backoff::RetryAfter;

/// Words of the API server's message when an admission webhook, an admission policy or a quota refuses, or cannot be reached
/// (`k8s.io/apiserver`: `webhook/errors/statuserror.go`, `policy/validating`, `policy/mutating`, `plugin/resourcequota`). The HTTP
/// status is not enough: they can use any, also 429 and 503 with a `Retry-After`.
const ADMISSION: [&str; 10] = [
    "admission webhook \"",
    "failed calling webhook",
    "failed to call webhook",
    "denied the request",
    "denied request",
    "ValidatingAdmissionPolicy",
    "MutatingAdmissionPolicy",
    "exceeded quota: ",
    "failed quota: ",
    "status unknown for quota: ",
];

/// The reasons that Kubernetes has (`StatusReason` of `k8s.io/apimachinery`). A webhook that denies can give any other text, which
/// is then its message a second time.
const REASONS: [&str; 20] = [
    "Unauthorized",
    "Forbidden",
    "NotFound",
    "AlreadyExists",
    "Conflict",
    "Gone",
    "Invalid",
    "ServerTimeout",
    "StoreReadError",
    "Timeout",
    "TooManyRequests",
    "BadRequest",
    "MethodNotAllowed",
    "NotAcceptable",
    "RequestEntityTooLarge",
    "UnsupportedMediaType",
    "InternalError",
    "Expired",
    "ServiceUnavailable",
    "Unknown",
];

/// The fields of a `Status` that say what went wrong.
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
    /// Reads one, as protobuf or JSON. `None`: it is something else, such as a proxy's page.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        const KIND: &str = "Status";
        #[derive(Deserialize)]
        struct Json<'a> {
            #[serde(borrow)]
            kind: Cow<'a, str>,
            #[serde(flatten)]
            status: Status,
        }
        if let Some(kind) = protobuf::kind(body) {
            let status = protobuf::Status::read(body).ok().filter(|_| kind == KIND)?;
            return Some(Self {
                code: u16::try_from(status.code).unwrap_or_default(),
                message: status.message.to_owned(),
                reason: status.reason.to_owned(),
                details: Details {
                    causes: status.causes.iter().map(|reason| Cause { reason: (*reason).to_owned() }).collect(),
                    retry_after_seconds: status.retry_after_seconds,
                },
            });
        }
        let read: Json<'_> = serde_json::from_slice(body).ok()?;
        (read.kind == KIND).then_some(read.status)
    }

    /// Whether it says that the requested object does not exist.
    fn says_not_found(&self) -> bool {
        self.reason == "NotFound"
    }

    fn blame(&self) -> Blame {
        let is_admission = ADMISSION.iter().any(|words| self.message.contains(words));
        if is_admission { Blame::Admission } else { Blame::Server }
    }

    /// The failure that it stands for.
    pub(crate) fn failure(self, status: StatusCode, headers: &HeaderMap) -> Failure {
        let terminating = self.details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating");
        let blame = self.blame();
        let kind = match status.as_u16() {
            409 => FailureKind::Conflict,
            // Any other 404 is a proxy's, or an API server's that does not know the path.
            404 if self.says_not_found() => FailureKind::Gone,
            403 if terminating => FailureKind::NamespaceTerminating,
            // A webhook that denies can use any code: then it is no matter of credentials.
            401 if blame == Blame::Server => FailureKind::Unauthorized,
            401 | 403 => FailureKind::Forbidden,
            400 | 413 | 422 => FailureKind::Invalid,
            429 => FailureKind::Throttled,
            _ => FailureKind::Server,
        };
        let header = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = header.or(Some(self.details.retry_after_seconds).filter(|seconds| *seconds > 0));
        let said = self.message;
        let message = match (said.is_empty(), REASONS.iter().find(|reason| **reason == self.reason)) {
            (true, _) => format!("the server answered {status}"),
            (false, None) => format!("the server answered {status}: {said}"),
            (false, Some(reason)) => format!("the server answered {} {reason}: {said}", status.as_u16()),
        };
        let retry_after = retry_after.map(|seconds| RetryAfter::new(Duration::from_secs(seconds)));
        Failure { kind, message, uncleaned: said.len(), retry_after, blame }
    }
}

/// The failure that a refusal with this status, headers and body stands for.
#[must_use]
pub fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    Status::read(body).unwrap_or_default().failure(status, headers)
}

/// Whether this body of a 404 says that the object does not exist. Any other 404 comes from a proxy, or from a server that is no
/// API server, and says nothing about the object.
#[must_use]
pub fn says_not_found(body: &[u8]) -> bool {
    Status::read(body).is_some_and(|status| status.says_not_found())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::backoff::LONGEST_RETRY_AFTER;

    #[test]
    fn a_refusal_has_its_kind_by_code_and_reason() {
        let (terminating, none) = (json!([{ "reason": "NamespaceTerminating" }]), json!([]));
        for (code, causes, kind) in [
            (403, &terminating, FailureKind::NamespaceTerminating),
            (403, &none, FailureKind::Forbidden),
            (401, &none, FailureKind::Unauthorized),
            (404, &none, FailureKind::Server),
            (409, &none, FailureKind::Conflict),
            (413, &none, FailureKind::Invalid),
            (422, &none, FailureKind::Invalid),
            (429, &none, FailureKind::Throttled),
            (500, &none, FailureKind::Server),
        ] {
            let details = json!({ "causes": causes, "retryAfterSeconds": 3 });
            let body =
                json!({ "kind": "Status", "message": "no", "reason": "BadRequest", "details": details }).to_string();
            let failure = refusal(StatusCode::from_u16(code).unwrap(), &HeaderMap::new(), body.as_bytes());
            assert_eq!((failure.kind, failure.retry_after), (kind, Some(RetryAfter::new(Duration::from_secs(3)))));
            assert_eq!(failure.message, format!("the server answered {code} BadRequest: no"));
        }
    }

    #[test]
    fn a_server_that_names_no_time_asks_for_none() {
        for details in [json!({}), json!({ "retryAfterSeconds": 0 })] {
            let body = json!({ "kind": "Status", "details": details }).to_string();
            assert_eq!(refusal(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body.as_bytes()).retry_after, None);
        }
    }

    /// SPEC 8: a webhook that denies chooses the reason too, and can quote a Secret there. All but the message is this program's.
    #[test]
    fn only_the_message_of_a_failure_is_the_servers_words() {
        let refused = |reason: &str, message: &str| {
            let body = json!({ "kind": "Status", "message": message, "reason": reason }).to_string();
            let failure = refusal(StatusCode::FORBIDDEN, &HeaderMap::new(), body.as_bytes());
            let (own, servers) = failure.words();
            (own.to_owned(), servers.to_owned())
        };
        let own = |own: &str, servers: &str| (own.to_owned(), servers.to_owned());
        assert_eq!(refused("Forbidden", "no"), own("the server answered 403 Forbidden: ", "no"));
        assert_eq!(refused("hunter2", "no"), own("the server answered 403 Forbidden: ", "no"));
        assert_eq!(refused("hunter2", ""), own("the server answered 403 Forbidden", ""));
        let lost = Failure { uncleaned: 1, ..Failure::new(FailureKind::Server, "ü") };
        assert_eq!(lost.words(), ("", "ü"), "what cannot be told apart");
        assert_eq!(Failure::unreadable("no").words().1, "");
    }

    #[test]
    fn a_page_of_a_proxy_counts_by_its_status_alone() {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, "9".parse().unwrap())]);
        let failure = refusal(StatusCode::BAD_GATEWAY, &headers, b"<html>bad gateway</html>");
        assert_eq!(
            (failure.kind, failure.retry_after),
            (FailureKind::Server, Some(RetryAfter::new(Duration::from_secs(9))))
        );
        assert_eq!(failure.message, "the server answered 502 Bad Gateway");
    }

    /// Issue 1: only a `Status` with the reason NotFound says that something is missing.
    #[test]
    fn only_a_status_says_that_something_is_missing() {
        let protobuf = |kind: &[u8], reason: &[u8]| {
            let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8], bytes].concat();
            let type_ = [field(1, b"v1"), field(2, kind)].concat();
            [b"k8s\0".to_vec(), field(1, &type_), field(2, &field(4, reason))].concat()
        };
        let json = |kind: &str, reason: &str| json!({ "kind": kind, "reason": reason, "code": 404 }).to_string();
        for (body, is_missing) in [
            (json("Status", "NotFound").into_bytes(), true),
            (json("Status", "").into_bytes(), false),
            (json("Secret", "NotFound").into_bytes(), false),
            (json!({ "reason": "NotFound" }).to_string().into_bytes(), false),
            (b"404 page not found".to_vec(), false),
            (Vec::new(), false),
            (protobuf(b"Status", b"NotFound"), true),
            (protobuf(b"Status", b"Expired"), false),
            (protobuf(b"Secret", b"NotFound"), false),
        ] {
            let shown = String::from_utf8_lossy(&body);
            assert_eq!(says_not_found(&body), is_missing, "{shown}");
            let kind = refusal(StatusCode::NOT_FOUND, &HeaderMap::new(), &body).kind;
            assert_eq!(kind == FailureKind::Gone, is_missing, "{shown}");
        }
    }

    /// Issue 1: nobody waits for somebody else's trouble. A refusal by the API server itself concerns all requests; one by a
    /// webhook, a policy or a quota, with whatever code, concerns one object or namespace.
    #[test]
    fn a_failure_concerns_the_server_or_one_namespace() {
        let refused = |code: u16, message: &str| {
            let details = json!({ "retryAfterSeconds": 60 });
            let body = json!({ "kind": "Status", "message": message, "details": details }).to_string();
            // Every response has this header, also one that a webhook denied.
            let headers = HeaderMap::from_iter([(
                header::HeaderName::from_static("x-kubernetes-pf-flowschema-uid"),
                "7".parse().unwrap(),
            )]);
            refusal(StatusCode::from_u16(code).unwrap(), &headers, body.as_bytes())
        };
        for admission in [
            "admission webhook \"w.example\" denied the request: busy",
            "admission webhook \"w.example\" denied the request without explanation",
            "Internal error occurred: failed calling webhook \"w\": context deadline exceeded",
            "secrets \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            "secrets \"x\" is forbidden: exceeded quota: q, requested: count/secrets=1, used: 3, limited: 3",
            "secrets \"x\" is forbidden: status unknown for quota: q, resources: count/secrets",
        ] {
            for code in [401, 403, 422, 429, 500, 503] {
                let failure = refused(code, admission);
                assert_eq!(failure.blame, Blame::Admission, "{admission}");
                assert_ne!(failure.kind, FailureKind::Unauthorized, "{admission}");
            }
        }
        for (code, server) in [
            (429, "Too many requests, please try again later."),
            (500, "etcdserver: request timed out"),
            (503, "the server is currently unable to handle the request"),
            (504, "Timeout: request did not complete within the allotted timeout"),
            (401, "Unauthorized"),
        ] {
            assert_eq!(refused(code, server).blame, Blame::Server, "{server}");
        }
    }

    #[test]
    fn the_server_is_not_left_alone_for_longer_than_the_bound() {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, "86400".parse().unwrap())]);
        let failure = refusal(StatusCode::TOO_MANY_REQUESTS, &headers, b"");
        let longest = Some(RetryAfter::new(LONGEST_RETRY_AFTER));
        assert_eq!(failure.retry_after, longest);
        let body = json!({ "kind": "Status", "details": { "retryAfterSeconds": u64::MAX } }).to_string();
        let failure = refusal(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body.as_bytes());
        assert_eq!(failure.retry_after, longest);
    }
}
