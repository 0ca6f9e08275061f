//! Each command, as it is pasted.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::kind::{ConfigMap, Secret};
use crate::namespace::NamespaceFacts;
use crate::observed::Observed;
use crate::scope::{Part, Scope};

/// Objects and namespaces, each with its annotations.
type Objects<'a> = &'a [(&'a str, &'a [(&'a str, &'a str)])];

fn graph(objects: Objects<'_>, dialect: &Dialect) -> Graph {
    let mut graph = Graph::new(&Scope::default());
    graph.begin_part(&Part::Cluster);
    for (name, annotations) in objects {
        let annotations: BTreeMap<String, &str> =
            annotations.iter().map(|(name, value)| (format!("p/{name}"), *value)).collect();
        match name.split_once('/') {
            Some((namespace, name)) => {
                let metadata = json!({
                    "namespace": namespace, "name": name, "uid": "u", "resourceVersion": "1", "annotations": annotations,
                });
                let object = json!({ "metadata": metadata }).to_string();
                drop(graph.observe(Observed::from_json(object.as_bytes(), dialect).unwrap()));
            }
            None => {
                let namespace = json!({ "metadata": { "name": name, "annotations": annotations } }).to_string();
                let (name, facts) = NamespaceFacts::from_json(namespace.as_bytes(), dialect).unwrap();
                drop(graph.observe_namespace(&name, facts));
            }
        }
    }
    graph
}

/// The commands for this reason, about target `b/NAME` and source `a/s`.
fn commands_among(reason: Reason, name: &str, kind: &dyn Kind, objects: Objects<'_>) -> Vec<String> {
    let dialect = Dialect::new("p/", false);
    let graph = graph(objects, &dialect);
    let (target, source) = (Key::new("b", name).unwrap(), SourceKey::from(Key::new("a", "s").unwrap()));
    let (graph, dialect, target, source, controller) =
        (&graph, &dialect, &target, Some(&source), Some("ops/replicator"));
    Change { graph, kind, dialect, target, source, controller }.commands(reason)
}

/// The same where there is the source alone, with these annotations.
fn commands(reason: Reason, name: &str, annotations: &[(&str, &str)]) -> Vec<String> {
    commands_among(reason, name, &Secret, &[("a/s", annotations)])
}

/// A source that pushes under its own name must not lose its replicas by a command that adds another one.
#[test]
fn a_source_that_is_to_push_to_one_more_name_keeps_its_own() {
    let push = |name: &str, annotations: &[_]| commands(Reason::NotWanted, name, annotations).join("\n");
    let by = "kubectl -n a annotate secret s --overwrite";
    for annotations in [[("replicate-to-namespaces", "c")], [("replicate-to-namespace-selector", "stage=prod")]] {
        assert_eq!(push("other", &annotations), format!("{by} p/replicate-to=s,b/other"));
    }
    assert_eq!(push("other", &[("replicate-to", "x,")]), format!("{by} p/replicate-to=x,b/other"));
    assert_eq!(push("other", &[("replication-allowed", "true")]), format!("{by} p/replicate-to=b/other"));
    assert_eq!(push("s", &[("replicate-to-namespaces", "c")]), format!("{by} p/replicate-to-namespaces=c,b"));
    let selected = [("replicate-to-namespace-selector", "stage=prod")];
    assert_eq!(push("s", &selected), format!("{by} p/replicate-to-namespaces=b"));
}

/// Nobody's Secret is opened to all namespaces because one of them asks.
#[test]
fn consent_is_given_to_one_namespace() {
    let by = "kubectl -n a annotate secret s --overwrite";
    let list = "p/replication-allowed-namespaces";
    for (reason, annotations, changes) in [
        (Reason::ConsentMissing, &[][..], format!("{list}=b")),
        (Reason::ConsentRefused, &[("replication-allowed", "false")], format!("p/replication-allowed- {list}=b")),
        (Reason::NamespaceNotAllowed, &[("replication-allowed-namespaces", "c")], format!("{list}=c,b")),
    ] {
        assert_eq!(commands(reason, "t", annotations), [format!("{by} {changes}")], "{reason}");
    }
}

