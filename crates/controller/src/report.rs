//! What the control loop did and why, as one log line each.
//!
//! Actions are logged at level info, refusals and failures at warn, "nothing to do" at debug. Fields: `kind`, `source`,
//! `target`, `action`, `reason`, `resource_version`, `error`.

use k8s_replicator_core::decide::{Verb, Verdict};
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::TargetKey;
use k8s_replicator_core::observed::ResourceVersion;
use k8s_replicator_core::reason::Reason;
use std::time::Duration;
use tracing::{debug, info, warn};

/// One thing worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// About which object.
    pub target: TargetKey,
    /// Why.
    pub verdict: Verdict,
    /// What.
    pub outcome: Outcome,
}

/// What came of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A write was carried out.
    Done {
        /// Which.
        verb: Verb,
        /// The target's version since then, if it still exists.
        resource_version: Option<ResourceVersion>,
    },
    /// Nothing has to be done.
    Nothing,
    /// Something was asked for that is not done. Told once for the same state.
    Refused,
    /// An attempt failed and will be repeated.
    Failed {
        /// What was tried; `None`: a read.
        verb: Option<Verb>,
        /// What kind of failure.
        reason: Reason,
        /// What was tried on which object, and what the server said.
        error: String,
        /// When it is tried again; sooner if something changes.
        retry_in: Duration,
    },
}

impl Report {
    /// Writes the log line.
    pub fn log(&self, kind: &dyn Kind) {
        let Self { target, verdict, outcome } = self;
        let (kind, target) = (kind.name(), target.as_str());
        let source = verdict.source.as_ref().map(|source| source.as_str());
        let detail = verdict.detail.as_deref();
        let reason = verdict.reason.code();
        match outcome {
            Outcome::Done { verb, resource_version } => {
                let version = resource_version.as_ref().map(tracing::field::display);
                let action = verb.word();
                info!(kind, source, target, action, reason, resource_version = version, "{}", done(*verb));
            }
            Outcome::Nothing => {
                debug!(kind, source, target, action = "nothing", reason, "{}", verdict.reason.sentence());
            }
            Outcome::Refused => {
                warn!(kind, source, target, action = "refuse", reason, error = detail, "{}", verdict.reason.sentence());
            }
            Outcome::Failed { verb, reason, error, retry_in } => {
                let action = verb.map_or("read", Verb::word);
                let reason = reason.code();
                let seconds = retry_in.as_secs_f64();
                warn!(kind, source, target, action, reason, error, "failed; next attempt in {seconds:.1} s");
            }
        }
    }
}

fn done(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "replica created",
        Verb::Adopt => "replica adopted",
        Verb::Update => "replica updated",
        Verb::Clear => "replica cleared",
        Verb::Delete => "replica deleted",
        Verb::Recreate => "replica deleted, to be created again",
    }
}
