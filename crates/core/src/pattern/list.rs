//! A comma list of namespaces and patterns.

use super::{NamespacePattern, PatternError};
use crate::names::is_label;

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

/// A list of namespaces, as in `replicate-to-namespaces` and `replication-allowed-namespaces` (SPEC 2).
///
/// It remembers its text, so that it can be copied word for word; two lists are equal when their texts are.
#[derive(Debug, Clone)]
pub struct NamespaceList {
    text: Box<str>,
    items: Box<[NamespaceItem]>,
}

impl NamespaceList {
    /// Reads a comma list. Empty items are skipped, so that `""` is a list, which names nothing.
    ///
    /// # Errors
    /// When a pattern of the list does not compile: the whole list is ill-formed then.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let items = text.split(',').filter(|item| !item.is_empty()).map(NamespaceItem::parse);
        Ok(Self { text: text.into(), items: items.collect::<Result<_, _>>()? })
    }

    /// A list of these items.
    pub(super) fn of(items: Vec<NamespaceItem>) -> Self {
        let texts: Vec<_> = items.iter().map(NamespaceItem::as_str).collect();
        Self { text: texts.join(",").into(), items: items.into() }
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
        is_label(namespace)
            && self.items.iter().any(|item| match item {
                NamespaceItem::Literal(text) => **text == *namespace,
                NamespaceItem::Pattern(pattern) => pattern.matches(namespace),
            })
    }

    /// The namespaces named literally; those which are no legal names are left out. One may come twice.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(NamespaceItem::literal)
    }

    /// The patterns. One may come twice.
    pub fn patterns(&self) -> impl Iterator<Item = &NamespacePattern> {
        self.items.iter().filter_map(|item| match item {
            NamespaceItem::Literal(_) => None,
            NamespaceItem::Pattern(pattern) => Some(pattern),
        })
    }

    /// Whether the list has any pattern, and so may name namespaces that do not exist yet.
    #[must_use]
    pub fn has_patterns(&self) -> bool {
        self.patterns().next().is_some()
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
