//! What is to be written, with the precondition under which it may be.
//!
//! An unconditional write cannot be expressed: a create requires that nothing is there; everything else names the uid and
//! resourceVersion that were decided on, and is only made of a proof that the object is a target (`Owned`, which carries the
//! object's own key); what removes data needs a [`FullView`] besides. Proofs and actions are made in this crate alone, by
//! [`Plan::action`](crate::decide::Plan::action): others can read an action, and cannot make one.
//!
//! ```
//! use k8s_replicator_core::action::Action;
//!
//! fn read(action: Action) -> String {
//!     match &action {
//!         Action::Delete(delete) => format!("{} at {}", delete.target(), delete.precondition().resource_version),
//!         other => other.target().to_string(),
//!     }
//! }
//! ```
//!
//! ```compile_fail,E0451
//! use k8s_replicator_core::action::{Action, Delete, Precondition};
//! use k8s_replicator_core::names::TargetKey;
//!
//! fn make(target: TargetKey, precondition: Precondition) -> Action {
//!     Action::Delete(Delete { target, precondition })
//! }
//! ```
//!
//! ```compile_fail,E0616
//! use k8s_replicator_core::action::Update;
//! use k8s_replicator_core::names::TargetKey;
//!
//! fn turn(mut update: Update, other: TargetKey) -> Update {
//!     update.target = other;
//!     update
//! }
//! ```
//!
//! ```compile_fail,E0603
//! use k8s_replicator_core::action::Owned;
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::annotations::{Annotation, Marks};
use crate::carried::{Carried, Map};
use crate::graph::{FullView, Graph, Node};
use crate::names::{SourceKey, TargetKey};
use crate::observed::{ResourceVersion, Uid};
use crate::payload::Payload;

/// Proof that the object of this name is a target: made by the controller, or asking for its help.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owned<'g> {
    key: &'g TargetKey,
    node: &'g Node,
    marks: &'g Marks,
}

impl<'g> Owned<'g> {
    /// The proof, if the object exists and its marks give it.
    pub(crate) fn prove(graph: &'g Graph, key: &'g TargetKey) -> Option<Self> {
        let node = graph.node(key)?;
        let marks = node.marks().filter(|marks| marks.is_target())?;
        Some(Self { key, node, marks })
    }

    /// The object.
    pub(crate) fn node(self) -> &'g Node {
        self.node
    }

    /// Its annotations.
    pub(crate) fn marks(self) -> &'g Marks {
        self.marks
    }

    fn precondition(self) -> Precondition {
        Precondition { uid: self.node.uid.clone(), resource_version: self.node.resource_version.clone() }
    }
}

/// The state of the object that the decision was made on. If the object has changed since, the API server refuses the write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    /// Its `metadata.uid`.
    pub uid: Uid,
    /// Its `metadata.resourceVersion`.
    pub resource_version: ResourceVersion,
}

/// A change of this program's annotations on a replica.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnnotationChange {
    /// What is set, with its values.
    pub set: BTreeMap<Annotation, Arc<str>>,
    /// What is removed. The object has all of them now.
    pub remove: Vec<Annotation>,
}

impl AnnotationChange {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

/// A change of labels, or of annotations that are not this program's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MapChange {
    /// What is set, with its values.
    pub set: Map,
    /// What is removed. The object has all of them now.
    pub remove: Vec<Arc<str>>,
}

/// A change of a replica's labels, and of its annotations that are not this program's (SPEC 11.6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetadataChange {
    /// Of its labels.
    pub labels: MapChange,
    /// Of annotations that are not this program's.
    pub annotations: MapChange,
    /// Whether it has labels now.
    pub has_labels: bool,
}

impl MapChange {
    const EMPTY: Self = Self { set: Map::new(), remove: Vec::new() };

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

impl MetadataChange {
    const EMPTY: Self = Self { labels: MapChange::EMPTY, annotations: MapChange::EMPTY, has_labels: false };

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }
}

/// One write to the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Create a replica under a name that no object has.
    Create(Create),
    /// Become an owner of the annotation `replicated-by`, on a replica that others made (SPEC 3, 1).
    Adopt(Adopt),
    /// Change a replica.
    Update(Update),
    /// Remove a replica.
    Delete(Delete),
}

impl Action {
    /// The object that is written.
    #[must_use]
    pub fn target(&self) -> &TargetKey {
        match self {
            Self::Create(create) => &create.target,
            Self::Adopt(adopt) => &adopt.target,
            Self::Update(update) => &update.target,
            Self::Delete(delete) => &delete.target,
        }
    }

    /// The state of the object that the decision was made on; `None`: no object may have the name.
    #[must_use]
    pub fn precondition(&self) -> Option<&Precondition> {
        match self {
            Self::Create(_) => None,
            Self::Adopt(adopt) => Some(&adopt.precondition),
            Self::Update(update) => Some(&update.precondition),
            Self::Delete(delete) => Some(&delete.precondition),
        }
    }

    /// The data that it writes, if it writes any.
    #[must_use]
    pub fn payload(&self) -> Option<&Payload> {
        match self {
            Self::Create(create) => Some(&create.payload),
            Self::Update(update) => update.data.as_ref().map(|data| &data.payload),
            Self::Adopt(_) | Self::Delete(_) => None,
        }
    }
}

