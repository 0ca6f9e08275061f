//! Asks the cluster for what an explanation needs, beside what was listed.

use k8s_replicator_core::annotations::{Annotation, Dialect};
use k8s_replicator_core::change::Change;
use k8s_replicator_core::decide::losers;
use k8s_replicator_core::explain::{There, chain};
use k8s_replicator_core::names::{Key, SourceKey, TargetKey};
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;
use k8s_replicator_core::trail::{Outcome, Question, Step};
use serde_json::Value;

use super::consumers::{self, Consumer};
use super::owners::owners;
use super::{Answer, Attempt, Seen, is_good, why};
use crate::cluster::{Cluster, OfKind, Reading, is_forbidden};
use crate::entry::{Entry, Standing};

/// So many sources that do not get the name are shown.
const MOST_RIVALS: usize = 10;
/// An attempt that failed so many seconds ago says nothing of now: what goes on to fail is told more often.
const FRESH: i64 = 15 * 60;
/// The annotations by which the controller notes what it did: no question to the reader.
const NOTED: [Annotation; 6] = [
    Annotation::ReplicatedAt,
    Annotation::ReplicatedFromVersion,
    Annotation::ReplicatedFromOrigin,
    Annotation::ReplicatedKeys,
    Annotation::ReplicatedLabels,
    Annotation::ReplicatedAnnotations,
];

/// Explains one object of the kind that was read.
///
/// # Errors
/// When the cluster cannot be reached, or the controller does not replicate the kind.
pub(in crate::commands) async fn explain(
    cluster: &Cluster,
    reading: &mut Reading,
    target: &Key,
    from: Option<&Key>,
) -> anyhow::Result<Answer> {
    let Reading { kinds, rules, dialect, flags, notes } = reading;
    let Some(of) = kinds.first_mut() else { anyhow::bail!("{}", notes.join(" ")) };
    let key = TargetKey::from(target.clone());
    let mut notes = notes.clone();
    let (row, trail) = of.look(cluster, dialect, rules, &key).await?;
    let unread = row.as_ref().and_then(|row| row.needs.clone());
    let mut steps = trail.steps().to_vec();
    let mut no_target = match (&row, steps.last()) {
        (None, Some(step)) => match step.outcome {
            Outcome::Decided(reason) => Some(reason),
            Outcome::Passed | Outcome::Needs(_) => None,
        },
        _ => None,
    };
    // What is nothing to the controller the graph does not keep, whether it exists or not.
    let plain = match no_target {
        Some(Reason::NotWanted) => metadata(cluster, of, target, &mut notes).await?,
        _ => None,
    };
    if plain.is_some() {
        no_target = Some(Reason::NotATarget);
        let fact = format!("no annotation under {}", prefix(dialect));
        steps = vec![Step { question: Question::IsTarget, fact, outcome: Outcome::Decided(Reason::NotATarget) }];
    }
    let entry = row.map(|row| Entry::new(of, row));
    let source = entry.as_ref().and_then(|entry| entry.source.clone());
    let links = chain(&of.graph, target, source.as_ref());
    let mut seen = Vec::new();
    for (at, mut link) in links.into_iter().enumerate() {
        let object = match link.there {
            There::Present => metadata(cluster, of, &link.key, &mut notes).await?,
            There::Missing | There::Unknown => plain.clone().filter(|_| at == 0),
        };
        if object.is_some() {
            link.there = There::Present;
        }
        let own = if at == 0 || link.again {
            None
        } else {
            let (row, _) = of.look(cluster, dialect, rules, &link.key.clone().into()).await?;
            row.map(|row| Entry::new(of, row))
        };
        seen.push((see(of, dialect, link, own, object.as_ref()), object));
    }
    // Advice on contents and types needs the content.
    of.read(cluster, dialect, target).await?;
    if let Some(source) = &source {
        of.read(cluster, dialect, source).await?;
    }
    let given = given(of, rules, target);
    let is_above = |from: &Key| seen.iter().skip(1).any(|(seen, _)| seen.link.key == *from);
    let asked = from.map(|from| (from.clone(), says_of(of, dialect, from, &key, entry.as_ref(), is_above(from))));
    let change = |source| Change {
        graph: &of.graph,
        kind: of.kind,
        dialect,
        target,
        source,
        controller: flags.deployed.as_ref().map(|deployed| deployed.name.as_str()),
    };
    let wanted: Option<SourceKey> = from.cloned().map(Into::into);
    let source_for_change = match &asked {
        // The one that was asked about is to give, and does not.
        Some((_, (_, false))) if source.is_none() => wanted.as_ref(),
        _ => source.as_ref(),
    };
    let attempts = match &entry {
        Some(entry) if !is_good(entry.standing, entry.reason) => {
            attempts(cluster, of, target, source.as_ref(), &mut notes).await?
        }
        _ => Vec::new(),
    };
    let reason = why(entry.as_ref(), &attempts).or(no_target);
    let commands = reason.map(|reason| change(source_for_change).commands(reason)).unwrap_or_default();
    let mut advised: Vec<&Key> = vec![target];
    advised.extend(source.as_ref().map(|source| -> &Key { source }).filter(|source| *source != target));
    let advice = advised.iter().flat_map(|object| {
        of.advice(object).into_iter().map(|advice| ((*object).clone(), advice, change(None).of_advice(object)))
    });
    let advice: Vec<_> = advice.collect();
    let rivals = losers(&of.graph, of.kind, rules, &key).take(MOST_RIVALS);
    let rivals = rivals.filter_map(|verdict| Some((verdict.source?.into(), verdict.reason, verdict.detail))).collect();
    let is_well = entry.as_ref().is_none_or(|entry| is_good(entry.standing, entry.reason));
    let waiting = if is_well && no_target != Some(Reason::NotWanted) {
        Vec::new()
    } else {
        waiting(cluster, of, target, &mut notes).await?
    };
    let is_claimed = !is_well || advice_is_about_claims(&advice);
    let owners =
        seen.first().and_then(|(_, object)| object.as_ref()).filter(|_| is_claimed).map(owners).unwrap_or_default();
    Ok(Answer {
        kind: of.kind.name(),
        target: target.clone(),
        no_target,
        from: asked.map(|(key, (says, gives))| (key, says, gives)),
        chain: seen.into_iter().map(|(seen, _)| seen).collect(),
        steps,
        rivals,
        advice,
        attempts,
        waiting,
        owners,
        given,
        commands,
        unread: unread.filter(|_| entry.as_ref().is_some_and(|entry| entry.standing == Standing::Unread)),
        entry,
        controller: flags.deployed.as_ref().map(|deployed| (deployed.name.clone(), deployed.ready)),
        prefix: prefix(dialect),
        notes,
    })
}

