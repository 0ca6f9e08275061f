//! The names of the public annotations, and the prefix before them.

macro_rules! annotations {
    ($($(#[$doc:meta])+ $variant:ident $name:literal)+) => {
        /// An annotation of this program, without its prefix.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Annotation {
            $($(#[$doc])+ $variant,)+
        }

        impl Annotation {
            /// Every annotation, in the order of SPEC 2 and 11.
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
    /// On a source: the targets' namespaces, by a label selector; besides those of the list, less its exceptions (SPEC 11.3).
    ReplicateToNamespaceSelector "replicate-to-namespace-selector"
    /// On a source: the namespaces that may pull, by a label selector; besides those of the list, less its exceptions (SPEC 11.3).
    ReplicationAllowedNamespaceSelector "replication-allowed-namespace-selector"
    /// On a source or a pulling target: which keys are copied, and under which names (SPEC 11.5).
    ReplicateKeys "replicate-keys"
    /// On a source: the keys that those who pull may have, at most (SPEC 11.5).
    ReplicationAllowedKeys "replication-allowed-keys"
    /// On a source that pushes a Secret: the replicas' type (SPEC 11.5).
    ReplicateType "replicate-type"
    /// On a source: which of its labels its replicas get, a list of globs (SPEC 11.6).
    ReplicateLabels "replicate-labels"
    /// On a source: which of its annotations its replicas get, a list of globs (SPEC 11.6).
    ReplicateAnnotations "replicate-annotations"
    /// On a source: labels that its replicas get, `key=value,…` (SPEC 11.6).
    ReplicaLabels "replica-labels"
    /// On a source, a target or a Namespace, boolean: nothing is written because of it, to it, or in it (SPEC 11.7).
    Paused "paused"
    /// On a Namespace: the namespaces whose sources may push into it, a list (SPEC 11.4).
    AcceptReplicasFrom "accept-replicas-from"
    /// On a replica, boolean: it may be removed although there are more to remove than `--removal-limit` allows (SPEC 11.2).
    RemovalApproved "removal-approved"
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
    /// Written: the keys that were asked for when the data was copied, where not all were (SPEC 11.5).
    ReplicatedKeys "replicated-keys"
    /// Written: the labels that the controller set on the replica, by name (SPEC 11.6).
    ReplicatedLabels "replicated-labels"
    /// Written: the annotations that the controller set on the replica besides its own, by name (SPEC 11.6).
    ReplicatedAnnotations "replicated-annotations"
}

impl Annotation {
    /// The annotation of this name (without prefix).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|annotation| annotation.name() == name)
    }
}

/// The prefix of the annotations, and whether unknown ones under it are ignored (`--annotations-prefix`, `--ignore-unknown`).
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

    /// What stands before each name: it ends in `/`, or is empty.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The whole key of an annotation, as it stands in an object's metadata.
    #[must_use]
    pub fn key(&self, annotation: Annotation) -> String {
        format!("{}{}", self.prefix, annotation.name())
    }

    /// Whether this key of an annotation is this program's own, known or not.
    #[must_use]
    pub fn is_own(&self, key: &str) -> bool {
        match key.strip_prefix(&*self.prefix) {
            None => false,
            Some(name) => !self.prefix.is_empty() || Annotation::from_name(name).is_some(),
        }
    }

    /// The name after the prefix, if `key` is one of this program's: known, or unknown under a prefix that is its own.
    #[must_use]
    pub fn name<'a>(&self, key: &'a str) -> Option<&'a str> {
        let name = key.strip_prefix(&*self.prefix)?;
        (!self.ignore_unknown || Annotation::from_name(name).is_some()).then_some(name)
    }
}
