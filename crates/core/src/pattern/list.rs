//! A list of namespaces and patterns.

use std::fmt;
use std::hash::{Hash as HashTrait, Hasher};
use std::sync::Arc;

use thiserror::Error;

use super::compiled::{NamespacePattern, PatternError};
use super::index::{Filter, Hash, Index, MAX_ITEMS, Seen, items, rest};
use crate::names::{MAX_NAMESPACE, excerpt, is_label};

/// The most patterns that one object's lists may have together, without those of the form `prefix.*`, which cost no more
/// than a name: each of them has to be walked through for every namespace.
pub const MAX_PATTERNS: usize = 32;
/// The most letters of one namespace's name that they may look at together: 16 patterns such as `.*x.*` look at all 63. With 5,000
/// namespaces it takes three milliseconds.
pub(super) const MAX_LETTERS: usize = 1 << 10;
/// Beside more items than this, of all of the object's lists together,
pub(super) const MANY_ITEMS: usize = 1 << 12;
/// the patterns may look at so many letters only: to read the items takes as long as to match the patterns.
pub(super) const LETTERS_BESIDE_MANY: usize = 1 << 8;
/// The most bytes that they may take together in compiled form.
pub(super) const MAX_BYTES: usize = 64 << 10;
/// The most steps in which they may be compiled together: a few milliseconds.
pub(super) const MAX_STEPS: usize = 125_000;

/// Why a text is not a list of namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ListError {
    /// An item that is no pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The name of an object, where only namespaces belong.
    #[error("{0:?} has a \"/\"; expected a namespace or a pattern")]
    Slash(String),
    /// Too many items.
    #[error("more than {MAX_ITEMS} items; expected a pattern that names them all, or several objects")]
    TooManyItems,
    /// Too many patterns.
    #[error(
        "the object has more than {MAX_PATTERNS} different patterns; those of the form \"prefix.*\" do not count, and names \
         need no pattern"
    )]
    TooManyPatterns,
    /// Patterns that look at too many letters.
    #[error(
        "the object's patterns look at more than {MAX_LETTERS} letters of a name together, each at one more than the longest name \
         that it matches, or at {MAX_NAMESPACE}; those of the form \"prefix.*\" do not count, and names need no pattern"
    )]
    TooManyLetters,
    /// The same, beside very long lists.
    #[error(
        "the object's lists have more than {MANY_ITEMS} items, and its patterns look at more than {LETTERS_BESIDE_MANY} letters of a \
         name together; those of the form \"prefix.*\" do not count; expected fewer items or patterns, or several objects"
    )]
    TooManyLettersBesideItems,
    /// Too large patterns.
    #[error(
        "the object's patterns are too large together: compiled they may take {MAX_BYTES} bytes and {MAX_STEPS} steps"
    )]
    TooLargePatterns,
}

/// What the patterns of one object's lists may still take together: every object of the cluster has room for thousands.
#[derive(Debug)]
pub struct Budget {
    patterns: usize,
    letters: usize,
    bytes: usize,
    steps: usize,
    /// Those that there were; they are bounded by the list.
    items: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { patterns: MAX_PATTERNS, letters: MAX_LETTERS, bytes: MAX_BYTES, steps: MAX_STEPS, items: 0 }
    }
}

impl Budget {
    /// One more pattern that every namespace has to be matched against.
    ///
    /// # Errors
    /// When there are too many.
    pub(crate) fn count(&mut self) -> Result<(), ListError> {
        self.patterns = self.patterns.checked_sub(1).ok_or(ListError::TooManyPatterns)?;
        Ok(())
    }

    fn take(&mut self, pattern: &NamespacePattern) -> Result<(), ListError> {
        let cost = pattern.cost();
        self.bytes = self.bytes.checked_sub(cost.bytes).ok_or(ListError::TooLargePatterns)?;
        self.steps = self.steps.checked_sub(cost.steps).ok_or(ListError::TooLargePatterns)?;
        self.count()?;
        self.letters = self.letters.checked_sub(pattern.letters()).ok_or(ListError::TooManyLetters)?;
        self.weigh()
    }

    /// One more list of so many items was read.
    ///
    /// # Errors
    /// When they are too many beside the patterns.
    pub(crate) fn take_items(&mut self, count: usize) -> Result<(), ListError> {
        self.items += count;
        self.weigh()
    }

