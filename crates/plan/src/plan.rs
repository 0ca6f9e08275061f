//! From manifests, a cluster's metadata and flags to a report.

mod blame;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_replicator_core::annotations::{Annotation, Dialect, Value};
use k8s_replicator_core::decide::{Decision, Verb, Verdict, advise, decide, losers};
use k8s_replicator_core::kind::{self, Kind};
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;
use k8s_replicator_core::time::Moment;

use crate::contents;
use crate::edit;
use crate::manifest::{Manifest, Manifests, NOT_ACCEPTED, NamespaceManifest, Problem};
use crate::object::{Known, Object};
use crate::planner::{Effect, Flags, Planner};
use crate::report::{Finding, Level, Line, Report};

use blame::Blame;

/// What a cluster holds, as far as it was seen.
#[derive(Debug, Default)]
pub struct Cluster {
    /// Its namespaces.
    pub namespaces: BTreeMap<String, NamespaceFacts>,
    /// Its objects, by the name of their kind.
    pub objects: HashMap<&'static str, Vec<Object>>,
}

/// What is planned.
#[derive(Debug)]
pub struct Question<'a> {
    /// The manifests.
    pub manifests: &'a Manifests,
    /// Whether they are deleted, and not applied.
    pub deletes: bool,
    /// What there is before; `None`: nothing is known of a cluster.
    pub cluster: Option<Cluster>,
    /// Namespaces that are taken to exist.
    pub namespaces: BTreeSet<String>,
    /// The flags that the controller has now; `None`: those that it is to have.
    pub flags_now: Option<&'a Flags>,
    /// The flags that it is to have.
    pub flags: &'a Flags,
}

/// How many other sources that push to one name are told.
const MOST_LOSERS: usize = 8;

/// Makes a plan.
#[must_use]
pub fn plan(question: Question<'_>) -> Report {
    let Question { manifests, deletes, cluster, namespaces: named, flags_now, flags } = question;
    let mut report = Report {
        objects: manifests.objects.len() + manifests.namespaces.len(),
        passed_over: manifests.passed_over.clone(),
        problems: manifests.problems.clone(),
        ..Report::default()
    };
    let now = flags_now.unwrap_or(flags);
    let is_alone = cluster.is_none();
    let Cluster { mut namespaces, mut objects } = cluster.unwrap_or_default();
    let of_manifests = |name: &str| manifests.namespaces.iter().any(|namespace| namespace.name == name);
    let of_objects = manifests.objects.iter().map(|object| object.key.namespace().to_owned()).filter(|_| is_alone);
    for name in named.into_iter().chain(of_objects) {
        if !namespaces.contains_key(&name) && !of_manifests(&name) {
            namespaces.insert(name.clone(), NamespaceFacts::default());
            report.assumed_namespaces.insert(name);
        }
    }
    for namespace in &manifests.namespaces {
        if let Some(error) = facts(namespace, &flags.dialect).ill_formed() {
            report.findings.push(blame::of_namespace(namespace, error, &flags.dialect));
        }
    }
    for kind in kind::ALL {
        let mut one =
            One { kind, manifests, flags, report: &mut report, blame: Blame::new(kind, manifests, &flags.dialect) };
        let mut objects = objects.remove(kind.name()).unwrap_or_default();
        give_keys(&mut objects, manifests, &now.dialect);
        let is_now = |flags: &Flags| flags.kinds.iter().any(|its| its.name() == kind.name());
        let nothing =
            || Planner::new(kind, &Flags { rules: now.rules.clone(), ..now.clone() }, &namespaces, Vec::new());
        let mut planner = if is_now(now) { Planner::new(kind, now, &namespaces, objects) } else { nothing() };
        planner.run();
        let pending = planner.changes().keys().filter(|target| planner.effect(target).is_some()).count();
        // What is deleted is there before, and so is what flags are changed for.
        let are_there_before = is_alone && (deletes || flags_now.is_some());
        if are_there_before {
            one.apply(&mut planner, false);
            planner.run();
        }
        one.report.pending += pending;
        if !is_now(flags) {
            continue;
        }
        let before = one.standings(&planner);
        planner.begin();
        if flags_now.is_some() {
            let mut all = namespaces.clone();
            if are_there_before {
                all.extend(manifests.namespaces.iter().map(|it| (it.name.clone(), facts(it, &flags.dialect))));
            }
            let objects: Vec<Object> = planner.objects().cloned().collect();
            planner = Planner::new(kind, flags, &all, objects);
        }
        match (deletes, are_there_before) {
            (true, _) => one.delete(&mut planner),
            (false, true) => {}
            (false, false) => one.apply(&mut planner, true),
        }
        planner.run();
        one.tell(&planner, &before, is_alone);
    }
    sort(&mut report);
    report
}

