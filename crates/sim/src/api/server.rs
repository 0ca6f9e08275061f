//! One API server: it reads from a cache that lags behind the store, writes through to the store, and serves watches.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::admission::Policy;
use super::http::{JSON, PROTOBUF, Refusal, Reply, Request};
use super::object::{Id, Object, Resource};
use super::position::Position;
use super::store::{State, Store};
use super::write::{self, Context, Written};
use super::{json as as_json, protobuf};

/// See the [module](self).
#[derive(Debug)]
pub struct Server {
    /// The revision that its cache is at.
    pub revision: u64,
    /// Its cache.
    pub cache: State,
    /// Whether lists and reads without a version are answered from the cache (an aggregator or a cache in between), instead
    /// of by the store, as kube-apiserver does.
    pub stale_reads: bool,
    /// It answers no more objects than this in one page.
    pub page: usize,
}

/// The outcome of a request.
#[derive(Debug)]
pub enum Outcome {
    /// An answer.
    Reply(Reply),
    /// A watch was opened.
    Stream(Box<Stream>),
    /// A webhook hangs: nothing comes back.
    Hangs,
}

/// A watch that is open.
#[derive(Debug)]
pub struct Stream {
    /// What is watched.
    pub resource: Resource,
    /// Where; empty: everywhere.
    pub namespace: String,
    /// All events up to this revision were sent.
    pub cursor: u64,
    is_protobuf: bool,
    /// When the server ends it.
    pub ends: Duration,
    next_bookmark: Duration,
    /// Why it has no events, but one that says so.
    refusal: Option<Refusal>,
}

/// What a continue token of a version that was compacted is answered.
const EXPIRED: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without \
                       the continue parameter, or use the continue token in this response to retrieve the remainder of the results. \
                       Continuing with the provided token results in an inconsistent list - objects that were created, modified, or \
                       deleted between the time the first chunk was returned and now may show up in the list.";

/// About as often as kube-apiserver sends bookmarks.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// It sends the last one so long before the watch's end.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// When a watch that ends at `ends` gets its next bookmark; [`Duration::MAX`]: none any more.
fn next_bookmark(at: Duration, ends: Duration) -> Duration {
    let last = ends.saturating_sub(LAST_BOOKMARK);
    if last > at { last.min(at + BOOKMARKS) } else { Duration::MAX }
}

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// The revision of the list.
    pub revision: u64,
    /// The objects on it.
    pub objects: Vec<Rc<Object>>,
    /// How many come after them.
    pub remaining: u64,
}

