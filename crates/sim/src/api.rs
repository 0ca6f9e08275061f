//! A model of Kubernetes API servers: pure, in virtual time, and speaking the wire's own bytes.
//!
//! [`object`] and [`managed`] are what is stored and who wrote it, [`store`] is etcd, [`mod@write`] changes it as the API server
//! does, [`admission`] is what stands in a write's way, [`rbac`] who may ask for what, [`server`] is one API server with a cache that lags, [`protobuf`] and
//! [`json`] are how it speaks, [`mod@refusal`] is how it says no, [`position`] where a list goes on. [`lease`] and [`events`] are the two resources beside those that are replicated.
//!
//! Source of each behaviour: kube-apiserver 1.33 to 1.37. Where the model is simpler, the item says so.

pub mod admission;
pub mod events;
pub mod http;
pub mod json;
pub mod lease;
pub mod managed;
pub mod object;
pub mod position;
pub mod protobuf;
pub mod rbac;
pub mod refusal;
pub mod server;
pub mod store;
pub mod write;
