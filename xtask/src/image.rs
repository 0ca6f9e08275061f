//! The image: by a container engine, or the static binary that goes into it.

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

fn with_engine() -> Result<()> {
    let is_up = |engine: &&str| {
        let asked = Command::new(engine).arg("info").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let Some(engine) = ["docker", "podman"].into_iter().find(is_up) else {
        bail!("neither docker nor podman runs here; `cargo xtask image --binary-only` builds what goes into the image");
    };
    let tag = format!("k8s-replicator:{}", env!("CARGO_PKG_VERSION"));
    let status = Command::new(engine).args(["build", "--tag", &tag, "."]).current_dir(workspace()).status();
    let status = status.with_context(|| format!("cannot run {engine}"))?;
    ensure!(status.success(), "{engine} build ended with {status}");
    println!("{tag}");
    Ok(())
}
