//! The whole controller on virtual time, against a model of the Kubernetes API server.
//!
//! ```text
//! seed → script (users, faults, deliveries) → world: model API servers ⇄ bytes ⇄ the real controller → properties
//! ```
//!
//! One seed is one run: single thread, no sleeps, no clock; the same seed does the same, byte for byte. What is judged stands
//! in [`properties`] and [`spec`], which are TRUSTED: they are a second, slow and simple reading of the behaviour contract
//! ("SPEC n") and share no code with `k8s-replicator-core`.
//!
//! Read it in this order: [`properties`], [`spec`], [`world`], [`api`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test harness: what it cannot go on without is a mistake of its own, and ends the run"
)]

pub mod api;
pub mod dice;
pub mod exhaustive;
pub mod gitops;
pub mod load;
pub mod parallel;
pub mod policy;
pub mod properties;
pub mod run;
pub mod scenes;
pub mod scope;
pub mod spec;
pub mod world;
