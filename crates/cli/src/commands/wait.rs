//! `wait`: until a namespace has all that is meant for it.

use std::time::Duration;

use k8s_replicator_core::duration;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::names::Namespace;
use serde_json::json;
use unicode_width::UnicodeWidthStr as _;

use super::Exit;
use super::explain::{Answer, explain, is_good};
use super::options::{KindName, NamespaceArgs, Output, OutputArgs, json as written, kinds};
use crate::cluster::{Cluster, ClusterArgs};
use crate::entry::{Entry, summary};
use crate::terminal::{Paper, Terminal};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// So many of what is missing are explained.
const MOST_EXPLAINED: usize = 5;

/// Wait until a namespace has every Secret and ConfigMap that is meant for it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Wait {
    #[command(flatten)]
    namespace: NamespaceArgs,
    /// How long to wait at most, such as 30s or 5m.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = timeout)]
    timeout: Duration,
    /// Only for objects of this kind.
    #[arg(long, value_enum, ignore_case = true, value_name = "KIND")]
    kind: Vec<KindName>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

const EXAMPLES: &str = "\
Meant for a namespace is what asks for data there, and what sources push there. A replica that is
held by replicate-once has what is meant for it.
A namespace that does not exist yet is waited for too.
Exit codes: 0 all is there; 1 it is not, and what is missing is explained; 2 no answer (bad
arguments, or no cluster).

Examples:
  kubectl replicator wait --namespace shop --timeout 2m
  kubectl replicator wait -n shop && kubectl -n shop apply -f app.yaml";

fn timeout(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| "expected a duration such as 30s, 5m or 1h30m".to_owned())
}

impl Wait {
    pub(super) async fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let cluster = Cluster::open(&self.cluster).await?;
        let namespace = self.namespace.or_of_context(&cluster)?;
        let (kinds, end) = (kinds(&self.kind), tokio::time::Instant::now() + self.timeout);
        let mut said = String::new();
        loop {
            let Looked { exists, entries, notes } = self.look(&cluster, &kinds, &namespace).await?;
            let missing: Vec<&Entry> = entries.iter().filter(|entry| !is_good(entry.standing, entry.reason)).collect();
            let is_over = tokio::time::Instant::now() >= end;
            if !exists && is_over {
                return self.end_without(terminal, &namespace, notes);
            }
            if exists && missing.is_empty() || is_over {
                return self.end(terminal, &cluster, &namespace, &entries, &missing, notes).await;
            }
            let progress = match exists {
                true => progress(terminal.paper, &namespace, &entries, &missing),
                false => does_not_exist(&namespace),
            };
            if progress != said && self.output.output == Output::Text {
                terminal.note(&progress);
                said = progress;
            }
            tokio::time::sleep_until(end.min(tokio::time::Instant::now() + PAUSE)).await;
        }
    }

    /// The targets in the namespace, with what they depend on read.
    async fn look(
        &self,
        cluster: &Cluster,
        kinds: &[&'static dyn k8s_replicator_core::kind::Kind],
        namespace: &Namespace,
    ) -> anyhow::Result<Looked> {
        let mut reading = cluster.read(kinds, std::slice::from_ref(namespace)).await?;
        let (rules, dialect) = (reading.rules.clone(), reading.dialect.clone());
        let mut entries = Vec::new();
        for of in &mut reading.kinds {
            for row in of.rows(&rules).into_iter().filter(|row| row.target.namespace() == &**namespace) {
                let row = match row.needs {
                    Some(_) => of.look(cluster, &dialect, &rules, &row.target).await?.0,
                    None => Some(row),
                };
                entries.extend(row.map(|row| Entry::new(of, row)));
            }
        }
        // A namespace that the controller does not work in is not looked for.
        let is_seen = |graph: &Graph| !graph.covers(namespace) || graph.namespace(namespace).is_some();
        let exists = reading.kinds.iter().all(|of| is_seen(&of.graph));
        Ok(Looked { exists, entries, notes: reading.notes })
    }

    /// The time is over, and the namespace does not exist.
    fn end_without(&self, terminal: &Terminal, namespace: &Namespace, mut notes: Vec<String>) -> anyhow::Result<Exit> {
        let what = does_not_exist(namespace);
        if self.output.output == Output::Json {
            notes.push(what);
            terminal.print(&in_json(namespace, false, &[], &notes))?;
        } else {
            terminal.print(&format!("{what}\n"))?;
            terminal.notes(&notes);
        }
        Ok(Exit::Problems)
    }

    async fn end(
        &self,
        terminal: &Terminal,
        cluster: &Cluster,
        namespace: &Namespace,
        entries: &[Entry],
        missing: &[&Entry],
        notes: Vec<String>,
    ) -> anyhow::Result<Exit> {
        let exit = if missing.is_empty() { Exit::Fine } else { Exit::Problems };
        if self.output.output == Output::Json {
            terminal.print(&in_json(namespace, missing.is_empty(), entries, &notes))?;
            return Ok(exit);
        }
        if missing.is_empty() {
            terminal.print(&format!("{namespace} has all that is meant for it: {}\n", count(entries.len())))?;
            terminal.notes(&notes);
            return Ok(exit);
        }
        let mut explained = Vec::new();
        for entry in missing.iter().take(MOST_EXPLAINED) {
            let kind = k8s_replicator_core::kind::ALL.into_iter().filter(|kind| kind.name() == entry.kind);
            let mut reading = cluster.read(&kind.collect::<Vec<_>>(), std::slice::from_ref(namespace)).await?;
            explained.push(explain(cluster, &mut reading, &entry.target, None).await?);
        }
        let now = jiff::Timestamp::now().as_second();
        terminal.print(&late(terminal.paper, now, namespace, entries, missing, &explained))?;
        Ok(exit)
    }
}