/// What stands before the annotations' names.
fn prefix(dialect: &Dialect) -> String {
    dialect.key(Annotation::ReplicateFrom).trim_end_matches(Annotation::ReplicateFrom.name()).to_owned()
}

fn advice_is_about_claims(advice: &[(Key, k8s_replicator_core::advice::Advice, String)]) -> bool {
    advice.iter().any(|(_, advice, _)| advice.reason == Reason::StubWillConflict)
}

/// The object's metadata as JSON, with what the graph does not keep.
async fn metadata(cluster: &Cluster, of: &OfKind, key: &Key, notes: &mut Vec<String>) -> anyhow::Result<Option<Value>> {
    let path = format!("/api/v1/namespaces/{}/{}/{}", key.namespace(), of.kind.plural(), key.name());
    match cluster.metadata(path).await {
        Ok(object) => Ok(object),
        Err(failure) if is_forbidden(&failure) => {
            note(notes, format!("You may not get {} in {}.", of.kind.plural(), key.namespace()));
            Ok(None)
        }
        Err(failure) => anyhow::bail!("{}", failure.message),
    }
}

/// Each thing is said once.
fn note(notes: &mut Vec<String>, note: String) {
    if !notes.contains(&note) {
        notes.push(note);
    }
}

fn see(
    of: &OfKind,
    dialect: &Dialect,
    link: k8s_replicator_core::explain::Link,
    entry: Option<Entry>,
    object: Option<&Value>,
) -> Seen {
    let node = of.graph.node(&link.key);
    let marks = node.and_then(|node| node.marks());
    let raw = |annotation: Annotation| {
        let found = object.and_then(|object| object.pointer("/metadata/annotations")?.get(dialect.key(annotation)));
        let text = found.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        text.or_else(|| Some(marks?.text(annotation)?.to_string()))
    };
    let known = Annotation::ALL.iter().filter(|annotation| !NOTED.contains(annotation));
    let mut annotations: Vec<(String, String)> =
        known.filter_map(|annotation| Some((dialect.key(*annotation), raw(*annotation)?))).collect();
    // Those that nobody knows are why the object is ill-formed.
    let all = object.and_then(|object| object.pointer("/metadata/annotations")?.as_object()).into_iter().flatten();
    for (key, value) in all {
        if dialect.name(key).is_some_and(|name| Annotation::from_name(name).is_none()) {
            annotations.push((key.clone(), value.as_str().unwrap_or_default().to_owned()));
        }
    }
    let at = raw(Annotation::ReplicatedAt).and_then(|at| seconds(at.trim()));
    let text = |field: &str| object?.get("metadata")?.get(field)?.as_str();
    Seen {
        entry,
        version: node
            .map(|node| node.resource_version.to_string())
            .or_else(|| Some(text("resourceVersion")?.to_owned())),
        created: node.map(|node| node.created).or_else(|| Some(seconds(text("creationTimestamp")?)?.as_second())),
        copy: marks.and_then(|marks| marks.from_version.as_ref()).map(ToString::to_string),
        copied: at.map(jiff::Timestamp::as_second),
        annotations,
        visible: of.seen.covers(link.key.namespace()),
        deleting: node.is_some_and(|node| node.deleting),
        link,
    }
}

