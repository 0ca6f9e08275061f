//! Who pushes where: the pushes of all objects, found by the name and by the namespace that they name.
//!
//! A watch event of any object asks "who pushes to this name?"; with thousands of sources that must not mean to ask each of
//! them. So every name that a push says is an entry of one hash table:
//!
//! - an item `namespace/name` by both;
//! - a name that goes into a list of namespaces by the name alone; or, where the list names only one or a few namespaces, by
//!   each pair of the two. Whether the list names the namespace is then a look-up in [`Selections`].
//!
//! An entry is a number of four bytes, and the text is found through it in the annotation itself: one annotation has room for
//! 60,000 names, and what the graph keeps of it must stay in proportion (issue 9: four times its size in all).
//!
//! Numbers of entries are given out in pages, each of one source; a page that is given back is used again.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use crate::annotations::Marks;
use crate::names::{Key, SourceKey};
use crate::observed::Annotated;
use crate::push::{Part, Push};
use crate::selection::{Filter, NamespaceId, Namespaces, Selection, SelectionId, Selections};

/// Entries of one page.
const PAGE: u32 = 64;
/// So many entries more than by name alone a part may have, to be found by namespace and name.
const FEW: usize = 8;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Pushes {
    hasher: RandomState,
    table: HashTable<EntryId>,
    pages: Vec<Page>,
    free_pages: Vec<u32>,
    slots: HashMap<SourceKey, SlotId>,
    sources: Vec<Option<Source>>,
    /// Of each source, the namespaces of its qualified items: most sources are passed over without a look at their items.
    qualified: Vec<Filter>,
    free_slots: Vec<SlotId>,
    selections: Selections<PartOf>,
}

type EntryId = u32;
type SlotId = u32;

/// Whose entries a page holds, and which: from this number of the source's on.
#[derive(Debug, Clone, Copy, Default)]
struct Page {
    slot: SlotId,
    first: u32,
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
    slot: SlotId,
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
        let old = self.slots.remove(key);
        if let Some(old) = old {
            self.remove_entries(old);
        }
        // Before the old selections are let go: a list that is named again need not be asked about every namespace again.
        if let Annotated::Well(marks) = annotated {
            self.add(key, marks, namespaces);
        }
        if let Some(old) = old {
            self.release(old);
        }
        self.shrink();
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
        let pages = self.take_pages(slot, count);
        let literals = (0..push.literal_count()).filter_map(|n| push.literal_target(n));
        let bits = literals.map(|(namespace, _)| Filter::bit(namespace, &self.hasher));
        let qualified = bits.fold(Filter::default(), Filter::and);
        if let (Some(source), Some(filter)) =
            (self.sources.get_mut(slot as usize), self.qualified.get_mut(slot as usize))
        {
            *source = Some(Source { key: key.clone(), marks: marks.clone(), parts, pages });
            *filter = qualified;
        }
        self.slots.insert(key.clone(), slot);
        self.insert_entries(slot, count);
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

    fn take_pages(&mut self, slot: SlotId, entries: u32) -> Box<[u32]> {
        let mut pages = Vec::with_capacity(entries.div_ceil(PAGE) as usize);
        for first in (0..entries).step_by(PAGE as usize) {
            let page = self.free_pages.pop().unwrap_or_else(|| {
                self.pages.push(Page::default());
                (self.pages.len() - 1) as u32
            });
            if let Some(at) = self.pages.get_mut(page as usize) {
                *at = Page { slot, first };
            }
            pages.push(page);
        }
        pages.into()
    }

    fn insert_entries(&mut self, slot: SlotId, count: u32) {
        let Self { hasher, table, pages, sources, .. } = self;
        let rehash = |id: &EntryId| entry(pages, sources, *id).map_or(0, |entry| hash(hasher, entry));
        let Some(Some(source)) = sources.get(slot as usize) else { return };
        table.reserve(count as usize, rehash);
        for id in ids(&source.pages, count) {
            table.insert_unique(rehash(&id), id, rehash);
        }
    }

    fn remove_entries(&mut self, slot: SlotId) {
        let Self { hasher, table, pages, sources, .. } = self;
        let Some(Some(source)) = sources.get(slot as usize) else { return };
        for id in ids(&source.pages, source.count()) {
            let Some(entry) = entry(pages, sources, id) else { continue };
            if let Ok(found) = table.find_entry(hash(hasher, entry), |other| *other == id) {
                found.remove();
            }
        }
    }

    /// What has no entries any more gives the rest back.
    fn release(&mut self, slot: SlotId) {
        if let Some(filter) = self.qualified.get_mut(slot as usize) {
            *filter = Filter::default();
        }
        let Some(source) = self.sources.get_mut(slot as usize).and_then(Option::take) else { return };
        for (part, entries) in (0..).zip(&source.parts) {
            self.selections.remove(entries.selection, &PartOf { slot, part });
        }
        self.free_pages.extend(&source.pages);
        self.free_slots.push(slot);
    }

    /// A table that is nearly empty gives its memory back.
    fn shrink(&mut self) {
        let Self { hasher, table, pages, sources, .. } = self;
        if table.capacity() > 8 * table.len().max(1_000) {
            let rehash = |id: &EntryId| entry(pages, sources, *id).map_or(0, |entry| hash(hasher, entry));
            table.shrink_to(2 * table.len(), rehash);
        }
    }

