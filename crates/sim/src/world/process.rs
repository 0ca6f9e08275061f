//! TRUSTED: a running controller: what it asks for, what it says, and what it knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_replicator_controller::controller::{Controller, Message, Options, RequestId, Want};
use k8s_replicator_controller::event::Now;
use k8s_replicator_controller::events;
use k8s_replicator_controller::health::Health;
use k8s_replicator_controller::lease;
use k8s_replicator_controller::report::Outcome;
use k8s_replicator_controller::wire::{HttpRequest, Received};
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::{Rules, Verb};
use k8s_replicator_core::kind::{ConfigMap, Kind, Secret};
use k8s_replicator_core::names::{Key, Namespace, TargetKey};
use k8s_replicator_core::pattern::NamespaceList;
use k8s_replicator_core::scope::Scope;

use super::fingerprint::Given;
use super::network::{Flight, Listed, Progress, Sender, Watched};
use super::{Recording, Violation, World};
use crate::api::events::Events;
use crate::api::http::Request;
use crate::api::lease::{self as leases, Leases};
use crate::api::object::{Id, Resource};
use crate::api::write::EPOCH;
use crate::dice::Dice;
use crate::properties::{self, Gap, Known, MOST_UNDER_WAY};
use crate::spec::{Flags, PREFIX};

/// See the [module](self).
pub(super) struct Process {
    pub(super) controller: Controller,
    identity: String,
    _health: Health,
    /// The number of this start, among all: responses to requests of earlier starts are not for it.
    pub(super) start: u64,
    pub(super) started: Duration,
    /// What it knows for certain.
    pub(super) known: Known,
    /// Up to which position in the history each of its watches has delivered, or began.
    pub(super) watched: BTreeMap<Watched, usize>,
    /// A watch event was lost on the way to it, so that it may know less than what came after that event.
    pub(super) misses_events: bool,
    /// The API server that it talks to.
    pub(super) server: usize,
    /// Nothing gets through to the API servers.
    pub(super) is_cut_off: bool,
    /// When it wants to be polled.
    pub(super) wakes: Duration,
    /// It cannot go on.
    has_ended: bool,
    /// Something was delivered since it was polled last.
    pub(super) is_stirred: bool,
    /// Objects about which the controller reported something other than that nothing has to be done.
    pub(super) reported: BTreeSet<Id>,
    /// Objects that it reported to have emptied, with the reason, which is told once.
    pub(super) emptied: BTreeSet<Id>,
    /// All that was delivered to it.
    pub(super) given: Given,
}

impl Process {
    /// When the controller decides about a target again, at the latest; `None`: it has no time for that.
    pub(super) fn decides_again_at(&self, id: &Id) -> Option<Duration> {
        let target = TargetKey::from(Key::new(&id.namespace, &id.name).ok()?);
        let of_kind = self.controller.replicators().filter(|each| each.kind().plural() == id.resource.plural());
        of_kind.filter_map(|each| each.next_at(&target)).min().map(|at| at.saturating_add(self.started))
    }
}

/// What a controller with these flags decides by.
#[must_use]
pub fn rules(flags: &Flags) -> Rules {
    Rules {
        allow_all: flags.allow_all,
        removal_delay: flags.removal_delay,
        hold_incomplete_tls: flags.hold_incomplete_tls,
        exclude_namespaces: NamespaceList::parse(&Arc::from(flags.exclude_namespaces)).unwrap_or_default(),
        require_acceptance: flags.require_acceptance,
        removal_limit: flags.removal_limit,
        create_with_labels: Arc::new(
            flags.created_with.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        ),
    }
}

/// The namespaces in which a controller with these flags works.
#[must_use]
pub fn scope(flags: &Flags) -> Scope {
    match flags.namespaces {
        [] => Scope::Cluster,
        named => Scope::Namespaces(named.iter().filter_map(|name| Namespace::parse(name).ok()).collect()),
    }
}

