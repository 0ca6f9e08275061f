//! What it takes to decide about one target where hostile annotations are its source's, or its own.

use std::hint::black_box;
use std::time::Duration;

use k8s_replicator_core::decide::{Decision, Need, Rules, decide};
use k8s_replicator_core::facts::Facts;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::kind::Secret;
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::observed::{Observed, ResourceVersion};
use k8s_replicator_core::payload::{Content, Payload};

use crate::clock::now;

/// So many times something has to be known before it can be decided, at most.
const MOST_NEEDS: usize = 12;

fn content() -> Content {
    let data = r#"{"a":"MQ==","aaa":"Mg==","tls.crt":"Mw==","z-a":"NA=="}"#;
    Content { type_: Some("Opaque".into()), immutable: false, payload: Payload::new([Some(data.into())]) }
}

fn version(graph: &Graph, key: &Key) -> Option<ResourceVersion> {
    graph.node(key).map(|node| node.resource_version.clone())
}

/// The longest turn of a target until it is decided about: what the controller does between two looks at its sockets. All contents that
/// it needs are there after one turn each, and are kept.
fn turns(graph: &mut Graph, target: &TargetKey) -> Duration {
    let rules = Rules { allow_all: true, ..Rules::default() };
    let content = content();
    let (mut longest, mut begun) = (Duration::ZERO, now());
    for _ in 0..MOST_NEEDS {
        let need = match black_box(decide(graph, &Secret, &rules, target)) {
            Decision::Need(need) => need,
            Decision::Act(plan) => {
                drop(black_box(plan.action(Some(&content.payload), "2026-01-02T03:04:05Z", &mut || 0)));
                break;
            }
            _ => break,
        };
        match need {
            Need::Presence(key) => graph.confirm_absent(&key),
            Need::Portion(key, projection) => {
                let Some(version) = version(graph, &key) else { break };
                let portion = Facts::of_portion(&Secret, content.type_.as_deref(), &content.payload, &projection);
                graph.learn_portion(&key, &version, projection, portion);
                // That is part of the same turn.
                continue;
            }
            Need::Content(key) => {
                let Some(version) = version(graph, &key) else { break };
                let facts = Facts::of(&Secret, content.type_.as_deref(), &content.payload);
                graph.learn(&key, &version, facts, &content);
            }
        }
        longest = longest.max(now() - begun);
        begun = now();
    }
    longest.max(now() - begun)
}

/// The longest turn of some targets after their source was changed: the shortest of so many runs, each with the source as if it had
/// changed just now. `replicas`: what they are like where they exist.
pub(crate) fn measure(
    graph: &mut Graph,
    mut source: impl FnMut() -> Observed,
    targets: &[TargetKey],
    replica: impl Fn(&Key) -> Observed,
    runs: usize,
) -> Duration {
    let mut longest = Duration::ZERO;
    for target in targets {
        for exists in [false, true] {
            let is_there = graph.node(target).is_some();
            if exists && !is_there {
                drop(graph.observe(replica(target)));
            }
            let mut shortest = Duration::MAX;
            for _ in 0..runs {
                drop(graph.observe(source()));
                shortest = shortest.min(turns(graph, target));
            }
            longest = longest.max(shortest);
            if exists && !is_there {
                let made = replica(target);
                drop(graph.forget(target, &made.uid));
            }
        }
    }
    longest
}
