//! Options that several subcommands have.

use clap::ValueEnum;
use k8s_replicator_core::kind::{self, Kind};
use k8s_replicator_core::names::{Key, Namespace};

use crate::cluster::Cluster;

/// A kind, by the names that kubectl knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindName {
    #[value(alias = "secrets")]
    Secret,
    #[value(name = "configmap", alias = "configmaps", alias = "cm")]
    ConfigMap,
}

impl KindName {
    pub(crate) fn kind(self) -> &'static dyn Kind {
        match self {
            Self::Secret => &kind::Secret,
            Self::ConfigMap => &kind::ConfigMap,
        }
    }
}

/// The kinds that are asked for: all, unless some are named.
pub(crate) fn kinds(named: &[KindName]) -> Vec<&'static dyn Kind> {
    let is_named = |kind: &dyn Kind| named.is_empty() || named.iter().any(|name| name.kind().name() == kind.name());
    kind::ALL.into_iter().filter(|kind| is_named(*kind)).collect()
}

/// The namespaces that are asked about.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct NamespaceArgs {
    /// The namespace. By default that of the kubeconfig's context.
    #[arg(short, long, value_name = "NAME", value_parser = namespace)]
    namespace: Option<Namespace>,
}

impl NamespaceArgs {
    pub(crate) fn or_of_context(&self, cluster: &Cluster) -> anyhow::Result<Namespace> {
        self.namespace.clone().map_or_else(|| cluster.namespace(), Ok)
    }
}

/// The namespaces that are asked about, of which there may be all.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct NamespacesArgs {
    #[command(flatten)]
    pub(crate) one: NamespaceArgs,
    /// In all namespaces.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
}

impl NamespacesArgs {
    /// The namespace; `None`: all.
    pub(crate) fn chosen(&self, cluster: &Cluster) -> anyhow::Result<Option<Namespace>> {
        if self.all_namespaces { Ok(None) } else { self.one.or_of_context(cluster).map(Some) }
    }

    /// Around which namespace it is looked where not all may be seen: the chosen one, else that of the context.
    pub(crate) fn around(&self, cluster: &Cluster) -> anyhow::Result<Namespace> {
        self.chosen(cluster)?.map_or_else(|| cluster.namespace(), Ok)
    }
}

/// One object: `secret shop/db`, or `secret db -n shop`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ObjectArgs {
    /// The kind of the object.
    #[arg(value_enum, ignore_case = true)]
    pub(crate) kind: KindName,
    /// The object: namespace/name, or its name alone with --namespace.
    #[arg(value_name = "NAMESPACE/NAME")]
    name: String,
    #[command(flatten)]
    namespace: NamespaceArgs,
}

impl ObjectArgs {
    pub(crate) fn key(&self, cluster: &Cluster) -> anyhow::Result<Key> {
        key(&self.name, &self.namespace, cluster)
    }
}

pub(crate) fn key(name: &str, namespace: &NamespaceArgs, cluster: &Cluster) -> anyhow::Result<Key> {
    let own = if name.contains('/') { String::new() } else { namespace.or_of_context(cluster)?.to_string() };
    Ok(Key::resolve(name, &own)?)
}

pub(crate) fn namespace(text: &str) -> Result<Namespace, String> {
    Namespace::parse(text).map_err(|error| error.to_string())
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Output {
    #[default]
    Text,
    Json,
}

/// `-o`.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct OutputArgs {
    /// How the answer is written: for people, or for programs.
    #[arg(short, long, value_enum, default_value = "text")]
    pub(crate) output: Output,
}

/// JSON for programs, with a line feed.
pub(crate) fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
