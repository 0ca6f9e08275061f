//! Waiting until the controller has dealt with what happened before, so that absence can be asserted.
//!
//! What a sentinel (an object whose replica is waited for) shows, and what it does not:
//! - Watch events of one kind come in order, so the controller has *seen* what happened to objects of that kind before the sentinel was
//!   made. Secrets, ConfigMaps and namespaces are watched separately: each needs a sentinel of its own.
//! - It need not have *decided* by then. What depends on an object that changed twice within [`CALM`] waits until the object is calm,
//!   and how far apart two changes are is up to when the controller saw them, which on a busy machine is not when they were made.
//!   So all are given that time after they were seen, and then a second sentinel follows.
//! - What was decided need not be *answered and logged* by then: requests run side by side. A third sentinel is made by a request
//!   that began after the ones that were waited for; a test that needs a log line waits for the line itself ([`Scene::is_logged`],
//!   [`Scene::is_logged_times`]).
//! - What waits for a time is not waited for: retries after failures, and the removal delay.

use std::time::Duration;

use super::Scene;

/// Longer than any object is given to become calm, in scenes with few targets for each source: see the controller's `storm`.
const CALM: Duration = Duration::from_millis(250);
/// The path of requests that mark a point in the audit log.
pub(super) const AUDIT_MARKER: &str = "/version?marker=";

impl Scene {
    /// Waits until the controller has seen and decided about everything that happened before.
    #[track_caller]
    pub fn barrier(&self) {
        self.prepare_barrier();
        // A controller that works in some namespaces only watches none.
        let late = (!self.is_scoped).then(|| self.next_sentinel());
        match &late {
            Some(late) => {
                self.namespaces(&[late]);
                self.sentinel(&format!("{{{late}}}"), late);
            }
            None => self.sentinel("{sentinel-copy}", "sentinel-copy"),
        }
        std::thread::sleep(CALM);
        for _ in 0..2 {
            self.sentinel("{sentinel-copy}", "sentinel-copy");
        }
    }

    /// The namespaces that [`Scene::barrier`] works in.
    pub(super) fn prepare_barrier(&self) {
        const NAMES: [&str; 2] = ["sentinel", "sentinel-copy"];
        if !self.made.borrow().contains(&self.namespace_name(NAMES[0])) {
            self.namespaces(&NAMES);
        }
    }

    /// Makes a source of each kind that pushes into a namespace, and waits for its replica there.
    #[track_caller]
    fn sentinel(&self, namespaces: &str, namespace: &str) {
        let name = self.next_sentinel();
        for make in [crate::secret, crate::config_map] {
            self.create(&make(&format!("sentinel/{name}")).note("replicate-to-namespaces", namespaces));
        }
        let copy = format!("{namespace}/{name}");
        for resource in ["secrets", "configmaps"] {
            self.until(&format!("the sentinel {copy} is there"), || self.get_of(resource, &copy));
        }
    }

    fn next_sentinel(&self) -> String {
        self.sentinels.update(|made| made + 1);
        format!("sentinel{}", self.sentinels.get())
    }

    /// Waits until the audit log holds what the controller's requests were answered with up to now: a request in its name comes after
    /// them, and is waited for.
    pub(super) fn audit_log_is_written(&self) {
        let uri = format!("{AUDIT_MARKER}{}", self.next_sentinel());
        // A user that nobody knows leaves nothing in the log.
        let Ok(client) = k8s_replicator_testenv::Client::new(&self.user.kubeconfig) else { return };
        if client.send(&http::Method::GET, &uri, None).is_ok_and(|(status, _)| status == 200) {
            self.until("the audit log has the marker", || {
                self.plane.requests(&self.user).iter().any(|request| request.uri == uri).then_some(())
            });
        }
    }
}
