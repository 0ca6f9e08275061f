//! Targets that are queued in one piece ([`Wide`]), because one change concerns very many of them.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use k8s_replicator_core::graph::Wide;
use k8s_replicator_core::names::Key;

use crate::event::Moment;

/// So many pieces are tried to find one that may go on.
const LOOKED_AT: usize = 16;
/// At most so many pieces are queued because of one object: if it changes faster than they are taken out, they would fill the memory. Instead
/// of more of them all targets are decided about again,
pub(crate) const MOST_PIECES: usize = 16;
/// once in this time.
const ALL_ONCE_IN: Duration = Duration::from_secs(10);

/// Targets in one piece.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) wide: Wide,
    pub(super) cause: Option<Key>,
    /// Since when they have been due.
    pub(super) due: Moment,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Those of which others have their turn first come last.
    order: VecDeque<Piece>,
    /// How many of them each cause has.
    of_cause: HashMap<Option<Key>, usize>,
    /// All targets are to be verified, as there were too many pieces, or too many targets of one cause; and when they may be.
    verify_all: bool,
    verify_all_after: Moment,
}

impl Pieces {
    /// A new piece. Answers whether it is queued: not if its cause has too many.
    pub(super) fn push(&mut self, wide: Wide, cause: Option<&Key>, due: Moment) -> bool {
        let count = self.of_cause.entry(cause.cloned()).or_default();
        if *count >= MOST_PIECES {
            self.verify_all();
            return false;
        }
        *count += 1;
        self.order.push_back(Piece { wide, cause: cause.cloned(), due });
        true
    }

    /// Some targets find no room: all are to be verified in their place.
    pub(super) fn verify_all(&mut self) {
        self.verify_all = true;
    }

    /// Whether all targets are to be verified now, in place of the pieces that found no room.
    pub(super) fn take_verify_all(&mut self, now: Moment) -> bool {
        let is_due = self.verify_all && self.verify_all_after <= now;
        if is_due {
            (self.verify_all, self.verify_all_after) = (false, now + ALL_ONCE_IN);
        }
        is_due
    }

    /// The next piece whose cause may go on. It goes back by [`Pieces::put_back`].
    pub(super) fn next(&mut self, may_go_on: impl Fn(Option<&Key>) -> bool) -> Option<Piece> {
        for _ in 0..LOOKED_AT.min(self.order.len()) {
            let piece = self.order.pop_front()?;
            if may_go_on(piece.cause.as_ref()) {
                return Some(piece);
            }
            self.order.push_back(piece);
        }
        None
    }

    /// What is left of a piece, behind the others. If that is nothing, its cause is answered, which has one piece less.
    pub(super) fn put_back(&mut self, piece: Piece) -> Option<Key> {
        if !piece.wide.is_empty() {
            self.order.push_back(piece);
            return None;
        }
        if let Some(count) = self.of_cause.get_mut(&piece.cause) {
            *count -= 1;
            if *count == 0 {
                self.of_cause.remove(&piece.cause);
            }
        }
        piece.cause
    }

    /// All pieces, in the order of their turns.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Piece> {
        self.order.iter()
    }

    /// Whether a piece is queued.
    pub(super) fn has_next(&self) -> bool {
        !self.order.is_empty()
    }

    /// Whether there is nothing to do, now or later.
    pub(super) fn is_idle(&self) -> bool {
        self.order.is_empty() && !self.verify_all
    }

    /// When all targets are to be verified.
    pub(super) fn verify_all_at(&self) -> Option<Moment> {
        self.verify_all.then_some(self.verify_all_after)
    }
}
