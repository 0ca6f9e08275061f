//! Which reports become Events, and on which object.

use std::hash::{Hash, Hasher};

use k8s_replicator_core::bug;
use k8s_replicator_core::decide::Verb;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::Key;
use k8s_replicator_core::observed::{ResourceVersion, Uid};
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;

use crate::report::{Outcome, Report, done, failed};

/// The longest note that the API server accepts.
const LONGEST_NOTE: usize = 1_024;
/// A failure that passes by itself, and that is not tried again for so long, goes on: then somebody has to know.
const GOES_ON: std::time::Duration = std::time::Duration::from_secs(3);

/// An object that an Event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Party {
    /// `Secret`.
    pub kind: &'static str,
    /// Its name.
    pub key: Key,
    /// `metadata.uid`, if it exists.
    pub uid: Option<String>,
}

/// Something that happened. Two that are equal become one Event, as a series.
#[derive(Debug, Clone)]
pub struct Occurrence {
    /// The object whose owner can act.
    pub regarding: Party,
    /// The object at the other end: the source of a target, or the target of a source.
    pub related: Option<Party>,
    /// Whether somebody has to act.
    pub is_warning: bool,
    /// Why.
    pub reason: Reason,
    /// What was done, as a verb.
    pub action: &'static str,
    /// For a person.
    pub note: String,
    /// The source's version. It is ignored when two are compared.
    pub version: Option<ResourceVersion>,
}

impl Occurrence {
    fn same(&self) -> (&Party, &Option<Party>, bool, Reason, &str, &str) {
        (&self.regarding, &self.related, self.is_warning, self.reason, self.action, &self.note)
    }

    /// The occurrence for a report; `None`: it is not worth an Event, or its object does not exist, so that there is none to put it
    /// on.
    #[must_use]
    pub fn of(graph: &Graph, kind: &dyn Kind, report: &Report) -> Option<Self> {
        let Report { target, verdict, outcome, .. } = report;
        let reason = match outcome {
            Outcome::Failed { reason, .. } => *reason,
            _ => verdict.reason,
        };
        let is_warning = is_warning(reason, outcome)?;
        let marks = graph.node(target).and_then(|node| node.marks());
        let named = || marks.and_then(|marks| marks.replicated_by.as_ref().or(marks.replicate_from.as_ref()));
        // An object that is advised about has no other end.
        let source = match outcome {
            Outcome::Advice => None,
            _ => verdict.source.as_ref().or_else(named).map(|source| &**source),
        };
        let source = source.filter(|source| **source != **target);
        let source_node = source.and_then(|source| graph.node(source));
        let pulls = marks.is_some_and(|marks| marks.replicated_by.is_none() && marks.replicate_from.is_some());
        let is_for_source = source_node.is_some() && whose(reason, outcome, pulls, graph.node(target).is_some());
        let party =
            |key: &Key| Party { kind: kind.name(), key: key.clone(), uid: graph.node(key).map(|node| uid(&node.uid)) };
        let (regarding, related) = match (is_for_source, source) {
            (true, Some(source)) => (party(source), Some(party(target))),
            _ => (party(target), source.map(party)),
        };
        let namespace = regarding.key.namespace();
        let has_place = graph.covers(namespace) && graph.namespace(namespace).is_some_and(|facts| !facts.terminating);
        let note = note(report, reason, related.as_ref().map(|related| (is_for_source, &related.key)));
        has_place.then(|| Self {
            regarding,
            related,
            is_warning,
            reason,
            action: action(outcome),
            note: shortened(note),
            version: source_node.map(|node| node.resource_version.clone()),
        })
    }
}

impl PartialEq for Occurrence {
    fn eq(&self, other: &Self) -> bool {
        self.same() == other.same()
    }
}

impl Eq for Occurrence {}

impl Hash for Occurrence {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.same().hash(state);
    }
}

fn uid(uid: &Uid) -> String {
    uid.to_string()
}

/// Whether somebody has to act; `None`: it is not worth an Event.
fn is_warning(reason: Reason, outcome: &Outcome) -> Option<bool> {
    let needs_somebody = matches!(reason, Reason::RemovalHeld | Reason::SourceIncomplete);
    match outcome {
        Outcome::Nothing => None,
        Outcome::Done { .. } | Outcome::Advice => Some(false),
        Outcome::Refused | Outcome::Waits(_) => Some(needs_somebody || State::at_rest(reason) == Some(State::Refused)),
        Outcome::Failed { retry_in, .. } => {
            let needs_somebody = matches!(reason, Reason::Forbidden | Reason::Invalid | Reason::Contested);
            (needs_somebody || *retry_in >= GOES_ON).then_some(!bug!(FailureRecordedAsDone))
        }
    }
}

