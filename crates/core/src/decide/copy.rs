//! What becomes of a target's data when its source gives some: whether it holds it already (SPEC 4, 5.7, 9.3), whether once
//! keeps it away (SPEC 6), whether it is complete (SPEC 11.9), and why it is copied.

use std::ops::ControlFlow::Continue;
use std::sync::Arc;

use super::removal::has_received;
use super::{Answer, Case, Source, says};
use crate::action::Owned;
use crate::annotations::{Annotation, Marks, RemovalDelay};
use crate::certificate::Completeness;
use crate::graph::{Knowledge, Node};
use crate::keys::{KeyProblem, Projection};
use crate::managers::Owners;
use crate::observed::ResourceVersion;
use crate::reason::Reason;
use crate::trail::{Outcome, Question};

/// Who receives, and what it holds.
#[derive(Clone, Default)]
pub(super) struct Receiver<'g> {
    pub(super) node: Option<&'g Node>,
    /// Version of the source whose data it holds, if it holds a copy.
    pub(super) copy: Option<&'g ResourceVersion>,
    pub(super) once: bool,
    pub(super) once_version: Option<&'g Arc<str>>,
    /// Whether a push made it.
    pub(super) is_pushed: bool,
    /// Whether it holds what is lost if it is emptied.
    pub(super) has_received: bool,
    /// How long it asks to be kept (SPEC 11.1).
    pub(super) removal_delay: Option<RemovalDelay>,
    /// Whether its removal is approved (SPEC 11.2).
    pub(super) removal_approved: bool,
    /// What it gets of its source's data (SPEC 11.5). `None`: all.
    pub(super) projection: Option<Arc<Projection>>,
    /// What was asked for when its data was copied (`replicated-keys`). `None`: all.
    pub(super) noted: Option<&'g Arc<str>>,
}

impl<'g> Receiver<'g> {
    pub(super) fn of(owned: Owned<'g>) -> Self {
        let marks = owned.marks();
        Self {
            node: Some(owned.node()),
            copy: marks.from_version.as_ref(),
            once: marks.once,
            once_version: marks.text(Annotation::ReplicateOnceVersion),
            is_pushed: marks.replicated_by.is_some(),
            has_received: has_received(marks),
            removal_delay: marks.removal_delay,
            removal_approved: marks.removal_approved,
            projection: None,
            noted: marks.text(Annotation::ReplicatedKeys),
        }
    }

    /// What is noted with the copy of what is asked for.
    pub(super) fn note(&self) -> Option<Arc<str>> {
        self.projection.as_ref()?.note()
    }

    /// It holds what it is not to hold any more: no copy, and nothing to be kept.
    pub(super) fn without_copy(self) -> Self {
        Self { copy: None, once_version: None, has_received: false, ..self }
    }
}

/// How a target's data compares with its source's.
#[derive(Clone)]
pub(super) enum Comparison {
    /// Whatever the source holds, the target keeps its copy.
    Held,
    /// It is the same.
    Same,
    /// The source's is to be copied.
    Stale(Reason),
    /// The target cannot get what it asks for (SPEC 11.5): it keeps what it holds.
    Impossible(KeyProblem),
}

