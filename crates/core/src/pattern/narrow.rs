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

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> NamespaceList {
        NamespaceList::parse(text).unwrap()
    }

    #[test]
    fn an_object_above_that_allows_by_labels_is_said_once_and_after_the_list() {
        for (text, expected) in [
            ("-", "selector."),
            ("", "selector."),
            ("a, b", "a, b,selector."),
            (".*", ".*,selector."),
            ("a,selector.", "a,selector."),
        ] {
            let selected = Allowed::parse(text).unwrap().selected();
            assert_eq!((selected.as_str(), selected.is_selected()), (expected, true), "{text:?}");
        }
    }

    #[test]
    fn the_permission_of_a_chain_is_read() {
        let cases = [
            // text, allows a, allows jx-1
            (".*", true, true),
            ("-", false, false),
            ("", false, false),
            ("a,-", true, false),
            ("jx-.*", false, true),
            (".*,", true, true),
        ];
        for (text, a, jx) in cases {
            let allowed = Allowed::parse(text).unwrap();
            assert_eq!((allowed.matches("a"), allowed.matches("jx-1")), (a, jx), "{text:?}");
            assert_eq!((allowed.as_str(), &*allowed.to_string()), (text, text));
        }
        assert_eq!(Allowed::parse(".*"), Ok(Allowed::All));
        assert_eq!(Allowed::parse("-"), Ok(Allowed::None));
        assert!(Allowed::parse("a,(").is_err());
    }

    #[test]
    fn lists_are_narrowed_by_what_they_have_in_common() {
        let cases = [
            // own, inherited, what is left
            (None, None, ".*"),
            (Some(".*"), None, ".*"),
            (None, Some(".*"), ".*"),
            (Some(".*"), Some(".*"), ".*"),
            // No limit on one side: the other, word for word.
            (Some("b,,a,b, c"), None, "b,,a,b, c"),
            (Some("b,,a,b, c"), Some(".*"), "b,,a,b, c"),
            (None, Some(",b,a,b,"), ",b,a,b,"),
            (Some(".*"), Some(",b,a,b,"), ",b,a,b,"),
            // White space around an item does not count.
            (Some(" .*"), Some("b, a,b"), "b, a,b"),
            (Some("b, a,b"), Some(".* "), "b, a,b"),
            (Some("a"), Some(" - "), "-"),
            (Some(""), None, ""),
            (None, Some(""), ""),
            (Some("-"), None, "-"),
            (Some("ns-."), Some(".*"), "ns-."),
            // Nothing is left.
            (None, Some("-"), "-"),
            (Some(".*"), Some("-"), "-"),
            (Some("a"), Some("-"), "-"),
            (Some("-"), Some("a"), "-"),
            (Some(""), Some("a"), "-"),
            (Some("a"), Some(""), "-"),
            (Some("a"), Some("b"), "-"),
            (Some("jx-.*"), Some("jx-.+"), "-"),
            (Some("a"), Some("jx-.*"), "-"),
            // Items of both; each once, in the order of the source's own list.
            (Some("a,b"), Some("b,c"), "b"),
            (Some("b,a,b"), Some("a,b,a"), "b,a"),
            (Some("jx-.*,a"), Some("a,jx-.*"), "jx-.*,a"),
            // Literals of one that match a pattern of the other: the own ones first.
            (Some("jx-1,jx-2,a"), Some("jx-.*"), "jx-1,jx-2"),
            (Some("jx-.*"), Some("jx-2,a,jx-1,jx-2"), "jx-2,jx-1"),
            (Some("jx-.*,ab"), Some("jx-1,a.?"), "ab,jx-1"),
            (Some("jx-.*,jx-1"), Some("jx-1,jx-.*,jx-2"), "jx-.*,jx-1,jx-2"),
            // An item that is no limit keeps all of the other side, wherever it stands in a list.
            (Some(".*,"), Some("a,jx-.*"), "a,jx-.*"),
            (Some("b,.*"), Some("a,jx-.*"), "a,jx-.*"),
            (Some("a,jx-.*"), Some("b,.*"), "a,jx-.*"),
            (Some(".*,"), Some("a,.*"), ".*,a"),
            (Some(".*,"), Some("x.,.*"), ".*,x."),
            // What one side takes away stays taken away.
            (Some(".*,!kube-system"), None, ".*,!kube-system"),
            (Some(".*,!kube-system"), Some(".*"), ".*,!kube-system"),
            (None, Some(".*,!kube-system"), ".*,!kube-system"),
            (Some(".*,!kube-system"), Some("a,jx-.*"), "a,jx-.*,!kube-system"),
            (Some("a,!x"), Some("a,!y,!x"), "a,!x,!y"),
            (Some(".*,!x"), Some("!y,.*"), ".*,!x,!y"),
            (Some("a,!x"), Some("b,!y"), "-"),
            (Some("!x"), Some(".*,!x"), "-"),
            (Some("a,!a"), Some(".*,!b"), "a,!a,!b"),
            // Literals that are no namespaces are items; no pattern matches them.
            (Some("ns-.,a"), Some("a,ns-."), "ns-.,a"),
            (Some("ns-."), Some("ns-[.]"), "-"),
            (Some("-,a"), Some("-,b"), "-"),
            (Some("a, b"), Some(" b"), "b"),
        ];
        for (own, inherited, expected) in cases {
            let narrowed = narrow(own.map(list).as_ref(), inherited.map(|text| Allowed::parse(text).unwrap()).as_ref());
            assert_eq!(narrowed.as_str(), expected, "{own:?} {inherited:?}");
            assert_eq!(Ok(narrowed), Allowed::parse(expected), "{own:?} {inherited:?}");
        }
    }
}
