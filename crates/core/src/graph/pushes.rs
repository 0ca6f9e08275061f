//! Who pushes where: the pushes of all objects, found by the name and by the namespace that they name.
//!
//! A watch event of any object asks "who pushes to this name?"; with thousands of sources that must not mean to ask each of
//! them. So every name that a push says is an entry of one hash table:
//!
//! - an item `namespace/name` by both;
//! - a name that goes into a list of namespaces by the name alone; or, where the list names only one or a few namespaces, by
//!   each pair of the two. Whether the list names the namespace is then a look-up in [`Selections`].
//!
//! An entry is a number, and the text is found through it in the annotation itself: one annotation has room for 8,192 names, and
//! what is kept of it must stay in proportion (issue 9: four times its size in all).

mod entries;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use crate::annotations::Marks;
use crate::names::{Key, SourceKey};
use crate::observed::Annotated;
use crate::push::{Part, Push};
use crate::selection::{Filter, IdSet, NamespaceId, Namespaces, Selection, SelectionId, Selections};

use super::touched::{MOST_AT_ONCE, Touched, Wide, target};
use entries::{Entries, SlotId};

/// So many entries more than by name alone a part may have, to be found by namespace and name.
const FEW: usize = 8;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Pushes {
    hasher: RandomState,
    entries: Entries,
    slots: HashMap<SourceKey, SlotId>,
    sources: Vec<Option<Source>>,
    /// Of each source, the namespaces of its qualified items: most sources are passed over without a look at their items.
    qualified: Vec<Filter>,
    free_slots: Vec<SlotId>,
    selections: Selections<PartOf>,
}

/// One part of a source's push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PartOf {
    slot: SlotId,
    part: u32,
}

#[derive(Debug)]
struct Source {
    key: SourceKey,
    marks: Arc<Marks>,
    parts: Box<[PartEntries]>,
    pages: Box<[u32]>,
}

/// The entries of one part.
#[derive(Debug, Clone, Copy)]
struct PartEntries {
    selection: SelectionId,
    /// The number of the first among the source's entries.
    first: u32,
    /// How many namespaces each name is paired with; 0: it is found by its name alone.
    pairs: u32,
}

/// What one entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry<'a> {
    /// `None`: whatever the selection names.
    namespace: Option<&'a str>,
    name: &'a str,
    /// Which namespaces count; `None`: the one that stands there.
    selection: Option<SelectionId>,
}

impl Pushes {
    /// An object has these annotations now, and pushes what they say, or nothing.
    pub(super) fn set(&mut self, key: &SourceKey, annotated: &Annotated, namespaces: &impl Namespaces) {
        if self.says_the_same(key, annotated) {
            return;
        }
        let old = self.slots.remove(key).and_then(|slot| Some((slot, self.remove_entries(slot)?)));
        // Before the old selections are dropped: a list that is named again need not be asked about every namespace again.
        if let Annotated::Well(marks) = annotated {
            self.add(key, marks, namespaces);
        }
        if let Some((slot, source)) = old {
            for (part, entries) in (0..).zip(&source.parts) {
                self.selections.remove(entries.selection, &PartOf { slot, part });
            }
            self.free_slots.push(slot);
        }
        let Self { hasher, entries, sources, .. } = self;
        entries.shrink(|slot, number| hash(hasher, sources, slot, number));
    }

    /// Whether the push is the one that is there already; then only its words are those of the new annotations.
    fn says_the_same(&mut self, key: &SourceKey, annotated: &Annotated) -> bool {
        let (Some(slot), Annotated::Well(marks)) = (self.slots.get(key), annotated) else { return false };
        let Some(Some(source)) = self.sources.get_mut(*slot as usize) else { return false };
        let same = source.push() == marks.effective_push();
        if same {
            source.marks = marks.clone();
        }
        same
    }

