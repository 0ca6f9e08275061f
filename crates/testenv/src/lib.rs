//! A real Kubernetes control plane for tests and for people, without Docker: etcd and kube-apiserver as child processes.
//!
//! - [`assets`] finds the programs, or builds them from the Go modules in `tools`, and runs them as child processes.
//! - [`ControlPlane`] runs them on loopback, hands out users ([`User`]) and reads the requests of each from the audit log
//!   ([`Request`]).
//! - [`Controller`] runs the program under test against it.
//! - [`Shell`] is a person with kubectl and its plugin.
//! - [`Helm`] renders the project's chart and installs it.
//! - [`Proxy`] stands between the two and injects faults ([`Fault`]).
//!
//! Guarantees: no child process outlives this one, however it ends, `kill -9` included; no temporary folder either.
//! Only processes that were started here are ended.
//!
//! All calls block, and may be made from plain threads and from inside any tokio runtime: the little asynchronous work there
//! is runs on a runtime of this crate's own.
//!
//! Not for production: what a test cannot go on without panics, with words that say what was missing.

#![allow(clippy::print_stderr, reason = "speaks to the person who runs it: progress, and logs of what failed")]

mod audit;
mod client;
mod control_plane;
mod controller;
mod helm;
mod kubeconfig;
mod proxy;
mod runtime;
mod shell;
mod users;

use k8s_replicator_assets::scratch;

pub use audit::Request;
pub use client::Client;
pub use control_plane::{Change, ControlPlane, NodeSettings, SecondServer, Settings, Snapshot};
pub use controller::Controller;
pub use helm::{Helm, Said, chart};
pub use k8s_replicator_assets::{self as assets, Child, image};
pub use proxy::{Fault, Proxy, RequestView};
pub use shell::{Ran, Shell, link_tools};
pub use users::{Rights, User};
