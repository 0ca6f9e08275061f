//! Reads the controller's decisions from its JSON log.

use std::fmt;

use serde_json::Value;

/// One decision about one target.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// `namespace/name`.
    pub(super) target: String,
    /// A code of `docs/reasons.md`.
    pub(super) reason: String,
    action: String,
}

impl Entry {
    /// All that the log holds, in order.
    pub(super) fn all(log: &str) -> impl DoubleEndedIterator<Item = Self> + '_ {
        log.lines().filter_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let text = |field: &str| Some(line[field].as_str()?.to_owned());
            Some(Self { target: text("target")?, reason: text("reason")?, action: text("action")? })
        })
    }

    /// Whether something was written or refused, rather than found in order, or advised about what may be gone by now.
    pub(super) fn is_action(&self) -> bool {
        !["nothing", "advise"].contains(&&*self.action)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<9} {:<32} {}", self.action, self.target, self.reason)
    }
}
