//! What a plan says is what the controller then does: at random, against the whole controller and a model of the API server
//! (`crates/sim`).
//!
//! Each seed is a history of what users do. Before each act the world is at rest; a plan is made of what is there and of the act; the
//! controller reacts; then all objects are compared, with data, type, labels and annotations. Others: `PLAN_FROM=100000 PLAN_COUNT=5000`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::Rules;
use k8s_replicator_core::identity::{ResourceVersion, Uid};
use k8s_replicator_core::kind::{ConfigMap, Kind, Secret};
use k8s_replicator_core::names::Key;
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Observed, content_from_json};
use k8s_replicator_core::scope::Scope;
use k8s_replicator_plan::planner::{Flags, Planner};
use k8s_replicator_plan::{Applied, Known, Object};
use k8s_replicator_sim::api::json;
use k8s_replicator_sim::api::object::{Id, Object as Stored, Resource};
use k8s_replicator_sim::api::store::State;
use k8s_replicator_sim::dice::Dice;
use k8s_replicator_sim::spec::{self, PREFIX};
use k8s_replicator_sim::world::step::Step;
use k8s_replicator_sim::world::users::{self, Act};
use k8s_replicator_sim::world::{Setting, World};

/// Longer than any removal delay of the histories.
const REST: Duration = Duration::from_secs(100);

fn kind(resource: Resource) -> &'static dyn Kind {
    if resource == Resource::Secret { &Secret } else { &ConfigMap }
}

fn object(stored: &Stored, dialect: &Dialect) -> Object {
    let whole = json::whole(stored).to_string();
    let observed = Observed::from_json(&whole, dialect).unwrap();
    let content = content_from_json(&whole, kind(stored.id.resource)).unwrap();
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    Object {
        key: observed.key,
        uid: Uid::new(&stored.uid),
        resource_version: ResourceVersion::new(&stored.version.to_string()),
        created: stored.created,
        deleting: stored.deleted.is_some(),
        has_finalizers: !stored.finalizers.is_empty(),
        labels: stored.labels.clone(),
        annotations: stored.annotations.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
        managers: observed.managers,
        content: Known::Yes(content),
        as_seen: None,
        applied: Applied::default(),
    }
}

fn facts(stored: &Stored, dialect: &Dialect) -> NamespaceFacts {
    NamespaceFacts::from_json(json::partial(stored).to_string().as_bytes(), dialect).unwrap().1
}

fn planner(state: &State, resource: Resource, flags: &Flags) -> Planner {
    let namespaces = state.values().filter(|stored| stored.id.resource == Resource::Namespace);
    let namespaces: BTreeMap<_, _> =
        namespaces.map(|stored| (stored.id.name.clone(), facts(stored, &flags.dialect))).collect();
    let objects = state.values().filter(|stored| stored.id.resource == resource);
    Planner::new(kind(resource), flags, &namespaces, objects.map(|stored| object(stored, &flags.dialect)))
}

/// All that is compared, as text.
fn look(object: &Object) -> String {
    let mut annotations = object.annotations.clone();
    annotations.remove(&format!("{PREFIX}replicated-at"));
    // Versions are other ones in a plan.
    if let Some(version) = annotations.get_mut(&format!("{PREFIX}replicated-from-version")) {
        *version = "some".to_owned();
    }
    let content = object.content.content().unwrap();
    let data: Vec<_> = content.payload.fields().collect();
    format!("{:?} {data:?} {:?} {annotations:?} {}", content.type_, object.labels, object.deleting)
}

/// What users did between two states, done in a plan.
fn edit(planner: &mut Planner, resource: Resource, before: &State, after: &State, dialect: &Dialect) {
    let ids: BTreeSet<&Id> = before.keys().chain(after.keys()).collect();
    for id in ids {
        let (was, is) = (before.get(id), after.get(id));
        if was == is {
            continue;
        }
        if id.resource == Resource::Namespace {
            match is {
                // It goes, with all that is in it.
                Some(is) if is.deleted.is_some() => planner.remove_namespace(&id.name),
                Some(is) => planner.namespace(&id.name, facts(is, dialect)),
                None => planner.remove_namespace(&id.name),
            }
        } else if id.resource == resource {
            if let Some(was) = was
                && is.is_none_or(|is| is.uid != was.uid)
            {
                planner.put(Object { has_finalizers: false, ..object(was, dialect) });
                planner.remove(&Key::new(&id.namespace, &id.name).unwrap());
            }
            if let Some(is) = is {
                planner.put(object(is, dialect));
            }
        }
    }
}

