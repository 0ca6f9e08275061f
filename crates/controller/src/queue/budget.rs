//! The budget for requests about a target, or about its source: what `pace` knows of objects and namespaces, together with the failures
//! of each target.

use std::time::Duration;

use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::observed::ResourceVersion;
use k8s_replicator_core::reason::Reason;

use super::Queue;
use super::entry::{Failures, Turn};
use super::pace::{Because, Hold, Pass, Work};
use crate::event::Moment;

impl Queue {
    /// Lets a read of an object through, or says when it may be made. `as_source`: its version in the graph, if it is read for
    /// the targets that depend on it.
    ///
    /// # Errors
    /// When it has to wait.
    pub fn may_read(&mut self, now: Moment, object: &Key, as_source: Option<&ResourceVersion>) -> Result<Pass, Hold> {
        self.paces.read(now, object, as_source)
    }

    /// Lets a write of a target through, or says when it may be made.
    ///
    /// # Errors
    /// When it has to wait.
    pub fn may_write(&mut self, now: Moment, target: &TargetKey, work: Work, because: Because) -> Result<Pass, Hold> {
        let failures = self.entries.get(target).map(|entry| entry.failures).unwrap_or_default();
        self.paces.write(now, target, (work, because), failures.writes)
    }

    /// A read succeeded that these targets waited for.
    pub fn was_read(&mut self, object: &Key, waiting: &[Turn]) {
        self.paces.was_read(object);
        for turn in waiting {
            self.failed(turn, |failures| failures.reads = 0);
        }
    }

    /// A read failed, and is not made again before a while; sooner when the object changes. `backoff`: how long after so many failures
    /// in a row before this one. `said`: why. Answers the failures in a row of reads of this object before this one.
    pub fn read_failed(
        &mut self,
        now: Moment,
        object: &Key,
        backoff: impl FnOnce(u32) -> Duration,
        said: (Reason, &str),
    ) -> u32 {
        self.paces.read_failed(now, object, backoff, said)
    }

    /// A target waited for a read that failed. `of_object`: as [`Queue::read_failed`] answered. Answers after how many failures in a
    /// row the target waits again.
    pub fn read_for_target_failed(&mut self, turn: &Turn, of_object: u32) -> u32 {
        let mut before = of_object;
        self.failed(turn, |failures| {
            before = before.max(failures.reads);
            failures.reads = before.saturating_add(1);
        });
        before
    }

    /// How many reads of an object failed in a row.
    #[must_use]
    pub fn read_failures(&self, object: &Key) -> u32 {
        self.paces.read_failures(object)
    }

    /// Why an object could not be read the last time.
    #[must_use]
    pub fn read_failure(&self, object: &Key) -> Option<(Reason, &str)> {
        self.paces.read_failure(object)
    }

    /// The watch showed a change of an object: what could not be read may be readable now.
    pub fn changed(&mut self, object: &Key) {
        self.paces.changed(object);
    }

    /// A write was carried out. Returns how many there were recently, with it, that only put right what somebody else changed.
    pub fn was_written(&mut self, now: Moment, target: &TargetKey, work: Work, because: Because) -> u32 {
        self.failed(target, |failures| failures.writes = 0);
        self.paces.was_written(now, target, work, because)
    }

    /// How long a target is not put right again, if somebody else changes it.
    #[must_use]
    pub fn correction_in(&self, now: Moment, target: &TargetKey) -> Duration {
        self.paces.correction_in(now, target)
    }

    /// A write failed. Returns how many did in a row before it.
    pub fn write_failed(&mut self, now: Moment, target: &TargetKey) -> u32 {
        let failures = self.paces.write_failed(now, target);
        self.failed(target, |of_target| of_target.writes = failures.saturating_add(1));
        failures
    }

    fn failed(&mut self, target: &TargetKey, change: impl FnOnce(&mut Failures)) {
        if let Some(entry) = self.entries.get_mut(target) {
            change(&mut entry.failures);
        }
    }

    /// A namespace is gone: how often something failed in it, or was put right, is forgotten.
    pub fn namespace_gone(&mut self, namespace: &str) {
        self.paces.namespace_gone(namespace);
    }
}
