//! The existing namespaces, each with a small number of its own.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::namespace::NamespaceFacts;
use crate::selection::{NamespaceId, Namespaces};

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Existing {
    /// Looked up for thousands of names in one event.
    by_name: HashMap<Arc<str>, NamespaceId>,
    in_order: BTreeSet<Arc<str>>,
    /// By their numbers: a list of namespaces is asked about each of them.
    slots: Vec<Option<Slot>>,
    free: Vec<NamespaceId>,
    /// Another one after each change.
    revision: u64,
}

#[derive(Debug)]
struct Slot {
    name: Arc<str>,
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
        if let Some((id, slot)) = self.slot_mut(namespace) {
            slot.epoch = epoch;
            if slot.facts == facts {
                return Seen::Same;
            }
            let before = std::mem::replace(&mut slot.facts, facts);
            self.revision += 1;
            return Seen::Changed(id, before);
        }
        let name: Arc<str> = namespace.into();
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as NamespaceId
        });
        if let Some(slot) = self.slots.get_mut(id as usize) {
            *slot = Some(Slot { name: name.clone(), facts, epoch });
        }
        self.revision += 1;
        self.in_order.insert(name.clone());
        self.by_name.insert(name, id);
        Seen::New(id)
    }

    /// A namespace does not exist any more. Its number is given to another one.
    pub(super) fn remove(&mut self, namespace: &str) -> Option<NamespaceId> {
        let id = self.by_name.remove(namespace)?;
        self.revision += 1;
        self.in_order.remove(namespace);
        if let Some(slot) = self.slots.get_mut(id as usize) {
            *slot = None;
        }
        self.free.push(id);
        Some(id)
    }

    fn slot(&self, id: NamespaceId) -> Option<&Slot> {
        self.slots.get(id as usize)?.as_ref()
    }

    fn slot_mut(&mut self, namespace: &str) -> Option<(NamespaceId, &mut Slot)> {
        let id = *self.by_name.get(namespace)?;
        Some((id, self.slots.get_mut(id as usize)?.as_mut()?))
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
        let id = |name: &Arc<str>| self.by_name.get(name).copied();
        let is_old = |name: &&Arc<str>| id(name).and_then(|id| self.slot(id)).is_some_and(|slot| slot.epoch != epoch);
        self.in_order.iter().filter(is_old).cloned().collect()
    }
}

impl Namespaces for Existing {
    fn existing(&self) -> impl Iterator<Item = (NamespaceId, &str, &NamespaceFacts)> {
        (0..).zip(&self.slots).filter_map(|(id, slot)| slot.as_ref().map(|slot| (id, &*slot.name, &slot.facts)))
    }

    fn count(&self) -> usize {
        self.by_name.len()
    }

    fn find(&self, namespace: &str) -> Option<(NamespaceId, &NamespaceFacts)> {
        let id = *self.by_name.get(namespace)?;
        Some((id, &self.slot(id)?.facts))
    }

    fn name(&self, id: NamespaceId) -> Option<&str> {
        self.slot(id).map(|slot| &*slot.name)
    }
}
