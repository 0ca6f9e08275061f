//! TRUSTED: what a pull comes to (SPEC 5 and 6).

use std::collections::{BTreeMap, BTreeSet};

use super::asks::{Asks, Read, items, list_names, read};
use super::{Cluster, Flags, Note, Wanted, is_empty, is_half_issued, is_protected, matcher, was_emptied};
use crate::api::object::{Id, Object};

/// The annotations that a copy leaves, and that a clear removes.
pub const WRITTEN: [&str; 4] =
    ["replicated-from-version", "replicate-once-version", "replicated-from-allowed", "replicated-from-origin"];

/// Who pulls.
pub struct Receiver<'a> {
    /// Its name.
    pub target: &'a Id,
    /// The object, if it exists.
    pub object: Option<&'a Object>,
    /// What it says.
    pub own: &'a Asks,
    /// Whether it asks for one copy only.
    pub once: bool,
    /// Whether it holds a copy.
    pub holds: bool,
}

/// What it gets.
pub enum Pulled {
    /// Nothing changes.
    Nothing,
    /// Its data is taken away; whether because the source is missing or says nothing any more.
    Cleared(bool),
    /// It keeps its copy; this is what `replicated-from-allowed` has to be.
    Held(Note),
    /// The source's data.
    Copied {
        /// It.
        data: Wanted,
        /// The annotations that go with it.
        notes: BTreeMap<&'static str, Note>,
    },
}

/// The annotations of a cleared target.
pub fn cleared(notes: &mut BTreeMap<&'static str, Note>) {
    notes.extend(WRITTEN.map(|name| (name, Note::Absent)));
}

/// SPEC 5, in its order.
#[must_use]
pub fn pull(cluster: &Cluster, flags: &Flags, from: &Id, receiver: &Receiver<'_>) -> Pulled {
    let Some(source) = cluster.get(from) else { return Pulled::Cleared(true) };
    let asks = match read(source, flags) {
        // 1
        Read::Ill(_) => return Pulled::Nothing,
        Read::Nothing => Asks::default(),
        Read::Well(asks) => *asks,
    };
    // Who may have the data is not said in a way that can be read.
    if asks.unsure {
        return Pulled::Nothing;
    }
    // 2
    let namespace = &receiver.target.namespace;
    if !flags.allow_all && asks.allowed.is_none() && asks.allowed_namespaces.is_none() {
        return Pulled::Cleared(true);
    }
    if asks.allowed == Some(false) {
        return Pulled::Cleared(false);
    }
    if asks.allowed_namespaces.as_ref().is_some_and(|list| !list_names(list, namespace)) {
        return Pulled::Cleared(false);
    }
    if asks.from.is_some() {
        // 3
        let chain = asks.texts.get("replicated-from-allowed").map(|text| items(text));
        let is_handed_down = chain.is_some_and(|list| list_names(&list, namespace));
        if !is_handed_down || is_forbidden_above(cluster, flags, &asks, receiver.target) {
            return Pulled::Cleared(false);
        }
        // 4
        if asks.texts.get("replicated-from-origin").map(|text| text.trim()) == Some(&*receiver.target.key()) {
            return Pulled::Nothing;
        }
        // 5
        if !asks.holds_a_copy() {
            return Pulled::Cleared(false);
        }
    } else if asks.texts.get("replicated-from-origin").map(|text| text.trim()) == Some(&*receiver.target.key()) {
        return Pulled::Nothing;
    }
    // SPEC 7; what metadata alone refuses comes before, since types are not among it.
    if is_protected(source) {
        return Pulled::Nothing;
    }
    // 6
    if leads_to(cluster, flags, from, receiver.target) {
        return Pulled::Nothing;
    }
    // 7
    let allowed = narrowed(&asks);
    let once_version = asks.texts.get("replicate-once-version");
    let asked_again = once_version.is_some() && once_version != receiver.own.texts.get("replicate-once-version");
    let emptied = receiver.object.is_some_and(was_emptied) && !is_empty(source);
    if (receiver.once || asks.once) && receiver.holds && !asked_again && !emptied {
        return Pulled::Held(allowed);
    }
    if is_half_issued(source, flags) {
        return if receiver.holds { Pulled::Held(Note::Any) } else { Pulled::Nothing };
    }
    // A target that is immutable belongs to its user.
    let pulls_for_itself = receiver.own.by.is_none();
    if pulls_for_itself
        && receiver.object.is_some_and(|object| {
            object.immutable && (object.data != source.data || object.binary_data != source.binary_data)
        })
    {
        return Pulled::Nothing;
    }
    // 8
    let origin = match asks.from.as_ref().and(asks.texts.get("replicated-from-origin")) {
        _ if receiver.once => Note::Absent,
        Some(origin) => Note::Is(origin.clone()),
        None => Note::Is(from.key()),
    };
    let notes = BTreeMap::from([
        ("replicated-from-version", Note::VersionOf(from.clone())),
        ("replicate-once-version", once_version.map_or(Note::Absent, |text| Note::Is(text.clone()))),
        ("replicated-from-origin", origin),
        ("replicated-from-allowed", allowed),
    ]);
    Pulled::Copied { data: Wanted::Equal(source.data.clone(), source.binary_data.clone()), notes }
}

