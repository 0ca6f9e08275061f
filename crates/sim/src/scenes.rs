//! Scenes: steps that belong together, such as what people and tools do in a row, and faults that follow one another. Random steps
//! alone seldom lead to these.

use std::time::Duration;

use crate::api::admission::{Effect, Policy};
use crate::api::object::{Id, Resource};
use crate::dice::Dice;
use crate::spec::PREFIX;
use crate::world::step::{Fate, Flow, Step};
use crate::world::users::{self, Act};

/// What may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faults {
    /// Nothing.
    None,
    /// All but that watch events get lost.
    All,
    /// All.
    WithLostEvents,
}

/// One of them.
pub fn scene(dice: &mut Dice, resources: &[Resource], faults: Faults) -> Vec<Step> {
    let resource = dice.pick(resources);
    let scenes: &[fn(&mut Dice, Resource) -> Vec<Step>] =
        &[chain, ring, ring, once, once, burst, remade, held, competing, late_namespace, withdrawn, followed];
    let faulty: &[fn(&mut Dice, Resource) -> Vec<Step>] = &[
        downtime,
        downtime,
        outage,
        outage,
        proxy,
        proxy,
        quoting,
        restored,
        refused,
        refused,
        paged,
        late_namespace,
        deposed,
    ];
    if faults == Faults::WithLostEvents && dice.once_in(4) {
        return lost(dice, resource);
    }
    match faults != Faults::None && dice.once_in(2) {
        true => dice.pick(faulty)(dice, resource),
        false => dice.pick(scenes)(dice, resource),
    }
}

fn note(id: &Id, name: &str, value: &str) -> Step {
    Step::Act(Act::Annotate(id.clone(), format!("{PREFIX}{name}"), value.to_owned()))
}

fn put(dice: &mut Dice, id: &Id, notes: &[(&str, &str)]) -> Step {
    Step::Act(Act::Put {
        id: id.clone(),
        type_: if id.resource == Resource::Secret { dice.pick(&["Opaque", "Opaque", "example.com/own"]) } else { "" },
        data: number(dice, 1, 4),
        annotations: notes.iter().map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned())).collect(),
        immutable: false,
        finalizer: false,
        manager: "kubectl-client-side-apply",
    })
}

fn fill(dice: &mut Dice, id: &Id) -> Step {
    Step::Act(Act::Fill(id.clone(), number(dice, 0, 6)))
}

/// From `least` on, so many different ones.
fn number(dice: &mut Dice, least: u8, count: usize) -> u8 {
    least + u8::try_from(dice.roll(count)).unwrap_or(0)
}

/// Long enough for all that follows, or not.
fn calm(dice: &mut Dice) -> Step {
    Step::Calm(dice.pick(&[10, 30, 60, 60]))
}

/// A source and what it replicates to: a source that pushes, with its replica; or one that is pulled, with who pulls.
fn pair(dice: &mut Dice, resource: Resource, more: &[(&str, &str)]) -> (Id, Id, Vec<Step>) {
    let places = dice.pick(&[["a", "b"], ["a", "team-1"], ["a", "b"], ["team-1", "b"], ["team-1", "a"]]);
    pair_in(dice, resource, more, places)
}