impl Server {
    /// A server that has just started.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self { revision: store.revision, cache: store.live.clone(), stale_reads: false, page: 500 }
    }

    /// Reads all from the store again, as after its restart.
    pub fn restart(&mut self, store: &Store) {
        (self.revision, self.cache) = (store.revision, store.live.clone());
    }

    /// Its cache takes up to so many more changes. False: there were none.
    pub fn catch_up(&mut self, store: &Store, changes: usize) -> bool {
        let new = store.changes_after(self.revision);
        for change in new.iter().take(changes) {
            let cache = Rc::make_mut(&mut self.cache);
            match change.deleted {
                true => drop(cache.remove(&change.object.id)),
                false => drop(cache.insert(change.object.id.clone(), change.object.clone())),
            }
            self.revision = change.revision;
        }
        if new.len() <= changes {
            // Other resources were written too, of which progress notifications tell.
            self.revision = store.revision;
        }
        !new.is_empty()
    }

    /// Answers a request.
    pub fn answer(&self, store: &mut Store, request: &Request, policies: &[Policy], at: Duration) -> Outcome {
        self.routed(store, request, policies, at).unwrap_or_else(|refusal| Outcome::Reply(refused(request, &refusal)))
    }

    fn routed(
        &self,
        store: &mut Store,
        request: &Request,
        policies: &[Policy],
        at: Duration,
    ) -> Result<Outcome, Refusal> {
        let parts: Vec<&str> = request.path().split('/').skip(1).collect();
        let unknown = || Refusal::new(404, "NotFound", "the server could not find the requested resource");
        let resource = |plural: &str| Resource::from_plural(plural).ok_or_else(unknown);
        let (resource, namespace, name) = match *parts.as_slice() {
            ["api", "v1", plural] => (resource(plural)?, "", None),
            ["api", "v1", "namespaces", name] => (Resource::Namespace, "", Some(name)),
            ["api", "v1", "namespaces", namespace, plural] => (resource(plural)?, namespace, None),
            ["api", "v1", "namespaces", namespace, plural, name] => (resource(plural)?, namespace, Some(name)),
            _ => return Err(unknown()),
        };
        let Some(name) = name else {
            return match &*request.method {
                "GET" if request.is_watch() => self.watch(store, request, resource, namespace, at),
                "GET" => self.list(store, request, resource, namespace),
                "POST" => self.write(store, request, policies, at, Id::new(resource, namespace, "")),
                _ => Err(unknown()),
            };
        };
        let id = Id::new(resource, namespace, name);
        if request.method == "GET" {
            let objects = if self.stale_reads { &self.cache } else { &store.live };
            let object = objects.get(&id).ok_or_else(|| Refusal::missing(&id))?;
            return Ok(Outcome::Reply(granted(request, object)));
        }
        self.write(store, request, policies, at, id)
    }

    fn write(
        &self,
        store: &mut Store,
        request: &Request,
        policies: &[Policy],
        at: Duration,
        mut id: Id,
    ) -> Result<Outcome, Refusal> {
        let manager = request.parameter("fieldManager");
        let manager = if manager.is_empty() { "unknown" } else { &manager };
        let context = Context { at, manager, policies, seen: &self.cache };
        let body: Value = serde_json::from_slice(&request.body)
            .map_err(|_| Refusal::new(400, "BadRequest", "the body of the request was in an unknown format"))?;
        let written = match (&*request.method, &*request.content_type) {
            ("POST", _) => {
                body["metadata"]["name"].as_str().unwrap_or_default().clone_into(&mut id.name);
                write::create(store, as_json::read(&body, None, &id)?, context)?
            }
            ("PATCH", "application/json-patch+json") => write::patch(store, &id, &body, context)?,
            ("PATCH", kind) if kind.starts_with("application/apply-patch") => {
                write::apply(store, &id, &body, request.parameter("force") == "true", context)?
            }
            ("DELETE", _) => write::delete(store, &id, &body, context)?,
            _ => {
                return Err(Refusal::new(
                    415,
                    "UnsupportedMediaType",
                    "the body of the request was in an unsupported format",
                ));
            }
        };
        Ok(match written {
            Written::Created(object) => Outcome::Reply(Reply { status: 201, ..granted(request, &object) }),
            Written::Now(object) => Outcome::Reply(granted(request, &object)),
            Written::Gone(object) => {
                let (content_type, body) = match request.takes_protobuf() {
                    true => (PROTOBUF, protobuf::deleted(&object)),
                    false => (JSON, as_json::deleted(&object).to_string().into_bytes()),
                };
                Outcome::Reply(Reply { status: 200, content_type, retry_after: None, body })
            }
            Written::Hangs => Outcome::Hangs,
        })
    }

    /// What a list shows.
    ///
    /// # Errors
    /// When its token is none, or of a revision that is compacted.
    pub fn page(&self, store: &Store, request: &Request, resource: Resource, namespace: &str) -> Result<Page, Refusal> {
        let token = request.parameter("continue");
        let limit: usize = request.parameter("limit").parse().unwrap_or(usize::MAX).min(self.page).max(1);
        let now = if self.stale_reads { self.revision } else { store.revision };
        let position = if token.is_empty() { None } else { Some(Position::read(&token)?) };
        let (revision, after) = position.map_or((now, String::new()), |it| (it.revision.unwrap_or(now), it.after));
        if revision < store.compacted || revision > store.revision {
            // The token for the rest of a list of another moment, of which nobody makes use.
            let continue_ = Position { revision: None, after }.token().into();
            return Err(Refusal { continue_, ..Refusal::new(410, "Expired", EXPIRED) });
        }
        let objects = if revision == store.revision { store.live.clone() } else { Rc::new(store.at(revision)) };
        let wanted = |id: &Id| id.resource == resource && (namespace.is_empty() || id.namespace == namespace);
        let mut rest = objects.iter().filter(|(id, _)| wanted(id) && id.key() > after);
        let page: Vec<Rc<Object>> = rest.by_ref().take(limit).map(|(_, object)| Rc::clone(object)).collect();
        Ok(Page { revision, objects: page, remaining: rest.count() as u64 })
    }

    fn list(&self, store: &Store, request: &Request, resource: Resource, namespace: &str) -> Result<Outcome, Refusal> {
        let Page { revision, objects, remaining } = self.page(store, request, resource, namespace)?;
        let remaining = (remaining > 0).then_some(remaining);
        let continue_ = match (remaining, objects.last()) {
            (Some(_), Some(last)) => Position { revision: Some(revision), after: last.id.key() }.token(),
            _ => String::new(),
        };
        let objects = objects.iter().map(|object| &**object);
        let (content_type, body) = if request.takes_protobuf() {
            (PROTOBUF, protobuf::list(revision, &continue_, remaining, objects))
        } else {
            let item = if request.metadata_only() { as_json::partial } else { as_json::whole };
            let mut metadata = json!({ "resourceVersion": revision.to_string() });
            if !continue_.is_empty() {
                metadata["continue"] = json!(continue_);
                metadata["remainingItemCount"] = json!(remaining);
            }
            let items: Vec<Value> = objects.map(item).collect();
            // Go's list that nothing was added to.
            let items = if items.is_empty() { Value::Null } else { Value::Array(items) };
            let list = json!({ "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items });
            (JSON, list.to_string().into_bytes())
        };
        Ok(Outcome::Reply(Reply { status: 200, content_type, retry_after: None, body }))
    }

    fn watch(
        &self,
        store: &Store,
        request: &Request,
        resource: Resource,
        namespace: &str,
        at: Duration,
    ) -> Result<Outcome, Refusal> {
        let version = request.parameter("resourceVersion");
        let cursor: u64 = version.parse().map_err(|_| {
            let why = format!("strconv.ParseUint: parsing {version:?}: invalid syntax");
            Refusal::new(500, "", format!("resourceVersion: Invalid value: {version:?}: {why}"))
        })?;
        // It is answered by 200 all the same: kube-apiserver tells what is wrong with a watch in the watch.
        let refusal = (cursor < store.compacted).then(|| {
            let message = format!("too old resource version: {cursor} ({})", store.compacted);
            Refusal::new(410, "Expired", message)
        });
        let seconds = request.parameter("timeoutSeconds").parse().unwrap_or(1_800);
        let ends = if refusal.is_some() { at } else { at + Duration::from_secs(seconds) };
        let namespace = namespace.to_owned();
        let stream = Stream {
            resource,
            namespace,
            cursor,
            is_protobuf: request.takes_protobuf(),
            ends,
            next_bookmark: next_bookmark(at, ends),
            refusal,
        };
        Ok(Outcome::Stream(Box::new(stream)))
    }
}

impl Stream {
    /// `Content-Type` of the stream.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        if self.is_protobuf { "application/vnd.kubernetes.protobuf;stream=watch" } else { JSON }
    }

    fn frame(&self, type_: &str, object: &Object) -> Vec<u8> {
        if self.is_protobuf {
            return protobuf::frame(type_, &protobuf::partial(object));
        }
        line(type_, &as_json::partial(object))
    }

    /// The events that the server's cache has and that were not sent to the watch yet, each as its bytes. An old server that was
    /// restored to an earlier version has none for as long as it is behind the watch.
    pub fn events(&mut self, server: &Server, store: &Store, at: Duration) -> Vec<Vec<u8>> {
        self.events_with_revisions(server, store, at).into_iter().map(|(_, frame)| frame).collect()
    }

    /// The same, each with the revision that whoever got it knows of.
    pub fn events_with_revisions(&mut self, server: &Server, store: &Store, at: Duration) -> Vec<(u64, Vec<u8>)> {
        let mut frames = Vec::new();
        if let Some(refusal) = self.refusal.take() {
            return vec![(self.cursor, self.last_word(&refusal))];
        }
        for change in store.changes_after(self.cursor).iter().take_while(|change| change.revision <= server.revision) {
            let id = &change.object.id;
            if id.resource == self.resource && (self.namespace.is_empty() || id.namespace == self.namespace) {
                let type_ = match (change.deleted, change.existed) {
                    (true, _) => "DELETED",
                    (false, true) => "MODIFIED",
                    (false, false) => "ADDED",
                };
                frames.push((change.revision, self.frame(type_, &change.object)));
            }
        }
        self.cursor = self.cursor.max(server.revision.min(store.revision));
        if at < self.next_bookmark {
            return frames;
        }
        self.next_bookmark = next_bookmark(at, self.ends);
        if self.cursor == server.revision {
            let frame = match self.is_protobuf {
                true => protobuf::frame("BOOKMARK", &protobuf::bookmark(self.cursor)),
                false => line("BOOKMARK", &as_json::bookmark(self.cursor)),
            };
            frames.push((self.cursor, frame));
        }
        frames
    }

    /// When there will be something to send, or to end, if nothing changes before.
    #[must_use]
    pub fn wakes(&self) -> Duration {
        self.ends.min(self.next_bookmark)
    }

    /// The `ERROR` event that ends a watch.
    #[must_use]
    pub fn last_word(&self, refusal: &Refusal) -> Vec<u8> {
        if self.is_protobuf {
            return protobuf::frame("ERROR", &protobuf::status(refusal));
        }
        line("ERROR", &as_json::status(refusal))
    }
}

