//! The chart, rendered by helm and put into the control plane.

use std::sync::OnceLock;

use http::Method;
use k8s_replicator_testenv::{ControlPlane, Helm, User};
use serde_json::{Value, json};

/// The namespace of the [`installed`] chart, and its release name.
pub(crate) const NAMESPACE: &str = "replicator-system";
const RELEASE: &str = "k8s-replicator";

/// helm, found or built once in each process.
pub fn helm() -> &'static Helm {
    static HELM: OnceLock<Helm> = OnceLock::new();
    HELM.get_or_init(|| Helm::new().expect("helm"))
}

/// The objects that the chart makes of some values.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// As helm would send them.
    pub objects: Vec<Value>,
}

/// Renders the chart. `values`: helm's arguments.
///
/// # Errors
/// When helm refuses, with its words.
pub fn try_render(namespace: &str, values: &[&str]) -> Result<Rendered, String> {
    let yaml = helm().template(RELEASE, namespace, values).map_err(|error| format!("{error:#}"))?;
    Ok(Rendered::of_yaml(&yaml))
}

/// Renders the chart with values that it takes.
#[must_use]
pub fn render(namespace: &str, values: &[&str]) -> Rendered {
    try_render(namespace, values).unwrap_or_else(|error| panic!("{error}"))
}

impl Rendered {
    /// The objects in a text of YAML documents.
    #[must_use]
    pub fn of_yaml(yaml: &str) -> Self {
        let objects: Vec<Value> = serde_saphyr::from_multiple(yaml).expect("YAML");
        Self { objects: objects.into_iter().filter(|object| !object.is_null()).collect() }
    }

    /// The objects of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    /// The arguments of the Deployment's container.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let container = &self.deployment()["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["command"], json!(["/k8s-replicator"]));
        let arguments = container["args"].as_array().expect("arguments");
        arguments.iter().map(|argument| argument.as_str().expect("a text").to_owned()).collect()
    }

    /// The Deployment.
    #[must_use]
    pub fn deployment(&self) -> &Value {
        self.of_kind("Deployment").next().expect("a Deployment")
    }

    /// The account that the Deployment's pods have: namespace and name.
    #[must_use]
    pub fn account(&self) -> (String, String) {
        let deployment = self.deployment();
        let text = |pointer| deployment.pointer(pointer).and_then(Value::as_str).expect("a text").to_owned();
        (text("/metadata/namespace"), text("/spec/template/spec/serviceAccountName"))
    }

    /// Makes the account and its roles, and lets the account in by a new token.
    #[must_use]
    pub fn grant(&self, plane: &ControlPlane) -> User {
        for object in &self.objects {
            let kind = object["kind"].as_str().unwrap_or_default();
            if kind == "ServiceAccount" || kind.contains("Role") {
                let path = collection(object);
                plane.client().request(&Method::POST, &path, Some(object)).expect("the server takes it");
            }
        }
        let (namespace, name) = self.account();
        plane.service_account(&namespace, &name).expect("a token")
    }
}

/// Where an object is created.
#[must_use]
pub fn collection(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
    let plural = match kind.as_str() {
        "NetworkPolicy" => "networkpolicies".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
        None => format!("{root}/{plural}"),
    }
}

/// The account of the chart as `helm install` installed it, once in each process, by a new token.
#[must_use]
pub fn installed_account(plane: &ControlPlane) -> User {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        install(plane, RELEASE, NAMESPACE, &["--create-namespace"]);
    });
    plane.service_account(NAMESPACE, RELEASE).expect("the chart's account has a token")
}

/// Installs the chart, or upgrades what is there by this name. Answers what helm said.
pub fn install(plane: &ControlPlane, release: &str, namespace: &str, values: &[&str]) -> String {
    let chart = k8s_replicator_testenv::chart();
    let chart = chart.to_str().expect("a path of text");
    let mut arguments = vec!["upgrade", "--install", release, chart, "--namespace", namespace];
    arguments.extend(values);
    let said = helm().run(Some(plane.kubeconfig()), &arguments).expect("helm runs");
    assert!(said.success, "helm {}: {}", arguments.join(" "), said.errors);
    said.output
}

/// The chart with what a scene needs: its prefix, a log that can be read, the test's flags behind all others, and `more` values.
pub(crate) fn of_scene(namespace: &str, prefix: Option<&str>, flags: &[&str], more: &[String]) -> Rendered {
    let extra = json!([["--status-address=127.0.0.1:0"].as_slice(), flags].concat());
    let mut values = vec![format!("--set-json=extraArgs={extra}")];
    values.extend(["logFormat=json", "logLevel=debug"].map(|value| format!("--set={value}")));
    values.extend(prefix.map(|prefix| format!("--set=annotationsPrefix={prefix}")));
    values.extend(more.iter().map(|value| format!("--set={value}")));
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    render(namespace, &values)
}
