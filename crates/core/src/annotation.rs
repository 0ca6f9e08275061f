//! The names of the public annotations, and under which prefix they stand.

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
    /// On a source: the targets, a list of `name`, `ns/name`, `ns-pattern/name`.
    ReplicateTo "replicate-to"
    /// On a source: the targets' namespaces, a list of names, patterns, and exceptions (`!`).
    ReplicateToNamespaces "replicate-to-namespaces"
    /// On a source or target, boolean: copy once, ignore later changes of the source.
    ReplicateOnce "replicate-once"
    /// On a source, any text: when it changes, copy once more.
    ReplicateOnceVersion "replicate-once-version"
    /// On a source, boolean: consent to being pulled.
    ReplicationAllowed "replication-allowed"
    /// On a source: the namespaces that may pull, a list of names, patterns, and exceptions (`!`).
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
