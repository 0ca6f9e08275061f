//! The lists that the graph is filled from, and which of them are complete.

use std::collections::BTreeMap;

use crate::names::Namespace;
use crate::scope::{Part, Scope};

/// One list: which one is running or was the last, and whether any was ever complete.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct List {
    /// The number of the list that is running or was the last.
    pub(super) epoch: u32,
    /// Whether it has begun and not ended.
    pub(super) running: bool,
    /// Whether any was ever complete.
    pub(super) complete: bool,
}

impl List {
    /// It begins, or begins again.
    pub(super) fn begin(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.running = true;
    }

    /// It is complete.
    pub(super) fn end(&mut self) {
        self.running = false;
        self.complete = true;
    }
}

/// The lists of objects: one for each part of the scope.
#[derive(Debug)]
pub(super) enum ObjectLists {
    Cluster(List),
    Namespaces(BTreeMap<Namespace, List>),
}

impl ObjectLists {
    pub(super) fn new(scope: &Scope) -> Self {
        match scope {
            Scope::Cluster => Self::Cluster(List::default()),
            Scope::Namespaces(namespaces) => {
                Self::Namespaces(namespaces.iter().map(|namespace| (namespace.clone(), List::default())).collect())
            }
        }
    }

    /// The list that objects of this namespace are in; `None`: outside of the scope.
    pub(super) fn of(&self, namespace: &str) -> Option<List> {
        match self {
            Self::Cluster(list) => Some(*list),
            Self::Namespaces(lists) => lists.get(namespace).copied(),
        }
    }

    /// The list of a part; `None`: no part of the scope.
    pub(super) fn part(&mut self, part: &Part) -> Option<&mut List> {
        match (self, part) {
            (Self::Cluster(list), Part::Cluster) => Some(list),
            (Self::Namespaces(lists), Part::Namespace(namespace)) => lists.get_mut(namespace),
            _ => None,
        }
    }

    /// Whether every part was listed.
    pub(super) fn are_complete(&self) -> bool {
        match self {
            Self::Cluster(list) => list.complete,
            Self::Namespaces(lists) => lists.values().all(|list| list.complete),
        }
    }
}
