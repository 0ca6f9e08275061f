//! How often requests about one object were made lately, and when the next one may be made.
//!
//! This is the one budget for retries (SPEC 9.14, issue 9). Every request passes [`Paces`], and it does not forget an object
//! when a target is done: only when nothing was asked about it for a while. Three rules:
//!
//! - The first request because of a new version of a source is ordinary work, and free.
//! - All other requests are counted, whatever led to them: a few at once, then one in two seconds.
//! - A write of the same data for the same version of the same source is a *correction*: somebody else changed the target. The
//!   first is made at once, the next ones after pauses that grow from 1 s to 5 min while that goes on.

use std::collections::{BTreeMap, VecDeque};
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

/// The cause of a request: the versions of the sources, and the target. With another version of a source, or a recreated target, it
/// is new work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The sources that the target depends on, with their versions; `None`: it does not exist.
    pub sources: Vec<(SourceKey, Option<ResourceVersion>)>,
    /// The target, where it belongs to its user: one that was made again is another one.
    pub target: Option<Uid>,
}

/// Why a write was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// An object on which the target depends changed, as far as is known.
    OfWork,
    /// Somebody else changed the target.
    SomebodyChangedIt,
    /// The target was deleted to be made again: with the create that follows it is one write.
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
    /// The works for which writes were last tried.
    tried_for: Recent,
    /// The works for which writes were last carried out.
    written_for: Recent,
    /// Failed writes in a row.
    write_failures: u32,
    /// Writes that put right what was written already, and when the last one was made.
    corrections: u32,
    corrected_at: Moment,
    /// It was deleted in order to be recreated: delete and create count as one correction.
    is_remade: bool,
    write_again_at: Moment,
    used: Moment,
}

/// The latest works, the last one at the end. Two controllers with different knowledge may give a name to two sources in turns:
/// then neither source is new work.
#[derive(Debug, Default)]
struct Recent(VecDeque<Work>);

impl Recent {
    const MOST: usize = 4;

    /// Whether the work is new. A version never returns; but a source can be missing (without a version) more than once.
    fn is_new(&self, work: &Work) -> bool {
        let comes_once = work.sources.iter().all(|(_, version)| version.is_some());
        match comes_once {
            true => !self.0.contains(work),
            false => self.0.back() != Some(work),
        }
    }

    fn push(&mut self, work: Work) {
        self.0.retain(|other| *other != work);
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back(work);
    }
}

impl Pace {
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
    pub(super) fn write(&mut self, now: Moment, target: &Key, work: &Work, failures: u32) -> Result<Pass, Hold> {
        if bug!(BudgetOff) {
            return Ok(Pass(()));
        }
        let pace = self.pace_after(now, target, failures);
        if pace.tried_for.is_new(work) {
            pace.tried_for.push(work.clone());
            return Ok(Pass(()));
        }
        if !pace.written_for.is_new(work) && pace.write_again_at > now {
            return Err(Hold { until: pace.write_again_at, why: Why::Contested(pace.corrections) });
        }
        pace.pay(now)
    }

    /// A write was carried out. Returns how many corrections there were lately, with this one.
    pub(super) fn was_written(&mut self, now: Moment, target: &Key, work: Work, because: Because) -> u32 {
        let pace = self.pace(now, target);
        pace.write_failures = 0;
        if std::mem::replace(&mut pace.is_remade, because == Because::Remade) {
            return pace.corrections;
        }
        let is_same = !pace.written_for.is_new(&work);
        pace.written_for.push(work);
        if !is_same && because != Because::SomebodyChangedIt {
            return 0;
        }
        if pace.corrected_at + REMEMBERED <= now {
            pace.corrections = 0;
        }
        pace.corrections = pace.corrections.saturating_add(1);
        pace.corrected_at = now;
        pace.write_again_at = now + doubled(FIRST_PAUSE, pace.corrections - 1, LONGEST_CORRECTION_PAUSE);
        pace.corrections
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
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new("ns", name).unwrap()
    }

    fn work(version: u64) -> Work {
        let version = Some(ResourceVersion::new(&version.to_string()));
        Work { sources: vec![(key("source").into(), version)], target: None }
    }

    /// Issue 9, 1: whatever goes wrong, at most one request a second in the mean over a minute; and it never ends.
    #[test]
    fn a_repeated_request_is_made_once_a_second_at_most() {
        let mut paces = Paces::default();
        let (mut asked, mut at) = (Vec::new(), Moment::ZERO);
        while at < Duration::from_secs(600) {
            match paces.read(at, &key("a"), None) {
                Ok(_) => asked.push(at),
                Err(hold) => {
                    assert!(hold.until > at && hold.until <= at + ONE_IN && hold.why == Why::TooMany);
                }
            }
            at += Duration::from_millis(1);
        }
        for from in &asked {
            let in_a_minute = asked.iter().filter(|at| *at >= from && **at < *from + Duration::from_secs(60)).count();
            assert!(in_a_minute <= 40, "{in_a_minute} from {from:?}");
        }
        assert!(asked.len() > 300);
    }

