//! The page's own tests: `tools/page`, by Node and a Chromium. Where one of them is not installed they are skipped, and said to be.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Count, counted, plain};
use crate::workspace;

/// Whether this run may test the page; if not, it says why.
pub(super) fn prepare() -> Result<bool> {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success());
    if !is_there("node") || !is_there("npm") {
        println!("skipped: Node with npm is not installed (Debian: apt-get install nodejs npm)");
        return Ok(false);
    }
    // What the lock file pins; nothing of it runs while it is installed.
    let (lock, installed) = (folder().join("package-lock.json"), folder().join("node_modules/.package-lock.json"));
    let changed = |path: PathBuf| path.metadata().and_then(|it| it.modified()).ok();
    if changed(installed) < changed(lock) {
        let mut npm = at_work("npm");
        let status =
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).status().context("cannot run npm")?;
        ensure!(status.success(), "npm cannot install what tests the page: {status}");
    }
    Ok(true)
}

/// Types, the pure core, the page in a browser, its speed.
pub(super) fn run(count: &mut Count) -> Result<()> {
    if !prepare()? {
        return Ok(());
    }
    let mut types = at_work("node");
    types.args(["node_modules/typescript/bin/tsc", "--project", "."]);
    plain(types).context("tsc finds faults in the page's types")?;
    for tests in ["unit.test.js", "page.test.js", "speed.test.js"] {
        let mut node = at_work("node");
        node.args(["--test", "--test-reporter=tap", tests]);
        counted(node, count)?;
    }
    Ok(())
}

fn at_work(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder());
    command
}

fn folder() -> PathBuf {
    workspace().join("tools/page")
}
