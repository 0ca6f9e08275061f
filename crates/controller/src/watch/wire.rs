//! What the API server says to a list or a watch, and how it is asked for more.

use std::borrow::Cow;

use bytes::{Buf as _, Bytes, BytesMut};
use http::StatusCode;
use k8s_replicator_core::protobuf;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Change, Consumer, End, LONGEST_EVENT, unreadable};
use crate::cluster::object::Object;
use crate::cluster::status::Status;
use crate::cluster::{Failure, FailureKind};

/// Objects in the first answer of a list.
pub(super) const FIRST_PAGE: usize = 500;
/// Objects in an answer where they are as large as can be.
pub(super) const SMALLEST_PAGE: usize = 16;
/// Where they are small: then it is the number of pages that takes time, four fifths of it with 50,000 objects.
pub(super) const LARGEST_PAGE: usize = 20_000;
/// The size of an answer that is aimed at.
pub(super) const PAGE_BYTES: usize = 8 << 20;
/// So many objects are read before others have a turn: below a millisecond's work.
const TURN: usize = 256;

/// One page of a list.
pub(super) struct Page {
    /// What it shows is what was there at this version.
    version: String,
    /// Where the next one begins; empty: there is none.
    pub(super) continue_: String,
    /// Pieces of the answer, which goes when they are gone.
    items: Vec<Bytes>,
    is_protobuf: bool,
}

impl Page {
    pub(super) fn read(answer: Bytes, is_protobuf: bool) -> Result<Self, Failure> {
        if is_protobuf {
            let list = protobuf::List::read(&answer).map_err(unreadable)?;
            let items = list.items.iter().map(|item| answer.slice_ref(item)).collect();
            let (version, continue_) = (list.resource_version.to_owned(), list.continue_.to_owned());
            return Ok(Self { version, continue_, items, is_protobuf });
        }
        let list: List<'_> = serde_json::from_slice(&answer).map_err(unreadable)?;
        let items = list.items.iter().flatten().map(|item| answer.slice_ref(item.get().as_bytes())).collect();
        let ListMetadata { resource_version, continue_ } = list.metadata;
        Ok(Self { version: resource_version.into_owned(), continue_: continue_.into_owned(), items, is_protobuf })
    }

    /// Gives its objects to the consumer, and answers its version.
    pub(super) async fn give(self, consumer: &mut impl Consumer) -> Result<String, End> {
        for items in self.items.chunks(TURN) {
            for item in items {
                let object = if self.is_protobuf { Object::Protobuf(item) } else { Object::Json(item) };
                consumer.take(Change::Seen(object));
            }
            if !consumer.flush().await {
                return Err(End::Unwanted);
            }
            tokio::task::yield_now().await;
        }
        Ok(self.version)
    }
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    metadata: ListMetadata<'a>,
    /// Go writes an empty list as null.
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata<'a> {
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
    #[serde(borrow, default, rename = "continue")]
    continue_: Cow<'a, str>,
}

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

/// How many objects to ask for next, if so many took so many bytes. It grows step by step: the next ones may be larger.
pub(super) fn next_page(page: usize, bytes: usize) -> usize {
    let fitting = PAGE_BYTES * page / bytes.max(1);
    fitting.min(4 * page).clamp(SMALLEST_PAGE, LARGEST_PAGE)
}

/// What comes of a watch, cut into events: each a line of JSON, or protobuf after its length in four bytes
/// (`pkg/runtime/serializer/protobuf` and `pkg/util/framer` of `k8s.io/apimachinery`).
pub(super) struct Events {
    is_protobuf: bool,
    buffer: BytesMut,
    /// So many bytes of it hold no end of a line.
    searched: usize,
}

/// One of them.
pub(super) enum Event {
    Json(BytesMut),
    Protobuf(BytesMut),
}

/// Bytes of a length.
const LENGTH: usize = size_of::<u32>();

impl Events {
    pub(super) fn new(is_protobuf: bool) -> Self {
        Self { is_protobuf, buffer: BytesMut::new(), searched: 0 }
    }

    /// Adds what came. An error: the event in it is too long.
    pub(super) fn push(&mut self, data: &[u8]) -> Result<(), Failure> {
        self.buffer.extend_from_slice(data);
        // What is left of the time before is the beginning of one event.
        if self.buffer.len() - data.len() <= LONGEST_EVENT {
            return Ok(());
        }
        let message = format!("an event is longer than {LONGEST_EVENT} bytes");
        Err(Failure::new(FailureKind::Server, message))
    }

