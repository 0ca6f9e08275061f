//! One turn of a target: from a decision to a request, or back to the queue.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use k8s_replicator_core::action::Action;
use k8s_replicator_core::bug;
use k8s_replicator_core::decide::{Decision, Need, Plan, Verb, Verdict, decide, losers};
use k8s_replicator_core::graph::{Facts, Graph, Knowledge};
use k8s_replicator_core::keys::Projection;
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::payload::Payload;
use k8s_replicator_core::reason::Reason;

use super::storm::Storms;
use super::under_way::{UnderWay, Writing};
use super::work::work;
use super::{Replicator, Ticket, Written, has_room};
use crate::cluster::{Access, Request};
use crate::contents::Contents;
use crate::event::{Moment, Now};
use crate::queue::{Because, End, Hold, Turn, Why};
use crate::report::{Outcome, Report};

/// At most so many of the sources that do not get a target's name, because another has it, are reported.
const MOST_LOSERS: usize = 8;
/// The most parts of contents that one decision can need: of its source, and of the target itself.
const MOST_PORTIONS: usize = 4;
/// The pause before a target is decided about again whose plan could not be filled in.
const AGAIN_IN: Duration = Duration::from_secs(1);

/// The result of a turn.
enum Step {
    /// No request is needed now.
    End(End),
    /// Something has to be read first.
    Read(Need),
    /// The target is written.
    Write(Prepared),
}

/// A write that is ready to be sent.
struct Prepared {
    action: Action,
    verb: Verb,
    verdict: Verdict,
    because: Because,
    /// The source, if the target is given a content, and that content.
    copied: Option<(Key, Payload)>,
}

/// What is needed to fill in a plan.
struct Preparing<'r> {
    graph: &'r Graph,
    storms: &'r mut Storms,
    contents: &'r mut Contents,
    entropy: &'r mut dyn FnMut() -> u8,
}

impl Preparing<'_> {
    /// Fills in a plan, unless something else has to happen before.
    fn fill_in(&mut self, now: Now, target: &TargetKey, plan: Plan<'_>) -> Step {
        // A target keeps its data until the storm is over.
        let source = plan.verdict.source.as_ref().filter(|_| plan.may_wait_for_source());
        if source.is_some_and(|source| self.storms.holds(source, target)) {
            return Step::End(End::Settled);
        }
        let copied = match plan.needs() {
            None => None,
            Some(need) => {
                let version = self.graph.node(need.key()).map(|node| &node.resource_version);
                match version.and_then(|version| self.contents.get(now.moment, need.key(), version)) {
                    Some(content) => Some((need.key().clone(), content)),
                    // The content was dropped, or is of another version than the graph's.
                    None => return Step::Read(need),
                }
            }
        };
        let (verb, verdict) = (plan.verb, plan.verdict.clone());
        let because = match verb {
            Verb::Recreate => Because::Remade,
            Verb::Delete | Verb::Clear => Because::Withdrawn,
            // Keys that are not allowed any more.
            Verb::Update if !plan.may_wait_for_source() => Because::Withdrawn,
            Verb::Update if plan.corrects() => Because::SomebodyChangedIt,
            Verb::Create | Verb::Adopt | Verb::Update => Because::OfWork,
        };
        let content = copied.as_ref().map(|(_, content)| content);
        match plan.action(content, &rfc3339(now), self.entropy) {
            Some(action) => Step::Write(Prepared { action, verb, verdict, because, copied }),
            // The plan was given the content that it copies, so that this does not happen. If it did, the target is decided about
            // again, but not in a hot loop.
            None => Step::End(End::At(now.moment + AGAIN_IN)),
        }
    }
}

impl Replicator {
    /// One turn of a target. `None`: no request is made for it now.
    pub(super) fn step(&mut self, now: Now, turn: Turn) -> Option<(Ticket, Request)> {
        match self.decide(now, &turn) {
            Step::End(end) => {
                self.queue.end(turn, end);
                None
            }
            // A controller that only looks neither writes nor reads content: another program writes, and the watch shows the
            // result. It asks only whether objects exist.
            Step::Read(Need::Content(_) | Need::Portion(..)) | Step::Write(_) if self.only_looks => {
                self.queue.end(turn, End::Settled);
                None
            }
            Step::Read(need) => self.read(now, need, turn),
            Step::Write(prepared) => self.write(now, turn, prepared),
        }
    }

