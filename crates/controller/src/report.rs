//! Reports of what the control loop did and why: one log line each.
//!
//! Actions are logged at level info, refusals, failures and advice at warn, "nothing to do" at debug. Fields: `kind`, `source`,
//! `target`, `action`, `reason`, `resource_version`, `error`; where one line is about many targets, `targets` has how many, and
//! the message names a few.
//!
//! [`reports::Reports`] decides which reports become lines (SPEC 8): each state of an object once, and a failure that goes on less
//! and less often.

mod allowances;
mod reports;
mod spacing;
#[cfg(test)]
mod tests;
mod told;

use std::time::Duration;

use k8s_replicator_core::decide::{Verb, Verdict};
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::TargetKey;
use k8s_replicator_core::observed::ResourceVersion;
use k8s_replicator_core::reason::Reason;
use tracing::{debug, info, warn};

pub use reports::Reports;

/// So many objects that are not refused any more, and so many that are no targets any more, are remembered at most, so that they have
/// few lines if they come back. With what may be held of each, that is about two megabytes.
const MOST_OBJECTS: usize = 4_096;

/// A report about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The object.
    pub target: TargetKey,
    /// The reason, and the source.
    pub verdict: Verdict,
    /// What happened.
    pub outcome: Outcome,
    /// Other objects to which the same happened within a moment.
    pub others: Others,
}

/// Other objects to which the same happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Others {
    /// How many.
    pub count: usize,
    /// Some of them.
    pub names: Vec<TargetKey>,
}

/// What happened to an object.
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
    /// Annotations ask for something that is not done. Reported once for the same state.
    Refused,
    /// The target is left as it is for so long; `None`: until something changes. Reported once for the same state.
    Waits(Option<Duration>),
    /// An attempt failed and will be retried.
    Failed {
        /// What was tried; `None`: a read.
        verb: Option<Verb>,
        /// What kind of failure.
        reason: Reason,
        /// The verb, the object, and the server's message.
        error: String,
        /// When it is tried again; sooner if something changes.
        retry_in: Duration,
    },
    /// Advice about the object's annotations. It blocks nothing. Reported once for the same state.
    Advice,
}

impl Report {
    /// A report about one object.
    #[must_use]
    pub fn new(target: TargetKey, verdict: Verdict, outcome: Outcome) -> Self {
        Self { target, verdict, outcome, others: Others::default() }
    }

    /// Writes the log line.
    pub fn log(&self, kind: &dyn Kind) {
        let Self { target, verdict, outcome, others } = self;
        let (kind, target) = (kind.name(), target.as_str());
        let source = verdict.source.as_ref().map(|source| source.as_str());
        let detail = verdict.detail.as_deref();
        let (reason, sentence) = (verdict.reason.code(), verdict.reason.sentence());
        let targets = (others.count > 0).then_some(others.count + 1);
        let also = self.also();
        match outcome {
            Outcome::Done { verb, resource_version } => {
                let version = resource_version.as_ref().map(tracing::field::display);
                let action = verb.word();
                info!(kind, source, target, action, reason, resource_version = version, "{}", done(*verb));
            }
            Outcome::Nothing => debug!(kind, source, target, action = "nothing", reason, "{sentence}"),
            Outcome::Refused => {
                warn!(kind, source, target, targets, action = "refuse", reason, error = detail, "{sentence}{also}");
            }
            Outcome::Waits(time) => {
                let time =
                    time.map_or_else(|| "until something changes".to_owned(), |time| format!("for {}", seconds(time)));
                warn!(
                    kind,
                    source,
                    target,
                    targets,
                    action = "wait",
                    reason,
                    error = detail,
                    "{sentence} It waits {time}.{also}"
                );
            }
            Outcome::Failed { verb, reason, error, retry_in } => {
                let action = verb.map_or("read", Verb::word);
                let (reason, sentence) = (reason.code(), reason.sentence());
                let next = seconds(*retry_in);
                let what = failed(*verb);
                warn!(
                    kind,
                    source, target, targets, action, reason, error, "{what}; next attempt in {next}: {sentence}{also}"
                );
            }
            Outcome::Advice => warn!(kind, target, action = "advise", reason, error = detail, "{sentence}{also}"),
        }
    }

    /// A sentence that names the other objects.
    fn also(&self) -> String {
        let Others { count, names } = &self.others;
        let shown: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        match (*count, *count - names.len().min(*count)) {
            (0, _) => String::new(),
            (_, 0) => format!(" The same for {}.", shown.join(", ")),
            (_, more) => format!(" The same for {} and {more} more.", shown.join(", ")),
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// In a log line, and in an Event.
pub(crate) fn done(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "replica created",
        Verb::Adopt => "replica adopted",
        Verb::Update => "replica updated",
        Verb::Clear => "replica cleared",
        Verb::Delete => "replica deleted",
        Verb::Recreate => "replica deleted, to be created again",
    }
}

/// In a log line, and in an Event.
pub(crate) fn failed(verb: Option<Verb>) -> &'static str {
    match verb {
        None => "an object could not be read",
        Some(Verb::Create) => "the replica could not be created",
        Some(Verb::Adopt) => "the replica could not be adopted",
        Some(Verb::Update) => "the replica could not be updated",
        Some(Verb::Clear) => "the replica could not be cleared",
        Some(Verb::Delete | Verb::Recreate) => "the replica could not be deleted",
    }
}
