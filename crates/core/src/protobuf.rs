//! Metadata in Kubernetes' protobuf encoding: a quarter of JSON's size, and written and read in a fraction of the time.
//!
//! Only what this program needs is read, and nothing is copied on the way. The field numbers are those of
//! `k8s.io/apimachinery` (`pkg/apis/meta/v1/generated.proto`, `pkg/runtime/generated.proto`), which never change.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use thiserror::Error;

use crate::kind::{Kind, Message, Values};
use crate::managers::Entry;
use crate::payload::{Content, Payload};

/// What stands before every message (`pkg/runtime/serializer/protobuf`).
const MAGIC: &[u8] = b"k8s\0";

/// Not a message of the kind that was asked for. Never shows what was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a protobuf message of the API server, after {0} bytes")]
pub struct Malformed(usize);

/// One field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a fixed size; none that is needed here.
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

/// What an answer holds, if it is in protobuf: a `runtime.Unknown`'s `raw`.
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

/// The kind of what an answer holds, if it is in protobuf and says so: a `runtime.Unknown`'s `typeMeta.kind`.
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
    /// What the list shows is what was there at this version.
    pub resource_version: &'a str,
    /// Where the next page begins; empty: there is none.
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
    /// What it tells of, as an answer of its own: see [`content`].
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

/// What the API server says when it refuses, as far as it is needed.
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
        self.annotations.iter().filter_map(|entry| {
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
        })
    }

    /// The entries of `managedFields`; `None`: one cannot be read.
    pub(crate) fn managed_fields(&self) -> impl Iterator<Item = Option<Entry<'a>>> + '_ {
        self.managed_fields.iter().map(|entry| managed_fields_entry(entry).ok())
    }
}

