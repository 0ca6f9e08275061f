//! TRUSTED: who decides about a target (SPEC 3).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::asks::{Asks, Read, read};
use super::install::install;
use super::keys::Part;
use super::namespaces::{accepts, is_left_alone};
use super::pull::{self, Pulled, Receiver, pull};
use super::{
    Cluster, Flags, Note, PREFIX, Removal, Shape, Wanted, Wish, delay_of_pull, is_made_by_controller, is_protected,
    removal_delay,
};
use crate::api::object::{Id, Object, Resource};

/// A quick check before the annotations are read, since most objects do not push.
fn says_something_of_a_push(object: &Object) -> bool {
    object.annotations.keys().any(|key| key.strip_prefix(PREFIX).is_some_and(|name| name.starts_with("replicate-to")))
}

/// Sources that push to this name, the one that wins first (SPEC 3.4).
fn pushing<'c>(cluster: &'c Cluster, flags: &Flags, target: &Id) -> Vec<(&'c Id, &'c Object, Asks)> {
    let mut pushing: Vec<(&Id, &Object, Asks)> = cluster
        .iter()
        .filter(|(id, object)| id.resource == target.resource && says_something_of_a_push(object))
        .filter_map(|(id, object)| match read(object, flags) {
            Read::Well(asks) if asks.names(cluster, target) => Some((id, &**object, *asks)),
            _ => None,
        })
        .collect();
    let is_accepted = |id: &Id| accepts(cluster, flags, &id.namespace, &target.namespace);
    // One that is paused, or pulls from one that is, keeps the name: what type it has is not asked.
    pushing.sort_by_key(|(id, object, asks)| {
        let is_paused = asks.paused || is_paused(cluster, flags, id.resource, &asks.from);
        (!is_accepted(id), is_protected(object) && !is_paused, object.created, id.key())
    });
    pushing
}

/// SPEC 3: who decides about this target, and what.
#[must_use]
pub fn wish(cluster: &Cluster, flags: &Flags, target: &Id) -> Wish {
    // `--namespaces`: nothing is written outside.
    if !flags.covers(&target.namespace) {
        return Wish::Leave;
    }
    if flags.namespaces.is_empty() {
        return wish_in(cluster, flags, target);
    }
    wish_in(&flags.seen(cluster), flags, target)
}

/// The same, where the cluster is what the controller sees of it.
fn wish_in(cluster: &Cluster, flags: &Flags, target: &Id) -> Wish {
    let wish = wish_of_any(cluster, flags, target);
    if cluster.get(target).is_none_or(|object| object.deleted.is_none()) {
        return wish;
    }
    // SPEC 9.16: what is being deleted is only emptied, when what it holds was withdrawn.
    let removal = match wish {
        Wish::Gone(removal) => Some(removal),
        Wish::Look(shape) => shape.removal,
        Wish::Leave | Wish::Remade => None,
    };
    let holds = |object: &Rc<Object>| matches!(read(object, flags), Read::Well(own) if own.ever_received());
    let (Some(removal), Some(object)) = (removal, cluster.get(target).filter(|object| holds(object))) else {
        return Wish::Leave;
    };
    let mut notes = BTreeMap::from([("replicated-at", Note::Any)]);
    pull::cleared(&mut notes);
    let (data, optional) = (Wanted::Minimal, object.immutable);
    Wish::Look(Box::new(Shape {
        type_: None,
        data,
        notes,
        carried: None,
        removal: Some(removal),
        anew: false,
        adopted: false,
        optional,
    }))
}

