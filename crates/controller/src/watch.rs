//! One resource's list and watch, metadata only, in all namespaces or in one.
//!
//! Flow: list in pages → watch from the list's version → on its end watch again from the last version seen → on 410 (the
//! version is too old) list again.
//!
//! Guarantees: what the consumer is given is in the order of the server's events; a list that fails in the middle is begun
//! again, and `Ends` comes only after a whole one; attempts are never made in a hot loop, whatever the server answers;
//! every wait has an end. It ends by itself only when the server's versions went back: then only a new start helps.
//!
//! Caveat: an object that vanished while no watch was running is not named by any event. The consumer has to compare at
//! `Ends`.

mod wire;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use k8s_replicator_core::observed::{ReadError, ResourceVersion};
use k8s_replicator_core::scope::Part;
use kube::Client;
use kube::client::Body;
use tracing::{debug, error, info, warn};

use crate::cluster::kube::{METADATA_ONLY, exchange, unreachable};
use crate::cluster::object::Object;
use crate::cluster::status::refusal;
use crate::cluster::{Failure, FailureKind};
use crate::health::Progress;
use crate::queue::backoff;
use crate::window;

use wire::{Events, FIRST_PAGE, Page, SMALLEST_PAGE, escape, next_page};

/// A list of metadata alone: as protobuf, which is a quarter of the size and the time, or as JSON from whoever cannot.
const METADATA_LISTS: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
                              application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const PROTOBUF: &[u8] = b"application/vnd.kubernetes.protobuf";
