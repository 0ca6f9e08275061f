//! Where `etcd`, `kube-apiserver`, `kubectl`, `kube-controller-manager`, `helm`, `promtool` and what runs pods come from, and how they are
//! run.
//!
//! Ready-made ones can be named: the control plane's by `KUBEBUILDER_ASSETS`, the ecosystem's name for a folder with them, and
//! helm by `K8S_REPLICATOR_HELM`. Otherwise they are built once for each user and each state of their Go module in `tools`
//! (its `go.mod` and `go.sum` pin the versions), into a cache folder outside of the repository ([`user_folder`]).
//!
//! This crate has few dependencies on purpose: `cargo xtask` consists of it, and has to be compiled before anything else begins.

#![allow(clippy::print_stderr, reason = "speaks to the person who runs it: progress of what takes minutes")]

mod build;
mod child;
pub mod image;
mod module;
mod progress;
pub mod scratch;
mod watchdog;

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

pub use self::child::Child;
use self::module::Module;
pub use self::progress::{Lane, Progress};

/// Programs that one Go module pins, and that are built together.
struct Set {
    /// In a sentence.
    title: &'static str,
    /// The module's folder in `tools`.
    module: &'static str,
    /// Their folder in the cache.
    folder: &'static str,
    tools: &'static [Tool],
    /// How much processor time it takes to build them, in minutes, measured without any cache on a busy machine.
    processor_minutes: u64,
    /// What to do where they cannot be built.
    otherwise: &'static str,
    /// Build tags; empty: none.
    tags: &'static str,
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
    processor_minutes: 12,
    otherwise: "set KUBEBUILDER_ASSETS to a folder with ready-made etcd, kube-apiserver and kubectl",
    tags: "",
    link: kubernetes_version,
};

/// A set of its own: the demo and most tests do without, and need not wait for it.
const CONTROLLER_MANAGER: Set = Set {
    title: "the controller manager",
    module: "controlplane",
    folder: "controller-manager",
    tools: &[Tool { name: "kube-controller-manager", package: "k8s.io/kubernetes/cmd/kube-controller-manager" }],
    processor_minutes: 4,
    otherwise: "set KUBEBUILDER_ASSETS to a folder that also has a ready-made kube-controller-manager",
    tags: "",
    link: kubernetes_version,
};

const HELM: Set = Set {
    title: "helm",
    module: "helm",
    folder: "helm",
    tools: &[Tool { name: "helm", package: "helm.sh/helm/v4/cmd/helm" }],
    processor_minutes: 5,
    otherwise: "set K8S_REPLICATOR_HELM to a ready-made helm of version 4",
    tags: "",
    link: |module| {
        let version = module.line("helm.sh/helm/v4")?;
        Ok(format!("-s -w -X helm.sh/helm/v4/internal/version.version={version}"))
    },
};

/// Without Prometheus' service discovery for clouds, which is most of its code.
const PROMETHEUS: Set = Set {
    title: "Prometheus' tools",
    module: "prometheus",
    folder: "prometheus",
    tools: &[
        Tool { name: "promtool", package: "github.com/prometheus/prometheus/cmd/promtool" },
        Tool { name: "parse-metrics", package: "k8s-replicator/tools/prometheus/parse" },
    ],
    processor_minutes: 5,
    otherwise: "leave out the tests of metrics and alerts",
    tags: "remove_all_sd",
    link: |_| Ok("-s -w".to_owned()),
};

/// What makes this machine a node. Its module has the control plane's versions, so that most of it is compiled already.
const NODE: Set = Set {
    title: "the kubelet",
    module: "pods/node",
    folder: "node",
    tools: &[
        Tool { name: "kubelet", package: "k8s.io/kubernetes/cmd/kubelet" },
        Tool { name: "kube-scheduler", package: "k8s.io/kubernetes/cmd/kube-scheduler" },
    ],
    processor_minutes: 5,
    otherwise: "leave out `cargo xtask pods`",
    tags: "",
    link: kubernetes_version,
};

