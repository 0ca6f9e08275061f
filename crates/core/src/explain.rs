//! The chain behind a target: which object is given its data by which, link by link, as far up as somebody names a source.
//!
//! It is walked on the graph alone and decides nothing: how each link stands, [`survey::look`](crate::survey::look) says. Where an
//! object is missing, the chain ends in its name.

use crate::annotations::{Annotation, Marks};
use crate::graph::{Graph, LONGEST_CHAIN, Presence};
use crate::names::{Key, SourceKey};

/// How an object comes to give its data to the one below.
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
    /// What the object above does, in a few words.
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
    /// It is not known: nobody has looked, or it is where nobody looks.
    Unknown,
}

/// One object of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The object.
    pub key: Key,
    /// How it comes to give to the one before it in the list; `None`: it is the target.
    pub by: Option<By>,
    /// Whether it exists.
    pub there: There,
    /// Whether the chain comes back to it here: it is not followed further.
    pub again: bool,
}

/// The chain, from the target upwards. `source`: of the decision about the target.
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
