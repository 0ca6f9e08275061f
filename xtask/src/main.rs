//! The project's own chores, as `cargo xtask <command>`.
//!
//! This program is small, so that it is there at once. What needs a client of the API server is in the lab (`crates/lab`), a
//! program of its own that is compiled while Go builds the API server: see [`lab`].

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "speaks to the person who runs it")]

mod chaos;
mod image;
mod lab;
mod mutants;
mod rust;
mod sim;
mod test;
mod version;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};
use k8s_replicator_assets as assets;

/// The chores of k8s-replicator. Needs Rust and Go, nothing else: no Docker, no cluster.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true, infer_subcommands = false)]
struct Arguments {
    #[command(subcommand)]
    command: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Show it: six examples, replicated on a real Kubernetes API server while you look.
    ///
    /// Builds the controller and, the first time, the API server; it says how long that takes. Then it stays up, with a
    /// KUBECONFIG to try it by hand, until Ctrl-C.
    Demo {
        /// Do not stay up: check each act, and end with code 0, or 1 if one went wrong.
        #[arg(long)]
        exit: bool,
    },
    /// Write what is made from the chart: deploy/*.yaml, and the table of values in the chart's README.
    Manifests {
        /// Write nothing; fail if something would be written.
        #[arg(long)]
        check: bool,
    },
    /// Build the image of the Dockerfile, or (where no container engine runs) the static binary that goes into it.
    Image {
        /// The binary only, for this machine. Prints its path.
        #[arg(long)]
        binary_only: bool,
        /// An image of it for this machine, as a file that engines and `ctr images import` take. It needs no engine.
        #[arg(long, value_name = "FILE", conflicts_with = "binary_only")]
        archive: Option<PathBuf>,
    },
    /// Set the version in every place that names it.
    Version {
        /// Such as 2.1.0, or 2.1.0-rc.1.
        version: String,
    },
    /// Prove it: format, clippy, cargo-deny, unit, doc and API tests. Stops at the first step that fails.
    Test,
    /// Simulate it: the whole controller on virtual time, against a model API server with faults; one seed is one run.
    Sim(sim::Arguments),
    /// Change it: thousands of small changes of `core` and the controller, each of which a test or the simulation has to see.
    ///
    /// Needs cargo-mutants, which lists the changes. It takes an hour or two; `--again` and `--file` take less.
    #[command(disable_help_flag = true)]
    Mutants {
        /// Which ones; `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
        arguments: Vec<String>,
    },
    /// Measure it: how fast, and at what cost, each figure beside the limit that was measured in the same run.
    ///
    /// Takes a quarter of an hour; `--quick` under three minutes. Nothing else should run on the machine meanwhile.
    #[command(disable_help_flag = true)]
    Bench {
        /// Arguments of the bench; `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
        arguments: Vec<String>,
    },
    /// Break it: two API servers on one etcd, kills, lost responses and a restore of etcd, while people work in 50 namespaces; then
    /// every target has to be as wanted.
    Chaos {
        /// How long things break, in minutes. What comes after takes about two more.
        #[arg(long, default_value_t = 2)]
        minutes: u64,
        /// For the dice.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Run it as users do: helm installs the chart on a real kubelet with containerd and runc, in pods with real limits.
    ///
    /// Needs root on Linux, and says what else is missing. All of it lives in namespaces and cgroups of its own, which go with it.
    Pods {
        /// Only these acts, in a comma list [default: all].
        #[arg(long)]
        only: Option<String>,
    },
    /// The Kubernetes API server that the demo, the tests and the bench run on.
    #[command(subcommand)]
    ControlPlane(ControlPlaneChore),
}

#[derive(Subcommand)]
enum ControlPlaneChore {
    /// Print the folder with etcd, kube-apiserver and kubectl: KUBEBUILDER_ASSETS, else the user's cache, built on first use.
    Path,
    /// Start one to play with, which runs on until `down`. What it holds stays in its folder for the next `up`.
    Up {
        /// Where its files go [default: a folder in the user's cache].
        #[arg(long, value_name = "DIR")]
        dir: Option<String>,
        /// The API server's port, on 127.0.0.1 [default: a free one].
        #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
        port: Option<u16>,
        /// Start kube-controller-manager too (built on first use), without which a deleted namespace stays Terminating.
        #[arg(long)]
        controllers: bool,
    },
    /// Stop the one that `up` started.
    Down {
        /// As given to `up`.
        #[arg(long, value_name = "DIR")]
        dir: Option<String>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Chore::Demo { .. } | Chore::ControlPlane(ControlPlaneChore::Up { .. }) => lab::with_control_plane(),
        Chore::Chaos { minutes, seed } => chaos::run(minutes, seed),
        // Pods: what it lacks it says before anything is built with Go.
        Chore::Manifests { .. } | Chore::Pods { .. } | Chore::ControlPlane(ControlPlaneChore::Down { .. }) => {
            lab::run(&[])
        }
        Chore::Bench { .. } => lab::run(&["--release"]),
        Chore::Image { archive: Some(file), .. } => image::archive(&file),
        Chore::Image { binary_only, archive: None } => image::run(binary_only),
        Chore::Version { version } => version::set(&version),
        Chore::Sim(arguments) => sim::run(&arguments),
        Chore::Mutants { arguments } => mutants::run(&arguments),
        Chore::Test => test::run(),
        Chore::ControlPlane(ControlPlaneChore::Path) => path(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn path() -> Result<()> {
    println!("{}", assets::find_or_build()?.display());
    Ok(())
}

/// The cargo that runs this program, at work in the workspace.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.args(arguments).current_dir(workspace());
    assets::forget_package(&mut command);
    command
}

/// The folder of the whole project.
fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The files with the version in them.
    fn files() -> Vec<PathBuf> {
        let in_folder = |folder: &str| {
            let entries = fs::read_dir(workspace().join(folder)).unwrap();
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect::<Vec<_>>()
        };
        let mut files = [in_folder(".github/workflows"), in_folder("docs"), in_folder(".ci")].concat();
        files.extend(["README.md", "CONTRIBUTING.md", "Dockerfile"].map(|name| workspace().join(name)));
        files
    }

    #[test]
    fn every_chore_that_is_named_exists() {
        let mut named = 0;
        for file in files() {
            let text = fs::read_to_string(&file).unwrap();
            for rest in text.split("cargo xtask ").skip(1) {
                let end = rest.find(['`', '\n', '#', ':', ';', ',']).unwrap_or(rest.len());
                let words = rest[..end].split_whitespace().map(|word| word.trim_end_matches('.'));
                let words: Vec<&str> =
                    words.take_while(|word| word.starts_with(|c: char| c.is_alphanumeric() || c == '-')).collect();
                let parsed = (1..=words.len()).find(|n| {
                    Arguments::try_parse_from(std::iter::once("xtask").chain(words[..*n].iter().copied())).is_ok()
                });
                assert!(parsed.is_some(), "{}: cargo xtask {}", file.display(), words.join(" "));
                named += 1;
            }
        }
        assert!(named > 5, "{named}");
    }

    #[test]
    fn workflows_are_yaml_and_ask_for_few_rights() {
        let folder = workspace().join(".github");
        let read =
            |path: PathBuf| serde_saphyr::from_str::<serde_json::Value>(&fs::read_to_string(path).unwrap()).unwrap();
        for workflow in fs::read_dir(folder.join("workflows")).unwrap() {
            let workflow = read(workflow.unwrap().path());
            assert_eq!(workflow["permissions"], serde_json::json!({ "contents": "read" }), "{}", workflow["name"]);
        }
        // Every module of Go that is pinned is kept up to date.
        let updates = read(folder.join("dependabot.yml"));
        for module in ["controlplane", "helm", "pods/node", "pods/runtime"] {
            assert!(updates.to_string().contains(&format!("/tools/{module}")), "{module}");
        }
    }
}
