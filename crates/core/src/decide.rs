//! The decision about one target: what is to be done with it, and why (SPEC 3 to 7, 9 and 11).
//!
//! [`decide`] is the only place where that is decided. It reads the graph and changes nothing. Where the metadata is not
//! enough it says what it [`Need`]s: the caller reads that, puts it into the graph, and asks again. When it says [`Decision::Act`]
//! the action follows from the plan and, if data is to be copied, from the content of what it [needs](Plan::needs) at the version that
//! the graph holds. [`decide_recording`] decides the same and records each question that was asked (see
//! [`trail`](crate::trail), which lists them in their order).
//!
//! This file has the order of the questions (SPEC 3). `policy` asks whether anything may be written there (SPEC 11.4, 11.7),
//! `creator` asks whether a replica is still wanted, `removal` when a replica that is not wanted any more is removed, `install`
//! answers for pushes (SPEC 4), `pull` whether a source gives its data (SPEC 5), `copy` for the data (SPEC 5.7, 5.8, 6) and `keys`
//! for the keys of it that are copied (SPEC 11.5), `carry` for labels and annotations (SPEC 11.6), `terminating` for what is being
//! deleted, `plan` writes what differs. [`losers`] and [`advise`] report what the decision about a single target does not show.
//!
//! # Removal delay, chains and combined objects (SPEC 11.1)
//!
//! A replica is kept for the delay only while its *own* source is missing or has lost its annotations. Down a chain nothing waits
//! twice: an object that pulls from a cleared one is cleared at once, since the cleared one has waited already. A combined object's
//! replica waits for its creator (whose loss deletes it) and for what it pulls (whose loss empties it), each by itself. Only a copy
//! is worth waiting for: a replica that holds none, or one of what its creator does not ask for any more, is emptied at once. While
//! it waits its annotations still follow. The delay is the source's `removal-delay`, else the replica's (a pushed replica inherits
//! it; a pulling target's own comes first), else the flag.

mod advise;
mod carry;
mod copy;
mod creator;
mod install;
mod keys;
mod losers;
mod plan;
mod policy;
mod pull;
mod removal;
mod terminating;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::action::Owned;
use crate::annotations::{Annotation, Marks, PUSH};
use crate::facts::Facts;
use crate::graph::{FullView, Graph, Knowledge, Node};
use crate::keys::Projection;
use crate::kind::Kind;
use crate::names::{Key, SourceKey, TargetKey, excerpt};
use crate::observed::Annotated;
use crate::pattern::NamespaceList;
use crate::reason::Reason;
use crate::time::Moment;
use crate::trail::{Outcome, Question, Step, Trail};

pub use advise::advise;
pub use losers::losers;
pub use plan::{Plan, Verb};
pub(crate) use policy::sources;

use creator::{Creator, Pushing};

/// The flags on which decisions depend.
#[derive(Debug, Clone)]
pub struct Rules {
    /// `--allow-all`: sources without consent annotations may be pulled.
    pub allow_all: bool,
    /// `--removal-delay`: how long replicas are kept when their source is missing or has lost its annotations.
    pub removal_delay: Duration,
    /// `--removal-limit`: how many replicas may be removed because of one source at the same time (SPEC 11.2); `None`: any.
    pub removal_limit: Option<usize>,
    /// `--exclude-namespaces`: nothing is written in these (SPEC 11.4).
    pub exclude_namespaces: NamespaceList,
    /// `--require-acceptance`: a namespace that does not say which sources it accepts accepts none but its own (SPEC 11.4).
    pub require_acceptance: bool,
    /// `--hold-incomplete-tls`: a certificate without its key, or with another's, is not copied (SPEC 11.9).
    pub hold_incomplete_tls: bool,
    /// `--create-with-labels`.
    pub create_with_labels: Arc<BTreeMap<String, String>>,
}

impl Default for Rules {
    /// As the flags' defaults, but for the removal delay, which is zero, and the labels, of which there are none.
    fn default() -> Self {
        Self {
            allow_all: false,
            removal_delay: Duration::ZERO,
            removal_limit: None,
            exclude_namespaces: NamespaceList::default(),
            require_acceptance: false,
            hold_incomplete_tls: true,
            create_with_labels: Arc::default(),
        }
    }
}

/// The reason of a decision, and the source that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The reason.
    pub reason: Reason,
    /// The source that plays a part in it.
    pub source: Option<SourceKey>,
    /// Details, where the reason alone is not enough.
    pub detail: Option<String>,
}

