//! `cargo xtask sim`: the controller on virtual time, seed by seed (`crates/sim`).

use anyhow::{Result, ensure};

/// What is to be run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The first seed. The same seed does the same, each time.
    #[arg(long)]
    seed: u64,
    /// So many seeds from there on.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Go on after the first seed that fails.
    #[arg(long)]
    all: bool,
    /// Print the whole story of a seed, not the shortest that fails alike.
    #[arg(long)]
    whole: bool,
    /// With a mistake made on purpose around the controller; `all`: the table of when each is found.
    #[arg(long, value_name = "NAME")]
    bug: Option<String>,
}

/// Runs seeds; the first that fails is shortened, and printed as kubectl commands and faults.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (seed, seeds) = (arguments.seed.to_string(), arguments.seeds.to_string());
    let mut command =
        super::cargo(&["run", "--package", "k8s-replicator-sim", "--", "--seed", &seed, "--seeds", &seeds]);
    command.args(arguments.all.then_some("--all")).args(arguments.whole.then_some("--whole"));
    if let Some(bug) = &arguments.bug {
        command.args(["--bug", bug]);
    }
    ensure!(command.status()?.success(), "a property does not hold");
    Ok(())
}
