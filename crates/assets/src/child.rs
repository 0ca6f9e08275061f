//! A child process that cannot outlive this one.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::watchdog;

/// Waits for a line of input before it becomes the program, and ends at the end of its input: so our death between the start of the
/// process and its registration with the watchdog does not leave it behind.
const WAIT_FOR_GO: &str = r#"read -r go && exec "$@" </dev/null"#;
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A process in a process group of its own (so that a Ctrl-C in the terminal is ours to handle), without input, guarded by
/// the watchdog. Dropping it kills it, with all processes of its group.
pub struct Child {
    process: std::process::Child,
    status: Option<ExitStatus>,
    guarded: bool,
}

impl Child {
    /// Starts `program`. `setup` sets folder, environment and outputs.
    ///
    /// # Errors
    /// When no process can be made. A program that does not exist shows as one that ends with code 127.
    pub fn start(
        program: &OsStr,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        setup: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", WAIT_FOR_GO, "sh"]).arg(program).args(arguments).process_group(0).stdin(Stdio::piped());
        setup(&mut command);
        let process = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        // From here on dropping ends it.
        let mut child = Self { process, status: None, guarded: false };
        watchdog::guard(child.id())?;
        child.guarded = true;
        let mut input = child.process.stdin.take().context("it has no input")?;
        input.write_all(b"go\n").with_context(|| format!("cannot start {}", program.display()))?;
        Ok(child)
    }

    /// The process' id, which is also its group's.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its error output, once, if `setup` asked for a pipe.
    pub fn take_stderr(&mut self) -> Option<std::process::ChildStderr> {
        self.process.stderr.take()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none()
            && let Ok(Some(status)) = self.process.try_wait()
        {
            self.status = Some(status);
            self.forget();
        }
        self.status
    }

    /// Waits at most `limit` for its end.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if start.elapsed() >= limit {
                return None;
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Asks it to end (SIGTERM), and kills it when it has not within `grace`.
    pub fn terminate(&mut self, grace: Duration) -> ExitStatus {
        if self.ended().is_none() {
            // It may end by itself in this instant: then there is nobody to signal.
            let _ = kill_process(self.pid(), Signal::TERM);
        }
        match self.wait(grace) {
            Some(status) => status,
            None => self.kill(),
        }
    }

    /// Ends it at once (SIGKILL), with all processes of its group.
    pub fn kill(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.wait(Duration::ZERO) {
                return status;
            }
            // Not waited for yet, so the id is still its own.
            let _ = kill_process_group(self.pid(), Signal::KILL);
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Lets it live on when this process ends.
    ///
    /// # Errors
    /// When the watchdog is gone.
    pub fn detach(mut self) -> Result<u32> {
        watchdog::forget(self.id())?;
        self.guarded = false;
        self.status = Some(ExitStatus::default());
        Ok(self.id())
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    fn forget(&mut self) {
        if std::mem::take(&mut self.guarded) {
            // Without a watchdog there is nothing that could mistake the id for ours.
            let _ = watchdog::forget(self.id());
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.kill();
        }
    }
}
