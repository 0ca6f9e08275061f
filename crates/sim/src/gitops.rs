//! Tools that apply manifests, and apply them again; rivals that put back what was there; proxies that answer writes; watch events that are
//! cut anywhere; webhooks that deny a crowd. In half of the seeds, by dice of their own, so that the other seeds are what they would be without.

use crate::api::object::Id;
use crate::dice::Dice;
use crate::run::Script;
use crate::world::Crowd;
use crate::world::applied::{Applier, Manifest};
use crate::world::step::{Flow, Rivalry, Step};
use crate::world::users;

/// Adds such steps to a script, if its seed has some.
pub fn add_to(script: &mut Script) {
    let dice = &mut Dice::new(script.setting.seed ^ 0xbb67_ae85_84ca_a73b);
    if !dice.once_in(2) {
        return;
    }
    if script.setting.crowd == Some(Crowd::Hangs) && dice.once_in(2) {
        script.setting.crowd = Some(Crowd::Denied);
    }
    // One object has a manifest that is applied again and again; others are applied now and then.
    let resources = script.setting.resources.clone();
    let resource = dice.pick(&resources);
    let kept = users::any_id(dice, resource);
    for round in 0..3 + dice.roll(6) {
        let id = if dice.once_in(3) { users::any_id(dice, resource) } else { kept.clone() };
        let is_new = round == 0 || dice.once_in(3);
        let step = if is_new { Step::Apply(id.clone(), manifest(dice, &id)) } else { Step::ApplyAgain(id) };
        insert(script, dice, step);
    }
    // Scripts without faults stay so: of these *promptness* asks more.
    if !script.steps.iter().any(Step::disturbs) {
        return;
    }
    if dice.once_in(4) {
        let id = users::any_id(dice, resource);
        insert(script, dice, Step::Rival(id, Rivalry::Changes));
    }
    for _ in 0..dice.roll(3) {
        let cut = u16::try_from(dice.roll(4_000)).unwrap_or(0);
        let nth = u8::try_from(dice.roll(6)).unwrap_or(0);
        insert(script, dice, Step::Flow(nth, Flow::Cut(cut)));
    }
    if dice.once_in(6) {
        let begin = dice.roll(script.steps.len() + 1);
        let end = (begin + 1 + dice.roll(12)).min(script.steps.len() + 1);
        let status = dice.pick(&[200, 404, 503, 503]);
        script.steps.insert(begin, Step::Proxy(0, Some((status, true))));
        script.steps.insert(end, Step::Proxy(0, None));
    }
}

fn insert(script: &mut Script, dice: &mut Dice, step: Step) {
    let at = dice.roll(script.steps.len() + 1);
    script.steps.insert(at, step);
}

fn manifest(dice: &mut Dice, id: &Id) -> Manifest {
    let by = dice.pick(&[Applier::Client, Applier::Client, Applier::Forced, Applier::Server]);
    let annotations = users::annotations(dice, id.resource);
    let data = u8::try_from(dice.roll(6)).unwrap_or(0);
    Manifest { by, data, annotations }
}
