//! The page: the whole cluster's replication, live, read-only.
//!
//! ```text
//! controller's graph → cells, trails (pure) → one snapshot, then what changes → the browser
//! ```
//!
//! - [`cell`] and [`trail`] are pure: what is shown of a target, from the controller's graph by `survey::look`, which asks `decide`.
//! - [`snapshot`] has all cells in few bytes; [`feed`] what changed since, in frames with numbers.
//! - [`server`] serves both, and the files of the page ([`files`]), to whom [`guard`] lets in.
//!
//! Guarantees: nothing is written, and no data of a Secret is here to be shown: the graph holds names, versions and annotations. No
//! second watch and no second copy: each answer is made from the controller's own graph, in pieces of a few milliseconds
//! between its steps. What is kept is the last snapshot's bytes, and the last frames, both bounded.
//!
//! The page itself is in `page/`: plain ES modules, as they are; `page/README.md` says what is where.

pub mod cell;
pub mod feed;
pub mod files;
pub mod guard;
pub mod protocol;
pub mod server;
pub mod snapshot;
pub mod trail;
mod words;

pub use feed::Feed;
pub use server::{Page, serve};
