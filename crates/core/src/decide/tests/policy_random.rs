//! SPEC 11 at random: users edit objects and namespaces. After each change it is enough to decide about the targets that the graph
//! names as touched (a decision about all targets would write nothing more), and no target holds data that an object above refuses
//! to it.

use std::fmt::Write as _;

use super::fixture::key;
use super::table::{drain, settle};
use super::world::World;
use crate::names::Key;
use crate::observed::Annotated;

const OBJECTS: [&str; 11] = ["a/o", "b/m", "a/src", "c/n", "b/t", "c/t", "b/x", "a/x", "d/t", "d/src", "d/o"];

/// What a user writes on an object. Some come twice: they are more likely.
#[rustfmt::skip]
const WORDS: [&str; 34] = [
    "from=a/o", "from=a/o", "from=b/m", "from=b/m", "from=a/src", "from=c/n", "to=b/t", "to=c/t", "to=x", "to=((", "to-sel=env=prod",
    "allowed", "allowed", "allowed", "allowed=false", "allowed-ns=b", "allowed-ns=b,c", "allowed-sel=env=prod", "allowed-sel=env=prod",
    "allowed-sel=((", "keys=x", "keys=x:z", "keys=*,!x", "allowed-keys=x", "allowed-keys=y,z", "type=x/y", "labels=t*", "+team=red",
    "+team=blue", "replica-labels=a=b", "once", "once-v=1", "once-v=2", "paused",
];
const DATA: [&str; 4] = [":x~1", ":x~1,y~2", ":x~3,y~2", ":z~9"];
const NAMESPACE: [&str; 8] =
    ["", " +env=prod", " +env=dev", " paused", " accept=a", " accept=-", " accept=((", " +env=prod accept=a,b"];
/// What a user does to a replica's annotations.
#[rustfmt::skip]
const ON_REPLICAS: [(&str, Option<&str>); 9] = [
    ("had-keys", Some("y")), ("had-keys", None), ("allowed-sel", Some("((")), ("allowed-keys", Some("??")), ("had-labels", None),
    ("approved", Some("true")), ("approved", None), ("chain", Some("-")), ("from", Some("a/o")),
];

/// Xorshift: the same for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

fn edit(world: &World, dice: &mut Dice, at: &str) -> String {
    let mut line = at.to_owned();
    let mut said: Vec<&str> = Vec::new();
    for _ in 0..dice.below(5) {
        let word = dice.of(&WORDS);
        let name = word.split('=').next().unwrap();
        if !said.contains(&name) {
            said.push(name);
            write!(line, " {word}").unwrap();
        }
    }
    // What the controller wrote stays where its user applies a target again.
    if let Some(object) = world.objects.get(&key(at)).filter(|_| line.contains(" from=")) {
        for written in ["version", "origin", "chain", "had-keys"] {
            object.annotation(written).into_iter().for_each(|value| write!(line, " {written}={value}").unwrap());
        }
    }
    line + " " + dice.of(&DATA)
}

/// One change. `None`: it was not possible.
fn change(world: &mut World, dice: &mut Dice) -> Option<String> {
    match dice.below(9) {
        0 | 1 => {
            let line = format!("{}{}", dice.of(&["b", "c", "d"]), dice.of(&NAMESPACE));
            world.edit_namespace(&line);
            Some(format!("ns {line}"))
        }
        2 => {
            let at = dice.of(&OBJECTS);
            world.objects.contains_key(&key(at)).then(|| {
                world.delete(at);
                format!("delete {at}")
            })
        }
        3 => {
            let is_replica = |key: &&Key| world.objects[*key].annotation("by").is_some();
            let replicas: Vec<Key> = world.objects.keys().filter(is_replica).cloned().collect();
            let at = (!replicas.is_empty()).then(|| replicas[dice.below(replicas.len())].clone())?;
            let (alias, value) = dice.of(&ON_REPLICAS);
            world.counter += 1;
            let version = world.counter;
            let object = world.objects.get_mut(&at)?;
            object.annotate(alias, value);
            object.version = version;
            world.see(&at);
            Some(format!("annotate {at} {alias}={value:?}"))
        }
        _ => {
            let at = dice.of(&OBJECTS);
            if world.objects.get(&key(at)).is_some_and(|object| object.annotation("by").is_some()) {
                return None;
            }
            let line = edit(world, dice, at);
            world.edit(&line);
            Some(line)
        }
    }
}

/// Whether nothing is written in a namespace.
fn is_frozen(world: &World, namespace: &str) -> bool {
    let facts = world.namespaces.contains_key(namespace).then(|| world.facts_of_namespace(namespace));
    facts.is_none_or(|facts| facts.is_paused() || facts.ill_formed().is_some())
}

/// The targets that hold a copy although an existing, well-formed object above refuses their namespace.
fn held_against_refusal(world: &World) -> Vec<String> {
    let held = world.objects.iter().filter_map(|(key, object)| {
        let annotated = object.annotated(key);
        let marks = annotated.marks().filter(|marks| marks.is_target() && marks.from_version.is_some())?;
        let mut at = marks.replicate_from.clone()?;
        let follows = marks.replicated_by.as_ref().is_none_or(|creator| {
            let annotated = world.objects.get(&**creator).map(|object| object.annotated(creator));
            let marks = annotated.as_ref().and_then(Annotated::marks);
            marks.is_some_and(|marks| !marks.paused && marks.replicate_from.as_ref() == Some(&at))
        });
        if marks.paused || marks.unsure || !follows || is_frozen(world, key.namespace()) {
            return None;
        }
        let facts = world.facts_of_namespace(key.namespace());
        let (mut seen, mut refusing) = (vec![key.clone()], None);
        while !seen.contains(&at) {
            seen.push((*at).clone());
            let Some(source) = world.objects.get(&*at) else { return refusing };
            let annotated = source.annotated(&at);
            let Some(marks) = annotated.marks() else {
                return refusing.filter(|_| matches!(annotated, Annotated::Not));
            };
            let selection = marks.allowed_namespaces.as_ref();
            if marks.unsure || marks.paused {
                return None;
            }
            if marks.allowed == Some(false) || selection.is_some_and(|it| !it.names(key.namespace(), &facts)) {
                refusing = Some(format!("{key} holds a copy, and {at} refuses"));
            }
            let Some(above) = marks.replicate_from.clone() else { return refusing };
            at = above;
        }
        // A ring.
        None
    });
    held.collect()
}

#[test]
fn the_touched_targets_are_enough_and_no_target_holds_refused_data() {
    for seed in 1..=250_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let start = dice.of(&["ns b +env=prod; ns d +env=dev", "ns b; ns d +env=prod; ns c accept=b"]);
        let (mut world, mut log) = (World::new(start), vec![start.to_owned()]);
        settle(&mut world);
        for _ in 0..25 {
            log.extend(change(&mut world, &mut dice));
            if dice.below(3) == 0 {
                continue;
            }
            let drained = drain(&mut world);
            let missed = settle(&mut world);
            let held = held_against_refusal(&world);
            assert!(
                missed.is_empty() && held.is_empty(),
                "seed {seed}\n{}\ndrained: {drained:#?}\nmissed: {missed:#?}\n{held:#?}",
                log.join("\n")
            );
        }
    }
}
