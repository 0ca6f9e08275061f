//! The objects that a plan is about, as an API server would hold them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::identity::{ResourceVersion, Uid};
use k8s_replicator_core::managers::{Claim, Managers, Owners};
use k8s_replicator_core::names::Key;
use k8s_replicator_core::observed::{Observed, Parts};
use k8s_replicator_core::payload::Content;

use crate::manifest::Manifest;

/// What is known of an object's content.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// All of it.
    Yes(Content),
    /// Nothing: only metadata was read. What stands here is made up: it is the same for objects that hold the same data by what
    /// their annotations say, and for no others.
    Assumed(Content),
    /// Nothing, and nothing was made up yet. The keys, if they are known.
    No(Vec<String>),
}

impl Known {
    /// The content, real or made up.
    #[must_use]
    pub fn content(&self) -> Option<&Content> {
        match self {
            Self::Yes(content) | Self::Assumed(content) => Some(content),
            Self::No(_) => None,
        }
    }

    /// Whether it is not really known.
    #[must_use]
    pub fn is_assumed(&self) -> bool {
        !matches!(self, Self::Yes(_))
    }
}

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its name.
    pub key: Key,
    /// `metadata.uid`.
    pub uid: Uid,
    /// `metadata.resourceVersion`.
    pub resource_version: ResourceVersion,
    /// `metadata.creationTimestamp` in seconds since 1970.
    pub created: i64,
    /// Whether it waits for its finalizers.
    pub deleting: bool,
    /// Whether it has finalizers, so that it does not go when it is deleted.
    pub has_finalizers: bool,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// All annotations, by their whole keys.
    pub annotations: BTreeMap<String, String>,
    /// Who wrote what.
    pub managers: Managers,
    /// What it holds.
    pub content: Known,
    /// What the tool that applies manifests applied last: what the next manifest does not name any more is taken away.
    pub applied: Applied,
}

/// See [`Object::applied`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Keys of annotations.
    pub annotations: BTreeSet<String>,
    /// Keys of labels.
    pub labels: BTreeSet<String>,
    /// Keys of data.
    pub data: BTreeSet<String>,
}

impl Object {
    /// The object that a manifest makes where none is. Uid, version and time are given by the planner.
    #[must_use]
    pub fn of(manifest: &Manifest, dialect: &Dialect) -> Self {
        let kind = manifest.kind;
        let nothing = || k8s_replicator_core::payload::Payload::new(kind.data_fields().iter().map(|_| None));
        let type_ = kind.is_typed().then(|| manifest.type_.clone().unwrap_or_else(|| Arc::from("Opaque")));
        let is_replica = manifest.annotations.keys().any(|key| dialect.name(key) == Some("replicated-by"));
        let managers = Managers {
            data: if manifest.has_keys { Owners::Others } else { Owners::Nobody },
            replicated_by: if is_replica { Owners::Others } else { Owners::Nobody },
            claim: if manifest.has_keys { Claim::Applied } else { Claim::None },
            is_others_claim: false,
            other: None,
        };
        Self {
            key: manifest.key.clone(),
            uid: Uid::new(""),
            resource_version: ResourceVersion::new("0"),
            created: 0,
            deleting: false,
            has_finalizers: false,
            labels: manifest.labels.clone(),
            annotations: manifest.annotations.clone(),
            managers,
            content: Known::Yes(Content {
                type_,
                immutable: manifest.immutable,
                payload: manifest.payload.clone().unwrap_or_else(nothing),
            }),
            applied: Applied::of(manifest),
        }
    }

    /// What a watch would show of it.
    #[must_use]
    pub fn observed(&self, dialect: &Dialect) -> Observed {
        let parts = Parts {
            key: &self.key,
            uid: &self.uid,
            resource_version: &self.resource_version,
            created: self.created,
            deleting: self.deleting,
            labels: &self.labels,
            annotations: &self.annotations,
            managers: &self.managers,
        };
        Observed::of_parts(parts, dialect)
    }
}

impl Applied {
    pub(crate) fn of(manifest: &Manifest) -> Self {
        Self {
            annotations: manifest.annotations.keys().cloned().collect(),
            labels: manifest.labels.keys().cloned().collect(),
            data: manifest.payload.iter().flat_map(crate::contents::keys).collect(),
        }
    }
}
