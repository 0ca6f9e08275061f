//! Running: tasks around the replicators.
//!
//! ```text
//! watch of secrets    ─┐
//!                      ├→ task that owns the Secret replicator    ⇄ requests under way
//! watch of namespaces ─┤
//!                      ├→ task that owns the ConfigMap replicator ⇄ requests under way
//! watch of configmaps ─┘
//! ```
//!
//! Where namespaces are named (`--namespaces`), each has its own watches, and is itself looked at instead of watched.
//!
//! Channels are bounded: a replicator that is behind holds up its watches, and nothing is dropped.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::Rules;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::observed::{Observed, ResourceVersion};
use k8s_replicator_core::scope::{Part, Scope};
use kube::Client;
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tracing::{info, warn};

use crate::cluster::kube::KubeCluster;
use crate::cluster::object::Object;
use crate::cluster::{Answer, Cluster, Failure, FailureKind};
use crate::event::{NamespaceEvent, Now, ObjectEvent, SeenNamespace};
use crate::health::Health;
use crate::poll::Poll;
use crate::replicator::{Replicator, Settings, Ticket};
use crate::watch::{Change, Consumer, Watch};

/// Pieces of pages, and bursts of events, that may wait for a replicator. Few: each can have some hundred objects.
const CHANNEL: usize = 4;
/// What is under way when the program is told to stop has this long to finish.
pub const GRACE: Duration = Duration::from_secs(10);

/// What the controller is to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which kinds.
    pub kinds: Vec<&'static dyn Kind>,
    /// In which namespaces. Nothing outside of them is read or written.
    pub scope: Scope,
    /// How the annotations are named.
    pub dialect: Dialect,
    /// The rules of deciding.
    pub rules: Rules,
    /// All replicas are verified within this time; zero: never.
    pub resync_period: Duration,
}

