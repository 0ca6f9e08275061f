//! Sees every Secret change, by a metadata-only watch of its own, with the moment at which it was told.
//!
//! It runs while a controller is measured and while the limit is: what it costs the server is in both.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::BytesMut;
use http::Method;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::api::{Api, Call, METADATA_EVENTS};

/// A Secret was created or changed.
pub(super) struct Event {
    pub(super) at: Instant,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) resource_version: String,
    /// The version of the source that it says it holds; empty: none.
    pub(super) from_version: String,
}

/// See the [module](self).
pub(super) struct Observer {
    events: mpsc::UnboundedReceiver<Event>,
    task: JoinHandle<()>,
}

/// What came of waiting.
pub(super) struct Seen {
    /// Different objects that did as was waited for.
    pub(super) count: usize,
    /// When the last of them was seen.
    pub(super) last: Instant,
}

#[derive(Deserialize)]
struct Line {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
    resource_version: String,
    #[serde(default)]
    annotations: serde_json::Map<String, Value>,
}

impl Observer {
    /// Sees all changes from now on. `from_version`: the annotation of that meaning.
    pub(super) async fn start(api: &Api, from_version: &'static str) -> Result<Self> {
        let call = |path: String| Call::new(Method::GET, path, String::new());
        let now = api.json(call("/api/v1/secrets?limit=1".to_owned())).await?;
        let version = now["metadata"]["resourceVersion"].as_str().context("a list without a version")?;
        let path = format!("/api/v1/secrets?watch=true&resourceVersion={version}&timeoutSeconds=7200");
        let mut body = api.open(Call { accept: METADATA_EVENTS, ..call(path) }).await?.into_body();
        let (sender, events) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut buffer = BytesMut::new();
            while let Some(Ok(frame)) = body.frame().await {
                let at = Instant::now();
                buffer.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
                while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                    let line = buffer.split_to(end + 1);
                    let Ok(Line { object: Object { metadata } }) = serde_json::from_slice(&line) else { continue };
                    let from = metadata.annotations.get(from_version).and_then(Value::as_str).unwrap_or_default();
                    let event = Event {
                        at,
                        from_version: from.to_owned(),
                        namespace: metadata.namespace,
                        name: metadata.name,
                        resource_version: metadata.resource_version,
                    };
                    if sender.send(event).is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Self { events, task })
    }

    /// Waits until `count` different objects did as `wanted` says, or nothing was seen for too long, or `patience` is over.
    pub(super) async fn until(&mut self, count: usize, patience: Duration, wanted: impl Fn(&Event) -> bool) -> Seen {
        let end = tokio::time::Instant::now() + patience;
        let mut objects = HashSet::new();
        let mut last = Instant::now();
        while objects.len() < count {
            let Ok(Some(event)) = tokio::time::timeout_at(end, self.events.recv()).await else { break };
            if wanted(&event) {
                last = event.at;
                objects.insert((event.namespace, event.name));
            }
        }
        Seen { count: objects.len(), last }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
