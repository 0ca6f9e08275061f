//! What is asked before anything else about a target: whether the program may write in its namespace at all, and whether the target,
//! its source or its namespace is paused; and whether the namespace accepts replicas (SPEC 11.4, 11.7).

use super::creator::Pushing;
use super::{Answer, Case, Source, refuse};
use crate::annotations::{Annotation, Marks, oddity};
use crate::graph::Graph;
use crate::names::SourceKey;
use crate::namespace::NamespaceFacts;
use crate::reason::Reason;
use crate::trail::Question;

/// The objects of which a pause is one of the target with these `marks` too: the `source` that plays a part in it, and where it is a
/// replica of a combined object, which has two, also the one that it pulls from. One may come twice.
pub(crate) fn sources<'g>(
    graph: &'g Graph,
    marks: Option<&'g Marks>,
    source: Option<&'g SourceKey>,
) -> impl Iterator<Item = &'g SourceKey> {
    let above = source.and_then(|key| graph.node(key)?.marks()?.replicate_from.as_ref());
    let above = above.filter(|_| marks.is_none_or(|marks| marks.replicated_by.is_some()));
    let own = marks.and_then(|marks| marks.replicate_from.as_ref());
    [source, above, own].into_iter().flatten()
}

impl<'g> Case<'g, '_> {
    /// Of a target that exists: ends if nothing may be written to it.
    pub(super) fn target_may_be_written(self, marks: &'g Marks) -> Answer<'g> {
        self.may_be_written(Some(marks), marks.replicated_by.as_ref().or(marks.replicate_from.as_ref()))
    }

    /// Of a target that exists (`marks`), or whose name a source pushes to: ends if nothing may be written to it. `source`: the source that
    /// plays a part in it.
    pub(super) fn may_be_written(self, marks: Option<&'g Marks>, source: Option<&'g SourceKey>) -> Answer<'g> {
        self.is_not_excluded(source)?;
        self.namespace_says(marks.is_some(), source)?;
        self.is_not_paused(marks, source)
    }

    /// `--exclude-namespaces`.
    fn is_not_excluded(self, source: Option<&SourceKey>) -> Answer<'g> {
        let namespace = self.target.namespace();
        if self.rules.exclude_namespaces.matches(namespace) && !crate::bug!(ExclusionForgotten) {
            let refused = refuse(Reason::NamespaceExcluded, source, None);
            return self.stop(Question::Excluded, refused, || format!("--exclude-namespaces names {namespace}"));
        }
        Answer::Continue(())
    }

    /// An object can be shown before its namespace is: what that says is not known then, and it is waited for.
    fn namespace_says(self, exists: bool, source: Option<&SourceKey>) -> Answer<'g> {
        let namespace = self.target.namespace();
        match self.graph.namespace(namespace) {
            None if exists && self.graph.covers(namespace) => {
                let waits = super::nothing(Reason::NamespaceMissing, source);
                self.stop(Question::NamespaceSays, waits, || format!("{namespace} is not known to exist"))
            }
            // Of a name that is not taken this is asked in its turn.
            None => Answer::Continue(()),
            Some(facts) => match facts.ill_formed() {
                Some(_) if crate::bug!(IllFormedNamespacePassed) => Answer::Continue(()),
                Some(error) => {
                    let detail = format!("{namespace}: {error}");
                    let refused = refuse(Reason::NamespaceIllFormed, source, Some(detail.clone()));
                    self.stop(Question::NamespaceSays, refused, || detail)
                }
                None => Answer::Continue(()),
            },
        }
    }

    /// SPEC 11.7: a paused object that is missing or ill-formed is not known to be paused.
    fn is_not_paused(self, marks: Option<&'g Marks>, source: Option<&'g SourceKey>) -> Answer<'g> {
        let paused = |what: String| {
            let refused = refuse(Reason::Paused, source, Some(format!("{what} is paused")));
            self.stop(Question::Paused, refused, || format!("{what} says paused"))
        };
        let namespace = self.target.namespace();
        if self.facts_of_namespace().is_paused() && !crate::bug!(PausedNamespaceWritten) {
            return paused(format!("the namespace {namespace}"));
        }
        if marks.is_some_and(|marks| marks.paused) && !crate::bug!(PausedTargetWritten) {
            return paused(self.target.to_string());
        }
        for key in sources(self.graph, marks, source) {
            let says = self.graph.node(key).and_then(|node| node.marks());
            if says.is_some_and(|marks| marks.paused) && !crate::bug!(PausedSourceFollowed) {
                return paused(key.to_string());
            }
        }
        Answer::Continue(())
    }

    /// What is known of the target's namespace.
    pub(super) fn facts_of_namespace(self) -> &'g NamespaceFacts {
        self.graph.namespace(self.target.namespace()).unwrap_or(NamespaceFacts::UNKNOWN)
    }

    /// Whether the target's namespace lets sources of this namespace push into it (SPEC 11.4). Its own sources always may.
    pub(super) fn accepts(self, source: &SourceKey) -> bool {
        let accepts = self.facts_of_namespace().accepts();
        let unless_said = !self.rules.require_acceptance || crate::bug!(RequirementForgotten);
        crate::bug!(AcceptanceForgotten)
            || source.namespace() == self.target.namespace()
            || accepts.map_or(unless_said, |list| list.matches(source.namespace()))
    }

    /// The answer to that question, for the trail.
    pub(super) fn accepts_says(self) -> String {
        let namespace = self.target.namespace();
        match self.facts_of_namespace().accepts() {
            Some(list) => format!("{namespace}: accept-replicas-from: {:?}", crate::names::excerpt(list.as_str())),
            None => format!("{namespace}: no accept-replicas-from"),
        }
    }

    /// What is probably not meant as it is written there. There is no advice on namespaces: whoever is refused is shown it.
    pub(super) fn oddity_of_acceptance(self) -> Option<String> {
        oddity(Annotation::AcceptReplicasFrom, self.facts_of_namespace().accepts()?)
    }

    /// Ends if the namespace does not accept the replica that is to be made.
    pub(super) fn is_accepted(self, Pushing { source: Source { key, .. }, .. }: Pushing<'g>) -> Answer<'g> {
        if self.accepts(key) {
            return Answer::Continue(());
        }
        let refused = refuse(Reason::NotAccepted, Some(key), self.oddity_of_acceptance());
        self.stop(Question::Accepted, refused, || self.accepts_says())
    }
}
