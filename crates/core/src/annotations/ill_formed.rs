//! The mistakes that make an object's annotations ill-formed.

use thiserror::Error;

use crate::annotation::Annotation;
use crate::carried::MAX_CARRIED;
use crate::glob::GlobError;
use crate::keys::KeysError;
use crate::names::NameError;
use crate::pattern::ListError;
use crate::push::PushError;
use crate::selector::SelectorError;

/// What is wrong with an object's annotations. The message names the annotation, what stands there and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IllFormed {
    /// An annotation under the prefix that is none of [`Annotation`].
    #[error("unknown annotation {0:?}; --ignore-unknown lets such annotations pass")]
    Unknown(String),
    /// The `annotations` of the object are not a map of texts. (The API server never sends such.)
    #[error("the object's annotations are not a map of texts")]
    NotAnnotations,
    /// A value that is no text.
    #[error("{}: the value is not a text in UTF-8", annotation.name())]
    NotText {
        /// The annotation.
        annotation: Annotation,
    },
    /// Not a boolean.
    #[error("{}: {value:?} is not a boolean; expected \"true\" or \"false\"", annotation.name())]
    Boolean {
        /// The annotation.
        annotation: Annotation,
        /// Its value.
        value: String,
    },
    /// Not a duration.
    #[error("{}: {value:?} is not a duration; expected one such as \"90s\" or \"1h30m\", or \"never\"", annotation.name())]
    Duration {
        /// The annotation.
        annotation: Annotation,
        /// Its value.
        value: String,
    },
    /// Not the key of an object.
    #[error("{}: {error}", annotation.name())]
    Name {
        /// The annotation.
        annotation: Annotation,
        /// What is wrong.
        error: NameError,
    },
    /// A name without its namespace, where the key has to be whole.
    #[error("{}: {value:?} has no namespace; expected \"namespace/name\"", annotation.name())]
    BareName {
        /// The annotation.
        annotation: Annotation,
        /// Its value.
        value: String,
    },
    /// A list with an item that cannot be read.
    #[error("{}: {error}", annotation.name())]
    List {
        /// The annotation.
        annotation: Annotation,
        /// What is wrong.
        error: ListError,
    },
    /// A label selector that cannot be read.
    #[error("{}: {error}", annotation.name())]
    Selector {
        /// The annotation.
        annotation: Annotation,
        /// What is wrong.
        error: SelectorError,
    },
    /// A list of keys that cannot be read.
    #[error("{}: {error}", annotation.name())]
    Keys {
        /// The annotation.
        annotation: Annotation,
        /// What is wrong.
        error: KeysError,
    },
    /// A list of globs that cannot be read.
    #[error("{}: {error}", annotation.name())]
    Globs {
        /// The annotation.
        annotation: Annotation,
        /// What is wrong.
        error: GlobError,
    },
    /// Labels that cannot be given to a replica.
    #[error("replica-labels: {0}")]
    Labels(String),
    /// More labels or annotations to copy than a source may have.
    #[error("{}: it names more than {MAX_CARRIED} labels or annotations of the object; expected fewer", annotation.name())]
    TooManyCarried {
        /// The annotation.
        annotation: Annotation,
    },
    /// Not a type of Secrets.
    #[error("replicate-type: {0:?} is not a type of Secrets; expected one such as \"Opaque\"")]
    Type(String),
    /// An annotation of namespaces on another object.
    #[error("{}: it belongs on a Namespace", annotation.name())]
    Misplaced {
        /// The annotation.
        annotation: Annotation,
    },
    /// A push that cannot be read.
    #[error(transparent)]
    Push(#[from] PushError),
    /// A combined object that refers to itself.
    #[error("{}: a source that pushes cannot name itself", annotation.name())]
    Itself {
        /// The annotation.
        annotation: Annotation,
    },
}

impl IllFormed {
    /// The annotation that is ill-formed; `None`: an unknown one, or the annotations as a whole.
    #[must_use]
    pub fn annotation(&self) -> Option<Annotation> {
        match self {
            Self::Unknown(_) | Self::NotAnnotations => None,
            Self::NotText { annotation }
            | Self::Boolean { annotation, .. }
            | Self::Duration { annotation, .. }
            | Self::Name { annotation, .. }
            | Self::BareName { annotation, .. }
            | Self::List { annotation, .. }
            | Self::Selector { annotation, .. }
            | Self::Keys { annotation, .. }
            | Self::Globs { annotation, .. }
            | Self::Misplaced { annotation }
            | Self::TooManyCarried { annotation }
            | Self::Itself { annotation }
            | Self::Push(PushError::List { annotation, .. }) => Some(*annotation),
            Self::Labels(_) => Some(Annotation::ReplicaLabels),
            Self::Type(_) => Some(Annotation::ReplicateType),
            Self::Push(_) => Some(Annotation::ReplicateTo),
        }
    }
}
