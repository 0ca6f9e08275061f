//! The stored objects.

use std::collections::BTreeMap;
use std::fmt;

use super::managed::Manager;

/// A resource of the core API group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Namespaces.
    Namespace,
    /// Secrets.
    Secret,
    /// ConfigMaps.
    ConfigMap,
}

impl Resource {
    /// As in URLs.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::Secret => "secrets",
            Self::ConfigMap => "configmaps",
        }
    }

    /// As in manifests.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }

    /// As kubectl's arguments.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Secret => "secret",
            Self::ConfigMap => "configmap",
        }
    }

    /// The one with this name in URLs.
    #[must_use]
    pub fn from_plural(plural: &str) -> Option<Self> {
        [Self::Namespace, Self::Secret, Self::ConfigMap].into_iter().find(|resource| resource.plural() == plural)
    }
}

/// What an object is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// The resource.
    pub resource: Resource,
    /// The namespace; empty for a namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Id {
    /// An object's.
    #[must_use]
    pub fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        Self { resource, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// A namespace's.
    #[must_use]
    pub fn of_namespace(name: &str) -> Self {
        Self::new(Resource::Namespace, "", name)
    }

    /// `namespace/name`, as annotations write it.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resource {
            Resource::Namespace => write!(f, "namespace {}", self.name),
            _ => write!(f, "{} {}/{}", self.resource.word(), self.namespace, self.name),
        }
    }
}

/// Data by key: base64 in a Secret's `data` and in `binaryData`, text in a ConfigMap's `data`.
pub type Data = BTreeMap<String, String>;

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub id: Id,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub version: u64,
    /// `metadata.creationTimestamp`, in seconds since 1970.
    pub created: i64,
    /// `metadata.deletionTimestamp`: it waits for its finalizers.
    pub deleted: Option<i64>,
    /// `metadata.finalizers`.
    pub finalizers: Vec<String>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`; bytes, since over protobuf an API server takes what is no UTF-8.
    pub annotations: BTreeMap<String, Vec<u8>>,
    /// `type` of a Secret.
    pub type_: Option<String>,
    /// `immutable`.
    pub immutable: bool,
    /// `data`.
    pub data: Data,
    /// `binaryData` of a ConfigMap.
    pub binary_data: Data,
    /// `metadata.managedFields`.
    pub managers: Vec<Manager>,
}

impl Object {
    /// An empty one that is not stored yet.
    #[must_use]
    pub fn new(id: Id) -> Self {
        Self {
            type_: (id.resource == Resource::Secret).then(|| "Opaque".to_owned()),
            id,
            uid: String::new(),
            version: 0,
            created: 0,
            deleted: None,
            finalizers: Vec::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            immutable: false,
            data: Data::new(),
            binary_data: Data::new(),
            managers: Vec::new(),
        }
    }

    /// An annotation, if it is text.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).and_then(|value| std::str::from_utf8(value).ok())
    }
}
