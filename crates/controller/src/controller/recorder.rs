//! What the control loops do, told as Kubernetes Events ([`events`](crate::events)).

use super::{Controller, Owner, RequestId, Want};
use crate::event::{Moment, Now};
use crate::events::{Events, Settings};
use crate::wire::Received;

/// The Events, and the one that is being written.
pub(super) struct Telling {
    pub(super) events: Events,
    pub(super) request: Option<RequestId>,
}

impl Controller {
    /// The same, but it tells what it does as Kubernetes Events. Whether that works makes no difference to what it does.
    #[must_use]
    pub fn telling_events(mut self, settings: Settings) -> Self {
        self.loops.iter_mut().for_each(|each| each.replicator.tell_events());
        self.telling = Some(Telling { events: Events::new(settings), request: None });
        self
    }

    /// Goes on with what there is to tell. It comes last: everything else is asked for before.
    pub(super) fn poll_events(&mut self, now: Now, wants: &mut Vec<Want>) -> Moment {
        let under_way = self.under_way();
        let Self { telling, loops, .. } = self;
        let Some(telling) = telling else { return Moment::MAX };
        for each in loops {
            each.replicator.take_occurrences().into_iter().for_each(|what| telling.events.tell(now, what));
        }
        loop {
            let Some(Telling { events, request }) = &mut self.telling else { return Moment::MAX };
            let mut own = *request;
            let next = events.poll(now, under_way);
            let until = self.follow(now, next, &mut own, Owner::Events, wants);
            if let Some(telling) = &mut self.telling {
                telling.request = own;
            }
            if let Some(until) = until {
                return until;
            }
        }
    }

    pub(super) fn events_came(&mut self, now: Now, received: Received) {
        if let Some(Telling { events, request }) = &mut self.telling {
            if received.is_last() {
                *request = None;
            }
            events.deliver(now, received);
        }
    }
}
