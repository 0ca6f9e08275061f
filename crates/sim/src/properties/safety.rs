//! TRUSTED: which writes SPEC allows: each is judged against every state that its controller may have known.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use super::shape::has_shape;
use super::{is_limited, is_silent, named_by};
use crate::api::object::{Id, Object, Resource};
use crate::api::store::State;
use crate::spec::asks::{Read, read};
use crate::spec::{Cluster, Flags, Note, PREFIX, Removal, Shape, Wanted, Wish, is_made_by_controller, targets, wish};

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
    /// It knows each object as its watch delivered it last, or as a response showed it since; not what lists show while they are made anew, what
    /// caches answer, and what it learns of a restore of etcd.
    pub has_watches: bool,
    /// Its flags.
    pub flags: &'a Flags,
}

/// What kind of write it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// It removes or empties a replica that is not approved, because of this source.
    Removal(Id),
    /// Anything else.
    Other,
}

/// Whether SPEC wants this write in some state that there was, and as what.
#[must_use]
pub fn is_allowed(history: &[(Duration, State)], write: &Write<'_>) -> Option<Allowed> {
    is_allowed_as(history, write, |_| true)
}

/// Whether SPEC wants this write in some state for another reason than to remove a replica: one that has to be made anew, as another type,
/// is deleted too, and the limit does not count it (seed 3006360).
#[must_use]
pub fn is_no_removal(history: &[(Duration, State)], write: &Write<'_>) -> bool {
    is_allowed_as(history, write, |allowed| *allowed == Allowed::Other).is_some()
}

fn is_allowed_as(
    history: &[(Duration, State)],
    write: &Write<'_>,
    accepts: impl Fn(&Allowed) -> bool,
) -> Option<Allowed> {
    let sources = silent_sources(write);
    sources.into_iter().find_map(|source| is_allowed_because(history, write, source, &accepts))
}

/// The same; `source`: the one whose silence may take something from the target.
fn is_allowed_because(
    history: &[(Duration, State)],
    write: &Write<'_>,
    source: Option<Id>,
    accepts: impl Fn(&Allowed) -> bool,
) -> Option<Allowed> {
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
        if !is_because_of(&wish, source.as_ref(), write) {
            return None;
        }
        let removes = source.as_ref().filter(|_| is_limited_removal(&wish, write)).cloned();
        let is_due = |removal: Removal| is_due(removal, silent_since(at, cluster), write);
        let is_wanted = match &wish {
            Wish::Gone(removal) if !is_due(*removal) => false,
            Wish::Look(shape) if shape.removal.is_some_and(|removal| removal != Removal::Said || removes.is_some()) => {
                // Until the delay is over, or while the limit holds it, the data stays; each controller counts the delay from when it saw
                // the silence begin.
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
                states.any(|(state, namespaces)| is_allowed(state, namespaces)).then_some(Allowed::Removal(source))
            }
        }
    };
    let whole = if seen.len() < of_namespaces.len() { seen } else { of_namespaces };
    if let Some(allowed) =
        whole.iter().rev().find_map(|(at, state)| wanted(*at, &with_target_as_it_was(state)).filter(|it| accepts(it)))
    {
        return Some(allowed);
    }
    // A controller may know different objects at different moments.
    let mut concerned = concerned(seen, write);
    let mut versions: Vec<Vec<Version<'_>>> = concerned.iter().map(|id| possible(history, write, id)).collect();
    for id in competitors(seen, write, &concerned) {
        versions.push(competing_and_not(possible(history, write, &id), &seen[seen.len() - 1].1, write));
        concerned.push(id);
    }
    let mut cluster = with_target_as_it_was(&seen[seen.len() - 1].1);
    combinations(&versions).find_map(|choice| {
        let mut since = write.at;
        for (id, (began, object)) in concerned.iter().zip(choice) {
            put(&mut cluster, id, object);
            if source.as_ref() == Some(id) {
                since = began;
            }
        }
        wanted(since, &cluster).filter(|allowed| accepts(allowed))
    })
}

