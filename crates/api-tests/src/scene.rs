//! One test's part of the control plane.

mod barrier;
mod circumstances;
mod commands;
mod identity;
mod says;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use k8s_replicator_testenv::{ControlPlane, Controller, Request, Rights, User};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use self::identity::Identity;
use crate::Object;

/// The longest wait for something that must happen. Two cores run many tests at once, and in a first run compilers beside them, whom
/// Kubernetes' own controllers wait for too: this is generous, and costs nothing when all is well.
pub const WAIT: Duration = Duration::from_secs(180);
/// The environment variable with the milliseconds for which a test rests after each of its writes, while the controller runs. A test
/// that fails with it relies on being quicker than the controller, and fails one day without it.
const SLOW_USER: &str = "K8S_REPLICATOR_SLOW_USER";
/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(20);

/// See the [crate](crate).
pub struct Scene {
    plane: &'static ControlPlane,
    runtime: tokio::runtime::Runtime,
    client: Client,
    /// Who the controller is.
    user: User,
    /// Whether the controller has the test's rights and arguments, or the chart's.
    identity: Identity,
    id: String,
    /// Another annotation prefix than the scene's own.
    prefix: Option<String>,
    controller: Option<Controller>,
    /// How many sentinels and markers there were: see the module `barrier`.
    sentinels: Cell<u32>,
    /// Whether the controller works in some namespaces only (`--namespaces`).
    is_scoped: bool,
    /// The namespaces that the scene has created, by their full names.
    made: RefCell<BTreeSet<String>>,
}

