//! What a source pushes, and where: `replicate-to` and `replicate-to-namespaces` read together.

use std::collections::BTreeSet;
use std::sync::Arc;

use thiserror::Error;

use crate::annotations::Annotation;
use crate::names::{Key, excerpt, is_label, is_subdomain};
use crate::pattern::{Budget, NamespaceList, PatternError};

/// What is wrong with a push.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PushError {
    /// More than one slash in an item.
    #[error("replicate-to: {0:?} has more than one \"/\"; expected \"namespace/name\" or \"name\"")]
    TooManySlashes(String),
    /// A name that the API server would refuse.
    #[error("replicate-to: {0:?} is not a legal object name")]
    Name(String),
    /// A namespace with a slash in it.
    #[error("replicate-to-namespaces: {0:?} has a \"/\"; expected a namespace or a pattern")]
    Slash(String),
    /// A namespace pattern that cannot be read.
    #[error("{}: {error}", annotation.name())]
    Pattern {
        /// Where it stands.
        annotation: Annotation,
        /// What is wrong.
        error: PatternError,
    },
}

/// A well-formed push. It may name nothing, and is still a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Qualified items with a literal namespace, sorted, each once: there may be thousands.
    qualified: Box<[(Box<str>, Arc<str>)]>,
    parts: Vec<Part>,
}

/// Every name in every one of the namespaces. Kept unmultiplied: two long lists would fill the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Sorted, each once.
    names: Box<[Arc<str>]>,
    namespaces: NamespaceList,
}

impl Part {
    /// The names, sorted, each once.
    #[must_use]
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The namespaces.
    #[must_use]
    pub fn namespaces(&self) -> &NamespaceList {
        &self.namespaces
    }
}

impl Push {
    /// Reads the push of the object `own`. `None`: it has neither annotation.
    ///
    /// # Errors
    /// When either annotation is ill-formed (SPEC 2).
    pub fn parse(own: &Key, to: Option<&str>, to_namespaces: Option<&str>) -> Result<Option<Self>, PushError> {
        // One for both annotations: they are one push.
        let mut budget = Budget::default();
        let mut list = |annotation, text: &str| {
            let list = NamespaceList::parse_within(text, &mut budget);
            list.map_err(|error| PushError::Pattern { annotation, error })
        };
        let namespaces = match to_namespaces {
            None => None,
            Some(text) => {
                if let Some(item) = text.split(',').find(|item| item.contains('/')) {
                    return Err(PushError::Slash(excerpt(item)));
                }
                Some(list(Annotation::ReplicateToNamespaces, text)?)
            }
        };
        let mut unqualified = Vec::new();
        let mut qualified = BTreeSet::new();
        let mut push = Self { qualified: Box::default(), parts: Vec::new() };
        match (to, &namespaces) {
            (None, None) => return Ok(None),
            (None, Some(_)) => unqualified.push(own.name()),
            (Some(to), _) => {
                for item in to.split(',').filter(|item| !item.is_empty()) {
                    match item.split_once('/') {
                        None => unqualified.push(legal(item)?),
                        Some((_, name)) if name.contains('/') => {
                            return Err(PushError::TooManySlashes(excerpt(item)));
                        }
                        Some((namespace, name)) => {
                            let name = legal(name)?.into();
                            if is_label(namespace) {
                                qualified.insert((Box::from(namespace), name));
                            } else {
                                let namespaces = list(Annotation::ReplicateTo, namespace)?;
                                push.parts.push(Part { names: [name].into(), namespaces });
                            }
                        }
                    }
                }
            }
        }
        push.qualified = qualified.into_iter().collect();
        unqualified.sort_unstable();
        unqualified.dedup();
        let names: Box<[Arc<str>]> = unqualified.into_iter().map(Arc::from).collect();
        let namespaces = match namespaces {
            Some(namespaces) => namespaces,
            None => list(Annotation::ReplicateTo, own.namespace())?,
        };
        push.parts.push(Part { names, namespaces });
        Ok(Some(push))
    }

    /// Whether the push names this object. (An object never targets itself; that is the caller's to see.)
    #[must_use]
    pub fn names(&self, target: &Key) -> bool {
        let (namespace, name) = (target.namespace(), target.name());
        self.qualified.binary_search_by(|(ns, n)| (&**ns, &**n).cmp(&(namespace, name))).is_ok()
            || self.parts.iter().any(|part| {
                part.names.binary_search_by(|n| n.as_ref().cmp(name)).is_ok() && part.namespaces.matches(namespace)
            })
    }

    /// The names that are pushed into a namespace; one may come twice.
    pub fn names_in<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Arc<str>> {
        let parts = self.parts.iter().filter(move |part| part.namespaces.matches(namespace));
        let start = self.qualified.partition_point(|(ns, _)| **ns < *namespace);
        let qualified = self.qualified.iter().skip(start).take_while(move |(ns, _)| **ns == *namespace);
        qualified.map(|(_, name)| name).chain(parts.flat_map(|part| part.names.iter()))
    }

    /// How many qualified items name a namespace literally; each counts once.
    #[must_use]
    pub fn literal_count(&self) -> usize {
        self.qualified.len()
    }

    /// The namespace and name of the `n`-th of these items, in the order of (namespace, name).
    #[must_use]
    pub fn literal_target(&self, n: usize) -> Option<(&str, &str)> {
        self.qualified.get(n).map(|(namespace, name)| (&**namespace, &**name))
    }

