//! The annotations of one object, parsed into [`Marks`].
//!
//! Reading is all or nothing (SPEC 2, 9.10): an object is well-formed as a whole, or it is [`IllFormed`] and left alone. The
//! exception are replicas that a push made: there all annotations but `replicated-by` are the controller's own, and what is
//! wrong with them is advice.

mod ill_formed;
mod lists;
mod read;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::advice::{Advice, MAX_ADVICE};
use crate::bug;
use crate::identity::ResourceVersion;
use crate::names::{Key, SourceKey};
use crate::pattern::{Allowed, narrow};
use crate::push::Push;
use crate::selection::Selection;

pub use crate::annotation::{Annotation, Dialect};
pub use ill_formed::IllFormed;
pub(crate) use lists::{advise, oddity};
pub(crate) use read::{CONSENT, PUSH, boolean};

/// How long replicas are kept when their source is missing, or has lost its annotations (SPEC 11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalDelay {
    /// They are removed when the source has been missing, or without annotations, for this time.
    After(Duration),
    /// They are kept, and followed again if the source returns.
    Never,
}

/// Which names of this program's annotations are read: all that are known, and the first few of the unknown. One of those makes an object
/// ill-formed, and it has room for tens of thousands.
pub(crate) fn few_unknown() -> impl FnMut(&str) -> bool {
    let mut left = MAX_ADVICE;
    move |name| {
        Annotation::from_name(name).is_some() || {
            let is_read = left > 0;
            left = left.saturating_sub(1);
            is_read
        }
    }
}

/// The value of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// Not a text: bytes that are no UTF-8, or JSON that is no string.
    NotText,
}

/// The well-formed annotations of one object.
///
/// Two are equal when their annotations have the same values and these mean the same on either object (a bare name means another
/// object in another namespace). Most replicas of one source share one value. The hash of the texts is computed once, so that long
/// texts cost nothing when many objects are compared.
#[derive(Debug, Clone)]
pub struct Marks {
    /// The hash of the texts, and of what they take from the object's own key: see `hash_of`.
    hash: u64,
    /// Word for word, in the order of [`Annotation`]. Without `replicated-at`: nothing is decided on it, and without it the
    /// replicas of one source are alike, and can share what is kept of them.
    texts: Box<[(Annotation, Arc<str>)]>,
    /// Annotations of a replica whose values are no texts, in order; without `replicated-at`. They are read as if they were absent,
    /// but the controller removes them or writes them anew.
    not_texts: Box<[Annotation]>,
    /// The whole key of the object to pull from.
    pub replicate_from: Option<SourceKey>,
    /// The creator.
    pub replicated_by: Option<SourceKey>,
    /// The push that its annotations ask for. On a replica that a push made it is ignored (see [`Marks::effective_push`]).
    pub push: Option<Box<Push>>,
    /// `replication-allowed`, if it is there.
    pub allowed: Option<bool>,
    /// The namespaces that may pull, by list and label selector, if they are there.
    pub allowed_namespaces: Option<Box<Selection>>,
    /// Version of the source whose data is held. An object *holds a copy* when it has one (SPEC 6).
    pub from_version: Option<ResourceVersion>,
    /// `replicated-from-allowed`: the namespaces that the chain above allows.
    pub from_allowed: Option<Box<Allowed>>,
    /// `replicate-once`; absent is false.
    pub once: bool,
    /// `removal-delay`, if it is there.
    pub removal_delay: Option<RemovalDelay>,
    /// `replicate-type`, trimmed.
    pub replicate_type: Option<Arc<str>>,
    /// Whether nothing is to be written because of the object or to it (SPEC 11.7).
    pub paused: bool,
    /// Whether its removal is approved (SPEC 11.2).
    pub removal_approved: bool,
    /// Whether an ill-formed annotation about consent was passed over on a replica. Until the controller has corrected it, nothing
    /// is copied or cleared because of this object (SPEC 2), since who may have its data is not known.
    pub unsure: bool,
    /// What [`Marks::handed_down`] answered, once it was asked.
    handed_down: OnceLock<Arc<str>>,
}

impl Marks {
    /// Reads an object's annotations; names without their prefix. `None`: it has none of this program's.
    ///
    /// # Errors
    /// When any of them is ill-formed.
    pub fn parse<'a>(
        own: &Key,
        annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Option<Self>, IllFormed> {
        let annotations = annotations.into_iter().map(|(name, value)| (name, Value::Text(value)));
        Self::read(own, annotations, &mut Vec::new())
    }

