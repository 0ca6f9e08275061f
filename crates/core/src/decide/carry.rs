//! The labels and annotations of others that a replica gets from its source (SPEC 11.6).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::creator::Pushing;
use crate::action::{MapChange, MetadataChange};
use crate::annotations::Annotation;
use crate::carried::{Carried, Map, kept};
use crate::graph::Node;
use crate::labels;

/// The labels, and the annotations besides this program's, that a replica gets from its source.
pub(super) fn carried_to(pushing: Pushing<'_>) -> Carried {
    let mut carried = pushing.source.node.carried().cloned().unwrap_or_default();
    if crate::bug!(LabelsForgotten) {
        return Carried::default();
    }
    // `replica-labels` takes precedence over labels that are copied.
    if let Some(own) = pushing.marks.text(Annotation::ReplicaLabels).and_then(|text| labels::parse(text)) {
        carried.labels.extend(own.into_iter().map(|(key, value)| (key.into(), value.into())));
    }
    carried
}

/// How a replica's labels and annotations have to change. `created_with`: the labels of `--create-with-labels`, to which a label
/// that is not copied any more returns.
pub(super) fn change(node: &Node, wanted: &Carried, created_with: &BTreeMap<String, String>) -> MetadataChange {
    let empty = Carried::default();
    let now = node.carried().unwrap_or(&empty);
    let mut labels = change_of(&now.labels, &wanted.labels);
    let (kept, removed) = labels
        .remove
        .into_iter()
        .partition(|key| created_with.contains_key(&**key) && !crate::bug!(LabelDoesNotReturn));
    labels.remove = removed;
    let kept: Vec<Arc<str>> = kept;
    labels.set.extend(kept.into_iter().filter_map(|key| {
        let value = created_with.get(&*key)?;
        Some((key, Arc::from(value.as_str())))
    }));
    MetadataChange {
        labels,
        annotations: change_of(&now.annotations, &wanted.annotations),
        has_labels: node.has_labels,
    }
}

fn change_of(now: &Map, wanted: &Map) -> MapChange {
    let differs = |(key, value): &(&Arc<str>, &Arc<str>)| now.get(*key) != Some(&kept(value));
    MapChange {
        set: wanted.iter().filter(differs).map(|(key, value)| (key.clone(), value.clone())).collect(),
        remove: now.keys().filter(|key| !wanted.contains_key(*key) && !crate::bug!(LabelsStay)).cloned().collect(),
    }
}
