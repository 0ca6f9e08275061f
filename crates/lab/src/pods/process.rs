//! What runs of the chart on the node: processes, their cgroups, and who ran when.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

/// How the container calls the program.
const PROGRAM: &str = "/k8s-replicator";
/// Between two looks at who runs.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A process of the controller in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) id: u32,
    pub(super) flags: Vec<String>,
}

/// Those that run now. Other programs of this name are not in the enclosure's process namespace.
pub(super) fn running() -> Vec<Process> {
    let ids = fs::read_dir("/proc").into_iter().flatten().map_while(Result::ok);
    ids.filter_map(|entry| process(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// Of one that has ended the command line is empty.
fn process(id: u32) -> Option<Process> {
    let line = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line);
    let mut words = line.trim_end_matches('\0').split('\0');
    (words.next()? == PROGRAM).then(|| Process { id, flags: words.map(str::to_owned).collect() })
}

impl Process {
    /// The one in the pod with this uid.
    pub(super) fn of_pod(uid: &str) -> Option<Self> {
        running().into_iter().find(|process| {
            fs::read_to_string(format!("/proc/{}/cgroup", process.id)).is_ok_and(|cgroups| cgroups.contains(uid))
        })
    }

    /// A field of its status, such as `VmHWM`.
    pub(super) fn status(&self, field: &str) -> Result<String> {
        let path = format!("/proc/{}/status", self.id);
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        Ok(value.with_context(|| format!("{path} has no {field}"))?.trim().to_owned())
    }

    /// The processor's time that it took until now, in seconds.
    pub(super) fn processor_time(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id))?;
        // After the name, which may hold anything: the 14th and 15th field are ticks, of which a second has 100 on every Linux.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = fields.iter().skip(11).take(2).map(|field| field.parse::<f64>()).sum::<Result<f64, _>>()?;
        Ok(ticks / 100.0)
    }

    /// The memory cgroup of its container.
    pub(super) fn memory(&self) -> Result<Memory> {
        let cgroups = fs::read_to_string(format!("/proc/{}/cgroup", self.id))?;
        // `8:memory:/path` of version 1, `0::/path` of version 2.
        let version_1 = cgroups.lines().find_map(|line| line.split_once(":memory:").map(|(_, path)| path));
        let version_2 = || cgroups.lines().find_map(|line| line.strip_prefix("0::"));
        let root = Path::new("/sys/fs/cgroup");
        let (root, path) = match version_1 {
            Some(path) => (root.join("memory"), path),
            None => (root.to_owned(), version_2().context("a process without a cgroup")?),
        };
        Ok(Memory { path: root.join(path.trim_start_matches('/')), is_version_1: version_1.is_some() })
    }
}

/// A container's cgroup, as the kernel accounts for it: the program's memory, the pages of its file, and what the kernel holds for it.
pub(super) struct Memory {
    path: PathBuf,
    is_version_1: bool,
}

impl Memory {
    fn number(&self, version_1: &str, version_2: &str) -> Result<u64> {
        let path = self.path.join(if self.is_version_1 { version_1 } else { version_2 });
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        text.trim().parse().with_context(|| format!("{} is no number: {text}", path.display()))
    }

    /// Bytes.
    pub(super) fn limit(&self) -> Result<u64> {
        self.number("memory.limit_in_bytes", "memory.max")
    }

    /// The most it ever was, in bytes.
    pub(super) fn peak(&self) -> Result<u64> {
        self.number("memory.max_usage_in_bytes", "memory.peak")
    }

    /// How many processes the kernel killed in it, since there was no memory.
    pub(super) fn kills(&self) -> Result<u64> {
        let file = if self.is_version_1 { "memory.oom_control" } else { "memory.events" };
        let text = fs::read_to_string(self.path.join(file))?;
        let kills =
            text.lines().find_map(|line| line.strip_prefix("oom_kill ")).context("a cgroup without oom_kill")?;
        Ok(kills.parse()?)
    }
}

/// When a process was seen.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) process: Process,
    pub(super) first: Instant,
    pub(super) last: Instant,
}

/// Looks all the time who runs.
pub(super) struct Sentry {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Life>>,
}

impl Sentry {
    pub(super) fn begin() -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let mut lives: Vec<Life> = Vec::new();
            while !told.load(Ordering::Relaxed) {
                let now = Instant::now();
                for process in running() {
                    match lives.iter_mut().find(|life| life.process == process) {
                        Some(life) => life.last = now,
                        None => lives.push(Life { process, first: now, last: now }),
                    }
                }
                thread::sleep(LOOK_AGAIN);
            }
            lives
        });
        Self { ends, thread }
    }

    /// Who was seen.
    pub(super) fn end(self) -> Result<Vec<Life>> {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the sentry broke off"))
    }
}

/// Pairs that ran at the same moment with different flags.
pub(super) fn at_odds(lives: &[Life]) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for (n, one) in lives.iter().enumerate() {
        for other in &lives[n + 1..] {
            let at_once = one.first <= other.last && other.first <= one.last;
            if at_once && one.process.flags != other.process.flags {
                pairs.push((one.process.id, other.process.id));
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_are_at_odds_if_they_ran_at_once_with_different_flags() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let life = |id, flag: &str, first, last| Life {
            process: Process { id, flags: vec![flag.to_owned()] },
            first: at(first),
            last: at(last),
        };
        let one_after_the_other = [life(1, "a", 0, 5), life(2, "b", 6, 9)];
        let alike = [life(1, "a", 0, 5), life(2, "a", 4, 9)];
        let at_once = [life(1, "a", 0, 5), life(2, "b", 4, 9)];
        assert_eq!([at_odds(&one_after_the_other), at_odds(&alike), at_odds(&at_once)], [vec![], vec![], vec![(1, 2)]]);
    }
}
