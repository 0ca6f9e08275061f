//! Seeds, as many as the time of a test allows. Each state of the code has its own, so that they are fresh, and fail again alike. `SIM_FROM` and
//! `SIM_COUNT` choose others; `cargo xtask sim` runs more of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use k8s_replicator_sim::api::object::Resource;
use k8s_replicator_sim::run::{report, run, run_safely, script, shrink};
use k8s_replicator_sim::spec::Flags;
use k8s_replicator_sim::world::step::Step;
use k8s_replicator_sim::world::{Crowd, Recording, Setting};

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The first seed for this state of the code: it follows from the sources of what is simulated, and of the simulation.
fn first_seed() -> u64 {
    const MOST: u64 = 1_000_000_000;
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = ["core", "controller", "sim"].map(|name| crates.join(name).join("src")).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    // FNV-1a, which is the same on each machine and with each compiler.
    let bytes = files.iter().flat_map(|file| std::fs::read(file).unwrap());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    1 + hash % MOST
}

#[test]
fn every_property_holds_for_every_seed() {
    let (from, count) = (number("SIM_FROM", first_seed()), number("SIM_COUNT", 20_000));
    let (next, failed) = (AtomicU64::new(from), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count {
                        return;
                    }
                    if let Some(violation) = run_safely(&script(seed), false).violation {
                        failed.lock().unwrap().push((seed, violation));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_by_key(|(seed, _)| *seed);
    if let Some((seed, violation)) = failed.first() {
        let shortest = shrink(&script(*seed), violation);
        panic!("{} of {count} seeds from {from} fail; the first of them:\n{}", failed.len(), report(*seed, &shortest));
    }
}

#[test]
fn a_seed_replays_line_by_line() {
    for seed in 1..20 {
        let [once, again] = [(), ()].map(|()| run(&script(seed), true).story);
        assert!(once.len() > 10);
        assert_eq!(once, again, "seed {seed}");
    }
}

/// The first word of what a value is printed as: the name of its variant.
fn word(value: &dyn std::fmt::Debug) -> String {
    format!("{value:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

/// Each kind of step, of fate, of refusal and of delivery stands in the scripts, and each setting.
#[test]
fn the_seeds_reach_every_step_and_setting() {
    let mut seen = BTreeSet::new();
    for script in (1..=2_000).map(script) {
        for step in &script.steps {
            seen.insert(match step {
                Step::Carry(_, fate) => format!("Carry {fate:?}"),
                Step::Flow(_, flow) => format!("Flow {}", word(flow)),
                Step::Rival(_, rivalry) => format!("Rival {}", word(rivalry)),
                Step::Forbid(policy) => format!("Forbid {:?}", policy.effect),
                Step::Act(act) => format!("Act {}", word(act)),
                Step::Apply(_, manifest) => format!("Apply {:?}", manifest.by),
                Step::Restore(again) => format!("Restore {again}"),
                Step::Proxy(_, Some(answer)) => format!("Proxy {answer:?}"),
                Step::Jump(seconds) => format!("Jump {seconds}"),
                step => word(step),
            });
        }
        let Setting { controllers, leader_elect, stale_reads, balanced, crowd, recording, resources, .. } =
            &script.setting;
        let has = |it: fn(&Flags) -> bool| controllers.iter().any(it);
        let is_scoped = controllers.iter().any(|flags| !flags.namespaces.is_empty());
        let creates_with = controllers.iter().any(|flags| !flags.created_with.is_empty());
        for (name, is_so) in [
            ("two controllers", controllers.len() == 2),
            ("with different flags", controllers.windows(2).any(|two| two[0] != two[1])),
            ("--leader-elect", *leader_elect),
            ("--allow-all", has(|flags| flags.allow_all)),
            ("--ignore-unknown", has(|flags| flags.ignore_unknown)),
            ("--require-acceptance", has(|flags| flags.require_acceptance)),
            ("--exclude-namespaces", has(|flags| !flags.exclude_namespaces.is_empty())),
            ("--removal-limit", has(|flags| flags.removal_limit.is_some())),
            ("--removal-delay=0", has(|flags| flags.removal_delay.is_zero())),
            ("--hold-incomplete-tls=false", has(|flags| !flags.hold_incomplete_tls)),
            ("--resync-period=0", script.setting.resync_period.is_zero()),
            ("ConfigMaps", resources.contains(&Resource::ConfigMap)),
            ("both kinds", resources.len() == 2),
            ("small pages", script.setting.page < 10),
            ("--namespaces", is_scoped),
            ("--create-with-labels", creates_with),
            ("stale reads", *stale_reads),
            ("balanced", *balanced),
            ("a crowd is served", *crowd == Some(Crowd::Served)),
            ("a crowd hangs", *crowd == Some(Crowd::Hangs)),
            ("a crowd is denied", *crowd == Some(Crowd::Denied)),
            ("Events", *recording == Recording::On),
            ("Events are forbidden", *recording == Recording::Forbidden),
        ] {
            if is_so {
                seen.insert(name.to_owned());
            }
        }
    }
    let expected = include_str!("steps.txt");
    let expected: BTreeSet<String> = expected.lines().map(str::to_owned).collect();
    assert_eq!(seen, expected);
}

/// The seeds exercise the controller: requests are sent, and replicas are written in many of them.
#[test]
fn the_seeds_reach_writes() {
    let ran: Vec<_> = (1..=200).map(|seed| run(&script(seed), false)).collect();
    let with_writes = ran.iter().filter(|ran| ran.writes > 0).count();
    let writes: usize = ran.iter().map(|ran| ran.writes).sum();
    assert!(with_writes >= 80, "{with_writes} of 200");
    assert!(writes >= 300, "{writes}");
    let events: usize = ran.iter().map(|ran| ran.events).sum();
    assert!(events >= 300, "{events}");
}
