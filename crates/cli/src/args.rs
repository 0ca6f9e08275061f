//! The command line: read into the controller's [`Settings`] or a [`Command`], or an answer in the place of running: help, the
//! version, or what is wrong with it.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _};
use k8s_replicator_core::names::cut;

use crate::commands::{self, Command};
use crate::flags::{EXAMPLES, Flags};
use crate::go_flags::normalise;
use crate::settings::Settings;

/// Why the program ends before it has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The exit code: 0 after `--help` and `--version`, 2 for a command line that cannot be read.
    pub code: u8,
    /// Whether the message was asked for, and belongs on standard output; otherwise it belongs on standard error.
    pub to_stdout: bool,
    /// What to say. For an error it is one line.
    pub message: String,
}

impl Stop {
    fn error(message: String) -> Self {
        Self { code: 2, to_stdout: false, message: format!("error: {message}") }
    }
}

/// What the program is to be.
#[derive(Debug)]
pub enum Program {
    /// The controller (SPEC 10).
    Controller(Box<Settings>),
    /// An answer to a person's question (SPEC 12).
    Command(Command),
}

/// Reads the program's arguments, of which the first is its name. Without a subcommand as the second it is the controller, unless
/// it was started as kubectl's plugin.
///
/// # Errors
/// When there is nothing to run: `--help` or `--version` was given, or something that cannot be read.
pub fn program(args: impl IntoIterator<Item = OsString>) -> Result<Program, Stop> {
    let args: Vec<OsString> = args.into_iter().collect();
    let is_plugin = args.first().is_some_and(commands::is_plugin);
    if is_plugin || args.get(1).is_some_and(commands::is_command) {
        commands::parse(args, is_plugin).map(Program::Command)
    } else {
        parse(args).map(|settings| Program::Controller(Box::new(settings)))
    }
}

/// Reads the controller's arguments, of which the first is the program's name (SPEC 10).
///
/// # Errors
/// When there is nothing to run: `--help` or `--version` was given, or something that cannot be read.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Settings, Stop> {
    let command = Flags::command().after_help(format!("{}\n{EXAMPLES}", commands::overview()));
    let args = normalise(&command, args.into_iter().skip(1)).map_err(|stray| {
        let stray = cut(&stray.to_string_lossy());
        Stop::error(format!(
            "unexpected argument {stray:?}; only flags, or a command first, are expected: --help lists them"
        ))
    })?;
    let name = OsString::from(command.get_name());
    let flags = command
        .try_get_matches_from(std::iter::once(name).chain(args))
        .and_then(|matches| Flags::from_arg_matches(&matches))
        .map_err(|error| stop(&error))?;
    Settings::try_from(flags).map_err(|bad| Stop::error(bad.to_string()))
}

/// What is said, in place of clap's many lines.
fn stop(error: &clap::Error) -> Stop {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let arg = context(ContextKind::InvalidArg).map(cut).unwrap_or_default();
    // clap shows what the flag's value is called, too.
    let flag = arg.split([' ', '=']).next().unwrap_or_default();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Stop { code: 0, to_stdout: true, message: error.to_string() }
        }
        ErrorKind::UnknownArgument => {
            let instead = match context(ContextKind::SuggestedArg) {
                Some(known) => format!("did you mean {known}?"),
                None => "--help lists the known ones".to_owned(),
            };
            Stop::error(format!("unknown flag {arg:?}; {instead}"))
        }
        ErrorKind::InvalidValue => Stop::error(format!("{flag} needs a value; --help tells which")),
        _ => {
            Stop::error(format!("{error}").lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
