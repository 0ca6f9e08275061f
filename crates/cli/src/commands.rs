//! The subcommands: what the program does for a person at a terminal, or for a script.
//!
//! Without one the program is the controller. As `kubectl-replicator` on the PATH it is a plugin of kubectl
//! (`kubectl replicator …`) and has the subcommands only.
//!
//! **To add one:** a module with a struct of arguments that has `run`, and a variant of [`Command`] that holds it. Help,
//! completions and man pages follow from that.
//!
//! **Rules.** A subcommand answers from the same decision as the controller, and says what it could not see. What is asked for goes
//! to standard output, everything else to standard error. An output is made by a pure function of what was found and of the
//! [`Paper`](crate::terminal::Paper), so that tests can read it. Exit codes are those of [`Exit`].

mod approve;
mod complete;
mod completions;
mod dashboard;
mod diff;
mod explain;
mod graph;
mod list;
mod man;
mod options;
mod plan;
mod wait;

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;
use clap::{CommandFactory, FromArgMatches as _, Parser, Subcommand};

use crate::args::Stop;
use crate::flags::Flags;
use crate::terminal::Terminal;

pub use plan::drawn;

/// The file name by which kubectl finds the plugin.
pub const PLUGIN: &str = "kubectl-replicator";

/// How a subcommand ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: all is as wanted.
    Fine = 0,
    /// 1: the answer is there, and something is not as wanted.
    Problems = 1,
    /// 2: there is no answer: the command line cannot be read, or the cluster not be reached.
    NoAnswer = 2,
}

const EXIT_CODES: &str = "\
Exit codes: 0 all is as wanted; 1 something is not; 2 there is no answer, since the command line
cannot be read or the cluster cannot be reached.";

/// What a person wants to know, or to have done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Explain why a replica is missing, or is as it is, and what to do.
    Explain(explain::Explain),
    /// List replicas, or sources, with their state and why.
    List(list::List),
    /// Draw who gives to whom: for dot, Mermaid, or as SVG.
    Graph(graph::Graph),
    /// Serve the page about what is replicated, and open it: with your own rights, reading metadata alone, writing nothing.
    Dashboard(dashboard::Dashboard),
    /// Wait until a namespace has every Secret and ConfigMap that is meant for it.
    Wait(wait::Wait),
    /// Show in which keys a replica differs from its source, never the values.
    Diff(diff::Diff),
    /// Approve removals that the controller holds because they are many.
    Approve(approve::Approve),
    /// Say what the controller would do with manifests, or with other flags, and write nothing.
    Plan(Box<plan::Plan>),
    /// Print a script that completes the commands in a shell.
    Completions(completions::Completions),
    /// Answer kubectl's question about what comes next.
    #[command(name = "__complete", hide = true)]
    Complete(complete::Complete),
    /// Print the manual pages, or write them into a folder.
    Man(man::Man),
}

#[derive(Debug, Parser)]
#[command(
    name = PLUGIN,
    bin_name = "kubectl replicator",
    version,
    about = "Says which Secrets and ConfigMaps are copied where, and why one is not.",
    after_help = EXIT_CODES,
    max_term_width = 100
)]
struct Plugin {
    #[command(subcommand)]
    command: Command,
}

/// Whether the program was started as kubectl's plugin.
pub(crate) fn is_plugin(program: &OsString) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == PLUGIN)
}

/// Whether an argument is the name of a subcommand.
pub(crate) fn is_command(arg: &OsString) -> bool {
    arg == "help" || arg.to_str().is_some_and(|arg| Plugin::command().find_subcommand(arg).is_some())
}

/// The subcommands alone, as kubectl's plugin has them.
pub(crate) fn plugin() -> clap::Command {
    Plugin::command()
}

/// The program with everything that it can be asked for: the controller's flags and the subcommands.
pub(crate) fn program() -> clap::Command {
    let flags = Flags::command();
    // The subcommands would have what is said of them said of the whole program.
    let about = flags.get_about().cloned().unwrap_or_default();
    Command::augment_subcommands(flags).about(about).subcommand_help_heading("COMMANDS").disable_help_subcommand(true)
}

/// Reads the arguments of a subcommand. The first is the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>, is_plugin: bool) -> Result<Command, Stop> {
    let command = if is_plugin {
        plugin()
    } else {
        plugin().name("k8s-replicator").bin_name("k8s-replicator").override_usage("k8s-replicator <COMMAND>")
    };
    let read = command.try_get_matches_from(args).and_then(|matches| Plugin::from_arg_matches(&matches));
    read.map(|plugin| plugin.command).map_err(|error| Stop {
        code: if error.exit_code() == 0 { 0 } else { Exit::NoAnswer as u8 },
        to_stdout: !error.use_stderr(),
        message: error.to_string(),
    })
}

/// A line for each subcommand, for the program's help.
pub(crate) fn overview() -> String {
    let command = plugin();
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    let lines = shown.map(|command| {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        format!("  {:<12} {about}\n", command.get_name())
    });
    format!("Commands (help NAME tells more; kubectl replicator NAME is the same):\n{}", lines.collect::<String>())
}

/// Carries it out, on one thread.
///
/// # Errors
/// When there is no answer.
pub fn run(command: Command, terminal: &Terminal) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        match command {
            Command::Explain(command) => command.run(terminal).await,
            Command::List(command) => command.run(terminal).await,
            Command::Graph(command) => command.run(terminal).await,
            Command::Dashboard(command) => command.run(terminal).await,
            Command::Wait(command) => command.run(terminal).await,
            Command::Diff(command) => command.run(terminal).await,
            Command::Approve(command) => command.run(terminal).await,
            Command::Plan(command) => command.run(terminal).await,
            Command::Completions(command) => command.run(terminal),
            Command::Complete(command) => command.run(terminal).await,
            Command::Man(command) => command.run(terminal),
        }
    })
}
