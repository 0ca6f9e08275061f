//! The index: what is known of one kind's objects and of the namespaces, kept in step with the watches.
//!
//! It holds the objects that carry this program's annotations, and of the others only those whose name some annotation
//! refers to. Of each it holds metadata and what was learnt of its content ([`Knowledge`]), never the content itself.
//!
//! Every change answers with the targets to look at again. That is a hint, never an order: looking at a target too often
//! costs time and changes nothing ("level, not edge").
//!
//! **Flow.** `begin_list`, `observe` for each listed object, `end_list`; then `observe` and `forget` as watch events and
//! responses come. Verification (SPEC 9.15) is a list again. Where the scope is a list of namespaces, each has a list of its own
//! (`begin_part`, `end_part`).
//!
//! **Guarantees.**
//! - An older version never replaces a newer one. The one exception is a complete list: it shows everything that existed at its
//!   version, so an object that it shows at an older version than the graph holds, though the graph's version is no newer than
//!   the list, went back: etcd was restored from a backup. (Where the versions of the whole cluster went back, every version that
//!   the graph holds is newer than every list. The graph cannot tell that from responses that overtook the list; the watch
//!   notices it, and the program ends and starts anew.)
//! - A list heals missed events: an object listed at the version that the graph holds keeps its [`Knowledge`], one listed at another
//!   version is handled as changed, one not listed is gone.
//! - The time of an event depends on what it concerns, not on how many objects there are or what their annotations say. The order
//!   of what is returned follows from the order of the calls alone, so that equal runs are equal.
//!
//! **In the files below:** `events` takes what watches and responses show, `change` puts it in, `touch` finds the targets that it concerns (`touched`);
//! `relations`, `pushes` and `namespaces` are the indexes, `shared` saves memory, `lists` counts lists, `chain` walks up.

mod chain;
mod change;
mod events;
mod lists;
mod namespaces;
mod node;
mod ordered_set;
mod pushes;
mod relations;
mod removed;
mod shared;
#[cfg(test)]
mod tests;
mod touch;
mod touched;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use crate::names::{Key, SourceKey, TargetKey};
use crate::namespace::NamespaceFacts;
use crate::observed::{Observed, ResourceVersion, Uid};
use crate::scope::Scope;
use crate::selection::Namespaces as _;
use crate::time::Moment;

use lists::{List, ObjectLists};
use namespaces::Existing;
use pushes::Pushes;
use relations::Relations;
use removed::Removed;
use shared::Shared;

pub use crate::facts::Facts;
pub use chain::{Chain, LONGEST_CHAIN};
pub use node::{Knowledge, Node, Portion};
pub use removed::{Judged, Removals};
pub use touched::{Touched, Wide};

/// What the graph knows of an object that an annotation refers to.
#[derive(Debug, Clone, Copy)]
pub enum Presence<'g> {
    /// It exists.
    Present(&'g Node),
    /// It does not exist.
    Absent,
    /// It was not yet referred to when it came by: it has to be looked up.
    Unknown,
    /// It is in a namespace that the program does not look at: it may exist or not.
    Outside,
}

/// Proof that every first list is complete. Only with one can an action be made that removes something.
#[derive(Debug, Clone, Copy)]
pub struct FullView(());

/// What a source can be without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// The object itself: it does not exist.
    Object,
    /// Both annotations of its push, though it exists.
    Push,
    /// Both annotations of its consent, though it exists.
    Consent,
}

/// The object that the graph held under a name when a read of it was sent: a response that says "not found" is about this one
/// ([`Graph::not_found`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its `metadata.uid`.
    pub uid: Uid,
    /// Its `metadata.resourceVersion`.
    pub resource_version: ResourceVersion,
    /// Whether only a response had shown it at this version, and no list and no watch.
    pub only_answered: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Graph {
    /// Boxed, since half of a B-tree's slots are empty.
    nodes: BTreeMap<Key, Box<Node>>,
    /// Those of them without annotations of ours, which are kept only as long as an annotation refers to them. Never gone through.
    plain: HashSet<Key>,
    marks: Shared,
    namespaces: Existing,
    relations: Relations,
    pushes: Pushes,
    /// How many of the nodes are targets.
    targets: usize,
    /// How many of the nodes let namespaces pull by a selector.
    selecting: usize,
    lists: ObjectLists,
    /// What running lists showed at an older version than the graph holds. Whether that is old, or the object went back, is known
    /// when the list's version is.
    older: Vec<Observed>,
    namespace_list: List,
    /// See [`Graph::set_time`].
    time: Moment,
    /// See [`Graph::revision`].
    revision: u64,
    /// See [`Graph::judge_removal`].
    removed: RefCell<Removed>,
    /// See [`Graph::believe_the_controller`].
    believes: bool,
}

impl Default for Graph {
    fn default() -> Self {
        Self::new(&Scope::default())
    }
}

impl Graph {
    /// An empty graph of what `scope` covers.
    #[must_use]
    pub fn new(scope: &Scope) -> Self {
        Self {
            nodes: BTreeMap::new(),
            plain: HashSet::new(),
            marks: Shared::default(),
            namespaces: Existing::default(),
            relations: Relations::default(),
            pushes: Pushes::default(),
            targets: 0,
            selecting: 0,
            lists: ObjectLists::new(scope),
            older: Vec::new(),
            namespace_list: List::default(),
            time: Moment::ZERO,
            revision: 0,
            removed: RefCell::default(),
            believes: false,
        }
    }

