//! TRUSTED: the properties that have to hold. Read this to know what the simulation proves.
//!
//! 1. **Safety.** Each write of a controller, as it took effect, is what SPEC wants in some state that the cluster really had; nothing of
//!    that state is older than what the controller's watches had delivered when it sent the write ([`is_allowed`], [`Known`]). A
//!    replica that is removed because its source is missing, or without its annotations (*silent*), is removed only after the source
//!    was so for the whole removal delay, while the controller was running.
//! 2. **Convergence.** When faults have ended, every target is soon as SPEC wants it ([`not_as_wanted`]); where there were none, within
//!    seconds ([`PROMPTLY`]).
//! 3. **Quiescence.** Then nothing is written any more ([`crate::world`] looks at the last write), and nothing requested but what
//!    verification and watches need ([`MOST_AT_REST`]).
//! 4. **No hot loop.** No object costs more requests in a second, or a minute, than [`MOST_AT_ONCE`] and [`MOST_A_MINUTE`].
//! 5. **No silence.** A target that is not as wanted was reported, and is decided about again ([`LONGEST_SILENCE`]).
//! 6. **Secrecy.** No value stands anywhere but in data ([`shows_a_value`]).
//! 7. **Bounds.** No more requests wait for an answer than [`MOST_UNDER_WAY`], and no more targets stand in the queue than there are names
//!    ([`crate::world`] counts them).
//! 8. **Leadership.** With `--leader-elect` only the controller that the Lease names at that moment begins a write ([`may_begin`]).
//!    So no two write at once: what is under way has its preconditions.
//! 9. **Harmless together.** Of two controllers with equal flags none takes back what the other wrote, time and again, while
//!    nobody else does anything ([`MOST_TAKEN_BACK`]).
//! 10. **Few at once.** With `--removal-limit` nothing is taken away while more than so many replicas are due because of one source, but what
//!     was approved; and what goes within the removal delay (at least 5 s) is not more either ([`crate::world`] counts it).
//! 11. **No target waits for others.** Whatever many targets need or suffer at once, a replica elsewhere is created soon
//!     ([`LONGEST_WAIT`]).
//! 12. **Nothing outside.** With `--namespaces` no request is about anything but the named Namespaces themselves and what is in them
//!     ([`may_ask`]). What SPEC wants then ([`wish`]) does not depend on anything outside.
//! 13. **Told.** An object whose annotations ask for what is refused was reported by the controller that runs ([`has_to_be_told`]).
//! 14. **Events.** Each is on an object that there was, says of nothing that it was done but what this controller did, and there are not
//!     more of them than [`most_events_of_one`] and [`most_events_of_all`] ([`crate::world`] looks at them).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use crate::api::http::Request;
use crate::api::lease::Leases;
use crate::api::object::{Id, Object, Resource};
use crate::api::store::State;
use crate::api::write::missing;
use crate::spec::asks::{Read, items, read};
use crate::spec::carried::noted;
use crate::spec::namespaces::is_left_alone;
use crate::spec::{
    Cluster, Flags, Note, PREFIX, Removal, Shape, Wanted, Wish, is_made_by_controller, is_minimal, is_protected,
    targets, wish,
};
use crate::world::users::parts_of_values;

/// Requests for one object within a second, beside those that every change and fault of that second may cause.
pub const MOST_AT_ONCE: usize = 12;
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
/// Requests of one controller about targets that wait for their answers: 64, and a few to find out whether there is room again.
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
/// (Nobody counts them where etcd was restored: a watch that is ahead of it is noticed after minutes. Nor where a watch event got lost,
/// until the lists of verification have shown it, or a watch is away, or a Namespace that `--namespaces` names was not read since it changed
/// ([`NAMESPACES_READ_WITHIN`]): of two controllers one decides on what the other knows to be past.)
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

