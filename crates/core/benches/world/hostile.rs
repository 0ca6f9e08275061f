//! Clusters in which one event would be expensive if it had to look at everything: many sources, many namespaces, and
//! annotations as long as the API server takes them.
#![allow(clippy::expect_used, unreachable_pub, reason = "shared by a bench and a test")]
#![allow(dead_code, reason = "each needs another part of it")]

use std::fmt::Write as _;

use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Observed, ResourceVersion};

use super::World;

/// The most that the annotations of one object may take, less some room for the others.
const LONGEST: usize = 246 << 10;

/// One object with these annotations.
pub fn object(key: &str, version: usize, annotations: &[(&str, &str)]) -> Observed {
    let (namespace, name) = key.split_once('/').expect("a key");
    let mut text = String::new();
    for (name, value) in annotations {
        let comma = if text.is_empty() { "" } else { "," };
        write!(text, r#"{comma}"k8s-replicator/{name}":"{value}""#).expect("a text takes everything");
    }
    let metadata = format!(
        r#""namespace":"{namespace}","name":"{name}","uid":"{key}","resourceVersion":"{version}","annotations":{{{text}}}"#
    );
    Observed::from_json(&format!(r#"{{"metadata":{{{metadata}}}}}"#), &World::dialect()).expect("metadata")
}

/// A full view of so many namespaces `team-…` and these objects.
pub fn graph(namespaces: usize, objects: impl Iterator<Item = Observed>) -> Graph {
    let mut graph = Graph::default();
    graph.begin_namespaces();
    for namespace in 0..namespaces {
        graph.observe_namespace(&team(namespace), NamespaceFacts::default());
    }
    graph.end_namespaces();
    graph.begin_list();
    for observed in objects {
        graph.observe(observed);
    }
    graph.end_list(&ResourceVersion::new("999999"));
    graph
}

/// The name of a namespace.
pub fn team(n: usize) -> String {
    format!("team-{n:05}")
}

/// So many items, each once, or as many as an annotation has room for.
pub fn items(most: usize, item: impl Fn(&str) -> String) -> String {
    let digits: Vec<char> = ('a'..='z').chain('0'..='9').collect();
    let mut text = String::new();
    for n in 0..most {
        let digit = |n: usize| digits.get(n % digits.len()).copied().unwrap_or('a');
        let next = item(&[digit(n / (36 * 36)), digit(n / 36), digit(n)].iter().collect::<String>());
        if text.len() + 1 + next.len() > LONGEST {
            break;
        }
        if n > 0 {
            text.push(',');
        }
        text.push_str(&next);
    }
    text
}
