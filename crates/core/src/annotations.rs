//! The public annotations: their names, and how an object's set of them is read.
//!
//! Reading is all or nothing (SPEC 2, 9.10): an object is well-formed as a whole, or it is [`IllFormed`] and left alone.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::duration;
use crate::names::{Key, NameError, SourceKey, excerpt};
use crate::observed::ResourceVersion;
use crate::pattern::{Allowed, NamespaceList, PatternError};
use crate::push::{Push, PushError};

macro_rules! annotations {
    ($($(#[$doc:meta])+ $variant:ident $name:literal)+) => {
        /// An annotation of this program, without its prefix.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Annotation {
            $($(#[$doc])+ $variant,)+
        }

        impl Annotation {
            /// Every annotation, in the order of SPEC 2.
            pub const ALL: &[Annotation] = &[$(Annotation::$variant),+];

            /// The name after the prefix.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Annotation::$variant => $name,)+
                }
            }
        }
    };
}

annotations! {
    /// On a target: the source, `ns/name` or `name` in the target's own namespace.
    ReplicateFrom "replicate-from"
    /// On a source: the targets, a comma list of `name`, `ns/name`, `ns-pattern/name`.
    ReplicateTo "replicate-to"
    /// On a source: the targets' namespaces, a comma list of names and patterns.
    ReplicateToNamespaces "replicate-to-namespaces"
    /// On a source or target, boolean: copy once, ignore later changes of the source.
    ReplicateOnce "replicate-once"
    /// On a source, any text: when it changes, copy once more.
    ReplicateOnceVersion "replicate-once-version"
    /// On a source, boolean: consent to being pulled.
    ReplicationAllowed "replication-allowed"
    /// On a source: the namespaces that may pull, a comma list of names and patterns.
    ReplicationAllowedNamespaces "replication-allowed-namespaces"
    /// On a source (its replicas inherit it) or a pulling target: how long a missing source's replicas are kept, a Go duration
    /// or `never` (SPEC 11.1).
    RemovalDelay "removal-delay"
    /// Written: RFC 3339 time of the last write by the controller.
    ReplicatedAt "replicated-at"
    /// Written: key of the object whose push made this replica.
    ReplicatedBy "replicated-by"
    /// Written: resourceVersion of the source whose data the replica holds.
    ReplicatedFromVersion "replicated-from-version"
    /// Written: key of the first object of a chain of pulls.
    ReplicatedFromOrigin "replicated-from-origin"
    /// Written: the namespaces that the whole chain above still allows.
    ReplicatedFromAllowed "replicated-from-allowed"
}

impl Annotation {
    /// The annotation of this name (without prefix).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|annotation| annotation.name() == name)
    }
}

/// Under which prefix the annotations stand, and what is made of unknown ones there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    prefix: Box<str>,
    ignore_unknown: bool,
}

impl Dialect {
    /// `prefix` is put before each name as it is: it ends in `/`, or is empty. With an empty prefix every annotation of
    /// the object would be under it, so unknown ones are ignored then.
    #[must_use]
    pub fn new(prefix: &str, ignore_unknown: bool) -> Self {
        Self { prefix: prefix.into(), ignore_unknown: ignore_unknown || prefix.is_empty() }
    }

    /// The whole key of an annotation, as it stands in an object's metadata.
    #[must_use]
    pub fn key(&self, annotation: Annotation) -> String {
        format!("{}{}", self.prefix, annotation.name())
    }

    /// The name after the prefix, if `key` is one of this program's: known, or unknown under a prefix that is its own.
    #[must_use]
    pub fn name<'a>(&self, key: &'a str) -> Option<&'a str> {
        let name = key.strip_prefix(&*self.prefix)?;
        (!self.ignore_unknown || Annotation::from_name(name).is_some()).then_some(name)
    }
}

/// What is wrong with an object's annotations. The message names the annotation and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IllFormed {
    /// An annotation under the prefix that is none of [`Annotation`].
    #[error("unknown annotation {0:?}; --ignore-unknown lets such annotations pass")]
    Unknown(String),
    /// Not a boolean.
    #[error("{}: {value:?} is not a boolean; expected \"true\" or \"false\"", annotation.name())]
    Boolean {
        /// Where it stands.
        annotation: Annotation,
        /// What stands there.
        value: String,
    },
    /// Not a duration.
    #[error("{}: {value:?} is not a duration; expected one such as \"90s\" or \"1h30m\", or \"never\"", annotation.name())]
    Duration {
        /// Where it stands.
        annotation: Annotation,
        /// What stands there.
        value: String,
    },
    /// Not the key of an object.
    #[error("{}: {error}", annotation.name())]
    Name {
        /// Where it stands.
        annotation: Annotation,
        /// What is wrong.
        error: NameError,
    },
    /// A list with an item that cannot be read.
    #[error("{}: {error}", annotation.name())]
    List {
        /// Where it stands.
        annotation: Annotation,
        /// What is wrong.
        error: PatternError,
    },
    /// A push that cannot be read.
    #[error(transparent)]
    Push(#[from] PushError),
    /// A combined object that refers to itself.
    #[error("{}: a source that pushes cannot name itself", annotation.name())]
    Itself {
        /// Where it stands.
        annotation: Annotation,
    },
}

/// How long replicas are kept when their source is missing, or says nothing any more (SPEC 11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalDelay {
    /// They are removed when that has been so for this time.
    After(Duration),
    /// They are kept, and followed again if the source returns.
    Never,
}

