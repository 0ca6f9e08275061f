//! Objects that change faster than each change can be followed.
//!
//! A change is *followed* when no target waits for its turn, or for a response, because of it. One that comes after that is
//! decided about at once, however soon it comes: back-to-back updates that each wait for the replica of the one before are no storm. One
//! that comes earlier begins a storm: what copies the object waits until it has been quiet for a moment, or has waited for long. So each replica is
//! written twice and not fifty times. Nobody is followed at once for ever: each object has an allowance of changes.
//!
//! What takes data away never waits: a storm holds up copies only.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use k8s_replicator_core::bug;
use k8s_replicator_core::graph::{Touched, Wide};
use k8s_replicator_core::names::{Key, TargetKey};

use crate::event::Moment;
use crate::queue::{MOST_OF_ONE, MOST_PIECES};

/// An object has to be quiet for so long for its storm to end,
const QUIET: Duration = Duration::from_millis(100);
/// and so much longer for each target that it touches: about as long as it takes to follow one change,
const QUIET_EACH: Duration = Duration::from_millis(1);
/// but not for longer than this.
const LONGEST_QUIET: Duration = Duration::from_secs(1);
/// What copies the object waits for no longer than this.
const LONGEST: Duration = Duration::from_secs(2);

/// So many changes of an object are followed at once without a pause,
const AT_ONCE: u32 = 200;
/// and then one in this time.
const ONE_IN: Duration = Duration::from_secs(1);
/// Fewer allowances than this are not swept.
const FEW: usize = 64;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Storms {
    storms: BTreeMap<Key, Storm>,
    /// When each of them ends.
    ends: BTreeSet<(Moment, Key)>,
    /// Of objects that changed recently: the moment at which their changes until now would have come if each had come [`ONE_IN`]
    /// after the one before.
    allowed: BTreeMap<Key, Moment>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Storm {
    ends: Moment,
    at_the_latest: Moment,
    /// To be decided about when it has ended. (Sorted, so that equal runs do the same.)
    touched: BTreeSet<TargetKey>,
    wide: Vec<Wide>,
    /// Targets that were written since it began: once is enough.
    written: HashSet<TargetKey>,
}

impl Default for Storms {
    fn default() -> Self {
        Self { storms: BTreeMap::new(), ends: BTreeSet::new(), allowed: BTreeMap::new(), sweep_at: FEW }
    }
}

impl Storms {
    /// An object changed, which touches these targets. `is_followed`: the change before it was followed. `None`: they are looked
    /// at when the storm has ended.
    pub(super) fn change(&mut self, now: Moment, key: &Key, touched: Touched, is_followed: bool) -> Option<Touched> {
        if touched.is_empty() {
            return Some(touched);
        }
        let is_allowed = self.allow(now, key);
        if is_followed && is_allowed && !self.storms.contains_key(key) {
            return Some(touched);
        }
        let each = u32::try_from(touched.len()).unwrap_or(u32::MAX);
        let quiet = (QUIET + QUIET_EACH.saturating_mul(each)).min(LONGEST_QUIET);
        let begin = || Storm {
            ends: now,
            at_the_latest: now + LONGEST,
            touched: BTreeSet::new(),
            wide: Vec::new(),
            written: HashSet::new(),
        };
        let storm = self.storms.entry(key.clone()).or_insert_with(begin);
        let is_first = storm.touched.is_empty() && storm.wide.is_empty();
        storm.touched.extend(touched.targets);
        for wide in touched.wide {
            if !storm.wide.iter().any(|other| other.is_of_same(&wide)) {
                storm.wide.push(wide);
            }
        }
        // What several changes touched is bounded: the queue takes it now, which has the same bounds.
        let is_full = !is_first && (storm.touched.len() >= MOST_OF_ONE || storm.wide.len() >= MOST_PIECES);
        self.ends.remove(&(storm.ends, key.clone()));
        storm.ends = if is_full { now } else { (now + quiet).min(storm.at_the_latest) };
        self.ends.insert((storm.ends, key.clone()));
        None
    }

    /// Whether an object has not yet used up its allowance of changes that are followed at once.
    fn allow(&mut self, now: Moment, key: &Key) -> bool {
        if self.allowed.len() >= self.sweep_at {
            self.allowed.retain(|_, until| *until > now);
            self.sweep_at = (self.allowed.len() * 2).max(FEW);
        }
        let until = self.allowed.entry(key.clone()).or_insert(now);
        let next = (*until).max(now) + ONE_IN;
        if next > now + ONE_IN * AT_ONCE {
            return false;
        }
        *until = next;
        true
    }

    /// Whether an object's changes are held up.
    pub(super) fn has_storm(&self, object: &Key) -> bool {
        self.storms.contains_key(object)
    }

    /// A target was written because of this object.
    pub(super) fn was_written(&mut self, object: &Key, target: &TargetKey) {
        if let Some(storm) = self.storms.get_mut(object) {
            storm.written.insert(target.clone());
        }
    }

    /// Whether a target that was written during this object's storm is to wait for the end of it. It is decided about then.
    pub(super) fn holds(&mut self, object: &Key, target: &TargetKey) -> bool {
        let Some(storm) = self.storms.get_mut(object).filter(|storm| storm.written.contains(target)) else {
            return false;
        };
        storm.touched.insert(target.clone());
        true
    }

    /// The object of a storm that has ended, and its targets. To be asked until it answers `None`.
    pub(super) fn ended(&mut self, now: Moment) -> Option<(Key, Touched)> {
        let (ends, _) = self.ends.first()?;
        if *ends > now {
            return None;
        }
        let (_, key) = self.ends.pop_first()?;
        let storm = self.storms.remove(&key)?;
        if bug!(StormForgotten) {
            return None;
        }
        Some((key, Touched { targets: storm.touched.into_iter().collect(), wide: storm.wide }))
    }

    /// When the next one ends.
    pub(super) fn wake_at(&self) -> Option<Moment> {
        self.ends.first().map(|(at, _)| *at)
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

    /// Whether the targets of a change are decided about at once.
    fn change(storms: &mut Storms, millis: u64, name: &str, is_followed: bool) -> bool {
        let touched = vec![key("t1").into(), key("t2").into()].into();
        storms.change(Duration::from_millis(millis), &key(name), touched, is_followed).is_some()
    }

    fn ended(storms: &mut Storms, millis: u64) -> usize {
        storms.ended(Duration::from_millis(millis)).map_or(0, |(_, touched)| touched.len())
    }

    /// Issue 9, 3: back-to-back updates that each wait for the replica of the one before are no storm.
    #[test]
    fn changes_that_come_after_the_one_before_was_followed_are_followed_at_once() {
        let mut storms = Storms::default();
        for millis in (0..2_000).step_by(12) {
            assert!(change(&mut storms, millis, "a", true), "{millis}");
            assert!(change(&mut storms, millis + 1, "b", true), "another object: {millis}");
        }
        assert!(storms.is_calm());
        assert!(storms.change(Duration::ZERO, &key("a"), Touched::default(), false).is_some(), "it touches nobody");
        assert!(storms.is_calm());
    }

    /// DESIGN rule 10: nothing is asked for in a hot loop, whatever a tenant does: not for ever.
    #[test]
    fn an_object_that_changes_all_the_time_is_followed_at_once_as_far_as_its_allowance_goes() {
        let mut storms = Storms::default();
        let at_once = |storms: &mut Storms, from: u64| {
            (from..from + 60_000)
                .step_by(10)
                .filter(|millis| change(storms, *millis, "a", true) || ended(storms, *millis) > 0)
                .count()
        };
        let first = at_once(&mut storms, 0);
        assert!((200..=300).contains(&first), "{first} in the first minute");
        let then = at_once(&mut storms, 60_000);
        assert!((25..=60).contains(&then), "{then} in the next one");
        assert!(change(&mut storms, 100_000, "b", true), "others have their own");
        let hour = 3_600_000;
        assert!(change(&mut storms, hour, "c", true));
        for n in 0..1_000 {
            storms.allow(Duration::from_millis(hour + 10_000 * n), &key(&format!("x{n}")));
        }
        assert!(storms.allowed.len() <= FEW, "{}", storms.allowed.len());
    }

    /// Who has used it up does not get it back because others change too; and these are not gone through with each change.
    #[test]
    fn an_allowance_counts_for_as_long_as_it_is_used() {
        let mut storms = Storms::default();
        let at_once = |storms: &mut Storms| (0..300).filter(|_| storms.allow(Moment::ZERO, &key("a"))).count();
        assert_eq!(at_once(&mut storms), 200);
        for n in 0..1_000 {
            assert!(storms.allow(Moment::ZERO, &key(&format!("x{n}"))));
        }
        assert_eq!(at_once(&mut storms), 0);
        assert_eq!(
            (storms.allowed.len(), storms.sweep_at),
            (1_001, 1_024),
            "the next time when they are twice as many"
        );
    }

    #[test]
    fn a_storm_is_followed_when_it_is_over() {
        let mut storms = Storms::default();
        assert!(change(&mut storms, 0, "a", true));
        assert!(!storms.has_storm(&key("a")));
        for millis in (20..1_000).step_by(20) {
            assert!(!change(&mut storms, millis, "a", false), "{millis}");
            assert_eq!(ended(&mut storms, millis), 0, "{millis}");
        }
        assert_eq!(storms.wake_at(), Some(Duration::from_millis(980 + 102)));
        assert!(storms.has_storm(&key("a")) && !storms.has_storm(&key("b")));
        assert_eq!((ended(&mut storms, 1_081), ended(&mut storms, 1_082)), (0, 2));
        assert!(storms.is_calm() && ended(&mut storms, 1_082) == 0 && !storms.has_storm(&key("a")));
    }

    #[test]
    fn a_storm_that_does_not_end_is_followed_now_and_then() {
        let mut storms = Storms::default();
        let mut followed = Vec::new();
        for millis in (0..10_000).step_by(50) {
            if change(&mut storms, millis, "a", millis == 0) || ended(&mut storms, millis) > 0 {
                followed.push(millis);
            }
        }
        assert_eq!(followed, [0, 2_050, 4_100, 6_150, 8_200]);
    }

    #[test]
    fn a_target_is_written_once_in_a_storm() {
        let mut storms = Storms::default();
        let (t1, t2, t3): (TargetKey, TargetKey, TargetKey) = (key("t1").into(), key("t2").into(), key("t3").into());
        change(&mut storms, 0, "a", true);
        storms.was_written(&key("a"), &t1);
        assert!(!storms.holds(&key("a"), &t1), "there is no storm");
        change(&mut storms, 20, "a", false);
        storms.was_written(&key("a"), &t1);
        storms.was_written(&key("a"), &t3);
        let holds = |storms: &mut Storms| [&t1, &t2, &t3].map(|target| storms.holds(&key("a"), target));
        assert_eq!(holds(&mut storms), [true, false, true]);
        assert_eq!(ended(&mut storms, 200), 3, "also the one that no change has touched");
        change(&mut storms, 210, "a", false);
        assert_eq!(holds(&mut storms), [false; 3]);
    }

    #[test]
    fn what_takes_longer_to_follow_has_to_be_quiet_for_longer() {
        for (targets, quiet) in [(1, 101), (200, 300), (100_000, 1_000)] {
            let touched: Vec<TargetKey> = (0..targets).map(|n| key(&format!("t{n}")).into()).collect();
            let mut storms = Storms::default();
            assert!(storms.change(Moment::ZERO, &key("a"), touched.into(), false).is_none());
            assert_eq!(storms.wake_at(), Some(Duration::from_millis(quiet)), "{targets}");
        }
    }

    /// Issue 9, 1: an object that names others in each of its changes does not fill the memory while its storm lasts.
    #[test]
    fn a_storm_that_touches_others_with_each_change_ends_early() {
        let mut storms = Storms::default();
        for round in 0..20_u64 {
            let touched: Vec<TargetKey> = (0..8_192).map(|n| key(&format!("t{round}-{n}")).into()).collect();
            assert!(storms.change(Duration::from_millis(round), &key("a"), touched.into(), false).is_none());
            let waiting: usize = storms.storms.values().map(|storm| storm.touched.len()).sum();
            assert!(waiting <= MOST_OF_ONE + 8_192, "{waiting}");
            ended(&mut storms, round);
        }
    }

    /// Issue 9, 3: no walk over all storms for each request.
    #[test]
    fn many_storms_cost_no_more_than_one() {
        let mut storms = Storms::default();
        let keys: Vec<Key> = (0..10_000).map(|n| key(&format!("s{n}"))).collect();
        for key in &keys {
            assert!(storms.change(Moment::ZERO, key, vec![key.clone().into()].into(), false).is_none());
        }
        let began = std::time::Instant::now();
        for _ in 0..10_000 {
            assert!(storms.wake_at().is_some() && ended(&mut storms, 1) == 0);
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
}
