//! `diff`: in which keys a replica differs from its source. Values are compared and never shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_replicator_controller::cluster::kube::{answer, http_request};
use k8s_replicator_controller::cluster::{Answer, Request};
use k8s_replicator_core::annotations::{Annotation, Marks};
use k8s_replicator_core::keys::{Limit, Projection};
use k8s_replicator_core::names::{Key, Namespace};
use k8s_replicator_core::payload::{Content, Payload};
use serde_json::json;
use serde_json::value::RawValue;

use super::Exit;
use super::options::{ObjectArgs, Output, OutputArgs, json as written};
use crate::cluster::{Cluster, ClusterArgs, Reading};
use crate::terminal::{Ink, Paper, Terminal};

/// Show in which keys a replica differs from its source, never the values.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Diff {
    #[command(flatten)]
    object: ObjectArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

const EXAMPLES: &str = "\
Reads both objects, which needs the right to get them. Keys that replicate-keys renames are shown
by the replica's names.
Exit codes: 0 they agree; 1 they differ; 2 no answer (bad arguments, no cluster, or no right to read).

Examples:
  kubectl replicator diff secret shop/db
  kubectl replicator diff configmap ca -n shop -o json";

/// How a key differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    /// Only the source has it.
    Missing,
    /// Only the replica has it.
    Extra,
    /// Both have it, with different values.
    Changed,
}

impl Difference {
    fn mark(self) -> (&'static str, &'static str, Ink) {
        match self {
            Self::Missing => ("-", "missing", Ink::Bad),
            Self::Extra => ("+", "extra", Ink::Good),
            Self::Changed => ("~", "changed", Ink::Pending),
        }
    }
}

impl Diff {
    pub(super) async fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let cluster = Cluster::open(&self.cluster).await?;
        let target = self.object.key(&cluster)?;
        let around = Namespace::parse(target.namespace())?;
        let mut reading = cluster.read(&[self.object.kind().kind()], &[around]).await?;
        let source = source_of(&mut reading, &cluster, &target).await?;
        let (of_source, of_target) =
            (read(&cluster, &reading, &source).await?, read(&cluster, &reading, &target).await?);
        let given = match projection(&reading, &source, &target) {
            None => of_source.payload.clone(),
            Some(projection) => {
                projection.project(&of_source.payload).map_err(|problem| anyhow::anyhow!("{problem}"))?
            }
        };
        let type_ = of_source.type_.filter(|_| of_target.type_.is_some());
        let types = type_.filter(|type_| of_target.type_.as_ref() != Some(type_)).zip(of_target.type_.clone());
        let differences = differences(&keys(&given), &keys(&of_target.payload));
        let is_same = differences.is_empty() && types.is_none();
        let types = types.as_ref().map(|(source, target)| (&**source, &**target));
        terminal.print(&match self.output.output {
            Output::Json => in_json(&source, &target, types, &differences, &reading.notes),
            Output::Text => draw(terminal.paper, &source, &target, types, &differences),
        })?;
        if self.output.output == Output::Text {
            terminal.notes(&reading.notes);
        }
        Ok(if is_same { Exit::Fine } else { Exit::Problems })
    }
}

async fn source_of(reading: &mut Reading, cluster: &Cluster, target: &Key) -> anyhow::Result<Key> {
    let (rules, dialect) = (reading.rules.clone(), reading.dialect.clone());
    let Some(of) = reading.kinds.first_mut() else { anyhow::bail!("{}", reading.notes.join(" ")) };
    if let Some(marks) = of.graph.node(target).and_then(|node| node.marks()) {
        // A combined object's replica holds the data of what that pulls from.
        let creator = marks.replicated_by.as_ref();
        let from = creator.and_then(|creator| of.graph.node(creator)?.marks()?.replicate_from.as_ref());
        if let Some(source) = from.or(creator).or(marks.replicate_from.as_ref()) {
            return Ok(source.clone().into());
        }
    }
    let (row, _) = of.look(cluster, &dialect, &rules, &target.clone().into()).await?;
    row.and_then(|row| row.source)
        .map(Into::into)
        .ok_or_else(|| anyhow::anyhow!("{} {target} has no source", of.kind.name()))
}

async fn read(cluster: &Cluster, reading: &Reading, key: &Key) -> anyhow::Result<Content> {
    let Some(of) = reading.kinds.first() else { anyhow::bail!("nothing was read") };
    let request = Request::Read(key.clone());
    let received = cluster.ask(http_request(&request, of.kind, &reading.dialect)).await;
    match answer(&request, of.kind, &reading.dialect, received) {
        Ok(Answer::Content(_, content)) => Ok(content),
        Ok(_) => anyhow::bail!("{} {key} does not exist", of.kind.name()),
        Err(failure) => anyhow::bail!("{}", failure.message),
    }
}

