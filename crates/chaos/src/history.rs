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
        let former = former.map_or(&[][..], |former| &former.changes);
        let first = changes.iter().zip(former).take_while(|(one, other)| one == other).count();
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

fn id(key: &str) -> Result<Id> {
    let mut parts = key.trim_start_matches("/registry/").split('/');
    let mut next = || parts.next().with_context(|| format!("etcd holds {key}"));
    let resource = Resource::from_plural(next()?).context("a resource")?;
    match resource {
        Resource::Namespace => Ok(Id::of_namespace(next()?)),
        resource => Ok(Id::new(resource, next()?, next()?)),
    }
}
