//! What `decide` asks for: objects and contents, real ones and made-up ones.

use std::sync::Arc;

use k8s_replicator_core::annotations::Annotation;
use k8s_replicator_core::decide::Need;
use k8s_replicator_core::graph::{Facts, LONGEST_CHAIN};
use k8s_replicator_core::identity::ResourceVersion;
use k8s_replicator_core::key_names::KeyNames;
use k8s_replicator_core::keys::Projection;
use k8s_replicator_core::managers::Owners;
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::payload::Content;

use super::{Part, Planner};
use crate::contents::made_up;
use crate::object::{Known, Object};

impl Planner {
    /// Answers a need. Whether the answer is made up.
    pub(super) fn fill(&mut self, need: &Need, target: &TargetKey, part: &mut Part) -> bool {
        match need {
            Need::Presence(key) => {
                let touched = match self.objects.get(key) {
                    Some(object) => self.graph.found(object.observed(&self.flags.dialect)),
                    None => self.graph.not_found(key, None),
                };
                self.look_at(touched);
                false
            }
            Need::Content(key) => {
                self.learn(key);
                self.is_assumed(key)
            }
            Need::Portion(key, projection) => {
                if *key != **target {
                    *part = Some(projection.clone());
                }
                // As the controller does, which reads the whole content for a part of it.
                let Some((version, content)) = self.learn(key) else { return false };
                let portion = Facts::of_portion(self.kind, content.type_.as_deref(), &content.payload, projection);
                self.graph.learn_portion(key, &version, projection.clone(), portion);
                self.is_assumed(key)
            }
        }
    }

    /// An object's content is read: its type is known then, too.
    fn learn(&mut self, key: &Key) -> Option<(ResourceVersion, Content)> {
        let object = self.objects.get(key)?;
        let (version, content) = (object.resource_version.clone(), object.content.content()?.clone());
        let facts = Facts::of(self.kind, content.type_.as_deref(), &content.payload);
        self.graph.learn(key, &version, facts, &content);
        Some((version, content))
    }

    pub(super) fn is_assumed(&self, key: &Key) -> bool {
        self.objects.get(key).is_some_and(|object| object.content.is_assumed())
    }

    /// Makes up what is not known: a replica that says that it holds its source's data at some version holds just that, and every
    /// other object at every version something that nothing else holds.
    pub(super) fn make_up(&mut self) {
        if self.objects.values().all(|object| !matches!(object.content, Known::No(_))) {
            return;
        }
        let unknown: Vec<Key> = self
            .objects
            .values()
            .filter(|object| matches!(object.content, Known::No(_)))
            .map(|object| object.key.clone())
            .collect();
        for key in unknown {
            self.make_up_one(&key, LONGEST_CHAIN);
        }
    }

    fn make_up_one(&mut self, key: &Key, depth: usize) {
        let Some(object) = self.objects.get(key) else { return };
        let Known::No(keys) = &object.content else { return };
        let (keys, own_version) = (keys.clone(), object.resource_version.clone());
        let managers = object.managers.clone();
        let content = match copy_of(object, &self.flags.dialect) {
            Some((source, version, asked)) if depth > 0 => {
                self.make_up_one(&source, depth - 1);
                let (of_source, is_known) = self.at_version(&source, &version, &keys);
                let projection = Projection { asked, limits: Vec::new(), type_: None };
                // As the controller believes after a restart (SPEC 9.15).
                let names = self.objects.get(&source).map_or(KeyNames::NONE, |source| source.managers.names);
                let is_vouched_for =
                    managers.data == Owners::Controller && managers.names.are_as_copied(names, Some(&projection));
                let payload = projection.project(&of_source.payload).unwrap_or_else(|_| of_source.payload.clone());
                let content = Content { payload, ..of_source };
                if is_known && is_vouched_for { Known::Yes(content) } else { Known::Assumed(content) }
            }
            _ => Known::Assumed(made_up(self.kind, key, &own_version, &keys)),
        };
        if let Some(object) = self.objects.get_mut(key) {
            object.content = content;
        }
    }

    /// What an object held at a version, and whether that is known.
    fn at_version(&self, key: &Key, version: &ResourceVersion, keys: &[String]) -> (Content, bool) {
        let now =
            self.objects.get(key).filter(|object| object.resource_version == *version).map(|object| &object.content);
        let then = now.or_else(|| self.held.get(&(key.clone(), version.clone())));
        let known = then.and_then(|known| Some((known.content()?.clone(), !known.is_assumed())));
        known.unwrap_or_else(|| (made_up(self.kind, key, version, keys), false))
    }
}

/// Of what, at which version, a replica says that it holds a copy, and which keys it asked for.
fn copy_of(
    object: &Object,
    dialect: &k8s_replicator_core::annotations::Dialect,
) -> Option<(Key, ResourceVersion, Option<Arc<str>>)> {
    let observed = object.observed(dialect);
    let marks = observed.annotated.marks()?;
    let version = marks.from_version.clone()?;
    let source = marks.replicate_from.as_ref().or(marks.replicated_by.as_ref())?;
    Some((source.clone().into(), version, marks.text(Annotation::ReplicatedKeys).cloned()))
}
