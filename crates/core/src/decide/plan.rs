//! What was decided, before the data is filled in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Case, Decision, End, Source, Verdict};
use crate::action::{Action, Adopt, AnnotationChange, Create, Delete, NewData, Owned, Update};
use crate::annotations::{Annotation, Marks};
use crate::graph::{FullView, Knowledge};
use crate::kind::{Entropy, Kind};
use crate::names::{SourceKey, TargetKey};
use crate::payload::Payload;
use crate::reason::Reason;
use crate::trail::Question;

/// What is done to a target, in the words of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// A replica is made.
    Create,
    /// A replica that others made is taken over.
    Adopt,
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
    Adopt { owned: Owned<'g>, creator: &'g SourceKey },
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

    /// This one of another object's annotations, as it is there or is not.
    pub(super) fn take_or_remove(&mut self, annotation: Annotation, from: &Marks) {
        self.set(annotation, from.text(annotation).cloned());
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

/// What an existing target is to be.
pub(super) struct Aim<'g> {
    /// All of its annotations, but `replicated-at`.
    pub(super) wanted: Wanted,
    pub(super) data: Data<'g>,
    /// The type that it is taken to have, where it is not known.
    pub(super) type_: Option<&'g Arc<str>>,
    /// Why data is written.
    pub(super) reason: Reason,
    /// The source that plays a part in it.
    pub(super) source: &'g SourceKey,
    /// The decision if it is so already.
    pub(super) at_rest: Decision<'g>,
    /// The source whose data it keeps, and whose annotations follow: not even these are written if it is of a protected type.
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
        let step = Step::Create { annotations: wanted, type_: type_.cloned(), data };
        let plan = self.plan(Verb::Create, Reason::NewTarget, source.key, step);
        self.stop(Question::AsWanted, Decision::Act(plan), || "it does not exist".to_owned())
    }

    pub(super) fn adopting(self, owned: Owned<'g>, creator: &'g SourceKey) -> Plan<'g> {
        self.plan(Verb::Adopt, Reason::Adopted, creator, Step::Adopt { owned, creator })
    }

    /// Writes what differs; if nothing does, the target is at rest.
    pub(super) fn settle(self, owned: Owned<'g>, aim: Aim<'g>) -> End<'g> {
        let node = owned.node();
        let annotations = aim.wanted.change_from(owned.marks());
        let (verb, reason) = match aim.data {
            Data::Keep if annotations.is_empty() || crate::bug!(InheritedStays) => {
                return self
                    .stop(Question::AsWanted, aim.at_rest, || "nothing differs that is to be written".to_owned());
            }
            Data::Keep => {
                if let Some(source) = aim.gives {
                    self.type_of(source.key, source.node, aim.source)?;
                }
                self.type_of_target(node, aim.source)?;
                (Verb::Update, Reason::InheritedChanged)
            }
            Data::From(_) => (Verb::Update, aim.reason),
            Data::Cleared => (Verb::Clear, aim.reason),
        };
        if !matches!(aim.data, Data::Keep) && node.knowledge == Knowledge::Refused {
            return self.need_target(Question::AsWanted);
        }
        let expected_type = node.type_.as_ref().or(aim.type_).cloned();
        let step = Step::Update { owned, annotations, expected_type, data: aim.data };
        let plan = self.plan(verb, reason, aim.source, step);
        let fact = || match aim.data {
            Data::Keep => "annotations differ",
            Data::From(_) => "its data differs",
            Data::Cleared => "it holds data",
        };
        self.stop(Question::AsWanted, Decision::Act(plan), || fact().to_owned())
    }

    /// Removes the target; its type has to be known for that, since protected ones are never touched.
    pub(super) fn remove(self, owned: Owned<'g>, verb: Verb, reason: Reason, source: &SourceKey) -> End<'g> {
        self.type_of_target(owned.node(), source)?;
        let plan = self.plan(verb, reason, source, Step::Delete { owned });
        self.stop(Question::AsWanted, Decision::Act(plan), || "it exists".to_owned())
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
        let mut payload = |data, type_: Option<&str>| match data {
            Data::From(_) => copied.cloned(),
            Data::Keep | Data::Cleared => Some(kind.cleared(type_, entropy)),
        };
        let at = (Annotation::ReplicatedAt, Arc::from(replicated_at));
        Some(match step {
            Step::Create { mut annotations, type_, data } => {
                annotations.0.extend([at]);
                let payload = payload(data, type_.as_deref())?;
                Action::Create(Create::new(target, annotations.0, labels.clone(), type_, payload))
            }
            Step::Adopt { owned, creator } => Action::Adopt(Adopt::new(owned, creator)),
            Step::Update { owned, mut annotations, expected_type, data } => {
                annotations.set.extend([at]);
                if matches!(data, Data::Keep) {
                    return Some(Action::Update(Update::new(owned, annotations, None)));
                }
                let payload = payload(data, expected_type.as_deref())?;
                let new = NewData { payload, expected_type };
                Action::Update(match data {
                    Data::Cleared => Update::clearing(owned, view, annotations, new),
                    Data::From(_) | Data::Keep => Update::new(owned, annotations, Some(new)),
                })
            }
            Step::Delete { owned } => Action::Delete(Delete::new(owned, view)),
        })
    }
}
