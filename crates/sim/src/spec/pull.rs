//! TRUSTED: what a pulling target gets (SPEC 5 and 6).

use std::collections::{BTreeMap, BTreeSet};

use super::asks::{Asks, Read, items, list_names, read};
use super::keys::Part;
use super::{Cluster, Flags, Note, PAIR, Wanted, gives_something, is_half_issued, is_protected, matcher, was_emptied};
use crate::api::object::{Id, Object};

/// The annotations that a copy leaves, and that a clear removes.
pub const WRITTEN: [&str; 5] = [
    "replicated-from-version",
    "replicated-keys",
    "replicate-once-version",
    "replicated-from-allowed",
    "replicated-from-origin",
];

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
    /// What it gets of the source's data.
    pub part: Part,
}

/// What it gets.
pub enum Pulled {
    /// Nothing changes.
    Nothing,
    /// Its data is taken away; whether because the source is missing or says nothing any more.
    Cleared(bool),
    /// It keeps its copy, less what it may not have any more.
    Held {
        /// What `replicated-from-allowed` has to be.
        allowed: Note,
        /// What it keeps.
        data: Wanted,
    },
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
    // It was for this.
    notes.insert("removal-approved", Note::Absent);
}

/// SPEC 5, in its order.
#[must_use]
pub fn pull(cluster: &Cluster, flags: &Flags, from: &Id, receiver: &Receiver<'_>) -> Pulled {
    // Of a source outside of `--namespaces` it is not known whether it exists, nor what it gives: who pulls from it keeps what it has.
    if !flags.covers(&from.namespace) {
        return Pulled::Nothing;
    }
    let Some(source) = cluster.get(from) else { return Pulled::Cleared(true) };
    let asks = match read(source, flags) {
        // 1
        Read::Ill(_) => return Pulled::Nothing,
        Read::Nothing => Asks::default(),
        Read::Well(asks) => *asks,
    };
    // An annotation about who may have the data is ill-formed.
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
    if asks.allowed_namespaces.as_ref().is_some_and(|named| !named.names(cluster, namespace)) {
        return Pulled::Cleared(false);
    }
    if asks.from.is_some() {
        // 3
        let chain = asks.texts.get("replicated-from-allowed").map(|text| items(text)).unwrap_or_default();
        let is_handed_down = list_names(&chain, namespace);
        let is_allowed = match above(cluster, flags, &asks, receiver.target) {
            Above::Forbid => false,
            // Labels and keys cannot be handed down.
            Above::Unknown if asks.texts.contains_key("replicated-keys") => return unknown(&asks),
            Above::Unknown if !is_handed_down && chain.iter().any(|item| item == SELECTED) => return unknown(&asks),
            Above::Unknown => is_handed_down,
            Above::Allow { by_labels } => is_handed_down || by_labels,
        };
        if !is_allowed {
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
    let part = &receiver.part;
    let given = part.of(&source.data, &source.binary_data);
    let emptied = receiver.object.is_some_and(was_emptied)
        && given.as_ref().is_some_and(|(data, binary)| gives_something(source, data, binary));
    let held = |allowed| {
        let data = receiver.object.filter(|_| part.is_limited() && receiver.holds).map(|object| {
            let noted = receiver.own.texts.get("replicated-keys");
            (part.kept(noted, &object.data, &object.binary_data), object)
        });
        match data {
            Some(((data, binary), object)) if (&data, &binary) != (&object.data, &object.binary_data) => {
                Pulled::Held { allowed, data: Wanted::Equal(data, binary) }
            }
            _ => Pulled::Held { allowed, data: Wanted::Kept },
        }
    };
    if (receiver.once || asks.once) && receiver.holds && !asked_again && !emptied {
        return held(allowed);
    }
    let half = is_half_issued(source, flags) && PAIR.iter().any(|key| part.has(key));
    let Some((data, binary_data)) = given.filter(|_| !half) else {
        return match receiver.holds {
            true if half => held(Note::Any),
            true => held(allowed),
            // It is followed, though it gets nothing yet.
            false if receiver.object.is_some() => held(Note::Any),
            false => Pulled::Nothing,
        };
    };
    // A target that is immutable belongs to its user.
    let pulls_for_itself = receiver.own.by.is_none();
    if pulls_for_itself
        && receiver
            .object
            .is_some_and(|object| object.immutable && (object.data != data || object.binary_data != binary_data))
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
        ("replicated-from-version", Note::VersionOf(from.clone(), Box::new(part.clone()))),
        ("replicate-once-version", once_version.map_or(Note::Absent, |text| Note::Is(text.clone()))),
        ("replicated-from-origin", origin),
        ("replicated-from-allowed", allowed),
        ("replicated-keys", part.note().map_or(Note::Absent, Note::Is)),
    ]);
    Pulled::Copied { data: Wanted::Equal(data, binary_data), notes }
}

