//! Whether a source gives its data to a target that pulls from it, and what the target gets (SPEC 5).

use std::ops::ControlFlow::Continue;
use std::sync::Arc;

use super::copy::{Comparison, Receiver, Stale};
use super::creator::Stopped;
use super::plan::{Aim, Data, Wanted};
use super::{Answer, Case, Decision, End, Need, Source, nothing, refuse, says};
use crate::action::Owned;
use crate::annotations::{Annotation, CONSENT, Marks};
use crate::graph::{Chain, LONGEST_CHAIN, Node, Presence, Withdrawal};
use crate::keys::Projection;
use crate::names::SourceKey;
use crate::observed::Annotated;
use crate::pattern::Allowed;
use crate::reason::Reason;
use crate::selection::Selection;
use crate::trail::{Outcome, Question};

/// Whether a source gives its data (SPEC 5, 1 to 6).
pub(super) enum Gate<'g> {
    /// Nothing may be changed.
    Refuses(Reason, Option<String>),
    /// The source does not give its data: the target's copy has to be taken away.
    GivesNothing(Stopped<'g>),
    /// As `GivesNothing`, but not yet (SPEC 11.1).
    NotYet(Decision<'g>),
    Gives(Offer<'g>),
}

/// Whether the objects above a source allow a namespace.
enum Above<'g> {
    Allows,
    Forbids,
    /// This object is missing or ill-formed, so that whether it allows the namespace is not known; the list that was handed down
    /// does not name it.
    NotVisible(&'g SourceKey),
}

/// What [`Case::trim`] writes.
pub(super) struct Trim<'g> {
    pub(super) wanted: Wanted,
    pub(super) kept: Arc<Projection>,
    pub(super) type_: Option<&'g Arc<str>>,
    pub(super) from: &'g SourceKey,
}

/// The data of a source that gives it.
#[derive(Clone, Copy)]
pub(super) struct Offer<'g> {
    pub(super) source: Source<'g>,
    marks: Option<&'g Marks>,
}

/// What a target gets from a source that gives its data (SPEC 5, 7 and 8).
pub(super) enum Gift<'g> {
    /// The target's data stays. If it holds a copy, `replicated-from-allowed` is still updated.
    Keep { allowed: Option<Arc<str>>, at_rest: Decision<'g> },
    /// As `Keep`, but the target loses the keys that are not allowed any more (SPEC 11.8): the part `kept` stays.
    Trim { allowed: Arc<str>, kept: Arc<Projection> },
    /// The target gets the source's data.
    Fill(Fill<'g>),
}

/// The state of a target after a pull.
pub(super) struct Fill<'g> {
    pub(super) source: Source<'g>,
    /// Why the data has to be written; `None`: the target holds it.
    pub(super) stale: Option<Stale>,
    version: Arc<str>,
    once_version: Option<Arc<str>>,
    origin: Option<Arc<str>>,
    allowed: Arc<str>,
    projection: Option<Arc<Projection>>,
}

impl<'g> Fill<'g> {
    pub(super) fn annotate(&self, wanted: &mut Wanted) {
        wanted.set(Annotation::ReplicatedFromVersion, Some(self.version.clone()));
        wanted.set(Annotation::ReplicateOnceVersion, self.once_version.clone());
        wanted.set(Annotation::ReplicatedFromOrigin, self.origin.clone());
        wanted.set(Annotation::ReplicatedFromAllowed, Some(self.allowed.clone()));
        let noted = self.projection.as_ref().and_then(|projection| projection.note());
        wanted.set(Annotation::ReplicatedKeys, noted);
    }

    /// The part of the source's data that it is; `None`: all.
    pub(super) fn projection(&self) -> Option<&Arc<Projection>> {
        self.projection.as_ref()
    }

    pub(super) fn data(&self) -> Data<'g> {
        self.stale.map_or(Data::Keep, |stale| Data::From(self.source, self.projection.clone(), stale))
    }

    pub(super) fn reason(&self) -> Reason {
        self.stale.map_or(Reason::UpToDate, Stale::reason)
    }
}

