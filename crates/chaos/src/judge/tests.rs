//! That the judge finds what a controller may not do.

use k8s_replicator_sim::api::managed::Manager;
use k8s_replicator_sim::api::object::Data;
use k8s_replicator_sim::spec::PREFIX;
use serde_json::json;

use super::*;

const LIFE: &str = "life";
const BEGAN: Duration = Duration::from_secs(10);

/// Changes, each a second after the one before, and what was asked. The revision is the number of the second.
#[derive(Default)]
struct Story {
    live: Cluster,
    changes: Vec<Changed>,
    asked: Vec<Asked>,
    /// How long nothing happened, in between.
    rests: Duration,
}

impl Story {
    /// Two namespaces, and a source in one that says this.
    fn new(notes: &[(&str, &str)]) -> Self {
        let mut story = Self { changes: Vec::new(), ..Self::default() };
        for name in ["a", "b"] {
            story.change(Id::of_namespace(name), Some(Object::new(Id::of_namespace(name))));
        }
        story.others(secret("a", "x"), Some(object(&secret("a", "x"), "1", notes)));
        story
    }

    fn now(&self) -> Duration {
        BEGAN + self.rests + Duration::from_secs(self.changes.len() as u64 + 1)
    }

    fn change(&mut self, id: Id, object: Option<Object>) -> (Option<u64>, u64) {
        let revision = self.changes.len() as u64 + 1;
        let after = object.map(|object| Rc::new(Object { version: revision, uid: "u".to_owned(), ..object }));
        let before = match &after {
            Some(after) => self.live.insert(id.clone(), Rc::clone(after)),
            None => self.live.remove(&id),
        };
        let based_on = before.as_ref().map(|before| before.version);
        self.changes.push(Changed { id, revision, before, after });
        (based_on, revision)
    }

    /// Somebody else changes an object.
    fn others(&mut self, id: Id, object: Option<Object>) {
        let received = self.now();
        let verb = match (self.live.contains_key(&id), &object) {
            (false, _) => "create",
            (true, None) => "delete",
            (true, Some(_)) => "update",
        };
        let (based_on, revision) = self.change(id.clone(), object);
        self.ask("somebody", verb, &id, received, Some(200), (based_on, Some(revision)));
    }

    /// The controller does, and is answered by this.
    fn writes(mut self, id: Id, object: Option<Object>, code: Option<u16>) -> Self {
        let verb = match (self.live.contains_key(&id), &object) {
            (false, _) => "create",
            (true, None) => "delete",
            (true, Some(_)) => "patch",
        };
        let received = self.now();
        let (based_on, revision) = self.change(id.clone(), object);
        let became = (verb != "delete").then_some(revision);
        self.ask(LIFE, verb, &id, received, code, (based_on, became));
        self
    }

    fn ask(
        &mut self,
        user: &str,
        verb: &str,
        id: &Id,
        at: Duration,
        code: Option<u16>,
        versions: (Option<u64>, Option<u64>),
    ) {
        self.asked.push(Asked {
            user: user.to_owned(),
            verb: verb.to_owned(),
            resource: id.resource.plural().to_owned(),
            namespace: id.namespace.clone(),
            name: id.name.clone(),
            received: at,
            answered: code.map(|code| (at + Duration::from_millis(1), code)),
            based_on: versions.0.filter(|_| code.is_some()),
            became: versions.1.filter(|_| code.is_some()),
            body: serde_json::Value::Null,
        });
    }

    fn judged(self) -> Result<Verdict> {
        let ends = self.now() + Duration::from_secs(60);
        let era = Era { begins: BEGAN, ends, changes: self.changes, first: 0 };
        let lives = Lives::from([(LIFE.to_owned(), BEGAN)]);
        let mut verdict = Verdict::default();
        judge(&era, &self.asked, &lives, &flags(), &mut verdict).map(|()| verdict)
    }

    fn passes(self) -> bool {
        self.judged().is_ok_and(|verdict| verdict.judged() > 0)
    }
}

fn flags() -> Flags {
    Flags { removal_delay: Duration::from_secs(3), ..Flags::default() }
}

