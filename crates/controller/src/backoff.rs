//! How long to wait before something that failed is tried again.

use std::time::Duration;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_millis(100);
/// The longest `Retry-After` that is obeyed: the number can be a mistake, or an admission webhook's, which anyone may run.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(120);

/// The wait after `failures` failures in a row before this one: 100 ms, doubled each time, up to `longest`. `random` is a
/// byte that adds up to a quarter, so that many that failed together do not come back together.
#[must_use]
pub fn backoff(failures: u32, longest: Duration, random: u8) -> Duration {
    spread(FIRST.saturating_mul(1 << failures.min(20)).min(longest), random)
}

fn spread(wait: Duration, random: u8) -> Duration {
    wait + wait.mul_f64(f64::from(random) / 1024.0)
}

/// How long the server asks to be left alone (`Retry-After`). Nobody waits for exactly this time: all who were refused at one moment
/// would come back at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetryAfter(Duration);

impl RetryAfter {
    /// So long, or [`LONGEST_RETRY_AFTER`].
    #[must_use]
    pub fn new(wait: Duration) -> Self {
        Self(wait.min(LONGEST_RETRY_AFTER))
    }

    /// How long to wait, at most about `longest`. `random` is a byte that adds up to a quarter.
    #[must_use]
    pub fn wait(self, longest: Duration, random: u8) -> Duration {
        spread(self.0.min(longest), random)
    }
}

/// The longest that [`backoff`] and [`RetryAfter::wait`] answer for this `longest`.
#[must_use]
pub const fn longest_backoff(longest: Duration) -> Duration {
    longest.saturating_add(Duration::from_millis(longest.as_millis() as u64 / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_asks_for_is_obeyed_and_spread() {
        let asked = RetryAfter::new(Duration::from_secs(4));
        let waits = [0, 128, 255].map(|random| asked.wait(LONGEST_RETRY_AFTER, random).as_millis());
        assert_eq!(waits, [4_000, 4_500, 4_996]);
        assert_eq!(asked.wait(Duration::from_secs(1), 128), Duration::from_millis(1_125));
        assert_eq!(RetryAfter::new(Duration::MAX), RetryAfter::new(LONGEST_RETRY_AFTER));
    }

    #[test]
    fn backoff_doubles_up_to_its_limit() {
        let longest = Duration::from_secs(60);
        let waits: Vec<_> = [0, 1, 2, 9, 10, 40, u32::MAX].map(|n| backoff(n, longest, 0).as_millis()).to_vec();
        assert_eq!(waits, [100, 200, 400, 51_200, 60_000, 60_000, 60_000]);
        assert!(backoff(0, longest, 255) < Duration::from_millis(126));
        assert!(backoff(40, longest, 255) <= longest_backoff(longest));
        assert_eq!(longest_backoff(longest), Duration::from_secs(75));
    }
}
