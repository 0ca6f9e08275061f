//! The sources that push to a name and do not get it (SPEC 3, 4).

use super::{Case, Recorder, Rules, Verdict};
use crate::graph::Graph;
use crate::kind::Kind;
use crate::names::{SourceKey, TargetKey};
use crate::reason::Reason;

/// A verdict for each source whose push names the target and that does not get it, sorted by name. The source that the decision
/// about the target speaks of is not among them. There may be thousands of them: a report of them takes as many as fit. Where
/// one source alone pushes to the name this is a look-up, and there are none, unless the object there pulls.
pub fn losers<'g>(
    graph: &'g Graph,
    kind: &'g dyn Kind,
    rules: &'g Rules,
    target: &'g TargetKey,
) -> impl Iterator<Item = Verdict> + 'g {
    // Before the first lists are complete nothing is said of anybody.
    let case = graph.full_view().map(|view| Case { graph, kind, rules, target, view, recorder: Recorder(None) });
    case.into_iter().flat_map(|case| {
        let holder = Holder::of(case);
        let others = case.graph.pushing_to(case.target).filter(move |(source, _)| Some(*source) != holder.source());
        others.map(move |(source, _)| match case.accepts(source) {
            true => Verdict { reason: holder.refusal(), source: Some(source.clone()), detail: holder.detail() },
            false => {
                let (source, detail) = (Some(source.clone()), case.oddity_of_acceptance());
                Verdict { reason: Reason::NotAccepted, source, detail }
            }
        })
    })
}

/// What keeps a name from those who push to it.
#[derive(Clone, Copy)]
enum Holder<'g> {
    /// The source that the object was made by, until it is deleted; else the oldest. `None`: nobody pushes.
    Source(Option<&'g SourceKey>),
    /// An object that no push made, and that pulls from this source (SPEC 3, 5).
    Puller(&'g SourceKey),
}

impl<'g> Holder<'g> {
    fn of(case: Case<'g, '_>) -> Self {
        let marks = case.graph.node(case.target).and_then(|node| node.marks());
        match marks.map(|marks| (&marks.replicated_by, &marks.replicate_from, marks.is_target())) {
            Some((Some(creator), ..)) => Self::Source(Some(creator)),
            Some((None, Some(from), true)) => Self::Puller(from),
            _ => Self::Source(case.winning().map(|pushing| pushing.source.key)),
        }
    }

    /// The source that the decision about the target speaks of.
    fn source(self) -> Option<&'g SourceKey> {
        match self {
            Self::Source(source) => source,
            Self::Puller(from) => Some(from),
        }
    }

    fn refusal(self) -> Reason {
        match self {
            Self::Source(_) => Reason::AnotherSourceWins,
            Self::Puller(_) => Reason::NotCreatedBySource,
        }
    }

    fn detail(self) -> Option<String> {
        match self {
            Self::Source(source) => source.map(|source| format!("{source} has it")),
            Self::Puller(from) => Some(format!("it pulls from {from}")),
        }
    }
}
