//! Options that several subcommands have.

use clap::ValueEnum;
use clap::builder::{EnumValueParser, TypedValueParser};
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

/// A kind, or one object with its kind, as kubectl takes both: `secret`, and `secret/db`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KindOrObject {
    pub(crate) kind: KindName,
    /// `namespace/name`, or the name alone.
    name: Option<String>,
}

impl KindOrObject {
    /// The object that is meant, which may be named here or by an argument of its own.
    pub(crate) fn key(&self, name: Option<&str>, namespace: &NamespaceArgs, cluster: &Cluster) -> anyhow::Result<Key> {
        key(self.name(name)?, namespace, cluster)
    }

    fn name<'a>(&'a self, name: Option<&'a str>) -> anyhow::Result<&'a str> {
        match (self.name.as_deref(), name) {
            (Some(one), Some(other)) => anyhow::bail!("two objects are named, {one} and {other}; name one"),
            (None, None) => anyhow::bail!("no object is named; name it after its kind, such as secret shop/db"),
            (Some(name), None) | (None, Some(name)) => Ok(name),
        }
    }
}

/// Reads [`KindOrObject`].
#[derive(Clone)]
pub(crate) struct KindOrObjectParser;

impl TypedValueParser for KindOrObjectParser {
    type Value = KindOrObject;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<KindOrObject, clap::Error> {
        let split = value.to_str().and_then(|text| text.split_once('/'));
        let (kind, name) = split.map_or((value, None), |(kind, name)| (kind.as_ref(), Some(name.to_owned())));
        Ok(KindOrObject { kind: EnumValueParser::<KindName>::new().parse_ref(command, arg, kind)?, name })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = clap::builder::PossibleValue> + '_>> {
        Some(Box::new(KindName::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
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

/// One object: `secret shop/db`, `secret db -n shop`, or `secret/db -n shop`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ObjectArgs {
    /// The kind of the object.
    #[arg(value_name = "KIND", ignore_case = true, value_parser = KindOrObjectParser)]
    kind: KindOrObject,
    /// The object: namespace/name, or its name alone with --namespace.
    #[arg(value_name = "NAMESPACE/NAME")]
    name: Option<String>,
    #[command(flatten)]
    namespace: NamespaceArgs,
}

impl ObjectArgs {
    pub(crate) fn kind(&self) -> KindName {
        self.kind.kind
    }

    pub(crate) fn key(&self, cluster: &Cluster) -> anyhow::Result<Key> {
        self.kind.key(self.name.as_deref(), &self.namespace, cluster)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_as_for_kubectl() {
        let command = clap::Command::new("test");
        let read = |text: &str| KindOrObjectParser.parse_ref(&command, None, text.as_ref());
        for (kind, name, wanted) in [
            ("secret", Some("shop/db"), Some("shop/db")),
            ("cm", Some("ca"), Some("ca")),
            ("secrets/db", None, Some("db")),
            ("configmap/shop/ca", None, Some("shop/ca")),
            ("secret", None, None),
            ("secret/db", Some("db"), None),
        ] {
            let object = read(kind).unwrap();
            assert_eq!(object.kind == KindName::Secret, kind.starts_with("secret"), "{kind}");
            assert_eq!(object.name(name).ok(), wanted, "{kind} {name:?}");
        }
        for text in ["pod", "pod/db", "shop/secret"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
