//! Drives a [`Controller`] by the clock and the API server.
//!
//! Each request is a task of its own, which delivers its response to the one task that owns the controller. The channel in between
//! is bounded: a controller that is behind holds up its watches, and nothing is dropped.

use std::collections::HashMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tracing::{error, info, warn};

use super::clock::Clock;
use super::connect::Connection;
use super::http;
use super::look::Audience;
use crate::cluster::{Failure, FailureKind};
use crate::controller::{Controller, Message, RequestId, Want};
use crate::event::Moment;
use crate::watch::Entropy;
use crate::wire::{HttpRequest, Received};

pub use crate::controller::Options;

/// How many responses, or pieces of them, may wait to be taken. Few: each can be a page of a list.
const INBOX: usize = 16;
/// After SIGTERM the requests under way have this long to finish.
pub const GRACE: Duration = Duration::from_secs(10);
/// The controller is polled at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(3_600);

/// Runs the controller until `stop` changes to true and the requests under way then have ended. It ends by itself only when it
/// cannot go on. The audience's looks are called between the controller's steps.
pub async fn run(
    mut controller: Controller,
    connection: Connection,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
    mut audience: Audience,
) {
    let (sender, mut inbox) = mpsc::channel(INBOX);
    let mut tasks = Tasks { connection, sender, set: JoinSet::new(), ids: HashMap::new(), handles: HashMap::new() };
    let mut is_stopping = false;
    let mut give_up = Moment::MAX;
    loop {
        if !is_stopping && *stop.borrow() {
            is_stopping = true;
            give_up = clock.moment() + GRACE;
            controller.stop();
        }
        let mut wake_at = clock.moment() + LONGEST_SLEEP;
        for want in controller.poll(clock.now()) {
            match want {
                Want::Request(id, request) => tasks.send(id, request),
                Want::Cancel(id) => tasks.cancel(id),
                Want::WaitUntil(at) => wake_at = at,
            }
        }
        let messages = controller.take_messages();
        messages.iter().for_each(Message::log);
        audience.hears(&messages, clock.now());
        if let Some(why) = controller.end() {
            error!(error = why, "the controller cannot go on");
            return;
        }
        if is_stopping {
            if controller.has_stopped() {
                info!("stopped; no request is under way");
                return;
            }
            if clock.moment() >= give_up {
                warn!("stopped; some requests did not end in time and will be checked at the next start");
                return;
            }
        }
        if wake_at <= clock.moment() {
            // The controller has more to do; first the requests' tasks have a turn.
            tokio::task::yield_now().await;
            while let Ok((id, received)) = inbox.try_recv() {
                tasks.deliver(&mut controller, &clock, id, received);
            }
            if let Ok(look) = audience.looks.try_recv() {
                look(&controller, clock.now());
            }
            continue;
        }
        tokio::select! {
            biased;
            Ok(()) = stop.changed(), if !is_stopping => {}
            Some((id, received)) = inbox.recv() => {
                tasks.deliver(&mut controller, &clock, id, received);
                // All responses that have arrived are taken before anything is decided.
                while let Ok((id, received)) = inbox.try_recv() {
                    tasks.deliver(&mut controller, &clock, id, received);
                }
            }
            Some(ended) = tasks.set.join_next_with_id() => tasks.ended(&mut controller, &clock, ended),
            Some(look) = audience.looks.recv() => look(&controller, clock.now()),
            () = tokio::time::sleep_until(clock.instant(wake_at.min(give_up))) => {}
        }
    }
}

/// Random bytes from a cryptographic generator that was seeded by the operating system.
#[must_use]
pub fn random_bytes() -> Entropy {
    let mut generator = StdRng::from_rng(&mut rand::rng());
    Box::new(move || generator.random())
}

/// A random number for this run of the program.
#[must_use]
pub fn random_number() -> u64 {
    rand::rng().random()
}

/// The requests under way. Dropping it ends them.
struct Tasks {
    connection: Connection,
    sender: http::Inbox,
    set: JoinSet<()>,
    ids: HashMap<Id, RequestId>,
    handles: HashMap<RequestId, AbortHandle>,
}

impl Tasks {
    fn send(&mut self, id: RequestId, request: HttpRequest) {
        let handle = self.set.spawn(http::send(self.connection.clone(), id, request, self.sender.clone()));
        self.ids.insert(handle.id(), id);
        self.handles.insert(id, handle);
    }

