//! Which of several controllers writes: the one that holds a Lease (SPEC 13, `--leader-elect`). It does no IO and has no clock.
//!
//! The rules are those of client-go's leader election, whose figures these are too. The leader renews the Lease every
//! [`RETRY_PERIOD`]. A standby looks at it every [`LOOK_PERIOD`], and takes it when nobody holds it, or when its record has not
//! changed *as the standby saw it* for as long as the record says ([`LEASE_DURATION`]). Only monotonic time counts: the
//! wall-clock times in the Lease are written for people, and never read.
//!
//! Guarantees: a leader that could not renew within [`RENEW_DEADLINE`], counted from when the last renewal that the server granted
//! was *sent*, may not write any more ([`Lease::may_write`]), and cannot go on. A standby counts from when it saw that renewal,
//! which is later, and longer. So no two lead at once, as long as their clocks run at about the same speed and nobody edits or
//! deletes the Lease. (If they do, both are harmless: every write has its precondition.) Each write of the Lease carries the
//! resourceVersion on which it was decided.
//!
//! Why a standby polls the Lease, and does not watch it: a released Lease is taken within a look and a write, well under a second,
//! for two small requests a second in the whole cluster; no watch event can be missed, and the role needs neither `list` nor
//! `watch`.
//!
//! It is driven as a [`Poll`](crate::poll::Poll) is.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use k8s_replicator_core::bug;
use serde_json::{Value, json};
use tracing::Level;

use crate::backoff::{LONGEST_RETRY_AFTER, backoff};
use crate::cluster::status::{refusal, says_not_found};
use crate::cluster::{Failure, FailureKind};
use crate::event::{Moment, Now};
use crate::health::Progress;
use crate::log_once::LogOnce;
use crate::notice::Notice;
use crate::watch::Entropy;
use crate::wire::{Expects, HttpRequest, JSON, Next, Received, Response};

/// Others take the Lease when they have seen no renewal for that long.
pub const LEASE_DURATION: Duration = Duration::from_secs(15);
/// A leader that could not renew for that long leads no more.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Between two renewals, and after one that failed.
pub const RETRY_PERIOD: Duration = Duration::from_secs(2);
/// Between two reads of a standby.
pub const LOOK_PERIOD: Duration = Duration::from_millis(500);
/// The longest pause of a standby after a failure.
const LONGEST_LEASE_PAUSE: Duration = Duration::from_secs(5);
/// A request without a response after this time is given up, so that a leader has a second try before its deadline.
const TIMEOUT: Duration = Duration::from_secs(4);
/// The longest response that is taken; a Lease is far smaller.
const LONGEST_RESPONSE: usize = 2 << 20;

/// What [`Lease`] needs.
pub struct Settings {
    /// The Lease's namespace.
    pub namespace: String,
    /// The Lease's name.
    pub name: String,
    /// The name of this process, which no other process may have.
    pub identity: String,
    /// The server's address, for messages.
    pub url: String,
    /// Its heartbeat, for `/livez`.
    pub progress: Arc<Progress>,
    /// Random bytes, which spread the attempts of many programs.
    pub entropy: Entropy,
}

/// See the [module](self).
pub struct Lease {
    settings: Settings,
    role: Role,
    /// The Lease as of the last response, on which the next write is decided.
    known: Known,
    /// The record as it was last seen, and since when it has been the same.
    seen: Option<(Value, Moment)>,
    asked: Option<(Ask, Moment)>,
    cancel: bool,
    /// The next request is not made before.
    next: Moment,
    /// Attempts in a row that failed.
    failures: u32,
    is_stopping: bool,
    log: LogOnce,
    notices: Vec<Notice>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    Standby,
    /// `renewed`: when the last renewal that the server granted was sent.
    Leader {
        renewed: Moment,
    },
    /// It does not want the Lease any more, and has released it if it could.
    Released,
    Lost(String),
}

/// The Lease as of the last response.
enum Known {
    Nothing,
    Missing,
    Object(Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Look,
    Hold,
    Release,
}

impl Ask {
    fn verb(self, is_missing: bool) -> &'static str {
        match self {
            Self::Look => "get",
            Self::Hold if is_missing => "create",
            Self::Hold | Self::Release => "update",
        }
    }
}