    /// Whether what only the controller's field manager wrote is believed whenever it is shown, and not in the first lists alone: for a
    /// program that only looks at what another one does, or that stands by while another one writes.
    pub fn believe_the_controller(&mut self, believes: bool) {
        self.believes = believes;
    }

    /// The graph has no clock: the caller says what time it is before each change. Times are kept of what is removed only after a
    /// delay ([`Graph::withdrawn`]).
    pub fn set_time(&mut self, now: Moment) {
        self.time = now;
    }

    /// The time of the last [`Graph::set_time`].
    #[must_use]
    pub fn time(&self) -> Moment {
        self.time
    }

    /// Since when an object that annotations of others name as their source has been without something (SPEC 11.1): without a
    /// break, and as far as the graph has known it, so that after a restart the time begins anew. `None`: it has it, is
    /// ill-formed or not known, or nobody names it as a source.
    ///
    /// An object that does not exist is without itself only; when it exists again without the annotations of its push, the time
    /// without these begins then.
    #[must_use]
    pub fn withdrawn(&self, source: &SourceKey, what: Withdrawal) -> Option<Moment> {
        self.relations.without(source, what)
    }

    /// The proof that every first list is complete, if so.
    #[must_use]
    pub fn full_view(&self) -> Option<FullView> {
        let are_complete = self.namespace_list.complete && self.lists.are_complete();
        (are_complete || crate::bug!(FirstListsNotAwaited)).then_some(FullView(()))
    }

    /// Whether the program looks at this namespace.
    #[must_use]
    pub fn covers(&self, namespace: &str) -> bool {
        self.lists.of(namespace).is_some()
    }

    /// The object of this name, if it exists and the graph holds it.
    #[must_use]
    pub fn node(&self, key: &Key) -> Option<&Node> {
        self.nodes.get(key).map(|node| &**node)
    }

    /// What [`Graph::not_found`] has to be given if a read of this object is sent now and its response is "not found".
    #[must_use]
    pub fn held(&self, key: &Key) -> Option<Held> {
        let node = self.nodes.get(key)?;
        let (uid, resource_version) = (node.uid.clone(), node.resource_version.clone());
        Some(Held { uid, resource_version, only_answered: node.only_answered })
    }

    /// What is known of an object that an annotation refers to.
    #[must_use]
    pub fn presence(&self, key: &Key) -> Presence<'_> {
        match self.nodes.get(key) {
            Some(node) => Presence::Present(node),
            None if !self.covers(key.namespace()) => {
                if crate::bug!(OutsideLookedUp) {
                    Presence::Unknown
                } else if crate::bug!(OutsideIsMissing) {
                    Presence::Absent
                } else {
                    Presence::Outside
                }
            }
            None if crate::bug!(FirstListsNotAwaited) && !self.lists.are_complete() => Presence::Absent,
            None if self.withdrawn(&key.clone().into(), Withdrawal::Object).is_some() => Presence::Absent,
            None => Presence::Unknown,
        }
    }

    /// What is known of a namespace, if it exists.
    #[must_use]
    pub fn namespace(&self, namespace: &str) -> Option<&NamespaceFacts> {
        self.namespaces.find(namespace).map(|(_, facts)| facts)
    }

    /// The existing targets that name this object as the source which made them, and those which name it as the one to pull from,
    /// in this order, each once.
    pub fn named_as_source_by(&self, source: &SourceKey) -> impl Iterator<Item = &TargetKey> {
        // A replica may pull from its creator, too: somebody annotated it.
        let is_made_by_it = |target: &&TargetKey| {
            let marks = self.node(target).and_then(Node::marks);
            marks.is_some_and(|marks| marks.replicated_by.as_ref() == Some(source))
        };
        let pulling = self.relations.pulling_from(source).filter(move |target| !is_made_by_it(target));
        self.relations.created_by(source).chain(pulling)
    }

    /// A number that is another one after each change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The objects that the graph holds, in the order of their names.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.nodes.keys()
    }

    /// Whether a push of this object names any namespace that exists.
    #[must_use]
    pub fn reaches_a_namespace(&self, source: &SourceKey) -> bool {
        self.pushes.reaches(source, &self.namespaces)
    }

    /// The existing namespaces, in the order of their names.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.names()
    }

    /// A number that is another one after each change of the existing namespaces: of which there are, or of what is known of one.
    #[must_use]
    pub fn namespaces_revision(&self) -> u64 {
        self.namespaces.revision()
    }

    /// The sources whose well-formed push names this target, in the order of their names.
    pub fn pushing_to<'g>(&'g self, target: &'g Key) -> impl Iterator<Item = (&'g SourceKey, &'g Node)> {
        let sources = self.pushes.pushing_to(target, &self.namespaces).into_iter();
        sources.filter(|source| ***source != *target).filter_map(|source| Some((source, self.node(source)?)))
    }

    /// Whether the well-formed push of one source names this target.
    #[must_use]
    pub fn pushes_to(&self, source: &SourceKey, target: &Key) -> bool {
        **source != *target && self.pushes.pushes_to(source, target, &self.namespaces)
    }

    /// Objects in the graph.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether the graph holds no object.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Targets that exist.
    #[must_use]
    pub fn target_count(&self) -> usize {
        self.targets
    }
}
