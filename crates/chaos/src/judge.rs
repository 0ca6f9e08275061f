//! TRUSTED: judges all that the controller wrote.
//!
//! 1. What there was is known from etcd, which keeps every state ([`Era`]): nothing is missing, whatever was killed.
//! 2. What the controller changed of it is known from the audit logs. Each of its lives has a user of its own. A write that was answered by
//!    2xx names the version that it made, or (a delete) the one that it took away, so that its change is found exactly. One that was not
//!    answered, since the server was killed, or answered by 5xx, may have been done or not: each change that it may have made is judged, unless
//!    others made it ([`is_by_controller`]). Where nobody can know who did, and SPEC wants it from no controller, it is not judged, and counted.
//! 3. Whether it was allowed is what the simulation's property *safety* says ([`is_allowed`]): SPEC, read slowly and simply (`sim/src/spec`),
//!    wants this very change, of kind, name, data, annotations and labels, in a state that there was, or in one that is put together from
//!    states of the objects concerned; no part of which was older than [`AGES`] say when the write was received, or [`OLDEST_FOR_REMOVALS`].
//!    A removal that has to wait has waited, by the clock of the audit logs and since this life of the controller began.
//! 4. A write that was refused is judged as if it had been carried out, unless it was refused unread.
//! 5. No object is asked for more often than [`MOST`] says, and no list or watch either ([`heat`]).

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use k8s_replicator_sim::api::object::{Data, Id, Object, Resource};
use k8s_replicator_sim::api::store::State;
use k8s_replicator_sim::properties::{self, Known, Write, is_allowed};
use k8s_replicator_sim::spec::{Cluster, Flags, MANAGER, wish};
use k8s_replicator_sim::world::described;

use crate::audit::Asked;
use crate::cluster::as_asked;
use crate::history::{Changed, Era};

/// How old what a write was decided on may be, in milliseconds: the least of these that allows it is counted. (A watch that was cut is opened
/// again after a pause of seconds, and the second API server lags.)
pub(crate) const AGES: [u64; 5] = [100, 1_000, 5_000, 20_000, 45_000];
/// The same for what takes data away: a silence that is over may not be gone by for long.
const OLDEST_FOR_REMOVALS: u64 = 20_000;
/// So many of [`AGES`] are those by which nearly all is decided.
const YOUNG: usize = 3;
/// So many seconds, and so many requests of one life about one object, or for one kind of list or watch, within them: the simulation's
/// bounds, and [`properties::MOST_PER_STIMULUS`] for each fault in that time, and for each change that others made to the object, but no
/// more than so many for all of these.
const MOST: [(u64, usize, usize); 2] =
    [(1, properties::MOST_AT_ONCE + properties::MORE_WITH_CACHES, 40), (60, properties::MOST_A_MINUTE, 100)];
/// What was done a moment before has its consequences now.
const MOMENT: Duration = Duration::from_secs(1);
/// A request is answered, or carried out without an answer, within this time: what an API server allows.
const CARRIED_OUT_WITHIN: Duration = Duration::from_secs(60);

/// The annotations by which an object names its sources.
const SOURCES: [&str; 2] = ["replicated-by", "replicate-from"];

/// When each life of the controller began, by its user.
pub(crate) type Lives = HashMap<String, Duration>;

/// What was found, if nothing was wrong.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Of all writes of all users.
    changes: usize,
    /// Changes of the controller that were allowed, by the place in [`AGES`].
    allowed: [usize; AGES.len()],
    /// Of these, such that no answer names.
    unanswered: usize,
    /// Changes that the controller may have made, or others: what is not judged.
    unknown: usize,
    /// Writes of the controller that were refused.
    refused: usize,
    /// Of these, such as the server had not read: what is not judged.
    unread: usize,
}

