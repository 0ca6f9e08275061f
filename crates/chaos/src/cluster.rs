//! Reads the real cluster into the simulation's model, by which it is judged.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http::Method;
use k8s_replicator_sim::api::managed::{Field, Manager};
use k8s_replicator_sim::api::object::{Data, Id, Object, Resource};
use k8s_replicator_sim::properties;
use k8s_replicator_sim::spec::{self, Cluster, Flags, MANAGER};
use k8s_replicator_sim::world::described;
use k8s_replicator_testenv::Client;
use serde_json::{Value, json};

const RESOURCES: [Resource; 3] = [Resource::Namespace, Resource::Secret, Resource::ConfigMap];

/// All namespaces, Secrets and ConfigMaps, those of Kubernetes itself too: patterns name `default` and `kube-system`.
pub(crate) fn read(client: &Client) -> Result<Cluster> {
    let mut cluster = Cluster::new();
    for resource in RESOURCES {
        let list = client.get(&format!("/api/v1/{}", resource.plural()))?;
        for item in list["items"].as_array().context("a list has items")? {
            let version = item["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            let object = object(resource, item, version.parse().context("a resourceVersion")?)?;
            cluster.insert(object.id.clone(), Rc::new(object));
        }
    }
    Ok(cluster)
}

fn texts(value: &Value) -> Data {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// An object as the model has it.
pub(crate) fn object(resource: Resource, json: &Value, version: u64) -> Result<Object> {
    let metadata = &json["metadata"];
    let text = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
    let mut object = Object::new(Id::new(resource, &text("namespace"), &text("name")));
    object.uid = text("uid");
    object.version = version;
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

/// What the body of a create, a JSON Patch or an apply of the controller would have made of an object, if it had not been refused.
pub(crate) fn as_asked(id: &Id, was: Option<&Object>, body: &Value) -> Result<Object> {
    let Some(was) = was else { return object(id.resource, body, 0) };
    let mut object = was.clone();
    let Some(steps) = body.as_array() else {
        // It applies nothing but an annotation that is there, to own it.
        let annotations = body["metadata"]["annotations"].as_object().into_iter().flatten();
        let fields = annotations.map(|(key, _)| Field::Entry("annotations", key.clone())).collect();
        object.managers.push(Manager { name: MANAGER.to_owned(), operation: "Apply", time: 0, fields });
        return Ok(object);
    };
    for step in steps {
        let (path, value) = (step["path"].as_str().unwrap_or_default(), &step["value"]);
        let text = (step["op"] != "remove").then(|| value.as_str().unwrap_or_default().to_owned());
        let key = |map: &str| Some(path.strip_prefix(map)?.strip_prefix('/')?.replace("~1", "/").replace("~0", "~"));
        match (key("/metadata/annotations"), key("/metadata/labels"), path, text) {
            (Some(key), _, _, Some(text)) => drop(object.annotations.insert(key, text.into_bytes())),
            (Some(key), _, _, None) => drop(object.annotations.remove(&key)),
            (_, Some(key), _, Some(text)) => drop(object.labels.insert(key, text)),
            (_, Some(key), _, None) => drop(object.labels.remove(&key)),
            (_, _, "/data", _) => object.data = texts(value),
            (_, _, "/binaryData", _) => object.binary_data = texts(value),
            // It tests that the object is of this type, which metadata do not show.
            (_, _, "/type", text) => object.type_ = text,
            // Preconditions, and a map for labels that there was not.
            (_, _, "/metadata/uid" | "/metadata/resourceVersion" | "/metadata/labels", _) => {}
            _ => bail!("the controller patches {path}"),
        }
    }
    Ok(object)
}

/// The order of times is all that counts: `2026-11-28T17:16:06Z` without what is no digit.
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
        time: created(entry["time"].as_str().unwrap_or_default()),
        fields: entries.collect(),
    }
}

/// Each target that is not as SPEC wants it, in a line; whatever its name is.
pub(crate) fn not_as_wanted(state: &Cluster, flags: &Flags) -> Vec<String> {
    let history = [(Duration::ZERO, Rc::new(state.clone()))];
    let wrong = spec::all_targets(state, flags).into_iter().filter_map(|id| {
        let problem = properties::problem(&history, state, flags, &id)?;
        let is = |id: &Id| described(state.get(id).map(|object| &**object));
        let named = |name: &str| properties::named_by(state.get(&id)?, name);
        let sources = ["replicated-by", "replicate-from"].into_iter().filter_map(named);
        let sources: String = sources.map(|source| format!("\n  {source} is: {}", is(&source))).collect();
        let is_refused = properties::is_refused_for_ever(state, flags, &id);
        (!is_refused).then(|| format!("{id}: {problem}\n  it is: {}{sources}", is(&id)))
    });
    wrong.collect()
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
