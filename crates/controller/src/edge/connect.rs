//! Finds the API server and its credentials: the kubeconfig that was named, or the pod's own ServiceAccount.
//!
//! `kube` reads both, speaks TLS, and re-reads the pod's CA. What it does not do is done here: token files end in a line feed as
//! editors write them; rotated tokens, client certificates and kubeconfigs are read again (each minute, and when the API server
//! answers 401); credential plugins are run within a time limit, and again when what they gave expires (`plugin`); and
//! there are proxies (see [`proxy`]).
//!
//! At most one attempt to read credentials again is under way. It goes on when the request because of which it began is given up,
//! so that a slow plugin comes to its end; other requests go on with the credentials that there are.

mod credentials;
mod kubeconfig;
mod plugin;
pub mod proxy;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ::http::{Request, Response, StatusCode, Uri};
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{self as legacy, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use thiserror::Error;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tower::{BoxError, Service, ServiceBuilder};
use tracing::{info, warn};

use super::causes::with_causes;
use super::http::unreachable;
use crate::cluster::Failure;
use crate::log_once::LogOnce;

use credentials::{Credentials, Origin};
use proxy::{Environment, Way};

/// Longer than any healthy network takes to connect; and twice that with TLS and proxies.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may be silent before the kernel asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Files with credentials are looked at again after this time.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Credentials that the server refuses are not read again sooner, unless a file changed; and less and less often while it
/// goes on.
const SHORTEST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_REFRESH_PAUSE: Duration = Duration::from_secs(300);

/// Why the connection to the API server cannot be prepared.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The file that was named cannot be used.
    #[error("--kube-config {path}: {reason}; expected a kubeconfig file as kubectl reads it")]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No kubeconfig was named, and the program does not run in a pod.
    #[error("{reason}; outside a pod, name a kubeconfig by --kube-config")]
    InCluster {
        /// What is missing.
        reason: String,
    },
    /// The credentials or certificates that the configuration names cannot be used.
    #[error("cannot use the credentials of {origin}: {reason}")]
    Client {
        /// The file, or the ServiceAccount.
        origin: String,
        /// What is wrong with them.
        reason: String,
    },
}

/// Time limits for what belongs to no request. (Requests have time limits of their own.)
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// A credential plugin.
    plugin: Duration,
    /// For connecting: a connection that is begun and then not needed for a request would otherwise wait for ever.
    connect: Duration,
}

const LIMITS: Limits = Limits { plugin: plugin::LONGEST, connect: CONNECT_TIMEOUT };

/// The connection to the API server, with credentials that are read again when they change. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    origin: Origin,
    environment: Environment,
    limits: Limits,
    current: RwLock<Current>,
    /// Locked while credentials are read again.
    refresh: Arc<Mutex<Refresh>>,
}

#[derive(Clone)]
struct Current {
    /// Counts the times that credentials were read.
    generation: u64,
    client: Client,
    /// When files are looked at again, or the credentials expire.
    check_at: Instant,
}

struct Refresh {
    credentials: Credentials,
    not_before: Instant,
    pause: Duration,
    /// Which failures are logged, with the start of its time.
    log: (LogOnce, Instant),
}

/// Prepares the connection to the API server; also returns its address. No request is sent yet.
///
/// # Errors
/// When the configuration or its credentials cannot be used.
pub async fn open(kubeconfig: Option<&Path>) -> Result<(Connection, String), ConnectError> {
    let origin = kubeconfig.map_or(Origin::Pod, |path| Origin::Kubeconfig(path.to_owned()));
    Connection::open(origin, Environment::of_the_process(), LIMITS).await
}

/// As [`open`], for the commands: merges these kubeconfig files, as kubectl does for `KUBECONFIG`, and chooses this context.
/// Without any file, in a pod: its ServiceAccount.
///
/// # Errors
/// When the configuration or its credentials cannot be used.
pub async fn open_merged(files: Vec<PathBuf>, context: Option<String>) -> Result<(Connection, String), ConnectError> {
    let origin = if files.is_empty() { Origin::Pod } else { Origin::Merged(files, context) };
    Connection::open(origin, Environment::of_the_process(), LIMITS).await
}