/// An answer that is longer is cut off and asked for again in smaller pieces: whoever makes many objects with long annotations (256 KiB
/// at most) must not make this program run out of memory.
const LONGEST_PAGE: usize = 32 << 20;
/// The longest event: 256 KiB of annotations as JSON, managed fields, with room to spare.
const LONGEST_EVENT: usize = 8 << 20;
/// The server is asked to end a watch after this time.
const WATCH_SECONDS: u32 = 290;
/// Bookmarks come about once a minute; a watch that is silent for longer than two has lost its connection.
const LONGEST_IDLE: Duration = Duration::from_secs(150);
/// A watch that ended sooner counts as a failure: it is not opened again at once.
const SHORTEST_WATCH: Duration = Duration::from_secs(5);
/// After so many failures in a row to watch from one version, it is listed again: there may be no watching on from it.
const MOST_FAILED_WATCHES: u32 = 3;
/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What the consumer is told.
#[derive(Debug)]
pub enum Change<'a> {
    /// A list begins.
    Begins,
    /// The object exists.
    Seen(Object<'a>),
    /// The list is complete, and shows what was there at this version.
    Ends(&'a str),
    /// The object was deleted.
    Deleted(Object<'a>),
}

/// Takes what a watch tells.
pub trait Consumer: Send {
    /// Takes one change.
    fn take(&mut self, change: Change<'_>);

    /// Hands on what was taken. False: nobody wants it any more.
    fn flush(&mut self) -> impl Future<Output = bool> + Send;
}

/// See the [module](self).
pub struct Watch {
    client: Client,
    /// The server's address, for messages.
    url: String,
    /// The resource in the core API group: `secrets`.
    resource: &'static str,
    /// Where.
    part: Part,
    progress: Arc<Progress>,
    entropy: Box<dyn FnMut() -> u8 + Send + Sync>,
}

/// Why a watch stopped delivering.
enum End {
    /// It has to be listed again.
    Expired,
    /// It ended as it should, or was cut off.
    Closed,
    /// It could not be had.
    Failed(Failure),
    /// The consumer is gone.
    Unwanted,
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Watch {
    /// A watch of `resource` in one part of the cluster; `entropy` spreads the attempts of many programs.
    #[must_use]
    pub fn new(
        client: Client,
        url: String,
        resource: &'static str,
        part: Part,
        progress: Arc<Progress>,
        entropy: Box<dyn FnMut() -> u8 + Send + Sync>,
    ) -> Self {
        Self { client, url, resource, part, progress, entropy }
    }

    /// Watches until the consumer wants no more.
    pub async fn run(mut self, mut consumer: impl Consumer) {
        // The version to go on from; none: list first.
        let mut version: Option<String> = None;
        let mut newest = ResourceVersion::new("");
        let mut failures = 0;
        let mut told = Told::default();
        loop {
            let begun = Instant::now();
            let listing = version.is_none();
            let end = match &mut version {
                None => match self.list(&mut consumer).await {
                    Ok(listed) if ResourceVersion::new(&listed).is_older_than(&newest) => {
                        let (resource, version) = (self.resource, listed);
                        error!(
                            resource,
                            version,
                            "the API server's versions went back from {newest}, as after etcd was restored from a backup: \
                             nothing that was known can be compared with what is there now; starting anew helps"
                        );
                        return;
                    }
                    Ok(listed) => {
                        info!(resource = self.resource, namespace = self.namespace(), "listed");
                        told = Told::default();
                        version = Some(listed);
                        continue;
                    }
                    Err(end) => end,
                },
                Some(version) => {
                    let end = self.watch(version, &mut consumer).await;
                    newest = ResourceVersion::new(version);
                    end
                }
            };
            self.progress.made();
            if begun.elapsed() >= SHORTEST_WATCH {
                failures = 0;
            }
            let pause = backoff(failures + 2, LONGEST_PAUSE, (self.entropy)());
            let verb = if listing { "list" } else { "watch" };
            match end {
                End::Unwanted => return,
                End::Expired => {
                    let namespace = self.namespace();
                    debug!(resource = self.resource, namespace, "the version to watch from is too old; listing again");
                    version = None;
                }
                End::Closed => debug!(resource = self.resource, namespace = self.namespace(), "watch closed"),
                End::Failed(failure) => {
                    let error = self.explain(verb, &failure);
                    if told.is_news(&error) {
                        let (resource, namespace) = (self.resource, self.namespace());
                        let reason = failure.kind.reason().code();
                        warn!(resource, namespace, verb, reason, error, "cannot {verb} {resource}; trying again");
                    }
                    let pause = failure.retry_after.unwrap_or_default().min(window::LONGEST_PAUSE).max(pause);
                    failures += 1;
                    // Where there is an answer but no watch from this version, as when the server cannot decrypt what was
                    // deleted (KEP-3926), a list shows what is there now.
                    let is_about_it = matches!(failure.kind, FailureKind::Server | FailureKind::Invalid);
                    if failures >= MOST_FAILED_WATCHES && is_about_it {
                        version = None;
                    }
                    tokio::time::sleep(pause).await;
                    continue;
                }
            }
            if begun.elapsed() < SHORTEST_WATCH {
                failures += 1;
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Gives the consumer a whole list, and answers the version to watch from.
    ///
    /// While one page is read the server works on the next.
    async fn list(&self, consumer: &mut impl Consumer) -> Result<String, End> {
        consumer.take(Change::Begins);
        let (mut limit, mut position) = (FIRST_PAGE, String::new());
        let mut answer = self.page(limit, &position).await;
        loop {
            let smaller = match &answer {
                Err(failure) if failure.kind == FailureKind::Server => (limit / 8).max(SMALLEST_PAGE),
                // It may have been too much for the server.
                Err(_) => FIRST_PAGE,
                Ok(_) => limit,
            };
            if smaller < limit {
                limit = smaller;
                answer = self.page(limit, &position).await;
                continue;
            }
            let (status, headers, body) = answer?;
            self.progress.made();
            if status == StatusCode::GONE {
                return Err(End::Expired);
            }
            if !status.is_success() {
                return Err(refusal(status, &headers, &body).into());
            }
            let size = body.len();
            let page = Page::read(body, is_protobuf(&headers))?;
            if page.continue_.is_empty() {
                let version = page.give(consumer).await?;
                consumer.take(Change::Ends(&version));
                return if consumer.flush().await { Ok(version) } else { Err(End::Unwanted) };
            }
            position = escape(&page.continue_);
            limit = next_page(limit, size);
            let (next, given) = tokio::join!(self.page(limit, &position), page.give(consumer));
            given?;
            answer = next;
        }
    }

    async fn page(&self, limit: usize, position: &str) -> Result<(StatusCode, http::HeaderMap, Bytes), Failure> {
        let continue_ = if position.is_empty() { String::new() } else { format!("&continue={position}") };
        let request = self.request(METADATA_LISTS, &format!("limit={limit}{continue_}"))?;
        exchange(&self.client, request, LONGEST_PAGE).await
    }

    /// Gives the consumer every event after `version`, and moves it on.
    async fn watch(&self, version: &mut String, consumer: &mut impl Consumer) -> End {
        match self.stream(version, consumer).await {
            Ok(end) | Err(end) => end,
        }
    }

    async fn stream(&self, version: &mut String, consumer: &mut impl Consumer) -> Result<End, End> {
        let query = format!(
            "watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={}",
            escape(version)
        );
        let request = self.request(METADATA_ONLY, &query)?;
        let response = within(LONGEST_IDLE, self.client.send(request)).await?;
        let response = response.map_err(|error| unreachable(&error))?;
        let (parts, mut body) = response.into_parts();
        if parts.status == StatusCode::GONE {
            return Ok(End::Expired);
        }
        if !parts.status.is_success() {
            let body = within(LONGEST_IDLE, http_body_util::Limited::new(body, LONGEST_EVENT).collect()).await?;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            return Err(refusal(parts.status, &parts.headers, &body).into());
        }
        let mut events = Events::new(is_protobuf(&parts.headers));
        while let Some(frame) = within(LONGEST_IDLE, body.frame()).await? {
            self.progress.made();
            let Ok(data) = frame.map_err(|error| unreachable(&error))?.into_data() else { continue };
            events.push(&data)?;
            while let Some(event) = events.next() {
                if let Some(end) = event.take(version, consumer)? {
                    return Ok(end);
                }
            }
            if !consumer.flush().await {
                return Ok(End::Unwanted);
            }
        }
        Ok(End::Closed)
    }

    fn request(&self, accept: &str, query: &str) -> Result<http::Request<Body>, Failure> {
        let path = match &self.part {
            Part::Cluster => format!("/api/v1/{}", self.resource),
            Part::Namespace(namespace) => format!("/api/v1/namespaces/{namespace}/{}", self.resource),
        };
        http::Request::get(format!("{path}?{query}"))
            .header(header::ACCEPT, accept)
            .body(Body::empty())
            .map_err(|error| unreachable(&error))
    }

    /// The field of the log.
    fn namespace(&self) -> Option<&str> {
        match &self.part {
            Part::Cluster => None,
            Part::Namespace(namespace) => Some(namespace),
        }
    }

    /// The server's words, with what to do about it.
    fn explain(&self, verb: &str, failure: &Failure) -> String {
        let (resource, url, said) = (self.resource, &self.url, &failure.message);
        match failure.kind {
            FailureKind::Forbidden => {
                let place = match &self.part {
                    Part::Cluster => "all namespaces".to_owned(),
                    Part::Namespace(namespace) => format!("the namespace \"{namespace}\""),
                };
                format!("{said}; the controller's account needs the verb \"{verb}\" on \"{resource}\" in {place}")
            }
            FailureKind::Unreachable => format!("no answer from the API server at {url}: {said}"),
            _ => said.clone(),
        }
    }
}

/// A failure is told when it is another one than before, and once in a while.
#[derive(Default)]
pub(crate) struct Told {
    last: Option<(String, Instant)>,
}

impl Told {
    pub(crate) fn is_news(&mut self, error: &str) -> bool {
        const AGAIN_AFTER: Duration = Duration::from_secs(60);
        let old = matches!(&self.last, Some((last, at)) if last == error && at.elapsed() < AGAIN_AFTER);
        if !old {
            self.last = Some((error.to_owned(), Instant::now()));
        }
        !old
    }
}

fn is_protobuf(headers: &http::HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|type_| type_.as_bytes().starts_with(PROTOBUF))
}

async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(time, future)
        .await
        .map_err(|_| Failure::new(FailureKind::Unreachable, format!("nothing came for {} s", time.as_secs())))
}

/// Says where, and never what: an annotation can hold a Secret.
pub(crate) fn unreadable(error: impl Into<ReadError>) -> Failure {
    let message = format!("the answer cannot be read: {}", error.into());
    Failure::new(FailureKind::Server, message)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::response::{IntoResponse as _, Response};
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::health::Health;

    struct Nobody;
    impl Consumer for Nobody {
        fn take(&mut self, _: Change<'_>) {}
        async fn flush(&mut self) -> bool {
            true
        }
    }

    /// A watch of what this server says.
    async fn of(server: Router) -> Watch {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, server).await });
        to(url)
    }

    fn to(url: String) -> Watch {
        let client = Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap();
        Watch::new(client, url, "secrets", Part::Cluster, Health::default().watch("secrets"), Box::new(|| 0))
    }

    /// SPEC 8: a missed event changes nothing in the end. The server cannot give what follows a version, and says so by an
    /// error that is no 410: as since Kubernetes 1.32 when an object that cannot be decrypted is deleted (KEP-3926), where
    /// client-go lists again. To watch from the same version for ever is to be blind, while /healthz and /livez say 200.
    #[tokio::test]
    async fn when_no_watch_from_a_version_succeeds_it_is_listed_again() {
        static LISTS: AtomicUsize = AtomicUsize::new(0);
        static WATCHES: AtomicUsize = AtomicUsize::new(0);
        async fn api(uri: http::Uri) -> Response {
            let query = uri.query().unwrap_or_default();
            if !query.starts_with("watch") {
                let lists = LISTS.fetch_add(1, Ordering::Relaxed);
                return format!(r#"{{"metadata":{{"resourceVersion":"{}"}},"items":[]}}"#, 9 + lists).into_response();
            }
            WATCHES.fetch_add(1, Ordering::Relaxed);
            if query.ends_with("resourceVersion=9") {
                let status =
                    r#"{"kind":"Status","code":500,"reason":"StorageReadError","message":"corrupt object deleted"}"#;
                return format!("{{\"type\":\"ERROR\",\"object\":{status}}}\n").into_response();
            }
            std::future::pending().await
        }
        let watch = of(Router::new().fallback(api)).await;
        let _ = tokio::time::timeout(Duration::from_secs(8), watch.run(Nobody)).await;
        let (lists, watches) = (LISTS.load(Ordering::Relaxed), WATCHES.load(Ordering::Relaxed));
        assert!(lists > 1, "{watches} watches from version 9 failed in 8 s, and it was never listed again");
    }

    /// Issue 4: memory does not grow with what is none of its business; 180 objects with annotations as long as Kubernetes lets them be are
    /// 46 MB, and the rest is small.
    #[tokio::test]
    async fn long_annotations_are_listed_in_small_pieces() {
        const LONG: usize = 180;
        const ALL: usize = 400;
        async fn api(uri: http::Uri) -> Response {
            let query = uri.query().unwrap_or_default();
            let of = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.parse().ok());
            let Some(limit) = of("limit=") else { std::future::pending().await };
            let begin: usize = of("continue=").unwrap_or(0);
            let end = ALL.min(begin + limit);
            let item = |n: usize| {
                let long = if n < LONG { "x".repeat(256 << 10) } else { String::new() };
                format!(r#"{{"metadata":{{"namespace":"ns","name":"x{n}","annotations":{{"other":"{long}"}}}}}}"#)
            };
            let items = (begin..end).map(item).collect::<Vec<_>>().join(",");
            let continue_ = if end < ALL { end.to_string() } else { String::new() };
            let metadata = format!(r#"{{"resourceVersion":"9","continue":"{continue_}"}}"#);
            format!(r#"{{"metadata":{metadata},"items":[{items}]}}"#).into_response()
        }
        #[derive(Default)]
        struct Counter(usize, Option<tokio::sync::oneshot::Sender<usize>>);
        impl Consumer for Counter {
            fn take(&mut self, change: Change<'_>) {
                match change {
                    Change::Seen(_) => self.0 += 1,
                    Change::Ends(_) => self.1.take().unwrap().send(self.0).unwrap(),
                    _ => {}
                }
            }
            async fn flush(&mut self) -> bool {
                true
            }
        }
        let watch = of(Router::new().fallback(api)).await;
        let (sender, seen) = tokio::sync::oneshot::channel();
        let seen = tokio::select! {
            () = watch.run(Counter(0, Some(sender))) => panic!("it ended"),
            () = tokio::time::sleep(Duration::from_secs(60)) => panic!("it never came to an end"),
            seen = seen => seen.unwrap(),
        };
        assert_eq!(seen, ALL);
    }

    /// Issue 3: attempts are never made in a hot loop. A server that breaks off has not said that a page is too long: it is asked again after
    /// a pause, for as much as before.
    #[tokio::test]
    async fn whoever_breaks_off_is_not_asked_for_less_at_once() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let watch = tokio::spawn(to(url).run(Nobody));
        for _ in 0..2 {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 64];
            connection.read_exact(&mut asked).await.unwrap();
            let asked = String::from_utf8(asked).unwrap();
            assert!(asked.starts_with(&format!("GET /api/v1/secrets?limit={FIRST_PAGE} ")), "{asked}");
        }
        watch.abort();
    }
}