fn is_left_out(act: &Act) -> bool {
    // No manifest holds what is no text.
    matches!(act, Act::Finalize | Act::Scribble(_))
}

fn run(seed: u64) -> Result<usize, String> {
    let dice = &mut Dice::new(seed);
    let resource = if dice.once_in(5) { Resource::ConfigMap } else { Resource::Secret };
    let delay = Duration::from_secs(dice.pick(&[0, 5, 5, 30]));
    let (allow_all, ignore_unknown, hold) = (dice.once_in(4), dice.once_in(8), !dice.once_in(5));
    let setting = Setting {
        seed,
        controllers: vec![spec::Flags {
            allow_all,
            ignore_unknown,
            removal_delay: delay,
            hold_incomplete_tls: hold,
            ..spec::Flags::default()
        }],
        resources: vec![resource],
        resync_period: Duration::ZERO,
        stale_reads: false,
        crowd: None,
        leader_elect: false,
        balanced: false,
        page: 500,
        bug: None,
    };
    let rules = Rules { allow_all, removal_delay: delay, hold_incomplete_tls: hold, ..Rules::default() };
    let dialect = Dialect::new(PREFIX, ignore_unknown);
    let flags = Flags { dialect: dialect.clone(), rules, scope: Scope::Cluster, kinds: vec![kind(resource)] };
    let mut world = World::new(setting, true);
    let mut said = 0;
    let rest = |world: &mut World| world.rest(REST).map_err(|it| format!("{}: {}", it.property, it.what));
    rest(&mut world)?;
    for number in 0..14 {
        let act = users::act(dice, &[resource]);
        if is_left_out(&act) {
            continue;
        }
        let before = world.live().clone();
        let mut planner = planner(&before, resource, &flags);
        planner.run();
        let pending: Vec<_> = planner.changes().keys().filter(|target| planner.effect(target).is_some()).collect();
        let story = |world: &World| world.story().join("\n");
        if !pending.is_empty() {
            return Err(format!("{}\nact {number}: nothing is left to do, and a plan does {pending:?}", story(&world)));
        }
        planner.begin();
        world.step(&Step::Act(act.clone())).map_err(|it| it.what)?;
        let edited = world.live().clone();
        edit(&mut planner, resource, &before, &edited, &dialect);
        planner.run();
        said += planner.changes().keys().filter(|target| planner.effect(target).is_some()).count();
        rest(&mut world)?;
        let planned: BTreeMap<String, String> = planner.objects().map(|it| (it.key.to_string(), look(it))).collect();
        let live = world.live().values().filter(|stored| stored.id.resource == resource);
        let done: BTreeMap<String, String> =
            live.map(|stored| (stored.id.key(), look(&object(stored, &dialect)))).collect();
        for key in planned.keys().chain(done.keys()) {
            if planned.get(key) != done.get(key) {
                let words = act.words();
                let (planned, done) = (planned.get(key), done.get(key));
                let changes = planner.changes().iter().map(|(target, change)| format!("{target} {:?}", change.writes));
                let changes: Vec<_> = changes.collect();
                return Err(format!(
                    "{}\nact {number}: {words}\n{key} is planned as\n  {planned:?}\nand becomes\n  {done:?}\nplanned: {changes:#?}",
                    story(&world)
                ));
            }
        }
    }
    Ok(said)
}

#[test]
fn a_plan_is_what_the_controller_then_does() {
    let number = |name: &str, or: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(or);
    let (from, count) = (number("PLAN_FROM", 0), number("PLAN_COUNT", 150));
    let mut said = 0;
    let mut failed: Vec<(u64, String)> = Vec::new();
    for seed in from..from + count {
        match run(seed) {
            Ok(changes) => said += changes,
            Err(error) => failed.push((seed, error)),
        }
    }
    let seeds: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
    let shortest = failed.iter().min_by_key(|(_, error)| error.len());
    assert!(failed.is_empty(), "{} of {count} fail: {seeds:?}\n{}", failed.len(), shortest.unwrap().1);
    assert!(said as u64 > count, "the histories say something: {said} changes");
}
