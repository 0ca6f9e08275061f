//! `list`: the replicas, or the sources, and how they stand. Contents are never read.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use k8s_replicator_core::names::{Key, Namespace};
use k8s_replicator_core::observed::Annotated;
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;
use serde_json::json;

use super::Exit;
use super::explain::is_good;
use super::options::{KindName, NamespacesArgs, Output, OutputArgs, json as written, kinds};
use crate::cluster::{Cluster, ClusterArgs, Reading};
use crate::entry::{Entry, Standing, summary, time};
use crate::table::{Cell, Column, age, table, wrap};
use crate::terminal::{Ink, Paper, Terminal};

/// Between two looks with `--watch`.
const PAUSE: Duration = Duration::from_secs(3);

/// List replicas, or sources, with their state and why.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct List {
    #[command(flatten)]
    namespaces: NamespacesArgs,
    /// List sources instead of replicas.
    #[arg(long)]
    sources: bool,
    /// Only of this kind.
    #[arg(long, value_enum, ignore_case = true, value_name = "KIND")]
    kind: Vec<KindName>,
    /// Only in these states: current, waiting, held, refused, failing, unread, unseen.
    #[arg(long, value_delimiter = ',', value_name = "STATES", hide_possible_values = true, value_parser = PossibleValuesParser::new(STATES))]
    state: Vec<String>,
    /// Only for these reasons, such as ConsentMissing (docs/reasons.md has all).
    #[arg(long, value_delimiter = ',', value_name = "REASONS", hide_possible_values = true, ignore_case = true, value_parser = ReasonParser)]
    reason: Vec<Reason>,
    /// Only of this source.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = source)]
    source: Option<Key>,
    /// Go on until Ctrl-C, and print what changes.
    #[arg(short, long)]
    watch: bool,
    /// Print no heads of columns.
    #[arg(long)]
    no_headers: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

const STATES: [&str; 7] = ["current", "waiting", "held", "refused", "failing", "unread", "unseen"];

const EXAMPLES: &str = "\
A target is listed if it, or its source, is in the namespace. Only metadata is asked for: where the
state depends on a content it is unread, and explain tells it.
Exit codes: 0 all that you may see is listed; 2 no answer (bad arguments, or no cluster).

Examples:
  kubectl replicator list -A
  kubectl replicator list -A --state refused,failing
  kubectl replicator list -A --source data/db --watch
  kubectl replicator list -A --sources
  kubectl replicator list -A -o json | jq -r '.targets[] | select(.state != \"current\") | .target'";

/// Reads the code of a reason. (`PossibleValuesParser` would answer a wrong one with all of them.)
#[derive(Clone)]
struct ReasonParser;

impl clap::builder::TypedValueParser for ReasonParser {
    type Value = Reason;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Reason, clap::Error> {
        clap::builder::StringValueParser::new().try_map(|text| reason(&text)).parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = clap::builder::PossibleValue> + '_>> {
        Some(Box::new(Reason::ALL.iter().map(|reason| reason.code().into())))
    }
}

fn reason(text: &str) -> Result<Reason, String> {
    let is_named = |reason: &&Reason| reason.code().eq_ignore_ascii_case(text);
    Reason::ALL.iter().find(is_named).copied().ok_or_else(|| {
        let text = text.to_ascii_lowercase();
        let is_like = |code: &&str| !text.is_empty() && code.to_ascii_lowercase().contains(&text);
        let similar: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).filter(is_like).take(3).collect();
        let similar = if similar.is_empty() { String::new() } else { format!(" Similar: {}.", similar.join(", ")) };
        format!("no reason has this code.{similar} docs/reasons.md has all")
    })
}

fn source(text: &str) -> Result<Key, String> {
    Key::resolve(text, "").map_err(|error| error.to_string())
}

