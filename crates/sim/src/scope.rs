//! Controllers that work in some namespaces only (`--namespaces`), in one of six seeds, by dice of their own, so that the other seeds
//! are what they would be without.
//!
//! Most of them have Roles that never change; in some a Role goes, and comes back. What lies outside goes on as everywhere.

use std::time::Duration;

use crate::api::object::{Id, Resource};
use crate::dice::Dice;
use crate::policy::{label, note, put};
use crate::run::Script;
use crate::spec::PREFIX;
use crate::world::step::Step;
use crate::world::users::{Act, NAMESPACES};

type Scope = &'static [&'static str];
type Scene = fn(&mut Dice, Scope, Resource) -> Vec<Step>;

/// `late` is not there at the beginning.
const SCOPES: [Scope; 9] = [
    &["a", "b"],
    &["a", "b"],
    &["b", "team-1"],
    &["a"],
    &["a", "team-1"],
    &["b", "late"],
    &["a", "b", "late"],
    &["a", "b", "team-1"],
    &["a", "b", "late", "team-1"],
];
const ALL: Scope = &[];

/// Adds a scope to a script, if its seed has one.
pub fn add_to(script: &mut Script) {
    let dice = &mut Dice::new(script.setting.seed ^ 0x2545_f491_4f6c_dd1d);
    if !dice.once_in(6) {
        return;
    }
    let scope = dice.pick(&SCOPES);
    let are_equal = script.setting.are_equal();
    for (slot, controller) in script.setting.controllers.iter_mut().enumerate() {
        let others = [scope, ALL, dice.pick(&SCOPES)];
        controller.namespaces = if are_equal || slot == 0 { scope } else { dice.pick(&others) };
    }
    // A crowd lives outside.
    script.setting.crowd = None;
    let resources = script.setting.resources.clone();
    let mut insert = |dice: &mut Dice, steps: Vec<Step>| {
        let at = dice.roll(script.steps.len() + 1);
        script.steps.splice(at..at, steps);
    };
    for _ in 0..1 + dice.roll(6) {
        let act = act(dice, scope);
        insert(dice, vec![Step::Act(act)]);
    }
    let scenes: [Scene; 6] = [given_from_outside, given_from_outside, pushed_everywhere, late, late, without_role];
    for _ in 0..1 + dice.roll(2) {
        let (scene, resource) = (dice.pick(&scenes), dice.pick(&resources));
        let steps = scene(dice, scope, resource);
        insert(dice, steps);
    }
}

fn inside(dice: &mut Dice, scope: Scope) -> &'static str {
    dice.pick(scope)
}

/// A namespace that is not in the scope; perhaps it does not exist.
fn outside(dice: &mut Dice, scope: Scope) -> &'static str {
    let left_out: Vec<&'static str> = NAMESPACES.into_iter().filter(|namespace| !scope.contains(namespace)).collect();
    if left_out.is_empty() || dice.once_in(8) { "elsewhere" } else { dice.pick(&left_out) }
}

fn name(dice: &mut Dice) -> &'static str {
    dice.pick(&["x", "x", "y"])
}

fn calm(dice: &mut Dice) -> Step {
    Step::Calm(dice.pick(&[10, 30, 60]))
}

/// Long enough for a Namespace to be read again, or not.
fn wait(dice: &mut Dice) -> Step {
    Step::Wait(Duration::from_secs(dice.pick(&[1, 4, 12, 40])))
}

/// Something that happens to a Namespace, which the controllers read from time to time.
fn act(dice: &mut Dice, scope: Scope) -> Act {
    let namespace = inside(dice, scope);
    let id = Id::of_namespace(namespace);
    match dice.roll(8) {
        0 | 1 => Act::MakeNamespace(namespace),
        2 => Act::DeleteNamespace(namespace),
        3 | 4 => Act::Finalize,
        5 => Act::Annotate(id, format!("{PREFIX}accept-replicas-from"), dice.pick(&["a", "-", ".*"]).to_owned()),
        6 => Act::Annotate(id, format!("{PREFIX}paused"), dice.pick(&["true", "false"]).to_owned()),
        _ => Act::Label(id, "env", dice.pick(&[Some("prod"), None])),
    }
}

