//! The part of a [`Watch`] that lists.

use std::time::Duration;

use http::StatusCode;
use k8s_replicator_core::bug;
use k8s_replicator_core::observed::ResourceVersion;
use tracing::Level;

use super::page::{FIRST_PAGE, LARGEST_PAGE, LONGEST_PAGE, Page, SMALLEST_PAGE, next_page};
use super::{Change, Consumer, SHORTEST_RESYNC_PERIOD, Watch, unexpected, unreadable};
use crate::backoff::{LONGEST_RETRY_AFTER, backoff};
use crate::cluster::status::refusal;
use crate::cluster::{Failure, FailureKind};
use crate::event::Moment;
use crate::wire::{Received, Response};

/// The longest pause between attempts to verify.
const LONGEST_VERIFICATION_PAUSE: Duration = Duration::from_secs(300);

/// A list, whose pages are asked for one after the other. While one is read the server works on the next.
pub(super) struct List {
    /// How many objects the next page may have.
    pub(super) limit: usize,
    /// Where the next page begins; empty: at the beginning.
    pub(super) position: String,
    /// Its version: that of its first page. The watch begins there, so that it shows what happened while the other pages were read.
    pub(super) version: Option<String>,
    /// A page that was received and not read yet.
    pub(super) received: Option<Response>,
    /// The page that is being delivered to the consumer, a few objects at a time.
    pub(super) reading: Option<Page>,
    /// Whether that is the last page.
    pub(super) is_last: bool,
    /// The newest version that was known when the list began. If the list is older, etcd was restored from a backup.
    pub(super) known: ResourceVersion,
}

/// How to continue after a list failed.
pub(super) enum Retry {
    SamePage,
    SmallerPage,
    FromTheBeginning,
}

impl List {
    pub(super) fn new(known: ResourceVersion, largest_page: usize) -> Self {
        Self {
            limit: FIRST_PAGE.min(largest_page),
            position: String::new(),
            version: None,
            received: None,
            reading: None,
            is_last: false,
            known,
        }
    }

    fn shrink(&mut self) {
        self.limit = (self.limit / 8).max(SMALLEST_PAGE);
    }

    pub(super) fn wants_a_page(&self) -> bool {
        self.received.is_none() && !self.is_last
    }
}

impl Watch {
    pub(super) fn page_came(&mut self, now: Moment, received: Received) {
        match received {
            Received::Response(response) => {
                if let Some(list) = &mut self.list {
                    list.received = Some(response);
                }
            }
            Received::TooLong => {
                let failure = Failure::unreadable(format_args!("it is longer than {LONGEST_PAGE} bytes"));
                match &mut self.list {
                    // Ask for a smaller page at once: a few times, until it is as small as possible.
                    Some(list) if list.limit > SMALLEST_PAGE => list.shrink(),
                    _ => self.list_failed(now, &failure, Retry::SamePage),
                }
            }
            Received::Failed(failure) => {
                self.list_failed(now, &failure, Retry::SamePage);
            }
            Received::Head(..) | Received::Data(_) | Received::Closed => {
                self.cancel = true;
                self.list_failed(now, &unexpected(), Retry::SamePage);
            }
        }
    }

    /// Reads the received page, once the one before it was delivered.
    pub(super) fn read_page(&mut self, now: Moment) {
        let Some(list) = self.list.as_mut().filter(|list| list.reading.is_none()) else { return };
        let Some(response) = list.received.take() else { return };
        let (status, size) = (response.status, response.body.len());
        if !status.is_success() {
            let is_first = list.position.is_empty();
            let failure = refusal(status, &response.headers, &response.body);
            let retry = match status {
                StatusCode::INTERNAL_SERVER_ERROR | StatusCode::GATEWAY_TIMEOUT => Retry::SmallerPage,
                StatusCode::GONE if !is_first => Retry::FromTheBeginning,
                _ if !is_first && matches!(failure.kind, FailureKind::Invalid | FailureKind::Gone) => {
                    Retry::FromTheBeginning
                }
                _ => Retry::SamePage,
            };
            self.list_failed(now, &failure, retry);
            return;
        }
        match Page::read(response) {
            Err(failure) => self.list_failed(now, &failure, Retry::SamePage),
            Ok(page) => {
                list.version.get_or_insert_with(|| page.version.clone());
                list.is_last = page.continue_.is_empty() || bug!(FirstPageOnly);
                list.position.clone_from(&page.continue_);
                list.limit = next_page(list.limit, size).min(self.largest_page);
                // A list that breaks off has delivered objects too: the next one may not be older.
                let shown = ResourceVersion::new(&page.version);
                list.reading = Some(page);
                self.note_version(&shown);
            }
        }
    }