/// Judges one era. An error: what was wrong.
pub(crate) fn judge(era: &Era, asked: &[Asked], lives: &Lives, flags: &Flags, verdict: &mut Verdict) -> Result<()> {
    let (asked, is_ours) = (era.asked(asked), |asked: &&Asked| lives.contains_key(&asked.user));
    let ours: Vec<&Asked> =
        asked.iter().filter(is_ours).filter(|asked| asked.is_write() && !is_report(asked)).collect();
    if let Some(foreign) = ours.iter().find(|asked| !matches!(&*asked.resource, "secrets" | "configmaps")) {
        bail!("this is nothing that the controller may write: {foreign}");
    }
    if let Some(blind) = ours.iter().find(|asked| asked.is_done() && asked.known().is_none()) {
        bail!("this has no precondition, or was answered without a version: {blind}");
    }
    let by = |version: fn(&Asked) -> Option<u64>| -> HashMap<(Id, u64), &Asked> {
        ours.iter().filter_map(|asked| Some(((asked.id()?, version(asked)?), *asked))).collect()
    };
    let (mut made, mut deleted) = (by(Asked::made), by(Asked::deleted));
    let open: Vec<&Asked> = ours.iter().copied().filter(|asked| asked.is_open()).collect();
    let mut refused = ours.iter().copied().filter(|asked| asked.is_refused()).peekable();
    let mut seen = [Seen::of(Resource::Secret), Seen::of(Resource::ConfigMap)];
    for (number, (change, time)) in era.changes.iter().zip(era.times(asked)).enumerate() {
        // It may rest on whatever may have happened before it, and on nothing else.
        while let Some(refused) = refused.next_if(|refused| refused.received < time.0) {
            judge_refused(refused, &seen, lives, flags, verdict)?;
        }
        seen.iter_mut().for_each(|seen| seen.see(change, time, number >= era.first));
        if number < era.first {
            continue;
        }
        verdict.changes += 1;
        let taken_away = change.before.as_ref().map_or(0, |before| before.version);
        let answered = made.remove(&(change.id.clone(), change.revision));
        let answered = answered.or_else(|| deleted.remove(&(change.id.clone(), taken_away)));
        // Whose change it may be: of the one that was answered, or of all that were not.
        let mut by: Vec<&Asked> = answered.into_iter().collect();
        let mut is_ours = Some(true);
        if answered.is_none() {
            by.extend(open.iter().filter(|asked| may_have_made(asked, &asked.verb, change, time)));
            if by.is_empty() {
                continue;
            }
            is_ours = is_by_controller(change, time, asked, lives);
        }
        let seen = seen.iter().find(|seen| seen.resource == change.id.resource);
        let (Some(seen), Some(first), None | Some(true)) = (seen, by.first(), is_ours) else { continue };
        // When it happened, at the latest.
        let at = answered.and_then(|asked| asked.answered).map_or(time.1, |(at, _)| at.min(time.1));
        match by.iter().filter_map(|by| seen.allows(change, at, by, lives, flags)).min() {
            Some(age) => {
                verdict.allowed[age] += 1;
                verdict.unanswered += usize::from(answered.is_none());
            }
            None if is_ours.is_none() => verdict.unknown += 1,
            None => bail!("SPEC wants this in no state that there was: {}", seen.described(change, first, flags)),
        }
    }
    for refused in refused {
        judge_refused(refused, &seen, lives, flags, verdict)?;
    }
    let missing = made.into_values().chain(deleted.into_values()).next();
    ensure!(missing.is_none(), "by the audit log this was done, and by etcd it was not: {missing:?}");
    Ok(())
}

/// Judges a write that was refused. An error: it was not to be asked for.
fn judge_refused(asked: &Asked, seen: &[Seen], lives: &Lives, flags: &Flags, verdict: &mut Verdict) -> Result<()> {
    verdict.refused += 1;
    if asked.body.is_null() {
        verdict.unread += 1;
        return Ok(());
    }
    let seen = seen.iter().find(|seen| seen.resource.plural() == asked.resource).context("a Secret or a ConfigMap")?;
    let change = seen.refused(asked)?;
    let is_allowed = |change: &Changed| seen.allows(change, asked.received, asked, lives, flags).is_some();
    // Metadata do not show what is immutable, so that it may have been meant for an object that is not.
    let is_invalid = asked.answered.is_some_and(|(_, code)| code == 422);
    ensure!(
        is_allowed(&change) || is_invalid && is_allowed(&change.of_what_is_mutable()),
        "SPEC wants this in no state that there was: {}",
        seen.described(&change, asked, flags)
    );
    Ok(())
}

