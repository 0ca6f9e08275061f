//! The two servers side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_replicator_api_tests::Scene;
use k8s_replicator_sim::api::admission::Policy;
use k8s_replicator_sim::api::http::Request;
use k8s_replicator_sim::api::object::{Id, Object, Resource};
use k8s_replicator_sim::api::server::{Outcome, Server, Stream};
use k8s_replicator_sim::api::store::Store;
use k8s_replicator_sim::api::write;
use k8s_replicator_testenv::Client;
use serde_json::{Value, json};

use super::answer::{Answer, comparable};
use super::protobuf;

/// So many seconds a watch of the real server lasts that shows what happened before it: a busy machine needs some until it is there.
pub(super) const LASTS: u64 = 5;
/// `Accept` of whoever wants JSON.
pub(super) const JSON: &str = "application/json";
/// `Accept` as the controller sends it for whole objects (`cluster/kube.rs`),
pub(super) const WHOLE: &str = "application/vnd.kubernetes.protobuf,application/json";
/// for the metadata of one, and for watches,
pub(super) const METADATA: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,\
                                   application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/// and for lists (`watch/page.rs`).
pub(super) const METADATA_LIST: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
                                        application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
/// The same of a server that knows no protobuf.
pub(super) const JSON_METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
pub(super) const JSON_METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

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
pub(super) struct Pair {
    real: Client,
    pub(super) namespace: String,
    pub(super) store: Store,
    /// What stands in the way of the model's writes.
    pub(super) policies: Vec<Policy>,
    server: Server,
    /// What was seen of each object: on the real server, and on the model.
    pub(super) seen: BTreeMap<String, Vec<[Seen; 2]>>,
    /// What was asked, for a person.
    pub(super) history: Vec<String>,
}

