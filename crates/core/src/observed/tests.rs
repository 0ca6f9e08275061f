//! What is kept of an object that was seen, and what is dropped at once.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::annotations::Annotation;
use crate::key_names::KeyNames;
use crate::kind::{ConfigMap, Secret};
use crate::managers::{Claim, Owners};
use crate::reason::Reason;

fn dialect() -> Dialect {
    Dialect::new("k8s-replicator/", false)
}

fn read(json: &serde_json::Value) -> Result<Observed, ReadError> {
    Observed::from_json(&json.to_string(), &dialect())
}

fn text(observed: &Observed, annotation: Annotation) -> Option<&str> {
    observed.annotated.marks()?.text(annotation).map(|text| &**text)
}

#[test]
fn metadata_of_a_whole_object() {
    let observed = read(&json!({
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {
            "name": "db.credentials",
            "namespace": "prod",
            "uid": "8f9-1",
            "resourceVersion": "4711",
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "labels": {"k8s-replicator/replicate-from": "not/this"},
            "annotations": {
                "k8s-replicator/replication-allowed": "true",
                "k8s-replicator/replicate-once-version": "quote \" slash \\ ä \n",
                "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"password\":\"hunter2\"}}",
                "replicate-from": "not/this-either",
            },
            "managedFields": [{"manager": "x", "fieldsV1": {"f:data": {}}}],
            "ownerReferences": null,
        },
        "type": "Opaque",
        "data": {"password": "aHVudGVyMg=="},
    }));
    let observed = observed.unwrap();
    assert_eq!(observed.key, Key::new("prod", "db.credentials").unwrap());
    assert_eq!(observed.uid, Uid::new("8f9-1"));
    assert_eq!(observed.resource_version, ResourceVersion::Number(4711));
    assert_eq!(observed.created, 1_767_323_045);
    assert!(!observed.deleting);
    assert_eq!(text(&observed, Annotation::ReplicationAllowed), Some("true"));
    assert_eq!(text(&observed, Annotation::ReplicateOnceVersion), Some("quote \" slash \\ ä \n"));
    assert_eq!(text(&observed, Annotation::ReplicateFrom), None);
    let shown = format!("{observed:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
}

#[test]
fn what_may_be_missing() {
    let observed = read(&json!({"metadata": {"name": "x", "namespace": "a"}})).unwrap();
    let nothing = Observed {
        key: Key::new("a", "x").unwrap(),
        uid: Uid::new(""),
        resource_version: ResourceVersion::new(""),
        created: 0,
        deleting: false,
        annotated: Annotated::Not,
        managers: Managers::default(),
        carried: None,
        has_labels: false,
        advice: Vec::new(),
    };
    assert_eq!(observed, nothing);
    let nulls = json!({"name": "x", "namespace": "a", "annotations": null, "deletionTimestamp": null, "creationTimestamp": null});
    assert_eq!(read(&json!({ "metadata": nulls })), Ok(nothing.clone()));
    let empty = json!({"name": "x", "namespace": "a", "annotations": {}, "creationTimestamp": "when?"});
    assert_eq!(read(&json!({ "metadata": empty })), Ok(nothing));
}

#[test]
fn fields_one_by_one() {
    let with = |field: &str, value: serde_json::Value| {
        let mut metadata = json!({"name": "x", "namespace": "a"});
        metadata[field] = value;
        read(&json!({ "metadata": metadata })).unwrap()
    };
    assert!(with("deletionTimestamp", json!("2026-01-02T03:04:05Z")).deleting);
    assert_eq!(with("creationTimestamp", json!("1970-01-01T00:00:01Z")).created, 1);
    assert_eq!(with("creationTimestamp", json!("1970-01-01T01:00:01+01:00")).created, 1);
    assert_eq!(with("resourceVersion", json!("1")).resource_version, ResourceVersion::Number(1));
    // JSON escapes, in keys too.
    let escaped = r#"{"metadata":{"name":"\u0078","namespace":"\u0061","uid":"\u0075",
        "annotations":{"k8s-replicator\/replicate-onc\u0065":"tru\u0065"}}}"#;
    let observed = Observed::from_json(escaped, &dialect()).unwrap();
    assert_eq!((observed.key.as_str(), &observed.uid), ("a/x", &Uid::new("u")));
    assert_eq!(text(&observed, Annotation::ReplicateOnce), Some("true"));
}

