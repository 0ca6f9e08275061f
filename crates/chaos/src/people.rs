//! The simulation's people, at work on a real API server. What fails because the server is down is not tried again.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use http::Method;
use k8s_replicator_sim::api::object::{Id, Object, Resource};
use k8s_replicator_sim::dice::Dice;
use k8s_replicator_sim::spec::PREFIX;
use k8s_replicator_sim::world::users::{self, Act};
use k8s_replicator_testenv::Client;
use serde_json::{Value, json};

use super::places::{passing, places};

/// Somebody with an administrator's rights.
pub(crate) struct Person {
    pub(crate) client: Client,
    dice: Dice,
    /// Earlier states of objects, which a person may restore.
    backup: BTreeMap<String, Value>,
}

pub(crate) fn path(id: &Id) -> String {
    match id.resource {
        Resource::Namespace => format!("/api/v1/namespaces/{}", id.name),
        resource => format!("/api/v1/namespaces/{}/{}/{}", id.namespace, resource.plural(), id.name),
    }
}

/// What of an object is made anew elsewhere: not its identity, nor who wrote it.
fn copy_of(object: &Value, id: &Id) -> Value {
    let metadata = &object["metadata"];
    let mut copy = json!({ "apiVersion": "v1", "kind": id.resource.kind(),
        "metadata": { "name": id.name, "annotations": metadata["annotations"], "labels": metadata["labels"] } });
    for field in ["type", "data", "binaryData", "immutable"] {
        if !object[field].is_null() {
            copy[field] = object[field].clone();
        }
    }
    copy
}

pub(crate) fn manifest(object: &Object) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let annotations: BTreeMap<&String, String> =
        object.annotations.iter().map(|(key, value)| (key, text(value))).collect();
    let mut json = json!({ "apiVersion": "v1", "kind": object.id.resource.kind(), "data": object.data,
        "metadata": { "name": object.id.name, "annotations": annotations, "finalizers": object.finalizers } });
    if let Some(type_) = &object.type_ {
        json["type"] = json!(type_);
    }
    if !object.binary_data.is_empty() {
        json["binaryData"] = json!(object.binary_data);
    }
    if object.immutable {
        json["immutable"] = json!(true);
    }
    json
}

/// What one does in the simulation's four namespaces, done in four of the 50 that follow one another, in a ring: people of neighbouring
/// namespaces have to do with one another, and by patterns with all. Of the Namespaces those alone are made and deleted that come and go.
pub(crate) fn moved(act: Act, here: usize) -> Act {
    let (places, passing) = (places(), passing());
    let place = |of: &str| {
        let number = users::NAMESPACES.iter().position(|name| *name == of);
        number.map_or_else(|| of.to_owned(), |number| places[(here + number) % places.len()].to_owned())
    };
    let at = |id: Id| Id::new(id.resource, &place(&id.namespace), &id.name);
    let value = |text: &str| {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let mut moved = String::new();
        // Each word, with the character that ends it.
        for word in text.split_inclusive(|c| !is_name(c)) {
            let name = word.trim_end_matches(|c| !is_name(c));
            moved.push_str(&place(name));
            moved.push_str(&word[name.len()..]);
        }
        moved
    };
    match act {
        Act::Put { id, type_, data, annotations, immutable, finalizer, manager } => {
            let annotations = annotations.into_iter().map(|(name, text)| (name, value(&text))).collect();
            Act::Put { id: at(id), type_, data, annotations, immutable, finalizer, manager }
        }
        Act::Annotate(id, name, text) => Act::Annotate(at(id), name, value(&text)),
        Act::Label(id, name, value) => Act::Label(at(id), name, value),
        Act::Strip(id, nth) => Act::Strip(at(id), nth),
        Act::StripAll(id) => Act::StripAll(at(id)),
        Act::Fill(id, choice) => Act::Fill(at(id), choice),
        Act::Drop(id, nth) => Act::Drop(at(id), nth),
        Act::Delete(id) => Act::Delete(at(id)),
        Act::Remake(id) => Act::Remake(at(id)),
        Act::Retype(id) => Act::Retype(at(id)),
        Act::Freeze(id) => Act::Freeze(at(id)),
        Act::Hold(id) => Act::Hold(at(id)),
        Act::Copy(from, to) => Act::Copy(at(from), at(to)),
        Act::Recover(id, nth) => Act::Recover(at(id), nth),
        Act::Release(id) => Act::Release(at(id)),
        Act::Scribble(id) => Act::Scribble(at(id)),
        Act::MakeNamespace(_) => Act::MakeNamespace(passing[here % passing.len()]),
        Act::DeleteNamespace(_) => Act::DeleteNamespace(passing[here % passing.len()]),
        Act::Finalize => Act::Finalize,
    }
}

impl Person {
    pub(crate) fn new(client: Client, seed: u64) -> Self {
        Self { client, dice: Dice::new(seed), backup: BTreeMap::new() }
    }

    /// Does something at random. False: it was not possible.
    pub(crate) fn act(&mut self) -> bool {
        let act = users::act(&mut self.dice, &[Resource::Secret, Resource::ConfigMap]);
        let here = self.dice.roll(places().len());
        self.try_to(&moved(act, here)).is_ok()
    }

