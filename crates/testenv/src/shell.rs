//! A person at a shell, with kubectl and its plugin on the PATH.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::controller::program;
use crate::{assets, scratch};

/// A person at a shell, with kubectl and its plugin on the PATH.
#[derive(Debug, Clone)]
pub struct Shell {
    folder: PathBuf,
    kubeconfig: PathBuf,
}

/// What a command line came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// On its output.
    pub output: String,
    /// On its error output.
    pub errors: String,
}

/// Puts kubectl and the program, under its own name and as kubectl's plugin, into a folder for a person's PATH.
///
/// # Errors
/// When they cannot be linked there.
pub fn link_tools(folder: &Path, kubectl: &Path, program: &Path) -> Result<()> {
    for (name, target) in [("kubectl", kubectl), ("kubectl-replicator", program), ("k8s-replicator", program)] {
        let target = target.canonicalize().with_context(|| format!("cannot find {}", target.display()))?;
        symlink(target, folder.join(name)).with_context(|| format!("cannot link {name}"))?;
    }
    Ok(())
}

impl Shell {
    /// A shell of somebody with this kubeconfig. The plugin is the program of this build.
    ///
    /// # Errors
    /// When kubectl or the program can neither be found nor built.
    pub fn new(kubeconfig: &Path) -> Result<Self> {
        let folder = scratch::folder("shell")?;
        link_tools(&folder, &assets::find_or_build()?.join("kubectl"), program()?)?;
        Ok(Self { folder, kubeconfig: kubeconfig.to_owned() })
    }

    /// Runs a command line, on a terminal of so many columns that has no colours.
    ///
    /// # Errors
    /// When there is no shell.
    pub fn run(&self, line: &str, columns: usize) -> Result<Ran> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.folder.clone()).chain(std::env::split_paths(&path));
        let output = Command::new("sh")
            .args(["-c", line])
            .stdin(Stdio::null())
            .env("PATH", std::env::join_paths(folders)?)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.folder.join("cache"))
            .env("COLUMNS", columns.to_string())
            .output()
            .context("cannot run sh")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ran { code: output.status.code().unwrap_or(-1), output: text(&output.stdout), errors: text(&output.stderr) })
    }
}