    /// Delivers a few objects of the page to the consumer. Answers whether there were any.
    pub(super) fn give(&mut self, now: Moment, consumer: &mut impl Consumer) -> bool {
        let Some(list) = &mut self.list else { return false };
        let Some(page) = &mut list.reading else { return false };
        self.settings.progress.made(now);
        match page.give(|object| consumer.take(Change::Seen(object)).map_err(unreadable)) {
            Ok(false) => {}
            Ok(true) => {
                list.reading = None;
                if list.is_last {
                    self.list_ended(now, consumer);
                }
            }
            Err(failure) => {
                self.drop_request();
                self.list_failed(now, &failure, Retry::FromTheBeginning);
            }
        }
        true
    }

    fn list_ended(&mut self, now: Moment, consumer: &mut impl Consumer) {
        let Some(List { version: Some(version), known, .. }) = self.list.take() else { return };
        self.largest_page = (self.largest_page * 2).min(LARGEST_PAGE);
        let listed = ResourceVersion::new(&version);
        if listed.is_older_than(&known) && !bug!(VersionsBackUnnoticed) {
            self.end = Some(format!(
                "the API server's versions of {} went back from {} to {version}, as after etcd was restored from a backup: \
                 nothing that was known can be compared with what is there now; the program has to be restarted",
                self.settings.resource, known
            ));
            return;
        }
        // It cannot fail: the change carries no object.
        let _ = consumer.take(Change::Ends(&version));
        let level = if self.version.is_some() { Level::DEBUG } else { Level::INFO };
        self.notice(level, "listed".to_owned());
        self.log.works();
        self.note_version(&listed);
        self.expected.were_listed(&listed);
        self.version = Some(version);
        self.failed_watches = 0;
        self.silence = Duration::ZERO;
        self.verify_at = self.next_verification(now);
    }

    /// When to verify next: within the resync period, at a random time of its last quarter, so that not all watches list at once.
    fn next_verification(&mut self, now: Moment) -> Moment {
        let period = self.settings.resync_period;
        if period.is_zero() || bug!(VerificationSkipped) {
            return Moment::MAX;
        }
        let period = period.max(SHORTEST_RESYNC_PERIOD);
        let sooner = period.mul_f64(f64::from((self.settings.entropy)()) / 1024.0);
        now.saturating_add(period - sooner)
    }

    pub(super) fn list_failed(&mut self, now: Moment, failure: &Failure, retry: Retry) {
        let pause = self.failed(now, "list", failure);
        let Some(list) = &mut self.list else { return };
        if self.version.is_some() {
            // A verification. Until the next attempt the watch goes on, after the server's `Retry-After`. The next attempt begins a
            // new list: to ask for the same page again could fail for ever.
            if let Retry::SmallerPage = retry {
                list.shrink();
                self.largest_page = list.limit;
            }
            self.list = None;
            let random = (self.settings.entropy)();
            self.not_before = now + failure.asked_wait(LONGEST_RETRY_AFTER, random);
            self.verify_at = now + backoff(self.failures + 2, LONGEST_VERIFICATION_PAUSE, random);
            return;
        }
        self.not_before = now + pause;
        match retry {
            Retry::SmallerPage => {
                list.shrink();
                self.largest_page = list.limit.max(FIRST_PAGE);
            }
            // The page may have been too large for the server.
            Retry::SamePage if failure.kind == FailureKind::Unreachable => list.limit = list.limit.min(FIRST_PAGE),
            Retry::SamePage => {}
            // The next attempt delivers `Begins` again. Pages smaller than the first one would only take longer altogether.
            Retry::FromTheBeginning => {
                self.largest_page = (self.largest_page / 2).max(FIRST_PAGE);
                self.list = None;
            }
        }
    }
}
