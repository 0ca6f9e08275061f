//! Metadata, lists, watch events and refusals as protobuf.
//!
//! Field numbers: `k8s.io/apimachinery` (`pkg/apis/meta/v1/generated.proto`, `pkg/runtime/generated.proto`). The fields of an
//! object that the controller does not read are written all the same, so that passing over them is exercised.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::http::Refusal;
use super::object::{Object, Resource};
use super::refusal::{About, Cause};

const MAGIC: &[u8] = b"k8s\0";

fn varint(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    to.push(u8::try_from(number).unwrap_or(0));
}

fn bytes(to: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(to, field << 3 | 2);
    varint(to, u64::try_from(value.len()).unwrap_or(0));
    to.extend_from_slice(value);
}

fn number(to: &mut Vec<u8>, field: u64, value: u64) {
    varint(to, field << 3);
    varint(to, value);
}

fn message(to: &mut Vec<u8>, field: u64, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    fill(&mut inner);
    bytes(to, field, &inner);
}

fn time(to: &mut Vec<u8>, field: u64, seconds: i64) {
    message(to, field, |to| {
        number(to, 1, seconds.cast_unsigned());
        number(to, 2, 0);
    });
}

fn pair(to: &mut Vec<u8>, field: u64, key: &str, value: &[u8]) {
    message(to, field, |to| {
        bytes(to, 1, key.as_bytes());
        bytes(to, 2, value);
    });
}

/// A `PartialObjectMetadata`, as an item of a list.
#[must_use]
pub fn item(object: &Object) -> Vec<u8> {
    let mut item = Vec::new();
    message(&mut item, 1, |to| {
        bytes(to, 1, object.id.name.as_bytes());
        bytes(to, 2, b"");
        bytes(to, 3, object.id.namespace.as_bytes());
        bytes(to, 4, b"");
        bytes(to, 5, object.uid.as_bytes());
        bytes(to, 6, object.version.to_string().as_bytes());
        number(to, 7, 0);
        time(to, 8, object.created);
        if let Some(deleted) = object.deleted {
            time(to, 9, deleted);
            // A Namespace goes when it is empty.
            if object.id.resource != Resource::Namespace {
                number(to, 10, 0);
            }
        }
        object.labels.iter().for_each(|(key, value)| pair(to, 11, key, value.as_bytes()));
        object.annotations.iter().for_each(|(key, value)| pair(to, 12, key, value));
        object.finalizers.iter().for_each(|finalizer| bytes(to, 14, finalizer.as_bytes()));
        for entry in &object.managers {
            message(to, 17, |to| {
                bytes(to, 1, entry.name.as_bytes());
                bytes(to, 2, entry.operation.as_bytes());
                bytes(to, 3, b"v1");
                time(to, 4, entry.time);
                bytes(to, 6, b"FieldsV1");
                message(to, 7, |to| bytes(to, 1, entry.fields_v1().as_bytes()));
                bytes(to, 8, b"");
            });
        }
    });
    item
}

/// The object of a bookmark: nothing but a version, and a time that is none.
#[must_use]
pub fn bookmark(version: u64) -> Vec<u8> {
    let mut item = Vec::new();
    message(&mut item, 1, |to| {
        (1..=5).for_each(|field| bytes(to, field, b""));
        bytes(to, 6, version.to_string().as_bytes());
        number(to, 7, 0);
        bytes(to, 8, b"");
    });
    enveloped("meta.k8s.io/v1", "PartialObjectMetadata", &item)
}

/// What stands around every answer: a `runtime.Unknown`.
fn enveloped(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let mut answer = MAGIC.to_vec();
    message(&mut answer, 1, |to| {
        bytes(to, 1, api_version.as_bytes());
        bytes(to, 2, kind.as_bytes());
    });
    bytes(&mut answer, 2, raw);
    bytes(&mut answer, 3, b"");
    bytes(&mut answer, 4, b"");
    answer
}

/// One object's metadata as an answer.
#[must_use]
pub fn partial(object: &Object) -> Vec<u8> {
    enveloped("meta.k8s.io/v1", "PartialObjectMetadata", &item(object))
}

