//! Manifests in, what is planned out: each rule of how a plan is put together, case by case. What is decided, and why, is tested
//! where it is decided.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::Rules;
use k8s_replicator_core::kind::{self, Secret};
use k8s_replicator_core::names::Namespace;
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::Observed;
use k8s_replicator_core::scope::Scope;
use k8s_replicator_plan::planner::Flags;
use k8s_replicator_plan::{Cluster, Level, Manifests, Object, Question, Reader, Report, plan};
use serde_json::json;

fn flags() -> Flags {
    let rules = Rules { removal_delay: Duration::from_secs(5), ..Rules::default() };
    Flags { dialect: Dialect::new("k8s-replicator/", false), rules, scope: Scope::Cluster, kinds: kind::ALL.to_vec() }
}

fn read(text: &str) -> Manifests {
    let (flags, namespace) = (flags(), Namespace::parse("default").unwrap());
    let mut manifests = Manifests::default();
    Reader { dialect: &flags.dialect, namespace: &namespace }.read("m.yaml", text, &mut manifests);
    assert_eq!(manifests.problems, []);
    manifests
}

/// A Secret in one line: its name, annotations and data, and its type.
fn secret(key: &str, notes: &[(&str, &str)], data: &str) -> String {
    let (namespace, name) = key.split_once('/').unwrap();
    let notes: Vec<_> = notes.iter().map(|(name, value)| format!("k8s-replicator/{name}: '{value}'")).collect();
    let notes = notes.join(", ");
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}, annotations: {{{notes}}}}}\n{data}\n"
    )
}

/// In one line each: changes, and then what is said.
fn said(report: &Report) -> Vec<String> {
    let source = |source: &Option<_>| {
        source.as_ref().map(|it: &k8s_replicator_core::names::Key| format!(" < {it}")).unwrap_or_default()
    };
    let lines = report.lines.iter().map(|line| {
        let after = line.after.map(|after| format!(" after {after:?}")).unwrap_or_default();
        let read = if line.would_read { " ?" } else { "" };
        format!("{} {}{} {}{after}{read}", line.effect.word(), line.target, source(&line.source), line.reason)
    });
    let findings = report.findings.iter().map(|finding| {
        let word = match finding.level {
            Level::Problem => "problem",
            Level::Advice => "advice",
            Level::Wait => "later",
        };
        let line = finding.place.as_ref().map(|place| format!(" @{}", place.line)).unwrap_or_default();
        format!("{word} {}{} {}{line}", finding.object, source(&finding.source), finding.reason)
    });
    lines.chain(findings).collect()
}

fn question<'a>(manifests: &'a Manifests, flags: &'a Flags) -> Question<'a> {
    Question {
        manifests,
        deletes: false,
        cluster: None,
        namespaces: ["b", "c"].map(str::to_owned).into(),
        flags_now: None,
        flags,
    }
}

#[test]
fn manifests_alone() {
    let push = secret("a/s", &[("replicate-to-namespaces", "b,c,late")], "stringData: {k: v}");
    let pull = secret("b/t", &[("replicate-from", "a/s")], "");
    let gives = secret("a/s", &[("replication-allowed", "true")], "stringData: {k: v}");
    let chain = secret("c/u", &[("replicate-from", "b/t")], "");
    let middle = secret("b/t", &[("replicate-from", "a/s"), ("replication-allowed", "true")], "");
    let combined = secret("b/m", &[("replicate-from", "a/s"), ("replicate-to", "c/x")], "");
    let stub = secret("b/t", &[("replicate-from", "a/s")], "type: kubernetes.io/tls\ndata: {tls.crt: '', tls.key: ''}");
    let cases: Vec<(&str, Vec<String>, &[&str])> = vec![
        (
            "a push",
            vec![push.clone()],
            &["create b/s < a/s NewTarget", "create c/s < a/s NewTarget", "later late/s < a/s NamespaceMissing @4"],
        ),
        ("a pull before its source", vec![pull.clone(), gives.clone()], &["update b/t < a/s FirstCopy"]),
        (
            "a pull without consent",
            vec![pull.clone(), secret("a/s", &[], "")],
            &["problem b/t < a/s ConsentMissing @4"],
        ),
        ("a pull of what is elsewhere", vec![pull.clone()], &["later b/t < a/s SourceMissing @4"]),
        (
            "a chain, in one go",
            vec![chain, middle, gives.clone()],
            &["update b/t < a/s FirstCopy", "update c/u < b/t FirstCopy"],
        ),
        ("a combined object", vec![combined, gives.clone()], &["create c/x < b/m NewTarget"]),
        (
            "a stub with keys, whose source lacks them",
            vec![stub, gives],
            &["problem b/t < a/s Invalid @4", "advice b/t StubWillConflict @4"],
        ),
        (
            "two that push to one name: the first is quicker",
            vec![secret("a/z", &[("replicate-to", "b/s")], ""), secret("a/s", &[("replicate-to", "b/s")], "")],
            &["create b/s < a/z NewTarget", "problem b/s < a/s AnotherSourceWins @9"],
        ),
        (
            "a name that is taken",
            vec![secret("b/s", &[], ""), push],
            &[
                "create c/s < a/s NewTarget",
                "problem b/s < a/s NotCreatedBySource @9",
                "later late/s < a/s NamespaceMissing @9",
            ],
        ),
        ("ill-formed", vec![secret("a/s", &[("replicate-to", "a/b/c")], "")], &["problem a/s IllFormed @4"]),
        (
            "a glob",
            vec![secret("a/s", &[("replicate-to-namespaces", "c,team-*")], "")],
            &["create c/s < a/s NewTarget", "advice a/s LooksLikeGlob @4"],
        ),
    ];
    for (name, manifests, expected) in cases {
        let manifests = read(&manifests.concat());
        let report = plan(question(&manifests, &flags()));
        assert_eq!(said(&report), expected, "{name}");
    }
}