/// Where an item with `!` takes the namespace away, one more item changes nothing: a person chooses what becomes of the exception.
#[test]
fn an_exception_is_edited_and_not_added_to() {
    let edit = ["kubectl -n a edit secret s"];
    let list = [("replication-allowed-namespaces", ".*,!b")];
    for reason in [Reason::ConsentRefused, Reason::NamespaceNotAllowed] {
        assert_eq!(commands(reason, "t", &list), edit, "{reason}");
    }
    assert_eq!(commands(Reason::NamespaceNotAllowed, "t", &[("replication-allowed-namespaces", "c, ! [ab]")]), edit);
    assert_eq!(commands(Reason::NotWanted, "s", &[("replicate-to-namespaces", ".*,!b")]), edit);
    let accepts = |list| commands_among(Reason::NotAccepted, "t", &Secret, &[("b", &[("accept-replicas-from", list)])]);
    assert_eq!(accepts(".*,!a"), ["kubectl edit namespace b"]);
    // The exception of another namespace stays.
    let by = "kubectl -n a annotate secret s --overwrite";
    assert_eq!(
        commands(Reason::NamespaceNotAllowed, "t", &[("replication-allowed-namespaces", "c,!d")]),
        [format!("{by} 'p/replication-allowed-namespaces=c,!d,b'")]
    );
    assert_eq!(accepts("c,!d"), ["kubectl annotate --overwrite namespace b 'p/accept-replicas-from=c,!d,a'"]);
    // A target that is named in full is not narrowed by the namespaces.
    assert_eq!(
        commands(Reason::NotWanted, "other", &[("replicate-to-namespaces", "c,!b")]),
        [format!("{by} p/replicate-to=s,b/other")]
    );
    // Of a chain, each by its own list.
    let objects: Objects<'_> = &[
        ("b", &[]),
        ("b/t", &[("replicate-from", "a/s")]),
        ("a/s", &[("replicate-from", "a/m"), ("replication-allowed-namespaces", ".*,!b")]),
        ("a/m", &[("replication-allowed-namespaces", "c")]),
    ];
    assert_eq!(
        commands_among(Reason::ChainNotAllowed, "t", &Secret, objects),
        [
            edit[0].to_owned(),
            "kubectl -n a annotate secret m --overwrite p/replication-allowed-namespaces=c,b".to_owned()
        ]
    );
}

