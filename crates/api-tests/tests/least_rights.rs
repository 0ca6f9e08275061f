//! Issue 5: the chart's roles are enough and minimal: with them every kind of call is granted, and with any one verb less, on
//! any one resource, something that has to happen does not.

use std::thread;

use k8s_replicator_api_tests::chart::{Rendered, render};
use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use k8s_replicator_testenv::{Request, Rights};
use serde_json::{Value, json};

/// A verb on a resource.
type Right = (String, String);

/// Everything that the controller ever asks for, once for each kind: the replica `a/s` makes in b is missing (get, create),
/// `b/stale` holds old data (patch), `b/orphan` has lost its source (delete). What the namespaces' labels and annotations say
/// (`b/selected`, `b/refused`) needs no right of its own.
struct World {
    scene: Scene,
    rendered: Rendered,
}

const KINDS: [fn(&str) -> Object; 2] = [secret, config_map];

impl World {
    /// The world, and the chart's objects for it, in either scope.
    fn new(scoped: bool) -> Self {
        let scene = Scene::for_user(Rights::Nothing);
        scene.namespaces(&["a", "b", "out"]);
        for make in KINDS {
            scene.create(&make("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
            scene.create(&make("a/from").data("k", "v").note("replication-allowed", "true"));
            scene.create(&make("b/stale").data("k", "old").note("replicate-from", "{a}/from"));
            scene.create(&make("b/orphan").data("k", "old").note("replicated-by", "{a}/gone"));
        }
        scene.label_namespace("b", "env", Some("prod"));
        scene.note_namespace("b", "accept-replicas-from", Some("{a}"));
        let selector = format!("{}=prod", scene.label_key("env"));
        for make in KINDS {
            scene.create(&make("a/selected").data("k", "v").note("replicate-to-namespace-selector", &selector));
        }
        scene.create(&secret("out/refused").data("k", "v").note("replicate-to-namespaces", "{b}"));
        let name = scene.namespace_name("least");
        let mut values = vec![
            format!("fullnameOverride={name}"),
            format!("annotationsPrefix={}", scene.prefix()),
            "logFormat=json".to_owned(),
            "extraArgs={--status-address=127.0.0.1:0}".to_owned(),
        ];
        if scoped {
            values.push("rbac.scope=namespaces".to_owned());
            values.push(scene.full("rbac.namespaces={{a},{b}}"));
        }
        let arguments: Vec<&str> = values.iter().flat_map(|value| ["--set", value]).collect();
        let rendered = render(&scene.namespace_name("out"), &arguments);
        Self { scene, rendered }
    }

    /// The rights in the chart's roles.
    fn rights(&self) -> Vec<Right> {
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let role = self.rendered.objects.iter().find(|object| is_role(object)).expect("a role");
        let rules = role["rules"].as_array().expect("rules").iter();
        let rights = rules.flat_map(|rule| {
            let verbs = texts(&rule["verbs"]);
            texts(&rule["resources"])
                .into_iter()
                .flat_map(move |resource| verbs.clone().into_iter().map(move |verb| (verb, resource.clone())))
        });
        rights.collect()
    }

    /// Takes one right out of every role.
    fn without(mut self, (verb, resource): &Right) -> Self {
        for role in self.rendered.objects.iter_mut().filter(|object| is_role(object)) {
            let mut rules = Vec::new();
            for rule in role["rules"].as_array().expect("rules") {
                for named in rule["resources"].as_array().expect("resources") {
                    let mut verbs = rule["verbs"].as_array().expect("verbs").clone();
                    verbs.retain(|granted| named != resource || granted != verb);
                    if !verbs.is_empty() {
                        rules.push(json!({ "apiGroups": rule["apiGroups"], "resources": [named], "verbs": verbs }));
                    }
                }
            }
            role["rules"] = json!(rules);
        }
        self
    }

    /// Starts the controller with the account and the arguments of the container.
    fn start(&mut self) {
        let account = self.rendered.grant(self.scene.plane());
        let kubeconfig = account.kubeconfig.clone();
        self.scene.use_user(account);
        self.scene.start_exactly(&kubeconfig, &self.rendered.arguments());
    }

    /// Waits until everything that has to happen has happened.
    fn converges(&mut self) {
        self.scene.wait_ready();
        for make in KINDS {
            self.scene.has_data_of(&make("b/s").data("k", "v"));
            self.scene.has_data_of(&make("b/selected").data("k", "v"));
            self.scene.has_data_of(&make("b/stale").data("k", "v"));
            self.scene.is_deleted(&make("b/orphan"));
        }
        // The same twice: its Event is patched the second time.
        for value in ["w", "x"] {
            self.follows(value);
        }
        self.scene.until("the Event is patched", || {
            let is_patch = |request: &Request| request.verb == "patch" && request.resource == "events";
            self.scene.requests().iter().any(is_patch).then_some(())
        });
        assert_eq!(self.scene.get("b/refused"), None, "b does not accept it");
    }

    /// The sources change, and their replicas follow.
    fn follows(&self, value: &str) {
        for make in KINDS {
            self.scene.replace(&make("a/s").data("k", value).note("replicate-to-namespaces", "{b}"));
            self.scene.has_data_of(&make("b/s").data("k", value));
        }
    }

    /// Waits until the server has refused the call, and sees that what it was for has not happened.
    fn misses(&mut self, (verb, resource): &Right) {
        let scene = &self.scene;
        if resource == "events" {
            // Replication goes on without them.
            for value in ["v", "w", "x"] {
                self.follows(value);
            }
        }
        scene.until(&format!("{verb} {resource} is refused"), || {
            let refused = |r: &Request| !r.authorized && r.verb == *verb && r.resource == *resource;
            scene.requests().iter().any(refused).then_some(())
        });
        let line = scene.logs("which right is missing", |line| {
            line["reason"] == "Forbidden" && line["error"].as_str().is_some_and(|error| error.contains(verb.as_str()))
        });
        assert!(line["error"].as_str().is_some_and(|error| error.contains(resource.as_str())), "{line}");
        for (make, own) in KINDS.iter().zip(["secrets", "configmaps"]).filter(|(_, own)| own == resource) {
            let there = |key: &str| scene.get_of(own, key);
            match verb.as_str() {
                "get" | "create" => assert_eq!(there("b/s"), None),
                "patch" => assert_eq!(there("b/stale").expect("it is there")["data"], data_of(scene, make, "old")),
                "delete" => assert!(there("b/orphan").is_some()),
                "list" => assert!(there("b/s").is_none() && there("b/orphan").is_some()),
                // All that was there at first is done; what comes later is not seen.
                "watch" => {
                    scene.has_data_of(&make("b/s").data("k", "v"));
                    scene.replace(&make("a/s").data("k", "w").note("replicate-to-namespaces", "{b}"));
                    // When a change of the other kind was followed, as much time has passed as a change of this one would take.
                    self.other_kind_follows(own);
                    let still = self.scene.get_of(own, "b/s").expect("it is there")["data"].clone();
                    assert_eq!(still, data_of(&self.scene, make, "v"));
                }
                _ => panic!("what is {verb} for?"),
            }
        }
        if resource == "namespaces" && verb != "watch" {
            assert!(scene.get("b/s").is_none() && scene.get("b/orphan").is_some(), "nothing is done without them");
        }
        if resource == "namespaces" && verb == "watch" {
            // A namespace that comes later gets nothing.
            for make in KINDS {
                scene.has_data_of(&make("b/s").data("k", "v"));
                scene.create(&make("a/later").data("k", "v").note("replicate-to-namespaces", "{b},{later}"));
            }
            scene.namespace("later");
            scene.has_data("b/later", &[("k", "v")]);
            assert_eq!(scene.get("later/later"), None);
        }
    }

    fn other_kind_follows(&self, resource: &str) {
        let make = if resource == "secrets" { config_map } else { secret };
        self.scene.replace(&make("a/s").data("k", "w").note("replicate-to-namespaces", "{b}"));
        self.scene.has_data_of(&make("b/s").data("k", "w"));
    }
}

fn is_role(object: &Value) -> bool {
    object["kind"] == "Role" || object["kind"] == "ClusterRole"
}

fn data_of(scene: &Scene, make: &fn(&str) -> Object, value: &str) -> Value {
    scene.manifest(&make("b/any").data("k", value))["data"].clone()
}

/// With all rights everything happens, and no call is forbidden; in the scope of namespaces none leaves them.
fn enough(scoped: bool) {
    let mut world = World::new(scoped);
    world.start();
    world.converges();
    let scene = &world.scene;
    let used: Vec<Right> = world.rights();
    let requests = scene.requests();
    for request in &requests {
        assert!(request.authorized, "forbidden: {request:?}");
        let right = (request.verb.clone(), request.resource.clone());
        assert!(used.contains(&right), "granted by no role of the chart: {request:?}");
    }
    for right in &used {
        assert!(requests.iter().any(|r| (&r.verb, &r.resource) == (&right.0, &right.1)), "never used: {right:?}");
    }
    if scoped {
        let own = ["a", "b"].map(|short| scene.namespace_name(short));
        assert!(requests.iter().all(|request| own.contains(&request.namespace)), "{requests:#?}");
    }
}

/// Each right in turn is taken out, in a world of its own; a few at a time.
fn minimal(scoped: bool, number: usize) {
    let rights = World::new(scoped).rights();
    assert_eq!(rights.len(), number, "{rights:?}");
    for some in rights.chunks(4) {
        thread::scope(|scope| {
            for right in some {
                scope.spawn(move || {
                    let mut world = World::new(scoped).without(right);
                    world.start();
                    world.misses(right);
                });
            }
        });
    }
}

#[test]
fn the_cluster_role_is_enough() {
    enough(false);
}

#[test]
fn no_verb_of_the_cluster_role_is_too_many() {
    minimal(false, 16);
}

#[test]
fn the_roles_of_namespaces_are_enough() {
    enough(true);
}

#[test]
fn no_verb_of_the_roles_of_namespaces_is_too_many() {
    minimal(true, 15);
}
