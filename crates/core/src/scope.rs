//! Which namespaces the program watches: all of them, or those of `--namespaces`.
//!
//! Nothing is known of objects outside, and they count neither as existing nor as missing.

use std::collections::BTreeSet;

use crate::names::Namespace;

/// See the [module](self).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// All namespaces.
    #[default]
    Cluster,
    /// These, whether they exist or not.
    Namespaces(BTreeSet<Namespace>),
}

/// What one list and watch of objects covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All namespaces.
    Cluster,
    /// One namespace.
    Namespace(Namespace),
}

impl Scope {
    /// Whether the program watches this namespace.
    #[must_use]
    pub fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::Cluster => true,
            Self::Namespaces(namespaces) => namespaces.contains(namespace),
        }
    }

    /// The lists that together cover it.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        match self {
            Self::Cluster => vec![Part::Cluster],
            Self::Namespaces(namespaces) => namespaces.iter().cloned().map(Part::Namespace).collect(),
        }
    }
}

impl Part {
    /// Whether an object in this namespace belongs to it.
    #[must_use]
    pub fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::Cluster => true,
            Self::Namespace(own) => **own == *namespace,
        }
    }
}
