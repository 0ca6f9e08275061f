//! How many requests may be under way at once: as many as the API server bears.
//!
//! The number grows by one for each round of successes, while they are as quick as a server gives them that is not busy: then
//! it is the way to it that takes time, and more requests on the way are more requests done. Where answers take longer the more
//! there are under way, the server has its hands full: more would only wait there. It is halved when the server asks for fewer
//! requests or does not answer. The server's word (`Retry-After`) is obeyed, up to two minutes. The number never shrinks so far
//! that a few targets in trouble could hold up all others.

use std::time::Duration;

use crate::event::Moment;

const FIRST: f64 = 32.0;
/// More than this many connections at once gain nothing: the API server writes them one after the other to etcd.
const MOST: f64 = 64.0;
const LEAST: f64 = 4.0;
/// An answer that takes so many times as long as the quickest one comes from a busy server.
const BUSY: u32 = 4;
/// The quickest answer counts for so long: a server can become slower for good.
const REMEMBERED: Duration = Duration::from_secs(60);
/// A server that asks to be left alone for longer is asked again all the same: it may have been a slip.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// See the [module](self).
#[derive(Debug)]
pub struct Window {
    size: f64,
    closed_until: Moment,
    /// The quickest write of late, and until when that counts.
    quickest: Option<(Duration, Moment)>,
}

impl Default for Window {
    fn default() -> Self {
        Self { size: FIRST, closed_until: Moment::ZERO, quickest: None }
    }
}

impl Window {
    /// Whether one more request may be sent while `under_way` are.
    #[must_use]
    pub fn is_open(&self, now: Moment, under_way: usize) -> bool {
        now >= self.closed_until && under_way < self.size as usize
    }

    /// A write was carried out, and took so long.
    pub fn done(&mut self, now: Moment, took: Duration) {
        let quickest = match self.quickest {
            Some((quickest, until)) if quickest <= took && now < until => quickest,
            _ => {
                self.quickest = Some((took, now + REMEMBERED));
                took
            }
        };
        if took > quickest * BUSY {
            // Not below what it began with: to be busy is not to be in trouble.
            self.size = self.size.min((self.size - 1.0 / self.size).max(FIRST));
        } else {
            self.size = (self.size + 1.0 / self.size).min(MOST);
        }
    }

    /// The server is overburdened or cannot be reached, and is left alone for so long.
    pub fn trouble(&mut self, now: Moment, pause: Duration) {
        self.size = (self.size / 2.0).max(LEAST);
        self.closed_until = self.closed_until.max(now + pause.min(LONGEST_PAUSE));
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

    const QUICK: Duration = Duration::from_millis(5);
    const SLOW: Duration = Duration::from_millis(21);

    fn open(window: &Window) -> usize {
        (0..).take_while(|n| window.is_open(Moment::MAX, *n)).count()
    }

    fn done(window: &mut Window, times: usize, took: Duration) {
        (0..times).for_each(|_| window.done(Moment::ZERO, took));
    }

    #[test]
    fn it_grows_slowly_shrinks_fast_and_never_closes_for_good() {
        let mut window = Window::default();
        assert_eq!(open(&window), 32);
        done(&mut window, 33, QUICK);
        assert_eq!(open(&window), 33);
        done(&mut window, 10_000, QUICK);
        assert_eq!(open(&window), 64);
        window.trouble(Moment::ZERO, Duration::ZERO);
        assert_eq!(open(&window), 32);
        (0..10).for_each(|_| window.trouble(Moment::ZERO, Duration::ZERO));
        assert_eq!(open(&window), 4);
    }

    #[test]
    fn it_grows_only_while_answers_are_quick() {
        let mut window = Window::default();
        done(&mut window, 1_000, QUICK);
        let large = open(&window);
        assert!(large > 50, "{large}");
        done(&mut window, 10_000, SLOW);
        assert_eq!(open(&window), 32, "and not less: the server is busy, and not in trouble");
        (0..4).for_each(|_| window.trouble(Moment::ZERO, Duration::ZERO));
        done(&mut window, 10_000, SLOW);
        assert_eq!(open(&window), 4, "after trouble it takes quick answers to grow");
        done(&mut window, 10_000, QUICK);
        assert_eq!(open(&window), 64);
    }

    #[test]
    fn what_is_quick_is_learnt_anew_now_and_then() {
        let mut window = Window::default();
        done(&mut window, 1, QUICK);
        done(&mut window, 1_000, SLOW);
        assert_eq!(open(&window), 32);
        // The server is further away now.
        (0..1_000).for_each(|_| window.done(REMEMBERED, SLOW));
        assert!(open(&window) > 50);
    }

    #[test]
    fn it_stays_closed_as_long_as_the_server_says() {
        let mut window = Window::default();
        let second = Duration::from_secs(1);
        window.trouble(Moment::ZERO, second * 5);
        window.trouble(Moment::ZERO, second);
        assert!(!window.is_open(second * 4, 0));
        assert_eq!(window.wake_at(second * 4), Some(second * 5));
        assert!(window.is_open(second * 5, 0));
        assert_eq!(window.wake_at(second * 5), None);
    }
}
