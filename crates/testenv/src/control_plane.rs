//! etcd and kube-apiserver: starts and stops them together, and does things to them while they run.

mod history;
mod launch;
mod outage;
mod relay;
mod second;

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::json;

pub use self::history::Change;
use self::launch::{FIRST, Reached, Server, Site};
pub use self::outage::Snapshot;
pub use self::second::SecondServer;
use crate::kubeconfig::write_private;
use crate::users::Users;
use crate::{Child, Client, Request, Rights, User, assets, audit, scratch};

/// How a control plane is started. The default: everything temporary, and no controller of Kubernetes.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where all its files go, and stay, the cluster's content included. None: a temporary folder.
    pub dir: Option<PathBuf>,
    /// The API server's port. None: a free one.
    pub port: Option<u16>,
    /// Whether `kube-controller-manager` runs too: see [`ControlPlane::start_controllers`].
    pub controllers: bool,
    /// Whether a kubelet will join, and pods run.
    pub node: Option<NodeSettings>,
    /// Whether every state that there was can be read: see [`ControlPlane::history`]. Objects are stored as JSON then, etcd is not
    /// compacted, and the audit log has the bodies of writes, the administrator's too.
    pub keeps_history: bool,
}

/// What a control plane with a node is told. Its authorizer knows nodes, pods have to have a ServiceAccount, and those controllers run too
/// that make pods of Deployments.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// The node's name: see [`ControlPlane::node_kubeconfig`].
    pub name: String,
    /// Where the API server listens, since pods cannot reach the machine's loopback: an address of the machine's own.
    pub address: IpAddr,
}

/// A running API server and its etcd, on loopback only unless there is a node ([`NodeSettings`]). Dropping it stops them.
///
/// It is a bare API server: RBAC and admission work, but no controller of Kubernetes runs until
/// [`ControlPlane::start_controllers`]. Until then a deleted namespace stays `Terminating` (see
/// [`ControlPlane::finish_namespace`]), and nothing is garbage-collected.
pub struct ControlPlane {
    site: Site,
    server: Server,
    audit_log: PathBuf,
    users: Users,
    reached: Reached,
    processes: Mutex<Processes>,
}

/// Dropped, and so killed, in this order: a process before those that it needs. Killing does no harm: etcd keeps a log for that,
/// and what it wrote is in the kernel's hands.
struct Processes {
    controllers: Option<Child>,
    /// None while it is away: see the module `outage`.
    api_server: Option<Child>,
    etcd: Option<Child>,
}

