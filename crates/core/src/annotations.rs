//! What an object's annotations say.
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

use crate::advice::Advice;
use crate::identity::ResourceVersion;
use crate::names::{Key, SourceKey};
use crate::pattern::Allowed;
use crate::push::Push;
use crate::selection::Selection;

pub use crate::annotation::{Annotation, Dialect};
pub use ill_formed::IllFormed;
pub(crate) use lists::{advise, oddity};
pub(crate) use read::{PUSH, boolean};

/// How long replicas are kept when their source is missing, or says nothing any more (SPEC 11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalDelay {
    /// They are removed when that has been so for this time.
    After(Duration),
    /// They are kept, and followed again if the source returns.
    Never,
}

/// What stands in an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// Something else: bytes that are no UTF-8, or JSON that is no text.
    NotText,
}

/// The well-formed annotations of one object.
///
/// Two are equal when all their annotations are and these mean the same beside either object: most of an
/// object's replicas share one. The hash of the texts is made once, so that long texts cost nothing when many objects are compared.
#[derive(Debug, Clone)]
pub struct Marks {
    /// Of the texts, and of what the object's own key adds to them.
    hash: u64,
    /// Word for word, in the order of [`Annotation`]. Without `replicated-at`: nothing is decided on it, and without it the
    /// replicas of one source are alike, and can share what is kept of them.
    texts: Box<[(Annotation, Arc<str>)]>,
    /// Annotations of a replica that are there and are no texts, in order; without `replicated-at`. They are as if they were not
    /// there, but for this: they are removed, or written anew.
    not_texts: Box<[Annotation]>,
    /// The whole key of the object to pull from.
    pub replicate_from: Option<SourceKey>,
    /// The creator.
    pub replicated_by: Option<SourceKey>,
    /// What the object pushes; an object that was itself made by a push never does (see [`Marks::effective_push`]).
    pub push: Option<Box<Push>>,
    /// Consent to being pulled, if said.
    pub allowed: Option<bool>,
    /// Who may pull, if said.
    pub allowed_namespaces: Option<Box<Selection>>,
    /// Version of the source whose data is held. An object *holds a copy* when it has one (SPEC 6).
    pub from_version: Option<ResourceVersion>,
    /// What the chain above allows.
    pub from_allowed: Option<Box<Allowed>>,
    /// `replicate-once`; absent is false.
    pub once: bool,
    /// `removal-delay`, if said.
    pub removal_delay: Option<RemovalDelay>,
    /// `replicate-type`, trimmed.
    pub replicate_type: Option<Arc<str>>,
    /// Whether nothing is to be written because of the object or to it (SPEC 11.7).
    pub paused: bool,
    /// Whether its removal is approved (SPEC 11.2).
    pub removal_approved: bool,
    /// Whether an ill-formed annotation was passed over on a replica that says who may have its data: until the controller has put
    /// it right, nothing is copied or cleared because of this object (SPEC 2).
    pub unsure: bool,
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

    /// The same, where not every value is a text; with advice on what is passed over because the object is a replica.
    ///
    /// # Errors
    /// When any of them is ill-formed.
    pub fn read<'a>(
        own: &Key,
        annotations: impl IntoIterator<Item = (&'a str, Value<'a>)>,
        advice: &mut Vec<Advice>,
    ) -> Result<Option<Self>, IllFormed> {
        // Of an annotation that comes twice the last counts, as in Go.
        let annotations: BTreeMap<_, _> = annotations.into_iter().collect();
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

    /// The push that counts: a replica's own is ignored (SPEC 3, 1).
    #[must_use]
    pub fn effective_push(&self) -> Option<&Push> {
        if self.replicated_by.is_some() { None } else { self.push.as_deref() }
    }

    /// Whether the object is of the controller's making, or asked for its help: only then may it be written.
    #[must_use]
    pub fn is_target(&self) -> bool {
        self.replicated_by.is_some() || (self.replicate_from.is_some() && self.push.is_none())
    }

    /// The hash of marks with these texts and, of an object with this key, what its annotations leave to it: the namespace of
    /// a bare name, the own name and namespace of a push that does not say others.
    fn hash_of(own: &Key, texts: &[(Annotation, Arc<str>)], from: Option<&SourceKey>, push: Option<&Push>) -> u64 {
        let left_to_own = |annotation| find(texts, annotation).is_none();
        let name = push.is_some() && left_to_own(Annotation::ReplicateTo);
        let namespace = push.is_some() && left_to_own(Annotation::ReplicateToNamespaces);
        let own = (name.then(|| own.name()), namespace.then(|| own.namespace()));
        static SEED: OnceLock<RandomState> = OnceLock::new();
        SEED.get_or_init(RandomState::new).hash_one((texts, from.map(|key| key.as_str()), own))
    }
}

impl PartialEq for Marks {
    fn eq(&self, other: &Self) -> bool {
        // The rest follows from the texts and these.
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