/// What the objects above a source say about a target's namespace.
enum Above {
    /// One of them does not allow it.
    Forbid,
    /// All of them were asked; whether one of them selects it by its labels.
    Allow {
        /// Whether one of them has a label selector.
        by_labels: bool,
    },
    /// One of them is missing or ill-formed, and so those above it.
    Unknown,
}

/// The item of `replicated-from-allowed` that stands for label selectors.
const SELECTED: &str = "selector.";

/// While an object above is missing or ill-formed, a source that holds a copy gives it to no further target.
fn unknown(source: &Asks) -> Pulled {
    if source.holds_a_copy() { Pulled::Nothing } else { Pulled::Cleared(false) }
}

/// SPEC 11: whether the objects further up allow the target, as far as they exist and are well-formed.
fn above(cluster: &Cluster, flags: &Flags, source: &Asks, target: &Id) -> Above {
    let (mut next, mut seen, mut by_labels) = (source.from.clone(), BTreeSet::new(), false);
    while let Some((namespace, name)) = next.filter(|next| seen.insert(next.clone())) {
        let asks = match cluster.get(&Id::new(target.resource, &namespace, &name)).map(|object| read(object, flags)) {
            None | Some(Read::Ill(_)) => return Above::Unknown,
            Some(Read::Nothing) => Asks::default(),
            Some(Read::Well(asks)) if asks.unsure => return Above::Unknown,
            Some(Read::Well(asks)) => *asks,
        };
        let named = asks.allowed_namespaces.as_ref();
        if asks.allowed == Some(false) || named.is_some_and(|named| !named.names(cluster, &target.namespace)) {
            return Above::Forbid;
        }
        by_labels |= named.is_some_and(|named| named.selector.is_some());
        next = asks.from;
    }
    Above::Allow { by_labels }
}

/// Whether following `replicate-from` from here leads there, or goes on for too long. A ring of other objects into which it leads
/// is refused to those alone.
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

/// SPEC 5.8: what the chain still allows; with an item more where an object allows others by their labels.
#[must_use]
pub fn narrowed(asks: &Asks) -> Note {
    let above = asks.from.as_ref().and(asks.texts.get("replicated-from-allowed"));
    let is_selected = above.is_some_and(|text| items(text).iter().any(|item| item == SELECTED))
        || asks.texts.contains_key("replication-allowed-namespace-selector");
    let more = |mut items: Vec<String>| {
        items.retain(|item| item != SELECTED);
        items.push(SELECTED.to_owned());
        Note::Items(items)
    };
    match narrowed_lists(asks) {
        Note::Is(text) if is_selected && text == "-" => Note::Is(SELECTED.to_owned()),
        Note::Is(text) if is_selected => more(items(&text)),
        Note::Items(items) if is_selected => more(items),
        note => note,
    }
}

fn narrowed_lists(asks: &Asks) -> Note {
    // A selector alone has an empty list, which names nobody.
    let by_labels_alone = asks.texts.contains_key("replication-allowed-namespace-selector").then(String::new);
    let own = asks.texts.get("replication-allowed-namespaces").or(by_labels_alone.as_ref());
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
