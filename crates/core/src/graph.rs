//! The index: what is known of one kind's objects and of the namespaces, kept in step with the watches.
//!
//! It holds the objects that carry this program's annotations, and of the others only those whose name some annotation
//! refers to. Of each it holds metadata and what was learnt of its content ([`Knowledge`]), never the content itself.
//!
//! Every change answers with the targets to look at again. That is a hint, never an order: looking at a target too often
//! costs time and changes nothing ("level, not edge").
//!
//! Flow: `begin_list`, `observe` for each listed object, `end_list`; then `observe` and `forget` as the watch tells, and
//! as the answers to the controller's own requests tell. Older news never replaces newer. Where the scope is a list of
//! namespaces, each has a list of its own (`begin_part`, `end_part`).

mod lists;
mod node;
mod relations;
mod shared;
#[cfg(test)]
mod tests;
mod touch;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::annotations::Marks;
use crate::names::{Key, SourceKey, TargetKey};
use crate::namespace::NamespaceFacts;
use crate::observed::{Annotated, Observed, ResourceVersion, Uid};
use crate::payload::Content;
use crate::scope::{Part, Scope};
use crate::time::Moment;

use lists::{List, ObjectLists};
use relations::Relations;
use shared::Shared;

pub use node::{Facts, Knowledge, Node};

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

/// Targets to look at again, in no order; one may come twice.
pub type Touched = Vec<TargetKey>;

/// What a source can be without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// The object itself: it does not exist.
    Object,
    /// Both annotations of its push.
    Push,
    /// Both annotations of its consent.
    Consent,
}

