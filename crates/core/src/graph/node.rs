//! One object in the graph, and what is known of its content.

use std::sync::Arc;

use crate::annotations::Marks;
use crate::carried::Carried;
use crate::facts::Facts;
use crate::keys::{KeyProblem, Projection};
use crate::managers::Managers;
use crate::observed::{Annotated, Observed, ResourceVersion, Uid};

/// What is known of the content of an object at its current version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// Not read, but the first list showed it so, and only the controller wrote its data (SPEC 9.15): what its annotations say of
    /// it is believed.
    Trusted,
    /// Not read, and changed by someone since: to be read before it counts as up to date.
    Suspect,
    /// As `Suspect`, and a write of it was refused: to be read before it is written.
    Refused,
    /// Read, or written by the controller.
    Known(Facts),
}

/// One object in the graph.
#[derive(Debug, Clone)]
pub struct Node {
    /// `metadata.uid`.
    pub uid: Uid,
    /// `metadata.resourceVersion`.
    pub resource_version: ResourceVersion,
    /// Creation time, in seconds since 1970.
    pub created: i64,
    /// Whether it waits for finalizers.
    pub deleting: bool,
    /// Its annotations.
    pub annotated: Annotated,
    /// Who wrote what.
    pub managers: Managers,
    /// What is known of its content.
    pub knowledge: Knowledge,
    /// What few objects have.
    pub(super) extra: Option<Box<Extra>>,
    /// Whether it has labels.
    pub has_labels: bool,
    /// A Secret's type, once it was read. It stays the same as long as the uid does.
    pub type_: Option<Arc<str>>,
    /// Whether its data is immutable, as a response with its content at this version said (one with metadata alone does not). `Some(true)` holds
    /// as long as the uid does: an object that is immutable stays so, unless etcd is restored.
    pub immutable: Option<bool>,
    /// Whether only a response has shown it at this version: what else a server says may be older.
    pub(super) only_answered: bool,
    /// The list in which it was last seen.
    pub(super) epoch: u32,
}

/// What few objects have: kept apart, since a graph has room for a million of those that do not.
#[derive(Debug, Clone, Default)]
pub(super) struct Extra {
    /// What is known of parts of the content, at its current version. Few are asked for: most targets get all of it.
    pub(super) portions: Vec<(Arc<Projection>, Portion)>,
    /// Its labels and annotations that go to replicas, or were set as it is one.
    pub(super) carried: Carried,
}

/// What is known of a part of an object's content: its facts, or why it cannot be had.
pub type Portion = Result<Facts, KeyProblem>;

impl Node {
    /// What is known of a part of its content.
    #[must_use]
    pub fn portion(&self, projection: &Projection) -> Option<&Portion> {
        self.extra.as_ref()?.portions.iter().find(|(of, _)| **of == *projection).map(|(_, portion)| portion)
    }

    /// How many parts of its content are known.
    #[cfg(test)]
    pub(crate) fn portions(&self) -> usize {
        self.extra.as_ref().map_or(0, |extra| extra.portions.len())
    }

    /// Its labels and annotations that go to replicas, or were set as it is one.
    #[must_use]
    pub fn carried(&self) -> Option<&Carried> {
        self.extra.as_ref().map(|extra| &extra.carried)
    }

    /// Whether its data is known to be immutable.
    #[must_use]
    pub fn is_immutable(&self) -> bool {
        self.immutable == Some(true)
    }

    /// The annotations, if there are any and they are well-formed.
    #[must_use]
    pub fn marks(&self) -> Option<&Marks> {
        self.annotated.marks()
    }

    /// Whether an object is shown as the graph holds it: the same object at the same version.
    pub(super) fn is_version(&self, observed: &Observed) -> bool {
        self.resource_version == observed.resource_version && self.uid == observed.uid
    }
}
