//! The two servers side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_replicator_api_tests::Scene;
use k8s_replicator_sim::api::http::Request;
use k8s_replicator_sim::api::object::{Id, Object, Resource};
use k8s_replicator_sim::api::server::{Outcome, Server, Stream};
use k8s_replicator_sim::api::store::Store;
use k8s_replicator_sim::api::write;
use serde_json::{Value, json};

/// An object's identity and version, on one of the two servers.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) uid: String,
    pub(super) version: String,
}

impl Seen {
    pub(super) fn of(object: &Value) -> Self {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        Self { uid: text("uid"), version: text("resourceVersion") }
    }
}

/// The real server, and the model of one.
pub(super) struct Pair<'s> {
    pub(super) scene: &'s Scene,
    store: Store,
    server: Server,
    /// What was seen of each object: on the real server, and on the model.
    pub(super) seen: BTreeMap<String, Vec<[Seen; 2]>>,
    /// What was asked, for a person.
    pub(super) history: Vec<String>,
}

/// A request whose body depends on what the server calls the object: its method, content type, query, and body.
pub(super) type Ask = (&'static str, &'static str, &'static str, Box<dyn Fn(&Seen) -> Value>);

impl<'s> Pair<'s> {
    pub(super) fn new(scene: &'s Scene) -> Self {
        let mut store = Store::default();
        store.put(Duration::ZERO, Object::new(Id::of_namespace(&scene.namespace_name("m"))));
        let server = Server::new(&store);
        Self { scene, store, server, seen: BTreeMap::new(), history: Vec::new() }
    }

    pub(super) fn real(&self, method: &str, path: &str, content_type: &str, body: &Value) -> (u16, Value) {
        self.scene.call(method, path, content_type, body)
    }

    pub(super) fn model(&mut self, method: &str, path: &str, content_type: &str, body: &Value) -> (u16, Value) {
        match self.model_answers(method, path, content_type, body) {
            Outcome::Reply(reply) => (reply.status, serde_json::from_slice(&reply.body).expect("JSON")),
            Outcome::Stream(_) | Outcome::Hangs => panic!("{method} {path} has no answer"),
        }
    }

    pub(super) fn model_answers(&mut self, method: &str, path: &str, content_type: &str, body: &Value) -> Outcome {
        let request = Request {
            method: method.to_owned(),
            uri: path.to_owned(),
            accept: "application/json".to_owned(),
            content_type: content_type.to_owned(),
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
            whole: None,
        };
        let outcome = self.server.answer(&mut self.store, &request, &[], Duration::from_secs(1));
        self.server.catch_up(&self.store, usize::MAX);
        outcome
    }

    /// What both list, and a watch from there: its path on the real server, and the model's stream.
    pub(super) fn watch(&mut self, resource: Resource) -> (String, Box<Stream>) {
        let path = format!("/api/v1/namespaces/{}/{}", self.scene.namespace_name("m"), resource.plural());
        let (real, model) = (self.real("GET", &path, "", &Value::Null), self.model("GET", &path, "", &Value::Null));
        let [real, model] =
            [real, model].map(|(_, list)| list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned());
        let from = |version: &str| format!("{path}?watch=true&timeoutSeconds=1&resourceVersion={version}");
        let Outcome::Stream(stream) = self.model_answers("GET", &from(&model), "", &Value::Null) else {
            panic!("no stream");
        };
        (from(&real), stream)
    }

    /// Both show the same events. The real one has to be asked while the history is young: its cache goes back some minutes.
    pub(super) fn events_are_alike(&self, (path, mut stream): (String, Box<Stream>)) {
        let model = stream.events(&self.server, &self.store, Duration::from_secs(1));
        let model = model.iter().map(|line| serde_json::from_slice::<Value>(line).expect("an event"));
        // The model's watches show metadata alone, as the controller's ask for it.
        let show = |event: &Value| {
            let mut object = event["object"].clone();
            let object = object.as_object_mut().expect("an object");
            object.retain(|field, _| field == "metadata");
            format!("{} {}", event["type"], comparable(&(0, Value::Object(object.clone()))))
        };
        let model: Vec<String> = model.map(|event| show(&event)).collect();
        let real: Vec<String> = self.scene.watched(&path).iter().map(show).collect();
        assert!(!real.is_empty(), "nothing was written");
        assert_eq!(real, model, "left: the API server's events, right: the model's\n{}", self.history.join("\n"));
    }

    /// Asks both, compares what they answer, and then the object.
    pub(super) fn ask(&mut self, id: &Id, seen: &[Seen; 2], (method, content_type, query, body): &Ask) {
        let collection = format!("/api/v1/namespaces/{}/{}", id.namespace, id.resource.plural());
        let path = if *method == "POST" { collection } else { format!("{collection}/{}", id.name) } + query;
        let bodies = [body(&seen[0]), body(&seen[1])];
        let real = self.real(method, &path, content_type, &bodies[0]);
        let model = self.model(method, &path, content_type, &bodies[1]);
        self.history.push(format!("{method} {path} {}\n  → {}", bodies[0], comparable(&real)));
        self.alike(&real, &model);
        self.look(id);
    }

    /// A user's update: what was read, changed, and put in its place.
    pub(super) fn update(&mut self, id: &Id, change: impl Fn(&mut Object), change_json: impl Fn(&mut Value)) {
        let path = format!("/api/v1/namespaces/{}/{}/{}", id.namespace, id.resource.plural(), id.name);
        let (status, mut object) = self.real("GET", &path, "", &Value::Null);
        if status != 200 {
            return;
        }
        change_json(&mut object);
        let (status, answer) = self.real("PUT", &format!("{path}?fieldManager=user"), "application/json", &object);
        self.history.push(format!("PUT {path} {object}\n  → {}", comparable(&(status, answer.clone()))));
        let cache = self.server.cache.clone();
        let context = write::Context { at: Duration::from_secs(1), manager: "user", policies: &[], seen: &cache };
        let written = write::update(&mut self.store, id, context, change);
        self.server.catch_up(&self.store, usize::MAX);
        match written {
            Ok(_) => assert_eq!(status, 200, "{}\nanswer: {answer}", self.history.join("\n")),
            Err(refusal) => assert_eq!(
                (status, answer["reason"].as_str()),
                (refusal.code, Some(refusal.reason)),
                "{}",
                self.history.join("\n")
            ),
        }
        self.look(id);
    }

    /// The object is the same on both, and it has a new version on both or on neither.
    pub(super) fn look(&mut self, id: &Id) {
        let path = format!("/api/v1/namespaces/{}/{}/{}", id.namespace, id.resource.plural(), id.name);
        let (real, model) = (self.real("GET", &path, "", &Value::Null), self.model("GET", &path, "", &Value::Null));
        self.alike(&real, &model);
        if real.0 == 200 {
            let is = [Seen::of(&real.1), Seen::of(&model.1)];
            let all = self.seen.entry(id.to_string()).or_default();
            if let Some(was) = all.last() {
                let same = |n: usize| (was[n].uid == is[n].uid, was[n].version == is[n].version);
                assert_eq!(
                    same(0),
                    same(1),
                    "is it the same object, at the same version?\n{}",
                    self.history.join("\n")
                );
            }
            all.push(is);
        }
    }

    pub(super) fn alike(&self, real: &(u16, Value), model: &(u16, Value)) {
        let (real_alike, model_alike) = (comparable(real), comparable(model));
        assert_eq!(
            real_alike,
            model_alike,
            "left: the API server, right: the model\n{}\nwhole: {}",
            self.history.join("\n"),
            real.1
        );
    }
}

/// What has to be the same in an answer.
pub(super) fn comparable((status, answer): &(u16, Value)) -> String {
    if answer["kind"] == "Status" {
        let causes = answer["details"]["causes"].as_array().into_iter().flatten();
        // The real one names the field; the model only what the controller looks at.
        let known = ["NamespaceTerminating", "FieldManagerConflict"];
        let mut causes: Vec<&str> =
            causes.filter_map(|cause| cause["reason"].as_str()).filter(|cause| known.contains(cause)).collect();
        causes.dedup();
        return format!("{status} {} {causes:?}", answer["reason"]);
    }
    let metadata = &answer["metadata"];
    let managers = metadata["managedFields"].as_array().into_iter().flatten().filter_map(|entry| {
        let mut fields = entry["fieldsV1"].clone();
        if let Some(of_metadata) = fields["f:metadata"].as_object_mut() {
            of_metadata.remove("f:finalizers");
            of_metadata.retain(|_, map| *map != json!({}));
        }
        if fields["f:metadata"] == json!({}) || fields["f:metadata"].is_null() {
            fields.as_object_mut()?.remove("f:metadata");
        }
        (fields != json!({})).then(|| format!("{} {} {fields}", entry["manager"], entry["operation"]))
    });
    let mut managers: Vec<String> = managers.collect();
    managers.sort();
    let parts = ["name", "namespace", "labels", "annotations", "finalizers"].map(|part| metadata[part].to_string());
    let content = ["type", "immutable", "data", "binaryData"].map(|part| answer[part].to_string());
    let is_deleted = !metadata["deletionTimestamp"].is_null();
    format!("{status} {} {} deleted: {is_deleted} {} {managers:#?}", answer["kind"], parts.join(" "), content.join(" "))
}
