//! What applying a manifest makes of an object that exists: a three-way merge, as kubectl, Helm and server-side apply do it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::managers::{Claim, Owners};
use k8s_replicator_core::payload::Content;

use crate::contents::merged;
use crate::manifest::Manifest;
use crate::object::{Applied, Known, Object};

/// The object as it is then; `None`: it is as it was.
///
/// # Errors
/// When an API server does not accept it.
pub(crate) fn applied(old: &Object, manifest: &Manifest, dialect: &Dialect) -> Result<Option<Object>, String> {
    let annotations = map(&old.annotations, &old.applied.annotations, &manifest.annotations);
    let labels = map(&old.labels, &old.applied.labels, &manifest.labels);
    let (content, managers) = content(old, manifest)?;
    let is_same = annotations == old.annotations && labels == old.labels && content == old.content;
    if is_same && old.as_seen.is_none() {
        return Ok(None);
    }
    let mut managers = managers;
    let by = dialect.key(k8s_replicator_core::annotations::Annotation::ReplicatedBy);
    if annotations.get(&by) != old.annotations.get(&by) {
        managers.replicated_by = if annotations.contains_key(&by) { Owners::Others } else { Owners::Nobody };
    }
    Ok(Some(Object {
        annotations,
        labels,
        content,
        managers,
        as_seen: None,
        applied: Applied::of(manifest),
        ..old.clone()
    }))
}

fn map(
    old: &BTreeMap<String, String>,
    applied: &BTreeSet<String>,
    new: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut map = old.clone();
    map.retain(|key, _| !applied.contains(key));
    map.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
    map
}

fn content(old: &Object, manifest: &Manifest) -> Result<(Known, k8s_replicator_core::managers::Managers), String> {
    let mut managers = old.managers.clone();
    let Some(known) = old.content.content() else { return Ok((old.content.clone(), managers)) };
    if let (Some(type_), Some(was), false) = (&manifest.type_, &known.type_, old.content.is_assumed())
        && type_ != was
    {
        return Err(format!("its type is {was}, and cannot be changed to {type_}; delete the object first"));
    }
    let immutable = known.immutable || manifest.immutable;
    let Some(payload) = &manifest.payload else {
        let empty = manifest.kind.data_fields().iter().map(|_| None);
        let empty = k8s_replicator_core::payload::Payload::new(empty);
        let left = merged(&known.payload, &empty, |key| old.applied.data.contains(key));
        let content = Content { immutable, payload: left, ..known.clone() };
        let known = if old.content.is_assumed() { Known::Assumed(content) } else { Known::Yes(content) };
        return Ok((known, managers));
    };
    // Of what is not known nothing is left to merge with.
    let payload = match old.content.is_assumed() {
        true => payload.clone(),
        false => merged(&known.payload, payload, |key| old.applied.data.contains(key)),
    };
    let is_same = payload == known.payload;
    if known.immutable && !is_same {
        return Err("it is immutable, and its data cannot be changed; delete the object first".to_owned());
    }
    let type_ = manifest.type_.clone().or_else(|| known.type_.clone());
    if manifest.has_keys && !is_same {
        (managers.claim, managers.is_others_claim) = (Claim::Applied, true);
        managers.other = Some("that applies this manifest".into());
        managers.data = match managers.data {
            Owners::Controller | Owners::Shared
                if crate::contents::have_an_entry_in_common(Some(&known.payload), &payload) =>
            {
                Owners::Shared
            }
            _ => Owners::Others,
        };
    }
    Ok((Known::Yes(Content { type_, immutable, payload }), managers))
}
