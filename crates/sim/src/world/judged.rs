//! TRUSTED: what is asked of each request and of each write of a controller, when it happens.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use super::network::{Pipe, Sender, Watched};
use super::{Violation, World, described};
use crate::api::admission::{Effect, Policy};
use crate::api::object::{Id, Object, Resource};
use crate::api::store::State;
use crate::properties::{self, Allowed, MORE_WITH_CACHES, MOST_AT_ONCE, MOST_PER_STIMULUS, MOST_TAKEN_BACK};

/// The last write of a controller to an object.
pub(super) struct Written {
    slot: usize,
    before: Option<Rc<Object>>,
    /// How many changes by others there had been.
    others: usize,
    /// How many writes in a row, up to this one, took back another controller's.
    taken_back: usize,
}

/// A removal, as the removal limit counts it.
struct Removal {
    /// The start of a controller, and the source.
    because_of: (u64, Id),
    /// All of them within the limit's window, and when each was sent.
    within: BTreeMap<Id, Duration>,
    is_one_too_many: bool,
}

impl World {
    /// Counts a request, and whether there were too many of its kind.
    pub(super) fn count(&mut self, what: &str) -> Result<(), Violation> {
        const WINDOW: Duration = Duration::from_secs(1);
        self.requests += 1;
        if self.faults_ended.is_some() {
            *self.requests_of.entry(what.to_owned()).or_default() += 1;
        }
        let now = self.now;
        let recent = |at: &Duration| now.saturating_sub(*at) < WINDOW;
        while self.stimuli.front().is_some_and(|at| !recent(at)) {
            self.stimuli.pop_front();
        }
        if !self.asked.contains_key(what) {
            self.asked.insert(what.to_owned(), VecDeque::new());
        }
        let Some(times) = self.asked.get_mut(what) else { return Ok(()) };
        while times.front().is_some_and(|at| !recent(at)) {
            times.pop_front();
        }
        times.push_back(now);
        let more = if self.setting.stale_reads { MORE_WITH_CACHES } else { 0 };
        let most = (MOST_AT_ONCE + more + MOST_PER_STIMULUS * self.stimuli.len()) * self.processes.len();
        if times.len() > most {
            return Err(Violation::new(
                "hot loop",
                format!("{what} was asked for {} times within a second", times.len()),
            ));
        }
        Ok(())
    }

    /// Something happens that may cause requests.
    pub(super) fn stimulus(&mut self) {
        self.stimuli.push_back(self.now);
    }

    /// Judges a write of a controller, after it took effect or failed.
    pub(super) fn judge(
        &mut self,
        by: Sender,
        id: &Id,
        before: Option<&Rc<Object>>,
        sent: Duration,
    ) -> Result<(), Violation> {
        let after = self.store.get(id).cloned();
        if before.map(Rc::as_ptr) == after.as_ref().map(Rc::as_ptr) {
            return Ok(());
        }
        self.writes += 1;
        self.last_write = self.now;
        self.look_for_a_fight(by, id, before, after.as_ref())?;
        let was_there =
            |after: &Rc<Object>| after.deleted.is_none() || before.is_some_and(|before| before.deleted.is_some());
        let after = after.filter(was_there);
        if let Some(after) = &after {
            let shows =
                after.annotations.values().any(|value| properties::shows_a_value(&String::from_utf8_lossy(value)))
                    || after.labels.values().any(|value| properties::shows_a_value(value));
            if shows {
                return Err(Violation::new("secrecy", format!("an annotation of {id} shows a value")));
            }
        }
        let write = properties::Write {
            at: self.now,
            target: id,
            before,
            after: after.as_ref(),
            started: by.started,
            known: by.known,
            has_watches: by.has_watches,
            gaps: self.gaps.get(&by.start).and_then(|gaps| gaps.get(..by.gaps)).unwrap_or_default(),
            flags: &self.setting.controllers[by.slot],
        };
        // The key and the label that webhooks add may be their own, or a source's that has them from there.
        let labelless = after.as_ref().and_then(|after| without_label(after, before, &self.policies));
        let both = [after.as_ref(), labelless.as_ref()].map(|it| without_injected(it?, &self.policies));
        let is_allowed = |before: Option<&Rc<Object>>, after: Option<&Rc<Object>>| {
            properties::is_allowed(&self.store.history, &properties::Write { before, after, ..write })
        };
        let as_sent = || both.iter().chain([&labelless]).flatten().find_map(|it| is_allowed(before, Some(it)));
        // What the webhook had added before may be there still, and the data is as it was.
        let without_it = before.and_then(|before| without_injected(before, &self.policies));
        let as_it_was = || both.iter().flatten().find_map(|it| is_allowed(Some(without_it.as_ref()?), Some(it)));
        match is_allowed(before, after.as_ref()).or_else(as_sent).or_else(as_it_was) {
            Some(Allowed::Other) => return Ok(()),
            Some(Allowed::Removal(source)) => {
                let removal = self.removal(by, id, source, sent);
                let many = removal.as_ref().is_some_and(|removal| removal.is_one_too_many);
                if many && properties::is_no_removal(&self.store.history, &write) {
                    return Ok(());
                }
                return removal.map_or(Ok(()), |removal| self.count_removal(removal));
            }
            // It pulls from what a webhook changed, and no controller can know that: but for the data it is as SPEC wants it.
            None if self.is_believed(id) => return Ok(()),
            None => {}
        }
        let wish =
            crate::spec::wish(&self.store.history[self.store.history.len().saturating_sub(2)].1, write.flags, id);
        let what = format!(
            "{id} was written, and SPEC wants that in no state that there was.\n  before: {}\n  after:  {}\n  wanted: {wish:?}",
            described(before.map(|before| &**before)),
            described(after.as_deref())
        );
        Err(Violation::new("safety", what))
    }

