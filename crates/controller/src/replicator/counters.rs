//! The metrics of one control loop.

use std::time::Duration;

use k8s_replicator_core::decide::Verb;
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;

use super::Replicator;
use crate::event::{Moment, Now};
use crate::metrics::{Histogram, Metric, Samples};

/// Each verb.
const VERBS: [Verb; 6] = [Verb::Create, Verb::Adopt, Verb::Update, Verb::Clear, Verb::Delete, Verb::Recreate];
/// The outcome of a write that was carried out.
const DONE: &str = "Done";

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Counters {
    decisions: [u64; Reason::ALL.len()],
    /// By verb: carried out, and failed for each reason.
    done: [u64; VERBS.len()],
    failed: [[u64; Reason::ALL.len()]; VERBS.len()],
    retries: [u64; Reason::ALL.len()],
    propagation: Histogram,
    end_to_end: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            decisions: [0; Reason::ALL.len()],
            done: [0; VERBS.len()],
            failed: [[0; Reason::ALL.len()]; VERBS.len()],
            retries: [0; Reason::ALL.len()],
            propagation: Histogram::new(Histogram::PROPAGATION),
            end_to_end: Histogram::new(Histogram::END_TO_END),
        }
    }
}

impl Counters {
    pub(super) fn decided(&mut self, reason: Reason) {
        self.decisions[reason as usize] += 1;
    }

    pub(super) fn retried(&mut self, reason: Reason) {
        self.retries[reason as usize] += 1;
    }

    pub(super) fn write_failed(&mut self, verb: Verb, reason: Reason) {
        self.failed[verb as usize][reason as usize] += 1;
    }

    /// A write was carried out. `since`: when the change that caused it was seen; `written`: when its source's data was written, if
    /// it copies that.
    pub(super) fn written(&mut self, now: Now, verb: Verb, since: Option<Moment>, written: Option<u32>) {
        self.done[verb as usize] += 1;
        if let Some(since) = since {
            self.propagation.observe(now.moment.saturating_sub(since));
        }
        if let Some(written) = written {
            // The two times come from the clocks of two machines, of which one may be ahead.
            let seconds = now.time.as_second().saturating_sub(i64::from(written));
            self.end_to_end.observe(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
        }
    }
}

impl Replicator {
    /// Its metrics. `works`: whether this control loop makes requests, and is no standby's: no target waits for a standby.
    pub fn metrics(&self, now: Moment, works: bool, samples: &mut Samples) {
        let kind = self.kind.name();
        let Counters { decisions, done, failed, retries, propagation, end_to_end } = &self.counters;
        for state in State::ALL {
            samples.count(Metric::Targets, &[kind, state.name()], self.standing.count(state));
        }
        for reason in Reason::ALL {
            let (code, at_rest) = (reason.code(), State::at_rest(*reason));
            let of_reason = |counts: &[u64; Reason::ALL.len()]| counts[*reason as usize];
            let is_failure = at_rest == Some(State::Failing);
            if at_rest.is_some_and(|state| state != State::Current) {
                samples.count(Metric::NotCurrent, &[kind, code], self.standing.count_because(*reason));
            }
            // A series for every possible label exists from the beginning, so that a first increase is visible and the number of
            // series stays the same.
            let is_no_target = matches!(reason, Reason::NotATarget | Reason::PushesItself | Reason::NotWanted);
            if !is_failure && at_rest.is_some() || is_no_target || of_reason(decisions) > 0 {
                samples.count(Metric::Decisions, &[kind, code], of_reason(decisions));
            }
            // A create can fail for this reason.
            let can_fail_so = is_failure || *reason == Reason::NamespaceTerminating;
            if can_fail_so || of_reason(retries) > 0 {
                samples.count(Metric::Retries, &[kind, code], of_reason(retries));
            }
            for verb in VERBS {
                let count = of_reason(&failed[verb as usize]);
                if can_fail_so && *reason != Reason::Contested || count > 0 {
                    samples.count(Metric::Writes, &[kind, verb.word(), code], count);
                }
            }
        }
        for verb in VERBS {
            samples.count(Metric::Writes, &[kind, verb.word(), DONE], done[verb as usize]);
        }
        samples.histogram(Metric::Propagation, &[kind], propagation);
        samples.histogram(Metric::EndToEnd, &[kind], end_to_end);
        let depth = self.queue.depth();
        let standing = self.standing.oldest_pending().map(|(since, _)| since);
        let oldest = standing.into_iter().chain(depth.oldest_urgent).min().filter(|_| works);
        let age = oldest.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        samples.number(Metric::OldestPending, &[kind], age.as_secs_f64());
        for (class, count) in depth.classes {
            samples.count(Metric::QueueDepth, &[kind, class], count);
        }
        let removals = |reason| self.standing.count_because(reason);
        samples.count(Metric::RemovalsWaiting, &[kind], removals(Reason::RemovalDelayed));
        samples.count(Metric::RemovalsHeld, &[kind], removals(Reason::RemovalHeld));
        samples.count(Metric::WindowSize, &[kind], self.window.size());
        samples.count(Metric::InFlight, &[kind], self.under_way.len());
        samples.count(Metric::Ready, &[kind], usize::from(self.is_ready()));
    }
}
