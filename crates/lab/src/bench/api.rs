//! The bench's client of the API server: plain requests, many side by side.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http::{Method, Request, header};
use k8s_replicator_controller::connect::connect;
use kube::client::Body;
use serde_json::Value;
use tokio::task::JoinSet;

/// As the controller asks for metadata in JSON.
pub(super) const METADATA_EVENTS: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/// The same for a list.
pub(super) const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
pub(super) const JSON: &str = "application/json";
pub(super) const JSON_PATCH: &str = "application/json-patch+json";

/// A client of one user. Cheap to clone; its clones share their connections.
#[derive(Clone)]
pub(super) struct Api {
    client: kube::Client,
}

/// One request to be sent.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) content_type: &'static str,
    pub(super) accept: &'static str,
    pub(super) body: String,
}

impl Call {
    /// One that sends JSON and asks for JSON.
    pub(super) fn new(method: Method, path: String, body: String) -> Self {
        let content_type = if method == Method::PATCH { JSON_PATCH } else { JSON };
        Self { method, path, content_type, accept: JSON, body }
    }
}

impl Api {
    /// A client with connections of its own, as the controller makes them: what differs is not to be the way there.
    pub(super) async fn new(kubeconfig: &Path) -> Result<Self> {
        let (client, _) = connect(Some(kubeconfig)).await?;
        Ok(Self { client })
    }

    /// An answer whose body is still to come.
    pub(super) async fn open(&self, call: Call) -> Result<http::Response<Body>> {
        let request = Request::builder()
            .method(&call.method)
            .uri(&call.path)
            .header(header::ACCEPT, call.accept)
            .header(header::CONTENT_TYPE, call.content_type)
            .body(Body::from(call.body.into_bytes()))?;
        Ok(self.client.send(request).await?)
    }

    /// One request that has to succeed, and the bytes of its answer.
    pub(super) async fn send(&self, call: Call) -> Result<bytes::Bytes> {
        let what = format!("{} {}", call.method, call.path);
        let response = self.open(call).await.with_context(|| what.clone())?;
        let status = response.status();
        let body = response.into_body().collect_bytes().await.with_context(|| what.clone())?;
        if !status.is_success() {
            bail!("{what}: {status} {}", String::from_utf8_lossy(&body[..body.len().min(500)]));
        }
        Ok(body)
    }

    /// The same, and the answer's JSON.
    pub(super) async fn json(&self, call: Call) -> Result<Value> {
        Ok(serde_json::from_slice(&self.send(call).await?)?)
    }

    /// Sends `count` requests, `at_once` of them side by side. Answers how long all of them took.
    pub(super) async fn parallel(
        &self,
        count: usize,
        at_once: usize,
        call: impl Fn(usize) -> Call + Send + Sync + 'static,
    ) -> Result<Duration> {
        let (call, next) = (Arc::new(call), Arc::new(AtomicUsize::new(0)));
        let start = Instant::now();
        let mut workers = JoinSet::new();
        for _ in 0..at_once.min(count) {
            let (api, call, next) = (self.clone(), call.clone(), next.clone());
            workers.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return Ok(());
                    }
                    api.send(call(number)).await?;
                }
            });
        }
        while let Some(ended) = workers.join_next().await {
            let ended: Result<()> = ended?;
            ended?;
        }
        Ok(start.elapsed())
    }
}
