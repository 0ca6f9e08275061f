//! Where `etcd`, `kube-apiserver` and `kubectl` come from.
//!
//! `KUBEBUILDER_ASSETS`, the ecosystem's name for a folder with ready-made ones, wins. Otherwise they are built once for each
//! user and each state of `tools/controlplane` (its `go.mod` and `go.sum` pin the versions), into a cache folder.

mod build;
mod progress;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

/// One program, and the Go package it is built from.
struct Tool {
    name: &'static str,
    package: &'static str,
}

/// In the order in which they are built: the quick ones first, so that progress is seen.
const TOOLS: [Tool; 3] = [
    Tool { name: "etcd", package: "go.etcd.io/etcd/server/v3" },
    Tool { name: "kubectl", package: "k8s.io/kubernetes/cmd/kubectl" },
    Tool { name: "kube-apiserver", package: "k8s.io/kubernetes/cmd/kube-apiserver" },
];

/// The folder with the three programs. Builds them on first use, which takes minutes, with progress on stderr.
///
/// # Errors
/// When `KUBEBUILDER_ASSETS` lacks one of them, when there is no fitting Go, when the build fails.
pub fn find_or_build() -> Result<PathBuf> {
    if let Some(ready_made) = set("KUBEBUILDER_ASSETS") {
        let folder = PathBuf::from(ready_made);
        if let Some(missing) = TOOLS.iter().find(|tool| !folder.join(tool.name).is_file()) {
            bail!(
                "KUBEBUILDER_ASSETS is {}, which holds no {}; point it to a folder with etcd, kube-apiserver and kubectl, or \
                 unset it to have them built",
                folder.display(),
                missing.name
            );
        }
        return Ok(folder);
    }
    let module = Module::open()?;
    let folder = user_folder()?.join("control-plane").join(module.fingerprint()?);
    if !folder.is_dir() {
        build::build(&module, &folder)?;
    }
    Ok(folder)
}

/// This project's folder in the user's cache: `K8S_REPLICATOR_CACHE`, else in `XDG_CACHE_HOME`, else in `~/.cache`.
///
/// # Errors
/// When none of these nor `HOME` is set.
pub fn user_folder() -> Result<PathBuf> {
    if let Some(cache) = set("K8S_REPLICATOR_CACHE") {
        return Ok(std::path::absolute(cache)?);
    }
    let cache = match set("XDG_CACHE_HOME").map(PathBuf::from).filter(|cache| cache.is_absolute()) {
        Some(cache) => cache,
        None => Path::new(&set("HOME").context("set HOME or K8S_REPLICATOR_CACHE: there is no place for a cache")?)
            .join(".cache"),
    };
    Ok(cache.join("k8s-replicator"))
}

fn set(variable: &str) -> Option<std::ffi::OsString> {
    env::var_os(variable).filter(|value| !value.is_empty())
}

/// The Go module that pins the programs.
struct Module {
    folder: PathBuf,
    go_mod: String,
}

impl Module {
    fn open() -> Result<Self> {
        // Both crates that need it live in the workspace, and are never installed elsewhere.
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/controlplane");
        let go_mod = fs::read_to_string(folder.join("go.mod")).context("cannot read tools/controlplane/go.mod")?;
        Ok(Self { folder, go_mod })
    }

    /// What follows `word` at the start of a line, such as `1.26.0` after `go`.
    fn line(&self, word: &str) -> Result<&str> {
        self.go_mod
            .lines()
            .find_map(|line| line.trim().strip_prefix(word)?.strip_prefix(' ')?.split_whitespace().next())
            .with_context(|| format!("tools/controlplane/go.mod has no line `{word} …`"))
    }

    /// What `go build` is told. Without its version, kube-apiserver calls itself `v0.0.0-master+$Format:%H$`, which kubectl and
    /// helm cannot parse.
    fn build_flags(&self) -> Result<[String; 3]> {
        let version = self.line("k8s.io/kubernetes")?;
        let mut parts = version.trim_start_matches('v').split('.');
        let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        ensure!(!major.is_empty() && !minor.is_empty(), "{version} is no Kubernetes version");
        let variable = "-X k8s.io/component-base/version";
        let link =
            format!("-s -w {variable}.gitVersion={version} {variable}.gitMajor={major} {variable}.gitMinor={minor}");
        Ok(["-trimpath".into(), "-ldflags".into(), link])
    }

    /// Names the programs that come out: another one whenever a version or a flag changes.
    fn fingerprint(&self) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(&self.go_mod);
        hash.update(fs::read(self.folder.join("go.sum")).context("cannot read tools/controlplane/go.sum")?);
        hash.update(self.build_flags()?.join(" "));
        Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_go_mod() {
        let go_mod = "module m\n\ngo 1.26.0\n\nrequire (\n\tk8s.io/kubernetes v1.37.2 // indirect\n)\n".to_owned();
        let module = Module { folder: PathBuf::new(), go_mod };
        assert_eq!(module.line("go").unwrap(), "1.26.0");
        let flags = module.build_flags().unwrap().join(" ");
        assert!(flags.starts_with("-trimpath -ldflags -s -w "), "{flags}");
        for part in ["gitVersion=v1.37.2 ", "gitMajor=1 ", "gitMinor=37"] {
            assert!(flags.contains(part), "{flags}");
        }
        assert!(module.line("toolchain").unwrap_err().to_string().contains("no line `toolchain"));
    }

    #[test]
    fn the_fingerprint_is_short_and_stable() {
        let module = Module::open().unwrap();
        assert_eq!(module.fingerprint().unwrap(), module.fingerprint().unwrap());
        assert_eq!(module.fingerprint().unwrap().len(), 16);
    }
}
