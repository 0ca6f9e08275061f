//! A real Kubernetes control plane for tests and for people, without Docker: etcd and kube-apiserver as child processes.
//!
//! - [`assets`] finds the programs, or builds them from the Go modules in `tools`.
//! - [`ControlPlane`] runs them on loopback, hands out users ([`User`]) and tells what each of them asked ([`Request`]).
//! - [`Controller`] runs the program under test against it.
//! - [`Helm`] renders the project's chart and installs it.
//! - [`Proxy`] stands between the two and breaks what it is told to ([`Fault`]).
//!
//! Guarantees: no child process outlives this one, however it ends, `kill -9` included; no temporary folder either.
//! Only processes that were started here are ended.
//!
//! All calls block, and may be made from plain threads and from inside any tokio runtime: the little asynchronous work there
//! is runs on a runtime of this crate's own.
//!
//! Not for production: what a test cannot go on without panics, with words that say what was missing.

#![allow(clippy::print_stderr, reason = "speaks to the person who runs it: progress, and logs of what failed")]

pub mod assets;
mod audit;
mod child;
mod client;
mod control_plane;
mod controller;
mod helm;
pub mod image;
mod kubeconfig;
mod proxy;
mod runtime;
mod scratch;
mod users;
mod watchdog;

pub use audit::Request;
pub use child::Child;
pub use client::Client;
pub use control_plane::{ControlPlane, Settings};
pub use controller::Controller;
pub use helm::{Helm, Said, chart};
pub use proxy::{Fault, Proxy, RequestView};
pub use users::{Rights, User};

/// Takes from a cargo that is about to be called what the cargo that runs us said of our package: some build scripts (ring's)
/// begin anew when it changes, and with them everything that depends on them, here and at the next build from outside.
fn forget_package(command: &mut std::process::Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
}