/// What a controller that saw everything made of a source that now lies outside; then something becomes of the source.
fn given_from_outside(dice: &mut Dice, scope: Scope, resource: Resource) -> Vec<Step> {
    let name = name(dice);
    let source = Id::new(resource, outside(dice, scope), name);
    let target = Id::new(resource, inside(dice, scope), name);
    let from = source.key();
    let to = target.key();
    let copy =
        [("replicated-from-version", "17"), ("replicated-from-origin", &*from), ("replicated-from-allowed", ".*")];
    let of_target: Vec<(&str, &str)> = match dice.roll(3) {
        0 => [&[("replicate-from", &*from)][..], &copy].concat(),
        1 => [&[("replicate-from", &*from), ("replication-allowed", "true")][..], &copy].concat(),
        _ => vec![("replicated-by", &*from), copy[0]],
    };
    let mut steps = vec![put(&source, &[("replication-allowed", "true"), ("replicate-to", &*to)][dice.roll(2)..])];
    let Step::Act(Act::Put { id, type_, data, annotations, immutable, finalizer, .. }) = put(&target, &of_target)
    else {
        return steps;
    };
    let manager = "k8s-replicator";
    steps.push(Step::Act(Act::Put { id, type_, data, annotations, immutable, finalizer, manager }));
    if dice.once_in(2) {
        // One more pulls from what was given.
        let next = Id::new(resource, inside(dice, scope), "z");
        steps.push(put(&next, &[("replicate-from", &*to)]));
    }
    steps.push(calm(dice));
    steps.push(match dice.roll(5) {
        0 | 1 => Step::Act(Act::Delete(source)),
        2 => Step::Act(Act::StripAll(source)),
        3 => note(&source, "replication-allowed", "false"),
        _ => Step::Act(Act::Fill(source, 2)),
    });
    steps.extend([calm(dice), wait(dice)]);
    if dice.once_in(3) {
        steps.push(Step::Crash(0));
    }
    steps.extend([calm(dice), wait(dice)]);
    steps
}

/// A source that pushes to all namespaces, by their names or by what they have in common; then it changes, or goes.
fn pushed_everywhere(dice: &mut Dice, scope: Scope, resource: Resource) -> Vec<Step> {
    let source = Id::new(resource, inside(dice, scope), name(dice));
    let to = dice.pick(&[
        ("replicate-to-namespaces", "a,b,team-1,late,elsewhere"),
        ("replicate-to-namespaces", ".*"),
        ("replicate-to-namespace-selector", "!env"),
        ("replicate-to", "a/z,b/z,team-1/z,late/z"),
    ]);
    let mut steps = vec![put(&source, &[to]), calm(dice)];
    // Somebody outside pulls from it.
    let pulls = Id::new(resource, outside(dice, scope), "z");
    steps.push(put(&pulls, &[("replicate-from", &*source.key())]));
    steps.push(note(&source, "replication-allowed", "true"));
    steps.push(match dice.roll(3) {
        0 => Step::Act(Act::Delete(source)),
        1 => Step::Act(Act::StripAll(source)),
        _ => Step::Act(Act::Fill(source, 3)),
    });
    steps.extend([calm(dice), wait(dice)]);
    steps
}

/// A Namespace of the scope is awaited, comes, changes, goes and comes again.
fn late(dice: &mut Dice, scope: Scope, resource: Resource) -> Vec<Step> {
    let into = if scope.contains(&"late") { "late" } else { inside(dice, scope) };
    let source = Id::new(resource, inside(dice, scope), name(dice));
    let to = dice.pick(&[("replicate-to-namespaces", into), ("replicate-to-namespace-selector", "env=prod")]);
    let mut steps = vec![put(&source, &[to]), calm(dice), Step::Act(Act::MakeNamespace(into)), wait(dice), calm(dice)];
    for _ in 0..1 + dice.roll(3) {
        steps.push(match dice.roll(5) {
            0 | 1 => label(into, "env", dice.pick(&[Some("prod"), Some("stage"), None])),
            2 => note(&Id::of_namespace(into), "accept-replicas-from", dice.pick(&["a", "-", ".*"])),
            _ => Step::Act(Act::DeleteNamespace(into)),
        });
        steps.extend([wait(dice), Step::Act(Act::Finalize), Step::Act(Act::Finalize), calm(dice)]);
        if dice.once_in(2) {
            steps.extend([Step::Act(Act::Finalize), Step::Act(Act::MakeNamespace(into)), wait(dice), calm(dice)]);
        }
    }
    steps
}

/// A source and its replica; the Role of one of their namespaces goes, something happens, perhaps a new controller starts, and the
/// Role comes back.
fn without_role(dice: &mut Dice, scope: Scope, resource: Resource) -> Vec<Step> {
    let name = name(dice);
    let source = Id::new(resource, inside(dice, scope), name);
    let into = inside(dice, scope);
    let mut steps = vec![put(&source, &[("replicate-to-namespaces", into)]), calm(dice)];
    steps.push(Step::Revoke(inside(dice, scope)));
    if dice.once_in(2) {
        steps.push(dice.pick(&[Step::Crash(0), Step::Break(0), Step::Break(1)]));
    }
    steps.push(Step::Act(match dice.roll(5) {
        0 => Act::Delete(source),
        1 => Act::StripAll(source),
        2 => Act::Delete(Id::new(resource, into, name)),
        3 => Act::DeleteNamespace(into),
        _ => Act::Fill(source, 2),
    }));
    steps.extend([calm(dice), wait(dice), calm(dice)]);
    if dice.once_in(2) {
        steps.extend([Step::Grant, wait(dice), calm(dice)]);
    }
    steps
}
