//! Which reports become log lines, and when.
//!
//! - An action is a line.
//! - A refusal, a wait or advice is a line once for the same state of the object.
//! - A failure is a line at once, and then less and less often while it goes on: for each object, and for each cause.
//! - What happens to more than a few objects for the same cause within a moment is one line for all of them.
//! - An object whose state changes all the time has a few lines at once, and then one in ten minutes, with its last state.
//!
//! It has no clock: [`Reports::flush`] is called with the time, and [`Reports::wake_at`] says when there is something to say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_replicator_core::advice::Advice;
use k8s_replicator_core::bug;
use k8s_replicator_core::decide::{Verb, Verdict};
use k8s_replicator_core::names::{Key, SourceKey, TargetKey};
use k8s_replicator_core::reason::Reason;

use super::spacing::Spacing;
use super::{Others, Outcome, Report};
use crate::event::Moment;

/// When the same happens to many objects, so many of them have a line of their own.
const ALONE: usize = 3;
/// A line names so many of the other objects.
const NAMED: usize = 5;
/// An object may have so many lines about its state at once,
const STATES_AT_ONCE: u32 = 8;
/// and then one in this time.
const STATE_IN: Duration = Duration::from_secs(600);
/// With fewer entries than this, old ones are not removed.
const FEW: usize = 256;

/// The key by which reports are grouped: what happened, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cause {
    action: Action,
    reason: Reason,
    source: Option<SourceKey>,
    /// The message, without what differs from object to object.
    words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    Refuse,
    Wait,
    Advise,
    Read,
    Write(u8),
}

impl Action {
    /// Whether it is retried, and so reported again and again; other outcomes are reported once for each state.
    fn goes_on(self) -> bool {
        matches!(self, Self::Read | Self::Write(_))
    }
}

/// The reports of one cause.
#[derive(Debug, Default)]
struct Group {
    spacing: Spacing,
    /// How many lines about a single object there were since the cause was last quiet.
    alone: usize,
    /// The report about several objects, logged at the end of the moment.
    collected: Option<Report>,
}

/// What was reported about one object.
#[derive(Debug, Default)]
struct Object {
    /// Its state that was reported: a refusal, or what it waits for.
    state: Option<Verdict>,
    advice: Vec<Advice>,
    failure: Spacing,
    /// Reports that somebody else keeps changing it.
    fight: Spacing,
    /// The moment up to which its allowance for lines about states is used, if each line costs [`STATE_IN`].
    states_until: Moment,
    /// Its last state, to be reported when the allowance permits.
    held: Option<Report>,
    /// The sources that do not get its name, as they were reported.
    losers: Vec<Verdict>,
}

impl Object {
    fn is_over(&self, now: Moment) -> bool {
        self.state.is_none()
            && self.advice.is_empty()
            && self.losers.is_empty()
            && self.held.is_none()
            && self.states_until <= now
            && self.failure.is_over(now)
            && self.fight.is_over(now)
    }
}

/// Decides which reports are logged, and when.
#[derive(Debug)]
pub struct Reports {
    ready: Vec<Report>,
    /// The same for Events, one report for each object; `None`: Events are off.
    occurred: Option<Vec<Report>>,
    /// Whether the states that are reported now existed already before the program started.
    is_old: bool,
    objects: BTreeMap<TargetKey, Object>,
    groups: BTreeMap<Cause, Group>,
    /// When the groups' collected reports are logged.
    due: BTreeSet<(Moment, Cause)>,
    /// When an object's held state is logged.
    held: BTreeSet<(Moment, TargetKey)>,
    /// With so many objects, or causes, those without anything left to report are forgotten.
    sweep_objects_at: usize,
    sweep_groups_at: usize,
}

impl Default for Reports {
    fn default() -> Self {
        Self {
            ready: Vec::new(),
            occurred: None,
            is_old: false,
            objects: BTreeMap::new(),
            groups: BTreeMap::new(),
            due: BTreeSet::new(),
            held: BTreeSet::new(),
            sweep_objects_at: FEW,
            sweep_groups_at: FEW,
        }
    }
}