    fn weigh(&self) -> Result<(), ListError> {
        match self.items > MANY_ITEMS && MAX_LETTERS - self.letters > LETTERS_BESIDE_MANY {
            true => Err(ListError::TooManyLettersBesideItems),
            false => Ok(()),
        }
    }
}

/// What an item of a list of namespaces is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind<'a> {
    /// A text without regex characters (`[0-9a-z.-]+`). It names the namespace that it is, or nothing if it is not a
    /// legal one (`ns-.`).
    Literal(&'a str),
    /// All namespaces that begin like this: `prefix.*`, the most usual pattern. Nothing has to be run for it.
    Prefix(&'a str),
    /// Any other pattern.
    Pattern(&'a str),
}

impl<'a> ItemKind<'a> {
    /// What a trimmed item is, without its `!`.
    #[must_use]
    pub fn of(item: &'a str) -> Self {
        // As in `is_label`: many bytes at once.
        let within = |text: &str, dot: bool| {
            let fits = |b: u8| b.is_ascii_digit() | b.is_ascii_lowercase() | (b == b'-') | (dot & (b == b'.'));
            text.bytes().fold(true, |all, b| all & fits(b))
        };
        match item.strip_suffix(".*") {
            Some(prefix) if within(prefix, false) => Self::Prefix(prefix),
            _ if within(item, true) && !item.is_empty() => Self::Literal(item),
            _ => Self::Pattern(item),
        }
    }
}

/// Whether an item, without its `!`, is worth a closer look by whoever gives advice: all but the plain names and prefixes of which
/// lists have thousands.
pub(crate) fn is_odd(item: &str) -> bool {
    match ItemKind::of(item) {
        ItemKind::Literal(literal) => !is_label(literal),
        ItemKind::Prefix(prefix) => prefix.starts_with('-') || prefix.len() >= MAX_NAMESPACE,
        ItemKind::Pattern(_) => true,
    }
}

/// Which side of a list an item is on, and the item without its `!`.
#[must_use]
pub fn exception(item: &str) -> (bool, &str) {
    match item.strip_prefix('!') {
        Some(item) => (true, item.trim_start()),
        None => (false, item),
    }
}

/// Some items of a text, each once, as positions in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Positions(Box<[u32]>);

impl Positions {
    pub(crate) fn new(positions: Vec<u32>) -> Self {
        Self(positions.into())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What stands in the text from each item on, in the order of the text.
    pub(crate) fn rests<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|position| rest(text, *position))
    }

    /// What stands in the text from one of the items on.
    pub(crate) fn rest<'a>(&self, text: &'a str, number: usize) -> &'a str {
        self.0.get(number).map_or("", |position| rest(text, *position))
    }
}

/// The same, found by hashes.
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
struct Side {
    /// Literals that are legal namespaces.
    literals: Indexed,
    prefixes: Indexed,
    /// The lengths that the prefixes have: bit n is length n.
    prefix_lengths: u64,
    /// Their hashes: a name has up to 63 beginnings, and most of them are passed over without a look at the items.
    prefix_filter: Filter,
    patterns: Box<[NamespacePattern]>,
}

/// So few items are compared one by one: that is faster than to hash what is looked for.
const FEW: usize = 4;

/// Whether the item at the beginning of a text, which is `prefix.*`, names this namespace.
fn is_prefix_of(rest: &str, namespace: &str) -> bool {
    let common = rest.bytes().zip(namespace.bytes()).take_while(|(item, own)| item == own).count();
    rest.get(common..).is_some_and(|rest| rest.starts_with(".*"))
}

/// A literal's characters; whatever follows them ends it.
fn is_literal(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'.' | b'-')
}

/// Whether what stands at the beginning of a text, and is a literal, is `name`.
fn is_name(rest: &str, name: &str) -> bool {
    rest.strip_prefix(name).is_some_and(|after| !after.bytes().next().is_some_and(is_literal))
}

/// The item at the beginning of a text.
pub(crate) fn name(rest: &str) -> &str {
    let end = memchr::memchr2(b',', b'\n', rest.as_bytes()).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default().trim_end()
}

impl Side {
    fn matches(&self, text: &str, namespace: &str) -> bool {
        self.is_among(text, namespace) || self.patterns.iter().any(|pattern| pattern.matches_legal(namespace))
    }

