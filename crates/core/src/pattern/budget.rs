//! What the lists of one object may take together, in memory and time.

use thiserror::Error;

use super::compiled::{NamespacePattern, PatternError};
use super::index::MAX_ITEMS;
use crate::names::MAX_NAMESPACE;
use crate::selector::{HALVED, REQUIREMENT};

/// The most patterns that one object's lists may have together, without those of the form `prefix.*`, which cost no more
/// than a name: each of them has to be walked through for every namespace.
pub const MAX_PATTERNS: usize = 32;
/// The most letters of one namespace's name that they may look at together: 16 patterns such as `.*x.*` look at all 63. With 5,000
/// namespaces it takes three milliseconds.
pub(super) const MAX_LETTERS: usize = 1 << 10;
/// Beside more items than this, of all of the object's lists together,
pub(super) const MANY_ITEMS: usize = 1 << 10;
/// or more bytes of them,
pub(super) const MANY_BYTES: usize = 32 << 10;
/// the patterns may look at so many letters only: to read the lists takes as long as to match the patterns.
pub(super) const LETTERS_BESIDE_MANY: usize = 1 << 7;
/// As so many letters a pattern counts besides that has names of its own (`ns-.*/name`): every namespace is asked about it by itself.
pub(crate) const PATTERN_WITH_NAMES: usize = 32;
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
    /// Too many items, in one list or in all of an object's together.
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
         that it matches, or at {MAX_NAMESPACE}; those of the form \"prefix.*\" do not count, and names need no pattern; a requirement of \
         a label selector counts as {REQUIREMENT} letters, and as {HALVED} more for each time that its values can be halved; each \
         pattern of replicate-to counts as {PATTERN_WITH_NAMES} more"
    )]
    TooManyLetters,
    /// The same, beside very long lists.
    #[error(
        "the object's lists have more than {MANY_ITEMS} items or {MANY_BYTES} bytes, and its patterns look at more than \
         {LETTERS_BESIDE_MANY} letters of a name together; those of the form \"prefix.*\" do not count; expected fewer items or patterns, or several objects"
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
    /// Those that there were.
    items: usize,
    /// How long the lists were.
    list_bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            patterns: MAX_PATTERNS,
            letters: MAX_LETTERS,
            bytes: MAX_BYTES,
            steps: MAX_STEPS,
            items: 0,
            list_bytes: 0,
        }
    }
}

impl Budget {
    /// One more pattern that has names of its own.
    ///
    /// # Errors
    /// When there are too many.
    pub(crate) fn take_pattern_with_names(&mut self) -> Result<(), ListError> {
        self.count()?;
        self.take_letters(PATTERN_WITH_NAMES)
    }

    /// One more pattern that every namespace has to be matched against.
    fn count(&mut self) -> Result<(), ListError> {
        self.patterns = self.patterns.checked_sub(1).ok_or(ListError::TooManyPatterns)?;
        Ok(())
    }

    /// One more pattern is kept.
    ///
    /// # Errors
    /// When there are too many, or they are too large together.
    pub(super) fn take(&mut self, pattern: &NamespacePattern) -> Result<(), ListError> {
        let cost = pattern.cost();
        self.bytes = self.bytes.checked_sub(cost.bytes).ok_or(ListError::TooLargePatterns)?;
        self.steps = self.steps.checked_sub(cost.steps).ok_or(ListError::TooLargePatterns)?;
        self.count()?;
        self.take_letters(pattern.letters())
    }

    /// So many letters of each namespace's name are looked at, or something is done that takes as long.
    ///
    /// # Errors
    /// When there are too many.
    pub(crate) fn take_letters(&mut self, letters: usize) -> Result<(), ListError> {
        self.letters = self.letters.checked_sub(letters).ok_or(ListError::TooManyLetters)?;
        self.weigh()
    }

    /// One more list was read: of so many items, and of so many bytes.
    ///
    /// # Errors
    /// When they are too many, or too many beside the patterns.
    pub(crate) fn take_items(&mut self, count: usize, bytes: usize) -> Result<(), ListError> {
        self.items += count;
        self.list_bytes += bytes;
        if self.items > MAX_ITEMS { Err(ListError::TooManyItems) } else { self.weigh() }
    }

    fn weigh(&self) -> Result<(), ListError> {
        let is_long = self.items > MANY_ITEMS || self.list_bytes > MANY_BYTES;
        match is_long && MAX_LETTERS - self.letters > LETTERS_BESIDE_MANY {
            true => Err(ListError::TooManyLettersBesideItems),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_leave_room_for_few_letters() {
        for (items, bytes, letters, is_too_much) in [
            (MANY_ITEMS, MANY_BYTES, MAX_LETTERS, false),
            (MANY_ITEMS + 1, 0, LETTERS_BESIDE_MANY, false),
            (MANY_ITEMS + 1, 0, LETTERS_BESIDE_MANY + 1, true),
            (0, MANY_BYTES + 1, LETTERS_BESIDE_MANY, false),
            (0, MANY_BYTES + 1, LETTERS_BESIDE_MANY + 1, true),
        ] {
            let mut budget = Budget::default();
            let taken = budget.take_letters(letters).and_then(|()| budget.take_items(items, bytes));
            let expected = if is_too_much { Err(ListError::TooManyLettersBesideItems) } else { Ok(()) };
            assert_eq!(taken, expected, "{items} items, {bytes} bytes, {letters} letters");
        }
    }
}
