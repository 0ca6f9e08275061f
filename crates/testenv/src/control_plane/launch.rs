//! The two processes: how they are told what to do, and when they are ready.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http::Method;

use crate::kubeconfig::{self, Access};
use crate::users::{ADMIN, TOKENS, Users};
use crate::{Child, Client, scratch};

/// Names of files in the control plane's folder.
pub(super) const AUDIT_POLICY: &str = "audit-policy.yaml";
pub(super) const AUDIT_LOG: &str = "audit.log";

/// What both programs say when a port is taken.
pub(super) const PORT_CLASH: &str = "address already in use";

/// Generous: it takes 3 to 4 seconds when the machine is not busy.
const READY_LIMIT: Duration = Duration::from_secs(120);

/// Both processes, and how to reach them.
pub(super) struct Started {
    pub(super) url: String,
    pub(super) kubeconfig: PathBuf,
    /// The certificates that the API server made for itself, PEM.
    pub(super) authority: Vec<u8>,
    pub(super) client: Client,
    // Dropped, and so killed, in this order: the API server needs etcd. Killing does no harm: etcd keeps a log for that, and
    // what it wrote is in the kernel's hands.
    pub(super) api_server: Child,
    pub(super) etcd: Child,
}

impl Started {
    /// Starts both, and waits until the API server is ready.
    pub(super) fn new(assets: &Path, dir: &Path, users: &Users, port: Option<u16>) -> Result<Self> {
        let [etcd_port, peer_port, free_port] = free_ports()?;
        let port = port.unwrap_or(free_port);
        let mut etcd = start(assets, dir, "etcd", etcd_flags(dir, etcd_port, peer_port))?;
        let mut api_server = start(assets, dir, "kube-apiserver", api_server_flags(dir, etcd_port, port))?;
        let url = format!("https://127.0.0.1:{port}");
        let start = Instant::now();
        loop {
            if let Ok((kubeconfig, authority, client)) = connect(dir, &url, users)
                && let Ok((200, _)) = client.send(&Method::GET, "/readyz", None)
            {
                return Ok(Self { url, kubeconfig, authority, client, api_server, etcd });
            }
            for (name, process) in [("etcd", &mut etcd), ("kube-apiserver", &mut api_server)] {
                if let Some(status) = process.ended() {
                    bail!("{name} ended ({status}); the last it wrote:\n{}", log_tail(dir, name));
                }
            }
            if start.elapsed() > READY_LIMIT {
                let log = log_tail(dir, "kube-apiserver");
                bail!("kube-apiserver is not ready after {} s; the last it wrote:\n{log}", READY_LIMIT.as_secs());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A client for the administrator. Fails until the API server has made its certificate.
fn connect(dir: &Path, url: &str, users: &Users) -> Result<(PathBuf, Vec<u8>, Client)> {
    let authority = fs::read(dir.join("pki/apiserver.crt"))?;
    let kubeconfig = dir.join("kubeconfig");
    let access = Access { server: url, authority: Some(&authority), user: Some((ADMIN, &users.admin_token)) };
    kubeconfig::write(&kubeconfig, &access)?;
    let client = Client::new(&kubeconfig)?;
    Ok((kubeconfig, authority, client))
}

fn etcd_flags(dir: &Path, port: u16, peer_port: u16) -> Vec<OsString> {
    let [clients, peers] = [port, peer_port].map(|port| format!("http://127.0.0.1:{port}"));
    vec![
        flag("data-dir", dir.join("etcd")),
        flag("listen-client-urls", &clients),
        flag("advertise-client-urls", &clients),
        flag("listen-peer-urls", &peers),
        flag("initial-advertise-peer-urls", &peers),
        flag("initial-cluster", format!("default={peers}")),
        // Nothing here must survive a power failure.
        "--unsafe-no-fsync".into(),
        flag("log-level", "warn"),
    ]
}

fn api_server_flags(dir: &Path, etcd_port: u16, port: u16) -> Vec<OsString> {
    let pki = dir.join("pki");
    vec![
        flag("etcd-servers", format!("http://127.0.0.1:{etcd_port}")),
        flag("bind-address", "127.0.0.1"),
        flag("secure-port", port.to_string()),
        flag("external-hostname", "127.0.0.1"),
        flag("service-cluster-ip-range", "10.0.0.0/24"),
        // The server writes a certificate and its key there, which sign service account tokens too.
        flag("service-account-signing-key-file", pki.join("apiserver.key")),
        flag("service-account-key-file", pki.join("apiserver.key")),
        flag("service-account-issuer", "https://kubernetes.default.svc"),
        flag("cert-dir", pki),
        flag("token-auth-file", dir.join(TOKENS)),
        flag("authorization-mode", "RBAC"),
        // It would wait for service accounts, which only a controller makes.
        flag("disable-admission-plugins", "ServiceAccount"),
        // Nobody looks for this server from inside the cluster, and a loopback address may not be published.
        flag("endpoint-reconciler-type", "none"),
        flag("audit-policy-file", dir.join(AUDIT_POLICY)),
        flag("audit-log-path", dir.join(AUDIT_LOG)),
        // Megabytes: never rotated, so that nothing is lost to who reads it.
        flag("audit-log-maxsize", "100000"),
    ]
}

fn flag(name: &str, value: impl Into<OsString>) -> OsString {
    let mut flag = OsString::from(format!("--{name}="));
    flag.push(value.into());
    flag
}

fn start(assets: &Path, dir: &Path, name: &str, flags: Vec<OsString>) -> Result<Child> {
    let log = log(dir, name);
    let output = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
    let errors = output.try_clone()?;
    Child::start(assets.join(name).as_os_str(), flags, |command| {
        command.stdout(output).stderr(errors);
    })
}

fn log(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.log"))
}

fn log_tail(dir: &Path, name: &str) -> String {
    scratch::tail(&log(dir, name), 15)
}

/// Ports that are free at this moment, on loopback.
fn free_ports() -> Result<[u16; 3]> {
    // All held at once, so that they differ.
    let listeners: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
