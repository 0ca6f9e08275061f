//! Cuts the body of a watch into watch events, and handles each.

use std::borrow::Cow;

use bytes::{Buf as _, BytesMut};
use http::StatusCode;
use k8s_replicator_core::{bug, protobuf};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Change, Consumer, unreadable};
use crate::cluster::object::Object;
use crate::cluster::status::Status;
use crate::cluster::{Failure, FailureKind};

/// The longest event: 256 KiB of annotations as JSON, managed fields, with room to spare.
pub(super) const LONGEST_EVENT: usize = 8 << 20;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    type_: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct LineMetadata<'a> {
    #[serde(borrow)]
    resource_version: Cow<'a, str>,
}

#[derive(Deserialize)]
struct LineObject<'a> {
    #[serde(borrow, default)]
    metadata: LineMetadata<'a>,
}

/// The body of a watch, cut into events: each a line of JSON, or protobuf after its length in four bytes
/// (`pkg/runtime/serializer/protobuf` and `pkg/util/framer` of `k8s.io/apimachinery`).
pub(super) struct Events {
    is_protobuf: bool,
    buffer: BytesMut,
    /// So many bytes of the buffer were searched for the end of a line, without success.
    searched: usize,
}

/// One event.
pub(super) enum Event {
    Json(BytesMut),
    Protobuf(BytesMut),
}

/// The number of bytes of an event's length.
const LENGTH: usize = size_of::<u32>();

impl Events {
    pub(super) fn new(is_protobuf: bool) -> Self {
        Self { is_protobuf, buffer: BytesMut::new(), searched: 0 }
    }

    /// Adds a piece of the body. An error: the event in it is too long.
    pub(super) fn push(&mut self, data: &[u8]) -> Result<(), Failure> {
        self.buffer.extend_from_slice(data);
        // The bytes that were left before are the beginning of one event.
        if self.buffer.len() - data.len() <= LONGEST_EVENT {
            return Ok(());
        }
        let message = format!("a watch event is longer than {LONGEST_EVENT} bytes");
        Err(Failure::new(FailureKind::Server, message))
    }

    /// Whether the body so far ends with a complete event.
    pub(super) fn are_whole(&self) -> bool {
        self.buffer.trim_ascii().is_empty()
    }

    /// The next event that is complete.
    pub(super) fn next(&mut self) -> Option<Event> {
        if self.is_protobuf {
            let length = u32::from_be_bytes(*self.buffer.first_chunk::<LENGTH>()?);
            let end = LENGTH.checked_add(usize::try_from(length).ok()?)?;
            if self.buffer.len() < end {
                return None;
            }
            let mut event = self.buffer.split_to(end);
            event.advance(LENGTH);
            return Some(Event::Protobuf(event));
        }
        match self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let line = self.buffer.split_to(self.searched + end + 1);
                self.searched = 0;
                Some(Event::Json(line))
            }
            None => {
                self.searched = self.buffer.len();
                None
            }
        }
    }
}

/// What an event means for its watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There was none: an empty line.
    Nothing,
    /// The watch goes on.
    GoesOn,
    /// Its version is too old: the resource has to be listed again.
    Expired,
}

impl Event {
    /// Delivers the event to the consumer, and then advances the version. An error: the watch cannot go on.
    pub(super) fn take(&self, version: &mut String, consumer: &mut impl Consumer) -> Result<Meaning, Failure> {
        match self {
            Self::Json(line) if line.trim_ascii().is_empty() => Ok(Meaning::Nothing),
            Self::Json(line) => {
                let line: Line<'_> = serde_json::from_slice(line).map_err(unreadable)?;
                let json = line.object.get().as_bytes();
                if !ABOUT_AN_OBJECT.contains(&&*line.type_) {
                    return error(json);
                }
                let object: LineObject<'_> = serde_json::from_slice(json).map_err(unreadable)?;
                give(&line.type_, Object::Json(json), consumer)?;
                move_on(version, &object.metadata.resource_version);
                Ok(Meaning::GoesOn)
            }
            Self::Protobuf(event) => {
                let event = protobuf::Event::read(event).map_err(unreadable)?;
                if !ABOUT_AN_OBJECT.contains(&event.type_) {
                    return error(event.object);
                }
                let object = protobuf::content(event.object).map_err(unreadable)?;
                let metadata = protobuf::Metadata::read(object).map_err(unreadable)?;
                give(event.type_, Object::Protobuf(object), consumer)?;
                move_on(version, metadata.resource_version);
                Ok(Meaning::GoesOn)
            }
        }
    }
}

