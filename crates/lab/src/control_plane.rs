//! A control plane for a person to play with: it outlives the command that started it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_replicator_testenv::{ControlPlane, Settings, assets};
use rustix::process::{Pid, Signal, kill_process};

/// How long each process may take to end in order.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) fn up(dir: Option<PathBuf>, port: Option<u16>, controllers: bool) -> Result<()> {
    let folder = Folder::new(dir)?.create()?;
    if folder.running()?.is_empty() {
        let settings = Settings { dir: Some(folder.path.clone()), port, controllers, ..Settings::default() };
        let plane = ControlPlane::start(settings)?;
        println!("A Kubernetes API server is up at {}", plane.url());
        let ids: Vec<String> = plane.detach()?.iter().map(u32::to_string).collect();
        fs::write(folder.record(), ids.join("\n")).context("cannot note the processes' ids")?;
    } else {
        println!("A Kubernetes API server is up already");
    }
    println!("\n    export KUBECONFIG={}\n", shell_word(&folder.path.join("kubeconfig")));
    println!("A kubectl that fits is {}", assets::find_or_build()?.join("kubectl").display());
    println!("To stop it: {}", folder.command("down"));
    Ok(())
}

pub(crate) fn down(dir: Option<PathBuf>) -> Result<()> {
    let folder = Folder::new(dir)?;
    let running = folder.running()?;
    for id in &running {
        folder.end(*id);
    }
    if running.is_empty() {
        println!("No control plane runs in {}", folder.path.display());
    } else {
        println!("Stopped. What it held is still in {}", folder.path.display());
    }
    match fs::remove_file(folder.record()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("cannot forget the processes' ids")
        }
        _ => Ok(()),
    }
}

/// Where a control plane keeps its files.
struct Folder {
    path: PathBuf,
    is_default: bool,
}

impl Folder {
    fn new(dir: Option<PathBuf>) -> Result<Self> {
        let is_default = dir.is_none();
        let path = match dir {
            Some(dir) => std::path::absolute(dir)?,
            None => assets::user_folder()?.join("playground"),
        };
        // Always the same spelling, since processes are known by it.
        let path = fs::canonicalize(&path).unwrap_or(path);
        Ok(Self { path, is_default })
    }

    /// Makes it, if need be.
    fn create(self) -> Result<Self> {
        fs::create_dir_all(&self.path).with_context(|| format!("cannot create {}", self.path.display()))?;
        Ok(Self { path: fs::canonicalize(&self.path)?, ..self })
    }

    /// The file with the ids of the processes, in the order in which to end them.
    fn record(&self) -> PathBuf {
        self.path.join("processes")
    }

    /// How to call a command for this folder.
    fn command(&self, name: &str) -> String {
        let dir = if self.is_default { String::new() } else { format!(" --dir {}", shell_word(&self.path)) };
        format!("cargo xtask control-plane {name}{dir}")
    }

    /// The recorded processes that still run.
    fn running(&self) -> Result<Vec<Pid>> {
        let record = match fs::read_to_string(self.record()) {
            Ok(record) => record,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", self.record().display())),
        };
        let ids = record.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?));
        Ok(ids.filter(|id| self.owns(*id)).collect())
    }

    /// Whether a process is one of ours: its id may be another's by now, but only ours has this folder among its arguments.
    fn owns(&self, id: Pid) -> bool {
        command_line(id).is_some_and(|line| line.contains(&format!("={}/", self.path.display())))
    }

    fn end(&self, id: Pid) {
        // It may end by itself in this instant: then there is nobody to signal.
        let _ = kill_process(id, Signal::TERM);
        let start = Instant::now();
        while self.owns(id) {
            if start.elapsed() > GRACE {
                let _ = kill_process(id, Signal::KILL);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A path as one types it into a shell.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// What a process was started with; None when there is no such process.
fn command_line(id: Pid) -> Option<String> {
    if Path::new("/proc/self").exists() {
        return fs::read_to_string(format!("/proc/{}/cmdline", id.as_raw_nonzero())).ok();
    }
    let answer = Command::new("ps").args(["-o", "args=", "-p", &id.as_raw_nonzero().to_string()]).output().ok()?;
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).into_owned())
}
