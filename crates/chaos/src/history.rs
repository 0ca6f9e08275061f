//! Every state that the cluster had, by etcd itself, which keeps them all (`Settings::keeps_history`): no watch that could miss one.
//!
//! Where etcd was restored from a backup there are two histories with one beginning: an [`Era`] ends with a restore.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use k8s_replicator_sim::api::object::{Id, Object, Resource};
use k8s_replicator_testenv::{Change, ControlPlane};

use crate::audit::Asked;
use crate::cluster;

/// The time by the clock of the machine, since 1970, as the audit logs have it.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The history of etcd from a start, or a restore, to its end.
#[derive(Debug)]
pub(crate) struct Era {
    pub(crate) begins: Duration,
    pub(crate) ends: Duration,
    /// Every change, in order, also those before its beginning.
    pub(crate) changes: Vec<Changed>,
    /// The place of the first one that is its own.
    pub(crate) first: usize,
}

/// One change of one object.
#[derive(Debug, PartialEq)]
pub(crate) struct Changed {
    pub(crate) id: Id,
    /// Etcd's revision, and the object's resourceVersion from then on.
    pub(crate) revision: u64,
    pub(crate) before: Option<Rc<Object>>,
    pub(crate) after: Option<Rc<Object>>,
}

impl Era {
    /// What etcd remembers now. `former`: the era that ended with a restore, in which the backup was made.
    pub(crate) fn read(plane: &ControlPlane, begins: Duration, former: Option<&Self>) -> Result<Self> {
        let (mut live, mut changes) = (BTreeMap::<Id, Rc<Object>>::new(), Vec::new());
        plane.history(&["secrets", "configmaps", "namespaces"], |change| {
            let Change { revision, key, object } = change;
            let id = id(&key)?;
            let read = object.map(|json| cluster::object(id.resource, &json, revision)).transpose()?;
            let after = read.map(Rc::new);
            let before = match &after {
                Some(after) => live.insert(id.clone(), Rc::clone(after)),
                None => live.remove(&id),
            };
            changes.push(Changed { id, revision, before, after });
            Ok(())
        })?;
        let first = first_own(&changes, former.map_or(&[][..], |former| &former.changes));
        Ok(Self { begins, ends: now(), changes, first })
    }

    /// What was asked in it.
    pub(crate) fn asked<'a>(&self, all: &'a [Asked]) -> &'a [Asked] {
        let until = |time: Duration| all.partition_point(|asked| asked.received < time);
        &all[until(self.begins)..until(self.ends)]
    }

    /// Between which two moments each change happened, by the log of what was asked.
    pub(crate) fn times(&self, asked: &[Asked]) -> Vec<(Duration, Duration)> {
        let dated = |version: fn(&Asked) -> Option<u64>| -> Vec<(u64, &Asked)> {
            let mut dated: Vec<_> = asked.iter().filter_map(|asked| Some((version(asked)?, asked))).collect();
            dated.sort_by_key(|(version, _)| *version);
            dated
        };
        let mut times = vec![(self.begins, self.ends); self.changes.len()];
        // Not before anything was asked that made this version, or an older one.
        let made = dated(Asked::made);
        let (mut next, mut earliest) = (0, self.begins);
        for (time, change) in times.iter_mut().zip(&self.changes) {
            while let Some((_, asked)) = made.get(next).filter(|(version, _)| *version <= change.revision) {
                (next, earliest) = (next + 1, earliest.max(asked.received));
            }
            time.0 = earliest;
        }
        // Not after anything was answered with this version, or a newer one.
        let mut shown = dated(|asked| asked.became);
        let mut latest = self.ends;
        for (time, change) in times.iter_mut().zip(&self.changes).rev() {
            while let Some((_, asked)) = shown.pop_if(|(version, _)| *version >= change.revision) {
                latest = latest.min(asked.answered.map_or(latest, |(at, _)| at));
            }
            time.1 = latest;
        }
        times
    }
}

/// The place of the first change that the former history does not have.
fn first_own(changes: &[Changed], former: &[Changed]) -> usize {
    changes.iter().zip(former).take_while(|(one, other)| one == other).count()
}

fn id(key: &str) -> Result<Id> {
    let mut parts = key.trim_start_matches("/registry/").split('/');
    let mut next = || parts.next().with_context(|| format!("etcd holds {key}"));
    let resource = Resource::from_plural(next()?).context("a resource")?;
    match resource {
        Resource::Namespace => Ok(Id::of_namespace(next()?)),
        resource => Ok(Id::new(resource, next()?, next()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(revision: u64, uid: &str) -> Changed {
        let id = Id::new(Resource::Secret, "a", "x");
        let after = Object { uid: uid.to_owned(), version: revision, ..Object::new(id.clone()) };
        Changed { id, revision, before: None, after: Some(Rc::new(after)) }
    }

    #[test]
    fn what_was_not_answered_happened_between_its_neighbours() {
        let second = Duration::from_secs;
        let asked = |received: u64, version: Option<u64>| Asked {
            verb: "create".to_owned(),
            received: second(received),
            answered: version.map(|_| (second(received + 1), 201)),
            became: version,
            ..Asked::default()
        };
        let changes = [3, 4, 5, 6].map(|revision| changed(revision, "u")).into();
        let era = Era { begins: second(10), ends: second(100), changes, first: 0 };
        // The third was asked for, and nobody was answered; the fourth is nobody's who was asked for.
        let all = [asked(5, Some(2)), asked(20, Some(3)), asked(30, None), asked(40, Some(5)), asked(200, Some(7))];
        let asked = era.asked(&all);
        assert_eq!(asked.iter().map(|asked| asked.became).collect::<Vec<_>>(), [Some(3), None, Some(5)]);
        let times = [(20, 21), (20, 41), (40, 41), (40, 100)];
        assert_eq!(era.times(asked), times.map(|(earliest, latest)| (second(earliest), second(latest))));
    }

    #[test]
    fn an_era_has_of_its_own_what_came_after_the_backup() {
        let story = |uids: &[&str]| -> Vec<Changed> { (3..).zip(uids).map(|(at, uid)| changed(at, uid)).collect() };
        let former = story(&["a", "b", "c", "d"]);
        // Versions are given a second time after it.
        assert_eq!(first_own(&story(&["a", "b", "e", "d"]), &former), 2);
        assert_eq!(first_own(&story(&["a", "b"]), &former), 2);
        assert_eq!(first_own(&former, &[]), 0);
    }
}
