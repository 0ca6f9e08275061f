//! One cell of the matrix: a target, and how it stands. Pure.

use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::names::{SourceKey, TargetKey};
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;
use k8s_replicator_core::survey::Row;

use crate::protocol::ChangedRow;

/// The target exists.
const EXISTS: u8 = 1;
/// A push made it, or will.
const PUSHED: u8 = 2;
/// It is about to be written.
const WRITES: u8 = 4;

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The target.
    pub target: TargetKey,
    /// The source that plays a part in it.
    pub source: Option<SourceKey>,
    /// How it stands.
    pub state: State,
    /// Why.
    pub reason: Option<Reason>,
    /// See [`Rows::flags`](crate::protocol::Rows::flags).
    pub flags: u8,
    /// Since when, in seconds since 1970, as far as that is known; nobody asks since when a target has been current.
    pub since: Option<i64>,
}

impl Cell {
    /// The cell of a row that was made from this graph.
    #[must_use]
    pub fn of(graph: &Graph, row: Row, since: Option<i64>) -> Self {
        let node = graph.node(&row.target);
        let pushed = node.is_none_or(|node| node.marks().is_some_and(|marks| marks.replicated_by.is_some()));
        let flag = |is: bool, flag| if is { flag } else { 0 };
        Self {
            flags: flag(node.is_some(), EXISTS) | flag(pushed, PUSHED) | flag(row.verb.is_some(), WRITES),
            target: row.target,
            source: row.source,
            state: row.state,
            reason: row.reason,
            since,
        }
    }

    /// The cell as a [`Frame`](crate::protocol::Frame) has it.
    #[must_use]
    pub fn changed(self, kind: usize) -> ChangedRow {
        (
            kind,
            self.target.to_string(),
            self.source.map(|source| source.to_string()),
            number(self.state),
            self.reason.map(Reason::code),
            self.flags,
            self.since,
        )
    }
}

/// A state's place in `State::ALL`.
#[must_use]
pub fn number(state: State) -> usize {
    State::ALL.iter().position(|other| *other == state).unwrap_or_default()
}
