//! What is kept of an object that a list, a watch event or a response shows: a few fields of its metadata, and this program's
//! annotations, parsed.
//!
//! Everything else is dropped at the door. That saves memory, and other annotations may hold a Secret's data
//! (`kubectl.kubernetes.io/last-applied-configuration`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;
use thiserror::Error;

use crate::advice::Advice;
use crate::annotations::{self, Dialect, IllFormed, Marks};
use crate::carried::Carried;
use crate::json;
use crate::kind::Kind;
use crate::managers::Managers;
use crate::names::{Key, NameError};
use crate::payload::{Content, Payload};
use crate::protobuf::{Malformed, Metadata};

pub use crate::identity::{ResourceVersion, Uid};

/// This program's annotations on an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Annotated {
    /// It has none.
    Not,
    /// All of them are well-formed.
    Well(Arc<Marks>),
    /// At least one is ill-formed.
    Ill(Box<IllFormed>),
}

impl Annotated {
    /// The annotations, if there are any and they are well-formed.
    #[must_use]
    pub fn marks(&self) -> Option<&Marks> {
        match self {
            Self::Well(marks) => Some(marks),
            Self::Not | Self::Ill(_) => None,
        }
    }
}

/// One object as it was seen at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Its name.
    pub key: Key,
    /// `metadata.uid`.
    pub uid: Uid,
    /// `metadata.resourceVersion`.
    pub resource_version: ResourceVersion,
    /// `metadata.creationTimestamp` in seconds since 1970.
    pub created: i64,
    /// Whether it is being deleted and waits for its finalizers.
    pub deleting: bool,
    /// This program's annotations.
    pub annotated: Annotated,
    /// The owners of its data and annotations.
    pub managers: Managers,
    /// Its labels and annotations that are copied to replicas, or were copied to it (SPEC 11.6).
    pub carried: Option<Box<Carried>>,
    /// Whether it has labels.
    pub has_labels: bool,
    /// Advice that follows from its annotations alone.
    pub advice: Vec<Advice>,
}

/// The parts of an object, as `plan` has them: read from a manifest, or as they would be after a write that `plan` only simulates.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// Its name.
    pub key: &'a Key,
    /// `metadata.uid`.
    pub uid: &'a Uid,
    /// `metadata.resourceVersion`.
    pub resource_version: &'a ResourceVersion,
    /// `metadata.creationTimestamp` in seconds since 1970.
    pub created: i64,
    /// Whether it is being deleted and waits for its finalizers.
    pub deleting: bool,
    /// All labels.
    pub labels: &'a BTreeMap<String, String>,
    /// All annotations, by their whole keys.
    pub annotations: &'a BTreeMap<String, String>,
    /// The owners of its data and annotations.
    pub managers: &'a Managers,
}

/// Why a response of the API server could not be read. It never contains any of the response's text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Not the JSON of an object.
    #[error("not the JSON of an object: {kind} at line {line}, column {column}")]
    Json {
        /// The kind of mistake.
        kind: &'static str,
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
    },
    /// Not protobuf.
    #[error(transparent)]
    Protobuf(#[from] Malformed),
    /// A name that the API server cannot have accepted.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        // Not `error.to_string()`: it can quote the value that did not fit.
        let kind = match error.classify() {
            serde_json::error::Category::Io => "input error",
            serde_json::error::Category::Syntax => "syntax error",
            serde_json::error::Category::Data => "unexpected type of value",
            serde_json::error::Category::Eof => "unexpected end",
        };
        Self::Json { kind, line: error.line(), column: error.column() }
    }
}

impl Observed {
    /// Reads the JSON of an object, whole or metadata only.
    ///
    /// # Errors
    /// When it is not one, or its name cannot be read. Nothing else of an object makes it unreadable.
    pub fn from_json(json: &(impl AsRef<[u8]> + ?Sized), dialect: &Dialect) -> Result<Self, ReadError> {
        let json = json::Json::new(json.as_ref());
        let metadata = json::Metadata::read(&json)?;
        let key = Key::new(&metadata.namespace, &metadata.name)?;
        let mut annotations = match metadata.ours(dialect) {
            None => Annotations { annotated: Annotated::Ill(Box::new(IllFormed::NotAnnotations)), advice: Vec::new() },
            Some(ours) => Annotations::read(&key, json::values(&ours)),
        };
        Ok(Self {
            key,
            uid: Uid::new(&metadata.uid),
            resource_version: ResourceVersion::new(&metadata.resource_version),
            created: metadata.created,
            deleting: metadata.deleting,
            managers: annotations.managers(|| metadata.managers(dialect)),
            carried: annotations.carried(|marks| {
                let (labels, all) = (metadata.labels(), metadata.annotations());
                Carried::read(marks, dialect, texts(&labels), texts(&all))
            }),
            has_labels: metadata.has_labels(),
            annotated: annotations.annotated,
            advice: annotations.advice,
        })
    }

