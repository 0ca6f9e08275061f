//! The cluster as a command sees it, with the rights of the person who asks: `get` and `list`, and not always those.
//!
//! Metadata is listed once and put into the same `Graph` that the controller has, so that the same decision is made on it. What the
//! person may not see is noted, said with the answer, and left out. Contents are read one by one and only where a command needs them.

mod controller;
mod reading;

use std::path::PathBuf;

use anyhow::Context as _;
use http::Method;
use k8s_replicator_controller::cluster::{Failure, FailureKind};
use k8s_replicator_controller::connect::{self, ConnectError, Connection};
use k8s_replicator_controller::wire::{Expects, HttpRequest, JSON, Received};
use k8s_replicator_core::names::Namespace;
use serde_json::Value;

pub(crate) use controller::named;
pub use controller::{Deployed, Flags};
pub use reading::{OfKind, Reading, Seen};

/// Who writes, as `metadata.managedFields` tells it: not the controller.
const MANAGER: &str = "kubectl-replicator";
/// No object's metadata is longer.
const LONGEST_RESPONSE: usize = 4 << 20;
/// Metadata alone.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// How the cluster is found: as kubectl does it.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterArgs {
    /// The kubeconfig file. By default that of KUBECONFIG, or ~/.kube/config, or the pod's ServiceAccount.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig. By default its current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The flags of the controller, such as '--allow-all': they have a say in what it does. By default those of
    /// its Deployment, which is found by the label app.kubernetes.io/name=k8s-replicator.
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true)]
    controller_flags: Option<String>,
}

impl ClusterArgs {
    /// The cluster of this kubeconfig and context, or the person's own.
    pub(crate) fn of(kubeconfig: Option<&str>, context: Option<&str>) -> Self {
        Self { kubeconfig: kubeconfig.map(Into::into), context: context.map(Into::into), controller_flags: None }
    }

    /// The flags of the controller, as they were named.
    pub(crate) fn controller_flags(&self) -> Option<&str> {
        self.controller_flags.as_deref()
    }
}

/// A cluster to ask.
pub struct Cluster {
    connection: Connection,
    url: String,
    controller_flags: Option<String>,
}

impl Cluster {
    /// The cluster that the options name. Nothing is sent yet.
    ///
    /// # Errors
    /// When there is none, or its credentials cannot be used.
    pub async fn open(args: &ClusterArgs) -> anyhow::Result<Self> {
        let files = args.kubeconfig.clone().map_or_else(kubeconfigs, |file| vec![file]);
        let opened = connect::open_merged(files, args.context.clone()).await;
        let (connection, url) = opened.map_err(|error| match error {
            ConnectError::Kubeconfig { path, reason } => anyhow::anyhow!("kubeconfig {}: {reason}", path.display()),
            ConnectError::InCluster { .. } => match std::env::var("KUBECONFIG") {
                Ok(named) if !named.is_empty() => anyhow::anyhow!("KUBECONFIG names {named}, which does not exist"),
                _ => anyhow::anyhow!("there is no kubeconfig: name one by --kubeconfig or KUBECONFIG"),
            },
            error @ ConnectError::Client { .. } => error.into(),
        })?;
        Ok(Self { connection, url, controller_flags: args.controller_flags.clone() })
    }

    /// The namespace of the context.
    ///
    /// # Errors
    /// When it is no legal name.
    pub fn namespace(&self) -> anyhow::Result<Namespace> {
        Namespace::parse(&self.connection.namespace()).context("the context's namespace")
    }

    /// The way to the cluster, and its address.
    pub(crate) fn connection(&self) -> (Connection, String) {
        (self.connection.clone(), self.url.clone())
    }

    /// An object, or a list of objects, as JSON. `None`: it does not exist.
    ///
    /// # Errors
    /// When the server refuses, or cannot be reached.
    pub async fn get(&self, path: String) -> Result<Option<Value>, Failure> {
        self.get_as(path, JSON).await
    }

    /// An object's metadata alone, as JSON. `None`: it does not exist.
    ///
    /// # Errors
    /// When the server refuses, or cannot be reached.
    pub async fn metadata(&self, path: String) -> Result<Option<Value>, Failure> {
        self.get_as(path, METADATA).await
    }

    async fn get_as(&self, path: String, accept: &'static str) -> Result<Option<Value>, Failure> {
        match self.connection.get(path, accept).await {
            Ok(response) => serde_json::from_slice(&response.body)
                .map(Some)
                .map_err(|_| Failure::unreadable("it is not the JSON of an object")),
            Err(failure) if failure.kind == FailureKind::Gone => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

impl Cluster {
    /// What came of a request that is answered in one piece.
    pub(crate) async fn ask(&self, request: HttpRequest) -> Received {
        self.connection.ask(request).await
    }

    /// Changes an object by a JSON merge patch, as a person's tool.
    ///
    /// # Errors
    /// When the server refuses, or cannot be reached.
    pub async fn merge_patch(&self, path: &str, patch: &Value) -> Result<(), Failure> {
        let request = HttpRequest {
            method: Method::PATCH,
            path: format!("{path}?fieldManager={MANAGER}"),
            accept: METADATA,
            content_type: Some("application/merge-patch+json"),
            body: patch.to_string().into(),
            expects: Expects::Whole(LONGEST_RESPONSE),
        };
        self.connection.granted(request).await.map(drop)
    }
}

/// The files of `KUBECONFIG`, or the one in the home folder; of those that exist.
fn kubeconfigs() -> Vec<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let files: Vec<PathBuf> = match set("KUBECONFIG") {
        Some(list) => std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => set("HOME").map(|home| PathBuf::from(home).join(".kube/config")).into_iter().collect(),
    };
    // As kubectl: one that is not there is passed over.
    files.into_iter().filter(|file| file.exists()).collect()
}

/// Whether the person may not do it.
pub(crate) fn is_forbidden(failure: &Failure) -> bool {
    failure.kind == FailureKind::Forbidden
}
