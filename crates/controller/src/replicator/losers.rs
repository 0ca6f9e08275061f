//! Sources whose push names a target that another source has.

use k8s_replicator_core::decide::Verdict;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::names::{SourceKey, TargetKey};
use k8s_replicator_core::reason::Reason;

/// A verdict for each source that the `winner` keeps from the target (SPEC 3.4).
pub(super) fn losers(graph: &Graph, target: &TargetKey, winner: &SourceKey) -> Vec<Verdict> {
    let losers = graph.pushing_to(target).map(|(source, _)| source).filter(|source| *source != winner);
    let verdict = |source: &SourceKey| Verdict {
        reason: Reason::AnotherSourceWins,
        source: Some(source.clone()),
        detail: Some(format!("{winner} has it")),
    };
    losers.map(verdict).collect()
}