/// What is not known of contents has the keys that somebody asks for.
fn give_keys(objects: &mut [Object], manifests: &Manifests, dialect: &Dialect) {
    let asks = [Annotation::ReplicateKeys, Annotation::ReplicationAllowedKeys].map(|it| dialect.key(it));
    let annotations = objects.iter().map(|object| &object.annotations);
    let annotations = annotations.chain(manifests.objects.iter().map(|manifest| &manifest.annotations));
    let lists = annotations.flat_map(|annotations| asks.iter().filter_map(|key| annotations.get(key)));
    let keys = contents::asked_for(lists.map(String::as_str));
    for object in objects {
        if let Known::No(own) = &mut object.content {
            own.clone_from(&keys);
        }
    }
}

fn sort(report: &mut Report) {
    report
        .lines
        .sort_by(|a, b| (a.effect, &a.source, a.kind, &a.target).cmp(&(b.effect, &b.source, b.kind, &b.target)));
    report.problems.sort_by(|a, b| a.place.cmp(&b.place));
    report.findings.sort_by(|a, b| {
        let order = |it: &Finding| (it.level, it.place.is_none());
        (order(a), &a.place, a.kind, &a.object, a.reason).cmp(&(order(b), &b.place, b.kind, &b.object, b.reason))
    });
    report.findings.dedup();
}

fn facts(namespace: &NamespaceManifest, dialect: &Dialect) -> NamespaceFacts {
    let labels = namespace.labels.iter().map(|(key, value)| (&**key, &**value));
    let ours = namespace.annotations.iter().filter_map(|(key, value)| Some((dialect.name(key)?, Value::Text(value))));
    NamespaceFacts::read(false, labels, ours)
}

/// The plan of one kind.
struct One<'a> {
    kind: &'static dyn Kind,
    manifests: &'a Manifests,
    flags: &'a Flags,
    report: &'a mut Report,
    blame: Blame<'a>,
}

/// How each target that is not as wanted stands.
type Standings = BTreeMap<TargetKey, (State, Verdict)>;

impl<'a> One<'a> {
    fn objects(&self) -> impl Iterator<Item = &'a Manifest> + use<'a> {
        let name = self.kind.name();
        self.manifests.objects.iter().filter(move |manifest| manifest.kind.name() == name)
    }

    /// Applies the manifests in their order, the namespaces first. The controller is quicker than whoever applies them.
    fn apply(&mut self, planner: &mut Planner, tells: bool) {
        for namespace in &self.manifests.namespaces {
            planner.namespace(&namespace.name, facts(namespace, &planner.flags().dialect));
        }
        planner.settle();
        for manifest in self.objects() {
            let dialect = &self.flags.dialect;
            let object = match planner.object(&manifest.key) {
                None => Ok(Some(Object::of(manifest, dialect))),
                Some(old) => edit::applied(old, manifest, dialect),
            };
            match object {
                Ok(Some(object)) => {
                    let advice = object.observed(dialect).advice;
                    planner.put(object);
                    planner.read(&manifest.key);
                    if tells {
                        let of_others = advise(planner.graph(), self.kind, &manifest.key);
                        for advice in advice.into_iter().chain(of_others) {
                            let finding = self.blame.advice(manifest, advice);
                            self.report.findings.push(finding);
                        }
                    }
                }
                Ok(None) => {}
                Err(message) => self.report.problems.push(Problem {
                    code: NOT_ACCEPTED,
                    about: format!("{} {}", self.kind.name(), manifest.key),
                    message,
                    help: None,
                    place: manifest.place.clone(),
                }),
            }
            planner.settle();
        }
    }

    fn delete(&mut self, planner: &mut Planner) {
        for manifest in self.objects() {
            planner.remove(&manifest.key);
            planner.settle();
        }
        for namespace in &self.manifests.namespaces {
            planner.remove_namespace(&namespace.name);
        }
    }

