//! One seed, one run: the script of a seed, its result, and the shortest script that fails alike.

use std::time::Duration;

use k8s_replicator_core::bugs;

use crate::api::admission::Policy;
use crate::api::object::{Id, Resource};
use crate::dice::Dice;
use crate::gitops;
use crate::policy;
use crate::scenes::{Faults, scene};
use crate::scope;
use crate::spec::Flags;
use crate::world::applied::Manifest;
use crate::world::step::{Fate, Flow, Rivalry, Step};
use crate::world::users::{self, Act};
use crate::world::{Crowd, Recording, Setting, Violation, World};

/// The script that a seed stands for.
#[derive(Debug, Clone)]
pub struct Script {
    /// What is fixed for the whole run.
    pub setting: Setting,
    /// What happens.
    pub steps: Vec<Step>,
}

/// The result of a run.
#[derive(Debug)]
pub struct Ran {
    /// The property that did not hold, if any.
    pub violation: Option<Violation>,
    /// What happened, if that was asked for.
    pub story: Vec<String>,
    /// How many writes of controllers took effect.
    pub writes: usize,
    /// How many requests the controllers sent.
    pub requests: usize,
    /// How many Events they wrote.
    pub events: usize,
}

fn byte(dice: &mut Dice, sides: usize) -> u8 {
    u8::try_from(dice.roll(sides)).unwrap_or(0)
}

/// The script that a seed stands for.
#[must_use]
pub fn script(seed: u64) -> Script {
    let dice = &mut Dice::new(seed);
    let flags = |dice: &mut Dice| Flags {
        allow_all: dice.once_in(4),
        ignore_unknown: dice.once_in(8),
        removal_delay: dice.pick(&[
            Duration::ZERO,
            Duration::from_secs(5),
            Duration::from_secs(5),
            Duration::from_secs(30),
        ]),
        hold_incomplete_tls: !dice.once_in(5),
        ..Flags::default()
    };
    let first = flags(dice);
    let controllers = match dice.roll(12) {
        0 => vec![first.clone(), flags(dice)],
        1 | 2 => vec![first.clone(), first],
        _ => vec![first],
    };
    let are_alike = controllers.len() == 2 && controllers[0] == controllers[1];
    let resources = match dice.roll(8) {
        0 => vec![Resource::ConfigMap],
        1 => vec![Resource::Secret, Resource::ConfigMap],
        _ => vec![Resource::Secret],
    };
    let resync_period = Duration::from_secs(dice.pick(&[0, 120, 120, 300]));
    let setting = Setting {
        seed,
        controllers,
        resources: resources.clone(),
        resync_period,
        // A replica that a stale read brings back is removed only by verification.
        stale_reads: dice.once_in(6) && resync_period > Duration::ZERO,
        crowd: if dice.once_in(60) { Some(if dice.once_in(2) { Crowd::Hangs } else { Crowd::Served }) } else { None },
        leader_elect: are_alike && dice.once_in(3),
        balanced: dice.once_in(3),
        page: dice.pick(&[500, 500, 2, 3]),
        recording: Recording::Off,
        bug: None,
    };
    let may_lose_events = setting.resync_period > Duration::ZERO && dice.once_in(3);
    let has_faults = !dice.once_in(5);
    let is_rough = has_faults && dice.once_in(3);
    let mut steps = Vec::new();
    for _ in 0..dice.roll(6) {
        let resource = dice.pick(&resources);
        let (namespace, name) = (dice.pick(&["a", "a", "b"]), dice.pick(&["x", "x", "y"]));
        steps.push(Step::Act(users::put(dice, Id::new(resource, namespace, name))));
    }
    let longest = if dice.once_in(4) { 220 } else { 100 };
    let length = 20 + dice.roll(longest);
    let faults = match (has_faults, may_lose_events) {
        (false, _) => Faults::None,
        (true, false) => Faults::All,
        (true, true) => Faults::WithLostEvents,
    };
    if dice.once_in(2) {
        steps.extend(scene(dice, &resources, faults));
    }
    while steps.len() < length {
        if dice.once_in(20) {
            steps.extend(scene(dice, &resources, faults));
        }
        let step = ordinary(dice, &resources);
        steps.push(step);
        if has_faults && dice.once_in(if is_rough { 5 } else { 18 }) {
            let fault = fault(dice, &resources, may_lose_events);
            steps.push(fault);
        }
    }
    let mut script = Script { setting, steps };
    policy::add_to(&mut script);
    scope::add_to(&mut script);
    gitops::add_to(&mut script);
    add_flags(&mut script);
    script
}

