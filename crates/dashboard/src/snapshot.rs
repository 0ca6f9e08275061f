//! All cells in few bytes: each text once. Pure.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use k8s_replicator_core::names::SourceKey;
use k8s_replicator_core::reason::Reason;

use crate::cell::{Cell, number};
use crate::protocol::Rows;

/// Takes one cell after the other.
#[derive(Debug, Default)]
pub struct Builder {
    now: i64,
    namespaces: Table<Box<str>>,
    names: Table<Box<str>>,
    sources: Table<SourceKey>,
    reasons: Table<Reason>,
    rows: Rows,
}

/// What a [`Builder`] made.
#[derive(Debug, PartialEq, Eq)]
pub struct Tables {
    /// See [`Snapshot`](crate::protocol::Snapshot), of this and the others.
    pub reasons: Vec<&'static str>,
    /// Namespaces.
    pub namespaces: Vec<Box<str>>,
    /// Names of objects.
    pub names: Vec<Box<str>>,
    /// Sources.
    pub sources: Vec<u32>,
    /// The columns.
    pub rows: Rows,
}

impl Builder {
    /// One for a snapshot that is made now, in seconds since 1970.
    #[must_use]
    pub fn new(now: i64) -> Self {
        Self { now, ..Self::default() }
    }

    /// Adds the cell of a target of this kind.
    pub fn add(&mut self, kind: usize, cell: Cell) {
        let namespace = self.namespaces.text(cell.target.namespace());
        let name = self.names.text(cell.target.name());
        let rows = &mut self.rows;
        rows.kind.push(digit(kind));
        rows.state.push(digit(number(cell.state)));
        rows.flags.push(digit(cell.flags.into()));
        rows.namespace.push(namespace);
        rows.name.push(name);
        rows.age.push(cell.since.map_or(0, |since| 1 + (self.now - since).max(0)));
        rows.source.push(cell.source.map_or(0, |source| 1 + self.sources.number(&source, Clone::clone)));
        rows.reason.push(cell.reason.map_or(0, |reason| 1 + self.reasons.number(&reason, Clone::clone)));
    }

    /// All that was added.
    #[must_use]
    pub fn finish(mut self) -> Tables {
        let mut sources = Vec::with_capacity(2 * self.sources.items.len());
        for source in std::mem::take(&mut self.sources.items) {
            sources.push(self.namespaces.text(source.namespace()));
            sources.push(self.names.text(source.name()));
        }
        Tables {
            reasons: self.reasons.items.into_iter().map(Reason::code).collect(),
            namespaces: self.namespaces.items,
            names: self.names.items,
            sources,
            rows: self.rows,
        }
    }
}

fn digit(number: usize) -> char {
    u32::try_from(number).ok().and_then(|number| char::from_digit(number, 10)).unwrap_or('0')
}

/// Items by number, each once.
#[derive(Debug)]
struct Table<T> {
    items: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { items: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Table<T> {
    fn number<Q: ?Sized + Hash + Eq>(&mut self, item: &Q, owned: impl FnOnce(&Q) -> T) -> u32
    where
        T: Borrow<Q>,
    {
        if let Some(number) = self.numbers.get(item) {
            return *number;
        }
        // A cluster has not so many objects.
        let number = self.items.len() as u32;
        let item = owned(item);
        self.items.push(item.clone());
        self.numbers.insert(item, number);
        number
    }
}

impl Table<Box<str>> {
    fn text(&mut self, text: &str) -> u32 {
        self.number(text, |text| text.into())
    }
}

#[cfg(test)]
mod tests {
    use k8s_replicator_core::names::Key;
    use k8s_replicator_core::state::State;

    use super::*;

    fn cell(target: &str, source: Option<&str>, state: State, reason: Option<Reason>) -> Cell {
        let key = |text: &str| {
            let (namespace, name) = text.split_once('/').unwrap();
            Key::new(namespace, name).unwrap()
        };
        Cell {
            target: key(target).into(),
            source: source.map(|source| key(source).into()),
            state,
            reason,
            flags: 3,
            since: None,
        }
    }

    #[test]
    fn each_text_is_said_once_and_each_cell_is_a_number_in_each_column() {
        let mut builder = Builder::default();
        builder.add(0, cell("a/t", Some("s/src"), State::Current, Some(Reason::UpToDate)));
        builder.add(0, cell("b/t", Some("s/src"), State::Refused, Some(Reason::NotAccepted)));
        builder.add(1, cell("b/u", None, State::Waiting, None));
        let tables = builder.finish();
        assert_eq!(tables.reasons, ["UpToDate", "NotAccepted"]);
        assert_eq!(tables.namespaces.iter().map(|it| &**it).collect::<Vec<_>>(), ["a", "b", "s"]);
        assert_eq!(tables.names.iter().map(|it| &**it).collect::<Vec<_>>(), ["t", "u", "src"]);
        assert_eq!(tables.sources, [2, 2]);
        let Rows { kind, state, flags, namespace, name, source, reason, age } = tables.rows;
        assert_eq!((&*kind, &*state, &*flags), ("001", "031", "333"));
        assert_eq!((namespace, name, source, reason), (vec![0, 1, 1], vec![0, 0, 1], vec![1, 1, 0], vec![1, 2, 0]));
        assert_eq!(age, [0, 0, 0]);
    }

    /// Issue 12: 100,000 cells stay usable.
    #[test]
    fn a_hundred_thousand_cells_are_two_megabytes() {
        let mut builder = Builder::default();
        for source in 0..200 {
            for namespace in 0..500 {
                let target = format!("team-{namespace}-production/registry-credentials-{source}");
                let source = format!("platform-{}/registry-credentials-{source}", source % 7);
                builder.add(0, cell(&target, Some(&source), State::Current, Some(Reason::UpToDate)));
            }
        }
        let size = serde_json::to_vec(&builder.finish().rows).unwrap().len();
        assert!(size < 2 << 20, "{size}");
    }
}
