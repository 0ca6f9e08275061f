//! Chains of pulls, walked upwards.

use std::collections::HashSet;

use crate::annotations::Marks;
use crate::names::{Key, SourceKey, TargetKey};

use super::{Graph, Node};

/// A chain of more pulls than this is refused (SPEC 9.12), so nobody has to look further than that.
pub const LONGEST_CHAIN: usize = 100;

/// Where following `replicate-from` leads, upwards from a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// To an object that pulls from no other, or is not there, or is ill-formed; or into a ring of others, which is refused to those
    /// who are part of it, and not to a target that only hangs on it.
    Ends,
    /// Back to the target.
    Ring,
    /// On and on: with the target's own pull there are more than [`LONGEST_CHAIN`].
    TooLong,
}

impl Graph {
    /// The objects of the chain of pulls that begins with `from`, upwards; `None` for one that the graph does not hold. It ends
    /// before an object comes twice.
    pub fn above<'g>(&'g self, from: &'g SourceKey) -> impl Iterator<Item = (&'g SourceKey, Option<&'g Node>)> {
        let mut next = Some(from);
        let mut seen = HashSet::new();
        std::iter::from_fn(move || {
            let at = next.take().filter(|at| seen.len() < LONGEST_CHAIN && seen.insert(*at))?;
            let node = self.node(at);
            next = node.and_then(|node| node.marks()).and_then(|marks| marks.replicate_from.as_ref());
            Some((at, node))
        })
    }

    /// Where the chain leads in which `target` pulls from `from`. At most [`LONGEST_CHAIN`] steps are taken.
    #[must_use]
    pub fn chain(&self, from: &SourceKey, target: &TargetKey) -> Chain {
        let mut at: &Key = from;
        let mut seen = HashSet::new();
        for _ in 0..LONGEST_CHAIN {
            if *at == **target && !crate::bug!(RingForgotten) {
                return Chain::Ring;
            }
            match self.node(at).and_then(|node| node.marks()).and_then(|marks: &Marks| marks.replicate_from.as_ref()) {
                Some(_) if !seen.insert(at) => return Chain::Ends,
                Some(above) => at = above,
                None => return Chain::Ends,
            }
        }
        Chain::TooLong
    }
}
