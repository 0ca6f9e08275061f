use k8s_replicator_core::decide::Rules;
use k8s_replicator_core::kind::Secret;
use k8s_replicator_core::names::Key;
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Observed, ResourceVersion};
use k8s_replicator_core::scope::Scope;
use k8s_replicator_core::survey::look;

use super::*;

/// A graph of Secrets, `namespace/name` with their annotations without prefix, in namespaces that exist.
fn graph(secrets: &[(&str, &[(&str, &str)])]) -> (Graph, Dialect) {
    let dialect = Dialect::new("k8s-replicator/", false);
    let mut graph = Graph::new(&Scope::Cluster);
    graph.begin_list();
    graph.begin_namespaces();
    for (n, (key, annotations)) in secrets.iter().enumerate() {
        let (namespace, name) = key.split_once('/').unwrap();
        graph.observe_namespace(namespace, NamespaceFacts::default());
        let annotations: serde_json::Map<_, _> =
            annotations.iter().map(|(name, value)| (format!("k8s-replicator/{name}"), (*value).into())).collect();
        let object = serde_json::json!({ "metadata": {
            "name": name, "namespace": namespace, "uid": format!("u{n}"), "resourceVersion": format!("{}", n + 10),
            "creationTimestamp": "2026-01-01T00:00:00Z", "annotations": annotations,
        } });
        graph.observe(Observed::from_json(&object.to_string(), &dialect).unwrap());
    }
    graph.end_namespaces();
    graph.end_list(&ResourceVersion::new("100"));
    (graph, dialect)
}

fn trail((graph, dialect): &(Graph, Dialect), target: &str) -> Trail {
    let (namespace, name) = target.split_once('/').unwrap();
    let target = TargetKey::from(Key::new(namespace, name).unwrap());
    let (row, questions) = look(graph, &Secret, &Rules::default(), &target);
    let case = Case { graph, kind: &Secret, dialect, target: &target, row: row.as_ref(), since: None, now: 0 };
    told(&case, &questions)
}

fn ways(trail: &Trail) -> Vec<String> {
    trail
        .chain
        .iter()
        .map(|link| {
            format!(
                "{} {}{}",
                link.role,
                link.key,
                match link.exists {
                    Some(true) => "",
                    Some(false) => " missing",
                    None => " not known",
                }
            )
        })
        .collect()
}

#[test]
fn the_way_of_the_data_begins_at_its_first_object_and_ends_in_the_target() {
    let world = graph(&[
        ("a/origin", &[("replication-allowed", "true")]),
        ("b/middle", &[("replicate-from", "a/origin"), ("replication-allowed", "true")]),
        ("c/target", &[("replicate-from", "b/middle")]),
        ("d/lost", &[("replicate-from", "nowhere/at-all")]),
        ("e/both", &[("replicate-from", "a/origin"), ("replicate-to", "f/made")]),
        ("f/x", &[]),
    ]);
    assert_eq!(ways(&trail(&world, "c/target")), ["is pulled a/origin", "is pulled b/middle", "target c/target"]);
    assert_eq!(ways(&trail(&world, "d/lost")), ["is pulled nowhere/at-all not known", "target d/lost"]);
    // Its creator says where it is made, and another object what it holds.
    assert_eq!(ways(&trail(&world, "f/made")), ["is pulled a/origin", "pushes e/both", "target f/made not known"]);
}

#[test]
fn it_says_why_what_to_do_and_by_which_command() {
    let world = graph(&[
        ("a/closed", &[("replication-allowed-namespaces", "x,y's")]),
        ("a/silent", &[("replicate-once-version", "1")]),
        ("b/one", &[("replicate-from", "a/silent")]),
        ("a/open", &[("replication-allowed-namespaces", "x.*")]),
        ("b/two", &[("replicate-from", "a/open")]),
        ("a/ill", &[("replicate-once", "perhaps")]),
    ]);
    let one = trail(&world, "b/one");
    assert_eq!((one.state, one.reason), (Some("refused"), Some("ConsentMissing")));
    assert!(one.todo.unwrap().contains("replication-allowed-namespaces"));
    assert_eq!(one.steps.last().unwrap().what.as_deref(), Some("ConsentMissing"));
    let commands = |trail: &Trail| trail.commands.iter().map(|it| it.text.clone()).collect::<Vec<_>>();
    assert_eq!(
        commands(&one),
        [
            "kubectl -n a annotate secret silent --overwrite k8s-replicator/replication-allowed-namespaces=b",
            "kubectl replicator explain secret b/one",
        ]
    );
    let two = trail(&world, "b/two");
    let added = "kubectl -n a annotate secret open --overwrite 'k8s-replicator/replication-allowed-namespaces=x.*,b'";
    assert_eq!(commands(&two)[0], added);
    let ill = trail(&world, "a/ill");
    assert_eq!(ill.reason, Some("IllFormed"));
    assert!(ill.chain[0].ill_formed.as_ref().unwrap().contains("replicate-once"), "{:?}", ill.chain);
    let nobody = trail(&world, "b/nobody");
    assert_eq!((nobody.state, nobody.reason, nobody.commands.len()), (None, Some("NotWanted"), 1));
}
