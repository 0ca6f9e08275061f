//! Who refers to whom: the annotations of all objects, turned round.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::annotations::Marks;
use crate::names::{Key, SourceKey, TargetKey};

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Relations {
    created_by: HashMap<SourceKey, BTreeSet<TargetKey>>,
    pulling_from: HashMap<SourceKey, BTreeSet<TargetKey>>,
    pushing_into: HashMap<Box<str>, BTreeSet<SourceKey>>,
    pushing_by_pattern: HashMap<Arc<str>, BTreeSet<SourceKey>>,
}

impl Relations {
    /// The targets that a source made.
    pub(super) fn created_by(&self, source: &SourceKey) -> impl Iterator<Item = &TargetKey> {
        self.created_by.get(source).into_iter().flatten()
    }

    /// The objects whose `replicate-from` names a source, also those that push what they are given.
    pub(super) fn pulling_from(&self, source: &SourceKey) -> impl Iterator<Item = &TargetKey> {
        self.pulling_from.get(source).into_iter().flatten()
    }

    /// Whether any object names this one as its source.
    pub(super) fn is_source(&self, key: &Key) -> bool {
        let source = SourceKey::from(key.clone());
        self.created_by.contains_key(&source) || self.pulling_from.contains_key(&source)
    }

    /// The sources that may push to this name; whether they do, only their push can tell. One may come twice.
    pub(super) fn maybe_pushing_to(&self, target: &Key) -> impl Iterator<Item = &SourceKey> {
        let literal = self.pushing_into.get(target.namespace()).into_iter().flatten();
        let pattern = self.pushing_by_pattern.get(target.name()).into_iter().flatten();
        literal.chain(pattern)
    }

    /// The sources that may push into this namespace.
    pub(super) fn maybe_pushing_into(&self, namespace: &str) -> BTreeSet<&SourceKey> {
        let literal = self.pushing_into.get(namespace).into_iter().flatten();
        literal.chain(self.pushing_by_pattern.values().flatten()).collect()
    }

    /// An object has these annotations now.
    pub(super) fn link(&mut self, key: &Key, marks: &Marks) {
        let target = || TargetKey::from(key.clone());
        if let Some(creator) = &marks.replicated_by {
            self.created_by.entry(creator.clone()).or_default().insert(target());
        }
        if let Some(from) = &marks.replicate_from {
            self.pulling_from.entry(from.clone()).or_default().insert(target());
        }
        if let Some(push) = marks.effective_push() {
            for namespace in push.literal_namespaces() {
                let sources = match self.pushing_into.get_mut(namespace) {
                    Some(sources) => sources,
                    None => self.pushing_into.entry(namespace.into()).or_default(),
                };
                sources.insert(key.clone().into());
            }
            for name in push.names_by_pattern() {
                self.pushing_by_pattern.entry(name.clone()).or_default().insert(key.clone().into());
            }
        }
    }

    /// An object does not have these annotations any more.
    pub(super) fn unlink(&mut self, key: &Key, marks: &Marks) {
        let target = TargetKey::from(key.clone());
        for (index, source) in
            [(&mut self.created_by, &marks.replicated_by), (&mut self.pulling_from, &marks.replicate_from)]
        {
            if let Some(source) = source {
                remove_from(index, source, &target);
            }
        }
        if let Some(push) = marks.effective_push() {
            let source = SourceKey::from(key.clone());
            for namespace in push.literal_namespaces() {
                remove_from(&mut self.pushing_into, namespace, &source);
            }
            for name in push.names_by_pattern() {
                remove_from(&mut self.pushing_by_pattern, name, &source);
            }
        }
    }
}

fn remove_from<K, Q, V>(index: &mut HashMap<K, BTreeSet<V>>, key: &Q, value: &V)
where
    K: std::borrow::Borrow<Q> + std::hash::Hash + Eq,
    Q: std::hash::Hash + Eq + ?Sized,
    V: Ord,
{
    if let Some(values) = index.get_mut(key) {
        values.remove(value);
        if values.is_empty() {
            index.remove(key);
        }
    }
}
