//! What was decided, before the data is filled in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Case, Existing, Outcome, Source, Verdict, nothing, refuse};
use crate::action::{Action, AnnotationChange, Create, Delete, NewData, Owned, Update};
use crate::annotations::{Annotation, Marks};
use crate::graph::{FullView, Knowledge};
use crate::kind::{Entropy, Kind};
use crate::names::{SourceKey, TargetKey};
use crate::payload::Payload;
use crate::reason::Reason;

/// What is done to a target, in the words of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// A replica is made.
    Create,
    /// A replica is changed.
    Update,
    /// A replica is emptied.
    Clear,
    /// A replica is removed.
    Delete,
    /// A replica is removed to be made again.
    Recreate,
}

impl Verb {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Clear => "clear",
            Self::Delete => "delete",
            Self::Recreate => "recreate",
        }
    }
}

/// A decision to write. It becomes an [`Action`] by [`Plan::action`].
#[derive(Debug)]
pub struct Plan<'g> {
    /// What is done.
    pub verb: Verb,
    /// Why.
    pub verdict: Verdict,
    case: PlannedFor<'g>,
    step: Step<'g>,
}

#[derive(Debug)]
struct PlannedFor<'g> {
    kind: &'g dyn Kind,
    target: &'g TargetKey,
    labels: &'g Arc<BTreeMap<String, String>>,
    view: FullView,
}

#[derive(Debug)]
enum Step<'g> {
    Create { annotations: Wanted, type_: Option<Arc<str>>, data: Data<'g> },
    Update { owned: Owned<'g>, annotations: AnnotationChange, expected_type: Option<Arc<str>>, data: Data<'g> },
    Delete { owned: Owned<'g> },
}

/// What becomes of a target's data.
#[derive(Clone, Copy)]
pub(super) enum Data<'g> {
    Keep,
    From(Source<'g>),
    Cleared,
}

impl std::fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keep => f.write_str("Keep"),
            Self::From(source) => write!(f, "From({} at {})", source.key, source.node.resource_version),
            Self::Cleared => f.write_str("Cleared"),
        }
    }
}

/// The annotations that a target is to have, all but `replicated-at`.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted(BTreeMap<Annotation, Arc<str>>);

/// What a pull writes, and a clear removes (SPEC 7).
pub(super) const PULLED: [Annotation; 4] = [
    Annotation::ReplicatedFromVersion,
    Annotation::ReplicateOnceVersion,
    Annotation::ReplicatedFromAllowed,
    Annotation::ReplicatedFromOrigin,
];

impl Wanted {
    /// These of another object's annotations, as they are there.
    pub(super) fn take(&mut self, annotations: &[Annotation], from: &Marks) {
        for annotation in annotations {
            self.set(*annotation, from.text(*annotation).cloned());
        }
    }

    pub(super) fn set(&mut self, annotation: Annotation, text: Option<Arc<str>>) {
        match text {
            Some(text) => drop(self.0.insert(annotation, text)),
            None => drop(self.0.remove(&annotation)),
        }
    }

    fn change_from(self, marks: &Marks) -> AnnotationChange {
        let mut change = AnnotationChange::default();
        let mut wanted = self.0;
        for annotation in Annotation::ALL.iter().copied().filter(|a| *a != Annotation::ReplicatedAt) {
            match (wanted.remove(&annotation), marks.text(annotation)) {
                (Some(text), now) if now != Some(&text) => drop(change.set.insert(annotation, text)),
                (None, Some(_)) => change.remove.push(annotation),
                _ => {}
            }
        }
        change
    }
}