/// What a look at a namespace showed.
struct Looked {
    exists: bool,
    entries: Vec<Entry>,
    notes: Vec<String>,
}

fn does_not_exist(namespace: &Namespace) -> String {
    format!("{namespace}: no namespace of this name exists")
}

fn in_json(namespace: &Namespace, is_ready: bool, entries: &[Entry], notes: &[String]) -> String {
    written(&json!({
        "namespace": &**namespace,
        "ready": is_ready,
        "targets": entries.iter().map(Entry::json).collect::<Vec<_>>(),
        "notes": notes,
    }))
}

/// What is missing when the time is over, and why.
fn late(
    paper: Paper,
    now: i64,
    namespace: &Namespace,
    entries: &[Entry],
    missing: &[&Entry],
    explained: &[Answer],
) -> String {
    let mut out = format!("Time is up.\n{}\n", progress(paper, namespace, entries, missing));
    for answer in explained {
        out += &format!("\n---\n{}", answer.draw(paper, now));
    }
    if missing.len() > explained.len() {
        let rest = missing.len() - explained.len();
        out += &format!("\n… and {rest} more: kubectl replicator list -n {namespace}\n");
    }
    out
}

fn count(number: usize) -> String {
    format!("{number} {}", if number == 1 { "object" } else { "objects" })
}

/// One line: "shop: 3 of 5 objects there, 1 refused, 1 waiting (secret db: SourceMissing, …)". It names as many as there is room for.
fn progress(paper: Paper, namespace: &Namespace, entries: &[Entry], missing: &[&Entry]) -> String {
    const MOST: usize = 3;
    let there = entries.len() - missing.len();
    let rest = summary(missing.iter().copied());
    let said = format!("{namespace}: {there} of {} there, {rest}", count(entries.len()));
    let name = |entry: &&Entry| {
        let why = entry.reason.map_or_else(|| entry.standing.word(), k8s_replicator_core::reason::Reason::code);
        format!("{} {}: {why}", entry.kind.to_ascii_lowercase(), entry.target.name())
    };
    let names: Vec<String> = missing.iter().take(MOST).map(name).collect();
    let with = |shown: usize| {
        let mut shown: Vec<&str> = names.iter().take(shown).map(String::as_str).collect();
        if missing.len() > shown.len() {
            shown.push("…");
        }
        format!("{said} ({})", shown.join(", "))
    };
    let fits = |line: &String| paper.width.is_none_or(|width| line.width() <= width);
    (1..=names.len()).rev().map(with).find(fits).unwrap_or(said)
}

#[cfg(test)]
mod tests {
    use k8s_replicator_core::reason::Reason;
    use k8s_replicator_core::state::State;

    use crate::commands::explain::tests::{NOW, refused};
    use crate::entry::Standing;
    use crate::snapshots::Snapshots;

    use super::*;

    #[test]
    fn outputs_are_as_they_were_looked_at() {
        let entry = |name: &str, state, reason| {
            Entry::secret(&format!("shop/{name}"), "data/db", Standing::Known(state), Some(reason))
        };
        let entries = [
            entry("a", State::Current, Reason::UpToDate),
            entry("database-credentials", State::Refused, Reason::NamespaceNotAllowed),
            entry("c", State::Waiting, Reason::NewTarget),
            entry("certificate", State::Waiting, Reason::SourceMissing),
            entry("e", State::Waiting, Reason::SourceMissing),
        ];
        let missing: Vec<&Entry> = entries.iter().skip(1).collect();
        let shop = Namespace::parse("shop").unwrap();
        let mut snapshots = Snapshots::of("wait");
        snapshots.text("progress", |paper| progress(paper, &shop, &entries, &missing) + "\n");
        let explained = [refused()];
        snapshots.text("late", |paper| late(paper, NOW, &shop, &entries, &missing, &explained));
        snapshots.file("late.json", &in_json(&shop, false, &entries, &["You may not list namespaces.".to_owned()]));
        snapshots.check();
        // In a file nobody counts columns.
        let whole = progress(Paper::default(), &shop, &entries, &missing);
        assert!(whole.ends_with("secret certificate: SourceMissing, …)"), "{whole}");
    }

    #[test]
    fn a_timeout_is_a_duration() {
        assert_eq!(timeout("2m"), Ok(Duration::from_secs(120)));
        assert!(timeout("soon").is_err() && timeout("-1s").is_err());
    }
}
