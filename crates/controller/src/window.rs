//! How many requests may be under way at once: the window adapts to how fast the API server answers.
//!
//! The window grows by one for each round of successful writes while these are about as quick as the quickest lately: then the time
//! is spent on the way to the server, and more requests at once mean more writes. If responses take longer with more requests under
//! way, the server is busy, and more requests would only wait there. The window is halved when the server asks for fewer requests
//! or does not answer, and no request is sent for as long as its `Retry-After` says, within a bound.
//!
//! Failures in one namespace alone are not the server's: a webhook that denies there, or a proxy that fails for its objects while
//! those of others are served. Then only requests in that namespace wait; and only writes, where it was admission, which sees no reads: a
//! source there can still be read for those that copy it.

mod troubles;

use std::time::Duration;

use k8s_replicator_core::bug;

use crate::backoff::{RetryAfter, backoff};
use crate::cluster::{Access, Blame, Failure, FailureKind};
use crate::event::Moment;

use troubles::Troubles;

const FIRST: f64 = 32.0;
/// More than this many connections at once gain nothing: the API server writes them one after the other to etcd.
const MOST: f64 = 64.0;
const LEAST: f64 = 4.0;
/// A server whose response takes so many times as long as the quickest one is busy.
const BUSY: u32 = 4;
/// The quickest response counts for this time only: a server can become slower for good.
const REMEMBERED: Duration = Duration::from_secs(60);
/// The longest `Retry-After` of the server that is obeyed: a longer one may be a mistake.
pub const LONGEST_CLOSED: Duration = Duration::from_secs(30);
/// The longest `Retry-After` that all requests in one namespace obey when a webhook or policy there sends it.
const LONGEST_CLOSED_IN_ONE: Duration = Duration::from_secs(10);
/// The pause after 429 without `Retry-After`.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause before a server that could not be reached is tried again.
const LONGEST_OUTAGE_PAUSE: Duration = Duration::from_secs(5);
/// Failures within this time count as one: all requests under way fail when the server goes down.
const ONE_OUTAGE: Duration = Duration::from_millis(100);

/// See the [module](self).
#[derive(Debug)]
pub struct Window {
    size: f64,
    closed_until: Moment,
    /// The quickest write lately, and until when that counts.
    quickest: Option<(Duration, Moment)>,
    /// How often in a row the server could not be reached, and when that was counted last.
    outages: u32,
    outage_at: Moment,
    troubles: Troubles,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            size: FIRST,
            closed_until: Moment::ZERO,
            quickest: None,
            outages: 0,
            outage_at: Moment::ZERO,
            troubles: Troubles::default(),
        }
    }
}

impl Window {
    /// Whether one more request may be sent while `under_way` are.
    #[must_use]
    pub fn is_open(&self, now: Moment, under_way: usize) -> bool {
        now >= self.closed_until && under_way < self.size()
    }

