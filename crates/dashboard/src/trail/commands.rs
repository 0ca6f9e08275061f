//! Commands to paste: to look, and to put right what a reason complains of. They are in nobody's name: who pastes them has the rights,
//! or has not.

use k8s_replicator_core::annotations::Annotation;
use k8s_replicator_core::graph::Node;
use k8s_replicator_core::names::Key;
use k8s_replicator_core::reason::Reason;

use super::Case;
use crate::protocol::Command;

pub(super) fn paste(case: &Case<'_>, reason: Option<Reason>) -> Vec<Command> {
    let Case { graph, target, row, .. } = case;
    let source: Option<&Key> = row.and_then(|row| row.source.as_ref()).map(|source| &**source);
    let namespace = target.namespace();
    let is_paused = |key: &Key| graph.node(key).and_then(Node::marks).is_some_and(|marks| marks.paused);
    let mut commands = Vec::new();
    let mut add = |does, text: Option<String>| commands.extend(text.map(|text| Command { does, text }));
    match reason {
        Some(Reason::ConsentMissing) => {
            let set = source.map(|source| case.annotate(source, Annotation::ReplicationAllowedNamespaces, namespace));
            add("Allow this namespace", set);
        }
        Some(Reason::ConsentRefused) => {
            add("Allow it", source.map(|source| case.annotate(source, Annotation::ReplicationAllowed, "true")));
        }
        Some(Reason::NamespaceNotAllowed) => {
            let list = |source| {
                let marks = graph.node(source).and_then(Node::marks);
                let now = marks.and_then(|marks| marks.text(Annotation::ReplicationAllowedNamespaces));
                now.map_or_else(|| namespace.to_owned(), |now| format!("{now},{namespace}"))
            };
            let set = |source| case.annotate(source, Annotation::ReplicationAllowedNamespaces, &list(source));
            add("Allow this namespace too", source.map(set));
        }
        Some(Reason::NamespaceMissing) => add("Make it", Some(format!("kubectl create namespace {namespace}"))),
        Some(Reason::HeldByOnce) => {
            let again = |source| case.annotate_by(source, Annotation::ReplicateOnceVersion, "$(date +%s)");
            add("Copy once more", source.map(again));
        }
        Some(Reason::RemovalHeld) => {
            add("Let it go", Some(case.annotate(target, Annotation::RemovalApproved, "true")));
        }
        Some(Reason::NotAccepted) => {
            let key = case.dialect.key(Annotation::AcceptReplicasFrom);
            let from = source.map(|source| quoted(source.namespace()));
            let set = from.map(|from| format!("kubectl annotate namespace {namespace} --overwrite {key}={from}"));
            add("Accept them", set);
        }
        Some(Reason::Paused) => {
            let key = case.dialect.key(Annotation::Paused);
            let paused = [Some(&***target), source].into_iter().flatten().find(|key| is_paused(key));
            let text = match paused {
                Some(object) => format!("{} {key}-", case.kubectl("annotate", object)),
                None => format!("kubectl annotate namespace {namespace} {key}-"),
            };
            add("Go on", Some(text));
        }
        _ => {}
    }
    if graph.node(target).is_some() {
        add("Look at the target", Some(case.kubectl("describe", target)));
    }
    if let Some(source) = source.filter(|source| graph.node(source).is_some()) {
        add("Look at the source", Some(case.kubectl("describe", source)));
    }
    commands
}

impl Case<'_> {
    /// `kubectl describe` shows how long the values of a Secret are, never the values.
    fn kubectl(&self, verb: &str, object: &Key) -> String {
        let kind = self.kind.replicator().to_ascii_lowercase();
        format!("kubectl {verb} {kind} -n {} {}", object.namespace(), object.name())
    }

    fn annotate(&self, object: &Key, annotation: Annotation, value: &str) -> String {
        self.annotate_by(object, annotation, &quoted(value))
    }

    /// `word`: of the shell.
    fn annotate_by(&self, object: &Key, annotation: Annotation, word: &str) -> String {
        let key = self.dialect.key(annotation);
        format!("{} --overwrite {key}={word}", self.kubectl("annotate", object))
    }
}

/// A word for a POSIX shell. What users write in annotations gets into it.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._/,:".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in an annotation does not leave its word.
    #[test]
    fn a_text_is_one_word_of_the_shell() {
        assert_eq!(quoted("a-b,c"), "a-b,c");
        assert_eq!(quoted("x; rm -rf $HOME"), "'x; rm -rf $HOME'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("$(date +%s)"), "'$(date +%s)'");
    }
}
