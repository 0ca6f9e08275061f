//! Expectations of whole objects: data, type, labels and annotations.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::scene::wait_for;
use crate::{Object, Scene};

/// The value of an annotation that has to be there, whatever it is.
const ANY: &str = "*";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// What the controller writes, in the words of an expectation. `source`: the object as the server answered it.
impl Object {
    /// The mark of the push that made it.
    #[must_use]
    pub fn made_by(self, source: &Value) -> Self {
        self.note("replicated-by", &key_of(source)).written()
    }

    /// It holds the data of this source at the version of `source`.
    #[must_use]
    pub fn holding(self, source: &Value) -> Self {
        self.note("replicated-from-version", text(&source["metadata"]["resourceVersion"])).written()
    }

    /// The chain of pulls begins at this object.
    #[must_use]
    pub fn origin(self, source: &Value) -> Self {
        self.note("replicated-from-origin", &key_of(source))
    }

    /// All that a pull from the first object of a chain writes.
    #[must_use]
    pub fn pulled(self, source: &Value, allowed: &str) -> Self {
        self.holding(source).origin(source).note("replicated-from-allowed", allowed)
    }

    /// The controller wrote it, at whatever time.
    #[must_use]
    pub fn written(self) -> Self {
        self.note("replicated-at", ANY)
    }
}

impl Scene {
    /// The label of what the controller creates.
    #[must_use]
    pub fn created(&self, object: Object) -> Object {
        object.label(MANAGED_BY, self.prefix().trim_end_matches('/'))
    }

    /// Waits until the object is exactly this, and answers it: its data, type, labels and annotations, this program's and
    /// others', are those of `expected` and no more. (The value `*` of an annotation stands for any.)
    #[track_caller]
    pub fn becomes(&self, expected: &Object) -> Value {
        let manifest = self.manifest(expected);
        let mut differs = String::new();
        let found = wait_for(|| {
            let now = self.get_of(expected.resource, &expected.key);
            differs = now.as_ref().map_or_else(|| "it is missing".to_owned(), |now| difference(&manifest, now));
            now.filter(|_| differs.is_empty())
        });
        match found {
            Some(found) => found,
            None => self.give_up(&format!("{} becomes {manifest}\n{differs}", expected.key)),
        }
    }

    /// As [`Scene::becomes`], for several objects.
    #[track_caller]
    pub fn all_become(&self, expected: &[Object]) {
        for expected in expected {
            self.becomes(expected);
        }
    }

    /// Checks that nothing that happened up to now changes any of these objects.
    #[track_caller]
    pub fn all_stay(&self, objects: &[Value]) {
        self.barrier();
        for object in objects {
            self.is_still(object);
        }
    }

    /// The Secrets that the controller created, but for the barrier's.
    #[must_use]
    pub fn replicas(&self) -> Vec<String> {
        let label = self.prefix();
        let path = format!("/api/v1/secrets?labelSelector={MANAGED_BY}%3D{}", label.trim_end_matches('/'));
        let (status, list) = self.call("GET", &path, "application/json", &Value::Null);
        assert_eq!(status, 200, "{list}");
        let keys = list["items"].as_array().into_iter().flatten().map(key_of);
        let own = self.namespace_name("");
        let mut keys: Vec<String> = keys.filter_map(|key| key.strip_prefix(&own).map(str::to_owned)).collect();
        keys.retain(|key| !key.starts_with("sentinel"));
        keys.sort();
        keys
    }

    /// Waits until the controller has created these Secrets, and sees that it creates no others.
    #[track_caller]
    pub fn has_replicas(&self, expected: &[&str]) {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        for key in &expected {
            self.until(&format!("{key} is there"), || self.get(key));
        }
        self.barrier();
        let replicas = self.replicas();
        if replicas != expected {
            self.give_up(&format!("exactly {expected:?} are made; it was {replicas:?}"));
        }
    }

    /// Waits until the server's clock shows a later second than that of the object's creation: what is created from now on
    /// is younger.
    pub fn next_second_after(&self, object: &Value) {
        let namespace = text(&object["metadata"]["namespace"]);
        let path = format!("/api/v1/namespaces/{namespace}/configmaps?dryRun=All");
        let probe = json!({ "metadata": { "name": "what-time-is-it" } });
        let born = |object: &Value| text(&object["metadata"]["creationTimestamp"]).to_owned();
        self.until("the next second", || {
            let (_, answer) = self.call("POST", &path, "application/json", &probe);
            (born(&answer) > born(object)).then_some(())
        });
    }
}

/// `namespace/name`.
fn key_of(object: &Value) -> String {
    let metadata = &object["metadata"];
    format!("{}/{}", text(&metadata["namespace"]), text(&metadata["name"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What is other than expected; empty: nothing.
fn difference(expected: &Value, now: &Value) -> String {
    let mut differs = String::new();
    let type_ = |object: &Value| match object["kind"].as_str() {
        Some("Secret") => object["type"].as_str().unwrap_or("Opaque").to_owned(),
        _ => String::new(),
    };
    if type_(expected) != type_(now) {
        let _ = writeln!(differs, "its type is {}, not {}", type_(now), type_(expected));
    }
    for field in ["/data", "/binaryData", "/metadata/labels", "/metadata/annotations"] {
        let entries = |object: &Value| -> BTreeMap<String, String> {
            let map = object.pointer(field).and_then(Value::as_object);
            map.into_iter().flatten().map(|(key, value)| (key.clone(), text(value).to_owned())).collect()
        };
        let (expected, now) = (entries(expected), entries(now));
        for (key, value) in &expected {
            match now.get(key) {
                Some(found) if found == value || value == ANY => {}
                found => drop(writeln!(differs, "{field} {key} is {found:?}, not {value:?}")),
            }
        }
        for key in now.keys().filter(|key| !expected.contains_key(*key)) {
            let _ = writeln!(differs, "{field} {key} is there");
        }
    }
    differs
}
