//! Many replicas, with the metadata that the API server would send.
#![allow(clippy::expect_used, unreachable_pub, reason = "shared by a bench and a test")]
#![allow(dead_code, reason = "each needs another part of it")]

pub mod hostile;

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Observed, ResourceVersion};

/// Replicas of each source.
const OF_ONE_SOURCE: usize = 1_000;

/// Sources that push to all namespaces `team-…`, and their replicas.
pub struct World {
    replicas: usize,
    dialect: Dialect,
}

impl World {
    /// One with so many replicas.
    pub fn of(replicas: usize) -> Self {
        Self { replicas, dialect: Self::dialect() }
    }

    /// How annotations are named.
    pub fn dialect() -> Dialect {
        Dialect::new("k8s-replicator/", false)
    }

    /// The metadata of the `n`-th replica at a version, as a watch brings it.
    pub fn json(&self, n: usize, version: usize) -> String {
        let (source, namespace) = (n / OF_ONE_SOURCE, n % OF_ONE_SOURCE);
        let metadata = format!(
            r#""namespace":"team-{namespace:05}","name":"database-credentials-{source:05}","uid":"{n:08x}-1b2c-4d3e-8f40-0123456789ab","resourceVersion":"{version}","creationTimestamp":"2026-01-02T03:04:05Z""#
        );
        let annotations = format!(
            r#""k8s-replicator/replicated-at":"2026-01-02T03:04:{:02}Z","k8s-replicator/replicated-by":"central/database-credentials-{source:05}","k8s-replicator/replicated-from-version":"{source}""#,
            n % 60
        );
        let managed = r#""managedFields":[{"manager":"k8s-replicator","operation":"Update","apiVersion":"v1","time":"2026-01-02T03:04:05Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{".":{},"f:password":{}},"f:metadata":{"f:annotations":{".":{},"f:k8s-replicator/replicated-at":{},"f:k8s-replicator/replicated-by":{},"f:k8s-replicator/replicated-from-version":{}},"f:labels":{".":{},"f:app.kubernetes.io/managed-by":{}}},"f:type":{}}}]"#;
        format!(
            r#"{{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{{{metadata},"labels":{{"app.kubernetes.io/managed-by":"k8s-replicator"}},"annotations":{{{annotations}}},{managed}}}}}"#
        )
    }

    /// The same, read.
    pub fn replica(&self, n: usize, version: usize) -> Observed {
        Observed::from_json(&self.json(n, version), &self.dialect).expect("metadata as the server writes it")
    }

    /// All sources and replicas, in the order in which the API server lists them: by namespace, then by name.
    pub fn observed(&self) -> impl Iterator<Item = Observed> + '_ {
        let sources = (0..self.replicas.div_ceil(OF_ONE_SOURCE)).map(|source| {
            let json = format!(
                r#"{{"metadata":{{"namespace":"central","name":"database-credentials-{source:05}","uid":"s-{source}","resourceVersion":"{source}","annotations":{{"k8s-replicator/replicate-to-namespaces":"team-.*"}}}}}}"#
            );
            Observed::from_json(&json, &self.dialect).expect("metadata as the server writes it")
        });
        let in_namespace = |namespace| (namespace..self.replicas).step_by(OF_ONE_SOURCE);
        sources.chain((0..OF_ONE_SOURCE).flat_map(in_namespace).map(|n| self.replica(n, 1)))
    }

    /// The graph after the first lists.
    pub fn build(&self, observed: impl Iterator<Item = Observed>) -> Graph {
        let mut graph = Graph::default();
        graph.begin_namespaces();
        for namespace in 0..OF_ONE_SOURCE.min(self.replicas) {
            graph.observe_namespace(&format!("team-{namespace:05}"), NamespaceFacts::new(false));
        }
        graph.end_namespaces();
        graph.begin_list();
        for observed in observed {
            graph.observe(observed);
        }
        graph.end_list(&ResourceVersion::new("999999"));
        graph
    }
}
