//! Selections of namespaces: what annotations say about namespaces, and which existing namespaces each of them names.
//!
//! ```text
//! Selection (one annotation's list)  →  Selections (each text once, with the set of existing namespaces that it names)
//! ```
//!
//! A list may have thousands of items, patterns among them, and thousands of objects may have the same list. So a list is
//! asked about a namespace once, when one of the two is new; after that, whether it names the namespace is one bit.
//!
//! - **Guarantees.** `Selections` holds a selection as long as it has a user, and no longer. It takes about one bit for each
//!   existing namespace, and less where a selection names few of them.
//! - **Labels.** A selection names what its list or its selector names, less what an item with `!` takes away (SPEC 11.3). When a
//!   namespace's labels change only the selections with a selector are asked again, and those whose answer changed are returned.

mod id_set;

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use indexmap::IndexSet;

use crate::names::is_label;
use crate::namespace::NamespaceFacts;
use crate::pattern::NamespaceList;
use crate::selector::Selector;

pub(crate) use id_set::IdSet;

/// The number of an existing namespace. When the namespace is gone, another one gets it.
pub(crate) type NamespaceId = u32;

/// The number of a selection that has users.
pub(crate) type SelectionId = u32;

/// What an object's annotations say about namespaces. Cheap to clone; equal when the texts are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selection {
    list: NamespaceList,
    selector: Option<Arc<Selector>>,
}

impl Selection {
    /// The namespaces that a list names.
    #[must_use]
    pub fn of_list(list: NamespaceList) -> Self {
        Self { list, selector: None }
    }

    /// The namespaces that a list or a selector names, less the list's exceptions.
    #[must_use]
    pub fn new(list: NamespaceList, selector: Option<Arc<Selector>>) -> Self {
        Self { list, selector }
    }

    /// The list.
    #[must_use]
    pub fn list(&self) -> &NamespaceList {
        &self.list
    }

    /// The selector, if there is one.
    #[must_use]
    pub fn selector(&self) -> Option<&Selector> {
        self.selector.as_deref()
    }

    /// Whether it names this namespace.
    #[must_use]
    pub fn names(&self, namespace: &str, facts: &NamespaceFacts) -> bool {
        is_label(namespace) && self.names_legal(namespace, facts)
    }

    /// The same, of a text that is known to be a legal namespace.
    pub(crate) fn names_legal(&self, namespace: &str, facts: &NamespaceFacts) -> bool {
        let selects = |selector: &Arc<Selector>| selector.matches(|key| facts.label(namespace, key));
        match &self.selector {
            Some(selector) if selects(selector) => !self.list.excepts(namespace) || crate::bug!(ExceptionsForgotten),
            _ => self.list.matches_legal(namespace),
        }
    }

    /// The same for four of them.
    #[must_use]
    pub fn names_four(&self, namespaces: [(&str, &NamespaceFacts); 4]) -> [bool; 4] {
        let selects = |selector: &Arc<Selector>| {
            namespaces.map(|(namespace, facts)| selector.matches(|key| facts.label(namespace, key)))
        };
        let selected = self.selector.as_ref().map_or([false; 4], selects);
        let names = self.list.matches_four(namespaces.map(|(namespace, _)| namespace), selected);
        std::array::from_fn(|which| names[which] || crate::bug!(ExceptionsForgotten) && selected[which])
    }

    /// The only namespaces that it names, whether they exist or not, if that can be said without asking about each.
    pub fn only(&self) -> Option<impl Iterator<Item = &str>> {
        (self.selector.is_none() && !self.list.has_patterns()).then(|| self.list.literals())
    }

    /// How many these are at most.
    fn count(&self) -> Option<usize> {
        self.only().map(|_| self.list.literal_count())
    }

    /// The namespaces that it names by their names, whether they exist or not.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.list.literals()
    }
}

/// The existing namespaces, as far as selections ask about them.
pub(crate) trait Namespaces {
    /// Each with its number.
    fn existing(&self) -> impl Iterator<Item = (NamespaceId, &str, &NamespaceFacts)>;

    /// How many there are.
    fn count(&self) -> usize;

    /// One of them, by its name.
    fn find(&self, namespace: &str) -> Option<(NamespaceId, &NamespaceFacts)>;

