//! What the controller would do, without a cluster or without touching it.
//!
//! ```text
//! files → manifests, with positions ┐
//!                                   ├→ planner: decide, write into a store in memory, decide again, until all is at rest
//! metadata of a live cluster        ┘   → report: changes, problems, waits, advice → table, JSON, YAML, Markdown, GitHub
//! ```
//!
//! The planner has no rules of its own: each step is [`decide`](k8s_replicator_core::decide::decide)'s, and time passes
//! virtually where it waits. This crate is pure, as `core` is: texts in, texts out.
//!
//! Values of Secrets are held as long as a plan is made, since what is copied is decided on them, and are shown nowhere.

mod contents;
mod edit;
mod manifest;
mod object;
mod place;
mod plan;
pub mod planner;
mod report;
mod split;
mod yaml;

pub use manifest::{Manifest, Manifests, NOT_ACCEPTED, NamespaceManifest, Problem, Reader, UNREADABLE};
pub use object::{Applied, Known, Object};
pub use place::{Excerpt, Place};
pub use plan::{Cluster, Question, plan};
pub use report::{Finding, Level, Line, Report};