/// A request whose body depends on what the server calls the object: its method, content type, query, and body.
pub(super) type Ask = (&'static str, &'static str, &'static str, Box<dyn Fn(&Seen) -> Value>);

impl Pair {
    /// The shared API server, and a model that has the scene's namespace `m`.
    pub(super) fn new(scene: &Scene) -> Self {
        let mut pair = Self::of(scene.plane().client().clone(), &scene.namespace_name("m"));
        pair.store.put(Duration::ZERO, Object::new(Id::of_namespace(&pair.namespace)));
        pair.server = Server::new(&pair.store);
        pair
    }

    /// An API server, and a model that has nothing.
    pub(super) fn of(real: Client, namespace: &str) -> Self {
        let store = Store::default();
        let server = Server::new(&store);
        let policies = Vec::new();
        Self {
            real,
            namespace: namespace.to_owned(),
            store,
            policies,
            server,
            seen: BTreeMap::new(),
            history: Vec::new(),
        }
    }

    pub(super) fn real(&self, method: &str, path: &str, types: [&str; 2], body: &Value) -> Answer {
        ask(&self.real, method, path, types, body)
    }

    pub(super) fn model(&mut self, method: &str, path: &str, types: [&str; 2], body: &Value) -> Answer {
        match self.model_answers(method, path, types, body) {
            Outcome::Reply(reply) => Answer::of_model(reply),
            Outcome::Stream(_) | Outcome::Hangs => panic!("{method} {path} has no answer"),
        }
    }

    pub(super) fn model_answers(&mut self, method: &str, path: &str, types: [&str; 2], body: &Value) -> Outcome {
        let request = request(method, path, types, body);
        let outcome = self.server.answer(&mut self.store, &request, &self.policies, Duration::from_secs(1));
        self.server.catch_up(&self.store, usize::MAX);
        outcome
    }

    /// Both read: the answers.
    pub(super) fn both_get(&mut self, path: &str, accept: &str) -> [Answer; 2] {
        let types = [accept, ""];
        [self.real("GET", path, types, &Value::Null), self.model("GET", path, types, &Value::Null)]
    }

    /// What both list, and a watch from there, which lasts so long: its path on the real server, and the model's stream.
    pub(super) fn watch(&mut self, collection: &str, accept: &str, seconds: u64) -> (String, Box<Stream>) {
        let lists = self.both_get(collection, JSON);
        let [real, model] = lists.map(|list| Seen::of(&list.json()).version);
        let from = |version: &str| format!("{collection}?{}&resourceVersion={version}", watching(seconds));
        let Outcome::Stream(stream) = self.model_answers("GET", &from(&model), [accept, ""], &Value::Null) else {
            panic!("no stream");
        };
        (from(&real), stream)
    }

    /// Both show the same events, of an object's metadata alone, in each of these watches. The real ones have to be asked while the
    /// history is young: the API server's cache goes back some minutes. They are asked side by side, since each lasts its time.
    pub(super) fn events_are_alike(&self, watches: Vec<((String, Box<Stream>), &'static str)>) {
        let asked: Vec<_> = watches
            .into_iter()
            .map(|((path, stream), accept)| {
                let client = self.real.clone();
                let real = std::thread::spawn(move || ask(&client, "GET", &path, [accept, ""], &Value::Null));
                (real, stream)
            })
            .collect();
        for (real, mut stream) in asked {
            let model = self.model_events(&mut stream, Duration::from_secs(1));
            // Bookmarks come when the server likes: what they are like is a test of its own.
            let mut real = events(real.join().expect("an answer"));
            real.retain(|event| !event.contains("BOOKMARK"));
            assert!(real.len() > 1, "nothing was written");
            assert_eq!(real, model, "left: the API server's events, right: the model's\n{}", self.history.join("\n"));
        }
    }

    /// What the model sends to a watch by this time.
    pub(super) fn model_events(&self, stream: &mut Stream, at: Duration) -> Vec<String> {
        let body = stream.events(&self.server, &self.store, at).concat();
        events(Answer { status: 200, content_type: stream.content_type().to_owned(), retry_after: None, body })
    }

    pub(super) fn collection(&self, resource: Resource) -> String {
        format!("/api/v1/namespaces/{}/{}", self.namespace, resource.plural())
    }

    /// Asks both, compares what they answer, and then the object.
    pub(super) fn ask(&mut self, id: &Id, seen: &[Seen; 2], accept: &str, (method, content_type, query, body): &Ask) {
        let (collection, name) = match id.resource {
            Resource::Namespace => ("/api/v1/namespaces".to_owned(), &id.name),
            _ => (format!("/api/v1/namespaces/{}/{}", id.namespace, id.resource.plural()), &id.name),
        };
        let path = if *method == "POST" { collection } else { format!("{collection}/{name}") } + query;
        let bodies = [body(&seen[0]), body(&seen[1])];
        let real = self.real(method, &path, [accept, content_type], &bodies[0]);
        let model = self.model(method, &path, [accept, content_type], &bodies[1]);
        self.history.push(format!("{method} {path} {} ({accept})\n  → {}", bodies[0], real.json()));
        self.alike(&real, &model);
        self.look(id, if accept == JSON { accept } else { METADATA });
    }

    /// A user's update: what was read, changed, and put in its place.
    pub(super) fn update(&mut self, id: &Id, change: impl Fn(&mut Object), change_json: impl Fn(&mut Value)) {
        let path = format!("/api/v1/namespaces/{}/{}/{}", id.namespace, id.resource.plural(), id.name);
        let answer = self.real("GET", &path, [JSON, ""], &Value::Null);
        if answer.status != 200 {
            return;
        }
        let mut object = answer.json();
        change_json(&mut object);
        let real = self.real("PUT", &format!("{path}?fieldManager=user"), [JSON, JSON], &object);
        let (status, answer) = (real.status, real.json());
        self.history.push(format!("PUT {path} {object}\n  → {status} {answer}"));
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
        self.look(id, JSON);
    }

    /// The object is the same on both, and it has a new version on both or on neither.
    pub(super) fn look(&mut self, id: &Id, accept: &str) {
        let path = match id.resource {
            Resource::Namespace => format!("/api/v1/namespaces/{}", id.name),
            _ => format!("/api/v1/namespaces/{}/{}/{}", id.namespace, id.resource.plural(), id.name),
        };
        let [real, model] = self.both_get(&path, accept);
        self.alike(&real, &model);
        if real.status == 200 {
            let is = [Seen::of(&real.json()), Seen::of(&model.json())];
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

    pub(super) fn alike(&self, real: &Answer, model: &Answer) {
        let (real_alike, model_alike) = (real.comparable(), model.comparable());
        assert_eq!(
            real_alike,
            model_alike,
            "left: the API server, right: the model\n{}\nwhole: {}",
            self.history.join("\n"),
            real.json()
        );
    }
}

/// A request to the real server.
pub(super) fn ask(real: &Client, method: &str, path: &str, [accept, content_type]: [&str; 2], body: &Value) -> Answer {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("Accept", accept)
        .header("Content-Type", content_type)
        .body(body)
        .expect("a request");
    Answer::of_real(real.exchange(request).expect("an answer"))
}

/// A request as it reaches the model.
pub(super) fn request(method: &str, path: &str, [accept, content_type]: [&str; 2], body: &Value) -> Request {
    Request {
        method: method.to_owned(),
        uri: path.to_owned(),
        accept: accept.to_owned(),
        content_type: content_type.to_owned(),
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
        whole: None,
    }
}

/// The query of a watch, as the controller's.
pub(super) fn watching(seconds: u64) -> String {
    format!("watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}")
}

/// The events of a watch's answer, each as what has to be the same of it, after the answer's head.
pub(super) fn events(answer: Answer) -> Vec<String> {
    let head = format!("{} {}", answer.status, answer.content_type);
    let mut shown = vec![head];
    if answer.content_type.contains("protobuf") {
        for (type_, body) in protobuf::events(&answer.body) {
            shown.push(format!("{type_} {}", Answer { body, ..answer.clone() }.comparable()));
        }
    } else {
        for line in answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let event: Value = serde_json::from_slice(line).expect("an event");
            shown.push(comparable(&json!([event["type"], event["object"]])).to_string());
        }
    }
    shown
}
