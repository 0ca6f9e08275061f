//! How writes change what is stored: validation, preconditions, merge, `managedFields`.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use super::admission::{Admitted, Policy, admit, admit_deletion};
use super::http::Refusal;
use super::managed::{Field, applied, updated};
use super::object::{Data, Id, Object, Resource};
use super::store::{State, Store};
use super::{json, managed};

/// Virtual time zero, in seconds since 1970.
pub const EPOCH: i64 = 1_700_000_000;

/// The wall clock of the API servers.
#[must_use]
pub fn wall(at: Duration) -> i64 {
    EPOCH + i64::try_from(at.as_secs()).unwrap_or(0)
}

/// The outcome of a write.
#[derive(Debug, Clone)]
pub enum Written {
    /// The object, which was not there before.
    Created(Rc<Object>),
    /// The object as it is now.
    Now(Rc<Object>),
    /// It is gone.
    Gone,
    /// A webhook hangs.
    Hangs,
}

/// Who writes, when, and under which policies.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Virtual time.
    pub at: Duration,
    /// The field manager.
    pub manager: &'a str,
    /// Policies in force.
    pub policies: &'a [Policy],
    /// What the API server's own cache says, which may lag: by it namespaces are judged.
    pub seen: &'a State,
}

fn not_found(id: &Id) -> Refusal {
    Refusal::new(404, "NotFound", format!("{} \"{}\" not found", id.resource.plural(), id.name))
}

fn conflict(id: &Id, why: &str) -> Refusal {
    let message = format!("Operation cannot be fulfilled on {} \"{}\": {why}", id.resource.plural(), id.name);
    Refusal::new(409, "Conflict", message)
}

fn invalid(id: &Id, why: &str) -> Refusal {
    Refusal::new(422, "Invalid", format!("{} \"{}\" is invalid: {why}", id.resource.kind(), id.name))
}

const MODIFIED: &str = "the object has been modified; please apply your changes to the latest version and try again";

/// Keys that a Secret of this type must have (`ValidateSecret`): of each of these one.
fn required(type_: &str) -> &'static [&'static [&'static str]] {
    match type_ {
        "kubernetes.io/tls" => &[&["tls.crt"], &["tls.key"]],
        "kubernetes.io/ssh-auth" => &[&["ssh-privatekey"]],
        "kubernetes.io/dockercfg" => &[&[".dockercfg"]],
        "kubernetes.io/dockerconfigjson" => &[&[".dockerconfigjson"]],
        "kubernetes.io/basic-auth" => &[&["username", "password"]],
        _ => &[],
    }
}

/// The keys of which a Secret of this type must have one, and has none.
#[must_use]
pub fn missing(type_: &str, data: &Data) -> Option<&'static [&'static str]> {
    required(type_).iter().copied().find(|keys| !keys.iter().any(|key| data.contains_key(*key)))
}

fn validate(old: Option<&Object>, new: &Object) -> Result<(), Refusal> {
    if let Some(type_) = &new.type_
        && let Some(keys) = missing(type_, &new.data)
    {
        return Err(invalid(&new.id, &format!("data[{}]: Required value", keys[0])));
    }
    let Some(old) = old else { return Ok(()) };
    if old.type_ != new.type_ {
        return Err(invalid(&new.id, "type: field is immutable"));
    }
    if old.immutable && (!new.immutable || old.data != new.data || old.binary_data != new.binary_data) {
        return Err(invalid(&new.id, "data: field is immutable when `immutable` is set"));
    }
    Ok(())
}

/// Whether something can be created in a namespace, `there`: as it is known. `what`: the resource and the name.
///
/// # Errors
/// When the server refuses: the namespace does not exist, or is being deleted.
pub fn is_open(namespace: &Id, there: Option<&Rc<Object>>, (resource, name): (&str, &str)) -> Result<(), Refusal> {
    match there {
        None => Err(not_found(namespace)),
        Some(there) if there.deleted.is_some() => {
            let message = format!(
                "{resource} \"{name}\" is forbidden: unable to create new content in namespace {} because it is being terminated",
                namespace.name
            );
            Err(Refusal { cause: Some("NamespaceTerminating"), ..Refusal::new(403, "Forbidden", message) })
        }
        Some(_) => Ok(()),
    }
}

/// POST.
///
/// # Errors
/// When the server refuses.
pub fn create(store: &mut Store, object: Object, context: Context<'_>) -> Result<Written, Refusal> {
    make(store, object, context, |object| updated(None, object, context.manager, wall(context.at)))
}