    /// What the removal limit counts of a write that takes something away; `None`: there is no limit.
    fn removal(&self, by: Sender, id: &Id, source: Id, sent: Duration) -> Option<Removal> {
        let flags = &self.setting.controllers[by.slot];
        let limit = flags.removal_limit?;
        let window = flags.removal_delay.max(properties::SHORTEST_WINDOW);
        let because_of = (by.start, source);
        let mut within = self.removed.get(&because_of).cloned().unwrap_or_default();
        within.insert(id.clone(), sent);
        within.retain(|_, at| sent.saturating_sub(*at) < window);
        Some(Removal { is_one_too_many: within.len() > limit, because_of, within })
    }

    /// Whether more is taken away because of one source, by one start of a controller, than the removal limit allows.
    fn count_removal(&mut self, removal: Removal) -> Result<(), Violation> {
        let Removal { because_of, within, is_one_too_many } = removal;
        if is_one_too_many {
            return Err(Violation::new("many at once", format!("{within:?} were removed because of {}", because_of.1)));
        }
        self.removed.insert(because_of, within);
        Ok(())
    }

    /// Whether controllers with equal flags take back each other's writes.
    fn look_for_a_fight(
        &mut self,
        by: Sender,
        id: &Id,
        before: Option<&Rc<Object>>,
        after: Option<&Rc<Object>>,
    ) -> Result<(), Violation> {
        let misses_an_event = self.lost.is_some_and(|at| self.now <= at + 2 * self.setting.resync_period);
        // One whose watch is away does not know what the other one does, until it lists again.
        let all_watch = self.all_watch();
        let knows_the_same = !self.setting.stale_reads
            && self.restored.is_none()
            && !misses_an_event
            && all_watch
            && self.has_known_namespaces();
        // What a webhook puts into each write looks as if the other controller had not written.
        let is_changed = self.policies.iter().any(|policy| injects(policy, id));
        if !self.setting.are_equal() || self.processes.len() < 2 || !knows_the_same || is_changed {
            return Ok(());
        }
        let others = self.store.history.len() - self.writes;
        let last = self.written.get(id).filter(|last| last.slot != by.slot && last.others == others);
        let taken_back = match last {
            Some(last) if is_as_before(last.before.as_deref(), after.map(|after| &**after)) => last.taken_back + 1,
            _ => 0,
        };
        let slot = by.slot;
        self.written.insert(id.clone(), Written { slot, before: before.cloned(), others, taken_back });
        // One may have seen a change of a Namespace that the other one has not (seed 10252874).
        if taken_back <= MOST_TAKEN_BACK || self.have_namespaces_just_changed() {
            return Ok(());
        }
        Err(Violation::new("fight", format!("{id}: two controllers take back each other's writes")))
    }

