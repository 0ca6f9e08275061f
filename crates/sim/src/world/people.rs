//! Users and tools at work.

use std::rc::Rc;

use super::World;
use super::users::{self, Act};
use crate::api::object::{Id, Object, Resource};
use crate::api::write::{self, wall};
use crate::spec::PREFIX;

impl World {
    /// Somebody does something. What is not possible (kubectl would report an error) is skipped.
    pub(super) fn act(&mut self, act: &Act) {
        let version = self.store.revision;
        self.try_to(act);
        if self.store.revision != version {
            self.stimulus();
            self.tell(|| act.words());
        }
    }

    fn try_to(&mut self, act: &Act) {
        match act {
            Act::Put { id, type_, data, annotations, immutable, finalizer, manager } => {
                let new = users::object(id, type_, *data, annotations, *immutable, *finalizer);
                if self.store.get(id).is_none() {
                    self.make(new, manager);
                    return;
                }
                let change = |object: &mut Object| {
                    (object.data, object.binary_data, object.annotations) =
                        (new.data, new.binary_data, new.annotations);
                    object.immutable |= new.immutable;
                };
                self.change(id, manager, change);
            }
            Act::Annotate(id, name, value) => {
                let value = value.clone().into_bytes();
                self.change(id, "kubectl-annotate", |object| drop(object.annotations.insert(name.clone(), value)));
            }
            Act::Label(id, name, value) => {
                self.change(id, "kubectl-label", |object| match value {
                    Some(value) => drop(object.labels.insert((*name).to_owned(), (*value).to_owned())),
                    None => drop(object.labels.remove(*name)),
                });
            }
            Act::Strip(id, nth) => {
                self.change(id, "kubectl-edit", |object| {
                    let ours: Vec<String> =
                        object.annotations.keys().filter(|key| key.starts_with(PREFIX)).cloned().collect();
                    if !ours.is_empty() {
                        object.annotations.remove(&ours[usize::from(*nth) % ours.len()]);
                    }
                });
            }
            Act::StripAll(id) => {
                self.change(id, "kubectl-edit", |object| object.annotations.retain(|key, _| !key.starts_with(PREFIX)));
            }
            Act::Fill(id, choice) => {
                self.change(id, "kubectl-patch", |object| {
                    object.data = users::data(object.id.resource, object.type_.as_deref().unwrap_or(""), *choice);
                    object.binary_data = users::binary_data(object.id.resource, *choice);
                });
            }
            Act::Drop(id, nth) => {
                self.change(id, "kubectl-edit", |object| {
                    let keys: Vec<String> = object.data.keys().cloned().collect();
                    if !keys.is_empty() {
                        object.data.remove(&keys[usize::from(*nth) % keys.len()]);
                    }
                });
            }
            Act::Delete(id) => self.delete(id, "kubectl-delete"),
            Act::Remake(id) => {
                let Some(old) = self.store.get(id).cloned() else { return };
                self.delete(id, "kubectl-delete");
                self.make((*old).clone(), "kubectl-replace");
            }
            Act::Retype(id) => {
                let Some(old) = self.store.get(id).cloned() else { return };
                self.delete(id, "kubectl-delete");
                let other = |type_: &String| match &**type_ {
                    "Opaque" => "example.com/own".to_owned(),
                    _ => "Opaque".to_owned(),
                };
                self.make(Object { type_: old.type_.as_ref().map(other), ..(*old).clone() }, "kubectl-replace");
            }
            Act::Freeze(id) => drop(self.change(id, "kubectl-patch", |object| object.immutable = true)),
            Act::Hold(id) => {
                self.change(id, "kubectl-patch", |object| object.finalizers = vec!["example.com/hold".to_owned()]);
            }
            Act::Copy(from, to) => {
                let Some(old) = self.store.get(from).cloned() else { return };
                self.make(Object { id: to.clone(), finalizers: Vec::new(), ..(*old).clone() }, "kubectl-create");
            }
            Act::Recover(id, nth) => {
                let then = self.store.history.len().saturating_sub(2 + usize::from(*nth));
                let Some(old) = self.store.history[then].1.get(id).cloned() else { return };
                self.make(Object { finalizers: Vec::new(), ..(*old).clone() }, "velero-server");
            }
            Act::Release(id) => drop(self.change(id, "kubectl-edit", |object| object.finalizers.clear())),
            Act::Scribble(id) => {
                self.change(id, "some-tool", |object| {
                    object.annotations.insert("example.com/note".to_owned(), vec![0xff, 0xfe, b'x']);
                });
            }
            Act::MakeNamespace(name) => self.make_namespace(name),
            Act::DeleteNamespace(name) => {
                self.delete(&Id::of_namespace(name), "kubectl-delete");
            }
            Act::Finalize => drop(self.finalize()),
        }
    }

    pub(super) fn make_namespace(&mut self, name: &str) {
        if self.store.get(&Id::of_namespace(name)).is_none() {
            let mut namespace = Object::new(Id::of_namespace(name));
            (namespace.uid, namespace.created) = (self.store.new_uid(), wall(self.now));
            self.store.put(self.now, namespace);
        }
    }

    /// Deletes an object as somebody other than a controller.
    pub(super) fn delete(&mut self, id: &Id, manager: &str) {
        let seen = self.store.live.clone();
        let context = write::Context { at: self.now, manager, policies: &[], seen: &seen };
        drop(write::delete(&mut self.store, id, &serde_json::Value::Null, context));
    }

    /// Creates an object as somebody other than a controller.
    pub(super) fn make(&mut self, mut object: Object, manager: &str) {
        object.managers = Vec::new();
        let seen = self.store.live.clone();
        let context = write::Context { at: self.now, manager, policies: &[], seen: &seen };
        drop(write::create(&mut self.store, object, context));
    }

    /// The namespace controller deletes one object of a namespace that is being deleted, or the namespace when it is empty.
    pub(super) fn finalize(&mut self) -> bool {
        let terminating: Vec<String> = self
            .store
            .live
            .values()
            .filter(|object| object.id.resource == Resource::Namespace && object.deleted.is_some())
            .map(|object| object.id.name.clone())
            .collect();
        for namespace in terminating {
            let inside: Vec<Rc<Object>> =
                self.store.live.values().filter(|object| object.id.namespace == namespace).cloned().collect();
            if let Some(object) = inside.iter().find(|object| object.deleted.is_none()) {
                self.delete(&object.id, "kubectl-delete");
                return true;
            }
            if inside.is_empty() {
                self.store.remove(self.now, &Id::of_namespace(&namespace));
                return true;
            }
        }
        false
    }
}