impl World {
    /// Starts the controllers that do not run.
    pub(super) fn start_all(&mut self) {
        for slot in 0..self.processes.len() {
            if self.processes[slot].is_none() {
                self.start(slot);
            }
        }
    }

    fn start(&mut self, slot: usize) {
        let flags = &self.setting.controllers[slot];
        let kinds: Vec<&'static dyn Kind> = self
            .setting
            .resources
            .iter()
            .map(|resource| match resource {
                Resource::ConfigMap => &ConfigMap as &'static dyn Kind,
                _ => &Secret,
            })
            .collect();
        let options = Options {
            kinds,
            scope: scope(flags),
            dialect: Dialect::new(PREFIX, flags.ignore_unknown),
            rules: rules(flags),
            resync_period: self.setting.resync_period,
        };
        let mut dice = self.entropy();
        let mut entropy = || -> Box<dyn FnMut() -> u8 + Send + Sync> {
            let mut own = Dice::new(dice.number());
            Box::new(move || own.number().to_le_bytes()[0])
        };
        let health = Health::default();
        let mut controller = Controller::new(options, "https://server".to_owned(), &health, &mut entropy);
        // No two starts have the same name.
        let identity = format!("controller-{slot}_{}", self.starts);
        if self.setting.leader_elect {
            let settings = lease::Settings {
                namespace: leases::NAMESPACE.to_owned(),
                name: leases::NAME.to_owned(),
                identity: identity.clone(),
                url: "https://server".to_owned(),
                progress: health.watch("leases"),
                entropy: entropy(),
            };
            controller = controller.elected_by(settings, &health);
        }
        if self.setting.recording != Recording::Off {
            controller = controller.with_events(events::Settings {
                instance: identity.clone(),
                version_key: format!("{PREFIX}source-version"),
                entropy: entropy(),
            });
        }
        let oldest = self.servers.iter().map(|server| self.store.position_at(server.revision)).min().unwrap_or(0);
        self.tell(|| format!("controller {slot} starts"));
        self.processes[slot] = Some(Process {
            controller,
            identity,
            _health: health,
            start: self.starts,
            started: self.now,
            known: Known::all_from(oldest),
            watched: BTreeMap::new(),
            misses_events: false,
            server: slot % 2,
            is_cut_off: false,
            wakes: self.now,
            has_ended: false,
            is_stirred: true,
            reported: BTreeSet::new(),
            emptied: BTreeSet::new(),
            given: Given::default(),
        });
    }

    /// Both clocks, as a controller reads them.
    pub(super) fn now_of(&self, process: &Process) -> Now {
        let seconds = EPOCH + i64::try_from(self.now.as_secs()).unwrap_or(0) + self.wall_offset;
        Now {
            moment: self.now.saturating_sub(process.started),
            time: jiff::Timestamp::from_second(seconds).unwrap_or_default(),
        }
    }

    /// Lets every controller that has something to do go on.
    pub(super) fn poll_all(&mut self) -> Result<(), Violation> {
        for slot in 0..self.processes.len() {
            let Some(mut process) = self.processes[slot].take() else { continue };
            let done = self.poll(slot, &mut process);
            let has_ended = process.has_ended;
            self.processes[slot] = Some(process);
            done?;
            if has_ended {
                // The kubelet starts it again.
                self.crash(slot);
            }
        }
        Ok(())
    }

