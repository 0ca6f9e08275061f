//! What is drawn of plans.

use std::collections::{BTreeMap, HashMap};

use k8s_replicator_core::names::Namespace;
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::Observed;
use k8s_replicator_plan::{Cluster as Seen, Manifests, Object, Question, Reader, Report, plan};
use serde_json::json;

use super::*;
use crate::snapshots::Snapshots;

/// One of each: changes, problems of manifests and of what they ask for, advice, and what comes later.
const MIXED: &str = r#"# Shared by all teams.
apiVersion: v1
kind: Namespace
metadata: {name: team-a}
---
apiVersion: v1
kind: Namespace
metadata: {name: team-b}
---
apiVersion: v1
kind: Secret
metadata:
  name: ca
  namespace: vault
  annotations:
    k8s-replicator/replicate-to-namespaces: team-.*,late
stringData:
  ca.crt: hunter2
---
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
  annotations:
    k8s-replicator/replicate-from: vault/db
---
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: vault
data:
  a: aHVudGVyMg==
---
apiVersion: v1
kind: Secret
metadata:
  name: cert
  namespace: shop
  annotations:
    k8s-replicator/replicate-from: vault/cert
type: kubernetes.io/tls
data: {tls.crt: "", tls.key: ""}
---
apiVersion: v1
kind: Secret
metadata:
  name: cert
  namespace: vault
  annotations: {k8s-replicator/replication-allowed-namespaces: "team-*"}
type: kubernetes.io/tls
stringData: {tls.crt: hunter2, tls.key: hunter2}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: shop
  annotations:
    k8s-replicator/replicate-too: team-a/settings
data: {a: b}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: typed
  annotations:
    k8s-replicator/replication-allowed: true
---
kind: {{ .Values.kind
"#;

fn read(text: &str) -> (Manifests, Flags) {
    let flags = planner_flags(&named("flags", "").unwrap());
    let namespace = Namespace::parse("default").unwrap();
    let mut manifests = Manifests::default();
    Reader { dialect: &flags.dialect, namespace: &namespace }.read("deploy/secrets.yaml", text, &mut manifests);
    (manifests, flags)
}

fn question<'a>(manifests: &'a Manifests, flags: &'a Flags) -> Question<'a> {
    Question { manifests, deletes: false, cluster: None, namespaces: BTreeSet::new(), flags_now: None, flags }
}

fn mixed() -> Report {
    let (manifests, flags) = read(MIXED);
    plan(question(&manifests, &flags))
}

/// An edit of a source that has 214 replicas, and one replica that is behind.
fn wide() -> Report {
    let text = "\
apiVersion: v1
kind: Secret
metadata:
  name: ca
  namespace: vault
  annotations:
    k8s-replicator/replicate-to-namespaces: team-[0-9]
";
    let (manifests, flags) = read(text);
    let metadata = |namespace: &str, version: u64, notes: serde_json::Value| {
        let owned = json!({ "manager": "k8s-replicator", "operation": "Update", "fieldsV1": { "f:data": { "f:ca.crt": {} },
            "f:metadata": { "f:annotations": { "f:k8s-replicator/replicated-by": {} } } } });
        let json = json!({ "metadata": { "namespace": namespace, "name": "ca", "uid": namespace, "resourceVersion": version.to_string(),
            "creationTimestamp": "2026-01-01T00:00:00Z", "annotations": notes, "managedFields": [owned] } });
        Object::seen(Observed::from_json(&json.to_string(), &flags.dialect).unwrap(), &flags.dialect)
    };
    let names: Vec<String> = (0..217).map(|n| format!("team-{n}")).collect();
    let replica = |name: &String| {
        let version = if name == "team-3" { "6" } else { "7" };
        metadata(
            name,
            8,
            json!({ "k8s-replicator/replicated-by": "vault/ca", "k8s-replicator/replicated-from-version": version }),
        )
    };
    let mut objects: Vec<Object> = names.iter().filter(|name| *name != "team-4").map(replica).collect();
    objects.push(metadata("vault", 7, json!({ "k8s-replicator/replicate-to-namespaces": "team-.*" })));
    let mut namespaces: BTreeMap<_, _> = names.iter().map(|name| (name.clone(), NamespaceFacts::default())).collect();
    namespaces.insert("vault".to_owned(), NamespaceFacts::default());
    let cluster = Seen { namespaces, objects: HashMap::from([("Secret", objects)]) };
    let mut report = plan(Question { cluster: Some(cluster), ..question(&manifests, &flags) });
    report.notes.push("You may not list Deployments.".to_owned());
    report
}

fn nothing() -> Report {
    let (manifests, flags) = read("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\n");
    plan(question(&manifests, &flags))
}

#[test]
fn outputs_are_as_they_were_looked_at() {
    let mut snapshots = Snapshots::of("plan");
    for (name, report) in [("mixed", mixed()), ("wide", wide()), ("nothing", nothing())] {
        let draw = |output, paper| {
            let drawn = draw(&report, output, paper).unwrap();
            assert!(!drawn.contains("hunter2") && !drawn.contains("aHVudGVyMg"), "{drawn}");
            drawn
        };
        snapshots.text(name, |paper| draw(Output::Table, paper));
        snapshots.file(&format!("{name}.md"), &draw(Output::Markdown, Paper::default()));
        snapshots.file(&format!("{name}.github.txt"), &draw(Output::Github, Paper::default()));
        if name != "wide" {
            snapshots.file(&format!("{name}.json"), &draw(Output::Json, Paper::default()));
            snapshots.file(&format!("{name}.yaml"), &draw(Output::Yaml, Paper::default()));
        }
    }
    snapshots.check();
}

/// YAML says the same as JSON.
#[test]
fn yaml_is_the_json() {
    let report = mixed();
    let yaml: serde_json::Value =
        serde_saphyr::from_str(&draw(&report, Output::Yaml, Paper::default()).unwrap()).unwrap();
    assert_eq!(yaml, json::value(&report));
}
