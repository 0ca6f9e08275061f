//! What watch events, lists and responses show.

use std::sync::Arc;

use crate::keys::Projection;
use crate::names::Key;
use crate::namespace::NamespaceFacts;
use crate::observed::{Observed, ResourceVersion, Uid};
use crate::payload::Content;
use crate::scope::Part;

use super::change::By;
use super::namespaces::Seen;
use super::{Facts, Graph, Held, Knowledge, Portion, Touched};

/// So many parts of one object's content are known at the same time.
pub(super) const MOST_PORTIONS: usize = 64;
/// So many bytes what is asked for by these may take.
pub(super) const MOST_TEXT: usize = 64 << 10;

/// Objects.
impl Graph {
    /// A list of the whole cluster begins: objects that it will not show are gone when it ends.
    pub fn begin_list(&mut self) {
        self.begin_part(&Part::Cluster);
    }

    /// The list of the whole cluster, of this version, is complete.
    pub fn end_list(&mut self, version: &ResourceVersion) -> Touched {
        self.end_part(&Part::Cluster, version)
    }

    /// A list of one part of the scope begins: objects of that part that it will not show are gone when it ends.
    pub fn begin_part(&mut self, part: &Part) {
        if let Some(list) = self.lists.part(part) {
            list.begin();
            // Those of a list that broke off.
            self.older.retain(|observed| !part.covers(observed.key.namespace()));
        }
    }

    /// The list of one part is complete; it shows what was there at `version`.
    pub fn end_part(&mut self, part: &Part, version: &ResourceVersion) -> Touched {
        let was_full = self.is_complete();
        let Some(list) = self.lists.part(part) else { return Touched::default() };
        list.end();
        let epoch = list.epoch;
        let mut touched = self.take_back(part, version);
        let not_listed = self.in_part(part).filter(|(_, node)| {
            // One that is newer than the list, as a response showed, cannot be in it.
            node.epoch != epoch && !version.is_older_than(&node.resource_version) && !crate::bug!(NotListedIsKept)
        });
        let gone: Vec<Key> = not_listed.map(|(key, _)| key.clone()).collect();
        for key in gone {
            touched.append(self.remove_not_listed(&key));
        }
        self.after_list(was_full, touched)
    }

    /// What the list showed at an older version than the graph holds: where the graph's version is not newer than the list, the
    /// object went back.
    fn take_back(&mut self, part: &Part, version: &ResourceVersion) -> Touched {
        let mut touched = Touched::default();
        if crate::bug!(OlderInListIgnored) {
            return touched;
        }
        let (of_part, others) =
            std::mem::take(&mut self.older).into_iter().partition(|observed| part.covers(observed.key.namespace()));
        self.older = others;
        let of_part: Vec<Observed> = of_part;
        for observed in of_part {
            let newer_than_list =
                |node: &super::Node| version.is_older_than(&node.resource_version) || node.is_version(&observed);
            if self.node(&observed.key).is_some_and(|node| !newer_than_list(node)) {
                touched.append(self.put_anew(observed));
            }
        }
        touched
    }

    fn after_list(&self, was_full: bool, touched: Touched) -> Touched {
        if self.is_complete() && !was_full { self.all_targets().into() } else { touched }
    }

    /// A watch event or a list showed an object. Objects that are nothing to this program are not kept.
    pub fn observe(&mut self, observed: Observed) -> Touched {
        self.put(observed, None, By::Watch)
    }

    /// The response to a read showed an object.
    pub fn found(&mut self, observed: Observed) -> Touched {
        self.put(observed, None, By::Response)
    }

    /// The controller wrote the object, and this is how the API server returned it. `content` is what is known of its data since then,
    /// and its type: what was written, or where the data was left as it was, what was known of it when the write was sent. (By now
    /// the watch may have shown the write, which the graph takes for anybody's.) `None`: it is as the graph holds it.
    pub fn wrote(&mut self, observed: Observed, content: Option<(Knowledge, Option<Arc<str>>)>) -> Touched {
        let kept = match (&content, self.nodes.get(&observed.key)) {
            (None, Some(node)) if node.uid == observed.uid => Some((node.knowledge, node.type_.clone())),
            _ => None,
        };
        self.put(observed, content.or(kept), By::Response)
    }

    /// An object was deleted. `uid`: of the deleted one; another object that has taken the name since stays.
    pub fn forget(&mut self, key: &Key, uid: &Uid) -> Touched {
        match self.nodes.get(key) {
            Some(node) if node.uid != *uid => Touched::default(),
            _ => self.remove(key),
        }
    }

