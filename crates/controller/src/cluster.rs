//! The requests that the control loop makes of the API server, and the responses to them.
//!
//! [`kube`] says how they look on the wire.

pub mod body;
pub mod kube;
pub mod object;
mod redact;
#[cfg(test)]
mod sample;
pub mod status;

use std::fmt;
use std::time::Duration;

use k8s_replicator_core::action::Action;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::Key;
use k8s_replicator_core::observed::Observed;
use k8s_replicator_core::payload::Content;
use k8s_replicator_core::reason::Reason;

use crate::backoff::RetryAfter;

/// What a request does to an object. Admission webhooks and policies see writes alone: their trouble keeps nobody from reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// It reads it.
    Read,
    /// It writes it.
    Write,
}

/// One request.
#[derive(Debug)]
pub enum Request {
    /// Get the object's metadata.
    Look(Key),
    /// Get the whole object.
    Read(Key),
    /// Write it.
    Write(Action),
}

/// The answer to a request that the server granted.
#[derive(Debug)]
pub enum Answer {
    /// To `Look` and `Read`: no object has this name.
    Missing,
    /// To `Look`, and to a write: the object as it is now.
    Seen(Observed),
    /// To `Read`, and to a write of data: the object and its content, of the same version.
    Content(Observed, Content),
    /// To a delete.
    Deleted,
}

/// What kind of failure it was: what to do next depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// 409: the object changed since the decision, or exists already.
    Conflict,
    /// 404 to a write: the object, or its namespace, is gone.
    Gone,
    /// 403 to a create, since the namespace is being deleted.
    NamespaceTerminating,
    /// 403.
    Forbidden,
    /// 401, from the API server itself: it does not know who asks.
    Unauthorized,
    /// 400, 413 or 422: the server does not accept the object.
    Invalid,
    /// 429.
    Throttled,
    /// Any other refusal, or an answer that cannot be read.
    Server,
    /// No answer. A write may have been carried out.
    Unreachable,
}

impl FailureKind {
    /// Its reason code.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::Conflict | Self::Gone => Reason::Conflict,
            Self::NamespaceTerminating => Reason::NamespaceTerminating,
            Self::Forbidden | Self::Unauthorized => Reason::Forbidden,
            Self::Invalid => Reason::Invalid,
            Self::Throttled => Reason::Throttled,
            Self::Server => Reason::ServerError,
            Self::Unreachable => Reason::Unreachable,
        }
    }
}

/// Who caused a failure: that decides which other requests have to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blame {
    /// The API server as a whole: priority and fairness, a time-out, a proxy in between.
    #[default]
    Server,
    /// Something that concerns this object or namespace alone: an admission webhook or policy, a quota.
    Admission,
}

/// A request that failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// What was tried, and what the server said. No value of a Secret is in it.
    pub message: String,
    /// So many bytes at the end of the message are the server's words as they came, and may quote a Secret. The others are this
    /// program's own. The server's words come by [`status`] alone, which counts them: nothing else can read those of a `Status`.
    pub uncleaned: usize,
    /// `Retry-After`.
    pub retry_after: Option<RetryAfter>,
    /// Who caused it.
    pub blame: Blame,
}

impl Failure {
    /// A failure of the server as a whole, without `Retry-After`, in this program's own words: they must quote no response.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), uncleaned: 0, retry_after: None, blame: Blame::Server }
    }

    /// The message, with what there is to do about it. `url`: the API server's, if it is known. `needs`: which right is missing, where the
    /// server knows who asks and refuses.
    #[must_use]
    pub fn explained(&self, url: Option<&str>, needs: impl FnOnce() -> String) -> String {
        let said = &self.message;
        match self.kind {
            FailureKind::Forbidden => format!("{said}; {}", needs()),
            FailureKind::Unauthorized => format!(
                "{said}; the API server does not accept the controller's credentials: check that its token or client certificate \
                 is valid and of this cluster, and that its ServiceAccount exists"
            ),
            FailureKind::Unreachable => {
                let at = url.map_or(String::new(), |url| format!(" at {url}"));
                format!("no answer from the API server{at}: {said}")
            }
            FailureKind::Conflict
            | FailureKind::Gone
            | FailureKind::NamespaceTerminating
            | FailureKind::Invalid
            | FailureKind::Throttled
            | FailureKind::Server => said.clone(),
        }
    }

    /// The message about a write of an object of this kind that sent none of its data: without what an admission webhook or policy, which
    /// sees the object, may have quoted of a Secret (SPEC 8).
    #[must_use]
    pub fn message_about(&self, kind: &dyn Kind) -> String {
        let (own, servers) = self.words();
        match kind.is_secret() {
            true => format!("{own}{}", redact::secrets_words(servers, redact::Shown::Old { written: None })),
            false => self.message.clone(),
        }
    }

    /// The message: this program's own words, and after them the server's as they came.
    fn words(&self) -> (&str, &str) {
        let own = self.message.len().saturating_sub(self.uncleaned);
        // What cannot be told apart counts as the server's.
        self.message.split_at_checked(own).unwrap_or(("", &self.message))
    }

    /// How long the server asks to wait, at most about `longest`; zero: it does not. `random` is a byte that adds up to a quarter.
    #[must_use]
    pub fn asked_wait(&self, longest: Duration, random: u8) -> Duration {
        self.retry_after.map_or(Duration::ZERO, |asked| asked.wait(longest, random))
    }

    /// A response that cannot be read, so that nothing follows from it. `why` must not quote it: it can hold a Secret.
    #[must_use]
    pub fn unreadable(why: impl fmt::Display) -> Self {
        Self::new(FailureKind::Server, format!("the response cannot be read: {why}"))
    }
}
