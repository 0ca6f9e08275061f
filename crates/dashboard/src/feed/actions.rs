//! The last actions, as the controller logs them.

use std::collections::VecDeque;

use k8s_replicator_controller::controller::Message;
use k8s_replicator_controller::event::Now;
use k8s_replicator_controller::report::{Outcome, Report};
use k8s_replicator_core::decide::Verb;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::state::State;

use super::failures::{Failures, beginning};
use crate::protocol::Action;

/// So many are kept.
const MOST: usize = 60;
/// And so many characters of what was said.
const LONGEST: usize = 300;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Actions {
    recent: VecDeque<Action>,
    /// How many of them, the latest, are in no frame yet.
    new: usize,
    /// What was said of those that failed.
    pub(super) failures: Failures,
}

impl Actions {
    pub(super) fn hear(&mut self, message: &Message, now: Now) {
        let Message::Report(kind, report) = message else { return };
        self.failures.hear(kind.name(), report);
        let Some(action) = action(*kind, report, now) else { return };
        if self.recent.len() == MOST {
            self.recent.pop_front();
        }
        self.recent.push_back(action);
        self.new = (self.new + 1).min(MOST);
    }

    /// All that are kept.
    pub(super) fn recent(&self) -> Vec<Action> {
        self.recent.iter().cloned().collect()
    }

    /// Those that this was not called for yet.
    pub(super) fn take_new(&mut self) -> Vec<Action> {
        let new = std::mem::take(&mut self.new);
        self.recent.iter().skip(self.recent.len() - new).cloned().collect()
    }
}

fn action(kind: &'static dyn Kind, report: &Report, now: Now) -> Option<Action> {
    let Report { target, verdict, outcome, others } = report;
    let (action, reason, error) = match outcome {
        Outcome::Done { verb, .. } => (verb.word(), verdict.reason, None),
        Outcome::Failed { verb, reason, error, .. } => {
            (verb.map_or("read", Verb::word), *reason, Some(beginning(error, LONGEST)))
        }
        // What is held is no refusal to who reads it.
        Outcome::Refused if State::at_rest(verdict.reason) == Some(State::Held) => ("hold", verdict.reason, None),
        Outcome::Refused => ("refuse", verdict.reason, None),
        Outcome::Waits(_) => ("wait", verdict.reason, None),
        // Nothing was done.
        Outcome::Nothing | Outcome::Advice => return None,
    };
    Some(Action {
        at: now.time.as_millisecond(),
        kind: kind.name(),
        target: target.to_string(),
        source: verdict.source.as_ref().map(ToString::to_string),
        action,
        reason: reason.code(),
        error,
        others: others.count,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_replicator_core::decide::Verdict;
    use k8s_replicator_core::kind::Secret;
    use k8s_replicator_core::names::Key;
    use k8s_replicator_core::reason::Reason;

    use super::*;

    #[test]
    fn what_is_held_is_not_called_refused() {
        let word = |reason| {
            let verdict = Verdict { reason, source: None, detail: None };
            let report = Report::new(Key::new("ns", "t").unwrap().into(), verdict, Outcome::Refused);
            let now = Now { moment: Duration::ZERO, time: "2026-01-02T03:04:05Z".parse().unwrap() };
            action(&Secret, &report, now).unwrap().action
        };
        assert_eq!([word(Reason::Paused), word(Reason::Loop)], ["hold", "refuse"]);
    }

    #[test]
    fn the_last_ones_are_kept_and_each_is_new_once() {
        let mut actions = Actions::default();
        let now = Now { moment: Duration::ZERO, time: "2026-01-02T03:04:05Z".parse().unwrap() };
        let hear = |actions: &mut Actions, n: usize, outcome: Outcome| {
            let verdict = Verdict { reason: Reason::SourceChanged, source: None, detail: None };
            let report = Report::new(Key::new("ns", &format!("t-{n}")).unwrap().into(), verdict, outcome);
            actions.hear(&Message::Report(&Secret, report), now);
        };
        let done = || Outcome::Done { verb: Verb::Update, resource_version: None };
        (0..3).for_each(|n| hear(&mut actions, n, done()));
        hear(&mut actions, 9, Outcome::Nothing);
        let targets = |actions: Vec<Action>| actions.into_iter().map(|action| action.target).collect::<Vec<_>>();
        assert_eq!(targets(actions.take_new()), ["ns/t-0", "ns/t-1", "ns/t-2"]);
        assert_eq!(targets(actions.take_new()), Vec::<String>::new());
        (0..2 * MOST).for_each(|n| hear(&mut actions, n, done()));
        assert_eq!((actions.take_new().len(), actions.recent().len()), (MOST, MOST));
    }
}