/// What a controller knows for certain: the positions in the history of the newest states of which a watch delivered something to it. It
/// decides by nothing that is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    namespaces: usize,
    secrets: usize,
    config_maps: usize,
}

impl Known {
    /// Nothing that is older than this state.
    #[must_use]
    pub fn all_from(position: usize) -> Self {
        Self { namespaces: position, secrets: position, config_maps: position }
    }

    /// The watch of this resource has delivered something of this state.
    pub fn reaches(&mut self, resource: Resource, position: usize) {
        let known = match resource {
            Resource::Namespace => &mut self.namespaces,
            Resource::Secret => &mut self.secrets,
            Resource::ConfigMap => &mut self.config_maps,
        };
        *known = position.max(*known);
    }

    /// Up to which position the watch of this resource has delivered something.
    #[must_use]
    pub fn of(&self, resource: Resource) -> usize {
        match resource {
            Resource::Namespace => self.namespaces,
            Resource::Secret => self.secrets,
            Resource::ConfigMap => self.config_maps,
        }
    }

    /// The states of objects of this resource by which the controller may decide.
    fn states<'h>(&self, history: &'h [(Duration, State)], resource: Resource) -> &'h [(Duration, State)] {
        &history[self.of(resource).min(history.len() - 1)..]
    }
}

/// A write of a controller that took effect.
#[derive(Clone, Copy)]
pub struct Write<'a> {
    /// When.
    pub at: Duration,
    /// What it was about.
    pub target: &'a Id,
    /// The object before.
    pub before: Option<&'a Rc<Object>>,
    /// The object after.
    pub after: Option<&'a Rc<Object>>,
    /// When the controller was started.
    pub started: Duration,
    /// What this controller knew for certain when it sent the write.
    pub known: Known,
    /// What it may never have seen.
    pub gaps: &'a [Gap],
    /// Its flags.
    pub flags: &'a Flags,
}

/// What kind of write it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// It removes or empties a replica that is not approved.
    Removal,
    /// Anything else.
    Other,
}

