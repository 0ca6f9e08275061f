//! Who refers to whom: the annotations of all objects, turned round.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use indexmap::IndexSet;

use crate::annotations::Marks;
use crate::names::{Key, SourceKey, TargetKey};

/// See the [module](self).
///
/// The sets have an order, so that a run can be repeated step by step, but not that of the keys: to compare a new key with others is to
/// fetch them from memory, which took most of the time of a start with a million replicas.
#[derive(Debug, Default)]
pub(super) struct Relations {
    created_by: HashMap<SourceKey, IndexSet<TargetKey>>,
    pulling_from: HashMap<SourceKey, IndexSet<TargetKey>>,
    pushing_into: HashMap<Box<str>, IndexSet<SourceKey>>,
    pushing_by_pattern: HashMap<Arc<str>, IndexSet<SourceKey>>,
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
        let target = TargetKey::from(key.clone());
        for (index, source) in
            [(&mut self.created_by, &marks.replicated_by), (&mut self.pulling_from, &marks.replicate_from)]
        {
            if let Some(source) = source {
                insert_into(index, source, SourceKey::clone, target.clone());
            }
        }
        if let Some(push) = marks.effective_push() {
            for namespace in push.literal_namespaces() {
                insert_into(&mut self.pushing_into, namespace, |name| name.into(), key.clone().into());
            }
            for name in push.names_by_pattern() {
                insert_into(&mut self.pushing_by_pattern, name, |name| name.into(), key.clone().into());
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

/// `own`: makes a key to keep, which most values find there already.
fn insert_into<K, Q, V>(index: &mut HashMap<K, IndexSet<V>>, key: &Q, own: impl FnOnce(&Q) -> K, value: V)
where
    K: std::borrow::Borrow<Q> + Hash + Eq,
    Q: Hash + Eq + ?Sized,
    V: Hash + Eq,
{
    match index.get_mut(key) {
        Some(values) => values.insert(value),
        None => index.entry(own(key)).or_default().insert(value),
    };
}

fn remove_from<K, Q, V>(index: &mut HashMap<K, IndexSet<V>>, key: &Q, value: &V)
where
    K: std::borrow::Borrow<Q> + Hash + Eq,
    Q: Hash + Eq + ?Sized,
    V: Hash + Eq,
{
    if let Some(values) = index.get_mut(key) {
        values.swap_remove(value);
        if values.is_empty() {
            index.remove(key);
        }
    }
}
