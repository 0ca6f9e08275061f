//! How often requests about one object were made lately, and when the next one may be made.
//!
//! This is the one budget for retries (SPEC 9.14, issue 9). Every request passes [`Paces`], and it does not forget an object
//! when a target is done: only when nothing was asked about it for a while. Three rules:
//!
//! - The first request because of a new version of a source is ordinary work, and free.
//! - All other requests are counted, whatever led to them: a few at once, then one in two seconds.
//! - A write of the same data for the same version of the same source, while nothing else that decides is said otherwise, is a
//!   *correction*: somebody else changed the target. The first is made at once, the next ones after pauses that grow from 1 s to 5 min
//!   while that goes on. What has to wait for the end of such a pause is said in one place: [`Pace::corrects`].

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroU64;
use std::time::Duration;

use k8s_replicator_core::bug;
use k8s_replicator_core::names::{Key, SourceKey};
use k8s_replicator_core::observed::{ResourceVersion, Uid};
use k8s_replicator_core::reason::Reason;

use crate::event::Moment;

/// So many requests about one object are made without a pause,
const AT_ONCE: u32 = 10;
/// and then one in this time: in any minute 40 at most.
const ONE_IN: Duration = Duration::from_secs(2);
/// The pause after the first correction of what somebody else changed. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_CORRECTION_PAUSE: Duration = Duration::from_secs(300);
/// An object that nothing was asked about for so long starts afresh. Longer than every pause, or it would not outlast one.
const REMEMBERED: Duration = Duration::from_secs(600);
/// More objects than this are not remembered: those that were asked about first are forgotten first.
const MOST_REMEMBERED: usize = 20_000;

/// The cause of a request, as hashes: for each of thousands of targets several are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Of the versions of the sources, and of the target: with another version of a source, or a recreated target, it is new work.
    cause: NonZeroU64,
    /// Whether the cause comes once. A version never returns; but a source can be missing (without a version) more than once.
    comes_once: bool,
    /// Of what else decides about the target. It can be said in turns: so it is compared with the last write's alone, and a write for it
    /// is no correction, but is not free either.
    said: u64,
}

impl Work {
    /// `sources`: those that the target depends on, with their versions; `None`: it does not exist. `target`: the target, where it
    /// belongs to its user: one that was made again is another one. `said`: a hash of what else decides.
    pub fn new<'a>(
        sources: impl IntoIterator<Item = (&'a SourceKey, Option<&'a ResourceVersion>)>,
        target: Option<&Uid>,
        said: u64,
    ) -> Self {
        let (mut hasher, mut comes_once) = (DefaultHasher::new(), true);
        for source in sources {
            comes_once &= source.1.is_some();
            source.hash(&mut hasher);
        }
        target.hash(&mut hasher);
        Self { cause: NonZeroU64::MIN | hasher.finish(), comes_once, said }
    }
}

/// Why a write was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// An object on which the target depends changed, as far as is known.
    OfWork,
    /// Somebody else changed the target.
    SomebodyChangedIt,
    /// It takes away what the target may not have any more.
    Withdrawn,
    /// The target is deleted to be made again: with the create that follows it is one write.
    Remade,
}

/// Proof that a request was let through. Only `Paces` makes one.
#[derive(Debug)]
pub struct Pass(());

/// Why a request has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// An attempt to read it failed.
    ReadFailed,
    /// There were too many requests about it.
    TooMany,
    /// Somebody else changed it again and again: so many times.
    Contested(u32),
}

/// A request that has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Until when.
    pub until: Moment,
    /// Why.
    pub why: Why,
}

#[derive(Debug, Default)]
struct Pace {
    /// The moment up to which the budget is used, if each request costs [`ONE_IN`].
    paid_until: Moment,
    /// The last version for which it was read as a source.
    read_for: Option<ResourceVersion>,
    read_failures: u32,
    /// Why it could not be read.
    read_failure: Option<(Reason, Box<str>)>,
    /// After a failure it is not read before.
    read_again_at: Moment,
    /// The causes for which writes were last tried.
    tried_for: Recent,
    /// The causes for which writes were last carried out.
    written_for: Recent,
    /// What was said when the last write was carried out.
    said: Option<u64>,
    /// Whether that one took something away.
    withdrawn: bool,
    /// Failed writes in a row.
    write_failures: u32,
    /// Writes that put right what was written already, and when the last one was made.
    corrections: u32,
    corrected_at: Moment,
    /// It was deleted in order to be recreated, and there were so many corrections with that: delete and create are one write.
    remade: Option<u32>,
    write_again_at: Moment,
    used: Moment,
}

