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
        let remembered = of_source.allowed.len();
        of_source.allowed.retain(|_, at| now.saturating_sub(*at) < window && !crate::bug!(LimitForgetsTheRemoved));
        if of_source.allowed.len() < remembered {
            of_source.counted = None;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Key;

    const WINDOW: Duration = Duration::from_secs(10);

    fn key(name: &str) -> Key {
        Key::new("a", name).unwrap()
    }

    /// Judges the removal of a target that alone is due because of a source.
    fn judge(graph: &Graph, source: &str, target: &str, limit: usize) -> Judged {
        let removals = Removals { limit, window: WINDOW, is_due: &|_| true };
        graph.judge_removal(&key(source).into(), &key(target).into(), removals)
    }

    /// The same where those that were allowed are not due any more.
    fn judge_gone(graph: &Graph, target: &str, limit: usize) -> Judged {
        let removals = Removals { limit, window: WINDOW, is_due: &|_| false };
        graph.judge_removal(&key("s").into(), &key(target).into(), removals)
    }

    fn pull(graph: &mut Graph, target: &str, source: &str) {
        let json = format!(
            r#"{{"metadata":{{"namespace":"a","name":"{target}","uid":"1","resourceVersion":"1",
            "annotations":{{"p/replicate-from":"{source}"}}}}}}"#
        );
        let dialect = crate::annotations::Dialect::new("p/", false);
        drop(graph.observe(crate::observed::Observed::from_json(&json, &dialect).unwrap()));
    }

    /// So many targets of one source are judged, of which all are due; also returns how often it was asked whether one is.
    fn judge_all(targets: usize, limit: usize) -> (Vec<Judged>, usize) {
        let mut graph = Graph::default();
        let names: Vec<String> = (0..targets).map(|number| format!("t{number}")).collect();
        names.iter().for_each(|name| pull(&mut graph, name, "s"));
        let asked = std::cell::Cell::new(0);
        let is_due = |_: &TargetKey| {
            asked.set(asked.get() + 1);
            true
        };
        let judge = |name: &String| {
            let removals = Removals { limit, window: WINDOW, is_due: &is_due };
            graph.judge_removal(&key("s").into(), &key(name).into(), removals)
        };
        (names.iter().map(judge).collect(), asked.get())
    }

    fn remembered(graph: &Graph) -> Vec<String> {
        let mut sources: Vec<String> = graph.removed.borrow().sources.keys().map(ToString::to_string).collect();
        sources.sort();
        sources
    }

    /// Sources of which nothing has to be remembered are forgotten, when there are many.
    #[test]
    fn what_is_held_or_was_removed_a_moment_ago_is_remembered() {
        let mut graph = Graph::default();
        graph.begin_list();
        graph.end_list(&crate::observed::ResourceVersion::new("9"));
        pull(&mut graph, "t", "held");
        assert_eq!(judge(&graph, "held", "t", 0), Judged::Held(1));
        assert_eq!(judge(&graph, "old", "t", 1), Judged::Allowed);
        graph.set_time(WINDOW);
        for number in 0..MOST_SOURCES - 2 {
            assert_eq!(judge(&graph, &format!("s{number:02}"), "t", 1), Judged::Allowed);
        }
        assert_eq!(remembered(&graph).len(), MOST_SOURCES, "so many are no burden");
        assert_eq!(judge(&graph, "last", "t", 1), Judged::Allowed);
        let left = remembered(&graph);
        assert_eq!(left.len(), MOST_SOURCES, "{left:?}");
        assert!(left.contains(&"a/held".to_owned()) && !left.contains(&"a/old".to_owned()), "{left:?}");
    }

    /// A source may have a million replicas, and to ask about one is to decide about it.
    #[test]
    fn as_long_as_nothing_changes_each_target_is_asked_about_once() {
        assert_eq!(judge_all(9, 8), (vec![Judged::Held(9); 9], 9));
        assert_eq!(judge_all(8, 8), (vec![Judged::Allowed; 8], 8));
    }

    #[test]
    fn where_fewer_targets_than_the_limit_name_a_source_none_is_asked_about() {
        assert_eq!(judge_all(7, 8), (vec![Judged::Allowed; 7], 0));
    }

    /// The limit is that of removals within the window.
    #[test]
    fn a_removal_counts_for_the_window() {
        let mut graph = Graph::default();
        assert_eq!(judge_gone(&graph, "x", 1), Judged::Allowed);
        graph.set_time(WINDOW);
        assert_eq!(judge_gone(&graph, "y", 1), Judged::Allowed, "the other one is just as long ago as the window");
        assert_eq!(graph.removed.borrow().sources.values().map(|it| it.allowed.len()).collect::<Vec<_>>(), [1]);
    }

    /// That nothing changed in the graph does not keep a removal from being long ago.
    #[test]
    fn what_was_counted_is_counted_anew_when_a_removal_is_long_ago() {
        let mut graph = Graph::default();
        assert_eq!(judge_gone(&graph, "x", 0), Judged::Allowed);
        drop(graph.observe_namespace("b", crate::namespace::NamespaceFacts::new(false)));
        assert_eq!(judge_gone(&graph, "y", 0), Judged::Held(0), "the other one went a moment ago");
        graph.set_time(WINDOW);
        assert_eq!(judge_gone(&graph, "y", 0), Judged::Allowed);
    }
}
