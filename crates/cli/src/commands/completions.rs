//! `completions`: scripts for shells, and the one by which kubectl completes the plugin.
//!
//! Those for bash, zsh and fish ask the program what comes next (see [`complete`](super::complete)), so that they know what is in the
//! cluster, and what the installed program can do. The others hold a list.

use clap::ValueEnum;

use super::{Exit, PLUGIN, plugin, program};
use crate::terminal::Terminal;

/// Print a script that completes the commands in a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell; or kubectl, for the executable kubectl_complete-replicator, by which kubectl completes the plugin.
    #[arg(value_enum)]
    shell: Shell,
    /// For `kubectl-replicator` as a program of its own, in place of `k8s-replicator`.
    #[arg(long)]
    plugin: bool,
}

const EXAMPLES: &str = "\
Names of namespaces and objects are asked of the cluster, with your rights.
Exit codes: 0 it is printed; 2 the command line cannot be read.

Examples:
  source <(k8s-replicator completions bash)
  k8s-replicator completions zsh > ~/.zfunc/_k8s-replicator
  k8s-replicator completions fish > ~/.config/fish/completions/k8s-replicator.fish
  k8s-replicator completions kubectl > ~/bin/kubectl_complete-replicator
  chmod +x ~/bin/kubectl_complete-replicator";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Kubectl,
    Powershell,
    Zsh,
}

impl Completions {
    pub(super) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let (mut command, name) = if self.plugin { (plugin(), PLUGIN) } else { (program(), "k8s-replicator") };
        let listed = |shell: clap_complete::Shell, command: &mut clap::Command| {
            let mut script = Vec::new();
            clap_complete::generate(shell, command, name, &mut script);
            String::from_utf8_lossy(&script).into_owned()
        };
        terminal.print(&match self.shell {
            Shell::Bash => asking(BASH, name),
            Shell::Fish => asking(FISH, name),
            Shell::Zsh => asking(ZSH, name),
            Shell::Kubectl => KUBECTL.to_owned(),
            Shell::Elvish => listed(clap_complete::Shell::Elvish, &mut command),
            Shell::Powershell => listed(clap_complete::Shell::PowerShell, &mut command),
        })?;
        Ok(Exit::Fine)
    }
}

fn asking(script: &str, name: &str) -> String {
    script.replace("NAME", name)
}

/// What is executed by kubectl.
const KUBECTL: &str = "\
#!/bin/sh
# kubectl asks this for what completes `kubectl replicator`: put it on the PATH as kubectl_complete-replicator.
exec kubectl-replicator __complete \"$@\"
";

const BASH: &str = r#"# Completes NAME in bash.
_NAME() {
    local line directive=0
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :*) directive=${line#:} ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <(NAME __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    ((directive & 2)) && compopt -o nospace 2>/dev/null
    ((directive & 4)) || compopt -o default 2>/dev/null
    return 0
}
complete -F _NAME NAME
"#;

const ZSH: &str = r#"#compdef NAME
# Completes NAME in zsh: a file _NAME in a folder of fpath, or sourced.
_NAME() {
    local line directive
    local -a lines candidates options
    lines=("${(@f)$(NAME __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    directive=${lines[-1]#:}
    for line in "${(@)lines[1,-2]}"; do
        candidates+=("${${line//:/\\:}/$'\t'/:}")
    done
    ((directive & 2)) && options=(-S '')
    if ((${#candidates})); then
        _describe -V NAME candidates "${options[@]}"
    elif ! ((directive & 4)); then
        _files
    fi
}
if [ "${funcstack[1]}" = _NAME ]; then
    _NAME "$@"
else
    compdef _NAME NAME
fi
"#;

const FISH: &str = r#"# Completes NAME in fish.
function __complete_NAME
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (NAME __complete $before[2..] "$current" 2>/dev/null)
    set -l directive (string replace ':' '' -- $lines[-1])
    set -e lines[-1]
    printf '%s\n' $lines
    if test -n "$directive"; and test (math "bitand($directive, 4)") -eq 0
        __fish_complete_path "$current"
    end
end
complete -c NAME -f -a '(__complete_NAME)'
"#;
