//! Writes, as the API server carries them out.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_replicator_core::action::{Action, Create, MapChange, Update};
use k8s_replicator_core::clear;
use k8s_replicator_core::graph::{Facts, Graph, Knowledge, Touched};
use k8s_replicator_core::identity::{ResourceVersion, Uid};
use k8s_replicator_core::managers::{Managers, Owners};
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::observed::Observed;
use k8s_replicator_core::payload::{Content, Payload};

use super::Planner;
use crate::contents;
use crate::object::{Applied, Known, Object};

impl Planner {
    /// Carries out a write of the controller's; why it would be refused otherwise. `is_made_up`: what it copies is.
    pub(super) fn carry_out(&mut self, action: Action, is_made_up: bool) -> Result<Touched, String> {
        let known = if is_made_up { Known::Assumed } else { Known::Yes };
        match action {
            Action::Create(create) => self.create(&create, known),
            Action::Update(update) => self.update(&update, known),
            Action::Adopt(adopt) => {
                let Some(mut object) = self.objects.get(&**adopt.target()).cloned() else {
                    return Ok(Touched::default());
                };
                object.managers.replicated_by = Owners::Shared;
                let known = self.known(adopt.target());
                Ok(self.store(object, |graph, observed| graph.wrote(observed, known)))
            }
            Action::Delete(delete) => {
                let Some(object) = self.objects.get(&**delete.target()) else { return Ok(Touched::default()) };
                if object.has_finalizers {
                    let object = Object { deleting: true, ..object.clone() };
                    return Ok(self.store(object, Graph::observe));
                }
                Ok(self.take_away(delete.target()))
            }
        }
    }

    fn create(&mut self, create: &Create, known: impl FnOnce(Content) -> Known) -> Result<Touched, String> {
        let dialect = &self.flags.dialect;
        let ours = create.annotations().iter().map(|(annotation, text)| (dialect.key(*annotation), text.to_string()));
        let others = create.carried().annotations.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        let labels = create.labels().iter().map(|(key, value)| (key.clone(), value.clone()));
        let from_source = create.carried().labels.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        let (annotations, labels): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (ours.chain(others).collect(), labels.chain(from_source).collect());
        accepted(create.type_().map(|type_| &**type_), create.payload())?;
        let content = Content { type_: create.type_().cloned(), immutable: false, payload: create.payload().clone() };
        let data = if create.payload().is_empty() { Owners::Nobody } else { Owners::Controller };
        let object = Object {
            key: create.target().clone().into(),
            uid: self.new_uid(),
            resource_version: ResourceVersion::new("0"),
            created: self.new_time(),
            deleting: false,
            has_finalizers: false,
            labels,
            annotations,
            managers: Managers { data, replicated_by: Owners::Controller, ..Managers::default() },
            content: known(content),
            as_seen: None,
            applied: Applied::default(),
        };
        let written = self.written(create.type_(), create.payload());
        Ok(self.store(object, |graph, observed| graph.wrote(observed, Some(written))))
    }

    fn update(&mut self, update: &Update, becomes: impl FnOnce(Content) -> Known) -> Result<Touched, String> {
        let target = update.target();
        let Some(mut object) = self.objects.get(&**target).cloned() else { return Ok(Touched::default()) };
        let mut written = self.known(target);
        if let Some(data) = update.data() {
            let known = object.content.content().cloned();
            let (type_, is_assumed) =
                (known.as_ref().and_then(|content| content.type_.clone()), object.content.is_assumed());
            if !is_assumed && type_ != data.expected_type {
                return Err("its type is another one than that of what is copied".to_owned());
            }
            let is_immutable = known.as_ref().is_some_and(|content| content.immutable);
            if is_immutable && known.as_ref().is_some_and(|content| content.payload != data.payload) {
                return Err("it is immutable".to_owned());
            }
            let type_ = if is_assumed { data.expected_type.clone().or(type_) } else { type_ };
            accepted(type_.as_deref(), &data.payload)?;
            object.managers.data = owners_after(&object, &data.payload);
            written = Some(self.written(data.expected_type.as_ref(), &data.payload));
            object.content = becomes(Content { type_, immutable: is_immutable, payload: data.payload.clone() });
        }
        let dialect = &self.flags.dialect;
        for (annotation, text) in &update.annotations().set {
            object.annotations.insert(dialect.key(*annotation), text.to_string());
            if *annotation == k8s_replicator_core::annotations::Annotation::ReplicatedBy {
                object.managers.replicated_by = Owners::Controller;
            }
        }
        for annotation in &update.annotations().remove {
            object.annotations.remove(&dialect.key(*annotation));
        }
        change(&mut object.labels, &update.metadata().labels);
        change(&mut object.annotations, &update.metadata().annotations);
        Ok(self.store(object, |graph, observed| graph.wrote(observed, written)))
    }

