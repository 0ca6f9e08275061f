//! Exact outputs as they were looked at, in the folder `snapshots`: on paper of 80 and of 160 columns, and for programs. With
//! `UPDATE_SNAPSHOTS=1` they are written anew, to be looked at.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use unicode_width::UnicodeWidthStr as _;

use crate::terminal::Paper;

/// Of one command.
pub(crate) struct Snapshots {
    command: &'static str,
    wrong: String,
}

impl Snapshots {
    pub(crate) fn of(command: &'static str) -> Self {
        Self { command, wrong: String::new() }
    }

    /// What people see. No line is wider than the paper, but for names that are, and for commands, which are to be pasted.
    pub(crate) fn text(&mut self, name: &str, draw: impl Fn(Paper) -> String) {
        for width in [80, 160] {
            let drawn = draw(Paper { width: Some(width), colour: false });
            for line in drawn.lines().filter(|line| line.width() > width) {
                let indent = line.len() - line.trim_start().len();
                let is_forced = line.split_whitespace().any(|word| word.width() + indent > width);
                assert!(is_forced || line.contains("kubectl "), "wider than {width}: {line:?}\n{drawn}");
            }
            assert!(drawn.lines().all(|line| line.trim_end() == line), "nothing at the end of a line:\n{drawn}");
            assert_eq!(
                without_colours(&draw(Paper { width: Some(width), colour: true })),
                drawn,
                "colours say no more"
            );
            self.file(&format!("{name}.{width}.txt"), &drawn);
        }
    }

    /// What programs read.
    pub(crate) fn file(&mut self, name: &str, drawn: &str) {
        let file = folder().join(format!("{}.{name}", self.command));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&file, drawn).unwrap();
        }
        if std::fs::read_to_string(&file).unwrap_or_default() != drawn {
            let _ = write!(self.wrong, "--- {}\n{drawn}\n", file.display());
        }
    }

    pub(crate) fn check(self) {
        assert!(self.wrong.is_empty(), "UPDATE_SNAPSHOTS=1 takes what is drawn now:\n{}", self.wrong);
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots")
}

fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

/// Each command that answers at a terminal has its outputs looked at.
#[test]
fn every_command_has_snapshots() {
    // These print scripts and pages, which tests of their own run; the dashboard's page has its pictures.
    let others = ["completions", "man", "dashboard", "__complete"];
    let files: Vec<String> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for command in crate::commands::plugin().get_subcommands().map(clap::Command::get_name) {
        let own = |end: &str| files.iter().any(|file| file.starts_with(&format!("{command}.")) && file.ends_with(end));
        let ends: &[&str] =
            if command == "graph" { &[".dot", ".mmd", ".svg", ".json"] } else { &["80.txt", "160.txt", ".json"] };
        assert!(others.contains(&command) || ends.iter().all(|end| own(end)), "{command}: {ends:?}");
    }
}