fn wish_of_any(cluster: &Cluster, flags: &Flags, target: &Id) -> Wish {
    let Some(object) = cluster.get(target) else {
        // 3.4
        let namespace = cluster.get(&Id::of_namespace(&target.namespace));
        let can_be_made = namespace.is_some_and(|namespace| namespace.deleted.is_none());
        let may_be = |source: &Id, asks: &Asks| {
            accepts(cluster, flags, &source.namespace, &target.namespace)
                && !is_left_alone(cluster, flags, &target.namespace)
                && !asks.paused
                && !is_paused(cluster, flags, target.resource, &asks.from)
        };
        return match pushing(cluster, flags, target).into_iter().next() {
            Some((source, object, asks)) if can_be_made && may_be(source, &asks) => {
                install(cluster, flags, target, None, (source, object, &asks))
            }
            _ => Wish::Leave,
        };
    };
    // 3.0
    let Read::Well(own) = read(object, flags) else { return Wish::Leave };
    let is_known = cluster.contains_key(&Id::of_namespace(&target.namespace));
    if is_protected(object) || !is_known || is_left_alone(cluster, flags, &target.namespace) || own.paused {
        return Wish::Leave;
    }
    let creators_source = own.by.as_ref().and_then(|by| read_at(cluster, flags, target.resource, by)?.from);
    if [&own.by, &own.from, &creators_source].iter().any(|key| is_paused(cluster, flags, target.resource, key)) {
        return Wish::Leave;
    }
    let removed = |object: &Object, removal| match is_made_by_controller(object) {
        true => Wish::Gone(removal),
        false => Wish::Leave,
    };
    // 3.1
    if let Some((namespace, name)) = &own.by {
        // Whether a source outside of `--namespaces` still wants its replica cannot be known.
        if !flags.covers(namespace) {
            return Wish::Leave;
        }
        let source = Id::new(target.resource, namespace, name);
        let delay = removal_delay(flags, &own);
        let removal = match cluster.get(&source) {
            None => Removal::Silent(delay),
            Some(there) => match read(there, flags) {
                // What the source itself says of the delay counts, as long as it is there to say it.
                Read::Well(asks) if asks.pushes_nothing_at_all() && asks.texts.contains_key("removal-delay") => {
                    Removal::Silent(removal_delay(flags, &asks))
                }
                Read::Ill(_) => return Wish::Leave,
                Read::Nothing => Removal::Silent(delay),
                Read::Well(asks) if asks.names(cluster, target) => {
                    if !accepts(cluster, flags, &source.namespace, &target.namespace) {
                        return removed(object, Removal::Said);
                    }
                    return install(cluster, flags, target, Some((object, &own)), (&source, there, &asks));
                }
                Read::Well(asks) if asks.pushes_nothing_at_all() => Removal::Silent(delay),
                Read::Well(_) => Removal::Said,
            },
        };
        return removed(object, removal);
    }
    // 3.2
    if own.push.is_some() {
        return Wish::Leave;
    }
    // 3.3
    let Some((namespace, name)) = &own.from else { return Wish::Leave };
    let source = Id::new(target.resource, namespace, name);
    let type_ = object.type_.as_deref();
    let part = Part::new(own.texts.get("replicate-keys"), type_, false).within(cluster, flags, &source, type_);
    let receiver =
        Receiver { target, object: Some(object), own: &own, once: own.once, holds: own.holds_a_copy(), part };
    // Followed again, or removed at last: an approval was for that.
    let mut notes = BTreeMap::from([("removal-approved", Note::Absent)]);
    let (data, removal) = match pull(cluster, flags, &source, &receiver) {
        Pulled::Nothing => return Wish::Leave,
        // SPEC 7: a target that never received anything keeps its own data.
        Pulled::Cleared(_) if !own.ever_received() => return Wish::Leave,
        Pulled::Cleared(silent) => {
            pull::cleared(&mut notes);
            let delay = delay_of_pull(cluster, flags, &own, &source);
            (Wanted::Minimal, Some(if silent { Removal::Silent(delay) } else { Removal::Said }))
        }
        Pulled::Held { allowed, data } => {
            notes.insert("replicated-from-allowed", allowed);
            (data, None)
        }
        Pulled::Copied { data, notes: copied } => {
            notes.extend(copied);
            (data, None)
        }
    };
    notes.insert("replicated-at", Note::Any);
    // SPEC 9.5: one that is immutable belongs to its user. (Its data cannot be changed; whether its annotations follow is open.)
    let optional = object.immutable;
    Wish::Look(Box::new(Shape {
        type_: None,
        data,
        notes,
        carried: None,
        removal,
        anew: false,
        adopted: false,
        optional,
    }))
}

/// The annotations of the object with this key, if it exists and is well-formed.
fn read_at(cluster: &Cluster, flags: &Flags, resource: Resource, (namespace, name): &(String, String)) -> Option<Asks> {
    match read(cluster.get(&Id::new(resource, namespace, name))?, flags) {
        Read::Well(asks) => Some(*asks),
        Read::Nothing | Read::Ill(_) => None,
    }
}

/// SPEC 11.7: of one that is missing or ill-formed it is not known.
fn is_paused(cluster: &Cluster, flags: &Flags, resource: Resource, key: &Option<(String, String)>) -> bool {
    key.as_ref().and_then(|key| read_at(cluster, flags, resource, key)).is_some_and(|asks| asks.paused)
}

/// Whatever names people use: every object that exists, and all that pushes name in a namespace that exists.
#[must_use]
pub fn all_targets(cluster: &Cluster, flags: &Flags) -> BTreeSet<Id> {
    let is_replicated = |id: &&Id| id.resource != Resource::Namespace;
    let mut targets: BTreeSet<Id> = cluster.keys().filter(is_replicated).cloned().collect();
    let namespaces: Vec<&Id> = cluster.keys().filter(|id| id.resource == Resource::Namespace).collect();
    for (id, object) in cluster.iter().filter(|(id, object)| is_replicated(id) && says_something_of_a_push(object)) {
        let Read::Well(asks) = read(object, flags) else { continue };
        for namespace in &namespaces {
            let named = asks.pushed_names().into_iter().map(|name| Id::new(id.resource, &namespace.name, name));
            targets.extend(named.filter(|target| asks.names(cluster, target)));
        }
    }
    targets
}

/// Every name that could be a target in the simulation: objects that exist, and names of pushes in every namespace.
#[must_use]
pub fn targets(cluster: &Cluster) -> Vec<Id> {
    let mut targets = Vec::new();
    let namespaces: Vec<&str> =
        cluster.keys().filter(|id| id.resource == Resource::Namespace).map(|id| &*id.name).collect();
    for resource in [Resource::Secret, Resource::ConfigMap] {
        let names = crate::world::users::NAMES;
        targets.extend(namespaces.iter().flat_map(|namespace| names.map(|name| Id::new(resource, namespace, name))));
    }
    targets
}