/// One object with all that it has as an answer.
#[must_use]
pub fn whole(object: &Object) -> Vec<u8> {
    let mut item = item(object);
    let decoded = |text: &str| BASE64_STANDARD.decode(text).unwrap_or_default();
    match object.id.resource {
        Resource::Namespace => {}
        Resource::Secret => {
            object.data.iter().for_each(|(key, value)| pair(&mut item, 2, key, &decoded(value)));
            bytes(&mut item, 3, object.type_.as_deref().unwrap_or_default().as_bytes());
            if object.immutable {
                number(&mut item, 5, 1);
            }
        }
        Resource::ConfigMap => {
            object.data.iter().for_each(|(key, value)| pair(&mut item, 2, key, value.as_bytes()));
            object.binary_data.iter().for_each(|(key, value)| pair(&mut item, 3, key, &decoded(value)));
            if object.immutable {
                number(&mut item, 4, 1);
            }
        }
    }
    enveloped("v1", object.id.resource.kind(), &item)
}

/// A `PartialObjectMetadataList`.
#[must_use]
pub fn list<'a>(
    version: u64,
    continue_: &str,
    remaining: Option<u64>,
    objects: impl IntoIterator<Item = &'a Object>,
) -> Vec<u8> {
    let mut raw = Vec::new();
    list_metadata(&mut raw, &version.to_string(), continue_, remaining);
    objects.into_iter().for_each(|object| bytes(&mut raw, 2, &item(object)));
    enveloped("meta.k8s.io/v1", "PartialObjectMetadataList", &raw)
}

/// The metadata of a list, or of a `Status`.
fn list_metadata(to: &mut Vec<u8>, version: &str, continue_: &str, remaining: Option<u64>) {
    message(to, 1, |to| {
        bytes(to, 1, b"");
        bytes(to, 2, version.as_bytes());
        bytes(to, 3, continue_.as_bytes());
        if let Some(remaining) = remaining {
            number(to, 4, remaining);
        }
    });
}

/// The `details` of a `Status`.
fn details(to: &mut Vec<u8>, about: &About, causes: &[Cause], retry_after: u64, uid: &str) {
    message(to, 5, |to| {
        bytes(to, 1, about.name.as_bytes());
        bytes(to, 2, about.group.as_bytes());
        bytes(to, 3, about.kind.as_bytes());
        for cause in causes {
            message(to, 4, |to| {
                bytes(to, 1, cause.reason.as_bytes());
                bytes(to, 2, cause.message.as_bytes());
                bytes(to, 3, cause.field.as_bytes());
            });
        }
        number(to, 5, retry_after);
        bytes(to, 6, uid.as_bytes());
    });
}

/// A `Status`.
#[must_use]
pub fn status(refusal: &Refusal) -> Vec<u8> {
    let mut raw = Vec::new();
    list_metadata(&mut raw, "", &refusal.continue_, None);
    bytes(&mut raw, 2, b"Failure");
    bytes(&mut raw, 3, refusal.message.as_bytes());
    bytes(&mut raw, 4, refusal.reason.as_bytes());
    if refusal.about.is_some() || !refusal.causes.is_empty() || refusal.retry_after.is_some() {
        let about = refusal.about.clone().unwrap_or_default();
        details(&mut raw, &about, &refusal.causes, refusal.retry_after.unwrap_or(0), "");
    }
    number(&mut raw, 6, u64::from(refusal.code));
    enveloped("v1", "Status", &raw)
}

/// The `Status` of a deletion that left nothing.
#[must_use]
pub fn deleted(object: &Object) -> Vec<u8> {
    let mut raw = Vec::new();
    list_metadata(&mut raw, "", "", None);
    bytes(&mut raw, 2, b"Success");
    bytes(&mut raw, 3, b"");
    bytes(&mut raw, 4, b"");
    let about = About { name: object.id.name.clone(), group: "", kind: object.id.resource.plural().to_owned() };
    details(&mut raw, &about, &[], 0, &object.uid);
    number(&mut raw, 6, 0);
    enveloped("v1", "Status", &raw)
}

