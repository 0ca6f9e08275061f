//! What an administrator puts between the controller and what it writes: policies, webhooks that deny, are away or hang, a quota. Each is about ConfigMaps in
//! the namespaces of a scene whose short names begin alike, holds when it is answered, and ends when it is dropped.

use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Method;
use k8s_replicator_testenv::ControlPlane;
use serde_json::{Value, json};

use crate::Scene;
use crate::webhook::Webhook;

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// A policy, a webhook or a quota about ConfigMaps in the namespaces of a scene whose short names begin alike. Dropping it ends it.
pub struct Obstacle {
    plane: &'static ControlPlane,
    name: String,
    namespaces: Vec<String>,
    /// The paths of what was made, the last first.
    paths: Vec<String>,
    /// Where a webhook hangs.
    listener: Option<TcpListener>,
    /// One that answers.
    answering: Option<Webhook>,
}

impl Obstacle {
    /// A policy that denies to create ConfigMaps for which this expression does not hold.
    #[must_use]
    pub fn policy(scene: &Scene, short: &str, expression: &str, message: &str) -> Self {
        let mut policy = Self::about(scene, short);
        let validations = json!([{ "expression": expression, "message": message }]);
        let spec = json!({ "matchConstraints": constraints(&["CREATE"]), "validations": validations });
        policy.bound("validatingadmissionpolicies", spec, json!({ "validationActions": ["Deny"] }));
        let probe = json!({ "metadata": { "name": "probe" } });
        policy.holds(scene, &probe, |code, _| code == 422);
        policy
    }

    /// A policy that changes a value of a ConfigMap whenever one is made or changed.
    #[must_use]
    pub fn mutating_policy(scene: &Scene, short: &str) -> Self {
        let mut policy = Self::about(scene, short);
        let mutations = json!([{
            "patchType": "ApplyConfiguration",
            "applyConfiguration": { "expression": "Object{data: {\"k\": \"somebody else's\"}}" },
        }]);
        let spec = json!({
            "matchConstraints": constraints(&["CREATE", "UPDATE"]),
            "mutations": mutations,
            "reinvocationPolicy": "Never",
        });
        policy.bound("mutatingadmissionpolicies", spec, json!({}));
        let probe = json!({ "metadata": { "name": "probe" }, "data": { "k": "own" } });
        let is_mutated = |_: u16, answer: &str| answer.contains("somebody else's");
        policy.holds(scene, &probe, is_mutated);
        policy
    }

    /// A webhook that has to allow each ConfigMap, and that cannot be reached.
    #[must_use]
    pub fn dead_webhook(scene: &Scene, short: &str) -> Self {
        // Nobody listens there.
        Self::about(scene, short).webhook(scene, "https://127.0.0.1:1/", 1, 500)
    }

    /// A webhook that has to allow each ConfigMap, and that never answers. The API server waits for so many seconds.
    #[must_use]
    pub fn hanging_webhook(scene: &Scene, short: &str, seconds: u32) -> Self {
        let mut webhook = Self::about(scene, short);
        // Connections are made, and nobody takes them.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("https://{}/", listener.local_addr().expect("its address"));
        webhook.listener = Some(listener);
        webhook.webhook(scene, &url, seconds, 500)
    }

