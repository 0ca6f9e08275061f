//! One pattern, compiled once for the whole process.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use regex_automata::nfa::thompson::backtrack::BoundedBacktracker;
use regex_automata::nfa::thompson::{NFA, WhichCaptures};
use thiserror::Error;

use super::go::{self, SyntaxError};
use crate::names::{MAX_NAMESPACE, excerpt};

/// The memory, in bytes, that one compiled pattern may take: enough for Go's largest repetition of any class.
///
/// It bounds the time of a match too: a namespace's length times the pattern's states. And it keeps the matcher's own
/// limit (states times length, in bits) out of reach.
const MAX_COMPILED: usize = 256 << 10;

/// An item of a list that is not a pattern.
///
/// Besides what Go refuses this is a pattern that closes the group which Go was given it in (`a)|(b`: it would match more
/// than the whole namespace), one that nests more than 100 levels, or one whose text or compiled form is too large.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{item:?} is not a pattern: {reason}")]
pub struct PatternError {
    /// The item, or its beginning if it is long.
    pub item: String,
    /// What is wrong with it.
    pub reason: SyntaxError,
}

/// A regular expression, in Go's syntax, that has to match the whole name of a namespace: `^(?:item)$` (SPEC 2).
///
/// Cheap to clone; patterns are equal when their texts are.
#[derive(Clone)]
pub struct NamespacePattern(Arc<Compiled>);

/// A small automaton without caches of its own, about 1 KiB for `jx-.*`: there may be as many patterns as sources.
struct Compiled {
    text: Arc<str>,
    /// Of the most usual pattern, `jx-.*`, what stands before the dot: then nothing has to be run.
    prefix: Option<Box<str>>,
    matcher: BoundedBacktracker,
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
        let Compiled { matcher, prefix, .. } = &*self.0;
        let possible = namespace.is_ascii() && namespace.len() <= MAX_NAMESPACE;
        if let Some(prefix) = prefix {
            return possible && namespace.strip_prefix(&**prefix).is_some_and(|rest| !rest.contains('\n'));
        }
        // The one error is that the text is too long for the pattern, which MAX_COMPILED excludes.
        possible && matcher.try_is_match(&mut matcher.create_cache(), namespace).unwrap_or(false)
    }

    /// Bytes that it takes in compiled form.
    pub(super) fn memory(&self) -> usize {
        self.0.matcher.get_nfa().memory_usage()
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
    let config = NFA::config().utf8(false).which_captures(WhichCaptures::None).nfa_size_limit(Some(MAX_COMPILED));
    // A well-formed expression over ASCII fails to compile by its size only.
    let too_large = |_| SyntaxError::TooLarge;
    let nfa = NFA::compiler().configure(config).build_from_hir(&go::parse(text)?).map_err(too_large)?;
    let matcher = BoundedBacktracker::new_from_nfa(nfa).map_err(too_large)?;
    let is_literal = |prefix: &&str| prefix.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-'));
    let prefix = text.strip_suffix(".*").filter(is_literal).map(Box::from);
    Ok(Compiled { text: text.into(), prefix, matcher })
}

/// The patterns in use, by their text. It is not seen from outside: a pattern means the same whether it is found or made.
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

impl PartialOrd for NamespacePattern {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NamespacePattern {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

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
