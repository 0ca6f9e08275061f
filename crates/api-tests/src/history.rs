//! A record of every watch event about the Secrets of a namespace.

use std::thread::{self, JoinHandle};

use http::Method;
use serde_json::Value;

use crate::{Scene, secret};

/// The object whose creation ends a history.
const END: &str = "end-of-history";

/// Watches a namespace's Secrets in a thread of its own, from when it was made to its [`History::end`].
pub struct History {
    namespace: String,
    changes: JoinHandle<Vec<Change>>,
}

/// One change of one Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub kind: String,
    /// The Secret's name.
    pub name: String,
}

impl Scene {
    /// Begins to watch the Secrets of a namespace.
    #[must_use]
    pub fn history_of(&self, namespace: &str) -> History {
        let client = self.plane().client().clone();
        let path = format!("/api/v1/namespaces/{}/secrets", self.namespace_name(namespace));
        let now = client.get(&format!("{path}?limit=1")).expect("a list");
        let mut version = text(&now["metadata"]["resourceVersion"]);
        let changes = thread::spawn(move || {
            let mut changes = Vec::new();
            loop {
                // Short ones, each from where the one before ended: none is too long for a client.
                let query = format!("{path}?watch=true&timeoutSeconds=2&resourceVersion={version}");
                let (status, events) = client.send(&Method::GET, &query, None).expect("events");
                assert_eq!(status, 200, "{events}");
                for line in events.lines() {
                    let event: Value = serde_json::from_str(line).expect("an event");
                    let (kind, object) = (text(&event["type"]), &event["object"]);
                    assert!(kind != "ERROR", "{event}");
                    let name = text(&object["metadata"]["name"]);
                    if name == END {
                        return changes;
                    }
                    version = text(&object["metadata"]["resourceVersion"]);
                    changes.push(Change { kind, name });
                }
            }
        });
        History { namespace: namespace.to_owned(), changes }
    }
}

impl History {
    /// Ends the watch, and returns all events up to now.
    #[must_use]
    pub fn end(self, scene: &Scene) -> Vec<Change> {
        let end = secret(&format!("{}/{END}", self.namespace));
        scene.create(&end);
        let changes = self.changes.join().expect("the watch");
        scene.remove(&end);
        changes
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