/// Kubernetes Events are what the controller says, not what it does.
pub(crate) fn is_report(asked: &Asked) -> bool {
    asked.resource == "events"
}

/// Whether an object was deleted: it is gone, or goes when its finalizers let it.
fn is_deletion(change: &Changed) -> bool {
    let is_going = |object: &Option<Rc<Object>>| object.as_ref().is_none_or(|object| object.deleted.is_some());
    is_going(&change.after) && !is_going(&change.before)
}

/// Whether a change takes an object away, or some of its data.
fn takes_away(change: &Changed) -> bool {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return change.before.is_some() };
    let has_all = |had: &Data, has: &Data| had.keys().all(|key| has.contains_key(key));
    is_deletion(change) || !has_all(&before.data, &after.data) || !has_all(&before.binary_data, &after.binary_data)
}

/// Whether a request with this verb, of which nobody knows if it was done, may have made this change.
fn may_have_made(asked: &Asked, verb: &str, change: &Changed, (earliest, latest): (Duration, Duration)) -> bool {
    // The server knows the name of what is to be created only when it has read it.
    let is_of_name = asked.name == change.id.name || asked.name.is_empty();
    let is_such = match verb {
        "create" => change.before.is_none(),
        "delete" => is_deletion(change),
        _ => change.before.is_some() && change.after.is_some() && !is_deletion(change),
    };
    is_such
        && asked.resource == change.id.resource.plural()
        && (&asked.namespace, is_of_name) == (&change.id.namespace, true)
        && asked.received <= latest
        && earliest <= asked.received + CARRIED_OUT_WITHIN
}

/// Whether the controller made a change that one of its open requests may have made, or others (`false`): *managedFields* name who wrote
/// last; a deletion is of those who asked for it. `None`: nobody can know.
fn is_by_controller(change: &Changed, time: (Duration, Duration), asked: &[Asked], lives: &Lives) -> Option<bool> {
    if let Some(after) = change.after.as_ref().filter(|_| !is_deletion(change)) {
        let entries = |object: &Object| -> BTreeSet<(String, i64)> {
            object.managers.iter().map(|manager| (manager.name.clone(), manager.time)).collect()
        };
        let old = change.before.as_ref().map(|before| entries(before)).unwrap_or_default();
        let mut new = entries(after);
        new.retain(|entry| !old.contains(entry));
        // Times are in seconds: who writes twice within one shows once.
        return (!new.is_empty()).then(|| new.iter().all(|(name, _)| name == MANAGER));
    }
    if !is_deletion(change) {
        // It was being deleted, and those let it go who held it.
        return Some(false);
    }
    let deletes = |asked: &&Asked| {
        let is_delete = ["delete", "deletecollection"].contains(&&*asked.verb);
        is_delete && !lives.contains_key(&asked.user) && may_have_made(asked, "delete", change, time)
    };
    let until = asked.partition_point(|asked| asked.received <= time.1);
    let since = asked.partition_point(|asked| asked.received + CARRIED_OUT_WITHIN < time.0).min(until);
    let others: Vec<&Asked> = asked[since..until].iter().filter(deletes).collect();
    match others.iter().any(|asked| asked.is_done()) {
        true => Some(false),
        false => others.is_empty().then_some(true),
    }
}

impl Changed {
    /// The same, of an object that is not immutable.
    fn of_what_is_mutable(&self) -> Self {
        let mutable = |object: &Rc<Object>| Rc::new(Object { immutable: false, ..(**object).clone() });
        let (before, after) = (self.before.as_ref().map(mutable), self.after.as_ref().map(mutable));
        Self { id: self.id.clone(), revision: self.revision, before, after }
    }
}