    /// The object that these parts make up.
    #[must_use]
    pub fn of_parts(parts: Parts<'_>, dialect: &Dialect) -> Self {
        let all = || parts.annotations.iter().map(|(key, value)| (&**key, &**value));
        let ours = all().filter_map(|(key, value)| Some((dialect.name(key)?, annotations::Value::Text(value))));
        let mut annotations = Annotations::read(parts.key, ours);
        Self {
            key: parts.key.clone(),
            uid: parts.uid.clone(),
            resource_version: parts.resource_version.clone(),
            created: parts.created,
            deleting: parts.deleting,
            managers: annotations.managers(|| parts.managers.clone()),
            carried: annotations.carried(|marks| {
                let labels = parts.labels.iter().map(|(key, value)| (&**key, &**value));
                Carried::read(marks, dialect, labels, all())
            }),
            has_labels: !parts.labels.is_empty(),
            annotated: annotations.annotated,
            advice: annotations.advice,
        }
    }

    /// Reads an item of a list in protobuf.
    ///
    /// # Errors
    /// When it is none, or its name cannot be read. Nothing else of an object makes it unreadable.
    pub fn from_protobuf(item: &[u8], dialect: &Dialect) -> Result<Self, ReadError> {
        let metadata = Metadata::read(item)?;
        let key = Key::new(metadata.namespace, metadata.name)?;
        if crate::bug!(UnreadableIsMissing) && metadata.annotations().any(|(_, value)| value.is_none()) {
            return Err(NameError::Name(String::new()).into());
        }
        let ours = metadata.annotations().filter_map(|(key, value)| {
            Some((dialect.name(key)?, value.map_or(annotations::Value::NotText, annotations::Value::Text)))
        });
        let mut annotations = Annotations::read(&key, ours);
        Ok(Self {
            key,
            uid: Uid::new(metadata.uid),
            resource_version: ResourceVersion::new(metadata.resource_version),
            created: metadata.created,
            deleting: metadata.deleting,
            managers: annotations.managers(|| Managers::read(metadata.managed_fields(), dialect)),
            carried: annotations.carried(|marks| {
                let all = metadata.annotations().filter_map(|(key, value)| Some((key, value?)));
                Carried::read(marks, dialect, metadata.labels(), all)
            }),
            has_labels: metadata.has_labels(),
            annotated: annotations.annotated,
            advice: annotations.advice,
        })
    }
}

/// An object's annotations, read.
struct Annotations {
    annotated: Annotated,
    advice: Vec<Advice>,
}

impl Annotations {
    fn read<'a>(key: &Key, ours: impl Iterator<Item = (&'a str, annotations::Value<'a>)>) -> Self {
        let mut advice = Vec::new();
        let annotated = match Marks::read(key, ours, &mut advice) {
            Ok(None) => Annotated::Not,
            Ok(Some(marks)) => {
                annotations::advise(&marks, &mut advice);
                Annotated::Well(Arc::new(marks))
            }
            Err(error) => Annotated::Ill(Box::new(error)),
        };
        Self { annotated, advice }
    }

    /// The result of `read` (labels and annotations to copy), called only for an object whose annotations ask for that. If they ask for
    /// too many, the object is ill-formed.
    fn carried(
        &mut self,
        read: impl FnOnce(&Marks) -> Result<Option<Box<Carried>>, IllFormed>,
    ) -> Option<Box<Carried>> {
        let read = read(self.annotated.marks().filter(|marks| Carried::is_asked_for(marks))?);
        read.unwrap_or_else(|error| {
            self.annotated = Annotated::Ill(Box::new(error));
            None
        })
    }

    /// The result of `read`, called only for an object that has annotations of this program.
    fn managers(&self, read: impl FnOnce() -> Managers) -> Managers {
        match self.annotated {
            Annotated::Not => Managers::default(),
            Annotated::Well(_) | Annotated::Ill(_) => read(),
        }
    }
}

fn texts<'a>(map: &'a [(Cow<'_, str>, Cow<'_, str>)]) -> impl Iterator<Item = (&'a str, &'a str)> {
    map.iter().map(|(key, value)| (&**key, &**value))
}

/// Reads the content of an object of `kind` from its whole JSON.
///
/// # Errors
/// When it is not one.
pub fn content_from_json(json: &(impl AsRef<[u8]> + ?Sized), kind: &dyn Kind) -> Result<Content, ReadError> {
    let raw: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(json.as_ref())?;
    let text = |field: &str| raw.get(field).map(|json| json.get());
    let type_: Option<String> = text("type").filter(|_| kind.is_typed()).map(serde_json::from_str).transpose()?;
    let immutable: Option<bool> = text("immutable").map(serde_json::from_str).transpose()?.flatten();
    Ok(Content {
        // The API server gives every Secret a type. If one had none, the type would count as unknown and be read again and again.
        type_: kind.is_typed().then(|| type_.unwrap_or_default().into()),
        immutable: immutable.unwrap_or(false),
        payload: Payload::new(kind.data_fields().iter().map(|field| text(field).map(Arc::from))),
    })
}

#[cfg(test)]
mod tests;
