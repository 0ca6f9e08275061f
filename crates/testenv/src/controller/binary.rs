//! Finds the program under test.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, anyhow, ensure};

/// The program, built by cargo with the profile of the running test unless `K8S_REPLICATOR_BIN` names one.
pub(crate) fn up_to_date() -> Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = BINARY.get_or_init(|| find_or_build().map_err(|error| format!("{error:#}")));
    found.as_deref().map_err(|error| anyhow!("{error}"))
}

fn find_or_build() -> Result<PathBuf> {
    if let Some(named) = env::var_os("K8S_REPLICATOR_BIN") {
        let named = std::path::absolute(named)?;
        ensure!(named.is_file(), "K8S_REPLICATOR_BIN is {}, which does not exist", named.display());
        return Ok(named);
    }
    let executable = env::current_exe()?;
    let profile_folder = profile_folder(&executable).context("this program does not lie in cargo's target folder")?;
    let profile = match profile_folder.file_name().and_then(OsStr::to_str) {
        Some("debug") => "dev",
        Some(profile) => profile,
        None => anyhow::bail!("{} names no profile", profile_folder.display()),
    };
    let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "k8s-replicator", "--profile", profile]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    k8s_replicator_assets::forget_package(&mut command);
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "cannot build k8s-replicator");
    Ok(profile_folder.join("k8s-replicator"))
}

/// `target/<profile>` of `target/<profile>/deps/test-1234`, or of `target/<profile>/xtask`.
fn profile_folder(executable: &Path) -> Option<&Path> {
    let folder = executable.parent()?;
    match folder.file_name()?.to_str()? {
        "deps" | "examples" => folder.parent(),
        _ => Some(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_read_off_the_path() {
        for (executable, folder) in [
            ("/t/debug/deps/tests-12ab", "/t/debug"),
            ("/t/release/deps/tests-12ab", "/t/release"),
            ("/t/debug/xtask", "/t/debug"),
        ] {
            assert_eq!(profile_folder(Path::new(executable)), Some(Path::new(folder)));
        }
    }
}
