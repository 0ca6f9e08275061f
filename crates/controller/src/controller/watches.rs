//! The watches of a controller, and their requests.

use k8s_replicator_core::scope::Part;

use super::consumers::{Namespaces, Objects};
use super::{Controller, Loop, Owner, RequestId, Want};
use crate::event::{Moment, Now};
use crate::notice::Notice;
use crate::poll::Poll;
use crate::watch::{Consumer, Watch};
use crate::wire::{Next, Received};

/// The watch of one kind in one part of the scope.
pub(super) struct ObjectWatch {
    pub(super) watch: Watch,
    pub(super) part: Part,
    /// The control loop that takes its objects, by number.
    pub(super) loop_: usize,
    pub(super) request: Option<RequestId>,
}

/// The watch, or the poll, that shows which namespaces exist.
pub(super) struct NamespaceWatch {
    pub(super) source: NamespaceSource,
    pub(super) request: Option<RequestId>,
}

/// A watch, or with `--namespaces` a poll.
pub(super) enum NamespaceSource {
    Watch(Box<Watch>),
    Poll(Box<Poll>),
}

impl NamespaceSource {
    fn poll(&mut self, now: Moment, consumer: &mut impl Consumer) -> Next {
        match self {
            Self::Watch(watch) => watch.poll(now, consumer),
            Self::Poll(poll) => poll.poll(now, consumer),
        }
    }

    pub(super) fn deliver(&mut self, now: Moment, received: Received, consumer: &mut impl Consumer) {
        match self {
            Self::Watch(watch) => watch.deliver(now, received, consumer),
            Self::Poll(poll) => poll.deliver(now, received, consumer),
        }
    }

    pub(super) fn watch(&self) -> Option<&Watch> {
        match self {
            Self::Watch(watch) => Some(watch),
            Self::Poll(_) => None,
        }
    }

    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        match self {
            Self::Watch(watch) => watch.take_notices(),
            Self::Poll(poll) => poll.take_notices(),
        }
    }
}

impl Controller {
    /// Cancels the requests of watches, and that of an Event.
    pub(super) fn cancel_watches(&mut self, wants: &mut Vec<Want>) {
        let of_watches = self.watches.iter_mut().map(|slot| &mut slot.request);
        let of_events = self.recorder.as_mut().map(|recorder| &mut recorder.request);
        for request in of_watches.chain([&mut self.namespaces.request]).chain(of_events) {
            if let Some(id) = request.take() {
                self.requests.remove(&id);
                wants.push(Want::Cancel(id));
            }
        }
    }

    /// Polls the watches of objects. Answers until when all of them wait.
    pub(super) fn poll_watches(&mut self, now: Now, wants: &mut Vec<Want>) -> Moment {
        let mut wait_until = Moment::MAX;
        for number in 0..self.watches.len() {
            while let Some(ObjectWatch { watch, part, loop_, request }) = self.watches.get_mut(number) {
                let Some(Loop { replicator, .. }) = self.loops.get_mut(*loop_) else { break };
                let consumer = &mut Objects { dialect: &self.dialect, part, replicator, now };
                let next = watch.poll(now.moment, consumer);
                let (mut own, owner) = (*request, Owner::Watch(number));
                let until = self.follow(now, next, &mut own, owner, wants);
                if let Some(slot) = self.watches.get_mut(number) {
                    slot.request = own;
                }
                if let Some(until) = until {
                    wait_until = wait_until.min(until);
                    break;
                }
            }
        }
        self.note_ready();
        wait_until
    }

    /// The same for the namespaces.
    pub(super) fn poll_namespaces(&mut self, now: Now, wants: &mut Vec<Want>) -> Moment {
        loop {
            let loops = &mut self.loops;
            let next = self.namespaces.source.poll(now.moment, &mut Namespaces { dialect: &self.dialect, loops, now });
            let mut own = self.namespaces.request;
            let until = self.follow(now, next, &mut own, Owner::Namespaces, wants);
            self.namespaces.request = own;
            if let Some(until) = until {
                self.note_ready();
                return until;
            }
        }
    }

    /// Turns what a watch asks for into [`Want`]s. Answers until when it waits; `None`: poll it again.
    pub(super) fn follow(
        &mut self,
        now: Now,
        next: Next,
        own: &mut Option<RequestId>,
        owner: Owner,
        wants: &mut Vec<Want>,
    ) -> Option<Moment> {
        match next {
            Next::Request(request) => {
                let id = self.next_id();
                *own = Some(id);
                self.requests.insert(id, owner);
                self.calls.sent(now.moment, id, &request);
                wants.push(Want::Request(id, request));
                None
            }
            Next::Cancel => {
                if let Some(id) = own.take() {
                    self.requests.remove(&id);
                    self.calls.cancelled(now.moment, id);
                    wants.push(Want::Cancel(id));
                }
                None
            }
            Next::Yield => Some(now.moment),
            Next::WaitUntil(at) => Some(at),
            Next::End(why) => {
                self.end.get_or_insert(why);
                Some(Moment::MAX)
            }
        }
    }
}
