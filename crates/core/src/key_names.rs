//! The names of an object's keys, as a fingerprint: whether two objects have the same keys is known without reading either.
//!
//! Who owns which key of an object is in its `managedFields`, but a key that somebody took away leaves nothing there: its owner loses it,
//! and whoever took it gets no entry. All that shows it is that the name is not among those that are left. So their fingerprint is
//! kept, of the source's and of the replica's, and what the controller alone wrote is believed only while a replica has the keys that it
//! gets of its source ([`KeyNames::are_as_copied`], SPEC 9.2 and 9.15).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroU32;

use crate::keys::Projection;

/// See the [module](self). A graph of a million objects has two million of them: four bytes each. That two different sets
/// are taken for one has a probability of one in four thousand million; what follows from that is what followed for every set before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyNames(Option<NonZeroU32>);

impl KeyNames {
    /// No name is known: there is no key, or no field manager owns one.
    pub const NONE: Self = Self(None);

    /// Of these names, in any order; one that comes twice counts once.
    pub fn of(names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut set = Set::default();
        names.into_iter().for_each(|name| set.insert(name.as_ref()));
        set.names()
    }

    /// Whether a target has the keys that it gets of its source by `projection` (`None`: all), as far as their names tell without a
    /// read. `false`: it has others, or that cannot be known.
    ///
    /// A source whose `managedFields` name no key (others took them out, or the object has no annotation of this program) tells nothing, and
    /// nothing is held against the target.
    #[must_use]
    pub fn are_as_copied(self, source: Self, projection: Option<&Projection>) -> bool {
        match projection.and_then(|projection| projection.asked.as_deref()) {
            None => source == Self::NONE || self == source,
            // What a glob names depends on the keys of the source, of which there is no more than a fingerprint.
            Some(asked) => crate::keys::names_asked_for(asked).is_some_and(|names| self == names),
        }
    }
}

/// Names that are put together one by one, in time and memory proportional to their number.
#[derive(Debug, Default)]
pub(crate) struct Set(Vec<u64>);

impl Set {
    pub(crate) fn insert(&mut self, name: &str) {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        self.0.push(hasher.finish());
    }

    pub(crate) fn names(mut self) -> KeyNames {
        if self.0.is_empty() {
            return KeyNames::NONE;
        }
        self.0.sort_unstable();
        self.0.dedup();
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        // Of a hash any half is as good as the other.
        let half = u32::try_from(hasher.finish() >> 32).unwrap_or_default();
        KeyNames(Some(NonZeroU32::new(half).unwrap_or(NonZeroU32::MIN)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_known_by_its_names_alone() {
        let one = KeyNames::of(["k", "l"]);
        for (same, is_same) in [
            (&["l", "k"][..], true),
            (&["k", "l", "k"], true),
            (&["k"], false),
            (&["kl"], false),
            (&["k", "l", ""], false),
            (&[], false),
        ] {
            assert_eq!(KeyNames::of(same) == one, is_same, "{same:?}");
        }
        assert_eq!(KeyNames::of([""; 0]), KeyNames::NONE);
        assert_ne!(KeyNames::of([""]), KeyNames::NONE);
        assert_eq!(size_of::<KeyNames>(), 4);
    }

    #[test]
    fn whether_a_target_has_the_keys_that_it_gets() {
        let none: &[&str] = &[];
        // What is asked for; the source's names, the target's, and whether these are as copied.
        for (asked, source, target, expected) in [
            (None, &["k", "l"][..], &["k", "l"][..], true),
            (None, &["k", "l"], &["k"], false),
            (None, &["k"], &["k", "l"], false),
            (None, &["k"], none, false),
            // Nothing is known of the source.
            (None, none, &["k"], true),
            // The names follow from the text.
            (Some("k:m, l"), &["k", "l", "n"], &["m", "l"], true),
            (Some("k:m, l"), none, &["m", "l"], true),
            (Some("k:m, l"), &["k", "l"], &["k", "l"], false),
            (Some("k:m, l"), &["k", "l"], &["m"], false),
            (Some("k, l, !l"), &["k", "l"], &["k"], true),
            (Some("k, l, !l"), &["k", "l"], &["k", "l"], false),
            (Some(""), &["k"], none, true),
            (Some("!k"), &["k"], &["k"], false),
            // They do not.
            (Some("*"), &["k"], &["k"], false),
            (Some("k, x*"), &["k"], &["k"], false),
        ] {
            let projection = asked.map(|asked| Projection { asked: Some(asked.into()), ..Projection::default() });
            let (source, target) = (KeyNames::of(source), KeyNames::of(target));
            assert_eq!(target.are_as_copied(source, projection.as_ref()), expected, "{asked:?}");
        }
    }
}