    /// As [`Marks::parse`], for values that may be no texts; also returns advice about annotations that are passed over because the
    /// object is a replica.
    ///
    /// # Errors
    /// When any of them is ill-formed.
    pub fn read<'a>(
        own: &Key,
        annotations: impl IntoIterator<Item = (&'a str, Value<'a>)>,
        advice: &mut Vec<Advice>,
    ) -> Result<Option<Self>, IllFormed> {
        // Of an annotation that comes twice the last counts, as in Go.
        let mut is_read = few_unknown();
        let annotations: BTreeMap<_, _> = annotations.into_iter().filter(|(name, _)| is_read(name)).collect();
        if annotations.is_empty() { Ok(None) } else { read::read(own, &annotations, advice).map(Some) }
    }

    /// The annotation's value, word for word; never that of `replicated-at`.
    #[must_use]
    pub fn text(&self, annotation: Annotation) -> Option<&Arc<str>> {
        find(&self.texts, annotation)
    }

    /// Whether the annotation is there; never `replicated-at`.
    #[must_use]
    pub fn has(&self, annotation: Annotation) -> bool {
        self.text(annotation).is_some() || self.not_texts.contains(&annotation)
    }

    /// Whether any annotation of a push is there. On a replica it may be ill-formed; its push is ignored anyway.
    #[must_use]
    pub fn asks_for_a_push(&self) -> bool {
        PUSH.into_iter().any(|annotation| self.has(annotation))
    }

    /// Whether any annotation of consent is there. On a replica it may be ill-formed, and then nothing follows from it.
    #[must_use]
    pub fn says_who_may_pull(&self) -> bool {
        CONSENT.into_iter().any(|annotation| self.has(annotation))
    }

    /// The push that is carried out: that of a replica which a push made is ignored (SPEC 3, 1).
    #[must_use]
    pub fn effective_push(&self) -> Option<&Push> {
        if self.replicated_by.is_some() { None } else { self.push.as_deref() }
    }

    /// The value of `replicated-from-allowed` on the targets that pull from this object (SPEC 5.8): the namespaces that its own lists and
    /// the chain above it allow. It is computed once and kept, since the lists may be long and the targets many.
    #[must_use]
    pub fn handed_down(&self) -> Arc<str> {
        let narrowed = || {
            let own = self.allowed_namespaces.as_deref();
            let pulls = self.replicate_from.is_some() && !bug!(NarrowingForgotten);
            let inherited = self.from_allowed.as_deref().filter(|_| pulls);
            let narrowed = narrow(own.map(Selection::list), inherited);
            let by_labels =
                own.is_some_and(|own| own.selector().is_some()) || inherited.is_some_and(Allowed::is_selected);
            if by_labels { narrowed.selected() } else { narrowed }.to_string().into()
        };
        self.handed_down.get_or_init(narrowed).clone()
    }

    /// Whether the object is a target: a push made it (`replicated-by`), or it pulls (`replicate-from`). Nothing else may be
    /// written.
    #[must_use]
    pub fn is_target(&self) -> bool {
        self.replicated_by.is_some() || (self.replicate_from.is_some() && self.push.is_none())
    }

    /// The hash of marks with these texts, and of what they take from the object's own key: the namespace of a bare name, and the
    /// name and namespace of a push that names none.
    fn hash_of(own: &Key, texts: &[(Annotation, Arc<str>)], from: Option<&SourceKey>, push: Option<&Push>) -> u64 {
        let left_to_own = |annotation| find(texts, annotation).is_none();
        let name = push.is_some() && left_to_own(Annotation::ReplicateTo);
        let namespaces = [Annotation::ReplicateToNamespaces, Annotation::ReplicateToNamespaceSelector];
        let namespace = push.is_some() && namespaces.into_iter().all(left_to_own);
        let own = (name.then(|| own.name()), namespace.then(|| own.namespace()));
        static SEED: OnceLock<RandomState> = OnceLock::new();
        SEED.get_or_init(RandomState::new).hash_one((texts, from.map(|key| key.as_str()), own))
    }
}

impl PartialEq for Marks {
    fn eq(&self, other: &Self) -> bool {
        // All other fields follow from the texts and these two.
        self.hash == other.hash
            && self.texts == other.texts
            && self.replicate_from == other.replicate_from
            && self.push == other.push
            && self.not_texts == other.not_texts
            && self.paused == other.paused
    }
}

impl Eq for Marks {}

impl Hash for Marks {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

fn find(texts: &[(Annotation, Arc<str>)], annotation: Annotation) -> Option<&Arc<str>> {
    texts.iter().find(|(a, _)| *a == annotation).map(|(_, text)| text)
}

#[cfg(test)]
mod tests;