    /// Issue 9, 1: ordinary work is not slowed.
    #[test]
    fn new_versions_of_a_source_are_free() {
        let mut paces = Paces::default();
        for version in 1..1_000 {
            let version_read = ResourceVersion::new(&version.to_string());
            assert!(paces.read(Moment::ZERO, &key("source"), Some(&version_read)).is_ok());
            assert!(paces.write(Moment::ZERO, &key("a"), &work(version), 0).is_ok());
            assert_eq!(paces.was_written(Moment::ZERO, &key("a"), work(version), Because::OfWork), 0);
        }
    }

    /// SPEC 9.14: at once the first time, then after pauses that grow from 1 s to 5 min while it goes on.
    #[test]
    fn corrections_are_made_after_growing_pauses_while_it_goes_on() {
        let mut paces = Paces::default();
        let a = key("a");
        assert!(paces.write(Moment::ZERO, &a, &work(1), 0).is_ok());
        assert_eq!(paces.was_written(Moment::ZERO, &a, work(1), Because::OfWork), 0);
        let (mut now, mut pauses) = (Moment::ZERO, Vec::new());
        for n in 1..=12 {
            let began = now;
            while let Err(hold) = paces.write(now, &a, &work(1), 0) {
                assert_eq!(hold.why, Why::Contested(n - 1));
                now = hold.until;
            }
            pauses.push((now - began).as_secs());
            assert_eq!(paces.was_written(now, &a, work(1), Because::OfWork), n);
        }
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert!(paces.write(now, &a, &work(2), 0).is_ok(), "a new version of the source is written all the same");
        now += REMEMBERED;
        assert!(paces.write(now, &key("b"), &work(1), 0).is_ok());
        assert!(paces.write(now, &a, &work(2), 0).is_ok());
        assert_eq!(paces.was_written(now, &a, work(2), Because::OfWork), 0, "it was forgotten");
    }

    /// Two controllers that do not know the same let two sources have a name in turns: each time it is another work than the last one.
    #[test]
    fn works_that_take_turns_are_not_new_each_time() {
        let (mut paces, a) = (Paces::default(), key("a"));
        let mut written = 0;
        for turn in 0..1_000 {
            let (now, work) = (Duration::from_millis(turn), work(1 + turn % 3));
            if paces.write(now, &a, &work, 0).is_ok() {
                paces.was_written(now, &a, work, Because::OfWork);
                written += 1;
            }
        }
        assert!(written <= 5, "{written} within a second");
        // A source that is gone can be gone again.
        let gone = Work { sources: vec![(key("source").into(), None)], target: None };
        for version in 10..13 {
            for work in [work(version), gone.clone()] {
                assert!(paces.write(Duration::from_secs(2), &a, &work, 0).is_ok(), "{work:?}");
                paces.was_written(Duration::from_secs(2), &a, work, Because::OfWork);
            }
        }
    }

    #[test]
    fn objects_are_forgotten_when_nothing_was_asked_about_them_and_their_number_is_bounded() {
        let mut paces = Paces::default();
        let second = Duration::from_secs(1);
        for n in 0..MOST_REMEMBERED + 100 {
            assert!(paces.read(second, &key(&format!("a{n}")), None).is_ok());
        }
        assert!(paces.paces.len() <= MOST_REMEMBERED && paces.forget_at.len() <= MOST_REMEMBERED);
        let last = key(&format!("a{}", MOST_REMEMBERED + 99));
        assert_eq!(paces.write_failed(second * 500, &last), 0);
        assert_eq!(paces.write_failed(second * 700, &last), 1, "used in between");
        assert_eq!((paces.paces.len(), paces.forget_at.len()), (1, 1));
        assert_eq!(paces.write_failed(second * 1_300, &last), 0);
    }

    #[test]
    fn a_new_namespace_of_the_same_name_starts_afresh() {
        let mut paces = Paces::default();
        assert!(paces.write(Moment::ZERO, &key("a"), &work(1), 0).is_ok());
        for n in 0..5 {
            assert_eq!(paces.was_written(Moment::ZERO, &key("a"), work(1), Because::OfWork), n);
        }
        assert!(paces.write(Moment::ZERO, &key("a"), &work(1), 0).is_err());
        paces.namespace_gone("n");
        assert!(paces.write(Moment::ZERO, &key("a"), &work(1), 0).is_err());
        paces.namespace_gone("ns");
        assert!(paces.write(Moment::ZERO, &key("a"), &work(1), 0).is_ok());
        assert_eq!(paces.was_written(Moment::ZERO, &key("a"), work(1), Because::OfWork), 0);
    }
}
