//! A controller that is measured: this project's, or another one in the same run.

use std::ffi::OsStr;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use k8s_replicator_testenv::{Child, ControlPlane, Rights, User};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::process;

/// How often a controller is asked whether it is ready.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Which annotations a controller reads.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Dialect {
    /// This project's and olli-ai/k8s-replicator's.
    Olli,
    /// mittwald/kubernetes-replicator's.
    Mittwald,
}

impl Dialect {
    /// The annotations of a source that pushes to the namespaces of this list.
    pub(super) fn push_to(self, namespaces: &str) -> Value {
        match self {
            Self::Olli => json!({ "k8s-replicator/replicate-to-namespaces": namespaces }),
            Self::Mittwald => json!({ "replicator.v1.mittwald.de/replicate-to": namespaces }),
        }
    }

    /// The annotation that names the version of the source that a replica holds.
    pub(super) fn version_annotation(self) -> &'static str {
        match self {
            Self::Olli => "k8s-replicator/replicated-from-version",
            Self::Mittwald => "replicator.v1.mittwald.de/replicated-from-version",
        }
    }
}

/// A controller as it is called.
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) dialect: Dialect,
    /// Its program and arguments, with `{kubeconfig}` and `{port}` in them.
    command: Vec<String>,
    /// Whether it knows this project's flags.
    is_ours: bool,
}

impl Subject {
    /// The release build of this project.
    pub(super) fn ours() -> Result<Self> {
        let program = crate::controller()?.display().to_string();
        let flags = ["--kube-config={kubeconfig}", "--status-address=127.0.0.1:{port}"].map(str::to_owned);
        let command = std::iter::once(program).chain(flags).collect();
        Ok(Self { name: "k8s-replicator".to_owned(), dialect: Dialect::Olli, command, is_ours: true })
    }

    /// As `--versus` names another.
    pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Self> {
        let Some((name, command)) =
            text.split_once('=').filter(|(name, command)| !name.is_empty() && !command.is_empty())
        else {
            bail!("--versus {text}: expected NAME=COMMAND");
        };
        ensure!(
            command.contains("{kubeconfig}") && command.contains("{port}"),
            "--versus {text}: the command has to have {{kubeconfig}} and {{port}} in it"
        );
        let command = command.split_whitespace().map(str::to_owned).collect();
        Ok(Self { name: name.to_owned(), dialect, command, is_ours: false })
    }

    /// Whether it knows this project's flags.
    pub(super) fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Starts it as a user of its own.
    pub(super) fn start(&self, plane: &ControlPlane, more: &[&str]) -> Result<Running> {
        let user = plane.user(Rights::Admin);
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let fill = |word: &String| {
            word.replace("{kubeconfig}", &user.kubeconfig.display().to_string()).replace("{port}", &port.to_string())
        };
        let mut words = self.command.iter().map(fill).chain(more.iter().map(|word| (*word).to_owned()));
        let program = words.next().context("the command is empty")?;
        let log = plane.dir().join(format!("{}-{port}.log", self.name));
        let output = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        let errors = output.try_clone()?;
        let started = Instant::now();
        let child = Child::start(OsStr::new(&program), words, |command| {
            command.stdout(output).stderr(errors);
        })?;
        Ok(Running { child, user, port, log, started })
    }
}

/// A controller that runs. Dropping it kills it.
pub(super) struct Running {
    child: Child,
    pub(super) user: User,
    port: u16,
    log: PathBuf,
    started: Instant,
}

impl Running {
    /// Waits until `/healthz` says that it has all its first lists. Answers how long that took since its start.
    pub(super) async fn ready(&mut self, patience: Duration) -> Result<Duration> {
        loop {
            if self.healthz().await.unwrap_or(false) {
                return Ok(self.started.elapsed());
            }
            if let Some(status) = self.child.ended() {
                bail!("the controller ended ({status}); its log:\n{}", tail(&self.log));
            }
            if self.started.elapsed() > patience {
                bail!("the controller is not ready after {} s; its log:\n{}", patience.as_secs(), tail(&self.log));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn healthz(&self) -> Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer.split_whitespace().nth(1) == Some("200"))
    }

    /// Seconds of processor time until now.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        process::cpu_seconds(self.child.id())
    }

    /// Megabytes: now, and the most until now.
    pub(super) fn memory(&self) -> Result<(f64, f64)> {
        process::memory(self.child.id())
    }

    /// Ends it in order.
    pub(super) fn stop(mut self) {
        self.child.terminate(Duration::from_secs(15));
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_controller_is_named_with_its_command() {
        let subject = Subject::parse("old=./bin -k={kubeconfig} --port {port}", Dialect::Mittwald).unwrap();
        assert_eq!(subject.name, "old");
        assert_eq!(subject.command, ["./bin", "-k={kubeconfig}", "--port", "{port}"]);
        assert!(!subject.is_ours());
        for (text, message) in [
            ("old", "expected NAME=COMMAND"),
            ("=x {kubeconfig} {port}", "expected NAME=COMMAND"),
            ("old=./bin {port}", "has to have {kubeconfig} and {port}"),
        ] {
            let error = Subject::parse(text, Dialect::Olli).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
