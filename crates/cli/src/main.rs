//! The program `k8s-replicator`: flags in, exit code out.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use k8s_replicator::args::{self, Program, Stop};
use k8s_replicator::commands::{self, Exit};
use k8s_replicator::logging;
use k8s_replicator::settings::{LeaseName, Settings};
use k8s_replicator::status_address::StatusAddress;
use k8s_replicator::terminal::Terminal;
use k8s_replicator_controller::connect::Connection;
use k8s_replicator_controller::controller::Controller;
use k8s_replicator_controller::edge::clock::Clock;
use k8s_replicator_controller::edge::look::{Audience, Hear, Looks};
use k8s_replicator_controller::edge::metrics::Scraper;
use k8s_replicator_controller::health::Health;
use k8s_replicator_controller::{admin, connect, events, lease, run};
use k8s_replicator_dashboard::feed::{About, Heard};
use k8s_replicator_dashboard::guard::Hosts;
use k8s_replicator_dashboard::{Feed, Page};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info};

/// Gives memory back to the system after the first lists, which glibc's allocator does not.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let settings = match args::program(std::env::args_os()) {
        Ok(Program::Controller(settings)) => *settings,
        Ok(Program::Command(command)) => return answer(command),
        Err(stop) => return say(&stop),
    };
    logging::start(settings.log_format, &settings.log_level);
    match replicate(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(error = format!("{error:#}"), "k8s-replicator ends");
            ExitCode::FAILURE
        }
    }
}

fn answer(command: commands::Command) -> ExitCode {
    let terminal = Terminal::of_the_process();
    let exit = commands::run(command, &terminal).unwrap_or_else(|error| {
        terminal.note(&format!("error: {error:#}"));
        Exit::NoAnswer
    });
    ExitCode::from(exit as u8)
}

fn say(stop: &Stop) -> ExitCode {
    // Nobody is left to tell if even that fails.
    let _ = if stop.to_stdout {
        writeln!(io::stdout(), "{}", stop.message.trim_end())
    } else {
        writeln!(io::stderr(), "{}", stop.message.trim_end())
    };
    ExitCode::from(stop.code)
}

/// The lease, for a process whose name is its pod's (or host's), and something that no other process has: two on one host, or a
/// container before and after a restart, are two.
fn lease_settings(
    LeaseName { namespace, name }: &LeaseName,
    connection: &Connection,
    url: String,
    health: &Health,
) -> lease::Settings {
    let mut entropy = run::random_bytes();
    let unique: String = (0..8).map(|_| format!("{:02x}", entropy())).collect();
    lease::Settings {
        namespace: namespace.as_ref().map_or_else(|| connection.namespace(), ToString::to_string),
        name: name.clone(),
        identity: format!("{}_{unique}", host()),
        url,
        progress: health.watch("leases"),
        entropy,
    }
}

/// The name of the pod (or of the host).
fn host() -> String {
    std::env::var("HOSTNAME").unwrap_or_else(|_| "k8s-replicator".to_owned())
}

fn listen(address: &StatusAddress) -> io::Result<TcpListener> {
    TcpListener::from_std(address.listen()?)
}

/// Serves the page, which looks at the controller, and answers what hears it for the page. It is no reason to end the controller if it
/// breaks off.
fn show(listener: TcpListener, settings: &Settings, health: Arc<Health>, server: String, looks: Looks) -> Hear {
    let (hear, heard) = Heard::new();
    let about = About { version: env!("CARGO_PKG_VERSION"), server };
    let feed = Feed::new(looks, heard, health, about, run::random_number());
    let hosts = Hosts::also(settings.dashboard_hosts.iter().cloned());
    tokio::spawn(k8s_replicator_dashboard::serve(listener, Page { feed, hosts }));
    hear
}

/// On one thread: nearly all of the time it waits for the API server, and threads that wake each other cost it more than they
/// would gain.
#[tokio::main(flavor = "current_thread")]
async fn replicate(settings: Settings) -> anyhow::Result<()> {
    let listener = listen(&settings.status_address).with_context(|| {
        format!("cannot serve the status on {}; name another --status-address", settings.status_address)
    })?;
    let page = settings.dashboard.as_ref().map(listen).transpose();
    let page = page.context("cannot serve the page there; name another --dashboard")?;
    let health = Arc::new(Health::default());
    let clock = Clock::start();
    let (connection, url) = connect::open(settings.kube_config.as_deref()).await?;
    info!(version = env!("CARGO_PKG_VERSION"), server = url, "k8s-replicator starts");
    info!(address = listener.local_addr()?.to_string(), "serving status");
    if let Some(page) = &page {
        info!(address = page.local_addr()?.to_string(), "serving the page");
    }

    let (stop, stopped) = watch::channel(false);
    // Before the status is served: from now on `health` knows whom it has to wait for.
    let mut controller = Controller::new(settings.options(), url.clone(), &health, &mut run::random_bytes);
    if let Some(name) = &settings.leader_elect {
        controller = controller.elected_by(lease_settings(name, &connection, url.clone(), &health), &health);
    }
    if settings.events {
        let version_key = format!("{}source-version", settings.annotations_prefix);
        let entropy = run::random_bytes();
        controller = controller.with_events(events::Settings { instance: host(), version_key, entropy });
    }
    let (looks, mut audience) = Audience::looking();
    let mut status = tokio::spawn(admin::serve(listener, health.clone(), clock, Scraper::new(looks.clone())));
    if let Some(page) = page {
        audience = audience.heard_by(show(page, &settings, health.clone(), url, looks));
    }
    let mut controller = tokio::spawn(run::run(controller, connection, clock, stopped, audience));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut asked_to_stop = async || {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };
    let signal = tokio::select! {
        signal = asked_to_stop() => signal,
        ended = &mut controller => {
            ended.context("the controller's task panicked, which is a bug")?;
            anyhow::bail!("the controller ended by itself");
        }
        ended = &mut status => {
            ended?.context("the status server failed")?;
            anyhow::bail!("the status server ended by itself");
        }
    };
    info!(signal, "stopping: no new work is begun, requests under way may end");
    health.stop();
    stop.send_replace(true);
    tokio::select! {
        ended = &mut controller => ended.context("the controller's task panicked, which is a bug")?,
        signal = asked_to_stop() => anyhow::bail!("{signal} again: stopping at once"),
    }
    Ok(())
}