fn pair_in(
    dice: &mut Dice,
    resource: Resource,
    more: &[(&str, &str)],
    [from, into]: [&'static str; 2],
) -> (Id, Id, Vec<Step>) {
    let name = dice.pick(&["x", "y"]);
    let (source, target) = (Id::new(resource, from, name), Id::new(resource, into, name));
    let steps = if dice.once_in(2) {
        let to = ("replicate-to-namespaces", dice.pick(&[into, "a,b,team-1", ".*"]));
        vec![put(dice, &source, &[&[to], more].concat()), calm(dice)]
    } else {
        let from = source.key();
        let consent = ("replication-allowed", "true");
        let pulls = put(dice, &target, &[&[("replicate-from", &*from)], more].concat());
        vec![put(dice, &source, &[&[consent], more].concat()), pulls, calm(dice)]
    };
    (source, target, steps)
}

/// A step by which a source withdraws what it gave.
fn withdraw(dice: &mut Dice, source: &Id) -> Step {
    match dice.roll(6) {
        0 | 1 => Step::Act(Act::Delete(source.clone())),
        2 => Step::Act(Act::StripAll(source.clone())),
        3 => Step::Act(Act::Strip(source.clone(), number(dice, 0, 3))),
        4 => note(source, "replication-allowed", "false"),
        _ => note(source, "replicate-to-namespaces", dice.pick(&["late", "", "(", "b"])),
    }
}

/// Three objects that pull from one another; then something happens to one of them.
fn chain(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let top = Id::new(resource, "a", dice.pick(&["x", "y"]));
    let [middle, leaf] = [("b", "x"), ("team-1", dice.pick(&["x", "y"]))].map(|(ns, name)| Id::new(resource, ns, name));
    let list = dice.pick(&[".*", ".*", "b,team-1", "b", "team-.*,b", ".*,!team-1"]);
    let consent = |dice: &mut Dice| match dice.once_in(2) {
        true => ("replication-allowed", "true"),
        false => ("replication-allowed-namespaces", dice.pick(&[".*", "a,team-1", "team-.*", "a"])),
    };
    let (of_middle, of_leaf) = (consent(dice), consent(dice));
    let mut steps = vec![
        put(dice, &top, &[("replication-allowed-namespaces", list)]),
        put(dice, &middle, &[("replicate-from", &top.key()), of_middle]),
        put(dice, &leaf, &[("replicate-from", &middle.key()), of_leaf]),
    ];
    if dice.once_in(3) {
        steps.push(note(&dice.pick(&[middle.clone(), leaf.clone()]), "replicate-once", "true"));
    }
    steps.push(calm(dice));
    let ends = dice.pick(&[leaf.clone(), leaf.clone(), middle.clone()]);
    steps.push(match dice.roll(6) {
        // A ring.
        0 | 1 => note(&top, "replicate-from", &ends.key()),
        2 => fill(dice, &top),
        3 => note(&top, "replication-allowed-namespaces", dice.pick(&["b", "team-1", "-", "(", "b,team-1"])),
        4 => withdraw(dice, &middle),
        _ => withdraw(dice, &top),
    });
    steps.push(calm(dice));
    match dice.roll(4) {
        0 | 1 => steps.push(fill(dice, &dice.clone().pick(&[top, middle]))),
        // The ring is opened again.
        2 => steps.extend([fill(dice, &leaf), calm(dice), Step::Act(Act::Strip(top, 0)), calm(dice)]),
        _ => {}
    }
    steps
}

/// A ring of three that hold what another gave, and that is perhaps opened again; or a loop that is no ring.
fn ring(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let [top, middle, leaf] = ["a", "b", "team-1"].map(|namespace| Id::new(resource, namespace, "x"));
    let consent = ("replication-allowed", "true");
    if dice.once_in(3) {
        let mut steps = vec![put(dice, &top, &[consent])];
        steps.push(put(dice, &middle, &[("replicate-from", &top.key()), consent, ("removal-delay", "never")]));
        steps.extend([Step::Calm(60), note(&middle, "replicate-from", "a/z"), Step::Calm(30)]);
        steps.extend([note(&top, "replicate-from", &middle.key()), Step::Calm(60)]);
        return steps;
    }
    let source = Id::new(resource, "a", "y");
    let mut steps = vec![put(dice, &source, &[consent])];
    for (one, from) in [(&top, &source), (&middle, &top), (&leaf, &middle)] {
        steps.push(put(dice, one, &[("replicate-from", &from.key()), consent]));
    }
    steps.extend([Step::Calm(90), note(&top, "replicate-from", &leaf.key()), Step::Calm(60)]);
    if dice.once_in(2) {
        steps.extend([fill(dice, &leaf), Step::Calm(60), note(&top, "replicate-from", "a/y"), Step::Calm(60)]);
    }
    steps
}

/// A replica that is given data once, and what may happen to it.
fn once(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let more: &[(&str, &str)] = match dice.once_in(2) {
        true => &[("replicate-once", "true")],
        false => &[("replicate-once", "true"), ("replicate-once-version", "1")],
    };
    let (source, target, mut steps) = pair(dice, resource, more);
    steps.push(fill(dice, &source));
    steps.push(calm(dice));
    steps.push(match dice.roll(6) {
        0 | 1 => note(&source, "replicate-once-version", "2"),
        2 | 3 => Step::Act(Act::Fill(target, 0)),
        _ => withdraw(dice, &source),
    });
    steps
}

/// A source that changes faster than each change can be followed.
fn burst(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, _, mut steps) = pair(dice, resource, &[]);
    for _ in 0..2 + dice.roll(5) {
        steps.push(fill(dice, &source));
        steps.push(Step::Calm(number(dice, 1, 9)));
    }
    steps
}

/// A source that is made again as another type, or a replica that is made immutable.
fn remade(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, target, mut steps) = pair(dice, resource, &[]);
    if dice.once_in(3) {
        steps.push(Step::Crash(number(dice, 0, 2)));
    }
    steps.push(match dice.once_in(2) {
        true => Step::Act(Act::Retype(source.clone())),
        false => Step::Act(Act::Freeze(target)),
    });
    steps.extend([calm(dice), fill(dice, &source)]);
    steps
}

