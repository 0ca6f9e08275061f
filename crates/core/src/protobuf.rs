//! Metadata in Kubernetes' protobuf encoding: a quarter of JSON's size, and written and read in a fraction of the time.
//!
//! Only what this program needs is read, and nothing is copied on the way. The field numbers are those of
//! `k8s.io/apimachinery` (`pkg/apis/meta/v1/generated.proto`, `pkg/runtime/generated.proto`), which never change.

mod object;

use thiserror::Error;

use crate::managers::{APPLY, Entry};

pub use object::object_content;

/// The bytes before every message (`pkg/runtime/serializer/protobuf`).
const MAGIC: &[u8] = b"k8s\0";

/// Not a message of the kind that was asked for. The error never contains any of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a protobuf message of the API server, after {0} bytes")]
pub struct Malformed(usize);

/// One field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// A field of a fixed size; none of these is needed here.
    Other,
}

impl<'a> Value<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()).ok()
    }
}

/// The fields of a message, in the order in which they stand there.
struct Fields<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn of(message: &'a [u8]) -> Self {
        Self { all: message, at: 0 }
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = *self.all.get(self.at)?;
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self, length: u64) -> Option<&'a [u8]> {
        let end = self.at.checked_add(usize::try_from(length).ok()?)?;
        let bytes = self.all.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.bytes(8).map(|_| Value::Other)?,
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => self.bytes(4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.all.len() {
            return None;
        }
        let field = self.field().ok_or(Malformed(self.at));
        if field.is_err() {
            self.at = self.all.len();
        }
        Some(field)
    }
}

/// The message within a response in protobuf: the `raw` of the `runtime.Unknown` around it.
///
/// # Errors
/// When it is not.
pub fn content(answer: &[u8]) -> Result<&[u8], Malformed> {
    let unknown = answer.strip_prefix(MAGIC).ok_or(Malformed(0))?;
    let mut content = None;
    for field in Fields::of(unknown) {
        if let (2, raw) = field? {
            content = Some(raw.bytes());
        }
    }
    content.ok_or(Malformed(answer.len()))
}

/// The kind of the message within a response: `typeMeta.kind` of the `runtime.Unknown` around it. `None`: not protobuf, or without
/// a kind.
#[must_use]
pub fn kind(answer: &[u8]) -> Option<&str> {
    let mut kind = None;
    for field in Fields::of(answer.strip_prefix(MAGIC)?) {
        if let (1, type_) = field.ok()? {
            for field in Fields::of(type_.bytes()) {
                if let (2, text) = field.ok()? {
                    kind = text.text();
                }
            }
        }
    }
    kind
}

/// A list as the API server answered it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct List<'a> {
    /// The version of the list: it shows the objects as they were at this version.
    pub resource_version: &'a str,
    /// The token of the next page; empty: this is the last one.
    pub continue_: &'a str,
    /// The items, each as [`Metadata::read`] reads it.
    pub items: Vec<&'a [u8]>,
}

impl<'a> List<'a> {
    /// Reads a `PartialObjectMetadataList`.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(answer: &'a [u8]) -> Result<Self, Malformed> {
        let mut list = Self::default();
        for field in Fields::of(content(answer)?) {
            match field? {
                (1, meta) => {
                    for field in Fields::of(meta.bytes()) {
                        match field? {
                            (2, version) => list.resource_version = version.text().ok_or(Malformed(0))?,
                            (3, position) => list.continue_ = position.text().ok_or(Malformed(0))?,
                            _ => {}
                        }
                    }
                }
                (2, item) => list.items.push(item.bytes()),
                _ => {}
            }
        }
        // Without one it was cut off before its content, and names nothing: it must not be taken for an empty list.
        if list.resource_version.is_empty() { Err(Malformed(answer.len())) } else { Ok(list) }
    }
}

/// One event of a watch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`.
    pub type_: &'a str,
    /// The object of the event, with a `runtime.Unknown` around it: see [`content`].
    pub object: &'a [u8],
}

