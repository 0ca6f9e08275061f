//! What a source gives to those who pull from it (SPEC 5), and the clearing of those to whom it gives nothing (SPEC 7).

use std::collections::HashSet;
use std::sync::Arc;

use super::install::asks_once_more;
use super::plan::{Data, PULLED, Wanted};
use super::{Case, Existing, Outcome, Source, need, refuse};
use crate::annotations::{Annotation, Marks};
use crate::graph::{Node, Presence};
use crate::names::SourceKey;
use crate::observed::{Annotated, ResourceVersion};
use crate::pattern::narrow;
use crate::reason::Reason;

/// Who pulls, and what it holds.
#[derive(Default)]
pub(super) struct Receiver<'g> {
    pub(super) node: Option<&'g Node>,
    /// Version of the source whose data it holds, if it holds a copy.
    pub(super) copy: Option<&'g ResourceVersion>,
    pub(super) once: bool,
    pub(super) once_version: Option<&'g Arc<str>>,
}

impl<'g> Receiver<'g> {
    pub(super) fn of(existing: &Existing<'g>) -> Self {
        let marks = existing.marks;
        Self {
            node: Some(existing.node),
            copy: marks.from_version.as_ref(),
            once: marks.once,
            once_version: marks.text(Annotation::ReplicateOnceVersion),
        }
    }
}

/// What a pull comes to.
pub(super) enum Pull<'g> {
    /// Nothing may be changed.
    Refuse(Reason, Option<String>),
    /// The source gives nothing.
    Empty(Reason),
    /// The copy is held by once; the permission follows all the same.
    Hold { allowed: Arc<str> },
    /// The source's data.
    Fill(Fill<'g>),
}

/// What a target holds after a pull.
pub(super) struct Fill<'g> {
    pub(super) source: Source<'g>,
    pub(super) reason: Reason,
    /// Whether the data has to be written.
    pub(super) fresh: bool,
    version: Arc<str>,
    once_version: Option<Arc<str>>,
    origin: Option<Arc<str>>,
    allowed: Arc<str>,
}

impl<'g> Fill<'g> {
    pub(super) fn annotate(&self, wanted: &mut Wanted) {
        wanted.set(Annotation::ReplicatedFromVersion, Some(self.version.clone()));
        wanted.set(Annotation::ReplicateOnceVersion, self.once_version.clone());
        wanted.set(Annotation::ReplicatedFromOrigin, self.origin.clone());
        wanted.set(Annotation::ReplicatedFromAllowed, Some(self.allowed.clone()));
    }

    pub(super) fn data(&self) -> Data<'g> {
        if self.fresh { Data::From(self.source) } else { Data::Keep }
    }
}

