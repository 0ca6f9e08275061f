//! Exact outputs, as they are in `snapshots`, on paper of 80 and of 160 columns and for programs. With `UPDATE_SNAPSHOTS=1` they are
//! written anew, to be looked at.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use k8s_replicator_core::names::Namespace;
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::Observed;
use k8s_replicator_plan::{Cluster as Seen, Manifests, Object, Question, Reader, Report, plan};
use serde_json::json;

use super::*;

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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands/plan/snapshots");
    let mut wrong = String::new();
    for (name, report) in [("mixed", mixed()), ("wide", wide()), ("nothing", nothing())] {
        let paper = |width| Paper { width: Some(width), colour: false };
        let outputs = [
            ("80.txt", Output::Table, paper(80)),
            ("160.txt", Output::Table, paper(160)),
            ("md", Output::Markdown, paper(80)),
            ("github.txt", Output::Github, paper(80)),
            ("json", Output::Json, paper(80)),
        ];
        for (end, output, paper) in outputs.into_iter().filter(|(end, ..)| name != "wide" || *end != "json") {
            let drawn = draw(&report, output, paper).unwrap();
            assert!(!drawn.contains("hunter2") && !drawn.contains("aHVudGVyMg"), "{drawn}");
            let file = folder.join(format!("{name}.{end}"));
            if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
                std::fs::write(&file, &drawn).unwrap();
            }
            let expected = std::fs::read_to_string(&file).unwrap_or_default();
            if expected != drawn {
                let _ = write!(wrong, "--- {}\n{drawn}\n", file.display());
            }
            let widest = drawn.lines().map(|line| line.chars().count()).max();
            if output == Output::Table {
                assert!(widest <= paper.width, "{end}: {widest:?}\n{drawn}");
            }
        }
    }
    assert!(wrong.is_empty(), "UPDATE_SNAPSHOTS=1 takes what is drawn now:\n{wrong}");
}

/// YAML says the same as JSON.
#[test]
fn yaml_is_the_json() {
    let report = mixed();
    let yaml: serde_json::Value =
        serde_saphyr::from_str(&draw(&report, Output::Yaml, Paper::default()).unwrap()).unwrap();
    assert_eq!(yaml, json::value(&report));
}

/// Colours say nothing that is not there without them.
#[test]
fn without_its_colours_it_is_the_same() {
    let draw = |colour| draw(&mixed(), Output::Table, Paper { width: Some(100), colour }).unwrap();
    let mut plain = String::new();
    let coloured = draw(true);
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    assert_eq!(plain + rest, draw(false));
}