/// A replica that is being deleted, and held by somebody's finalizer, when its source withdraws.
fn held(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, target, mut steps) = pair(dice, resource, &[]);
    steps.extend([Act::Hold(target.clone()), Act::Delete(target)].map(Step::Act));
    steps.extend([calm(dice), withdraw(dice, &source)]);
    steps
}

/// Two sources that push to one name, and one of them ends.
fn competing(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let [one, two] = [("a", "x"), ("team-1", "x")].map(|(namespace, name)| Id::new(resource, namespace, name));
    let mut sources = [one, two];
    if dice.once_in(2) {
        sources.reverse();
    }
    let mut steps = Vec::new();
    for source in &sources {
        steps.push(put(dice, source, &[("replicate-to", "b/z")]));
        steps.push(Step::Wait(Duration::from_millis(dice.pick(&[10, 1_100]))));
    }
    steps.extend([calm(dice), withdraw(dice, &dice.clone().pick(&sources)), calm(dice)]);
    if dice.once_in(2) {
        steps.push(Step::Act(Act::Delete(Id::new(resource, "b", "z"))));
    }
    steps
}

/// A namespace that is deleted and made again, while an API server may still know it as terminating.
fn late_namespace(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let namespace = dice.pick(&["b", "team-1"]);
    let (_, _, mut steps) = pair(dice, resource, &[]);
    steps.push(Step::Act(Act::DeleteNamespace(namespace)));
    steps.push(Step::Calm(number(dice, 0, 20)));
    steps.extend((0..8).map(|_| Step::Act(Act::Finalize)));
    steps.push(Step::Act(Act::MakeNamespace(namespace)));
    // The watch's server shows it; the other one lags.
    steps.extend([Step::CatchUp(0, 60), Step::Flow(0, Flow::All), Step::Flow(1, Flow::All)]);
    steps.extend([Step::Flow(2, Flow::All), Step::Carry(0, Fate::Fine), Step::Arrive(0)]);
    steps
}

/// A source that withdraws, and gives again, sooner or later than the removal delay.
fn withdrawn(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let delay = dice.pick(&["20s", "never", "0", "5s"]);
    let (source, _, mut steps) = match dice.once_in(2) {
        true => pair(dice, resource, &[]),
        false => pair(dice, resource, &[("removal-delay", delay)]),
    };
    steps.push(withdraw(dice, &source));
    steps.push(Step::Wait(Duration::from_millis(dice.pick(&[100, 4_000, 12_000, 40_000]))));
    if dice.once_in(2) {
        steps.push(put(dice, &source, &[("replicate-to-namespaces", "b,team-1")]));
    }
    steps
}

/// A target pulls from a source that does not exist yet; it is created while the controller looks it up.
fn followed(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, target) = (Id::new(resource, "a", "z"), Id::new(resource, "b", dice.pick(&["x", "z"])));
    let mut steps = vec![Step::Calm(60), put(dice, &target, &[("replicate-from", &source.key())])];
    steps.push(Step::Calm(dice.pick(&[2, 2, 1, 3, 4])));
    steps.push(put(dice, &source, &[("replication-allowed", "true")]));
    steps.push(Step::CatchUp(0, 9));
    steps.extend([Step::CatchUp(1, 9), Step::Flow(0, Flow::All), Step::Flow(1, Flow::All), Step::Flow(2, Flow::All)]);
    steps.push(Step::Arrive(0));
    steps
}

/// The controller does not run, or sees nothing, while somebody does something; then it starts anew.
fn downtime(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, target, mut steps) = pair(dice, resource, &[]);
    steps.push(Step::CutOff(0));
    for _ in 0..1 + dice.roll(2) {
        steps.push(change(dice, &source, &target));
    }
    steps.push(Step::Crash(0));
    steps
}

fn change(dice: &mut Dice, source: &Id, target: &Id) -> Step {
    match dice.roll(6) {
        0 | 1 => fill(dice, target),
        2 => fill(dice, source),
        3 => Step::Act(Act::Delete(target.clone())),
        4 => Step::Act(Act::Retype(source.clone())),
        _ => withdraw(dice, source),
    }
}

