//! What a run lives in: mount, network and process namespaces, which the kernel takes away with the first process in them, and cgroups,
//! which the watchdog (`crates/assets`) removes. So bridges, mounts, shims and containers cannot be left behind, however a run ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use k8s_replicator_testenv::Child;
use k8s_replicator_testenv::assets::{self, scratch};

const ROOT: &str = "/sys/fs/cgroup";
/// What the kubelet and runc ask for where each controller has a hierarchy of its own (cgroup v1).
const CONTROLLERS: [&str; 5] = ["cpu", "cpuset", "memory", "pids", "devices"];
/// How long processes that were killed may take to leave their cgroups.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// What the kubelet sets for the whole machine when it starts. Inside they are files, so that the machine keeps its own.
const TUNABLES: [&str; 6] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
];

/// The cgroups of a run, one in each hierarchy.
pub(super) struct Cgroups {
    name: String,
    paths: Vec<PathBuf>,
}

impl Cgroups {
    /// The roots of the hierarchies: of version 2 one, of version 1 several.
    fn roots() -> Result<Vec<PathBuf>> {
        let root = Path::new(ROOT);
        if let Ok(controllers) = fs::read_to_string(root.join("cgroup.controllers")) {
            let lacks = ["cpu", "cpuset", "memory", "pids"].into_iter();
            let lacks: Vec<_> =
                lacks.filter(|name| !controllers.split_whitespace().any(|other| other == *name)).collect();
            ensure!(lacks.is_empty(), "{ROOT} has no controllers {}", lacks.join(", "));
            return Ok(vec![root.to_owned()]);
        }
        if let Some(lacks) = CONTROLLERS.iter().find(|name| !root.join(name).join("cgroup.procs").is_file()) {
            bail!("{ROOT} has no hierarchy {lacks}");
        }
        let folders = fs::read_dir(root)?.map_while(Result::ok).map(|entry| entry.path());
        // Some have two names, of which one is a link. Version 2 may be there too, without controllers: runc makes cgroups in it as well.
        let is_one = |path: &PathBuf| {
            let is_link = path.symlink_metadata().is_ok_and(|data| data.is_symlink());
            !is_link && path.join("cgroup.procs").is_file()
        };
        Ok(folders.filter(is_one).collect())
    }

    /// Whether some can be made.
    pub(super) fn are_there() -> Result<()> {
        let name = format!("k8s-replicator-pods-{}-try", std::process::id());
        for root in Self::roots()? {
            let path = root.join(&name);
            fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
            fs::remove_dir(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }

    fn create() -> Result<Self> {
        let name = format!("k8s-replicator-pods-{}", std::process::id());
        let mut paths = Vec::new();
        for root in Self::roots()? {
            let path = root.join(&name);
            scratch::cgroup(&path)?;
            // Version 1: nothing can run in one that has been given no processors.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                if path.join(file).is_file() && path.join("cgroup.clone_children").is_file() {
                    fs::write(path.join(file), fs::read(root.join(file))?)?;
                }
            }
            // What is measured is the program, not who else is busy on the machine: a pod that asks for as little as the chart's gets
            // nearly nothing beside a compiler. (Of version 2 only if the machine gives this controller to those below the root.)
            for (file, most) in [("cpu.shares", "262144"), ("cpu.weight", "10000")] {
                if path.join(file).is_file() {
                    fs::write(path.join(file), most)?;
                }
            }
            paths.push(path);
        }
        Ok(Self { name, paths })
    }

    fn remove(&self) -> Result<()> {
        let begun = Instant::now();
        for path in &self.paths {
            while let Err(error) = remove(path) {
                ensure!(begun.elapsed() < GONE_WITHIN, "the cgroup {} stays: {error}", path.display());
                thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }
}

/// The cgroup, and those below it.
fn remove(path: &Path) -> std::io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(path)?.map_while(Result::ok) {
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}

/// Runs this program once more, inside.
pub(super) fn run(images: &Path, only: Option<&str>) -> Result<()> {
    let cgroups = Cgroups::create()?;
    let home = scratch::folder("pods")?;
    let own = std::env::current_exe().context("this program has no path")?;
    let text = |path: &Path| path.to_str().map(str::to_owned).context("a path that is no text");
    let mut arguments: Vec<String> =
        ["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "--"].map(str::to_owned).to_vec();
    arguments.extend([text(&own)?, "pods".into(), "--inside".into(), cgroups.name.clone()]);
    arguments.extend(["--images".into(), text(images)?]);
    arguments.extend(only.into_iter().flat_map(|only| ["--only".to_owned(), only.to_owned()]));
    // Its own watchdog ends with its namespace: its temporary files lie where ours removes them.
    let mut inside = Child::start("unshare".as_ref(), &arguments, |command| {
        command.env("TMPDIR", &home);
    })?;
    let status = inside.wait(Duration::MAX).context("it goes on")?;
    cgroups.remove()?;
    fs::remove_dir_all(&home).with_context(|| format!("cannot remove {}", home.display()))?;
    ensure!(status.success(), "what ran inside ended with {status}");
    Ok(())
}

/// Makes the namespaces usable, from inside: the loopback, folders of its own for what programs write at fixed places, and the bridge
/// `name` with this address.
pub(super) fn furnish(folder: &Path, bridge: &str, address: &str) -> Result<()> {
    // Where what is needed lies below, the machine's own folder has to do.
    let needed = [folder.to_owned(), assets::user_folder()?, std::env::current_exe()?];
    for place in ["/run", "/var/log", "/var/lib"] {
        if !needed.iter().any(|path| path.starts_with(place)) {
            say("mount", &["-t", "tmpfs", "tmpfs", place])?;
        }
    }
    for tunable in TUNABLES {
        let (from, to) = (Path::new("/proc/sys").join(tunable), folder.join(tunable.replace('/', "-")));
        // Not every kernel has all of them.
        let Ok(value) = fs::read(&from) else { continue };
        fs::write(&to, value)?;
        say("mount", &["--bind", &to.to_string_lossy(), &from.to_string_lossy()])?;
    }
    say("ip", &["link", "set", "lo", "up"])?;
    say("ip", &["link", "add", bridge, "type", "bridge"])?;
    say("ip", &["address", "add", address, "dev", bridge])?;
    say("ip", &["link", "set", bridge, "up"])
}

/// Runs a program that has to succeed.
pub(super) fn say(program: &str, arguments: &[&str]) -> Result<()> {
    let ran = Command::new(program).args(arguments).output().with_context(|| format!("cannot run {program}"))?;
    let words = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
    ensure!(ran.status.success(), "{program} {}: {words}", arguments.join(" "));
    Ok(())
}
