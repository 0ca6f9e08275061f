//! Lists of globs and exceptions, for keys, labels and annotations (SPEC 11.5, 11.6): `team,app.*,!app.secret`.
//!
//! In a glob `*` stands for any text, also for none, and nothing else has a meaning. (Lists of namespaces are lists of regular
//! expressions, as in v1.3.0: see [`pattern`](crate::pattern).)
//!
//! A list is kept as its text, and read where it is used: that is seldom, and an annotation has room for thousands of items.
//!
//! ```
//! use k8s_replicator_core::glob::Globs;
//!
//! let globs = Globs::parse("team, app.*, !app.secret").unwrap();
//! assert!(globs.names("team") && globs.names("app.color"));
//! assert!(!globs.names("app.secret") && !globs.names("app"));
//! ```

use std::collections::HashSet;

use thiserror::Error;

use crate::names::excerpt;
use crate::pattern::{exception, items};

/// The most items of one list.
pub const MAX_ITEMS: usize = 1_024;
/// The most items with a `*` of one list: each of them is compared with every key, of which an object has tens of thousands.
pub const MAX_GLOBS: usize = 8;
/// The most `*` of one item: each part between them is looked for in the key.
pub const MAX_STARS: usize = 3;

/// Why a text is no list of globs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GlobError {
    /// A character that no key, label or annotation contains.
    #[error(
        "{0:?} has a character that no key has; expected letters, digits, \".\", \"-\", \"_\", \"/\", and \"*\" for any text"
    )]
    Character(String),
    /// Too many items.
    #[error("more than {MAX_ITEMS} items")]
    TooManyItems,
    /// Too many `*` in an item.
    #[error("{0:?} has more than {MAX_STARS} \"*\"")]
    TooManyStars(String),
    /// Too many items with a `*`.
    #[error("more than {MAX_GLOBS} items with a \"*\"")]
    TooManyGlobs,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Globs<'t> {
    named: Side<'t>,
    excepted: Side<'t>,
    count: usize,
}

#[derive(Debug, Default)]
struct Side<'t> {
    literals: HashSet<&'t str>,
    globs: Vec<&'t str>,
}

impl Side<'_> {
    fn names(&self, text: &str) -> bool {
        self.literals.contains(text) || self.globs.iter().any(|glob| matches(glob, text))
    }
}

impl<'t> Globs<'t> {
    /// Reads a list. Empty items are skipped.
    ///
    /// # Errors
    /// When an item has an illegal character, or there are too many.
    pub fn parse(text: &'t str) -> Result<Self, GlobError> {
        let mut globs = Self::default();
        for (_, item) in items(text) {
            match exception(item) {
                (true, "") => {}
                (excepts, item) => globs.take(excepts, item)?,
            }
        }
        Ok(globs)
    }

    pub(crate) fn take(&mut self, excepts: bool, item: &'t str) -> Result<(), GlobError> {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/' | b'*');
        if !item.bytes().all(is_legal) {
            return Err(GlobError::Character(excerpt(item)));
        }
        self.count += 1;
        if self.count > MAX_ITEMS {
            return Err(GlobError::TooManyItems);
        }
        let side = if excepts { &mut self.excepted } else { &mut self.named };
        if item.contains('*') {
            if item.matches('*').count() > MAX_STARS {
                return Err(GlobError::TooManyStars(excerpt(item)));
            }
            side.globs.push(item);
            if self.named.globs.len() + self.excepted.globs.len() > MAX_GLOBS {
                return Err(GlobError::TooManyGlobs);
            }
        } else {
            side.literals.insert(item);
        }
        Ok(())
    }

    /// Whether the list names this text: some item does, and none with `!` does.
    #[must_use]
    pub fn names(&self, text: &str) -> bool {
        self.named.names(text) && !self.excepted.names(text)
    }

    /// Whether an item with `!` takes this text away.
    pub(crate) fn excepts(&self, text: &str) -> bool {
        self.excepted.names(text)
    }

    /// Whether no item names anything: the list is empty, or all items begin with `!`.
    #[must_use]
    pub fn names_nothing(&self) -> bool {
        self.named.literals.is_empty() && self.named.globs.is_empty()
    }
}