/// What the replica gets of the source's data; `None`: all.
fn projection(reading: &Reading, source: &Key, target: &Key) -> Option<Projection> {
    let of = reading.kinds.first()?;
    let marks = |key: &Key| of.graph.node(key).and_then(|node| node.marks());
    let creator = marks(target).and_then(|marks| marks.replicated_by.as_ref()).map(|creator| -> &Key { creator });
    let who_asks = creator.unwrap_or(target);
    let text = |marks: Option<&Marks>, annotation| marks.and_then(|marks| marks.text(annotation)).cloned();
    let asked: Option<Arc<str>> = text(marks(who_asks), Annotation::ReplicateKeys);
    let allowed = text(marks(source), Annotation::ReplicationAllowedKeys).filter(|_| who_asks != source);
    let limits = allowed.map(|allowed| Limit { allowed: Some(allowed), asked: None }).into_iter().collect();
    let projection = Projection { asked, limits, type_: None };
    (!projection.is_all()).then_some(projection)
}

/// The keys of the data, with their values as they came.
fn keys(payload: &Payload) -> BTreeMap<String, String> {
    let fields = payload.fields().flatten();
    let read = fields.filter_map(|json| serde_json::from_str::<BTreeMap<String, &RawValue>>(json).ok());
    read.flatten().map(|(key, value)| (key, value.get().to_owned())).collect()
}

fn differences(source: &BTreeMap<String, String>, target: &BTreeMap<String, String>) -> Vec<(String, Difference)> {
    let in_source = source.iter().filter_map(|(key, value)| match target.get(key) {
        None => Some((key.clone(), Difference::Missing)),
        Some(own) if own != value => Some((key.clone(), Difference::Changed)),
        Some(_) => None,
    });
    let extra = target.keys().filter(|key| !source.contains_key(*key)).map(|key| (key.clone(), Difference::Extra));
    let mut all: Vec<_> = in_source.chain(extra).collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

fn draw(
    paper: Paper,
    source: &Key,
    target: &Key,
    types: Option<(&str, &str)>,
    differences: &[(String, Difference)],
) -> String {
    let mut out = if differences.is_empty() {
        format!("{target} holds the data of {source}\n")
    } else {
        format!("{target} differs from {source} in {} of its keys\n", differences.len())
    };
    if let Some((of_source, of_target)) = types {
        out += &format!("  type: {of_target}, the source's is {of_source}\n");
    }
    let width = differences.iter().map(|(key, _)| key.len()).max().unwrap_or_default();
    for (key, difference) in differences {
        let (mark, word, ink) = difference.mark();
        let (line, gap) = (format!("{mark} {key}"), width - key.len() + 3);
        out += &format!("  {}{:gap$}{}\n", paper.paint(ink, &line), "", paper.paint(Ink::Faint, word));
    }
    out
}

fn in_json(
    source: &Key,
    target: &Key,
    types: Option<(&str, &str)>,
    differences: &[(String, Difference)],
    notes: &[String],
) -> String {
    written(&json!({
        "target": target.as_str(),
        "source": source.as_str(),
        "same": differences.is_empty(),
        "types": types.map(|(source, target)| json!({"source": source, "target": target})),
        "keys": differences.iter().map(|(key, difference)| (key.clone(), difference.mark().1.into()))
            .collect::<serde_json::Map<_, _>>(),
        "notes": notes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshots::Snapshots;

    fn payload(json: &str) -> Payload {
        Payload::new([Some(json.into())])
    }

    #[test]
    fn keys_are_compared_and_no_value_is_shown() {
        let source = keys(&payload(r#"{"password":"c2VjcmV0","b":"MQ==","ca.crt":"Mg=="}"#));
        let target = keys(&payload(r#"{"password":"b3RoZXI=","b":"MQ==","d":"Mw=="}"#));
        let found = differences(&source, &target);
        let key = |text: &str| Key::resolve(text, "").unwrap();
        assert_eq!(differences(&source, &source), []);
        let (from, to) = (key("data/db"), key("shop/db"));
        let types = Some(("Opaque", "kubernetes.io/tls"));
        let mut snapshots = Snapshots::of("diff");
        snapshots.text("differs", |paper| draw(paper, &from, &to, types, &found));
        snapshots.file("differs.json", &in_json(&from, &to, types, &found, &[]));
        snapshots.text("same", |paper| draw(paper, &from, &to, None, &[]));
        snapshots.check();
    }
}
