//! Reads the real cluster into the simulation's model, by which it is judged.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use http::Method;
use k8s_replicator_sim::api::managed::{Field, Manager};
use k8s_replicator_sim::api::object::{Data, Id, Object, Resource};
use k8s_replicator_sim::properties;
use k8s_replicator_sim::spec::{Cluster, Flags};
use k8s_replicator_testenv::Client;
use serde_json::{Value, json};

const RESOURCES: [Resource; 3] = [Resource::Namespace, Resource::Secret, Resource::ConfigMap];

/// All namespaces, Secrets and ConfigMaps. Those of Kubernetes itself are left out.
pub(crate) fn read(client: &Client) -> Result<Cluster> {
    let mut cluster = Cluster::new();
    for resource in RESOURCES {
        let list = client.get(&format!("/api/v1/{}", resource.plural()))?;
        for item in list["items"].as_array().context("a list has items")? {
            let object = object(resource, item)?;
            let own = ["kube-system", "kube-public", "kube-node-lease", "default"];
            let namespace = if resource == Resource::Namespace { &object.id.name } else { &object.id.namespace };
            if !own.contains(&&**namespace) && object.id.name != "kube-root-ca.crt" {
                cluster.insert(object.id.clone(), Rc::new(object));
            }
        }
    }
    Ok(cluster)
}

fn texts(value: &Value) -> Data {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// An object as the model has it.
pub(crate) fn object(resource: Resource, json: &Value) -> Result<Object> {
    let metadata = &json["metadata"];
    let text = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
    let mut object = Object::new(Id::new(resource, &text("namespace"), &text("name")));
    object.uid = text("uid");
    object.version = text("resourceVersion").parse().context("a resourceVersion")?;
    object.deleted = (!metadata["deletionTimestamp"].is_null()).then_some(0);
    object.created = created(&text("creationTimestamp"));
    object.finalizers =
        metadata["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    object.labels = texts(&metadata["labels"]);
    object.annotations =
        texts(&metadata["annotations"]).into_iter().map(|(key, text)| (key, text.into_bytes())).collect();
    object.type_ = json["type"].as_str().map(str::to_owned);
    object.immutable = json["immutable"].as_bool().unwrap_or(false);
    object.data = texts(&json["data"]);
    object.binary_data = texts(&json["binaryData"]);
    object.managers = metadata["managedFields"].as_array().into_iter().flatten().map(manager).collect();
    Ok(object)
}

/// The order of creation is all that counts: `2026-11-28T17:16:06Z` without what is no digit.
fn created(timestamp: &str) -> i64 {
    timestamp.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
}

fn manager(entry: &Value) -> Manager {
    let fields = &entry["fieldsV1"];
    let maps = [
        ("annotations", &fields["f:metadata"]["f:annotations"]),
        ("labels", &fields["f:metadata"]["f:labels"]),
        ("data", &fields["f:data"]),
        ("binaryData", &fields["f:binaryData"]),
    ];
    let entries = maps.into_iter().flat_map(|(map, owned)| {
        let keys = owned.as_object().into_iter().flatten();
        keys.filter_map(move |(key, _)| Some(Field::Entry(map, key.strip_prefix("f:")?.to_owned())))
    });
    Manager {
        name: entry["manager"].as_str().unwrap_or_default().to_owned(),
        operation: if entry["operation"] == "Apply" { "Apply" } else { "Update" },
        time: 0,
        fields: entries.collect(),
    }
}

/// Each target that is not as SPEC wants it, in a line.
pub(crate) fn not_as_wanted(state: &Cluster, flags: &Flags) -> Vec<String> {
    let history = [(Duration::ZERO, Rc::new(state.clone()))];
    let wrong = properties::not_as_wanted(&history, state, flags).into_iter();
    let wrong = wrong.filter(|(id, _)| !properties::is_refused_for_ever(state, flags, id));
    let is = |id: &Id| k8s_replicator_sim::world::described(state.get(id).map(|object| &**object));
    wrong.map(|(id, problem)| format!("{id}: {problem}\n  it is: {}", is(&id))).collect()
}

/// Each namespace, and each object, that is still being deleted, in a line.
pub(crate) fn being_deleted(state: &Cluster) -> Vec<String> {
    let deleted = state.values().filter(|object| object.deleted.is_some());
    deleted.map(|object| format!("{} is being deleted", object.id)).collect()
}

/// Takes people's finalizers away, so that what was deleted goes.
pub(crate) fn release_finalizers(client: &Client) -> Result<()> {
    for object in read(client)?
        .values()
        .filter(|object| object.id.resource != Resource::Namespace && !object.finalizers.is_empty())
    {
        let Id { resource, namespace, name } = &object.id;
        let path = format!("/api/v1/namespaces/{namespace}/{}/{name}", resource.plural());
        // It may be gone by now.
        client.send(&Method::PATCH, &path, Some(&json!({ "metadata": { "finalizers": null } })))?;
    }
    Ok(())
}