#[test]
fn annotations_are_well_or_ill_or_none_of_ours() {
    let annotated = |annotations: serde_json::Value, dialect: &Dialect| {
        let json = json!({"metadata": {"name": "x", "namespace": "a", "annotations": annotations}});
        match Observed::from_json(&json.to_string(), dialect).unwrap().annotated {
            Annotated::Not => "none".to_owned(),
            Annotated::Well(marks) => format!("from {:?}", marks.replicate_from),
            Annotated::Ill(error) => error.to_string(),
        }
    };
    let unknown = "unknown annotation \"replicate-form\"; --ignore-unknown lets such annotations pass";
    let cases = [
        (json!({"other/x": "y"}), "none", "none", "none"),
        (json!({"k8s-replicator/replicate-from": "b/y"}), "from Some(\"b/y\")", "from Some(\"b/y\")", "none"),
        (json!({"k8s-replicator/replicate-form": "b/y"}), unknown, "none", "none"),
        (
            json!({"k8s-replicator/replicate-form": "b/y", "k8s-replicator/replicate-from": "y"}),
            unknown,
            "from Some(\"a/y\")",
            "none",
        ),
        (json!({"replicate-form": "b/y", "replicate-from": "y"}), "none", "none", "from Some(\"a/y\")"),
        (
            json!({"k8s-replicator/replicate-once": "so"}),
            "replicate-once: \"so\" is not a boolean; expected \"true\" or \"false\"",
            "replicate-once: \"so\" is not a boolean; expected \"true\" or \"false\"",
            "none",
        ),
    ];
    for (annotations, strict, ignoring, bare) in cases {
        let dialects = [dialect(), Dialect::new("k8s-replicator/", true), Dialect::new("", false)];
        let found = dialects.map(|dialect| annotated(annotations.clone(), &dialect));
        assert_eq!(found, [strict, ignoring, bare], "{annotations}");
    }
}

#[test]
fn an_error_of_reading_does_not_show_the_content() {
    let read = |json: &str| Observed::from_json(json, &dialect()).unwrap_err().to_string();
    let cases = [
        ("", "not the JSON of an object: unexpected end"),
        ("hunter2", "not the JSON of an object: syntax error"),
        ("[\"hunter2\"]", "not the JSON of an object: unexpected type of value"),
        ("{\"metadata\":\"hunter2\"}", "not the JSON of an object: unexpected type of value"),
        ("{}", "not the JSON of an object: unexpected type of value"),
        ("{\"metadata\":{\"name\":\"x\"}}", "\"\" is not a legal namespace name"),
        ("{\"metadata\":{\"name\":\"x/../y\",\"namespace\":\"a\"}}", "\"x/../y\" is not a legal object name"),
        // A name that cannot be read is an error; nothing else is.
        ("{\"metadata\":{\"name\":{\"hunter2\":1},\"namespace\":\"a\"}}", "not the JSON of an object: unexpected type"),
        ("{\"metadata\":{\"name\":\"x\\ud800\",\"namespace\":\"a\"}}", "not the JSON of an object: syntax error"),
        ("{\"metadata\":{\"name\":\"x\",\"namespace\":7}}", "not the JSON of an object: unexpected type of value"),
        ("{\"metadata\":{\"name\":\"x\",\"namespace\":\"a\"}", "not the JSON of an object: unexpected end at line 1"),
        ("{\"metadata\":{\"name\":\"x\",\"namespace\":\"a\"}} hunter2", "not the JSON of an object: syntax error"),
    ];
    for (json, message) in cases {
        let read = read(json);
        assert!(read.starts_with(message) && !read.contains("hunter2"), "{json}: {read}");
    }
}

