//! `metadata.managedFields`: which field manager owns which fields.
//!
//! Simpler than the API server's: a field is owned as a whole by its key, lists are not looked into.

use std::collections::BTreeSet;

use super::object::Object;
use super::refusal::{Cause, Refusal};

/// A field that can be owned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// A map itself, which the manager that created it owns: `annotations`, `labels`, `data`, `binaryData`.
    Map(&'static str),
    /// An entry of a map.
    Entry(&'static str, String),
    /// A field of the object: `type`, `immutable`, `metadata.finalizers` (as a whole, where the API server keeps each item).
    Own(&'static str),
}

impl Field {
    /// As messages name it.
    fn path(&self) -> String {
        let parent = |map: &str| if METADATA.contains(&map) { ".metadata" } else { "" };
        match self {
            Self::Map(map) => format!("{}.{map}", parent(map)),
            Self::Entry(map, key) => format!("{}.{map}.{key}", parent(map)),
            Self::Own(name) => format!(".{name}"),
        }
    }
}

/// One entry of `managedFields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// `manager`.
    pub name: String,
    /// `operation`: `Update` or `Apply`.
    pub operation: &'static str,
    /// `time`, in seconds since 1970.
    pub time: i64,
    /// `fieldsV1`.
    pub fields: BTreeSet<Field>,
}

const METADATA: [&str; 2] = ["annotations", "labels"];

impl Manager {
    /// `fieldsV1`: JSON as a text. A map that is owned without any of its entries is written without the dot that stands for it. The
    /// keys of the simulation are plain, so that nothing in them has to be escaped.
    #[must_use]
    pub fn fields_v1(&self) -> String {
        let (mut top, mut metadata) = (String::new(), String::new());
        for map in ["annotations", "binaryData", "data", "labels"] {
            let mut entries = String::new();
            for field in &self.fields {
                match field {
                    Field::Map(of) if *of == map => entries.push_str("\".\":{},"),
                    Field::Entry(of, key) if *of == map => {
                        entries.push_str("\"f:");
                        entries.push_str(key);
                        entries.push_str("\":{},");
                    }
                    _ => {}
                }
            }
            if entries.pop().is_some() {
                if entries == "\".\":{}" {
                    entries.clear();
                }
                let parent = if METADATA.contains(&map) { &mut metadata } else { &mut top };
                for part in ["\"f:", map, "\":{", &entries, "},"] {
                    parent.push_str(part);
                }
            }
        }
        for field in &self.fields {
            if let Field::Own(name) = field {
                let parent = if *name == "finalizers" { &mut metadata } else { &mut top };
                for part in ["\"f:", name, "\":{},"] {
                    parent.push_str(part);
                }
            }
        }
        if metadata.pop().is_some() {
            for part in ["\"f:metadata\":{", &metadata, "},"] {
                top.push_str(part);
            }
        }
        top.pop();
        format!("{{{top}}}")
    }
}

/// Every field that an object has, with its value.
fn fields(object: &Object) -> Vec<(Field, Vec<u8>)> {
    let mut fields = Vec::new();
    let mut map = |name: &'static str, entries: Vec<(&String, Vec<u8>)>| {
        if !entries.is_empty() {
            fields.push((Field::Map(name), Vec::new()));
            fields.extend(entries.into_iter().map(|(key, value)| (Field::Entry(name, key.clone()), value)));
        }
    };
    map("annotations", object.annotations.iter().map(|(k, v)| (k, v.clone())).collect());
    map("labels", object.labels.iter().map(|(k, v)| (k, v.clone().into_bytes())).collect());
    map("data", object.data.iter().map(|(k, v)| (k, v.clone().into_bytes())).collect());
    map("binaryData", object.binary_data.iter().map(|(k, v)| (k, v.clone().into_bytes())).collect());
    fields.extend(object.type_.as_ref().map(|type_| (Field::Own("type"), type_.clone().into_bytes())));
    if !object.finalizers.is_empty() {
        fields.push((Field::Own("finalizers"), object.finalizers.join(",").into_bytes()));
    }
    if object.immutable {
        fields.push((Field::Own("immutable"), vec![1]));
    }
    fields
}

/// After an update (create, replace, patch) by `manager`: it owns the fields that it changed; fields that are gone have no owner.
///
/// Of an object that has no `managedFields` the API server does not begin to keep them before its first server-side apply.
pub fn updated(old: Option<&Object>, new: &mut Object, manager: &str, time: i64) {
    if old.is_some_and(|old| old.managers.is_empty()) {
        new.managers.clear();
        return;
    }
    let before = old.map(fields).unwrap_or_default();
    let after = fields(new);
    let changed: BTreeSet<Field> =
        after.iter().filter(|field| !before.contains(field)).map(|(field, _)| field.clone()).collect();
    let there: BTreeSet<&Field> = after.iter().map(|(field, _)| field).collect();
    let mut managers = old.map(|old| old.managers.clone()).unwrap_or_default();
    for entry in &mut managers {
        entry.fields.retain(|field| there.contains(field) && !changed.contains(field));
    }
    if !changed.is_empty() {
        let own = managers.iter_mut().find(|entry| entry.name == manager && entry.operation == "Update");
        match own {
            Some(own) => {
                own.fields.extend(changed);
                own.time = time;
            }
            None => managers.push(Manager { name: manager.to_owned(), operation: "Update", time, fields: changed }),
        }
    }
    managers.retain(|entry| !entry.fields.is_empty());
    new.managers = managers;
}

