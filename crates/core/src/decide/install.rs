//! A source's push, installed into a target (SPEC 4).

use std::sync::Arc;

use super::plan::{Data, PULLED, Verb, Wanted};
use super::pull::{Pull, Receiver};
use super::{Case, Existing, Outcome, Source, refuse};
use crate::annotations::{Annotation, Marks};
use crate::graph::Knowledge;
use crate::names::SourceKey;
use crate::reason::Reason;

impl<'g> Case<'g> {
    pub(super) fn install(self, source: Source<'g>, existing: Option<Existing<'g>>) -> Outcome<'g> {
        let Some(marks) = source.node.marks() else {
            return Err(refuse(Reason::SourceIllFormed, Some(source.key), None));
        };
        if source.node.type_.is_some() {
            self.type_of(source.key, source.node, source.key)?;
        }
        let mut wanted = Wanted::default();
        wanted.set(Annotation::ReplicatedBy, Some(source.key.as_str().into()));
        wanted.take(
            &[Annotation::ReplicateOnce, Annotation::ReplicationAllowed, Annotation::ReplicationAllowedNamespaces],
            marks,
        );
        match &marks.replicate_from {
            None => self.install_own_data(source, marks, existing, wanted),
            Some(from) => self.install_combined(source, marks, from, existing, wanted),
        }
    }

    /// The source has data of its own to give.
    fn install_own_data(
        self,
        source: Source<'g>,
        marks: &Marks,
        existing: Option<Existing<'g>>,
        mut wanted: Wanted,
    ) -> Outcome<'g> {
        wanted.take(&[Annotation::ReplicateOnceVersion], marks);
        let version = Annotation::ReplicatedFromVersion;
        let current: Arc<str> = source.node.resource_version.to_string().into();
        let Some(existing) = existing else {
            self.facts(source)?;
            let type_ = self.type_of(source.key, source.node, source.key)?;
            wanted.set(version, Some(current));
            return Ok(self.creating(source, wanted, type_, Data::From(source)));
        };

        // What was pulled for a source that was a combined one is no copy of its own data.
        let copy = existing.marks.from_version.as_ref().filter(|_| existing.marks.replicate_from.is_none());
        let once_more = asks_once_more(marks, existing.marks.text(Annotation::ReplicateOnceVersion));
        if marks.once && copy.is_some() && !once_more {
            wanted.take(&[version], existing.marks);
            let why = (Reason::HeldByOnce, source.key);
            return self.updating(existing, wanted, Data::Keep, None, why, Ok(()));
        }
        let same = match copy {
            Some(copy) => self.is_same(existing.node, copy, source)?,
            None => false,
        };
        if let (Some(ours), Some(theirs)) = (&existing.node.type_, &source.node.type_)
            && ours != theirs
        {
            return self.remove(existing, Verb::Recreate, Reason::TypeChanged, source.key);
        }
        if same {
            wanted.take(&[version], existing.marks);
            let why = (Reason::UpToDate, source.key);
            return self.updating(existing, wanted, Data::Keep, None, why, Ok(()));
        }
        self.facts(source)?;
        let type_ = self.type_of(source.key, source.node, source.key)?;
        if existing.node.immutable {
            return self.remove(existing, Verb::Recreate, Reason::ReplicaImmutable, source.key);
        }
        let reason = match copy {
            None => Reason::FirstCopy,
            Some(_) if marks.once => Reason::OnceVersionChanged,
            Some(copy) if *copy == source.node.resource_version => Reason::Drift,
            Some(_) => Reason::SourceChanged,
        };
        wanted.set(version, Some(current));
        self.updating(existing, wanted, Data::From(source), type_, (reason, source.key), Ok(()))
    }

    /// The source pushes what another object, `from`, gives: its own data is never used.
    fn install_combined(
        self,
        source: Source<'g>,
        marks: &Marks,
        from: &'g SourceKey,
        existing: Option<Existing<'g>>,
        mut wanted: Wanted,
    ) -> Outcome<'g> {
        wanted.set(Annotation::ReplicateFrom, Some(from.as_str().into()));
        let type_ = self.type_of(source.key, source.node, source.key)?;
        let Some(existing) = existing else {
            let receiver = Receiver { once: marks.once, ..Receiver::default() };
            let data = match self.evaluate(from, &receiver)? {
                Pull::Fill(fill) => {
                    fill.annotate(&mut wanted);
                    Data::From(fill.source)
                }
                Pull::Hold { .. } | Pull::Empty(_) | Pull::Refuse(..) => Data::Cleared,
            };
            return Ok(self.creating(source, wanted, type_, data));
        };
        // A source as young as its replica may be another one than made it, of another type: it was made again while
        // nobody looked.
        let ours = match &existing.node.type_ {
            None if source.node.created >= existing.node.created => {
                self.type_of(self.target, existing.node, source.key)?
            }
            known => known.as_ref(),
        };
        if let (Some(ours), Some(theirs)) = (ours, type_)
            && ours != theirs
        {
            return self.remove(existing, Verb::Recreate, Reason::TypeChanged, source.key);
        }
        // Another `from`, or another `once`: what the replica holds is no copy any more.
        let holds_no_copy = existing.marks.replicate_from.as_ref() != Some(from) || existing.marks.once != marks.once;
        let mut receiver = Receiver::of(&existing);
        receiver.once = marks.once;
        if holds_no_copy {
            (receiver.copy, receiver.once_version) = (None, None);
        }
        let keep_pulled = |wanted: &mut Wanted| {
            if !holds_no_copy {
                wanted.take(&PULLED, existing.marks);
            }
        };
        match self.evaluate(from, &receiver)? {
            Pull::Refuse(reason, detail) => {
                keep_pulled(&mut wanted);
                let otherwise = Err(refuse(reason, Some(from), detail));
                self.updating(existing, wanted, Data::Keep, type_, (reason, from), otherwise)
            }
            Pull::Hold { allowed } => {
                keep_pulled(&mut wanted);
                wanted.set(Annotation::ReplicatedFromAllowed, Some(allowed));
                let why = (Reason::HeldByOnce, from);
                self.updating(existing, wanted, Data::Keep, type_, why, Ok(()))
            }
            Pull::Empty(reason) => {
                let is_empty = match existing.node.knowledge {
                    Knowledge::Known(facts) => facts.cleared,
                    Knowledge::Trusted if existing.marks.from_version.is_some() => false,
                    // Without a copy it need not be empty: it may hold what was copied from another object, and was
                    // left there while this one was ill-formed.
                    _ => return Err(self.need_target()),
                };
                if !is_empty && existing.node.immutable {
                    return self.remove(existing, Verb::Recreate, Reason::ReplicaImmutable, source.key);
                }
                let data = if is_empty { Data::Keep } else { Data::Cleared };
                let otherwise = Err(refuse(reason, Some(from), None));
                self.updating(existing, wanted, data, type_, (reason, from), otherwise)
            }
            Pull::Fill(fill) => {
                fill.annotate(&mut wanted);
                if fill.fresh && existing.node.immutable {
                    return self.remove(existing, Verb::Recreate, Reason::ReplicaImmutable, source.key);
                }
                self.updating(existing, wanted, fill.data(), type_, (fill.reason, from), Ok(()))
            }
        }
    }
}

/// Whether a source asks, by its `replicate-once-version`, for one more copy (SPEC 6).
pub(super) fn asks_once_more(source: &Marks, received: Option<&Arc<str>>) -> bool {
    source.text(Annotation::ReplicateOnceVersion).is_some_and(|version| Some(version) != received)
}