/// Whether SPEC wants this write in some state that there was, and as what.
#[must_use]
pub fn is_allowed(history: &[(Duration, State)], write: &Write<'_>) -> Option<Allowed> {
    let seen = write.known.states(history, write.target.resource);
    let of_namespaces = write.known.states(history, Resource::Namespace);
    let with_target_as_it_was = |cluster: &Cluster| {
        let mut cluster = cluster.clone();
        match write.before {
            Some(object) => drop(cluster.insert(write.target.clone(), object.clone())),
            None => drop(cluster.remove(write.target)),
        }
        cluster
    };
    let source = write.before.and_then(|before| silent_source(before, write));
    let versions_of_source = source.as_ref().map(|source| placed_versions(history, source)).unwrap_or_default();
    // The delay counts from when the source fell silent, whatever became of other objects since, and of itself while it was silent.
    let silent_since = |at: Duration, cluster: &Cluster| {
        let Some(source) = &source else { return at };
        // What an object that pulls from itself says changes what it wants, and not since when it gives itself nothing.
        if source == write.target {
            return Duration::ZERO;
        }
        let (mut before, mut since, mut until) = (cluster.clone(), at, usize::MAX);
        for (position, (began, object)) in versions_of_source.iter().skip_while(|(_, (began, _))| *began > at) {
            put(&mut before, source, object.map(unpaused).as_ref());
            if let Some(above) = object.and_then(|object| named_by(object, "replicate-from")) {
                let above_unpaused = before.get(&above).map(unpaused);
                put(&mut before, &above, above_unpaused.as_ref());
            }
            if is_silent(&wish(&before, write.flags, write.target)) {
                since = *began;
            } else if !is_in_a_gap(write.gaps, source, *position, until) {
                break;
            }
            until = *position;
        }
        since
    };
    let wanted = |at: Duration, cluster: &Cluster| {
        let wish = wish(cluster, write.flags, write.target);
        let adopts = matches!(&wish, Wish::Remade) || matches!(&wish, Wish::Look(shape) if shape.adopted);
        if adopts && is_adoption(write) {
            return Some(Allowed::Other);
        }
        let removes = limited_removal(&wish, write);
        let is_due = |removal: Removal| is_due(removal, silent_since(at, cluster), write);
        let is_wanted = match &wish {
            Wish::Gone(removal) if !is_due(*removal) => false,
            Wish::Look(shape) if shape.removal.is_some_and(|removal| removal != Removal::Said) => {
                // Until the delay is over the data stays; each controller counts it from when it saw the silence begin.
                let kept = Wish::Look(Box::new(without_removal(shape)));
                if makes_it_so(&kept, write.before, write.after, seen) {
                    return Some(Allowed::Other);
                }
                shape.removal.is_some_and(is_due) && makes_it_so(&wish, write.before, write.after, seen)
            }
            wish => makes_it_so(wish, write.before, write.after, seen),
        };
        match removes.filter(|_| is_wanted) {
            None => is_wanted.then_some(Allowed::Other),
            // The controller may know older or newer states of the other replicas, and of their namespaces.
            Some(source) => {
                let is_allowed = |state: &State, namespaces: &State| {
                    let is_namespace = |id: &Id| id.resource == Resource::Namespace;
                    let mut view: Cluster = (**namespaces).clone();
                    view.retain(|id, _| is_namespace(id));
                    view.extend(
                        state.iter().filter(|(id, _)| !is_namespace(id)).map(|(k, v)| (k.clone(), Rc::clone(v))),
                    );
                    for id in [&source, &Id::of_namespace(&write.target.namespace), write.target] {
                        put(&mut view, id, cluster.get(id));
                    }
                    write.flags.removal_limit.is_none_or(|limit| due(&view, write.flags, &source).len() <= limit)
                };
                let mut states = of_namespaces
                    .iter()
                    .rev()
                    .flat_map(|(_, namespaces)| seen.iter().rev().map(move |(_, state)| (state, namespaces)));
                states.any(|(state, namespaces)| is_allowed(state, namespaces)).then_some(Allowed::Removal)
            }
        }
    };
    let whole = if seen.len() < of_namespaces.len() { seen } else { of_namespaces };
    if let Some(allowed) = whole.iter().rev().find_map(|(at, state)| wanted(*at, &with_target_as_it_was(state))) {
        return Some(allowed);
    }
    // A controller may know different objects at different moments.
    let concerned = concerned(seen, write);
    let versions: Vec<Vec<Version<'_>>> =
        concerned.iter().map(|id| versions(write.known.states(history, id.resource), id)).collect();
    let mut cluster = with_target_as_it_was(&seen[seen.len() - 1].1);
    combinations(&versions).find_map(|choice| {
        let mut since = write.at;
        for (id, (began, object)) in concerned.iter().zip(choice) {
            put(&mut cluster, id, object);
            if source.as_ref() == Some(id) {
                since = began;
            }
        }
        wanted(since, &cluster)
    })
}