fn seconds(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}

/// The targets that have the object as their source, the worst first.
fn given(of: &mut OfKind, rules: &k8s_replicator_core::decide::Rules, source: &Key) -> Vec<Entry> {
    let has_targets =
        of.graph.node(source).and_then(|node| node.marks()).is_some_and(|marks| marks.effective_push().is_some())
            || of.graph.named_as_source_by(&source.clone().into()).next().is_some();
    if !has_targets {
        return Vec::new();
    }
    let rows = of.rows(rules).into_iter().filter(|row| row.source.as_ref().is_some_and(|key| **key == *source));
    let mut given: Vec<Entry> = rows.map(|row| Entry::new(of, row)).collect();
    given.sort_by(|a, b| a.standing.rank().cmp(&b.standing.rank()).then_with(|| a.target.cmp(&b.target)));
    given
}

/// What one object has to do with the target, and whether it gives to it.
fn says_of(
    of: &OfKind,
    dialect: &Dialect,
    from: &Key,
    target: &TargetKey,
    entry: Option<&Entry>,
    is_above: bool,
) -> (String, bool) {
    let source = SourceKey::from(from.clone());
    let is_source = entry.and_then(|entry| entry.source.as_ref()) == Some(&source);
    let node = of.graph.node(from);
    let marks = node.and_then(|node| node.marks());
    let other = entry.and_then(|entry| entry.source.as_ref());
    let says = if is_source {
        format!("{from} is the source of {target}")
    } else if is_above {
        format!("{from} stands above {target} in its chain")
    } else if node.is_none() && of.seen.covers(from.namespace()) && marks.is_none() {
        // An object that nobody names is not kept.
        format!("{from} does not exist, or has no annotation under {}", dialect.key(Annotation::ReplicateTo))
    } else if of.graph.pushes_to(&source, target) {
        format!("{from} pushes to {target}, and does not get it")
    } else if let Some(other) = other {
        format!("{from} has no part in {target}, whose source is {other}")
    } else if marks.is_some_and(|marks| marks.effective_push().is_some()) {
        format!("The push of {from} does not name {target}")
    } else {
        format!("{from} does not push, and {target} does not ask for it by {}", dialect.key(Annotation::ReplicateFrom))
    };
    (says, is_source || is_above)
}