/// What runs containers on it. runc's rules of system calls need the C library libseccomp.
const RUNTIME: Set = Set {
    title: "containerd",
    module: "pods/runtime",
    folder: "container-runtime",
    tools: &[
        Tool { name: "containerd", package: "github.com/containerd/containerd/v2/cmd/containerd" },
        Tool {
            name: "containerd-shim-runc-v2",
            package: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
        },
        Tool { name: "ctr", package: "github.com/containerd/containerd/v2/cmd/ctr" },
        Tool { name: "runc", package: "github.com/opencontainers/runc" },
        Tool { name: "pause", package: "k8s-replicator/tools/pods/runtime/pause" },
    ],
    processor_minutes: 5,
    otherwise: "leave out `cargo xtask pods`",
    tags: "seccomp,no_btrfs,no_devmapper,no_zfs",
    link: |_| Ok("-s -w".to_owned()),
};

/// Without its version, kube-apiserver calls itself `v0.0.0-master+$Format:%H$`, which kubectl and helm cannot parse.
fn kubernetes_version(module: &Module) -> Result<String> {
    let version = module.line("k8s.io/kubernetes")?;
    let mut parts = version.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    ensure!(!major.is_empty() && !minor.is_empty(), "{version} is no Kubernetes version");
    let variable = "-X k8s.io/component-base/version";
    Ok(format!("-s -w {variable}.gitVersion={version} {variable}.gitMajor={major} {variable}.gitMinor={minor}"))
}

/// The folder with `etcd`, `kube-apiserver` and `kubectl`. Builds them on first use, which takes minutes, with progress on stderr.
///
/// # Errors
/// When `KUBEBUILDER_ASSETS` lacks one of them, when there is no fitting Go, when the build fails.
pub fn find_or_build() -> Result<PathBuf> {
    find_or_build_beside(&Progress::new().lane("Go"))
}

/// The same, whose progress is shown beside that of others.
///
/// # Errors
/// As [`find_or_build`].
pub fn find_or_build_beside(lane: &Lane) -> Result<PathBuf> {
    match ready_made() {
        Some(folder) => holds_all(&folder, &CONTROL_PLANE).map(|()| folder),
        None => CONTROL_PLANE.find_or_build(lane),
    }
}

/// How long [`find_or_build`] will take, in minutes of one processor: 0 when there is nothing to build.
///
/// # Errors
/// When the module cannot be read.
pub fn processor_minutes() -> Result<u64> {
    if ready_made().is_some() || CONTROL_PLANE.place()?.is_dir() {
        return Ok(0);
    }
    Ok(CONTROL_PLANE.processor_minutes)
}

/// The program `kube-controller-manager`, which makes deleted namespaces really go. Builds it on first use, with progress on stderr.
///
/// # Errors
/// When `KUBEBUILDER_ASSETS` is set and lacks it and it cannot be built either, when there is no fitting Go.
pub fn controller_manager() -> Result<PathBuf> {
    // Kubernetes' own envtest knows no controller manager, so ready-made folders rarely have one.
    let name = CONTROLLER_MANAGER.tools[0].name;
    match ready_made().map(|folder| folder.join(name)).filter(|program| program.is_file()) {
        Some(program) => Ok(program),
        None => Ok(CONTROLLER_MANAGER.find_or_build(&Progress::new().lane("Go"))?.join(name)),
    }
}

/// The program `kube-controller-manager` if it is there without building it.
///
/// # Errors
/// When the module cannot be read.
pub fn built_controller_manager() -> Result<Option<PathBuf>> {
    let name = CONTROLLER_MANAGER.tools[0].name;
    let folders = ready_made().into_iter().chain([CONTROLLER_MANAGER.place()?]);
    Ok(folders.map(|folder| folder.join(name)).find(|program| program.is_file()))
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
    Ok(HELM.find_or_build(&Progress::new().lane("Go"))?.join("helm"))
}

/// The folder with `promtool`, and with `parse-metrics`, which reads an exposition as Prometheus does. Builds them on first use, with
/// progress on stderr.
///
/// # Errors
/// When there is no fitting Go, when the build fails.
pub fn prometheus() -> Result<PathBuf> {
    PROMETHEUS.find_or_build(&Progress::new().lane("Go"))
}

/// The folders with `kubelet` and `kube-scheduler`, and with `containerd`, its shim, `ctr`, `runc` and `pause`. Builds them on first use,
/// with progress on stderr.
///
/// # Errors
/// When there is no fitting Go, when the build fails.
pub fn pods() -> Result<[PathBuf; 2]> {
    let lane = Progress::new().lane("Go");
    Ok([NODE.find_or_build(&lane)?, RUNTIME.find_or_build(&lane)?])
}

