//! Issue 4: the API server takes what docs/scaling.md has operators apply, and it does what the page says.

use std::time::{Duration, Instant};

use http::Method;
use k8s_replicator_api_tests::chart::{Rendered, collection, render};
use k8s_replicator_testenv::{Client, ControlPlane};

const DOCUMENT: &str = include_str!("../../../docs/scaling.md");

#[test]
fn the_controllers_requests_come_to_its_own_priority_level() {
    let (_, rest) = DOCUMENT.split_once("```yaml\n").expect("a block of YAML");
    let (yaml, _) = rest.split_once("```").expect("its end");
    let plane = ControlPlane::shared();
    for object in Rendered::of_yaml(yaml).objects {
        let path = format!("{}?fieldValidation=Strict", collection(&object));
        plane.client().request(&Method::POST, &path, Some(&object)).expect("the server takes it");
    }
    plane.create_namespace("k8s-replicator").expect("a namespace");
    let account = render("k8s-replicator", &[]).grant(plane);
    let client = Client::new(&account.kubeconfig).expect("a client");

    // The server takes new levels into use a moment after they were made.
    let begun = Instant::now();
    loop {
        client.get("/api/v1/secrets?limit=1").expect("the account may list");
        let (_, metrics) = plane.client().send(&Method::GET, "/metrics", None).expect("metrics");
        let counter = "apiserver_flowcontrol_dispatched_requests_total{flow_schema=\"k8s-replicator\",\
                       priority_level=\"k8s-replicator\"}";
        if metrics.contains(counter) {
            return;
        }
        assert!(begun.elapsed() < k8s_replicator_api_tests::WAIT, "its requests are not in the level");
        std::thread::sleep(Duration::from_millis(200));
    }
}
