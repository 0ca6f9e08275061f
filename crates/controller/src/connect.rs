//! Finding the API server: the kubeconfig that was named, or the pod's own ServiceAccount.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use thiserror::Error;

use crate::causes::with_causes;

/// Longer than any healthy network takes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
    let client =
        Client::try_from(config).map_err(|error| ConnectError::Client { origin, reason: with_causes(&error) })?;
    Ok((client, url))
}

async fn from_file(path: &Path) -> Result<Config, ConnectError> {
    let unusable = |reason: String| ConnectError::Kubeconfig { path: path.to_owned(), reason };
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| unusable(with_causes(&error)))?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| unusable(with_causes(&error)))
}
