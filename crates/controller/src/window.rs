//! How many requests may be under way at once: as many as the API server bears.
//!
//! The number grows by one for each round of successes and is halved when the server asks for fewer requests or does not
//! answer. The server's word (`Retry-After`) is obeyed, up to two minutes. The number never shrinks so far that a few targets in trouble could
//! hold up all others.

use std::time::Duration;

use crate::event::Moment;

const FIRST: f64 = 16.0;
/// More than this many connections at once gain nothing: the API server writes them one after the other to etcd.
const MOST: f64 = 64.0;
const LEAST: f64 = 4.0;
/// A server that asks to be left alone for longer is asked again all the same: it may have been a slip.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// See the [module](self).
#[derive(Debug)]
pub struct Window {
    size: f64,
    closed_until: Moment,
}

impl Default for Window {
    fn default() -> Self {
        Self { size: FIRST, closed_until: Moment::ZERO }
    }
}

impl Window {
    /// Whether one more request may be sent while `under_way` are.
    #[must_use]
    pub fn is_open(&self, now: Moment, under_way: usize) -> bool {
        now >= self.closed_until && under_way < self.size as usize
    }

    /// A request was answered. `pause`: the server is overburdened or cannot be reached, and is left alone for so long.
    pub fn learn(&mut self, now: Moment, pause: Option<Duration>) {
        match pause {
            None => self.size = (self.size + 1.0 / self.size).min(MOST),
            Some(pause) => {
                self.size = (self.size / 2.0).max(LEAST);
                self.closed_until = self.closed_until.max(now + pause.min(LONGEST_PAUSE));
            }
        }
    }

    /// When it opens again, if it was closed.
    #[must_use]
    pub fn wake_at(&self, now: Moment) -> Option<Moment> {
        (self.closed_until > now).then_some(self.closed_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_slowly_shrinks_fast_and_never_closes_for_good() {
        let mut window = Window::default();
        let open = |window: &Window| (0..).take_while(|n| window.is_open(Moment::ZERO, *n)).count();
        assert_eq!(open(&window), 16);
        (0..17).for_each(|_| window.learn(Moment::ZERO, None));
        assert_eq!(open(&window), 17);
        (0..10_000).for_each(|_| window.learn(Moment::ZERO, None));
        assert_eq!(open(&window), 64);
        window.learn(Moment::ZERO, Some(Duration::ZERO));
        assert_eq!(open(&window), 32);
        (0..10).for_each(|_| window.learn(Moment::ZERO, Some(Duration::ZERO)));
        assert_eq!(open(&window), 4);
    }

    #[test]
    fn it_stays_closed_as_long_as_the_server_says() {
        let mut window = Window::default();
        let second = Duration::from_secs(1);
        window.learn(Moment::ZERO, Some(second * 5));
        window.learn(Moment::ZERO, Some(second));
        assert!(!window.is_open(second * 4, 0));
        assert_eq!(window.wake_at(second * 4), Some(second * 5));
        assert!(window.is_open(second * 5, 0));
        assert_eq!(window.wake_at(second * 5), None);
    }
}
