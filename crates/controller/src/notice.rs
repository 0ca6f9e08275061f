//! Log lines of watches, of the poll, of the lease and of Events.

use tracing::{Level, debug, info, warn};

/// One log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// `WARN` for failures; `INFO` or `DEBUG` for ordinary progress.
    pub level: Level,
    /// `secrets`, `configmaps` or `namespaces`.
    pub resource: &'static str,
    /// Where; `None`: in all namespaces.
    pub namespace: Option<String>,
    /// The verb that failed, as RBAC calls it: `list`, `watch` or `get`.
    pub verb: Option<&'static str>,
    /// The failure's code in the closed list of reasons.
    pub reason: Option<&'static str>,
    /// The API server's message, with what to do about it.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_notice_is_a_log_line_of_its_level() {
        for (level, written) in
            [(Level::ERROR, "WARN"), (Level::WARN, "WARN"), (Level::INFO, "INFO"), (Level::DEBUG, "DEBUG")]
        {
            let notice = Notice {
                level,
                resource: "secrets",
                namespace: Some("team-1".into()),
                verb: Some("list"),
                reason: Some("Forbidden"),
                error: Some("denied".into()),
                message: "cannot list secrets".into(),
            };
            let expected = json!({ "level": written, "message": "cannot list secrets", "resource": "secrets", "namespace": "team-1",
                "verb": "list", "reason": "Forbidden", "error": "denied" });
            assert_eq!(crate::logged::lines(|| notice.log()), [expected]);
        }
    }
}