/// One watch event of a stream in JSON.
fn line(type_: &str, object: &Value) -> Vec<u8> {
    format!("{}\n", json!({ "type": type_, "object": object })).into_bytes()
}

/// An object as the answer to a request.
fn granted(request: &Request, object: &Object) -> Reply {
    let (content_type, body) = match (request.metadata_only(), request.takes_protobuf()) {
        (true, true) => (PROTOBUF, protobuf::partial(object)),
        (true, false) => (JSON, as_json::partial(object).to_string().into_bytes()),
        (false, true) => (PROTOBUF, protobuf::whole(object)),
        (false, false) => (JSON, as_json::whole(object).to_string().into_bytes()),
    };
    Reply { status: 200, content_type, retry_after: None, body }
}

/// A refusal as the answer to a request. Who asks for metadata alone is refused in JSON, also if protobuf would be taken: an API server
/// transforms no `Status`, and so takes `Accept` for one that it cannot fulfil (`ErrorNegotiated`).
#[must_use]
pub fn refused(request: &Request, refusal: &Refusal) -> Reply {
    let (content_type, body) = match request.takes_protobuf() && !request.metadata_only() {
        true => (PROTOBUF, protobuf::status(refusal)),
        false => (JSON, as_json::status(refusal).to_string().into_bytes()),
    };
    let retry_after = refusal.retry_after.filter(|_| refusal.code == 429);
    Reply { status: refusal.code, content_type, retry_after, body }
}
