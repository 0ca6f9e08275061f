//! The processes: their arguments, and when they are ready.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http::Method;

use crate::kubeconfig::{self, Access};
use crate::users::{ADMIN, TOKENS};
use crate::{Child, Client, scratch};

/// Names of files in the control plane's folder.
pub(super) const AUDIT_POLICY: &str = "audit-policy.yaml";
pub(super) const ETCD_DATA: &str = "etcd";

/// What the programs say when a port is taken.
pub(super) const PORT_CLASH: &str = "address already in use";

/// Generous: it takes 3 to 4 seconds when the machine is not busy.
const READY_LIMIT: Duration = Duration::from_secs(120);

/// Where the programs and the files of one control plane are.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// The folder with `etcd` and `kube-apiserver`.
    pub(super) assets: PathBuf,
    /// The folder of all files.
    pub(super) dir: PathBuf,
    pub(super) etcd_port: u16,
    pub(super) peer_port: u16,
    /// See [`super::Settings`].
    pub(super) keeps_history: bool,
}

/// One API server of a [`Site`]. Those of one site differ in all that is here.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Names its log, its certificates and its audit log.
    pub(super) name: String,
    /// Where it listens.
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// Where it finds etcd, on 127.0.0.1.
    pub(super) etcd_port: u16,
    /// Whether there is a node: see [`super::NodeSettings`].
    pub(super) has_node: bool,
}

/// How an API server is reached.
pub(super) struct Reached {
    pub(super) kubeconfig: PathBuf,
    /// The certificates that the API server made for itself, PEM.
    pub(super) authority: Vec<u8>,
    pub(super) client: Client,
}

impl Server {
    pub(super) fn url(&self) -> String {
        format!("https://{}:{}", self.address, self.port)
    }

    pub(super) fn audit_log(&self, site: &Site) -> PathBuf {
        site.dir.join(format!("{}-audit.log", self.name))
    }

    fn pki(&self, site: &Site) -> PathBuf {
        site.dir.join(format!("{}-pki", self.name))
    }
}

impl Site {
    pub(super) fn start_etcd(&self) -> Result<Child> {
        let [clients, peers] = [self.etcd_port, self.peer_port].map(|port| format!("http://127.0.0.1:{port}"));
        let mut flags = vec![
            flag("data-dir", self.dir.join(ETCD_DATA)),
            flag("listen-client-urls", &clients),
            flag("advertise-client-urls", &clients),
            flag("listen-peer-urls", &peers),
            flag("initial-advertise-peer-urls", &peers),
            flag("initial-cluster", format!("default={peers}")),
            // Nothing here must survive a power failure.
            "--unsafe-no-fsync".into(),
            flag("log-level", "warn"),
        ];
        if self.keeps_history {
            // In bytes: nothing is ever compacted.
            flags.push(flag("quota-backend-bytes", (16_u64 << 30).to_string()));
        }
        self.start(&self.assets.join("etcd"), "etcd", flags)
    }

    /// Starts an API server. `first`: whose key signs the tokens of service accounts, which all servers of a site share.
    pub(super) fn start_api_server(&self, server: &Server, first: &Server) -> Result<Child> {
        let signing_key = first.pki(self).join("apiserver.key");
        let address = server.address.to_string();
        let mut flags = vec![
            flag("etcd-servers", format!("http://127.0.0.1:{}", server.etcd_port)),
            flag("bind-address", &address),
            flag("secure-port", server.port.to_string()),
            flag("external-hostname", &address),
            flag("service-cluster-ip-range", "10.0.0.0/24"),
            // The server writes a certificate and its key there; the first one's signs service account tokens too.
            flag("service-account-signing-key-file", &signing_key),
            flag("service-account-key-file", &signing_key),
            flag("service-account-issuer", "https://kubernetes.default.svc"),
            flag("cert-dir", server.pki(self)),
            flag("token-auth-file", self.dir.join(TOKENS)),
            // Nobody looks for this server from inside the cluster, and a loopback address may not be published.
            flag("endpoint-reconciler-type", "none"),
            flag("audit-policy-file", self.dir.join(AUDIT_POLICY)),
            flag("audit-log-path", server.audit_log(self)),
            // In megabytes: the log is never rotated, so that readers miss nothing.
            flag("audit-log-maxsize", "100000"),
        ];
        if self.keeps_history {
            flags.extend([flag("storage-media-type", "application/json"), flag("etcd-compaction-interval", "0")]);
        }
        if server.has_node {
            flags
                .extend([flag("authorization-mode", "Node,RBAC"), flag("enable-admission-plugins", "NodeRestriction")]);
        } else {
            // ServiceAccount would wait for service accounts, which only a controller makes.
            flags.extend([flag("authorization-mode", "RBAC"), flag("disable-admission-plugins", "ServiceAccount")]);
        }
        self.start(&self.assets.join("kube-apiserver"), &server.name, flags)
    }