fn slow_user() -> Duration {
    static PAUSE: LazyLock<Duration> = LazyLock::new(|| {
        let text = std::env::var(SLOW_USER).unwrap_or_default();
        Duration::from_millis(if text.is_empty() { 0 } else { text.parse().expect("milliseconds") })
    });
    *PAUSE
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

impl Scene {
    /// A scene whose controller has all rights.
    #[must_use]
    pub fn new() -> Self {
        Self::for_user(Rights::Admin)
    }

    /// A scene whose controller has these rights.
    #[must_use]
    pub fn for_user(rights: Rights) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let plane = ControlPlane::shared();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let kubeconfig = kube::config::Kubeconfig::read_from(plane.kubeconfig()).expect("the admin's kubeconfig");
        let client = runtime.block_on(async {
            let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.expect("a config");
            Client::try_from(config).expect("a client")
        });
        let id = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let identity = Identity::of_run(rights);
        let user = identity.user(plane, rights, &id);
        let made = RefCell::default();
        let sentinels = Cell::new(0);
        let is_scoped = false;
        Self { plane, runtime, client, user, identity, id, prefix: None, controller: None, sentinels, is_scoped, made }
    }

    // --- Names ---

    /// The annotation prefix of this scene, with its slash.
    #[must_use]
    pub fn prefix(&self) -> String {
        self.prefix.clone().unwrap_or_else(|| format!("{}.test/", self.id))
    }

    /// Writes annotations under this prefix from now on. The test then has to pass `--annotations-prefix` itself, and to choose a
    /// prefix that no other test uses.
    pub fn use_prefix(&mut self, prefix: &str) {
        self.prefix = Some(prefix.to_owned());
    }

    /// A namespace's full name.
    #[must_use]
    pub fn namespace_name(&self, short: &str) -> String {
        format!("{}-{short}", self.id)
    }

    /// A text with each `{a}` in the place of the namespace's full name.
    #[must_use]
    pub fn full(&self, text: &str) -> String {
        // Only lower-case labels in braces: a pattern's `{2}` and the like stay as they are.
        let mut full = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            full.push_str(before);
            match after.split_once('}') {
                Some((name, after)) if name.starts_with(|c: char| c.is_ascii_lowercase()) => {
                    full.push_str(&self.namespace_name(name));
                    rest = after;
                }
                _ => {
                    full.push('{');
                    rest = after;
                }
            }
        }
        full + rest
    }

    fn path(&self, resource: &str, key: &str) -> String {
        let (namespace, name) = key.split_once('/').expect("namespace/name");
        format!("/api/v1/namespaces/{}/{resource}/{name}", self.namespace_name(namespace))
    }

    // --- The API server ---

    /// The control plane itself.
    #[must_use]
    pub fn plane(&self) -> &'static ControlPlane {
        self.plane
    }

    /// Who the controller is.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.user
    }

    /// One request, as the administrator: status and answer.
    pub fn call(&self, method: &str, path: &str, content_type: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("Content-Type", content_type)
            .body(Body::from(body))
            .expect("a request");
        let (status, bytes) = self.send(request);
        let answer = (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null));
        if method != "GET" && self.controller.is_some() {
            std::thread::sleep(slow_user());
        }
        answer
    }

    fn send(&self, request: http::Request<Body>) -> (u16, Vec<u8>) {
        self.runtime.block_on(async {
            let response = self.client.send(request).await.expect("an answer");
            let status = response.status().as_u16();
            let bytes = response.into_body().collect_bytes().await.expect("a whole answer");
            (status, bytes.to_vec())
        })
    }

    fn must(&self, method: &str, path: &str, content_type: &str, body: &Value) -> Value {
        let (status, answer) = self.call(method, path, content_type, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// Makes namespaces.
    pub fn namespaces(&self, short: &[&str]) {
        short.iter().for_each(|short| drop(self.namespace(short)));
    }

    /// The object's JSON, with full names.
    #[must_use]
    pub fn manifest(&self, object: &Object) -> Value {
        let (namespace, name) = object.key.split_once('/').expect("namespace/name");
        let mut json = Value::Object(object.rest.clone());
        json["apiVersion"] = json!("v1");
        json["kind"] = json!(if object.resource == "secrets" { "Secret" } else { "ConfigMap" });
        json["metadata"]["namespace"] = json!(self.namespace_name(namespace));
        json["metadata"]["name"] = json!(name);
        for (note, value) in &object.notes {
            json["metadata"]["annotations"][self.prefix() + note] = json!(self.full(value));
        }
        json
    }

    /// Makes an object; answers it as the server made it. An object with annotations that only the controller writes stands for one
    /// that an earlier run left behind, and is created with the controller's field manager: by `managedFields` the controller
    /// distinguishes what it made from what others restored (SPEC 3).
    pub fn create(&self, object: &Object) -> Value {
        let is_written = object.notes.iter().any(|(name, _)| name.starts_with("replicated-"));
        self.create_as(if is_written { "k8s-replicator" } else { "kubectl-create" }, object)
    }

    /// Creates an object with this field manager.
    pub fn create_as(&self, manager: &str, object: &Object) -> Value {
        let path = self.path(object.resource, &object.key);
        let collection = path.rsplit_once('/').expect("a path").0.to_owned();
        let path = format!("{collection}?fieldManager={manager}");
        self.must("POST", &path, "application/json", &self.manifest(object))
    }

    /// Replaces an object (PUT): what the new one does not have is gone.
    pub fn replace(&self, object: &Object) -> Value {
        self.must("PUT", &self.path(object.resource, &object.key), "application/json", &self.manifest(object))
    }

    /// Creates an object, or replaces the one of this name.
    pub fn put(&self, object: &Object) -> Value {
        match self.get_of(object.resource, &object.key) {
            Some(_) => self.replace(object),
            None => self.create(object),
        }
    }

    /// A merge patch of an object.
    pub fn patch(&self, resource: &str, key: &str, patch: &Value) -> Value {
        self.must("PATCH", &self.path(resource, key), "application/merge-patch+json", patch)
    }

    /// The same, with this field manager.
    pub fn patch_as(&self, manager: &str, resource: &str, key: &str, patch: &Value) -> Value {
        let path = format!("{}?fieldManager={manager}", self.path(resource, key));
        self.must("PATCH", &path, "application/merge-patch+json", patch)
    }

    /// Sets one of this program's annotations on a Secret, or takes it off.
    pub fn note(&self, key: &str, name: &str, value: Option<&str>) -> Value {
        let value = value.map(|value| self.full(value));
        self.patch("secrets", key, &json!({ "metadata": { "annotations": { self.prefix() + name: value } } }))
    }

    /// Sets one value of a Secret's data.
    pub fn set_data(&self, key: &str, entry: &str, value: &str) -> Value {
        self.patch("secrets", key, &json!({ "data": { entry: BASE64.encode(value) } }))
    }

    /// Deletes a Secret.
    pub fn delete(&self, key: &str) {
        self.delete_of("secrets", key);
    }

    /// Deletes an object of either kind.
    pub fn remove(&self, object: &Object) {
        self.delete_of(object.resource, &object.key);
    }

    /// Deletes an object.
    pub fn delete_of(&self, resource: &str, key: &str) {
        self.must("DELETE", &self.path(resource, key), "application/json", &Value::Null);
    }

    /// An object as it is now.
    #[must_use]
    pub fn get_of(&self, resource: &str, key: &str) -> Option<Value> {
        let (status, answer) = self.call("GET", &self.path(resource, key), "application/json", &Value::Null);
        match status {
            404 => None,
            200 => Some(answer),
            _ => panic!("get {key}: {status} {answer}"),
        }
    }

    /// A Secret as it is now.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value> {
        self.get_of("secrets", key)
    }

    // --- The controller ---

    /// Starts the controller with these flags, and waits until it is ready.
    pub fn start(&mut self, flags: &[&str]) {
        self.start_without_waiting(flags);
        if let Err(error) = self.controller_mut().wait_ready(WAIT) {
            self.give_up(&format!("the controller is not ready: {error}"));
        }
    }

    /// Starts the controller with these flags.
    pub fn start_without_waiting(&mut self, flags: &[&str]) {
        let kubeconfig = self.user.kubeconfig.clone();
        self.start_at(&kubeconfig, flags);
    }

    /// Starts the controller with another kubeconfig.
    pub fn start_at(&mut self, kubeconfig: &Path, flags: &[&str]) {
        let all = self.arguments(flags);
        self.start_exactly(kubeconfig, &all);
    }

    /// Starts the controller with these arguments and, where they do not name them, a kubeconfig, a free status address and
    /// a log that can be read.
    pub fn start_exactly(&mut self, kubeconfig: &Path, arguments: &[String]) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.is_scoped = arguments.iter().any(|argument| argument.trim_start_matches('-').starts_with("namespaces"));
        self.controller = Some(Controller::start(kubeconfig, &arguments).expect("the controller starts"));
    }

    /// The running controller.
    pub fn controller(&self) -> &Controller {
        self.controller.as_ref().expect("a controller was started")
    }

    /// The running controller.
    pub fn controller_mut(&mut self) -> &mut Controller {
        self.controller.as_mut().expect("a controller was started")
    }

    /// Kills the controller at once, as a node that fails does.
    pub fn kill(&mut self) {
        let mut controller = self.controller.take().expect("a controller was started");
        controller.kill();
    }

    /// What the controller asked of the server, by its audit log: all that was answered before this call.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.audit_log_is_written();
        let mut requests = self.plane.requests(&self.user);
        requests.retain(|request| !request.uri.starts_with(barrier::AUDIT_MARKER));
        requests
    }

    /// What the controller wrote, by the server's audit log.
    #[must_use]
    pub fn writes(&self) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| !matches!(request.verb.as_str(), "get" | "list" | "watch"));
        requests
    }

    // --- Waiting ---

    /// Waits until `holds` returns something; if it never does, fails and shows the scene's objects and log.
    #[track_caller]
    pub fn until<T>(&self, what: &str, holds: impl FnMut() -> Option<T>) -> T {
        match wait_for(holds) {
            Some(found) => found,
            None => self.give_up(what),
        }
    }

    /// Fails, and shows the scene's objects and log.
    #[track_caller]
    pub fn give_up(&self, what: &str) -> ! {
        let mut shown = format!("never happened: {what}\n--- objects of {}\n", self.id);
        for resource in ["secrets", "configmaps"] {
            let (_, list) = self.call("GET", &format!("/api/v1/{resource}"), "application/json", &Value::Null);
            for item in list["items"].as_array().into_iter().flatten() {
                let namespace = item["metadata"]["namespace"].as_str().unwrap_or_default();
                if namespace.starts_with(&format!("{}-", self.id)) {
                    let _ = writeln!(shown, "{resource} {namespace}/{} {item}", item["metadata"]["name"]);
                }
            }
        }
        if let Some(controller) = &self.controller {
            let log = controller.log();
            let from = log.len().saturating_sub(20_000);
            let from = (from..).find(|at| log.is_char_boundary(*at)).unwrap_or(0);
            let _ = write!(shown, "--- the controller's log\n{}", &log[from..]);
        }
        panic!("{shown}");
    }

    /// Waits until the Secret's data is this, and answers the Secret.
    #[track_caller]
    pub fn has_data(&self, key: &str, data: &[(&str, &str)]) -> Value {
        let mut expected = json!({});
        for (entry, value) in data {
            expected[*entry] = json!(BASE64.encode(value));
        }
        self.until(&format!("{key} holds {data:?}"), || {
            self.get(key).filter(|secret| *secret.get("data").unwrap_or(&json!({})) == expected)
        })
    }

    /// Waits until the Secret has this annotation, or (`None`) has not, and answers the Secret.
    #[track_caller]
    pub fn has_note(&self, key: &str, name: &str, value: Option<&str>) -> Value {
        let expected = value.map(|value| self.full(value));
        self.until(&format!("{key} has {name} {value:?}"), || {
            self.get(key).filter(|secret| self.note_of(secret, name) == expected)
        })
    }

    /// An annotation of this program's on an object.
    #[must_use]
    pub fn note_of(&self, object: &Value, name: &str) -> Option<String> {
        object["metadata"]["annotations"][self.prefix() + name].as_str().map(str::to_owned)
    }

    /// Waits until the Secret does not exist.
    #[track_caller]
    pub fn is_gone(&self, key: &str) {
        self.until(&format!("{key} is gone"), || self.get(key).is_none().then_some(()));
    }

    /// Waits until the controller has logged a line with this target, action and reason, and returns it.
    #[track_caller]
    pub fn is_logged(&self, key: &str, action: &str, reason: &str) -> Value {
        let target = self.target(key);
        self.until(&format!("the log has: {target} {action} {reason}"), || {
            self.controller().log_lines().into_iter().find(|line| {
                line["target"] == json!(target) && line["action"] == json!(action) && line["reason"] == json!(reason)
            })
        })
    }

    /// Waits until the log has this many lines with this target and action, and checks that what happened up to now causes no more.
    #[track_caller]
    pub fn is_logged_times(&self, key: &str, action: &str, times: usize) {
        let target = self.target(key);
        let count = || {
            let lines = self.controller().log_lines();
            lines.iter().filter(|line| line["target"] == json!(target) && line["action"] == json!(action)).count()
        };
        self.until(&format!("the log has {times} lines: {target} {action}"), || (count() >= times).then_some(()));
        self.barrier();
        if count() != times {
            self.give_up(&format!("the log has {times} lines and no more: {target} {action}; it has {}", count()));
        }
    }

    /// The object as the log names it.
    fn target(&self, key: &str) -> String {
        let (namespace, name) = key.split_once('/').expect("namespace/name");
        format!("{}/{name}", self.namespace_name(namespace))
    }

    /// What happened up to now leaves the object as it is: waits for the controller to have seen it, then compares.
    #[track_caller]
    pub fn stays(&self, object: &Value) {
        self.barrier();
        self.is_still(object);
    }

    /// Checks that the object is still exactly this.
    #[track_caller]
    pub(crate) fn is_still(&self, object: &Value) {
        let metadata = &object["metadata"];
        let resource = if object["kind"] == json!("ConfigMap") { "configmaps" } else { "secrets" };
        let (Some(namespace), Some(name)) = (metadata["namespace"].as_str(), metadata["name"].as_str()) else {
            panic!("not an object: {object}")
        };
        let path = format!("/api/v1/namespaces/{namespace}/{resource}/{name}");
        let (_, now) = self.call("GET", &path, "application/json", &Value::Null);
        if now["metadata"]["resourceVersion"] != metadata["resourceVersion"] {
            self.give_up(&format!("{namespace}/{name} stays as it is; it was {object}"));
        }
    }
}

/// Waits until `holds` returns something; `None`: it did not within [`WAIT`].
pub(crate) fn wait_for<T>(mut holds: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + WAIT;
    loop {
        match holds() {
            Some(found) => return Some(found),
            None if Instant::now() > end => return None,
            None => std::thread::sleep(LOOK),
        }
    }
}
