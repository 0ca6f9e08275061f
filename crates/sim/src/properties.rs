//! TRUSTED: the properties that have to hold. Read this to know what the simulation proves.
//!
//! 1. **Safety.** Each write of a controller, as it took effect, is what SPEC wants in some state that the cluster had after the last watch
//!    event that the controller had received when it sent the write; or in the state that the controller sees: each object as its watch, or a
//!    later response, showed it last ([`is_allowed`], [`Known`]). Where it lists anew, where caches answer, with `--namespaces`, and after a
//!    lost event or a restore of etcd it may be any mixture of the states since that event. A replica that is removed because its source is
//!    missing, or without its annotations (*silent*), is removed only after the source was so for the whole removal delay, while the
//!    controller was running.
//! 2. **Convergence.** When faults have ended, every target is soon as SPEC wants it ([`not_as_wanted`]); where there were none, within
//!    seconds ([`PROMPTLY`]).
//! 3. **Quiescence.** Then nothing is written any more ([`crate::world`] looks at the last write), and nothing requested but what
//!    verification and watches need ([`MOST_AT_REST`]).
//! 4. **No hot loop.** No object costs more requests in a second, or a minute, than [`MOST_AT_ONCE`] and [`MOST_A_MINUTE`].
//! 5. **No silence.** A target that is not as wanted was reported, and is decided about again ([`LONGEST_SILENCE`]).
//! 6. **Secrecy.** No value stands anywhere but in data ([`shows_a_value`]).
//! 7. **Bounds.** No more requests of one kind wait for an answer than [`MOST_UNDER_WAY`], and no more targets stand in the queue than there are names
//!    ([`crate::world`] counts them).
//! 8. **Leadership.** With `--leader-elect` only the controller that the Lease names at that moment begins a write ([`may_begin`]).
//!    A write that is under way when another controller takes over may still take effect, within its preconditions, as *safety* judges it.
//! 9. **Harmless together.** Of two controllers with equal flags none takes back what the other wrote, time and again, while
//!    nobody else does anything ([`MOST_TAKEN_BACK`]).
//! 10. **Few at once.** With `--removal-limit` nothing is taken away while more than so many replicas are due because of one source, but what
//!     was approved; and what goes within the removal delay (at least 5 s) is not more either ([`crate::world`] counts it).
//! 11. **No target waits for others.** Whatever many targets need or suffer at once, a replica elsewhere is created soon
//!     ([`LONGEST_WAIT`]).
//! 12. **Nothing outside.** With `--namespaces` no request is about anything but the named Namespaces themselves and what is in them
//!     ([`may_ask`]). What SPEC wants then ([`wish`]) does not depend on anything outside.
//! 13. **Told.** An object whose annotations are ill-formed, or that pulls from a source which says no, was reported by the controllers that
//!     run, or by the one that leads ([`has_to_be_told`]).
//! 14. **Events.** Each is on an object that there was, says of nothing that it was done but what this controller did, and there are not
//!     more of them than [`most_events_of_one`] and [`most_events_of_all`] ([`crate::world`] looks at them).

mod safety;
mod shape;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::api::http::Request;
use crate::api::lease::Leases;
use crate::api::object::{Id, Object};
use crate::api::store::State;
use crate::api::write::missing;
use crate::spec::asks::{Read, read};
use crate::spec::namespaces::is_left_alone;
use crate::spec::{
    Cluster, Flags, Note, PREFIX, Removal, Shape, Wanted, Wish, is_made_by_controller, is_protected, targets, wish,
};
use crate::world::users::parts_of_values;

pub use safety::{Allowed, Gap, Known, Write, due, is_allowed, is_no_removal};
use shape::{has_note, has_shape};