/// What is read of an object whose metadata has these members besides its name.
fn with_members(members: &[u8]) -> Observed {
    let json = [br#"{"metadata":{"name":"x","namespace":"a","uid":"u","#, members, b"}}"].concat();
    Observed::from_json(&json, &dialect()).unwrap_or_else(|error| panic!("{error}: {}", members.escape_ascii()))
}

fn annotated(observed: &Observed) -> String {
    match &observed.annotated {
        Annotated::Not => "none".to_owned(),
        Annotated::Well(_) => "well".to_owned(),
        Annotated::Ill(error) => error.to_string(),
    }
}

/// SPEC 2: an object whose name can be read is never taken for missing, whatever others wrote into it.
#[test]
fn nothing_but_its_name_makes_an_object_unreadable() {
    let not_text = "replicate-once: the value is not a text in UTF-8";
    let cases: [(&[u8], &str); 22] = [
        // In annotations of others.
        (br#""annotations":{"other":"\ud800"}"#, "none"),
        (br#""annotations":{"other":"\udc00\ud800"}"#, "none"),
        (br#""annotations":{"\ud800":"x"}"#, "none"),
        (b"\"annotations\":{\"other\":\"\xff\xfe\"}", "none"),
        (b"\"annotations\":{\"\xff\":\"x\"}", "none"),
        (br#""annotations":{"other":7}"#, "none"),
        (br#""annotations":{"other":{"deep":[1,null]}}"#, "none"),
        (br#""annotations":{"other":"a","other":"b"}"#, "none"),
        (br#""annotations":{"\ud800":"x","k8s-replicator/replicate-once":"1"}"#, "well"),
        (br#""annotations":{"k8s-replicator/replicate-once":"x","k8s-replicator/replicate-once":"1"}"#, "well"),
        // In other members.
        (br#""labels":{"x":"\ud800"},"generateName":7,"finalizers":"none""#, "none"),
        (br#""uid":7"#, "none"),
        (br#""resourceVersion":7,"creationTimestamp":7"#, "none"),
        (br#""resourceVersion":"\ud800","creationTimestamp":["x"]"#, "none"),
        (br#""name":"x","annotations":null,"annotations":{}"#, "none"),
        (br#""managedFields":7,"annotations":{"k8s-replicator/replicate-once":"1"}"#, "well"),
        (b"\"managedFields\":[{\"manager\":\"\xff\"}],\"ownerReferences\":[\"\xff\"]", "none"),
        // In one of ours: then the object is ill-formed.
        (br#""annotations":{"k8s-replicator/replicate-once":"\ud800"}"#, not_text),
        (br#""annotations":{"k8s-replicator/replicate-once":7}"#, not_text),
        (br#""annotations":{"k8s-replicator/replicate-once":null}"#, not_text),
        (br#""annotations":"hunter2""#, "the object's annotations are not a map of texts"),
        (br#""annotations":["hunter2"]"#, "the object's annotations are not a map of texts"),
    ];
    for (members, expected) in cases {
        let observed = with_members(members);
        assert_eq!((observed.key.as_str(), &*annotated(&observed)), ("a/x", expected), "{}", members.escape_ascii());
    }
    for (value, expected) in [(&b"\xff"[..], not_text), (b"1", "well")] {
        let members =
            [b"\"annotations\":{\"other\":\"\xfe\",\"k8s-replicator/replicate-once\":\"", value, b"\"}"].concat();
        assert_eq!(annotated(&with_members(&members)), expected);
    }
}

/// A field of a protobuf message.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let key = if number < 16 { vec![number << 3 | 2] } else { vec![(number & 15) << 3 | 0x82, number >> 4] };
    let length = [(bytes.len() & 0x7f) as u8 | 0x80, (bytes.len() >> 7) as u8];
    [key, length.to_vec(), bytes.to_vec()].concat()
}

fn item(metadata: &[Vec<u8>]) -> Vec<u8> {
    field(1, &[field(1, b"x"), field(3, b"a"), metadata.concat()].concat())
}

fn annotation(key: &[u8], value: &[u8]) -> Vec<u8> {
    field(12, &[field(1, key), field(2, value)].concat())
}

#[test]
fn nothing_but_its_name_makes_an_object_in_protobuf_unreadable() {
    let ours = b"k8s-replicator/replicate-once";
    let not_text = "replicate-once: the value is not a text in UTF-8";
    let cases = [
        // This is what a real API server takes over protobuf, and gives to everybody.
        (vec![annotation(b"other", b"\xff\xfe")], "none"),
        (vec![annotation(b"\xff", b"x")], "none"),
        (vec![annotation(b"other", b"\xff"), annotation(ours, b"1")], "well"),
        (vec![field(12, &[0xff])], "none"),
        (vec![field(5, b"\xff"), field(6, b"\xff"), field(8, &[0xff]), field(11, b"\xff")], "none"),
        (vec![field(17, &[0xff]), annotation(ours, b"1")], "well"),
        (vec![annotation(ours, b"\xff")], not_text),
        (vec![field(12, &[field(1, ours), vec![0xff]].concat())], not_text),
        (vec![annotation(ours, b"x"), annotation(ours, b"1")], "well"),
    ];
    for (metadata, expected) in cases {
        let observed = Observed::from_protobuf(&item(&metadata), &dialect()).unwrap();
        assert_eq!((observed.key.as_str(), &*annotated(&observed)), ("a/x", expected), "{metadata:?}");
    }
    // A name that cannot be read is an error, and so is a message that is cut off.
    assert!(Observed::from_protobuf(&field(1, &[field(1, b"\xff"), field(3, b"a")].concat()), &dialect()).is_err());
    assert!(Observed::from_protobuf(&field(1, &[field(1, b"x"), field(3, b"\xff")].concat()), &dialect()).is_err());
    let whole = item(&[annotation(ours, b"1")]);
    assert!((0..whole.len()).all(|end| Observed::from_protobuf(&whole[..end], &dialect()).is_err()));
}

/// SPEC 9.15: what `managedFields` say is the same in JSON and in protobuf.
#[test]
fn managed_fields_are_read_of_objects_with_our_annotations() {
    let by = r#"{"f:metadata":{"f:annotations":{"f:k8s-replicator/replicated-by":{}}}}"#;
    let data = r#"{"f:data":{".":{},"f:password":{}}}"#;
    let entries = [
        ("k8s-replicator", "Update", "1970-01-01T00:00:03Z", 3, by),
        ("helm", "Apply", "1970-01-01T00:00:02Z", 2, data),
    ];
    let expected = Managers {
        data: Owners::Others,
        replicated_by: Owners::Controller,
        data_written: 2,
        claim: Claim::Applied,
        is_others_claim: true,
        names: KeyNames::of(["password"]),
        names_as_copied: KeyNames::of(["password"]),
        other: Some("helm".into()),
    };
    let in_json: Vec<_> = entries
        .iter()
        .map(|(manager, operation, time, _, fields)| {
            let fields: serde_json::Value = serde_json::from_str(fields).unwrap();
            json!({"manager": manager, "operation": operation, "apiVersion": "v1", "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields})
        })
        .collect();
    let in_protobuf = entries.iter().map(|(manager, operation, _, time, fields)| {
        field(
            17,
            &[
                field(1, manager.as_bytes()),
                field(2, operation.as_bytes()),
                field(3, b"v1"),
                field(4, &[8, *time]),
                field(6, b"FieldsV1"),
                field(7, &field(1, fields.as_bytes())),
            ]
            .concat(),
        )
    });
    for (key, managers) in [("k8s-replicator/replicated-by", expected), ("other", Managers::default())] {
        let json =
            json!({"metadata": {"name": "x", "namespace": "a", "annotations": {key: "b/y"}, "managedFields": in_json}});
        let observed = read(&json).unwrap();
        assert_eq!(observed.managers, managers, "{key}");
        let mut metadata: Vec<Vec<u8>> = in_protobuf.clone().collect();
        metadata.push(annotation(key.as_bytes(), b"b/y"));
        assert_eq!(Observed::from_protobuf(&item(&metadata), &dialect()).unwrap().managers, managers, "{key}");
    }
    let unreadable = json!({"metadata": {"name": "x", "namespace": "a", "annotations": {"k8s-replicator/replicated-by": "b/y"}, "managedFields": [7]}});
    assert_eq!(read(&unreadable).unwrap().managers, Managers::unknown());
}

#[test]
fn advice_comes_with_the_object() {
    let observed = read(
        &json!({"metadata": {"name": "x", "namespace": "a", "annotations": {"k8s-replicator/replicate-to-namespaces": "team-*"}}}),
    );
    let advice = observed.unwrap().advice;
    assert_eq!(advice.iter().map(|advice| advice.reason).collect::<Vec<_>>(), [Reason::LooksLikeGlob]);
}

#[test]
fn content_of_each_kind() {
    let secret = |json: serde_json::Value| content_from_json(&json.to_string(), &Secret).unwrap();
    let content = secret(
        json!({"type": "kubernetes.io/tls", "immutable": true, "data": {"a": "YQ=="}, "stringData": {"b": "c"}}),
    );
    assert_eq!(content.type_.as_deref(), Some("kubernetes.io/tls"));
    assert!(content.immutable);
    assert_eq!(content.payload.fields().collect::<Vec<_>>(), [Some(r#"{"a":"YQ=="}"#)]);
    for (immutable, data) in [(json!(null), json!(null)), (json!(false), json!({}))] {
        let content =
            secret(json!({"type": "Opaque", "immutable": immutable, "data": data, "binaryData": {"x": "eA=="}}));
        assert!(!content.immutable && content.payload.is_empty());
    }
    let untyped = secret(json!({"metadata": {}}));
    assert_eq!(untyped.type_.as_deref(), Some(""), "known to have none, or it would be asked for again and again");

    let config_map = |json: serde_json::Value| content_from_json(&json.to_string(), &ConfigMap).unwrap();
    let content = config_map(json!({"type": ["of", "no", "account"], "data": {"a": "b"}, "binaryData": {"c": "ZA=="}}));
    assert_eq!((content.type_.as_deref(), content.immutable), (None, false));
    assert_eq!(content.payload.fields().collect::<Vec<_>>(), [Some(r#"{"a":"b"}"#), Some(r#"{"c":"ZA=="}"#)]);
    let content = config_map(json!({"binaryData": {"c": "ZA=="}, "immutable": true}));
    assert_eq!(content.payload.fields().collect::<Vec<_>>(), [None, Some(r#"{"c":"ZA=="}"#)]);
    assert!(content.immutable);
}

#[test]
fn an_error_of_reading_content_does_not_show_the_content() {
    for json in [
        "",
        "hunter2",
        "[\"hunter2\"]",
        "{\"type\":[\"hunter2\"]}",
        "{\"immutable\":\"hunter2\"}",
        "{\"data\":{\"hunter2\"",
    ] {
        let message = content_from_json(json, &Secret).unwrap_err().to_string();
        assert!(
            message.starts_with("not the JSON of an object: ") && !message.contains("hunter2"),
            "{json}: {message}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_annotations_come_through_as_they_are(values in proptest::collection::vec(any::<String>(), 3), odd: String) {
        let json = json!({"metadata": {"name": "x", "namespace": "a", "annotations": {
            "k8s-replicator/replicate-once-version": values[0],
            "k8s-replicator/replicated-at": values[1],
            format!("other/{odd}"): values[2],
        }}});
        let observed = read(&json).unwrap();
        prop_assert_eq!(text(&observed, Annotation::ReplicateOnceVersion), Some(values[0].as_str()));
        prop_assert_eq!(text(&observed, Annotation::ReplicatedAt), None, "nothing is decided on it");
    }

    #[test]
    fn reading_never_panics(json: String, pretty in "[\\[\\]{}:,\"a-z0-9\\\\ ]{0,40}") {
        let cut = r#"{"metadata":{"name":"x","namespace":"a","annotations":{"k8s-replicator/replicate-from":"b/y"}}}"#;
        for text in [&json, &pretty, &format!("{{\"metadata\":{pretty}}}"), &cut[..json.len() % cut.len()].to_owned()] {
            let _ = Observed::from_json(text, &dialect());
            let _ = content_from_json(text, &Secret);
        }
    }
}

/// A plan and the controller read the same of the same object.
#[test]
fn parts_are_read_as_the_whole_is() {
    let (uid, version) = (Uid::new("u-1"), ResourceVersion::new("7"));
    let key = Key::new("ns", "name").unwrap();
    let labels = BTreeMap::from([("team".to_owned(), "red".to_owned()), ("x".to_owned(), "y".to_owned())]);
    for annotations in [
        vec![],
        vec![("example.com/other", "x")],
        vec![("k8s-replicator/replicate-to", "b/x"), ("k8s-replicator/replicate-labels", "team"), ("note", "n")],
        vec![("k8s-replicator/replicate-to-namespaces", "team-*"), ("k8s-replicator/replicate-annotations", "*")],
        vec![("k8s-replicator/replicated-by", "a/x"), ("k8s-replicator/nonsense", "x")],
        vec![("k8s-replicator/nonsense", "x")],
    ] {
        let annotations: BTreeMap<String, String> =
            annotations.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let whole =
            read(&json!({ "metadata": { "namespace": "ns", "name": "name", "uid": "u-1", "resourceVersion": "7",
            "creationTimestamp": "2026-01-02T03:04:05Z", "labels": labels, "annotations": annotations } }));
        let parts = Parts {
            key: &key,
            uid: &uid,
            resource_version: &version,
            created: 1_767_323_045,
            deleting: false,
            labels: &labels,
            annotations: &annotations,
            managers: &Managers::default(),
        };
        assert_eq!(Observed::of_parts(parts, &dialect()), whole.unwrap(), "{annotations:?}");
    }
}

/// Labels and annotations are kept only where they are copied: for thousands of objects they would take room.
#[test]
fn which_labels_and_annotations_are_kept() {
    let carried = |annotations: serde_json::Value| {
        let labels = json!({ "team": "red" });
        let metadata = json!({
            "name": "x", "namespace": "a", "uid": "1", "resourceVersion": "1", "labels": labels, "annotations": annotations,
        });
        let observed = read(&json!({ "metadata": metadata })).unwrap();
        assert!(observed.has_labels);
        observed.carried.map(|it| {
            it.labels.into_iter().chain(it.annotations).map(|(key, value)| format!("{key}={value}")).collect()
        })
    };
    assert_eq!(
        carried(json!({ "k8s-replicator/replicate-to": "b/x", "k8s-replicator/replicate-labels": "team" })),
        Some(vec!["team=red".to_owned()])
    );
    let annotations = json!({ "k8s-replicator/replicate-to": "b/x", "k8s-replicator/replicate-annotations": "n*", "note": "n", "x": "y" });
    assert_eq!(carried(annotations), Some(vec!["note=n".to_owned()]));
    assert_eq!(carried(json!({ "k8s-replicator/replicate-to": "b/x", "note": "n" })), None);
    // metadata { labels { key: "team" value: "red" } }
    let name = [&[0x0a, 1][..], b"x", &[0x1a, 1], b"a"].concat();
    let labels = [&[0x5a, 11, 0x0a, 4][..], b"team", &[0x12, 3], b"red"].concat();
    for (metadata, has_labels) in [([&name[..], &labels].concat(), true), (name.clone(), false)] {
        let item = [&[0x0a, metadata.len() as u8][..], &metadata].concat();
        assert_eq!(Observed::from_protobuf(&item, &dialect()).map(|it| it.has_labels), Ok(has_labels));
    }
}
