//! A target as commands show it: its row, with what is known of the object, and what the person could not see.

use k8s_replicator_core::names::{Key, SourceKey};
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;
use k8s_replicator_core::survey::Row;
use serde_json::{Value, json};

use crate::cluster::OfKind;
use crate::terminal::Ink;

/// How a target stands, as far as the person can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As it was decided.
    Known(State),
    /// It depends on a content that was not read.
    Unread,
    /// It depends on objects that the person may not see.
    Unseen,
}

impl Standing {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Known(state) => state.name(),
            Self::Unread => "unread",
            Self::Unseen => "unseen",
        }
    }

    /// Its colour.
    #[must_use]
    pub fn ink(self) -> Ink {
        match self {
            Self::Known(State::Current) => Ink::Good,
            Self::Known(State::Refused | State::Failing) => Ink::Bad,
            Self::Known(State::Waiting | State::Held) => Ink::Pending,
            Self::Unread | Self::Unseen => Ink::Faint,
        }
    }

    /// What comes first in a list: the worst.
    #[must_use]
    pub fn rank(self) -> usize {
        match self {
            Self::Known(state) => State::ALL.iter().rev().position(|other| *other == state).unwrap_or_default(),
            Self::Unseen => State::ALL.len(),
            Self::Unread => State::ALL.len() + 1,
        }
        // Those that are as wanted come last.
        .wrapping_add(if self == Self::Known(State::Current) { 10 } else { 0 })
    }
}

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As in manifests: `Secret`.
    pub kind: &'static str,
    /// The target.
    pub target: Key,
    /// The source that plays a part in it.
    pub source: Option<SourceKey>,
    /// How it stands.
    pub standing: Standing,
    /// Why.
    pub reason: Option<Reason>,
    /// What exactly.
    pub detail: Option<String>,
    /// The source's version whose data it holds.
    pub version: Option<String>,
    /// When it was created, in seconds since 1970; `None`: it does not exist.
    pub created: Option<i64>,
    /// What the controller is about to do.
    pub verb: Option<&'static str>,
}

impl Entry {
    /// The entry of a row.
    #[must_use]
    pub fn new(of: &OfKind, row: Row) -> Self {
        let node = of.graph.node(&row.target);
        let namespace = match row.reason {
            Some(Reason::SourceNotWatched) => row.source.as_ref().map(|source| source.namespace()),
            Some(Reason::NamespaceNotWatched) => Some(row.target.namespace()),
            _ => None,
        };
        // The graph covers only what the person may see: that the program does not watch the namespace is not what this means.
        let is_unseen = namespace.is_some_and(|namespace| !of.seen.covers(namespace));
        let standing = match (is_unseen, &row.needs) {
            (true, _) => Standing::Unseen,
            (false, Some(_)) => Standing::Unread,
            (false, None) => Standing::Known(row.state),
        };
        Self {
            kind: of.kind.name(),
            source: row.source,
            standing,
            reason: row.reason.filter(|_| !is_unseen),
            detail: row.detail,
            version: node.and_then(|node| Some(node.marks()?.from_version.as_ref()?.to_string())),
            created: node.map(|node| node.created),
            verb: row.verb.map(k8s_replicator_core::decide::Verb::word),
            target: row.target.into(),
        }
    }

    /// Whether its target or its source is in this namespace.
    #[must_use]
    pub fn is_about(&self, namespace: &str) -> bool {
        let source = self.source.as_ref().map(|source| source.namespace());
        self.target.namespace() == namespace || source == Some(namespace)
    }

    /// A Secret's, of which nothing else is known. An empty source: none.
    #[cfg(test)]
    pub(crate) fn secret(target: &str, source: &str, standing: Standing, reason: Option<Reason>) -> Self {
        let key = |text: &str| Key::resolve(text, "").unwrap();
        Self {
            kind: "Secret",
            target: key(target),
            source: (!source.is_empty()).then(|| key(source).into()),
            standing,
            reason,
            detail: None,
            version: None,
            created: None,
            verb: None,
        }
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "kind": self.kind,
            "target": self.target.as_str(),
            "source": self.source.as_ref().map(|source| source.as_str()),
            "state": self.standing.word(),
            "reason": self.reason.map(Reason::code),
            "message": self.reason.map(Reason::sentence),
            "detail": self.detail,
            "remedy": self.reason.map(Reason::remedy),
            "version": self.version,
            "created": self.created.and_then(time),
            "exists": self.created.is_some(),
            "next": self.verb,
        })
    }
}

/// As Kubernetes writes times.
#[must_use]
pub fn time(seconds: i64) -> Option<String> {
    Some(jiff::Timestamp::from_second(seconds).ok()?.to_string())
}

/// How many stand how, the worst first: "2 refused, 11 current".
#[must_use]
pub fn summary<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> String {
    let mut counts: Vec<(Standing, usize)> = Vec::new();
    for entry in entries {
        match counts.iter_mut().find(|(standing, _)| *standing == entry.standing) {
            Some((_, count)) => *count += 1,
            None => counts.push((entry.standing, 1)),
        }
    }
    counts.sort_by_key(|(standing, _)| standing.rank());
    let counts: Vec<_> = counts.iter().map(|(standing, count)| format!("{count} {}", standing.word())).collect();
    counts.join(", ")
}