    /// The next one that is complete.
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

impl Event {
    /// Gives it to the consumer, and moves the version on. An end: the watch cannot go on.
    pub(super) fn take(&self, version: &mut String, consumer: &mut impl Consumer) -> Result<Option<End>, Failure> {
        match self {
            Self::Json(line) if line.trim_ascii().is_empty() => Ok(None),
            Self::Json(line) => {
                let line: Line<'_> = serde_json::from_slice(line).map_err(unreadable)?;
                let json = line.object.get().as_bytes();
                if !TELLING.contains(&&*line.type_) {
                    return broken(json);
                }
                let object: LineObject<'_> = serde_json::from_slice(json).map_err(unreadable)?;
                tell(&line.type_, Object::Json(json), consumer);
                go_on(version, &object.metadata.resource_version);
                Ok(None)
            }
            Self::Protobuf(event) => {
                let event = protobuf::Event::read(event).map_err(unreadable)?;
                if !TELLING.contains(&event.type_) {
                    return broken(event.object);
                }
                let object = protobuf::content(event.object).map_err(unreadable)?;
                let metadata = protobuf::Metadata::read(object).map_err(unreadable)?;
                tell(event.type_, Object::Protobuf(object), consumer);
                go_on(version, metadata.resource_version);
                Ok(None)
            }
        }
    }
}

/// The types of events that tell of an object; any other is the server's last word.
const TELLING: [&str; 4] = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"];

fn tell(type_: &str, object: Object<'_>, consumer: &mut impl Consumer) {
    match type_ {
        "ADDED" | "MODIFIED" => consumer.take(Change::Seen(object)),
        "DELETED" => consumer.take(Change::Deleted(object)),
        // A bookmark tells of the version only.
        _ => {}
    }
}

fn go_on(version: &mut String, seen: &str) {
    if !seen.is_empty() {
        seen.clone_into(version);
    }
}

/// What the server's last words on a watch mean.
fn broken(status: &[u8]) -> Result<Option<End>, Failure> {
    let status = Status::read(status);
    if status.code == StatusCode::GONE.as_u16() {
        return Ok(Some(End::Expired));
    }
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Err(status.failure(code, &http::HeaderMap::new()))
}

/// Percent-encodes a value for a query. Versions and continue tokens are opaque.
pub(super) fn escape(text: &str) -> String {
    let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes()
        .map(|byte| if unreserved(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use k8s_replicator_core::annotations::Dialect;
    use serde_json::json;

    use super::*;

    /// What it was told, in order.
    #[derive(Default)]
    struct Recorder(Vec<String>);

    impl Consumer for Recorder {
        fn take(&mut self, change: Change<'_>) {
            let (what, object) = match change {
                Change::Seen(object) => ("seen", object),
                Change::Deleted(object) => ("deleted", object),
                Change::Begins | Change::Ends(_) => panic!("a watch is no list"),
            };
            let read = object.observed(&Dialect::new("k8s-replicator/", false)).unwrap();
            let is_ours = read.annotated.marks().is_some();
            self.0.push(format!("{what} {} at {}, ours: {is_ours}", read.key, read.resource_version));
        }

        async fn flush(&mut self) -> bool {
            true
        }
    }

    /// What comes of a stream that is received in pieces of one size, and the version that the watch is at then.
    fn taken(is_protobuf: bool, stream: &[u8], size: usize) -> (Vec<String>, String, Result<Option<End>, Failure>) {
        let (mut events, mut recorder, mut version) = (Events::new(is_protobuf), Recorder::default(), "1".to_owned());
        for piece in stream.chunks(size) {
            events.push(piece).unwrap();
            while let Some(event) = events.next() {
                match event.take(&mut version, &mut recorder) {
                    Ok(None) => {}
                    end => return (recorder.0, version, end),
                }
            }
        }
        (recorder.0, version, Ok(None))
    }

    /// A Kubernetes 1.37.2 told this of a ConfigMap that was there, was changed and deleted, with bookmarks.
    const PROTOBUF: &[u8] = include_bytes!("events.protobuf");

    #[test]
    fn protobuf_is_cut_into_events_however_it_arrives() {
        for size in [1, 7, 300, PROTOBUF.len()] {
            let (told, version, end) = taken(true, PROTOBUF, size);
            assert_eq!(
                told,
                [
                    "seen fixture/c at 30327, ours: true",
                    "seen fixture/c at 30329, ours: true",
                    "deleted fixture/c at 30330, ours: true"
                ]
            );
            assert_eq!(version, "30330", "by the last bookmark");
            assert!(matches!(end, Ok(None)));
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
            let (told, version, end) = taken(false, stream.as_bytes(), size);
            assert_eq!(told, ["seen ns/x at 5, ours: false", "deleted ns/x at 6, ours: false"]);
            assert_eq!(version, "9");
            assert!(matches!(end, Ok(None)));
        }
    }

    /// A field of a protobuf message, shorter than 128 bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    fn last_words(code: u16, message: &str) -> [(bool, Vec<u8>); 2] {
        let line = json!({ "type": "ERROR", "object": { "kind": "Status", "code": code, "message": message } });
        let [high, low] = [code >> 7, code & 0x7f].map(|part| part as u8);
        let status = [field(3, message.as_bytes()), vec![6 << 3, low | 0x80, high]].concat();
        let status = [b"k8s\0".to_vec(), field(2, &status)].concat();
        let event = [field(1, b"ERROR"), field(2, &field(1, &status))].concat();
        let length = (event.len() as u32).to_be_bytes().to_vec();
        [(false, format!("{line}\n").into_bytes()), (true, [length, event].concat())]
    }

    #[test]
    fn the_last_words_tell_how_to_go_on() {
        for (is_protobuf, stream) in last_words(410, "too old") {
            assert!(matches!(taken(is_protobuf, &stream, 3), (_, version, Ok(Some(End::Expired))) if version == "1"));
        }
        for (is_protobuf, stream) in last_words(500, "corrupt object deleted") {
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
    }

    #[test]
    fn pages_grow_while_their_objects_are_small() {
        let pages = |bytes_each: usize| {
            let next = |page: &usize| Some(next_page(*page, page * bytes_each));
            std::iter::successors(Some(FIRST_PAGE), next).take(5).collect::<Vec<_>>()
        };
        assert_eq!(pages(200), [500, 2_000, 8_000, 20_000, 20_000]);
        assert_eq!(pages(2_000), [500, 2_000, 4_194, 4_194, 4_194]);
        assert_eq!(pages(256 << 10), [500, 32, 32, 32, 32]);
        assert_eq!(next_page(16, 16), 64);
        assert_eq!(next_page(20_000, 0), 20_000, "nothing was there");
    }
}
