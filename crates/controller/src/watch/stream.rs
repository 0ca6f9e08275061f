//! The part of a [`Watch`] that watches.

use std::time::Duration;

use bytes::BytesMut;
use http::{HeaderMap, StatusCode};
use k8s_replicator_core::bug;
use k8s_replicator_core::observed::ResourceVersion;
use tracing::Level;

use super::events::{Events, Meaning};
use super::{Consumer, LONGEST_IDLE, Watch, unexpected};
use crate::cluster::status::refusal;
use crate::cluster::{Failure, FailureKind};
use crate::event::Moment;
use crate::wire::{Received, is_protobuf};

/// After two watches without an event or a bookmark the resource is listed again: the version that they watch from may lie in the
/// future, as after etcd was restored from a backup, and then the server waits for it silently.
const LONGEST_SILENCE: Duration = LONGEST_IDLE.saturating_mul(2);
/// A watch that ended sooner counts as a failure: it is not opened again at once.
pub(super) const SHORTEST_WATCH: Duration = Duration::from_secs(5);
/// Within this time a healthy server has sent an event or a bookmark (about once a minute).
const LONG_WATCH: Duration = Duration::from_secs(120);
/// After so many failures in a row to watch from one version the resource is listed again: the server may not be able to serve that
/// version.
const MOST_FAILED_WATCHES: u32 = 3;
/// The longest body of a refused watch that is read.
const LONGEST_REFUSAL: usize = 64 << 10;

/// A watch that was asked for.
pub(super) struct Stream {
    pub(super) begun: Moment,
    /// The newest version that was known when it was opened.
    pub(super) known: ResourceVersion,
    pub(super) life: Life,
    pub(super) body: Body,
}

/// The signs that the server still serves a watch. Bytes alone are none: a proxy in between may send them for as long as the
/// connection is open.
pub(super) struct Life {
    /// When the watch was asked for, or the response's head, an event or a bookmark last came.
    pub(super) last: Moment,
    /// Whether an event or a bookmark came.
    pub(super) heard: bool,
}

/// How the body of the response is read.
pub(super) enum Body {
    /// There is no response yet.
    None,
    Events(Events),
    Refusal(StatusCode, HeaderMap, BytesMut),
}

impl Watch {
    /// Takes the response to the watch's request, or a piece of it. Answers false when the watch has ended.
    pub(super) fn stream_came(
        &mut self,
        now: Moment,
        stream: &mut Stream,
        received: Received,
        consumer: &mut impl Consumer,
    ) -> Result<bool, Failure> {
        match received {
            Received::Head(status, headers) => {
                stream.life.last = now;
                stream.body = match status.is_success() {
                    true => Body::Events(Events::new(is_protobuf(&headers))),
                    false => Body::Refusal(status, headers, BytesMut::new()),
                };
            }
            Received::Data(data) => match &mut stream.body {
                Body::None => return Err(unexpected()),
                Body::Refusal(_, _, body) => {
                    let room = LONGEST_REFUSAL.saturating_sub(body.len()).min(data.len());
                    body.extend_from_slice(&data[..room]);
                }
                Body::Events(events) => {
                    events.push(&data)?;
                    return self.take_events(now, events, &mut stream.life, consumer);
                }
            },
            Received::Closed => match &mut stream.body {
                Body::None => return Err(unexpected()),
                Body::Events(events) if events.are_whole() => return Ok(false),
                Body::Events(_) => {
                    return Err(Failure::new(FailureKind::Server, "the watch ended in the middle of an event"));
                }
                Body::Refusal(status, ..) if *status == StatusCode::GONE => {
                    self.expired();
                    return Ok(false);
                }
                Body::Refusal(status, headers, body) => return Err(refusal(*status, headers, body)),
            },
            Received::Failed(failure) => return Err(failure),
            Received::Response(_) | Received::TooLong => return Err(unexpected()),
        }
        Ok(true)
    }

