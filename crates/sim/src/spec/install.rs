//! TRUSTED: what a push installs into a target (SPEC 4).

use std::collections::BTreeMap;

use super::asks::{self, Asks};
use super::carried::carried;
use super::keys::Part;
use super::pull::{self, Pulled, Receiver, pull};
use super::{
    Cluster, Flags, Note, PAIR, Removal, Shape, Wanted, Wish, delay_of_pull, gives_something, is_half_issued,
    is_made_by_controller, is_minimal, is_protected, is_protected_type, was_emptied,
};
use crate::api::object::{Id, Object};

const INHERITED: [&str; 6] = [
    "replicate-once",
    "replication-allowed",
    "replication-allowed-namespaces",
    "replication-allowed-namespace-selector",
    "replication-allowed-keys",
    "removal-delay",
];

/// SPEC 4: install a source into a target.
pub(super) fn install(
    cluster: &Cluster,
    flags: &Flags,
    target: &Id,
    existing: Option<(&Object, &Asks)>,
    (source, object, asks): (&Id, &Object, &Asks),
) -> Wish {
    if is_protected(object) {
        return Wish::Leave;
    }
    // Install owns every annotation of the table.
    let mut notes: BTreeMap<&'static str, Note> = asks::KNOWN.iter().map(|name| (*name, Note::Absent)).collect();
    let inherited = |name: &str| asks.texts.get(name).map_or(Note::Absent, |text| Note::Is(text.clone()));
    notes.insert("replicated-at", Note::Any);
    notes.insert("replicated-by", Note::Is(source.key()));
    for name in INHERITED {
        notes.insert(name, inherited(name));
    }
    // A pause is its user's.
    notes.remove("paused");
    let given = carried(object, asks, flags);
    let names = |keys: Vec<&String>| match keys.is_empty() {
        true => Note::Absent,
        false => Note::Is(keys.into_iter().cloned().collect::<Vec<_>>().join(",")),
    };
    notes.insert("replicated-labels", names(given.labels.keys().collect()));
    notes.insert("replicated-annotations", names(given.annotations.keys().collect()));
    let adopted = existing.is_some_and(|(object, _)| !is_made_by_controller(object));
    let type_ = asks.type_.clone().or_else(|| object.type_.clone());
    if type_.as_deref().is_some_and(is_protected_type) {
        return Wish::Leave;
    }
    let (data, carried) = (Wanted::Kept, Some(given));
    let mut shape = Shape { type_, data, notes, carried, removal: None, anew: false, adopted, optional: false };

    if let Some((namespace, name)) = &asks.from {
        let from = Id::new(target.resource, namespace, name);
        return combined(cluster, flags, target, existing, (&from, asks), shape);
    }
    let part = Part::new(asks.texts.get("replicate-keys"), shape.type_.as_deref(), asks.type_.is_some());
    notes_of_own_data(&mut shape, source, asks, &part);
    let half = is_half_issued(object, flags) && PAIR.iter().any(|key| part.has(key));
    let given = part.of(&object.data, &object.binary_data);
    let Some((there, own)) = existing else {
        return match given {
            Some((data, binary_data)) if !half => {
                shape.data = Wanted::Equal(data, binary_data);
                Wish::Look(Box::new(shape))
            }
            _ => Wish::Leave,
        };
    };
    // Data that the replica pulled while its source was combined is no copy of the source's own data.
    let holds = own.holds_a_copy() && own.from.is_none();
    let version = |name: &str| asks.texts.get(name).filter(|text| own.texts.get(name) != Some(text));
    let asked_again = version("replicate-once-version").is_some();
    let emptied =
        was_emptied(there) && given.as_ref().is_some_and(|(data, binary)| gives_something(object, data, binary));
    let is_held = asks.once && holds && !asked_again && !emptied;
    let Some((data, binary_data)) = given.filter(|_| !is_held && !half) else {
        (shape.type_, shape.optional) = (None, half && !is_held);
        for name in ["replicated-from-version", "replicated-keys", "replicate-once-version"] {
            // A new `replicate-once-version` that was not followed yet is not taken over.
            shape.notes.insert(name, Note::Any);
        }
        return Wish::Look(Box::new(shape));
    };
    let same = there.data == data && there.binary_data == binary_data;
    if there.type_ != shape.type_ || (there.immutable && !same) {
        return Wish::Remade;
    }
    shape.data = Wanted::Equal(data, binary_data);
    Wish::Look(Box::new(shape))
}

