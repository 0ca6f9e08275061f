//! TRUSTED: the end of a run: faults end, everything is delivered, and time passes until nothing happens any more.

use std::collections::BTreeSet;
use std::time::Duration;

use super::process::Process;
use super::users::Act;
use super::{Crowd, Violation, World};
use crate::api::admission::{Effect, Policy};
use crate::api::object::Id;
use crate::api::store::State;
use crate::load::queue_of;
use crate::properties::{
    CONVERGES_WITHIN, CROWD, LONGEST_SILENCE, LONGEST_WAIT, MOST_A_MINUTE, MOST_AT_REST, NAMESPACES_READ_WITHIN,
    PROMPTLY, RESTORE_NOTICED_WITHIN, STAYS_FOR, differs_in_data_alone, has_to_be_told, is_refused_for_ever,
    most_events_of_one, named_by, not_as_wanted, waits_for_its_delay,
};
use crate::spec::{PREFIX, Wish, is_made_by_controller, is_written_by_controller_alone, targets, wish};

/// The longest removal delay that the simulation's flags and users ask for, and what it takes to write.
const LONGEST_DELAY: Duration = Duration::from_secs(35);
/// The longest pause after a refused write: 90 s, and a quarter.
const LONGEST_PAUSE: Duration = Duration::from_secs(113);
/// How long policies and rivals stay in force after the other faults.
const WITH_REFUSALS: Duration = Duration::from_secs(420);

impl World {
    /// Lets the world come to rest, with policies and rivals in force first, and then without.
    ///
    /// # Errors
    /// When a property does not hold.
    pub fn settle(&mut self) -> Result<(), Violation> {
        self.tell(|| "faults end".to_owned());
        self.faults_ended = Some(self.now);
        for process in self.processes.iter_mut().flatten() {
            process.is_cut_off = false;
        }
        self.proxies.fill(None);
        self.without_role.clear();
        self.start_all();
        (0..20).for_each(|_| self.stimulus());
        self.look_for_delays()?;
        if !self.policies.is_empty() || !self.rivals.is_empty() {
            self.run_until(self.now + Duration::from_secs(60), false)?;
            self.requests_of.clear();
            self.run_until(self.now + WITH_REFUSALS, false)?;
            self.look_for_silence(false)?;
            self.look_for_heat(WITH_REFUSALS)?;
            self.look_for_full_queues()?;
            self.tell(|| "policies and rivals end".to_owned());
            self.policies.clear();
            self.rivals.clear();
            // A label that a mutating webhook added stays, which is harmless.
        }
        self.look_for_early_silence()?;
        if self.restored.is_some() {
            // All can be as wanted before a controller notices the restore, and that controller acts on what it knew before (seed 19575).
            self.run_until(self.now + RESTORE_NOTICED_WITHIN, false)?;
        }
        if let Some(lost) = self.lost {
            // Of two controllers one may know less than the other until then, and they take back each other's writes.
            self.run_until(lost + 2 * self.setting.resync_period, false)?;
        }
        if self.setting.controllers.iter().any(|flags| !flags.namespaces.is_empty()) {
            // A controller acts on what its Namespaces were when it read them last.
            self.run_until(self.now + NAMESPACES_READ_WITHIN, false)?;
        }
        let is_one = self.setting.are_equal();
        let end = self.now + CONVERGES_WITHIN;
        self.requests_of.clear();
        self.run_until(end, is_one)?;
        if !is_one {
            // What one takes for wrong the other puts right: less and less often (SPEC 9.14).
            return self.look_for_heat(CONVERGES_WITHIN);
        }
        self.look_at_all()?;
        // A standby reads the Lease twice a second all the time.
        let stays_for = if self.setting.leader_elect { STAYS_FOR / 8 } else { STAYS_FOR };
        self.requests_of.clear();
        let refused = self.refused;
        self.run_until(self.now + stays_for, false)?;
        // What the API server can never accept is tried again and again, less and less often.
        if self.refused == refused {
            self.look_for_requests_at_rest(stays_for)?;
        }
        self.look_at_all()?;
        if self.last_write + stays_for > self.now && self.last_write > self.calm_since {
            return Err(Violation::new(
                "quiescence",
                format!("all was as wanted, and something was written at {:?}", self.last_write),
            ));
        }
        self.look_for_the_untold()?;
        self.look_for_full_queues()?;
        self.look_for_changed_namespaces()?;
        self.look_for_waiting()
    }

