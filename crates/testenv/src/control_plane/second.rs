//! A second API server on the same etcd.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::ControlPlane;
use super::launch::{Reached, Server, free_ports};
use super::relay::Relay;
use crate::{Child, Client, User, kubeconfig};

/// Another API server with the same content and the same users, whose cache can be made to lag: see
/// [`ControlPlane::second_api_server`]. Dropping it stops it.
pub struct SecondServer {
    server: Server,
    reached: Reached,
    relay: Relay,
    folder: PathBuf,
    process: Child,
}

impl ControlPlane {
    /// Starts a second API server on this control plane's etcd, as clusters with several control plane nodes have. What is written
    /// through one of them the other one's cache shows later; [`SecondServer::set_lag`] says how much later.
    ///
    /// # Errors
    /// When it does not start: then with the end of its log.
    pub fn second_api_server(&self) -> Result<SecondServer> {
        let [port] = free_ports()?;
        let relay = Relay::before(self.site.etcd_port)?;
        let name = format!("kube-apiserver-{port}");
        let server = Server { name, port, etcd_port: relay.port, ..self.server.clone() };
        let mut process = self.site.start_api_server(&server, &self.server)?;
        let reached = self.site.wait_ready(&server, &self.users.admin_token, &mut [(&server.name, &mut process)])?;
        Ok(SecondServer { server, reached, relay, folder: self.site.dir.clone(), process })
    }
}

impl SecondServer {
    /// Where it listens.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// A client for the administrator.
    pub fn client(&self) -> &Client {
        &self.reached.client
    }

    /// How far this server is behind etcd from now on, and so behind what is written through the other one. Its own writes take that
    /// much longer too.
    pub fn set_lag(&self, lag: Duration) {
        self.relay.set_lag(lag);
    }

    /// A kubeconfig with which `user` speaks to this server.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn kubeconfig_of(&self, user: &User) -> Result<PathBuf> {
        let path = self.folder.join(format!("{}-{}.kubeconfig", self.server.name, user.name.replace(':', "-")));
        let access = kubeconfig::Access {
            server: &self.url(),
            authority: Some(&self.reached.authority),
            user: Some((&user.name, &user.token)),
        };
        kubeconfig::write(&path, &access).context("no kubeconfig for the second API server")?;
        Ok(path)
    }

    /// Its process' id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(mut self) {
        self.process.kill();
    }
}
