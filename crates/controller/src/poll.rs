//! Polls the namespaces that `--namespaces` names, one by one. It does no IO and has no clock.
//!
//! A Role in a namespace can grant `get` on that very namespace, but neither `list` nor `watch`, which concern all namespaces. So,
//! in the place of a watch, each namespace is read (a *look*): often while one of them is missing or terminating and its replicas
//! wait, else seldom.
//!
//! Guarantees: the consumer gets `Ends` only when the server has answered for every namespace, with the namespace or with a
//! `Status` NotFound; a namespace that may not be read counts neither as existing nor as missing, and what was known of it stays;
//! attempts are never made in a hot loop; every wait has an end.
//!
//! It is driven as a [`Watch`](crate::watch::Watch) is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::bug;
use k8s_replicator_core::names::Namespace;
use serde_json::json;
use tracing::Level;

use crate::backoff::{LONGEST_RETRY_AFTER, backoff};
use crate::cluster::kube::METADATA_ONLY;
use crate::cluster::object::Object;
use crate::cluster::status::{refusal, says_not_found};
use crate::cluster::{Failure, FailureKind};
use crate::event::{Moment, SeenNamespace};
use crate::health::Progress;
use crate::log_once::LogOnce;
use crate::notice::Notice;
use crate::watch::{Change, Consumer, Entropy, unreadable};
use crate::wire::{Expects, HttpRequest, Next, Received, Response};

/// Between two rounds while all namespaces exist.
const CALM: Duration = Duration::from_secs(30);
/// Between two rounds while a namespace is missing or terminating.
const WAITING: Duration = Duration::from_secs(3);
/// The longest pause after a failure.
const LONGEST_FAILURE_PAUSE: Duration = Duration::from_secs(30);
/// A look without a response after this time is given up.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A namespace's metadata, with annotations of 256 KiB, and room to spare.
const LONGEST_RESPONSE: usize = 2 << 20;

/// See the [module](self).
pub struct Poll {
    /// The server's address, for messages.
    url: String,
    namespaces: Vec<Namespace>,
    progress: Arc<Progress>,
    entropy: Entropy,
    /// The namespaces that the server has not answered for yet.
    unanswered: BTreeSet<Namespace>,
    has_begun: bool,
    has_ended: bool,
    round: Round,
    /// When the look under way was sent.
    asked_at: Option<Moment>,
    cancel: bool,
    next_round: Moment,
    /// When the namespaces whose last look succeeded are read again.
    all_at: Moment,
    failing: BTreeMap<Namespace, Failing>,
    notices: Vec<Notice>,
}

/// A namespace whose look failed.
#[derive(Default)]
struct Failing {
    /// How many times in a row.
    times: u32,
    /// It is not read again before.
    again_at: Moment,
    log: LogOnce,
}

/// One look at each namespace that is due. A namespace whose look failed has its own time, so that the others do not wait for it;
/// the others have one time in common.
#[derive(Default)]
struct Round {
    /// The namespace to be read next.
    next: usize,
    /// Whether the round includes the namespaces whose last look succeeded.
    is_of_all: bool,
    /// Whether one of them is missing or terminating.
    waits: bool,
    retry_after: Duration,
}

/// What a look showed.
enum Look {
    /// The namespace is there.
    There {
        terminating: bool,
    },
    Missing,
}

impl Poll {
    /// A poll of `namespaces`. `url`: the server's address, for messages; `progress`: its heartbeat; `entropy` spreads the
    /// attempts of many programs.
    #[must_use]
    pub fn new(url: String, namespaces: BTreeSet<Namespace>, progress: Arc<Progress>, entropy: Entropy) -> Self {
        Self {
            url,
            namespaces: namespaces.iter().cloned().collect(),
            progress,
            entropy,
            unanswered: namespaces,
            has_begun: false,
            has_ended: false,
            round: Round::default(),
            asked_at: None,
            cancel: false,
            next_round: Moment::ZERO,
            all_at: Moment::ZERO,
            failing: BTreeMap::new(),
            notices: Vec::new(),
        }
    }

    /// What has to be logged since this was last called.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Goes on as far as it can without IO. To be called until it answers [`Next::WaitUntil`].
    pub fn poll(&mut self, now: Moment, consumer: &mut impl Consumer) -> Next {
        if !self.has_begun {
            self.has_begun = true;
            // It cannot fail: the change carries no object.
            let _ = consumer.take(Change::Begins);
        }
        if self.asked_at.is_some_and(|at| now >= at + TIMEOUT) {
            self.progress.made(now);
            self.asked_at = None;
            self.cancel = true;
            let message = format!("nothing came for {} s", TIMEOUT.as_secs());
            self.looked(now, Err(Failure::new(FailureKind::Unreachable, message)));
        }
        if std::mem::take(&mut self.cancel) {
            return Next::Cancel;
        }
        if let Some(at) = self.asked_at {
            return Next::WaitUntil(at + TIMEOUT);
        }
        if self.has_ended && bug!(PolledOnce) {
            return Next::WaitUntil(Moment::MAX);
        }
        if now < self.next_round {
            return Next::WaitUntil(self.next_round);
        }
        if self.round.next == 0 {
            self.round.is_of_all = self.all_at <= now;
        }
        while self.namespaces.get(self.round.next).is_some_and(|namespace| !self.is_due(now, namespace)) {
            self.round.next += 1;
        }
        match self.namespaces.get(self.round.next) {
            Some(namespace) => {
                self.asked_at = Some(now);
                let path = format!("/api/v1/namespaces/{namespace}");
                Next::Request(HttpRequest::get(path, METADATA_ONLY, Expects::Whole(LONGEST_RESPONSE)))
            }
            None => {
                self.end_round(now, consumer);
                Next::WaitUntil(self.next_round)
            }
        }
    }