    fn add(&mut self, key: &SourceKey, marks: &Arc<Marks>, namespaces: &impl Namespaces) {
        let Some(push) = marks.effective_push() else { return };
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.sources.push(None);
            self.qualified.push(Filter::default());
            (self.sources.len() - 1) as SlotId
        });
        let (parts, count) = self.register_parts(slot, push, namespaces);
        let literals = (0..push.literal_count()).filter_map(|n| push.literal_target(n));
        let qualified = Filter::of_all(literals.map(|(namespace, _)| namespace), &self.hasher);
        if let (Some(source), Some(filter)) =
            (self.sources.get_mut(slot as usize), self.qualified.get_mut(slot as usize))
        {
            *source = Some(Source { key: key.clone(), marks: marks.clone(), parts, pages: Box::default() });
            *filter = qualified;
        }
        self.slots.insert(key.clone(), slot);
        let Self { hasher, entries, sources, .. } = self;
        let pages = entries.add(slot, count, |slot, number| hash(hasher, sources, slot, number));
        if let Some(Some(source)) = self.sources.get_mut(slot as usize) {
            source.pages = pages;
        }
    }

    /// A source's entries are found no more; what it has of selections it still has.
    fn remove_entries(&mut self, slot: SlotId) -> Option<Source> {
        let Self { hasher, entries, sources, qualified, .. } = self;
        let pages = sources.get_mut(slot as usize)?.as_mut().map(|source| std::mem::take(&mut source.pages))?;
        entries.remove(&pages, |slot, number| hash(hasher, sources, slot, number));
        *qualified.get_mut(slot as usize)? = Filter::default();
        sources.get_mut(slot as usize)?.take()
    }

    /// Each part's selection, and where its entries begin; and how many entries there are in all.
    fn register_parts(&mut self, slot: SlotId, push: &Push, namespaces: &impl Namespaces) -> (Box<[PartEntries]>, u32) {
        let mut next = push.literal_count();
        let mut parts = Vec::with_capacity(push.parts().len());
        for (number, part) in (0..).zip(push.parts()) {
            let selection = selection(part);
            let pairs = pairs(part, &selection);
            let selection = self.selections.add(&selection, PartOf { slot, part: number }, namespaces);
            parts.push(PartEntries { selection, first: next as u32, pairs });
            next += part.name_count() * pairs.max(1) as usize;
        }
        // An annotation of 256 KiB, the most that the API server takes, has not so many items.
        (parts.into(), next as u32)
    }

    /// The sources whose push names this object, in their order, each once; it may be among them itself.
    pub(super) fn pushing_to(&self, target: &Key, namespaces: &impl Namespaces) -> Vec<&SourceKey> {
        let slots = self.slots_naming(target, namespaces, |_| true);
        let mut found: Vec<_> = slots.filter_map(|slot| Some(&self.source(slot)?.key)).collect();
        // The order of entries is that of the hashes, which no two runs have alike.
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether the push of one source names this object.
    pub(super) fn pushes_to(&self, source: &SourceKey, target: &Key, namespaces: &impl Namespaces) -> bool {
        let slot = self.slots.get(source);
        slot.is_some_and(|slot| self.slots_naming(target, namespaces, |other| other == *slot).next().is_some())
    }

    /// The sources whose push names this object, of those that are wanted. One may come twice.
    fn slots_naming<'a>(
        &'a self,
        target: &'a Key,
        namespaces: &'a impl Namespaces,
        is_wanted: impl Fn(SlotId) -> bool + Copy,
    ) -> impl Iterator<Item = SlotId> {
        let (namespace, name) = (target.namespace(), target.name());
        let id = OnceCell::new();
        let sought = [Some(namespace), None].into_iter().filter(|_| !self.entries.is_empty());
        let found = sought.flat_map(move |sought| {
            let entries =
                self.entries.find(hash_of(&self.hasher, sought, name)).filter(move |(slot, _)| is_wanted(*slot));
            let entries = entries.filter_map(|(slot, number)| Some((slot, entry(&self.sources, slot, number)?)));
            entries.filter(move |(_, entry)| entry.namespace == sought && entry.name == name)
        });
        found.filter_map(move |(slot, entry)| {
            let id = *id.get_or_init(|| namespaces.find(namespace).map(|(id, _)| id));
            self.counts(entry.selection, namespace, id).then_some(slot)
        })
    }

    /// Whether a selection names a namespace, which may exist or not.
    fn counts(&self, selection: Option<SelectionId>, namespace: &str, id: Option<NamespaceId>) -> bool {
        match (selection, id) {
            (None, _) => true,
            (Some(selection), Some(id)) => self.selections.is_named(selection, id),
            (Some(selection), None) => self.selections.would_name(selection, namespace),
        }
    }

    /// Touches each name that an object pushes to: in namespaces that exist, and those said outright that `also` holds for. One may
    /// come twice.
    pub(super) fn touch(
        &self,
        key: &SourceKey,
        namespaces: &impl Namespaces,
        also: impl Fn(&str) -> bool,
        touched: &mut Touched,
    ) {
        let Some(source) = self.slots.get(key).and_then(|slot| self.source(*slot)) else { return };
        let Some(push) = source.push() else { return };
        touched.targets.reserve(push.literal_count());
        let mut last = ("", false);
        for (namespace, name) in (0..push.literal_count()).filter_map(|n| push.literal_target(n)) {
            // Most have the namespace of the one before.
            if last.0 != namespace {
                last = (namespace, namespaces.find(namespace).is_some() || also(namespace));
            }
            if last.1 {
                touched.extend(target(key, namespace, name));
            }
        }
        for (number, (part, entries)) in push.parts().iter().zip(&source.parts).enumerate() {
            let named = self.selections.set_of(entries.selection);
            // Sixteen parts may name almost so many each.
            let room = MOST_AT_ONCE.saturating_sub(touched.targets.len());
            let is_wide = named.is_some_and(|named| named.len() * part.name_count() > room);
            let one_by_one = named.filter(|_| !is_wide).into_iter().flat_map(IdSet::iter);
            let others =
                part.namespaces().list().literals_where(&also).filter(|namespace| namespaces.find(namespace).is_none());
            for namespace in one_by_one.filter_map(|id| namespaces.name(id)).chain(others) {
                touched.extend(part.names().filter_map(|name| target(key, namespace, name)));
            }
            if let Some(named) = named.filter(|_| is_wide) {
                touched.wide.push(Wide::new(key, &source.marks, number, named.clone()));
            }
        }
    }

    /// Whether an object pushes to any name in a namespace that exists.
    pub(super) fn reaches(&self, key: &SourceKey, namespaces: &impl Namespaces) -> bool {
        let Some(source) = self.slots.get(key).and_then(|slot| self.source(*slot)) else { return false };
        let Some(push) = source.push() else { return false };
        let exists = |(namespace, _): (&str, &str)| namespaces.find(namespace).is_some();
        let mut parts = push.parts().iter().zip(&source.parts).filter(|(part, _)| !part.is_empty());
        push.literal_targets().any(exists)
            || parts.any(|(_, entries)| self.selections.named(entries.selection).next().is_some())
    }

    /// Calls `tell` with each source that pushes into a namespace, and the name that it pushes to. One may come twice.
    pub(super) fn each_into(&self, namespace: &str, id: Option<NamespaceId>, mut tell: impl FnMut(&SourceKey, &str)) {
        let bit = Filter::bit(namespace, &self.hasher);
        for (source, _) in self.sources.iter().zip(&self.qualified).filter(|(_, filter)| filter.may_contain(bit)) {
            let Some((source, push)) = source.as_ref().and_then(|source| Some((source, source.push()?))) else {
                continue;
            };
            push.literal_names_in(namespace).for_each(|name| tell(&source.key, name));
        }
        for user in id.into_iter().flat_map(|id| self.selections.users_naming(id)) {
            if let Some((source, part)) = self.part(*user) {
                part.names().for_each(|name| tell(&source.key, name));
            }
        }
    }

    /// Calls `tell` with each source of these parts of pushes, and each name that it pushes to.
    pub(super) fn each_of_parts(&self, parts: &[PartOf], mut tell: impl FnMut(&SourceKey, &str)) {
        for (source, part) in parts.iter().filter_map(|part| self.part(*part)) {
            part.names().for_each(|name| tell(&source.key, name));
        }
    }

    /// All names that are pushed to, by their namespace: in namespaces that exist, and those said outright that `also` holds
    /// for. One may come twice.
    pub(super) fn all<'a>(
        &'a self,
        namespaces: &'a impl Namespaces,
        also: impl Fn(&str) -> bool,
    ) -> HashMap<&'a str, Vec<&'a str>> {
        let mut all: HashMap<&str, Vec<&str>> = HashMap::new();
        for (users, named) in self.selections.all() {
            let parts = users.iter().filter_map(|user| self.part(*user));
            let names: Vec<&str> = parts.flat_map(|(_, part)| part.names()).collect();
            for namespace in named.filter_map(|id| namespaces.name(id)) {
                all.entry(namespace).or_default().extend(&names);
            }
        }
        for push in self.sources.iter().flatten().filter_map(Source::push) {
            for (namespace, name) in (0..push.literal_count()).filter_map(|n| push.literal_target(n)) {
                if namespaces.find(namespace).is_some() {
                    all.entry(namespace).or_default().push(name);
                }
            }
        }
        self.each_nowhere(namespaces, also, |namespace, name| all.entry(namespace).or_default().push(name));
        all
    }

    /// Calls `tell` with each namespace that a push says outright, that `also` holds for and that does not exist, and the name there. One
    /// may come twice.
    pub(super) fn each_nowhere<'a>(
        &'a self,
        namespaces: &impl Namespaces,
        also: impl Fn(&str) -> bool,
        mut tell: impl FnMut(&'a str, &'a str),
    ) {
        let is_missing = |namespace: &str| also(namespace) && namespaces.find(namespace).is_none();
        for push in self.sources.iter().flatten().filter_map(Source::push) {
            let literals = (0..push.literal_count()).filter_map(|n| push.literal_target(n));
            literals.filter(|(namespace, _)| is_missing(namespace)).for_each(|(namespace, name)| tell(namespace, name));
            for part in push.parts() {
                for namespace in part.namespaces().list().literals_where(is_missing) {
                    part.names().for_each(|name| tell(namespace, name));
                }
            }
        }
    }

    /// The selections of namespaces that pushes make.
    pub(super) fn selections_mut(&mut self) -> &mut Selections<PartOf> {
        &mut self.selections
    }

    fn source(&self, slot: SlotId) -> Option<&Source> {
        self.sources.get(slot as usize)?.as_ref()
    }

    fn part(&self, PartOf { slot, part }: PartOf) -> Option<(&Source, &Part)> {
        let source = self.source(slot)?;
        Some((source, source.push()?.parts().get(part as usize)?))
    }
}

