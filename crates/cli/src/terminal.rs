//! Where outputs go, and what they are drawn on.

use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};

/// What an output is drawn on: all that a pure function needs to know of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Paper {
    /// How many columns there are; `None`: nobody counts them, as in a file.
    pub width: Option<usize>,
    /// Whether there are colours.
    pub colour: bool,
}

/// What a part of an output means, which its colour shows too. It is never the colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// As wanted.
    Good,
    /// Not yet as wanted, or held: nobody has to act.
    Pending,
    /// Somebody has to act.
    Bad,
    /// A title.
    Strong,
    /// Beside the point.
    Faint,
}

impl Paper {
    /// The text in its colour, if there are any.
    #[must_use]
    pub fn paint(&self, ink: Ink, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let style = match ink {
            Ink::Good => AnsiColor::Green.on_default(),
            Ink::Pending => AnsiColor::Yellow.on_default(),
            Ink::Bad => AnsiColor::Red.on_default().bold(),
            Ink::Strong => Style::new().bold(),
            Ink::Faint => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }
}

/// Standard output and standard error of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terminal {
    /// What is drawn on.
    pub paper: Paper,
}

impl Terminal {
    /// That of the process. `COLUMNS` has the last word about the width, and a `NO_COLOR` that is not empty about colours.
    #[must_use]
    pub fn of_the_process() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let columns = set("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok()).filter(|columns| *columns > 0);
        let measured = || Some(usize::from(terminal_size::terminal_size_of(io::stdout())?.0.0));
        let is_dumb = set("TERM").is_some_and(|term| term == "dumb");
        let colour = is_terminal && set("NO_COLOR").is_none() && !is_dumb;
        Self { paper: Paper { width: columns.or_else(measured), colour } }
    }

    /// Writes to standard output. That nobody reads it any more (`| head`) is no error.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn print(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Writes sentences to standard error, each in lines that fit.
    pub fn notes(&self, notes: &[String]) {
        notes.iter().for_each(|note| self.note(crate::table::wrap(self.paper, 0, note).trim_end()));
    }

    /// Writes a line to standard error: what is not the answer.
    pub fn note(&self, line: &str) {
        // Nobody is left to tell if even that fails.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_there_only_where_they_are_wanted() {
        let (plain, coloured) = (Paper::default(), Paper { colour: true, ..Paper::default() });
        for ink in [Ink::Good, Ink::Pending, Ink::Bad, Ink::Strong, Ink::Faint] {
            assert_eq!(plain.paint(ink, "x"), "x");
            let painted = coloured.paint(ink, "x");
            assert!(painted.starts_with('\u{1b}') && painted.ends_with("x\u{1b}[0m"), "{painted:?}");
            assert_eq!(coloured.paint(ink, ""), "");
        }
    }
}