/// A cluster, but for one object.
fn with(cluster: &Cluster, id: &Id, object: Option<&Rc<Object>>) -> Cluster {
    let mut cluster = cluster.clone();
    match object {
        Some(object) => drop(cluster.insert(id.clone(), Rc::clone(object))),
        None => drop(cluster.remove(id)),
    }
    cluster
}

/// The states that there were lately, of one resource and the namespaces: no other has to do with what is wanted of an object.
struct Seen {
    resource: Resource,
    live: Cluster,
    /// Each with the moment when it began at the earliest, and at the latest.
    states: Vec<(Duration, State)>,
    latest: Vec<Duration>,
}

impl Seen {
    fn of(resource: Resource) -> Self {
        Self { resource, live: Cluster::new(), states: Vec::new(), latest: Vec::new() }
    }

    fn see(&mut self, change: &Changed, (earliest, latest): (Duration, Duration), is_kept: bool) {
        if ![Resource::Namespace, self.resource].contains(&change.id.resource) {
            return;
        }
        match &change.after {
            Some(object) => drop(self.live.insert(change.id.clone(), Rc::clone(object))),
            None => drop(self.live.remove(&change.id)),
        }
        if !is_kept {
            self.states.clear();
            self.latest.clear();
        }
        self.states.push((earliest, Rc::new(self.live.clone())));
        self.latest.push(latest);
        // What nobody may decide by any more, and no delay reaches back to: people ask for 20 s at most.
        let oldest = Duration::from_millis(AGES[AGES.len() - 1]) + CARRIED_OUT_WITHIN;
        let old = self.latest.partition_point(|time| *time + oldest < earliest);
        if old > 256 {
            self.states.drain(..old - 1);
            self.latest.drain(..old - 1);
        }
    }

    /// The place of the state that there was so many milliseconds before this was asked.
    fn since(&self, asked: &Asked, age: u64) -> usize {
        let then = asked.received.saturating_sub(Duration::from_millis(age));
        self.latest.partition_point(|latest| *latest <= then).saturating_sub(1)
    }

    /// Whether SPEC allows a change that this request of a controller makes, or would make; and the place in [`AGES`].
    fn allows(&self, change: &Changed, at: Duration, by: &Asked, lives: &Lives, flags: &Flags) -> Option<usize> {
        let write = |age: u64| Write {
            at,
            target: &change.id,
            before: change.before.as_ref(),
            after: change.after.as_ref().filter(|_| !is_deletion(change)),
            started: lives[&by.user],
            known: Known::all_from(self.since(by, age)),
            gaps: &[],
            has_watches: false,
            flags,
        };
        let oldest = if takes_away(change) { OLDEST_FOR_REMOVALS } else { u64::MAX };
        AGES.iter().position(|age| *age <= oldest && is_allowed(&self.states, &write(*age)).is_some())
    }

    /// The change that a refused request would have made.
    fn refused(&self, asked: &Asked) -> Result<Changed> {
        let id = asked.id().context("a Secret or a ConfigMap")?;
        let is_it = |object: &&Rc<Object>| asked.based_on == Some(object.version);
        let before = self.states.iter().find_map(|(_, state)| state.get(&id).filter(is_it)).cloned();
        ensure!(before.is_some() || asked.verb == "create", "this is no version that there was: {asked}");
        if asked.verb == "delete" {
            return Ok(Changed { id, revision: 0, before, after: None });
        }
        let after = as_asked(&id, before.as_deref(), &asked.body)?;
        // A patch is refused as well where the object is not of the type that it tests: then it was meant for one that is.
        let before = before.map(|before| Rc::new(Object { type_: after.type_.clone(), ..(*before).clone() }));
        Ok(Changed { id, revision: 0, before, after: Some(Rc::new(after)) })
    }

