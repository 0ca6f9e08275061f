//! The decision about one target: what is to be done with it, and why (SPEC 3 to 7 and 9).
//!
//! [`decide`] is the only place where that is decided. It reads the graph and changes nothing. Where the metadata is not
//! enough it says what it [`Need`]s: the caller reads that, tells the graph, and asks again. When it says [`Decision::Act`]
//! the action follows from the plan and, if data is to be copied, from the content of [`Plan::copies`] at the version that
//! the graph holds.
//!
//! This file has the order of the questions (SPEC 3); `install` answers for pushes (SPEC 4), `pull` for pulls (SPEC 5, 6).

mod install;
mod plan;
mod pull;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::action::Owned;
use crate::annotations::Marks;
use crate::graph::{Facts, FullView, Graph, Knowledge, Node, Presence};
use crate::kind::Kind;
use crate::names::{Key, SourceKey, TargetKey};
use crate::observed::{Annotated, ResourceVersion};
use crate::reason::Reason;
use crate::time::Moment;

pub use plan::{Plan, Verb};

/// What the flags say about deciding.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// `--allow-all`: sources without consent annotations may be pulled.
    pub allow_all: bool,
    /// `--removal-delay`: how long replicas are kept when their source is missing or says nothing any more.
    pub removal_delay: Duration,
    /// `--hold-incomplete-tls`: a certificate without its key, or with another's, is not copied (SPEC 11.9).
    pub hold_incomplete_tls: bool,
    /// `--create-with-labels`.
    pub create_with_labels: Arc<BTreeMap<String, String>>,
}

/// Why, and because of which source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The reason.
    pub reason: Reason,
    /// The source that plays a part in it.
    pub source: Option<SourceKey>,
    /// What exactly, where the reason alone does not tell.
    pub detail: Option<String>,
}

/// What has to be read before it can be decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Whether the object exists, and its metadata.
    Presence(Key),
    /// Its content, at its current version.
    Content(Key),
}

impl Need {
    /// The object that has to be read.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Presence(key) | Self::Content(key) => key,
        }
    }
}

/// See [`decide`].
#[derive(Debug)]
pub enum Decision<'g> {
    /// All is well.
    Nothing(Verdict),
    /// Something is asked for that is not done.
    Refuse(Verdict),
    /// It is left as it is until then, and decided anew.
    Wait(Verdict, Moment),
    /// More has to be known.
    Need(Need),
    /// Something is to be written.
    Act(Plan<'g>),
}

/// Decides about one target.
#[must_use]
pub fn decide<'g>(graph: &'g Graph, kind: &'g dyn Kind, rules: &'g Rules, target: &'g TargetKey) -> Decision<'g> {
    let Some(view) = graph.full_view() else {
        return Decision::Nothing(Verdict { reason: Reason::NotReady, source: None, detail: None });
    };
    match (Case { graph, kind, rules, target, view }).decide() {
        Ok(plan) => Decision::Act(plan),
        Err(end) => *end,
    }
}

/// A plan, or a reason to end without one. (Boxed, to keep the way of the plans light.)
type Outcome<'g, T = Plan<'g>> = Result<T, Box<Decision<'g>>>;

/// A target with what is there, and what is known of its source, while it is decided.
#[derive(Clone, Copy)]
struct Case<'g> {
    graph: &'g Graph,
    kind: &'g dyn Kind,
    rules: &'g Rules,
    target: &'g TargetKey,
    view: FullView,
}

/// A target that exists.
struct Existing<'g> {
    owned: Owned<'g>,
    node: &'g Node,
    marks: &'g Marks,
}

/// A source that exists and is well-formed.
#[derive(Clone, Copy)]
struct Source<'g> {
    key: &'g SourceKey,
    node: &'g Node,
}

fn nothing<'g>(reason: Reason, source: Option<&SourceKey>) -> Box<Decision<'g>> {
    Box::new(Decision::Nothing(Verdict { reason, source: source.cloned(), detail: None }))
}

fn refuse<'g>(reason: Reason, source: Option<&SourceKey>, detail: Option<String>) -> Box<Decision<'g>> {
    Box::new(Decision::Refuse(Verdict { reason, source: source.cloned(), detail }))
}

fn need<'g>(need: Need) -> Box<Decision<'g>> {
    Box::new(Decision::Need(need))
}

