//! The world of one run: model API servers, the network in between, the controllers, and virtual time.
//!
//! [`World::step`] does one step of a script; [`settle`] ends all faults and lets everything come to rest. After each step the
//! properties that hold at all times are checked; a [`Violation`] ends the run.

mod faults;
mod fingerprint;
mod network;
mod people;
mod process;
mod recorded;
pub mod settle;
pub mod step;
pub mod users;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use k8s_replicator_core::bugs::Bug;

use crate::api::admission::{Effect, Policy};
use crate::api::events::Events;
use crate::api::lease::Leases;
use crate::api::object::{Id, Object, Resource};
use crate::api::server::Server;
use crate::api::store::{Snapshot, State, Store};
use crate::api::write::{self, Context};
use crate::dice::Dice;
use crate::properties::{self, Allowed, Gap, MORE_WITH_CACHES, MOST_AT_ONCE, MOST_PER_STIMULUS, MOST_TAKEN_BACK};
use crate::spec::Flags;

use network::{Flight, Pipe, Sender};
use process::Process;
pub use process::{rules, scope};
use recorded::Recorded;
use step::Rivalry;

/// A property that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The property's name, one word.
    pub property: &'static str,
    /// What happened.
    pub what: String,
}

impl Violation {
    fn new(property: &'static str, what: impl Into<String>) -> Self {
        Self { property, what: what.into() }
    }
}

/// Whether controllers record what they do as Events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// `--events=false`.
    Off,
    /// They do.
    On,
    /// They try, and have no right to.
    Forbidden,
}

/// What is fixed for a whole run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// For the randomness of the controllers.
    pub seed: u64,
    /// The flags of each controller.
    pub controllers: Vec<Flags>,
    /// The resources that are replicated.
    pub resources: Vec<Resource>,
    /// `--resync-period`.
    pub resync_period: Duration,
    /// Whether lists and reads come from caches that lag.
    pub stale_reads: bool,
    /// At the end there is a crowd of targets, whose writes hang (`true`), or are answered.
    pub crowd: Option<bool>,
    /// `--leader-elect`.
    pub leader_elect: bool,
    /// Whether requests go to both API servers in turn, as behind a load balancer; watches stay where they are.
    pub balanced: bool,
    /// The most objects in a page of a list.
    pub page: usize,
    /// Whether the controllers record what they do.
    pub recording: Recording,
    /// A mistake that is made on purpose, to see that it is found.
    pub bug: Option<Bug>,
}

/// The last write of a controller to an object.
struct Written {
    slot: usize,
    before: Option<Rc<Object>>,
    /// How many changes by others there had been.
    others: usize,
    /// How many writes in a row, up to this one, took back another controller's.
    taken_back: usize,
}

/// See the [module](self).
pub struct World {
    setting: Setting,
    now: Duration,
    /// How far the controllers' wall clock is off, in seconds.
    wall_offset: i64,
    store: Store,
    servers: [Server; 2],
    policies: Vec<Policy>,
    /// Namespaces that have no Role for the controllers with `--namespaces`.
    without_role: BTreeSet<&'static str>,
    /// Objects of which every write by a controller is undone by somebody else.
    rivals: Vec<(Id, Rivalry)>,
    /// A policy, or such a rival, was there at some time: what is written again and again is written less and less often for a while.
    was_opposed: bool,
    snapshot: Option<(Snapshot, Leases, Events)>,
    leases: Leases,
    events: Events,
    recorded: Recorded,
    restored: Option<Duration>,
    /// Something else than users' work and time passing happened: a fault, a policy, a rival.
    was_disturbed: bool,
    /// How often a controller reported that something failed, which it tries again later.
    failures: usize,
    /// How many writes of controllers API servers refused.
    refused: usize,
    /// When a watch event last got lost.
    lost: Option<Duration>,
    /// What each start of a controller may never have seen.
    gaps: BTreeMap<u64, Vec<Gap>>,
    /// The last write of a controller to each object.
    written: BTreeMap<Id, Written>,
    /// The replicas that each start of a controller removed because of a source, and when it sent the write.
    removed: BTreeMap<(u64, Resource, String), BTreeMap<Id, Duration>>,
    processes: Vec<Option<Process>>,
    /// The status by which a proxy answers everything, by controller.
    proxies: Vec<Option<u16>>,
    starts: u64,
    flights: Vec<Flight>,
    pipes: Vec<Pipe>,
    /// The watch whose turn it is.
    turn: usize,
    /// When each object was requested, within the last second; and when something happened that may cause requests.
    asked: BTreeMap<String, VecDeque<Duration>>,
    stimuli: VecDeque<Duration>,
    last_write: Duration,
    calm_since: Duration,
    faults_ended: Option<Duration>,
    writes: usize,
    /// How many steps of the script were done.
    steps: usize,
    requests: usize,
    /// How often each object was requested since faults ended.
    requests_of: BTreeMap<String, usize>,
    story: Option<Vec<String>>,
}

