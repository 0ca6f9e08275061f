//! `dashboard`: the page, served from here, of any installation.
//!
//! It runs the controller's watches and its decisions with the rights of the person who asks, by the flags of the controller in the
//! cluster; and it does nothing of what is decided: see `Controller::only_looking`.

use std::io::IsTerminal as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context as _;
use k8s_replicator_controller::controller::{Controller, Message};
use k8s_replicator_controller::edge::clock::Clock;
use k8s_replicator_controller::edge::look::{Audience, Hear};
use k8s_replicator_controller::health::Health;
use k8s_replicator_controller::run;
use k8s_replicator_dashboard::feed::{About, Heard};
use k8s_replicator_dashboard::guard::Hosts;
use k8s_replicator_dashboard::{Feed, Page};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::Level;

use super::Exit;
use crate::cluster::{Cluster, ClusterArgs};
use crate::terminal::Terminal;

/// Serve the page about what is replicated, and open it: with your own rights, reading metadata alone, writing nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Dashboard {
    /// The port on this machine. By default a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Open no browser.
    #[arg(long)]
    no_browser: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
}

const EXAMPLES: &str = "\
It works with any installation, and needs list and watch on Secrets, ConfigMaps and Namespaces. The
page is for this machine alone. What depends on a content is shown as waiting to be read until the
controller in the cluster has acted on it.
Exit codes: 0 Ctrl-C ended it; 2 it cannot be served.

Examples:
  kubectl replicator dashboard
  kubectl replicator dashboard --port 9103 --no-browser";

impl Dashboard {
    pub(super) async fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let cluster = Cluster::open(&self.cluster).await?;
        let flags = cluster.flags().await?;
        if let Some(note) = &flags.note {
            terminal.note(note);
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("cannot serve the page on {address}"))?;
        let url = format!("http://{}/", listener.local_addr()?);
        let (connection, server) = cluster.connection();
        let (health, (_stop, stopped)) = (Arc::new(Health::default()), watch::channel(false));
        let options = flags.settings.options();
        let controller = Controller::new(options, server.clone(), &health, &mut run::random_bytes).only_looking();
        let (hear, heard) = Heard::new();
        let (looks, audience) = Audience::of(and_say(hear, *terminal));
        let about = About { version: env!("CARGO_PKG_VERSION"), server };
        let feed = Feed::new(looks, heard, health, about, run::random_number());
        terminal.print(&format!("{url}\n"))?;
        terminal.note("Ctrl-C ends it.");
        if !self.no_browser && std::io::stdout().is_terminal() {
            open(&url);
        }
        tokio::select! {
            () = run::run(controller, connection, Clock::start(), stopped, audience) => {
                anyhow::bail!("the cluster cannot be watched any more")
            }
            served = k8s_replicator_dashboard::serve(listener, Page { feed, hosts: Hosts::default() }) => {
                served.context("cannot serve the page").map(|()| Exit::Fine)
            }
            _ = tokio::signal::ctrl_c() => Ok(Exit::Fine),
        }
    }
}

/// What a watch is refused is also said here.
fn and_say(mut hear: Hear, terminal: Terminal) -> Hear {
    Box::new(move |message, now| {
        if let Message::Notice(notice) = message
            && notice.level <= Level::WARN
        {
            let error = notice.error.as_deref().unwrap_or_default();
            terminal.note(&format!("{}: {} {error}", notice.resource, notice.message));
        }
        hear(message, now);
    })
}

/// The person's browser, if the system knows one. That it does not is no fault: the address is printed.
fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = std::process::Command::new(program);
    let _ = command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
}
