//! One pattern, compiled once for the whole process.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use thiserror::Error;

use super::automaton::{Automaton, Cost, TooLarge};
use super::go::{self, SyntaxError};
use crate::names::{MAX_NAMESPACE, excerpt};

/// The longest pattern, in bytes.
pub const MAX_PATTERN: usize = 1 << 10;
/// The most bytes that one compiled pattern may take, and how many more for each byte of its text: the name of a namespace
/// has 37 different characters, so that a plain list of names (`(?:a|b|c)`) takes up to 76 bytes a character.
pub(super) const MAX_BYTES: (usize, usize) = (4 << 10, 80);
/// The most steps in which one pattern may be compiled, and how many more for each byte of its text.
pub(super) const MAX_STEPS: (usize, usize) = (40_000, 150);

/// An item of a list that is not a pattern.
///
/// Besides what Go refuses this is a pattern that closes the group which Go was given it in (`a)|(b`: it would match more
/// than the whole namespace), one that nests more than 100 levels, or one whose text or compiled form is too large.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{item:?} is not a pattern: {reason}{}", hint(item, *reason))]
pub struct PatternError {
    /// The item, or its beginning if it is long.
    pub item: String,
    /// What is wrong with it.
    pub reason: SyntaxError,
}

/// What to write instead, where it can be guessed.
fn hint(item: &str, reason: SyntaxError) -> String {
    match reason {
        SyntaxError::MissingRepeatArgument if item.starts_with('*') => {
            "; for any text write \".*\", not \"*\"".to_owned()
        }
        SyntaxError::TooLarge => format!(
            "; compiled it may take {} bytes and {} steps, and {} and {} more for each byte of its text",
            MAX_BYTES.0, MAX_STEPS.0, MAX_BYTES.1, MAX_STEPS.1
        ),
        _ => String::new(),
    }
}

/// A regular expression, in Go's syntax, that has to match the whole name of a namespace: `^(?:item)$` (SPEC 2).
///
/// Cheap to clone; patterns are equal when their texts are.
#[derive(Clone)]
pub struct NamespacePattern(Arc<Compiled>);

struct Compiled {
    text: Arc<str>,
    automaton: Automaton,
    cost: Cost,
    letters: usize,
    matches_any: bool,
}

impl NamespacePattern {
    /// Compiles the pattern, unless one of the same text is in use.
    ///
    /// # Errors
    /// When it is not a pattern, or too large a one: see [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut in_use = in_use();
        if let Some(compiled) = in_use.get(text).and_then(Weak::upgrade) {
            return Ok(Self(compiled));
        }
        let compiled = compile(text).map_err(|reason| PatternError { item: excerpt(text), reason })?;
        let compiled = Arc::new(compiled);
        in_use.insert(compiled.text.clone(), Arc::downgrade(&compiled));
        Ok(Self(compiled))
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether the pattern matches the whole of `namespace`. Texts that are not ASCII, or longer than a namespace can be,
    /// are not matched.
    #[must_use]
    pub fn matches(&self, namespace: &str) -> bool {
        namespace.is_ascii() && namespace.len() <= MAX_NAMESPACE && self.0.automaton.matches(namespace)
    }

    /// As [`matches`](Self::matches), for a legal name of a namespace.
    pub(super) fn matches_legal(&self, namespace: &str) -> bool {
        self.0.automaton.matches(namespace)
    }

    /// As `matches_legal`, for four names at once.
    pub(super) fn matches_four(&self, namespaces: [&str; 4]) -> [bool; 4] {
        self.0.automaton.matches_four(namespaces)
    }

    /// Whether there is a legal name of a namespace that it matches.
    #[must_use]
    pub fn matches_any_namespace(&self) -> bool {
        self.0.matches_any
    }

    /// How many letters of a name matching has to look at, at most.
    pub(super) fn letters(&self) -> usize {
        self.0.letters
    }

    /// The memory that it takes and the steps in which it is compiled. They count also where the compiled form was found in use.
    pub(super) fn cost(&self) -> Cost {
        self.0.cost
    }

    #[cfg(test)]
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    #[cfg(test)]
    pub(super) fn in_use(text: &str) -> bool {
        in_use().contains_key(text)
    }
}

fn compile(text: &str) -> Result<Compiled, SyntaxError> {
    if text.len() > MAX_PATTERN {
        return Err(SyntaxError::TooLong);
    }
    let most = Cost { bytes: MAX_BYTES.0 + MAX_BYTES.1 * text.len(), steps: MAX_STEPS.0 + MAX_STEPS.1 * text.len() };
    let expression = go::parse(text)?;
    let (automaton, cost) = Automaton::new(&expression, most).map_err(|TooLarge| SyntaxError::TooLarge)?;
    let matches_any = automaton.matches_any_namespace();
    // Where matches are of limited length, matching stops at the first letter beyond that.
    let longest = expression.properties().maximum_len();
    let letters = longest.map_or(MAX_NAMESPACE, |longest| MAX_NAMESPACE.min(longest + 1));
    Ok(Compiled { text: text.into(), automaton, cost, letters, matches_any })
}

/// The patterns in use, by their text. It makes no difference to what a pattern means.
fn in_use() -> MutexGuard<'static, BTreeMap<Arc<str>, Weak<Compiled>>> {
    static IN_USE: Mutex<BTreeMap<Arc<str>, Weak<Compiled>>> = Mutex::new(BTreeMap::new());
    IN_USE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Compiled {
    fn drop(&mut self) {
        let mut in_use = in_use();
        // Another thread may have compiled the text again since the last user of this one left.
        if in_use.get(&self.text).is_some_and(|compiled| compiled.strong_count() == 0) {
            in_use.remove(&self.text);
        }
    }
}

impl PartialEq for NamespacePattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for NamespacePattern {}

impl Hash for NamespacePattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for NamespacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamespacePattern({:?})", self.as_str())
    }
}
