//! One object is put in the place of another: the only way in which the graph's objects change.

use std::sync::Arc;

use crate::annotations::{Annotation, Marks};
use crate::managers::Owners;
use crate::names::{Key, SourceKey};
use crate::observed::{Annotated, Observed, ResourceVersion, Uid};
use crate::scope::Part;
use crate::selection::Selection;

use super::lists::List;
use super::node::Extra;
use super::relations::Without;
use super::{Graph, Knowledge, Node, Touched};

/// What showed an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A watch event, or the list before.
    Watch,
    /// The response to a request.
    Response,
}

/// What is known of an object's content, and its type.
type Content = (Knowledge, Option<Arc<str>>);

/// How one name's object differs from the one before.
struct Change {
    /// The annotations are others.
    annotated: bool,
    /// What is asked about it from further down a chain of pulls is answered otherwise.
    rewired: bool,
    /// It is paused, or is not any more.
    paused: bool,
    /// It is another object of the same name.
    recreated: bool,
}

impl Change {
    fn between(old: Option<&Node>, new: Option<&(Annotated, Uid)>) -> Self {
        // `decide` takes an object that is missing or ill-formed for not paused (SPEC 11.7), and so does this.
        let is_paused =
            |annotated: Option<&Annotated>| annotated.and_then(Annotated::marks).is_some_and(|marks| marks.paused);
        let was = old.map(|node| &node.annotated);
        let is = new.map(|(annotated, _)| annotated);
        let annotated = was != is;
        Self {
            annotated,
            rewired: annotated && says_to_chain(was) != says_to_chain(is),
            paused: is_paused(was) != is_paused(is),
            recreated: matches!((old, new), (Some(old), Some((_, uid))) if old.uid != *uid),
        }
    }
}

/// What is asked about an object by those who pull from it, and from these (SPEC 5.6, 11: the chain is walked up). `None`: it cannot
/// be asked, as it is missing, ill-formed or not sure of itself.
fn says_to_chain(annotated: Option<&Annotated>) -> Option<SaysToChain<'_>> {
    match annotated? {
        Annotated::Ill(_) => None,
        Annotated::Not => Some(SaysToChain::default()),
        Annotated::Well(marks) => {
            let limits = [Annotation::ReplicationAllowedKeys, Annotation::ReplicatedKeys].map(|it| marks.text(it));
            let allows = (marks.allowed, marks.allowed_namespaces.as_deref());
            Some((marks.unsure, marks.replicate_from.as_ref(), allows, limits))
        }
    }
}

/// What an object says of the copy that it holds: only the controller's copies change it.
fn copied(marks: Option<&Marks>) -> Option<(Option<&ResourceVersion>, Option<&Arc<str>>)> {
    marks.map(|marks| (marks.from_version.as_ref(), marks.text(Annotation::ReplicatedKeys)))
}

type SaysToChain<'a> = (bool, Option<&'a SourceKey>, (Option<bool>, Option<&'a Selection>), [Option<&'a Arc<str>>; 2]);

impl Graph {
    /// An object was shown. It is ignored if the graph holds a newer one.
    pub(super) fn put(&mut self, observed: Observed, known: Option<Content>, by: By) -> Touched {
        // Nothing outside is asked for, so nothing of it can be seen.
        let Some(list) = self.lists.of(observed.key.namespace()) else { return Touched::default() };
        let Some(old) = self.nodes.get_mut(&observed.key) else {
            // A response can be older than the list that it comes into: it does not count as shown by it.
            let epoch = if by == By::Watch { list.epoch } else { list.epoch.wrapping_sub(1) };
            return self.put_new(observed, known, by, epoch, list);
        };
        if by == By::Watch {
            old.epoch = list.epoch;
        }
        if old.is_version(&observed) {
            old.only_answered &= by == By::Response;
            if let Some((knowledge, type_)) = known {
                if matches!(knowledge, Knowledge::Known(_)) {
                    old.managers.names_as_copied = old.managers.names;
                }
                old.knowledge = knowledge;
                old.type_ = type_.or_else(|| old.type_.take());
            }
            return Touched::default();
        }
        if observed.resource_version.is_older_than(&old.resource_version) {
            if by == By::Watch && list.running {
                self.older.push(observed);
            }
            return Touched::default();
        }
        self.put_changed(observed, known, by)
    }