/// What has to be read before it can be decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Need {
    /// Whether the object exists, and its metadata.
    Presence(Key),
    /// Its content, at its current version.
    Content(Key),
    /// What one target gets of its content, at its current version.
    Portion(Key, Arc<Projection>),
}

impl Need {
    /// The object that has to be read.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Presence(key) | Self::Content(key) | Self::Portion(key, _) => key,
        }
    }
}

/// See [`decide`].
#[derive(Debug)]
pub enum Decision<'g> {
    /// Nothing has to be done.
    Nothing(Verdict),
    /// The annotations ask for something that is not done until something changes.
    Refuse(Verdict),
    /// The target is left as it is until this time, and then decided about anew.
    Wait(Verdict, Moment),
    /// More has to be known.
    Need(Need),
    /// Something is to be written.
    Act(Plan<'g>),
}

/// Decides about one target.
#[must_use]
pub fn decide<'g>(graph: &'g Graph, kind: &'g dyn Kind, rules: &'g Rules, target: &'g TargetKey) -> Decision<'g> {
    decide_on(graph, kind, rules, target, Recorder(None))
}

/// As [`decide`], and returns the trail: each question that was asked, and its answer.
#[must_use]
pub fn decide_recording<'g>(
    graph: &'g Graph,
    kind: &'g dyn Kind,
    rules: &'g Rules,
    target: &'g TargetKey,
) -> (Decision<'g>, Trail) {
    let trail = RefCell::new(Trail::default());
    let decision = decide_on(graph, kind, rules, target, Recorder(Some(&trail)));
    (decision, trail.into_inner())
}

fn decide_on<'g>(
    graph: &'g Graph,
    kind: &'g dyn Kind,
    rules: &'g Rules,
    target: &'g TargetKey,
    recorder: Recorder<'_>,
) -> Decision<'g> {
    let Some(view) = graph.full_view() else {
        recorder.note(Question::FirstLists, Outcome::Decided(Reason::NotReady), || "they are not complete".to_owned());
        return nothing(Reason::NotReady, None);
    };
    recorder.note(Question::FirstLists, Outcome::Passed, || "they are complete".to_owned());
    let ControlFlow::Break(decision) = (Case { graph, kind, rules, target, view, recorder }).decide();
    decision
}

/// The answer to a question: what the next question goes on with, or the decision.
type Answer<'g, T = ()> = ControlFlow<Decision<'g>, T>;

/// The answer to the last question: always the decision.
type End<'g> = Answer<'g, Infallible>;

/// Where the steps of the trail are recorded; usually nowhere.
#[derive(Clone, Copy)]
struct Recorder<'t>(Option<&'t RefCell<Trail>>);

impl Recorder<'_> {
    #[inline]
    fn note(self, question: Question, outcome: Outcome, fact: impl FnOnce() -> String) {
        if let Some(trail) = self.0 {
            trail.borrow_mut().push(Step { question, fact: fact(), outcome });
        }
    }
}

/// A target, with all that is needed to decide about it.
#[derive(Clone, Copy)]
struct Case<'g, 't> {
    graph: &'g Graph,
    kind: &'g dyn Kind,
    rules: &'g Rules,
    target: &'g TargetKey,
    view: FullView,
    recorder: Recorder<'t>,
}

/// A source that exists and is well-formed.
#[derive(Clone, Copy)]
struct Source<'g> {
    key: &'g SourceKey,
    node: &'g Node,
}

fn nothing<'g>(reason: Reason, source: Option<&SourceKey>) -> Decision<'g> {
    Decision::Nothing(Verdict { reason, source: source.cloned(), detail: None })
}

fn refuse<'g>(reason: Reason, source: Option<&SourceKey>, detail: Option<String>) -> Decision<'g> {
    Decision::Refuse(Verdict { reason, source: source.cloned(), detail })
}

impl Decision<'_> {
    /// Why; `None`: more has to be known.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Nothing(verdict) | Self::Refuse(verdict) | Self::Wait(verdict, _) => Some(verdict.reason),
            Self::Act(plan) => Some(plan.verdict.reason),
            Self::Need(_) => None,
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::Nothing(verdict) | Self::Refuse(verdict) | Self::Wait(verdict, _) => Outcome::Decided(verdict.reason),
            Self::Need(need) => Outcome::Needs(need.key().clone()),
            Self::Act(plan) => Outcome::Decided(plan.verdict.reason),
        }
    }
}

