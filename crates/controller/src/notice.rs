//! What a watch or a poll has to say to the people who run the program, as one log line each.

use tracing::{Level, debug, info, warn};

/// One log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Warnings are failures; what is done as a matter of course is `INFO` or `DEBUG`.
    pub level: Level,
    /// `secrets`, `configmaps` or `namespaces`.
    pub resource: &'static str,
    /// Where; `None`: in all namespaces.
    pub namespace: Option<String>,
    /// What failed, as roles call it: `list`, `watch` or `get`.
    pub verb: Option<&'static str>,
    /// The failure's code in the closed list of reasons.
    pub reason: Option<&'static str>,
    /// What the API server said, with what to do about it.
    pub error: Option<String>,
    /// The sentence.
    pub message: String,
}

impl Notice {
    /// Writes the log line.
    pub fn log(&self) {
        let Self { level, resource, namespace, verb, reason, error, message } = self;
        let (namespace, error) = (namespace.as_deref(), error.as_deref());
        match *level {
            Level::WARN | Level::ERROR => warn!(resource, namespace, verb, reason, error, "{message}"),
            Level::INFO => info!(resource, namespace, verb, reason, error, "{message}"),
            _ => debug!(resource, namespace, verb, reason, error, "{message}"),
        }
    }
}