/// Whether a wish takes something away, where that is limited (SPEC 11.2) and not approved.
fn is_limited_removal(wish: &Wish, write: &Write<'_>) -> bool {
    // What is being deleted already does not count.
    let before = write.before.filter(|before| write.flags.removal_limit.is_some() && before.deleted.is_none());
    before.is_some_and(|before| is_limited(wish, before, write.flags))
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

/// The sources whose silence may take something from this object: its creator, if it is deleted, or emptied while a finalizer holds it, else
/// that of its pull. What is immutable may be deleted because of either.
fn silent_sources(write: &Write<'_>) -> Vec<Option<Id>> {
    let named = |name: &str| named_by(write.before?, name);
    let (creator, pulled) = (named("replicated-by"), named("replicate-from"));
    match write.after {
        Some(_) => vec![pulled.or(creator)],
        None if write.before.is_some_and(|before| before.immutable) => vec![creator, pulled],
        None => vec![creator],
    }
}

/// Whether it is this source's silence that a wish waits for, where an object is deleted: its creator's, if it is not to exist, and that of its pull,
/// if it is immutable and to be made anew empty.
fn is_because_of(wish: &Wish, source: Option<&Id>, write: &Write<'_>) -> bool {
    let is = |name: &str| write.before.and_then(|before| named_by(before, name)).as_ref() == source;
    match wish {
        _ if write.after.is_some() => true,
        Wish::Gone(_) => is("replicated-by"),
        Wish::Look(shape) if shape.anew => is("replicate-from"),
        Wish::Look(_) | Wish::Leave | Wish::Remade => true,
    }
}

/// The objects on which the decision about a target depends: its source, the source's source, and so on; and its namespace.
fn concerned(seen: &[(Duration, State)], write: &Write<'_>) -> Vec<Id> {
    const MOST: usize = 8;
    let mut concerned = vec![Id::of_namespace(&write.target.namespace)];
    let mut open: Vec<&Rc<Object>> = write.before.into_iter().chain(write.after).collect();
    while let Some(object) = open.pop() {
        for name in ["replicated-by", "replicate-from"] {
            let Some(id) = named_by(object, name) else { continue };
            if id != *write.target && !concerned.contains(&id) && concerned.len() < MOST {
                open.extend(versions(seen, &id).into_iter().filter_map(|(_, object)| object));
                concerned.push(id);
            }
        }
    }
    concerned
}

/// The other sources that push to the name of a new object.
fn competitors(seen: &[(Duration, State)], write: &Write<'_>, concerned: &[Id]) -> Vec<Id> {
    const MOST: usize = 10;
    let mut competitors: Vec<Id> = Vec::new();
    for (_, state) in seen.iter().filter(|_| write.before.is_none()) {
        for (id, object) in state.iter().filter(|(id, _)| id.resource == write.target.resource) {
            let is_new = competitors.len() < MOST && !concerned.contains(id) && !competitors.contains(id);
            if is_new && names(object, state, write) {
                competitors.push(id.clone());
            }
        }
    }
    competitors
}

fn names(object: &Rc<Object>, state: &Cluster, write: &Write<'_>) -> bool {
    matches!(read(object, write.flags), Read::Well(asks) if asks.names(state, write.target))
}

/// Of the versions of a source that did not get the name: the newest one, and the newest that does not ask for it. No others make a difference, and of
/// ten sources all would be too many.
fn competing_and_not<'h>(versions: Vec<Version<'h>>, state: &Cluster, write: &Write<'_>) -> Vec<Version<'h>> {
    let competes = |version: &Version<'_>| version.1.is_some_and(|object| names(object, state, write));
    let newest = versions.first().copied();
    let other = versions.into_iter().find(|version| !competes(version));
    newest.into_iter().chain(other.filter(|_| newest.is_some_and(|newest| competes(&newest)))).collect()
}

/// A state of an object (`None`: it did not exist), and since when.
type Version<'s> = (Duration, Option<&'s Rc<Object>>);

