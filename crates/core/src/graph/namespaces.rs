//! The existing namespaces, each with a small number of its own.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::namespace::NamespaceFacts;
use crate::selection::{NamespaceId, Namespaces};

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Existing {
    /// Looked up for thousands of names in one event.
    by_name: HashMap<Arc<str>, Entry>,
    in_order: BTreeSet<Arc<str>>,
    names: Vec<Option<Arc<str>>>,
    free: Vec<NamespaceId>,
    /// Another one after each change.
    revision: u64,
}

#[derive(Debug)]
struct Entry {
    id: NamespaceId,
    facts: NamespaceFacts,
    /// The list in which it was last seen.
    epoch: u32,
}

/// What a watch event or a list shows of a namespace, compared with what was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was not there before.
    New(NamespaceId),
    /// It is not as it was, which was this.
    Changed(NamespaceId, NamespaceFacts),
    /// Nothing new.
    Same,
}

impl Existing {
    /// A namespace exists, and this is known of it.
    pub(super) fn see(&mut self, namespace: &str, facts: NamespaceFacts, epoch: u32) -> Seen {
        if let Some(known) = self.by_name.get_mut(namespace) {
            known.epoch = epoch;
            if known.facts == facts {
                return Seen::Same;
            }
            self.revision += 1;
            return Seen::Changed(known.id, std::mem::replace(&mut known.facts, facts));
        }
        let name: Arc<str> = namespace.into();
        let id = self.free.pop().unwrap_or_else(|| {
            self.names.push(None);
            (self.names.len() - 1) as NamespaceId
        });
        if let Some(slot) = self.names.get_mut(id as usize) {
            *slot = Some(name.clone());
        }
        self.revision += 1;
        self.in_order.insert(name.clone());
        self.by_name.insert(name, Entry { id, facts, epoch });
        Seen::New(id)
    }

    /// A namespace does not exist any more. Its number is given to another one.
    pub(super) fn remove(&mut self, namespace: &str) -> Option<NamespaceId> {
        let Entry { id, .. } = self.by_name.remove(namespace)?;
        self.revision += 1;
        self.in_order.remove(namespace);
        if let Some(slot) = self.names.get_mut(id as usize) {
            *slot = None;
        }
        self.free.push(id);
        Some(id)
    }

    /// A number that is another one after each change.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Their names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.in_order.iter().map(|name| &**name)
    }

    /// Those that the list of this epoch did not show, in order.
    pub(super) fn not_seen_in(&self, epoch: u32) -> Vec<Arc<str>> {
        let is_old = |name: &&Arc<str>| self.by_name.get(&***name).is_some_and(|entry| entry.epoch != epoch);
        self.in_order.iter().filter(is_old).cloned().collect()
    }
}

impl Namespaces for Existing {
    fn existing(&self) -> impl ExactSizeIterator<Item = (NamespaceId, &str, &NamespaceFacts)> {
        self.by_name.iter().map(|(name, entry)| (entry.id, &**name, &entry.facts))
    }

    fn find(&self, namespace: &str) -> Option<(NamespaceId, &NamespaceFacts)> {
        self.by_name.get(namespace).map(|entry| (entry.id, &entry.facts))
    }

    fn name(&self, id: NamespaceId) -> Option<&str> {
        self.names.get(id as usize)?.as_deref()
    }
}
