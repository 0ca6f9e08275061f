//! The objects that a plan is about, as an API server would hold them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_replicator_core::annotations::{Annotation, Dialect};
use k8s_replicator_core::identity::{ResourceVersion, Uid};
use k8s_replicator_core::key_names::KeyNames;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::managers::{Claim, FIELD_MANAGER, Managers, Owners};
use k8s_replicator_core::names::Key;
use k8s_replicator_core::observed::{Annotated, Observed, Parts, content_from_json};
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
    /// An object of a cluster whose annotations are ill-formed, so that nothing but this is known of them.
    pub as_seen: Option<Box<Observed>>,
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
            is_others_claim: manifest.has_keys,
            data_written: 0,
            // Nobody has written it yet.
            names: KeyNames::NONE,
            names_as_copied: KeyNames::NONE,
            // As messages name it: "the field manager …".
            other: manifest.has_keys.then(|| "that applies this manifest".into()),
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
            as_seen: None,
            applied: Applied::of(manifest),
        }
    }

    /// An object of which a cluster's list showed the metadata. Of its labels and annotations only those are known that are of
    /// interest to the controller, and of its content nothing.
    #[must_use]
    pub fn seen(observed: Observed, dialect: &Dialect) -> Self {
        let text = |(key, value): (&Arc<str>, &Arc<str>)| (key.to_string(), value.to_string());
        let carried = observed.carried.as_deref();
        let labels = carried.iter().flat_map(|carried| &carried.labels).map(text).collect();
        let mut annotations: BTreeMap<String, String> =
            carried.iter().flat_map(|carried| &carried.annotations).map(text).collect();
        if let Some(marks) = observed.annotated.marks() {
            let ours = Annotation::ALL.iter().filter_map(|it| Some((dialect.key(*it), marks.text(*it)?.to_string())));
            annotations.extend(ours);
        }
        let is_ill = matches!(observed.annotated, Annotated::Ill(_));
        Self {
            key: observed.key.clone(),
            uid: observed.uid.clone(),
            resource_version: observed.resource_version.clone(),
            created: observed.created,
            deleting: observed.deleting,
            has_finalizers: observed.deleting,
            labels,
            annotations,
            managers: observed.managers.clone(),
            content: Known::No(Vec::new()),
            as_seen: is_ill.then(|| Box::new(observed)),
            applied: Applied::default(),
        }
    }

    /// An object that was read whole, as JSON. `None`: it is no object of this kind.
    #[must_use]
    pub fn read(json: &str, kind: &dyn Kind, dialect: &Dialect) -> Option<Self> {
        let observed = Observed::from_json(json, dialect).ok()?;
        let content = content_from_json(json, kind).ok()?;
        let whole: Whole = serde_json::from_str(json).ok()?;
        let applied = whole.metadata.applied();
        let mut annotations = whole.metadata.annotations;
        // It holds the data.
        annotations.remove(LAST_APPLIED);
        Some(Self {
            labels: whole.metadata.labels,
            annotations,
            has_finalizers: !whole.metadata.finalizers.is_empty(),
            content: Known::Yes(content),
            as_seen: None,
            applied,
            ..Self::seen(observed, dialect)
        })
    }

    /// What a watch would show of it.
    #[must_use]
    pub fn observed(&self, dialect: &Dialect) -> Observed {
        if let Some(seen) = &self.as_seen {
            return Observed {
                resource_version: self.resource_version.clone(),
                deleting: self.deleting,
                ..(**seen).clone()
            };
        }
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

/// What client-side apply keeps of the manifest.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

#[derive(serde::Deserialize)]
struct Whole {
    metadata: Metadata,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Metadata {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    finalizers: Vec<String>,
    managed_fields: Vec<Entry>,
}

#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    manager: String,
    operation: String,
    fields_v1: serde_json::Value,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct LastApplied {
    metadata: LastMetadata,
    data: BTreeMap<String, serde::de::IgnoredAny>,
    #[serde(rename = "stringData")]
    string_data: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct LastMetadata {
    labels: BTreeMap<String, serde::de::IgnoredAny>,
    annotations: BTreeMap<String, serde::de::IgnoredAny>,
}

impl Metadata {
    /// What was applied last, by client-side apply or by anybody's server-side apply.
    fn applied(&self) -> Applied {
        let mut applied = Applied::default();
        if let Some(last) = self.annotations.get(LAST_APPLIED) {
            let last: LastApplied = serde_json::from_str(last).unwrap_or_default();
            applied.annotations.extend(last.metadata.annotations.into_keys());
            applied.labels.extend(last.metadata.labels.into_keys());
            applied.data.extend(last.data.into_keys().chain(last.string_data.into_keys()));
        }
        let by_others = |entry: &&Entry| entry.operation == "Apply" && entry.manager != FIELD_MANAGER;
        for entry in self.managed_fields.iter().filter(by_others) {
            let keys = |path: &str| {
                let fields = entry.fields_v1.pointer(path).and_then(serde_json::Value::as_object).into_iter().flatten();
                fields.filter_map(|(key, _)| key.strip_prefix("f:").map(str::to_owned)).collect::<Vec<_>>()
            };
            applied.annotations.extend(keys("/f:metadata/f:annotations"));
            applied.labels.extend(keys("/f:metadata/f:labels"));
            applied.data.extend(keys("/f:data").into_iter().chain(keys("/f:binaryData")));
        }
        applied
    }
}
