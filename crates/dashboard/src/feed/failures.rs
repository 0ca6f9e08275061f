//! What was said when attempts failed, for the trails of targets that fail. The controller tells each failure at once and then less and
//! less often, and many of the same cause in one report: so who is not named has what was said of another one, for the same reason.

use std::collections::VecDeque;

use k8s_replicator_controller::report::{Outcome, Report};
use k8s_replicator_core::names::{SourceKey, TargetKey};
use k8s_replicator_core::reason::Reason;

use crate::protocol::Said;

/// So many are kept, the latest.
const MOST: usize = 200;
/// And so many characters of each.
const LONGEST: usize = 600;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Failures(VecDeque<Failure>);

#[derive(Debug)]
struct Failure {
    kind: &'static str,
    target: TargetKey,
    others: Vec<TargetKey>,
    source: Option<SourceKey>,
    reason: Reason,
    text: String,
}

impl Failures {
    pub(super) fn hear(&mut self, kind: &'static str, report: &Report) {
        let Outcome::Failed { reason, error, .. } = &report.outcome else { return };
        self.0.retain(|it| it.kind != kind || it.target != report.target);
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(Failure {
            kind,
            target: report.target.clone(),
            others: report.others.names.clone(),
            source: report.verdict.source.clone(),
            reason: *reason,
            text: beginning(error, LONGEST),
        });
    }

    /// What was said last of a target that fails for this reason, or of another one with the same source.
    pub(super) fn of(
        &self,
        kind: &str,
        target: &TargetKey,
        reason: Reason,
        source: Option<&SourceKey>,
    ) -> Option<Said> {
        let latest = || self.0.iter().rev().filter(|it| it.kind == kind && it.reason == reason);
        let own = latest().find(|it| it.target == *target);
        let named = || latest().find(|it| it.others.contains(target));
        let alike = || latest().find(|it| it.source.as_ref() == source);
        let found = own.or_else(named).or_else(alike)?;
        Some(Said { text: found.text.clone(), of: (found.target != *target).then(|| found.target.to_string()) })
    }
}

/// A text, or its beginning.
pub(super) fn beginning(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_replicator_core::decide::{Verb, Verdict};
    use k8s_replicator_core::names::Key;

    use super::*;

    fn target(name: &str) -> TargetKey {
        Key::new("ns", name).unwrap().into()
    }

    fn source(name: &str) -> SourceKey {
        Key::new("a", name).unwrap().into()
    }

    fn failed(name: &str, of: &str, error: &str) -> Report {
        let verdict = Verdict { reason: Reason::NewTarget, source: Some(source(of)), detail: None };
        let retry_in = Duration::ZERO;
        let outcome =
            Outcome::Failed { verb: Some(Verb::Create), reason: Reason::Forbidden, error: error.to_owned(), retry_in };
        Report::new(target(name), verdict, outcome)
    }

    #[test]
    fn what_was_said_of_a_target_or_else_of_one_that_fails_for_the_same_cause() {
        let mut failures = Failures::default();
        failures.hear("Secret", &failed("one", "s", "old"));
        failures.hear("Secret", &failed("one", "s", "quota"));
        let mut with_others = failed("two", "x", "webhook");
        with_others.others.names.push(target("three"));
        failures.hear("Secret", &with_others);
        let of = |kind, name, from| {
            let said = failures.of(kind, &target(name), Reason::Forbidden, Some(&source(from)))?;
            Some((said.text, said.of.unwrap_or_default()))
        };
        let said = |text: &str, of: &str| Some((text.to_owned(), of.to_owned()));
        assert_eq!(of("Secret", "one", "s"), said("quota", ""));
        assert_eq!(of("Secret", "three", "s"), said("webhook", "ns/two"));
        assert_eq!(of("Secret", "four", "s"), said("quota", "ns/one"));
        assert_eq!(of("Secret", "four", "y"), None);
        assert_eq!(of("ConfigMap", "one", "s"), None);
        assert_eq!(failures.of("Secret", &target("one"), Reason::ServerError, None), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut failures = Failures::default();
        (0..3 * MOST).for_each(|n| failures.hear("Secret", &failed(&format!("t-{n}"), "s", &"x".repeat(9_999))));
        assert_eq!(failures.0.len(), MOST);
        assert!(failures.0.iter().all(|it| it.text.chars().count() == LONGEST + 1));
    }
}
