//! What the queue knows of one target, and what it says of it.

use std::ops::Deref;

use k8s_replicator_core::names::{Key, TargetKey};

use crate::cluster::Access;
use crate::event::Moment;

/// How soon a target has to be decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// To be verified: a list was complete.
    Verify,
    /// Something happened to it.
    Urgent,
    /// It waited for an answer that is there now.
    Ready,
}

/// When a target that was handed out is decided about again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// When something changes that it depends on, or a list is complete: it is as wanted, or nothing can be done about it.
    Settled,
    /// Now.
    Now,
    /// Then; sooner if something changes. [`Moment::MAX`]: as [`End::Settled`].
    At(Moment),
    /// When there is room for requests of this kind in this namespace ([`Queue::reopen`](super::Queue::reopen)).
    Parked(Box<str>, Access),
}

/// A target whose turn it is. It goes back to the queue by [`Queue::end`](super::Queue::end).
#[derive(Debug)]
#[must_use = "a target that is not given back is never looked at again"]
pub struct Turn(pub(super) TargetKey);

impl Deref for Turn {
    type Target = TargetKey;
    fn deref(&self) -> &TargetKey {
        &self.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Queued(Priority),
    HandedOut,
    Waiting(Moment),
    Parked,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) state: State,
    /// The change because of which it is decided about, while it is queued or handed out.
    pub(super) cause: Option<Key>,
    /// Added while it was handed out.
    pub(super) again: Option<(Priority, Option<Key>)>,
    pub(super) failures: Failures,
    /// Since when it has been due because something changed; `None`: it is only to be verified, or waits for a time.
    pub(super) due: Option<Moment>,
}

/// Failures in a row of requests for one target. `Paces` counts them too, but forgets where more targets fail than it remembers:
/// without this each of them would be tried again as after its first failure.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Failures {
    /// Of what it had to wait for: of a look at it, of a read of it, or of its source.
    pub(super) reads: u32,
    pub(super) writes: u32,
}

/// How many targets are to be decided about.
#[derive(Debug)]
pub struct Depth {
    /// By what they wait for.
    pub classes: [(&'static str, usize); 6],
    /// Since when the one that is due for longest, because something changed, has been so.
    pub oldest_urgent: Option<Moment>,
}