/// Whether the owner of the source, if there is one, can act, and not that of the target.
fn whose(reason: Reason, outcome: &Outcome, pulls: bool, target_exists: bool) -> bool {
    match outcome {
        Outcome::Done { .. } | Outcome::Nothing | Outcome::Advice => false,
        Outcome::Failed { .. } => !target_exists,
        Outcome::Refused | Outcome::Waits(_) => match reason {
            Reason::SourceIllFormed
            | Reason::SourceIncomplete
            | Reason::NotCreatedBySource
            | Reason::AnotherSourceWins
            | Reason::NotAccepted => true,
            Reason::IllFormed | Reason::Paused | Reason::NotMadeByController => false,
            // A push is what the source's owner asked for, a pull what the target's owner asked for.
            _ => !pulls,
        },
    }
}

fn action(outcome: &Outcome) -> &'static str {
    let of = |verb: Verb| match verb {
        Verb::Create => "Create",
        Verb::Adopt => "Adopt",
        Verb::Update => "Update",
        Verb::Clear => "Clear",
        Verb::Delete => "Delete",
        Verb::Recreate => "Recreate",
    };
    match outcome {
        Outcome::Done { verb, .. } => of(*verb),
        Outcome::Failed { verb, .. } => verb.map_or("Read", of),
        Outcome::Nothing => "Nothing",
        Outcome::Refused => "Refuse",
        Outcome::Waits(_) => "Wait",
        Outcome::Advice => "Advise",
    }
}

/// The note: the text of the log line. `other`: whether the other end is the target, and its name.
fn note(report: &Report, reason: Reason, other: Option<(bool, &Key)>) -> String {
    let other = match other {
        Some((true, target)) => format!(" Target: {target}."),
        Some((false, source)) => format!(" Source: {source}."),
        None => String::new(),
    };
    let sentence = reason.sentence();
    match &report.outcome {
        Outcome::Done { verb, .. } => format!("{}: {sentence}{other}", capitalized(done(*verb))),
        Outcome::Failed { verb, error, .. } => format!("{}: {sentence}{other} {error}", capitalized(failed(*verb))),
        _ => {
            let detail = report.verdict.detail.as_deref().map(|detail| format!(" {detail}")).unwrap_or_default();
            format!("{sentence}{other}{detail}")
        }
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

/// As long as a note may be, in bytes.
fn shortened(mut note: String) -> String {
    const MORE: &str = "…";
    if note.len() > LONGEST_NOTE {
        let end = (0..=LONGEST_NOTE - MORE.len()).rev().find(|end| note.is_char_boundary(*end)).unwrap_or(0);
        note.truncate(end);
        note.push_str(MORE);
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_as_long_as_it_may_be() {
        for text in ["x", "é", "語", "😀"] {
            let note = shortened(text.repeat(LONGEST_NOTE));
            assert!(note.len() <= LONGEST_NOTE && note.len() > LONGEST_NOTE - 8, "{text}: {}", note.len());
            assert_eq!(shortened(text.to_owned()), text);
        }
    }

    #[test]
    fn a_note_that_fits_is_not_shortened() {
        for length in [LONGEST_NOTE - 1, LONGEST_NOTE] {
            let note = "x".repeat(length);
            assert_eq!(shortened(note.clone()), note);
        }
    }

    /// An Event is a warning where somebody has to act.
    #[test]
    fn which_are_warnings() {
        let failed = |reason, seconds| {
            let retry_in = std::time::Duration::from_secs(seconds);
            is_warning(reason, &Outcome::Failed { verb: None, reason, error: String::new(), retry_in })
        };
        assert_eq!(failed(Reason::Forbidden, 1), Some(true));
        // What passes by itself is nobody's business, unless it goes on.
        for reason in [Reason::Conflict, Reason::Throttled, Reason::ServerError, Reason::Unreachable] {
            assert_eq!([failed(reason, 1), failed(reason, 5)], [None, Some(true)], "{reason}");
        }
        assert_eq!(is_warning(Reason::Loop, &Outcome::Refused), Some(true));
        assert_eq!(is_warning(Reason::Paused, &Outcome::Refused), Some(false));
        assert_eq!(is_warning(Reason::RemovalHeld, &Outcome::Waits(None)), Some(true));
        assert_eq!(is_warning(Reason::RemovalDelayed, &Outcome::Waits(None)), Some(false));
        assert_eq!(is_warning(Reason::LooksLikeGlob, &Outcome::Advice), Some(false));
        assert_eq!(is_warning(Reason::UpToDate, &Outcome::Nothing), None);
    }
}
