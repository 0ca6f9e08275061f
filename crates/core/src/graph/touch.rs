//! Whom a change concerns.

use std::collections::HashSet;

use crate::annotations::Marks;
use crate::names::{Key, SourceKey, TargetKey};
use crate::push::Push;

use super::{Graph, Touched};

impl Graph {
    pub(super) fn touch_chain(&self, source: &SourceKey, touched: &mut Touched) {
        let mut seen = HashSet::new();
        let mut open = vec![source.clone()];
        while let Some(source) = open.pop() {
            for target in self.relations.pulling_from(&source) {
                if seen.insert(target.clone()) {
                    touched.push(target.clone());
                    open.push(Key::from(target.clone()).into());
                }
            }
        }
    }

    /// The targets that a push names in existing namespaces, and those that it names outside of the scope: somebody has to be
    /// told that they are not made.
    pub(super) fn touch_pushed(&self, source: &Key, push: &Push, touched: &mut Touched) {
        let mut touch = |namespace: &str| touch_names(source, push, namespace, touched);
        if push.names_by_pattern().next().is_some() {
            self.namespaces.keys().for_each(|namespace| touch(namespace));
            push.literal_namespaces().into_iter().filter(|name| !self.covers(name)).for_each(touch);
        } else {
            let concerns = |name: &&str| self.namespaces.contains_key(*name) || !self.covers(name);
            push.literal_namespaces().into_iter().filter(concerns).for_each(touch);
        }
    }

    /// The targets that any push names in this namespace.
    pub(super) fn touched_in(&self, namespace: &str) -> Touched {
        let mut touched = Vec::new();
        if !self.is_complete() {
            return touched;
        }
        for source in self.relations.maybe_pushing_into(namespace) {
            if let Some(push) = self.nodes.get(&**source).and_then(|node| node.push()) {
                touch_names(source, push, namespace, &mut touched);
            }
        }
        touched
    }

    /// The names that these annotations refer to, in existing namespaces.
    pub(super) fn referred_to(&self, key: &Key, marks: &Marks, names: &mut Vec<Key>) {
        names.extend([&marks.replicated_by, &marks.replicate_from].into_iter().flatten().cloned().map(Key::from));
        if let Some(push) = marks.effective_push() {
            let mut pushed = Vec::new();
            self.touch_pushed(key, push, &mut pushed);
            names.extend(pushed.into_iter().map(Key::from));
        }
    }
}

fn touch_names(source: &Key, push: &Push, namespace: &str, touched: &mut Touched) {
    let targets = push.names_in(namespace).filter_map(|name| Key::new(namespace, name).ok());
    touched.extend(targets.filter(|target| target != source).map(TargetKey::from));
}
