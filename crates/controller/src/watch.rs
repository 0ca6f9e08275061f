//! One resource's list and watch, metadata only, in all namespaces or in one. It does no IO and has no clock.
//!
//! Flow: list in pages → watch from the list's version → when the watch ends, watch again from the last version seen → when
//! that is not possible (410, or failures, or silence), list again. After each resync period it lists again in any case, and
//! then watches from that list (SPEC 9.15): so what a watch missed is found.
//!
//! Guarantees:
//! - The consumer gets changes in the order of the server's events, and `Ends` only after a complete list.
//! - A response that cannot be read is never taken for a list, and no object is passed over: the attempt fails (SPEC 2).
//! - Attempts are never made in a hot loop, whatever the server answers; every wait has an end; a failure that goes on is
//!   logged less and less often.
//! - A verification that fails does not keep it from watching.
//! - If a watch passes a version that a response has shown, without an event for it, the resource is listed again.
//! - It ends by itself only when the server's versions went back: then the program has to be restarted.
//!
//! Caveat: there is no event for an object that was deleted while no watch was running. The consumer has to compare at `Ends`.
//!
//! To drive it: [`poll`](Watch::poll) until it answers [`Next::WaitUntil`]; [`deliver`](Watch::deliver) the response to its
//! request; poll again then, and at the time that it named.

mod events;
mod expected;
mod list;
pub(crate) mod page;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_replicator_core::observed::{ReadError, ResourceVersion};
use k8s_replicator_core::scope::Part;
use percent_encoding::utf8_percent_encode;
use tracing::Level;

use crate::backoff::{LONGEST_RETRY_AFTER, backoff};
use crate::cluster::kube::METADATA_ONLY;
use crate::cluster::object::Object;
use crate::cluster::{Failure, FailureKind};
use crate::event::Moment;
use crate::health::Progress;
use crate::log_once::LogOnce;
use crate::notice::Notice;
use crate::wire::{Expects, HttpRequest, Next, Received};

use expected::Expected;
use list::{List, Retry};
use page::{LARGEST_PAGE, QUERY};
use stream::{Body, Life, Stream};

pub use page::FIRST_PAGE;

/// A page without a response after this time is given up.
pub const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// The server is asked to end a watch after this time.
const WATCH_SECONDS: u32 = 290;
/// Bookmarks come about once a minute; a watch without an event or a bookmark for longer than two minutes counts as broken.
pub const LONGEST_IDLE: Duration = Duration::from_secs(150);
/// The longest pause between attempts.
pub const LONGEST_WATCH_PAUSE: Duration = Duration::from_secs(30);
/// A shorter resync period is raised to this one, to spare the API server.
pub const SHORTEST_RESYNC_PERIOD: Duration = Duration::from_secs(1);

/// Random bytes, which spread the attempts of many programs.
pub type Entropy = Box<dyn FnMut() -> u8 + Send + Sync>;

