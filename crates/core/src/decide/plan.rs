//! A decision to write, before the data is filled in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::copy::Stale;
use super::{Case, Decision, End, Need, Source, Verdict, carry};
use crate::action::{Action, Adopt, AnnotationChange, Create, Delete, MetadataChange, NewData, Owned, Update};
use crate::annotations::{Annotation, Marks};
use crate::carried::{Carried, note};
use crate::graph::{FullView, Knowledge};
use crate::keys::Projection;
use crate::kind::{Entropy, Kind};
use crate::names::{SourceKey, TargetKey};
use crate::payload::Payload;
use crate::reason::Reason;
use crate::trail::Question;

/// What is done to a target, as the log's field `action` calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// A replica is created.
    Create,
    /// A replica that others made is adopted.
    Adopt,
    /// A replica is updated.
    Update,
    /// A replica is emptied.
    Clear,
    /// A replica is deleted.
    Delete,
    /// A replica is deleted, to be created again.
    Recreate,
}

impl Verb {
    /// The word in the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
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
    step: Box<Step<'g>>,
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
    Create {
        wanted: Wanted,
        type_: Option<Arc<str>>,
        data: Data<'g>,
    },
    Adopt {
        owned: Owned<'g>,
        creator: &'g SourceKey,
    },
    Update {
        owned: Owned<'g>,
        annotations: AnnotationChange,
        metadata: MetadataChange,
        expected_type: Option<Arc<str>>,
        data: Data<'g>,
    },
    Delete {
        owned: Owned<'g>,
    },
}

/// The data that a target gets.
#[derive(Clone)]
pub(super) enum Data<'g> {
    Keep,
    /// A source's data; all of it (`None`), or a part; and why.
    From(Source<'g>, Option<Arc<Projection>>, Stale),
    /// A part of the target's own data.
    Kept(Arc<Projection>),
    Cleared,
}

impl std::fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keep => f.write_str("Keep"),
            Self::From(source, None, _) => write!(f, "From({} at {})", source.key, source.node.resource_version),
            Self::From(source, Some(part), _) => {
                write!(f, "From({} at {}: {part})", source.key, source.node.resource_version)
            }
            Self::Kept(part) => write!(f, "Kept({part})"),
            Self::Cleared => f.write_str("Cleared"),
        }
    }
}

/// The metadata that a target has to have: all of this program's annotations but `replicated-at`; and the labels and annotations
/// that are copied to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    annotations: BTreeMap<Annotation, Arc<str>>,
    /// The labels and annotations of others; `None`: none were set, and none are.
    carried: Option<Carried>,
}

/// The annotations that a pull writes, and that a clear removes (SPEC 7).
pub(super) const PULLED: [Annotation; 5] = [
    Annotation::ReplicatedFromVersion,
    Annotation::ReplicatedKeys,
    Annotation::ReplicateOnceVersion,
    Annotation::ReplicatedFromAllowed,
    Annotation::ReplicatedFromOrigin,
];

impl Wanted {
    /// Takes over these annotations of another object, with their values there.
    pub(super) fn take(&mut self, annotations: &[Annotation], from: &Marks) {
        for annotation in annotations {
            self.set(*annotation, from.text(*annotation).cloned());
        }
    }

    /// Sets labels and annotations of others, and their names in `replicated-labels` and `replicated-annotations` (SPEC 11.6).
    pub(super) fn carry(&mut self, carried: Carried) {
        self.set(Annotation::ReplicatedLabels, note(&carried.labels));
        self.set(Annotation::ReplicatedAnnotations, note(&carried.annotations));
        self.carried = Some(carried);
    }

    /// Sets `replicated-keys` for the copy that a push makes (SPEC 11.5).
    pub(super) fn take_keys(&mut self, pushing: &Marks) {
        // Consent does not limit a push, so that the value is its `replicate-keys`.
        self.set(Annotation::ReplicatedKeys, pushing.text(Annotation::ReplicateKeys).cloned());
    }

    pub(super) fn set(&mut self, annotation: Annotation, text: Option<Arc<str>>) {
        match text {
            Some(text) => drop(self.annotations.insert(annotation, text)),
            None => drop(self.annotations.remove(&annotation)),
        }
    }

