//! A reader of Kubernetes' protobuf that shares nothing with the controller's: it reads every field of every message, by tables of the
//! field numbers (`k8s.io/apimachinery`, `pkg/apis/meta/v1/generated.proto`, `pkg/runtime/generated.proto`; `k8s.io/api`,
//! `core/v1/generated.proto`), and fails at what stands in none of them.

use serde_json::{Map, Value, json};

/// What a field holds.
#[derive(Clone, Copy)]
enum Is {
    Text,
    Number,
    /// Bytes that are a text of JSON.
    Json,
    /// A time in seconds and nanoseconds.
    Time,
    Message(Table),
    /// A field that can come more than once.
    Texts,
    Messages(Table),
    /// A map, whose entries come one by one.
    Map,
}

type Table = &'static [(u64, &'static str, Is)];

const LIST_META: Table = &[
    (1, "selfLink", Is::Text),
    (2, "resourceVersion", Is::Text),
    (3, "continue", Is::Text),
    (4, "remainingItemCount", Is::Number),
];
const FIELDS: Table = &[(1, "raw", Is::Json)];
const MANAGER: Table = &[
    (1, "manager", Is::Text),
    (2, "operation", Is::Text),
    (3, "apiVersion", Is::Text),
    (4, "time", Is::Time),
    (6, "fieldsType", Is::Text),
    (7, "fieldsV1", Is::Message(FIELDS)),
    (8, "subresource", Is::Text),
];
const OBJECT_META: Table = &[
    (1, "name", Is::Text),
    (2, "generateName", Is::Text),
    (3, "namespace", Is::Text),
    (4, "selfLink", Is::Text),
    (5, "uid", Is::Text),
    (6, "resourceVersion", Is::Text),
    (7, "generation", Is::Number),
    (8, "creationTimestamp", Is::Time),
    (9, "deletionTimestamp", Is::Time),
    (10, "deletionGracePeriodSeconds", Is::Number),
    (11, "labels", Is::Map),
    (12, "annotations", Is::Map),
    (14, "finalizers", Is::Texts),
    (17, "managedFields", Is::Messages(MANAGER)),
];
const PARTIAL: Table = &[(1, "metadata", Is::Message(OBJECT_META))];
const PARTIAL_LIST: Table = &[(1, "metadata", Is::Message(LIST_META)), (2, "items", Is::Messages(PARTIAL))];
const SECRET: Table = &[
    (1, "metadata", Is::Message(OBJECT_META)),
    (2, "data", Is::Map),
    (3, "type", Is::Text),
    (5, "immutable", Is::Number),
];
const CONFIG_MAP: Table = &[
    (1, "metadata", Is::Message(OBJECT_META)),
    (2, "data", Is::Map),
    (3, "binaryData", Is::Map),
    (4, "immutable", Is::Number),
];
const CAUSE: Table = &[(1, "reason", Is::Text), (2, "message", Is::Text), (3, "field", Is::Text)];
const DETAILS: Table = &[
    (1, "name", Is::Text),
    (2, "group", Is::Text),
    (3, "kind", Is::Text),
    (4, "causes", Is::Messages(CAUSE)),
    (5, "retryAfterSeconds", Is::Number),
    (6, "uid", Is::Text),
];
const STATUS: Table = &[
    (1, "metadata", Is::Message(LIST_META)),
    (2, "status", Is::Text),
    (3, "message", Is::Text),
    (4, "reason", Is::Text),
    (5, "details", Is::Message(DETAILS)),
    (6, "code", Is::Number),
];

enum Raw<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Raw<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(number) => panic!("{number} where bytes should be"),
        }
    }

    fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Bytes(bytes) => panic!("{bytes:?} where a number should be"),
        }
    }
}

fn varint(message: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = message.split_first().expect("a number that does not end");
        *message = rest;
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            return number;
        }
    }
}

/// The fields of a message, in their order.
fn fields(mut message: &[u8]) -> Vec<(u64, Raw<'_>)> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let value = match key & 7 {
            0 => Raw::Number(varint(&mut message)),
            2 => {
                let length = usize::try_from(varint(&mut message)).expect("a length");
                let (bytes, rest) = message.split_at_checked(length).expect("a field that does not end");
                message = rest;
                Raw::Bytes(bytes)
            }
            other => panic!("field {} is of the wire type {other}", key >> 3),
        };
        fields.push((key >> 3, value));
    }
    fields
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What was read.
pub(super) struct Read {
    /// As JSON shows it, but that what is empty is there too.
    pub(super) value: Value,
    /// The fields in the order in which they were written, each by its path, and each once where it comes time after time.
    pub(super) layout: Vec<String>,
}

