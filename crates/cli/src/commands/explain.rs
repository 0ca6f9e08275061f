//! `explain`: why an object is as it is. The chain behind it link by link, each question with its answer, who waits for it, who else
//! has it, and what to change.

mod consumers;
mod draw;
mod gather;
mod owners;
#[cfg(test)]
pub(super) mod tests;

use k8s_replicator_core::advice::Advice;
use k8s_replicator_core::explain::{Link, There};
use k8s_replicator_core::names::{Key, Namespace};
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;
use k8s_replicator_core::trail::{Outcome, Step};
use serde_json::{Value, json};

use super::Exit;
use super::options::{KindOrObject, KindOrObjectParser, NamespaceArgs, Output, OutputArgs, json as written, key};
use crate::cluster::{Cluster, ClusterArgs};
use crate::entry::{Entry, Standing, time};
use crate::terminal::{Paper, Terminal};
use consumers::Consumer;

pub(super) use gather::explain;

/// Explain why a replica is missing, or is as it is, and what to do.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Explain {
    /// The kind of the object.
    #[arg(value_name = "KIND", ignore_case = true, value_parser = KindOrObjectParser)]
    kind: KindOrObject,
    /// The object: namespace/name, or its name alone with --namespace. It need not exist.
    #[arg(value_name = "NAMESPACE/NAME", conflicts_with = "to")]
    name: Option<String>,
    /// Explain why this object is not copied to that of --to.
    #[arg(long, value_name = "NAMESPACE/NAME", requires = "to")]
    from: Option<String>,
    /// The target of --from.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    to: Option<String>,
    #[command(flatten)]
    namespace: NamespaceArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

const EXAMPLES: &str = "\
Exit codes: 0 the object is as it is to be; 1 it is not, and what to do is said; 2 no answer
(bad arguments, or no cluster).
Contents are read only where the answer depends on them, and never shown.

Examples:
  kubectl replicator explain secret shop/db
  kubectl replicator explain configmap ca -n shop
  kubectl replicator explain secret/db -n shop
  kubectl replicator explain secret --from data/db --to shop/db
  kubectl replicator explain secret shop/db -o json | jq -r .commands[]";

impl Explain {
    pub(super) async fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let cluster = Cluster::open(&self.cluster).await?;
        let target = self.kind.key(self.name.as_deref().or(self.to.as_deref()), &self.namespace, &cluster)?;
        let from = self.from.as_ref().map(|from| key(from, &self.namespace, &cluster)).transpose()?;
        let namespaces = [Some(&target), from.as_ref()].into_iter().flatten().map(Key::namespace);
        let around: Vec<Namespace> = namespaces.filter_map(|namespace| Namespace::parse(namespace).ok()).collect();
        let mut reading = cluster.read(&[self.kind.kind.kind()], &around).await?;
        let answer = explain(&cluster, &mut reading, &target, from.as_ref()).await?;
        let now = jiff::Timestamp::now().as_second();
        terminal.print(&match self.output.output {
            Output::Json => written(&answer.json()),
            Output::Text => answer.draw(terminal.paper, now),
        })?;
        Ok(if answer.is_fine() { Exit::Fine } else { Exit::Problems })
    }
}

/// One object of the chain, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) link: Link,
    /// How it stands itself, if it is a target, and not the one that was asked about.
    pub(super) entry: Option<Entry>,
    /// Its version.
    pub(super) version: Option<String>,
    /// When it was created, in seconds since 1970.
    pub(super) created: Option<i64>,
    /// The source's version of which it holds a copy.
    pub(super) copy: Option<String>,
    /// When it was copied.
    pub(super) copied: Option<i64>,
    /// What its annotations ask for, with their whole keys.
    pub(super) annotations: Vec<(String, String)>,
    /// Whether the person may see the objects there.
    pub(super) visible: bool,
    /// Whether it waits for its finalizers.
    pub(super) deleting: bool,
}

/// Something that the controller tried lately, and that failed, as its Events tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) at: Option<i64>,
}

/// What is known about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) kind: &'static str,
    pub(super) target: Key,
    /// How it stands; `None`: it is no target.
    pub(super) entry: Option<Entry>,
    /// Why it is no target.
    pub(super) no_target: Option<Reason>,
    /// The source that was asked about, and what it has to do with the target.
    pub(super) from: Option<(Key, String, bool)>,
    pub(super) chain: Vec<Seen>,
    pub(super) steps: Vec<Step>,
    /// Sources that push to this name and do not get it.
    pub(super) rivals: Vec<(Key, Reason, Option<String>)>,
    pub(super) advice: Vec<(Key, Advice, String)>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) waiting: Vec<Consumer>,
    pub(super) owners: Vec<String>,
    /// The targets that have this object as their source.
    pub(super) given: Vec<Entry>,
    pub(super) commands: Vec<String>,
    /// The object that decides and that the person may not read.
    pub(super) unread: Option<Key>,
    /// The controller's Deployment, and how many of its pods are ready.
    pub(super) controller: Option<(String, u64)>,
    /// The beginning of the annotations' keys.
    pub(super) prefix: String,
    pub(super) notes: Vec<String>,
}

impl Answer {
    /// Why, in the end.
    pub(super) fn reason(&self) -> Option<Reason> {
        why(self.entry.as_ref(), &self.attempts).or(self.no_target)
    }