impl Reports {
    /// The reports to be logged since this was last called.
    pub fn take(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.ready)
    }

    /// From now on reports are also kept for [`take_occurred`](Self::take_occurred), for Events.
    pub fn want_occurred(&mut self) {
        self.occurred.get_or_insert_default();
    }

    /// Whether [`want_occurred`](Self::want_occurred) was called.
    #[must_use]
    pub fn wants_occurred(&self) -> bool {
        self.occurred.is_some()
    }

    /// The reports about each object since this was last called, as often as they may be logged.
    pub fn take_occurred(&mut self) -> Vec<Report> {
        self.occurred.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Sets whether the states that are reported next existed already before the program started, as far as is known. Such states
    /// are logged, but are no Events.
    pub fn are_old(&mut self, are_old: bool) {
        self.is_old = are_old;
    }

    fn occurred(&mut self, report: &Report) {
        if let Some(occurred) = &mut self.occurred {
            occurred.push(report.clone());
        }
    }

    /// A state that is reported for the first time is an Event, unless it existed before the start.
    fn began(&mut self, report: &Report) {
        if !self.is_old {
            self.occurred(report);
        }
    }

    /// How many objects and causes it remembers.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, usize) {
        (self.objects.len(), self.groups.len())
    }

    /// When [`flush`](Self::flush) has to be called.
    #[must_use]
    pub fn wake_at(&self) -> Option<Moment> {
        let due = self.due.first().map(|(at, _)| *at);
        due.into_iter().chain(self.held.first().map(|(at, _)| *at)).min()
    }

    /// Logs the reports that were collected until now.
    pub fn flush(&mut self, now: Moment) {
        while let Some((at, _)) = self.held.first()
            && *at <= now
        {
            let Some((_, target)) = self.held.pop_first() else { return };
            if let Some(report) = self.objects.get_mut(&target).and_then(|object| object.held.take()) {
                self.state(now, report);
            }
        }
        while let Some((at, _)) = self.due.first()
            && *at <= now
        {
            let Some((_, cause)) = self.due.pop_first() else { return };
            if let Some(group) = self.groups.get_mut(&cause)
                && let Some(report) = group.collected.take()
            {
                if !cause.action.goes_on() {
                    group.spacing = Spacing::default();
                }
                group.spacing.say(now);
                self.ready.push(report);
            }
        }
    }

    /// Nothing has to be done: a refusal or wait of the target is over. `report`: the report to log, if it is to be logged.
    pub fn nothing(&mut self, target: &TargetKey, report: Option<Report>) {
        self.settled(target);
        self.ready.extend(report);
    }

    /// A write was carried out.
    pub fn done(&mut self, report: Report) {
        self.settled(&report.target);
        if let Outcome::Done { verb: Verb::Clear, .. } = report.outcome {
            // The report of the action has the reason, so that the state need not be reported too.
            self.objects.entry(report.target.clone()).or_default().state = Some(report.verdict.clone());
        }
        self.occurred(&report);
        self.ready.push(report);
    }

    fn settled(&mut self, target: &TargetKey) {
        if let Some(object) = self.objects.get_mut(target) {
            (object.state, object.held) = (None, None);
        }
    }

    /// An object is gone: the next one of its name is another object, whose states are reported anew.
    pub fn gone(&mut self, key: &Key) {
        if let Some(object) = self.objects.get_mut(&TargetKey::from(key.clone())) {
            object.advice.clear();
        }
    }

    /// Reports a refusal or a wait, once for the same verdict.
    pub fn standing(&mut self, now: Moment, report: Report) {
        let object = self.object(now, &report.target);
        if object.state.as_ref() == Some(&report.verdict) {
            return;
        }
        object.state = Some(report.verdict.clone());
        self.began(&report);
        self.state(now, report);
    }

    /// Reports the advice about an object as it is now, each once.
    pub fn advise(&mut self, now: Moment, key: &Key, advice: Vec<Advice>) {
        let target = TargetKey::from(key.clone());
        match self.objects.get(&target) {
            Some(object) if object.advice == advice => return,
            None if advice.is_empty() => return,
            _ => {}
        }
        let before = std::mem::replace(&mut self.object(now, &target).advice, advice.clone());
        for Advice { reason, detail } in advice.into_iter().filter(|advice| !before.contains(advice)) {
            let verdict = Verdict { reason, source: None, detail: Some(detail) };
            let report = Report::new(target.clone(), verdict, Outcome::Advice);
            self.began(&report);
            self.state(now, report);
        }
    }

    /// Reports further advice about an object, besides that of [`advise`](Self::advise).
    pub fn advise_also(&mut self, now: Moment, key: &Key, advice: Vec<Advice>) {
        let before = self.objects.get(&TargetKey::from(key.clone())).map(|object| object.advice.clone());
        let mut all = before.unwrap_or_default();
        let more: Vec<Advice> = advice.into_iter().filter(|advice| !all.contains(advice)).collect();
        all.extend(more);
        self.advise(now, key, all);
    }

    /// Reports the sources that do not get a target's name, each once.
    pub fn losers(&mut self, now: Moment, target: &TargetKey, losers: Vec<Verdict>) {
        match self.objects.get(target) {
            Some(object) if object.losers == losers => return,
            None if losers.is_empty() => return,
            _ => {}
        }
        let before = std::mem::replace(&mut self.object(now, target).losers, losers.clone());
        for verdict in losers.into_iter().filter(|verdict| !before.contains(verdict)) {
            let report = Report::new(target.clone(), verdict, Outcome::Refused);
            self.began(&report);
            self.state(now, report);
        }
    }

    /// Reports a state of an object. If it had many lately, its last one is reported later.
    fn state(&mut self, now: Moment, report: Report) {
        let target = report.target.clone();
        let object = self.object(now, &target);
        let next = object.states_until.max(now) + STATE_IN;
        let room_at = next.saturating_sub(STATE_IN * STATES_AT_ONCE);
        if room_at > now {
            if object.held.replace(report).is_none() {
                self.held.insert((room_at, target));
            }
            return;
        }
        object.states_until = next;
        self.group(now, report);
    }

    /// Reports a failed attempt: less and less often while failures go on.
    pub fn failed(&mut self, now: Moment, report: Report) {
        if bug!(FailureNotReported) {
            return;
        }
        let is_fight = matches!(report.outcome, Outcome::Failed { reason: Reason::Contested, .. });
        let object = self.object(now, &report.target);
        let spacing = if is_fight { &mut object.fight } else { &mut object.failure };
        if spacing.is_over(now) {
            *spacing = Spacing::default();
        }
        if spacing.again_at() > now {
            return;
        }
        match is_fight {
            true => spacing.say_once(now),
            false => spacing.say(now),
        }
        self.occurred(&report);
        self.group(now, report);
    }

    fn object(&mut self, now: Moment, target: &TargetKey) -> &mut Object {
        if self.objects.len() >= self.sweep_objects_at {
            self.objects.retain(|_, object| !object.is_over(now));
            self.sweep_objects_at = (self.objects.len() * 2).max(FEW);
        }
        self.objects.entry(target.clone()).or_default()
    }

    /// Reports it in a line of its own, or together with other objects of the same cause.
    fn group(&mut self, now: Moment, report: Report) {
        if self.groups.len() >= self.sweep_groups_at {
            self.groups.retain(|_, group| group.collected.is_some() || !group.spacing.is_over(now));
            self.sweep_groups_at = (self.groups.len() * 2).max(FEW);
        }
        let cause = Cause::of(&report);
        let group = self.groups.entry(cause.clone()).or_default();
        let is_over = if cause.action.goes_on() { group.spacing.is_over(now) } else { group.spacing.again_at() <= now };
        if group.collected.is_none() && is_over {
            // States are reported once each, so that the next group of the cause begins anew.
            *group = Group::default();
        }
        if let Some(collected) = &mut group.collected {
            let Others { count, names } = &mut collected.others;
            if collected.target != report.target && !names.contains(&report.target) {
                *count += 1;
                if names.len() < NAMED {
                    names.push(report.target);
                }
            }
            return;
        }
        let is_same_moment = group.spacing.again_at() > now;
        if !is_same_moment || group.alone < ALONE {
            if group.alone == 0 || !is_same_moment {
                group.spacing.say(now);
            }
            group.alone += 1;
            self.ready.push(report);
            return;
        }
        self.due.insert((group.spacing.again_at(), cause));
        group.collected = Some(report);
    }
}

