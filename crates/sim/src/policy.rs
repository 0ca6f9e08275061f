//! Users who ask for what SPEC 11 offers, and operators who set its flags: in every other seed, by dice of their own, so that the other
//! seeds are what they would be without.
//!
//! A seed is about one or two themes: what its users put says more, they do more in between, and often there is a scene.

use std::time::Duration;

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
    /// What a namespace accepts, and namespaces that are excluded (SPEC 11.4).
    Acceptance,
    /// Pauses (SPEC 11.7).
    Pauses,
    /// Parts of the data, and other types (SPEC 11.5, 11.8).
    Keys,
    /// Labels and annotations that are copied too (SPEC 11.6).
    Labels,
    /// The removal limit, and approvals (SPEC 11.2).
    Limit,
}

const THEMES: [Theme; 6] =
    [Theme::Selectors, Theme::Acceptance, Theme::Pauses, Theme::Keys, Theme::Labels, Theme::Limit];

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
    // A crowd that no namespace accepts is none.
    if script.setting.controllers.iter().any(|flags| flags.require_acceptance) {
        script.setting.crowd = None;
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
    if !dice.once_in(3) {
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

pub(crate) fn put(id: &Id, notes: &[(&str, &str)]) -> Step {
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

pub(crate) fn note(id: &Id, name: &str, value: &str) -> Step {
    let (name, value) = own(name, value);
    Step::Act(Act::Annotate(id.clone(), name, value))
}

pub(crate) fn label(namespace: &str, name: &'static str, value: Option<&'static str>) -> Step {
    Step::Act(Act::Label(Id::of_namespace(namespace), name, value))
}

fn calm(dice: &mut Dice) -> Step {
    Step::Calm(dice.pick(&[3, 10, 30, 60]))
}

impl Theme {
    /// What an operator sets.
    fn flags(self, dice: &mut Dice) -> impl Fn(&mut Flags) + use<> {
        let excluded = dice.pick(&["", "", "b", "team-.*", "late,a"]);
        let (required, limit) = (dice.once_in(3), dice.roll(3));
        move |flags: &mut Flags| match self {
            Self::Acceptance => (flags.exclude_namespaces, flags.require_acceptance) = (excluded, required),
            Self::Limit => flags.removal_limit = Some(limit),
            Self::Selectors | Self::Pauses | Self::Keys | Self::Labels => {}
        }
    }

    /// An annotation as users write it.
    fn note(self, dice: &mut Dice) -> (String, String) {
        let (name, values): (&str, &[&str]) = match self {
            Self::Selectors => {
                (dice.pick(&["replicate-to-namespace-selector", "replication-allowed-namespace-selector"]), &SELECTORS)
            }
            // Only a Namespace may say it.
            Self::Acceptance if dice.once_in(8) => ("accept-replicas-from", &["a"]),
            Self::Acceptance => ("replicate-to-namespaces", &["b,team-1", ".*", "b"]),
            Self::Pauses => ("paused", &["true", "true", " 1", "false", "maybe"]),
            Self::Keys => match dice.roll(8) {
                0..=3 => (
                    "replicate-keys",
                    &["k", "k:x", "*", "*,!k", "k*", "l", "l:k,*", "k,l:k", "", "!k", "tls.crt", "ca.crt,k*", "k:"],
                ),
                4..=6 => ("replication-allowed-keys", &["k", "k,l", "*,!l", "l", "", "*", "x", "tls.*", "a?"]),
                _ => (
                    "replicate-type",
                    &["Opaque", "example.com/own", "kubernetes.io/tls", "bootstrap.kubernetes.io/token", " "],
                ),
            },
            Self::Labels => match dice.roll(8) {
                0..=3 => ("replicate-labels", &["*", "team", "*,!team", "team,app.*", "helm.sh/chart", "a?"]),
                4 | 5 => ("replica-labels", &["x=1", "team=blue", "x=1, y=2", "helm.sh/chart=c", "x", ""]),
                6 => ("replicate-annotations", &["*", "example.com/*", "*,!example.com/note", "helm.sh/*"]),
                _ => ("replicated-labels", &["team,app.kubernetes.io/name", "helm.sh/chart", "x"]),
            },
            Self::Limit => ("removal-approved", &["true", "true", "true", "false", "maybe"]),
        };
        own(name, dice.pick(values))
    }

    /// Something that somebody may do.
    fn act(self, dice: &mut Dice, resources: &[Resource]) -> Act {
        let id = any_object(dice, resources);
        match self {
            Self::Selectors if !dice.once_in(3) => {
                let (name, values): (_, &[_]) = match dice.once_in(4) {
                    true => ("tier", &[Some("web"), None]),
                    false => ("env", &[Some("prod"), Some("prod"), Some("stage"), None]),
                };
                Act::Label(any_namespace(dice), name, dice.pick(values))
            }
            Self::Acceptance => match dice.roll(6) {
                0 => Act::Strip(any_namespace(dice), 0),
                _ => {
                    let list = dice.pick(&["a", "a,b", "-", "", ".*", ".*,!a", "team-.*", "(", "a/b"]);
                    let (name, value) = own("accept-replicas-from", list);
                    Act::Annotate(any_namespace(dice), name, value)
                }
            },
            Self::Pauses => {
                let (name, value) = self.note(dice);
                match dice.roll(6) {
                    0 => Act::Annotate(any_namespace(dice), name, value),
                    1 => Act::Strip(any_namespace(dice), 0),
                    2 | 3 => Act::Annotate(id, name, "false".to_owned()),
                    _ => Act::Annotate(id, name, value),
                }
            }
            Self::Keys if dice.once_in(3) => Act::Fill(id, dice.pick(&[4, 6, 7, 7, 1])),
            Self::Labels if !dice.once_in(3) => match dice.roll(5) {
                0 => Act::Annotate(id, "example.com/note".to_owned(), dice.pick(&["n1", "n2"]).to_owned()),
                1 => Act::Label(id, "helm.sh/chart", Some("c")),
                2 => Act::Label(id, "app.kubernetes.io/name", dice.pick(&[Some("shop"), None])),
                _ => Act::Label(id, "team", dice.pick(&[Some("red"), Some("blue"), None])),
            },
            Self::Selectors | Self::Keys | Self::Labels | Self::Limit => {
                let (name, value) = self.note(dice);
                Act::Annotate(id, name, value)
            }
        }
    }

    /// Steps that belong together.
    fn scene(self, dice: &mut Dice, resource: Resource) -> Vec<Step> {
        match self {
            Self::Selectors if dice.once_in(2) => selected(dice, resource),
            Self::Selectors => chain(dice, resource, "replication-allowed-namespace-selector", "env=prod"),
            Self::Acceptance => accepted(dice, resource),
            Self::Pauses => paused(dice, resource),
            Self::Keys if dice.once_in(2) => in_part(dice, resource),
            Self::Keys => chain(dice, resource, "replication-allowed-keys", dice.clone().pick(&["k", "l", "*,!k"])),
            Self::Labels => labelled(dice, resource),
            Self::Limit => limited(dice, resource),
        }
    }
}

/// A source that pushes by labels, which change.
fn selected(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let source = Id::new(resource, "a", dice.pick(&["x", "y"]));
    let mut notes = vec![("replicate-to-namespace-selector", dice.pick(&["env=prod", "env in (prod,stage)", "!env"]))];
    match dice.roll(4) {
        0 | 1 => notes.push(("replicate-to-namespaces", dice.pick(&["team-1", "!b", "!b", "late", "!team-.*"]))),
        2 => notes.push(("replicate-to", dice.pick(&["x", "y,z"]))),
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
    steps.push(match dice.roll(7) {
        0 | 6 => label("team-1", "env", None),
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

/// A source that pushes, and its namespace; where it pushes to changes its mind.
fn accepted(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let source = Id::new(resource, "a", dice.pick(&["x", "y"]));
    let into = Id::of_namespace("b");
    let accepts = |dice: &mut Dice| note(&into, "accept-replicas-from", dice.pick(&["a", "-", "team-.*", "(", ".*"]));
    let mut steps = vec![accepts(dice), put(&source, &[("replicate-to-namespaces", "b,team-1")]), calm(dice)];
    if dice.once_in(3) {
        // Another one that wants the name, and is perhaps accepted.
        steps.push(put(&Id::new(resource, "team-1", &source.name), &[("replicate-to-namespaces", "b")]));
    }
    steps.extend([accepts(dice), calm(dice), accepts(dice), calm(dice)]);
    steps
}

/// A source and its replica; one of the three that can be is paused while the source changes or goes.
fn paused(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, target) = (Id::new(resource, "a", "x"), Id::new(resource, "b", "x"));
    let mut steps = match dice.once_in(2) {
        true => vec![put(&source, &[("replicate-to-namespaces", "b,team-1")])],
        false => vec![
            put(&source, &[("replication-allowed", "true")]),
            put(&target, &[("replicate-from", &*source.key()), ("replicate-to", "team-1/x")][..1 + dice.roll(2)]),
        ],
    };
    let pauses = dice.pick(&[&source, &target, &Id::of_namespace("b")]).clone();
    steps.extend([calm(dice), note(&pauses, "paused", "true"), calm(dice)]);
    steps.push(Step::Act(match dice.roll(4) {
        0 => Act::Delete(source),
        1 => Act::StripAll(source),
        2 => Act::Fill(target, 0),
        _ => Act::Fill(source, 2),
    }));
    steps.push(Step::Calm(dice.pick(&[10, 60, 60])));
    if !dice.once_in(3) {
        steps.push(note(&pauses, "paused", "false"));
    }
    steps
}

/// A source of several keys, some of which go to its replicas; then others do, or it has others.
fn in_part(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, target) = (Id::new(resource, "a", "x"), Id::new(resource, "b", "x"));
    let keys = |dice: &mut Dice| ("replicate-keys", dice.pick(&["k", "l:k", "k,l", "*,!l", "l*", "k:x,*"]));
    let once = ("replicate-once", "true");
    let (asks, has_once) = (keys(dice), dice.once_in(3));
    let mut steps = match dice.once_in(2) {
        true => vec![put(&source, &[("replicate-to-namespaces", "b"), asks, once][..2 + usize::from(has_once)])],
        false => {
            let allows = ("replication-allowed-keys", dice.pick(&["k", "k,l", "*"]));
            let from = source.key();
            vec![
                put(&source, &[("replication-allowed", "true"), allows]),
                put(&target, &[("replicate-from", &*from), asks, once][..2 + usize::from(has_once)]),
            ]
        }
    };
    steps.push(calm(dice));
    for _ in 0..1 + dice.roll(2) {
        let (name, value) = keys(dice);
        steps.push(match dice.roll(5) {
            0 => note(&dice.pick(&[&source, &target]).clone(), name, value),
            1 | 2 => note(&source, "replication-allowed-keys", dice.pick(&["k", "l", "", "*"])),
            3 => Step::Act(Act::Fill(source.clone(), dice.pick(&[1, 2, 6, 7]))),
            _ => note(&source, "replicate-type", "example.com/own"),
        });
        steps.push(calm(dice));
    }
    steps
}

/// A source whose labels go to its replicas, and change; or somebody changes those of a replica.
fn labelled(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, target) = (Id::new(resource, "a", "x"), Id::new(resource, "b", "x"));
    let notes = [("replicate-to-namespaces", "b"), ("replicate-labels", "*"), ("replica-labels", "x=1")];
    let mut steps = vec![put(&source, &notes), Step::Act(Act::Label(source.clone(), "team", Some("red"))), calm(dice)];
    for _ in 0..1 + dice.roll(3) {
        steps.push(Step::Act(match dice.roll(5) {
            0 => Act::Label(source.clone(), "team", dice.pick(&[Some("blue"), None])),
            1 => Act::Label(target.clone(), "team", dice.pick(&[Some("blue"), None])),
            2 => Act::Label(target.clone(), "app.kubernetes.io/name", Some("shop")),
            3 => Act::Label(source.clone(), "helm.sh/chart", Some("c")),
            _ => {
                let (name, value) = own("replicate-labels", dice.pick(&["", "*,!team", "team"]));
                Act::Annotate(source.clone(), name, value)
            }
        }));
        steps.push(calm(dice));
    }
    steps
}

/// A source with a few replicas, that withdraws; some are approved, or it returns.
fn limited(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let source = Id::new(resource, "a", "x");
    let push = [("replicate-to", "b/x,b/y,team-1/x,team-1/y")];
    let mut steps = vec![put(&source, &push), Step::Calm(90)];
    match dice.roll(4) {
        0 => steps.push(Step::Act(Act::Delete(source.clone()))),
        1 => steps.push(Step::Act(Act::StripAll(source.clone()))),
        2 => steps.push(note(&source, "replicate-to", dice.pick(&["b/x", "", "b/x,team-1/x"]))),
        // One after the other.
        _ => {
            for list in ["b/x,b/y,team-1/x", "b/x,b/y", "b/x"] {
                steps.extend([note(&source, "replicate-to", list), Step::Calm(30)]);
            }
        }
    }
    steps.extend([calm(dice), Step::Wait(Duration::from_secs(dice.pick(&[1, 8, 40]))), calm(dice)]);
    for _ in 0..dice.roll(4) {
        let (namespace, name) = (dice.pick(&["b", "team-1"]), dice.pick(&["x", "y"]));
        steps.extend([note(&Id::new(resource, namespace, name), "removal-approved", "true"), calm(dice)]);
    }
    if dice.once_in(3) {
        steps.extend([put(&source, &push), calm(dice)]);
    }
    steps
}