    fn decide(&mut self, now: Now, target: &TargetKey) -> Step {
        if self.look_up.contains(target) {
            return Step::Read(Need::Presence(target.clone().into()));
        }
        // If the content is kept, a part of it need not be read.
        let mut portions = 0..MOST_PORTIONS;
        let decision = loop {
            let decision = decide(&self.graph, self.kind, &self.rules, target);
            let Decision::Need(Need::Portion(key, projection)) = decision else { break decision };
            if portions.next().is_none() || !self.learn_portion(now, &key, &projection) {
                break Decision::Need(Need::Portion(key, projection));
            }
        };
        let graph = &self.graph;
        let Self { standing, queue, changes, counters, .. } = self;
        decision.reason().inspect(|reason| counters.decided(*reason));
        let cause = || changes.cause(queue.cause(target)?, target);
        standing.decided(now.moment, target, &decision, || shown(graph, target, &decision), cause);
        let is_old = self.old.contains(target);
        self.reports.are_old(is_old);
        if is_old && !matches!(decision, Decision::Need(_)) {
            self.old.remove(target);
            if self.old.is_empty() {
                self.old = HashSet::new();
            }
        }
        // The target has its source: other sources that push to its name do not get it, which is reported.
        if matches!(decision, Decision::Nothing(_) | Decision::Act(_)) {
            let losers = losers(&self.graph, self.kind, &self.rules, target).take(MOST_LOSERS).collect();
            self.reports.losers(now.moment, target, losers);
        }
        let report = |verdict, outcome| Report::new(target.clone(), verdict, outcome);
        match decision {
            Decision::Nothing(verdict) => {
                self.reports.nothing(now.moment, report(verdict, Outcome::Nothing), self.tells_all);
                Step::End(End::Settled)
            }
            Decision::Refuse(verdict) => {
                if !bug!(RefusalNotReported) {
                    self.reports.standing(now.moment, report(verdict, Outcome::Refused));
                }
                Step::End(End::Settled)
            }
            Decision::Wait(verdict, until) => {
                let time = (until < Moment::MAX).then(|| until.saturating_sub(now.moment));
                self.reports.standing(now.moment, report(verdict, Outcome::Waits(time)));
                Step::End(End::At(until))
            }
            // The content would be read for a copy that has to wait for the end of a storm.
            Decision::Need(Need::Content(source) | Need::Portion(source, _))
                if source != **target && self.storms.holds(&source, target) =>
            {
                Step::End(End::Settled)
            }
            Decision::Need(need) => Step::Read(need),
            Decision::Act(plan) => {
                let Self { storms, contents, entropy, .. } = self;
                Preparing { graph, storms, contents, entropy: &mut **entropy }.fill_in(now, target, plan)
            }
        }
    }

    /// Computes the facts of a part of a source's content, if that is kept. Answers whether it is.
    fn learn_portion(&mut self, now: Now, key: &Key, projection: &Arc<Projection>) -> bool {
        let Some((version, type_)) =
            self.graph.node(key).map(|node| (node.resource_version.clone(), node.type_.clone()))
        else {
            return false;
        };
        let Some(payload) = self.contents.get(now.moment, key, &version) else { return false };
        let portion = Facts::of_portion(self.kind, type_.as_deref(), &payload, projection);
        self.graph.learn_portion(key, &version, projection.clone(), portion);
        true
    }

    /// Begins a read for a target, or joins one that is under way.
    fn read(&mut self, now: Now, need: Need, turn: Turn) -> Option<(Ticket, Request)> {
        // Whatever part is needed, the whole content is read, once, and kept until the part is computed.
        let need = match need {
            Need::Portion(key, _) => {
                self.looked_at_in_part.insert(key.clone());
                Need::Content(key)
            }
            whole => whole,
        };
        if let Some(waiting) = self.waiting.get_mut(&need) {
            self.look_up.remove(&*turn);
            waiting.push(turn);
            return None;
        }
        if let Err(end) = self.room(now, need.key(), Access::Read) {
            self.queue.end(turn, end);
            return None;
        }
        let held = self.graph.held(need.key());
        let as_source = held.as_ref().filter(|_| *need.key() != **turn).map(|held| &held.resource_version);
        match self.queue.may_read(now.moment, need.key(), as_source) {
            Err(hold) => {
                self.report_hold(now, &turn, None, need.key(), hold);
                self.queue.end(turn, End::At(hold.until));
                None
            }
            Ok(pass) => {
                // Only when the read begins: a target that had to wait still has to be read when its turn comes again.
                self.look_up.remove(&*turn);
                self.waiting.insert(need.clone(), vec![turn]);
                let request = match &need {
                    Need::Presence(key) => Request::Look(key.clone()),
                    Need::Content(key) | Need::Portion(key, _) => Request::Read(key.clone()),
                };
                Some((self.under_way.begin(now.moment, pass, UnderWay::Read { need, held }), request))
            }
        }
    }

    fn write(&mut self, now: Now, turn: Turn, prepared: Prepared) -> Option<(Ticket, Request)> {
        if let Err(end) = self.room(now, &turn, Access::Write) {
            self.queue.end(turn, end);
            return None;
        }
        let Prepared { action, verb, verdict, because, copied } = prepared;
        let work = work(&self.graph, &turn, verdict.source.as_ref());
        match self.queue.may_write(now.moment, &turn, work, because) {
            Err(hold) => {
                self.report_hold(now, &turn, Some(verb), &turn, hold);
                self.queue.end(turn, End::At(hold.until));
                None
            }
            Ok(pass) => {
                let written = self.written_by(&action, copied.as_ref());
                let sent = action.payload().cloned();
                let write = UnderWay::Write(Writing { turn, verb, verdict, because, work, written, sent });
                Some((self.under_way.begin(now.moment, pass, write), Request::Write(action)))
            }
        }
    }

