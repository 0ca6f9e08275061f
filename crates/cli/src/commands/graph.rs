//! `graph`: who gives to whom, as a picture.

mod draw;

use k8s_replicator_core::names::Key;

use super::Exit;
use super::list::entries;
use super::options::{KindName, NamespacesArgs, kinds};
use crate::cluster::{Cluster, ClusterArgs};
use crate::entry::Entry;
use crate::terminal::Terminal;

/// Draw who gives to whom: for dot, Mermaid, or as SVG.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Graph {
    #[command(flatten)]
    namespaces: NamespacesArgs,
    /// Only of this kind.
    #[arg(long, value_enum, ignore_case = true, value_name = "KIND")]
    kind: Vec<KindName>,
    /// Only what comes from this object: its replicas, what pulls from these, and so on.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    source: Option<String>,
    /// How it is written: for Graphviz, for Markdown, as an image, or for programs.
    #[arg(short, long, value_enum, default_value = "dot")]
    output: Format,
    #[command(flatten)]
    cluster: ClusterArgs,
}

const EXAMPLES: &str = "\
An arrow leads from a source to what gets its data; it is dashed, with the reason, where that is not
as wanted. Only metadata is asked for.
Exit codes: 0 it is drawn; 2 no answer (bad arguments, or no cluster).

Examples:
  kubectl replicator graph -A | dot -Tsvg > graph.svg
  kubectl replicator graph -n shop -o mermaid
  kubectl replicator graph -A --source data/db -o svg > db.svg";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Dot,
    Mermaid,
    Svg,
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
            Format::Json => picture.json(&reading.notes),
        })?;
        if self.output != Format::Json {
            terminal.notes(&reading.notes);
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
