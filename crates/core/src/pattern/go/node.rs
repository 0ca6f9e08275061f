//! A part of an expression, with what has to be known of it to keep the limits.

use regex_syntax::hir::{Hir, Look, Repetition};

use super::set::AsciiSet;
use super::{MAX_REPEAT, SyntaxError};
use crate::names::MAX_NAMESPACE;

/// How many levels of sequences, alternatives and repetitions may lie in one another: what compiles them is recursive, and
/// takes 13 KiB of stack a level when built without optimisation.
const MAX_HEIGHT: u32 = 100;

/// A part of an expression.
pub(super) struct Node {
    /// What it matches.
    pub(super) hir: Hir,
    /// How many levels it has.
    height: u32,
    /// How many copies its nested counts make of the part that they repeat most, as Go reckons it.
    copies: u32,
}

impl Node {
    /// One part of several, by `Hir::concat` or `Hir::alternation`.
    ///
    /// # Errors
    /// When it has too many levels.
    pub(super) fn join(mut nodes: Vec<Self>, join: fn(Vec<Hir>) -> Hir) -> Result<Self, SyntaxError> {
        if nodes.len() == 1
            && let Some(only) = nodes.pop()
        {
            return Ok(only);
        }
        let height = nodes.iter().map(|node| node.height).max().unwrap_or(0);
        let copies = nodes.iter().map(|node| node.copies).max().unwrap_or(1);
        Self::above(height, copies, join(nodes.into_iter().map(|node| node.hir).collect()))
    }

    /// The part `min` to `max` times.
    ///
    /// # Errors
    /// When nested counts make too many copies of something, or there are too many levels.
    pub(super) fn repeat(self, min: u32, max: Option<u32>) -> Result<Self, SyntaxError> {
        let copies = match max {
            // Nothing is left of the part, nor of its own counts.
            Some(0) => 1,
            max => self.copies.saturating_mul(max.unwrap_or(min).max(1)),
        };
        if copies > MAX_REPEAT {
            return Err(SyntaxError::InvalidRepeatSize);
        }
        Self::above(self.height, copies, repetition(self.hir, min, max))
    }

    fn above(height: u32, copies: u32, hir: Hir) -> Result<Self, SyntaxError> {
        let height = height + 1;
        if height > MAX_HEIGHT { Err(SyntaxError::NestingDepth) } else { Ok(Self { hir, height, copies }) }
    }
}

/// `sub` repeated, as far as it makes a difference to a text of at most [`MAX_NAMESPACE`] characters: a large count would
/// only make many copies of what is never reached.
fn repetition(sub: Hir, min: u32, max: Option<u32>) -> Hir {
    const LONGEST: u32 = MAX_NAMESPACE as u32;
    let shortest = sub.properties().minimum_len();
    if shortest.is_none_or(|shortest| shortest > 0) && min > LONGEST {
        return Hir::fail();
    }
    // What matches nothing everywhere may do so any number of times. (`\b` matches nothing only where it holds.)
    let is_optional = shortest == Some(0) && sub.properties().look_set().is_empty();
    let min = if is_optional { 0 } else { min };
    let max = max.filter(|max| *max <= LONGEST.max(min));
    Hir::repetition(Repetition { min, max, greedy: true, sub: Box::new(sub) })
}

impl From<Hir> for Node {
    fn from(hir: Hir) -> Self {
        Self { hir, height: 1, copies: 1 }
    }
}

impl From<Look> for Node {
    fn from(look: Look) -> Self {
        Hir::look(look).into()
    }
}

impl From<AsciiSet> for Node {
    fn from(set: AsciiSet) -> Self {
        Hir::from(set).into()
    }
}
