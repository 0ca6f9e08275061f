//! Chaos on a real control plane: two API servers on one etcd, and everything that can be killed is, while people work in 50
//! namespaces. At the end every target has to be as the simple function of SPEC wants it (`crates/sim/src/spec.rs`, which shares no
//! code with the controller), and each change that the controller made, by the audit logs and by etcd's history, one that this function
//! wanted (`judge.rs`).
//!
//! A program of its own, not a chore of the lab: the demo compiles the lab, and does without the simulation.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "speaks to the person who runs it")]

mod audit;
mod cluster;
mod faults;
mod history;
mod judge;
mod people;
mod places;
mod tenant;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};
use clap::Parser;
use k8s_replicator_sim::properties;
use k8s_replicator_sim::spec::Flags;
use k8s_replicator_testenv::{Client, ControlPlane, Rights, Settings, User};

use self::audit::Asked;
use self::faults::Faults;
use self::history::{Era, now};
use self::judge::{Lives, Verdict};
use self::people::Person;
use self::places::{NAMESPACES, furnish};
use self::tenant::Tenant;

/// Kills everything that can be killed of a real control plane while people work, and judges each write of the controller.
#[derive(Parser)]
#[command(bin_name = "cargo xtask chaos")]
struct Arguments {
    /// How long people work and things break, in minutes. Until all is as wanted, stays so and is judged takes a minute more, or several where
    /// the machine is busy.
    #[arg(long, default_value_t = 2)]
    minutes: u64,
    /// For the dice. Real processes are not repeatable: the same seed is only roughly the same day.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The controller's flags: whatever a watch missed is found within seconds, and what is silent is removed after three.
const FLAGS: [&str; 3] = ["--resync-period=20s", "--removal-delay=3s", "--log-level=info"];
const REMOVAL_DELAY: Duration = Duration::from_secs(3);
/// How long each of them rests between two acts.
const PAUSE: Duration = Duration::from_millis(60);
/// How many people work at the same time, beside the tenant.
const PEOPLE: u64 = 3;
/// How long it may take until everything is as wanted, once the faults have ended: backoff can be a minute, and machines are busy.
const SETTLES_WITHIN: Duration = Duration::from_secs(240);
/// How long it has to stay so, without a write.
const STAYS_FOR: Duration = Duration::from_secs(25);

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs it, prints what happened, and fails if anything is not as it has to be.
fn run(arguments: &Arguments) -> Result<()> {
    let since = now();
    let plane = ControlPlane::start(Settings { controllers: true, keeps_history: true, ..Settings::default() })?;
    let tenant = plane.user(Rights::Nothing);
    furnish(plane.client(), &tenant)?;
    let mut faults = Faults::new(&plane, arguments.seed, since)?;
    println!(
        "chaos for {} min, seed {}: {PEOPLE} people and a hostile tenant in {NAMESPACES} namespaces",
        arguments.minutes, arguments.seed
    );
    let acts = work(&plane, &tenant, &mut faults, arguments)?;
    faults.end()?;
    cluster::release_finalizers(plane.client())?;
    let settled = settle(plane.client(), &mut faults)?;
    println!("edits by each: {acts:?}; {}", faults.counts());
    println!("all is as wanted {:.1} s after the last fault", settled.as_secs_f64());
    stays(&plane, &faults.lives)?;
    places::bystanders(plane.client())?;
    ensure!(!faults.shows_a_value(), "the controller's log shows a value");
    let asked = audit::read(plane.dir())?;
    println!("{}", judge::heat(&asked, &faults.lives, &faults.times)?);
    let last = Era::read(&plane, faults.since, faults.former.as_ref())?;
    let mut verdict = Verdict::default();
    for era in faults.former.iter().chain([&last]) {
        let before = verdict.judged();
        judge::judge(era, &asked, &faults.lives, &flags(), &mut verdict)?;
        ensure!(verdict.judged() > before, "the controller changed nothing: nothing is shown");
    }
    println!("{verdict}");
    verdict.is_of_the_moment()
}

/// Lets people work, and things break. Answers how often each did something: people, and then the tenant.
fn work(plane: &ControlPlane, tenant: &User, faults: &mut Faults<'_>, arguments: &Arguments) -> Result<Vec<usize>> {
    let seeds = (0..PEOPLE).map(|number| arguments.seed ^ (number << 32));
    let person = |seed| Ok(Person::new(Client::new(&plane.user(Rights::Admin).kubeconfig)?, seed));
    let people: Vec<Person> = seeds.map(person).collect::<Result<_>>()?;
    let mut tenant = Tenant::new(Client::new(&tenant.kubeconfig)?, arguments.seed)?;
    let mut acts: Vec<Box<dyn FnMut() -> bool + Send>> = Vec::new();
    for mut person in people {
        acts.push(Box::new(move || person.act()));
    }
    acts.push(Box::new(move || tenant.act()));
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let work = |mut act: Box<dyn FnMut() -> bool + Send>| {
            let mut done = 0;
            while !ends.load(Ordering::Relaxed) {
                done += usize::from(act());
                thread::sleep(PAUSE);
            }
            done
        };
        let threads: Vec<_> = acts.into_iter().map(|act| scope.spawn(move || work(act))).collect();
        let done = faults.rage(Instant::now(), Duration::from_secs(60 * arguments.minutes));
        ends.store(true, Ordering::Relaxed);
        let counts = threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("somebody panicked")));
        let counts = counts.collect::<Result<_>>();
        done.and(counts)
    })
}