/// The types of events that carry an object; any other (`ERROR`) carries a `Status`, and ends the watch.
const ABOUT_AN_OBJECT: [&str; 4] = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"];

fn give(type_: &str, object: Object<'_>, consumer: &mut impl Consumer) -> Result<(), Failure> {
    match type_ {
        "ADDED" | "MODIFIED" => consumer.take(Change::Seen(object)).map_err(unreadable),
        "DELETED" if bug!(DeletionLost) => Ok(()),
        "DELETED" => consumer.take(Change::Deleted(object)).map_err(unreadable),
        // A bookmark carries a version only.
        _ => Ok(()),
    }
}

fn move_on(version: &mut String, seen: &str) {
    if !seen.is_empty() {
        seen.clone_into(version);
    }
}

/// What the `Status` of an `ERROR` event means.
fn error(status: &[u8]) -> Result<Meaning, Failure> {
    let status = Status::read(status).unwrap_or_default();
    if status.code == StatusCode::GONE.as_u16() {
        return Ok(Meaning::Expired);
    }
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Err(status.failure(code, &http::HeaderMap::new()))
}

#[cfg(test)]
mod tests {
    use k8s_replicator_core::annotations::Dialect;
    use k8s_replicator_core::observed::ReadError;
    use serde_json::json;

    use super::*;

    /// The changes that were delivered, in order.
    #[derive(Default)]
    struct Recorder(Vec<String>);

    impl Consumer for Recorder {
        fn take(&mut self, change: Change<'_>) -> Result<(), ReadError> {
            let (what, object) = match change {
                Change::Seen(object) => ("seen", object),
                Change::Deleted(object) => ("deleted", object),
                Change::Begins | Change::Ends(_) => panic!("a watch is no list"),
            };
            let read = object.observed(&Dialect::new("k8s-replicator/", false))?;
            let is_ours = read.annotated.marks().is_some();
            self.0.push(format!("{what} {} at {}, ours: {is_ours}", read.key, read.resource_version));
            Ok(())
        }
    }

    /// Receives a stream in pieces of one size. Returns what was delivered, and the watch's version after it.
    fn taken(is_protobuf: bool, stream: &[u8], size: usize) -> (Vec<String>, String, Result<Meaning, Failure>) {
        let (mut events, mut recorder, mut version) = (Events::new(is_protobuf), Recorder::default(), "1".to_owned());
        for piece in stream.chunks(size) {
            events.push(piece).unwrap();
            while let Some(event) = events.next() {
                match event.take(&mut version, &mut recorder) {
                    Ok(Meaning::Nothing | Meaning::GoesOn) => {}
                    end => return (recorder.0, version, end),
                }
            }
        }
        (recorder.0, version, Ok(Meaning::GoesOn))
    }

    /// A Kubernetes 1.37.2 sent this of a ConfigMap that was there, was changed and deleted, with bookmarks.
    const PROTOBUF: &[u8] = include_bytes!("events.protobuf");

    #[test]
    fn protobuf_is_cut_into_events_however_it_arrives() {
        for size in [1, 7, 300, PROTOBUF.len()] {
            let (given, version, end) = taken(true, PROTOBUF, size);
            assert_eq!(
                given,
                [
                    "seen fixture/c at 30327, ours: true",
                    "seen fixture/c at 30329, ours: true",
                    "deleted fixture/c at 30330, ours: true"
                ]
            );
            assert_eq!(version, "30330", "by the last bookmark");
            assert!(matches!(end, Ok(Meaning::GoesOn)));
        }
    }

