//! Random small worlds with random changes and a slow watch, whose targets are decided about in random order: they settle as the
//! [`oracle`](super::oracle) says, and no write happens that must not.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::super::*;
use super::fixture::key;
use super::oracle::{complaints, consents};
use super::table::{act, settle, step};
use super::world::{End, NOT_TEXT, World};
use crate::action::Action;
use crate::annotations::RemovalDelay;
use crate::graph::{Presence, Touched, Withdrawal};
use crate::managers::Owners;
use crate::namespace::NamespaceFacts;
use crate::observed::ResourceVersion;

const KEYS: [&str; 7] = ["a/x", "a/y", "b/x", "b/y", "c/x", "c/y", "d/x"];

/// One change of the world.
#[derive(Debug, Clone)]
enum Change {
    /// Another object, or another state of the same one.
    Put(&'static str, Vec<String>),
    Annotate(&'static str, String),
    Strip(&'static str, &'static str),
    Fill(&'static str, &'static str),
    Delete(&'static str),
    Namespace(&'static str, Option<bool>),
}

/// How the controller learns of changes.
#[derive(Debug, Clone)]
enum Episode {
    Watched(Vec<Change>),
    /// The watch misses these changes; the next list shows them.
    Missed(Vec<Change>),
    /// The controller is stopped during these changes; at its start the first lists show them, and all is verified.
    Down(Vec<Change>),
}

fn reference() -> impl Strategy<Value = String> {
    let usual = select(&KEYS[..]).prop_map(str::to_owned);
    let odd = select(&["x", "y", "", "A", "b/x/y", "gone/z"][..]).prop_map(str::to_owned);
    prop_oneof![12 => usual, 1 => odd]
}

fn annotation() -> impl Strategy<Value = String> {
    let list = select(&["", "a", "b", "a,b", "b,c", "[bc]", "[a-c],d", ".*", "-", "(", "a,(("][..]);
    let push = prop_oneof![
        8 => select(&["x", "y", "x,y", "b/x", "c/y,x", "[ab]/y", ".*/x", ""][..]),
        1 => select(&["X", "a/b/c", "(/x"][..]),
    ];
    let boolean = prop_oneof![6 => Just("true"), 4 => Just("false"), 1 => Just("maybe")];
    prop_oneof![
        6 => reference().prop_map(|text| format!("from={text}")),
        3 => push.prop_map(|text| format!("to={text}")),
        3 => list.clone().prop_map(|text| format!("to-ns={text}")),
        2 => boolean.clone().prop_map(|text| format!("once={text}")),
        2 => select(&["1", "2", ""][..]).prop_map(|text| format!("once-v={text}")),
        6 => boolean.prop_map(|text| format!("allowed={text}")),
        2 => list.clone().prop_map(|text| format!("allowed-ns={text}")),
        2 => reference().prop_map(|text| format!("by={text}")),
        1 => select(&["3", "5"][..]).prop_map(|text| format!("version={text}")),
        1 => reference().prop_map(|text| format!("origin={text}")),
        1 => list.prop_map(|text| format!("chain={text}")),
        2 => select(&["0", "7s", "never", "soon"][..]).prop_map(|text| format!("delay={text}")),
        1 => Just("typo=x".to_owned()),
        1 => select(&ALIASES[..]).prop_map(|alias| format!("{alias}={NOT_TEXT}")),
    ]
}

const ALIASES: [&str; 12] =
    ["from", "to", "to-ns", "once", "once-v", "allowed", "allowed-ns", "by", "version", "origin", "chain", "delay"];
const DATA: [&str; 4] = ["", ":one", ":two", ":three"];

fn words() -> impl Strategy<Value = Vec<String>> {
    let rare = |word: &str| prop_oneof![12 => Just(String::new()), 1 => Just(word.to_owned())];
    let type_ = prop_oneof![12 => Just(""), 2 => Just("type:x/y"), 1 => Just("type:token")].prop_map(str::to_owned);
    let by = select(&["", "", "by-us", "by-shared", "by-others", "by-others"][..]).prop_map(str::to_owned);
    let plain = (type_, rare("immutable"), rare("deleting"), rare("new"), (0..4).prop_map(|age| format!("@{age}")), by);
    let plain = plain.prop_map(|(a, b, c, d, e, f)| vec![a, b, c, d, e, f]);
    (prop::collection::vec(annotation(), 0..4), plain, select(&DATA[..])).prop_map(|(mut words, plain, data)| {
        words.extend(plain);
        words.push(data.to_owned());
        words.retain(|word| !word.is_empty());
        words
    })
}

fn change() -> impl Strategy<Value = Change> {
    let at = || select(&KEYS[..]);
    prop_oneof![
        4 => (at(), words()).prop_map(|(at, words)| Change::Put(at, words)),
        6 => (at(), annotation()).prop_map(|(at, word)| Change::Annotate(at, word)),
        3 => (at(), select(&ALIASES[..])).prop_map(|(at, alias)| Change::Strip(at, alias)),
        3 => (at(), select(&DATA[..])).prop_map(|(at, data)| Change::Fill(at, data)),
        3 => at().prop_map(Change::Delete),
        1 => (select(&["b", "d"][..]), prop::option::of(any::<bool>())).prop_map(|(name, state)| Change::Namespace(name, state)),
    ]
}

fn episodes() -> impl Strategy<Value = Vec<Episode>> {
    let changes = || prop::collection::vec(change(), 1..4);
    let episode = prop_oneof![
        4 => changes().prop_map(Episode::Watched),
        1 => changes().prop_map(Episode::Missed),
        1 => changes().prop_map(Episode::Down),
    ];
    prop::collection::vec(episode, 0..5)
}

/// Immutable objects get data that no other object has, so that the API server notices whether a write changes it.
fn line(name: &str, words: &[String]) -> String {
    let mut words = words.join(" ");
    if words.contains("immutable") {
        words += &format!(" :{}", name.replace('/', "-"));
    }
    format!("{name} {words}")
}

fn world() -> impl Strategy<Value = String> {
    let objects = prop::collection::btree_map(select(&KEYS[..]), words(), 1..7);
    let delay = select(&["0", "0", "5s"][..]);
    (objects, any::<bool>(), prop::bool::weighted(0.2), delay).prop_map(|(objects, allow_all, configmaps, delay)| {
        let mut lines: Vec<String> = objects.iter().map(|(name, words)| line(name, words)).collect();
        if configmaps {
            lines.iter_mut().for_each(|line| *line = line.replace("type:token", "").replace("type:x/y", ""));
            lines.insert(0, "configmaps".to_owned());
        }
        if allow_all {
            lines.insert(0, "allow-all".to_owned());
        }
        lines.insert(0, format!("removal-delay {delay}"));
        lines.push("d/z :own".to_owned());
        lines.join("; ")
    })
}

/// Small numbers, made from one seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

impl World {
    /// Carries out a change; the watch has an event for it.
    fn change(&mut self, change: &Change) {
        match change {
            Change::Put(name, words) => {
                let mut line = line(name, words);
                if !self.kind.is_typed() {
                    line = line.replace("type:token", "").replace("type:x/y", "");
                }
                // The type of an object never changes: another type is another object.
                let remade = if line.contains("type:") || self.type_of(name) != Some("Opaque") { "new" } else { "" };
                if self.namespaces.contains_key(key(name).namespace()) {
                    self.edit(&format!("{line} {remade}"));
                }
            }
            Change::Annotate(name, word) => {
                let (alias, value) = word.split_once('=').unwrap();
                self.touch(name, |object| {
                    if alias == "by" && object.annotation("by") != Some(value) {
                        object.managers.replicated_by = Owners::Others;
                    }
                    object.annotate(alias, Some(value));
                });
            }
            Change::Strip(name, alias) => self.touch(name, |object| object.annotate(alias, None)),
            Change::Fill(name, data) => {
                let payload = self.payload(None, data.trim_start_matches(':'));
                self.touch(name, |object| {
                    if !object.immutable {
                        object.payload = payload;
                        object.managers.data = Owners::Others;
                    }
                });
            }
            Change::Delete(name) => {
                if self.objects.contains_key(&key(name)) {
                    self.delete(name);
                }
            }
            Change::Namespace(name, Some(terminating)) => {
                self.namespaces.insert((*name).to_owned(), *terminating);
                let touched = self.graph.observe_namespace(name, NamespaceFacts::new(*terminating));
                self.look_at(touched);
            }
            Change::Namespace(name, None) => {
                let inside: Vec<Key> = self.objects.keys().filter(|key| key.namespace() == *name).cloned().collect();
                inside.iter().for_each(|key| self.delete(key.as_str()));
                self.namespaces.remove(*name);
                self.graph.forget_namespace(name);
            }
        }
    }

    fn type_of(&self, name: &str) -> Option<&str> {
        self.objects.get(&key(name)).and_then(|object| object.type_.as_deref())
    }

    fn touch(&mut self, name: &str, change: impl FnOnce(&mut super::world::Object)) {
        let key = key(name);
        let Some(object) = self.objects.get_mut(&key) else { return };
        change(object);
        self.counter += 1;
        object.version = self.counter;
        self.see(&key);
    }

    /// The watch breaks and begins with a list.
    fn relist(&mut self) {
        self.pending.clear();
        self.graph.begin_namespaces();
        let mut touched = Touched::default();
        for (name, terminating) in &self.namespaces {
            touched.append(self.graph.observe_namespace(name, NamespaceFacts::new(*terminating)));
        }
        touched.append(self.graph.end_namespaces());
        self.graph.begin_list();
        for (key, object) in &self.objects {
            touched.append(self.graph.observe(object.observed(key)));
        }
        touched.append(self.graph.end_list(&ResourceVersion::new("999999")));
        self.look_at(touched);
    }

    /// Decides about all touched targets, in random order, with watch events in between, and checks every write.
    fn run(&mut self, dice: &mut Dice) {
        let mut refused: BTreeMap<TargetKey, usize> = BTreeMap::new();
        let mut waiting: BTreeMap<TargetKey, Moment> = BTreeMap::new();
        for _ in 0..2000 {
            if !self.pending.is_empty() && (self.queue.is_empty() || dice.roll(3) == 0) {
                self.deliver_next();
                continue;
            }
            let Some(at) = self.queue.iter().nth(dice.roll(self.queue.len().max(1))).cloned() else {
                // Nothing is left to do now: time passes until the next target that waits is due.
                let Some(next) = waiting.iter().min_by_key(|(_, until)| **until).map(|(at, _)| at.clone()) else {
                    return;
                };
                let until = waiting.remove(&next).unwrap();
                self.pass(until.saturating_sub(self.now));
                self.queue.insert(next);
                continue;
            };
            self.queue.remove(&at);
            waiting.remove(&at);
            let (end, _) = self.look(&at);
            if let End::Wait(_, until) = end {
                assert!(until > self.now, "{at} waits for what has passed");
                waiting.insert(at, until);
                continue;
            }
            let End::Act(verb, verdict, action) = end else { continue };
            self.may(&at, &verdict, &action);
            self.may_be_removed_now(&at, &verdict, &action);
            match self.apply(&action) {
                Ok(()) => self.is_the_last_word(&at, verb),
                // It is decided about again at once; if the write fails again, it waits (the controller: longer and longer).
                Err(_) => {
                    let failures = refused.entry(at.clone()).or_default();
                    *failures += 1;
                    if *failures < 10 {
                        self.queue.insert(at);
                    }
                }
            }
        }
        panic!("it never ends");
    }

    /// Checks that a write is allowed, by the graph's state.
    fn may(&self, at: &TargetKey, verdict: &Verdict, action: &Action) {
        let node = self.graph.node(at);
        assert_eq!(node.is_none(), matches!(action, Action::Create(_)));
        let marks = node.map(|node| node.marks().unwrap());
        let is_target = marks.is_none_or(|marks| marks.replicated_by.is_some() || marks.replicate_from.is_some());
        assert!(is_target, "{at} is no target: {action:?}");
        let protected = |key: &Key| {
            let object =
                self.objects.get(key).filter(|object| self.graph.node(key).is_some_and(|n| n.uid == object.uid()));
            object.and_then(|object| object.type_.as_deref()).is_some_and(|type_| self.kind.is_protected(type_))
        };
        assert!(!protected(at) || matches!(action, Action::Create(_)) || self.apply_fails(action), "{at} is protected");
        let copied = match action {
            Action::Create(create) => Some(create.payload()),
            Action::Update(update) => update.data().map(|data| &data.payload),
            Action::Adopt(_) | Action::Delete(_) => None,
        };
        let Some(source) = verdict.source.as_ref().filter(|_| copied.is_some_and(|payload| !payload.is_empty())) else {
            return;
        };
        let annotated = self.graph.node(source).map(|node| &node.annotated);
        assert!(!matches!(annotated, Some(Annotated::Ill(_))), "{at} gets an ill-formed object's data");
        let pushes = annotated
            .and_then(Annotated::marks)
            .and_then(Marks::effective_push)
            .is_some_and(|push| push.names(at, crate::namespace::NamespaceFacts::UNKNOWN));
        let from = annotated.and_then(Annotated::marks).and_then(|marks| marks.replicate_from.as_ref());
        let from = if pushes { from } else { Some(source) };
        let Some(from) = from else { return };
        let other = self.graph.node(from).map(|node| node.annotated.marks());
        let consent = other.is_some_and(|other| consents(other, at.namespace(), self.rules.allow_all));
        assert!(consent, "{at} gets what {from} withholds: {action:?}");
    }

    /// Whether the API server refuses a write since the expected type is wrong.
    fn apply_fails(&self, action: &Action) -> bool {
        let Action::Update(update) = action else { return false };
        let type_ = self.objects.get(action.target()).and_then(|object| object.type_.as_ref());
        update.data().is_some_and(|data| data.expected_type.as_ref() != type_)
    }

    /// SPEC 3.1: what others made is not deleted. SPEC 11.1: nothing is taken away before its time. SPEC 9.16: what is being
    /// deleted is emptied, and nothing else.
    fn may_be_removed_now(&self, at: &TargetKey, verdict: &Verdict, action: &Action) {
        let Some(node) = self.graph.node(at) else { return };
        let clears =
            matches!(action, Action::Update(update) if update.annotations().set.len() == 1 && update.data().is_some());
        assert!(!node.deleting || clears, "{at} is being deleted: {action:?}");
        let deletes = matches!(action, Action::Delete(_));
        let by_others = node.managers.replicated_by == Owners::Others;
        assert!(!by_others || !deletes, "others made {at}: {action:?}");
        let marks = node.marks().unwrap();
        let source = verdict.source.as_ref().unwrap();
        let source_marks = self.graph.node(source).and_then(Node::marks);
        let what = match (verdict.reason, self.graph.presence(source)) {
            (Reason::SourceMissing, Presence::Absent) => Withdrawal::Object,
            (Reason::SourceStoppedPushing, _) if source_marks.is_none_or(|marks| !marks.asks_for_a_push()) => {
                Withdrawal::Push
            }
            (Reason::ConsentMissing, _) => Withdrawal::Consent,
            _ => return,
        };
        // What a combined replica holds no copy of is not worth waiting for.
        let combined = marks.replicated_by.is_some() && what != Withdrawal::Push && !deletes;
        if combined || marks.from_version.is_none() && !deletes {
            return;
        }
        let own = marks.removal_delay;
        let theirs = source_marks.and_then(|marks| marks.removal_delay);
        let said = if marks.replicated_by.is_some() { theirs.or(own) } else { own.or(theirs) };
        let delay = match said.unwrap_or(RemovalDelay::After(self.rules.removal_delay)) {
            RemovalDelay::Never => panic!("{at} is to be kept: {action:?}"),
            RemovalDelay::After(delay) => delay,
        };
        let since = self.graph.withdrawn(source, what).unwrap();
        assert!(since + delay <= self.now, "{at} is not due: {action:?}");
    }

    /// After a write there is nothing left to do for its target, as long as nothing else happens.
    fn is_the_last_word(&mut self, at: &TargetKey, verb: Verb) {
        let (end, _) = self.look(at);
        let End::Act(again, verdict, _) = end else { return };
        // What is adopted is then decided about as any other.
        let made_again = verb == Verb::Adopt || matches!(verb, Verb::Delete | Verb::Recreate) && again == Verb::Create;
        let has_events = !self.pending.is_empty();
        // A target that pulls from itself is its own source, and was changed by the write.
        let of_itself = self.graph.node(at).and_then(Node::marks).and_then(|marks| marks.replicate_from.as_ref());
        let of_itself = of_itself.is_some_and(|from| **from == **at);
        assert!(made_again || has_events || of_itself, "{at}: after {verb:?} comes {again:?} because of {verdict:?}");
    }

    fn at_rest(&mut self, what: &str) {
        assert_eq!(settle(self), [""; 0], "{what}: something was not touched");
        assert_eq!(complaints(self), [""; 0], "{what}");
    }
}

/// A second or two by default; more with `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: cases.unwrap_or(400), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_world_settles_as_the_contract_says(text in world(), episodes in episodes(), seed: u64, is_slow: bool) {
        let mut dice = Dice(seed);
        let mut world = World::new(&text);
        world.is_slow = is_slow;
        world.run(&mut dice);
        world.at_rest("at first");
        for episode in &episodes {
            let (Episode::Watched(changes) | Episode::Missed(changes) | Episode::Down(changes)) = episode;
            match episode {
                Episode::Watched(_) => {
                    for change in changes {
                        world.change(change);
                        if dice.roll(2) == 0 {
                            world.run(&mut dice);
                        }
                    }
                }
                Episode::Missed(_) => {
                    world.is_slow = true;
                    changes.iter().for_each(|change| world.change(change));
                    world.relist();
                    world.is_slow = is_slow;
                }
                Episode::Down(_) => {
                    changes.iter().for_each(|change| world.change(change));
                    world.restart();
                    world.run(&mut dice);
                    let targets = world.graph.all_targets();
                    targets.iter().for_each(|at| world.graph.suspect(at));
                    world.queue.extend(targets);
                }
            }
            world.run(&mut dice);
            world.at_rest(&format!("after {episode:?}"));
        }
        let writes = world.writes;
        world.restart();
        world.run(&mut dice);
        world.at_rest("after a restart");
        for at in world.graph.all_targets() {
            world.graph.suspect(&at);
        }
        world.at_rest("verified");
        prop_assert_eq!(world.writes, writes, "a restart with nothing to do writes nothing");
    }

    #[test]
    fn deciding_is_deterministic(text in world()) {
        let mut world = World::new(&text);
        for at in world.graph.all_targets() {
            let twice = [(); 2].map(|()| format!("{:?}", decide(&world.graph, world.kind, &world.rules, &at)));
            prop_assert_eq!(&twice[0], &twice[1]);
            let twice = [(); 2].map(|()| step(&mut World::new(&text), at.as_str()).0);
            prop_assert_eq!(&twice[0], &twice[1]);
            act(&mut world, at.as_str());
        }
    }
}