/// The Pods and ServiceAccounts that name the object.
async fn waiting(
    cluster: &Cluster,
    of: &OfKind,
    target: &Key,
    notes: &mut Vec<String>,
) -> anyhow::Result<Vec<Consumer>> {
    let (namespace, is_secret) = (target.namespace(), of.kind.is_secret());
    let mut waiting = Vec::new();
    for (resource, what) in [("pods", "Pods"), ("serviceaccounts", "ServiceAccounts")] {
        if resource == "serviceaccounts" && !is_secret {
            continue;
        }
        let list = match cluster.get(format!("/api/v1/namespaces/{namespace}/{resource}?limit=500")).await {
            Ok(list) => list.unwrap_or_default(),
            Err(failure) if is_forbidden(&failure) => {
                notes.push(format!("You may not list {what} in {namespace}: who waits for the object is not known."));
                continue;
            }
            Err(failure) => anyhow::bail!("cannot list {resource}: {}", failure.message),
        };
        if list.pointer("/metadata/continue").and_then(Value::as_str).is_some_and(|rest| !rest.is_empty()) {
            notes.push(format!("Only the first 500 {what} in {namespace} were looked at."));
        }
        waiting.append(&mut match resource {
            "pods" => consumers::pods(&list, is_secret, target.name()),
            _ => consumers::accounts(&list, target.name()),
        });
    }
    Ok(waiting)
}

/// What the controller's Events tell of failed attempts, the newest first. They are on the object whose owner can act: the target,
/// or the source, with the target as the other end.
async fn attempts(
    cluster: &Cluster,
    of: &OfKind,
    target: &Key,
    source: Option<&SourceKey>,
    notes: &mut Vec<String>,
) -> anyhow::Result<Vec<Attempt>> {
    let mut attempts: Vec<(Option<jiff::Timestamp>, Attempt)> = Vec::new();
    for object in [Some(target), source.map(|source| -> &Key { source })].into_iter().flatten() {
        let (namespace, kind, name) = (object.namespace(), of.kind.name(), object.name());
        let selector = format!("involvedObject.kind%3D{kind},involvedObject.name%3D{name}");
        let path = format!("/api/v1/namespaces/{namespace}/events?fieldSelector={selector}&limit=500");
        let list = match cluster.get(path).await {
            Ok(list) => list.unwrap_or_default(),
            Err(failure) if is_forbidden(&failure) => {
                note(
                    notes,
                    format!(
                        "You may not list Events in {namespace}: whether the controller tried and failed is not known."
                    ),
                );
                continue;
            }
            Err(failure) => anyhow::bail!("cannot list events: {}", failure.message),
        };
        let items = list.get("items").and_then(Value::as_array).into_iter().flatten();
        let is_about_target = |event: &&Value| {
            let other = |field: &str| event.get("related")?.get(field)?.as_str();
            object == target || (other("namespace"), other("name")) == (Some(target.namespace()), Some(target.name()))
        };
        attempts.extend(items.filter(is_about_target).filter_map(attempt));
    }
    let now = jiff::Timestamp::now().as_second();
    attempts.retain(|(_, attempt)| attempt.at.is_none_or(|at| now - at < FRESH));
    attempts.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    Ok(attempts.into_iter().map(|(_, attempt)| attempt).collect())
}

/// A failure that an Event of the controller tells, and when.
fn attempt(event: &Value) -> Option<(Option<jiff::Timestamp>, Attempt)> {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    let reporter = text("/reportingComponent")?;
    let code = text("/reason").filter(|_| reporter.contains("k8s-replicator"))?;
    let reason = Reason::ALL.iter().copied().find(|reason| reason.code() == code)?;
    let is_failure = State::at_rest(reason) == Some(State::Failing);
    let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    let at = times.iter().find_map(|path| text(path)?.parse::<jiff::Timestamp>().ok());
    let attempt = Attempt {
        reason,
        message: text("/message").unwrap_or_default().to_owned(),
        at: at.map(jiff::Timestamp::as_second),
    };
    is_failure.then_some((at, attempt))
}
