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
use super::lab::version;

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
    /// Sees all changes from now on. `annotation`: the one that names the version of a replica's source.
    pub(super) async fn start(api: &Api, annotation: &'static str) -> Result<Self> {
        let call = Call::new(Method::GET, "/api/v1/secrets?limit=1".to_owned(), String::new());
        let now = api.json(call).await?;
        let mut version = version(&now)?;
        let (sender, events) = mpsc::unbounded_channel();
        let api = api.clone();
        let task = tokio::spawn(async move {
            while !sender.is_closed() {
                if let Err(error) = watch(&api, annotation, &mut version, &sender).await {
                    eprintln!("    (the observer's watch broke: {error:#})");
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

/// Tells of all changes after `version`, until the watch ends.
async fn watch(api: &Api, annotation: &str, version: &mut String, sender: &mpsc::UnboundedSender<Event>) -> Result<()> {
    let path = format!("/api/v1/secrets?watch=true&resourceVersion={version}&timeoutSeconds=7200");
    let call = Call { accept: METADATA_EVENTS, ..Call::new(Method::GET, path, String::new()) };
    let mut body = api.open(call).await?.into_body();
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let (frame, at) = (frame?, Instant::now());
        let mut searched = buffer.len();
        buffer.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        while let Some(end) = buffer[searched..].iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(searched + end + 1);
            searched = 0;
            let Line { object: Object { metadata } } = serde_json::from_slice(&line)
                .with_context(|| format!("an event: {}", String::from_utf8_lossy(&line[..line.len().min(300)])))?;
            metadata.resource_version.clone_into(version);
            let from = metadata.annotations.get(annotation).and_then(Value::as_str).unwrap_or_default();
            let event = Event {
                at,
                from_version: from.to_owned(),
                namespace: metadata.namespace,
                name: metadata.name,
                resource_version: metadata.resource_version,
            };
            if sender.send(event).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
