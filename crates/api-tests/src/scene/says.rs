//! Labels of a scene's namespaces, which no other test uses, and this program's annotations on them.

use serde_json::{Value, json};

use super::Scene;

impl Scene {
    /// The key of a label of namespaces: no other scene's namespaces have it.
    #[must_use]
    pub fn label_key(&self, short: &str) -> String {
        format!("{}.label/{short}", self.id)
    }

    /// Sets a label of a namespace, or takes it off.
    pub fn label_namespace(&self, namespace: &str, short: &str, value: Option<&str>) -> Value {
        self.patch_namespace(namespace, "labels", &self.label_key(short), value)
    }

    /// Sets one of this program's annotations on a namespace, or takes it off.
    pub fn note_namespace(&self, namespace: &str, name: &str, value: Option<&str>) -> Value {
        let value = value.map(|value| self.full(value));
        self.patch_namespace(namespace, "annotations", &(self.prefix() + name), value.as_deref())
    }

    fn patch_namespace(&self, namespace: &str, field: &str, key: &str, value: Option<&str>) -> Value {
        let path = format!("/api/v1/namespaces/{}", self.namespace_name(namespace));
        self.must("PATCH", &path, "application/merge-patch+json", &json!({ "metadata": { field: { key: value } } }))
    }
}