fn secret(namespace: &str, name: &str) -> Id {
    Id::new(Resource::Secret, namespace, name)
}

fn object(id: &Id, value: &str, notes: &[(&str, &str)]) -> Object {
    let mut object = Object::new(id.clone());
    object.data = Data::from([("k".to_owned(), value.to_owned())]);
    object.annotations =
        notes.iter().map(|(name, text)| (format!("{PREFIX}{name}"), text.as_bytes().to_vec())).collect();
    object
}

const PUSH: [(&str, &str); 1] = [("replicate-to", "b/x")];

/// A replica of `a/x` as it is at the third change.
fn replica(value: &str) -> Option<Object> {
    let notes = [("replicated-by", "a/x"), ("replicated-from-version", "3"), ("replicated-at", "now")];
    Some(object(&secret("b", "x"), value, &notes))
}

/// The source, and a replica that the controller made; since then so long that nobody goes by what was before.
fn replicated() -> Story {
    let mut story = Story::new(&PUSH).writes(secret("b", "x"), replica("1"), Some(201));
    story.rests = Duration::from_millis(2 * AGES[AGES.len() - 1]);
    story
}

#[test]
fn only_what_a_source_asks_for_is_made() {
    assert!(replicated().passes());
    assert!(!Story::new(&[]).writes(secret("b", "x"), replica("1"), Some(201)).passes(), "nobody asks for it");
    assert!(!Story::new(&PUSH).writes(secret("b", "x"), replica("2"), Some(201)).passes(), "it is other data");
    assert!(!Story::new(&PUSH).writes(secret("b", "y"), replica("1"), Some(201)).passes(), "it is another name");
    let of_other_kind = Id::new(Resource::ConfigMap, "b", "x");
    assert!(!Story::new(&PUSH).writes(of_other_kind, replica("1"), Some(201)).passes(), "it is of another kind");
    assert!(!replicated().writes(secret("b", "x"), replica("2"), Some(200)).passes(), "other data is written later");
    assert!(!Story::new(&PUSH).writes(Id::of_namespace("c"), None, Some(200)).passes(), "it is a namespace");
}

#[test]
fn only_what_is_withdrawn_is_deleted() {
    let delete = |story: Story| story.writes(secret("b", "x"), None, Some(200));
    assert!(!delete(replicated()).passes(), "it is wanted");
    let mut withdrawn = replicated();
    withdrawn.others(secret("a", "x"), Some(object(&secret("a", "x"), "1", &[("replicate-to", "b/y")])));
    assert!(delete(withdrawn).passes());
    for (changes_between, is_due) in [(0, false), (1, true), (2, true)] {
        let mut silent = replicated();
        let other = |story: &mut Story, value: &str| {
            story.others(secret("a", "other"), Some(object(&secret("a", "other"), value, &[])));
        };
        // The silence began after this, as far as the log can say.
        other(&mut silent, "before");
        silent.others(secret("a", "x"), None);
        (0..changes_between).for_each(|number| other(&mut silent, &number.to_string()));
        assert_eq!(delete(silent).passes(), is_due, "a second each, and the delay is three: {changes_between}");
    }
}

#[test]
fn what_was_not_answered_is_judged_unless_others_made_it() {
    let by = |name: &str, object: Option<Object>| {
        let manager = Manager { name: name.to_owned(), operation: "Update", time: 1, fields: BTreeSet::new() };
        object.map(|object| Object { managers: vec![manager], ..object })
    };
    let write = |object| Story::new(&PUSH).writes(secret("b", "x"), object, None).judged();
    assert_eq!(write(by(MANAGER, replica("1"))).unwrap().unanswered, 1);
    assert!(write(by(MANAGER, replica("2"))).is_err());
    // The former by its name; of the latter nobody can know.
    assert_eq!(write(by("kubectl", replica("2"))).unwrap().unknown, 0);
    assert_eq!(write(replica("2")).unwrap().unknown, 1);
    let delete = |story: Story| story.writes(secret("b", "x"), None, None).judged();
    assert!(delete(replicated()).is_err());
    let mut both = replicated();
    both.ask("somebody", "delete", &secret("b", "x"), both.now(), None, (None, None));
    assert_eq!(delete(both).unwrap().unknown, 1);
}

