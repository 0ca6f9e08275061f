//! Objects that change again and again within moments.
//!
//! The first change is followed at once. While the next ones come faster than anybody could use them, what depends on the
//! object waits until it is quiet, or has waited for long: so each replica is written twice and not fifty times, and two
//! programs that fight over one object do it at a walking pace.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::time::Duration;

use k8s_replicator_core::graph::Touched;
use k8s_replicator_core::names::{Key, TargetKey};

use crate::event::Moment;

/// A change that comes so soon after another one is part of a storm, and so long it has to be quiet for the storm to end:
/// about as long as it takes to follow one change.
const QUIET: Duration = Duration::from_millis(100);
/// For each target that it touches.
const QUIET_EACH: Duration = Duration::from_millis(1);
const LONGEST_QUIET: Duration = Duration::from_secs(1);
/// What depends on the object waits for no longer than this.
const LONGEST: Duration = Duration::from_secs(2);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Storms {
    /// Until when another change of an object would be part of a storm.
    restless: HashMap<Key, Moment>,
    /// The same by their time, with older ones, to forget them by.
    calm_at: BinaryHeap<Reverse<(Moment, Key)>>,
    storms: HashMap<Key, Storm>,
}

#[derive(Debug)]
struct Storm {
    ends: Moment,
    at_the_latest: Moment,
    touched: HashSet<TargetKey>,
    /// Targets that were written since it began: once is enough.
    followed: HashSet<TargetKey>,
}

impl Storms {
    /// An object changed, which touches these targets. `None`: they are looked at when the storm has ended.
    pub(super) fn change(&mut self, now: Moment, key: Key, touched: Touched) -> Option<Touched> {
        if touched.is_empty() {
            return Some(touched);
        }
        self.forget(now);
        let each = u32::try_from(touched.len()).unwrap_or(u32::MAX);
        let quiet = (QUIET + QUIET_EACH.saturating_mul(each)).min(LONGEST_QUIET);
        let before = self.restless.insert(key.clone(), now + quiet);
        self.calm_at.push(Reverse((now + quiet, key.clone())));
        if before.is_none() && !self.storms.contains_key(&key) {
            return Some(touched);
        }
        let begin =
            || Storm { ends: now, at_the_latest: now + LONGEST, touched: HashSet::new(), followed: HashSet::new() };
        let storm = self.storms.entry(key).or_insert_with(begin);
        storm.ends = (now + quiet).min(storm.at_the_latest);
        storm.touched.extend(touched);
        None
    }

    fn forget(&mut self, now: Moment) {
        while let Some(Reverse((at, _))) = self.calm_at.peek()
            && *at <= now
        {
            let Some(Reverse((at, key))) = self.calm_at.pop() else { return };
            if self.restless.get(&key) == Some(&at) {
                self.restless.remove(&key);
            }
        }
    }

    /// A target was written because of this object.
    pub(super) fn was_followed(&mut self, object: &Key, target: &TargetKey) {
        if let Some(storm) = self.storms.get_mut(object) {
            storm.followed.insert(target.clone());
        }
    }

    /// Whether a target that was written during this object's storm is to wait for the end of it. It is looked at then.
    pub(super) fn holds(&mut self, object: &Key, target: &TargetKey) -> bool {
        let Some(storm) = self.storms.get_mut(object).filter(|storm| storm.followed.contains(target)) else {
            return false;
        };
        storm.touched.insert(target.clone());
        true
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
        for millis in [0, 110, 300, 900] {
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
        assert_eq!(storms.wake_at(), Some(Duration::from_millis(980 + 102)));
        assert_eq!((ended(&mut storms, 1_081), ended(&mut storms, 1_082)), (0, 2));
        assert!(storms.is_calm() && ended(&mut storms, 1_082) == 0);
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
        assert!(storms.calm_at.len() <= 3, "only the last moments are kept");
    }

    #[test]
    fn a_target_is_written_once_in_a_storm() {
        let mut storms = Storms::default();
        let (t1, t2, t3): (TargetKey, TargetKey, TargetKey) = (key("t1").into(), key("t2").into(), key("t3").into());
        change(&mut storms, 0, "a");
        storms.was_followed(&key("a"), &t1);
        assert!(!storms.holds(&key("a"), &t1), "there is no storm");
        change(&mut storms, 20, "a");
        storms.was_followed(&key("a"), &t1);
        storms.was_followed(&key("a"), &t3);
        let holds = |storms: &mut Storms| [&t1, &t2, &t3].map(|target| storms.holds(&key("a"), target));
        assert_eq!(holds(&mut storms), [true, false, true]);
        assert_eq!(ended(&mut storms, 200), 3, "also the one that no change has touched");
        change(&mut storms, 210, "a");
        assert_eq!(holds(&mut storms), [false; 3]);
    }

    #[test]
    fn what_takes_longer_to_follow_has_to_be_quiet_for_longer() {
        for (targets, quiet) in [(1, 101), (200, 300), (100_000, 1_000)] {
            let touched: Touched = (0..targets).map(|n| key(&format!("t{n}")).into()).collect();
            let mut storms = Storms::default();
            let mut change = |millis| storms.change(Duration::from_millis(millis), key("a"), touched.clone()).is_some();
            assert!(change(0) && change(quiet), "{targets}");
            assert!(!change(2 * quiet - 1), "{targets}");
        }
    }
}
