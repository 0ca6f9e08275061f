//! The targets of one priority, and the order in which they are handed out: by turns.
//!
//! Targets that are decided about because of the same object stand in one lane, first come, first served. The lanes of one
//! namespace take turns, and so do the namespaces. So a small target waits for one target of each other namespace at most, and
//! not for the 5,000 replicas of somebody else's source, nor for 5,000 sources of somebody else's namespace.
//!
//! Targets that are decided about because all are, after the first lists or a list of verification, have a lane for each of their
//! namespaces, and all these together have one turn: who changes something does not wait for one target of each of 10,000 namespaces.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use k8s_replicator_core::bug;
use k8s_replicator_core::names::{Key, TargetKey};

/// Something that hands out targets.
trait Line: Default {
    /// `stay`: the same line is first the next time, too.
    fn pop(&mut self, stay: bool) -> Option<TargetKey>;
    fn is_empty(&self) -> bool;
}

impl Line for VecDeque<TargetKey> {
    fn pop(&mut self, _stay: bool) -> Option<TargetKey> {
        self.pop_front()
    }

    fn is_empty(&self) -> bool {
        VecDeque::is_empty(self)
    }
}

/// Lines that take turns. `order` has the name of each line that is not empty, once. The map is never iterated, so that no order
/// depends on hashing.
#[derive(Debug)]
struct Turns<K, L> {
    order: VecDeque<K>,
    lines: HashMap<K, L>,
}

impl<K, L> Default for Turns<K, L> {
    fn default() -> Self {
        Self { order: VecDeque::new(), lines: HashMap::new() }
    }
}

impl<K: Hash + Eq + Clone, L: Line> Turns<K, L> {
    /// The line of this name. `own` makes the key for a new line; most lines exist already.
    fn line<Q: Hash + Eq + ?Sized>(&mut self, name: &Q, own: impl FnOnce(&Q) -> K) -> Option<&mut L>
    where
        K: Borrow<Q>,
    {
        if !self.lines.contains_key(name) {
            let name = own(name);
            self.order.push_back(name.clone());
            self.lines.insert(name, L::default());
        }
        self.lines.get_mut(name)
    }
}

impl<K: Hash + Eq + Clone, L: Line> Line for Turns<K, L> {
    fn pop(&mut self, stay: bool) -> Option<TargetKey> {
        let name = self.order.pop_front()?;
        let line = self.lines.get_mut(&name)?;
        let target = line.pop(stay);
        if line.is_empty() {
            self.lines.remove(&name);
        } else if stay {
            self.order.push_front(name);
        } else {
            self.order.push_back(name);
        }
        target
    }

    fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Lanes {
    namespaces: Turns<Box<str>, Turns<Lane, VecDeque<TargetKey>>>,
}

/// The name of a lane within its namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Lane {
    /// Targets that are decided about because of this object.
    Of(Key),
    /// Targets of this namespace that are decided about because all are.
    In(Box<str>),
}

/// No namespace has this name.
const OF_ALL: &str = "";

impl Lanes {
    /// Adds a target that is decided about because of this object; `None`: because all are.
    pub(super) fn push(&mut self, target: TargetKey, cause: Option<Key>) {
        let lane = match cause {
            _ if bug!(FairnessOff) => Lane::In(OF_ALL.into()),
            Some(cause) => Lane::Of(cause),
            None => Lane::In(target.namespace().into()),
        };
        let namespace = if let Lane::Of(cause) = &lane { cause.namespace() } else { OF_ALL };
        let lanes = self.namespaces.line(namespace, |namespace| namespace.into());
        if let Some(lane) = lanes.and_then(|lanes| lanes.line(&lane, Lane::clone)) {
            lane.push_back(target);
        }
    }

    /// The next one. `stay`: the one after it is of the same lane, if there is one.
    pub(super) fn pop(&mut self, stay: bool) -> Option<TargetKey> {
        self.namespaces.pop(stay)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::resolve(text, "").unwrap()
    }

    /// Issue 13, 8: after the first lists, or a list of verification, targets of very many namespaces are decided about.
    #[test]
    fn who_changes_something_does_not_wait_for_one_target_of_each_namespace() {
        let mut lanes = Lanes::default();
        for n in 0..10_000 {
            lanes.push(key(&format!("n{}/r{n}", n % 5_000)).into(), None);
        }
        lanes.push(key("b/small").into(), Some(key("a/small")));
        let order: Vec<String> =
            (0..4).filter_map(|_| lanes.pop(false)).map(|target| target.as_str().to_owned()).collect();
        assert_eq!(order, ["n0/r0", "b/small", "n1/r1", "n2/r2"]);
        for n in 3..5_000 {
            assert_eq!(lanes.pop(false).unwrap().to_string(), format!("n{n}/r{n}"), "these take turns too");
        }
        assert_eq!(lanes.pop(false).unwrap().to_string(), "n0/r5000");
    }

    /// Issue 9, 1: a target waits neither behind one source with many replicas, nor behind many sources of one namespace.
    #[test]
    fn a_small_target_waits_for_one_of_each_other_namespace() {
        let mut lanes = Lanes::default();
        for n in 0..5_000 {
            lanes.push(key(&format!("b/r{n}")).into(), Some(key("a/large")));
            lanes.push(key(&format!("c/r{n}")).into(), Some(key(&format!("many/s{n}"))));
            lanes.push(key(&format!("d/r{n}")).into(), None);
        }
        lanes.push(key("b/small").into(), Some(key("a/small")));
        lanes.push(key("e/small").into(), Some(key("e/small")));
        let order: Vec<String> =
            (0..8).filter_map(|_| lanes.pop(false)).map(|target| target.as_str().to_owned()).collect();
        assert_eq!(order, ["b/r0", "c/r0", "d/r0", "e/small", "b/small", "c/r1", "d/r1", "b/r1"]);
        let mut rest = 0;
        let stayed = [lanes.pop(true), lanes.pop(true), lanes.pop(true)].map(|target| target.unwrap().to_string());
        assert_eq!(stayed, ["c/r2", "c/r3", "c/r4"].map(str::to_owned), "they stay in the namespace");
        while lanes.pop(false).is_some() {
            rest += 1;
        }
        assert_eq!((rest, lanes.is_empty(), lanes.namespaces.lines.len()), (15_002 - 11, true, 0));
    }
}