impl World {
    /// A world with three namespaces, and controllers that have just been started. `tells`: a story of what happens is kept.
    #[must_use]
    pub fn new(setting: Setting, tells: bool) -> Self {
        let store = Store::default();
        let servers = [Server::new(&store), Server::new(&store)];
        let mut world = Self {
            processes: setting.controllers.iter().map(|_| None).collect(),
            proxies: setting.controllers.iter().map(|_| None).collect(),
            setting,
            now: Duration::ZERO,
            wall_offset: 0,
            store,
            servers,
            policies: Vec::new(),
            without_role: BTreeSet::new(),
            rivals: Vec::new(),
            was_opposed: false,
            snapshot: None,
            leases: Leases::default(),
            events: Events::default(),
            recorded: Recorded::default(),
            restored: None,
            was_disturbed: false,
            failures: 0,
            refused: 0,
            lost: None,
            gaps: BTreeMap::new(),
            written: BTreeMap::new(),
            removed: BTreeMap::new(),
            starts: 0,
            flights: Vec::new(),
            pipes: Vec::new(),
            turn: 0,
            asked: BTreeMap::new(),
            stimuli: VecDeque::new(),
            last_write: Duration::ZERO,
            calm_since: Duration::ZERO,
            faults_ended: None,
            writes: 0,
            steps: 0,
            requests: 0,
            requests_of: BTreeMap::new(),
            story: tells.then(Vec::new),
        };
        for server in &mut world.servers {
            (server.stale_reads, server.page) = (world.setting.stale_reads, world.setting.page);
        }
        for namespace in &users::NAMESPACES[..3] {
            world.act(&users::Act::MakeNamespace(namespace));
        }
        for server in &mut world.servers {
            server.restart(&world.store);
        }
        world.start_all();
        world
    }

    /// What happened, line by line.
    #[must_use]
    pub fn story(&self) -> &[String] {
        self.story.as_deref().unwrap_or_default()
    }

    /// What is stored now.
    #[must_use]
    pub fn live(&self) -> &crate::api::store::State {
        &self.store.live
    }

