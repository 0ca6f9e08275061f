//! A target that is being deleted, and waits for its finalizers (SPEC 9.16).

use super::copy::Receiver;
use super::creator::{Creator, Stopped};
use super::pull::Gate;
use super::removal::has_received;
use super::{Answer, Case, End, Source, nothing};
use crate::action::Owned;
use crate::reason::Reason;
use crate::trail::Question;

impl<'g> Case<'g, '_> {
    /// The target is cleared where it would otherwise have to be cleared or deleted. Nothing else is written to it (SPEC 9.16).
    pub(super) fn terminating(self, owned: Owned<'g>) -> End<'g> {
        let marks = owned.marks();
        let alone = || nothing(Reason::BeingDeleted, None);
        if !has_received(marks) || crate::bug!(TerminatingTargetsKept) {
            return self.stop(Question::Terminating, alone(), || "it is, and holds no copy".to_owned());
        }
        self.pass(Question::Terminating, || "it is, and holds a copy".to_owned())?;
        let Some(stopped) = self.withdrawn_from(owned)? else {
            return self.stop(Question::AsWanted, alone(), || "its source still gives the data".to_owned());
        };
        if owned.node().is_immutable() {
            return self.stop(Question::Changeable, alone(), || "the target is immutable".to_owned());
        }
        self.clear(owned, &stopped)
    }

    /// Why the target's data has to be taken away, if it has to.
    fn withdrawn_from(self, owned: Owned<'g>) -> Answer<'g, Option<Stopped<'g>>> {
        let marks = owned.marks();
        let (mut receiver, mut combined) = (Receiver::of(owned), None);
        let from = match &marks.replicated_by {
            None => marks.replicate_from.as_ref(),
            Some(creator) => match self.creator(creator)? {
                Creator::Stopped(stopped) => {
                    self.is_made_by_controller(owned, &stopped)?;
                    if let Some(postponed) = self.postponed(&stopped, marks.removal_delay, marks.removal_approved) {
                        return Answer::Break(postponed);
                    }
                    return Answer::Continue(Some(stopped));
                }
                Creator::Pushes(pushing) => {
                    let from = pushing.marks.replicate_from.as_ref();
                    if let Some(from) = from {
                        combined = Some(pushing.source);
                        receiver = Receiver::of_combined(owned, pushing.marks, from);
                    }
                    from
                }
            },
        };
        let Some(from) = from else { return Answer::Continue(None) };
        match self.gate(from, &receiver)? {
            Gate::Gives(_) | Gate::Refuses(..) => Answer::Continue(None),
            Gate::NotYet(decision) => Answer::Break(decision),
            Gate::GivesNothing(stopped) => {
                // Nothing is taken away because of a source that is of a protected type by now (SPEC 7).
                if let Some(Source { key, node }) = combined {
                    self.type_of(key, node, key)?;
                }
                Answer::Continue(Some(stopped))
            }
        }
    }
}
