//! What is read of files, and what is said of what is not.

use k8s_replicator_core::annotations::Dialect;

use super::*;

fn read(text: &str) -> Manifests {
    let dialect = Dialect::new("k8s-replicator/", false);
    let namespace = Namespace::parse("default").unwrap();
    let mut manifests = Manifests::default();
    Reader { dialect: &dialect, namespace: &namespace }.read("a.yaml", text, &mut manifests);
    manifests
}

fn data(manifest: &Manifest) -> Vec<Option<String>> {
    manifest.payload.iter().flat_map(|payload| payload.fields().map(|field| field.map(str::to_owned))).collect()
}

const TWO: &str = "\
# A source, and something else.
apiVersion: v1
kind: Secret
metadata:
  name: tls
  namespace: vault
  labels: {team: red}
  annotations:
    k8s-replicator/replicate-to-namespaces: team-.*
    example.com/other: x
type: example.com/own
stringData:
  b: two
data:
  a: b25l
  b: eHh4
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data: {a: x}
binaryData: {b: eA==}
immutable: true
---
apiVersion: v1
kind: Namespace
metadata:
  name: team-a
  annotations: {k8s-replicator/paused: \"true\"}
";

#[test]
fn objects_with_their_positions() {
    let manifests = read(TWO);
    assert_eq!(manifests.problems, []);
    let [secret, config] = &manifests.objects[..] else { panic!("{manifests:?}") };
    assert_eq!(
        (secret.key.as_str(), secret.type_.as_deref(), secret.has_keys),
        ("vault/tls", Some("example.com/own"), true)
    );
    assert_eq!(data(secret), [Some(r#"{"a":"b25l","b":"dHdv"}"#.to_owned())], "stringData has the last word");
    assert_eq!((secret.place.line, secret.place.column), (5, 9));
    let place = &secret.places["k8s-replicator/replicate-to-namespaces"];
    assert_eq!((&*place.file, place.line, place.column, secret.places.len()), ("a.yaml", 9, 45, 1));
    assert_eq!(place.excerpt.as_ref().unwrap().lines, ["    k8s-replicator/replicate-to-namespaces: team-.*"]);
    assert_eq!((config.key.as_str(), config.immutable, config.place.line), ("default/settings", true, 25));
    assert_eq!(data(config), [Some(r#"{"a":"x"}"#.to_owned()), Some(r#"{"b":"eA=="}"#.to_owned())]);
    assert_eq!(manifests.namespaces.len(), 1);
    assert_eq!(manifests.namespaces[0].places["k8s-replicator/paused"].line, 34);
    assert_eq!(manifests.passed_over, BTreeMap::from([("Deployment".to_owned(), 1)]));
    let shown = format!("{manifests:?}");
    assert!(!shown.contains("b25l") && !shown.contains("dHdv") && !shown.contains("two"), "{shown}");
}

#[test]
fn lists_and_json() {
    let list = r#"{"apiVersion":"v1","kind":"List","items":[
        {"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","annotations":{"k8s-replicator/replicate-to":"b/x"}}},
        {"apiVersion":"v1","kind":"SecretList","items":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"b"}}]}]}
        {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#;
    let manifests = read(list);
    let names: Vec<_> = manifests.objects.iter().map(|object| object.key.name()).collect();
    assert_eq!((names, &manifests.problems[..]), (vec!["a", "b", "c"], &[][..]));
    let place = &manifests.objects[0].places["k8s-replicator/replicate-to"];
    assert_eq!((place.line, place.column), (2, 112));
    assert!(!place.excerpt.as_ref().unwrap().lines[0].contains("kind"), "nothing beside it");
    assert!(manifests.objects[0].payload.is_none());
}

/// Each is a problem with its position, and the object after it is read.
#[test]
fn what_cannot_be_read_leaves_the_rest_alone() {
    let secret = |rest: &str| format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n{rest}");
    let cases: Vec<(String, &str, usize, &str)> = vec![
        ("a: b: c\n".to_owned(), UNREADABLE, 1, "map"),
        ("- x\n- y\n".to_owned(), UNREADABLE, 1, "it is not an object"),
        ("{{ if .Values.x }}\nkind: Secret\n{{ end }}\n".to_owned(), UNREADABLE, 2, ""),
        (secret("  annotations:\n    k8s-replicator/replication-allowed: true\n"), NOT_ACCEPTED, 6, "is not a text"),
        (secret("  annotations: [a]\n"), NOT_ACCEPTED, 5, "annotations are not a map"),
        (secret("  annotations:\n    x: {a: b}\n"), NOT_ACCEPTED, 6, "a list or a map"),
        (secret("data:\n  a: \"hunter2!\"\n"), NOT_ACCEPTED, 6, "data.a is not base64"),
        (secret("data:\n  a: 12\n"), NOT_ACCEPTED, 6, "data.a is not a text"),
        (secret("type: kubernetes.io/tls\ndata: {tls.crt: eA==}\n"), NOT_ACCEPTED, 1, "needs the key \"tls.key\""),
        (secret("immutable: maybe\n"), NOT_ACCEPTED, 5, "not a boolean"),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {namespace: x}\n".to_owned(),
            NOT_ACCEPTED,
            1,
            "metadata.name is missing",
        ),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: X_y}\n".to_owned(),
            NOT_ACCEPTED,
            1,
            "not a legal object name",
        ),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: {{ x }}}\n".to_owned(), NOT_ACCEPTED, 3, "a list or a map"),
    ];
    for (text, code, line, message) in cases {
        let manifests = read(&format!("{text}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: next}}\n"));
        let [problem] = &manifests.problems[..] else { panic!("{text}: {:?}", manifests.problems) };
        assert_eq!((problem.code, problem.place.line), (code, line), "{text}: {problem:?}");
        assert!(problem.message.contains(message), "{text}: {problem:?}");
        assert_eq!(
            problem.help.as_ref().is_some_and(|help| help.contains("template")),
            text.contains("{{"),
            "{problem:?}"
        );
        assert!(!format!("{problem:?}").contains("hunter2"));
        assert_eq!(manifests.objects.iter().map(|object| object.key.name()).collect::<Vec<_>>(), ["next"], "{text}");
    }
}

/// What tools take for other kinds is no problem of this program's.
#[test]
fn what_is_passed_over() {
    let manifests = read(
        "replicas: 3\n---\napiVersion: v2\nkind: Secret\n---\napiVersion: v1\nkind: Secret\nmetadata: {generateName: x-}\n",
    );
    assert_eq!(manifests.problems, []);
    let found: Vec<_> = manifests.passed_over.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(found, [("(no kind)", 1), ("Secret", 1), ("Secret with generateName", 1)]);
}

#[test]
fn anchors_and_block_scalars() {
    let text = "\
apiVersion: v1
kind: Secret
metadata:
  name: a
  annotations: &notes
    k8s-replicator/replicate-to-namespaces: |
      a,
      b
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: b, annotations: &ours {k8s-replicator/replication-allowed: \"true\"}}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: c, annotations: *ours}
";
    let manifests = read(text);
    assert_eq!(manifests.problems, []);
    let [a, b, c] = &manifests.objects[..] else { panic!("{manifests:?}") };
    assert_eq!(a.annotations["k8s-replicator/replicate-to-namespaces"], "a,\nb\n");
    let place = &a.places["k8s-replicator/replicate-to-namespaces"];
    assert_eq!((place.line, place.excerpt.as_ref().unwrap().lines.len()), (6, 3));
    assert_eq!((&b.annotations, &b.places), (&c.annotations, &c.places), "both stand where the anchor is");
}
