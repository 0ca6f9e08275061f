//! Whether a source's data is copied into a target: whether the target holds it already (SPEC 4, 5.7, 9.3), whether
//! `replicate-once` keeps it away (SPEC 6), whether it is complete (SPEC 11.9), and the reason of the copy.

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
use crate::names::SourceKey;
use crate::observed::ResourceVersion;
use crate::reason::Reason;
use crate::trail::{Outcome, Question};

/// A target that receives data, and what it holds.
#[derive(Clone, Default)]
pub(super) struct Receiver<'g> {
    pub(super) node: Option<&'g Node>,
    /// Version of the source whose data it holds, if it holds a copy.
    pub(super) copy: Option<&'g ResourceVersion>,
    pub(super) once: bool,
    pub(super) once_version: Option<&'g Arc<str>>,
    /// Whether a push made it.
    pub(super) is_pushed: bool,
    /// Whether it holds data of its source, which is lost if the target is emptied.
    pub(super) has_received: bool,
    /// Its `removal-delay` (SPEC 11.1).
    pub(super) removal_delay: Option<RemovalDelay>,
    /// Whether its removal is approved (SPEC 11.2).
    pub(super) removal_approved: bool,
    /// The part of its source's data that it gets (SPEC 11.5). `None`: all.
    pub(super) projection: Option<Arc<Projection>>,
    /// `replicated-keys`: the keys that were asked for when its data was copied. `None`: all.
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

    /// A replica whose creator, with these marks, lets it pull from `from`. With another `replicate-from` or `replicate-once` than the replica
    /// has, the data that it holds does not count as a copy any more.
    pub(super) fn of_combined(owned: Owned<'g>, creator: &Marks, from: &SourceKey) -> Self {
        let own = owned.marks();
        let receiver = Self {
            once: creator.once,
            removal_delay: creator.removal_delay,
            has_received: own.from_version.is_some(),
            ..Self::of(owned)
        };
        if asks_the_same(own, creator, from) { receiver } else { receiver.without_copy() }
    }

    /// The value of `replicated-keys` that is written with the copy.
    pub(super) fn note(&self) -> Option<Arc<str>> {
        self.projection.as_ref()?.note()
    }

    /// The same target, taken to hold no copy and nothing worth keeping: its data comes from another source, or was copied under
    /// another `replicate-once`.
    pub(super) fn without_copy(self) -> Self {
        Self { copy: None, has_received: false, ..self }
    }
}

/// Whether a replica asks for the data that its creator, with these marks, lets it pull from `from`.
pub(super) fn asks_the_same(own: &Marks, creator: &Marks, from: &SourceKey) -> bool {
    own.replicate_from.as_ref() == Some(from) && own.once == creator.once
}

/// How a target's data compares with its source's.
#[derive(Clone)]
pub(super) enum Comparison {
    /// `replicate-once`: the target keeps its copy, whatever the source holds.
    Held,
    /// The target holds the source's data.
    Same,
    /// The source's data has to be copied.
    Stale(Stale),
    /// The target cannot get what it asks for (SPEC 11.5): it keeps what it holds.
    Impossible(KeyProblem),
}

/// Why a target's data is not what it gets of its source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stale {
    /// It holds no copy yet.
    FirstCopy,
    /// Its source's data changed.
    SourceChanged,
    /// Its source asks for one more copy by `replicate-once-version` (SPEC 6).
    AskedOnceMore,
    /// Other keys are asked for.
    OtherKeys,
    /// Somebody else changed its data.
    Edited,
    /// Somebody else left it without any value (SPEC 6).
    Emptied,
}

impl Stale {
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::FirstCopy => Reason::FirstCopy,
            Self::SourceChanged => Reason::SourceChanged,
            Self::AskedOnceMore => Reason::OnceVersionChanged,
            Self::OtherKeys => Reason::InheritedChanged,
            Self::Edited => Reason::Drift,
            Self::Emptied => Reason::Emptied,
        }
    }

    /// Whether a copy only puts right what somebody else did to the target: see [`Plan::corrects`](super::Plan::corrects).
    pub(super) fn is_of_others(self) -> bool {
        matches!(self, Self::Edited | Self::Emptied)
    }
}

impl<'g> Case<'g, '_> {
    /// Compares the two: first by `replicate-once` (SPEC 6), then by content.
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
            return self.if_possible(source, receiver, Comparison::Stale(Stale::FirstCopy));
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
            return self.if_possible(source, receiver, Comparison::Stale(Stale::Emptied));
        }
        self.pass(Question::Once, || format!("{}: {}", source.key, says(marks, &version)))?;
        let same = match self.is_same(node, copy, source, receiver)? {
            Ok(same) => same,
            Err(problem) => return self.if_possible(source, receiver, Comparison::Impossible(problem)),
        };
        let comparison = match same {
            true => Comparison::Same,
            false if once => Comparison::Stale(Stale::AskedOnceMore),
            false if receiver.noted != receiver.note().as_ref() => Comparison::Stale(Stale::OtherKeys),
            false if *copy == source.node.resource_version || was_edited(node, receiver) => {
                Comparison::Stale(Stale::Edited)
            }
            false => Comparison::Stale(Stale::SourceChanged),
        };
        let outcome = match &comparison {
            Comparison::Stale(stale) => Outcome::Decided(stale.reason()),
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

    /// `Stale`, or `Impossible` if the target cannot get the keys that it asks for.
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

    /// Whether the target's data, copied from this source at version `copy`, still is what it gets of the source's data. Where keys
    /// are limited the version is not enough: the objects above may allow other keys by now. Nor is it where the target has not the keys
    /// that it would have: somebody took some away, which changes no owner of the others.
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
            && target.managers.names.are_as_copied(source.node.managers.names, projection.map(|it| &**it))
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

    /// SPEC 6: whether somebody else left the target without any value, where its source has one. Data that the controller alone
    /// wrote was not emptied: the copy had no value. That is decided alike after a restart, when such a target is not read.
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

/// Whether someone else is known to have written the target's data since the controller did. On a replica that a push made the
/// controller owned every key; the user of a pulling target owned the data first, and goes on owning what the copy did not change. Of keys
/// that somebody took away no owner tells, but that the names are others.
fn was_edited(target: &Node, receiver: &Receiver<'_>) -> bool {
    match target.managers.data {
        _ if target.managers.names != target.managers.names_as_copied => true,
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
