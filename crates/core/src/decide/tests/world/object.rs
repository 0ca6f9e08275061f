//! What the model keeps of one object or namespace, and what the watch shows of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::IgnoredAny;

use crate::annotations::{Dialect, Marks, Value};
use crate::carried::Carried;
use crate::decide::tests::fixture::ALIASES;
use crate::key_names::KeyNames;
use crate::managers::{Managers, Owners};
use crate::names::Key;
use crate::observed::{Annotated, Observed, ResourceVersion, Uid};
use crate::payload::Payload;

/// An annotation's value that is no text: it stands for bytes that are no UTF-8.
pub(crate) const NOT_TEXT: &str = "\u{fffd}";

/// One object of the model.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) uid: u64,
    pub(crate) version: u64,
    pub(crate) created: i64,
    pub(crate) deleting: bool,
    pub(crate) immutable: bool,
    pub(crate) type_: Option<Arc<str>>,
    /// Names without prefix.
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    /// Annotations of others.
    pub(crate) others: BTreeMap<String, String>,
    pub(crate) payload: Payload,
    pub(crate) managers: Managers,
}

/// The labels and annotations of a namespace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Namespace {
    pub(crate) labels: BTreeMap<String, String>,
    /// Names without prefix.
    pub(crate) annotations: BTreeMap<String, String>,
}

pub(super) fn texts(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

impl Object {
    /// What the graph keeps of its labels and of others' annotations.
    fn carried(&self, key: &Key) -> Option<Box<Carried>> {
        let annotated = self.annotated(key);
        let dialect = Dialect::new("k8s-replicator/", false);
        Carried::read(annotated.marks()?, &dialect, texts(&self.labels), texts(&self.others)).unwrap()
    }

    /// As they are read: with the names of its keys, where it is annotated and somebody is known to own its data.
    fn managers(&self, key: &Key) -> Managers {
        if matches!(self.annotated(key), Annotated::Not) || self.managers.data == Owners::Nobody {
            return self.managers.clone();
        }
        let keys = |json: &str| serde_json::from_str::<BTreeMap<String, IgnoredAny>>(json).unwrap().into_keys();
        let names = KeyNames::of(self.payload.fields().flatten().flat_map(keys));
        Managers { names, names_as_copied: names, ..self.managers.clone() }
    }

    pub(crate) fn annotation(&self, alias: &str) -> Option<&str> {
        let (_, name) = ALIASES.iter().find(|(short, _)| *short == alias).unwrap();
        self.annotations.get(*name).map(String::as_str)
    }

    pub(crate) fn annotate(&mut self, alias: &str, value: Option<&str>) {
        let name = ALIASES.iter().find(|(short, _)| *short == alias).map_or(alias, |(_, name)| *name);
        match value {
            Some(value) => drop(self.annotations.insert(name.to_owned(), value.to_owned())),
            None => drop(self.annotations.remove(name)),
        }
    }

    pub(crate) fn annotated(&self, key: &Key) -> Annotated {
        let annotations = self.annotations.iter().map(|(name, value)| match value.as_str() {
            NOT_TEXT => (name.as_str(), Value::NotText),
            text => (name.as_str(), Value::Text(text)),
        });
        match Marks::read(key, annotations, &mut Vec::new()) {
            Ok(None) => Annotated::Not,
            Ok(Some(marks)) => Annotated::Well(Arc::new(marks)),
            Err(error) => Annotated::Ill(Box::new(error)),
        }
    }

    pub(crate) fn observed(&self, key: &Key) -> Observed {
        Observed {
            key: key.clone(),
            uid: self.uid(),
            resource_version: self.resource_version(),
            created: self.created,
            deleting: self.deleting,
            annotated: self.annotated(key),
            managers: self.managers(key),
            carried: self.carried(key),
            has_labels: !self.labels.is_empty(),
            advice: Vec::new(),
        }
    }

    pub(crate) fn uid(&self) -> Uid {
        Uid::new(&format!("uid-{}", self.uid))
    }

    pub(crate) fn resource_version(&self) -> ResourceVersion {
        ResourceVersion::new(&self.version.to_string())
    }
}
