//! Which of several controllers writes: with `--leader-elect` the one that holds the [`Lease`] (SPEC 13).
//!
//! A standby runs its watches, and so is ready to go on; but its control loops are not polled, and ask for nothing. The lease is
//! held until the last request of the control loops has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Controller, Owner, RequestId, Want};
use crate::event::{Moment, Now};
use crate::health::Health;
use crate::lease::{self, Lease};

/// Whether this is the controller that writes.
pub(super) struct Election {
    pub(super) lease: Lease,
    pub(super) request: Option<RequestId>,
    leads: Arc<AtomicBool>,
}

impl Controller {
    /// The same, but its control loops make no request unless it holds this lease (SPEC 13). Its watches run all the same, so that
    /// it can take over at once.
    #[must_use]
    pub fn elected_by(mut self, settings: lease::Settings, health: &Health) -> Self {
        self.election = Some(Election { lease: Lease::new(settings), request: None, leads: health.election() });
        self
    }

    /// Whether it may begin to write now.
    pub(super) fn may_write(&self, now: Now) -> bool {
        let leads = self.election.as_ref().is_none_or(|election| election.lease.may_write(now.moment));
        leads || k8s_replicator_core::bug!(StandbyWrites)
    }

    pub(super) fn poll_election(&mut self, now: Now, wants: &mut Vec<Want>) -> Moment {
        // The lease is held until the last write has ended.
        let is_done = self.is_stopping && self.under_way() == 0;
        loop {
            let Some(Election { lease, request, .. }) = &mut self.election else { return Moment::MAX };
            if is_done {
                lease.release();
            }
            let next = lease.poll(now);
            let mut own = *request;
            let until = self.follow(now, next, &mut own, Owner::Election, wants);
            if let Some(Election { lease, request, leads }) = &mut self.election {
                *request = own;
                leads.store(lease.may_write(now.moment), Ordering::Relaxed);
            }
            if let Some(until) = until {
                return until;
            }
        }
    }
}
