//! The metadata of an object as the API server sent it.

use std::str::Utf8Error;

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::observed::{Observed, ReadError};
use k8s_replicator_core::protobuf;

/// An object's metadata, as it came.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// As JSON.
    Json(&'a str),
    /// As protobuf.
    Protobuf(&'a [u8]),
}

impl<'a> Object<'a> {
    /// An answer that is one object.
    ///
    /// # Errors
    /// When it is neither protobuf nor text.
    pub fn of(answer: &'a [u8]) -> Result<Self, Utf8Error> {
        match protobuf::content(answer) {
            Ok(content) => Ok(Self::Protobuf(content)),
            Err(_) => std::str::from_utf8(answer).map(Self::Json),
        }
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
}