/// Positions in the history between which a controller may have seen nothing of a resource: its watch broke, and a list showed what there
/// was then. Or of one object: a response showed it before the watch did, whose older events say nothing new then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Of which resource.
    pub resource: Resource,
    /// In this namespace alone; empty: everywhere.
    pub namespace: String,
    /// Of this object alone.
    pub one: Option<Id>,
    /// It had seen this state,
    pub after: usize,
    /// and then this one.
    pub shown: usize,
}

/// Whether nobody who had these gaps can have seen a state of an object that lasted from one position to before another.
fn is_in_a_gap(gaps: &[Gap], id: &Id, from: usize, until: usize) -> bool {
    let is_of = |gap: &&Gap| {
        gap.resource == id.resource
            && (gap.namespace.is_empty() || gap.namespace == id.namespace)
            && gap.one.as_ref().is_none_or(|one| one == id)
    };
    gaps.iter().filter(is_of).any(|gap| gap.after < from && until <= gap.shown)
}

/// The states of an object, the newest first.
fn versions<'s>(seen: &'s [(Duration, State)], id: &Id) -> Vec<Version<'s>> {
    placed_versions(seen, id).into_iter().map(|(_, version)| version).collect()
}

/// The states of an object by which the controller may decide.
fn possible<'h>(history: &'h [(Duration, State)], write: &Write<'_>, id: &Id) -> Vec<Version<'h>> {
    if !write.has_watches {
        return versions(write.known.states(history, id.resource), id);
    }
    let known = write.known.of(id.resource);
    let shown = write.gaps.iter().filter(|gap| gap.one.as_ref() == Some(id)).map(|gap| gap.shown);
    let positions: BTreeSet<usize> = shown.filter(|shown| *shown > known).chain([known]).collect();
    let placed = placed_versions(history, id);
    let at = |position: usize| placed.iter().find(|(begins, _)| *begins <= position).map(|(_, version)| *version);
    positions.into_iter().rev().filter_map(at).collect()
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
    let mut shape = Shape { data: Wanted::Kept, removal: None, anew: false, ..shape.clone() };
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
        (Wish::Leave, _) | (Wish::Gone(_) | Wish::Remade, Some(_)) => false,
        (Wish::Gone(_) | Wish::Remade, None) => true,
        (Wish::Look(shape), None) => shape.anew,
        (Wish::Look(shape), Some(after)) => has_shape(shape, before, after, seen),
    }
}

