//! Issue 5: installing the chart, and the upgrade from v1.3.0's installation with its old values.

use std::path::{Path, PathBuf};

use http::Method;
use k8s_replicator_api_tests::chart::{helm, install};
use k8s_replicator_testenv::ControlPlane;
use serde_json::{Value, json};

/// A values file as v1.3.0's README led to it.
const OLD_VALUES: &str = r#"
allowAll: true
ignoreUnknown: false
resyncPeriod: "15m"
runReplicators: [configMap, secret]
annotationsPrefix: "replicator.example.com"
createWithLabels: "team=platform,made=here"
image:
  repository: registry.example.com/k8s-replicator
  tag:
  pullPolicy: Always
nameOverride: ""
fullnameOverride: ""
serviceAccount:
  create: true
  name:
deployment:
  annotations: {reloader: "true"}
pod:
  annotations: {"prometheus.io/scrape": "false"}
resources:
  limits: {cpu: 100m, memory: 128Mi}
  requests: {cpu: 100m, memory: 128Mi}
nodeSelector: {disk: ssd}
tolerations: []
affinity: {}
"#;

/// A folder for this test's files. What lies there is small, and in cargo's own folder for such.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("templates")).expect("a folder");
    folder
}

fn get(plane: &ControlPlane, path: &str) -> Value {
    plane.client().get(path).unwrap_or_else(|error| panic!("{path}: {error:#}"))
}

/// What v1.3.0's chart made, by its names, labels and selector (facts of its templates), as a chart, so that helm knows it.
fn old_chart(name: &str) -> PathBuf {
    let folder = folder(name);
    let labels = "{app.kubernetes.io/name: k8s-replicator, app.kubernetes.io/instance: '{{ .Release.Name }}'}";
    let objects = format!(
        "apiVersion: v1
kind: ServiceAccount
metadata: {{name: k8s-replicator, labels: {labels}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: k8s-replicator, labels: {labels}}}
rules:
- {{apiGroups: [''], resources: [secrets, configmaps], verbs: [get, watch, list, create, update, delete]}}
- {{apiGroups: [''], resources: [namespaces], verbs: [get, watch, list]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: k8s-replicator, labels: {labels}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: k8s-replicator}}
subjects: [{{kind: ServiceAccount, name: k8s-replicator, namespace: '{{{{ .Release.Namespace }}}}'}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: k8s-replicator, labels: {labels}}}
spec:
  replicas: 1
  selector: {{matchLabels: {labels}}}
  template:
    metadata: {{labels: {labels}}}
    spec:
      serviceAccountName: k8s-replicator
      containers:
      - name: replicator
        image: olliai/k8s-replicator:v1.3.0
        command: [/k8s-replicator, --annotations-prefix, replicator.example.com/]
        ports: [{{name: health, containerPort: 9102}}]
"
    );
    std::fs::write(folder.join("Chart.yaml"), "apiVersion: v1\nname: k8s-replicator\nversion: 1.3.0\n")
        .expect("a file");
    std::fs::write(folder.join("templates/all.yaml"), objects).expect("a file");
    folder
}

