//! The status address: `/healthz`, `/readyz`, `/livez`.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

use crate::health::Health;

/// Answers until the program ends.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, health: Arc<Health>) -> io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/livez", get(livez))
        .with_state(health);
    axum::serve(listener, routes).await
}

/// As v1.3.0 answered it (SPEC 10).
async fn healthz(State(health): State<Arc<Health>>) -> Response {
    let not_ready = health.not_ready();
    (status(not_ready.is_empty()), Json(json!({ "notReady": not_ready }))).into_response()
}

/// As `healthz`, and not ready any more while the program ends.
async fn readyz(State(health): State<Arc<Health>>) -> Response {
    let (not_ready, stopping) = (health.not_ready(), health.is_stopping());
    let ready = not_ready.is_empty() && !stopping;
    (status(ready), Json(json!({ "notReady": not_ready, "stopping": stopping }))).into_response()
}

async fn livez(State(health): State<Arc<Health>>) -> Response {
    let stuck: Vec<_> = health
        .stuck(Instant::now())
        .into_iter()
        .map(|(resource, silence)| json!({ "watch": resource, "silentForSeconds": silence.as_secs() }))
        .collect();
    (status(stuck.is_empty()), Json(json!({ "stuck": stuck }))).into_response()
}

fn status(well: bool) -> StatusCode {
    if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
