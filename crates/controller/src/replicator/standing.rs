//! The state of each target: its state, its reason and since when, updated with each decision and each failure.
//!
//! The metrics count the states, and the page follows the journal of their changes. The [`Replicator`](super::Replicator) reports
//! each decision and each failure here, in one place each. Nothing is decided here.
//!
//! Most targets are current: for these only a fingerprint of the name is kept, for the others what the journal shows. An object
//! that is no target any more leaves nothing behind. A name in a namespace that does not exist is not counted: nobody has to act
//! before the namespace exists, and then the target is decided about.
//!
//! A target is *pending* while the controller itself has to do something about it: it is about to be read or written, or an
//! attempt failed. A target that is held, refused, or waits for something else (a source, a delay) is not pending.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};

use k8s_replicator_core::decide::Decision;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::names::TargetKey;
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;

use crate::event::Moment;

/// So many changes are remembered. A reader that is further behind has to read all targets anew.
const REMEMBERED: usize = 4_096;

/// The state of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stands {
    /// Its state.
    pub state: State,
    /// Its reason; `None`: it depends on content that has to be read first.
    pub reason: Option<Reason>,
}

/// A change of a target's state, or of something else that is shown of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its number; numbers are consecutive.
    pub number: u64,
    /// Which target.
    pub target: TargetKey,
    /// Its new state; `None`: it is no target any more.
    pub stands: Option<Stands>,
}

/// The rest of an [`Entry`] besides its state.
struct Doing {
    is_pending: bool,
    cause: Option<Cause>,
    shown: u64,
}

/// A change of another object because of which a target has to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// When it was seen.
    pub seen: Moment,
}

/// A target that is not current. A hundred thousand may be refused for one reason: what only pending ones have is kept
/// apart.
#[derive(Debug)]
struct Entry {
    stands: Stands,
    /// Since when it has had this state.
    since: Moment,
    pending: Option<Box<Pending>>,
    /// A hash of what else is shown of it, such as its source: that may change while its state does not.
    shown: u64,
}

#[derive(Debug)]
struct Pending {
    /// Since when it has been pending.
    since: Moment,
    /// The change because of which it became pending.
    cause: Option<Cause>,
}

impl Entry {
    fn cause(&self) -> Option<Cause> {
        self.pending.as_ref().and_then(|pending| pending.cause)
    }
}

/// See the [module](self).
#[derive(Debug)]
pub struct Standing {
    others: BTreeMap<TargetKey, Entry>,
    /// Fingerprints of the names of those that are current. A million of them take less than 20 bytes each; that two of a million
    /// are alike has a probability of 3 in 100 million, and makes a count wrong by one.
    current: HashSet<u64, BuildHasherDefault<Fingerprint>>,
    hasher: RandomState,
    states: [usize; State::ALL.len()],
    /// The number of targets that are not current, by reason.
    reasons: [usize; Reason::ALL.len()],
    pending: BTreeSet<(Moment, TargetKey)>,
    journal: VecDeque<Change>,
    last: u64,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            others: BTreeMap::new(),
            current: HashSet::default(),
            hasher: RandomState::new(),
            states: [0; State::ALL.len()],
            reasons: [0; Reason::ALL.len()],
            pending: BTreeSet::new(),
            journal: VecDeque::new(),
            last: 0,
        }
    }
}

impl Standing {
    /// Notes a decision about a target. `shown`: a hash of what else is shown of it, computed only if it is not current. `cause`:
    /// the change of another object that led to it, if there is one.
    pub(super) fn decided(
        &mut self,
        now: Moment,
        target: &TargetKey,
        decision: &Decision<'_>,
        shown: impl FnOnce() -> u64,
        cause: impl FnOnce() -> Option<Cause>,
    ) {
        let reason = decision.reason();
        let is_pending = matches!(decision, Decision::Act(_) | Decision::Need(_));
        let state = State::of(decision).filter(|_| reason != Some(Reason::NamespaceMissing));
        let shown = if state.is_none_or(|state| state == State::Current) { 0 } else { shown() };
        let was = self.others.get_mut(target);
        // A retry does not make a failing target better, and a further read does not change its state.
        let says_nothing = |was: &Entry| was.stands.state == State::Failing || reason.is_none();
        let known = was.as_ref().and_then(|was| was.cause());
        if let Some(was) = was.filter(|was| is_pending && was.pending.is_some() && says_nothing(was)) {
            if std::mem::replace(&mut was.shown, shown) != shown {
                let stands = was.stands;
                self.note(target, Some(stands));
            }
            return;
        }
        let cause = if is_pending { known.or_else(cause) } else { None };
        let stands = state.map(|state| Stands { state, reason });
        self.set(now, target, stands, Doing { is_pending, cause, shown });
    }