    /// Where nothing but users' work happened, all is soon as wanted; only what a source's silence takes away may wait for its delay.
    fn look_for_delays(&mut self) -> Result<(), Violation> {
        // A lease may have to run out first, and Namespaces that are read one by one have to be read.
        let has_delays = self.setting.leader_elect || !self.setting.controllers[0].namespaces.is_empty();
        if self.was_disturbed || self.setting.stale_reads || !self.setting.are_equal() || has_delays {
            return Ok(());
        }
        self.run_until(self.now + PROMPTLY, false)?;
        if self.failures > 0 {
            return Ok(());
        }
        let flags = &self.setting.controllers[0];
        let state = &self.store.live;
        let wrong = not_as_wanted(&self.store.history, state, flags);
        let late = wrong
            .into_iter()
            .find(|(id, _)| !waits_for_its_delay(state, flags, id) && !is_refused_for_ever(state, flags, id));
        match late {
            None => Ok(()),
            Some((id, problem)) => {
                Err(Violation::new("promptness", format!("{id}, {PROMPTLY:?} after the last change: {problem}")))
            }
        }
    }

    /// Soon after the faults what is not as wanted yet was reported, or waits for its delay, and has a time.
    fn look_for_early_silence(&mut self) -> Result<(), Violation> {
        const SOON: Duration = Duration::from_secs(40);
        // (A request that is never answered fails after 30 s.) One that knows less than there was has nothing to report yet.
        let may_not_know = self.setting.stale_reads || self.restored.is_some() || self.lost.is_some();
        let is_scoped = !self.setting.controllers[0].namespaces.is_empty();
        if may_not_know || is_scoped || self.setting.leader_elect || !self.setting.are_equal() {
            return Ok(());
        }
        self.run_until(self.now + SOON, false)?;
        // Lists that failed are tried again after a while.
        if self.all_watch() { self.look_for_silence(true) } else { Ok(()) }
    }

    /// While all is as wanted nothing is requested but what verification and watches need.
    fn look_for_requests_at_rest(&self, rested: Duration) -> Result<(), Violation> {
        let period = self.setting.resync_period.as_secs();
        let rounds = rested.as_secs().checked_div(period).map_or(0, |rounds| rounds + 1);
        let most = usize::try_from(MOST_AT_REST * (rounds + 2)).unwrap_or(usize::MAX) * self.processes.len();
        // Candidates read the Lease all the time, and Namespaces that `--namespaces` names are read one by one instead of watched.
        let is_polled = |path: &str| {
            path.contains("/leases") || path.starts_with("/api/v1/namespaces/") && path.split('/').count() == 5
        };
        let mut of_others = self.requests_of.iter().filter(|(path, _)| !is_polled(path));
        // Events may have waited for minutes where they were refused.
        let waited = |path: &str| if path.starts_with("events of ") { most_events_of_one(Duration::ZERO) } else { 0 };
        match of_others.find(|(path, requests)| **requests > most + waited(path)) {
            None => Ok(()),
            Some((path, requests)) => {
                let what = format!("{path} was requested {requests} times in {rested:?}, while all was as wanted");
                Err(Violation::new("rest", what))
            }
        }
    }

    /// Lets everything that is under way arrive, and this time pass, without faults.
    ///
    /// # Errors
    /// When a property does not hold.
    pub fn rest(&mut self, time: Duration) -> Result<(), Violation> {
        self.run_until(self.now + time, false)
    }

    /// With `--namespaces`: what becomes of these Namespaces is seen when it is time. Those that are missing come, and labels change.
    fn look_for_changed_namespaces(&mut self) -> Result<(), Violation> {
        let named = self.setting.controllers[0].namespaces;
        if named.is_empty() || self.was_opposed {
            return Ok(());
        }
        for namespace in named {
            self.make_namespace(namespace);
            let id = Id::of_namespace(namespace);
            let has_label = self.store.get(&id).is_some_and(|object| object.labels.contains_key("env"));
            self.act(&Act::Label(id, "env", if has_label { None } else { Some("prod") }));
            self.stimulus();
        }
        // A write that was refused before is tried again after its pause, whatever is wanted now (seed 10188104).
        self.run_until(self.now + NAMESPACES_READ_WITHIN + LONGEST_DELAY.max(LONGEST_PAUSE), false)?;
        self.look_at_all()
    }

