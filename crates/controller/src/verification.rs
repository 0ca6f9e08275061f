//! Going round all targets, bit by bit, within each `--resync-period`.

use std::time::Duration;

use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::names::{Key, TargetKey};

use crate::event::Moment;

/// Which target is to be verified when. A target that appears behind the point reached waits for the next round.
#[derive(Debug)]
pub struct Verification {
    period: Duration,
    round: Option<Round>,
}

#[derive(Debug)]
struct Round {
    began: Moment,
    last: Option<Key>,
    done: usize,
    complete: bool,
}

impl Round {
    fn beginning(began: Moment) -> Self {
        Self { began, last: None, done: 0, complete: false }
    }
}

impl Verification {
    /// `period` zero: no verification.
    #[must_use]
    pub fn new(period: Duration) -> Self {
        Self { period, round: None }
    }

    /// A target whose turn has come. To be asked until it answers `None`.
    pub fn next(&mut self, now: Moment, graph: &Graph) -> Option<TargetKey> {
        if self.period.is_zero() || graph.full_view().is_none() {
            return None;
        }
        let round = self.round.get_or_insert_with(|| Round::beginning(now));
        if !round.complete && due_at(round, self.period, graph.target_count()) <= now {
            if let Some(target) = graph.target_after(round.last.as_ref()) {
                round.last = Some(target.clone().into());
                round.done += 1;
                return Some(target);
            }
            round.complete = true;
        }
        if round.complete && now >= round.began + self.period {
            *round = Round::beginning(now);
        }
        None
    }

    /// When the next turn comes.
    #[must_use]
    pub fn wake_at(&self, graph: &Graph) -> Option<Moment> {
        let round = self.round.as_ref()?;
        Some(if round.complete { round.began + self.period } else { due_at(round, self.period, graph.target_count()) })
    }
}

/// Evenly spread: the n-th of N after n/N of the period.
fn due_at(round: &Round, period: Duration, targets: usize) -> Moment {
    let part = (round.done + 1) as f64 / targets.max(1) as f64;
    round.began + period.mul_f64(part.min(1.0))
}

#[cfg(test)]
mod tests {
    use k8s_replicator_core::annotations::Dialect;
    use k8s_replicator_core::observed::{Observed, ResourceVersion};

    use super::*;

    fn graph(names: &[&str]) -> Graph {
        let mut graph = Graph::default();
        graph.begin_namespaces();
        graph.end_namespaces();
        graph.begin_list();
        for name in names {
            let json = format!(
                r#"{{"metadata":{{"namespace":"ns","name":"{name}","uid":"{name}","resourceVersion":"1",
                "annotations":{{"p/replicate-from":"a/b"}}}}}}"#
            );
            graph.observe(Observed::from_json(&json, &Dialect::new("p/", false)).unwrap());
        }
        graph.end_list(&ResourceVersion::new("999999"));
        graph
    }

    fn at(verification: &mut Verification, seconds: u64, graph: &Graph) -> String {
        let mut due = Vec::new();
        while let Some(target) = verification.next(Duration::from_secs(seconds), graph) {
            due.push(target.name().to_owned());
        }
        due.join(" ")
    }

    #[test]
    fn a_round_is_spread_over_the_period() {
        let graph = graph(&["a", "b", "c", "d"]);
        let mut verification = Verification::new(Duration::from_secs(40));
        assert_eq!(verification.wake_at(&graph), None);
        assert_eq!(at(&mut verification, 100, &graph), "");
        assert_eq!(verification.wake_at(&graph), Some(Duration::from_secs(110)));
        assert_eq!(at(&mut verification, 109, &graph), "");
        assert_eq!(at(&mut verification, 110, &graph), "a");
        assert_eq!(at(&mut verification, 131, &graph), "b c", "late, so two at once");
        assert_eq!(at(&mut verification, 140, &graph), "d");
        assert_eq!(verification.wake_at(&graph), Some(Duration::from_secs(150)));
        assert_eq!(at(&mut verification, 150, &graph), "a", "the next round");
    }

    #[test]
    fn none_at_all_when_the_period_is_zero_or_nothing_is_known() {
        let mut never = Verification::new(Duration::ZERO);
        assert_eq!(at(&mut never, 1_000, &graph(&["a"])), "");
        assert_eq!(never.wake_at(&graph(&["a"])), None);
        let mut verification = Verification::new(Duration::from_secs(1));
        assert_eq!(at(&mut verification, 1_000, &Graph::default()), "");
        let none = graph(&[]);
        assert_eq!(at(&mut verification, 1_000, &none), "");
        assert_eq!(at(&mut verification, 1_001, &none), "");
        assert!(verification.wake_at(&none) > Some(Duration::from_secs(1_001)), "no busy waiting without targets");
    }
}