fn notes_of_own_data(shape: &mut Shape, source: &Id, asks: &Asks, part: &Part) {
    shape.notes.insert("replicated-from-version", Note::VersionOf(source.clone(), Box::new(part.clone())));
    shape.notes.insert("replicated-keys", part.note().map_or(Note::Absent, Note::Is));
    let once_version = asks.texts.get("replicate-once-version");
    shape.notes.insert("replicate-once-version", once_version.map_or(Note::Absent, |text| Note::Is(text.clone())));
}

/// SPEC 4, combined: the replica pulls for itself, from the source's source.
fn combined(
    cluster: &Cluster,
    flags: &Flags,
    target: &Id,
    existing: Option<(&Object, &Asks)>,
    (from, asks): (&Id, &Asks),
    mut shape: Shape,
) -> Wish {
    let once = asks.once;
    shape.notes.insert("replicate-from", Note::Is(from.key()));
    let nobody = Asks::default();
    let (object, own) = existing.map_or((None, &nobody), |(object, own)| (Some(object), own));
    // What is being deleted is not made anew: whether it is emptied depends on what it pulls alone.
    let remains = object.filter(|object| object.deleted.is_none());
    if remains.is_some_and(|object| object.type_ != shape.type_) {
        return Wish::Remade;
    }
    // With another source, or another once, it holds no copy.
    let is_the_same = own.from == Some((from.namespace.clone(), from.name.clone())) && own.once == once;
    let type_ = shape.type_.as_deref();
    let part = Part::new(asks.texts.get("replicate-keys"), type_, asks.type_.is_some());
    let part = part.within(cluster, flags, from, type_);
    let receiver = Receiver { target, object, own, once, holds: own.holds_a_copy() && is_the_same, part };
    let immutable = remains.is_some_and(|object| object.immutable);
    match pull(cluster, flags, from, &receiver) {
        // It is made even so, empty; one that is there keeps what it has.
        Pulled::Nothing if object.is_none() => {
            shape.data = Wanted::Minimal;
            // SPEC 7: nothing at all is written because of a protected type.
            shape.optional = cluster.get(from).is_some_and(|source| is_protected(source));
        }
        Pulled::Nothing => {
            shape.optional = true;
            for name in pull::WRITTEN {
                shape.notes.insert(name, Note::Any);
            }
            // It is not followed again yet.
            shape.notes.insert("removal-approved", Note::Any);
        }
        Pulled::Cleared(silent) => {
            shape.anew =
                immutable && !object.is_some_and(|it| is_minimal(it.type_.as_deref(), &it.data, &it.binary_data));
            // What its creator says of the delay is inherited.
            let delay = delay_of_pull(cluster, flags, asks, from);
            // A replica without a copy has nothing that could be lost.
            let delays = silent && object.is_some() && receiver.holds;
            shape.data = Wanted::Minimal;
            shape.removal = object.map(|_| if delays { Removal::Silent(delay) } else { Removal::Said });
        }
        Pulled::Held { allowed, data } => {
            if immutable && data != Wanted::Kept {
                return Wish::Remade;
            }
            for name in pull::WRITTEN {
                shape.notes.insert(name, Note::Any);
            }
            shape.notes.insert("replicated-from-allowed", allowed);
            shape.data = data;
        }
        Pulled::Copied { data, notes } => {
            if immutable && object.is_some_and(|it| data != Wanted::Equal(it.data.clone(), it.binary_data.clone())) {
                return Wish::Remade;
            }
            shape.data = data;
            shape.notes.extend(notes);
        }
    }
    Wish::Look(Box::new(shape))
}