/// As [`open`], with the credentials as they are now.
///
/// # Errors
/// When the configuration or its credentials cannot be used.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<(Client, String), ConnectError> {
    let (connection, url) = open(kubeconfig).await?;
    Ok((connection.current().client, url))
}

/// What these kubeconfigs mean, the first having the last word: the API server's address, as it is shown. It is what [`open_merged`] does
/// before it runs a credential plugin, reads a token or connects; public so that it can be fuzzed.
///
/// # Errors
/// When they cannot be used.
pub async fn understand(files: &[(&Path, &[u8])], context: Option<&str>) -> Result<String, ConnectError> {
    let kubeconfig::Chosen { mut config, proxy_url, .. } = kubeconfig::choose(files, context).await?;
    let origin = || files.first().map(|(path, _)| path.display().to_string()).unwrap_or_default();
    let unusable = |reason| ConnectError::Client { origin: origin(), reason };
    Way::to(&config.cluster_url, proxy_url.as_deref(), &Environment::default()).map_err(unusable)?;
    // Both would run a command.
    (config.auth_info.exec, config.auth_info.auth_provider) = (None, None);
    if config.root_cert.is_some() {
        config.rustls_client_config().map_err(|error| unusable(with_causes(&error)))?;
    }
    Ok(kubeconfig::shown(&config.cluster_url))
}

impl Connection {
    async fn open(origin: Origin, environment: Environment, limits: Limits) -> Result<(Self, String), ConnectError> {
        let (client, credentials, url) = build(&origin, &environment, limits).await?;
        let now = Instant::now();
        let current = Current { generation: 0, check_at: credentials.check_at(now), client };
        let refresh = Arc::new(Mutex::new(Refresh {
            credentials,
            not_before: now,
            pause: SHORTEST_PAUSE,
            log: (LogOnce::default(), now),
        }));
        let shared = Shared { origin, environment, limits, current: RwLock::new(current), refresh };
        Ok((Self { shared: Arc::new(shared) }, url))
    }

    /// The namespace of the kubeconfig's context, or of the pod's ServiceAccount.
    #[must_use]
    pub fn namespace(&self) -> String {
        self.current().client.default_namespace().to_owned()
    }

    /// Sends a request, and answers the head of its response. When the server answers 401, and there are other credentials
    /// than before, it is sent once more.
    pub(super) async fn send(
        &self,
        request: impl Fn() -> Result<Request<Body>, Failure>,
    ) -> Result<Response<Body>, Failure> {
        let mut current = self.current();
        if Instant::now() >= current.check_at {
            self.refresh(current.generation, Why::Time).await;
            current = self.current();
        }
        let response = current.client.send(request()?).await.map_err(|error| unreachable(&error))?;
        if response.status() != StatusCode::UNAUTHORIZED || !self.refresh(current.generation, Why::Refused).await {
            return Ok(response);
        }
        self.current().client.send(request()?).await.map_err(|error| unreachable(&error))
    }

