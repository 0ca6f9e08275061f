//! The controller: what happens between the API server's bytes and the decisions of `k8s-replicator-core`.
//!
//! ```text
//! response → watch → replicator (index, queue, decide) → request → response → replicator (answer) → report
//! ```
//!
//! [`controller::Controller`] is all of it but the IO: its machines ([`watch`], [`poll`], [`replicator`]) have no clock, no
//! randomness and no sockets of their own. They take bytes and the time, and say what they want next. [`edge`] is what does
//! IO: only there are tokio and kube. One thread drives everything, so there are no locks.

pub mod backoff;
pub mod cluster;
pub mod contents;
pub mod controller;
pub mod edge;
pub mod event;
pub mod events;
pub mod health;
pub mod lease;
pub mod log_once;
#[cfg(test)]
mod logged;
pub mod metrics;
pub mod notice;
pub mod poll;
pub mod queue;
pub mod replicator;
pub mod report;
pub mod watch;
pub mod window;
pub mod wire;

// The parts of the edge that the program uses.
pub use edge::{admin, causes, connect, run};