    /// The same for four namespaces.
    fn matches_four(&self, text: &str, namespaces: [&str; 4]) -> [bool; 4] {
        let among = namespaces.map(|namespace| self.is_among(text, namespace));
        self.patterns.iter().fold(among, |found, pattern| match found {
            [true, true, true, true] => found,
            _ => either(found, pattern.matches_four(namespaces)),
        })
    }

    /// Whether a literal or a prefix names it.
    fn is_among(&self, text: &str, namespace: &str) -> bool {
        if self.literals.items.len() + self.prefixes.items.len() <= FEW {
            let begins = |rest: &str| is_prefix_of(rest, namespace);
            return self.literals.items.rests(text).any(|rest| is_name(rest, namespace))
                || self.prefixes.items.rests(text).any(begins);
        }
        let mut hash = Hash::new();
        for (length, byte) in namespace.bytes().enumerate() {
            if self.has_prefix(text, hash, &namespace[..length]) {
                return true;
            }
            hash.push(byte);
        }
        self.has_prefix(text, hash, namespace) || self.literals.any(text, hash, |rest| is_name(rest, namespace))
    }

    fn has_prefix(&self, text: &str, hash: Hash, prefix: &str) -> bool {
        self.prefix_lengths >> prefix.len() & 1 == 1
            && self.prefix_filter.may_contain(hash)
            && self
                .prefixes
                .any(text, hash, |rest| rest.strip_prefix(prefix).is_some_and(|after| after.starts_with(".*")))
    }

    fn literals<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        self.literals.items.rests(text).map(name)
    }

    fn has_patterns(&self) -> bool {
        !self.prefixes.items.is_empty() || !self.patterns.is_empty()
    }
}

fn either(one: [bool; 4], other: [bool; 4]) -> [bool; 4] {
    std::array::from_fn(|which| one[which] | other[which])
}

/// Reads the items of one side.
#[derive(Default)]
struct SideReader<'t> {
    literals: (Vec<u32>, Vec<Hash>),
    prefixes: (Vec<u32>, Vec<Hash>),
    prefix_lengths: u64,
    patterns: Vec<NamespacePattern>,
    seen: Seen<'t>,
    has_odd_items: bool,
}

impl<'t> SideReader<'t> {
    fn of(text: &str) -> Self {
        Self { seen: Seen::of(text), ..Self::default() }
    }

    fn take(&mut self, position: u32, item: &'t str, budget: &mut Budget) -> Result<(), ListError> {
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
                if self.seen.insert(Hash::of(item), item) {
                    self.prefixes.0.push(position);
                    self.prefixes.1.push(Hash::of(prefix));
                    self.prefix_lengths |= 1 << prefix.len();
                }
            }
            // What is no legal name, or can begin none, names nothing, however long it is.
            ItemKind::Literal(_) | ItemKind::Prefix(_) => {}
            ItemKind::Pattern(text) => {
                let pattern = NamespacePattern::parse(text)?;
                if self.seen.insert(Hash::of(item), item) {
                    budget.take(&pattern)?;
                    self.patterns.push(pattern);
                }
            }
        }
        Ok(())
    }

    fn side(self) -> Side {
        Side {
            prefix_filter: Filter::of(&self.prefixes.1),
            literals: Indexed::new(self.literals),
            prefixes: Indexed::new(self.prefixes),
            prefix_lengths: self.prefix_lengths,
            patterns: self.patterns.into(),
        }
    }
}

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
    /// See [`is_odd`].
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
        budget.take_items(count)?;
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

    /// The same, of four texts that may be anything.
    pub(crate) fn matches_four(&self, namespaces: [&str; 4]) -> [bool; 4] {
        let Inner { text, named, excepted, .. } = &*self.0;
        let named = named.matches_four(text, namespaces);
        let excepted = match excepted {
            Some(side) if named != [false; 4] => side.matches_four(text, namespaces),
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
        self.0.named.literals.items.len()
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
        let named = &self.0.named;
        named.literals.items.is_empty()
            && named.prefixes.items.is_empty()
            && !named.patterns.iter().any(NamespacePattern::matches_any_namespace)
    }

    /// Whether any item is worth advice.
    pub(crate) fn has_odd_items(&self) -> bool {
        self.0.has_odd_items
    }

    /// Whether an item names every namespace: `.*`.
    pub(super) fn has_everything(&self) -> bool {
        self.0.named.has_prefix(&self.0.text, Hash::new(), "")
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
