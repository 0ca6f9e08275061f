//! How far a long build is, told on stderr.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

/// On a terminal one line that is rewritten; elsewhere (a CI log) a line now and then.
pub(super) struct Progress {
    start: Instant,
    terminal: bool,
    said: Option<Instant>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), terminal: stderr().is_terminal(), said: None }
    }

    /// What is going on, if it is time to say so again.
    pub(super) fn tell(&mut self, what: &str) {
        let pause = if self.terminal { Duration::from_millis(100) } else { Duration::from_secs(15) };
        if self.said.is_none_or(|said| said.elapsed() >= pause) {
            self.say(what, if self.terminal { "" } else { "\n" });
        }
    }

    /// What is done now.
    pub(super) fn done(&mut self, what: &str) {
        self.say(what, "\n");
        self.said = None;
    }

    fn say(&mut self, what: &str, end: &str) {
        let seconds = self.start.elapsed().as_secs();
        let rewrite = if self.terminal { "\r\x1b[K" } else { "" };
        eprint!("{rewrite}  {:2}:{:02}  {what}{end}", seconds / 60, seconds % 60);
        let _ = stderr().flush();
        self.said = Some(Instant::now());
    }
}
