//! Which reports become log lines, and when.
//!
//! - An action is a line.
//! - A refusal, a wait or advice is a line once for the same state of the object.
//! - A failure is a line at once, and then less and less often while it goes on: for each object, and for each cause.
//! - What happens to more than a few objects for the same cause within a moment is one line for all of them.
//! - An object whose state changes all the time has a few lines at once, and then one in ten minutes, with its last state.
//!
//! Guarantees: of a target that is refused or waits a fingerprint is kept beside its key, and no more: a hundred thousand may be
//! refused for one reason. Of one that is well, or no target any more, nothing is kept but what limits its lines: of a bounded number of
//! objects ([`Allowances`]), and for less than an hour of one that failed ([`Spacings`]).
//!
//! It has no clock: [`Reports::flush`] is called with the time, and [`Reports::wake_at`] says when there is something to say.

use std::collections::{BTreeMap, BTreeSet};

use k8s_replicator_core::advice::Advice;
use k8s_replicator_core::bug;
use k8s_replicator_core::decide::{Verb, Verdict};
use k8s_replicator_core::names::{Key, SourceKey, TargetKey};
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;

use super::allowances::Allowances;
use super::spacing::{Spacing, Spacings};
use super::told::{Print, Told};
use super::{Others, Outcome, Report};
use crate::event::Moment;

/// When the same happens to many objects, so many of them have a line of their own.
const ALONE: usize = 3;
/// A line names so many of the other objects.
const NAMED: usize = 5;
/// With fewer causes than this, old ones are not removed.
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

impl Group {
    fn is_over(&self, now: Moment, action: Action) -> bool {
        let is_quiet = if action.goes_on() { self.spacing.is_over(now) } else { self.spacing.again_at() <= now };
        self.collected.is_none() && is_quiet
    }
}

/// Decides which reports are logged, and when.
#[derive(Debug, Default)]
pub struct Reports {
    ready: Vec<Report>,
    /// The same for Events, one report for each object; `None`: Events are off.
    occurred: Option<Vec<Report>>,
    /// Whether the states that are reported now existed already before the program started.
    is_old: bool,
    /// The state of each target that is refused or waits, as it was reported.
    states: BTreeMap<TargetKey, Print>,
    advice: Told,
    /// The sources that do not get a target's name.
    losers: Told,
    failures: Spacings,
    /// Reports that somebody else keeps changing an object.
    fights: Spacings,
    allowances: Allowances,
    groups: BTreeMap<Cause, Group>,
    /// When the groups' collected reports are logged.
    due: BTreeSet<(Moment, Cause)>,
    /// With so many causes, those without anything left to report are forgotten.
    sweep_groups_at: usize,
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

