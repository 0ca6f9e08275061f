//! SPEC 8, issue 3: no value of a Secret, and no credential, is in any log line at any level, on any output, on any status
//! page, whatever happens.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use k8s_replicator_testenv::{Fault, Proxy, RequestView};
use serde_json::{Value, json};

/// Invents values that are found wherever they turn up.
#[derive(Default)]
struct Payloads(RefCell<Vec<String>>);

impl Payloads {
    fn next(&self) -> String {
        let mut payloads = self.0.borrow_mut();
        // Alike in nothing but the word, so that no part of one is taken for a part of something else.
        let payload = format!("payload-{}-do-not-tell-{}", payloads.len(), "abcdefgh".repeat(1 + payloads.len() % 3));
        payloads.push(payload.clone());
        payload
    }

    /// Looks for every value, as it is and in base64 (wherever it may begin in a longer text), in all that was written.
    fn are_nowhere(&self, what: &str, written: &str) {
        for payload in self.0.borrow().iter() {
            for offset in 0..3 {
                let encoded = BASE64.encode(format!("{}{payload}", &"xyz"[..offset]));
                // What the neighbours have no influence on.
                let encoded = encoded.trim_end_matches('=');
                let (from, to) = (if offset == 0 { 0 } else { 4 }, encoded.len() - 2);
                for needle in [payload.as_str(), &encoded[from..to]] {
                    if let Some(at) = written.find(needle) {
                        let line = written[..at].rfind('\n').map_or(0, |start| start + 1);
                        let line = written[line..].lines().next().unwrap_or_default();
                        panic!("{what} has {payload:?}: {line}");
                    }
                }
            }
        }
        for common in ["do-not-tell", "ZG8tbm90LXRlbGwt", "by1ub3QtdGVsb"] {
            assert!(!written.contains(common), "{what} has a part of a value");
        }
    }
}

fn status(code: u16, body: String) -> Fault {
    Fault::Status { code, headers: vec![("Content-Type".to_owned(), "application/json".to_owned())], body }
}

/// A refusal whose words repeat values, as an admission webhook's may.
fn telltale(code: u16, reason: &str, payload: &str) -> Fault {
    let encoded = BASE64.encode(payload);
    let message = format!("admission webhook denied the request: {payload} (or {encoded}) is not allowed");
    let cause =
        json!({ "reason": "FieldValueInvalid", "message": format!("Invalid value: {payload:?}"), "field": "data" });
    let refusal = json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message,
        "details": { "causes": [cause] } });
    status(code, refusal.to_string())
}

const TRACE: &[&str] = &["--log-level=trace", "--resync-period=1s"];

/// Neither the values nor the controller's credentials are in its log, on its status pages, or in an object other than a copy.
fn no_value_is_shown(scene: &mut Scene, payloads: &Payloads) {
    let log = scene.controller().log();
    assert!(log.contains("TRACE"), "the log is at its most verbose");
    payloads.are_nowhere("the log", &log);
    let token = scene.user().token.clone();
    assert!(!log.contains(&token), "the log has the controller's token");
    for page in ["/healthz", "/readyz", "/livez"] {
        let (_, body) = scene.controller_mut().get(page).expect("an answer");
        payloads.are_nowhere(page, &body);
    }
}

/// A source as others see it after `kubectl apply`: its values are in an annotation, too.
fn applied(object: Object, value: &str) -> Object {
    let last = json!({ "data": { "k": BASE64.encode(value) }, "stringData": { "k": value } });
    object.data("k", value).other_note("kubectl.kubernetes.io/last-applied-configuration", &last.to_string())
}

