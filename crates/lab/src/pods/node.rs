//! A control plane and one node: kubelet, containerd, runc, and the scheduler.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use k8s_replicator_testenv::assets::{self, scratch};
use k8s_replicator_testenv::image::Image;
use k8s_replicator_testenv::{Child, ControlPlane, NodeSettings, Settings};
use serde_json::json;

use super::{enclosure, needs};
use crate::manifests::image_repository;

/// What the node is called.
pub(super) const NAME: &str = "node";
/// The machine's own address on the bridge: where the API server and the kubelet listen. The network is the enclosure's own, so no other
/// one can be in its way.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);
const SUBNET: &str = "10.88.0.0/24";
const BRIDGE: &str = "pods0";
/// The image that holds a pod's namespaces.
const PAUSE: &str = "k8s-replicator.local/pause:1";
/// How long each program may take until it does what it is for.
const UP_WITHIN: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The images that the node has from the beginning, as files.
pub(super) struct Images {
    pub(super) folder: PathBuf,
}

impl Images {
    const FILES: [&str; 2] = ["k8s-replicator.tar", "pause.tar"];

    /// Builds them. The controller's is called as the chart calls it.
    pub(super) fn build(runtime: &Path) -> Result<Self> {
        let folder = scratch::folder("images")?;
        let reference = format!("{}:{}", image_repository()?, env!("CARGO_PKG_VERSION"));
        let controller = Image::of_controller(reference)?;
        let files = vec![("pause", runtime.join("pause"))];
        let pause = Image { reference: PAUSE.to_owned(), files, program: "pause" };
        for (image, file) in [controller, pause].iter().zip(Self::FILES) {
            image.write(&folder.join(file))?;
        }
        Ok(Self { folder })
    }

    pub(super) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }
}

/// See the [module](self). Dropped, and so killed, in this order.
pub(super) struct Node {
    kubelet: Child,
    _scheduler: Child,
    _containerd: Child,
    pub(super) plane: ControlPlane,
    folder: PathBuf,
}

/// Starts it all, from inside the enclosure, and returns when the node is ready.
pub(super) fn start(cgroup: &str, images: &Images) -> Result<Node> {
    let begun = Instant::now();
    let folder = scratch::folder("node")?;
    enclosure::furnish(&folder, BRIDGE, &format!("{ADDRESS}/24"))?;
    let node = NodeSettings { name: NAME.to_owned(), address: IpAddr::V4(ADDRESS) };
    let plane = ControlPlane::start(Settings { controllers: true, node: Some(node), ..Settings::default() })?;
    let [programs, runtime] = assets::pods()?;
    let containerd = start_containerd(&folder, &runtime, images)?;
    let admin = plane.kubeconfig().display().to_string();
    let scheduler = run(
        &folder,
        &programs.join("kube-scheduler"),
        &[
            format!("--kubeconfig={admin}"),
            "--leader-elect=false".into(),
            // It serves nothing.
            "--secure-port=0".into(),
        ],
    )?;
    let kubelet = start_kubelet(&folder, &programs, cgroup, &plane.node_kubeconfig()?)?;
    let mut node = Node { kubelet, _scheduler: scheduler, _containerd: containerd, plane, folder };
    node.wait_ready()?;
    println!("a node is ready after {:.1} s", begun.elapsed().as_secs_f64());
    Ok(node)
}

