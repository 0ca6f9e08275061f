//! What a plan says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_replicator_core::names::Key;
use k8s_replicator_core::state::State;

use crate::manifest::Problem;
use crate::place::Place;
use crate::planner::Effect;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something that is asked for is not done, or cannot be.
    Problem,
    /// Something is probably not meant as it is written. It blocks nothing.
    Advice,
    /// Something is done later: it waits for what does not exist yet, or is held on purpose.
    Wait,
}

/// What happens to one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// As in manifests: `Secret`.
    pub kind: &'static str,
    /// The target.
    pub target: Key,
    /// What is left of it in the end.
    pub effect: Effect,
    /// The reason's code.
    pub reason: &'static str,
    /// The reason in one sentence.
    pub sentence: &'static str,
    /// The source that plays a part in it.
    pub source: Option<Key>,
    /// What exactly, where the reason alone does not tell.
    pub detail: Option<String>,
    /// How long after the beginning, if not at once.
    pub after: Option<Duration>,
    /// Whether it depends on a content that the controller would read, and that the plan does not know.
    pub would_read: bool,
    /// The annotation that asks for it, if it is in a manifest.
    pub place: Option<Place>,
}

/// Something to be said about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// As in manifests: `Secret`.
    pub kind: &'static str,
    /// The object: `namespace/name`, or a namespace.
    pub object: String,
    /// How it stands, if it is a target.
    pub state: Option<State>,
    /// The reason's code.
    pub reason: &'static str,
    /// The reason in one sentence.
    pub sentence: &'static str,
    /// What to do about it.
    pub remedy: Option<&'static str>,
    /// The source that plays a part in it.
    pub source: Option<Key>,
    /// What exactly, where the reason alone does not tell.
    pub detail: Option<String>,
    /// The annotation that it is about, if it is in a manifest.
    pub place: Option<Place>,
    /// The other end's, if it is in a manifest.
    pub other: Option<Place>,
}

/// What a plan says.
#[derive(Debug, Default)]
pub struct Report {
    /// What happens, the worst first.
    pub lines: Vec<Line>,
    /// What is to be said.
    pub findings: Vec<Finding>,
    /// What is wrong with manifests themselves.
    pub problems: Vec<Problem>,
    /// How many targets would have been written also without the edit.
    pub pending: usize,
    /// How many objects were read.
    pub objects: usize,
    /// How many objects of other kinds were passed over.
    pub passed_over: BTreeMap<String, usize>,
    /// The namespaces that were taken to exist, since objects are in them or somebody said so.
    pub assumed_namespaces: BTreeSet<String>,
    /// What else has to be known: sentences.
    pub notes: Vec<String>,
}

impl Report {
    /// How many targets end so.
    #[must_use]
    pub fn count(&self, effect: Effect) -> usize {
        self.lines.iter().filter(|line| line.effect == effect).count()
    }

    /// The findings of a level.
    pub fn of(&self, level: Level) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.level == level)
    }

    /// How many problems there are, those of manifests included.
    #[must_use]
    pub fn problem_count(&self) -> usize {
        self.problems.len() + self.of(Level::Problem).count()
    }
}
