//! Overload (issue 13, 8): whatever happens to very many targets, those of other namespaces are written soon, what is held is bounded,
//! and what failed is tried again less and less often, and not all at once.
//!
//! The server of these scenes carries out 1,000 writes a second ([`k8s_replicator_sim::load`]). With `--nocapture` each scene prints its
//! row of the table in `docs/reliability.md`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::alloc::System;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cap::Cap;
use k8s_replicator_sim::api::admission::{Effect, Policy};
use k8s_replicator_sim::api::object::Object;
use k8s_replicator_sim::load::{Load, encoded};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// One scene at a time: they count the same memory.
static ALONE: Mutex<()> = Mutex::new(());

const SECOND: Duration = Duration::from_secs(1);
/// What the chart allows a controller, without the program's own file and stacks.
const MOST_MEMORY: isize = (128 - 16) << 20;
/// Requests that are under way: 64, and those that hang.
const MOST_UNDER_WAY: usize = 64 + 8;

/// A replica in another namespace is there so soon, whatever happens.
const LONGEST_WAIT: Duration = Duration::from_millis(300);
/// What failed is tried again within this time (the longest backoff, 90 s, and a quarter).
const LONGEST_PAUSE: Duration = Duration::from_secs(113);

fn allocated() -> usize {
    ALLOCATOR.allocated()
}

/// A cluster with namespaces for somebody else's pair of objects, and these.
fn cluster(namespaces: impl IntoIterator<Item = String>) -> Load {
    let mut load = Load::new(allocated);
    ["central", "small", "other"].into_iter().for_each(|name| load.namespace(name));
    namespaces.into_iter().for_each(|name| load.namespace(&name));
    load
}

fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("n{n}"))
}

/// So many sources in one namespace, each with so many replicas in another one.
fn push(load: &mut Load, sources: usize, into: &str, each: usize) -> Vec<String> {
    let names = |source: usize| (0..each).map(move |n| format!("{into}/x{source}-{n}"));
    for source in 0..sources {
        let to: Vec<String> = names(source).collect();
        load.put(&format!("central/s{source}"), &[("replicate-to", &to.join(","))], "v");
    }
    (0..sources).flat_map(names).collect()
}

/// Whether all these replicas have this value.
fn all_have(load: &Load, targets: &[String], value: &str) -> bool {
    let is = |object: &Object| object.data.get("k").is_some_and(|now| *now == encoded(value));
    targets.iter().all(|target| load.get(target).is_some_and(is))
}

/// How long users of other namespaces waited for a new replica of theirs.
#[derive(Default)]
struct Others {
    waits: Vec<Duration>,
}

impl Others {
    /// Until this time somebody asks for one again and again, with this pause between.
    fn ask(&mut self, load: &mut Load, until: Duration, pause: Duration) {
        while load.now() < until {
            let next = load.now() + pause;
            self.ask_once(load);
            load.run_until(next.min(until));
        }
    }

    fn ask_once(&mut self, load: &mut Load) {
        let (began, name) = (load.now(), format!("o{}", load.objects()));
        let replica = format!("other/{name}");
        load.put(&format!("small/{name}"), &[("replicate-to", &replica)], "v");
        assert!(
            load.run_while(began + 60 * SECOND, |load| load.get(&replica).is_none()),
            "{replica} waits for a minute"
        );
        self.waits.push(load.now() - began);
    }

    fn waited_little(&self) {
        assert!(self.waits.iter().all(|wait| *wait < LONGEST_WAIT), "{}", self.words());
    }

    fn words(&self) -> String {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        let at = |part: usize| waits[(waits.len() - 1) * part / 100].as_millis();
        format!("{} ms, the longest of {} {} ms", at(50), waits.len(), at(100))
    }
}

/// The requests of each second from `from` to `to`.
fn requests(load: &Load, from: u64, to: u64) -> Vec<usize> {
    (from..to).map(|second| load.seen.requests.get(&second).copied().unwrap_or(0)).collect()
}

