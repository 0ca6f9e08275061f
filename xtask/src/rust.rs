//! Building with cargo, with progress that can be shown beside that of others.

use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use k8s_replicator_assets::Lane;

use crate::{cargo, workspace};

/// Builds the programs of these packages with the profile that this program was built with.
pub(crate) fn build(packages: &[&str], lane: &Lane) -> Result<()> {
    let mut command = cargo(&["build"]);
    command.args(packages.iter().flat_map(|package| ["--package", package]));
    // Cargo's own progress bar, which knows how many crates there are.
    command
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "100")
        .env("CARGO_TERM_COLOR", "never");
    let begin = Instant::now();
    let mut child = command.stderr(Stdio::piped()).spawn().context("cannot run cargo")?;
    let mut output = BufReader::new(child.stderr.take().context("cargo has no error output")?);
    let (mut said, mut line, mut buffer, mut compiled) = (Vec::new(), Vec::new(), [0; 4096], false);
    loop {
        let length = output.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        for byte in &buffer[..length] {
            if !matches!(byte, b'\r' | b'\n') {
                line.push(*byte);
                continue;
            }
            let text = String::from_utf8_lossy(&line).into_owned();
            line.clear();
            match Seen::of(&text) {
                Seen::Progress(done, all) => lane.tell(&format!("{done} of {all} crates compiled")),
                Seen::Step => compiled = true,
                Seen::Words => said.push(text),
                Seen::Nothing => {}
            }
        }
    }
    let status = child.wait()?;
    ensure!(status.success(), "cargo build ended with {status}:\n{}", said.join("\n"));
    if compiled {
        lane.say(&format!("built in {} s", begin.elapsed().as_secs()));
    }
    Ok(())
}

/// One line of cargo's error output.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// `Building [==>   ] 12/34: …`
    Progress(u32, u32),
    /// `Compiling …`, and what else cargo does on the way.
    Step,
    /// What the compiler says.
    Words,
    /// An empty line, or the last line of a build that went well.
    Nothing,
}

impl Seen {
    fn of(line: &str) -> Self {
        let text =
            line.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{1b}').trim_start_matches("[K").trim();
        let progress = || {
            let (_, after) = text.strip_prefix("Building [")?.split_once("] ")?;
            let (done, rest) = after.split_once('/')?;
            let all = rest.split(|c: char| !c.is_ascii_digit()).next()?;
            Some(Self::Progress(done.trim().parse().ok()?, all.parse().ok()?))
        };
        const STEPS: [&str; 7] =
            ["Compiling ", "Downloading ", "Downloaded ", "Updating ", "Locking ", "Blocking ", "Building "];
        match progress() {
            Some(progress) => progress,
            None if STEPS.iter().any(|step| text.starts_with(step)) => Self::Step,
            None if text.starts_with("Finished ") || text.is_empty() => Self::Nothing,
            None => Self::Words,
        }
    }
}

/// Where cargo puts the program of a package: beside this one.
pub(crate) fn program(package: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("this program has no path")?;
    Ok(own.with_file_name(package))
}

/// Whether it was built before with the dependencies of now, which take most of the time, in whatever state of its own source.
pub(crate) fn is_built(package: &str) -> bool {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let lock = changed(&workspace().join("Cargo.lock"));
    program(package).is_ok_and(|program| changed(&program).is_some_and(|built| Some(built) >= lock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_lines_are_told_apart() {
        for (line, seen) in [
            ("    Building [=====>                 ] 12/245: serde, kube-client    ", Seen::Progress(12, 245)),
            ("    Building [                       ] 0/3", Seen::Progress(0, 3)),
            ("\u{1b}[K   Compiling serde v1.0.229", Seen::Step),
            (" Downloading 3 crates", Seen::Step),
            ("    Blocking waiting for file lock on build directory", Seen::Step),
            ("    Finished `dev` profile [unoptimized + debuginfo] target(s) in 0.10s", Seen::Nothing),
            ("", Seen::Nothing),
            ("error[E0432]: unresolved import", Seen::Words),
            ("warning: unused variable", Seen::Words),
        ] {
            assert_eq!(Seen::of(line), seen, "{line:?}");
        }
    }
}
