//! Narrowing: which namespaces a chain of pulls still allows (SPEC 5.8).

use std::collections::HashSet;
use std::fmt;

use super::budget::ListError;
use super::index::{Hash, Seen};
use super::item::{ItemKind, exception};
use super::list::NamespaceList;
use crate::names::is_label;

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
    pub fn parse(text: &str) -> Result<Self, ListError> {
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

/// The item of `replicated-from-allowed` that says: an object above also allows namespaces by their labels, and has to be asked
/// itself (SPEC 11). As a name it is not legal, so that it names nothing, for v1.3.0 too.
const SELECTED: &str = "selector.";

impl Allowed {
    /// Whether an object above allows namespaces by their labels as well.
    #[must_use]
    pub fn is_selected(&self) -> bool {
        match self {
            Self::All | Self::None => false,
            Self::List(list) => list.items().any(|item| item == SELECTED),
        }
    }

    /// The same value with the item `SELECTED`: an object above also allows namespaces by their labels.
    #[must_use]
    pub fn selected(self) -> Self {
        let text = match &self {
            _ if self.is_selected() => return self,
            Self::None => SELECTED.to_owned(),
            Self::List(list) if list.items().next().is_none() => SELECTED.to_owned(),
            all_or_list => format!("{all_or_list},{SELECTED}"),
        };
        // With one more item the list is still well-formed, unless it is full: then the item is left out.
        NamespaceList::parse(&text).map_or(self, Self::List)
    }
}

impl From<NamespaceList> for Allowed {
    fn from(list: NamespaceList) -> Self {
        match list.as_str().trim() {
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

/// The namespaces that both lists allow: the value of `replicated-from-allowed` below a source (SPEC 5.8).
///
/// `own` is the source's `replication-allowed-namespaces`: absent allows all. `inherited` is its
/// `replicated-from-allowed` if it pulls itself; `None` if it does not.
///
/// Where one side is absent or `.*`, with white space around it or not, the other is copied word for word; `-` loses its white space. Else
/// the items that are in both lists are kept, and the literals of one that a pattern of the other names: first those of `own`, then those
/// of `inherited`, each once; an item `.*` keeps all of the other side; and the items with `!` of both sides stay. This never allows what one side
/// forbids; it may forbid what both allow, as two different patterns have no item in common, and as what would be too large
/// for one list allows nothing.
///
/// It takes time in proportion to the lists.
#[must_use]
pub fn narrow(own: Option<&NamespaceList>, inherited: Option<&Allowed>) -> Allowed {
    let own = own.filter(|list| list.as_str().trim() != EVERYTHING);
    match (own, inherited.unwrap_or(&Allowed::All)) {
        (_, Allowed::None) => Allowed::None,
        (None, inherited) => inherited.clone(),
        (Some(own), Allowed::All) => own.clone().into(),
        (Some(own), Allowed::List(inherited)) => common(own, inherited),
    }
}

fn common(own: &NamespaceList, inherited: &NamespaceList) -> Allowed {
    let mut seen = Seen::default();
    let mut kept: Vec<&str> = Vec::new();
    for (list, other) in [(own, inherited), (inherited, own)] {
        let keeps_all = other.has_everything();
        let others: HashSet<&str> = other.items().filter(|item| namespace(item).is_none()).collect();
        let is_kept = |item: &str| {
            keeps_all || namespace(item).map_or_else(|| others.contains(item), |namespace| other.names(namespace))
        };
        let named = list.items().filter(|item| !exception(item).0);
        kept.extend(named.filter(|item| is_kept(item) && seen.insert(Hash::of(item), item)));
    }
    if kept.is_empty() {
        return Allowed::None;
    }
    let excepted = [own, inherited].into_iter().flat_map(NamespaceList::items).filter(|item| exception(item).0);
    kept.extend(excepted.filter(|item| seen.insert(Hash::of(item), item)));
    NamespaceList::parse(&kept.join(",")).map_or(Allowed::None, Allowed::from)
}

/// The one namespace that an item names, if it is a name.
fn namespace(item: &str) -> Option<&str> {
    match ItemKind::of(item) {
        ItemKind::Literal(namespace) if is_label(namespace) => Some(namespace),
        _ => None,
    }
}