/// Requests for one object within a second, beside those that every change and fault of that second may cause.
pub const MOST_AT_ONCE: usize = 10;
/// And so many more where reads are answered from caches: three attempts follow at once, each with a read that contradicts the answer to the
/// write (seed 317670).
pub const MORE_WITH_CACHES: usize = 2;
/// And so many for each of these.
pub const MOST_PER_STIMULUS: usize = 4;
/// Requests for one object within a minute in which nothing happens but what a rival or a refusal causes.
pub const MOST_A_MINUTE: usize = 60;
/// A target that waits is looked at again within this time.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(660);
/// A new replica is there within this time, whatever happens to so many others ([`CROWD`]) elsewhere. A message takes a millisecond.
pub const LONGEST_WAIT: Duration = Duration::from_millis(300);
/// The number of targets that have to be written, or whose writes hang, at once.
pub const CROWD: usize = 200;
/// Requests of one controller about targets of one kind that wait for their answers: 64, and a few to find out whether there is room again.
pub const MOST_UNDER_WAY: usize = 64 + 8;
/// All is as wanted so soon after the last fault.
pub const CONVERGES_WITHIN: Duration = Duration::from_secs(900);
/// Where nothing but users' work happened, all is as wanted so soon after it, but for what waits for the removal delay. (Work that is repeated
/// within seconds is followed less and less often, SPEC 9.14.)
pub const PROMPTLY: Duration = Duration::from_secs(10);
/// Requests for one object or list that each round of verification may cost while all is as wanted; and for what comes beside it (watches
/// that end and begin again) as many as two rounds.
pub const MOST_AT_REST: u64 = 3;
/// For so long nothing is written any more then.
pub const STAYS_FOR: Duration = Duration::from_secs(400);

/// Writes in a row that each take back what another controller wrote to the object. A few may be decided on what was so a moment ago.
/// (Nobody counts them where reads are answered from caches, or where etcd was restored: a watch that is ahead of it is noticed after
/// minutes. Nor where a watch event got lost, until the lists of verification have shown it, or a watch is away, or a Namespace that
/// `--namespaces` names was not read since it changed ([`NAMESPACES_READ_WITHIN`]): of two controllers one decides on what the other knows to be past.)
pub const MOST_TAKEN_BACK: usize = 3;
/// What goes because of one source counts together for so long at least (SPEC 11.2).
pub const SHORTEST_WINDOW: Duration = Duration::from_secs(5);
/// After etcd was restored a watch can be ahead of it, and delivers nothing: two watches that end in silence are enough to list again.
pub const RESTORE_NOTICED_WITHIN: Duration = Duration::from_secs(660);
/// After etcd was restored the Lease may name who held it then. Nobody relies on it for as long as a lease lasts.
pub const LEASE_LASTS: Duration = Duration::from_secs(15);

/// A change of a Namespace is known to a controller with `--namespaces` after this time: each is read every 30 s, and a quarter more at most.
pub const NAMESPACES_READ_WITHIN: Duration = Duration::from_secs(45);

/// Whether a request is about what `--namespaces` names: one of these Namespaces, to be read, or what is in it.
#[must_use]
pub fn may_ask(flags: &Flags, request: &Request) -> bool {
    let parts: Vec<&str> = request.path().split('/').skip(1).collect();
    match *parts.as_slice() {
        // The Lease is not what is replicated: it has a Role of its own, where it is.
        _ if flags.namespaces.is_empty() || Leases::is_about(request) => true,
        ["api", "v1", "namespaces", namespace] => request.method == "GET" && flags.covers(namespace),
        ["api", "v1", "namespaces", namespace, ..] => flags.covers(namespace),
        // On an object in it.
        ["apis", "events.k8s.io", "v1", "namespaces", namespace, "events", ..] => flags.covers(namespace),
        _ => false,
    }
}

/// Whether a controller of this name may begin a write, while the Lease names this holder.
#[must_use]
pub fn may_begin(identity: &str, holder: Option<&str>) -> bool {
    holder == Some(identity)
}

