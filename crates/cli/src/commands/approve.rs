//! `approve`: removals that are held because they are many (SPEC 11.2) may be done. The only command that writes.

use k8s_replicator_core::annotations::Annotation;
use k8s_replicator_core::names::{Key, Namespace};
use k8s_replicator_core::reason::Reason;
use serde_json::json;

use super::Exit;
use super::options::{KindName, NamespaceArgs, Output, OutputArgs, json as written, key};
use crate::cluster::{Cluster, ClusterArgs, OfKind};
use crate::terminal::Terminal;

/// Approve removals that the controller holds because they are many.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Approve {
    /// The kind.
    #[arg(value_enum, ignore_case = true)]
    kind: KindName,
    /// The replicas: namespace/name, or names alone with --namespace.
    #[arg(value_name = "NAMESPACE/NAME", required_unless_present = "source", conflicts_with = "source")]
    names: Vec<String>,
    /// All that are held because of this source.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    source: Option<String>,
    #[command(flatten)]
    namespace: NamespaceArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

const EXAMPLES: &str = "\
Sets the annotation removal-approved on each replica, which needs the right to patch it. Only
replicas whose removal is held are approved (RemovalHeld), as they are at this moment.
Exit codes: 0 all are approved; 1 one is not; 2 there is no answer.

Examples:
  kubectl replicator approve secret shop/db web/db
  kubectl replicator approve configmap --source certs/ca";

/// What came of one.
enum Outcome {
    Approved,
    NotHeld(Option<Reason>),
    Failed(String),
}

impl Approve {
    pub(super) async fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let cluster = Cluster::open(&self.cluster).await?;
        let named: Vec<Key> =
            self.names.iter().map(|name| key(name, &self.namespace, &cluster)).collect::<Result<_, _>>()?;
        let source = self.source.as_ref().map(|source| key(source, &self.namespace, &cluster)).transpose()?;
        let spaces = named.iter().chain(&source).filter_map(|key| Namespace::parse(key.namespace()).ok());
        let mut reading = cluster.read(&[self.kind.kind()], &spaces.collect::<Vec<_>>()).await?;
        let (rules, approved) = (reading.rules.clone(), reading.dialect.key(Annotation::RemovalApproved));
        let Some(of) = reading.kinds.first_mut() else { anyhow::bail!("{}", reading.notes.join(" ")) };
        let rows = of.rows(&rules);
        let reason = |key: &Key| rows.iter().find(|row| *row.target == *key).and_then(|row| row.reason);
        let of_source = |source: &Key| {
            let held = rows.iter().filter(|row| row.reason == Some(Reason::RemovalHeld));
            let held = held.filter(|row| row.source.as_ref().is_some_and(|own| **own == *source));
            held.map(|row| row.target.clone().into()).collect()
        };
        let named = source.as_ref().map_or(named, of_source);
        if named.is_empty() {
            terminal.note("No removal is held.");
            return Ok(Exit::Problems);
        }
        let mut outcomes = Vec::new();
        for key in &named {
            let outcome = match reason(key) {
                Some(Reason::RemovalHeld) => approve(&cluster, of, key, &approved).await?,
                other => Outcome::NotHeld(other),
            };
            outcomes.push((key, outcome));
        }
        let is_good = outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Approved));
        let kind = of.kind.name();
        let said = outcomes.iter().map(|(key, outcome)| match outcome {
            Outcome::Approved => format!("{kind} {key}: removal approved\n"),
            Outcome::NotHeld(reason) => {
                format!("{kind} {key}: its removal is not held ({})\n", reason.map_or("it is no target", Reason::code))
            }
            Outcome::Failed(message) => format!("{kind} {key}: {message}\n"),
        });
        terminal.print(&match self.output.output {
            Output::Text => said.collect::<String>(),
            Output::Json => written(&json!({
                "replicas": outcomes.iter().map(|(key, outcome)| {
                    let (approved, reason, error) = match outcome {
                        Outcome::Approved => (true, Some(Reason::RemovalHeld), None),
                        Outcome::NotHeld(reason) => (false, *reason, None),
                        Outcome::Failed(message) => (false, Some(Reason::RemovalHeld), Some(message)),
                    };
                    json!({
                        "kind": kind, "target": key.as_str(), "approved": approved,
                        "reason": reason.map(Reason::code), "error": error,
                    })
                }).collect::<Vec<_>>(),
                "notes": reading.notes,
            })),
        })?;
        Ok(if is_good { Exit::Fine } else { Exit::Problems })
    }
}

/// On the very object, at the very version, that was looked at.
async fn approve(cluster: &Cluster, of: &OfKind, key: &Key, annotation: &str) -> anyhow::Result<Outcome> {
    let Some(node) = of.graph.node(key) else { return Ok(Outcome::NotHeld(None)) };
    let patch = json!({
        "metadata": {
            "uid": node.uid.to_string(),
            "resourceVersion": node.resource_version.to_string(),
            "annotations": { annotation: "true" },
        }
    });
    let path = format!("/api/v1/namespaces/{}/{}/{}", key.namespace(), of.kind.plural(), key.name());
    match cluster.merge_patch(&path, &patch).await {
        Ok(()) => Ok(Outcome::Approved),
        Err(failure) => Ok(Outcome::Failed(failure.message)),
    }
}
