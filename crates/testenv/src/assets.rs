//! Where `etcd`, `kube-apiserver`, `kubectl` and `helm` come from.
//!
//! Ready-made ones can be named: the control plane's by `KUBEBUILDER_ASSETS`, the ecosystem's name for a folder with them, and
//! helm by `K8S_REPLICATOR_HELM`. Otherwise they are built once for each user and each state of their Go module in `tools`
//! (its `go.mod` and `go.sum` pin the versions), into a cache folder.

mod build;
mod module;
mod progress;

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use self::module::Module;

/// Programs that one Go module pins, and that are built together.
struct Set {
    /// In a sentence.
    title: &'static str,
    /// The module's folder in `tools`.
    module: &'static str,
    /// Their folder in the cache.
    folder: &'static str,
    /// In the order in which they are built: the quick ones first, so that progress is seen.
    tools: &'static [Tool],
    /// How long it takes to build them.
    takes: &'static str,
    /// What to do where they cannot be built.
    otherwise: &'static str,
    /// The linker's flags.
    link: fn(&Module) -> Result<String>,
}

/// One program, and the Go package it is built from.
struct Tool {
    name: &'static str,
    package: &'static str,
}

const CONTROL_PLANE: Set = Set {
    title: "the control plane",
    module: "controlplane",
    folder: "control-plane",
    tools: &[
        Tool { name: "etcd", package: "go.etcd.io/etcd/server/v3" },
        Tool { name: "kubectl", package: "k8s.io/kubernetes/cmd/kubectl" },
        Tool { name: "kube-apiserver", package: "k8s.io/kubernetes/cmd/kube-apiserver" },
    ],
    takes: "about 7 minutes on two cores, less on more",
    otherwise: "set KUBEBUILDER_ASSETS to a folder with ready-made etcd, kube-apiserver and kubectl",
    link: |module| {
        // Without its version, kube-apiserver calls itself `v0.0.0-master+$Format:%H$`, which kubectl and helm cannot parse.
        let version = module.line("k8s.io/kubernetes")?;
        let mut parts = version.trim_start_matches('v').split('.');
        let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        ensure!(!major.is_empty() && !minor.is_empty(), "{version} is no Kubernetes version");
        let variable = "-X k8s.io/component-base/version";
        Ok(format!("-s -w {variable}.gitVersion={version} {variable}.gitMajor={major} {variable}.gitMinor={minor}"))
    },
};

const HELM: Set = Set {
    title: "helm",
    module: "helm",
    folder: "helm",
    tools: &[Tool { name: "helm", package: "helm.sh/helm/v4/cmd/helm" }],
    takes: "about 3 minutes on two cores, less on more",
    otherwise: "set K8S_REPLICATOR_HELM to a ready-made helm of version 4",
    link: |module| {
        let version = module.line("helm.sh/helm/v4")?;
        Ok(format!("-s -w -X helm.sh/helm/v4/internal/version.version={version}"))
    },
};

/// The folder with the control plane's three programs. Builds them on first use, which takes minutes, with progress on stderr.
///
/// # Errors
/// When `KUBEBUILDER_ASSETS` lacks one of them, when there is no fitting Go, when the build fails.
pub fn find_or_build() -> Result<PathBuf> {
    if let Some(ready_made) = set("KUBEBUILDER_ASSETS") {
        let folder = PathBuf::from(ready_made);
        if let Some(missing) = CONTROL_PLANE.tools.iter().find(|tool| !folder.join(tool.name).is_file()) {
            bail!(
                "KUBEBUILDER_ASSETS is {}, which holds no {}; point it to a folder with etcd, kube-apiserver and kubectl, or \
                 unset it to have them built",
                folder.display(),
                missing.name
            );
        }
        return Ok(folder);
    }
    CONTROL_PLANE.find_or_build()
}

/// The program `helm`. Builds it on first use, with progress on stderr.
///
/// # Errors
/// When `K8S_REPLICATOR_HELM` names no file, when there is no fitting Go, when the build fails.
pub fn helm() -> Result<PathBuf> {
    if let Some(ready_made) = set("K8S_REPLICATOR_HELM") {
        let program = PathBuf::from(ready_made);
        let advice = "point it to a helm of version 4, or unset it to have one built";
        ensure!(program.is_file(), "K8S_REPLICATOR_HELM is {}, which is no file; {advice}", program.display());
        return Ok(program);
    }
    Ok(HELM.find_or_build()?.join("helm"))
}

impl Set {
    fn find_or_build(&self) -> Result<PathBuf> {
        let module = Module::open(self.module)?;
        let flags = self.build_flags(&module)?;
        let folder = user_folder()?.join(self.folder).join(module.fingerprint(&flags)?);
        if !folder.is_dir() {
            build::build(self, &module, &flags, &folder)?;
        }
        Ok(folder)
    }

    /// What `go build` is told.
    fn build_flags(&self, module: &Module) -> Result<[String; 3]> {
        Ok(["-trimpath".into(), "-ldflags".into(), (self.link)(module)?])
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_go_mod() {
        let module = Module::of("module m\n\nrequire (\n\tk8s.io/kubernetes v1.37.2 // indirect\n)\n");
        let flags = CONTROL_PLANE.build_flags(&module).unwrap().join(" ");
        assert!(flags.starts_with("-trimpath -ldflags -s -w "), "{flags}");
        for part in ["gitVersion=v1.37.2 ", "gitMajor=1 ", "gitMinor=37"] {
            assert!(flags.contains(part), "{flags}");
        }
        let error = HELM.build_flags(&module).unwrap_err().to_string();
        assert!(error.contains("no line `helm.sh/helm/v4"), "{error}");
    }

    #[test]
    fn every_set_has_its_module() {
        for set in [CONTROL_PLANE, HELM] {
            let module = Module::open(set.module).unwrap();
            set.build_flags(&module).unwrap();
            for tool in set.tools {
                assert!(module.names_tool(tool.package), "tools/{}/go.mod names {}", set.module, tool.package);
            }
        }
    }
}