    /// The name of one of them.
    fn name(&self, id: NamespaceId) -> Option<&str>;
}

/// Every selection that is in use, once. `U`: who uses it.
#[derive(Debug)]
pub(crate) struct Selections<U> {
    hasher: RandomState,
    by_text: HashTable<SelectionId>,
    slots: Vec<Option<Slot<U>>>,
    free: Vec<SelectionId>,
    /// Those with a selector of labels.
    selecting: IndexSet<SelectionId>,
}

#[derive(Debug)]
struct Slot<U> {
    selection: Selection,
    users: IndexSet<U>,
    /// The existing namespaces that it names.
    named: IdSet,
    /// What alone it can name, as hashes: most namespaces are passed over without a look at the list.
    only: Filter,
}

impl<U> Default for Selections<U> {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            by_text: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            selecting: IndexSet::new(),
        }
    }
}

impl<U: Hash + Eq> Selections<U> {
    /// A new user of a selection. If it is the first one, every existing namespace is asked about, or only those that the
    /// selection can name.
    pub(crate) fn add(&mut self, selection: &Selection, user: U, namespaces: &impl Namespaces) -> SelectionId {
        let Self { hasher, by_text, slots, free, selecting } = self;
        let hash = hasher.hash_one(selection);
        let is_this = |id: &SelectionId| slot(slots, *id).is_some_and(|slot| slot.selection == *selection);
        if let Some(id) = by_text.find(hash, is_this).copied() {
            if let Some(slot) = slot_mut(slots, id) {
                slot.users.insert(user);
            }
            return id;
        }
        let new = Slot {
            selection: selection.clone(),
            users: [user].into_iter().collect(),
            named: named_by(selection, namespaces),
            only: Filter::of(selection, hasher),
        };
        let id = match free.pop() {
            Some(id) => id,
            // Selections are larger than their numbers: memory ends first.
            None => {
                slots.push(None);
                (slots.len() - 1) as SelectionId
            }
        };
        if selection.selector.is_some() {
            selecting.insert(id);
        }
        if let Some(slot) = slots.get_mut(id as usize) {
            *slot = Some(new);
        }
        by_text.insert_unique(hash, id, |id| slot(slots, *id).map_or(0, |slot| hasher.hash_one(&slot.selection)));
        id
    }

    /// A user leaves. With the last one the selection is let go.
    pub(crate) fn remove(&mut self, id: SelectionId, user: &U) {
        let Some(slot) = slot_mut(&mut self.slots, id) else { return };
        slot.users.swap_remove(user);
        if !slot.users.is_empty() {
            return;
        }
        if let Ok(entry) = self.by_text.find_entry(self.hasher.hash_one(&slot.selection), |other| *other == id) {
            entry.remove();
        }
        self.selecting.swap_remove(&id);
        if let Some(slot) = self.slots.get_mut(id as usize) {
            *slot = None;
        }
        self.free.push(id);
    }

    /// A namespace exists now: every selection that may name it is asked.
    pub(crate) fn namespace_appeared(&mut self, id: NamespaceId, namespace: &str, facts: &NamespaceFacts) {
        let bit = Filter::bit(namespace, &self.hasher);
        for slot in self.slots.iter_mut().flatten() {
            if slot.only.may_contain(bit) && slot.selection.names(namespace, facts) {
                slot.named.insert(id);
            }
        }
    }

    /// A namespace has other labels. Returns who uses the selections whose answer is another one now.
    pub(crate) fn namespace_changed(&mut self, id: NamespaceId, namespace: &str, facts: &NamespaceFacts) -> Vec<U>
    where
        U: Clone,
    {
        let mut changed = Vec::new();
        for selection in &self.selecting {
            let Some(slot) = slot_mut(&mut self.slots, *selection) else { continue };
            let names = slot.selection.names(namespace, facts);
            if names != slot.named.contains(id) {
                if names {
                    slot.named.insert(id)
                } else {
                    slot.named.remove(id)
                };
                changed.extend(slot.users.iter().cloned());
            }
        }
        changed
    }

    /// A namespace does not exist any more.
    pub(crate) fn namespace_disappeared(&mut self, id: NamespaceId) {
        for slot in self.slots.iter_mut().flatten() {
            slot.named.remove(id);
        }
    }