/// Whether a glob matches the whole of a text. Each part between two `*` is searched once, and its first occurrence taken, so that
/// the time is proportional to the text.
#[must_use]
pub fn matches(glob: &str, text: &str) -> bool {
    let Some((first, rest)) = glob.split_once('*') else { return glob == text };
    let (between, last) = rest.rsplit_once('*').map_or((None, rest), |(between, last)| (Some(between), last));
    let Some(text) = text.strip_prefix(first).and_then(|text| text.strip_suffix(last)) else { return false };
    let mut text = text.as_bytes();
    for part in between.into_iter().flat_map(|between| between.split('*')) {
        let Some(at) = memchr::memmem::find(text, part.as_bytes()) else { return false };
        text = &text[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let cases = [
            ("a", "a", true),
            ("a", "ab", false),
            ("a", "", false),
            ("*", "", true),
            ("*", "a.b/c", true),
            ("a*", "a", true),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*.crt", "tls.crt", true),
            ("*.crt", "tlsxcrt", false),
            ("a*b*c", "axbxbxc", true),
            ("**", "x", true),
            ("a**b", "ab", true),
            ("*ab", "aab", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("ab*ba", "aba", false),
            ("*ab*b", "ab", false),
            ("*ab*b", "abb", true),
            ("*b*b*", "ab", false),
            ("*b*b*", "bb", true),
        ];
        for (glob, text, expected) in cases {
            assert_eq!(matches(glob, text), expected, "{glob} {text}");
        }
    }

    #[test]
    fn lists_name_and_except() {
        let cases = [
            ("", "a", false),
            (" , ", "a", false),
            ("a,b", "b", true),
            ("a\nb", "b", true),
            (" a , b ", "b", true),
            ("*,!b", "a", true),
            ("*,!b", "b", false),
            ("*,! b", "b", false),
            ("!b,*", "b", false),
            ("!b", "a", false),
            ("*,!*.key", "tls.key", false),
            ("a,!", "a", true),
        ];
        for (list, text, expected) in cases {
            assert_eq!(Globs::parse(list).unwrap().names(text), expected, "{list:?} {text}");
        }
        assert!(Globs::parse("!a").unwrap().names_nothing() && !Globs::parse("*").unwrap().names_nothing());
    }

    #[test]
    fn what_is_no_list_is_named() {
        let many = "a,".repeat(MAX_ITEMS + 1);
        let globs = "*a,".repeat(MAX_GLOBS + 1);
        let most = [&"a,".repeat(MAX_ITEMS), &"*a,!b*,".repeat(MAX_GLOBS / 2), "a*b*c*d"];
        assert!(most.into_iter().all(|list| Globs::parse(list).is_ok()));
        for (list, message) in [
            ("a,b?", "\"b?\" has a character"),
            ("a b", "\"a b\" has a character"),
            ("\u{201c}a\u{201d}", "\"\u{201c}a\u{201d}\" has a character"),
            (&many, "more than 1024 items"),
            (&globs, "more than 8 items with a \"*\""),
            ("a*b*c*d*", "\"a*b*c*d*\" has more than 3 \"*\""),
        ] {
            let error = Globs::parse(list).unwrap_err().to_string();
            assert!(error.starts_with(message), "{list:?}: {error}");
        }
    }

    #[test]
    fn the_bounds_are_documented() {
        let docs = include_str!("../../../docs/annotations.md");
        let bounds = [
            ("requirements of one label selector", crate::selector::MAX_REQUIREMENTS),
            ("the length of one label selector", crate::selector::MAX_SELECTOR),
            ("items of one list of keys or globs", MAX_ITEMS),
            ("items with a `*` of one such list", MAX_GLOBS),
            ("`*` in one such item", MAX_STARS),
        ];
        for (what, bound) in bounds {
            assert!(docs.lines().any(|line| line.starts_with(&format!("| {what} | {bound}"))), "{what}: {bound}");
        }
    }
}
