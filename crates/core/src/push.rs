//! What a source pushes, and where: `replicate-to` and `replicate-to-namespaces` read together.
//!
//! An annotation has room for tens of thousands of items, so that neither is multiplied out, nor any item copied: items are
//! positions in the annotation's text (see `pattern/index.rs`), 12 bytes each beside it.

use std::sync::Arc;

use thiserror::Error;

use crate::annotation::Annotation;
use crate::names::{Key, NameError, excerpt, is_label, is_subdomain};
use crate::pattern::{
    Budget, Hash, Index, ItemKind, ListError, MAX_ITEMS, MAX_PATTERNS, NamespaceList, Positions, Seen, items, name,
};
use crate::selection::Selection;
use crate::selector::Selector;

/// The most targets that `replicate-to` may name: items `namespace/name`, and names times the namespaces of their list. Every event
/// of the object concerns all of them.
pub const MAX_TARGETS: usize = 1 << 13;
/// As so many namespaces a list with patterns counts, which may name every one that there is.
pub(crate) const PATTERN_NAMESPACES: usize = 1 << 9;

/// What is wrong with a push.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PushError {
    /// More than one slash in an item.
    #[error("replicate-to: {0:?} has more than one \"/\"; expected \"namespace/name\" or \"name\"")]
    TooManySlashes(String),
    /// A name that the API server would refuse.
    #[error("replicate-to: {0}")]
    Name(NameError),
    /// An item that takes away, in the list of names.
    #[error(
        "replicate-to: {0:?} begins with \"!\", which takes away a namespace; expected \"namespace/name\" or \"name\" here, \
         and the exception in replicate-to-namespaces"
    )]
    Exception(String),
    /// Too many items.
    #[error(
        "replicate-to: more than {MAX_ITEMS} items; expected names with replicate-to-namespaces, or several objects"
    )]
    TooManyItems,
    /// Too many targets.
    #[error(
        "replicate-to: more than {MAX_TARGETS} targets; a name counts once for each namespace that it is combined with, and \
         {PATTERN_NAMESPACES} times for a list with a pattern; expected fewer names, or several objects"
    )]
    TooManyTargets,
    /// A list of namespaces that cannot be read.
    #[error("{}: {error}", annotation.name())]
    List {
        /// Where it stands.
        annotation: Annotation,
        /// What is wrong.
        error: ListError,
    },
}

/// The annotations of a push.
#[derive(Debug, Clone, Default)]
pub struct Asks<'a> {
    /// `replicate-to`.
    pub to: Option<&'a Arc<str>>,
    /// `replicate-to-namespaces`.
    pub namespaces: Option<&'a Arc<str>>,
    /// `replicate-to-namespace-selector`: names namespaces besides the list, whose exceptions hold for it as well.
    pub selector: Option<Arc<Selector>>,
}

/// A well-formed push. It may name nothing, and is still a push.
///
/// Two are equal when they name the same targets for the same reason: the same items, resolved beside the same object.
#[derive(Debug, Clone)]
pub struct Push {
    qualified: Qualified,
    parts: Box<[Part]>,
    /// Whether `replicate-to` has an item whose namespace is more than a name.
    has_odd_items: bool,
}

/// Every name in every one of the namespaces. Kept unmultiplied: two long lists would fill the memory.
#[derive(Debug, Clone)]
pub struct Part {
    /// The text that the names stand in.
    text: Arc<str>,
    names: Positions,
    namespaces: Selection,
}

impl Part {
    /// The names of objects, each once.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.rests(&self.text).map(name)
    }

    /// Whether there are no names: then the part names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The namespaces.
    #[must_use]
    pub fn namespaces(&self) -> &Selection {
        &self.namespaces
    }

    /// How many targets it counts as.
    fn most_targets(&self) -> usize {
        let least = if self.namespaces.only().is_none() { PATTERN_NAMESPACES } else { 0 };
        self.names.len() * least.max(self.namespaces.list().literal_count())
    }

    /// How many names there are.
    #[must_use]
    pub fn name_count(&self) -> usize {
        self.names.len()
    }

    /// One of them, by its number.
    #[must_use]
    pub fn name(&self, number: usize) -> Option<&str> {
        (number < self.names.len()).then(|| name(self.names.rest(&self.text, number)))
    }
}

/// Items `namespace/name` whose namespace is a name, not a pattern: there may be thousands.
#[derive(Debug, Clone, Default)]
struct Qualified {
    text: Arc<str>,
    items: Positions,
    /// The same items, found by their namespaces.
    by_namespace: Index,
}

