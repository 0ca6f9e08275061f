//! Which namespaces an annotation names: lists of names and patterns (SPEC 2), and what two such lists have in common
//! (SPEC 5.8).
//!
//! ```text
//! "a,jx-.*,!b"  →  NamespaceList  →  names and prefixes, by their hashes; and patterns: Go's syntax, read as Go reads it
//! ```
//!
//! - **Guarantees.** A pattern names exactly the namespaces that Go's `regexp` would have matched with `^(?:item)$`, or is
//!   refused with the reason; `go_table.txt` holds Go's own answers. No object's lists take more than a bounded amount of
//!   memory and time ([`Budget`], [`MAX_ITEMS`]), to read as well as to ask about each namespace; and equal patterns are
//!   compiled once for the whole process.
//! - **Assumes** that only names of namespaces are asked about: ASCII, at most 63 characters. Anything else is in no list.
//! - **Not here:** what stands around the list, as the `/name` of `replicate-to`.

mod automaton;
mod budget;
mod compiled;
mod go;
mod index;
mod item;
mod list;
mod narrow;
mod prefixes;
mod side;

#[cfg(test)]
mod go_table;
#[cfg(test)]
mod tests;

pub use budget::{Budget, ListError, MAX_PATTERNS};
pub use compiled::{MAX_PATTERN, NamespacePattern, PatternError};
pub use go::SyntaxError;
pub use index::MAX_ITEMS;
pub(crate) use index::{Hash, Index, Seen, items};
pub use item::{ItemKind, exception};
pub(crate) use item::{Positions, is_odd, name};
pub use list::NamespaceList;
pub use narrow::{Allowed, narrow};
