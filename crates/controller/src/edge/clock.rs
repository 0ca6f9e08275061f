//! The program's clocks.

use std::time::Instant;

use crate::event::{Moment, Now};

/// Reads both clocks. Whatever decides takes its time from one of these, and from copies of it. (Around it, credentials and the page's
/// feed measure by themselves how long something has lasted.)
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Starts the clock: the moment zero is now.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Time since the start.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.started.elapsed()
    }

    /// The time since the start, and the time of day.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { moment: self.moment(), time: jiff::Timestamp::now() }
    }

    /// This moment for tokio's timer.
    pub(super) fn instant(&self, moment: Moment) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.started + moment)
    }
}