    fn standings(&self, planner: &Planner) -> Standings {
        let mut standings = Standings::new();
        for target in planner.graph().all_asked_for() {
            if let Some(verdict) = planner.failed().get(&target) {
                standings.insert(target, (State::Failing, verdict.clone()));
                continue;
            }
            let decision = decide(planner.graph(), self.kind, &planner.flags().rules, &target);
            let state = State::of(&decision);
            let is_settled = matches!(decision, Decision::Nothing(_));
            let verdict = match decision {
                Decision::Nothing(verdict) | Decision::Refuse(verdict) | Decision::Wait(verdict, _) => Some(verdict),
                Decision::Act(plan) => Some(plan.verdict),
                Decision::Need(_) => None,
            };
            if is_settled {
                let rules = &planner.flags().rules;
                let lost = losers(planner.graph(), self.kind, rules, &target).take(MOST_LOSERS);
                self.blame.losers(&target, lost.collect());
            }
            if let (Some(state), Some(verdict)) = (state, verdict)
                && state != State::Current
            {
                standings.insert(target, (state, verdict));
            }
        }
        standings
    }

    /// Tells what became of each target. Of a cluster only what the edit changes, or is about.
    fn tell(&mut self, planner: &Planner, before: &Standings, is_alone: bool) {
        self.blame.forget_losers();
        let after = self.standings(planner);
        for (target, change) in planner.changes() {
            let Some(effect) = planner.effect(target) else { continue };
            let Some((_, verdict, at)) = decisive(effect, &change.writes) else { continue };
            self.report.lines.push(Line {
                kind: self.kind.name(),
                target: target.clone().into(),
                effect,
                reason: verdict.reason.code(),
                sentence: verdict.reason.sentence(),
                source: verdict.source.clone().map(Key::from),
                detail: verdict.detail.clone(),
                after: Some(*at).filter(|at| !at.is_zero()),
                would_read: change.is_assumed && !matches!(effect, Effect::Create | Effect::Delete),
                place: self.blame.of(target, verdict, planner).0,
            });
        }
        let removed: BTreeSet<(&TargetKey, Reason)> = planner
            .changes()
            .iter()
            .filter_map(|(target, change)| Some((target, change.writes.last()?.1.reason)))
            .collect();
        for (target, (state, verdict)) in &after {
            // What is taken away is told by that.
            if removed.contains(&(target, verdict.reason)) && planner.effect(target).is_some() {
                continue;
            }
            let is_ours = self.blame.is_in_manifests(target)
                || verdict.source.as_ref().is_some_and(|source| self.blame.is_in_manifests(source));
            let is_new = before.get(target) != Some(&(*state, verdict.clone()));
            if is_alone || is_ours || is_new {
                let finding = self.finding(target, *state, verdict, planner);
                self.report.findings.push(finding);
            }
        }
        for (target, verdict) in self.blame.take_losers() {
            let is_ours = verdict.source.as_ref().is_some_and(|source| self.blame.is_in_manifests(source));
            if is_alone || is_ours {
                let finding = self.finding(&target, State::Refused, &verdict, planner);
                self.report.findings.push(finding);
            }
        }
    }

    fn finding(&self, target: &TargetKey, state: State, verdict: &Verdict, planner: &Planner) -> Finding {
        let level = match state {
            State::Refused | State::Failing => Level::Problem,
            State::Current | State::Waiting | State::Held => Level::Wait,
        };
        let (place, other) = self.blame.of(target, verdict, planner);
        Finding {
            level,
            kind: self.kind.name(),
            object: target.to_string(),
            state: Some(state),
            reason: verdict.reason.code(),
            sentence: verdict.reason.sentence(),
            remedy: remedy(verdict.reason),
            source: verdict.source.clone().map(Key::from),
            detail: verdict.detail.clone(),
            place,
            other,
        }
    }
}

/// Of a target's writes the one that its effect is told by.
fn decisive(effect: Effect, writes: &[(Verb, Verdict, Moment)]) -> Option<&(Verb, Verdict, Moment)> {
    let verb = match effect {
        Effect::Delete => Verb::Delete,
        Effect::Clear => Verb::Clear,
        Effect::Recreate => Verb::Recreate,
        Effect::Create => Verb::Create,
        Effect::Update => return writes.last(),
    };
    writes.iter().rev().find(|(other, _, _)| *other == verb).or(writes.last())
}

/// What to do about it, if there is anything.
fn remedy(reason: Reason) -> Option<&'static str> {
    Some(reason.remedy()).filter(|remedy| *remedy != "Nothing.")
}