fn mean(counts: &[usize]) -> usize {
    counts.iter().sum::<usize>().div_ceil(counts.len())
}

fn most(counts: &[usize]) -> usize {
    counts.iter().copied().max().unwrap()
}

fn mib(bytes: isize) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn is_bounded(load: &Load, most_memory: isize) {
    assert!(load.seen.most_held < most_memory, "{}", mib(load.seen.most_held));
    assert!(load.seen.most_under_way <= MOST_UNDER_WAY, "{}", load.seen.most_under_way);
}

/// When the `nth` write of each target in this namespace was sent: the time that they are spread over, and which part of them is in the
/// busiest tenth of it.
fn spread(load: &Load, namespace: &str, nth: usize) -> (Duration, f64) {
    let of_namespace = load.seen.writes.iter().filter(|(target, _)| target.starts_with(&format!("{namespace}/")));
    let times: Vec<Duration> = of_namespace.filter_map(|(_, times)| times.get(nth).copied()).collect();
    let (first, last) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
    let mut tenths = [0_usize; 10];
    for at in &times {
        let part = (*at - first).as_secs_f64() / (last - first).as_secs_f64().max(f64::MIN_POSITIVE);
        tenths[((part * 10.0) as usize).min(9)] += 1;
    }
    (last - first, most(&tenths) as f64 / times.len() as f64)
}

/// 10 sources that are copied to 10,000 namespaces: first all replicas are to be made, then all are to be updated.
#[test]
fn a_hundred_thousand_targets_at_once() {
    const NAMESPACES: usize = 10_000;
    const SOURCES: usize = 10;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut load = cluster(numbered(NAMESPACES));
    let write_all = |load: &mut Load, value: &str| {
        (0..SOURCES).for_each(|n| load.put(&format!("central/s{n}"), &[("replicate-to-namespaces", "n.*")], value));
    };
    write_all(&mut load, "one");
    let before = load.objects();
    load.start();
    // What is there at the start has no precedence over the rest.
    load.run_until(SECOND);
    let (mut others, mut queued) = (Others::default(), 0);
    while load.objects() < before + NAMESPACES * SOURCES + 2 * others.waits.len() {
        let until = load.now() + 5 * SECOND;
        others.ask(&mut load, until, SECOND);
        queued = queued.max(load.queue().values().sum());
    }
    let made_in = load.now();
    let (most_held, under_way) = (load.seen.most_held, load.seen.most_under_way);
    println!(
        "100,000 targets to be made: all are after {} s, others wait {}, {queued} queued, {} held at most, {under_way} under way",
        made_in.as_secs(),
        others.words(),
        mib(most_held),
    );
    load.run_until(made_in + 30 * SECOND);
    let at_rest = load.seen.held;
    write_all(&mut load, "two");
    let (mut later, began) = (Others::default(), load.now());
    later.ask(&mut load, began + 10 * SECOND, SECOND);
    let per_second = requests(&load, began.as_secs() + 1, began.as_secs() + 10);
    let queued = load.queue().values().sum::<usize>();
    let targets: Vec<String> =
        (0..SOURCES).flat_map(|n| numbered(NAMESPACES).map(move |it| format!("{it}/s{n}"))).collect();
    while !all_have(&load, &targets, "two") {
        assert!(load.now() < began + 120 * SECOND, "not all are updated");
        let until = load.now() + 5 * SECOND;
        later.ask(&mut load, until, SECOND);
    }
    let updated_in = load.now() - began;
    println!(
        "100,000 targets to be updated: all are after {} s, {} requests a second, others wait {}, {queued} queued, {} held at rest and {} at most, {} under way",
        updated_in.as_secs(),
        mean(&per_second),
        later.words(),
        mib(at_rest),
        mib(load.seen.most_held),
        load.seen.most_under_way,
    );
    others.waited_little();
    later.waited_little();
    // The server carries out 1,000 writes a second.
    assert!(made_in < 120 * SECOND && updated_in < 120 * SECOND, "{made_in:?}, {updated_in:?}");
    is_bounded(&load, MOST_MEMORY);
}

