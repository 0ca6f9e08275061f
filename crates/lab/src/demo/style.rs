//! Colours, for terminals only.

use std::env;
use std::io::{IsTerminal as _, stdout};

/// How text is written. Without colours, all of these return what they are given.
#[derive(Clone, Copy)]
pub(super) struct Style {
    colours: bool,
}

impl Style {
    /// Colours if standard output is a terminal, and `NO_COLOR` is not set.
    pub(super) fn for_stdout() -> Self {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: stdout().is_terminal() && !refused }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// The same colour for the same `text`, whatever it is: what is equal looks equal.
    pub(super) fn by_content(self, text: &str) -> String {
        // Neither red, which says that something is wrong, nor green, which says that it is not.
        const COLOURS: [&str; 6] = ["33", "34", "35", "36", "93", "96"];
        let sum: usize = text.bytes().map(usize::from).sum();
        self.paint(COLOURS[sum % COLOURS.len()], text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
