//! `approve`: removals that are held because they are many (SPEC 11.2) may be done. The only command that writes.

use k8s_replicator_core::annotations::Annotation;
use k8s_replicator_core::names::{Key, Namespace};
use k8s_replicator_core::reason::Reason;
use serde_json::json;

use super::Exit;
use super::options::{KindName, NamespaceArgs, Output, OutputArgs, json as written, key};
use crate::cluster::{Cluster, ClusterArgs, OfKind};
use crate::table::{one_line, wrap};
use crate::terminal::{Ink, Paper, Terminal};

/// Approve removals that the controller holds because they are many.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Approve {
    /// The kind of the replicas.
    #[arg(value_enum, ignore_case = true)]
    kind: KindName,
    /// The replicas: namespace/name, or names alone with --namespace.
    #[arg(value_name = "NAMESPACE/NAME", required_unless_present = "source", conflicts_with = "source")]
    names: Vec<String>,
    /// All replicas whose removal is held because of this source.
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
Exit codes: 0 all are approved; 1 one is not; 2 no answer (bad arguments, or no cluster).

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
            terminal.notes(&reading.notes);
            return Ok(Exit::Problems);
        }
        let mut outcomes = Vec::new();
        for key in &named {
            let outcome = match reason(key) {
                Some(Reason::RemovalHeld) => approve(&cluster, of, key, &approved).await?,
                other => Outcome::NotHeld(other),
            };
            outcomes.push((key.clone(), outcome));
        }
        let is_good = outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Approved));
        let kind = of.kind.name();
        terminal.print(&match self.output.output {
            Output::Text => draw(terminal.paper, kind, &outcomes),
            Output::Json => in_json(kind, &outcomes, &reading.notes),
        })?;
        if self.output.output == Output::Text {
            terminal.notes(&reading.notes);
        }
        Ok(if is_good { Exit::Fine } else { Exit::Problems })
    }
}

/// A line for each, and the server's words below one that failed.
fn draw(paper: Paper, kind: &str, outcomes: &[(Key, Outcome)]) -> String {
    let width = outcomes.iter().map(|(key, _)| key.as_str().len()).max().unwrap_or_default();
    let mut out = String::new();
    for (key, outcome) in outcomes {
        let (said, ink, words) = match outcome {
            Outcome::Approved => ("removal approved".to_owned(), Ink::Good, None),
            Outcome::NotHeld(reason) => {
                let said = reason.map_or("is no target".to_owned(), |reason| format!("is not held ({reason})"));
                (said, Ink::Pending, None)
            }
            Outcome::Failed(message) => ("not approved".to_owned(), Ink::Bad, Some(message)),
        };
        out += &format!("{kind} {:<width$}   {}\n", key.as_str(), paper.paint(ink, &said));
        out.extend(words.map(|words| wrap(paper, 2, &one_line(words))));
    }
    out
}

fn in_json(kind: &str, outcomes: &[(Key, Outcome)], notes: &[String]) -> String {
    let one = |(key, outcome): &(Key, Outcome)| {
        let (approved, reason, error) = match outcome {
            Outcome::Approved => (true, Some(Reason::RemovalHeld), None),
            Outcome::NotHeld(reason) => (false, *reason, None),
            Outcome::Failed(message) => (false, Some(Reason::RemovalHeld), Some(message)),
        };
        json!({
            "kind": kind, "target": key.as_str(), "approved": approved,
            "reason": reason.map(Reason::code), "error": error,
        })
    };
    written(&json!({ "replicas": outcomes.iter().map(one).collect::<Vec<_>>(), "notes": notes }))
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
        Err(failure) => Ok(Outcome::Failed(failure.message_about(of.kind))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshots::Snapshots;

    #[test]
    fn outputs_are_as_they_were_looked_at() {
        let key = |text: &str| Key::resolve(text, "").unwrap();
        let conflict = "the server answered 409 Conflict: Operation cannot be fulfilled on secrets \"db\": the object has \
                        been modified; please apply your changes to the latest version and try again";
        let outcomes = [
            (key("shop/db"), Outcome::Approved),
            (key("shop-staging/database-credentials"), Outcome::NotHeld(Some(Reason::UpToDate))),
            (key("web/other"), Outcome::NotHeld(None)),
            (key("web/db"), Outcome::Failed(conflict.to_owned())),
        ];
        let mut snapshots = Snapshots::of("approve");
        snapshots.text("mixed", |paper| draw(paper, "Secret", &outcomes));
        snapshots.file("mixed.json", &in_json("Secret", &outcomes, &["You may not list namespaces.".to_owned()]));
        snapshots.check();
    }
}