    /// How many writes of controllers took effect.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.writes
    }

    /// How many Events the controllers wrote.
    #[must_use]
    pub fn events(&self) -> usize {
        self.recorded.count()
    }

    /// How many requests the controllers sent.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests
    }

    fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(format!("{:>9.3}s  {}", self.now.as_secs_f64(), line()));
        }
    }

    /// Whether routine messages are left out of the story.
    fn is_quiet(&self) -> bool {
        const LONG: Duration = Duration::from_secs(40);
        self.faults_ended.is_some_and(|at| at + LONG < self.now)
    }

    /// Counts a request, and whether there were too many of its kind.
    fn count(&mut self, what: &str) -> Result<(), Violation> {
        const WINDOW: Duration = Duration::from_secs(1);
        self.requests += 1;
        if self.faults_ended.is_some() {
            *self.requests_of.entry(what.to_owned()).or_default() += 1;
        }
        let now = self.now;
        let recent = |at: &Duration| now.saturating_sub(*at) < WINDOW;
        while self.stimuli.front().is_some_and(|at| !recent(at)) {
            self.stimuli.pop_front();
        }
        if !self.asked.contains_key(what) {
            self.asked.insert(what.to_owned(), VecDeque::new());
        }
        let Some(times) = self.asked.get_mut(what) else { return Ok(()) };
        while times.front().is_some_and(|at| !recent(at)) {
            times.pop_front();
        }
        times.push_back(now);
        let more = if self.setting.stale_reads { MORE_WITH_CACHES } else { 0 };
        let most = (MOST_AT_ONCE + more + MOST_PER_STIMULUS * self.stimuli.len()) * self.processes.len();
        if times.len() > most {
            return Err(Violation::new(
                "hot loop",
                format!("{what} was asked for {} times within a second", times.len()),
            ));
        }
        Ok(())
    }

    /// Something happens that may cause requests.
    fn stimulus(&mut self) {
        self.stimuli.push_back(self.now);
    }

    /// Judges a write of a controller, after it took effect or failed.
    fn judge(&mut self, by: Sender, id: &Id, before: Option<&Rc<Object>>, sent: Duration) -> Result<(), Violation> {
        let after = self.store.get(id).cloned();
        if before.map(Rc::as_ptr) == after.as_ref().map(Rc::as_ptr) {
            return Ok(());
        }
        self.writes += 1;
        self.last_write = self.now;
        self.look_for_a_fight(by, id, before, after.as_ref())?;
        let was_there =
            |after: &Rc<Object>| after.deleted.is_none() || before.is_some_and(|before| before.deleted.is_some());
        let after = after.filter(was_there);
        if let Some(after) = &after {
            let shows =
                after.annotations.values().any(|value| properties::shows_a_value(&String::from_utf8_lossy(value)))
                    || after.labels.values().any(|value| properties::shows_a_value(value));
            if shows {
                return Err(Violation::new("secrecy", format!("an annotation of {id} shows a value")));
            }
        }
        let write = properties::Write {
            at: self.now,
            target: id,
            before,
            after: after.as_ref(),
            started: by.started,
            known: by.known,
            gaps: self.gaps.get(&by.start).map(Vec::as_slice).unwrap_or_default(),
            flags: &self.setting.controllers[by.slot],
        };
        // The key and the label that webhooks add may be their own, or a source's that has them from there.
        let labelless = after.as_ref().and_then(|after| without_label(after, before, &self.policies));
        let both = [after.as_ref(), labelless.as_ref()].map(|it| without_injected(it?, &self.policies));
        let is_allowed = |before: Option<&Rc<Object>>, after: Option<&Rc<Object>>| {
            properties::is_allowed(&self.store.history, &properties::Write { before, after, ..write })
        };
        let as_sent = || both.iter().chain([&labelless]).flatten().find_map(|it| is_allowed(before, Some(it)));
        // What the webhook had added before may be there still, and the data is as it was.
        let without_it = before.and_then(|before| without_injected(before, &self.policies));
        let as_it_was = || both.iter().flatten().find_map(|it| is_allowed(Some(without_it.as_ref()?), Some(it)));
        match is_allowed(before, after.as_ref()).or_else(as_sent).or_else(as_it_was) {
            Some(Allowed::Other) => return Ok(()),
            Some(Allowed::Removal) => return self.look_for_many_at_once(by, id, before, sent),
            // It pulls from what a webhook changed, and no controller can know that: but for the data it is as SPEC wants it.
            None if self.is_believed(id) => return Ok(()),
            None => {}
        }
        let wish =
            crate::spec::wish(&self.store.history[self.store.history.len().saturating_sub(2)].1, write.flags, id);
        let what = format!(
            "{id} was written, and SPEC wants that in no state that there was.\n  before: {}\n  after:  {}\n  wanted: {wish:?}",
            described(before.map(|before| &**before)),
            described(after.as_deref())
        );
        Err(Violation::new("safety", what))
    }

    /// Whether more is taken away because of one source, by one start of a controller, than the removal limit allows.
    fn look_for_many_at_once(
        &mut self,
        by: Sender,
        id: &Id,
        before: Option<&Rc<Object>>,
        sent: Duration,
    ) -> Result<(), Violation> {
        let flags = &self.setting.controllers[by.slot];
        let name = if self.store.get(id).is_none() { "replicated-by" } else { "replicate-from" };
        let source = before.and_then(|before| before.annotation(&format!("{}{name}", crate::spec::PREFIX)));
        let (Some(limit), Some(source)) = (flags.removal_limit, source) else { return Ok(()) };
        let window = flags.removal_delay.max(properties::SHORTEST_WINDOW);
        let removed = self.removed.entry((by.start, id.resource, source.to_owned())).or_default();
        removed.insert(id.clone(), sent);
        removed.retain(|_, at| sent.saturating_sub(*at) < window);
        match removed.len() > limit {
            false => Ok(()),
            true => Err(Violation::new("many at once", format!("{removed:?} were removed because of {source}"))),
        }
    }

    /// Whether controllers with equal flags take back each other's writes.
    fn look_for_a_fight(
        &mut self,
        by: Sender,
        id: &Id,
        before: Option<&Rc<Object>>,
        after: Option<&Rc<Object>>,
    ) -> Result<(), Violation> {
        let misses_an_event = self.lost.is_some_and(|at| self.now <= at + 2 * self.setting.resync_period);
        // One whose watch is away does not know what the other one does, until it lists again.
        let watches = |slot| {
            let is_open = |pipe: &&Pipe| pipe.sender.slot == slot && pipe.stream.is_some();
            self.pipes.iter().filter(is_open).count() >= self.setting.watches_of(slot)
        };
        let all_watch = (0..self.processes.len()).all(watches);
        let knows_the_same = !self.setting.stale_reads
            && self.restored.is_none()
            && !misses_an_event
            && all_watch
            && self.has_known_namespaces();
        // What a webhook puts into each write looks as if the other controller had not written.
        let is_changed = self.policies.iter().any(|policy| injects(policy, id));
        if !self.setting.are_equal() || self.processes.len() < 2 || !knows_the_same || is_changed {
            return Ok(());
        }
        let others = self.store.history.len() - self.writes;
        let last = self.written.get(id).filter(|last| last.slot != by.slot && last.others == others);
        let taken_back = match last {
            Some(last) if is_as_before(last.before.as_deref(), after.map(|after| &**after)) => last.taken_back + 1,
            _ => 0,
        };
        let slot = by.slot;
        self.written.insert(id.clone(), Written { slot, before: before.cloned(), others, taken_back });
        if taken_back <= MOST_TAKEN_BACK {
            return Ok(());
        }
        Err(Violation::new("fight", format!("{id}: two controllers take back each other's writes")))
    }

    /// Whether controllers that read their Namespaces one by one have read all of them since the last change, without a fault.
    fn has_known_namespaces(&self) -> bool {
        if self.setting.controllers.iter().all(|flags| flags.namespaces.is_empty()) {
            return true;
        }
        let namespaces = |state: &State| -> Vec<u64> {
            let namespaces = state.iter().filter(|(id, _)| id.resource == Resource::Namespace);
            namespaces.map(|(_, object)| object.version).collect()
        };
        let since = self.now.saturating_sub(properties::NAMESPACES_READ_WITHIN);
        let history = &self.store.history;
        let first = history.iter().rposition(|(at, _)| *at <= since).unwrap_or(0);
        let now = namespaces(&self.store.live);
        let is_calm = self.faults_ended.is_some_and(|at| at <= since);
        is_calm && history[first..].iter().all(|(_, state)| namespaces(state) == now)
    }

    /// Something is done to an object, not by a controller. False: it is not there, or may not be done.
    fn change(&mut self, id: &Id, manager: &str, change: impl FnOnce(&mut Object)) -> bool {
        let seen = self.store.live.clone();
        let context = Context { at: self.now, manager, policies: &[], seen: &seen };
        let version = self.store.revision;
        write::update(&mut self.store, id, context, change).is_ok() && self.store.revision != version
    }

    /// The dice of a controller's randomness.
    fn entropy(&mut self) -> Dice {
        self.starts += 1;
        Dice::new(self.setting.seed ^ self.starts.wrapping_mul(0xd134_2543_de82_ef95))
    }
}