impl ControlPlane {
    /// Starts one, and returns when its `/readyz` says yes.
    ///
    /// # Errors
    /// When the programs are missing and cannot be built, or when one of them does not start: then with the end of its log.
    pub fn start(settings: Settings) -> Result<Self> {
        let assets = assets::find_or_build()?;
        let dir = match settings.dir {
            Some(dir) => std::path::absolute(dir)?,
            None => scratch::folder("control-plane")?,
        };
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let users = Users::create(&dir, settings.node.as_ref().map(|node| &*node.name))?;
        write_private(&dir.join(launch::AUDIT_POLICY), &audit::policy(settings.keeps_history))?;
        // A port that is free now may be taken by another process a moment later: then take others.
        let mut attempts = if settings.port.is_some() { 1 } else { 4 };
        let plane = loop {
            attempts -= 1;
            let [etcd_port, peer_port, free_port] = launch::free_ports()?;
            let keeps_history = settings.keeps_history;
            let site = Site { assets: assets.clone(), dir: dir.clone(), etcd_port, peer_port, keeps_history };
            let server = Server {
                name: FIRST.to_owned(),
                address: settings.node.as_ref().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |node| node.address),
                port: settings.port.unwrap_or(free_port),
                etcd_port,
                has_node: settings.node.is_some(),
            };
            match first_start(&site, &server, &users) {
                Err(error) if attempts > 0 && format!("{error:#}").contains(launch::PORT_CLASH) => {}
                Err(error) => return Err(error),
                Ok((processes, reached)) => {
                    let (audit_log, processes) = (server.audit_log(&site), Mutex::new(processes));
                    break Self { site, server, audit_log, users, reached, processes };
                }
            }
        };
        if settings.controllers {
            plane.start_controllers()?;
        }
        Ok(plane)
    }

    /// Starts `kube-controller-manager` with the controllers of namespaces, garbage collection, service accounts and resource quotas,
    /// if it does not run yet: from then on a deleted namespace really goes, some 5 s after its deletion. Builds it on first use.
    ///
    /// # Errors
    /// When it cannot be built or started.
    pub fn start_controllers(&self) -> Result<()> {
        let program = assets::controller_manager()?;
        let mut processes = self.processes();
        if processes.controllers.is_none() {
            processes.controllers =
                Some(self.site.start_controller_manager(&program, &self.server, &self.reached.kubeconfig)?);
        }
        Ok(())
    }

    /// Ends them at once (SIGKILL) and starts them anew, as after a restore of etcd.
    ///
    /// # Errors
    /// As [`ControlPlane::start_controllers`].
    pub fn restart_controllers(&self) -> Result<()> {
        if let Some(mut running) = self.processes().controllers.take() {
            running.kill();
        }
        self.start_controllers()
    }

    /// The one that all tests of this process share, started by the first who asks. It ends with the process.
    ///
    /// # Panics
    /// When it cannot be started: no test can go on then.
    #[expect(clippy::panic, reason = "for tests only, and each of them has to fail")]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
        match SHARED.get_or_init(|| Self::start(Settings::default()).map_err(|error| format!("{error:#}"))) {
            Ok(plane) => plane,
            Err(error) => panic!("the control plane does not start: {error}"),
        }
    }

    /// Where the API server listens, such as `https://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The folder with its files and logs.
    pub fn dir(&self) -> &Path {
        &self.site.dir
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.reached.kubeconfig
    }

    /// The kubeconfig of the node that [`Settings::node`] names.
    ///
    /// # Errors
    /// When there is none, or the file cannot be written.
    pub fn node_kubeconfig(&self) -> Result<PathBuf> {
        self.users.node(&self.url(), &self.reached.authority)
    }

    /// The certificates of the API server's authority, PEM.
    pub fn authority(&self) -> &[u8] {
        &self.reached.authority
    }

    /// A client for the administrator.
    pub fn client(&self) -> &Client {
        &self.reached.client
    }

    /// The API server's audit log: JSON lines.
    pub fn audit_log(&self) -> &Path {
        &self.audit_log
    }

    /// A user that nobody else has.
    ///
    /// # Panics
    /// When all are taken (3,000 with all rights, 100 with none), or the kubeconfig cannot be written.
    #[expect(clippy::panic, reason = "nothing a test could do about it")]
    pub fn user(&self, rights: Rights) -> User {
        match self.users.next(rights, &self.url(), &self.reached.authority) {
            Ok(user) => user,
            Err(error) => panic!("no user: {error:#}"),
        }
    }

    /// A ServiceAccount that exists, as a new token lets it in (TokenRequest). The audit log distinguishes requests with this token
    /// from those with other tokens of the same account.
    ///
    /// # Errors
    /// When the server makes no token.
    pub fn service_account(&self, namespace: &str, name: &str) -> Result<User> {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let answer = self.client().request(&Method::POST, &path, Some(&request))?;
        let token = answer["status"]["token"].as_str().context("the server's answer has no token")?;
        let user = format!("system:serviceaccount:{namespace}:{name}");
        User::of_token(&self.site.dir, &user, token, &self.url(), &self.reached.authority)
    }

    /// The requests of `user` until now, in order. A watch is logged when its response begins, any other request when it is
    /// answered; the last line may come a moment after the response, so wait for what you expect.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[expect(clippy::panic, reason = "nothing a test could do about it")]
    pub fn requests(&self, user: &User) -> Vec<Request> {
        match audit::requests(&self.audit_log, &user.mark) {
            Ok(requests) => requests,
            Err(error) => panic!("the audit log: {error:#}"),
        }
    }

    /// Creates a namespace.
    ///
    /// # Errors
    /// As [`Client::request`]; one that exists is an error too.
    pub fn create_namespace(&self, name: &str) -> Result<()> {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.client().request(&Method::POST, "/api/v1/namespaces", Some(&namespace)).map(drop)
    }

    /// Deletes a namespace. It stays `Terminating` until it is empty and its controller ([`ControlPlane::start_controllers`]), or
    /// [`ControlPlane::finish_namespace`], lets it go.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn terminate_namespace(&self, name: &str) -> Result<()> {
        self.client().request(&Method::DELETE, &namespace_path(name), None).map(drop)
    }

    /// Does what the namespace controller would for a terminating namespace: deletes what is in it (here: its Secrets and
    /// ConfigMaps), then lets it go.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn finish_namespace(&self, name: &str) -> Result<()> {
        let path = namespace_path(name);
        for resource in ["secrets", "configmaps"] {
            self.client().request(&Method::DELETE, &format!("{path}/{resource}"), None)?;
        }
        let mut namespace = self.client().get(&path)?;
        namespace["spec"]["finalizers"] = json!([]);
        self.client().request(&Method::PUT, &format!("{path}/finalize"), Some(&namespace)).map(drop)
    }

    /// The ids of the API server's process and of etcd's.
    ///
    /// # Panics
    /// When one of them is away: see [`ControlPlane::kill_etcd`].
    #[expect(clippy::panic, reason = "nothing a test could do about it")]
    pub fn process_ids(&self) -> [u32; 2] {
        let processes = self.processes();
        match (&processes.api_server, &processes.etcd) {
            (Some(api_server), Some(etcd)) => [api_server.id(), etcd.id()],
            _ => panic!("the API server or etcd was killed, and not started again"),
        }
    }

    /// The id of kube-controller-manager's process, if it runs.
    pub fn controllers_id(&self) -> Option<u32> {
        self.processes().controllers.as_ref().map(Child::id)
    }

    /// Lets it run on when this process ends. Returns the ids of its processes, in the order in which to end them.
    ///
    /// # Errors
    /// When they cannot be taken off the watchdog's list.
    pub fn detach(self) -> Result<Vec<u32>> {
        let Processes { controllers, api_server, etcd } =
            self.processes.into_inner().unwrap_or_else(PoisonError::into_inner);
        [controllers, api_server, etcd].into_iter().flatten().map(Child::detach).collect()
    }

    fn processes(&self) -> MutexGuard<'_, Processes> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn first_start(site: &Site, server: &Server, users: &Users) -> Result<(Processes, Reached)> {
    let mut etcd = site.start_etcd()?;
    let mut api_server = site.start_api_server(server, server)?;
    let reached = site.wait_ready(server, &users.admin_token, &mut [("etcd", &mut etcd), (FIRST, &mut api_server)])?;
    Ok((Processes { controllers: None, api_server: Some(api_server), etcd: Some(etcd) }, reached))
}

fn namespace_path(name: &str) -> String {
    format!("/api/v1/namespaces/{name}")
}