fn ready_made() -> Option<PathBuf> {
    set("KUBEBUILDER_ASSETS").map(PathBuf::from)
}

fn holds_all(folder: &Path, wanted: &Set) -> Result<()> {
    if let Some(missing) = wanted.tools.iter().find(|tool| !folder.join(tool.name).is_file()) {
        bail!(
            "KUBEBUILDER_ASSETS is {}, which holds no {}; point it to a folder with etcd, kube-apiserver and kubectl, or unset it \
             to have them built",
            folder.display(),
            missing.name
        );
    }
    Ok(())
}

impl Set {
    /// The folder in the cache, which exists once the programs are built.
    fn place(&self) -> Result<PathBuf> {
        let module = Module::open(self.module)?;
        let flags = self.build_flags(&module)?;
        Ok(user_folder()?.join(self.folder).join(module.fingerprint(&flags)?))
    }

    fn find_or_build(&self, lane: &Lane) -> Result<PathBuf> {
        let folder = self.place()?;
        if !folder.is_dir() {
            let module = Module::open(self.module)?;
            build::build(self, &module, &self.build_flags(&module)?, &folder, lane)?;
        }
        Ok(folder)
    }

    /// The flags of `go build`. Debug information is off, since the linker would throw it away.
    fn build_flags(&self, module: &Module) -> Result<Vec<String>> {
        let tags = (!self.tags.is_empty()).then(|| format!("-tags={}", self.tags));
        let always = ["-trimpath".into(), "-gcflags=all=-dwarf=false".into(), "-ldflags".into(), (self.link)(module)?];
        Ok(always.into_iter().chain(tags).collect())
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

/// How many minutes some processor time takes on this machine, at least one.
#[must_use]
pub fn minutes_here(processor_minutes: u64) -> (u64, u64) {
    let processors = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    (processor_minutes.div_ceil(processors).max(1), processors)
}

/// Takes from a cargo that is about to be called what the cargo that runs us said of our package: some build scripts (ring's)
/// begin anew when it changes, and with them everything that depends on them, here and at the next build from outside.
pub fn forget_package(command: &mut std::process::Command) {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
}

fn set(variable: &str) -> Option<std::ffi::OsString> {
    env::var_os(variable).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: [Set; 6] = [CONTROL_PLANE, CONTROLLER_MANAGER, HELM, PROMETHEUS, NODE, RUNTIME];

    #[test]
    fn versions_come_from_go_mod() {
        let module = Module::of("module m\n\nrequire (\n\tk8s.io/kubernetes v1.37.2 // indirect\n)\n");
        let flags = CONTROL_PLANE.build_flags(&module).unwrap().join(" ");
        assert!(flags.starts_with("-trimpath ") && flags.contains(" -ldflags -s -w "), "{flags}");
        for part in ["gitVersion=v1.37.2 ", "gitMajor=1 ", "gitMinor=37"] {
            assert!(flags.contains(part), "{flags}");
        }
        let error = HELM.build_flags(&module).unwrap_err().to_string();
        assert!(error.contains("no line `helm.sh/helm/v4"), "{error}");
    }

    #[test]
    fn every_set_has_its_module() {
        for set in SETS {
            let module = Module::open(set.module).unwrap();
            set.build_flags(&module).unwrap();
            for tool in set.tools {
                assert!(module.names_tool(tool.package), "tools/{}/go.mod names {}", set.module, tool.package);
            }
        }
    }

    #[test]
    fn the_kubelet_is_of_the_control_planes_version() {
        let [plane, node] = [CONTROL_PLANE, NODE].map(|set| Module::open(set.module).unwrap());
        assert_eq!(kubernetes_version(&plane).unwrap(), kubernetes_version(&node).unwrap());
    }

    #[test]
    fn sets_have_folders_of_their_own() {
        let folders: std::collections::BTreeSet<_> = SETS.iter().map(|set| set.folder).collect();
        assert_eq!(folders.len(), SETS.len());
    }

    #[test]
    fn a_build_is_announced_in_whole_minutes_of_this_machine() {
        let (minutes, processors) = minutes_here(0);
        assert_eq!(minutes, 1, "never none");
        assert_eq!(minutes_here(3 * processors).0, 3);
        assert_eq!(minutes_here(3 * processors + 1).0, 4);
    }
}
