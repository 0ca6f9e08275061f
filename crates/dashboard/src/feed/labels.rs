//! The labels of namespaces, for who groups by them. Nothing of them is kept here: the graph has them, since selectors ask for them.

use std::collections::{HashMap, HashSet};

use k8s_replicator_controller::controller::Controller;
use k8s_replicator_controller::edge::look::Looks;
use k8s_replicator_controller::replicator::Replicator;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::namespace::NamespaceFacts;

use crate::protocol::{LabelKeys, LabelValues};

/// So many namespaces are looked at before the controller goes on with its own work.
const AT_ONCE: usize = 500;
/// So many keys are counted, and so many values of one. Other keys can be asked for by their names.
const MOST_COUNTED: usize = 1_000;
/// So many keys are offered.
const MOST: usize = 50;

/// Calls `add` with each existing namespace, some at a time. `None`: the controller has ended.
pub(super) async fn each<T: Send + 'static>(
    looks: &Looks,
    begin: T,
    add: fn(&mut T, &str, &NamespaceFacts),
) -> Option<T> {
    // Each kind's graph has the same.
    fn graph(controller: &Controller) -> Option<&Graph> {
        controller.replicators().next().map(Replicator::graph)
    }
    let names = |controller: &Controller| graph(controller).map(|it| it.namespaces().map(Box::from).collect());
    let names: Vec<Box<str>> = looks.ask(move |controller, _| names(controller)).await?.unwrap_or_default();
    let (mut rest, mut found) = (names.into_iter(), begin);
    loop {
        let piece: Vec<_> = rest.by_ref().take(AT_ONCE).collect();
        if piece.is_empty() {
            return Some(found);
        }
        let look = move |controller: &Controller, _| {
            let mut found = found;
            let Some(graph) = graph(controller) else { return found };
            for name in &piece {
                if let Some(facts) = graph.namespace(name) {
                    add(&mut found, name, facts);
                }
            }
            found
        };
        found = looks.ask(look).await?;
    }
}

/// Which keys there are.
#[derive(Debug, Default)]
pub(super) struct Keys {
    namespaces: usize,
    keys: HashMap<Box<str>, Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    namespaces: usize,
    values: HashSet<Box<str>>,
}

impl Keys {
    pub(super) fn add(&mut self, _: &str, facts: &NamespaceFacts) {
        self.namespaces += 1;
        for (key, value) in facts.labels() {
            if !self.keys.contains_key(key) && self.keys.len() == MOST_COUNTED {
                continue;
            }
            let counted = self.keys.entry(key.into()).or_default();
            counted.namespaces += 1;
            if counted.values.len() < MOST_COUNTED && !counted.values.contains(value) {
                counted.values.insert(value.into());
            }
        }
    }

    /// Those that group anything: some namespaces are alike by them, and not all.
    pub(super) fn finish(self) -> LabelKeys {
        let all = self.namespaces;
        let counted = self.keys.into_iter().map(|(key, it)| (key, it.namespaces, it.values.len()));
        let groups = |it: &(Box<str>, usize, usize)| it.2 < it.1.min(MOST_COUNTED) && (it.2 > 1 || it.1 < all);
        let mut keys: Vec<_> = counted.filter(groups).collect();
        keys.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        keys.truncate(MOST);
        LabelKeys { keys }
    }
}

pub(super) fn add_value((key, found): &mut (String, LabelValues), namespace: &str, facts: &NamespaceFacts) {
    if let Some(value) = facts.label(namespace, key) {
        found.values.entry(value.into()).or_default().push(namespace.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(labels: &[(&str, &str)]) -> NamespaceFacts {
        NamespaceFacts::read(false, labels.iter().copied(), std::iter::empty())
    }

    #[test]
    fn keys_that_tell_namespaces_apart_and_make_some_alike_are_offered() {
        let mut keys = Keys::default();
        for (name, labels) in [
            ("a", &[("team", "x"), ("env", "dev"), ("all", "same"), ("own", "a"), ("some", "1")][..]),
            ("b", &[("team", "x"), ("env", "prod"), ("all", "same"), ("own", "b"), ("some", "1")]),
            ("c", &[("team", "y"), ("all", "same"), ("own", "c")]),
        ] {
            keys.add(name, &facts(labels));
        }
        // Each namespace has an `env` of its own, or none.
        let keys = keys.finish().keys;
        let shown: Vec<_> = keys.iter().map(|(key, namespaces, values)| (&**key, *namespaces, *values)).collect();
        assert_eq!(shown, [("team", 3, 2), ("some", 2, 1)]);
    }

    #[test]
    fn what_is_counted_and_what_is_offered_is_bounded() {
        let mut keys = Keys::default();
        for n in 0..3 * MOST_COUNTED {
            let (key, value) = (format!("key-{n}"), format!("value-{n}"));
            keys.add("x", &facts(&[(&key, "1"), ("shared", &value), ("team", "y")]));
        }
        assert_eq!((keys.keys.len(), keys.keys["shared"].values.len()), (MOST_COUNTED, MOST_COUNTED));
        assert!(keys.finish().keys.len() <= MOST);
    }

    #[test]
    fn namespaces_are_told_by_the_value_of_one_key() {
        let mut found = ("team".to_owned(), LabelValues::default());
        for (name, labels) in [("a", &[("team", "x")][..]), ("b", &[]), ("c", &[("team", "x"), ("env", "y")])] {
            add_value(&mut found, name, &facts(labels));
        }
        let values: Vec<_> = found.1.values.into_iter().collect();
        assert_eq!(values, [("x".into(), vec!["a".into(), "c".into()])]);
    }
}
