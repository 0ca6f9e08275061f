//! What becomes of a replica that nobody gives anything any more: when it goes (SPEC 11.1), whether it is the controller's to
//! delete (SPEC 3, 1), and what is left to do while its finalizers hold it (SPEC 9.16).

use std::time::Duration;

use super::creator::{Creator, Stopped};
use super::plan::{Aim, Data, PULLED, Verb, Wanted};
use super::pull::{Gate, Receiver};
use super::{Answer, Case, Decision, End, Verdict, nothing, refuse};
use crate::action::Owned;
use crate::annotations::{Annotation, Marks, RemovalDelay};
use crate::managers::Owners;
use crate::reason::Reason;
use crate::trail::Question;

impl<'g> Case<'g, '_> {
    /// Its creator does not push to it any more.
    pub(super) fn remove_when_due(self, owned: Owned<'g>, stopped: &Stopped<'g>) -> End<'g> {
        self.is_made_by_controller(owned, stopped)?;
        if let Some(postponed) = self.postponed(stopped, owned.marks().removal_delay) {
            return Answer::Break(postponed);
        }
        self.remove(owned, Verb::Delete, stopped.reason, stopped.source)
    }

    /// What others copied or restored is theirs, as long as no source pushes to it.
    fn is_made_by_controller(self, owned: Owned<'g>, stopped: &Stopped<'g>) -> Answer<'g> {
        let owners = owned.node().managers.replicated_by;
        let fact = || format!("managedFields name as owners of replicated-by: {owners:?}");
        match owners {
            Owners::Others => {
                let refused = refuse(Reason::NotMadeByController, Some(stopped.source), None);
                self.stop(Question::MadeByController, refused, fact)
            }
            Owners::Nobody | Owners::Controller | Owners::Shared => self.pass(Question::MadeByController, fact),
        }
    }

    /// The decision to keep a replica for now, if it is not due yet. `inherited`: the removal delay that counts where the
    /// source says none.
    pub(super) fn postponed(self, stopped: &Stopped<'_>, inherited: Option<RemovalDelay>) -> Option<Decision<'g>> {
        let without = stopped.without?;
        let by_flag = RemovalDelay::After(self.rules.removal_delay);
        let delay = match stopped.delay.or(inherited).unwrap_or(by_flag) {
            RemovalDelay::After(Duration::ZERO) => return None,
            RemovalDelay::After(delay) => Some(delay),
            RemovalDelay::Never => None,
        };
        let said = delay.map_or("never".to_owned(), |delay| format!("{delay:?}"));
        let fact = || format!("{} is without {without:?}, removal-delay: {said}", stopped.source);
        let now = self.graph.time();
        // Where it is not known since when, it begins now: nothing is removed too early.
        let since = self.graph.withdrawn(stopped.source, without).unwrap_or(now);
        let until = delay.and_then(|delay| since.checked_add(delay));
        let verdict = Verdict {
            reason: Reason::RemovalDelayed,
            source: Some(stopped.source.clone()),
            detail: Some(format!("{}, removal-delay: {said}", stopped.reason)),
        };
        let decision = match until {
            Some(until) if until <= now => {
                self.note(Question::RemovalDelay, crate::trail::Outcome::Passed, fact);
                return None;
            }
            Some(until) => Decision::Wait(verdict, until),
            None => Decision::Refuse(verdict),
        };
        self.note(Question::RemovalDelay, decision.outcome(), fact);
        Some(decision)
    }

    /// The target is being deleted, and waits for its finalizers. Nothing is written to it but that it is emptied, where it
    /// would have to be emptied or deleted (SPEC 9.16).
    pub(super) fn terminating(self, owned: Owned<'g>) -> End<'g> {
        let marks = owned.marks();
        let alone = || nothing(Reason::BeingDeleted, None);
        if !has_received(marks) {
            return self.stop(Question::Terminating, alone(), || "it is, and holds nothing of a source".to_owned());
        }
        self.pass(Question::Terminating, || "it is, and holds what a source gave".to_owned())?;
        let Some(stopped) = self.withdrawn_from(owned)? else {
            return self.stop(Question::AsWanted, alone(), || "nothing was withdrawn".to_owned());
        };
        if owned.node().immutable {
            return self.stop(Question::Changeable, alone(), || "it is immutable".to_owned());
        }
        self.clear(owned, &stopped)
    }

    /// Why the data of a target that is being deleted has to go, if so.
    fn withdrawn_from(self, owned: Owned<'g>) -> Answer<'g, Option<Stopped<'g>>> {
        let marks = owned.marks();
        let mut receiver = Receiver::of(owned);
        let from = match &marks.replicated_by {
            None => marks.replicate_from.as_ref(),
            Some(creator) => match self.creator(creator)? {
                Creator::Stopped(stopped) => {
                    self.is_made_by_controller(owned, &stopped)?;
                    if let Some(postponed) = self.postponed(&stopped, marks.removal_delay) {
                        return Answer::Break(postponed);
                    }
                    return Answer::Continue(Some(stopped));
                }
                Creator::Pushes(pushing) => {
                    receiver.removal_delay = pushing.marks.removal_delay;
                    pushing.marks.replicate_from.as_ref()
                }
            },
        };
        let Some(from) = from else { return Answer::Continue(None) };
        match self.gate(from, &receiver)? {
            Gate::Gives(_) | Gate::Refuses(..) => Answer::Continue(None),
            Gate::NotYet(decision) => Answer::Break(decision),
            Gate::GivesNothing(stopped) => Answer::Continue(Some(stopped)),
        }
    }

    /// SPEC 7: what was received is taken away.
    pub(super) fn clear(self, owned: Owned<'g>, stopped: &Stopped<'g>) -> End<'g> {
        let type_ = self.type_of_target(owned.node(), stopped.source)?;
        let mut wanted = Wanted::default();
        wanted.take(Annotation::ALL, owned.marks());
        PULLED.iter().for_each(|annotation| wanted.set(*annotation, None));
        let at_rest = nothing(stopped.reason, Some(stopped.source));
        let (reason, source) = (stopped.reason, stopped.source);
        self.settle(owned, Aim { wanted, data: Data::Cleared, type_, reason, source, at_rest, gives: None })
    }
}

/// Whether a target holds, or held, what a source gave (SPEC 7).
pub(super) fn has_received(marks: &Marks) -> bool {
    PULLED.iter().any(|annotation| marks.text(*annotation).is_some())
}
