//! What one look at an object leaves behind: a few fields of its metadata, and this program's annotations, read.
//!
//! Everything else is dropped at the door. That saves memory, and other annotations may hold a Secret's data
//! (`kubectl.kubernetes.io/last-applied-configuration`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::advice::Advice;
use crate::annotations::{Dialect, IllFormed, Marks};
use crate::kind::Kind;
use crate::managers::Managers;
use crate::names::{Key, NameError};
use crate::payload::{Content, Payload};
use crate::protobuf::{Malformed, Metadata};

/// An object's `metadata.resourceVersion`.
///
/// Kubernetes 1.35 made versions of one resource comparable as decimal numbers (KEP-5504); before, all servers on etcd
/// behaved so. A version that is no such number is only ever equal or not.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ResourceVersion {
    /// A decimal number.
    Number(u64),
    /// Anything else.
    Text(Arc<str>),
}

impl ResourceVersion {
    /// Reads a version. A text whose number would be written differently stays a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        match text.parse::<u64>() {
            Ok(number) if !text.starts_with(['0', '+']) => Self::Number(number),
            _ => Self::Text(text.into()),
        }
    }

    /// Whether it is known to be older than `other`.
    #[must_use]
    pub fn is_older_than(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Number(own), Self::Number(other)) if own < other)
    }
}

impl fmt::Display for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An object's `metadata.uid`: another one is another object, also under the same name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Uid {
    /// A UUID in the usual spelling, as the API server makes them: a graph of a million objects has a million of them.
    Uuid([u8; 16]),
    /// Anything else.
    Text(Arc<str>),
}

/// Where the dashes of a UUID stand (RFC 9562).
const DASHES: [usize; 4] = [8, 13, 18, 23];

impl Uid {
    /// Reads a uid. A text that would be written differently stays a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        uuid(text).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    const DIGITS: usize = 32;
    if text.len() != DIGITS + DASHES.len() {
        return None;
    }
    let mut uuid = [0; 16];
    let mut digits = 0;
    for (at, byte) in text.bytes().enumerate() {
        let digit = match byte {
            b'-' if DASHES.contains(&at) => continue,
            _ if DASHES.contains(&at) => return None,
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        let half: &mut u8 = uuid.get_mut(digits / 2)?;
        *half = *half << 4 | digit;
        digits += 1;
    }
    Some(uuid)
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uuid = match self {
            Self::Uuid(uuid) => uuid,
            Self::Text(text) => return f.write_str(text),
        };
        for (at, byte) in uuid.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An object's annotations, as far as they are this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Annotated {
    /// None of them.
    Not,
    /// All of them well-formed.
    Well(Arc<Marks>),
    /// At least one is not.
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
    /// Who wrote what.
    pub managers: Managers,
    /// What is probably not meant as it is written, as far as the annotations alone show it.
    pub advice: Vec<Advice>,
}

/// Why an answer of the API server could not be read. Never shows what was in it.
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

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    metadata: JsonMetadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonMetadata<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    uid: Cow<'a, str>,
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
    #[serde(borrow, default)]
    creation_timestamp: Option<Cow<'a, str>>,
    #[serde(default)]
    deletion_timestamp: Option<IgnoredAny>,
    #[serde(borrow, default)]
    annotations: Option<&'a RawValue>,
}

impl Observed {
    /// Reads the JSON of an object, whole or metadata only.
    ///
    /// # Errors
    /// When it is not one.
    pub fn from_json(json: &(impl AsRef<[u8]> + ?Sized), dialect: &Dialect) -> Result<Self, ReadError> {
        let JsonMetadata {
            name,
            namespace,
            uid,
            resource_version,
            creation_timestamp,
            deletion_timestamp,
            annotations,
        } = serde_json::from_slice::<Object<'_>>(json.as_ref())?.metadata;
        let ours = match annotations {
            None => Vec::new(),
            Some(json) => Ours { dialect }.deserialize(&mut serde_json::Deserializer::from_str(json.get()))?,
        };
        let created = creation_timestamp.and_then(|time| time.parse::<jiff::Timestamp>().ok());
        let ours = ours.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Ok(Self {
            uid: Uid::new(&uid),
            resource_version: ResourceVersion::new(&resource_version),
            created: created.map_or(0, jiff::Timestamp::as_second),
            deleting: deletion_timestamp.is_some(),
            ..Self::named(Key::new(&namespace, &name)?, ours)
        })
    }

    /// Reads an item of a list in protobuf.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_protobuf(item: &[u8], dialect: &Dialect) -> Result<Self, ReadError> {
        let metadata = Metadata::read(item)?;
        let mut ours = Vec::new();
        for annotation in metadata.annotations() {
            let (key, value) = annotation?;
            ours.extend(dialect.name(key).map(|name| (name, value)));
        }
        Ok(Self {
            uid: Uid::new(metadata.uid),
            resource_version: ResourceVersion::new(metadata.resource_version),
            created: metadata.created,
            deleting: metadata.deleting,
            ..Self::named(Key::new(metadata.namespace, metadata.name)?, ours)
        })
    }

    /// An object with this name and these of its annotations, of which nothing else is known yet.
    fn named<'a>(key: Key, ours: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let annotated = match Marks::parse(&key, ours) {
            Ok(None) => Annotated::Not,
            Ok(Some(marks)) => Annotated::Well(Arc::new(marks)),
            Err(error) => Annotated::Ill(Box::new(error)),
        };
        let (uid, resource_version) = (Uid::new(""), ResourceVersion::new(""));
        Self {
            key,
            uid,
            resource_version,
            created: 0,
            deleting: false,
            annotated,
            managers: Managers::default(),
            advice: Vec::new(),
        }
    }
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
        // The API server gives every Secret a type. One without would be asked for it for ever.
        type_: kind.is_typed().then(|| type_.unwrap_or_default().into()),
        immutable: immutable.unwrap_or(false),
        payload: Payload::new(kind.data_fields().iter().map(|field| text(field).map(Arc::from))),
    })
}

/// Takes this program's annotations out of all of an object's, and does not even copy the others.
struct Ours<'d> {
    dialect: &'d Dialect,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for Ours<'_> {
    type Value = Vec<(String, String)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Ours<'_> {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of annotations")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut ours = Vec::new();
        while let Some(Text(key)) = map.next_key()? {
            match self.dialect.name(&key) {
                Some(name) => ours.push((name.to_owned(), map.next_value()?)),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(ours)
    }
}

#[cfg(test)]
mod tests;
