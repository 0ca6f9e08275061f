//! The page's address: its files, `/api/snapshot`, `/api/events`, `/api/trail`, `/api/labels`.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use k8s_replicator_controller::edge::limited::{self, Limits};
use k8s_replicator_core::names::Key;
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::feed::{Feed, Next, Viewer};
use crate::files::{Encoded, File, compressed, takes_gzip};
use crate::guard::{Hosts, guard};

/// A browser has six connections to one address; this is for some dozens of viewers.
const LIMITS: Limits = Limits {
    connections: 128,
    // A viewer whose events end goes on where they ended.
    lifetime: Duration::from_secs(3_600),
    unread: Duration::from_secs(20),
    keep_alive: true,
};
/// A viewer hears something after this time in any case, so that it notices when nobody is there any more.
const PING: Duration = Duration::from_secs(10);
const JSON: &str = "application/json";

/// What the page is served from.
#[derive(Clone)]
pub struct Page {
    /// What changes.
    pub feed: Feed,
    /// Under which names it may be asked for.
    pub hosts: Hosts,
}

/// Serves the page until the program ends.
///
/// # Errors
/// None so far: what fails concerns one connection.
pub async fn serve(listener: TcpListener, page: Page) -> io::Result<()> {
    let following = tokio::spawn(page.feed.clone().follow());
    let served = limited::serve(listener, routes(page), LIMITS).await;
    following.abort();
    served
}

/// All that is served.
pub fn routes(page: Page) -> Router {
    let mut routes = Router::new()
        .route("/api/snapshot", get(snapshot))
        .route("/api/events", get(events))
        .route("/api/trail", get(trail))
        .route("/api/labels", get(labels))
        .with_state(page.feed);
    for (path, file) in File::all() {
        let file = Arc::new(file);
        routes = routes.route(path, get(async move |headers: HeaderMap| file.response(&headers)));
    }
    routes.fallback(nothing).layer(middleware::from_fn_with_state(page.hosts, guard))
}

async fn nothing() -> Response {
    (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response()
}

fn ended() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "The controller has ended.\n").into_response()
}

fn not_stored(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn snapshot(State(feed): State<Feed>, headers: HeaderMap) -> Response {
    let Some(compressed) = feed.snapshot().await else { return ended() };
    if takes_gzip(&headers) {
        return not_stored(Encoded::Gzip(compressed).response(JSON));
    }
    let mut plain = Vec::new();
    match GzDecoder::new(&*compressed).read_to_end(&mut plain) {
        Ok(_) => not_stored(Encoded::Not(plain.into()).response(JSON)),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Deserialize)]
struct After {
    /// The id of the snapshot, for who connects first; afterwards `Last-Event-ID` says more.
    #[serde(default)]
    after: String,
}

async fn events(State(feed): State<Feed>, Query(After { after }): Query<After>, headers: HeaderMap) -> Response {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let viewer = feed.viewer(last.unwrap_or(&after));
    // The first bytes at once: then a browser knows that it is connected. It tries again after a second.
    let hello = Bytes::from_static(b"retry: 1000\n: hello\n\n");
    let events = futures::stream::unfold(Some((viewer, Some(hello))), |state| async {
        let (viewer, hello) = state?;
        match hello {
            Some(hello) => Some((Ok::<_, io::Error>(hello), Some((viewer, None)))),
            None => event(viewer).await,
        }
    });
    let mut response = Response::new(Body::from_stream(events));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    not_stored(response)
}

type Streaming = Option<(Viewer, Option<Bytes>)>;

async fn event(mut viewer: Viewer) -> Option<(io::Result<Bytes>, Streaming)> {
    match tokio::time::timeout(PING, viewer.next()).await {
        Err(_) => Some((Ok(Bytes::from_static(b"event: ping\ndata:\n\n")), Some((viewer, None)))),
        Ok(Some(Next::Frame(_, event))) => Some((Ok(event), Some((viewer, None)))),
        // It begins anew, with a new connection.
        Ok(Some(Next::Reset)) => Some((Ok(Bytes::from_static(b"event: reset\ndata:\n\n")), None)),
        Ok(Some(Next::Nothing) | None) => None,
    }
}

#[derive(Deserialize)]
struct Which {
    kind: String,
    target: String,
}

async fn trail(State(feed): State<Feed>, Query(Which { kind, target }): Query<Which>) -> Response {
    let key = |target: &str| target.split_once('/').and_then(|(namespace, name)| Key::new(namespace, name).ok());
    let Some(target) = key(&target) else {
        return (StatusCode::BAD_REQUEST, "Expected a target as namespace/name.\n").into_response();
    };
    match feed.trail(kind, target.into()).await {
        Err(_) => ended(),
        Ok(None) => (StatusCode::NOT_FOUND, "This kind is not replicated here.\n").into_response(),
        Ok(Some(trail)) => not_stored(axum::Json(trail).into_response()),
    }
}

#[derive(Deserialize)]
struct By {
    /// A label's key; nothing: which there are.
    key: Option<String>,
}

async fn labels(State(feed): State<Feed>, Query(By { key }): Query<By>, headers: HeaderMap) -> Response {
    let json = match key {
        None => feed.label_keys().await.map(|keys| serde_json::to_vec(&keys)),
        Some(key) => feed.label_values(key).await.map(|values| serde_json::to_vec(&values)),
    };
    let Some(json) = json else { return ended() };
    let json = json.unwrap_or_default();
    let body = match takes_gzip(&headers) {
        true => Encoded::Gzip(compressed(&json, Compression::fast())),
        false => Encoded::Not(json.into()),
    };
    not_stored(body.response(JSON))
}
