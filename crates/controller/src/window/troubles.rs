//! Decides whether a failure is the server's, or concerns one namespace alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::cluster::{Access, Blame, Failure};
use crate::event::Moment;

/// A success in another namespace within this time shows that the server works.
const SHOWS_HEALTH: Duration = Duration::from_secs(2);
/// Failures in two namespaces within this time are the server's.
const SAME_TROUBLE: Duration = Duration::from_secs(10);

/// The last two namespaces to which something happened, and when.
#[derive(Debug, Default)]
struct LastTwo([Option<(Box<str>, Moment)>; 2]);

impl LastTwo {
    fn say(&mut self, now: Moment, namespace: &str) {
        let [first, second] = &mut self.0;
        match first {
            Some((of, at)) if **of == *namespace => *at = now,
            _ => {
                std::mem::swap(first, second);
                *first = Some((namespace.into(), now));
            }
        }
    }

    /// When it last happened to a namespace other than this one.
    fn of_another(&self, namespace: &str) -> Option<Moment> {
        self.0.iter().flatten().find(|(of, _)| **of != *namespace).map(|(_, at)| *at)
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Troubles {
    successes: LastTwo,
    failures: LastTwo,
    /// By [`Access`].
    paused: [BTreeMap<Box<str>, Moment>; 2],
    /// The same, by their time.
    reopen: BTreeSet<(Moment, Box<str>, Access)>,
}

impl Troubles {
    /// A request succeeded in this namespace.
    pub(super) fn succeeded(&mut self, now: Moment, namespace: &str) {
        self.successes.say(now, namespace);
    }

    /// Whether a failure concerns its namespace alone.
    pub(super) fn is_of_one_namespace(&mut self, now: Moment, namespace: &str, failure: &Failure) -> bool {
        if failure.blame == Blame::Admission {
            return true;
        }
        let within = |at: Option<Moment>, time| at.is_some_and(|at| at + time >= now);
        let others_are_served = within(self.successes.of_another(namespace), SHOWS_HEALTH);
        let others_fail = within(self.failures.of_another(namespace), SAME_TROUBLE);
        self.failures.say(now, namespace);
        others_are_served && !others_fail
    }

    /// No request of this kind about this namespace's objects is made before `until`.
    pub(super) fn pause(&mut self, namespace: &str, access: Access, until: Moment) {
        let before = self.paused_until(namespace, access);
        if before < until {
            self.reopen.remove(&(before, namespace.into(), access));
            self.reopen.insert((until, namespace.into(), access));
            self.paused[access as usize].insert(namespace.into(), until);
        }
    }

    pub(super) fn paused_until(&self, namespace: &str, access: Access) -> Moment {
        self.paused[access as usize].get(namespace).copied().unwrap_or(Moment::ZERO)
    }

    pub(super) fn reopened(&mut self, now: Moment) -> Option<Box<str>> {
        let (until, ..) = self.reopen.first()?;
        if *until > now {
            return None;
        }
        let (_, namespace, access) = self.reopen.pop_first()?;
        self.paused[access as usize].remove(&namespace);
        Some(namespace)
    }

    pub(super) fn reopens_at(&self) -> Option<Moment> {
        self.reopen.first().map(|(at, ..)| *at)
    }
}
