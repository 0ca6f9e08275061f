//! The trail of a decision: the questions that were asked about a target, with the fact that answered each, and its outcome.
//!
//! It answers "why is my secret not there?". It is recorded by [`decide_recording`](crate::decide::decide_recording) alone;
//! the control loop decides without it and pays nothing.
//!
//! The questions come in the order of [`Question::ALL`], each at most once. Not every question is asked about every target: a
//! pull is not asked who made the target, and the first question that decides is followed only by [`Question::AsWanted`],
//! where something may be left to write. The *guards* (whether the program may write in the namespace, and this data to this object)
//! are asked wherever something would be written, and recorded only where they stop it.

use std::fmt;

use crate::names::Key;
use crate::reason::Reason;

macro_rules! questions {
    ($($variant:ident $rule:literal $text:literal)+) => {
        /// A question of SPEC 3 to 7, 9 and 11. Names and order are stable. `Display` gives rule and name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Question {
            $(
                #[doc = $text]
                $variant,
            )+
        }

        impl Question {
            /// Every question, in the order in which they are asked.
            pub const ALL: &[Question] = &[$(Question::$variant),+];

            /// The stable name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Question::$variant => stringify!($variant),)+
                }
            }

            /// The section of the behaviour contract.
            #[must_use]
            pub fn rule(self) -> &'static str {
                match self {
                    $(Question::$variant => $rule,)+
                }
            }

            /// The question, for a person.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $(Question::$variant => $text,)+
                }
            }
        }
    };
}

questions! {
    FirstLists "SPEC 8" "Are the first lists complete?"
    WellFormed "SPEC 3.0" "Are the object's annotations well-formed?"
    Excluded "SPEC 11.4" "May the program write in the target's namespace?"
    NamespaceSays "SPEC 11.4, 11.7" "Are the annotations of the target's namespace known and well-formed?"
    Paused "SPEC 3.0, 11.7" "Is neither the target, nor its source, nor its namespace paused?"
    IsTarget "SPEC 3.0, 3.2" "Does the object ask for data, or was it made by a push?"
    Terminating "SPEC 9.16" "Is the object being deleted, so that it may only be emptied?"
    Creator "SPEC 3.1" "Does the source that made the replica still push to it?"
    Pushed "SPEC 3.4, 3.5" "Which source pushes to this name?"
    Watched "SPEC 10" "Does the program watch the target's namespace?"
    Namespace "SPEC 3.4, 9.7" "Does the target's namespace exist, and is it not being deleted?"
    Accepted "SPEC 11.4" "Does the target's namespace accept replicas from the source's?"
    MadeByController "SPEC 3.1" "Did the controller make the replica that is to be deleted?"
    Adoption "SPEC 3.1" "Did someone else make the replica that the source pushes to?"
    SourceExists "SPEC 3.3" "Does the object that the data comes from exist?"
    SourceWellFormed "SPEC 5.1" "Are the source's annotations well-formed?"
    Consent "SPEC 5.2" "Does the source allow this namespace to pull?"
    ChainAllows "SPEC 5.3" "Does the chain above the source allow this namespace?"
    NoLoop "SPEC 5.4" "Does the source's data come from elsewhere than from this target?"
    ChainFilled "SPEC 5.5" "Does the source, a replica itself, hold a copy?"
    NoRing "SPEC 5.6, 9.12" "Does the chain of pulls end, without coming back to this target?"
    RemovalDelay "SPEC 11.1" "Has the source been missing, or without its push or consent, for the removal delay?"
    RemovalLimit "SPEC 11.2" "Are no more replicas due for removal because of the source than may be removed at once?"
    Once "SPEC 6" "Does replicate-once keep newer data away?"
    SameData "SPEC 4, 5.7, 9.3" "Does the target hold the source's data?"
    Keys "SPEC 11.5" "Can the target get the keys that are asked for?"
    KeysKept "SPEC 11.8" "May the target keep the keys that it holds?"
    SourceRead "SPEC 4, 5.8" "Has the content of the source been read, at its current version?"
    Complete "SPEC 11.9" "Do the source's certificate and key belong together?"
    SameType "SPEC 9.5" "Is the replica of the source's type?"
    Changeable "SPEC 9.5" "Can the target's data be changed?"
    NotProtected "SPEC 7" "Is neither the source nor the target of a protected type?"
    AsWanted "SPEC 4, 5.8, 7" "Are the target's data and annotations as they have to be?"
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rule(), self.name())
    }
}

/// The outcome of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The next question is asked.
    Passed,
    /// This question decides, for this reason.
    Decided(Reason),
    /// This object has to be read first.
    Needs(Key),
}

/// One question that was asked about a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The question.
    pub question: Question,
    /// The annotation or fact that answered it, in a few words. Never shows data.
    pub fact: String,
    /// Its outcome.
    pub outcome: Outcome,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → ", self.question, self.fact)?;
        match &self.outcome {
            Outcome::Passed => f.write_str("passed"),
            Outcome::Decided(reason) => write!(f, "{reason}"),
            Outcome::Needs(key) => write!(f, "{key} has to be read"),
        }
    }
}

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trail(Vec<Step>);

impl Trail {
    /// The steps, in the order in which they were taken.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.0.push(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names are stable: scripts of users depend on them.
    #[test]
    fn names_are_stable() {
        let names: Vec<&str> = Question::ALL.iter().map(|question| question.name()).collect();
        assert_eq!(
            names.join(" "),
            "FirstLists WellFormed Excluded NamespaceSays Paused IsTarget Terminating Creator Pushed Watched \
             Namespace Accepted MadeByController Adoption SourceExists SourceWellFormed Consent ChainAllows NoLoop ChainFilled NoRing \
             RemovalDelay RemovalLimit Once SameData Keys KeysKept SourceRead Complete SameType Changeable NotProtected AsWanted"
        );
        assert!(Question::ALL.is_sorted());
        for question in Question::ALL {
            assert!(question.text().ends_with('?') && question.rule().starts_with("SPEC "), "{question}");
        }
    }
}