    fn current(&self) -> Current {
        self.shared.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the credentials again, unless that was done since this generation of them. Answers whether they changed.
    async fn refresh(&self, generation: u64, why: Why) -> bool {
        let lock = self.shared.refresh.clone();
        let mut refresh = match why {
            // Another task is reading them; until then the old ones are used.
            Why::Time => match lock.try_lock_owned() {
                Ok(refresh) => refresh,
                Err(_) => return false,
            },
            Why::Refused => lock.lock_owned().await,
        };
        if self.current().generation != generation {
            return true;
        }
        let now = Instant::now();
        let changed = refresh.credentials.changed(now);
        match why {
            Why::Time if !changed => {
                self.set(|current| current.check_at = refresh.credentials.check_at(now));
                return false;
            }
            Why::Refused if !changed && now < refresh.not_before => return false,
            Why::Time | Why::Refused => {}
        }
        let is_over = now >= refresh.not_before + LONGEST_REFRESH_PAUSE;
        refresh.pause = if is_over { SHORTEST_PAUSE } else { (refresh.pause * 2).min(LONGEST_REFRESH_PAUSE) };
        refresh.not_before = now + refresh.pause;
        // The old credentials are used until new ones are read.
        self.set(|current| current.check_at = now + LOOK_AGAIN);
        // In a task of its own: the request that waits for it may be cancelled.
        tokio::spawn(self.clone().read_again(refresh)).await.unwrap_or(false)
    }

    async fn read_again(self, mut refresh: OwnedMutexGuard<Refresh>) -> bool {
        let Shared { origin, environment, limits, .. } = &*self.shared;
        match build(origin, environment, *limits).await {
            Ok((client, credentials, _)) => {
                info!("re-read the credentials for the API server");
                self.set(|current| {
                    let (generation, check_at) = (current.generation + 1, credentials.check_at(Instant::now()));
                    *current = Current { generation, client, check_at };
                });
                refresh.credentials = credentials;
                refresh.log.0.works();
                true
            }
            Err(error) => {
                let (log, since) = &mut refresh.log;
                let error = error.to_string();
                if log.should_log(since.elapsed(), &error) {
                    warn!(error, "cannot re-read the credentials for the API server; going on with the old ones");
                }
                false
            }
        }
    }

    fn set(&self, change: impl FnOnce(&mut Current)) {
        change(&mut self.shared.current.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Why credentials may have to be read again.
enum Why {
    /// They may have changed, or expire.
    Time,
    /// The server does not accept them.
    Refused,
}

async fn build(
    origin: &Origin,
    environment: &Environment,
    limits: Limits,
) -> Result<(Client, Credentials, String), ConnectError> {
    let (mut config, proxy_url, credentials) = credentials::read(origin, limits.plugin).await?;
    config.connect_timeout = Some(limits.connect);
    // Watches are silent for long; every request has a time limit of its own.
    config.read_timeout = None;
    // The control loop retries: it knows what a retry is worth, and what the response was.
    config.default_retry = false;
    let url = kubeconfig::shown(&config.cluster_url);
    let unusable = |reason| ConnectError::Client { origin: origin.to_string(), reason };
    let way = Way::to(&config.cluster_url, proxy_url.as_deref(), environment).map_err(&unusable)?;
    let client = client(&config, way).map_err(|error| unusable(with_causes(&error)))?;
    Ok((client, credentials, url))
}

/// A client as `kube` builds it, but with our own connections and without a tracing span for each request.
fn client(config: &Config, way: Way) -> Result<Client, kube::Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(config.connect_timeout);
    // Without it the last part of a request can wait for the server to acknowledge the first.
    tcp.set_nodelay(true);
    // So that also a watch notices when the server is gone.
    tcp.set_keepalive(Some(KEEPALIVE));
    match way {
        Way::Direct => over(config, config.rustls_https_connector_with_connector(tcp)?),
        Way::Http(proxy) => {
            let tunnel = proxy.tunnel(Tunnel::new(proxy.url.clone(), tcp));
            over(config, config.rustls_https_connector_with_connector(tunnel)?)
        }
        Way::Https(proxy) => {
            // The proxy's certificate is checked as the API server's.
            let tls = config.rustls_https_connector_with_connector(tcp)?;
            let tunnel = proxy.tunnel(Tunnel::new(proxy.url.clone(), tls));
            over(config, config.rustls_https_connector_with_connector(tunnel)?)
        }
        Way::Socks(proxy, user) => {
            let mut socks = SocksV5::new(proxy, tcp);
            if let Some((name, password)) = user {
                socks = socks.with_auth(name, password);
            }
            over(config, config.rustls_https_connector_with_connector(socks)?)
        }
    }
}

fn over<C>(config: &Config, connector: C) -> Result<Client, kube::Error>
where
    C: Service<Uri, Error = BoxError> + Clone + Send + Sync + 'static,
    C::Response: legacy::Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
{
    let mut connector = TimeoutConnector::new(connector);
    connector.set_connect_timeout(config.connect_timeout.map(|limit| 2 * limit));
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}