/// Issue 9: a small target beside 5,000 of one source waits 100 ms at most.
#[test]
fn a_small_target_beside_five_thousand_of_one_source() {
    const REPLICAS: usize = 5_000;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut load = cluster(numbered(REPLICAS));
    let targets: Vec<String> = numbered(REPLICAS).map(|namespace| format!("{namespace}/large")).collect();
    let write = |load: &mut Load, value: &str| {
        load.put("central/large", &[("replicate-to-namespaces", "n.*")], value);
    };
    write(&mut load, "one");
    load.start();
    assert!(load.run_while(60 * SECOND, |load| !all_have(load, &targets, "one")), "they are made");
    load.run_until(load.now() + 10 * SECOND);
    let mut alone = Others::default();
    let until = load.now() + 2 * SECOND;
    alone.ask(&mut load, until, SECOND / 20);
    write(&mut load, "two");
    let (mut beside, began) = (Others::default(), load.now());
    while !all_have(&load, &targets, "two") {
        let until = load.now() + SECOND / 4;
        beside.ask(&mut load, until, SECOND / 20);
    }
    println!(
        "{REPLICAS} replicas of one source to be updated: all are after {:.1} s, others wait {}, and {} with nothing else to do",
        (load.now() - began).as_secs_f64(),
        beside.words(),
        alone.words(),
    );
    assert!(beside.waits.len() > 20, "{}", beside.words());
    assert!(beside.waits.iter().all(|wait| *wait <= SECOND / 10), "{}", beside.words());
}

/// All is refused for a minute just when 1,000 replicas have to be updated.
#[test]
fn a_server_that_answers_429_for_a_minute() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut load = cluster(numbered(50));
    let write_all = |load: &mut Load, value: &str| {
        (0..20).for_each(|n| load.put(&format!("central/s{n}"), &[("replicate-to-namespaces", "n.*")], value));
    };
    let targets: Vec<String> = numbered(50).flat_map(|to| (0..20).map(move |n| format!("{to}/s{n}"))).collect();
    write_all(&mut load, "one");
    load.start();
    load.run_until(10 * SECOND);
    assert!(all_have(&load, &targets, "one"));
    load.throttles = true;
    write_all(&mut load, "two");
    load.run_until(70 * SECOND);
    let during = requests(&load, 10, 70);
    load.throttles = false;
    let mut others = Others::default();
    others.ask_once(&mut load);
    assert!(load.run_while(300 * SECOND, |load| !all_have(load, &targets, "two")), "they are updated");
    println!(
        "429 for a minute: {} requests a second, {} at most, others wait {} afterwards, all as wanted {:.1} s afterwards, {} held at most, {} log lines",
        mean(&during),
        most(&during),
        others.words(),
        (load.now() - 70 * SECOND).as_secs_f64(),
        mib(load.seen.most_held),
        load.seen.lines,
    );
    assert!(mean(&during) <= 6 && most(&during) <= 40, "{during:?}");
    assert!(others.waits[0] < 2 * SECOND, "{}", others.words());
    // The longest backoff while the server is in trouble is 30 s, and a quarter.
    assert!(load.now() < (70 + 45) * SECOND, "{:?}", load.now());
    is_bounded(&load, 8 << 20);
}

