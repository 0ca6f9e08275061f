//! TRUSTED: the labels and annotations of others that a source's replicas get (SPEC 11.6).

use std::collections::BTreeMap;

use super::asks::{Asks, items};
use super::keys::Globs;
use super::{Flags, PREFIX};
use crate::api::object::Object;

/// What a replica is to have, and what it had from its source before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Carried {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, Vec<u8>>,
    /// The labels that it is created with, and to which a label returns that it does not get any more.
    pub created_with: BTreeMap<String, String>,
}

/// `replica-labels`, as far as the simulation's users write it. `None`: it is ill-formed.
#[must_use]
pub fn labels(text: &str) -> Option<BTreeMap<String, String>> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let label = |item: &str| {
        let (key, value) = item.split_once('=')?;
        let (key, value) = (key.trim(), value.trim());
        let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        let is_fine = !key.is_empty() && !value.is_empty() && is_word(key) && is_word(value) && !is_mark(key);
        is_fine.then(|| (key.to_owned(), value.to_owned()))
    };
    items.map(label).collect()
}

/// Whether other tools own objects by it, as far as the simulation's users know such; or it is this program's.
fn is_mark(key: &str) -> bool {
    const DESCRIBES: [&str; 4] = ["name", "component", "part-of", "version"];
    let describes = key.strip_prefix("app.kubernetes.io/").is_some_and(|name| DESCRIBES.contains(&name));
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let of_kubernetes = domain == "kubernetes.io" || domain.ends_with(".kubernetes.io");
    (of_kubernetes && !describes) || domain == "argocd.argoproj.io" || domain == "helm.sh" || key.starts_with(PREFIX)
}

/// What a source gives to its replicas.
#[must_use]
pub fn carried(source: &Object, asks: &Asks, flags: &Flags) -> Carried {
    let globs = |name: &str| asks.texts.get(name).and_then(|text| Globs::read(text)).unwrap_or_default();
    let (of_labels, of_annotations) = (globs("replicate-labels"), globs("replicate-annotations"));
    let created_with = flags.created_with.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let mut carried = Carried { created_with: created_with.collect(), ..Carried::default() };
    for (key, value) in source.labels.iter().filter(|(key, _)| of_labels.name(key) && !is_mark(key)) {
        carried.labels.insert(key.clone(), value.clone());
    }
    // JSON has replacement characters where bytes are no UTF-8.
    let is_text = |value: &[u8]| std::str::from_utf8(value).is_ok_and(|text| !text.contains('\u{fffd}'));
    for (key, value) in &source.annotations {
        if of_annotations.name(key) && !is_mark(key) && is_text(value) {
            carried.annotations.insert(key.clone(), value.clone());
        }
    }
    // What is said outright comes before what is copied.
    carried.labels.extend(asks.texts.get("replica-labels").and_then(|text| labels(text)).unwrap_or_default());
    carried
}

/// The names of what the controller set on a replica, by `replicated-labels` or `replicated-annotations`.
#[must_use]
pub fn noted(replica: &Object, name: &str) -> Vec<String> {
    let text = replica.annotation(&format!("{PREFIX}{name}")).unwrap_or_default();
    items(text).into_iter().filter(|key| !is_mark(key)).collect()
}