/// The source because of which a wish takes something away, where that is limited (SPEC 11.2) and not approved.
fn limited_removal(wish: &Wish, write: &Write<'_>) -> Option<Id> {
    write.flags.removal_limit?;
    // What is being deleted already does not count.
    let before = write.before.filter(|before| before.deleted.is_none())?;
    is_limited(wish, before, write.flags).then(|| silent_source(before, write)).flatten()
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

/// SPEC 11.2: the targets from which something is to be taken away because of a source, now or after the delay, and that are not approved.
#[must_use]
pub fn due(cluster: &Cluster, flags: &Flags, source: &Id) -> Vec<Id> {
    let names_it = |object: &Object, name: &str| named_by(object, name).as_ref() == Some(source);
    let is_due = |target: &Id| {
        let Some(object) = cluster.get(target).filter(|object| object.deleted.is_none()) else { return false };
        let wish = wish(cluster, flags, target);
        let is_because = match &wish {
            Wish::Gone(removal) => names_it(object, "replicated-by") && *removal != Removal::Silent(None),
            Wish::Look(shape) => {
                names_it(object, "replicate-from")
                    && shape.removal.is_some_and(|removal| removal != Removal::Silent(None))
            }
            Wish::Leave | Wish::Remade => false,
        };
        is_because && is_limited(&wish, object, flags)
    };
    targets(cluster).into_iter().filter(|target| target.resource == source.resource && is_due(target)).collect()
}

fn put(cluster: &mut Cluster, id: &Id, object: Option<&Rc<Object>>) {
    match object {
        Some(object) => drop(cluster.insert(id.clone(), Rc::clone(object))),
        None => drop(cluster.remove(id)),
    }
}

/// A source that is paused, or pulls from one that is, may be silent all the same.
fn unpaused(object: &Rc<Object>) -> Rc<Object> {
    let key = format!("{PREFIX}paused");
    match object.annotations.contains_key(&key) {
        false => Rc::clone(object),
        true => {
            let mut object = (**object).clone();
            object.annotations.remove(&key);
            Rc::new(object)
        }
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

/// The source whose silence takes something from this object: its creator's, if it is deleted, or emptied while a finalizer holds it, else
/// that of its pull.
fn silent_source(before: &Object, write: &Write<'_>) -> Option<Id> {
    let of_pull = write.after.and_then(|_| named_by(before, "replicate-from"));
    of_pull.or_else(|| named_by(before, "replicated-by"))
}

/// The object that one of these annotations of another names.
fn named_by(object: &Object, name: &str) -> Option<Id> {
    let text = object.annotation(&format!("{PREFIX}{name}"))?.trim();
    let (namespace, name) = text.split_once('/').unwrap_or((&object.id.namespace, text));
    Some(Id::new(object.id.resource, namespace, name))
}

/// The objects on which the decision about a target depends: its source, the source's source, and so on; and its namespace.
fn concerned(seen: &[(Duration, State)], write: &Write<'_>) -> Vec<Id> {
    const MOST: usize = 8;
    let mut concerned = vec![Id::of_namespace(&write.target.namespace)];
    // Sources that compete for the name.
    for (_, state) in seen.iter().filter(|_| write.before.is_none()) {
        for (id, object) in state.iter().filter(|(id, _)| id.resource == write.target.resource) {
            let is_new = concerned.len() < MOST && !concerned.contains(id);
            if is_new && matches!(read(object, write.flags), Read::Well(asks) if asks.names(state, write.target)) {
                concerned.push(id.clone());
            }
        }
    }
    let mut open: Vec<&Rc<Object>> = write.before.into_iter().chain(write.after).collect();
    while let Some(object) = open.pop() {
        for name in ["replicated-by", "replicate-from"] {
            let Some(text) = object.annotation(&format!("{PREFIX}{name}")) else { continue };
            let (namespace, name) = text.trim().split_once('/').unwrap_or((&object.id.namespace, text.trim()));
            let id = Id::new(write.target.resource, namespace, name);
            if id != *write.target && !concerned.contains(&id) && concerned.len() < MOST {
                open.extend(versions(seen, &id).into_iter().filter_map(|(_, object)| object));
                concerned.push(id);
            }
        }
    }
    concerned
}

/// A state of an object (`None`: it did not exist), and since when.
type Version<'s> = (Duration, Option<&'s Rc<Object>>);

/// Positions in the history between which a controller may have seen nothing of a resource: its watch broke, and a list showed what there
/// was then. Or of one object: a response showed it before the watch did, whose older events say nothing new then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Of which resource.
    pub resource: Resource,
    /// Of this object alone.
    pub one: Option<Id>,
    /// It had seen this state,
    pub after: usize,
    /// and then this one.
    pub shown: usize,
}

/// Whether nobody who had these gaps can have seen a state of an object that lasted from one position to before another.
fn is_in_a_gap(gaps: &[Gap], id: &Id, from: usize, until: usize) -> bool {
    let is_of = |gap: &&Gap| gap.resource == id.resource && gap.one.as_ref().is_none_or(|one| one == id);
    gaps.iter().filter(is_of).any(|gap| gap.after < from && until <= gap.shown)
}

/// The states of an object, the newest first.
fn versions<'s>(seen: &'s [(Duration, State)], id: &Id) -> Vec<Version<'s>> {
    placed_versions(seen, id).into_iter().map(|(_, version)| version).collect()
}

