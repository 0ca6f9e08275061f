//! When changes of objects were seen, until their targets are written: for the metric `k8s_replicator_propagation_seconds`.

use std::collections::BTreeMap;

use k8s_replicator_core::names::{Key, TargetKey};

use super::standing::Cause;
use crate::event::Moment;

/// With fewer entries than this, old ones are not removed.
const FEW: usize = 64;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Changes {
    seen: BTreeMap<Key, Moment>,
    sweep_at: usize,
}

impl Default for Changes {
    fn default() -> Self {
        Self { seen: BTreeMap::new(), sweep_at: FEW }
    }
}

impl Changes {
    /// An object changed. `is_followed`: whether targets still wait because of an earlier change of an object; then the time counts
    /// from that one.
    pub(super) fn seen(&mut self, now: Moment, object: &Key, is_followed: impl Fn(&Key) -> bool) {
        if self.seen.len() >= self.sweep_at {
            self.seen.retain(|object, _| is_followed(object));
            self.sweep_at = (self.seen.len() * 2).max(FEW);
        }
        match self.seen.get_mut(object) {
            Some(_) if is_followed(object) => {}
            Some(seen) => *seen = now,
            None => drop(self.seen.insert(object.clone(), now)),
        }
    }

    /// The change of `object` because of which a target is decided about. `None` for a change of the target itself.
    pub(super) fn cause(&self, object: &Key, target: &TargetKey) -> Option<Cause> {
        if *object == **target {
            return None;
        }
        self.seen.get(object).map(|seen| Cause { seen: *seen })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(name: &str) -> Key {
        Key::new("ns", name).unwrap()
    }

    #[test]
    fn time_counts_from_the_first_change_that_is_not_followed_yet() {
        let millis = Duration::from_millis;
        let mut changes = Changes::default();
        let cause = |changes: &Changes| changes.cause(&key("s"), &key("t").into()).map(|cause| cause.seen);
        assert_eq!(cause(&changes), None);
        changes.seen(millis(1), &key("s"), |_| false);
        changes.seen(millis(2), &key("s"), |_| true);
        assert_eq!(cause(&changes), Some(millis(1)));
        changes.seen(millis(3), &key("s"), |_| false);
        assert_eq!(cause(&changes), Some(millis(3)));
        assert_eq!(changes.cause(&key("s"), &key("s").into()), None, "drift");
    }

    #[test]
    fn those_that_are_followed_are_forgotten() {
        let mut changes = Changes::default();
        for n in 0..10_000 {
            changes.seen(Moment::ZERO, &key(&format!("s-{n}")), |_| false);
        }
        assert!(changes.seen.len() <= FEW);
    }

    /// Issue 9, 3: no walk over all of them for each change.
    #[test]
    fn it_is_asked_a_few_times_only_whether_one_is_followed() {
        let (mut changes, asked) = (Changes::default(), std::cell::Cell::new(0_u32));
        for n in 0..1_000 {
            changes.seen(Moment::ZERO, &key(&format!("s-{n}")), |_| {
                asked.set(asked.get() + 1);
                true
            });
        }
        assert_eq!(changes.seen.len(), 1_000);
        assert!(asked.get() <= 2_000, "{} times", asked.get());
    }
}