/// Who owns what of an object that is applied: where nobody is known to have written what is there, `before-first-apply` has.
#[must_use]
pub fn before_apply(object: &Object, time: i64) -> Vec<Manager> {
    let fields: BTreeSet<Field> = fields(object).into_iter().map(|(field, _)| field).collect();
    if !object.managers.is_empty() || fields.is_empty() {
        return object.managers.clone();
    }
    vec![Manager { name: "before-first-apply".to_owned(), operation: "Update", time, fields }]
}

/// After a server-side apply by `manager` of exactly `applied`: it owns these, beside others whose value it did not change. `old`:
/// what was there before.
pub fn applied(old: Option<&Object>, new: &mut Object, manager: &str, time: i64, applied: BTreeSet<Field>) {
    let before = old.map(fields).unwrap_or_default();
    let changed: BTreeSet<Field> =
        fields(new).into_iter().filter(|field| !before.contains(field)).map(|(field, _)| field).collect();
    let mut managers = old.map(|old| before_apply(old, time)).unwrap_or_default();
    for entry in managers.iter_mut().filter(|entry| (&*entry.name, entry.operation) != (manager, "Apply")) {
        entry.fields.retain(|field| !changed.contains(field));
    }
    let is_own = |entry: &Manager| entry.name == manager && entry.operation == "Apply";
    match managers.iter_mut().find(|entry| is_own(entry)) {
        // Applied again: it has the time at which it said something else.
        Some(own) if own.fields == applied => {}
        Some(own) => (own.fields, own.time) = (applied, time),
        None => managers.push(Manager { name: manager.to_owned(), operation: "Apply", time, fields: applied }),
    }
    managers.retain(|entry| !entry.fields.is_empty());
    new.managers = managers;
}

/// The refusal of an apply that would change what others own.
#[must_use]
pub fn conflict(conflicts: &mut [(&Manager, &Field)]) -> Refusal {
    conflicts.sort_by_cached_key(|(manager, field)| (manager.name.clone(), manager.operation, field.path()));
    let with = |manager: &Manager| match manager.operation {
        "Apply" => format!("{:?}", manager.name),
        _ => format!("{:?} using v1", manager.name),
    };
    let causes: Vec<Cause> = conflicts
        .iter()
        .map(|(manager, field)| {
            Cause::new("FieldManagerConflict", &field.path(), format!("conflict with {}", with(manager)))
        })
        .collect();
    let message = match &*conflicts {
        [(manager, field)] => {
            format!("Apply failed with 1 conflict: conflict with {}: {}", with(manager), field.path())
        }
        _ => {
            let mut message = format!("Apply failed with {} conflicts: ", conflicts.len());
            let mut last = None;
            for (manager, field) in &*conflicts {
                if last.replace(&manager.name) != Some(&manager.name) {
                    message.push_str(if message.ends_with(' ') { "" } else { "\n" });
                    message.push_str(&format!("conflicts with {}:", with(manager)));
                }
                message.push_str(&format!("\n- {}", field.path()));
            }
            message
        }
    };
    Refusal { causes, ..Refusal::new(409, "Conflict", message) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn owned(fields: &[Field]) -> Value {
        let fields = fields.iter().cloned().collect();
        let manager = Manager { name: "m".to_owned(), operation: "Update", time: 0, fields };
        serde_json::from_str(&manager.fields_v1()).unwrap()
    }

    #[test]
    fn fields_are_those_of_a_real_api_server() {
        let entry = |map, key: &str| Field::Entry(map, key.to_owned());
        let all = [
            Field::Map("annotations"),
            entry("annotations", "p/x"),
            entry("labels", "l"),
            Field::Map("data"),
            entry("data", "k"),
            entry("data", "m"),
            entry("binaryData", "b"),
            Field::Own("type"),
            Field::Own("finalizers"),
            Field::Own("immutable"),
        ];
        let expected = json!({
            "f:metadata": { "f:annotations": { ".": {}, "f:p/x": {} }, "f:labels": { "f:l": {} }, "f:finalizers": {} },
            "f:data": { ".": {}, "f:k": {}, "f:m": {} }, "f:binaryData": { "f:b": {} }, "f:type": {}, "f:immutable": {},
        });
        assert_eq!(owned(&all), expected);
        assert_eq!(owned(&[]), json!({}));
        assert_eq!(owned(&all[3..4]), json!({ "f:data": {} }), "a map without any of its entries");
        assert_eq!(owned(&all[..1]), json!({ "f:metadata": { "f:annotations": {} } }));
        // Whatever is owned, the text is JSON.
        for count in 0..=all.len() {
            (0..=all.len() - count).for_each(|from| drop(owned(&all[from..from + count])));
        }
    }
}
