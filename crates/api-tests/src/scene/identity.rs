//! As which user, and with which arguments, the controllers of this run are started: the test's own, or those of the chart.

use std::collections::BTreeSet;

use k8s_replicator_testenv::{ControlPlane, Rights, User};
use serde_json::{Value, json};

use super::Scene;
use crate::chart;

/// The account of a scene whose chart has Roles in its namespaces.
const SCOPED: &str = "replicator";

/// See the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// A user with the rights that the test asks for; the arguments are the test's.
    Own,
    /// The installed chart's account, with its ClusterRole, and the arguments of its container.
    Chart,
    /// The same with `rbac.scope: namespaces`: Roles in the scene's namespaces, and nothing outside.
    ScopedChart,
}

impl Identity {
    /// As the environment says, for controllers that may do all that they do.
    pub(super) fn of_run(rights: Rights) -> Self {
        match std::env::var("K8S_REPLICATOR_TESTS_AS").as_deref() {
            Ok("chart") if rights == Rights::Admin => Self::Chart,
            Ok("scoped-chart") if rights == Rights::Admin => Self::ScopedChart,
            Ok("" | "chart" | "scoped-chart") | Err(_) => Self::Own,
            Ok(other) => {
                panic!("K8S_REPLICATOR_TESTS_AS is {other:?}; expected \"chart\", \"scoped-chart\", or nothing")
            }
        }
    }

    /// A user that no other scene has.
    pub(super) fn user(self, plane: &ControlPlane, rights: Rights, scene: &str) -> User {
        match self {
            Self::Own => plane.user(rights),
            Self::Chart => chart::installed_account(plane),
            Self::ScopedChart => {
                let namespace = system(scene);
                let account = json!({ "metadata": { "name": SCOPED } });
                let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
                // There is one already if this is a second user of the scene.
                let _ = plane.create_namespace(&namespace);
                let _ = plane.client().send(&http::Method::POST, &path, Some(&account));
                plane.service_account(&namespace, SCOPED).expect("a token")
            }
        }
    }
}

fn system(scene: &str) -> String {
    format!("{scene}-system")
}

impl Scene {
    /// What the controller is started with: the flags of the test, and `--removal-delay=0` unless it gives that flag too, since tests
    /// that are not about the delay are about what comes after it.
    pub fn arguments(&self, flags: &[&str]) -> Vec<String> {
        let names = |name: &str| flags.iter().any(|flag| flag.trim_start_matches('-').starts_with(name));
        // Tests count and hold up requests: those for Events are asked for by the tests of Events.
        let defaults = [("removal-delay", "--removal-delay=0"), ("events", "--events=false")];
        let defaults = defaults.into_iter().filter(|(name, _)| !names(name)).map(|(_, flag)| flag);
        let flags: Vec<&str> = defaults.chain(flags.iter().copied()).collect();
        let flags = flags.as_slice();
        let own = self.prefix.is_none().then(|| self.prefix());
        match self.identity {
            Identity::Own => {
                let prefix = own.map(|prefix| format!("--annotations-prefix={prefix}"));
                prefix.into_iter().chain(flags.iter().map(|flag| (*flag).to_owned())).collect()
            }
            Identity::Chart => chart::of_scene(chart::NAMESPACE, own.as_deref(), flags, &[]).arguments(),
            Identity::ScopedChart => {
                self.prepare_barrier();
                let namespaces = self.made.borrow().iter().cloned().collect::<Vec<_>>().join(",");
                let scope = [
                    "serviceAccount.create=false".to_owned(),
                    "rbac.create=true".to_owned(),
                    format!("serviceAccount.name={SCOPED}"),
                    format!("fullnameOverride={SCOPED}"),
                    "rbac.scope=namespaces".to_owned(),
                    format!("rbac.namespaces={{{namespaces}}}"),
                ];
                let rendered = chart::of_scene(&system(&self.id), own.as_deref(), flags, &scope);
                for object in &rendered.objects {
                    if matches!(object["kind"].as_str(), Some("Role" | "RoleBinding")) {
                        let (status, answer) =
                            self.call("POST", &chart::collection(object), "application/json", object);
                        assert!(matches!(status, 201 | 409), "{status} {answer}");
                    }
                }
                rendered.arguments()
            }
        }
    }

    /// The controller is somebody else from its next start on.
    pub fn use_user(&mut self, user: User) {
        self.kept_to_its_rights();
        self.identity = Identity::Own;
        self.user = user;
    }

    /// The chart's account has every right that its controller made use of, and did nothing outside of its namespaces.
    pub(super) fn kept_to_its_rights(&self) {
        if self.identity == Identity::Own {
            return;
        }
        let mut requests = self.requests();
        let own: BTreeSet<String> = self.made.borrow().clone();
        let scoped = self.identity == Identity::ScopedChart;
        requests.retain(|request| !request.authorized || (scoped && !own.contains(&request.namespace)));
        assert!(requests.is_empty(), "not granted by the chart's roles, or outside of them: {requests:#?}");
    }

    /// Makes a namespace.
    pub fn namespace(&self, short: &str) -> String {
        let name = self.namespace_name(short);
        let mut namespace: Value = json!({ "metadata": { "name": name } });
        if short.starts_with("sentinel") {
            // The barrier's come through, whatever the flags ask of namespaces.
            namespace["metadata"]["annotations"] = json!({ self.prefix() + "accept-replicas-from": ".*" });
        }
        self.must("POST", "/api/v1/namespaces", "application/json", &namespace);
        self.made.borrow_mut().insert(name.clone());
        name
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.kept_to_its_rights();
        }
    }
}