/// The same, and the default of `--create-with-labels`, as the simulation's reading has them.
fn flags() -> Flags {
    let created_with = &[("app.kubernetes.io/managed-by", "k8s-replicator")];
    Flags { removal_delay: REMOVAL_DELAY, created_with, ..Flags::default() }
}

/// Waits until every target is as wanted, and whatever is being deleted is gone: with it others may have to go.
fn settle(client: &Client, faults: &mut Faults<'_>) -> Result<Duration> {
    let begun = Instant::now();
    loop {
        faults.supervise()?;
        let wrong = match cluster::read(client) {
            Ok(state) => [cluster::being_deleted(&state), cluster::not_as_wanted(&state, &flags())].concat(),
            Err(error) => vec![format!("the cluster cannot be read: {error:#}")],
        };
        if wrong.is_empty() {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > SETTLES_WITHIN {
            bail!("{} targets are not as wanted:\n{}\n{}", wrong.len(), wrong.join("\n"), faults.log_tail());
        }
        thread::sleep(Duration::from_millis(500));
    }
}

/// Checks that nothing is written any more, and that all targets stay as wanted.
fn stays(plane: &ControlPlane, lives: &Lives) -> Result<()> {
    let begun = now();
    thread::sleep(STAYS_FOR);
    let state = cluster::read(plane.client())?;
    let wrong = cluster::not_as_wanted(&state, &flags());
    ensure!(wrong.is_empty(), "it does not stay as wanted:\n{}", wrong.join("\n"));
    let asked = audit::read(plane.dir())?;
    let is_write = |asked: &&Asked| lives.contains_key(&asked.user) && asked.is_write() && !judge::is_report(asked);
    // What the API server can never accept is tried again now and then.
    let is_tried = |asked: &Asked| {
        asked.is_refused() && asked.id().is_some_and(|id| properties::is_refused_for_ever(&state, &flags(), &id))
    };
    let writes = asked.iter().filter(|asked| asked.received >= begun).filter(is_write).filter(|asked| !is_tried(asked));
    let writes: Vec<String> = writes.map(ToString::to_string).collect();
    // What was decided a moment before all was as wanted may still have been under way.
    ensure!(writes.len() < 3, "all was as wanted, and this was written:\n{}", writes.join("\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