    fn change_from(mut self, marks: &Marks) -> AnnotationChange {
        let mut change = AnnotationChange::default();
        let wanted = &mut self.annotations;
        // A user's `paused` is left where it is, also where it says "false".
        let ours = |annotation: &Annotation| match annotation {
            Annotation::ReplicatedAt | Annotation::Paused => false,
            Annotation::RemovalApproved => !crate::bug!(ApprovalStays),
            _ => true,
        };
        for annotation in Annotation::ALL.iter().copied().filter(ours) {
            match (wanted.remove(&annotation), marks.text(annotation)) {
                (Some(text), now) if now != Some(&text) => drop(change.set.insert(annotation, text)),
                (None, _) if marks.has(annotation) => change.remove.push(annotation),
                _ => {}
            }
        }
        change
    }
}

/// The state that an existing target has to have.
pub(super) struct Aim<'g> {
    /// Its metadata: see [`Wanted`].
    pub(super) wanted: Wanted,
    pub(super) data: Data<'g>,
    /// The type that it is assumed to have, where that is not known.
    pub(super) type_: Option<&'g Arc<str>>,
    /// Why data is written.
    pub(super) reason: Reason,
    /// The source that plays a part in it.
    pub(super) source: &'g SourceKey,
    /// The decision if it has this state already.
    pub(super) at_rest: Decision<'g>,
    /// The source whose data it keeps, and whose annotations are inherited. If the source is of a protected type, not even
    /// annotations are written.
    pub(super) gives: Option<Source<'g>>,
}

