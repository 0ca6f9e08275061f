//! The stage of the demo: a cluster, its controller, and kubectl.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use k8s_replicator_testenv::{ControlPlane, Controller, link_tools};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::LOOK_AGAIN;
use super::acts::{Act, Expectation, State};
use super::log::Entry;
use crate::workspace;

/// How long the consequences of an act may take. They take milliseconds.
const ACT_LIMIT: Duration = Duration::from_secs(20);
/// What stands for a new value in a command.
const NEW_VALUE: &str = "{new}";
const PREFIX: &str = "k8s-replicator/";

/// See the [module](self).
pub(super) struct Stage {
    // Dropped first, while its API server is still there.
    pub(super) controller: Controller,
    pub(super) plane: ControlPlane,
    pub(super) kubectl: PathBuf,
    /// The program, which is also kubectl's plugin.
    pub(super) program: PathBuf,
}

/// All Secrets at one moment, by `namespace/name`.
pub(super) type Snapshot = BTreeMap<String, Secret>;

/// What the demo shows about a Secret. Of its data only a digest is kept.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret {
    /// Short, equal for equal data; None without any.
    pub(super) digest: Option<String>,
    /// The same of each value, by its key.
    keys: BTreeMap<String, String>,
    pub(super) resource_version: String,
    /// The controller's annotations, without their prefix.
    pub(super) annotations: BTreeMap<String, String>,
}

/// The outcome of an act.
pub(super) struct Outcome<'a> {
    pub(super) snapshot: Snapshot,
    /// Each expectation, and whether it holds.
    pub(super) checks: Vec<(&'a Expectation, bool)>,
    /// Why each target is as it is.
    pub(super) reasons: BTreeMap<String, String>,
    /// Since the last command.
    pub(super) took: Duration,
}

impl Outcome<'_> {
    pub(super) fn is_good(&self) -> bool {
        self.checks.iter().all(|(_, holds)| *holds)
    }
}

impl Stage {
    /// Runs one command of an act, and shows what kubectl says.
    pub(super) fn run_kubectl(&self, arguments: &[&str]) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let fresh = format!("{:x}", now.as_nanos());
        let status = Command::new(&self.kubectl)
            .args(arguments.iter().map(|argument| argument.replace(NEW_VALUE, &fresh)))
            .current_dir(workspace())
            .env("KUBECONFIG", self.plane.kubeconfig())
            // Not among the caches of the person's own clusters.
            .env("KUBECACHEDIR", self.plane.dir().join("kubectl-cache"))
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("cannot run {}", self.kubectl.display()))?;
        ensure!(status.success(), "kubectl {} failed", shown(arguments));
        Ok(())
    }

    /// A folder with kubectl and its plugin, for a person's PATH.
    pub(super) fn tools(&self) -> Result<PathBuf> {
        let folder = self.plane.dir().join("bin");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        link_tools(&folder, &self.kubectl, &self.program)?;
        Ok(folder)
    }

    /// The output of `explain` for a Secret.
    pub(super) fn explain(&self, object: &str) -> Result<String> {
        let output = Command::new(&self.program)
            .args(["explain", "secret", object, "--controller-flags", ""])
            .env("KUBECONFIG", self.plane.kubeconfig())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Waits until all that is expected of the act holds, or long enough. `since`: the log's length when it began.
    pub(super) fn wait<'a>(&self, act: &'a Act, before: &Snapshot, since: usize) -> Result<Outcome<'a>> {
        let start = Instant::now();
        loop {
            // The log is read first: what it reports is visible in the cluster by then.
            let log = self.controller.log();
            let logged: Vec<Entry> = Entry::all(&log[since..]).collect();
            let snapshot = self.snapshot()?;
            let check = |expectation: &Expectation| {
                is_in_state(expectation, before, &snapshot)
                    && logged.iter().any(|entry| {
                        (entry.target.as_str(), entry.reason.as_str()) == (expectation.object, expectation.reason)
                    })
            };
            let checks: Vec<_> = act.expectations.iter().map(|expectation| (expectation, check(expectation))).collect();
            if checks.iter().all(|(_, holds)| *holds) || start.elapsed() > ACT_LIMIT {
                let reasons = reasons(&log, &checks);
                return Ok(Outcome { snapshot, checks, reasons, took: start.elapsed() });
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    fn snapshot(&self) -> Result<Snapshot> {
        let list = self.plane.client().get("/api/v1/secrets")?;
        let items = list["items"].as_array().context("the API server's answer is no list")?;
        Ok(items.iter().map(|item| (key(item), Secret::new(item))).collect())
    }
}

/// The reason of the last thing that was done about each target, or that keeps anything from being done.
fn reasons(log: &str, checks: &[(&Expectation, bool)]) -> BTreeMap<String, String> {
    let mut reasons: BTreeMap<String, String> =
        Entry::all(log).filter(Entry::is_action).map(|entry| (entry.target, entry.reason)).collect();
    let met = checks.iter().filter(|(_, holds)| *holds);
    reasons.extend(met.map(|(expectation, _)| (expectation.object.to_owned(), expectation.reason.to_owned())));
    reasons
}

fn key(object: &Value) -> String {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("name"))
}

fn is_in_state(expectation: &Expectation, before: &Snapshot, now: &Snapshot) -> bool {
    let object = now.get(expectation.object);
    match expectation.becomes {
        State::Absent => object.is_none(),
        State::Empty => object.is_some_and(|object| object.digest.is_none()),
        State::Unchanged => {
            let digest = |snapshot: &Snapshot| snapshot.get(expectation.object).map(|object| object.digest.clone());
            digest(before).is_some() && digest(before) == digest(now)
        }
        State::KeyOf { source, key, name } => {
            let theirs = now.get(source).and_then(|source| source.keys.get(key));
            object.is_some_and(|object| object.keys.len() == 1 && theirs.is_some() && object.keys.get(name) == theirs)
        }
        State::CopyOf(source) => {
            let says_so = |object: &Secret| object.annotations.contains_key("replicated-from-version");
            let same = |object: &Secret| now.get(source).is_some_and(|source| source.digest == object.digest);
            object.is_some_and(|object| object.digest.is_some() && says_so(object) && same(object))
        }
    }
}

impl Secret {
    fn new(object: &Value) -> Self {
        let data = object["data"].as_object().filter(|data| !data.is_empty());
        // The server sorts the keys, so equal data is equal text.
        let digest = data.map(|data| self::digest(&Value::from(data.clone())));
        let keys = data.into_iter().flatten().map(|(key, value)| (key.clone(), self::digest(value))).collect();
        let annotations = object["metadata"]["annotations"].as_object().into_iter().flatten();
        let own = annotations
            .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value.as_str()?.to_owned())));
        let resource_version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        Self { digest, keys, resource_version, annotations: own.collect() }
    }
}

/// Short, equal for equal values.
fn digest(value: &Value) -> String {
    Sha256::digest(value.to_string()).iter().take(3).map(|byte| format!("{byte:02x}")).collect()
}

/// A command as one would type it, but without new values.
pub(super) fn shown(arguments: &[&str]) -> String {
    let words = arguments.iter().map(|argument| {
        let text = argument.replace(NEW_VALUE, "…");
        if text.contains(['"', ' ']) { format!("'{text}'") } else { text }
    });
    std::iter::once("kubectl".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
