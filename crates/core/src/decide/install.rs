//! A source's push, installed into a target (SPEC 4).

use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;

use super::carry::carried_to;
use super::copy::{Comparison, Receiver, Stale, asks_the_same};
use super::creator::Pushing;
use super::plan::{Aim, Data, PULLED, Verb, Wanted};
use super::pull::{Fill, Gate, Gift, Trim};
use super::{Answer, Case, Decision, End, Source, nothing, refuse};
use crate::action::Owned;
use crate::annotations::Annotation;
use crate::graph::Knowledge;
use crate::keys::{KeyProblem, Projection};
use crate::managers::Owners;
use crate::names::SourceKey;
use crate::reason::Reason;
use crate::trail::{Outcome, Question};

/// The annotations that every replica inherits from its creator.
const INHERITED: [Annotation; 6] = [
    Annotation::ReplicateOnce,
    Annotation::ReplicationAllowed,
    Annotation::ReplicationAllowedNamespaces,
    Annotation::ReplicationAllowedNamespaceSelector,
    Annotation::ReplicationAllowedKeys,
    Annotation::RemovalDelay,
];

/// A replica of a combined object.
#[derive(Clone, Copy)]
struct Combined<'g> {
    owned: Owned<'g>,
    /// The type of its creator.
    type_: Option<&'g Arc<str>>,
    /// Its creator.
    source: Source<'g>,
    /// What it pulls from.
    from: &'g SourceKey,
}

/// A replica of a source with data of its own.
struct Replica<'g> {
    pushing: Pushing<'g>,
    owned: Owned<'g>,
    /// The type that it has to have.
    type_: Option<&'g Arc<str>>,
    receiver: Receiver<'g>,
}

impl<'g> Replica<'g> {
    fn has_other_type(&self) -> bool {
        matches!((&self.owned.node().type_, self.type_), (Some(ours), Some(theirs)) if ours != theirs)
    }

