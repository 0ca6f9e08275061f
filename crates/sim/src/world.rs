//! The world of one run: model API servers, the network in between, the controllers, and virtual time.
//!
//! [`World::step`] does one step of a script; [`settle`] ends all faults and lets everything come to rest. After each step the
//! properties that hold at all times are checked; a [`Violation`] ends the run.

pub mod applied;
mod faults;
mod fingerprint;
mod judged;
mod network;
mod people;
mod process;
mod recorded;
pub mod settle;
pub mod step;
pub mod users;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use k8s_replicator_core::bugs::Bug;

use crate::api::admission::Policy;
use crate::api::events::Events;
use crate::api::http::Refusal;
use crate::api::lease::Leases;
use crate::api::object::{Id, Object, Resource};
use crate::api::server::Server;
use crate::api::store::{Snapshot, Store};
use crate::api::write::{self, Context, Written as Stored};
use crate::dice::Dice;
use crate::properties::Gap;
use crate::spec::Flags;

use applied::Manifests;
use judged::Written;
use network::{Flight, Pipe};
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

/// What becomes of the writes of many targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd {
    /// They are carried out.
    Served,
    /// A webhook in their namespace never answers.
    Hangs,
    /// A webhook in their namespace denies, and says when to come back.
    Denied,
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
    /// At the end there is a crowd of targets.
    pub crowd: Option<Crowd>,
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
    /// What tools apply, by object.
    manifests: BTreeMap<Id, Manifests>,
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
    removed: BTreeMap<(u64, Id), BTreeMap<Id, Duration>>,
    processes: Vec<Option<Process>>,
    /// By controller: the status by which a proxy answers all reads, and whether it answers writes too.
    proxies: Vec<Option<(u16, bool)>>,
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
            manifests: BTreeMap::new(),
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

    /// Something is done to an object, not by a controller. False: it is not there, or may not be done.
    fn change(&mut self, id: &Id, manager: &str, change: impl FnOnce(&mut Object)) -> bool {
        let version = self.store.revision;
        self.update(id, manager, change).is_ok() && self.store.revision != version
    }

    fn update(&mut self, id: &Id, manager: &str, change: impl FnOnce(&mut Object)) -> Result<Stored, Refusal> {
        let seen = self.store.live.clone();
        let context = Context { at: self.now, manager, policies: &[], seen: &seen };
        write::update(&mut self.store, id, context, change)
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
