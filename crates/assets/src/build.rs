//! Building the programs with Go.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::module::Module;
use crate::{Child, Lane, Set, Tool};

/// Builds all programs of `set` into `folder`, which appears only when it is complete. Another process that builds the same is waited
/// for, and its work taken.
pub(super) fn build(set: &Set, module: &Module, flags: &[String], folder: &Path, lane: &Lane) -> Result<()> {
    let parent = folder.parent().context("the cache folder has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    // Released by the kernel when this process ends, however it does.
    let lock = File::create(folder.with_extension("lock")).context("cannot create a lock file in the cache")?;
    if let Err(TryLockError::WouldBlock) = lock.try_lock() {
        lane.say(&format!("another process builds {}; waiting for it", set.title));
        lock.lock().context("cannot wait for the other process")?;
    }
    if folder.is_dir() {
        return Ok(());
    }
    check_go(set, module)?;
    let names = set.tools.iter().map(|tool| tool.name).collect::<Vec<_>>().join(", ");
    let (minutes, processors) = crate::minutes_here(set.processor_minutes);
    lane.say(&format!(
        "building {names} into {}, once; by itself it takes about {minutes} minutes on {processors} processors",
        folder.display()
    ));
    let unfinished = folder.with_extension("unfinished");
    fs::create_dir_all(&unfinished)?;
    let begin = Instant::now();
    let packages = packages(set, module, flags, lane)?;
    // All in one call: while one program is linked, which one processor does alone, the others are compiled.
    let mut arguments = vec!["build".to_owned(), "-v".into(), "-o".into(), format!("{}/", unfinished.display())];
    arguments.extend_from_slice(flags);
    arguments.extend(set.tools.iter().map(|tool| tool.package.to_owned()));
    let (mut count, total) = (0, packages.len());
    go(module, &arguments, |line| {
        count += line.is_some_and(|line| packages.contains(line)) as usize;
        let what = if count < total { "packages compiled" } else { "packages compiled, linking" };
        lane.tell(&format!("{count} of {total} {what}"));
    })
    .with_context(|| format!("cannot build {names}"))?;
    for tool in set.tools {
        let [from, to] = [tool.made_as(), tool.name].map(|name| unfinished.join(name));
        fs::rename(&from, to).with_context(|| format!("go made no {}", from.display()))?;
    }
    fs::rename(&unfinished, folder).with_context(|| format!("cannot rename {}", unfinished.display()))?;
    lane.say(&format!("{names}: built in {} s", begin.elapsed().as_secs()));
    Ok(())
}

impl Tool {
    /// What `go build` calls it: the last part of its package's path that is no version.
    fn made_as(&self) -> &str {
        let is_version = |part: &str| {
            part.strip_prefix('v').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
        };
        self.package.rsplit('/').find(|part| !is_version(part)).unwrap_or(self.package)
    }
}

/// The packages that have to be compiled: those that Go's own cache holds are not among them. On a machine that has none of the
/// modules yet, this is where Go downloads them.
fn packages(set: &Set, module: &Module, flags: &[String], lane: &Lane) -> Result<HashSet<String>> {
    let mut arguments = vec!["list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"];
    arguments.extend(flags.iter().map(String::as_str));
    arguments.extend(set.tools.iter().map(|tool| tool.package));
    let mut downloads = 0;
    let output = go(module, &arguments, |line| {
        downloads += line.is_some_and(|line| line.starts_with("go: downloading")) as usize;
        lane.tell(&format!("looking for packages, {downloads} modules downloaded"));
    });
    let output = output.with_context(|| format!("cannot list the packages of {}", set.title))?;
    Ok(output.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Says in one sentence what to install, before minutes are spent.
fn check_go(set: &Set, module: &Module) -> Result<()> {
    let wanted = module.line("go")?;
    let advice = format!("install Go {wanted} or newer (https://go.dev/dl), or {}", set.otherwise);
    let title = set.title;
    // Asked inside the module, where Go may fetch a newer toolchain by itself, if it is allowed to.
    let answer = match Command::new("go").args(["env", "GOVERSION"]).current_dir(&module.folder).output() {
        Ok(answer) => answer,
        Err(error) => bail!("{title} is built with Go, which cannot be run ({error}): {advice}"),
    };
    let words = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
    ensure!(answer.status.success(), "{title} is built with Go, which says `{words}`: {advice}");
    let version = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    ensure!(is_at_least(&version, wanted), "{title} needs a newer Go than {version}: {advice}");
    Ok(())
}

/// Whether a toolchain such as `go1.26.8` satisfies a `go` line such as `1.26.0`. A version without numbers is a development
/// build, and new enough.
fn is_at_least(version: &str, wanted: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        text.split('.').map_while(|part| part.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).collect()
    };
    match version.strip_prefix("go") {
        Some(version) => numbers(version) >= numbers(wanted),
        None => true,
    }
}

/// Runs `go` in the module, calls `seen` with each line of its error output, and at least once a second without one.
/// Returns its output.
fn go(module: &Module, arguments: &[impl AsRef<OsStr>], mut seen: impl FnMut(Option<&str>)) -> Result<String> {
    // To a file: a pipe would have to be read at the same time.
    let output = crate::scratch::folder("go")?.join("output");
    let file = File::create(&output)?;
    let mut go = Child::start(OsStr::new("go"), arguments, |command| {
        command.current_dir(&module.folder).stdout(file).stderr(Stdio::piped());
        // The flags are all named here; a person's own would change what comes out.
        command.env_remove("GOFLAGS");
        // The compiler runs once for each package and ends: collecting its garbage is a twelfth of the work, and saves memory that
        // few packages need. Nothing that comes out depends on it.
        command.env("GOGC", "off").env("GOMEMLIMIT", "2GiB");
    })?;
    let errors = BufReader::new(go.take_stderr().context("go has no error output")?);
    let (sender, lines) = channel();
    thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut complaints = Vec::new();
    loop {
        match lines.recv_timeout(Duration::from_secs(1)) {
            Ok(line) => {
                seen(Some(&line));
                complaints.push(line);
            }
            Err(RecvTimeoutError::Timeout) => seen(None),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = go.wait(Duration::MAX).context("go goes on without an error output")?;
    if !status.success() {
        // The reasons come after the names of what was compiled.
        let last = complaints.len().saturating_sub(20);
        bail!("go {} failed:\n{}", arguments[0].as_ref().display(), complaints[last..].join("\n"));
    }
    Ok(fs::read_to_string(&output)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_called_as_go_calls_it() {
        for (package, name) in [
            ("go.etcd.io/etcd/server/v3", "server"),
            ("helm.sh/helm/v4/cmd/helm", "helm"),
            ("example.com/vendor", "vendor"),
        ] {
            assert_eq!(Tool { name: "", package }.made_as(), name, "{package}");
        }
    }

    #[test]
    fn go_versions_compare_as_numbers() {
        for (version, wanted, enough) in [
            ("go1.26.8", "1.26.0", true),
            ("go1.26.0", "1.26.0", true),
            ("go1.27rc1", "1.26.0", true),
            ("go1.100.0", "1.26.0", true),
            ("go1.25.9", "1.26.0", false),
            ("go1.9", "1.26.0", false),
            ("devel +abc", "1.26.0", true),
        ] {
            assert_eq!(is_at_least(version, wanted), enough, "{version} for {wanted}");
        }
    }
}