/// The causes of the latest works, the last one at the end. Two controllers with different knowledge may give a name to two sources in
/// turns: then neither source is new work.
#[derive(Debug, Default)]
struct Recent([Option<NonZeroU64>; 4]);

impl Recent {
    fn is_new(&self, work: Work) -> bool {
        match work.comes_once {
            true => !self.0.contains(&Some(work.cause)),
            false => self.0.last() != Some(&Some(work.cause)),
        }
    }

    fn push(&mut self, work: Work) {
        let cause = Some(work.cause);
        let from = self.0.iter().position(|other| *other == cause).unwrap_or_default();
        if let Some(later) = self.0.get_mut(from..) {
            later.rotate_left(1);
        }
        if let Some(last) = self.0.last_mut() {
            *last = cause;
        }
    }
}

impl Pace {
    /// Whether a write of a target does no more than repeat what was written: then somebody else changed the target in the meantime. It
    /// is made at once the first time, and then after a pause.
    fn corrects(&self, work: Work, because: Because) -> bool {
        match because {
            // The second half of one write: without it there would be no replica.
            Because::OfWork if self.remade.is_some() => false,
            // After a write that gave something, one that takes it away repeats nothing, whatever it was that somebody said.
            Because::Withdrawn if !self.withdrawn => false,
            _ => !self.written_for.is_new(work) && self.said == Some(work.said),
        }
    }

    fn written(&mut self, work: Work, because: Because) {
        self.written_for.push(work);
        self.said = Some(work.said);
        self.withdrawn = because == Because::Withdrawn;
    }

    /// One more correction was made. Returns how many there were lately, with it.
    fn corrected(&mut self, now: Moment) -> u32 {
        if self.corrected_at + REMEMBERED <= now {
            self.corrections = 0;
        }
        self.corrections = self.corrections.saturating_add(1);
        self.corrected_at = now;
        self.write_again_at = now + doubled(FIRST_PAUSE, self.corrections - 1, LONGEST_CORRECTION_PAUSE);
        self.corrections
    }