/// Whether controllers write Events, and which labels they create replicas with: by dice of their own.
fn add_flags(script: &mut Script) {
    let dice = &mut Dice::new(script.setting.seed ^ 0x6a09_e667_f3bc_c908);
    script.setting.recording = match dice.roll(8) {
        0 | 1 => Recording::Off,
        2 => Recording::Forbidden,
        _ => Recording::On,
    };
    const OURS: (&str, &str) = ("app.kubernetes.io/managed-by", "k8s-replicator");
    // Sources give `team` too.
    let labels: [&'static [(&str, &str)]; 4] = [&[], &[], &[OURS], &[OURS, ("team", "created")]];
    let created_with = dice.pick(&labels);
    script.setting.controllers.iter_mut().for_each(|flags| flags.created_with = created_with);
}

fn ordinary(dice: &mut Dice, resources: &[Resource]) -> Step {
    match dice.roll(26) {
        0..=5 => Step::Act(users::act(dice, resources)),
        20..=25 => Step::Calm(dice.pick(&[4, 8, 15, 30])),
        6..=8 => Step::Carry(byte(dice, 8), Fate::Fine),
        9..=12 => Step::Arrive(byte(dice, 8)),
        13 | 14 => Step::CatchUp(byte(dice, 2), dice.pick(&[1, 2, 9])),
        15..=17 => {
            let flow = dice.pick(&[Flow::Whole, Flow::Whole, Flow::All, Flow::Pieces(1), Flow::Pieces(100)]);
            Step::Flow(byte(dice, 6), flow)
        }
        _ => Step::Wait(Duration::from_millis(
            dice.pick(&[10, 100, 900, 900, 900, 4_000, 4_000, 12_000, 12_000, 130_000]),
        )),
    }
}

fn fault(dice: &mut Dice, resources: &[Resource], may_lose_events: bool) -> Step {
    match dice.roll(30) {
        0..=7 => {
            let fate = match dice.roll(16) {
                0 | 1 => Fate::RequestLost,
                2..=4 => Fate::ReplyLost,
                5 | 6 => Fate::TimedOutButDone,
                7 => Fate::Refused(409),
                8 => Fate::Refused(410),
                9 => Fate::Refused(422),
                10 => Fate::Refused(429),
                11 => Fate::Refused(500),
                12 => Fate::Refused(504),
                13 => Fate::Proxy(404),
                14 => Fate::Proxy(200),
                _ => Fate::Proxy(503),
            };
            Step::Carry(byte(dice, 8), fate)
        }
        8 | 9 => Step::Flow(byte(dice, 6), Flow::Twice),
        10 | 11 => Step::Flow(byte(dice, 6), if may_lose_events { Flow::Never } else { Flow::Expired }),
        12 => Step::Flow(byte(dice, 6), Flow::Cut(u16::from(byte(dice, 250)))),
        13 => Step::Flow(byte(dice, 6), Flow::Expired),
        14 | 15 => Step::Break(byte(dice, 6)),
        16 | 17 => Step::Crash(byte(dice, 2)),
        18 => Step::Terminate(byte(dice, 2)),
        19 | 20 => Step::CutOff(byte(dice, 2)),
        21 => Step::Switch(byte(dice, 2)),
        22 | 23 => {
            let namespace = dice.pick(&["b", "team-1", "a"]).to_owned();
            Step::Forbid(Policy { namespace, effect: users::effect(dice) })
        }
        24 => Step::Permit,
        25 => {
            let id = Id::new(dice.pick(resources), dice.pick(&["b", "team-1"]), dice.pick(&["x", "y"]));
            Step::Rival(id, dice.pick(&[Rivalry::Writes, Rivalry::Writes, Rivalry::Creations, Rivalry::Deletions]))
        }
        26 => Step::Compact,
        27 => Step::BackUp,
        28 => Step::Restore(dice.once_in(3)),
        _ => Step::Jump(dice.pick(&[-4_000, 4_000, 86_400])),
    }
}

/// Runs a script.
#[must_use]
pub fn run(script: &Script, tells: bool) -> Ran {
    bugs::plant(script.setting.bug);
    let mut world = World::new(script.setting.clone(), tells);
    let done = script.steps.iter().try_for_each(|step| world.step(step)).and_then(|()| world.settle());
    let (writes, requests, events) = (world.writes(), world.requests(), world.events());
    Ran { violation: done.err(), story: world.story().to_vec(), writes, requests, events }
}

/// Runs a script. A panic of the controller is a violation like any other.
#[must_use]
pub fn run_safely(script: &Script, tells: bool) -> Ran {
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(script, tells)));
    bugs::plant(None);
    ran.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
        let violation = Violation { property: "panic", what: text };
        Ran { violation: Some(violation), story: Vec::new(), writes: 0, requests: 0, events: 0 }
    })
}

