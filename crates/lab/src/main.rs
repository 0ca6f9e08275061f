//! The lab: the chores of `cargo xtask` that talk to an API server, or need helm and YAML.
//!
//! It is called by xtask, with xtask's own arguments; nothing else should need it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "speaks to the person who runs it")]

mod bench;
mod control_plane;
mod demo;
mod manifests;
mod pods;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

/// As xtask has them, where they are explained.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Chore,
}

#[derive(Subcommand)]
enum Chore {
    Demo {
        #[arg(long)]
        exit: bool,
    },
    Manifests {
        #[arg(long)]
        check: bool,
    },
    Bench(bench::Arguments),
    Pods(pods::Arguments),
    #[command(subcommand)]
    ControlPlane(ControlPlane),
}

#[derive(Subcommand)]
enum ControlPlane {
    Up {
        #[arg(long)]
        dir: Option<PathBuf>,
        #[arg(long)]
        port: Option<u16>,
        #[arg(long)]
        controllers: bool,
    },
    Down {
        #[arg(long)]
        dir: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Chore::Demo { exit } => demo::run(exit),
        Chore::Manifests { check } => manifests::run(check),
        Chore::Pods(arguments) => pods::run(&arguments),
        Chore::Bench(arguments) => bench::run(&arguments),
        Chore::ControlPlane(ControlPlane::Up { dir, port, controllers }) => control_plane::up(dir, port, controllers),
        Chore::ControlPlane(ControlPlane::Down { dir }) => control_plane::down(dir),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The cargo that runs this program, at work in the workspace.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.args(arguments).current_dir(workspace());
    k8s_replicator_assets::forget_package(&mut command);
    command
}

/// The controller of the same build as this program: beside it.
fn controller() -> Result<PathBuf> {
    Ok(std::env::current_exe().context("this program has no path")?.with_file_name("k8s-replicator"))
}

/// The folder of the whole project.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