impl<'g> Case<'g, '_> {
    /// SPEC 6, then whether the data is the same.
    pub(super) fn compare(
        self,
        source: Source<'g>,
        marks: Option<&Marks>,
        receiver: &Receiver<'g>,
    ) -> Answer<'g, Comparison> {
        let (Some(node), Some(copy)) = (receiver.node, receiver.copy) else {
            self.pass(Question::Once, || "the target holds no copy".to_owned())?;
            self.note(Question::SameData, Outcome::Decided(Reason::FirstCopy), || {
                "no replicated-from-version".to_owned()
            });
            return self.if_possible(source, receiver, Comparison::Stale(Reason::FirstCopy));
        };
        let once = receiver.once || marks.is_some_and(|marks| marks.once);
        let version = [Annotation::ReplicateOnce, Annotation::ReplicateOnceVersion];
        let is_shielded = once && !crate::bug!(OnceForgotten);
        if is_shielded && !marks.is_some_and(|marks| asks_once_more(marks, receiver.once_version)) {
            if !self.is_emptied(node, source, receiver)? {
                let fact = || format!("{}: {}", source.key, says(marks, &version));
                self.note(Question::Once, Outcome::Decided(Reason::HeldByOnce), fact);
                return Continue(Comparison::Held);
            }
            let fact = || "the target has no value, and its source has one".to_owned();
            self.note(Question::Once, Outcome::Decided(Reason::Emptied), fact);
            return self.if_possible(source, receiver, Comparison::Stale(Reason::Emptied));
        }
        self.pass(Question::Once, || format!("{}: {}", source.key, says(marks, &version)))?;
        let same = match self.is_same(node, copy, source, receiver)? {
            Ok(same) => same,
            Err(problem) => return self.if_possible(source, receiver, Comparison::Impossible(problem)),
        };
        let comparison = match same {
            true => Comparison::Same,
            false if once => Comparison::Stale(Reason::OnceVersionChanged),
            false if receiver.noted != receiver.note().as_ref() => Comparison::Stale(Reason::InheritedChanged),
            false if *copy == source.node.resource_version || was_edited(node, receiver) => {
                Comparison::Stale(Reason::Drift)
            }
            false => Comparison::Stale(Reason::SourceChanged),
        };
        let outcome = match &comparison {
            Comparison::Stale(reason) => Outcome::Decided(*reason),
            Comparison::Same | Comparison::Held | Comparison::Impossible(_) => Outcome::Passed,
        };
        let current = &source.node.resource_version;
        self.note(Question::SameData, outcome, || {
            format!(
                "replicated-from-version: \"{copy}\"; {} is at {current}, the data is {}",
                source.key,
                differs(same)
            )
        });
        Continue(comparison)
    }

    /// A copy is to be made, if the target can get what it asks for.
    fn if_possible(
        self,
        source: Source<'g>,
        receiver: &Receiver<'g>,
        comparison: Comparison,
    ) -> Answer<'g, Comparison> {
        if receiver.projection.is_none() {
            return Continue(comparison);
        }
        match self.portion(Question::Keys, source, receiver.projection.as_ref())? {
            Ok(_) => Continue(comparison),
            Err(problem) => {
                self.note(Question::Keys, Outcome::Decided(problem.reason()), || problem.to_string());
                Continue(Comparison::Impossible(problem))
            }
        }
    }

    /// Whether the target's data, copied from this source at version `copy`, still is what it gets of the source's data. Where the
    /// keys are limited, its version does not tell: the chain above may say something else by now.
    fn is_same(
        self,
        target: &Node,
        copy: &ResourceVersion,
        source: Source<'g>,
        receiver: &Receiver<'g>,
    ) -> Answer<'g, Result<bool, KeyProblem>> {
        let projection = receiver.projection.as_ref();
        let is_limited = projection.is_some_and(|projection| projection.is_limited());
        if target.knowledge == Knowledge::Trusted
            && *copy == source.node.resource_version
            && receiver.noted == receiver.note().as_ref()
            && !is_limited
        {
            return Continue(Ok(true));
        }
        let theirs = match self.portion(Question::SameData, source, projection)? {
            Ok(theirs) => theirs,
            Err(problem) => return Continue(Err(problem)),
        };
        match target.knowledge {
            Knowledge::Known(ours) => Continue(Ok(ours.digest == theirs.digest)),
            _ => self.need_target(Question::SameData),
        }
    }

    /// SPEC 6: a target that somebody else left without any value, where its source has one. What the controller alone wrote was not
    /// emptied: there was no value in what it copied. So it is the same after a restart, where such a target is not read.
    fn is_emptied(self, target: &Node, source: Source<'g>, receiver: &Receiver<'g>) -> Answer<'g, bool> {
        if target.managers.data == Owners::Controller {
            return Continue(false);
        }
        match target.knowledge {
            Knowledge::Trusted => Continue(false),
            Knowledge::Known(ours) if ours.gives_something() || crate::bug!(EmptiedOnceStays) => Continue(false),
            Knowledge::Known(_) => {
                let theirs = self.portion(Question::Once, source, receiver.projection.as_ref())?;
                Continue(theirs.is_ok_and(|theirs| theirs.gives_something()))
            }
            Knowledge::Suspect | Knowledge::Refused => self.need_target(Question::Once),
        }
    }

    /// SPEC 11.9: whether the source's data is not to be copied yet.
    pub(super) fn is_incomplete(self, source: Source<'g>, projection: Option<&Arc<Projection>>) -> Answer<'g, bool> {
        let type_ = source.node.type_.as_ref().filter(|type_| self.kind.can_be_incomplete(type_));
        if !self.rules.hold_incomplete_tls || type_.is_none() || crate::bug!(HalfIssuedCopied) {
            return Continue(false);
        }
        let portion = self.portion(Question::Complete, source, projection)?;
        let incomplete = portion.is_ok_and(|facts| facts.completeness == Completeness::Incomplete);
        if incomplete {
            let fact = || format!("in {} they do not, or one is missing", source.key);
            self.note(Question::Complete, Outcome::Decided(Reason::SourceIncomplete), fact);
        }
        Continue(incomplete)
    }
}

fn differs(same: bool) -> &'static str {
    if same { "the same" } else { "another" }
}

/// Whether someone else is known to have written the target's data since the controller did. Of what a push made every key
/// was the controller's; a pulling target's user owned the data first, and goes on owning what the copy left as it was.
fn was_edited(target: &Node, receiver: &Receiver<'_>) -> bool {
    match target.managers.data {
        Owners::Others => true,
        Owners::Shared => receiver.is_pushed,
        Owners::Nobody | Owners::Controller => false,
    }
}

/// Whether a source asks, by its `replicate-once-version`, for one more copy (SPEC 6).
fn asks_once_more(source: &Marks, received: Option<&Arc<str>>) -> bool {
    source.text(Annotation::ReplicateOnceVersion).is_some_and(|version| Some(version) != received)
        && !crate::bug!(OnceVersionForgotten)
}