/// The shortest script that was found to break the same property: steps are left out, many at once and then one by one.
#[must_use]
pub fn shrink(script: &Script, violation: &Violation) -> Script {
    const MOST_RUNS: usize = 3_000;
    let mut best = script.clone();
    let mut runs = 0;
    let mut fails = |steps: &[Step], setting: &Setting| {
        runs += 1;
        let tried = Script { setting: setting.clone(), steps: steps.to_vec() };
        let same = run_safely(&tried, false).violation.is_some_and(|found| found.property == violation.property);
        (same && runs <= MOST_RUNS).then_some(tried)
    };
    let mut size = best.steps.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        let mut dropped = false;
        while at < best.steps.len() {
            let end = (at + size).min(best.steps.len());
            let rest = [&best.steps[..at], &best.steps[end..]].concat();
            match fails(&rest, &best.setting) {
                Some(shorter) => (best, dropped) = (shorter, true),
                None => at = end,
            }
        }
        if size > 1 {
            size = size.div_ceil(2);
        } else if !dropped {
            break;
        }
    }
    // Simpler annotations, one by one.
    for at in 0..best.steps.len() {
        let count = annotations_of(&mut best.steps[at]).map_or(0, |annotations| annotations.len());
        for note in (0..count).rev() {
            let mut simpler = best.steps.clone();
            if let Some(annotations) = annotations_of(&mut simpler[at]) {
                annotations.remove(note);
            }
            if let Some(shorter) = fails(&simpler, &best.setting) {
                best = shorter;
            }
        }
    }
    best
}

/// The annotations with which a step makes an object.
fn annotations_of(step: &mut Step) -> Option<&mut Vec<(String, String)>> {
    match step {
        Step::Act(Act::Put { annotations, .. }) | Step::Apply(_, Manifest { annotations, .. }) => Some(annotations),
        _ => None,
    }
}

/// A failing seed as a list of steps that a person can follow.
#[must_use]
pub fn report(seed: u64, shortest: &Script) -> String {
    let ran = run_safely(shortest, true);
    let again = run_safely(shortest, true);
    let mut text = format!("seed {seed}: {} steps are left of it\n  {:?}\n\n", shortest.steps.len(), shortest.setting);
    for line in &ran.story {
        text.push_str(line);
        text.push('\n');
    }
    match &ran.violation {
        Some(violation) => text.push_str(&format!("\n{}: {}\n", violation.property, violation.what)),
        None => text.push_str("\nall properties hold\n"),
    }
    if again.story != ran.story {
        text.push_str("\nit does not replay: two runs of it differ\n");
    }
    text
}