impl List {
    pub(super) async fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let cluster = Cluster::open(&self.cluster).await?;
        let namespace = self.namespaces.chosen(&cluster)?;
        let around = [self.namespaces.around(&cluster)?];
        let kinds = kinds(&self.kind);
        if self.watch {
            return self.follow(terminal, &cluster, &kinds, namespace.as_ref(), &around).await;
        }
        let mut reading = cluster.read(&kinds, &around).await?;
        let now = jiff::Timestamp::now().as_second();
        let entries = entries(&mut reading);
        let (said, found, next) = if self.sources {
            let sources = sources(&reading, &entries);
            let sources: Vec<_> =
                sources.into_iter().filter(|source| self.shows_source(source, namespace.as_ref())).collect();
            let said = match self.output.output {
                Output::Json => sources_json(&sources, &reading.notes),
                Output::Text => draw_sources(terminal.paper, now, &sources, !self.no_headers),
            };
            (said, sources.len(), None)
        } else {
            let entries: Vec<_> = entries.into_iter().filter(|entry| self.shows(entry, namespace.as_ref())).collect();
            let said = match self.output.output {
                Output::Json => targets_json(&entries, &reading.notes),
                Output::Text => draw(terminal.paper, now, &entries, !self.no_headers),
            };
            (said, entries.len(), next_step(terminal.paper, &entries))
        };
        terminal.print(&said)?;
        if self.output.output == Output::Text {
            let nothing = (found == 0).then(|| nothing_found(self.sources, namespace.as_ref()));
            nothing.or(next).iter().for_each(|line| terminal.note(line));
            terminal.notes(&reading.notes);
        }
        Ok(Exit::Fine)
    }

    /// Lists again and again, since the person may have no right to watch, and prints what is another one than before.
    async fn follow(
        &self,
        terminal: &Terminal,
        cluster: &Cluster,
        kinds: &[&'static dyn k8s_replicator_core::kind::Kind],
        namespace: Option<&Namespace>,
        around: &[Namespace],
    ) -> anyhow::Result<Exit> {
        let mut known: Option<BTreeMap<(&'static str, Key), Entry>> = None;
        loop {
            let mut reading = cluster.read(kinds, around).await?;
            let shown = entries(&mut reading).into_iter().filter(|entry| self.shows(entry, namespace));
            let found: BTreeMap<_, _> = shown.map(|entry| ((entry.kind, entry.target.clone()), entry)).collect();
            let changed: Vec<Entry> = match &known {
                None => sorted(found.values().cloned().collect()),
                Some(known) => found
                    .iter()
                    .filter(|(key, entry)| known.get(*key) != Some(entry))
                    .map(|(_, entry)| entry.clone())
                    .collect(),
            };
            let gone = known.iter().flat_map(BTreeMap::keys).filter(|key| !found.contains_key(*key));
            let gone: Vec<String> =
                gone.map(|(kind, key)| format!("{kind} {key} is no target any more, or in no such state")).collect();
            let is_first = known.is_none();
            match self.output.output {
                Output::Json => {
                    let lines: String = changed.iter().map(|entry| format!("{}\n", entry.json())).collect();
                    terminal.print(&lines)?;
                }
                Output::Text => {
                    let now = jiff::Timestamp::now().as_second();
                    if is_first || !changed.is_empty() {
                        terminal.print(&draw(terminal.paper, now, &changed, is_first && !self.no_headers))?;
                    }
                    gone.iter().for_each(|line| terminal.note(line));
                    if is_first {
                        terminal.notes(&reading.notes);
                    }
                }
            }
            known = Some(found);
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn shows(&self, entry: &Entry, namespace: Option<&Namespace>) -> bool {
        namespace.is_none_or(|namespace| entry.is_about(namespace))
            && self.is_asked_for(entry.standing, entry.reason)
            && self.source.as_ref().is_none_or(|source| entry.source.as_ref().is_some_and(|own| **own == *source))
    }

    fn shows_source(&self, source: &Source, namespace: Option<&Namespace>) -> bool {
        namespace.is_none_or(|namespace| source.key.namespace() == &**namespace)
            && self.source.as_ref().is_none_or(|key| *key == source.key)
            && self.is_asked_for(source.worst.unwrap_or(Standing::Unread), source.reason)
    }

    fn is_asked_for(&self, standing: Standing, reason: Option<Reason>) -> bool {
        (self.state.is_empty() || self.state.iter().any(|state| state == standing.word()))
            && (self.reason.is_empty() || reason.is_some_and(|reason| self.reason.contains(&reason)))
    }
}

/// Every target of the reading, the worst first.
pub(super) fn entries(reading: &mut Reading) -> Vec<Entry> {
    let rules = reading.rules.clone();
    let mut entries = Vec::new();
    for of in &mut reading.kinds {
        for row in of.rows(&rules) {
            entries.push(Entry::new(of, row));
        }
    }
    sorted(entries)
}

fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|a, b| {
        let order = |entry: &Entry| (entry.standing.rank(), entry.reason);
        order(a).cmp(&order(b)).then_with(|| a.target.cmp(&b.target)).then_with(|| a.kind.cmp(b.kind))
    });
    entries
}

/// What stands how, and how to know why the worst does.
fn next_step(paper: Paper, entries: &[Entry]) -> Option<String> {
    let worst = entries
        .iter()
        .find(|entry| !is_good(entry.standing, entry.reason))
        .or_else(|| entries.iter().find(|entry| entry.standing != Standing::Known(State::Current)))?;
    let kind = worst.kind.to_ascii_lowercase();
    let counts = wrap(paper, 0, &format!("{}.", summary(entries)));
    Some(format!("\n{counts}Why: kubectl replicator explain {kind} {}", worst.target))
}

fn nothing_found(are_sources: bool, namespace: Option<&Namespace>) -> String {
    let what = if are_sources { "sources" } else { "replicas" };
    match namespace {
        None => format!("No {what} found."),
        Some(namespace) => format!("No {what} found in namespace {namespace}; -A lists those of all namespaces."),
    }
}

fn targets_json(entries: &[Entry], notes: &[String]) -> String {
    written(&json!({ "targets": entries.iter().map(Entry::json).collect::<Vec<_>>(), "notes": notes }))
}

fn sources_json(sources: &[Source], notes: &[String]) -> String {
    written(&json!({ "sources": sources.iter().map(Source::json).collect::<Vec<_>>(), "notes": notes }))
}

const COLUMNS: [Column; 7] = [
    Column { head: "STATE", dispensable: 0, shortest: 0 },
    Column { head: "REASON", dispensable: 0, shortest: 0 },
    Column { head: "KIND", dispensable: 1, shortest: 0 },
    Column { head: "TARGET", dispensable: 0, shortest: 20 },
    Column { head: "SOURCE", dispensable: 0, shortest: 16 },
    Column { head: "VERSION", dispensable: 3, shortest: 0 },
    Column { head: "AGE", dispensable: 2, shortest: 0 },
];

/// The table of targets.
#[must_use]
pub(super) fn draw(paper: Paper, now: i64, entries: &[Entry], with_heads: bool) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let row = |entry: &Entry| -> Vec<Cell> {
        vec![
            Cell { text: entry.standing.word().to_owned(), ink: Some(entry.standing.ink()) },
            entry.reason.into(),
            entry.kind.into(),
            entry.target.to_string().into(),
            entry.source.as_ref().map(ToString::to_string).into(),
            entry.version.clone().into(),
            age(now, entry.created).into(),
        ]
    };
    table(paper, &COLUMNS, &entries.iter().map(row).collect::<Vec<_>>(), with_heads)
}

