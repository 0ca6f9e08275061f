//! The program's clocks.

use std::time::Instant;

use crate::event::{Moment, Now};

/// Reads both clocks. All that is said about time in this program is said by one of these, and its copies.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// The program starts.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Time since the start.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.started.elapsed()
    }

    /// That, and the time of day.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { moment: self.moment(), time: jiff::Timestamp::now() }
    }

    /// This moment for tokio's timer.
    pub(super) fn instant(&self, moment: Moment) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.started + moment)
    }
}