    /// How many requests may be under way.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size as usize
    }

    /// Whether requests of this kind about objects of this namespace may be made, or the namespace is paused.
    #[must_use]
    pub fn is_open_for(&self, now: Moment, namespace: &str, access: Access) -> bool {
        self.troubles.paused_until(namespace, access) <= now
    }

    /// A namespace of which a pause is over. To be called until it answers `None`.
    pub fn reopened(&mut self, now: Moment) -> Option<Box<str>> {
        self.troubles.reopened(now)
    }

    /// When the next pause of a namespace is over.
    #[must_use]
    pub fn reopens_at(&self) -> Option<Moment> {
        self.troubles.reopens_at()
    }

    /// A request about an object of this namespace succeeded.
    pub fn succeeded(&mut self, now: Moment, namespace: &str) {
        self.outages = 0;
        self.troubles.succeeded(now, namespace);
    }

    /// A write was carried out, and took so long.
    pub fn written(&mut self, now: Moment, took: Duration) {
        let quickest = match self.quickest {
            Some((quickest, until)) if quickest <= took && now < until => quickest,
            _ => {
                self.quickest = Some((took, now + REMEMBERED));
                took
            }
        };
        if took > quickest * BUSY {
            // Not below its first size: a busy server is not a failing one.
            self.size = self.size.min((self.size - 1.0 / self.size).max(FIRST));
        } else {
            self.size = (self.size + 1.0 / self.size).min(MOST);
        }
    }

    /// A request about an object of this namespace failed. `random` spreads the retries of many programs.
    pub fn failed(&mut self, now: Moment, namespace: &str, failure: &Failure, random: u8) {
        let pause = match failure.kind {
            FailureKind::Throttled => Some(failure.retry_after.unwrap_or(RetryAfter::new(PAUSE))),
            FailureKind::Server => failure.retry_after,
            FailureKind::Unreachable => None,
            // The server works, and refuses the request.
            _ => return,
        };
        if self.troubles.is_of_one_namespace(now, namespace, failure) && !bug!(OneTroubleIsAll) {
            let until = pause.map(|pause| now + pause.wait(LONGEST_CLOSED_IN_ONE, random));
            let is_admission = failure.blame == Blame::Admission;
            for access in [Access::Read, Access::Write] {
                if let Some(until) = until.filter(|_| !is_admission || access == Access::Write) {
                    self.troubles.pause(namespace, access, until);
                }
            }
            return;
        }
        match (failure.kind, pause) {
            (FailureKind::Unreachable, _) => {
                let pause = self.outage(now, random);
                self.trouble(now, pause);
            }
            (_, Some(pause)) => self.trouble(now, pause.wait(LONGEST_CLOSED, random)),
            // The server failed for this request, and may work for others.
            (_, None) => {}
        }
    }

    /// The server could not be reached: the pause before the next request. None after the first failure.
    fn outage(&mut self, now: Moment, random: u8) -> Duration {
        if self.outages == 0 || now >= self.outage_at + ONE_OUTAGE {
            self.outages = self.outages.saturating_add(1);
            self.outage_at = now;
        }
        match self.outages {
            ..2 => Duration::ZERO,
            outages => backoff(outages - 2, LONGEST_OUTAGE_PAUSE, random),
        }
    }

    /// The server is overloaded or cannot be reached: halves the window, and pauses for this time.
    fn trouble(&mut self, now: Moment, pause: Duration) {
        self.size = (self.size / 2.0).max(LEAST);
        self.closed_until = self.closed_until.max(now + pause);
    }

    /// When the pause is over, if there is one.
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
        (0..times).for_each(|_| window.written(Moment::ZERO, took));
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

    /// Four times as long as the quickest is quick still.
    #[test]
    fn from_when_on_a_server_is_busy() {
        for (millis, size) in [(5, 33), (20, 33), (21, 32)] {
            let mut window = Window::default();
            done(&mut window, 1, QUICK);
            done(&mut window, 40, Duration::from_millis(millis));
            assert_eq!(open(&window), size, "{millis} ms");
        }
    }

    /// One response that takes long may have been chance.
    #[test]
    fn it_shrinks_by_one_in_each_round_of_slow_answers() {
        let mut window = Window::default();
        done(&mut window, 10_000, QUICK);
        for size in [63, 62, 61] {
            done(&mut window, size, SLOW);
            assert_eq!(open(&window), size);
        }
    }

    #[test]
    fn the_quickest_response_is_measured_anew_now_and_then() {
        let mut window = Window::default();
        done(&mut window, 1, QUICK);
        done(&mut window, 1_000, SLOW);
        assert_eq!(open(&window), 32);
        // The network to the server has become slower.
        (0..1_000).for_each(|_| window.written(REMEMBERED, SLOW));
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

    fn throttled(seconds: u64) -> Failure {
        Failure {
            retry_after: Some(RetryAfter::new(Duration::from_secs(seconds))),
            ..Failure::new(FailureKind::Throttled, "no")
        }
    }

    /// Issue 9, 1: a webhook that says 429 or 503 in one namespace closes the window for nobody else.
    #[test]
    fn what_an_admission_webhook_says_concerns_its_namespace_alone() {
        let second = Duration::from_secs(1);
        let mut window = Window::default();
        for kind in [FailureKind::Throttled, FailureKind::Server, FailureKind::Unreachable] {
            let failure = Failure { kind, blame: Blame::Admission, ..throttled(60) };
            window.failed(Moment::ZERO, "bad", &failure, 0);
        }
        assert_eq!((open(&window), window.wake_at(Moment::ZERO)), (32, None));
        assert!(
            !window.is_open_for(second * 9, "bad", Access::Write)
                && window.is_open_for(Moment::ZERO, "good", Access::Write)
        );
        assert!(window.is_open_for(Moment::ZERO, "bad", Access::Read), "admission sees no reads");
        assert_eq!((window.reopens_at(), window.reopened(second * 9)), (Some(second * 10), None));
        assert_eq!((window.reopened(second * 10).as_deref(), window.reopened(second * 10)), (Some("bad"), None));
        assert!(window.is_open_for(second * 10, "bad", Access::Write));
    }

    /// The same where the response does not name the cause: failures in one namespace, while others are served, concern that
    /// namespace alone.
    #[test]
    fn trouble_in_one_namespace_only_is_its_own_and_trouble_in_two_is_the_servers() {
        let millis = Duration::from_millis;
        let mut window = Window::default();
        window.succeeded(millis(10), "good");
        window.succeeded(millis(20), "bad");
        window.failed(millis(30), "bad", &throttled(5), 0);
        assert_eq!(window.wake_at(millis(30)), None);
        for access in [Access::Read, Access::Write] {
            assert!(
                !window.is_open_for(millis(5_029), "bad", access) && window.is_open_for(millis(30), "good", access)
            );
        }
        window.failed(millis(40), "third", &throttled(60), 0);
        assert_eq!(window.wake_at(millis(40)), Some(millis(40) + LONGEST_CLOSED), "within a bound");
        assert_eq!(open(&window), 16);
        let mut window = Window::default();
        window.succeeded(millis(10), "bad");
        window.failed(millis(30), "bad", &throttled(5), 0);
        assert_eq!(window.wake_at(millis(30)), Some(millis(5_030)), "nobody else is known to be served");
    }

    /// Of two namespaces it is known when they were served last, whichever came first.
    #[test]
    fn others_are_served_if_the_last_success_elsewhere_is_a_moment_ago() {
        for (served, is_its_own) in [
            (["good"].as_slice(), true),
            (&["bad", "good"], true),
            (&["good", "bad", "bad"], true),
            (&["bad", "good", "bad", "bad"], true),
            (&["good", "other", "bad"], true),
            (&["bad", "bad"], false),
            (&[], false),
        ] {
            let mut window = Window::default();
            served.iter().for_each(|namespace| window.succeeded(Duration::from_millis(10), namespace));
            let now = Duration::from_millis(20);
            window.failed(now, "bad", &throttled(5), 0);
            assert_eq!(window.wake_at(now).is_none(), is_its_own, "{served:?}");
        }
    }

    /// What each kind of failure of the server as a whole means for all requests: a pause, and a smaller window.
    #[test]
    fn what_a_failing_server_asks_for_is_obeyed() {
        for (kind, asked, pause, size) in [
            (FailureKind::Throttled, Some(5), Some(5), 16),
            (FailureKind::Throttled, None, Some(1), 16),
            (FailureKind::Server, Some(5), Some(5), 16),
            (FailureKind::Server, None, None, 32),
            (FailureKind::Unreachable, None, None, 16),
            (FailureKind::Forbidden, Some(5), None, 32),
            (FailureKind::Conflict, Some(5), None, 32),
        ] {
            let retry_after = asked.map(|seconds| RetryAfter::new(Duration::from_secs(seconds)));
            let mut window = Window::default();
            window.failed(Moment::ZERO, "a", &Failure { retry_after, ..Failure::new(kind, "no") }, 0);
            let shown = (window.wake_at(Moment::ZERO), open(&window));
            assert_eq!(shown, (pause.map(Duration::from_secs), size), "{kind:?} {asked:?}");
        }
    }

    #[test]
    fn a_server_that_is_away_is_tried_less_and_less() {
        let mut window = Window::default();
        let (away, mut now) = (Failure::new(FailureKind::Unreachable, "no"), Moment::ZERO);
        // All requests under way fail within a moment.
        (0..32).for_each(|_| window.failed(now, "a", &away, 0));
        assert_eq!(window.wake_at(now), None, "the first time it is tried again at once");
        let mut pauses = Vec::new();
        for _ in 0..9 {
            now += ONE_OUTAGE;
            window.failed(now, "a", &away, 0);
            pauses.extend(window.wake_at(now).map(|at| (at - now).as_millis()));
            now = window.wake_at(now).unwrap_or(now);
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
        window.succeeded(now, "a");
        window.failed(now, "a", &away, 0);
        assert_eq!(window.wake_at(now), None);
    }
}