impl<'g> Case<'g> {
    /// SPEC 3, 3: the target asks for `from` itself.
    pub(super) fn pull(self, from: &'g SourceKey, existing: Existing<'g>) -> Outcome<'g> {
        let mut wanted = Wanted::default();
        wanted.take(Annotation::ALL, existing.marks);
        match self.evaluate(from, &Receiver::of(&existing))? {
            Pull::Refuse(reason, detail) => Err(refuse(reason, Some(from), detail)),
            Pull::Empty(reason) => self.clear(existing, wanted, reason, from),
            Pull::Hold { allowed } => {
                wanted.set(Annotation::ReplicatedFromAllowed, Some(allowed));
                self.updating(existing, wanted, Data::Keep, None, (Reason::HeldByOnce, from), Ok(()))
            }
            Pull::Fill(fill) => {
                fill.annotate(&mut wanted);
                if fill.fresh {
                    self.may_write_data(&existing, from)?;
                }
                let type_ = fill.source.node.type_.as_ref();
                self.updating(existing, wanted, fill.data(), type_, (fill.reason, from), Ok(()))
            }
        }
    }

    fn clear(self, existing: Existing<'g>, mut wanted: Wanted, reason: Reason, from: &SourceKey) -> Outcome<'g> {
        if PULLED.iter().all(|annotation| existing.marks.text(*annotation).is_none()) {
            // Nothing is there to be cleared; but whoever wonders why nothing comes has to be told.
            return Err(refuse(reason, Some(from), None));
        }
        let type_ = self.type_of(self.target, existing.node, from)?;
        self.may_write_data(&existing, from)?;
        PULLED.iter().for_each(|annotation| wanted.set(*annotation, None));
        self.updating(existing, wanted, Data::Cleared, type_, (reason, from), Ok(()))
    }

    /// A pulling target belongs to its user: where its data cannot be written, it is not made again.
    fn may_write_data(self, existing: &Existing<'g>, from: &SourceKey) -> Outcome<'g, ()> {
        if existing.node.type_.is_some() {
            self.type_of(self.target, existing.node, from)?;
        }
        if existing.node.immutable {
            self.refuse_immutable(from)?;
        }
        Ok(())
    }

    /// The questions of SPEC 5, in their order: the first that applies decides.
    pub(super) fn evaluate(self, from: &'g SourceKey, receiver: &Receiver<'_>) -> Outcome<'g, Pull<'g>> {
        let node = match self.graph.presence(from) {
            Presence::Unknown => return Err(need(super::Need::Presence(from.clone().into()))),
            // What cannot be seen is not missing: whoever holds its copy keeps it.
            Presence::Outside => return Ok(Pull::Refuse(Reason::SourceNotWatched, None)),
            Presence::Absent => return Ok(Pull::Empty(Reason::SourceMissing)),
            Presence::Present(node) => node,
        };
        let marks = match &node.annotated {
            Annotated::Ill(error) => {
                return Ok(Pull::Refuse(Reason::SourceIllFormed, Some(error.to_string())));
            }
            Annotated::Not => None,
            Annotated::Well(marks) => Some(&**marks),
        };
        if let Some(reason) = self.withheld(marks) {
            return Ok(Pull::Empty(reason));
        }
        if let Some(marks) = marks {
            let pulls = marks.replicate_from.is_some();
            let holds_a_copy = marks.from_version.is_some();
            let allowed = marks.from_allowed.as_deref();
            if pulls && !allowed.is_some_and(|allowed| allowed.matches(self.target.namespace())) {
                let reason = if holds_a_copy { Reason::ChainNotAllowed } else { Reason::ChainBroken };
                return Ok(Pull::Empty(reason));
            }
            if marks.text(Annotation::ReplicatedFromOrigin).is_some_and(|origin| **origin == *self.target.as_str()) {
                return Ok(Pull::Refuse(Reason::Loop, None));
            }
            if pulls && !holds_a_copy {
                return Ok(Pull::Empty(Reason::ChainBroken));
            }
            // A push may have made the target its own source.
            if **from == **self.target || pulls && self.is_ring(from) {
                return Ok(Pull::Refuse(Reason::Ring, None));
            }
        }
        let source = Source { key: from, node };
        if node.type_.is_some() {
            self.type_of(from, node, from)?;
        }
        self.given(source, marks, receiver).map(|fill| match fill {
            Ok(fill) => Pull::Fill(fill),
            Err(allowed) => Pull::Hold { allowed },
        })
    }

    /// The consent of SPEC 5, 2: why there is none.
    fn withheld(self, marks: Option<&Marks>) -> Option<Reason> {
        let allowed = marks.and_then(|marks| marks.allowed);
        let namespaces = marks.and_then(|marks| marks.allowed_namespaces.as_deref());
        match (allowed, namespaces) {
            (Some(false), _) => Some(Reason::ConsentRefused),
            (_, Some(list)) => (!list.matches(self.target.namespace())).then_some(Reason::NamespaceNotAllowed),
            (Some(true), None) => None,
            (None, None) => (!self.rules.allow_all).then_some(Reason::ConsentMissing),
        }
    }

    /// Whether following `replicate-from` from the source leads back to the target.
    fn is_ring(self, from: &SourceKey) -> bool {
        let next = |key: &SourceKey| self.graph.node(key)?.marks()?.replicate_from.as_ref();
        let mut seen = HashSet::new();
        let mut at = from;
        while let Some(above) = next(at).filter(|above| seen.insert(*above)) {
            if **above == **self.target {
                return true;
            }
            at = above;
        }
        false
    }

    /// SPEC 5, 7 and 8: what the target gets, or (`Err`) that once holds its copy, and what the chain allows then.
    fn given(
        self,
        source: Source<'g>,
        marks: Option<&Marks>,
        receiver: &Receiver<'_>,
    ) -> Outcome<'g, Result<Fill<'g>, Arc<str>>> {
        let text = |annotation| marks.and_then(|marks| marks.text(annotation)).cloned();
        let pulls = marks.is_some_and(|marks| marks.replicate_from.is_some());
        let own = marks.and_then(|marks| marks.allowed_namespaces.as_deref());
        let inherited = marks.filter(|_| pulls).and_then(|marks| marks.from_allowed.as_deref());
        let allowed: Arc<str> = narrow(own, inherited).to_string().into();

        let once = receiver.once || marks.is_some_and(|marks| marks.once);
        let once_more = marks.is_some_and(|marks| asks_once_more(marks, receiver.once_version));
        if once && receiver.copy.is_some() && !once_more {
            return Ok(Err(allowed));
        }
        let current = &source.node.resource_version;
        let (same, reason) = match (receiver.copy, receiver.node) {
            (Some(copy), Some(node)) => {
                let same = self.is_same(node, copy, source)?;
                let reason = if same {
                    Reason::UpToDate
                } else if once {
                    Reason::OnceVersionChanged
                } else if copy == current {
                    Reason::Drift
                } else {
                    Reason::SourceChanged
                };
                (same, reason)
            }
            _ => (false, Reason::FirstCopy),
        };
        if !same {
            self.facts(source)?;
            self.type_of(source.key, source.node, source.key)?;
        }
        let version = receiver.copy.filter(|_| same).unwrap_or(current).to_string().into();
        let origin = text(Annotation::ReplicatedFromOrigin).filter(|_| pulls);
        let origin = origin.unwrap_or_else(|| source.key.as_str().into());
        Ok(Ok(Fill {
            source,
            reason,
            fresh: !same,
            version,
            once_version: text(Annotation::ReplicateOnceVersion),
            origin: Some(origin).filter(|_| !receiver.once),
            allowed,
        }))
    }
}