/// These annotations of an object, as they stand there, for a [`Step`]. Selectors only where there are some.
fn says(marks: Option<&Marks>, annotations: &[Annotation]) -> String {
    let each = annotations.iter().filter_map(|annotation| match marks.and_then(|marks| marks.text(*annotation)) {
        Some(text) => Some(format!("{}: {:?}", annotation.name(), excerpt(text))),
        None if SELECTORS.contains(annotation) => None,
        None => Some(format!("no {}", annotation.name())),
    });
    each.collect::<Vec<_>>().join(", ")
}

const SELECTORS: [Annotation; 2] =
    [Annotation::ReplicateToNamespaceSelector, Annotation::ReplicationAllowedNamespaceSelector];

impl<'g> Case<'g, '_> {
    /// The order of SPEC 3.
    fn decide(self) -> End<'g> {
        let Some(node) = self.graph.node(self.target) else { return self.create() };
        self.is_well_formed(node)?;
        let owned = Owned::prove(self.graph, self.target);
        match owned.map(Owned::marks) {
            Some(marks) => self.target_may_be_written(marks)?,
            // An object that no source pushes to and that does not pull is not asked these questions.
            None => {
                if let Some(pushing) = self.winning() {
                    self.may_be_written(None, Some(pushing.source.key))?;
                }
            }
        }
        let owned = self.is_target(node, owned)?;
        let marks = owned.marks();
        if node.deleting {
            return self.terminating(owned);
        }
        match (&marks.replicated_by, &marks.replicate_from) {
            (Some(creator), _) => self.made_by(creator, owned),
            (None, Some(from)) => self.pull(from, owned),
            (None, None) => self.not_a_target(Reason::NotATarget, marks),
        }
    }

    /// SPEC 3, 0.
    fn is_well_formed(self, node: &Node) -> Answer<'g> {
        match &node.annotated {
            Annotated::Ill(error) => {
                let detail = error.to_string();
                self.stop(Question::WellFormed, refuse(Reason::IllFormed, None, Some(detail)), || error.to_string())
            }
            Annotated::Not | Annotated::Well(_) => {
                self.pass(Question::WellFormed, || "all its annotations are well-formed".to_owned())
            }
        }
    }

    /// SPEC 3, 0 and 2.
    fn is_target(self, node: &'g Node, owned: Option<Owned<'g>>) -> Answer<'g, Owned<'g>> {
        let asks = [Annotation::ReplicateFrom, Annotation::ReplicatedBy];
        if let Some(owned) = owned {
            self.pass(Question::IsTarget, || says(Some(owned.marks()), &asks))?;
            return ControlFlow::Continue(owned);
        }
        let marks = node.marks();
        let asks_for_its_targets = marks.is_some_and(|marks| marks.replicate_from.is_some());
        let reason = if asks_for_its_targets { Reason::PushesItself } else { Reason::NotATarget };
        self.not_a_target_of(reason, marks)
    }

    /// An object that is left alone. If a source pushes to its name, that is refused (SPEC 3, 5).
    fn not_a_target_of<T>(self, reason: Reason, marks: Option<&Marks>) -> Answer<'g, T> {
        let own = [Annotation::ReplicateFrom, Annotation::ReplicatedBy];
        let fact = || says(marks, &[&own[..], &PUSH].concat());
        match self.winning() {
            None => self.stop(Question::IsTarget, nothing(reason, None), fact),
            Some(Pushing { source, .. }) => {
                self.note(Question::IsTarget, Outcome::Decided(reason), fact);
                let refused = refuse(Reason::NotCreatedBySource, Some(source.key), None);
                self.stop(Question::Pushed, refused, || format!("{} pushes, and did not make the object", source.key))
            }
        }
    }

    fn not_a_target(self, reason: Reason, marks: &Marks) -> End<'g> {
        self.not_a_target_of(reason, Some(marks))
    }

    /// SPEC 3, 1: a push made this object.
    fn made_by(self, creator: &'g SourceKey, owned: Owned<'g>) -> End<'g> {
        match self.creator(creator)? {
            Creator::Pushes(pushing) => self.install(pushing, Some(owned)),
            Creator::Stopped(stopped) => self.remove_when_due(owned, &stopped),
        }
    }

    /// SPEC 3, 4: nothing is there.
    fn create(self) -> End<'g> {
        let Some(pushing) = self.winning() else {
            return self.stop(Question::Pushed, nothing(Reason::NotWanted, None), || {
                "no source pushes to this name".to_owned()
            });
        };
        let source = pushing.source.key;
        self.may_be_written(None, Some(source))?;
        self.pass(Question::Pushed, || source.to_string())?;
        let namespace = self.target.namespace();
        let is_outside = !self.graph.covers(namespace);
        if is_outside && !crate::bug!(OutsideWritten) {
            let refused = refuse(Reason::NamespaceNotWatched, Some(source), None);
            return self.stop(Question::Watched, refused, || format!("{namespace} is not among --namespaces"));
        }
        self.pass(Question::Watched, || namespace.to_owned())?;
        match self.graph.namespace(namespace).map(|facts| facts.terminating) {
            None if is_outside => self.install(pushing, None),
            None => self.stop(Question::Namespace, nothing(Reason::NamespaceMissing, Some(source)), || {
                format!("{namespace} does not exist")
            }),
            Some(true) => self.stop(Question::Namespace, nothing(Reason::NamespaceTerminating, Some(source)), || {
                format!("{namespace} is being deleted")
            }),
            Some(false) => {
                self.pass(Question::Namespace, || format!("{namespace} exists"))?;
                self.is_accepted(pushing)?;
                self.install(pushing, None)
            }
        }
    }

    // --- Steps ---

    fn note(self, question: Question, outcome: Outcome, fact: impl FnOnce() -> String) {
        self.recorder.note(question, outcome, fact);
    }

    /// Records that the next question is asked.
    fn pass(self, question: Question, fact: impl FnOnce() -> String) -> Answer<'g> {
        self.note(question, Outcome::Passed, fact);
        ControlFlow::Continue(())
    }

    /// Records that this question decides, and returns its decision.
    fn stop<T>(self, question: Question, decision: Decision<'g>, fact: impl FnOnce() -> String) -> Answer<'g, T> {
        if self.recorder.0.is_some() {
            self.note(question, decision.outcome(), fact);
        }
        ControlFlow::Break(decision)
    }

    /// Records that this has to be read before the question can be answered.
    fn need<T>(self, question: Question, need: Need) -> Answer<'g, T> {
        self.stop(question, Decision::Need(need), || "not known yet".to_owned())
    }

    // --- What is known of contents, or has to be read ---

    fn facts(self, question: Question, source: Source<'_>) -> Answer<'g, Facts> {
        match source.node.knowledge {
            Knowledge::Known(facts) => ControlFlow::Continue(facts),
            _ => self.need(question, Need::Content(source.key.clone().into())),
        }
    }

    /// The type of an object, for kinds that have one. A protected type decides at once (SPEC 7).
    fn type_of(self, key: &Key, node: &'g Node, because_of: &SourceKey) -> Answer<'g, Option<&'g Arc<str>>> {
        match &node.type_ {
            _ if !self.kind.is_typed() => ControlFlow::Continue(None),
            None => self.need(Question::NotProtected, Need::Content(key.clone())),
            Some(type_) if self.kind.is_protected(type_) && !crate::bug!(ProtectedTypesCopied) => {
                let detail = format!("{key} is a {type_}");
                let refused = refuse(Reason::ProtectedType, Some(because_of), Some(detail.clone()));
                self.stop(Question::NotProtected, refused, || detail)
            }
            Some(type_) => ControlFlow::Continue(Some(type_)),
        }
    }

    /// Stops if the object is known to be of a protected type. An unknown type is not read for that.
    fn is_not_known_as_protected(self, key: &Key, node: &'g Node, because_of: &SourceKey) -> Answer<'g> {
        if node.type_.is_some() {
            self.type_of(key, node, because_of)?;
        }
        ControlFlow::Continue(())
    }

    fn type_of_target(self, node: &'g Node, because_of: &SourceKey) -> Answer<'g, Option<&'g Arc<str>>> {
        self.type_of(self.target, node, because_of)
    }

    /// The type that a replica is to have: `replicate-type` of its source, else the source's own type.
    fn type_to_be(
        self,
        marks: &'g Marks,
        source: Option<&'g Arc<str>>,
        key: &SourceKey,
    ) -> Answer<'g, Option<&'g Arc<str>>> {
        let Some(type_) =
            marks.replicate_type.as_ref().filter(|_| self.kind.is_typed() && !crate::bug!(OtherTypeForgotten))
        else {
            return ControlFlow::Continue(source);
        };
        if self.kind.is_protected(type_) {
            let detail = format!("replicate-type: {type_}");
            let refused = refuse(Reason::ProtectedType, Some(key), Some(detail.clone()));
            return self.stop(Question::NotProtected, refused, || detail);
        }
        ControlFlow::Continue(Some(type_))
    }

    fn need_target<T>(self, question: Question) -> Answer<'g, T> {
        self.need(question, Need::Content(self.target.clone().into()))
    }
}
