//! `cargo xtask mutants`: which changes of the code do its tests not see (`crates/mutants`)?

use anyhow::{Result, ensure};

/// What is to be run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this package: core or controller.
    #[arg(long)]
    package: Option<String>,
    /// Only files whose path contains this.
    #[arg(long)]
    file: Option<String>,
    /// Only what was missed the last time, and what is new since.
    #[arg(long)]
    again: bool,
    /// So many seeds of the simulation for each mutant that no unit test sees.
    #[arg(long, default_value_t = 200)]
    seeds: u32,
}

/// Runs the mutants; fails if one is missed that has no reason.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut command = super::cargo(&["run", "--package", "k8s-replicator-mutants", "--"]);
    command.args(["--seeds", &arguments.seeds.to_string()]).args(arguments.again.then_some("--again"));
    for (name, value) in [("--package", &arguments.package), ("--file", &arguments.file)] {
        command.args(value.iter().flat_map(|value| [name, value]));
    }
    ensure!(command.status()?.success(), "mutants are missed");
    Ok(())
}