/// Everything that the controller does: create, update, drift, once, clear, delete, type change, immutable, refusals.
fn everything(scene: &Scene, payloads: &Payloads) {
    let kinds: [fn(&str) -> Object; 2] = [secret, config_map];
    for kind in kinds {
        let source = |value: &str| applied(kind("a/s"), value).note("replication-allowed", "true");
        let pushing = |value: &str| source(value).note("replicate-to", "{b}/s,{b}/theirs,{c}/s");
        scene.create(&kind("b/theirs").data("k", &payloads.next()));
        scene.create(&kind("b/t").data("k", &payloads.next()).note("replicate-from", "{a}/s"));
        scene.create(&kind("b/wrong").data("k", &payloads.next()).note("replicate-from", "a/b/c"));
        let frozen = kind("b/frozen").data("k", &payloads.next()).field("immutable", json!(true));
        scene.create(&frozen.note("replicate-from", "{a}/s"));
        for _ in 0..2 {
            let value = payloads.next();
            scene.put(&pushing(&value));
            for key in ["b/s", "c/s", "b/t"] {
                scene.has_data_of(&kind(key).data("k", &value));
            }
            // Drift, by hand and by somebody who applies it.
            scene.put(&applied(kind("b/s"), &payloads.next()).note("replicated-by", "{a}/s"));
            scene.patch(source("").resource(), "b/t", &json!({ "data": { "more": BASE64.encode(payloads.next()) } }));
            scene.patch(source("").resource(), "c/s", &json!({ "immutable": true }));
            for key in ["b/s", "b/t"] {
                scene.has_data_of(&kind(key).data("k", &value));
            }
        }
        scene.is_logged("b/theirs", "refuse", "NotCreatedBySource");
        scene.is_logged("b/wrong", "refuse", "IllFormed");
        scene.is_logged("b/frozen", "refuse", "TargetImmutable");
        scene.put(&source(&payloads.next()).note("replication-allowed", "false"));
        scene.is_deleted(&kind("b/s"));
        scene.has_data_of(&kind("b/t"));
        scene.remove(&source(""));
    }
    let login = |key: &str, password: &str| {
        secret(key).of_type("kubernetes.io/basic-auth").data("username", &payloads.next()).data("password", password)
    };
    scene.create(&login("a/login", &payloads.next()).note("replication-allowed", "true"));
    scene.create(&login("b/login", &payloads.next()).note("replicate-from", "{a}/login"));
    scene.has_note("b/login", "replicated-from-origin", Some("{a}/login"));
    scene.delete("a/login");
    // The random password that the controller made up is as secret as any other.
    let cleared = scene.has_note("b/login", "replicated-from-origin", None);
    let password = BASE64.decode(cleared["data"]["password"].as_str().unwrap_or_default()).expect("base64");
    payloads.0.borrow_mut().push(String::from_utf8(password).expect("letters"));
}

/// Over the connection that users have: TLS, to the server itself.
#[test]
fn no_value_is_shown_whatever_the_controller_does() {
    let (mut scene, payloads) = (Scene::new(), Payloads::default());
    scene.namespaces(&["a", "b", "c"]);
    scene.start(TRACE);
    everything(&scene, &payloads);
    scene.barrier();
    no_value_is_shown(&mut scene, &payloads);
}

fn is_write(request: &RequestView) -> bool {
    request.method != "GET"
}

fn is_read_of(request: &RequestView, name: &str) -> bool {
    request.method == "GET" && request.path.ends_with(&format!("/{name}"))
}

/// One request is answered like this, with a value in the answer; after that all requests pass.
fn one_answer(scene: &Scene, proxy: &Proxy, rule: impl Fn(&RequestView) -> Fault + Send + Sync + 'static) {
    let given = Arc::new(AtomicUsize::new(0));
    let counter = given.clone();
    proxy.set_rule(move |request| {
        let fault = rule(request);
        counter.fetch_add(usize::from(!matches!(fault, Fault::Pass)), Ordering::Relaxed);
        fault
    });
    let number = scene.controller().log_lines().len();
    scene.set_data("a/s", "other", &number.to_string());
    scene.until("the answer was given", || (given.load(Ordering::Relaxed) > 0).then_some(()));
    proxy.set_rule(|_| Fault::Pass);
    // So that the next answer is not given to what this one led to.
    let other = BASE64.encode(number.to_string());
    scene.until("the replica follows", || {
        scene.get("b/r").is_some_and(|replica| replica["data"]["other"] == json!(other)).then_some(())
    });
}

