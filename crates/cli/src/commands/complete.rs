//! `__complete`: what kubectl asks for to complete the plugin's arguments (kubectl 1.26 and later, by way of the executable
//! `kubectl_complete-replicator`).
//!
//! As cobra has it: a line for each candidate, with a tab before its description, and at the end the directive: `:4`, nothing else
//! fits; `:0`, names of files may.

use clap::{Arg, Command};

use super::{Exit, plugin};
use crate::terminal::Terminal;

/// Answer kubectl's question about what comes next.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Complete {
    /// The words so far; the last one is to be completed.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

impl Complete {
    pub(super) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        terminal.print(&candidates(&plugin(), &self.words))?;
        Ok(Exit::Fine)
    }
}

/// What is executed by kubectl.
pub(super) const SHIM: &str = "\
#!/bin/sh
# kubectl asks this for what completes `kubectl replicator`: put it on the PATH as kubectl_complete-replicator.
exec kubectl-replicator __complete \"$@\"
";

fn candidates(command: &Command, words: &[String]) -> String {
    let (current, before) = words.split_last().map_or(("", words), |(last, before)| (last.as_str(), before));
    let Some(subcommand) = before.iter().find_map(|word| command.find_subcommand(word)) else {
        let known = command.get_subcommands().filter(|known| !known.is_hide_set());
        let known = known.map(|known| (known.get_name().to_owned(), known.get_about().map(ToString::to_string)));
        return answer(current, known, 4);
    };
    let option = |word: &String| -> Option<&Arg> {
        let is_it = |arg: &&Arg| {
            let short = arg.get_short().map(|short| format!("-{short}"));
            arg.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long)) || short.as_ref() == Some(word)
        };
        subcommand.get_arguments().find(is_it).filter(|arg| arg.get_action().takes_values())
    };
    if current.starts_with('-') {
        let options = subcommand.get_opts().chain(subcommand.get_arguments().filter(|arg| !arg.is_positional()));
        let mut options: Vec<_> = options
            .filter_map(|arg| Some((format!("--{}", arg.get_long()?), arg.get_help().map(ToString::to_string))))
            .collect();
        options.dedup();
        options.sort();
        options.dedup();
        return answer(current, options.into_iter(), 4);
    }
    let value_of = before.last().and_then(option);
    // Words that are no options, and not the values of options, after the subcommand's name.
    let mut place = 0;
    for (at, word) in before.iter().enumerate().skip(1) {
        let is_value = before.get(at - 1).and_then(option).is_some();
        place += usize::from(!word.starts_with('-') && !is_value);
    }
    let arg = value_of.or_else(|| subcommand.get_positionals().nth(place));
    let values = arg.map(Arg::get_possible_values).unwrap_or_default();
    let directive = if values.is_empty() { 0 } else { 4 };
    let values = values.into_iter().filter(|value| !value.is_hide_set());
    answer(
        current,
        values.map(|value| (value.get_name().to_owned(), value.get_help().map(ToString::to_string))),
        directive,
    )
}

fn answer(current: &str, candidates: impl Iterator<Item = (String, Option<String>)>, directive: u8) -> String {
    let fitting = candidates.filter(|(name, _)| name.starts_with(current));
    let lines = fitting.map(|(name, about)| match about.as_deref().and_then(|about| about.lines().next()) {
        Some(about) => format!("{name}\t{about}\n"),
        None => format!("{name}\n"),
    });
    lines.chain([format!(":{directive}\n")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let lines = candidates(&plugin(), &words);
        lines.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn what_comes_next_is_known() {
        assert_eq!(names(&["ex"]), ["explain", ":4"]);
        assert!(names(&[""]).contains(&"wait".to_owned()) && !names(&[""]).contains(&"__complete".to_owned()));
        assert_eq!(names(&["explain", ""]), ["secret", "configmap", ":4"]);
        assert_eq!(names(&["explain", "-n", "shop", "c"]), ["configmap", ":4"]);
        assert_eq!(names(&["explain", "secret", "shop/"]), [":0"]);
        assert_eq!(names(&["explain", "secret", "a/b", "-o", ""]), ["text", "json", ":4"]);
        assert_eq!(names(&["list", "--no-h"]), ["--no-headers", ":4"]);
        assert_eq!(names(&["list", "--reason", "Loo"]), ["Loop", "LooksLikeGlob", ":4"]);
        assert_eq!(names(&["list", "--kubeconfig", ""]), [":0"]);
        assert_eq!(names(&["nothing", ""]).last().map(String::as_str), Some(":4"));
    }
}