impl<'g> Case<'g> {
    pub(super) fn creating(
        self,
        source: Source<'g>,
        wanted: Wanted,
        type_: Option<&Arc<str>>,
        data: Data<'g>,
    ) -> Plan<'g> {
        let step = Step::Create { annotations: wanted, type_: type_.cloned(), data };
        self.plan(Verb::Create, Reason::NewTarget, source.key, step)
    }

    /// Writes what differs; if nothing does, `otherwise`.
    pub(super) fn updating(
        self,
        existing: Existing<'g>,
        wanted: Wanted,
        data: Data<'g>,
        expected_type: Option<&Arc<str>>,
        why: (Reason, &SourceKey),
        otherwise: Outcome<'g, ()>,
    ) -> Outcome<'g> {
        let annotations = wanted.change_from(existing.marks);
        let (verb, reason) = match data {
            Data::Keep if annotations.is_empty() => {
                otherwise?;
                return Err(nothing(why.0, Some(why.1)));
            }
            Data::Keep => {
                // Not even annotations are written to a target of a protected type, or because of what a source of one
                // gives.
                let source = self.graph.node(why.1).filter(|_| matches!(why.0, Reason::UpToDate | Reason::HeldByOnce));
                if let Some(source) = source {
                    self.type_of(why.1, source, why.1)?;
                }
                self.type_of(self.target, existing.node, why.1)?;
                (Verb::Update, Reason::InheritedChanged)
            }
            Data::From(_) => (Verb::Update, why.0),
            Data::Cleared => (Verb::Clear, why.0),
        };
        if !matches!(data, Data::Keep) && existing.node.knowledge == Knowledge::Refused {
            return Err(self.need_target());
        }
        let expected_type = existing.node.type_.as_ref().or(expected_type).cloned();
        let step = Step::Update { owned: existing.owned, annotations, expected_type, data };
        Ok(self.plan(verb, reason, why.1, step))
    }

    /// Removes the target; its type has to be known for that, since protected ones are never touched.
    pub(super) fn remove(self, existing: Existing<'g>, verb: Verb, reason: Reason, source: &SourceKey) -> Outcome<'g> {
        self.type_of(self.target, existing.node, source)?;
        Ok(self.plan(verb, reason, source, Step::Delete { owned: existing.owned }))
    }

    fn plan(self, verb: Verb, reason: Reason, source: &SourceKey, step: Step<'g>) -> Plan<'g> {
        let case = PlannedFor {
            kind: self.kind,
            target: self.target,
            labels: &self.rules.create_with_labels,
            view: self.view,
        };
        Plan { verb, verdict: Verdict { reason, source: Some(source.clone()), detail: None }, case, step }
    }

    /// A target that belongs to its user and cannot be changed.
    pub(super) fn refuse_immutable(self, source: &SourceKey) -> Outcome<'g> {
        Err(refuse(Reason::TargetImmutable, Some(source), None))
    }
}

impl<'g> Plan<'g> {
    /// The source whose data is copied, at the version that the graph holds.
    #[must_use]
    pub fn copies(&self) -> Option<&'g SourceKey> {
        match &self.step {
            Step::Create { data: Data::From(source), .. } | Step::Update { data: Data::From(source), .. } => {
                Some(source.key)
            }
            _ => None,
        }
    }

    /// Fills in the data (`copied`: of [`Plan::copies`]) and the time, RFC 3339. `None`: it copies, and was not given what.
    #[must_use]
    pub fn action(self, copied: Option<&Payload>, replicated_at: &str, entropy: Entropy<'_>) -> Option<Action> {
        let Self { case: PlannedFor { kind, target, labels, view }, step, .. } = self;
        let target = target.clone();
        let mut payload = |data, type_: Option<&str>| match data {
            Data::From(_) => copied.cloned(),
            Data::Keep | Data::Cleared => Some(kind.cleared(type_, entropy)),
        };
        let at = (Annotation::ReplicatedAt, Arc::from(replicated_at));
        Some(match step {
            Step::Create { mut annotations, type_, data } => {
                annotations.0.extend([at]);
                let payload = payload(data, type_.as_deref())?;
                Action::Create(Create { target, annotations: annotations.0, labels: labels.clone(), type_, payload })
            }
            Step::Update { owned, mut annotations, expected_type, data } => {
                annotations.set.extend([at]);
                if matches!(data, Data::Keep) {
                    return Some(Action::Update(Update::new(target, &owned, annotations, None)));
                }
                let payload = payload(data, expected_type.as_deref())?;
                let new = NewData { payload, expected_type };
                Action::Update(match data {
                    Data::Cleared => Update::clearing(target, &owned, view, annotations, new),
                    Data::From(_) | Data::Keep => Update::new(target, &owned, annotations, Some(new)),
                })
            }
            Step::Delete { owned } => Action::Delete(Delete::new(target, &owned, view)),
        })
    }
}