    /// An object is shown at a version that went back, see [`Graph::end_part`].
    pub(super) fn put_anew(&mut self, observed: Observed) -> Touched {
        // Where etcd was restored, the object may be of a time before it was made immutable.
        self.nodes.get_mut(&observed.key).into_iter().for_each(|node| node.immutable = None);
        self.put_changed(observed, None, By::Watch)
    }

    fn put_new(&mut self, observed: Observed, known: Option<Content>, by: By, epoch: u32, list: List) -> Touched {
        // SPEC 9.15: what others wrote while the controller was stopped is read; what only the controller wrote is believed.
        let is_vouched_for = (!list.complete || self.believes)
            && (observed.managers.data == Owners::Controller || crate::bug!(RestartBelievesAll));
        let knowledge = if is_vouched_for { Knowledge::Trusted } else { Knowledge::Suspect };
        let (knowledge, type_) = known.unwrap_or((knowledge, None));
        self.keep(observed, (knowledge, type_, None), by, epoch)
    }

    fn put_changed(&mut self, mut observed: Observed, known: Option<Content>, by: By) -> Touched {
        let Some(old) = self.nodes.get_mut(&observed.key) else { return Touched::default() };
        let is_written = matches!(known, Some((Knowledge::Known(_), _)));
        if old.uid == observed.uid && !is_written && copied(old.marks()) == copied(observed.annotated.marks()) {
            observed.managers.names_as_copied = old.managers.names_as_copied;
        }
        // As long as it is the same object, its type never changes, and what is immutable stays so.
        let (type_, immutable) = match old.uid == observed.uid {
            true => (old.type_.take(), old.immutable.filter(|immutable| *immutable)),
            false => (None, None),
        };
        let refused = old.knowledge == Knowledge::Refused;
        let is_vouched_for = self.believes && observed.managers.data == Owners::Controller;
        let knowledge = match (refused, is_vouched_for) {
            (true, _) => Knowledge::Refused,
            (false, true) => Knowledge::Trusted,
            (false, false) => Knowledge::Suspect,
        };
        let is_kept = match old.marks().is_some_and(Marks::is_target) {
            true => crate::bug!(DriftUnnoticed),
            false => crate::bug!(StaleFingerprint),
        };
        let knowledge = if is_kept { old.knowledge } else { knowledge };
        let (knowledge, type_) = match known {
            Some((knowledge, known_type)) => (knowledge, known_type.or(type_)),
            None => (knowledge, type_),
        };
        let epoch = old.epoch;
        self.keep(observed, (knowledge, type_, immutable), by, epoch)
    }

    /// Keeps what was shown, if it is anything to this program.
    fn keep(
        &mut self,
        observed: Observed,
        content: (Knowledge, Option<Arc<str>>, Option<bool>),
        by: By,
        epoch: u32,
    ) -> Touched {
        let Observed {
            key,
            uid,
            resource_version,
            created,
            deleting,
            annotated,
            managers,
            carried,
            has_labels,
            advice: _,
        } = observed;
        if matches!(annotated, Annotated::Not) && !self.is_referred_to(&key) {
            return if self.nodes.contains_key(&key) { self.remove(&key) } else { Touched::default() };
        }
        let (knowledge, type_, immutable) = content;
        let node = Node {
            uid,
            resource_version,
            created,
            deleting,
            annotated,
            managers,
            knowledge,
            extra: carried.map(|carried| Box::new(Extra { carried: *carried, ..Extra::default() })),
            has_labels,
            type_,
            immutable,
            only_answered: by == By::Response,
            epoch,
        };
        self.replace(key, Some(Box::new(node)))
    }

    /// The object does not exist any more, or is nothing to this program any more.
    pub(super) fn remove(&mut self, key: &Key) -> Touched {
        self.replace(key.clone(), None)
    }

    /// An object that a list did not show is gone. But one without annotations is only kept once an annotation refers to it: the list
    /// may have shown it before that. It is not known to be missing, and is looked up.
    pub(super) fn remove_not_listed(&mut self, key: &Key) -> Touched {
        let is_plain = self.plain.contains(key);
        let touched = self.remove(key);
        if is_plain {
            self.relations.set_without(&key.clone().into(), Without::default(), self.time);
        }
        touched
    }

