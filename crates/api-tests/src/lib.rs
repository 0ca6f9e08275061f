//! The helpers of the tests against a real API server.
//!
//! A [`Scene`] is one test's own part of the shared control plane: an annotation prefix that no other test uses (so that
//! its controller sees nothing of the others'), namespaces of its own, a controller with an identity of its own (so that
//! its requests can be counted in the server's audit log).
//!
//! With `K8S_REPLICATOR_TESTS_AS=chart` in the environment the controllers are what the chart makes of them: its ServiceAccount
//! with its roles, and exactly the arguments of its container; a call that the account may not make fails the test. `scoped-chart`: the same
//! with `rbac.scope: namespaces`, where a call outside of the scene's namespaces fails it too.
//!
//! Names in a test are short: namespace `a` stands for a namespace of this scene, `a/src` for an object in it, and `{a}` in
//! an annotation's value for its full name.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)] // A test ends where its scene cannot be set.

mod admission;
pub mod chart;
mod expect;
mod history;
mod object;
mod scene;
mod webhook;

pub use admission::Obstacle;
pub use history::{Change, History};
pub use object::{Object, config_map, secret};
pub use scene::{Scene, WAIT};