impl<'g> Case<'g, '_> {
    /// SPEC 3, 3: the target pulls from `from`.
    pub(super) fn pull(self, from: &'g SourceKey, owned: Owned<'g>) -> End<'g> {
        let receiver = Receiver { projection: self.pulled(owned, from)?, ..Receiver::of(owned) };
        let offer = match self.gate(from, &receiver)? {
            Gate::Gives(offer) => offer,
            Gate::NotYet(decision) => {
                return self.stop(Question::AsWanted, decision, || "the target keeps its copy until then".to_owned());
            }
            Gate::Refuses(reason, detail) => {
                let refused = refuse(reason, Some(from), detail);
                return self.stop(Question::AsWanted, refused, || "the target is left as it is".to_owned());
            }
            Gate::GivesNothing(stopped)
                if !receiver.has_received || receiver.once && crate::bug!(OnceShieldsFromClear) =>
            {
                // The target never received data, so that its own stays. Its user asks for data and does not get it: that is
                // reported as a refusal.
                let refused = refuse(stopped.reason, Some(from), None);
                return self.stop(Question::AsWanted, refused, || {
                    "the target never received anything, and keeps its own data".to_owned()
                });
            }
            Gate::GivesNothing(stopped) => {
                self.type_of_target(owned.node(), from)?;
                self.may_write_data(owned, from)?;
                return self.clear(owned, &stopped);
            }
        };
        let mut wanted = Wanted::default();
        wanted.take(Annotation::ALL, owned.marks());
        // The target follows its source again: an approval for a removal that did not happen is taken off.
        wanted.set(Annotation::RemovalApproved, None);
        let gives = Some(offer.source);
        match self.gift(offer, &receiver, Some(owned))? {
            Gift::Keep { allowed, at_rest } => {
                if allowed.is_some() {
                    wanted.set(Annotation::ReplicatedFromAllowed, allowed);
                }
                let reason = Reason::InheritedChanged;
                self.settle(owned, Aim { wanted, data: Data::Keep, type_: None, reason, source: from, at_rest, gives })
            }
            Gift::Trim { allowed, kept } => {
                wanted.set(Annotation::ReplicatedFromAllowed, Some(allowed));
                self.may_write_data(owned, from)?;
                let type_ = self.type_of_target(owned.node(), from)?;
                self.trim(owned, Trim { wanted, kept, type_, from })
            }
            Gift::Fill(fill) => {
                fill.annotate(&mut wanted);
                if fill.stale.is_some() {
                    self.may_write_data(owned, from)?;
                }
                let (data, type_, reason) = (fill.data(), fill.source.node.type_.as_ref(), fill.reason());
                let at_rest = nothing(reason, Some(from));
                self.settle(owned, Aim { wanted, data, type_, reason, source: from, at_rest, gives })
            }
        }
    }

    /// Takes away the keys that are not allowed any more.
    pub(super) fn trim(self, owned: Owned<'g>, trim: Trim<'g>) -> End<'g> {
        let Trim { wanted, kept, type_, from } = trim;
        let (reason, data) = (Reason::KeysTrimmed, Data::Kept(kept));
        let at_rest = nothing(reason, Some(from));
        self.settle(owned, Aim { wanted, data, type_, reason, source: from, at_rest, gives: None })
    }

    /// A pulling target belongs to its user: where its data cannot be changed, it is refused, and not recreated.
    fn may_write_data(self, owned: Owned<'g>, from: &SourceKey) -> Answer<'g> {
        self.is_not_known_as_protected(self.target, owned.node(), from)?;
        if owned.node().is_immutable() {
            let refused = refuse(Reason::TargetImmutable, Some(from), None);
            return self.stop(Question::Changeable, refused, || "the target is immutable".to_owned());
        }
        Continue(())
    }

    /// The questions of SPEC 5, 1 to 6, in their order: the first that applies decides; and whether a copy that has to be taken
    /// away may be taken away now (SPEC 11.1, 11.2).
    pub(super) fn gate(self, from: &'g SourceKey, receiver: &Receiver<'g>) -> Answer<'g, Gate<'g>> {
        match self.gate_now(from, receiver)? {
            Gate::GivesNothing(stopped) if receiver.has_received => {
                let postponed = self.postponed(&stopped, None, receiver.removal_approved);
                Continue(postponed.map_or(Gate::GivesNothing(stopped), Gate::NotYet))
            }
            gate => Continue(gate),
        }
    }

    /// As [`Case::gate`], without the removal delay and the removal limit.
    pub(super) fn gate_now(self, from: &'g SourceKey, receiver: &Receiver<'g>) -> Answer<'g, Gate<'g>> {
        let node = match self.graph.presence(from) {
            Presence::Unknown => return self.need(Question::SourceExists, Need::Presence(from.clone().into())),
            Presence::Outside => {
                // A source in a namespace that is not watched does not count as missing: targets that hold its copy keep it.
                let fact = || format!("{from} is not among --namespaces");
                return self.refuses(Question::SourceExists, Reason::SourceNotWatched, None, fact);
            }
            Presence::Absent => {
                let fact = || format!("{from} does not exist");
                let without = Some(Withdrawal::Object);
                return self.gives_nothing(
                    Question::SourceExists,
                    from,
                    Reason::SourceMissing,
                    without,
                    None,
                    receiver,
                    fact,
                );
            }
            Presence::Present(node) => node,
        };
        self.pass(Question::SourceExists, || from.to_string())?;
        let marks = match &node.annotated {
            Annotated::Ill(error) => {
                let detail = Some(error.to_string());
                let fact = || format!("{from}: {error}");
                return self.refuses(Question::SourceWellFormed, Reason::SourceIllFormed, detail, fact);
            }
            Annotated::Not => None,
            Annotated::Well(marks) => Some(&**marks),
        };
        if marks.is_some_and(|marks| marks.unsure) {
            let detail =
                "an annotation of this replica that says who may pull is ill-formed; no target may until it is corrected"
                    .to_owned();
            let fact = || format!("{from}: {detail}");
            return self.refuses(Question::SourceWellFormed, Reason::SourceIllFormed, Some(detail.clone()), fact);
        }
        self.pass(Question::SourceWellFormed, || "all its annotations are well-formed".to_owned())?;
        let fact = || format!("{from}: {}", says(marks, &CONSENT));
        if let Some((reason, without)) = self.withheld(marks) {
            return self.gives_nothing(Question::Consent, from, reason, without, marks, receiver, fact);
        }
        self.pass(Question::Consent, fact)?;
        if let Some(marks) = marks
            && let Some(decided) = self.chain(from, marks, receiver)?
        {
            return Continue(decided);
        }
        self.is_not_known_as_protected(from, node, from)?;
        Continue(Gate::Gives(Offer { source: Source { key: from, node }, marks }))
    }

    fn refuses(
        self,
        question: Question,
        reason: Reason,
        detail: Option<String>,
        fact: impl FnOnce() -> String,
    ) -> Answer<'g, Gate<'g>> {
        self.note(question, Outcome::Decided(reason), fact);
        Continue(Gate::Refuses(reason, detail))
    }

    #[expect(clippy::too_many_arguments, reason = "one call is one line of SPEC 5")]
    fn gives_nothing(
        self,
        question: Question,
        source: &'g SourceKey,
        reason: Reason,
        without: Option<Withdrawal>,
        marks: Option<&Marks>,
        receiver: &Receiver<'g>,
        fact: impl FnOnce() -> String,
    ) -> Answer<'g, Gate<'g>> {
        self.note(question, Outcome::Decided(reason), fact);
        let delay = receiver.removal_delay.or(marks.and_then(|marks| marks.removal_delay));
        Continue(Gate::GivesNothing(Stopped { source, reason, without, delay }))
    }

    /// SPEC 5, 2: why the source does not consent, and which annotations it has lost, if that is why.
    fn withheld(self, marks: Option<&Marks>) -> Option<(Reason, Option<Withdrawal>)> {
        let allowed = marks.and_then(|marks| marks.allowed);
        let namespaces = marks.and_then(|marks| marks.allowed_namespaces.as_deref());
        match (allowed, namespaces) {
            (Some(false), _) if self.rules.allow_all && crate::bug!(RefusalForgotten) => None,
            (Some(false), _) => Some((Reason::ConsentRefused, None)),
            (_, Some(selection)) if selection.selector().is_some() && crate::bug!(ConsentSelectorForgotten) => None,
            (_, Some(selection)) if !selection.names(self.target.namespace(), self.facts_of_namespace()) => {
                Some((Reason::NamespaceNotAllowed, None))
            }
            (None, None) if crate::bug!(ConsentForgotten) => None,
            (None, None) if !self.rules.allow_all => Some((Reason::ConsentMissing, Some(Withdrawal::Consent))),
            _ => None,
        }
    }

    /// SPEC 5, 3 to 6: a source that pulls itself. `None`: the chain is in order.
    fn chain(self, from: &'g SourceKey, marks: &'g Marks, receiver: &Receiver<'g>) -> Answer<'g, Option<Gate<'g>>> {
        let pulls = marks.replicate_from.is_some();
        let holds_a_copy = marks.from_version.is_some();
        let broken = |question, reason, fact: &dyn Fn() -> String| {
            self.gives_nothing(question, from, reason, None, Some(marks), receiver, fact).map_continue(Some)
        };
        if pulls {
            let allowed = marks.from_allowed.as_deref();
            let fact = || format!("{from}: {}", says(Some(marks), &[Annotation::ReplicatedFromAllowed]));
            let by_lists = allowed.is_some_and(|allowed| allowed.matches(self.target.namespace()));
            match self.above(marks, by_lists) {
                _ if crate::bug!(ChainForgotten) => {}
                Above::Allows => self.pass(Question::ChainAllows, fact)?,
                Above::NotVisible(key) if holds_a_copy => {
                    let fact = || format!("{key} is missing or ill-formed, so that what it allows is not known");
                    let detail = Some(fact());
                    return self
                        .refuses(Question::ChainAllows, Reason::ChainNotVisible, detail, fact)
                        .map_continue(Some);
                }
                Above::Forbids | Above::NotVisible(_) => {
                    let reason = if holds_a_copy { Reason::ChainNotAllowed } else { Reason::ChainBroken };
                    return broken(Question::ChainAllows, reason, &fact);
                }
            }
        }
        let origin = marks.text(Annotation::ReplicatedFromOrigin);
        let fact = || format!("{from}: {}", says(Some(marks), &[Annotation::ReplicatedFromOrigin]));
        if origin.is_some_and(|origin| **origin == *self.target.as_str()) && !crate::bug!(LoopForgotten) {
            return self.refuses(Question::NoLoop, Reason::Loop, None, fact).map_continue(Some);
        }
        self.pass(Question::NoLoop, fact)?;
        if pulls {
            let fact = || format!("{from}: {}", says(Some(marks), &[Annotation::ReplicatedFromVersion]));
            if !holds_a_copy {
                return broken(Question::ChainFilled, Reason::ChainBroken, &fact);
            }
            self.pass(Question::ChainFilled, fact)?;
        }
        let (reason, detail) = match self.graph.chain(from, self.target) {
            Chain::Ends => {
                self.pass(Question::NoRing, || "the chain ends".to_owned())?;
                return Continue(None);
            }
            Chain::Ring => (Reason::Ring, None),
            Chain::TooLong => (Reason::ChainTooLong, Some(format!("more than {LONGEST_CHAIN} pulls"))),
        };
        self.refuses(Question::NoRing, reason, detail, || format!("the chain goes from {from} to {}", self.target))
            .map_continue(Some)
    }

    /// Whether the objects above a source that pulls itself allow the target's namespace (SPEC 11). `marks`: the source's.
    /// `by_lists`: whether `replicated-from-allowed`, written when the source was, names the namespace. Each object above decides
    /// by its own annotations, as they are now. Where one is missing or ill-formed, `by_lists` counts instead, unless that object
    /// also limits namespaces by labels or keys, which `replicated-from-allowed` cannot hold.
    fn above(self, marks: &'g Marks, by_lists: bool) -> Above<'g> {
        let handed_down = marks.from_allowed.as_deref();
        let by_labels = handed_down.is_some_and(Allowed::is_selected);
        let in_part = marks.text(Annotation::ReplicatedKeys).is_some();
        let (mut is_selected, mut invisible) = (false, None);
        for (key, node) in marks.replicate_from.iter().flat_map(|from| self.graph.above(from)) {
            let is_sure = |node: &&Node| match &node.annotated {
                Annotated::Not => true,
                Annotated::Ill(_) => false,
                Annotated::Well(marks) => !marks.unsure,
            };
            let Some(node) = node.filter(is_sure) else {
                invisible = Some(key);
                break;
            };
            let Some(marks) = node.marks() else { continue };
            let selection = marks.allowed_namespaces.as_deref();
            let names = |selection: &Selection| {
                selection.names(self.target.namespace(), self.facts_of_namespace())
                    || selection.selector().is_some() && crate::bug!(ChainLabelsForgotten)
            };
            if marks.allowed == Some(false) || selection.is_some_and(|selection| !names(selection)) {
                return Above::Forbids;
            }
            is_selected |= selection.is_some_and(|selection| selection.selector().is_some());
        }
        match invisible {
            Some(_) if crate::bug!(UnseenChainAllows) => Above::Allows,
            Some(key) if in_part || by_labels && !by_lists => Above::NotVisible(key),
            Some(_) | None if by_lists => Above::Allows,
            // No object above refuses, and one of them selects the namespace by its labels.
            None if is_selected => Above::Allows,
            Some(_) | None => Above::Forbids,
        }
    }

    /// SPEC 5, 7 and 8: what the target gets from a source that gives its data. `owned`: the target, if it exists.
    pub(super) fn gift(
        self,
        offer: Offer<'g>,
        receiver: &Receiver<'g>,
        owned: Option<Owned<'g>>,
    ) -> Answer<'g, Gift<'g>> {
        let Offer { source, marks } = offer;
        let pulls = marks.is_some_and(|marks| marks.replicate_from.is_some());
        let comparison = self.compare(source, marks, receiver)?;
        let allowed = || marks.map_or_else(|| Allowed::All.as_str().into(), Marks::handed_down);
        let stale = match comparison {
            Comparison::Held => {
                let at_rest = nothing(Reason::HeldByOnce, Some(source.key));
                return self.keeps(source, receiver, owned, Some(allowed()), at_rest);
            }
            Comparison::Impossible(problem) => {
                let at_rest = refuse(problem.reason(), Some(source.key), Some(problem.to_string()));
                return self.keeps(source, receiver, owned, receiver.copy.map(|_| allowed()), at_rest);
            }
            Comparison::Same => None,
            Comparison::Stale(stale) => {
                self.facts(Question::SourceRead, source)?;
                self.type_of(source.key, source.node, source.key)?;
                if self.is_incomplete(source, receiver.projection.as_ref())? {
                    let at_rest = refuse(Reason::SourceIncomplete, Some(source.key), None);
                    return self.keeps(source, receiver, owned, receiver.copy.map(|_| allowed()), at_rest);
                }
                Some(stale)
            }
        };
        let text = |annotation| marks.and_then(|marks| marks.text(annotation)).cloned();
        let version =
            receiver.copy.filter(|_| stale.is_none()).unwrap_or(&source.node.resource_version).to_string().into();
        let origin = text(Annotation::ReplicatedFromOrigin).filter(|_| pulls);
        let origin = origin.unwrap_or_else(|| source.key.as_str().into());
        Continue(Gift::Fill(Fill {
            source,
            stale,
            version,
            once_version: text(Annotation::ReplicateOnceVersion),
            origin: Some(origin).filter(|_| !receiver.once),
            allowed: allowed(),
            projection: receiver.projection.clone(),
        }))
    }

    /// The target keeps its data, without the keys that are not allowed any more.
    fn keeps(
        self,
        source: Source<'g>,
        receiver: &Receiver<'g>,
        owned: Option<Owned<'g>>,
        allowed: Option<Arc<str>>,
        at_rest: Decision<'g>,
    ) -> Answer<'g, Gift<'g>> {
        if let (Some(owned), Some(allowed)) = (owned, &allowed)
            && let Some(kept) = self.exceeds(owned, receiver)?
        {
            // A source that was made again may be of a protected type by now: nothing is taken away because of it.
            self.type_of(source.key, source.node, source.key)?;
            return Continue(Gift::Trim { allowed: allowed.clone(), kept });
        }
        Continue(Gift::Keep { allowed, at_rest })
    }
}
