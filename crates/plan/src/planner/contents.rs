//! What `decide` asks for: objects and contents, real ones and made-up ones.

use std::sync::Arc;

use k8s_replicator_core::annotations::Annotation;
use k8s_replicator_core::decide::Need;
use k8s_replicator_core::graph::{Facts, LONGEST_CHAIN};
use k8s_replicator_core::identity::ResourceVersion;
use k8s_replicator_core::keys::Projection;
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::payload::Content;

use super::{Part, Planner};
use crate::contents::made_up;
use crate::object::{Known, Object};

/// So many names of keys are looked for in annotations.
const MOST_ASKED: usize = 1_000;

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
                let Some((version, content)) = self.content(key) else { return false };
                let facts = Facts::of(self.kind, content.type_.as_deref(), &content.payload);
                self.graph.learn(key, &version, facts, &content);
                self.is_assumed(key)
            }
            Need::Portion(key, projection) => {
                if *key != **target {
                    *part = Some(projection.clone());
                }
                let Some((version, content)) = self.content(key) else { return false };
                let portion = Facts::of_portion(self.kind, content.type_.as_deref(), &content.payload, projection);
                self.graph.learn_portion(key, &version, projection.clone(), portion);
                self.is_assumed(key)
            }
        }
    }

    fn content(&self, key: &Key) -> Option<(ResourceVersion, Content)> {
        let object = self.objects.get(key)?;
        Some((object.resource_version.clone(), object.content.content()?.clone()))
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
        self.asked_keys = self.keys_asked_for();
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
        let copied = copy_of(object, &self.flags.dialect);
        let content = match copied {
            Some((source, version, asked)) if depth > 0 => {
                self.make_up_one(&source, depth - 1);
                let of_source = self.at_version(&source, &version, &keys);
                let projection = Projection { asked, limits: Vec::new(), type_: None };
                let payload = projection.project(&of_source.payload).unwrap_or_else(|_| of_source.payload.clone());
                Content { payload, ..of_source }
            }
            _ => self.made_up(key, &own_version, &keys),
        };
        if let Some(object) = self.objects.get_mut(key) {
            object.content = Known::Assumed(content);
        }
    }

    fn made_up(&self, key: &Key, version: &ResourceVersion, keys: &[String]) -> Content {
        let keys = if keys.is_empty() { &self.asked_keys } else { keys };
        made_up(self.kind, key, version, keys, None)
    }

    /// What an object held at a version.
    fn at_version(&self, key: &Key, version: &ResourceVersion, keys: &[String]) -> Content {
        let now =
            self.objects.get(key).filter(|object| object.resource_version == *version).map(|object| &object.content);
        let then = now.or_else(|| self.held.get(&(key.clone(), version.clone())));
        then.and_then(Known::content).cloned().unwrap_or_else(|| self.made_up(key, version, keys))
    }

    /// The keys that some annotation asks for by name.
    fn keys_asked_for(&self) -> Vec<String> {
        let asks = [Annotation::ReplicateKeys, Annotation::ReplicationAllowedKeys].map(|it| self.flags.dialect.key(it));
        let texts = self.objects.values().flat_map(|object| asks.iter().filter_map(|key| object.annotations.get(key)));
        let items = texts.flat_map(|text| text.split([',', '\n']));
        let keys = items.map(|item| item.split(':').next().unwrap_or_default().trim());
        let literals = keys.filter(|key| !key.is_empty() && !key.contains('*') && !key.starts_with('!'));
        let mut keys: Vec<String> = literals.take(MOST_ASKED).map(str::to_owned).collect();
        keys.sort();
        keys.dedup();
        keys
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