    /// Puts a node in the place of another, or takes it away; keeps all indexes in step; and returns the targets that it concerns.
    fn replace(&mut self, key: Key, mut new: Option<Box<Node>>) -> Touched {
        self.revision += 1;
        let source = SourceKey::from(key);
        let is = new.as_mut().map(|new| {
            new.annotated = self.marks.share(std::mem::replace(&mut new.annotated, Annotated::Not));
            (new.annotated.clone(), new.uid.clone())
        });
        let old = match new {
            Some(new) => self.nodes.insert(source.clone().into(), new),
            None => self.nodes.remove(&*source),
        };
        if old.is_none() && is.is_none() {
            return self.was_not_there(&source);
        }
        let change = Change::between(old.as_deref(), is.as_ref());
        let is_plain = |annotated: &Annotated| matches!(annotated, Annotated::Not);
        if is.as_ref().is_some_and(|(annotated, _)| is_plain(annotated)) {
            self.plain.insert(source.clone().into());
        } else if old.as_ref().is_some_and(|old| is_plain(&old.annotated)) {
            self.plain.remove(&*source);
        }
        let was = old.map_or(Annotated::Not, |node| node.annotated);
        let is = is.map_or(Annotated::Not, |(annotated, _)| annotated);
        let mut touched = Touched::default();
        if change.annotated {
            self.touch_pushed(&source, &mut touched);
            self.relink(&source, &was, &is);
            self.let_go(was.marks(), &touched);
        }
        self.marks.release(&was);
        self.note_without(&source);
        if !self.is_complete() {
            // Nobody will take them out.
            drop(self.take_all_targets(touched));
            return Touched::default();
        }
        if change.recreated {
            self.suspect_replicas(&source);
        }
        self.touch_dependents(&source, &mut touched);
        if change.rewired && !crate::bug!(ChainNotTouched) {
            // A ring may have closed or opened far down the chain, or something may come through it that did not before.
            self.touch_chain(&source, &mut touched);
        }
        if change.paused {
            // It stops also what a combined object made that pulls from it.
            for combined in self.relations.pulling_from(&source) {
                touched.extend(self.relations.created_by(&Key::from(combined.clone()).into()).cloned());
            }
        }
        self.touch_pushed(&source, &mut touched);
        if crate::bug!(FreeNameNotTaken) && !self.nodes.contains_key(&*source) {
            return touched;
        }
        touched.push(Key::from(source).into());
        touched
    }

    /// An object that the graph did not hold does not exist.
    fn was_not_there(&mut self, source: &SourceKey) -> Touched {
        let was_known = self.relations.without(source, super::Withdrawal::Object).is_some();
        self.note_without(source);
        let mut touched = Touched::default();
        if !self.is_complete() {
            return touched;
        }
        if self.relations.is_source(source) && !was_known {
            self.touch_dependents(source, &mut touched);
        }
        // A source may wait for the name to be free.
        if self.pushing_to(source).next().is_some() {
            touched.push(Key::from(source.clone()).into());
        }
        touched
    }

    /// The indexes follow an object's annotations.
    fn relink(&mut self, source: &SourceKey, was: &Annotated, is: &Annotated) {
        let count = |annotated: &Annotated| usize::from(annotated.marks().is_some_and(Marks::is_target));
        self.targets = self.targets + count(is) - count(was);
        let selects = |annotated: &Annotated| {
            let allowed = annotated.marks().and_then(|marks| marks.allowed_namespaces.as_ref());
            usize::from(allowed.is_some_and(|selection| selection.selector().is_some()))
        };
        self.selecting = self.selecting + selects(is) - selects(was);
        for first in self.relations.relink(source, was.marks(), is.marks()) {
            self.note_if_there(&first);
        }
        let pushes = |annotated: &&Annotated| annotated.marks().is_some_and(|marks| marks.effective_push().is_some());
        if pushes(&was) || pushes(&is) {
            self.pushes.set(source, is, &self.namespaces);
        }
    }