/// The same, each with the position at which it begins.
fn placed_versions<'s>(seen: &'s [(Duration, State)], id: &Id) -> Vec<(usize, Version<'s>)> {
    let of = |(position, (at, state)): (usize, &'s (Duration, State))| (position, (*at, state.get(id)));
    let mut versions: Vec<(usize, Version<'s>)> = seen.iter().enumerate().map(of).collect();
    versions.dedup_by(|(_, (_, one)), (_, (_, other))| one.map(Rc::as_ptr) == other.map(Rc::as_ptr));
    versions.reverse();
    versions
}

fn combinations<T: Copy>(choices: &[Vec<T>]) -> impl Iterator<Item = Vec<T>> {
    const MOST: usize = 100_000;
    let count: usize = choices.iter().map(Vec::len).product();
    (0..count.min(MOST)).map(move |mut number| {
        let pick = |choice: &Vec<T>| {
            let picked = choice[number % choice.len()];
            number /= choice.len();
            picked
        };
        choices.iter().map(pick).collect()
    })
}

/// SPEC 11.1: what is silent is removed only when it was so for the delay.
fn is_due(removal: Removal, since: Duration, write: &Write<'_>) -> bool {
    match removal {
        Removal::Silent(None) => false,
        Removal::Silent(Some(delay)) => since + delay <= write.at && write.started + delay <= write.at,
        Removal::Said => true,
    }
}

/// The same shape, without taking the data away: what may be written while the removal waits.
fn without_removal(shape: &Shape) -> Shape {
    let mut shape = Shape { data: Wanted::Kept, removal: None, ..shape.clone() };
    shape.notes.extend(crate::spec::pull::WRITTEN.map(|name| (name, Note::Any)));
    shape.notes.insert("removal-approved", Note::Any);
    shape
}

/// Whether a write does what is wanted.
fn makes_it_so(
    wish: &Wish,
    before: Option<&Rc<Object>>,
    after: Option<&Rc<Object>>,
    seen: &[(Duration, State)],
) -> bool {
    match (wish, after) {
        (Wish::Leave, _) | (Wish::Gone(_) | Wish::Remade, Some(_)) | (Wish::Look(_), None) => false,
        (Wish::Gone(_) | Wish::Remade, None) => true,
        (Wish::Look(shape), Some(after)) => has_shape(shape, before, after, seen),
    }
}

/// Only the ownership of `replicated-by` changes, and the controller becomes an owner (SPEC 3.1).
fn is_adoption(write: &Write<'_>) -> bool {
    let (Some(before), Some(after)) = (write.before, write.after) else { return false };
    let same = Object { managers: after.managers.clone(), version: after.version, ..(**before).clone() };
    same == **after && !is_made_by_controller(before) && is_made_by_controller(after)
}

fn has_shape(shape: &Shape, before: Option<&Rc<Object>>, after: &Object, seen: &[(Duration, State)]) -> bool {
    let type_ = after.type_.as_deref();
    let data = match &shape.data {
        Wanted::Kept => before.is_some_and(|before| has_same_data(before, after)),
        Wanted::Minimal => is_minimal(type_, &after.data, &after.binary_data),
        Wanted::Equal(data, binary_data) => after.data == *data && after.binary_data == *binary_data,
    };
    let kept = |before: &Object| {
        before.uid == after.uid && before.finalizers == after.finalizers && before.immutable == after.immutable
    };
    data && shape.type_.as_deref().is_none_or(|wanted| Some(wanted) == type_)
        && before.is_none_or(|before| kept(before))
        && has_of_others(shape, before, after)
        && shape.notes.iter().all(|(name, note)| has_note(name, note, before, after, seen))
}

/// Whether the labels, and the annotations that the shape does not speak of, are as they were; but for those that the controller sets
/// (SPEC 11.6): these are as they are wanted, and those that it had set before and that are not wanted any more are gone, or as they are
/// on a new replica.
fn has_of_others(shape: &Shape, before: Option<&Rc<Object>>, after: &Object) -> bool {
    let is_free = |key: &str| key.strip_prefix(PREFIX).is_none_or(|name| !shape.notes.contains_key(name));
    let others = |object: &Object| -> BTreeMap<String, Vec<u8>> {
        object.annotations.iter().filter(|(key, _)| is_free(key)).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    let (mut labels, mut annotations) =
        before.map_or_else(Default::default, |before| (before.labels.clone(), others(before)));
    if let Some(carried) = &shape.carried {
        match before {
            None => labels.extend(carried.created_with.clone()),
            Some(before) => {
                for key in noted(before, "replicated-labels") {
                    if labels.remove(&key).is_some() {
                        labels.extend(carried.created_with.get(&key).map(|value| (key, value.clone())));
                    }
                }
                noted(before, "replicated-annotations").iter().for_each(|key| drop(annotations.remove(key)));
            }
        }
        labels.extend(carried.labels.clone());
        annotations.extend(carried.annotations.clone());
    }
    before.is_none() && shape.carried.is_none() || after.labels == labels && others(after) == annotations
}

fn has_same_data(one: &Object, other: &Object) -> bool {
    one.data == other.data && one.binary_data == other.binary_data
}

fn has_note(name: &str, note: &Note, before: Option<&Rc<Object>>, after: &Object, seen: &[(Duration, State)]) -> bool {
    let key = format!("{PREFIX}{name}");
    let value = after.annotation(&key);
    match note {
        Note::Any => true,
        Note::Absent => !after.annotations.contains_key(&key),
        Note::Is(text) => value == Some(&**text),
        Note::Items(wanted) => value.is_some_and(|text| {
            let (mut wanted, mut there) = (wanted.clone(), items(text));
            wanted.sort();
            there.sort();
            wanted == there
        }),
        Note::VersionOf(source, part) => {
            let is_same = |object: &Object| match part.of(&object.data, &object.binary_data) {
                Some((data, binary_data)) => data == after.data && binary_data == after.binary_data,
                None => false,
            };
            let is_it = |object: &Rc<Object>| value == Some(&*object.version.to_string()) && is_same(object);
            // It may name an older version with the same data (SPEC 9.3), and what others wrote stays if the data is right.
            let stays = before.is_some_and(|before| before.annotation(&key) == value && has_same_data(before, after));
            value.is_some() && (stays || seen.iter().any(|(_, state)| state.get(source).is_some_and(is_it)))
        }
    }
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
    let mut wrong = Vec::new();
    for target in targets(state) {
        let object = state.get(&target);
        let wish = wish(state, flags, &target);
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
        let problem = problem.filter(|_| !is_held(history, state, flags, &target, &held_by));
        wrong.extend(problem.map(|problem| (target, problem)));
    }
    wrong
}

/// Whether what is wanted of a target is that something is taken away because its source is silent, which may wait.
#[must_use]
pub fn waits_for_its_delay(state: &Cluster, flags: &Flags, target: &Id) -> bool {
    is_silent(&wish(state, flags, target))
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
    let is_deleted = object.deleted.is_some();
    let is_left_alone =
        own.paused || is_deleted || is_left_alone(state, flags, &object.id.namespace) || is_protected(object);
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
