//! What changes, in numbered frames, and the snapshots that they begin at.
//!
//! Flow: while somebody views, [`Feed::follow`] asks the controller ten times a second at most what changed, and makes one frame of it
//! for all viewers. A viewer reads the frames after the one that it has; who is too far behind, or comes from another run of the
//! program, is told to take a new snapshot. So nobody is waited for, and what is kept is bounded: the last frames, the bytes of the
//! last snapshot, the last actions.
//!
//! The numbers are those of the controller's own journal only through this: each frame knows up to which change of each kind it tells.
//!
//! The journal says nothing of names in namespaces that do not exist, since the controller need not look at them. While somebody views
//! they are looked at after whatever changed, at most once in some seconds and with a small part of the controller's time; where one
//! stands otherwise than before, all viewers take a new snapshot.

mod actions;
mod failures;
mod frames;
mod labels;
mod take;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use k8s_replicator_controller::controller::Controller;
use k8s_replicator_controller::edge::look::{Hear, Looks};
use k8s_replicator_controller::event::Now;
use k8s_replicator_controller::health::Health;
use k8s_replicator_core::names::TargetKey;
use k8s_replicator_core::state;
use tokio::sync::{Notify, watch};

use crate::files::compressed;
use crate::protocol::{LabelKeys, LabelValues, PROTOCOL, Snapshot, Trail};
use crate::trail::{Case, told};

use actions::Actions;
use frames::Frames;
pub use frames::Next;
use take::{Seen, Taken};

/// The controller is asked for changes once in this time: so there are at most ten frames a second.
const TICK: Duration = Duration::from_millis(100);
/// A snapshot serves everybody who asks within this time: what changed since is in the frames after it.
const FRESH: Duration = Duration::from_secs(2);
/// Nobody has viewed for so long: changes are not asked for any more.
const NOBODY: Duration = Duration::from_secs(60);
/// What waits for a namespace is looked at once in this time,
const AGAIN: Duration = Duration::from_secs(2);
/// and not for so many times as long as it took.
const REST: u32 = 30;

/// What does not change while the program runs.
#[derive(Debug, Clone)]
pub struct About {
    /// The program's version.
    pub version: &'static str,
    /// The API server's address.
    pub server: String,
}

/// See the [module](self). Cheap to clone.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

struct Shared {
    looks: Looks,
    health: Arc<Health>,
    about: About,
    actions: Arc<Mutex<Actions>>,
    state: Mutex<State>,
    /// The number of the last frame.
    news: watch::Sender<u64>,
    somebody: Notify,
    /// The last one: made by one who asks, while others wait for it.
    snapshot: tokio::sync::Mutex<Option<Made>>,
}

struct State {
    frames: Frames,
    seen: Option<Seen>,
    nowhere: Option<Nowhere>,
    /// Whether another controller writes, as the last frame or the first snapshot said.
    standby: Option<bool>,
    last_asked: Instant,
}

/// How all stand that wait for a namespace, as viewers know it.
#[derive(Clone, Copy)]
struct Nowhere {
    /// See [`take::nowhere`].
    sum: u64,
    /// Of the graphs, when they were looked at.
    revision: u64,
    /// When they are looked at again.
    next: Instant,
}

impl State {
    /// Nobody can go on from here: all viewers take a new snapshot.
    fn forget(&mut self) {
        (self.seen, self.nowhere) = (None, None);
        self.frames.forget();
    }
}

#[derive(Clone)]
struct Made {
    at: Instant,
    number: u64,
    compressed: Bytes,
}

/// What hears the controller, and what is heard.
pub struct Heard(Arc<Mutex<Actions>>);

impl Heard {
    /// To be given to the controller's audience, and to [`Feed::new`].
    #[must_use]
    pub fn new() -> (Hear, Self) {
        let actions = Arc::new(Mutex::new(Actions::default()));
        let heard = Self(actions.clone());
        (Box::new(move |message, now| locked(&actions).hear(message, now)), heard)
    }
}

