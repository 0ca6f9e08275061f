//! The targets that a change concerns: most of them one by one, and the many of a wide push in one piece.
//!
//! One annotation may name sixteen objects in every namespace. To write down each of these targets takes longer than an event may
//! (issue 9: 5 ms with 5,000 namespaces), so what one part of a push names is kept as it is, a [`Wide`], and the targets are taken out of it
//! some at a time ([`Graph::take_targets`]), while other work has its turn.

use std::sync::Arc;

use crate::annotations::Marks;
use crate::names::{Key, SourceKey, TargetKey};
use crate::push::Part;
use crate::selection::{IdSet, Namespaces as _};

use super::Graph;

/// What a part of a push names is one piece when it is more than this. (Small where mistakes are looked for, so that all tests come by here.)
pub(super) const MOST_AT_ONCE: usize = if cfg!(debug_assertions) { 6 } else { 4_096 };

/// Targets to look at again; one may come twice. Their order follows from the order of events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// One by one.
    pub targets: Vec<TargetKey>,
    /// Many in one piece.
    pub wide: Vec<Wide>,
}

impl Touched {
    /// Whether nothing is concerned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.wide.is_empty()
    }

    /// How many targets these are at most.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len() + self.wide.iter().map(Wide::len).sum::<usize>()
    }

    pub(super) fn push(&mut self, target: TargetKey) {
        self.targets.push(target);
    }

    pub(super) fn extend(&mut self, targets: impl IntoIterator<Item = TargetKey>) {
        self.targets.extend(targets);
    }

    /// These as well.
    pub fn append(&mut self, mut other: Self) {
        self.targets.append(&mut other.targets);
        self.wide.append(&mut other.wide);
    }
}

impl From<Vec<TargetKey>> for Touched {
    fn from(targets: Vec<TargetKey>) -> Self {
        Self { targets, wide: Vec::new() }
    }
}

/// What one part of a source's push named when the source changed, less what was taken out of it.
///
/// Namespaces are known by their numbers. One that goes, or comes, meanwhile touches its targets itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wide {
    source: SourceKey,
    marks: Arc<Marks>,
    part: usize,
    namespaces: IdSet,
}

impl Wide {
    pub(super) fn new(source: &SourceKey, marks: &Arc<Marks>, part: usize, namespaces: IdSet) -> Self {
        Self { source: source.clone(), marks: marks.clone(), part, namespaces }
    }

    fn part(&self) -> Option<&Part> {
        self.marks.effective_push()?.parts().get(self.part)
    }

    /// How many targets these are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.namespaces.len() * self.part().map_or(0, Part::name_count)
    }

    /// Whether all of them were taken out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
    }

    /// Whether it names what another one does, or did once. What came to that since then touches its targets itself.
    #[must_use]
    pub fn is_of_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.marks, &other.marks) && self.part == other.part && self.source == other.source
    }
}

impl Graph {
    /// Takes targets out of a wide push: as many as asked for, or a few more.
    pub fn take_targets(&mut self, wide: &mut Wide, most: usize) -> Vec<TargetKey> {
        let names = wide.part().map_or(0, Part::name_count).max(1);
        let ids = wide.namespaces.take_first(most.div_ceil(names));
        let Some(part) = wide.part() else { return Vec::new() };
        let mut targets = Vec::with_capacity(ids.len() * names);
        for namespace in ids.into_iter().filter_map(|id| self.namespaces.name(id)) {
            targets.extend(part.names().filter_map(|name| target(&wide.source, namespace, name)));
        }
        self.let_go_of(targets.iter().map(|target| &**target));
        targets
    }

    /// All of them, one by one.
    pub fn take_all_targets(&mut self, touched: Touched) -> Vec<TargetKey> {
        let Touched { mut targets, wide } = touched;
        for mut wide in wide {
            targets.append(&mut self.take_targets(&mut wide, usize::MAX));
        }
        targets
    }
}

/// The target of a push, which is never the source itself.
pub(super) fn target(source: &SourceKey, namespace: &str, name: &str) -> Option<TargetKey> {
    Key::new(namespace, name).ok().filter(|target| *target != **source).map(TargetKey::from)
}

#[cfg(test)]
impl<const N: usize> PartialEq<[TargetKey; N]> for Touched {
    fn eq(&self, other: &[TargetKey; N]) -> bool {
        self.wide.is_empty() && self.targets == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(key: &Key, to: &str) -> Arc<Marks> {
        Arc::new(Marks::parse(key, [("replicate-to", to), ("replicate-to-namespaces", "a,b")]).unwrap().unwrap())
    }

    #[test]
    fn what_is_touched_is_empty_when_both_parts_are() {
        let key = Key::new("a", "s").unwrap();
        let source = SourceKey::from(key.clone());
        let wide = |ids: &[u32]| {
            let mut namespaces = IdSet::default();
            ids.iter().for_each(|id| namespaces.insert(*id));
            Wide::new(&source, &marks(&key, "x"), 0, namespaces)
        };
        let target = TargetKey::from(key.clone());
        assert!(Touched::default().is_empty());
        assert!(!Touched::from(vec![target]).is_empty());
        assert!(!Touched { targets: vec![], wide: vec![wide(&[1])] }.is_empty());
        assert!(wide(&[]).is_empty() && !wide(&[1]).is_empty());
    }

    /// The same part of the same push of the same source.
    #[test]
    fn what_names_the_same() {
        let key = Key::new("a", "s").unwrap();
        let (source, other) = (SourceKey::from(key.clone()), SourceKey::from(Key::new("a", "other").unwrap()));
        let shared = marks(&key, "x");
        let wide = |source: &SourceKey, marks: &Arc<Marks>, part| Wide::new(source, marks, part, IdSet::default());
        let this = wide(&source, &shared, 0);
        assert!(this.is_of_same(&wide(&source, &shared, 0)));
        assert!(!this.is_of_same(&wide(&other, &shared, 0)));
        assert!(!this.is_of_same(&wide(&source, &shared, 1)));
        assert!(!this.is_of_same(&wide(&source, &marks(&key, "x"), 0)), "annotations that were read anew");
    }
}