/// An object that gives data, or says that it would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// As in manifests: `Secret`.
    kind: &'static str,
    /// Its name.
    key: Key,
    /// Its version; `None`: it does not exist.
    version: Option<String>,
    /// When it was created, in seconds since 1970.
    created: Option<i64>,
    /// How many targets have it as their source.
    targets: usize,
    /// How many of them are current.
    current: usize,
    /// How the worst of them stands, and the source itself.
    worst: Option<Standing>,
    /// Why.
    reason: Option<Reason>,
    /// What is probably not meant as it is written.
    advice: Vec<Reason>,
}

impl Source {
    fn json(&self) -> serde_json::Value {
        json!({
            "kind": self.kind,
            "source": self.key.as_str(),
            "version": self.version,
            "created": self.created.and_then(time),
            "exists": self.created.is_some(),
            "targets": self.targets,
            "current": self.current,
            "worst": self.worst.map(Standing::word),
            "reason": self.reason.map(Reason::code),
            "advice": self.advice.iter().map(|reason| reason.code()).collect::<Vec<_>>(),
        })
    }
}

/// The sources: objects that push or say who may pull, and those that targets name.
fn sources(reading: &Reading, entries: &[Entry]) -> Vec<Source> {
    let mut sources: BTreeMap<(&'static str, Key), Source> = BTreeMap::new();
    for of in &reading.kinds {
        let is_source = |key: &&Key| {
            of.graph.node(key).is_some_and(|node| match &node.annotated {
                Annotated::Not => false,
                Annotated::Ill(_) => true,
                Annotated::Well(marks) => {
                    let gives = marks.allowed.is_some() || marks.allowed_namespaces.is_some();
                    marks.effective_push().is_some() || (gives && marks.replicated_by.is_none())
                }
            })
        };
        let named =
            entries.iter().filter(|entry| entry.kind == of.kind.name()).filter_map(|entry| entry.source.as_ref());
        let keys = of.graph.keys().filter(is_source).cloned().chain(named.cloned().map(Key::from));
        for key in keys {
            let entry = sources.entry((of.kind.name(), key.clone()));
            entry.or_insert_with(|| {
                let node = of.graph.node(&key);
                let is_ill = node.is_some_and(|node| matches!(node.annotated, Annotated::Ill(_)));
                Source {
                    kind: of.kind.name(),
                    version: node.map(|node| node.resource_version.to_string()),
                    created: node.map(|node| node.created),
                    targets: 0,
                    current: 0,
                    worst: is_ill.then_some(Standing::Known(State::Refused)),
                    reason: is_ill.then_some(Reason::IllFormed),
                    advice: of.advice(&key).iter().map(|advice| advice.reason).collect(),
                    key,
                }
            });
        }
    }
    for entry in entries {
        let Some(source) = &entry.source else { continue };
        let Some(source) = sources.get_mut(&(entry.kind, source.clone().into())) else { continue };
        source.targets += 1;
        source.current += usize::from(entry.standing == Standing::Known(State::Current));
        if source.worst.is_none_or(|worst| worst.rank() > entry.standing.rank()) {
            (source.worst, source.reason) = (Some(entry.standing), entry.reason);
        }
    }
    let mut sources: Vec<_> = sources.into_values().collect();
    sources.sort_by_key(|source| source.worst.map_or(usize::MAX, Standing::rank));
    sources
}

const SOURCE_COLUMNS: [Column; 8] = [
    Column { head: "WORST", dispensable: 0, shortest: 0 },
    Column { head: "REASON", dispensable: 0, shortest: 0 },
    Column { head: "KIND", dispensable: 1, shortest: 0 },
    Column { head: "SOURCE", dispensable: 0, shortest: 20 },
    Column { head: "CURRENT", dispensable: 0, shortest: 0 },
    Column { head: "ADVICE", dispensable: 4, shortest: 16 },
    Column { head: "VERSION", dispensable: 3, shortest: 0 },
    Column { head: "AGE", dispensable: 2, shortest: 0 },
];

/// The table of sources.
#[must_use]
pub(super) fn draw_sources(paper: Paper, now: i64, sources: &[Source], with_heads: bool) -> String {
    if sources.is_empty() {
        return String::new();
    }
    let row = |source: &Source| -> Vec<Cell> {
        let worst = source
            .worst
            .map_or_else(Cell::default, |worst| Cell { text: worst.word().to_owned(), ink: Some(worst.ink()) });
        let advice: Vec<_> = source.advice.iter().map(|reason| reason.code()).collect();
        vec![
            worst,
            source.reason.into(),
            source.kind.into(),
            source.key.to_string().into(),
            format!("{}/{}", source.current, source.targets).into(),
            Cell { text: advice.join(","), ink: Some(Ink::Pending) },
            source.version.clone().into(),
            match source.created {
                Some(created) => age(now, Some(created)).into(),
                None => Cell { text: "missing".to_owned(), ink: Some(Ink::Bad) },
            },
        ]
    };
    table(paper, &SOURCE_COLUMNS, &sources.iter().map(row).collect::<Vec<_>>(), with_heads)
}

#[cfg(test)]
mod tests;
