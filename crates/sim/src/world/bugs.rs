//! Mistakes made on purpose, around the controller: the properties have to find each of them.
//!
//! None is in the controller's code. Each changes what it is told, or what it sends, in the way in which a mistake in it would.

use crate::api::http::Request;
use crate::spec::Flags;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Updates and deletes carry no precondition.
    NoPrecondition,
    /// Watch events of deletions are passed over.
    DeletionsPassedOver,
    /// The events of namespaces are passed over.
    NamespacesPassedOver,
    /// A read that fails, however it does, counts as "not there".
    FailedReadIsMissing,
    /// The removal delay is forgotten.
    DelayForgotten,
    /// Consent is not asked for.
    ConsentForgotten,
    /// A half-issued certificate is copied.
    HalfIssuedCopied,
    /// Every write is sent twice.
    WritesTwice,
    /// The controller writes under another field manager.
    OtherManager,
    /// Lists end after their first page.
    FirstPageOnly,
}

impl Bug {
    /// All of them, by the names that `--bug` takes.
    pub const ALL: [(&'static str, Bug); 10] = [
        ("no-precondition", Bug::NoPrecondition),
        ("deletions-passed-over", Bug::DeletionsPassedOver),
        ("namespaces-passed-over", Bug::NamespacesPassedOver),
        ("failed-read-is-missing", Bug::FailedReadIsMissing),
        ("delay-forgotten", Bug::DelayForgotten),
        ("consent-forgotten", Bug::ConsentForgotten),
        ("half-issued-copied", Bug::HalfIssuedCopied),
        ("writes-twice", Bug::WritesTwice),
        ("other-manager", Bug::OtherManager),
        ("first-page-only", Bug::FirstPageOnly),
    ];

    /// The flags that a controller with this mistake goes by.
    pub(super) fn flags(self, flags: &Flags) -> Flags {
        let mut flags = flags.clone();
        match self {
            Self::DelayForgotten => flags.removal_delay = std::time::Duration::ZERO,
            Self::ConsentForgotten => flags.allow_all = true,
            Self::HalfIssuedCopied => flags.hold_incomplete_tls = false,
            _ => {}
        }
        flags
    }

    /// What a controller with this mistake sends.
    pub(super) fn send(self, request: &mut Request) {
        match self {
            Self::NoPrecondition if request.method == "DELETE" => request.body = b"{}".to_vec(),
            Self::NoPrecondition if request.content_type == "application/json-patch+json" => {
                let mut body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
                if let Some(operations) = body.as_array_mut() {
                    let is_precondition = |operation: &serde_json::Value| {
                        matches!(operation["path"].as_str(), Some("/metadata/uid" | "/metadata/resourceVersion"))
                    };
                    operations.retain(|operation| !is_precondition(operation));
                }
                request.body = body.to_string().into_bytes();
            }
            Self::OtherManager => {
                request.uri = request.uri.replace("fieldManager=k8s-replicator", "fieldManager=other")
            }
            _ => {}
        }
    }
}