    fn take_events(
        &mut self,
        now: Moment,
        events: &mut Events,
        life: &mut Life,
        consumer: &mut impl Consumer,
    ) -> Result<bool, Failure> {
        while let Some(event) = events.next() {
            let Some(version) = &mut self.version else { break };
            match event.take(version, consumer)? {
                Meaning::Nothing => {}
                Meaning::GoesOn => {
                    *life = Life { last: now, heard: true };
                    self.silence = Duration::ZERO;
                    if let Some(missed) = self.expected.came_to(version) {
                        let message = format!(
                            "the watch reached version {version} without an event for {missed}, which a response had shown; \
                             listing again"
                        );
                        self.notice(Level::INFO, message);
                        self.forget_version("MissedEvent");
                        return Ok(false);
                    }
                }
                Meaning::Expired => {
                    self.expired();
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn expired(&mut self) {
        if bug!(ExpiredGoesOn) {
            return;
        }
        self.notice(Level::DEBUG, "the version to watch from is too old; listing again".to_owned());
        self.forget_version("Expired");
    }

    /// Drops the version, so that the resource is listed again; `cause`: why.
    fn forget_version(&mut self, cause: &'static str) {
        self.cause = Some(cause);
        self.note_newest();
        self.version = None;
        self.verify_at = Moment::MAX;
    }

    pub(super) fn note_newest(&mut self) {
        if let Some(version) = &self.version {
            let seen = ResourceVersion::new(version);
            self.note_version(&seen);
        }
    }

    pub(super) fn stream_ended(&mut self, now: Moment, stream: &Stream, failure: Option<Failure>) {
        let lasted = now.saturating_sub(stream.begun);
        let was_opened = matches!(stream.body, Body::Events(_));
        if stream.life.heard || was_opened && lasted >= SHORTEST_WATCH {
            self.failures = 0;
            self.failed_watches = 0;
        }
        match &failure {
            None => {
                self.notice(Level::DEBUG, "watch closed".to_owned());
                if lasted < SHORTEST_WATCH {
                    let random = (self.settings.entropy)();
                    self.not_before = now + self.next_pause(random);
                    self.failures += 1;
                }
            }
            Some(failure) => {
                let pause = self.failed(now, "watch", failure);
                self.not_before = now + pause;
                self.failed_watches += 1;
                // Where there is a response but no watch from this version, as when the server cannot decrypt what was
                // deleted (KEP-3926), a list shows what is there now.
                let is_about_it = matches!(failure.kind, FailureKind::Server | FailureKind::Invalid);
                if self.failed_watches >= MOST_FAILED_WATCHES && is_about_it {
                    self.forget_version(failure.kind.reason().code());
                }
            }
        }
        if !stream.life.heard {
            self.silence = self.silence.saturating_add(lasted);
        }
        // The watch was open long enough for a bookmark, and has not reached the version that was known when it was opened. It
        // never will: etcd was restored from a backup, and that version is gone.
        let is_behind = |version: &String| ResourceVersion::new(version).is_older_than(&stream.known);
        let is_noticed = !bug!(SilentWatchTrusted);
        if is_noticed && lasted >= LONG_WATCH && self.version.as_ref().is_some_and(is_behind) {
            self.notice(
                Level::DEBUG,
                format!(
                    "the watch has not reached version {}, which the server showed before; listing again",
                    stream.known
                ),
            );
            self.forget_version("WentBack");
        }
        if is_noticed && self.silence >= LONGEST_SILENCE && self.version.is_some() {
            self.notice(Level::DEBUG, "neither events nor bookmarks come; listing again".to_owned());
            self.silence = Duration::ZERO;
            self.forget_version("Silent");
        }
        let by_itself = failure.map_or("Closed", |failure| failure.kind.reason().code());
        let cause = self.cause.take().unwrap_or(by_itself);
        self.count_restart(cause);
    }
}
