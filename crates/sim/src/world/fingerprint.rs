//! A fingerprint of everything that determines how a world goes on: for the exhaustive search, which visits each world once.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use k8s_replicator_controller::wire::Received;

use super::World;
use super::network::Progress;
use super::step::{Fate, Flow, Step};

/// What was delivered to a controller, in order: its state follows from that.
#[derive(Debug, Default)]
pub(super) struct Given(DefaultHasher);

impl Given {
    pub(super) fn add(&mut self, id: impl std::hash::Hash, received: &Received) {
        let hasher = &mut self.0;
        id.hash(hasher);
        match received {
            Received::Response(response) => {
                (0, response.status.as_u16()).hash(hasher);
                response.body.hash(hasher);
            }
            Received::TooLong => 1.hash(hasher),
            Received::Head(status, _) => (2, status.as_u16()).hash(hasher),
            Received::Data(bytes) => (3, bytes).hash(hasher),
            Received::Closed => 4.hash(hasher),
            Received::Failed(_) => 5.hash(hasher),
        }
    }

    fn hash(&self) -> u64 {
        self.0.finish()
    }
}

impl World {
    /// What the network can do next: each request that is under way reaches the server, or its answer gets lost; each answer arrives;
    /// each watch goes on by one event.
    pub fn ways(&mut self) -> Vec<Step> {
        let number = |nth: usize| u8::try_from(nth).unwrap_or(u8::MAX);
        let count = |is: fn(&Progress) -> bool, flights: &[super::network::Flight]| {
            flights.iter().filter(|flight| is(&flight.progress)).count()
        };
        let sent = count(|progress| matches!(progress, Progress::Sent), &self.flights);
        let answered = count(|progress| matches!(progress, Progress::Answered(_)), &self.flights);
        let mut ways: Vec<Step> = (0..sent).map(|nth| Step::Carry(number(nth), Fate::Fine)).collect();
        ways.extend((0..sent).map(|nth| Step::Carry(number(nth), Fate::ReplyLost)));
        ways.extend((0..answered).map(|nth| Step::Arrive(number(nth))));
        let streams: Vec<usize> = (0..self.pipes.len()).filter(|at| self.has_events(*at)).collect();
        ways.extend(streams.into_iter().map(|nth| Step::Flow(number(nth), Flow::Whole)));
        ways
    }

    /// Two worlds of the same age with the same fingerprint go on alike: the same is stored, at the same versions, the same is on its
    /// way, and the controllers were given the same.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let mut say = |text: String| text.hash(&mut hasher);
        say(format!("{:?} {} {:?}", self.now, self.store.revision, self.store.live));
        for server in &self.servers {
            say(format!("{}", server.revision));
        }
        for flight in &self.flights {
            say(format!("{:?} {:?} {:?} {:?}", flight.sender, flight.id, flight.request, flight.progress));
        }
        for pipe in &self.pipes {
            say(format!("{:?} {:?} {:?} {:?}", pipe.sender, pipe.id, pipe.head, pipe.frames));
        }
        for process in self.processes.iter().flatten() {
            say(format!("{} {} {:?}", process.start, process.given.hash(), process.wakes));
        }
        hasher.finish()
    }
}
