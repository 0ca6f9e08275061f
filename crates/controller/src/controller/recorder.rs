//! Records what the control loops do as Kubernetes Events ([`events`](crate::events)).

use super::{Controller, Owner, RequestId, Want};
use crate::event::{Moment, Now};
use crate::events::{Events, Settings};
use crate::wire::Received;

/// The Events, and the request for the one that is being written.
pub(super) struct Recorder {
    pub(super) events: Events,
    pub(super) request: Option<RequestId>,
}

impl Controller {
    /// The same, and it records what it does as Kubernetes Events. Failures to write them make no difference to replication.
    #[must_use]
    pub fn with_events(mut self, settings: Settings) -> Self {
        self.loops.iter_mut().for_each(|each| each.replicator.tell_events());
        self.recorder = Some(Recorder { events: Events::new(settings), request: None });
        self
    }

    /// What a standby sees is its leader's to tell: each Event would be there once for each process.
    pub(super) fn pass_over_events(&mut self) -> Moment {
        self.loops.iter_mut().for_each(|each| drop(each.replicator.take_occurrences(false)));
        Moment::MAX
    }

    /// Goes on with the Events. Called last, so that all other requests go first. Answers until when it waits.
    pub(super) fn poll_events(&mut self, now: Now, wants: &mut Vec<Want>) -> Moment {
        let under_way = self.under_way();
        let Self { recorder, loops, .. } = self;
        let Some(recorder) = recorder else { return Moment::MAX };
        for each in loops {
            let (occurrences, left_out) = each.replicator.take_occurrences(recorder.events.has_room());
            recorder.events.left_out(left_out);
            occurrences.into_iter().for_each(|what| recorder.events.record(now, what));
        }
        loop {
            let Some(Recorder { events, request }) = &mut self.recorder else { return Moment::MAX };
            let mut own = *request;
            let next = events.poll(now, under_way);
            let until = self.follow(now, next, &mut own, Owner::Events, wants);
            if let Some(recorder) = &mut self.recorder {
                recorder.request = own;
            }
            if let Some(until) = until {
                return until;
            }
        }
    }

    pub(super) fn events_came(&mut self, now: Now, received: Received) {
        if let Some(Recorder { events, request }) = &mut self.recorder {
            if received.is_last() {
                *request = None;
            }
            events.deliver(now, received);
        }
    }
}
