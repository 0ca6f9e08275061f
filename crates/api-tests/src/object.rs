//! Objects to be put into a scene.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

/// A Secret or ConfigMap as a test writes it down.
#[derive(Debug, Clone)]
pub struct Object {
    /// `secrets` or `configmaps`.
    pub(crate) resource: &'static str,
    /// `namespace/name`, short.
    pub(crate) key: String,
    /// Annotations without their prefix, short.
    pub(crate) notes: Vec<(String, String)>,
    /// Everything else.
    pub(crate) rest: Map<String, Value>,
}

/// A Secret without data.
#[must_use]
pub fn secret(key: &str) -> Object {
    Object::new("secrets", key)
}

/// A ConfigMap without data.
#[must_use]
pub fn config_map(key: &str) -> Object {
    Object::new("configmaps", key)
}

impl Object {
    fn new(resource: &'static str, key: &str) -> Self {
        Self { resource, key: key.to_owned(), notes: Vec::new(), rest: Map::new() }
    }

    /// `secrets` or `configmaps`.
    #[must_use]
    pub fn resource(&self) -> &'static str {
        self.resource
    }

    /// `namespace/name`, short.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The same without data.
    #[must_use]
    pub fn empty(mut self) -> Self {
        self.rest.remove("data");
        self.rest.remove("binaryData");
        self
    }

    /// The same, elsewhere.
    #[must_use]
    pub fn at(mut self, key: &str) -> Self {
        self.key = key.to_owned();
        self
    }

    /// One value of its data.
    #[must_use]
    pub fn data(self, key: &str, value: &str) -> Self {
        let encoded = if self.resource == "secrets" { BASE64.encode(value) } else { value.to_owned() };
        self.entry("data", key, json!(encoded))
    }

    /// One value of a ConfigMap's binary data.
    #[must_use]
    pub fn binary(self, key: &str, value: &[u8]) -> Self {
        self.entry("binaryData", key, json!(BASE64.encode(value)))
    }

    /// An annotation of this program's.
    #[must_use]
    pub fn note(mut self, name: &str, value: &str) -> Self {
        self.notes.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A Secret's type.
    #[must_use]
    pub fn of_type(self, type_: &str) -> Self {
        self.field("type", json!(type_))
    }

    /// A top-level field.
    #[must_use]
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.rest.insert(name.to_owned(), value);
        self
    }

    /// A label.
    #[must_use]
    pub fn label(self, key: &str, value: &str) -> Self {
        self.metadata("labels", key, value)
    }

    /// An annotation that is not this program's.
    #[must_use]
    pub fn other_note(self, key: &str, value: &str) -> Self {
        self.metadata("annotations", key, value)
    }

    fn metadata(mut self, field: &str, key: &str, value: &str) -> Self {
        let metadata = self.rest.entry("metadata").or_insert_with(|| json!({}));
        metadata[field][key] = json!(value);
        self
    }

    fn entry(mut self, field: &str, key: &str, value: Value) -> Self {
        let fields = self.rest.entry(field).or_insert_with(|| json!({}));
        fields[key] = value;
        self
    }
}
