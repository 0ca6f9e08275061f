//! Whether the source that made a replica still pushes to it (SPEC 3, 1), and who pushes to a name (SPEC 3, 4).

use std::ops::ControlFlow::Continue;

use super::{Answer, Case, Need, Source, refuse, says};
use crate::annotations::{Marks, PUSH, RemovalDelay};
use crate::graph::{Node, Presence, Withdrawal};
use crate::names::SourceKey;
use crate::observed::Annotated;
use crate::reason::Reason;
use crate::trail::{Outcome, Question};

/// A source whose push names the target.
#[derive(Clone, Copy)]
pub(super) struct Pushing<'g> {
    pub(super) source: Source<'g>,
    pub(super) marks: &'g Marks,
}

/// Whether a replica is still wanted by its creator.
pub(super) enum Creator<'g> {
    Pushes(Pushing<'g>),
    Stopped(Stopped<'g>),
}

/// A source that does not push to, or does not give its data to, a target any more.
#[derive(Clone, Copy)]
pub(super) struct Stopped<'g> {
    pub(super) source: &'g SourceKey,
    pub(super) reason: Reason,
    /// What the source has lost: itself, or its annotations of push or consent. `None`: nothing; its annotations, or the target's
    /// namespace, exclude the target explicitly, so that the removal delay does not apply.
    pub(super) without: Option<Withdrawal>,
    /// The removal delay that the source itself asks for.
    pub(super) delay: Option<RemovalDelay>,
}

impl<'g> Case<'g, '_> {
    pub(super) fn creator(self, creator: &'g SourceKey) -> Answer<'g, Creator<'g>> {
        let stopped = |reason, without, marks: Option<&Marks>| {
            let fact = || match without {
                Some(Withdrawal::Object) => format!("{creator} does not exist"),
                _ => format!("{creator}: {}", says(marks, &PUSH)),
            };
            self.note(Question::Creator, Outcome::Decided(reason), fact);
            let delay = marks.and_then(|marks| marks.removal_delay);
            Continue(Creator::Stopped(Stopped { source: creator, reason, without, delay }))
        };
        let node = match self.graph.presence(creator) {
            Presence::Unknown => return self.need(Question::Creator, Need::Presence(creator.clone().into())),
            Presence::Outside => {
                // Whether it still wants this replica cannot be known.
                let refused = refuse(Reason::SourceNotWatched, Some(creator), None);
                return self.stop(Question::Creator, refused, || format!("{creator} is not among --namespaces"));
            }
            Presence::Absent => return stopped(Reason::SourceMissing, Some(Withdrawal::Object), None),
            Presence::Present(node) => node,
        };
        let marks = match &node.annotated {
            Annotated::Ill(_) if crate::bug!(IllFormedIsSilent) => {
                return stopped(Reason::SourceStoppedPushing, Some(Withdrawal::Push), None);
            }
            Annotated::Ill(error) => {
                let refused = refuse(Reason::SourceIllFormed, Some(creator), Some(error.to_string()));
                return self.stop(Question::Creator, refused, || error.to_string());
            }
            Annotated::Not => return stopped(Reason::SourceStoppedPushing, Some(Withdrawal::Push), None),
            Annotated::Well(marks) => &**marks,
        };
        if self.graph.pushes_to(creator, self.target) {
            self.pass(Question::Creator, || format!("{creator}: {}", says(Some(marks), &PUSH)))?;
            if !self.accepts(creator) && !crate::bug!(UnacceptedStays) {
                self.note(Question::Accepted, Outcome::Decided(Reason::NotAccepted), || self.accepts_says());
                let reason = Reason::NotAccepted;
                return Continue(Creator::Stopped(Stopped { source: creator, reason, without: None, delay: None }));
            }
            return Continue(Creator::Pushes(Pushing { source: Source { key: creator, node }, marks }));
        }
        let without = (!marks.asks_for_a_push() || crate::bug!(SaidOutrightWaits)).then_some(Withdrawal::Push);
        stopped(Reason::SourceStoppedPushing, without, Some(marks))
    }

    /// The source that gets the name: the oldest of those that the target's namespace accepts.
    pub(super) fn winning(self) -> Option<Pushing<'g>> {
        let (key, node) = self.graph.pushing_to(self.target).min_by_key(|(key, node)| self.rank(key, node))?;
        Some(Pushing { source: Source { key, node }, marks: node.marks()? })
    }

    /// The order in which sources get a name (SPEC 3, 4). A source that is not accepted, or is of a protected type, comes after all
    /// others. The type of a source that is paused, or pulls from one that is, is not checked: it keeps its place.
    pub(super) fn rank(self, key: &'g SourceKey, node: &Node) -> (bool, bool, i64, &'g SourceKey) {
        let from = node.marks().and_then(|marks| self.graph.node(marks.replicate_from.as_ref()?));
        let is_paused = [Some(node), from].into_iter().flatten().filter_map(Node::marks).any(|marks| marks.paused);
        let is_protected = !is_paused && node.type_.as_deref().is_some_and(|type_| self.kind.is_protected(type_));
        let created = if crate::bug!(YoungestWins) { -node.created } else { node.created };
        (!self.accepts(key), is_protected, created, key)
    }
}
