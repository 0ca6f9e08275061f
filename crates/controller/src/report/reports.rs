//! Which reports become lines, and when.
//!
//! - An action is a line.
//! - A refusal, a wait or advice is a line once for the same state of the object.
//! - A failure is a line at once, and then less and less often while it goes on: for each object, and for each cause.
//! - What happens to more than a few objects for the same cause within a moment is one line for all of them.
//! - An object whose state changes all the time has a few lines at once, and then one now and then, with its last state.
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

/// So many objects have a line of their own when the same happens to more.
const ALONE: usize = 3;
/// So many others are named in a line.
const NAMED: usize = 5;
/// An object may have so many lines about its state at once,
const STATES_AT_ONCE: u32 = 8;
/// and then one in this time.
const STATE_IN: Duration = Duration::from_secs(600);
/// Fewer entries than this are not swept.
const FEW: usize = 256;

/// What happens for the same cause.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cause {
    action: Action,
    reason: Reason,
    source: Option<SourceKey>,
    /// What was said, without what differs from object to object.
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
    /// Whether it is tried, and reported, again and again; the others are reported once for each state.
    fn goes_on(self) -> bool {
        matches!(self, Self::Read | Self::Write(_))
    }
}

/// Objects to which the same happens.
#[derive(Debug, Default)]
struct Group {
    spacing: Spacing,
    /// Lines about one object each since the last moment of silence.
    alone: usize,
    /// What is said at the end of the moment.
    collected: Option<Report>,
}

/// What is known of an object's reports.
#[derive(Debug, Default)]
struct Object {
    /// Its state that was reported: a refusal, or what it waits for.
    state: Option<Verdict>,
    advice: Vec<Advice>,
    failure: Spacing,
    /// That somebody else keeps changing it.
    fight: Spacing,
    /// The moment at which its lines about its states until now would have come if each had come [`STATE_IN`] after the one before.
    states_until: Moment,
    /// Its last state, to be reported when there is room for it.
    held: Option<Report>,
    /// Sources that another one keeps from it, as they were reported.
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

/// What was reported of each object, and what is to be reported next.
#[derive(Debug)]
pub struct Reports {
    ready: Vec<Report>,
    /// The same, of each object by itself, for Events; `None`: nobody wants them.
    occurred: Option<Vec<Report>>,
    /// What is reported now was so before the program began.
    is_old: bool,
    objects: BTreeMap<TargetKey, Object>,
    groups: BTreeMap<Cause, Group>,
    /// When groups have something to say.
    due: BTreeSet<(Moment, Cause)>,
    /// When there is room for the state of an object.
    held: BTreeSet<(Moment, TargetKey)>,
    /// With so many objects, or causes, those are forgotten of which there is nothing more to say.
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
    /// What is to be logged since it was last asked.
    pub fn take(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.ready)
    }

    /// From now on what happens to each object is kept for [`take_occurred`](Self::take_occurred).
    pub fn want_occurred(&mut self) {
        self.occurred.get_or_insert_default();
    }

    /// Whether [`want_occurred`](Self::want_occurred) was called.
    #[must_use]
    pub fn wants_occurred(&self) -> bool {
        self.occurred.is_some()
    }

    /// What happened to each object since this was last called, as often as a line may be about it.
    pub fn take_occurred(&mut self) -> Vec<Report> {
        self.occurred.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether the states that are reported next were so before the program began, as far as is known: they are logged, and
    /// have not occurred.
    pub fn are_old(&mut self, are_old: bool) {
        self.is_old = are_old;
    }

    fn occurred(&mut self, report: &Report) {
        if let Some(occurred) = &mut self.occurred {
            occurred.push(report.clone());
        }
    }

    /// A state that is reported for the first time occurred, unless it was so before.
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

    /// When [`flush`](Self::flush) has something to say.
    #[must_use]
    pub fn wake_at(&self) -> Option<Moment> {
        let due = self.due.first().map(|(at, _)| *at);
        due.into_iter().chain(self.held.first().map(|(at, _)| *at)).min()
    }

    /// Says what was collected until now.
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

    /// Nothing has to be done: what was refused, or waited, is over. `report`: whether to say so.
    pub fn nothing(&mut self, target: &TargetKey, report: Option<Report>) {
        self.settled(target);
        self.ready.extend(report);
    }

    /// A write was carried out.
    pub fn done(&mut self, report: Report) {
        self.settled(&report.target);
        if let Outcome::Done { verb: Verb::Clear, .. } = report.outcome {
            // That nothing comes, and why, is said by this very action.
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

    /// An object is gone: what is said of the next one of its name is said of another one.
    pub fn gone(&mut self, key: &Key) {
        if let Some(object) = self.objects.get_mut(&TargetKey::from(key.clone())) {
            object.advice.clear();
        }
    }

    /// A refusal, or a wait: once for the same verdict.
    pub fn standing(&mut self, now: Moment, report: Report) {
        let object = self.object(now, &report.target);
        if object.state.as_ref() == Some(&report.verdict) {
            return;
        }
        object.state = Some(report.verdict.clone());
        self.began(&report);
        self.state(now, report);
    }

    /// What is advised about an object as it is now: once for the same advice.
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

    /// What is advised about an object besides what was advised already.
    pub fn advise_also(&mut self, now: Moment, key: &Key, advice: Vec<Advice>) {
        let before = self.objects.get(&TargetKey::from(key.clone())).map(|object| object.advice.clone());
        let mut all = before.unwrap_or_default();
        let more: Vec<Advice> = advice.into_iter().filter(|advice| !all.contains(advice)).collect();
        all.extend(more);
        self.advise(now, key, all);
    }

    /// The sources that another one keeps from a target: each once.
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

    /// Says a state of an object, unless it had many of late: then its last one is said when there is room for it.
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

    /// An attempt failed: less and less often while it goes on.
    pub fn failed(&mut self, now: Moment, report: Report) {
        if bug!(FailureNotTold) {
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

    /// Says it, alone or together with what happens to others for the same cause.
    fn group(&mut self, now: Moment, report: Report) {
        if self.groups.len() >= self.sweep_groups_at {
            self.groups.retain(|_, group| group.collected.is_some() || !group.spacing.is_over(now));
            self.sweep_groups_at = (self.groups.len() * 2).max(FEW);
        }
        let cause = Cause::of(&report);
        let group = self.groups.entry(cause.clone()).or_default();
        let is_over = if cause.action.goes_on() { group.spacing.is_over(now) } else { group.spacing.again_at() <= now };
        if group.collected.is_none() && is_over {
            // What is said once for each state is as new in the next moment as it was in the first.
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

/// What was said about an object, without its name, and without numbers: with `words` that differ in these only, the server says the
/// same.
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