    /// Many targets of one source, and then a single one elsewhere: it must not wait for them.
    fn look_for_waiting(&mut self) -> Result<(), Violation> {
        // After a restore of etcd a watch may be ahead of it, which is noticed after minutes.
        let can_wait = self.setting.stale_reads || self.restored.is_some();
        let Some(kind) = self.setting.crowd.filter(|_| !can_wait) else { return Ok(()) };
        let in_the_way = match kind {
            Crowd::Served => None,
            Crowd::Hangs => Some(Effect::Hang),
            Crowd::Denied => Some(Effect::Deny(503, Some(60))),
        };
        let resource = self.setting.resources[0];
        let crowd: Vec<String> = match in_the_way.is_some() {
            true => (0..CROWD).map(|n| format!("crowd/c{n}")).collect(),
            false => (0..CROWD).map(|n| format!("n{n}/c")).collect(),
        };
        for target in crowd.iter().map(|target| &**target).chain(["small/small"]) {
            self.make_namespace(target.split('/').next().unwrap_or_default());
            self.stimulus();
        }
        self.policies.extend(in_the_way.map(|effect| Policy { namespace: "crowd".to_owned(), effect }));
        self.run_until(self.now + Duration::from_secs(60), false)?;
        let push = |name: &str, to: String| Act::Put {
            id: Id::new(resource, "a", name),
            type_: "Opaque",
            data: 1,
            annotations: vec![(format!("{PREFIX}replicate-to"), to)],
            immutable: false,
            finalizer: false,
            manager: "kubectl-client-side-apply",
        };
        self.act(&push("crowd", crowd.join(",")));
        self.run_for(if in_the_way.is_some() { Duration::from_secs(10) } else { Duration::from_millis(50) })?;
        self.act(&push("small", "small/small".to_owned()));
        self.run_for(LONGEST_WAIT)?;
        match self.store.get(&Id::new(resource, "small", "small")) {
            Some(_) => Ok(()),
            // A verification began just then, and its list shows the object (seed 10195947).
            None if !self.all_watch() => Ok(()),
            None => Err(Violation::new("waiting", format!("small/small is not there after {LONGEST_WAIT:?}"))),
        }
    }

    /// All that is under way goes on side by side, for this time.
    fn run_for(&mut self, time: Duration) -> Result<(), Violation> {
        let end = self.now + time;
        for round in 0_usize.. {
            if self.now >= end {
                break;
            }
            self.poll_all()?;
            if round.is_multiple_of(8) {
                for server in &mut self.servers {
                    server.catch_up(&self.store, usize::MAX);
                }
                for at in (0..self.pipes.len()).rev() {
                    if self.has_events(at) {
                        self.flow(at, super::step::Flow::All);
                    }
                }
            } else if !self.deliver_something(false)? {
                let next = self.processes.iter().flatten().map(|process| process.wakes).min();
                self.now = self.now.max(next.unwrap_or(end).min(end)) + Duration::from_millis(1);
            }
        }
        Ok(())
    }

    fn look_at_all(&self) -> Result<(), Violation> {
        let flags = &self.setting.controllers[0];
        let wrong = not_as_wanted(&self.store.history, &self.store.live, flags);
        let can_be_mended = |id: &Id| {
            !is_refused_for_ever(&self.store.live, flags, id)
                && !self.is_believed(id)
                && !self.is_of_a_believed_type(id)
        };
        let Some((id, problem)) = wrong.into_iter().find(|(id, _)| can_be_mended(id)) else { return Ok(()) };
        let object = self.store.get(&id).map(|object| &**object);
        Err(Violation::new("convergence", format!("{id}: {problem}\n  it is: {}", super::described(object))))
    }

