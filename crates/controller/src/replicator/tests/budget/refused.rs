//! Every kind of write times every way in which it can fail, for ten minutes (issue 9: at most one request a second in the mean over a
//! minute).
//!
//! With `--nocapture` the test prints the requests of the first minute, and of each later one in the mean.

use super::store::{Instead, Run, Store, response, status, ten_minutes};
use super::*;

/// A write that fails.
struct Write {
    name: &'static str,
    /// The write that fails, in words; all others are carried out.
    refused: &'static str,
    /// What is there at the start.
    objects: fn() -> Vec<Value>,
}

const WRITES: [Write; 12] = [
    Write {
        name: "create by push",
        refused: "create b/t",
        objects: || vec![object("a/src", 5, "replicate-to=b/t", json!({ "k": "v" }))],
    },
    Write {
        name: "update of a pushed replica",
        refused: "update b/t",
        objects: || {
            vec![object("a/src", 5, "replicate-to=b/t", json!({ "k": "v" })), pushed("1", json!({ "k": "old" }))]
        },
    },
    Write {
        name: "update of a pulling target",
        refused: "update b/t",
        objects: || {
            vec![
                object("a/src", 5, "replication-allowed=true", json!({ "k": "v" })),
                object("b/t", 7, "replicate-from=a/src", json!({})),
            ]
        },
    },
    Write {
        name: "clear of a pulling target",
        refused: "update b/t",
        objects: || {
            let held = "replicate-from=a/src replicated-from-version=5 replicated-from-origin=a/src";
            vec![
                object("a/src", 5, "replication-allowed=false", json!({ "k": "v" })),
                object("b/t", 7, held, json!({ "k": "v" })),
            ]
        },
    },
    Write {
        name: "clear of a pushed replica that pulls",
        refused: "update b/t",
        objects: || {
            let held = "replicated-by=a/src replicate-from=c/f replicated-from-version=6 replicated-from-origin=c/f";
            vec![
                object("a/src", 5, "replicate-to=b/t replicate-from=c/f", json!({})),
                object("c/f", 6, "replication-allowed=false", json!({ "k": "v" })),
                object("b/t", 7, held, json!({ "k": "v" })),
            ]
        },
    },
    Write { name: "delete", refused: "delete b/t", objects: || vec![pushed("5", json!({ "k": "v" }))] },
    Write {
        name: "adopt",
        refused: "adopt b/t",
        objects: || {
            let mut restored = pushed("5", json!({ "k": "v" }));
            restored["metadata"]["managedFields"][0]["manager"] = json!("velero");
            vec![object("a/src", 5, "replicate-to=b/t", json!({ "k": "v" })), restored]
        },
    },
    Write {
        name: "recreate, whose delete fails",
        refused: "delete b/t",
        objects: || vec![object("a/src", 5, "replicate-to=b/t", json!({ "k": "v" })), immutable()],
    },
    Write {
        name: "recreate, whose create fails",
        refused: "create b/t",
        objects: || vec![object("a/src", 5, "replicate-to=b/t", json!({ "k": "v" })), immutable()],
    },
    Write {
        name: "keys trimmed",
        refused: "update b/t",
        objects: || {
            let held = "replicate-from=a/src replicate-once=true replicated-from-version=1 replicated-from-origin=a/src \
                        replicated-from-allowed=.*";
            vec![
                object(
                    "a/src",
                    5,
                    "replication-allowed=true replication-allowed-keys=x",
                    json!({ "x": "9", "y": "9" }),
                ),
                object("b/t", 7, held, json!({ "x": "1", "y": "2" })),
            ]
        },
    },
    Write {
        name: "inherited annotations alone",
        refused: "update b/t",
        objects: || {
            let source = "replicate-to=b/t replication-allowed=true replicate-once-version=2";
            vec![object("a/src", 5, source, json!({ "k": "v" })), pushed("5", json!({ "k": "v" }))]
        },
    },
    Write {
        name: "labels alone",
        refused: "update b/t",
        objects: || {
            let source = "replicate-to=b/t replica-labels=team=red";
            vec![object("a/src", 5, source, json!({ "k": "v" })), pushed("5", json!({ "k": "v" }))]
        },
    },
];

