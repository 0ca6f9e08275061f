//! The lab: the chores that talk to an API server, in a program of their own.
//!
//! It parses the same arguments as this program does, so they are handed on as they were typed.

use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use k8s_replicator_assets::{self as assets, Lane, Progress};

use crate::{cargo, rust};

/// What the lab and the controller take to compile in minutes of one processor, measured without any cache.
const PROCESSOR_MINUTES: u64 = 5;
const PACKAGE: &str = "k8s-replicator-lab";

/// Compiles the lab if need be, and lets it do this chore. `flags`: cargo's.
pub(crate) fn run(flags: &[&str]) -> Result<()> {
    let mut command = cargo(&["run", "--package", PACKAGE]);
    command.args(flags).arg("--");
    hand_over(command)
}

/// The same for a chore that needs the control plane and the controller. Go builds the one and cargo the other, side by side: each of
/// them leaves a processor idle now and then.
pub(crate) fn with_control_plane() -> Result<()> {
    let go = assets::processor_minutes()?;
    let rust = if rust::is_built(PACKAGE) { 0 } else { PROCESSOR_MINUTES };
    if go + rust > 0 {
        let (minutes, processors) = assets::minutes_here(go + rust);
        let what = match (go > 0, rust > 0) {
            (true, true) => "the control plane (Go) and the controller (Rust), side by side",
            (true, false) => "the control plane (Go)",
            _ => "the controller (Rust)",
        };
        eprintln!("Building {what}. The first time this takes about {minutes} minutes on {processors} processors.");
    }
    let progress = Progress::new();
    let (go, rust) = (progress.lane("Go"), progress.lane("Rust"));
    let control_plane = thread::spawn(move || assets::find_or_build_beside(&go));
    let built = build(&rust);
    let control_plane = control_plane.join().map_err(|_| anyhow!("the build of the control plane broke off"))?;
    // Both are waited for: what is done is kept for the next time, whichever of them failed.
    let lab = built?;
    control_plane?;
    hand_over(Command::new(lab))
}

/// Builds the lab and the controller, in cargo's one call and profile, so that what they share is compiled once.
fn build(lane: &Lane) -> Result<std::path::PathBuf> {
    rust::build(&["k8s-replicator", PACKAGE], lane)?;
    rust::program(PACKAGE)
}

fn hand_over(mut command: Command) -> Result<()> {
    let status = command.args(std::env::args_os().skip(1)).status().context("cannot run the lab")?;
    // It has said itself what went wrong.
    ensure!(status.success(), "the lab ended with {status}");
    Ok(())
}