/// One watch event, after its length in four bytes.
#[must_use]
pub fn frame(type_: &str, answer: &[u8]) -> Vec<u8> {
    let mut event = Vec::new();
    bytes(&mut event, 1, type_.as_bytes());
    message(&mut event, 2, |to| bytes(to, 1, answer));
    let mut frame = u32::try_from(event.len()).unwrap_or(0).to_be_bytes().to_vec();
    frame.extend(event);
    frame
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use k8s_replicator_core::protobuf as reader;

    use super::*;
    use crate::api::managed::{Field, Manager};
    use crate::api::object::Id;

    /// What a Kubernetes 1.37.2 sent for a ConfigMap that was there, was changed and deleted, with bookmarks.
    const RECORDED: &[u8] = include_bytes!("../../../controller/src/watch/events.protobuf");

    fn frames(mut stream: &[u8]) -> Vec<&[u8]> {
        let mut frames = Vec::new();
        while let Some((length, rest)) = stream.split_first_chunk::<4>() {
            let (frame, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
            frames.push(frame);
            stream = rest;
        }
        frames
    }

    fn object() -> Object {
        let mut object = Object::new(Id::new(Resource::Secret, "ns", "x"));
        (object.uid, object.version, object.created) = ("u-1".to_owned(), 17, 1_000);
        object.annotations.insert("k8s-replicator/replicate-to".to_owned(), b"b".to_vec());
        object.labels.insert("l".to_owned(), "v".to_owned());
        let fields = BTreeSet::from([Field::Map("data"), Field::Entry("data", "k".to_owned())]);
        object.managers.push(Manager { name: "kubectl".to_owned(), operation: "Update", time: 7, fields });
        object
    }

    /// The controller's reader reads what the model writes.
    #[test]
    fn what_is_written_is_read_back() {
        let mut terminating = object();
        terminating.deleted = Some(2_000);
        let answer = list(99, "next", Some(1), [&object(), &terminating]);
        let read = reader::List::read(&answer).unwrap();
        assert_eq!((read.resource_version, read.continue_, read.items.len()), ("99", "next", 2));
        let first = reader::Metadata::read(read.items[0]).unwrap();
        assert_eq!((first.namespace, first.name, first.uid, first.resource_version), ("ns", "x", "u-1", "17"));
        assert_eq!((first.created, first.deleting), (1_000, false));
        let annotations: Vec<_> = first.annotations().collect();
        assert_eq!(annotations, [("k8s-replicator/replicate-to", Some("b"))]);
        assert!(reader::Metadata::read(read.items[1]).unwrap().deleting);

        let stream = frame("ADDED", &partial(&object()));
        let event = reader::Event::read(frames(&stream)[0]).unwrap();
        let content = reader::content(event.object).unwrap();
        assert_eq!((event.type_, reader::Metadata::read(content).unwrap().name), ("ADDED", "x"));

        let refusal = Refusal {
            causes: vec![Cause::new("NamespaceTerminating", "metadata.namespace", "it is being terminated")],
            retry_after: Some(3),
            ..Refusal::new(403, "Forbidden", "no")
        };
        let answer = status(&refusal);
        let read = reader::Status::read(&answer).unwrap();
        assert_eq!((read.code, read.reason, read.message), (403, "Forbidden", "no"));
        assert_eq!((read.causes, read.retry_after_seconds), (vec!["NamespaceTerminating"], 3));
    }

    /// The fields of a message, by number, to compare how two writers lay it out.
    fn layout(mut message: &[u8]) -> Vec<(u64, Option<Vec<u8>>)> {
        fn take(message: &mut &[u8]) -> u64 {
            let (mut number, mut shift) = (0, 0);
            while let Some((byte, rest)) = message.split_first() {
                *message = rest;
                number |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if *byte < 0x80 {
                    break;
                }
            }
            number
        }
        let mut fields = Vec::new();
        while !message.is_empty() {
            let key = take(&mut message);
            match key & 7 {
                0 => {
                    take(&mut message);
                    fields.push((key >> 3, None));
                }
                2 => {
                    let length = take(&mut message) as usize;
                    let (value, rest) = message.split_at(length);
                    message = rest;
                    fields.push((key >> 3, Some(value.to_vec())));
                }
                other => panic!("wire type {other}"),
            }
        }
        fields
    }

    fn numbers(message: &[u8]) -> Vec<u64> {
        let mut numbers: Vec<u64> = layout(message).into_iter().map(|(number, _)| number).collect();
        numbers.dedup();
        numbers
    }

    /// The model lays out a watch event as a real API server does: same fields, in the same order, at each level.
    #[test]
    fn an_event_is_laid_out_as_a_real_server_lays_it_out() {
        let real = frames(RECORDED)[0];
        let mut like_it = object();
        like_it.labels.clear();
        like_it.id.resource = Resource::ConfigMap;
        let model = frame("ADDED", &partial(&like_it));
        let model = frames(&model)[0];
        let levels = |event: &[u8]| {
            let object = reader::Event::read(event).unwrap().object.to_vec();
            let content = reader::content(&object).unwrap().to_vec();
            let metadata = layout(&content)[0].1.clone().unwrap();
            let managed = layout(&metadata).into_iter().find(|(number, _)| *number == 17).unwrap().1.unwrap();
            [numbers(event), numbers(&object[4..]), numbers(&content), numbers(&metadata), numbers(&managed)]
        };
        assert_eq!(levels(model), levels(real));
    }
}
