//! TRUSTED: what SPEC wants of each target, as a slow and simple function of the whole cluster.
//!
//! This is a second reading of SPEC, for judging the first: it shares no code with `k8s-replicator-core`. It reads the model's
//! objects, never the controller's. [`wish`] answers for one target; `asks` reads annotations, `pull` follows pulls; of SPEC 11
//! `namespaces` says what they select and accept, `keys` which part of the data is meant, `carried` which labels go along.

pub mod asks;
pub mod carried;
pub mod keys;
pub mod matcher;
pub mod namespaces;
pub mod pull;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::api::managed::{Field, Manager};
use crate::api::object::{Data, Id, Object, Resource};

use asks::{Asks, Read, read};
use carried::{Carried, carried};
use keys::Part;
use namespaces::{accepts, is_left_alone};
use pull::{Pulled, Receiver, pull};

/// All objects.
pub type Cluster = BTreeMap<Id, Rc<Object>>;

/// What the flags of the controller say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flags {
    /// `--allow-all`.
    pub allow_all: bool,
    /// `--ignore-unknown`.
    pub ignore_unknown: bool,
    /// `--removal-delay`.
    pub removal_delay: Duration,
    /// `--hold-incomplete-tls`.
    pub hold_incomplete_tls: bool,
    /// `--exclude-namespaces`.
    pub exclude_namespaces: &'static str,
    /// `--require-acceptance`.
    pub require_acceptance: bool,
    /// `--removal-limit`.
    pub removal_limit: Option<usize>,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            allow_all: false,
            ignore_unknown: false,
            removal_delay: Duration::from_secs(5),
            hold_incomplete_tls: true,
            exclude_namespaces: "",
            require_acceptance: false,
            removal_limit: None,
        }
    }
}

/// The annotations' prefix in every simulation.
pub const PREFIX: &str = "k8s-replicator/";
/// The field manager of the controller, and of v1.3.0.
pub const MANAGER: &str = "k8s-replicator";

/// Why something is taken away, which decides when (SPEC 11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It was said outright: at once.
    Said,
    /// The source is missing, or says nothing any more: after this time, or (`None`) never.
    Silent(Option<Duration>),
}

/// What is wanted of one annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// This value.
    Is(String),
    /// That it is not there.
    Absent,
    /// A version of the source at which this part of its data was what the replica holds.
    VersionOf(Id, Box<Part>),
    /// A list with these items, in any order.
    Items(Vec<String>),
    /// Whatever.
    Any,
}

/// What is wanted of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// That it stays.
    Kept,
    /// Nothing, or what the type requires at least (SPEC 7).
    Minimal,
    /// This: `data` and `binaryData`.
    Equal(Data, Data),
}

/// How an object has to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// `type`; `None`: as it is.
    pub type_: Option<String>,
    /// The data.
    pub data: Wanted,
    /// The annotations under the prefix, by name; what is not listed stays as it is.
    pub notes: BTreeMap<&'static str, Note>,
    /// The labels and annotations of others that it is to have; `None`: it keeps what it has.
    pub carried: Option<Carried>,
    /// When data is taken away: why.
    pub removal: Option<Removal>,
    /// The controller has to become an owner of `replicated-by` (SPEC 3.1).
    pub adopted: bool,
    /// Whether it may as well stay as it is.
    pub optional: bool,
}

/// What SPEC wants of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// It is not to be written, whether it exists or not.
    Leave,
    /// It is not to exist.
    Gone(Removal),
    /// It is to be made anew, with another type or since it is immutable (SPEC 9.5).
    Remade,
    /// It is to look like this, and is made if it does not exist.
    Look(Box<Shape>),
}

/// Types that are never a source and never a target (SPEC 7).
fn is_protected(object: &Object) -> bool {
    object.type_.as_deref().is_some_and(is_protected_type)
}

fn is_protected_type(type_: &str) -> bool {
    matches!(type_, "kubernetes.io/service-account-token" | "bootstrap.kubernetes.io/token")
}

/// Whether the controller made this replica (SPEC 3.1): it is among the owners of `replicated-by`, or nobody is.
#[must_use]
pub fn is_made_by_controller(object: &Object) -> bool {
    let mut owners = object.managers.iter().filter(|manager| manager.fields.contains(&replicated_by())).peekable();
    owners.peek().is_none() || owners.any(|manager| manager.name == MANAGER)
}

fn replicated_by() -> Field {
    Field::Entry("annotations", format!("{PREFIX}replicated-by"))
}

/// Whether data is what a cleared object of this type has (SPEC 7).
#[must_use]
pub fn is_minimal(type_: Option<&str>, data: &Data, binary_data: &Data) -> bool {
    let is = |entries: &[(&str, &str)]| data.iter().map(|(key, value)| (&**key, &**value)).eq(entries.iter().copied());
    binary_data.is_empty()
        && match type_ {
            Some("kubernetes.io/tls") => is(&[("tls.crt", ""), ("tls.key", "")]),
            Some("kubernetes.io/ssh-auth") => is(&[("ssh-privatekey", "ZW1wdHk=")]),
            Some("kubernetes.io/dockerconfigjson") => is(&[(".dockerconfigjson", "e30=")]),
            Some("kubernetes.io/dockercfg") => is(&[(".dockercfg", "e30=")]),
            Some("kubernetes.io/basic-auth") => {
                data.len() == 2 && data.get("username").is_some_and(String::is_empty) && data.contains_key("password")
            }
            _ => data.is_empty(),
        }
}

