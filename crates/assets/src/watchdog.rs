//! A shell that ends our child processes when this process has ended without doing so.
//!
//! The shell reads from a pipe whose only other end is ours. However this process ends, by `exit`, by a signal, by `kill -9`,
//! the kernel closes that end; the shell reads the end of its input, kills the process groups that are still registered and
//! removes the registered folders. It lives in a process group of its own, so that nothing aimed at ours reaches it.
//!
//! (The other ways, a death signal set between fork and exec, or a cgroup, need `unsafe` code or privileges.)

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, bail};

/// One line of input is one order. A killed process may still write for an instant: then removing is tried once more.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=
cgroups=
while read -r order what; do
  case $order in
    guard) groups="$groups $what " ;;
    forget) groups="${groups%% $what *} ${groups#* $what }" ;;
    remove) set -- "$@" "$what" ;;
    cgroup) cgroups="$cgroups $what" ;;
  esac
done
for group in $groups; do kill -KILL -"$group"; done
for cgroup in $cgroups; do
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    [ -d "$cgroup" ] || break
    find "$cgroup" -depth -type d -exec rmdir {} \; || sleep 1
  done
done
[ $# -eq 0 ] || rm -rf -- "$@" || { sleep 1; rm -rf -- "$@"; }
"#;

/// From now on, ends the process group `group` when this process ends.
pub(crate) fn guard(group: u32) -> Result<()> {
    order(&format!("guard {group}\n"))
}

/// Takes back [`guard`]: the process is gone (its id may be another's soon), or is meant to stay.
pub(crate) fn forget(group: u32) -> Result<()> {
    order(&format!("forget {group}\n"))
}

/// Removes the folder `path`, with all that is in it, when this process ends.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match path.to_str() {
        Some(text) if path.is_absolute() && !text.contains('\n') => order(&format!("remove {text}\n")),
        _ => bail!("{} is not a path that can be watched", path.display()),
    }
}

/// Removes the cgroup `path` and those below, when this process ends and those that live there have ended.
pub(crate) fn remove_cgroup(path: &Path) -> Result<()> {
    match path.to_str() {
        Some(text) if path.is_absolute() && !text.contains(char::is_whitespace) => order(&format!("cgroup {text}\n")),
        _ => bail!("{} is not a path that can be watched", path.display()),
    }
}

fn order(line: &str) -> Result<()> {
    static WATCHDOG: OnceLock<Mutex<Option<ChildStdin>>> = OnceLock::new();
    let mut input = WATCHDOG.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if input.is_none() {
        *input = Some(start().context("cannot start `sh`, which ends child processes when this one dies")?);
    }
    let input = input.as_mut().context("the watchdog has no input")?;
    input.write_all(line.as_bytes()).context("the watchdog is gone; nothing can be started without it")
}

fn start() -> Result<ChildStdin> {
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT, "k8s-replicator-watchdog"])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    shell.stdin.take().context("it has no input")
}
