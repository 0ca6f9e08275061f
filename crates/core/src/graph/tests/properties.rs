//! After any events the graph is the one that a first list would have made, and two equal runs are equal in all that is seen.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const KEYS: [&str; 8] = ["a/x", "a/y", "b/x", "b/y", "c/x", "c/y", "d/x", "d/y"];
const NAMESPACES: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Debug, Clone)]
enum Event {
    /// An object is written; true: it is another one now.
    Put(&'static str, String, bool),
    /// The same, and the watch misses it.
    Missed(&'static str, String),
    Delete(&'static str),
    MissedDelete(&'static str),
    OldNews(&'static str),
    Namespace(&'static str, bool),
    NamespaceGone(&'static str),
    Relist,
    LookUp(&'static str),
}

fn annotations() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => select(&KEYS[..]).prop_map(|key| format!("from={key}")),
        4 => select(&KEYS[..]).prop_map(|key| format!("by={key}")),
        4 => select(&["x", "y", "b/x", "x,c/y", ".*/x", "[ab]/y,d/x", ""][..]).prop_map(|to| format!("to={to}")),
        4 => select(&["b", "c,d", "[a-c]", ".*", ""][..]).prop_map(|namespaces| format!("to-ns={namespaces}")),
        1 => Just("allowed=true".to_owned()),
        1 => Just("replicate-once=x".to_owned()),
    ];
    prop::collection::vec(word, 0..3).prop_map(|mut words| {
        words.sort();
        words.dedup_by_key(|word| word.split('=').next().map(str::to_owned));
        words.join(" ")
    })
}

fn event() -> impl Strategy<Value = Event> {
    let at = || select(&KEYS[..]);
    let namespace = || select(&NAMESPACES[2..]);
    prop_oneof![
        12 => (at(), annotations(), prop::bool::weighted(0.2)).prop_map(|(at, words, new)| Event::Put(at, words, new)),
        2 => (at(), annotations()).prop_map(|(at, words)| Event::Missed(at, words)),
        4 => at().prop_map(Event::Delete),
        1 => at().prop_map(Event::MissedDelete),
        2 => at().prop_map(Event::OldNews),
        2 => (namespace(), any::<bool>()).prop_map(|(name, terminating)| Event::Namespace(name, terminating)),
        1 => namespace().prop_map(Event::NamespaceGone),
        2 => Just(Event::Relist),
        2 => at().prop_map(Event::LookUp),
    ]
}

#[derive(Default)]
struct Model {
    /// Of each object its uid, its version and its annotations.
    objects: BTreeMap<&'static str, (u32, u32, String)>,
    namespaces: BTreeMap<&'static str, bool>,
    counter: u32,
    graph: Graph,
    /// Is shown the same; only its hashes have another seed.
    twin: Graph,
    /// Since when each source has been without what, said naively.
    without: BTreeMap<(&'static str, usize), Moment>,
    /// Every event was delivered since the last list.
    in_step: bool,
}

impl Model {
    fn observed(&self, at: &str) -> Option<Observed> {
        let (uid, version, words) = self.objects.get(at)?;
        Some(object(format!("{at} #{version} u={uid} {words}").trim_end()))
    }

    /// Shows something to the graph and to its twin.
    fn show(&mut self, event: impl Fn(&mut Graph) -> Touched) -> Vec<TargetKey> {
        let touched = event(&mut self.graph);
        let of_twin = event(&mut self.twin);
        assert_eq!(touched, of_twin, "the same, in the same order");
        drop(self.twin.take_all_targets(of_twin));
        self.graph.take_all_targets(touched)
    }

    fn put(&mut self, at: &'static str, words: String, new: bool) {
        // Objects live in namespaces that exist.
        if self.namespaces.contains_key(at.split('/').next().unwrap()) {
            self.counter += 1;
            let uid = self.objects.get(at).map_or(self.counter, |(uid, ..)| if new { self.counter } else { *uid });
            self.objects.insert(at, (uid, self.counter, words));
        }
    }

    fn list(&self, graph: &mut Graph) -> Vec<TargetKey> {
        let mut touched = Touched::default();
        graph.begin_namespaces();
        for (name, terminating) in &self.namespaces {
            touched.append(graph.observe_namespace(name, NamespaceFacts::new(*terminating)));
        }
        touched.append(graph.end_namespaces());
        graph.begin_list();
        for at in self.objects.keys() {
            touched.append(graph.observe(self.observed(at).unwrap()));
        }
        touched.append(graph.end_list(&ResourceVersion::new("999999")));
        graph.take_all_targets(touched)
    }

    /// SPEC 11.1 said naively, of what the graph knows: since when each source has been without what.
    fn follow_times(&mut self, now: Moment, is_list: bool) -> Result<(), TestCaseError> {
        for at in KEYS {
            let own = key(at);
            let names_it = |other: &&&str| {
                let marks = self.graph.node(&key(other)).and_then(|node| node.marks());
                let sources =
                    marks.into_iter().flat_map(|marks| [&marks.replicate_from, &marks.replicated_by]).flatten();
                sources.into_iter().any(|source| **source == own)
            };
            let is_source = KEYS.iter().any(|other| names_it(&other));
            let is = match self.graph.presence(&own) {
                _ if !is_source => [false; 3],
                Presence::Unknown | Presence::Outside => [false; 3],
                Presence::Absent => [true, false, false],
                Presence::Present(node) => match &node.annotated {
                    Annotated::Ill(_) => [false; 3],
                    Annotated::Not => [false, true, true],
                    Annotated::Well(marks) => [false, !marks.asks_for_a_push(), !marks.says_who_may_pull()],
                },
            };
            let kinds = [Withdrawal::Object, Withdrawal::Push, Withdrawal::Consent];
            for (number, (is, what)) in is.into_iter().zip(kinds).enumerate() {
                let since = self.graph.withdrawn(&own.clone().into(), what);
                prop_assert_eq!(since, self.twin.withdrawn(&own.clone().into(), what));
                let before = self.without.get(&(at, number)).copied();
                // In the middle of a list it may have been otherwise.
                let expected = is.then(|| before.filter(|_| !is_list || since == before).unwrap_or(now));
                prop_assert_eq!(since, expected, "{} {:?}", at, what);
                match since {
                    Some(since) => self.without.insert((at, number), since),
                    None => self.without.remove(&(at, number)),
                };
            }
        }
        Ok(())
    }

    /// The sources that push to a name, said naively.
    fn pushing_to(&self, at: &str) -> Vec<SourceKey> {
        let own = key(at);
        let all = self.objects.keys().filter_map(|other| self.observed(other));
        let pushing = all.filter(|other| other.key != own).filter(|other| {
            other
                .annotated
                .marks()
                .and_then(Marks::effective_push)
                .is_some_and(|push| push.names(&own, crate::namespace::NamespaceFacts::UNKNOWN))
        });
        pushing.map(|other| other.key.into()).collect()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Put(at, words, new) => {
                self.put(at, words, new);
                if let Some(observed) = self.observed(at) {
                    self.show(|graph| graph.observe(observed.clone()));
                }
            }
            Event::Missed(at, words) => {
                self.put(at, words, false);
                self.in_step = false;
            }
            Event::Delete(at) => {
                if let Some((deleted, ..)) = self.objects.remove(at) {
                    self.show(|graph| graph.forget(&key(at), &uid(&deleted.to_string())));
                }
            }
            Event::MissedDelete(at) => {
                self.objects.remove(at);
                self.in_step = false;
            }
            Event::OldNews(at) => {
                if let Some(mut observed) = self.observed(at) {
                    observed.resource_version = ResourceVersion::new("1");
                    observed.annotated = object(&format!("{at} to-ns=.*")).annotated;
                    if self.graph.node(&key(at)).is_some() {
                        assert_eq!(self.show(|graph| graph.observe(observed.clone())), []);
                        assert_eq!(self.show(|graph| graph.forget(&key(at), &uid("another"))), []);
                    }
                }
            }
            Event::Namespace(name, terminating) => {
                self.namespaces.insert(name, terminating);
                self.show(|graph| graph.observe_namespace(name, NamespaceFacts::new(terminating)));
            }
            Event::NamespaceGone(name) => {
                let inside = |at: &&&str| at.split('/').next() == Some(name);
                let inside: Vec<&str> = self.objects.keys().filter(inside).copied().collect();
                inside.into_iter().for_each(|at| self.happen(Event::Delete(at)));
                self.namespaces.remove(name);
                self.show(|graph| graph.forget_namespace(name));
            }
            Event::Relist => {
                let (mut graph, mut twin) = (std::mem::take(&mut self.graph), std::mem::take(&mut self.twin));
                assert_eq!(self.list(&mut graph), self.list(&mut twin));
                (self.graph, self.twin) = (graph, twin);
                self.in_step = true;
            }
            Event::LookUp(at) => match self.observed(at) {
                Some(observed) => drop(self.show(|graph| graph.found(observed.clone()))),
                None => {
                    // No event overtook it: what the graph holds now is what it held when the read was sent.
                    self.show(|graph| graph.not_found(&key(at), graph.held(&key(at)).as_ref()));
                    assert!(self.graph.node(&key(at)).is_none(), "a missed deletion is found by a read");
                }
            },
        }
    }

    /// Whether some other object refers to it, said naively.
    fn is_referred_to(&self, at: &str) -> (bool, bool) {
        let own = key(at);
        let all: Vec<Observed> = self.objects.keys().filter_map(|other| self.observed(other)).collect();
        let marks = || all.iter().filter_map(|other| Some((&other.key, other.annotated.marks()?)));
        let is_source = marks().any(|(_, marks)| {
            [&marks.replicate_from, &marks.replicated_by].into_iter().flatten().any(|source| **source == own)
        });
        let pushes = |(key, marks): (&Key, &Marks)| {
            *key != own
                && marks
                    .effective_push()
                    .is_some_and(|push| push.names(&own, crate::namespace::NamespaceFacts::UNKNOWN))
        };
        (is_source, marks().any(pushes))
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let mut rebuilt = Graph::default();
        self.list(&mut rebuilt);
        let graph = &self.graph;
        let mut targets = Vec::new();
        let mut kept = 0;
        for at in KEYS {
            let observed = self.observed(at);
            let (is_source, is_pushed) = self.is_referred_to(at);
            let annotated = observed.as_ref().is_some_and(|observed| observed.annotated != Annotated::Not);
            if observed.as_ref().and_then(|observed| observed.annotated.marks()).is_some_and(Marks::is_target) {
                targets.push(at);
            }
            for graph in [graph, &rebuilt] {
                match graph.presence(&key(at)) {
                    Presence::Present(node) => {
                        let observed = observed.as_ref().unwrap();
                        prop_assert_eq!(
                            (&node.uid, &node.resource_version),
                            (&observed.uid, &observed.resource_version)
                        );
                        prop_assert_eq!(&node.annotated, &observed.annotated);
                        prop_assert!(annotated || is_source || is_pushed, "{} is kept for nothing", at);
                    }
                    Presence::Absent => prop_assert!(observed.is_none() && is_source, "{} is not absent", at),
                    Presence::Unknown => prop_assert!(!annotated, "{} is lost", at),
                    Presence::Outside => prop_assert!(false, "{} is in the cluster", at),
                }
            }
            kept += usize::from(graph.node(&key(at)).is_some());
            let target = key(at);
            let pushing = |graph: &Graph| graph.pushing_to(&target).map(|(key, _)| key.clone()).collect::<Vec<_>>();
            for graph in [graph, &rebuilt] {
                prop_assert_eq!(pushing(graph), self.pushing_to(at));
            }
        }
        prop_assert_eq!(graph.len(), kept);
        prop_assert_eq!(existing_targets(graph), targets.join(" "));
        let plain =
            graph.nodes.iter().filter(|(_, node)| matches!(node.annotated, Annotated::Not)).map(|(key, _)| key.clone());
        prop_assert_eq!(&graph.plain, &plain.collect());
        let all = |graph: &Graph| {
            let is_plain = |key: &Key| graph.node(key).is_some_and(|node| node.annotated == Annotated::Not);
            let mut all: Vec<TargetKey> = graph.all_targets();
            all.retain(|target| !is_plain(target) || self.is_referred_to(target.as_str()).1);
            all.into_iter().collect::<BTreeSet<_>>()
        };
        prop_assert_eq!(all(graph), all(&rebuilt));
        let nowhere = graph.waiting_for_a_namespace();
        prop_assert!(nowhere.iter().all(|target| graph.namespace(target.namespace()).is_none()));
        let asked_for: BTreeSet<_> = graph.all_targets().into_iter().chain(nowhere).collect();
        prop_assert_eq!(asked_for, graph.all_asked_for().into_iter().collect::<BTreeSet<_>>());
        for (name, terminating) in &self.namespaces {
            prop_assert_eq!(graph.namespace(name).map(|facts| facts.terminating), Some(*terminating));
        }
        Ok(())
    }
}

/// About a second by default; more with `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: cases.unwrap_or(300), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_graph_is_the_one_that_a_first_list_would_make(events in prop::collection::vec(event(), 0..40), late in 0..10usize) {
        let mut model = Model { in_step: true, counter: 10, ..Model::default() };
        for name in ["a", "b", "d"] {
            model.happen(Event::Namespace(name, false));
        }
        for (number, event) in events.into_iter().enumerate() {
            let now = Moment::from_secs(number as u64 + 1);
            model.graph.set_time(now);
            model.twin.set_time(now);
            // The first list comes early or late.
            if number == late {
                model.happen(Event::Relist);
            }
            let is_list = matches!(event, Event::Relist);
            model.happen(event);
            model.follow_times(now, is_list || number == late)?;
            if model.in_step && model.graph.full_view().is_some() {
                model.compare()?;
            }
        }
        model.happen(Event::Relist);
        model.compare()?;
    }
}
