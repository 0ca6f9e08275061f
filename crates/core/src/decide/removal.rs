//! The removal of a replica whose source does not push to it, or does not give it data, any more: when it is deleted or cleared
//! (SPEC 11.1, 11.2), and whether the controller may delete it (SPEC 3, 1).

use std::time::Duration;

use super::copy::Receiver;
use super::creator::{Creator, Pushing, Stopped};
use super::plan::{Aim, Data, PULLED, Verb, Wanted};
use super::pull::Gate;
use super::{Answer, Case, Decision, End, Verdict, nothing, refuse};
use crate::action::Owned;
use crate::annotations::{Annotation, Marks, RemovalDelay};
use crate::graph::{Judged, Removals, Withdrawal};
use crate::managers::Owners;
use crate::names::{SourceKey, TargetKey};
use crate::reason::Reason;
use crate::trail::{Outcome, Question};

/// When a target that is held by the removal limit is looked at again.
const HELD_FOR: Duration = Duration::from_secs(60);
/// Removals because of one source within this time count together for `--removal-limit`, even if the removal delay is shorter.
const SHORTEST_WINDOW: Duration = Duration::from_secs(5);

impl<'g> Case<'g, '_> {
    /// Its creator does not push to it any more.
    pub(super) fn remove_when_due(self, owned: Owned<'g>, stopped: &Stopped<'g>) -> End<'g> {
        self.is_made_by_controller(owned, stopped)?;
        let marks = owned.marks();
        if let Some(postponed) = self.postponed(stopped, marks.removal_delay, marks.removal_approved) {
            return Answer::Break(postponed);
        }
        self.remove(owned, Verb::Delete, stopped.reason, stopped.source)
    }

    /// Stops for a replica that others copied or restored: it is theirs, as long as no source pushes to it.
    pub(super) fn is_made_by_controller(self, owned: Owned<'g>, stopped: &Stopped<'g>) -> Answer<'g> {
        let owners = owned.node().managers.replicated_by;
        let fact = || {
            let who = match owners {
                Owners::Nobody => "no field manager owns it",
                Owners::Controller => "the controller alone wrote it",
                Owners::Shared => "the controller and others wrote it",
                Owners::Others => "others wrote it, and not the controller",
            };
            format!("replicated-by: by managedFields {who}")
        };
        match owners {
            Owners::Others if !crate::bug!(OthersCopiesDeleted) => {
                let refused = refuse(Reason::NotMadeByController, Some(stopped.source), None);
                self.stop(Question::MadeByController, refused, fact)
            }
            Owners::Nobody | Owners::Controller | Owners::Shared | Owners::Others => {
                self.pass(Question::MadeByController, fact)
            }
        }
    }

    /// The decision to keep a replica for now, if the removal delay is not over or the removal limit holds it. `inherited`: the
    /// removal delay where the source has none; `approved`: whether the replica has `removal-approved`.
    pub(super) fn postponed(
        self,
        stopped: &Stopped<'g>,
        inherited: Option<RemovalDelay>,
        approved: bool,
    ) -> Option<Decision<'g>> {
        self.delayed(stopped, inherited)
            .or_else(|| if approved && !crate::bug!(ApprovalForgotten) { None } else { self.held(stopped) })
    }

    /// SPEC 11.2: too many are due because of one source, or were a moment ago.
    fn held(self, stopped: &Stopped<'g>) -> Option<Decision<'g>> {
        let limit = self.rules.removal_limit.filter(|_| !crate::bug!(LimitForgotten))?;
        // What is being deleted goes anyway: it does not count, and is not held.
        if self.graph.node(self.target).is_some_and(|node| node.deleting) {
            return None;
        }
        let window = self.rules.removal_delay.max(SHORTEST_WINDOW);
        let is_due = |target: &TargetKey| self.about(target).is_to_be_removed(stopped.source);
        let removals = Removals { limit, window, is_due: &is_due };
        let judged = self.graph.judge_removal(stopped.source, self.target, removals);
        let detail = match judged {
            Judged::Allowed => {
                self.note(Question::RemovalLimit, Outcome::Passed, || format!("--removal-limit: {limit}"));
                return None;
            }
            Judged::Held(count) => {
                format!("{count} replicas are due because of {}, --removal-limit: {limit}", stopped.source)
            }
        };
        self.note(Question::RemovalLimit, Outcome::Decided(Reason::RemovalHeld), || detail.clone());
        let verdict = Verdict {
            reason: Reason::RemovalHeld,
            source: Some(stopped.source.clone()),
            detail: Some(format!("{}, {detail}", stopped.reason)),
        };
        // Other replicas may be removed without an event of this one: it has to look again by itself.
        Some(Decision::Wait(verdict, self.graph.time().saturating_add(HELD_FOR)))
    }

    /// The same case about another target; what is asked about it is not recorded.
    fn about<'o>(self, target: &'o TargetKey) -> Case<'o, 'static>
    where
        'g: 'o,
    {
        let Case { graph, kind, rules, view, .. } = self;
        Case { graph, kind, rules, target, view, recorder: super::Recorder(None) }
    }

    /// Whether the target is to be deleted or emptied because of a source, now or when its delay is over, and is not approved.
    fn is_to_be_removed(self, source: &SourceKey) -> bool {
        let Some(owned) = Owned::prove(self.graph, self.target) else { return false };
        let marks = owned.marks();
        if marks.removal_approved || owned.node().deleting || self.target_may_be_written(marks).is_break() {
            return false;
        }
        // A replica that is kept for ever (`removal-delay: never`) is not due.
        let stays = |stopped: &Stopped<'_>, inherited: Option<RemovalDelay>| {
            stopped.without.is_some() && stopped.delay.or(inherited) == Some(RemovalDelay::Never)
        };
        let (from, receiver) = match &marks.replicated_by {
            None => (marks.replicate_from.as_ref(), Receiver::of(owned)),
            Some(creator) => match self.creator(creator) {
                Answer::Continue(Creator::Stopped(stopped)) => {
                    return *creator == *source
                        && !stays(&stopped, marks.removal_delay)
                        && self.is_made_by_controller(owned, &stopped).is_continue();
                }
                Answer::Continue(Creator::Pushes(Pushing { marks: pushed, .. })) => match &pushed.replicate_from {
                    Some(from) => (Some(from), Receiver::of_combined(owned, pushed, from)),
                    None => return false,
                },
                Answer::Break(_) => return false,
            },
        };
        let Some(from) = from.filter(|from| **from == *source && receiver.has_received) else { return false };
        match self.gate_now(from, &receiver) {
            Answer::Continue(Gate::GivesNothing(stopped)) => !stays(&stopped, None),
            _ => false,
        }
    }

    /// SPEC 11.1: waits until the removal delay is over.
    fn delayed(self, stopped: &Stopped<'g>, inherited: Option<RemovalDelay>) -> Option<Decision<'g>> {
        let without = stopped.without.filter(|_| !crate::bug!(DelayForgotten))?;
        let by_flag = RemovalDelay::After(self.rules.removal_delay);
        let delay = match stopped.delay.or(inherited).unwrap_or(by_flag) {
            RemovalDelay::After(Duration::ZERO) => return None,
            RemovalDelay::Never if crate::bug!(NeverIsForgotten) => Some(self.rules.removal_delay),
            RemovalDelay::After(delay) => Some(delay),
            RemovalDelay::Never => None,
        };
        let said = delay.map_or("never".to_owned(), crate::duration::written);
        let fact = || {
            let source = stopped.source;
            let lost = match without {
                Withdrawal::Object => format!("{source} does not exist"),
                Withdrawal::Push => format!("{source} has no annotation of a push"),
                Withdrawal::Consent => format!("{source} has no annotation of consent"),
            };
            format!("{lost}, removal-delay: {said}")
        };
        let now = self.graph.time();
        // If the graph does not know since when, the delay begins now, so that nothing is removed too early.
        let since = self.graph.withdrawn(stopped.source, without).unwrap_or(now);
        let since = if crate::bug!(DelayNeverEnds) { now } else { since };
        if crate::bug!(DelayForgottenAtStart) && since < Duration::from_secs(1) {
            return None;
        }
        let until = delay.and_then(|delay| since.checked_add(delay));
        let verdict = Verdict {
            reason: Reason::RemovalDelayed,
            source: Some(stopped.source.clone()),
            detail: Some(format!("{}, removal-delay: {said}", stopped.reason)),
        };
        let decision = match until {
            Some(until) if until <= now => {
                self.note(Question::RemovalDelay, Outcome::Passed, fact);
                return None;
            }
            Some(until) => Decision::Wait(verdict, until),
            None => Decision::Refuse(verdict),
        };
        self.note(Question::RemovalDelay, decision.outcome(), fact);
        Some(decision)
    }

    /// SPEC 7: takes away the data that the target received.
    pub(super) fn clear(self, owned: Owned<'g>, stopped: &Stopped<'g>) -> End<'g> {
        let type_ = self.type_of_target(owned.node(), stopped.source)?;
        let mut wanted = Wanted::default();
        wanted.take(Annotation::ALL, owned.marks());
        PULLED.iter().for_each(|annotation| wanted.set(*annotation, None));
        let at_rest = nothing(stopped.reason, Some(stopped.source));
        let (reason, source) = (stopped.reason, stopped.source);
        wanted.set(Annotation::RemovalApproved, None);
        self.settle(owned, Aim { wanted, data: Data::Cleared, type_, reason, source, at_rest, gives: None })
    }
}

/// Whether a target holds, or held, a copy (SPEC 7).
pub(super) fn has_received(marks: &Marks) -> bool {
    PULLED.iter().any(|annotation| marks.text(*annotation).is_some())
}
