//! Contents that are put together, and those that are made up where only metadata is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use k8s_replicator_core::identity::ResourceVersion;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::Key;
use k8s_replicator_core::payload::{Content, Payload};
use serde_json::value::RawValue;

type Field = BTreeMap<String, Box<RawValue>>;

fn field(json: &str) -> Field {
    serde_json::from_str(json).unwrap_or_default()
}

/// The keys of some data.
pub(crate) fn keys(payload: &Payload) -> Vec<String> {
    payload.fields().flatten().flat_map(|json| field(json).into_keys()).collect()
}

/// What `new` makes of `old`: its entries are put in, and those that `is_taken_away` go if it does not name them.
pub(crate) fn merged(old: &Payload, new: &Payload, is_taken_away: impl Fn(&str) -> bool) -> Payload {
    let fields = old.fields().zip(new.fields()).map(|(old, new)| {
        let mut entries = old.map(field).unwrap_or_default();
        entries.retain(|key, _| !is_taken_away(key));
        entries.extend(new.map(field).unwrap_or_default());
        serde_json::to_string(&entries).ok().map(Arc::from)
    });
    Payload::new(fields)
}

/// A content that stands for what an object holds at a version, of which only metadata is known: no other one is the same.
pub(crate) fn made_up(kind: &dyn Kind, key: &Key, version: &ResourceVersion, keys: &[String]) -> Content {
    let value = BASE64.encode(format!("{key}@{version}"));
    let entries: BTreeMap<&str, &str> = match keys {
        [] => BTreeMap::from([("unknown", &*value)]),
        keys => keys.iter().map(|key| (&**key, &*value)).collect(),
    };
    let first = serde_json::to_string(&entries).ok().map(Arc::from);
    let fields = kind.data_fields().iter().enumerate().map(|(at, _)| first.clone().filter(|_| at == 0));
    let type_ = kind.is_typed().then(|| Arc::from("Opaque"));
    Content { type_, immutable: false, payload: Payload::new(fields) }
}

/// Whether some key has the same value in both.
pub(crate) fn have_an_entry_in_common(one: Option<&Payload>, other: &Payload) -> bool {
    let Some(one) = one else { return true };
    one.fields().zip(other.fields()).any(|(one, other)| {
        let (one, other) = (one.map(field).unwrap_or_default(), other.map(field).unwrap_or_default());
        one.iter().any(|(key, value)| other.get(key).is_some_and(|same| same.get() == value.get()))
    })
}

/// So many names of keys are looked for in annotations.
const MOST_ASKED: usize = 1_000;

/// The keys that lists of keys ask for by name: a content that is made up has them.
pub(crate) fn asked_for<'a>(lists: impl Iterator<Item = &'a str>) -> Vec<String> {
    let items = lists.flat_map(|text| text.split([',', '\n']));
    let keys = items.map(|item| item.split(':').next().unwrap_or_default().trim());
    let literals = keys.filter(|key| !key.is_empty() && !key.contains('*') && !key.starts_with('!'));
    let mut keys: Vec<String> = literals.take(MOST_ASKED).map(str::to_owned).collect();
    keys.sort();
    keys.dedup();
    keys
}
