//! Controllers behind a proxy, started again, or as another user; the requests that they made; and namespaces that are being deleted.

use std::time::Instant;

use k8s_replicator_testenv::{Proxy, Request, Rights};
use serde_json::{Value, json};

use super::{LOOK, Scene, WAIT};
use crate::Object;

/// The object that holds a terminating namespace.
const HELD: &str = "held";

impl Scene {
    /// A proxy that speaks as the controller's user.
    #[must_use]
    pub fn proxy(&self) -> Proxy {
        Proxy::start(&self.user)
    }

    /// Starts the controller behind a proxy, and waits until it is ready.
    #[track_caller]
    pub fn start_behind(&mut self, proxy: &Proxy, flags: &[&str]) {
        self.start_at(proxy.kubeconfig(), flags);
        self.wait_ready();
    }

    /// Waits until the controller is ready.
    #[track_caller]
    pub fn wait_ready(&mut self) {
        if let Err(error) = self.controller_mut().wait_ready(WAIT) {
            self.give_up(&format!("the controller is not ready: {error}"));
        }
    }

    /// Waits until `/healthz` names these replicators as not ready, with the status code that belongs to it.
    #[track_caller]
    pub fn is_not_ready(&mut self, names: &[&str]) {
        let expected = (if names.is_empty() { 200 } else { 503 }, json!({ "notReady": names }).to_string());
        let end = Instant::now() + WAIT;
        while self.controller_mut().healthz() != expected {
            if Instant::now() > end {
                let found = self.controller_mut().healthz();
                self.give_up(&format!("/healthz is {expected:?}; it is {found:?}"));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until all objects of this scene have been verified so many times from now on: by lists of both kinds (SPEC 9.15), or by
    /// reading what is replicated one by one.
    #[track_caller]
    pub fn is_verified(&self, rounds: usize) {
        let of = |verb: &str, resource: &str| {
            let requests = self.requests();
            requests.iter().filter(|request| request.verb == verb && request.resource == resource).count()
        };
        let lists = || ["secrets", "configmaps"].map(|resource| of("list", resource));
        let (before, mut read) = (lists(), std::collections::BTreeMap::<String, usize>::new());
        let seen = self.requests_for_objects().len();
        self.until(&format!("{rounds} rounds of verification"), || {
            read.clear();
            let requests = self.requests_for_objects();
            for request in requests.iter().skip(seen).filter(|request| request.verb == "get") {
                *read.entry(format!("{} {}/{}", request.resource, request.namespace, request.name)).or_default() += 1;
            }
            let by_lists = lists().iter().zip(&before).all(|(now, before)| *now >= before + rounds);
            // Whatever is read at all is read in each round; the first one may have begun before.
            let by_reads = !read.is_empty() && read.values().all(|times| *times > rounds);
            (by_lists || by_reads).then_some(())
        });
    }

    /// Kills the controller, and starts it again with these flags.
    #[track_caller]
    pub fn restart(&mut self, flags: &[&str]) {
        self.kill();
        self.start(flags);
    }

    /// From its next start on the controller is another user, so that the audit log distinguishes its requests from those before.
    pub fn change_user(&mut self) {
        self.kept_to_its_rights();
        self.user = self.identity.user(self.plane, Rights::Admin, &self.id);
    }

    /// The controller's requests for single objects of this scene (no lists, no watches), without the barrier's objects.
    #[must_use]
    pub fn requests_for_objects(&self) -> Vec<Request> {
        let (own, sentinels) = (self.namespace_name(""), self.namespace_name("sentinel"));
        let mut requests = self.requests();
        requests.retain(|request| {
            request.namespace.starts_with(&own)
                && !request.namespace.starts_with(&sentinels)
                && !matches!(request.verb.as_str(), "list" | "watch")
        });
        requests
    }

    /// Those of them that are writes and that the server granted.
    #[must_use]
    pub fn changes(&self) -> Vec<Request> {
        let mut requests = self.requests_for_objects();
        requests.retain(|request| request.verb != "get" && request.code < 300);
        requests
    }

    /// Waits until the object does not exist.
    #[track_caller]
    pub fn is_deleted(&self, object: &Object) {
        let Object { resource, key, .. } = object;
        self.until(&format!("{key} of {resource} is deleted"), || self.get_of(resource, key).is_none().then_some(()));
    }

    /// Waits until the object's data is that of `expected`, and answers the object.
    #[track_caller]
    pub fn has_data_of(&self, expected: &Object) -> Value {
        let Object { resource, key, .. } = expected;
        let manifest = self.manifest(expected);
        let same = |now: &Value| ["data", "binaryData"].iter().all(|field| now.get(field) == manifest.get(field));
        self.until(&format!("{key} of {resource} has the data of {manifest}"), || {
            self.get_of(resource, key).filter(same)
        })
    }

    /// Waits until the controller has logged such a line, and answers the first.
    #[track_caller]
    pub fn logs(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.until(&format!("the log has {what}"), || {
            self.controller().log_lines().into_iter().find(|line| is_it(line))
        })
    }

    /// Deletes a namespace that is held, so that it is terminating until [`Scene::let_go`]. Starts the controllers of Kubernetes.
    #[track_caller]
    pub fn hold_terminating(&self, short: &str) {
        self.plane.start_controllers().expect("the controllers of Kubernetes");
        let held = json!({ "metadata": { "name": HELD, "finalizers": ["example.com/held"] } });
        let namespace = self.namespace_name(short);
        self.must("POST", &format!("/api/v1/namespaces/{namespace}/configmaps"), "application/json", &held);
        self.plane.terminate_namespace(&namespace).expect("the namespace is terminated");
    }

    /// Lets a namespace go that [`Scene::hold_terminating`] held, and waits until it is gone.
    #[track_caller]
    pub fn let_go(&self, short: &str) {
        let nothing = json!({ "metadata": { "finalizers": null } });
        self.patch("configmaps", &format!("{short}/{HELD}"), &nothing);
        let path = format!("/api/v1/namespaces/{}", self.namespace_name(short));
        self.until(&format!("the namespace {short} is gone"), || {
            (self.call("GET", &path, "application/json", &Value::Null).0 == 404).then_some(())
        });
    }
}