impl Setting {
    /// Secrets alone, verified every two minutes, on API servers that do not lag.
    #[must_use]
    pub fn quiet(seed: u64, controllers: Vec<Flags>) -> Self {
        Self {
            seed,
            controllers,
            resources: vec![Resource::Secret],
            resync_period: Duration::from_secs(120),
            stale_reads: false,
            crowd: None,
            leader_elect: false,
            balanced: false,
            page: 500,
            recording: Recording::Off,
            bug: None,
        }
    }

    /// How many watches a controller has.
    fn watches_of(&self, slot: usize) -> usize {
        match self.controllers[slot].namespaces.len() {
            0 => self.resources.len() + 1,
            // The Namespaces themselves are not watched.
            named => self.resources.len() * named,
        }
    }

    /// Whether all controllers have the same flags.
    pub(crate) fn are_equal(&self) -> bool {
        self.controllers.windows(2).all(|two| two[0] == two[1])
    }
}

/// Whether an object is as it was, but for versions, owners and times.
fn is_as_before(before: Option<&Object>, after: Option<&Object>) -> bool {
    let plain = |object: Option<&Object>| {
        object.map(|object| {
            let mut notes = object.annotations.clone();
            notes.remove(&format!("{}replicated-at", crate::spec::PREFIX));
            (object.type_.clone(), object.data.clone(), object.binary_data.clone(), notes)
        })
    };
    plain(before) == plain(after)
}