/// Runs the controller until `stop` changes to true, and what is under way then has ended. It ends by itself only when a
/// part of it broke off.
///
/// To be called on a runtime. When this returns, `health` knows whom it has to wait for: who asks it before would be told
/// that nobody is missing.
pub fn run(
    client: Client,
    url: String,
    options: Options,
    health: &Health,
    stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send + use<> {
    let mut watches = JoinSet::new();
    let mut replicators = JoinSet::new();
    let mut to_all = Vec::new();
    for kind in &options.kinds {
        let (sender, receiver) = mpsc::channel(CHANNEL);
        for part in options.scope.parts() {
            let (dialect, to) = (options.dialect.clone(), sender.clone());
            let consumer = Objects { dialect, part: part.clone(), taken: Vec::new(), to };
            let progress = health.watch(match &part {
                Part::Cluster => kind.plural().to_owned(),
                Part::Namespace(namespace) => format!("{} in {namespace}", kind.plural()),
            });
            let watch = Watch::new(client.clone(), url.clone(), kind.plural(), part, progress, entropy());
            watches.spawn(watch.run(consumer));
        }
        to_all.push(sender);

        let (rules, scope) = (options.rules.clone(), options.scope.clone());
        let tells_all = tracing::enabled!(tracing::Level::DEBUG);
        let settings = Settings { rules, scope, entropy: entropy(), tells_all };
        let driver = Driver {
            replicator: Replicator::new(*kind, settings),
            cluster: Arc::new(KubeCluster::new(client.clone(), options.dialect.clone())),
            started: Instant::now(),
            ready: health.replicator(kind.replicator()),
            requests: JoinSet::new(),
            tickets: HashMap::new(),
        };
        replicators.spawn(driver.run(receiver, stop.clone()));
    }
    let consumer = Namespaces { taken: Vec::new(), to: to_all };
    let progress = health.watch("namespaces");
    match options.scope {
        Scope::Cluster => {
            let watch = Watch::new(client, url, "namespaces", Part::Cluster, progress, entropy());
            watches.spawn(watch.run(consumer));
        }
        Scope::Namespaces(named) => {
            watches.spawn(Poll::new(client, url, named, progress, entropy()).run(consumer));
        }
    }
    until_the_end(replicators, watches, stop)
}

async fn until_the_end(mut replicators: JoinSet<()>, mut watches: JoinSet<()>, stop: watch::Receiver<bool>) {
    tokio::select! {
        _ = replicators.join_next() => {
            // Each ends when it is told to. One that ends otherwise broke off, and the others would go on as if all were well.
            if *stop.borrow() {
                replicators.join_all().await;
            }
        }
        // A watch ends by itself when it cannot go on; going on without it would be silent.
        _ = watches.join_next() => {}
    }
}

/// Random bytes from a cryptographic generator that was seeded by the operating system.
fn entropy() -> Box<dyn FnMut() -> u8 + Send + Sync> {
    let mut generator = StdRng::from_rng(&mut rand::rng());
    Box::new(move || generator.random())
}

/// What the watches tell a replicator.
enum News {
    Objects(Vec<ObjectEvent>),
    Namespaces(Vec<NamespaceEvent>),
}

struct Objects {
    dialect: Dialect,
    part: Part,
    taken: Vec<ObjectEvent>,
    to: mpsc::Sender<News>,
}

impl Objects {
    fn read(&self, object: Object<'_>) -> Option<Observed> {
        let read = object.observed(&self.dialect);
        read.inspect_err(|error| warn!(%error, "an object of the API server cannot be read; it is passed over")).ok()
    }
}

impl Consumer for Objects {
    fn take(&mut self, change: Change<'_>) {
        let event = match change {
            Change::Begins => Some(ObjectEvent::ListBegins(self.part.clone())),
            Change::Seen(object) => self.read(object).map(ObjectEvent::Seen),
            Change::Ends(version) => Some(ObjectEvent::ListEnds(self.part.clone(), ResourceVersion::new(version))),
            Change::Deleted(object) => self.read(object).map(|object| ObjectEvent::Deleted(object.key, object.uid)),
        };
        self.taken.extend(event);
    }

    async fn flush(&mut self) -> bool {
        self.taken.is_empty() || self.to.send(News::Objects(std::mem::take(&mut self.taken))).await.is_ok()
    }
}

struct Namespaces {
    taken: Vec<NamespaceEvent>,
    to: Vec<mpsc::Sender<News>>,
}

impl Consumer for Namespaces {
    fn take(&mut self, change: Change<'_>) {
        let read = |object| {
            let read = SeenNamespace::read(object);
            read.inspect_err(|error| warn!(%error, "a namespace cannot be read; it is passed over")).ok()
        };
        let event = match change {
            Change::Begins => Some(NamespaceEvent::ListBegins),
            Change::Seen(object) => {
                read(object).map(|SeenNamespace { name, facts }| NamespaceEvent::Seen { name, facts })
            }
            Change::Ends(_) => Some(NamespaceEvent::ListEnds),
            Change::Deleted(object) => read(object).map(|namespace| NamespaceEvent::Deleted { name: namespace.name }),
        };
        self.taken.extend(event);
    }

    async fn flush(&mut self) -> bool {
        let taken = std::mem::take(&mut self.taken);
        if taken.is_empty() {
            return true;
        }
        for to in &self.to {
            // All replicators end together.
            if to.send(News::Namespaces(taken.clone())).await.is_err() {
                return false;
            }
        }
        true
    }
}

/// Brings a replicator together with the clock, the watches and the API server.
struct Driver<C> {
    replicator: Replicator,
    cluster: Arc<C>,
    started: Instant,
    ready: Arc<AtomicBool>,
    requests: JoinSet<Result<Answer, Failure>>,
    tickets: HashMap<Id, Ticket>,
}

impl<C: Cluster> Driver<C> {
    async fn run(mut self, mut news: mpsc::Receiver<News>, mut stop: watch::Receiver<bool>) {
        loop {
            self.send_requests();
            self.tell();
            let wake_at = self.replicator.wake_at(self.now()).unwrap_or(Duration::from_secs(3_600));
            let wake_at = tokio::time::Instant::from_std(self.started + wake_at);
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                Some(news) = news.recv() => self.take(news),
                Some(answer) = self.requests.join_next_with_id() => self.answer(answer),
                () = tokio::time::sleep_until(wake_at) => {}
            }
        }
        self.finish().await;
    }

    /// Nothing new is begun; what is under way may end.
    async fn finish(mut self) {
        let kind = self.replicator.kind().name();
        let ended = tokio::time::timeout(GRACE, async {
            while let Some(answer) = self.requests.join_next_with_id().await {
                self.answer(answer);
                self.tell();
            }
        });
        match ended.await {
            Ok(()) => info!(kind, "stopped; nothing is under way"),
            Err(_) => warn!(kind, "stopped; some requests did not end in time and will be checked at the next start"),
        }
    }

    fn now(&self) -> Now {
        Now { moment: self.started.elapsed(), time: jiff::Timestamp::now() }
    }

    fn send_requests(&mut self) {
        let now = self.now();
        while let Some((ticket, request)) = self.replicator.next_request(now) {
            let (cluster, kind) = (self.cluster.clone(), self.replicator.kind());
            let task = self.requests.spawn(async move { cluster.send(kind, request).await });
            self.tickets.insert(task.id(), ticket);
        }
    }

    fn take(&mut self, news: News) {
        match news {
            News::Objects(events) => {
                let now = self.now();
                events.into_iter().for_each(|event| self.replicator.object(now, event));
            }
            News::Namespaces(events) => {
                let now = self.now();
                events.into_iter().for_each(|event| self.replicator.namespace(now, event));
            }
        }
        if self.replicator.is_ready() && !self.ready.swap(true, Ordering::Relaxed) {
            let objects = self.replicator.graph().len();
            info!(kind = self.replicator.kind().name(), objects, "ready: every first list is complete");
        }
    }

    fn answer(&mut self, answer: Result<(Id, Result<Answer, Failure>), tokio::task::JoinError>) {
        let (id, answer) = match answer {
            Ok((id, answer)) => (id, answer),
            Err(error) => (error.id(), Err(broken())),
        };
        if let Some(ticket) = self.tickets.remove(&id) {
            let now = self.now();
            self.replicator.answer(now, ticket, answer);
        }
    }

    fn tell(&mut self) {
        let kind = self.replicator.kind();
        self.replicator.take_reports().iter().for_each(|report| report.log(kind));
    }
}

