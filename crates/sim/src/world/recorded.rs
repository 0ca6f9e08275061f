//! TRUSTED: the Events that controllers write: whether what they say is so, and how many they are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::users::NAMES;
use super::{Recording, Violation, World};
use crate::api::events::{regarding, related};
use crate::api::http::{Reply, Request};
use crate::api::object::Id;
use crate::api::rbac::Roles;
use crate::api::server::refused;
use crate::properties::{self, most_events_of_all, most_events_of_one};

/// What an Event of type `Normal` says was done, in its `action`, and by which request.
const DONE: [(&str, &str); 6] = [
    ("Create", "POST"),
    ("Adopt", "PATCH"),
    ("Update", "PATCH"),
    ("Clear", "PATCH"),
    ("Delete", "DELETE"),
    ("Recreate", "DELETE"),
];

/// What was seen of each start of a controller.
#[derive(Default)]
pub(super) struct Recorded {
    /// The objects that it wrote, each with the method.
    written: BTreeSet<(u64, Id, String)>,
    /// How many Events it wrote on each object (of one that is made again anew),
    of_one: BTreeMap<(u64, Id, String), usize>,
    /// and in all.
    of_all: BTreeMap<u64, usize>,
}

impl Recorded {
    /// A write that was sent to the API server was not refused, as far as the controller can know.
    pub(super) fn wrote(&mut self, start: u64, id: &Id, method: &str) {
        self.written.insert((start, id.clone(), method.to_owned()));
    }

    /// Whether this start of a controller has written this object.
    pub(super) fn has_written(&self, start: u64, id: &Id) -> bool {
        self.written.iter().any(|(by, object, _)| *by == start && object == id)
    }

    /// How many Events were written.
    pub(super) fn count(&self) -> usize {
        self.of_all.values().sum()
    }
}

impl World {
    /// Judges a request that is about to create an Event, or to update one.
    pub(super) fn look_at_event(&mut self, start: u64, started: Duration, request: &Request) -> Result<(), Violation> {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        if properties::shows_a_value(&body) {
            return Err(Violation::new("secrecy", format!("an Event shows a value: {body}")));
        }
        let since = self.now.saturating_sub(started);
        let of_all = self.recorded.of_all.entry(start).or_default();
        *of_all += 1;
        if *of_all > most_events_of_all(since) {
            return Err(Violation::new("events", format!("it is one too many: {body}")));
        }
        let event = self.events.after(request);
        let about = event.as_ref().and_then(regarding).map(|(id, _)| id);
        // Of a series whose Event the API server has forgotten the path alone is known.
        self.count_event(&about.map_or_else(|| request.path().to_owned(), |id| id.to_string()));
        let Some(event) = event else { return Ok(()) };
        let broken = |what: &str| Err(Violation::new("events", format!("{what}: {event}")));
        let Some((id, uid)) = regarding(&event) else { return broken("it is about nothing that is replicated") };
        let was_there = |id: &Id, uid: Option<&str>| {
            let mut states = self.store.history.iter().rev();
            states.any(|(_, state)| state.get(id).is_some_and(|it| uid.is_none_or(|uid| it.uid == uid)))
        };
        // Without a uid it may be one that a push names, in a namespace that there was.
        let may_be_made = NAMES.contains(&&*id.name) && was_there(&Id::of_namespace(&id.namespace), None);
        let is_known = was_there(&id, uid) || (uid.is_none() && may_be_made);
        let other_was_there = related(&event).is_none_or(|(id, uid)| uid.is_none() || was_there(&id, uid));
        if !is_known || !other_was_there {
            return broken("it names an object that there never was");
        }
        let done = DONE.iter().find(|(action, _)| event["type"] == "Normal" && event["action"] == *action);
        if done.is_some_and(|(_, by)| !self.recorded.written.contains(&(start, id.clone(), (*by).to_owned()))) {
            return broken("this controller did nothing of that");
        }
        let uid = uid.unwrap_or_default().to_owned();
        let of_one = self.recorded.of_one.entry((start, id, uid)).or_default();
        *of_one += 1;
        if *of_one > most_events_of_one(since) {
            return broken("it is one too many on this object");
        }
        Ok(())
    }

    /// Events are not looked for in hot loops, since their number is judged; but while all is as wanted there are none.
    fn count_event(&mut self, about: &str) {
        if self.faults_ended.is_some() {
            *self.requests_of.entry(format!("events of {about}")).or_default() += 1;
        }
    }

    /// The API server's answer to a request about Events.
    pub(super) fn answer_event(&mut self, request: &Request) -> Reply {
        let is_forbidden = self.setting.recording == Recording::Forbidden;
        // An account without any Role is refused everything.
        if let Some(refusal) = is_forbidden.then(Roles::default).and_then(|none| none.refuse(request)) {
            return refused(request, &refusal);
        }
        self.events.answer(&self.store.live, request, self.now)
    }
}