/// The same account, role and Deployment go on (their uids stay), with the new program, its rights and the old settings.
#[test]
fn helm_upgrade_with_the_old_values() {
    // A control plane of its own: the objects of the cluster's scope have the names that users know.
    let plane = &ControlPlane::start(Default::default()).expect("a control plane");
    let values = folder("old-values").join("values.yaml");
    std::fs::write(&values, OLD_VALUES).expect("a file");
    let (old, values) = (old_chart("old-chart"), values.to_str().expect("a path of text"));
    let old = old.to_str().expect("a path of text");
    let arguments = ["install", "k8s-replicator", old, "--namespace", "replication", "--create-namespace"];
    let said = helm().run(Some(plane.kubeconfig()), &arguments).expect("helm runs");
    assert!(said.success, "{}", said.errors);

    let paths = [
        "/api/v1/namespaces/replication/serviceaccounts/k8s-replicator",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/k8s-replicator",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/k8s-replicator",
        "/apis/apps/v1/namespaces/replication/deployments/k8s-replicator",
    ];
    let uids = || paths.map(|path| get(plane, path)["metadata"]["uid"].clone());
    let before = uids();
    let notes = install(plane, "k8s-replicator", "replication", &["--values", values]);
    assert_eq!(uids(), before, "upgraded, not made again");
    for words in [
        "as their annotations ask, in all namespaces",
        "kubectl -n replication rollout status deployment/k8s-replicator",
        "replicator.example.com/replicate-to-namespaces",
    ] {
        assert!(notes.contains(words), "{words:?} is not in the notes: {notes}");
    }

    let deployment = get(plane, paths[3]);
    assert_eq!(deployment["metadata"]["annotations"]["reloader"], "true");
    let pod = &deployment["spec"]["template"];
    assert_eq!(pod["metadata"]["annotations"]["prometheus.io/scrape"], "false");
    assert_eq!(pod["spec"]["nodeSelector"], json!({ "disk": "ssd" }));
    let container = &pod["spec"]["containers"][0];
    let image = format!("registry.example.com/k8s-replicator:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!((&container["image"], &container["imagePullPolicy"]), (&json!(image), &json!("Always")));
    assert_eq!(container["resources"]["limits"], json!({ "cpu": "100m", "memory": "128Mi" }));
    let arguments = container["args"].to_string();
    for flag in [
        "--annotations-prefix=replicator.example.com",
        "--run-replicators=configMap,secret",
        "--resync-period=15m",
        "--allow-all",
        "--create-with-labels=team=platform,made=here",
    ] {
        assert!(arguments.contains(&format!("{flag:?}")), "{flag} is not in {arguments}");
    }
    assert!(!arguments.contains("ignore-unknown"));
    let verbs = get(plane, paths[1])["rules"].clone();
    assert!(verbs.to_string().contains("patch") && !verbs.to_string().contains("update"), "{verbs}");

    // A second upgrade, to Roles: the ClusterRole goes.
    let scoped =
        ["--values", values, "--set", "rbac.scope=namespaces", "--set", "rbac.namespaces={default,replication}"];
    let notes = install(plane, "k8s-replicator", "replication", &scoped);
    assert!(notes.contains("in the namespaces default, replication, and nothing outside of them"), "{notes}");
    assert_eq!(plane.client().send(&Method::GET, paths[1], None).expect("an answer").0, 404);
    for namespace in ["default", "replication"] {
        get(plane, &format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/k8s-replicator"));
    }
    // And one without roles, which says what they would have to be.
    let notes = install(plane, "k8s-replicator", "replication", &["--values", values, "--set", "rbac.create=false"]);
    assert!(notes.contains("No roles were made") && notes.contains("secrets and configmaps"), "{notes}");
}

/// The plain manifests, applied over v1.3.0's, whose selector cannot be changed.
#[test]
fn kubectl_apply_over_the_old_manifests() {
    let plane = &ControlPlane::start(Default::default()).expect("a control plane");
    let kubectl = k8s_replicator_testenv::assets::find_or_build().expect("kubectl").join("kubectl");
    let apply = |file: &Path| {
        let mut command = std::process::Command::new(&kubectl);
        command.args(["apply", "--filename"]).arg(file).env("KUBECONFIG", plane.kubeconfig());
        let output = command.env("KUBECACHEDIR", plane.dir().join("cache")).output().expect("kubectl runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    };
    let old = folder("old-manifests").join("deployment.yaml");
    let deployment = "apiVersion: apps/v1
kind: Deployment
metadata: {name: k8s-replicator, namespace: kube-system}
spec:
  replicas: 1
  selector: {matchLabels: {app: k8s-replicator}}
  template:
    metadata: {labels: {app: k8s-replicator}}
    spec:
      serviceAccountName: k8s-replicator
      containers:
      - name: replicator
        image: olliai/k8s-replicator:latest
        command: [/k8s-replicator]
        resources: {limits: {cpu: 100m, memory: 256Mi}, requests: {cpu: 100m, memory: 256Mi}}
";
    std::fs::write(&old, deployment).expect("a file");
    apply(&old);
    let deploy = k8s_replicator_testenv::chart().join("../..");
    apply(&deploy.join("rbac.yaml"));
    let said = apply(&deploy.join("deployment.yaml"));
    assert!(said.contains("deployment.apps/k8s-replicator configured"), "{said}");
    assert!(apply(&deploy.join("deployment.yaml")).contains("unchanged"));
}
