//! Chaos on a real control plane: two API servers on one etcd, and everything that can be killed is, while people work in 50
//! namespaces. At the end every target has to be as the simple function of SPEC wants it (`crates/sim/src/spec.rs`, which shares no
//! code with the controller), and the audit logs have to show nothing that the controller may not do.
//!
//! A program of its own, not a chore of the lab: the demo compiles the lab, and does without the simulation.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "speaks to the person who runs it")]

mod cluster;
mod faults;
mod judge;
mod people;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use clap::Parser;
use http::Method;
use k8s_replicator_sim::spec::Flags;
use k8s_replicator_testenv::{Client, ControlPlane, Controller, Proxy, Rights, Settings};
use serde_json::json;

use self::faults::Faults;
use self::people::Person;

/// As xtask has them.
#[derive(Parser)]
#[command(bin_name = "cargo xtask chaos")]
struct Arguments {
    /// How long people work and things break, in minutes. What comes after takes about two more.
    #[arg(long, default_value_t = 2)]
    minutes: u64,
    /// For the dice. Real processes are not repeatable: the same seed is only roughly the same day.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The controller's flags: whatever a watch missed is found within seconds, and what is silent is removed after one.
const FLAGS: [&str; 3] = ["--resync-period=20s", "--removal-delay=1s", "--log-level=info"];
const REMOVAL_DELAY: Duration = Duration::from_secs(1);
/// How many namespaces there are: those that the simulation's people name, and others that their patterns name.
const NAMESPACES: usize = 50;
/// The name of objects that no annotation names: they have to be untouched at the end.
const BYSTANDER: &str = "bystander";
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
    let plane = ControlPlane::start(Settings { controllers: true, ..Settings::default() })?;
    let user = plane.user(Rights::Admin);
    furnish(plane.client())?;
    let proxy = Proxy::start(&user);
    let controller = Controller::start(proxy.kubeconfig(), &FLAGS)?;
    let mut faults = Faults::new(&plane, &user, proxy, controller, arguments.seed)?;
    let (ends, acts) = (AtomicBool::new(false), AtomicUsize::new(0));
    let begun = Instant::now();
    let time = Duration::from_secs(60 * arguments.minutes);
    println!("chaos for {} min, seed {}: people work in {NAMESPACES} namespaces", arguments.minutes, arguments.seed);
    let mut person = Person::new(plane.client().clone(), arguments.seed);
    let done = thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                acts.fetch_add(usize::from(person.act()), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(60));
            }
        });
        let done = faults.rage(begun, time);
        ends.store(true, Ordering::Relaxed);
        done
    });
    done?;
    faults.end()?;
    cluster::release_finalizers(plane.client())?;
    let settled = settle(plane.client(), &mut faults)?;
    println!("{} edits, {}", acts.into_inner(), faults.counts());
    println!("all is as wanted {:.1} s after the last fault", settled.as_secs_f64());
    let asked = judge::requests(plane.dir(), &user.name)?;
    stays(&plane, &user.name, asked.len())?;
    println!("{}", judge::judge(&asked)?);
    judge::bystanders(plane.client())?;
    ensure!(!faults.shows_a_value(), "the controller's log shows a value");
    Ok(())
}

/// Creates the namespaces, and in each an object that no annotation names.
fn furnish(client: &Client) -> Result<()> {
    for name in namespaces() {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        client.request(&Method::POST, "/api/v1/namespaces", Some(&namespace))?;
        let object = json!({ "metadata": { "name": BYSTANDER }, "data": { "k": "bystander" } });
        client.request(&Method::POST, &format!("/api/v1/namespaces/{name}/configmaps"), Some(&object))?;
    }
    Ok(())
}

/// `a`, `b` and `team-1` are named by the simulation's people, who make and delete them, and `late`; the others only by patterns.
fn namespaces() -> impl Iterator<Item = String> {
    let named = ["a", "b"].map(str::to_owned).into_iter();
    named.chain((1..NAMESPACES - 2).map(|number| format!("team-{number}")))
}

fn flags() -> Flags {
    Flags { removal_delay: REMOVAL_DELAY, ..Flags::default() }
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
fn stays(plane: &ControlPlane, user: &str, asked: usize) -> Result<()> {
    thread::sleep(STAYS_FOR);
    let wrong = cluster::not_as_wanted(&cluster::read(plane.client())?, &flags());
    ensure!(wrong.is_empty(), "it does not stay as wanted:\n{}", wrong.join("\n"));
    let since = judge::requests(plane.dir(), user)?;
    let writes: Vec<String> =
        since.iter().skip(asked).filter(|request| request.is_write()).map(ToString::to_string).collect();
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

    #[test]
    fn there_are_as_many_namespaces_as_said() {
        // With the one that is made late.
        assert_eq!(super::namespaces().count() + 1, super::NAMESPACES);
    }
}
