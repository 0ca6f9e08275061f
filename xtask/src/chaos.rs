//! `cargo xtask chaos`: what can be killed is, on a real control plane (`crates/chaos`).

use anyhow::{Result, ensure};

/// Runs it for so many minutes; fails if a target is not as wanted at the end, or if something was written that may not be.
pub(crate) fn run(minutes: u64, seed: u64) -> Result<()> {
    let (minutes, seed) = (minutes.to_string(), seed.to_string());
    let mut command = super::cargo(&["run", "--package", "k8s-replicator-chaos", "--"]);
    command.args(["--minutes", &minutes, "--seed", &seed]);
    ensure!(command.status()?.success(), "something was not as it has to be");
    Ok(())
}