#[test]
fn each_reason_has_its_command() {
    let (edit_target, edit_source) = ("kubectl -n b edit secret t", "kubectl -n a edit secret s");
    let once = "kubectl -n a annotate secret s --overwrite p/replicate-once-version=";
    let accept = "kubectl annotate --overwrite namespace b p/accept-replicas-from=";
    let deployment = "kubectl -n ops edit deployment replicator";
    let managers = "kubectl -n b get secret t -o jsonpath='{.metadata.managedFields[*].manager}'";
    let finalizers = "kubectl -n b get secret t -o jsonpath='{.metadata.finalizers}'";
    let asks = [("replicate-keys", "x"), ("replicate-to", "b/t")];
    let owned = |text: &str, value: &str| format!("{text}{value}");
    let cases: &[(Reason, Objects<'_>, &[&str])] = &[
        (Reason::SourceMissing, &[], &["kubectl -n a create secret generic s --from-file=KEY=FILE"]),
        (Reason::ChainBroken, &[], &["kubectl replicator explain secret a/s"]),
        (Reason::NotAccepted, &[], &[&owned(accept, "a")]),
        (Reason::NotAccepted, &[("b", &[("accept-replicas-from", "-")])], &[&owned(accept, "a")]),
        (Reason::NotAccepted, &[("b", &[("accept-replicas-from", " c, ")])], &[&owned(accept, "c,a")]),
        (Reason::HeldByOnce, &[("a/s", &[])], &[&owned(once, "1")]),
        (Reason::HeldByOnce, &[("a/s", &[("replicate-once-version", " 7")])], &[&owned(once, "8")]),
        (Reason::HeldByOnce, &[("a/s", &[("replicate-once-version", "x")])], &[&owned(once, "x-2")]),
        (
            Reason::Paused,
            &[("b/t", &[("paused", "true")]), ("a/s", &[("paused", "true")]), ("b", &[("paused", "true")])],
            &[
                "kubectl -n b annotate secret t --overwrite p/paused-",
                "kubectl -n a annotate secret s --overwrite p/paused-",
                "kubectl annotate namespace b p/paused-",
            ],
        ),
        (Reason::Paused, &[("b/t", &[("paused", "false")]), ("b", &[])], &[]),
        // A replica of a combined object: what that one pulls from, also before the replica is made; a pulling target's source once.
        (
            Reason::Paused,
            &[
                ("b/t", &[("replicated-by", "a/s"), ("replicate-from", "c/f")]),
                ("a/s", &[("replicate-from", "c/f"), ("replicate-to", "b/t")]),
                ("c/f", &[("paused", "true")]),
            ],
            &["kubectl -n c annotate secret f --overwrite p/paused-"],
        ),
        (
            Reason::Paused,
            &[
                ("a/s", &[("replicate-from", "c/f"), ("replicate-to", "b/t"), ("paused", "true")]),
                ("c/f", &[("paused", "true")]),
            ],
            &[
                "kubectl -n a annotate secret s --overwrite p/paused-",
                "kubectl -n c annotate secret f --overwrite p/paused-",
            ],
        ),
        (
            Reason::Paused,
            &[("b/t", &[("replicate-from", "a/s")]), ("a/s", &[("replicate-from", "c/f"), ("paused", "true")])],
            &["kubectl -n a annotate secret s --overwrite p/paused-"],
        ),
        (Reason::RemovalHeld, &[], &["kubectl replicator approve secret b/t"]),
        (
            Reason::PushesItself,
            &[],
            &["kubectl -n b annotate secret t --overwrite p/replicate-to- p/replicate-to-namespaces- \
               p/replicate-to-namespace-selector-"],
        ),
        (Reason::NamespaceMissing, &[], &["kubectl create namespace b"]),
        (Reason::NotCreatedBySource, &[], &["kubectl -n b delete secret t"]),
        (Reason::NotMadeByController, &[], &["kubectl -n b delete secret t"]),
        (Reason::IllFormed, &[], &[edit_target]),
        (Reason::Loop, &[], &[edit_target]),
        (Reason::SourceIllFormed, &[], &[edit_source]),
        (Reason::SourceIncomplete, &[], &[edit_source]),
        (Reason::NamespaceIllFormed, &[], &["kubectl edit namespace b"]),
        (Reason::KeyMissing, &[("b/t", &[("replicate-from", "a/s"), ("replicate-keys", "x")])], &[edit_target]),
        (Reason::KeyNotAllowed, &[("a/s", &[("replicate-from", "a/x"), ("replicate-keys", "x")])], &[edit_target]),
        (Reason::KeyRequired, &[("a/s", &asks)], &[edit_source]),
        (Reason::NamespaceExcluded, &[], &[deployment]),
        (Reason::SourceNotWatched, &[], &[deployment]),
        (Reason::Contested, &[("b/t", &[("replicated-by", "a/s")])], &[managers]),
        (Reason::Conflict, &[("b/t", &[("replicate-from", "a/s")])], &[managers]),
        (Reason::Conflict, &[], &[]),
        (Reason::BeingDeleted, &[], &[finalizers]),
        (Reason::UpToDate, &[("b/t", &[("replicate-from", "a/s")])], &[]),
    ];
    for (reason, objects, expected) in cases {
        assert_eq!(commands_among(*reason, "t", &Secret, objects), *expected, "{reason} {objects:?}");
    }
    let create = commands_among(Reason::SourceMissing, "t", &ConfigMap, &[]);
    assert_eq!(create, ["kubectl -n a create configmap s --from-file=KEY=FILE"]);
}

/// Each object above the target has to allow its namespace: those that do not are named, and no others.
#[test]
fn the_consent_of_a_chain() {
    let objects: Objects<'_> = &[
        ("b", &[]),
        ("b/t", &[("replicate-from", "a/s")]),
        ("a/s", &[("replicate-from", "a/m"), ("replication-allowed-namespaces", "c")]),
        ("a/m", &[("replicate-from", "a/n"), ("replication-allowed-namespaces", "b")]),
        ("a/n", &[("replicate-from", "a/o"), ("replication-allowed", "true")]),
        ("a/o", &[("replication-allowed", "false")]),
    ];
    let list = "p/replication-allowed-namespaces";
    assert_eq!(
        commands_among(Reason::ChainNotAllowed, "t", &Secret, objects),
        [
            format!("kubectl -n a annotate secret s --overwrite {list}=c,b"),
            format!("kubectl -n a annotate secret o --overwrite p/replication-allowed- {list}=b"),
        ]
    );
}

#[test]
fn advice_is_followed_in_an_editor() {
    let dialect = Dialect::new("p/", false);
    let (graph, target) = (graph(&[], &dialect), Key::new("b", "t").unwrap());
    let of =
        Change { graph: &graph, kind: &Secret, dialect: &dialect, target: &target, source: None, controller: None };
    assert_eq!(of.of_advice(&target), "kubectl -n b edit secret t");
    assert_eq!(of.explain(&target), "kubectl replicator explain secret b/t");
    assert_eq!(of.commands(Reason::NamespaceNotWatched), Vec::<String>::new());
}