    #[test]
    fn json_is_cut_into_events_however_it_arrives() {
        let line = |type_: &str, version: u32| {
            let metadata = json!({ "namespace": "ns", "name": "x", "resourceVersion": version.to_string() });
            format!(
                "{}\n",
                json!({ "type": type_, "object": { "kind": "PartialObjectMetadata", "metadata": metadata } })
            )
        };
        let stream = ["\n".to_owned(), line("ADDED", 5), line("DELETED", 6), line("BOOKMARK", 9)].concat();
        for size in [1, 7, stream.len()] {
            let (given, version, end) = taken(false, stream.as_bytes(), size);
            assert_eq!(given, ["seen ns/x at 5, ours: false", "deleted ns/x at 6, ours: false"]);
            assert_eq!(version, "9");
            assert!(matches!(end, Ok(Meaning::GoesOn)));
        }
    }

    /// A field of a protobuf message, shorter than 128 bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    fn error_event(code: u16, message: &str) -> [(bool, Vec<u8>); 2] {
        let line = json!({ "type": "ERROR", "object": { "kind": "Status", "code": code, "message": message } });
        let [high, low] = [code >> 7, code & 0x7f].map(|part| part as u8);
        let status = [field(3, message.as_bytes()), vec![6 << 3, low | 0x80, high]].concat();
        let type_ = [field(1, b"v1"), field(2, b"Status")].concat();
        let status = [b"k8s\0".to_vec(), field(1, &type_), field(2, &status)].concat();
        let event = [field(1, b"ERROR"), field(2, &field(1, &status))].concat();
        let length = (event.len() as u32).to_be_bytes().to_vec();
        [(false, format!("{line}\n").into_bytes()), (true, [length, event].concat())]
    }

    #[test]
    fn after_an_error_event_the_watch_goes_on_or_lists_again() {
        for (is_protobuf, stream) in error_event(410, "too old") {
            assert!(matches!(taken(is_protobuf, &stream, 3), (_, version, Ok(Meaning::Expired)) if version == "1"));
        }
        for (is_protobuf, stream) in error_event(500, "corrupt object deleted") {
            let Err(failure) = taken(is_protobuf, &stream, 3).2 else { panic!("it went on") };
            assert_eq!(failure.kind, FailureKind::Server);
            assert!(
                failure.message.ends_with("500 Internal Server Error: corrupt object deleted"),
                "{}",
                failure.message
            );
        }
    }

    #[test]
    fn what_is_no_event_is_an_error() {
        for (is_protobuf, stream) in [(false, &b"{\"type\":\"ADDED\"}\n"[..]), (true, &[0, 0, 0, 1, 0xff])] {
            assert!(taken(is_protobuf, stream, 2).2.is_err());
        }
        let mut events = Events::new(true);
        let endless = vec![0xff; LONGEST_EVENT + 1];
        events.push(&endless).unwrap();
        assert!(events.next().is_none());
        assert!(events.push(b"x").is_err(), "an event has an end");
        let mut events = Events::new(true);
        events.push(&endless).unwrap();
        assert!(events.push(&[0xff; 1_000]).is_err(), "however large the pieces are that it comes in");
    }

    /// Issue 1: an object whose name cannot be read is not passed over: the watch fails, and its version is not advanced.
    #[test]
    fn an_object_without_a_name_ends_the_watch_where_it_is() {
        let line = r#"{"type":"ADDED","object":{"metadata":{"namespace":"ns","resourceVersion":"8"}}}"#;
        let (given, version, end) = taken(false, format!("{line}\n").as_bytes(), 9);
        assert!(given.is_empty() && version == "1");
        assert_eq!(end.unwrap_err().kind, FailureKind::Server);
    }
}
