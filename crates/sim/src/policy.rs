//! Users who ask for what SPEC 11 offers, and operators who set its flags: in every other seed, by dice of their own, so that the other
//! seeds are what they would be without.
//!
//! A seed is about one or two [`Theme`]s: what its users put says more, they do more in between, and often there is a scene.

use crate::api::object::{Id, Resource};
use crate::dice::Dice;
use crate::run::Script;
use crate::spec::{Flags, PREFIX};
use crate::world::step::Step;
use crate::world::users::{Act, NAMESPACES};

/// What a seed is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Theme {
    /// Label selectors (SPEC 11.3).
    Selectors,
}

const THEMES: [Theme; 1] = [Theme::Selectors];

const SELECTORS: [&str; 10] = [
    "env=prod",
    "env=prod",
    "env in (prod,stage)",
    "env",
    "!env",
    "env!=prod",
    "env=prod,tier",
    "kubernetes.io/metadata.name=b",
    "",
    "env in prod",
];

/// Adds to a script what its seed's users know of SPEC 11.
pub fn add_to(script: &mut Script) {
    let seed = script.setting.seed;
    if seed % 2 == 1 {
        return;
    }
    let dice = &mut Dice::new(seed ^ 0x5bd1_e995_9e37_79b9);
    let resources = script.setting.resources.clone();
    let mut themes = vec![dice.pick(&THEMES)];
    if dice.once_in(3) {
        themes.push(dice.pick(&THEMES));
    }
    for theme in &themes {
        let flags = theme.flags(dice);
        let are_equal = script.setting.are_equal();
        for controller in &mut script.setting.controllers {
            if are_equal || dice.once_in(2) {
                flags(controller);
            }
        }
    }
    for step in &mut script.steps {
        let Step::Act(Act::Put { annotations, .. }) = step else { continue };
        if dice.once_in(2) {
            let (name, value) = dice.pick(&themes).note(dice);
            if !annotations.iter().any(|(other, _)| *other == name) {
                annotations.push((name, value));
            }
        }
    }
    let mut insert = |dice: &mut Dice, steps: Vec<Step>| {
        let at = dice.roll(script.steps.len() + 1);
        script.steps.splice(at..at, steps);
    };
    for _ in 0..2 + dice.roll(8) {
        let act = dice.pick(&themes).act(dice, &resources);
        insert(dice, vec![Step::Act(act)]);
    }
    if dice.once_in(2) {
        let scene = dice.pick(&themes).scene(dice, dice.clone().pick(&resources));
        insert(dice, scene);
    }
}

fn own(name: &str, value: &str) -> (String, String) {
    (format!("{PREFIX}{name}"), value.to_owned())
}

fn any_object(dice: &mut Dice, resources: &[Resource]) -> Id {
    let (namespace, name) = (dice.pick(&["a", "a", "b", "b", "team-1", "late"]), dice.pick(&["x", "x", "y", "z"]));
    Id::new(dice.pick(resources), namespace, name)
}

fn any_namespace(dice: &mut Dice) -> Id {
    Id::of_namespace(dice.pick(&NAMESPACES))
}

fn put(id: &Id, notes: &[(&str, &str)]) -> Step {
    Step::Act(Act::Put {
        id: id.clone(),
        type_: if id.resource == Resource::Secret { "Opaque" } else { "" },
        data: 4,
        annotations: notes.iter().map(|(name, value)| own(name, value)).collect(),
        immutable: false,
        finalizer: false,
        manager: "kubectl-client-side-apply",
    })
}

fn note(id: &Id, name: &str, value: &str) -> Step {
    let (name, value) = own(name, value);
    Step::Act(Act::Annotate(id.clone(), name, value))
}

fn label(namespace: &str, name: &'static str, value: Option<&'static str>) -> Step {
    Step::Act(Act::Label(Id::of_namespace(namespace), name, value))
}

fn calm(dice: &mut Dice) -> Step {
    Step::Calm(dice.pick(&[3, 10, 30, 60]))
}

