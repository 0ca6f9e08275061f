//! The items on one side of a list: those that name, or those that take away.

use super::budget::{Budget, ListError};
use super::compiled::NamespacePattern;
use super::index::{Hash, Index, Seen};
use super::item::{ItemKind, Positions, is_name, is_odd, name};
use super::prefixes::{Prefix, Prefixes};
use crate::names::{MAX_NAMESPACE, is_label};

/// Items of a text, found by their hashes.
#[derive(Debug, Default)]
struct Indexed {
    items: Positions,
    index: Index,
}

impl Indexed {
    fn new((positions, hashes): (Vec<u32>, Vec<Hash>)) -> Self {
        Self { items: Positions::new(positions), index: Index::new(&hashes, 1) }
    }

    /// Whether one of the items that may have this hash is the one that is meant, by what stands from it on.
    fn any(&self, text: &str, hash: Hash, is_meant: impl Fn(&str) -> bool) -> bool {
        self.index.find(hash).any(|number| is_meant(self.items.rest(text, number)))
    }
}

/// The items on one side: those that name, or those that take away.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Literals that are legal namespaces.
    literals: Indexed,
    prefixes: Prefixes,
    patterns: Box<[NamespacePattern]>,
}

/// So few items are compared one by one: that is faster than to hash what is looked for.
const FEW: usize = 4;

impl Side {
    /// Whether an item names it, a legal namespace; `text` is the list's.
    pub(super) fn matches(&self, text: &str, namespace: &str) -> bool {
        self.is_among(text, namespace) || self.patterns.iter().any(|pattern| pattern.matches_legal(namespace))
    }

    /// The same for four namespaces, some of which may be found already.
    pub(super) fn matches_four(&self, text: &str, namespaces: [&str; 4], found: [bool; 4]) -> [bool; 4] {
        let among = either(found, namespaces.map(|namespace| self.is_among(text, namespace)));
        self.patterns.iter().fold(among, |found, pattern| match found {
            [true, true, true, true] => found,
            _ => either(found, pattern.matches_four(namespaces)),
        })
    }

    /// Whether a literal or a prefix names it.
    fn is_among(&self, text: &str, namespace: &str) -> bool {
        let is_literal = match self.literals.items.len() {
            0 => false,
            1..=FEW => self.literals.items.rests(text).any(|rest| is_name(rest, namespace)),
            _ => self.literals.any(text, Hash::of(namespace), |rest| is_name(rest, namespace)),
        };
        is_literal || self.prefixes.begin(text, namespace)
    }

    /// The legal names, each once.
    pub(super) fn literals<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        self.literals.items.rests(text).map(name)
    }

    /// How many these are.
    pub(super) fn literal_count(&self) -> usize {
        self.literals.items.len()
    }

    /// Whether there is more than names.
    pub(super) fn has_patterns(&self) -> bool {
        !self.prefixes.is_empty() || !self.patterns.is_empty()
    }

    /// Whether no item names anything, whatever namespaces there are.
    pub(super) fn names_nothing(&self) -> bool {
        self.literals.items.is_empty()
            && self.prefixes.is_empty()
            && !self.patterns.iter().any(NamespacePattern::matches_any_namespace)
    }

    /// Whether an item names every namespace: `.*`.
    pub(super) fn has_everything(&self) -> bool {
        self.prefixes.begin_all()
    }
}

fn either(one: [bool; 4], other: [bool; 4]) -> [bool; 4] {
    std::array::from_fn(|which| one[which] | other[which])
}

/// Reads the items of one side.
#[derive(Default)]
pub(super) struct SideReader<'t> {
    text: &'t str,
    literals: (Vec<u32>, Vec<Hash>),
    prefixes: Vec<Prefix>,
    patterns: Vec<NamespacePattern>,
    seen: Seen<'t>,
    /// Whether any item is worth advice, see [`is_odd`].
    pub(super) has_odd_items: bool,
}

impl<'t> SideReader<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, seen: Seen::of(text), ..Self::default() }
    }

    pub(super) fn take(&mut self, position: u32, item: &'t str, budget: &mut Budget) -> Result<(), ListError> {
        // Most items of long lists are such names.
        if is_label(item) {
            let hash = Hash::of(item);
            if self.seen.insert(hash, item) {
                self.literals.0.push(position);
                self.literals.1.push(hash);
            }
            return Ok(());
        }
        self.has_odd_items |= is_odd(item);
        match ItemKind::of(item) {
            ItemKind::Prefix(prefix) if prefix.len() <= MAX_NAMESPACE => {
                self.prefixes.push(Prefix::new(position, prefix));
            }
            // What is no legal name, or can begin none, names nothing, however long it is.
            ItemKind::Literal(_) | ItemKind::Prefix(_) => {}
            ItemKind::Pattern(text) => {
                // First, since the same pattern may come thousands of times.
                if self.seen.insert(Hash::of(item), item) {
                    let pattern = NamespacePattern::parse(text)?;
                    budget.take(&pattern)?;
                    self.patterns.push(pattern);
                }
            }
        }
        Ok(())
    }

    pub(super) fn side(self) -> Side {
        Side {
            literals: Indexed::new(self.literals),
            prefixes: Prefixes::new(self.text, self.prefixes),
            patterns: self.patterns.into(),
        }
    }
}
