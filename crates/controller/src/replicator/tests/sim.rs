//! Random changes, random order, lost answers, relists in pages: what a settled replicator leaves is right for a new one,
//! which verifies all of it and finds nothing to write. And everything comes to rest.
//!
//! More with `SIM_COUNT=5000`, others with `SIM_FROM=100000`. An error shows the shortest run that failed.

mod hostile;
mod server;
mod users;

use std::collections::BTreeMap;

use super::*;
use k8s_replicator_core::action::Action;
use k8s_replicator_core::observed::{ResourceVersion, Uid};
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;
use k8s_replicator_core::survey;

use crate::metrics::Samples;

const KEYS: [&str; 6] = ["a/x", "a/y", "b/x", "b/y", "c/x", "c/y"];

struct Dice(u64);
impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

#[derive(Clone)]
struct Obj {
    uid: u64,
    version: u64,
    created: u64,
    type_: String,
    immutable: bool,
    annotations: BTreeMap<String, String>,
    data: Option<String>,
}

#[derive(Clone)]
enum Ev {
    Seen(Value),
    Deleted(Key, Uid),
}

enum Flight {
    Sent(Ticket, Request),
    Answered(Ticket, Result<Answer, Failure>),
}

struct Sim {
    it: Replicator,
    moment: Duration,
    rv: u64,
    objects: BTreeMap<String, Obj>,
    namespaces: BTreeMap<String, bool>,
    log: Vec<Ev>,
    pos: usize,
    ns_log: Vec<NamespaceEvent>,
    ns_pos: usize,
    list: Option<Vec<Value>>,
    listed: ResourceVersion,
    flight: Vec<Flight>,
    dice: Dice,
    trace: Vec<String>,
    writes: usize,
    last_write: Moment,
    faults: bool,
    /// Whether the server and the users do what they can.
    hostile: bool,
    /// When something was asked of each object.
    asked: BTreeMap<String, Vec<Moment>>,
    lines: usize,
}

fn replicator(allow_all: bool) -> Replicator {
    let rules = Rules { allow_all, ..Rules::default() };
    Replicator::new(&Secret, Settings { rules, scope: Scope::Cluster, entropy: Box::new(|| 0), tells_all: false })
}

fn value(name: &str, o: &Obj) -> Value {
    let key = key(name);
    let annotations: serde_json::Map<String, Value> =
        o.annotations.iter().map(|(n, v)| (format!("p/{n}"), json!(v))).collect();
    let created = jiff::Timestamp::from_second(i64::try_from(o.created).unwrap()).unwrap().to_string();
    let data: Value = o.data.as_ref().map_or(Value::Null, |d| serde_json::from_str(d).unwrap());
    json!({ "metadata": { "namespace": key.namespace(), "name": key.name(), "uid": o.uid.to_string(),
        "resourceVersion": o.version.to_string(), "creationTimestamp": created, "annotations": annotations },
        "type": o.type_, "immutable": o.immutable, "data": data })
}

