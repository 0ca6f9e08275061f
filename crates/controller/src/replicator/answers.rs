//! What the answers to a replicator's requests mean to it.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_replicator_core::action::Action;
use k8s_replicator_core::decide::{Need, Verb, Verdict};
use k8s_replicator_core::graph::{Knowledge, Node};
use k8s_replicator_core::names::TargetKey;
use k8s_replicator_core::namespace::NamespaceFacts;

use super::under_way::{Overtaken, Sent, UnderWay};
use super::{Replicator, Ticket, Unreadable, Written};
use crate::cluster::{Answer, Failure, FailureKind};
use crate::event::Now;
use crate::queue::{Priority, backoff};
use crate::report::{Outcome, Report};

/// The longest wait between attempts that the server refuses for a reason that only a person can remove.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The longest wait between attempts when the server is in trouble.
const LONGEST_OUTAGE_WAIT: Duration = Duration::from_secs(30);
/// How long a server that asks for fewer requests is left alone if it does not say.
const PAUSE: Duration = Duration::from_secs(1);
/// That many conflicts in a row are the ordinary course of things, and not worth a word.
const ORDINARY_CONFLICTS: u32 = 3;
/// And that many writes of one target while its source stays as it is.
const ORDINARY_WRITES: u32 = 5;
/// From so many on, what could not be read and is not waited for any more is forgotten.
const MANY_UNREADABLE: usize = 1_000;

impl Replicator {
    /// Takes the answer to a request.
    pub fn answer(&mut self, now: Now, ticket: Ticket, answer: Result<Answer, Failure>) {
        self.graph.set_time(now.moment);
        let Some(Sent { at, request, overtaken }) = self.under_way.end(ticket) else { return };
        match &answer {
            // Reads are quicker than writes; what is quick is a matter of the like.
            Ok(_) if matches!(request, UnderWay::Write { .. }) => {
                self.window.done(now.moment, now.moment.saturating_sub(at));
            }
            Ok(_) => {}
            Err(failure) => {
                if let Some(pause) = failure.asks_for_less(PAUSE) {
                    self.window.trouble(now.moment, pause);
                }
            }
        }
        match request {
            UnderWay::Read(need) => {
                let waiting = self.waiting.remove(&need).unwrap_or_default();
                match answer {
                    Ok(answer) => {
                        self.unreadable.remove(&need);
                        let says_missing = matches!(answer, Answer::Missing | Answer::Deleted);
                        let is_old_news = match overtaken {
                            Overtaken::Not => false,
                            Overtaken::BySight => says_missing,
                            Overtaken::ByDeletion => true,
                        };
                        if is_old_news {
                            self.look_again(waiting);
                        } else {
                            self.was_read(now, &need, answer, waiting);
                        }
                    }
                    Err(failure) => self.read_failed(now, need, &failure, waiting),
                }
            }
            UnderWay::Write { target, verb, verdict, written } => match answer {
                Ok(_) if overtaken == Overtaken::ByDeletion => {
                    // Carried out, on an object that is gone, or is another one now.
                    self.looks.push_back(target.clone());
                    let outcome = Outcome::Done { verb, resource_version: None };
                    self.reports.push(Report { target, verdict, outcome });
                }
                Ok(answer) => self.was_written(now, target, verb, verdict, written, answer),
                // What a watch has told of the namespace meanwhile is newer.
                Err(failure) if failure.kind == FailureKind::NamespaceTerminating && overtaken == Overtaken::Not => {
                    let touched =
                        self.graph.observe_namespace(target.namespace(), NamespaceFacts { terminating: true });
                    self.look_at(touched);
                    self.queue.done(&target);
                }
                Err(failure) => self.write_failed(now, &target, verb, verdict, &failure),
            },
        }
    }

    fn was_read(&mut self, now: Now, need: &Need, answer: Answer, waiting: BTreeSet<TargetKey>) {
        match answer {
            Answer::Content(observed, content) => {
                let (key, version) = (observed.key.clone(), observed.resource_version.clone());
                let touched = self.graph.found(observed);
                self.changed(now, key.clone(), touched);
                let facts = self.facts(content.type_.as_deref(), &content.payload);
                self.graph.learn(&key, &version, facts, &content);
                if waiting.iter().any(|target| **target != key) {
                    self.contents.keep(now.moment, key, version, content.payload);
                }
            }
            Answer::Seen(observed) => {
                let key = observed.key.clone();
                let touched = self.graph.found(observed);
                self.changed(now, key, touched);
            }
            Answer::Missing | Answer::Deleted => {
                self.graph.confirm_absent(need.key());
                if self.graph.node(need.key()).is_some() {
                    // Gone already, but the watch has not told yet, and it is the watch that is believed.
                    for target in &waiting {
                        self.delay(now, target, LONGEST_OUTAGE_WAIT);
                    }
                    return;
                }
            }
        }
        self.look_again(waiting);
    }

    /// What these waited for is known now, or is not worth waiting for any more. They come first: what was read for them is
    /// not kept for long.
    fn look_again(&mut self, waiting: BTreeSet<TargetKey>) {
        for target in waiting {
            self.queue.add(target.clone(), Priority::Ready);
            self.queue.release(&target);
        }
    }