    fn poll(&mut self, slot: usize, process: &mut Process) -> Result<(), Violation> {
        const MOST_POLLS: usize = 1_000;
        for round in 0.. {
            if !process.is_stirred && process.wakes > self.now {
                return Ok(());
            }
            if round == MOST_POLLS {
                return Err(Violation::new("hot loop", format!("controller {slot} wants to be polled without end")));
            }
            process.is_stirred = false;
            process.wakes = Duration::MAX;
            let now = self.now_of(process);
            for want in process.controller.poll(now) {
                match want {
                    Want::Request(id, request) => self.sent(slot, process, id, &request)?,
                    Want::Cancel(id) => self.cancel(process.start, id),
                    Want::WaitUntil(at) => process.wakes = at.saturating_add(process.started),
                }
            }
            self.heard(slot, process)?;
            let has_stopped = process.controller.has_stopped().then_some("it was stopped");
            if let Some(why) = process.controller.end().or(has_stopped) {
                let why = why.to_owned();
                self.tell(|| format!("controller {slot} ends: {why}"));
                process.has_ended = true;
                return Ok(());
            }
        }
        Ok(())
    }

    fn sent(&mut self, slot: usize, process: &Process, id: RequestId, request: &HttpRequest) -> Result<(), Violation> {
        let request = Request::of(request);
        if properties::shows_a_value(&request.uri) {
            return Err(Violation::new("secrecy", format!("a path shows a value: {}", request.uri)));
        }
        if !properties::may_ask(&self.setting.controllers[slot], &request) {
            let what = format!("{} {} is outside of --namespaces", request.method, request.uri);
            return Err(Violation::new("scope", what));
        }
        if Events::is_about(&request) {
            self.look_at_event(process.start, process.started, &request)?;
        }
        // What is created is counted by its name.
        let created = if request.method == "POST" { request.about() } else { None };
        match created {
            Some(id) => self.count(&format!("{}/{}", request.path(), id.name))?,
            // Each page of a list is another thing.
            None if request.uri.contains("&continue=") => self.count(&request.uri)?,
            // They are counted by what they are about.
            None if Events::is_about(&request) => {}
            None => self.count(request.path())?,
        }
        if self.setting.leader_elect && request.is_write() && !Leases::is_about(&request) {
            let relies = self.restored.is_none_or(|at| at + properties::LEASE_LASTS < self.now);
            let holder = self.leases.holder();
            if relies && !properties::may_begin(&process.identity, holder) {
                let what = format!("{} begins to write, and the Lease names {holder:?}", process.identity);
                return Err(Violation::new("leadership", what));
            }
        }
        if process.controller.under_way() > MOST_UNDER_WAY * self.setting.resources.len() {
            return Err(Violation::new("bounds", format!("{} requests are under way", process.controller.under_way())));
        }
        let sender = Sender {
            slot,
            start: process.start,
            started: process.started,
            known: process.known,
            has_watches: self.knows_by_watches(slot, process.start),
            gaps: self.gaps.get(&process.start).map_or(0, Vec::len),
        };
        let turn = if self.setting.balanced && request.whole.is_some() { self.requests % 2 } else { 0 };
        self.flights.push(Flight {
            sender,
            id,
            request,
            sent: self.now,
            turn,
            is_cancelled: false,
            progress: Progress::Sent,
            shown: None,
            listed: None,
        });
        Ok(())
    }

    /// Takes the log messages of a controller.
    fn heard(&mut self, slot: usize, process: &mut Process) -> Result<(), Violation> {
        for message in process.controller.take_messages() {
            let failed = match &message {
                // Whether Events can be written makes no difference to replication.
                Message::Notice(notice) => notice.level <= tracing::Level::WARN && notice.resource != "events",
                Message::Report(_, report) => matches!(report.outcome, Outcome::Failed { .. }),
                Message::Ready { .. } => false,
            };
            self.failures += usize::from(failed);
            let said = match &message {
                Message::Notice(notice) => format!("{notice:?}"),
                Message::Report(kind, report) => {
                    let resource = Resource::from_plural(kind.plural()).unwrap_or(Resource::Secret);
                    // One line for all that fail for the same cause.
                    let all = std::iter::once(&report.target).chain(&report.others.names);
                    let all = all.map(|key| Id::new(resource, key.namespace(), key.name()));
                    match report.outcome {
                        Outcome::Done { verb: Verb::Clear, .. } => process.emptied.extend(all),
                        Outcome::Done { .. } | Outcome::Nothing => {}
                        _ => process.reported.extend(all),
                    }
                    format!("{report:?}")
                }
                Message::Ready { .. } => format!("{message:?}"),
            };
            if properties::shows_a_value(&said) {
                return Err(Violation::new("secrecy", format!("a report shows a value: {said}")));
            }
            let is_dull = matches!(&message, Message::Notice(notice) if notice.level >= tracing::Level::DEBUG);
            if !(is_dull && self.is_quiet()) {
                self.tell(|| format!("controller {slot} reports {said}"));
            }
        }
        Ok(())
    }

