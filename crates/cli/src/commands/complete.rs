//! `__complete`: what comes next in a command line. kubectl asks it for the plugin's arguments (kubectl 1.26 and later, by way of the
//! executable `kubectl_complete-replicator`), and so do the scripts for bash, zsh and fish.
//!
//! As cobra has it: a line for each candidate, with a tab before its description, and at the end the directive, a colon and a sum
//! of [`NO_SPACE`] and [`NO_FILES`]. What is in the cluster is asked for with the person's rights, metadata alone; where that takes long
//! or fails there are no candidates, and nothing is said.

use std::time::Duration;

use clap::{Arg, Command};
use k8s_replicator_controller::cluster::Failure;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::Namespace;

use super::options::KindName;
use super::{Exit, is_plugin, plugin, program};
use crate::cluster::{Cluster, ClusterArgs};
use crate::terminal::Terminal;

/// No space follows: there is more to come.
const NO_SPACE: u8 = 2;
/// Names of files are no candidates.
const NO_FILES: u8 = 4;
/// A person who waits for longer has typed it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answer kubectl's question about what comes next.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Complete {
    /// The words so far; the last one is to be completed.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

impl Complete {
    pub(super) async fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let as_plugin = std::env::args_os().next().is_some_and(|program| is_plugin(&program));
        let command = if as_plugin { plugin() } else { program() };
        let line = Line::read(&command, &self.words);
        let candidates = match &line.wanted {
            Wanted::These(candidates) => candidates.clone(),
            Wanted::Namespaces | Wanted::Objects => {
                let asked = tokio::time::timeout(PATIENCE, line.of_cluster()).await;
                asked.ok().and_then(Result::ok).unwrap_or_default()
            }
            Wanted::Files | Wanted::Anything => Vec::new(),
        };
        terminal.print(&line.answer(&candidates))?;
        Ok(Exit::Fine)
    }
}

/// A word, and what it means.
type Candidate = (String, Option<String>);

/// What can come next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    These(Vec<Candidate>),
    Namespaces,
    /// `namespace/name`, or a name alone.
    Objects,
    Files,
    /// What only the person knows.
    Anything,
}

/// A command line that is not finished.
#[derive(Debug)]
struct Line<'a> {
    /// The words before the one that is to be completed, without the values' equals signs.
    before: Vec<&'a str>,
    /// What stands before the candidates in the last word: `--state=refused,`.
    done: &'a str,
    /// The part of the last word that is to be completed.
    current: &'a str,
    wanted: Wanted,
}