impl Sim {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(77_777) + 1);
        for _ in 0..3 {
            dice.roll(2);
        }
        let allow_all = dice.roll(2) == 0;
        let mut sim = Self {
            it: replicator(allow_all),
            moment: Duration::ZERO,
            rv: 100,
            objects: BTreeMap::new(),
            namespaces: ["a", "b", "c"].map(|n| (n.to_owned(), false)).into(),
            log: Vec::new(),
            pos: 0,
            ns_log: Vec::new(),
            ns_pos: 0,
            list: None,
            listed: ResourceVersion::new("0"),
            flight: Vec::new(),
            dice,
            trace: vec![format!("allow_all {allow_all}")],
            writes: 0,
            last_write: Moment::ZERO,
            faults: true,
            hostile: false,
            asked: BTreeMap::new(),
            lines: 0,
        };
        for _ in 0..sim.dice.roll(5) {
            sim.user();
        }
        sim.start(allow_all);
        sim
    }

    fn start(&mut self, allow_all: bool) {
        self.it = replicator(allow_all);
        self.flight.clear();
        self.list = None;
        self.it.namespace(self.now(), NamespaceEvent::ListBegins);
        for (name, terminating) in &self.namespaces {
            self.it.namespace(
                self.now(),
                NamespaceEvent::Seen { name: name.clone(), facts: NamespaceFacts::new(*terminating) },
            );
        }
        self.it.namespace(self.now(), NamespaceEvent::ListEnds);
        self.it.object(self.now(), ObjectEvent::ListBegins(Part::Cluster));
        for (name, o) in &self.objects {
            self.it.object(self.now(), ObjectEvent::Seen(observed(&value(name, o))));
        }
        self.it.object(self.now(), ObjectEvent::ListEnds(Part::Cluster, self.listed.clone()));
        self.pos = self.log.len();
        self.ns_pos = self.ns_log.len();
    }

    fn changed(&mut self, name: &str) {
        self.rv += 1;
        let o = self.objects.get_mut(name).unwrap();
        o.version = self.rv;
        let v = value(name, o);
        self.log.push(Ev::Seen(v));
    }

    fn removed(&mut self, name: &str) {
        self.rv += 1;
        if let Some(o) = self.objects.remove(name) {
            self.log.push(Ev::Deleted(key(name), Uid::new(&o.uid.to_string())));
        }
    }

    fn now(&self) -> Now {
        Now { moment: self.moment, time: jiff::Timestamp::from_second(1_700_000_000).unwrap() }
    }

    fn pump(&mut self) {
        let now = self.now();
        while let Some((ticket, request)) = self.it.next_request(now, &mut TURNS_AT_ONCE.clone()) {
            self.trace.push(format!("{} ms ask {}", self.moment.as_millis(), words(&request)));
            let object = words(&request).split(' ').nth(1).unwrap().to_owned();
            self.asked.entry(object).or_default().push(self.moment);
            self.flight.push(Flight::Sent(ticket, request));
        }
        for r in self.it.take_reports() {
            if !matches!(r.outcome, Outcome::Nothing) {
                self.lines += 1;
                self.trace.push(format!("   report {} {:?} {}", r.target, r.outcome, r.verdict.reason));
            }
        }
    }

    /// One step of the world. False: there was nothing of this sort.
    fn step(&mut self, choice: usize) -> bool {
        match choice {
            0 if self.list.is_none() && self.pos < self.log.len() => {
                let e = self.log[self.pos].clone();
                self.pos += 1;
                match e {
                    Ev::Seen(v) => {
                        self.trace.push(format!("watch {} {}", v["metadata"]["namespace"], v["metadata"]["name"]));
                        self.it.object(self.now(), ObjectEvent::Seen(observed(&v)));
                    }
                    Ev::Deleted(k, u) => {
                        self.trace.push(format!("watch DELETED {k}"));
                        self.it.object(self.now(), ObjectEvent::Deleted(k, u));
                    }
                }
            }
            1 if self.ns_pos < self.ns_log.len() => {
                let e = self.ns_log[self.ns_pos].clone();
                self.ns_pos += 1;
                self.trace.push(format!("watch ns {e:?}"));
                self.it.namespace(self.now(), e);
            }
            2 => match &mut self.list {
                Some(rest) => {
                    match rest.pop() {
                        Some(v) => self.it.object(self.now(), ObjectEvent::Seen(observed(&v))),
                        None => {
                            self.list = None;
                            self.trace.push("list ends".to_owned());
                            self.it.object(self.now(), ObjectEvent::ListEnds(Part::Cluster, self.listed.clone()));
                        }
                    };
                }
                None => return false,
            },
            3 if !self.flight.is_empty() => {
                let i = self.dice.roll(self.flight.len());
                match self.flight.swap_remove(i) {
                    Flight::Sent(t, r) if self.hostile => {
                        let answer = match self.hostile_answer(&r) {
                            Some(answer) => answer,
                            None => self.carry_out(&r),
                        };
                        let said = answer.as_ref().map_or_else(|f| format!("{:?}", f.kind), |_| "ok".to_owned());
                        self.trace.push(format!("server {} {said}", words(&r)));
                        if let (Request::Write(action), Ok(_)) = (&r, &answer)
                            && self.dice.roll(3) > 0
                        {
                            let name = action.target().as_str().to_owned();
                            self.revert(&name);
                            self.trace.push(format!("user reverts {name}"));
                        }
                        self.flight.push(Flight::Answered(t, answer));
                    }
                    Flight::Sent(t, r) => {
                        let fault = if self.faults { self.dice.roll(14) } else { 9 };
                        let (before, kind) = match fault {
                            0 => (true, Some(FailureKind::Unreachable)),
                            1 => (false, Some(FailureKind::Unreachable)),
                            2 => (true, Some(FailureKind::Server)),
                            _ => (false, None),
                        };
                        let carried = if before { None } else { Some(self.carry_out(&r)) };
                        let answer = match (carried, kind) {
                            (_, Some(kind)) => Err(failure(kind)),
                            (Some(answer), None) => answer,
                            (None, None) => Err(failure(FailureKind::Server)),
                        };
                        let said = match &answer {
                            Ok(_) => "ok".to_owned(),
                            Err(f) => format!("{:?}", f.kind),
                        };
                        self.trace.push(format!("server {} {said}", words(&r)));
                        self.flight.push(Flight::Answered(t, answer));
                    }
                    Flight::Answered(t, a) => {
                        self.trace.push(format!("answer {t:?} {}", a.is_ok()));
                        self.it.answer(self.now(), t, a);
                    }
                }
            }
            4 => {
                self.user();
            }
            5 => self.moment += Duration::from_millis(u64::try_from(self.dice.roll(200)).unwrap()),
            6 if self.list.is_none() && self.dice.roll(4) == 0 => {
                // The watch broke: events since then are lost.
                self.trace.push("list begins".to_owned());
                self.pos = self.log.len();
                self.listed = ResourceVersion::new(&self.rv.to_string());
                self.list = Some(self.objects.iter().map(|(n, o)| value(n, o)).collect());
                self.it.object(self.now(), ObjectEvent::ListBegins(Part::Cluster));
            }
            _ => return false,
        }
        true
    }

    /// What is counted of the targets, where nothing is to be done, is what a survey of the graph shows.
    fn check_standing(&self) -> Result<(), String> {
        let (graph, standing) = (self.it.graph(), self.it.standing());
        let rows: Vec<_> = survey::rows(graph, self.it.kind(), &self.it.rules)
            .filter(|row| row.reason != Some(Reason::NamespaceMissing))
            .collect();
        for row in &rows {
            let (state, reason) = (row.state, row.reason.filter(|_| row.state != State::Current));
            let (stands, _) = standing.of(&row.target).unzip();
            let said = stands.map_or((State::Current, None), |stands| (stands.state, stands.reason));
            // One that the server never lets be written fails for ever, and is to be written.
            let fails = said.0 == State::Failing && state == State::Waiting;
            if said != (state, reason) && !fails {
                return Err(format!("{}: {said:?}, and the survey says {state} {reason:?}", row.target));
            }
        }
        if let Some(target) = self.it.reports.states().find(|target| standing.of(target).is_none()) {
            return Err(format!("{target} is well, or no target any more, and what was reported of it is kept"));
        }
        let failing = standing.count(State::Failing);
        let counted: usize = State::ALL.iter().map(|state| standing.count(*state)).sum();
        let current = rows.iter().filter(|row| row.state == State::Current).count();
        if (counted, standing.kept(), standing.count(State::Current)) != (rows.len(), rows.len(), current) {
            return Err(format!("{counted} counted, {} kept, {failing} fail, of {rows:?}", standing.kept()));
        }
        Ok(())
    }

    /// How many series its metrics have.
    fn series(&self) -> usize {
        let mut samples = Samples::default();
        self.it.metrics(self.moment, true, &mut samples);
        samples.series()
    }

    fn tail(&self) -> String {
        self.trace[self.trace.len().saturating_sub(150)..].join("\n")
    }

    fn settle(&mut self) -> bool {
        self.faults = false;
        let before = self.moment;
        for n in 0.. {
            if n > 6_000 {
                return false;
            }
            self.pump();
            self.it.queue.check(self.moment);
            let choice = self.dice.roll(4);
            if (0..4).any(|c| self.step((choice + c) % 4)) {
                continue;
            }
            // A stuck one is retried for ever; an hour is enough for all others.
            match self.it.wake_at(self.now()) {
                Some(at) if at < before + Duration::from_secs(3_600) => self.moment = self.moment.max(at),
                _ => return true,
            }
        }
        true
    }
}