    /// Takes the response to the request under way, or its failure.
    pub fn deliver(&mut self, now: Moment, received: Received, consumer: &mut impl Consumer) {
        self.progress.made(now);
        if self.asked_at.take().is_none() {
            // The request was cancelled.
            return;
        }
        let Some(namespace) = self.namespaces.get(self.round.next) else { return };
        let look = match received {
            Received::Response(response) => look(namespace, &response, consumer),
            Received::Failed(failure) => Err(failure),
            Received::TooLong => Err(Failure::unreadable(format_args!("it is longer than {LONGEST_RESPONSE} bytes"))),
            Received::Head(..) | Received::Data(_) | Received::Closed => {
                self.cancel = true;
                Err(Failure::new(FailureKind::Server, "the response came in another form than it was asked for"))
            }
        };
        self.looked(now, look);
    }

    fn looked(&mut self, now: Moment, look: Result<Look, Failure>) {
        let Some(namespace) = self.namespaces.get(self.round.next).cloned() else { return };
        self.round.next += 1;
        match look {
            Ok(look) => {
                self.round.waits |= !matches!(look, Look::There { terminating: false });
                self.unanswered.remove(&namespace);
                self.failing.remove(&namespace);
            }
            Err(failure) => {
                let error = self.explain(&namespace, &failure);
                let random = (self.entropy)();
                let asked = failure.asked_wait(LONGEST_RETRY_AFTER, random);
                self.round.retry_after = self.round.retry_after.max(asked);
                let failing = self.failing.entry(namespace.clone()).or_default();
                failing.times = failing.times.saturating_add(1);
                failing.again_at = now + backoff(failing.times, LONGEST_FAILURE_PAUSE, random);
                if failing.log.should_log(now, &error) {
                    let message = format!("cannot get the namespace {namespace}; trying again");
                    self.notices.push(Notice {
                        level: Level::WARN,
                        resource: "namespaces",
                        namespace: Some(namespace.to_string()),
                        verb: Some("get"),
                        reason: Some(failure.kind.reason().code()),
                        error: Some(error),
                        message,
                    });
                }
            }
        }
    }

    fn end_round(&mut self, now: Moment, consumer: &mut impl Consumer) {
        let round = std::mem::take(&mut self.round);
        if !self.has_ended && self.unanswered.is_empty() {
            self.has_ended = true;
            let (level, message) = (Level::INFO, "read each namespace of --namespaces once".to_owned());
            let resource = "namespaces";
            self.notices.push(Notice {
                level,
                resource,
                namespace: None,
                verb: None,
                reason: None,
                error: None,
                message,
            });
            // It cannot fail: the change carries no object.
            let _ = consumer.take(Change::Ends(""));
        }
        let pause = if round.waits { WAITING } else { CALM };
        let at = now + pause + pause.mul_f64(f64::from((self.entropy)()) / 1024.0);
        if round.is_of_all || round.waits {
            self.all_at = if round.is_of_all { at } else { at.min(self.all_at) };
        }
        let failing = self.failing.values().map(|failing| failing.again_at);
        let next = if self.failing.len() < self.namespaces.len() { self.all_at } else { Moment::MAX };
        // The server's `Retry-After` applies to all of them.
        self.next_round = failing.fold(next, Moment::min).max(now + round.retry_after);
    }

    fn is_due(&self, now: Moment, namespace: &Namespace) -> bool {
        self.failing.get(namespace).map_or(self.round.is_of_all, |failing| failing.again_at <= now)
    }

    /// The server's message, with what to do about it.
    fn explain(&self, namespace: &Namespace, failure: &Failure) -> String {
        failure.explained(Some(&self.url), || {
            format!(
                "the controller's account needs the verb \"get\" on \"namespaces\" in the namespace \"{namespace}\", \
                 by a Role there, for which the namespace has to exist; or take it off --namespaces"
            )
        })
    }
}

/// Delivers to the consumer what a response says of a namespace.
fn look(namespace: &Namespace, response: &Response, consumer: &mut impl Consumer) -> Result<Look, Failure> {
    let Response { status, headers, body } = response;
    if *status == StatusCode::NOT_FOUND && says_not_found(body) {
        let gone = json!({ "metadata": { "name": &**namespace } }).to_string();
        consumer.take(Change::Deleted(Object::Json(gone.as_bytes()))).map_err(unreadable)?;
        return Ok(Look::Missing);
    }
    if !status.is_success() {
        return Err(refusal(*status, headers, body));
    }
    // Only the name and whether it terminates are needed here, so that any prefix will do.
    let seen = SeenNamespace::read(Object::of(body), &Dialect::new("", true)).map_err(unreadable)?;
    if *seen.name != **namespace {
        return Err(Failure::unreadable("it is about another object"));
    }
    consumer.take(Change::Seen(Object::of(body))).map_err(unreadable)?;
    Ok(Look::There { terminating: seen.facts.terminating })
}

#[cfg(test)]
mod tests;