#[test]
fn what_is_refused_has_to_be_wanted_too() {
    let answered = |code: u16, is_immutable: bool, verb: &str, id: Id, body: serde_json::Value| {
        let mut story = replicated();
        if is_immutable {
            let there = story.live[&secret("b", "x")].as_ref().clone();
            story.others(secret("b", "x"), Some(Object { immutable: true, ..there }));
        }
        let version = story.live.get(&id).map(|object| object.version);
        let at = story.now();
        // The source changes; a create was decided on while the replica was not there yet.
        story.others(secret("a", "x"), Some(object(&secret("a", "x"), "2", &PUSH)));
        let at = if verb == "create" { BEGAN + Duration::from_secs(4) } else { at + Duration::from_secs(1) };
        story.ask(LIFE, verb, &id, at, Some(code), (version.filter(|_| verb != "create"), None));
        story.asked.last_mut().unwrap().body = body;
        story.asked.sort_by_key(|asked| asked.received);
        story.judged().map(|verdict| verdict.refused - verdict.unread)
    };
    let refused = |verb: &str, id: Id, body: serde_json::Value| answered(409, false, verb, id, body);
    let create = |value: &str| {
        let notes = json!({ "k8s-replicator/replicated-by": "a/x", "k8s-replicator/replicated-from-version": "3",
            "k8s-replicator/replicated-at": "now" });
        json!({ "metadata": { "namespace": "b", "name": "x", "annotations": notes }, "type": "Opaque", "data": { "k": value } })
    };
    let patch_of = |type_: &str, version: &str, value: &str| {
        json!([{ "op": "test", "path": "/type", "value": type_ },
            { "op": "replace", "path": "/metadata/uid", "value": "u" },
            { "op": "add", "path": "/metadata/annotations/k8s-replicator~1replicated-from-version", "value": version },
            { "op": "add", "path": "/data", "value": { "k": value } }])
    };
    let patch = |version: &str, value: &str| patch_of("Opaque", version, value);
    assert_eq!(refused("create", secret("b", "x"), create("1")).unwrap(), 1);
    assert!(refused("create", secret("b", "x"), create("9")).is_err());
    assert!(refused("create", secret("b", "y"), create("1")).is_err());
    assert_eq!(refused("patch", secret("b", "x"), patch("5", "2")).unwrap(), 1);
    assert!(refused("patch", secret("b", "x"), patch("5", "9")).is_err());
    assert!(refused("patch", secret("b", "x"), patch_of("example.com/own", "5", "2")).is_err());
    assert!(refused("patch", secret("a", "x"), patch("5", "2")).is_err());
    assert!(refused("delete", secret("b", "x"), json!({})).is_err());
    // The server had not read it.
    assert_eq!(refused("patch", secret("b", "x"), json!(null)).unwrap(), 0);
    // Nobody sees in metadata that it is immutable; there are two changes before the source's then.
    assert_eq!(answered(422, true, "patch", secret("b", "x"), patch("6", "2")).unwrap(), 1);
    assert!(answered(422, true, "patch", secret("b", "x"), patch("6", "9")).is_err());
    assert!(answered(409, true, "patch", secret("b", "x"), patch("6", "2")).is_err());
}

#[test]
fn a_refusal_rests_on_all_that_may_have_been_there() {
    let refused = |version: &str, value: &str| {
        let mut story = replicated();
        let there = story.live[&secret("b", "x")].version;
        // Nobody was answered: these may have happened before it was asked for, or after.
        for value in ["2", "3"] {
            story.change(secret("a", "x"), Some(object(&secret("a", "x"), value, &PUSH)));
        }
        let at = story.now() - Duration::from_millis(500);
        story.ask(LIFE, "patch", &secret("b", "x"), at, Some(409), (Some(there), None));
        let key = "/metadata/annotations/k8s-replicator~1replicated-from-version";
        story.asked.last_mut().unwrap().body = json!([{ "op": "add", "path": key, "value": version }, { "op": "add", "path": "/data", "value": { "k": value } }]);
        // This certainly happened after.
        story.others(secret("a", "x"), Some(object(&secret("a", "x"), "4", &PUSH)));
        story.judged().map(|verdict| verdict.refused)
    };
    assert_eq!(refused("5", "2").unwrap(), 1);
    assert_eq!(refused("6", "3").unwrap(), 1);
    assert!(refused("7", "4").is_err());
}

