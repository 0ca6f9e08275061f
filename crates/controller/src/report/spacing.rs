//! Spaces log lines about one thing: less and less often.

use std::time::Duration;

use crate::event::Moment;

/// The time between the first line and the next one. Each further time is so many times as long,
const FIRST: Duration = Duration::from_secs(1);
const GROWS: u32 = 4;
/// up to this: about ten lines in an hour.
const LONGEST: Duration = Duration::from_secs(900);

/// When something that goes on may be logged again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spacing {
    said: u32,
    again_at: Moment,
}

impl Spacing {
    /// It is logged now, and not again for long: a fight is reported once while it goes on (SPEC 9.14).
    pub(super) fn say_once(&mut self, now: Moment) {
        self.said = self.said.saturating_add(1);
        self.again_at = now + LONGEST;
    }

    /// When it may be logged again.
    pub(super) fn again_at(&self) -> Moment {
        self.again_at
    }

    /// It is logged now.
    pub(super) fn say(&mut self, now: Moment) {
        let wait = FIRST.saturating_mul(GROWS.saturating_pow(self.said)).min(LONGEST);
        self.said = self.said.saturating_add(1);
        self.again_at = now + wait;
    }

    /// Whether it was quiet for so long that the next occurrence counts as new.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        now >= self.again_at + LONGEST
    }
}