impl<'a> Line<'a> {
    fn read(command: &Command, words: &'a [String]) -> Self {
        let (last, before) = words.split_last().map_or(("", words), |(last, before)| (last.as_str(), before));
        // bash gives `--state=held` as three words.
        let before: Vec<&str> = before.iter().flat_map(|word| split(word)).filter(|word| *word != "=").collect();
        let last = if last == "=" { "" } else { last };
        let (flag, current) = match last.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => (Some(flag), value),
            _ => (None, last),
        };
        let mut line = Line { before, done: "", current, wanted: Wanted::Anything };
        let Some(subcommand) = line.subcommand(command) else {
            let known = command.get_subcommands().filter(|known| !known.is_hide_set());
            let known = known.map(|known| (known.get_name().to_owned(), known.get_about().map(ToString::to_string)));
            line.wanted = Wanted::These(if last.starts_with('-') { options(command) } else { known.collect() });
            return line;
        };
        if last.starts_with('-') && flag.is_none() {
            line.wanted = Wanted::These(options(subcommand));
            return line;
        }
        let value_of = flag.or(line.before.last().copied()).and_then(|word| option(subcommand, word));
        let arg = value_of.or_else(|| line.positional(subcommand));
        // The last one of a list.
        let list = arg.and_then(Arg::get_value_delimiter).and_then(|delimiter| line.current.rfind(delimiter));
        line.current = list.and_then(|at| line.current.get(at + 1..)).unwrap_or(line.current);
        line.done = last.get(..last.len() - line.current.len()).unwrap_or_default();
        line.wanted = arg.map_or(Wanted::These(Vec::new()), wanted);
        line
    }

    fn subcommand<'c>(&self, command: &'c Command) -> Option<&'c Command> {
        self.before.iter().find_map(|word| command.find_subcommand(word))
    }

    /// The argument without a name that comes next: the last one may be given again and again.
    fn positional<'c>(&self, subcommand: &'c Command) -> Option<&'c Arg> {
        let is_value = |at: usize| at.checked_sub(1).and_then(|at| option(subcommand, self.before.get(at)?)).is_some();
        let after = self.before.iter().position(|word| *word == subcommand.get_name()).map_or(0, |at| at + 1);
        let words = self.before.iter().enumerate().skip(after);
        let place = words.filter(|(at, word)| !word.starts_with('-') && !is_value(*at)).count();
        let last =
            || subcommand.get_positionals().last().filter(|arg| arg.get_num_args().is_some_and(|n| n.max_values() > 1));
        subcommand.get_positionals().nth(place).or_else(last)
    }

    /// The value of an option among the words.
    fn value(&self, names: [&str; 2]) -> Option<&str> {
        let at = self.before.iter().rposition(|word| names.contains(word))?;
        self.before.get(at + 1).copied()
    }

    /// What the cluster has.
    async fn of_cluster(&self) -> anyhow::Result<Vec<Candidate>> {
        let args = ClusterArgs::of(self.value(["--kubeconfig", ""]), self.value(["--context", ""]));
        let cluster = Cluster::open(&args).await?;
        let failed = |failure: Failure| anyhow::anyhow!("{}", failure.message);
        if self.wanted == Wanted::Namespaces {
            return Ok(plain(cluster.namespace_names().await.map_err(failed)?));
        }
        let kind = self.before.iter().find_map(|word| <KindName as clap::ValueEnum>::from_str(word, true).ok());
        let kind: &dyn Kind = kind.unwrap_or(KindName::Secret).kind();
        let own = self.value(["--namespace", "-n"]).map(Namespace::parse).transpose()?;
        match (self.current.split_once('/'), own) {
            (Some((namespace, _)), _) => {
                let names = cluster.object_names(kind, Namespace::parse(namespace)?).await.map_err(failed)?;
                Ok(plain(names.into_iter().map(|name| format!("{namespace}/{name}")).collect()))
            }
            (None, Some(own)) => Ok(plain(cluster.object_names(kind, own).await.map_err(failed)?)),
            (None, None) => {
                let names = cluster.namespace_names().await.map_err(failed)?;
                Ok(plain(names.into_iter().map(|name| format!("{name}/")).collect()))
            }
        }
    }

    fn answer(&self, candidates: &[Candidate]) -> String {
        let fitting: Vec<_> = candidates.iter().filter(|(name, _)| name.starts_with(self.current)).collect();
        let goes_on = !fitting.is_empty() && fitting.iter().all(|(name, _)| name.ends_with('/'));
        let no_files = if self.wanted == Wanted::Files { 0 } else { NO_FILES };
        let directive = no_files + if goes_on { NO_SPACE } else { 0 };
        let done = self.done;
        let lines = fitting.iter().map(|(name, about)| match about.as_deref().and_then(|about| about.lines().next()) {
            Some(about) => format!("{done}{name}\t{about}\n"),
            None => format!("{done}{name}\n"),
        });
        lines.chain([format!(":{directive}\n")]).collect()
    }
}

/// An option and its value, if they are one word.
fn split(word: &str) -> Vec<&str> {
    match word.split_once('=') {
        Some((option, value)) if option.starts_with('-') => vec![option, value],
        _ => vec![word],
    }
}

fn plain(names: Vec<String>) -> Vec<Candidate> {
    names.into_iter().map(|name| (name, None)).collect()
}

/// The option of this name, if it takes a value.
fn option<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let is_it = |arg: &&Arg| {
        let short = arg.get_short().map(|short| format!("-{short}"));
        arg.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long)) || short.as_deref() == Some(word)
    };
    command.get_arguments().find(is_it).filter(|arg| arg.get_action().takes_values())
}

fn options(command: &Command) -> Vec<Candidate> {
    let options = command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set());
    let mut options: Vec<_> = options
        .filter_map(|arg| Some((format!("--{}", arg.get_long()?), arg.get_help().map(ToString::to_string))))
        .collect();
    options.sort();
    options
}

