//! The state of every target: a row for each, as `list`, the page, metrics and `wait` show it (SPEC 12).
//!
//! A row comes from [`decide_recording`] alone, so that it says what the controller would do. Rows are made on request, and not
//! kept.

use crate::decide::{Decision, Rules, Verb, decide_recording};
use crate::graph::Graph;
use crate::kind::Kind;
use crate::names::{Key, SourceKey, TargetKey};
use crate::reason::Reason;
use crate::state::State;
use crate::trail::{Outcome, Question, Step, Trail};

/// One target and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The target; it may not exist yet.
    pub target: TargetKey,
    /// The source that plays a part in it.
    pub source: Option<SourceKey>,
    /// Its state.
    pub state: State,
    /// The reason. `None`: it depends on content that has not been read.
    pub reason: Option<Reason>,
    /// Details, where the reason alone is not enough.
    pub detail: Option<String>,
    /// What would be written now.
    pub verb: Option<Verb>,
    /// What has to be read before it can be decided.
    pub needs: Option<Key>,
}

/// The row of one target, and the questions that led to it; no row if the object is no target and nobody pushes to its name.
#[must_use]
pub fn look(graph: &Graph, kind: &dyn Kind, rules: &Rules, target: &TargetKey) -> (Option<Row>, Trail) {
    let (decision, trail) = decide_recording(graph, kind, rules, target);
    let Some(state) = State::of(&decision) else { return (None, trail) };
    let (verdict, verb, needs) = match &decision {
        Decision::Nothing(verdict) | Decision::Refuse(verdict) | Decision::Wait(verdict, _) => {
            (Some(verdict), None, None)
        }
        Decision::Act(plan) => (Some(&plan.verdict), Some(plan.verb), None),
        Decision::Need(need) => (None, None, Some(need.key().clone())),
    };
    // The question before the one that cannot be answered says why something is to be written.
    let decided = |trail: &Trail| {
        trail.steps().iter().rev().find_map(|step| match step.outcome {
            Outcome::Decided(reason) => Some(reason),
            Outcome::Passed | Outcome::Needs(_) => None,
        })
    };
    let marks = graph.node(target).and_then(|node| node.marks());
    let named = || marks.and_then(|marks| marks.replicated_by.as_ref().or(marks.replicate_from.as_ref())).cloned();
    // For a target that does not exist yet only the trail names the source that pushes to it.
    let pushing = |trail: &Trail| {
        let is_it = |step: &&Step| step.question == Question::Pushed && step.outcome == Outcome::Passed;
        let (namespace, name) = trail.steps().iter().find(is_it)?.fact.split_once('/')?;
        Key::new(namespace, name).ok().map(SourceKey::from)
    };
    let row = Row {
        target: target.clone(),
        source: verdict.and_then(|verdict| verdict.source.clone()).or_else(named).or_else(|| pushing(&trail)),
        state,
        reason: verdict.map(|verdict| verdict.reason).or_else(|| decided(&trail)),
        detail: verdict.and_then(|verdict| verdict.detail.clone()),
        verb,
        needs,
    };
    (Some(row), trail)
}

/// A row for each target, in the order of their names: those that exist, and those that a
/// push names and that do not exist yet, in namespaces that do not exist either where it names these outright.
pub fn rows<'g>(graph: &'g Graph, kind: &'g dyn Kind, rules: &'g Rules) -> impl Iterator<Item = Row> + 'g {
    graph.all_asked_for().into_iter().filter_map(|target| look(graph, kind, rules, &target).0)
}