    fn pay(&mut self, now: Moment) -> Result<Pass, Hold> {
        let paid_until = self.paid_until.max(now);
        let free_at = paid_until.saturating_sub(ONE_IN * (AT_ONCE - 1));
        if free_at > now {
            return Err(Hold { until: free_at, why: Why::TooMany });
        }
        self.paid_until = paid_until + ONE_IN;
        Ok(Pass(()))
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Paces {
    paces: BTreeMap<Key, Pace>,
    /// All remembered objects, oldest first, each with the moment at which it may be forgotten.
    forget_at: VecDeque<(Moment, Key)>,
}

impl Paces {
    fn pace(&mut self, now: Moment, object: &Key) -> &mut Pace {
        self.pace_after(now, object, 0)
    }

    /// The same; an object that is not remembered begins with so many failed writes.
    fn pace_after(&mut self, now: Moment, object: &Key, write_failures: u32) -> &mut Pace {
        self.forget(now);
        if !self.paces.contains_key(object) {
            self.forget_at.push_back((now + REMEMBERED, object.clone()));
        }
        let pace = self.paces.entry(object.clone()).or_insert_with(|| Pace { write_failures, ..Pace::default() });
        pace.used = now;
        pace
    }

    fn forget(&mut self, now: Moment) {
        while let Some((at, _)) = self.forget_at.front()
            && (*at <= now || self.forget_at.len() >= MOST_REMEMBERED)
        {
            let Some((at, object)) = self.forget_at.pop_front() else { return };
            match self.paces.get(&object).map(|pace| pace.used + REMEMBERED) {
                Some(until) if until > now && at <= now => self.forget_at.push_back((until, object)),
                _ => drop(self.paces.remove(&object)),
            }
        }
    }

    /// Lets a read pass, or says how long it has to wait. `as_source`: the object's version, if it is read as a source.
    pub(super) fn read(
        &mut self,
        now: Moment,
        object: &Key,
        as_source: Option<&ResourceVersion>,
    ) -> Result<Pass, Hold> {
        if bug!(BudgetOff) {
            return Ok(Pass(()));
        }
        let pace = self.pace(now, object);
        if as_source.is_some() && pace.read_for.as_ref() != as_source {
            pace.read_for = as_source.cloned();
            return Ok(Pass(()));
        }
        if pace.read_again_at > now {
            return Err(Hold { until: pace.read_again_at, why: Why::ReadFailed });
        }
        pace.pay(now)
    }

    /// A read succeeded.
    pub(super) fn was_read(&mut self, object: &Key) {
        if let Some(pace) = self.paces.get_mut(object) {
            (pace.read_failures, pace.read_failure, pace.read_again_at) = (0, None, Moment::ZERO);
        }
    }

    /// A read failed. `wait`: how long to wait after so many failures in a row before this one. Answers how many these were.
    pub(super) fn read_failed(
        &mut self,
        now: Moment,
        object: &Key,
        wait: impl FnOnce(u32) -> Duration,
        (reason, error): (Reason, &str),
    ) -> u32 {
        let pace = self.pace(now, object);
        let failures = pace.read_failures;
        pace.read_failures = failures.saturating_add(1);
        pace.read_failure = Some((reason, error.into()));
        pace.read_again_at = now + wait(failures);
        failures
    }

    /// How many reads of an object failed in a row.
    pub(super) fn read_failures(&self, object: &Key) -> u32 {
        self.paces.get(object).map_or(0, |pace| pace.read_failures)
    }

    /// Why an object could not be read the last time.
    pub(super) fn read_failure(&self, object: &Key) -> Option<(Reason, &str)> {
        let (reason, error) = self.paces.get(object)?.read_failure.as_ref()?;
        Some((*reason, error))
    }

    /// The object changed, so that a read that failed may succeed now.
    pub(super) fn changed(&mut self, object: &Key) {
        if let Some(pace) = self.paces.get_mut(object) {
            pace.read_again_at = Moment::ZERO;
        }
    }

    /// Lets a write for this work pass, or says how long it has to wait. `failures`: how many writes failed in a row, in case the
    /// object was forgotten here.
    pub(super) fn write(
        &mut self,
        now: Moment,
        target: &Key,
        (work, because): (Work, Because),
        failures: u32,
    ) -> Result<Pass, Hold> {
        if bug!(BudgetOff) {
            return Ok(Pass(()));
        }
        let pace = self.pace_after(now, target, failures);
        if pace.tried_for.is_new(work) {
            pace.tried_for.push(work);
            return Ok(Pass(()));
        }
        if pace.write_again_at > now && pace.corrects(work, because) {
            return Err(Hold { until: pace.write_again_at, why: Why::Contested(pace.corrections) });
        }
        pace.pay(now)
    }

    /// A write was carried out. Returns how many corrections there were lately, with this one; 0 if it is none.
    pub(super) fn was_written(&mut self, now: Moment, target: &Key, work: Work, because: Because) -> u32 {
        let pace = self.pace(now, target);
        pace.write_failures = 0;
        let corrects = because == Because::SomebodyChangedIt || pace.corrects(work, because);
        pace.written(work, because);
        let remade = pace.remade.take();
        if because == Because::OfWork
            && let Some(corrections) = remade
        {
            return corrections;
        }
        let corrections = if corrects { pace.corrected(now) } else { 0 };
        pace.remade = (because == Because::Remade).then_some(corrections);
        corrections
    }

    /// How long the next correction of a target has to wait.
    pub(super) fn correction_in(&self, now: Moment, target: &Key) -> Duration {
        self.paces.get(target).map_or(Duration::ZERO, |pace| pace.write_again_at.saturating_sub(now))
    }

    /// A write failed. Returns how many failures there were in a row before it.
    pub(super) fn write_failed(&mut self, now: Moment, target: &Key) -> u32 {
        let pace = self.pace(now, target);
        pace.write_failures = pace.write_failures.saturating_add(1);
        pace.write_failures - 1
    }

    /// A namespace is gone: its objects are forgotten, since a new namespace of the name has other objects.
    pub(super) fn namespace_gone(&mut self, namespace: &str) {
        // The first possible name: names begin with a digit or a letter (RFC 1123).
        let Ok(first) = Key::new(namespace, "0") else { return };
        for (_, pace) in self.paces.range_mut(first..).take_while(|(key, _)| key.namespace() == namespace) {
            *pace = Pace { used: pace.used, paid_until: pace.paid_until, ..Pace::default() };
        }
    }
}

/// `first`, doubled so many times, but not longer than `longest`.
pub(super) fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << times.min(20)).min(longest)
}

#[cfg(test)]
mod tests;