fn pushed(of: &str, data: Value) -> Value {
    object("b/t", 7, &format!("replicated-by=a/src replicated-from-version={of}"), data)
}

fn immutable() -> Value {
    let mut replica = pushed("1", json!({ "k": "old" }));
    replica["immutable"] = json!(true);
    replica
}

/// A way in which a write can fail.
type Way = (&'static str, fn() -> Instead);

const FAILURES: [Way; 19] = [
    ("400", || refused(400, "BadRequest")),
    ("401", || refused(401, "Unauthorized")),
    ("403", || refused(403, "Forbidden")),
    ("403, the namespace terminates", || {
        let mut body = json!({ "kind": "Status", "code": 403, "reason": "Forbidden" });
        body["details"] = json!({ "causes": [{ "reason": "NamespaceTerminating" }] });
        Instead::Refused(response(403, body.to_string()))
    }),
    ("404", || refused(404, "NotFound")),
    ("404 of a proxy", || Instead::Refused(response(404, "404 page not found"))),
    ("409, it exists", || refused(409, "AlreadyExists")),
    ("409, it changed", || refused(409, "Conflict")),
    ("413", || refused(413, "RequestEntityTooLarge")),
    ("422", || refused(422, "Invalid")),
    ("429", || refused(429, "TooManyRequests")),
    ("429, come back in a second", || {
        let mut busy = status(429, "TooManyRequests");
        busy.headers.insert(http::header::RETRY_AFTER, "1".parse().unwrap());
        Instead::Refused(busy)
    }),
    ("500", || refused(500, "InternalError")),
    ("503", || refused(503, "ServiceUnavailable")),
    ("504", || refused(504, "Timeout")),
    ("no connection", || Instead::Silence(Duration::from_millis(1))),
    ("no response in time", || Instead::Silence(crate::cluster::kube::TIMEOUT)),
    ("200 with a page", || Instead::Refused(response(200, "<html>OK</html>"))),
    ("200 with another object", || Instead::Refused(response(200, object("b/other", 9, "", json!({})).to_string()))),
];

fn refused(code: u16, reason: &str) -> Instead {
    Instead::Refused(status(code, reason))
}

fn run(kind: &'static dyn Kind, write: &Write, failure: fn() -> Instead) -> Run {
    let objects = (write.objects)();
    let mut store = Store::of(kind, &objects);
    let mut controller = Loop::of(kind, &objects);
    let run = ten_minutes(std::slice::from_mut(&mut controller), &mut store, |request| {
        words(request).starts_with(write.refused).then(failure)
    });
    assert!(controller.replicator.wake_at(controller.now()).is_some(), "it is tried again some time");
    run
}

#[test]
fn whatever_write_fails_in_whatever_way_is_tried_once_a_second_at_most_and_then_less() {
    for write in &WRITES {
        for (failure, instead) in FAILURES {
            for kind in [&Secret as &'static dyn Kind, &ConfigMap] {
                let run = run(kind, write, instead);
                let requests = run.all();
                let later = requests[1..].iter().sum::<usize>().div_ceil(9);
                let case = format!("{} {}, {failure}", kind.name(), write.name);
                println!("{case}: {} and {later}, {} lines", requests[0], run.lines.len());
                assert!(run.first_writes.iter().any(|words| words == write.refused), "{case}: {:?}", run.first_writes);
                assert!(requests.iter().all(|requests| *requests <= 60), "{case}: {requests:?}");
                assert!(later < requests[0] || later <= 2, "{case}: {requests:?}");
                assert!(run.lines.iter().any(|line| line.starts_with("b/t failed")), "{case}: {:?}", run.lines);
                assert!(run.lines.len() <= 12, "{case}: {:?}", run.lines);
            }
        }
    }
}