fn run(seed: u64, relists: bool) -> Result<(), String> {
    let mut sim = Sim::new(seed);
    let allow_all = sim.it.rules.allow_all;
    let series = sim.series();
    for _ in 0..(sim.dice.roll(250) + 20) {
        sim.pump();
        let choice = sim.dice.pick(&[0, 0, 0, 1, 2, 2, 3, 3, 3, 3, 3, 4, 5, 6]);
        if choice == 6 && !relists {
            continue;
        }
        sim.step(choice);
    }
    let before = sim.trace.len();
    if !sim.settle() {
        let all: Vec<String> =
            sim.objects.iter().map(|(n, o)| format!("{n} {} {:?}", o.version, o.annotations)).collect();
        let steps = sim.trace[before..before + 60].join("\n");
        return Err(format!("seed {seed}: it never ends\n{}\n{steps}", all.join("\n")));
    }
    sim.check_standing().map_err(|error| format!("seed {seed}: {error}\n{}", sim.tail()))?;
    if sim.series() != series {
        return Err(format!("seed {seed}: {series} series of metrics, and {} after all that happened", sim.series()));
    }
    let writes = sim.writes;
    let end = sim.trace.len();
    // A new one, that verifies all of it.
    sim.start(allow_all);
    if !sim.settle() {
        return Err(format!("seed {seed}: it never ends after a restart\n{}", sim.trace[end..end + 60].join("\n")));
    }
    sim.check_standing().map_err(|error| format!("seed {seed}: after a restart: {error}\n{}", sim.tail()))?;
    if sim.writes != writes {
        let from = end.saturating_sub(70);
        return Err(format!(
            "seed {seed}:\n{}\n--- restart\n{}",
            sim.trace[from..end].join("\n"),
            sim.trace[end..].join("\n").chars().take(3500).collect::<String>()
        ));
    }
    Ok(())
}

#[test]
fn sim_without_relists() {
    all(false);
}

#[test]
fn sim_with_relists() {
    all(true);
}

fn all(relists: bool) {
    let from: u64 = std::env::var("SIM_FROM").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let count: u64 = std::env::var("SIM_COUNT").ok().and_then(|s| s.parse().ok()).unwrap_or(100);
    let mut failed = Vec::new();
    let mut first = None;
    for seed in from..from + count {
        if let Err(e) = run(seed, relists) {
            failed.push(seed);
            if first.as_ref().is_none_or(|f: &String| f.len() > e.len()) {
                first = Some(e);
            }
        }
    }
    assert!(failed.is_empty(), "{} of {count} fail: {failed:?}\n{}", failed.len(), first.unwrap_or_default());
}