    /// Starts the controllers that tests need, and no others, as the administrator; with a node those that make pods of Deployments too.
    pub(super) fn start_controller_manager(&self, program: &Path, server: &Server, kubeconfig: &Path) -> Result<Child> {
        let mut controllers = CONTROLLERS.to_vec();
        if server.has_node {
            controllers.extend(CONTROLLERS_OF_PODS);
        }
        let flags = vec![
            flag("kubeconfig", kubeconfig),
            flag("controllers", controllers.join(",")),
            // What pods trust.
            flag("root-ca-file", server.pki(self).join("apiserver.crt")),
            flag("leader-elect", "false"),
            // It serves nothing: its metrics are not needed here.
            flag("secure-port", "0"),
            // Many tests delete namespaces at once; the defaults are made for quiet clusters.
            flag("kube-api-qps", "500"),
            flag("kube-api-burst", "1000"),
            flag("concurrent-namespace-syncs", "20"),
        ];
        self.start(program, "kube-controller-manager", flags)
    }

    /// Waits until the API server is ready. `processes`, by name: if one of them ends there is nothing to wait for.
    pub(super) fn wait_ready(
        &self,
        server: &Server,
        token: &str,
        processes: &mut [(&str, &mut Child)],
    ) -> Result<Reached> {
        let start = Instant::now();
        loop {
            if let Ok(reached) = self.connect(server, token)
                && let Ok((200, _)) = reached.client.send(&Method::GET, "/readyz", None)
            {
                return Ok(reached);
            }
            for (name, process) in &mut *processes {
                if let Some(status) = process.ended() {
                    bail!("{name} ended ({status}); the last it wrote:\n{}", self.log_tail(name));
                }
            }
            if start.elapsed() > READY_LIMIT {
                let log = self.log_tail(&server.name);
                bail!("{} is not ready after {} s; the last it wrote:\n{log}", server.name, READY_LIMIT.as_secs());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// A client for the administrator. Fails until the API server has made its certificate.
    fn connect(&self, server: &Server, token: &str) -> Result<Reached> {
        let authority = fs::read(server.pki(self).join("apiserver.crt"))?;
        let kubeconfig = self.kubeconfig(server);
        let url = server.url();
        kubeconfig::write(
            &kubeconfig,
            &Access { server: &url, authority: Some(&authority), user: Some((ADMIN, token)) },
        )?;
        let client = Client::new(&kubeconfig)?;
        Ok(Reached { kubeconfig, authority, client })
    }

    /// The administrator's kubeconfig for one server; people know the first one's by this name.
    fn kubeconfig(&self, server: &Server) -> PathBuf {
        let name = if server.name == FIRST { "kubeconfig".to_owned() } else { format!("{}.kubeconfig", server.name) };
        self.dir.join(name)
    }

    fn start(&self, program: &Path, name: &str, flags: Vec<OsString>) -> Result<Child> {
        let log = self.log(name);
        // One that is started again goes on where its log ended.
        let output = OpenOptions::new().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("cannot create {}", log.display()))?;
        let errors = output.try_clone()?;
        Child::start(program.as_os_str(), flags, |command| {
            command.stdout(output).stderr(errors);
        })
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.log"))
    }

    fn log_tail(&self, name: &str) -> String {
        scratch::tail(&self.log(name), 15)
    }
}

/// What always runs of kube-controller-manager, if it does.
const CONTROLLERS: [&str; 4] =
    ["namespace-controller", "garbage-collector-controller", "serviceaccount-controller", "resourcequota-controller"];
/// What runs besides where there is a node.
const CONTROLLERS_OF_PODS: [&str; 6] = [
    "deployment-controller",
    "replicaset-controller",
    "disruption-controller",
    "root-ca-certificate-publisher-controller",
    "node-lifecycle-controller",
    "pod-garbage-collector-controller",
];

/// The name of a control plane's first API server.
pub(super) const FIRST: &str = "kube-apiserver";

fn flag(name: &str, value: impl Into<OsString>) -> OsString {
    let mut flag = OsString::from(format!("--{name}="));
    flag.push(value.into());
    flag
}

/// Ports that are free at this moment, on loopback.
pub(super) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    // All held at once, so that they differ.
    let listeners: Vec<TcpListener> = (0..N).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