    fn cancel(&mut self, id: RequestId) {
        if let Some(handle) = self.handles.remove(&id) {
            handle.abort();
        }
    }

    fn deliver(&mut self, controller: &mut Controller, clock: &Clock, id: RequestId, received: Received) {
        if received.is_last() {
            self.handles.remove(&id);
        }
        controller.deliver(clock.now(), id, received);
    }

    /// A request's task ended. If it panicked, the controller gets a failure: whether the server carried the request out is not
    /// known.
    fn ended(&mut self, controller: &mut Controller, clock: &Clock, ended: Result<(Id, ()), JoinError>) {
        let (task, panicked) = match ended {
            Ok((task, ())) => (task, false),
            Err(error) => (error.id(), error.is_panic()),
        };
        if let Some(id) = self.ids.remove(&task).filter(|_| panicked) {
            let message = "the task of the request panicked, which is a bug of k8s-replicator";
            let failure = Failure::new(FailureKind::Unreachable, message);
            self.deliver(controller, clock, id, Received::Failed(failure));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::response::{IntoResponse as _, Response};
    use k8s_replicator_core::annotations::Dialect;
    use k8s_replicator_core::decide::Rules;
    use k8s_replicator_core::kind;
    use k8s_replicator_core::scope::Scope;

    use super::*;
    use crate::edge::connect;
    use crate::health::Health;

    /// Runs against a server whose lists are empty, at this version, and whose watches are silent.
    async fn running(
        version: fn(usize) -> u64,
        resync_period: Duration,
    ) -> (tokio::task::JoinHandle<()>, watch::Sender<bool>, Arc<Health>) {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let lists = Arc::new(AtomicUsize::new(0));
        let api = move |uri: ::http::Uri| {
            let lists = lists.clone();
            async move {
                if uri.query().unwrap_or_default().contains("watch=true") {
                    // A watch begins, and nothing comes.
                    let body = axum::body::Body::from_stream(futures::stream::pending::<
                        Result<bytes::Bytes, std::io::Error>,
                    >());
                    return Response::new(body);
                }
                let version = version(lists.fetch_add(1, Ordering::Relaxed));
                format!(r#"{{"kind":"List","metadata":{{"resourceVersion":"{version}"}},"items":[]}}"#).into_response()
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(api)).await });
        let folder = std::env::temp_dir().join(format!("k8s-replicator-run-{}-{}", std::process::id(), url.len()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(url.rsplit(':').next().unwrap());
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{ name: c, context: {{ cluster: c, user: u }} }}]\n\
             clusters: [{{ name: c, cluster: {{ server: \"{url}\" }} }}]\nusers: [{{ name: u, user: {{}} }}]\n"
        );
        std::fs::write(&file, kubeconfig).unwrap();
        let (connection, url) = connect::open(Some(&file)).await.unwrap();
        let (dialect, rules) = (Dialect::new("p/", false), Rules::default());
        let options = Options { kinds: kind::ALL.to_vec(), scope: Scope::Cluster, dialect, rules, resync_period };
        let (health, (stop, stopped)) = (Arc::new(Health::default()), watch::channel(false));
        let controller = Controller::new(options, url, &health, &mut random_bytes);
        (tokio::spawn(run(controller, connection, Clock::start(), stopped, Audience::nobody())), stop, health)
    }

    #[tokio::test]
    async fn it_gets_ready_over_sockets_and_ends_when_it_is_stopped() {
        let (running, stop, health) = running(|_| 7, Duration::ZERO).await;
        let ready = async {
            while !health.not_ready().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), ready).await.expect("it never gets ready");
        assert!(!running.is_finished());
        stop.send_replace(true);
        tokio::time::timeout(GRACE, running).await.expect("it goes on").unwrap();
    }

    /// After etcd was restored: the program ends, and says why.
    #[tokio::test]
    async fn it_ends_when_the_servers_versions_went_back() {
        let went_back = |lists| if lists < 3 { 1_000 } else { 10 };
        let (running, _stop, _) = running(went_back, Duration::from_secs(1)).await;
        tokio::time::timeout(Duration::from_secs(10), running).await.expect("it goes on").unwrap();
    }
}