/// What a watch or a poll delivers to its consumer.
#[derive(Debug)]
pub enum Change<'a> {
    /// A list begins. (One that had begun before and did not end is abandoned.)
    Begins,
    /// The object exists.
    Seen(Object<'a>),
    /// The list is complete, and shows the state at this version.
    Ends(&'a str),
    /// The object was deleted.
    Deleted(Object<'a>),
}

/// Takes the changes that a watch or a poll delivers.
pub trait Consumer {
    /// Takes one change.
    ///
    /// # Errors
    /// When the object cannot be read: then the list or the watch that it came from fails.
    fn take(&mut self, change: Change<'_>) -> Result<(), ReadError>;
}

/// What [`Watch`] needs.
pub struct Settings {
    /// The resource in the core API group: `secrets`.
    pub resource: &'static str,
    /// The namespaces that it covers.
    pub part: Part,
    /// The server's address, for messages.
    pub url: String,
    /// It lists again within this time; zero: only when it has to.
    pub resync_period: Duration,
    /// Its heartbeat, for `/livez`.
    pub progress: Arc<Progress>,
    /// Random bytes, which spread the attempts.
    pub entropy: Entropy,
}

/// See the [module](self).
pub struct Watch {
    settings: Settings,
    /// The version to watch from; `None`: the resource has to be listed. It is kept while a verification lists.
    version: Option<String>,
    /// The newest version of a list, an event, or an object that a response showed.
    newest: ResourceVersion,
    /// Versions that responses have shown, and that the watch has not reached yet.
    expected: Expected,
    /// When the next verification begins.
    verify_at: Moment,
    /// The list that has begun and not ended.
    list: Option<List>,
    asked: Option<Asked>,
    /// Whether the request under way has to be cancelled.
    cancel: bool,
    /// The next request is not made before.
    not_before: Moment,
    /// Failures in a row, of lists and watches.
    failures: u32,
    /// Pages are not larger than this: the server had trouble with larger ones. Each list that succeeds doubles it.
    largest_page: usize,
    /// Failures in a row to watch from this version.
    failed_watches: u32,
    /// How long there was a watch without an event or a bookmark, until now.
    silence: Duration,
    /// Why it cannot go on.
    end: Option<String>,
    /// Why the watch that ends now is restarted, where that is no failure.
    cause: Option<&'static str>,
    /// How often a watch was restarted, by the cause.
    restarts: BTreeMap<&'static str, u64>,
    log: LogOnce,
    notices: Vec<Notice>,
}

/// The request under way.
enum Asked {
    Page { at: Moment },
    Watch(Stream),
}

impl Watch {
    /// A watch that begins with a list.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            version: None,
            newest: ResourceVersion::new(""),
            expected: Expected::default(),
            verify_at: Moment::MAX,
            list: None,
            asked: None,
            cancel: false,
            not_before: Moment::ZERO,
            failures: 0,
            largest_page: LARGEST_PAGE,
            failed_watches: 0,
            silence: Duration::ZERO,
            end: None,
            cause: None,
            restarts: BTreeMap::new(),
            log: LogOnce::default(),
            notices: Vec::new(),
        }
    }

    /// What has to be logged since this was last called.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// The resource that it watches.
    #[must_use]
    pub fn resource(&self) -> &'static str {
        self.settings.resource
    }

    /// How often a watch was restarted, by the cause.
    pub fn restarts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.restarts.iter().map(|(cause, count)| (*cause, *count))
    }

    fn count_restart(&mut self, cause: &'static str) {
        *self.restarts.entry(cause).or_default() += 1;
    }

    /// Goes on as far as it can without IO. To be called until it answers [`Next::WaitUntil`] or [`Next::End`].
    pub fn poll(&mut self, now: Moment, consumer: &mut impl Consumer) -> Next {
        if let Some(why) = &self.end {
            return Next::End(why.clone());
        }
        self.give_up_waiting(now);
        if self.wants_to_verify(now) {
            // Events that the watch would still have delivered are in the list, or come after it.
            if let Some(Asked::Watch(_)) = self.asked {
                self.count_restart("Verification");
            }
            self.drop_request();
            self.begin_list(consumer);
        }
        self.read_page(now);
        if std::mem::take(&mut self.cancel) {
            return Next::Cancel;
        }
        // Before the received page is delivered: meanwhile the server works on the next one.
        if let Some(request) = self.next_request(now, consumer) {
            return Next::Request(request);
        }
        if self.give(now, consumer) {
            return Next::Yield;
        }
        Next::WaitUntil(self.wake_at())
    }

    /// Takes the response to the request under way, or a piece of it, or its failure.
    pub fn deliver(&mut self, now: Moment, received: Received, consumer: &mut impl Consumer) {
        self.settings.progress.made(now);
        match self.asked.take() {
            // The request was cancelled.
            None => {}
            Some(Asked::Page { .. }) => self.page_came(now, received),
            Some(Asked::Watch(mut stream)) => {
                let more_comes = !received.is_last();
                let failure = match self.stream_came(now, &mut stream, received, consumer) {
                    Ok(true) => {
                        self.asked = Some(Asked::Watch(stream));
                        return;
                    }
                    Ok(false) => None,
                    Err(failure) => Some(failure),
                };
                self.cancel |= more_comes;
                self.stream_ended(now, &stream, failure);
            }
        }
    }

    fn wake_at(&self) -> Moment {
        match &self.asked {
            Some(Asked::Page { at }) => *at + PAGE_TIMEOUT,
            Some(Asked::Watch(stream)) => (stream.life.last + LONGEST_IDLE).min(self.verify_at),
            None => self.not_before,
        }
    }

    /// Fails a request that was not answered in time.
    fn give_up_waiting(&mut self, now: Moment) {
        let (what, silent_for) = match &self.asked {
            Some(Asked::Page { at }) if now >= *at + PAGE_TIMEOUT => ("nothing", PAGE_TIMEOUT),
            Some(Asked::Watch(stream)) if now >= stream.life.last + LONGEST_IDLE => match stream.body {
                Body::None => ("nothing", LONGEST_IDLE),
                Body::Events(_) => ("neither an event nor a bookmark", LONGEST_IDLE),
                Body::Refusal(..) => ("no end of the refusal", LONGEST_IDLE),
            },
            _ => return,
        };
        self.settings.progress.made(now);
        let failure = Failure::new(FailureKind::Unreachable, format!("{what} came for {} s", silent_for.as_secs()));
        self.cancel = true;
        match self.asked.take() {
            Some(Asked::Watch(stream)) => self.stream_ended(now, &stream, Some(failure)),
            _ => self.list_failed(now, &failure, Retry::SamePage),
        }
    }

    fn wants_to_verify(&self, now: Moment) -> bool {
        now >= self.verify_at && self.list.is_none() && self.version.is_some() && now >= self.not_before
    }

    /// A response to another request showed an object of this resource at this version.
    pub fn note_version(&mut self, version: &ResourceVersion) {
        if !version.is_older_than(&self.newest) {
            self.newest = version.clone();
        }
    }

    /// A response to another request showed an object of this watch at this version: the watch has to show that version, too.
    pub fn expect(&mut self, version: &ResourceVersion) {
        if let Some(position) = &self.version {
            self.expected.add(version, &ResourceVersion::new(position));
        }
    }

    fn drop_request(&mut self) {
        self.cancel |= self.asked.take().is_some();
    }

    fn begin_list(&mut self, consumer: &mut impl Consumer) {
        // It cannot fail: the change carries no object.
        let _ = consumer.take(Change::Begins);
        self.note_newest();
        self.list = Some(List::new(self.newest.clone(), self.largest_page));
    }

    fn next_request(&mut self, now: Moment, consumer: &mut impl Consumer) -> Option<HttpRequest> {
        if self.asked.is_some() || now < self.not_before {
            return None;
        }
        if self.list.is_none() {
            if let Some(version) = &self.version {
                let query = format!(
                    "watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={}",
                    utf8_percent_encode(version, QUERY)
                );
                let path = page::path(self.settings.resource, &self.settings.part, &query);
                let request = HttpRequest::get(path, METADATA_ONLY, Expects::Stream);
                self.asked = Some(Asked::Watch(Stream {
                    begun: now,
                    known: self.newest.clone(),
                    life: Life { last: now, heard: false },
                    body: Body::None,
                }));
                return Some(request);
            }
            self.begin_list(consumer);
        }
        let list = self.list.as_ref().filter(|list| list.wants_a_page())?;
        let request = page::request(self.settings.resource, &self.settings.part, list.limit, &list.position);
        self.asked = Some(Asked::Page { at: now });
        Some(request)
    }
}

