//! A large cluster under load, on virtual time: one controller that replicates Secrets, and one model API server whose answers take time.
//!
//! [`World`](crate::world::World) looks for rare orders in a small cluster; this looks at how long things take, and at how much is
//! held, in a large one. So the store keeps no history, nothing gets lost, and requests go on side by side: each is [`WAY`] under way
//! in each direction, and the server works on one after the other, as etcd does.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use k8s_replicator_controller::controller::{Controller, Options, RequestId, Want};
use k8s_replicator_controller::event::Now;
use k8s_replicator_controller::health::Health;
use k8s_replicator_controller::metrics::{Metric, Value};
use k8s_replicator_controller::wire::{Expects, HttpRequest, Received, Response};
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::Rules;
use k8s_replicator_core::kind::Secret;
use k8s_replicator_core::scope::Scope;

use crate::api::admission::Policy;
use crate::api::http::{Refusal, Reply, Request, headers};
use crate::api::object::{Id, Object, Resource};
use crate::api::server::{Outcome, Server, Stream, refused};
use crate::api::store::Store;
use crate::api::write::{self, Context, EPOCH, wall};
use crate::dice::Dice;
use crate::spec::PREFIX;

/// A message takes so long to the server, or back.
pub const WAY: Duration = Duration::from_millis(1);
/// The server takes so long for a read,
const READ: Duration = Duration::from_micros(200);
/// and so long for a write: 1,000 a second, about what an API server on two cores does.
const WRITE: Duration = Duration::from_millis(1);
/// Watch events are sent so long after the change.
const EVENTS: Duration = Duration::from_millis(2);
/// The controller's thread takes so long before it goes on with what it had no time for.
const TURN: Duration = Duration::from_millis(1);
/// What a server that is overloaded says (`k8s.io/apiserver`, `priority-and-fairness.go`).
const RETRY_AFTER: u64 = 1;

/// What happens at some time.
enum Due {
    /// A request reaches the server.
    Serve(RequestId, Request),
    /// A response reaches the controller.
    Arrive(RequestId, Reply, Expects),
    /// The server sends watch events.
    Events,
}

/// What was seen of the controller.
#[derive(Debug, Default)]
pub struct Seen {
    /// How many requests it sent in each second, but for lists and watches.
    pub requests: BTreeMap<u64, usize>,
    /// When it sent each write, by the target.
    pub writes: BTreeMap<String, Vec<Duration>>,
    /// The most requests for targets that were under way at once.
    pub most_under_way: usize,
    /// How many bytes it holds now,
    pub held: isize,
    /// and the most that it held between two calls.
    pub most_held: isize,
    /// How many log lines it wrote.
    pub lines: usize,
}

/// How many targets stand in a controller's queues, of all kinds, by what they wait for.
#[must_use]
pub fn queue_of(controller: &Controller, now: Now) -> BTreeMap<&'static str, usize> {
    let mut waiting = BTreeMap::new();
    for sample in controller.metrics(now).of(Metric::QueueDepth) {
        if let (Some(what), Value::Number(number)) = (sample.labels.last(), &sample.value) {
            *waiting.entry(*what).or_default() += *number as usize;
        }
    }
    waiting
}

/// See the [module](self).
pub struct Load {
    now: Duration,
    due: BTreeMap<(Duration, u64), Due>,
    sequence: u64,
    store: Store,
    server: Server,
    /// The server has time for the next request then.
    free_at: Duration,
    /// Whether events are about to be sent.
    sends_events: bool,
    streams: Vec<(RequestId, Box<Stream>)>,
    controller: Option<Controller>,
    wakes: Duration,
    is_stirred: bool,
    allocated: fn() -> usize,
    /// Policies in force.
    pub policies: Vec<Policy>,
    /// Whether the server answers every request by 429.
    pub throttles: bool,
    /// What was seen of the controller.
    pub seen: Seen,
}

impl Load {
    /// An empty cluster, and no controller yet. `allocated`: how many bytes the process has allocated.
    #[must_use]
    pub fn new(allocated: fn() -> usize) -> Self {
        let store = Store::without_history();
        Self {
            now: Duration::ZERO,
            due: BTreeMap::new(),
            sequence: 0,
            server: Server::new(&store),
            store,
            free_at: Duration::ZERO,
            sends_events: false,
            streams: Vec::new(),
            controller: None,
            wakes: Duration::MAX,
            is_stirred: false,
            allocated,
            policies: Vec::new(),
            throttles: false,
            seen: Seen::default(),
        }
    }