/// Only the ownership of `replicated-by` changes, and the controller becomes an owner (SPEC 3.1).
fn is_adoption(write: &Write<'_>) -> bool {
    let (Some(before), Some(after)) = (write.before, write.after) else { return false };
    let same = Object { managers: after.managers.clone(), version: after.version, ..(**before).clone() };
    same == **after && !is_made_by_controller(before) && is_made_by_controller(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::users;

    const SECOND: Duration = Duration::from_secs(1);

    fn secret(key: &str, version: u64, data: u8, notes: &[(&str, &str)]) -> Rc<Object> {
        let (namespace, name) = key.split_once('/').unwrap();
        let id = Id::new(Resource::Secret, namespace, name);
        let notes: Vec<_> =
            notes.iter().map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned())).collect();
        Rc::new(Object { version, ..users::object(&id, "Opaque", data, &notes, false, false) })
    }

    /// The object in the middle of a chain takes its consent back, and then the one at its end gives its own: at no time had both.
    #[test]
    fn a_controller_that_has_its_watches_mixes_no_states() {
        const GIVEN: [(&str, &str); 4] = [
            ("replicated-from-version", "1"),
            ("replicated-from-origin", "a/o"),
            ("replicated-from-allowed", ".*"),
            ("replicated-at", "2026-11-30T00:00:00Z"),
        ];
        let middle = |version, more: &[(&str, &str)]| {
            secret("a/x", version, 1, &[&[("replicate-from", "a/o")], &GIVEN[..], more].concat())
        };
        let before = secret("b/t", 3, 0, &[("replicate-from", "a/x")]);
        let given = [&[("replicate-from", "a/x"), ("replicated-from-version", "2")], &GIVEN[1..]].concat();
        let after = secret("b/t", 9, 1, &given);
        let history: Vec<(Duration, State)> = [
            (
                secret("a/o", 1, 1, &[("replication-allowed-namespaces", "a")]),
                middle(2, &[("replication-allowed", "true")]),
            ),
            (secret("a/o", 1, 1, &[("replication-allowed-namespaces", "a")]), middle(4, &[])),
            (secret("a/o", 5, 1, &[("replication-allowed", "true")]), middle(4, &[])),
        ]
        .into_iter()
        .zip([SECOND, 2 * SECOND, 3 * SECOND])
        .map(|((end, middle), at)| {
            let spaces = ["a", "b"].map(|name| Rc::new(Object::new(Id::of_namespace(name))));
            let all = spaces.into_iter().chain([end, middle, Rc::clone(&before)]);
            (at, Rc::new(all.map(|object| (object.id.clone(), object)).collect()))
        })
        .collect();
        let flags = Flags { removal_delay: Duration::ZERO, ..Flags::default() };
        let is_allowed = |known, has_watches, gaps: &[Gap]| {
            let write = Write {
                at: 4 * SECOND,
                target: &before.id,
                before: Some(&before),
                after: Some(&after),
                started: Duration::ZERO,
                known: Known::all_from(known),
                has_watches,
                gaps,
                flags: &flags,
            };
            is_allowed(&history, &write)
        };
        assert_eq!(is_allowed(0, false, &[]), Some(Allowed::Other), "it may list anew");
        assert_eq!(is_allowed(0, true, &[]), None);
        // A response shows the end of the chain before the watch does.
        let (resource, namespace) = (Resource::Secret, String::new());
        let shown = Gap { resource, namespace, one: Some(Id::new(resource, "a", "o")), after: 0, shown: 2 };
        assert_eq!(is_allowed(0, true, &[shown]), Some(Allowed::Other));
        assert_eq!(is_allowed(1, false, &[]), None, "the watch has shown that the consent is gone");
    }

    /// Ten older sources want the name, and then none of them does, nor is the youngest there, of which the replica is: a controller that lists
    /// anew may know the first of the youngest, and the last of all others.
    #[test]
    fn however_many_compete_for_a_name_any_of_them_may_get_it() {
        let to = [("replicate-to", "b/t")];
        let older = |version, notes: &[(&str, &str)]| {
            (0..10).map(|number| secret(&format!("a/p{number}"), version, 1, notes)).collect::<Vec<_>>()
        };
        let youngest = Rc::new(Object { created: 5, ..(*secret("z/s", 2, 2, &to)).clone() });
        let given =
            [("replicated-by", "z/s"), ("replicated-from-version", "2"), ("replicated-at", "2026-11-30T00:00:00Z")];
        let after = secret("b/t", 9, 2, &given);
        let states = [[older(1, &to), vec![youngest]].concat(), older(3, &[])];
        let history: Vec<(Duration, State)> = (1..)
            .zip(states)
            .map(|(at, objects)| {
                let spaces = ["a", "b", "z"].map(|name| Rc::new(Object::new(Id::of_namespace(name))));
                let all = spaces.into_iter().chain(objects).map(|object| (object.id.clone(), object));
                (at * SECOND, Rc::new(all.collect()))
            })
            .collect();
        let write = Write {
            at: 4 * SECOND,
            target: &after.id,
            before: None,
            after: Some(&after),
            started: Duration::ZERO,
            known: Known::all_from(0),
            has_watches: false,
            gaps: &[],
            flags: &Flags::default(),
        };
        assert_eq!(is_allowed(&history, &write), Some(Allowed::Other));
        assert_eq!(
            is_allowed(&history, &Write { known: Known::all_from(1), ..write }),
            None,
            "it knows that it is gone"
        );
    }
}