/// The well-formed annotations of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Word for word, in the order of [`Annotation`]. Without `replicated-at`: nothing is decided on it, and without it the
    /// replicas of one source are alike, and can share what is kept of them.
    texts: Box<[(Annotation, Arc<str>)]>,
    /// The whole key of the object to pull from.
    pub replicate_from: Option<SourceKey>,
    /// The creator.
    pub replicated_by: Option<SourceKey>,
    /// What the object pushes; an object that was itself made by a push never does (see [`Marks::effective_push`]).
    pub push: Option<Box<Push>>,
    /// Consent to being pulled, if said.
    pub allowed: Option<bool>,
    /// Who may pull, if said.
    pub allowed_namespaces: Option<Box<NamespaceList>>,
    /// Version of the source whose data is held. An object *holds a copy* when it has one (SPEC 6).
    pub from_version: Option<ResourceVersion>,
    /// What the chain above allows.
    pub from_allowed: Option<Box<Allowed>>,
    /// `replicate-once`; absent is false.
    pub once: bool,
    /// `removal-delay`, if said.
    pub removal_delay: Option<RemovalDelay>,
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
        let mut texts = Vec::new();
        let mut any = false;
        for (name, value) in annotations {
            let annotation = Annotation::from_name(name).ok_or_else(|| IllFormed::Unknown(excerpt(name)))?;
            any = true;
            if annotation != Annotation::ReplicatedAt {
                texts.push((annotation, Arc::<str>::from(value)));
            }
        }
        if !any {
            return Ok(None);
        }
        texts.sort_unstable();
        let texts = texts.into_boxed_slice();
        let read = Reader { own, texts: &texts };

        let push = Push::parse(own, read.text(Annotation::ReplicateTo), read.text(Annotation::ReplicateToNamespaces))?;
        let replicate_from = read.key(Annotation::ReplicateFrom)?;
        let replicated_by = read.key(Annotation::ReplicatedBy)?;
        if push.is_some() && replicate_from.is_some() {
            let names_itself = |key: &Option<SourceKey>| key.as_ref().is_some_and(|key| **key == *own);
            for (key, annotation) in
                [(&replicate_from, Annotation::ReplicateFrom), (&replicated_by, Annotation::ReplicatedBy)]
            {
                if names_itself(key) {
                    return Err(IllFormed::Itself { annotation });
                }
            }
        }
        let list = |annotation, error| IllFormed::List { annotation, error };
        let marks = Self {
            replicate_from,
            replicated_by,
            push: push.map(Box::new),
            allowed: read.boolean(Annotation::ReplicationAllowed)?,
            allowed_namespaces: read
                .text(Annotation::ReplicationAllowedNamespaces)
                .map(|text| NamespaceList::parse(text).map(Box::new))
                .transpose()
                .map_err(|error| list(Annotation::ReplicationAllowedNamespaces, error))?,
            from_version: read.text(Annotation::ReplicatedFromVersion).map(ResourceVersion::new),
            from_allowed: read
                .text(Annotation::ReplicatedFromAllowed)
                .map(|text| Allowed::parse(text).map(Box::new))
                .transpose()
                .map_err(|error| list(Annotation::ReplicatedFromAllowed, error))?,
            once: read.boolean(Annotation::ReplicateOnce)?.unwrap_or(false),
            removal_delay: read.removal_delay()?,
            texts: Box::default(),
        };
        Ok(Some(Self { texts, ..marks }))
    }

    /// The annotation's value, word for word; never that of `replicated-at`.
    #[must_use]
    pub fn text(&self, annotation: Annotation) -> Option<&Arc<str>> {
        find(&self.texts, annotation)
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
}

impl Hash for Marks {
    /// Of the texts alone: where these are equal, little else can differ.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.texts.hash(state);
    }
}

fn find(texts: &[(Annotation, Arc<str>)], annotation: Annotation) -> Option<&Arc<str>> {
    texts.iter().find(|(a, _)| *a == annotation).map(|(_, text)| text)
}

struct Reader<'a> {
    own: &'a Key,
    texts: &'a [(Annotation, Arc<str>)],
}

impl<'a> Reader<'a> {
    fn text(&self, annotation: Annotation) -> Option<&'a str> {
        find(self.texts, annotation).map(|text| &**text)
    }

    fn key(&self, annotation: Annotation) -> Result<Option<SourceKey>, IllFormed> {
        self.text(annotation)
            .map(|text| Key::resolve(text, self.own.namespace()).map(SourceKey::from))
            .transpose()
            .map_err(|error| IllFormed::Name { annotation, error })
    }

    fn removal_delay(&self) -> Result<Option<RemovalDelay>, IllFormed> {
        self.text(Annotation::RemovalDelay)
            .map(|value| match value {
                "never" => Ok(RemovalDelay::Never),
                _ => duration::parse(value)
                    .map(RemovalDelay::After)
                    .ok_or_else(|| IllFormed::Duration { annotation: Annotation::RemovalDelay, value: excerpt(value) }),
            })
            .transpose()
    }

    fn boolean(&self, annotation: Annotation) -> Result<Option<bool>, IllFormed> {
        // The spellings of Go's strconv.ParseBool, which v1.3.0 used.
        self.text(annotation)
            .map(|value| match value {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
                "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
                _ => Err(IllFormed::Boolean { annotation, value: excerpt(value) }),
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests;