    /// Notes that a read for a target, or a write of it, failed for this reason and is retried.
    pub(super) fn failed(&mut self, now: Moment, target: &TargetKey, reason: Reason) {
        let state = State::at_rest(reason).unwrap_or(State::Failing);
        let (cause, shown) = self.others.get(target).map_or((None, 0), |was| (was.cause(), was.shown));
        let stands = Stands { state, reason: Some(reason) };
        self.set(now, target, Some(stands), Doing { is_pending: true, cause, shown });
    }

    /// Notes that a target was written. Returns the change that caused it.
    pub(super) fn written(&mut self, target: &TargetKey) -> Option<Cause> {
        self.others.get_mut(target)?.pending.as_mut()?.cause.take()
    }

    fn set(&mut self, now: Moment, target: &TargetKey, stands: Option<Stands>, doing: Doing) {
        let Doing { is_pending, cause, shown } = doing;
        let fingerprint = self.hasher.hash_one(target.as_str());
        let is_current = stands.is_some_and(|stands| stands.state == State::Current);
        if is_current && self.current.contains(&fingerprint) {
            // Most decisions come here.
            return;
        }
        // Its name stays the same text, which others share.
        let (target, old) = match self.others.remove_entry(target) {
            Some((target, old)) => (target, Some(old)),
            None => (target.clone(), None),
        };
        let was_current = old.is_none() && self.current.remove(&fingerprint);
        let was = match &old {
            Some(entry) => Some(entry.stands),
            None if was_current => Some(Stands { state: State::Current, reason: Some(Reason::UpToDate) }),
            None => None,
        };
        if let Some(Stands { state, reason }) = was {
            self.states[state as usize] -= 1;
            reason.filter(|_| old.is_some()).inspect(|reason| self.reasons[*reason as usize] -= 1);
        }
        let shows_other = stands.is_some() && old.as_ref().is_some_and(|old| old.shown != shown);
        let pending = old.as_ref().and_then(|old| Some(old.pending.as_ref()?.since));
        if let Some(since) = pending {
            self.pending.remove(&(since, target.clone()));
        }
        match stands {
            None => {}
            Some(Stands { state: State::Current, .. }) => drop(self.current.insert(fingerprint)),
            Some(stands) => {
                let same = old.as_ref().filter(|old| old.stands.state == stands.state);
                let since = same.map_or(now, |old| old.since);
                let pending = is_pending.then(|| Box::new(Pending { since: pending.unwrap_or(now), cause }));
                self.pending.extend(pending.as_ref().map(|pending| (pending.since, target.clone())));
                stands.reason.inspect(|reason| self.reasons[*reason as usize] += 1);
                self.others.insert(target.clone(), Entry { stands, since, pending, shown });
            }
        }
        stands.inspect(|stands| self.states[stands.state as usize] += 1);
        if was != stands || shows_other {
            self.note(&target, stands);
        }
    }

    fn note(&mut self, target: &TargetKey, stands: Option<Stands>) {
        self.last += 1;
        if self.journal.len() == REMEMBERED {
            self.journal.pop_front();
        }
        self.journal.push_back(Change { number: self.last, target: target.clone(), stands });
    }

    /// How many targets have this state.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.states[state as usize]
    }

    /// How many targets are not current for this reason.
    #[must_use]
    pub fn count_because(&self, reason: Reason) -> usize {
        self.reasons[reason as usize]
    }

    /// The state of a target that is not current, and since when; `None`: it is current, no target, or was never decided about.
    #[must_use]
    pub fn of(&self, target: &TargetKey) -> Option<(Stands, Moment)> {
        self.others.get(target).map(|entry| (entry.stands, entry.since))
    }

    /// The target that has been pending for longest, and since when.
    #[must_use]
    pub fn oldest_pending(&self) -> Option<(Moment, &TargetKey)> {
        self.pending.first().map(|(since, target)| (*since, target))
    }

    /// Every target of the graph, and those that stand here though nothing names them any more: of a change that found no room in the queue,
    /// or came while another controller led, the names that it took away are remembered here alone.
    #[must_use]
    pub(super) fn all_targets(&self, graph: &Graph) -> Vec<TargetKey> {
        let mut all = graph.all_targets();
        let mut gone: Vec<TargetKey> = Vec::new();
        // Both are in the order of the names.
        let mut named = all.iter().peekable();
        for target in self.others.keys() {
            while named.next_if(|named| *named < target).is_some() {}
            if named.peek() != Some(&target) {
                gone.push(target.clone());
            }
        }
        all.append(&mut gone);
        all
    }

    /// The number of the last change; 0: there was none.
    #[must_use]
    pub fn last_change(&self) -> u64 {
        self.last
    }

    /// The changes after the one with this number; `None`: some of them are not remembered any more.
    #[must_use]
    pub fn changes_since(&self, number: u64) -> Option<impl Iterator<Item = &Change>> {
        let missed = self.last.checked_sub(number).and_then(|missed| usize::try_from(missed).ok())?;
        let seen = self.journal.len().checked_sub(missed)?;
        Some(self.journal.iter().skip(seen))
    }

    /// For how many targets something is kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.others.len() + self.current.len()
    }
}