/// Whether a wish takes away what is there, and nobody approved.
fn is_limited(wish: &Wish, object: &Object, flags: &Flags) -> bool {
    let Read::Well(own) = read(object, flags) else { return false };
    let is_of_wanted = |shape: &Shape| match shape.notes.get("replicate-from") {
        // Of a combined object's replica: a copy of what it is to pull, with the same once.
        Some(from) => {
            let is_as = |name: &str, note: &Note| has_note(name, note, None, object, &[]);
            let once = shape.notes.get("replicate-once").is_none_or(|once| is_as("replicate-once", once));
            own.holds_a_copy() && is_as("replicate-from", from) && once
        }
        None => own.ever_received(),
    };
    !own.approved
        && match wish {
            Wish::Gone(_) => true,
            Wish::Look(shape) => shape.removal.is_some() && is_of_wanted(shape),
            Wish::Leave | Wish::Remade => false,
        }
}

/// Whether a replica has to be removed or emptied because its source is silent.
fn is_silent(wish: &Wish) -> bool {
    match wish {
        Wish::Gone(removal) => matches!(removal, Removal::Silent(_)),
        Wish::Look(shape) => matches!(shape.removal, Some(Removal::Silent(_))),
        Wish::Leave | Wish::Remade => false,
    }
}

/// The object that an annotation of another names as its source: `replicated-by`, `replicate-from`.
#[must_use]
pub fn named_by(object: &Object, name: &str) -> Option<Id> {
    let text = object.annotation(&format!("{PREFIX}{name}"))?.trim();
    let (namespace, name) = text.split_once('/').unwrap_or((&object.id.namespace, text));
    Some(Id::new(object.id.resource, namespace, name))
}

/// Whether a target may be held by the removal limit: so many have named its source, all in all. (Whether they were due at the same time
/// depends on the moments of which the controller knows; once they were, those that are left stay held, though they are few.)
fn is_held(history: &[(Duration, State)], state: &Cluster, flags: &Flags, target: &Id, wish: &Wish) -> bool {
    let (Some(limit), Some(object)) = (flags.removal_limit, state.get(target)) else { return false };
    if !is_limited(wish, object, flags) {
        return false;
    }
    const NAMES: [&str; 2] = ["replicated-by", "replicate-from"];
    let sources: Vec<Id> = NAMES.iter().filter_map(|name| named_by(object, name)).collect();
    let names =
        |object: &Object| NAMES.iter().filter_map(|name| named_by(object, name)).any(|id| sources.contains(&id));
    let all = history.iter().flat_map(|(_, state)| state.values()).filter(|object| names(object));
    all.map(|object| &object.id).collect::<BTreeSet<_>>().len() > limit
}

/// Every target that is not as SPEC wants it, and how it should be. `history`: all states that there were.
#[must_use]
pub fn not_as_wanted(history: &[(Duration, State)], state: &Cluster, flags: &Flags) -> Vec<(Id, String)> {
    let all = targets(state).into_iter();
    all.filter_map(|target| problem(history, state, flags, &target).map(|problem| (target, problem))).collect()
}

/// How a target should be, if it is not as SPEC wants it.
#[must_use]
pub fn problem(history: &[(Duration, State)], state: &Cluster, flags: &Flags, target: &Id) -> Option<String> {
    let object = state.get(target);
    let wish = wish(state, flags, target);
    let held_by = wish.clone();
    let problem = match wish {
        Wish::Leave | Wish::Gone(Removal::Silent(None)) => None,
        Wish::Gone(_) => Some("it should not be there".to_owned()),
        Wish::Remade => Some("it should be made anew".to_owned()),
        Wish::Look(shape) if shape.optional || shape.removal == Some(Removal::Silent(None)) => None,
        Wish::Look(shape) => match object {
            None => Some("it should be there".to_owned()),
            Some(object) if shape.adopted && !is_made_by_controller(object) => {
                Some("the controller should be an owner of replicated-by".to_owned())
            }
            Some(object) if has_shape(&shape, Some(object), object, &[]) => None,
            Some(_) => Some(format!("it should be {shape:?}")),
        },
    };
    problem.filter(|_| !is_held(history, state, flags, target, &held_by))
}