impl Theme {
    /// What an operator sets.
    fn flags(self, _: &mut Dice) -> impl Fn(&mut Flags) + use<> {
        move |_: &mut Flags| match self {
            Self::Selectors => {}
        }
    }

    /// An annotation as users write it.
    fn note(self, dice: &mut Dice) -> (String, String) {
        match self {
            Self::Selectors => {
                let name = dice.pick(&["replicate-to-namespace-selector", "replication-allowed-namespace-selector"]);
                own(name, dice.pick(&SELECTORS))
            }
        }
    }

    /// Something that somebody may do.
    fn act(self, dice: &mut Dice, resources: &[Resource]) -> Act {
        match self {
            Self::Selectors if dice.once_in(3) => {
                let (name, value) = self.note(dice);
                Act::Annotate(any_object(dice, resources), name, value)
            }
            Self::Selectors => match dice.once_in(4) {
                true => Act::Label(any_namespace(dice), "tier", dice.pick(&[Some("web"), None])),
                false => {
                    let value = dice.pick(&[Some("prod"), Some("prod"), Some("stage"), None]);
                    Act::Label(any_namespace(dice), "env", value)
                }
            },
        }
    }

    /// Steps that belong together.
    fn scene(self, dice: &mut Dice, resource: Resource) -> Vec<Step> {
        match self {
            Self::Selectors if dice.once_in(2) => selected(dice, resource),
            Self::Selectors => chain(dice, resource, "replication-allowed-namespace-selector", "env=prod"),
        }
    }
}

/// A source that pushes by labels, which change.
fn selected(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let source = Id::new(resource, "a", dice.pick(&["x", "y"]));
    let mut notes = vec![("replicate-to-namespace-selector", dice.pick(&["env=prod", "env in (prod,stage)", "!env"]))];
    match dice.roll(4) {
        0 => notes.push(("replicate-to-namespaces", dice.pick(&["team-1", "!b", "late", "!team-.*"]))),
        1 => notes.push(("replicate-to", dice.pick(&["x", "y,z"]))),
        _ => {}
    }
    let mut steps = vec![label("b", "env", Some("prod")), put(&source, &notes), calm(dice)];
    for _ in 0..1 + dice.roll(3) {
        let value = dice.pick(&[Some("prod"), Some("stage"), None]);
        steps.extend([label(dice.pick(&["b", "team-1"]), "env", value), calm(dice)]);
    }
    steps
}

/// Three objects that pull from one another, the first of which says this; then it says something else, or nothing, or is gone.
fn chain(dice: &mut Dice, resource: Resource, name: &str, value: &str) -> Vec<Step> {
    let [top, middle, leaf] = ["a", "b", "team-1"].map(|namespace| Id::new(resource, namespace, "x"));
    let mut of_top = vec![(name, value)];
    if name != "replication-allowed-namespace-selector" || dice.once_in(4) {
        of_top.push(("replication-allowed", "true"));
    }
    let mut steps = vec![label("b", "env", Some("prod")), label("team-1", "env", Some("prod"))];
    steps.push(put(&top, &of_top));
    steps.push(put(&middle, &[("replicate-from", &top.key()), ("replication-allowed", "true")]));
    steps.push(put(&leaf, &[("replicate-from", &middle.key())]));
    if dice.once_in(4) {
        steps.push(note(&dice.pick(&[&middle, &leaf]).clone(), "replicate-once", "true"));
    }
    steps.push(Step::Calm(dice.pick(&[30, 90, 90])));
    steps.push(match dice.roll(6) {
        0 => label("team-1", "env", None),
        1 => label("b", "env", Some("stage")),
        2 => note(&top, name, ""),
        3 => Step::Act(Act::Delete(top.clone())),
        4 => note(&top, "replication-allowed", dice.pick(&["false", "maybe"])),
        _ => Step::Act(Act::StripAll(top.clone())),
    });
    steps.push(calm(dice));
    if dice.once_in(2) {
        steps.extend([put(&top, &of_top), calm(dice)]);
    }
    steps
}