impl Feed {
    /// A feed of the controller that answers these looks. `epoch`: a number that no other run of the program has.
    #[must_use]
    pub fn new(looks: Looks, heard: Heard, health: Arc<Health>, about: About, epoch: u64) -> Self {
        let frames = Frames::new(epoch);
        let state = State { frames, seen: None, nowhere: None, standby: None, last_asked: Instant::now() };
        Self(Arc::new(Shared {
            looks,
            health,
            about,
            actions: heard.0,
            state: Mutex::new(state),
            news: watch::Sender::new(0),
            somebody: Notify::new(),
            snapshot: tokio::sync::Mutex::new(None),
        }))
    }

    /// Follows the controller until it ends, as long as somebody views.
    pub async fn follow(self) {
        loop {
            let waits = self.0.somebody.notified();
            if locked(&self.0.state).seen.is_none() {
                waits.await;
                continue;
            }
            tokio::time::sleep(TICK).await;
            if self.0.news.receiver_count() == 0 && locked(&self.0.state).last_asked.elapsed() > NOBODY {
                locked(&self.0.state).forget();
            } else if self.tick().await.is_none() || self.recount().await.is_none() {
                return;
            }
        }
    }

    /// One frame, if anything changed. `None`: the controller has ended.
    async fn tick(&self) -> Option<()> {
        let Some(seen) = locked(&self.0.state).seen.clone() else { return Some(()) };
        let taken = self.0.looks.ask(move |controller, now| take::changes(controller, now, seen)).await?;
        let actions = locked(&self.0.actions).take_new();
        let standby = self.0.health.is_standby();
        let mut state = locked(&self.0.state);
        match taken {
            Taken::Frame(mut frame, seen) => {
                state.seen = Some(seen);
                frame.actions = actions;
                frame.standby = standby.filter(|_| state.standby != standby);
                state.standby = standby;
                if !frame.is_empty() {
                    state.frames.push(&frame);
                }
            }
            // More changed than the controller remembers, or it got ready.
            Taken::TooMuch => state.forget(),
        }
        self.0.news.send_replace(state.frames.last());
        Some(())
    }

    /// Looks at what waits for a namespace, if it is time for that. `None`: the controller has ended.
    async fn recount(&self) -> Option<()> {
        let begun = Instant::now();
        let Some(known) = locked(&self.0.state).nowhere.filter(|it| it.next <= begun) else { return Some(()) };
        let found = self.0.looks.ask(move |controller, _| take::waiting(controller, known.revision)).await?;
        let (revision, sum) = match found {
            Some((revision, targets)) => (revision, take::nowhere(&self.0.looks, targets).await?),
            None => (known.revision, known.sum),
        };
        let mut state = locked(&self.0.state);
        if sum == known.sum {
            let next = Instant::now() + AGAIN.max(begun.elapsed() * REST);
            state.nowhere = state.nowhere.map(|_| Nowhere { sum, revision, next });
        } else {
            state.forget();
            self.0.news.send_replace(state.frames.last());
        }
        Some(())
    }

    /// The last snapshot, compressed, or a new one. `None`: the controller has ended.
    pub async fn snapshot(&self) -> Option<Bytes> {
        let mut made = self.0.snapshot.lock().await;
        let number = {
            let mut state = locked(&self.0.state);
            state.last_asked = Instant::now();
            let serves = |made: &Made| made.at.elapsed() < FRESH && state.frames.has_since(made.number);
            if let Some(made) = made.as_ref().filter(|made| state.seen.is_some() && serves(made)) {
                return Some(made.compressed.clone());
            }
            state.frames.last()
        };
        *made = None;
        let id = locked(&self.0.state).frames.id(number);
        let (seen, head) = self.0.looks.ask(take::begin).await?;
        {
            let mut state = locked(&self.0.state);
            if state.seen.is_none() {
                state.seen = Some(seen);
                state.standby = self.0.health.is_standby();
                // What was done while nobody viewed is in the snapshot.
                locked(&self.0.actions).take_new();
                self.0.somebody.notify_one();
            }
        }
        let (tables, sum) = take::all(&self.0.looks, head.now, head.targets).await?;
        {
            let mut state = locked(&self.0.state);
            let next = Instant::now() + AGAIN;
            // Who took the one before knows of those: whether it is still so is seen the next time.
            if state.seen.is_some() {
                state.nowhere.get_or_insert(Nowhere { sum, revision: head.revision, next });
            }
        }
        let snapshot = Snapshot {
            protocol: PROTOCOL,
            version: self.0.about.version,
            server: self.0.about.server.clone(),
            prefix: head.prefix,
            id,
            now: head.now,
            ready: head.ready,
            standby: self.0.health.is_standby(),
            existing_namespaces: head.namespaces.0,
            namespaces_revision: head.namespaces.1,
            kinds: head.kinds,
            reasons: tables.reasons,
            namespaces: tables.namespaces,
            names: tables.names,
            sources: tables.sources,
            rows: tables.rows,
            actions: locked(&self.0.actions).recent(),
        };
        // Not on the thread that replicates.
        let compressed = tokio::task::spawn_blocking(move || {
            compressed(&serde_json::to_vec(&snapshot).unwrap_or_default(), Compression::fast())
        });
        let compressed = compressed.await.ok()?;
        *made = Some(Made { at: Instant::now(), number, compressed: compressed.clone() });
        Some(compressed)
    }

