//! The limit of writing: a client that knows beforehand what to write where, and does nothing else.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use base64::Engine as _;
use http::Method;
use k8s_replicator_testenv::{ControlPlane, Rights};
use rand::RngExt as _;
use serde_json::{Value, json};

use super::api::{Api, Call};

/// Requests side by side. More, or fewer, are not faster.
pub(super) const AT_ONCE: usize = 32;

/// A Secret's data: `size` bytes in four values, other ones each time.
pub(super) fn data(size: usize) -> Value {
    let value = || {
        let bytes: Vec<u8> = (0..size / 4).map(|_| rand::rng().random()).collect();
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    json!({ "a": value(), "b": value(), "c": value(), "d": value() })
}

/// See the [module](self). It writes what a controller would: the same data, as many annotations, one label.
pub(super) struct Writer {
    api: Api,
}

impl Writer {
    /// As a user of its own, whose requests are audited as the controller's are.
    pub(super) async fn new(plane: &ControlPlane) -> Result<Self> {
        Ok(Self { api: Api::new(&plane.user(Rights::Admin).kubeconfig).await? })
    }

    pub(super) fn api(&self) -> &Api {
        &self.api
    }

    /// Creates one Secret in each of the namespaces.
    pub(super) async fn create(&self, namespaces: &Arc<Vec<String>>, name: &str, data: &Value) -> Result<Duration> {
        let (namespaces, name, data) = (namespaces.clone(), name.to_owned(), data.clone());
        self.api.parallel(namespaces.len(), AT_ONCE, move |n| create(&namespaces[n], &name, &data)).await
    }

    /// Changes them.
    pub(super) async fn update(&self, namespaces: &Arc<Vec<String>>, name: &str, data: &Value) -> Result<Duration> {
        let (namespaces, name, data) = (namespaces.clone(), name.to_owned(), data.clone());
        self.api.parallel(namespaces.len(), AT_ONCE, move |n| update(&namespaces[n], &name, &data)).await
    }
}

/// The creation of something like a replica.
pub(super) fn create(namespace: &str, name: &str, data: &Value) -> Call {
    let body = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": name,
            "annotations": {
                "bench/replicated-at": "2026-01-01T00:00:00Z",
                "bench/replicated-by": "bench/source",
                "bench/replicated-from-version": "1",
            },
            "labels": { "app.kubernetes.io/managed-by": "bench" },
        },
        "data": data,
    });
    Call::new(Method::POST, format!("/api/v1/namespaces/{namespace}/secrets"), body.to_string())
}

/// The change of something like a replica, by a patch, which does not overwrite others' labels.
pub(super) fn update(namespace: &str, name: &str, data: &Value) -> Call {
    let body = json!([
        { "op": "add", "path": "/metadata/annotations/bench~1replicated-at", "value": "2026-01-01T00:00:01Z" },
        { "op": "add", "path": "/metadata/annotations/bench~1replicated-from-version", "value": "2" },
        { "op": "add", "path": "/data", "value": data },
    ]);
    Call::new(Method::PATCH, format!("/api/v1/namespaces/{namespace}/secrets/{name}"), body.to_string())
}