    /// All other items: names, each in every namespace of a list.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The namespaces that are named literally, each once.
    pub fn literal_namespaces(&self) -> BTreeSet<&str> {
        let parts = self.parts.iter().filter(|part| !part.names.is_empty());
        let qualified = self.qualified.iter().map(|(namespace, _)| &**namespace);
        qualified.chain(parts.flat_map(|part| part.namespaces.literals())).collect()
    }

    /// The names that are pushed into namespaces by a pattern; one may come twice.
    pub fn names_by_pattern(&self) -> impl Iterator<Item = &Arc<str>> {
        self.parts.iter().filter(|part| part.namespaces.has_patterns()).flat_map(|part| part.names.iter())
    }
}

fn legal(name: &str) -> Result<&str, PushError> {
    if is_subdomain(name) { Ok(name) } else { Err(PushError::Name(excerpt(name))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMESPACES: [&str; 6] = ["own", "a", "ab", "b", "jx-1", "jx-2"];

    /// Every target in the namespaces above, as text.
    fn targets(to: Option<&str>, to_namespaces: Option<&str>) -> Result<Option<Vec<String>>, String> {
        let push = Push::parse(&Key::new("own", "src").unwrap(), to, to_namespaces).map_err(|e| e.to_string())?;
        Ok(push.map(|push| {
            let mut found = Vec::new();
            for namespace in NAMESPACES {
                for name in push.names_in(namespace) {
                    assert!(push.names(&Key::new(namespace, name).unwrap()), "{namespace}/{name}");
                    found.push(format!("{namespace}/{name}"));
                }
            }
            found.sort();
            found.dedup();
            for namespace in NAMESPACES {
                for name in ["src", "x", "y"] {
                    let key = Key::new(namespace, name).unwrap();
                    assert_eq!(push.names(&key), found.contains(&key.to_string()), "{key}");
                }
            }
            found
        }))
    }

    #[test]
    fn the_two_annotations_combine() {
        type Case = (Option<&'static str>, Option<&'static str>, Option<&'static [&'static str]>);
        let cases: &[Case] = &[
            (None, None, None),
            // An empty push is still a push, of nothing.
            (Some(""), None, Some(&[])),
            (None, Some(""), Some(&[])),
            (Some(""), Some("a"), Some(&[])),
            (Some("x"), Some(""), Some(&[])),
            (Some(",x,,x"), None, Some(&["own/x"])),
            (Some("x,y"), None, Some(&["own/x", "own/y"])),
            (Some("a/x"), None, Some(&["a/x"])),
            (Some("x,y"), Some("a,b"), Some(&["a/x", "a/y", "b/x", "b/y"])),
            (Some("x,b/y"), Some("a"), Some(&["a/x", "b/y"])),
            (Some("b/y"), Some("a"), Some(&["b/y"])),
            (None, Some("a,jx-.*"), Some(&["a/src", "jx-1/src", "jx-2/src"])),
            (Some("jx-.*/x"), None, Some(&["jx-1/x", "jx-2/x"])),
            (Some("a.*/x,a/x"), Some("a,a"), Some(&["a/x", "ab/x"])),
            // A dot alone is no pattern; an illegal literal names nothing; the whole namespace has to match.
            (None, Some("jx-.,b"), Some(&["b/src"])),
            (None, Some("(a)"), Some(&["a/src"])),
            (None, Some("a?"), Some(&["a/src"])),
            // Not trimmed: the space belongs to the item.
            (None, Some("a, b"), Some(&["a/src"])),
            (Some("/x"), None, Some(&[])),
            (Some("own/src"), None, Some(&["own/src"])),
        ];
        for (to, to_namespaces, expected) in cases {
            let expected = expected.map(|list| list.iter().map(ToString::to_string).collect());
            assert_eq!(targets(*to, *to_namespaces), Ok(expected), "{to:?} {to_namespaces:?}");
        }
    }

    #[test]
    fn what_is_ill_formed_is_named() {
        let cases = [
            (Some("a/b/c"), None, "replicate-to: \"a/b/c\" has more than one"),
            (Some("X"), None, "replicate-to: \"X\" is not a legal object name"),
            (Some(" x"), None, "replicate-to: \" x\" is not a legal object name"),
            (Some("a/"), None, "replicate-to: \"\" is not a legal object name"),
            (Some("x,a/Y"), None, "replicate-to: \"Y\" is not a legal object name"),
            (Some("x"), Some("a/b"), "replicate-to-namespaces: \"a/b\" has a \"/\""),
            (None, Some("a,("), "replicate-to-namespaces: "),
            (Some("(/x,a/x"), None, "replicate-to: "),
        ];
        for (to, to_namespaces, message) in cases {
            let error = targets(to, to_namespaces).unwrap_err();
            assert!(error.starts_with(message), "{to:?} {to_namespaces:?}: {error}");
        }
    }

    #[test]
    fn what_the_index_registers() {
        let own = Key::new("own", "src").unwrap();
        let push = Push::parse(&own, Some("x,b/y,j.*/z"), Some("a,ab*")).unwrap().unwrap();
        assert_eq!(push.literal_namespaces(), ["a", "b"].into());
        let mut names: Vec<_> = push.names_by_pattern().map(|name| &**name).collect();
        names.sort_unstable();
        assert_eq!(names, ["x", "z"]);
    }
}