/// Nothing gets through for a while, and etcd forgets what happened meanwhile: it has to be listed again.
fn outage(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, target, mut steps) = pair(dice, resource, &[]);
    if dice.once_in(4) {
        steps.push(Step::Act(Act::Scribble(source.clone())));
    }
    steps.extend([Step::Break(0), Step::Break(0), Step::Break(0), Step::CutOff(0)]);
    for _ in 0..1 + dice.roll(2) {
        steps.push(change(dice, &source, &target));
    }
    steps.extend([Step::Compact, Step::CutOff(0)]);
    steps
}

/// A controller sees what is to be done, and then nothing gets through from it for longer than a lease lasts.
fn deposed(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, _, mut steps) = pair(dice, resource, &[]);
    steps.extend([fill(dice, &source), Step::CatchUp(0, 9), Step::CatchUp(1, 9)]);
    steps.extend([Step::Calm(number(dice, 1, 6)), Step::CutOff(0)]);
    steps.extend((0..10).flat_map(|_| [Step::Wait(Duration::from_secs(4)), Step::Calm(10)]));
    steps.extend([fill(dice, &source), Step::CutOff(0), Step::Calm(30)]);
    steps
}

/// A proxy in between answers everything with a page of its own for a while.
fn proxy(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, target, mut steps) = pair(dice, resource, &[]);
    let is_listed_again = dice.once_in(3);
    if is_listed_again {
        steps.extend((0..3).map(|nth| Step::Flow(nth, Flow::Expired)));
    }
    steps.push(Step::Proxy(0, Some((dice.pick(&[200, 404, 404, 503]), false))));
    if !is_listed_again {
        let filled = fill(dice, &source);
        steps.push(if dice.once_in(2) { filled } else { change(dice, &source, &target) });
        steps.extend([Step::CatchUp(0, 9), Step::CatchUp(1, 9)]);
        steps.extend((0..3).map(|nth| Step::Flow(nth, Flow::All)));
    }
    steps.push(Step::Calm(dice.pick(&[4, 30])));
    steps.push(Step::Wait(Duration::from_millis(dice.pick(&[900, 12_000, 40_000]))));
    steps.push(Step::Proxy(0, None));
    steps
}

/// The server refuses a write, or a read, for no reason that anybody sees.
fn refused(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, target, mut steps) = pair(dice, resource, &[]);
    steps.push(change(dice, &source, &target));
    for _ in 0..2 {
        steps.push(Step::Calm(number(dice, 1, 6)));
        steps.push(Step::Carry(1, Fate::Refused(dice.pick(&[409, 409, 422, 500, 504]))));
    }
    steps
}

/// It has to be listed again, and a later page is answered by a proxy.
fn paged(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    // The source is listed last.
    let (_, _, mut steps) = pair_in(dice, resource, &[], ["team-1", "a"]);
    steps.extend((0..3).map(|nth| Step::Flow(nth, Flow::Expired)));
    steps.extend((0..3).map(|nth| Step::Flow(nth, Flow::All)));
    for _ in 0..1 + dice.roll(4) {
        steps.extend([Step::Carry(0, Fate::Fine), Step::Arrive(0)]);
    }
    for _ in 0..1 + dice.roll(2) {
        steps.extend([Step::Carry(0, Fate::Proxy(dice.pick(&[200, 200, 404]))), Step::Arrive(0)]);
    }
    steps.extend([calm(dice), Step::Wait(Duration::from_secs(40))]);
    steps
}

/// A watch event gets lost.
fn lost(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, target, mut steps) = pair(dice, resource, &[]);
    steps.extend([change(dice, &source, &target), Step::CatchUp(0, 9), Step::CatchUp(1, 9)]);
    steps.extend((0..3).map(|nth| Step::Flow(nth, Flow::Never)));
    steps
}

/// etcd is restored to before what somebody did and what the controller made of it.
fn restored(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let (source, target, mut steps) = pair(dice, resource, &[]);
    steps.push(Step::BackUp);
    for _ in 0..1 + dice.roll(3) {
        steps.push(change(dice, &source, &target));
        if dice.once_in(2) {
            steps.push(calm(dice));
        }
    }
    steps.push(Step::Restore(dice.once_in(4)));
    if dice.once_in(2) {
        steps.extend([calm(dice), fill(dice, &source)]);
    }
    steps
}

/// A webhook denies, and quotes what it was shown.
fn quoting(dice: &mut Dice, resource: Resource) -> Vec<Step> {
    let effect = match users::effect(dice) {
        Effect::ChangeData => Effect::Quote,
        effect => effect,
    };
    let namespace = dice.pick(&["b", "team-1"]).to_owned();
    let (source, _, mut steps) = pair(dice, resource, &[]);
    steps.push(Step::Forbid(Policy { namespace, effect }));
    steps.extend([fill(dice, &source), calm(dice), Step::Permit]);
    steps
}