impl Lease {
    /// A standby that has not read the Lease yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            role: Role::Standby,
            known: Known::Nothing,
            seen: None,
            asked: None,
            cancel: false,
            next: Moment::ZERO,
            failures: 0,
            is_stopping: false,
            log: LogOnce::default(),
            notices: Vec::new(),
        }
    }

    /// Whether this process leads now. Only then it may begin a write.
    #[must_use]
    pub fn may_write(&self, now: Moment) -> bool {
        let has_asked = matches!(self.asked, Some((Ask::Hold, _)));
        matches!(self.role, Role::Leader { renewed } if now < renewed + RENEW_DEADLINE || bug!(DeadlineForgotten))
            || bug!(LeadsBeforeGranted) && has_asked
    }

    /// Releases the Lease. To be called when no write is under way.
    pub fn release(&mut self) {
        if !self.is_stopping {
            self.is_stopping = true;
            self.next = Moment::ZERO;
        }
    }

    /// Whether the Lease was released, or was not held, after [`release`](Self::release).
    #[must_use]
    pub fn is_released(&self) -> bool {
        matches!(self.role, Role::Released | Role::Lost(_))
    }

    /// What has to be logged since this was last called.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Goes on as far as it can without IO. To be called until it answers [`Next::WaitUntil`].
    pub fn poll(&mut self, now: Now) -> Next {
        if let Role::Leader { renewed } = self.role
            && now.moment >= renewed + RENEW_DEADLINE
            && !bug!(DeadlineForgotten)
        {
            let seconds = RENEW_DEADLINE.as_secs();
            self.role = Role::Lost(format!("the lease {} could not be renewed for {seconds} s", self.place()));
        }
        if let Role::Lost(why) = &self.role {
            return Next::End(why.clone());
        }
        if let Some((_, at)) = self.asked.filter(|(_, at)| now.moment >= *at + TIMEOUT) {
            self.cancel = true;
            let message = format!("nothing came for {} s", now.moment.saturating_sub(at).as_secs());
            self.answered(now.moment, Err(Failure::new(FailureKind::Unreachable, message)));
        }
        if std::mem::take(&mut self.cancel) {
            return Next::Cancel;
        }
        if let Some((_, at)) = self.asked {
            return self.wait_until(at + TIMEOUT);
        }
        if self.is_stopping && self.role == Role::Standby {
            self.role = Role::Released;
        }
        if self.role == Role::Released {
            return Next::WaitUntil(Moment::MAX);
        }
        if now.moment < self.next {
            return self.wait_until(self.next);
        }
        let (ask, request) = match &self.known {
            Known::Nothing => (Ask::Look, self.look()),
            // A Lease that does not exist need not be released.
            Known::Missing if self.is_stopping => {
                self.role = Role::Released;
                return Next::WaitUntil(Moment::MAX);
            }
            Known::Missing => (Ask::Hold, self.create(now)),
            Known::Object(object) if self.is_stopping => (Ask::Release, self.update(released(object, now))),
            Known::Object(object) => (Ask::Hold, self.update(self.held(object, now))),
        };
        self.asked = Some((ask, now.moment));
        Next::Request(request)
    }

    /// Takes the response to the request under way, or its failure.
    pub fn deliver(&mut self, now: Moment, received: Received) {
        if self.asked.is_none() || matches!(self.role, Role::Lost(_)) {
            // The request was cancelled; or the response comes after the Lease was lost, which cannot be undone.
            return;
        }
        let response = match received {
            Received::Response(response) => Ok(response),
            Received::Failed(failure) => Err(failure),
            Received::TooLong => Err(Failure::unreadable("it is too long")),
            Received::Head(..) | Received::Data(_) | Received::Closed => {
                self.cancel = true;
                Err(Failure::unreadable("it came in another form than it was asked for"))
            }
        };
        self.answered(now, response);
    }

    fn answered(&mut self, now: Moment, response: Result<Response, Failure>) {
        self.settings.progress.made(now);
        let Some((ask, at)) = self.asked.take() else { return };
        let was_missing = matches!(self.known, Known::Missing);
        // A write without a response may have been carried out, and a refused one was decided on an old version: the Lease has to
        // be read again.
        self.known = Known::Nothing;
        match response.and_then(|response| self.read(ask, &response)) {
            Ok(known) => {
                self.failures = 0;
                self.log = LogOnce::default();
                match ask {
                    Ask::Look => self.looked(now, known),
                    Ask::Hold => self.holds(now, at, known),
                    Ask::Release => {
                        self.note(Level::INFO, format!("the lease {} is released", self.place()));
                        self.role = Role::Released;
                    }
                }
            }
            Err(failure) => self.failed(now, ask.verb(was_missing), &failure),
        }
    }

    /// The Lease that the response shows.
    fn read(&self, ask: Ask, Response { status, headers, body }: &Response) -> Result<Known, Failure> {
        if ask == Ask::Look && *status == StatusCode::NOT_FOUND && says_not_found(body) {
            return Ok(Known::Missing);
        }
        if !status.is_success() {
            return Err(refusal(*status, headers, body));
        }
        let object: Value = serde_json::from_slice(body).map_err(Failure::unreadable)?;
        let is_it = object["kind"] == "Lease" && object["metadata"]["name"] == self.settings.name.as_str();
        if !is_it || !object["metadata"]["resourceVersion"].is_string() {
            return Err(Failure::unreadable("it is not about the lease"));
        }
        Ok(Known::Object(object))
    }

    fn looked(&mut self, now: Moment, known: Known) {
        if let Known::Object(object) = &known {
            let record = &object["spec"];
            if self.seen.as_ref().is_none_or(|(seen, _)| seen != record) {
                let holder = holder(record);
                let is_new = self.seen.as_ref().is_none_or(|(seen, _)| self::holder(seen) != holder);
                if is_new && !holder.is_empty() && holder != self.settings.identity && self.role == Role::Standby {
                    self.note(Level::INFO, format!("standby: {holder:?} leads, by the lease {}", self.place()));
                }
                self.seen = Some((record.clone(), now));
            }
        }
        if self.is_free(now) {
            self.known = known;
            self.next = now;
            return;
        }
        match &self.role {
            Role::Leader { .. } if self.is_stopping => self.role = Role::Released,
            Role::Leader { .. } => {
                let holder = self.seen.as_ref().map(|(record, _)| holder(record)).unwrap_or_default();
                self.role = Role::Lost(format!("the lease {} is held by {holder:?} now", self.place()));
            }
            _ => self.next = now + LOOK_PERIOD,
        }
    }

    /// Whether this process may take the Lease, by the record as it was last seen. A deleted Lease counts as held for as long as it
    /// would have lasted: its holder may not have noticed the deletion yet.
    fn is_free(&self, now: Moment) -> bool {
        let Some((record, since)) = &self.seen else { return true };
        let holder = holder(record);
        let is_leader = matches!(self.role, Role::Leader { .. });
        holder == self.settings.identity
            || !is_leader
                && (bug!(LeaseTakenAtOnce) || holder.is_empty() || now >= since.saturating_add(duration(record)))
    }

    /// The server granted the write that was sent at `at`.
    fn holds(&mut self, now: Moment, at: Moment, known: Known) {
        if self.role == Role::Standby {
            self.note(Level::INFO, format!("this process leads: it holds the lease {}", self.place()));
        }
        self.role = Role::Leader { renewed: at };
        if let Known::Object(object) = &known {
            self.seen = Some((object["spec"].clone(), now));
        }
        self.known = known;
        self.next = at + RETRY_PERIOD;
    }

    fn failed(&mut self, now: Moment, verb: &'static str, failure: &Failure) {
        self.failures = self.failures.saturating_add(1);
        let is_leader = matches!(self.role, Role::Leader { .. });
        let random = (self.settings.entropy)();
        self.next = now
            + match failure.kind {
                // Another process was quicker, or the Lease was deleted. It is read before it is written again.
                FailureKind::Conflict | FailureKind::Gone if self.failures == 1 => Duration::ZERO,
                _ if self.is_stopping => backoff(self.failures, RETRY_PERIOD, random),
                // A leader retries quickly, since its deadline is near.
                _ if is_leader => backoff(self.failures + 2, RETRY_PERIOD, random),
                _ => backoff(self.failures + 2, LONGEST_LEASE_PAUSE, random)
                    .max(failure.asked_wait(LONGEST_RETRY_AFTER, random)),
            };
        if failure.kind == FailureKind::Conflict {
            return;
        }
        let error = failure.explained(Some(&self.settings.url), || {
            format!(
                "with --leader-elect the controller's account needs \"get\", \"create\" and \"update\" on \"leases\" in \
                 the group \"coordination.k8s.io\", by a Role in the namespace \"{}\"",
                self.settings.namespace
            )
        });
        if self.log.should_log(now, &error) {
            let message = format!("cannot {verb} the lease {}; trying again", self.place());
            let reason = Some(failure.kind.reason().code());
            let notice = Notice { verb: Some(verb), reason, error: Some(error), ..self.notice(Level::WARN, message) };
            self.notices.push(notice);
        }
    }

    /// Waits until `at`, but for a leader until its deadline at the latest.
    fn wait_until(&self, at: Moment) -> Next {
        match self.role {
            Role::Leader { renewed } if !bug!(DeadlineForgotten) => Next::WaitUntil(at.min(renewed + RENEW_DEADLINE)),
            _ => Next::WaitUntil(at),
        }
    }

    fn place(&self) -> String {
        format!("{}/{}", self.settings.namespace, self.settings.name)
    }

    fn note(&mut self, level: Level, message: String) {
        let notice = self.notice(level, message);
        self.notices.push(notice);
    }

    fn notice(&self, level: Level, message: String) -> Notice {
        let namespace = Some(self.settings.namespace.clone());
        Notice { level, resource: "leases", namespace, verb: None, reason: None, error: None, message }
    }

    // --- Requests ---

    fn collection(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.settings.namespace)
    }

    fn look(&self) -> HttpRequest {
        let path = format!("{}/{}", self.collection(), self.settings.name);
        HttpRequest::get(path, JSON, Expects::Whole(LONGEST_RESPONSE))
    }

    fn create(&self, now: Now) -> HttpRequest {
        let metadata = json!({ "namespace": self.settings.namespace, "name": self.settings.name });
        let object = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata });
        write(Method::POST, self.collection(), &self.held(&object, now))
    }

    fn update(&self, object: Value) -> HttpRequest {
        write(Method::PUT, format!("{}/{}", self.collection(), self.settings.name), &object)
    }

    /// The body of an acquisition or renewal: the Lease, held by this process.
    fn held(&self, object: &Value, now: Now) -> Value {
        let (mut object, time) = (object.clone(), micro_time(now.time));
        let spec = &mut object["spec"];
        if holder(spec) != self.settings.identity {
            let transitions = spec["leaseTransitions"].as_i64().map_or(0, |before| (before + 1).min(i32::MAX.into()));
            spec["leaseTransitions"] = json!(transitions);
            spec["acquireTime"] = json!(time);
        }
        spec["holderIdentity"] = json!(self.settings.identity);
        if bug!(LeaseWithoutVersion) {
            object["metadata"]["resourceVersion"] = Value::Null;
        }
        let spec = &mut object["spec"];
        spec["leaseDurationSeconds"] = json!(LEASE_DURATION.as_secs());
        spec["renewTime"] = json!(time);
        object
    }
}

/// The body of a release: the Lease without a holder, as client-go writes it.
fn released(object: &Value, now: Now) -> Value {
    let (mut object, time) = (object.clone(), micro_time(now.time));
    let spec = &mut object["spec"];
    spec["holderIdentity"] = json!("");
    spec["leaseDurationSeconds"] = json!(1);
    spec["acquireTime"] = json!(time);
    spec["renewTime"] = json!(time);
    object
}

fn write(method: Method, path: String, object: &Value) -> HttpRequest {
    let body = Bytes::from(object.to_string());
    let expects = Expects::Whole(LONGEST_RESPONSE);
    HttpRequest { method, path, accept: JSON, content_type: Some(JSON), body, expects }
}

fn holder(record: &Value) -> &str {
    record["holderIdentity"].as_str().unwrap_or_default()
}

/// The record's lease duration, within bounds.
fn duration(record: &Value) -> Duration {
    let seconds = record["leaseDurationSeconds"].as_u64().filter(|seconds| *seconds > 0);
    seconds.map_or(LEASE_DURATION, Duration::from_secs)
}

/// As `metav1.MicroTime` is written.
fn micro_time(time: jiff::Timestamp) -> String {
    format!("{time:.6}")
}