    fn room(&self, now: Now, key: &Key, access: Access) -> Result<(), End> {
        match has_room(&self.window, &self.under_way, now.moment, key.namespace(), access) {
            true => Ok(()),
            false => Err(End::Parked(key.namespace().into(), access)),
        }
    }

    /// Reports that a request about `object` has to wait.
    fn report_hold(&mut self, now: Now, target: &TargetKey, verb: Option<Verb>, object: &Key, hold: Hold) {
        let retry_in = hold.until.saturating_sub(now.moment);
        let (reason, error) = match hold.why {
            Why::ReadFailed => match self.queue.read_failure(object) {
                Some((reason, error)) => (reason, error.to_owned()),
                None => (Reason::Conflict, String::new()),
            },
            Why::Contested(times) => (Reason::Contested, contested(object, times, &self.manager(object))),
            Why::TooMany => (Reason::Contested, self.too_many(object)),
        };
        self.report_failure(now, target, object, verb, reason, error, retry_in);
    }

    fn too_many(&self, object: &Key) -> String {
        format!(
            "the controller sent many requests about {object} within seconds, and sends fewer now; the last to change it was {}",
            self.manager(object)
        )
    }

    /// The field manager other than the controller that last wrote an object.
    pub(super) fn manager(&self, object: &Key) -> String {
        let other = self.graph.node(object).and_then(|node| node.managers.other.as_deref());
        other.map_or_else(|| "somebody".to_owned(), |other| format!("the field manager {other:?}"))
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of one report")]
    pub(super) fn report_failure(
        &mut self,
        now: Now,
        target: &TargetKey,
        object: &Key,
        verb: Option<Verb>,
        reason: Reason,
        error: String,
        retry_in: Duration,
    ) {
        let source = (*object != **target).then(|| object.clone().into());
        let verdict = Verdict { reason, source, detail: None };
        let outcome = Outcome::Failed { verb, reason, error, retry_in };
        self.failed(now, Report::new(target.clone(), verdict, outcome), reason);
    }

    /// Notes and reports a failure for a target, which is retried. (The one place where failures are noted.)
    pub(super) fn failed(&mut self, now: Now, report: Report, reason: Reason) {
        self.standing.failed(now.moment, &report.target, reason);
        self.counters.retried(reason);
        self.reports.failed(now.moment, report);
    }

    /// The facts of a target's content once the write is carried out: those of the data it writes, else those known now. `copied`: see
    /// [`Step::Write`].
    fn written_by(&self, action: &Action, copied: Option<&(Key, Payload)>) -> Written {
        let written = match action {
            Action::Create(create) => Some((create.type_(), create.payload())),
            Action::Update(update) => update.data().map(|data| (data.expected_type.as_ref(), &data.payload)),
            Action::Adopt(_) | Action::Delete(_) => None,
        };
        match written {
            Some((type_, payload)) => {
                // The source's own, where the whole content is copied: computing them takes longer than everything else here.
                let source = copied.filter(|(_, copied)| copied == payload).and_then(|(key, _)| self.graph.node(key));
                let knowledge =
                    match source.filter(|source| source.type_.as_ref() == type_).map(|source| source.knowledge) {
                        Some(known @ Knowledge::Known(_)) => known,
                        _ => Knowledge::Known(self.facts(type_.map(|type_| &**type_), payload)),
                    };
                Some((knowledge, type_.cloned()))
            }
            // The precondition makes the write succeed on this very version only.
            None => self.graph.node(action.target()).map(|node| (node.knowledge, node.type_.clone())),
        }
    }

    pub(super) fn facts(&self, type_: Option<&str>, payload: &Payload) -> Facts {
        Facts::of(self.kind, type_, payload)
    }
}

/// The message about an object that somebody else changes again and again.
pub(super) fn contested(object: &Key, times: u32, manager: &str) -> String {
    format!("{manager} changed {object} again and again: the controller has put it right {times} times")
}

/// A hash of what a row shows of a target besides its state (`survey::look`): its source, and whether it exists.
fn shown(graph: &Graph, target: &TargetKey, decision: &Decision<'_>) -> u64 {
    let source = match decision {
        Decision::Nothing(verdict) | Decision::Refuse(verdict) | Decision::Wait(verdict, _) => verdict.source.as_ref(),
        Decision::Act(plan) => plan.verdict.source.as_ref(),
        Decision::Need(_) => None,
    };
    let marks = graph.node(target).map(|node| node.marks());
    let named = marks.map(|marks| marks.map(|marks| (&marks.replicated_by, &marks.replicate_from)));
    let mut hasher = DefaultHasher::new();
    (source, named).hash(&mut hasher);
    hasher.finish()
}

/// As v1.3.0 wrote `replicated-at`: whole seconds.
fn rfc3339(now: Now) -> String {
    now.time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