    fn written(&self, type_: Option<&Arc<str>>, payload: &Payload) -> (Knowledge, Option<Arc<str>>) {
        (Knowledge::Known(Facts::of(self.kind, type_.map(|type_| &**type_), payload)), type_.cloned())
    }

    fn known(&self, target: &TargetKey) -> Option<(Knowledge, Option<Arc<str>>)> {
        self.graph.node(target).map(|node| (node.knowledge, node.type_.clone()))
    }

    /// Whether the object was read, so that another read shows nothing new.
    pub(super) fn is_read(&self, target: &TargetKey) -> bool {
        let has_type = |node: &k8s_replicator_core::graph::Node| node.type_.is_some() || !self.kind.is_typed();
        self.graph.node(target).is_none_or(|node| matches!(node.knowledge, Knowledge::Known(_)) && has_type(node))
    }

    /// Stores an object at a new version, and shows it.
    pub(super) fn store(&mut self, mut object: Object, show: impl FnOnce(&mut Graph, Observed) -> Touched) -> Touched {
        object.resource_version = ResourceVersion::new(&self.new_number().to_string());
        let observed = object.observed(&self.flags.dialect);
        if let Some(old) = self.objects.insert(object.key.clone(), object) {
            self.held.insert((old.key, old.resource_version), old.content);
        }
        show(&mut self.graph, observed)
    }

    pub(super) fn take_away(&mut self, key: &Key) -> Touched {
        let Some(old) = self.objects.remove(key) else { return Touched::default() };
        let uid: Uid = old.uid.clone();
        self.held.insert((old.key, old.resource_version), old.content);
        self.graph.forget(key, &uid)
    }
}

fn change(map: &mut BTreeMap<String, String>, change: &MapChange) {
    map.extend(change.set.iter().map(|(key, value)| (key.to_string(), value.to_string())));
    for key in &change.remove {
        map.remove(&**key);
    }
}

/// Who owns the data once the controller has written it: a key whose value stays as it was stays its owner's.
fn owners_after(object: &Object, payload: &Payload) -> Owners {
    let before = object.managers.data;
    let (is_same, is_empty) =
        (object.content.content().is_some_and(|content| content.payload == *payload), payload.is_empty());
    match before {
        _ if is_empty => Owners::Nobody,
        Owners::Others | Owners::Shared if is_same => before,
        Owners::Others | Owners::Shared
            if contents::have_an_entry_in_common(object.content.content().map(|it| &it.payload), payload) =>
        {
            Owners::Shared
        }
        _ => Owners::Controller,
    }
}

/// Whether the API server accepts this data in an object of this type.
fn accepted(type_: Option<&str>, payload: &Payload) -> Result<(), String> {
    let type_ = type_.unwrap_or_default();
    let keys = contents::keys(payload);
    match clear::completion(type_, |key| keys.iter().any(|own| own == key)).first() {
        Some((key, _)) => {
            Err(format!("a Secret of type {type_} needs the key {key:?}, which is not among what is copied"))
        }
        None => Ok(()),
    }
}
