//! The edge: all code that does IO. Only here are tokio and kube used.

pub mod admin;
mod ask;
pub mod causes;
pub mod clock;
pub mod connect;
mod http;
pub mod limited;
pub mod look;
pub mod metrics;
mod process;
pub mod run;
