use base64::Engine as _;
use http::HeaderMap;
use k8s_replicator_core::kind::{ConfigMap, Secret};
use k8s_replicator_core::payload::Payload;
use serde_json::{Value, json};

use super::super::sample;
use super::*;

fn dialect() -> Dialect {
    Dialect::new("p/", false)
}

fn response(status: u16, body: impl ToString) -> Received {
    let (status, body) = (StatusCode::from_u16(status).unwrap(), Bytes::from(body.to_string()));
    Received::Response(Response { status, headers: HeaderMap::new(), body })
}

fn key_() -> Key {
    Key::new("ns", "a").unwrap()
}

fn delete() -> Request {
    Request::Write(sample::delete(&Secret, Some("Opaque")))
}

fn create(value: &str) -> Request {
    let encoded = base64::engine::general_purpose::STANDARD.encode(value);
    let payload = Payload::new([Some(format!(r#"{{"k":"{encoded}"}}"#).into())]);
    Request::Write(sample::create(&Secret, Some("Opaque"), &payload))
}

/// The message of the failure when an admission webhook denies the request in these words.
fn refused(request: &Request, kind: &dyn Kind, message: &str) -> String {
    let body = json!({ "kind": "Status", "message": message, "reason": "Forbidden", "code": 403 });
    let failure = answer(request, kind, &dialect(), response(403, body)).unwrap_err();
    assert_eq!(failure.message_about(kind), failure.message, "nothing is left in it to take away");
    failure.message
}

fn object(name: &str) -> Value {
    json!({ "kind": "Secret", "metadata": { "namespace": "ns", "name": name, "uid": "u", "resourceVersion": "1" } })
}

#[test]
fn requests_have_a_field_manager_and_an_accept_header() {
    let sent = |request: &Request| {
        let http = http_request(request, &Secret, &dialect());
        format!("{} {} {:?}", http.method, http.path, http.content_type)
    };
    assert_eq!(sent(&Request::Look(key_())), "GET /api/v1/namespaces/ns/secrets/a None");
    let created = sent(&create("x"));
    assert_eq!(created, "POST /api/v1/namespaces/ns/secrets?fieldManager=k8s-replicator Some(\"application/json\")");
    assert_eq!(sent(&delete()), "DELETE /api/v1/namespaces/ns/secrets/a Some(\"application/json\")");
    let debug = format!("{:?}", http_request(&create("hunter2"), &Secret, &dialect()));
    assert!(!debug.contains("aHVudGVyMg"), "{debug}");
}

/// Changes of what exists are patches, of which the API server notes the field manager too.
#[test]
fn a_patch_has_a_field_manager() {
    let (update, adopt) = (sample::update_annotations(&Secret, Some("Opaque")), sample::adopt(&Secret, Some("Opaque")));
    for (action, content_type) in [(update, JSON_PATCH), (adopt, APPLY_PATCH)] {
        let http = http_request(&Request::Write(action), &Secret, &dialect());
        assert_eq!((http.method, http.content_type), (Method::PATCH, Some(content_type)));
        assert_eq!(http.path, "/api/v1/namespaces/ns/secrets/a?fieldManager=k8s-replicator");
    }
}

/// Issue 1: only a `Status` with the reason NotFound says that something is missing; any other 404 cleared data once.
#[test]
fn missing_is_what_the_api_server_says_is_missing() {
    let not_found = json!({ "kind": "Status", "reason": "NotFound", "code": 404 });
    for request in [Request::Look(key_()), Request::Read(key_())] {
        let asked = |received| answer(&request, &Secret, &dialect(), received);
        assert!(matches!(asked(response(404, &not_found)), Ok(Answer::Missing)));
        for body in ["404 page not found", "", "{}", r#"{"kind":"Status","code":404}"#] {
            assert_eq!(asked(response(404, body)).unwrap_err().kind, FailureKind::Server, "{body}");
        }
    }
    let written =
        |body: &dyn ToString| answer(&delete(), &Secret, &dialect(), response(404, body.to_string())).unwrap_err().kind;
    assert_eq!(written(&not_found), FailureKind::Gone);
    assert_eq!(written(&"404 page not found"), FailureKind::Server);
}

/// Issue 1: nothing destructive follows from an answer that was not understood.
#[test]
fn an_answer_that_is_about_something_else_is_a_failure() {
    let success = json!({ "kind": "Status", "status": "Success", "metadata": {} });
    for request in [Request::Look(key_()), Request::Read(key_()), create("x")] {
        let asked = |body: &Value| answer(&request, &Secret, &dialect(), response(200, body));
        assert!(asked(&object("a")).is_ok());
        for wrong in [&object("b"), &success, &json!("<html>"), &json!(null)] {
            assert_eq!(asked(wrong).unwrap_err().kind, FailureKind::Server, "{wrong}");
        }
    }
    let deleted = |body: &Value| answer(&delete(), &Secret, &dialect(), response(200, body));
    assert!(matches!(deleted(&success), Ok(Answer::Deleted)));
    assert!(matches!(deleted(&object("a")), Ok(Answer::Deleted)), "its finalizers hold it");
    assert_eq!(deleted(&json!("<html>")).unwrap_err().kind, FailureKind::Server);
    let too_long = answer(&delete(), &Secret, &dialect(), Received::TooLong).unwrap_err();
    assert_eq!(too_long.kind, FailureKind::Server);
}

/// Issue 4: a webhook may change what is written. So the response to a write of data is the whole object, and the data that the
/// server stored counts; where a server returns metadata alone, the data is taken to be as it was written.
#[test]
fn what_the_server_keeps_of_a_write_is_read_from_its_response() {
    let request = create("x");
    assert_eq!(http_request(&request, &Secret, &dialect()).accept, WHOLE);
    let annotations_only = Request::Write(sample::update_annotations(&Secret, Some("Opaque")));
    assert_eq!(http_request(&annotations_only, &Secret, &dialect()).accept, METADATA_ONLY);
    let mut kept = object("a");
    kept["type"] = json!("Opaque");
    kept["data"] = json!({ "k": "eA==", "injected": "eQ==" });
    let Ok(Answer::Content(_, content)) = answer(&request, &Secret, &dialect(), response(201, &kept)) else {
        panic!("no content")
    };
    assert_eq!(content.payload.fields().collect::<Vec<_>>(), [Some(r#"{"injected":"eQ==","k":"eA=="}"#)]);
    kept["kind"] = json!("PartialObjectMetadata");
    assert!(matches!(answer(&request, &Secret, &dialect(), response(201, &kept)), Ok(Answer::Seen(_))));
}

/// Issue 3: the message of a denial says which webhook or policy denied, and why: for a ConfigMap in full.
#[test]
fn a_denial_of_a_config_map_is_shown_in_full() {
    let words =
        "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: k=hunter2";
    let message = refused(&create("hunter2"), &ConfigMap, words);
    assert_eq!(message, format!("create ConfigMap ns/a: the server answered 403 Forbidden: {words}"));
}

/// SPEC 8: Secret data never appears in an error; also not when the request carries none: a webhook is shown the object
/// as it is, and may quote what an annotation, or the whole object, would be taken from.
#[test]
fn a_value_that_was_not_written_does_not_come_back() {
    let message = refused(&delete(), &Secret, "admission webhook \"guard\" denied the request: k=hunter2 is protected");
    assert!(
        message.contains("admission webhook \"guard\" denied the request") && !message.contains("hunter2"),
        "{message}"
    );
}

#[test]
fn a_denial_of_a_create_of_a_secret_is_shown_without_the_values_written() {
    let message =
        refused(&create("hunter2"), &Secret, "admission webhook \"guard\" denied the request: hunter2: no label");
    assert!(message.ends_with("denied the request: [redacted]: no label"), "{message}");
}

/// SPEC 8: Secret data never appears in an error; also not the beginning of a value that is cut off.
#[test]
fn a_value_that_a_long_message_cuts_off_does_not_come_back() {
    let value = "hunter2-".repeat(20);
    let before = "x".repeat(LONGEST_MESSAGE - 100);
    let message = refused(&create(&value), &Secret, &format!("{before} {value} is weak"));
    assert!(!message.contains("hunter2"), "{message}");
}

/// What this program says itself is shown as it is, however large the Secret is: it quotes nothing, and is not examined.
#[test]
fn own_words_are_shown_whatever_the_secret_holds() {
    for value in ["seconds", "answered", &"x".repeat(1 << 20)] {
        let request = create(value);
        let said = |failure: Failure| failure.message;
        let failed = |received| said(answer(&request, &Secret, &dialect(), received).unwrap_err());
        assert_eq!(said(timed_out(&request, &Secret)), "create Secret ns/a: no answer within 30 s");
        let broken = Failure::new(FailureKind::Unreachable, "no seconds answered");
        assert_eq!(failed(Received::Failed(broken)), "create Secret ns/a: no seconds answered");
        assert_eq!(failed(response(502, "<html>")), "create Secret ns/a: the server answered 502 Bad Gateway");
        let mut named = object("a");
        named["metadata"]["name"] = json!("answered/seconds");
        let unread = "create Secret ns/a: the response cannot be read: no object can have the name in it";
        assert_eq!(failed(response(201, named)), unread);
    }
    let large = create(&"x".repeat(1 << 20));
    let message = refused(&large, &Secret, "etcdserver: request is too large");
    let expected = "create Secret ns/a: the server answered 403 Forbidden: etcdserver: request is too large (";
    assert!(message.starts_with(expected), "{message}");
}

/// SPEC 8: a person's `approve` writes an annotation of a Secret: what a webhook says of it then may quote the data that it saw.
#[test]
fn a_denial_of_a_write_of_metadata_shows_no_words_about_a_secret() {
    let said = "admission webhook \"w.example.com\" denied the request: password hunter2 is weak";
    let body = json!({ "kind": "Status", "message": said, "reason": "hunter2" }).to_string();
    let failure = crate::cluster::status::refusal(StatusCode::FORBIDDEN, &HeaderMap::new(), body.as_bytes());
    let (secret, config_map) = (failure.message_about(&Secret), failure.message_about(&ConfigMap));
    assert!(secret.contains("w.example.com") && !secret.contains("hunter2"), "{secret}");
    assert!(config_map.contains("hunter2 is weak"), "{config_map}");
}