/// The task of a request panicked: nobody knows whether the server carried it out.
fn broken() -> Failure {
    let message = "the request broke off by a mistake in this program".to_owned();
    Failure::new(FailureKind::Unreachable, message)
}

#[cfg(test)]
mod tests {
    use k8s_replicator_core::kind;

    use super::*;

    #[tokio::test]
    async fn whom_to_wait_for_is_known_before_anything_runs() {
        let client = Client::try_from(kube::Config::new(http::Uri::from_static("http://127.0.0.1:9"))).unwrap();
        let (dialect, rules) = (Dialect::new("p/", false), Rules::default());
        let scope = Scope::default();
        let options = Options { kinds: kind::ALL.to_vec(), scope, dialect, rules, resync_period: Duration::ZERO };
        let (health, (_stop, stopped)) = (Health::default(), watch::channel(false));
        let _running = run(client, "http://127.0.0.1:9".into(), options, &health, stopped);
        assert_eq!(health.not_ready(), ["secret", "configMap"]);
    }

    /// Whether it ends soon when the first of two replicators does.
    async fn ends_with_the_first(was_told_to_stop: bool) -> bool {
        let (_stop, stopped) = watch::channel(was_told_to_stop);
        let (mut replicators, mut watches) = (JoinSet::new(), JoinSet::new());
        replicators.spawn(async {});
        replicators.spawn(std::future::pending());
        watches.spawn(std::future::pending());
        let ended = until_the_end(replicators, watches, stopped);
        tokio::time::timeout(Duration::from_millis(100), ended).await.is_ok()
    }

    #[tokio::test]
    async fn one_that_breaks_off_is_the_end_and_one_that_was_told_to_end_is_not() {
        assert!(ends_with_the_first(false).await, "the others would go on as if all were well");
        assert!(!ends_with_the_first(true).await, "the other one lets end what is under way");
    }
}
