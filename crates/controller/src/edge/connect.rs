//! Finding the API server: the kubeconfig that was named, or the pod's own ServiceAccount.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use thiserror::Error;
use tower::{BoxError, ServiceBuilder};

use super::causes::with_causes;

/// Longer than any healthy network takes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may be silent before the kernel asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Why there is no API server to talk to.
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
    /// Not in a pod.
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

/// To be replaced by what re-reads credentials
#[derive(Clone)]
pub struct Connection {
    client: Client,
}
impl Connection {
    /// To be replaced by what re-reads credentials
    pub fn new(client: Client) -> Self {
        Self { client }
    }
    /// To be replaced by what re-reads credentials
    pub async fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, crate::cluster::Failure> {
        self.client.send(request).await.map_err(|error| super::http::unreachable(&error))
    }
}

/// To be replaced by what re-reads credentials
///
/// # Errors
/// To be replaced by what re-reads credentials
pub async fn open(kubeconfig: Option<&Path>) -> Result<(Connection, String), ConnectError> {
    let (client, url) = connect(kubeconfig).await?;
    Ok((Connection::new(client), url))
}

/// A client, and the address that it talks to. Nothing is sent yet.
///
/// # Errors
/// When the configuration or its credentials cannot be used.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<(Client, String), ConnectError> {
    // Explicitly one or the other: kube's own guess also looks at the environment and the home folder.
    let (mut config, origin) = match kubeconfig {
        Some(path) => (from_file(path).await?, path.display().to_string()),
        None => (
            Config::incluster().map_err(|error| ConnectError::InCluster { reason: with_causes(&error) })?,
            "the pod's ServiceAccount".to_owned(),
        ),
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // Watches are silent for long; every other call has a time limit of its own.
    config.read_timeout = None;
    // The control loop retries: it knows what a retry is worth, and what the answer was.
    config.default_retry = false;
    let url = config.cluster_url.to_string();
    let client = client(config).map_err(|error| ConnectError::Client { origin, reason: with_causes(&error) })?;
    Ok((client, url))
}

/// As `kube` builds one, with what is wanted of the connections, and without a span for each request.
fn client(config: Config) -> Result<Client, kube::Error> {
    if config.proxy_url.is_some() {
        // It says which proxies it cannot use.
        return Client::try_from(config);
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    // Without it the last part of a request can wait for the server to acknowledge the first.
    tcp.set_nodelay(true);
    // So that a server that vanished is noticed also by a watch.
    tcp.set_keepalive(Some(KEEPALIVE));
    let connector = config.rustls_https_connector_with_connector(tcp)?;
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}

async fn from_file(path: &Path) -> Result<Config, ConnectError> {
    let unusable = |reason: String| ConnectError::Kubeconfig { path: path.to_owned(), reason };
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| unusable(with_causes(&error)))?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| unusable(with_causes(&error)))
}
