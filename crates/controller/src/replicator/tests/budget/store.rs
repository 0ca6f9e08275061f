//! An API server in few lines: objects by name, requests as they are on the wire, and several controllers that use it on virtual time.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::*;
use crate::cluster::kube;
use crate::wire::{Received, Response};

/// A response is under way for so long,
const ANSWERED_IN: Duration = Duration::from_millis(5);
/// and a watch event.
const SHOWN_IN: Duration = Duration::from_millis(8);

fn dialect() -> Dialect {
    Dialect::new("p/", false)
}

/// A `Status` with this code and reason.
pub(super) fn status(code: u16, reason: &str) -> Response {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": "no" });
    response(code, status.to_string())
}

pub(super) fn response(code: u16, body: impl Into<Bytes>) -> Response {
    Response { status: StatusCode::from_u16(code).unwrap(), headers: HeaderMap::new(), body: body.into() }
}

/// See the [module](self).
pub(super) struct Store {
    kind: &'static dyn Kind,
    objects: BTreeMap<Key, Value>,
    version: u64,
    /// What no watch has shown yet.
    events: Vec<Value>,
}

impl Store {
    pub(super) fn of(kind: &'static dyn Kind, objects: &[Value]) -> Self {
        let objects = objects.iter().map(|object| (observed(object).key, object.clone())).collect();
        Self { kind, objects, version: 1_000, events: Vec::new() }
    }

    /// Carries a request of a controller out, and shows it what changed, before it gets the answer.
    pub(super) fn serve(&mut self, it: &mut Loop, request: &Request) -> Result<Answer, Failure> {
        let response = self.respond(request);
        self.show(it);
        kube::answer(request, self.kind, &dialect(), Received::Response(response))
    }

    /// Somebody writes an object, or changes it, which the controller is shown.
    pub(super) fn put(&mut self, it: &mut Loop, object: Value) {
        self.store(&observed(&object).key, object);
        self.show(it);
    }

    /// The object of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.objects.get(&key(name))
    }

    fn show(&mut self, it: &mut Loop) {
        for object in std::mem::take(&mut self.events) {
            it.object(event(&object));
        }
    }

    /// The response to a request, which is carried out.
    fn respond(&mut self, request: &Request) -> Response {
        let http = kube::http_request(request, self.kind, &dialect());
        let body = serde_json::from_slice(&http.body).unwrap_or(Value::Null);
        let key = match request {
            Request::Look(key) | Request::Read(key) => key.clone(),
            Request::Write(action) => (**action.target()).clone(),
        };
        match (request, self.objects.get(&key).cloned()) {
            (Request::Write(Action::Create(_)), Some(_)) => status(409, "AlreadyExists"),
            (Request::Write(Action::Create(_)), None) => self.store(&key, body),
            (_, None) => status(404, "NotFound"),
            (Request::Look(_) | Request::Read(_), Some(object)) => self.shows(object),
            (Request::Write(Action::Adopt(_)), Some(object)) => self.store(&key, object),
            (Request::Write(Action::Update(_)), Some(object)) => match patched(object, &body) {
                Ok(object) => self.store(&key, object),
                Err(code) => status(code, "Invalid"),
            },
            (Request::Write(Action::Delete(_)), Some(mut object)) => {
                if object["metadata"]["resourceVersion"] != body["preconditions"]["resourceVersion"] {
                    return status(409, "Conflict");
                }
                self.objects.remove(&key);
                object["is deleted"] = json!(true);
                self.events.push(object);
                status(200, "")
            }
        }
    }

    fn store(&mut self, key: &Key, mut object: Value) -> Response {
        self.version += 1;
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.entry("uid").or_insert(json!(format!("uid-{}", self.version)));
        metadata.insert("resourceVersion".to_owned(), json!(self.version.to_string()));
        metadata.insert("managedFields".to_owned(), written_by_the_controller());
        self.objects.insert(key.clone(), object.clone());
        self.events.push(object.clone());
        self.shows(object)
    }

    fn shows(&self, mut object: Value) -> Response {
        object["kind"] = json!(self.kind.name());
        response(200, object.to_string())
    }
}

/// What a watch shows of a change.
fn event(object: &Value) -> ObjectEvent {
    let seen = observed(object);
    match object["is deleted"] == true {
        true => ObjectEvent::Deleted(seen.key, seen.uid),
        false => ObjectEvent::Seen(seen),
    }
}