    /// Objects without annotations are kept only as long as an annotation refers to them: those that these annotations
    /// referred to (their push to `pushed`) may be nothing to this program now. (What is pushed to in one piece, when it is taken out.)
    fn let_go(&mut self, was: Option<&Marks>, pushed: &Touched) {
        let sources = was.into_iter().flat_map(|marks| [&marks.replicated_by, &marks.replicate_from]).flatten();
        self.let_go_of(sources.map(|source| &**source).chain(pushed.targets.iter().map(|target| &**target)));
    }

    /// The same of some names.
    pub(super) fn let_go_of<'k>(&mut self, names: impl Iterator<Item = &'k Key>) {
        if self.plain.is_empty() {
            return;
        }
        for key in names {
            if self.plain.contains(key) && !self.is_referred_to(key) {
                self.plain.remove(key);
                self.nodes.remove(key);
            }
        }
    }

    /// The same of all objects without annotations.
    pub fn let_go_of_plain(&mut self) {
        let plain: Vec<Key> = self.plain.iter().cloned().collect();
        self.let_go_of(plain.iter());
    }

    /// What a source is without (SPEC 11.1), now that it may have changed: it exists as the graph holds it, or not at all.
    fn note_without(&mut self, source: &SourceKey) {
        if !self.relations.is_source(source) {
            return;
        }
        let without = match self.nodes.get(&**source).map(|node| &node.annotated) {
            None => Without { object: self.covers(source.namespace()), push: false, consent: false },
            Some(Annotated::Not) => Without { object: false, push: true, consent: true },
            // What it is without cannot be said before it is well-formed again.
            Some(Annotated::Ill(_)) => Without::default(),
            Some(Annotated::Well(marks)) => {
                Without { object: false, push: !marks.asks_for_a_push(), consent: !marks.says_who_may_pull() }
            }
        };
        self.relations.set_without(source, without, self.time);
    }

    /// The same for one that is named as a source for the first time: if the graph does not hold it, it has to be looked up.
    fn note_if_there(&mut self, source: &SourceKey) {
        if self.nodes.contains_key(&**source) {
            self.note_without(source);
        }
    }

    /// The type of an object that was made again may be another one, which its replicas' annotations do not show.
    fn suspect_replicas(&mut self, source: &SourceKey) {
        for target in self.relations.created_by(source).chain(self.relations.pulling_from(source)) {
            if let Some(node) = self.nodes.get_mut(&**target) {
                node.knowledge = Knowledge::Suspect;
            }
        }
    }

    /// Those that name this object as their source.
    fn touch_dependents(&self, source: &SourceKey, touched: &mut Touched) {
        touched.extend(self.relations.created_by(source).filter(|_| !crate::bug!(ReplicasNotTouched)).cloned());
        for pulling in self.relations.pulling_from(source).filter(|_| !crate::bug!(PullersNotTouched)) {
            touched.push(pulling.clone());
            // What was not made because of this object may be made now, where a push waits for its data.
            self.touch_pushed(&Key::from(pulling.clone()).into(), touched);
        }
    }

    /// Before that, nobody asks what was touched: everything is looked at.
    pub(super) fn is_complete(&self) -> bool {
        self.full_view().is_some()
    }

    fn is_referred_to(&self, key: &Key) -> bool {
        self.relations.is_source(&key.clone().into()) || self.pushing_to(key).next().is_some()
    }

    /// The objects of a namespace.
    pub(super) fn in_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = (&'a Key, &'a Node)> {
        // The first of all legal names.
        let first = Key::new(namespace, "0").ok();
        let from_there = first.into_iter().flat_map(|first| self.nodes.range(first..));
        from_there.take_while(move |(key, _)| key.namespace() == namespace).map(|(key, node)| (key, &**node))
    }

    /// The objects of a part of the scope.
    pub(super) fn in_part<'a>(&'a self, part: &'a Part) -> Box<dyn Iterator<Item = (&'a Key, &'a Node)> + 'a> {
        match part {
            Part::Namespace(_) if crate::bug!(OneListIsAll) => self.in_part(&Part::Cluster),
            Part::Cluster => Box::new(self.nodes.iter().map(|(key, node)| (key, &**node))),
            Part::Namespace(namespace) => Box::new(self.in_namespace(namespace)),
        }
    }
}
