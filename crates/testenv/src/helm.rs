//! helm, for rendering the chart and for installing it into a control plane.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::{assets, scratch};

/// The project's chart.
#[must_use]
pub fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/helm-chart/k8s-replicator")
}

/// helm, with folders of its own in the place of the person's.
#[derive(Debug, Clone)]
pub struct Helm {
    program: PathBuf,
    home: PathBuf,
}

/// What helm said.
#[derive(Debug, Clone)]
pub struct Said {
    /// Whether it succeeded.
    pub success: bool,
    /// On its output.
    pub output: String,
    /// On its error output.
    pub errors: String,
}

impl Helm {
    /// Finds helm, or builds it.
    ///
    /// # Errors
    /// When it can neither be found nor built.
    pub fn new() -> Result<Self> {
        Ok(Self { program: assets::helm()?, home: scratch::folder("helm")? })
    }

    /// Runs it. `kubeconfig`: the cluster, for commands that need one.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn run(&self, kubeconfig: Option<&Path>, arguments: &[&str]) -> Result<Said> {
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null());
        for (name, folder) in [("CACHE", "cache"), ("CONFIG", "config"), ("DATA", "data")] {
            command.env(format!("HELM_{name}_HOME"), self.home.join(folder));
        }
        // Without one it would find the person's own.
        command.env("KUBECONFIG", kubeconfig.unwrap_or(Path::new("/dev/null")));
        let output = command.output().with_context(|| format!("cannot run {}", self.program.display()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (output, errors, success) = (text(&output.stdout), text(&output.stderr), output.status.success());
        Ok(Said { success, output, errors })
    }

    /// What `helm template` makes of the chart: YAML. `arguments`: values.
    ///
    /// # Errors
    /// When helm refuses, with its words.
    pub fn template(&self, release: &str, namespace: &str, arguments: &[&str]) -> Result<String> {
        let chart = chart();
        let chart = chart.to_str().context("the chart's path is no text")?;
        let mut all = vec!["template", release, chart, "--namespace", namespace];
        all.extend(arguments);
        let said = self.run(None, &all)?;
        ensure!(said.success, "helm template {}: {}", arguments.join(" "), said.errors.trim());
        Ok(said.output)
    }
}
