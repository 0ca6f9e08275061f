//! Who names whom as its source: the annotations `replicated-by` and `replicate-from` of all objects, turned round; and since
//! when each source has been without something.

use std::collections::HashMap;
use std::hash::RandomState;

use crate::annotations::Marks;
use crate::names::{Key, SourceKey, TargetKey};
use crate::time::Moment;

use super::Withdrawal;
use super::ordered_set::OrderedSet;

/// See the [module](self).
///
/// The sets have an order, so that a run can be repeated step by step, but not that of the keys: to compare a new key with others is to
/// fetch them from memory, which took most of the time of a start with a million replicas.
#[derive(Debug, Default)]
pub(super) struct Relations {
    hasher: RandomState,
    sources: HashMap<SourceKey, Source>,
}

/// What is kept of an object that others name as their source, as long as they do.
#[derive(Debug, Default)]
struct Source {
    created: OrderedSet,
    pulling: OrderedSet,
    without: Without<Option<Moment>>,
}

/// Something about each of the things that a source can be without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Without<T> {
    pub(super) object: T,
    pub(super) push: T,
    pub(super) consent: T,
}

impl<T: Copy> Without<T> {
    fn of(self, what: Withdrawal) -> T {
        match what {
            Withdrawal::Object => self.object,
            Withdrawal::Push => self.push,
            Withdrawal::Consent => self.consent,
        }
    }
}

impl Relations {
    /// The targets that a source made.
    pub(super) fn created_by(&self, source: &SourceKey) -> impl Iterator<Item = &TargetKey> {
        self.sources.get(source).into_iter().flat_map(|source| source.created.iter())
    }

    /// The objects whose `replicate-from` names a source, also those that push what they are given.
    pub(super) fn pulling_from(&self, source: &SourceKey) -> impl Iterator<Item = &TargetKey> {
        self.sources.get(source).into_iter().flat_map(|source| source.pulling.iter())
    }

    /// Whether any object names this one as its source.
    pub(super) fn is_source(&self, source: &SourceKey) -> bool {
        self.sources.contains_key(source)
    }

    /// Since when a source has been without something. `None`: it has it, or it is not known, or nobody names it as a source.
    pub(super) fn without(&self, source: &SourceKey, what: Withdrawal) -> Option<Moment> {
        self.sources.get(source)?.without.of(what)
    }

    /// What a source is without now: what it was without before it has been without since then.
    pub(super) fn set_without(&mut self, source: &SourceKey, is: Without<bool>, now: Moment) {
        let Some(Source { without, .. }) = self.sources.get_mut(source) else { return };
        let since = |is: bool, was: Option<Moment>| is.then(|| was.unwrap_or(now));
        *without = Without {
            object: since(is.object, without.object),
            push: since(is.push, without.push),
            consent: since(is.consent, without.consent),
        };
    }

    /// An object has other annotations than before. Returns the sources that nobody named before.
    ///
    /// Those that are named before and after are left as they are: what is known of them stays known.
    #[must_use]
    pub(super) fn relink(&mut self, key: &Key, was: Option<&Marks>, is: Option<&Marks>) -> Vec<SourceKey> {
        let target = TargetKey::from(key.clone());
        let (was, is) = (Named::by(was), Named::by(is));
        let mut first = Vec::new();
        for (role, name) in is.not_in(&was) {
            // Most are there already: a name is only copied for the first who says it.
            let source = match self.sources.get_mut(name) {
                Some(source) => source,
                None => {
                    first.push(name.clone());
                    self.sources.entry(name.clone()).or_default()
                }
            };
            role(source).insert(&self.hasher, target.clone());
        }
        for (role, name) in was.not_in(&is) {
            let Some(source) = self.sources.get_mut(name) else { continue };
            role(source).remove(&self.hasher, &target);
            if source.created.is_empty() && source.pulling.is_empty() {
                self.sources.remove(name);
            }
        }
        first
    }
}

/// The set of a source's in which an object belongs.
type Role = fn(&mut Source) -> &mut OrderedSet;

/// The sources that annotations name.
struct Named<'a> {
    created_by: Option<&'a SourceKey>,
    pulling_from: Option<&'a SourceKey>,
}

impl<'a> Named<'a> {
    fn by(marks: Option<&'a Marks>) -> Self {
        Self {
            created_by: marks.and_then(|marks| marks.replicated_by.as_ref()),
            pulling_from: marks.and_then(|marks| marks.replicate_from.as_ref()),
        }
    }

    /// Those that `other` does not name in the same role.
    fn not_in(&self, other: &Self) -> impl Iterator<Item = (Role, &'a SourceKey)> {
        let created: Role = |source| &mut source.created;
        let pulling: Role = |source| &mut source.pulling;
        let created_by = self.created_by.filter(|_| self.created_by != other.created_by);
        let pulling_from = self.pulling_from.filter(|_| self.pulling_from != other.pulling_from);
        let created_by = created_by.map(|name| (created, name));
        created_by.into_iter().chain(pulling_from.map(|name| (pulling, name)))
    }
}
