//! Looks for annotations whose events take longest: random mixtures of all kinds of items in all annotations, the worst of which are
//! changed a little, again and again. The same numbers make the same mixtures; which of them are the worst depends on the clock.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use k8s_replicator_core::graph::Graph;

use crate::texts::{Annotations, LARGEST, name, namespace};
use crate::{Times, looked_at_twice, measure, show};

/// How many of the worst are kept, to be changed.
const KEPT: usize = KNOWN.len();

/// Random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// What an item of a list is, made of its number, and of a number of letters.
type Item = (&'static str, fn(usize, usize) -> String);

/// Letters that have nothing to do with those of the number before.
fn spread(n: usize, letters: usize) -> String {
    namespace(n + 1_000_000).chars().take(letters.max(1)).collect()
}

/// A name that begins as all others where it is long.
fn count(n: usize, letters: usize) -> String {
    "z".repeat(letters.min(63).saturating_sub(8)) + &name(n, letters.clamp(1, 8) as u32)
}

/// The beginning of an existing namespace.
fn beginning(n: usize, letters: usize) -> String {
    namespace(n % crate::NAMESPACES).chars().take(letters).collect()
}

const ITEMS: [Item; 31] = [
    ("name", count),
    ("random name", spread),
    ("namespace", |n, _| namespace(n % crate::NAMESPACES)),
    ("almost a namespace", |n, letters| beginning(n, letters.max(1)) + "0"),
    ("prefix", |n, letters| count(n, letters) + ".*"),
    ("random prefix", |n, letters| spread(n, letters) + ".*"),
    ("beginning of a namespace", |n, letters| beginning(n, letters) + ".*"),
    ("almost the beginning of a namespace", |n, letters| beginning(n, letters) + "0.*"),
    ("prefix of any length", |n, letters| "n".repeat(n % letters.max(1)) + &name(n, 3) + ".*"),
    ("everything", |_, _| ".*".to_owned()),
    ("pattern to the end", |n, _| format!(".*[0-9a-m].[n-z0-4]{}-[a-z]", name(n, 2))),
    ("everything, as a pattern", |n, _| format!("[a-z0-9].*|{}", name(n, 2))),
    ("most namespaces", |n, letters| {
        let last = char::from(b'q' + (letters % 10) as u8);
        format!("[0-9a-{last}].*(?:{}.?)?", name(n, 2))
    }),
    ("suffix", |n, letters| format!(".*-{}", count(n, letters))),
    ("infix", |n, letters| format!(".*{}.*", count(n, letters.min(8)))),
    ("two endings", |n, letters| format!("{}-(dev|prod)", count(n, letters))),
    ("one letter more", |n, letters| format!("{}?", count(n, letters))),
    ("classes", |n, letters| format!("{}[a-c][0-9x-z]*", count(n, letters))),
    ("growing", |n, letters| format!(".*a.{{{}}}{}", letters % 8, name(n, 1))),
    ("repetition", |n, letters| format!("(?:[a-z0-9-?]){{{letters}}}_{}", name(n, 1))),
    ("names in a pattern", |n, letters| {
        format!("({})", (0..letters).map(|m| name(n * 977 + m * 31, 6)).collect::<Vec<_>>().join("|"))
    }),
    ("illegal name", |n, letters| count(n, letters) + "."),
    ("illegal prefix", |n, letters| format!("-{}.*", count(n, letters))),
    ("upper case", |n, letters| count(n, letters).to_uppercase()),
    ("not ASCII", |n, letters| "é<".repeat(letters % 8) + &name(n, 2)),
    ("empty", |_, letters| " ".repeat(letters % 3)),
    ("the same", |_, letters| format!("a[{}]", "b".repeat(letters % 16 + 1))),
    ("glob", |n, letters| format!("*{}*{}*", name(n, 2), count(n, letters))),
    ("new name", |n, letters| format!("{}:{}", count(n, letters), count(n + 20_000, letters))),
    ("label", |n, letters| format!("{}={}", count(n, letters), spread(n, letters))),
    ("label of others", |n, letters| format!("example.com/{}={}", count(n, letters), name(n, 2))),
];

/// What follows an item.
const AFTER: [&str; 5] = ["", "", "", "/b", "/"];

const ANNOTATIONS: [&str; 19] = [
    "replicate-to",
    "replicate-to",
    "replicate-to-namespaces",
    "replicate-to-namespaces",
    "replicate-to-namespaces",
    "replication-allowed-namespaces",
    "replication-allowed-namespaces",
    "replicated-from-allowed",
    "replicate-to-namespace-selector",
    "replication-allowed-namespace-selector",
    "replicate-keys",
    "replicate-labels",
    "replication-allowed-keys",
    "replicate-annotations",
    "replica-labels",
    "replicated-keys",
    "replicated-labels",
    "replicated-annotations",
    crate::OF_NAMESPACES,
];

/// Some items of one annotation.
#[derive(Debug, Clone, Copy)]
struct Piece {
    annotation: &'static str,
    item: usize,
    excepts: bool,
    after: &'static str,
    letters: usize,
    items: usize,
    first: usize,
}

impl Piece {
    fn any(random: &mut Random) -> Self {
        Self {
            annotation: random.of(&ANNOTATIONS),
            item: random.below(ITEMS.len()),
            excepts: random.below(5) == 0,
            after: random.of(&AFTER),
            letters: random.of(&[1, 2, 3, 4, 6, 8, 12, 16, 24, 31, 40, 55, 62, 63]),
            items: random.of(&[1, 1, 2, 4, 4, 8, 15, 16, 31, 500, 2_000, 3_900, 4_090, 8_190, 16_380]),
            first: random.below(3) * 1_000,
        }
    }

    /// With one thing changed.
    fn change(&mut self, random: &mut Random) {
        let other = Self::any(random);
        match random.below(8) {
            0 => self.annotation = other.annotation,
            1 => self.item = other.item,
            2 => self.excepts = other.excepts,
            3 => self.after = other.after,
            4 => self.letters = other.letters,
            5 => self.items = other.items,
            6 => self.items = self.items * (50 + random.below(100)) / 100 + 1,
            _ => self.letters = (self.letters + random.below(9)).saturating_sub(4),
        }
    }

    fn selects(&self) -> bool {
        self.annotation.ends_with("selector")
    }

    fn item(&self, number: usize) -> String {
        let exception = if self.excepts { "!" } else { "" };
        if self.selects() {
            let key = if self.excepts { "label" } else { "kubernetes.io/metadata.name" };
            let values: Vec<String> = (0..self.letters * 8 + 1).map(|n| name(n + number, 2)).collect();
            return match self.item % 4 {
                0 => format!("{key}!={}", name(number, 3)),
                1 => format!("!l{number}"),
                2 => format!("{key} in ({})", values.join(",")),
                _ => format!("{key} notin ({})", values.join(",")),
            };
        }
        let after = if self.after == "/" { format!("/{}", name(number, 3)) } else { self.after.to_owned() };
        format!("{exception}{}{after}", ITEMS[self.item].1(number, self.letters))
    }

    /// The text, as far as there is room.
    fn text(&self, shift: usize, room: usize) -> String {
        let mut text = String::new();
        for number in 0..if self.selects() { self.items.min(16) } else { self.items } {
            let item = self.item(self.first + number + shift * 16_384);
            if text.len() + item.len() + 1 > room {
                break;
            }
            text.push_str(&item);
            text.push(',');
        }
        text
    }
}

/// Annotation, item, what follows it, letters, number of items.
type Known = (&'static str, &'static str, &'static str, usize, usize);

/// What is known to take long by itself, to begin with: most random mixtures are ill-formed.
const KNOWN: [Known; 16] = [
    ("replicate-to-namespaces", "pattern to the end", "", 1, 16),
    ("replicate-to", "pattern to the end", "/", 1, 16),
    ("replicate-to", "most namespaces", "/", 1, 15),
    ("replicate-to", "name", "/", 3, 8_190),
    ("replicate-to", "namespace", "/b", 63, 3_900),
    ("replicate-to-namespaces", "name", "", 12, 16_380),
    ("replicate-to-namespaces", "prefix of any length", "", 24, 1_000),
    ("replication-allowed-namespaces", "name", "", 3, 16_380),
    ("replicated-from-allowed", "name", "", 3, 16_380),
    ("replicate-to-namespace-selector", "namespace", "", 1, 16),
    ("replicate-keys", "new name", "", 24, 1_024),
    ("replication-allowed-keys", "name", "", 63, 1_024),
    ("replication-allowed-keys", "glob", "", 6, 8),
    ("replica-labels", "label", "", 40, 128),
    ("replicate-labels", "name", "", 40, 128),
    (crate::OF_NAMESPACES, "pattern to the end", "", 1, 16),
];

#[derive(Debug, Clone)]
struct Mixture {
    pieces: Vec<Piece>,
    /// What else the object is: one that pulls, or a replica.
    refers: Option<&'static str>,
}

const REFERS: [Option<&str>; 4] = [None, None, Some("replicate-from"), Some("replicated-by")];

impl Mixture {
    fn any(random: &mut Random) -> Self {
        Self { pieces: (0..=random.below(5)).map(|_| Piece::any(random)).collect(), refers: random.of(&REFERS) }
    }

    fn known((annotation, what, after, letters, items): Known) -> Self {
        let item = ITEMS.iter().position(|(name, _)| *name == what).unwrap_or_default();
        let piece = Piece { annotation, item, excepts: false, after, letters, items, first: 0 };
        Self { pieces: vec![piece], refers: None }
    }

    /// One with a few things changed, some pieces of it from another one.
    fn changed(&self, other: &Self, random: &mut Random) -> Self {
        let (mut pieces, mut refers) = (self.pieces.clone(), self.refers);
        for _ in 0..=random.below(3) {
            let at = random.below(pieces.len());
            match random.below(9) {
                0 => pieces.push(Piece::any(random)),
                1 if pieces.len() > 1 => drop(pieces.remove(at)),
                2 => pieces.push(random.of(&other.pieces)),
                3 => refers = random.of(&REFERS),
                _ => pieces[at].change(random),
            }
        }
        pieces.truncate(8);
        Self { pieces, refers }
    }

    fn annotations(&self, shift: usize) -> Annotations {
        let mut all: Annotations = self.refers.iter().map(|annotation| (*annotation, "c/d".to_owned())).collect();
        let mut room = LARGEST;
        for piece in &self.pieces {
            let text = piece.text(shift, room);
            room = room.saturating_sub(text.len());
            match all.iter_mut().find(|(annotation, _)| *annotation == piece.annotation) {
                Some((_, before)) => before.push_str(&text),
                None => all.push((piece.annotation, text)),
            }
        }
        for (annotation, text) in &mut all {
            if annotation.ends_with("selector") {
                // There may be no comma at the end.
                text.pop();
            }
        }
        all
    }

    fn name(&self) -> String {
        let mut name = self.refers.map(|annotation| format!("{annotation}; ")).unwrap_or_default();
        for piece in &self.pieces {
            let (what, _) = ITEMS[piece.item];
            let what = if piece.selects() { ["!=", "!", "in", "notin"][piece.item % 4] } else { what };
            let sign = if piece.excepts { "!" } else { "" };
            write!(name, "{}: {} × {sign}{what}({}){}; ", piece.annotation, piece.items, piece.letters, piece.after)
                .expect("a text takes everything");
        }
        name
    }
}

/// Looks for so long, and shows the worst, measured once more. Answers whether none of them takes too long.
pub(crate) fn run(graph: &mut Graph, time: Duration, seed: u64) -> bool {
    let begun = Instant::now();
    let mut random = Random(seed);
    let known = KNOWN.map(Mixture::known);
    let mut worst: Vec<(Duration, Mixture)> =
        known.into_iter().map(|mixture| (measured(graph, &mixture, 3).worst(), mixture)).collect();
    worst.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let mut count = 0;
    while begun.elapsed() < time {
        let mixture = match random.below(4) {
            1.. if worst.len() == KEPT => {
                let (one, other) = (random.below(KEPT), random.below(KEPT));
                worst[one].1.changed(&worst[other].1, &mut random)
            }
            _ => Mixture::any(&mut random),
        };
        count += 1;
        let score = measured(graph, &mixture, 3).worst();
        let at = worst.partition_point(|(other, _)| *other >= score);
        worst.insert(at, (score, mixture));
        worst.truncate(KEPT);
    }
    let mut all_in_time = true;
    for (_, mixture) in &worst {
        let make = |shift| mixture.annotations(shift);
        let times = measured(graph, mixture, 9);
        let times = looked_at_twice(graph, &make, times);
        all_in_time &= show(&mixture.name(), &make, &times);
    }
    println!("\n{count} mixtures");
    all_in_time
}

fn measured(graph: &mut Graph, mixture: &Mixture, runs: usize) -> Times {
    measure(graph, &|shift| mixture.annotations(shift), runs)
}
