//! The controller is killed before and after each request and each delivery of a few scenarios, one after the other.

use std::time::Duration;

use k8s_replicator_sim::parallel::in_parallel;
use k8s_replicator_sim::run::{Script, run};
use k8s_replicator_sim::spec::Flags;
use k8s_replicator_sim::world::step::{Fate, Step};
use k8s_replicator_sim::world::users::Act;
use k8s_replicator_sim::world::{Setting, World};

use crate::{id, put};

/// What the controller has to do; it does so from the last step on.
fn scenarios() -> Vec<(&'static str, Vec<Step>)> {
    let at_rest = || [Step::Calm(255), Step::Calm(255)];
    let pushes = || put("a/x", 1, &[("replicate-to-namespaces", "b,team-1")]);
    let pulled = || [put("a/y", 1, &[("replication-allowed", "true")]), put("b/y", 0, &[("replicate-from", "a/y")])];
    let after = |steps: &[Step], act: Act| [steps, &at_rest()[..], &[Step::Act(act)]].concat();
    vec![
        ("it starts", vec![pushes()]),
        ("replicas are updated", after(&[pushes()], Act::Fill(id("a/x"), 2))),
        ("replicas are removed", after(&[pushes()], Act::Delete(id("a/x")))),
        ("a replica was deleted by hand", after(&[pushes()], Act::Delete(id("b/x")))),
        ("a replica is filled", pulled().into()),
        ("a replica is updated", after(&pulled(), Act::Fill(id("a/y"), 2))),
        ("a replica is emptied", after(&pulled(), Act::StripAll(id("a/y")))),
        ("a replica is made anew", after(&[pushes()], Act::Retype(id("a/x")))),
    ]
}

fn setting(leader_elect: bool) -> Setting {
    let flags = Flags { removal_delay: Duration::ZERO, ..Flags::default() };
    let controllers = vec![flags; if leader_elect { 2 } else { 1 }];
    Setting { leader_elect, ..Setting::quiet(1, controllers) }
}

/// After how many deliveries the world of a scenario does nothing any more but ask for the Lease.
fn deliveries(name: &str, steps: &[Step], setting: &Setting) -> usize {
    const MOST: usize = 200;
    let mut world = World::new(setting.clone(), false);
    steps.iter().for_each(|step| world.step(step).unwrap());
    let (written, mut last) = (world.writes(), 0);
    for number in 1..=MOST {
        let before = (world.requests(), world.writes());
        world.step(&Step::Calm(1)).unwrap();
        if before != (world.requests(), world.writes()) {
            last = number;
        }
    }
    assert!(world.writes() > written, "{name}: nothing is written");
    assert!(setting.leader_elect || last < MOST / 2, "{name}: {last}");
    last + 1
}

#[test]
fn whenever_it_is_killed_all_becomes_as_wanted() {
    // Before a request: it is lost, or reaches the server without its sender. After it: done, and nobody hears of it.
    let ends: [&[Step]; 3] = [
        &[Step::Carry(0, Fate::RequestLost), Step::Crash(0)],
        &[Step::Crash(0)],
        &[Step::Carry(0, Fate::Fine), Step::Crash(0)],
    ];
    let mut scripts = Vec::new();
    for leader_elect in [false, true] {
        let setting = setting(leader_elect);
        for (name, steps) in scenarios() {
            let deliveries = deliveries(name, &steps, &setting);
            for (number, end) in (0..deliveries).flat_map(|number| ends.map(|end| (number, end))) {
                let steps = [&steps[..], &vec![Step::Calm(1); number], end].concat();
                scripts.push((name, number, Script { setting: setting.clone(), steps }));
            }
        }
    }
    println!("{} scripts", scripts.len());
    let broken = in_parallel(&scripts, |(name, number, script)| {
        let violation = run(script, false).violation?;
        Some(format!("{name}, killed after {number} deliveries: {}: {}", violation.property, violation.what))
    });
    assert_eq!(broken.into_iter().flatten().next(), None);
}
