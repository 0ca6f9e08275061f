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
fn fields_that_are_not_known_are_passed_over() {
    // A number of 64 bits, bytes, and a number of 32 bits, and what no reader can pass over: a group.
    for (wire_type, value, is_read) in
        [(0, &[0x80, 1][..], true), (1, &[1; 8], true), (2, &[1, 1], true), (5, &[1; 4], true), (3, &[], false)]
    {
        let meta = [vec![15 << 3 | wire_type], value.to_vec(), field(1, b"x")].concat();
        let read = Metadata::read(&field(1, &meta)).map(|metadata| metadata.name.to_owned());
        assert_eq!(read.ok(), is_read.then(|| "x".to_owned()), "{wire_type}");
    }
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
