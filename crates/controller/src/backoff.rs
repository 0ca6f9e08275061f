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
    let wait = FIRST.saturating_mul(1 << failures.min(20)).min(longest);
    wait + wait.mul_f64(f64::from(random) / 1024.0)
}

/// The longest that [`backoff`] answers for this `longest`.
#[must_use]
pub const fn longest_backoff(longest: Duration) -> Duration {
    longest.saturating_add(Duration::from_millis(longest.as_millis() as u64 / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_limit() {
        let longest = Duration::from_secs(60);
        let waits: Vec<_> = [0, 1, 2, 9, 10, 40, u32::MAX].map(|n| backoff(n, longest, 0).as_millis()).to_vec();
        assert_eq!(waits, [100, 200, 400, 51_200, 60_000, 60_000, 60_000]);
        assert!(backoff(0, longest, 255) < Duration::from_millis(126));
        assert!(backoff(40, longest, 255) <= longest_backoff(longest));
    }
}
