//! How a replicator handles the responses to its requests.

use std::time::Duration;

use k8s_replicator_core::bug;
use k8s_replicator_core::decide::{Need, Verb};
use k8s_replicator_core::graph::{Held, Knowledge, Node};
use k8s_replicator_core::observed::Observed;
use k8s_replicator_core::payload::Content;
use k8s_replicator_core::reason::Reason;

use super::steps::contested;
use super::under_way::{Overtaken, Sent, UnderWay, Writing};
use super::{Replicator, Ticket};
use crate::backoff::backoff;
use crate::cluster::{Answer, Failure, FailureKind};
use crate::event::Now;
use crate::queue::{End, Turn};
use crate::report::{Outcome, Report};

/// The longest wait between attempts that the server refuses for a reason that only a person can remove. With the backoff's quarter of
/// randomness it is below two minutes: so soon after a denial ends, however long it lasted, its targets are served.
const LONGEST_WAIT: Duration = Duration::from_secs(90);
/// The longest wait between attempts when the server is in trouble.
const LONGEST_OUTAGE_WAIT: Duration = Duration::from_secs(30);
/// The longest `Retry-After` of a webhook that one target obeys.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
/// Up to so many failures in a row are ordinary (conflicts); after more the object is not read at once any more.
const ORDINARY_FAILURES: u32 = 3;
/// After a delete, the target is decided about again after this time, if the watch has not shown the deletion before.
const SHOWN_BY: Duration = Duration::from_secs(10);
/// After so many attempts in a row a lagging cache is taken to have caught up with a write.
const LAGS_UNTIL: u32 = 3;
/// More corrections of a target within minutes than this are reported as a fight.
const ORDINARY_CORRECTIONS: u32 = 1;

impl Replicator {
    /// Takes the response to a request.
    pub fn answer(&mut self, now: Now, ticket: Ticket, answer: Result<Answer, Failure>) {
        self.set_time(now);
        let Some(Sent { at, request, overtaken, .. }) = self.under_way.end(ticket) else { return };
        let namespace = request.key().namespace();
        self.queue.reopen(namespace);
        match &answer {
            Ok(_) => {
                self.window.succeeded(now.moment, namespace);
                if let UnderWay::Write(_) = request {
                    // Reads are quicker than writes: only writes show how busy the server is.
                    self.window.written(now.moment, now.moment.saturating_sub(at));
                }
            }
            Err(failure) => self.window.failed(now.moment, namespace, failure, (self.entropy)()),
        }
        match request {
            UnderWay::Read { need, held } => self.read_answered(now, need, held.as_ref(), overtaken, answer),
            UnderWay::Write(writing) => self.write_answered(now, writing, overtaken, answer),
        }
    }

    // --- Reads ---