    /// The response to a read was that the object does not exist. `held`: what [`Graph::held`] returned when the read was sent.
    ///
    /// An object that came or changed since then stays: the response is older than it. Otherwise the object is gone, whether a
    /// watch event says so or not.
    pub fn not_found(&mut self, key: &Key, held: Option<&Held>) -> Touched {
        match (self.nodes.get(key), held) {
            (None, _) => self.remove(key),
            (Some(_), _) if crate::bug!(No404Believed) => Touched::default(),
            (Some(_), _) if crate::bug!(Old404Believed) => self.remove(key),
            (Some(node), Some(held)) if node.uid == held.uid && node.resource_version == held.resource_version => {
                self.remove(key)
            }
            (Some(_), _) => Touched::default(),
        }
    }

    /// [`Graph::not_found`] of an object that the graph did not hold when it was looked up.
    pub fn confirm_absent(&mut self, key: &Key) {
        drop(self.not_found(key, None));
    }

    /// The object's content was read at this version. It is ignored if the graph holds another version.
    pub fn learn(&mut self, key: &Key, version: &ResourceVersion, facts: Facts, content: &Content) {
        if let Some(node) = self.nodes.get_mut(key).filter(|node| node.resource_version == *version) {
            self.revision += 1;
            node.knowledge = Knowledge::Known(facts);
            node.type_ = content.type_.clone();
            node.immutable = Some(content.immutable);
        }
    }

    /// The response to a write showed the object's content at this version, and so whether it is immutable.
    pub fn learn_immutable(&mut self, key: &Key, version: &ResourceVersion, immutable: bool) {
        if let Some(node) = self.nodes.get_mut(key).filter(|node| node.resource_version == *version) {
            node.immutable = Some(immutable);
        }
    }

    /// A part of the object's content at this version was looked at. It is ignored if the graph holds another version.
    pub fn learn_portion(
        &mut self,
        key: &Key,
        version: &ResourceVersion,
        projection: Arc<Projection>,
        portion: Portion,
    ) {
        if let Some(node) = self.nodes.get_mut(key).filter(|node| node.resource_version == *version) {
            self.revision += 1;
            let portions = &mut node.extra.get_or_insert_default().portions;
            portions.retain(|(of, _)| *of != projection);
            portions.push((projection, portion));
            // Those that nobody asks for any more go with the oldest. One that is missing is looked at again.
            let mut text: usize = portions.iter().map(|(of, _)| of.size()).sum();
            while portions.len() > 1 && (portions.len() > MOST_PORTIONS || text > MOST_TEXT) {
                text -= portions.remove(0).0.size();
            }
        }
    }

    /// A write of the object was refused as invalid: it has to be read before the next one.
    pub fn doubt(&mut self, key: &Key) {
        if let Some(node) = self.nodes.get_mut(key) {
            node.knowledge = Knowledge::Refused;
        }
    }
}

/// Namespaces.
impl Graph {
    /// A list of the namespaces begins.
    pub fn begin_namespaces(&mut self) {
        self.namespace_list.begin();
    }

    /// A namespace exists. Only the watch (or the poll) of namespaces says so, and that it terminates: a response can be older
    /// than the namespace that has the name now.
    pub fn observe_namespace(&mut self, namespace: &str, facts: NamespaceFacts) -> Touched {
        match self.namespaces.see(namespace, facts.clone(), self.namespace_list.epoch) {
            Seen::Same => Touched::default(),
            Seen::New(_) if crate::bug!(NamespaceLost) && self.is_complete() => Touched::default(),
            Seen::New(id) => {
                self.revision += 1;
                self.pushes.selections_mut().namespace_appeared(id, namespace, &facts);
                self.touched_in(namespace)
            }
            Seen::Changed(id, was) => {
                self.revision += 1;
                let mut touched = Touched::default();
                if !facts.has_labels_of(&was) && !crate::bug!(RelabelledNotTouched) {
                    let changed = self.pushes.selections_mut().namespace_changed(id, namespace, &facts);
                    self.touch_relabelled(namespace, &was, &facts, &changed, &mut touched);
                }
                if !facts.says_the_same(&was) {
                    touched.append(self.touched_in(namespace));
                }
                touched
            }
        }
    }

    /// A namespace is gone.
    pub fn forget_namespace(&mut self, namespace: &str) -> Touched {
        let touched = self.touched_in(namespace);
        self.revision += 1;
        if let Some(id) = self.namespaces.remove(namespace) {
            self.pushes.selections_mut().namespace_disappeared(id);
        }
        touched
    }

    /// The list of the namespaces is complete: those that it did not show are gone.
    pub fn end_namespaces(&mut self) -> Touched {
        let was_full = self.is_complete();
        self.namespace_list.end();
        let mut touched = Touched::default();
        for namespace in self.namespaces.not_seen_in(self.namespace_list.epoch) {
            let of_one = self.forget_namespace(&namespace);
            if was_full {
                touched.append(of_one);
            }
        }
        self.after_list(was_full, touched)
    }
}
