//! `completions`: scripts for shells, and the one by which kubectl completes the plugin.

use clap::ValueEnum;

use super::complete::SHIM;
use super::{Exit, PLUGIN, plugin, program};
use crate::terminal::Terminal;

/// Print a script that completes the commands in a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
    /// For `kubectl-replicator` as a program of its own, in place of `k8s-replicator`.
    #[arg(long)]
    plugin: bool,
}

const EXAMPLES: &str = "\
Examples:
  source <(k8s-replicator completions bash)
  k8s-replicator completions zsh > ~/.zfunc/_k8s-replicator
  k8s-replicator completions kubectl > ~/bin/kubectl_complete-replicator && chmod +x ~/bin/kubectl_complete-replicator";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    /// Not a shell: the executable kubectl_complete-replicator, by which kubectl completes the plugin.
    Kubectl,
    Powershell,
    Zsh,
}

impl Completions {
    pub(super) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let (mut command, name) = if self.plugin { (plugin(), PLUGIN) } else { (program(), "k8s-replicator") };
        let shell = match self.shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Elvish => clap_complete::Shell::Elvish,
            Shell::Fish => clap_complete::Shell::Fish,
            Shell::Kubectl => {
                terminal.print(SHIM)?;
                return Ok(Exit::Fine);
            }
            Shell::Powershell => clap_complete::Shell::PowerShell,
            Shell::Zsh => clap_complete::Shell::Zsh,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, name, &mut script);
        terminal.print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Fine)
    }
}
