//! The chain behind a target: from which object each link gets its data, up to the first that names no source.
//!
//! It is read from the graph alone, and decides nothing: [`survey::look`](crate::survey::look) gives the state of each link. Where
//! an object is missing, the chain ends with its name.

use crate::annotations::{Annotation, Marks};
use crate::graph::{Graph, LONGEST_CHAIN, Presence};
use crate::names::{Key, SourceKey};

/// Why an object gives its data to the one below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The one below asks for it: its `replicate-from`.
    Pull,
    /// The one below was made by its push: its `replicated-by`.
    Creator,
    /// Its push names the one below, which it did not make.
    Push,
}

impl By {
    /// The relation as a few words: "pulls from" and the like.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pull => "pulls from",
            Self::Creator => "made by the push of",
            Self::Push => "named by the push of",
        }
    }

    /// The annotation that says so, and whether it stands on the object below.
    #[must_use]
    pub fn annotation(self) -> (Annotation, bool) {
        match self {
            Self::Pull => (Annotation::ReplicateFrom, true),
            Self::Creator => (Annotation::ReplicatedBy, true),
            Self::Push => (Annotation::ReplicateTo, false),
        }
    }
}

/// Whether an object of the chain is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum There {
    /// It exists.
    Present,
    /// It does not exist.
    Missing,
    /// Not known: it was not looked up yet, or is in a namespace that the program does not watch.
    Unknown,
}

/// One object of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The object.
    pub key: Key,
    /// Its relation to the object before it in the list; `None`: it is the target.
    pub by: Option<By>,
    /// Whether it exists.
    pub there: There,
    /// Whether the chain came by this object before: it is a ring, and not followed further.
    pub again: bool,
}

/// The chain, from the target upwards. `source`: the source that the decision about the target names.
#[must_use]
pub fn chain(graph: &Graph, target: &Key, source: Option<&SourceKey>) -> Vec<Link> {
    let mut links = vec![link(graph, target.clone(), None)];
    while links.len() <= LONGEST_CHAIN + 2
        && let Some(last) = links.last().filter(|last| !last.again)
    {
        let Some((above, by)) = above(graph, last, source) else { break };
        let again = links.iter().any(|link| link.key == above);
        links.push(Link { again, ..link(graph, above, Some(by)) });
    }
    links
}

fn link(graph: &Graph, key: Key, by: Option<By>) -> Link {
    let there = match graph.presence(&key) {
        Presence::Present(_) => There::Present,
        Presence::Absent => There::Missing,
        Presence::Unknown | Presence::Outside => There::Unknown,
    };
    Link { key, by, there, again: false }
}

fn above(graph: &Graph, link: &Link, source: Option<&SourceKey>) -> Option<(Key, By)> {
    let marks: Option<&Marks> = graph.node(&link.key).and_then(|node| node.marks());
    let named = marks.and_then(|marks| match (&marks.replicated_by, &marks.replicate_from) {
        (Some(creator), _) => Some((creator, By::Creator)),
        (None, Some(from)) => Some((from, By::Pull)),
        (None, None) => None,
    });
    let pushing = || source.filter(|_| link.by.is_none()).map(|source| (source, By::Push));
    named.or_else(pushing).map(|(key, by)| (key.clone().into(), by))
}

#[cfg(test)]
mod tests;