impl Qualified {
    fn targets(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.items.len()).filter_map(|number| self.target(number))
    }

    fn target(&self, number: usize) -> Option<(&str, &str)> {
        // Beyond the last item `rest` answers an empty text.
        let (namespace, rest) = self.items.rest(&self.text, number).split_once('/')?;
        Some((namespace, name(rest)))
    }

    fn names_in<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a str> {
        let rests = self.by_namespace.find(Hash::of(namespace)).map(|number| self.items.rest(&self.text, number));
        rests.filter_map(move |rest| within(rest, namespace)).map(name)
    }
}

/// What follows the namespace and its slash at the beginning of an item.
fn within<'a>(item: &'a str, namespace: &str) -> Option<&'a str> {
    item.strip_prefix(namespace)?.strip_prefix('/')
}

impl Push {
    /// Reads the push of the object `own`. `None`: it has neither annotation.
    ///
    /// # Errors
    /// When either annotation is ill-formed (SPEC 2).
    pub fn parse(own: &Key, to: Option<&str>, to_namespaces: Option<&str>) -> Result<Option<Self>, PushError> {
        let (to, to_namespaces) = (to.map(Arc::from), to_namespaces.map(Arc::from));
        let asks = Asks { to: to.as_ref(), namespaces: to_namespaces.as_ref(), selector: None };
        Self::parse_within(own, asks, &mut Budget::default())
    }

    /// The same, of an object that has other lists as well; the texts are shared.
    ///
    /// # Errors
    /// As [`Push::parse`].
    pub fn parse_within(own: &Key, asks: Asks<'_>, budget: &mut Budget) -> Result<Option<Self>, PushError> {
        let Asks { to, namespaces, selector } = asks;
        if to.is_none() && namespaces.is_none() && selector.is_none() {
            return Ok(None);
        }
        let list_of_namespaces = match (namespaces, &selector) {
            (Some(text), _) => namespaces_of(text, budget)?,
            (None, Some(_)) => list(Annotation::ReplicateToNamespaces, &"".into(), budget)?,
            (None, None) => list(Annotation::ReplicateTo, &own.namespace().into(), &mut Budget::default())?,
        };
        let namespaces = Selection::new(list_of_namespaces, selector);
        let Some(text) = to else {
            let names = Positions::new(vec![0]);
            let own_name = Part { text: own.name().into(), names, namespaces };
            return Ok(Some(Self { qualified: Qualified::default(), parts: [own_name].into(), has_odd_items: false }));
        };
        let read = ToReader::read(text)?;
        if read.namespaces.len() > MAX_TARGETS {
            return Err(PushError::TooManyTargets);
        }
        // To follow a target takes longer than to read an item.
        budget
            .take_items(read.count + read.namespaces.len(), text.len())
            .map_err(|error| PushError::List { annotation: Annotation::ReplicateTo, error })?;
        let mut parts = Vec::with_capacity(1 + read.by_pattern.len());
        for (pattern, names) in read.by_pattern {
            budget
                .take_pattern_with_names()
                .map_err(|error| PushError::List { annotation: Annotation::ReplicateTo, error })?;
            let namespaces = Selection::of_list(list(Annotation::ReplicateTo, &pattern.into(), budget)?);
            parts.push(Part { text: text.clone(), names: names.positions(), namespaces });
        }
        parts.push(Part { text: text.clone(), names: read.unqualified.positions(), namespaces });
        let by_namespace = Index::new(&read.namespaces, 4);
        if read.namespaces.len() + parts.iter().map(Part::most_targets).sum::<usize>() > MAX_TARGETS {
            return Err(PushError::TooManyTargets);
        }
        let qualified = Qualified { text: text.clone(), items: read.qualified.positions(), by_namespace };
        Ok(Some(Self { qualified, parts: parts.into(), has_odd_items: read.has_odd_items }))
    }

    /// The targets of items `namespace/name` whose namespace is no pattern: namespace and name, each pair once.
    pub fn literal_targets(&self) -> impl Iterator<Item = (&str, &str)> {
        self.qualified.targets()
    }

    /// How many of them there are.
    #[must_use]
    pub fn literal_count(&self) -> usize {
        self.qualified.items.len()
    }

    /// One of them, by its number.
    #[must_use]
    pub fn literal_target(&self, number: usize) -> Option<(&str, &str)> {
        self.qualified.target(number)
    }

