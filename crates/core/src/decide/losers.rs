//! The sources that push to a name and do not get it (SPEC 3, 4).

use super::Verdict;
use super::creator::rank;
use crate::graph::Graph;
use crate::kind::Kind;
use crate::names::{SourceKey, TargetKey};
use crate::reason::Reason;

/// A verdict for each source whose push names the target and that another source keeps from it, in no order. The source
/// that the decision about the target speaks of is not among them. There may be thousands of them: a report of them takes
/// as many as fit. Where one source alone pushes to the name this is a look-up, and there are none.
pub fn losers<'g>(graph: &'g Graph, kind: &'g dyn Kind, target: &'g TargetKey) -> impl Iterator<Item = Verdict> + 'g {
    let winner = winner(graph, kind, target);
    let others = graph.pushing_to(target).filter(move |(source, _)| Some(*source) != winner);
    others.map(move |(source, _)| Verdict {
        reason: Reason::AnotherSourceWins,
        source: Some(source.clone()),
        detail: winner.map(|winner| format!("{winner} has it")),
    })
}

/// The source that the object was made by, until it is deleted; else the oldest.
fn winner<'g>(graph: &'g Graph, kind: &dyn Kind, target: &'g TargetKey) -> Option<&'g SourceKey> {
    let creator = graph.node(target).and_then(|node| node.marks()?.replicated_by.as_ref());
    let oldest = || Some(graph.pushing_to(target).min_by_key(|(key, node)| rank(kind, key, node))?.0);
    creator.or_else(oldest)
}
