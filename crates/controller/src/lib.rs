//! The controller: IO around the decisions of `k8s-replicator-core`.
//!
//! ```text
//! watch → replicator (index, queue, decide) → cluster (apply) → replicator (answer) → report
//! ```
//!
//! [`replicator::Replicator`] is the control loop of one kind. It does no IO, has no clock and no randomness of its own: it
//! takes events and answers, and hands out requests. One thread can drive it step by step. [`run`](mod@run) is what drives
//! it in production: one task per kind owns its replicator, and nothing else can reach it.

pub mod admin;
pub mod causes;
pub mod cluster;
pub mod connect;
pub mod contents;
pub mod event;
pub mod health;
pub mod poll;
pub mod queue;
pub mod replicator;
pub mod report;
pub mod run;
pub mod watch;
pub mod window;