/// What is seen where every create in one namespace is in trouble, and 1,000 are wanted there.
fn trouble(effect: Effect, most_early: usize, most_late: usize) -> (Load, Vec<String>) {
    let mut load = cluster(["full".to_owned()]);
    let targets = push(&mut load, 10, "full", 100);
    load.policies.push(Policy { namespace: "full".to_owned(), effect });
    load.start();
    let mut others = Others::default();
    others.ask(&mut load, 120 * SECOND, SECOND);
    let held = load.seen.held;
    others.ask(&mut load, 600 * SECOND, SECOND);
    let (early, late) = (requests(&load, 0, 60), requests(&load, 540, 600));
    println!(
        "{effect:?} in a namespace with 1,000 targets: {} requests a second in the first minute and {} in the tenth ({} at most), others wait {}, {} held after 2 minutes and {} after 10, {} at most, {} under way, {} log lines",
        mean(&early),
        mean(&late),
        most(&late),
        others.words(),
        mib(held),
        mib(load.seen.held),
        mib(load.seen.most_held),
        load.seen.most_under_way,
        load.seen.lines,
    );
    others.waited_little();
    assert!(mean(&early) <= most_early && mean(&late) <= most_late, "{early:?} {late:?}");
    is_bounded(&load, 8 << 20);
    (load, targets)
}

/// The trouble ends, and all replicas are made.
fn ends(mut load: Load, targets: &[String]) {
    load.policies.clear();
    let began = load.now();
    assert!(load.run_while(began + LONGEST_PAUSE, |load| !all_have(load, targets, "v")), "they are made");
    println!("  when it ends, all are made after {:.1} s", (load.now() - began).as_secs_f64());
}

/// No attempt of all these targets comes in one wave.
fn are_spread(load: &Load, attempts: &[usize], at_least: Duration) {
    for nth in attempts {
        let (over, busiest) = spread(load, "full", *nth);
        println!(
            "  attempt {nth} is spread over {:.1} s, {:.0} % in the busiest tenth",
            over.as_secs_f64(),
            busiest * 100.0
        );
        assert!(over > at_least && busiest < 0.4, "attempt {nth}: {over:?}, {busiest}");
    }
}

#[test]
fn a_namespace_whose_quota_refuses() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (load, targets) = trouble(Effect::Quota, 250, 8);
    are_spread(&load, &[4, 8, 10], 2 * SECOND);
    ends(load, &targets);
}

#[test]
fn a_webhook_that_hangs() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (load, targets) = trouble(Effect::Hang, 20, 20);
    ends(load, &targets);
}

/// Each is told to come back after 30 s.
#[test]
fn a_webhook_that_says_when_to_come_back() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (load, targets) = trouble(Effect::Deny(429, Some(30)), 100, 40);
    are_spread(&load, &[1, 2, 4], 6 * SECOND);
    ends(load, &targets);
}

/// 10,000 sources in one namespace, of 1 KiB each, with a replica each.
#[test]
fn a_namespace_with_ten_thousand_sources() {
    const SOURCES: usize = 10_000;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut load = cluster(["many", "into"].map(str::to_owned));
    let targets: Vec<String> = (0..SOURCES).map(|n| format!("into/s{n}")).collect();
    let write_all = |load: &mut Load, value: &str| {
        for (n, target) in targets.iter().enumerate() {
            load.put(&format!("many/s{n}"), &[("replicate-to", target)], &value.repeat(1 << 10));
        }
    };
    write_all(&mut load, "1");
    load.start();
    for value in ["1", "2"] {
        if value == "2" {
            load.run_until(load.now() + 30 * SECOND);
            write_all(&mut load, value);
        }
        let (began, mut others) = (load.now(), Others::default());
        while !all_have(&load, &targets, &value.repeat(1 << 10)) {
            let until = load.now() + 2 * SECOND;
            others.ask(&mut load, until, SECOND / 2);
        }
        println!(
            "10,000 sources in one namespace, written for the {value}. time: all replicas as wanted after {} s, others wait {}, {} held at most, {} under way",
            (load.now() - began).as_secs(),
            others.words(),
            mib(load.seen.most_held),
            load.seen.most_under_way,
        );
        others.waited_little();
    }
    is_bounded(&load, MOST_MEMORY);
}
