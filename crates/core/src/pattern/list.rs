//! A comma list of namespaces and patterns.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{NamespacePattern, PatternError, SyntaxError};
use crate::names::{excerpt, is_label};

/// One item of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceItem {
    /// A text without regex characters (`[0-9a-z.-]+`). It names the namespace that it is, or nothing if it is not a
    /// legal one (`ns-.`).
    Literal(Box<str>),
    /// Any other text.
    Pattern(NamespacePattern),
}

impl NamespaceItem {
    /// Reads one item. It is not trimmed: a space belongs to it, and makes it a pattern.
    ///
    /// # Errors
    /// When it is a pattern that does not compile.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let literal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'.' | b'-');
        if !text.is_empty() && text.bytes().all(literal) {
            return Ok(Self::Literal(text.into()));
        }
        NamespacePattern::parse(text).map(Self::Pattern)
    }

    /// The item, word for word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Literal(text) => text,
            Self::Pattern(pattern) => pattern.as_str(),
        }
    }

    /// The namespace that a literal names.
    pub(super) fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) if is_label(text) => Some(text),
            _ => None,
        }
    }
}

/// The memory, in bytes, that the patterns of one annotation may still take together. Each of them alone is bounded; an
/// annotation has room for thousands, and every object of the cluster for such annotations.
#[derive(Debug)]
pub struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        // Some hundred patterns as people write them, or four of the largest.
        Self(1 << 20)
    }
}

impl Budget {
    fn take(&mut self, item: &NamespaceItem) -> Result<(), PatternError> {
        let NamespaceItem::Pattern(pattern) = item else { return Ok(()) };
        let left = self.0.checked_sub(pattern.memory());
        let too_large = || PatternError { item: excerpt(pattern.as_str()), reason: SyntaxError::TooLarge };
        self.0 = left.ok_or_else(too_large)?;
        Ok(())
    }
}

/// A list of namespaces, as in `replicate-to-namespaces` and `replication-allowed-namespaces` (SPEC 2).
///
/// It remembers its text, so that it can be copied word for word; two lists are equal when their texts are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct NamespaceList {
    text: Arc<str>,
    items: Arc<[NamespaceItem]>,
    /// Which of the items are literals, ordered by them: a list may name thousands of namespaces, and is asked about each.
    literals: Arc<[u32]>,
    /// Which are patterns.
    patterns: Arc<[u32]>,
}

impl NamespaceList {
    /// Reads a comma list. Empty items are skipped, so that `""` is a list, which names nothing.
    ///
    /// # Errors
    /// When a pattern of the list does not compile, or all of them are too large together: the whole list is ill-formed then.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        Self::parse_within(text, &mut Budget::default())
    }

    /// The same, as one of several lists of an annotation.
    ///
    /// # Errors
    /// As [`NamespaceList::parse`].
    pub fn parse_within(text: &str, budget: &mut Budget) -> Result<Self, PatternError> {
        let items = text.split(',').filter(|item| !item.is_empty()).map(|item| {
            let item = NamespaceItem::parse(item)?;
            budget.take(&item).map(|()| item)
        });
        Ok(Self::new(text.into(), items.collect::<Result<_, _>>()?))
    }

    /// A list of these items.
    pub(super) fn of(items: Vec<NamespaceItem>) -> Self {
        let texts: Vec<_> = items.iter().map(NamespaceItem::as_str).collect();
        Self::new(texts.join(",").into(), items.into())
    }

    fn new(text: Arc<str>, items: Arc<[NamespaceItem]>) -> Self {
        let (mut literals, mut patterns) = (Vec::new(), Vec::new());
        for (index, item) in (0..).zip(&*items) {
            match item {
                NamespaceItem::Literal(_) => literals.push(index),
                NamespaceItem::Pattern(_) => patterns.push(index),
            }
        }
        literals.sort_by_key(|index| items[*index as usize].as_str());
        Self { text, items, literals: literals.into(), patterns: patterns.into() }
    }

    /// The list, word for word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The items, in the order of the text.
    #[must_use]
    pub fn items(&self) -> &[NamespaceItem] {
        &self.items
    }

    /// Whether the list names this namespace. A text that is no legal namespace is never named.
    #[must_use]
    pub fn matches(&self, namespace: &str) -> bool {
        let literal = |index: &u32| self.item(*index).as_str().cmp(namespace);
        is_label(namespace)
            && (self.literals.binary_search_by(literal).is_ok()
                || self.patterns().any(|pattern| pattern.matches(namespace)))
    }

    fn item(&self, index: u32) -> &NamespaceItem {
        &self.items[index as usize]
    }

    /// The namespaces named literally; those which are no legal names are left out. One may come twice.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(NamespaceItem::literal)
    }

    /// The patterns. One may come twice.
    pub fn patterns(&self) -> impl Iterator<Item = &NamespacePattern> {
        self.patterns.iter().filter_map(|index| match self.item(*index) {
            NamespaceItem::Literal(_) => None,
            NamespaceItem::Pattern(pattern) => Some(pattern),
        })
    }

    /// Whether the list has any pattern, and so may name namespaces that do not exist yet.
    #[must_use]
    pub fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }

    /// Whether the list has no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl PartialEq for NamespaceList {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for NamespaceList {}

impl Hash for NamespaceList {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
