//! What becomes of a replica that nobody gives anything any more: when it goes (SPEC 11.1), and whether it is the
//! controller's to delete (SPEC 3, 1).

use std::time::Duration;

use super::creator::Stopped;
use super::plan::{Aim, Data, PULLED, Verb, Wanted};
use super::{Answer, Case, Decision, End, Verdict, nothing, refuse};
use crate::action::Owned;
use crate::annotations::{Annotation, Marks, RemovalDelay};
use crate::managers::Owners;
use crate::reason::Reason;
use crate::trail::{Outcome, Question};

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
    pub(super) fn is_made_by_controller(self, owned: Owned<'g>, stopped: &Stopped<'g>) -> Answer<'g> {
        let owners = owned.node().managers.replicated_by;
        let fact = || format!("managedFields name as owners of replicated-by: {owners:?}");
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

    /// The decision to keep a replica for now, if it is not due yet. `inherited`: the removal delay that counts where the
    /// source says none.
    pub(super) fn postponed(self, stopped: &Stopped<'_>, inherited: Option<RemovalDelay>) -> Option<Decision<'g>> {
        let without = stopped.without.filter(|_| !crate::bug!(DelayForgotten))?;
        let by_flag = RemovalDelay::After(self.rules.removal_delay);
        let delay = match stopped.delay.or(inherited).unwrap_or(by_flag) {
            RemovalDelay::After(Duration::ZERO) => return None,
            RemovalDelay::Never if crate::bug!(NeverIsForgotten) => Some(self.rules.removal_delay),
            RemovalDelay::After(delay) => Some(delay),
            RemovalDelay::Never => None,
        };
        let said = delay.map_or("never".to_owned(), |delay| format!("{delay:?}"));
        let fact = || format!("{} is without {without:?}, removal-delay: {said}", stopped.source);
        let now = self.graph.time();
        // Where it is not known since when, it begins now: nothing is removed too early.
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
