//! How many replicas are removed because of one source at the same time (SPEC 11.2).
//!
//! What was allowed a moment ago counts with what is due now: a cause may come event by event. Once too many are due because of a source,
//! all of them stay held until none is, so that who approves some of them does not let the others go. It is kept in memory alone: after a
//! restart it is judged anew.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::names::{SourceKey, TargetKey};
use crate::time::Moment;

use super::Graph;

/// What a removal is judged by.
pub struct Removals<'a> {
    /// So many may go.
    pub limit: usize,
    /// What was allowed within this time counts too.
    pub window: Duration,
    /// Whether a target is due because of the source, and not approved.
    pub is_due: &'a dyn Fn(&TargetKey) -> bool,
}

/// Whether a replica may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// It may.
    Allowed,
    /// It stays: so many are due.
    Held(usize),
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Removed {
    sources: HashMap<SourceKey, OfSource>,
}

#[derive(Debug, Default)]
struct OfSource {
    /// The graph's revision when they were counted last; those that were due; and those that were allowed and are not due any more.
    counted: Option<(u64, usize, usize)>,
    /// Those that are held.
    held: HashSet<TargetKey>,
    /// The removals that were allowed, and when.
    allowed: HashMap<TargetKey, Moment>,
}

impl Graph {
    /// Whether a target, which is due for removal because of a source, may be removed. It is remembered if so.
    pub fn judge_removal(&self, source: &SourceKey, target: &TargetKey, removals: Removals<'_>) -> Judged {
        let Removals { limit, window, is_due } = removals;
        let (now, revision) = (self.time(), self.revision());
        let mut removed = self.removed.borrow_mut();
        let of_source = removed.sources.entry(source.clone()).or_default();
        of_source.allowed.retain(|_, at| now.saturating_sub(*at) < window && !crate::bug!(LimitForgetsTheRemoved));
        let named = || self.named_as_source_by(source);
        let (due, gone) = match of_source.counted {
            Some((counted_at, due, gone)) if counted_at == revision => (due, gone),
            // Where so few name the source at all, nobody has to be asked.
            _ if of_source.held.is_empty() && of_source.allowed.len() + named().take(limit).count() < limit => (0, 0),
            _ => {
                // The cause of those that are not due any more is gone, or they were approved.
                of_source.held.retain(|target| is_due(target));
                let gone = of_source.allowed.keys().filter(|target| !is_due(target)).count();
                (named().filter(|target| is_due(target)).count(), gone)
            }
        };
        of_source.counted = Some((revision, due, gone));
        let is_held = !of_source.held.is_empty() || due + gone > limit;
        match is_held {
            true => drop(of_source.held.insert(target.clone())),
            false => drop(of_source.allowed.insert(target.clone(), now)),
        }
        let judged = if is_held { Judged::Held(due) } else { Judged::Allowed };
        // Others that nothing is remembered of are forgotten.
        let is_remembered =
            |it: &OfSource| !it.held.is_empty() || it.allowed.values().any(|at| now.saturating_sub(*at) < window);
        if removed.sources.len() > MOST_SOURCES {
            removed.sources.retain(|_, of_source| is_remembered(of_source));
        }
        judged
    }
}

/// From so many sources on those are looked for of which nothing has to be remembered.
const MOST_SOURCES: usize = 64;