/// Failures and their log lines.
impl Watch {
    /// Notes a failure, and answers how long to wait.
    fn failed(&mut self, now: Moment, verb: &'static str, failure: &Failure) -> Duration {
        let error = self.explain(verb, failure);
        if self.log.should_log(now, &error) {
            let resource = self.settings.resource;
            let message = format!("cannot {verb} {resource}; trying again");
            self.notice(Level::WARN, message);
            if let Some(notice) = self.notices.last_mut() {
                notice.verb = Some(verb);
                notice.reason = Some(failure.kind.reason().code());
                notice.error = Some(error);
            }
        }
        let random = (self.settings.entropy)();
        let pause = self.next_pause(random);
        self.failures += 1;
        failure.asked_wait(LONGEST_RETRY_AFTER, random).max(pause)
    }

    fn next_pause(&self, random: u8) -> Duration {
        backoff(self.failures.saturating_add(2), LONGEST_WATCH_PAUSE, random)
    }

    fn notice(&mut self, level: Level, message: String) {
        let namespace = match &self.settings.part {
            Part::Cluster => None,
            Part::Namespace(namespace) => Some(namespace.to_string()),
        };
        let resource = self.settings.resource;
        self.notices.push(Notice { level, resource, namespace, verb: None, reason: None, error: None, message });
    }

    /// The server's message, with what to do about it.
    fn explain(&self, verb: &str, failure: &Failure) -> String {
        failure.explained(Some(&self.settings.url), || {
            let resource = self.settings.resource;
            let place = match &self.settings.part {
                Part::Cluster => "all namespaces".to_owned(),
                Part::Namespace(namespace) => format!("the namespace \"{namespace}\""),
            };
            format!("the controller's account needs the verb \"{verb}\" on \"{resource}\" in {place}")
        })
    }
}

/// The failure for a response that cannot be read. Its message has the position, and never the text: an annotation can hold a
/// Secret.
pub(crate) fn unreadable(error: impl Into<ReadError>) -> Failure {
    Failure::unreadable(error.into())
}

/// A mistake of the code that sends the requests.
fn unexpected() -> Failure {
    Failure::new(FailureKind::Server, "the response came in another form than it was asked for")
}
