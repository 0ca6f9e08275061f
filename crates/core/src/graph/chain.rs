//! Chains of pulls, walked upwards.

use crate::annotations::Marks;
use crate::names::{Key, SourceKey, TargetKey};

use super::Graph;

/// A chain of more pulls than this is refused (SPEC 9.12), so nobody has to look further than that.
pub const LONGEST_CHAIN: usize = 100;

/// Where following `replicate-from` leads, upwards from a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// To an object that pulls from no other, or is not there, or is ill-formed; or into a ring of others.
    Ends,
    /// Back to the target.
    Ring,
    /// On and on: the target's own pull, and more above it than [`LONGEST_CHAIN`] with that.
    TooLong,
}

impl Graph {
    /// Where the chain leads in which `target` pulls from `from`. At most [`LONGEST_CHAIN`] steps are taken.
    #[must_use]
    pub fn chain(&self, from: &SourceKey, target: &TargetKey) -> Chain {
        let mut at: &Key = from;
        for _ in 0..LONGEST_CHAIN {
            if *at == **target {
                return Chain::Ring;
            }
            match self.node(at).and_then(|node| node.marks()).and_then(|marks: &Marks| marks.replicate_from.as_ref()) {
                Some(above) => at = above,
                None => return Chain::Ends,
            }
        }
        Chain::TooLong
    }
}
