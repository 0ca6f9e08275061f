//! The syntax of Go's `flag` package, which v1.3.0 had (SPEC 10), brought into the one that clap reads.
//!
//! One dash or two; a boolean takes its value behind `=` only; any other flag takes it there or in the next argument,
//! whatever that looks like.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

/// Rewrites the arguments (without the program's name) to `--flag=value`. Unknown flags are left for clap to refuse.
///
/// # Errors
/// An argument that is neither a flag nor the value of one.
pub(crate) fn normalise(
    command: &Command,
    args: impl IntoIterator<Item = OsString>,
) -> Result<Vec<OsString>, OsString> {
    let mut args = args.into_iter();
    let mut normal = Vec::new();
    while let Some(arg) = args.next() {
        if arg == "--" {
            return args.next().map_or(Ok(normal), Err);
        }
        let Some((name, value)) = arg.to_str().and_then(split) else {
            // Without knowing the text there is no telling a value; clap can, behind two dashes.
            if arg.to_str().is_none() && arg.as_encoded_bytes().starts_with(b"-") {
                normal.push(arg);
                continue;
            }
            return Err(arg);
        };
        let known = known(command, name);
        let flag = format!("--{}", known.and_then(Arg::get_long).unwrap_or(name));
        let value = match (value, known) {
            (Some(value), _) => Some(OsString::from(value)),
            (None, Some(known)) if !known.get_action().takes_values() => None,
            (None, Some(known)) if is_boolean(known) => Some("true".into()),
            (None, Some(_)) => args.next(),
            (None, None) => None,
        };
        normal.push(match value {
            Some(value) => [OsStr::new(&flag), OsStr::new("="), &value].into_iter().collect(),
            None => flag.into(),
        });
    }
    Ok(normal)
}

/// The name of a flag, and the value behind its `=`. `None`: the argument is not a flag.
fn split(arg: &str) -> Option<(&str, Option<&str>)> {
    let flag = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-'))?;
    if flag.is_empty() || flag.starts_with(['-', '=']) {
        return None;
    }
    Some(flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value))))
}

fn known<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let is_short = |arg: &Arg| arg.get_short().is_some_and(|short| name == short.to_string());
    command.get_arguments().find(|arg| arg.get_long() == Some(name) || is_short(arg))
}

fn is_boolean(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|range| range.min_values() == 0)
}

/// A boolean as Go spells it (`strconv.ParseBool`).
pub(crate) fn boolean(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;

    #[test]
    fn every_spelling_of_go_becomes_one() {
        let command = Command::new("test")
            .arg(Arg::new("all").long("all").num_args(0..=1))
            .arg(Arg::new("path").long("path").num_args(1))
            .arg(Arg::new("help").long("help").short('h').action(ArgAction::Help));
        type Case = (&'static [&'static str], Result<&'static [&'static str], &'static str>);
        let cases: &[Case] = &[
            (&[], Ok(&[])),
            (&["--all"], Ok(&["--all=true"])),
            (&["-all"], Ok(&["--all=true"])),
            (&["--all=false"], Ok(&["--all=false"])),
            (&["-all=F"], Ok(&["--all=F"])),
            (&["-all="], Ok(&["--all="])),
            // A boolean takes no value from the next argument.
            (&["--all", "false"], Err("false")),
            (&["--path", "a"], Ok(&["--path=a"])),
            (&["-path", "a"], Ok(&["--path=a"])),
            (&["-path=a=b"], Ok(&["--path=a=b"])),
            (&["--path="], Ok(&["--path="])),
            (&["--path", ""], Ok(&["--path="])),
            // Any other flag takes whatever follows.
            (&["--path", "--all"], Ok(&["--path=--all"])),
            (&["-path", "--", "-all"], Ok(&["--path=--", "--all=true"])),
            (&["--path"], Ok(&["--path"])),
            (&["-h"], Ok(&["--help"])),
            (&["-help"], Ok(&["--help"])),
            (&["-other=1", "--other"], Ok(&["--other=1", "--other"])),
            (&["-all", "--"], Ok(&["--all=true"])),
            (&["--", "-all"], Err("-all")),
            (&["--other", "x", "y"], Err("x")),
            (&["-"], Err("-")),
            (&["---all"], Err("---all")),
            (&["--=x"], Err("--=x")),
            (&["-=x"], Err("-=x")),
            (&[""], Err("")),
        ];
        for (args, expected) in cases {
            let normal = normalise(&command, args.iter().map(OsString::from));
            let expected = expected.map(|args| args.iter().map(OsString::from).collect()).map_err(OsString::from);
            assert_eq!(normal, expected, "{args:?}");
        }
    }

    #[test]
    fn booleans_are_those_of_go() {
        for value in ["1", "t", "T", "TRUE", "true", "True"] {
            assert_eq!(boolean(value), Some(true), "{value}");
        }
        for value in ["0", "f", "F", "FALSE", "false", "False"] {
            assert_eq!(boolean(value), Some(false), "{value}");
        }
        for value in ["", "yes", "no", "tRUE", "2", " true", "on"] {
            assert_eq!(boolean(value), None, "{value}");
        }
    }
}
