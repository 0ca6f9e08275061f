//! For what a target is written: whatever of the graph decides about it, but for its own state. As long as that stays the same, a write
//! that is made once more only puts right what somebody else changed (SPEC 9.14).
//!
//! Nothing that the controller writes to the target may be part of it: in a fight that changes with each write. Nor may what follows from such a
//! write: where the target is part of a ring of pulls, or would be once the controller has put right what others undo, nothing of that ring is
//! part of it.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use k8s_replicator_core::annotations::{Annotation, Marks};
use k8s_replicator_core::graph::{Graph, LONGEST_CHAIN, Node};
use k8s_replicator_core::names::{SourceKey, TargetKey};
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::Annotated;

use crate::queue::Work;

/// The work for which a target is written now. `source`: the one that plays a part in it.
pub(super) fn work(graph: &Graph, target: &TargetKey, source: Option<&SourceKey>) -> Work {
    let node = graph.node(target);
    let marks = node.and_then(Node::marks);
    let creator = marks.and_then(|marks| marks.replicated_by.as_ref());
    let from = marks.and_then(|marks| marks.replicate_from.as_ref());
    // A target that pulls asks by itself; what a replica pulls from is said by the object that pushes.
    let asks = marks.filter(|_| creator.is_none() && from.is_some());
    let pushing = creator.or(source).filter(|_| asks.is_none()).and_then(|pushing| graph.node(pushing)?.marks());
    let pushed_from = pushing.and_then(|pushing| pushing.replicate_from.as_ref());
    // For a target that pulls from itself, a change of the target is not new work.
    let all = [source, creator, from, pushed_from].into_iter().flatten();
    let mut sources: Vec<_> = all.filter(|source| ***source != **target).collect();
    sources.sort_unstable();
    sources.dedup();
    let from = if asks.is_some() { from } else { pushed_from };
    let ring = from.map(|from| ring(graph, from, target)).unwrap_or_default();
    sources.retain(|source| !ring.contains(source));
    let sources = sources.into_iter().map(|key| (key, graph.node(key).map(|node| &node.resource_version)));
    let said = Said { graph, target, marks, asks, from: from.filter(|_| ring.is_empty()) };
    // A recreated replica of a push is not new work: it has no user who recreates it.
    Work::new(sources, node.filter(|_| creator.is_none()).map(|node| &node.uid), said.hash())
}

/// The objects of the chain of pulls that begins with `from`, if it leads back to the target; else nothing. A replica counts as pulling from
/// what its creator says, also while somebody undoes that.
fn ring<'g>(graph: &'g Graph, from: &'g SourceKey, target: &TargetKey) -> HashSet<&'g SourceKey> {
    let (mut chain, mut next) = (HashSet::new(), Some(from));
    while let Some(at) = next.filter(|at| chain.len() < LONGEST_CHAIN && !chain.contains(at)) {
        if **at == **target {
            return chain;
        }
        chain.insert(at);
        let marks = graph.node(at).and_then(Node::marks);
        let creator = marks.and_then(|marks| graph.node(marks.replicated_by.as_ref()?)?.marks());
        next = creator.or(marks).and_then(|marks| marks.replicate_from.as_ref());
    }
    HashSet::new()
}

/// What is said about a target by others than its direct sources.
struct Said<'g> {
    graph: &'g Graph,
    target: &'g TargetKey,
    /// The target's annotations,
    marks: Option<&'g Marks>,
    /// which are its user's, if it pulls.
    asks: Option<&'g Marks>,
    /// The direct source of its data, if it or the object that pushes it pulls; none: in a ring.
    from: Option<&'g SourceKey>,
}

impl Said<'_> {
    /// A hash of it. Of a Namespace's labels only what follows from them is part of it: others may change at any time, and would hide a
    /// fight.
    fn hash(&self) -> u64 {
        let &Self { graph, target, marks, asks, from } = self;
        let unknown = NamespaceFacts::default();
        let facts = graph.namespace(target.namespace()).unwrap_or(&unknown);
        let mut hasher = DefaultHasher::new();
        marks.is_some_and(|marks| marks.removal_approved).hash(&mut hasher);
        match asks {
            Some(marks) => {
                let asked = Annotation::ALL.iter().copied().filter(|annotation| is_asked_by_a_target(*annotation));
                asked.for_each(|annotation| marks.text(annotation).hash(&mut hasher));
            }
            None => {
                facts.accepts().map(|list| list.as_str()).hash(&mut hasher);
                graph.pushing_to(target).for_each(|(source, _)| source.hash(&mut hasher));
            }
        }
        // A target may pull from itself.
        let above = from.into_iter().flat_map(|from| graph.above(from)).filter(|(key, _)| ***key != **target);
        for (key, node) in above {
            key.hash(&mut hasher);
            match node.map(|node| &node.annotated) {
                None => 0.hash(&mut hasher),
                Some(Annotated::Not) => 1.hash(&mut hasher),
                Some(Annotated::Ill(_)) => 2.hash(&mut hasher),
                Some(Annotated::Well(marks)) => {
                    let named = marks.allowed_namespaces.as_ref();
                    (marks, named.map(|selection| selection.names(target.namespace(), facts))).hash(&mut hasher);
                }
            }
        }
        hasher.finish()
    }
}

/// Whether the user of a target that pulls says by this annotation what the target gets, or keeps. The others are the controller's own,
/// are for those who pull from it or, as `paused`, keep every write away.
fn is_asked_by_a_target(annotation: Annotation) -> bool {
    match annotation {
        Annotation::ReplicateOnce | Annotation::ReplicateKeys | Annotation::RemovalDelay => true,
        // Hashed for every target.
        Annotation::RemovalApproved => false,
        // It names a source, whose version is part of the work.
        Annotation::ReplicateFrom => false,
        Annotation::ReplicateTo
        | Annotation::ReplicateToNamespaces
        | Annotation::ReplicateToNamespaceSelector
        | Annotation::ReplicateOnceVersion
        | Annotation::ReplicationAllowed
        | Annotation::ReplicationAllowedNamespaces
        | Annotation::ReplicationAllowedNamespaceSelector
        | Annotation::ReplicationAllowedKeys
        | Annotation::ReplicateType
        | Annotation::ReplicateLabels
        | Annotation::ReplicateAnnotations
        | Annotation::ReplicaLabels
        | Annotation::Paused
        | Annotation::AcceptReplicasFrom
        | Annotation::ReplicatedAt
        | Annotation::ReplicatedBy
        | Annotation::ReplicatedFromVersion
        | Annotation::ReplicatedFromOrigin
        | Annotation::ReplicatedFromAllowed
        | Annotation::ReplicatedKeys
        | Annotation::ReplicatedLabels
        | Annotation::ReplicatedAnnotations => false,
    }
}