    /// Whether the controller made the object of a type that its creator had before etcd was restored, and was restarted since: as long as nothing is
    /// copied to it, it believes that what it made is of the right type (seed 10582779).
    fn is_of_a_believed_type(&self, id: &Id) -> bool {
        let is_to_be_remade = wish(&self.store.live, &self.setting.controllers[0], id) == Wish::Remade;
        let Some(object) = self.store.get(id).filter(|_| is_to_be_remade) else { return false };
        let had_its_type = |creator: &Id| {
            let mut states = self.store.history.iter().filter_map(|(_, state)| state.get(creator));
            states.any(|before| before.type_ == object.type_)
        };
        let all_started_since = |at: Duration| self.processes.iter().flatten().all(|process| process.started >= at);
        !object.immutable
            && is_made_by_controller(object)
            && self.restored.is_some_and(all_started_since)
            && named_by(object, "replicated-by").as_ref().is_some_and(had_its_type)
    }

    /// Whether a webhook changed the data of the object, or of one from which it pulls, and no controller can know it.
    pub(super) fn is_believed(&self, id: &Id) -> bool {
        const LONGEST_CHAIN: usize = 5;
        let from = |id: &Id| named_by(self.store.get(id)?, "replicate-from");
        let mut above = std::iter::successors(from(id), from).take(LONGEST_CHAIN);
        let flags = &self.setting.controllers[0];
        self.is_itself_believed(id)
            || (above.any(|id| self.is_itself_believed(&id)) && differs_in_data_alone(&self.store.live, flags, id))
    }

    /// Whether a webhook changed the object's data under the controller's own name, where no controller can know it: with a write of
    /// annotations alone, whose response shows no data; or another process wrote it, one that is no more or does not lead, and
    /// `managedFields` vouch for it (SPEC 9.15).
    fn is_itself_believed(&self, id: &Id) -> bool {
        let Some(object) = self.store.get(id).filter(|object| object.data.contains_key("injected")) else {
            return false;
        };
        let history = &self.store.history;
        let has_its_data = |state: &State| state.get(id).is_some_and(|it| it.data == object.data);
        let since = history.iter().rposition(|(_, state)| !has_its_data(state)).map_or(0, |at| at + 1);
        let before = since.checked_sub(1).and_then(|at| history[at].1.get(id)).map(|before| before.data.clone());
        let was_right = before.is_some_and(|mut data| {
            data.extend(object.data.get_key_value("injected").map(|(key, value)| (key.clone(), value.clone())));
            data == object.data
        });
        let at = history.get(since).map_or(self.now, |(at, _)| *at);
        // A standby saw what the leader wrote, and not the response to it (seed 14172771).
        let is_elected = self.setting.leader_elect;
        let wrote = |process: &Process| match is_elected {
            true => self.recorded.has_written(process.start, id),
            false => process.started < at,
        };
        let is_of_others = !self.processes.iter().flatten().any(wrote);
        was_right || (is_of_others && is_written_by_controller_alone(object))
    }

    /// Each target that is not as wanted was reported, and is looked at again.
    /// `may_wait`: what goes because a source is silent may wait for its delay, which nobody has to be told.
    fn look_for_silence(&self, may_wait: bool) -> Result<(), Violation> {
        let wrong = not_as_wanted(&self.store.history, &self.store.live, &self.setting.controllers[0]);
        for (id, problem) in wrong.into_iter().filter(|(id, _)| !self.is_believed(id)) {
            let waits = may_wait && waits_for_its_delay(&self.store.live, &self.setting.controllers[0], &id);
            let reported = waits || self.processes.iter().flatten().any(|process| process.reported.contains(&id));
            if !reported {
                return Err(Violation::new("silence", format!("{id}: {problem}, and nothing was reported")));
            }
            let next = self.processes.iter().flatten().filter_map(|process| process.decides_again_at(&id)).min();
            if next.is_none_or(|at| at > self.now + LONGEST_SILENCE) {
                let what = format!(
                    "{id}: {problem}, and no controller has a time within {LONGEST_SILENCE:?} to decide about it again"
                );
                return Err(Violation::new("silence", what));
            }
        }
        Ok(())
    }