    fn described(&self, change: &Changed, by: &Asked, flags: &Flags) -> String {
        let describe = |object: &Option<Rc<Object>>| described(object.as_ref().map(|object| &**object));
        let before = with(&self.live, &change.id, change.before.as_ref());
        // What the objects were that it names as its sources.
        let named = change.before.iter().chain(&change.after);
        let named = named.flat_map(|object| SOURCES.iter().filter_map(|name| properties::named_by(object, name)));
        let mut sources: Vec<String> = Vec::new();
        for id in named.collect::<BTreeSet<_>>() {
            for (at, state) in &self.states {
                let was = format!("\n  {id} was {}", described(state.get(&id).map(|object| &**object)));
                if sources.last().is_none_or(|last| !last.ends_with(&was)) {
                    sources.push(format!("\n  since {:.3}:{was}", at.as_secs_f64()));
                }
            }
        }
        format!(
            "{}\n  asked for by {by}\n  before: {}\n  after:  {}\n  wanted of what it was: {:?}{}",
            change.id,
            describe(&change.before),
            describe(&change.after),
            wish(&before, flags, &change.id),
            sources.concat()
        )
    }
}

/// What was asked for most, while faults lasted as long as these did. An error: it was too much.
pub(crate) fn heat(asked: &[Asked], lives: &Lives, faults: &[(Duration, Duration)]) -> Result<String> {
    let mut times: BTreeMap<(String, &str), Vec<Duration>> = BTreeMap::new();
    let mut edits: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    for asked in asked.iter().filter(|asked| !is_report(asked)) {
        let Asked { user, verb, resource, namespace, name, received, .. } = asked;
        let what = format!("{resource} {namespace}/{}", if name.is_empty() { verb } else { name });
        match lives.contains_key(user) {
            true => times.entry((what, user)).or_default().push(*received),
            false if asked.is_write() && !asked.is_refused() => edits.entry(what).or_default().push(*received),
            false => {}
        }
    }
    let mut said = Vec::new();
    for (seconds, bound, most_more) in MOST {
        let within = |times: &[Duration], begin: Duration, end: Duration| {
            let until = |end: Duration| times.partition_point(|time| *time < end);
            until(end) - until(begin)
        };
        let mut hottest = (0, 0, "");
        for ((what, user), times) in &times {
            for begin in times {
                let end = *begin + Duration::from_secs(seconds);
                let edited = edits.get(what).map_or(0, |edits| within(edits, begin.saturating_sub(MOMENT), end));
                let failed = faults.partition_point(|(since, _)| *since < end);
                let failed = failed.saturating_sub(faults.partition_point(|(_, over)| *over + MOMENT < *begin));
                let more = properties::MOST_PER_STIMULUS * (edited + failed);
                let (count, most) = (within(times, *begin, end), bound + more.min(most_more));
                ensure!(
                    count <= most,
                    "{what} was asked for {count} times within {seconds} s by {user}: {most} are allowed"
                );
                hottest = hottest.max((count, most, what));
            }
        }
        let (count, most, what) = hottest;
        said.push(format!("{count} within {seconds} s ({what}; {most} are allowed)"));
    }
    Ok(format!("the most requests of one controller about one object: {}", said.join(", ")))
}

impl Verdict {
    /// How many changes of the controller were judged.
    pub(crate) fn judged(&self) -> usize {
        self.allowed.iter().sum()
    }

    /// That nearly all was decided by what there was a moment before: else "allowed" would say little.
    pub(crate) fn is_of_the_moment(&self) -> Result<()> {
        let (young, all) = (self.allowed[..YOUNG].iter().sum::<usize>(), self.judged());
        ensure!(10 * young >= 9 * all, "only {young} of {all} changes were decided by what was young");
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { changes, allowed, unanswered, unknown, refused, unread } = self;
        let all = self.judged();
        write!(
            f,
            "{changes} changes by all; {all} by the controller, each of them wanted by SPEC in a state that was no older than"
        )?;
        for (age, count) in AGES.iter().zip(allowed) {
            write!(f, " {age} ms: {count};")?;
        }
        write!(
            f,
            " {unanswered} of these are known from etcd alone, since the API server was killed before it answered, or answered by 5xx; of \
             {unknown} changes it is not known whether the controller made them, and they are not judged; {refused} writes were refused, \
             {unread} of them unread, which are not judged, and each other is such as SPEC wanted, too"
        )
    }
}
