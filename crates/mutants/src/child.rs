//! A program with a limit to its time and memory: what a mutant makes of it is not known.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// In KiB, of addresses.
const MEMORY: u64 = 6 << 20;
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A program that is to be run.
pub(crate) struct Child(Command);

/// How it ended.
pub(crate) enum Ended {
    /// With this code (a signal counts as -1), and what it printed.
    Code(i32, String),
    /// It was killed.
    Late,
}

impl Child {
    pub(crate) fn new(program: &Path, folder: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -v {MEMORY}; ulimit -c 0; exec \"$0\" \"$@\"")]).arg(program);
        // Shrinking what was found, and keeping it, would take time.
        command.env("PROPTEST_MAX_SHRINK_ITERS", "0").env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true");
        command.env("PROPTEST_RNG_SEED", "1");
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command)
    }

    pub(crate) fn arguments(&mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn env(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn run(&mut self, limit: Duration) -> Result<Ended> {
        let mut child = self.0.spawn().context("sh")?;
        let mut stdout = child.stdout.take().context("no stdout")?;
        let reader = thread::spawn(move || {
            let mut output = vec![];
            stdout.read_to_end(&mut output).map(|_| String::from_utf8_lossy(&output).into_owned())
        });
        let begin = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                let output = reader.join().ok().and_then(Result::ok).unwrap_or_default();
                return Ok(Ended::Code(status.code().unwrap_or(-1), output));
            }
            if begin.elapsed() > limit {
                child.kill()?;
                child.wait()?;
                return Ok(Ended::Late);
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}
