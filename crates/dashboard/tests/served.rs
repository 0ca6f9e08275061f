//! The page as it is served: a real control loop over sockets, against a server that has a few objects and lets the test say what
//! changes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use k8s_replicator_controller::connect;
use k8s_replicator_controller::controller::{Controller, Options};
use k8s_replicator_controller::edge::clock::Clock;
use k8s_replicator_controller::edge::look::Audience;
use k8s_replicator_controller::health::Health;
use k8s_replicator_controller::run;
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::Rules;
use k8s_replicator_core::kind;
use k8s_replicator_core::scope::Scope;
use k8s_replicator_dashboard::feed::{About, Heard};
use k8s_replicator_dashboard::guard::{Hosts, POLICY};
use k8s_replicator_dashboard::server::routes;
use k8s_replicator_dashboard::{Feed, Page};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tower::ServiceExt as _;

const LIMIT: Duration = Duration::from_secs(20);

struct Served {
    routes: Router,
    /// Events of the watch of Secrets.
    events: mpsc::UnboundedSender<Value>,
    /// Events of the watch of namespaces.
    namespaces: mpsc::UnboundedSender<Value>,
    _stop: watch::Sender<bool>,
}

fn secret(key: &str, version: u32, annotations: Value) -> Value {
    let (namespace, name) = key.split_once('/').unwrap();
    json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
        "metadata": {
            "name": name, "namespace": namespace, "uid": format!("uid-{key}"), "resourceVersion": version.to_string(),
            "creationTimestamp": "2026-01-01T00:00:00Z", "annotations": annotations,
        }
    })
}

fn namespace(name: &str, version: u32, labels: Value) -> Value {
    json!({ "metadata": { "name": name, "uid": name, "resourceVersion": version.to_string(), "labels": labels } })
}

fn list(items: &[Value]) -> Response {
    axum::Json(json!({ "kind": "List", "metadata": { "resourceVersion": "50" }, "items": items })).into_response()
}

