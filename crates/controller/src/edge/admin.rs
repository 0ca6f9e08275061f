//! The status address: `/healthz`, `/readyz`, `/livez`, `/metrics`.
//!
//! It has [limits](super::limited): a connection is for one request, and has [`LIFETIME`] for all of it. There are
//! [`MOST_CONNECTIONS`] at most. So the kubelet gets its response, even if others hold connections open.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

use super::clock::Clock;
use super::limited::{self, Limits};
use super::metrics::{Format, Scraper};
use crate::health::Health;

/// More connections than that are not open at once. The kubelet has one or two.
pub const MOST_CONNECTIONS: usize = 64;
/// A connection is closed after this time at the latest. A response takes a millisecond.
pub const LIFETIME: Duration = Duration::from_secs(10);
/// What the responses are made from.
#[derive(Clone)]
struct Status {
    health: Arc<Health>,
    clock: Clock,
    scraper: Scraper,
}

/// Answers until the program ends.
///
/// # Errors
/// None so far: what fails concerns one connection.
pub async fn serve(listener: TcpListener, health: Arc<Health>, clock: Clock, scraper: Scraper) -> io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/livez", get(livez))
        .route("/metrics", get(metrics))
        .with_state(Status { health, clock, scraper });
    let limits = Limits { connections: MOST_CONNECTIONS, lifetime: LIFETIME, unread: LIFETIME, keep_alive: false };
    limited::serve(listener, routes, limits).await
}

/// As v1.3.0 answered it (SPEC 10).
async fn healthz(State(Status { health, .. }): State<Status>) -> Response {
    let not_ready = health.not_ready();
    (status(not_ready.is_empty()), Json(json!({ "notReady": not_ready }))).into_response()
}

/// As `healthz`, and not ready any more while the program ends. With `--leader-elect` it also says whether this program is a
/// standby. A standby is ready too: its lists are complete.
async fn readyz(State(Status { health, .. }): State<Status>) -> Response {
    let (not_ready, stopping) = (health.not_ready(), health.is_stopping());
    let ready = not_ready.is_empty() && !stopping;
    let mut answer = json!({ "notReady": not_ready, "stopping": stopping });
    if let Some(standby) = health.is_standby() {
        answer["standby"] = json!(standby);
    }
    (status(ready), Json(answer)).into_response()
}

async fn livez(State(Status { health, clock, .. }): State<Status>) -> Response {
    let stuck: Vec<_> = health
        .stuck(clock.moment())
        .into_iter()
        .map(|(resource, silence)| json!({ "watch": resource, "silentForSeconds": silence.as_secs() }))
        .collect();
    (status(stuck.is_empty()), Json(json!({ "stuck": stuck }))).into_response()
}

/// Answers 503 while the controller ends, so that Prometheus sees it as down.
async fn metrics(State(Status { health, clock, scraper }): State<Status>, headers: HeaderMap) -> Response {
    let format = Format::asked_for(&headers);
    match scraper.exposition(&health, clock, format).await {
        Some(exposition) => ([(header::CONTENT_TYPE, format.content_type())], exposition).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn status(well: bool) -> StatusCode {
    if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;
    use crate::edge::limited::{BUFFER, HEADERS};
    use crate::edge::look::Audience;

    async fn served() -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Arc::default(), Clock::start(), Scraper::new(Audience::looking().0)));
        address
    }

    async fn livez_answers(address: std::net::SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    /// Waits until the server closes the connection.
    async fn is_closed(mut stream: TcpStream) {
        let mut rest = Vec::new();
        // Reset or closed: both will do.
        let _ = stream.read_to_end(&mut rest).await;
    }

    /// Issue 1: the status port has limits. Half-sent requests stayed open, each with its buffer.
    #[tokio::test]
    async fn half_sent_requests_do_not_stay_and_the_kubelet_is_answered_meanwhile() {
        const HALF_SENT: usize = 300;
        let address = served().await;
        let mut open = Vec::new();
        for _ in 0..HALF_SENT {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /livez HTTP/1.1\r\nX-Slow: ").await.unwrap();
            open.push(stream);
        }
        let response = tokio::time::timeout(Duration::from_secs(2), livez_answers(address)).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 200 OK") && response.ends_with("{\"stuck\":[]}"), "{response}");
        // All but the newest are closed at once: long before their time is over.
        let newest = open.split_off(HALF_SENT - MOST_CONNECTIONS + 1);
        let closed = async {
            for stream in open {
                is_closed(stream).await
            }
        };
        tokio::time::timeout(HEADERS / 2, closed).await.expect("more connections than allowed stay open");
        let closed = async {
            for stream in newest {
                is_closed(stream).await
            }
        };
        tokio::time::timeout(LIFETIME + HEADERS, closed).await.expect("half-open connections stay");
    }

    #[tokio::test]
    async fn a_silent_connection_and_one_that_never_ends_its_body_are_closed() {
        let address = served().await;
        let silent = TcpStream::connect(address).await.unwrap();
        let mut endless = TcpStream::connect(address).await.unwrap();
        endless.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\nx").await.unwrap();
        let closed = async { tokio::join!(is_closed(silent), is_closed(endless)) };
        tokio::time::timeout(LIFETIME + HEADERS, closed).await.expect("it stays open");
    }

    #[tokio::test]
    async fn headers_without_end_are_refused() {
        let mut stream = TcpStream::connect(served().await).await.unwrap();
        let _ = stream.write_all(&[b"GET /livez HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; 4 * BUFFER]].concat()).await;
        let closed = tokio::time::timeout(HEADERS / 2, is_closed(stream)).await;
        closed.expect("it goes on reading");
    }
}