/// The object after this JSON Patch, or the code of the refusal.
fn patched(mut object: Value, patch: &Value) -> Result<Value, u16> {
    let before = object.clone();
    for operation in patch.as_array().unwrap() {
        let (path, value) = (operation["path"].as_str().unwrap(), &operation["value"]);
        let (parent, member) = path.rsplit_once('/').unwrap();
        let member = member.replace("~1", "/").replace("~0", "~");
        let parent = object.pointer_mut(parent).and_then(Value::as_object_mut).ok_or(422_u16)?;
        match operation["op"].as_str().unwrap() {
            "test" if parent.get(&member) != Some(value) => return Err(422),
            // Of the uid and the version.
            "replace" if parent.get(&member) != Some(value) => return Err(409),
            "add" => drop(parent.insert(member, value.clone())),
            "remove" => drop(parent.remove(&member).ok_or(422_u16)?),
            _ => {}
        }
    }
    if before["immutable"] == true && before["data"] != object["data"] {
        return Err(422);
    }
    Ok(object)
}

/// A response that is not the server's usual one.
pub(super) enum Instead {
    /// The request is not carried out, and this is the response.
    Refused(Response),
    /// There is none, and it is given up after this time.
    Silence(Duration),
}

/// What was asked about an object, by all controllers together.
#[derive(Debug, Default, Clone)]
pub(super) struct Asked {
    /// How many requests in each minute.
    pub(super) requests: [usize; 10],
    /// And how many of them were writes.
    pub(super) writes: [usize; 10],
}

/// What was seen of a run.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) asked: BTreeMap<String, Asked>,
    /// The log lines of all controllers, but for "nothing".
    pub(super) lines: Vec<String>,
    /// Writes in words, without the version; the first ten.
    pub(super) first_writes: Vec<String>,
}

impl Run {
    fn count(&mut self, moment: Moment, request: &Request) {
        let words = words(request);
        let mut parts = words.split(' ');
        let (verb, object) = (parts.next().unwrap(), parts.next().unwrap());
        let asked = self.asked.entry(object.to_owned()).or_default();
        let minute = usize::try_from(moment.as_secs() / 60).unwrap();
        asked.requests[minute] += 1;
        if let Request::Write(_) = request {
            asked.writes[minute] += 1;
            if self.first_writes.len() < 10 {
                self.first_writes.push(format!("{verb} {object}"));
            }
        }
    }

    /// Requests about all objects, minute by minute.
    pub(super) fn all(&self) -> [usize; 10] {
        std::array::from_fn(|minute| self.asked.values().map(|asked| asked.requests[minute]).sum())
    }
}

/// What reaches a controller at some time.
enum Due {
    Answer(usize, Ticket, Result<Answer, Failure>),
    Event(Value),
}

/// Ten minutes of these controllers. Checks that none waits without a time.
pub(super) fn ten_minutes(
    controllers: &mut [Loop],
    store: &mut Store,
    mut instead: impl FnMut(&Request) -> Option<Instead>,
) -> Run {
    const END: Moment = Duration::from_secs(600);
    let (mut run, mut now, mut sequence) = (Run::default(), Moment::ZERO, 0_u64);
    let mut due: BTreeMap<(Moment, u64), Due> = BTreeMap::new();
    let mut at = |due: &mut BTreeMap<_, _>, moment: Moment, what: Due| {
        sequence += 1;
        due.insert((moment, sequence), what);
    };
    while now < END {
        for (number, controller) in controllers.iter_mut().enumerate() {
            controller.moment = now;
            for (ticket, request) in controller.requests() {
                run.count(now, &request);
                let kind = store.kind;
                let means = |response| kube::answer(&request, kind, &dialect(), Received::Response(response));
                let (answer, delay) = match instead(&request) {
                    None => (means(store.respond(&request)), ANSWERED_IN),
                    Some(Instead::Refused(response)) => (means(response), ANSWERED_IN),
                    Some(Instead::Silence(delay)) => (Err(kube::timed_out(&request, kind)), delay),
                };
                at(&mut due, now + delay, Due::Answer(number, ticket, answer));
                store.events.drain(..).for_each(|event| at(&mut due, now + SHOWN_IN, Due::Event(event)));
            }
            run.lines.extend(controller.reports());
        }
        let wakes = controllers.iter().filter_map(|controller| controller.replicator.wake_at(controller.now()));
        let wakes = wakes.min().unwrap_or(END);
        assert!(wakes > now, "no busy waiting");
        now = due.keys().next().map_or(END, |(moment, _)| *moment).min(wakes).min(END);
        controllers.iter_mut().for_each(|controller| controller.moment = now);
        while due.first_key_value().is_some_and(|((moment, _), _)| *moment <= now) {
            match due.pop_first().unwrap().1 {
                Due::Answer(number, ticket, answer) => {
                    let controller = &mut controllers[number];
                    controller.replicator.answer(controller.now(), ticket, answer);
                }
                Due::Event(object) => {
                    controllers.iter_mut().for_each(|controller| controller.object(event(&object)));
                }
            }
        }
    }
    run
}
