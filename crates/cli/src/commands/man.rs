//! `man`: the manual pages.

use std::path::PathBuf;

use anyhow::Context as _;

use super::{Exit, program};
use crate::terminal::Terminal;

/// Print the manual page, or write that of each command into a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Man {
    /// The folder into which k8s-replicator.1, k8s-replicator-list.1 and so on are written.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Exit codes: 0 it is printed, or they are written; 2 they cannot be written.

Examples:
  k8s-replicator man | man -l -
  k8s-replicator man --folder /usr/local/share/man/man1";

impl Man {
    pub(super) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let command = program();
        if let Some(folder) = self.folder {
            clap_mangen::generate_to(command, &folder)
                .with_context(|| format!("cannot write the pages into {}", folder.display()))?;
        } else {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            terminal.print(&String::from_utf8_lossy(&page))?;
        }
        Ok(Exit::Fine)
    }
}
