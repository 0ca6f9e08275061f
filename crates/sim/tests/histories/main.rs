//! Regression tests: histories that a failing seed once found, as the steps of its shrunken script, and the controller killed at each step.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod crashes;
mod meaning;
mod opposed;
mod restores;
mod scope;

use k8s_replicator_sim::api::object::{Id, Resource};
use k8s_replicator_sim::run::{Script, run};
use k8s_replicator_sim::spec::Flags;
use k8s_replicator_sim::world::Setting;
use k8s_replicator_sim::world::step::Step;
use k8s_replicator_sim::world::users::Act;

fn flags() -> Flags {
    Flags::default()
}

fn id(key: &str) -> Id {
    let (namespace, name) = key.split_once('/').unwrap();
    Id::new(Resource::Secret, namespace, name)
}

fn setting(controllers: Vec<Flags>) -> Setting {
    Setting::quiet(1, controllers)
}

fn put(key: &str, data: u8, annotations: &[(&str, &str)]) -> Step {
    put_of_type("Opaque", key, data, annotations)
}

fn put_of_type(type_: &'static str, key: &str, data: u8, annotations: &[(&str, &str)]) -> Step {
    Step::Act(Act::Put {
        id: id(key),
        type_,
        data,
        annotations: annotations
            .iter()
            .map(|(name, value)| (format!("k8s-replicator/{name}"), (*value).to_owned()))
            .collect(),
        immutable: false,
        finalizer: false,
        manager: "kubectl-client-side-apply",
    })
}

/// The same as somebody else's write.
fn put_by(manager: &'static str, key: &str, data: u8, annotations: &[(&str, &str)]) -> Step {
    let Step::Act(Act::Put { id, type_, data, annotations, immutable, finalizer, .. }) = put(key, data, annotations)
    else {
        panic!("it puts");
    };
    Step::Act(Act::Put { id, type_, data, annotations, immutable, finalizer, manager })
}

fn holds(setting: Setting, steps: Vec<Step>) {
    let ran = run(&Script { setting, steps }, true);
    if let Some(violation) = ran.violation {
        panic!("{}\n{}: {}", ran.story.join("\n"), violation.property, violation.what);
    }
}