#[test]
fn what_is_over_for_long_is_no_reason_to_remove() {
    let after = |rest: u64, write: fn(Story) -> Story| {
        let mut story = replicated();
        story.others(secret("a", "x"), Some(object(&secret("a", "x"), "2", &[("replicate-to", "b/y")])));
        story.others(secret("a", "x"), Some(object(&secret("a", "x"), "2", &PUSH)));
        story.others(secret("a", "x"), Some(object(&secret("a", "x"), "3", &PUSH)));
        story.rests += Duration::from_secs(rest);
        write(story).passes()
    };
    let removed = |story: Story| story.writes(secret("b", "x"), None, Some(200));
    assert!(after(10, removed) && !after(30, removed));
    let updated = |story: Story| {
        let notes = [("replicated-by", "a/x"), ("replicated-from-version", "6"), ("replicated-at", "now")];
        story.writes(secret("b", "x"), Some(object(&secret("b", "x"), "2", &notes)), Some(200))
    };
    assert!(after(30, updated) && !after(60, updated));
}

#[test]
fn every_write_has_a_precondition() {
    let blind = |based_on: Option<u64>, became: Option<u64>| {
        let mut story = replicated();
        let at = story.now();
        story.ask(LIFE, "patch", &secret("b", "x"), at, Some(200), (based_on, became));
        story.passes()
    };
    // What changes nothing.
    assert!(blind(Some(4), Some(4)));
    assert!(!blind(None, Some(4)) && !blind(Some(4), None));
}

#[test]
fn nearly_all_is_decided_by_what_is_young() {
    let of = |young: usize, old: usize| Verdict { allowed: [young, 0, 0, old, 0], ..Verdict::default() };
    assert!(of(9, 1).is_of_the_moment().is_ok() && of(8, 1).is_of_the_moment().is_err());
}

#[test]
fn the_log_and_the_history_have_to_agree() {
    let mut story = replicated();
    story.ask(LIFE, "patch", &secret("b", "x"), story.now(), Some(200), (Some(4), Some(17)));
    assert!(story.judged().is_err());
}

#[test]
fn what_is_asked_again_and_again_is_found() {
    let lives = Lives::from([(LIFE.to_owned(), BEGAN)]);
    let during = |count: u64, apart: u64, edits: usize, faults: &[(Duration, Duration)]| {
        let mut story = Story::default();
        for number in 0..count {
            let at = BEGAN + Duration::from_millis(number * apart);
            story.ask(LIFE, "get", &secret("a", "x"), at, Some(200), (None, None));
        }
        (0..edits).for_each(|_| story.ask("somebody", "update", &secret("a", "x"), BEGAN, Some(200), (None, None)));
        heat(&story.asked, &lives, faults).is_ok()
    };
    let requests = |count: u64, apart: u64, edits: usize| during(count, apart, edits, &[]);
    assert!(requests(12, 10, 0) && !requests(13, 10, 0) && requests(16, 10, 1) && !requests(17, 10, 1));
    assert!(requests(52, 10, 99) && !requests(53, 10, 99), "however much others do");
    assert!(requests(60, 200, 0) && !requests(61, 200, 0));
    let second = Duration::from_secs(1);
    let fault = |begins: Duration| [(BEGAN - 9 * second, BEGAN - 8 * second), (begins, begins + second / 2)];
    assert!(during(16, 10, 0, &fault(BEGAN)) && !during(17, 10, 0, &fault(BEGAN)));
    assert!(during(16, 10, 0, &fault(BEGAN - second)) && !during(13, 10, 0, &fault(BEGAN + 3 * second)));
}
