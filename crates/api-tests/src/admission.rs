//! What an administrator puts between the controller and what it writes: policies, and a webhook that is away. Each is about ConfigMaps in
//! the namespaces of a scene whose short names begin alike, holds when it is answered, and ends when it is dropped.

use http::Method;
use k8s_replicator_testenv::ControlPlane;
use serde_json::{Value, json};

use crate::Scene;

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// A policy, or a webhook that is away, about ConfigMaps in the namespaces of a scene whose short names begin alike. Dropping it ends it.
pub struct Obstacle {
    plane: &'static ControlPlane,
    name: String,
    namespaces: Vec<String>,
    /// The paths of what was made, the last first.
    paths: Vec<String>,
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
        let mut webhook = Self::about(scene, short);
        let hook = json!({
            "name": webhook.name,
            // Nobody listens there.
            "clientConfig": { "url": "https://127.0.0.1:1/" },
            "rules": constraints(&["CREATE"])["resourceRules"],
            "namespaceSelector": webhook.selector(),
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "timeoutSeconds": 1,
            "admissionReviewVersions": ["v1"],
        });
        webhook.create(&format!("{ADMISSION}/validatingwebhookconfigurations"), json!({ "webhooks": [hook] }));
        let probe = json!({ "metadata": { "name": "probe" } });
        webhook.holds(scene, &probe, |code, _| code == 500);
        webhook
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
        Self { plane, name: format!("{start}.example.com"), namespaces, paths: Vec::new() }
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
