//! Writing to the model, as to an API server: with preconditions, and with what it refuses.

use std::collections::BTreeMap;

use super::object::Object;
use super::{WatchEvent, World};
use crate::action::{Action, AnnotationChange, MapChange, MetadataChange, Precondition};
use crate::annotations::Annotation;
use crate::carried::Map;
use crate::decide::Need;
use crate::decide::tests::fixture::is_valid;
use crate::graph::Knowledge;
use crate::managers::{Managers, Owners};
use crate::names::Key;

/// Why the API server did not carry out a write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Conflict,
    Exists,
    Invalid,
}

impl World {
    /// Carries out a write as an API server does, and gives its response to the graph.
    pub(crate) fn apply(&mut self, action: &Action) -> Result<(), Failure> {
        let key: Key = action.target().clone().into();
        let written = self.write(&key, action);
        match &written {
            Ok(content) => {
                self.writes += 1;
                let touched = match (self.objects.get(&key), action) {
                    (Some(object), _) => {
                        let content = content.then(|| (Knowledge::Known(self.facts(object)), object.type_.clone()));
                        let observed = object.observed(&key);
                        let touched = self.graph.wrote(observed.clone(), content);
                        self.emit(WatchEvent::Seen(observed));
                        touched
                    }
                    (None, Action::Delete(delete)) => {
                        let uid = delete.precondition().uid.clone();
                        let touched = self.graph.forget(&key, &uid);
                        self.emit(WatchEvent::Deleted(key, uid));
                        touched
                    }
                    (None, _) => unreachable!(),
                };
                self.look_at(touched);
            }
            Err(Failure::Conflict | Failure::Exists) => self.answer(&Need::Presence(key)),
            Err(Failure::Invalid) => self.graph.doubt(&key),
        }
        written.map(drop)
    }

    /// Carries out a write. True: data was written.
    fn write(&mut self, key: &Key, action: &Action) -> Result<bool, Failure> {
        let version = self.counter + 1;
        match action {
            Action::Create(create) => {
                if self.objects.contains_key(key) || self.namespaces.get(key.namespace()) != Some(&false) {
                    return Err(Failure::Exists);
                }
                let type_ = create.type_().map(|type_| &**type_);
                is_valid(self.kind, type_, create.payload()).then_some(()).ok_or(Failure::Invalid)?;
                let annotations = create.annotations().iter().map(|(a, text)| (a.name().to_owned(), text.to_string()));
                self.counter = version;
                let object = Object {
                    uid: version,
                    version,
                    created: i64::try_from(version).unwrap(),
                    deleting: false,
                    immutable: false,
                    type_: create.type_().cloned(),
                    annotations: annotations.collect(),
                    labels: (**create.labels())
                        .clone()
                        .into_iter()
                        .chain(owned_texts(&create.carried().labels))
                        .collect(),
                    others: owned_texts(&create.carried().annotations).collect(),
                    payload: create.payload().clone(),
                    managers: Managers {
                        data: Owners::Controller,
                        replicated_by: Owners::Controller,
                        ..Managers::default()
                    },
                };
                self.objects.insert(key.clone(), object);
                Ok(true)
            }
            Action::Adopt(adopt) => {
                let object = existing(&mut self.objects, key, adopt.precondition())?;
                assert_eq!(object.annotation("by"), Some(adopt.creator().as_str()), "only who owns it changes");
                assert_eq!(object.managers.replicated_by, Owners::Others);
                object.managers.replicated_by = Owners::Shared;
                object.version = version;
                self.counter = version;
                Ok(false)
            }
            Action::Update(update) => {
                let kind = self.kind;
                let object = existing(&mut self.objects, key, update.precondition())?;
                if let Some(data) = update.data() {
                    object.managers.data = Owners::Controller;
                    let type_ = data.expected_type.as_ref();
                    let frozen = object.immutable && object.payload != data.payload;
                    if frozen || type_ != object.type_.as_ref() || !is_valid(kind, type_.map(|t| &**t), &data.payload) {
                        return Err(Failure::Invalid);
                    }
                    object.payload = data.payload.clone();
                }
                change(&mut object.annotations, update.annotations());
                let MetadataChange { labels, annotations, has_labels } = update.metadata();
                assert!(*has_labels != object.labels.is_empty() || update.metadata().is_empty());
                change_map(&mut object.labels, labels);
                change_map(&mut object.others, annotations);
                object.version = version;
                self.counter = version;
                Ok(update.data().is_some())
            }
            Action::Delete(delete) => {
                existing(&mut self.objects, key, delete.precondition())?;
                self.objects.remove(key);
                Ok(false)
            }
        }
    }
}

fn existing<'o>(
    objects: &'o mut BTreeMap<Key, Object>,
    key: &Key,
    precondition: &Precondition,
) -> Result<&'o mut Object, Failure> {
    let object = objects.get_mut(key).ok_or(Failure::Conflict)?;
    let same = object.uid() == precondition.uid && object.resource_version() == precondition.resource_version;
    same.then_some(object).ok_or(Failure::Conflict)
}

fn owned_texts(map: &Map) -> impl Iterator<Item = (String, String)> {
    map.iter().map(|(key, value)| (key.to_string(), value.to_string()))
}

fn change_map(map: &mut BTreeMap<String, String>, change: &MapChange) {
    for key in &change.remove {
        assert!(map.remove(&**key).is_some(), "{key} is removed, and was not there");
    }
    for (key, value) in owned_texts(&change.set) {
        assert_ne!(map.insert(key.clone(), value.clone()), Some(value), "{key} is set to what it was");
    }
}

fn change(annotations: &mut BTreeMap<String, String>, change: &AnnotationChange) {
    for annotation in &change.remove {
        assert!(annotations.remove(annotation.name()).is_some(), "{annotation:?} is removed, and was not there");
    }
    for (annotation, text) in &change.set {
        let before = annotations.insert(annotation.name().to_owned(), text.to_string());
        let changed = before.as_deref() != Some(text) || *annotation == Annotation::ReplicatedAt;
        assert!(changed, "{annotation:?} is set to what it was");
    }
}