/// SPEC 11: whether an object further up does not allow the target's namespace, as far as they can be asked.
fn is_forbidden_above(cluster: &Cluster, flags: &Flags, source: &Asks, target: &Id) -> bool {
    let (mut next, mut seen) = (source.from.clone(), BTreeSet::new());
    while let Some((namespace, name)) = next.filter(|next| seen.insert(next.clone())) {
        let object = cluster.get(&Id::new(target.resource, &namespace, &name));
        let Some(Read::Well(asks)) = object.map(|object| read(object, flags)) else { return false };
        if asks.unsure {
            return false;
        }
        let list = asks.allowed_namespaces.as_ref();
        if asks.allowed == Some(false) || list.is_some_and(|list| !list_names(list, &target.namespace)) {
            return true;
        }
        next = asks.from;
    }
    false
}

/// Whether following `replicate-from` from here leads there, or goes on for too long. A ring of others that it leads into is refused to
/// those, and is nothing to the target.
fn leads_to(cluster: &Cluster, flags: &Flags, from: &Id, target: &Id) -> bool {
    let mut at = from.clone();
    let mut seen = BTreeSet::new();
    for _ in 0..100 {
        if at == *target {
            return true;
        }
        if !seen.insert(at.clone()) {
            return false;
        }
        let next = cluster.get(&at).and_then(|object| match read(object, flags) {
            Read::Well(asks) => asks.from,
            _ => None,
        });
        let Some((namespace, name)) = next else { return false };
        at = Id::new(target.resource, &namespace, &name);
    }
    true
}

/// SPEC 5.8: what the chain still allows.
fn narrowed(asks: &Asks) -> Note {
    let own = asks.texts.get("replication-allowed-namespaces");
    let above = asks.from.as_ref().and(asks.texts.get("replicated-from-allowed"));
    let is_all = |text: &&String| text.trim() != ".*";
    let (own, above) = (own.filter(is_all), above.filter(is_all));
    let (own, above) = match (own, above) {
        (None, None) => return Note::Is(".*".to_owned()),
        (Some(one), None) | (None, Some(one)) => return Note::Is(one.clone()),
        (Some(own), Some(above)) => (items(own), items(above)),
    };
    let mut kept: Vec<String> = Vec::new();
    let is_pattern =
        |item: &str| item.chars().any(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c)));
    for (ones, others) in [(&own, &above), (&above, &own)] {
        for item in ones {
            let stays = item.starts_with('!')
                || others.iter().any(|other| {
                    other == item
                        || other == ".*"
                        || (!is_pattern(item)
                            && is_pattern(other)
                            && !other.starts_with('!')
                            && matcher::matches(other, item) == Some(true))
                });
            if stays && !kept.contains(item) {
                kept.push(item.clone());
            }
        }
    }
    // An item `.*` stands for all of the other side, and is kept itself only if both have it.
    if !(own.iter().any(|item| item == ".*") && above.iter().any(|item| item == ".*")) {
        kept.retain(|item| item != ".*");
    }
    if !kept.iter().any(|item| !item.starts_with('!')) {
        return Note::Is("-".to_owned());
    }
    Note::Items(kept)
}