    /// Of how many objects and causes it remembers something.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, usize) {
        let told = self.states.keys().chain(self.advice.targets()).chain(self.losers.targets());
        let spaced = self.failures.targets().chain(self.fights.targets());
        let objects: BTreeSet<_> = told.chain(spaced).chain(self.allowances.kept().0).collect();
        (objects.len(), self.groups.len())
    }

    /// Of how many objects it remembers what.
    #[cfg(test)]
    pub(super) fn kept(&self) -> super::tests::Kept {
        let (allowed, held) = self.allowances.kept();
        super::tests::Kept {
            states: self.states.len(),
            told: self.advice.targets().count() + self.losers.targets().count(),
            spaced: self.failures.targets().count() + self.fights.targets().count(),
            allowed: allowed.count(),
            held,
            bytes: size_of::<(TargetKey, Print)>(),
        }
    }

    /// The targets of which it remembers that they are refused or wait.
    #[cfg(test)]
    pub(crate) fn states(&self) -> impl Iterator<Item = &TargetKey> {
        self.states.keys()
    }

    /// When [`flush`](Self::flush) has to be called.
    #[must_use]
    pub fn wake_at(&self) -> Option<Moment> {
        let due = self.due.first().map(|(at, _)| *at);
        due.into_iter().chain(self.allowances.wake_at()).min()
    }

    /// Logs the reports that were collected until now.
    pub fn flush(&mut self, now: Moment) {
        while let Some(report) = self.allowances.due(now) {
            self.state(now, report);
        }
        self.forget(now);
        self.failures.sweep(now);
        self.fights.sweep(now);
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

    /// Nothing has to be done: a refusal or wait of the target is over. `is_logged`: whether that is a line.
    pub fn nothing(&mut self, now: Moment, report: Report, is_logged: bool) {
        self.settled(now, &report.target);
        if State::at_rest(report.verdict.reason).is_none() || report.verdict.reason == Reason::NamespaceMissing {
            for spacings in [&mut self.failures, &mut self.fights] {
                spacings.is_no_target(&report.target);
            }
        }
        if is_logged {
            self.ready.push(report);
        }
    }

    /// A write was carried out.
    pub fn done(&mut self, now: Moment, report: Report) {
        self.settled(now, &report.target);
        if let Outcome::Done { verb: Verb::Clear, .. } = report.outcome {
            // The report of the action has the reason, so that the state need not be reported too.
            self.states.insert(report.target.clone(), Print::of(&report.verdict));
        }
        self.occurred(&report);
        self.ready.push(report);
    }

    fn settled(&mut self, now: Moment, target: &TargetKey) {
        if self.states.remove(target).is_some() {
            self.allowances.drop_held(target);
            self.ended(now, target);
        }
    }

    /// A state that was reported is over.
    fn ended(&mut self, now: Moment, target: &TargetKey) {
        self.allowances.ended(now, target);
        self.forget(now);
    }

    fn forget(&mut self, now: Moment) {
        for held in self.allowances.forget(now) {
            self.group(now, held);
        }
    }

    /// An object is gone: the next one of its name is another object, whose states are reported anew.
    pub fn gone(&mut self, now: Moment, key: &Key) {
        self.advise(now, key, Vec::new());
    }

    /// Reports a refusal or a wait, once for the same verdict.
    pub fn standing(&mut self, now: Moment, report: Report) {
        let print = Print::of(&report.verdict);
        match self.states.get_mut(&report.target) {
            Some(before) if *before == print => return,
            Some(before) => {
                *before = print;
                self.ended(now, &report.target);
            }
            None => drop(self.states.insert(report.target.clone(), print)),
        }
        self.began(&report);
        self.state(now, report);
    }

    /// Reports the advice about an object as it is now, each once.
    pub fn advise(&mut self, now: Moment, key: &Key, advice: Vec<Advice>) {
        let target = key.clone().into();
        let reports = advice.into_iter().map(|advice| advised(&target, advice)).collect();
        self.tell(now, |this| &mut this.advice, &target, reports);
    }

    /// Reports further advice about an object, besides that of [`advise`](Self::advise).
    pub fn advise_also(&mut self, now: Moment, key: &Key, advice: Vec<Advice>) {
        let target = key.clone().into();
        let mut told = self.advice.of(&target).to_vec();
        for report in advice.into_iter().map(|advice| advised(&target, advice)) {
            let print = Print::of(&report.verdict);
            if !told.contains(&print) {
                told.push(print);
                self.began(&report);
                self.state(now, report);
            }
        }
        self.advice.replace(&target, told.into());
    }

    /// Reports the sources that do not get a target's name, each once.
    pub fn losers(&mut self, now: Moment, target: &TargetKey, losers: Vec<Verdict>) {
        let report = |loser| Report::new(target.clone(), loser, Outcome::Refused);
        self.tell(now, |this| &mut this.losers, target, losers.into_iter().map(report).collect());
    }

    /// Reports what there is to say of an object now, each once.
    fn tell(&mut self, now: Moment, told: fn(&mut Self) -> &mut Told, target: &TargetKey, reports: Vec<Report>) {
        let prints: Box<[Print]> = reports.iter().map(|report| Print::of(&report.verdict)).collect();
        let Some(before) = told(self).replace(target, prints) else { return };
        if !before.is_empty() {
            self.ended(now, target);
        }
        for report in reports.into_iter().filter(|report| !before.contains(&Print::of(&report.verdict))) {
            self.began(&report);
            self.state(now, report);
        }
    }

    /// Reports a state of an object. If it had many lately, its last one is reported later.
    fn state(&mut self, now: Moment, report: Report) {
        if let Some(report) = self.allowances.admit(now, report) {
            self.group(now, report);
        }
    }

    /// Reports a failed attempt: less and less often while failures go on.
    pub fn failed(&mut self, now: Moment, report: Report) {
        if bug!(FailureNotReported) {
            return;
        }
        let is_fight = matches!(report.outcome, Outcome::Failed { reason: Reason::Contested, .. });
        let spacings = if is_fight { &mut self.fights } else { &mut self.failures };
        let Some(spacing) = spacings.may_say(now, &report.target) else { return };
        match is_fight {
            true => spacing.say_once(now),
            false => spacing.say(now),
        }
        self.occurred(&report);
        self.group(now, report);
    }

    /// Reports it in a line of its own, or together with other objects of the same cause.
    fn group(&mut self, now: Moment, report: Report) {
        if self.groups.len() >= self.sweep_groups_at.max(FEW) {
            self.groups.retain(|cause, group| !group.is_over(now, cause.action));
            self.sweep_groups_at = self.groups.len() * 2;
        }
        let cause = Cause::of(&report);
        let group = self.groups.entry(cause.clone()).or_default();
        if group.is_over(now, cause.action) {
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

fn advised(target: &TargetKey, Advice { reason, detail }: Advice) -> Report {
    Report::new(target.clone(), Verdict { reason, source: None, detail: Some(detail) }, Outcome::Advice)
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