    fn try_to(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Put { id, type_, data, annotations, immutable, finalizer, manager } => {
                let new = manifest(&users::object(id, type_, *data, annotations, *immutable, *finalizer));
                self.backup.insert(id.to_string(), new.clone());
                match self.get(id) {
                    Err(_) => self.make(id, &new, manager),
                    Ok(mut old) => {
                        old["data"] = new["data"].clone();
                        old["binaryData"] = new["binaryData"].clone();
                        old["metadata"]["annotations"] = new["metadata"]["annotations"].clone();
                        self.yes(&Method::PUT, &format!("{}?fieldManager={manager}", path(id)), &old)
                    }
                }
            }
            Act::Annotate(id, name, value) => {
                self.patch(id, &json!({ "metadata": { "annotations": { name: value } } }))
            }
            Act::Label(id, name, value) => self.patch(id, &json!({ "metadata": { "labels": { *name: value } } })),
            Act::Strip(id, nth) => {
                let ours = self.ours(id)?;
                let name = ours.get(usize::from(*nth) % ours.len().max(1)).ok_or_else(|| anyhow!("none"))?;
                self.patch(id, &json!({ "metadata": { "annotations": { name: null } } }))
            }
            Act::StripAll(id) => {
                let none: BTreeMap<String, Value> =
                    self.ours(id)?.into_iter().map(|name| (name, Value::Null)).collect();
                self.patch(id, &json!({ "metadata": { "annotations": none } }))
            }
            Act::Fill(id, choice) => {
                let mut object = self.get(id)?;
                object["data"] = json!(users::data(id.resource, object["type"].as_str().unwrap_or_default(), *choice));
                object["binaryData"] = json!(users::binary_data(id.resource, *choice));
                self.yes(&Method::PUT, &path(id), &object)
            }
            Act::Drop(id, nth) => {
                let mut object = self.get(id)?;
                let data = object["data"].as_object_mut().ok_or_else(|| anyhow!("no data"))?;
                let keys: Vec<String> = data.keys().cloned().collect();
                let key = keys.get(usize::from(*nth) % keys.len().max(1)).ok_or_else(|| anyhow!("no key"))?;
                data.remove(key);
                self.yes(&Method::PUT, &path(id), &object)
            }
            Act::Delete(id) => self.delete(id),
            Act::DeleteNamespace(name) => self.delete(&Id::of_namespace(name)),
            Act::Remake(id) => {
                let old = self.get(id)?;
                self.delete(id)?;
                self.make(id, &copy_of(&old, id), "kubectl-replace")
            }
            Act::Retype(id) => {
                let mut old = self.get(id)?;
                if !old["type"].is_null() {
                    old["type"] = json!(if old["type"] == "Opaque" { "example.com/own" } else { "Opaque" });
                }
                self.delete(id)?;
                self.make(id, &copy_of(&old, id), "kubectl-replace")
            }
            Act::Freeze(id) => self.patch(id, &json!({ "immutable": true })),
            Act::Hold(id) => self.patch(id, &json!({ "metadata": { "finalizers": ["example.com/hold"] } })),
            Act::Copy(from, to) => {
                let old = self.get(from)?;
                self.make(to, &copy_of(&old, to), "kubectl-create")
            }
            Act::Recover(id, _) => {
                let old = self.backup.get(&id.to_string()).cloned().ok_or_else(|| anyhow!("never backed up"))?;
                self.make(id, &old, "velero-server")
            }
            Act::Release(id) => self.patch(id, &json!({ "metadata": { "finalizers": null } })),
            Act::Scribble(id) => self.patch(id, &json!({ "metadata": { "annotations": { "example.com/note": "x" } } })),
            Act::MakeNamespace(name) => {
                let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
                self.yes(&Method::POST, "/api/v1/namespaces", &namespace)
            }
            // There is a real one.
            Act::Finalize => Ok(()),
        }
    }

    fn get(&self, id: &Id) -> Result<Value> {
        self.client.get(&path(id))
    }

    /// The names of its annotations under the prefix.
    fn ours(&self, id: &Id) -> Result<Vec<String>> {
        let object = self.get(id)?;
        let names = object["metadata"]["annotations"].as_object().into_iter().flatten().map(|(name, _)| name);
        Ok(names.filter(|name| name.starts_with(PREFIX)).cloned().collect())
    }

    fn make(&self, id: &Id, object: &Value, manager: &str) -> Result<()> {
        let collection = format!("/api/v1/namespaces/{}/{}", id.namespace, id.resource.plural());
        self.yes(&Method::POST, &format!("{collection}?fieldManager={manager}"), object)
    }

    fn patch(&self, id: &Id, patch: &Value) -> Result<()> {
        self.yes(&Method::PATCH, &path(id), patch)
    }

    fn delete(&self, id: &Id) -> Result<()> {
        self.client.request(&Method::DELETE, &path(id), None).map(drop)
    }

    fn yes(&self, method: &Method, path: &str, body: &Value) -> Result<()> {
        self.client.request(method, path, Some(body)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_do_is_moved_with_all_that_it_says() {
        let put = |namespace: &str, text: &str| {
            Act::Annotate(Id::new(Resource::Secret, namespace, "x"), "n".to_owned(), text.to_owned())
        };
        let [first, second, third] = [7, 8, 9].map(|number| places()[number]);
        assert_eq!(moved(put("a", "b/x, team-1/y\n"), 7), put(first, &format!("{second}/x, {third}/y\n")));
        for text in [".*/x", "team-.*", "[ab]/y", " true\n", "", "17"] {
            assert_eq!(moved(put("b", text), 7), put(second, text), "{text:?}");
        }
    }
}