    /// The names of those in one namespace.
    pub fn literal_names_in<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a str> {
        self.qualified.names_in(namespace)
    }

    /// All other targets: every name of a part in every namespace of its list.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether `replicate-to` has an item whose namespace is more than a name, and is worth advice.
    pub(crate) fn has_odd_items(&self) -> bool {
        self.has_odd_items
    }
}

impl PartialEq for Push {
    fn eq(&self, other: &Self) -> bool {
        // The names and their positions follow from the texts.
        fn said(push: &Push) -> impl Iterator<Item = (&Arc<str>, &Selection)> {
            push.parts.iter().map(|part| (&part.text, &part.namespaces))
        }
        self.qualified.text == other.qualified.text && said(self).eq(said(other))
    }
}

impl Eq for Push {}

fn list(annotation: Annotation, text: &Arc<str>, budget: &mut Budget) -> Result<NamespaceList, PushError> {
    NamespaceList::parse_within(text, budget).map_err(|error| PushError::List { annotation, error })
}

/// `replicate-to-namespaces`.
fn namespaces_of(text: &Arc<str>, budget: &mut Budget) -> Result<NamespaceList, PushError> {
    let annotation = Annotation::ReplicateToNamespaces;
    NamespaceList::parse_without_slash(text, budget).map_err(|error| PushError::List { annotation, error })
}

fn legal(name: &str) -> Result<&str, PushError> {
    if is_subdomain(name) { Ok(name) } else { Err(PushError::Name(NameError::Name(excerpt(name)))) }
}

/// Items of `replicate-to`, each once.
#[derive(Default)]
struct Distinct<'t> {
    seen: Seen<'t>,
    positions: Vec<u32>,
}

impl<'t> Distinct<'t> {
    /// Whether it is a new one.
    fn take(&mut self, position: u32, item: &'t str) -> bool {
        let is_new = self.seen.insert(Hash::of(item), item);
        if is_new {
            self.positions.push(position);
        }
        is_new
    }

    fn positions(self) -> Positions {
        Positions::new(self.positions)
    }
}

/// The items of `replicate-to`, by what they are.
#[derive(Default)]
struct ToReader<'t> {
    unqualified: Distinct<'t>,
    qualified: Distinct<'t>,
    /// The namespaces of the qualified ones.
    namespaces: Vec<Hash>,
    /// Names by the pattern before their slash, in the order in which the patterns come.
    by_pattern: indexmap::IndexMap<&'t str, Distinct<'t>>,
    has_odd_items: bool,
    count: usize,
}

impl<'t> ToReader<'t> {
    fn read(text: &'t str) -> Result<Self, PushError> {
        let mut read = Self::default();
        // Long lists have items of one form.
        let is_qualified = items(text).next().is_some_and(|(_, item)| item.contains('/'));
        let most = if is_qualified { &mut read.qualified } else { &mut read.unqualified };
        most.seen = Seen::of(text);
        for (number, (position, item)) in items(text).enumerate() {
            if number == MAX_ITEMS {
                return Err(PushError::TooManyItems);
            }
            read.take(position, item)?;
            read.count = number + 1;
        }
        Ok(read)
    }

    fn take(&mut self, position: u32, item: &'t str) -> Result<(), PushError> {
        if item.starts_with('!') {
            return Err(PushError::Exception(excerpt(item)));
        }
        let Some((namespace, name)) = item.split_once('/') else {
            self.unqualified.take(position, legal(item)?);
            return Ok(());
        };
        if name.contains('/') {
            return Err(PushError::TooManySlashes(excerpt(item)));
        }
        let trimmed = legal(name.trim_start())?;
        if is_label(namespace) && trimmed.len() == name.len() {
            if self.qualified.take(position, item) {
                self.namespaces.push(Hash::of(namespace));
            }
            return Ok(());
        }
        self.has_odd_items = true;
        // A literal that is no legal namespace names nothing.
        let namespace = namespace.trim_end();
        let is_illegal = matches!(ItemKind::of(namespace), ItemKind::Literal(literal) if !is_label(literal));
        if !is_illegal && !namespace.is_empty() {
            let position = position + u32::try_from(item.len() - trimmed.len()).unwrap_or_default();
            self.by_pattern.entry(namespace).or_default().take(position, trimmed);
            // Each costs more than an item, and there may be thousands.
            if self.by_pattern.len() > MAX_PATTERNS {
                return Err(PushError::List { annotation: Annotation::ReplicateTo, error: ListError::TooManyPatterns });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