    /// Whether a selection names this existing namespace.
    pub(crate) fn is_named(&self, id: SelectionId, namespace: NamespaceId) -> bool {
        slot(&self.slots, id).is_some_and(|slot| slot.named.contains(namespace))
    }

    /// Whether a selection would name this namespace, of which nothing is known.
    pub(crate) fn would_name(&self, id: SelectionId, namespace: &str) -> bool {
        slot(&self.slots, id).is_some_and(|slot| slot.selection.names(namespace, &NamespaceFacts::default()))
    }

    /// The existing namespaces that a selection names.
    pub(crate) fn named(&self, id: SelectionId) -> impl Iterator<Item = NamespaceId> {
        self.set_of(id).into_iter().flat_map(IdSet::iter)
    }

    /// The same as a set.
    pub(crate) fn set_of(&self, id: SelectionId) -> Option<&IdSet> {
        slot(&self.slots, id).map(|slot| &slot.named)
    }

    /// Who uses the selections that name this existing namespace.
    pub(crate) fn users_naming(&self, namespace: NamespaceId) -> impl Iterator<Item = &U> {
        self.slots.iter().flatten().filter(move |slot| slot.named.contains(namespace)).flat_map(|slot| &slot.users)
    }

    /// Every selection: who uses it, and the existing namespaces that it names.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&IndexSet<U>, impl Iterator<Item = NamespaceId>)> {
        self.slots.iter().flatten().map(|slot| (&slot.users, slot.named.iter()))
    }

    /// How many selections are in use.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.by_text.len()
    }
}

fn slot<U>(slots: &[Option<Slot<U>>], id: SelectionId) -> Option<&Slot<U>> {
    slots.get(id as usize)?.as_ref()
}

fn slot_mut<U>(slots: &mut [Option<Slot<U>>], id: SelectionId) -> Option<&mut Slot<U>> {
    slots.get_mut(id as usize)?.as_mut()
}

/// The existing namespaces that a selection names: asked about whichever are fewer, those that exist or those that it can name.
fn named_by(selection: &Selection, namespaces: &impl Namespaces) -> IdSet {
    let mut named = IdSet::default();
    match selection.only().filter(|_| selection.count().is_some_and(|count| count < namespaces.count())) {
        Some(few) => few.filter_map(|namespace| namespaces.find(namespace)).for_each(|(id, _)| named.insert(id)),
        None => {
            let nobody = NamespaceFacts::default();
            let mut existing = namespaces.existing().fuse();
            while let Some(first) = existing.next() {
                let four = [Some(first), existing.next(), existing.next(), existing.next()];
                let names =
                    selection.names_four(four.map(|one| one.map_or(("", &nobody), |(_, name, facts)| (name, facts))));
                four.into_iter()
                    .zip(names)
                    .filter(|(_, names)| *names)
                    .for_each(|(one, _)| one.into_iter().for_each(|(id, ..)| named.insert(id)));
            }
        }
    }
    named
}

/// A set of texts, as one bit of each one's hash: it may contain more than was put in, never less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Filter(u64);

impl Filter {
    const FULL: Self = Self(u64::MAX);

    /// What a selection can name.
    fn of(selection: &Selection, hasher: &RandomState) -> Self {
        selection.only().map_or(Self::FULL, |texts| Self::of_all(texts, hasher))
    }

    /// The set of some texts.
    pub(crate) fn of_all<'t>(texts: impl IntoIterator<Item = &'t str>, hasher: &RandomState) -> Self {
        let mut filter = Self::default();
        for text in texts {
            filter.0 |= Self::bit(text, hasher).0;
            // A few hundred texts fill it.
            if filter == Self::FULL {
                break;
            }
        }
        filter
    }

    /// The one of a single text.
    pub(crate) fn bit(text: &str, hasher: &RandomState) -> Self {
        Self(1 << (hasher.hash_one(text) % u64::from(u64::BITS)))
    }

    /// Whether the set may contain the single text of `bit`.
    pub(crate) fn may_contain(self, bit: Self) -> bool {
        self.0 & bit.0 != 0
    }
}

#[cfg(test)]
mod tests;
