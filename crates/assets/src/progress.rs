//! How far long builds are, shown on stderr: several that run side by side on one line.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is shown of all builds that run side by side. On a terminal it is one line that is rewritten; elsewhere (a CI log) it is
/// a line every 15 s.
#[derive(Clone)]
pub struct Progress {
    shared: Arc<Mutex<Board>>,
}

/// One build's part of a [`Progress`].
pub struct Lane {
    progress: Progress,
    number: usize,
}

struct Board {
    start: Instant,
    terminal: bool,
    shown: Option<Instant>,
    lanes: Vec<Row>,
}

struct Row {
    title: &'static str,
    /// Empty: there is nothing to say of it.
    now: String,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// Of no build yet.
    #[must_use]
    pub fn new() -> Self {
        let board = Board { start: Instant::now(), terminal: stderr().is_terminal(), shown: None, lanes: Vec::new() };
        Self { shared: Arc::new(Mutex::new(board)) }
    }

    /// Adds a build, which is called so.
    #[must_use]
    pub fn lane(&self, title: &'static str) -> Lane {
        let mut board = self.board();
        board.lanes.push(Row { title, now: String::new() });
        Lane { progress: self.clone(), number: board.lanes.len() - 1 }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    /// What this build is doing now. Shown if it is time to.
    pub fn tell(&self, what: &str) {
        let mut board = self.progress.board();
        what.clone_into(&mut board.lanes[self.number].now);
        let pause = if board.terminal { Duration::from_millis(100) } else { Duration::from_secs(15) };
        if board.shown.is_none_or(|shown| shown.elapsed() >= pause) {
            board.show();
        }
    }

    /// Something of this build that is over, or worth a line of its own. The line stays.
    pub fn say(&self, what: &str) {
        let mut board = self.progress.board();
        let row = &mut board.lanes[self.number];
        row.now.clear();
        let line = format!("{}: {what}", row.title);
        board.write(&line, "\n");
        board.show();
    }
}

impl Board {
    fn line(&self) -> String {
        let rows = self.lanes.iter().filter(|row| !row.now.is_empty());
        rows.map(|row| format!("{}: {}", row.title, row.now)).collect::<Vec<_>>().join("  |  ")
    }

    fn show(&mut self) {
        let line = self.line();
        if !line.is_empty() {
            self.write(&line, if self.terminal { "" } else { "\n" });
            self.shown = Some(Instant::now());
        }
    }

    fn write(&self, what: &str, end: &str) {
        let seconds = self.start.elapsed().as_secs();
        let rewrite = if self.terminal { "\r\x1b[K" } else { "" };
        eprint!("{rewrite}  {:2}:{:02}  {what}{end}", seconds / 60, seconds % 60);
        let _ = stderr().flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_side_by_side_share_a_line_until_they_are_over() {
        let progress = Progress::new();
        let (go, rust) = (progress.lane("Go"), progress.lane("Rust"));
        assert_eq!(progress.board().line(), "", "nothing is known yet");
        go.tell("7 of 9 packages");
        rust.tell("1 of 2 crates");
        assert_eq!(progress.board().line(), "Go: 7 of 9 packages  |  Rust: 1 of 2 crates");
        go.say("built in 8 s");
        assert_eq!(progress.board().line(), "Rust: 1 of 2 crates");
    }
}
