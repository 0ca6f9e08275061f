//! Which keys a target gets of its source's data, and which of its own it may keep (SPEC 11.5, 11.8).

use std::ops::ControlFlow::Continue;
use std::sync::Arc;

use super::copy::Receiver;
use super::{Answer, Case, Need, Source};
use crate::action::Owned;
use crate::annotations::{Annotation, Marks};
use crate::graph::{Knowledge, Portion};
use crate::keys::{Limit, Projection};
use crate::names::SourceKey;
use crate::trail::{Outcome, Question};

impl<'g> Case<'g, '_> {
    /// The part of the source's data that each replica of a push gets. `type_`: the replicas' type. `None`: all.
    pub(super) fn pushed(self, marks: &Marks, limits: Vec<Limit>, type_: Option<&Arc<str>>) -> Option<Arc<Projection>> {
        let asked = marks.text(Annotation::ReplicateKeys).cloned();
        let of_another_type = marks.replicate_type.is_some() && self.kind.is_typed();
        self.projection(asked, limits, type_, of_another_type)
    }

    /// The part of the source's data that a pulling target gets. `None`: all.
    pub(super) fn pulled(self, owned: Owned<'g>, from: &'g SourceKey) -> Answer<'g, Option<Arc<Projection>>> {
        let asked = owned.marks().text(Annotation::ReplicateKeys).cloned();
        let limits = self.limits(from);
        if asked.is_none() && limits.is_empty() {
            return Continue(None);
        }
        // The part may lack keys that the target's type requires. Where the source's type requires none, the target is not read for
        // its type: if that is another one, the API server refuses the write.
        let of_source = self.graph.node(from).and_then(|node| node.type_.as_ref());
        let type_ = match &owned.node().type_ {
            None if of_source.is_none_or(|type_| !self.kind.has_required_keys(type_)) => None,
            _ => self.type_of_target(owned.node(), from)?,
        };
        Continue(self.projection(asked, limits, type_, false))
    }

    fn projection(
        self,
        asked: Option<Arc<str>>,
        limits: Vec<Limit>,
        type_: Option<&Arc<str>>,
        of_another_type: bool,
    ) -> Option<Arc<Projection>> {
        let asked = asked.filter(|_| !crate::bug!(KeysForgotten));
        if asked.is_none() && limits.is_empty() && !of_another_type {
            return None;
        }
        let type_ = type_.filter(|type_| self.kind.has_required_keys(type_)).cloned();
        let projection = Projection { asked, limits, type_ };
        (!projection.is_all()).then(|| Arc::new(projection))
    }

    /// The limits on keys of the chain that begins with `from`: of each object, up to the last one that has
    /// `replication-allowed-keys`.
    pub(super) fn limits(self, from: &'g SourceKey) -> Vec<Limit> {
        let mut limits: Vec<Limit> = Vec::new();
        if crate::bug!(AllowedKeysForgotten) {
            return limits;
        }
        // An object that is missing or ill-formed limits no keys, nor does any above it; whether the target gets anything then,
        // `Case::above` decides.
        let is_sure = |marks: &&Marks| !marks.unsure;
        for marks in self.graph.above(from).map_while(|(_, node)| node?.marks().filter(is_sure)) {
            let text = |annotation| marks.text(annotation).cloned();
            // By `replicated-keys` the names that its keys have on the object above are known, but only while it holds a copy.
            let asked = text(Annotation::ReplicatedKeys).filter(|_| marks.from_version.is_some());
            limits.push(Limit { allowed: text(Annotation::ReplicationAllowedKeys), asked });
        }
        let last = limits.iter().rposition(|limit| limit.allowed.is_some()).map_or(0, |last| last + 1);
        limits.truncate(last);
        limits
    }

    /// The facts of the part that the target gets, or why it cannot get it.
    pub(super) fn portion(
        self,
        question: Question,
        source: Source<'_>,
        projection: Option<&Arc<Projection>>,
    ) -> Answer<'g, Portion> {
        let Some(projection) = projection else {
            return Continue(Ok(self.facts(question, source)?));
        };
        match source.node.portion(projection) {
            Some(portion) => Continue(portion.clone()),
            None => self.need(question, Need::Portion(source.key.clone().into(), projection.clone())),
        }
    }

    /// The part of its copy that a target may keep, if it holds keys that are not allowed any more. `None`: it may keep all.
    pub(super) fn exceeds(self, owned: Owned<'g>, receiver: &Receiver<'g>) -> Answer<'g, Option<Arc<Projection>>> {
        let Some(projection) = receiver.projection.as_ref().filter(|projection| projection.is_limited()) else {
            return Continue(None);
        };
        // Without a copy the data would be the target's own.
        if receiver.copy.is_none() || crate::bug!(KeysNotTrimmed) {
            return Continue(None);
        }
        // Its keys have the names under which they were copied: those of `replicated-keys`.
        let asked = owned.marks().text(Annotation::ReplicatedKeys).cloned();
        let kept = Projection { asked, ..(**projection).clone() }.of_kept();
        let Knowledge::Known(ours) = owned.node().knowledge else { return self.need_target(Question::KeysKept) };
        let kept = Arc::new(kept);
        match owned.node().portion(&kept) {
            None => self.need(Question::KeysKept, Need::Portion(self.target.clone().into(), kept)),
            Some(Ok(facts)) if facts.digest == ours.digest => Continue(None),
            Some(_) => {
                let fact = || format!("it holds others than {projection}");
                self.note(Question::KeysKept, Outcome::Decided(crate::reason::Reason::KeysTrimmed), fact);
                Continue(Some(kept))
            }
        }
    }
}
