//! What `docs/commands.md` says is so.
#![allow(clippy::unwrap_used)] // A test ends where a file is missing.

use std::ffi::OsString;
use std::path::Path;

use k8s_replicator::args::{Program, Stop, program};
use k8s_replicator_core::state::State;

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
    std::fs::read_to_string(path).unwrap()
}

/// The command lines of a text that run this program, without what a shell does with them.
fn lines(text: &str) -> Vec<Vec<OsString>> {
    let of_shell = ["|", ">", "&&", "&", "<"];
    let lines = text.lines().map(str::trim);
    lines
        .filter_map(|line| {
            let line = line.trim_start_matches("source <(").trim_end_matches(')');
            let plugin = line.strip_prefix("kubectl replicator ").map(|rest| ("kubectl-replicator", rest));
            let (name, rest) =
                plugin.or_else(|| line.strip_prefix("k8s-replicator ").map(|rest| ("k8s-replicator", rest)))?;
            let words = rest.split_whitespace().take_while(|word| !of_shell.contains(word));
            Some(std::iter::once(name).chain(words).map(OsString::from).collect())
        })
        .collect()
}

#[test]
fn its_command_lines_can_be_read() {
    let document = document();
    let lines = lines(&document);
    assert!(lines.len() > 15, "{lines:?}");
    for line in lines {
        assert!(matches!(program(line.clone()), Ok(Program::Command(_))), "{line:?}");
    }
}

/// The examples in the help of each command can be read too, and each command has its place in the document.
#[test]
fn each_command_is_described_with_examples_that_can_be_read() {
    let document = document();
    let told = |args: &[&str]| -> String {
        let Err(Stop { code: 0, message, .. }) = program(args.iter().map(OsString::from)) else { panic!("{args:?}") };
        message
    };
    let help = told(&["kubectl-replicator", "help"]);
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    // Long descriptions are wrapped.
    let of_command = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let lines_of_commands = commands.lines().take_while(|line| !line.is_empty()).filter(of_command);
    let names = lines_of_commands.filter_map(|line| line.split_whitespace().next());
    let names: Vec<&str> = names.filter(|name| *name != "help").collect();
    assert!(names.len() >= 9, "{names:?}");
    for name in names {
        assert!(document.contains(&format!("`{name}`")), "{name}");
        let help = told(&["kubectl-replicator", "help", name]);
        let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{name} has examples"));
        for line in lines(examples) {
            assert!(matches!(program(line.clone()), Ok(Program::Command(_))), "{line:?}");
        }
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[test]
fn its_states_are_those_of_the_code() {
    let document = document();
    for state in State::ALL {
        assert!(document.contains(&format!("| `{state}` | {} |", state.sentence())), "{state}");
    }
}