    /// The trail of one target. `Ok(None)`: there is no such kind here.
    ///
    /// # Errors
    /// When the controller has ended.
    pub async fn trail(&self, kind: String, target: TargetKey) -> Result<Option<Trail>, Ended> {
        let look = move |controller: &Controller, now: Now| {
            let replicator = controller.replicators().find(|replicator| replicator.kind().name() == kind)?;
            let (row, questions) = replicator.look(&target);
            let row = row.map(|row| take::with_failure(replicator, row));
            let case = Case {
                graph: replicator.graph(),
                kind: replicator.kind(),
                dialect: controller.dialect(),
                target: &target,
                row: row.as_ref(),
                since: take::since(replicator, now, &target),
                now: now.time.as_second(),
            };
            let told = told(&case, &questions);
            let fails = row.filter(|row| row.state == state::State::Failing);
            Some((told, fails.and_then(|row| Some((row.target, row.reason?, row.source)))))
        };
        let Some((mut trail, fails)) = self.0.looks.ask(look).await.ok_or(Ended)? else { return Ok(None) };
        if let Some((target, reason, source)) = fails {
            trail.said = locked(&self.0.actions).failures.of(trail.kind, &target, reason, source.as_ref());
        }
        Ok(Some(trail))
    }

    /// The keys of namespaces' labels that they can be grouped by. `None`: the controller has ended.
    pub async fn label_keys(&self) -> Option<LabelKeys> {
        Some(labels::each(&self.0.looks, labels::Keys::default(), labels::Keys::add).await?.finish())
    }

    /// The namespaces that have a label of this key. `None`: the controller has ended.
    pub async fn label_values(&self, key: String) -> Option<LabelValues> {
        let (_, values) = labels::each(&self.0.looks, (key, LabelValues::default()), labels::add_value).await?;
        Some(values)
    }

    /// A viewer who has the frames up to this one, by the id that it was told.
    #[must_use]
    pub fn viewer(&self, id: &str) -> Viewer {
        let next = locked(&self.0.state).frames.position(id);
        Viewer { feed: self.clone(), news: self.0.news.subscribe(), next }
    }

    fn next(&self, after: Option<u64>) -> Next {
        let state = locked(&self.0.state);
        match after.filter(|_| state.seen.is_some()) {
            Some(after) => state.frames.after(after),
            None => Next::Reset,
        }
    }
}

/// The controller has ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended;

/// One who reads the frames.
pub struct Viewer {
    feed: Feed,
    news: watch::Receiver<u64>,
    /// The last frame that it has.
    next: Option<u64>,
}

impl Viewer {
    /// The next frame; or that it has to take a new snapshot. Ends (`None`) with the controller.
    pub async fn next(&mut self) -> Option<Next> {
        loop {
            self.news.borrow_and_update();
            match self.feed.next(self.next) {
                Next::Nothing => self.news.changed().await.ok()?,
                Next::Frame(number, bytes) => {
                    self.next = Some(number);
                    return Some(Next::Frame(number, bytes));
                }
                Next::Reset => return Some(Next::Reset),
            }
        }
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is in there stays whole whatever panics: each change of it is one call.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
