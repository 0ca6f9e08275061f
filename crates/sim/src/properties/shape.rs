//! TRUSTED: whether an object looks as it is wanted.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::api::object::Object;
use crate::api::store::State;
use crate::spec::asks::items;
use crate::spec::carried::noted;
use crate::spec::{Note, PREFIX, Shape, Wanted, is_minimal};

pub(super) fn has_shape(
    shape: &Shape,
    before: Option<&Rc<Object>>,
    after: &Object,
    seen: &[(Duration, State)],
) -> bool {
    let type_ = after.type_.as_deref();
    let data = match &shape.data {
        Wanted::Kept => before.is_some_and(|before| has_same_data(before, after)),
        Wanted::Minimal => is_minimal(type_, &after.data, &after.binary_data),
        Wanted::Equal(data, binary_data) => after.data == *data && after.binary_data == *binary_data,
    };
    let kept = |before: &Object| {
        before.uid == after.uid && before.finalizers == after.finalizers && before.immutable == after.immutable
    };
    data && shape.type_.as_deref().is_none_or(|wanted| Some(wanted) == type_)
        && before.is_none_or(|before| kept(before))
        && has_of_others(shape, before, after)
        && shape.notes.iter().all(|(name, note)| has_note(name, note, before, after, seen))
}

/// Whether the labels, and the annotations that the shape does not speak of, are as they were; but for those that the controller sets
/// (SPEC 11.6): these are as they are wanted, and those that it had set before and that are not wanted any more are gone, or as they are
/// on a new replica.
fn has_of_others(shape: &Shape, before: Option<&Rc<Object>>, after: &Object) -> bool {
    let is_free = |key: &str| key.strip_prefix(PREFIX).is_none_or(|name| !shape.notes.contains_key(name));
    let others = |object: &Object| -> BTreeMap<String, Vec<u8>> {
        object.annotations.iter().filter(|(key, _)| is_free(key)).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    let (mut labels, mut annotations) =
        before.map_or_else(Default::default, |before| (before.labels.clone(), others(before)));
    if let Some(carried) = &shape.carried {
        match before {
            None => labels.extend(carried.created_with.clone()),
            Some(before) => {
                for key in noted(before, "replicated-labels") {
                    if labels.remove(&key).is_some() {
                        labels.extend(carried.created_with.get(&key).map(|value| (key, value.clone())));
                    }
                }
                noted(before, "replicated-annotations").iter().for_each(|key| drop(annotations.remove(key)));
            }
        }
        labels.extend(carried.labels.clone());
        annotations.extend(carried.annotations.clone());
    }
    before.is_none() && shape.carried.is_none() || after.labels == labels && others(after) == annotations
}

fn has_same_data(one: &Object, other: &Object) -> bool {
    one.data == other.data && one.binary_data == other.binary_data
}

pub(super) fn has_note(
    name: &str,
    note: &Note,
    before: Option<&Rc<Object>>,
    after: &Object,
    seen: &[(Duration, State)],
) -> bool {
    let key = format!("{PREFIX}{name}");
    let value = after.annotation(&key);
    match note {
        Note::Any => true,
        Note::Absent => !after.annotations.contains_key(&key),
        Note::Is(text) => value == Some(&**text),
        Note::Items(wanted) => value.is_some_and(|text| {
            let (mut wanted, mut there) = (wanted.clone(), items(text));
            wanted.sort();
            there.sort();
            wanted == there
        }),
        Note::VersionOf(source, part) => {
            let is_same = |object: &Object| match part.of(&object.data, &object.binary_data) {
                Some((data, binary_data)) => data == after.data && binary_data == after.binary_data,
                None => false,
            };
            let is_it = |object: &Rc<Object>| value == Some(&*object.version.to_string()) && is_same(object);
            // It may name an older version with the same data (SPEC 9.3), and what others wrote stays if the data is right.
            let stays = before.is_some_and(|before| before.annotation(&key) == value && has_same_data(before, after));
            value.is_some() && (stays || seen.iter().any(|(_, state)| state.get(source).is_some_and(is_it)))
        }
    }
}