    /// The sources whose push names this object, in their order, each once; it may be among them itself.
    pub(super) fn pushing_to(&self, target: &Key, namespaces: &impl Namespaces) -> Vec<&SourceKey> {
        let (namespace, name) = (target.namespace(), target.name());
        let mut found = Vec::new();
        if self.table.is_empty() {
            return found;
        }
        let mut id = None;
        for sought in [Some(namespace), None] {
            for at in self.table.iter_hash(hash_of(&self.hasher, sought, name)) {
                let Some(entry) = entry(&self.pages, &self.sources, *at) else { continue };
                if entry.namespace != sought || entry.name != name {
                    continue;
                }
                let id = *id.get_or_insert_with(|| namespaces.find(namespace).map(|(id, _)| id));
                if self.counts(entry.selection, namespace, id) {
                    found.extend(self.source(entry.slot).map(|source| &source.key));
                }
            }
        }
        // The order of the table is that of the hashes, which no two runs have alike.
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether a selection names a namespace, which may exist or not.
    fn counts(&self, selection: Option<SelectionId>, namespace: &str, id: Option<NamespaceId>) -> bool {
        match (selection, id) {
            (None, _) => true,
            (Some(selection), Some(id)) => self.selections.is_named(selection, id),
            (Some(selection), None) => self.selections.would_name(selection, namespace),
        }
    }

    /// Calls `tell` with each namespace and name that an object pushes to: in namespaces that exist, and those said outright that
    /// `also` holds for. One may come twice.
    pub(super) fn each_pushed<N: Namespaces>(
        &self,
        key: &SourceKey,
        namespaces: &N,
        also: impl Fn(&str) -> bool,
        mut tell: impl FnMut(&str, &str),
    ) {
        let Some(source) = self.slots.get(key).and_then(|slot| self.source(*slot)) else { return };
        let Some(push) = source.push() else { return };
        let mut last = ("", false);
        for (namespace, name) in (0..push.literal_count()).filter_map(|n| push.literal_target(n)) {
            // Most have the namespace of the one before.
            if last.0 != namespace {
                last = (namespace, namespaces.find(namespace).is_some() || also(namespace));
            }
            if last.1 {
                tell(namespace, name);
            }
        }
        for (part, entries) in push.parts().iter().zip(&source.parts) {
            let named = self.selections.named(entries.selection).filter_map(|id| namespaces.name(id));
            let selection = selection(part);
            let others =
                selection.literals().filter(|namespace| also(namespace) && namespaces.find(namespace).is_none());
            named.chain(others).for_each(|namespace| part.names().for_each(|name| tell(namespace, name)));
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
    pub(super) fn each_of(&self, parts: &[PartOf], mut tell: impl FnMut(&SourceKey, &str)) {
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
                if namespaces.find(namespace).is_some() || also(namespace) {
                    all.entry(namespace).or_default().push(name);
                }
            }
            for part in push.parts() {
                let outside = part.namespaces().list().literals().filter(|namespace| also(namespace));
                for namespace in outside.filter(|namespace| namespaces.find(namespace).is_none()) {
                    all.entry(namespace).or_default().extend(part.names());
                }
            }
        }
        all
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

    /// How many entries it has.
    fn count(&self) -> u32 {
        let Some(push) = self.push() else { return 0 };
        let parts = push.parts().iter().zip(&self.parts);
        let of_part = |(part, entries): (&Part, &PartEntries)| part.name_count() as u32 * entries.pairs.max(1);
        push.literal_count() as u32 + parts.map(of_part).sum::<u32>()
    }
}

fn selection(part: &Part) -> Selection {
    part.namespaces().clone()
}

/// With how many namespaces each name of a part is paired, see the [module](self).
fn pairs(part: &Part, selection: &Selection) -> u32 {
    let names = part.name_count();
    let most = FEW + 1;
    let Some(count) = selection.at_most().map(|at_most| at_most.take(most + 1).count()) else { return 0 };
    if count <= most && names * count <= names + FEW { count as u32 } else { 0 }
}

/// The numbers of a source's entries, in their order.
fn ids(pages: &[u32], count: u32) -> impl Iterator<Item = EntryId> {
    let of_page = |page: &u32| (page * PAGE)..(page * PAGE + PAGE);
    pages.iter().flat_map(of_page).take(count as usize)
}

/// What an entry says, found through its page and its source's annotations.
fn entry<'a>(pages: &[Page], sources: &'a [Option<Source>], id: EntryId) -> Option<Entry<'a>> {
    let Page { slot, first } = *pages.get((id / PAGE) as usize)?;
    let number = first + id % PAGE;
    let source = sources.get(slot as usize)?.as_ref()?;
    let push = source.push()?;
    if let Some((namespace, name)) = push.literal_target(number as usize) {
        return Some(Entry { slot, namespace: Some(namespace), name, selection: None });
    }
    // The last part that begins here or before: one without names has no entries.
    let part = source.parts.partition_point(|part| part.first <= number).checked_sub(1)?;
    let (entries, part) = (source.parts.get(part)?, push.parts().get(part)?);
    let number = number - entries.first;
    let (name, namespace) = match entries.pairs {
        0 => (number, None),
        pairs => (number / pairs, Some(part.namespaces().list().literals().nth((number % pairs) as usize)?)),
    };
    Some(Entry { slot, namespace, name: part.name(name as usize)?, selection: Some(entries.selection) })
}

fn hash(hasher: &RandomState, entry: Entry<'_>) -> u64 {
    hash_of(hasher, entry.namespace, entry.name)
}

fn hash_of(hasher: &RandomState, namespace: Option<&str>, name: &str) -> u64 {
    let mut state = hasher.build_hasher();
    namespace.hash(&mut state);
    name.hash(&mut state);
    state.finish()
}

#[cfg(test)]
mod tests;
