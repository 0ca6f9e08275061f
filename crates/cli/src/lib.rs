//! What the program `k8s-replicator` takes from its command line, and how it logs.
//!
//! ```text
//! arguments → go_flags: Go's spellings → flags: as typed → settings: checked and ready to use; args: the way from end to end
//!           → commands: a subcommand, for a person → terminal
//! ```

pub mod args;
pub mod cluster;
pub mod commands;
pub mod entry;
mod flags;
mod go_flags;

pub mod logging;
pub mod settings;
#[cfg(test)]
mod snapshots;
pub mod status_address;
pub mod table;
pub mod terminal;