    /// What is refused was reported: by each controller that runs, or by the one that leads.
    fn look_for_the_untold(&self) -> Result<(), Violation> {
        let flags = &self.setting.controllers[0];
        let is_replicated = |id: &Id| self.setting.resources.contains(&id.resource);
        let mut refused = self
            .store
            .live
            .iter()
            .filter(|(id, object)| is_replicated(id) && has_to_be_told(&self.store.live, flags, object));
        let is_told = |id: &Id| {
            let mut told =
                self.processes.iter().flatten().map(|it| it.reported.contains(id) || it.emptied.contains(id));
            if self.setting.leader_elect { told.any(|told| told) } else { told.all(|told| told) }
        };
        match refused.find(|(id, _)| !is_told(id)) {
            None => Ok(()),
            Some((id, object)) => {
                let what = format!("{id} was not reported\n  it is: {}", super::described(Some(object)));
                Err(Violation::new("told", what))
            }
        }
    }

    /// No more targets stand in a controller's queue than there are names: objects that there were, and those that a push may name.
    pub(super) fn look_for_full_queues(&self) -> Result<(), Violation> {
        let history = self.store.history.iter().flat_map(|(_, state)| state.keys().cloned());
        let most = history.chain(targets(&self.store.live)).collect::<BTreeSet<Id>>().len();
        for process in self.processes.iter().flatten() {
            let depth: usize = queue_of(&process.controller, self.now_of(process)).values().sum();
            if depth > most {
                return Err(Violation::new(
                    "bounds",
                    format!("{depth} targets stand in a queue, and there are {most} names"),
                ));
            }
        }
        Ok(())
    }

    /// No object was requested more often than [`MOST_A_MINUTE`], in the mean. (Candidates read the Lease twice a second, always.)
    fn look_for_heat(&self, time: Duration) -> Result<(), Violation> {
        let minutes = usize::try_from(time.as_secs() / 60).unwrap_or(1);
        let most = MOST_A_MINUTE * minutes * self.processes.len();
        let mut too_many =
            self.requests_of.iter().filter(|(path, requests)| **requests > most && !path.contains("/leases"));
        match too_many.next() {
            None => Ok(()),
            Some((path, requests)) => {
                Err(Violation::new("hot loop", format!("{path} was requested {requests} times in {minutes} minutes")))
            }
        }
    }

    /// Runs without faults. `until_calm`: only until every target is as wanted, at the latest until then.
    fn run_until(&mut self, end: Duration, until_calm: bool) -> Result<(), Violation> {
        const MOST_TURNS: usize = 60_000;
        for _ in 0..MOST_TURNS {
            self.poll_all()?;
            if self.deliver_something(true)? {
                continue;
            }
            if until_calm && self.look_at_all().is_ok() {
                self.calm_since = self.now;
                return Ok(());
            }
            let controllers = self.processes.iter().flatten().map(|process| process.wakes);
            let streams = self.pipes.iter().filter_map(|pipe| pipe.stream.as_ref()).map(|stream| stream.wakes());
            let next = controllers.chain(streams).min().unwrap_or(Duration::MAX);
            if next > end {
                self.now = self.now.max(end);
                self.calm_since = self.now;
                return Ok(());
            }
            self.now = self.now.max(next);
        }
        Err(Violation::new("quiescence", "it never comes to rest"))
    }

    /// One thing that is under way arrives, a millisecond later. False: nothing is.
    pub(super) fn deliver_something(&mut self, finalizes: bool) -> Result<bool, Violation> {
        self.now += Duration::from_millis(1);
        if let Some(at) = self.nth_sent(0) {
            self.carry(at, super::step::Fate::Fine)?;
            return Ok(true);
        }
        if let Some(at) = self.nth_answered(0) {
            self.arrive(at);
            return Ok(true);
        }
        let mut behind = false;
        for server in &mut self.servers {
            behind |= server.catch_up(&self.store, usize::MAX);
        }
        // In turns: none waits for what another one causes.
        let (count, first) = (self.pipes.len(), self.turn);
        for at in (0..count).map(|n| (first + n) % count) {
            if !self.is_cut_off(self.pipes[at].sender) && self.has_events(at) {
                self.turn = at + 1;
                self.flow(at, super::step::Flow::All);
                return Ok(true);
            }
        }
        if finalizes && self.finalize() {
            self.stimulus();
            return Ok(true);
        }
        self.now -= Duration::from_millis(1);
        Ok(behind)
    }
}
