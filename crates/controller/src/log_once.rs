//! Which repetitions of a failure are logged: a failure that goes on is logged at once, then less and less often.
//!
//! Guarantees (SPEC 8): a message that was not logged lately is logged at once; one that repeats, after 1, 2, 4, 8, … minutes, up
//! to a quarter of an hour; and of one thing not more than ten lines an hour, whatever it says.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::Moment;

/// The same message is not logged again sooner.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// It is logged again after this time at the latest.
const LAST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// So many different messages are remembered.
const REMEMBERED: usize = 4;
/// So many lines are written within [`WITHIN`].
const MOST_LINES: usize = 10;
const WITHIN: Duration = Duration::from_secs(3_600);

/// See the [module](self). There is one for each thing that can fail.
#[derive(Debug, Default)]
pub struct LogOnce {
    messages: VecDeque<Message>,
    /// When the last lines were written.
    lines: VecDeque<Moment>,
}

#[derive(Debug)]
struct Message {
    text: String,
    again_at: Moment,
    pause: Duration,
}

impl LogOnce {
    /// Whether this message is to be logged now.
    pub fn should_log(&mut self, now: Moment, message: &str) -> bool {
        while self.lines.front().is_some_and(|line| *line + WITHIN <= now) {
            self.lines.pop_front();
        }
        if self.lines.len() >= MOST_LINES {
            return false;
        }
        match self.messages.iter_mut().find(|known| known.text == message) {
            Some(known) if now < known.again_at => return false,
            Some(known) => {
                known.pause = (known.pause * 2).min(LAST_PAUSE);
                known.again_at = now + known.pause;
            }
            None => {
                if self.messages.len() == REMEMBERED {
                    self.messages.pop_front();
                }
                let (text, pause) = (message.to_owned(), FIRST_PAUSE);
                self.messages.push_back(Message { text, again_at: now + pause, pause });
            }
        }
        self.lines.push_back(now);
        true
    }

    /// It works again: the next failure is logged at once, unless there were too many lines.
    pub fn works(&mut self) {
        self.messages.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The minutes at which a message is logged that comes every second for three hours.
    fn logged(message: impl Fn(u64) -> String) -> Vec<u64> {
        let mut log = LogOnce::default();
        let seconds = 0..3 * 3_600;
        seconds.filter(|n| log.should_log(Duration::from_secs(*n), &message(*n))).map(|n| n / 60).collect()
    }

    #[test]
    fn a_failure_that_goes_on_is_logged_less_and_less_often() {
        let minutes = logged(|_| "no".into());
        assert_eq!(minutes, [0, 1, 3, 7, 15, 30, 45, 60, 75, 90, 105, 120, 135, 150, 165]);
    }

    #[test]
    fn at_most_ten_lines_an_hour_are_written_whatever_the_messages() {
        assert_eq!(logged(|n| format!("no {n}")).len(), 30);
        assert!(logged(|n| format!("no {}", n % 3)).iter().filter(|minute| **minute < 60).count() <= 10);
    }

    #[test]
    fn the_same_is_logged_again_as_soon_as_its_pause_is_over() {
        let mut log = LogOnce::default();
        let logged =
            [0, 59_999, 60_000, 179_999, 180_000].map(|millis| log.should_log(Duration::from_millis(millis), "no"));
        assert_eq!(logged, [true, false, true, false, true]);
    }

    #[test]
    fn another_failure_and_one_after_a_success_are_logged_at_once() {
        let mut log = LogOnce::default();
        let at = Duration::from_secs;
        assert!(log.should_log(at(0), "no"));
        assert!(log.should_log(at(1), "never"));
        assert!(!log.should_log(at(2), "no"));
        log.works();
        assert!(log.should_log(at(3), "no"));
    }
}
