//! Observes every change of a Secret, by a metadata-only watch of its own, with the time at which the event arrived.
//!
//! It runs while a controller is measured and while the limit is: what it costs the server is in both.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::BytesMut;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::api::{Api, Call, METADATA_EVENTS, METADATA_LIST};
use super::lab::{say, version};

/// Before a watch that ended is begun again.
const PAUSE: Duration = Duration::from_millis(100);

/// How often progress is printed.
const PRINT: Duration = Duration::from_secs(5);

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

/// The result of waiting.
pub(super) struct Seen {
    /// Different objects that did as was waited for.
    pub(super) count: usize,
    /// When the last of them was seen.
    pub(super) last: Instant,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    type_: String,
    object: Object,
}

#[derive(Deserialize)]
struct List {
    metadata: Metadata,
    items: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    namespace: String,
    name: String,
    resource_version: String,
    annotations: serde_json::Map<String, Value>,
}

impl Observer {
    /// Observes all changes from now on. `annotation`: the one that names the version of a replica's source.
    pub(super) async fn start(api: &Api, annotation: &'static str) -> Result<Self> {
        let call = Call::new(Method::GET, "/api/v1/secrets?limit=1".to_owned(), String::new());
        let now = api.json(call).await?;
        let mut version = version(&now)?;
        let (sender, events) = mpsc::unbounded_channel();
        let api = api.clone();
        let task = tokio::spawn(async move {
            while !sender.is_closed() {
                if let Err(error) = watch(&api, annotation, &mut version, &sender).await {
                    say(format_args!("the observer's watch broke: {error:#}"));
                    tokio::time::sleep(PAUSE).await;
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
        let mut printed = last;
        while objects.len() < count {
            let Ok(Some(event)) = tokio::time::timeout_at(end, self.events.recv()).await else { break };
            if wanted(&event) {
                last = event.at;
                objects.insert((event.namespace, event.name));
            }
            if printed.elapsed() > PRINT {
                printed = Instant::now();
                say(format_args!("{} of {count}", objects.len()));
            }
        }
        Seen { count: objects.len(), last }
    }
}

/// Sends all changes after `version`, until the watch ends.
async fn watch(api: &Api, annotation: &str, version: &mut String, sender: &mpsc::UnboundedSender<Event>) -> Result<()> {
    let path = format!("/api/v1/secrets?watch=true&resourceVersion={version}&timeoutSeconds=7200");
    let call = Call { accept: METADATA_EVENTS, ..Call::new(Method::GET, path, String::new()) };
    let response = api.open(call).await?;
    if response.status() == StatusCode::GONE {
        return list(api, annotation, version, sender).await;
    }
    ensure!(response.status().is_success(), "the server answered {}", response.status());
    let mut body = response.into_body();
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let (frame, at) = (frame?, Instant::now());
        let mut searched = buffer.len();
        buffer.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        while let Some(end) = buffer[searched..].iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(searched + end + 1);
            searched = 0;
            let Line { type_, object } = serde_json::from_slice(&line)
                .with_context(|| format!("an event: {}", String::from_utf8_lossy(&line[..line.len().min(300)])))?;
            if type_ == "ERROR" {
                return list(api, annotation, version, sender).await;
            }
            object.metadata.resource_version.clone_into(version);
            if sender.send(event(at, annotation, object.metadata)).is_err() {
                return Ok(());
            }
        }
    }
    // Not at once again, whatever it was.
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

/// The version is too old to watch from: sends all existing Secrets, as if they had changed now.
async fn list(api: &Api, annotation: &str, version: &mut String, sender: &mpsc::UnboundedSender<Event>) -> Result<()> {
    let path = "/api/v1/secrets?resourceVersion=0".to_owned();
    let call = Call { accept: METADATA_LIST, ..Call::new(Method::GET, path, String::new()) };
    let list: List = serde_json::from_slice(&api.send(call).await?)?;
    let at = Instant::now();
    *version = list.metadata.resource_version;
    for item in list.items {
        // Nobody listens any more: then the task ends too.
        let _ = sender.send(event(at, annotation, item.metadata));
    }
    Ok(())
}

fn event(at: Instant, annotation: &str, metadata: Metadata) -> Event {
    let from = metadata.annotations.get(annotation).and_then(Value::as_str).unwrap_or_default();
    Event {
        at,
        from_version: from.to_owned(),
        namespace: metadata.namespace,
        name: metadata.name,
        resource_version: metadata.resource_version,
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
