//! The edge: what does IO. Only here are tokio and kube.

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