/// Stores an object that is not there; `own` says who owns what of it.
fn make(
    store: &mut Store,
    mut object: Object,
    context: Context<'_>,
    own: impl FnOnce(&mut Object),
) -> Result<Written, Refusal> {
    let id = object.id.clone();
    if id.resource != Resource::Namespace {
        let namespace = Id::of_namespace(&id.namespace);
        // The admission plugin NamespaceLifecycle asks its cache, and the store only if there is nothing in the cache.
        let there = context.seen.get(&namespace).or_else(|| store.get(&namespace));
        is_open(&namespace, there, (id.resource.plural(), &id.name))?;
    }
    match admit(context.policies, &store.live, &mut object, true) {
        Admitted::Yes => {}
        Admitted::No(refusal) => return Err(refusal),
        Admitted::Never => return Ok(Written::Hangs),
    }
    validate(None, &object)?;
    if store.get(&id).is_some() {
        let message = format!("{} \"{}\" already exists", id.resource.plural(), id.name);
        return Err(Refusal::new(409, "AlreadyExists", message));
    }
    (object.uid, object.created, object.deleted) = (store.new_uid(), wall(context.at), None);
    own(&mut object);
    Ok(Written::Created(store.put(context.at, object)))
}

/// Stores `new` in the place of `old`; `own` says who owns what then.
fn replace(
    store: &mut Store,
    old: &Object,
    mut new: Object,
    context: Context<'_>,
    own: impl FnOnce(&Object, &mut Object),
) -> Result<Written, Refusal> {
    match admit(context.policies, &store.live, &mut new, false) {
        Admitted::Yes => {}
        Admitted::No(refusal) => return Err(refusal),
        Admitted::Never => return Ok(Written::Hangs),
    }
    validate(Some(old), &new)?;
    own(old, &mut new);
    if new == *old {
        // A write that changes nothing makes no new version.
        return Ok(Written::Now(Rc::new(new)));
    }
    // A Namespace has finalizers of its own (`spec.finalizers`).
    if new.deleted.is_some() && new.finalizers.is_empty() && new.id.resource != Resource::Namespace {
        // What is answered is the object as it would be.
        store.remove(context.at, &new.id);
        return Ok(Written::Now(Rc::new(new)));
    }
    Ok(Written::Now(store.put(context.at, new)))
}

/// An update by a user: reads, changes, writes.
///
/// # Errors
/// When the server refuses.
pub fn update(
    store: &mut Store,
    id: &Id,
    context: Context<'_>,
    change: impl FnOnce(&mut Object),
) -> Result<Written, Refusal> {
    let old = store.get(id).cloned().ok_or_else(|| not_found(id))?;
    let mut new = (*old).clone();
    change(&mut new);
    replace(store, &old, new, context, |old, new| updated(Some(old), new, context.manager, wall(context.at)))
}

/// PATCH with a JSON Patch.
///
/// # Errors
/// When the server refuses.
pub fn patch(store: &mut Store, id: &Id, operations: &Value, context: Context<'_>) -> Result<Written, Refusal> {
    let old = store.get(id).cloned().ok_or_else(|| not_found(id))?;
    let mut document = json::whole(&old);
    let unfit = || Refusal::new(422, "Invalid", "the server rejected our request due to an error in our request");
    let operations = operations.as_array().ok_or_else(|| Refusal::new(400, "BadRequest", "no JSON Patch"))?;
    for operation in operations {
        patched(&mut document, operation).ok_or_else(unfit)?;
    }
    let text = |path: &str| document["metadata"][path].as_str().unwrap_or_default().to_owned();
    if (text("name"), text("namespace")) != (id.name.clone(), id.namespace.clone()) {
        return Err(Refusal::new(400, "BadRequest", "the name of the object does not match"));
    }
    if text("resourceVersion") != old.version.to_string() {
        return Err(conflict(id, MODIFIED));
    }
    if text("uid") != old.uid {
        return Err(invalid(id, "metadata.uid: field is immutable"));
    }
    let new = json::read(&document, Some(&old), id)?;
    replace(store, &old, new, context, |old, new| updated(Some(old), new, context.manager, wall(context.at)))
}

/// One operation of a JSON Patch (RFC 6902): `add`, `remove`, `replace`, `test`, on members of objects.
fn patched(document: &mut Value, operation: &Value) -> Option<()> {
    let path: Vec<String> =
        operation["path"].as_str()?.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let (last, parents) = path.split_last()?;
    let mut place = document;
    for part in parents {
        place = place.as_object_mut()?.get_mut(part)?;
    }
    let place = place.as_object_mut()?;
    let value = operation["value"].clone();
    match operation["op"].as_str()? {
        // The API server's library replaces also what is not there.
        "add" | "replace" => drop(place.insert(last.clone(), value)),
        "remove" => drop(place.remove(last)?),
        "test" => (place.get(last).unwrap_or(&Value::Null) == &value).then_some(())?,
        _ => return None,
    }
    Some(())
}

