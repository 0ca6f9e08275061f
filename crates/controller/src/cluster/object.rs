//! An object in a response or a watch event, as JSON or protobuf.

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::observed::{Observed, ReadError, content_from_json};
use k8s_replicator_core::payload::Content;
use k8s_replicator_core::protobuf;

/// An object, whole or its metadata alone, as it came.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// As JSON.
    Json(&'a [u8]),
    /// As protobuf.
    Protobuf(&'a [u8]),
}

impl<'a> Object<'a> {
    /// An answer that is one object.
    #[must_use]
    pub fn of(answer: &'a [u8]) -> Self {
        protobuf::content(answer).map_or(Self::Json(answer), Self::Protobuf)
    }

    /// Reads what a replicator needs.
    ///
    /// # Errors
    /// When it is no object.
    pub fn observed(self, dialect: &Dialect) -> Result<Observed, ReadError> {
        match self {
            Self::Json(json) => Observed::from_json(json, dialect),
            Self::Protobuf(item) => Observed::from_protobuf(item, dialect),
        }
    }

    /// Reads the content of an object that came whole.
    ///
    /// # Errors
    /// When it is no object of this kind.
    pub fn content(self, kind: &dyn Kind) -> Result<Content, ReadError> {
        match self {
            Self::Json(json) => content_from_json(json, kind),
            Self::Protobuf(object) => Ok(protobuf::object_content(object, kind)?),
        }
    }
}