/// Whether what is wanted of a target is that something is taken away because its source is silent, which may wait.
#[must_use]
pub fn waits_for_its_delay(state: &State, flags: &Flags, target: &Id) -> bool {
    is_silent(&wish(state, flags, target))
}

/// Whether a target is as SPEC wants it, but for its data.
#[must_use]
pub fn differs_in_data_alone(state: &Cluster, flags: &Flags, target: &Id) -> bool {
    let (Wish::Look(mut shape), Some(object)) = (wish(state, flags, target), state.get(target)) else { return false };
    shape.data = Wanted::Kept;
    shape.notes.insert("replicated-from-version", Note::Any);
    has_shape(&shape, Some(object), object, &[])
}

/// Whether the API server can never accept what is wanted of a target: data without the keys that its type requires.
#[must_use]
pub fn is_refused_for_ever(state: &Cluster, flags: &Flags, target: &Id) -> bool {
    let Wish::Look(shape) = wish(state, flags, target) else { return false };
    let there = state.get(target).and_then(|object| object.type_.as_deref());
    let type_ = shape.type_.as_deref().or(there).unwrap_or_default();
    matches!(&shape.data, Wanted::Equal(data, _) if missing(type_, data).is_some())
}

/// Whether a text holds (the beginning of) a value that was put into some object's data.
#[must_use]
pub fn shows_a_value(text: &str) -> bool {
    // As it is, and in base64; of certificates and keys a part of any line.
    text.contains("s3cr3t")
        || text.contains("czNjcjN0")
        || parts_of_values().iter().any(|part| text.contains(part.as_str()))
}

/// Whether the controller has to report something about an object: its annotations are ill-formed (SPEC 2), or it pulls, for the first time,
/// from a source that explicitly does not let it (SPEC 5.2). (That data was taken away is reported as what was done.)
#[must_use]
pub fn has_to_be_told(state: &Cluster, flags: &Flags, object: &Object) -> bool {
    if !flags.covers(&object.id.namespace) {
        return false;
    }
    let own = match read(object, flags) {
        Read::Nothing => return false,
        Read::Ill(_) => return true,
        Read::Well(own) => own,
    };
    let pulls = own.by.is_none() && own.push.is_none() && !own.texts.contains_key("replicated-at");
    let Some((namespace, name)) = own.from.as_ref().filter(|_| pulls) else { return false };
    let source = Id::new(object.id.resource, namespace, name);
    // What is paused, left alone or protected is told for that, or not at all.
    let is_going = object.deleted.is_some() || !state.contains_key(&Id::of_namespace(&object.id.namespace));
    let is_left_alone =
        own.paused || is_going || is_left_alone(state, flags, &object.id.namespace) || is_protected(object);
    let Some(source) = state.get(&source).filter(|_| flags.covers(namespace) && !is_left_alone) else { return false };
    match read(source, flags) {
        Read::Well(asks) => asks.allowed == Some(false) && !asks.paused && !asks.unsure && !is_protected(source),
        Read::Nothing | Read::Ill(_) => false,
    }
}

/// One object has so many Events at once, and one more for each of these times.
const EVENTS_OF_ONE: (usize, Duration) = (25, Duration::from_secs(300));
/// The same for all objects together.
const EVENTS_OF_ALL: (usize, Duration) = (50, Duration::from_millis(100));

/// The most Events on one object that a controller writes within this time since its start.
#[must_use]
pub fn most_events_of_one(time: Duration) -> usize {
    most(EVENTS_OF_ONE, time)
}

/// The most Events in all.
#[must_use]
pub fn most_events_of_all(time: Duration) -> usize {
    most(EVENTS_OF_ALL, time)
}

fn most((at_once, one_in): (usize, Duration), time: Duration) -> usize {
    at_once + usize::try_from(time.as_nanos() / one_in.as_nanos()).unwrap_or(usize::MAX)
}
