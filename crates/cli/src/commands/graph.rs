//! `graph`: who gives to whom, as a picture.

mod draw;

use k8s_replicator_core::names::Key;
use serde_json::json;

use super::Exit;
use super::list::entries;
use super::options::{KindName, NamespacesArgs, json as written, kinds};
use crate::cluster::{Cluster, ClusterArgs};
use crate::entry::Entry;
use crate::terminal::Terminal;

/// Draw who gives to whom: for dot, Mermaid, or as SVG.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Graph {
    #[command(flatten)]
    namespaces: NamespacesArgs,
    /// Of this kind only.
    #[arg(long, value_enum, ignore_case = true, value_name = "KIND")]
    kind: Vec<KindName>,
    /// What this object gives, and to whom these give it.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    source: Option<String>,
    /// How it is written.
    #[arg(short, long, value_enum, default_value = "dot")]
    output: Format,
    #[command(flatten)]
    cluster: ClusterArgs,
}

const EXAMPLES: &str = "\
Examples:
  kubectl replicator graph -A | dot -Tsvg > graph.svg
  kubectl replicator graph -n shop -o mermaid
  kubectl replicator graph -A --source data/db -o svg > db.svg";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For Graphviz.
    Dot,
    /// For Markdown.
    Mermaid,
    /// An image.
    Svg,
    /// For programs.
    Json,
}

impl Graph {
    pub(super) async fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let cluster = Cluster::open(&self.cluster).await?;
        let namespace = self.namespaces.chosen(&cluster)?;
        let around = self.namespaces.around(&cluster)?;
        let source = self.source.as_ref().map(|source| Key::resolve(source, &around));
        let source = source.transpose()?;
        let mut reading = cluster.read(&kinds(&self.kind), &[around]).await?;
        let is_in = |entry: &Entry| namespace.as_ref().is_none_or(|namespace| entry.is_about(namespace));
        let all: Vec<Entry> = entries(&mut reading);
        let shown: Vec<Entry> = match &source {
            Some(source) => below(&all, source),
            None => all.into_iter().filter(is_in).collect(),
        };
        let picture = draw::Picture::of(&shown);
        terminal.print(&match self.output {
            Format::Dot => picture.dot(),
            Format::Mermaid => picture.mermaid(),
            Format::Svg => picture.svg(),
            Format::Json => written(&json!({
                "nodes": picture.nodes.iter().map(|node| json!({
                    "id": node.id, "kind": node.kind, "object": node.key.as_str(), "state": node.standing.map(crate::entry::Standing::word),
                })).collect::<Vec<_>>(),
                "edges": picture.edges.iter().map(|edge| json!({
                    "from": edge.from, "to": edge.to, "state": edge.standing.word(), "reason": edge.reason.map(k8s_replicator_core::reason::Reason::code),
                })).collect::<Vec<_>>(),
                "notes": reading.notes,
            })),
        })?;
        if self.output != Format::Json {
            reading.notes.iter().for_each(|note| terminal.note(note));
        }
        Ok(Exit::Fine)
    }
}

/// What the source gives, and what these give in turn.
fn below(all: &[Entry], source: &Key) -> Vec<Entry> {
    let (mut shown, mut next): (Vec<Entry>, Vec<Key>) = (Vec::new(), vec![source.clone()]);
    while let Some(source) = next.pop() {
        for entry in all.iter().filter(|entry| entry.source.as_ref().is_some_and(|own| **own == source)) {
            if !shown.contains(entry) {
                next.push(entry.target.clone());
                shown.push(entry.clone());
            }
        }
    }
    shown
}