impl Node {
    fn wait_ready(&mut self) -> Result<()> {
        let path = format!("/api/v1/nodes/{NAME}");
        let begun = Instant::now();
        loop {
            if let Ok(node) = self.plane.client().get(&path) {
                let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
                let is_ready = conditions.into_iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
                // Until its taint is taken away nothing is put on it.
                if is_ready && node["spec"]["taints"].is_null() {
                    return Ok(());
                }
            }
            if let Some(status) = self.kubelet.ended() {
                bail!("the kubelet ended ({status}); the last it wrote:\n{}", self.log("kubelet"));
            }
            ensure!(begun.elapsed() < UP_WITHIN, "the node does not get ready; the kubelet:\n{}", self.log("kubelet"));
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// The last that one of the node's programs wrote.
    pub(super) fn log(&self, program: &str) -> String {
        scratch::tail(&self.folder.join(format!("{program}.log")), 20)
    }

    /// The last that the containers of a pod wrote.
    pub(super) fn logs_of_pods(&self) -> String {
        let mut logs = Vec::new();
        files_below(&logs_folder(&self.folder), &mut logs);
        let tails = logs.iter().map(|log| format!("{}:\n{}", log.display(), scratch::tail(log, 10)));
        tails.collect::<Vec<_>>().join("\n")
    }
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().map_while(Result::ok) {
        if entry.path().is_dir() {
            files_below(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

fn logs_folder(folder: &Path) -> PathBuf {
    folder.join("logs")
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("containerd.sock")
}

fn start_containerd(folder: &Path, runtime: &Path, images: &Images) -> Result<Child> {
    let plugins = needs::plugins().context("the network plugins are gone")?;
    let network = json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [{
            "type": "bridge",
            "bridge": BRIDGE,
            "isGateway": true,
            "ipam": {
                "type": "host-local",
                "ranges": [[{ "subnet": SUBNET }]],
                "routes": [{ "dst": "0.0.0.0/0" }],
                "dataDir": folder.join("addresses"),
            },
        }],
    });
    fs::create_dir(folder.join("cni"))?;
    fs::write(folder.join("cni/pods.conflist"), network.to_string())?;
    let settings = format!(
        r#"version = 3
root = "{folder}/containerd"
state = "{folder}/state"
[grpc]
address = "{socket}"
[plugins.'io.containerd.cri.v1.images']
# Snapshots are plain folders: no overlay, no mounts to leave behind.
snapshotter = "native"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{PAUSE}"
[plugins.'io.containerd.cri.v1.runtime']
# Not every root may make a process less likely to be killed than its parent.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["{plugins}"]
conf_dir = "{folder}/cni"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = "{runc}"
SystemdCgroup = false
"#,
        folder = folder.display(),
        socket = socket(folder).display(),
        plugins = plugins.display(),
        runc = runtime.join("runc").display(),
    );
    fs::write(folder.join("containerd.toml"), settings)?;
    // It finds its shim on the PATH.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(runtime.to_owned()).chain(std::env::split_paths(&path)))?;
    let output = File::create(folder.join("containerd.log"))?;
    let errors = output.try_clone()?;
    let config = format!("--config={}", folder.join("containerd.toml").display());
    let mut containerd = Child::start(runtime.join("containerd").as_os_str(), [config], |command| {
        command.env("PATH", path).stdout(output).stderr(errors);
    })?;
    let begun = Instant::now();
    let ctr = |arguments: &[&OsStr]| {
        let mut command = Command::new(runtime.join("ctr"));
        command.arg("--address").arg(socket(folder)).args(["--namespace", "k8s.io"]).args(arguments);
        let ran = command.output().context("cannot run ctr")?;
        ensure!(ran.status.success(), "ctr: {}", String::from_utf8_lossy(&ran.stderr).trim());
        Ok(())
    };
    while let Err(error) = ctr(&["version".as_ref()]) {
        let log = || scratch::tail(&folder.join("containerd.log"), 20);
        ensure!(containerd.ended().is_none(), "containerd ended; the last it wrote:\n{}", log());
        ensure!(begun.elapsed() < UP_WITHIN, "containerd does not answer ({error:#}); the last it wrote:\n{}", log());
        thread::sleep(LOOK_AGAIN);
    }
    for file in Images::FILES {
        let file = images.folder.join(file);
        ctr(&[
            "images".as_ref(),
            "import".as_ref(),
            "--local".as_ref(),
            "--snapshotter=native".as_ref(),
            file.as_os_str(),
        ])?;
    }
    Ok(containerd)
}

fn start_kubelet(folder: &Path, programs: &Path, cgroup: &str, kubeconfig: &Path) -> Result<Child> {
    let settings = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "readOnlyPort": 0,
        "authentication": { "anonymous": { "enabled": false }, "webhook": { "enabled": true } },
        "authorization": { "mode": "Webhook" },
        "containerRuntimeEndpoint": format!("unix://{}", socket(folder).display()),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{cgroup}"),
        "failCgroupV1": false,
        "failSwapOn": false,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": false,
        "makeIPTablesUtilChains": false,
        // The machine's memory and disks are not this node's to manage.
        "evictionHard": { "memory.available": "1Mi" },
        "imageGCHighThresholdPercent": 100,
        "podLogsDir": logs_folder(folder),
        "volumePluginDir": folder.join("volume-plugins"),
        // Pods here know no names.
        "resolvConf": "",
    });
    fs::create_dir_all(logs_folder(folder))?;
    let file = folder.join("kubelet.json");
    fs::write(&file, settings.to_string())?;
    run(
        folder,
        &programs.join("kubelet"),
        &[
            format!("--config={}", file.display()),
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--root-dir={}", folder.join("kubelet").display()),
            format!("--hostname-override={NAME}"),
            format!("--node-ip={ADDRESS}"),
        ],
    )
}

/// Starts a program whose log is called as it is.
fn run(folder: &Path, program: &Path, arguments: &[String]) -> Result<Child> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let output = File::create(folder.join(format!("{name}.log")))?;
    let errors = output.try_clone()?;
    Child::start(program.as_os_str(), arguments, |command| {
        command.stdout(output).stderr(errors);
    })
}