    /// Whether a controller knows each object by its watches, and by responses about that object alone.
    pub(super) fn knows_by_watches(&self, slot: usize, start: u64) -> bool {
        !self.setting.stale_reads
            && self.lost.is_none()
            && self.restored.is_none()
            && self.setting.controllers[slot].namespaces.is_empty()
            && self.watches(slot, start)
    }

    /// Whether a start of a controller has all its watches. (Streams that it has given up may still be open.)
    fn watches(&self, slot: usize, start: u64) -> bool {
        let is_open = |pipe: &&Pipe| pipe.sender.start == start && pipe.stream.is_some();
        let watched: BTreeSet<&Watched> =
            self.pipes.iter().filter(is_open).filter_map(|pipe| pipe.watched.as_ref()).collect();
        watched.len() >= self.setting.watches_of(slot)
    }

    /// Whether every controller has all its watches.
    pub(super) fn all_watch(&self) -> bool {
        let mut all = self.processes.iter().enumerate();
        all.all(|(slot, process)| process.as_ref().is_none_or(|process| self.watches(slot, process.start)))
    }

    /// Whether a Namespace changed so lately that it may be on its way to one of the controllers.
    fn have_namespaces_just_changed(&self) -> bool {
        const LATELY: Duration = Duration::from_secs(5);
        let (history, now) = (&self.store.history, namespaces(&self.store.live));
        let before = history.iter().rposition(|(_, state)| namespaces(state) != now);
        before.and_then(|before| history.get(before + 1)).is_some_and(|(at, _)| *at + LATELY > self.now)
    }

    /// Whether controllers that read their Namespaces one by one have read all of them since the last change, without a fault.
    fn has_known_namespaces(&self) -> bool {
        if self.setting.controllers.iter().all(|flags| flags.namespaces.is_empty()) {
            return true;
        }
        let since = self.now.saturating_sub(properties::NAMESPACES_READ_WITHIN);
        let history = &self.store.history;
        let first = history.iter().rposition(|(at, _)| *at <= since).unwrap_or(0);
        let now = namespaces(&self.store.live);
        let is_calm = self.faults_ended.is_some_and(|at| at <= since);
        is_calm && history[first..].iter().all(|(_, state)| namespaces(state) == now)
    }
}

/// The versions of all Namespaces.
fn namespaces(state: &State) -> Vec<u64> {
    state.iter().filter(|(id, _)| id.resource == Resource::Namespace).map(|(_, object)| object.version).collect()
}

/// Whether an object is as it was, but for versions, owners and times.
fn is_as_before(before: Option<&Object>, after: Option<&Object>) -> bool {
    let plain = |object: Option<&Object>| {
        object.map(|object| {
            let mut notes = object.annotations.clone();
            notes.remove(&format!("{}replicated-at", crate::spec::PREFIX));
            (object.type_.clone(), object.data.clone(), object.binary_data.clone(), notes)
        })
    };
    plain(before) == plain(after)
}

/// A written object without the label that a webhook of its namespace added; `None`: none did.
fn without_label(after: &Rc<Object>, before: Option<&Rc<Object>>, policies: &[Policy]) -> Option<Rc<Object>> {
    let adds = |policy: &Policy| policy.namespace == after.id.namespace && policy.effect == Effect::AddLabel;
    let had_it = before.is_some_and(|before| before.labels.contains_key("seen-by"));
    let is_changed = !had_it && policies.iter().any(adds);
    let mut object = (**is_changed.then_some(after)?).clone();
    object.labels.remove("seen-by")?;
    Some(Rc::new(object))
}

fn injects(policy: &Policy, id: &Id) -> bool {
    policy.namespace == id.namespace && policy.effect == Effect::ChangeData
}

/// A written object without the data that a webhook of its namespace added; `None`: none did.
fn without_injected(after: &Rc<Object>, policies: &[Policy]) -> Option<Rc<Object>> {
    let is_changed = policies.iter().any(|policy| injects(policy, &after.id));
    let mut object = (**is_changed.then_some(after)?).clone();
    object.data.remove("injected")?;
    Some(Rc::new(object))
}