impl<'a> Event<'a> {
    /// Reads a `WatchEvent`, which stands in the stream after its length.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(event: &'a [u8]) -> Result<Self, Malformed> {
        let mut read = Self::default();
        for field in Fields::of(event) {
            match field? {
                (1, type_) => read.type_ = type_.text().ok_or(Malformed(0))?,
                (2, extension) => {
                    for field in Fields::of(extension.bytes()) {
                        if let (1, raw) = field? {
                            read.object = raw.bytes();
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(read)
    }
}

/// The fields of a `Status` that are needed: why the API server refused a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Status<'a> {
    /// For a person.
    pub message: &'a str,
    /// One word.
    pub reason: &'a str,
    /// The HTTP status.
    pub code: u64,
    /// The reasons of its `details.causes`.
    pub causes: Vec<&'a str>,
    /// `details.retryAfterSeconds`; 0: none.
    pub retry_after_seconds: u64,
}

impl<'a> Status<'a> {
    /// Reads a `Status`.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(answer: &'a [u8]) -> Result<Self, Malformed> {
        let mut status = Self::default();
        for field in Fields::of(content(answer)?) {
            match field? {
                (3, message) => status.message = message.text().ok_or(Malformed(0))?,
                (4, reason) => status.reason = reason.text().ok_or(Malformed(0))?,
                (5, details) => status.read_details(details.bytes())?,
                (6, Value::Number(code)) => status.code = code,
                _ => {}
            }
        }
        Ok(status)
    }

    fn read_details(&mut self, details: &'a [u8]) -> Result<(), Malformed> {
        for field in Fields::of(details) {
            match field? {
                (4, cause) => {
                    for field in Fields::of(cause.bytes()) {
                        if let (1, reason) = field? {
                            self.causes.push(reason.text().ok_or(Malformed(0))?);
                        }
                    }
                }
                (5, Value::Number(seconds)) => self.retry_after_seconds = seconds,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The metadata of one object, as far as it is needed.
///
/// The API server takes bytes that are no UTF-8 in annotations (over protobuf), and gives them to everybody. So of all fields
/// only the name and the namespace have to be texts: an object whose name can be read is there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// `metadata.name`.
    pub name: &'a str,
    /// `metadata.namespace`; empty for what has none.
    pub namespace: &'a str,
    /// `metadata.uid`; empty if it is no text.
    pub uid: &'a str,
    /// `metadata.resourceVersion`; empty if it is no text.
    pub resource_version: &'a str,
    /// `metadata.creationTimestamp`, in seconds since 1970.
    pub created: i64,
    /// Whether there is a `metadata.deletionTimestamp`.
    pub deleting: bool,
    labels: Vec<&'a [u8]>,
    annotations: Vec<&'a [u8]>,
    managed_fields: Vec<&'a [u8]>,
}

impl<'a> Metadata<'a> {
    /// Reads a `PartialObjectMetadata`: an item of a [`List`], or the [`content`] of an answer.
    ///
    /// # Errors
    /// When it is none, or its name or namespace is no text.
    pub fn read(item: &'a [u8]) -> Result<Self, Malformed> {
        let mut metadata = Self::default();
        for field in Fields::of(item) {
            let (1, meta) = field? else { continue };
            for field in Fields::of(meta.bytes()) {
                let (number, value) = field?;
                match number {
                    1 => metadata.name = value.text().ok_or(Malformed(0))?,
                    3 => metadata.namespace = value.text().ok_or(Malformed(0))?,
                    5 => metadata.uid = value.text().unwrap_or_default(),
                    6 => metadata.resource_version = value.text().unwrap_or_default(),
                    8 => metadata.created = seconds(value.bytes()).unwrap_or_default(),
                    9 => metadata.deleting = true,
                    11 => metadata.labels.push(value.bytes()),
                    12 => metadata.annotations.push(value.bytes()),
                    17 => metadata.managed_fields.push(value.bytes()),
                    _ => {}
                }
            }
        }
        Ok(metadata)
    }

    /// The annotations, in no order. A value is as it is; `None`: it cannot be read. One whose key is no text is left out, as it
    /// is none of ours.
    pub fn annotations(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + '_ {
        self.annotations.iter().filter_map(|entry| map_entry(entry))
    }

    /// The labels, in no order.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        self.labels.iter().filter_map(|entry| map_entry(entry)).filter_map(|(key, value)| Some((key, value?)))
    }

    /// Whether there are labels.
    #[must_use]
    pub fn has_labels(&self) -> bool {
        !self.labels.is_empty()
    }

    /// The entries of `managedFields`; `None`: one cannot be read.
    pub(crate) fn managed_fields(&self) -> impl Iterator<Item = Option<Entry<'a>>> + '_ {
        self.managed_fields.iter().map(|entry| managed_fields_entry(entry).ok())
    }
}

/// An entry of a map of texts.
fn map_entry(entry: &[u8]) -> Option<(&str, Option<&str>)> {
    let (mut key, mut value) = (Some(""), Some(""));
    for field in Fields::of(entry) {
        match field {
            Ok((1, text)) => key = text.text(),
            Ok((2, text)) => value = text.text(),
            Ok(_) => {}
            Err(_) => value = None,
        }
    }
    Some((key?, value))
}

fn managed_fields_entry(entry: &[u8]) -> Result<Entry<'_>, Malformed> {
    let mut read = Entry { manager: "".into(), is_apply: false, time: 0, fields: [][..].into() };
    for field in Fields::of(entry) {
        match field? {
            (1, manager) => read.manager = manager.text().ok_or(Malformed(0))?.into(),
            (2, operation) => read.is_apply = operation.text() == Some(APPLY),
            (4, time) => read.time = seconds(time.bytes())?,
            (7, fields) => {
                for field in Fields::of(fields.bytes()) {
                    if let (1, raw) = field? {
                        read.fields = raw.bytes().into();
                    }
                }
            }
            _ => {}
        }
    }
    Ok(read)
}

/// A `Time`, whose first field is the seconds since 1970.
fn seconds(time: &[u8]) -> Result<i64, Malformed> {
    for field in Fields::of(time) {
        if let (1, Value::Number(seconds)) = field? {
            // Two's complement, as protobuf writes an int64.
            return Ok(seconds.cast_signed());
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests;
