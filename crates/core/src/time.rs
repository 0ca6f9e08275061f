//! Time as this crate sees it: it has no clock; callers pass the time in.

use std::time::Duration;

/// Time since the program's start, on a clock that never goes back. Wall-clock time is used for `replicated-at` only.
pub type Moment = Duration;