async fn served() -> Served {
    let (events, of_secrets) = mpsc::unbounded_channel::<Value>();
    let (namespaces, of_namespaces) = mpsc::unbounded_channel::<Value>();
    let to_send = [("/api/v1/secrets", of_secrets), ("/api/v1/namespaces", of_namespaces)];
    let to_send = Arc::new(Mutex::new(HashMap::from(to_send)));
    let api = move |uri: Uri| {
        let to_send = to_send.clone();
        async move {
            let is_watch = uri.query().unwrap_or_default().contains("watch=true");
            match (uri.path(), is_watch) {
                (path, true) => {
                    let Some(events) = to_send.lock().unwrap().remove(path) else {
                        return Response::new(Body::from_stream(
                            futures::stream::pending::<Result<String, Infallible>>(),
                        ));
                    };
                    let lines = futures::stream::unfold(events, |mut events| async {
                        let event = events.recv().await?;
                        Some((Ok::<_, Infallible>(format!("{event}\n")), events))
                    });
                    Response::new(Body::from_stream(lines))
                }
                ("/api/v1/namespaces/a/secrets/gone", _) => {
                    let status = json!({ "kind": "Status", "reason": "NotFound", "code": 404 });
                    (StatusCode::NOT_FOUND, axum::Json(status)).into_response()
                }
                ("/api/v1/namespaces", _) => list(&[
                    namespace("a", 1, json!({ "team": "x", "kubernetes.io/metadata.name": "a" })),
                    namespace("b", 1, json!({ "team": "x" })),
                    namespace("c", 1, json!({})),
                ]),
                ("/api/v1/secrets", _) => list(&[
                    secret("a/closed", 7, json!({ "t/replication-allowed": "false" })),
                    secret("b/one", 8, json!({ "t/replicate-from": "a/closed" })),
                    secret("c/two", 9, json!({ "t/replicate-from": "a/gone" })),
                ]),
                _ => list(&[]),
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(api)).await });
    let file = std::env::temp_dir().join(format!("k8s-replicator-page-{}", url.rsplit(':').next().unwrap()));
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{ name: c, context: {{ cluster: c, user: u }} }}]\n\
         clusters: [{{ name: c, cluster: {{ server: \"{url}\" }} }}]\nusers: [{{ name: u, user: {{}} }}]\n"
    );
    std::fs::write(&file, kubeconfig).unwrap();
    let (connection, url) = connect::open(Some(&file)).await.unwrap();
    let options = Options {
        kinds: kind::ALL.to_vec(),
        scope: Scope::Cluster,
        dialect: Dialect::new("t/", false),
        rules: Rules { removal_delay: Duration::from_secs(600), ..Rules::default() },
        resync_period: Duration::ZERO,
    };
    let (health, (stop, stopped)) = (Arc::new(Health::default()), watch::channel(false));
    let controller = Controller::new(options, url.clone(), &health, &mut run::random_bytes);
    let (hear, heard) = Heard::new();
    let (looks, audience) = Audience::of(hear);
    tokio::spawn(run::run(controller, connection, Clock::start(), stopped, audience));
    let feed = Feed::new(looks, heard, health.clone(), About { version: "1", server: url }, 0xabc);
    tokio::spawn(feed.clone().follow());
    let ready = async {
        while !health.not_ready().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, ready).await.expect("the controller gets ready");
    Served { routes: routes(Page { feed, hosts: Hosts::default() }), events, namespaces, _stop: stop }
}

impl Served {
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::get(path).header("host", "localhost:9103");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The snapshot, when the controller has decided about all targets.
    async fn settled(&self) -> Value {
        let settled = async {
            loop {
                let snapshot = self.json("/api/snapshot").await;
                if snapshot["reasons"] == json!(["ConsentRefused", "SourceMissing"]) {
                    return snapshot;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(LIMIT, settled).await.expect("all targets are there")
    }
}

/// Reads a stream of events until one holds this word.
async fn read_until(response: Response, word: &str) -> String {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    let mut text = String::new();
    let read = async {
        while let Some(piece) = stream.next().await {
            text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
            if text.contains(word) {
                return;
            }
        }
        panic!("it ends without {word:?}: {text}");
    };
    tokio::time::timeout(LIMIT, read).await.unwrap_or_else(|_| panic!("no {word:?} comes"));
    text
}

#[tokio::test]
async fn a_snapshot_then_what_changes_and_on_from_where_one_was() {
    let served = served().await;
    let snapshot = served.settled().await;
    assert_eq!(
        (&snapshot["ready"], &snapshot["kinds"], &snapshot["prefix"]),
        (&json!(true), &json!(["Secret", "ConfigMap"]), &json!("t/"))
    );
    assert_eq!(snapshot["existing_namespaces"], 3);
    assert_eq!(snapshot["rows"]["state"], "31", "{snapshot}");
    assert_eq!(snapshot["rows"]["flags"], "11");
    let id = snapshot["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("abc-"), "{id}");

    // The source is allowed: its target is to be filled.
    let changed = secret("a/closed", 60, json!({ "t/replication-allowed": "true" }));
    served.events.send(json!({ "type": "MODIFIED", "object": changed })).unwrap();
    let events = served.get(&format!("/api/events?after={id}"), &[]).await;
    let text = read_until(events, "\"b/one\"").await;
    assert!(text.contains("id: abc-") && text.contains("\"a/closed\""), "{text}");
    // A target that is deleted is gone, for who comes back with the last id that it had.
    let last = text.rsplit("id: ").next().unwrap().lines().next().unwrap().to_owned();
    let deleted = secret("c/two", 61, json!({ "t/replicate-from": "a/gone" }));
    served.events.send(json!({ "type": "DELETED", "object": deleted })).unwrap();
    let events = served.get("/api/events?after=nonsense", &[("last-event-id", &last)]).await;
    let text = read_until(events, "\"gone\"").await;
    assert!(text.contains("[0,\"c/two\"]"), "{text}");

    // Of another run of the program, or none.
    for after in ["abd-1", "", "abc-999"] {
        let events = served.get(&format!("/api/events?after={after}"), &[]).await;
        let text = read_until(events, "event: reset").await;
        assert!(!text.contains("id:"), "{text}");
    }
}

#[tokio::test]
async fn a_trail_says_why_and_names_no_value() {
    let served = served().await;
    served.settled().await;
    let trail = served.json("/api/trail?kind=Secret&target=b/one").await;
    assert_eq!((&trail["state"], &trail["reason"]), (&json!("refused"), &json!("ConsentRefused")), "{trail}");
    assert_eq!(trail["chain"][0]["key"], "a/closed");
    let command = trail["commands"][0]["text"].as_str().unwrap();
    assert_eq!(
        command,
        "kubectl -n a annotate secret closed --overwrite t/replication-allowed- t/replication-allowed-namespaces=b"
    );
    for (path, status) in [
        ("/api/trail?kind=Pod&target=b/one", StatusCode::NOT_FOUND),
        ("/api/trail?kind=Secret&target=b", StatusCode::BAD_REQUEST),
        ("/api/trail?kind=Secret&target=../x", StatusCode::BAD_REQUEST),
        ("/api/trail", StatusCode::BAD_REQUEST),
        ("/nothing", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(served.get(path, &[]).await.status(), status, "{path}");
    }
}

#[tokio::test]
async fn every_response_carries_the_policy_and_strangers_get_none() {
    let served = served().await;
    for path in
        ["/", "/js/main.js", "/style.css", "/api/snapshot", "/api/events", "/nothing", "/api/trail", "/api/labels"]
    {
        let response = served.get(path, &[]).await;
        let headers = response.headers();
        assert_eq!(headers["content-security-policy"], POLICY, "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin", "{path}");
        assert!(!headers.contains_key("set-cookie") && !headers.contains_key("access-control-allow-origin"), "{path}");
    }
    let rebound = Request::get("/api/snapshot").header("host", "evil.example.com").body(Body::empty()).unwrap();
    let response = served.routes.clone().oneshot(rebound).await.unwrap();
    assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
    let plain = served.get("/api/snapshot", &[]).await;
    assert!(!plain.headers().contains_key("content-encoding"));
    let packed = served.get("/api/snapshot", &[("accept-encoding", "gzip")]).await;
    assert_eq!(
        (&packed.headers()["content-encoding"], &packed.headers()["cache-control"]),
        (&"gzip".parse().unwrap(), &"no-store".parse().unwrap())
    );
}

/// However much happens: what one frame does not tell the next one does.
#[tokio::test]
async fn there_are_ten_frames_a_second_at_most() {
    let served = served().await;
    let snapshot = served.settled().await;
    let id = snapshot["id"].as_str().unwrap();
    let response = served.get(&format!("/api/events?after={id}"), &[]).await;
    let begun = Instant::now();
    for version in 60..260 {
        let allowed = (version % 2 == 0).to_string();
        let changed = secret("a/closed", version, json!({ "t/replication-allowed": allowed }));
        served.events.send(json!({ "type": "MODIFIED", "object": changed })).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let last = secret("c/last", 300, json!({ "t/replicate-from": "a/gone" }));
    served.events.send(json!({ "type": "ADDED", "object": last })).unwrap();
    let text = read_until(response, "\"c/last\"").await;
    let (frames, tenths) = (text.matches("id: ").count(), begun.elapsed().as_millis() / 100);
    assert!(frames > 1 && frames as u128 <= tenths + 1, "{frames} frames in {tenths} tenths of a second");
}

/// The controller has nothing to do there before there is such a namespace, so its journal says nothing of it.
#[tokio::test]
async fn what_waits_for_a_namespace_is_told_when_it_is_asked_for_and_when_it_is_not_any_more() {
    let served = served().await;
    let mut snapshot = served.settled().await;
    let pushes = [(60, json!({ "t/replicate-to": "nowhere/x" })), (61, json!({ "t/replicate-to": "b/y" }))];
    for ((version, annotations), waits) in pushes.into_iter().zip([true, false]) {
        let id = snapshot["id"].as_str().unwrap();
        let events = served.get(&format!("/api/events?after={id}"), &[]).await;
        served.events.send(json!({ "type": "MODIFIED", "object": secret("a/s", version, annotations) })).unwrap();
        read_until(events, "event: reset").await;
        snapshot = served.json("/api/snapshot").await;
        let names = ["nowhere", "x"].map(|name| snapshot.to_string().contains(&format!("\"{name}\"")));
        assert_eq!(names, [waits, waits], "{snapshot}");
        assert_eq!(snapshot["reasons"].as_array().unwrap().contains(&json!("NamespaceMissing")), waits, "{snapshot}");
    }
}

#[tokio::test]
async fn labels_of_namespaces_are_told_to_who_asks_and_that_they_changed_to_all() {
    let served = served().await;
    let snapshot = served.settled().await;
    assert_eq!(served.json("/api/labels").await, json!({ "keys": [["team", 2, 1]] }));
    assert_eq!(served.json("/api/labels?key=team").await, json!({ "values": { "x": ["a", "b"] } }));
    let own = served.json("/api/labels?key=kubernetes.io/metadata.name").await;
    assert_eq!(own, json!({ "values": { "a": ["a"], "b": ["b"], "c": ["c"] } }));
    assert_eq!(served.json("/api/labels?key=none").await, json!({ "values": {} }));

    let (id, revision) = (snapshot["id"].as_str().unwrap(), snapshot["namespaces_revision"].as_u64().unwrap());
    let events = served.get(&format!("/api/events?after={id}"), &[]).await;
    let changed = namespace("b", 60, json!({ "team": "y" }));
    served.namespaces.send(json!({ "type": "MODIFIED", "object": changed })).unwrap();
    let text = read_until(events, "\"namespaces\"").await;
    // Both kinds' graphs have seen it.
    assert!(text.contains(&format!("\"namespaces\":[3,{}]", revision + 2)), "{text}");
    assert_eq!(served.json("/api/labels?key=team").await, json!({ "values": { "x": ["a"], "y": ["b"] } }));
}
