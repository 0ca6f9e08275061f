//! The numbers of things found by their hashes, for six or seven bytes each, whatever their count is.
//!
//! Each slot has some things, numbered from 0 on; the caller says what the hash of one is. Things with the same remainder of the
//! hash form a chain, and a slot's links are kept in pages of its own, so that its memory comes and goes with it. (An open hash
//! table takes five to twelve bytes, and is copied as a whole when it grows.)

pub(super) type SlotId = u32;
type EntryId = u32;

/// Entries of one page.
const PAGE: u32 = 64;
/// The end of a chain.
const NONE: EntryId = EntryId::MAX;
/// So many entries at most a chain has in the mean.
const LONG: usize = 3;
/// So few chains are not worth to be given back.
const FEW: usize = 1_000;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// The first of each chain.
    chains: Vec<EntryId>,
    pages: Vec<Page>,
    free_pages: Vec<u32>,
    count: usize,
}

/// Some of the entries of one slot, from this number of its own on.
#[derive(Debug, Default)]
struct Page {
    slot: SlotId,
    first: u32,
    /// For each of them the next one in its chain.
    next: Box<[EntryId]>,
}

impl Entries {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Whether all pages are free.
    #[cfg(test)]
    pub(super) fn is_clean(&self) -> bool {
        self.pages.len() == self.free_pages.len() && self.pages.iter().all(|page| page.next.is_empty())
    }

    /// Adds so many entries of a slot. Returns their pages.
    pub(super) fn add(&mut self, slot: SlotId, count: u32, hash: impl Fn(SlotId, u32) -> u64) -> Box<[u32]> {
        self.count += count as usize;
        self.resize(&hash);
        let mut pages = Vec::with_capacity(count.div_ceil(PAGE) as usize);
        for first in (0..count).step_by(PAGE as usize) {
            let number = self.free_pages.pop().unwrap_or_else(|| {
                self.pages.push(Page::default());
                (self.pages.len() - 1) as u32
            });
            let next = vec![NONE; PAGE.min(count - first) as usize].into();
            if let Some(page) = self.pages.get_mut(number as usize) {
                *page = Page { slot, first, next };
            }
            self.link(number, &hash);
            pages.push(number);
        }
        pages.into()
    }

    /// Removes the entries on some pages: all of a slot.
    pub(super) fn remove(&mut self, pages: &[u32], hash: impl Fn(SlotId, u32) -> u64) {
        for number in pages {
            let Some(page) = self.pages.get(*number as usize) else { continue };
            let (slot, first, count) = (page.slot, page.first, page.next.len() as u32);
            for place in 0..count {
                self.unlink(number * PAGE + place, hash(slot, first + place));
            }
            if let Some(page) = self.pages.get_mut(*number as usize) {
                *page = Page::default();
            }
            self.count -= count as usize;
        }
        self.free_pages.extend(pages);
    }

    /// When much was removed, memory is given back.
    pub(super) fn shrink(&mut self, hash: impl Fn(SlotId, u32) -> u64) {
        if self.chains.len() > FEW && self.count < self.chains.len() {
            self.chains = Vec::new();
            self.resize(&hash);
        }
    }

    /// The slots and numbers of the entries that may have this hash.
    pub(super) fn find(&self, hash: u64) -> impl Iterator<Item = (SlotId, u32)> {
        let mut id = self.chain(hash).and_then(|chain| self.chains.get(chain)).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let page = self.pages.get((id / PAGE) as usize)?;
            let found = (page.slot, page.first + id % PAGE);
            id = page.next.get((id % PAGE) as usize).copied()?;
            Some(found)
        })
    }

    fn chain(&self, hash: u64) -> Option<usize> {
        Some(hash as usize & self.chains.len().checked_sub(1)?)
    }

    /// Makes room for the entries that are counted.
    fn resize(&mut self, hash: &impl Fn(SlotId, u32) -> u64) {
        let wanted = self.count.div_ceil(LONG);
        if wanted <= self.chains.len() {
            return;
        }
        self.chains = Vec::new();
        self.chains = vec![NONE; wanted.next_power_of_two()];
        (0..self.pages.len() as u32).for_each(|page| self.link(page, hash));
    }

    /// Puts the entries of a page in their chains.
    fn link(&mut self, number: u32, hash: &impl Fn(SlotId, u32) -> u64) {
        let mask = self.chains.len().wrapping_sub(1);
        let Some(Page { slot, first, next }) = self.pages.get_mut(number as usize) else { return };
        for (place, next) in (0..).zip(next) {
            if let Some(start) = self.chains.get_mut(hash(*slot, *first + place) as usize & mask) {
                *next = std::mem::replace(start, number * PAGE + place);
            }
        }
    }

    fn unlink(&mut self, id: EntryId, hash: u64) {
        let Some(chain) = self.chain(hash) else { return };
        let after = self.next(id);
        let Some(start) = self.chains.get_mut(chain) else { return };
        let mut at = *start;
        if at == id {
            *start = after;
            return;
        }
        while at != NONE {
            let next = self.next(at);
            if next == id {
                let page = self.pages.get_mut((at / PAGE) as usize);
                if let Some(link) = page.and_then(|page| page.next.get_mut((at % PAGE) as usize)) {
                    *link = after;
                }
                return;
            }
            at = next;
        }
    }

    fn next(&self, id: EntryId) -> EntryId {
        let page = self.pages.get((id / PAGE) as usize);
        page.and_then(|page| page.next.get((id % PAGE) as usize)).copied().unwrap_or(NONE)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_in_it_is_found_and_nothing_else(
            steps in prop::collection::vec((0..8u32, prop_oneof![0..3u32, 60..70u32, 4_000..5_000u32]), 0..12),
            few in any::<bool>(),
        ) {
            let hash = |slot: SlotId, number: u32| match few {
                true => u64::from(number % 3),
                false => (u64::from(slot) << 32 | u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20,
            };
            let (mut entries, most) = (Entries::default(), if few { 200 } else { u32::MAX });
            let mut pages: BTreeMap<SlotId, (u32, Box<[u32]>)> = BTreeMap::new();
            for (slot, count) in steps {
                let count = count.min(most);
                match pages.remove(&slot) {
                    Some((_, pages)) => {
                        entries.remove(&pages, hash);
                        entries.shrink(hash);
                    }
                    None => drop(pages.insert(slot, (count, entries.add(slot, count, hash)))),
                }
                let expected: usize = pages.values().map(|(count, _)| *count as usize).sum();
                prop_assert_eq!((entries.len(), entries.is_empty()), (expected, expected == 0));
                let mut all: Vec<(SlotId, u32)> = (0..entries.chains.len()).flat_map(|chain| entries.find(chain as u64)).collect();
                all.sort_unstable();
                prop_assert!(all.into_iter().eq(pages.iter().flat_map(|(slot, (count, _))| (0..*count).map(|n| (*slot, n)))));
                for (slot, (count, _)) in &pages {
                    for number in [0, 1, 63, 64, *count / 2].into_iter().filter(|number| number < count) {
                        prop_assert!(entries.find(hash(*slot, number)).any(|found| found == (*slot, number)));
                    }
                }
            }
            for (_, pages) in pages.into_values() {
                entries.remove(&pages, hash);
            }
            prop_assert!(entries.is_empty() && entries.is_clean());
        }
    }
}
