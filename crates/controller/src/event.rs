//! The events that watches deliver to a replicator, and the time that comes with each call.

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
    /// The monotonic clock: for waiting.
    pub moment: Moment,
    /// The wall clock: for `replicated-at`.
    pub time: jiff::Timestamp,
}

/// What a watch of objects delivers.
#[derive(Debug)]
pub enum ObjectEvent {
    /// A list begins. When it ends, the objects that it covers and does not name are gone.
    ListBegins(Part),
    /// The object exists.
    Seen(Observed),
    /// The list is complete, and shows the state at this version.
    ListEnds(Part, ResourceVersion),
    /// The object was deleted.
    Deleted(Key, Uid),
}

/// A namespace as a list, a watch event or a response shows it.
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

/// What the watch (or the poll) of namespaces delivers.
#[derive(Debug, Clone)]
pub enum NamespaceEvent {
    /// A list begins. When it ends, the namespaces that it does not name are gone.
    ListBegins,
    /// The namespace exists.
    Seen {
        /// Its name.
        name: String,
        /// Its labels, and what its annotations say.
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
