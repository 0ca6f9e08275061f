//! The items of lists: what each one is, and where it stands.

use super::index::rest;
use crate::names::{MAX_NAMESPACE, is_label};

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

/// A literal's characters; whatever follows them ends it.
fn is_literal(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'.' | b'-')
}

/// Whether what stands at the beginning of a text, and is a literal, is `name`.
pub(super) fn is_name(rest: &str, name: &str) -> bool {
    rest.strip_prefix(name).is_some_and(|after| !after.bytes().next().is_some_and(is_literal))
}

/// The item at the beginning of a text.
pub(crate) fn name(rest: &str) -> &str {
    let end = memchr::memchr2(b',', b'\n', rest.as_bytes()).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default().trim_end()
}
