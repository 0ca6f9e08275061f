//! Deciding about a target of the model, as the controller does: what a decision needs is read, and it is decided again.

use super::World;
use super::object::Object;
use crate::action::Action;
use crate::decide::*;
use crate::payload::Content;

/// When all targets are written.
pub(crate) const NOW: &str = "2026-01-02T03:04:05Z";

/// Questions that are asked wherever something would be written, and recorded only where they stop it.
const GUARDS: [Question; 11] = [
    Question::Excluded,
    Question::NamespaceSays,
    Question::Paused,
    Question::Accepted,
    Question::Keys,
    Question::KeysKept,
    Question::SourceRead,
    Question::Complete,
    Question::SameType,
    Question::Changeable,
    Question::NotProtected,
];

/// The result of deciding about a target.
#[derive(Debug)]
pub(crate) enum End {
    Nothing(Verdict),
    Refuse(Verdict),
    Wait(Verdict, Moment),
    Act(Verb, Verdict, Action),
}

impl World {
    /// Reads what a decision needs, as the controller does.
    pub(crate) fn answer(&mut self, need: &Need) {
        let (Need::Presence(key) | Need::Content(key) | Need::Portion(key, _)) = need;
        let Some(object) = self.objects.get(key).cloned() else {
            match self.graph.node(key).map(|node| node.uid.clone()) {
                Some(uid) => {
                    let touched = self.graph.forget(key, &uid);
                    self.look_at(touched);
                }
                None => self.graph.confirm_absent(key),
            }
            return;
        };
        let touched = self.graph.observe(object.observed(key));
        self.look_at(touched);
        let content =
            Content { type_: object.type_.clone(), immutable: object.immutable, payload: object.payload.clone() };
        match need {
            Need::Presence(_) => {}
            Need::Content(_) => self.graph.learn(key, &object.resource_version(), self.facts(&object), &content),
            Need::Portion(_, projection) => {
                let type_ = object.type_.as_deref();
                let portion = Facts::of_portion(self.kind, type_, &content.payload, projection);
                self.graph.learn_portion(key, &object.resource_version(), projection.clone(), portion);
            }
        }
    }

    pub(super) fn facts(&self, object: &Object) -> Facts {
        Facts::of(self.kind, object.type_.as_deref(), &object.payload)
    }

    /// Decides about a target, and reads what that needs. Also returns what was read.
    pub(crate) fn look(&mut self, target: &TargetKey) -> (End, Vec<Need>) {
        let mut reads = Vec::new();
        loop {
            let need = match decide_twice(&self.graph, self.kind, &self.rules, target) {
                Decision::Wait(verdict, until) => return (End::Wait(verdict, until), reads),
                Decision::Nothing(verdict) => return (End::Nothing(verdict), reads),
                Decision::Refuse(verdict) => return (End::Refuse(verdict), reads),
                Decision::Need(need) => need,
                Decision::Act(plan) => {
                    let (verb, verdict) = (plan.verb, plan.verdict.clone());
                    let needs = plan.needs();
                    let source = needs.as_ref().map(Need::key);
                    let held = source.map(|source| self.graph.node(source).unwrap().resource_version.clone());
                    let content = source.and_then(|source| self.objects.get(source));
                    let content = content.filter(|content| Some(content.resource_version()) == held);
                    match (source, content) {
                        (Some(source), None) => Need::Content(source.clone()),
                        _ => {
                            let entropy = &mut self.entropy;
                            let mut random = || {
                                *entropy = entropy.wrapping_add(1);
                                *entropy
                            };
                            let action =
                                plan.action(content.map(|content| &content.payload), NOW, &mut random).unwrap();
                            return (End::Act(verb, verdict, action), reads);
                        }
                    }
                }
            };
            // The same read twice is in order where the first response showed that the source was recreated.
            assert!(reads.len() < 8, "{target} asks and asks: {reads:?}");
            self.answer(&need);
            reads.push(need);
        }
    }
}

/// Decides, with and without recording: it must be the same, and the trail must be in order and end in the decision.
fn decide_twice<'w>(graph: &'w Graph, kind: &'w dyn Kind, rules: &'w Rules, target: &'w TargetKey) -> Decision<'w> {
    let decision = decide(graph, kind, rules, target);
    let (recorded, trail) = decide_recording(graph, kind, rules, target);
    assert_eq!(format!("{decision:?}"), format!("{recorded:?}"));
    let steps: Vec<String> = trail.steps().iter().map(ToString::to_string).collect();
    let asked: Vec<Question> = trail.steps().iter().map(|step| step.question).collect();
    assert!(asked.is_sorted_by(|one, next| one < next), "each once, in order: {steps:#?}");
    assert_eq!(trail.steps().last().map(|step| step.outcome.clone()), Some(decision.outcome()), "{steps:#?}");
    for step in trail.steps() {
        assert!(!GUARDS.contains(&step.question) || step.outcome != Outcome::Passed, "{step}");
    }
    decision
}