impl Cause {
    fn of(report: &Report) -> Self {
        let Report { target, verdict, outcome, .. } = report;
        let (action, reason, words) = match outcome {
            Outcome::Failed { verb, reason, error, .. } => {
                (verb.map_or(Action::Read, |verb| Action::Write(verb as u8)), *reason, error.as_str())
            }
            Outcome::Waits(_) => (Action::Wait, verdict.reason, ""),
            Outcome::Advice => (Action::Advise, verdict.reason, verdict.detail.as_deref().unwrap_or_default()),
            _ => (Action::Refuse, verdict.reason, verdict.detail.as_deref().unwrap_or_default()),
        };
        // A failure of one kind is the same whatever source is copied.
        let source = verdict.source.clone().filter(|_| !matches!(outcome, Outcome::Failed { .. }));
        Self { action, reason, source, words: without_names(words, target) }
    }
}

/// A message about an object without its name and without numbers: two that differ only in these are the same failure.
fn without_names(words: &str, target: &Key) -> String {
    let quoted = |text: &str| format!("\"{text}\"");
    let words = words
        .replace(target.as_str(), "*")
        .replace(&quoted(target.namespace()), "*")
        .replace(&quoted(target.name()), "*");
    let mut plain = String::with_capacity(words.len());
    for char in words.chars() {
        if !char.is_ascii_digit() {
            plain.push(char);
        } else if !plain.ends_with('0') {
            plain.push('0');
        }
    }
    plain
}