    /// One request failed for all who wait for its answer: it is told once, and tried again once.
    fn read_failed(&mut self, now: Now, need: Need, failure: &Failure, waiting: BTreeSet<TargetKey>) {
        let failures = self.unreadable.get(&need).map_or(0, |unreadable| unreadable.failures);
        let retry_in = backoff(failures, longest_wait(failure.kind), (self.entropy)());
        let again_at = now.moment + retry_in;
        for target in &waiting {
            self.queue.pause(target, again_at);
        }
        if let Some(target) = waiting.into_iter().next() {
            let (reason, error) = (failure.kind.reason(), failure.message.clone());
            let source = (*need.key() != *target).then(|| need.key().clone().into());
            let outcome = Outcome::Failed { verb: None, reason, error, retry_in };
            self.reports.push(Report { target, verdict: Verdict { reason, source, detail: None }, outcome });
        }
        if self.unreadable.len() >= MANY_UNREADABLE {
            self.unreadable.retain(|_, unreadable| unreadable.again_at > now.moment);
        }
        self.unreadable.insert(need, Unreadable { failures: failures.saturating_add(1), again_at });
    }

    fn was_written(
        &mut self,
        now: Now,
        target: TargetKey,
        verb: Verb,
        verdict: Verdict,
        written: Written,
        answer: Answer,
    ) {
        let mut resource_version = None;
        if let Answer::Seen(observed) = answer {
            resource_version = Some(observed.resource_version.clone());
            let touched = self.graph.wrote(observed, written);
            self.look_at(touched);
        }
        if let Some(source) = &verdict.source {
            self.storms.was_followed(source, &target);
        }
        let source = verdict.source.as_ref().and_then(|source| self.graph.node(source));
        let source = source.map(|source| source.resource_version.clone());
        match self.queue.written(&target, source) {
            ..ORDINARY_WRITES => self.queue.release(&target),
            // It never is as it was written: something takes back what this program does.
            before => {
                let wait = backoff(before - ORDINARY_WRITES, LONGEST_OUTAGE_WAIT, (self.entropy)());
                self.queue.pause(&target, now.moment + wait);
            }
        }
        self.refused.remove(&target);
        if verb == Verb::Clear {
            // That nothing comes, and why, is told by this very action.
            self.refused.insert(target.clone(), verdict.clone());
        }
        self.reports.push(Report { target, verdict, outcome: Outcome::Done { verb, resource_version } });
    }

    fn write_failed(&mut self, now: Now, target: &TargetKey, verb: Verb, verdict: Verdict, failure: &Failure) {
        let is_known = |node: &Node| matches!(node.knowledge, Knowledge::Known(_)) && node.type_.is_some();
        match failure.kind {
            FailureKind::NamespaceTerminating => {
                self.delay(now, target, LONGEST_OUTAGE_WAIT);
            }
            // The replica is gone, or its namespace: the watch will tell.
            FailureKind::Gone if self.queue.failures(target) < ORDINARY_CONFLICTS => {
                self.delay(now, target, LONGEST_OUTAGE_WAIT);
            }
            // It is not as it was. What it is now is asked for, without waiting for the watch.
            FailureKind::Conflict if self.queue.failures(target) < ORDINARY_CONFLICTS => {
                self.queue.failed(target);
                self.looks.push_back(target.clone());
            }
            // Its type, or that it is immutable, may not have been known; or it lost its annotations meanwhile, and the patch
            // does not fit any more: it is read before it is decided again.
            FailureKind::Invalid if verb != Verb::Create && !self.graph.node(target).is_some_and(is_known) => {
                self.graph.doubt(target);
                self.queue.failed(target);
                self.queue.retry(target, now.moment);
            }
            _ => self.failed(now, target, Some(verb), verdict, failure),
        }
    }

    fn failed(&mut self, now: Now, target: &TargetKey, verb: Option<Verb>, verdict: Verdict, failure: &Failure) {
        let retry_in = self.delay(now, target, longest_wait(failure.kind));
        let (reason, error) = (failure.kind.reason(), failure.message.clone());
        let outcome = Outcome::Failed { verb, reason, error, retry_in };
        self.reports.push(Report { target: target.clone(), verdict, outcome });
    }

    /// Lets a target wait, longer with each failure in a row.
    fn delay(&mut self, now: Now, target: &TargetKey, longest: Duration) -> Duration {
        let wait = backoff(self.queue.failed(target), longest, (self.entropy)());
        self.queue.retry(target, now.moment + wait);
        wait
    }

    /// What will be known of a target's content when the write is carried out.
    pub(super) fn written_by(&self, action: &Action) -> Written {
        let (type_, payload) = match action {
            Action::Create(create) => (create.type_(), create.payload()),
            Action::Update(update) => update.data().map(|data| (data.expected_type.as_ref(), &data.payload))?,
            Action::Adopt(_) | Action::Delete(_) => return None,
        };
        Some((self.facts(type_.map(|type_| &**type_), payload), type_.cloned()))
    }
}

fn longest_wait(failure: FailureKind) -> Duration {
    match failure {
        FailureKind::Forbidden | FailureKind::Invalid => LONGEST_WAIT,
        _ => LONGEST_OUTAGE_WAIT,
    }
}
