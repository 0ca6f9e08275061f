//! The state of a target: what a decision, or a failed attempt, means for the people and pods that need the target, in one word
//! (SPEC 12).
//!
//! It is the metric's label, the column of `list` and the page's colour alike.

use std::fmt;

use crate::decide::Decision;
use crate::reason::Reason;

macro_rules! states {
    ($($variant:ident $name:literal $text:literal)+) => {
        /// See the [module](self). `Display` gives the name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum State {
            $(
                #[doc = $text]
                $variant,
            )+
        }

        impl State {
            /// Every state, from the best to the worst.
            pub const ALL: [State; 5] = [$(State::$variant),+];

            /// The stable name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(State::$variant => $name,)+
                }
            }

            /// One sentence for a person.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self {
                    $(State::$variant => $text,)+
                }
            }
        }
    };
}

states! {
    Current "current" "The target is as its source and the annotations want it."
    Waiting "waiting" "The target is not as wanted yet: for a namespace, a source, a delay, or its turn."
    Held "held" "The target keeps what it holds: replicate-once, a pause, the removal limit, or an incomplete certificate."
    Refused "refused" "What is asked for is not allowed, or is ill-formed."
    Failing "failing" "An attempt failed, and is repeated."
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl State {
    /// The state of a target about which this was decided; `None`: the object is no target.
    ///
    /// A target that is about to be read or written is not as wanted yet.
    #[must_use]
    pub fn of(decision: &Decision<'_>) -> Option<Self> {
        match decision {
            Decision::Nothing(verdict) | Decision::Refuse(verdict) | Decision::Wait(verdict, _) => {
                Self::at_rest(verdict.reason)
            }
            Decision::Need(_) | Decision::Act(_) => Some(Self::Waiting),
        }
    }

    /// The state of a target for which nothing is done, or an attempt failed, for this reason; `None`: it is no target, or the
    /// reason is advice.
    #[must_use]
    pub fn at_rest(reason: Reason) -> Option<Self> {
        match reason {
            Reason::UpToDate => Some(Self::Current),
            Reason::HeldByOnce | Reason::Paused | Reason::RemovalHeld | Reason::SourceIncomplete => Some(Self::Held),
            // A target that is about to be written, or that waits for something to appear.
            Reason::NewTarget
            | Reason::FirstCopy
            | Reason::SourceChanged
            | Reason::Drift
            | Reason::OnceVersionChanged
            | Reason::Emptied
            | Reason::Adopted
            | Reason::InheritedChanged
            | Reason::KeysTrimmed
            | Reason::TypeChanged
            | Reason::ReplicaImmutable
            | Reason::RemovalDelayed
            | Reason::SourceMissing
            | Reason::ChainBroken
            | Reason::NamespaceMissing
            | Reason::NamespaceTerminating
            | Reason::BeingDeleted
            | Reason::NotReady => Some(Self::Waiting),
            Reason::SourceStoppedPushing
            | Reason::ConsentMissing
            | Reason::ConsentRefused
            | Reason::NamespaceNotAllowed
            | Reason::ChainNotAllowed
            | Reason::NotAccepted
            | Reason::IllFormed
            | Reason::SourceIllFormed
            | Reason::NotCreatedBySource
            | Reason::NotMadeByController
            | Reason::AnotherSourceWins
            | Reason::Loop
            | Reason::Ring
            | Reason::ChainTooLong
            | Reason::ChainNotVisible
            | Reason::NamespaceExcluded
            | Reason::NamespaceIllFormed
            | Reason::KeyMissing
            | Reason::KeyNotAllowed
            | Reason::KeyRequired
            | Reason::SourceNotWatched
            | Reason::NamespaceNotWatched
            | Reason::ProtectedType
            | Reason::TargetImmutable => Some(Self::Refused),
            Reason::Contested
            | Reason::Conflict
            | Reason::Throttled
            | Reason::Forbidden
            | Reason::Invalid
            | Reason::ServerError
            | Reason::Unreachable => Some(Self::Failing),
            Reason::NotATarget
            | Reason::PushesItself
            | Reason::NotWanted
            | Reason::ItemNamesNothing
            | Reason::ListNamesNothing
            | Reason::NoNamespaceReached
            | Reason::LooksLikeGlob
            | Reason::NamesAreNamespaces
            | Reason::PushesOwnData
            | Reason::UnknownAnnotation
            | Reason::StubWillConflict
            | Reason::CertificateUnreadable => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names are stable: dashboards and scripts of users depend on them.
    #[test]
    fn names_are_stable() {
        let names: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
        assert_eq!(names, ["current", "waiting", "held", "refused", "failing"]);
        assert!(State::ALL.is_sorted());
    }

    /// Each state is that of some reason, and only "no target" and advice have none.
    #[test]
    fn every_state_has_a_reason() {
        for state in State::ALL {
            assert!(Reason::ALL.iter().any(|reason| State::at_rest(*reason) == Some(state)), "{state}");
        }
        let without: Vec<_> = Reason::ALL.iter().filter(|reason| State::at_rest(**reason).is_none()).collect();
        assert_eq!(without.len(), 12, "{without:?}");
    }
}
