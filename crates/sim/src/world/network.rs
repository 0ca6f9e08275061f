//! Requests, responses and watch events under way between controllers and API servers, and how they get lost.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use http::StatusCode;
use k8s_replicator_controller::cluster::{Failure, FailureKind};
use k8s_replicator_controller::controller::RequestId;
use k8s_replicator_controller::wire::{Received, Response};

use super::step::{Fate, Flow, Rivalry};
use super::{Violation, World};
use crate::api::events::Events;
use crate::api::http::{Refusal, Reply, Request, headers};
use crate::api::lease::Leases;
use crate::api::object::{Id, Object, Resource};
use crate::api::rbac::Roles;
use crate::api::server::{Outcome, Stream, refused};
use crate::properties::Known;

/// Which start of which controller sent something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sender {
    pub(super) slot: usize,
    pub(super) start: u64,
    pub(super) started: std::time::Duration,
    pub(super) known: Known,
    /// It knew each object by its watches, and by responses about that object alone, of which there had been so many that showed it more.
    pub(super) has_watches: bool,
    pub(super) gaps: usize,
}

/// A request under way.
pub(super) struct Flight {
    pub(super) sender: Sender,
    pub(super) id: RequestId,
    pub(super) request: Request,
    /// When it was sent.
    pub(super) sent: std::time::Duration,
    /// 1: it goes to the other API server.
    pub(super) turn: usize,
    /// The controller does not wait for it any more.
    pub(super) is_cancelled: bool,
    pub(super) progress: Progress,
    /// Which place in the history the answer shows.
    pub(super) shown: Option<usize>,
    /// What it lists, if it is a list.
    pub(super) listed: Option<Listed>,
}

/// What a page of a list shows.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) watched: Watched,
    pub(super) objects: Vec<Id>,
    /// Whether it is the last one: what was on none of them does not exist.
    pub(super) is_last: bool,
}

/// How far it got.
#[derive(Debug)]
pub(super) enum Progress {
    /// It has not reached the server.
    Sent,
    /// The answer is on its way; `None`: the connection broke.
    Answered(Option<Reply>),
    /// Nothing ever comes back.
    Hangs,
}

/// What a watch is about: a resource, and the namespace; empty: everywhere.
pub(super) type Watched = (Resource, String);

