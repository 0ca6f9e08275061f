//! An exhaustive search over orders, where the cases are few: two sources, two namespaces, and all orders of a few edits, requests,
//! lost answers, answers and watch events.
//!
//! How many of the steps may be edits (or crashes of the controller) is bounded; the others are what the network does. The search
//! goes level by level. A world is reached by replaying its steps from the start, and looked at once: worlds of one level that go on
//! alike ([`World::fingerprint`]) are one. Each of them is let come to rest, with the properties that a seed's run has.

use std::collections::HashSet;
use std::time::Duration;

use crate::api::object::{Id, Resource};
use crate::parallel::in_parallel;
use crate::run::{Script, run_safely};
use crate::spec::{Flags, PREFIX};
use crate::world::step::Step;
use crate::world::users::Act;
use crate::world::{Setting, Violation, World};

/// What a search found.
#[derive(Debug)]
pub struct Searched {
    /// How many worlds there were on each level, each counted once.
    pub worlds: Vec<usize>,
    /// How many ways led to them.
    pub ways: usize,
    /// The first script that broke a property, with what it broke.
    pub violation: Option<(Script, Violation)>,
}

fn id(key: &str) -> Id {
    let (namespace, name) = key.split_once('/').unwrap_or_default();
    Id::new(Resource::Secret, namespace, name)
}

fn put(key: &str, data: u8, notes: &[(&str, &str)]) -> Act {
    Act::Put {
        id: id(key),
        type_: "Opaque",
        data,
        annotations: notes.iter().map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned())).collect(),
        immutable: false,
        finalizer: false,
        manager: "kubectl-client-side-apply",
    }
}

/// The beginning: a source that pushes, a source that consents and an object that pulls from it, all at rest.
fn beginning() -> Vec<Step> {
    let acts = [
        put("a/x", 1, &[("replicate-to-namespaces", "b")]),
        put("a/y", 1, &[("replication-allowed", "true")]),
        put("b/y", 0, &[("replicate-from", "a/y")]),
    ];
    acts.into_iter()
        .map(Step::Act)
        .chain([Step::Calm(255), Step::Wait(Duration::from_secs(30)), Step::Calm(255)])
        .collect()
}

/// The edits that people may make in each world.
fn acts() -> Vec<Step> {
    let consent = format!("{PREFIX}replication-allowed");
    let acts = [
        Act::Fill(id("a/x"), 2),
        Act::Delete(id("a/x")),
        put("a/x", 3, &[("replicate-to-namespaces", "b")]),
        Act::StripAll(id("a/x")),
        Act::Fill(id("b/x"), 4),
        Act::Delete(id("b/x")),
        Act::Fill(id("a/y"), 2),
        Act::Annotate(id("a/y"), consent, "false".to_owned()),
        Act::Delete(id("b/y")),
    ];
    acts.into_iter().map(Step::Act).chain([Step::Crash(0)]).collect()
}

fn setting() -> Setting {
    Setting::quiet(1, vec![Flags { removal_delay: Duration::ZERO, ..Flags::default() }])
}

/// A step of the search: the server's cache follows at once, since what is on its way in a watch is as late as a cache could be.
fn with_caches(step: Step) -> [Step; 2] {
    [step, Step::CatchUp(0, u8::MAX)]
}

/// Looks at every world that `depth` steps lead to, of which at most `edits` are edits or crashes.
#[must_use]
pub fn search(depth: usize, edits: usize) -> Searched {
    let mut searched = Searched { worlds: Vec::new(), ways: 0, violation: None };
    let mut level: Vec<Vec<Step>> = vec![Vec::new()];
    for _ in 0..depth {
        let (ways, found) = expand(&level, edits);
        searched.ways += ways;
        match found {
            Ok(worlds) => {
                searched.worlds.push(worlds.len());
                level = worlds;
            }
            Err(violation) => {
                searched.violation = Some(*violation);
                return searched;
            }
        }
    }
    searched
}

/// The worlds of a level, or what broke a property.
type Found = Result<Vec<Vec<Step>>, Box<(Script, Violation)>>;

/// The worlds one step further, each by the first way that led to it; and how many ways there were.
fn expand(level: &[Vec<Step>], edits: usize) -> (usize, Found) {
    let further = in_parallel(level, |steps| {
        let choices = choices(steps, edits).into_iter();
        let ways = choices.map(|step| [&steps[..], &with_caches(step)].concat());
        ways.map(|way| (reached(&way), way)).collect::<Vec<_>>()
    });
    let ways = further.iter().map(Vec::len).sum();
    let (mut seen, mut worlds) = (HashSet::new(), Vec::new());
    for (reached, way) in further.into_iter().flatten() {
        match reached {
            Ok(fingerprint) if seen.insert(fingerprint) => worlds.push(way),
            Ok(_) => {}
            Err(violation) => return (ways, Err(Box::new((script(&way), violation)))),
        }
    }
    (ways, settle_all(worlds))
}

fn script(steps: &[Step]) -> Script {
    Script { setting: setting(), steps: [beginning(), steps.to_vec()].concat() }
}

fn replayed(steps: &[Step]) -> Result<World, Violation> {
    let Script { setting, steps } = script(steps);
    let mut world = World::new(setting, false);
    steps.iter().try_for_each(|step| world.step(step))?;
    Ok(world)
}

/// What can happen next.
fn choices(steps: &[Step], edits: usize) -> Vec<Step> {
    let made = steps.iter().filter(|step| matches!(step, Step::Act(_) | Step::Crash(_))).count();
    let acts = if made < edits { acts() } else { Vec::new() };
    // A script that broke a property has no world, and was reported.
    let ways = replayed(steps).map_or_else(|_| Vec::new(), |mut world| world.ways());
    acts.into_iter().chain(ways).collect()
}

fn reached(steps: &[Step]) -> Result<u64, Violation> {
    replayed(steps).map(|world| world.fingerprint())
}

/// Lets each world come to rest.
fn settle_all(worlds: Vec<Vec<Step>>) -> Found {
    let broken = in_parallel(&worlds, |steps| {
        let script = script(steps);
        run_safely(&script, false).violation.map(|violation| Box::new((script, violation)))
    });
    broken.into_iter().flatten().next().map_or(Ok(worlds), Err)
}