/// What a server-side apply can say in this model.
fn applied_maps(body: &Value) -> [(&'static str, &Value); 3] {
    [
        ("annotations", &body["metadata"]["annotations"]),
        ("labels", &body["metadata"]["labels"]),
        ("data", &body["data"]),
    ]
}

fn applied_fields(body: &Value) -> BTreeSet<Field> {
    let keys = |map: &'static str, entries: &Value| -> Vec<Field> {
        let entries = entries.as_object().into_iter().flatten();
        entries.map(|(key, _)| Field::Entry(map, key.clone())).collect()
    };
    applied_maps(body).into_iter().flat_map(|(map, entries)| keys(map, entries)).collect()
}

/// PATCH with a server-side apply, of annotations, labels and data.
///
/// # Errors
/// When the server refuses.
pub fn apply(store: &mut Store, id: &Id, body: &Value, force: bool, context: Context<'_>) -> Result<Written, Refusal> {
    let version = body["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    let uid = body["metadata"]["uid"].as_str().unwrap_or_default();
    let Some(old) = store.get(id).cloned() else {
        // A version alone does not keep it from being made.
        if !uid.is_empty() {
            return Err(conflict(id, "StorageError: invalid object: it does not exist"));
        }
        let object = json::read(body, None, id)?;
        let (manager, fields) = (context.manager, applied_fields(body));
        return make(store, object, context, |object| applied(None, object, manager, wall(context.at), fields));
    };
    let mut new = (*old).clone();
    let fields = applied_fields(body);
    for (map, entries) in applied_maps(body) {
        for (key, value) in entries.as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            match map {
                "annotations" => drop(new.annotations.insert(key.clone(), value.as_bytes().to_vec())),
                "labels" => drop(new.labels.insert(key.clone(), value.to_owned())),
                _ => drop(new.data.insert(key.clone(), value.to_owned())),
            }
        }
    }
    let is_own = |entry: &managed::Manager| entry.name == context.manager && entry.operation == "Apply";
    let owners = managed::before_apply(&old, wall(context.at));
    let others = |field: &Field| owners.iter().any(|entry| !is_own(entry) && entry.fields.contains(field));
    // What this manager applied before and does not any more goes, unless others want it.
    for field in old.managers.iter().filter(|entry| is_own(entry)).flat_map(|entry| &entry.fields) {
        if !fields.contains(field) && !others(field) {
            match field {
                Field::Entry("annotations", key) => drop(new.annotations.remove(key)),
                Field::Entry("labels", key) => drop(new.labels.remove(key)),
                Field::Entry("data", key) => drop(new.data.remove(key)),
                _ => {}
            }
        }
    }
    let differs = |field: &Field| match field {
        Field::Entry("annotations", key) => old.annotations.get(key) != new.annotations.get(key),
        Field::Entry("labels", key) => old.labels.get(key) != new.labels.get(key),
        Field::Entry("data", key) => old.data.get(key) != new.data.get(key),
        _ => false,
    };
    if !force && fields.iter().any(|field| differs(field) && others(field)) {
        let refusal = Refusal::new(409, "Conflict", "Apply failed with 1 conflict");
        return Err(Refusal { cause: Some("FieldManagerConflict"), ..refusal });
    }
    // Only now: who owns what is asked before.
    if !version.is_empty() && version != old.version.to_string() {
        return Err(conflict(id, MODIFIED));
    }
    if !uid.is_empty() && uid != old.uid {
        return Err(invalid(id, "metadata.uid: field is immutable"));
    }
    let at = wall(context.at);
    replace(store, &old, new, context, |old, new| applied(Some(old), new, context.manager, at, fields))
}

/// DELETE.
///
/// # Errors
/// When the server refuses.
pub fn delete(store: &mut Store, id: &Id, options: &Value, context: Context<'_>) -> Result<Written, Refusal> {
    let at = context.at;
    let old = store.get(id).cloned().ok_or_else(|| not_found(id))?;
    let preconditions = &options["preconditions"];
    if preconditions["uid"].as_str().is_some_and(|uid| uid != old.uid) {
        return Err(conflict(id, "Precondition failed: UID in precondition"));
    }
    if preconditions["resourceVersion"].as_str().is_some_and(|version| version != old.version.to_string()) {
        return Err(conflict(id, "Precondition failed: ResourceVersion in precondition"));
    }
    match admit_deletion(context.policies, &store.live, &old) {
        Admitted::Yes => {}
        Admitted::No(refusal) => return Err(refusal),
        Admitted::Never => return Ok(Written::Hangs),
    }
    // A namespace goes when its controller has emptied it.
    if old.finalizers.is_empty() && id.resource != Resource::Namespace {
        store.remove(at, id);
        return Ok(Written::Gone);
    }
    if old.deleted.is_some() {
        return Ok(Written::Now(old));
    }
    let object = Object { deleted: Some(wall(at)), ..(*old).clone() };
    Ok(Written::Now(store.put(at, object)))
}