impl Source {
    fn push(&self) -> Option<&Push> {
        self.marks.effective_push()
    }
}

fn selection(part: &Part) -> Selection {
    part.namespaces().clone()
}

/// With how many namespaces each name of a part is paired, see the [module](self).
fn pairs(part: &Part, selection: &Selection) -> u32 {
    let names = part.name_count();
    let most = FEW + 1;
    let Some(count) = selection.only().map(|only| only.take(most + 1).count()) else { return 0 };
    if count <= most && names * count <= names + FEW { count as u32 } else { 0 }
}

/// What one of a source's entries says, found in its annotations.
fn entry(sources: &[Option<Source>], slot: SlotId, number: u32) -> Option<Entry<'_>> {
    let source = sources.get(slot as usize)?.as_ref()?;
    let push = source.push()?;
    if let Some((namespace, name)) = push.literal_target(number as usize) {
        return Some(Entry { namespace: Some(namespace), name, selection: None });
    }
    // The last part that begins here or before: one without names has no entries.
    let part = source.parts.partition_point(|part| part.first <= number).checked_sub(1)?;
    let (entries, part) = (source.parts.get(part)?, push.parts().get(part)?);
    let number = number - entries.first;
    let (name, namespace) = match entries.pairs {
        0 => (number, None),
        pairs => (number / pairs, Some(part.namespaces().list().literals().nth((number % pairs) as usize)?)),
    };
    Some(Entry { namespace, name: part.name(name as usize)?, selection: Some(entries.selection) })
}

fn hash(hasher: &RandomState, sources: &[Option<Source>], slot: SlotId, number: u32) -> u64 {
    entry(sources, slot, number).map_or(0, |entry| hash_of(hasher, entry.namespace, entry.name))
}

fn hash_of(hasher: &RandomState, namespace: Option<&str>, name: &str) -> u64 {
    let mut state = hasher.build_hasher();
    namespace.hash(&mut state);
    name.hash(&mut state);
    state.finish()
}

#[cfg(test)]
mod tests;