/// An answer that is delivered as it comes.
pub(super) struct Pipe {
    pub(super) sender: Sender,
    pub(super) id: RequestId,
    server: usize,
    /// The watch, as long as the server keeps it open.
    pub(super) stream: Option<Box<Stream>>,
    pub(super) head: Option<(u16, &'static str, Option<u64>)>,
    /// What is watched; `None`: it is an answer of another kind, or nobody listens.
    pub(super) watched: Option<Watched>,
    /// Events that are on their way, each with its revision (of a watch).
    pub(super) frames: VecDeque<(u64, Vec<u8>)>,
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn broken() -> Received {
    Received::Failed(Failure::new(FailureKind::Unreachable, "connection reset by peer"))
}

/// A page that stands in for the API server's answer.
fn page(code: u16, body: &str) -> Reply {
    let content_type = if body.starts_with('{') { "application/json" } else { "text/plain" };
    Reply { status: code, content_type, retry_after: None, body: body.into() }
}

impl World {
    /// The nth of what is under way and has not reached a server.
    pub(super) fn nth_sent(&self, nth: usize) -> Option<usize> {
        let sent = |flight: &Flight| matches!(flight.progress, Progress::Sent) && !self.is_cut_off(flight.sender);
        let places: Vec<usize> = (0..self.flights.len()).filter(|at| sent(&self.flights[*at])).collect();
        (!places.is_empty()).then(|| places[nth % places.len()])
    }

    /// The nth of the writes that have not reached a server.
    pub(super) fn nth_write(&self, nth: usize) -> Option<usize> {
        let writes = |at: &usize| {
            let flight = &self.flights[*at];
            let request = &flight.request;
            let writes = request.is_write() && !Events::is_about(request);
            writes && matches!(flight.progress, Progress::Sent) && !self.is_cut_off(flight.sender)
        };
        let places: Vec<usize> = (0..self.flights.len()).filter(writes).collect();
        (!places.is_empty()).then(|| places[nth % places.len()])
    }

    /// The nth of what was answered.
    pub(super) fn nth_answered(&self, nth: usize) -> Option<usize> {
        let answered =
            |flight: &Flight| matches!(flight.progress, Progress::Answered(_)) && !self.is_cut_off(flight.sender);
        let places: Vec<usize> = (0..self.flights.len()).filter(|at| answered(&self.flights[*at])).collect();
        (!places.is_empty()).then(|| places[nth % places.len()])
    }

    pub(super) fn is_cut_off(&self, sender: Sender) -> bool {
        self.processes[sender.slot].as_ref().is_some_and(|process| process.start == sender.start && process.is_cut_off)
    }

    pub(super) fn cancel(&mut self, start: u64, id: RequestId) {
        self.pipes.retain(|pipe| !(pipe.sender.start == start && pipe.id == id));
        // Requests that have not reached the server may still do so; nobody takes their responses.
        let is_it = |flight: &Flight| flight.sender.start == start && flight.id == id;
        self.flights.retain(|flight| !is_it(flight) || matches!(flight.progress, Progress::Sent));
        self.flights.iter_mut().filter(|flight| is_it(flight)).for_each(|flight| flight.is_cancelled = true);
    }

    /// A request reaches an API server.
    pub(super) fn carry(&mut self, at: usize, fate: Fate) -> Result<(), Violation> {
        let flight = &self.flights[at];
        let (sender, request, sent) = (flight.sender, flight.request.clone(), flight.sent);
        let own = self.processes[sender.slot].as_ref().map_or(0, |process| process.server);
        let server = (own + flight.turn) % 2;
        let fate = self.proxies[sender.slot]
            .filter(|(_, all)| *all || !request.is_write())
            .map_or(fate, |(status, _)| Fate::Proxy(status));
        let refusal = |refusal: &Refusal| Some(refused(&request, refusal));
        let simple = |code: u16, reason: &'static str| refused(&request, &Refusal::new(code, reason, "it went wrong"));
        let throttled = Refusal { retry_after: Some(1), ..Refusal::new(429, "TooManyRequests", "too many requests") };
        let instead = match fate {
            Fate::Fine | Fate::ReplyLost | Fate::TimedOutButDone => None,
            Fate::RequestLost => Some(None),
            Fate::Refused(429) => Some(refusal(&throttled)),
            Fate::Refused(code) => Some(Some(simple(code, reason_of(code)))),
            Fate::Proxy(200) => Some(Some(page(
                200,
                "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Success\"}",
            ))),
            Fate::Proxy(404) => Some(Some(page(404, "404 page not found\n"))),
            Fate::Proxy(code) => Some(Some(page(code, "<html><body>Service Unavailable</body></html>"))),
        };
        if let Some(reply) = instead {
            self.tell(|| format!("{} {} of controller {}: {fate:?}", request.method, request.uri, sender.slot));
            if let (Fate::Proxy(200), Some(id)) = (fate, request.about().filter(|_| request.is_write())) {
                // The controller takes the proxy's 200 for the success of its write, and may say so.
                self.recorded.wrote(sender.start, &id, &request.method);
            }
            return self.answered(at, reply);
        }
        let target = request.is_write().then(|| request.about()).flatten();
        let before = target.as_ref().and_then(|id| self.store.get(id).cloned());
        let revision = self.store.revision;
        let outcome = if Leases::is_about(&request) {
            Outcome::Reply(self.leases.answer(&request))
        } else if let Some(refusal) = self.roles_of(sender).and_then(|roles| roles.refuse(&request)) {
            Outcome::Reply(refused(&request, &refusal))
        } else if Events::is_about(&request) {
            Outcome::Reply(self.answer_event(&request))
        } else {
            self.servers[server].answer(&mut self.store, &request, &self.policies, self.now)
        };
        let is_shown = matches!(&outcome, Outcome::Reply(reply) if matches!(reply.status, 200 | 201 | 404));
        if is_shown && fate == Fate::Fine {
            // It shows the object, or that there is none; or a page of a list, all pages of which are of one moment.
            let is_cached = self.setting.stale_reads && request.method == "GET";
            let mut revision = if is_cached { self.servers[server].revision } else { self.store.revision };
            if let Some(watched) = request.lists()
                && let Ok(page) = self.servers[server].page(&self.store, &request, watched.0, &watched.1)
            {
                revision = page.revision;
                let objects = page.objects.iter().map(|object| object.id.clone()).collect();
                self.flights[at].listed = Some(Listed { watched, objects, is_last: page.remaining == 0 });
            }
            self.flights[at].shown = Some(self.store.position_at(revision));
        }
        let is_refused = matches!(&outcome, Outcome::Reply(reply) if reply.status >= 400);
        self.refused += usize::from(request.is_write() && is_refused && !Events::is_about(&request));
        let is_dull = request.whole.is_none() || (request.path().split('/').count() < 5 && !request.is_write());
        let is_dull = is_dull || Leases::is_about(&request);
        let is_dull = is_dull && matches!(&outcome, Outcome::Reply(Reply { status: 200, .. }) | Outcome::Stream(_));
        if !(is_dull && self.is_quiet()) {
            self.tell(|| {
                let what = match &outcome {
                    Outcome::Reply(reply) => reply.status.to_string(),
                    Outcome::Stream(_) => "a watch".to_owned(),
                    Outcome::Hangs => "nothing: a webhook hangs".to_owned(),
                };
                let fate = if fate == Fate::Fine { String::new() } else { format!(" ({fate:?})") };
                format!("server {server} answers {} {}: {what}{fate}", request.method, request.uri)
            });
        }
        if request.is_write() && target.is_none() && self.store.revision != revision {
            let what = format!("{} {} changed what no controller may write", request.method, request.uri);
            return Err(Violation::new("safety", what));
        }
        if let Some(id) = &target {
            if !is_refused {
                self.recorded.wrote(sender.start, id, &request.method);
            }
            self.judge(sender, id, before.as_ref(), sent)?;
            self.revert(id, before.as_ref());
        }
        match outcome {
            Outcome::Hangs => {
                self.flights[at].progress = Progress::Hangs;
                Ok(())
            }
            Outcome::Stream(stream) => {
                let flight = self.flights.remove(at);
                if fate != Fate::Fine {
                    self.deliver(sender, flight.id, broken());
                    return Ok(());
                }
                let head = Some((200, stream.content_type(), None));
                let watched = (!flight.is_cancelled).then(|| (stream.resource, stream.namespace.clone()));
                if let Some(watched) = watched.clone() {
                    self.begins_to_watch(sender, watched, stream.cursor);
                }
                let (id, frames) = (flight.id, VecDeque::new());
                self.pipes.push(Pipe { sender, id, server, stream: Some(stream), head, watched, frames });
                Ok(())
            }
            Outcome::Reply(_) if fate == Fate::ReplyLost => self.answered(at, None),
            Outcome::Reply(_) if fate == Fate::TimedOutButDone => {
                let reply = simple(504, "Timeout");
                self.answered(at, Some(reply))
            }
            Outcome::Reply(reply) => self.answered(at, Some(reply)),
        }
    }

    /// The Roles of a controller's account; `None`: it may do everything.
    fn roles_of(&self, sender: Sender) -> Option<Roles> {
        let named = self.setting.controllers[sender.slot].namespaces;
        let has_role = |namespace: &&'static str| !self.without_role.contains(namespace);
        (!named.is_empty()).then(|| Roles(named.iter().copied().filter(has_role).collect()))
    }

    /// A rival takes back what a controller wrote.
    fn revert(&mut self, id: &Id, before: Option<&Rc<Object>>) {
        const RIVAL: &str = "rival-operator";
        let is_new = self.store.get(id).map(Rc::as_ptr) != before.map(Rc::as_ptr);
        let takes_back = |rivalry| is_new && self.rivals.contains(&(id.clone(), rivalry));
        match (before, self.store.get(id)) {
            (None, Some(_)) if takes_back(Rivalry::Creations) => {
                self.delete(id, RIVAL);
                self.tell(|| format!("{RIVAL} deletes {id}"));
            }
            (Some(before), None) if takes_back(Rivalry::Deletions) => {
                self.make(Object { finalizers: Vec::new(), ..(**before).clone() }, RIVAL);
                self.tell(|| format!("{RIVAL} makes {id} again"));
            }
            (Some(before), Some(object)) if takes_back(Rivalry::Changes) && !object.immutable => {
                let changed = self.change(id, RIVAL, |object| {
                    (object.data, object.binary_data) = (before.data.clone(), before.binary_data.clone());
                    (object.annotations, object.labels) = (before.annotations.clone(), before.labels.clone());
                });
                if changed {
                    self.tell(|| format!("{RIVAL} puts {id} back as it was"));
                }
            }
            (_, Some(object)) if takes_back(Rivalry::Writes) && !object.immutable => self.put_theirs(id),
            _ => {}
        }
    }

    fn put_theirs(&mut self, id: &Id) {
        let type_ = self.store.get(id).and_then(|object| object.type_.clone());
        let theirs = super::users::data(id.resource, type_.as_deref().unwrap_or(""), 3);
        if self.change(id, "rival-operator", |object| object.data = theirs) {
            self.tell(|| format!("rival-operator writes its own data into {id}"));
        }
    }

    fn answered(&mut self, at: usize, reply: Option<Reply>) -> Result<(), Violation> {
        if self.flights[at].request.whole.is_some() {
            self.flights[at].progress = Progress::Answered(reply);
            return Ok(());
        }
        let Flight { sender, id, .. } = self.flights.remove(at);
        match reply {
            None => self.deliver(sender, id, broken()),
            Some(reply) => {
                let head = Some((reply.status, reply.content_type, reply.retry_after));
                let frames = [(0, reply.body)].into();
                self.pipes.push(Pipe { sender, id, server: 0, stream: None, head, watched: None, frames });
            }
        }
        Ok(())
    }

    /// An answer reaches a controller.
    pub(super) fn arrive(&mut self, at: usize) {
        let Flight { sender, id, request, progress, shown, listed, .. } = self.flights.remove(at);
        if let Some((object, shown)) = request.about().zip(shown) {
            self.is_shown(sender, object, shown);
        }
        let is_too_long = |reply: &Reply| reply.body.len() > request.whole.unwrap_or(usize::MAX);
        if let Progress::Answered(Some(reply)) = &progress
            && let Some((listed, shown)) = listed.zip(shown)
            && !is_too_long(reply)
        {
            self.is_listed(sender, listed, shown);
        }
        let received = match progress {
            Progress::Answered(Some(reply)) if is_too_long(&reply) => Received::TooLong,
            Progress::Answered(Some(reply)) => {
                let headers = headers(reply.content_type, reply.retry_after);
                Received::Response(Response { status: status(reply.status), headers, body: Bytes::from(reply.body) })
            }
            _ => broken(),
        };
        self.deliver(sender, id, received);
    }

    /// The server sends the events that it has for a watch.
    fn fill(&mut self, at: usize) {
        let pipe = &mut self.pipes[at];
        let Some(stream) = &mut pipe.stream else { return };
        pipe.frames.extend(stream.events_with_revisions(&self.servers[pipe.server], &self.store, self.now));
        if self.now >= stream.ends {
            pipe.stream = None;
        }
    }

    /// Events of a watch reach the controller. False: there are none.
    pub(super) fn flow(&mut self, at: usize, flow: Flow) -> bool {
        self.fill(at);
        let (sender, id) = (self.pipes[at].sender, self.pipes[at].id);
        if let Some((code, content_type, retry_after)) = self.pipes[at].head.take() {
            self.deliver(sender, id, Received::Head(status(code), headers(content_type, retry_after)));
            return true;
        }
        if flow == Flow::Expired
            && let Some(stream) = self.pipes[at].stream.take()
        {
            let refusal = Refusal::new(410, "Expired", "too old resource version");
            self.pipes[at].frames = [(0, stream.last_word(&refusal))].into();
            self.tell(|| "the server ends a watch: 410 Expired".to_owned());
            return true;
        }
        let pipe = &mut self.pipes[at];
        let watched = pipe.watched.clone();
        let Some((mut revision, frame)) = pipe.frames.pop_front() else {
            if pipe.stream.is_none() {
                self.pipes.remove(at);
                self.deliver(sender, id, Received::Closed);
                return true;
            }
            return false;
        };
        match flow {
            Flow::Whole | Flow::Expired => self.deliver(sender, id, Received::Data(Bytes::from(frame))),
            Flow::All => {
                revision = self.pipes[at].frames.back().map_or(revision, |(last, _)| *last);
                let rest = self.pipes[at].frames.drain(..).map(|(_, frame)| frame);
                let all: Vec<u8> = std::iter::once(frame).chain(rest).flatten().collect();
                self.deliver(sender, id, Received::Data(Bytes::from(all)));
            }
            Flow::Pieces(size) => {
                for piece in frame.chunks(usize::from(size).max(1)) {
                    self.deliver(sender, id, Received::Data(Bytes::copy_from_slice(piece)));
                }
            }
            Flow::Cut(size) => {
                // The connection breaks in the middle of it.
                let end = usize::from(size) % frame.len().max(1);
                self.pipes.remove(at);
                self.deliver(sender, id, Received::Data(Bytes::copy_from_slice(&frame[..end])));
                self.deliver(sender, id, broken());
            }
            Flow::Twice => {
                self.deliver(sender, id, Received::Data(Bytes::from(frame.clone())));
                self.deliver(sender, id, Received::Data(Bytes::from(frame)));
            }
            Flow::Never => {
                self.lost = Some(self.now);
                let process = self.processes[sender.slot].as_mut().filter(|process| process.start == sender.start);
                process.into_iter().for_each(|process| process.misses_events = true);
                self.tell(|| "a watch event gets lost".to_owned());
            }
        }
        if let Some(watched) = watched.filter(|_| !matches!(flow, Flow::Cut(_) | Flow::Never)) {
            self.has_seen(sender, watched, revision);
        }
        true
    }

    /// The connection of a watch breaks.
    pub(super) fn cut(&mut self, at: usize) {
        let pipe = self.pipes.remove(at);
        self.tell(|| format!("a connection of controller {} breaks", pipe.sender.slot));
        self.deliver(pipe.sender, pipe.id, broken());
    }

    /// Whether a watch has events that can be delivered.
    pub(super) fn has_events(&mut self, at: usize) -> bool {
        self.fill(at);
        let pipe = &self.pipes[at];
        pipe.head.is_some() || !pipe.frames.is_empty() || pipe.stream.is_none()
    }
}

fn reason_of(code: u16) -> &'static str {
    match code {
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    }
}
