//! TRUSTED: what SPEC wants of each target, as a slow and simple function of the whole cluster.
//!
//! This is a second reading of SPEC, for judging the first: it shares no code with `k8s-replicator-core`. It reads the model's
//! objects, never the controller's. [`wish`] answers for one target: `decide` says who decides about it, `install` what a push
//! wants of it, `pull` what a pull does; `asks` reads annotations; of SPEC 11 `namespaces` says what they select and accept, `keys`
//! which part of the data is meant, `carried` which labels are copied.

pub mod asks;
pub mod carried;
mod decide;
mod install;
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
use carried::Carried;
use keys::Part;

pub use decide::{all_targets, targets, wish};

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
    /// `--namespaces`; empty: all.
    pub namespaces: &'static [&'static str],
    /// `--create-with-labels`.
    pub created_with: &'static [(&'static str, &'static str)],
}

impl Flags {
    /// Whether the controller looks at this namespace at all.
    #[must_use]
    pub fn covers(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.contains(&namespace)
    }

    /// What of the cluster the controller sees: nothing follows from what lies outside of `--namespaces`.
    fn seen(&self, cluster: &Cluster) -> Cluster {
        let namespace =
            |id: &Id| if id.resource == Resource::Namespace { id.name.clone() } else { id.namespace.clone() };
        let seen = cluster.iter().filter(|(id, _)| self.covers(&namespace(id)));
        seen.map(|(id, object)| (id.clone(), Rc::clone(object))).collect()
    }
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
            namespaces: &[],
            created_with: &[],
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
    /// Something explicit: at once.
    Said,
    /// The source is missing, or has lost its annotations: after this time, or (`None`) never.
    Silent(Option<Duration>),
}

/// The wanted value of one annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// This value.
    Is(String),
    /// It has to be absent.
    Absent,
    /// A version of the source at which this part of its data was what the replica holds.
    VersionOf(Id, Box<Part>),
    /// A list with these items, in any order.
    Items(Vec<String>),
    /// Any value, or none.
    Any,
}

/// The wanted data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The data stays as it is.
    Kept,
    /// Nothing, or what the type requires at least (SPEC 7).
    Minimal,
    /// This: `data` and `binaryData`.
    Equal(Data, Data),
}

/// The wanted state of an object.
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
    /// Why data is taken away, if it is.
    pub removal: Option<Removal>,
    /// It is immutable: its data is taken away by making it anew (SPEC 9.5).
    pub anew: bool,
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
pub fn is_protected(object: &Object) -> bool {
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

/// SPEC 6: whether somebody else left this replica without any value; what a cleared object has to have (SPEC 7) is none. Of what only the
/// controller wrote nobody took anything.
fn was_emptied(object: &Object) -> bool {
    let is_cleared = is_minimal(object.type_.as_deref(), &object.data, &object.binary_data);
    (is_empty(object) || is_cleared) && !is_written_by_controller_alone(object)
}

/// Whether the controller is the only owner of the object's data: after a start it is believed (SPEC 9.15).
#[must_use]
pub fn is_written_by_controller_alone(object: &Object) -> bool {
    let owns = |manager: &Manager| {
        manager.fields.iter().any(|field| matches!(field, Field::Map(map) | Field::Entry(map, _) if DATA.contains(map)))
    };
    let mut owners = object.managers.iter().filter(|manager| owns(manager)).peekable();
    owners.peek().is_some() && owners.all(|manager| manager.name == MANAGER)
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

/// The keys of a certificate and its key.
const PAIR: [&str; 2] = ["tls.crt", "tls.key"];

/// Whether data has a value that is more than what a cleared object keeps.
fn gives_something(source: &Object, data: &Data, binary_data: &Data) -> bool {
    let has_value = data.values().chain(binary_data.values()).any(|value| !value.is_empty());
    has_value && !is_minimal(source.type_.as_deref(), data, binary_data)
}
