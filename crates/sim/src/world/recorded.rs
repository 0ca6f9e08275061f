//! The Events that controllers write: whether what they say is so, and how many they are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Recording, Violation, World};
use crate::api::events::{regarding, related};
use crate::api::http::{Refusal, Reply, Request};
use crate::api::object::Id;
use crate::api::rbac::ACCOUNT;
use crate::api::server::refused;
use crate::properties::{self, most_events_of_all, most_events_of_one};

/// What Events of type `Normal` say was done, in their `action`.
const DONE: [&str; 6] = ["Create", "Adopt", "Update", "Clear", "Delete", "Recreate"];

/// What was seen of each start of a controller.
#[derive(Default)]
pub(super) struct Recorded {
    /// The objects that it wrote.
    written: BTreeSet<(u64, Id)>,
    /// How many Events it wrote on each object (of one that is made again anew),
    of_one: BTreeMap<(u64, Id, String), usize>,
    /// and in all.
    of_all: BTreeMap<u64, usize>,
}

impl Recorded {
    /// The API server did not refuse a write, whatever became of the response.
    pub(super) fn wrote(&mut self, start: u64, id: &Id) {
        self.written.insert((start, id.clone()));
    }
}

impl World {
    /// Judges an Event that a controller is about to write.
    pub(super) fn look_at_event(&mut self, start: u64, started: Duration, request: &Request) -> Result<(), Violation> {
        // A series whose Event the API server has forgotten.
        let Some(event) = self.events.after(request) else { return Ok(()) };
        let broken = |what: &str| Err(Violation::new("events", format!("{what}: {event}")));
        if properties::shows_a_value(&event.to_string()) {
            return Err(Violation::new("secrecy", format!("an Event shows a value: {event}")));
        }
        let Some((id, uid)) = regarding(&event) else { return broken("it is about nothing that is replicated") };
        if self.faults_ended.is_some() {
            *self.requests_of.entry(format!("events of {id}")).or_default() += 1;
        }
        for (id, uid) in std::iter::once((id.clone(), uid)).chain(related(&event)) {
            let was_there = |uid: &str| {
                self.store.history.iter().rev().any(|(_, state)| state.get(&id).is_some_and(|it| it.uid == uid))
            };
            if uid.is_some_and(|uid| !was_there(uid)) {
                return broken("it names an object that there never was");
            }
        }
        let says_done = event["type"] == "Normal" && event["action"].as_str().is_some_and(|it| DONE.contains(&it));
        if says_done && !self.recorded.written.contains(&(start, id.clone())) {
            return broken("this controller did nothing of that");
        }
        let since = self.now.saturating_sub(started);
        let of_all = self.recorded.of_all.entry(start).or_default();
        *of_all += 1;
        if *of_all > most_events_of_all(since) {
            return broken("it is one too many");
        }
        let uid = uid.unwrap_or_default().to_owned();
        let of_one = self.recorded.of_one.entry((start, id, uid)).or_default();
        *of_one += 1;
        if *of_one > most_events_of_one(since) {
            return broken("it is one too many on this object");
        }
        Ok(())
    }

    /// The API server's answer to a request about Events.
    pub(super) fn answer_event(&mut self, request: &Request) -> Reply {
        if self.setting.recording == Recording::Forbidden {
            let message = format!(
                "events.events.k8s.io is forbidden: User \"{ACCOUNT}\" cannot create resource \"events\" in API group \"events.k8s.io\""
            );
            return refused(request, &Refusal::new(403, "Forbidden", message));
        }
        self.events.answer(&self.store.live, request, self.now)
    }
}
