//! One step of deciding as one line of text, and tables of such steps.
//!
//! ```text
//! nothing UpToDate a/src
//! refuse SourceIllFormed a/src (what exactly) ← ?a/src          its presence had to be looked up
//! create NewTarget a/src {by=a/src version=7} Opaque one ← a/src   its content had to be read
//! update SourceChanged a/src +version=8 -origin data=two as Opaque
//! delete SourceMissing a/src
//! wait RemovalDelayed a/src (what exactly) until 5s
//! ```
//! Of a create: all annotations, the type and the data; of an update: what changes. `replicated-at`, labels and
//! preconditions are the same in every row, and are asserted by [`step`].

use std::collections::BTreeMap;

use super::super::*;
use super::fixture::{PAIRS, alias, target};
use super::world::{End, Failure, NOW, World};
use crate::action::{Action, MetadataChange, Precondition};
use crate::annotations::Annotation;
use crate::carried::{Carried, Map};
use crate::payload::Payload;

/// A row's name, its world, the target, and the expected outcome.
pub(super) type Row<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Compares every row, and checks that after its write was carried out deciding again writes nothing.
pub(super) fn check(rows: &[Row<'_>]) {
    let mut wrong = Vec::new();
    for (name, world, at, expected) in rows {
        let mut world = World::new(world);
        let (found, action) = step(&mut world, at);
        if found != *expected {
            wrong.push(format!("{name}\n  expected: {expected}\n  found:    {found}"));
            continue;
        }
        let Some(action) = action else { continue };
        if world.apply(&action) == Err(Failure::Invalid) {
            continue;
        }
        let again = match step(&mut world, at) {
            // What is adopted is then decided about as any other.
            again if matches!(action, Action::Adopt(_)) => {
                again.1.iter().for_each(|next| assert_eq!(world.apply(next), Ok(()), "{name}"));
                step(&mut world, at)
            }
            (create, Some(create_action @ Action::Create(_))) if matches!(action, Action::Delete(_)) => {
                assert_eq!(world.apply(&create_action), Ok(()), "{name}: {create}");
                step(&mut world, at)
            }
            again => again,
        };
        if let (again, Some(_)) = again {
            wrong.push(format!("{name}\n  deciding again does more: {again}"));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

/// Decides about a target; returns the whole outcome as text, and the action.
pub(super) fn step(world: &mut World, at: &str) -> (String, Option<Action>) {
    let at = target(at);
    let (end, reads) = world.look(&at);
    let (mut line, action) = match end {
        End::Nothing(verdict) => (why("nothing", &verdict), None),
        End::Refuse(verdict) => (why("refuse", &verdict), None),
        End::Wait(verdict, until) => (format!("{} until {until:?}", why("wait", &verdict)), None),
        End::Act(verb, verdict, action) => {
            assert_eq!(*action.target(), at);
            (format!("{}{}", why(verb.word(), &verdict), what(world, &action)), Some(action))
        }
    };
    let reads: Vec<String> = reads
        .iter()
        .map(|need| match need {
            Need::Presence(key) => format!("?{key}"),
            Need::Content(key) => key.to_string(),
            Need::Portion(key, _) => format!("{key}:keys"),
        })
        .collect();
    if !reads.is_empty() {
        line += &format!(" ← {}", reads.join(" "));
    }
    (line, action)
}

/// As [`step`], and carries out the write.
pub(super) fn act(world: &mut World, at: &str) -> String {
    let (line, action) = step(world, at);
    match action.map(|action| world.apply(&action)) {
        None | Some(Ok(())) => line,
        Some(Err(failure)) => format!("{line} ✗ {failure:?}"),
    }
}

fn why(word: &str, verdict: &Verdict) -> String {
    let source = verdict.source.as_ref().map_or(String::new(), |source| format!(" {source}"));
    let detail = verdict.detail.as_ref().map_or(String::new(), |detail| format!(" ({detail})"));
    format!("{word} {}{source}{detail}", verdict.reason)
}

fn what(world: &World, action: &Action) -> String {
    let same = |precondition: &Precondition| {
        let node = world.graph.node(action.target()).unwrap();
        assert_eq!((&node.uid, &node.resource_version), (&precondition.uid, &precondition.resource_version));
    };
    match action {
        Action::Create(create) => {
            assert_eq!(*create.labels(), world.rules.create_with_labels);
            let annotations: Vec<String> = all_but_at(create.annotations()).collect();
            let type_ = create.type_().map_or(String::new(), |type_| format!(" {type_}"));
            let data = data(world, create.type_().map(|type_| &**type_), create.payload());
            let Carried { labels, annotations: others } = create.carried();
            let carried = ["label", "note"].into_iter().zip([labels, others]).map(|(word, map)| set(word, map));
            format!(" {{{}}}{type_} {data}{}", annotations.join(" "), carried.collect::<String>())
        }
        Action::Update(update) => {
            same(update.precondition());
            let mut text = String::new();
            all_but_at(&update.annotations().set).for_each(|set| text += &format!(" +{set}"));
            update.annotations().remove.iter().for_each(|removed| text += &format!(" -{}", alias(*removed)));
            let MetadataChange { labels, annotations, .. } = update.metadata();
            for (word, change) in [("label", labels), ("note", annotations)] {
                text += &set(word, &change.set);
                change.remove.iter().for_each(|key| text += &format!(" {word}-{key}"));
            }
            if let Some(new) = update.data() {
                text += &format!(" data={}", data(world, new.expected_type.as_deref(), &new.payload));
                new.expected_type.iter().for_each(|type_| text += &format!(" as {type_}"));
            }
            text
        }
        Action::Adopt(adopt) => {
            same(adopt.precondition());
            format!(" by={}", adopt.creator())
        }
        Action::Delete(delete) => {
            same(delete.precondition());
            String::new()
        }
    }
}

fn set(word: &str, map: &Map) -> String {
    map.iter().map(|(key, value)| format!(" {word}+{key}={value}")).collect()
}

fn all_but_at(annotations: &BTreeMap<Annotation, Arc<str>>) -> impl Iterator<Item = String> {
    assert_eq!(annotations.get(&Annotation::ReplicatedAt).map(|at| &**at), Some(NOW));
    let others = annotations.iter().filter(|(annotation, _)| **annotation != Annotation::ReplicatedAt);
    others.map(|(annotation, text)| format!("{}={text}", alias(*annotation)))
}

/// Data in the words of the fixtures; cleared data is `-` or `minimal`.
pub(super) fn data(world: &World, type_: Option<&str>, payload: &Payload) -> String {
    if world.kind.is_cleared(type_, payload) {
        return if payload.is_empty() { "-" } else { "minimal" }.to_owned();
    }
    if let Some((name, ..)) = PAIRS.iter().find(|(name, ..)| world.payload(type_, name) == *payload) {
        return (*name).to_owned();
    }
    let fields = payload.fields().map(|field| {
        let map: BTreeMap<String, String> = serde_json::from_str(field.unwrap_or("{}")).unwrap();
        if map.keys().all(|key| key == "v") || is_typed(type_) {
            return map.into_values().next().unwrap_or_default();
        }
        map.into_iter().map(|(key, value)| format!("{key}~{value}")).collect::<Vec<_>>().join(",")
    });
    let fields: Vec<String> = fields.collect();
    fields.join("+").trim_end_matches('+').to_owned()
}

/// Whether the data's keys are those of its type.
fn is_typed(type_: Option<&str>) -> bool {
    type_.is_some_and(|type_| type_.starts_with("kubernetes.io/"))
}

/// Decides about all targets again and again until nothing is written any more; returns every step that wrote.
pub(super) fn settle(world: &mut World) -> Vec<String> {
    let mut steps = Vec::new();
    for _ in 0..30 {
        let before = world.writes;
        let mut targets = world.graph.all_targets();
        targets.sort();
        targets.dedup();
        for at in targets {
            let writes = world.writes;
            let line = act(world, at.as_str());
            if world.writes > writes {
                steps.push(format!("{at}: {line}"));
            }
        }
        if world.writes == before {
            world.queue.clear();
            return steps;
        }
    }
    panic!("it never settles:\n{}", steps.join("\n"));
}

/// Decides about the targets that the graph names as touched, until there are none; returns every step that wrote.
pub(super) fn drain(world: &mut World) -> Vec<String> {
    let mut steps = Vec::new();
    for _ in 0..1000 {
        let Some(at) = world.queue.pop_first() else { return steps };
        let writes = world.writes;
        let line = act(world, at.as_str());
        if world.writes > writes {
            steps.push(format!("{at}: {line}"));
        } else if line.ends_with("Conflict") || line.ends_with("Exists") {
            world.queue.insert(at);
        }
    }
    panic!("it never ends:\n{}", steps.join("\n"));
}
