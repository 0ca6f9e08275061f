//! What the watches give to a replicator, and the two clocks that come with it.

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::names::Key;
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Observed, ReadError, ResourceVersion, Uid};
use k8s_replicator_core::scope::Part;

use crate::cluster::object::Object;

pub use k8s_replicator_core::time::Moment;

/// One reading of both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For waiting.
    pub moment: Moment,
    /// For `replicated-at`.
    pub time: jiff::Timestamp,
}

/// What a watch of objects has seen.
#[derive(Debug)]
pub enum ObjectEvent {
    /// A list begins: what it covers and does not name is gone when it ends.
    ListBegins(Part),
    /// The object exists.
    Seen(Observed),
    /// The list is complete, and shows what was there at this version.
    ListEnds(Part, ResourceVersion),
    /// The object was deleted.
    Deleted(Key, Uid),
}

/// What is read of a namespace.
#[derive(Debug)]
pub(crate) struct SeenNamespace {
    pub(crate) name: String,
    pub(crate) facts: NamespaceFacts,
}

impl SeenNamespace {
    pub(crate) fn read(object: Object<'_>, dialect: &Dialect) -> Result<Self, ReadError> {
        let (name, facts) = match object {
            Object::Json(json) => NamespaceFacts::from_json(json, dialect)?,
            Object::Protobuf(item) => NamespaceFacts::from_protobuf(item, dialect)?,
        };
        Ok(Self { name, facts })
    }
}

/// What the watch (or the poll) of namespaces has seen.
#[derive(Debug, Clone)]
pub enum NamespaceEvent {
    /// A list begins: what it does not name is gone when it ends.
    ListBegins,
    /// The namespace exists.
    Seen {
        /// Its name.
        name: String,
        /// What its metadata says.
        facts: NamespaceFacts,
    },
    /// The list is complete.
    ListEnds,
    /// The namespace is gone.
    Deleted {
        /// Its name.
        name: String,
    },
}