    /// Starts the controller.
    pub fn start(&mut self) {
        let options = Options {
            kinds: vec![&Secret],
            scope: Scope::Cluster,
            dialect: Dialect::new(PREFIX, false),
            rules: Rules::default(),
            resync_period: Duration::ZERO,
        };
        let before = (self.allocated)();
        let mut dice = Dice::new(1);
        let mut entropy = || -> Box<dyn FnMut() -> u8 + Send + Sync> {
            let mut own = Dice::new(dice.number());
            Box::new(move || own.number().to_le_bytes()[0])
        };
        let url = "https://server".to_owned();
        self.controller = Some(Controller::new(options, url, &Health::default(), &mut entropy));
        self.account(before);
        self.is_stirred = true;
        self.wakes = self.now;
    }

    /// The time since the beginning.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// An object, if there is one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Object> {
        self.store.get(&secret(key)).map(|object| &**object)
    }

    /// How many objects there are, with the namespaces.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.store.live.len()
    }

    /// How many targets stand in the controller's queue, by what they wait for.
    #[must_use]
    pub fn queue(&self) -> BTreeMap<&'static str, usize> {
        self.controller.as_ref().map(|controller| queue_of(controller, self.clocks())).unwrap_or_default()
    }

    // --- Users ---

    /// Somebody makes a namespace.
    pub fn namespace(&mut self, name: &str) {
        let mut namespace = Object::new(Id::of_namespace(name));
        (namespace.uid, namespace.created) = (self.store.new_uid(), wall(self.now));
        self.store.put(self.now, namespace);
        self.send_events();
    }

    /// Somebody creates a Secret, or replaces what is there.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn put(&mut self, key: &str, annotations: &[(&str, &str)], value: &str) {
        let mut object = Object::new(secret(key));
        let prefixed = |(name, value): &(&str, &str)| (format!("{PREFIX}{name}"), value.as_bytes().to_vec());
        object.annotations = annotations.iter().map(prefixed).collect();
        object.data.insert("k".to_owned(), encoded(value));
        let context = Context { at: self.now, manager: "kubectl", policies: &[], seen: &self.server.cache };
        let put = match self.store.get(&object.id) {
            None => write::create(&mut self.store, object, context),
            Some(_) => {
                let id = object.id.clone();
                let Object { annotations, data, .. } = object;
                write::update(&mut self.store, &id, context, |old| (old.annotations, old.data) = (annotations, data))
            }
        };
        put.expect("the server takes it");
        self.send_events();
    }

    // --- Time ---

    /// Goes on until this time.
    pub fn run_until(&mut self, end: Duration) {
        self.run_while(end, |_| true);
    }

    /// Goes on as long as this holds, at the longest until this time. Answers whether it ended before.
    pub fn run_while(&mut self, end: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        while holds(self) {
            let Some(next) = self.next_time().filter(|at| *at <= end) else {
                self.now = self.now.max(end);
                return false;
            };
            self.now = self.now.max(next);
            self.turn();
        }
        true
    }

    fn next_time(&self) -> Option<Duration> {
        let due = self.due.first_key_value().map(|((at, _), _)| *at);
        let streams = self.streams.iter().map(|(_, stream)| stream.wakes());
        let wakes = Some(if self.is_stirred { self.now } else { self.wakes });
        due.into_iter().chain(wakes).chain(streams).min().filter(|at| *at < Duration::MAX)
    }

    fn turn(&mut self) {
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= self.now) {
            match entry.remove() {
                Due::Serve(id, request) => self.serve(id, &request),
                Due::Arrive(id, reply, expects) => self.arrive(id, &reply, expects),
                Due::Events => {
                    self.sends_events = false;
                    self.events();
                }
            }
        }
        if self.streams.iter().any(|(_, stream)| stream.wakes() <= self.now) {
            self.events();
        }
        if self.is_stirred || self.wakes <= self.now {
            self.poll();
        }
    }

    fn at(&mut self, at: Duration, due: Due) {
        self.sequence += 1;
        self.due.insert((at, self.sequence), due);
    }

    fn send_events(&mut self) {
        if !std::mem::replace(&mut self.sends_events, true) {
            self.at(self.now + EVENTS, Due::Events);
        }
    }

    // --- The server ---

    fn serve(&mut self, id: RequestId, request: &Request) {
        let revision = self.store.revision;
        let outcome = if self.throttles {
            let refusal = Refusal::new(429, "TooManyRequests", "Too many requests, please try again later.");
            Outcome::Reply(refused(request, &Refusal { retry_after: Some(RETRY_AFTER), ..refusal }))
        } else {
            self.server.answer(&mut self.store, request, &self.policies, self.now)
        };
        match outcome {
            Outcome::Reply(reply) => {
                let expects = request.whole.map_or(Expects::Stream, Expects::Whole);
                self.at(self.now + WAY, Due::Arrive(id, reply, expects));
            }
            Outcome::Stream(stream) => {
                let content_type = stream.content_type();
                self.deliver(id, || Received::Head(StatusCode::OK, headers(content_type, None)));
                self.streams.push((id, stream));
                self.send_events();
            }
            Outcome::Hangs => {}
        }
        if self.store.revision != revision {
            self.send_events();
        }
    }

    /// Each watch gets the events that it did not get yet.
    fn events(&mut self) {
        self.server.catch_up(&self.store, usize::MAX);
        for (id, mut stream) in std::mem::take(&mut self.streams) {
            let frames = stream.events(&self.server, &self.store, self.now).concat();
            if !frames.is_empty() {
                self.deliver(id, || Received::Data(Bytes::copy_from_slice(&frames)));
            }
            if self.now >= stream.ends {
                self.deliver(id, || Received::Closed);
            } else {
                self.streams.push((id, stream));
            }
        }
    }

    // --- The controller ---

    fn clocks(&self) -> Now {
        let seconds = EPOCH + i64::try_from(self.now.as_secs()).unwrap_or(0);
        Now { moment: self.now, time: jiff::Timestamp::from_second(seconds).unwrap_or_default() }
    }

    /// What was allocated since then, or given back, is the controller's.
    fn account(&mut self, before: usize) {
        let bytes = |count: usize| isize::try_from(count).unwrap_or(isize::MAX);
        self.seen.held += bytes((self.allocated)()) - bytes(before);
        self.seen.most_held = self.seen.most_held.max(self.seen.held);
    }

    /// `received` is made here, so that its memory counts as the controller's.
    fn deliver(&mut self, id: RequestId, received: impl FnOnce() -> Received) {
        let (now, before) = (self.clocks(), (self.allocated)());
        if let Some(controller) = &mut self.controller {
            controller.deliver(now, id, received());
        }
        self.account(before);
        self.is_stirred = true;
    }

    fn arrive(&mut self, id: RequestId, reply: &Reply, expects: Expects) {
        let status = StatusCode::from_u16(reply.status).expect("a status");
        let headers = || headers(reply.content_type, reply.retry_after);
        let body = || Bytes::copy_from_slice(&reply.body);
        match expects {
            Expects::Whole(longest) if reply.body.len() > longest => self.deliver(id, || Received::TooLong),
            Expects::Whole(_) => {
                self.deliver(id, || Received::Response(Response { status, headers: headers(), body: body() }));
            }
            Expects::Stream => {
                self.deliver(id, || Received::Head(status, headers()));
                self.deliver(id, || Received::Data(body()));
                self.deliver(id, || Received::Closed);
            }
        }
    }

    fn poll(&mut self) {
        self.is_stirred = false;
        self.wakes = Duration::MAX;
        let (now, before) = (self.clocks(), (self.allocated)());
        let Some(controller) = &mut self.controller else { return };
        let wants = controller.poll(now);
        let messages = controller.take_messages();
        let under_way = controller.under_way();
        self.account(before);
        self.seen.most_under_way = self.seen.most_under_way.max(under_way);
        self.seen.lines += messages.len();
        for want in &wants {
            match want {
                Want::Request(id, request) => self.sent(*id, request),
                Want::Cancel(id) => self.streams.retain(|(stream, _)| stream != id),
                Want::WaitUntil(at) => self.wakes = (*at).max(self.now + TURN),
            }
        }
        let before = (self.allocated)();
        drop((wants, messages));
        self.account(before);
    }

    fn sent(&mut self, id: RequestId, request: &HttpRequest) {
        let request = Request::of(request);
        if request.whole.is_some() {
            *self.seen.requests.entry(self.now.as_secs()).or_default() += 1;
        }
        if let Some(target) = request.about().filter(|_| request.is_write()) {
            self.seen.writes.entry(format!("{}/{}", target.namespace, target.name)).or_default().push(self.now);
        }
        // A server that is overloaded refuses at once.
        let takes = match (self.throttles, request.is_write()) {
            (true, _) => Duration::ZERO,
            (false, true) => WRITE,
            (false, false) => READ,
        };
        self.free_at = self.free_at.max(self.now + WAY) + takes;
        self.at(self.free_at, Due::Serve(id, request));
    }
}

/// A value as a Secret's data holds it.
#[must_use]
pub fn encoded(value: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(value)
}

fn secret(key: &str) -> Id {
    let (namespace, name) = key.split_once('/').expect("namespace/name");
    Id::new(Resource::Secret, namespace, name)
}
