//! The image: by a container engine, as a file without one, or the static binary that goes into it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use k8s_replicator_assets::image;

use crate::workspace;

pub(crate) fn run(binary_only: bool) -> Result<()> {
    if !binary_only {
        return with_engine();
    }
    let (binary, size) = image::static_binary()?;
    println!("{} ({:.1} MB)", binary.display(), size as f64 / 1e6);
    Ok(())
}

pub(crate) fn archive(file: &Path) -> Result<()> {
    image::Image::of_controller(tag())?.write(file)?;
    println!("{} in {}", tag(), file.display());
    Ok(())
}

fn tag() -> String {
    format!("k8s-replicator:{}", env!("CARGO_PKG_VERSION"))
}

fn with_engine() -> Result<()> {
    let is_up = |engine: &&str| {
        let asked = Command::new(engine).arg("info").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let Some(engine) = ["docker", "podman"].into_iter().find(is_up) else {
        bail!("neither docker nor podman runs here; `cargo xtask image --archive FILE` writes an image without one");
    };
    let tag = tag();
    let status = Command::new(engine).args(["build", "--tag", &tag, "."]).current_dir(workspace()).status();
    let status = status.with_context(|| format!("cannot run {engine}"))?;
    ensure!(status.success(), "{engine} build ended with {status}");
    println!("{tag}");
    Ok(())
}