fn managed_fields_entry(entry: &[u8]) -> Result<Entry<'_>, Malformed> {
    let mut read = Entry { manager: "".into(), time: 0, fields: [][..].into() };
    for field in Fields::of(entry) {
        match field? {
            (1, manager) => read.manager = manager.text().ok_or(Malformed(0))?.into(),
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

/// Reads the content of a whole object of this kind, the [`content`] of an answer: the data as the JSON that the API server would
/// have written, so that a [digest](Payload::digest) does not depend on how it came.
///
/// # Errors
/// When it is none, or a key or a text is no UTF-8.
pub fn object_content(object: &[u8], kind: &dyn Kind) -> Result<Content, Malformed> {
    let Message { data, type_: type_field, immutable: immutable_field } = *kind.message();
    let mut maps = vec![BTreeMap::new(); data.len()];
    let (mut type_, mut immutable) = ("", false);
    for field in Fields::of(object) {
        let (number, value) = field?;
        if let Some(at) = data.iter().position(|(field, _)| *field == number) {
            let (mut key, mut bytes) = ("", &[][..]);
            for field in Fields::of(value.bytes()) {
                match field? {
                    (1, text) => key = text.text().ok_or(Malformed(0))?,
                    (2, value) => bytes = value.bytes(),
                    _ => {}
                }
            }
            // The API server writes maps in key order; of a key that comes twice the last counts.
            maps[at].insert(key, bytes);
        } else if type_field == Some(number) {
            type_ = value.text().ok_or(Malformed(0))?;
        } else if number == immutable_field {
            immutable = value == Value::Number(1);
        }
    }
    let fields = data.iter().zip(&maps).map(|((_, values), map)| json(map, *values).map(|json| Some(Arc::from(json))));
    let payload = Payload::new(fields.collect::<Result<Vec<_>, _>>()?);
    Ok(Content { type_: type_field.is_some().then(|| type_.into()), immutable, payload })
}

fn json(map: &BTreeMap<&str, &[u8]>, values: Values) -> Result<String, Malformed> {
    let encoded = |value: &[u8]| match values {
        Values::Text => std::str::from_utf8(value).map(str::to_owned).map_err(|_| Malformed(0)),
        Values::Base64 => Ok(BASE64_STANDARD.encode(value)),
    };
    let map = map.iter().map(|(key, value)| Ok((*key, encoded(value)?))).collect::<Result<BTreeMap<_, _>, _>>()?;
    serde_json::to_string(&map).map_err(|_| Malformed(0))
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kind::{ConfigMap, Secret};
    use crate::observed::content_from_json;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut field = vec![number << 3 | 2];
        let mut length = bytes.len();
        while length >= 0x80 {
            field.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        field.push(length as u8);
        field.extend(bytes);
        field
    }

    /// An item with everything in it that a server writes.
    fn item(annotation: &str) -> Vec<u8> {
        let meta = [
            field(1, b"x"),
            field(3, b"ns"),
            vec![7 << 3, 0x96, 0x01],
            field(5, b"u-1"),
            field(6, b"17"),
            field(8, &[8, 0xe8, 0x07, 16, 5]),
            field(12, &[field(1, b"p/a"), field(2, annotation.as_bytes())].concat()),
            field(12, &field(1, b"empty")),
            field(17, &[b'm'; 300]),
        ];
        field(1, &meta.concat())
    }

    fn list(items: &[Vec<u8>]) -> Vec<u8> {
        let mut raw = field(1, &[field(2, b"99"), field(3, b"next"), vec![4 << 3, 5]].concat());
        items.iter().for_each(|item| raw.extend(field(2, item)));
        [MAGIC.to_vec(), field(1, b"type"), field(2, &raw), field(4, b"")].concat()
    }

    #[test]
    fn a_list_and_its_items_are_read() {
        let items = [item("one"), field(1, &[field(1, b"y"), field(9, &[])].concat())];
        let answer = list(&items);
        let read = List::read(&answer).unwrap();
        assert_eq!((read.resource_version, read.continue_, read.items.len()), ("99", "next", 2));
        let first = Metadata::read(read.items[0]).unwrap();
        assert_eq!((first.namespace, first.name, first.uid, first.resource_version), ("ns", "x", "u-1", "17"));
        assert_eq!((first.created, first.deleting), (1_000, false));
        let annotations: Vec<_> = first.annotations().collect();
        assert_eq!(annotations, [("p/a", Some("one")), ("empty", Some(""))]);
        let second = Metadata::read(read.items[1]).unwrap();
        assert_eq!((second.name, second.namespace, second.deleting, second.created), ("y", "", true, 0));
        assert_eq!(List::read(&list(&[])).unwrap().items.len(), 0);
    }

    #[test]
    fn an_event_and_a_status_are_read() {
        let object = [MAGIC.to_vec(), field(2, &item("one"))].concat();
        let event = [field(1, b"ADDED"), field(2, &field(1, &object))].concat();
        let read = Event::read(&event).unwrap();
        assert_eq!((read.type_, Metadata::read(content(read.object).unwrap()).unwrap().name), ("ADDED", "x"));

        let cause = field(4, &[field(1, b"NamespaceTerminating"), field(2, b"words")].concat());
        let details = field(5, &[field(1, b"ns"), cause, vec![5 << 3, 7]].concat());
        let status = [field(2, b"Failure"), field(3, b"no"), field(4, b"Forbidden"), details, vec![6 << 3, 0x93, 0x03]];
        let answer = [MAGIC.to_vec(), field(2, &status.concat())].concat();
        let read = Status::read(&answer).unwrap();
        assert_eq!((read.message, read.reason, read.code), ("no", "Forbidden", 403));
        assert_eq!((read.causes, read.retry_after_seconds), (vec!["NamespaceTerminating"], 7));
    }

    #[test]
    fn an_answer_says_of_what_kind_it_is() {
        let type_ = [field(1, b"v1"), field(2, b"Status")].concat();
        assert_eq!(kind(&[MAGIC.to_vec(), field(1, &type_), field(2, b"")].concat()), Some("Status"));
        assert_eq!(kind(&[MAGIC.to_vec(), field(2, b"")].concat()), None);
        assert_eq!(kind(b"{\"kind\":\"Status\"}"), None);
    }

    #[test]
    fn what_is_cut_off_or_something_else_is_an_error() {
        let whole = list(&[item("one")]);
        let last_field = field(4, b"").len();
        for end in 0..whole.len() {
            let is_read = List::read(&whole[..end]).is_ok();
            assert_eq!(is_read, end == whole.len() - last_field, "{end}");
        }
        assert_eq!(List::read(b"{\"kind\":\"Status\"}"), Err(Malformed(0)));
        assert!(Metadata::read(&[0x0a, 0x05, 0x0a]).is_err());
        assert!(Metadata::read(&field(1, &field(1, &[0xff, 0xfe]))).is_err(), "no text");
        assert!(Metadata::read(&[0xff; 11]).is_err(), "no number is so long");
    }

    /// Issue 9: what a write left is compared with what was written, whichever way the API server answers.
    #[test]
    fn a_whole_object_has_the_content_that_its_json_has() {
        let entry = |key: &str, value: &[u8]| [field(1, key.as_bytes()), field(2, value)].concat();
        let secret = [
            item("one"),
            field(2, &entry("tls.key", b"\xff\x00k")),
            field(2, &entry("empty", b"")),
            field(3, b"Opaque"),
            vec![5 << 3, 1],
        ]
        .concat();
        let json = r#"{"type":"Opaque","immutable":true,"data":{"empty":"","tls.key":"/wBr"}}"#;
        let expected = content_from_json(json, &Secret).unwrap();
        assert_eq!(object_content(&secret, &Secret).unwrap(), expected);
        assert_eq!(Metadata::read(&secret).unwrap().name, "x", "its metadata is where that of metadata alone is");

        let config_map =
            [item("one"), field(2, &entry("a", "<b>\n\"ü".as_bytes())), field(3, &entry("b", &[0xff]))].concat();
        let json = r#"{"data":{"a":"\u003cb\u003e\n\"ü"},"binaryData":{"b":"/w=="}}"#;
        let (read, expected) =
            (object_content(&config_map, &ConfigMap).unwrap(), content_from_json(json, &ConfigMap).unwrap());
        assert_eq!(read.payload.digest(), expected.payload.digest());
        assert_eq!((read.type_, read.immutable), (expected.type_, expected.immutable));
        assert!(object_content(&item("one"), &ConfigMap).unwrap().payload.is_empty());

        assert!(object_content(&field(2, &entry("a", &[0xff])), &ConfigMap).is_err(), "no text");
        assert!(object_content(&secret[..secret.len() - 3], &Secret).is_err(), "cut off");
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes: Vec<u8>, cut in 0usize..400, annotation: String) {
            let whole = list(&[item(&annotation)]);
            for answer in [&bytes, &[MAGIC.to_vec(), bytes.clone()].concat(), &whole[..cut.min(whole.len())].to_vec()] {
                if let Ok(read) = List::read(answer) {
                    for item in read.items {
                        let _ = Metadata::read(item).map(|metadata| metadata.annotations().count());
                    }
                }
                let _ = Status::read(answer);
            }
            let _ = Event::read(&bytes);
            let _ = (object_content(&bytes, &Secret), object_content(&bytes, &ConfigMap));
            let _ = Metadata::read(&bytes).map(|metadata| metadata.annotations().count());
        }
    }
}