/// A written object without the label that a webhook of its namespace added; `None`: none did.
fn without_label(after: &Rc<Object>, before: Option<&Rc<Object>>, policies: &[Policy]) -> Option<Rc<Object>> {
    let adds = |policy: &Policy| policy.namespace == after.id.namespace && policy.effect == Effect::AddLabel;
    let had_it = before.is_some_and(|before| before.labels.contains_key("seen-by"));
    let is_changed = !had_it && policies.iter().any(adds);
    let mut object = (**is_changed.then_some(after)?).clone();
    object.labels.remove("seen-by")?;
    Some(Rc::new(object))
}

fn injects(policy: &Policy, id: &Id) -> bool {
    policy.namespace == id.namespace && policy.effect == Effect::ChangeData
}

/// A written object without the data that a webhook of its namespace added; `None`: none did.
fn without_injected(after: &Rc<Object>, policies: &[Policy]) -> Option<Rc<Object>> {
    let is_changed = policies.iter().any(|policy| injects(policy, &after.id));
    let mut object = (**is_changed.then_some(after)?).clone();
    object.data.remove("injected")?;
    Some(Rc::new(object))
}

/// An object in one line.
#[must_use]
pub fn described(object: Option<&Object>) -> String {
    let Some(object) = object else { return "nothing".to_owned() };
    let mut notes = Vec::new();
    for (key, value) in &object.annotations {
        let owners: Vec<&str> = object
            .managers
            .iter()
            .filter(|entry| entry.fields.contains(&crate::api::managed::Field::Entry("annotations", key.clone())))
            .map(|entry| &*entry.name)
            .collect();
        notes.push(format!("{key}={:?} ({})", String::from_utf8_lossy(value), owners.join(", ")));
    }
    let data: Vec<String> =
        object.data.iter().chain(&object.binary_data).map(|(k, v)| format!("{k}: {:.24}", v)).collect();
    format!(
        "version {} uid …{} type {:?}{}{} data {{{}}} {}",
        object.version,
        object.uid.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect::<String>(),
        object.type_.as_deref().unwrap_or_default(),
        if object.immutable { " immutable" } else { "" },
        if object.deleted.is_some() { " being deleted" } else { "" },
        data.join(", "),
        notes.join(" ")
    )
}