/// SPEC 6: whether somebody else left this replica without any value. Of what only the controller wrote nobody took anything.
fn was_emptied(object: &Object) -> bool {
    let owns = |manager: &Manager| {
        manager.fields.iter().any(|field| matches!(field, Field::Map(map) | Field::Entry(map, _) if DATA.contains(map)))
    };
    let mut owners = object.managers.iter().filter(|manager| owns(manager)).peekable();
    let is_the_controllers = owners.peek().is_some() && owners.all(|manager| manager.name == MANAGER);
    is_empty(object) && !is_the_controllers
}

const DATA: [&str; 2] = ["data", "binaryData"];

/// Whether it has no key that is not empty.
fn is_empty(object: &Object) -> bool {
    object.data.values().chain(object.binary_data.values()).all(String::is_empty)
}

/// Whether a source is held since its certificate is half-issued (SPEC 11.9). In the simulation a pair is whole when both
/// parts end alike: see `world::users::certificate`.
#[must_use]
pub fn is_half_issued(source: &Object, flags: &Flags) -> bool {
    if source.type_.as_deref() != Some("kubernetes.io/tls") || !flags.hold_incomplete_tls {
        return false;
    }
    let part = |key: &str| source.data.get(key).map(String::as_str).unwrap_or_default();
    let (certificate, key) = (part("tls.crt"), part("tls.key"));
    certificate.is_empty() || key.is_empty() || crate::world::users::is_mismatched(certificate, key)
}

/// Reading all that others say would only take longer.
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
    // One that is paused keeps the name: what type it has is not asked.
    pushing.sort_by_key(|(id, object, asks)| {
        (!is_accepted(id), is_protected(object) && !asks.paused, object.created, id.key())
    });
    pushing
}

/// SPEC 3: who decides about this target, and what.
#[must_use]
pub fn wish(cluster: &Cluster, flags: &Flags, target: &Id) -> Wish {
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
    Wish::Look(Box::new(Shape { type_: None, data, notes, carried: None, removal, adopted: false, optional }))
}

/// What a well-formed object says.
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

/// SPEC 11.1: what the pulling target says of the delay counts, else what its source says.
fn delay_of_pull(cluster: &Cluster, flags: &Flags, own: &Asks, source: &Id) -> Option<Duration> {
    match cluster.get(source).map(|source| read(source, flags)) {
        Some(Read::Well(asks)) if !own.texts.contains_key("removal-delay") => removal_delay(flags, &asks),
        _ => removal_delay(flags, own),
    }
}

/// SPEC 11.1: the annotation on the replica (which inherits it) or on the pulling target, else the flag.
fn removal_delay(flags: &Flags, own: &Asks) -> Option<Duration> {
    match own.texts.get("removal-delay").map(|text| text.trim()) {
        Some("never") => None,
        Some(text) => Some(asks::seconds(text).unwrap_or(flags.removal_delay)),
        None => Some(flags.removal_delay),
    }
}

const INHERITED: [&str; 6] = [
    "replicate-once",
    "replication-allowed",
    "replication-allowed-namespaces",
    "replication-allowed-namespace-selector",
    "replication-allowed-keys",
    "removal-delay",
];

/// SPEC 4: install a source into a target.
fn install(
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
    let given = carried(object, asks);
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
    let mut shape = Shape { type_, data, notes, carried, removal: None, adopted, optional: false };

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
    // What was pulled for a source that was a combined one is no copy of its own data.
    let holds = own.holds_a_copy() && own.from.is_none();
    let version = |name: &str| asks.texts.get(name).filter(|text| own.texts.get(name) != Some(text));
    let asked_again = version("replicate-once-version").is_some();
    let emptied =
        was_emptied(there) && given.as_ref().is_some_and(|(data, binary)| gives_something(object, data, binary));
    let is_held = asks.once && holds && !asked_again && !emptied;
    let Some((data, binary_data)) = given.filter(|_| !is_held && !half) else {
        (shape.type_, shape.optional) = (None, half && !is_held);
        for name in ["replicated-from-version", "replicated-keys", "replicate-once-version"] {
            // What asks for one more copy goes on asking.
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

/// The keys of a certificate and its key.
const PAIR: [&str; 2] = ["tls.crt", "tls.key"];

/// Whether data has a value that is more than what a cleared object keeps.
fn gives_something(source: &Object, data: &Data, binary_data: &Data) -> bool {
    let has_value = data.values().chain(binary_data.values()).any(|value| !value.is_empty());
    has_value && !is_minimal(source.type_.as_deref(), data, binary_data)
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
    if object.is_some_and(|object| object.type_ != shape.type_) {
        return Wish::Remade;
    }
    // With another source, or another once, it holds no copy.
    let is_the_same = own.from == Some((from.namespace.clone(), from.name.clone())) && own.once == once;
    let type_ = shape.type_.as_deref();
    let part = Part::new(asks.texts.get("replicate-keys"), type_, asks.type_.is_some());
    let part = part.within(cluster, flags, from, type_);
    let receiver = Receiver { target, object, own, once, holds: own.holds_a_copy() && is_the_same, part };
    let immutable = object.is_some_and(|object| object.immutable);
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
            if immutable && !object.is_some_and(|it| is_minimal(it.type_.as_deref(), &it.data, &it.binary_data)) {
                return Wish::Remade;
            }
            let delay = delay_of_pull(cluster, flags, own, from);
            // What holds no copy has nothing that could be lost.
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

/// Every name that could be a target: objects that exist, and names of pushes in every namespace.
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