/// See [`Action::Create`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    target: TargetKey,
    annotations: BTreeMap<Annotation, Arc<str>>,
    labels: Arc<BTreeMap<String, String>>,
    /// `None`: nothing.
    carried: Option<Box<Carried>>,
    type_: Option<Arc<str>>,
    payload: Payload,
}

/// See [`Action::Adopt`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopt {
    target: TargetKey,
    precondition: Precondition,
    creator: SourceKey,
}

/// See [`Action::Update`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    target: TargetKey,
    precondition: Precondition,
    annotations: AnnotationChange,
    /// `None`: it stays as it is.
    metadata: Option<Box<MetadataChange>>,
    data: Option<NewData>,
}

/// The data of an [`Update`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewData {
    /// Replaces all data.
    pub payload: Payload,
    /// The type that the object is taken to have. If it has another one, the API server refuses the update: a wrong guess costs one
    /// refused write and one read, and no target has to be read for its type alone.
    pub expected_type: Option<Arc<str>>,
}

/// See [`Action::Delete`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    target: TargetKey,
    precondition: Precondition,
}

impl Create {
    pub(crate) fn new(
        target: &TargetKey,
        annotations: BTreeMap<Annotation, Arc<str>>,
        labels: Arc<BTreeMap<String, String>>,
        carried: Carried,
        type_: Option<Arc<str>>,
        payload: Payload,
    ) -> Self {
        let carried = (carried != Carried::EMPTY).then(|| Box::new(carried));
        Self { target: target.clone(), annotations, labels, carried, type_, payload }
    }

    /// The name of the replica.
    #[must_use]
    pub fn target(&self) -> &TargetKey {
        &self.target
    }

    /// All of this program's annotations on it.
    #[must_use]
    pub fn annotations(&self) -> &BTreeMap<Annotation, Arc<str>> {
        &self.annotations
    }

    /// The labels of `--create-with-labels`. A label of the same key in [`carried`](Self::carried) takes precedence.
    #[must_use]
    pub fn labels(&self) -> &Arc<BTreeMap<String, String>> {
        &self.labels
    }

    /// The labels and annotations of others that it gets from its source (SPEC 11.6).
    #[must_use]
    pub fn carried(&self) -> &Carried {
        const NOTHING: &Carried = &Carried::EMPTY;
        self.carried.as_deref().unwrap_or(NOTHING)
    }

    /// Its type, for kinds that have one.
    #[must_use]
    pub fn type_(&self) -> Option<&Arc<str>> {
        self.type_.as_ref()
    }

    /// Its data.
    #[must_use]
    pub fn payload(&self) -> &Payload {
        &self.payload
    }
}

impl Adopt {
    /// The adoption of a replica whose `replicated-by` names this creator, and goes on naming it.
    pub(crate) fn new(owned: Owned<'_>, creator: &SourceKey) -> Self {
        Self { target: owned.key.clone(), precondition: owned.precondition(), creator: creator.clone() }
    }

    /// The object.
    #[must_use]
    pub fn target(&self) -> &TargetKey {
        &self.target
    }

    /// The state of the object that the decision was made on.
    #[must_use]
    pub fn precondition(&self) -> &Precondition {
        &self.precondition
    }

    /// The value of `replicated-by`, as it stands there.
    #[must_use]
    pub fn creator(&self) -> &SourceKey {
        &self.creator
    }
}

impl Update {
    /// A change of a replica's annotations, and of its data if `data` is given.
    pub(crate) fn new(
        owned: Owned<'_>,
        annotations: AnnotationChange,
        metadata: MetadataChange,
        data: Option<NewData>,
    ) -> Self {
        let metadata = (!metadata.is_empty()).then(|| Box::new(metadata));
        Self { target: owned.key.clone(), precondition: owned.precondition(), annotations, metadata, data }
    }

    /// The replica's data is taken away, as a whole or in part, or replaced by minimal values.
    pub(crate) fn clearing(
        owned: Owned<'_>,
        _view: FullView,
        annotations: AnnotationChange,
        metadata: MetadataChange,
        rest: NewData,
    ) -> Self {
        Self::new(owned, annotations, metadata, Some(rest))
    }

    /// The object.
    #[must_use]
    pub fn target(&self) -> &TargetKey {
        &self.target
    }

    /// The state of the object that the decision was made on.
    #[must_use]
    pub fn precondition(&self) -> &Precondition {
        &self.precondition
    }

    /// The change of this program's annotations.
    #[must_use]
    pub fn annotations(&self) -> &AnnotationChange {
        &self.annotations
    }

    /// The change of its labels, and of annotations that are not this program's.
    #[must_use]
    pub fn metadata(&self) -> &MetadataChange {
        const NOTHING: &MetadataChange = &MetadataChange::EMPTY;
        self.metadata.as_deref().unwrap_or(NOTHING)
    }

    /// The new data; `None`: the data stays as it is.
    #[must_use]
    pub fn data(&self) -> Option<&NewData> {
        self.data.as_ref()
    }
}

impl Delete {
    /// The replica is removed.
    pub(crate) fn new(owned: Owned<'_>, _view: FullView) -> Self {
        Self { target: owned.key.clone(), precondition: owned.precondition() }
    }

    /// The object.
    #[must_use]
    pub fn target(&self) -> &TargetKey {
        &self.target
    }

    /// The state of the object that the decision was made on.
    #[must_use]
    pub fn precondition(&self) -> &Precondition {
        &self.precondition
    }
}

#[cfg(test)]
mod tests;