/// Refusals whose words repeat the values, and answers that break off in the middle of them or put them where they do not
/// belong.
#[test]
fn no_value_is_shown_whatever_the_server_answers() {
    let (mut scene, payloads) = (Scene::new(), Payloads::default());
    scene.namespaces(&["a", "b"]);
    let mut proxy = scene.proxy();
    scene.start_behind(&proxy, TRACE);
    let value = payloads.next();
    let source = applied(secret("a/s"), &value).note("replicate-to", "{b}/r,{b}/r2");
    scene.create(&source);
    let replica = scene.has_data_of(&secret("b/r").data("k", &value));

    for (code, reason) in [(422, "Invalid"), (400, "BadRequest"), (403, "Forbidden"), (500, "InternalError")] {
        let refusal = telltale(code, reason, &value);
        one_answer(&scene, &proxy, move |request| if is_write(request) { refusal.clone() } else { Fault::Pass });
        scene.has_note("b/r", "replicated-by", Some("{a}/s"));
    }
    let lines = scene.controller().log_lines();
    let is_logged = |line: &Value| line["error"].as_str().is_some_and(|error| error.contains("422 Invalid"));
    assert!(lines.iter().any(is_logged), "the refusals are in the log, so that a value would be seen there");
    // Not even a page that is no answer of an API server is repeated.
    let page = status(502, format!("<html>{value}</html>"));
    one_answer(&scene, &proxy, move |request| if is_write(request) { page.clone() } else { Fault::Pass });

    let whole = scene.get("a/s").unwrap_or_default().to_string();
    let encoded = BASE64.encode(&value);
    let middle = whole.find(&encoded).expect("the value is in it") + encoded.len() - 1;
    let last = json!({ "metadata": replica["metadata"], "type": [encoded], "data": [value] }).to_string();
    for broken in [
        whole[..middle].to_owned(),
        // Values in the place of other things. (Not in that of a name: names are logged.)
        json!({ "metadata": value, "data": { "k": encoded } }).to_string(),
        json!({ "metadata": { "name": "s", "namespace": "n", "annotations": [value] }, "data": encoded }).to_string(),
        last.clone(),
    ] {
        let (reads, answer) = (broken.clone(), broken.clone());
        one_answer(
            &scene,
            &proxy,
            move |request| {
                if is_read_of(request, "s") { status(200, reads.clone()) } else { Fault::Pass }
            },
        );
        // A write's answer is only looked at for the metadata.
        if broken != last {
            one_answer(
                &scene,
                &proxy,
                move |request| {
                    if is_write(request) { status(200, answer.clone()) } else { Fault::Pass }
                },
            );
        }
    }

    // Lists and watches carry no data, but others' annotations can hold some.
    let event = json!({ "type": "MODIFIED", "object": replica }).to_string();
    let item = json!({ "metadata": { "name": "n", "namespace": [encoded], "annotations": { "x": value } } });
    let list =
        json!({ "metadata": { "resourceVersion": "1", "continue": 5 }, "items": [item.clone(), value] }).to_string();
    let event_of = |type_: &str, object: &Value| format!("{}\n", json!({ "type": type_, "object": object }));
    let of_secrets = [
        status(200, format!("{}\n", &event[..event.len() - 20])),
        status(200, event_of("ADDED", &item)),
        status(200, event_of(&value, &json!({ "message": "m", "code": value }))),
    ];
    let of_config_maps =
        [status(410, String::new()), status(200, list.clone()), status(200, list[..list.len() - 9].to_owned())];
    let answers = [("/api/v1/secrets", of_secrets), ("/api/v1/configmaps", of_config_maps)];
    let given = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let all_given = Arc::new(AtomicUsize::new(0));
    let counter = all_given.clone();
    proxy.set_rule(move |request| {
        let path = answers.iter().position(|(path, _)| request.path == *path);
        let answer = path.and_then(|n| answers[n].1.get(given[n].fetch_add(1, Ordering::Relaxed)));
        counter.fetch_add(usize::from(answer.is_some()), Ordering::Relaxed);
        answer.cloned().unwrap_or_default()
    });
    proxy.break_connections();
    scene.until("all of that was answered", || (all_given.load(Ordering::Relaxed) == 6).then_some(()));
    proxy.set_rule(|_| Fault::Pass);
    scene.set_data("a/s", "k", &payloads.next());
    scene.barrier();
    no_value_is_shown(&mut scene, &payloads);
}
