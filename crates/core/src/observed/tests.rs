//! What is kept of one look at an object, and what is dropped at the door.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::annotations::Annotation;
use crate::kind::{ConfigMap, Secret};

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
fn what_cannot_be_read_is_told_without_its_content() {
    let read = |json: &str| Observed::from_json(json, &dialect()).unwrap_err().to_string();
    let cases = [
        ("", "not the JSON of an object: unexpected end at line 1, column 0"),
        ("hunter2", "not the JSON of an object: syntax error at line 1, column 1"),
        ("[\"hunter2\"]", "not the JSON of an object: unexpected type of value at line 1, column 10"),
        ("{\"metadata\":\"hunter2\"}", "not the JSON of an object: unexpected type of value at line 1, column 21"),
        ("{}", "not the JSON of an object: unexpected type of value at line 1, column 2"),
        ("{\"metadata\":{\"name\":\"x\"}}", "\"\" is not a legal namespace name"),
        ("{\"metadata\":{\"name\":\"x/../y\",\"namespace\":\"a\"}}", "\"x/../y\" is not a legal object name"),
        (
            "{\"metadata\":{\"name\":\"x\",\"namespace\":\"a\"}",
            "not the JSON of an object: unexpected end at line 1, column 40",
        ),
        (
            "{\"metadata\":{\"name\":\"x\",\"namespace\":\"a\"}} hunter2",
            "not the JSON of an object: syntax error at line 1, column 43",
        ),
    ];
    for (json, message) in cases {
        assert_eq!(read(json), message, "{json}");
    }
    let with = |annotations: &str| {
        read(&format!(r#"{{"metadata":{{"name":"x","namespace":"a","annotations":{annotations}}}}}"#))
    };
    for annotations in [r#""hunter2""#, r#"["hunter2"]"#, r#"{"k8s-replicator/replicate-from":{"hunter2":1}}"#, "17"] {
        let message = with(annotations);
        let kind = "not the JSON of an object: unexpected type of value at line 1, column ";
        assert!(message.starts_with(kind) && !message.contains("hunter2"), "{annotations}: {message}");
    }
}

#[test]
fn resource_versions() {
    let new = ResourceVersion::new;
    for (text, is_number) in
        [("1", true), ("18446744073709551615", true), ("18446744073709551616", false), ("0", false), ("01", false)]
            .into_iter()
            .chain([("+1", false), ("-1", false), ("", false), ("1a", false), (" 1", false)])
    {
        assert_eq!(matches!(new(text), ResourceVersion::Number(_)), is_number, "{text:?}");
        assert_eq!((new(text).to_string(), format!("{:?}", new(text))), (text.to_owned(), text.to_owned()));
        assert!(!new(text).is_older_than(&new(text)));
    }
    assert!(new("9").is_older_than(&new("10")));
    assert!(!new("10").is_older_than(&new("9")));
    assert!(!new("9").is_older_than(&new("1x")) && !new("1x").is_older_than(&new("9")), "not known");
    assert_ne!(new("1"), new("01"));
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
fn content_that_cannot_be_read_is_told_without_its_content() {
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
