//! Which namespaces an annotation names: lists of names and patterns (SPEC 2), and what two such lists have in common
//! (SPEC 5, 8).
//!
//! ```text
//! "a,jx-.*"  →  NamespaceList  →  NamespaceItem: a name, or a NamespacePattern  →  go: Go's syntax, read as Go reads it
//! ```
//!
//! - **Guarantees.** A pattern names exactly the namespaces that Go's `regexp` would have matched with `^(?:item)$`, or is
//!   refused with the reason; `go_table.txt` holds Go's own answers. No annotation takes more than a bounded amount of memory
//!   ([`Budget`]), and equal patterns are compiled once for the whole process.
//! - **Assumes** that only names of namespaces are asked about: ASCII, at most 63 characters. Anything else is in no list.
//! - **Not here:** what stands around the list, as the `/name` of `replicate-to`.

mod compiled;
mod go;
mod list;
mod narrow;

#[cfg(test)]
mod go_table;
#[cfg(test)]
mod tests;

pub use compiled::{NamespacePattern, PatternError};
pub use go::SyntaxError;
pub use list::{Budget, NamespaceItem, NamespaceList};
pub use narrow::{Allowed, narrow};
