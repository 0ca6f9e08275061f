//! Manifests that people and GitOps tools apply, and apply again: what they say is set, what they said before and do not say any more is
//! taken away, and all else stays.

use std::collections::BTreeMap;

use serde_json::json;

use super::World;
use super::users;
use crate::api::object::{Data, Id, Object, Resource};
use crate::api::write;

/// How a manifest is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applier {
    /// `kubectl apply`, Argo CD: the client compares with what it applied before to the same object.
    Client,
    /// Server-side apply, which changes nothing where others own a field that it says otherwise.
    Server,
    /// The same with `--force-conflicts`, as Flux does.
    Forced,
}

/// What a manifest says of an object, and how it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// How.
    pub by: Applier,
    /// Its data: see [`users::data`].
    pub data: u8,
    /// Its annotations.
    pub annotations: Vec<(String, String)>,
}

impl Manifest {
    fn data(&self, id: &Id) -> Data {
        users::data(id.resource, "Opaque", self.data)
    }

    fn write_into(&self, object: &mut Object) {
        object.data.extend(self.data(&object.id));
        object
            .annotations
            .extend(self.annotations.iter().map(|(key, value)| (key.clone(), value.clone().into_bytes())));
    }
}

/// The manifests of one object.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    /// The one that stands in the repository.
    last: Option<Manifest>,
    /// The one that a client applied last to the object, with the object's uid (`kubectl.kubernetes.io/last-applied-configuration`).
    of_live: Option<(String, Manifest)>,
}

impl World {
    /// Somebody applies a new manifest of an object.
    pub(super) fn apply(&mut self, id: &Id, manifest: &Manifest) {
        self.manifests.entry(id.clone()).or_default().last = Some(manifest.clone());
        self.apply_again(id);
    }

    /// The tool that keeps an object as its manifest says applies that again.
    pub(super) fn apply_again(&mut self, id: &Id) {
        let Some(manifest) = self.manifests.get(id).and_then(|manifests| manifests.last.clone()) else { return };
        let version = self.store.revision;
        match manifest.by {
            Applier::Client => self.apply_as_client(id, &manifest),
            Applier::Server => self.apply_on_server(id, &manifest, false),
            Applier::Forced => self.apply_on_server(id, &manifest, true),
        }
        if self.store.revision != version {
            self.stimulus();
            self.tell(|| format!("kubectl apply of {id} # {manifest:?}"));
        }
    }

    fn apply_as_client(&mut self, id: &Id, says: &Manifest) {
        const MANAGER: &str = "kubectl-client-side-apply";
        let live = self.store.get(id).map(|object| object.uid.clone());
        let of_live = self.manifests.get(id).and_then(|manifests| manifests.of_live.clone());
        let said = of_live.filter(|(uid, _)| live.as_ref() == Some(uid)).map(|(_, said)| said);
        if live.is_none() {
            let mut object = Object::new(id.clone());
            object.type_ = (id.resource == Resource::Secret).then(|| "Opaque".to_owned());
            says.write_into(&mut object);
            self.make(object, MANAGER);
        } else {
            let merge = |object: &mut Object| {
                if let Some(said) = &said {
                    let data = said.data(&object.id);
                    object.data.retain(|key, _| !data.contains_key(key));
                    said.annotations.iter().for_each(|(key, _)| drop(object.annotations.remove(key)));
                }
                says.write_into(object);
            };
            if self.update(id, MANAGER, merge).is_err() {
                // What it said before is kept beside the object.
                return;
            }
        }
        let uid = self.store.get(id).map(|object| object.uid.clone());
        self.manifests.entry(id.clone()).or_default().of_live = uid.map(|uid| (uid, says.clone()));
    }

    fn apply_on_server(&mut self, id: &Id, manifest: &Manifest, force: bool) {
        let annotations: BTreeMap<_, _> = manifest.annotations.iter().cloned().collect();
        let data = manifest.data(id);
        let mut body = json!({ "metadata": { "annotations": annotations }, "data": data, "type": "Opaque" });
        if id.resource != Resource::Secret {
            drop(body.as_object_mut().and_then(|body| body.remove("type")));
        }
        let seen = self.store.live.clone();
        let manager = if force { "kustomize-controller" } else { "kubectl" };
        let context = write::Context { at: self.now, manager, policies: &[], seen: &seen };
        drop(write::apply(&mut self.store, id, &body, force, context));
    }
}
