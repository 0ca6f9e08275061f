//! Objects that change again and again within moments.
//!
//! The first change is followed at once. While the next ones come faster than anybody could use them, what depends on the
//! object waits until it is quiet, or has waited for long: so each replica is written twice and not fifty times, and two
//! programs that fight over one object do it at a walking pace.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use k8s_replicator_core::graph::Touched;
use k8s_replicator_core::names::{Key, TargetKey};

use crate::event::Moment;

/// A change that comes so soon after another one is part of a storm, and so long it has to be quiet for the storm to end.
const QUIET: Duration = Duration::from_millis(100);
/// What depends on the object waits for no longer than this.
const LONGEST: Duration = Duration::from_secs(2);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Storms {
    /// The last change of each object that changed within the last moments.
    recent: HashMap<Key, Moment>,
    /// The same in their order, and older ones, to forget them by.
    changes: VecDeque<(Moment, Key)>,
    storms: HashMap<Key, Storm>,
}

#[derive(Debug)]
struct Storm {
    ends: Moment,
    at_the_latest: Moment,
    touched: HashSet<TargetKey>,
}

impl Storms {
    /// An object changed, which touches these targets. `None`: they are looked at when the storm has ended.
    pub(super) fn change(&mut self, now: Moment, key: Key, touched: Touched) -> Option<Touched> {
        if touched.is_empty() {
            return Some(touched);
        }
        self.forget(now);
        let before = self.recent.insert(key.clone(), now);
        self.changes.push_back((now, key.clone()));
        if before.is_none() && !self.storms.contains_key(&key) {
            return Some(touched);
        }
        let begin = || Storm { ends: now, at_the_latest: now + LONGEST, touched: HashSet::new() };
        let storm = self.storms.entry(key).or_insert_with(begin);
        storm.ends = (now + QUIET).min(storm.at_the_latest);
        storm.touched.extend(touched);
        None
    }

    fn forget(&mut self, now: Moment) {
        while let Some((at, _)) = self.changes.front()
            && *at + QUIET <= now
        {
            let Some((at, key)) = self.changes.pop_front() else { return };
            if self.recent.get(&key) == Some(&at) {
                self.recent.remove(&key);
            }
        }
    }

    /// The targets of a storm that has ended. To be asked until it answers `None`.
    pub(super) fn ended(&mut self, now: Moment) -> Option<Touched> {
        let key = self.storms.iter().find(|(_, storm)| storm.ends <= now).map(|(key, _)| key.clone())?;
        self.storms.remove(&key).map(|storm| storm.touched.into_iter().collect())
    }

    /// When the next one ends.
    pub(super) fn wake_at(&self) -> Option<Moment> {
        self.storms.values().map(|storm| storm.ends).min()
    }

    /// Whether there is none.
    pub(super) fn is_calm(&self) -> bool {
        self.storms.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new("ns", name).unwrap()
    }

    /// Whether the targets of a change are looked at at once.
    fn change(storms: &mut Storms, millis: u64, name: &str) -> bool {
        let touched = vec![key("t1").into(), key("t2").into()];
        storms.change(Duration::from_millis(millis), key(name), touched).is_some()
    }

    fn ended(storms: &mut Storms, millis: u64) -> usize {
        storms.ended(Duration::from_millis(millis)).map_or(0, |touched| touched.len())
    }

    #[test]
    fn changes_now_and_then_are_followed_at_once() {
        let mut storms = Storms::default();
        for millis in [0, 100, 200, 900] {
            assert!(change(&mut storms, millis, "a"), "{millis}");
            assert!(change(&mut storms, millis + 1, "b"), "another object: {millis}");
        }
        assert!(storms.is_calm());
        assert!(storms.change(Duration::from_millis(901), key("a"), Vec::new()).is_some(), "it touches nobody");
        assert!(storms.is_calm());
    }

    #[test]
    fn a_storm_is_followed_when_it_is_over() {
        let mut storms = Storms::default();
        assert!(change(&mut storms, 0, "a"));
        for millis in (20..1_000).step_by(20) {
            assert!(!change(&mut storms, millis, "a"), "{millis}");
            assert_eq!(ended(&mut storms, millis), 0, "{millis}");
        }
        assert_eq!(storms.wake_at(), Some(Duration::from_millis(980 + 100)));
        assert_eq!((ended(&mut storms, 1_079), ended(&mut storms, 1_080)), (0, 2));
        assert!(storms.is_calm() && ended(&mut storms, 1_080) == 0);
    }

    #[test]
    fn a_storm_that_does_not_end_is_followed_now_and_then() {
        let mut storms = Storms::default();
        let mut followed = Vec::new();
        for millis in (0..10_000).step_by(50) {
            if change(&mut storms, millis, "a") || ended(&mut storms, millis) > 0 {
                followed.push(millis);
            }
        }
        assert_eq!(followed, [0, 2_050, 4_100, 6_150, 8_200]);
        assert!(storms.changes.len() <= 3, "only the last moments are kept");
    }
}