    /// A webhook that denies each ConfigMap with this `Status`, which has a `code`.
    #[must_use]
    pub fn denying_webhook(scene: &Scene, short: &str, status: Value) -> Self {
        let mut denying = Self::about(scene, short);
        let code = status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).expect("a code");
        let webhook = Webhook::denying(scene.plane(), status);
        let url = webhook.url.clone();
        denying.answering = Some(webhook);
        denying.webhook(scene, &url, 30, code)
    }

    /// A quota that allows no ConfigMap more.
    #[must_use]
    pub fn quota(scene: &Scene, short: &str) -> Self {
        let mut quota = Self::about(scene, short);
        let none = json!({ "count/configmaps": "0" });
        for namespace in quota.namespaces.clone() {
            let collection = format!("/api/v1/namespaces/{namespace}/resourcequotas");
            quota.spec(&collection, json!({ "hard": none }));
            // What the quota controller would do.
            let counted = json!({
                "metadata": { "name": quota.name, "namespace": namespace },
                "spec": { "hard": none },
                "status": { "hard": none, "used": none },
            });
            let status = format!("{collection}/{}/status", quota.name);
            quota.plane.client().request(&Method::PUT, &status, Some(&counted)).expect("the quota's status");
        }
        let probe = json!({ "metadata": { "name": "probe" } });
        quota.holds(scene, &probe, |code, answer| code == 403 && answer.contains("exceeded quota"));
        quota
    }

    fn webhook(mut self, scene: &Scene, url: &str, seconds: u32, code: u16) -> Self {
        let hook = json!({
            "name": self.name,
            "clientConfig": { "url": url, "caBundle": BASE64.encode(self.plane.authority()) },
            "rules": constraints(&["CREATE"])["resourceRules"],
            "namespaceSelector": self.selector(),
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "timeoutSeconds": seconds,
            "admissionReviewVersions": ["v1"],
        });
        self.create(&format!("{ADMISSION}/validatingwebhookconfigurations"), json!({ "webhooks": [hook] }));
        let probe = json!({ "metadata": { "name": "probe" } });
        self.holds(scene, &probe, |found, _| found == code);
        self
    }

    /// Its name, which refusals tell.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn about(scene: &Scene, short: &str) -> Self {
        let (plane, start) = (scene.plane(), scene.namespace_name(short));
        let list = plane.client().get("/api/v1/namespaces").expect("the namespaces");
        let names = list["items"].as_array().into_iter().flatten().filter_map(|item| item["metadata"]["name"].as_str());
        let namespaces = names.filter(|name| name.starts_with(&start)).map(str::to_owned).collect();
        Self {
            plane,
            name: format!("{start}.example.com"),
            namespaces,
            paths: Vec::new(),
            listener: None,
            answering: None,
        }
    }

    fn selector(&self) -> Value {
        json!({ "matchExpressions": [
            { "key": "kubernetes.io/metadata.name", "operator": "In", "values": self.namespaces },
        ] })
    }

    /// Makes a policy, and its binding to the namespaces.
    fn bound(&mut self, resource: &str, spec: Value, mut binding: Value) {
        self.spec(&format!("{ADMISSION}/{resource}"), spec);
        binding["policyName"] = json!(self.name);
        binding["matchResources"] = json!({ "namespaceSelector": self.selector() });
        self.spec(&format!("{ADMISSION}/{}", resource.replace("policies", "policybindings")), binding);
    }

    fn spec(&mut self, collection: &str, spec: Value) {
        self.create(collection, json!({ "spec": spec }));
    }

    fn create(&mut self, collection: &str, mut object: Value) {
        object["metadata"] = json!({ "name": self.name });
        self.plane.client().request(&Method::POST, collection, Some(&object)).expect("an obstacle");
        self.paths.insert(0, format!("{collection}/{}", self.name));
    }

    /// The API server takes note of it a moment after it was made.
    fn holds(&self, scene: &Scene, probe: &Value, shows: impl Fn(u16, &str) -> bool) {
        for namespace in &self.namespaces {
            let path = format!("/api/v1/namespaces/{namespace}/configmaps?dryRun=All");
            scene.until(&format!("{} holds in {namespace}", self.name), || {
                let (code, answer) = self.plane.client().send(&Method::POST, &path, Some(probe)).expect("an answer");
                shows(code, &answer).then_some(())
            });
        }
    }
}

impl Drop for Obstacle {
    fn drop(&mut self) {
        for path in &self.paths {
            drop(self.plane.client().send(&Method::DELETE, path, None));
        }
    }
}

/// ConfigMaps, and what is done to them.
fn constraints(operations: &[&str]) -> Value {
    let rule = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": operations, "resources": ["configmaps"],
    });
    json!({ "resourceRules": [rule] })
}