/// What an argument takes: its values, else by what its value is called.
fn wanted(arg: &Arg) -> Wanted {
    let values = arg.get_possible_values();
    if !values.is_empty() {
        let values = values.into_iter().filter(|value| !value.is_hide_set());
        let values = values.map(|value| (value.get_name().to_owned(), value.get_help().map(ToString::to_string)));
        return Wanted::These(values.collect());
    }
    let name = arg.get_value_names().and_then(|names| names.first()).map(|name| name.as_str());
    match (arg.get_long(), name) {
        (Some("namespace" | "assume-namespaces"), _) => Wanted::Namespaces,
        (_, Some("NAMESPACE/NAME")) => Wanted::Objects,
        (_, Some("FILE" | "FOLDER")) => Wanted::Files,
        _ => Wanted::Anything,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> (Vec<String>, String) {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let command = plugin();
        let line = Line::read(&command, &words);
        let these = match &line.wanted {
            Wanted::These(these) => these.clone(),
            other => return (vec![format!("{other:?}")], line.current.to_owned()),
        };
        let answer = line.answer(&these);
        (answer.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect(), String::new())
    }

    fn names(words: &[&str]) -> Vec<String> {
        read(words).0
    }

    #[test]
    fn what_comes_next_is_known() {
        assert_eq!(names(&["ex"]), ["explain", ":4"]);
        assert!(names(&[""]).contains(&"wait".to_owned()) && !names(&[""]).contains(&"__complete".to_owned()));
        assert_eq!(names(&["explain", ""]), ["secret", "configmap", ":4"]);
        assert_eq!(names(&["explain", "-n", "shop", "c"]), ["configmap", ":4"]);
        assert_eq!(names(&["explain", "--namespace=shop", "c"]), ["configmap", ":4"]);
        assert_eq!(names(&["explain", "secret", "a/b", "-o", ""]), ["text", "json", ":4"]);
        assert_eq!(names(&["explain", "-o=j"]), ["-o=json", ":4"]);
        assert_eq!(names(&["list", "--no-h"]), ["--no-headers", ":4"]);
        assert_eq!(names(&["list", "--reason", "Loo"]), ["Loop", "LooksLikeGlob", ":4"]);
        assert_eq!(names(&["list", "--state=held,re"]), ["--state=held,refused", ":4"]);
        // As bash cuts it.
        assert_eq!(names(&["list", "--state", "=", "re"]), ["refused", ":4"]);
        assert_eq!(names(&["list", "--kind", "="]), ["secret", "configmap", ":4"]);
        // Nothing more fits.
        assert_eq!(names(&["explain", "secret", "a/b", ""]), [":4"]);
    }

    #[test]
    fn what_the_cluster_or_a_folder_has_is_asked_for() {
        for (words, expected, current) in [
            (&["wait", "--namespace", "sh"][..], "Namespaces", "sh"),
            (&["list", "-n", ""], "Namespaces", ""),
            (&["list", "--namespace=sh"], "Namespaces", "sh"),
            (&["plan", "--assume-namespaces", "a,b"], "Namespaces", "b"),
            (&["explain", "secret", "shop/"], "Objects", "shop/"),
            (&["explain", "secret", "--from", "a/b", "--to", "sh"], "Objects", "sh"),
            (&["approve", "secret", "a/b", "c"], "Objects", "c"),
            (&["list", "--source", "d"], "Objects", "d"),
            (&["plan", "-f", "x"], "Files", "x"),
            (&["list", "--kubeconfig", ""], "Files", ""),
            (&["man", "--folder", ""], "Files", ""),
            (&["wait", "--timeout", ""], "Anything", ""),
        ] {
            assert_eq!(read(words), (vec![expected.to_owned()], current.to_owned()), "{words:?}");
        }
    }

    #[test]
    fn a_namespace_is_followed_by_a_name_and_not_by_a_space() {
        let words = ["explain", "secret", "sh"].map(str::to_owned);
        let command = plugin();
        let line = Line::read(&command, &words);
        let candidates = plain(vec!["shop/".to_owned(), "other/".to_owned()]);
        assert_eq!(line.answer(&candidates), "shop/\n:6\n");
        assert_eq!(line.answer(&plain(vec!["shop".to_owned()])), "shop\n:4\n");
    }

    /// The program's own name completes the controller's flags too.
    #[test]
    fn the_controllers_flags_are_known() {
        let words = ["--allow-".to_owned()];
        let command = program();
        let line = Line::read(&command, &words);
        let Wanted::These(these) = &line.wanted else { panic!("{line:?}") };
        assert!(line.answer(these).contains("--allow-all\t"), "{these:?}");
    }
}