/// Takes a fingerprint as it is.
#[derive(Debug, Default)]
struct Fingerprint(u64);

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_replicator_core::decide::{Need, Verdict};
    use k8s_replicator_core::names::Key;

    use super::*;

    fn target(name: &str) -> TargetKey {
        Key::new("ns", name).unwrap().into()
    }

    fn verdict(reason: Reason) -> Verdict {
        Verdict { reason, source: None, detail: None }
    }

    fn seconds(seconds: u64) -> Moment {
        Duration::from_secs(seconds)
    }

    const READS: fn() -> Decision<'static> = || Decision::Need(Need::Content(Key::new("ns", "source").unwrap()));

    /// `1`: what is shown.
    struct Tracked(Standing, u64);

    impl Tracked {
        fn decided(&mut self, now: u64, name: &str, decision: &Decision<'_>) {
            let cause = || Some(Cause { seen: seconds(now) });
            self.0.decided(seconds(now), &target(name), decision, || self.1, cause);
        }

        fn nothing(&mut self, now: u64, name: &str, reason: Reason) {
            self.decided(now, name, &Decision::Nothing(verdict(reason)));
        }

        fn counts(&self) -> [usize; 5] {
            State::ALL.map(|state| self.0.count(state))
        }

        fn changes(&self, since: u64) -> Vec<String> {
            let shown = |change: &Change| {
                let stands = change.stands.map(|Stands { state, reason }| format!("{state} {reason:?}"));
                format!("{} {}", change.target.name(), stands.unwrap_or("gone".to_owned()))
            };
            self.0.changes_since(since).unwrap().map(shown).collect()
        }
    }

    #[test]
    fn a_target_is_pending_until_it_is_written_however_often_that_fails() {
        let mut standing = Tracked(Standing::default(), 0);
        standing.nothing(1, "a", Reason::UpToDate);
        assert_eq!((standing.counts(), standing.0.oldest_pending()), ([1, 0, 0, 0, 0], None));
        standing.decided(10, "a", &READS());
        assert_eq!(standing.0.oldest_pending(), Some((seconds(10), &target("a"))));
        standing.0.failed(seconds(11), &target("a"), Reason::Forbidden);
        // The retry does not change its state.
        standing.decided(20, "a", &READS());
        assert_eq!(standing.counts(), [0, 0, 0, 0, 1]);
        assert_eq!(
            (standing.0.count_because(Reason::Forbidden), standing.0.oldest_pending().unwrap().0),
            (1, seconds(10))
        );
        assert_eq!(standing.0.of(&target("a")).unwrap().1, seconds(11), "it has failed since then");
        assert_eq!(
            standing.0.written(&target("a")),
            Some(Cause { seen: seconds(10) }),
            "of the change, not of the attempt"
        );
        assert_eq!(standing.0.written(&target("a")), None);
        standing.nothing(21, "a", Reason::UpToDate);
        assert_eq!((standing.counts(), standing.0.oldest_pending()), ([1, 0, 0, 0, 0], None));
        assert_eq!(standing.0.count_because(Reason::Forbidden), 0);
        assert_eq!(
            standing.changes(0),
            ["a current Some(UpToDate)", "a waiting None", "a failing Some(Forbidden)", "a current Some(UpToDate)"]
        );
        assert_eq!(standing.changes(3), ["a current Some(UpToDate)"]);
    }

    #[test]
    fn what_is_shown_of_a_target_changes_also_while_it_stands_as_before() {
        let mut standing = Tracked(Standing::default(), 1);
        standing.nothing(1, "refused", Reason::Loop);
        standing.decided(1, "failing", &READS());
        standing.0.failed(seconds(2), &target("failing"), Reason::Forbidden);
        standing.nothing(2, "current", Reason::UpToDate);
        let before = standing.0.last_change();
        // Each has another source now.
        standing.1 = 2;
        for _ in 0..2 {
            standing.nothing(3, "refused", Reason::Loop);
            standing.decided(3, "failing", &READS());
            standing.0.failed(seconds(4), &target("failing"), Reason::Forbidden);
            // To get another one it has to be written.
            standing.nothing(3, "current", Reason::UpToDate);
        }
        assert_eq!(standing.changes(before), ["refused refused Some(Loop)", "failing failing Some(Forbidden)"]);
        let since = |name| standing.0.of(&target(name)).unwrap().1;
        assert_eq!((since("refused"), since("failing")), (seconds(1), seconds(2)));
    }

    #[test]
    fn what_is_held_refused_or_waits_for_others_is_not_pending() {
        let mut standing = Tracked(Standing::default(), 0);
        for (name, reason) in [
            ("held", Reason::HeldByOnce),
            ("refused", Reason::Loop),
            ("waits", Reason::SourceMissing),
            ("none", Reason::NotATarget),
            ("nowhere", Reason::NamespaceMissing),
        ] {
            standing.nothing(1, name, reason);
        }
        assert_eq!((standing.counts(), standing.0.oldest_pending(), standing.0.kept()), ([0, 1, 1, 1, 0], None, 3));
        // One that is no target any more leaves nothing.
        for name in ["held", "refused", "waits"] {
            standing.nothing(2, name, Reason::NotWanted);
        }
        assert_eq!((standing.counts(), standing.0.kept(), standing.0.last_change()), ([0; 5], 0, 6));
    }

    /// A replica has 0.3 KiB in all, of which the graph takes 300 bytes (`core/tests/memory.rs`).
    #[test]
    fn a_current_target_takes_few_bytes() {
        const TARGETS: usize = 100_000;
        let mut standing = Tracked(Standing::default(), 0);
        for n in 0..TARGETS {
            standing.decided(1, &format!("t-{n}"), &READS());
            standing.nothing(2, &format!("t-{n}"), Reason::UpToDate);
        }
        // A table has 8 places for 7 entries, each with a byte beside it.
        let bytes = standing.0.current.capacity() * 8 / 7 * (size_of::<u64>() + 1);
        assert!(bytes / TARGETS <= 15, "{bytes}");
        assert_eq!(
            (standing.0.others.len(), standing.0.pending.len(), standing.counts()),
            (0, 0, [TARGETS, 0, 0, 0, 0])
        );
    }

    /// A million targets that had the same hash would be looked through one by one.
    #[test]
    fn a_fingerprint_is_its_own_hash() {
        let hash = |fingerprint: u64| BuildHasherDefault::<Fingerprint>::default().hash_one(fingerprint);
        assert_eq!([2, 3, u64::MAX].map(hash), [2, 3, u64::MAX]);
    }

    /// Ten ConfigMaps whose 16 names are pushed to 1,000 namespaces, and refused, are 160,000 targets.
    #[test]
    fn a_refused_target_takes_few_bytes() {
        let mut standing = Tracked(Standing::default(), 1);
        for n in 0..1_000 {
            standing.decided(1, &format!("t-{n}"), &READS());
            standing.nothing(2, &format!("t-{n}"), Reason::KeyMissing);
        }
        let Standing { others, pending, .. } = &standing.0;
        assert_eq!((others.len(), pending.len(), standing.counts()), (1_000, 0, [0, 0, 0, 1_000, 0]));
        assert!(others.values().all(|entry| entry.pending.is_none()));
        assert!(size_of::<(TargetKey, Entry)>() <= 56, "{}", size_of::<(TargetKey, Entry)>());
    }

    /// What nothing names any more has to be decided about once more: else it would count as refused for ever.
    #[test]
    fn all_targets_are_those_of_the_graph_and_those_that_stand_here() {
        let mut graph = Graph::default();
        graph.begin_list();
        for name in ["c", "a", "e"] {
            let metadata = serde_json::json!({ "namespace": "ns", "name": name, "uid": "u", "resourceVersion": "1",
                "annotations": { "p/replicate-from": "x/y" } });
            let object = serde_json::json!({ "metadata": metadata }).to_string();
            let dialect = k8s_replicator_core::annotations::Dialect::new("p/", false);
            drop(graph.observe(k8s_replicator_core::observed::Observed::from_json(&object, &dialect).unwrap()));
        }
        let mut standing = Tracked(Standing::default(), 0);
        for name in ["b", "c", "e", "f"] {
            standing.nothing(1, name, Reason::Loop);
        }
        standing.nothing(1, "current", Reason::UpToDate);
        assert_eq!(standing.0.all_targets(&graph), ["a", "c", "e", "b", "f"].map(target));
    }

    #[test]
    fn the_journal_is_bounded_and_says_what_it_has_forgotten() {
        let mut standing = Tracked(Standing::default(), 0);
        let all = REMEMBERED as u64 + 10;
        for n in 0..all {
            standing.nothing(n, &format!("t-{n}"), Reason::UpToDate);
        }
        assert_eq!(standing.0.last_change(), all);
        assert!(standing.0.changes_since(9).is_none() && standing.0.changes_since(all + 1).is_none());
        assert_eq!(standing.0.changes_since(10).unwrap().count(), REMEMBERED);
        assert_eq!(standing.0.changes_since(all).unwrap().count(), 0);
        // The same state again is no change.
        standing.nothing(all, "t-0", Reason::UpToDate);
        assert_eq!(standing.0.last_change(), all);
    }
}