    /// The aim to keep its data, if it holds a copy as it was copied.
    fn kept(&self, mut wanted: Wanted, at_rest: Decision<'g>) -> Aim<'g> {
        let source = self.pushing.source;
        if self.receiver.copy.is_some() {
            wanted.take(&[Annotation::ReplicatedFromVersion, Annotation::ReplicatedKeys], self.owned.marks());
        }
        let reason = Reason::InheritedChanged;
        Aim { wanted, data: Data::Keep, type_: None, reason, source: source.key, at_rest, gives: Some(source) }
    }
}

impl<'g> Case<'g, '_> {
    /// Installs the source into the target. `existing`: the target, if it exists and its `replicated-by` names this source.
    pub(super) fn install(self, pushing: Pushing<'g>, existing: Option<Owned<'g>>) -> End<'g> {
        let Pushing { source, marks } = pushing;
        self.is_not_known_as_protected(source.key, source.node, source.key)?;
        if let Some(owned) = existing {
            self.adopt(pushing, owned)?;
        }
        let mut wanted = Wanted::default();
        wanted.set(Annotation::ReplicatedBy, Some(source.key.as_str().into()));
        wanted.take(&INHERITED, marks);
        wanted.carry(carried_to(pushing));
        match (&marks.replicate_from, existing) {
            (None, None) => self.make(pushing, wanted),
            (None, Some(owned)) => self.install_own_data(pushing, owned, wanted),
            (Some(from), None) => self.make_combined(pushing, from, wanted),
            (Some(from), Some(owned)) => self.install_combined(pushing, from, owned, wanted),
        }
    }

    /// SPEC 3, 1: a replica that others copied or restored is adopted before anything else is written to it.
    fn adopt(self, Pushing { source, marks }: Pushing<'g>, owned: Owned<'g>) -> Answer<'g> {
        let owners = owned.node().managers.replicated_by;
        if owners != Owners::Others || crate::bug!(AdoptionForgotten) {
            return Continue(());
        }
        let type_ = self.type_of(source.key, source.node, source.key)?;
        self.type_to_be(marks, type_, source.key)?;
        self.type_of_target(owned.node(), source.key)?;
        let plan = self.adopting(owned, source.key);
        self.stop(Question::Adoption, Decision::Act(plan), || {
            "only other field managers own its replicated-by".to_owned()
        })
    }

    // --- A source with data of its own ---

    fn make(self, pushing: Pushing<'g>, mut wanted: Wanted) -> End<'g> {
        let Pushing { source, marks } = pushing;
        wanted.take(&[Annotation::ReplicateOnceVersion], marks);
        self.facts(Question::SourceRead, source)?;
        let type_ = self.type_of(source.key, source.node, source.key)?;
        let type_ = self.type_to_be(marks, type_, source.key)?;
        let projection = self.pushed(marks, Vec::new(), type_);
        if let Err(problem) = self.portion(Question::Keys, source, projection.as_ref())? {
            let refused = refuse(problem.reason(), Some(source.key), Some(problem.to_string()));
            return self.stop(Question::Keys, refused, || problem.to_string());
        }
        if self.is_incomplete(source, projection.as_ref())? {
            let refused = refuse(Reason::SourceIncomplete, Some(source.key), None);
            return self
                .stop(Question::AsWanted, refused, || "the replica is created when the pair is whole".to_owned());
        }
        wanted.set(Annotation::ReplicatedFromVersion, Some(current(source)));
        wanted.take_keys(marks);
        self.create_replica(source, wanted, type_, Data::From(source, projection, Stale::FirstCopy))
    }

    fn install_own_data(self, pushing: Pushing<'g>, owned: Owned<'g>, mut wanted: Wanted) -> End<'g> {
        let Pushing { source, marks } = pushing;
        wanted.take(&[Annotation::ReplicateOnceVersion], marks);
        let type_ = self.type_to_be(marks, source.node.type_.as_ref(), source.key)?;
        let projection = self.pushed(marks, Vec::new(), type_);
        // The replica's own `replicate-once` does not count (SPEC 9.11). Data that it pulled while its source was combined is no copy of
        // the source's own data.
        let receiver = Receiver { once: false, projection, ..Receiver::of(owned) };
        let receiver = if owned.marks().replicate_from.is_some() { receiver.without_copy() } else { receiver };
        let replica = Replica { pushing, owned, type_, receiver };
        let stale = match self.compare(source, Some(marks), &replica.receiver)? {
            Comparison::Held => return self.keep(&replica, wanted, nothing(Reason::HeldByOnce, Some(source.key))),
            Comparison::Impossible(problem) => {
                return self.keep_as_asked(&replica, wanted, problem.reason(), Some(&problem));
            }
            Comparison::Same => None,
            Comparison::Stale(stale) => Some(stale),
        };
        let part = replica.receiver.projection.as_ref();
        let other_type = replica.has_other_type() && !crate::bug!(OtherTypeIsUpdated);
        if (stale.is_some() || other_type) && self.is_incomplete(source, part)? {
            return self.keep_as_asked(&replica, wanted, Reason::SourceIncomplete, None);
        }
        if other_type {
            // A replica that could not be created again is not deleted.
            return match self.portion(Question::Keys, source, part)? {
                Err(problem) => {
                    self.keep(&replica, wanted, refuse(problem.reason(), Some(source.key), Some(problem.to_string())))
                }
                Ok(_) => self.remake(owned, Question::SameType, Reason::TypeChanged, source.key),
            };
        }
        match stale {
            None => {
                let mut aim = replica.kept(wanted, nothing(Reason::UpToDate, Some(source.key)));
                aim.wanted.take_keys(marks);
                self.settle(owned, aim)
            }
            Some(stale) => self.overwrite(replica, wanted, stale),
        }
    }

    /// The replica keeps its data; other annotations are updated.
    fn keep(self, replica: &Replica<'g>, wanted: Wanted, at_rest: Decision<'g>) -> End<'g> {
        self.settle(replica.owned, replica.kept(wanted, at_rest))
    }

    /// As [`Case::keep`], where data that is asked for cannot be copied yet: so the source's `replicate-once-version` is not taken over.
    fn keep_as_asked(
        self,
        replica: &Replica<'g>,
        mut wanted: Wanted,
        reason: Reason,
        problem: Option<&KeyProblem>,
    ) -> End<'g> {
        wanted.take(&[Annotation::ReplicateOnceVersion], replica.owned.marks());
        self.keep(replica, wanted, refuse(reason, Some(replica.pushing.source.key), problem.map(KeyProblem::to_string)))
    }

    /// The replica gets its source's data.
    fn overwrite(self, replica: Replica<'g>, mut wanted: Wanted, stale: Stale) -> End<'g> {
        let Replica { pushing: Pushing { source, marks }, owned, type_, receiver } = replica;
        self.facts(Question::SourceRead, source)?;
        // The source has been read, so that its type, and that of its replicas, is known.
        self.type_of(source.key, source.node, source.key)?;
        if self.cannot_hold(owned, source, receiver.projection.as_ref())? {
            return self.remake(owned, Question::Changeable, Reason::ReplicaImmutable, source.key);
        }
        wanted.set(Annotation::ReplicatedFromVersion, Some(current(source)));
        wanted.take_keys(marks);
        let at_rest = nothing(stale.reason(), Some(source.key));
        let data = Data::From(source, receiver.projection, stale);
        self.settle(
            owned,
            Aim { wanted, data, type_, reason: stale.reason(), source: source.key, at_rest, gives: None },
        )
    }

    // --- A source that pushes what another object, `from`, gives: its own data is never used ---

    fn make_combined(self, pushing: Pushing<'g>, from: &'g SourceKey, mut wanted: Wanted) -> End<'g> {
        let Pushing { source, marks } = pushing;
        wanted.set(Annotation::ReplicateFrom, Some(from.as_str().into()));
        let type_ = self.type_of(source.key, source.node, source.key)?;
        let type_ = self.type_to_be(marks, type_, source.key)?;
        let projection = self.pushed(marks, self.limits(from), type_);
        let receiver = Receiver { once: marks.once, projection, ..Receiver::default() };
        let data = match self.gate(from, &receiver)? {
            Gate::Gives(offer) => match self.gift(offer, &receiver, None)? {
                Gift::Fill(fill) => {
                    fill.annotate(&mut wanted);
                    Data::From(fill.source, receiver.projection, Stale::FirstCopy)
                }
                Gift::Keep { .. } | Gift::Trim { .. } => Data::Cleared,
            },
            Gate::Refuses(..) | Gate::GivesNothing(_) | Gate::NotYet(_) => Data::Cleared,
        };
        self.create_replica(source, wanted, type_, data)
    }

    fn install_combined(
        self,
        pushing: Pushing<'g>,
        from: &'g SourceKey,
        owned: Owned<'g>,
        mut wanted: Wanted,
    ) -> End<'g> {
        let Pushing { source, marks } = pushing;
        wanted.set(Annotation::ReplicateFrom, Some(from.as_str().into()));
        let type_ = self.type_of(source.key, source.node, source.key)?;
        let type_ = self.type_to_be(marks, type_, source.key)?;
        self.is_of_type(owned, type_, source)?;
        let own = owned.marks();
        let projection = self.pushed(marks, self.limits(from), type_);
        let receiver = Receiver { projection, ..Receiver::of_combined(owned, marks, from) };
        if asks_the_same(own, marks, from) {
            wanted.take(&PULLED, own);
        }
        let combined = Combined { owned, type_, source, from };
        let offer = match self.gate(from, &receiver)? {
            Gate::Gives(offer) => offer,
            // The replica gets no data yet, so that an approval of its removal stays.
            Gate::Refuses(reason, detail) => {
                wanted.take(&[Annotation::RemovalApproved], own);
                return self.keep_combined(combined, wanted, refuse(reason, Some(from), detail), None);
            }
            Gate::NotYet(decision) => {
                wanted.take(&[Annotation::RemovalApproved], own);
                return self.keep_combined(combined, wanted, decision, None);
            }
            Gate::GivesNothing(stopped) => return self.empty_combined(combined, wanted, stopped.reason),
        };
        match self.gift(offer, &receiver, Some(owned))? {
            Gift::Trim { allowed, kept } => {
                if owned.node().is_immutable() {
                    return self.remake(owned, Question::Changeable, Reason::ReplicaImmutable, source.key);
                }
                wanted.set(Annotation::ReplicatedFromAllowed, Some(allowed));
                self.trim(owned, Trim { wanted, kept, type_, from })
            }
            Gift::Keep { allowed, at_rest } => {
                if allowed.is_some() {
                    wanted.set(Annotation::ReplicatedFromAllowed, allowed);
                }
                self.keep_combined(combined, wanted, at_rest, Some(offer.source))
            }
            Gift::Fill(fill) => self.fill_combined(combined, wanted, &fill),
        }
    }

    /// The replica keeps its data; only annotations change.
    fn keep_combined(
        self,
        combined: Combined<'g>,
        wanted: Wanted,
        at_rest: Decision<'g>,
        gives: Option<Source<'g>>,
    ) -> End<'g> {
        let Combined { owned, type_, from: source, .. } = combined;
        let reason = Reason::InheritedChanged;
        self.settle(owned, Aim { wanted, data: Data::Keep, type_, reason, source, at_rest, gives })
    }

    /// SPEC 9.6: the replica becomes empty, or gets minimal values, whatever it held before.
    fn empty_combined(self, combined: Combined<'g>, mut wanted: Wanted, reason: Reason) -> End<'g> {
        let Combined { owned, type_, source, from } = combined;
        PULLED.iter().for_each(|annotation| wanted.set(*annotation, None));
        let is_empty = self.is_empty(owned)?;
        if !is_empty && owned.node().is_immutable() {
            return self.remake(owned, Question::Changeable, Reason::ReplicaImmutable, source.key);
        }
        let data = if is_empty { Data::Keep } else { Data::Cleared };
        let at_rest = refuse(reason, Some(from), None);
        self.settle(owned, Aim { wanted, data, type_, reason, source: from, at_rest, gives: None })
    }

    /// SPEC 5, 7 and 8: the replica gets the data of the object that it pulls from.
    fn fill_combined(self, combined: Combined<'g>, mut wanted: Wanted, fill: &Fill<'g>) -> End<'g> {
        let Combined { owned, type_, source, from } = combined;
        fill.annotate(&mut wanted);
        if fill.stale.is_some() && self.cannot_hold(owned, fill.source, fill.projection())? {
            return self.remake(owned, Question::Changeable, Reason::ReplicaImmutable, source.key);
        }
        let (data, reason, gives) = (fill.data(), fill.reason(), Some(fill.source));
        let at_rest = nothing(reason, Some(from));
        self.settle(owned, Aim { wanted, data, type_, reason, source: from, at_rest, gives })
    }

    /// Stops if the replica of a combined object has to be recreated because its creator has another type.
    fn is_of_type(self, owned: Owned<'g>, theirs: Option<&'g Arc<str>>, source: Source<'g>) -> Answer<'g> {
        let node = owned.node();
        let ours = match &node.type_ {
            // A source that is not older than its replica was recreated after it made the replica, perhaps with another type, while
            // the controller did not run.
            None if source.node.created >= node.created => self.type_of_target(node, source.key)?,
            known => known.as_ref(),
        };
        match (ours, theirs) {
            (Some(ours), Some(theirs)) if ours != theirs => {
                let Break(decision) = self.remake(owned, Question::SameType, Reason::TypeChanged, source.key);
                Break(decision)
            }
            _ => Continue(()),
        }
    }

    /// SPEC 9.5: a replica that cannot be changed is deleted, and then created again.
    fn remake(self, owned: Owned<'g>, question: Question, reason: Reason, source: &SourceKey) -> End<'g> {
        let fact = if question == Question::SameType { "it has another type" } else { "it is immutable" };
        self.note(question, Outcome::Decided(reason), || fact.to_owned());
        self.remove(owned, Verb::Recreate, reason, source)
    }

    /// Whether a replica is immutable and holds other data than it has to get. (If it holds the same data, its annotations can
    /// still be updated.)
    fn cannot_hold(self, owned: Owned<'g>, source: Source<'g>, part: Option<&Arc<Projection>>) -> Answer<'g, bool> {
        if !owned.node().is_immutable() || crate::bug!(ImmutableIsUpdated) {
            return Continue(false);
        }
        let Ok(theirs) = self.portion(Question::Changeable, source, part)? else { return Continue(true) };
        match owned.node().knowledge {
            Knowledge::Known(ours) => Continue(ours.digest != theirs.digest),
            Knowledge::Trusted | Knowledge::Suspect | Knowledge::Refused => self.need_target(Question::Changeable),
        }
    }

    /// Whether a combined object's replica holds nothing, or minimal values.
    fn is_empty(self, owned: Owned<'g>) -> Answer<'g, bool> {
        match owned.node().knowledge {
            Knowledge::Known(facts) => Continue(facts.cleared),
            Knowledge::Trusted if owned.marks().from_version.is_some() => Continue(false),
            // A replica without a copy need not be empty: it may hold the data of another object, which was left there while this
            // one was ill-formed.
            Knowledge::Trusted | Knowledge::Suspect | Knowledge::Refused => self.need_target(Question::SameData),
        }
    }
}

/// The version whose data is copied.
fn current(source: Source<'_>) -> Arc<str> {
    source.node.resource_version.to_string().into()
}
