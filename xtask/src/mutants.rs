//! `cargo xtask mutants`: which changes of the code do its tests not see (`crates/mutants`)?

use anyhow::{Result, ensure};

/// Runs the mutants; fails if one is missed that has no reason.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut command = super::cargo(&["run", "--package", "k8s-replicator-mutants", "--"]);
    ensure!(command.args(arguments).status()?.success(), "mutants are missed");
    Ok(())
}