impl Read {
    fn note(&mut self, path: String) {
        if self.layout.last() != Some(&path) {
            self.layout.push(path);
        }
    }

    fn message(&mut self, message: &[u8], table: Table, path: &str) -> Value {
        let mut object = Map::new();
        for (number, raw) in fields(message) {
            let known = table.iter().find(|(known, ..)| *known == number);
            let Some((_, name, is)) = known else { panic!("{path} has a field {number} that no table knows") };
            let path = format!("{path}.{name}");
            self.note(path.clone());
            let value = match is {
                Is::Text | Is::Texts => json!(text(raw.bytes())),
                Is::Number => json!(raw.number()),
                Is::Json => serde_json::from_slice(raw.bytes()).expect("JSON"),
                Is::Time => {
                    // No field at all, and not zeros, where there is no time.
                    let numbers =
                        fields(raw.bytes()).into_iter().map(|(number, raw)| format!("{number} {}", raw.number()));
                    json!(numbers.collect::<Vec<_>>().join(" "))
                }
                Is::Message(table) | Is::Messages(table) => self.message(raw.bytes(), table, &path),
                Is::Map => {
                    let entry: Vec<_> = fields(raw.bytes());
                    assert!(matches!(*entry, [(1, _), (2, _)]), "{path} has an entry that is none");
                    let mut entry = entry.into_iter().map(|(_, raw)| text(raw.bytes()));
                    let (key, value) = (entry.next().expect("a key"), entry.next().expect("a value"));
                    // In their order, which has to be the same too.
                    json!([key, value])
                }
            };
            match is {
                Is::Texts | Is::Messages(_) | Is::Map => {
                    let list = object.entry(*name).or_insert_with(|| json!([]));
                    list.as_array_mut().expect("a list").push(value);
                }
                _ => assert!(object.insert((*name).to_owned(), value).is_none(), "{path} comes twice"),
            }
        }
        Value::Object(object)
    }
}

/// Reads an answer, or the object of a watch event: a `runtime.Unknown`, and the message in it.
pub(super) fn read(answer: &[u8]) -> Read {
    let unknown = answer.strip_prefix(b"k8s\0").expect("the bytes before every message");
    let mut read = Read { value: Value::Null, layout: Vec::new() };
    let (mut type_, mut raw) = (Map::new(), None);
    for (number, field) in fields(unknown) {
        read.note(format!("unknown.{number}"));
        match number {
            1 => {
                for (number, field) in fields(field.bytes()) {
                    type_
                        .insert(if number == 1 { "apiVersion" } else { "kind" }.to_owned(), json!(text(field.bytes())));
                }
            }
            2 => raw = Some(field.bytes()),
            3 | 4 => assert!(field.bytes().is_empty(), "an encoding within the protobuf"),
            _ => panic!("a runtime.Unknown has no field {number}"),
        }
    }
    let table = match type_["kind"].as_str().expect("a kind") {
        "PartialObjectMetadata" => PARTIAL,
        "PartialObjectMetadataList" => PARTIAL_LIST,
        "Secret" => SECRET,
        "ConfigMap" => CONFIG_MAP,
        "Status" => STATUS,
        kind => panic!("the kind {kind} is not known here"),
    };
    let Value::Object(message) = read.message(raw.expect("a message"), table, "") else { unreachable!() };
    type_.extend(message);
    read.value = Value::Object(type_);
    read
}

/// The frames of a stream, each after its length, and what each holds: the event's type, and its object.
pub(super) fn events(mut stream: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut events = Vec::new();
    while let Some((length, rest)) = stream.split_first_chunk::<4>() {
        let (frame, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).expect("a whole frame");
        stream = rest;
        let [(1, type_), (2, object)] = <[_; 2]>::try_from(fields(frame)).ok().expect("a type and an object") else {
            panic!("another event");
        };
        let [(1, raw)] = <[_; 1]>::try_from(fields(object.bytes())).ok().expect("an extension") else {
            panic!("another extension");
        };
        events.push((text(type_.bytes()), raw.bytes().to_vec()));
    }
    assert!(stream.is_empty(), "the stream ends within a frame");
    events
}
