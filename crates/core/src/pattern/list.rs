//! A list of namespaces.

use std::fmt;
use std::hash::{Hash as HashTrait, Hasher};
use std::sync::Arc;

use super::budget::{Budget, ListError};
use super::index::{MAX_ITEMS, items};
use super::item::exception;
use super::side::{Side, SideReader};
use crate::names::{excerpt, is_label};

/// A list of namespaces, as in `replicate-to-namespaces` and `replication-allowed-namespaces` (SPEC 2).
///
/// It remembers its text, so that it can be copied word for word; two lists are equal when their texts are. Cheap to clone.
/// Its memory is that of its text and at most 8 bytes for each item, besides what [`Budget`] bounds.
///
/// ```
/// use k8s_replicator_core::pattern::NamespaceList;
///
/// let list = NamespaceList::parse("team-.*, shared, !team-x").unwrap();
/// assert!(list.matches("team-a") && list.matches("shared"));
/// assert!(!list.matches("team-x") && !list.matches("other"));
/// ```
#[derive(Clone, Default)]
pub struct NamespaceList(Arc<Inner>);

#[derive(Default)]
struct Inner {
    text: Arc<str>,
    named: Side,
    /// Of the items with `!`.
    excepted: Option<Box<Side>>,
    /// Whether any item is worth advice, see `is_odd`.
    has_odd_items: bool,
}

impl NamespaceList {
    /// Reads a list. Empty items are skipped, so that `""` is a list, which names nothing.
    ///
    /// # Errors
    /// When a pattern of the list does not compile, or the list is too large: the whole list is ill-formed then.
    pub fn parse(text: &str) -> Result<Self, ListError> {
        Self::parse_within(&text.into(), &mut Budget::default())
    }

    /// The same of a list in which nothing but namespaces can be meant: the name of an object would be taken for a pattern that no
    /// namespace matches. (`replication-allowed-namespaces` is v1.3.0's, which takes it; see the advice `ItemNamesNothing`.)
    ///
    /// # Errors
    /// As [`NamespaceList::parse`], and when an item has a slash.
    pub fn parse_without_slash(text: &Arc<str>, budget: &mut Budget) -> Result<Self, ListError> {
        if text.contains('/')
            && let Some((_, item)) = items(text).find(|(_, item)| item.contains('/'))
        {
            return Err(ListError::Slash(excerpt(item)));
        }
        Self::parse_within(text, budget)
    }

    /// As [`NamespaceList::parse`], as one of several lists of an object; the text is shared.
    ///
    /// # Errors
    /// As [`NamespaceList::parse`].
    pub fn parse_within(text: &Arc<str>, budget: &mut Budget) -> Result<Self, ListError> {
        let (mut named, mut excepted) = (SideReader::of(text), None::<SideReader<'_>>);
        let mut count = 0;
        for (number, (position, item)) in items(text).enumerate() {
            count = number + 1;
            if number == MAX_ITEMS {
                return Err(ListError::TooManyItems);
            }
            match exception(item) {
                (false, item) => named.take(position, item, budget)?,
                (true, "") => {}
                (true, rest) => {
                    let position = position + u32::try_from(item.len() - rest.len()).unwrap_or_default();
                    excepted.get_or_insert_with(|| SideReader::of(text)).take(position, rest, budget)?;
                }
            }
        }
        budget.take_items(count, text.len())?;
        let has_odd_items = named.has_odd_items || excepted.as_ref().is_some_and(|side| side.has_odd_items);
        let excepted = excepted.map(|side| Box::new(side.side()));
        Ok(Self(Arc::new(Inner { text: text.clone(), named: named.side(), excepted, has_odd_items })))
    }

    /// The list, word for word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The items, in the order of the text, trimmed, with their `!`. One may come twice.
    pub fn items(&self) -> impl Iterator<Item = &str> {
        items(&self.0.text).map(|(_, item)| item)
    }

    /// Whether the list names this namespace: some item does, and none with `!` does. A text that is no legal namespace is
    /// never named.
    #[must_use]
    pub fn matches(&self, namespace: &str) -> bool {
        is_label(namespace) && self.matches_legal(namespace)
    }

    /// The same, of a text that is known to be a legal namespace.
    pub(crate) fn matches_legal(&self, namespace: &str) -> bool {
        self.names(namespace) && !self.excepts(namespace)
    }

    /// The same, of four texts that may be anything. Those that something else selects count as named by an item.
    pub(crate) fn matches_four(&self, namespaces: [&str; 4], selected: [bool; 4]) -> [bool; 4] {
        let Inner { text, named, excepted, .. } = &*self.0;
        let named = named.matches_four(text, namespaces, selected);
        let excepted = match excepted {
            Some(side) if named != [false; 4] => side.matches_four(text, namespaces, [false; 4]),
            _ => [false; 4],
        };
        std::array::from_fn(|which| named[which] && !excepted[which] && is_label(namespaces[which]))
    }

    /// Whether some item other than those with `!` names this legal namespace.
    pub(super) fn names(&self, namespace: &str) -> bool {
        self.0.named.matches(&self.0.text, namespace)
    }

    /// Whether an item with `!` takes this legal namespace away.
    pub(crate) fn excepts(&self, namespace: &str) -> bool {
        self.0.excepted.as_ref().is_some_and(|side| side.matches(&self.0.text, namespace))
    }

    /// The namespaces named literally, each once: those which are no legal names, and those that an item with `!` takes away, are
    /// left out.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.literals_where(|_| true)
    }

    /// Those of them that something holds for: it is asked first.
    pub(crate) fn literals_where(&self, holds: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
        self.0.named.literals(&self.0.text).filter(move |namespace| holds(namespace) && !self.excepts(namespace))
    }

    /// How many they are at most.
    pub(crate) fn literal_count(&self) -> usize {
        self.0.named.literal_count()
    }

    /// Whether the list names namespaces by a pattern, and so may name such as do not exist yet.
    #[must_use]
    pub fn has_patterns(&self) -> bool {
        self.0.named.has_patterns()
    }

    /// Whether no item names anything, whatever namespaces there are: there is none, or there are only such with `!`, or
    /// they can match no legal name.
    #[must_use]
    pub fn names_nothing(&self) -> bool {
        self.0.named.names_nothing()
    }

    /// Whether any item is worth advice.
    pub(crate) fn has_odd_items(&self) -> bool {
        self.0.has_odd_items
    }

    /// Whether an item names every namespace: `.*`.
    pub(super) fn has_everything(&self) -> bool {
        self.0.named.has_everything()
    }
}

impl PartialEq for NamespaceList {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for NamespaceList {}

impl HashTrait for NamespaceList {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for NamespaceList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamespaceList({:?})", self.as_str())
    }
}
