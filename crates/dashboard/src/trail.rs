//! Why one target stands as it does: the way that the data takes, the questions, and what is to be done. Pure.

#[cfg(test)]
mod tests;

use k8s_replicator_core::annotations::{Annotation, Dialect, Marks};
use k8s_replicator_core::change::Change;
use k8s_replicator_core::decide::Verb;
use k8s_replicator_core::explain::{self, By, There};
use k8s_replicator_core::graph::{Graph, Node};
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::{SourceKey, TargetKey, excerpt};
use k8s_replicator_core::observed::Annotated;
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::survey::Row;
use k8s_replicator_core::trail;

use crate::protocol::{Command, Link, Step, Trail};
use crate::words;

/// So many other sources are named.
const MOST_RIVALS: usize = 20;
/// The annotations that play a part where data goes on from an object, and at its end.
const OF_SOURCE: [Annotation; 15] = [
    Annotation::ReplicateTo,
    Annotation::ReplicateToNamespaces,
    Annotation::ReplicateToNamespaceSelector,
    Annotation::ReplicateFrom,
    Annotation::ReplicatedBy,
    Annotation::ReplicationAllowed,
    Annotation::ReplicationAllowedNamespaces,
    Annotation::ReplicationAllowedNamespaceSelector,
    Annotation::ReplicationAllowedKeys,
    Annotation::ReplicateKeys,
    Annotation::ReplicateType,
    Annotation::ReplicateOnce,
    Annotation::ReplicateOnceVersion,
    Annotation::RemovalDelay,
    Annotation::Paused,
];
const OF_TARGET: [Annotation; 9] = [
    Annotation::ReplicateFrom,
    Annotation::ReplicatedBy,
    Annotation::ReplicatedFromAllowed,
    Annotation::ReplicateKeys,
    Annotation::ReplicateOnce,
    Annotation::ReplicateOnceVersion,
    Annotation::RemovalApproved,
    Annotation::RemovalDelay,
    Annotation::Paused,
];

/// What the controller knows and says of one target, and how it names annotations.
pub struct Case<'a> {
    /// The controller's graph.
    pub graph: &'a Graph,
    /// The target's kind.
    pub kind: &'a dyn Kind,
    /// How annotations are named.
    pub dialect: &'a Dialect,
    /// The target.
    pub target: &'a TargetKey,
    /// Its row, if it is a target.
    pub row: Option<&'a Row>,
    /// Since when it has had its state, in seconds since 1970.
    pub since: Option<i64>,
    /// In seconds since 1970.
    pub now: i64,
}

/// The trail of one target; `questions` led to its row.
#[must_use]
pub fn told(case: &Case<'_>, questions: &trail::Trail) -> Trail {
    let Case { graph, kind, target, row, since, now, .. } = case;
    let steps: Vec<Step> = questions.steps().iter().map(step).collect();
    let decided = questions.steps().iter().rev().find_map(|step| match step.outcome {
        trail::Outcome::Decided(reason) => Some(reason),
        trail::Outcome::Passed | trail::Outcome::Needs(_) => None,
    });
    let reason = row.map_or(decided, |row| row.reason);
    let source = row.and_then(|row| row.source.as_ref());
    let rivals = graph.pushing_to(target).map(|(key, _)| key).filter(|key| Some(*key) != source);
    Trail {
        kind: kind.name(),
        target: target.to_string(),
        state: row.map(|row| row.state.name()),
        reason: reason.map(Reason::code),
        sentence: match (reason, row) {
            (Some(reason), _) => reason.sentence(),
            (None, Some(row)) => row.state.sentence(),
            (None, None) => Reason::NotATarget.sentence(),
        },
        detail: row.and_then(|row| row.detail.clone()),
        // The graph does not know.
        said: None,
        action: row.and_then(|row| row.verb).map(Verb::word),
        needs: row.and_then(|row| row.needs.as_ref()).map(ToString::to_string),
        todo: reason.and_then(words::todo),
        commands: commands(case, reason),
        chain: chain(graph, target, source),
        rivals: rivals.take(MOST_RIVALS).map(ToString::to_string).collect(),
        steps,
        since: *since,
        now: *now,
    }
}

fn step(step: &trail::Step) -> Step {
    let (outcome, what) = match &step.outcome {
        trail::Outcome::Passed => ("passed", None),
        trail::Outcome::Decided(reason) => ("decided", Some(reason.code().to_owned())),
        trail::Outcome::Needs(key) => ("needs", Some(key.to_string())),
    };
    Step { question: step.question.name(), text: step.question.text(), fact: step.fact.clone(), outcome, what }
}

/// What can be done, and the same at a terminal.
fn commands(case: &Case<'_>, reason: Option<Reason>) -> Vec<Command> {
    let Case { graph, kind, dialect, target, row, .. } = case;
    let source = row.and_then(|row| row.source.as_ref());
    let change = Change { graph, kind: *kind, dialect, target, source, controller: None };
    let changes = reason.map(|reason| change.commands(reason)).unwrap_or_default();
    let changes = changes.into_iter().map(|text| Command { does: "To change it", text });
    changes.chain([Command { does: "The same at a terminal", text: change.explain(target) }]).collect()
}

/// The objects that the data comes through, the target last.
fn chain(graph: &Graph, target: &TargetKey, source: Option<&SourceKey>) -> Vec<Link> {
    let links = explain::chain(graph, target, source);
    links.iter().rev().map(|it| link(graph, it)).collect()
}

fn link(graph: &Graph, explain::Link { key, by, there, again }: &explain::Link) -> Link {
    let (role, annotations): (_, &[Annotation]) = match by {
        None => ("target", &OF_TARGET),
        Some(By::Pull) => ("is pulled", &OF_SOURCE),
        Some(By::Creator | By::Push) => ("pushes", &OF_SOURCE),
    };
    let node = graph.node(key);
    let marks = node.and_then(Node::marks);
    let says = |marks: &Marks| {
        let texts = annotations.iter().filter_map(|it| Some((it.name(), excerpt(marks.text(*it)?))));
        texts.collect()
    };
    Link {
        key: key.to_string(),
        role,
        exists: match there {
            There::Present => Some(true),
            There::Missing => Some(false),
            There::Unknown => None,
        },
        again: *again,
        deleting: node.is_some_and(|node| node.deleting),
        version: node.map(|node| node.resource_version.to_string()),
        holds: marks.and_then(|marks| marks.from_version.as_ref()).map(ToString::to_string),
        created: node.map(|node| node.created),
        says: marks.map(says).unwrap_or_default(),
        ill_formed: node.and_then(|node| match &node.annotated {
            Annotated::Ill(error) => Some(error.to_string()),
            Annotated::Not | Annotated::Well(_) => None,
        }),
    }
}