impl<'g> Case<'g, '_> {
    pub(super) fn create_replica(
        self,
        source: Source<'g>,
        wanted: Wanted,
        type_: Option<&Arc<str>>,
        data: Data<'g>,
    ) -> End<'g> {
        let step = Step::Create { wanted, type_: type_.cloned(), data };
        let plan = self.plan(Verb::Create, Reason::NewTarget, source.key, step);
        self.stop(Question::AsWanted, Decision::Act(plan), || "the target does not exist".to_owned())
    }

    pub(super) fn adopting(self, owned: Owned<'g>, creator: &'g SourceKey) -> Plan<'g> {
        self.plan(Verb::Adopt, Reason::Adopted, creator, Step::Adopt { owned, creator })
    }

    /// Plans a write of what differs; if nothing does, the decision is `at_rest`.
    pub(super) fn settle(self, owned: Owned<'g>, aim: Aim<'g>) -> End<'g> {
        let node = owned.node();
        let metadata = aim.wanted.carried.as_ref().map_or_else(MetadataChange::default, |carried| {
            carry::change(node, carried, &self.rules.create_with_labels)
        });
        let annotations = aim.wanted.change_from(owned.marks());
        let (verb, reason) = match aim.data {
            Data::Keep if annotations.is_empty() && metadata.is_empty() || crate::bug!(InheritedStays) => {
                return self.stop(Question::AsWanted, aim.at_rest, || "nothing to write".to_owned());
            }
            Data::Keep => {
                if let Some(source) = aim.gives {
                    self.type_of(source.key, source.node, aim.source)?;
                }
                self.type_of_target(node, aim.source)?;
                (Verb::Update, Reason::InheritedChanged)
            }
            Data::From(..) | Data::Kept(..) => (Verb::Update, aim.reason),
            Data::Cleared => (Verb::Clear, aim.reason),
        };
        if !matches!(aim.data, Data::Keep) && node.knowledge == Knowledge::Refused {
            return self.need_target(Question::AsWanted);
        }
        let expected_type = node.type_.as_ref().or(aim.type_).cloned();
        let fact = match &aim.data {
            Data::Keep => "annotations or labels differ",
            Data::From(..) => "the data differs",
            Data::Kept(..) => "the target holds keys that are not allowed",
            Data::Cleared => "the target holds data that it may not keep",
        };
        let step = Step::Update { owned, annotations, metadata, expected_type, data: aim.data };
        let plan = self.plan(verb, reason, aim.source, step);
        self.stop(Question::AsWanted, Decision::Act(plan), || fact.to_owned())
    }

    /// Removes the target; its type has to be known for that, since protected ones are never touched.
    pub(super) fn remove(self, owned: Owned<'g>, verb: Verb, reason: Reason, source: &SourceKey) -> End<'g> {
        self.type_of_target(owned.node(), source)?;
        let plan = self.plan(verb, reason, source, Step::Delete { owned });
        self.stop(Question::AsWanted, Decision::Act(plan), || "the target exists".to_owned())
    }

    fn plan(self, verb: Verb, reason: Reason, source: &SourceKey, step: Step<'g>) -> Plan<'g> {
        let case = PlannedFor {
            kind: self.kind,
            target: self.target,
            labels: &self.rules.create_with_labels,
            view: self.view,
        };
        Plan {
            verb,
            verdict: Verdict { reason, source: Some(source.clone()), detail: None },
            case,
            step: Box::new(step),
        }
    }
}

impl<'g> Plan<'g> {
    /// The content that has to be read, at the version that the graph holds, to fill the plan in: that of a source or, where the
    /// target keeps a part of its own data, the target's.
    #[must_use]
    pub fn needs(&self) -> Option<Need> {
        match &*self.step {
            Step::Create { data, .. } | Step::Update { data, .. } => match data {
                Data::From(source, None, _) => Some(Need::Content(source.key.clone().into())),
                Data::From(source, Some(projection), _) => {
                    Some(Need::Portion(source.key.clone().into(), projection.clone()))
                }
                Data::Kept(projection) => Some(Need::Portion(self.case.target.clone().into(), projection.clone())),
                Data::Keep | Data::Cleared => None,
            },
            Step::Adopt { .. } | Step::Delete { .. } => None,
        }
    }

    /// Whether the write may wait while its source changes again and again: it copies data or metadata to the target. What takes
    /// something away never waits.
    #[must_use]
    pub fn may_wait_for_source(&self) -> bool {
        match &*self.step {
            Step::Create { .. } => true,
            Step::Update { data, .. } => matches!(data, Data::Keep | Data::From(..)),
            Step::Adopt { .. } | Step::Delete { .. } => false,
        }
    }

    /// Whether the write only puts right what somebody else did to the data of the target: of such writes there may be a fight
    /// (SPEC 9.14).
    #[must_use]
    pub fn corrects(&self) -> bool {
        matches!(&*self.step, Step::Update { data: Data::From(.., stale), .. } if stale.is_of_others())
    }

    /// Fills in the data (`copied`: the whole content that the plan [needs](Plan::needs)) and the time (RFC 3339). `None`: the
    /// content is missing, or is not the one that was decided on.
    #[must_use]
    pub fn action(self, copied: Option<&Payload>, replicated_at: &str, entropy: Entropy<'_>) -> Option<Action> {
        let Self { case: PlannedFor { kind, target, labels, view }, step, .. } = self;
        let mut payload = |data: &Data<'_>, type_: Option<&str>| match data {
            Data::From(_, None, _) => copied.cloned(),
            Data::From(_, Some(projection), _) | Data::Kept(projection) => projection.project(copied?).ok(),
            Data::Keep | Data::Cleared => Some(kind.cleared(type_, entropy)),
        };
        let at = (Annotation::ReplicatedAt, Arc::from(replicated_at));
        Some(match *step {
            Step::Create { wanted: Wanted { mut annotations, carried }, type_, data } => {
                annotations.extend([at]);
                let payload = payload(&data, type_.as_deref())?;
                Action::Create(Create::new(
                    target,
                    annotations,
                    labels.clone(),
                    carried.unwrap_or_default(),
                    type_,
                    payload,
                ))
            }
            Step::Adopt { owned, creator } => Action::Adopt(Adopt::new(owned, creator)),
            Step::Update { owned, mut annotations, metadata, expected_type, data } => {
                annotations.set.extend([at]);
                if matches!(data, Data::Keep) {
                    return Some(Action::Update(Update::new(owned, annotations, metadata, None)));
                }
                let payload = payload(&data, expected_type.as_deref())?;
                let new = NewData { payload, expected_type };
                Action::Update(match data {
                    Data::Cleared | Data::Kept(..) => Update::clearing(owned, view, annotations, metadata, new),
                    Data::From(..) | Data::Keep => Update::new(owned, annotations, metadata, Some(new)),
                })
            }
            Step::Delete { owned } => Action::Delete(Delete::new(owned, view)),
        })
    }
}