    /// A watch event of this revision has arrived at a controller, in one piece or in several: it decides by nothing older any more.
    /// (Where lists come from caches that lag, a new list can go back. What is known of the named Namespaces comes from reads of each.)
    pub(super) fn has_seen(&mut self, by: Sender, watched: Watched, revision: u64) {
        let goes_back = self.setting.stale_reads || !self.setting.controllers[by.slot].namespaces.is_empty();
        let position = self.store.position_at(revision);
        let process = self.processes[by.slot].as_mut().filter(|process| process.start == by.start);
        let Some(process) = process.filter(|process| !process.misses_events) else { return };
        if !goes_back {
            process.known.reaches(watched.0, position);
        }
        process.watched.insert(watched, position);
    }

    /// Up to which position a controller has certainly seen what became of these objects.
    fn seen_until(&self, by: Sender, watched: &Watched) -> Option<usize> {
        let process = self.processes[by.slot].as_ref().filter(|process| process.start == by.start)?;
        let delivered = process.watched.get(watched).copied().unwrap_or_default();
        Some(delivered.max(process.known.of(watched.0)))
    }

    /// A controller watches from a revision on, which a list has shown it, or an event before the last watch ended.
    pub(super) fn begins_to_watch(&mut self, by: Sender, watched: Watched, revision: u64) {
        self.goes_on_at(by, watched.clone(), self.store.position_at(revision));
        self.has_seen(by, watched, revision);
    }

    /// A page of a list shows a controller what there was at this position of the history.
    pub(super) fn is_listed(&mut self, by: Sender, listed: Listed, shown: usize) {
        match listed.is_last {
            true => self.goes_on_at(by, listed.watched, shown),
            false => listed.objects.into_iter().for_each(|object| self.is_shown(by, object, shown)),
        }
    }

    /// A controller goes on at this position of the history, and has seen nothing of what was between that and its last watch.
    fn goes_on_at(&mut self, by: Sender, watched: Watched, shown: usize) {
        if let Some(after) = self.seen_until(by, &watched).filter(|after| *after < shown) {
            let (resource, namespace) = watched;
            self.gaps.entry(by.start).or_default().push(Gap { resource, namespace, one: None, after, shown });
        }
    }

    /// A response shows a controller an object as it was at this position of the history.
    pub(super) fn is_shown(&mut self, by: Sender, id: Id, shown: usize) {
        let is_scoped = !self.setting.controllers[by.slot].namespaces.is_empty();
        let namespace = if is_scoped { id.namespace.clone() } else { String::new() };
        let watched = (id.resource, namespace.clone());
        if let Some(after) = self.seen_until(by, &watched).filter(|after| *after < shown) {
            let gap = Gap { resource: id.resource, namespace, one: Some(id), after, shown };
            self.gaps.entry(by.start).or_default().push(gap);
        }
    }

    /// Something arrives at a controller.
    pub(super) fn deliver(&mut self, to: Sender, id: RequestId, received: Received) {
        let slot = to.slot;
        let Some(mut process) = self.processes[slot].take() else { return };
        if process.start == to.start {
            let now = self.now_of(&process);
            process.given.add(id, &received);
            process.controller.deliver(now, id, received);
            process.is_stirred = true;
        }
        self.processes[slot] = Some(process);
    }
}