    /// `held`: the object that the graph held when it was asked for.
    fn read_answered(
        &mut self,
        now: Now,
        need: Need,
        held: Option<&Held>,
        overtaken: Overtaken,
        answer: Result<Answer, Failure>,
    ) {
        let waiting = self.waiting.remove(&need).unwrap_or_default();
        let in_part = self.looked_at_in_part.remove(need.key());
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return self.read_failed(now, &need, &failure, waiting),
        };
        let says_missing = matches!(answer, Answer::Missing | Answer::Deleted);
        let is_outdated = match overtaken {
            Overtaken::Not => false,
            Overtaken::BySight => says_missing && !bug!(Old404Believed),
            Overtaken::ByDeletion => true,
        };
        if !is_outdated && let Err(failure) = self.was_read(now, &need, held, answer, in_part, &waiting) {
            return self.read_failed(now, &need, &failure, waiting);
        }
        self.queue.was_read(need.key(), &waiting);
        // The targets that waited come first: the content that was read for them is not kept for long.
        waiting.into_iter().for_each(|turn| self.queue.end(turn, End::Now));
    }

    fn was_read(
        &mut self,
        now: Now,
        need: &Need,
        held: Option<&Held>,
        answer: Answer,
        in_part: bool,
        waiting: &[Turn],
    ) -> Result<(), Failure> {
        match answer {
            Answer::Content(observed, content) => {
                is_not_older(&observed, held)?;
                let (key, version) = (observed.key.clone(), observed.resource_version.clone());
                self.was_found(now, observed);
                let facts = self.facts(content.type_.as_deref(), &content.payload);
                self.graph.learn(&key, &version, facts, &content);
                self.advise_on_content(now, &key);
                // If only the target itself waits for its own content, its facts are enough, and the content is not kept.
                if in_part || waiting.iter().any(|turn| ***turn != key) {
                    self.contents.keep(now.moment, key, version, content.payload);
                }
            }
            Answer::Seen(observed) => {
                is_not_older(&observed, held)?;
                self.was_found(now, observed);
            }
            Answer::Missing | Answer::Deleted => {
                self.is_not_from_before(need, held)?;
                self.is_missing(now, need, held);
            }
        }
        Ok(())
    }

    /// A response showed an object.
    fn was_found(&mut self, now: Now, observed: Observed) {
        let key = observed.key.clone();
        let touched = self.graph.found(observed);
        self.note_change(now, &key, &touched);
        self.look_at(touched, Some(&key));
    }

    /// Fails for a 404 that may be older than what is known. A 404 has no version: if only a response, and not yet the watch, has
    /// shown the object, the 404 may come from a cache that lags behind that response. Then the watch will show the object's fate.
    /// If that event got lost, the 404 is believed after a few attempts.
    fn is_not_from_before(&self, need: &Need, held: Option<&Held>) -> Result<(), Failure> {
        let key = need.key();
        let Some(held) = held.filter(|held| held.only_answered) else { return Ok(()) };
        if self.queue.read_failures(key) >= LAGS_UNTIL {
            return Ok(());
        }
        let version = &held.resource_version;
        let message =
            format!("the server answered that {key} is missing, which it has shown at version {version} before");
        Err(Failure::new(FailureKind::Server, message))
    }

    /// The server says that an object does not exist, and no watch event about it came since the request was sent: that is
    /// believed, even if the watch has not shown the deletion.
    fn is_missing(&mut self, now: Now, need: &Need, held: Option<&Held>) {
        let touched = self.graph.not_found(need.key(), held);
        self.note_change(now, need.key(), &touched);
        self.look_at(touched, Some(need.key()));
    }

    /// A read failed for all targets that wait for its response: it is retried once, for all of them.
    fn read_failed(&mut self, now: Now, need: &Need, failure: &Failure, waiting: Vec<Turn>) {
        let (longest, random) = (longest_wait(failure.kind), (self.entropy)());
        let said = (failure.kind.reason(), failure.message.as_str());
        let wait = |failures| backoff(failures, longest, random);
        let failures = self.queue.read_failed(now.moment, need.key(), wait, said);
        for turn in waiting {
            let retry_in = wait(self.queue.read_for_target_failed(&turn, failures));
            let (reason, error) = (failure.kind.reason(), failure.message.clone());
            self.report_failure(now, &turn, need.key(), None, reason, error, retry_in);
            if let Need::Presence(_) = need {
                // The target itself still has to be read before it is decided about.
                self.look_up.insert(turn.clone());
            }
            let end = if bug!(ReadNotRetried) { End::Settled } else { End::At(now.moment + retry_in) };
            self.queue.end(turn, end);
        }
    }

    // --- Writes ---

    fn write_answered(&mut self, now: Now, writing: Writing, overtaken: Overtaken, answer: Result<Answer, Failure>) {
        match answer {
            Ok(answer) => {
                let removes = matches!(writing.verb, Verb::Delete | Verb::Recreate);
                let immutable = match &answer {
                    Answer::Content(observed, content) => Some((observed.resource_version.clone(), content.immutable)),
                    Answer::Seen(_) | Answer::Missing | Answer::Deleted => None,
                };
                let target = (*writing.turn).clone();
                let (observed, kept) = match answer {
                    Answer::Seen(observed) => (Some(observed), None),
                    Answer::Content(observed, content) if is_as_sent(&writing, &content) => (Some(observed), None),
                    Answer::Content(observed, content) => {
                        let facts = self.facts(content.type_.as_deref(), &content.payload);
                        (Some(observed), Some((Knowledge::Known(facts), content.type_)))
                    }
                    Answer::Missing | Answer::Deleted => (None, None),
                };
                // The data that the server stored counts, not the data that was sent: a webhook may have changed it.
                let writing = Writing { written: kept.or(writing.written), ..writing };
                if overtaken == Overtaken::ByDeletion && !removes {
                    // The write was carried out, but the object was deleted or recreated since.
                    self.look_up.insert(writing.turn.clone());
                    self.was_written(now, writing, None);
                } else {
                    self.was_written(now, writing, observed);
                }
                if let Some((version, immutable)) = immutable {
                    self.graph.learn_immutable(&target, &version, immutable);
                }
            }
            Err(failure) => self.write_failed(now, writing, &failure),
        }
    }

    /// A write was carried out. `observed`: the object since then, if the response shows it.
    fn was_written(&mut self, now: Now, writing: Writing, observed: Option<Observed>) {
        let Writing { turn, verb, verdict, because, work, written, sent: _ } = writing;
        let resource_version = observed.as_ref().map(|observed| observed.resource_version.clone());
        // The field manager that changed the target before this write.
        let manager = self.manager(&turn);
        if let Some(observed) = observed {
            // A read that was answered before this write says nothing of what is there now.
            self.under_way.was_seen(&turn);
            let touched = self.graph.wrote(observed, written);
            self.note_change(now, &turn, &touched);
            self.advise_on_content(now, &turn);
            self.look_at(touched, Some(&turn));
        }
        if let Some(source) = &verdict.source {
            self.storms.was_written(source, &turn);
        }
        let since = self.standing.written(&turn).map(|cause| cause.seen);
        // Only then the source's data is new, and not the target.
        let copied = verdict.source.as_ref().filter(|_| verdict.reason == Reason::SourceChanged);
        let written = copied.and_then(|source| Some(self.graph.node(source)?.managers.data_written));
        self.counters.written(now, verb, since, written.filter(|written| *written > 0));
        let corrections = self.queue.was_written(now.moment, &turn, work, because);
        if corrections > ORDINARY_CORRECTIONS {
            let error = contested(&turn, corrections, &manager);
            let again_in = self.queue.correction_in(now.moment, &turn);
            self.report_failure(now, &turn, &turn, Some(verb), Reason::Contested, error, again_in);
        } else {
            let outcome = Outcome::Done { verb, resource_version };
            self.reports.done(now.moment, Report::new(turn.clone(), verdict, outcome));
        }
        let end = match verb {
            _ if self.look_up.contains(&*turn) => End::Now,
            // The next decision needs the deletion, which the watch shows.
            Verb::Delete | Verb::Recreate => End::At(now.moment + SHOWN_BY),
            // The next decision is made on the state that the response shows. That may be the version from before: an admission
            // webhook that undoes the change leaves the object as it was.
            Verb::Create | Verb::Adopt | Verb::Update | Verb::Clear => End::Now,
        };
        self.queue.end(turn, end);
    }

    fn write_failed(&mut self, now: Now, writing: Writing, failure: &Failure) {
        let Writing { turn, verb, verdict, .. } = writing;
        self.counters.write_failed(verb, failure.kind.reason());
        let failures = self.queue.write_failed(now.moment, &turn);
        let is_passed_over = match failure.kind {
            FailureKind::NamespaceTerminating => bug!(TerminatingAnswerBelieved),
            FailureKind::Conflict => false,
            _ => bug!(WriteNotRetried),
        };
        if is_passed_over {
            return self.queue.end(turn, End::Settled);
        }
        let exists = verb != Verb::Create;
        let is_invalid = failure.kind == FailureKind::Invalid && exists && !bug!(InvalidNotLookedInto);
        // The target's type, or that it is immutable, may not have been known; or it lost its annotations, and the patch does not
        // fit any more. So it is read before it is decided about again, also if it failed for other causes before. What was decided
        // without that read (to delete or to adopt it) does not depend on it, and is repeated as after any other failure.
        if is_invalid && !self.is_known(&turn) && !self.is_refused(&turn) {
            self.graph.doubt(&turn);
            return self.queue.end(turn, End::Now);
        }
        // If the create says that it exists and the read that it is missing, a cache lags: an immediate retry would give the same.
        let ordinary = if exists { ORDINARY_FAILURES } else { 1 };
        let is_ordinary = failures < ordinary || bug!(BudgetOff);
        let is_unlike_known = match failure.kind {
            // The target changed, or is gone.
            FailureKind::Conflict => true,
            FailureKind::Gone => exists,
            // Refused again and again, though the target was read: the watch may have missed a change of it.
            FailureKind::Invalid => is_invalid && !is_ordinary,
            _ => false,
        };
        if is_unlike_known {
            // Before each further attempt the target is read, without waiting for the watch, which may have missed a change.
            self.look_up.insert(turn.clone());
            if is_ordinary {
                return self.queue.end(turn, End::Now);
            }
        }
        let longest = longest_wait(failure.kind);
        let random = (self.entropy)();
        let asked = failure.asked_wait(LONGEST_RETRY_AFTER, random);
        let retry_in = backoff(failures, longest, random).max(asked);
        let (reason, error) = (failure.kind.reason(), failure.message.clone());
        let outcome = Outcome::Failed { verb: Some(verb), reason, error, retry_in };
        self.failed(now, Report::new(turn.clone(), verdict, outcome), reason);
        self.queue.end(turn, End::At(now.moment + retry_in));
    }

    /// Whether a write of a target was refused since it was last read.
    fn is_refused(&self, turn: &Turn) -> bool {
        self.graph.node(turn).is_some_and(|node| node.knowledge == Knowledge::Refused)
    }

    /// Whether a target was read at its current version, so that another read shows nothing new. (After a write whose response
    /// showed metadata alone its data is known, and not whether it is immutable.)
    fn is_known(&self, turn: &Turn) -> bool {
        let is_read = |node: &Node| matches!(node.knowledge, Knowledge::Known(_)) && node.immutable.is_some();
        let has_type = |node: &Node| node.type_.is_some() || !self.kind.is_typed();
        self.graph.node(turn).is_some_and(|node| is_read(node) && has_type(node))
    }
}

/// Whether the server stored the data and the type that were sent: then what was known of them is known still.
fn is_as_sent(writing: &Writing, content: &Content) -> bool {
    let has_type = matches!(&writing.written, Some((Knowledge::Known(_), type_)) if *type_ == content.type_);
    has_type && writing.sent.as_ref() == Some(&content.payload)
}

/// Fails if a response is older than what the watch had shown when the request was sent: the server lags behind, or etcd was
/// restored. An immediate retry would give the same.
fn is_not_older(observed: &Observed, held: Option<&Held>) -> Result<(), Failure> {
    match held.map(|held| &held.resource_version).filter(|version| observed.resource_version.is_older_than(version)) {
        None => Ok(()),
        Some(version) => {
            let (key, older) = (&observed.key, &observed.resource_version);
            let message = format!(
                "the server answered with {key} at version {older}, older than {version}, which a watch showed"
            );
            Err(Failure::new(FailureKind::Server, message))
        }
    }
}

fn longest_wait(failure: FailureKind) -> Duration {
    match failure {
        FailureKind::Forbidden | FailureKind::Unauthorized | FailureKind::Invalid => LONGEST_WAIT,
        _ => LONGEST_OUTAGE_WAIT,
    }
}
