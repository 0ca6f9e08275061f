//! Whether the program is ready, and whether it is alive.
//!
//! Ready: every replicator has its first lists. Alive: no watch has been silent for longer than it can be when all is
//! well. A watch always ends in bytes, in an error or in a time-out, also when the API server is away; if none of them
//! comes, it is stuck, and only a restart helps.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::backoff::{LONGEST_RETRY_AFTER, longest_backoff};
use crate::event::Moment;
use crate::watch::{LONGEST_IDLE, LONGEST_WATCH_PAUSE, PAGE_TIMEOUT};

/// So late may a busy machine begin something that is due.
const SLACK: Duration = Duration::from_secs(60);

/// A watch is stuck after this silence. The longest when all is well: an idle watch, then a pause of its own or as long as the
/// server may ask for, then a list without an answer.
pub const LONGEST_SILENCE: Duration = {
    let own = longest_backoff(LONGEST_WATCH_PAUSE);
    let asked = longest_backoff(LONGEST_RETRY_AFTER);
    let pause = if own.as_nanos() > asked.as_nanos() { own } else { asked };
    LONGEST_IDLE.saturating_add(pause).saturating_add(PAGE_TIMEOUT).saturating_add(SLACK)
};

/// The resources that are watched or polled.
const RESOURCES: [&str; 4] = ["secrets", "configmaps", "namespaces", "leases"];

/// The heartbeat of one watch.
#[derive(Debug, Default)]
pub struct Progress {
    /// Milliseconds from the program's start to the last sign of life.
    last: AtomicU64,
}

impl Progress {
    /// The watch is alive: something was received, or an attempt ended.
    pub fn made(&self, now: Moment) {
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis, Ordering::Relaxed);
    }

    fn silence(&self, now: Moment) -> Duration {
        now.saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }
}

/// Shared by the replicators, which write it, and the status server, which reads it.
#[derive(Debug, Default)]
pub struct Health {
    replicators: Mutex<Vec<(&'static str, Arc<AtomicBool>)>>,
    watches: Mutex<Vec<(String, Arc<Progress>)>>,
    election: OnceLock<Arc<AtomicBool>>,
    stopping: AtomicBool,
}

impl Health {
    /// Registers a replicator, by its name in `/healthz`. It is ready when the returned flag is set.
    pub fn replicator(&self, name: &'static str) -> Arc<AtomicBool> {
        let ready = Arc::new(AtomicBool::new(false));
        locked(&self.replicators).push((name, ready.clone()));
        ready
    }

    /// Registers a watch, by its name in `/livez`.
    pub fn watch(&self, name: impl Into<String>) -> Arc<Progress> {
        let progress = Arc::new(Progress::default());
        locked(&self.watches).push((name.into(), progress.clone()));
        progress
    }

    /// Registers that the program takes part in an election; the returned flag says whether it leads.
    pub fn election(&self) -> Arc<AtomicBool> {
        self.election.get_or_init(Arc::default).clone()
    }

    /// Whether this program is a standby; `None`: there is no election.
    #[must_use]
    pub fn is_standby(&self) -> Option<bool> {
        self.election.get().map(|leads| !leads.load(Ordering::Relaxed))
    }

    /// Notes that the program is ending, so that `/readyz` answers 503.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether [`stop`](Self::stop) was called.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The replicators that still wait for their first lists.
    #[must_use]
    pub fn not_ready(&self) -> Vec<&'static str> {
        let replicators = locked(&self.replicators);
        replicators.iter().filter(|(_, ready)| !ready.load(Ordering::Relaxed)).map(|(name, _)| *name).collect()
    }

    /// When each resource's watch was last alive; of several watches of one resource, the one that has been silent longest.
    #[must_use]
    pub fn last_progress(&self) -> Vec<(&'static str, Moment)> {
        let watches = locked(&self.watches);
        let of = |resource: &str| {
            let of_resource = watches.iter().filter(|(name, _)| name.split(' ').next() == Some(resource));
            of_resource.map(|(_, progress)| Duration::from_millis(progress.last.load(Ordering::Relaxed))).min()
        };
        RESOURCES.into_iter().filter_map(|resource| Some((resource, of(resource)?))).collect()
    }

    /// The watches that are stuck at `now`, and for how long each has been silent.
    #[must_use]
    pub fn stuck(&self, now: Moment) -> Vec<(String, Duration)> {
        let watches = locked(&self.watches);
        let silences = watches.iter().map(|(name, progress)| (name.clone(), progress.silence(now)));
        silences.filter(|(_, silence)| *silence > LONGEST_SILENCE).collect()
    }
}

fn locked<T>(list: &Mutex<Vec<T>>) -> std::sync::MutexGuard<'_, Vec<T>> {
    // A panic in another thread cannot leave the list half-changed.
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_stuck_when_nothing_moves_for_too_long() {
        let health = Health::default();
        let (secrets, namespaces) = (health.watch("secrets"), health.watch("namespaces"));
        let later = LONGEST_SILENCE + Duration::from_secs(5);
        assert_eq!(health.stuck(LONGEST_SILENCE), []);
        let of_the_server = longest_backoff(LONGEST_RETRY_AFTER);
        assert!(LONGEST_SILENCE > LONGEST_IDLE + of_the_server + PAGE_TIMEOUT, "a pause that the server asks for");
        let names = |stuck: Vec<(String, Duration)>| stuck.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(health.stuck(later)), ["secrets", "namespaces"]);
        namespaces.made(Duration::from_secs(10));
        secrets.made(Duration::ZERO);
        assert_eq!(health.stuck(later), [("secrets".to_owned(), LONGEST_SILENCE + Duration::from_secs(5))]);
    }

    #[test]
    fn the_last_progress_of_a_resource_is_that_of_the_watch_that_waits_longest() {
        let health = Health::default();
        let (one, other, namespaces) =
            (health.watch("secrets in a"), health.watch("secrets in b"), health.watch("namespaces"));
        let seconds = Duration::from_secs;
        one.made(seconds(5));
        other.made(seconds(3));
        namespaces.made(seconds(9));
        assert_eq!(health.last_progress(), [("secrets", seconds(3)), ("namespaces", seconds(9))]);
    }

    #[test]
    fn ready_when_every_replicator_is() {
        let health = Health::default();
        let (secret, config_map) = (health.replicator("secret"), health.replicator("configMap"));
        assert_eq!(health.not_ready(), ["secret", "configMap"]);
        secret.store(true, Ordering::Relaxed);
        assert_eq!(health.not_ready(), ["configMap"]);
        config_map.store(true, Ordering::Relaxed);
        assert!(health.not_ready().is_empty());
    }
}
