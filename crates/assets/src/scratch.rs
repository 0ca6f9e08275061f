//! Temporary folders, and cgroups, that vanish with this process.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};

use crate::watchdog;

/// A new folder for `what`, readable by this user only (it holds tokens), removed by the watchdog when this process ends.
///
/// # Errors
/// When it cannot be created, or the watchdog is gone.
pub fn folder(what: &str) -> Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("k8s-replicator-{}-{what}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // A folder of that name is a remnant of another process that had our id: leave it, take the next number.
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("cannot create {}", path.display())),
            Ok(()) => {
                watchdog::remove(&path)?;
                return Ok(path);
            }
        }
    }
}

/// Makes the cgroup at `path`. The watchdog removes it, with those below it, when this process ends.
///
/// # Errors
/// When it cannot be created, or the watchdog is gone.
pub fn cgroup(path: &Path) -> Result<()> {
    watchdog::remove_cgroup(path)?;
    std::fs::create_dir(path).with_context(|| format!("cannot create the cgroup {}", path.display()))
}

/// The last lines of a log file, for people who must learn why something failed.
#[must_use]
pub fn tail(log: &Path, lines: usize) -> String {
    let text = match std::fs::read(log) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return format!("(cannot read {}: {error})", log.display()),
    };
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