    /// How it stands: what the controller alone knows its Events tell.
    fn standing(&self) -> Option<Standing> {
        let entry = self.entry.as_ref()?;
        let failing = tried(entry, &self.attempts).map(|_| Standing::Known(State::Failing));
        Some(failing.unwrap_or(entry.standing))
    }

    /// Whether all is as it is to be: with the object, or, where it only gives, with those that get its data.
    pub(super) fn is_fine(&self) -> bool {
        let is_good = |entry: &Entry| is_good(entry.standing, entry.reason);
        let own = match &self.entry {
            Some(entry) => is_good(entry),
            None => self.is_source() && self.given.iter().all(is_good),
        };
        own && self.from.as_ref().is_none_or(|(_, _, gives)| *gives)
    }

    /// Whether it gives, or says who may have its data.
    fn is_source(&self) -> bool {
        let own = self.chain.first().filter(|seen| seen.link.there == There::Present);
        !self.given.is_empty() || own.is_some_and(|seen| !seen.annotations.is_empty())
    }

    /// For people.
    pub(super) fn draw(&self, paper: Paper, now: i64) -> String {
        draw::draw(paper, now, self)
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let reason = self.reason();
        let chain: Vec<Value> = self.chain.iter().map(Seen::json).collect();
        let consumer = |consumer: &Consumer| json!({"kind": consumer.kind, "name": consumer.name, "uses": consumer.uses, "state": consumer.state});
        json!({
            "kind": self.kind,
            "target": self.target.as_str(),
            "state": self.standing().map(Standing::word),
            "reason": reason.map(Reason::code),
            "message": reason.map(Reason::sentence),
            "detail": self.entry.as_ref().and_then(|entry| entry.detail.clone()),
            "source": self.entry.as_ref().and_then(|entry| entry.source.as_ref()).map(|source| source.as_str()),
            "next": self.entry.as_ref().and_then(|entry| entry.verb),
            "from": self.from.as_ref().map(|(key, says, gives)| json!({"object": key.as_str(), "says": says, "gives": gives})),
            "chain": chain,
            "trail": self.steps.iter().map(step_json).collect::<Vec<_>>(),
            "rivals": self.rivals.iter().map(|(key, reason, detail)| json!({
                "source": key.as_str(), "reason": reason.code(), "detail": detail,
            })).collect::<Vec<_>>(),
            "advice": self.advice.iter().map(|(key, advice, command)| json!({
                "object": key.as_str(), "reason": advice.reason.code(), "detail": advice.detail,
                "remedy": advice.reason.remedy(), "command": command,
            })).collect::<Vec<_>>(),
            "attempts": self.attempts.iter().map(|attempt| json!({
                "reason": attempt.reason.code(), "message": attempt.message, "at": attempt.at.and_then(time),
            })).collect::<Vec<_>>(),
            "waiting": self.waiting.iter().map(consumer).collect::<Vec<_>>(),
            "owners": self.owners,
            "targets": self.given.iter().map(Entry::json).collect::<Vec<_>>(),
            "remedy": reason.map(Reason::remedy),
            "commands": self.commands,
            "unread": self.unread.as_ref().map(Key::as_str),
            "notes": self.notes,
        })
    }
}

/// Why a target stands as it does: what is about to be done may have been tried, and have failed.
fn why(entry: Option<&Entry>, attempts: &[Attempt]) -> Option<Reason> {
    tried(entry?, attempts).or(entry?.reason)
}

/// Why what is about to be done failed, if it did.
fn tried(entry: &Entry, attempts: &[Attempt]) -> Option<Reason> {
    attempts.first().map(|attempt| attempt.reason).filter(|_| entry.verb.is_some())
}

/// Whether nobody waits for a target that stands like this.
pub(super) fn is_good(standing: Standing, reason: Option<Reason>) -> bool {
    standing == Standing::Known(State::Current) || reason == Some(Reason::HeldByOnce)
}

impl Seen {
    fn json(&self) -> Value {
        let (entry, annotations) = (self.entry.as_ref(), self.annotations.iter().cloned());
        json!({
            "object": self.link.key.as_str(),
            "by": self.link.by.map(|by| by.annotation().0.name()),
            "there": match self.link.there {
                There::Present => "present",
                There::Missing => "missing",
                There::Unknown => "unknown",
            },
            "again": self.link.again,
            "version": self.version,
            "created": self.created.and_then(time),
            "holds": self.copy,
            "copied": self.copied.and_then(time),
            "annotations": annotations.map(|(key, value)| (key, Value::from(value))).collect::<serde_json::Map<_, _>>(),
            "state": entry.map(|entry| entry.standing.word()),
            "reason": entry.and_then(|entry| entry.reason).map(Reason::code),
        })
    }
}

fn step_json(step: &Step) -> Value {
    let (outcome, reason, needs) = match &step.outcome {
        Outcome::Passed => ("passed", None, None),
        Outcome::Decided(reason) => ("decided", Some(reason.code()), None),
        Outcome::Needs(key) => ("needs", None, Some(key.as_str())),
    };
    json!({
        "question": step.question.name(),
        "rule": step.question.rule(),
        "text": step.question.text(),
        "fact": step.fact,
        "outcome": outcome,
        "reason": reason,
        "needs": needs,
    })
}