/// Who showed an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// A watch, or the list before it.
    Watch,
    /// The answer to a request.
    Answer,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Graph {
    /// Boxed, since half of a B-tree's slots are empty.
    nodes: BTreeMap<Key, Box<Node>>,
    marks: Shared,
    /// Existing namespaces, each with the list in which it was last seen.
    namespaces: BTreeMap<Box<str>, (NamespaceFacts, u32)>,
    /// Names that are referred to, and of which it is known that no object has them.
    absent: HashSet<Key>,
    relations: Relations,
    /// How many of the nodes are targets.
    targets: usize,
    lists: ObjectLists,
    namespace_list: List,
    /// See [`Graph::set_time`].
    time: Moment,
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
            marks: Shared::default(),
            namespaces: BTreeMap::new(),
            absent: HashSet::new(),
            relations: Relations::default(),
            targets: 0,
            lists: ObjectLists::new(scope),
            namespace_list: List::default(),
            time: Moment::ZERO,
        }
    }

    /// The graph has no clock: whoever changes it says before what time it is. Times are kept of what is taken away only after a
    /// delay ([`Graph::withdrawn`]).
    pub fn set_time(&mut self, now: Moment) {
        self.time = now;
    }

    // --- What the deciding side asks ---

    /// What time it is, as [`Graph::set_time`] was told.
    #[must_use]
    pub fn time(&self) -> Moment {
        self.time
    }

    /// Since when an object that annotations of others name as their source has been without something (SPEC 11.1).
    /// `None`: it has it, or nobody names it as a source.
    #[must_use]
    pub fn withdrawn(&self, source: &SourceKey, what: Withdrawal) -> Option<Moment> {
        let _ = (source, what);
        None
    }

    /// The proof that every first list is complete, if so.
    #[must_use]
    pub fn full_view(&self) -> Option<FullView> {
        (self.namespace_list.complete && self.lists.are_complete()).then_some(FullView(()))
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

    /// What is known of an object that an annotation refers to.
    #[must_use]
    pub fn presence(&self, key: &Key) -> Presence<'_> {
        match self.nodes.get(key) {
            Some(node) => Presence::Present(node),
            None if !self.covers(key.namespace()) => Presence::Outside,
            None if self.absent.contains(key) => Presence::Absent,
            None => Presence::Unknown,
        }
    }

    /// Whether a namespace exists, and if so, whether it is terminating.
    #[must_use]
    pub fn namespace_terminating(&self, namespace: &str) -> Option<bool> {
        self.namespaces.get(namespace).map(|(facts, _)| facts.terminating)
    }

    /// The sources whose well-formed push names this target.
    pub fn pushing_to<'g>(&'g self, target: &'g Key) -> impl Iterator<Item = (&'g SourceKey, &'g Node)> {
        self.relations.maybe_pushing_to(target).filter_map(move |source| {
            let node = self.node(source)?;
            (**source != *target && node.push()?.names(target)).then_some((source, node))
        })
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

    /// The next target after `after` in key order, for going round all of them bit by bit.
    #[must_use]
    pub fn target_after(&self, after: Option<&Key>) -> Option<TargetKey> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        let mut rest = self.nodes.range::<Key, _>((from, Unbounded));
        rest.find(|(_, node)| node.marks().is_some_and(Marks::is_target)).map(|(key, _)| key.clone().into())
    }

    /// Targets that exist: what one round of verification has to look at.
    #[must_use]
    pub fn target_count(&self) -> usize {
        self.targets
    }

    /// Every target: those that exist, and those that some push names in an existing namespace.
    #[must_use]
    pub fn all_targets(&self) -> Touched {
        let mut touched = Touched::with_capacity(self.nodes.len());
        for (key, node) in &self.nodes {
            touched.push(key.clone().into());
            if let Some(push) = node.push() {
                self.touch_pushed(key, push, &mut touched);
            }
        }
        touched
    }

    // --- What the watch tells ---

    /// A list of the whole cluster begins: objects that it will not name are gone when it ends.
    pub fn begin_list(&mut self) {
        self.begin_part(&Part::Cluster);
    }

    /// The list of the whole cluster, of this version, is complete.
    pub fn end_list(&mut self, version: &ResourceVersion) -> Touched {
        self.end_part(&Part::Cluster, version)
    }

    /// A list of one part of the scope begins: objects of that part that it will not name are gone when it ends.
    pub fn begin_part(&mut self, part: &Part) {
        if let Some(list) = self.lists.part(part) {
            list.begin();
        }
    }

    /// The list of one part is complete; it shows what was there at `version`.
    pub fn end_part(&mut self, part: &Part, version: &ResourceVersion) -> Touched {
        let was_full = self.full_view().is_some();
        let Some(list) = self.lists.part(part) else { return Vec::new() };
        list.complete = true;
        let epoch = list.epoch;
        let mut gone = Vec::new();
        for (key, node) in &self.nodes {
            // One that is newer than the list, as the answer to a request told, cannot be named by it.
            let is_newer = version.is_older_than(&node.resource_version);
            if node.epoch != epoch && !is_newer && part.covers(key.namespace()) {
                gone.push(key.clone());
            }
        }
        let mut touched = Vec::new();
        for key in gone {
            let says_nothing = self.nodes.get(&key).is_some_and(|node| matches!(node.annotated, Annotated::Not));
            touched.append(&mut self.remove(&key));
            if says_nothing {
                // The list may have shown it before anything referred to it, when it was not kept: it has to be looked up.
                self.absent.remove(&key);
            }
        }
        self.after_list(was_full, touched)
    }

    fn after_list(&self, was_full: bool, touched: Touched) -> Touched {
        match self.full_view() {
            Some(_) if !was_full => self.all_targets(),
            _ => touched,
        }
    }

    /// A watch or a list showed an object. Objects that are nothing to this program are not kept.
    pub fn observe(&mut self, observed: Observed) -> Touched {
        self.put(observed, None, By::Watch)
    }

    /// The answer to a request showed an object.
    pub fn found(&mut self, observed: Observed) -> Touched {
        self.put(observed, None, By::Answer)
    }

    /// The controller wrote the object, and this is what the server answered; `content` is what was written, or `None`
    /// where the data was left as it was.
    pub fn wrote(&mut self, observed: Observed, content: Option<(Facts, Option<Arc<str>>)>) -> Touched {
        let kept = match (&content, self.nodes.get(&observed.key)) {
            (None, Some(node)) if node.uid == observed.uid => Some((node.knowledge, node.type_.clone())),
            _ => None,
        };
        let known = content.map(|(facts, type_)| (Knowledge::Known(facts), type_)).or(kept);
        self.put(observed, known, By::Answer)
    }

    fn put(&mut self, observed: Observed, known: Option<(Knowledge, Option<Arc<str>>)>, by: By) -> Touched {
        let Observed { key, uid, resource_version, created, deleting, annotated, managers, advice: _ } = observed;
        // Nothing outside is asked for, so nothing of it can be seen.
        let Some(List { epoch, complete }) = self.lists.of(key.namespace()) else { return Vec::new() };
        let old = self.nodes.get_mut(&key);
        let known_before = old.is_some();
        let epoch = match (by, &old) {
            (By::Watch, _) => epoch,
            // An answer can be older than the list that it comes into: it does not count as named by it.
            (By::Answer, Some(old)) => old.epoch,
            (By::Answer, None) => epoch.wrapping_sub(1),
        };
        let (mut type_, mut immutable) = (None, false);
        let mut knowledge = if complete { Knowledge::Suspect } else { Knowledge::Trusted };
        if let Some(old) = old {
            if old.resource_version == resource_version && old.uid == uid {
                // Seen before, in the answer to a request or in an earlier list.
                old.epoch = epoch;
                if let Some((knowledge, type_)) = known {
                    old.knowledge = knowledge;
                    old.type_ = type_.or_else(|| old.type_.take());
                }
                return Vec::new();
            }
            if resource_version.is_older_than(&old.resource_version) {
                old.epoch = epoch;
                return Vec::new();
            }
            if old.uid == uid {
                // Neither ever changes.
                (type_, immutable) = (old.type_.take(), old.immutable);
            }
            if old.knowledge == Knowledge::Refused {
                knowledge = Knowledge::Refused;
            }
        }
        if let Some((known, known_type)) = known {
            knowledge = known;
            type_ = known_type.or(type_);
        }
        if matches!(annotated, Annotated::Not) && !self.is_referred_to(&key) {
            return if known_before { self.remove(&key) } else { Vec::new() };
        }
        self.absent.remove(&key);
        let annotated = self.marks.share(annotated);
        let node =
            Node { uid, resource_version, created, deleting, annotated, managers, knowledge, type_, immutable, epoch };
        self.replace(key, Some(Box::new(node)))
    }

    /// An object was deleted. `uid`: of the deleted one; another object that has taken the name since stays.
    pub fn forget(&mut self, key: &Key, uid: &Uid) -> Touched {
        match self.nodes.get(key) {
            Some(node) if node.uid != *uid => Vec::new(),
            _ => self.remove(key),
        }
    }

    fn remove(&mut self, key: &Key) -> Touched {
        let touched = self.replace(key.clone(), None);
        if self.relations.is_source(key) {
            self.absent.insert(key.clone());
        }
        touched
    }

    /// A look-up of an object that was [`Presence::Unknown`] found nothing.
    pub fn confirm_absent(&mut self, key: &Key) {
        // An object that came by in the meantime is in `nodes`: then the answer is old news.
        if !self.nodes.contains_key(key) && self.relations.is_source(key) {
            self.absent.insert(key.clone());
        }
    }

    /// A list of the namespaces begins.
    pub fn begin_namespaces(&mut self) {
        self.namespace_list.begin();
    }

    /// A namespace exists.
    pub fn observe_namespace(&mut self, namespace: &str, facts: NamespaceFacts) -> Touched {
        let before = self.namespaces.insert(namespace.into(), (facts.clone(), self.namespace_list.epoch));
        match before {
            Some((before, _)) if before == facts => Vec::new(),
            _ => self.touched_in(namespace),
        }
    }

    /// A namespace is gone.
    pub fn forget_namespace(&mut self, namespace: &str) -> Touched {
        self.namespaces.remove(namespace);
        self.touched_in(namespace)
    }

    /// The list of the namespaces is complete.
    pub fn end_namespaces(&mut self) -> Touched {
        let was_full = self.full_view().is_some();
        let epoch = self.namespace_list.epoch;
        self.namespaces.retain(|_, (_, seen)| *seen == epoch);
        self.namespace_list.complete = true;
        self.after_list(was_full, Vec::new())
    }

    // --- What reading and writing taught ---

    /// The object's content was read at this version. Old news is ignored.
    pub fn learn(&mut self, key: &Key, version: &ResourceVersion, facts: Facts, content: &Content) {
        if let Some(node) = self.nodes.get_mut(key).filter(|node| node.resource_version == *version) {
            node.knowledge = Knowledge::Known(facts);
            node.type_ = content.type_.clone();
            node.immutable = content.immutable;
        }
    }

    /// The object is due for verification.
    pub fn suspect(&mut self, key: &Key) {
        self.set_knowledge(key, Knowledge::Suspect);
    }

    /// A write of the object was refused as invalid: it has to be read before the next one.
    pub fn doubt(&mut self, key: &Key) {
        self.set_knowledge(key, Knowledge::Refused);
    }

    fn set_knowledge(&mut self, key: &Key, knowledge: Knowledge) {
        if let Some(node) = self.nodes.get_mut(key) {
            node.knowledge = knowledge;
        }
    }

    // --- Inside ---

    /// Puts a node in the place of another, keeps the relations in step, and tells whom it concerns.
    fn replace(&mut self, key: Key, new: Option<Box<Node>>) -> Touched {
        let fresh = new.as_ref().map(|node| (node.annotated.clone(), node.uid.clone()));
        let old = match new {
            Some(new) => self.nodes.insert(key.clone(), new),
            None => self.nodes.remove(&key),
        };
        let mut touched = Vec::new();
        if old.is_none() && fresh.is_none() {
            // Nothing to this program so far; but a source may wait for the name to be free.
            if self.is_complete() && self.pushing_to(&key).next().is_some() {
                touched.push(key.into());
            }
            return touched;
        }
        let was = old.as_ref().map(|node| &node.annotated);
        let is = fresh.as_ref().map(|(annotated, _)| annotated);
        let (remarked, was, is) = (was != is, was.and_then(Annotated::marks), is.and_then(Annotated::marks));
        let from = |marks: Option<&Marks>| marks.and_then(|marks| marks.replicate_from.clone());
        let rewired = from(was) != from(is);
        let recreated = matches!((&old, &fresh), (Some(old), Some((_, uid))) if old.uid != *uid);
        let is_target = |marks: Option<&Marks>| usize::from(marks.is_some_and(Marks::is_target));
        self.targets = self.targets + is_target(is) - is_target(was);

        let mut released = Vec::new();
        if let Some(marks) = was.filter(|_| remarked) {
            self.relations.unlink(&key, marks);
            self.referred_to(&key, marks, &mut released);
        }
        if let Some(marks) = is.filter(|_| remarked) {
            self.relations.link(&key, marks);
        }
        for name in released {
            self.drop_if_nothing_to_us(&name);
        }
        if !self.is_complete() {
            return touched;
        }
        let source = SourceKey::from(key.clone());
        touched.extend(self.relations.created_by(&source).cloned());
        touched.extend(self.relations.pulling_from(&source).cloned());
        if recreated {
            // Its type may be another one, which the replicas' annotations do not show.
            for target in &touched {
                if let Some(node) = self.nodes.get_mut(&**target) {
                    node.knowledge = Knowledge::Suspect;
                }
            }
        }
        // What was not made because of this object may be made now, where a push waits for its data.
        for combined in self.relations.pulling_from(&source) {
            if let Some(push) = self.nodes.get(&**combined).and_then(|node| node.push()) {
                self.touch_pushed(combined, push, &mut touched);
            }
        }
        if rewired {
            // A ring may have closed or opened far down the chain.
            self.touch_chain(&source, &mut touched);
        }
        for node in [old.as_ref(), self.nodes.get(&key)].into_iter().flatten() {
            if let Some(push) = node.push() {
                self.touch_pushed(&key, push, &mut touched);
            }
        }
        touched.push(key.into());
        touched
    }

    /// Before that, nobody asks what was touched: everything is looked at.
    fn is_complete(&self) -> bool {
        self.full_view().is_some()
    }

    fn drop_if_nothing_to_us(&mut self, key: &Key) {
        if !self.relations.is_source(key) {
            self.absent.remove(key);
        }
        let unannotated = self.nodes.get(key).is_some_and(|node| matches!(node.annotated, Annotated::Not));
        if unannotated && !self.is_referred_to(key) {
            self.nodes.remove(key);
        }
    }

    fn is_referred_to(&self, key: &Key) -> bool {
        self.relations.is_source(key) || self.pushing_to(key).next().is_some()
    }
}