impl<'g> Case<'g> {
    /// The order of SPEC 3.
    fn decide(self) -> Outcome<'g> {
        let Some(node) = self.graph.node(self.target) else { return self.create() };
        let marks = match &node.annotated {
            Annotated::Ill(error) => return Err(refuse(Reason::IllFormed, None, Some(error.to_string()))),
            Annotated::Not => return Err(self.not_a_target(Reason::NotATarget)),
            Annotated::Well(marks) => &**marks,
        };
        let Some(owned) = Owned::prove(node) else {
            let asks_for_its_targets = marks.replicate_from.is_some();
            let reason = if asks_for_its_targets { Reason::PushesItself } else { Reason::NotATarget };
            return Err(self.not_a_target(reason));
        };
        if node.deleting {
            return Err(nothing(Reason::BeingDeleted, None));
        }
        let existing = Existing { owned, node, marks };
        match (&marks.replicated_by, &marks.replicate_from) {
            (Some(creator), _) => self.made_by(creator, existing),
            (None, Some(from)) => self.pull(from, existing),
            (None, None) => Err(self.not_a_target(Reason::NotATarget)),
        }
    }

    /// An object that is left alone. If a source pushes to its name, that is worth a word.
    fn not_a_target(self, reason: Reason) -> Box<Decision<'g>> {
        match self.oldest_pushing() {
            Some(source) => refuse(Reason::NotCreatedBySource, Some(source.key), None),
            None => nothing(reason, None),
        }
    }

    /// SPEC 3, 4: nothing is there.
    fn create(self) -> Outcome<'g> {
        let Some(source) = self.oldest_pushing() else { return Err(nothing(Reason::NotWanted, None)) };
        if !self.graph.covers(self.target.namespace()) {
            return Err(refuse(Reason::NamespaceNotWatched, Some(source.key), None));
        }
        match self.graph.namespace_terminating(self.target.namespace()) {
            None => Err(nothing(Reason::NamespaceMissing, Some(source.key))),
            Some(true) => Err(nothing(Reason::NamespaceTerminating, Some(source.key))),
            Some(false) => self.install(source, None),
        }
    }

    /// SPEC 3, 1: a push made this object.
    fn made_by(self, creator: &'g SourceKey, existing: Existing<'g>) -> Outcome<'g> {
        let reason = match self.graph.presence(creator) {
            Presence::Unknown => return Err(need(Need::Presence(creator.clone().into()))),
            // Whether it still wants this replica cannot be known.
            Presence::Outside => return Err(refuse(Reason::SourceNotWatched, Some(creator), None)),
            Presence::Absent => Reason::SourceMissing,
            Presence::Present(node) => match &node.annotated {
                Annotated::Ill(error) => {
                    return Err(refuse(Reason::SourceIllFormed, Some(creator), Some(error.to_string())));
                }
                Annotated::Not => Reason::SourceStoppedPushing,
                Annotated::Well(marks) => {
                    let push = marks.effective_push().filter(|_| **creator != **self.target);
                    if push.is_some_and(|push| push.names(self.target)) {
                        return self.install(Source { key: creator, node }, Some(existing));
                    }
                    Reason::SourceStoppedPushing
                }
            },
        };
        self.remove(existing, Verb::Delete, reason, creator)
    }

    /// Among several sources the oldest wins. One of a protected type is passed over as long as there is another.
    fn oldest_pushing(self) -> Option<Source<'g>> {
        let protected = |node: &Node| node.type_.as_deref().is_some_and(|type_| self.kind.is_protected(type_));
        self.graph
            .pushing_to(self.target)
            .min_by_key(|(key, node)| (protected(node), node.created, *key))
            .map(|(key, node)| Source { key, node })
    }

    // --- What is known of contents, or has to be found out ---

    fn facts(self, source: Source<'_>) -> Outcome<'g, Facts> {
        match source.node.knowledge {
            Knowledge::Known(facts) => Ok(facts),
            _ => Err(need(Need::Content(source.key.clone().into()))),
        }
    }

    /// The type of an object, for kinds that have one. Protected types end every decision (SPEC 7).
    fn type_of(self, key: &Key, node: &'g Node, because_of: &SourceKey) -> Outcome<'g, Option<&'g Arc<str>>> {
        match &node.type_ {
            _ if !self.kind.is_typed() => Ok(None),
            None => Err(need(Need::Content(key.clone()))),
            Some(type_) if self.kind.is_protected(type_) => {
                Err(refuse(Reason::ProtectedType, Some(because_of), Some(format!("{key} is a {type_}"))))
            }
            Some(type_) => Ok(Some(type_)),
        }
    }

    /// Whether the target's data, copied from this source at version `copy`, still is the source's data.
    fn is_same(self, target: &Node, copy: &ResourceVersion, source: Source<'_>) -> Outcome<'g, bool> {
        if target.knowledge == Knowledge::Trusted && *copy == source.node.resource_version {
            return Ok(true);
        }
        let theirs = self.facts(source)?;
        match target.knowledge {
            Knowledge::Known(ours) => Ok(ours.digest == theirs.digest),
            _ => Err(self.need_target()),
        }
    }

    fn need_target(self) -> Box<Decision<'g>> {
        need(Need::Content(self.target.clone().into()))
    }
}
