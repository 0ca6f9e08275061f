//! How writes change what is stored: validation, preconditions, merge, `managedFields`.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use super::admission::{Admitted, Policy, admit, admit_deletion};
use super::managed::{Field, applied, updated};
use super::object::{Data, Id, Object, Resource};
use super::refusal::{Cause, MODIFIED, Refusal};
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
    /// It is gone; what it was.
    Gone(Rc<Object>),
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

fn conflict(id: &Id, why: &str) -> Refusal {
    Refusal::conflict("", id.resource.plural(), &id.name, why)
}

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

/// Keys of which a Secret of this type must have one, and has none.
fn lacking(type_: &str, data: &Data) -> impl Iterator<Item = &'static [&'static str]> {
    required(type_).iter().copied().filter(|keys| !keys.iter().any(|key| data.contains_key(*key)))
}

/// The first keys of which a Secret of this type must have one, and has none.
#[must_use]
pub fn missing(type_: &str, data: &Data) -> Option<&'static [&'static str]> {
    lacking(type_, data).next()
}

/// What is wrong with an object, as it would be.
fn causes(old: Option<&Object>, new: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(type_) = &new.type_ {
        let keys = lacking(type_, &new.data).flatten();
        causes.extend(keys.map(|key| Cause::required(&format!("data[{key}]"), "")));
    }
    if let Some(old) = old {
        if old.type_ != new.type_ {
            causes.push(Cause::immutable("type", &format!("{:?}", new.type_.as_deref().unwrap_or_default())));
        }
        let fixed = [
            ("immutable", !new.immutable),
            ("data", old.data != new.data),
            ("binaryData", old.binary_data != new.binary_data),
        ];
        causes.extend(fixed.into_iter().filter(|(_, differs)| old.immutable && *differs).map(|(field, _)| {
            Cause::new("FieldValueForbidden", field, "Forbidden: field is immutable when `immutable` is set")
        }));
    }
    causes
}

fn invalid(id: &Id, causes: Vec<Cause>) -> Refusal {
    Refusal::invalid("", id.resource.kind(), &id.name, causes)
}

fn validate(old: Option<&Object>, new: &Object) -> Result<(), Refusal> {
    let causes = causes(old, new);
    if causes.is_empty() { Ok(()) } else { Err(invalid(&new.id, causes)) }
}

/// The request means an object of this uid, which is not the one that is there. The API server says with it what else is wrong.
fn is_another(uid: &str, old: &Object, new: &Object) -> Refusal {
    let mut all = vec![Cause::immutable("metadata.uid", &format!("{uid:?}"))];
    all.extend(causes(Some(old), new));
    invalid(&new.id, all)
}

/// What the API server itself adds: every Namespace has its name as a label (`SetDefaults_Namespace`).
fn defaulted(object: &mut Object) {
    if object.id.resource == Resource::Namespace {
        object.labels.insert("kubernetes.io/metadata.name".to_owned(), object.id.name.clone());
    }
}

/// Whether something can be created in a namespace, `there`: as it is known. `what`: the group, the resource and the name.
///
/// # Errors
/// When the server refuses: the namespace does not exist, or is being deleted.
pub fn is_open(
    namespace: &Id,
    there: Option<&Rc<Object>>,
    (group, resource, name): (&'static str, &str, &str),
) -> Result<(), Refusal> {
    match there {
        None => Err(Refusal::missing(namespace)),
        Some(there) if there.deleted.is_some() => {
            let why =
                format!("unable to create new content in namespace {} because it is being terminated", namespace.name);
            let cause = format!("namespace {} is being terminated", namespace.name);
            let causes = vec![Cause::new("NamespaceTerminating", "metadata.namespace", cause)];
            Err(Refusal { causes, ..Refusal::forbidden(group, resource, name, &why) })
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
        is_open(&namespace, there, ("", id.resource.plural(), &id.name))?;
    }
    match admit(context.policies, &store.live, &mut object, true) {
        Admitted::Yes => {}
        Admitted::No(refusal) => return Err(refusal),
        Admitted::Never => return Ok(Written::Hangs),
    }
    defaulted(&mut object);
    validate(None, &object)?;
    if let Some(there) = store.get(&id) {
        let mut refusal = Refusal::already_exists("", id.resource.plural(), &id.name);
        if there.deleted.is_some() {
            refusal.message.insert_str(0, "object is being deleted: ");
        }
        return Err(refusal);
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
    defaulted(&mut new);
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
    let old = store.get(id).cloned().ok_or_else(|| Refusal::missing(id))?;
    let mut new = (*old).clone();
    change(&mut new);
    replace(store, &old, new, context, |old, new| updated(Some(old), new, context.manager, wall(context.at)))
}

/// PATCH with a JSON Patch.
///
/// # Errors
/// When the server refuses.
pub fn patch(store: &mut Store, id: &Id, operations: &Value, context: Context<'_>) -> Result<Written, Refusal> {
    let old = store.get(id).cloned().ok_or_else(|| Refusal::missing(id))?;
    let mut document = json::whole(&old);
    let unfit = || {
        Refusal::new(422, "Invalid", "the server rejected our request due to an error in our request").about("", "", "")
    };
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
    let uid = text("uid");
    let new = json::read(&document, Some(&old), id)?;
    if uid != old.uid {
        return Err(is_another(&uid, &old, &new));
    }
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
            let why =
                format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
            return Err(conflict(id, &why));
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
    if !force {
        let mut conflicts: Vec<(&managed::Manager, &Field)> = owners
            .iter()
            .filter(|entry| !is_own(entry))
            .flat_map(|entry| {
                entry
                    .fields
                    .iter()
                    .filter(|field| fields.contains(field) && differs(field))
                    .map(move |field| (entry, field))
            })
            .collect();
        if !conflicts.is_empty() {
            return Err(managed::conflict(&mut conflicts));
        }
    }
    // Only now: who owns what is asked before.
    if !version.is_empty() && version != old.version.to_string() {
        return Err(conflict(id, MODIFIED));
    }
    if !uid.is_empty() && uid != old.uid {
        return Err(is_another(uid, &old, &new));
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
    let old = store.get(id).cloned().ok_or_else(|| Refusal::missing(id))?;
    let precondition = |name: &str| options["preconditions"][name].as_str();
    let fails = |what: &str, asked: &str, is: &str, happened: &str| {
        let why = format!(
            "the {what} in the precondition ({asked}) does not match the {what} in record ({is}). The object might have been {happened}"
        );
        // The API server names the kind here, and not the resource.
        Err(Refusal::conflict("", id.resource.kind(), &id.name, &why))
    };
    if let Some(uid) = precondition("uid").filter(|uid| *uid != old.uid) {
        return fails("UID", uid, &old.uid, "deleted and then recreated");
    }
    let version = old.version.to_string();
    if let Some(asked) = precondition("resourceVersion").filter(|asked| *asked != version) {
        return fails("ResourceVersion", asked, &version, "modified");
    }
    match admit_deletion(context.policies, &store.live, &old) {
        Admitted::Yes => {}
        Admitted::No(refusal) => return Err(refusal),
        Admitted::Never => return Ok(Written::Hangs),
    }
    // A namespace goes when its controller has emptied it.
    if old.finalizers.is_empty() && id.resource != Resource::Namespace {
        store.remove(at, id);
        return Ok(Written::Gone(old));
    }
    if old.deleted.is_some() {
        return Ok(Written::Now(old));
    }
    let object = Object { deleted: Some(wall(at)), ..(*old).clone() };
    Ok(Written::Now(store.put(at, object)))
}
