//! The chart as users run it: helm installs it on a real node (kubelet, containerd, runc), in pods with real limits.
//!
//! - [`needs`] says what a machine lacks for it.
//! - [`enclosure`] is what it all lives in: namespaces and cgroups of its own, which go with it however it ends.
//! - [`node`] starts the control plane and the node, [`release`] is the chart there, and [`process`] what of it runs.
//! - [`acts`] are what is done and what has to come of it; [`trail`] reads in the audit log who wrote what and when.

mod acts;
mod enclosure;
#[path = "../../core/benches/texts/mod.rs"]
mod hostile_texts;
mod needs;
mod node;
mod process;
mod release;
mod trail;

use std::time::Instant;

use anyhow::{Result, bail, ensure};
use k8s_replicator_testenv::assets;

use self::acts::{Acts, NAMES};
use self::node::Images;

/// What is to be run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these acts, in a comma list. They are played in their order, after the installation.
    #[arg(long)]
    only: Option<String>,
    /// The cgroup of the run: only for the call from inside the enclosure.
    #[arg(long, hide = true, requires = "images")]
    inside: Option<String>,
    /// The folder with the images: likewise.
    #[arg(long, hide = true)]
    images: Option<std::path::PathBuf>,
}

/// Runs it, and fails if anything is not as it has to be.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let only: Vec<&str> = arguments.only.as_deref().into_iter().flat_map(|list| list.split(',')).collect();
    if let Some(unknown) = only.iter().find(|name| !NAMES.contains(name)) {
        bail!("there is no act {unknown:?}; there are {}", NAMES.join(", "));
    }
    match (&arguments.inside, &arguments.images) {
        (Some(cgroup), Some(images)) => Acts::play(&node::start(cgroup, &Images::in_folder(images))?, &only),
        _ => outside(arguments.only.as_deref()),
    }
}

fn outside(only: Option<&str>) -> Result<()> {
    let missing = needs::missing();
    ensure!(missing.is_empty(), "`cargo xtask pods` cannot run here:\n- {}", missing.join("\n- "));
    let begun = Instant::now();
    // All that is built is built here: inside there is no network but its own.
    assets::find_or_build()?;
    assets::controller_manager()?;
    let [_, runtime] = assets::pods()?;
    assets::helm()?;
    let images = Images::build(&runtime)?;
    eprintln!("all programs and images are there after {} s", begun.elapsed().as_secs());
    enclosure::run(&images.folder, only)?;
    println!("all as it has to be, in {} s, with the builds; nothing is left of it", begun.elapsed().as_secs());
    Ok(())
}
