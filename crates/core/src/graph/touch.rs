//! Which targets a change concerns.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::annotations::Marks;
use crate::names::{Key, SourceKey, TargetKey};
use crate::namespace::NamespaceFacts;
use crate::selection::Namespaces as _;

use super::chain::LONGEST_CHAIN;
use super::pushes::PartOf;
use super::touched::target;
use super::{Graph, Touched};

impl Graph {
    /// Every target: the objects that exist, and the names that a push names and no object in the graph has. In the order of their
    /// names, each once. (Objects that are no targets are among them where the graph holds them: that they are none may have to
    /// be said.)
    #[must_use]
    pub fn all_targets(&self) -> Vec<TargetKey> {
        self.targets_where(|namespace| !self.covers(namespace))
    }

    /// As [`all_targets`](Self::all_targets), and also the names that a push says outright of namespaces that do not exist: somebody
    /// waits for them.
    #[must_use]
    pub fn all_asked_for(&self) -> Vec<TargetKey> {
        self.targets_where(|_| true)
    }

    /// Of [`all_asked_for`](Self::all_asked_for), the names in namespaces that do not exist; in the order of their names, each once.
    #[must_use]
    pub fn waiting_for_a_namespace(&self) -> Vec<TargetKey> {
        let mut found = Vec::new();
        self.pushes.each_nowhere(
            &self.namespaces,
            |_| true,
            |namespace, name| {
                found.extend(Key::new(namespace, name).ok().map(TargetKey::from));
            },
        );
        found.sort_unstable();
        found.dedup();
        found
    }

    fn targets_where(&self, also: impl Fn(&str) -> bool) -> Vec<TargetKey> {
        let mut pushed: Vec<_> = self.pushes.all(&self.namespaces, also).into_iter().collect();
        // As keys are ordered: by the namespace with the slash after it.
        let with_slash = |namespace: &str| [namespace, "/"].concat();
        pushed.sort_by_cached_key(|(namespace, _)| with_slash(namespace));
        let mut all = Vec::with_capacity(self.nodes.len());
        let mut nodes = self.nodes.keys().peekable();
        let mut text = String::new();
        for (namespace, mut names) in pushed {
            // One source after the other: most of the names are in order already.
            names.sort();
            names.dedup();
            text.clear();
            text.push_str(namespace);
            text.push('/');
            for name in names {
                text.truncate(namespace.len() + 1);
                text.push_str(name);
                while let Some(key) = nodes.next_if(|key| key.as_str() < text.as_str()) {
                    all.push(key.clone().into());
                }
                match nodes.peek().map(|key| key.as_str().cmp(&text)) {
                    Some(Ordering::Equal) => {}
                    _ => all.extend(Key::new(namespace, name).ok().map(TargetKey::from)),
                }
            }
        }
        all.extend(nodes.cloned().map(TargetKey::from));
        all
    }

    /// All that pull from this source, and from these, down to the last one whose chain leads up here.
    pub(super) fn touch_chain(&self, source: &SourceKey, touched: &mut Touched) {
        let mut seen = HashSet::new();
        let mut level = vec![source.clone()];
        // Whoever is further down does not look up so far.
        for _ in 0..LONGEST_CHAIN {
            let mut next = Vec::new();
            for target in level.iter().flat_map(|source| self.relations.pulling_from(source)) {
                if seen.insert(target.clone()) {
                    touched.push(target.clone());
                    next.push(Key::from(target.clone()).into());
                }
            }
            if next.is_empty() {
                return;
            }
            level = next;
        }
    }

    /// The targets that a source's push names in existing namespaces, and those that it names outside of the scope: that they
    /// are not made has to be said.
    pub(super) fn touch_pushed(&self, source: &SourceKey, touched: &mut Touched) {
        if crate::bug!(ReplicasNotTouched) {
            return;
        }
        let outside = |namespace: &str| !self.covers(namespace);
        self.pushes.touch(source, &self.namespaces, outside, touched);
    }

    /// The targets that live in a namespace, and those that any push names there.
    pub(super) fn touched_in(&self, namespace: &str) -> Touched {
        let mut touched = Touched::default();
        if !self.is_complete() {
            return touched;
        }
        let living = self.in_namespace(namespace).filter(|(_, node)| node.marks().is_some_and(Marks::is_target));
        touched.extend(living.map(|(key, _)| key.clone().into()));
        let id = self.namespaces.find(namespace).map(|(id, _)| id);
        self.pushes.each_into(namespace, id, |source, name| touched.extend(target(source, namespace, name)));
        touched
    }
}

impl Graph {
    /// The targets in a namespace about which something else may be decided now that it has other labels: those that `changed`
    /// parts of pushes name there, and those that pull from a chain with a selector whose answer is another one.
    pub(super) fn touch_relabelled(
        &self,
        namespace: &str,
        was: &NamespaceFacts,
        is: &NamespaceFacts,
        changed: &[PartOf],
        touched: &mut Touched,
    ) {
        if !self.is_complete() {
            return;
        }
        self.pushes.each_of_parts(changed, |source, name| touched.extend(target(source, namespace, name)));
        let answers_otherwise = |marks: &Marks| {
            let selection = marks.allowed_namespaces.as_ref().filter(|selection| selection.selector().is_some());
            selection.is_some_and(|selection| selection.names(namespace, was) != selection.names(namespace, is))
        };
        if self.selecting == 0 {
            return;
        }
        for (key, node) in self.in_namespace(namespace) {
            let Some(from) = node.marks().and_then(|marks| marks.replicate_from.as_ref()) else { continue };
            if self.above(from).filter_map(|(_, node)| node?.marks()).any(answers_otherwise) {
                touched.push(key.clone().into());
            }
        }
    }
}