/// Kinds never mix, and each has its own line.
#[test]
fn both_kinds_and_namespaces() {
    let text = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: s, namespace: a, annotations: {k8s-replicator/replicate-to-namespaces: 'team-.*'}}
data: {k: v}
---
apiVersion: v1
kind: Namespace
metadata: {name: team-a, annotations: {k8s-replicator/accept-replicas-from: '-'}}
---
apiVersion: v1
kind: Namespace
metadata: {name: team-b}
---
apiVersion: v1
kind: Namespace
metadata: {name: team-c, annotations: {k8s-replicator/accept-replicas-from: '('}}
";
    let manifests = read(text);
    let report = plan(question(&manifests, &flags()));
    let expected = [
        "create team-b/s < a/s NewTarget",
        "problem team-a/s < a/s NotAccepted @3",
        "problem team-c/s < a/s NamespaceIllFormed @3",
        "problem team-c NamespaceIllFormed @16",
    ];
    assert_eq!(said(&report), expected);
    assert_eq!(report.lines[0].kind, "ConfigMap");
    assert_eq!(report.assumed_namespaces.iter().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn deletion_and_other_flags() {
    let texts = [
        secret("a/s", &[("replicate-to-namespaces", "b")], "stringData: {k: v}"),
        secret("a/t", &[("replicate-to-namespaces", "c"), ("removal-delay", "1h")], "stringData: {k: v}"),
    ];
    let manifests = read(&texts.concat());
    let report = plan(Question { deletes: true, ..question(&manifests, &flags()) });
    // The longer delay is inherited.
    assert_eq!(
        said(&report),
        ["delete b/s < a/s SourceMissing after 5s", "delete c/t < a/t SourceMissing after 3600s"]
    );

    let strict = Flags { rules: Rules { require_acceptance: true, ..flags().rules }, ..flags() };
    let (now, none) = (flags(), Flags { kinds: vec![&kind::ConfigMap], ..flags() });
    let report = plan(Question { flags_now: Some(&now), ..question(&manifests, &strict) });
    assert_eq!(said(&report), ["delete b/s < a/s NotAccepted", "delete c/t < a/t NotAccepted"]);
    let report = plan(Question { flags_now: Some(&now), ..question(&manifests, &none) });
    assert_eq!(said(&report), [""; 0], "who does not replicate a kind leaves it alone");
}

fn of_cluster(objects: Vec<Object>) -> Cluster {
    let namespaces = ["a", "b", "c"].map(|name| (name.to_owned(), NamespaceFacts::default()));
    Cluster { namespaces: BTreeMap::from(namespaces), objects: HashMap::from([("Secret", objects)]) }
}

fn metadata(key: &str, version: u64, notes: &[(&str, &str)]) -> serde_json::Value {
    let (namespace, name) = key.split_once('/').unwrap();
    let notes: BTreeMap<String, &str> =
        notes.iter().map(|(name, value)| (format!("k8s-replicator/{name}"), *value)).collect();
    let fields =
        json!({ "f:data": { "f:k": {} }, "f:metadata": { "f:annotations": { "f:k8s-replicator/replicated-by": {} } } });
    let is_replica = notes.keys().any(|name| name.contains("replicated-"));
    let manager = if is_replica { "k8s-replicator" } else { "kubectl" };
    json!({ "metadata": { "namespace": namespace, "name": name, "uid": format!("u-{key}"), "resourceVersion": version.to_string(),
        "creationTimestamp": "2026-01-01T00:00:00Z", "annotations": notes,
        "managedFields": [{ "manager": manager, "operation": "Update", "fieldsV1": fields }] } })
}

fn seen(key: &str, version: u64, notes: &[(&str, &str)]) -> Object {
    let dialect = flags().dialect;
    Object::seen(Observed::from_json(&metadata(key, version, notes).to_string(), &dialect).unwrap(), &dialect)
}

fn whole(key: &str, version: u64, notes: &[(&str, &str)], applied: &[&str], value: &str) -> Object {
    let mut json = metadata(key, version, notes);
    let annotations: BTreeMap<String, &str> =
        applied.iter().map(|name| (format!("k8s-replicator/{name}"), "")).collect();
    let last = json!({ "metadata": { "annotations": annotations }, "data": { "k": "" } });
    json["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = json!(last.to_string());
    json["type"] = json!("Opaque");
    json["data"] = json!({ "k": value });
    Object::read(&json.to_string(), &Secret, &flags().dialect).unwrap()
}

/// Of the replicas only metadata is known: what their annotations say they hold is believed.
#[test]
fn an_edit_of_a_cluster() {
    let replica =
        |key, version: &'static str| seen(key, 8, &[("replicated-by", "a/s"), ("replicated-from-version", version)]);
    let push = [("replicate-to-namespaces", "b,c")];
    let cluster = || {
        let source = whole("a/s", 7, &push, &["replicate-to-namespaces"], "djE=");
        // The replica in c is behind: that has nothing to do with the edit.
        of_cluster(vec![source, replica("b/s", "7"), replica("c/s", "5")])
    };
    let planned = |edit: String| {
        let manifests = read(&edit);
        let report = plan(Question { cluster: Some(cluster()), ..question(&manifests, &flags()) });
        (said(&report), report.pending)
    };
    let edit = |notes: &[(&str, &str)], data: &str| planned(secret("a/s", notes, data));
    assert_eq!(edit(&push, "data: {k: djE=}"), (vec![], 1), "applied again as it is");
    assert_eq!(
        edit(&push, ""),
        (vec!["update b/s < a/s SourceChanged".into(), "update c/s < a/s SourceChanged".into()], 1),
        "its data is taken away"
    );
    assert_eq!(edit(&push, "data: {k: djI=}").0, ["update b/s < a/s SourceChanged", "update c/s < a/s SourceChanged"]);
    let less = [("replicate-to-namespaces", "c")];
    assert_eq!(
        edit(&less, "data: {k: djE=}").0,
        ["delete b/s < a/s SourceStoppedPushing"],
        "the data is the same as before"
    );
    let none = edit(&[], "data: {k: djE=}").0;
    assert_eq!(
        none,
        ["delete b/s < a/s SourceStoppedPushing after 5s", "delete c/s < a/s SourceStoppedPushing after 5s"]
    );
    let consent = [("replicate-to-namespaces", "b,c"), ("replication-allowed", "true")];
    let inherited = edit(&consent, "data: {k: djE=}").0;
    assert_eq!(inherited, ["update b/s < a/s InheritedChanged", "update c/s < a/s InheritedChanged"]);
    // What is elsewhere in the cluster is only read where it matters.
    let pull = planned(secret("c/t", &[("replicate-from", "b/s")], ""));
    assert_eq!(pull.0, ["problem c/t < b/s ConsentMissing @4"]);
    let typed = planned(secret("a/s", &push, "type: example.com/x\ndata: {k: djE=}"));
    assert_eq!(typed.0, [""; 0]);
}

/// Contents that nobody read: the plan says what it takes for granted.
#[test]
fn what_is_not_known_is_said() {
    let source = seen("a/s", 7, &[("replication-allowed", "true")]);
    let cluster = of_cluster(vec![source]);
    let manifests = read(&secret("b/t", &[("replicate-from", "a/s"), ("replicate-keys", "ca.crt")], ""));
    let report = plan(Question { cluster: Some(cluster), ..question(&manifests, &flags()) });
    assert_eq!(said(&report), ["update b/t < a/s FirstCopy ?"]);
}
