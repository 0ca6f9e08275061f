//! What a chain of pulls still allows.

use std::collections::HashSet;
use std::fmt;

use super::{NamespaceItem, NamespaceList, PatternError};

const EVERYTHING: &str = ".*";
const NOTHING: &str = "-";

/// The value of `replicated-from-allowed`: the namespaces that the whole chain above still allows (SPEC 2).
///
/// Its `Display` is the annotation's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Every namespace: `.*`.
    All,
    /// No namespace: `-`.
    None,
    /// The namespaces of a list, which may be none as well.
    List(NamespaceList),
}

impl Allowed {
    /// Reads the annotation.
    ///
    /// # Errors
    /// When it is an ill-formed list.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        NamespaceList::parse(text).map(Self::from)
    }

    /// Whether this namespace is allowed.
    #[must_use]
    pub fn matches(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::List(list) => list.matches(namespace),
        }
    }

    /// The annotation's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::All => EVERYTHING,
            Self::None => NOTHING,
            Self::List(list) => list.as_str(),
        }
    }
}

impl From<NamespaceList> for Allowed {
    fn from(list: NamespaceList) -> Self {
        match list.as_str() {
            EVERYTHING => Self::All,
            NOTHING => Self::None,
            _ => Self::List(list),
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is left of `inherited` after a source whose own list is `own` (SPEC 5, 8).
///
/// `own` is the source's `replication-allowed-namespaces`: absent allows all. `inherited` is its
/// `replicated-from-allowed` if it pulls itself; `None` if it does not.
///
/// Where one side is no limit the other is copied word for word. Else the items that are in both lists are kept, and the
/// literals of one that match a pattern of the other: first those of `own`, then those of `inherited`, each once. This
/// never allows what one side forbids; it may forbid what both allow, as two different patterns have no item in common.
#[must_use]
pub fn narrow(own: Option<&NamespaceList>, inherited: Option<&Allowed>) -> Allowed {
    let own = own.filter(|list| list.as_str() != EVERYTHING);
    match (own, inherited.unwrap_or(&Allowed::All)) {
        (_, Allowed::None) => Allowed::None,
        (None, inherited) => inherited.clone(),
        (Some(own), Allowed::All) => own.clone().into(),
        (Some(own), Allowed::List(inherited)) => common(own, inherited),
    }
}

fn common(own: &NamespaceList, inherited: &NamespaceList) -> Allowed {
    let in_both: HashSet<_> = inherited.items().iter().map(NamespaceItem::as_str).collect();
    let of_own =
        own.items().iter().filter(|item| in_both.contains(item.as_str()) || is_literal_within(item, inherited));
    let of_inherited = inherited.items().iter().filter(|item| is_literal_within(item, own));
    let mut seen = HashSet::new();
    let items: Vec<_> = of_own.chain(of_inherited).filter(|item| seen.insert(item.as_str())).cloned().collect();
    if items.is_empty() { Allowed::None } else { NamespaceList::of(items).into() }
}

/// Whether the item names one namespace, and a pattern of the list matches it.
fn is_literal_within(item: &NamespaceItem, list: &NamespaceList) -> bool {
    item.literal().is_some_and(|namespace| list.patterns().any(|pattern| pattern.matches(namespace)))
}
